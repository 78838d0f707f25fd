//! What the metrics share: class means and centred matrices.

use std::borrow::Cow;
use std::cell::OnceCell;

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::model::{Point, Shape};

/// How small a matrix may be, relative to what it was subtracted from, before it counts as zero: a few roundings an entry.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// Means and centred matrices of a point. The matrices that only scale-free metrics see have their largest entry 1.
pub(super) struct Statistics<'a> {
    /// The point.
    pub(super) point: &'a Point,
    /// Its labels.
    pub(super) shape: &'a Shape,
    /// The features of the columns of H, d×columns.
    features: Cow<'a, [f64]>,
    /// μ_c, d×K.
    pub(super) class_means: DMatrix<f64>,
    /// μ_G, d.
    pub(super) mean: DVector<f64>,
    /// H̄, d×K, as it is.
    centred_means: DMatrix<f64>,
    w_raw: OnceCell<Result<DMatrix<f64>, String>>,
    w_centred: OnceCell<Result<DMatrix<f64>, String>>,
    h_centred: OnceCell<Result<DMatrix<f64>, String>>,
}

impl<'a> Statistics<'a> {
    /// One pass over the features. Fails on a point that is not finite.
    pub(super) fn new(point: &'a Point, shape: &'a Shape) -> Result<Self, String> {
        if !point.as_slice().iter().all(|x| x.is_finite()) {
            return Err("the point is not finite".into());
        }
        let class_means = point.class_means(shape);
        let features = point.features(shape);
        let mut mean = DVector::zeros(shape.width());
        for (column, &size) in class_means.column_iter().zip(shape.class_sizes()) {
            mean.axpy(size as f64 / shape.samples() as f64, &column, 1.0);
        }
        let mut centred_means = class_means.clone();
        centred_means.column_iter_mut().for_each(|mut column| column -= &mean);
        let [w_raw, w_centred, h_centred] = Default::default();
        Ok(Self { point, shape, features, class_means, mean, centred_means, w_raw, w_centred, h_centred })
    }

    /// The features of the columns of H, d×columns.
    pub(super) fn features(&self) -> DMatrixView<'_, f64> {
        DMatrixView::from_slice(&self.features, self.shape.width(), self.shape.columns())
    }

    /// W / max|W|, unless W = 0.
    pub(super) fn w_raw(&self) -> Result<&DMatrix<f64>, String> {
        let make = || scaled(self.point.w().into_owned(), 0.0).ok_or_else(|| "W = 0".to_string());
        self.w_raw.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// The factor by which [`Self::w_raw`] was divided.
    pub(super) fn w_scale(&self) -> f64 {
        self.point.w().iter().fold(0.0, |largest, x| x.abs().max(largest))
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
