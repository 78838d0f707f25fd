//! Cross-entropy, L = −log p_k with p = softmax(z).

use super::{Conjugate, LogitHessian, LossFunction, Softmax};

/// Cross-entropy: ∇L = p − e_k, ∇²L = diag(p) − ppᵀ. Convex, shift-invariant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy;

impl LossFunction for CrossEntropy {
    fn convex(&self) -> bool {
        true
    }

    fn shift_invariant(&self) -> bool {
        true
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        // log Σ e^{z_j − z_k}: with the label's own term 1 kept apart, nothing is lost when p_k ≈ 1.
        let mut top = 0.0_f64;
        for &z in logits {
            top = top.max(z - logits[label]);
        }
        let mut others = 0.0;
        let mut at_top = false;
        for &z in logits {
            let gap = z - logits[label] - top;
            // One term that attains the maximum is the 1 of log1p.
            if !at_top && gap == 0.0 {
                at_top = true;
            } else {
                others += gap.exp();
            }
        }
        top + others.ln_1p()
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let softmax = Softmax::new(logits, gradient);
        softmax.residual(gradient, label);
        softmax.surprise(logits, label)
    }

    fn hessian(&self, logits: &[f64], _label: usize, out: &mut LogitHessian) {
        softmax_hessian(logits, 1.0, out);
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        Some(self)
    }
}

/// `weight` (diag(p) − ppᵀ) in pivoted form, the dominating class as the pivot: `terms[0]` = (−weight, v), a = weight v.
/// Further terms that `out` had been given room for are left zero. Returns the softmax; v stands in `out.terms[0].1`.
pub(super) fn softmax_hessian(logits: &[f64], weight: f64, out: &mut LogitHessian) -> Softmax {
    out.reset(logits.len(), None, 1);
    let (coefficient, others) = &mut out.terms[0];
    let softmax = Softmax::new(logits, others);
    others[softmax.dominant] = 0.0;
    *coefficient = -weight;
    for (a, p) in out.diagonal.iter_mut().zip(others.iter()) {
        *a = weight * p;
    }
    out.pivot = Some(softmax.dominant);
    softmax
}

impl Conjugate for CrossEntropy {
    /// Σ_j v_j log v_j with v = u + e_k on the simplex.
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        let entropy = |v: f64| if v > 0.0 { v * v.ln() } else { 0.0 };
        dual.iter().enumerate().map(|(j, &u)| entropy(if j == label { u + 1.0 } else { u })).sum()
    }

    fn interior_slope(&self) -> Option<f64> {
        Some(1.0)
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        let floor = |j: usize| if j == label { -1.0 } else { 0.0 };
        fraction_above(inside, target, floor)
    }
}

/// The largest ρ ∈ [0, 1] with ρ target_j + (1 − ρ) inside_j ≥ floor(j) for every j.
pub(super) fn fraction_above(inside: &[f64], target: &[f64], floor: impl Fn(usize) -> f64) -> f64 {
    let mut fraction = 1.0_f64;
    for (j, (&a, &b)) in inside.iter().zip(target).enumerate() {
        let floor = floor(j);
        if !(b >= floor) {
            fraction = fraction.min((a - floor) / (a - b));
        }
    }
    fraction.clamp(0.0, 1.0)
}
