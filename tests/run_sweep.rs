//! Sweeps as a user meets them: killed and resumed, on a full disk, asked for wrongly, and what they leave of every cell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

mod shared;

use shared::{Snapshot, assert_same, outcome, run, snapshot, ufm};

/// Two losses, twenty cells: forty cases of three points.
const SCENARIO: &str = "question = \"?\"
[model]
classes = 3
width = 3
per_class = 4
bias = \"free\"
decay = { epsilon = 0.1 }
[[loss]]
name = \"cross-entropy\"
[[loss]]
name = \"mse\"
[starts]
count = 3
seed = 1
[solver]
name = \"momentum\"
[stop]
steps_max = 400
[sweep]
\"decay.epsilon\" = { log = [0.01, 0.5, 20] }
[report]
figures = [\"value-index\"]
";
const POINTS: usize = 120;

struct Clean {
    folder: tempfile::TempDir,
    scenario: PathBuf,
    left: Snapshot,
}

fn clean(text: &str) -> Clean {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("swept.toml");
    fs::write(&scenario, text).unwrap();
    let dir = folder.path().join("clean");
    let (code, _, error) = run(&scenario, &dir, &["--quiet"]);
    assert_eq!(code, 0, "{error}");
    Clean { left: snapshot(&dir), scenario, folder }
}

fn lines(dir: &Path) -> usize {
    fs::read(dir.join("records.jsonl")).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
}

/// A generator of moments: xorshift, seeded, so that a failure can be had again.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Kills a run so many times at random moments, resuming each time, and compares what it leaves at last. Returns how many kills came in the middle.
fn killed(clean: &Clean, points: usize, times: usize, seed: u64) -> usize {
    let dir = clean.folder.path().join(format!("killed-{seed}"));
    let mut moments = Moments(seed);
    let mut interrupted = 0;
    for round in 0..times {
        let threads = ["1", "2"][round % 2];
        let arguments =
            ["run", clean.scenario.to_str().unwrap(), "--out", dir.to_str().unwrap(), "--threads", threads, "--resume"];
        let mut child = ufm(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // After a random number of further records, and then within a random part of a case.
        let share = points as u64 / times as u64;
        let enough = lines(&dir) + moments.next(share.max(1)) as usize;
        while lines(&dir) <= enough && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(moments.next(3_000)));
        let _ = child.kill();
        child.wait().unwrap();
        interrupted += usize::from((1..points).contains(&lines(&dir)));
    }
    let (code, _, error) = run(&clean.scenario, &dir, &["--resume", "--quiet"]);
    assert_eq!(code, 0, "{error}");
    assert_same(&snapshot(&dir), &clean.left, &format!("killed {times} times, seed {seed}"));
    interrupted
}

#[test]
fn a_sweep_killed_three_times_ends_with_the_same_bytes() {
    let clean = clean(SCENARIO);
    assert_eq!(clean.left["records.jsonl"].iter().filter(|&&byte| byte == b'\n').count(), POINTS);
    let interrupted = killed(&clean, POINTS, 3, 11);
    assert!(interrupted > 0, "no kill came in the middle: the test shows nothing");
}

/// The whole of it, in release: `cargo test --release --test run_sweep -- --ignored`.
#[test]
#[ignore = "a minute in release, much longer otherwise"]
fn a_large_sweep_killed_ten_times_ends_with_the_same_bytes() {
    let text = SCENARIO.replace("0.5, 20]", "0.5, 120]").replace("count = 3", "count = 4");
    let clean = clean(&text);
    for seed in [3, 1_000_003, 7_777_777] {
        let interrupted = killed(&clean, 960, 10, seed);
        assert!(interrupted >= 5, "only {interrupted} kills of 10 came in the middle");
    }
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_in_the_middle_of_a_sweep_loses_nothing() {
    let clean = clean(SCENARIO);
    let kib = clean.left["trajectories.jsonl"].len() as u64 / 1024;
    assert!(kib > 100, "{kib} KiB: the limits below need another scenario");
    for part in [4, 2] {
        let dir = clean.folder.path().join(format!("full-{part}"));
        // Writes past a limit on the size of files fail as on a full disk.
        let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib / part);
        let mut command = Command::new("bash");
        command.args(["-c", &limit, "bash", env!("CARGO_BIN_EXE_ufm"), "run"]);
        command.args([clean.scenario.as_os_str(), "--out".as_ref(), dir.as_os_str()]);
        let (code, out, error) = outcome(command);
        assert_eq!((code, out.as_str()), (4, ""), "{error}");
        assert!(error.contains("trajectories.jsonl") && error.contains("--resume") && !error.contains("panicked"), "{error}");
        // Whole cases are there, more of them where more fitted.
        let kept = lines(&dir);
        assert!(kept > 0 && kept.is_multiple_of(3) && kept < POINTS, "{kept}");
        let (code, _, error) = run(&clean.scenario, &dir, &["--resume", "--quiet"]);
        assert_eq!(code, 0, "{error}");
        assert_same(&snapshot(&dir), &clean.left, "resumed after a full disk");
    }
}

/// Small, and without a solver's work: for what is refused before any.
fn refused(sweep: &str, more: &[&str], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("wrong.toml");
    let head = SCENARIO.split("[sweep]").next().unwrap();
    fs::write(&scenario, format!("{head}[sweep]\n{sweep}\n")).unwrap();
    let dir = folder.path().join("out");
    let (code, out, error) = run(&scenario, &dir, more);
    assert_eq!((code, out.as_str()), (1, ""), "{sweep} {more:?}: {error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is missing in:\n{error}");
    }
    assert!(!error.contains("panicked") && !dir.exists(), "{sweep}: {error}");
}

#[test]
fn sweeps_that_make_no_sense_are_refused_with_words() {
    refused("\"model.width\" = []", &[], &["wrong.toml", "model.width", "empty"]);
    refused("[sweep.zip]", &[], &["zip", "empty"]);
    refused(
        "[sweep.zip]\n\"model.width\" = [2, 3]\n\"decay.epsilon\" = [0.1, 0.2, 0.3]",
        &[],
        &["as many values", "has 2", "has 3"],
    );
    refused("\"decay.epsilon\" = [0.1]\n\"model.decay.epsilon\" = [0.2]", &[], &["model.decay.epsilon", "swept twice"]);
    refused("\"model.width\" = [2, 3]\n[sweep.zip]\n\"model.width\" = [2]", &[], &["model.width", "swept twice"]);
    refused("\"model.width\" = [3, 3]", &[], &["same case", "model.width = 3"]);
    refused("\"model.widht\" = [2, 3]", &[], &["widht", "width"]);
    refused("\"report.figures\" = [1]", &[], &["cannot be swept"]);
    refused("\"decay.epsilon\" = { log = [0, 1, 5] }", &[], &["greater than 0"]);
    refused("\"decay.epsilon\" = { log = [0.1, 1] }", &[], &["range"]);
    refused("\"decay.epsilon\" = { linear = [0.1, 1, 2000000] }", &[], &["1000000"]);
    refused(
        "\"decay.epsilon\" = { linear = [0.1, 1, 2000] }\n\"starts.seed\" = { linear = [1, 2000, 2000] }",
        &[],
        &["more than 1000000 cells"],
    );
}

#[test]
fn more_points_than_a_stated_limit_want_a_yes() {
    let sweep = "\"decay.epsilon\" = { linear = [0.1, 0.5, 20000] }";
    refused(sweep, &[], &["120000 points", "100000", "--yes", "--dry-run", "--shard"]);
    refused(sweep, &["--shard", "1/40001"], &["40000 cases"]);
    // A shard of it is small enough, and so is a dry run.
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("large.toml");
    fs::write(&scenario, format!("{}[sweep]\n{sweep}\n", SCENARIO.split("[sweep]").next().unwrap())).unwrap();
    let dir = folder.path().join("out");
    assert_eq!(run(&scenario, &dir, &["--shard", "1/40000", "--quiet"]).0, 0);
    let (code, out, error) = run(&scenario, &dir, &["--dry-run"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.lines().count() < 80, "a dry run is for reading:\n{out}");
    for word in ["40000 cases, 120000 points", "and 39988 more cases", "time: about", "memory: about", "disk: about"] {
        assert!(out.contains(word), "{word} is missing in:\n{out}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("swept.toml");
    fs::write(&scenario, SCENARIO).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    for more in [&[][..], &["--shard", "1/4"]] {
        let (code, out, error) = run(&scenario, &file.join("below"), more);
        assert!(matches!(code, 1 | 4) && out.is_empty() && error.contains("below"), "{code}: {error}");
    }
    // Records of another program.
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("records.jsonl"), "{\"name\": \"mine\"}\n").unwrap();
    let (code, _, error) = run(&scenario, &foreign, &["--resume"]);
    assert!(code == 1 && error.contains("scenario.toml"), "{error}");
    fs::copy(&scenario, foreign.join("scenario.toml")).unwrap();
    let (code, _, error) = run(&scenario, &foreign, &["--resume"]);
    assert!(code == 1 && error.contains("other settings"), "{error}");
    assert_eq!(fs::read_to_string(foreign.join("records.jsonl")).unwrap(), "{\"name\": \"mine\"}\n");
}

#[test]
fn every_cell_has_a_row() {
    let clean = clean(SCENARIO);
    let text = |name: &str| String::from_utf8(clean.left[name].clone()).unwrap();
    let parse =
        |name: &str| text(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>();
    let (cells, records) = (parse("cells.jsonl"), parse("records.jsonl"));
    assert_eq!((cells.len(), records.len()), (40, POINTS));
    for (number, cell) in cells.iter().enumerate() {
        let own = &records[3 * number..3 * number + 3];
        assert!(own.iter().all(|record| record["case"] == cell["case"]));
        assert!(cell["cell"].as_str().unwrap().starts_with("model.decay.epsilon = "), "{cell}");
        let mut values: Vec<f64> = own.iter().map(|record| record["value"].as_f64().unwrap()).collect();
        values.sort_by(f64::total_cmp);
        let found = |name: &str| cell["distributions"]["value"][name].as_f64().unwrap();
        for (name, expected) in [("least", values[0]), ("median", values[1]), ("greatest", values[2])] {
            assert_eq!(found(name).to_bits(), expected.to_bits(), "{name} of {cell}");
        }
        let critical = own.iter().filter(|record| !record["orbit"].is_null()).count();
        assert_eq!(cell["value_best"].is_null(), critical == 0);
        let fraction = cell["fractions"]["not-critical"].as_f64().unwrap();
        assert!((fraction - (3 - critical) as f64 / 3.0).abs() < 1e-12, "{cell}");
    }
    let table = text("cells.csv");
    assert_eq!(table.lines().count(), 41);
    let head = table.lines().next().unwrap();
    for column in ["case", "cell", "epsilon", "fractions.global-minimum", "value_best", "gap_best", "distributions.nc1.median"] {
        assert!(head.split(',').any(|name| name == column), "{column} is missing in {head}");
    }
}

#[test]
fn trajectories_and_points_can_be_left_out() {
    let clean = clean(SCENARIO);
    let folder = |name: &str, more: &[&str]| {
        let dir = clean.folder.path().join(name);
        let (code, _, error) = run(&clean.scenario, &dir, &[more, &["--quiet"]].concat());
        assert_eq!(code, 0, "{error}");
        dir
    };
    let rows = |dir: &Path| fs::read_to_string(dir.join("trajectories.jsonl")).unwrap().lines().count();
    let all = rows(&clean.folder.path().join("clean"));
    let (thin, none) = (folder("thin", &["output.trajectories=thin"]), folder("none", &["output.trajectories=none"]));
    assert_eq!(rows(&none), 0);
    // Steps 0, 1, 2, 4, …, 256 and the last, 400 at most.
    assert!((POINTS * 2..=POINTS * 12).contains(&rows(&thin)) && all > 5 * rows(&thin), "{} of {all}", rows(&thin));
    for dir in [&thin, &none] {
        // No record depends on them, and a run without them resumes like any other.
        assert_eq!(fs::read(dir.join("records.jsonl")).unwrap(), clean.left["records.jsonl"]);
        let before = snapshot(dir);
        fs::remove_file(dir.join("records.csv")).unwrap();
        let set = format!("output.trajectories={}", dir.file_name().unwrap().to_str().unwrap());
        assert_eq!(run(&clean.scenario, dir, &[&set, "--resume", "--quiet"]).0, 0);
        assert_same(&snapshot(dir), &before, "resumed");
    }
    let bare = folder("bare", &["output.points=none"]);
    assert!(!bare.join("points").exists());
    let records = fs::read_to_string(bare.join("records.jsonl")).unwrap();
    assert!(records.lines().all(|line| line.contains("\"point\":null")));
    let (code, _, error) = run(&clean.scenario, &bare, &["output.points=none", "--resume", "--quiet"]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(fs::read_to_string(bare.join("records.jsonl")).unwrap(), records);
    // What reads the points cannot do without.
    let (code, _, error) = run(&clean.scenario, &bare, &["output.points=none", "census.escapes=false", "--overwrite"]);
    assert!(code == 1 && error.contains("[census]") && error.contains("point"), "{error}");
    let (code, _, error) = run(&clean.scenario, &bare, &["output.trajectories=thick", "--overwrite"]);
    assert!(code == 1 && error.contains("thick") && error.contains("thin"), "{error}");
}

#[test]
fn retrying_asks_for_what_there_is() {
    let clean = clean(SCENARIO);
    let dir = clean.folder.path().join("clean");
    let (code, _, error) = run(&clean.scenario, &dir, &["--retry", "all"]);
    assert!(code == 1 && error.contains("failed") && error.contains("unsettled"), "{error}");
    let (code, _, error) = run(&clean.scenario, &dir, &["--retry", "failed", "--overwrite"]);
    assert!(code == 1 && error.contains("--overwrite"), "{error}");
    // A row that says that its computation broke down.
    let path = dir.join("records.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut row: serde_json::Value = serde_json::from_str(&lines[7]).unwrap();
    (row["stop_reason"], row["value"]) = ("failed".into(), serde_json::Value::Null);
    // As an earlier version would have written it: without a check.
    row.as_object_mut().unwrap().remove("check");
    lines[7] = row.to_string();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let (code, out, error) = run(&clean.scenario, &dir, &["--resume"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("1 point failed") && out.contains("--retry failed"), "{out}");
    let (code, out, error) = run(&clean.scenario, &dir, &["--retry", "failed"]);
    assert_eq!(code, 0, "{error}");
    assert!(!out.contains("failed"), "{out}");
    assert_same(&snapshot(&dir), &clean.left, "retried");
}
