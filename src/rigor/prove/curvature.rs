//! Proposals of kind 1: the escape direction out of the row space, or an eigenvector.

use nalgebra::DMatrix;

use crate::linalg::{eigen, svd};
use crate::model::Point;
use crate::objective::{Objective, Problem, dense_hessian};
use crate::rigor::certificate::Claim;

/// Most unknowns of a whole eigendecomposition.
const DENSE_MAX: usize = 1500;
/// Curvature below this part of μ is rounding.
const CURVATURE_LEAST: f64 = 1e-10;
/// How much of the curvature is given away for rounding.
const GIVEN_AWAY: f64 = 1e-9;

/// A claim of negative curvature at `x`, whose width is that of `narrow`.
pub(super) fn propose(problem: &Problem, narrow: &Problem, x: &Point, boxed: f64) -> Result<Claim, String> {
    let (d, r) = (problem.shape.width(), x.width());
    let frame = DMatrix::identity(d, r);
    let wide = x.embed(&frame);
    let mut objective = Objective::new(problem);
    let mut best: Option<(f64, Vec<f64>)> = None;
    for direction in [escape(problem, narrow, x), lowest(narrow, x)].into_iter().flatten() {
        let direction = Point::from_vec(&problem.shape.at_width(direction.width()), problem.bias, direction.into_vec());
        let direction = if direction.width() == d { direction } else { direction.embed(&frame) };
        let mut product = vec![0.0; direction.as_slice().len()];
        objective.hessian_product(&wide, direction.as_slice(), &mut product);
        let form: f64 = product.iter().zip(direction.as_slice()).map(|(p, v)| p * v).sum();
        let square: f64 = direction.as_slice().iter().map(|v| v * v).sum();
        let quotient = form / square;
        if best.as_ref().is_none_or(|(least, _)| quotient < *least) {
            best = Some((quotient, by_rows(&direction)));
        }
    }
    // The decays of a box are at most this much larger.
    let given = 2.0 * boxed * problem.decay.w.max(problem.decay.h).max(problem.decay.b);
    match best {
        Some((quotient, direction)) if quotient < -CURVATURE_LEAST * problem.decay.mu() => {
            Ok(Claim::NegativeCurvature { direction, curvature: -quotient * (1.0 - GIVEN_AWAY) - given })
        }
        Some((quotient, _)) => {
            Err(format!("no direction of negative curvature was found; the least curvature is {quotient:.1e}"))
        }
        None => Err("the problem is too large for a search of directions".into()),
    }
}

/// Δ_W = (λ_H/λ_W)^{1/4} u aᵀ, Δ_H = −(λ_W/λ_H)^{1/4} a vᵀ with a the first unit vector outside the row space and (u, v) the top singular pair of G.
fn escape(problem: &Problem, narrow: &Problem, x: &Point) -> Option<Point> {
    let (d, r) = (problem.shape.width(), x.width());
    let (classes, samples) = (problem.shape.classes(), problem.shape.samples());
    if r >= d {
        return None;
    }
    let mut residual = Vec::with_capacity(classes * samples);
    Objective::new(narrow).for_each_residual_block(x, |_, block| residual.extend_from_slice(block));
    let found = svd(&DMatrix::from_vec(classes, samples, residual));
    if !(found.values.first().is_some_and(|&sigma| sigma > problem.decay.mu())) {
        return None;
    }
    let factor = (problem.decay.h / problem.decay.w).powf(0.25);
    let mut direction = Point::zeros(&problem.shape, problem.bias);
    direction.w_mut().column_mut(r).axpy(factor, &found.u.column(0), 0.0);
    direction.h_mut().row_mut(r).copy_from(&(found.v.column(0).transpose() * -factor.recip()));
    Some(direction)
}

/// The eigenvector of the smallest eigenvalue at the point's own width.
fn lowest(narrow: &Problem, x: &Point) -> Option<Point> {
    if narrow.dimension() == 0 || narrow.dimension() > DENSE_MAX {
        return None;
    }
    let found = eigen(&dense_hessian(&mut Objective::new(narrow), x));
    Some(Point::from_vec(&narrow.shape, narrow.bias, found.vectors.column(0).iter().copied().collect()))
}

/// W by rows, features, b.
fn by_rows(direction: &Point) -> Vec<f64> {
    let w = direction.w();
    let rows = (0..w.nrows()).flat_map(|k| (0..w.ncols()).map(move |a| (k, a))).map(|at| w[at]);
    let (_, h, b) = direction.parts();
    rows.chain(h.iter().copied()).chain(b.iter().copied()).collect()
}
