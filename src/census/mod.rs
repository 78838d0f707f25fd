//! What a run's critical points say together.

pub mod directions;
pub mod escape;
#[cfg(test)]
pub(crate) mod fixture;
