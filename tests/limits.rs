//! Limits of memory and time for a case: what exceeds them is a row that says so, and the run goes on.

use std::fs;
use std::path::{Path, PathBuf};

mod shared;

use shared::{assert_same, outcome, run, snapshot, ufm};

/// Two cases, one of them a hundred times as large.
const LARGE: &str = "question = \"?\"
[model]
classes = 3
width = 3
per_class = 2
decay = { w = 5e-3, h = 2e-3 }
[loss]
name = \"cross-entropy\"
[[starts]]
name = \"gaussian\"
count = 2
seed = 1
[[starts]]
name = \"near-etf\"
count = 1
scale = 1e-3
seed = 1
[sweep]
\"model.per_class\" = [2, 800]
[report]
figures = [\"value-index\"]
";

/// Two cases, one of them practically without end.
const ENDLESS: &str = "question = \"?\"
[model]
classes = 3
width = 3
per_class = 2
decay = { w = 5e-3, h = 2e-3 }
[loss]
name = \"cross-entropy\"
[starts]
count = 2
seed = 1
[solver]
name = \"gradient-descent\"
step = 1e-9
[stop]
gradient_norm = 0
polish = false
[sweep]
\"stop.steps_max\" = [5, 1000000000000]
[report]
figures = [\"value-index\"]
[expect]
undecided_max = 0
";

struct Planted {
    folder: tempfile::TempDir,
    scenario: PathBuf,
    dir: PathBuf,
}

fn planted(text: &str) -> Planted {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("limited.toml");
    fs::write(&scenario, text).unwrap();
    Planted { dir: folder.path().join("out"), scenario, folder }
}

fn records(dir: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(dir.join("records.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts that a row knows nothing, and says why.
fn says_so(row: &serde_json::Value, stop_reason: &str, words: &[&str]) {
    assert_eq!((row["stop_reason"].as_str(), row["standing"].as_str()), (Some(stop_reason), Some("undecided")), "{row}");
    assert_eq!(row["nature"], "not-critical");
    let nothing = ["index", "orbit", "gap", "lower_bound", "certificate"].iter().all(|field| row[field].is_null());
    assert!(nothing, "{row}");
    let reason = row["reason"].as_str().unwrap();
    words.iter().for_each(|word| assert!(reason.contains(word), "{word:?} is missing in {reason:?}"));
}

#[test]
fn a_case_that_needs_too_much_memory_is_rows_that_say_so() {
    let Planted { folder, scenario, dir } = planted(LARGE);
    let clean = folder.path().join("clean");
    assert_eq!(run(&scenario, &clean, &["--quiet"]).0, 0);
    let limited = ["--limit-memory", "1", "--threads", "1"];
    let (code, out, error) = run(&scenario, &dir, &limited);
    assert_eq!(code, 0, "{error}");
    for word in ["3 points exceeded a limit", "--limit-memory 1", "--retry unsettled"] {
        assert!(out.contains(word), "{word:?} is missing in:\n{out}");
    }
    let rows = records(&dir);
    assert_eq!(rows.len(), 6);
    // The other case is what it always is.
    assert_eq!(rows[..3], records(&clean)[..3]);
    for (start, row) in rows[3..].iter().enumerate() {
        says_so(row, "memory-limit", &["planned with", "MiB", "--limit-memory 1 ", "--retry unsettled"]);
        assert!(row["value"].is_null() && row["point"].is_null() && row["start_index"] == start, "{row}");
        assert_eq!(row["samples"], 2400);
    }
    // The same bytes on any number of threads, and resumed.
    let before = snapshot(&dir);
    let again = folder.path().join("again");
    assert_eq!(run(&scenario, &again, &["--limit-memory", "1", "--threads", "2"]).0, 0);
    assert_same(&snapshot(&again), &before, "two threads");
    assert_eq!(run(&scenario, &dir, &["--limit-memory", "1", "--resume", "--quiet"]).0, 0);
    assert_same(&snapshot(&dir), &before, "resumed");
    // Retried without the limit it is the run that had none.
    assert_eq!(run(&scenario, &dir, &["--retry", "unsettled", "--quiet"]).0, 0);
    assert_same(&snapshot(&dir), &snapshot(&clean), "retried");
}

#[test]
fn what_is_left_out_for_want_of_memory_counts_as_undecided() {
    let Planted { folder: _folder, scenario, dir } = planted(&format!("{LARGE}[expect]\nundecided_max = 2\n"));
    let (code, out, error) = run(&scenario, &dir, &["--limit-memory", "1"]);
    assert!(code == 3 && out.contains("✗ undecided_max: expected at most 2, found 3"), "{code}: {out}{error}");
    let (code, _, error) = run(&scenario, &dir, &["--limit-memory", "100", "--retry", "unsettled"]);
    assert_eq!(code, 0, "{error}");
}

#[test]
fn a_case_that_takes_too_long_is_rows_that_say_so_and_the_run_goes_on() {
    let Planted { folder, scenario, dir } = planted(ENDLESS);
    let (code, out, error) = run(&scenario, &dir, &["--limit-time", "2", "--threads", "2"]);
    assert_eq!(code, 3, "{error}");
    for word in ["2 points exceeded a limit", "--limit-time 2", "--retry unsettled", "✗ undecided_max"] {
        assert!(out.contains(word), "{word:?} is missing in:\n{out}");
    }
    let rows = records(&dir);
    assert_eq!(rows.len(), 4);
    for row in &rows[..2] {
        assert_eq!((row["stop_reason"].as_str(), row["steps"].as_u64()), (Some("steps"), Some(5)), "{row}");
    }
    for row in &rows[2..] {
        says_so(row, "time-limit", &["--limit-time 2", "depends on the machine", "--retry unsettled"]);
        // How far it came is kept: the point can be a start of another run.
        assert!(dir.join(row["point"].as_str().unwrap()).is_file(), "{row}");
    }
    // Resuming keeps the rows; retrying computes that case again: with an end, here.
    let before = snapshot(&dir);
    assert_eq!(run(&scenario, &dir, &["--resume", "--quiet"]).0, 3);
    assert_same(&snapshot(&dir), &before, "resumed");
    assert_eq!(run(&scenario, &dir, &["--retry", "unsettled", "--limit-time", "1", "--quiet"]).0, 3);
    assert_eq!(records(&dir)[..2], rows[..2]);
    let short = folder.path().join("short");
    let text = ENDLESS.replace("[5, 1000000000000]", "[5, 6]");
    fs::write(&scenario, text).unwrap();
    let (code, out, error) = run(&scenario, &short, &["--limit-time", "3600"]);
    assert!(code == 0 && !out.contains("limit"), "{code}: {out}{error}");
}

#[test]
fn limits_that_make_no_sense_are_refused_with_words() {
    let Planted { folder: _folder, scenario, dir } = planted(LARGE);
    for (option, value, word) in [
        ("--limit-time", "0", "greater than 0"),
        ("--limit-time", "-1", "limit-time"),
        ("--limit-time", "nan", "number of seconds"),
        ("--limit-time", "inf", "number of seconds"),
        ("--limit-time", "1h", "number of seconds"),
        ("--limit-memory", "0", "limit-memory"),
        ("--limit-memory", "1.5", "limit-memory"),
        ("--limit-memory", "2G", "limit-memory"),
    ] {
        let argument = format!("{option}={value}");
        let (code, out, error) = run(&scenario, &dir, &[&argument]);
        assert!(code == 1 && out.is_empty() && error.contains(word), "{argument}: {code}: {error}");
        assert!(!dir.exists(), "{argument}");
    }
    let (code, out, _) = outcome(ufm(&["run", "--help"]));
    assert!(code == 0 && out.contains("--limit-memory <MIB>") && out.contains("--limit-time <SECONDS>"), "{out}");
}
