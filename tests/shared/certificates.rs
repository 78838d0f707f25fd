//! What the tests of certificates share: good certificates of every kind, ways to corrupt a document, and the programs in Python.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use ufm::losses::{ALL, Loss};
use ufm::rigor::{canonical, hexadecimal, parse_hexadecimal, seal};

/// A loss by name.
pub(crate) fn loss(name: &str, parameters: &[f64]) -> Loss {
    (ALL.iter().find(|family| family.name == name).unwrap().build)(parameters)
}

/// Certificates of every kind, each of at most 21 unknowns: points of every loss, bias and rank (K = 3, d = 3, n = 1), a box of decays, losses and boxes of them. `ufm run` and `ufm prove` made them.
pub(crate) fn good_certificates() -> Vec<Value> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/certificates.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Those about losses.
pub(crate) fn loss_certificates() -> Vec<Value> {
    good_certificates().into_iter().filter(|document| document.get("point").is_none()).collect()
}

/// Paths to every leaf of a document.
pub(crate) fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{path}/{at}"), out)),
        _ => out.push(path.to_owned()),
    }
}

/// Ways to corrupt one leaf: sign, last digit, size, small relative changes; other names; neighbouring integers.
pub(crate) fn corrupted(leaf: &Value) -> Vec<Value> {
    const NAMES: &[&str] = &[
        "bce",
        "mse",
        "cross-entropy",
        "focal",
        "free",
        "none",
        "decayed",
        "strict-saddle",
        "strict-local-minimum",
        "dual",
        "contrastive",
        "inertia",
        "convex",
        "simplex",
        "zero",
        "unbounded",
        "",
    ];
    match leaf {
        Value::String(text) => match parse_hexadecimal(text) {
            Some(x) => {
                let sizes = [-x, 2.0 * x, 0.5 * x, x + 0.1, 0.0, 1e-3, 1e6, 1e-300];
                let relative = [1e-6, -1e-6, 1e-9, -1e-9, 1e-13].map(|change| x * (1.0 + change));
                let changed = sizes.into_iter().chain(relative).chain([x.next_up(), x.next_down()]);
                let differs = |y: &f64| y.is_finite() && y.to_bits() != x.to_bits();
                changed.filter(differs).map(|y| hexadecimal(y).into()).collect()
            }
            None => NAMES.iter().filter(|name| *name != text).map(|&name| name.into()).collect(),
        },
        Value::Number(n) => {
            let n = n.as_u64().unwrap_or(0);
            [n + 1, n.saturating_sub(1), 0, 1 << 40].into_iter().filter(|&m| m != n).map(Value::from).collect()
        }
        _ => vec![],
    }
}

/// The text of a document with the seal that belongs to it.
pub(crate) fn sealed(mut document: Value) -> String {
    if document.is_object() {
        document["seal"] = seal(&document).into();
    }
    canonical(&document)
}

/// What a Python program under `tests` answers to each line, or `None`, visibly, where there is no Python with mpmath.
pub(crate) fn python(script: &str, arguments: &[&str], lines: &[String]) -> Option<Vec<String>> {
    let known = Command::new("python3").args(["-c", "import mpmath"]).stderr(Stdio::null()).status();
    if !known.is_ok_and(|status| status.success()) {
        #[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
        {
            eprintln!("SKIPPED: {script} needs python3 with mpmath");
        }
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let mut command = Command::new("python3");
    let mut child = command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text: String = lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), lines.len(), "one answer a line");
    Some(answers)
}

/// What the second checker says of each text.
pub(crate) fn second_opinion(texts: &[String]) -> Option<Vec<String>> {
    python("second-checker/check.py", &["--lines"], texts)
}
