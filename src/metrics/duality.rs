//! Self-duality of W and the uncentred class means M̄ = \[μ_c\], and the relation that takes its place where the mean part of the logits is negative.
//!
//! At a balanced minimum X = WH = (sP + tJ/K) ⊗ 1ᵀ, and λ_W WᵀW = λ_H HHᵀ gives both factors the same singular vectors up to the sign of t (see `theory/phases.rs`):
//!
//! ```text
//! M̄ᵀ = √(λ_W/(nλ_H)) (P + sgn(t) J/K) W
//! ```
//!
//! For t ≥ 0 that is M̄ᵀ ∝ W. For t < 0 (BCE without a bias) it is M̄ᵀ ∝ (P − J/K)W: the mean of the rows of W is turned round. Centring, as NC3 does, hides the difference; so nothing is centred here.

use nalgebra::DMatrix;

use super::statistics::{Statistics, largest, scaled};

/// ‖M̄ᵀ/‖M̄‖_F − W/‖W‖_F‖_F: 0 where M̄ᵀ ∝ W, √2 where they are orthogonal, 2 where opposite.
pub(super) fn self_duality(statistics: &Statistics) -> Result<f64, String> {
    Ok(distance(&means(statistics)?, statistics.w_raw()?))
}

/// ‖M̄ᵀ/‖M̄‖_F − (P − J/K)W/‖W‖_F‖_F: 0 where M̄ᵀ ∝ (P − J/K)W. P − J/K = I − 2J/K is a reflection, so ‖(P − J/K)W‖ = ‖W‖.
pub(super) fn broken_self_duality(statistics: &Statistics) -> Result<f64, String> {
    let mut reflected = statistics.w_raw()?.clone();
    let mean = reflected.row_mean();
    reflected.row_iter_mut().for_each(|mut row| row -= 2.0 * &mean);
    Ok(distance(&means(statistics)?, &reflected))
}

/// ‖M̄‖_F/‖W‖_F, √(λ_W/(nλ_H)) at a balanced minimum.
pub(super) fn duality_ratio(statistics: &Statistics) -> Result<f64, String> {
    let (means, w) = (means(statistics)?, statistics.w_raw()?);
    // Each matrix was divided by its largest entry.
    let scale = largest(&statistics.class_means) / statistics.w_scale();
    Ok(means.norm() / w.norm() * scale)
}

/// M̄ᵀ, K×d, its largest entry 1.
fn means(statistics: &Statistics) -> Result<DMatrix<f64>, String> {
    scaled(statistics.class_means.transpose(), 0.0).ok_or_else(|| "every class mean is 0".to_string())
}

fn distance(x: &DMatrix<f64>, y: &DMatrix<f64>) -> f64 {
    (x / x.norm() - y / y.norm()).norm()
}
