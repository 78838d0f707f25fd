//! A planted failure for every check of a run: each must be caught, with the right exit code and the right words.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

mod shared;

use shared::{assert_same, outcome, run, snapshot, ufm};
use ufm::model::{Bias, Point, Shape};
use ufm::record::npz;

/// Quickstart's cross-entropy: f* = .1260289434393937, a simplex ETF of rank 3.
const SCENARIO: &str = "question = \"?\"
[model]
classes = 4
width = 4
per_class = 5
bias = \"decayed\"
decay = { w = 5e-3, h = 2e-3, b = 1e-2 }
[loss]
name = \"cross-entropy\"
[[starts]]
name = \"gaussian\"
count = 2
seed = 1
[[starts]]
name = \"origin\"
";

/// A folder with the scenario and `more` at its end; where the run's output goes.
fn planted(more: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("planted.toml");
    fs::write(&scenario, format!("{SCENARIO}{more}")).unwrap();
    let dir = folder.path().join("out");
    (folder, scenario, dir)
}

/// Asserts how a run with this `[expect]` ends, and what it says of its claims.
fn ends(expect: &str, code: i32, words: &[&str]) {
    let (_folder, scenario, dir) = planted(&format!("[expect]\n{expect}\n"));
    let (found, out, error) = run(&scenario, &dir, &[]);
    assert_eq!(found, code, "{expect}:\n{out}{error}");
    for word in words {
        assert!(out.contains(word), "{expect}: {word:?} is missing in:\n{out}");
    }
    // The summary says the same as the screen, and everything is there all the same.
    let summary = fs::read_to_string(dir.join("summary.json")).unwrap();
    assert_eq!(summary.contains("\"fails\""), code != 0, "{summary}");
    assert!(dir.join("report.html").is_file());
}

#[test]
fn claims_that_hold_end_with_0() {
    ends("verdicts = { global-minimum = 2, strict-saddle = 1 }", 0, &["✓ verdicts.global-minimum", "✓ verdicts.strict-saddle"]);
    ends("undecided_max = 0\nvalue_tolerance = 1e-12\ngap_max = 1e-10", 0, &["✓ value_tolerance", "✓ gap_max"]);
    ends("values = [{ value = 0.1260289434393937, within = 1e-12 }]", 0, &["✓ values[0]"]);
}

#[test]
fn a_claim_that_fails_ends_with_2_and_is_named() {
    ends("verdicts = { global-minimum = 3 }", 2, &["✗ verdicts.global-minimum: expected 3, found 2 (fails)"]);
    ends("verdicts = { local-minimum = 1 }", 2, &["✗ verdicts.local-minimum: expected 1, found 0 (fails)"]);
    ends("degenerate = 1", 2, &["✗ degenerate: expected 1, found 0"]);
    ends("metrics_max = { nc1 = 0 }", 2, &["✗ metrics_max.nc1"]);
    ends("index_by_rank = [1, 0, 0, 0]", 2, &["✗ index_by_rank[0]: expected 1, found 12", "no critical point of this rank"]);
}

#[test]
fn a_census_that_falls_short_ends_with_2() {
    // Two orbits are there: the minimum and the origin.
    ends("orbits_min = 2\norbits = { global-minimum = 1 }", 0, &["✓ orbits_min", "✓ orbits.global-minimum"]);
    ends("orbits_min = 3", 2, &["✗ orbits_min"]);
    ends("orbits = { global-minimum = 2 }", 2, &["✗ orbits.global-minimum"]);
}

#[test]
fn a_tolerance_that_is_exceeded_ends_with_2() {
    // A millionth off: caught at 1e-7, let pass at 1e-5.
    let value = 0.126_028_943_439_393_7 * (1.0 + 1e-6);
    ends(&format!("values = [{{ value = {value}, within = 1e-5 }}]"), 0, &["✓ values[0]"]);
    ends(&format!("values = [{{ value = {value}, within = 1e-7 }}]"), 2, &["✗ values[0]", "nearest value 0.12602894"]);
    ends("gap_max = 0.0\nvalue_tolerance = 0.0\nmetrics_max = { nc2 = 0.0, nc3 = 0.0 }", 2, &["✗ "]);
    // The right value at a point of the wrong nature.
    ends("values = [{ value = 0.1260289434393937, within = 1e-9, nature = \"strict-saddle\" }]", 2, &["✗ values[0]"]);
    // No global minimum at all: a bound on all of them does not hold of none.
    let (_folder, scenario, dir) = planted("[stop]\nsteps_max = 2\npolish = false\n[expect]\nvalue_tolerance = 1.0\n");
    let (code, out, _) = run(&scenario, &dir, &[]);
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("✗ value_tolerance") && out.contains("none to compare"), "{out}");
}

#[test]
fn too_many_undecided_points_end_with_3() {
    // Without a spectrum nothing is known of the two minima in the plane, which no bound reaches; the saddle at the origin is known by ‖G‖ > μ.
    let undecided = |expect: &str| {
        let (folder, scenario, dir) = planted(&format!("[spectra]\nlevel = \"none\"\n[expect]\n{expect}\n"));
        let text = fs::read_to_string(&scenario).unwrap().replace("width = 4", "width = 2");
        fs::write(&scenario, text).unwrap();
        (folder, scenario, dir)
    };
    for (expect, code) in
        [("undecided_max = 0", 3), ("undecided_max = 2", 0), ("verdicts = { strict-saddle = 1 }", 0), ("degenerate = 7", 2)]
    {
        let (_folder, scenario, dir) = undecided(expect);
        let (found, out, error) = run(&scenario, &dir, &[]);
        assert_eq!(found, code, "{expect}:\n{out}{error}");
        assert!(code != 3 || out.contains("✗ undecided_max: expected"), "{out}");
    }
    // A claim that fails outranks what is undecided.
    let (_folder, scenario, dir) = undecided("undecided_max = 0\ndegenerate = 7");
    assert_eq!(run(&scenario, &dir, &[]).0, 2);
    let (_folder, scenario, dir) = undecided("");
    let (code, _, error) = run(&scenario, &dir, &["--fail-fast"]);
    assert!(code == 3 && error.contains("start 0 of case"), "{code}: {error}");
}

#[test]
fn claims_are_not_evaluated_of_another_problem() {
    let (_folder, scenario, dir) = planted("[expect]\nverdicts = { global-minimum = 77 }\nundecided_max = 0\n");
    let (code, out, _) = run(&scenario, &dir, &["model.per_class=4"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("– verdicts.global-minimum") && out.contains("(not evaluated)"), "{out}");
    let (code, out, _) = run(&scenario, &dir, &["model.per_class=4", "expect.verdicts.global-minimum=78", "--overwrite"]);
    assert!(code == 2 && out.contains("✗ verdicts.global-minimum: expected 78"), "{code}: {out}");
}

/// A point file for the scenario, spoilt by `spoil`.
fn point_file(path: &Path, spoil: impl FnOnce(&mut Point)) {
    let shape = Shape::balanced(4, 4, 5).unwrap();
    let mut point = Point::zeros(&shape, Bias::Decayed);
    point.as_mut_slice().iter_mut().enumerate().for_each(|(i, x)| *x = (i as f64).sin());
    spoil(&mut point);
    npz::write(path, &point, Some(shape.labels()), &BTreeMap::new()).unwrap();
}

#[test]
fn a_spoilt_point_file_is_refused_before_anything_is_written() {
    let (folder, scenario, dir) = planted("[[starts]]\nname = \"file\"\npath = \"point.npz\"\n");
    let path = folder.path().join("point.npz");
    point_file(&path, |_| {});
    assert_eq!(run(&scenario, &dir, &[]).0, 0);
    let refused = |words: &[&str]| {
        let fresh = folder.path().join("fresh");
        let (code, out, error) = run(&scenario, &fresh, &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}: {error}");
        words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is missing in:\n{error}"));
        assert!(error.contains("point.npz") && !error.contains("panicked") && !fresh.exists(), "{error}");
    };
    point_file(&path, |point| point.h_mut()[(2, 3)] = f64::NAN);
    refused(&["H[2, 3] is not a finite number"]);
    point_file(&path, |point| point.w_mut()[(0, 1)] = f64::INFINITY);
    refused(&["W[0, 1] is not a finite number"]);
    point_file(&path, |point| point.b_mut()[3] = f64::NEG_INFINITY);
    refused(&["b[3, 0] is not a finite number"]);
    point_file(&path, |_| {});
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, whole.len() / 3, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        refused(&["not a complete .npz archive"]);
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&path, flipped).unwrap();
    refused(&[]);
    fs::remove_file(&path).unwrap();
    refused(&[]);
}

#[test]
fn a_report_of_spoilt_records_is_refused() {
    let (_folder, scenario, dir) = planted("");
    assert_eq!(run(&scenario, &dir, &[]).0, 0);
    let report = || outcome(ufm(&["report", dir.to_str().unwrap()]));
    let clean = snapshot(&dir);
    assert_eq!(report().0, 0);
    assert_same(&snapshot(&dir), &clean, "rebuilt from the same records");
    let records = dir.join("records.jsonl");
    let whole = fs::read_to_string(&records).unwrap();
    let broken = whole.replacen("\"value\":0.1", "\"value\":\"?\",\"v\":0.1", 1);
    // As written by hand: without a check.
    let (head, tail) = whole.split_once('\n').unwrap();
    let unchecked = format!("{}}}\n{tail}", head.rsplit_once(",\"check\":").unwrap().0);
    let by_hand = unchecked.replacen("\"value\":0.1", "\"value\":\"?\",\"v\":0.1", 1);
    for (text, words) in [
        (&whole[..whole.len() - 20], &["records.jsonl", "line 3", "--resume"][..]),
        (&whole[..whole.len() / 2], &["records.jsonl", "line 2"]),
        (&broken, &["records.jsonl", "line 1", "check", "--retry damaged"]),
        (&by_hand, &["records.jsonl", "line 1", "column"]),
    ] {
        fs::write(&records, text).unwrap();
        let before = snapshot(&dir);
        let (code, out, error) = report();
        assert_eq!((code, out.as_str()), (1, ""), "{error}");
        words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is missing in:\n{error}"));
        assert!(snapshot(&dir) == before, "the folder was changed");
    }
}

#[test]
fn inspect_judges_good_points_and_refuses_spoilt_ones() {
    let (folder, scenario, dir) = planted("");
    assert_eq!(run(&scenario, &dir, &[]).0, 0);
    let minimum = fs::read_dir(dir.join("points"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with("-0.npz"));
    let settings = ["loss.name=cross-entropy", "model.decay.w=5e-3", "model.decay.h=2e-3", "model.decay.b=1e-2"];
    let inspect = |path: &Path, more: &[&str]| outcome(ufm(&[&["inspect", path.to_str().unwrap()], more].concat()));
    let (code, out, error) = inspect(&minimum.unwrap(), &[&settings[..], &["--json"]].concat());
    assert_eq!(code, 0, "{error}");
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["nature"], "global-minimum");
    assert_eq!(
        (found["index"].as_u64(), found["nullity"].as_u64(), found["nullity_symmetry"].as_u64()),
        (Some(0), Some(6), Some(6))
    );
    assert!(found["gap"].as_f64().unwrap().abs() < 1e-15 && found.get("case").is_none());
    // Without a loss: metrics, the rest null.
    let path = folder.path().join("point.npz");
    point_file(&path, |_| {});
    let (code, out, _) = inspect(&path, &["--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && found["value"].is_null() && found["loss"].is_null() && found["metrics"]["nc1"].is_number(), "{out}");
    // A point that is not critical gets its numbers, not a nature it has not.
    let (code, out, _) = inspect(&path, &[&settings[..], &["--json"]].concat());
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && found["nature"] == "not-critical" && found["index"].is_number() && found["gap"].as_f64() > Some(0.0));
    point_file(&path, |point| point.h_mut()[(2, 3)] = f64::NAN);
    let (code, out, error) = inspect(&path, &[]);
    assert!(
        code == 1
            && out.is_empty()
            && error.contains("point.npz: array \"H\" holds 1 NaN entry; the first is component 2 of sample 3"),
        "{error}"
    );
}
