//! Slicing and counts against dense eigenvalues at random points; critical points are tested in `tests/spectra.rs`.

use super::*;
use crate::losses::{ALL, Loss};
use crate::model::{Bias, Decay, Shape};
use crate::numeric::{gaussian, stream};

fn problems(width: usize) -> Vec<Problem> {
    let mut problems = Vec::new();
    for family in ALL {
        let values: Vec<f64> =
            family.parameters.iter().map(|p| p.default.unwrap_or(if p.name == "alpha" { 0.1 } else { 2.0 })).collect();
        let loss: Loss = (family.build)(&values);
        for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.02)] {
            for sizes in [vec![3, 3, 3, 3], vec![4, 1, 2, 3]] {
                let shape = Shape::new(width, &sizes).unwrap();
                problems.push(Problem { shape, bias, decay: Decay { w: 0.01, h: 0.02, b }, loss: loss.clone(), scale: 1.0 });
            }
        }
    }
    problems
}

fn random(problem: &Problem, index: u64) -> Point {
    let mut data = vec![0.0; problem.dimension()];
    gaussian(&mut stream(9, "spectra tests", index), 1.0, &mut data);
    Point::from_vec(&problem.shape, problem.bias, data)
}

#[test]
fn inertia_at_random_points_is_the_dense_one_and_a_free_shift_is_a_zero() {
    for width in [2, 4, 6] {
        for (i, problem) in problems(width).iter().enumerate() {
            let x = random(problem, 100 * width as u64 + i as u64);
            let spectrum = at_point(problem, &x, Level::Full, &Limits::default()).unwrap();
            let dense = eigenvalues(&dense_hessian(&mut Objective::new(problem), &x));
            let negative = dense.iter().filter(|&&x| x < -spectrum.resolution).count() as u64;
            let zero = dense.iter().filter(|&&x| x.abs() <= spectrum.resolution).count() as u64;
            assert_eq!(spectrum.index.exact(), Some(negative), "{problem:?}");
            assert_eq!(spectrum.nullity.exact(), Some(zero), "{problem:?}");
            assert_eq!(zero, u64::from(problem.shifts_bias_freely()), "{problem:?}");
            assert_eq!(spectrum.nullity_symmetry, zero);
            let times: u64 = spectrum.whole.unwrap().unwrap().iter().map(|(_, times)| times).sum();
            assert_eq!(times, problem.dimension() as u64);
        }
    }
}

#[test]
fn sliced_eigenvalues_are_the_dense_ones() {
    for width in [3, 6] {
        for (i, problem) in problems(width).iter().enumerate() {
            let x = random(problem, 30 + i as u64);
            let mut objective = Objective::new(problem);
            let arrow = Arrow::new(&mut objective, &x);
            let dense = eigenvalues(&dense_hessian(&mut objective, &x));
            let resolution = inertia_at(&arrow).resolution;
            let norm = dense.last().unwrap();
            for rank in [0, 1, 5, 20, dense.len() - 2, dense.len() - 1] {
                let found = eigenvalue(&arrow, rank, resolution);
                let allowed = 1e-12 * norm + resolution;
                assert!((found - dense[rank]).abs() <= allowed, "{problem:?}, {rank}: {found} against {}", dense[rank]);
            }
        }
    }
}

#[test]
fn a_spectrum_that_does_not_fit_says_what_it_would_need() {
    let problem = &problems(3)[0];
    let limits = Limits { bytes: 10.0, multiply_adds: 1e9 };
    let reason = at_point(problem, &random(problem, 0), Level::Inertia, &limits).unwrap_err();
    assert!(reason.contains("would need") && reason.contains("bytes"), "{reason}");
}
