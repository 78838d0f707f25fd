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

const STATE: [&str; 8] = [
    "model.classes=60",
    "model.width=60",
    "model.per_class=1",
    "model.bias=decayed",
    "model.decay.epsilon=0.01955917",
    "model.decay.b=0.01",
    "loss.name=focal",
    "loss.gamma=3",
];

/// `ufm prove --partial M problem… --out CERT more…`.
fn prove_state(alive: &str, certificate: &Path, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["prove", "--partial", alive];
    arguments.extend(STATE);
    arguments.extend(["--out", certificate.to_str().unwrap()]);
    arguments.extend(more);
    ufm(&arguments)
}

#[test]
fn states_are_proved_without_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let cert = dir.path().join("state.json");
    let (code, words, errors) = prove_state("59", &cert, &[]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(words.contains("proved     partial-state") && words.contains("strict local minimum of index 0"), "{words}");
    assert!(words.contains("proved     not-global") && words.contains("f at a point with 60 classes alive is lower"), "{words}");
    assert_eq!(check(&[&cert], &[]).0, 0);
    // A changed index, with its own seal.
    let mut document: serde_json::Value = serde_json::from_str(&fs::read_to_string(&cert).unwrap()).unwrap();
    document["claims"][0]["index"] = 1.into();
    document["seal"] = ufm::rigor::seal(&document).into();
    fs::write(&cert, ufm::rigor::canonical(&document)).unwrap();
    let (code, words, _) = check(&[&cert], &[]);
    assert!(code == 2 && words.contains("the number of negative eigenvalues is the index (0 counted, 1 claimed)"), "{words}");

    let none = dir.path().join("none.json");
    let (code, words, _) = prove_state("30", &none, &["--claims", "local-minimum"]);
    assert!(code == 3 && words.contains("the index is 31") && !none.exists(), "{words}");
    let (code, _, errors) = prove_state("1", &none, &[]);
    assert!(code == 1 && errors.contains("cannot form a simplex"), "{errors}");
    let (code, _, errors) = prove_state("59", &none, &["point.npz"]);
    assert!(code == 1 && errors.contains("--partial takes no file"), "{errors}");
    let (code, _, errors) = ufm(&["prove", "--out", none.to_str().unwrap()]);
    assert!(code == 1 && errors.contains("FILE.npz"), "{errors}");
}

#[test]
fn points_are_compared_with_lower_ones() {
    let dir = tempfile::tempdir().unwrap();
    let points = points(dir.path());
    let (zero, saddle, minimum) = (&points[0], &points[1], points.last().unwrap());
    let cert = dir.path().join("lower.json");
    for (more, words) in [
        (vec!["--claims", "not-global"], "f at a point with 3 classes alive is lower"),
        (vec!["--claims", "not-global", "--below", minimum.to_str().unwrap()], "f at the certificate's other point is lower"),
    ] {
        for point in [zero, saddle] {
            let (code, found, errors) = prove(point, &cert, &more);
            assert!(code == 0 && found.contains(words), "{found}{errors}");
            assert_eq!(check(&[&cert], &[]).0, 0);
        }
    }
    fs::remove_file(&cert).unwrap();
    let (code, words, _) = prove(minimum, &cert, &["--claims", "not-global"]);
    assert!(code == 3 && words.contains("no lower point is known") && !cert.exists(), "{words}");
    let (code, words, _) = prove(minimum, &cert, &["--claims", "not-global", "--below", saddle.to_str().unwrap()]);
    assert!(code == 3 && words.contains("said to be lower"), "{words}");
    let (code, words, _) = prove(minimum, &cert, &["--claims", "partial-state"]);
    assert!(code == 3 && words.contains("--partial"), "{words}");
}

/// The second checker on every certificate of a run, those of the simplex (`simplex-etf`, `global-simplex-etf`) among them.
#[test]
fn the_second_checker_accepts_a_whole_run() {
    let known = Command::new("python3").args(["-c", "import mpmath"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        #[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
        {
            eprintln!("SKIPPED: the second checker needs python3 with mpmath");
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scenario = root.join("scenarios/certified.toml");
    let small = ["model.classes=3", "model.width=3", "model.per_class=1"];
    let mut arguments = vec!["run", scenario.to_str().unwrap(), "--out", out.to_str().unwrap(), "--quiet"];
    arguments.extend(small);
    let (code, _, errors) = ufm(&arguments);
    assert_eq!(code, 0, "{errors}");
    let mut paths: Vec<_> = fs::read_dir(out.join("certificates")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let text: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for kind in ["\"simplex-etf\"", "\"global-simplex-etf\"", "\"global-minimum\"", "\"inertia\""] {
        assert!(text.contains(kind), "{kind} of {} certificates", paths.len());
    }
    let output = Command::new("python3").arg(root.join("tests/second-checker/check.py")).args(&paths).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && words.matches(": accepted").count() == paths.len(), "{words}");
}

#[test]
fn losses_are_proved_without_a_point() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = dir.path().join("loss.json");
    let prove = |arguments: &[&str]| ufm(&[&["prove", "--out", certificate.to_str().unwrap()], arguments].concat());
    let claims = ["--loss", "focal", "loss.gamma=3", "model.classes=60", "--claims", "contrastive,convexity-region,transition"];
    let (code, words, errors) = prove(&claims);
    assert_eq!((code, errors.as_str()), (0, ""), "{words}");
    for known in ["p_c in [5.7496908178", "one c in [1.99720196281", "every c ≥ 1.99720196281"] {
        assert!(words.contains(known), "{known}: {words}");
    }
    let (code, words, _) = check(&[&certificate], &[]);
    assert!(code == 0 && words.matches("  accepted ").count() == 4, "{words}");
    let text = fs::read_to_string(&certificate).unwrap();
    fs::write(&certificate, text.replace("\"classes\":60", "\"classes\":61")).unwrap();
    assert_eq!(check(&[&certificate], &[]).0, 2);
    fs::remove_file(&certificate).unwrap();

    // False or senseless, and how it is said.
    for (arguments, code, words) in [
        (
            &["--loss", "focal", "gamma=3", "model.classes=60", "--claims", "contrastive", "--range", "0.01,0.03"][..],
            3,
            "two minimisers tie",
        ),
        (&["--loss", "mse", "--claims", "transition"], 3, "is convex"),
        (&["--loss", "focal", "gamma=3", "--range", "0.3"], 1, "is not LOW,HIGH"),
        (&["--loss", "focal", "gamma=3", "--range", "0.3,0.2"], 1, "LOW ≤ HIGH"),
        (&["--loss", "focl", "gamma=3"], 1, "did you mean `focal`?"),
        (&["--loss", "focal"], 1, "gamma"),
        (&["--loss", "bce", "loss.scale=2"], 1, "leave loss.scale out"),
        (&["--loss", "bce", "--claims", "gap"], 1, "there is no claim \"gap\" about a loss"),
        (&["--claims", "gap"], 1, "FILE.npz"),
    ] {
        let (found, out, errors) = prove(arguments);
        assert!(found == code && format!("{out}{errors}").contains(words), "{arguments:?}: {found} {out}{errors}");
        assert!(!certificate.exists(), "{arguments:?}");
    }
    // `ufm loss` says how to prove what it prints.
    let (_, words, _) = ufm(&["loss", "focal", "gamma=3", "model.classes=60"]);
    assert!(words.contains("ufm prove --loss focal loss.gamma=3 model.classes=60 --out FILE"), "{words}");
}

/// What is refused by its size is refused before it is stored: in 1 GB of address space, whatever the text.
#[cfg(target_os = "linux")]
#[test]
fn hostile_texts_need_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hostile.json");
    let numbers = |item: &str, count: usize| format!("{{\"format\":[{}{item}]}}", format!("{item},").repeat(count));
    for (text, words) in [
        ("[".repeat(4 << 20), "nested"),
        (numbers("0", 4_000_000), "more than 3000000 values"),
        (numbers("[]", 4_000_000), "more than 3000000 values"),
        (numbers("{}", 4_000_000), "more than 64 objects"),
        ("7".repeat(4 << 20), "more than 20 digits"),
        ("0".repeat(70 << 20), "bytes"),
        // As much as is let through.
        (numbers("\"0x1.fffffffffffffp+1000\"", 2_300_000), "must be a string"),
    ] {
        fs::write(&file, text).unwrap();
        let limited = format!("ulimit -v 1000000; exec {} check {}", env!("CARGO_BIN_EXE_ufm"), file.display());
        let output = Command::new("sh").args(["-c", &limited]).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.code() == Some(1) && out.contains(words) && out.len() < 1000,
            "{words}: {:?} {out:.500}",
            output.status
        );
    }
}
