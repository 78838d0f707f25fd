//! What tells unequal classes from a simplex: classes that have merged, and the distance from the SELI geometry.

use nalgebra::DMatrix;

use super::geometry::{duality_distance, gram_distance};
use super::statistics::Statistics;
use super::tiles::distance_squared;
use crate::theory::Seli;

/// min over pairs of classes of max(‖w_k − w_j‖/r_W, ‖μ_k − μ_j‖/r_H), where r_W and r_H are the root mean squares of the distances of all pairs.
///
/// 1 where all pairs are equally far apart (a simplex), 0 if and only if two classes have one classifier and one mean. Scales of W and of H do not matter, each for itself. With P = I − 11ᵀ/K,
/// Σ_{k<j} ‖w_k − w_j‖² = K‖PW‖², so that r_W² = 2‖PW‖²/(K − 1).
pub(super) fn class_separation(statistics: &Statistics) -> Result<f64, String> {
    let (w, h) = (statistics.w_centred()?, statistics.means_centred()?);
    let classes = w.nrows();
    let root = (2.0 / (classes - 1) as f64).sqrt();
    let rows = w.transpose();
    let (scale_w, scale_h) = (root * w.norm(), root * h.norm());
    let apart = |a: &DMatrix<f64>, k: usize, j: usize| {
        let column = |k: usize| &a.as_slice()[k * a.nrows()..(k + 1) * a.nrows()];
        distance_squared(column(k), column(j)).sqrt()
    };
    let mut least = f64::INFINITY;
    for k in 0..classes {
        for j in 0..k {
            let apart_h = apart(&h, k, j) / scale_h;
            // Only where it matters.
            if apart_h < least {
                least = least.min((apart(&rows, k, j) / scale_w).max(apart_h));
            }
        }
    }
    Ok(least)
}

/// More classes of unequal sizes than this are not decomposed: (PDP)^{1/2} is a K×K matrix, the only one that no tile stands for.
const CLASSES_MAX: usize = 4096;

/// ‖WWᵀ/‖WWᵀ‖_F − (PDP)^{1/2}/‖(PDP)^{1/2}‖_F‖_F with D = diag(n_k): W not centred.
pub(super) fn seli_distance(statistics: &Statistics) -> Result<f64, String> {
    let (w, shape) = (statistics.w_raw()?, statistics.shape);
    if shape.per_class().is_some() {
        // (PDP)^{1/2} ∝ P.
        return gram_distance(w);
    }
    if shape.classes() > CLASSES_MAX {
        return Err(format!(
            "the root of PDP is a matrix of {0}×{0}; it is computed up to {CLASSES_MAX} classes",
            shape.classes()
        ));
    }
    let gram = w * w.transpose();
    let norm = gram.norm();
    Ok((gram / norm - Seli::of_sizes(shape.class_sizes()).classifier).norm())
}

/// ‖WM/‖WM‖_F − P/‖P‖_F‖_F with M the class means, not centred: the logits of the class means, without the bias.
pub(super) fn seli_logits(statistics: &Statistics) -> Result<f64, String> {
    let (w, means) = (statistics.w_raw()?, statistics.means_raw()?);
    duality_distance(w, &means).map_err(|_| "WM = 0".into())
}
