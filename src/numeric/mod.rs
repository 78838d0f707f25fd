//! Scalars, formulas and streams: intervals with outward rounding, second-order jets, formulas that a user writes, compensated sums in a fixed order, vectorised functions over groups of eight and counter-based random streams. No I/O, no clock.

pub mod expression;
pub mod interval;
mod jet;
pub(crate) mod lanes;
mod random;
mod sum;
pub(crate) mod vector;
mod words;

pub use jet::{Jet, Scalar};
pub use random::{Stream, gaussian, stream};
pub use sum::Sum;
pub use words::nearest;
