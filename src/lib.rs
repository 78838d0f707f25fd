//! `ufm` explores the loss landscape of the **unconstrained-feature model**
//!
//! ```text
//! f(W, H, b) = (1/N) Σ_i L(W h_i + b, y_i) + λ_W/2 ‖W‖² + λ_H/2 ‖H‖² + λ_b/2 ‖b‖²
//! ```
//!
//! the layer-peeled model with which theory explains *neural collapse*. It optimises features H, classifier W and
//! bias b under a family of losses, finds critical points (minima and saddles), computes their exact Hessian inertia
//! and spectrum, and decides what each point is.
//!
//! ```no_run
//! use std::path::Path;
//! use ufm::{scenario::Scenario, study};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scenario = Scenario::load(Path::new("scenarios/quickstart.toml"), &[], false)?;
//! let options = study::Options::new("output/here");
//! let found = study::run(&scenario, &options, &|_| {})?;
//! assert!(found.records.iter().any(|record| record.nature.as_deref() == Some("global-minimum")));
//! # Ok(())
//! # }
//! ```
//!
//! The modules stand in layers; each uses only those listed before it (`tests/layers.rs` enforces it). ARCHITECTURE.md is the
//! bird's-eye view.

pub mod numeric;

pub mod linalg;

pub mod model;

pub mod losses;

pub mod objective;

pub mod critical;

pub mod theory;

pub mod gpu;
pub mod metrics;
pub mod solvers;
pub mod spectra;
pub mod starts;

pub mod rigor;

pub mod verdict;

pub mod census;

pub mod record;

pub mod report;
pub mod theorems;

pub mod scenario;

pub mod study;

pub mod cli;
