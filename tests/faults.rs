//! Faults: a run killed at every named point, damaged on the disk, interrupted, or alone with a folder that another run holds, loses nothing, and says what to type.

use std::collections::BTreeMap;
use std::fs;
#[cfg(unix)]
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

mod shared;

use shared::{Snapshot, assert_same, outcome, run, snapshot, ufm};
use ufm::record::{fault, npz};

/// Two cases of three points, with everything that a run may leave.
const SCENARIO: &str = "question = \"?\"
[model]
classes = 3
width = 3
per_class = 2
decay = { epsilon = 0.1 }
[[loss]]
name = \"cross-entropy\"
[[loss]]
name = \"mse\"
[[starts]]
name = \"gaussian\"
count = 2
seed = 1
[[starts]]
name = \"origin\"
";
const EVERYTHING: &str = "[certify]
claims = [\"critical-orbit\"]
[census]
[slice]
resolution = 9
[report]
figures = [\"value-index\"]
theorems = [\"cross-entropy-landscape\"]
";

struct Clean {
    folder: tempfile::TempDir,
    scenario: PathBuf,
    left: Snapshot,
    /// How often each named point was reached.
    reached: BTreeMap<String, usize>,
}

fn clean(text: &str) -> Clean {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("faulty.toml");
    fs::write(&scenario, text).unwrap();
    let (dir, log) = (folder.path().join("clean"), folder.path().join("log"));
    let mut command = begin(&scenario, &dir, &["--threads", "1", "--quiet"]);
    command.env("UFM_FAULT_LOG", &log);
    let (code, _, error) = outcome(command);
    assert_eq!(code, 0, "{error}");
    let mut reached = BTreeMap::new();
    // Without debug assertions there is no log.
    for name in fs::read_to_string(log).unwrap_or_default().lines() {
        *reached.entry(name.to_owned()).or_default() += 1;
    }
    Clean { left: snapshot(&dir), folder, scenario, reached }
}

impl Clean {
    /// A folder with a copy of what was left.
    fn copy(&self, name: &str) -> PathBuf {
        let dir = self.folder.path().join(name);
        for (name, bytes) in &self.left {
            let path = dir.join(name);
            fs::create_dir_all(if name.ends_with('/') { &path } else { path.parent().unwrap() }).unwrap();
            if !name.ends_with('/') {
                fs::write(path, bytes).unwrap();
            }
        }
        dir
    }
}

fn begin(scenario: &Path, dir: &Path, more: &[&str]) -> Command {
    ufm(&[&["run", scenario.to_str().unwrap(), "--out", dir.to_str().unwrap()], more].concat())
}

fn lines(dir: &Path) -> usize {
    fs::read(dir.join("records.jsonl")).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
}

/// Runs to the named point and dies there; true if it did.
#[cfg(unix)]
fn dies(scenario: &Path, dir: &Path, fault: &str, more: &[&str]) -> bool {
    use std::os::unix::process::ExitStatusExt;
    const SIGABRT: i32 = 6;
    let mut command = begin(scenario, dir, &[more, &["--threads", "1", "--quiet"]].concat());
    let output = command.env("UFM_FAULT", fault).output().unwrap();
    assert!(output.status.success() || output.status.signal() == Some(SIGABRT), "{fault}: {output:?}");
    output.status.signal() == Some(SIGABRT)
}

#[cfg(unix)]
#[test]
fn killed_at_every_named_point_a_run_resumes_to_the_same_bytes() {
    let clean = clean(&format!("{SCENARIO}{EVERYTHING}"));
    for point in fault::POINTS {
        let times = clean.reached.get(*point).copied().unwrap_or(0);
        assert!(times > 0, "{point} is in the list, and no run comes there");
        let mut counts = vec![1, times.div_ceil(2), times];
        counts.dedup();
        for count in counts {
            let dir = clean.folder.path().join(format!("{point}-{count}"));
            let fault = format!("{point}:{count}");
            assert!(dies(&clean.scenario, &dir, &fault, &[]), "{fault} was not reached");
            // And once more on the way, where resuming comes there.
            if count == 1 {
                dies(&clean.scenario, &dir, &fault, &["--resume"]);
            }
            let (code, _, error) = run(&clean.scenario, &dir, &["--resume", "--quiet"]);
            assert_eq!(code, 0, "{fault}: {error}");
            assert_same(&snapshot(&dir), &clean.left, &fault);
            fs::remove_dir_all(dir).unwrap();
        }
    }
    let unknown: Vec<&String> = clean.reached.keys().filter(|name| !fault::POINTS.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[cfg(unix)]
#[test]
fn a_point_that_is_never_reached_and_a_byte_that_differs_are_noticed() {
    let clean = clean(SCENARIO);
    // Without [census] nothing comes to its end.
    assert!(!clean.reached.contains_key("census-taken"));
    let dir = clean.folder.path().join("never");
    assert!(!dies(&clean.scenario, &dir, "census-taken:1", &[]));
    let output = begin(&clean.scenario, &dir, &[]).env("UFM_FAULT", "no-such-point:1").output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("no such point"));
    let mut other = clean.left.clone();
    *other.get_mut("records.csv").unwrap().last_mut().unwrap() ^= 1;
    assert!(std::panic::catch_unwind(|| assert_same(&other, &clean.left, "planted")).is_err());
}

/// Bits that are flipped in a file, spread over it.
fn bits(length: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |number| (number * 8 * length / count + number * 37) % (8 * length))
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let clean = clean(&format!("{SCENARIO}[report]\nfigures = [\"value-index\"]\n"));
    let (mut noticed, mut harmless) = (0, 0);
    for (name, bytes) in clean.left.iter().filter(|(name, bytes)| !name.ends_with('/') && !bytes.is_empty()) {
        let many = if name.ends_with(".jsonl") { 16 } else { 2 };
        for bit in bits(bytes.len(), many) {
            let what = format!("bit {bit} of {name}");
            let dir = clean.copy("flipped");
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(dir.join(name), &flipped).unwrap();
            let before = snapshot(&dir);
            let (code, _, error) = run(&clean.scenario, &dir, &["--resume", "--quiet"]);
            if code == 1 {
                noticed += 1;
                assert!(error.contains(name.as_str()) || error.contains("settings"), "{what}: {error}");
                assert!(snapshot(&dir) == before, "{what}: the folder was changed");
                if name.ends_with(".jsonl") {
                    assert!(error.contains("line ") && error.contains("--retry damaged"), "{what}: {error}");
                    let (code, _, error) = run(&clean.scenario, &dir, &["--retry", "damaged", "--quiet"]);
                    assert_eq!(code, 0, "{what}: {error}");
                    assert_same(&snapshot(&dir), &clean.left, &what);
                }
            } else {
                harmless += 1;
                assert_eq!(code, 0, "{what}: {error}");
                let mut left = snapshot(&dir);
                if name.ends_with(".npz") {
                    // A point of which a bit is not what it was says the same, or was computed again.
                    let path = dir.join(name);
                    let (found, expected) =
                        (npz::read(&path).unwrap(), npz::read(&clean.folder.path().join("clean").join(name)).unwrap());
                    assert_eq!((found.w, found.h, found.b), (expected.w, expected.h, expected.b), "{what}");
                    left.insert(name.clone(), bytes.clone());
                }
                if name.ends_with(".jsonl") {
                    // The name of a check, or the end of the last line: the numbers are what they were.
                    left.insert(name.clone(), bytes.clone());
                }
                assert_same(&left, &clean.left, &what);
            }
            fs::remove_dir_all(dir).unwrap();
        }
    }
    assert!(noticed >= 30 && harmless >= 6, "{noticed} noticed, {harmless} harmless: the test shows nothing");
}

#[test]
fn a_report_and_a_merge_notice_a_flipped_bit_too() {
    let clean = clean(SCENARIO);
    let dir = clean.copy("flipped");
    let path = dir.join("records.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    // A digit of a number: the line is as good JSON as it was.
    let at = text.find("\"value\":0.").unwrap() + "\"value\":0.".len();
    let mut bytes = text.into_bytes();
    bytes[at] = if bytes[at] == b'1' { b'3' } else { b'1' };
    fs::write(&path, bytes).unwrap();
    let (code, _, error) = outcome(ufm(&["report", dir.to_str().unwrap()]));
    assert!(code == 1 && error.contains("line 1") && error.contains("check") && error.contains("--retry damaged"), "{error}");
    // Lines of an earlier version have no check, and are read.
    let line = |line: &str| format!("{}}}\n", line.rsplit_once(",\"check\":").unwrap().0);
    let text = String::from_utf8(clean.left["records.jsonl"].clone()).unwrap();
    fs::write(&path, text.lines().map(line).collect::<String>()).unwrap();
    assert_eq!(outcome(ufm(&["report", dir.to_str().unwrap()])).0, 0);
}

#[test]
fn several_damaged_lines_cost_their_cases_alone() {
    let clean = clean(SCENARIO);
    let dir = clean.copy("damaged");
    let spoil = |name: &str, text: String| fs::write(dir.join(name), text).unwrap();
    let text = String::from_utf8(clean.left["records.jsonl"].clone()).unwrap();
    // Two lines run together, zeros in the middle of another, a line of nobody's.
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    let second = rows.remove(1);
    rows[0].push_str(&second);
    rows.push("{\"case\":\"f00\",\"start_index\":0}".into());
    rows.push("\0\0\0\0".into());
    spoil("records.jsonl", rows.join("\n") + "\n");
    let kept = fs::read_dir(dir.join("points")).unwrap().map(|entry| entry.unwrap().path());
    let last = kept.max_by_key(|path| text.rfind(path.file_name().unwrap().to_str().unwrap())).unwrap();
    let stamp = fs::metadata(&last).unwrap().modified().unwrap();
    assert_eq!(run(&clean.scenario, &dir, &["--resume"]).0, 1);
    let (code, _, error) = run(&clean.scenario, &dir, &["--retry", "damaged", "--quiet"]);
    assert_eq!(code, 0, "{error}");
    assert_same(&snapshot(&dir), &clean.left, "damaged lines");
    assert_eq!(fs::metadata(&last).unwrap().modified().unwrap(), stamp, "the second case was whole, and is not computed again");
}

/// Practically without end, but for what is quick.
const ENDLESS: [&str; 3] = ["stop.steps_max=1000000000000", "stop.gradient_norm=0", "solver.name=gradient-descent"];

/// A run that goes on and on, begun.
fn endless(scenario: &Path, dir: &Path, fault: Option<&str>) -> Child {
    let mut command = begin(scenario, dir, &[&ENDLESS[..], &["solver.step=1e-9"]].concat());
    fault.map(|fault| command.env("UFM_FAULT", fault));
    let log = dir.with_extension("log");
    let mut child = command.env("UFM_FAULT_LOG", &log).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = || fs::read_to_string(&log).is_ok_and(|log| log.contains("point-begun"));
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "it should run on");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child
}

#[cfg(unix)]
#[test]
fn a_second_run_is_told_and_a_killed_one_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("locked.toml");
    fs::write(&scenario, SCENARIO).unwrap();
    // By the folder itself, and by a file where folders cannot be locked.
    let faults = [None, Some(fault::NO_FOLDER_LOCK)];
    for fault in faults {
        let dir = folder.path().join(format!("out-{}", fault.unwrap_or("folder")));
        let mut child = endless(&scenario, &dir, fault);
        let before = snapshot(&dir);
        for mode in ["--resume", "--overwrite", "--quiet"] {
            let mut second = begin(&scenario, &dir, &[mode]);
            fault.map(|fault| second.env("UFM_FAULT", fault));
            let (code, out, error) = outcome(second);
            assert_eq!((code, out.as_str()), (1, ""), "{error}");
            for word in [dir.to_str().unwrap(), "another run is writing there", "wait until it ends", "--out"] {
                assert!(error.contains(word), "{word:?} is missing in:\n{error}");
            }
        }
        assert!(snapshot(&dir) == before, "the second run changed the folder");
        child.kill().unwrap();
        child.wait().unwrap();
        let mut third = begin(&scenario, &dir, &["--overwrite", "--quiet"]);
        fault.map(|fault| third.env("UFM_FAULT", fault));
        let (code, _, error) = outcome(third);
        assert_eq!(code, 0, "after a kill: {error}");
        assert_eq!(dir.join(".lock").exists(), fault.is_some());
    }
}

/// Sends a signal by its name.
#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
/// Waits for a line on standard error with these words, and returns what was read.
fn until(reader: &mut impl BufRead, words: &str) -> String {
    let mut text = String::new();
    while !text.contains(words) {
        assert!(reader.read_line(&mut text).unwrap() > 0, "{words:?} did not come:\n{text}");
    }
    text
}

#[cfg(unix)]
#[test]
fn a_signal_finishes_the_cases_on_their_way_and_says_how_to_go_on() {
    // Sixty cases.
    let cells = "[solver]\nname = \"momentum\"\n[stop]\nsteps_max = 3000\ngradient_norm = 0\n[sweep]\n\"decay.epsilon\" = { log = [0.01, 0.2, 30] }\n[report]\nfigures = [\"value-index\"]\n[output]\ntrajectories = \"thin\"\n";
    let clean = clean(&format!("{SCENARIO}{cells}"));
    for (name, code, threads) in [("INT", 130, "1"), ("TERM", 143, "2")] {
        let dir = clean.folder.path().join(name);
        let mut command = begin(&clean.scenario, &dir, &["--threads", threads, "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while lines(&dir) == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it should run on");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((output.status.code(), out.as_str()), (Some(code), ""), "{error}");
        for word in ["interrupted", "safe in", dir.to_str().unwrap(), "go on with: ufm run", "--resume"] {
            assert!(error.contains(word), "{word:?} is missing in:\n{error}");
        }
        let kept = lines(&dir);
        assert!((1..180).contains(&kept) && kept.is_multiple_of(3), "{kept}");
        // What it says to type, typed.
        let typed = error.lines().find_map(|line| line.split_once("go on with: ufm ")).unwrap().1;
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$0\" {typed}"), env!("CARGO_BIN_EXE_ufm")]);
        let (code, _, error) = outcome(shell);
        assert_eq!(code, 0, "{error}");
        assert_same(&snapshot(&dir), &clean.left, name);
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("stopped.toml");
    fs::write(&scenario, SCENARIO).unwrap();
    for (first, second, code) in [("INT", "INT", 130), ("TERM", "INT", 130), ("INT", "TERM", 143)] {
        let dir = folder.path().join(format!("{first}-{second}"));
        let mut child = endless(&scenario, &dir, None);
        let mut error = BufReader::new(child.stderr.take().unwrap());
        signal(&child, first);
        until(&mut error, "once more stops at once");
        // It computes on: its case has no end.
        assert!(child.try_wait().unwrap().is_none());
        signal(&child, second);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{first}, {second}");
        let mut rest = String::new();
        error.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("panicked"), "{rest}");
        // Nothing is left that keeps the next one out.
        assert_eq!(run(&scenario, &dir, &["--overwrite", "--quiet"]).0, 0);
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_no_fault() {
    let clean = clean(SCENARIO);
    let dir = clean.copy("piped");
    let point = clean.left.keys().find(|name| name.ends_with(".npz")).unwrap();
    let (scenario, run_dir, point) = (clean.scenario.to_str().unwrap(), dir.to_str().unwrap(), dir.join(point));
    let commands: [&[&str]; 14] = [
        &["list", "theorems"],
        &["list", "losses"],
        &["schema"],
        &["init"],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["--help"],
        &["run", "--help"],
        &["theory", "model.classes=3", "model.width=3", "model.per_class=2", "decay.epsilon=0.1", "loss.name=mse", "--json"],
        &["loss", "cross-entropy"],
        &["inspect", point.to_str().unwrap(), "--json"],
        &["run", scenario, "--out", run_dir, "--resume", "--json"],
        &["run", scenario, "--dry-run", "--json"],
        &["report", run_dir],
    ];
    for arguments in commands {
        let mut child = ufm(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Closed before anything is written.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && error.is_empty(), "{arguments:?}: {:?}\n{error}", output.status);
    }
}

#[test]
fn a_clock_that_goes_backwards_changes_nothing() {
    let clean = clean(SCENARIO);
    // Every file of the folder comes from the future, and then from the beginning of time.
    for moment in [
        std::time::SystemTime::now() + std::time::Duration::from_secs(86_400 * 365),
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1),
    ] {
        let dir = clean.copy("moved");
        for name in clean.left.keys().filter(|name| !name.ends_with('/')) {
            fs::File::options().write(true).open(dir.join(name)).unwrap().set_modified(moment).unwrap();
        }
        let (code, _, error) = run(&clean.scenario, &dir, &["--resume", "--quiet"]);
        assert_eq!(code, 0, "{error}");
        assert_same(&snapshot(&dir), &clean.left, "another time");
        fs::remove_dir_all(dir).unwrap();
    }
}

/// A command that may not write where others may not: root is made nobody.
#[cfg(unix)]
fn unprivileged(program: &Path, arguments: &[&str]) -> Option<Command> {
    let root = String::from_utf8(Command::new("id").arg("-u").output().ok()?.stdout).ok()?.trim() == "0";
    let mut command = Command::new(if root { Path::new("setpriv") } else { program });
    if root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    }
    command.args(arguments);
    let usable =
        !root || Command::new("setpriv").args(["--reuid=65534", "--clear-groups", "true"]).status().is_ok_and(|s| s.success());
    usable.then_some(command)
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_only_be_read_is_named_and_left() {
    use std::os::unix::fs::PermissionsExt;
    let clean = clean(SCENARIO);
    // The program and the scenario must be within nobody's reach.
    let program = clean.folder.path().join("ufm");
    fs::copy(env!("CARGO_BIN_EXE_ufm"), &program).unwrap();
    fs::set_permissions(clean.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (old, new) = (clean.copy("old"), clean.folder.path().join("old/new"));
    let before = snapshot(&old);
    for (dir, mode) in [(&old, "--resume"), (&old, "--overwrite"), (&new, "--quiet")] {
        let arguments = ["run", clean.scenario.to_str().unwrap(), "--out", dir.to_str().unwrap(), mode];
        let Some(command) = unprivileged(&program, &arguments) else {
            #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
            {
                println!("SKIPPED: root cannot be made nobody here");
            }
            return;
        };
        let (code, out, error) = outcome(command);
        assert_eq!((code, out.as_str()), (4, ""), "{mode}: {error}");
        assert!(error.contains(dir.to_str().unwrap()) && error.contains("Permission denied"), "{mode}: {error}");
        assert!(!error.contains("panicked"), "{error}");
    }
    assert!(snapshot(&old) == before, "the folder was changed");
}
