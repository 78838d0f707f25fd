//! The optimisation problem: shape, bias, decays and loss.

use crate::losses::Loss;
use crate::model::{Bias, Decay, Shape};

/// f(W,H,b) = (c/N) Σ_i L(z_i, y_i) + λ_W/2 ‖W‖² + λ_H/2 ‖H‖² + λ_b/2 ‖b‖², Z = WH + b1ᵀ.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// K, d and the labels of the N samples.
    pub shape: Shape,
    /// What b is.
    pub bias: Bias,
    /// λ_W, λ_H, λ_b.
    pub decay: Decay,
    /// L.
    pub loss: Loss,
    /// c, which multiplies L (the paper's code averages MSE over N·K: c = 2/K).
    pub scale: f64,
}

impl Problem {
    /// The same problem at another feature width.
    pub fn at_width(&self, width: usize) -> Self {
        Self { shape: self.shape.at_width(width), ..self.clone() }
    }

    /// Kd + dN (+ K with a bias).
    pub fn dimension(&self) -> usize {
        self.shape.dimension(self.bias)
    }

    /// ε = √n μ, where the classes are balanced.
    pub fn epsilon(&self) -> Option<f64> {
        self.shape.per_class().map(|n| (n as f64).sqrt() * self.decay.mu())
    }

    /// Whether f does not change under b → b + c1: a zero eigenvalue at every point.
    pub fn shifts_bias_freely(&self) -> bool {
        self.bias == Bias::Free && self.loss.function().shift_invariant()
    }
}
