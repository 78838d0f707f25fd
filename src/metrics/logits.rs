//! The logits of the class means against the symmetric form sP + tJ/K that balanced minima have, and the size of the classifier.

use nalgebra::DMatrix;

use super::statistics::Statistics;

/// The least-squares coefficients of WM̄, M̄ = \[μ_c\], on P and J/K, and what they leave.
struct Symmetric {
    s: f64,
    t: f64,
    /// ‖WM̄‖_F.
    size: f64,
    /// ‖WM̄ − sP − tJ/K‖_F.
    rest: f64,
}

/// P and J/K are orthogonal, ‖P‖² = K − 1, ‖J/K‖² = 1: with X = WM̄, t = ⟨J/K, X⟩ = 1ᵀX1/K and s = ⟨P, X⟩/(K−1) = (tr X − t)/(K−1).
///
/// The bias is left out: b1ᵀ is orthogonal to P, and t is the mean part of WH alone, as in the closed forms.
fn symmetric(statistics: &Statistics) -> Symmetric {
    let logits: DMatrix<f64> = statistics.point.w() * &statistics.class_means;
    let classes = logits.nrows() as f64;
    let t = logits.sum() / classes;
    let s = (logits.trace() - t) / (classes - 1.0);
    let fitted = |i, j| (t - s) / classes + if i == j { s } else { 0.0 };
    let rest = norm(&logits.map_with_location(|i, j, x| x - fitted(i, j)));
    Symmetric { s, t, size: norm(&logits), rest }
}

/// ‖A‖_F, of tiny entries too: their squares would be zero.
fn norm(matrix: &DMatrix<f64>) -> f64 {
    let largest = matrix.amax();
    if largest > 0.0 { largest * (matrix / largest).norm() } else { largest }
}

/// s, the weight of the simplex part.
pub(super) fn scale(statistics: &Statistics) -> Result<f64, String> {
    Ok(symmetric(statistics).s)
}

/// t, the weight of the mean part.
pub(super) fn mean_part(statistics: &Statistics) -> Result<f64, String> {
    Ok(symmetric(statistics).t)
}

/// ‖WM̄ − sP − tJ/K‖_F / ‖WM̄‖_F.
pub(super) fn misfit(statistics: &Statistics) -> Result<f64, String> {
    let Symmetric { size, rest, .. } = symmetric(statistics);
    if size > 0.0 { Ok(rest / size) } else { Err("WM̄ = 0".into()) }
}

/// √(Σ_k ‖w^k‖²/K): the norm of a classifier row where all are equal.
pub(super) fn norm_w(statistics: &Statistics) -> Result<f64, String> {
    let w = statistics.point.w().into_owned();
    Ok(norm(&w) / (w.nrows() as f64).sqrt())
}
