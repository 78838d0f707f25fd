//! Enclosures against the floats of `losses/` and `objective/`, which were written apart from them; and what the checker must not use.

use super::losses::IntervalLoss;
use crate::losses::{ALL, Custom, LogitHessian, Loss};
use crate::model::{Bias, Decay, Shape};
use crate::numeric::interval::Interval;
use crate::numeric::{gaussian, stream};
use crate::objective::Problem;

fn pairs() -> Vec<(Loss, IntervalLoss)> {
    let family = |name: &str, values: &[f64]| (ALL.iter().find(|family| family.name == name).unwrap().build)(values);
    let mut out = vec![(family("cross-entropy", &[]), IntervalLoss::CrossEntropy), (family("bce", &[]), IntervalLoss::Bce)];
    for alpha in [0.0, 0.1, 0.7] {
        out.push((family("label-smoothing", &[alpha]), IntervalLoss::LabelSmoothing { alpha: alpha.into() }));
    }
    for gamma in [0.0, 0.5, 1.0, 2.0, 3.5] {
        out.push((family("focal", &[gamma]), IntervalLoss::Focal { gamma: gamma.into() }));
    }
    let custom = |texts: &[(&str, &str)], parameters: &[(&str, f64)]| {
        let texts = texts.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
        let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        Loss::Custom(Custom::new(&texts, &parameters).unwrap().into())
    };
    let formulas = [
        family("poly-loss", &[2.0]),
        family("generalized-cross-entropy", &[0.7]),
        family("vector-scaling", &[0.5, 1.0]),
        custom(&[("ell", "-log(p)")], &[]),
        custom(&[("ell", "-(1-p)^gamma*log(p)")], &[("gamma", 2.0)]),
        custom(&[("own", "softplus(-z)"), ("others", "a*z^2/(K-1) + tanh(z)")], &[("a", 0.5)]),
    ];
    // The prover's own way from a loss to a twin.
    for loss in formulas {
        let shape = Shape::balanced(4, 2, 1).unwrap();
        let decay = Decay { w: 0.1, h: 0.1, b: 0.0 };
        let problem = Problem { shape, bias: Bias::None, decay, loss: loss.clone(), scale: 1.0 };
        out.push((loss, super::prove::instance(&problem).unwrap().loss));
    }
    for (kappa, target) in [(1.0, 1.0), (0.5, 15.0)] {
        out.push((family("mse", &[kappa, target]), IntervalLoss::Mse { kappa: kappa.into(), target: target.into() }));
    }
    out
}

/// Value, gradient and Hessian in floats.
fn floats(loss: &Loss, z: &[f64], label: usize) -> (f64, Vec<f64>, Vec<f64>) {
    let (function, classes) = (loss.function(), z.len());
    let (mut gradient, mut dense, mut hessian) = (vec![0.0; classes], vec![0.0; classes * classes], LogitHessian::default());
    let value = function.value_gradient(z, label, &mut gradient);
    function.hessian(z, label, &mut hessian);
    hessian.dense(&mut dense);
    (value, gradient, dense)
}

#[test]
fn every_loss_of_the_program_has_an_enclosure() {
    for family in ALL {
        let found = pairs().iter().any(|(loss, _)| loss.name() == family.name);
        // The one member of which certificates do not speak.
        assert_eq!(found, family.name != "squentropy", "{}", family.name);
    }
    let shape = Shape::balanced(4, 2, 1).unwrap();
    let decay = Decay { w: 0.1, h: 0.1, b: 0.0 };
    let problem = Problem { shape, bias: Bias::None, decay, loss: Loss::Squentropy(crate::losses::Squentropy), scale: 1.0 };
    assert!(super::prove::instance(&problem).unwrap_err().contains("squentropy"));
    for (loss, twin) in pairs() {
        let focal_ce = loss.name() == "focal" && loss.function().convex();
        // That a formula is convex is no theorem to the checker.
        let formula = matches!(twin, IntervalLoss::OfTrueClass(_) | IntervalLoss::PerLogit { .. });
        assert!(twin.convex() == loss.function().convex() || focal_ce || (formula && !twin.convex()), "{loss}");
        assert_eq!(twin.shift_invariant(), loss.function().shift_invariant(), "{loss}");
    }
}

#[test]
fn point_enclosures_contain_the_floats_and_are_thin() {
    for (loss, twin) in pairs() {
        for index in 0..40 {
            let mut z = vec![0.0; 4];
            gaussian(&mut stream(21, "logits", index), [0.1, 1.0, 6.0, 25.0][index as usize % 4], &mut z);
            let label = index as usize % 3;
            let box_of = |radius: f64| -> Vec<Interval> { z.iter().map(|&x| Interval::around(x, radius)).collect() };
            let (value, gradient, hessian) = floats(&loss, &z, label);
            let thin = box_of(0.0);
            let near = |set: Interval, x: f64, scale: f64, what: &str| {
                let slack = 1e-12 * scale;
                assert!(set.lo() - slack <= x && x <= set.hi() + slack, "{loss} {what} at {z:?}: {x} against {set}");
                assert!(set.width() <= 1e-12 * scale, "{loss} {what} at {z:?}: {set} is wide");
            };
            let size = |numbers: &[f64]| numbers.iter().fold(1e-300_f64, |a, b| a.max(b.abs()));
            near(twin.value(&thin, label), value, value.abs().max(1e-14 * size(&z)), "value");
            for (set, x) in twin.gradient(&thin, label).into_iter().zip(&gradient) {
                near(set, *x, size(&gradient).max(1e-16), "gradient");
            }
            for (set, x) in twin.hessian(&thin, label).into_iter().zip(&hessian) {
                near(set, *x, size(&hessian), "hessian");
            }
            // Boxes contain what is found at their corners.
            let wide = box_of(0.3);
            for corner in 0..16_u32 {
                let moved: Vec<f64> =
                    z.iter().enumerate().map(|(j, x)| x + if corner >> j & 1 == 1 { 0.3 } else { -0.3 }).collect();
                let (value, gradient, hessian) = floats(&loss, &moved, label);
                let inside =
                    |set: Interval, x: f64| set.lo() - 1e-12 * (1.0 + x.abs()) <= x && x <= set.hi() + 1e-12 * (1.0 + x.abs());
                assert!(inside(twin.value(&wide, label), value), "{loss} {moved:?}");
                assert!(twin.gradient(&wide, label).into_iter().zip(&gradient).all(|(set, x)| inside(set, *x)), "{loss}");
                assert!(twin.hessian(&wide, label).into_iter().zip(&hessian).all(|(set, x)| inside(set, *x)), "{loss}");
            }
        }
    }
}

#[test]
fn a_wrong_twin_is_caught() {
    // Planted: label smoothing with another α, focal with another γ.
    let z: Vec<Interval> = [1.0, -0.5, 0.2].map(Interval::point).to_vec();
    let (loss, _) = &pairs()[3];
    let (value, ..) = floats(loss, &[1.0, -0.5, 0.2], 1);
    assert!(!IntervalLoss::LabelSmoothing { alpha: 0.2.into() }.value(&z, 1).contains(value));
    assert!(IntervalLoss::LabelSmoothing { alpha: 0.2.into() }.value(&z, 1).mid() - value > 1e-3 || value > 1e-3);
}

#[test]
fn the_checker_uses_intervals_and_the_text_alone() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rigor");
    let mut files: Vec<_> = std::fs::read_dir(root.join("check")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.extend(
        [
            "about_loss.rs",
            "certificate.rs",
            "claims.rs",
            "formula.rs",
            "groups.rs",
            "losses.rs",
            "node.rs",
            "state.rs",
            "text.rs",
        ]
        .map(|name| root.join(name)),
    );
    assert!(files.len() >= 14);
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        let uses = code.lines().filter_map(|line| line.trim().strip_prefix("use crate::"));
        for used in uses {
            let allowed = [
                "numeric::interval",
                "numeric::expression",
                "numeric::Jet",
                "rigor::about_loss",
                "rigor::certificate",
                "rigor::groups",
                "rigor::losses",
            ];
            assert!(allowed.iter().any(|prefix| used.starts_with(prefix)), "{}: uses {used}", path.display());
        }
        for foreign in ["nalgebra", "faer", "crate::linalg", "crate::objective", "prove"] {
            let named = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| line.contains(&format!("{foreign}::")));
            assert!(!named, "{}: names {foreign}", path.display());
        }
    }
}

/// A margin's enclosure holds the built-in one's: the focal loss as a formula.
#[test]
fn formulas_have_the_margins_of_their_twins() {
    let focal = IntervalLoss::Focal { gamma: 2.0.into() };
    let (_, formula) =
        pairs().into_iter().find(|(loss, _)| loss.to_string().contains("gamma=2") && loss.name() == "custom").unwrap();
    for classes in [2, 10, 60] {
        for s in [-20.0, -1.0, 0.0, 0.3, 4.0, 30.0, 300.0] {
            let (a, b) = (focal.at_margin(classes, Interval::point(s)), formula.at_margin(classes, Interval::point(s)));
            for (a, b) in [(a.value, b.value), (a.pull, b.pull), (a.pull_slope, b.pull_slope)] {
                assert!(
                    !a.is_disjoint(b) && b.width() <= 1e-12 * (b.mag() + 1e-290) + 1e-13 * a.mag(),
                    "K = {classes}, s = {s}: {a} {b}"
                );
            }
        }
        // Half-lines: what the tails of the contrastive bound ask.
        let right = formula.at_margin(classes, Interval::new(60.0, f64::INFINITY).unwrap());
        assert!(right.value.lo() >= 0.0 && right.value.hi() < 1e-20, "{right:?}");
        let left = formula.at_margin(classes, Interval::new(f64::NEG_INFINITY, -60.0).unwrap());
        assert!(left.value.lo() > 50.0 && left.pull.lo() > 0.99, "{left:?}");
    }
}
