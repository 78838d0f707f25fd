//! Starts whose candidates come from a GPU: the descent runs there, everything after it here.

use std::sync::{Mutex, PoisonError};

use super::assess::{Assessed, Path, judged};
use super::limits::Deadline;
use crate::critical::Candidate;
use crate::gpu::{self, GpuError, Options, Seen, Watch};
use crate::metrics;
use crate::model::{Point, Shape};
use crate::record::TrajectoryRow;
use crate::scenario::{Case, Device, Scenario, Trajectories, device_method};
use crate::starts::Begin;

/// The device of a run and what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceUse {
    /// The adapter's name.
    pub adapter: String,
    /// Most bytes allocated on it at a time, by this program's own count.
    pub bytes_peak: u64,
}

/// The device of a run: one descent at a time, so that a plan's memory is all that is used.
pub(super) struct Held {
    device: Mutex<gpu::Device>,
}

/// Largest number of entries of (W, H, b) at which rows of a trajectory have metrics: reading more back at every row would cost more than the steps.
const READ_BACK_MAX: usize = 1 << 20;

impl Held {
    /// Opens a device where a case asks for one, and checks that every such case fits it. `Ok(None)` where none does.
    pub(super) fn open(scenario: &Scenario, options: &Options) -> Result<Option<Self>, GpuError> {
        let cases: Vec<&Case> = scenario.cases.iter().filter(|case| case.device == Device::Gpu).collect();
        if cases.is_empty() {
            return Ok(None);
        }
        let device = gpu::Device::open(options)?;
        for case in cases {
            plan(&device, case)?;
        }
        Ok(Some(Self { device: Mutex::new(device) }))
    }

    /// What the device was used for.
    pub(super) fn used(self) -> DeviceUse {
        let device = self.device.into_inner().unwrap_or_else(PoisonError::into_inner);
        DeviceUse { adapter: device.name().to_owned(), bytes_peak: device.bytes().1 }
    }

    /// Runs a start of a case from `point` to its numbers.
    pub(super) fn run_start(
        &self,
        case: &Case,
        begin: &Begin,
        point: Point,
        kept: Trajectories,
        deadline: &Deadline,
    ) -> Result<Assessed, GpuError> {
        let narrow = case.problem.at_width(begin.width);
        let method = device_method(&case.solver).expect("scenarios are refused where a solver does not run on the device");
        let mut rows = Rows {
            shape: &narrow.shape,
            rows: Vec::new(),
            kept,
            next: (kept != Trajectories::None).then_some(0),
            metrics: narrow.dimension() <= READ_BACK_MAX,
        };
        let stop = &case.stop;
        let outcome = {
            // Nothing under this lock waits for other tasks of the pool: a thread that waited would take up one that wants the lock, too.
            let device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
            device.descend(&narrow, point, &method, stop.gradient_norm, stop.steps_max, &mut rows)?
        };
        rows.close(outcome.steps, &outcome.measured, &outcome.point);
        let path = Path {
            start: begin.spec.name().into(),
            seed: begin.seed(),
            steps: outcome.steps,
            stop_reason: outcome.reason.into(),
            rows: rows.rows,
        };
        let polish = stop.polish && outcome.reason != "not-finite";
        let candidate = Candidate { point: outcome.point, polish };
        Ok(judged(case, candidate, path, deadline))
    }
}

/// What a case needs on a device.
pub fn plan(device: &gpu::Device, case: &Case) -> Result<gpu::Plan, GpuError> {
    let method = device_method(&case.solver).expect("scenarios are refused where a solver does not run on the device");
    let even = case.problem.even();
    device.plan(even.as_ref().map_or(&case.problem, |(inner, _)| inner), &method)
}

/// The rows of a trajectory, with the device's numbers.
struct Rows<'a> {
    shape: &'a Shape,
    rows: Vec<TrajectoryRow>,
    kept: Trajectories,
    next: Option<u64>,
    metrics: bool,
}

impl Rows<'_> {
    fn push(&mut self, step: u64, measured: &gpu::Measured, point: Option<&Point>) {
        if !measured.finite() {
            return;
        }
        self.rows.push(TrajectoryRow {
            case: String::new(),
            start_index: 0,
            step,
            time: None,
            value: measured.value,
            gradient_norm: measured.gradient_norm,
            gradient_norm_scaled: measured.gradient_norm_scaled,
            metrics: point.map(|point| metrics::trajectory(point, self.shape).values).unwrap_or_default(),
            dual_ratio: None,
            lower_bound: None,
            flow: None,
        });
    }

    /// The last row, where it is not there yet.
    fn close(&mut self, step: u64, measured: &gpu::Measured, point: &Point) {
        if self.kept != Trajectories::None && self.rows.last().is_none_or(|row| row.step < step) {
            self.push(step, measured, self.metrics.then_some(point));
        }
    }
}

impl Watch for Rows<'_> {
    fn due(&self, step: u64) -> bool {
        self.next.is_some_and(|next| step >= next)
    }

    fn see(&mut self, seen: &Seen<'_>) -> Result<(), GpuError> {
        let point = if self.metrics { Some((seen.point)()?) } else { None };
        self.push(seen.step, &seen.measured, point.as_ref());
        self.next = self.kept.next(seen.step);
        Ok(())
    }
}
