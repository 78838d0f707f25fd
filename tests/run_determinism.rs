//! Equal inputs leave equal bytes: whatever the number of threads, after `kill -9` and `--resume`, and after damage that a killed run may leave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

mod shared;

use shared::{Snapshot, assert_same, run, snapshot, ufm};

/// Eight cases of three points: two losses, four solvers.
const SCENARIO: &str = "question = \"?\"
[model]
classes = 3
width = 4
per_class = 4
bias = \"decayed\"
decay = { w = 5e-3, h = 2e-3, b = 1e-2 }
[[loss]]
name = \"cross-entropy\"
[[loss]]
name = \"mse\"
[starts]
count = 3
seed = 1
[[solver]]
name = \"lbfgs\"
[[solver]]
name = \"trust-region\"
[[solver]]
name = \"momentum\"
[[solver]]
name = \"gradient-descent\"
[stop]
steps_max = 600
";
/// What is computed from the points of a whole case.
const TOGETHER: &str = "[census]\n[slice]\n";
const CASES: usize = 8;
const POINTS: usize = 24;

/// The scenario as a file, and what an undisturbed run of it leaves.
struct Clean {
    folder: tempfile::TempDir,
    scenario: PathBuf,
    left: Snapshot,
}

fn clean() -> Clean {
    clean_of(&format!("{SCENARIO}{TOGETHER}"))
}

fn clean_of(text: &str) -> Clean {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("disturbed.toml");
    fs::write(&scenario, text).unwrap();
    let dir = folder.path().join("clean");
    let (code, _, error) = run(&scenario, &dir, &["--threads", "1"]);
    assert_eq!(code, 0, "{error}");
    let left = snapshot(&dir);
    assert_eq!(lines(&dir), POINTS);
    Clean { folder, scenario, left }
}

impl Clean {
    /// A folder with a copy of what was left.
    fn copy(&self, name: &str) -> PathBuf {
        let dir = self.folder.path().join(name);
        for (name, bytes) in &self.left {
            let path = dir.join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
        }
        dir
    }
}

/// Whole lines of the records.
fn lines(dir: &Path) -> usize {
    fs::read(dir.join("records.jsonl")).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
}

#[test]
fn threads_do_not_change_a_byte() {
    let clean = clean();
    for threads in ["1", "2", "3"] {
        let dir = clean.folder.path().join(format!("threads-{threads}"));
        assert_eq!(run(&clean.scenario, &dir, &["--threads", threads]).0, 0);
        assert_same(&snapshot(&dir), &clean.left, threads);
    }
    // Over an older run of other settings.
    let dir = clean.folder.path().join("threads-2");
    assert_eq!(run(&clean.scenario, &dir, &["--overwrite", "model.width=3"]).0, 0);
    assert_eq!(run(&clean.scenario, &dir, &["--overwrite"]).0, 0);
    assert_same(&snapshot(&dir), &clean.left, "overwritten");
}

/// Waits until the records hold `enough` lines (or the run has ended), then kills it.
fn kill_after(mut child: Child, dir: &Path, enough: usize) {
    while lines(dir) < enough && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // It may have ended meanwhile.
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let clean = clean();
    let mut interrupted = 0;
    for (round, (threads, enough)) in [("1", 1), ("2", 1), ("1", 9), ("2", 6), ("1", 15)].into_iter().enumerate() {
        let dir = clean.folder.path().join(format!("killed-{round}"));
        let arguments = ["run", clean.scenario.to_str().unwrap(), "--out", dir.to_str().unwrap(), "--threads", threads];
        let child = ufm(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        kill_after(child, &dir, enough);
        interrupted += usize::from((1..POINTS).contains(&lines(&dir)));
        // Killed again on the way.
        let child = ufm(&[&arguments[..], &["--resume"]].concat()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        kill_after(child, &dir, enough + 3);
        let (code, _, error) = run(&clean.scenario, &dir, &["--resume", "--threads", "2"]);
        assert_eq!(code, 0, "{error}");
        assert_same(&snapshot(&dir), &clean.left, &format!("killed with {enough} records on {threads} threads"));
    }
    assert!(interrupted >= 2, "only {interrupted} runs were killed in the middle: the test shows nothing");
}

#[test]
fn resuming_an_ended_run_computes_nothing() {
    let clean = clean_of(SCENARIO);
    let dir = clean.copy("ended");
    // A case that is computed again would write its points again.
    let points: Vec<_> = fs::read_dir(dir.join("points")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(points.len(), POINTS);
    // All the same, so that none is its own but one: whole, because a torn one is computed again.
    let mark = fs::read(&points[0]).unwrap();
    points.iter().for_each(|path| fs::write(path, &mark).unwrap());
    let rows = dir.join("trajectories.jsonl");
    assert_eq!(run(&clean.scenario, &dir, &["--resume"]).0, 0);
    assert!(points.iter().all(|path| fs::read(path).unwrap() == mark));
    assert_eq!(fs::read(rows).unwrap(), clean.left["trajectories.jsonl"]);
}

#[test]
fn what_a_crash_may_take_is_computed_again() {
    let clean = clean();
    let ends = |name: &str| -> Vec<usize> {
        clean.left[name].iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect()
    };
    let records = ends("records.jsonl");
    let whole = *records.last().unwrap();
    // Nothing, the first line torn, a part of a case, whole cases, the middle of a line, all but the last newline.
    let mut cuts: Vec<(&str, usize)> =
        [0, records[0] / 2, records[0], records[4], records[2], records[5] + 10, records[20] - 1, whole - 1]
            .into_iter()
            .map(|length| ("records.jsonl", length))
            .collect();
    let rows = ends("trajectories.jsonl");
    cuts.extend([0, rows[0] - 3, rows[rows.len() / 2], rows[rows.len() - 2]].map(|length| ("trajectories.jsonl", length)));
    for (name, length) in cuts {
        let dir = clean.copy("cut");
        fs::OpenOptions::new().write(true).open(dir.join(name)).unwrap().set_len(length as u64).unwrap();
        let (code, _, error) = run(&clean.scenario, &dir, &["--resume"]);
        assert_eq!(code, 0, "{name} cut to {length}: {error}");
        assert_same(&snapshot(&dir), &clean.left, &format!("{name} cut to {length}"));
        fs::remove_dir_all(dir).unwrap();
    }
    let point = clean.left.keys().find(|name| name.ends_with("-1.npz")).unwrap().clone();
    // Points are not waited for: a power failure may leave them empty, or with holes.
    for damage in [0, 100, clean.left[&point].len() - 1] {
        let dir = clean.copy("torn");
        fs::OpenOptions::new().write(true).open(dir.join(&point)).unwrap().set_len(damage as u64).unwrap();
        assert_eq!(run(&clean.scenario, &dir, &["--resume"]).0, 0);
        assert_same(&snapshot(&dir), &clean.left, &format!("a point of {damage} bytes"));
        fs::remove_dir_all(dir).unwrap();
    }
    for lost in [vec![point.as_str()], vec!["trajectories.jsonl"], vec!["records.jsonl"], vec!["records.csv", "summary.json"]] {
        let dir = clean.copy("lost");
        lost.iter().for_each(|name| fs::remove_file(dir.join(name)).unwrap());
        // What a process leaves that was killed while it wrote.
        fs::write(dir.join("points/.0123456789abcdef-0.npz.4711-12.tmp"), "half").unwrap();
        fs::write(dir.join(".summary.json.4711-13.tmp"), "half").unwrap();
        assert_eq!(run(&clean.scenario, &dir, &["--resume"]).0, 0, "{lost:?}");
        assert_same(&snapshot(&dir), &clean.left, &format!("{lost:?} lost"));
        fs::remove_dir_all(dir).unwrap();
    }
}

/// What damage does to the lines of a file.
type Damage = fn(&mut Vec<String>);

#[test]
fn damage_that_no_crash_makes_is_refused_and_nothing_is_touched() {
    let clean = clean();
    let text = |name: &str| String::from_utf8(clean.left[name].clone()).unwrap();
    let damages: [(&str, Damage, &[&str]); 8] = [
        ("records.jsonl", |lines| lines[4] = lines[4][..100].into(), &["line 5"]),
        ("records.jsonl", |lines| lines[1].clear(), &["line 2"]),
        ("records.jsonl", |lines| lines[7] = "{}".into(), &["line 8", "case"]),
        ("records.jsonl", |lines| lines[2] = lines[2].replace("record/v1", "record/v9"), &["line 3", "v9", "ufm.record/v1"]),
        ("records.jsonl", |lines| lines[3] = lines[3].replacen("\"case\":\"", "\"case\":\"f00", 1), &["line 4", "f00"]),
        ("records.jsonl", |lines| lines[3] = lines[3].replace("\"start_index\":0", "\"start_index\":9"), &["line 4", "9"]),
        ("records.jsonl", |lines| lines[5] = lines[5].replace("\"value\":", "\"value\":true,\"v\":"), &["line 6"]),
        ("trajectories.jsonl", |lines| lines[10] = "?".into(), &["line 11"]),
    ];
    for (name, damage, words) in damages {
        let dir = clean.copy("damaged");
        let mut lines: Vec<String> = text(name).lines().map(str::to_owned).collect();
        damage(&mut lines);
        fs::write(dir.join(name), lines.join("\n") + "\n").unwrap();
        refused(&clean, &dir, &[], &[words, &[name]].concat());
    }
    let dir = clean.copy("damaged");
    let mut bytes = clean.left["records.jsonl"].clone();
    bytes[40] = 0xff;
    fs::write(dir.join("records.jsonl"), bytes).unwrap();
    refused(&clean, &dir, &[], &["records.jsonl", "line 1"]);
    let dir = clean.copy("damaged");
    fs::remove_file(dir.join("scenario.toml")).unwrap();
    refused(&clean, &dir, &[], &["scenario.toml", "--overwrite"]);
    // Undamaged, with other settings.
    refused(&clean, &clean.copy("damaged"), &["model.width=5"], &["other settings", "width = 4", "width = 5"]);
}

/// Asserts that resuming is refused with these words, leaves the folder as it is, and removes it.
fn refused(clean: &Clean, dir: &Path, more: &[&str], words: &[&str]) {
    let before = snapshot(dir);
    let (code, out, error) = run(&clean.scenario, dir, &[more, &["--resume"]].concat());
    assert_eq!((code, out.as_str()), (1, ""), "{words:?}: {error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is missing in:\n{error}");
    }
    assert!(snapshot(dir) == before, "{words:?}: the folder was changed");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_scenario_has_as_many_cases_as_the_tests_think() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counted.toml");
    let scenario = ufm::scenario::Scenario::parse(&path, SCENARIO, &[], false).unwrap();
    assert_eq!(scenario.cases.len(), CASES);
}
