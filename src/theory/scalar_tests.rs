//! The search against closed forms, against brute force, and losses that are none.

use super::*;
use crate::losses::{Custom, Focal, GeneralizedCrossEntropy, Loss, PolyLoss};
use crate::model::Decay;
use crate::numeric::{gaussian, stream};

fn custom(texts: &[(&str, &str)], parameters: &[(&str, f64)]) -> Loss {
    let texts = texts.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
    let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    Loss::Custom(Custom::new(&texts, &parameters).unwrap().into())
}

fn ell(text: &str) -> Loss {
    custom(&[("ell", text)], &[])
}

fn focal(gamma: f64) -> (Loss, Loss) {
    (custom(&[("ell", "-(1-p)^gamma*log(p)")], &[("gamma", gamma)]), Loss::Focal(Focal { gamma }))
}

fn balanced(classes: usize, loss: Loss, bias: Bias, epsilon: f64, decay_b: f64) -> Balanced {
    Balanced {
        classes,
        width: classes,
        per_class: 1,
        bias,
        decay: Decay { w: epsilon, h: epsilon, b: decay_b },
        loss,
        scale: 1.0,
    }
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * b.abs()
}

#[test]
fn the_focal_losss_window_is_found() {
    for (classes, gamma, transition) in [
        (20, 3.0, 0.063_215_57),
        (50, 3.0, 0.024_151_70),
        (100, 2.0, 0.011_156_52),
        (100, 3.0, 0.011_752_12),
        (60, 3.0, 0.019_972_0),
    ] {
        let (own, built_in) = focal(gamma);
        for loss in [&own, &built_in] {
            let profile = Profile::new(loss, classes).unwrap();
            let (found, expected) = (profile.window().unwrap(), focal_window(classes, gamma).unwrap());
            assert!((found.transition - transition).abs() < 1e-8 || near(found.transition, transition, 1e-5));
            assert!(near(found.transition, expected.transition, 1e-11), "{found:?} {expected:?}");
            assert!(near(found.zero_stable_from, expected.zero_stable_from, 1e-12));
            assert!(near(found.simplex_stable_to, expected.simplex_stable_to, 1e-12));
            assert!(near(found.scale, expected.scale, 1e-6), "{found:?} {expected:?}");
            assert!(near(profile.zero_threshold(), focal_transition(classes, gamma), 1e-11));
            let intervals = profile.convex_intervals();
            assert!(intervals.len() == 1 && near(intervals[0].0, focal_convexity_edge(gamma), 1e-10), "{intervals:?}");
            let ties = profile.ties();
            assert!(ties.len() == 1 && near(ties[0].epsilon, expected.transition, 1e-10) && ties[0].low <= 0.0, "{ties:?}");
        }
    }
    // Up to K = 17 nothing ties.
    let profile = Profile::new(&focal(3.0).0, 17).unwrap();
    assert!(profile.window().is_none() && profile.ties().is_empty());
}

#[test]
fn formulas_have_the_minima_of_their_twins() {
    let pairs = [
        (ell("-log(p)"), Loss::CrossEntropy(crate::losses::CrossEntropy)),
        focal(2.0),
        focal(3.0),
        (custom(&[("own", "softplus(-z)"), ("others", "softplus(z)")], &[]), Loss::Bce(crate::losses::Bce)),
        (
            custom(&[("own", "k/2*(z-1)^2"), ("others", "z^2/2")], &[("k", 3.0)]),
            Loss::Mse(crate::losses::Mse { kappa: 3.0, target: 1.0 }),
        ),
    ];
    for (own, built_in) in pairs {
        for classes in [2, 3, 4, 10, 60] {
            for (bias, decay_b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.05)] {
                let threshold = balanced(classes, built_in.clone(), bias, 1.0, decay_b).zero_threshold().unwrap();
                let found = balanced(classes, own.clone(), bias, 1.0, decay_b).zero_threshold().unwrap();
                assert!(near(found, threshold, 1e-9), "{own}, K = {classes}, {bias:?}: {found} {threshold}");
                for part in [1e-6, 0.01, 0.5, 0.97, 1.02] {
                    let of = |loss: &Loss| balanced(classes, loss.clone(), bias, part * threshold, decay_b).minimum().unwrap();
                    let (a, b) = (of(&own), of(&built_in));
                    let words = || format!("{own}, K = {classes}, {bias:?}, {part} of the threshold: {a:?} {b:?}");
                    assert!(near(a.value, b.value, 1e-11), "{}", words());
                    assert!((a.scale - b.scale).abs() <= 1e-7 * (1.0 + b.scale), "{}", words());
                    assert_eq!((a.geometry, a.rank), (b.geometry, b.rank), "{}", words());
                    assert!(a.global == b.global || own.function().convex(), "{}", words());
                }
            }
        }
    }
}

#[test]
fn edges_of_named_losses_are_where_the_search_finds_them() {
    for (loss, edge) in [
        (Loss::PolyLoss(PolyLoss { epsilon1: 2.0 }), 0.25),
        (Loss::PolyLoss(PolyLoss { epsilon1: 5.0 }), 0.4),
        (Loss::GeneralizedCrossEntropy(GeneralizedCrossEntropy { exponent: 0.7 }), 0.7 / 1.7),
        (Loss::GeneralizedCrossEntropy(GeneralizedCrossEntropy { exponent: 1.0 }), 0.5),
    ] {
        for classes in [3, 10] {
            let intervals = Profile::new(&loss, classes).unwrap().convex_intervals();
            assert!(intervals.len() == 1 && near(intervals[0].0, edge, 1e-10) && intervals[0].1 >= 1.0, "{loss}: {intervals:?}");
            assert_eq!(convexity_region(&loss, classes), ConvexityRegion::TrueProbabilityFrom(edge));
            // 1/K < p_c: a first-order transition.
            let window = Contrast::new(&loss, classes).unwrap().window();
            assert_eq!(window.is_ok(), 1.0 / (classes as f64) < edge, "{loss}, K = {classes}");
        }
    }
}

/// No logits are below the bound that the closed form claims to be: the argument of the file's head, point by point.
#[test]
fn no_logits_beat_the_bound() {
    let losses = [
        Loss::PolyLoss(PolyLoss { epsilon1: 4.0 }),
        Loss::GeneralizedCrossEntropy(GeneralizedCrossEntropy { exponent: 0.5 }),
        ell("-log(p) - 2*exp(-(log(p/(1-p))-3)^2)"),
        ell("log(p)^2"),
    ];
    for loss in losses {
        for (classes, epsilon) in [(3, 0.02), (7, 0.05), (20, 0.01)] {
            let minimum = balanced(classes, loss.clone(), Bias::None, epsilon, 0.0).minimum().unwrap();
            assert!(minimum.global, "{loss}: {minimum:?}");
            for draw in 0..300 {
                let mut z = vec![0.0; classes];
                gaussian(&mut stream(draw, "scalar bound", classes as u64), 0.1 * (draw + 1) as f64, &mut z);
                z[0] += 0.05 * draw as f64;
                let mean = z[1..].iter().sum::<f64>() / (classes - 1) as f64;
                let value = loss.function().value(&z, 0) + epsilon * (classes - 1) as f64 * (z[0] - mean).max(0.0);
                assert!(value >= minimum.value * (1.0 - 1e-12) - 1e-12, "{loss}: {value} below {minimum:?} at {z:?}");
            }
        }
    }
}

/// A loss with two wells: the global margin jumps at a finite ε > 0, away from zero.
#[test]
fn ties_of_two_simplices_are_found() {
    let loss = ell("-log(p) - 0.3*exp(-(log(p/(1-p))-5)^2)");
    let contrast = Contrast::new(&loss, 5).unwrap();
    let ties = contrast.ties();
    assert!(ties.iter().any(|tie| tie.low > 0.0), "{ties:?}");
    for tie in ties.iter().filter(|tie| tie.low > 0.0) {
        let minima = contrast.minima(tie.epsilon).unwrap();
        let value = |s: f64| contrast.value(-4.0 * s) + 4.0 * tie.epsilon * s;
        let least = minima.iter().map(|minimum| minimum.value).fold(f64::INFINITY, f64::min);
        assert!(near(value(tie.low), value(tie.high), 1e-9) && near(value(tie.low), least, 1e-9), "{tie:?} {minima:?}");
        for (factor, larger) in [(0.98, true), (1.02, false)] {
            let minima = contrast.minima(factor * tie.epsilon).unwrap();
            let best = minima.iter().find(|minimum| minimum.global).unwrap();
            assert_eq!(best.scale > 0.5 * (tie.low + tie.high), larger, "{tie:?} {minima:?}");
        }
    }
}

#[test]
fn losses_that_reward_wrong_answers_have_no_closed_form() {
    for loss in [ell("p"), ell("log(p)"), ell("-q^2"), custom(&[("own", "z^2"), ("others", "(z-1)^2")], &[])] {
        let refused = balanced(4, loss.clone(), Bias::None, 0.01, 0.0).minimum();
        assert!(refused.as_ref().is_err_and(|reason| reason.contains("rewards wrong answers")), "{loss}: {refused:?}");
    }
    let refused = balanced(4, custom(&[("own", "tanh(-z)"), ("others", "z^2")], &[]), Bias::None, 0.01, 0.0).minimum();
    assert!(refused.is_err_and(|reason| reason.contains("not convex")));
}

#[test]
fn a_losss_character_says_what_it_is() {
    let of = |text: &str, classes: usize| character(&ell(text), classes).unwrap();
    let answer = |it: &Character, name: &str| it.traits.iter().find(|it| it.name == name).cloned().unwrap();
    let entropy = of("-log(p)", 10);
    assert!(entropy.traits.iter().all(|it| it.holds), "{entropy:?}");
    assert!(entropy.verdict.starts_with("created equal"), "{}", entropy.verdict);
    assert_eq!(answer(&entropy, "falls").known, Known::Proved);
    assert_eq!(answer(&entropy, "convex").known, Known::Proved);
    let focal = of("-(1-p)^3*log(p)", 60);
    assert!(answer(&focal, "convex").words.contains("p_k ≥ p_c = 0.0574969"), "{focal:?}");
    assert_eq!((answer(&focal, "convex").holds, answer(&focal, "convex").known), (false, Known::Proved));
    assert!(focal.verdict.starts_with("not created equal") && focal.verdict.contains("0.019972"), "{}", focal.verdict);
    assert!(of("-(1-p)^3*log(p)", 17).verdict.starts_with("created equal"));
    let rising = of("-log(p) + 3*p", 10);
    assert_eq!((answer(&rising, "falls").holds, answer(&rising, "falls").known), (false, Known::Proved));
    assert!(rising.verdict.contains("it rises with p somewhere"), "{}", rising.verdict);
    assert!(of("p", 10).verdict.starts_with("not a loss to train with"));
    let steep = of("log(p)^2", 10);
    assert!(!answer(&steep, "slope-bounded").holds && answer(&steep, "falls").holds && steep.verdict.contains("unbounded"));
    let bottomless = of("log(q)", 10);
    assert!(!answer(&bottomless, "bounded-below").holds, "{bottomless:?}");
    assert!(!answer(&of("max(q, 0.5)", 10), "smooth").holds);
    let sum = character(&custom(&[("own", "softplus(-z)"), ("others", "softplus(z)")], &[]), 5).unwrap();
    assert!(sum.traits.iter().all(|it| it.holds), "{sum:?}");
    assert!(character(&Loss::CrossEntropy(crate::losses::CrossEntropy), 5).is_none());
}
