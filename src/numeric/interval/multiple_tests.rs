//! Multiple precision against values of another program, against exact sums, and against itself in more bits.

use num_bigint::BigUint;
use serde_json::Value;

use super::dyadic::{Dyadic, Side};
use super::tests::c_float;
use super::*;
use crate::numeric::stream;
use rand::RngExt;

/// A hexadecimal number of any length.
fn dyadic(text: &str) -> Dyadic {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, power) = rest.strip_prefix("0x").unwrap().split_once('p').unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap();
    let magnitude = BigUint::parse_bytes(format!("{whole}{fraction}").as_bytes(), 16).unwrap();
    Dyadic { negative, magnitude, exponent: power.parse::<i64>().unwrap() - 4 * fraction.len() as i64 }
}

fn evaluate<const WORDS: usize>(function: &str, x: &[f64]) -> Multiple<WORDS> {
    let x: Vec<Multiple<WORDS>> = x.iter().map(|&x| Interval::point(x).into()).collect();
    match function {
        "add" => x[0] + x[1],
        "mul" => x[0] * x[1],
        "div" => x[0] / x[1],
        "sqrt" => x[0].sqrt(),
        "exp" => x[0].exp(),
        "log" => x[0].log(),
        "log1p" => x[0].log1p(),
        "pow" => x[0].pow(x[1]),
        other => panic!("unknown function {other}"),
    }
}

/// The bounds as numbers of any length.
fn ends<const WORDS: usize>(set: &Multiple<WORDS>) -> [Dyadic; 2] {
    set.bounds().unwrap().map(|bound| {
        let magnitude = bound.words.iter().rev().fold(BigUint::ZERO, |all, &word| (all << 64) + word);
        Dyadic { negative: bound.negative, magnitude, exponent: bound.exponent }
    })
}

/// Whether an enclosure is right, and within `bits` bits of its value.
fn agrees<const WORDS: usize>(function: &str, x: &[f64], low: &Dyadic, high: &Dyadic, bits: i64) -> bool {
    let [lo, hi] = ends(&evaluate::<WORDS>(function, x));
    let width = hi.sum(&lo.clone().negated(), 64, Side::Up);
    let thin = width.is_zero() || width.top() <= low.top() - bits;
    lo.compare(high).is_le() && hi.compare(low).is_ge() && thin
}

#[test]
fn enclosures_contain_exact_values_and_are_tight() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/multiple.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() >= 150);
    for case in cases {
        let function = case["function"].as_str().unwrap();
        let x: Vec<f64> = case["arguments"].as_array().unwrap().iter().map(|x| c_float(x.as_str().unwrap())).collect();
        let (low, high) = (dyadic(case["low"].as_str().unwrap()), dyadic(case["high"].as_str().unwrap()));
        // Powers magnify the rounding of y log x.
        let slack = if function == "pow" { 20 } else { 4 };
        assert!(agrees::<2>(function, &x, &low, &high, 128 - slack), "{function} {x:?}");
        assert!(agrees::<4>(function, &x, &low, &high, 256 - slack), "{function} {x:?}");
        assert!(agrees::<8>(function, &x, &low, &high, 508 - slack), "{function} {x:?}");
        // Planted: values that are off by 2^-100 of themselves.
        let moved = |x: &Dyadic| x.sum(&x.clone().scaled(-100), 600, Side::Down);
        assert!(!agrees::<2>(function, &x, &moved(&low), &moved(&high), 0), "{function} {x:?}");
    }
}

#[test]
fn sums_of_numbers_of_any_size_are_bounded_on_both_sides() {
    let mut random = stream(3, "dyadic", 0);
    for _ in 0..3000 {
        let mut draw = || Dyadic {
            negative: random.random_bool(0.5),
            magnitude: BigUint::from(random.random::<u64>() >> random.random_range(0..64)),
            exponent: random.random_range(-400..400),
        };
        let (x, y) = (draw(), draw());
        let exact = x.sum(&y, 2000, Side::Down);
        for bits in [8, 64, 128] {
            let (down, up) = (x.sum(&y, bits, Side::Down), x.sum(&y, bits, Side::Up));
            assert!(down.compare(&exact).is_le() && up.compare(&exact).is_ge(), "{x:?} {y:?}");
            let width = up.sum(&down.negated(), 64, Side::Up);
            assert!(width.is_zero() || width.top() <= exact.top() - bits as i64 + 2, "{x:?} {y:?}");
        }
        let product = x.product(&y, 2000, Side::Down);
        assert!(x.product(&y, 20, Side::Down).compare(&product).is_le() && x.product(&y, 20, Side::Up).compare(&product).is_ge());
        let (a, b) = (x.to_f64(Side::Down), x.to_f64(Side::Up));
        assert!(Dyadic::from_f64(a).compare(&x).is_le() && Dyadic::from_f64(b).compare(&x).is_ge(), "{x:?}");
    }
    // Far below the last bit, and out of the range of floats.
    let (one, tiny) = (Dyadic::integer(1), Dyadic::power_of_two(-100_000_000_000));
    assert!(one.sum(&tiny, 64, Side::Up).compare(&one).is_gt() && one.sum(&tiny, 64, Side::Down).compare(&one).is_eq());
    let less = one.sum(&tiny.clone().negated(), 64, Side::Down);
    assert!(less.compare(&one).is_lt() && one.sum(&tiny.clone().negated(), 64, Side::Up).compare(&one).is_eq());
    assert!(tiny.to_f64(Side::Up) > 0.0 && tiny.to_f64(Side::Down) <= 0.0);
    let huge = Dyadic::power_of_two(5000);
    assert!(huge.to_f64(Side::Up).is_infinite() && huge.to_f64(Side::Down) >= f64::MAX);
}

#[test]
fn fewer_bits_contain_what_more_bits_find() {
    let mut random = stream(4, "multiple", 0);
    for _ in 0..150 {
        let x: Vec<f64> = (0..3).map(|_| random.random_range(-4.0..4.0)).collect();
        // An expression with cancellation.
        fn value<T: Enclosure>(x: &[f64]) -> T {
            let x: Vec<T> = x.iter().map(|&x| Interval::around(x, 1e-20).into()).collect();
            let e = (x[0] * x[1]).exp() + x[2].sqr().sqrt();
            (e.log1p() * x[1] - e.pow(x[2])) / (e.sqr() + T::one()) - x[0]
        }
        let (double, two, four, eight) =
            (value::<Interval>(&x), value::<Multiple<2>>(&x), value::<Multiple<4>>(&x), value::<Multiple<8>>(&x));
        assert!(eight.outward().is_subset(four.outward()) && four.outward().is_subset(two.outward()), "{x:?}");
        assert!(!two.outward().is_disjoint(double), "{x:?}: {two} and {double}");
        assert!(two.outward().is_subset(Interval::around(double.mid(), double.rad() + 1e-300)), "{x:?}: {two} in {double}");
        let (_, wide) = (four.middle(), eight.widest());
        assert!(four.middle().outward().is_subset(four.outward()) && wide.outward().is_subset(eight.outward()));
    }
}

#[test]
fn what_is_undefined_is_unknown_and_decides_nothing() {
    let two = |x: f64| -> Multiple<2> { Interval::point(x).into() };
    let around: Multiple<2> = Interval::around(0.0, 1.0).into();
    for unknown in [
        two(1.0) / around,
        two(-1.0).sqrt(),
        two(-1.0).log(),
        around.log(),
        two(-2.0).log1p(),
        two(1e300).exp(),
        two(-1e300).exp(),
        Interval::ENTIRE.into(),
        Multiple::UNKNOWN + two(1.0),
    ] {
        assert!(!unknown.is_bounded() && unknown.outward().is_entire());
        assert!(!unknown.certainly_positive() && !unknown.certainly_negative() && !unknown.is_interior(around));
        assert!(!around.is_interior(unknown) && !unknown.certainly_less(two(1e300)));
    }
    assert!(two(0.5).is_interior(around) && !two(1.0).is_interior(around) && !around.is_interior(around));
    // A double that rounds away decides in more bits.
    let third: Multiple<2> = two(1.0) / two(3.0);
    assert!(!(third * two(3.0) - two(1.0)).certainly_positive() && (two(1.0 / 3.0) * two(3.0) - two(1.0)).certainly_negative());
    assert!(Multiple::<2>::new(third.bounds().unwrap()[1], third.bounds().unwrap()[0]).is_none());
}

#[test]
fn small_inertias_are_those_of_known_matrices() {
    fn rows<T: Enclosure>(entries: &[&[f64]]) -> Vec<Vec<T>> {
        entries.iter().map(|row| row.iter().map(|&x| Interval::point(x).into()).collect()).collect()
    }
    type Case<'a> = (&'a [&'a [f64]], Option<(usize, usize)>);
    let cases: [Case<'_>; 6] = [
        (&[&[2.0, 1.0], &[1.0, 2.0]], Some((2, 0))),
        (&[&[0.0, 1.0], &[1.0, 0.0]], Some((1, 1))),
        (&[&[1.0, 2.0, 3.0], &[2.0, 4.0, 7.0], &[3.0, 7.0, -1.0]], Some((2, 1))),
        (&[&[1.0, 1.0], &[1.0, 1.0]], None),
        (&[&[-3.0]], Some((0, 1))),
        (&[], Some((0, 0))),
    ];
    for (entries, expected) in cases {
        assert_eq!(small_inertia(&rows::<Interval>(entries)), expected, "{entries:?}");
        assert_eq!(small_inertia(&rows::<Multiple<2>>(entries)), expected, "{entries:?}");
    }
}
