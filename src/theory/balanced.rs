//! A balanced problem by its sizes alone: closed forms need no labels, so that n = 10⁹ costs what n = 1 does.

use super::root::falling_root;
use super::scalar::{self, Profile};
use super::{BalancedMinimum, Reduced, Scalars, focal, focal_transition, separable, softmax, squentropy};
use crate::losses::{Loss, LossFunction};
use crate::model::{Bias, Decay};
use crate::objective::Problem;

/// A problem with n samples of each of K classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Balanced {
    /// K.
    pub classes: usize,
    /// d.
    pub width: usize,
    /// n.
    pub per_class: u64,
    /// What b is.
    pub bias: Bias,
    /// λ_W, λ_H, λ_b.
    pub decay: Decay,
    /// L.
    pub loss: Loss,
    /// c, which multiplies L.
    pub scale: f64,
}

impl TryFrom<&Problem> for Balanced {
    type Error = String;

    fn try_from(problem: &Problem) -> Result<Self, String> {
        Ok(Self {
            classes: problem.shape.classes(),
            width: problem.shape.width(),
            per_class: problem.shape.per_class().ok_or("the classes are not balanced")? as u64,
            bias: problem.bias,
            decay: problem.decay,
            loss: problem.loss.clone(),
            scale: problem.scale,
        })
    }
}

impl Balanced {
    /// Kd + dN (+ K with a bias), N = Kn.
    pub fn dimension(&self) -> u128 {
        let (classes, width) = (self.classes as u128, self.width as u128);
        let bias = if self.bias == Bias::None { 0 } else { classes };
        width * classes * (1 + u128::from(self.per_class)) + bias
    }

    /// ε = √n μ.
    pub fn epsilon(&self) -> f64 {
        (self.per_class as f64).sqrt() * self.decay.mu()
    }

    /// The same problem at another ε > 0: λ_W and λ_H are scaled alike, λ_b stays.
    #[must_use]
    pub fn with_epsilon(&self, epsilon: f64) -> Self {
        let factor = epsilon / self.epsilon();
        Self { decay: Decay { w: factor * self.decay.w, h: factor * self.decay.h, b: self.decay.b }, ..self.clone() }
    }

    /// √(n λ_H/λ_W): ‖w^k‖²/(what X has of class k), and ‖w‖/‖h‖ at the minimum.
    pub fn class_ratio(&self) -> f64 {
        (self.per_class as f64).sqrt() * (self.decay.h.sqrt() / self.decay.w.sqrt())
    }

    /// The closed-form minimum, or why there is none: a width below the minimum's rank, numbers out of range.
    pub fn minimum(&self) -> Result<BalancedMinimum, String> {
        let (reduced, Scalars { value, s, t, beta, global }) = self.solve()?;
        let (has_simplex, has_mean) = (s > 0.0, t.abs() > 0.0);
        let rank = (self.classes - 1) * usize::from(has_simplex) + usize::from(has_mean);
        if self.width < rank {
            return Err(format!("the width {} is below {rank}, the rank of the unconstrained minimum", self.width));
        }
        let size = (s * (reduced.classes - 1.0) + t.abs()) / reduced.classes;
        let ratio = self.class_ratio();
        let geometry = match (has_simplex, has_mean) {
            (false, false) => "zero",
            (false, true) => "mean-only",
            (true, false) => "simplex-etf",
            (true, true) if (s - t).abs() <= 1e-12 * s => "orthogonal-frame",
            (true, true) => "simplex-plus-mean",
        };
        Ok(BalancedMinimum {
            value,
            scale: s,
            mean_part: t,
            bias: beta,
            norm_w: (ratio * size).sqrt(),
            norm_h: (size / ratio).sqrt(),
            rank,
            zero_phase: rank == 0,
            global,
            geometry,
        })
    }

    /// The ε from which on W = H = 0 is the minimum (of the symmetric points; see [`BalancedMinimum::global`]), at these λ_b and c.
    ///
    /// For a convex loss that is where ‖G‖_op = μ at W = H = 0 with the best b = β1: with the slopes γ_k of the true and γ_j of another logit, √n G has the singular values
    /// (c/K)|γ_k − γ_j| on the simplex and (c/K)|γ_k + (K−1)γ_j| on the mean. For the focal loss it is its transition. `None`: no closed form.
    pub fn zero_threshold(&self) -> Option<f64> {
        let classes = self.classes as f64;
        let decay_b = self.decay.b / self.scale;
        let edge = match &self.loss {
            Loss::CrossEntropy(_) | Loss::VectorScaling(_) | Loss::Squentropy(_) => 1.0 / classes,
            Loss::LabelSmoothing(loss) => (1.0 - loss.alpha) / classes,
            Loss::Focal(loss) => focal_transition(self.classes, loss.gamma),
            Loss::Custom(loss) if !loss.shift_invariant() => separable::zero_threshold(loss, self.classes, self.bias, decay_b)?,
            loss @ (Loss::PolyLoss(_) | Loss::GeneralizedCrossEntropy(_) | Loss::Custom(_)) => {
                Profile::new(loss, self.classes)?.zero_threshold()
            }
            Loss::Mse(loss) => {
                let stiffness = loss.kappa + classes - 1.0;
                let beta = match self.bias {
                    Bias::None => 0.0,
                    Bias::Free => loss.kappa * loss.target / stiffness,
                    Bias::Decayed => loss.kappa * loss.target / (stiffness + classes * decay_b),
                };
                let own = loss.kappa * (beta - loss.target);
                (own - beta).abs().max((own + (classes - 1.0) * beta).abs()) / classes
            }
            Loss::Bce(_) => {
                // γ_j = σ(β) = q and γ_k = q − 1; λ_b β = 1/K − q.
                let q = match self.bias {
                    Bias::None => 0.5,
                    Bias::Free => 1.0 / classes,
                    Bias::Decayed => {
                        // q(β) ≤ 1 and q(0) = 1/2 ≥ 1/K: the root lies in [−1/λ_b, 0].
                        let q = |beta: f64| 1.0 / (1.0 + (-beta).exp());
                        q(falling_root(|beta| (1.0 / classes - decay_b * beta) - q(beta), -1.0 / decay_b, 0.0))
                    }
                };
                (classes * q - 1.0).abs().max(1.0) / classes
            }
        };
        let threshold = self.scale * edge;
        threshold.is_finite().then_some(threshold)
    }

    /// The solution of the scalar problem, its value in the problem's own units.
    pub(super) fn solve(&self) -> Result<(Reduced, Scalars), String> {
        let c = self.scale;
        let reduced =
            Reduced { classes: self.classes as f64, epsilon: self.epsilon() / c, bias: self.bias, decay_b: self.decay.b / c };
        let in_range = |x: f64| x > 0.0 && x.is_finite();
        let bias_in_range = if self.bias == Bias::Decayed { in_range(reduced.decay_b) } else { true };
        if !(in_range(c) && in_range(reduced.epsilon) && in_range(self.class_ratio()) && bias_in_range) {
            return Err("a decay or the loss's scale is not a positive number in range".into());
        }
        let mut scalars = match &self.loss {
            // For balanced classes vector scaling is cross-entropy.
            Loss::CrossEntropy(_) | Loss::VectorScaling(_) => softmax::minimum(&reduced, 0.0),
            Loss::Squentropy(_) => squentropy::minimum(&reduced),
            Loss::LabelSmoothing(loss) => softmax::minimum(&reduced, loss.alpha),
            Loss::Focal(loss) => focal::minimum(&reduced, loss.gamma),
            Loss::Mse(loss) => separable::minimum(&reduced, loss),
            Loss::Bce(loss) => separable::minimum(&reduced, loss),
            Loss::Custom(loss) if !loss.shift_invariant() => separable::of_custom(&reduced, loss)?,
            loss @ (Loss::PolyLoss(_) | Loss::GeneralizedCrossEntropy(_) | Loss::Custom(_)) => {
                scalar::minimum(&reduced, loss, self.classes)?
            }
        };
        scalars.value *= c;
        if !(scalars.value.is_finite() && scalars.s.is_finite() && scalars.t.is_finite() && scalars.beta.is_finite()) {
            return Err("the closed form leaves the range of numbers".into());
        }
        Ok((reduced, scalars))
    }
}
