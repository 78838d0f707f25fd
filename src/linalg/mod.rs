//! Thin named doors to the linear-algebra library: products, symmetric eigenvalues, LBLᵀ inertia, singular values.
//!
//! Everything here runs on one thread: the library's bits depend on its thread count, and records must not. Parallelism is across blocks, starts and cases.

mod cholesky;
mod decompositions;
mod products;
mod small;
mod vectors;

pub use cholesky::Cholesky;
pub use decompositions::{Eigen, Factors, Svd, completed_basis, eigen, eigenvalues, inertia, lower_factor, singular_values, svd};
pub use products::{View, ViewMut, add_product, add_product_lower, product, strided, strided_mut, view, view_mut};
pub(crate) use small::{Onto, RowProduct, Scalars, add_row_sums, transpose};
pub use vectors::{
    axpy, axpy_shared, axpy_square_shared, conjugate_start_shared, conjugate_step_shared, dot, dot_shared, moved_shared, norm,
};
