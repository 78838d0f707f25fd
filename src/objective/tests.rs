//! Laws over every loss, bias mode and imbalance.

use nalgebra::DMatrix;

use super::*;
use crate::losses::{ALL, Loss};
use crate::model::{Bias, Decay, Point, Shape};
use crate::numeric::{gaussian, stream};

/// Every loss with middling parameters.
pub(crate) fn losses() -> Vec<Loss> {
    ALL.iter()
        .map(|family| {
            let values: Vec<f64> = match family.name {
                "label-smoothing" => vec![0.1],
                "focal" => vec![2.0],
                "mse" => vec![2.0, 1.5],
                "poly-loss" => vec![0.5],
                "generalized-cross-entropy" => vec![0.7],
                "vector-scaling" => vec![0.5, 1.0],
                _ => vec![],
            };
            (family.build)(&values)
        })
        .collect()
}

/// Every loss × bias mode × class sizes.
pub(crate) fn problems(width: usize) -> Vec<Problem> {
    let mut problems = Vec::new();
    for loss in losses() {
        for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.02)] {
            for sizes in [vec![2, 2, 2], vec![3, 1, 2]] {
                let shape = Shape::new(width, &sizes).unwrap();
                let loss = loss.for_sizes(&sizes);
                problems.push(Problem { shape, bias, decay: Decay { w: 0.01, h: 0.02, b }, loss, scale: 0.7 });
            }
        }
    }
    problems
}

pub(crate) fn random_point(problem: &Problem, index: u64) -> Point {
    let mut data = vec![0.0; problem.dimension()];
    gaussian(&mut stream(5, "objective tests", index), 1.0, &mut data);
    Point::from_vec(&problem.shape, problem.bias, data)
}

/// f by its definition, sample by sample.
fn value_by_definition(problem: &Problem, x: &Point) -> f64 {
    let mut logits = x.w() * x.h();
    for (k, b) in x.b().iter().enumerate() {
        logits.row_mut(k).add_scalar_mut(*b);
    }
    let n = problem.shape.samples();
    let loss: f64 = (0..n).map(|i| problem.loss.function().value(logits.column(i).as_slice(), problem.shape.labels()[i])).sum();
    let b: f64 = x.b().iter().map(|b| b * b).sum();
    problem.scale * loss / n as f64
        + 0.5 * (problem.decay.w * x.w().norm_squared() + problem.decay.h * x.h().norm_squared() + problem.decay.b * b)
}

#[test]
fn the_value_is_the_definition() {
    for (i, problem) in problems(4).iter().enumerate() {
        let x = random_point(problem, i as u64);
        let mut objective = Objective::new(problem);
        let expected = value_by_definition(problem, &x);
        assert!((objective.value(&x) - expected).abs() <= 1e-14 * expected);
        let mut gradient = vec![0.0; problem.dimension()];
        assert!((objective.value_gradient(&x, &mut gradient) - expected).abs() <= 1e-14 * expected);
    }
}

/// x + t v.
fn moved(x: &Point, v: &[f64], t: f64) -> Point {
    let mut y = x.clone();
    y.as_mut_slice().iter_mut().zip(v).for_each(|(y, v)| *y += t * v);
    y
}

#[test]
fn the_gradient_is_the_values_slope_and_the_product_the_gradients() {
    for (i, problem) in problems(4).iter().enumerate() {
        let x = random_point(problem, i as u64);
        let v = random_point(problem, 1000 + i as u64).into_vec();
        let mut objective = Objective::new(problem);
        let n = problem.dimension();
        let (mut gradient, mut product) = (vec![0.0; n], vec![0.0; n]);
        objective.value_gradient(&x, &mut gradient);
        objective.hessian_product(&x, &v, &mut product);
        // Fourth-order central differences: error t⁴ ≈ 1e-10 with t = 3e-3.
        let t = 3e-3;
        let difference = |f: &mut dyn FnMut(&Point) -> f64| {
            (8.0 * (f(&moved(&x, &v, t)) - f(&moved(&x, &v, -t))) - f(&moved(&x, &v, 2.0 * t)) + f(&moved(&x, &v, -2.0 * t)))
                / (12.0 * t)
        };
        let slope: f64 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
        let numeric = difference(&mut |y| objective.value(y));
        assert!((slope - numeric).abs() <= 1e-7 * (1.0 + slope.abs()), "{problem:?}: {slope} against {numeric}");
        for j in 0..n {
            let mut at = vec![0.0; n];
            let numeric = difference(&mut |y| {
                objective.value_gradient(y, &mut at);
                at[j]
            });
            assert!((product[j] - numeric).abs() <= 1e-7 * (1.0 + product[j].abs()), "{problem:?}: entry {j}");
        }
    }
}

#[test]
fn chunks_do_not_change_what_is_computed() {
    // Large enough for several chunks, against the same numbers sample by sample.
    let shape = Shape::balanced(10, 30, 3000).unwrap();
    let loss = (ALL[0].build)(&[]);
    let problem = Problem { shape, bias: Bias::Decayed, decay: Decay { w: 1e-3, h: 1e-5, b: 1e-2 }, loss, scale: 1.0 };
    let x = random_point(&problem, 1);
    let expected = value_by_definition(&problem, &x);
    assert!((Objective::new(&problem).value(&x) - expected).abs() <= 1e-13 * expected);
}

#[test]
fn the_arrow_has_the_dense_hessians_inertia_at_random_points_and_shifts() {
    for width in [0, 2, 3, 5] {
        for (i, problem) in problems(width).iter().enumerate() {
            let mut objective = Objective::new(problem);
            let x = random_point(problem, 50 + i as u64);
            let dense = dense_hessian(&mut objective, &x);
            let values = crate::linalg::eigenvalues(&dense);
            let arrow = Arrow::new(&mut objective, &x);
            assert_eq!(arrow.dimension(), values.len());
            for shift in [-0.3, -0.05, -1e-9, 1e-9, 0.03, 0.2, 0.7] {
                let shift = arrow.clear_shift(shift, 1e-10);
                if values.iter().any(|x| (x - shift).abs() < 1e-11) {
                    continue;
                }
                let schur = arrow.schur(shift);
                let mut matrix = schur.matrix;
                (0..arrow.core()).for_each(|j| matrix[(j, j)] -= shift);
                let below = schur.features_below + crate::linalg::inertia(matrix).0;
                let expected = values.iter().filter(|&&x| x < shift).count();
                assert_eq!(below, expected, "{problem:?} at {shift}");
            }
        }
    }
}

#[test]
fn singular_values_of_the_residual_are_those_of_the_matrix() {
    for (i, problem) in problems(4).iter().enumerate() {
        let x = random_point(problem, i as u64);
        let mut objective = Objective::new(problem);
        let mut columns = Vec::new();
        objective.for_each_residual_block(&x, |_, block| columns.extend_from_slice(block));
        let g = DMatrix::from_vec(3, columns.len() / 3, columns);
        let spectrum = residual_spectrum(&mut objective, &x);
        let exact = crate::linalg::singular_values(&g);
        for (a, b) in spectrum.singular_values.iter().zip(&exact) {
            assert!((a - b).abs() <= 1e-14 * exact[0], "{a} against {b}");
        }
    }
}

#[test]
fn the_lower_bound_is_below_every_value() {
    for (i, problem) in problems(4).iter().enumerate() {
        let mut bounds = Vec::new();
        let mut values = Vec::new();
        for start in 0..6 {
            let scale = [1.0, 0.3, 0.0, 2.0, 5.0, 0.1][start as usize];
            let mut x = random_point(problem, 77 * i as u64 + start);
            x.as_mut_slice().iter_mut().for_each(|x| *x *= scale);
            let mut objective = Objective::new(problem);
            let spectrum = residual_spectrum(&mut objective, &x);
            values.push(objective.value(&x));
            bounds.extend(lower_bound(&mut objective, &x, &spectrum));
        }
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(bounds.is_empty(), !problem.loss.function().convex());
        for bound in bounds {
            assert!(bound.is_finite() && bound <= lowest, "{problem:?}: bound {bound}, value {lowest}");
        }
    }
}

#[test]
fn the_newton_step_solves_the_newton_equation() {
    for width in [2, 5] {
        for (i, problem) in problems(width).iter().enumerate() {
            let mut objective = Objective::new(problem);
            let x = random_point(problem, 90 + i as u64);
            let n = problem.dimension();
            let mut gradient = vec![0.0; n];
            objective.value_gradient(&x, &mut gradient);
            // Away from critical points rotations are no null vectors; the shift of a free bias is one everywhere.
            let core = Plan::new(problem).core;
            let mut gauge = DMatrix::zeros(core, usize::from(problem.shifts_bias_freely()));
            gauge.rows_mut(core - 3, 3).fill(1.0 / 3.0_f64.sqrt());
            let step = Arrow::new(&mut objective, &x).newton_step(&gradient, &gauge, 0.0);
            let mut image = vec![0.0; n];
            objective.hessian_product(&x, &step, &mut image);
            let error = image.iter().zip(&gradient).map(|(h, g)| (h + g).abs()).fold(0.0, f64::max);
            let size = step.iter().fold(1.0_f64, |m, s| m.max(s.abs()));
            assert!(error <= 1e-11 * size, "{problem:?}: {error:e}, step {size:e}");
        }
    }
}

/// Several blocks and, at the second width, several chunks.
fn middling(loss: Loss, width: usize) -> Problem {
    let shape = Shape::balanced(10, width, 60).unwrap();
    let loss = loss.for_sizes(&[60; 10]);
    Problem { shape, bias: Bias::Decayed, decay: Decay { w: 0.01, h: 0.02, b: 0.03 }, loss, scale: 0.7 }
}

#[test]
fn products_at_a_linearisation_are_the_products() {
    for loss in losses() {
        for width in [3, 20] {
            let problem = middling(loss.clone(), width);
            let (x, other, v) = (random_point(&problem, 1), random_point(&problem, 2), random_point(&problem, 3));
            let mut objective = Objective::fast(&problem);
            let [mut gradient, mut again, mut expected, mut found] = [(); 4].map(|()| vec![0.0; problem.dimension()]);
            let value = objective.value_gradient(&x, &mut gradient);
            let (linearised, at) = objective.linearise(&x, &mut again);
            assert!(value.to_bits() == linearised.to_bits() && gradient == again, "{}", problem.loss);
            let vectorised = !matches!(problem.loss.name(), "squentropy" | "vector-scaling");
            assert_eq!(at != Linearisation::default(), vectorised, "{}", problem.loss);
            let along = objective.hessian_product(&x, v.as_slice(), &mut expected);
            let sum = crate::linalg::dot(v.as_slice(), &expected);
            assert!((along - sum).abs() <= 1e-12 * sum.abs(), "{}: {along}, {sum}", problem.loss);
            // A gradient elsewhere takes nothing away.
            objective.value_gradient(&other, &mut again);
            for _ in 0..2 {
                objective.hessian_product_at(&x, at, v.as_slice(), &mut found);
                let size = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-14 * size), "{}", problem.loss);
            }
            // A linearisation elsewhere does: then the product is computed anew.
            objective.linearise(&other, &mut again);
            objective.hessian_product_at(&x, at, v.as_slice(), &mut found);
            assert_eq!(found, expected, "{}", problem.loss);
        }
    }
}

#[test]
fn threads_that_share_a_pass_change_no_bit() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for loss in losses() {
        let problem = middling(loss, 20);
        let (x, v) = (random_point(&problem, 1), random_point(&problem, 2));
        let run = |threads: Threads| {
            let mut objective = Objective::fast(&problem).on(threads);
            let [mut gradient, mut image, mut kept] = [(); 3].map(|()| vec![0.0; problem.dimension()]);
            let value = objective.value(&x);
            let (linearised, at) = objective.linearise(&x, &mut gradient);
            objective.hessian_product(&x, v.as_slice(), &mut image);
            objective.hessian_product_at(&x, at, v.as_slice(), &mut kept);
            (objective.shared(), [value, linearised], [gradient, image, kept])
        };
        let (alone, together) = (run(Threads::All), pool.install(|| run(Threads::All)));
        assert!(!alone.0 && together.0, "outside of a pool nothing is shared, in it everything");
        assert_eq!((alone.1, alone.2), (together.1, together.2), "{}", problem.loss);
        assert!(!pool.install(|| run(Threads::One)).0);
    }
}
