//! Singular values by one-sided Jacobi rotations.
//!
//! The matrices here are rank-deficient by nature (centred over classes) and small. On such matrices bidiagonalisation as in the matrix
//! library was seen to leave residuals of 1e-2; Jacobi's method finds each singular value to nearly full relative accuracy.

use nalgebra::{DMatrix, DVector};

use crate::linalg::{dot, lower_factor, svd};

/// More sweeps than this have never been needed: convergence is quadratic, 6 to 10 are usual.
const SWEEPS_MAX: usize = 60;

/// A decomposition that leaves more than this of ‖A‖_F is refused.
const RESIDUAL: f64 = 1e-12;

/// From this many columns on the library's decomposition is taken for a first guess of the right singular vectors: rotations then have next to nothing left to do.
const GUESSED_FROM: usize = 48;

/// A guess that is farther from orthogonal than this is not used.
const ORTHOGONAL: f64 = 1e-10;

/// The falling singular values of A alone, as many as its shorter side.
pub(super) fn singular_values(matrix: &DMatrix<f64>) -> Result<DVector<f64>, String> {
    Ok(singular(matrix)?.1)
}

/// The left singular vectors (as columns) and the falling singular values of A, as many as its shorter side; vectors of zero singular values are zero.
/// The entries of A are of the order of 1. Fails if the result does not pass its checks.
///
/// Of a wide A = LQ the square L is decomposed: rotating all pairs of many columns would never end.
pub(super) fn singular(matrix: &DMatrix<f64>) -> Result<(DMatrix<f64>, DVector<f64>), String> {
    let norm = matrix.norm();
    if matrix.ncols() > matrix.nrows() && norm.is_finite() {
        let square = lower_factor(matrix);
        if !((square.norm() - norm).abs() <= RESIDUAL * norm) {
            return Err("the orthogonal factorisation is inaccurate".into());
        }
        return singular(&square);
    }
    let mut columns = guessed(matrix);
    let negligible = f64::EPSILON * norm;
    let swept = (0..SWEEPS_MAX).any(|_| !sweep(&mut columns, negligible));
    if !swept {
        return Err("the singular value decomposition did not converge".into());
    }
    let lengths: Vec<f64> = columns.column_iter().map(|column| column.norm()).collect();
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by(|&i, &j| lengths[j].total_cmp(&lengths[i]));
    let mut u = DMatrix::zeros(matrix.nrows(), matrix.ncols());
    for (place, &j) in order.iter().enumerate().filter(|&(_, &j)| lengths[j] > negligible) {
        u.set_column(place, &(columns.column(j) / lengths[j]));
    }
    // What U does not span of A, and how far its columns are from orthonormal.
    let residual = (matrix - &u * (u.transpose() * matrix)).norm();
    let gram = u.transpose() * &u;
    let skew = gram.map_with_location(|i, j, g| if i == j && g > 0.5 { g - 1.0 } else { g }).norm();
    if !(residual <= RESIDUAL * norm && skew <= RESIDUAL * (1.0 + u.ncols() as f64)) {
        return Err(format!("the singular value decomposition is inaccurate: residual {residual:e}, orthogonality {skew:e}"));
    }
    Ok((u, DVector::from_iterator(order.len(), order.iter().map(|&j| lengths[j]))))
}

/// AV with nearly orthogonal columns, V orthogonal: the library's guess where A is large and finite and the guess is orthogonal, else A itself.
fn guessed(matrix: &DMatrix<f64>) -> DMatrix<f64> {
    let columns = matrix.ncols();
    if columns < GUESSED_FROM || columns > matrix.nrows() || !matrix.iter().all(|x| x.is_finite()) {
        return matrix.clone();
    }
    let v = svd(matrix).v;
    let skew = (v.transpose() * &v - DMatrix::identity(columns, columns)).amax();
    if skew <= ORTHOGONAL { matrix * v } else { matrix.clone() }
}

/// Rotates every pair of columns to be orthogonal. Returns whether any pair was not yet.
fn sweep(columns: &mut DMatrix<f64>, negligible: f64) -> bool {
    let (rows, count) = columns.shape();
    if rows == 0 {
        return false;
    }
    let mut rotated = false;
    // What rounding leaves of the product of orthogonal columns grows with their length; less than that cannot be asked for.
    let rounding = (4.0 + 0.5 * (rows as f64).sqrt()) * f64::EPSILON;
    let mut squares: Vec<f64> = columns.as_slice().chunks_exact(rows).map(|column| dot(column, column)).collect();
    for i in 0..count {
        for j in i + 1..count {
            let (a, b) = (squares[i], squares[j]);
            // Columns of rounding noise never settle, and do not matter.
            if a.min(b) <= negligible * negligible {
                continue;
            }
            let (left, right) = columns.as_mut_slice().split_at_mut(j * rows);
            let (x, y) = (&mut left[i * rows..(i + 1) * rows], &mut right[..rows]);
            let product = dot(x, y);
            let allowed = rounding * (a * b).sqrt();
            if product.abs() <= allowed {
                continue;
            }
            rotated = true;
            let zeta = (b - a) / (2.0 * product);
            let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
            let cosine = 1.0 / tangent.hypot(1.0);
            let sine = cosine * tangent;
            for (x, y) in x.iter_mut().zip(y.iter_mut()) {
                (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
            }
            (squares[i], squares[j]) = (dot(x, x), dot(y, y));
        }
    }
    rotated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{gaussian, stream};

    #[test]
    fn planted_singular_values_are_found() {
        for (rows, columns, rank) in
            [(5, 3, 2), (3, 7, 3), (8, 8, 4), (40, 30, 29), (2, 9, 1), (20, 300, 19), (90, 70, 69), (60, 60, 11)]
        {
            let orthonormal = |size, index| {
                let mut a = DMatrix::zeros(size, rank);
                gaussian(&mut stream(1, "jacobi", index), 1.0, a.as_mut_slice());
                a.qr().q()
            };
            let planted = DVector::from_fn(rank, |j, _| 10f64.powf(-6.0 * j as f64 / rank as f64));
            let matrix = orthonormal(rows, 1) * DMatrix::from_diagonal(&planted) * orthonormal(columns, 2).transpose();
            let (u, s) = singular(&matrix).unwrap();
            assert_eq!(s.len(), rows.min(columns));
            for j in 0..rows.min(columns) {
                let expected = if j < rank { planted[j] } else { 0.0 };
                assert!((s[j] - expected).abs() <= 1e-14, "{rows}×{columns}: {} for {expected}", s[j]);
            }
            let projected = u.columns(0, rank).transpose() * &matrix;
            for j in 0..rank {
                assert!((projected.row(j).norm() / planted[j] - 1.0).abs() <= 1e-9);
            }
        }
        assert!(singular(&DMatrix::from_element(2, 2, f64::NAN)).is_err());
        assert!(singular(&DMatrix::zeros(3, 2)).unwrap().1.amax() <= 0.0);
    }
}
