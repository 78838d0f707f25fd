//! Scalars and streams: compensated sums in a fixed order and counter-based random streams. No I/O, no clock.

mod random;
mod sum;

pub use random::{Stream, gaussian, stream};
pub use sum::Sum;
