//! Kind 1, negative curvature at the point.
//!
//! With D_i = Uh_i + Wv_i + w for a direction (U, V, w), G = ∇g and A_i = (c/N)∇²L(z_i),
//!
//! ```text
//! ∇²f[·,·] = Σ_i (D_iᵀA_iD_i + 2 g_iᵀUv_i) + λ_W‖U‖² + λ_H‖V‖² + λ_b‖w‖²,
//! ```
//!
//! evaluated in intervals at the point itself, padded with zeros to width d. Accepted if the result is certainly at most −c‖(U, V, w)‖², c > 0: by Courant and Fischer the Hessian has an eigenvalue ≤ −c.
//!
//! **What this does not establish**: that the point is critical.

use super::enclosure::PointBox;
use super::report::Steps;
use crate::numeric::interval::Interval;
use crate::rigor::certificate::{Center, Instance};

/// Verifies the claim.
pub(super) fn verify(instance: &Instance, center: &Center, direction: &[f64], curvature: f64, steps: &mut Steps) -> Option<()> {
    steps.less("the curvature is positive", 0.0, curvature)?;
    let (classes, samples, d, r) = (instance.classes, instance.samples(), instance.width, center.width);
    let direction: Vec<Interval> = direction.iter().map(|&x| Interval::point(x)).collect();
    let (u, rest) = direction.split_at(classes * d);
    let (v, w) = rest.split_at(samples * d);
    let square = |numbers: &[Interval]| -> Interval { numbers.iter().map(|x| x.sqr()).sum() };
    let mut form = instance.decay_w * square(u) + instance.decay_h * square(v) + instance.decay_b * square(w);
    let x = PointBox::around(center, 0.0);
    for i in 0..samples {
        let part = x.sample(instance, i);
        let (h, v) = (x.feature(i), &v[i * d..(i + 1) * d]);
        let moved: Vec<Interval> = (0..classes)
            .map(|k| {
                let start = w.get(k).copied().unwrap_or(Interval::ZERO);
                (0..r).fold(start, |sum, a| sum + u[k * d + a] * h[a] + x.w[k * r + a] * v[a])
            })
            .collect();
        for k in 0..classes {
            let cross: Interval = (0..d).map(|a| u[k * d + a] * v[a]).sum();
            form += Interval::point(2.0) * part.gradient[k] * cross;
            form += part.hessian.get(k, k) * moved[k].sqr();
            for l in 0..k {
                form += Interval::point(2.0) * part.hessian.get(k, l) * (moved[k] * moved[l]);
            }
        }
    }
    let length = square(&direction);
    steps.less("the direction is not zero", 0.0, length.lo())?;
    let allowed = -(Interval::point(curvature) * length);
    steps.at_most("vᵀ∇²f v ≤ −c‖v‖²", form.hi(), allowed.lo())
}
