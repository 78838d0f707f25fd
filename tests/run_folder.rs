//! The folder of a run: what is refused, what is replaced, what stays, and a disk that is full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod shared;

use shared::{assert_same, outcome, run, snapshot, ufm};
use ufm::record::npz;

const SCENARIO: &str = "question = \"?\"
[model]
classes = 3
width = 4
per_class = 3
decay = { w = 5e-3, h = 2e-3 }
[[loss]]
name = \"cross-entropy\"
[[loss]]
name = \"focal\"
gamma = 2
[[loss]]
name = \"mse\"
[starts]
count = 2
seed = 1
[solver]
name = \"momentum\"
[stop]
steps_max = 25
";

fn scenario(folder: &Path) -> PathBuf {
    let path = folder.join("small.toml");
    fs::write(&path, SCENARIO).unwrap();
    path
}

/// Asserts exit code 1, these words, and a folder as it was.
fn refused(scenario: &Path, dir: &Path, more: &[&str], words: &[&str]) {
    let before = snapshot(dir);
    let (code, out, error) = run(scenario, dir, more);
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is missing in:\n{error}");
    }
    assert!(snapshot(dir) == before, "the folder was changed");
}

#[test]
fn records_are_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, dir) = (scenario(folder.path()), folder.path().join("out"));
    assert_eq!(run(&scenario, &dir, &[]).0, 0);
    refused(&scenario, &dir, &[], &["out already holds records", "--resume", "--overwrite", "--out"]);
    refused(&scenario, &dir, &["model.width=5"], &["out already holds records"]);
    // Records alone are enough.
    let only = folder.path().join("only");
    fs::create_dir(&only).unwrap();
    fs::write(only.join("records.jsonl"), "").unwrap();
    refused(&scenario, &only, &[], &["only already holds records"]);
    // `--dry-run` looks at nothing and writes nothing.
    let before = snapshot(&dir);
    assert_eq!(run(&scenario, &dir, &["--dry-run"]).0, 0);
    assert!(snapshot(&dir) == before);
}

#[test]
fn a_scenario_of_ones_own_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("mine");
    fs::create_dir(&dir).unwrap();
    let own = dir.join("scenario.toml");
    fs::write(&own, format!("# My notes.\n{SCENARIO}")).unwrap();
    refused(&own, &dir, &[], &["scenario.toml", "another scenario", "--overwrite"]);
    refused(&own, &dir, &["--resume"], &["scenario.toml", "another scenario"]);
    assert_eq!(run(&own, &dir, &["--overwrite"]).0, 0);
}

#[test]
fn overwriting_removes_what_a_run_leaves_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, dir) = (scenario(folder.path()), folder.path().join("out"));
    assert_eq!(run(&scenario, &dir, &["starts.count=3", "--quiet"]).0, 0);
    let strangers =
        ["notes.txt", "points/readme.md", "figures/drawn by hand.tex", "data/records.jsonl", ".hidden", "points/x.npz/y"];
    for name in strangers {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    fs::write(dir.join("figures/left-over.svg"), "old").unwrap();
    assert_eq!(run(&scenario, &dir, &["--overwrite", "--quiet"]).0, 0);
    for name in strangers {
        assert_eq!(fs::read(dir.join(name)).unwrap(), b"mine", "{name}");
    }
    // Nothing of the larger run is left.
    let mut found = snapshot(&dir);
    strangers.iter().for_each(|name| drop(found.remove(*name)));
    ["data/", "points/x.npz/"].iter().for_each(|name| drop(found.remove(*name)));
    let fresh = folder.path().join("fresh");
    assert_eq!(run(&scenario, &fresh, &["--quiet"]).0, 0);
    assert_same(&found, &snapshot(&fresh), "overwritten");
}

#[cfg(unix)]
#[test]
fn a_folder_that_another_run_writes_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, dir) = (scenario(folder.path()), folder.path().join("out"));
    let arguments = ["run", scenario.to_str().unwrap(), "--out", dir.to_str().unwrap()];
    // Practically without end.
    let endless = ["stop.steps_max=1000000000000", "stop.gradient_norm=0"];
    let mut child = ufm(&[&arguments[..], &endless].concat()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !dir.join("trajectories.jsonl").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it should run on");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    for mode in ["--resume", "--overwrite"] {
        let (code, _, error) = run(&scenario, &dir, &[&endless[..], &[mode]].concat());
        assert!(code == 1 && error.contains("another run is writing there"), "{code}: {error}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(run(&scenario, &dir, &["--overwrite", "--quiet"]).0, 0);
}

/// The command under a limit on the size of files, in KiB: writes past it fail as on a full disk.
#[cfg(unix)]
fn limited(kib: u64, scenario: &Path, dir: &Path, more: &[&str]) -> (i32, String, String) {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("trap '' XFSZ; ulimit -f {kib}; exec \"$@\""), "bash", env!("CARGO_BIN_EXE_ufm"), "run"]);
    command.args([scenario.as_os_str(), "--out".as_ref(), dir.as_os_str()]).args(more);
    outcome(command)
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_with_4_and_leaves_only_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, clean) = (scenario(folder.path()), folder.path().join("clean"));
    assert_eq!(run(&scenario, &clean, &["--quiet"]).0, 0);
    let left = snapshot(&clean);
    let kib = |name: &str| left[name].len() as u64 / 1024;
    let (rows, report) = (kib("trajectories.jsonl"), kib("report.html"));
    assert!(rows > 20 && report > rows + 10, "{rows}, {report}: the limits below need another scenario");
    // Figures are written before the report: the first file that is too large is named.
    let large = |name: &&String| name.starts_with("figures/") && kib(name) > rows;
    let first = left.keys().find(large).map_or("report.html", |_| "figures/");
    for (limit, file) in [
        (0, "scenario.toml"),
        (rows / 4, "trajectories.jsonl"),
        (rows / 2, "trajectories.jsonl"),
        (rows - 1, "trajectories.jsonl"),
        (rows + 1, first),
    ] {
        let dir = folder.path().join(format!("full-{limit}"));
        for threads in ["1", "2"] {
            let mode = if dir.exists() { "--resume" } else { "--quiet" };
            let (code, out, error) = limited(limit, &scenario, &dir, &["--threads", threads, mode]);
            assert_eq!((code, out.as_str()), (4, ""), "{limit} KiB: {error}");
            assert!(error.contains(file) && error.contains("os error") && !error.contains("panicked"), "{limit} KiB: {error}");
            assert_whole(&dir);
        }
        let (code, _, error) = run(&scenario, &dir, &["--resume"]);
        assert_eq!(code, 0, "{limit} KiB: {error}");
        assert_same(&snapshot(&dir), &left, &format!("resumed after {limit} KiB"));
    }
}

/// Asserts that nothing in a folder is half-written.
fn assert_whole(dir: &Path) {
    for (name, bytes) in snapshot(dir) {
        assert!(!name.ends_with(".tmp"), "{name}");
        if name.ends_with(".jsonl") {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.is_empty() || text.ends_with('\n'), "{name} has a torn line");
            text.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
        } else if name.ends_with(".npz") {
            npz::read(&dir.join(name)).unwrap();
        } else if name == "scenario.toml" {
            String::from_utf8(bytes).unwrap().parse::<toml::Table>().unwrap();
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario(folder.path());
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    for dir in [file.clone(), file.join("below"), PathBuf::from("/proc/no-such-folder")] {
        let (code, out, error) = run(&scenario, &dir, &[]);
        assert!(matches!(code, 1 | 4) && out.is_empty(), "{code}: {error}");
        assert!(error.contains(dir.to_str().unwrap()) && !error.contains("panicked"), "{error}");
    }
    assert_eq!(fs::read(file).unwrap(), b"mine");
}
