//! NC2, NC3, distances to orthogonal frames and to what balanced minima may be, and the distances to the nearest simplex ETF and to the nearest tight frame.
//!
//! K×K matrices are gone through in tiles: memory does not grow with K².

use nalgebra::DMatrix;

use super::jacobi::singular_values;
use super::tiles::{Totals, distance_to};

/// ‖WWᵀ/‖WWᵀ‖_F − P/√(K−1)‖_F.
pub(super) fn gram_distance(w: &DMatrix<f64>) -> Result<f64, String> {
    let transposed = w.transpose();
    Ok(distance_to(w, &transposed, Totals::of(w, &transposed).norm(), simplex(w.nrows())))
}

/// ‖WWᵀ/‖WWᵀ‖_F − I/√K‖_F: 0 where the rows are orthogonal and equally long.
pub(super) fn frame_distance(w: &DMatrix<f64>) -> Result<f64, String> {
    let transposed = w.transpose();
    Ok(distance_to(w, &transposed, Totals::of(w, &transposed).norm(), frame(w.nrows())))
}

/// ‖WH̄/‖WH̄‖_F − P/√(K−1)‖_F.
pub(super) fn duality_distance(w: &DMatrix<f64>, h: &DMatrix<f64>) -> Result<f64, String> {
    Ok(distance_to(w, h, product_norm(w, h, "WH̄ = 0")?, simplex(w.nrows())))
}

/// ‖WM̄/‖WM̄‖_F − I/√K‖_F.
pub(super) fn frame_duality(w: &DMatrix<f64>, means: &DMatrix<f64>) -> Result<f64, String> {
    Ok(distance_to(w, means, product_norm(w, means, "WM̄ = 0")?, frame(w.nrows())))
}

/// min over a and b of ‖WWᵀ − aP − bJ/K‖_F/‖WWᵀ‖_F: how far the rows are from being equally long and at equal angles, whatever the angle.
///
/// P and J/K are orthogonal, ‖P‖² = K − 1, ‖J/K‖² = 1: b = 1ᵀWWᵀ1/K and a = (tr WWᵀ − b)/(K − 1).
pub(super) fn gram_misfit(w: &DMatrix<f64>) -> Result<f64, String> {
    let transposed = w.transpose();
    let totals = Totals::of(w, &transposed);
    let (classes, norm) = (w.nrows() as f64, totals.norm());
    let b = totals.sum / classes;
    let a = (totals.trace - b) / (classes - 1.0);
    let off = (b - a) / classes / norm;
    Ok(distance_to(w, &transposed, norm, (off + a / norm, off)))
}

/// ‖AB‖_F, unless it is rounding.
fn product_norm(a: &DMatrix<f64>, b: &DMatrix<f64>, zero: &str) -> Result<f64, String> {
    let norm = Totals::of(a, b).norm();
    if !(norm > f64::EPSILON * a.norm() * b.norm()) {
        return Err(zero.into());
    }
    Ok(norm)
}

/// P/√(K−1) = P/‖P‖_F: on the diagonal, and beside it.
fn simplex(classes: usize) -> (f64, f64) {
    let (classes, root) = (classes as f64, ((classes - 1) as f64).sqrt());
    ((1.0 - 1.0 / classes) / root, -1.0 / classes / root)
}

/// I/√K.
fn frame(classes: usize) -> (f64, f64) {
    (1.0 / (classes as f64).sqrt(), 0.0)
}

/// min over c and Q of ‖W − cQ‖_F/‖W‖_F, where Q runs over the partial isometries of W's own rank: how far the r singular values of W that are not zero are from being equal.
///
/// With the singular values s_j the best Q has W's singular vectors (von Neumann), c is their mean, and what is left is Σ_{j≤r}(s_j − c)². The simplex ETF, the orthogonal frame and the
/// cross-polytope have equal singular values. Values below [`NO_RANK`] of the largest count as zero.
pub(super) fn isometry_distance(w: &DMatrix<f64>) -> Result<f64, String> {
    let values = singular_values(w)?;
    let used: Vec<f64> = values.iter().copied().filter(|&s| s > NO_RANK * values[0]).collect();
    let mean = used.iter().sum::<f64>() / used.len() as f64;
    Ok(used.iter().map(|s| (s - mean).powi(2)).sum::<f64>().sqrt() / w.norm())
}

/// Singular values of W below this share of the largest are noise of the solver, not rank.
const NO_RANK: f64 = 1e-8;

/// min over c ≥ 0 and Q of ‖W − c M Q‖_F/‖W‖_F, where the rows of MQ run over the simplex ETFs.
///
/// Every simplex ETF is cBR with B a fixed orthonormal basis of 1^⊥ (K×(K−1), BBᵀ = P) and R of K−1 orthonormal rows. Where d < K−1 there is
/// none in R^d; W is then padded with zeros to the width K−1 where they are. (A partial isometry of width d instead would call the square in the plane
/// a simplex of 4 classes, since it is the shadow of one.) In either case, with s_1 … s_{K−1} the singular values of PW, zeros included:
/// ‖W − cBR‖² = ‖W‖² − 2c tr(WᵀBR) + c²(K−1), tr(WᵀBR) ≤ ‖BᵀW‖_* = Σ s_j with equality for the polar factor R of BᵀW (von Neumann),
/// and c = Σ s_j/(K−1). What is left, ‖W − PW‖² + Σ_j (s_j − c)², is a sum of squares: exact zeros come out as zeros to rounding.
pub(super) fn etf_distance(w: &DMatrix<f64>) -> Result<f64, String> {
    let dimensions = w.nrows() - 1;
    let mean = w.row_mean();
    let mut centred = w.clone();
    centred.row_iter_mut().for_each(|mut row| row -= &mean);
    let found = singular_values(&centred)?;
    let values: Vec<f64> = found.iter().copied().chain(std::iter::repeat(0.0)).take(dimensions).collect();
    let scale = values.iter().sum::<f64>() / dimensions as f64;
    let spread: f64 = values.iter().map(|s| (s - scale).powi(2)).sum();
    Ok((w.nrows() as f64 * mean.norm_squared() + spread).sqrt() / w.norm())
}
