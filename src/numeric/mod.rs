//! Scalars and streams: intervals with outward rounding, compensated sums in a fixed order and counter-based random streams. No I/O, no clock.

pub mod interval;
mod random;
mod sum;

pub use random::{Stream, gaussian, stream};
pub use sum::Sum;
