//! Vector-scaling loss, cross-entropy of logits that are scaled and shifted class by class, for unequal classes (Kini et al. 2021, "Label-imbalanced and group-sensitive
//! classification under overparameterization"). τ alone is the logit-adjusted loss (Menon et al. 2021), γ alone the class-dependent temperatures (Ye et al. 2020).

use std::sync::Arc;

use super::cross_entropy::softmax_hessian;
use super::epilogue::Temperatures;
use super::{Conjugate, CrossEntropy, Epilogue, LogitHessian, LossFunction, Softmax};

/// L = −log softmax(Δ∘z + ι)_k with Δ_j = (n_j/n_max)^γ and ι_j = τ log(n_j/N), n_j the size of class j.
///
/// Convex; shift-invariant iff all Δ_j agree. Where all classes are of one size it is cross-entropy. A loss does not know the sizes by itself: as the family builds it all classes are of
/// one size, and [`super::Loss::for_sizes`] tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorScaling {
    /// γ ≥ 0.
    pub gamma: f64,
    /// τ ≥ 0.
    pub tau: f64,
    /// (Δ_j, ι_j); empty where all classes are of one size.
    classes: Arc<[(f64, f64)]>,
}

impl VectorScaling {
    /// The loss for classes of one size.
    pub fn new(gamma: f64, tau: f64) -> Self {
        Self { gamma, tau, classes: Arc::new([]) }
    }

    /// The same for classes of these sizes.
    #[must_use]
    pub fn for_sizes(&self, sizes: &[usize]) -> Self {
        if sizes.windows(2).all(|pair| pair[0] == pair[1]) {
            return Self::new(self.gamma, self.tau);
        }
        let all = sizes.iter().sum::<usize>() as f64;
        let largest = sizes.iter().copied().max().unwrap_or(1) as f64;
        let of = |&n: &usize| ((n as f64 / largest).powf(self.gamma), self.tau * (n as f64 / all).ln());
        Self { classes: sizes.iter().map(of).collect(), ..*self }
    }

    /// Whether all classes are of one size, so that this is cross-entropy.
    pub fn is_cross_entropy(&self) -> bool {
        self.classes.is_empty()
    }

    /// Δ_j.
    fn temperature(&self, j: usize) -> f64 {
        self.classes.get(j).map_or(1.0, |class| class.0)
    }

    /// `body` of the scores Δ∘z + ι.
    fn with_scores<T>(&self, logits: &[f64], body: impl FnOnce(&[f64]) -> T) -> T {
        if self.is_cross_entropy() {
            return body(logits);
        }
        let mut short = [0.0; 64];
        let mut long = Vec::new();
        let scores = if logits.len() > short.len() {
            long.resize(logits.len(), 0.0);
            &mut long[..]
        } else {
            &mut short[..logits.len()]
        };
        for ((score, z), (temperature, shift)) in scores.iter_mut().zip(logits).zip(self.classes.iter()) {
            *score = temperature * z + shift;
        }
        body(scores)
    }
}

impl LossFunction for VectorScaling {
    fn convex(&self) -> bool {
        true
    }

    fn shift_invariant(&self) -> bool {
        self.gamma <= 0.0 || self.is_cross_entropy()
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        self.with_scores(logits, |scores| CrossEntropy.value(scores, label))
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let value = self.with_scores(logits, |scores| {
            let softmax = Softmax::new(scores, gradient);
            softmax.residual(gradient, label);
            softmax.surprise(scores, label)
        });
        for (g, (temperature, _)) in gradient.iter_mut().zip(self.classes.iter()) {
            *g *= temperature;
        }
        value
    }

    fn hessian(&self, logits: &[f64], _label: usize, out: &mut LogitHessian) {
        self.with_scores(logits, |scores| softmax_hessian(scores, out));
        out.temperatures.extend(self.classes.iter().map(|class| class.0));
    }

    fn epilogue(&self) -> Epilogue {
        let as_floats = |(temperature, shift): &(f64, f64)| (*temperature as f32, *shift as f32);
        Epilogue::Softmax {
            smoothing: 0.0,
            functions: String::new(),
            weigh: "    return Weights(own.surprise, 1.0, 0.0);".into(),
            added: None,
            temperatures: (!self.is_cross_entropy()).then(|| Temperatures(self.classes.iter().map(as_floats).collect())),
        }
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        Some(self)
    }
}

impl Conjugate for VectorScaling {
    /// With y = Δ∘z + ι: ⟨u, z⟩ = ⟨u/Δ, y − ι⟩, so L*(u) = CE*(u/Δ) − ⟨u/Δ, ι⟩. Its domain has Σ_j u_j/Δ_j = 0 in place of Σ_j u_j = 0.
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        if self.is_cross_entropy() {
            return CrossEntropy.conjugate_value(dual, label);
        }
        let scaled: Vec<f64> = dual.iter().zip(self.classes.iter()).map(|(u, (temperature, _))| u / temperature).collect();
        let shift: f64 = scaled.iter().zip(self.classes.iter()).map(|(u, (_, shift))| u * shift).sum();
        CrossEntropy.conjugate_value(&scaled, label) - shift
    }

    fn interior_slope(&self) -> Option<f64> {
        Some(1.0)
    }

    fn interior_scale(&self, j: usize) -> f64 {
        self.temperature(j)
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        let scaled = |u: &[f64]| -> Vec<f64> { u.iter().enumerate().map(|(j, u)| u / self.temperature(j)).collect() };
        CrossEntropy.domain_fraction(&scaled(inside), &scaled(target), label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, written without any care, at moderate logits.
    #[test]
    fn it_is_the_cross_entropy_of_scaled_and_shifted_logits() {
        let (gamma, tau, sizes) = (0.5, 1.5, [8_usize, 2, 1]);
        let loss = VectorScaling::new(gamma, tau).for_sizes(&sizes);
        let z = [0.3, -0.8, 1.1];
        let score = |j: usize| (sizes[j] as f64 / 8.0).powf(gamma) * z[j] + tau * (sizes[j] as f64 / 11.0).ln();
        let total: f64 = (0..3).map(|j| score(j).exp()).sum();
        for label in 0..3 {
            let expected = -(score(label).exp() / total).ln();
            assert!((loss.value(&z, label) - expected).abs() <= 1e-14 * expected);
        }
    }

    #[test]
    fn equal_sizes_make_it_cross_entropy() {
        let loss = VectorScaling::new(1.0, 1.0).for_sizes(&[4, 4, 4]);
        let z = [0.3, -0.8, 1.1];
        assert!(loss.is_cross_entropy() && loss.shift_invariant());
        assert_eq!(loss.value(&z, 1).to_bits(), CrossEntropy.value(&z, 1).to_bits());
    }
}
