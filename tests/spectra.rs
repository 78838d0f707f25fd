//! Spectra at critical points: the rank ladder (minimise at width r, pad with zeros) has the index (d−r)(R−r), and the rank split against dense eigenvalues.

use ufm::critical::{Candidate, CriticalPoint, gate};
use ufm::linalg::eigenvalues;
use ufm::losses::{ALL, Loss};
use ufm::model::{Bias, Decay, Point, Shape, orbit_dimension};
use ufm::numeric::{gaussian, stream};
use ufm::objective::{Objective, Problem, dense_hessian, residual_spectrum};
use ufm::solvers::{SolverSpec, Stop, minimise};
use ufm::spectra::{Level, Limits, Origin, Spectrum, at_critical};

fn loss(name: &str, values: &[f64]) -> Loss {
    (ALL.iter().find(|family| family.name == name).unwrap().build)(values)
}

fn four_losses() -> [Loss; 4] {
    [loss("cross-entropy", &[]), loss("label-smoothing", &[0.1]), loss("focal", &[3.0]), loss("mse", &[1.0, 1.0])]
}

fn random(problem: &Problem, index: u64) -> Point {
    let mut data = vec![0.0; problem.dimension()];
    gaussian(&mut stream(9, "spectra tests", index), 1.0, &mut data);
    Point::from_vec(&problem.shape, problem.bias, data)
}

/// Minimises at width `rank` and passes the gate.
fn ladder(problem: &Problem, rank: usize) -> CriticalPoint {
    let narrow = problem.at_width(rank);
    let solver = SolverSpec::Lbfgs { memory: 10 };
    let stop = Stop { gradient_norm: 1e-14, ..Stop::default() };
    let outcome = minimise(&narrow, random(&narrow, 1), &solver, &stop, &mut |_, _| {});
    gate(problem, Candidate { point: outcome.state.x, polish: true }).unwrap_or_else(|e| panic!("{}: {}", problem.loss, e.reason))
}

fn spectrum_of(problem: &Problem, critical: &CriticalPoint, level: Level) -> Spectrum {
    let narrow = problem.at_width(critical.rank());
    let residual = residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
    at_critical(problem, critical, &residual, level, &Limits::default()).unwrap()
}

/// K=5, n=4, d=6, λ_W=λ_H=5e-3, λ_b=1e-3.
fn ladder_problem(loss: Loss) -> Problem {
    let shape = Shape::balanced(5, 6, 4).unwrap();
    Problem { shape, bias: Bias::Decayed, decay: Decay { w: 5e-3, h: 5e-3, b: 1e-3 }, loss, scale: 1.0 }
}

#[test]
fn the_rank_ladder_has_the_predicted_indices_and_zeros() {
    for loss in four_losses() {
        let problem = ladder_problem(loss);
        for (rank, index) in [24, 15, 8, 3, 0].into_iter().enumerate() {
            let critical = ladder(&problem, rank);
            assert_eq!(critical.rank(), rank, "{}", problem.loss);
            let spectrum = spectrum_of(&problem, &critical, Level::Inertia);
            assert_eq!(spectrum.index.exact(), Some(index), "{} rank {rank}", problem.loss);
            let symmetry = orbit_dimension(rank, 6) as u64;
            assert_eq!(spectrum.nullity_symmetry, symmetry);
            let zeros = if problem.loss.name() == "mse" { [0, 8, 13, 15, 14][rank] } else { symmetry };
            assert_eq!(spectrum.nullity.exact(), Some(zeros), "{} rank {rank}: {spectrum:?}", problem.loss);
        }
    }
}

#[test]
fn the_rank_split_reproduces_every_dense_eigenvalue() {
    for loss in four_losses() {
        let problem = ladder_problem(loss);
        for rank in 0..5 {
            let critical = ladder(&problem, rank);
            let spectrum = spectrum_of(&problem, &critical, Level::Full);
            let dense = eigenvalues(&dense_hessian(&mut Objective::new(&problem), &critical.point()));
            let split: Vec<f64> = spectrum
                .whole
                .unwrap()
                .unwrap()
                .iter()
                .flat_map(|level| std::iter::repeat_n(level.eigenvalue, level.multiplicity as usize))
                .collect();
            assert_eq!(split.len(), dense.len());
            let largest = dense.last().unwrap();
            for (a, b) in split.iter().zip(&dense) {
                assert!((a - b).abs() <= 1e-12 * largest, "{} rank {rank}: {a} against {b}", problem.loss);
            }
        }
    }
}

#[test]
fn without_a_bias_mse_and_bce_climb_one_rung_more() {
    for loss in [loss("mse", &[1.0, 1.0]), loss("bce", &[])] {
        let problem = Problem { bias: Bias::None, decay: Decay { w: 5e-3, h: 5e-3, b: 0.0 }, ..ladder_problem(loss) };
        for (rank, index) in [30, 20, 12, 6, 2, 0].into_iter().enumerate() {
            let spectrum = spectrum_of(&problem, &ladder(&problem, rank), Level::Inertia);
            assert_eq!(spectrum.index.exact(), Some(index), "{} rank {rank}", problem.loss);
            let zeros = if problem.loss.name() == "mse" { [0, 9, 15, 18, 18, 15][rank] } else { spectrum.nullity_symmetry };
            assert_eq!(spectrum.nullity.exact(), Some(zeros), "{} rank {rank}", problem.loss);
        }
    }
}

#[test]
fn a_free_bias_adds_one_zero_for_shift_invariant_losses_only() {
    for loss in four_losses().into_iter().chain([loss("bce", &[])]) {
        let problem = Problem { bias: Bias::Free, decay: Decay { w: 5e-3, h: 5e-3, b: 0.0 }, ..ladder_problem(loss) };
        let spectrum = spectrum_of(&problem, &ladder(&problem, 4), Level::Inertia);
        let shift = u64::from(problem.loss.function().shift_invariant());
        assert_eq!(spectrum.index.exact(), Some(0), "{}", problem.loss);
        assert_eq!(spectrum.nullity.exact(), Some(14 + shift), "{}", problem.loss);
        assert_eq!(spectrum.nullity_symmetry, 14 + shift);
    }
}

#[test]
fn at_collapsed_minima_the_cost_is_that_of_one_sample_a_class() {
    for loss in four_losses().into_iter().chain([loss("bce", &[])]) {
        for bias in [Bias::None, Bias::Free, Bias::Decayed] {
            for sizes in [vec![4, 4, 4, 4], vec![6, 1, 3, 2]] {
                let decay = Decay { w: 5e-3, h: 3e-3, b: if bias == Bias::Decayed { 1e-2 } else { 0.0 } };
                let shape = Shape::new(6, &sizes).unwrap();
                let problem = Problem { shape, bias, decay, loss: loss.clone(), scale: 1.0 };
                let critical = ladder(&problem, 4);
                let spectrum = spectrum_of(&problem, &critical, Level::Full);
                assert_eq!(spectrum.route.name(), "collapsed", "{problem:?}");
                let dense = eigenvalues(&dense_hessian(&mut Objective::new(&problem), &critical.point()));
                let whole = spectrum.whole.unwrap().unwrap();
                let found: Vec<f64> =
                    whole.iter().flat_map(|level| vec![level.eigenvalue; level.multiplicity as usize]).collect();
                assert_eq!(found.len(), dense.len());
                let largest = dense.last().unwrap();
                for (a, b) in found.iter().zip(&dense) {
                    assert!((a - b).abs() <= 1e-12 * largest, "{problem:?}: {a} against {b}");
                }
                let count = |test: &dyn Fn(f64) -> bool| dense.iter().filter(|&&x| test(x)).count() as u64;
                assert_eq!(spectrum.index.exact(), Some(count(&|x| x < -spectrum.resolution)), "{problem:?}");
                assert_eq!(spectrum.nullity.exact(), Some(count(&|x| x.abs() <= spectrum.resolution)), "{problem:?}");
                assert!(spectrum.resolution <= 1e-10 * largest, "{problem:?}: {:e}", spectrum.resolution);
            }
        }
    }
}

#[test]
fn the_closed_form_spectrum_is_the_one_found_at_the_minimum() {
    for loss in four_losses() {
        let shape = Shape::balanced(7, 9, 5).unwrap();
        let problem = Problem { shape, bias: Bias::Free, decay: Decay { w: 2e-3, h: 3e-3, b: 0.0 }, loss, scale: 1.0 };
        let point = ufm::theory::etf_point(&problem).unwrap();
        let critical = gate(&problem, Candidate { point, polish: false }).unwrap();
        let spectrum = spectrum_of(&problem, &critical, Level::Full);
        let closed = ufm::spectra::etf_spectrum(&(&problem).try_into().unwrap()).unwrap();
        let found = spectrum.whole.unwrap().unwrap();
        let largest = found.last().unwrap().eigenvalue;
        for level in &found {
            let near = |value: f64| (level.eigenvalue - value).abs() <= 1e-10 * largest;
            let times =
                |all: &mut dyn Iterator<Item = (f64, u64)>| all.filter(|level| near(level.0)).map(|level| level.1).sum::<u64>();
            let expected = times(&mut closed.iter().map(|level| (level.eigenvalue, level.multiplicity)));
            assert_eq!(
                times(&mut found.iter().map(|level| (level.eigenvalue, level.multiplicity))),
                expected,
                "{}",
                problem.loss
            );
        }
        // Origins agree too: what the closed form calls within-class is found there, and all its zeros are symmetry.
        for (origin, name) in [(Origin::WithinClass, "within-class"), (Origin::OffSpace, "off-space")] {
            let found: u64 = found.iter().filter(|level| level.origin == origin).map(|level| level.multiplicity).sum();
            let closed = closed.iter().filter(|level| level.origin == name && level.eigenvalue.abs() > 0.0);
            assert_eq!(found, closed.map(|level| level.multiplicity).sum::<u64>(), "{}: {name}", problem.loss);
        }
        let symmetry = found.iter().filter(|level| level.origin == Origin::Symmetry).map(|level| level.multiplicity);
        assert_eq!(symmetry.sum::<u64>(), spectrum.nullity_symmetry);
        let zeros = closed.iter().filter(|level| !(level.eigenvalue.abs() > 0.0)).map(|level| level.multiplicity).sum();
        assert_eq!((spectrum.index.exact(), spectrum.nullity.exact()), (Some(0), Some(zeros)), "{}", problem.loss);
    }
}
