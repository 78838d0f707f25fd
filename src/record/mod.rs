//! What a run leaves on disk: serialisable twins of what was found, and the store that survives interruption.

mod row;

pub use row::{Count, Eigenvalue, Expectation, MetricMap, PerClass, Record, SCHEMA, Summary, TrajectoryRow};
