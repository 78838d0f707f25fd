//! What is asked of a device and what it answers.

use crate::model::Point;

use super::GpuError;
use super::pairs::Pairs;
use super::program::{Call, GRADIENT, Layout, POINT, STEP};

/// How to move on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// x ← x − t∇f.
    GradientDescent {
        /// t.
        step: f64,
    },
    /// v ← m v + ∇f, x ← x − t v; t drops tenfold at 3/7 and at 5/7 of the most steps, as on the CPU.
    Momentum {
        /// t.
        step: f64,
        /// m.
        momentum: f64,
    },
    /// L-BFGS with this many pairs, 120 at most. The device forms the inner products; the few coefficients they lead to, and the line search, are the host's.
    Lbfgs {
        /// Pairs kept.
        memory: usize,
    },
}

impl Method {
    /// Most pairs that L-BFGS keeps on a device.
    pub const MEMORY_MAX: usize = super::pairs::MEMORY_MAX;

    /// How many vectors of the size of (W, H, b) it keeps beside the point and its gradient.
    pub fn vectors(&self) -> usize {
        match *self {
            Method::GradientDescent { .. } => 0,
            Method::Momentum { .. } => 1,
            Method::Lbfgs { memory } => Pairs::vectors(memory),
        }
    }

    /// −t and m at a step; L-BFGS finds its own.
    #[cfg(feature = "gpu")]
    pub(super) fn rate(&self, step: u64, steps_max: u64) -> [f64; 2] {
        match *self {
            Method::Lbfgs { .. } => [0.0; 2],
            Method::GradientDescent { step } => [-step, 0.0],
            Method::Momentum { step: size, momentum } => {
                let at = |sevenths: u64| (u128::from(steps_max) * u128::from(sevenths) / 7) as u64;
                let dropped = [at(3), at(5)].iter().filter(|&&drop| step >= drop).count() as i32;
                [-size * 0.1_f64.powi(dropped), momentum]
            }
        }
    }

    /// The programs that it keeps at the ready.
    pub(super) fn programs(&self, layout: &Layout) -> Vec<Vec<Call>> {
        let own = match *self {
            Method::GradientDescent { .. } => vec![layout.axpy(GRADIENT, POINT, STEP)],
            Method::Momentum { .. } => vec![layout.heavy_ball()],
            Method::Lbfgs { memory } => Pairs { memory, layout: *layout }.programs(),
        };
        [vec![layout.gradient(), layout.measure()], own].concat()
    }

    /// How many sums it keeps.
    pub(super) fn results(&self, layout: &Layout) -> usize {
        match *self {
            Method::Lbfgs { memory } => Pairs { memory, layout: *layout }.results(),
            _ => layout.measured().2.end,
        }
    }
}

/// How a device is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Part of the adapter's name, where a particular one is wanted.
    pub adapter: Option<String>,
    /// A binding limit below the adapter's own, in bytes.
    pub binding_limit: Option<u64>,
    /// A fault to plant, for tests.
    pub fault: Option<PlantedFault>,
}

/// Faults that tests plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedFault {
    /// The device is destroyed before its `n`-th step.
    LostAt(u64),
    /// A kernel does not compile.
    Shader,
    /// Every allocation above this many bytes in all fails.
    MemoryAbove(u64),
}

/// An adapter, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterSummary {
    /// Its name.
    pub name: String,
    /// Driver, backend, kind, limits and what it supports.
    pub details: String,
}

/// Numbers of a point as the device computed them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// f.
    pub value: f64,
    /// ‖∇f‖₂.
    pub gradient_norm: f64,
    /// ‖∇f‖₂ / (μ + λ_W‖W‖_F + λ_H‖H‖_F).
    pub gradient_norm_scaled: f64,
}

impl Measured {
    /// Whether all are finite.
    pub fn finite(&self) -> bool {
        self.value.is_finite() && self.gradient_norm_scaled.is_finite()
    }
}

/// What a watcher sees at a record point.
pub struct Seen<'a> {
    /// Steps taken so far.
    pub step: u64,
    /// The device's numbers.
    pub measured: Measured,
    /// Reads the point back: costly, and refused by a device that is gone.
    pub point: &'a dyn Fn() -> Result<Point, GpuError>,
}

/// Whoever wants to see states on their way.
pub trait Watch {
    /// Whether this step is a record point. Between record points nothing is read back for anybody's sake.
    fn due(&self, step: u64) -> bool;

    /// Shows the state at a record point.
    fn see(&mut self, seen: &Seen<'_>) -> Result<(), GpuError>;
}

/// Where a descent ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The point, in the problem's own coordinates.
    pub point: Point,
    /// The device's numbers there.
    pub measured: Measured,
    /// Steps taken.
    pub steps: u64,
    /// Why it ended, as in records: "gradient", "steps", "no-progress" or "not-finite".
    pub reason: &'static str,
    /// Most bytes that were allocated on the device at a time, by this program's own count of its allocations.
    pub bytes_peak: u64,
}
