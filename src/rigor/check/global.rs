//! Kind 5, global minimum: the critical orbit of kind 3 consists of global minima. For convex losses, any labels, any width, any bias.
//!
//! Let x* = (W, H, b) be critical, of rank r, and no singular value of G larger than μ (`off_space`). With the compact SVD X = WH = UΣVᵀ of the critical point, G = −μUVᵀ + G₂, UᵀG₂ = 0, G₂V = 0, ‖G₂‖ ≤ μ, so −G/μ is a
//! subgradient of the nuclear norm at X; G1 = −λ_b b. Hence for the convex function F(X, b) = g(X + b1ᵀ) + μ‖X‖_* + λ_b/2‖b‖² the point (X, b) is a global minimum. For every point
//! f(W', H', b') ≥ F(W'H', b'), as λ_W/2‖W'‖² + λ_H/2‖H'‖² ≥ μ‖W'H'‖_*, with equality at x* by balance, λ_WWᵀW = λ_HHHᵀ. So f(x*) = min f.
//!
//! **What this does not establish**: that there are no other global minima.

use super::inertia::contains_value;
use super::off_space;
use super::orbit::Orbit;
use super::report::Steps;
use crate::numeric::interval::Interval;
use crate::rigor::certificate::{Instance, Location};

/// Verifies the claim on a located orbit.
pub(super) fn verify(instance: &Instance, location: Location, orbit: &Orbit, value: Interval, steps: &mut Steps) -> Option<()> {
    steps.holds("the loss is convex", instance.loss.convex(), || "the theorem needs it".into())?;
    let escaping = off_space::escaping(instance, location.radius, orbit, steps)?;
    steps.holds("‖G‖ ≤ μ at the exact critical point", escaping == 0, || format!("{escaping} singular values above μ"))?;
    contains_value(instance, orbit, value, steps)
}
