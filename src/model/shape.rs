//! Sizes, labels, bias mode and weight decays of a problem.

use std::sync::Arc;

/// What the bias b is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bias {
    /// There is no bias.
    None,
    /// The bias is free: λ_b = 0.
    Free,
    /// The bias decays: λ_b > 0.
    Decayed,
}

impl Bias {
    /// The name used in scenarios and records.
    pub fn name(self) -> &'static str {
        match self {
            Bias::None => "none",
            Bias::Free => "free",
            Bias::Decayed => "decayed",
        }
    }
}

/// The weight decays λ_W, λ_H > 0 and λ_b (0 unless the bias is decayed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    /// λ_W.
    pub w: f64,
    /// λ_H.
    pub h: f64,
    /// λ_b; 0 for a free or absent bias.
    pub b: f64,
}

impl Decay {
    /// μ = √(λ_W λ_H), the weight of the nuclear norm of WH.
    pub fn mu(&self) -> f64 {
        // Two roots: the product of two decays of 1e-200 would underflow.
        self.w.sqrt() * self.h.sqrt()
    }
}

/// Why a shape was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Fewer than two classes.
    #[error("there must be at least 2 classes, not {0}")]
    TooFewClasses(usize),
    /// A class without samples.
    #[error("class {0} has no sample; every class needs at least one")]
    EmptyClass(usize),
    /// A label outside 0…K−1.
    #[error("the label of sample {sample} is {label}, outside 0…{last}")]
    Label {
        /// Position of the sample.
        sample: usize,
        /// Its label.
        label: usize,
        /// K − 1.
        last: usize,
    },
}

/// Sizes of a problem: K classes, feature width d, N labelled samples.
///
/// Width 0 is a legal shape (the bottom of the rank ladder: only the bias moves); scenarios refuse it for users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    classes: usize,
    width: usize,
    labels: Arc<[usize]>,
    class_sizes: Arc<[usize]>,
}

impl Shape {
    /// A shape whose samples are ordered by class: `class_sizes[k]` samples of class k.
    pub fn new(width: usize, class_sizes: &[usize]) -> Result<Self, ShapeError> {
        let labels: Vec<usize> = (0..class_sizes.len()).flat_map(|k| std::iter::repeat_n(k, class_sizes[k])).collect();
        Self::with_labels(class_sizes.len(), width, labels)
    }

    /// A shape with `per_class` samples of each of `classes` classes.
    pub fn balanced(classes: usize, width: usize, per_class: usize) -> Result<Self, ShapeError> {
        Self::new(width, &vec![per_class; classes])
    }

    /// A shape with the labels of all samples given, in any order.
    pub fn with_labels(classes: usize, width: usize, labels: Vec<usize>) -> Result<Self, ShapeError> {
        if classes < 2 {
            return Err(ShapeError::TooFewClasses(classes));
        }
        let mut class_sizes = vec![0; classes];
        for (sample, &label) in labels.iter().enumerate() {
            if label >= classes {
                return Err(ShapeError::Label { sample, label, last: classes - 1 });
            }
            class_sizes[label] += 1;
        }
        if let Some(class) = class_sizes.iter().position(|&size| size == 0) {
            return Err(ShapeError::EmptyClass(class));
        }
        Ok(Self { classes, width, labels: labels.into(), class_sizes: class_sizes.into() })
    }

    /// The same labels at another feature width.
    pub fn at_width(&self, width: usize) -> Self {
        Self { width, ..self.clone() }
    }

    /// K, the number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// d, the width of a feature.
    pub fn width(&self) -> usize {
        self.width
    }

    /// N, the number of samples.
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    /// The label of every sample, `[N]`.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// n_k, the number of samples of every class, `[K]`.
    pub fn class_sizes(&self) -> &[usize] {
        &self.class_sizes
    }

    /// n, where all classes have the same number of samples.
    pub fn per_class(&self) -> Option<usize> {
        self.class_sizes.iter().all(|&size| size == self.class_sizes[0]).then(|| self.class_sizes[0])
    }

    /// The number of entries of (W, H, b): Kd + dN, and K more with a bias.
    pub fn dimension(&self, bias: Bias) -> usize {
        self.width * (self.classes + self.samples()) + if bias == Bias::None { 0 } else { self.classes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_count_their_samples() {
        let shape = Shape::new(3, &[2, 1]).unwrap();
        assert_eq!((shape.classes(), shape.width(), shape.samples()), (2, 3, 3));
        assert_eq!(shape.labels(), [0, 0, 1]);
        assert_eq!(shape.per_class(), None);
        assert_eq!(shape.dimension(Bias::Free), 3 * 5 + 2);
    }

    #[test]
    fn impossible_shapes_are_refused() {
        assert_eq!(Shape::new(3, &[2]), Err(ShapeError::TooFewClasses(1)));
        assert_eq!(Shape::new(3, &[2, 0]), Err(ShapeError::EmptyClass(1)));
        assert_eq!(Shape::with_labels(2, 1, vec![0, 2]), Err(ShapeError::Label { sample: 1, label: 2, last: 1 }));
    }
}
