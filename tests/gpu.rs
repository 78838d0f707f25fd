//! The GPU path of the command, on whatever adapter there is: the same verdicts as on the CPU, what is said of the device, and faults that are planted.
//!
//! With UFM_GPU=require a missing adapter fails these tests; otherwise each prints one line and passes.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ufm::gpu::adapters;

#[expect(dead_code, reason = "folders are compared byte by byte elsewhere")]
mod shared;

use shared::{outcome, run, ufm};

fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).with_extension("toml")
}

/// Whether there is no adapter, said once for each test.
fn skipped(test: &str) -> bool {
    let Err(error) = adapters() else { return false };
    assert!(!std::env::var("UFM_GPU").is_ok_and(|value| value == "require"), "UFM_GPU=require: {error}");
    // Past the test harness, which would swallow it.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {error}");
    true
}

fn records(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("records.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs a scenario at test size on the CPU and on the GPU and compares what is decided.
fn same_verdicts(name: &str, more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for device in ["cpu", "gpu"] {
        let dir = folder.path().join(device);
        let (code, out, error) = run(&scenario(name), &dir, &[&["--test-size", "--device", device], more].concat());
        assert_eq!(code, 0, "{name} on {device}:\n{out}{error}");
        assert_eq!(out.contains("proposed the candidates, in single precision"), device == "gpu", "{out}");
        assert!(dir.join("report.html").is_file());
        found.push(records(&dir));
    }
    let [cpu, gpu] = &found[..] else { unreachable!("two devices") };
    assert_eq!(cpu.len(), gpu.len());
    for (cpu, gpu) in cpu.iter().zip(gpu) {
        for field in
            ["loss", "start_index", "nature", "standing", "rank", "index", "nullity", "nullity_symmetry", "orbit", "degenerate"]
        {
            assert_eq!(cpu[field], gpu[field], "{name}: {field} of {}", cpu["loss"]);
        }
        // Both were polished in double precision to the same critical point.
        let value = |record: &Value| record["value"].as_f64().unwrap();
        assert!((value(cpu) - value(gpu)).abs() <= 1e-13 * value(cpu).abs().max(1.0), "{cpu} {gpu}");
        assert_ne!(cpu["case"], gpu["case"], "the device is part of a case's identity");
        assert!(cpu.get("device").is_none() && gpu["device"] == "gpu", "{gpu}");
        assert!(gpu["reason"].as_str().unwrap().contains("proposed by a GPU in single precision, judged by the CPU"), "{gpu}");
    }
}

#[test]
fn four_losses_end_with_the_same_verdicts() {
    if !skipped("four_losses_end_with_the_same_verdicts") {
        same_verdicts("four-losses", &[]);
    }
}

#[test]
fn a_large_head_ends_with_the_same_verdicts() {
    if !skipped("a_large_head_ends_with_the_same_verdicts") {
        same_verdicts("large-head", &[]);
        // L-BFGS, which no scenario runs there.
        same_verdicts("large-head", &["solver.name=lbfgs", "solver.memory=4", "stop.steps_max=60"]);
    }
}

#[test]
fn collapsed_and_imbalanced_problems_and_the_rank_ladder_end_with_the_same_verdicts() {
    if !skipped("collapsed_and_imbalanced_problems_and_the_rank_ladder_end_with_the_same_verdicts") {
        let solver = ["solver.name=lbfgs", "solver.memory=4", "stop.steps_max=100"];
        same_verdicts("large-head", &[&["model.collapsed=true", "model.per_class=1000000"], &solver[..]].concat());
        let unequal = ["model.classes=4", "model.per_class=[9,5,5,2]", "model.decay={ w = 5e-3, h = 2e-3 }"];
        same_verdicts("large-head", &[&unequal[..], &solver[..]].concat());
        let ladder = ["model.classes=4", "model.width=5", "starts.name=rank-ladder", "starts.count=1", "starts.seed=3"];
        same_verdicts("large-head", &[&ladder[..], &solver[..]].concat());
    }
}

#[test]
fn the_plan_is_printed_before_anything_runs() {
    if skipped("the_plan_is_printed_before_anything_runs") {
        return;
    }
    let path = scenario("large-head-gpu");
    let (code, out, error) = outcome(ufm(&["run", path.to_str().unwrap(), "--dry-run"]));
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("MB on the device, 1.") && out.contains("columns of logits at a time"), "{out}");
    let (code, out, _) = outcome(ufm(&["run", path.to_str().unwrap(), "--dry-run", "--json"]));
    let plan: Value = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && plan["cases"][0]["device"].as_str().unwrap().contains("MB on the device"), "{out}");
}

#[test]
fn a_planted_fault_ends_with_4_and_leaves_the_records() {
    if skipped("a_planted_fault_ends_with_4_and_leaves_the_records") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = scenario("large-head");
    let dir = folder.path().join("shader");
    let run_planted = |fault: &str, dir: &Path, more: &[&str]| {
        run(&path, dir, &[&["--test-size", "--device", "gpu", "--threads", "1", "--gpu-fault", fault], more].concat())
    };
    let (code, out, error) = run_planted("shader", &dir, &[]);
    assert_eq!(code, 4, "{out}{error}");
    assert!(error.contains("kernel `residual` does not compile") && error.contains("unknown_name"), "{error}");

    // The first case ends at 60 steps; the device goes at the hundredth of the second.
    let dir = folder.path().join("lost");
    let (code, out, error) = run_planted("lost@100", &dir, &["stop.steps_max=60,200"]);
    assert_eq!(code, 4, "{out}{error}");
    assert!(error.contains("the device was lost") && error.contains("--resume goes on from there"), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    let saved = records(&dir);
    assert!(saved.len() == 1 && saved[0]["steps"] == 60, "{saved:?}");
    // Without the fault it goes on to the end, and what was saved is still there.
    let (code, out, error) = run(&path, &dir, &["--test-size", "--device", "gpu", "stop.steps_max=60,200", "--resume"]);
    assert_eq!(code, 0, "{out}{error}");
    let all = records(&dir);
    assert!(all.len() == 2 && all[0] == saved[0] && all[1]["steps"] == 200, "{all:?}");
}

#[test]
fn a_limit_that_is_too_small_ends_with_4_before_anything_is_written() {
    if skipped("a_limit_that_is_too_small_ends_with_4_before_anything_is_written") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("out");
    let path = scenario("four-losses");
    let arguments = ["run", path.to_str().unwrap(), "--test-size", "--device", "gpu", "--out", dir.to_str().unwrap()];
    let mut command = ufm(&arguments);
    command.env("UFM_GPU_BINDING", "512");
    let (code, _, error) = outcome(command);
    assert_eq!(code, 4, "{error}");
    for word in ["needs", "allows 512", "max_storage_buffer_binding_size", "fit"] {
        assert!(error.contains(word), "{word:?} is missing in: {error}");
    }
    assert!(!dir.exists(), "nothing should be written");
}

#[test]
fn an_adapter_that_is_missing_ends_with_4() {
    let path = scenario("four-losses");
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("out");
    let mut command = ufm(&["run", path.to_str().unwrap(), "--test-size", "--device", "gpu", "--out", dir.to_str().unwrap()]);
    command.env("UFM_GPU_ADAPTER", "no such card");
    let (code, _, error) = outcome(command);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("GPU") && error.contains("--device cpu runs the same scenario without a GPU"), "{error}");
    assert!(!dir.exists(), "nothing should be written");
}

#[test]
fn solvers_of_the_cpu_alone_are_refused_by_name() {
    let path = scenario("quickstart");
    for (solver, words) in [
        ("solver.name=trust-region", "the solver `trust-region` does not run on the gpu"),
        ("solver.name=gradient-descent", "`gradient-descent` needs a `step` on the gpu"),
        ("solver.name=gradient-flow", "does not run on the gpu"),
    ] {
        let (code, _, error) = outcome(ufm(&["run", path.to_str().unwrap(), "--dry-run", "--device", "gpu", solver]));
        assert!(code == 1 && error.contains(words) && error.contains("momentum and lbfgs"), "{code}: {error}");
    }
    let (code, _, error) = outcome(ufm(&["run", path.to_str().unwrap(), "--device", "tpu"]));
    assert!(code == 1 && error.contains("a device is `cpu` or `gpu`"), "{error}");
    let (code, _, error) = outcome(ufm(&["run", path.to_str().unwrap(), "device=gpv"]));
    assert!(code == 1 && error.contains("there is no device `gpv`; known are: cpu, gpu") && error.contains("gpu"), "{error}");
}

#[test]
fn devices_are_listed_with_or_without_an_adapter() {
    let (code, out, _) = outcome(ufm(&["list", "devices"]));
    assert!(code == 0 && out.contains("double precision") && out.lines().any(|line| line.starts_with("gpu")), "{out}");
    if adapters().is_ok() {
        assert!(out.contains("single precision") && out.contains("a binding holds"), "{out}");
    }
}
