//! Large arrows' way on small problems, against dense eigenvalues: minima, saddles with an index in their own width, points that are not critical.

use super::tests::{gathered, problems, random};
use super::*;
use crate::critical::{Candidate, GradientNorm, gate};
use crate::numeric::{gaussian, stream};

/// The Hessian times random vectors, the projection, and the gauge, against their definitions.
#[test]
fn products_projections_and_gauges_are_those_of_the_matrix() {
    for width in [2, 4, 6] {
        for (i, problem) in problems(width).iter().enumerate() {
            let x = gathered(problem, 700 + 2 * i as u64, &[0, 2], 0.0);
            let collapsed = Collapsed::new(problem, &x).unwrap();
            let arrow = Arrow::weighted(&mut Objective::new(&collapsed.problem), &collapsed.point, collapsed.weights.clone());
            let mut matrix = arrow.matrix();
            matrix.fill_upper_triangle_with_lower_triangle();
            let size = arrow.vector_len();
            assert_eq!(matrix.nrows(), size);
            let mut v = vec![0.0; size];
            gaussian(&mut stream(3, "large tests", i as u64), 1.0, &mut v);
            let mut found = vec![0.0; size];
            arrow.apply(&v, &mut found);
            let exact = &matrix * nalgebra::DVector::from_vec(v.clone());
            let worst = exact.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst <= 1e-12 * exact.amax(), "{problem:?}: {worst:e}");

            // The gauge is positive semidefinite with the rank of the tangents; the projection is one of rank size − tangents.
            let rotations = arrow.rotations();
            let shift = problem.shifts_bias_freely();
            let mut gauge = nalgebra::DMatrix::identity(arrow.core(), arrow.core());
            arrow.add_gauge(Symmetry { rotations: true, shift }, &mut gauge);
            gauge.fill_upper_triangle_with_lower_triangle();
            let lifted = eigenvalues(&gauge).iter().filter(|&&x| x > 1.0 + 1e-9).count();
            let rank = orbit_dimension(width.min(4), width) + usize::from(shift);
            assert_eq!(lifted, rank, "{problem:?}");
            assert!(eigenvalues(&gauge)[0] > 1.0 - 1e-9);
            arrow.project(Some(&rotations), shift, &mut v);
            let once = v.clone();
            arrow.project(Some(&rotations), shift, &mut v);
            assert!(once.iter().zip(&v).all(|(a, b)| (a - b).abs() < 1e-12), "{problem:?}");
        }
    }
}

#[test]
fn products_are_those_of_the_matrix_at_every_width() {
    for (classes, width) in [(8, 7), (9, 7), (17, 15), (6, 9), (5, 16), (40, 3)] {
        let shape = crate::model::Shape::balanced(classes, width, 2).unwrap();
        let problem = Problem { shape, ..problems(3)[2].clone() };
        let arrow = Arrow::new(&mut Objective::new(&problem), &random(&problem, classes as u64));
        let mut matrix = arrow.matrix();
        matrix.fill_upper_triangle_with_lower_triangle();
        let mut v = vec![0.0; arrow.vector_len()];
        gaussian(&mut stream(3, "large tests", 99), 1.0, &mut v);
        let mut found = vec![0.0; v.len()];
        arrow.apply(&v, &mut found);
        let exact = &matrix * nalgebra::DVector::from_vec(v);
        let worst = exact.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 1e-12 * exact.amax(), "K = {classes}, d = {width}: {worst:e}");
    }
}

/// The critical point that gradient descent with halved and doubled steps leads to: solvers are no layer of this one.
fn descend(problem: &Problem, mut x: Point) -> CriticalPoint {
    let mut objective = Objective::new(problem);
    let mut gradient = vec![0.0; problem.dimension()];
    let mut value = objective.value_gradient(&x, &mut gradient);
    let mut step = 1.0;
    for _ in 0..100_000 {
        let norm = GradientNorm::of(problem, &x, &gradient);
        if norm.scaled < 1e-6 {
            break;
        }
        let mut trial = x.clone();
        crate::linalg::axpy(-step, &gradient, trial.as_mut_slice());
        let lower = objective.value(&trial);
        if lower <= value - 0.3 * step * norm.norm.powi(2) {
            (x, step) = (trial, 1.5 * step);
            value = objective.value_gradient(&x, &mut gradient);
        } else {
            step *= 0.5;
        }
    }
    gate(problem, Candidate { point: x, polish: true }).unwrap_or_else(|refused| panic!("{problem:?}: {}", refused.reason))
}

/// Compares the large way with dense eigenvalues at a critical point; returns the index.
fn compare(problem: &Problem, start: Point) -> u64 {
    let critical = descend(problem, start);
    let rank = critical.rank();
    let narrow = problem.at_width(rank);
    let dense = eigenvalues(&dense_hessian(&mut Objective::new(&narrow), critical.reduced()));
    let collapsed = Collapsed::new(&narrow, critical.reduced());
    let (inner, x) = collapsed.as_ref().map_or((&narrow, critical.reduced()), |c| (&c.problem, &c.point));
    let mut objective = Objective::new(inner);
    let arrow = match &collapsed {
        Some(collapsed) => Arrow::weighted(&mut objective, x, collapsed.weights.clone()),
        None => Arrow::new(&mut objective, x),
    };
    let shift = problem.shifts_bias_freely();
    let number = orbit_dimension(rank, rank) as u64 + u64::from(shift);
    let symmetry = Symmetry { rotations: true, shift };
    let tangents = Tangents { symmetry, number, gradient: critical.gradient().norm };
    let perturbation = collapsed.as_ref().map_or(0.0, |c| c.perturbation);
    for pair in [false, true] {
        let (inertia, extremes) = Large::new(&arrow, tangents, perturbation, pair).spectrum();
        let negative = dense.iter().filter(|&&x| x < -inertia.resolution).count() as u64;
        let zero = dense.iter().filter(|&&x| x.abs() <= inertia.resolution).count() as u64;
        assert_eq!((inertia.index.exact(), inertia.nullity.exact()), (Some(negative), Some(zero)), "{problem:?}");
        let expected = Extremes::of_values(&dense.iter().map(|&x| (x, 1)).collect::<Vec<_>>(), number);
        let norm = expected.max;
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-11 * b.abs() + 1e-13 * norm + inertia.resolution;
        assert!(near(extremes.min, expected.min), "{problem:?}: {extremes:?} against {expected:?}");
        assert!(near(extremes.max, expected.max), "{problem:?}: {extremes:?} against {expected:?}");
        match (extremes.min_transverse, expected.min_transverse) {
            (Some(a), Some(b)) => assert!(near(a, b), "{problem:?}: {a:e} against {b:e}"),
            (a, b) => assert_eq!(a, b),
        }
    }
    dense.iter().filter(|&&x| x < -1e-9).count() as u64
}

/// The arrow at a point, with one column a class where classes are collapsed.
fn arrow_at(problem: &Problem, x: &Point) -> Arrow {
    match Collapsed::new(problem, x) {
        Some(collapsed) => Arrow::weighted(&mut Objective::new(&collapsed.problem), &collapsed.point, collapsed.weights.clone()),
        None => Arrow::new(&mut Objective::new(problem), x),
    }
}

#[test]
fn minima_at_every_width_have_their_dense_counts_and_extremes() {
    for width in [1, 2, 3, 4] {
        for (i, problem) in problems(width).into_iter().enumerate() {
            compare(&problem, random(&problem, 40 + i as u64));
        }
    }
}

#[test]
fn points_with_negative_eigenvalues_are_counted_by_the_large_way_too() {
    for width in [2, 5] {
        for (i, problem) in problems(width).iter().enumerate() {
            for x in [random(problem, 60 + i as u64), gathered(problem, 800 + 2 * i as u64, &[0, 1, 3], 0.0)] {
                let dense = eigenvalues(&dense_hessian(&mut Objective::new(problem), &x));
                let arrow = arrow_at(problem, &x);
                let shift = problem.shifts_bias_freely();
                let symmetry = Symmetry { rotations: false, shift };
                let tangents = Tangents { symmetry, number: u64::from(shift), gradient: 0.0 };
                let (inertia, extremes) = Large::new(&arrow, tangents, 0.0, true).spectrum();
                let negative = dense.iter().filter(|&&x| x < -inertia.resolution).count() as u64;
                assert!(negative > 0 || problem.loss.name() == "mse", "{problem:?}");
                assert_eq!(
                    (inertia.index.exact(), inertia.nullity.exact()),
                    (Some(negative), Some(u64::from(shift))),
                    "{problem:?}"
                );
                let norm = dense.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                assert!((extremes.min - dense[0]).abs() <= 1e-12 * norm, "{problem:?}");
                assert!((extremes.max - dense.last().unwrap()).abs() <= 1e-12 * norm, "{problem:?}");
            }
        }
    }
}

/// A gradient that is not small leaves the zeros unproved: nothing may be claimed from one definite factorisation.
#[test]
fn tangents_of_a_point_that_is_not_critical_prove_nothing() {
    for problem in problems(3) {
        let x = random(&problem, 5);
        let arrow = Arrow::new(&mut Objective::new(&problem), &x);
        let tangents = Tangents { symmetry: Symmetry { rotations: true, shift: false }, number: 3, gradient: 1e-3 };
        let (inertia, _) = Large::new(&arrow, tangents, 0.0, false).spectrum();
        let dense = eigenvalues(&dense_hessian(&mut Objective::new(&problem), &x));
        let negative = dense.iter().filter(|&&x| x < -inertia.resolution).count() as u64;
        assert_eq!(inertia.index.exact(), Some(negative), "{problem:?}");
        assert_eq!(inertia.nullity.exact(), Some(u64::from(problem.shifts_bias_freely())), "{problem:?}");
    }
}

#[test]
fn the_lowest_and_those_of_an_interval_are_the_dense_ones() {
    for width in [2, 5] {
        for (i, problem) in problems(width).iter().enumerate() {
            for x in [random(problem, 70 + i as u64), gathered(problem, 850 + 2 * i as u64, &[0, 1, 2, 3], 0.0)] {
                let dense = eigenvalues(&dense_hessian(&mut Objective::new(problem), &x));
                let norm = dense.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                let arrow = arrow_at(problem, &x);
                let resolution = inertia_at(&arrow, 0.0).resolution;
                let (from, to) = (dense.len() / 3, dense.len() / 3 + 6);
                let ends = [0.5 * (dense[from - 1] + dense[from]), 0.5 * (dense[to] + dense[to - 1])];
                // Where an end falls inside a multiple eigenvalue the expected list is what lies between all the same.
                let inside: Vec<f64> = dense.iter().copied().filter(|&x| x >= ends[0] && x < ends[1]).collect();
                let clear = ends.iter().all(|end| dense.iter().all(|x| (x - end).abs() > 1e-9 * norm));
                let interval = if clear { in_interval(&arrow, ends[0], ends[1], resolution) } else { vec![] };
                for (found, expected) in [(lowest(&arrow, 7, resolution), &dense[..]), (interval, &inside[..])] {
                    let values: Vec<f64> = found.iter().flat_map(|s| vec![s.value; s.multiplicity as usize]).collect();
                    assert!(values.len() <= expected.len());
                    for (a, b) in values.iter().zip(expected) {
                        assert!((a - b).abs() <= 1e-11 * norm, "{problem:?}: {a} against {b}");
                    }
                    for sliced in &found {
                        assert!(sliced.residual <= 1e-9 * norm, "{problem:?}: {sliced:?}");
                    }
                }
                assert!(lowest(&arrow, 7, resolution).iter().map(|s| s.multiplicity).sum::<u64>() >= 7);
                if clear {
                    let times: u64 = in_interval(&arrow, ends[0], ends[1], resolution).iter().map(|s| s.multiplicity).sum();
                    assert_eq!(times, inside.len() as u64, "{problem:?}");
                }
                assert!(in_interval(&arrow, 1.0, f64::NAN, resolution).is_empty());
                assert!(in_interval(&arrow, norm + 1.0, norm + 2.0, resolution).is_empty());
            }
        }
    }
}

#[test]
fn origins_share_out_the_whole_dimension() {
    for width in [2, 4, 6] {
        for (i, problem) in problems(width).iter().enumerate() {
            let critical = descend(problem, random(problem, 20 + i as u64));
            let narrow = problem.at_width(critical.rank());
            let residual = crate::objective::residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
            let spectrum = at_critical(problem, &critical, &residual, Level::Full, &Limits::default()).unwrap();
            let whole = spectrum.whole.unwrap().unwrap();
            let of = |origin| whole.iter().filter(|level| level.origin == origin).map(|level| level.multiplicity).sum::<u64>();
            let (free, samples) = (width - critical.rank(), problem.shape.samples());
            assert_eq!(of(Origin::Symmetry), spectrum.nullity_symmetry, "{problem:?}");
            let columns = Collapsed::new(&narrow, critical.reduced()).map_or(samples, |c| c.columns());
            assert_eq!(of(Origin::WithinClass), ((samples - columns) * width) as u64, "{problem:?}");
            let turned = (free * critical.rank()) as u64;
            assert_eq!(of(Origin::OffSpace) + turned, (free * (4 + columns)) as u64, "{problem:?}");
            let sum: u64 = whole.iter().map(|level| level.multiplicity).sum();
            assert_eq!(sum, problem.dimension() as u64, "{problem:?}");
            assert!(whole.is_sorted_by(|a, b| a.eigenvalue <= b.eigenvalue));
        }
    }
}

#[test]
fn what_cannot_fit_is_refused_with_settings_that_do() {
    let limits = Limits::default();
    let of =
        |classes, width| Problem { shape: crate::model::Shape::balanced(classes, width, 1).unwrap(), ..problems(3)[0].clone() };
    assert_eq!(feasible(&of(100, 128), Level::Inertia, &limits), Ok(()));
    let large = of(300, 300);
    assert_eq!(feasible(&large, Level::None, &limits), Ok(()));
    let reason = feasible(&large, Level::Inertia, &limits).unwrap_err();
    assert!(reason.contains("size 90000") && reason.contains("spectra.level=none"), "{reason}");
    // Every setting it names fits, and the next larger one does not.
    let named = |key: &str| -> usize {
        let rest = reason.split(key).nth(1).unwrap_or_else(|| panic!("{key}: {reason}"));
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let width = named("model.width=");
    assert!(
        feasible(&of(300, width), Level::Inertia, &limits).is_ok()
            && feasible(&of(300, width + 1), Level::Inertia, &limits).is_err()
    );
    let classes = named("model.classes=");
    let at = |classes: usize| feasible(&of(classes, 300), Level::Inertia, &limits);
    assert!(at(classes).is_ok() && at(classes + 1).is_err());
    // Where only memory is short, the memory that would do is named.
    let little = Limits { bytes: 1e6, ..limits };
    let reason = feasible(&of(40, 40), Level::Inertia, &little).unwrap_err();
    let mib: f64 = reason.split("memory_mib=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    let enough = Limits { bytes: mib * f64::from(1 << 20), ..limits };
    assert_eq!(feasible(&of(40, 40), Level::Inertia, &enough), Ok(()));
}

/// K=40 at the simplex ETF: the Schur complement is large (1600), the spectrum is known in closed form.
#[test]
fn a_large_minimum_has_the_closed_form_counts_and_extremes() {
    let shape = crate::model::Shape::balanced(40, 42, 50).unwrap();
    let decay = crate::model::Decay { w: 4e-4, h: 4e-4, b: 0.0 };
    let loss = problems(3)[0].loss.clone();
    let problem = Problem { shape, bias: crate::model::Bias::Free, decay, loss, scale: 1.0 };
    let point = crate::theory::etf_point(&problem).unwrap();
    let critical = gate(&problem, Candidate { point, polish: false }).unwrap();
    let narrow = problem.at_width(critical.rank());
    let residual = crate::objective::residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
    let spectrum = at_critical(&problem, &critical, &residual, Level::Inertia, &Limits::default()).unwrap();
    let closed = etf_spectrum(&(&problem).try_into().unwrap()).unwrap();
    let zeros: u64 = closed.iter().filter(|level| !(level.eigenvalue.abs() > 0.0)).map(|level| level.multiplicity).sum();
    assert_eq!((spectrum.index.exact(), spectrum.nullity.exact()), (Some(0), Some(zeros)));
    assert_eq!(spectrum.nullity_symmetry, zeros);
    let least = closed.iter().map(|level| level.eigenvalue).filter(|&x| x > 0.0).fold(f64::INFINITY, f64::min);
    let most = closed.iter().map(|level| level.eigenvalue).fold(0.0, f64::max);
    let transverse = spectrum.lambda_min_transverse.unwrap();
    assert!((transverse - least).abs() <= 1e-10 * least, "{transverse:e} against {least:e}");
    assert!((spectrum.lambda_max - most).abs() <= 1e-12 * most, "{:e} against {most:e}", spectrum.lambda_max);
}

/// The Newton polish of a large arrow, with its own gauge: a perturbed simplex ETF of 40 classes returns to it.
#[test]
fn a_large_point_is_polished() {
    let shape = crate::model::Shape::balanced(40, 42, 1).unwrap();
    let decay = crate::model::Decay { w: 3e-3, h: 3e-3, b: 0.0 };
    let problem = Problem { shape, bias: crate::model::Bias::Free, decay, loss: problems(3)[0].loss.clone(), scale: 1.0 };
    let mut point = crate::theory::etf_point(&problem).unwrap();
    let exact = Objective::new(&problem).value(&point);
    let noise = random(&problem, 77);
    crate::linalg::axpy(1e-5, noise.as_slice(), point.as_mut_slice());
    let critical = gate(&problem, Candidate { point, polish: true }).unwrap_or_else(|refused| panic!("{}", refused.reason));
    assert_eq!(critical.rank(), 39);
    assert!(critical.gradient().scaled <= 1e-10 && !critical.at_floor());
    let value = Objective::new(&problem).value(&critical.point());
    assert!((value - exact).abs() <= 1e-12 * exact, "{value} against {exact}");
}
