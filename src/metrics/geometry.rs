//! NC2, NC3 and the distances to the nearest simplex ETF and to the nearest tight frame.

use nalgebra::DMatrix;

use super::jacobi::singular;

/// ‖WWᵀ/‖WWᵀ‖_F − P/√(K−1)‖_F.
pub(super) fn gram_distance(w: &DMatrix<f64>) -> Result<f64, String> {
    distance_to_simplex(w * w.transpose())
}

/// ‖WH̄/‖WH̄‖_F − P/√(K−1)‖_F.
pub(super) fn duality_distance(w: &DMatrix<f64>, h_centred: &DMatrix<f64>) -> Result<f64, String> {
    let product = w * h_centred;
    if !(product.norm() > f64::EPSILON * w.norm() * h_centred.norm()) {
        return Err("WH̄ = 0".into());
    }
    distance_to_simplex(product)
}

/// ‖A/‖A‖_F − P/√(K−1)‖_F of a K×K matrix; √(K−1) = ‖P‖_F.
fn distance_to_simplex(matrix: DMatrix<f64>) -> Result<f64, String> {
    let classes = matrix.nrows();
    let (norm, root) = (matrix.norm(), ((classes - 1) as f64).sqrt());
    let simplex = |i, j| (f64::from(u8::from(i == j)) - 1.0 / classes as f64) / root;
    Ok(matrix.map_with_location(|i, j, a| a / norm - simplex(i, j)).norm())
}

/// min over c and Q of ‖W − cQ‖_F/‖W‖_F, where Q runs over the partial isometries of W's own rank: how far the r singular values of W that are not zero are from being equal.
///
/// With the singular values s_j the best Q has W's singular vectors (von Neumann), c is their mean, and what is left is Σ_{j≤r}(s_j − c)². The simplex ETF, the orthogonal frame and the
/// cross-polytope have equal singular values. Values below [`NO_RANK`] of the largest count as zero.
pub(super) fn isometry_distance(w: &DMatrix<f64>) -> Result<f64, String> {
    let (_, values) = singular(w)?;
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
    let (_, singular_values) = singular(&centred)?;
    let values: Vec<f64> = singular_values.iter().copied().chain(std::iter::repeat(0.0)).take(dimensions).collect();
    let scale = values.iter().sum::<f64>() / dimensions as f64;
    let spread: f64 = values.iter().map(|s| (s - scale).powi(2)).sum();
    Ok((w.nrows() as f64 * mean.norm_squared() + spread).sqrt() / w.norm())
}
