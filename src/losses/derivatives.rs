//! Taylor slopes: a check of a loss's gradient and Hessian that anyone can look at as a table or a plot.
//!
//! Along a direction v, |L(z + tv) − L(z) − t⟨∇L, v⟩| falls like t² if the gradient is right (like t if not), and the same less ½t²⟨v, ∇²L v⟩ like t³ if
//! the Hessian is right too (like t² if not). The slopes are read where rounding does not dominate.

use super::{LogitHessian, LossFunction};
use crate::numeric::{gaussian, stream};

/// Random (z, k, v) whose remainders are taken together, the largest of all: one alone may by chance have a small third derivative along v.
const DRAWS: u64 = 8;

/// Steps an order of magnitude, and the orders of magnitude below t = 1.
const STEPS_PER_DECADE: i32 = 4;
const DECADES: i32 = 8;

/// Steps above this are listed but not fitted: higher orders still matter there.
const STEP_MAX: f64 = 0.05;

/// A remainder this many times above its rounding is fitted.
const CLEAR: f64 = 100.0;

/// A slope may fall short of 2 or 3 by this. A wrong derivative is off by 1.
const SHORTFALL: f64 = 0.15;

/// One step t of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaylorRow {
    /// t.
    pub step: f64,
    /// |L(z + tv) − L(z) − t⟨∇L, v⟩|, the largest over the draws.
    pub first: f64,
    /// |L(z + tv) − L(z) − t⟨∇L, v⟩ − ½t²⟨v, ∇²L v⟩|, the largest over the draws.
    pub second: f64,
    /// What rounding alone may contribute to either.
    pub rounding: f64,
}

/// What a fitted slope says of a derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SlopeVerdict {
    /// The slope is the one expected, or higher.
    Holds(f64),
    /// The slope is too low: the derivative is wrong.
    Fails(f64),
    /// The remainder is rounding at every step: the expansion is exact (a quadratic loss).
    Exact,
    /// Too few steps stand clear of rounding, or a number is not finite.
    Undecided,
}

impl SlopeVerdict {
    /// The fitted slope, where there is one.
    pub fn slope(self) -> Option<f64> {
        match self {
            SlopeVerdict::Holds(slope) | SlopeVerdict::Fails(slope) => Some(slope),
            SlopeVerdict::Exact | SlopeVerdict::Undecided => None,
        }
    }

    /// Whether the derivative passes.
    pub fn holds(self) -> bool {
        matches!(self, SlopeVerdict::Holds(_) | SlopeVerdict::Exact)
    }

    /// "holds", "fails", "exact" or "undecided".
    pub fn name(self) -> &'static str {
        match self {
            SlopeVerdict::Holds(_) => "holds",
            SlopeVerdict::Fails(_) => "fails",
            SlopeVerdict::Exact => "exact",
            SlopeVerdict::Undecided => "undecided",
        }
    }
}

/// The Taylor-slope check of one loss at one number of classes.
#[derive(Clone, Debug, PartialEq)]
pub struct TaylorCheck {
    /// K.
    pub classes: usize,
    /// The seed of the draws.
    pub seed: u64,
    /// The table, steps falling.
    pub rows: Vec<TaylorRow>,
    /// Slope 2 expected.
    pub gradient: SlopeVerdict,
    /// Slope 3 expected.
    pub hessian: SlopeVerdict,
}

/// Runs the check at random logits of standard deviation 1.5 and unit directions, labels in turn. `classes` ≥ 2.
pub fn taylor_check(loss: &dyn LossFunction, classes: usize, seed: u64) -> TaylorCheck {
    let mut rows: Vec<TaylorRow> = (0..=DECADES * STEPS_PER_DECADE)
        .map(|i| 10f64.powf(-f64::from(i) / f64::from(STEPS_PER_DECADE)))
        .map(|step| TaylorRow { step, first: 0.0, second: 0.0, rounding: 0.0 })
        .collect();
    for draw in 0..DRAWS {
        add_draw(loss, classes, seed, draw, &mut rows);
    }
    let gradient = judge(2.0, rows.iter().map(|row| (row.step, row.first, row.rounding)));
    let hessian = judge(3.0, rows.iter().map(|row| (row.step, row.second, row.rounding)));
    TaylorCheck { classes, seed, rows, gradient, hessian }
}

/// Raises the rows to the remainders of one draw.
fn add_draw(loss: &dyn LossFunction, classes: usize, seed: u64, draw: u64, rows: &mut [TaylorRow]) {
    let (mut z, mut v) = (vec![0.0; classes], vec![0.0; classes]);
    let mut random = stream(seed, "derivatives", draw);
    gaussian(&mut random, 1.5, &mut z);
    gaussian(&mut random, 1.0, &mut v);
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    v.iter_mut().for_each(|x| *x /= length);
    let label = draw as usize % classes;
    let mut gradient = vec![0.0; classes];
    let value = loss.value_gradient(&z, label, &mut gradient);
    let mut hessian = LogitHessian::default();
    loss.hessian(&z, label, &mut hessian);
    let mut product = v.clone();
    hessian.apply(&mut product);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let (slope, curvature) = (dot(&gradient, &v), dot(&product, &v));
    // z + tv is rounded too; its error meets the gradient.
    let moved_size: f64 = z.iter().zip(&gradient).map(|(z, g)| (z * g).abs()).sum();
    for row in rows {
        let t = row.step;
        let moved: Vec<f64> = z.iter().zip(&v).map(|(z, v)| z + t * v).collect();
        let there = loss.value(&moved, label);
        let first = (there - value) - t * slope;
        let second = first - 0.5 * t * t * curvature;
        let sizes = value.abs() + there.abs() + moved_size + (t * slope).abs() + (t * t * curvature).abs();
        row.first = largest(row.first, first.abs());
        row.second = largest(row.second, second.abs());
        row.rounding = largest(row.rounding, 4.0 * f64::EPSILON * sizes);
    }
}

/// The larger; NaN if either is.
fn largest(a: f64, b: f64) -> f64 {
    if a >= b || a.is_nan() { a } else { b }
}

/// Fits log remainder against log step by least squares over the steps that are clear of rounding.
fn judge(expected: f64, rows: impl Iterator<Item = (f64, f64, f64)> + Clone) -> SlopeVerdict {
    if !rows.clone().all(|(_, remainder, rounding)| remainder.is_finite() && rounding.is_finite()) {
        return SlopeVerdict::Undecided;
    }
    if rows.clone().all(|(_, remainder, rounding)| remainder <= rounding) {
        return SlopeVerdict::Exact;
    }
    let points: Vec<(f64, f64)> = rows
        .filter(|&(step, remainder, rounding)| step <= STEP_MAX && remainder > CLEAR * rounding)
        .map(|(step, remainder, _)| (step.ln(), remainder.ln()))
        .collect();
    if points.len() < 4 {
        return SlopeVerdict::Undecided;
    }
    let count = points.len() as f64;
    let (x_mean, y_mean) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let covariance: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    let slope = covariance / variance;
    if slope >= expected - SHORTFALL { SlopeVerdict::Holds(slope) } else { SlopeVerdict::Fails(slope) }
}
