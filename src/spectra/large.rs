//! Inertia and extreme eigenvalues where a factorisation of the Schur complement takes seconds: few factorisations, definite ones where that is possible.
//!
//! Let M(σ) = S(σ) − σI, k the number of symmetry tangents, Q ≥ 0 of rank k the gauge of [`Arrow::add_gauge`].
//!
//! * *At most k*: if M(σ) + τQ is positive definite for some τ, then M(σ) has at most k eigenvalues ≤ 0, since a matrix of rank k lifts at most k of them (Weyl). With no feature block
//!   below σ, at most k eigenvalues of the Hessian are below σ.
//! * *At least k*: ‖∇²f t‖ ≤ ρ for unit tangents t ([`Arrow::tangent_defect`]: ∇²f t is the gradient turned), so k eigenvalues lie within ±ρ (the Hessian's compression to their span has norm ≤ ρ
//!   and so has what couples it to the rest).
//!
//! Where ρ is small beside the resolution and σ above it, both together say: index 0, nullity k, and the next eigenvalue is at least σ. So *one* Cholesky factorisation — half the time of
//! LBLᵀ, on all threads — at a σ just below a *proposed* eigenvalue gives the inertia and that eigenvalue at once: the Rayleigh quotient of the proposed vector, which is orthogonal to the tangents,
//! bounds it from above (Courant–Fischer). Another, of −M(σ) just above a proposed largest eigenvalue, gives that one.
//!
//! Proposals come from Lanczos' method; a wrong one fails its count. Then, and wherever the point is no minimum, counts by LBLᵀ and slicing decide.

use std::thread;

use nalgebra::DMatrix;

use super::inertia::inertia_at_with;
use super::krylov::{Ritz, ends};
use super::slicing::{count_below, eigenvalue, shifted};
use super::{Count, Extremes, Inertia};
use crate::linalg::{Cholesky, dot};
use crate::objective::{Arrow, Rotations, Symmetry};

/// Steps of Lanczos' method on the Hessian: a step costs a thousandth of a factorisation.
const STEPS: usize = 240;
/// Steps on its inverse, each two triangular solutions.
const INVERSE_STEPS: usize = 40;
/// Relative accuracy at which an eigenvalue is enclosed.
const ENCLOSED: f64 = 2e-12;

/// What is known of the symmetry at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tangents {
    /// Which are null vectors.
    pub(super) symmetry: Symmetry,
    /// k.
    pub(super) number: u64,
    /// ‖∇f‖.
    pub(super) gradient: f64,
}

/// The arrow with what the counts need.
pub(super) struct Large<'a> {
    arrow: &'a Arrow,
    tangents: Tangents,
    rotations: Option<Rotations>,
    resolution: f64,
    /// Whether two Schur complements fit at once.
    pair: bool,
    /// Least and largest eigenvalue of the feature blocks that weights repeat.
    repeated: [f64; 2],
}

impl<'a> Large<'a> {
    /// `perturbation` as in [`super::inertia_at`].
    pub(super) fn new(arrow: &'a Arrow, tangents: Tangents, perturbation: f64, pair: bool) -> Self {
        let repeated = arrow.repeated();
        let least = repeated.iter().map(|level| level.0).fold(f64::INFINITY, f64::min);
        let most = repeated.iter().map(|level| level.0).fold(f64::NEG_INFINITY, f64::max);
        let rotations = tangents.symmetry.rotations.then(|| arrow.rotations());
        let resolution = super::inertia::resolution(arrow, perturbation);
        Self { arrow, tangents, rotations, resolution, pair, repeated: [least, most] }
    }

    /// Counts and extreme eigenvalues.
    pub(super) fn spectrum(&self) -> (Inertia, Extremes) {
        let project = |x: &mut [f64]| self.arrow.project(self.rotations.as_ref(), self.tangents.symmetry.shift, x);
        let product = |x: &[f64]| self.product(x);
        let Some([low, high]) = ends(self.arrow.vector_len(), &project, &product, STEPS) else {
            let inertia = inertia_at_with(self.arrow, self.resolution);
            return (inertia, Extremes::by_slicing(self.arrow, &inertia, self.tangents.number));
        };
        let max = self.largest(&high);
        let (inertia, min, min_transverse) = self.at_minimum(&low, &project).unwrap_or_else(|| self.by_counts(&low));
        (inertia, Extremes { min, min_transverse, max })
    }

    fn product(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        self.arrow.apply(x, &mut out);
        out
    }

    /// xᵀ∇²f x / xᵀx.
    fn rayleigh(&self, x: &[f64]) -> f64 {
        dot(x, &self.product(x)) / dot(x, x)
    }

    fn tolerance(&self, value: f64) -> f64 {
        ENCLOSED * value.abs() + 0.5 * self.resolution
    }

    /// M(σ), unless σ is so near a feature block's eigenvalue that the rounding of S(σ) would exceed what is wanted.
    fn matrix(&self, shift: f64, allowed: f64) -> Option<DMatrix<f64>> {
        let rounding = f64::EPSILON * (self.arrow.dimension() as f64).sqrt() * self.arrow.magnitude(shift);
        (rounding <= allowed).then(|| shifted(self.arrow.schur_matrix(shift), shift))
    }

    /// Factors of M(σ) + τQ where that is positive definite and no feature block is below σ: then at most k eigenvalues are below σ (none, without `gauge`).
    fn positive_above(&self, shift: f64, gauge: bool) -> Option<Cholesky> {
        if self.arrow.features_below(shift) > 0 {
            return None;
        }
        let mut matrix = self.matrix(shift, self.resolution.max(1e-10 * shift.abs()))?;
        if gauge {
            self.arrow.add_gauge(self.tangents.symmetry, &mut matrix);
        }
        Cholesky::new(matrix)
    }

    /// Index 0 and nullity k, with the smallest eigenvalue and the smallest transverse one; `None` where that is not so or cannot be seen.
    fn at_minimum(&self, low: &Ritz, project: &dyn Fn(&mut [f64])) -> Option<(Inertia, f64, Option<f64>)> {
        let (number, resolution) = (self.tangents.number, self.resolution);
        let defect = self.arrow.tangent_defect(self.rotations.as_ref(), self.tangents.gradient);
        let gauge = number > 0;
        if !(defect <= 0.25 * resolution) {
            return None;
        }
        let zero = |n: u64| Count { low: n, high: n };
        let inertia = Inertia { index: zero(0), nullity: zero(number), resolution };
        let found = |value: f64| {
            let value = value.min(self.repeated[0]);
            (inertia, if gauge { 0.0 } else { value }, Some(value))
        };
        // Above the zeros by more than what brackets them.
        let clear = 2.0 * resolution;
        let enclose = |value: f64| {
            let shift = value.min(self.repeated[0]) - self.tolerance(value);
            (shift > clear && self.positive_above(shift, gauge).is_some()).then(|| found(value))
        };
        let first = self.rayleigh(&low.vector);
        if first < -clear {
            return None;
        }
        if low.settled
            && let Some(done) = enclose(first)
        {
            return Some(done);
        }
        let shift = self.arrow.clear_shift(1.5 * resolution, 0.01 * resolution);
        let factors = self.positive_above(shift, gauge)?;
        // Near zero the inverse sees what the product does not.
        let inverse = |x: &[f64]| self.arrow.solve_with(&factors, shift, x);
        let better = ends(self.arrow.vector_len(), project, &inverse, INVERSE_STEPS).map(|[_, high]| self.rayleigh(&high.vector));
        drop(factors);
        if let Some(done) = better.and_then(enclose) {
            return Some(done);
        }
        let value = eigenvalue(self.arrow, number as usize, resolution);
        Some((inertia, if gauge { 0.0 } else { value }, Some(value)))
    }

    /// The inertia by LBLᵀ, and the smallest eigenvalues.
    fn by_counts(&self, low: &Ritz) -> (Inertia, f64, Option<f64>) {
        let arrow = self.arrow;
        let count = |factor: f64| count_below(arrow, arrow.clear_shift(factor * self.resolution, 0.01 * self.resolution)) as u64;
        // Threads of their own: see `linalg::Cholesky`.
        let both = |a: f64, b: f64| {
            if !self.pair {
                return (count(a), count(b));
            }
            thread::scope(|scope| {
                let other = scope.spawn(|| count(b));
                (count(a), other.join().expect("a count does not panic"))
            })
        };
        let (a, d) = both(-1.5, 1.5);
        // a ≤ b ≤ c ≤ d.
        let (b, c) = if a == d { (a, d) } else { both(-0.5, 0.5) };
        let inertia = Inertia {
            index: Count { low: a, high: b },
            nullity: Count { low: c.saturating_sub(b), high: d.saturating_sub(a) },
            resolution: self.resolution,
        };
        let value = self.rayleigh(&low.vector).min(self.repeated[0]);
        let shift = value - self.tolerance(value);
        if a > 0 && shift < 0.0 && low.settled && self.positive_above(shift, false).is_some() {
            return (inertia, value, Some(value));
        }
        let least = Extremes::least(arrow, &inertia, self.tangents.number);
        (inertia, least.0, least.1)
    }

    /// The largest eigenvalue.
    fn largest(&self, high: &Ritz) -> f64 {
        let value = self.rayleigh(&high.vector).max(self.repeated[1]);
        let shift = value + self.tolerance(value);
        let all = self.arrow.dimension() - self.arrow.core();
        if high.settled && self.arrow.features_below(shift) == all && self.negative_below(shift) {
            return value;
        }
        eigenvalue(self.arrow, self.arrow.dimension() - 1, self.resolution)
    }

    /// Whether −M(σ) is positive definite.
    fn negative_below(&self, shift: f64) -> bool {
        let Some(mut matrix) = self.matrix(shift, self.resolution.max(1e-10 * shift.abs())) else { return false };
        matrix.neg_mut();
        Cholesky::new(matrix).is_some()
    }
}
