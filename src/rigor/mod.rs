//! FAMILY. Certificates: machine-readable proofs about critical points, with prover and checker apart.
//!
//! A [`Certificate`] holds a whole problem, a point and claims; its text is all that the [checker](mod@check) reads. The checker re-derives everything in interval arithmetic and shares nothing with the
//! [prover](prove) but that text and `numeric::interval` (a test reads its `use` lines). The prover may guess: what it proposes is a proof only once the checker accepts it.
//!
//! | kind | establishes | derivation |
//! |---|---|---|
//! | `negative-curvature` | the Hessian at the point has an eigenvalue ≤ −c | `check/curvature.rs` |
//! | `gap` | f(x), a lower bound of f, and how far apart they are | `check/gap.rs`, `check/contrast.rs` |
//! | `critical-orbit` | a critical orbit within ρ, unique modulo symmetry | `check/orbit.rs`, `check/arrow.rs` |
//! | `inertia` | its index and nullity: strict saddle or strict local minimum | `check/inertia.rs`, `check/off_space.rs` |
//! | `global-minimum` | it is a global minimum (convex losses) | `check/global.rs` |
//! | `simplex-etf` | it is a simplex ETF, of an enclosed scale | `check/simplex.rs` |
//! | `global-simplex-etf` | and a global minimum, convex or not | `check/simplex.rs` |

pub mod certificate;
pub mod check;
mod claims;
mod losses;
mod node;
pub mod prove;
#[cfg(test)]
mod tests;
mod text;

pub use certificate::{Certificate, Claim};
pub use check::check;
pub use losses::{IntervalLoss, Margin};
pub use node::Malformed;
pub use text::{canonical, hexadecimal, parse_hexadecimal, seal};
