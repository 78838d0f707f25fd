//! How well conditioned the balanced simplex ETF is, in closed form.

use super::etf_spectrum;
use crate::losses::Loss;
use crate::theory::Balanced;

/// Condition numbers at the minimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditioning {
    /// λ_max of ∇²f.
    pub largest: f64,
    /// The smallest eigenvalue of ∇²f that is not zero by symmetry.
    pub smallest_transverse: f64,
    /// K p with p the probability of the true class, for cross-entropy and label smoothing: the condition number of the logits' Hessian on 1^⊥.
    ///
    /// With q = (1−p)/(K−1) the probability of every other class, diag(p) − ppᵀ has there the eigenvalue q (K − 2 times: differences of other classes) and, on e_k − 1/K, p(1−p)K/(K−1) = Kpq.
    /// These are the curvatures that a feature of the class sees, up to ω²/N (Guo et al. 2024 compare cross-entropy and label smoothing by it). Where K = 2 there is one eigenvalue only.
    pub logits: Option<f64>,
}

impl Conditioning {
    /// λ_max/λ_min transverse to the symmetry orbit.
    pub fn transverse(&self) -> f64 {
        self.largest / self.smallest_transverse
    }
}

/// The condition numbers at the simplex ETF of a balanced problem, from its whole spectrum ([`etf_spectrum`]), whose symmetry zeros are exact. `Err`: as there.
pub fn etf_conditioning(balanced: &Balanced) -> Result<Conditioning, String> {
    let levels = etf_spectrum(balanced)?;
    let largest = levels.iter().map(|level| level.eigenvalue).fold(0.0, f64::max);
    let transverse = levels.iter().map(|level| level.eigenvalue).filter(|&x| x > 0.0).fold(f64::INFINITY, f64::min);
    let softmax = matches!(balanced.loss, Loss::CrossEntropy(_) | Loss::LabelSmoothing(_));
    let logits = if softmax && balanced.classes > 2 {
        let (classes, scale) = (balanced.classes as f64, balanced.minimum()?.scale);
        Some(classes / (1.0 + (classes - 1.0) * (-scale).exp()))
    } else {
        None
    };
    Ok(Conditioning { largest, smallest_transverse: transverse, logits })
}
