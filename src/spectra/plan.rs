//! Which way a spectrum is computed, and what that needs, before any work.

use std::fmt;

use super::{DENSE_MAX, Level, Limits, WHOLE_MAX};
use crate::objective::{Plan, Problem};

/// The way to a spectrum in a point's own width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Counts by the arrow, eigenvalues of the whole matrix.
    Dense,
    /// Counts and extreme eigenvalues by the arrow: linear in N.
    Arrow,
    /// The arrow with one weighted column for all samples of a class: the cost does not depend on N.
    Collapsed,
}

impl Route {
    /// The name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Arrow => "arrow",
            Self::Collapsed => "collapsed",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A way that fits the limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned {
    /// Which.
    pub route: Route,
    /// Peak memory in bytes.
    pub bytes: f64,
    /// Multiply-adds of building the arrow and of one Schur complement.
    pub multiply_adds: f64,
    /// Size of the matrix that the columns make: that of the Hessian where nothing collapses.
    pub size: usize,
    /// Whether a second Schur complement fits beside the first.
    pub pair: bool,
    /// Whether the eigenvalues of that matrix are computed.
    pub dense: bool,
}

/// The way for a point of `problem` whose samples make `columns` columns (N, or fewer where features of a class coincide). `Err` says what it would need.
pub fn plan(problem: &Problem, columns: usize, level: Level, limits: &Limits) -> Result<Planned, String> {
    let arrow = Plan::for_columns(problem, columns);
    let size = arrow.core + columns * problem.shape.width();
    let dense = size <= if level == Level::Full { WHOLE_MAX } else { DENSE_MAX };
    // The matrix, its scaled copy, and the decomposition's workspace.
    let bytes = arrow.bytes.max(if dense { 24.0 * (size as f64).powi(2) } else { 0.0 });
    if !(bytes <= limits.bytes && arrow.multiply_adds <= limits.multiply_adds) {
        return Err(format!(
            "exact inertia would need {bytes:.1e} bytes and {:.1e} multiply-adds a factorisation of size {} (limits {:.1e} and {:.1e}); what would fit: {}",
            arrow.multiply_adds,
            arrow.core,
            limits.bytes,
            limits.multiply_adds,
            smaller(problem, columns, bytes, &arrow, limits)
        ));
    }
    let pair = bytes + 8.0 * (arrow.core as f64).powi(2) <= limits.bytes;
    let route = match (columns < problem.shape.samples(), dense) {
        (true, _) => Route::Collapsed,
        (false, true) => Route::Dense,
        (false, false) => Route::Arrow,
    };
    Ok(Planned { route, bytes, multiply_adds: arrow.multiply_adds, size, pair, dense })
}

/// The plan of the least work that any point of `problem` can need: its classes collapsed, at a rank of min(d, K). `Err` where even that does not fit: then no spectrum of the problem
/// can be computed, and it is better said before any work.
pub fn feasible(problem: &Problem, level: Level, limits: &Limits) -> Result<(), String> {
    if level == Level::None {
        return Ok(());
    }
    let shape = &problem.shape;
    plan(&problem.at_width(shape.width().min(shape.classes())), shape.classes(), Level::Inertia, limits).map(|_| ())
}

/// Settings that would fit where `problem` with `columns` columns does not.
fn smaller(problem: &Problem, columns: usize, bytes: f64, arrow: &Plan, limits: &Limits) -> String {
    let shape = &problem.shape;
    let fits = |classes: usize, width: usize| {
        let plan = Plan::of_sizes(classes, width, problem.bias, columns * classes / shape.classes());
        plan.bytes <= limits.bytes && plan.multiply_adds <= limits.multiply_adds
    };
    // Plans grow with both sizes, so the largest that fits is found by bisection.
    let largest = |most: usize, fits: &dyn Fn(usize) -> bool| {
        let (mut low, mut high) = (0, most);
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    };
    let mut ways = Vec::new();
    let width = largest(shape.width(), &|width| fits(shape.classes(), width));
    if width > 0 {
        ways.push(format!("model.width={width}"));
    }
    let classes = largest(shape.classes(), &|classes| fits(classes, shape.width().min(classes)));
    if classes > 1 {
        ways.push(format!("model.classes={classes}"));
    }
    if arrow.multiply_adds <= limits.multiply_adds {
        ways.push(format!("spectra.memory_mib={:.0}", (bytes / f64::from(1 << 20)).ceil()));
    }
    ways.push("spectra.level=none".into());
    ways.join(", or ")
}
