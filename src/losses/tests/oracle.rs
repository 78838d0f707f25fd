//! 50-digit values (tests/oracle/losses.py), compared relatively, entry by entry.

use super::*;

/// A line of tests/oracle/losses.json. Numbers are strings, so that each is rounded once.
#[derive(serde::Deserialize)]
struct Entry {
    loss: String,
    parameters: Vec<f64>,
    logits: Vec<f64>,
    label: usize,
    value: String,
    gradient: Vec<String>,
    hessian: Vec<String>,
}

/// |found − expected| / |expected|. Below 1e-290 products of probabilities are subnormal: there only the absolute error can be asked for.
fn relative_error(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / (expected.abs() + 1e-290)
}

/// The worst error measured is 2.5e-15. No entry here is one where a derivative vanishes by cancellation (label smoothing at its minimum);
/// there only an error relative to the parts can be small.
#[test]
fn fifty_digit_values() {
    let text = include_str!("../../../tests/oracle/losses.json");
    let entries: Vec<Entry> = serde_json::from_str(text).unwrap();
    assert!(entries.len() > 200);
    for family in ALL {
        assert!(entries.iter().any(|entry| entry.loss == family.name), "no values for {}", family.name);
    }
    for entry in entries {
        let loss = (ALL.iter().find(|family| family.name == entry.loss).unwrap().build)(&entry.parameters);
        let (z, k) = (&entry.logits, entry.label);
        let function = loss.function();
        let compare = |what: String, found: f64, expected: &str| {
            let expected: f64 = expected.parse().unwrap();
            let error = relative_error(found, expected);
            assert!(error <= 1e-14, "{loss} {what} at {z:?}, {k}: {found:e}, expected {expected:e}, error {error:e}");
        };
        compare("L".into(), function.value(z, k), &entry.value);
        let gradient = gradient_of(function, z, k);
        for (j, expected) in entry.gradient.iter().enumerate() {
            compare(format!("∇L_{j}"), gradient[j], expected);
        }
        let dense = dense_of(function, z, k);
        let places = (0..z.len()).flat_map(|i| (0..=i).map(move |j| (i, j)));
        for ((i, j), expected) in places.zip(&entry.hessian) {
            compare(format!("∇²L_{i}{j}"), dense[i * z.len() + j], expected);
        }
    }
}

/// The comparison has teeth: p(1 − p) by subtraction fails it at a gap of 30 and is a false zero at 37.
#[test]
fn subtraction_at_collapse_would_be_found() {
    for (gap, least) in [(30.0, 1e-4), (37.0, 0.1), (38.0, 1.0)] {
        let z = [gap, 0.0];
        let p = 1.0 / (1.0 + f64::exp(-gap));
        let right = dense_of(&CrossEntropy, &z, 0)[0];
        assert!(relative_error(p * (1.0 - p), right) >= least, "gap {gap}");
    }
}
