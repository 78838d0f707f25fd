//! The logits of the class means against the symmetric form sP + tJ/K that balanced minima have, and the size of the classifier.

use nalgebra::DMatrix;

use super::statistics::{Statistics, largest};
use super::tiles::{Totals, distance_to};

/// The least-squares coefficients of WM̄, M̄ = \[μ_c\], on P and J/K, and what they leave.
struct Symmetric {
    s: f64,
    t: f64,
    /// ‖WM̄‖_F over the largest entries of both.
    size: f64,
    /// ‖WM̄ − sP − tJ/K‖_F / ‖WM̄‖_F.
    rest: f64,
}

/// P and J/K are orthogonal, ‖P‖² = K − 1, ‖J/K‖² = 1: with X = WM̄, t = ⟨J/K, X⟩ = 1ᵀX1/K and s = ⟨P, X⟩/(K−1) = (tr X − t)/(K−1).
///
/// The bias is left out: b1ᵀ is orthogonal to P, and t is the mean part of WH alone, as in the closed forms.
fn symmetric(statistics: &Statistics) -> Symmetric {
    let (w, means) = (&statistics.w, &statistics.class_means);
    let classes = w.nrows() as f64;
    // Sizes are taken out before anything is squared: squares of tiny entries would be zero.
    let (w_scale, h_scale) = (safe(largest(w)), safe(largest(means)));
    let (w, means) = (w / w_scale, means / h_scale);
    let totals = Totals::of(&w, &means);
    let t = totals.sum / classes;
    let s = (totals.trace - t) / (classes - 1.0);
    let norm = totals.norm();
    let off = (t - s) / classes;
    let rest = if norm > 0.0 { distance_to(&w, &means, norm, ((off + s) / norm, off / norm)) } else { 0.0 };
    let size = |x: f64| x * w_scale * h_scale;
    Symmetric { s: size(s), t: size(t), size: norm, rest }
}

/// A divisor.
fn safe(largest: f64) -> f64 {
    if largest > f64::MIN_POSITIVE { largest } else { 1.0 }
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
    if size > 0.0 { Ok(rest) } else { Err("WM̄ = 0".into()) }
}

/// √(Σ_k ‖w^k‖²/K): the norm of a classifier row where all are equal.
pub(super) fn norm_w(statistics: &Statistics) -> Result<f64, String> {
    let w = &statistics.w;
    Ok(norm(w) / (w.nrows() as f64).sqrt())
}
