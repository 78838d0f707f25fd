//! f, its gradient, its Hessian's products, the spectrum of G = ∇g(Z), the lower bound, and the arrow.
//!
//! Everything walks over the samples in blocks: logits of all N samples are never stored at once. Blocks are grouped into chunks whose
//! number depends on the problem's shape alone, and chunks are summed in order: results do not depend on the threads.

mod action;
mod arrow;
mod blocks;
mod coupling;
mod dense;
mod kernels;
mod lower_bound;
mod problem;
mod residual;
#[cfg(test)]
mod tests;

pub use action::{Rotations, Symmetry};
pub use arrow::{Arrow, Plan, Schur, turn};
pub use dense::dense_hessian;
pub use kernels::{Counts, Linearisation, Objective, Threads};
pub use lower_bound::{lower_bound, lower_bound_within};
pub use problem::Problem;
pub use residual::{ResidualNorms, ResidualSpectrum, residual_norm, residual_norms, residual_spectrum};
