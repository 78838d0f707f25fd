//! Large arrows' way on small problems, against dense eigenvalues: minima, saddles with an index in their own width, points that are not critical.

use super::tests::{gathered, problems, random};
use super::*;
use crate::critical::{Candidate, gate};
use crate::numeric::{gaussian, stream};
use crate::solvers::{SolverSpec, Stop, minimise};

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

/// Compares the large way with dense eigenvalues at a critical point; returns the index.
fn compare(problem: &Problem, start: Point) -> u64 {
    let outcome = minimise(problem, start, &SolverSpec::Lbfgs { memory: 10 }, &Stop::default(), &mut |_, _| {});
    let critical = gate(problem, Candidate { point: outcome.state.x, polish: true }).unwrap();
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

#[test]
fn minima_at_every_width_have_their_dense_counts_and_extremes() {
    for width in [1, 2, 3, 4] {
        for (i, problem) in problems(width).into_iter().enumerate() {
            if problem.loss.name() == "mse" && width < 3 {
                continue; // Its families have zeros that no symmetry explains; `by_counts` is tested below.
            }
            compare(&problem, random(&problem, 40 + i as u64));
        }
    }
}
