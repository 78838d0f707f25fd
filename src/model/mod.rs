//! The unconstrained-feature model's data: its shape, its decays, and points (W, H, b) in it.

mod orbit;
mod point;
mod shape;
mod symmetry;

pub use orbit::{relabellings, same_orbit, stabiliser_size};
pub use point::{Point, PointError};
pub use shape::{Bias, Decay, Shape, ShapeError};
pub use symmetry::{orbit_dimension, tangents};
