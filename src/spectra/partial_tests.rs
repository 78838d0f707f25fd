//! The isotypic blocks of partially collapsed states against dense eigenvalues, the general route, the ETF's blocks and known answers.

use super::{EtfLevel, Level, Limits, at_critical, etf_spectrum, partial_phases, partial_spectrum};
use crate::critical::{Candidate, gate};
use crate::linalg::eigenvalues;
use crate::losses::{ALL, Loss};
use crate::model::{Bias, Decay, Shape};
use crate::objective::{Objective, Problem, dense_hessian, residual_spectrum};
use crate::theory::{Balanced, PartialBranch, partial_collapse};

fn loss(name: &str, parameters: &[f64]) -> Loss {
    (ALL.iter().find(|family| family.name == name).unwrap().build)(parameters)
}

const BIASES: [(Bias, f64); 4] = [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 1e-3), (Bias::Decayed, 0.7)];

fn problems() -> Vec<Problem> {
    let losses = [loss("cross-entropy", &[]), loss("label-smoothing", &[0.1]), loss("focal", &[0.5]), loss("focal", &[3.0])];
    let mut problems = Vec::new();
    for loss in losses {
        for (bias, b) in BIASES {
            for (classes, width, per_class, scale) in
                [(2, 3, 2, 1.0), (3, 2, 2, 1.0), (3, 5, 1, 2.0), (4, 6, 3, 1.0), (5, 4, 2, 0.4), (6, 7, 2, 1.0), (7, 6, 1, 1.0)]
            {
                // Both ratios of the decays with every loss, bias mode and number of classes, one of them for each λ_b.
                let (w, h) = [(5e-3, 2e-3), (3e-3, 0.15)][(classes + usize::from(b > 0.5)) % 2];
                let shape = Shape::balanced(classes, width, per_class).unwrap();
                problems.push(Problem { shape, bias, decay: Decay { w, h, b }, loss: loss.clone(), scale });
            }
        }
    }
    problems
}

fn expanded(levels: &[EtfLevel]) -> Vec<f64> {
    levels.iter().flat_map(|level| vec![level.eigenvalue; level.multiplicity as usize]).collect()
}

#[test]
fn every_eigenvalue_is_the_dense_one_and_symmetry_zeros_are_exact() {
    let mut seen = std::collections::BTreeMap::new();
    for problem in problems() {
        let balanced = Balanced::try_from(&problem).unwrap();
        for alive in 0..=balanced.classes {
            let Ok(state) = partial_collapse(&balanced, alive) else { continue };
            let what = format!("m = {alive}, {problem:?}");
            let spectrum = partial_spectrum(&balanced, &state).unwrap();
            *seen.entry((problem.loss.name(), problem.bias.name(), alive)).or_insert(0) += 1;
            let point = state.point(&balanced, &problem.shape);
            let dense = eigenvalues(&dense_hessian(&mut Objective::new(&problem), &point));
            let found = expanded(&spectrum.levels);
            assert_eq!(found.len(), problem.dimension(), "{what}");
            let largest = dense.last().unwrap();
            for (x, y) in found.iter().zip(&dense) {
                assert!((x - y).abs() <= 1e-12 * largest, "{what}: {x} against {y}");
            }
            let zeros = found.iter().filter(|x| !(x.abs() > 0.0)).count() as u64;
            assert_eq!(zeros, spectrum.nullity_symmetry, "{what}");
            let least = found.iter().copied().filter(|x| x.abs() > spectrum.resolution).fold(f64::INFINITY, f64::min);
            assert!(spectrum.lambda_min_transverse().is_some_and(|x| (x - least).abs() <= 2.0 * spectrum.resolution), "{what}");
        }
    }
    // Every loss and bias mode shows every m from 0 to 7 but 1.
    assert_eq!(seen.len(), 3 * 3 * 7, "{seen:?}");
}

/// At m = K two derivations meet: these blocks and those of the ETF.
#[test]
fn all_classes_alive_is_the_etf() {
    let mut seen = 0;
    for problem in problems() {
        let balanced = Balanced::try_from(&problem).unwrap();
        let (Ok(etf), Ok(state)) = (etf_spectrum(&balanced), partial_collapse(&balanced, balanced.classes)) else { continue };
        let (found, expected) = (expanded(&partial_spectrum(&balanced, &state).unwrap().levels), expanded(&etf));
        let largest = expected.last().unwrap();
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(&expected).all(|(x, y)| (x - y).abs() <= 1e-12 * largest), "{problem:?}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

fn large(classes: usize, epsilon: f64) -> Problem {
    let shape = Shape::balanced(classes, classes, 1).unwrap();
    let decay = Decay { w: epsilon, h: epsilon, b: 0.01 };
    Problem { shape, bias: Bias::Decayed, decay, loss: loss("focal", &[3.0]), scale: 1.0 }
}

/// In the window of K = 24, for every m, and beside the crossing of K = 60.
#[test]
fn the_general_route_counts_the_same() {
    let many = [0, 2, 9, 15, 18, 21, 23, 24].map(|alive| (24, 0.0519, alive));
    let mut natures = Vec::new();
    for (classes, epsilon, alive) in many.into_iter().chain([(60, 0.019_559_17, 34)]) {
        let problem = large(classes, epsilon);
        let balanced = Balanced::try_from(&problem).unwrap();
        let Ok(state) = partial_collapse(&balanced, alive) else { continue };
        let closed = partial_spectrum(&balanced, &state).unwrap();
        let critical = gate(&problem, Candidate { point: state.point(&balanced, &problem.shape), polish: true }).unwrap();
        let narrow = problem.at_width(critical.rank());
        let residual = residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
        let found = at_critical(&problem, &critical, &residual, Level::Inertia, &Limits::default()).unwrap();
        let what = format!("K = {classes}, m = {alive}");
        assert_eq!((found.index.exact(), found.nullity.exact()), (Some(closed.index), Some(closed.nullity)), "{what}");
        assert_eq!(found.nullity_symmetry, closed.nullity_symmetry, "{what}");
        let most = closed.levels.last().unwrap().eigenvalue;
        assert!((found.lambda_max - most).abs() <= 1e-9 * most, "{what}");
        let (one, other) = (found.lambda_min_transverse.unwrap(), closed.lambda_min_transverse().unwrap());
        assert!((one - other).abs() <= 1e-9 * most, "{what}: {one} against {other}");
        natures.push(closed.nature());
    }
    // Both kinds occur, or nothing was compared.
    assert!(natures.contains(&"strict-saddle") && natures.contains(&"local-minimum"));
}

#[test]
fn sizes_cost_nothing_and_overflow_is_refused() {
    let mut balanced = Balanced::try_from(&large(60, 1e-4)).unwrap();
    (balanced.classes, balanced.width, balanced.per_class) = (1000, 1024, 1_000_000);
    for alive in [0, 2, 500, 999, 1000] {
        let state = partial_collapse(&balanced.with_epsilon(1e-4), alive).unwrap();
        let spectrum = partial_spectrum(&balanced.with_epsilon(1e-4), &state).unwrap();
        let total: u128 = spectrum.levels.iter().map(|level| u128::from(level.multiplicity)).sum();
        assert_eq!(total, balanced.dimension());
    }
    let state = partial_collapse(&balanced, 0).unwrap();
    balanced.per_class = 1 << 60;
    assert!(partial_spectrum(&balanced, &state).unwrap_err().contains("64-bit"));
}

#[test]
fn the_branch_is_the_state_at_every_epsilon_and_ends_in_a_fold() {
    for (bias, b) in BIASES {
        let mut problem = large(24, 0.05);
        (problem.bias, problem.decay.b) = (bias, b);
        let balanced = Balanced::try_from(&problem).unwrap();
        for alive in [2, 12, 23, 24] {
            let branch = PartialBranch::new(&balanced, alive).unwrap();
            assert_eq!(branch.alive(), alive);
            for share in [0.01, 0.3, 0.9, 0.9999] {
                let epsilon = share * branch.epsilon_end();
                let (at, state) = branch.state_at(branch.scale_at(epsilon).unwrap());
                let direct = partial_collapse(&balanced.with_epsilon(epsilon), alive).unwrap();
                assert!((at.epsilon() - epsilon).abs() <= 1e-13 * epsilon);
                assert!((state.scale - direct.scale).abs() <= 1e-9, "{state:?} against {direct:?}");
                assert!((state.value - direct.value).abs() <= 1e-13, "{state:?} against {direct:?}");
            }
            assert!(branch.scale_at(branch.epsilon_end() * 1.000_001).is_none());
            assert!(partial_collapse(&balanced.with_epsilon(1.000_1 * branch.epsilon_end()), alive).is_err(), "m = {alive}");
        }
    }
    // Convex losses have no fold: the state grows out of 0 at ε = 1/K.
    let problem = Problem { loss: loss("cross-entropy", &[]), ..large(6, 0.05) };
    let branch = PartialBranch::new(&Balanced::try_from(&problem).unwrap(), 4).unwrap();
    assert!(branch.scale_at_end().abs() <= 0.0 && (branch.epsilon_end() - 1.0 / 6.0).abs() <= 1e-15, "{branch:?}");
}

#[test]
fn phases_meet_without_gaps_and_a_wrong_range_is_refused() {
    let balanced = Balanced::try_from(&large(60, 0.02)).unwrap();
    for alive in [0, 2, 20, 34, 60] {
        let found = partial_phases(&balanced, alive, 0.0188, 0.0205).unwrap();
        assert!((found.phases[0].from - 0.0188).abs() < 1e-12, "{found:?}");
        assert!(found.phases.windows(2).all(|pair| (pair[0].to - pair[1].from).abs() <= 0.0), "{found:?}");
        let last = found.phases.last().unwrap().to;
        assert!((last - found.exists_to.unwrap_or(0.0205)).abs() < 1e-12, "{found:?}");
        for phase in &found.phases {
            let there = balanced.with_epsilon(0.5 * (phase.from + phase.to));
            let spectrum = partial_spectrum(&there, &partial_collapse(&there, alive).unwrap()).unwrap();
            assert_eq!(spectrum.index, phase.index, "m = {alive}, {phase:?}");
        }
    }
    for (low, high) in [(0.0, 0.02), (0.02, 0.02), (f64::NAN, 0.02)] {
        assert!(partial_phases(&balanced, 3, low, high).is_err());
    }
    assert!(partial_phases(&balanced, 1, 0.01, 0.02).is_err());
}
