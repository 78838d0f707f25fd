//! Generalised cross-entropy, L = (1 − p_k^a)/a (Zhang & Sabuncu 2018): between cross-entropy (a → 0) and the bounded 1 − p_k (a = 1).

use super::block::{Own, SoftmaxLanes, softmax_block};
use super::epilogue::literal;
use super::true_class::{self, OfTrueClass};
use super::{Epilogue, LogitBlock, LogitHessian, LossFunction, Task};
use crate::numeric::Jet;
use crate::numeric::expression::{Along, TrueClass};
use crate::numeric::vector::Vector;

/// Generalised cross-entropy. With q = 1 − p and the log-odds u: ℓ_u = −q p^a, ℓ_uu = q p^a (p − aq).
///
/// It falls in p, and its Hessian is positive semidefinite iff p ≥ a/(1 + a): never everywhere. Bounded by 1/a: far from the right answer its gradient vanishes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralizedCrossEntropy {
    /// a ∈ (0, 1].
    pub exponent: f64,
}

impl GeneralizedCrossEntropy {
    /// The probability from which on the Hessian is positive semidefinite.
    pub fn convexity_edge(&self) -> f64 {
        self.exponent / (1.0 + self.exponent)
    }
}

impl OfTrueClass for GeneralizedCrossEntropy {
    fn jet(&self, at: &TrueClass<f64>, along: Along, _classes: usize) -> Jet<f64> {
        let (p, q, a) = (at.p, at.q, self.exponent);
        // 1 − p^a = −expm1(−a s).
        let value = -(-a * at.surprise).exp_m1() / a;
        let pull = q * p.powf(a);
        match along {
            Along::Odds => Jet { value, first: pull, second: -(1.0 + a) * q * pull },
            Along::LogOdds => Jet { value, first: -pull, second: pull * (p - a * q) },
        }
    }
}

impl LossFunction for GeneralizedCrossEntropy {
    fn convex(&self) -> bool {
        false
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
        // η = −ℓ_u/q = p^a, written as e^{−x}, x = −a log p; (1 − e^{−x})/a by its series where x is small.
        let weigh = format!(
            "    let a = {};
    let x = a * own.surprise;
    let power = exp(-x);
    let series = x * (1.0 - x * (0.5 - x * (0.16666667 - x * 0.041666668)));
    var slope = 0.0;
    if (own.probability > 0.0) {{
        slope = a * (power / own.probability) * (own.complement * own.complement);
    }}
    return Weights(select(1.0 - power, series, x < 0.1) / a, power, slope);",
            literal(self.exponent)
        );
        Epilogue::of_softmax(0.0, String::new(), weigh)
    }
}

impl SoftmaxLanes for GeneralizedCrossEntropy {
    const WEIGHED: bool = true;

    #[inline(always)]
    fn jet<S: pulp::Simd>(self, own: &Own<S>) -> Jet<Vector<S>> {
        let &Own { p, q, surprise } = own;
        let a = self.exponent;
        let pull = q * p.map(|p| p.powf(a));
        Jet { value: surprise.map(|x| -(-a * x).exp_m1() / a), first: -pull, second: pull * (p - p.number(a) * q) }
    }
}
