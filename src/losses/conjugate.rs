//! What convex duality needs of a loss.

/// What convex duality needs of a loss: L*(u) = sup_z ⟨u, z⟩ − L(z, k) and its domain.
pub trait Conjugate {
    /// L*(u) for `dual` u in the domain (entries at the boundary count as inside: 0 log 0 = 0); +∞ outside, NaN for NaN.
    /// A constraint Σu = 0 (shift-invariant losses) is taken as given, not tested.
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64;

    /// c such that u = θ(π − e_k) is inside the domain for every 0 < θ ≤ c and every π > 0 with Σπ = 1
    /// (1 for cross-entropy and BCE, 1 − α for label smoothing); `None` where the domain is the whole space.
    fn interior_slope(&self) -> Option<f64>;

    /// What entry j of θ(π − e_k) is to be multiplied with, at most 1, so that it lies in the domain.
    fn interior_scale(&self, _j: usize) -> f64 {
        1.0
    }

    /// The largest ρ ∈ [0, 1] that keeps ρ `target` + (1 − ρ) `inside` in the domain. `inside` lies in it. NaN for NaN.
    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64;
}

/// How far past the boundary of [0, ∞) an entry counts as being on it: duals that were scaled onto the boundary are off it by a few roundings.
pub(super) const BOUNDARY_SLACK: f64 = 1e-13;

/// v log v with 0 log 0 = 0, +∞ for v < 0.
pub(super) fn entropy_term(v: f64) -> f64 {
    if v > 0.0 {
        v * v.ln()
    } else if v >= -BOUNDARY_SLACK {
        0.0
    } else if v.is_nan() {
        v
    } else {
        f64::INFINITY
    }
}

/// The largest ρ ∈ [0, 1] with ρ target_j + (1 − ρ) inside_j in [low(j), high(j)] for every j.
pub(super) fn fraction_inside(inside: &[f64], target: &[f64], bounds: impl Fn(usize) -> (f64, f64)) -> f64 {
    let mut fraction = 1.0_f64;
    for (j, (&a, &b)) in inside.iter().zip(target).enumerate() {
        if a.is_nan() || b.is_nan() {
            return f64::NAN;
        }
        let (low, high) = bounds(j);
        if b < low {
            fraction = fraction.min((a - low) / (a - b));
        } else if b > high {
            fraction = fraction.min((high - a) / (b - a));
        }
    }
    fraction.clamp(0.0, 1.0)
}
