//! Focal loss, L = −(1 − p_k)^γ log p_k with p = softmax(z).

use super::block::{Own, SoftmaxLanes, softmax_block};
use super::cross_entropy::softmax_hessian;
use super::epilogue::literal;
use super::{Conjugate, CrossEntropy, Epilogue, LogitBlock, LogitHessian, LossFunction, Softmax, Task};
use crate::numeric::Jet;
use crate::numeric::expression::TrueClass;
use crate::numeric::vector::Vector;

/// Focal loss: ∇L = η(p_k)(p − e_k), ∇²L = η A − η' p_k (e_k − p)(e_k − p)ᵀ with A = diag(p) − ppᵀ and
/// η(p) = (1−p)^γ − γ p (1−p)^{γ−1} log p. Shift-invariant; convex only for γ = 0, where it is cross-entropy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    /// γ ≥ 0.
    pub gamma: f64,
}

/// (1 − p)^γ, η and (1 − p)² η' at one probability.
struct Weights {
    /// (1 − p)^γ.
    power: f64,
    /// η(p).
    eta: f64,
    /// (1 − p)² η'(p), which stays bounded at p → 1 where η' need not (γ < 1).
    slope: f64,
}

impl Focal {
    /// η and (1 − p)² η' from p, c = 1 − p and s = −log p.
    ///
    /// With r = s/c (→ 1 as p → 1): η = c^γ (1 + γ p r) and c² η' = γ c^{γ+1} (s − 2 − (γ−1) p r), products without a pole at c = 0.
    fn weights(&self, p: f64, complement: f64, surprise: f64) -> Weights {
        let gamma = self.gamma;
        let ratio = if complement > 0.0 { p * (surprise / complement) } else { p };
        let power = complement.powf(gamma);
        let slope = gamma * (power * complement) * (surprise - 2.0 - (gamma - 1.0) * ratio);
        Weights { power, eta: power * (1.0 + gamma * ratio), slope }
    }
}

impl Focal {
    /// ℓ, ℓ_u = −qη and ℓ_uu = p(qη − q²η') in the log-odds u.
    pub(super) fn at(&self, at: &TrueClass<f64>) -> Jet<f64> {
        let Weights { power, eta, slope } = self.weights(at.p, at.q, at.surprise);
        Jet { value: power * at.surprise, first: -at.q * eta, second: at.p * (at.q * eta - slope) }
    }
}

impl LossFunction for Focal {
    fn convex(&self) -> bool {
        self.gamma <= 0.0
    }

    fn shift_invariant(&self) -> bool {
        true
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        let softmax = Softmax::without_probabilities(logits);
        let surprise = softmax.surprise(logits, label);
        // 1 − p_k: where the label does not dominate, p_k ≤ 1/2 and −expm1(−s) loses nothing.
        let complement = if label == softmax.dominant { softmax.others } else { -(-surprise).exp_m1() };
        complement.powf(self.gamma) * surprise
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let softmax = Softmax::new(logits, gradient);
        let (complement, surprise) = (softmax.complement(gradient, label), softmax.surprise(logits, label));
        let Weights { power, eta, .. } = self.weights(gradient[label], complement, surprise);
        gradient[label] = -complement;
        gradient.iter_mut().for_each(|g| *g *= eta);
        power * surprise
    }

    /// With the bounded vector w = (e_k − p)/(1 − p_k), which sums to 0: ∇²L = η A − p_k (1−p_k)² η' w wᵀ.
    ///
    /// Relative to the dominating class m, w is its own entries off m. If the label is m, w ∝ v there, so that both rank-one terms
    /// are one; otherwise w_k = 1 and 1 − p_k ≥ 1/2.
    fn hessian(&self, logits: &[f64], label: usize, out: &mut LogitHessian) {
        let softmax = softmax_hessian(logits, out);
        let surprise = softmax.surprise(logits, label);
        if label == softmax.dominant {
            let complement = softmax.others;
            let Weights { eta, slope, .. } = self.weights(softmax.peak, complement, surprise);
            let (coefficient, share) = &mut out.terms[0];
            // η v vᵀ + p c² η' (v/c)(v/c)ᵀ along v/c; where c underflows so does everything here.
            if complement > 0.0 {
                *coefficient = -(eta * complement * complement + softmax.peak * slope);
                share.iter_mut().for_each(|v| *v /= complement);
            }
            out.diagonal.iter_mut().for_each(|a| *a *= eta);
        } else {
            let p = out.diagonal[label];
            let complement = 1.0 - p;
            let Weights { eta, slope, .. } = self.weights(p, complement, surprise);
            out.terms[0].0 = -eta;
            let mut toward_label: Vec<f64> = out.diagonal.iter().map(|v| -v / complement).collect();
            toward_label[label] = 1.0;
            out.terms.push((-p * slope, toward_label));
            out.diagonal.iter_mut().for_each(|a| *a *= eta);
        }
    }

    fn over_lanes(&self, block: &mut LogitBlock<'_>, task: Task<'_>) -> Option<f64> {
        Some(softmax_block(*self, block, task))
    }

    /// The formulas of `weights`.
    fn epilogue(&self) -> Epilogue {
        // 0^0 is not defined on a device.
        let power = if self.gamma > 0.0 { "pow(own.complement, gamma)" } else { "1.0" };
        let weigh = format!(
            "    let gamma = {};
    var ratio = own.probability;
    var power = 0.0;
    if (own.complement > 0.0) {{
        ratio = own.probability * (own.surprise / own.complement);
        power = {power};
    }}
    let slope = gamma * (power * own.complement) * (own.surprise - 2.0 - (gamma - 1.0) * ratio);
    return Weights(power * own.surprise, power * (1.0 + gamma * ratio), slope);",
            literal(self.gamma)
        );
        Epilogue::of_softmax(0.0, String::new(), weigh)
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        if self.convex() { Some(&CrossEntropy) } else { None }
    }
}

/// Exponents up to this one are multiplied out: a general power costs as much as a sample's whole softmax.
const GAMMA_MULTIPLIED: f64 = 16.0;

impl SoftmaxLanes for Focal {
    const WEIGHED: bool = true;

    /// The formulas of `weights` and `at`.
    #[inline(always)]
    fn jet<S: pulp::Simd>(self, own: &Own<S>) -> Jet<Vector<S>> {
        let &Own { p, q, surprise } = own;
        let number = |x: f64| p.number(x);
        let gamma = self.gamma;
        let power = if gamma.fract() == 0.0 && gamma <= GAMMA_MULTIPLIED {
            let mut power = number(1.0);
            for _ in 0..gamma as u32 {
                power = power * q;
            }
            power
        } else {
            q.map(|q| q.powf(gamma))
        };
        let ratio = q.where_above(number(0.0), p * (surprise / q), p);
        let pull = q * (power * (number(1.0) + number(gamma) * ratio));
        let slope = number(gamma) * (power * q) * (surprise - number(2.0) - number(gamma - 1.0) * ratio);
        Jet { value: power * surprise, first: -pull, second: p * (pull - slope) }
    }
}
