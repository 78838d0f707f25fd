//! Losses that a user writes, over eight samples at once: the programs of their formulas in the places of a built-in loss's vectorised formulas (`block.rs`).

use pulp::Simd;

use super::block::{Own, SeparableLanes, SoftmaxLanes};
use super::custom::Formula;
use super::true_class::OfTrueClass;
use crate::numeric::Jet;
use crate::numeric::expression::{Along, Seed, TrueClass};
use crate::numeric::lanes::{LANES, Lanes, lanes};
use crate::numeric::vector::Vector;

/// ℓ(p) over eight samples.
#[derive(Clone, Copy)]
pub(super) struct TrueClassLanes<'a> {
    pub(super) ell: &'a Formula,
    pub(super) classes: usize,
}

impl SoftmaxLanes for TrueClassLanes<'_> {
    const WEIGHED: bool = true;

    #[inline(always)]
    fn jet<S: Simd>(self, own: &Own<S>) -> Jet<Vector<S>> {
        let [p, q, surprise] = [own.p, own.q, own.surprise].map(Vector::lanes);
        let other_surprise = if OfTrueClass::needs_other_surprise(self.ell) {
            // From whichever of p and q is away from 1.
            lanes(|l| if q[l] > 0.5 { -(-p[l]).ln_1p() } else { -q[l].ln() })
        } else {
            [0.0; LANES]
        };
        let at = TrueClass { p, q, surprise, other_surprise };
        let simd = own.p.simd();
        let Jet { value, first, second } = self.ell.program.jets(simd, &Seed::TrueClass(at, Along::LogOdds), self.classes);
        let [value, first, second] = [value, first, second].map(|lanes| Vector::new(simd, &lanes));
        Jet { value, first, second }
    }
}

/// own(z_k) and others(z_j) over eight samples.
#[derive(Clone, Copy)]
pub(super) struct LogitLanes<'a> {
    pub(super) own: &'a Formula,
    pub(super) others: &'a Formula,
    pub(super) classes: usize,
}

impl SeparableLanes for LogitLanes<'_> {
    #[inline(always)]
    fn jet<S: Simd>(self, simd: S, z: &Lanes, own: &[bool; LANES]) -> Jet<Lanes> {
        let seed = Seed::Logit(*z);
        let of = |formula: &Formula| formula.program.jets(simd, &seed, self.classes);
        match own.iter().filter(|&&own| own).count() {
            0 => of(self.others),
            LANES => of(self.own),
            _ => {
                let (own_jet, other) = (of(self.own), of(self.others));
                let choose = |one: Lanes, rest: Lanes| lanes(|l| if own[l] { one[l] } else { rest[l] });
                Jet {
                    value: choose(own_jet.value, other.value),
                    first: choose(own_jet.first, other.first),
                    second: choose(own_jet.second, other.second),
                }
            }
        }
    }
}
