//! Enclosures of thin arguments against values of 60 digits: they contain them, and are at most a few floats wide.
//!
//! A short search runs always; millions: `cargo test --release --test interval_oracle -- --ignored --nocapture`, UFM_ARGUMENTS=N for N arguments.

#[path = "shared/certificates.rs"]
mod certificates;

use std::collections::BTreeMap;

use rand::{Rng, RngExt};
use ufm::numeric::interval::{Interval, log_sum_exp, softmax};
use ufm::numeric::stream;
use ufm::rigor::hexadecimal;

/// A function, how many floats wider than the bracket of the exact value its enclosure may be at each end, and its arguments.
struct Function {
    name: &'static str,
    ulps: u64,
    arguments: fn(&mut dyn Rng) -> Vec<f64>,
}

/// ± 10^x, x from `low` to `high`.
fn signed(random: &mut dyn Rng, low: f64, high: f64) -> f64 {
    let size = 10.0_f64.powf(random.random_range(low..high));
    if random.random_range(0..2) == 0 { size } else { -size }
}

/// Any float: every exponent is as likely as another.
fn any(random: &mut dyn Rng) -> f64 {
    loop {
        let x = f64::from_bits(random.random_range(0..=u64::MAX));
        if x.is_finite() {
            return x;
        }
    }
}

fn logits(random: &mut dyn Rng) -> Vec<f64> {
    let size = signed(random, -2.0, 2.3).abs();
    (0..4).map(|_| size * random.random_range(-1.0..1.0)).collect()
}

const FUNCTIONS: &[Function] = &[
    Function { name: "add", ulps: 0, arguments: |r| vec![any(r), any(r)] },
    Function { name: "add", ulps: 0, arguments: |r| vec![signed(r, -8.0, 8.0), signed(r, -8.0, 8.0)] },
    Function { name: "mul", ulps: 1, arguments: |r| vec![any(r), any(r)] },
    Function { name: "mul", ulps: 0, arguments: |r| vec![signed(r, -100.0, 100.0), signed(r, -100.0, 100.0)] },
    Function { name: "div", ulps: 1, arguments: |r| vec![any(r), any(r)] },
    Function { name: "div", ulps: 0, arguments: |r| vec![signed(r, -100.0, 100.0), signed(r, -100.0, 100.0)] },
    Function { name: "sqr", ulps: 1, arguments: |r| vec![any(r)] },
    Function { name: "sqrt", ulps: 1, arguments: |r| vec![any(r).abs()] },
    Function { name: "exp", ulps: 1, arguments: |r| vec![signed(r, -20.0, 2.85)] },
    Function { name: "expm1", ulps: 1, arguments: |r| vec![signed(r, -300.0, 2.85)] },
    Function { name: "log", ulps: 1, arguments: |r| vec![any(r).abs()] },
    Function { name: "log", ulps: 1, arguments: |r| vec![1.0 + signed(r, -16.0, -0.1)] },
    Function { name: "log1p", ulps: 1, arguments: |r| vec![signed(r, -300.0, 300.0).max(-0.999_999)] },
    Function { name: "pow", ulps: 1, arguments: |r| vec![signed(r, -8.0, 3.0).abs(), signed(r, -3.0, 1.5)] },
    Function { name: "pow", ulps: 1, arguments: |r| vec![any(r).abs(), f64::from(r.random_range(-3..6))] },
    Function { name: "logistic", ulps: 8, arguments: |r| vec![signed(r, -6.0, 2.8)] },
    Function { name: "softplus", ulps: 8, arguments: |r| vec![signed(r, -6.0, 2.8)] },
    Function { name: "softmax", ulps: 16, arguments: logits },
    Function { name: "log-sum-exp", ulps: 8, arguments: logits },
];

fn enclosure(name: &str, x: &[Interval]) -> Interval {
    match name {
        "add" => x[0] + x[1],
        "mul" => x[0] * x[1],
        "div" => x[0] / x[1],
        "sqr" => x[0].sqr(),
        "sqrt" => x[0].sqrt(),
        "exp" => x[0].exp(),
        "expm1" => x[0].expm1(),
        "log" => x[0].log(),
        "log1p" => x[0].log1p(),
        "pow" => x[0].pow(x[1]),
        "logistic" => x[0].logistic(),
        "softplus" => x[0].softplus(),
        "softmax" => softmax(x)[0],
        "log-sum-exp" => log_sum_exp(x),
        other => panic!("unknown function {other}"),
    }
}

/// A float as Python writes it.
fn float(text: &str) -> f64 {
    match text {
        "inf" => f64::INFINITY,
        "-inf" => f64::NEG_INFINITY,
        text => ufm::rigor::parse_hexadecimal(text).unwrap_or_else(|| panic!("no float: {text}")),
    }
}

/// Steps from one float to another.
fn steps(a: f64, b: f64) -> u64 {
    // −0 is the float 0: an enclosure may end there.
    let key = |x: f64| if x.is_sign_negative() { -i128::from((-x).to_bits()) } else { i128::from(x.to_bits()) };
    (key(b) - key(a)).unsigned_abs() as u64
}

/// Widths of the enclosures of one function, in floats beyond the bracket of the exact value, both ends together.
#[derive(Default)]
struct Widths {
    count: u64,
    sum: u64,
    most: u64,
}

/// Compares `count` arguments with the oracle; the widths by function, or `None` without Python.
fn compare(count: usize, seed: u64) -> Option<BTreeMap<&'static str, Widths>> {
    let mut found = BTreeMap::<&'static str, Widths>::new();
    // In parts, so that millions of lines are never there at once.
    for part in 0..count.div_ceil(100_000) {
        let mut random = stream(seed, "interval-oracle", part as u64);
        let cases: Vec<(&Function, Vec<f64>)> = (0..(count - part * 100_000).min(100_000))
            .map(|at| {
                let function = &FUNCTIONS[at % FUNCTIONS.len()];
                (function, (function.arguments)(&mut random))
            })
            .collect();
        let line = |(function, x): &(&Function, Vec<f64>)| {
            x.iter().fold(function.name.to_owned(), |line, &x| line + " " + &hexadecimal(x))
        };
        let lines: Vec<String> = cases.iter().map(line).collect();
        for ((function, x), answer) in cases.iter().zip(certificates::python("oracle/brackets.py", &[], &lines)?) {
            let (low, high) = answer.split_once(' ').unwrap();
            let (low, high) = (float(low), float(high));
            let thin: Vec<Interval> = x.iter().map(|&x| Interval::point(x)).collect();
            let set = enclosure(function.name, &thin);
            assert!(
                set.lo() <= low && high <= set.hi(),
                "{} at {x:?}: {set} does not contain [{low:e}, {high:e}]",
                function.name
            );
            let beyond = if function.name == "log-sum-exp" {
                // A sum of two terms that may cancel: in units of the largest term.
                let unit = f64::EPSILON * x.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                ((set.width() - (high - low)).max(0.0) / unit).ceil() as u64
            } else if high < 1e-300 && low >= 0.0 && function.name == "softmax" {
                // Odds overflow there.
                0
            } else {
                let (below, above) = (steps(set.lo(), low), steps(high, set.hi()));
                assert!(below.max(above) <= function.ulps, "{} at {x:?}: {set} against [{low:e}, {high:e}]", function.name);
                below + above
            };
            assert!(beyond <= 2 * function.ulps, "{} at {x:?}: {set}", function.name);
            let widths = found.entry(function.name).or_default();
            (widths.count, widths.sum, widths.most) = (widths.count + 1, widths.sum + beyond, widths.most.max(beyond));
        }
    }
    Some(found)
}

#[test]
fn enclosures_contain_60_digit_values() {
    let widths = compare(4000, 1);
    assert!(widths.is_none_or(|widths| widths.len() >= 13));
}

#[test]
#[ignore = "minutes; run in release"]
fn enclosures_contain_millions_of_60_digit_values() {
    let count = std::env::var("UFM_ARGUMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000_000);
    let Some(found) = compare(count, 2) else { return };
    #[expect(clippy::print_stdout, reason = "the widths are the result")]
    for (name, Widths { count, sum, most }) in &found {
        println!(
            "{name:<12} {count:>8} arguments  floats beyond the tightest enclosure: mean {:.3}, most {most}",
            *sum as f64 / *count as f64
        );
    }
    assert_eq!(found.values().map(|widths| widths.count).sum::<u64>(), count as u64);
}
