//! Computations that break down: planted in the place of what computes a point.

use super::*;
use crate::scenario::Scenario;
use std::sync::atomic::{AtomicUsize, Ordering};

const TEXT: &str = "question = \"?\"
[model]
classes = 3
width = 3
per_class = 2
decay = { epsilon = 0.1 }
[loss]
name = \"cross-entropy\"
[starts]
count = 4
seed = 1
[sweep]
\"decay.epsilon\" = [0.1, 0.2, 0.3]
[report]
figures = [\"value-index\"]
";

fn options(dir: &Path) -> Options {
    Options { threads: Some(2), ..Options::new(dir) }
}

/// Breaks down at start 2 of the second case.
fn broken(
    scenario: &Scenario,
    case: &Case,
    begin: &Begin,
    point: Point,
    deadline: &limits::Deadline,
) -> Result<Assessed, StudyError> {
    let third = &expand(&case.starts, &case.problem)[2];
    assert!(!(case.index == 1 && begin == third), "planted");
    Ok(assess::run_start(scenario, case, begin, point, deadline, Threads::One))
}

fn bytes(dir: &Path) -> Vec<Vec<u8>> {
    ["records.jsonl", "records.csv", "cells.csv", "summary.json"].map(|name| std::fs::read(dir.join(name)).unwrap()).into()
}

#[test]
fn a_computation_that_breaks_down_is_a_row_and_can_be_retried() {
    let folder = tempfile::tempdir().unwrap();
    let (clean, dir) = (folder.path().join("clean"), folder.path().join("broken"));
    let scenario = Scenario::parse(Path::new("planted.toml"), TEXT, &[], false).unwrap();
    run(&scenario, &options(&clean), &|_| {}).unwrap();

    let most = AtomicUsize::new(0);
    let watch = |progress: Progress| {
        most.fetch_max(progress.failed, Ordering::Relaxed);
    };
    let study = carry_out(&scenario, &options(&dir), &watch, &broken).unwrap().0;
    assert_eq!(most.into_inner(), 1, "the live count");
    assert_eq!(study.records.len(), 12);
    let failed: Vec<&Record> = study.records.iter().filter(|record| record.failed()).collect();
    let [failed] = failed[..] else { panic!("{} failed", failed.len()) };
    assert_eq!((failed.start_index, failed.standing.as_deref()), (2, Some("undecided")));
    assert!(failed.reason.contains("broke down") && failed.reason.contains("planted"), "{}", failed.reason);
    assert!(failed.value.is_nan() && failed.orbit.is_none() && failed.seed == Some(1));
    assert!(dir.join(failed.point.as_ref().unwrap()).is_file(), "the start is what is left of it");

    // Resuming keeps the row; retrying computes its case again.
    let resumed = Options { mode: Mode::Resume, ..options(&dir) };
    let kept = run(&scenario, &resumed, &|progress| assert_eq!((progress.done, progress.failed), (12, 1))).unwrap();
    assert_eq!(kept.records.iter().filter(|record| record.failed()).count(), 1);
    let begun = AtomicUsize::new(usize::MAX);
    let watch = |progress: Progress| {
        begun.fetch_min(progress.done, Ordering::Relaxed);
    };
    run(&scenario, &Options { retry: Retry::Failed, ..resumed }, &watch).unwrap();
    assert_eq!(begun.into_inner(), 8, "two of three cases are kept");
    assert_eq!(bytes(&dir), bytes(&clean));
}

#[test]
fn fail_fast_stops_at_a_breakdown() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Scenario::parse(Path::new("planted.toml"), TEXT, &[], false).unwrap();
    let options = Options { fail_fast: true, threads: Some(1), ..options(folder.path()) };
    let error = carry_out(&scenario, &options, &|_| {}, &broken).unwrap_err();
    assert!(matches!(&error, StudyError::FailFast(what) if what.contains("start 2") && what.contains("planted")), "{error}");
    // What was complete is kept.
    let records = lines::<Record>(&folder.path().join("records.jsonl")).unwrap();
    assert!(records.iter().any(Record::failed));
}

#[test]
fn retrying_the_unsettled_computes_points_that_are_not_critical_again() {
    let folder = tempfile::tempdir().unwrap();
    let text = TEXT.replace("[report]", "[stop]\nsteps_max = 2\npolish = false\n[report]");
    let scenario = Scenario::parse(Path::new("planted.toml"), &text, &[], false).unwrap();
    run(&scenario, &options(folder.path()), &|_| {}).unwrap();
    for (retry, kept) in [(Retry::Nothing, 12), (Retry::Failed, 12), (Retry::Unsettled, 0)] {
        let begun = AtomicUsize::new(usize::MAX);
        let watch = |progress: Progress| {
            begun.fetch_min(progress.done, Ordering::Relaxed);
        };
        run(&scenario, &Options { mode: Mode::Resume, retry, ..options(folder.path()) }, &watch).unwrap();
        assert_eq!(begun.into_inner(), kept, "{retry:?}");
    }
}

#[test]
fn an_estimate_is_of_the_right_size() {
    let scenario = Scenario::parse(Path::new("planted.toml"), TEXT, &[], false).unwrap();
    let whole = estimate(&scenario, None, 2).unwrap();
    assert_eq!((whole.cases, whole.points), (3, 12));
    assert!(whole.measured > 0 && whole.core_seconds.unwrap() > 0.0);
    // A record has 1 to 10 kB, a point file here 1 to 3.
    assert!((12.0 * 2e3..12.0 * 5e5).contains(&whole.disk_bytes), "{whole:?}");
    let shard = estimate(&scenario, Shard::new(2, 2), 2).unwrap();
    assert_eq!((shard.cases, shard.points), (1, 4));
}

#[cfg(feature = "parquet")]
#[test]
fn shards_merged_have_the_parquet_tables_of_the_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let dir = |name: &str| folder.path().join(name);
    let scenario = Scenario::parse(Path::new("planted.toml"), TEXT, &[], false).unwrap();
    run(&scenario, &options(&dir("whole")), &|_| {}).unwrap();
    let shards = [dir("one"), dir("two")];
    for (number, shard) in [1, 2].into_iter().zip(&shards) {
        run(&scenario, &Options { shard: Shard::new(number, 2), ..options(shard) }, &|_| {}).unwrap();
    }
    let (parts, scenario) = merged_scenario(&shards).unwrap();
    super::merge(&parts, &scenario, &dir("merged"), false).unwrap();
    for name in ["records.parquet", "cells.parquet"] {
        let read = |of: &str| std::fs::read(dir(of).join(name)).unwrap();
        assert!(read("merged").starts_with(b"PAR1"));
        assert_eq!(read("merged"), read("whole"), "{name}");
        assert_ne!(read("one"), read("whole"), "{name}");
    }
}
