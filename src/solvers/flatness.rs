//! Gradient-flat points: ∇²f ∇f ≈ 0 with ∇f ≠ 0, where every method that lowers ‖∇f‖ alone comes to rest without being at a critical point.

use super::{State, StopReason};
use crate::linalg::{dot, norm};
use crate::numeric::{gaussian, stream};
use crate::objective::Objective;

/// A point is gradient-flat where ‖∇²f ∇f‖ is at most this fraction of ‖∇²f‖ ‖∇f‖.
///
/// On the way to a degenerate critical point (f ≈ t⁴) the same ratio falls as t² while ‖∇f‖ falls as t³: at 1e-7 the gradient is far below every bound in use.
const FLAT: f64 = 1e-7;
/// The same where no step lowers ‖∇f‖ any more: rest itself is evidence.
const FLAT_AT_REST: f64 = 1e-4;
/// Power iterations for ‖∇²f‖, of which half the digits of the exponent would do.
const POWER_STEPS: usize = 12;

/// An estimate of ‖∇²f‖ from below.
pub(super) fn hessian_norm(objective: &mut Objective<'_>, state: &State) -> f64 {
    let mut direction = vec![0.0; state.gradient.len()];
    gaussian(&mut stream(0, "hessian norm", 0), 1.0, &mut direction);
    let mut image = vec![0.0; direction.len()];
    let mut found = 0.0;
    for _ in 0..POWER_STEPS {
        let length = norm(&direction);
        if !(length > 0.0) {
            break;
        }
        direction.iter_mut().for_each(|x| *x /= length);
        objective.hessian_product(&state.x, &direction, &mut image);
        found = norm(&image);
        std::mem::swap(&mut direction, &mut image);
    }
    found
}

/// Whether the state is gradient-flat, to the tolerance of a point on its way.
pub(super) fn is_flat(objective: &mut Objective<'_>, state: &State) -> bool {
    flatness(objective, state) <= FLAT
}

/// Why a method that lowers ‖∇f‖ is at rest.
pub(super) fn at_rest(objective: &mut Objective<'_>, state: &State) -> StopReason {
    if flatness(objective, state) <= FLAT_AT_REST { StopReason::GradientFlat } else { StopReason::NoProgress }
}

/// ‖∇²f ∇f‖ / (‖∇²f‖ ‖∇f‖).
fn flatness(objective: &mut Objective<'_>, state: &State) -> f64 {
    let mut image = vec![0.0; state.gradient.len()];
    objective.hessian_product(&state.x, &state.gradient, &mut image);
    norm(&image) / (hessian_norm(objective, state) * norm(&state.gradient))
}

/// ‖∇f‖².
pub(super) fn square(state: &State) -> f64 {
    dot(&state.gradient, &state.gradient)
}
