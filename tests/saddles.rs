//! The equal-cluster saddles of cross-entropy: for m | K clusters of κ = K/m classes, f_m = log κ + entropy of (1 − (m−1)κε, κε, …, κε) and ‖G‖ = 1/(K√n).

use ufm::critical::{Candidate, CriticalPoint, gate};
use ufm::losses::{ALL, Loss};
use ufm::model::{Bias, Decay, Shape, orbit_dimension, same_orbit, stabiliser_size};
use ufm::objective::{Objective, Problem, residual_spectrum};
use ufm::solvers::{SolverSpec, Stop, minimise};
use ufm::spectra::{Level, Limits, at_critical};
use ufm::starts::{StartSpec, expand};

fn cross_entropy() -> Loss {
    (ALL.iter().find(|family| family.name == "cross-entropy").unwrap().build)(&[])
}

fn problem(classes: usize) -> Problem {
    let shape = Shape::balanced(classes, 6, 2).unwrap();
    let decay = Decay { w: 5e-3, h: 5e-3, b: 1e-2 };
    Problem { shape, bias: Bias::Decayed, decay, loss: cross_entropy(), scale: 1.0 }
}

/// f_m of the theory.
fn cluster_value(classes: usize, m: usize, epsilon: f64) -> f64 {
    let size = classes as f64 / m as f64;
    let off = size * epsilon;
    let own = 1.0 - (m as f64 - 1.0) * off;
    size.ln() - own * own.ln() - (m as f64 - 1.0) * off * off.ln()
}

/// The critical points that tied starts lead to.
fn tied_points(problem: &Problem, solver: &SolverSpec, count: usize) -> Vec<CriticalPoint> {
    let starts = expand(&[StartSpec::TiedClasses { count, scale: 2.0, seed: 3 }], problem);
    let run = |begin: &ufm::starts::Begin| {
        let narrow = problem.at_width(begin.width);
        let start = begin.point(problem).unwrap().unwrap();
        let outcome = minimise(&narrow, start, solver, &Stop { steps_max: 500, ..Stop::default() }, &mut |_, _| {});
        gate(problem, Candidate { point: outcome.state.x, polish: true }).ok()
    };
    starts.iter().filter_map(run).collect()
}

#[test]
fn every_equal_cluster_saddle_is_found() {
    for classes in [4_usize, 6] {
        let problem = problem(classes);
        let epsilon = problem.epsilon().unwrap();
        // A minimiser would leave those that are unstable within their tie by its rounding errors.
        let points = tied_points(&problem, &SolverSpec::GradientNorm, 16);
        for m in (1..classes).filter(|m| classes % m == 0) {
            let exact = cluster_value(classes, m, epsilon);
            let value = |point: &CriticalPoint| Objective::new(&problem).value(&point.point());
            let near = |point: &&CriticalPoint| (value(point) - exact).abs() <= 1e-12 * exact;
            let found = points.iter().find(near).unwrap_or_else(|| panic!("K={classes}, m={m}: no point of value {exact}"));
            assert_eq!(found.rank(), m - 1);

            let residual = residual_spectrum(&mut Objective::new(&problem), &found.point());
            let expected = 1.0 / (classes as f64 * 2.0_f64.sqrt());
            assert!((residual.norm() - expected).abs() < 1e-12, "K={classes}, m={m}: ‖G‖ = {}", residual.norm());
            let of_norm = residual.singular_values.iter().filter(|&&sigma| (sigma - expected).abs() < 1e-9).count();
            assert_eq!(of_norm, classes - m, "K={classes}, m={m}");

            let narrow = residual_spectrum(&mut Objective::new(&problem.at_width(m - 1)), found.reduced());
            let spectrum = at_critical(&problem, found, &narrow, Level::Inertia, &Limits::default()).unwrap();
            assert!(spectrum.index.low > 0, "K={classes}, m={m}: {:?}", spectrum.index);
            assert_eq!(spectrum.nullity_symmetry, orbit_dimension(m - 1, 6) as u64);

            let factorial = |n: usize| (1..=n as u128).product::<u128>();
            let symmetries = factorial(classes / m).pow(m as u32) * factorial(m);
            assert_eq!(stabiliser_size(&problem.shape.at_width(m - 1), found.reduced(), 1e-6), Some(symmetries));
        }
    }
}

/// Two searches from the same starts must agree where they end at the same value: no orbit is counted twice, and equal ones are one.
#[test]
fn saddle_searches_find_the_same_orbits() {
    let problem = problem(4);
    let mut seen: Vec<CriticalPoint> = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    for solver in [SolverSpec::GradientNorm, SolverSpec::NewtonMinres] {
        for point in tied_points(&problem, &solver, 6) {
            let known = seen
                .iter()
                .any(|other| other.rank() == point.rank() && same_orbit(&problem.shape, other.reduced(), point.reduced(), 1e-6));
            let value = Objective::new(&problem).value(&point.point());
            if values.iter().all(|other| (other - value).abs() > 1e-9) {
                values.push(value);
            }
            if !known {
                seen.push(point);
            }
        }
    }
    assert!(seen.len() >= 6, "{} orbits", seen.len());
    assert_eq!(seen.len(), values.len(), "orbits and values differ in number");
}
