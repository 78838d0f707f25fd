//! Closed forms against known answers, against optimisers, and against 50-digit values; formulas outside their hypotheses give reasons.

use ufm::losses::{self, Loss};
use ufm::model::{Bias, Decay, Shape};
use ufm::objective::{Objective, Problem, residual_spectrum};
use ufm::theory::*;

fn loss(name: &str, parameters: &[f64]) -> Loss {
    (losses::ALL.iter().find(|family| family.name == name).unwrap().build)(parameters)
}

fn focal(gamma: f64) -> Loss {
    loss("focal", &[gamma])
}

/// n = 1, λ_W = λ_H = ε unless said otherwise.
fn balanced(classes: usize, loss: Loss, bias: Bias, epsilon: f64, decay_b: f64) -> Balanced {
    let decay = Decay { w: epsilon, h: epsilon, b: if bias == Bias::Decayed { decay_b } else { 0.0 } };
    Balanced { classes, width: classes, per_class: 1, bias, decay, loss, scale: 1.0 }
}

fn problem(balanced: &Balanced) -> Problem {
    let Balanced { classes, width, per_class, bias, decay, loss, scale } = balanced.clone();
    Problem { shape: Shape::balanced(classes, width, per_class as usize).unwrap(), bias, decay, loss, scale }
}

fn close(what: &str, found: f64, expected: f64, allowed: f64) {
    assert!((found - expected).abs() <= allowed, "{what}: {found}, expected {expected}");
}

/// THEORY's ladder at K = 60, γ = 3, n = 1, λ_b = .01, ε = .01955917, to the digits known.
#[test]
fn the_ladder_of_partially_collapsed_states_has_the_known_values() {
    let at = balanced(60, focal(3.0), Bias::Decayed, 0.019_559_17, 0.01);
    for (alive, value) in [
        (60, 3.848_348),
        (59, 3.849_084),
        (50, 3.855_734),
        (44, 3.860_197),
        (39, 3.863_934),
        (35, 3.866_935),
        (34, 3.867_687),
        (30, 3.870_702),
        (10, 3.885_933),
        (5, 3.889_794),
        (2, 3.892_152),
        (0, 3.893_020),
    ] {
        let found = partial_collapse(&at, alive).unwrap();
        close(&format!("m = {alive}"), found.value, value, 6e-7);
        if alive == 35 || alive == 34 {
            close("σ/μ", found.escape_ratio(), if alive == 35 { 0.99985 } else { 1.00080 }, 6e-6);
        }
        let index = if (2..35).contains(&alive) { 60 - alive as u64 + 1 } else { 0 };
        assert_eq!(found.off_space_index(60), index, "m = {alive}");
    }
}

/// Value, gradient and σ_j(G) of every state against the objective.
#[test]
fn partially_collapsed_states_are_critical_for_the_whole_problem() {
    let mut seen = 0;
    for loss in [loss("cross-entropy", &[]), loss("label-smoothing", &[0.1]), focal(0.5), focal(3.0)] {
        for (bias, decay_b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.02), (Bias::Decayed, 2.0)] {
            for (classes, per_class, epsilon, ratio, scale) in
                [(4, 1, 0.05, 1.0, 1.0), (5, 2, 0.02, 4.0, 1.0), (7, 3, 0.1, 0.3, 0.6), (24, 1, 0.03, 1.0, 1.0)]
            {
                let mu = epsilon / f64::sqrt(per_class as f64);
                let decay = Decay {
                    w: mu * f64::sqrt(ratio),
                    h: mu / f64::sqrt(ratio),
                    b: if bias == Bias::Decayed { decay_b } else { 0.0 },
                };
                let at = Balanced { classes, width: classes + 1, per_class, bias, decay, loss: loss.clone(), scale };
                let problem = problem(&at);
                for alive in [0, 2, 3, classes - 1, classes] {
                    let Ok(state) = partial_collapse(&at, alive) else { continue };
                    seen += 1;
                    let what = format!("{loss}, {bias:?}, K = {classes}, m = {alive}: {state:?}");
                    let point = state.point(&at, &problem.shape);
                    let mut objective = Objective::new(&problem);
                    let mut gradient = vec![0.0; problem.dimension()];
                    let value = objective.value_gradient(&point, &mut gradient);
                    close(&what, value, state.value, 2e-14 * (1.0 + value));
                    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                    assert!(norm <= 1e-13 * scale, "‖∇f‖ = {norm:e}: {what}");
                    close(&what, point.w().row(0).norm(), state.norm_w, 1e-13);
                    close(&what, point.h().column(0).norm(), state.norm_h, 1e-13);
                    let mut expected: Vec<f64> =
                        state.residual_ratios.iter().flat_map(|&(ratio, count)| vec![ratio * decay.mu(); count]).collect();
                    expected.sort_by(|x, y| y.total_cmp(x));
                    let found = residual_spectrum(&mut objective, &point).singular_values;
                    assert_eq!(found.len(), expected.len());
                    found.iter().zip(&expected).for_each(|(x, y)| close(&what, *x, *y, 1e-13));
                }
            }
        }
    }
    assert!(seen > 150, "{seen}");
}
