//! Poly-1 loss, L = −log p_k + ε₁(1 − p_k) (Leng et al. 2022, "PolyLoss").

use super::block::{Own, SoftmaxLanes, softmax_block};
use super::epilogue::literal;
use super::true_class::{self, OfTrueClass};
use super::{Conjugate, Epilogue, LogitBlock, LogitHessian, LossFunction, Task};
use crate::numeric::Jet;
use crate::numeric::expression::{Along, TrueClass};
use crate::numeric::vector::Vector;

/// Poly-1 loss. With q = 1 − p and the log-odds u: ℓ_u = −q(1 + ε₁p), ℓ_uu = pq(1 − ε₁(q − p)).
///
/// So it falls in p for ε₁ ≥ −1 and is convex iff |ε₁| ≤ 1; for ε₁ > 1 its Hessian is positive semidefinite iff p ≥ (1 − 1/ε₁)/2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolyLoss {
    /// ε₁ > −1.
    pub epsilon1: f64,
}

impl PolyLoss {
    /// The probability from which on the Hessian is positive semidefinite; 0 where it is everywhere.
    pub fn convexity_edge(&self) -> f64 {
        if self.epsilon1 > 1.0 { 0.5 * (1.0 - 1.0 / self.epsilon1) } else { 0.0 }
    }
}

impl OfTrueClass for PolyLoss {
    fn jet(&self, at: &TrueClass<f64>, along: Along, _classes: usize) -> Jet<f64> {
        let (p, q, weight) = (at.p, at.q, self.epsilon1);
        let value = at.surprise + weight * q;
        let pull = q * (1.0 + weight * p);
        match along {
            // 1 + 2ε₁p, written so that nothing cancels for small q: ε₁ = −1/2 leaves q.
            Along::Odds => Jet { value, first: pull, second: -q * q * ((1.0 + 2.0 * weight) - 2.0 * weight * q) },
            Along::LogOdds => Jet { value, first: -pull, second: p * q * (1.0 - weight * (q - p)) },
        }
    }
}

impl LossFunction for PolyLoss {
    fn convex(&self) -> bool {
        self.epsilon1.abs() <= 1.0
    }

    fn shift_invariant(&self) -> bool {
        true
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        true_class::value(self, logits, label)
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        true_class::value_gradient(self, logits, label, gradient)
    }

    fn hessian(&self, logits: &[f64], label: usize, out: &mut LogitHessian) {
        true_class::hessian(self, logits, label, out);
    }

    fn over_lanes(&self, block: &mut LogitBlock<'_>, task: Task<'_>) -> Option<f64> {
        Some(softmax_block(*self, block, task))
    }

    fn epilogue(&self) -> Epilogue {
        // η = −ℓ_u/q = 1 + ε₁p.
        let epsilon1 = literal(self.epsilon1);
        let weigh = format!(
            "    let q = own.complement;
    return Weights(own.surprise + {epsilon1} * q, 1.0 + {epsilon1} * own.probability, {epsilon1} * (q * q));"
        );
        Epilogue::of_softmax(0.0, String::new(), weigh)
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        if self.convex() { Some(self) } else { None }
    }
}

impl SoftmaxLanes for PolyLoss {
    const WEIGHED: bool = true;

    #[inline(always)]
    fn jet<S: pulp::Simd>(self, own: &Own<S>) -> Jet<Vector<S>> {
        let &Own { p, q, surprise } = own;
        let [one, weight] = [1.0, self.epsilon1].map(|x| p.number(x));
        Jet { value: surprise + weight * q, first: -q * (one + weight * p), second: p * q * (one - weight * (q - p)) }
    }
}

impl Conjugate for PolyLoss {
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        true_class::conjugate_value(self, dual, label)
    }

    fn interior_slope(&self) -> Option<f64> {
        Some(true_class::interior_slope(self, 2))
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        true_class::domain_fraction(self, inside, target, label)
    }
}
