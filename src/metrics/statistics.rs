//! What the metrics share: class means and centred matrices.

use std::sync::OnceLock;

use nalgebra::{DMatrix, DVector};

use super::jacobi::singular;
use super::within::Within;
use crate::model::Shape;

/// How small a matrix may be, relative to what it was subtracted from, before it counts as zero: a few roundings an entry.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// Singular values of H̄ below this share of the largest count as zero. Their squares, the eigenvalues of Σ_B, are then below the
/// rounding of Σ_B itself; a pseudo-inverse that kept them would divide rounding by rounding.
const CUT_OFF: f64 = 1.490_116_119_384_765_6e-8;

/// A kept singular value of H̄ below this share of the largest makes NC1 ill-conditioned: features stored in single precision (6e-8) then have less than three digits in that direction.
const ILL_CONDITIONED: f64 = 1e-5;

/// Class means and their mean under the two conventions there are.
#[derive(Clone, Debug)]
pub(super) struct Means {
    /// μ_c, d×K.
    pub(super) classes: DMatrix<f64>,
    /// μ_G, the mean of all samples, d.
    pub(super) samples: DVector<f64>,
}

impl Means {
    /// μ_G of class means.
    pub(super) fn new(classes: DMatrix<f64>, shape: &Shape) -> Self {
        let mut samples = DVector::zeros(shape.width());
        for (column, &size) in classes.column_iter().zip(shape.class_sizes()) {
            samples.axpy(size as f64 / shape.samples() as f64, &column, 1.0);
        }
        Self { classes, samples }
    }
}

/// How well the between-class covariance can be inverted: the singular values of H̄ = \[μ_c − μ_G\] at its known rank min(K−1, d).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditioning {
    /// min(K−1, d), what the rank is where no two classes coincide.
    pub known_rank: usize,
    /// Singular values kept: those above rounding.
    pub rank: usize,
    /// The largest singular value.
    pub largest: f64,
    /// The smallest kept one.
    pub smallest: f64,
    /// Whether values of the known rank were dropped, or the smallest is below 1e-5 of the largest.
    pub ill_conditioned: bool,
}

/// Means and centred matrices of a point. The matrices that only scale-free metrics see have their largest entry 1.
pub(super) struct Statistics<'a> {
    /// W, K×d.
    pub(super) w: DMatrix<f64>,
    /// b, K entries, or none.
    pub(super) b: Vec<f64>,
    /// The labels.
    pub(super) shape: &'a Shape,
    /// μ_c, d×K.
    pub(super) class_means: DMatrix<f64>,
    /// μ_G, d.
    pub(super) mean: DVector<f64>,
    /// H̄, d×K, as it is.
    pub(super) centred_means: DMatrix<f64>,
    /// What a second pass over the features found.
    pub(super) within: Option<Within>,
    w_raw: OnceLock<Result<DMatrix<f64>, String>>,
    w_centred: OnceLock<Result<DMatrix<f64>, String>>,
    h_centred: OnceLock<Result<DMatrix<f64>, String>>,
    between: OnceLock<Result<Between, String>>,
}

/// The thin singular value decomposition of H̄ (its largest entry 1), cut at its rank.
#[derive(Clone, Debug)]
pub(super) struct Between {
    /// rows u_jᵀ/s_j, r×d.
    pub(super) whitening: DMatrix<f64>,
    /// What the singular values are like, in the units of the features.
    pub(super) conditioning: Conditioning,
}

impl Between {
    /// Of centred class means d×K with largest entry 1, which were divided by `scale`. Their weighted sum is 0: the rank is at most K − 1.
    pub(super) fn new(centred: &DMatrix<f64>, scale: f64) -> Result<Self, String> {
        let (u, s) = singular(centred)?;
        let known_rank = (centred.ncols() - 1).min(centred.nrows());
        let rank = s.iter().take(known_rank).take_while(|&&s_j| s_j > CUT_OFF * s[0]).count();
        let mut whitening = u.columns(0, rank).transpose();
        for (j, mut row) in whitening.row_iter_mut().enumerate() {
            row /= s[j];
        }
        let smallest = s.get(rank.wrapping_sub(1)).copied().unwrap_or(0.0);
        let ill_conditioned = rank < known_rank || !(smallest >= ILL_CONDITIONED * s[0]);
        let conditioning = Conditioning { known_rank, rank, largest: scale * s[0], smallest: scale * smallest, ill_conditioned };
        Ok(Self { whitening, conditioning })
    }
}

impl<'a> Statistics<'a> {
    /// From W, b (empty where there is none) and the means of a first pass. Fails on what is not finite.
    pub(super) fn new(w: DMatrix<f64>, b: Vec<f64>, shape: &'a Shape, means: Means) -> Result<Self, String> {
        let Means { classes: class_means, samples: mean } = means;
        if !w.iter().chain(&b).chain(class_means.iter()).all(|x| x.is_finite()) {
            return Err("the point is not finite".into());
        }
        let mut centred_means = class_means.clone();
        centred_means.column_iter_mut().for_each(|mut column| column -= &mean);
        let [w_raw, w_centred, h_centred] = Default::default();
        let between = OnceLock::new();
        Ok(Self { w, b, shape, class_means, mean, centred_means, within: None, w_raw, w_centred, h_centred, between })
    }

    /// What the second pass found.
    pub(super) fn within(&self) -> Result<&Within, String> {
        self.within.as_ref().ok_or_else(|| "the features were read only once".into())
    }

    /// The singular values and directions of H̄.
    pub(super) fn between(&self) -> Result<&Between, String> {
        let make = || Between::new(self.h_centred()?, self.h_scale());
        self.between.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// The same about the mean of the class means, as some published code has it; the same for equal classes.
    pub(super) fn between_unweighted(&self) -> Result<Between, String> {
        let centred = self.means_centred()?;
        let scale = self.unweighted_scale();
        Between::new(&centred, scale)
    }

    /// The factor by which [`Self::means_centred`] divided.
    pub(super) fn unweighted_scale(&self) -> f64 {
        let mut means = self.class_means.clone();
        let mean = means.column_mean();
        means.column_iter_mut().for_each(|mut column| column -= &mean);
        largest(&means)
    }

    /// W / max|W|, unless W = 0.
    pub(super) fn w_raw(&self) -> Result<&DMatrix<f64>, String> {
        let make = || scaled(self.w.clone(), 0.0).ok_or_else(|| "W = 0".to_string());
        self.w_raw.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// The factor by which [`Self::w_raw`] was divided.
    pub(super) fn w_scale(&self) -> f64 {
        largest(&self.w)
    }

    /// PW, scaled, unless all rows of W are equal.
    pub(super) fn w_centred(&self) -> Result<&DMatrix<f64>, String> {
        let make = || {
            let mut w = self.w_raw()?.clone();
            for mut column in w.column_iter_mut() {
                let mean = column.mean();
                column.add_scalar_mut(-mean);
            }
            scaled(w, ROUNDING).ok_or_else(|| "the rows of W are equal: W centred over classes is 0".to_string())
        };
        self.w_centred.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// H̄, scaled, unless the class means coincide.
    pub(super) fn h_centred(&self) -> Result<&DMatrix<f64>, String> {
        let make = || {
            let largest = largest(&self.class_means);
            scaled(self.centred_means.clone(), ROUNDING * largest).ok_or_else(|| "the class means coincide: H̄ = 0".to_string())
        };
        self.h_centred.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// M = [μ_c], d×K, with its largest entry 1, unless all class means are 0.
    pub(super) fn means_raw(&self) -> Result<DMatrix<f64>, String> {
        scaled(self.class_means.clone(), 0.0).ok_or_else(|| "the class means are 0".to_string())
    }

    /// The class means about their own mean (which is μ_G for balanced classes only), d×K, scaled, unless they coincide.
    pub(super) fn means_centred(&self) -> Result<DMatrix<f64>, String> {
        let mut means = self.class_means.clone();
        let mean = means.column_mean();
        means.column_iter_mut().for_each(|mut column| column -= &mean);
        scaled(means, ROUNDING * largest(&self.class_means)).ok_or_else(|| "the class means coincide".to_string())
    }

    /// The factor by which [`Self::h_centred`] was divided.
    pub(super) fn h_scale(&self) -> f64 {
        largest(&self.centred_means)
    }
}

/// max |a_ij|, 0 of an empty matrix.
pub(super) fn largest(matrix: &DMatrix<f64>) -> f64 {
    matrix.iter().fold(0.0, |largest, x| x.abs().max(largest))
}

/// The matrix with its largest entry 1, unless that is at most `zero` (or subnormal, where it has no digits).
pub(super) fn scaled(matrix: DMatrix<f64>, zero: f64) -> Option<DMatrix<f64>> {
    let largest = largest(&matrix);
    (largest > zero.max(f64::MIN_POSITIVE)).then(|| matrix / largest)
}
