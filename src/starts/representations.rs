//! The isotypic components of S_K on the directions at the balanced simplex ETF, and projections onto them.
//!
//! At W = BQᵀ, B an orthonormal basis of 1^⊥ up to a factor, a permutation π of the classes is undone by the rotation of R^d that moves the rows as π does. So S_K acts on directions
//! (U, V, c) with one feature a class by U → πURᵀ, Vᵀ → πVᵀRᵀ, c → πc, and ∇²f maps each isotypic component into itself (its blocks are in `spectra/etf.rs`). U and Vᵀ are alike:
//! with Π = BᵀB the projection on the row space (in the frame where B is K×d with BBᵀ = P), U = UΠ + U(I − Π).
//!
//! * R^K is trivial ⊕ standard. A column of U(I − Π), or c, is its mean plus the rest.
//! * M = UBᵀ (K×K, M1 = 0) lies in R^K ⊗ 1^⊥: the column means 1(1ᵀM)/K are standard; what is left, S + A with zero row and column sums, lies in 1^⊥ ⊗ 1^⊥:
//!   * A antisymmetric: the hook (K−2,1,1), of dimension (K−1)(K−2)/2;
//!   * S symmetric with zero diagonal: (K−2,2), of dimension K(K−3)/2;
//!   * P diag(x) P: trivial for x ∥ 1, standard for Σx = 0. Its diagonal is x_k(1 − 2/K) + Σx/K², which gives x from the diagonal of S; S − P diag(x) P has the diagonal 0, and is
//!     orthogonal to it.
//!
//! At K = 3 there is no (K−2,2). At K = 2 M is a multiple of P: trivial alone, and standard on the rest.

use nalgebra::DMatrix;

/// An irreducible representation of S_K that occurs at the simplex ETF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// Every class moves as the others do.
    Trivial,
    /// (K−1,1): one number a class, summing to zero.
    Standard,
    /// (K−2,2): one number for each pair of classes, summing to zero over the pairs of each class.
    TwoRow,
    /// (K−2,1,1): one number for each oriented pair of classes, summing to zero at each class.
    Hook,
}

impl Representation {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Trivial, Self::Standard, Self::TwoRow, Self::Hook];

    /// The name in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Standard => "standard",
            Self::TwoRow => "two-row",
            Self::Hook => "hook",
        }
    }

    /// The dimension of the irreducible representation for K classes; 0 where it does not occur.
    pub fn dimension(self, classes: usize) -> usize {
        match self {
            Self::Trivial => 1,
            Self::Standard => classes - 1,
            Self::TwoRow => classes * classes.saturating_sub(3) / 2,
            Self::Hook => (classes - 1) * (classes - 2) / 2,
        }
    }

    /// Why the representation does not occur for so few classes, in words.
    pub fn absent(self, classes: usize) -> Option<String> {
        (self.dimension(classes) == 0).then(|| {
            let (shape, least) = if self == Self::TwoRow { ("(K−2,2)", 4) } else { ("(K−2,1,1)", 3) };
            format!("the representation `{}`, {shape}, occurs from {least} classes on, and there are {classes}", self.name())
        })
    }

    /// The part of a K×d matrix U (or Vᵀ) in this component; `basis` is K×d, B padded with zero columns, BBᵀ = P.
    pub(super) fn of_matrix(self, u: &DMatrix<f64>, basis: &DMatrix<f64>) -> DMatrix<f64> {
        let m = u * basis.transpose();
        let outside = u - &m * basis;
        let means = column_means(&m);
        let inside = &m - &means;
        let part = match self {
            Self::Hook => (&inside - inside.transpose()) * 0.5,
            Self::Trivial | Self::Standard | Self::TwoRow => {
                let symmetric = (&inside + inside.transpose()) * 0.5;
                let trivial = centre(u.nrows()) * (symmetric.trace() / (u.nrows() as f64 - 1.0));
                let diagonal = diagonal_part(&symmetric);
                match self {
                    Self::Trivial => trivial,
                    Self::Standard => means + diagonal - trivial,
                    _ => symmetric - diagonal,
                }
            }
        };
        let outside = match self {
            Self::Trivial => column_means(&outside),
            Self::Standard => &outside - column_means(&outside),
            _ => outside * 0.0,
        };
        part * basis + outside
    }

    /// The part of K numbers, one a class, in this component.
    pub(super) fn of_vector(self, c: &[f64]) -> Vec<f64> {
        let mean = c.iter().sum::<f64>() / c.len() as f64;
        let part = |x: &f64| match self {
            Self::Trivial => mean,
            Self::Standard => x - mean,
            Self::TwoRow | Self::Hook => 0.0,
        };
        c.iter().map(part).collect()
    }
}

/// P = I − J/K.
fn centre(classes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(classes, classes, |i, j| f64::from(u8::from(i == j)) - 1.0 / classes as f64)
}

/// Every entry replaced by the mean of its column.
fn column_means(m: &DMatrix<f64>) -> DMatrix<f64> {
    let means = m.row_mean();
    DMatrix::from_fn(m.nrows(), m.ncols(), |_, j| means[j])
}

/// P diag(x) P with the diagonal of `symmetric`, a symmetric matrix with zero row sums; the matrix itself for two classes, where it is a multiple of P.
fn diagonal_part(symmetric: &DMatrix<f64>) -> DMatrix<f64> {
    let classes = symmetric.nrows();
    if classes == 2 {
        return symmetric.clone();
    }
    let k = classes as f64;
    let sum = symmetric.trace() / (1.0 - 1.0 / k);
    let x = symmetric.diagonal().map(|entry| (entry - sum / (k * k)) / (1.0 - 2.0 / k));
    let centre = centre(classes);
    &centre * DMatrix::from_diagonal(&x) * &centre
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{gaussian, stream};

    fn random(rows: usize, columns: usize, index: u64) -> DMatrix<f64> {
        let mut out = DMatrix::zeros(rows, columns);
        gaussian(&mut stream(6, "representation tests", index), 1.0, out.as_mut_slice());
        out
    }

    /// K×d with orthonormal columns spanning 1^⊥, turned into general position.
    fn basis(classes: usize, width: usize) -> DMatrix<f64> {
        let rows = (centre(classes) * random(classes, classes - 1, 1)).qr().q();
        let frame = random(width, width, 2).qr().q();
        rows * frame.rows(0, classes - 1)
    }

    const SIZES: [(usize, usize); 7] = [(2, 1), (2, 3), (3, 2), (3, 4), (4, 3), (5, 6), (7, 8)];

    #[test]
    fn components_are_projections_that_sum_to_the_whole() {
        for (classes, width) in SIZES {
            let basis = basis(classes, width);
            let (u, v) = (random(classes, width, 3), random(classes, width, 4));
            let mut sum = DMatrix::zeros(classes, width);
            for representation in Representation::ALL {
                let part = representation.of_matrix(&u, &basis);
                assert!((representation.of_matrix(&part, &basis) - &part).amax() < 1e-13, "{representation:?} of {classes}");
                // Orthogonal projections are symmetric.
                assert!((part.dot(&v) - u.dot(&representation.of_matrix(&v, &basis))).abs() < 1e-12);
                assert_eq!(part.amax() > 1e-9, representation.absent(classes).is_none(), "{representation:?} of {classes}");
                sum += part;
            }
            assert!((sum - u).amax() < 1e-13);
            let c: Vec<f64> = random(classes, 1, 5).as_slice().to_vec();
            let parts = Representation::ALL.map(|representation| representation.of_vector(&c));
            (0..classes).for_each(|k| assert!((parts.iter().map(|part| part[k]).sum::<f64>() - c[k]).abs() < 1e-14));
        }
    }

    #[test]
    fn components_commute_with_permutations() {
        for (classes, width) in SIZES {
            let basis = basis(classes, width);
            let u = random(classes, width, 6);
            // A cycle and a transposition generate S_K.
            for swap in [false, true] {
                let image = |k: usize| if swap { [1, 0].get(k).copied().unwrap_or(k) } else { (k + 1) % classes };
                let permutation = DMatrix::from_fn(classes, classes, |i, j| f64::from(u8::from(i == image(j))));
                // R acts on the row space as the permutation does, and leaves the rest alone.
                let inside = basis.transpose() * &permutation * &basis;
                let rotation = &inside + DMatrix::identity(width, width) - basis.transpose() * &basis;
                assert!((&rotation * rotation.transpose() - DMatrix::identity(width, width)).amax() < 1e-13);
                for representation in Representation::ALL {
                    let moved = representation.of_matrix(&(&permutation * &u * rotation.transpose()), &basis);
                    let expected = &permutation * representation.of_matrix(&u, &basis) * rotation.transpose();
                    assert!((moved - expected).amax() < 1e-13, "{representation:?} of {classes}");
                }
            }
        }
    }

    /// The rank of each projection is the dimension of the representation times the number of its copies.
    #[test]
    fn components_have_their_dimensions() {
        for (classes, width) in SIZES {
            let basis = basis(classes, width);
            let free = width - (classes - 1);
            for representation in Representation::ALL {
                let mut matrix = DMatrix::zeros(classes * width, classes * width);
                for j in 0..classes * width {
                    let mut unit = DMatrix::zeros(classes, width);
                    unit[j] = 1.0;
                    matrix.column_mut(j).copy_from_slice(representation.of_matrix(&unit, &basis).as_slice());
                }
                let copies = match representation {
                    Representation::Trivial => 1 + free,
                    // The column means, P diag(x) P (absent for two classes), and the free columns.
                    Representation::Standard => 1 + usize::from(classes > 2) + free,
                    Representation::TwoRow | Representation::Hook => 1,
                };
                let expected = (copies * representation.dimension(classes)) as f64;
                assert!((matrix.trace() - expected).abs() < 1e-11, "{representation:?} of {classes} at {width}");
            }
        }
    }
}
