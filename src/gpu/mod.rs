//! Candidates from a device: descent on a GPU, in `f32`, for problems whose K×N logits fit nowhere.
//!
//! The device proposes and decides nothing: what it returns is a point, which the CPU evaluates in `f64`, polishes and judges like any other. That is why its numbers may be rough,
//! and why nothing above this module knows whether a candidate came from here.
//!
//! # How one gradient goes
//!
//! H lies on the device in chunks below the adapter's binding limit. A *slab* of K×B logits (B columns at a time, B chosen by the [`Plan`]) is the only thing of that kind: for one slab
//! after another
//!
//! ```text
//! Z ← W H_slab                      product
//! losses, Z ← G = (c/N) ∇L(Z)       residual   (online softmax: maximum and sum in one sweep; then the loss's epilogue)
//! ∂W += G H_slabᵀ                   product
//! ∂H_slab += Wᵀ G                   product
//! ∂b += G 1                         row_sums
//! ```
//!
//! so that logits are computed once and the K×N matrix never exists. Vectors (W, H, b, the gradient, velocities, pairs of L-BFGS) stay on the device; what comes back between record
//! points are a few scalars where a method needs them to decide (a line search), and nothing otherwise. Sums are compensated and in fixed order: a device gives the same bits every time.
//!
//! # Kernels and twins
//!
//! Every kernel (`*.wgsl`) has a twin of the same name in [`twins`], in `f64` and as plain as can be; tests compare the two over random shapes. Losses print their own part:
//! [`LossFunction::epilogue`](crate::losses::LossFunction::epilogue). The blocked twin of the whole pass is [`Objective`](crate::objective::Objective), which is also what runs
//! where there is no device.
//!
//! `f32` and not `f64`: WGSL has no usable `f64` exponential or logarithm.
//!
//! Without the cargo feature `gpu` everything here is still to be had, and [`Device::open`] says that this build has no device path.

mod error;
mod method;
mod pairs;
mod plan;
mod program;
pub mod twins;

#[cfg(feature = "gpu")]
mod ceilings;
#[cfg(feature = "gpu")]
mod descent;
#[cfg(not(feature = "gpu"))]
#[path = "absent.rs"]
mod device;
#[cfg(feature = "gpu")]
mod device;
#[cfg(feature = "gpu")]
mod kernels;
#[cfg(feature = "gpu")]
mod lbfgs;
#[cfg(feature = "gpu")]
mod resident;
#[cfg(all(test, feature = "gpu"))]
mod tests;

#[cfg(feature = "gpu")]
pub use ceilings::Repeated;
pub use device::{Device, adapters};
pub use error::GpuError;
pub use method::{AdapterSummary, Measured, Method, Options, Outcome, PlantedFault, Seen, Watch};
pub use plan::{Limits, Plan};
#[cfg(feature = "gpu")]
pub use resident::Resident;
