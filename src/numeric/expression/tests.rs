//! Grammar, errors, rewritings, evaluations against each other, WGSL text, and hostile input.

use super::*;
use crate::numeric::interval::Interval;
use crate::numeric::{Jet, gaussian, stream};

fn of_p(text: &str) -> Expression {
    parse(text, Variables::TrueClass).unwrap_or_else(|error| panic!("{error}"))
}

fn of_z(text: &str) -> Expression {
    parse(text, Variables::Logit).unwrap_or_else(|error| panic!("{error}"))
}

/// The value of a formula of z without parameters.
fn at(text: &str, z: f64) -> f64 {
    Program::new(&of_z(text)).jet(&Seed::Logit(z), 5, &[]).value
}

/// A probability by its log-odds.
fn probability(u: f64) -> TrueClass<f64> {
    let (p, q) = (1.0 / (1.0 + (-u).exp()), 1.0 / (1.0 + u.exp()));
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    TrueClass { p, q, surprise: softplus(-u), other_surprise: softplus(u) }
}

const FORMULAS: &[&str] = &[
    "-log(p)",
    "-(1-p)^gamma*log(p)",
    "-log(p) + gamma*(1-p)",
    "(1-p^gamma)/gamma",
    "q^2/p + log(1/q)",
    "exp(-gamma*p) * sqrt(q) - log1p(-p)",
    "log(1+exp(-gamma*p))/K",
    "sigmoid(3*q - gamma) + tanh(p - 1/2)",
    "pow(p, gamma+1/K) - 2^-p",
    "(p + 2*q)^p / (1 + p)^(2*gamma)",
    "max(gamma*p, q) + min(p, 0.3) + abs(p - 0.7)",
    "expm1(softplus(-p^3)) * 1e-1",
];

#[test]
fn operators_bind_as_in_mathematics() {
    for (text, z, value) in [
        ("-z^2", 3.0, -9.0),
        ("2^3^2", 0.0, 512.0),
        ("2^-z", 1.0, 0.5),
        ("-2^-z^2", 2.0, -0.0625),
        ("1-2-3", 0.0, -4.0),
        ("12/2/3", 0.0, 2.0),
        ("2+3*z", 4.0, 14.0),
        ("(2+3)*z", 4.0, 20.0),
        ("2*-z", 4.0, -8.0),
        ("--z", 4.0, 4.0),
        ("1 - -z", 4.0, 5.0),
        ("6/2*z", 3.0, 9.0),
        ("K*z", 2.0, 10.0),
        (".5e1 + 1.e-1 + 2E0", 0.0, 7.1),
        ("max(z, 2) + min(z,2) + abs(-z)", 5.0, 12.0),
        ("pow(z, 2)", -3.0, 9.0),
        ("(z-1)^3", -1.0, -8.0),
        ("ln(exp(z))", 2.5, 2.5),
    ] {
        let found = at(text, z);
        assert!((found - value).abs() <= 1e-15 * value.abs(), "{text} at {z}: {found}");
    }
}

#[test]
fn the_canonical_text_reads_back() {
    let texts =
        ["a-(b-c)", "(a-b)-c", "a/(b*c)", "-(a+b)^2", "(-a)^b", "a^-b^c", "(a^b)^c", "-(-a)", "1e-7*a + 3.25", "max(a,-b)*(a+b)"];
    for text in texts.iter().chain(FORMULAS).chain(&["  p  *( ( q ) )  "]) {
        let expression = of_p(text);
        let canonical = expression.to_string();
        assert_eq!(of_p(&canonical).root, expression.root, "{text} → {canonical}");
        assert_eq!(of_p(&canonical).to_string(), canonical);
    }
    assert_eq!(of_p(" - ( 1 - p ) ^ gamma * ln( p )").to_string(), "-(1-p)^gamma*ln(p)");
}

#[test]
fn errors_point_at_the_character() {
    for (text, at, words, help) in [
        ("", 0, "empty", None),
        ("-(1-p)^gama*lg(p)", 12, "there is no function `lg`", Some("did you mean `log`?")),
        ("soft_plus(p)", 0, "no function `soft_plus`", Some("`softplus`")),
        ("log p", 0, "needs its argument in parentheses", Some("log(x)")),
        ("2p", 1, "an operator is missing between `2` and `p`", Some("2*p")),
        ("2(1-p)", 1, "an operator is missing", Some("2*(…)")),
        ("p q", 2, "an operator is missing", None),
        ("p(1-p)", 1, "`p` is a variable", Some("p*(…)")),
        ("(1-p)(1-q)", 5, "an operator is missing before `(`", Some("a*b")),
        ("p**2", 1, "`**`", Some("x^2")),
        ("(1-p", 0, "never closed", None),
        ("log(p))", 6, "closes nothing", None),
        ("log(p", 3, "never closed", None),
        ("1 −p", 2, "`−`", Some("a minus is written -")),
        ("p²", 1, "`²`", Some("^")),
        ("γ*p", 0, "`γ`", Some("ASCII")),
        ("p + ", 4, "ends where", None),
        ("p + * q", 4, "`*` stands where", None),
        ("min(p)", 0, "takes 2 arguments, not 1", None),
        ("log()", 0, "takes 1 argument, not 0", None),
        ("(p, q)", 2, "comma", None),
        ("1e999", 0, "beyond the range", None),
        ("p.q", 1, "an operator is missing behind `p`", None),
        ("z + p", 0, "`z` is no variable here", Some("`own` and `others`")),
        ("p = 1", 2, "`=`", Some("one value")),
        (".", 0, "a point is no number", None),
    ] {
        let error = parse(text, Variables::TrueClass).expect_err(text);
        assert_eq!(error.at, at, "{error}");
        assert!(error.message.contains(words), "{error}");
        match help {
            Some(help) => assert!(error.help.as_ref().is_some_and(|found| found.contains(help)), "{error:?}"),
            None => assert_eq!(error.help.iter().filter(|_| words == "never closed").count(), 0),
        }
    }
    let picture = parse("-(1-p)^2*lg(p)", Variables::TrueClass).unwrap_err().picture();
    assert_eq!(picture, "  -(1-p)^2*lg(p)\n           ^");
    let long = format!("{}+lg(p)+{}", "p+".repeat(60).trim_end_matches('+'), "q+".repeat(60));
    let picture = parse(&long, Variables::TrueClass).unwrap_err().picture();
    let (first, second) = picture.split_once('\n').unwrap();
    assert!(first.chars().nth(second.chars().count() - 1) == Some('l') && first.chars().count() < 90, "{picture}");
}

#[test]
fn rewriting_keeps_digits_at_collapse() {
    // At q = 1e-30, p is 1 to the last digit.
    let near_one = |text: &str| {
        let seed = Seed::TrueClass(probability(30.0 * std::f64::consts::LN_10), Along::Odds);
        Program::new(&of_p(text)).jet(&seed, 5, &[])
    };
    for (text, value) in [
        ("1-p", 1e-30),
        ("-log(p)", 1e-30),
        ("log(1/p)", 1e-30),
        ("-log(1-q)", 1e-30),
        ("-log1p(-q)", 1e-30),
        ("1-p^2", 2e-30),
        ("1-sqrt(p)", 5e-31),
        ("p-1", -1e-30),
        ("-p+1", 1e-30),
        ("1/q", 1e30),
        ("log(1-p)", -30.0 * std::f64::consts::LN_10),
        ("(1-p)^2*log(p)", -1e-90),
        ("sqrt(1-p)", 1e-15),
        ("(q^2)^2", 1e-120),
    ] {
        let found = near_one(text).value;
        assert!((found - value).abs() <= 1e-13 * value.abs(), "{text}: {found:e}");
    }
    for (text, z, value) in [
        ("log(1+exp(-z))", 100.0, (-100.0_f64).exp()),
        ("log(1+exp(z))", 800.0, 800.0),
        ("1/(1+exp(z))", 800.0, 0.0),
        ("exp(z)/(exp(z)+1)", 800.0, 1.0),
        ("log(sigmoid(z))", -800.0, -800.0),
        ("1-sigmoid(z)", 100.0, (-100.0_f64).exp()),
        ("tanh(z)", 1e-20, 1e-20),
        ("tanh(z)", 500.0, 1.0),
    ] {
        let found = at(text, z);
        assert!((found - value).abs() <= 1e-13 * value.abs(), "{text}: {found:e}");
    }
}

/// Both pairs of derivatives against differences in u: ∂_u = −E∂, ∂_u² = E∂ + E²∂².
#[test]
fn derivatives_are_slopes_in_both_coordinates() {
    for text in FORMULAS {
        let program = Program::new(&of_p(text));
        let gamma = 1.5;
        for u in [-3.3, -0.4, 0.1, 1.9, 4.0] {
            let jet = |u: f64, along| program.jet(&Seed::TrueClass(probability(u), along), 4, &[gamma]);
            let h = 1e-3;
            let difference = |g: fn(Jet<f64>) -> f64| {
                let odd = |m: f64| g(jet(u + m * h, Along::LogOdds)) - g(jet(u - m * h, Along::LogOdds));
                (45.0 * odd(1.0) - 9.0 * odd(2.0) + odd(3.0)) / (60.0 * h)
            };
            let (found, odds) = (jet(u, Along::LogOdds), jet(u, Along::Odds));
            let (first, second) = (difference(|jet| jet.value), difference(|jet| jet.first));
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-8 * (1.0 + b.abs());
            assert!(near(found.first, first) && near(found.second, second), "{text} at {u}: {found:?} {first} {second}");
            assert!(near(-odds.first, first) && near(odds.first + odds.second, second), "{text} at {u}: {odds:?}");
            let folded = program.folded(&[gamma]);
            let same = folded.jet(&Seed::TrueClass(probability(u), Along::LogOdds), 4, &[]);
            assert!(near(same.value, found.value) && near(same.second, found.second), "{text}");
            assert!(folded.steps.len() <= program.steps.len(), "{text}: {:?}", folded.steps);
        }
    }
}

/// Over a box of u every float value and derivative lies in the interval one.
#[test]
fn intervals_hold_what_floats_find() {
    for text in FORMULAS {
        let program = Program::new(&of_p(text));
        for along in [Along::Odds, Along::LogOdds] {
            for u in [-3.3, -0.4, 0.2, 4.0] {
                let (low, high) = (probability(u - 0.05), probability(u + 0.05));
                let set = |a: f64, b: f64| Interval::new(a.min(b).next_down(), a.max(b).next_up()).unwrap();
                let seed = TrueClass {
                    p: set(low.p, high.p),
                    q: set(low.q, high.q),
                    surprise: set(low.surprise, high.surprise),
                    other_surprise: set(low.other_surprise, high.other_surprise),
                };
                let sets = program.jet(&Seed::TrueClass(seed, along), 4, &[Interval::point(1.5)]);
                for t in [-0.049, -0.01, 0.0, 0.03, 0.049] {
                    let found = program.jet(&Seed::TrueClass(probability(u + t), along), 4, &[1.5]);
                    for (set, x) in [(sets.value, found.value), (sets.first, found.first), (sets.second, found.second)] {
                        let room = 1e-13 * (1.0 + x.abs());
                        assert!(set.lo() - room <= x && x <= set.hi() + room, "{text} at {u}, {along:?}: {x} outside {set}");
                    }
                }
            }
        }
    }
}

#[test]
fn parameters_come_in_the_order_of_their_first_use() {
    let expression = of_p("b*p + a*q - b/K");
    assert_eq!(expression.parameters().collect::<Vec<_>>(), [("b", 0), ("a", 6)]);
    let program = Program::new(&expression);
    let found = program.jet(&Seed::TrueClass(probability(0.0), Along::Odds), 4, &[2.0, 6.0]).value;
    assert!((found - (1.0 + 3.0 - 0.5)).abs() <= 1e-15, "{found}");
    assert!(program.uses_classes() && !program.uses_other_surprise() && !program.has_kinks());
}

/// Evaluates the `let` lines of a printed function by our own grammar.
fn run_wgsl(text: &str, values: &[(&str, f64)]) -> [f64; 3] {
    let mut known: Vec<(String, f64)> = values.iter().map(|&(name, x)| (name.to_owned(), x)).collect();
    let value = |text: &str, known: &[(String, f64)]| -> f64 {
        let plain =
            ["log1p", "expm1", "softplus"].iter().fold(text.to_owned(), |text, name| text.replace(&format!("ufm_{name}"), name));
        let plain = plain.replace("ufm_logistic", "sigmoid").replace("ufm_powi", "pow");
        let expression = parse(&plain, Variables::Logit).unwrap_or_else(|error| panic!("{error}"));
        let numbers: Vec<f64> = expression
            .parameters()
            .map(|(name, _)| known.iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("{name} in {text}")).1)
            .collect();
        Program::new(&expression).folded(&numbers).jet(&Seed::Logit(0.0), 2, &[]).value
    };
    let body = &text[text.find("-> vec3<f32> {").unwrap()..];
    for line in body.lines().map(str::trim) {
        if let Some((name, formula)) = line.strip_prefix("let ").and_then(|rest| rest.strip_suffix(';')?.split_once(" = ")) {
            let x = value(formula, &known);
            known.push((name.to_owned(), x));
        } else if let Some(parts) = line.strip_prefix("return vec3<f32>(").and_then(|rest| rest.strip_suffix(");")) {
            let parts: Vec<&str> = parts.split(", ").collect();
            return [value(parts[0], &known), value(parts[1], &known), value(parts[2], &known)];
        }
    }
    panic!("no return in {text}")
}

#[test]
fn wgsl_says_what_the_program_does() {
    for text in FORMULAS.iter().filter(|text| !text.contains("max")) {
        let program = Program::new(&of_p(text)).folded(&[1.5]);
        for along in [Along::Odds, Along::LogOdds] {
            let printed = program.to_wgsl("ell", along);
            for u in [-1.7, 0.3, 2.5] {
                let TrueClass { p, q, surprise, other_surprise } = probability(u);
                let values = [
                    ("probability", p),
                    ("other", q),
                    ("surprise", surprise),
                    ("other_surprise", other_surprise),
                    ("classes", 4.0),
                ];
                let [value, first, second] = run_wgsl(&printed, &values);
                let jet = program.jet(&Seed::TrueClass(probability(u), along), 4, &[]);
                for (a, b) in [(value, jet.value), (first, jet.first), (second, jet.second)] {
                    assert!((a - b).abs() <= 1e-6 * (1.0 + b.abs()), "{text}, {along:?} at {u}: {a} {b}\n{printed}");
                }
            }
        }
    }
    let printed = Program::new(&of_z("softplus(-z) + (z-1)^3")).to_wgsl("own", Along::Odds);
    let [value, first, second] = run_wgsl(&printed, &[("logit", 0.4), ("classes", 4.0)]);
    let jet = Program::new(&of_z("softplus(-z) + (z-1)^3")).jet(&Seed::Logit(0.4), 4, &[]);
    assert!((value - jet.value).abs() + (first - jet.first).abs() + (second - jet.second).abs() <= 1e-6, "{printed}");
    // Helpers stand before their use, with what they need, and only where they are needed.
    assert!(printed.find("fn ufm_log1p").unwrap() < printed.find("fn ufm_softplus").unwrap());
    assert!(printed.contains("fn own(logit: f32, classes: f32) -> vec3<f32> {") && !printed.contains("ufm_expm1"));
    let plain = Program::new(&of_p("-log(p)")).to_wgsl("ell", Along::LogOdds);
    let expected = "fn ell(probability: f32, other: f32, surprise: f32, other_surprise: f32, classes: f32) -> vec3<f32> {\n    let v0 = surprise;\n    let d0 = -other;\n    let c0 = probability * other;\n    return vec3<f32>(v0, d0, c0);\n}\n";
    assert_eq!(plain, expected);
    let kinked = Program::new(&of_p("max(p, q)")).to_wgsl("ell", Along::LogOdds);
    assert!(kinked.contains("select(d1, d0, v0 >= v1)"), "{kinked}");
}

#[test]
fn size_and_depth_are_bounded() {
    let deep = |n: usize| format!("{}p{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(40), Variables::TrueClass).is_ok());
    for text in [deep(400), "-".repeat(900) + "p", "2^".repeat(400) + "p", "log(".repeat(200)] {
        let error = parse(&text, Variables::TrueClass).unwrap_err();
        assert!(error.message.contains("nested deeper"), "{error}");
    }
    let wide = vec!["p"; 124].join("+");
    assert!(parse(&wide, Variables::TrueClass).is_ok());
    let error = parse(&vec!["p"; 200].join("+"), Variables::TrueClass).unwrap_err();
    assert!(error.message.contains("250"), "{error}");
    let error = parse(&" ".repeat(100_000), Variables::TrueClass).unwrap_err();
    assert!(error.message.contains("1000 characters"), "{}", error.message);
}

/// Pieces of hostile texts.
const PIECES: &[&str] = &[
    "p",
    "q",
    "K",
    "z",
    "gamma",
    "1",
    "0",
    "2.5",
    "1e-3",
    ".",
    "1e",
    "(",
    ")",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "^",
    "^",
    ",",
    " ",
    "log(",
    "exp(",
    "max(",
    "sqrt(",
    "log1p(",
    "softplus(",
    "pow(",
    "abs(",
    "tanh(",
    "−",
    "²",
    "é",
    "\u{0}",
    "\n",
    "\"",
    "**",
    "_",
    "[",
    "𝛾",
];

/// Texts drawn at random, of pieces of the grammar and of anything: no panic, and what is accepted reads back and evaluates.
#[test]
fn random_texts_do_no_harm() {
    let mut accepted = 0;
    for draw in 0..20_000_u64 {
        let mut numbers = [0.0; 24];
        gaussian(&mut stream(draw, "expression.fuzz", 0), 1.0, &mut numbers);
        let length = 1 + (draw % 24) as usize;
        let piece = |x: f64| PIECES[((x.abs() * 1e6) as usize) % PIECES.len()];
        let text: String = numbers[..length].iter().map(|&x| piece(x)).collect();
        for variables in [Variables::TrueClass, Variables::Logit] {
            match parse(&text, variables) {
                Ok(expression) => {
                    accepted += 1;
                    assert_eq!(parse(&expression.to_string(), variables).unwrap().root, expression.root, "{text}");
                    let parameters = vec![1.5; expression.parameters().count()];
                    let program = Program::new(&expression);
                    let folded = program.folded(&parameters);
                    let seed = match variables {
                        Variables::TrueClass => Seed::TrueClass(probability(0.3), Along::Odds),
                        Variables::Logit => Seed::Logit(0.3),
                    };
                    let (plain, folded) = (program.jet(&seed, 3, &parameters).value, folded.jet(&seed, 3, &[]).value);
                    let agree = (plain - folded).abs() <= 1e-9 * plain.abs() || !plain.is_finite() || !folded.is_finite();
                    assert!(agree, "{text}: {plain} {folded}");
                    assert!(program.folded(&parameters).to_wgsl("f", Along::Odds).is_ascii());
                }
                Err(error) => {
                    assert!(error.at <= text.chars().count() && !error.message.is_empty(), "{text:?}");
                    assert!(error.picture().lines().count() == 2, "{text:?}: {}", error.picture());
                }
            }
        }
    }
    assert!(accepted > 300, "{accepted} accepted");
}
