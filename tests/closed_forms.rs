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

/// Lines of tests/oracle/theory.json; numbers are strings, so that each is rounded once.
fn oracle(section: &str) -> Vec<serde_json::Value> {
    let all: serde_json::Value = serde_json::from_str(include_str!("oracle/theory.json")).unwrap();
    all[section].as_array().unwrap().clone()
}

fn number(entry: &serde_json::Value, key: &str) -> f64 {
    match &entry[key] {
        serde_json::Value::String(digits) => digits.parse().unwrap(),
        other => other.as_f64().unwrap_or_else(|| panic!("{key}: {other}")),
    }
}

#[test]
fn fifty_digit_values() {
    for entry in oracle("edges") {
        let (gamma, expected) = (number(&entry, "gamma"), number(&entry, "edge"));
        close("p_c", focal_convexity_edge(gamma), expected, 1e-14 * expected);
    }
    for entry in oracle("transitions") {
        let (classes, gamma) = (number(&entry, "classes") as usize, number(&entry, "gamma"));
        let window = focal_window(classes, gamma).unwrap();
        let (epsilon, scale) = (number(&entry, "epsilon"), number(&entry, "scale"));
        // Near K = 1/p_c the two minima differ by the cube of a small s: the tie is as well conditioned as that.
        let allowed = if classes == 18 { 1e-10 } else { 1e-13 };
        close("transition", window.transition, epsilon, allowed * epsilon);
        // s moves as the inverse of the curvature at the candidate.
        close("s", window.scale, scale, if classes == 18 { 1e-3 } else { 1e-10 } * scale);
    }
    for entry in oracle("partial") {
        let loss = match (number(&entry, "gamma"), number(&entry, "alpha")) {
            (gamma, _) if gamma > 0.0 => focal(gamma),
            (_, alpha) if alpha > 0.0 => loss("label-smoothing", &[alpha]),
            _ => loss("cross-entropy", &[]),
        };
        let bias = if entry["decay_b"].is_null() { Bias::None } else { Bias::Decayed };
        let decay_b = entry["decay_b"].as_f64().unwrap_or(0.0);
        let at = balanced(number(&entry, "classes") as usize, loss, bias, number(&entry, "epsilon"), decay_b);
        let found = partial_collapse(&at, number(&entry, "alive") as usize).unwrap();
        close("value", found.value, number(&entry, "value"), 1e-14 * found.value);
        // The value is stationary in s and y; they are known to the rounding of the residual over the curvature.
        close("s", found.scale, number(&entry, "scale"), 2e-13 * found.scale);
        close("y", found.bias_gap, number(&entry, "bias_gap"), 2e-13);
    }
    for entry in oracle("deep") {
        let deep = DeepLinear {
            classes: number(&entry, "classes") as usize,
            per_class: number(&entry, "per_class") as u64,
            factors: number(&entry, "factors") as u32,
            decay: number(&entry, "decay"),
        };
        let (collapse, low_rank) = (number(&entry, "collapse"), number(&entry, "low_rank"));
        close("collapse", deep.collapse().unwrap().value, collapse, 1e-14 * collapse);
        close("rank K/2", deep.low_rank().unwrap().value, low_rank, 1e-14 * low_rank);
    }
}

#[test]
fn where_uniqueness_fails() {
    for (gamma, first) in [(0.5, 57), (1.0, 24), (2.0, 18), (3.0, 18), (5.0, 20), (10.0, 29)] {
        assert_eq!(focal_uniqueness_fails_from(gamma), Ok(first), "γ = {gamma}");
        assert!(focal_window(first as usize, gamma).is_ok());
        let refused = focal_window(first as usize - 1, gamma).unwrap_err();
        assert!(refused.nearest.contains(&first.to_string()), "{refused}");
    }
    assert!((1..2000).all(|i| focal_uniqueness_fails_from(0.05 * f64::from(i)).unwrap() >= 18));
    assert!(focal_uniqueness_fails_from(0.0).is_err() && focal_uniqueness_fails_from(f64::NAN).is_err());
    let (gamma, edge) = focal_convexity_edge_max();
    close("γ", gamma, 2.382, 5e-4);
    close("sup p_c", edge, 0.058_444_43, 5e-9);
    assert!([0.99, 1.01].iter().all(|factor| focal_convexity_edge(factor * gamma) < edge));
    let window = focal_window(60, 3.0).unwrap();
    close("window", window.zero_stable_from, 0.019_146_3, 5e-8);
    close("window", window.transition, 0.019_972_0, 5e-8);
    assert!(window.transition < window.simplex_stable_to);
}

fn all_losses() -> Vec<Loss> {
    let mut losses = vec![loss("cross-entropy", &[]), loss("label-smoothing", &[0.1]), loss("bce", &[])];
    losses.extend([0.5, 2.0, 3.0].map(focal));
    losses.extend([[1.0, 1.0], [3.0, 2.0], [0.4, 1.0]].map(|parameters| loss("mse", &parameters)));
    losses
}

/// L(z, k) ≥ φ(Σ(z_j − z_k)) at random logits, with equality where off-class logits agree (at their best shift), and strictly above it elsewhere.
#[test]
fn phi_is_a_bound_and_it_is_attained() {
    for loss in all_losses() {
        for classes in [2, 3, 6, 30] {
            let contrast = Contrast::new(&loss, classes).unwrap();
            let mut rng = ufm::numeric::stream(4, "contrast", classes as u64);
            for trial in 0..300 {
                let mut z = vec![0.0; classes];
                ufm::numeric::gaussian(&mut rng, [0.1, 1.0, 6.0][trial % 3], &mut z);
                let t: f64 = z.iter().map(|x| x - z[0]).sum();
                let (value, bound) = (loss.function().value(&z, 0), contrast.value(t));
                assert!(value >= bound - 1e-13 * (1.0 + value.abs()), "{loss}, {z:?}: {value} < {bound}");
                let symmetric = |shift: f64| {
                    let mut flat = vec![shift + t / (classes - 1) as f64; classes];
                    flat[0] = shift;
                    loss.function().value(&flat, 0)
                };
                // The best shift by a falling bracket: L is convex in it.
                let (mut low, mut high) = (-200.0, 200.0);
                for _ in 0..200 {
                    let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
                    if symmetric(a) < symmetric(b) { high = b } else { low = a }
                }
                let attained = symmetric(0.5 * (low + high));
                assert!(
                    (attained - bound).abs() <= 1e-12 * (1.0 + bound.abs()),
                    "{loss}, K = {classes}, t = {t}: {attained}, φ = {bound}"
                );
            }
        }
    }
}

/// The minima of φ(t) + c|t| against a fine grid, in and outside the window.
#[test]
fn contrast_minima_are_those_of_a_grid() {
    for loss in all_losses() {
        for classes in [3, 10, 60] {
            let contrast = Contrast::new(&loss, classes).unwrap();
            let others = (classes - 1) as f64;
            let threshold = contrast.zero_threshold().unwrap();
            for factor in [0.1, 0.5, 0.9, 0.975, 0.999, 1.001, 1.01, 1.5] {
                let c = factor * threshold;
                let minima = contrast.minima(c).unwrap();
                let at = |s: f64| contrast.value(-others * s) + c * others * s.abs();
                let grid: Vec<f64> = (-40..4000).map(|i| at(0.005 * f64::from(i))).collect();
                let local = (1..grid.len() - 1).filter(|&i| grid[i] < grid[i - 1] && grid[i] < grid[i + 1]).count();
                assert_eq!(local, minima.len(), "{loss}, K = {classes}, c = {c}: {minima:?}");
                let least = grid.iter().copied().fold(f64::INFINITY, f64::min);
                let best = minima.iter().find(|minimum| minimum.global).unwrap();
                assert!(
                    best.value <= least + 1e-13 && best.value >= least - 1e-4,
                    "{loss}, K = {classes}, c = {c}: {best:?} against {least}"
                );
                assert!(minima.iter().all(|m| (at(m.scale) - m.value).abs() <= 1e-13 * (1.0 + m.value) && m.t <= 0.0));
                assert_eq!(best.scale > 0.0, factor < 1.0, "{loss}, K = {classes}, c = {c}");
            }
            let window = contrast.window();
            assert_eq!(contrast.tie_within(0.0, 1e9), window.as_ref().ok().map(|window| window.transition));
            assert_eq!(contrast.tie_within(0.0, 1e-9), None);
        }
    }
    let tie = Contrast::new(&focal(3.0), 60).unwrap();
    let minima = tie.minima(tie.window().unwrap().transition).unwrap();
    assert!(minima.len() == 2 && minima.iter().all(|minimum| minimum.global), "{minima:?}");
    assert!(tie.minima(f64::NAN).is_err() && tie.minima(0.0).is_err() && Contrast::new(&focal(1.0), 1).is_err());
}

#[test]
fn phases_of_bce_and_mse_are_those_of_the_scalar_problem() {
    for classes in [2, 3, 4, 5, 9, 40] {
        let phases = bce_phases(classes).unwrap();
        for phase in &phases {
            let high = if phase.to.is_finite() { phase.to } else { 2.0 };
            for fraction in [1e-6, 0.5, 1.0 - 1e-6] {
                let epsilon = phase.from + fraction * (high - phase.from);
                let at = balanced(classes, loss("bce", &[]), Bias::None, epsilon, 0.0);
                let minimum = at.minimum().unwrap();
                let sign = if minimum.mean_part < 0.0 { -1 } else { i8::from(minimum.mean_part > 0.0) };
                assert_eq!(
                    (minimum.rank, sign, minimum.geometry),
                    (phase.rank, phase.mean_sign, phase.geometry),
                    "K = {classes}, ε = {epsilon}"
                );
                assert_eq!(bce_phase(&at).unwrap(), *phase);
                let dual = self_dual(&at);
                assert!(if minimum.rank == 0 { dual.is_err() } else { dual == Ok(phase.mean_sign == 0) });
                if minimum.rank > 0 {
                    let problem = problem(&at);
                    let point = etf_point(&problem).unwrap();
                    let means = dual_class_means(&at, &point.w().into_owned()).unwrap();
                    assert!((means - point.h().transpose()).norm() <= 1e-12, "K = {classes}, ε = {epsilon}");
                }
            }
        }
    }
    for (kappa, target) in [(1.0, 1.0), (3.0, 2.0), (0.5, 1.0)] {
        let at = |decay_b| balanced(4, loss("mse", &[kappa, target]), Bias::Decayed, 0.03, decay_b);
        let edge = mse_mean_transition(&at(1.0)).unwrap();
        for (factor, active) in [(1.0 - 1e-9, false), (1.0 + 1e-9, true)] {
            assert_eq!(at(factor * edge).minimum().unwrap().mean_part > 0.0, active, "κ = {kappa}");
        }
    }
}

#[test]
fn kin_models() {
    // L = 1 is the model itself.
    for (classes, per_class, decay) in [(3, 1, 0.01), (5, 4, 0.002), (4, 1, 0.4)] {
        let deep = DeepLinear { classes, per_class, factors: 1, decay };
        let plain = Balanced { per_class, ..balanced(classes, loss("cross-entropy", &[]), Bias::None, decay, 0.0) };
        let (found, expected) = (deep.collapse().unwrap(), plain.minimum().unwrap());
        close("L = 1", found.value, expected.value, 1e-14 * expected.value);
        close("s", found.margin, expected.scale, 1e-12 * (1.0 + expected.scale));
    }
    // Low rank wins as λ → 0 from the K said on, and not below.
    for (factors, first) in [(2, 6), (3, 4), (4, 4), (50, 4)] {
        assert_eq!(DeepLinear::low_rank_wins_from(factors), Ok(first));
        for classes in (4..14).step_by(2) {
            let deep = DeepLinear { classes, per_class: 1, factors, decay: 1e-60 };
            let (collapse, low_rank) = (deep.collapse().unwrap().value, deep.low_rank().unwrap().value);
            assert_eq!(low_rank < collapse, classes >= first, "L = {factors}, K = {classes}: {low_rank:e} against {collapse:e}");
        }
    }
    assert!(DeepLinear::low_rank_wins_from(1).is_err());
    let odd = DeepLinear { classes: 5, per_class: 1, factors: 2, decay: 0.1 }.low_rank().unwrap_err();
    assert!(odd.nearest.contains('4') && odd.nearest.contains('6'), "{odd}");
    // Codes: the margin of the code that is claimed to be best.
    let margin = |code: &[Vec<f64>]| {
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let pairs = (0..code.len()).flat_map(|i| (0..code.len()).filter(move |&j| j != i).map(move |j| (i, j)));
        pairs.map(|(i, j)| 1.0 - dot(&code[i], &code[j])).fold(f64::INFINITY, f64::min)
    };
    let polygon: Vec<Vec<f64>> =
        (0..7).map(|i| std::f64::consts::TAU * f64::from(i) / 7.0).map(|a| vec![a.cos(), a.sin()]).collect();
    close("heptagon", softmax_code_margin(7, 2).unwrap(), margin(&polygon), 1e-14);
    let cross: Vec<Vec<f64>> =
        (0..6).map(|i| (0..3).map(|j| if i / 2 == j { 1.0 - 2.0 * f64::from(i % 2) } else { 0.0 }).collect()).collect();
    close("octahedron", softmax_code_margin(6, 3).unwrap(), margin(&cross), 1e-15);
    let point = etf_point(&problem(&balanced(5, loss("cross-entropy", &[]), Bias::None, 0.01, 0.0))).unwrap();
    let simplex: Vec<Vec<f64>> = point.w().row_iter().map(|row| (row / row.norm()).iter().copied().collect()).collect();
    close("simplex", softmax_code_margin(5, 4).unwrap(), margin(&simplex), 1e-14);
    let logits: Vec<f64> = simplex.iter().map(|w| 3.0 * w.iter().zip(&simplex[0]).map(|(x, y)| x * y).sum::<f64>()).collect();
    close("sphere", sphere_minimum(5, 4, 3.0).unwrap(), loss("cross-entropy", &[]).function().value(&logits, 0), 1e-14);
    let unknown = softmax_code_margin(9, 3).unwrap_err();
    assert!(unknown.nearest.contains('6') && unknown.nearest.contains('5'), "{unknown}");
}

/// SELI: WWᵀ squared is ∝ PDP, both Gram matrices have the singular values' powers, and equal classes give the simplex.
#[test]
fn seli_is_the_root_of_the_centred_label_gram() {
    let at = |sizes: &[usize], bias| Problem {
        shape: Shape::new(sizes.len(), sizes).unwrap(),
        bias,
        decay: Decay { w: 1e-3, h: 1e-3, b: 0.0 },
        loss: loss("cross-entropy", &[]),
        scale: 1.0,
    };
    let sizes = [8, 4, 4, 1];
    let found = seli(&at(&sizes, Bias::None)).unwrap();
    let centre = nalgebra::DMatrix::from_fn(4, 4, |i, j| f64::from(u8::from(i == j)) - 0.25);
    let weighted = &centre * nalgebra::DMatrix::from_fn(4, 4, |i, j| if i == j { sizes[i] as f64 } else { 0.0 }) * &centre;
    let parallel = |x: &nalgebra::DMatrix<f64>, y: &nalgebra::DMatrix<f64>| (x / x.norm() - y / y.norm()).norm();
    assert!(parallel(&(&found.classifier * &found.classifier), &weighted) <= 1e-14);
    assert!(parallel(&(&found.classifier * &found.means), &centre) <= 1e-14 && parallel(&found.logits, &centre) <= 1e-15);
    let equal = seli(&at(&[3, 3, 3], Bias::Free)).unwrap();
    assert!((&equal.classifier - &equal.means).norm() <= 1e-14 && parallel(&equal.classifier, &equal.logits) <= 1e-14);
    assert!(seli(&at(&sizes, Bias::Free)).unwrap_err().nearest.contains("none"));
}

/// Every formula refuses what is outside its hypotheses, with a reason and what to take instead.
#[test]
fn outside_their_hypotheses_formulas_give_reasons() {
    let ce = || loss("cross-entropy", &[]);
    let at = |loss, bias, epsilon| balanced(6, loss, bias, epsilon, 0.1);
    let narrow = Balanced { width: 2, ..at(ce(), Bias::None, 0.01) };
    let refusals = [
        equal_clusters(&at(ce(), Bias::None, 0.01), 4).unwrap_err(),
        equal_clusters(&at(ce(), Bias::None, 0.2), 3).unwrap_err(),
        equal_clusters(&at(focal(2.0), Bias::None, 0.01), 3).unwrap_err(),
        equal_clusters(&Balanced { width: 1, ..narrow.clone() }, 3).unwrap_err(),
        mse_rank(&at(ce(), Bias::None, 0.01), 2).unwrap_err(),
        mse_rank(&at(loss("mse", &[2.0, 1.0]), Bias::None, 0.01), 2).unwrap_err(),
        mse_rank(&at(loss("mse", &[1.0, 1.0]), Bias::None, 0.3), 2).unwrap_err(),
        mse_rank(&at(loss("mse", &[1.0, 1.0]), Bias::Decayed, 0.01), 2).unwrap_err(),
        mse_rank(&at(loss("mse", &[1.0, 1.0]), Bias::Free, 0.01), 6).unwrap_err(),
        mse_mean_transition(&at(ce(), Bias::None, 0.01)).unwrap_err(),
        mse_mean_transition(&at(loss("mse", &[1.0, 1.0]), Bias::Decayed, 0.3)).unwrap_err(),
        bce_phase(&at(loss("bce", &[]), Bias::Free, 0.01)).unwrap_err(),
        bce_phase(&at(ce(), Bias::None, 0.01)).unwrap_err(),
        bce_phases(1).unwrap_err(),
        minority_collapse_size(&problem(&at(focal(2.0), Bias::None, 0.01))).unwrap_err(),
        minority_collapse_size(&problem(&at(loss("mse", &[2.0, 1.0]), Bias::None, 0.01))).unwrap_err(),
        minority_collapse_size(&problem(&narrow)).unwrap_err(),
        mse_imbalanced(&problem(&at(loss("mse", &[1.0, 1.0]), Bias::Free, 0.01))).unwrap_err(),
        partial_collapse(&at(ce(), Bias::None, 0.01), 1).unwrap_err(),
        partial_collapse(&at(ce(), Bias::None, 0.01), 7).unwrap_err(),
        partial_collapse(&at(loss("bce", &[]), Bias::None, 0.01), 3).unwrap_err(),
        partial_collapse(&narrow, 5).unwrap_err(),
        partial_collapse(&at(ce(), Bias::None, 0.5), 3).unwrap_err(),
        partial_collapse(&at(ce(), Bias::None, f64::NAN), 3).unwrap_err(),
        sphere_minimum(6, 2, 1.0).unwrap_err(),
        sphere_minimum(6, 6, f64::NAN).unwrap_err(),
        RayFlow::new(&at(loss("mse", &[1.0, 1.0]), Bias::None, 0.01)).unwrap_err(),
        RayFlow::new(&narrow).unwrap_err(),
        self_dual(&at(ce(), Bias::None, 0.5)).unwrap_err(),
    ];
    for refused in refusals {
        assert!(refused.reason.len() > 4 && refused.nearest.len() > 5, "{refused}");
    }
    // The table holds the same, one line each, and no NaN.
    for loss in all_losses() {
        for entry in closed_forms(&at(loss, Bias::Decayed, 0.01)) {
            match entry.value {
                Ok(Quantity::Number(x)) => assert!(x.is_finite(), "{}", entry.name),
                Ok(Quantity::Words(words)) => assert!(!words.is_empty()),
                Err(refused) => assert!(!refused.reason.is_empty() && !refused.nearest.is_empty()),
            }
        }
    }
}
