//! Chance: one stream a plant, and what plants draw from it.

use nalgebra::{DMatrix, DVector};
use rand::{Rng, RngExt};
use ufm::numeric::{Stream, gaussian, stream};

pub(crate) struct Chance(Stream);

impl Chance {
    pub(crate) fn new(kind: &str, index: u64) -> Self {
        Self(stream(11, kind, index))
    }

    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Uniform in the logarithm.
    pub(crate) fn log(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low.ln(), high.ln()).exp()
    }

    /// Of low ..= high.
    pub(crate) fn integer(&mut self, low: usize, high: usize) -> usize {
        self.0.random_range(low..=high)
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.0.random_range(0..from.len())].clone()
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.0.next_u64() & 1 == 1
    }

    pub(crate) fn normal(&mut self, rows: usize, columns: usize) -> DMatrix<f64> {
        let mut data = vec![0.0; rows * columns];
        gaussian(&mut self.0, 1.0, &mut data);
        DMatrix::from_vec(rows, columns, data)
    }

    /// `columns` orthonormal columns of length `rows`, uniform.
    pub(crate) fn frame(&mut self, rows: usize, columns: usize) -> DMatrix<f64> {
        if columns == 0 {
            return DMatrix::zeros(rows, 0);
        }
        let mut q = self.normal(rows, columns).qr().q();
        // Twice: the first leaves 1e-15, the second nothing that adds up.
        q = q.qr().q();
        q
    }

    /// `count` orthonormal directions of R^K orthogonal to the ones.
    pub(crate) fn simplex(&mut self, classes: usize, count: usize) -> DMatrix<f64> {
        let mut helmert = DMatrix::zeros(classes, classes - 1);
        for m in 1..classes {
            let norm = (m as f64 * (m as f64 + 1.0)).sqrt();
            let column = DVector::from_fn(classes, |k, _| match k.cmp(&m) {
                std::cmp::Ordering::Less => 1.0 / norm,
                std::cmp::Ordering::Equal => -(m as f64) / norm,
                std::cmp::Ordering::Greater => 0.0,
            });
            helmert.set_column(m - 1, &column);
        }
        helmert * self.frame(classes - 1, count)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.0.random_range(0..=at));
        }
    }
}
