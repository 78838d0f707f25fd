//! The loop on the device: a gradient, a step, and nothing read back but at record points.

use super::kernels::Program;
use super::lbfgs::Lbfgs;
use super::program::{GRADIENT, POINT, STEP};
use super::resident::Resident;
use super::{Device, GpuError, Measured, Method, Outcome, PlantedFault, Seen, Watch};
use crate::model::Point;
use crate::objective::Problem;

/// How often the stop rule is looked at, and submissions are waited for, between record points.
const LOOK_EVERY: u64 = 32;

/// A descent under way.
struct Descent<'a> {
    device: &'a Device,
    resident: &'a Resident<'a>,
    problem: &'a Problem,
    /// The unit of even coordinates; 1 without them.
    unit: f64,
    gradient_norm: f64,
    steps_max: u64,
}

/// See [`Device::descend`].
pub(super) fn descend(
    device: &Device,
    problem: &Problem,
    start: Point,
    method: &Method,
    gradient_norm: f64,
    steps_max: u64,
    watch: &mut dyn Watch,
) -> Result<Outcome, GpuError> {
    let even = problem.even();
    let (inner, unit) = even.as_ref().map_or((problem, 1.0), |(inner, unit)| (inner, *unit));
    let resident = Resident::new(device, inner, method)?;
    resident.set_point(&scaled(start, 1.0 / unit))?;
    let descent = Descent { device, resident: &resident, problem, unit, gradient_norm, steps_max };
    let layout = resident.plan().layout;
    let (steps, measured, reason) = match *method {
        Method::GradientDescent { .. } => descent.fixed(method, resident.program(&layout.axpy(GRADIENT, POINT, STEP))?, watch)?,
        Method::Momentum { .. } => descent.fixed(method, resident.program(&layout.heavy_ball())?, watch)?,
        Method::Lbfgs { memory } => descent.searching(Lbfgs::new(&resident, memory)?, watch)?,
    };
    Ok(Outcome { point: descent.point()?, measured, steps, reason, bytes_peak: device.bytes().1 })
}

/// Steps, numbers and reason at the end.
type End = (u64, Measured, &'static str);

impl Descent<'_> {
    /// Steps of given lengths: nothing is read back between looks.
    fn fixed(&self, method: &Method, step: Program, watch: &mut dyn Watch) -> Result<End, GpuError> {
        let mut rate = None;
        let mut steps = 0;
        loop {
            self.plant(steps);
            let last = steps == self.steps_max;
            if watch.due(steps) || last || steps.is_multiple_of(LOOK_EVERY) {
                self.resident.submit_gradient(&[self.resident.measure()])?;
                let measured = self.resident.measured(self.problem, self.unit)?;
                if let Some(reason) = self.look(steps, &measured, watch)? {
                    return Ok((steps, measured, reason));
                }
            } else {
                self.resident.submit_gradient(&[])?;
            }
            let now = method.rate(steps, self.steps_max);
            if rate != Some(now) {
                self.resident.set_factors(STEP, &now);
                rate = Some(now);
            }
            self.resident.submit(&[&step])?;
            steps += 1;
        }
    }

    /// Steps whose lengths are searched for.
    fn searching(&self, mut method: Lbfgs<'_, '_>, watch: &mut dyn Watch) -> Result<End, GpuError> {
        self.resident.submit_gradient(&[self.resident.measure()])?;
        let mut measured = self.resident.measured(self.problem, self.unit)?;
        let mut steps = 0;
        loop {
            self.plant(steps);
            if let Some(reason) = self.look(steps, &measured, watch)? {
                return Ok((steps, measured, reason));
            }
            match method.step(&measured, self.problem, self.unit)? {
                Some(found) => measured = found,
                None => return Ok((steps, measured, "no-progress")),
            }
            steps += 1;
        }
    }

    /// Shows the state where it is due, and says why the descent ends here, if it does.
    fn look(&self, steps: u64, measured: &Measured, watch: &mut dyn Watch) -> Result<Option<&'static str>, GpuError> {
        if watch.due(steps) {
            watch.see(&Seen { step: steps, measured: *measured, point: &|| self.point() })?;
        }
        Ok(if !measured.finite() {
            Some("not-finite")
        } else if measured.gradient_norm_scaled <= self.gradient_norm {
            Some("gradient")
        } else {
            (steps == self.steps_max).then_some("steps")
        })
    }

    /// The point, in the problem's own coordinates.
    fn point(&self) -> Result<Point, GpuError> {
        Ok(scaled(self.resident.point()?, self.unit))
    }

    /// The fault that a test planted for this step.
    fn plant(&self, steps: u64) {
        if self.device.fault == Some(PlantedFault::LostAt(steps)) {
            self.device.destroy();
        }
    }
}

/// The point with W and H times `factor`.
fn scaled(mut x: Point, factor: f64) -> Point {
    x.w_mut().scale_mut(factor);
    x.h_mut().scale_mut(factor);
    x
}
