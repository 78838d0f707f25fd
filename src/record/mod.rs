//! What a run leaves on disk: serialisable twins of what was found, and the store that survives interruption.

mod cell;
mod census;
mod etf;
mod partial;
mod row;

mod atomic;
mod check;
mod csv;
pub mod fault;
pub mod features;
mod jsonl;
mod merge;
mod npy;
pub mod npz;
#[cfg(feature = "parquet")]
mod parquet;
mod problem;
pub mod read;
mod resume;
mod shard;
mod slice;
mod store;
mod theorem;

pub use atomic::write_atomically;
pub use cell::{CELL_SCHEMA, CellRow, Distribution};
pub use census::{
    CENSUS_SCHEMA, Census, CensusCase, CensusFamily, CensusMorse, CensusOrbit, ESCAPE_SCHEMA, EscapeRow, EscapeStep, MorseWidth,
    Tried,
};
pub use etf::{PredictedLevel, compare_with_etf};
pub use merge::{Part, join, parts, write_joined_tables};
pub use partial::{LadderCrossing, LadderMap, Rung, ladder, ladder_crossings, ladder_map, ladder_place, rung};
pub use problem::{balanced_problem, loss_of, problem_of};
pub use row::{
    Count, Eigenvalue, EigenvalueOrigin, Expectation, FAILED, FlowRow, MEMORY_LIMIT, MetricMap, PerClass, Record, SCHEMA,
    Summary, TIME_LIMIT, TrajectoryRow,
};
pub use shard::{SHARD_FILE, SHARD_SCHEMA, Shard, ShardFile};
pub use slice::{SLICE_SCHEMA, Slice, SliceAxis, SliceMark};
pub use store::{
    CaseEntry, Complete, Held, Layout, Mode, Store, StoreError, write_census, write_escapes, write_slice, write_summary,
    write_theorems,
};
pub use theorem::{CaseFinding, THEOREM_SCHEMA, TheoremFile, TheoremFinding};

/// The file of a point, relative to the run's folder.
pub fn point_file(case: &str, start_index: usize) -> String {
    format!("points/{case}-{start_index}.npz")
}

/// The certificate of a point, relative to the run's folder.
pub fn certificate_file(case: &str, start_index: usize) -> String {
    format!("certificates/{case}-{start_index}.json")
}

/// The file of an orbit that was first met by following an escape, relative to the run's folder.
pub fn escape_point_file(case: &str, orbit: usize) -> String {
    format!("points/{case}-escape-{orbit}.npz")
}

/// The file of a case's slice, relative to the run's folder.
pub fn slice_file(case: &str) -> String {
    format!("slices/{case}.json")
}
