//! The whole Hessian as one matrix: the oracle for small sizes.

use nalgebra::DMatrix;

use super::Objective;
use crate::model::Point;

/// ∇²f(x) as a dense matrix, one Hessian product a column, symmetrised. Order of rows: W by columns, H by columns, b.
pub fn dense_hessian(objective: &mut Objective<'_>, x: &Point) -> DMatrix<f64> {
    let dimension = objective.problem().dimension();
    let mut matrix = DMatrix::zeros(dimension, dimension);
    let mut unit = vec![0.0; dimension];
    for j in 0..dimension {
        unit[j] = 1.0;
        objective.hessian_product(x, &unit, matrix.column_mut(j).as_mut_slice());
        unit[j] = 0.0;
    }
    (&matrix + matrix.transpose()) * 0.5
}
