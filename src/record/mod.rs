//! What a run leaves on disk: serialisable twins of what was found, and the store that survives interruption.

mod row;

mod atomic;
mod csv;
mod npy;
pub mod npz;
pub mod read;
mod store;

pub use atomic::write_atomically;
pub use row::{Count, Eigenvalue, EigenvalueOrigin, Expectation, MetricMap, PerClass, Record, SCHEMA, Summary, TrajectoryRow};
pub use store::{Mode, Store, StoreError, write_summary};

/// The file of a point, relative to the run's folder.
pub fn point_file(case: &str, start_index: usize) -> String {
    format!("points/{case}-{start_index}.npz")
}
