//! Kind 3, a critical orbit within ρ; the theorem that kinds 4 and 5 build on, too.
//!
//! Let x̃ be the point, of width r, and f the function of width r. f is invariant under O(r), acting by (W, H, b) ↦ (WQᵀ, QH, b), and under b ↦ b + t1 where a shift-invariant loss has a free bias: a
//! group 𝒢 of isometries. Write A_1 … A_m for the r(r−1)/2 rotation generators E_ab − E_ba, acting by (W, H) ↦ (WA, −AH), and for the shift 1 (which adds the vector 1 to b), T(x) for the
//! n×m matrix of the tangents at x, T = T(x̃), V = ker Tᵀ. Let B be the closed ball of radius ρ about x̃ and [H] a set of symmetric matrices that contains ∇²f(x) for x in the smallest box
//! around B; as products of intervals it is convex.
//!
//! **Hypotheses** (all verified in intervals): with numbers ρ, s > 0,
//!
//! 1. for every M in [H], M compressed to V has no eigenvalue in [−s, s];
//! 2. ‖∇f(x̃)‖ < sρ/2;
//! 3. T(x)ᵀT is nonsingular for every x in B.
//!
//! **Existence and local uniqueness.** Let F(v), v ∈ V, be the component of ∇f(x̃ + v) in V. For y, z in V ∩ (B − x̃), F(y) − F(z) = M̄(y − z) with M̄ the mean of ∇²f over the segment, compressed to V. By 1
//! ‖F(y) − F(z)‖ ≥ s‖y − z‖: there is at most one zero. ½‖F‖² has a minimum y on the compact V ∩ (B − x̃). If y lies on the boundary, ‖F(y)‖ ≥ sρ − ‖F(0)‖ > ‖F(0)‖ by 2, so it is no minimum; hence y
//! is inside, DF(y)F(y) = 0, and F(y) = 0 since DF(y) is nonsingular by 1.
//!
//! **The multipliers vanish.** At x* = x̃ + y the gradient has no component in V, so ∇f(x*) = Tν for some ν ∈ R^m. By invariance ∇f(x*) is orthogonal to the orbit: T(x*)ᵀ∇f(x*) = 0. Together
//! T(x*)ᵀTν = 0, so ν = 0 by 3: x* is a critical point of f, not only of f on a slice.
//!
//! **Uniqueness modulo symmetry.** Let z be any critical point of width r in B. O(r) is compact and a shift that brings b nearest to b̃ exists, so the orbit of z has a point z' nearest to x̃;
//! ‖z' − x̃‖ ≤ ‖z − x̃‖ ≤ ρ, and ⟨A_j z', z' − x̃⟩ = 0 for every generator. Rotation generators are skew: ⟨A_j z', z'⟩ = 0 = ⟨A_j x̃, x̃⟩, so that 0 = ⟨A_j z', x̃⟩ = −⟨z', A_j x̃⟩ = −⟨z' − x̃, A_j x̃⟩; for
//! the shift A z' = A x̃ is constant. So z' − x̃ ∈ V, and z' = x* by local uniqueness.
//!
//! **Width d.** Padded with zeros to width d ≥ r, x* is critical for width d: the new components of the gradient, G hᵀ with h = 0 and wᵀG with w = 0, vanish.
//!
//! **How 3 is verified.** The shift's tangent does not meet the others, and has norm √K. For the rotations, T(v) is linear in v and ‖T(v)‖_F² = (r−1)‖(W, H)(v)‖², since each column of W and row of H occurs in r − 1
//! generators. Moreover ‖Σ c_ab A_ab x‖² = tr(Aᵀ(WᵀW + HHᵀ)A) ≥ 2qΣc_ab², A = Σ c_ab A_ab, where q ≤ λ_min(WᵀW + HHᵀ). So σ_min(T)² ≥ 2q, and σ_min(T(x)ᵀT) ≥ 2q − (r−1)ρ‖(W̃, H̃)‖ > 0 is enough. For r ≤ 1
//! there are no rotations.
//!
//! **What this does not establish**: uniqueness at width d (kind 4 does, infinitesimally), and whether the point that was started from belongs to this orbit.

use super::arrow::{Transverse, affordable, transverse};
use super::enclosure::{PointBox, norm};
use super::report::Steps;
use crate::numeric::interval::{Balls, Interval, smallest_eigenvalue_lower};
use crate::rigor::certificate::{Center, Instance, Location};

/// What is known of a critical orbit that was located.
pub(super) struct Orbit {
    /// A box that contains x*.
    pub(super) enclosure: PointBox,
    /// Inertia of the Hessian at x*, width r, transverse to the orbit.
    pub(super) transverse: Transverse,
    /// A lower bound of λ_min(WᵀW + HHᵀ) at x̃; 0 for r = 0.
    pub(super) spread: f64,
}

/// Verifies the hypotheses. `None` where one of them could not be verified; `steps` says which.
pub(super) fn locate(instance: &Instance, center: &Center, location: Location, steps: &mut Steps) -> Option<Orbit> {
    let Location { radius, separation } = location;
    let allowed = affordable(instance, center.width);
    steps.holds("the problem is within the checker's limits", allowed.is_ok(), || allowed.err().unwrap_or_default())?;
    let thin = PointBox::around(center, 0.0);
    let gradient = norm(&thin.gradient(instance)).hi();
    let allowed = (Interval::point(0.5) * separation * Interval::point(radius)).lo();
    steps.less("the gradient at the point is small: ‖∇f(x̃)‖ < sρ/2", gradient, allowed)?;

    let spread = least_spread(&thin);
    if center.width > 0 {
        let spread_found = spread.unwrap_or(0.0);
        steps.less("W and H have the full rank r: 0 < λ_min(WᵀW + HHᵀ)", 0.0, spread_found)?;
    }
    let spread = spread.unwrap_or(0.0);
    if center.width > 1 {
        let rotations = Interval::count(center.width - 1);
        let length = norm(&[&thin.w[..], &thin.h[..]].concat());
        let moved = (rotations * radius * length).hi();
        steps.less("tangents stay independent over the ball: (r−1)ρ‖(W, H)‖ < 2λ_min(WᵀW + HHᵀ)", moved, 2.0 * spread)?;
    }
    let enclosure = PointBox::around(center, radius);
    let found = transverse(instance, center, &enclosure, separation);
    let missing = found.dimension - (found.above + found.below).min(found.dimension);
    steps.holds(
        "no eigenvalue of the Hessian transverse to the orbit lies in [−s, s], over the whole ball",
        found.above + found.below == found.dimension,
        || {
            let counted = format!("{} certainly above, {} certainly below", found.above, found.below);
            match &found.obstacle {
                Some(obstacle) => obstacle.clone(),
                None => format!("{counted}, {missing} of {} not told from zero", found.dimension),
            }
        },
    )?;
    Some(Orbit { enclosure, transverse: found, spread })
}

/// A lower bound of λ_min(WᵀW + HHᵀ) over the box.
fn least_spread(x: &PointBox) -> Option<f64> {
    let r = x.width;
    let mut gram = Balls::zeros(r, r);
    for a in 0..r {
        for b in 0..=a {
            let rows = x.w.chunks_exact(r).chain(x.h.chunks_exact(r));
            gram.set(a, b, rows.map(|row| row[a] * row[b]).sum());
            gram.set(b, a, gram.get(a, b));
        }
    }
    smallest_eigenvalue_lower(&gram, 1e-12 * gram.row_sum_upper())
}
