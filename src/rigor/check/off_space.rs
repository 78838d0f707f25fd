//! The directions outside the row space of W and the column space of H, at an exact critical point of rank r.
//!
//! At a critical point GHᵀ = −λ_W W and WᵀG = −λ_H H, so λ_W WᵀW = −WᵀGHᵀ = λ_H HHᵀ: balance. If W and H have rank r (the width), U = W(WᵀW)^{−1/2} and V = Hᵀ(HHᵀ)^{−1/2} have orthonormal columns and
//! GV = −λ_W W (HHᵀ)^{−1/2} = −μU, UᵀG = −μVᵀ with μ = √(λ_Wλ_H). So G = −μUVᵀ + G₂ with UᵀG₂ = 0, G₂V = 0: μ is a singular value of G at least r times, by algebra; the others are those of G₂.
//!
//! At width d > r the Hessian is that of width r ⊕ (d−r) copies of [[λ_W I, G], [Gᵀ, λ_H I]] (the loss does not feel directions outside, but for the term 2⟨G, UV⟩). A singular value σ of G gives the eigenvalues
//! of [[λ_W, σ], [σ, λ_H]], whose determinant is μ² − σ²: one is negative iff σ > μ, zero iff σ = μ. So if no singular value of G₂ is μ, the d−r copies have (d−r)#{σ > μ} negative eigenvalues and exactly r(d−r) zeros.
//!
//! They are counted by M = GGᵀ − μ²I + τWWᵀ, τ > 0: on range(U) it is τWWᵀ, positive definite, on the complement G₂G₂ᵀ − μ²I, and nothing couples the two. So M has r + #{σ > μ} positive eigenvalues and is nonsingular
//! iff no other σ equals μ. M is K×K, whatever N. The rank is certain: σ_min([W; Hᵀ]) ≥ √q − ρ > 0 on the ball, and by balance W and H share the kernel of WᵀW + HHᵀ.

use super::enclosure::PointBox;
use super::orbit::Orbit;
use super::report::Steps;
use crate::numeric::interval::{Interval, eigenvalues_above_zero};
use crate::rigor::certificate::Instance;

/// #{σ_j(G) > μ} at the exact critical point. `None` where it is not certain, or the rank is not.
pub(super) fn escaping(instance: &Instance, radius: f64, orbit: &Orbit, steps: &mut Steps) -> Option<usize> {
    let x: &PointBox = &orbit.enclosure;
    let r = x.width;
    if r > 0 {
        let least = Interval::point(orbit.spread).sqrt().lo();
        steps.less("the exact point has rank r: ρ < √λ_min(WᵀW + HHᵀ)", radius, least)?;
    }
    let residual = x.residual_matrix(instance);
    let mut form = residual.product(&residual.transpose());
    let square = instance.decay_w * instance.decay_h;
    (0..instance.classes).for_each(|k| form.add_to(k, k, -square));
    if r > 0 {
        let w = x.classifier(instance);
        let gram = w.product(&w.transpose());
        // Any τ > 0 will do; this one makes τWWᵀ about as large as μ²I.
        let trace: f64 = (0..instance.classes).map(|k| gram.mid(k, k)).sum();
        let weight = square.mid() * r as f64 / trace;
        steps.less("the weight of WWᵀ is positive", 0.0, weight)?;
        form = form.plus(&gram.scaled(Interval::point(weight)));
    }
    let (positive, negative) = (eigenvalues_above_zero(&form, 0.0), eigenvalues_above_zero(&form.negated(), 0.0));
    steps.holds(
        "no singular value of G equals μ but those of the row space",
        positive + negative == instance.classes,
        || {
            format!(
                "{positive} certainly positive and {negative} certainly negative of {} eigenvalues of GGᵀ − μ²I + τWWᵀ",
                instance.classes
            )
        },
    )?;
    steps.holds("μ is a singular value of G r times", positive >= r, || format!("{positive} ≥ {r}"))?;
    Some(positive - r)
}
