//! `ufm inspect` on features of trained networks against NumPy; what must not change a metric; the report; how far from optimal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[path = "inspect_files/mod.rs"]
mod files;

use files::{Array, SMALL, Small, document, inspect, npz, safetensors, small};

const LOSSES: [&str; 4] = ["cross-entropy", "label-smoothing", "focal", "mse"];

fn digits(loss: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/data/digits-{loss}.npz"))
}

/// What NumPy says of a file (tests/oracle/features.py).
#[derive(serde::Deserialize)]
struct Expected {
    accuracy: f64,
    metrics: BTreeMap<String, f64>,
    #[serde(default)]
    compat: BTreeMap<String, BTreeMap<String, f64>>,
    test: Option<Box<Expected>>,
}

fn assert_close(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what} is {found}"));
    assert!((found - expected).abs() <= 1e-10 * expected.abs() + 1e-15, "{what}: {found}, expected {expected}");
}

#[test]
fn digits_agree_with_numpy_under_every_convention() {
    let oracle: BTreeMap<String, Expected> = serde_json::from_str(include_str!("oracle/features.json")).unwrap();
    let paths: Vec<PathBuf> = LOSSES.iter().map(|loss| digits(loss)).collect();
    let mut arguments: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    arguments.extend(["--json", "--compat", "all"]);
    let (code, out, error) = inspect(&arguments);
    assert_eq!(code, 0, "{error}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let found = found.as_array().expect("several files print an array");
    assert_eq!(found.len(), 4);
    for (loss, found) in LOSSES.iter().zip(found) {
        let expected = &oracle[*loss];
        let test = expected.test.as_ref().unwrap();
        for (set, expected) in [(found, expected), (&found["test"], test.as_ref())] {
            assert_close(&set["accuracy"], expected.accuracy, loss);
            assert_eq!(expected.metrics.len(), ufm::metrics::ALL.len());
            for (name, &value) in &expected.metrics {
                assert_close(&set["metrics"][name], value, &format!("{loss} {name}"));
            }
        }
        assert_eq!(expected.compat.len(), ufm::metrics::CODES.len());
        for (code, quantities) in &expected.compat {
            assert_eq!(found["compat"][code].as_object().unwrap().len(), quantities.len(), "{code}");
            for (name, &value) in quantities {
                assert_close(&found["compat"][code][name]["value"], value, &format!("{loss} {code} {name}"));
            }
        }
        assert_eq!(found["conditioning"]["rank"], 9);
        assert_eq!(found["conditioning"]["ill_conditioned"], false);
    }
}

#[test]
fn metrics_do_not_see_storage() {
    let (classes, width, samples) = SMALL;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let point = small();
    npz(&path("plain.npz"), false, &point.arrays());
    let reference = document(&path("plain.npz"), &["--compat", "all"]);
    assert!(reference["metrics"].as_object().unwrap().len() == ufm::metrics::ALL.len(), "{}", reference["metrics_undefined"]);
    let rows = point.rows();
    let with_h = |h: Array| {
        let mut arrays = point.arrays();
        arrays[1] = h;
        arrays
    };
    let same = |name: &str, more: &[&str]| {
        let mut found = document(&path(name), &[&["--compat", "all"], more].concat());
        found["file"] = reference["file"].clone();
        assert_eq!(found, reference, "{name}");
    };
    for packed in [false, true] {
        npz(&path("columns.npz"), packed, &with_h(Array { fortran: true, ..Array::doubles("H", &[width, samples], &rows) }));
        same("columns.npz", &[]);
        npz(&path("rows.npz"), packed, &with_h(Array::doubles("H", &[samples, width], &rows)));
        same("rows.npz", &["--layout", "rows"]);
        npz(
            &path("fortran-rows.npz"),
            packed,
            &with_h(Array { fortran: true, ..Array::doubles("H", &[samples, width], &point.h) }),
        );
        same("fortran-rows.npz", &[]);
        npz(&path("single.npz"), packed, &with_h(Array::singles("H", &[samples, width], &rows)));
        same("single.npz", &[]);
        npz(&path("packed.npz"), packed, &point.arrays());
        same("packed.npz", &["--layout", "columns"]);
    }
    safetensors(&path("rows.safetensors"), &with_h(Array::singles("H", &[samples, width], &rows)));
    same("rows.safetensors", &[]);
    safetensors(&path("columns.safetensors"), &point.arrays());
    same("columns.safetensors", &[]);
    // Names as PyTorch has them.
    let named = vec![
        Array::singles("fc.weight", &[classes, width], &point.w),
        Array::singles("fc.bias", &[classes], &point.b),
        Array::singles("features", &[samples, width], &rows),
        Array::integers("targets", &point.labels),
    ];
    safetensors(&path("named.safetensors"), &named);
    same("named.safetensors", &["--w", "fc.weight", "--b", "fc.bias", "--h", "features", "--labels", "targets"]);
}

#[test]
fn metrics_do_not_see_the_order_of_classes_and_samples_or_rotations() {
    let (classes, width, samples) = SMALL;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let point = small();
    npz(&path("point.npz"), false, &point.arrays());
    let reference = document(&path("point.npz"), &["--compat", "all"]);
    // A rotation by the angle of 3, 4 and 5 in the first two coordinates, a reflection of the third, exchanged with the fourth.
    let turn = |x: &[f64]| vec![0.6 * x[0] - 0.8 * x[1], 0.8 * x[0] + 0.6 * x[1], -x[3], x[2]];
    let class = [2, 0, 1];
    let order: Vec<usize> = (0..samples).map(|i| (i * 5 + 2) % samples).collect();
    let (mut w, mut b) = (vec![0.0; classes * width], vec![0.0; classes]);
    for k in 0..classes {
        w[class[k] * width..(class[k] + 1) * width].copy_from_slice(&turn(&point.w[k * width..(k + 1) * width]));
        b[class[k]] = point.b[k];
    }
    let columns: Vec<Vec<f64>> =
        order.iter().map(|&i| turn(&(0..width).map(|a| point.h[a * samples + i]).collect::<Vec<f64>>())).collect();
    let h = (0..width * samples).map(|k| columns[k % samples][k / samples]).collect();
    let labels = order.iter().map(|&i| class[point.labels[i] as usize] as i64).collect();
    npz(&path("turned.npz"), false, &Small { w, h, b, labels }.arrays());
    let turned = document(&path("turned.npz"), &["--compat", "all"]);
    let compare = |found: &Value, expected: &Value, what: &str| {
        let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
        assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{what}: {found} and {expected}");
    };
    for (name, value) in reference["metrics"].as_object().unwrap() {
        compare(&turned["metrics"][name], value, name);
    }
    for (code, quantities) in reference["compat"].as_object().unwrap() {
        for (name, value) in quantities.as_object().unwrap() {
            compare(&turned["compat"][code][name]["value"], &value["value"], name);
        }
    }
}

#[test]
fn a_square_is_no_simplex_and_what_does_not_exist_is_null_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("square.npz");
    let corners = [1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0];
    let labels = Array::integers("labels", &[0, 1, 2, 3]);
    npz(&path, false, &[Array::doubles("W", &[4, 2], &corners), Array::doubles("H", &[4, 2], &corners), labels.clone()]);
    let found = document(&path, &[]);
    let value = |name: &str| found["metrics"][name].as_f64().unwrap();
    for name in ["etf-distance", "nc2", "nc2-means", "equiangle-w", "equiangle-means", "gnc2-spread-w"] {
        assert!(value(name) > 0.1, "{name}");
    }
    assert!(value("nc1") <= 1e-15 && value("isometry-distance") <= 1e-15 && value("nc3-distance") <= 1e-15);
    // Rank 2 is all that two dimensions have: nothing is ill-conditioned.
    assert_eq!((&found["conditioning"]["rank"], &found["conditioning"]["ill_conditioned"]), (&2.into(), &false.into()));
    // All class means in one place.
    npz(&path, false, &[Array::doubles("W", &[4, 2], &corners), Array::doubles("H", &[4, 2], &[0.5; 8]), labels]);
    let found = document(&path, &[]);
    assert!(found["metrics"].get("nc1").is_none() && found["conditioning"].is_null());
    assert_eq!(found["metrics_undefined"]["nc1"], "the class means coincide: H̄ = 0");
}

#[test]
fn classes_that_nearly_coincide_are_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("near.npz");
    let mut point = small();
    // The means of the classes 1 and 2 differ by a millionth in one coordinate.
    let (_, width, samples) = SMALL;
    for i in 0..samples {
        for a in 0..width {
            let label = point.labels[i];
            point.h[a * samples + i] = [[1.0, 2.0, 0.5, -1.0], [-1.0, 0.5, 2.0, 1.0]][usize::from(label > 0)][a];
            point.h[a * samples + i] += if label == 2 && a == 0 { 1e-6 } else { 0.0 };
        }
    }
    npz(&path, false, &point.arrays());
    let found = document(&path, &[]);
    assert_eq!((&found["conditioning"]["rank"], &found["conditioning"]["ill_conditioned"]), (&2.into(), &true.into()));
    assert!(found["conditioning"]["smallest_singular_value"].as_f64().unwrap() < 1e-5);
    let (code, out, _) = inspect(&[path.to_str().unwrap()]);
    assert!(code == 0 && out.contains("ill-conditioned"), "{out}");
}

#[test]
fn files_stand_side_by_side_and_the_report_says_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let paths: Vec<PathBuf> = LOSSES.iter().map(|loss| digits(loss)).collect();
    let files: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let (code, text, error) = inspect(&[&files[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(code, 0, "{error}");
    // Class scatter differs by orders of magnitude, test accuracy by little.
    for word in [
        "cross-entropy",
        "label-smoothing",
        "accuracy (test)",
        "nc1-cdnv",
        "differs: scatter within classes (nc1), by a factor of 667",
    ] {
        assert!(text.contains(word), "{word} is missing in\n{text}");
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for word in ["What differs and what does not", "by a factor of 667", "As published codes print it", "Sw_invSb", "simplex ETF"]
    {
        assert!(page.contains(word), "{word}");
    }
    for figure in ["metrics", "gram", "spectra", "margins", "train-test"] {
        let svg = std::fs::read_to_string(out.join(format!("figures/{figure}.svg"))).unwrap();
        let csv = std::fs::read_to_string(out.join(format!("figures/{figure}.csv"))).unwrap();
        assert!(
            svg.starts_with("<svg") && !svg.contains("NaN") && page.contains(&format!("<figure id=\"{figure}\">")),
            "{figure}"
        );
        assert!(csv.lines().count() > 4 && !csv.contains("NaN"), "{figure}");
    }
    // The margins drawn are those of the samples: none of the training samples is decided wrongly.
    let margins = std::fs::read_to_string(out.join("figures/margins.csv")).unwrap();
    let wrong = |samples: &str| margins.lines().filter(|line| line.contains(&format!(",{samples},-"))).count();
    assert!(wrong("train") == 0 && wrong("test") > 0);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(out.join("inspect.json")).unwrap()).unwrap();
    assert_eq!(document.as_array().unwrap().len(), 4);
    // A run's folder is not written into.
    std::fs::write(out.join("records.jsonl"), "").unwrap();
    assert_eq!(inspect(&[files[0], "--out", out.to_str().unwrap()]).0, 1);
}

#[test]
fn minimising_from_a_point_reaches_the_global_minimum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("point.npz");
    npz(&path, false, &small().arrays());
    let settings = ["loss.name=cross-entropy", "model.decay.w=5e-3", "model.decay.h=1e-3", "--minimise"];
    let found = document(&path, &settings);
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!(found["nature"], "not-critical");
    assert!(number(&found["gap"]) > 1e-3 && number(&found["dual_ratio"]) > 0.0 && found["index"].is_number());
    let reached = &found["reached"];
    assert_eq!(reached["nature"], "global-minimum", "{reached}");
    assert!(number(&reached["gap"]) <= 1e-12 && number(&reached["value"]) < number(&found["value"]));
    assert!(number(&found["nearest_etf"]["scale"]) > 0.0 && reached["steps"].as_u64() > Some(0));
    let (code, out, _) = inspect(&[&[path.to_str().unwrap()][..], &settings].concat());
    assert!(code == 0 && out.contains("minimised from there") && out.contains("nearest simplex ETF"), "{out}");
}

#[test]
fn a_class_without_test_samples_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("point.npz");
    let point = small();
    let (_, width, samples) = SMALL;
    let mut arrays = point.arrays();
    arrays.push(Array::doubles("H_test", &[width, samples], &point.h));
    arrays.push(Array::integers("labels_test", &vec![1; samples]));
    npz(&path, false, &arrays);
    let found = document(&path, &[]);
    assert!(found["test"]["reason"].as_str().unwrap().contains("class 0"), "{}", found["test"]);
    assert!(found["test"].get("metrics").is_none() && found["metrics"]["nc1"].is_number());
}
