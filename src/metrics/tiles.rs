//! K×K matrices that are never stored: products and distances of all pairs of classes, a tile at a time.

use nalgebra::DMatrix;

use crate::linalg::{product, view, view_mut};

/// Rows and columns of a tile: half a megabyte.
const TILE: usize = 256;

/// A squared distance below this share of the squared lengths is taken from the difference itself: through products it would lose digits.
const NEAR: f64 = 1e-3;

/// Calls `visit(first row, first column, tile)` for all tiles of AB, A K×d and B d×K, in order.
pub(super) fn for_each_tile(a: &DMatrix<f64>, b: &DMatrix<f64>, mut visit: impl FnMut(usize, usize, &DMatrix<f64>)) {
    let (rows, width, columns) = (a.nrows(), a.ncols(), b.ncols());
    for i in (0..rows).step_by(TILE) {
        let height = TILE.min(rows - i);
        let strip = a.rows(i, height).into_owned();
        for j in (0..columns).step_by(TILE) {
            let count = TILE.min(columns - j);
            let mut tile = DMatrix::zeros(height, count);
            if width > 0 {
                let right = &b.as_slice()[j * width..(j + count) * width];
                let out = view_mut(tile.as_mut_slice(), height, count);
                product(out, view(strip.as_slice(), height, width), view(right, width, count), 1.0);
            }
            visit(i, j, &tile);
        }
    }
}

/// Sums over AB: ‖AB‖²_F, tr AB and the sum of its entries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) norm_squared: f64,
    pub(super) trace: f64,
    pub(super) sum: f64,
}

impl Totals {
    /// Of AB.
    pub(super) fn of(a: &DMatrix<f64>, b: &DMatrix<f64>) -> Self {
        let mut totals = Self::default();
        for_each_tile(a, b, |i, j, tile| {
            totals.norm_squared += tile.norm_squared();
            totals.sum += tile.sum();
            if i == j {
                totals.trace += tile.trace();
            }
        });
        totals
    }

    /// ‖AB‖_F.
    pub(super) fn norm(&self) -> f64 {
        self.norm_squared.sqrt()
    }
}

/// ‖AB/`norm` − T‖_F, where T is `diagonal` on the diagonal and `off` beside it.
pub(super) fn distance_to(a: &DMatrix<f64>, b: &DMatrix<f64>, norm: f64, (diagonal, off): (f64, f64)) -> f64 {
    let mut total = 0.0;
    for_each_tile(a, b, |i, j, tile| {
        let target = |r: usize, c: usize| if i + r == j + c { diagonal } else { off };
        total += tile.map_with_location(|r, c, x| x / norm - target(r, c)).norm_squared();
    });
    total.sqrt()
}

/// Calls `visit(i, j, ‖a_i − a_j‖²)` for all pairs j < i of columns, in an order that depends on their number alone.
pub(super) fn for_each_pair(columns: &DMatrix<f64>, mut visit: impl FnMut(usize, usize, f64)) {
    let rows = columns.transpose();
    let width = columns.nrows();
    let of = |k: usize| &columns.as_slice()[k * width..(k + 1) * width];
    let squares: Vec<f64> = columns.column_iter().map(|column| column.norm_squared()).collect();
    for_each_tile(&rows, columns, |first, start, tile| {
        if start > first {
            return;
        }
        for (c, column) in tile.column_iter().enumerate() {
            let j = start + c;
            for (r, product) in column.iter().enumerate() {
                let i = first + r;
                if j >= i {
                    continue;
                }
                let both = squares[i] + squares[j];
                let apart = both - 2.0 * product;
                let near = !(apart > NEAR * both);
                visit(i, j, if near { distance_squared(of(i), of(j)) } else { apart });
            }
        }
    });
}

/// ‖a − b‖², in eight running sums as [`dot`](crate::linalg::dot) has them.
pub(super) fn distance_squared(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (xs, ys) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| (x - y) * (x - y)).sum();
    for (x, y) in xs.zip(ys) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += (x - y) * (x - y);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{gaussian, stream};

    #[test]
    fn tiles_and_pairs_are_the_matrix() {
        for (classes, width) in [(3, 2), (256, 3), (300, 5), (700, 1)] {
            let mut a = DMatrix::zeros(classes, width);
            gaussian(&mut stream(3, "tiles", classes as u64), 1.0, a.as_mut_slice());
            let b = a.transpose();
            // Two columns that nearly coincide.
            let mut near = b.clone();
            near.set_column(1, &(b.column(0) * (1.0 + 1e-9)));
            let whole = &a * &b;
            let totals = Totals::of(&a, &b);
            assert!((totals.norm() / whole.norm() - 1.0).abs() <= 1e-13);
            assert!((totals.trace - whole.trace()).abs() <= 1e-12 * whole.norm() && (totals.sum - whole.sum()).abs() <= 1e-9);
            let target = DMatrix::from_fn(classes, classes, |i, j| if i == j { 0.3 } else { -0.1 });
            let expected = (&whole / 2.0 - target).norm();
            assert!((distance_to(&a, &b, 2.0, (0.3, -0.1)) / expected - 1.0).abs() <= 1e-13);
            let mut pairs = 0;
            for_each_pair(&near, |i, j, apart| {
                let exact = (near.column(i) - near.column(j)).norm_squared();
                assert!(j < i && (apart - exact).abs() <= 1e-11 * exact, "{i}, {j}: {apart} and {exact}");
                pairs += 1;
            });
            assert_eq!(pairs, classes * (classes - 1) / 2);
        }
    }
}
