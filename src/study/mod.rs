//! Running the cases of a scenario in parallel, recorded as each ends.
//!
//! Tasks are (case, start) pairs; the last one of a case to end judges the case (verdicts need its other points), writes its points and appends its records. What a record says
//! depends on the scenario alone: not on threads, order or interruption.

mod assess;
mod case;
mod census;
mod certify;
mod escapes;
mod flow;
mod slices;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

pub use assess::{Assessed, assess};
pub use case::{alone, objective_text};

use crate::model::Point;
use crate::record::read::lines;
use crate::record::{
    Census, Expectation, Mode, Record, Store, StoreError, Summary, THEOREM_SCHEMA, TheoremFile, TheoremFinding, TrajectoryRow,
    write_summary, write_theorems,
};
use crate::scenario::{Case, Scenario, read_start};
use crate::spectra;
use crate::starts::{Begin, expand};
use crate::theorems::{self, Evidence};
use crate::verdict::Nature;

/// How a run is to be carried out: nothing here changes what is recorded.
#[derive(Clone, Debug)]
pub struct Options {
    /// The run's folder.
    pub dir: PathBuf,
    /// What to do where it holds records.
    pub mode: Mode,
    /// Worker threads; `None`: one a core.
    pub threads: Option<usize>,
    /// Stop after the first case with a point that is not critical or undecided.
    pub fail_fast: bool,
}

/// Why a run did not end.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A start that does not exist for its problem.
    #[error("{0}")]
    Start(String),
    /// A point that the census or a slice needs cannot be read back.
    #[error("the critical points found cannot be read back: {0}")]
    Census(String),
    /// What the theorems need cannot be read back.
    #[error("the theorems cannot be judged: {0}")]
    Theorems(String),
    /// A spectrum that cannot fit its limits at any point of a case.
    #[error("{0}")]
    Spectra(String),
    /// Threads could not be started.
    #[error("worker threads cannot be started: {0}")]
    Threads(String),
    /// `fail_fast` found something.
    #[error("stopped at {0}")]
    FailFast(String),
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Study {
    /// Every point, in case order.
    pub records: Vec<Record>,
    /// The head of the report.
    pub summary: Summary,
    /// The census, where the scenario asks for one.
    pub census: Option<Census>,
    /// What the points say of the published statements that the scenario names.
    pub theorems: Vec<TheoremFinding>,
}

/// A point that was finished: told to whoever watches.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Points finished so far, those of an earlier run included.
    pub done: usize,
    /// Points in all.
    pub total: usize,
}

/// One start of one case.
struct Task<'a> {
    case: usize,
    start: usize,
    begin: Begin,
    problem: &'a Case,
}

/// A case on its way: finished points, and how many are missing.
struct Pending {
    points: Vec<Option<Assessed>>,
    missing: usize,
}

/// Runs a scenario into `options.dir` and returns what it found. Figures and report are not drawn here.
pub fn run(scenario: &Scenario, options: &Options, watch: &(dyn Fn(Progress) + Sync)) -> Result<Study, StudyError> {
    let begins: Vec<Vec<Begin>> = scenario.cases.iter().map(|case| expand(&case.starts, &case.problem)).collect();
    check_starts(scenario, &begins)?;
    check_spectra(scenario)?;
    let ids: Vec<(String, usize)> = scenario.cases.iter().zip(&begins).map(|(case, all)| (case.id.clone(), all.len())).collect();
    let (store, complete) = Store::open(&options.dir, &scenario.text, &ids, options.mode)?;

    let total = ids.iter().map(|(_, points)| points).sum();
    let done = Mutex::new(complete.values().map(Vec::len).sum::<usize>());
    watch(Progress { done: *done.lock().expect("no task panics while holding it"), total });
    let tasks: Vec<Task<'_>> = begins
        .into_iter()
        .enumerate()
        .filter(|(case, _)| !complete.contains_key(&ids[*case].0))
        .flat_map(|(case, all)| {
            let problem = &scenario.cases[case];
            all.into_iter().enumerate().map(move |(start, begin)| Task { case, start, begin, problem })
        })
        .collect();
    let pending: Vec<Mutex<Pending>> = ids
        .iter()
        .map(|(_, points)| Mutex::new(Pending { points: (0..*points).map(|_| None).collect(), missing: *points }))
        .collect();
    let store = Mutex::new(store);
    let stop = AtomicBool::new(false);
    let work = |task: &Task<'_>| -> Result<(), StudyError> {
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let point = start_point(task.problem, &task.begin).map_err(StudyError::Start)?;
        let duality = assess::records_duality(scenario, &task.problem.problem);
        let assessed = assess::run_start(task.problem, &task.begin, point, duality);
        let finished = {
            let mut pending = pending[task.case].lock().expect("no task panics while holding it");
            pending.points[task.start] = Some(assessed);
            pending.missing -= 1;
            (pending.missing == 0).then(|| std::mem::take(&mut pending.points))
        };
        if let Some(points) = finished {
            let points: Vec<Assessed> = points.into_iter().map(|point| point.expect("none is missing")).collect();
            let (records, rows) = case::conclude(scenario, task.problem, points, &options.dir)?;
            store.lock().expect("no task panics while holding it").append(&records, &rows)?;
            if options.fail_fast
                && let Some(bad) = records.iter().find(|record| unsettled(record))
            {
                let what = format!("start {} of case {}: {}", bad.start_index, bad.case, bad.reason);
                return Err(StudyError::FailFast(what));
            }
        }
        let mut done = done.lock().expect("no task panics while holding it");
        *done += 1;
        watch(Progress { done: *done, total });
        Ok(())
    };
    let outcome = in_pool(options.threads, || {
        tasks.par_iter().try_for_each(|task| work(task).inspect_err(|_| stop.store(true, Ordering::Relaxed)))
    })?;
    let mut store = store.into_inner().expect("no task panics while holding it");
    if let Err(error) = outcome {
        store.sync()?;
        return Err(error);
    }
    let records = store.finish(&ids)?;
    let census = match &scenario.census {
        Some(settings) => Some(in_pool(options.threads, || census::take(scenario, settings, &records, &options.dir))??),
        None => None,
    };
    if let Some(settings) = &scenario.slice {
        in_pool(options.threads, || slices::take(scenario, settings, &records, &options.dir))??;
    }
    let expectations = scenario.expect.evaluate(&records, census.as_ref(), !scenario.expectations_apply());
    let summary = summarise(scenario, &records, expectations);
    write_summary(&options.dir, &summary)?;
    let theorems = theorems(scenario, &records, &options.dir)?;
    Ok(Study { records, summary, census, theorems })
}

/// Judges the statements that the scenario names on what the run left, and writes the findings.
fn theorems(scenario: &Scenario, records: &[Record], dir: &Path) -> Result<Vec<TheoremFinding>, StudyError> {
    if scenario.theorems.is_empty() {
        return Ok(Vec::new());
    }
    let path = dir.join("trajectories.jsonl");
    let trajectories = lines::<TrajectoryRow>(&path).map_err(|error| StudyError::Theorems(error.to_string()))?;
    let evidence = Evidence { records, trajectories: &trajectories };
    let named = scenario.theorems.iter().filter_map(|name| theorems::by_name(name));
    let found: Vec<TheoremFinding> = named.map(|theorem| theorems::judge(theorem, &evidence)).collect();
    let file = TheoremFile { schema: THEOREM_SCHEMA.into(), scenario: scenario.name.clone(), theorems: found };
    write_theorems(dir, &file)?;
    Ok(file.theorems)
}

/// Runs `body` on its own pool of threads, or on the default one.
fn in_pool<T: Send>(threads: Option<usize>, body: impl FnOnce() -> T + Send) -> Result<T, StudyError> {
    match threads {
        None => Ok(body()),
        Some(threads) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            Ok(pool.map_err(|error| StudyError::Threads(error.to_string()))?.install(body))
        }
    }
}

/// A spectrum that no point of a case can have is refused before any work.
pub fn check_spectra(scenario: &Scenario) -> Result<(), StudyError> {
    for case in &scenario.cases {
        let shape = &case.problem.shape;
        spectra::feasible(&case.problem, case.spectra.level, &case.spectra.limits()).map_err(|reason| {
            let sizes = format!("K = {}, d = {}", shape.classes(), shape.width());
            StudyError::Spectra(format!("{sizes}: even with collapsed classes, {reason}"))
        })?;
    }
    Ok(())
}

/// Every start must exist before anything is written: a message now is worth more than one after an hour.
fn check_starts(scenario: &Scenario, begins: &[Vec<Begin>]) -> Result<(), StudyError> {
    for (case, begins) in scenario.cases.iter().zip(begins) {
        let mut last = None;
        for begin in begins {
            // Draws of one start differ in numbers only, but for those of `partial`; the cheap kinds cannot fail.
            let name = begin.spec.name();
            let repeated = last == Some(&begin.spec) && name != "partial";
            if repeated || !matches!(name, "near-etf" | "representation" | "partial" | "file") {
                continue;
            }
            last = Some(&begin.spec);
            let fault = |error| StudyError::Start(format!("start `{}` with {}: {error}", begin.spec.name(), case.problem.loss));
            start_point(case, begin).map_err(fault)?;
        }
    }
    Ok(())
}

/// The point where a start begins.
fn start_point(case: &Case, begin: &Begin) -> Result<Point, String> {
    match (begin.point(&case.problem)?, &begin.spec) {
        (Some(point), _) => Ok(point),
        (None, crate::starts::StartSpec::File { path }) => read_start(path, &case.problem),
        (None, _) => unreachable!("only files come from outside"),
    }
}

/// Whether a point is one that `--fail-fast` stops at.
fn unsettled(record: &Record) -> bool {
    record.nature.as_deref() == Some(Nature::NotCritical.name()) || record.standing.as_deref() == Some("undecided")
}

fn summarise(scenario: &Scenario, records: &[Record], expectations: Vec<Expectation>) -> Summary {
    let count = |field: fn(&Record) -> Option<&String>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        records.iter().filter_map(field).for_each(|name| *counts.entry(name.clone()).or_default() += 1);
        counts
    };
    Summary {
        schema: "ufm.summary/v1".into(),
        scenario: scenario.name.clone(),
        question: scenario.question.clone(),
        objectives: scenario.cases.iter().map(|case| (case.id.clone(), objective_text(&case.problem))).collect(),
        points: records.len(),
        natures: count(|record| record.nature.as_ref()),
        standings: count(|record| record.standing.as_ref()),
        expectations,
        figures: scenario.figures.clone(),
    }
}

/// The default folder of a scenario: `output/NAME`.
pub fn default_dir(scenario: &Scenario) -> PathBuf {
    Path::new("output").join(&scenario.name)
}

/// Trajectory rows and records of a case.
type Lines = (Vec<Record>, Vec<TrajectoryRow>);
