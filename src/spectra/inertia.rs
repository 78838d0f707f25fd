//! Exact inertia by the arrow's Schur complement.

use super::{Count, slicing::count_below};
use crate::objective::Arrow;

/// Numbers of negative and zero eigenvalues at a stated resolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inertia {
    /// #{λ < −resolution}.
    pub index: Count,
    /// #{|λ| ≤ resolution}.
    pub nullity: Count,
    /// Bound on an eigenvalue's rounding error.
    pub resolution: f64,
}

/// The inertia of a Hessian that differs from the arrow by at most `perturbation` in norm.
///
/// A count at shift s is exact for a matrix within rounding of the Hessian: the elimination of the feature blocks is backward stable up to the size of the terms
/// subtracted, so the perturbation is E ≤ c·eps·(‖H_θθ‖ + ‖Σ C B⁻¹Cᵀ‖) with c growing like the square root of the number of terms of a sum. The resolution is 4E: the counts at
/// −1.5, −0.5, 0.5 and 1.5 times it bracket the true counts at ∓ it; where they agree, the count is exact.
/// By Weyl's inequality `perturbation` moves an eigenvalue by no more than itself, so it adds to E.
pub fn inertia_at(arrow: &Arrow, perturbation: f64) -> Inertia {
    inertia_at_with(arrow, resolution(arrow, perturbation))
}

/// The resolution of [`inertia_at`].
pub(super) fn resolution(arrow: &Arrow, perturbation: f64) -> f64 {
    let shift = arrow.clear_shift(0.0, f64::MIN_POSITIVE);
    let terms = (arrow.size() as f64).sqrt();
    let rounding = f64::EPSILON * terms * (arrow.magnitude(shift) + arrow.feature_norm());
    4.0 * (rounding + perturbation)
}

/// The inertia at a given resolution.
pub(super) fn inertia_at_with(arrow: &Arrow, resolution: f64) -> Inertia {
    let count = |factor: f64| {
        let shift = arrow.clear_shift(factor * resolution, 0.01 * resolution);
        count_below(arrow, shift) as u64
    };
    let (a, d) = (count(-1.5), count(1.5));
    // a ≤ b ≤ c ≤ d: without an eigenvalue between the outer two the inner ones are known.
    let (b, c) = if a == d { (a, d) } else { (count(-0.5), count(0.5)) };
    let index = Count { low: a, high: b };
    // Nullity at ±resolution: eigenvalues surely inside lie within ±0.5, possibly inside within ±1.5.
    let nullity = Count { low: c.saturating_sub(b), high: d.saturating_sub(a) };
    Inertia { index, nullity, resolution }
}
