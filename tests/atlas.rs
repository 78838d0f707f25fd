//! `ufm run FOLDER`: every scenario runs, the worst outcome is the command's, and one page tells of all.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

const SCENARIO: &str = r#"
question = "Is it a simplex?"
[model]
classes = 3
width = 3
per_class = 2
decay = { epsilon = 0.01 }
[loss]
name = "cross-entropy"
[starts]
name = "gaussian"
count = 1
seed = 1
[report]
figures = ["gram"]
theorems = ["global-minima-collapse", "bce-phases"]
[expect]
verdicts = { global-minimum = 1 }
"#;

fn ufm(folder: &Path, arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("ufm").unwrap().current_dir(folder).args(arguments).output().unwrap()
}

#[test]
fn a_folder_runs_as_a_whole_and_the_worst_outcome_counts() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = folder.path().join("set");
    fs::create_dir(&scenarios).unwrap();
    fs::write(scenarios.join("b.toml"), SCENARIO).unwrap();
    fs::write(scenarios.join("a.toml"), SCENARIO.replace("minimum = 1 }", "minimum = 2 }")).unwrap();
    fs::write(scenarios.join("notes.txt"), "no scenario").unwrap();
    let ended = ufm(folder.path(), &["run", "set"]);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{text}");
    assert!(
        text.contains("1/2 a: an expectation or a theorem fails") && text.contains("2/2 b: every expectation holds"),
        "{text}"
    );
    assert!(text.contains("agrees          Global minimisers are neural collapse"), "{text}");
    // Nothing is silently absent: what was asked and does not apply, and what no scenario asked for.
    assert!(text.contains("does not apply  BCE without a bias") && text.contains("the loss is cross-entropy"), "{text}");
    assert!(text.contains("not run         Focal loss has spurious minima"), "{text}");
    let page = fs::read_to_string(folder.path().join("output/set/report.html")).unwrap();
    assert!(page.contains("href=\"a/report.html\"") && page.contains("<svg") && page.contains("Is it a simplex?"));
    // What is there is kept: without --resume the folder is refused, with it nothing is run anew.
    assert_eq!(ufm(folder.path(), &["run", "set"]).status.code(), Some(1));
    let before = fs::read(folder.path().join("output/set/b/records.jsonl")).unwrap();
    assert_eq!(ufm(folder.path(), &["run", "set", "--resume"]).status.code(), Some(2));
    assert_eq!(fs::read(folder.path().join("output/set/b/records.jsonl")).unwrap(), before);
}

#[test]
fn a_folder_without_scenarios_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ended = ufm(folder.path(), &["run", "."]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("holds no scenario"));
}
