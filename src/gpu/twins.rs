//! The kernels' twins: the same operations on the CPU in `f64`, as plain as can be. A kernel is right where it agrees with its twin within the rounding of `f32`.

use crate::losses::{LogitHessian, LossFunction};

/// A matrix within a slice: its first entry, and the distances from row to row and from column to column.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// Where it lies.
    pub data: &'a [f64],
    /// Its first entry.
    pub first: usize,
    /// From row to row.
    pub row: usize,
    /// From column to column.
    pub column: usize,
}

impl Strided<'_> {
    /// The entry (i, j).
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.data[self.first + i * self.row + j * self.column]
    }
}

/// `out` (rows×columns, columns contiguous) (+)= A B with this inner dimension.
pub fn product(out: &mut [f64], rows: usize, inner: usize, a: Strided<'_>, b: Strided<'_>, accumulate: bool) {
    for (j, out) in out.chunks_exact_mut(rows).enumerate() {
        for (i, out) in out.iter_mut().enumerate() {
            let sum: f64 = (0..inner).map(|l| a.at(i, l) * b.at(l, j)).sum();
            *out = if accumulate { *out + sum } else { sum };
        }
    }
}

/// The columns of a block, as the loss's kernels see them.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The class of each.
    pub labels: &'a [usize],
    /// (1/s, (c/N)·m/s) of each.
    pub weights: &'a [[f64; 2]],
    /// b, empty where there is none.
    pub bias: &'a [f64],
}

impl Columns<'_> {
    /// Logits of column `i` from its part of WH.
    fn logits(&self, i: usize, column: &[f64]) -> Vec<f64> {
        let bias = |j: usize| self.bias.get(j).copied().unwrap_or(0.0);
        column.iter().enumerate().map(|(j, z)| z * self.weights[i][0] + bias(j)).collect()
    }
}

/// WH (K×columns, overwritten) → residuals (c m/N)·∇L/s; returns (c m/N)·L of every column.
pub fn residual(loss: &dyn LossFunction, columns: Columns<'_>, block: &mut [f64]) -> Vec<f64> {
    let classes = block.len() / columns.labels.len();
    let one = |(i, column): (usize, &mut [f64])| {
        let [inverse_stretch, factor] = columns.weights[i];
        let logits = columns.logits(i, column);
        let value = loss.value_gradient(&logits, columns.labels[i], column);
        column.iter_mut().for_each(|g| *g *= factor);
        factor / inverse_stretch * value
    };
    block.chunks_exact_mut(classes).enumerate().map(one).collect()
}

/// A direction's UH + WV (K×columns, overwritten; c its bias) → (c m/N)·∇²L D/s at the logits of `block`.
pub fn curvature(loss: &dyn LossFunction, columns: Columns<'_>, block: &[f64], direction_bias: &[f64], tangent: &mut [f64]) {
    let classes = block.len() / columns.labels.len();
    let mut hessian = LogitHessian::default();
    for (i, (column, d)) in block.chunks_exact(classes).zip(tangent.chunks_exact_mut(classes)).enumerate() {
        let [inverse_stretch, factor] = columns.weights[i];
        loss.hessian(&columns.logits(i, column), columns.labels[i], &mut hessian);
        let bias = |j: usize| direction_bias.get(j).copied().unwrap_or(0.0);
        d.iter_mut().enumerate().for_each(|(j, d)| *d = *d * inverse_stretch + bias(j));
        hessian.apply(d);
        d.iter_mut().for_each(|d| *d *= factor);
    }
}

/// `out` += Σ_i s_i G_i over the columns of a block.
pub fn row_sums(block: &[f64], weights: &[[f64; 2]], out: &mut [f64]) {
    for (column, [inverse_stretch, _]) in block.chunks_exact(out.len()).zip(weights) {
        out.iter_mut().zip(column).for_each(|(out, g)| *out += g / inverse_stretch);
    }
}

/// y ← f x.
pub fn scale(factor: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y = factor * x);
}

/// y ← y + f x.
pub fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}

/// v ← m v + x, y ← y + f v.
pub fn heavy_ball(factor: f64, momentum: f64, x: &[f64], y: &mut [f64], velocity: &mut [f64]) {
    for ((y, x), v) in y.iter_mut().zip(x).zip(velocity) {
        *v = momentum * *v + x;
        *y += factor * *v;
    }
}

/// ⟨x, y⟩ (`dot_terms` and `gather` on the device).
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).collect::<crate::numeric::Sum>().value()
}

/// Σ x (`sum_terms` and `gather` on the device).
pub fn sum(x: &[f64]) -> f64 {
    x.iter().copied().collect::<crate::numeric::Sum>().value()
}
