//! Walking on the critical set: from a degenerate critical point along its flat directions, staying critical at one value.
//!
//! The walk lives in the reduced form (width r = rank), where nothing but the rotations of r dimensions is left of O(d). Where the classes are balanced and their features
//! coincide it uses one column a class: f at W, H = M ⊗ 1ᵀ is f with one sample a class and n λ_H for λ_H, exactly.
//!
//! A point near the critical set returns to it by Newton steps over the directions that are *not* flat: with ∇²f = V Λ Vᵀ the step is −Σ v_i (v_iᵀ∇f)/λ_i over all but the
//! `nullity` smallest |λ_i| (nullity that of the family in width r). On a nondegenerate family (one with as many flat directions as its dimension) this converges to a point of it
//! near by, quadratically; at an isolated degenerate point it ends where the gradient along the flat directions is left over, and the point is not critical.

use nalgebra::{DMatrix, DVector};

use super::{ORBIT_TOLERANCE, VALUE_TOLERANCE};
use crate::critical::{GRADIENT_ALLOWED, GradientNorm};
use crate::linalg::{eigen, norm, singular_values, svd};
use crate::model::{Point, Shape, same_orbit};
use crate::numeric::{Stream, gaussian};
use crate::objective::{Objective, Problem, dense_hessian};

/// Walks are made up to this number of unknowns: every step decomposes the Hessian.
pub(super) const DIMENSION_MAX: usize = 400;
/// Most Newton steps of a return.
const RETURN_STEPS: usize = 12;
/// Most steps of a walk.
const WALK_STEPS: usize = 80;
/// A step's length as a fraction of the point's norm.
const STRIDE: f64 = 0.1;
/// Steps are halved so often.
const HALVINGS: usize = 4;
/// A step must bring the goal nearer by this fraction of its length.
const GAIN: f64 = 0.02;
/// A point whose smallest singular value of W falls below this fraction of the largest is leaving its rank.
const RANK_LEFT: f64 = 1e-5;

/// Where walks take place: a family's problem in reduced width, its value, and how many flat directions its points have.
pub(super) struct Ground {
    problem: Problem,
    value: f64,
    /// Zeros of the Hessian in width r, symmetry included.
    nullity: usize,
}

impl Ground {
    /// The ground of points of width `width` and value `value`; `nullity` is that of the width-r problem. With `collapse`, samples of a class share a column.
    pub(super) fn new(problem: &Problem, collapse: bool, width: usize, value: f64, nullity: usize) -> Self {
        let mut narrow = problem.at_width(width);
        if collapse && let Some(per_class) = problem.shape.per_class() {
            narrow.shape = Shape::balanced(problem.shape.classes(), width, 1).expect("a class count that was valid");
            narrow.decay.h *= per_class as f64;
        }
        Self { problem: narrow, value, nullity }
    }

    /// Number of unknowns.
    pub(super) fn dimension(&self) -> usize {
        self.problem.dimension()
    }

    /// A reduced point on this ground: its class means, where there is one column a class.
    pub(super) fn bring(&self, problem: &Problem, x: &Point) -> Point {
        let shape = problem.shape.at_width(x.width());
        if self.problem.shape == shape {
            return x.clone();
        }
        Point::from_blocks(&x.w().into_owned(), &x.class_means(&shape), x.b())
    }

    /// The point of the family that Newton steps lead to from `x`; `None` where there is none near.
    pub(super) fn returned(&self, x: Point, reach: f64) -> Option<Point> {
        let start = x.clone();
        let mut x = x;
        let mut objective = Objective::new(&self.problem);
        let mut gradient = vec![0.0; x.as_slice().len()];
        let mut best = f64::INFINITY;
        for _ in 0..RETURN_STEPS {
            objective.value_gradient(&x, &mut gradient);
            let now = GradientNorm::of(&self.problem, &x, &gradient);
            if !(now.scaled.is_finite()) || distance(&x, &start) > reach {
                return None;
            }
            if now.scaled <= 0.1 * GRADIENT_ALLOWED {
                return self.belongs(&mut objective, &x).then_some(x);
            }
            // Quadratic convergence: a return that does not fall tenfold in a step is none.
            if !(now.scaled < best) {
                return None;
            }
            best = now.scaled;
            let step = self.newton_step(&mut objective, &x, &gradient);
            x.as_mut_slice().iter_mut().zip(step.iter()).for_each(|(x, s)| *x += s);
        }
        None
    }

    /// Value and rank of a critical point are the family's.
    fn belongs(&self, objective: &mut Objective<'_>, x: &Point) -> bool {
        let value = objective.value(x);
        let singular = singular_values(&x.w().into_owned());
        let full = singular.first().zip(singular.last()).is_none_or(|(first, last)| *last > RANK_LEFT * first);
        (value - self.value).abs() <= VALUE_TOLERANCE * self.value.abs() && full
    }

    /// The Newton step over all directions but the flattest `nullity` ones.
    fn newton_step(&self, objective: &mut Objective<'_>, x: &Point, gradient: &[f64]) -> DVector<f64> {
        let found = eigen(&dense_hessian(objective, x));
        let flat = flattest(&found.values, self.nullity);
        let mut along = found.vectors.tr_mul(&DVector::from_column_slice(gradient));
        for (i, value) in found.values.iter().enumerate() {
            along[i] = if flat.contains(&i) { 0.0 } else { -along[i] / value };
        }
        found.vectors * along
    }

    /// An orthonormal basis of the flat directions at `x` that are no symmetry.
    pub(super) fn flat_directions(&self, x: &Point, symmetries: usize) -> DMatrix<f64> {
        let found = eigen(&dense_hessian(&mut Objective::new(&self.problem), x));
        let flat = flattest(&found.values, self.nullity);
        let columns: Vec<_> = flat.iter().map(|&i| found.vectors.column(i).into_owned()).collect();
        if columns.is_empty() {
            return DMatrix::zeros(self.dimension(), 0);
        }
        let null = DMatrix::from_columns(&columns);
        let tangents = self.symmetry_tangents(x);
        // In the coordinates of the null space the symmetry spans `symmetries` directions; the eigenvectors of its Gram matrix with the smallest eigenvalues are the rest.
        let inside = null.tr_mul(&tangents);
        let gram = eigen(&(&inside * inside.transpose()));
        let transverse = flat.len().saturating_sub(symmetries);
        null * gram.vectors.columns(0, transverse)
    }

    /// Tangents of O(r) and of the free shift of b at `x`, each of length 1.
    fn symmetry_tangents(&self, x: &Point) -> DMatrix<f64> {
        let width = x.width();
        let mut columns: Vec<DVector<f64>> = Vec::new();
        for a in 0..width {
            for b in a + 1..width {
                let mut omega = DMatrix::zeros(width, width);
                (omega[(a, b)], omega[(b, a)]) = (1.0, -1.0);
                let tangent = Point::from_blocks(&(-(x.w() * &omega)), &(&omega * x.h()), &vec![0.0; x.b().len()]);
                columns.push(DVector::from_column_slice(tangent.as_slice()));
            }
        }
        if self.problem.shifts_bias_freely() {
            let (w, h, b) = x.parts();
            columns.push(DVector::from_iterator(
                w.len() + h.len() + b.len(),
                std::iter::repeat_n(0.0, w.len() + h.len()).chain(std::iter::repeat_n(1.0, b.len())),
            ));
        }
        columns.iter_mut().for_each(|column| {
            let length = column.norm();
            if length > 0.0 {
                *column /= length;
            }
        });
        if columns.is_empty() { DMatrix::zeros(x.as_slice().len(), 0) } else { DMatrix::from_columns(&columns) }
    }

    /// The dimension of the directions among `flat` (columns, orthonormal) along which points of the family really lie.
    pub(super) fn walked(&self, x: &Point, flat: &DMatrix<f64>) -> usize {
        let mut moves: Vec<DVector<f64>> = Vec::new();
        for direction in flat.column_iter() {
            let mut stride = STRIDE * (1.0 + norm(x.as_slice())) / 2.0;
            for _ in 0..HALVINGS {
                let mut trial = x.clone();
                trial.as_mut_slice().iter_mut().zip(direction.iter()).for_each(|(x, v)| *x += stride * v);
                if let Some(found) = self.returned(trial, stride) {
                    let moved = found.as_slice().iter().zip(x.as_slice()).map(|(y, x)| y - x);
                    moves.push(flat.tr_mul(&DVector::from_iterator(x.as_slice().len(), moved)) / stride);
                    break;
                }
                stride /= 2.0;
            }
        }
        if moves.is_empty() {
            return 0;
        }
        singular_values(&DMatrix::from_columns(&moves)).iter().filter(|&&sigma| sigma > 0.1).count()
    }

    /// A point of the family a random stride away along `flat`, walked in `legs` steps.
    pub(super) fn wander(&self, x: &Point, symmetries: usize, legs: usize, stream: &mut Stream) -> Point {
        let mut x = x.clone();
        for _ in 0..legs {
            let flat = self.flat_directions(&x, symmetries);
            let mut along = vec![0.0; flat.ncols()];
            gaussian(stream, 1.0, &mut along);
            let mut direction = &flat * DVector::from_vec(along);
            let length = direction.norm();
            if !(length > 0.0) {
                break;
            }
            let stride = STRIDE * (1.0 + norm(x.as_slice()));
            direction *= stride / length;
            let mut trial = x.clone();
            trial.as_mut_slice().iter_mut().zip(direction.iter()).for_each(|(x, v)| *x += v);
            if let Some(found) = self.returned(trial, stride) {
                x = found;
            }
        }
        x
    }

    /// Walks from `x` towards `goal`, which is turned to it before every step; true once `goal`'s orbit is reached.
    pub(super) fn reaches(&self, x: &Point, goal: &Point) -> bool {
        let mut x = x.clone();
        let mut goal = aligned(&x, goal);
        let mut left = distance(&goal, &x);
        for _ in 0..WALK_STEPS {
            let scale = 1.0 + norm(x.as_slice());
            if left <= STRIDE * scale && self.is_at(&x, &goal) {
                return true;
            }
            let mut fraction = (STRIDE * scale / left).min(1.0);
            let mut moved = false;
            for _ in 0..HALVINGS {
                let mut trial = x.clone();
                trial.as_mut_slice().iter_mut().zip(goal.as_slice()).for_each(|(x, goal)| *x += fraction * (goal - *x));
                if let Some(found) = self.returned(trial, 2.0 * fraction * left) {
                    let turned = aligned(&found, &goal);
                    let now = distance(&turned, &found);
                    if now <= left * (1.0 - GAIN * fraction) {
                        (x, goal, left, moved) = (found, turned, now, true);
                        break;
                    }
                }
                fraction /= 2.0;
            }
            if !moved {
                return self.is_at(&x, &goal);
            }
        }
        false
    }

    fn is_at(&self, x: &Point, goal: &Point) -> bool {
        same_orbit(&self.problem.shape, x, goal, ORBIT_TOLERANCE)
    }
}

/// Positions of the `count` numbers of smallest magnitude.
fn flattest(values: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].abs().total_cmp(&values[j].abs()));
    order.truncate(count);
    order
}

/// ‖x − y‖.
pub(super) fn distance(x: &Point, y: &Point) -> f64 {
    x.as_slice().iter().zip(y.as_slice()).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

/// `y` turned by the Q ∈ O(r) that brings (W Qᵀ, Q H) nearest to `x`: with C = W_xᵀW_y + H_x H_yᵀ = U Σ Vᵀ, tr(CᵀQ) is largest at Q = U Vᵀ.
pub(super) fn aligned(x: &Point, y: &Point) -> Point {
    if x.width() == 0 {
        return y.clone();
    }
    let cross = x.w().tr_mul(&y.w()) + x.h() * y.h().transpose();
    let found = svd(&cross);
    y.embed(&(found.u * found.v.transpose()))
}
