//! The command as a new user meets it: wrong input, exit codes, what goes to which stream.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use assert_cmd::cargo::CommandCargoExt;

/// A scenario that is right; tests spoil it.
const RIGHT: &str = "question = \"?\"
[model]
classes = 3
width = 2
per_class = 2
decay = { w = 1e-2, h = 1e-2 }
[loss]
name = \"focal\"
gamma = 2
[starts]
seed = 1
";

fn ufm(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ufm").unwrap();
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Exit code, standard output, standard error.
fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// Asserts exit code 1, nothing on standard output, and that standard error holds every word.
fn refused(command: &mut Command, words: &[&str]) {
    let (code, out, error) = outcome(command);
    assert_eq!(code, 1, "{error}");
    assert_eq!(out, "", "a refused command prints nothing on standard output");
    for word in words {
        assert!(error.contains(word), "{word:?} is missing in:\n{error}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn help_and_version_are_answers() {
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"], &["help", "inspect"]] {
        let (code, out, error) = outcome(&mut ufm(arguments));
        assert_eq!((code, error.as_str()), (0, ""), "{arguments:?}");
        assert!(!out.is_empty());
    }
}

#[test]
fn wrong_command_lines_end_with_1() {
    refused(&mut ufm(&[]), &["Usage"]);
    refused(&mut ufm(&["rum"]), &["rum", "run"]);
    refused(&mut ufm(&["run"]), &["SCENARIO"]);
    refused(&mut ufm(&["run", "x.toml", "--treads", "2"]), &["--treads", "--threads"]);
    refused(&mut ufm(&["run", "x.toml", "--threads", "0"]), &["--threads"]);
    refused(&mut ufm(&["run", "x.toml", "--device", "tpu"]), &["--device"]);
    refused(&mut ufm(&["run", "x.toml", "--resume", "--overwrite"]), &["--resume", "--overwrite"]);
    refused(&mut ufm(&["list", "loses"]), &["loses", "losses"]);
    refused(&mut ufm(&["init", "quickstrat"]), &["there is no scenario `quickstrat`", "did you mean `quickstart`?"]);
    refused(&mut ufm(&["report", "no/such/folder"]), &["no/such/folder"]);
    refused(&mut ufm(&["derivatives", "loss.name=focl"]), &["loss.name=focl", "did you mean `focal`?"]);
}

#[test]
fn spectra_that_no_point_can_have_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let (scenario, out) = (folder.path().join("right.toml"), folder.path().join("out"));
    fs::write(&scenario, RIGHT).unwrap();
    let (scenario, out) = (scenario.to_str().unwrap(), out.to_str().unwrap());
    let large = ["model.classes=300", "model.width=300", "model.per_class=1"];
    let run = |rest: &[&str]| ufm(&[&["run", scenario, "--out", out][..], rest].concat());
    let words = [
        "K = 300, d = 300",
        "would need",
        "a factorisation of size 90000",
        "model.width=",
        "model.classes=",
        "spectra.level=none",
    ];
    refused(&mut run(&large), &words);
    assert!(!Path::new(out).exists(), "nothing was begun");
    refused(&mut run(&["model.classes=40", "model.width=40", "spectra.memory_mib=20"]), &["spectra.memory_mib="]);
    assert!(!Path::new(out).exists(), "nothing was begun");
    // The plan itself is no fault, and without spectra there is nothing to refuse.
    let (code, text, _) = outcome(&mut run(&[&large[..], &["--dry-run"]].concat()));
    assert!(code == 0 && text.contains("would need") && text.contains("spectra.level=none"), "{text}");
    let (code, ..) = outcome(&mut run(&[
        "spectra.level=none",
        "spectra.memory_mib=1",
        "model.classes=40",
        "model.width=40",
        "stop.steps_max=1",
    ]));
    assert_eq!(code, 0);
}

#[test]
fn scenarios_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    refused(&mut ufm(&["run", "no/such/file.toml"]), &["no/such/file.toml", "cannot be read"]);
    refused(&mut ufm(&["run", folder.path().to_str().unwrap()]), &["holds no scenario"]);
    fs::write(path("bytes.toml"), [0xff, 0xfe, 0x00]).unwrap();
    refused(&mut ufm(&["run", path("bytes.toml").to_str().unwrap()]), &["bytes.toml", "UTF-8"]);
    fs::write(path("empty.toml"), "").unwrap();
    refused(&mut ufm(&["run", path("empty.toml").to_str().unwrap()]), &["empty.toml", "`model` is missing"]);
}

#[test]
fn a_slip_in_a_file_is_shown_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, words) in [
        (
            "width = 2",
            "witdh = 2",
            &[":4:", "model.witdh", "classes, width, per_class, collapsed, bias, decay", "did you mean `width`?"][..],
        ),
        ("w = 1e-2", "w = -1e-2", &[":6:", "model.decay.w", "greater than 0", "-0.01"]),
        ("w = 1e-2", "w = nan", &[":6:", "model.decay.w", "greater than 0", "NaN"]),
        ("classes = 3", "classes = 1", &[":3:", "model.classes", "at least 2"]),
        ("width = 2", "width = 0", &[":4:", "model.width", "at least 1"]),
        ("per_class = 2", "per_class = [2, 0, 2]", &[":5:", "model.per_class[1]", "at least 1 sample"]),
        ("width = 2", "width = \"two\"", &[":4:", "model.width", "whole number", "\"two\""]),
        ("\"focal\"", "\"vocal\"", &[":8:", "loss.name", "cross-entropy, label-smoothing, focal", "did you mean `focal`?"]),
        ("seed = 1", "seed = 1\nname = \"file\"", &["starts", "takes no key `seed`"]),
        ("seed = 1", "name = \"file\"\npath = \"none.npz\"", &[":12:", "starts.path", "none.npz"]),
    ] {
        let path = folder.path().join("spoilt.toml");
        fs::write(&path, RIGHT.replace(from, to)).unwrap();
        let mut words = words.to_vec();
        words.push("spoilt.toml");
        // The line itself is shown.
        words.push(to.lines().next().unwrap());
        if to.contains('\n') {
            words.pop();
        }
        refused(ufm(&["run", path.to_str().unwrap(), "--dry-run"]).current_dir(folder.path()), &words);
    }
}

#[test]
fn files_of_a_start_are_checked_against_the_model() {
    let scenario = "scenarios/real-features.toml";
    refused(&mut ufm(&["run", scenario, "--dry-run", "model.width=63"]), &["digits-cross-entropy.npz", "10×64", "10×63"]);
    refused(&mut ufm(&["run", scenario, "--dry-run", "model.classes=9"]), &["label", "9"]);
    refused(&mut ufm(&["run", scenario, "--dry-run", "model.bias=none"]), &["bias b that is not 0"]);
    refused(&mut ufm(&["run", scenario, "--dry-run", "model.per_class=2"]), &["1437 labels", "20 samples"]);

    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/data/digits-mse.npz")).unwrap();
    let path = folder.path().join("short.npz");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let start = format!("starts.path=\"{}\"", path.display());
    refused(&mut ufm(&["run", scenario, "--dry-run", "starts.name=file", &start]), &["short.npz"]);
}

#[test]
fn lists_schema_and_completions_print() {
    for what in ["losses", "solvers", "starts", "metrics", "figures", "scenarios", "theorems", "devices"] {
        let (code, out, error) = outcome(&mut ufm(&["list", what]));
        // Graphics drivers say things of their own on stderr.
        let silent = error.is_empty() || what == "devices" && !error.contains("ufm:");
        assert!(code == 0 && silent, "{what}: {code} {error}");
        assert!(!out.trim().is_empty(), "{what}");
        let (code, out, _) = outcome(&mut ufm(&["list", what, "--json"]));
        assert_eq!(code, 0);
        assert!(serde_json::from_str::<serde_json::Value>(&out).unwrap().is_array());
    }
    let (_, out, _) = outcome(&mut ufm(&["list", "losses"]));
    let names: Vec<&str> = out.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let known = ufm::losses::ALL.iter().chain([&ufm::losses::CUSTOM]).map(|family| family.name);
    assert_eq!(names, known.collect::<Vec<_>>(), "one line a loss");
    for shell in ["bash", "zsh", "fish"] {
        ufm(&["completions", shell]).assert().success();
    }
}

#[test]
fn what_init_prints_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    for name in [None, Some("quickstart"), Some("bottleneck")] {
        let arguments: Vec<&str> = std::iter::once("init").chain(name).collect();
        let (code, out, _) = outcome(&mut ufm(&arguments));
        assert_eq!(code, 0);
        let path = folder.path().join("mine.toml");
        fs::write(&path, out).unwrap();
        ufm(&["run", path.to_str().unwrap(), "--dry-run"]).assert().success();
        ufm(&["run", path.to_str().unwrap(), "--dry-run", "--test-size"]).assert().success();
    }
}

#[test]
fn a_dry_run_names_the_routes() {
    let (code, out, _) = outcome(&mut ufm(&["run", "scenarios/quickstart.toml", "--dry-run"]));
    assert_eq!(code, 0);
    assert!(out.contains("route: dense (") && out.contains("coincide: collapsed ("), "{out}");
    // Without their N the collapsed classes of a problem fit that does not fit itself.
    let large = ["run", "scenarios/quickstart.toml", "--dry-run", "--json", "model.per_class=3000000"];
    let (_, out, _) = outcome(&mut ufm(&large));
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let case = &found["cases"][0];
    assert!(case["route"].as_str().unwrap().starts_with("none: exact inertia would need"), "{case}");
    assert!(case["route_collapsed"].as_str().unwrap().starts_with("collapsed ("), "{case}");
}

#[test]
fn a_reader_that_leaves_is_no_fault() {
    let mut child = ufm(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// A right `theory` command with `extra` arguments after it.
fn theory(extra: &[&str]) -> Command {
    let right = ["theory", "--json", "model.classes=4", "model.width=6", "model.per_class=5", "loss.name=cross-entropy"];
    let mut command = ufm(&right);
    command.args(extra);
    command
}

#[test]
fn theory_counts_every_eigenvalue_of_a_problem_that_no_machine_could_hold() {
    let (code, out, error) = outcome(theory(&[]).args([
        "model.classes=1000",
        "model.width=1024",
        "model.per_class=1000000",
        "model.decay.epsilon=1e-5",
        "model.decay.ratio=1",
        "model.bias=free",
    ]));
    assert_eq!((code, error.as_str()), (0, ""));
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let levels = found["spectrum"].as_array().unwrap();
    let total: u64 = levels.iter().map(|level| level["multiplicity"].as_u64().unwrap()).sum();
    assert_eq!(total, 1000 * 1024 + 1024 * 1_000_000_000 + 1000);
    assert_eq!((found["geometry"].as_str(), found["spectrum_reason"].is_null()), (Some("simplex-etf"), true));
    assert!((found["zero_threshold"].as_f64().unwrap() - 1e-3).abs() < 1e-18);
    // 1 − (K−1)ε is the true class's probability.
    let entropy = -0.990_01 * 0.990_01_f64.ln() - 0.009_99 * 1e-5_f64.ln();
    assert!((found["value"].as_f64().unwrap() - entropy).abs() < 1e-14);
}

#[test]
fn theory_says_why_there_is_no_spectrum() {
    for (arguments, reason) in [
        (["model.decay.epsilon=0.3", "model.bias=none", "loss.name=cross-entropy"], "\"zero\""),
        (["model.decay.epsilon=0.01", "model.bias=none", "loss.name=mse"], "orthogonal-frame"),
        (["model.decay.epsilon=0.01", "model.bias=free", "model.width=2"], "the width 2 is below 3"),
    ] {
        let (code, out, _) = outcome(theory(&[]).args(arguments));
        assert_eq!(code, 0);
        let found: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(found["spectrum"].is_null());
        assert!(found["spectrum_reason"].as_str().unwrap().contains(reason), "{found}");
    }
    let (code, out, _) = outcome(&mut ufm(&[
        "theory",
        "model.classes=4",
        "model.width=6",
        "model.per_class=5",
        "model.decay.w=5e-3",
        "model.decay.h=2e-3",
        "loss.name=focal",
        "loss.gamma=2",
    ]));
    assert_eq!(code, 0);
    for word in ["0.0616274418846189", "simplex-etf", "(K-2,2)", "within-class", "zero_threshold"] {
        assert!(out.contains(word), "{word} is missing in\n{out}");
    }
}

#[test]
fn theory_refuses_what_is_wrong() {
    refused(&mut ufm(&["theory"]), &["`model` is missing"]);
    refused(&mut theory(&[]), &["model", "`decay` is missing"]);
    refused(&mut theory(&["model.decay.w=1e-3"]), &["model.decay.h", "λ_H > 0"]);
    for (argument, words) in [
        ("model.classes=1", &["at least 2"][..]),
        ("model.width=0", &["from 1"]),
        ("model.per_class=0", &["at least 1 sample"]),
        ("model.per_class=[5,5,5,4]", &["equal size"]),
        ("model.per_class=[5,5]", &["2 numbers", "4 classes"]),
        ("model.per_class=file", &["no file"]),
        ("model.per_class=9000000000000000000", &["Kd + dN + K"]),
        ("model.bias=fre", &["did you mean `free`?"]),
        ("loss.name=focl", &["did you mean `focal`?"]),
        ("loss.scale=nan", &["loss.scale", "greater than 0"]),
        ("starts.seed=1", &["starts"]),
        ("model.widht=3", &["did you mean `width`?"]),
    ] {
        refused(&mut theory(&["model.decay.epsilon=0.01", argument]), words);
    }
}
