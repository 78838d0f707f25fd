//! Kind 4, index and nullity at the exact critical orbit of kind 3, at width d.
//!
//! At x* the tangents T(x*) lie in the kernel of the Hessian ∇²f(x*) of width r, and T(x*)ᵀT is nonsingular (hypothesis 3 of `orbit`), so R^n = range T(x*) ⊕ V, V = ker Tᵀ. In a basis adapted to this sum the Hessian
//! is 0 ⊕ its restriction to V: it has exactly m zero eigenvalues and the inertia of its compression to V, which hypothesis 1 shows to be nonsingular and counts. To that `off_space` adds, for width d,
//! (d−r)#{σ > μ} negative and exactly r(d−r) zero eigenvalues. The sum of zeros, r(r−1)/2 + r(d−r) (+1), is the dimension of the orbit of O(d) (and the shift) through the padded point: all of them are explained.
//!
//! So the orbit is nondegenerate in the sense of Morse and Bott: with index 0 it is a strict local minimum modulo symmetry, otherwise a strict saddle.
//!
//! **What this does not establish**: that a strict local minimum is global.

use super::off_space;
use super::orbit::Orbit;
use super::report::Steps;
use crate::numeric::interval::Interval;
use crate::rigor::certificate::{Center, Instance, Location, Nature};

/// Verifies the claim on a located orbit.
pub(super) fn verify(
    instance: &Instance,
    center: &Center,
    location: Location,
    orbit: &Orbit,
    (index, nullity): (u64, u64),
    nature: Nature,
    value: Interval,
    steps: &mut Steps,
) -> Option<()> {
    let (d, r) = (instance.width, center.width);
    let escaping = if r < d { off_space::escaping(instance, location.radius, orbit, steps)? } else { 0 };
    let found = (orbit.transverse.below + (d - r) * escaping) as u64;
    steps.holds("the number of negative eigenvalues is the index", found == index, || {
        format!("{found} counted, {index} claimed")
    })?;
    let zeros = (orbit.transverse.tangents + r * (d - r)) as u64;
    steps.holds("the number of zero eigenvalues is the nullity", zeros == nullity, || {
        format!("{zeros} counted, {nullity} claimed")
    })?;
    let expected = if index == 0 { Nature::StrictLocalMinimum } else { Nature::StrictSaddle };
    steps.holds("the nature is that of the index", nature == expected, || format!("index {index}: {}", expected.name()))?;
    contains_value(instance, orbit, value, steps)
}

/// Verifies that f on the orbit lies in `value`.
pub(super) fn contains_value(instance: &Instance, orbit: &Orbit, value: Interval, steps: &mut Steps) -> Option<()> {
    let found = orbit.enclosure.value(instance);
    let holds = !found.is_empty() && found.is_subset(value);
    steps.holds("f on the orbit lies in the claimed interval", holds, || format!("{found} ⊆ {value}"))
}
