//! Closed forms against the optimiser: random settings (proptest), saddles built from smaller solutions, imbalance, and the exact laws of the gradient flow.

use nalgebra::DMatrix;
use proptest::prelude::*;
use ufm::critical::{Candidate, gate};
use ufm::losses::{self, Loss};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::numeric::{gaussian, stream};
use ufm::objective::{Objective, Problem, residual_spectrum};
use ufm::solvers::{SolverSpec, Stop, gradient_flow, minimise};
use ufm::starts::{self, StartSpec};
use ufm::theory::*;

fn loss(name: &str, parameters: &[f64]) -> Loss {
    (losses::ALL.iter().find(|family| family.name == name).unwrap().build)(parameters)
}

fn random_point(problem: &Problem, scale: f64, seed: u64) -> Point {
    let mut data = vec![0.0; problem.dimension()];
    gaussian(&mut stream(seed, "closed forms", 0), scale, &mut data);
    Point::from_vec(&problem.shape, problem.bias, data)
}

/// The polished minimum reached from a gaussian start: its value and point.
fn optimum(problem: &Problem, seed: u64) -> (f64, Point) {
    let stop = Stop { gradient_norm: 1e-9, steps_max: 5000, polish: true };
    let solver = SolverSpec::TrustRegion { radius: 1.0 };
    let outcome = minimise(problem, random_point(problem, 0.5, seed), &solver, &stop, &mut |_, _| {});
    let found = gate(problem, Candidate { point: outcome.state.x, polish: true })
        .unwrap_or_else(|refused| panic!("{problem:?}: {}", refused.reason));
    let point = found.point();
    (Objective::new(problem).value(&point), point)
}

fn settings() -> impl Strategy<Value = (Balanced, u64)> {
    let losses = prop_oneof![
        Just(loss("cross-entropy", &[])),
        (0.0..0.6).prop_map(|alpha| loss("label-smoothing", &[alpha])),
        (0.0..4.0).prop_map(|gamma| loss("focal", &[gamma])),
        (0.3..3.0, 0.5..4.0).prop_map(|(kappa, target)| loss("mse", &[kappa, target])),
        Just(loss("bce", &[])),
        Just(loss("squentropy", &[])),
        (-0.9..1.0).prop_map(|epsilon1| loss("poly-loss", &[epsilon1])),
        Just(loss("vector-scaling", &[0.5, 1.0])),
    ];
    let biases = prop_oneof![Just(Bias::None), Just(Bias::Free), Just(Bias::Decayed)];
    let sizes = (2_usize..6, 0_usize..3, 1_u64..4);
    (losses, biases, sizes, (0.05..0.9), (-1.5..1.5), (-2.0..0.5), (0.3..3.0), any::<u64>()).prop_map(
        |(loss, bias, (classes, more, per_class), fraction, log_ratio, log_b, scale, seed): (
            Loss,
            Bias,
            _,
            f64,
            f64,
            f64,
            f64,
            u64,
        )| {
            let b = if bias == Bias::Decayed { 10f64.powf(log_b) } else { 0.0 };
            let unit = Decay { w: 1.0, h: 1.0, b };
            let mut balanced = Balanced { classes, width: classes + more, per_class, bias, decay: unit, loss, scale };
            let epsilon = fraction * balanced.zero_threshold().unwrap();
            let (mu, ratio) = (epsilon / (per_class as f64).sqrt(), f64::exp(log_ratio));
            balanced.decay = Decay { w: mu * ratio, h: mu / ratio, b };
            (balanced, seed)
        },
    )
}

fn problem(balanced: &Balanced) -> Problem {
    let Balanced { classes, width, per_class, bias, decay, loss, scale } = balanced.clone();
    Problem { shape: Shape::balanced(classes, width, per_class as usize).unwrap(), bias, decay, loss, scale }
}

fn minimum_is_the_optimisers(balanced: &Balanced, seed: u64) {
    let expected = balanced.minimum().unwrap();
    let (value, point) = optimum(&problem(balanced), seed);
    assert!(
        (value - expected.value).abs() <= 1e-12 * expected.value.abs(),
        "{balanced:?}, seed {seed}: {value}, expected {expected:?}"
    );
    assert!((point.w().row(0).norm() - expected.norm_w).abs() <= 1e-5 * (1.0 + expected.norm_w), "{balanced:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_balanced_minimum_is_what_optimisation_reaches((balanced, seed) in settings()) {
        minimum_is_the_optimisers(&balanced, seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    #[ignore = "minutes"]
    fn the_balanced_minimum_is_what_optimisation_reaches_at_length((balanced, seed) in settings()) {
        minimum_is_the_optimisers(&balanced, seed);
    }
}

/// The value of the critical point that Newton steps lead to from a known one moved by a part in 10⁴.
fn polished(problem: &Problem, known: &Point, seed: u64) -> f64 {
    let noise = random_point(problem, 1e-4, seed);
    let mut point = known.clone();
    point.as_mut_slice().iter_mut().zip(noise.as_slice()).for_each(|(x, e)| *x *= 1.0 + e);
    let found =
        gate(problem, Candidate { point, polish: true }).unwrap_or_else(|refused| panic!("{problem:?}: {}", refused.reason));
    Objective::new(problem).value(&found.point())
}

/// Softmax losses with what else a balanced problem needs, ε and ratio given: n = 2 and a decayed bias.
fn softmax_problem(loss: Loss, classes: usize, width: usize, epsilon: f64, ratio: f64) -> Balanced {
    let mu = epsilon / 2.0_f64.sqrt();
    let decay = Decay { w: mu * ratio, h: mu / ratio, b: 0.03 };
    Balanced { classes, width, per_class: 2, bias: Bias::Decayed, decay, loss, scale: 1.0 }
}

fn softmax_losses() -> impl Strategy<Value = Loss> {
    prop_oneof![
        Just(loss("cross-entropy", &[])),
        (0.0..0.3).prop_map(|alpha| loss("label-smoothing", &[alpha])),
        (0.5..3.0).prop_map(|gamma| loss("focal", &[gamma])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_global_rejects: 10_000, ..ProptestConfig::default() })]

    /// Relative: f away from 0.
    #[test]
    fn partially_collapsed_states_are_critical_with_their_value(
        loss in softmax_losses(), classes in 3_usize..8, alive in 2_usize..8, epsilon in 1e-3..0.2, ratio in 0.3..3.0, seed in any::<u64>(),
    ) {
        prop_assume!(alive <= classes);
        let balanced = softmax_problem(loss, classes, classes, epsilon, ratio);
        let state = partial_collapse(&balanced, alive);
        prop_assume!(state.is_ok());
        let (expected, problem) = (state.unwrap().value, problem(&balanced));
        let start = StartSpec::Partial { alive: vec![alive] };
        let known = starts::expand(&[start], &problem)[0].point(&problem).unwrap().unwrap();
        let value = polished(&problem, &known, seed);
        prop_assert!((value - expected).abs() <= 1e-12 * expected, "{balanced:?}, m = {alive}: {value}, expected {expected}");
    }

    #[test]
    fn clusters_are_critical_with_their_value(
        alpha in 0.0..0.3, (clusters, copies) in (2_usize..4, 2_usize..4), fraction in 0.02..0.9, ratio in 0.3..3.0, seed in any::<u64>(),
    ) {
        let classes = clusters * copies;
        let balanced = softmax_problem(loss("label-smoothing", &[alpha]), classes, classes, fraction * (1.0 - alpha) / classes as f64, ratio);
        let expected = equal_clusters(&balanced, clusters).unwrap().value;
        let whole = problem(&balanced);
        let value = polished(&whole, &clustered(&balanced, clusters), seed);
        prop_assert!((value - expected).abs() <= 1e-12 * expected, "{balanced:?}, {clusters} clusters: {value}, expected {expected}");
    }

    #[test]
    fn unequal_classes_have_the_minima_of_mse_and_of_cross_entropy(
        sizes in proptest::collection::vec(1_usize..12, 2..5), log_mu in -6.0..-2.0, target in 0.5..3.0, seed in any::<u64>(),
    ) {
        let mu = f64::exp(log_mu);
        let shape = Shape::new(sizes.len() + 1, &sizes).unwrap();
        let unequal = |loss| Problem { shape: shape.clone(), bias: Bias::None, decay: Decay { w: 2.0 * mu, h: 0.5 * mu, b: 0.0 }, loss, scale: 1.0 };
        let mse = unequal(loss("mse", &[1.0, target]));
        let mut known = vec![(mse_imbalanced(&mse).unwrap().value, mse)];
        let entropy = unequal(loss("cross-entropy", &[]));
        // Where the decays are too large for the expansion there is no closed form.
        known.extend(seli_minimum(&entropy).ok().map(|found| (found.value, entropy)));
        for (expected, problem) in known {
            let (value, _) = optimum(&problem, seed);
            prop_assert!((value - expected).abs() <= 1e-12 * expected, "{problem:?}: {value}, expected {expected}");
        }
    }

    #[test]
    fn ranks_of_mse_are_critical_with_their_value(
        classes in 3_usize..6, rank in 0_usize..5, fraction in 0.02..0.9, target in 0.5..3.0, ratio in 0.3..3.0, bias in prop_oneof![Just(Bias::None), Just(Bias::Free)],
    ) {
        let epsilon = fraction * target / classes as f64;
        let mut balanced = softmax_problem(loss("mse", &[1.0, target]), classes, classes, epsilon, ratio);
        (balanced.bias, balanced.decay.b) = (bias, 0.0);
        prop_assume!(rank < classes);
        let expected = mse_rank(&balanced, rank).unwrap();
        let whole = problem(&balanced);
        let mut point = etf_point(&whole).unwrap();
        for column in rank..classes {
            point.w_mut().column_mut(column).fill(0.0);
            point.h_mut().row_mut(column).fill(0.0);
        }
        assert_low_rank(&whole, &point, &expected);
    }

    #[test]
    fn polygons_are_critical_with_their_value(
        classes in 3_usize..9, corners in 3_usize..9, epsilon in 1e-3..0.1, ratio in 0.3..3.0, seed in any::<u64>(),
    ) {
        let balanced = softmax_problem(loss("cross-entropy", &[]), classes, 2, epsilon, ratio);
        let found = polygon(&balanced, corners);
        prop_assume!(corners <= classes && found.is_ok());
        let (found, problem) = (found.unwrap(), problem(&balanced));
        let value = polished(&problem, &found.point(&balanced, &problem.shape), seed);
        prop_assert!((value - found.value).abs() <= 1e-12 * found.value, "{balanced:?}: {value}, expected {found:?}");
    }
}

/// Value, gradient and residual of a point against a low-rank closed form.
fn assert_low_rank(problem: &Problem, point: &Point, expected: &LowRankPoint) {
    let mut objective = Objective::new(problem);
    let mut gradient = vec![0.0; problem.dimension()];
    let value = objective.value_gradient(point, &mut gradient);
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!((value - expected.value).abs() <= 1e-13 * value, "{}: {value}, expected {expected:?}", problem.loss);
    assert!(norm <= 1e-13, "‖∇f‖ = {norm:e}: {expected:?}");
    let sigma = residual_spectrum(&mut objective, point).singular_values;
    let found = sigma.iter().filter(|&&sigma| (sigma - expected.residual_norm).abs() <= 1e-12).count();
    if expected.multiplicity > 0 {
        assert!((sigma[0] - expected.residual_norm).abs() <= 1e-13 && found == expected.multiplicity, "{sigma:?}: {expected:?}");
    }
}

/// The minimum of a problem with as many classes as clusters, its classes repeated: n = 2.
fn clustered(balanced: &Balanced, clusters: usize) -> Point {
    let Balanced { classes, decay, .. } = *balanced;
    let times = (classes / clusters) as f64;
    let decay = Decay { w: decay.w * times, h: decay.h * times, b: decay.b };
    let small = etf_point(&problem(&Balanced { classes: clusters, decay, ..balanced.clone() })).unwrap();
    let w = DMatrix::from_fn(classes, classes, |k, a| small.w()[(k % clusters, a)]);
    let h = DMatrix::from_fn(classes, 2 * classes, |a, i| small.h()[(a, 2 * (i / 2 % clusters))]);
    Point::from_blocks(&w, &h, &vec![0.0; classes])
}

#[test]
fn equal_clusters_are_smaller_minima_repeated() {
    let decay = Decay { w: 4e-3, h: 9e-3, b: 0.02 };
    for loss in [loss("cross-entropy", &[]), loss("label-smoothing", &[0.2])] {
        for (classes, clusters) in [(4, 2), (6, 2), (6, 3), (8, 4), (5, 1)] {
            let balanced =
                Balanced { classes, width: classes, per_class: 2, bias: Bias::Decayed, decay, loss: loss.clone(), scale: 0.9 };
            let expected = equal_clusters(&balanced, clusters).unwrap();
            let whole = problem(&balanced);
            let point = if clusters == 1 { Point::zeros(&whole.shape, whole.bias) } else { clustered(&balanced, clusters) };
            assert_low_rank(&whole, &point, &expected);
        }
    }
}

#[test]
fn ranks_of_mse_are_truncated_minima() {
    for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.01)] {
        let decay = Decay { w: 0.02, h: 0.03, b };
        let balanced = Balanced { classes: 5, width: 6, per_class: 3, bias, decay, loss: loss("mse", &[1.0, 2.0]), scale: 0.7 };
        let whole = problem(&balanced);
        let full = etf_point(&whole).unwrap();
        for rank in 0..=if bias == Bias::None { 5 } else { 4 } {
            let mut point = full.clone();
            for column in rank..6 {
                point.w_mut().column_mut(column).fill(0.0);
                point.h_mut().row_mut(column).fill(0.0);
            }
            assert_low_rank(&whole, &point, &mse_rank(&balanced, rank).unwrap());
        }
    }
}

#[test]
fn imbalanced_mse_without_a_bias_is_soft_thresholding() {
    for (sizes, mu, scale) in [(vec![9, 4, 1], 0.03, 1.0), (vec![9, 4, 1], 0.11, 1.0), (vec![5, 5, 2, 2], 0.05, 0.6)] {
        let decay = Decay { w: 2.0 * mu, h: 0.5 * mu, b: 0.0 };
        let shape = Shape::new(5, &sizes).unwrap();
        let problem = Problem { shape, bias: Bias::None, decay, loss: loss("mse", &[1.0, 1.5]), scale };
        let expected = mse_imbalanced(&problem).unwrap();
        let (value, point) = optimum(&problem, 1);
        assert!((value - expected.value).abs() <= 1e-12 * value, "{sizes:?}: {value}, {expected:?}");
        for (k, &norm) in expected.norms_w.iter().enumerate() {
            assert!((point.w().row(k).norm() - norm).abs() <= 1e-8, "{sizes:?}: {expected:?}");
        }
    }
}

/// Equal minorities merge below the threshold and stay apart above it, each class alone never merging.
#[test]
fn minorities_merge_exactly_at_the_threshold() {
    for loss in [loss("cross-entropy", &[]), loss("label-smoothing", &[0.1]), loss("mse", &[1.0, 1.0]), loss("bce", &[])] {
        for bias in [Bias::None, Bias::Free] {
            for factor in [0.9, 1.1] {
                let shape = Shape::new(4, &[10, 9, 2, 2]).unwrap();
                let unit = Problem { shape, bias, decay: Decay { w: 1.0, h: 1.0, b: 0.0 }, loss: loss.clone(), scale: 1.0 };
                // n_B = (Nμ/c_L)²: the μ at which it is 2.
                let mu = factor * (2.0 / minority_collapse_size(&unit).unwrap()).sqrt();
                let problem = Problem { decay: Decay { w: mu, h: mu, b: 0.0 }, ..unit };
                let merged = merging_classes(&problem).unwrap();
                assert_eq!(merged, if factor > 1.0 { vec![vec![2, 3]] } else { vec![] });
                let (_, point) = optimum(&problem, 2);
                let apart = (point.w().row(2) - point.w().row(3)).norm();
                assert_eq!(apart > 1e-3, merged.is_empty(), "{loss}, {bias:?}: distance {apart:e} at {factor} of the threshold");
            }
        }
    }
}

/// λ_W = λ_H or not, K = 3, n = 2.
fn flowing(loss: Loss, bias: Bias, w: f64, h: f64) -> Problem {
    let decay = Decay { w, h, b: if bias == Bias::Decayed { 0.05 } else { 0.0 } };
    Problem { shape: Shape::balanced(3, 4, 2).unwrap(), bias, decay, loss, scale: 1.3 }
}

fn all_losses() -> Vec<Loss> {
    vec![
        loss("cross-entropy", &[]),
        loss("label-smoothing", &[0.1]),
        loss("focal", &[2.0]),
        loss("mse", &[2.0, 1.0]),
        loss("bce", &[]),
    ]
}

#[test]
fn the_flow_obeys_its_exact_laws() {
    for loss in all_losses() {
        for bias in [Bias::None, Bias::Free, Bias::Decayed] {
            for (w, h) in [(0.05, 0.05), (0.08, 0.03)] {
                let problem = flowing(loss.clone(), bias, w, h);
                let start = random_point(&problem, 1.0, 5);
                let times = [0.0, 0.5, 3.0, 20.0];
                let states = gradient_flow(&problem, start.clone(), 1e-11, &times).unwrap();
                let mean = |point: &Point| point.w().row_sum();
                let excess = |point: &Point| point.w().transpose() * point.w() - point.h() * point.h().transpose();
                for (state, time) in states.iter().zip(times) {
                    assert!((state.time.unwrap() - time).abs() <= 0.0);
                    let what = format!("{loss}, {bias:?}, λ = {w}, {h}, t = {time}");
                    // Where a law's hypothesis fails the law does: both are checked, so that the test has teeth.
                    let factor = (-w * time).exp();
                    let error = (mean(&state.x) - factor * mean(&start)).norm();
                    match mean_classifier_factor(&problem, time) {
                        Ok(found) => assert!((found - factor).abs() <= 0.0 && error <= 1e-9, "1ᵀW: {error:e}, {what}"),
                        Err(_) => assert!(time < 0.1 || error > 1e-6, "1ᵀW obeys a law without its hypothesis: {what}"),
                    }
                    let factor = (-2.0 * w * time).exp();
                    let error = (excess(&state.x) - factor * excess(&start)).norm();
                    match imbalance_factor(&problem, time) {
                        Ok(found) => assert!((found - factor).abs() <= 0.0 && error <= 1e-9, "WᵀW − HHᵀ: {error:e}, {what}"),
                        Err(_) => assert!(time < 0.1 || error > 1e-6, "WᵀW − HHᵀ obeys a law without its hypothesis: {what}"),
                    }
                }
                assert!(states.windows(2).all(|pair| pair[1].value < pair[0].value), "{loss}: the value rises");
            }
        }
    }
}

#[test]
fn the_ray_is_invariant_and_obeys_its_plane_system() {
    for loss in all_losses() {
        let problem = flowing(loss.clone(), Bias::Free, 0.02, 0.03);
        let Ok(ray) = RayFlow::new(&Balanced::try_from(&problem).unwrap()) else {
            assert!(["mse", "bce"].contains(&loss.name()));
            continue;
        };
        // W = ωB, h = νBᵀe_k, from the closed-form point: B is its W without its scale.
        let etf = etf_point(&problem).unwrap();
        let basis = etf.w().into_owned() / etf.w().norm() * 2.0_f64.sqrt();
        let at = |omega: f64, nu: f64| {
            let h = DMatrix::from_fn(4, 6, |a, i| nu * basis[(i / 2, a)]);
            Point::from_blocks(&(&basis * omega), &h, &[0.0; 3])
        };
        for (omega, nu) in [(0.3, 0.9), (2.0, 0.1)] {
            let times = [1.0, 10.0, 60.0];
            let states = gradient_flow(&problem, at(omega, nu), 1e-12, &times).unwrap();
            for (state, time) in states.iter().zip(times) {
                let (omega, nu) = ray.integrate((omega, nu), time, 20_000);
                let expected = at(omega, nu);
                let error = state.x.as_slice().iter().zip(expected.as_slice()).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
                assert!(error <= 1e-9, "{loss}, t = {time}: off the ray's law by {error:e}");
            }
        }
    }
}

/// The error falls with the tolerance, and the solver stops for the reason it should.
#[test]
fn the_tolerance_controls_the_error() {
    let problem = flowing(loss("cross-entropy", &[]), Bias::Decayed, 0.05, 0.02);
    let start = random_point(&problem, 1.0, 9);
    let end = |tolerance: f64| gradient_flow(&problem, start.clone(), tolerance, &[30.0]).unwrap().remove(0).x.into_vec();
    let reference = end(1e-13);
    let error = |tolerance: f64| end(tolerance).iter().zip(&reference).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    for (tolerance, allowed) in [(1e-4, 1e-3), (1e-7, 1e-6), (1e-10, 1e-9)] {
        let error = error(tolerance);
        assert!(error <= allowed && error > 0.0, "tolerance {tolerance:e}: error {error:e}");
    }
    let run = |time, gradient_norm, steps_max| {
        let solver = SolverSpec::GradientFlow { tolerance: 1e-8, time };
        let stop = Stop { gradient_norm, steps_max, polish: false };
        let mut last = None;
        let outcome = minimise(&problem, start.clone(), &solver, &stop, &mut |_, state| last = state.time.or(last));
        (outcome.reason.name(), last)
    };
    assert_eq!(run(Some(7.5), 0.0, 10_000), ("time", Some(7.5)));
    assert_eq!(run(None, 1e-6, 100_000).0, "gradient");
    assert_eq!(run(Some(1e6), 0.0, 3).0, "steps");
    let mut broken = start.clone();
    broken.as_mut_slice()[0] = f64::NAN;
    assert!(gradient_flow(&problem, broken, 1e-8, &[1.0]).is_err());
}
