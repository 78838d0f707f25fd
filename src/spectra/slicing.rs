//! Spectrum slicing: exact counts below a shift, and any eigenvalue by a safeguarded Newton iteration on S(σ).

use super::Inertia;
use nalgebra::{DMatrix, DVector};

use crate::linalg::{Factors, inertia};
use crate::numeric::{gaussian, stream};
use crate::objective::Arrow;

/// Relative accuracy of a sliced eigenvalue.
const ACCURACY: f64 = 1e-12;
/// Most shifts. About ten are needed; bisection alone would need a hundred.
const STEPS_MAX: usize = 200;
/// Inverse iterations a shift.
const INVERSE_STEPS: usize = 4;

/// Extreme eigenvalues.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes {
    /// The smallest.
    pub min: f64,
    /// The smallest once the symmetry zeros are taken out; `None` where nothing is left.
    pub min_transverse: Option<f64>,
    /// The largest.
    pub max: f64,
}

impl Extremes {
    /// Of values with multiplicities, `symmetry` of which nearest to zero are symmetry zeros. No values at all: the identity of [`Extremes::join`].
    pub fn of_values(values: &[(f64, u64)], symmetry: u64) -> Self {
        let mut by_size: Vec<(f64, u64)> = values.to_vec();
        by_size.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        let mut zeros = symmetry;
        let transverse = by_size.iter().filter(|&&(_, times)| {
            let left = times > zeros;
            zeros = zeros.saturating_sub(times);
            left
        });
        let min_transverse = transverse.map(|&(value, _)| value).reduce(f64::min);
        let all = || values.iter().map(|&(value, _)| value);
        Self { min: all().fold(f64::INFINITY, f64::min), min_transverse, max: all().fold(f64::NEG_INFINITY, f64::max) }
    }

    /// By slicing: with no negative eigenvalue the symmetry zeros come first in the order.
    pub fn by_slicing(arrow: &Arrow, inertia: &Inertia, symmetry: u64) -> Self {
        let (min, min_transverse) = Self::least(arrow, inertia, symmetry);
        Self { min, min_transverse, max: eigenvalue(arrow, arrow.dimension() - 1, inertia.resolution) }
    }

    /// The smallest eigenvalue and the smallest transverse one, by slicing.
    pub(super) fn least(arrow: &Arrow, inertia: &Inertia, symmetry: u64) -> (f64, Option<f64>) {
        let resolution = inertia.resolution;
        // With no negative eigenvalue and a zero one, the smallest is 0 to the resolution: digits of it would be rounding.
        let min = if inertia.index.high == 0 && inertia.nullity.low > 0 { 0.0 } else { eigenvalue(arrow, 0, resolution) };
        let min_transverse = if inertia.index.low > 0 || symmetry == 0 || inertia.nullity.low > symmetry {
            Some(min)
        } else {
            (symmetry < arrow.dimension() as u64).then(|| eigenvalue(arrow, symmetry as usize, resolution))
        };
        (min, min_transverse)
    }

    /// Extremes of the union of two spectra.
    pub fn join(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let transverse = [self.min_transverse, other.min_transverse].into_iter().flatten().reduce(f64::min);
        Self { min: self.min.min(other.min), min_transverse: transverse, max: self.max.max(other.max) }
    }
}

/// S(σ) − σI, its lower triangle.
pub(super) fn shifted(mut matrix: DMatrix<f64>, shift: f64) -> DMatrix<f64> {
    (0..matrix.nrows()).for_each(|j| matrix[(j, j)] -= shift);
    matrix
}

/// #{eigenvalues < shift}, exactly up to rounding of the matrix. `shift` must keep clear of the feature blocks' eigenvalues.
pub fn count_below(arrow: &Arrow, shift: f64) -> usize {
    arrow.features_below(shift) + inertia(shifted(arrow.schur_matrix(shift), shift)).0
}

/// The eigenvalue with `rank` eigenvalues below it (0: the smallest), to 1e-12 of itself or to `resolution`, the bound on rounding, whichever is larger.
///
/// Exact counts keep a bracket. Inside it a step of Rayleigh quotient iteration goes to an eigenvalue near the shift: with y the eigenvector of S(σ) − σI for its eigenvalue κ nearest zero
/// (by inverse iteration), the vector (y, −(B−σ)⁻¹Cᵀy) has the Rayleigh quotient σ + κ/(1 + ‖(B−σ)⁻¹Cᵀy‖²). Which eigenvalue that is, only counts on both sides of it say; where they say another
/// one, or a step does not halve the bracket, bisection follows.
pub fn eigenvalue(arrow: &Arrow, rank: usize, resolution: f64) -> f64 {
    let norm = arrow.norm_bound();
    let margin = 1e-14 * norm;
    let mut bracket = (-norm, norm);
    // Zero is the interesting end: most spectra begin near it.
    let mut shift = if rank + 1 < arrow.dimension() { -0.5 * margin } else { 0.5 * norm };
    let mut may_iterate = true;
    for _ in 0..STEPS_MAX {
        let (low, high) = bracket;
        let tolerance = |x: f64| ACCURACY * x.abs() + 0.05 * resolution;
        if !(high - low > tolerance(low.abs().max(high.abs()))) {
            break;
        }
        let at = arrow.clear_shift(shift, margin);
        let near = probe(arrow, at, rank, &mut bracket);
        if (near - at).abs() <= tolerance(near) && near > bracket.0 - margin && near < bracket.1 + margin {
            let width = 2.0 * tolerance(near) + margin;
            let (a, b) = (arrow.clear_shift(near - width, 0.1 * margin), arrow.clear_shift(near + width, 0.1 * margin));
            narrow(&mut bracket, a, count_below(arrow, a), rank);
            narrow(&mut bracket, b, count_below(arrow, b), rank);
            if bracket.1 - bracket.0 <= 4.0 * width {
                return near;
            }
        }
        let halved = bracket.1 - bracket.0 <= 0.5 * (high - low);
        may_iterate = halved || !may_iterate;
        let inside = near > bracket.0 && near < bracket.1;
        shift = if may_iterate && inside { near } else { 0.5 * (bracket.0 + bracket.1) };
    }
    0.5 * (bracket.0 + bracket.1)
}

/// Narrows the bracket by the count of eigenvalues below `at`.
fn narrow(bracket: &mut (f64, f64), at: f64, below: usize, rank: usize) {
    if below > rank {
        bracket.1 = bracket.1.min(at);
    } else {
        bracket.0 = bracket.0.max(at);
    }
}

/// Counts at `at`, narrows the bracket, and returns the Rayleigh quotient of an eigenvector near it (`at` itself where it is an eigenvalue to the last bit).
fn probe(arrow: &Arrow, at: f64, rank: usize, bracket: &mut (f64, f64)) -> f64 {
    let factors = Factors::new(shifted(arrow.schur_matrix(at), at));
    narrow(bracket, at, arrow.features_below(at) + factors.inertia().0, rank);
    match inverse_iteration(&factors, arrow.core()) {
        Some((y, kappa)) => at + kappa / (1.0 + arrow.extension_square(at, &y)),
        None => at,
    }
}

/// The unit eigenvector of S(σ) − σI, by its factors, for its eigenvalue nearest zero, and that; `None` where the matrix is singular to the last bit.
fn inverse_iteration(factors: &Factors, core: usize) -> Option<(DVector<f64>, f64)> {
    let mut y = vec![0.0; core];
    gaussian(&mut stream(0, "inverse iteration", core as u64), 1.0, &mut y);
    let mut y = DVector::from_vec(y).normalize();
    let mut kappa = f64::NAN;
    for _ in 0..INVERSE_STEPS {
        let solution = factors.solve(&y);
        let length = solution.norm();
        if !length.is_finite() {
            return None;
        }
        // y is a unit vector: yᵀ(S−σ)⁻¹y estimates 1/κ, and so does that of the normalised solution, better.
        kappa = y.dot(&solution) / (length * length);
        y = solution / length;
    }
    Some((y, kappa))
}

/// The part in θ of an eigenvector for an eigenvalue near `shift`, which must be none itself.
pub(super) fn near_vector(arrow: &Arrow, shift: f64) -> Option<Vec<f64>> {
    let factors = Factors::new(shifted(arrow.schur_matrix(shift), shift));
    inverse_iteration(&factors, arrow.core()).map(|(y, _)| y.as_slice().to_vec())
}
