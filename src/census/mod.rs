//! The census of critical points: what can be said of all the critical points of a problem that were found, together.
//!
//! A census is a lower bound on what there is. It does no I/O: `study` loads the points, passes them through the gate again, and writes what is found here.

pub mod directions;
pub mod escape;
pub mod family;
#[cfg(test)]
mod fixture;
pub mod morse;
mod partition;
pub mod slice;
mod walk;

pub use partition::Partition;

use crate::critical::CriticalPoint;
use crate::model::{Point, same_orbit};
use crate::objective::Problem;

/// Two points whose values differ by more than this fraction are different orbits.
pub const VALUE_TOLERANCE: f64 = 1e-9;
/// Logits of polished points of one orbit agree to about 1e-12; this leaves room for ill-conditioned ones.
pub const ORBIT_TOLERANCE: f64 = 1e-6;

/// The reduced form of a critical point by which orbits are compared: b up to its mean where b → b + c1 changes nothing.
pub fn representative(problem: &Problem, critical: &CriticalPoint) -> Point {
    let mut reduced = critical.reduced().clone();
    if problem.shifts_bias_freely() {
        let b = reduced.b_mut();
        let mean = b.iter().sum::<f64>() / b.len() as f64;
        b.iter_mut().for_each(|b| *b -= mean);
    }
    reduced
}

/// Whether two critical points, each with its value, are one modulo O(d) × permutations of equal classes × permutations within classes (and the free shift of b).
pub fn same_critical(problem: &Problem, x: (&CriticalPoint, f64), y: (&CriticalPoint, f64)) -> bool {
    x.0.rank() == y.0.rank()
        && (x.1 - y.1).abs() <= VALUE_TOLERANCE * y.1.abs()
        && same_orbit(&problem.shape, &representative(problem, x.0), &representative(problem, y.0), ORBIT_TOLERANCE)
}
