//! Cholesky factors of large matrices, in place and on all threads, with bits that do not depend on their number.
//!
//! The matrix is taken in blocks of fixed size: a block's own columns are factored on one thread, the columns behind it are updated in fixed strips, each by one product on one thread.
//! Who computes a strip does not change what is computed.
//!
//! The threads are this module's own: a thread of the pool that waits for others may begin another task of the pool, whose memory then comes on top.

use std::sync::{Mutex, PoisonError};
use std::thread;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltParams, LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Par, Spec};
use nalgebra::{DMatrix, DVector};

use super::{View, add_product, view, view_mut};

/// Columns eliminated at once: wide enough that memory is read rarely, narrow enough that one thread's part stays small.
const BLOCK: usize = 192;

/// A = L Lᵀ.
#[derive(Debug)]
pub struct Cholesky {
    /// L in the lower triangle; what is above it means nothing.
    factor: DMatrix<f64>,
}

impl Cholesky {
    /// Factors a symmetric matrix, of which the lower triangle is read, in its own memory. `None` where it is not positive definite (or has an entry that is not finite): the
    /// factorisation exists for a matrix within rounding of the given one exactly if that is positive definite.
    pub fn new(mut a: DMatrix<f64>) -> Option<Self> {
        let n = a.nrows();
        let mut first = 0;
        while first < n {
            let count = BLOCK.min(n - first);
            let (known, behind) = a.as_mut_slice().split_at_mut((first + count) * n);
            let block = &mut known[first * n..];
            factor_panel(block, n, first, count)?;
            let block = &*block;
            update(view(block, n, count), behind, first + count);
            first += count;
        }
        Some(Self { factor: a })
    }

    /// The solution of A x = rhs.
    pub fn solve(&self, rhs: &DVector<f64>) -> DVector<f64> {
        let n = self.factor.nrows();
        let mut x = rhs.clone();
        if n > 0 {
            let lower = view(self.factor.as_slice(), n, n);
            solve_lower_triangular_in_place(lower, view_mut(x.as_mut_slice(), n, 1), Par::Seq);
            solve_upper_triangular_in_place(lower.transpose(), view_mut(x.as_mut_slice(), n, 1), Par::Seq);
        }
        x
    }
}

/// A₂₂ ← A₂₂ − L₂₁L₂₁ᵀ for the columns `behind` the panel, which begin at column `start`.
fn update(panel: View<'_>, behind: &mut [f64], start: usize) {
    let n = panel.nrows();
    let strips = behind.len().div_ceil(n * BLOCK);
    let work = Mutex::new(behind.chunks_mut(n * BLOCK).enumerate());
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        while let Some((strip, columns)) = next() {
            let at = start + strip * BLOCK;
            let width = columns.len() / n;
            let target = view_mut(columns, n, width).subrows_mut(at, n - at);
            add_product(target, panel.subrows(at, n - at), panel.subrows(at, width).transpose(), -1.0);
        }
    };
    let threads = rayon::current_num_threads().min(strips);
    thread::scope(|scope| {
        (1..threads).for_each(|_| drop(scope.spawn(run)));
        run();
    });
}

/// Factors the diagonal block of `count` columns (of `n` entries) from row `first` on, and divides the rows below by it.
fn factor_panel(block: &mut [f64], n: usize, first: usize, count: usize) -> Option<()> {
    let rows = view_mut(block, n, count).subrows_mut(first, n - first);
    let (mut diagonal, below) = rows.split_at_row_mut(count);
    let params = Spec::<LltParams, f64>::default();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(count, Par::Seq, params));
    cholesky_in_place(diagonal.as_mut(), LltRegularization::default(), Par::Seq, MemStack::new(&mut memory), params).ok()?;
    // L₂₁ = A₂₁ L₁₁⁻ᵀ.
    solve_lower_triangular_in_place(diagonal.as_ref(), below.transpose_mut(), Par::Seq);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{gaussian, stream};

    fn gram(n: usize) -> DMatrix<f64> {
        let mut data = vec![0.0; n * n];
        gaussian(&mut stream(5, "cholesky", n as u64), 1.0, &mut data);
        let a = DMatrix::from_vec(n, n, data);
        &a * a.transpose() + DMatrix::identity(n, n)
    }

    #[test]
    fn it_solves_across_blocks_with_the_same_bits_on_any_threads() {
        for n in [0, 1, 30, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
            let a = gram(n);
            let x = DVector::from_fn(n, |i, _| (i % 7) as f64 - 3.0);
            let mut lower = a.clone();
            lower.fill_upper_triangle(f64::NAN, 1);
            let solve = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| Cholesky::new(lower.clone()).unwrap().solve(&(&a * &x)))
            };
            let found = solve(1);
            assert!((&found - &x).amax() <= 1e-9, "{n}");
            for threads in [2, 5] {
                assert!(found.iter().zip(&solve(threads)).all(|(a, b)| a.to_bits() == b.to_bits()), "{n}, {threads} threads");
            }
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_factors() {
        for n in [1, 40, 2 * BLOCK + 5] {
            for at in [0, n / 2, n - 1] {
                for bad in [-1.0, f64::NAN, f64::NEG_INFINITY] {
                    let mut a = gram(n);
                    a[(at, at)] = bad;
                    assert!(Cholesky::new(a).is_none(), "{n}, {at}, {bad}");
                }
            }
        }
    }
}
