//! Running the cases of a scenario in parallel, recorded as each ends.
//!
//! Tasks are (case, start) pairs; the last one of a case to end judges the case (verdicts need its other points), writes its points and appends its records. What a record says
//! depends on the scenario alone: not on threads, order or interruption.

mod assess;
mod case;
mod census;
mod certify;
mod device;
mod escapes;
mod estimate;
mod flow;
mod limits;
mod merge;
mod slices;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use assess::{Assessed, assess};
pub use case::{alone, objective_text};
pub use device::{DeviceUse, plan as device_plan};
pub use estimate::{Estimate, estimate};
pub use limits::CaseLimits;
pub use merge::{merge, merged_scenario};

use crate::gpu::{self, GpuError};
use crate::model::Point;
use crate::objective::Threads;
use crate::record::read::lines;
use crate::record::{
    CaseEntry, Census, Expectation, Held, Layout, Mode, Record, SHARD_SCHEMA, Shard, ShardFile, Store, StoreError, Summary,
    THEOREM_SCHEMA, TheoremFile, TheoremFinding, TrajectoryRow, fault, write_summary, write_theorems,
};
use crate::scenario::{Case, Device, Scenario, Trajectories, read_start};
use crate::spectra;
use crate::starts::{self, Begin, expand};
use crate::theorems::{self, Evidence};
use crate::verdict::Nature;

/// How a run is to be carried out: nothing here changes what is recorded, but for limits that a case exceeds.
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
    /// The part of the cases to run; `None`: all.
    pub shard: Option<Shard>,
    /// What is computed again on resuming.
    pub retry: Retry,
    /// Limits for every case.
    pub limits: CaseLimits,
    /// Set from outside to interrupt the run: cases on their way are finished, no other is begun, and the run ends with [`StudyError::Interrupted`].
    pub interrupted: Arc<AtomicBool>,
}

impl Options {
    /// A fresh run of everything into `dir` on all cores.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            mode: Mode::Fresh,
            threads: None,
            fail_fast: false,
            shard: None,
            retry: Retry::Nothing,
            limits: CaseLimits::default(),
            interrupted: Arc::default(),
        }
    }

    /// An error, where the run has been interrupted.
    fn go_on(&self) -> Result<(), StudyError> {
        if self.interrupted.load(Ordering::SeqCst) { Err(StudyError::Interrupted) } else { Ok(()) }
    }
}

/// Which complete cases of an earlier run are computed again on resuming.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// None.
    #[default]
    Nothing,
    /// Those with a point whose computation broke down.
    Failed,
    /// Those with a point that is not critical or undecided: another version of the program may know more of it.
    Unsettled,
    /// Those with a damaged line: one that is not what was written.
    Damaged,
}

impl Retry {
    /// Whether a case with this record is computed again.
    fn asks_for(self) -> fn(&Record) -> bool {
        match self {
            Self::Nothing | Self::Damaged => |_| false,
            Self::Failed => Record::failed,
            Self::Unsettled => unsettled,
        }
    }
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
    /// The device that the scenario asks for.
    #[error(transparent)]
    Device(#[from] GpuError),
    /// Threads could not be started.
    #[error("worker threads cannot be started: {0}")]
    Threads(String),
    /// `fail_fast` found something.
    #[error("stopped at {0}")]
    FailFast(String),
    /// It was interrupted from outside; what was finished is kept.
    #[error("interrupted")]
    Interrupted,
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
    /// The device that proposed candidates, where one did.
    pub device: Option<DeviceUse>,
    /// Keeps other runs out of the folder for as long as this is around, where figures and report are still to come ([`run_on`], [`merge`]).
    pub held: Option<Arc<Held>>,
}

/// How far a run is: told to whoever watches.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Points finished so far, those of an earlier run included.
    pub done: usize,
    /// Points in all.
    pub total: usize,
    /// Points so far whose computation broke down.
    pub failed: usize,
}

/// Runs a scenario, or a shard of it, into `options.dir` and returns what it found. Figures and report are not drawn here.
pub fn run(scenario: &Scenario, options: &Options, watch: &(dyn Fn(Progress) + Sync)) -> Result<Study, StudyError> {
    Ok(Study { held: None, ..run_on(scenario, options, &gpu::Options::default(), watch)? })
}

/// The same with a say in which GPU is opened, where a case asks for one. That happens before anything is written: a device that is missing or too small is refused at once.
pub fn run_on(
    scenario: &Scenario,
    options: &Options,
    gpu: &gpu::Options,
    watch: &(dyn Fn(Progress) + Sync),
) -> Result<Study, StudyError> {
    let device = device::Held::open(scenario, gpu)?;
    // A run with as many points as threads keeps them busy: there each point has one.
    let busy = scenario.has_points(options.threads.unwrap_or_else(rayon::current_num_threads));
    let threads = if busy { Threads::One } else { Threads::All };
    let compute = |scenario: &Scenario, case: &Case, begin: &Begin, point: Point, deadline: &limits::Deadline| match device
        .as_ref()
        .filter(|_| case.device == Device::Gpu && begin.width > 0)
    {
        Some(device) => Ok(device.run_start(case, begin, point, scenario.output.trajectories, deadline)?),
        None => Ok(assess::run_start(scenario, case, begin, point, deadline, threads)),
    };
    let (study, held) = carry_out(scenario, options, watch, &compute)?;
    Ok(Study { device: device.map(device::Held::used), held: Some(Arc::new(held)), ..study })
}

/// [`run`], with what computes a point in its place.
fn carry_out(
    scenario: &Scenario,
    options: &Options,
    watch: &(dyn Fn(Progress) + Sync),
    compute: tasks::Compute,
) -> Result<(Study, Held), StudyError> {
    let cases: Vec<&Case> =
        scenario.cases.iter().filter(|case| options.shard.is_none_or(|shard| shard.holds(case.index))).collect();
    check_starts(&cases, &options.limits)?;
    check_spectra(scenario)?;
    let entries = entries(&cases);
    let layout = layout(scenario, &entries, options);
    let (store, complete) = Store::open(&options.dir, &layout, options.mode)?;
    let run = tasks::Run { scenario, options, cases: &cases, entries: &entries, compute };
    let store = run.carry_out(store, complete, watch)?;
    let (records, held) = store.finish(&entries)?;
    let go_on = || options.go_on();
    let census = match &scenario.census {
        Some(settings) => {
            let take = || census::take(scenario, &cases, settings, &records, &options.dir, &go_on);
            let census = in_pool(options.threads, take)??;
            fault::at("census-taken");
            Some(census)
        }
        None => None,
    };
    if let Some(settings) = &scenario.slice {
        in_pool(options.threads, || slices::take(&cases, settings, &records, &options.dir, &go_on))??;
        fault::at("slices-taken");
    }
    go_on()?;
    // A shard's expectations and statements are judged by the merge: they speak of all cases together.
    let judged = options.shard.is_none();
    let expectations_apply = judged && scenario.expectations_apply();
    Ok((conclude(scenario, &cases, records, census, expectations_apply, judged, &options.dir)?, held))
}

/// Summary and findings of the records of these cases.
fn conclude(
    scenario: &Scenario,
    cases: &[&Case],
    records: Vec<Record>,
    census: Option<Census>,
    expectations_apply: bool,
    judge: bool,
    dir: &Path,
) -> Result<Study, StudyError> {
    let expectations = scenario.expect.evaluate(&records, census.as_ref(), !expectations_apply);
    let summary = summarise(scenario, cases, &records, expectations);
    write_summary(dir, &summary)?;
    fault::at("summary-written");
    let theorems = if judge { theorems(scenario, &records, dir)? } else { Vec::new() };
    Ok(Study { records, summary, census, theorems, device: None, held: None })
}

/// The cases as the store knows them.
fn entries(cases: &[&Case]) -> Vec<CaseEntry> {
    let entry = |case: &&Case| CaseEntry {
        id: case.id.clone(),
        cell: case.cell.clone(),
        points: starts::count(&case.starts, &case.problem),
    };
    cases.iter().map(entry).collect()
}

/// What a run, or its shard, leaves.
fn layout<'a>(scenario: &'a Scenario, entries: &'a [CaseEntry], options: &Options) -> Layout<'a> {
    let shard = options.shard.map(|shard| ShardFile {
        schema: SHARD_SCHEMA.into(),
        shard: shard.number(),
        of: shard.of(),
        cases: entries.len(),
        points: entries.iter().map(|case| case.points).sum(),
        expectations_apply: scenario.expectations_apply(),
    });
    Layout {
        settings: &scenario.text,
        cases: entries,
        shard,
        trajectories: scenario.output.trajectories != Trajectories::None,
        points: scenario.output.points,
        again: options.retry.asks_for(),
        damaged_again: options.retry == Retry::Damaged,
    }
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
    fault::at("theorems-written");
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
fn check_starts(cases: &[&Case], limits: &CaseLimits) -> Result<(), StudyError> {
    // A case that is not to be begun has no start that must exist: making one might take the memory that it must not have.
    for case in cases.iter().filter(|case| limits.allow(case)) {
        let cheap = |spec: &starts::StartSpec| !matches!(spec.name(), "near-etf" | "representation" | "partial" | "file");
        if case.starts.iter().all(cheap) {
            continue;
        }
        let begins = expand(&case.starts, &case.problem);
        let mut last = None;
        for begin in &begins {
            // Draws of one start differ in numbers only, but for those of `partial`; the cheap kinds cannot fail.
            let name = begin.spec.name();
            let repeated = last == Some(&begin.spec) && name != "partial";
            if repeated || cheap(&begin.spec) {
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

fn summarise(scenario: &Scenario, cases: &[&Case], records: &[Record], expectations: Vec<Expectation>) -> Summary {
    let count = |field: fn(&Record) -> Option<&String>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        records.iter().filter_map(field).for_each(|name| *counts.entry(name.clone()).or_default() += 1);
        counts
    };
    Summary {
        schema: "ufm.summary/v1".into(),
        scenario: scenario.name.clone(),
        question: scenario.question.clone(),
        objectives: cases.iter().map(|case| (case.id.clone(), objective_text(&case.problem))).collect(),
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
