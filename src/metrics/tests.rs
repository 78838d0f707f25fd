//! Laws of the metrics: invariances, zeros at collapse, reasons where undefined; values against NumPy (tests/oracle/metrics.py).

use nalgebra::DMatrix;

use super::*;
use crate::model::Bias;
use crate::numeric::{gaussian, stream};

/// A random K×d or other matrix.
fn random(rows: usize, columns: usize, index: u64) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(rows, columns);
    gaussian(&mut stream(5, "metrics", index), 1.0, out.as_mut_slice());
    out
}

/// I − 11ᵀ/K.
fn simplex(classes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(classes, classes, |i, j| f64::from(u8::from(i == j)) - 1.0 / classes as f64)
}

/// `rows` orthonormal rows of length `columns`.
fn frame(rows: usize, columns: usize, index: u64) -> DMatrix<f64> {
    random(columns, rows, index).qr().q().transpose()
}

fn point(shape: &Shape, w: &DMatrix<f64>, h: &DMatrix<f64>, b: Option<&[f64]>) -> Point {
    Point::from_arrays(shape, w, h, b).unwrap()
}

/// The exact ETF in width d ≥ K with spread-free features ∝ W.
fn etf(shape: &Shape, index: u64) -> Point {
    let w = simplex(shape.classes()) * frame(shape.classes(), shape.width(), index) * 1.7;
    let h = DMatrix::from_fn(shape.width(), shape.samples(), |a, i| 0.3 * w[(shape.labels()[i], a)]);
    point(shape, &w, &h, None)
}

fn assert_close(found: &Metrics, expected: &Metrics, allowed: f64) {
    assert_eq!(found.undefined, expected.undefined);
    assert_eq!(found.values.keys().collect::<Vec<_>>(), expected.values.keys().collect::<Vec<_>>());
    for (name, value) in &found.values {
        let expected = expected.values[name];
        assert!((value - expected).abs() <= allowed * (1.0 + expected.abs()), "{name}: {value}, expected {expected}");
    }
}

#[test]
fn at_a_collapsed_simplex_all_are_zero() {
    for (classes, width) in [(2, 2), (3, 5), (4, 4), (10, 16)] {
        let shape = Shape::balanced(classes, width, 3).unwrap();
        let metrics = all(&etf(&shape, 1), &shape);
        assert_eq!(metrics.values.len(), ALL.len());
        for family in ALL {
            let value = metrics.values[family.name];
            assert_eq!(value.abs() <= 1e-13, family.vanishes, "{} = {value}", family.name);
        }
        // WM̄ = 0.3 · 1.7² P; the rows of W have the norm 1.7 √((K−1)/K).
        let norm_w = 1.7 * (1.0 - 1.0 / classes as f64).sqrt();
        for (name, expected) in [("scale", 0.3 * 1.7 * 1.7), ("norm-w", norm_w), ("class-separation", 1.0)] {
            assert!((metrics.values[name] - expected).abs() <= 1e-13, "{name} = {}, expected {expected}", metrics.values[name]);
        }
    }
}

#[test]
fn every_metric_is_invariant() {
    let sizes = [4, 2, 5];
    let shape = Shape::new(5, &sizes).unwrap();
    let (w, h, b) = (random(3, 5, 2), random(5, 11, 3), random(3, 1, 4));
    let before = all(&point(&shape, &w, &h, Some(b.as_slice())), &shape);
    assert_eq!(before.values.len(), ALL.len());
    // Rotation, with padding.
    let rotation = frame(5, 7, 5);
    let wide = shape.at_width(7);
    let turned = point(&wide, &(&w * &rotation), &(rotation.transpose() * &h), Some(b.as_slice()));
    assert_close(&all(&turned, &wide), &before, 1e-12);
    // Class relabelling and sample order at once.
    let classes = [2, 0, 1];
    let order: Vec<usize> = (0..11).map(|i| (i * 7 + 3) % 11).collect();
    let labels = order.iter().map(|&i| classes[shape.labels()[i]]).collect();
    let mixed = Shape::with_labels(3, 5, labels).unwrap();
    let (mut w2, mut b2) = (w.clone(), b.clone());
    for k in 0..3 {
        w2.set_row(classes[k], &w.row(k));
        b2[classes[k]] = b[k];
    }
    let h2 = DMatrix::from_fn(5, 11, |a, i| h[(a, order[i])]);
    assert_close(&all(&point(&mixed, &w2, &h2, Some(b2.as_slice())), &mixed), &before, 1e-12);
    // Scale: only nc4 and the bias know it, and the metrics that measure a size.
    let tiny = point(&shape, &(&w * 1e-180), &(&h * 1e150), None);
    let plain = all(&point(&shape, &w, &h, None), &shape);
    let mut scaled = all(&tiny, &shape);
    for (name, factor) in [("scale", 1e-30), ("mean-part", 1e-30), ("norm-w", 1e-180)] {
        let (value, expected) = (scaled.values[name], factor * plain.values[name]);
        assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{name}: {value}, expected {expected}");
        scaled.values.insert(name.into(), plain.values[name]);
    }
    // 1e330 is no number.
    assert!(scaled.undefined.remove("duality-ratio").unwrap().contains("out of range"));
    for name in ["nc4", "duality-ratio"] {
        scaled.values.insert(name.into(), plain.values[name]);
    }
    assert_close(&scaled, &plain, 1e-12);
}

#[test]
fn what_does_not_exist_has_a_reason() {
    let shape = Shape::balanced(3, 4, 2).unwrap();
    let origin = all(&Point::zeros(&shape, Bias::Free), &shape);
    // What is a size is 0 there.
    let sizes = ["mean-part", "nc4", "norm-w", "scale"];
    assert_eq!(origin.values.keys().collect::<Vec<_>>(), sizes);
    assert_eq!(origin.undefined.len(), ALL.len() - sizes.len());
    assert_eq!(origin.undefined["logit-misfit"], "WM̄ = 0");
    assert_eq!(origin.undefined["nc1"], "the class means coincide: H̄ = 0");
    assert_eq!(origin.undefined["nc2"], "W = 0");
    let (w, h) = (random(3, 4, 6), DMatrix::from_element(4, 6, 0.1));
    let equal_means = all(&point(&shape, &w, &h, None), &shape);
    assert_eq!(
        equal_means.undefined.keys().collect::<Vec<_>>(),
        [
            "class-separation",
            "equiangle-means",
            "equinorm-means",
            "gnc2-energy-means",
            "gnc2-spread-means",
            "gnc3-dissimilarity",
            "gnc3-uniform-duality",
            "nc1",
            "nc1-cdnv",
            "nc1-ratio",
            "nc1-trace",
            "nc2-means",
            "nc3",
            "nc3-distance",
            "nc3-raw",
            "nc4-disagreement"
        ]
    );
    // Rows that are equal have one direction: no two are apart.
    let equal_rows = all(&point(&shape, &DMatrix::from_element(3, 4, 0.1), &random(4, 6, 7), None), &shape);
    assert_eq!(
        equal_rows.undefined.keys().collect::<Vec<_>>(),
        ["class-separation", "gnc2-energy-w", "gnc2-spread-w", "nc2", "nc3"]
    );
    let narrow = Shape::balanced(3, 0, 2).unwrap();
    assert_eq!(all(&Point::zeros(&narrow, Bias::Free), &narrow).values.keys().collect::<Vec<_>>(), sizes);
    let mut spoilt = Point::zeros(&shape, Bias::Free);
    spoilt.as_mut_slice()[3] = f64::NAN;
    let metrics = all(&spoilt, &shape);
    assert!(metrics.values.is_empty() && metrics.undefined.values().all(|reason| reason == "the point is not finite"));
}

#[test]
fn a_square_is_not_a_simplex() {
    let shape = Shape::balanced(4, 2, 1).unwrap();
    let square = DMatrix::from_row_slice(4, 2, &[1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0]);
    let metrics = all(&point(&shape, &square, &square.transpose(), None), &shape);
    // Two of the three singular values of a simplex: 1 − 2/3 of the square is missing.
    assert!((metrics.values["etf-distance"] - (1.0_f64 / 3.0).sqrt()).abs() <= 1e-14);
    assert!(metrics.values["nc2"] > 0.5);
    // Angles of 90°, 90° and 180° instead of 109.5°: a third less twice, two thirds more once. Their signed mean would be 0.
    for name in ["equiangle-w", "equiangle-means"] {
        assert!((metrics.values[name] - 4.0 / 9.0).abs() <= 1e-14, "{name}");
    }
    assert!(
        metrics.values["equinorm-w"] <= 1e-14 && metrics.values["gnc2-energy-w"] > 0.02 && metrics.values["gnc2-spread-w"] > 0.1
    );
    // Nor is an orthogonal frame; centred over classes it is one.
    let shape = Shape::balanced(4, 4, 1).unwrap();
    let identity = DMatrix::identity(4, 4);
    let metrics = all(&point(&shape, &identity, &identity, None), &shape);
    assert!((metrics.values["etf-distance"] - 0.5).abs() <= 1e-14 && metrics.values["nc2"] <= 1e-14);
    // THEORY: for WWᵀ ∝ sP + tJ/K, NC2-raw² = 2 − 2√(K−1)s/√((K−1)s²+t²).
    let expected = (2.0 - 2.0 * 3.0_f64.sqrt() / 2.0).sqrt();
    assert!((metrics.values["nc2-raw"] - expected).abs() <= 1e-14);
    for name in ["nc2-frame", "nc2-frame-means", "nc3-frame", "gram-misfit-w", "gram-misfit-means"] {
        assert!(metrics.values[name] <= 1e-14, "{name}");
    }
}

/// WM̄ = sP + tJ/K has these s and t and no misfit, whatever the bias; a part orthogonal to both is misfit alone.
#[test]
fn the_fit_finds_simplex_and_mean() {
    for (classes, s, t) in [(2, 1.5, 0.0), (3, 2.0, -0.7), (5, 0.4, 0.4), (6, 0.0, 1.3)] {
        let shape = Shape::balanced(classes, classes + 1, 2).unwrap();
        let rotation = frame(classes, classes + 1, 13);
        let logits = simplex(classes) * s + DMatrix::from_element(classes, classes, t / classes as f64);
        let w = DMatrix::identity(classes, classes) * &rotation;
        let means = rotation.transpose() * &logits;
        let h = |means: &DMatrix<f64>| DMatrix::from_fn(classes + 1, shape.samples(), |a, i| means[(a, shape.labels()[i])]);
        let b: Vec<f64> = (0..classes).map(|k| k as f64).collect();
        let metrics = all(&point(&shape, &w, &h(&means), Some(&b)), &shape);
        assert!((metrics.values["scale"] - s).abs() <= 1e-13 && (metrics.values["mean-part"] - t).abs() <= 1e-13, "{metrics:?}");
        assert!(metrics.values["logit-misfit"] <= 1e-13 && (metrics.values["norm-w"] - 1.0).abs() <= 1e-13, "{metrics:?}");
        let mut skewed = logits.clone();
        (skewed[(0, 1)], skewed[(1, 0)]) = (skewed[(0, 1)] + 0.25, skewed[(1, 0)] - 0.25);
        let metrics = all(&point(&shape, &w, &h(&(rotation.transpose() * &skewed)), None), &shape);
        assert!((metrics.values["scale"] - s).abs() <= 1e-13 && (metrics.values["mean-part"] - t).abs() <= 1e-13, "{metrics:?}");
        let expected = (0.125_f64).sqrt() / skewed.norm();
        assert!((metrics.values["logit-misfit"] - expected).abs() <= 1e-13, "{metrics:?}");
    }
}

#[test]
fn broken_self_duality_is_told_from_self_duality() {
    use crate::losses::Loss;
    use crate::model::Decay;
    use crate::objective::Problem;
    for (classes, mu, phase) in [(3, 0.05, "mixed"), (3, 0.2, "simplex"), (4, 0.1, "mixed"), (6, 0.05, "mixed"), (6, 0.2, "mean")]
    {
        let shape = Shape::balanced(classes, classes + 1, 2).unwrap();
        let decay = Decay { w: 0.8 * mu, h: mu / 0.8 / 2.0, b: 0.0 };
        let problem = Problem { shape: shape.clone(), bias: Bias::None, decay, loss: Loss::Bce(crate::losses::Bce), scale: 1.0 };
        let point = crate::theory::etf_point(&problem).unwrap();
        let minimum = crate::theory::balanced_minimum(&problem).unwrap();
        let values = all(&point, &shape).values;
        let (s, t) = (minimum.scale, minimum.mean_part);
        assert_eq!(t < 0.0, phase != "simplex", "K = {classes}");
        let expected = 2.0 * (t.abs() / ((classes - 1) as f64 * s + t.abs())).sqrt();
        assert!((values["self-duality"] - expected).abs() <= 1e-12, "K = {classes}, {phase}");
        assert!(values["broken-self-duality"] <= 1e-12, "K = {classes}, {phase}");
        let ratio = (decay.w / (2.0 * decay.h)).sqrt();
        assert!((values["duality-ratio"] / ratio - 1.0).abs() <= 1e-12, "K = {classes}, {phase}");
    }
}

#[test]
fn directions_of_rows_that_are_noise_are_not_taken() {
    let shape = Shape::balanced(3, 2, 1).unwrap();
    let whole = DMatrix::from_row_slice(3, 2, &[1.0, 0.0, -1.0, 0.0, 1e-12, 2e-12]);
    let good = DMatrix::from_row_slice(3, 2, &[1.0, 0.0, -1.0, 0.0, 0.0, 1.0]);
    let reason = |w: &DMatrix<f64>, h: &DMatrix<f64>| all(&point(&shape, w, &h.transpose(), None), &shape).undefined;
    assert!(reason(&whole, &good)["sphere-loss-3"].contains("row of W"));
    assert!(reason(&good, &whole)["sphere-loss-3"].contains("feature"));
    assert!(reason(&good, &good).is_empty());
}

#[test]
fn tied_classes_do_not_break_the_pseudo_inverse() {
    // Classes 2 and 3 share their mean up to rounding: Σ_B has rank 2, and the direction between them must not count.
    let shape = Shape::balanced(4, 5, 20).unwrap();
    let means = random(5, 4, 8);
    let noise = random(5, 80, 9);
    let h = DMatrix::from_fn(5, 80, |a, i| {
        let label = shape.labels()[i];
        let jitter = if label == 3 { 1e-13 * means[(4 - a, 3)] } else { 0.0 };
        means[(a, label.min(2))] + jitter + 1e-3 * (noise[(a, i)] - noise[(a, (i + 10) % 20 + i / 20 * 20)])
    });
    let nc1 = all(&point(&shape, &random(4, 5, 10), &h, None), &shape).values["nc1"];
    assert!(nc1 < 1e-4, "{nc1}");
}

/// Merged: one classifier and one mean. One of both is not enough, and unequal sizes do not matter.
#[test]
fn separation_is_zero_exactly_where_two_classes_have_merged() {
    let shape = Shape::new(5, &[6, 3, 2, 2]).unwrap();
    let (mut w, mut means) = (random(4, 5, 21), random(5, 4, 22));
    let separation = |w: &DMatrix<f64>, means: &DMatrix<f64>| {
        let h = DMatrix::from_fn(5, 13, |a, i| means[(a, shape.labels()[i])]);
        all(&point(&shape, w, &h, None), &shape).values["class-separation"]
    };
    assert!(separation(&w, &means) > 0.1);
    w.set_row(3, &w.row(2).into_owned());
    assert!(separation(&w, &means) > 0.1);
    means.set_column(3, &means.column(2).into_owned());
    assert!(separation(&w, &means) <= 1e-15);
}

/// WWᵀ = (PDP)^{1/2} and WM = P is SELI: W = S^{1/2}, M = S^{†1/2} with S = (PDP)^{1/2}, whose square is PDP.
#[test]
fn the_seli_geometry_is_at_distance_zero_and_a_simplex_is_not() {
    let sizes = [7, 4, 1, 1];
    let shape = Shape::new(4, &sizes).unwrap();
    let seli = crate::theory::Seli::of_sizes(&sizes);
    let square = &seli.classifier * &seli.classifier;
    let weights = DMatrix::from_fn(4, 4, |i, j| if i == j { sizes[i] as f64 } else { 0.0 });
    let label_gram = simplex(4) * weights * simplex(4);
    assert!((&square / square.norm() - &label_gram / label_gram.norm()).norm() <= 1e-13);
    let eigen = seli.classifier.clone().symmetric_eigen();
    let power = |p: f64| {
        let values = eigen.eigenvalues.map(|value| if value > 1e-9 { value.powf(p) } else { 0.0 });
        &eigen.eigenvectors * DMatrix::from_diagonal(&values) * eigen.eigenvectors.transpose()
    };
    let (w, means) = (power(0.5), power(-0.5));
    let of = |w: &DMatrix<f64>, means: &DMatrix<f64>| {
        let h = DMatrix::from_fn(4, 13, |a, i| means[(a, shape.labels()[i])]);
        let values = all(&point(&shape, w, &h, None), &shape).values;
        [values["seli-distance"], values["seli-logits"]]
    };
    assert!(of(&w, &means).iter().all(|distance| *distance <= 1e-12), "{:?}", of(&w, &means));
    let etf = of(&simplex(4), &simplex(4));
    assert!(etf[0] > 0.1 && etf[1] <= 1e-13, "{etf:?}");
}

#[test]
fn trajectories_record_the_first_four() {
    let shape = Shape::balanced(3, 4, 2).unwrap();
    let point = point(&shape, &random(3, 4, 11), &random(4, 6, 12), None);
    let (some, all) = (trajectory(&point, &shape), all(&point, &shape));
    assert_eq!(some.values.keys().collect::<Vec<_>>(), ["nc1", "nc2", "nc3", "nc4"]);
    assert!(some.values.iter().all(|(name, value)| value.to_bits() == all.values[name].to_bits()));
}

/// A point of tests/oracle/metrics.json with its values.
#[derive(serde::Deserialize)]
struct Case {
    labels: Vec<usize>,
    w: Vec<Vec<f64>>,
    h: Vec<Vec<f64>>,
    b: Option<Vec<f64>>,
    /// Null where it does not exist.
    metrics: BTreeMap<String, Option<f64>>,
}

#[test]
fn values_agree_with_numpy() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/oracle/metrics.json")).unwrap();
    assert!(cases.len() >= 7);
    let matrix = |rows: &[Vec<f64>]| DMatrix::from_row_iterator(rows.len(), rows[0].len(), rows.iter().flatten().copied());
    for case in cases {
        let shape = Shape::with_labels(case.w.len(), case.h.len(), case.labels).unwrap();
        let found = all(&point(&shape, &matrix(&case.w), &matrix(&case.h), case.b.as_deref()), &shape);
        assert_eq!(case.metrics.len(), ALL.len());
        for (name, expected) in case.metrics {
            let Some(expected) = expected else {
                assert!(found.undefined.contains_key(&name), "{name}");
                continue;
            };
            let value = found.values[&name];
            assert!((value - expected).abs() <= 1e-10 * expected.abs() + 1e-14, "{name}: {value}, expected {expected}");
        }
    }
}
