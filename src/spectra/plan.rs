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
            "exact inertia would need {bytes:.1e} bytes and {:.1e} multiply-adds a Schur complement (limits {:.1e} and {:.1e})",
            arrow.multiply_adds, limits.bytes, limits.multiply_adds
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
