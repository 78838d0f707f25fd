//! Cross-entropy, L = −log p_k with p = softmax(z).

use super::block::{SoftmaxLanes, softmax_block};
use super::conjugate::{entropy_term, fraction_inside};
use super::{Conjugate, Epilogue, LogitBlock, LogitHessian, LossFunction, Softmax, Task};

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
        Softmax::without_probabilities(logits).surprise(logits, label)
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let softmax = Softmax::new(logits, gradient);
        softmax.residual(gradient, label);
        softmax.surprise(logits, label)
    }

    fn hessian(&self, logits: &[f64], _label: usize, out: &mut LogitHessian) {
        softmax_hessian(logits, out);
    }

    fn over_lanes(&self, block: &mut LogitBlock<'_>, task: Task<'_>) -> Option<f64> {
        Some(softmax_block(*self, block, task))
    }

    fn epilogue(&self) -> Epilogue {
        Epilogue::of_softmax(0.0, String::new(), "    return Weights(own.surprise, 1.0, 0.0);".into())
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        Some(self)
    }
}

impl SoftmaxLanes for CrossEntropy {}

/// diag(p) − ppᵀ in pivoted form, the dominating class as the pivot: the diagonal is v, `terms[0]` = (−1, v). Returns the softmax.
pub(super) fn softmax_hessian(logits: &[f64], out: &mut LogitHessian) -> Softmax {
    out.reset(logits.len(), None, 1);
    let (coefficient, others) = &mut out.terms[0];
    let softmax = Softmax::new(logits, others);
    others[softmax.dominant] = 0.0;
    *coefficient = -1.0;
    out.diagonal.copy_from_slice(others);
    out.pivot = Some(softmax.dominant);
    softmax
}

impl Conjugate for CrossEntropy {
    /// Σ_j v_j log v_j with v = u + e_k on the simplex.
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        // Near collapse u_k = p_k − 1 is small and 1 + u_k has lost its digits: its logarithm comes from u_k.
        let own = |u: f64| if u > -0.5 { (1.0 + u) * u.ln_1p() } else { entropy_term(u + 1.0) };
        dual.iter().enumerate().map(|(j, &u)| if j == label { own(u) } else { entropy_term(u) }).sum()
    }

    fn interior_slope(&self) -> Option<f64> {
        Some(1.0)
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        let floor = |j: usize| if j == label { -1.0 } else { 0.0 };
        fraction_inside(inside, target, |j| (floor(j), f64::INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (1 + u) log(1 + u) = u + u²/2 − u³/6 + … at u = −(K−1)q: formed from 1 + u it would have no digit at q = 1e-17.
    #[test]
    fn the_conjugate_keeps_its_digits_near_collapse() {
        for q in [1e-6_f64, 1e-12, 1e-17] {
            let found = CrossEntropy.conjugate_value(&[-3.0 * q, q, q, q], 0);
            let own = -3.0 * q + 4.5 * q * q + 4.5 * q * q * q;
            let expected = own + 3.0 * q * q.ln();
            assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{q}: {found} {expected}");
        }
    }
}
