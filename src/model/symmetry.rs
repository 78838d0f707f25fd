//! The symmetry group O(d) × permutations, its tangents and its orbits.
//!
//! f(WQᵀ, QH, b) = f(W, H, b) for Q ∈ O(d). Samples of one class, and classes of one size (with their samples), may be exchanged.

use nalgebra::DMatrix;

use super::Point;
use crate::linalg::svd;

/// Dimension of the O(d) orbit of a point whose W and H share a row/column space of dimension `rank`: rd − r(r+1)/2.
///
/// Skew Ω moves the point unless it lives in the orthogonal complement: d(d−1)/2 − (d−r)(d−r−1)/2.
pub fn orbit_dimension(rank: usize, width: usize) -> usize {
    rank * width - rank * (rank + 1) / 2
}

/// An orthonormal basis of the θ = (W, b) parts of the symmetry tangents at `x`: {WΩ : Ω skew}, and b ∥ 1 where `shifts` says so.
///
/// Rows as in the arrow: W by columns, then b. Tangents shorter than 1e-10 of the largest are left out.
pub fn tangents(x: &Point, shifts: bool) -> DMatrix<f64> {
    let (w, width) = (x.w(), x.width());
    let (classes, bias) = (w.nrows(), x.b().len());
    let rows = classes * width + bias;
    let mut columns = Vec::new();
    for a in 0..width {
        for b in a + 1..width {
            // Ω = e_a e_bᵀ − e_b e_aᵀ: WΩ has column b equal to w_a and column a equal to −w_b.
            let mut tangent = DMatrix::zeros(rows, 1);
            for k in 0..classes {
                tangent[b * classes + k] = w[(k, a)];
                tangent[a * classes + k] = -w[(k, b)];
            }
            columns.push(tangent);
        }
    }
    let all = DMatrix::from_fn(rows, columns.len(), |i, j| columns[j][i]);
    let found = svd(&all);
    let largest = found.values.first().copied().unwrap_or(0.0);
    let kept = found.values.iter().filter(|&&value| value > 1e-10 * largest).count();
    let mut basis = found.u.columns(0, kept).into_owned().resize_horizontally(kept + usize::from(shifts), 0.0);
    if shifts {
        basis.view_mut((classes * width, kept), (bias, 1)).fill(1.0 / (bias as f64).sqrt());
    }
    basis
}
