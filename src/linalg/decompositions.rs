//! Decompositions of finite matrices, each scaled first and checked by its residual.

use faer::diag::{DiagMut, DiagRef};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::lblt::{self as bunch_kaufman, factor::LbltParams};
use faer::perm::PermRef;
use faer::{Par, Side, Spec};
use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::view;

/// A = V diag(values) Vᵀ with `values` ascending.
#[derive(Clone, Debug)]
pub struct Eigen {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors, one a column.
    pub vectors: DMatrix<f64>,
}

/// A = U diag(values) Vᵀ, thin, `values` descending.
#[derive(Clone, Debug)]
pub struct Svd {
    /// Left singular vectors.
    pub u: DMatrix<f64>,
    /// Singular values, descending.
    pub values: Vec<f64>,
    /// Right singular vectors.
    pub v: DMatrix<f64>,
}

/// Largest residual ‖AV − VΛ‖_max allowed, in units of max|a_ij| · n · eps. A healthy decomposition stays below 10.
const RESIDUAL_ALLOWED: f64 = 100.0;

/// Keeps the library on one thread: see the module's page.
fn sequential() {
    faer::set_global_parallelism(faer::Par::Seq);
}

/// max|a_ij|, and the matrix divided by it (by 1 for the zero matrix).
///
/// The library's eigenvectors lose accuracy silently when entries are far from 1.
fn scaled(a: &DMatrix<f64>) -> (f64, DMatrix<f64>) {
    let scale = a.amax();
    assert!(scale.is_finite(), "a decomposition needs finite entries");
    if scale > 0.0 { (scale, a / scale) } else { (1.0, a.clone()) }
}

/// Eigenvalues of a symmetric matrix (its lower triangle is read), ascending. Panics on entries that are not finite.
pub fn eigenvalues(a: &DMatrix<f64>) -> Vec<f64> {
    if a.is_empty() {
        return vec![];
    }
    sequential();
    let (scale, unit) = scaled(a);
    let n = a.nrows();
    let mut values = match view(unit.as_slice(), n, n).self_adjoint_eigenvalues(Side::Lower) {
        Ok(values) => values,
        Err(_) => symmetric_fallback(&unit).values,
    };
    values.iter_mut().for_each(|x| *x *= scale);
    values
}

/// Eigenvalues and vectors of a symmetric matrix (its lower triangle is read). Panics on entries that are not finite.
pub fn eigen(a: &DMatrix<f64>) -> Eigen {
    if a.is_empty() {
        return Eigen { values: vec![], vectors: a.clone() };
    }
    sequential();
    let (scale, unit) = scaled(a);
    let n = a.nrows();
    let mut eigen = match view(unit.as_slice(), n, n).self_adjoint_eigen(Side::Lower) {
        Ok(found) => {
            let vectors = DMatrix::from_fn(n, n, |i, j| found.U()[(i, j)]);
            let values: Vec<f64> = (0..n).map(|i| found.S()[i]).collect();
            Eigen { values, vectors }
        }
        Err(_) => symmetric_fallback(&unit),
    };
    if !(eigen_residual(&unit, &eigen) <= RESIDUAL_ALLOWED * n as f64 * f64::EPSILON) {
        eigen = symmetric_fallback(&unit);
    }
    eigen.values.iter_mut().for_each(|x| *x *= scale);
    eigen
}

/// ‖AV − VΛ‖_max, A read from its lower triangle.
fn eigen_residual(a: &DMatrix<f64>, eigen: &Eigen) -> f64 {
    let mut symmetric = a.clone();
    symmetric.fill_upper_triangle_with_lower_triangle();
    let mut residual = symmetric * &eigen.vectors;
    for (j, &value) in eigen.values.iter().enumerate() {
        residual.column_mut(j).axpy(-value, &eigen.vectors.column(j), 1.0);
    }
    residual.amax()
}

/// The same by another library, for the rare failure of the first.
fn symmetric_fallback(a: &DMatrix<f64>) -> Eigen {
    let mut symmetric = a.clone();
    symmetric.fill_upper_triangle_with_lower_triangle();
    let found = SymmetricEigen::new(symmetric);
    let mut order: Vec<usize> = (0..a.nrows()).collect();
    order.sort_by(|&i, &j| found.eigenvalues[i].total_cmp(&found.eigenvalues[j]));
    Eigen {
        values: order.iter().map(|&i| found.eigenvalues[i]).collect(),
        vectors: DMatrix::from_fn(a.nrows(), a.nrows(), |i, j| found.eigenvectors[(i, order[j])]),
    }
}

/// The thin singular value decomposition. Panics on entries that are not finite.
pub fn svd(a: &DMatrix<f64>) -> Svd {
    let (rows, columns) = a.shape();
    let size = rows.min(columns);
    if size == 0 {
        return Svd { u: DMatrix::zeros(rows, 0), values: vec![], v: DMatrix::zeros(columns, 0) };
    }
    sequential();
    let (scale, unit) = scaled(a);
    let copy = |m: faer::MatRef<'_, f64>| DMatrix::from_fn(m.nrows(), size, |i, j| m[(i, j)]);
    match view(unit.as_slice(), rows, columns).thin_svd() {
        Ok(found) => Svd { u: copy(found.U()), values: (0..size).map(|i| found.S()[i] * scale).collect(), v: copy(found.V()) },
        Err(_) => {
            let found = nalgebra::SVD::new(unit, true, true);
            let (u, v_t) = (found.u.expect("asked for"), found.v_t.expect("asked for"));
            Svd { u, values: found.singular_values.iter().map(|x| x * scale).collect(), v: v_t.transpose() }
        }
    }
}

/// Singular values, descending. Panics on entries that are not finite.
pub fn singular_values(a: &DMatrix<f64>) -> Vec<f64> {
    svd(a).values
}

/// L of A = LQ, Q with orthonormal rows, for A with no more rows than columns: the same singular values and left singular vectors in a square. Panics on entries that are not finite.
pub fn lower_factor(a: &DMatrix<f64>) -> DMatrix<f64> {
    let (rows, columns) = a.shape();
    assert!(rows <= columns, "more rows than columns");
    if rows == 0 {
        return DMatrix::zeros(0, 0);
    }
    sequential();
    let (scale, unit) = scaled(a);
    let found = view(unit.as_slice(), rows, columns).transpose().qr();
    let r = found.thin_R();
    DMatrix::from_fn(rows, rows, |i, j| if j <= i { scale * r[(j, i)] } else { 0.0 })
}

/// Orthonormal columns completed to a basis of the whole space: the complement's projector I − VVᵀ has eigenvalue 1 there.
pub fn completed_basis(v: &DMatrix<f64>) -> DMatrix<f64> {
    let (rows, known) = v.shape();
    let complement = eigen(&(DMatrix::identity(rows, rows) - v * v.transpose()));
    let mut basis = v.clone().resize_horizontally(rows, 0.0);
    basis.columns_mut(known, rows - known).copy_from(&complement.vectors.columns(known, rows - known));
    basis
}

/// P A Pᵀ = L B Lᵀ of a symmetric matrix (Bunch–Kaufman), its lower triangle read: inertia and solutions at a third of n³.
#[derive(Debug)]
pub struct Factors {
    scale: f64,
    /// L below the diagonal, B's diagonal on it.
    factors: DMatrix<f64>,
    subdiagonal: Vec<f64>,
    forward: Vec<usize>,
    inverse: Vec<usize>,
}

impl Factors {
    /// Factors a matrix in its own memory. Panics on entries that are not finite.
    pub fn new(mut a: DMatrix<f64>) -> Self {
        let n = a.nrows();
        let scale = if n > 0 { a.amax() } else { 0.0 };
        assert!(scale.is_finite(), "a decomposition needs finite entries");
        let scale = if scale > 0.0 { scale } else { 1.0 };
        a /= scale;
        let (mut subdiagonal, mut forward, mut inverse) = (vec![0.0; n], vec![0; n], vec![0; n]);
        let params = Spec::<LbltParams, f64>::default();
        let mut memory = MemBuffer::new(bunch_kaufman::factor::cholesky_in_place_scratch::<usize, f64>(n, Par::Seq, params));
        bunch_kaufman::factor::cholesky_in_place(
            super::view_mut(a.as_mut_slice(), n, n),
            DiagMut::from_slice_mut(&mut subdiagonal),
            &mut forward,
            &mut inverse,
            Par::Seq,
            MemStack::new(&mut memory),
            params,
        );
        Self { scale, factors: a, subdiagonal, forward, inverse }
    }

    /// Numbers of negative, zero and positive eigenvalues: the signs of the blocks of B (Sylvester's law of inertia). Exact for a matrix within rounding of the given one.
    pub fn inertia(&self) -> (usize, usize, usize) {
        let n = self.factors.nrows();
        let mut counts = (0, 0, 0);
        let mut i = 0;
        while i < n {
            if i + 1 < n && self.subdiagonal[i] != 0.0 {
                // A 2×2 block is chosen only where its determinant is negative: one eigenvalue of each sign.
                counts = (counts.0 + 1, counts.1, counts.2 + 1);
                i += 2;
            } else {
                let pivot = self.factors[(i, i)];
                let (negative, positive) = (usize::from(pivot < 0.0), usize::from(pivot > 0.0));
                counts = (counts.0 + negative, counts.1 + 1 - negative - positive, counts.2 + positive);
                i += 1;
            }
        }
        counts
    }

    /// The solution of A x = rhs; entries are not finite where A is singular to the last bit.
    pub fn solve(&self, rhs: &DVector<f64>) -> DVector<f64> {
        let mut x = rhs / self.scale;
        let n = x.len();
        if n > 0 {
            let mut memory = MemBuffer::new(bunch_kaufman::solve::solve_in_place_scratch::<usize, f64>(n, 1, Par::Seq));
            let factors = view(self.factors.as_slice(), n, n);
            bunch_kaufman::solve::solve_in_place(
                factors,
                factors.diagonal(),
                DiagRef::from_slice(&self.subdiagonal),
                PermRef::new_checked(&self.forward, &self.inverse, n),
                super::view_mut(x.as_mut_slice(), n, 1),
                Par::Seq,
                MemStack::new(&mut memory),
            );
        }
        x
    }
}

/// Numbers of negative, zero and positive eigenvalues of a symmetric matrix (its lower triangle is read).
pub fn inertia(a: DMatrix<f64>) -> (usize, usize, usize) {
    Factors::new(a).inertia()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{gaussian, stream};

    fn symmetric(n: usize, scale: f64) -> DMatrix<f64> {
        let mut data = vec![0.0; n * n];
        gaussian(&mut stream(3, "symmetric", n as u64), scale, &mut data);
        let a = DMatrix::from_vec(n, n, data);
        &a + a.transpose()
    }

    #[test]
    fn eigenvectors_are_accurate_at_every_scale() {
        for scale in [1e-200, 1e-20, 1e-8, 1.0, 1e150] {
            let a = symmetric(40, scale);
            let found = eigen(&a);
            let residual = eigen_residual(&a, &found);
            assert!(residual <= 1e-13 * a.amax() * 40.0, "scale {scale}: {residual}");
            let oracle = symmetric_fallback(&(&a / scale));
            for (x, y) in found.values.iter().zip(&oracle.values) {
                assert!((x / scale - y).abs() < 1e-11, "{x} against {y}");
            }
        }
    }

    #[test]
    fn inertia_counts_what_eigenvalues_count() {
        for n in [1, 2, 5, 30, 90] {
            let a = symmetric(n, 1.0);
            let negative = eigenvalues(&a).iter().filter(|&&x| x < 0.0).count();
            assert_eq!(inertia(a), (negative, 0, n - negative));
        }
        assert_eq!(inertia(DMatrix::zeros(3, 3)), (0, 3, 0));
        assert_eq!(inertia(DMatrix::zeros(0, 0)), (0, 0, 0));
    }

    #[test]
    fn factors_solve_indefinite_systems() {
        for scale in [1e-30, 1.0] {
            let a = symmetric(40, scale);
            let x = DVector::from_fn(40, |i, _| i as f64 - 20.0);
            assert!((Factors::new(a.clone()).solve(&(&a * &x)) - x).amax() < 1e-10);
        }
    }

    #[test]
    fn svd_reconstructs() {
        for (rows, columns) in [(4, 7), (7, 4), (3, 3)] {
            let mut data = vec![0.0; rows * columns];
            gaussian(&mut stream(4, "svd", rows as u64), 1e-30, &mut data);
            let a = DMatrix::from_vec(rows, columns, data);
            let found = svd(&a);
            let diagonal = DMatrix::from_diagonal(&nalgebra::DVector::from_vec(found.values.clone()));
            assert!((&found.u * diagonal * found.v.transpose() - &a).amax() < 1e-14 * a.amax() * 10.0);
        }
    }
}
