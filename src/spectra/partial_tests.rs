//! The isotypic blocks of partially collapsed states against dense eigenvalues, the general route and known answers.

use super::partial_spectrum;

use crate::linalg::eigenvalues;
use crate::losses::{ALL, Loss};
use crate::model::{Bias, Decay, Shape};
use crate::objective::{Objective, Problem, dense_hessian};
use crate::theory::{Balanced, partial_collapse};

fn loss(name: &str, parameters: &[f64]) -> Loss {
    (ALL.iter().find(|family| family.name == name).unwrap().build)(parameters)
}

const BIASES: [(Bias, f64); 4] = [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 1e-3), (Bias::Decayed, 0.7)];

fn problems() -> Vec<Problem> {
    let losses = [
        loss("cross-entropy", &[]),
        loss("label-smoothing", &[0.1]),
        loss("focal", &[0.5]),
        loss("focal", &[1.0]),
        loss("focal", &[3.0]),
    ];
    let mut problems = Vec::new();
    for loss in losses {
        for (bias, b) in BIASES {
            for (classes, width, per_class, scale) in
                [(2, 3, 2, 1.0), (3, 2, 2, 1.0), (3, 5, 1, 2.0), (4, 6, 3, 1.0), (5, 4, 2, 0.4), (6, 7, 2, 1.0), (7, 6, 1, 1.0)]
            {
                for (w, h) in [(5e-3, 2e-3), (3e-3, 0.15), (0.5, 0.02)] {
                    let shape = Shape::balanced(classes, width, per_class).unwrap();
                    problems.push(Problem { shape, bias, decay: Decay { w, h, b }, loss: loss.clone(), scale });
                }
            }
        }
    }
    problems
}

#[test]
fn every_eigenvalue_is_the_dense_one() {
    let mut seen = std::collections::BTreeMap::new();
    let mut worst: f64 = 0.0;
    for problem in problems() {
        let balanced = Balanced::try_from(&problem).unwrap();
        for alive in 0..=balanced.classes {
            let Ok(state) = partial_collapse(&balanced, alive) else { continue };
            let spectrum = partial_spectrum(&balanced, &state).unwrap();
            *seen.entry((problem.loss.name(), problem.bias.name(), alive)).or_insert(0) += 1;
            let point = state.point(&balanced, &problem.shape);
            let dense = eigenvalues(&dense_hessian(&mut Objective::new(&problem), &point));
            let found: Vec<f64> = spectrum.levels.iter().flat_map(|l| vec![l.eigenvalue; l.multiplicity as usize]).collect();
            assert_eq!(found.len(), problem.dimension(), "m = {alive}, {problem:?}");
            let largest = dense.last().unwrap();
            for (x, y) in found.iter().zip(&dense) {
                worst = worst.max((x - y).abs() / largest);
                assert!((x - y).abs() <= 1e-12 * largest, "m = {alive}, {problem:?}: {x} against {y}");
            }
        }
    }
    // Every loss and bias mode shows every m from 0 to 7 but 1.
    assert_eq!(seen.len(), 3 * 3 * 7, "{seen:?}");
    assert!(worst > 0.0);
}
