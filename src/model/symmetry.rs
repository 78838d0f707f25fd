//! The symmetry group O(d) × permutations: the dimension of its orbits and their tangents.
//!
//! f(WQᵀ, QH, b) = f(W, H, b) for Q ∈ O(d). Samples of one class, and classes of one size (with their samples), may be exchanged.

use nalgebra::DMatrix;

use super::Point;
use crate::linalg::{completed_basis, svd};

/// Dimension of the O(d) orbit of a point whose W and H share a row/column space of dimension `rank`: rd − r(r+1)/2.
///
/// Skew Ω moves the point unless it lives in the orthogonal complement: d(d−1)/2 − (d−r)(d−r−1)/2.
pub fn orbit_dimension(rank: usize, width: usize) -> usize {
    rank * width - rank * (rank + 1) / 2
}

/// An orthonormal basis of the θ = (W, b) parts of the symmetry tangents at `x`: {WΩ : Ω skew}, and b ∥ 1 where `shifts` says so.
///
/// With W = Σ_a s_a u_a v_aᵀ and v completed to a basis of R^d, the tangents of Ω = v_a v_bᵀ − v_b v_aᵀ are s_a u_a v_bᵀ − s_b u_b v_aᵀ, and those of different pairs a < b are
/// orthogonal to each other: it remains to divide by √(s_a² + s_b²). Rows as in the arrow: W by columns, then b. Tangents shorter than 1e-10 of ‖W‖ are left out.
pub fn tangents(x: &Point, shifts: bool) -> DMatrix<f64> {
    let w = x.w().into_owned();
    let (classes, width, bias) = (w.nrows(), w.ncols(), x.b().len());
    let found = svd(&w);
    let v = completed_basis(&found.v);
    let singular = |a: usize| found.values.get(a).copied().unwrap_or(0.0);
    let allowed = 1e-10 * singular(0);
    let mut columns: Vec<f64> = Vec::new();
    for a in 0..found.values.len() {
        for b in a + 1..width {
            let length = singular(a).hypot(singular(b));
            if !(length > allowed) {
                continue;
            }
            for c in 0..width {
                for k in 0..classes {
                    let second = if b < found.values.len() { singular(b) * found.u[(k, b)] * v[(c, a)] } else { 0.0 };
                    columns.push((singular(a) * found.u[(k, a)] * v[(c, b)] - second) / length);
                }
            }
            columns.extend(std::iter::repeat_n(0.0, bias));
        }
    }
    if shifts {
        columns.extend(std::iter::repeat_n(0.0, classes * width));
        columns.extend(std::iter::repeat_n(1.0 / (bias as f64).sqrt(), bias));
    }
    let rows = classes * width + bias;
    DMatrix::from_vec(rows, columns.len() / rows.max(1), columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bias, Shape};
    use crate::numeric::{gaussian, stream};

    fn random_matrix(rows: usize, columns: usize, index: u64) -> DMatrix<f64> {
        let mut data = vec![0.0; rows * columns];
        gaussian(&mut stream(2, "symmetry tests", index), 1.0, &mut data);
        DMatrix::from_vec(rows, columns, data)
    }

    #[test]
    fn the_orbit_dimension_is_the_rank_of_the_tangents() {
        for (rank, width) in [(0, 3), (1, 3), (2, 3), (3, 3), (2, 5)] {
            let shape = Shape::balanced(4, width, 2).unwrap();
            let frame = DMatrix::identity(width, rank);
            let narrow = Point::from_blocks(&random_matrix(4, rank, 5), &random_matrix(rank, 8, 6), &[]);
            let x = narrow.embed(&frame);
            assert_eq!(x.as_slice().len(), shape.dimension(Bias::None));
            let basis = tangents(&x, false);
            assert_eq!(basis.ncols(), orbit_dimension(rank, width));
            assert!((basis.tr_mul(&basis) - DMatrix::identity(basis.ncols(), basis.ncols())).amax() < 1e-14);
            // WΩ of a random skew Ω lies in their span.
            let random = random_matrix(width, width, 7);
            let tangent = x.w() * (&random - random.transpose());
            let tangent = DMatrix::from_column_slice(tangent.len(), 1, tangent.as_slice());
            assert!((&tangent - &basis * basis.tr_mul(&tangent)).amax() < 1e-13);
        }
    }
}
