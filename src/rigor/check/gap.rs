//! Kind 2, value, lower bound and gap at the point.
//!
//! **Dual bound** (convex L, any labels, any width). For every Γ (K×N, columns γ_i) with ‖Γ‖₂ ≤ μ,
//!
//! ```text
//! f(W, H, b) ≥ D(Γ) = −(c/N) Σ_i L*(u_i) − ‖Γ1‖²/(2λ_b),   u_i = Nγ_i/c,
//! ```
//!
//! where a free bias needs Γ1 = 0 and without a bias the last term is absent. Proof: λ_W/2‖W‖² + λ_H/2‖H‖² ≥ μ‖WH‖_* ≥ −⟨Γ, WH⟩, (c/N)L(z_i) ≥ ⟨γ_i, z_i⟩ − (c/N)L*(u_i) by Fenchel's inequality, and
//! λ_b/2‖b‖² + ⟨Γ1, b⟩ ≥ −‖Γ1‖²/(2λ_b). Conjugates, with their domains:
//!
//! ```text
//! CE, LS   Σ_j v_j log v_j,   v = u + ỹ ≥ 0,  1ᵀu = 0
//! MSE      M u_k + ½(u_k²/κ + Σ_{j≠k} u_j²)
//! BCE      −h(−u_k) − Σ_{j≠k} h(u_j),   h(t) = −t log t − (1−t) log(1−t),  −1 ≤ u_k ≤ 0 ≤ u_j ≤ 1
//! ```
//!
//! The certificate gives floats u_i. The constraints 1ᵀu = 0 and Γ1 = 0, which floats do not meet exactly, are met by projection: from every column its mean over the classes is subtracted, then from every row its mean over
//! the samples, in intervals. The projections commute, so that the intervals contain a matrix that meets both exactly; the bound is that of this matrix.
//!
//! The contrastive bound is in `contrast`.
//!
//! **What this does not establish**: that the point is critical.

use super::contrast;
use super::enclosure::{PointBox, per_sample};
use super::report::Steps;
use crate::numeric::interval::{Balls, Interval, spectral_norm_at_most};
use crate::rigor::certificate::{BiasMode, Center, Instance, LowerBound};
use crate::rigor::losses::IntervalLoss;

/// Verifies the claim.
pub(super) fn verify(
    instance: &Instance,
    center: &Center,
    bound: &LowerBound,
    value: Interval,
    lower_bound: f64,
    gap: f64,
    steps: &mut Steps,
) -> Option<()> {
    let found = PointBox::around(center, 0.0).value(instance);
    steps.holds("f at the point lies in the claimed interval", !found.is_empty() && found.is_subset(value), || {
        format!("{found} ⊆ {value}")
    })?;
    match bound {
        LowerBound::Dual(columns) => {
            let bound = dual(instance, columns, steps)?;
            steps.at_most("the lower bound is at most the dual value", lower_bound, bound.lo())?;
        }
        LowerBound::Contrastive => contrast::verify(instance, lower_bound, steps)?,
    }
    let difference = (Interval::point(value.hi()) - Interval::point(lower_bound)).hi();
    steps.at_most("the value is at most the gap above the lower bound", difference, gap)
}

/// An enclosure of D(Γ) for a feasible Γ.
fn dual(instance: &Instance, columns: &[f64], steps: &mut Steps) -> Option<Interval> {
    steps.holds("the loss is convex", instance.loss.convex(), || "duality needs it".into())?;
    let (classes, samples) = (instance.classes, instance.samples());
    let mut u: Vec<Vec<Interval>> =
        columns.chunks_exact(classes).map(|column| column.iter().map(|&x| Interval::point(x)).collect()).collect();
    if instance.loss.shift_invariant() {
        u.iter_mut().for_each(|column| centre(column));
    }
    if instance.bias == BiasMode::Free {
        for k in 0..classes {
            let mut row: Vec<Interval> = u.iter().map(|column| column[k]).collect();
            centre(&mut row);
            u.iter_mut().zip(row).for_each(|(column, entry)| column[k] = entry);
        }
    }
    let matrix = Balls::from_fn(classes, samples, |k, i| u[i][k]);
    let allowed = instance.mu() / per_sample(instance);
    steps.holds("‖Γ‖₂ ≤ μ", spectral_norm_at_most(&matrix, allowed), || "by a verified factorisation".into())?;
    let mut total = Interval::ZERO;
    let mut inside = true;
    for (column, &label) in u.iter().zip(&instance.labels) {
        let conjugate = conjugate(&instance.loss, column, label);
        inside &= conjugate.is_some();
        total += conjugate.unwrap_or(Interval::ZERO);
    }
    steps.holds("Γ lies in the conjugate's domain", inside, || format!("{samples} columns"))?;
    let weight = per_sample(instance);
    let mut bound = -(weight * total);
    if instance.bias == BiasMode::Decayed {
        let square: Interval = (0..classes).map(|k| (weight * u.iter().map(|column| column[k]).sum::<Interval>()).sqr()).sum();
        bound -= square / (Interval::point(2.0) * instance.decay_b);
    }
    Some(bound)
}

/// Subtracts the mean.
fn centre(numbers: &mut [Interval]) {
    let mean = numbers.iter().copied().sum::<Interval>() / Interval::count(numbers.len());
    numbers.iter_mut().for_each(|x| *x -= mean);
}

/// v log v over an interval of v ≥ 0, with 0 log 0 = 0: it falls up to 1/e and rises from there.
fn entropy(v: Interval) -> Interval {
    let at = |x: f64| if x <= 0.0 { Interval::ZERO } else { Interval::point(x) * Interval::point(x).log() };
    let least = -(-Interval::ONE).exp();
    let turn = (-Interval::ONE).exp();
    let ends = at(v.lo()).hull(at(v.hi()));
    if v.is_disjoint(turn) { ends } else { ends.hull(least) }
}

/// L*(u) for label k; `None` where u is not certainly in the domain.
fn conjugate(loss: &IntervalLoss, u: &[Interval], label: usize) -> Option<Interval> {
    let inside = |v: Interval, most: f64| v.is_bounded() && v.lo() >= 0.0 && v.hi() <= most;
    match loss {
        IntervalLoss::CrossEntropy | IntervalLoss::LabelSmoothing { .. } => {
            let alpha = if let IntervalLoss::LabelSmoothing { alpha } = loss { *alpha } else { Interval::ZERO };
            let share = alpha / Interval::count(u.len());
            let mut sum = Interval::ZERO;
            for (j, &u) in u.iter().enumerate() {
                let own = if j == label { Interval::ONE - alpha + share } else { share };
                let v = u + own;
                // Σv = 1 exactly and v ≥ 0 give v ≤ 1; the interval may reach past it by rounding.
                if !inside(v, 2.0) {
                    return None;
                }
                sum += entropy(v);
            }
            Some(sum)
        }
        IntervalLoss::Mse { kappa, target } => {
            let others: Interval = u.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, u)| u.sqr()).sum();
            Some(*target * u[label] + Interval::point(0.5) * (u[label].sqr() / *kappa + others))
        }
        IntervalLoss::Bce => {
            let mut sum = Interval::ZERO;
            for (j, &u) in u.iter().enumerate() {
                let t = if j == label { -u } else { u };
                if !inside(t, 1.0) {
                    return None;
                }
                sum += entropy(t) + entropy((Interval::ONE - t).intersection(Interval::new(0.0, 1.0)?));
            }
            Some(sum)
        }
        IntervalLoss::Focal { .. } | IntervalLoss::OfTrueClass(_) | IntervalLoss::PerLogit { .. } => None,
    }
}
