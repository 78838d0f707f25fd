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
    /// Multiplicities that do not belong to the labels one by one.
    #[error("there are {multiplicities} multiplicities for {labels} labels")]
    Multiplicities {
        /// How many were given.
        multiplicities: usize,
        /// How many are needed.
        labels: usize,
    },
    /// A column that stands for no sample.
    #[error("column {0} has multiplicity 0; every column stands for at least one sample")]
    EmptyColumn(usize),
    /// More samples than a double counts exactly.
    #[error("there are {0} samples; at most 2^53 are counted exactly")]
    TooManySamples(u128),
}

/// Most samples: what a double counts exactly.
const SAMPLES_MAX: u128 = 1 << 53;

/// Sizes of a problem: K classes, feature width d, N labelled samples.
///
/// Width 0 is a legal shape (the bottom of the rank ladder: only the bias moves); scenarios refuse it for users.
///
/// # Columns
///
/// H has one column a sample, or, in a *collapsed* shape, one column for m samples of a class that share their feature h. Such a column holds √m·h, so that its part of λ_H/2‖H‖² is
/// that of its samples: the points of a collapsed shape are, isometrically, the points of the whole problem whose features are constant on these groups of samples. What that means for
/// critical points and spectra is derived at [`Problem`](crate::objective::Problem).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    classes: usize,
    width: usize,
    labels: Arc<[usize]>,
    class_sizes: Arc<[usize]>,
    /// How many samples every column stands for; `None`: one each.
    multiplicities: Option<Arc<[u64]>>,
    samples: usize,
    /// Whether columns are √(m C/N)·h instead of √m·h.
    even: bool,
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
        let samples = labels.len();
        let (labels, class_sizes) = (labels.into(), class_sizes.into());
        Ok(Self { classes, width, labels, class_sizes, multiplicities: None, samples, even: false })
    }

    /// A collapsed shape: one column a class, which stands for its `class_sizes[k]` samples.
    pub fn collapsed(width: usize, class_sizes: &[u64]) -> Result<Self, ShapeError> {
        Self::with_multiplicities(class_sizes.len(), width, (0..class_sizes.len()).collect(), class_sizes)
    }

    /// A shape whose column i stands for `multiplicities[i]` samples of class `labels[i]`.
    pub fn with_multiplicities(
        classes: usize,
        width: usize,
        labels: Vec<usize>,
        multiplicities: &[u64],
    ) -> Result<Self, ShapeError> {
        let plain = Self::with_labels(classes, width, labels)?;
        if multiplicities.len() != plain.columns() {
            return Err(ShapeError::Multiplicities { multiplicities: multiplicities.len(), labels: plain.columns() });
        }
        if let Some(column) = multiplicities.iter().position(|&m| m == 0) {
            return Err(match plain.columns() == classes {
                true => ShapeError::EmptyClass(plain.labels[column]),
                false => ShapeError::EmptyColumn(column),
            });
        }
        let samples: u128 = multiplicities.iter().map(|&m| u128::from(m)).sum();
        if samples > SAMPLES_MAX {
            return Err(ShapeError::TooManySamples(samples));
        }
        // Every sum of multiplicities is now below 2⁵³.
        let mut class_sizes = vec![0; classes];
        plain.labels.iter().zip(multiplicities).for_each(|(&label, &m)| class_sizes[label] += m as usize);
        let (class_sizes, multiplicities) = (class_sizes.into(), Some(multiplicities.into()));
        Ok(Self { class_sizes, multiplicities, samples: samples as usize, ..plain })
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
        self.samples
    }

    /// The number of columns of H: N, or fewer in a collapsed shape.
    pub fn columns(&self) -> usize {
        self.labels.len()
    }

    /// The label of every column of H.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// How many samples every column stands for, where the shape says so.
    pub fn multiplicities(&self) -> Option<&[u64]> {
        self.multiplicities.as_deref()
    }

    /// How many samples column `i` stands for.
    pub fn multiplicity(&self, i: usize) -> u64 {
        self.multiplicities.as_ref().map_or(1, |all| all[i])
    }

    /// How much longer column `i` of H is than the feature of its samples: √m, and 1 where each sample has its column. (√(m C/N) in even coordinates, C the columns.)
    pub fn stretch(&self, i: usize) -> f64 {
        match &self.multiplicities {
            None => 1.0,
            Some(all) if self.even => (all[i] as f64 / self.samples_per_column()).sqrt(),
            Some(all) => (all[i] as f64).sqrt(),
        }
    }

    /// N over the number of columns.
    pub fn samples_per_column(&self) -> f64 {
        self.samples as f64 / self.labels.len() as f64
    }

    /// The same shape with columns √(m C/N)·h: see [`Problem::even`](crate::objective::Problem::even).
    pub(crate) fn evened(&self) -> Self {
        Self { even: true, ..self.clone() }
    }

    /// n_k, the number of samples of every class, `[K]`.
    pub fn class_sizes(&self) -> &[usize] {
        &self.class_sizes
    }

    /// n, where all classes have the same number of samples.
    pub fn per_class(&self) -> Option<usize> {
        self.class_sizes.iter().all(|&size| size == self.class_sizes[0]).then(|| self.class_sizes[0])
    }

    /// The number of entries of (W, H, b) as stored: Kd + d·columns, and K more with a bias.
    pub fn dimension(&self, bias: Bias) -> usize {
        self.width * (self.classes + self.columns()) + if bias == Bias::None { 0 } else { self.classes }
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
    fn collapsed_shapes_count_all_samples_and_store_columns() {
        let shape = Shape::collapsed(3, &[1_000_000_000_000, 4]).unwrap();
        assert_eq!((shape.samples(), shape.columns(), shape.per_class()), (1_000_000_000_004, 2, None));
        assert_eq!(shape.class_sizes(), [1_000_000_000_000, 4]);
        assert_eq!((shape.multiplicity(1), shape.dimension(Bias::None)), (4, 3 * 4));
        assert!((shape.stretch(0) - 1e6).abs() < 1e-9 && (shape.stretch(1) - 2.0).abs() < 1e-15);
        let shape = Shape::with_multiplicities(2, 1, vec![0, 1, 0], &[2, 3, 4]).unwrap();
        assert_eq!((shape.class_sizes(), shape.samples()), (&[6, 3][..], 9));
    }

    #[test]
    fn impossible_shapes_are_refused() {
        assert_eq!(Shape::collapsed(3, &[2, 0]), Err(ShapeError::EmptyClass(1)));
        assert_eq!(Shape::collapsed(3, &[u64::MAX, 2]), Err(ShapeError::TooManySamples((1 << 64) + 1)));
        assert_eq!(Shape::with_multiplicities(2, 1, vec![0, 1, 0], &[1, 1, 0]), Err(ShapeError::EmptyColumn(2)));
        let short = Shape::with_multiplicities(2, 1, vec![0, 1, 0], &[1, 1]);
        assert_eq!(short, Err(ShapeError::Multiplicities { multiplicities: 2, labels: 3 }));
        assert_eq!(Shape::new(3, &[2]), Err(ShapeError::TooFewClasses(1)));
        assert_eq!(Shape::new(3, &[2, 0]), Err(ShapeError::EmptyClass(1)));
        assert_eq!(Shape::with_labels(2, 1, vec![0, 2]), Err(ShapeError::Label { sample: 1, label: 2, last: 1 }));
    }
}
