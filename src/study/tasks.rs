//! The points of a run, computed in parallel and recorded case by case.
//!
//! A computation that breaks down (a panic: a fault of ours, or of a library) does not take the run with it: it leaves a record that says so, the others go on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::limits::{Deadline, too_large};
use super::{Assessed, Lines, Options, Progress, StudyError, case, in_pool, start_point, unsettled};
use crate::model::Point;
use crate::record::{CaseEntry, Complete, Store, fault};
use crate::scenario::{Case, Scenario};
use crate::starts::{Begin, expand};

/// What computes a point of a case from where it begins.
pub(super) type Compute<'a> = &'a (dyn Fn(&Scenario, &Case, &Begin, Point, &Deadline) -> Result<Assessed, StudyError> + Sync);

/// A run, or a shard of one.
pub(super) struct Run<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) options: &'a Options,
    /// Its cases, and how the store knows them.
    pub(super) cases: &'a [&'a Case],
    pub(super) entries: &'a [CaseEntry],
    pub(super) compute: Compute<'a>,
}

/// A case on its way. Empty before its first point begins and after its last has ended: a run of a million points holds those alone that are on their way.
#[derive(Default)]
struct Pending {
    begins: Vec<Begin>,
    points: Vec<Option<Assessed>>,
    finished: usize,
    /// Time that threads spent on its points.
    spent: Duration,
}

/// What became of a point.
enum Became {
    /// It is computed; whether the computation broke down.
    Computed { failed: bool },
    /// The run was interrupted before its case began.
    Left,
}

impl Run<'_> {
    /// Computes what is not complete yet; returns the store with every record appended.
    pub(super) fn carry_out(
        &self,
        mut store: Store,
        complete: Complete,
        watch: &(dyn Fn(Progress) + Sync),
    ) -> Result<Store, StudyError> {
        let total = self.entries.iter().map(|case| case.points).sum();
        let mut begun = Progress { done: complete.points, total, failed: complete.failed };
        let open = |&case: &usize| !complete.cases.contains(&self.entries[case].id);
        for case in (0..self.cases.len()).filter(open) {
            if let Some(records) = too_large(self.cases[case], &self.options.limits, &self.scenario.name) {
                store.append(&records, &[])?;
                if self.options.fail_fast {
                    store.sync()?;
                    return Err(StudyError::FailFast(format!("case {}: {}", self.cases[case].id, records[0].reason)));
                }
                begun.done += records.len();
            }
        }
        watch(begun);
        let tasks: Vec<(usize, usize)> = (0..self.cases.len())
            .filter(|case| open(case) && self.options.limits.allow(self.cases[*case]))
            .flat_map(|case| (0..self.entries[case].points).map(move |start| (case, start)))
            .collect();
        let pending: Vec<Mutex<Pending>> = self.cases.iter().map(|_| Mutex::default()).collect();
        let (store, progress, stop) = (Mutex::new(store), Mutex::new(begun), AtomicBool::new(false));
        let work = |&(case, start): &(usize, usize)| -> Result<(), StudyError> {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let Became::Computed { failed } = self.point(case, start, &pending[case], &store)? else { return Ok(()) };
            let mut progress = progress.lock().expect("no task panics while holding it");
            progress.done += 1;
            progress.failed += usize::from(failed);
            watch(*progress);
            Ok(())
        };
        let outcome = in_pool(self.options.threads, || {
            tasks.par_iter().try_for_each(|task| work(task).inspect_err(|_| stop.store(true, Ordering::Relaxed)))
        })?;
        let mut store = store.into_inner().expect("no task panics while holding it");
        let done = progress.into_inner().expect("no task panics while holding it").done;
        // Interrupted too late to leave anything out, it goes on.
        let left_out = if done < total { self.options.go_on() } else { Ok(()) };
        if let Err(error) = outcome.and(left_out) {
            store.sync()?;
            return Err(error);
        }
        Ok(store)
    }

    /// Computes a point, and concludes its case where it was the last; an interrupted run begins no case.
    fn point(&self, number: usize, start: usize, pending: &Mutex<Pending>, store: &Mutex<Store>) -> Result<Became, StudyError> {
        let case = self.cases[number];
        let (begin, deadline) = {
            let mut pending = pending.lock().expect("no task panics while holding it");
            if pending.begins.is_empty() {
                if self.options.interrupted.load(Ordering::SeqCst) {
                    return Ok(Became::Left);
                }
                pending.begins = expand(&case.starts, &case.problem);
                pending.points = pending.begins.iter().map(|_| None).collect();
            }
            (pending.begins[start].clone(), Deadline::after(self.options.limits.time, pending.spent))
        };
        fault::at("point-begun");
        let clock = Instant::now();
        let point = start_point(case, &begin).map_err(StudyError::Start)?;
        let assessed = if deadline.passed() {
            Assessed::not_reached(case, &begin, point, &deadline)
        } else {
            self.guarded(case, &begin, point, &deadline)?
        };
        fault::at("point-computed");
        let failed = assessed.path.failed();
        let finished = {
            let mut pending = pending.lock().expect("no task panics while holding it");
            pending.points[start] = Some(assessed);
            pending.finished += 1;
            pending.spent = pending.spent.saturating_add(clock.elapsed());
            (pending.finished == pending.points.len()).then(|| std::mem::take(&mut *pending))
        };
        if let Some(Pending { points, spent, .. }) = finished {
            let points: Vec<Assessed> = points.into_iter().map(|point| point.expect("none is missing")).collect();
            let (records, rows) = self.concluded(case, points, &Deadline::after(self.options.limits.time, spent))?;
            fault::at("case-judged");
            store.lock().expect("no task panics while holding it").append(&records, &rows)?;
            if self.options.fail_fast
                && let Some(bad) = records.iter().find(|record| unsettled(record))
            {
                let what = format!("start {} of case {}: {}", bad.start_index, bad.case, bad.reason);
                return Err(StudyError::FailFast(what));
            }
        }
        Ok(Became::Computed { failed })
    }

    /// The records of a case, or those of points that broke down where judging them together does.
    fn concluded(&self, case: &Case, points: Vec<Assessed>, deadline: &Deadline) -> Result<Lines, StudyError> {
        let conclude = |points| case::conclude(self.scenario, case, points, &self.options.dir, deadline);
        catch_unwind(AssertUnwindSafe(|| conclude(points))).unwrap_or_else(|panic| {
            let why = message(panic.as_ref());
            let failed = |begin: &Begin| {
                let point = start_point(case, begin).map_err(StudyError::Start)?;
                Ok(Assessed::failed(case, begin, point, &why))
            };
            conclude(expand(&case.starts, &case.problem).iter().map(failed).collect::<Result<_, StudyError>>()?)
        })
    }

    /// The point computed, or what is left of one whose computation broke down.
    fn guarded(&self, case: &Case, begin: &Begin, point: Point, deadline: &Deadline) -> Result<Assessed, StudyError> {
        // Nothing that a broken computation leaves half-done is used again: what it works on is its own.
        let compute = || (self.compute)(self.scenario, case, begin, point.clone(), deadline);
        let computed = catch_unwind(AssertUnwindSafe(compute));
        computed.unwrap_or_else(|panic| Ok(Assessed::failed(case, begin, point.clone(), &message(panic.as_ref()))))
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it gave no reason").to_owned()
}
