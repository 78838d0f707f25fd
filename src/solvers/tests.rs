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
                family.parameters.iter().map(|p| p.default.unwrap_or(if p.name == "alpha" { 0.1 } else { 2.0 })).collect();
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
