//! A point (W, H, b) and its packing into one vector.

use std::borrow::Cow;

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut};

use super::{Bias, Shape};

/// Why arrays do not make a point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// An array has the wrong shape.
    #[error("{array} is {found_rows}×{found_columns}, expected {rows}×{columns}")]
    Mismatch {
        /// "W", "H" or "b".
        array: &'static str,
        /// Rows found.
        found_rows: usize,
        /// Columns found.
        found_columns: usize,
        /// Rows expected.
        rows: usize,
        /// Columns expected.
        columns: usize,
    },
    /// An entry is NaN or infinite.
    #[error("{array}[{row}, {column}] is not a finite number")]
    NotFinite {
        /// "W", "H" or "b".
        array: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// Its column.
        column: usize,
    },
}

/// A point of the model, packed as `[vec W | vec H | b]` with columns contiguous.
///
/// W is K×d (row k is the classifier of class k), H is d×N (column i is the feature of sample i; in a collapsed [`Shape`] it is the feature of m samples times √m), b is empty
/// or has K entries. One flat vector is what solvers add and scale; W, H and b are views into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    classes: usize,
    width: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Point {
    /// The origin of a shape.
    pub fn zeros(shape: &Shape, bias: Bias) -> Self {
        Self::from_vec(shape, bias, vec![0.0; shape.dimension(bias)])
    }

    /// A point from its packed entries. Panics if their number is not the shape's dimension: that is our own bug.
    pub fn from_vec(shape: &Shape, bias: Bias, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), shape.dimension(bias), "packed length");
        Self { classes: shape.classes(), width: shape.width(), columns: shape.columns(), data }
    }

    /// A point from arrays that came from outside: sizes and finiteness are checked. `b` is `None` exactly when there is no bias; the columns of `h` are features, in a collapsed shape too.
    pub fn from_arrays(shape: &Shape, w: &DMatrix<f64>, h: &DMatrix<f64>, b: Option<&[f64]>) -> Result<Self, PointError> {
        let (classes, width, columns) = (shape.classes(), shape.width(), shape.columns());
        let b_matrix = b.map(|b| DMatrix::from_column_slice(b.len(), 1, b));
        let mut data = Vec::with_capacity(shape.dimension(Bias::Free));
        for (array, matrix, rows, wanted) in
            [("W", Some(w), classes, width), ("H", Some(h), width, columns), ("b", b_matrix.as_ref(), classes, 1)]
        {
            let Some(matrix) = matrix else { continue };
            let (found_rows, found_columns) = matrix.shape();
            if (found_rows, found_columns) != (rows, wanted) {
                return Err(PointError::Mismatch { array, found_rows, found_columns, rows, columns: wanted });
            }
            if let Some(at) = matrix.as_slice().iter().position(|x| !x.is_finite()) {
                return Err(PointError::NotFinite { array, row: at % rows, column: at / rows });
            }
            data.extend_from_slice(matrix.as_slice());
        }
        let mut point = Self { classes, width, columns, data };
        if shape.multiplicities().is_some() {
            for (i, mut column) in point.h_mut().column_iter_mut().enumerate() {
                column *= shape.stretch(i);
            }
        }
        Ok(point)
    }

    /// The features of the columns of H, d×columns: H itself, or its columns over their [stretch](Shape::stretch) in a collapsed shape.
    pub fn features(&self, shape: &Shape) -> Cow<'_, [f64]> {
        let h = self.parts().1;
        if shape.multiplicities().is_none() {
            return Cow::Borrowed(h);
        }
        let mut features = h.to_vec();
        for (i, column) in features.chunks_exact_mut(self.width.max(1)).enumerate() {
            column.iter_mut().for_each(|x| *x /= shape.stretch(i));
        }
        Cow::Owned(features)
    }

    /// The class means of the features, d×K: every sample counts once, whatever its column stands for.
    pub fn class_means(&self, shape: &Shape) -> DMatrix<f64> {
        let features = self.features(shape);
        let columns = DMatrixView::from_slice(&features, self.width, self.columns);
        let mut means = DMatrix::zeros(self.width, shape.classes());
        // Means of h/n, not sums of h: nothing overflows.
        for (i, (feature, &label)) in columns.column_iter().zip(shape.labels()).enumerate() {
            let share = shape.multiplicity(i) as f64 / shape.class_sizes()[label] as f64;
            means.column_mut(label).axpy(share, &feature, 1.0);
        }
        means
    }

    /// A point from blocks of the right sizes. Panics if they are not: that is our own bug.
    pub fn from_blocks(w: &DMatrix<f64>, h: &DMatrix<f64>, b: &[f64]) -> Self {
        assert_eq!(w.ncols(), h.nrows(), "widths of W and H");
        assert!(b.is_empty() || b.len() == w.nrows(), "length of b");
        let data = [w.as_slice(), h.as_slice(), b].concat();
        Self { classes: w.nrows(), width: w.ncols(), columns: h.ncols(), data }
    }

    /// All entries, packed.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// All entries, packed.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// The packed entries themselves.
    pub fn into_vec(self) -> Vec<f64> {
        self.data
    }

    /// W, K×d.
    pub fn w(&self) -> DMatrixView<'_, f64> {
        DMatrixView::from_slice(&self.data[..self.classes * self.width], self.classes, self.width)
    }

    /// H, d×N.
    pub fn h(&self) -> DMatrixView<'_, f64> {
        let (start, end) = self.h_range();
        DMatrixView::from_slice(&self.data[start..end], self.width, self.columns)
    }

    /// b, K entries, or none where there is no bias.
    pub fn b(&self) -> &[f64] {
        &self.data[self.h_range().1..]
    }

    /// W, for writing.
    pub fn w_mut(&mut self) -> DMatrixViewMut<'_, f64> {
        DMatrixViewMut::from_slice(&mut self.data[..self.classes * self.width], self.classes, self.width)
    }

    /// H, for writing.
    pub fn h_mut(&mut self) -> DMatrixViewMut<'_, f64> {
        let (start, end) = self.h_range();
        DMatrixViewMut::from_slice(&mut self.data[start..end], self.width, self.columns)
    }

    /// b, for writing.
    pub fn b_mut(&mut self) -> &mut [f64] {
        let start = self.h_range().1;
        &mut self.data[start..]
    }

    /// The column-major entries of W, of H, and b.
    pub fn parts(&self) -> (&[f64], &[f64], &[f64]) {
        let (start, end) = self.h_range();
        (&self.data[..start], &self.data[start..end], &self.data[end..])
    }

    /// Whether there is a bias.
    pub fn has_bias(&self) -> bool {
        !self.b().is_empty()
    }

    /// d, the width of a feature.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Position of the first entry of H and of the first entry past it.
    fn h_range(&self) -> (usize, usize) {
        let start = self.classes * self.width;
        (start, start + self.width * self.columns)
    }

    /// The point of width `frame.nrows()` with classifier W Qᵀ and features Q H, where Q = `frame` has orthonormal columns.
    ///
    /// Logits, decay terms and the gradient's norm do not change; padding with zeros is the case Q = [I; 0].
    pub fn embed(&self, frame: &DMatrix<f64>) -> Self {
        assert_eq!(frame.ncols(), self.width, "frame columns");
        let width = frame.nrows();
        let length = self.b().len() + width * (self.classes + self.columns);
        let mut point = Self { classes: self.classes, width, columns: self.columns, data: vec![0.0; length] };
        // Written in place: H is the one thing here that is large.
        point.w_mut().gemm(1.0, &self.w(), &frame.transpose(), 0.0);
        point.h_mut().gemm(1.0, frame, &self.h(), 0.0);
        point.b_mut().copy_from_slice(self.b());
        point
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_round_trips() {
        let shape = Shape::balanced(2, 3, 2).unwrap();
        let w = DMatrix::from_fn(2, 3, |i, j| (10 * i + j) as f64);
        let h = DMatrix::from_fn(3, 4, |i, j| -((10 * i + j) as f64));
        let point = Point::from_arrays(&shape, &w, &h, Some(&[0.5, 0.25])).unwrap();
        assert_eq!(point.w(), w);
        assert_eq!(point.h(), h);
        assert_eq!(point.b(), [0.5, 0.25]);
        assert_eq!(Point::from_vec(&shape, Bias::Free, point.clone().into_vec()), point);
    }

    #[test]
    fn arrays_that_do_not_fit_are_named() {
        let shape = Shape::balanced(2, 3, 1).unwrap();
        let mut h = DMatrix::zeros(3, 2);
        let error = Point::from_arrays(&shape, &DMatrix::zeros(3, 2), &h, None).unwrap_err();
        assert_eq!(error.to_string(), "W is 3×2, expected 2×3");
        h[(1, 1)] = f64::NAN;
        let error = Point::from_arrays(&shape, &DMatrix::zeros(2, 3), &h, None).unwrap_err();
        assert_eq!(error.to_string(), "H[1, 1] is not a finite number");
    }
}
