//! Label smoothing: cross-entropy against the label vector ỹ = (1 − α) e_k + (α/K) 1.

use super::block::{SoftmaxLanes, softmax_block};
use super::conjugate::{entropy_term, fraction_inside};
use super::cross_entropy::softmax_hessian;
use super::{Conjugate, Epilogue, LogitBlock, LogitHessian, LossFunction, Softmax, Task};

/// Label smoothing: ∇L = p − ỹ, ∇²L = diag(p) − ppᵀ. Convex, shift-invariant; α = 0 is cross-entropy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelSmoothing {
    /// α ∈ [0, 1), the weight that is spread over all classes.
    pub alpha: f64,
}

impl LabelSmoothing {
    /// L from the softmax: log_sum + Σ_j ỹ_j (z_m − z_j), a sum of terms ≥ 0.
    fn assemble(&self, softmax: &Softmax, logits: &[f64], label: usize) -> f64 {
        let top = logits[softmax.dominant];
        let spread: f64 = logits.iter().map(|z| top - z).sum();
        softmax.log_sum + ((1.0 - self.alpha) * (top - logits[label]) + self.alpha / logits.len() as f64 * spread)
    }

    /// ỹ_j.
    fn target(&self, classes: usize, label: usize, j: usize) -> f64 {
        let uniform = self.alpha / classes as f64;
        if j == label { uniform + (1.0 - self.alpha) } else { uniform }
    }
}

impl LossFunction for LabelSmoothing {
    fn convex(&self) -> bool {
        true
    }

    fn shift_invariant(&self) -> bool {
        true
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        self.assemble(&Softmax::without_probabilities(logits), logits, label)
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let classes = logits.len() as f64;
        let softmax = Softmax::new(logits, gradient);
        let complement = softmax.complement(gradient, label);
        let uniform = self.alpha / classes;
        gradient.iter_mut().for_each(|p| *p -= uniform);
        // p_k − ỹ_k = (1 − ỹ_k) − (1 − p_k): both complements are known without subtraction.
        gradient[label] = uniform * (classes - 1.0) - complement;
        self.assemble(&softmax, logits, label)
    }

    fn hessian(&self, logits: &[f64], _label: usize, out: &mut LogitHessian) {
        softmax_hessian(logits, out);
    }

    fn over_lanes(&self, block: &mut LogitBlock<'_>, task: Task<'_>) -> Option<f64> {
        Some(softmax_block(*self, block, task))
    }

    /// Cross-entropy's, with the label vector's uniform part.
    fn epilogue(&self) -> Epilogue {
        Epilogue::of_softmax(self.alpha, String::new(), "    return Weights(own.surprise, 1.0, 0.0);".into())
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        Some(self)
    }
}

impl SoftmaxLanes for LabelSmoothing {
    #[inline(always)]
    fn smoothing(self) -> f64 {
        self.alpha
    }
}

impl Conjugate for LabelSmoothing {
    /// Σ_j v_j log v_j with v = u + ỹ on the simplex.
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        let classes = dual.len();
        dual.iter().enumerate().map(|(j, &u)| entropy_term(u + self.target(classes, label, j))).sum()
    }

    fn interior_slope(&self) -> Option<f64> {
        Some(1.0 - self.alpha)
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        let classes = inside.len();
        fraction_inside(inside, target, |j| (-self.target(classes, label, j), f64::INFINITY))
    }
}
