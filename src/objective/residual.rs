//! The residual matrix G = ∇g(Z) (K×N, column i = (c/N) ∇L(z_i)): its singular values and its row sums.
//!
//! Equal columns g of m samples are √m·g in a collapsed problem: GGᵀ = Σ m ggᵀ, and with it the singular values, are those of all samples.

use nalgebra::{DMatrix, DVector};

use super::Objective;
use crate::linalg::{add_product, eigen, product, view, view_mut};
use crate::model::Point;

/// Singular values of G, and G1.
#[derive(Clone, Debug)]
pub struct ResidualSpectrum {
    /// σ_1 ≥ … ≥ σ_K.
    pub singular_values: Vec<f64>,
    /// G1, K entries.
    pub row_sums: DVector<f64>,
    /// ‖G − (G1)1ᵀ/N‖_op.
    pub centred_norm: f64,
}

impl ResidualSpectrum {
    /// ‖G‖_op.
    pub fn norm(&self) -> f64 {
        self.singular_values[0]
    }
}

/// What the lower bound needs to know of G: ‖G‖_op and ‖G − (G1)1ᵀ/N‖_op, or bounds on them from above, and G1.
#[derive(Clone, Debug)]
pub struct ResidualNorms {
    /// ‖G‖_op, or more.
    pub norm: f64,
    /// ‖G − (G1)1ᵀ/N‖_op, or more.
    pub centred_norm: f64,
    /// G1, K entries.
    pub row_sums: DVector<f64>,
}

impl From<&ResidualSpectrum> for ResidualNorms {
    fn from(spectrum: &ResidualSpectrum) -> Self {
        Self { norm: spectrum.norm(), centred_norm: spectrum.centred_norm, row_sums: spectrum.row_sums.clone() }
    }
}

/// Bounds in one pass, without a K×K matrix: ‖G‖_op² ≤ ‖G‖_1 ‖G‖_∞, the largest sums of a column's and of a row's entries in size (the Schur test), up to twice what it bounds as a rule.
///
/// Centring is a projection of the samples' space, so the same number bounds the centred norm. Columns that stand for m samples, √m·g each, are the m columns g of the whole G.
pub fn residual_norms(objective: &mut Objective<'_>, x: &Point) -> ResidualNorms {
    let shape = objective.problem().shape.clone();
    let classes = shape.classes();
    let (mut row_sums, mut row_sizes) = (DVector::zeros(classes), vec![0.0; classes]);
    let mut column_size = 0.0_f64;
    objective.for_each_residual_block(x, |first, block| {
        for (i, column) in block.chunks_exact(classes).enumerate() {
            let stretch = shape.stretch(first + i);
            let mut size = 0.0;
            for ((sum, row), g) in row_sums.iter_mut().zip(&mut row_sizes).zip(column) {
                *sum += stretch * g;
                *row += stretch * g.abs();
                size += g.abs();
            }
            column_size = column_size.max(size / stretch);
        }
    });
    let row_size = row_sizes.into_iter().fold(0.0, f64::max);
    let norm = (row_size * column_size).sqrt();
    ResidualNorms { norm, centred_norm: norm, row_sums }
}

/// ‖G‖_op in one pass over the samples, to a few eps of itself; NaN where squares of G's entries overflow.
pub fn residual_norm(objective: &mut Objective<'_>, x: &Point) -> f64 {
    let classes = objective.problem().shape.classes();
    let mut gram = vec![0.0; classes * classes];
    objective.for_each_residual_block(x, |_, block| {
        let g = view(block, classes, block.len() / classes);
        add_product(view_mut(&mut gram, classes, classes), g, g.transpose(), 1.0);
    });
    let gram = DMatrix::from_vec(classes, classes, gram);
    if gram.iter().all(|x| x.is_finite()) {
        eigen(&gram).values.last().map_or(0.0, |largest| largest.max(0.0).sqrt())
    } else {
        f64::NAN
    }
}

/// The singular values of G in two passes over the samples; NaN where squares of its entries overflow.
///
/// The eigenvalues of G Gᵀ alone would give small σ with an error of √eps·σ_max. So the eigenvectors U of the first pass only choose the
/// basis; in the second the rows of UᵀG, which are orthogonal up to eps·σ_max, are measured themselves: every σ has an error of a few
/// eps·σ_max.
pub fn residual_spectrum(objective: &mut Objective<'_>, x: &Point) -> ResidualSpectrum {
    let classes = objective.problem().shape.classes();
    let samples = objective.problem().shape.samples() as f64;
    let mut gram = vec![0.0; classes * classes];
    let mut row_sums = DVector::zeros(classes);
    let shape = &objective.problem().shape;
    objective.for_each_residual_block(x, |first, block| {
        let g = view(block, classes, block.len() / classes);
        add_product(view_mut(&mut gram, classes, classes), g, g.transpose(), 1.0);
        for (i, column) in block.chunks_exact(classes).enumerate() {
            let stretch = shape.stretch(first + i);
            for (sum, g) in row_sums.iter_mut().zip(column) {
                *sum += stretch * g;
            }
        }
    });
    let gram = DMatrix::from_vec(classes, classes, gram);
    if !gram.iter().all(|x| x.is_finite()) {
        // Squares of its entries leave the range of doubles: nothing is known of G.
        return ResidualSpectrum { singular_values: vec![f64::NAN; classes], row_sums, centred_norm: f64::NAN };
    }
    let centred = &gram - &row_sums * row_sums.transpose() / samples;
    let basis = eigen(&gram).vectors;

    let mut turned_gram = vec![0.0; classes * classes];
    let mut turned = Vec::new();
    objective.for_each_residual_block(x, |_, block| {
        let columns = block.len() / classes;
        turned.resize(block.len(), 0.0);
        let basis_t = view(basis.as_slice(), classes, classes).transpose();
        product(view_mut(&mut turned, classes, columns), basis_t, view(block, classes, columns), 1.0);
        let y = view(&turned, classes, columns);
        add_product(view_mut(&mut turned_gram, classes, classes), y, y.transpose(), 1.0);
    });
    let mut singular_values: Vec<f64> = (0..classes).map(|j| turned_gram[j * (classes + 1)].max(0.0).sqrt()).collect();
    singular_values.sort_by(|a, b| b.total_cmp(a));
    let centred_norm = eigen(&centred).values.last().map_or(0.0, |x| x.max(0.0).sqrt());
    ResidualSpectrum { singular_values, row_sums, centred_norm }
}
