//! Lengths and angles of a set of vectors, one a class: rows of W, or class means about μ_G.
//!
//! Deviations are taken as absolute values pair by pair. A mean of signed deviations vanishes on a square (two angles are too small where one is too large), which is no simplex.
//!
//! Where d < K − 1 there is no simplex in R^d; *generalised* collapse asks instead that the directions be spread evenly over the sphere (Liu et al. 2023, Jiang et al. 2024) and that each classifier point
//! to its class mean equally well (Wu and Papyan 2024).

use nalgebra::DMatrix;

use super::statistics::Statistics;
use super::tiles::{for_each_pair, for_each_tile};

/// A vector this short beside the longest has no direction.
const NO_DIRECTION: f64 = 1e-12;

/// The columns as unit vectors.
pub(super) fn directions(columns: &DMatrix<f64>, what: &str) -> Result<DMatrix<f64>, String> {
    let lengths: Vec<f64> = columns.column_iter().map(|column| column.norm()).collect();
    let longest = lengths.iter().copied().fold(0.0, f64::max);
    if let Some(k) = lengths.iter().position(|&length| !(length > NO_DIRECTION * longest)) {
        return Err(format!("{what} {k} is 0: it has no direction"));
    }
    let mut units = columns.clone();
    units.column_iter_mut().zip(&lengths).for_each(|(mut column, &length)| column /= length);
    Ok(units)
}

/// Standard deviation over mean of the lengths; the sum of squares is divided by `divisor(K)`.
pub(super) fn length_variation(columns: &DMatrix<f64>, divisor: impl Fn(f64) -> f64) -> f64 {
    let lengths: Vec<f64> = columns.column_iter().map(|column| column.norm()).collect();
    variation(&lengths, divisor)
}

/// Standard deviation over the absolute mean.
fn variation(values: &[f64], divisor: impl Fn(f64) -> f64) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (square / divisor(count)).sqrt() / mean.abs()
}

/// The mean over pairs of |cos ∠(a_i, a_j) + 1/(K−1)|.
pub(super) fn equiangle(columns: &DMatrix<f64>, what: &str) -> Result<f64, String> {
    let units = directions(columns, what)?;
    let classes = units.ncols();
    let ideal = 1.0 / (classes - 1) as f64;
    let mut total = 0.0;
    for_each_tile(&units.transpose(), &units, |first, start, tile| {
        for (c, column) in tile.column_iter().enumerate() {
            for (r, cosine) in column.iter().enumerate() {
                total += if first + r == start + c { 0.0 } else { (cosine + ideal).abs() };
            }
        }
    });
    Ok(total / (classes * (classes - 1)) as f64)
}

/// The mean over pairs of log(1/‖â_i − â_j‖), less a simplex's: its K points at the distance √(2K/(K−1)) have the least there can be, in any dimension.
///
/// With Σ_{i<j}‖â_i − â_j‖² = K² − ‖Σâ_i‖² ≤ K² and −log convex, Jensen's inequality gives the mean of −½ log‖·‖² ≥ −½ log(K²/(K(K−1)/2)).
pub(super) fn energy(columns: &DMatrix<f64>, what: &str) -> Result<f64, String> {
    let (mean, _) = log_distances(columns, what)?;
    let classes = columns.ncols() as f64;
    Ok(0.5 * (2.0 * classes / (classes - 1.0)).ln() - mean)
}

/// The standard deviation over pairs of log‖â_i − â_j‖.
pub(super) fn spread(columns: &DMatrix<f64>, what: &str) -> Result<f64, String> {
    Ok(log_distances(columns, what)?.1)
}

/// The variance over pairs of ‖â_i − â_j‖.
pub(super) fn distance_variance(columns: &DMatrix<f64>, what: &str) -> Result<f64, String> {
    let units = directions(columns, what)?;
    let classes = units.ncols() as f64;
    // About a simplex's distance, so that at a simplex nothing cancels.
    let ideal = (2.0 * classes / (classes - 1.0)).sqrt();
    let (mut sum, mut squares) = (0.0, 0.0);
    for_each_pair(&units, |_, _, apart| {
        let x = apart.sqrt() - ideal;
        sum += x;
        squares += x * x;
    });
    let pairs = classes * (classes - 1.0) / 2.0;
    Ok((squares / pairs - (sum / pairs).powi(2)).max(0.0))
}

/// Directions whose distance has this square are one direction to rounding: the logarithm of their distance would be that of the rounding.
const COINCIDE: f64 = 1e-24;

/// Mean and standard deviation of log‖â_i − â_j‖ over pairs.
fn log_distances(columns: &DMatrix<f64>, what: &str) -> Result<(f64, f64), String> {
    let units = directions(columns, what)?;
    // From a simplex's distance on, so that at a simplex nothing cancels.
    let classes = units.ncols() as f64;
    let ideal = (2.0 * classes / (classes - 1.0)).ln();
    let (mut sum, mut squares, mut coincide) = (0.0, 0.0, None);
    for_each_pair(&units, |i, j, apart| {
        let log = 0.5 * (apart.ln() - ideal);
        sum += log;
        squares += log * log;
        if !(apart > COINCIDE) {
            coincide = Some((j, i));
        }
    });
    if let Some((j, i)) = coincide {
        return Err(format!("the directions of {what} {j} and {i} coincide"));
    }
    let pairs = classes * (classes - 1.0) / 2.0;
    let mean = sum / pairs;
    let variance = (squares / pairs - mean * mean).max(0.0);
    Ok((mean + 0.5 * ideal, variance.sqrt()))
}

/// cos ∠(w_k, μ_k − μ_G) of every class.
fn similarities(statistics: &Statistics) -> Result<Vec<f64>, String> {
    let rows = directions(&statistics.w_raw()?.transpose(), "the classifier")?;
    let means = directions(statistics.h_centred()?, "the centred mean of class")?;
    Ok(rows.column_iter().zip(means.column_iter()).map(|(row, mean)| row.dot(&mean)).collect())
}

/// The mean over classes of 1 − cos ∠(w_k, μ_k − μ_G).
pub(super) fn dissimilarity(statistics: &Statistics) -> Result<f64, String> {
    let rows = directions(&statistics.w_raw()?.transpose(), "the classifier")?;
    let means = directions(statistics.h_centred()?, "the centred mean of class")?;
    // 1 − cos = ½‖a − b‖² of unit vectors: no digits are lost where they agree.
    let halves = rows.column_iter().zip(means.column_iter()).map(|(row, mean)| 0.5 * (row - mean).norm_squared());
    Ok(halves.sum::<f64>() / rows.ncols() as f64)
}

/// Standard deviation over mean of the similarities.
pub(super) fn similarity_variation(statistics: &Statistics) -> Result<f64, String> {
    let found = similarities(statistics)?;
    let variation = variation(&found, |count| count);
    if variation.is_finite() { Ok(variation) } else { Err("the similarities are 0 on average".into()) }
}
