//! The point that attains the closed form.

use nalgebra::DMatrix;

use super::{Balanced, BalancedMinimum, Contrast};
use crate::model::{Bias, Point};
use crate::objective::Problem;

/// A minimiser in closed form: W = √ρ [√s B, √|t| u], H = [√s B, ±√|t| u]ᵀ/√ρ repeated over the samples of each class, b = β1, padded with zeros to the
/// width d. B is an orthonormal basis of 1^⊥ (BBᵀ = P), u = 1/√K, ρ = √(nλ_H/λ_W), and ± the sign of t. In the zero phase W = H = 0.
///
/// `None` where [`super::balanced_minimum`] does not apply. All other minimisers are this one rotated.
pub fn etf_point(problem: &Problem) -> Option<Point> {
    let balanced = Balanced::try_from(problem).ok()?;
    Some(symmetric_point(problem, &balanced, &balanced.minimum().ok()?))
}

/// The simplex where there is one: [`etf_point`], or, where that is W = H = 0 but the focal loss keeps a simplex as a local minimum (beyond its transition, up to
/// [`super::FocalWindow::simplex_stable_to`]), that simplex.
pub fn simplex_point(problem: &Problem) -> Option<Point> {
    let balanced = Balanced::try_from(problem).ok()?;
    let mut minimum = balanced.minimum().ok()?;
    if minimum.zero_phase && balanced.width + 1 >= balanced.classes {
        let minima =
            Contrast::new(&balanced.loss, balanced.classes).and_then(|it| it.minima(balanced.epsilon() / balanced.scale));
        minimum.scale = minima.ok().and_then(|minima| minima.first().map(|minimum| minimum.scale)).unwrap_or(0.0);
    }
    Some(symmetric_point(problem, &balanced, &minimum))
}

/// The point with the minimum's s, t and β.
fn symmetric_point(problem: &Problem, balanced: &Balanced, minimum: &BalancedMinimum) -> Point {
    let classes = problem.shape.classes();
    // Row k of [√s B, √|t| u]; the mean direction first where there is one, so that what is left is the simplex.
    let mean_columns = usize::from(minimum.mean_part.abs() > 0.0);
    let simplex_columns = if minimum.scale > 0.0 { classes - 1 } else { 0 };
    let entry = |class: usize, column: usize| {
        if column < mean_columns {
            (minimum.mean_part.abs() / classes as f64).sqrt()
        } else if column < mean_columns + simplex_columns {
            minimum.scale.sqrt() * helmert(class, column - mean_columns)
        } else {
            0.0
        }
    };
    let ratio = balanced.class_ratio().sqrt();
    let mut point = Point::zeros(&problem.shape, problem.bias);
    point.w_mut().iter_mut().enumerate().for_each(|(at, w)| *w = ratio * entry(at % classes, at / classes));
    for (i, (mut feature, &label)) in point.h_mut().column_iter_mut().zip(problem.shape.labels()).enumerate() {
        for (column, h) in feature.iter_mut().enumerate() {
            let sign = if column < mean_columns { minimum.mean_part.signum() } else { 1.0 };
            *h = sign * entry(label, column) / ratio * problem.shape.stretch(i);
        }
    }
    if problem.bias != Bias::None {
        point.b_mut().fill(minimum.bias);
    }
    point
}

/// The K×d matrix B, padded with zero columns, whose columns are the simplex directions of [`etf_point`]: orthonormal, with BBᵀ = P. `None` where d has no room for them.
pub fn simplex_frame(problem: &Problem) -> Option<DMatrix<f64>> {
    let (classes, width) = (problem.shape.classes(), problem.shape.width());
    let minimum = Balanced::try_from(problem).ok()?.minimum().ok();
    let first = usize::from(minimum.is_some_and(|minimum| minimum.mean_part.abs() > 0.0));
    if width < first + classes - 1 {
        return None;
    }
    let simplex = |column: usize| (first..first + classes - 1).contains(&column);
    Some(DMatrix::from_fn(classes, width, |class, column| if simplex(column) { helmert(class, column - first) } else { 0.0 }))
}

/// Helmert's orthonormal basis of 1^⊥: column m is (1, …, 1, −(m+1), 0, …)/√((m+1)(m+2)) with m + 1 ones.
pub(super) fn helmert(row: usize, column: usize) -> f64 {
    let m = (column + 1) as f64;
    let norm = (m * (m + 1.0)).sqrt();
    match row.cmp(&(column + 1)) {
        std::cmp::Ordering::Less => 1.0 / norm,
        std::cmp::Ordering::Equal => -m / norm,
        std::cmp::Ordering::Greater => 0.0,
    }
}
