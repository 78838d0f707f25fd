//! Slicing and counts against dense eigenvalues at random points; critical points are tested in `tests/spectra.rs`.

use super::*;
use crate::losses::{ALL, Loss};
use crate::model::{Bias, Decay, Shape};
use crate::numeric::{gaussian, stream};

pub(super) fn problems(width: usize) -> Vec<Problem> {
    let mut problems = Vec::new();
    for family in ALL {
        let values: Vec<f64> =
            family.parameters.iter().map(|p| p.default.unwrap_or(if (p.allows)(2.0) { 2.0 } else { 0.1 })).collect();
        let loss: Loss = (family.build)(&values);
        for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.02)] {
            for sizes in [vec![3, 3, 3, 3], vec![4, 1, 2, 3]] {
                let shape = Shape::new(width, &sizes).unwrap();
                let loss = loss.for_sizes(&sizes);
                let problem = Problem { shape, bias, decay: Decay { w: 0.01, h: 0.02, b }, loss, scale: 1.0 };
                if problem.unsupported().is_none() {
                    problems.push(problem);
                }
            }
        }
    }
    problems
}

pub(super) fn random(problem: &Problem, index: u64) -> Point {
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
            let times: u64 = spectrum.whole.unwrap().unwrap().iter().map(|level| level.multiplicity).sum();
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
            let resolution = inertia_at(&arrow, 0.0).resolution;
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

/// Features that coincide in the classes `together`, up to `jitter` of each entry.
pub(super) fn gathered(problem: &Problem, index: u64, together: &[usize], jitter: f64) -> Point {
    let mut x = random(problem, index);
    let labels = problem.shape.labels().to_vec();
    let noise = random(problem, index + 1);
    for (i, &label) in labels.iter().enumerate() {
        let first = labels.iter().position(|&other| other == label).unwrap();
        if together.contains(&label) {
            let feature = x.h().column(first).into_owned();
            x.h_mut().set_column(i, &(feature + jitter * noise.h().column(i)));
        }
    }
    x
}

#[test]
fn collapsed_classes_give_every_dense_eigenvalue() {
    for width in [0, 2, 4, 6] {
        for (i, problem) in problems(width).iter().enumerate() {
            for together in [&[0, 1, 2, 3][..], &[0, 3]] {
                let x = gathered(problem, 500 + 2 * i as u64, together, 0.0);
                let spectrum = at_point(problem, &x, Level::Full, &Limits::default()).unwrap();
                assert_eq!(spectrum.route, Route::Collapsed);
                let dense = eigenvalues(&dense_hessian(&mut Objective::new(problem), &x));
                let norm = dense.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                let whole = spectrum.whole.unwrap().unwrap();
                let found: Vec<f64> =
                    whole.iter().flat_map(|level| vec![level.eigenvalue; level.multiplicity as usize]).collect();
                assert_eq!(found.len(), dense.len());
                if dense.is_empty() {
                    continue;
                }
                for (a, b) in found.iter().zip(&dense) {
                    // Eigenvalues within 1e-10 of the largest are shown as one, their mean.
                    assert!((a - b).abs() <= 1e-10 * norm, "{problem:?}: {a} against {b}");
                }
                let negative = dense.iter().filter(|&&x| x < -spectrum.resolution).count() as u64;
                let zero = dense.iter().filter(|&&x| x.abs() <= spectrum.resolution).count() as u64;
                assert_eq!((spectrum.index.exact(), spectrum.nullity.exact()), (Some(negative), Some(zero)), "{problem:?}");
                assert!((spectrum.lambda_min - dense[0]).abs() <= 1e-12 * norm);
                assert!((spectrum.lambda_max - dense.last().unwrap()).abs() <= 1e-12 * norm);

                // The same without clusters, and by slicing.
                let collapsed = Collapsed::new(problem, &x).unwrap();
                assert!(!(collapsed.perturbation > 0.0), "equal to the last bit");
                let arrow = Arrow::weighted(&mut Objective::new(&collapsed.problem), &collapsed.point, collapsed.weights.clone());
                assert_eq!(arrow.dimension(), dense.len());
                let mut all = eigenvalues(&arrow.matrix());
                all.extend(arrow.repeated().iter().flat_map(|&(value, times)| vec![value; times as usize]));
                all.sort_by(f64::total_cmp);
                let worst = all.iter().zip(&dense).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(worst <= 1e-12 * norm, "{problem:?}: {worst:e} of {norm:e}");
                let resolution = inertia_at(&arrow, 0.0).resolution;
                for rank in [0, 3, dense.len() / 2, dense.len() - 1] {
                    let found = eigenvalue(&arrow, rank, resolution);
                    assert!((found - dense[rank]).abs() <= 1e-12 * norm + resolution, "{problem:?}, {rank}");
                }
            }
        }
    }
}

#[test]
fn features_that_nearly_coincide_widen_the_resolution_and_those_apart_are_left() {
    for (i, problem) in problems(3).iter().enumerate() {
        let index = 900 + 2 * i as u64;
        for jitter in [1e-15, 1e-13, 3e-12] {
            let x = gathered(problem, index, &[0, 1, 2, 3], jitter);
            let collapsed = Collapsed::new(problem, &x).unwrap();
            // ∇²f(x) against the Hessian at the class means, both dense: the bound holds, and is not idle.
            let mut mean = x.clone();
            for (i, &label) in problem.shape.labels().iter().enumerate() {
                mean.h_mut().set_column(i, &collapsed.point.h().column(label));
            }
            let mut objective = Objective::new(problem);
            let difference = dense_hessian(&mut objective, &x) - dense_hessian(&mut objective, &mean);
            let norm = eigenvalues(&difference).iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            assert!(norm <= collapsed.perturbation + 1e-15, "{problem:?}: {norm:e} above {:e}", collapsed.perturbation);
            assert!(collapsed.perturbation <= 100.0 * jitter, "{problem:?}: {:e}", collapsed.perturbation);
            let spectrum = at_point(problem, &x, Level::Inertia, &Limits::default()).unwrap();
            assert!(spectrum.resolution >= 4.0 * collapsed.perturbation);
        }
        assert!(Collapsed::new(problem, &gathered(problem, index, &[0, 1, 2, 3], 1e-9)).is_none());
        assert!(Collapsed::new(problem, &random(problem, index)).is_none());
    }
}

#[test]
fn a_plan_names_its_route() {
    let problem = &problems(3)[0];
    let limits = Limits::default();
    assert_eq!(plan(problem, problem.shape.samples(), Level::Inertia, &limits).unwrap().route, Route::Dense);
    assert_eq!(plan(problem, 4, Level::Inertia, &limits).unwrap().route, Route::Collapsed);
    let shape = Shape::balanced(10, 9, 1000).unwrap();
    let large = Problem { shape, ..problem.clone() };
    let arrow = plan(&large, 10_000, Level::Full, &limits).unwrap();
    assert_eq!((arrow.route, arrow.dense), (Route::Arrow, false));
    let collapsed = plan(&large, 10, Level::Full, &limits).unwrap();
    assert!(collapsed.dense && collapsed.size == 90 + 90 && collapsed.bytes < 0.1 * arrow.bytes);
}

#[test]
fn counts_below_two_hundred_shifts_are_the_dense_ones() {
    let problems = problems(4);
    for (i, problem) in problems.iter().enumerate() {
        let x = random(problem, 500 + i as u64);
        let mut objective = Objective::new(problem);
        let arrow = Arrow::new(&mut objective, &x);
        let dense = eigenvalues(&dense_hessian(&mut objective, &x));
        let (lowest, highest) = (dense[0], dense[dense.len() - 1]);
        for step in 0..200 {
            // The golden ratio spreads the shifts evenly over the spectrum and never repeats one.
            let fraction = (f64::from(step) * 0.618_033_988_749_894_9).fract();
            let shift = lowest - 0.01 + (highest - lowest + 0.02) * fraction;
            if dense.iter().any(|value| (value - shift).abs() < 1e-12) {
                continue;
            }
            let below = dense.iter().filter(|&&value| value < shift).count();
            assert_eq!(count_below(&arrow, shift), below, "{problem:?} at {shift}");
        }
    }
}
