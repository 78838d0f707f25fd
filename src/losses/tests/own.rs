//! Losses of the user's own against the built-in ones, what they claim, and what is refused.

use super::*;

/// Logits at which a formula and its built-in twin are compared: the samples, and collapse from both sides.
fn places() -> Vec<(Vec<f64>, usize)> {
    let far = [
        (vec![30.0, 0.5, -0.25, 0.125], 0),
        (vec![0.1, 30.1, -0.3, 0.7], 0),
        (vec![0.0, -37.0, -37.5, -38.25], 0),
        (vec![-18.5, 18.5, -18.0, -19.0], 3),
        (vec![350.0, -350.0, -349.0, -351.5], 0),
        (vec![-300.0, 0.0, -1.0, 0.5], 0),
        (vec![200.0, -200.0, 199.0, 0.0], 2),
        (vec![2.5, -2.5], 0),
        (vec![2.5, -2.5], 1),
        (vec![0.0; 12], 7),
    ];
    samples().into_iter().chain(far).collect()
}

/// To 1e-13, relative entry by entry, from 1 to collapse and down to 1e-290.
#[test]
fn formulas_are_their_twins() {
    let mut worst = 0.0_f64;
    for (own, member) in twins() {
        let (a, b) = (own.function(), member.function());
        assert_eq!((a.convex(), a.shift_invariant()), (b.convex(), b.shift_invariant()), "{own}");
        for (z, k) in places() {
            let mut compare = |what: &str, found: &[f64], expected: &[f64]| {
                for (x, y) in found.iter().zip(expected) {
                    let error = (x - y).abs() / (y.abs() + 1e-290);
                    worst = worst.max(error);
                    assert!(error <= 1e-13, "{own}: {what} at {z:?}, {k}: {x:e}, expected {y:e}, error {error:e}");
                }
            };
            compare("value", &[a.value(&z, k)], &[b.value(&z, k)]);
            compare("gradient", &gradient_of(a, &z, k), &gradient_of(b, &z, k));
            compare("hessian", &dense_of(a, &z, k), &dense_of(b, &z, k));
        }
    }
    assert!(worst > 0.0);
}

#[test]
fn convexity_is_found_to_be_what_it_is() {
    let ell = |text: &str, parameters: &[(&str, f64)]| custom(&[("ell", text)], parameters).function().convex();
    assert!(ell("-log(p)", &[]) && ell("-log(p) + q", &[]) && ell("-log(p) - q/2", &[]) && ell("log(p)^2", &[]));
    // Poly-1 loses convexity at ε₁ = 1, by any amount.
    for (weight, convex) in [(0.999, true), (1.0, true), (1.000_1, false), (1.5, false), (-0.9, true), (-1.1, false)] {
        assert_eq!(ell("-log(p) + e*q", &[("e", weight)]), convex, "{weight}");
    }
    assert!(!ell("-q*log(p)", &[]) && !ell("1-p", &[]) && !ell("log(p)", &[]) && !ell("p", &[]));
    // Convex for K ≥ 3 alone: K occurs, and every number of classes counts.
    assert!(!ell("-log(p) + (4/K)*q", &[]) && ell("-log(p) + (2/K)*q", &[]));
    let sum = |own: &str, others: &str| custom(&[("own", own), ("others", others)], &[]).function().convex();
    assert!(
        sum("softplus(-z)", "softplus(z)") && sum("(z-1)^2", "z^4") && sum("exp(-z)", "exp(z)") && sum("max(0, 1-z)", "abs(z)")
    );
    assert!(!sum("tanh(-z)", "z^2") && !sum("z^3", "z^2"));
}

#[test]
fn what_is_no_loss_is_refused_with_its_place() {
    let refused = |texts: &[(&str, &str)], parameters: &[(&str, f64)]| {
        let texts = texts.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
        let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        Custom::new(&texts, &parameters).expect_err("it is refused")
    };
    for (texts, parameters, key, words, help) in [
        (&[][..], &[][..], "ell", "needs a formula", "cross-entropy"),
        (&[("own", "z")], &[], "others", "`others` is missing", ""),
        (&[("ell", "q"), ("own", "z")], &[], "ell", "either", ""),
        (&[("ell", "-lg(p)")], &[], "ell", "  -lg(p)\n   ^", "did you mean `log`?"),
        (&[("ell", "-q^gama*log(p)")], &[("gamma", 2.0)], "ell", "  -q^gama*log(p)\n     ^", "did you mean `gamma`?"),
        (&[("ell", "-q^a*log(p)")], &[], "ell", "the parameter `a` has no value", "loss.a="),
        (&[("ell", "-log(p)")], &[("gamma", 2.0)], "gamma", "no formula of this loss uses", ""),
        (&[("ell", "-a*log(p)")], &[("a", f64::NAN)], "a", "finite", ""),
        (&[("ell", "-a*log(p)")], &[("a", 1.0), ("p", 2.0)], "p", "is a variable", ""),
        (&[("ell", "log(p - 0.5)")], &[], "ell", "has the value NaN at p = ", ""),
        (&[("ell", "1/(p-q)")], &[], "ell", "at p = 5.000e-1", ""),
        (&[("own", "sqrt(z)"), ("others", "z")], &[], "own", "at z = -30", ""),
        (&[("own", "p"), ("others", "z")], &[], "own", "`p` is no variable here", "`ell`"),
    ] {
        let fault = refused(texts, parameters);
        assert!(fault.key == key && fault.message.contains(words), "{fault}");
        assert!(fault.help.unwrap_or_default().contains(help), "{texts:?}");
    }
}

#[test]
fn texts_and_parameters_come_back() {
    let loss = custom(&[("ell", " -( 1-p )^gamma * log(p)")], &[("gamma", 2.0)]);
    assert_eq!(loss.texts(), [("ell", "-(1-p)^gamma*log(p)".to_owned())]);
    assert_eq!(loss.to_string(), "custom(ell=-(1-p)^gamma*log(p), gamma=2)");
    assert_eq!(loss, custom(&[("ell", "-(1-p)^gamma*log(p)")], &[("gamma", 2.0)]));
    assert_ne!(loss, custom(&[("ell", "-(1-p)^gamma*log(p)")], &[("gamma", 3.0)]));
    assert_eq!((loss.name(), loss.family().name), ("custom", "custom"));
    assert!((CUSTOM.build)(&[]).function().convex());
    let Loss::Custom(kinked) = custom(&[("own", "max(0, 1-z)"), ("others", "0*z")], &[]) else { panic!("it is custom") };
    assert!(kinked.has_kinks() && kinked.programs().len() == 2 && kinked.expressions().len() == 2);
}

/// ℓ_u and ℓ_uu of every loss of p, from the gradient and Hessian at logits of which all but the true one agree.
#[test]
fn derivatives_along_the_log_odds_are_those_of_the_logits() {
    for loss in members().iter().filter(|loss| loss.at_log_odds(0.0, 3).is_some()) {
        for classes in [2, 5] {
            for s in [-3.0, 0.2, 2.0, 9.0] {
                let mut z = vec![0.0; classes];
                z[1] = s;
                let jet = loss.at_log_odds(s - ((classes - 1) as f64).ln(), classes).unwrap();
                let function = loss.function();
                let (value, own) = (function.value(&z, 1), gradient_of(function, &z, 1)[1]);
                let curvature = dense_of(function, &z, 1)[classes + 1];
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-13 * (1.0 + b.abs());
                assert!(near(jet.value, value) && near(jet.first, own) && near(jet.second, curvature), "{loss}: {jet:?}");
            }
        }
    }
}
