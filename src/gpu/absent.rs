//! The device of a build without the cargo feature `gpu`: there is none.

use super::{AdapterSummary, GpuError, Limits, Method, Options, Outcome, Plan, Watch};
use crate::model::Point;
use crate::objective::Problem;

/// A device that cannot be opened.
#[derive(Debug)]
pub struct Device {
    never: std::convert::Infallible,
}

/// The adapters that there are: none is looked for in this build.
pub fn adapters() -> Result<Vec<AdapterSummary>, GpuError> {
    Err(GpuError::NotBuilt)
}

impl Device {
    /// Says that this build has no GPU path.
    pub fn open(_options: &Options) -> Result<Self, GpuError> {
        Err(GpuError::NotBuilt)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self.never {}
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        match self.never {}
    }

    /// Bytes that are allocated now, and the most that ever were.
    pub fn bytes(&self) -> (u64, u64) {
        match self.never {}
    }

    /// What a descent would need.
    pub fn plan(&self, _problem: &Problem, _method: &Method) -> Result<Plan, GpuError> {
        match self.never {}
    }

    /// Descends.
    pub fn descend(
        &self,
        _problem: &Problem,
        _start: Point,
        _method: &Method,
        _gradient_norm: f64,
        _steps_max: u64,
        _watch: &mut dyn Watch,
    ) -> Result<Outcome, GpuError> {
        match self.never {}
    }
}
