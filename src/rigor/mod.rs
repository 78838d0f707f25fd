//! FAMILY. Certificates: machine-readable proofs about critical points and losses, with prover and checker apart.
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
//! | `partial-state` | m of K classes form a simplex in a critical point, with its index and nullity, at any size | `check/partial.rs`, `check/blocks.rs` |
//! | `global-state` | and it is a global minimum | `check/partial.rs` |
//! | `not-global` | a critical point is no global minimum | `check/comparison.rs` |
//! | `convexity-region` | where the loss is convex in the logits | `check/convexity.rs` |
//! | `contrastive` | argmin φ(t) + c\|t\| is unique on a range of c | `check/contrastive.rs` |
//! | `transition` | the one c at which two minimisers tie | `check/transition.rs` |
//!
//! The last three are about a loss: no point, a certificate of a [format of its own](about_loss).

pub mod about_loss;
pub mod certificate;
pub mod check;
mod claims;
mod formula;
mod groups;
mod losses;
mod node;
pub mod prove;
mod state;
#[cfg(test)]
mod tests;
mod text;

pub use certificate::{Certificate, Claim};
pub use check::check;
pub use formula::Formula;
pub use losses::{IntervalLoss, Margin};
pub use node::Malformed;
pub use text::{canonical, hexadecimal, parse_hexadecimal, seal};
