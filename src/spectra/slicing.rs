//! Spectrum slicing: exact counts below a shift, and any eigenvalue by a safeguarded Newton iteration on S(σ).

use super::Inertia;
use crate::linalg::{eigen, inertia};
use crate::objective::Arrow;
use nalgebra::DMatrix;

/// Relative accuracy of a sliced eigenvalue.
const ACCURACY: f64 = 1e-12;
/// Newton converges in about 6 steps; bisection would need 50.
const STEPS_MAX: usize = 80;

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
        let resolution = inertia.resolution;
        let min = eigenvalue(arrow, 0, resolution);
        let min_transverse = if inertia.index.low > 0 || symmetry == 0 {
            Some(min)
        } else {
            (symmetry < arrow.dimension() as u64).then(|| eigenvalue(arrow, symmetry as usize, resolution))
        };
        Self { min, min_transverse, max: eigenvalue(arrow, arrow.dimension() - 1, resolution) }
    }

    /// Extremes of the union of two spectra.
    pub fn join(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let transverse = [self.min_transverse, other.min_transverse].into_iter().flatten().reduce(f64::min);
        Self { min: self.min.min(other.min), min_transverse: transverse, max: self.max.max(other.max) }
    }
}

/// S(σ) − σI, its lower triangle.
fn shifted(mut matrix: DMatrix<f64>, shift: f64) -> DMatrix<f64> {
    (0..matrix.nrows()).for_each(|j| matrix[(j, j)] -= shift);
    matrix
}

/// #{eigenvalues < shift}, exactly up to rounding of the matrix. `shift` must keep clear of the feature blocks' eigenvalues.
pub fn count_below(arrow: &Arrow, shift: f64) -> usize {
    let schur = arrow.schur(shift);
    schur.features_below + inertia(&shifted(schur.matrix, shift)).0
}

/// The eigenvalue with `rank` eigenvalues below it (0: the smallest).
///
/// For a shift σ the eigenvalues κ_1 ≤ κ_2 ≤ … of S(σ) − σI fall with σ between poles, and the eigenvalue sought is where κ_j = 0 with j = rank − #{eig(B_i) < σ}. One step is
/// σ + κ_j/(1 + ‖(B−σ)⁻¹Cᵀy‖²), the Rayleigh quotient of the whole matrix for the extended eigenvector, hence quadratic convergence; the sign of κ_j keeps an exact bracket and
/// bisection takes over where a step leaves it.
/// The result is accurate to 1e-12 of itself or to `resolution`, the bound on rounding, whichever is larger.
pub fn eigenvalue(arrow: &Arrow, rank: usize, resolution: f64) -> f64 {
    let norm = arrow.norm_bound();
    let (mut low, mut high) = (-norm, norm);
    let margin = 1e-14 * norm;
    // The lower and upper end of the spectrum are usually near 0 and near the top of the core.
    let mut shift = if rank == 0 || rank + 1 < arrow.dimension() { -1e-3 * margin } else { 0.5 * norm };
    for _ in 0..STEPS_MAX {
        if !(high - low > ACCURACY * low.abs().max(high.abs()) + 0.05 * resolution) {
            break;
        }
        let at = arrow.clear_shift(shift, margin);
        let schur = arrow.schur(at);
        let below = schur.features_below;
        let mut next = f64::NAN;
        if rank < below {
            high = high.min(at);
        } else if rank - below >= arrow.core() {
            low = low.max(at);
        } else {
            let found = eigen(&shifted(schur.matrix, at));
            let j = rank - below;
            let kappa = found.values[j];
            let length = 1.0 + arrow.extension_square(at, &found.vectors.column(j).into_owned());
            if kappa > 0.0 {
                low = low.max(at);
            } else {
                high = high.min(at);
            }
            next = at + kappa / length;
            // A step this short is rounding, or its square is.
            if (next - at).abs() <= ACCURACY * at.abs() + 0.05 * resolution {
                return next;
            }
        }
        shift = if next > low && next < high { next } else { 0.5 * (low + high) };
    }
    0.5 * (low + high)
}
