//! `ufm prove` and `ufm check` as commands: exit codes and messages.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Exit code, standard output and standard error of `ufm` with these arguments.
fn ufm(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ufm")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// The points of a small scenario: where they lie, and the arguments that name its problem.
fn points(dir: &Path) -> Vec<std::path::PathBuf> {
    let scenario = dir.join("small.toml");
    let text = r#"
question = "Three classes."
[model]
classes = 3
width = 3
per_class = 1
bias = "none"
decay = { w = 5e-2, h = 2e-2 }
[loss]
name = "cross-entropy"
[[starts]]
name = "rank-ladder"
count = 1
seed = 2
[solver]
name = "lbfgs"
"#;
    fs::write(&scenario, text).unwrap();
    let (code, _, errors) = ufm(&["run", scenario.to_str().unwrap(), "--out", dir.join("run").to_str().unwrap(), "--quiet"]);
    assert_eq!(code, 0, "{errors}");
    let mut found: Vec<_> = fs::read_dir(dir.join("run/points")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

const PROBLEM: [&str; 3] = ["loss.name=cross-entropy", "model.decay.w=5e-2", "model.decay.h=2e-2"];

/// `ufm prove POINT problem… --out CERT more…`.
fn prove(point: &Path, certificate: &Path, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["prove", point.to_str().unwrap()];
    arguments.extend(PROBLEM);
    arguments.extend(["model.bias=none", "--out", certificate.to_str().unwrap()]);
    arguments.extend(more);
    ufm(&arguments)
}

fn check(paths: &[&Path], more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["check"];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    arguments.extend(more);
    ufm(&arguments)
}

#[test]
fn certificates_are_made_checked_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let points = points(dir.path());
    let (saddle, minimum) = (&points[1], points.last().unwrap());
    let (a, b, bad) = (dir.path().join("a.json"), dir.path().join("b.json"), dir.path().join("bad.json"));

    let (code, words, errors) = prove(saddle, &a, &[]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(words.contains("proved     inertia") && words.contains("strict saddle of index 2"), "{words}");
    let (code, words, _) = prove(minimum, &b, &["--claims", "global-minimum,gap"]);
    assert!(code == 0 && words.contains("consists of global minima"), "{words}");
    let (code, words, _) = check(&[&a, &b], &[]);
    assert!(code == 0 && words.matches(": accepted\n").count() == 2, "{words}");
    let (code, words, _) = check(&[&a], &["--json"]);
    let document: serde_json::Value = serde_json::from_str(&words).unwrap();
    assert!(code == 0 && document["accepted"] == true && document["claims"][0]["steps"].as_array().unwrap().len() > 2);

    // A changed text, and a text that is none.
    let text = fs::read_to_string(&a).unwrap();
    fs::write(&bad, text.replace("\"index\":2", "\"index\":3")).unwrap();
    let (code, words, _) = check(&[&a, &bad], &[]);
    assert!(code == 2 && words.contains("the seal is not that of the text"), "{words}");
    fs::write(&bad, &text[..text.len() / 2]).unwrap();
    let (code, words, _) = check(&[&bad], &[]);
    assert!(code == 1 && words.contains("malformed: certificate: is no JSON"), "{words}");
    fs::write(&bad, [0xff, 0xfe]).unwrap();
    assert_eq!(check(&[&bad], &["--json"]).0, 1);
    assert_eq!(check(&[&dir.path().join("missing.json")], &[]).0, 1);

    // False claims are undecided, and leave no certificate.
    let none = dir.path().join("none.json");
    let (code, words, _) = prove(saddle, &none, &["--claims", "local-minimum"]);
    assert!(code == 3 && words.contains("the index is 2") && !none.exists(), "{words}");
    let (code, _, errors) = prove(saddle, &none, &["--claims", "minimum"]);
    assert!(code == 1 && errors.contains("there is no claim \"minimum\""), "{errors}");
    let (code, _, errors) = ufm(&["prove", saddle.to_str().unwrap(), "model.bias=none", "--out", "x.json"]);
    assert!(code == 1 && errors.contains("a proof needs a loss and decays"), "{errors}");
}

#[test]
fn a_scenario_proves_its_verdicts() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/certified.toml");
    let arguments = ["run", scenario.to_str().unwrap(), "--out", out.to_str().unwrap(), "--quiet", "model.per_class=1"];
    let (code, _, errors) = ufm(&arguments);
    assert_eq!(code, 0, "{errors}");
    let records = fs::read_to_string(out.join("records.jsonl")).unwrap();
    let mut paths = Vec::new();
    for line in records.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["standing"], "proved", "{record}");
        paths.push(out.join(record["certificate"].as_str().unwrap()));
        let reason = record["reason"].as_str().unwrap();
        assert!(reason.contains("; proved: critical-orbit, inertia"), "{reason}");
        let global = record["nature"] == "global-minimum";
        assert_eq!(global, reason.contains("simplex-etf"), "{reason}");
    }
    assert_eq!(paths.len(), 12);
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    let (code, words, _) = check(&paths, &[]);
    assert_eq!(code, 0, "{words}");
}
