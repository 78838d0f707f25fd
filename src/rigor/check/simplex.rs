//! Kind 6, the simplex ETF: the exact critical orbit *is* a simplex ETF, self-dual and collapsed; and, for losses ℓ(p_k), convex or not, it is the global minimum.
//!
//! Balanced problem, shift-invariant loss, r = K−1. Let M be any K×r matrix with MᵀM = I, 1ᵀM = 0, so that MMᵀ = P = I − J/K. For s > 0 put W = ωM, h_i = ν·(row y_i of M), b = 0 (or β1 where it is free), with
//! ω² = s√(nλ_H/λ_W), ν = s/ω. The logits of a sample are s(e_k − 1/K): its margin is s, ∇L = −m(s)·K/(K−1)·(e_k − 1/K) with m = −dℓ/ds, as both sides are symmetric in the other classes, sum to zero, and have the product −m with
//! e_k − 1/K. So G = −(c/N)·m·K/(K−1)·P⊗1ᵀ, G1 = 0, and GHᵀ = −λ_W W, WᵀG = −λ_H H both say m(s) = e := (K−1)√n μ/c. **The ETF of scale s is critical iff m(s) = e.**
//!
//! If m(lo) > e > m(hi) and m' < 0 on [lo, hi] there is exactly one such s* in between. If some ETF of scale s*, for every s in [lo, hi] in place of s*, lies within ρ of x̃, then it is a critical point of width r in the ball of
//! `orbit`, where all critical points are one orbit: x* is that ETF, up to O(r) (and a shift of b).
//!
//! **Distance.** With A = W̃/ω, v = Aᵀ1, the matrix PA has (PA)ᵀPA = AᵀA − vvᵀ/K; if D := AᵀA − vvᵀ/K − I has ‖D‖_F < 1, its polar factor M has range in 1^⊥, and ‖PA − M‖_F ≤ ‖D‖_F, since |σ−1| ≤ |σ²−1|. So
//! ‖W̃ − ωM‖_F ≤ ω(‖v‖/√K + ‖D‖_F) =: a. ‖H̃ − νM-rows‖_F ≤ (Σ‖h̃_i − (ν/ω)w̃_{y_i}‖²)^{1/2} + (ν/ω)√n·a. b̃ is off by ‖b̃‖, of which the mean does not count where b is free.
//!
//! **Global minimum.** f at the ETF is c·ψ(s*), ψ(s) = ℓ(p(s)) + e·s of `contrast`, since ‖WH‖_* = √n(K−1)s. On a basin [a, b] ⊇ [lo, hi] with m' < 0, ψ' = e − m rises through 0 at s*: there ψ ≥ ψ(s*). If outside of the basin
//! ψ ≥ sup ψ([lo, hi]), then f ≥ c·inf ψ = c·ψ(s*) = f(x*) by the contrastive bound: x* is a global minimum.

use super::contrast::{above, per_class, weight};
use super::enclosure::{PointBox, norm};
use super::report::Steps;
use crate::numeric::interval::Interval;
use crate::rigor::certificate::{BiasMode, Center, Instance, Location};

/// Verifies that the located orbit is a simplex ETF with a scale in `scale`.
pub(super) fn verify(instance: &Instance, center: &Center, location: Location, scale: Interval, steps: &mut Steps) -> Option<()> {
    let classes = instance.classes;
    let n = per_class(instance, steps)?;
    steps
        .holds("the loss is shift-invariant", instance.loss.shift_invariant(), || "the ETF is critical for such losses".into())?;
    steps.holds("the rank is K − 1", center.width == classes - 1, || format!("r = {}", center.width))?;
    steps.less("the scale is positive", 0.0, scale.lo())?;
    let wanted = weight(instance, n);
    let at = |s: f64| instance.loss.at_margin(classes, Interval::point(s)).pull;
    steps.less("the pull is above e at the lower scale: e < m(lo)", wanted.hi(), at(scale.lo()).lo())?;
    steps.less("the pull is below e at the upper scale: m(hi) < e", at(scale.hi()).hi(), wanted.lo())?;
    steps.less("the pull falls: m' < 0", instance.loss.at_margin(classes, scale).pull_slope.hi(), 0.0)?;
    let distance = distance(instance, center, scale, n);
    steps.at_most("an ETF of that scale lies in the ball", distance, location.radius)
}

/// Verifies that this ETF is a global minimum, with its value in `value`.
pub(super) fn global(instance: &Instance, scale: Interval, basin: Interval, value: Interval, steps: &mut Steps) -> Option<()> {
    let classes = instance.classes;
    let inside = basin.lo() >= 0.0 && scale.is_subset(basin);
    steps.holds("the basin contains the scale", inside, || format!("{scale} ⊆ {basin}"))?;
    let slope = instance.loss.at_margin(classes, basin).pull_slope.hi();
    steps.less("the pull falls on the whole basin: m' < 0", slope, 0.0)?;
    let n = per_class(instance, steps)?;
    let least = instance.loss.at_margin(classes, scale).value + weight(instance, n) * scale;
    above(instance, least.hi(), Some(basin), steps)?;
    let found = instance.scale * least;
    let holds = !found.is_empty() && found.is_subset(value);
    steps.holds("f on the orbit lies in the claimed interval", holds, || format!("{found} ⊆ {value}"))
}

/// An upper bound of the distance from the point to an ETF, for every scale in the interval.
fn distance(instance: &Instance, center: &Center, scale: Interval, n: usize) -> f64 {
    let (classes, r) = (Interval::count(instance.classes), center.width);
    let x = PointBox::around(center, 0.0);
    let ratio = (Interval::count(n) * instance.decay_h / instance.decay_w).sqrt();
    let omega = (scale * ratio).sqrt();
    let share = ratio.recip();
    let unit: Vec<Interval> = x.w.iter().map(|&w| w / omega).collect();
    let sums: Vec<Interval> = (0..r).map(|a| unit.iter().skip(a).step_by(r).copied().sum()).collect();
    let mut defect = Vec::with_capacity(r * r);
    for a in 0..r {
        for b in 0..r {
            let product: Interval = unit.chunks_exact(r).map(|row| row[a] * row[b]).sum();
            let one = if a == b { Interval::ONE } else { Interval::ZERO };
            defect.push(product - sums[a] * sums[b] / classes - one);
        }
    }
    let defect = norm(&defect);
    if !(defect.hi() < 1.0) {
        return f64::INFINITY;
    }
    let of_w = omega * (norm(&sums) / classes.sqrt() + defect);
    let mut off = Vec::with_capacity(x.h.len());
    for (i, &label) in instance.labels.iter().enumerate() {
        let row = &x.w[label * r..(label + 1) * r];
        off.extend(x.feature(i).iter().zip(row).map(|(&h, &w)| h - share * w));
    }
    let of_h = norm(&off) + share * Interval::count(n).sqrt() * of_w;
    let mut b = x.b.clone();
    if instance.bias == BiasMode::Free {
        let mean = b.iter().copied().sum::<Interval>() / classes;
        b.iter_mut().for_each(|b| *b -= mean);
    }
    norm(&[of_w, of_h, norm(&b)]).hi()
}
