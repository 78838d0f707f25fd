//! Losses ℓ(p_k) in general: the scalar problem min ℓ(s) + e|s| over the margin s, e = (K−1)ε, by search. For losses whose ℓ is known by its values and derivatives alone.
//!
//! *The bound.* L(z, k) = ℓ(u(z)) with the log-odds u = z_k − log Σ_{j≠k} e^{z_j} ≤ s(z) − log(K−1), where s(z) = z_k − mean_{j≠k} z_j (Jensen). The proof of the contrastive bound (`rigor/check/contrast.rs`) needs of φ only that
//! L ≥ ψ(s(z)), and with m(s) = inf of ℓ over u ≤ s − log(K−1) that holds whether ℓ falls or not. So without a bias f ≥ c·inf_s [m(s) + e·|s|] = c·min(inf_{s≥0} ℓ(s) + e·s, inf_{s<0} ℓ(s)), and with one
//! f ≥ c·inf over all s of ℓ(s) + e·s. Where that infimum is attained at a margin s ≥ 0 (s > 0 with a bias), the simplex of this scale is the global minimum.
//!
//! *The search.* ℓ is sampled in u, densely where p and q are of ordinary size; sign changes of the derivatives are refined to the last digits. A structure narrower than the spacing of 0.05 would be missed: what this file
//! finds is numerical, not proved.

use super::focal::FocalWindow;
use super::root::bracketed_root;
use super::{Bias, Inapplicable, Reduced, Scalars};
use crate::losses::Loss;
use crate::numeric::Jet;

/// Spacing of the samples for |u| ≤ 60, and their spacing and end beyond.
const FINE: f64 = 0.05;
const FINE_TO: i32 = 1200;
const COARSE_TO: i32 = 740;

/// A loss ℓ(p_k) for K classes, sampled along its margin.
#[derive(Clone, Debug)]
pub struct Profile {
    loss: Loss,
    classes: usize,
    /// log(K−1): s = u + shift.
    shift: f64,
    /// (s, ℓ with derivatives in s), ascending.
    samples: Vec<(f64, Jet<f64>)>,
}

/// An interval of ε-values' boundary at which two minima of the scalar problem tie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tie {
    /// The ε.
    pub epsilon: f64,
    /// The smaller margin of the two, 0 for W = H = 0.
    pub low: f64,
    /// The larger.
    pub high: f64,
}

impl Profile {
    /// The profile of a loss; `None` where it is not one of p_k alone, or has no value somewhere.
    pub fn new(loss: &Loss, classes: usize) -> Option<Self> {
        let shift = ((classes - 1) as f64).ln();
        let coarse = 60..=COARSE_TO;
        let places = coarse.clone().rev().map(|i| -f64::from(i));
        let places = places.chain((1 - FINE_TO..FINE_TO).map(|i| FINE * f64::from(i))).chain(coarse.map(f64::from));
        let mut samples = Vec::new();
        for u in places {
            let jet = loss.at_log_odds(u, classes)?;
            // Far out a formula may overflow; where p and q are of ordinary size it must not.
            if jet.value.is_finite() && jet.first.is_finite() {
                samples.push((u + shift, jet));
            } else if u.abs() <= 30.0 {
                return None;
            }
        }
        Some(Self { loss: loss.clone(), classes, shift, samples })
    }

    /// ℓ with its derivatives at a margin.
    pub fn at(&self, s: f64) -> Jet<f64> {
        let nothing = Jet { value: f64::NAN, first: f64::NAN, second: f64::NAN };
        self.loss.at_log_odds(s - self.shift, self.classes).unwrap_or(nothing)
    }

    /// −dℓ/ds.
    fn pull(&self, s: f64) -> f64 {
        -self.at(s).first
    }

    /// The samples with s > 0, and s = 0 before them.
    fn zero_onward(&self) -> impl Iterator<Item = (f64, Jet<f64>)> + Clone {
        let rest = self.samples.iter().copied().filter(|&(s, _)| s > 0.5 * FINE);
        std::iter::once((0.0, self.at(0.0))).chain(rest)
    }

    /// The samples with s < 0.
    fn before_zero(&self) -> impl Iterator<Item = (f64, Jet<f64>)> + Clone {
        self.samples.iter().copied().filter(|&(s, _)| s < 0.0)
    }

    /// The intervals of p in which ℓ is convex in the margin and falls, so that ∇²L is positive semidefinite, in ascending order; ends to the last digits.
    pub fn convex_intervals(&self) -> Vec<(f64, f64)> {
        let p = |s: f64| 1.0 / (1.0 + (self.shift - s).exp());
        let bent = |jet: &Jet<f64>| jet.second >= 0.0 && (jet.first <= 0.0 || self.classes == 2);
        let mut out: Vec<(f64, f64)> = Vec::new();
        let mut open: Option<f64> = None;
        // Beyond p or q = e^{−35} a sign is one of rounding.
        let inner: Vec<&(f64, Jet<f64>)> = self.samples.iter().filter(|(s, _)| (s - self.shift).abs() <= 35.0).collect();
        for (at, (s, jet)) in inner.iter().enumerate() {
            match (bent(jet), open) {
                (true, None) => {
                    let start = at.checked_sub(1).map_or(0.0, |before| p(self.edge(inner[before].0, *s)));
                    open = Some(start);
                }
                (false, Some(start)) => {
                    out.push((start, p(self.edge(inner[at - 1].0, *s))));
                    open = None;
                }
                _ => {}
            }
        }
        out.extend(open.map(|start| (start, 1.0)));
        out
    }

    /// Where between two samples ∇²L changes from semidefinite to not.
    fn edge(&self, a: f64, b: f64) -> f64 {
        let second = |s: f64| self.at(s).second;
        // A sample may be an inflection itself.
        if second(a) * second(b) <= 0.0 { bracketed_root(second, a, b) } else { bracketed_root(|s| self.pull(s), a, b) }
    }

    /// The largest slope −dℓ/ds found, and whether it still grows at the end of the line: an unbounded slope.
    pub fn steepest(&self) -> (f64, bool) {
        let steepest = self.samples.iter().map(|(_, jet)| jet.first.abs()).fold(0.0, f64::max);
        let (first, inner) = (self.samples[0].1.first.abs(), self.samples[100].1.first.abs());
        (steepest, first >= steepest && first > 1.05 * inner)
    }

    /// A margin at which ℓ rises with the margin (p_k), and its slope there; the place where it does most, relative to its fall.
    pub fn rises(&self) -> Option<(f64, f64)> {
        let (steepest, _) = self.steepest();
        let inner = self.samples.iter().filter(|(s, _)| (s - self.shift).abs() <= 35.0);
        let (s, slope) =
            inner.map(|(s, jet)| (*s, jet.first)).fold((0.0, 0.0), |most, here| if here.1 > most.1 { here } else { most });
        (slope > 1e-13 * steepest).then_some((s, slope))
    }

    /// The local minima of ℓ(s) + e·s over s ≥ 0, as (s, value), largest margin first.
    pub fn minima(&self, e: f64) -> Vec<(f64, f64)> {
        let value = |s: f64| self.at(s).value + e * s;
        let mut found = Vec::new();
        let points: Vec<(f64, f64)> = self.zero_onward().map(|(s, jet)| (s, e + jet.first)).collect();
        for pair in points.windows(2) {
            let [(a, at_a), (b, at_b)] = [pair[0], pair[1]];
            if at_a < 0.0 && at_b >= 0.0 {
                let s = bracketed_root(|s| e - self.pull(s), a, b);
                found.push((s, value(s)));
            }
        }
        found.reverse();
        if points.first().is_some_and(|&(_, slope)| slope >= 0.0) {
            found.push((0.0, value(0.0)));
        }
        found
    }

    /// e at the end of the zero phase: the steepest chord from s = 0, (ℓ(0) − ℓ(s))/s, with the s where it is attained (0: the slope there).
    fn steepest_chord(&self) -> (f64, f64) {
        let start = self.at(0.0);
        let chord = |s: f64| (start.value - self.at(s).value) / s;
        let points: Vec<f64> = self.zero_onward().map(|(s, _)| s).skip(1).collect();
        let mut best = (-start.first, None);
        for (at, &s) in points.iter().enumerate() {
            let slope = chord(s);
            // By more than rounding: near s = 0 chords tie with the slope.
            if slope > best.0 + 1e-11 * best.0.abs() {
                best = (slope, Some(at));
            }
        }
        let Some(at) = best.1 else { return (-start.first, 0.0) };
        // The chord is steepest where it is a tangent: m(s)·s = ℓ(0) − ℓ(s).
        let low = if at > 0 { points[at - 1] } else { 0.5 * points[at] };
        let high = points.get(at + 1).copied().unwrap_or(points[at]);
        let s = bracketed_root(|s| self.pull(s) * s - (start.value - self.at(s).value), low, high);
        (self.pull(s), s)
    }

    /// The ε from which on W = H = 0 is the lowest of the points with s ≥ 0.
    pub fn zero_threshold(&self) -> f64 {
        (self.steepest_chord().0 / (self.classes - 1) as f64).max(0.0)
    }

    /// The window of ε in which W = H = 0 and a simplex are both minima of the scalar problem, where there is one.
    pub fn window(&self) -> Option<FocalWindow> {
        let others = (self.classes - 1) as f64;
        let (e, scale) = self.steepest_chord();
        if !(scale > 0.0) {
            return None;
        }
        // From the simplex at the tie, its branch goes to smaller margins as ε grows, up to the fold.
        let before: Vec<(f64, f64)> =
            self.zero_onward().take_while(|&(s, _)| s < scale).map(|(s, jet)| (s, jet.second)).chain([(scale, 1.0)]).collect();
        let fold = before.windows(2).rev().find(|pair| pair[0].1 < 0.0).map_or(0.0, |pair| self.edge(pair[0].0, pair[1].0));
        Some(FocalWindow {
            zero_stable_from: self.pull(0.0) / others,
            transition: e / others,
            simplex_stable_to: self.pull(fold) / others,
            scale,
        })
    }

    /// Every ε at which two global minima of the scalar problem tie: the straight pieces of ℓ's convex envelope on s ≥ 0, largest ε first. Empty: argmin ℓ(s) + e·s is unique for every ε.
    pub fn ties(&self) -> Vec<Tie> {
        let others = (self.classes - 1) as f64;
        let points: Vec<(f64, Jet<f64>)> = self.zero_onward().take_while(|(s, _)| s - self.shift <= 60.0).collect();
        let mut hull: Vec<usize> = Vec::new();
        for at in 0..points.len() {
            while let [.., first, second] = hull[..] {
                let slope = |i: usize, j: usize| (points[j].1.value - points[i].1.value) / (points[j].0 - points[i].0);
                if slope(first, second) >= slope(second, at) {
                    hull.pop();
                } else {
                    break;
                }
            }
            hull.push(at);
        }
        let mut ties = Vec::new();
        for pair in hull.windows(2) {
            let inside = &points[pair[0]..=pair[1]];
            // A straight piece spans a part where ℓ is concave; elsewhere it is one of rounding, where ℓ is flat.
            let scale = inside.iter().map(|(_, jet)| jet.second.abs()).fold(0.0, f64::max);
            if inside.len() > 2 && inside.iter().any(|(_, jet)| jet.second < -1e-9 * scale) {
                ties.extend(self.tie(points[pair[0]].0, points[pair[1]].0).map(|(e, low, high)| Tie {
                    epsilon: e / others,
                    low,
                    high,
                }));
            }
        }
        ties.retain(|tie| tie.epsilon > 0.0);
        ties
    }

    /// The common tangent near the chord from `low` to `high`: its slope −e and where it touches. At s = 0 it need not be tangent.
    fn tie(&self, low: f64, high: f64) -> Option<(f64, f64, f64)> {
        if !(low > 0.0) {
            let (e, s) = self.steepest_chord();
            return (s > 0.0).then_some((e, 0.0, s));
        }
        let (mut a, mut b) = (low, high);
        let mut e = 0.0;
        for _ in 0..60 {
            e = (self.at(a).value - self.at(b).value) / (b - a);
            let touch = |s: f64| bracketed_root(|s| self.pull(s) - e, (s - FINE).max(0.0), s + FINE);
            (a, b) = (touch(a), touch(b));
        }
        Some((e, a, b))
    }
}

/// The minimum of a balanced problem with a loss ℓ(p_k), found by search. `Err` where the lowest symmetric point has s < 0, or nothing stops the margin.
pub(super) fn minimum(reduced: &Reduced, loss: &Loss, classes: usize) -> Result<Scalars, String> {
    let profile = Profile::new(loss, classes)
        .ok_or_else(|| format!("{loss} is no function of p_k alone with a value everywhere: no closed form"))?;
    let e = (reduced.classes - 1.0) * reduced.epsilon;
    let minima = profile.minima(e);
    let lowest = minima.iter().copied().reduce(|best, here| if here.1 < best.1 { here } else { best });
    let (s, value) =
        lowest.ok_or("no margin in the range of numbers is stationary: the loss falls faster than the decay rises")?;
    let room = 1e-13 * (1.0 + value.abs());
    let below = |slope: f64| profile.before_zero().find(|(s, jet)| jet.value + slope * s < value - room);
    if let Some((s, _)) = below(-e) {
        return Err(format!("{loss} is lower at the margin s = {s:.3} < 0 than at every s ≥ 0: it rewards wrong answers"));
    }
    let exists = match reduced.bias {
        Bias::None => below(0.0).is_none(),
        Bias::Free | Bias::Decayed => s > 0.0 && below(e).is_none(),
    };
    // A convex, falling ℓ has convex duality on its side, with any bias.
    let global = exists || loss.function().convex();
    Ok(Scalars { value, s, t: 0.0, beta: 0.0, global })
}

/// The window of a loss ℓ(p_k), or why it has none.
pub(super) fn window(loss: &Loss, classes: usize) -> Result<FocalWindow, Inapplicable> {
    let profile = Profile::new(loss, classes).ok_or_else(|| {
        Inapplicable::new(format!("{loss} is no function of p_k alone"), "take a loss of p_k, like the focal loss")
    })?;
    profile.window().ok_or_else(|| {
        let reason = format!("K = {classes}: zero and a simplex never tie with {loss}");
        Inapplicable::new(reason, "try more classes: what tells is where ℓ is convex in p ≥ 1/K")
    })
}
