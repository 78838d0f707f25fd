//! The arrow as an operator, and the symmetry in its coordinates.
//!
//! A vector is θ, then for every column r entries along the eigenvectors of its block and d − r along the plain directions, as in [`Arrow::matrix`]. A product costs O(K d) a column.
//!
//! f(W e^Ω, e^{−Ω}H, b) does not depend on the skew Ω, so at a critical point the Hessian annihilates the tangents t_Ω = (WΩ, −ΩH). Two things are made of them:
//!
//! * *a gauge*: Σ over an orthonormal basis of skew Ω of (WΩ)(WΩ)ᵀ has the block (p,q) = δ_pq WWᵀ − (W_kq W_lp)_kl. Its range is {WΩ}, its rank that of the tangents, and it costs
//!   O(core²), where a basis of the tangents times its transpose would cost more than a factorisation;
//! * *a projection*: the tangent nearest to (U, F) solves MΩ + ΩM = WᵀU − UᵀW − FHᵀ + HFᵀ, M = WᵀW + HHᵀ.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::Arrow;
use super::arrow::FLAT;
use crate::linalg::{Cholesky, Factors, axpy, dot, eigen, product, singular_values, view, view_mut};

/// Which tangents are null vectors at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symmetry {
    /// Rotations of the features: at critical points.
    pub rotations: bool,
    /// b → b + c1: at every point of a shift-invariant loss with a free bias.
    pub shift: bool,
}

/// The rotations' tangents, ready for projections.
#[derive(Debug)]
pub struct Rotations {
    /// Eigenvalues and eigenvectors of M.
    values: Vec<f64>,
    vectors: DMatrix<f64>,
}

impl Rotations {
    /// The smallest length of a tangent t_Ω with ‖Ω‖_F = 1, squared: at least the mean of the two smallest eigenvalues of M.
    pub fn shortest_square(&self) -> f64 {
        match self.values[..] {
            [first, second, ..] => 0.5 * (first + second),
            _ => f64::INFINITY,
        }
    }
}

impl Arrow {
    /// `out` ← ∇²f · `x`.
    pub fn apply(&self, x: &[f64], out: &mut [f64]) {
        let (core, classes, width, coupled) = (self.core, self.classes, self.width, self.coupled);
        let (theta, features) = x.split_at(core);
        let (out_theta, out_features) = out.split_at_mut(core);
        for (k, (out, x)) in out_theta.iter_mut().zip(theta).enumerate() {
            *out = if k < classes * width { self.decay.w * x } else { self.decay.b * x };
        }
        let mut image = vec![0.0; classes];
        for i in 0..self.samples {
            let lifted = self.coupling.lifted(i);
            image.fill(0.0);
            theta.chunks_exact(classes).zip(lifted).for_each(|(column, h)| axpy(*h, column, &mut image));
            self.hessians[i].apply(&mut image);
            out_theta.chunks_exact_mut(classes).zip(lifted).for_each(|(column, h)| axpy(self.factor * h, &image, column));
            let at = i * width;
            self.coupling.add_applied(i, &features[at..at + coupled], out_theta);
            let along = self.coupling.transposed(i, theta);
            for (c, along) in along.iter().enumerate() {
                out_features[at + c] = self.feature_values[i * coupled + c] * features[at + c] + along;
            }
            for a in coupled..width {
                let g = &self.residuals[i * classes..(i + 1) * classes];
                let block = a * classes..(a + 1) * classes;
                axpy(features[at + a], g, &mut out_theta[block.clone()]);
                out_features[at + a] = self.decay.h * features[at + a] + dot(g, &theta[block]);
            }
        }
    }

    /// Number of entries of a vector: core + d for each column.
    pub fn vector_len(&self) -> usize {
        self.core + self.samples * self.width
    }

    /// `matrix` (its lower triangle) ← `matrix` + τ Q, Q the gauge of the module's page with 11ᵀ/K on b for the shift, τ of the size of the matrix. Q is positive semidefinite, its
    /// rank is that of the tangents.
    pub fn add_gauge(&self, symmetry: Symmetry, matrix: &mut DMatrix<f64>) {
        let (classes, width) = (self.classes, self.width);
        let size = (0..self.core).fold(0.0_f64, |m, j| m.max(matrix[(j, j)].abs()));
        let w = &self.classifier;
        let square = w * w.transpose();
        let largest = square.trace() / (width.min(classes).max(1) as f64);
        if symmetry.rotations && largest > 0.0 {
            let factor = size / largest;
            for q in 0..width {
                for l in 0..classes {
                    let column = &mut matrix.as_mut_slice()[(q * classes + l) * self.core..][..self.core];
                    axpy(factor, square.column(l).as_slice(), &mut column[q * classes..(q + 1) * classes]);
                    let second = w.column(q);
                    for p in q..width {
                        axpy(-factor * w[(l, p)], second.as_slice(), &mut column[p * classes..(p + 1) * classes]);
                    }
                }
            }
        }
        if symmetry.shift {
            let mut block = matrix.view_mut((classes * width, classes * width), (classes, classes));
            block.add_scalar_mut(size / classes as f64);
        }
    }

    /// H in the basis, with √n for a column of weight n.
    fn lifted_features(&self) -> DMatrix<f64> {
        let entries: Vec<f64> = (0..self.samples).flat_map(|i| self.coupling.lifted(i)[..self.width].iter().copied()).collect();
        DMatrix::from_vec(self.width, self.samples, entries)
    }

    /// The rotations' tangents.
    pub fn rotations(&self) -> Rotations {
        let h = self.lifted_features();
        let found = eigen(&(self.classifier.tr_mul(&self.classifier) + &h * h.transpose()));
        Rotations { values: found.values, vectors: found.vectors }
    }

    /// Takes the symmetry tangents out of `x`.
    pub fn project(&self, rotations: Option<&Rotations>, shift: bool, x: &mut [f64]) {
        let (core, classes, width, coupled) = (self.core, self.classes, self.width, self.coupled);
        let (theta, features) = x.split_at_mut(core);
        if shift {
            let b = &mut theta[classes * width..];
            let mean = b.iter().sum::<f64>() / classes as f64;
            b.iter_mut().for_each(|b| *b -= mean);
        }
        let Some(rotations) = rotations else { return };
        let (w, h) = (&self.classifier, self.lifted_features());
        let u = DMatrixView::from_slice(&theta[..classes * width], classes, width);
        let mut f = DMatrix::from_column_slice(width, self.samples, features);
        self.turn_features(&mut f, false);
        let half = w.tr_mul(&u) - f * h.transpose();
        let vectors = &rotations.vectors;
        let mut omega = vectors.tr_mul(&(&half - half.transpose())) * vectors;
        for a in 0..width {
            for b in 0..width {
                let size = rotations.values[a] + rotations.values[b];
                omega[(a, b)] = if a != b && size > 0.0 { omega[(a, b)] / size } else { 0.0 };
            }
        }
        let omega = vectors * omega * vectors.transpose();
        let moved = w * &omega;
        axpy(-1.0, moved.as_slice(), &mut theta[..classes * width]);
        let mut moved = omega * h;
        self.turn_features(&mut moved, true);
        debug_assert!(coupled <= width, "the coupled directions come first");
        axpy(1.0, moved.as_slice(), features);
    }

    /// The coupled part of every column of `f` ← V_i times it, or V_iᵀ times it.
    fn turn_features(&self, f: &mut DMatrix<f64>, transposed: bool) {
        let r = self.coupled;
        let mut out = vec![0.0; r];
        for (i, column) in f.as_mut_slice().chunks_exact_mut(self.width.max(1)).enumerate() {
            let v = view(self.coupling.vectors(i), r, r);
            let v = if transposed { v.transpose() } else { v };
            product(view_mut(&mut out, r, 1), v, view(&column[..r], r, 1), 1.0);
            column[..r].copy_from_slice(&out);
        }
    }

    /// (∇²f − σ + τ Q)⁻¹ `x` with the factors of S(σ) − σI + τ Q: by elimination of the features.
    pub fn solve_with(&self, factors: &Cholesky, shift: f64, x: &[f64]) -> Vec<f64> {
        let (core, classes, width, coupled) = (self.core, self.classes, self.width, self.coupled);
        let (theta, features) = x.split_at(core);
        let mut rhs = theta.to_vec();
        let plain = 1.0 / (self.decay.h - shift);
        for (i, f) in features.chunks_exact(width.max(1)).enumerate() {
            let values = &self.feature_values[i * coupled..(i + 1) * coupled];
            let divided: Vec<f64> = f[..coupled].iter().zip(values).map(|(f, value)| -f / (value - shift)).collect();
            self.coupling.add_applied(i, &divided, &mut rhs);
            for a in coupled..width {
                let g = &self.residuals[i * classes..(i + 1) * classes];
                axpy(-plain * f[a], g, &mut rhs[a * classes..(a + 1) * classes]);
            }
        }
        let solution = factors.solve(&DVector::from_vec(rhs));
        let mut out = solution.as_slice().to_vec();
        for (i, f) in features.chunks_exact(width.max(1)).enumerate() {
            let along = self.coupling.transposed(i, solution.as_slice());
            let values = &self.feature_values[i * coupled..(i + 1) * coupled];
            out.extend(f.iter().zip(&along).zip(values).map(|((f, along), value)| (f - along) / (value - shift)));
            for a in coupled..width {
                let g = &self.residuals[i * classes..(i + 1) * classes];
                out.push(plain * (f[a] - dot(g, &solution.as_slice()[a * classes..(a + 1) * classes])));
            }
        }
        out
    }

    /// (y, −(B−σ)⁻¹Cᵀy) for y in θ: an eigenvector where (S(σ) − σ)y = 0.
    pub fn extension(&self, shift: f64, y: &DVector<f64>) -> Vec<f64> {
        let (classes, coupled) = (self.classes, self.coupled);
        let mut out = y.as_slice().to_vec();
        for i in 0..self.samples {
            let along = self.coupling.transposed(i, y.as_slice());
            let values = &self.feature_values[i * coupled..(i + 1) * coupled];
            out.extend(along.iter().zip(values).map(|(along, value)| -along / (value - shift)));
            for a in coupled..self.width {
                let g = &self.residuals[i * classes..(i + 1) * classes];
                out.push(-dot(g, &y.as_slice()[a * classes..(a + 1) * classes]) / (self.decay.h - shift));
            }
        }
        out
    }

    /// The least residual for `value` among vectors with θ = 0 on directions of the features whose own eigenvalue is within `tolerance` of it: such vectors are eigenvectors where
    /// Σ X_i z_i = 0, and the Schur complement does not see them. `None` without such a direction, or with too many to look at.
    pub fn feature_residual(&self, value: f64, tolerance: f64) -> Option<f64> {
        const MOST: usize = 1000;
        let near: Vec<(usize, f64)> =
            self.feature_values.iter().copied().enumerate().filter(|(_, x)| (x - value).abs() <= tolerance).collect();
        let spread = near.iter().fold(0.0_f64, |m, (_, x)| m.max((x - value).abs()));
        let least = if near.is_empty() || near.len() > MOST {
            None
        } else if near.len() > self.core {
            Some(0.0)
        } else {
            let mut columns = DMatrix::zeros(self.core, near.len());
            for (column, (at, _)) in columns.as_mut_slice().chunks_exact_mut(self.core).zip(&near) {
                let mut unit = vec![0.0; self.coupled];
                unit[at % self.coupled] = 1.0;
                self.coupling.add_applied(at / self.coupled, &unit, column);
            }
            singular_values(&columns).last().copied()
        };
        let plain = (self.plain() > 0 && (self.decay.h - value).abs() <= tolerance).then(|| {
            let few = self.samples <= self.classes;
            let least = if few {
                singular_values(&DMatrix::from_column_slice(self.classes, self.samples, &self.residuals)).pop()
            } else {
                None
            };
            least.unwrap_or(0.0) + (self.decay.h - value).abs()
        });
        [least.map(|least| least + spread), plain].into_iter().flatten().reduce(f64::min)
    }

    /// (S(0) + τQ)⁺ rhs for a Newton step, with the gauge of [`Arrow::add_gauge`], whose range is that of T: as rhs is orthogonal to T and S annihilates it, the solution is the same. By Cholesky where the
    /// matrix is positive definite, by LBLᵀ where it is not; where a flat family makes the solution huge, no step.
    pub(super) fn solve_large(&self, rhs: &DVector<f64>, damping: f64) -> DVector<f64> {
        let matrix = || {
            let mut matrix = self.schur_matrix(0.0);
            self.add_gauge(Symmetry { rotations: true, shift: self.shifts }, &mut matrix);
            matrix
        };
        let solution = match Cholesky::new(matrix()) {
            Some(factors) => factors.solve(rhs),
            None => Factors::new(matrix()).solve(rhs),
        };
        if solution.norm() * (FLAT * self.theta.amax()).max(2.0 * damping) <= rhs.norm() {
            solution
        } else {
            DVector::zeros(self.core)
        }
    }

    /// A bound on ‖∇²f t‖ for unit symmetry tangents t where ‖∇f‖ ≤ `gradient`: ∇²f t_Ω is the gradient turned by Ω, and ‖Ω‖ ≤ ‖Ω‖_F/√2.
    pub fn tangent_defect(&self, rotations: Option<&Rotations>, gradient: f64) -> f64 {
        rotations.map_or(0.0, |rotations| gradient * (0.5 / rotations.shortest_square()).sqrt())
    }
}
