//! What the tests of `ufm run` share: the command, its outcome, and folders as bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Everything in a folder by name, folders within included.
pub(crate) type Snapshot = BTreeMap<String, Vec<u8>>;

/// The command with its arguments.
pub(crate) fn ufm(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ufm"));
    command.args(arguments);
    command
}

/// Exit code, standard output, standard error.
pub(crate) fn outcome(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// `ufm run SCENARIO --out DIR` and further arguments; the outcome.
pub(crate) fn run(scenario: &Path, dir: &Path, more: &[&str]) -> (i32, String, String) {
    let arguments = ["run", scenario.to_str().unwrap(), "--out", dir.to_str().unwrap()];
    outcome(ufm(&[&arguments[..], more].concat()))
}

/// What a folder holds.
pub(crate) fn snapshot(dir: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                found.insert(name + "/", Vec::new());
                folders.push(path);
            } else {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Asserts that two folders hold the same names and, but for `provenance.json` and the report that quotes it, the same bytes.
#[allow(dead_code, reason = "not every test that shares this file compares folders")]
pub(crate) fn assert_same(found: &Snapshot, expected: &Snapshot, what: &str) {
    let names = |folder: &Snapshot| folder.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}");
    for (name, bytes) in expected {
        let differs = || format!("{what}: {name} differs:\n{}", String::from_utf8_lossy(&found[name]));
        assert!(matches!(name.as_str(), "provenance.json" | "report.html") || *bytes == found[name], "{}", differs());
    }
}
