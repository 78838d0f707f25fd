//! Several eigenvalues by slicing: the lowest, or all of an interval, each with its multiplicity by counts and its residual.

use nalgebra::DVector;

use super::slicing::{count_below, eigenvalue, near_vector};
use crate::linalg::{axpy, norm};
use crate::objective::Arrow;

/// An eigenvalue found by slicing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sliced {
    /// The eigenvalue.
    pub value: f64,
    /// How many eigenvalues lie within the slicing's tolerance of it (1e-11 of itself or three resolutions), by counts.
    pub multiplicity: u64,
    /// ‖∇²f x − λx‖/‖x‖ for the vector x that belongs to it: an eigenvalue lies within this distance of `value`.
    pub residual: f64,
}

/// The `number` lowest eigenvalues, counted with multiplicity (the last level may bring more), ascending. `resolution` as in [`super::inertia_at`].
pub fn lowest(arrow: &Arrow, number: usize, resolution: f64) -> Vec<Sliced> {
    levels(arrow, 0, number.min(arrow.dimension()), resolution)
}

/// All eigenvalues in [`low`, `high`), ascending; those nearer than rounding to an end may fall on either side.
pub fn in_interval(arrow: &Arrow, low: f64, high: f64, resolution: f64) -> Vec<Sliced> {
    let below = |shift: f64| count_below(arrow, arrow.clear_shift(shift, 0.01 * resolution));
    if !(low < high) {
        return vec![];
    }
    levels(arrow, below(low), below(high), resolution)
}

/// The eigenvalues with ranks from `first` to before `end`.
fn levels(arrow: &Arrow, first: usize, end: usize, resolution: f64) -> Vec<Sliced> {
    let mut found = Vec::new();
    let mut rank = first;
    while rank < end {
        let value = eigenvalue(arrow, rank, resolution);
        let above = arrow.clear_shift(value + 1e-11 * value.abs() + 3.0 * resolution, 0.01 * resolution);
        // The count says how many belong to this level; one at least, whatever rounding does.
        let next = count_below(arrow, above).max(rank + 1);
        found.push(Sliced { value, multiplicity: (next - rank) as u64, residual: residual(arrow, value, resolution) });
        rank = next;
    }
    found
}

/// The residual of the best vector known for `value`: one that the Schur complement gives, or a direction inside a collapsed class.
fn residual(arrow: &Arrow, value: f64, resolution: f64) -> f64 {
    let tolerance = 1e-11 * value.abs() + 3.0 * resolution;
    let repeated = arrow.repeated().iter().map(|level| (level.0 - value).abs()).fold(f64::INFINITY, f64::min);
    let within = arrow.feature_residual(value, tolerance).map_or(repeated, |residual| repeated.min(residual));
    let shift = arrow.clear_shift(value + 1e-12 * value.abs() + 0.1 * resolution, 0.01 * resolution);
    let Some(y) = near_vector(arrow, shift) else { return within };
    let x = arrow.extension(shift, &DVector::from_vec(y));
    let mut product = vec![0.0; x.len()];
    arrow.apply(&x, &mut product);
    axpy(-value, &x, &mut product);
    within.min(norm(&product) / norm(&x))
}
