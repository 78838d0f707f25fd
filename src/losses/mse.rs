//! Squared error against M e_k, the true class weighted by κ.

use super::block::{SeparableLanes, separable_block};
use super::epilogue::literal;
use super::{Conjugate, Epilogue, LogitBlock, LogitHessian, LossFunction, Task};
use crate::numeric::Jet;
use crate::numeric::lanes::{LANES, Lanes, lanes};

/// L = ½ [κ (z_k − M)² + Σ_{j≠k} z_j²]: ∇L = D (z − M e_k), ∇²L = D = diag(1, …, κ at k, …). Convex, not shift-invariant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mse {
    /// κ > 0, the weight of the true class.
    pub kappa: f64,
    /// M > 0, the true class's target.
    pub target: f64,
}

impl LossFunction for Mse {
    fn convex(&self) -> bool {
        true
    }

    fn shift_invariant(&self) -> bool {
        false
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        let miss = logits[label] - self.target;
        let others: f64 = logits.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, z)| z * z).sum();
        0.5 * (self.kappa * (miss * miss) + others)
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        gradient.copy_from_slice(logits);
        gradient[label] = self.kappa * (logits[label] - self.target);
        self.value(logits, label)
    }

    fn hessian(&self, logits: &[f64], label: usize, out: &mut LogitHessian) {
        out.reset(logits.len(), None, 0);
        out.diagonal.fill(1.0);
        out.diagonal[label] = self.kappa;
    }

    fn over_lanes(&self, block: &mut LogitBlock<'_>, task: Task<'_>) -> Option<f64> {
        Some(separable_block(*self, block, task))
    }

    fn epilogue(&self) -> Epilogue {
        let (kappa, target) = (literal(self.kappa), literal(self.target));
        let functions = format!(
            "fn term(z: f32, own: bool) -> f32 {{
    let miss = z - select(0.0, {target}, own);
    return 0.5 * select(1.0, {kappa}, own) * (miss * miss);
}}

fn slope(z: f32, own: bool) -> f32 {{
    return select(z, {kappa} * (z - {target}), own);
}}

fn bend(z: f32, own: bool) -> f32 {{
    return select(1.0, {kappa}, own);
}}
"
        );
        Epilogue::Separable { functions }
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        Some(self)
    }
}

impl SeparableLanes for Mse {
    #[inline(always)]
    fn jet<S: pulp::Simd>(self, _simd: S, z: &Lanes, own: &[bool; LANES]) -> Jet<Lanes> {
        let miss = lanes(|l| z[l] - if own[l] { self.target } else { 0.0 });
        let second = lanes(|l| if own[l] { self.kappa } else { 1.0 });
        Jet { value: lanes(|l| 0.5 * (second[l] * (miss[l] * miss[l]))), first: lanes(|l| second[l] * miss[l]), second }
    }
}

impl Conjugate for Mse {
    /// M u_k + ½ (u_k²/κ + Σ_{j≠k} u_j²).
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        let others: f64 = dual.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, u)| u * u).sum();
        let own = dual[label];
        self.target * own + 0.5 * (own * own / self.kappa + others)
    }

    fn interior_slope(&self) -> Option<f64> {
        None
    }

    fn domain_fraction(&self, _inside: &[f64], _target: &[f64], _label: usize) -> f64 {
        1.0
    }
}
