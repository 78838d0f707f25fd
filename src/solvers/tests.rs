//! Every solver against every loss.

use super::*;
use crate::losses;
use crate::model::{Bias, Decay, Shape};
use crate::numeric::{gaussian, stream};

fn problem(loss: losses::Loss) -> Problem {
    let shape = Shape::balanced(4, 6, 5).unwrap();
    Problem { shape, bias: Bias::Decayed, decay: Decay { w: 5e-3, h: 2e-3, b: 1e-2 }, loss, scale: 1.0 }
}

fn gaussian_point(problem: &Problem) -> Point {
    let mut data = vec![0.0; problem.dimension()];
    gaussian(&mut stream(1, "solver tests", 0), 1.0, &mut data);
    Point::from_vec(&problem.shape, problem.bias, data)
}

fn all_losses() -> Vec<losses::Loss> {
    losses::ALL
        .iter()
        .map(|family| {
            let values: Vec<f64> =
                family.parameters.iter().map(|p| p.default.unwrap_or(if (p.allows)(2.0) { 2.0 } else { 0.1 })).collect();
            (family.build)(&values)
        })
        .collect()
}

#[test]
fn second_order_solvers_reach_the_gradient_bound_for_every_loss() {
    for loss in all_losses() {
        let problem = problem(loss);
        for solver in [SolverSpec::Lbfgs { memory: 10 }, SolverSpec::TrustRegion { radius: 1.0 }] {
            let stop = Stop { gradient_norm: 1e-6, steps_max: 5000, polish: false };
            let outcome = minimise(&problem, gaussian_point(&problem), &solver, &stop, &mut |_, _| {});
            assert_eq!(outcome.reason, StopReason::Gradient, "{solver:?} on {}: {} steps", problem.loss, outcome.steps);
        }
    }
}

#[test]
fn first_order_solvers_lower_the_value() {
    for loss in all_losses() {
        let problem = problem(loss);
        let solvers = [
            SolverSpec::GradientDescent { step: Some(0.1) },
            SolverSpec::GradientDescent { step: None },
            SolverSpec::Momentum { step: 0.1, momentum: 0.9 },
        ];
        for solver in solvers {
            let stop = Stop { gradient_norm: 0.0, steps_max: 300, polish: false };
            let mut first = f64::NAN;
            let mut observed = 0;
            let outcome = minimise(&problem, gaussian_point(&problem), &solver, &stop, &mut |step, state| {
                observed += 1;
                if step == 0 {
                    first = state.value;
                }
            });
            assert_eq!((outcome.reason, outcome.steps, observed), (StopReason::Steps, 300, 301), "{solver:?}");
            assert!(outcome.state.value < 0.8 * first, "{solver:?} on {}: {first} → {}", problem.loss, outcome.state.value);
        }
    }
}

#[test]
fn the_trust_region_leaves_the_origin_and_lbfgs_cannot() {
    let problem = problem(all_losses()[0].clone());
    let origin = Point::zeros(&problem.shape, problem.bias);
    let stop = Stop { gradient_norm: 1e-8, steps_max: 1000, polish: false };
    let stuck = minimise(&problem, origin.clone(), &SolverSpec::Lbfgs { memory: 10 }, &stop, &mut |_, _| {});
    assert_eq!((stuck.reason, stuck.steps), (StopReason::Gradient, 0));
    let free = minimise(&problem, origin, &SolverSpec::TrustRegion { radius: 1.0 }, &stop, &mut |_, _| {});
    assert!((free.state.value - 0.1260289434393937).abs() < 1e-9, "{}", free.state.value);
}

#[test]
fn a_start_that_is_not_finite_is_said_to_be_so() {
    let problem = problem(all_losses()[0].clone());
    let mut point = gaussian_point(&problem);
    point.as_mut_slice()[0] = f64::NAN;
    let outcome = minimise(&problem, point, &SolverSpec::Lbfgs { memory: 10 }, &Stop::default(), &mut |_, _| {});
    assert_eq!((outcome.reason, outcome.steps), (StopReason::NotFinite, 0));
}

/// K=4, n=2, d=4 or 6, λ_W=λ_H=5e-3, λ_b=1e-2.
fn saddle_problem(loss: losses::Loss, width: usize) -> Problem {
    let shape = Shape::balanced(4, width, 2).unwrap();
    Problem { shape, bias: Bias::Decayed, decay: Decay { w: 5e-3, h: 5e-3, b: 1e-2 }, loss, scale: 1.0 }
}

fn random_start(problem: &Problem, index: u64) -> Point {
    let mut data = vec![0.0; problem.dimension()];
    gaussian(&mut stream(3, "saddle tests", index), 0.7, &mut data);
    Point::from_vec(&problem.shape, problem.bias, data)
}

/// The indices of the critical points that a solver reaches from random starts, by dense eigenvalues.
fn indices(problem: &Problem, solver: &SolverSpec, starts: u64) -> Vec<usize> {
    let stop = Stop { gradient_norm: 1e-9, steps_max: 500, polish: false };
    let monotone = !matches!(solver, SolverSpec::EigenvectorFollowing { .. });
    let run = |start| {
        let mut last = f64::INFINITY;
        let outcome = minimise(problem, random_start(problem, start), solver, &stop, &mut |_, state| {
            let norm = crate::linalg::norm(&state.gradient);
            assert!(!monotone || norm < last, "{solver:?}: ‖∇f‖ rises from {last:e} to {norm:e}");
            last = norm;
        });
        (outcome.reason == StopReason::Gradient).then(|| {
            let mut objective = Objective::new(problem);
            let values = crate::linalg::eigenvalues(&crate::objective::dense_hessian(&mut objective, &outcome.state.x));
            values.iter().filter(|&&value| value < -1e-6).count()
        })
    };
    (0..starts).filter_map(run).collect()
}

#[test]
fn saddle_searches_reach_saddles_for_every_loss() {
    for loss in all_losses() {
        for width in [4, 6] {
            let problem = saddle_problem(loss.clone(), width);
            for solver in [SolverSpec::GradientNorm, SolverSpec::NewtonMinres] {
                let found = indices(&problem, &solver, 3);
                assert!(found.iter().any(|&index| index > 0), "{} on {}, d={width}: {found:?}", solver.name(), problem.loss);
            }
        }
    }
}

#[test]
fn eigenvector_following_reaches_the_index_it_seeks() {
    for loss in all_losses() {
        for width in [4, 6] {
            let problem = saddle_problem(loss.clone(), width);
            // The minimum, and the rung of rank 2 of the ladder: (d − 2)(3 − 2).
            for index in [0, width - 2] {
                let found = indices(&problem, &SolverSpec::EigenvectorFollowing { index, radius: 1.0 }, 5);
                let right = found.iter().filter(|&&found| found == index).count();
                assert!(right >= 3, "{}, d={width}: {right} of 5 reach index {index}: {found:?}", problem.loss);
            }
        }
    }
}

/// On the ray W = Hᵀ = ωP (n = 1, λ_W = λ_H) gradients point along the ray by symmetry, and f is concave at 0, convex at the minimum: where its curvature changes sign between
/// the two, ∇²f ∇f = 0 with ∇f ≠ 0.
#[test]
fn a_gradient_flat_point_is_recognised_and_refused() {
    let shape = Shape::balanced(4, 4, 1).unwrap();
    let decay = Decay { w: 5e-3, h: 5e-3, b: 1e-2 };
    let problem = Problem { shape, bias: Bias::Decayed, decay, loss: all_losses()[0].clone(), scale: 1.0 };
    let projector = nalgebra::DMatrix::from_fn(4, 4, |i, j| f64::from(u8::from(i == j)) - 0.25);
    let on_ray = |omega: f64| Point::from_blocks(&(omega * &projector), &(omega * &projector), &[0.0; 4]);
    let mut objective = Objective::new(&problem);
    let mut curvature = |omega| {
        let (x, direction) = (on_ray(omega), on_ray(1.0));
        let mut image = vec![0.0; problem.dimension()];
        objective.hessian_product(&x, direction.as_slice(), &mut image);
        crate::linalg::dot(direction.as_slice(), &image)
    };
    let (mut low, mut high) = (0.1, 2.0);
    assert!(curvature(low) < 0.0 && curvature(high) > 0.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if curvature(middle) < 0.0 { low = middle } else { high = middle }
    }
    for solver in [SolverSpec::GradientNorm, SolverSpec::NewtonMinres] {
        let outcome = minimise(&problem, on_ray(low), &solver, &Stop::default(), &mut |_, _| {});
        assert_eq!(outcome.reason, StopReason::GradientFlat, "{}", solver.name());
        assert_eq!(outcome.reason.name(), "gradient-flat");
        assert!(crate::critical::gate(&problem, crate::critical::Candidate { point: outcome.state.x, polish: true }).is_err());
    }
}

/// Above the dimension up to which the Hessian is decomposed, conjugate gradients must find the same: a critical point.
#[test]
fn the_gradient_norm_falls_to_zero_in_larger_problems_too() {
    let shape = Shape::balanced(6, 8, 10).unwrap();
    let decay = Decay { w: 5e-3, h: 2e-3, b: 1e-2 };
    let problem = Problem { shape, bias: Bias::Decayed, decay, loss: all_losses()[0].clone(), scale: 1.0 };
    assert!(problem.dimension() > 500);
    let stop = Stop { gradient_norm: 1e-8, steps_max: 500, polish: false };
    for solver in [SolverSpec::GradientNorm, SolverSpec::NewtonMinres] {
        let outcome = minimise(&problem, random_start(&problem, 1), &solver, &stop, &mut |_, _| {});
        assert_eq!(outcome.reason, StopReason::Gradient, "{}: {} steps", solver.name(), outcome.steps);
    }
}

/// Evaluations of fixed problems: a regression shows without a clock. Steps, gradients, Hessian products. Only runs that a last bit does not change: searches on ‖∇f‖ and creeping ones are left out.
#[test]
fn evaluations_are_counted() {
    let mut counts = String::new();
    let losses = all_losses();
    for loss in [0, 2, 4] {
        let problem = problem(losses[loss].clone());
        for solver in [SolverSpec::Lbfgs { memory: 10 }, SolverSpec::TrustRegion { radius: 1.0 }] {
            let stop = Stop { gradient_norm: 1e-6, steps_max: 5000, polish: false };
            let outcome = minimise(&problem, gaussian_point(&problem), &solver, &stop, &mut |_, _| {});
            let Counts { values, gradients, hessian_products } = outcome.counts;
            assert_eq!((outcome.reason, values), (StopReason::Gradient, 0));
            let (loss, name) = (problem.loss.name(), solver.name());
            counts += &format!("{loss}, {name}: {} {gradients} {hessian_products}\n", outcome.steps);
        }
    }
    let expected = "\
cross-entropy, lbfgs: 38 41 0
cross-entropy, trust-region: 11 13 51
focal, lbfgs: 48 54 0
focal, trust-region: 14 57 129
bce, lbfgs: 42 47 0
bce, trust-region: 13 15 51
";
    assert_eq!(counts, expected, "evaluations have changed: write the new ones down if they are meant");
}
