//! Matrix products over column-major slices.

use faer::linalg::matmul::triangular::BlockStructure;
use faer::{Accum, MatMut, MatRef, Par};

/// A read-only matrix view.
pub type View<'a> = MatRef<'a, f64>;
/// A writable matrix view.
pub type ViewMut<'a> = MatMut<'a, f64>;

/// Column-major `data` as a rows×columns matrix.
pub fn view(data: &[f64], rows: usize, columns: usize) -> View<'_> {
    MatRef::from_column_major_slice(data, rows, columns)
}

/// Column-major `data` as a writable rows×columns matrix.
pub fn view_mut(data: &mut [f64], rows: usize, columns: usize) -> ViewMut<'_> {
    MatMut::from_column_major_slice_mut(data, rows, columns)
}

/// Columns of `rows` entries, each `stride` after the one before.
pub fn strided(data: &[f64], rows: usize, columns: usize, stride: usize) -> View<'_> {
    MatRef::from_column_major_slice_with_stride(data, rows, columns, stride)
}

/// The same, writable.
pub fn strided_mut(data: &mut [f64], rows: usize, columns: usize, stride: usize) -> ViewMut<'_> {
    MatMut::from_column_major_slice_with_stride_mut(data, rows, columns, stride)
}

/// `out` ← `factor` · A B.
pub fn product(out: ViewMut<'_>, a: View<'_>, b: View<'_>, factor: f64) {
    faer::linalg::matmul::matmul(out, Accum::Replace, a, b, factor, Par::Seq);
}

/// `out` ← `out` + `factor` · A B.
pub fn add_product(out: ViewMut<'_>, a: View<'_>, b: View<'_>, factor: f64) {
    faer::linalg::matmul::matmul(out, Accum::Add, a, b, factor, Par::Seq);
}

/// The lower triangle of `out` ← `out` + `factor` · A B; the strict upper triangle is left alone.
pub fn add_product_lower(out: ViewMut<'_>, a: View<'_>, b: View<'_>, factor: f64) {
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    faer::linalg::matmul::triangular::matmul(out, lower, Accum::Add, a, whole, b, whole, factor, Par::Seq);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_agree_with_the_definition() {
        let a: Vec<f64> = (0..6).map(f64::from).collect(); // 2×3
        let b: Vec<f64> = (0..6).map(|x| f64::from(x) - 2.5).collect(); // 3×2
        let mut out = vec![1.0; 4];
        add_product(view_mut(&mut out, 2, 2), view(&a, 2, 3), view(&b, 3, 2), 2.0);
        let mut lower = vec![1.0; 4];
        add_product_lower(view_mut(&mut lower, 2, 2), view(&a, 2, 3), view(&b, 3, 2), 2.0);
        for j in 0..2 {
            for i in 0..2 {
                let exact = 1.0 + 2.0 * (0..3).map(|l| a[i + 2 * l] * b[l + 3 * j]).sum::<f64>();
                assert!((out[i + 2 * j] - exact).abs() < 1e-13);
                let expected = if i >= j { exact } else { 1.0 };
                assert!((lower[i + 2 * j] - expected).abs() < 1e-13);
            }
        }
    }
}
