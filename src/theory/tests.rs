//! Known answers, phases on both sides of their edges, and the closed-form point against the objective evaluated from its definition.

use super::*;
use crate::losses::{Bce, CrossEntropy, Focal, LabelSmoothing, LogitHessian, Loss, Mse};
use crate::model::{Decay, Point, Shape};
use crate::numeric::{gaussian, stream};

const BIASES: [Bias; 3] = [Bias::None, Bias::Free, Bias::Decayed];

fn problem(classes: usize, loss: Loss, bias: Bias, decay: Decay, per_class: usize) -> Problem {
    let decay = Decay { b: if bias == Bias::Decayed { decay.b } else { 0.0 }, ..decay };
    Problem { shape: Shape::balanced(classes, classes + 2, per_class).unwrap(), bias, decay, loss, scale: 1.0 }
}

/// A problem with a given ε: n = 1, λ_W = λ_H = ε.
fn at_epsilon(classes: usize, loss: Loss, bias: Bias, epsilon: f64) -> Problem {
    problem(classes, loss, bias, Decay { w: epsilon, h: epsilon, b: 0.01 }, 1)
}

fn mse(kappa: f64, target: f64) -> Loss {
    Loss::Mse(Mse { kappa, target })
}

fn focal(gamma: f64) -> Loss {
    Loss::Focal(Focal { gamma })
}

fn losses() -> Vec<Loss> {
    let smoothing = |alpha| Loss::LabelSmoothing(LabelSmoothing { alpha });
    let mut losses = vec![Loss::CrossEntropy(CrossEntropy), Loss::Bce(Bce), smoothing(0.0), smoothing(0.1), smoothing(0.5)];
    losses.extend([0.0, 0.5, 1.0, 2.0, 3.0, 5.0].map(focal));
    losses.extend([(0.5, 1.0), (1.0, 1.0), (1.0, 15.0), (3.0, 1.0), (3.0, 15.0)].map(|(kappa, target)| mse(kappa, target)));
    losses
}

fn assert_close(what: &str, found: f64, expected: f64, allowed: f64) {
    assert!((found - expected).abs() <= allowed * expected.abs(), "{what}: {found}, expected {expected}");
}

#[test]
fn known_answers() {
    let decay = Decay { w: 5e-3, h: 2e-3, b: 1e-2 };
    let known = |loss, bias| balanced_minimum(&problem(4, loss, bias, decay, 5)).unwrap();
    let cross_entropy = Loss::CrossEntropy(CrossEntropy);
    let smoothing = Loss::LabelSmoothing(LabelSmoothing { alpha: 0.1 });
    for bias in BIASES {
        for (loss, value, s, norm) in [
            (&cross_entropy, 0.126_028_943_439_393_7, 4.930_302_339_352_349, 2.286_782_745_733_4),
            (&smoothing, 0.422_382_961_405_841_6, 3.338_639_178_632_157, 1.881_797_439_874_7),
            (&focal(2.0), 0.061_627_441_884_618_95, 2.505_905_767_123_689, 1.630_311_148_652_8),
        ] {
            let found = known(loss.clone(), bias);
            assert_close("f*", found.value, value, 1e-14);
            assert_close("s", found.scale, s, 1e-14);
            assert_close("‖w‖", found.norm_w, norm, 1e-13);
            assert_eq!((found.geometry, found.rank, found.zero_phase, found.global), ("simplex-etf", 3, false, true));
            assert!(found.mean_part.abs() + found.bias.abs() <= 0.0);
        }
    }
    let decayed = known(mse(1.0, 1.0), Bias::Decayed);
    assert_close("f*", decayed.value, 0.022_150_827_197_972_66, 1e-14);
    assert_close("s", decayed.scale, 0.971_715_728_752_538_1, 1e-14);
    assert_close("β", decayed.bias, 0.247_524_752_475_25, 1e-13);
    assert_close("‖w‖", decayed.norm_w, 1.015_214_347_701_91, 1e-14);
    assert_eq!((decayed.geometry, decayed.rank), ("simplex-etf", 3));
    let frame = known(mse(1.0, 1.0), Bias::None);
    assert_close("f*", frame.value, 0.027_884_271_247_461_9, 1e-14);
    assert_close("s", frame.scale, 0.971_715_728_752_538_1, 1e-14);
    assert_close("t", frame.mean_part, 0.971_715_728_752_538_1, 1e-14);
    assert_eq!((frame.geometry, frame.rank), ("orthogonal-frame", 4));
    let logistic = known(Loss::Bce(Bce), Bias::Free);
    assert_close("f*", logistic.value, 0.228_904_231_581_190_7, 1e-14);
    assert_close("s", logistic.scale, 8.776_337_640_660_751, 1e-14);
    assert_close("β", logistic.bias, -2.750_563_179_81, 1e-11);
    assert_close("‖w‖", logistic.norm_w, 3.051_018_156_212_9, 1e-13);
}

/// f and ‖∇f‖/(μ + λ_W‖W‖ + λ_H‖H‖) from the definition, over dense matrices.
fn evaluate(problem: &Problem, point: &Point) -> (f64, f64) {
    let (w, h) = (point.w().into_owned(), point.h().into_owned());
    let samples = problem.shape.samples() as f64;
    let mut logits = &w * &h;
    if point.has_bias() {
        logits.column_iter_mut().for_each(|mut z| z.iter_mut().zip(point.b()).for_each(|(z, b)| *z += b));
    }
    let mut g = logits.clone();
    let mut value = 0.0;
    for ((z, mut g), &label) in logits.column_iter().zip(g.column_iter_mut()).zip(problem.shape.labels()) {
        value += problem.loss.function().value_gradient(z.as_slice(), label, g.as_mut_slice()) * problem.scale / samples;
    }
    g *= problem.scale / samples;
    let Decay { w: decay_w, h: decay_h, b: decay_b } = problem.decay;
    value += 0.5 * (decay_w * w.norm_squared() + decay_h * h.norm_squared());
    let mut gradient = (&g * h.transpose() + &w * decay_w).norm_squared() + (w.transpose() * &g + &h * decay_h).norm_squared();
    for (k, b) in point.b().iter().enumerate() {
        value += 0.5 * decay_b * b * b;
        gradient += (g.row(k).sum() + decay_b * b).powi(2);
    }
    (value, gradient.sqrt() / (problem.decay.mu() + decay_w * w.norm() + decay_h * h.norm()))
}

#[test]
fn the_point_is_critical_and_has_the_value() {
    for loss in losses() {
        for bias in BIASES {
            for (classes, epsilon) in [(2, 0.02), (3, 0.1), (3, 0.2), (4, 0.05), (5, 0.25), (7, 0.3), (10, 0.01), (4, 2.0)] {
                for (scale, ratio, n) in [(1.0, 1.0, 1), (0.3, 4.0, 3)] {
                    let mu = epsilon / f64::sqrt(n as f64);
                    let decay = Decay { w: mu * f64::sqrt(ratio), h: mu / f64::sqrt(ratio), b: 0.07 };
                    let mut problem = problem(classes, loss.clone(), bias, decay, n);
                    problem.scale = scale;
                    let minimum = balanced_minimum(&problem).unwrap();
                    let point = etf_point(&problem).unwrap();
                    let (value, gradient) = evaluate(&problem, &point);
                    let at = format!("{loss}, {bias:?}, K = {classes}, ε = {epsilon}, c = {scale}: {minimum:?}");
                    assert!((value - minimum.value).abs() <= 1e-14 * (1.0 + minimum.value.abs()), "{value} at {at}");
                    assert!(gradient <= 1e-12, "gradient {gradient} at {at}");
                    for (row, feature) in [(0, 0), (classes - 1, problem.shape.samples() - 1)] {
                        assert!((point.w().row(row).norm() - minimum.norm_w).abs() <= 1e-14 * (1.0 + minimum.norm_w), "{at}");
                        assert!(
                            (point.h().column(feature).norm() - minimum.norm_h).abs() <= 1e-14 * (1.0 + minimum.norm_h),
                            "{at}"
                        );
                    }
                    assert!(minimum.global || !loss.function().convex());
                }
            }
        }
    }
}

/// Where the loss is convex so is the scalar problem: no perturbation of any size may lower it. For the focal loss the same is tried from afar.
#[test]
fn nothing_nearby_or_far_is_lower() {
    for loss in losses() {
        for bias in BIASES {
            for (classes, epsilon) in [(2, 0.1), (3, 0.12), (4, 0.25), (5, 0.22), (8, 0.03), (60, 0.019)] {
                let problem = at_epsilon(classes, loss.clone(), bias, epsilon);
                let minimum = balanced_minimum(&problem).unwrap();
                let (k, decay_b) = (classes as f64, problem.decay.b);
                let scalar = |s: f64, t: f64, beta: f64| {
                    let v = t / k + beta;
                    let mut z = vec![v - s / k; classes];
                    z[0] += s;
                    loss.function().value(&z, 0) + epsilon * ((k - 1.0) * s.abs() + t.abs()) + 0.5 * k * decay_b * beta * beta
                };
                let mut rng = stream(3, "theory", classes as u64);
                for trial in 0..400 {
                    let mut step = [0.0; 3];
                    gaussian(&mut rng, 10f64.powi(1 - trial % 6), &mut step);
                    let beta = if bias == Bias::None { 0.0 } else { minimum.bias + step[2] };
                    let found = scalar(minimum.scale + step[0], minimum.mean_part + step[1], beta);
                    assert!(
                        found >= minimum.value - 1e-13 * (1.0 + found),
                        "{loss}, {bias:?}, K = {classes}: {found} < {minimum:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn zero_phases_on_both_sides_of_the_edge() {
    let zero = |classes, loss, bias, epsilon| balanced_minimum(&at_epsilon(classes, loss, bias, epsilon)).unwrap().zero_phase;
    for bias in BIASES {
        for classes in [2, 5, 12] {
            let k = classes as f64;
            let eta = |gamma: f64| (1.0 - 1.0 / k).powf(gamma) + gamma / k * (1.0 - 1.0 / k).powf(gamma - 1.0) * k.ln();
            for (loss, edge) in [
                (Loss::CrossEntropy(CrossEntropy), 1.0 / k),
                (Loss::LabelSmoothing(LabelSmoothing { alpha: 0.1 }), 0.9 / k),
                (focal(2.0), eta(2.0) / k),
                (focal(0.5), eta(0.5) / k),
            ] {
                assert!(zero(classes, loss.clone(), bias, edge * (1.0 + 1e-9)), "{loss} above its edge");
                assert!(!zero(classes, loss.clone(), bias, edge * (1.0 - 1e-9)), "{loss} below its edge");
            }
        }
    }
    // 1 is no edge of anything; exactly at the edge of cross-entropy it is zero.
    assert!(zero(4, Loss::CrossEntropy(CrossEntropy), Bias::None, 0.25));
    let origin = balanced_minimum(&at_epsilon(4, Loss::CrossEntropy(CrossEntropy), Bias::Free, 1.0)).unwrap();
    assert_close("log K", origin.value, 4.0_f64.ln(), 1e-15);
    assert_eq!((origin.geometry, origin.rank), ("zero", 0));
}

#[test]
fn mse_closed_forms() {
    for (classes, kappa, target, epsilon) in [(4, 1.0, 1.0, 0.1), (4, 3.0, 1.0, 0.2), (10, 0.5, 15.0, 0.4), (3, 1.0, 1.0, 0.6)] {
        let k = classes as f64;
        let free = balanced_minimum(&at_epsilon(classes, mse(kappa, target), Bias::Free, epsilon)).unwrap();
        let theta = kappa * (k - 1.0) / (kappa + k - 1.0);
        let s = (target - (k - 1.0) * epsilon / theta).max(0.0);
        let beta = (kappa * target - (kappa - 1.0) * (k - 1.0) * s / k) / (kappa + k - 1.0);
        let value = 0.5 * theta * (s - target).powi(2) + (k - 1.0) * epsilon * s;
        assert_close("f*", free.value, value, 1e-14);
        assert!((free.scale - s).abs() <= 1e-14 * target && (free.bias - beta).abs() <= 1e-14 * target, "{free:?}");
    }
    // No bias, κ = 1: frame below ε = M/K, zero above.
    for (epsilon, value, scale) in [(0.1, 0.4 * 2.0 - 0.16 * 0.5, 1.6), (0.6, 2.0, 0.0)] {
        let none = balanced_minimum(&at_epsilon(4, mse(1.0, 2.0), Bias::None, epsilon)).unwrap();
        assert_close("f*", none.value, value, 1e-14);
        assert!((none.scale - scale).abs() <= 1e-14 && (none.mean_part - scale).abs() <= 1e-14);
    }
    // Decayed: the transition from ETF to frame at λ_b = ε/(M/K − ε).
    let (epsilon, edge) = (0.05, 0.05 / (0.25 - 0.05));
    for (decay_b, active) in [(edge * (1.0 - 1e-9), false), (edge * (1.0 + 1e-9), true), (2.0, true)] {
        let mut problem = at_epsilon(4, mse(1.0, 1.0), Bias::Decayed, epsilon);
        problem.decay.b = decay_b;
        let found = balanced_minimum(&problem).unwrap();
        assert_eq!(found.mean_part > 0.0, active, "λ_b = {decay_b}");
        assert_close("s", found.scale, 0.8, 1e-14);
        let beta = if active { epsilon / decay_b } else { 1.0 / (4.0 * (1.0 + decay_b)) };
        assert_close("β", found.bias, beta, 1e-14);
        let t = if active { 1.0 - 4.0 * epsilon * (1.0 + 1.0 / decay_b) } else { 0.0 };
        assert!((found.mean_part - t).abs() <= 1e-14);
    }
}

#[test]
fn bce_phases_without_bias() {
    let at = |classes, epsilon| balanced_minimum(&at_epsilon(classes, Loss::Bce(Bce), Bias::None, epsilon)).unwrap();
    let edge3 = (2.0 - 2.0_f64.sqrt()) / 4.0;
    for (classes, epsilon, rank, has_mean) in [
        (2, 0.1, 1, false),
        (2, 0.51, 0, false),
        (3, edge3 * (1.0 - 1e-9), 3, true),
        (3, edge3 * (1.0 + 1e-9), 2, false),
        (3, 1.0 / 3.0 - 1e-9, 2, false),
        (3, 1.0 / 3.0 + 1e-9, 0, false),
        (4, 0.25 - 1e-9, 4, true),
        (4, 0.25 + 1e-9, 0, false),
        (5, 0.2 - 1e-9, 5, true),
        (5, 0.2 + 1e-9, 1, true),
        (5, 0.3 - 1e-9, 1, true),
        (5, 0.3 + 1e-9, 0, false),
        (12, 1.0 / 12.0 - 1e-9, 12, true),
        (12, 5.0 / 12.0 - 1e-9, 1, true),
        (12, 5.0 / 12.0 + 1e-9, 0, false),
    ] {
        let found = at(classes, epsilon);
        assert_eq!(found.rank, rank, "K = {classes}, ε = {epsilon}: {found:?}");
        assert!(if has_mean { found.mean_part < 0.0 } else { found.mean_part.abs() <= 0.0 }, "{found:?}");
    }
    let four = at(4, 0.1);
    assert_close("t = −s", four.mean_part, -four.scale, 1e-13);
    assert_eq!(four.geometry, "simplex-plus-mean");
    let free = balanced_minimum(&at_epsilon(4, Loss::Bce(Bce), Bias::Free, 0.3)).unwrap();
    assert!(free.zero_phase && (free.bias + 3.0_f64.ln()).abs() <= 1e-15);
}

#[test]
fn focal_edges_and_transitions() {
    for (gamma, edge) in [(1.0, 0.043_202_18), (2.0, 0.057_846_38), (3.0, 0.057_496_91), (2.382, 0.058_444_43)] {
        assert!((focal_convexity_edge(gamma) - edge).abs() <= 6e-9, "{gamma}: {}", focal_convexity_edge(gamma));
    }
    assert!(focal_convexity_edge(0.0) <= 0.0 && focal_convexity_edge(1e-3) < 1e-300);
    // p_c is where the Hessian turns: its least eigenvalue changes sign there.
    for gamma in [0.5, 1.0, 2.0, 5.0] {
        for (factor, convex) in [(1.0 + 1e-6, true), (1.0 - 1e-6, false)] {
            let p = focal_convexity_edge(gamma) * factor;
            // Two classes suffice for the edge: the Hessian is convex iff it is along e_k − p.
            let z = [(p / (1.0 - p)).ln(), 0.0];
            let mut hessian = LogitHessian::default();
            focal(gamma).function().hessian(&z, 0, &mut hessian);
            let mut direction = [1.0, 0.0];
            hessian.apply(&mut direction);
            assert_eq!(direction[0] > 0.0, convex, "γ = {gamma}");
        }
    }
    for (classes, gamma, epsilon) in [
        (20, 3.0, 0.063_215_57),
        (50, 3.0, 0.024_151_70),
        (100, 2.0, 0.011_156_52),
        (100, 3.0, 0.011_752_12),
        (60, 3.0, 0.019_972_0),
    ] {
        let transition = focal_transition(classes, gamma);
        assert!((transition - epsilon).abs() <= if classes == 60 { 6e-8 } else { 6e-9 }, "({classes}, {gamma}): {transition}");
        for (factor, zero) in [(1.0 + 1e-9, true), (1.0 - 1e-9, false)] {
            let problem = at_epsilon(classes, focal(gamma), Bias::None, transition * factor);
            assert_eq!(balanced_minimum(&problem).unwrap().zero_phase, zero, "({classes}, {gamma})");
        }
    }
    let window = at_epsilon(60, focal(3.0), Bias::None, 0.019_559_17);
    assert!((balanced_minimum(&window).unwrap().value - 3.848_348).abs() <= 1e-6);
}

#[test]
fn only_theorems_are_called_global() {
    // K = 60, γ = 3: ε > 1/(K−1), so that with a bias the closed form is only the best value known.
    let value = balanced_minimum(&at_epsilon(60, focal(3.0), Bias::None, 0.019_559_17)).unwrap().value;
    for (bias, global) in [(Bias::None, true), (Bias::Free, false), (Bias::Decayed, false)] {
        let problem = at_epsilon(60, focal(3.0), bias, 0.019_559_17);
        assert_eq!(balanced_minimum(&problem).unwrap().global, global);
        assert_eq!(contrastive_bound(&problem).is_some(), global);
        // In the zero phase too.
        assert_eq!(contrastive_bound(&at_epsilon(4, focal(2.0), bias, 2.0)).is_some(), global);
        // A small ε: a theorem for every bias, and for every width.
        let narrow = at_epsilon(60, focal(3.0), bias, 0.01).at_width(3);
        assert!(contrastive_bound(&narrow).is_some_and(|bound| bound < value));
        assert!(balanced_minimum(&narrow).unwrap_err().contains("59"));
    }
    assert_eq!(contrastive_bound(&at_epsilon(4, Loss::Bce(Bce), Bias::Free, 0.1)), None);
}

#[test]
fn the_scale_of_the_loss_divides_the_decays() {
    for loss in losses() {
        for bias in BIASES {
            let decay = Decay { w: 0.004, h: 0.003, b: 0.02 };
            let plain = problem(5, loss.clone(), bias, decay, 2);
            let scaled = Problem { scale: 0.25, decay: Decay { w: 0.001, h: 0.00075, b: plain.decay.b / 4.0 }, ..plain.clone() };
            let (plain, scaled) = (balanced_minimum(&plain).unwrap(), balanced_minimum(&scaled).unwrap());
            assert_close("value", scaled.value, plain.value / 4.0, 1e-14);
            assert_close("norm", scaled.norm_w, plain.norm_w, 1e-13);
        }
    }
}

#[test]
fn what_has_no_closed_form_says_why() {
    let mut problem = at_epsilon(4, Loss::CrossEntropy(CrossEntropy), Bias::Free, 0.01);
    assert!(balanced_minimum(&problem.at_width(3)).is_ok() && etf_point(&problem.at_width(3)).is_some());
    assert!(balanced_minimum(&problem.at_width(2)).unwrap_err().contains("width"));
    assert!(etf_point(&problem.at_width(2)).is_none());
    problem.shape = Shape::new(4, &[1, 2, 1, 1]).unwrap();
    assert_eq!(balanced_minimum(&problem).unwrap_err(), "the classes are not balanced");
    assert_eq!(contrastive_bound(&problem), None);
    for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        problem.shape = Shape::balanced(4, 6, 1).unwrap();
        assert!(balanced_minimum(&Problem { scale: bad, ..problem.clone() }).is_err());
        assert!(balanced_minimum(&Problem { decay: Decay { w: bad, ..problem.decay }, ..problem.clone() }).is_err());
        let decayed = Problem { bias: Bias::Decayed, decay: Decay { b: bad, ..problem.decay }, ..problem.clone() };
        assert!(balanced_minimum(&decayed).is_err());
    }
}

#[test]
fn extreme_sizes_and_decays_stay_in_range() {
    for loss in losses() {
        for bias in BIASES {
            for classes in [2, 60, 1000] {
                for epsilon in [1e-200, 1e-12, 1e-3, 1.0, 1e6] {
                    let problem = at_epsilon(classes, loss.clone(), bias, epsilon);
                    let minimum = balanced_minimum(&problem).unwrap();
                    let zero = loss.function().value(&vec![0.0; classes], 0);
                    let at = format!("{loss}, {bias:?}, K = {classes}, ε = {epsilon}: {minimum:?}");
                    // The origin is a point of the scalar problem.
                    assert!(minimum.value >= 0.0 && minimum.value <= zero * (1.0 + 1e-13), "{at}");
                    assert!(minimum.norm_w.is_finite() && minimum.norm_h.is_finite() && minimum.scale >= 0.0, "{at}");
                    assert_eq!(minimum.zero_phase, minimum.norm_w <= 0.0, "{at}");
                }
            }
        }
    }
    for gamma in [1e-6, 0.1, 2.382, 50.0, 1e4] {
        assert!((0.0..=0.058_444_44).contains(&focal_convexity_edge(gamma)), "{gamma}");
        assert!([2, 18, 1000].iter().all(|&classes| focal_transition(classes, gamma).is_finite()));
    }
}

#[test]
fn the_threshold_is_where_the_zero_phase_begins() {
    for loss in losses() {
        for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.01), (Bias::Decayed, 3.0)] {
            for (classes, scale) in [(2, 1.0), (3, 1.0), (4, 2.5), (7, 1.0), (40, 0.1)] {
                let at = |epsilon: f64| {
                    let decay = Decay { w: 2.0 * epsilon / 3.0, h: 0.5 * epsilon / 3.0, b };
                    Balanced { classes, width: classes, per_class: 9, bias, decay, loss: loss.clone(), scale }
                };
                let edge = at(1.0).zero_threshold().unwrap();
                let zero = |factor: f64| at(factor * edge).minimum().unwrap().zero_phase;
                assert!(!zero(1.0 - 1e-6) && zero(1.0 + 1e-6), "{loss}, {bias:?}, λ_b = {b}, K = {classes}: {edge}");
            }
        }
    }
}

#[test]
fn sizes_alone_are_enough() {
    let decay = Decay { w: 1e-5, h: 1e-5, b: 0.0 };
    let loss = Loss::CrossEntropy(CrossEntropy);
    let small = problem(4, loss.clone(), Bias::Free, decay, 5);
    let light = Balanced::try_from(&small).unwrap();
    assert_eq!(light.minimum(), balanced_minimum(&small));
    assert_eq!(light.dimension(), small.dimension() as u128);
    let huge = Balanced { classes: 1000, width: 1024, per_class: 1_000_000, bias: Bias::Free, decay, loss, scale: 1.0 };
    assert_eq!(huge.dimension(), 1024 * (1000 + 1_000_000_000) + 1000);
    let uneven = Problem { shape: Shape::new(4, &[1, 2]).unwrap(), ..small };
    assert_eq!(Balanced::try_from(&uneven).unwrap_err(), "the classes are not balanced");
}

/// The branch of simplices begins where W = H = 0 becomes stable, ties at the transition, turns at the window's end and is made of critical points.
#[test]
fn the_focal_branch_meets_its_window() {
    for (classes, gamma) in [(20, 3.0), (60, 3.0), (100, 2.0), (30, 10.0)] {
        let window = focal_window(classes, gamma).unwrap();
        let at = |s: f64| focal_stationary(classes, gamma, s);
        let (start, tie) = (at(0.0), at(window.scale));
        assert_close("start", start.epsilon, window.zero_stable_from, 1e-14);
        assert_close("tie", tie.epsilon, window.transition, 1e-13);
        assert_close("value at the tie", tie.value, start.value, 1e-13);
        assert!(!at(1e-3 * window.scale).stable && tie.stable);
        let grid: Vec<FocalStationary> = (1..=4000).map(|i| at(f64::from(i) * 3.0 * window.scale / 4000.0)).collect();
        let turn = grid.iter().map(|point| point.epsilon).fold(0.0, f64::max);
        assert_close("fold", turn, window.simplex_stable_to, 1e-5);
        for pair in grid.windows(2).filter(|pair| pair[0].stable == pair[1].stable) {
            assert_eq!(pair[1].epsilon < pair[0].epsilon, pair[0].stable, "{pair:?}");
        }
    }
    assert!((1..100).map(|i| focal_stationary(10, 2.0, 0.1 * f64::from(i))).all(|point| point.stable));
}

/// Beyond the transition the closed form is zero, and the simplex that is left is still critical, higher, and gone at the fold.
#[test]
fn a_simplex_is_left_beyond_the_transition() {
    let window = focal_window(20, 3.0).unwrap();
    let at = |epsilon: f64| at_epsilon(20, focal(3.0), Bias::None, epsilon);
    let between = at(0.5 * (window.transition + window.simplex_stable_to));
    assert!(etf_point(&between).unwrap().as_slice().iter().all(|x| x.abs() <= 0.0));
    let simplex = simplex_point(&between).unwrap();
    let (value, gradient) = evaluate(&between, &simplex);
    let zero = balanced_minimum(&between).unwrap().value;
    assert!(value > zero && value < zero + 1e-3, "{value} above {zero}");
    assert!(gradient <= 1e-12, "gradient {gradient}");
    for elsewhere in [at(0.99 * window.transition), at(1.01 * window.simplex_stable_to)] {
        assert_eq!(simplex_point(&elsewhere), etf_point(&elsewhere));
    }
    assert!(simplex_point(&between.at_width(10)).unwrap().as_slice().iter().all(|x| x.abs() <= 0.0), "no room for it");
}

/// The Gram matrix's distance from a simplex against its definition.
#[test]
fn gram_distances_are_those_of_the_matrix() {
    for (classes, s, t) in [(2, 1.0, 0.5), (4, 0.8, 0.8), (5, 0.3, -2.0), (7, 1.0, 0.0), (3, 0.0, 1.0), (4, 1.0, 1e-9)] {
        let k = classes as f64;
        let gram =
            nalgebra::DMatrix::from_fn(classes, classes, |i, j| s * (f64::from(u8::from(i == j)) - 1.0 / k) + f64::abs(t) / k);
        let simplex = |i: usize, j: usize| (f64::from(u8::from(i == j)) - 1.0 / k) / (k - 1.0).sqrt();
        let norm = gram.norm();
        let expected = gram.map_with_location(|i, j, x| x / norm - simplex(i, j)).norm();
        let found = gram_distance(classes, s, t).unwrap();
        assert!(
            (found - expected).abs() <= 1e-13 + 1e-9 * f64::from(u8::from(t.abs() > 0.0 && t.abs() < 1e-8)),
            "{found}, {expected}"
        );
    }
    assert_eq!(gram_distance(4, 0.0, 0.0), None);
}
