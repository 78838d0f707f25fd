//! Limits of time and memory for a case: what exceeds them becomes a row that says so, and the run goes on.
//!
//! Memory is judged by plan, before a case begins, so that its rows are the same wherever they are written. Time is looked at after every step of a solver, and before polish, spectrum and
//! certificates: one factorisation is not interrupted, nor is a descent on a GPU. What time allows depends on the machine, so such rows are not reproducible, and say so.

use std::time::{Duration, Instant};

use super::estimate::working_bytes;
use crate::record::{MEMORY_LIMIT, Record};
use crate::scenario::Case;
use crate::starts::expand;
use crate::verdict::{Nature, Standing};

/// Limits for every case of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CaseLimits {
    /// Most bytes that a point of a case may be planned with.
    pub memory_bytes: Option<f64>,
    /// Most time that a thread may spend on the points of a case, taken together.
    pub time: Option<Duration>,
}

impl CaseLimits {
    /// Whether a case is planned with no more memory than they allow.
    pub(super) fn allow(&self, case: &Case) -> bool {
        self.memory_bytes.is_none_or(|allowed| working_bytes(case) <= allowed)
    }
}

/// When the time of a case is over; never, without a limit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deadline {
    at: Option<Instant>,
    limit: Duration,
}

impl Deadline {
    /// Now, and what is left of the limit after `spent`.
    pub(super) fn after(limit: Option<Duration>, spent: Duration) -> Self {
        let at = limit.and_then(|limit| Instant::now().checked_add(limit.saturating_sub(spent)));
        Self { at, limit: limit.unwrap_or_default() }
    }

    /// Whether it has passed.
    pub(super) fn passed(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// The reason of what it ended, or kept from beginning.
    pub(super) fn reason(&self) -> String {
        let seconds = self.limit.as_secs_f64();
        format!(
            "the case took longer than --limit-time {seconds}: how far it came depends on the machine; --retry unsettled with more time computes it again"
        )
    }
}

/// The rows of a case that is planned with more memory than the limit allows; `None` where it fits.
pub(super) fn too_large(case: &Case, limits: &CaseLimits, scenario: &str) -> Option<Vec<Record>> {
    const MIB: f64 = 1_048_576.0;
    let allowed = limits.memory_bytes?;
    if limits.allow(case) {
        return None;
    }
    let planned = working_bytes(case);
    let reason = format!(
        "a point of the case is planned with {:.0} MiB, more than --limit-memory {:.0} allows; --retry unsettled with more memory computes it",
        (planned / MIB).ceil(),
        allowed / MIB
    );
    let begins = expand(&case.starts, &case.problem);
    let row = |(start_index, begin): (usize, &crate::starts::Begin)| Record {
        case: case.id.clone(),
        scenario: scenario.to_owned(),
        solver: case.solver.name().into(),
        start: begin.spec.name().into(),
        start_index,
        seed: begin.seed(),
        stop_reason: MEMORY_LIMIT.into(),
        value: f64::NAN,
        gradient_norm: f64::NAN,
        spectrum_reason: Some(reason.clone()),
        nature: Some(Nature::NotCritical.name().into()),
        standing: Some(Standing::Undecided.name().into()),
        reason: reason.clone(),
        ..super::case::head(&case.problem)
    };
    Some(begins.iter().enumerate().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_without_a_limit_never_passes_and_one_without_time_has() {
        assert!(!Deadline::after(None, Duration::MAX).passed());
        assert!(Deadline::after(Some(Duration::ZERO), Duration::ZERO).passed());
        assert!(Deadline::after(Some(Duration::from_secs(5)), Duration::from_secs(6)).passed());
        assert!(!Deadline::after(Some(Duration::from_secs(3600)), Duration::from_secs(6)).passed());
        // A limit longer than the clock's range is none.
        assert!(!Deadline::after(Some(Duration::MAX), Duration::ZERO).passed());
    }
}
