//! What tells unequal classes from a simplex: classes that have merged, and the distance from the SELI geometry.

use super::statistics::Statistics;
use crate::theory::Seli;

/// min over pairs of classes of max(‖w_k − w_j‖/r_W, ‖μ_k − μ_j‖/r_H), where r_W and r_H are the root mean squares of the distances of all pairs.
///
/// 1 where all pairs are equally far apart (a simplex), 0 if and only if two classes have one classifier and one mean. Scales of W and of H do not matter, each for itself. With P = I − 11ᵀ/K,
/// Σ_{k<j} ‖w_k − w_j‖² = K‖PW‖², so that r_W² = 2‖PW‖²/(K − 1).
pub(super) fn class_separation(statistics: &Statistics) -> Result<f64, String> {
    let (w, h) = (statistics.w_centred()?, statistics.means_centred()?);
    let classes = w.nrows();
    let root = (2.0 / (classes - 1) as f64).sqrt();
    let (scale_w, scale_h) = (root * w.norm(), root * h.norm());
    let mut least = f64::INFINITY;
    for k in 0..classes {
        for j in 0..k {
            let apart_w = (w.row(k) - w.row(j)).norm() / scale_w;
            let apart_h = (h.column(k) - h.column(j)).norm() / scale_h;
            least = least.min(apart_w.max(apart_h));
        }
    }
    Ok(least)
}

/// ‖WWᵀ/‖WWᵀ‖_F − (PDP)^{1/2}/‖(PDP)^{1/2}‖_F‖_F with D = diag(n_k): W not centred.
pub(super) fn seli_distance(statistics: &Statistics) -> Result<f64, String> {
    let w = statistics.w_raw()?;
    let gram = w * w.transpose();
    let norm = gram.norm();
    Ok((gram / norm - Seli::of_sizes(statistics.shape.class_sizes()).classifier).norm())
}

/// ‖WM/‖WM‖_F − P/‖P‖_F‖_F with M the class means, not centred: the logits of the class means, without the bias.
pub(super) fn seli_logits(statistics: &Statistics) -> Result<f64, String> {
    let (w, means) = (statistics.w_raw()?, statistics.means_raw()?);
    let logits = w * &means;
    let norm = logits.norm();
    if !(norm > f64::EPSILON * w.norm() * means.norm()) {
        return Err("WM = 0".into());
    }
    Ok((logits / norm - Seli::of_sizes(statistics.shape.class_sizes()).logits).norm())
}
