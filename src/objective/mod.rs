//! f, its gradient, its Hessian's products, and the arrow.

mod problem;

pub use problem::Problem;
