//! What a run leaves on disk: serialisable twins of what was found, and the store that survives interruption.

mod row;

mod atomic;
mod npy;
pub mod npz;
pub mod read;

pub use atomic::write_atomically;
pub use row::{Count, Eigenvalue, Expectation, MetricMap, PerClass, Record, SCHEMA, Summary, TrajectoryRow};
