//! Index and nullity at a critical partially collapsed state (`partial`), from the isotypic blocks of its Hessian.
//!
//! **The symmetry.** The Hessian commutes with the permutations of A, of B, and of the samples within a class (each together with the orthogonal map of R^{m−1} that it induces), and with the rotations of the d − m + 1
//! dimensions that the state does not use. By Schur's lemma it is block diagonal, one block for each irreducible kind, repeated as often as the kind has dimensions (all kinds here are absolutely irreducible). r = m − 1.
//!
//! *Within a class* (directions of one class's features that sum to 0): WᵀA_kW + λ_H in the used dimensions. In A, with w² = ω²/n and (c/K) in every form, λ_H + w²φ (m−2 times) and λ_H + w²δ (once), δ the form at
//! (e_k − 1_A/m)/‖·‖; in B λ_H + w²φ' (m−1 times); λ_H in unused dimensions. *Unused dimensions*: [[λ_W, G], [Gᵀ, λ_H]], a pair of eigenvalues with the determinant μ² − σ² for every singular value σ of G, λ_H for the rest.
//! σ = μ on the differences of A (m − 1 times, criticality): a zero each, the rotation into the unused dimension. On the differences of B √nK σ/c = η'(1−α), l − 1 times; on the mean of the groups √nK σ/c = (a²K/l + b²K/m)^{1/2},
//! a = l(ηq_B − α/K), b = m(η'p'_A − α/K), once; 0 on 1.
//!
//! *The rest*, with U = ÛB_mᵀ… written by Û (K×m, ÛP = Û) and V̂ (m×K, PV̂ = V̂): U = Û restricted to the simplex, the mean over a class of √n times its features' directions is B_mᵀV̂e_k, and c ∈ R^K. A direction moves the
//! logits of class k by D_k = νÛe_k [k ∈ A] + wV̂e_k + c, and the form is Σ_k D_kᵀĀ_kD_k + 2⟨Ĝ, ÛV̂⟩ + λ_W‖Û‖² + λ_H‖V̂‖² + λ_b‖c‖², Ā_k = (c/K)∇²L, Ĝ's columns (c/(K√n))∇L_k. R^A = 1 ⊕ std_A,
//! std_A ⊗ std_A = 1 ⊕ std_A ⊕ (m−2,2) ⊕ (m−2,1,1), R^B = 1 ⊕ std_B; ŷ = √(ml/K)(1_A/m − 1_B/l). With φ, χ = (c/K)η q_A, (c/K)η q_B and φ' = (c/K)η'p'_A:
//!
//! | kind | times | directions | signs |
//! |---|---|---|---|
//! | (m−2,1,1) | (m−1)(m−2)/2 | Û, V̂ antisymmetric on A | one 0 (rotation), one + |
//! | (m−2,2) | m(m−3)/2 | Û, V̂ symmetric on A, zero diagonal | both + as the determinant is 4φμs/√n |
//! | std_A ⊗ std_B | (m−1)(l−1) | Û = zxᵀ, V̂ = xzᵀ | that of the determinant, (μ² − σ_B²) + (s/√n)(μ(χ+φ') + (s/√n)χφ') |
//! | std_B | l−1 | c = z | λ_b + (c/K)(mηq_B + lη'p' − p' dη'/dp') |
//! | trivial | 1 | Û = P/√(m−1), V̂ = P/√(m−1), c = ŷ | LDLᵀ |
//! | std_A | m−1 | Û ∈ {ŷxᵀ, T}, V̂ ∈ {x1_Aᵀ/√m, T, x1_Bᵀ/√l}, c = x; T = P diag(x) P √(m/(m−2)), m ≥ 3 | LDLᵀ |
//! | λ_W | m−1 | Û = 1xᵀ | + |
//! | 1 | 1 | c = 1 | λ_b: + or, where it is free, 0 |
//!
//! `docs/certificates.md` derives the entries. The zeros that remain are (m−1)(m−2)/2 + (m−1)(d−m+1) (+1): the dimension of the orbit under O(d) (and the shift).

use super::report::Steps;
use crate::numeric::interval::{Enclosure, small_inertia};
use crate::rigor::certificate::{BiasMode, Instance};
use crate::rigor::groups::{At, Groups};

/// Where G has the singular values that are compared with μ.
const DIFFERENCES: &str = "differences of B";
const MEAN: &str = "mean of the groups";

/// Eigenvalues by sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) negative: u64,
    pub(super) zero: u64,
    pub(super) positive: u64,
}

/// The numbers of the page above.
pub(super) struct Blocks<'a, T> {
    groups: &'a Groups<T>,
    at: &'a At<T>,
    bias: BiasMode,
    /// d − r and n.
    unused: u64,
    per_class: u64,
    decay_w: T,
    decay_h: T,
    decay_b: T,
    /// c/K.
    factor: T,
    /// ν, ω/√n.
    h: T,
    w: T,
    /// s/√n.
    product: T,
    mu: T,
    /// √nK times what a column of Ĝ of A puts on B, of B on A: a and b in units of c.
    across: [T; 2],
    /// c/(K√n).
    unit: T,
}

/// A direction of the block of x: D_k on A in (x_ke_k, x_k1_A, x), D_k on B in x, and its decay.
#[derive(Clone, Copy)]
struct Coordinate<T> {
    kind: Kind,
    alive: [T; 3],
    other: T,
    decay: T,
}

/// Which direction of the block of x: Û = ŷxᵀ, Û = T, V̂ = x1_Aᵀ/√m, V̂ = T, V̂ = x1_Bᵀ/√l, c = x.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    UMean,
    UT,
    VAlive,
    VT,
    VOther,
    Bias,
}

impl<'a, T: Enclosure> Blocks<'a, T> {
    /// `None` where there are no samples.
    pub(super) fn new(instance: &Instance, groups: &'a Groups<T>, at: &'a At<T>, s: T) -> Option<Self> {
        let per_class = instance.samples().checked_div(instance.classes)?;
        let n = T::count(per_class);
        let (decay_w, decay_h) = (T::from(instance.decay_w), T::from(instance.decay_h));
        let ratio = (n * decay_h / decay_w).sqrt();
        let root = n.sqrt();
        let factor = T::from(instance.scale) / groups.k;
        let across = |count: T, eta: T, probability: T| count * (eta * probability - groups.alpha / groups.k);
        Some(Self {
            groups,
            at,
            bias: instance.bias,
            unused: (instance.width - groups.alive.saturating_sub(1)) as u64,
            per_class: per_class as u64,
            decay_w,
            decay_h,
            decay_b: instance.decay_b.into(),
            factor,
            h: (s / ratio).sqrt(),
            w: (s * ratio).sqrt() / root,
            product: s / root,
            mu: (decay_w * decay_h).sqrt(),
            across: [across(groups.l, at.alive.eta, at.alive.across), across(groups.m, at.other.eta, at.other.across)],
            unit: factor / root,
        })
    }

    /// The signs of all Kd + dN (+ K) eigenvalues.
    pub(super) fn count(&self, steps: &mut Steps) -> Option<Counted> {
        let mut tally = Tally { steps, counted: Counted::default() };
        self.slopes(&mut tally)?;
        self.within_class(&mut tally)?;
        self.unused_dimensions(&mut tally)?;
        self.pairs(&mut tally)?;
        self.bias_alone(&mut tally)?;
        if self.groups.alive > 0 {
            tally.block("trivial", 1, &self.trivial())?;
            tally.block("std_A", self.rank(), &self.standard())?;
            tally.counted.positive += self.rank();
        }
        Some(tally.counted)
    }

    fn rank(&self) -> u64 {
        self.groups.alive.saturating_sub(1) as u64
    }

    /// What makes φ, χ and φ' positive.
    fn slopes(&self, tally: &mut Tally<'_>) -> Option<()> {
        let (own, other) = (&self.at.alive, &self.at.other);
        let of_alive = self.groups.alive == 0 || [own.eta, own.same].into_iter().all(T::certainly_positive);
        let of_other = self.groups.others == 0 || other.eta.certainly_positive();
        let mixed = self.groups.alive == 0
            || self.groups.others == 0
            || [own.across, other.across].into_iter().all(T::certainly_positive);
        tally.steps.holds("probabilities and η are positive", of_alive && of_other && mixed, || {
            format!("η = {} on the simplex, {} at the origin", own.eta, other.eta)
        })
    }

    fn within_class(&self, tally: &mut Tally<'_>) -> Option<()> {
        let copies = self.per_class - 1;
        let (m, l, rank) = (self.groups.alive as u64, self.groups.others as u64, self.rank());
        // λ_H, λ_H + w²φ and λ_H + w²φ' are positive.
        tally.counted.positive += copies * (m + l) * self.unused;
        if m > 0 {
            tally.counted.positive += copies * (m * (m - 2) + l * rank);
            let tilt = [T::one(), -(T::one() / self.groups.m)];
            let simplex = self.groups.of_alive(self.at, tilt, tilt) * self.groups.m / (self.groups.m - T::one());
            tally.scalar("within a class", copies * m, self.decay_h + self.w.sqr() * self.factor * simplex)?;
        }
        Some(())
    }

    fn unused_dimensions(&self, tally: &mut Tally<'_>) -> Option<()> {
        let (m, l) = (self.groups.alive as u64, self.groups.others as u64);
        // The larger eigenvalue of each of the K pairs is positive, and both of σ = 0 are; what no singular value touches is counted within the classes.
        tally.counted.zero += self.rank() * self.unused;
        tally.counted.positive += (m + l + 1) * self.unused;
        for (name, difference) in self.residual_room() {
            let times = if name == MEAN { 1 } else { l - 1 };
            tally.scalar(&format!("μ − σ on the {name}"), times * self.unused, difference)?;
        }
        Some(())
    }

    /// μ − σ or μ² − σ², up to a positive factor, for the singular values of G that are not μ or 0: on the differences of B, and on the mean of the groups.
    pub(super) fn residual_room(&self) -> Vec<(&'static str, T)> {
        let level = self.groups.k * self.groups.epsilon;
        let mut out = Vec::new();
        if self.groups.others > 1 {
            out.push((DIFFERENCES, level - self.at.other.eta * (T::one() - self.groups.alpha)));
        }
        if self.groups.alive > 0 && self.groups.others > 0 {
            let [a, b] = self.across;
            let square = a.sqr() * self.groups.k / self.groups.l + b.sqr() * self.groups.k / self.groups.m;
            out.push((MEAN, level.sqr() - square));
        }
        out
    }

    /// The three families of pairs.
    fn pairs(&self, tally: &mut Tally<'_>) -> Option<()> {
        let (m, l) = (self.groups.alive as u64, self.groups.others as u64);
        if m == 0 {
            return Some(());
        }
        let antisymmetric = (m - 1) * (m - 2) / 2;
        tally.counted.zero += antisymmetric;
        tally.counted.positive += antisymmetric + m * m.saturating_sub(3);
        if l > 1 {
            let (own, other) = (&self.at.alive, &self.at.other);
            let (chi, phi) = (self.factor * own.eta * own.across, self.factor * other.eta * other.across);
            let sigma = self.unit * other.eta * (T::one() - self.groups.alpha);
            let determinant =
                (self.mu - sigma) * (self.mu + sigma) + self.product * (self.mu * (chi + phi) + self.product * (chi * phi));
            // One eigenvalue of each pair is positive.
            tally.counted.positive += (m - 1) * (l - 1);
            tally.scalar("std_A ⊗ std_B", (m - 1) * (l - 1), determinant)?;
        }
        Some(())
    }

    /// c = 1 and c = z on std_B.
    fn bias_alone(&self, tally: &mut Tally<'_>) -> Option<()> {
        let l = self.groups.others as u64;
        match self.bias {
            BiasMode::None => return Some(()),
            BiasMode::Free => tally.counted.zero += 1,
            BiasMode::Decayed => tally.counted.positive += 1,
        }
        if l > 1 {
            let (own, other) = (&self.at.alive, &self.at.other);
            let bend = other.probability * other.slope / other.complement.sqr();
            let alive = if self.groups.alive > 0 { self.groups.m * own.eta * own.across } else { T::zero() };
            let curvature = alive + other.eta * (self.groups.l * other.probability) - bend;
            tally.scalar("std_B", l - 1, self.decay_b + self.factor * curvature)?;
        }
        Some(())
    }

    /// Whether c has a part ŷ, or x, that is an unknown.
    fn has_bias(&self) -> bool {
        self.bias != BiasMode::None
    }

    /// The block of Û = P/√(m−1), V̂ = P/√(m−1), c = ŷ ≅ √(K/(ml)) 1_A.
    fn trivial(&self) -> Vec<Vec<T>> {
        let Groups { m, l, k, .. } = *self.groups;
        let (one, zero) = (T::one(), T::zero());
        let root = (m - one).sqrt();
        let of_p = |size: T| [size / root, -(size / (root * m))];
        let mut coordinates = vec![(of_p(self.h), self.decay_w), (of_p(self.w), self.decay_h)];
        if self.has_bias() && self.groups.others > 0 {
            coordinates.push(([zero, (k / (m * l)).sqrt()], self.decay_b));
        }
        let entry = |i: usize, j: usize| {
            let ((d, decay), (d2, _)) = (coordinates[i], coordinates[j]);
            let mut total = self.factor * m * self.groups.of_alive(self.at, d, d2);
            if i == 2 && j == 2 {
                // Only c moves the logits of B: l classes at √(K/(ml)) 1_A.
                total = total + self.factor * self.groups.of_other(self.at) * k / m;
            }
            if i + j == 1 {
                total = total - self.mu;
            }
            if i == j { total + decay } else { total }
        };
        square(coordinates.len(), entry)
    }

    /// Σ over A of the forms at αx_ke_k + βx_k1_A + ζx, Σx_k² = 1, without c/K. u is ζ(x_j − x_k) − αx_k on A and −(α+β+ζ)x_k on B; Σ_kx_k = 0 does the rest.
    fn of_alive_standard(&self, [alpha, beta, zeta]: [T; 3], [alpha2, beta2, zeta2]: [T; 3]) -> T {
        let own = &self.at.alive;
        let others = self.groups.m - T::one();
        let (near, near2) = (alpha + zeta, alpha2 + zeta2);
        let same = others * (zeta * zeta2 + near * near2) + zeta * near2 + zeta2 * near;
        let sum = own.same * same + self.groups.l * own.across * (near + beta) * (near2 + beta2);
        let pi = |near: T, beta: T, zeta: T| own.same * (others * near + zeta) + self.groups.l * own.across * (near + beta);
        self.groups.form(own, sum, pi(near, beta, zeta), pi(near2, beta2, zeta2))
    }

    /// The directions of the block of one x, as far as there are such.
    fn coordinates(&self) -> Vec<Coordinate<T>> {
        let Groups { m, l, k, .. } = *self.groups;
        let (one, zero) = (T::one(), T::zero());
        let mut out = Vec::new();
        let mut add = |kind, alive, other, decay| out.push(Coordinate { kind, alive, other, decay });
        add(Kind::VAlive, [zero, zero, self.w / m.sqrt()], zero, self.decay_h);
        if self.groups.others > 0 {
            add(Kind::UMean, [zero, self.h * (k / (m * l)).sqrt(), zero], zero, self.decay_w);
            add(Kind::VOther, [zero; 3], self.w / l.sqrt(), self.decay_h);
        }
        if self.groups.alive > 2 {
            let t = (m / (m - one - one)).sqrt();
            let of_t = |size: T| [size * t, -(size * t / m), -(size * t / m)];
            add(Kind::UT, of_t(self.h), zero, self.decay_w);
            add(Kind::VT, of_t(self.w), zero, self.decay_h);
        }
        if self.has_bias() {
            add(Kind::Bias, [zero, zero, one], one, self.decay_b);
        }
        out
    }

    /// The block of one x ⊥ 1 on A, |x| = 1.
    fn standard(&self) -> Vec<Vec<T>> {
        let Groups { m, l, k, .. } = *self.groups;
        let coordinates = self.coordinates();
        let other = &self.at.other;
        let of_other = |one: T, two: T| match self.groups.others {
            0 => T::zero(),
            _ => l * (self.factor * other.eta * other.across) * one * two,
        };
        let entry = |i: usize, j: usize| {
            let (one, two) = (coordinates[i], coordinates[j]);
            let coupling = match (one.kind, two.kind) {
                (Kind::UMean, Kind::VAlive) | (Kind::VAlive, Kind::UMean) => -((k / l).sqrt() * self.unit * self.across[0]),
                (Kind::UMean, Kind::VOther) | (Kind::VOther, Kind::UMean) => (k / m).sqrt() * self.unit * self.across[1],
                (Kind::UT, Kind::VT) | (Kind::VT, Kind::UT) => -self.mu,
                _ => T::zero(),
            };
            let total = self.factor * self.of_alive_standard(one.alive, two.alive) + of_other(one.other, two.other) + coupling;
            if i == j { total + one.decay } else { total }
        };
        square(coordinates.len(), entry)
    }
}

/// A matrix by its entries.
fn square<T>(size: usize, entry: impl Fn(usize, usize) -> T) -> Vec<Vec<T>> {
    (0..size).map(|i| (0..size).map(|j| entry(i, j)).collect()).collect()
}

/// Counts as they are taken.
struct Tally<'s> {
    steps: &'s mut Steps,
    counted: Counted,
}

impl Tally<'_> {
    /// `times` eigenvalues of the sign of `value`.
    fn scalar<T: Enclosure>(&mut self, name: &str, times: u64, value: T) -> Option<()> {
        if times == 0 {
            return Some(());
        }
        let known = value.certainly_positive() || value.certainly_negative();
        self.steps.holds(&format!("the sign of the block \"{name}\" is certain"), known, || format!("{times} times {value}"))?;
        let count = if value.certainly_negative() { &mut self.counted.negative } else { &mut self.counted.positive };
        *count += times;
        Some(())
    }

    /// The eigenvalues of a matrix, `times` each.
    fn block<T: Enclosure>(&mut self, name: &str, times: u64, matrix: &[Vec<T>]) -> Option<()> {
        let found = small_inertia(matrix);
        self.steps.holds(&format!("no eigenvalue of the block \"{name}\" is 0"), found.is_some(), || match found {
            Some((positive, negative)) => format!("{times} times {positive} positive and {negative} negative"),
            None => format!("a pivot of the {0}×{0} matrix is not told from 0", matrix.len()),
        })?;
        let (positive, negative) = found?;
        self.counted.positive += times * positive as u64;
        self.counted.negative += times * negative as u64;
        Some(())
    }
}
