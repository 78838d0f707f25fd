use serde_json::Value;

use super::*;
use crate::numeric::{gaussian, stream};

/// A float written by C or Python: `-0x1.8p+1`, `inf`.
pub(super) fn c_float(text: &str) -> f64 {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text.trim_start_matches('+')), |rest| (true, rest));
    let size = match rest.strip_prefix("0x") {
        None => rest.parse().unwrap_or_else(|_| panic!("no float: {text}")),
        Some(hex) => {
            let (mantissa, exponent) = hex.split_once('p').unwrap_or((hex, "0"));
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let digits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).unwrap();
            let power = exponent.parse::<i32>().unwrap() - 4 * fraction.len() as i32;
            // In two exact steps: 2^power alone may underflow. At most 56 bits arise here, and they end in zeros.
            let half = power / 2;
            digits as f64 * 2.0_f64.powi(half) * 2.0_f64.powi(power - half)
        }
    };
    if negative { -size } else { size }
}

fn evaluate(function: &str, x: &[Interval]) -> Interval {
    match function {
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
        "log-sum-exp" => log_sum_exp(x),
        "softmax" => softmax(x)[0],
        other => panic!("unknown function {other}"),
    }
}

/// Floats strictly between `a` and `b`, plus one; 0 if they are equal.
fn steps(a: f64, b: f64) -> u64 {
    let key = |x: f64| if x < 0.0 { -((-x).to_bits() as i128) } else { x.to_bits() as i128 };
    (key(b) - key(a)).unsigned_abs() as u64
}

#[test]
fn enclosures_contain_exact_values_and_are_tight() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/intervals.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() > 800);
    for case in cases {
        let function = case["function"].as_str().unwrap();
        let read = |key: &str| c_float(case[key].as_str().unwrap());
        let arguments = case["arguments"].as_array().unwrap();
        let x: Vec<Interval> = arguments.iter().map(|x| Interval::point(c_float(x.as_str().unwrap()))).collect();
        let (low, high) = (read("low"), read("high"));
        let found = evaluate(function, &x);
        assert!(found.lo() <= low && high <= found.hi(), "{case}: {found}");
        if function == "log-sum-exp" {
            // A sum of two terms that may cancel: ulps of its terms, not of itself.
            let size = x.iter().map(|x| x.mag()).fold(1.0, f64::max);
            assert!(found.width() <= 8.0 * f64::EPSILON * size, "{case}: {found} is too wide");
            continue;
        }
        if low.abs() < 1e-300 && found.hi() < 1e-300 {
            // Odds overflow there: an upper bound of 1/MAX is what is left of a probability.
            continue;
        }
        let allowed = match function {
            "add" => 0,
            "sqrt" => u64::from(low < 1e-140),
            // One more float near underflow.
            "mul" | "div" | "sqr" => u64::from(low.abs() < 1e-280),
            "exp" | "expm1" | "log" | "log1p" | "pow" => 1,
            _ => 8,
        };
        assert!(steps(found.lo(), low) <= allowed && steps(high, found.hi()) <= allowed, "{case}: {found} is too wide");
    }
}

#[test]
fn the_oracle_rejects_results_that_are_rounded_to_nearest() {
    // A planted failure: point intervals around nearest results do not contain the bracket.
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/intervals.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let missed = cases.as_array().unwrap().iter().filter(|case| {
        let x = c_float(case["arguments"][0].as_str().unwrap());
        case["function"] == "exp" && !Interval::point(x.exp()).contains(c_float(case["low"].as_str().unwrap()))
    });
    assert!(missed.count() > 10);
}

#[test]
fn boxes_contain_the_images_of_their_members() {
    let mut draws = vec![0.0; 4000];
    gaussian(&mut stream(11, "boxes", 0), 2.0, &mut draws);
    for four in draws.chunks_exact(4) {
        let (x, r) = (four[0], four[1].abs());
        let (y, s) = (four[2], four[3].abs());
        let (a, b) = (Interval::around(x, r), Interval::around(y, s));
        for t in [-1.0, -0.3, 0.5, 1.0] {
            for u in [-1.0, 0.2, 1.0] {
                let (p, q) = ((x + t * r).clamp(a.lo(), a.hi()), (y + u * s).clamp(b.lo(), b.hi()));
                let within = |set: Interval, value: f64| {
                    let slack = 1e-14 * (1.0 + value.abs());
                    assert!(value.is_nan() || (set.lo() - slack <= value && value <= set.hi() + slack), "{set} {value}");
                };
                within(a + b, p + q);
                within(a - b, p - q);
                within(a * b, p * q);
                within(a / b, p / q);
                within(a.sqr(), p * p);
                within(a.exp(), p.exp());
                within(a.log(), p.ln());
                within(a.pown(3), p.powi(3));
                within(a.pown(-2), p.powi(-2));
                within(a.logistic(), 1.0 / (1.0 + (-p).exp()));
                within(a.abs().pow(b), p.abs().powf(q));
                within(log_sum_exp(&[a, b]), (p.exp() + q.exp()).ln());
                within(softmax(&[a, b])[0], p.exp() / (p.exp() + q.exp()));
                let odds = Odds::new(&[a, b], 1);
                within(odds.complement, p.exp() / (p.exp() + q.exp()));
                within(odds.surprise, (1.0 + (p - q).exp()).ln());
            }
        }
    }
}

#[test]
fn numbers_that_are_none_bound_nothing() {
    assert!(Interval::point(f64::NAN).is_entire() && Interval::around(1.0, f64::NAN).is_entire());
    assert_eq!(Interval::new(1.0, f64::NAN), None);
    assert_eq!(Interval::new(2.0, 1.0), None);
    assert!(!Interval::EMPTY.certainly_positive() && !Interval::EMPTY.certainly_negative());
    assert!(!Interval::ENTIRE.certainly_less(Interval::ONE));
    assert!((Interval::EMPTY + Interval::ONE).is_empty() && Interval::point(-1.0).log().is_empty());
    assert!(softmax(&[Interval::ENTIRE, Interval::ONE])[0].is_subset(Interval::new(0.0, 1.0).unwrap()));
    let collapsed = Odds::new(&[Interval::point(900.0), Interval::point(0.0)], 0);
    assert!(collapsed.complement.lo() >= 0.0 && collapsed.complement.hi() < 1e-300);
    assert!(!collapsed.share(1).is_empty());
}

/// A random symmetric matrix with `negative` negative eigenvalues, all of absolute value between 1 and 2 times `scale`: QΛQᵀ by Householder reflections.
fn with_inertia(n: usize, negative: usize, scale: f64, index: u64) -> Vec<f64> {
    let mut draws = vec![0.0; 3 * n + n];
    gaussian(&mut stream(12, "inertia", index), 1.0, &mut draws);
    let mut a = vec![0.0; n * n];
    (0..n).for_each(|i| a[i * (n + 1)] = scale * (1.0 + draws[3 * n + i].abs().min(1.0)) * if i < negative { -1.0 } else { 1.0 });
    for v in draws[..3 * n].chunks_exact(n) {
        let square: f64 = v.iter().map(|x| x * x).sum();
        for side in 0..2 {
            for j in 0..n {
                let at = |i: usize| if side == 0 { i + j * n } else { j + i * n };
                let dot: f64 = (0..n).map(|i| v[i] * a[at(i)]).sum();
                (0..n).for_each(|i| a[at(i)] -= 2.0 * dot / square * v[i]);
            }
        }
    }
    a
}

#[test]
fn inertia_is_counted() {
    for (index, (n, negative)) in [(1, 0), (1, 1), (2, 1), (5, 0), (7, 3), (30, 11), (60, 60), (90, 45)].into_iter().enumerate() {
        for scale in [1e-150, 1e-3, 1e120] {
            let a = Balls::exact(n, n, with_inertia(n, negative, scale, index as u64));
            assert_eq!(eigenvalues_above_zero(&a, 0.0), n - negative, "{n} {negative} {scale}");
            assert_eq!(eigenvalues_above_zero(&a.negated(), 0.0), negative, "{n} {negative} {scale}");
            // A perturbation that may carry every eigenvalue over zero leaves nothing certain.
            assert_eq!(eigenvalues_above_zero(&a, 3.0 * scale), 0);
            assert_eq!(eigenvalues_above_zero(&a, 0.1 * scale), n - negative);
        }
    }
}

#[test]
fn singular_and_indefinite_matrices_are_not_called_definite() {
    // A planted zero eigenvalue: 1 1ᵀ has n − 1 of them.
    let ones = Balls::exact(4, 4, vec![1.0; 16]);
    assert_eq!(eigenvalues_above_zero(&ones, 0.0), 1);
    assert_eq!(eigenvalues_above_zero(&ones.negated(), 0.0), 0);
    assert!(!is_positive_definite(&ones));
    // Wide balls, NaN and infinite entries prove nothing.
    let wide = Balls::from_fn(2, 2, |i, j| if i == j { Interval::new(-1.0, 3.0).unwrap() } else { Interval::ZERO });
    assert_eq!(eigenvalues_above_zero(&wide, 0.0), 0);
    for bad in [f64::NAN, f64::INFINITY] {
        assert_eq!(eigenvalues_above_zero(&Balls::exact(2, 2, vec![bad, 0.0, 0.0, 1.0]), 0.0), 0);
    }
    // Zero diagonals need 2×2 pivots.
    let swap = Balls::exact(2, 2, vec![0.0, 1.0, 1.0, 0.0]);
    assert_eq!((eigenvalues_above_zero(&swap, 0.0), eigenvalues_above_zero(&swap.negated(), 0.0)), (1, 1));
}

#[test]
fn products_enclose_exact_products() {
    // Integers: the exact product is known. Radii must then cover the rounding that does not happen and the given radii.
    let (m, n, p) = (5, 40, 3);
    let a = Balls::from_fn(m, n, |i, j| Interval::around((i * 7 + j * 3 % 11) as f64 - 5.0, 0.5));
    let b = Balls::from_fn(n, p, |i, j| Interval::around((i % 5) as f64 - j as f64, 0.25));
    let product = a.product(&b);
    for i in 0..m {
        for j in 0..p {
            let exact: Interval = (0..n).map(|k| a.get(i, k) * b.get(k, j)).sum();
            assert!(exact.is_subset(product.get(i, j)) && product.get(i, j).width() < 1.2 * exact.width());
        }
    }
}

#[test]
fn norms_are_bounded_from_above() {
    // [3 0; 4 5] has singular values √45 ± …: σ² = 25 ± 20, so σ_max = √45.
    let a = Balls::exact(2, 2, vec![3.0, 4.0, 0.0, 5.0]);
    let norm = 45.0_f64.sqrt();
    assert!(spectral_norm_at_most(&a, Interval::point(norm * (1.0 + 1e-13))));
    assert!(!spectral_norm_at_most(&a, Interval::point(norm * (1.0 - 1e-13))));
    assert!(!spectral_norm_at_most(&a, Interval::point(-10.0)));
    let gram = a.product(&a.transpose());
    let bound = smallest_eigenvalue_lower(&gram, 1e-9).unwrap();
    assert!(bound <= 5.0 && bound > 0.5);
    assert!((a.frobenius_upper() - 50.0_f64.sqrt()).abs() < 1e-12 && a.frobenius_upper() >= 50.0_f64.sqrt());
}
