//! A formula as a function in WGSL, f32: value, first and second derivative by the same rules as [`super::Program::jet`], as straight-line code.

use std::fmt::Write;

use super::program::{Along, Binary, Leaf, Program, Step, Unary};
use super::tree::Variables;

/// A register in the text: its value, and its derivatives where they are not zero.
#[derive(Clone, Debug)]
struct Names {
    value: String,
    first: Option<String>,
    second: Option<String>,
}

/// Functions that WGSL lacks, each printed where it is used.
const HELPERS: &[(&str, &str)] = &[
    (
        "ufm_log1p",
        "fn ufm_log1p(x: f32) -> f32 {\n    let series = x * (1.0 - x * (0.5 - x * (0.33333334 - x * (0.25 - x * (0.2 - x * 0.16666667)))));\n    return select(log(1.0 + x), series, abs(x) < 0.1);\n}\n",
    ),
    (
        "ufm_expm1",
        "fn ufm_expm1(x: f32) -> f32 {\n    let series = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * 0.008333334))));\n    return select(exp(x) - 1.0, series, abs(x) < 0.1);\n}\n",
    ),
    (
        "ufm_logistic",
        "fn ufm_logistic(x: f32) -> f32 {\n    let small = exp(-abs(x));\n    return select(small, 1.0, x >= 0.0) / (1.0 + small);\n}\n",
    ),
    ("ufm_softplus", "fn ufm_softplus(x: f32) -> f32 {\n    return max(x, 0.0) + ufm_log1p(exp(-abs(x)));\n}\n"),
    (
        "ufm_powi",
        "fn ufm_powi(x: f32, n: i32) -> f32 {\n    var result = 1.0;\n    for (var i = 0; i < abs(n); i++) {\n        result *= x;\n    }\n    return select(result, 1.0 / result, n < 0);\n}\n",
    ),
];

impl Program {
    /// A WGSL function `name` of (probability, other, surprise, other_surprise, classes), or of (logit, classes), that returns value, first and second derivative, with the helpers it needs before it.
    ///
    /// Of a function of p the derivatives are those of `along`. Parameters must be [folded](Program::folded) in; one that is not prints as 0/0. What lies beyond the range of f32 prints as its largest number.
    pub fn to_wgsl(&self, name: &str, along: Along) -> String {
        let arguments = match self.variables {
            Variables::TrueClass => "probability: f32, other: f32, surprise: f32, other_surprise: f32, classes: f32",
            Variables::Logit => "logit: f32, classes: f32",
        };
        let mut body = String::new();
        let mut names: Vec<Names> = Vec::with_capacity(self.steps.len());
        for (at, step) in self.steps.iter().enumerate() {
            let parts = parts(step, &names, at, along, &mut body);
            names.push(parts);
        }
        let zero = || "0.0".to_owned();
        let last = names.pop().unwrap_or(Names { value: zero(), first: None, second: None });
        let _ = writeln!(
            body,
            "    return vec3<f32>({}, {}, {});",
            last.value,
            last.first.unwrap_or_else(zero),
            last.second.unwrap_or_else(zero)
        );
        // A helper may need another: softplus is log1p's.
        let mut used: Vec<bool> = HELPERS.iter().map(|(helper, _)| body.contains(helper)).collect();
        for at in (0..HELPERS.len()).rev() {
            let needed = (0..HELPERS.len()).any(|by| used[by] && by != at && HELPERS[by].1.contains(HELPERS[at].0));
            used[at] |= needed;
        }
        let helpers: String = HELPERS.iter().zip(&used).filter(|(_, used)| **used).map(|((_, text), _)| *text).collect();
        format!("{helpers}fn {name}({arguments}) -> vec3<f32> {{\n{body}}}\n")
    }
}

/// A literal in f32.
fn literal(x: f64) -> String {
    if x.is_nan() {
        return "(0.0 / 0.0)".into();
    }
    let x = (x as f32).clamp(f32::MIN, f32::MAX);
    if x < 0.0 { format!("({x:?})") } else { format!("{x:?}") }
}

/// Prints the step's lines and returns its names.
fn parts(step: &Step, names: &[Names], at: usize, along: Along, body: &mut String) -> Names {
    let constant = |value: String| Names { value, first: None, second: None };
    match *step {
        Step::Number(x) => constant(literal(x)),
        Step::Parameter(_) => constant(literal(f64::NAN)),
        Step::Classes => constant("classes".into()),
        Step::Leaf(leaf) => leaf_parts(leaf, along, at, body),
        Step::LeafPower(leaf, exponent) => leaf_power(leaf, &names[exponent].value, along, at, body),
        Step::Unary(function, x) => unary(function, &names[x], at, body),
        Step::Binary(function, x, y) => binary(function, &names[x], &names[y], at, body),
        Step::Integer(x, n) => {
            let v = &names[x].value;
            let power = |m: i32| match m {
                0 => "1.0".to_owned(),
                1 => v.clone(),
                2 => format!("{v} * {v}"),
                _ => format!("ufm_powi({v}, {m})"),
            };
            let slope = format!("{} * ({})", literal(f64::from(n)), power(n - 1));
            let curvature = format!("{} * ({})", literal(f64::from(n) * f64::from(n - 1)), power(n - 2));
            chain(&names[x], power(n), &slope, Some(&curvature), at, body)
        }
        Step::Constant(x, exponent) => {
            let (v, c) = (&names[x].value, &names[exponent].value);
            let slope = format!("{c} * pow({v}, {c} - 1.0)");
            let curvature = format!("{c} * ({c} - 1.0) * pow({v}, {c} - 2.0)");
            chain(&names[x], format!("pow({v}, {c})"), &slope, Some(&curvature), at, body)
        }
    }
}

/// Lines for three expressions, as the registers v, d, c of number `at`.
fn lines(at: usize, value: &str, first: Option<&str>, second: Option<&str>, body: &mut String) -> Names {
    let mut line = |letter: char, text: &str| {
        let _ = writeln!(body, "    let {letter}{at} = {text};");
        format!("{letter}{at}")
    };
    Names { value: line('v', value), first: first.map(|text| line('d', text)), second: second.map(|text| line('c', text)) }
}

/// g(f) with g′ and g″ at f.
fn chain(x: &Names, value: String, slope: &str, curvature: Option<&str>, at: usize, body: &mut String) -> Names {
    let Some(first) = &x.first else { return lines(at, &value, None, None, body) };
    let mut out = lines(at, &value, None, None, body);
    let _ = writeln!(body, "    let g{at} = {slope};");
    let bent = curvature.map(|curvature| format!("({curvature}) * {first} * {first}"));
    let carried = x.second.as_ref().map(|second| format!("g{at} * {second}"));
    let _ = writeln!(body, "    let d{at} = g{at} * {first};");
    out.first = Some(format!("d{at}"));
    let terms: Vec<String> = bent.into_iter().chain(carried).collect();
    if !terms.is_empty() {
        let _ = writeln!(body, "    let c{at} = {};", terms.join(" + "));
        out.second = Some(format!("c{at}"));
    }
    out
}

/// The table of `program`.
fn leaf_parts(leaf: Leaf, along: Along, at: usize, body: &mut String) -> Names {
    let (value, first, second) = match (leaf, along) {
        (Leaf::Logit, _) => ("logit", "1.0", None),
        (Leaf::True, Along::Odds) => ("probability", "-probability * other", Some("2.0 * probability * other * other")),
        (Leaf::True, Along::LogOdds) => {
            ("probability", "probability * other", Some("probability * other * (other - probability)"))
        }
        (Leaf::Other, Along::Odds) => ("other", "probability * other", Some("-2.0 * probability * other * other")),
        (Leaf::Other, Along::LogOdds) => ("other", "-probability * other", Some("probability * other * (probability - other)")),
        (Leaf::Surprise, Along::Odds) => ("surprise", "other", Some("-other * other")),
        (Leaf::Surprise, Along::LogOdds) => ("surprise", "-other", Some("probability * other")),
        (Leaf::OtherSurprise, Along::Odds) => ("other_surprise", "-probability", Some("probability * (1.0 + other)")),
        (Leaf::OtherSurprise, Along::LogOdds) => ("other_surprise", "probability", Some("probability * other")),
    };
    lines(at, value, Some(first), second, body)
}

fn leaf_power(leaf: Leaf, c: &str, along: Along, at: usize, body: &mut String) -> Names {
    let (base, other) = if leaf == Leaf::Other { ("other", "probability") } else { ("probability", "other") };
    let v = format!("v{at}");
    let (first, second) = match (leaf == Leaf::Other, along) {
        (false, Along::Odds) => (format!("-{c} * other * {v}"), format!("{c} * ({c} + 1.0) * other * other * {v}")),
        (true, Along::Odds) => {
            (format!("{c} * probability * {v}"), format!("{c} * probability * {v} * (({c} - 1.0) * probability - 2.0 * other)"))
        }
        (of_other, Along::LogOdds) => (
            format!("{}{c} * {other} * {v}", if of_other { "-" } else { "" }),
            format!("{c} * {other} * {v} * ({c} * {other} - {base})"),
        ),
    };
    lines(at, &format!("pow({base}, {c})"), Some(&first), Some(&second), body)
}

fn unary(function: Unary, x: &Names, at: usize, body: &mut String) -> Names {
    let v = &x.value;
    let own = format!("v{at}");
    let (value, slope, curvature) = match function {
        Unary::Negate => (format!("-{v}"), "-1.0".to_owned(), None),
        Unary::Exp => (format!("exp({v})"), own.clone(), Some(own)),
        Unary::Expm1 => (format!("ufm_expm1({v})"), format!("exp({v})"), Some(format!("exp({v})"))),
        Unary::Log => (format!("log({v})"), format!("1.0 / {v}"), Some(format!("-1.0 / ({v} * {v})"))),
        Unary::Log1p => {
            (format!("ufm_log1p({v})"), format!("1.0 / (1.0 + {v})"), Some(format!("-1.0 / ((1.0 + {v}) * (1.0 + {v}))")))
        }
        Unary::Sqrt => (format!("sqrt({v})"), format!("0.5 / {own}"), Some(format!("-0.25 / ({own} * {v})"))),
        Unary::Abs => (format!("abs({v})"), format!("sign({v})"), None),
        Unary::Tanh => {
            let slope = format!("4.0 * ufm_logistic(2.0 * {v}) * ufm_logistic(-2.0 * {v})");
            (format!("tanh({v})"), slope, Some(format!("-2.0 * {own} * g{at}")))
        }
        Unary::Logistic => {
            let slope = format!("{own} * ufm_logistic(-{v})");
            (format!("ufm_logistic({v})"), slope, Some(format!("g{at} * (ufm_logistic(-{v}) - {own})")))
        }
        Unary::Softplus => {
            let slope = format!("ufm_logistic({v})");
            (format!("ufm_softplus({v})"), slope, Some(format!("g{at} * ufm_logistic(-{v})")))
        }
    };
    chain(x, value, &slope, curvature.as_deref(), at, body)
}

/// The sum of the terms that are not zero.
fn sum(terms: &[Option<String>]) -> Option<String> {
    let terms: Vec<&str> = terms.iter().flatten().map(String::as_str).collect();
    (!terms.is_empty()).then(|| terms.join(" + "))
}

fn binary(function: Binary, x: &Names, y: &Names, at: usize, body: &mut String) -> Names {
    let (a, b) = (&x.value, &y.value);
    let times = |x: &Option<String>, factor: &str| x.as_ref().map(|x| format!("{x} * {factor}"));
    let minus = |x: &Option<String>| x.as_ref().map(|x| format!("(-{x})"));
    let cross = |x: &Option<String>, y: &Option<String>| x.as_ref().zip(y.as_ref()).map(|(x, y)| format!("2.0 * {x} * {y}"));
    let (value, first, second) = match function {
        Binary::Add => {
            (format!("{a} + {b}"), sum(&[x.first.clone(), y.first.clone()]), sum(&[x.second.clone(), y.second.clone()]))
        }
        Binary::Subtract => {
            (format!("{a} - {b}"), sum(&[x.first.clone(), minus(&y.first)]), sum(&[x.second.clone(), minus(&y.second)]))
        }
        Binary::Multiply => (
            format!("{a} * {b}"),
            sum(&[times(&x.first, b), times(&y.first, a)]),
            sum(&[times(&x.second, b), cross(&x.first, &y.first), times(&y.second, a)]),
        ),
        Binary::Divide => {
            let (value, first) = (format!("v{at}"), format!("d{at}"));
            let slope = sum(&[x.first.clone(), times(&minus(&y.first), &value)]);
            let own = slope.as_ref().map(|_| first);
            let bent = sum(&[x.second.clone(), cross(&minus(&y.first), &own), times(&minus(&y.second), &value)]);
            let over = |text: Option<String>| text.map(|text| format!("({text}) / {b}"));
            (format!("{a} / {b}"), over(slope), over(bent))
        }
        Binary::Min | Binary::Max => {
            let (pick, test) = if function == Binary::Min { ("min", "<=") } else { ("max", ">=") };
            let zero = "0.0".to_owned();
            let chosen = |x: &Option<String>, y: &Option<String>| {
                let any = x.is_some() || y.is_some();
                any.then(|| format!("select({}, {}, {a} {test} {b})", y.as_ref().unwrap_or(&zero), x.as_ref().unwrap_or(&zero)))
            };
            (format!("{pick}({a}, {b})"), chosen(&x.first, &y.first), chosen(&x.second, &y.second))
        }
        Binary::Power => {
            // x^y = e^{y log x}: the derivatives of m = y log x first.
            let first = sum(&[times(&y.first, &format!("log({a})")), times(&x.first, &format!("{b} / {a}"))]);
            let bent = x.first.as_ref().map(|d| format!("(-{b} * {d} * {d} / ({a} * {a}))"));
            let second = sum(&[
                times(&y.second, &format!("log({a})")),
                cross(&y.first, &x.first).map(|text| format!("{text} / {a}")),
                times(&x.second, &format!("{b} / {a}")),
                bent,
            ]);
            let own = format!("v{at}");
            let slope = first.as_ref().map(|first| format!("{own} * ({first})"));
            let curvature = first.map(|first| {
                let second = second.unwrap_or_else(|| "0.0".into());
                format!("{own} * (({first}) * ({first}) + {second})")
            });
            (format!("pow({a}, {b})"), slope, curvature)
        }
    };
    lines(at, &value, first.as_deref(), second.as_deref(), body)
}
