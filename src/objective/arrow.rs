//! The arrow: features of different samples do not meet in the Hessian.
//!
//! With θ = (W, b) and h̃_i = (h_i, 1): H_{h_i h_j} = 0 for i ≠ j,
//! B_i = H_{h_i h_i} = WᵀA_iW + λ_H I (d×d), C_i = H_{θ h_i}: C_i[(a,k), c] = h̃_{i,a} (A_iW)_{kc} + g_{i,k} δ_{ac}, and
//! H_θθ = Σ_i h̃_i h̃_iᵀ ⊗ A_i + diag(λ_W, λ_b). Rows of θ are ordered (a, k) with k fast: W by columns, then b.
//!
//! For a shift σ that is no eigenvalue of a feature block, with S(σ) = H_θθ − Σ_i C_i (B_i − σI)⁻¹ C_iᵀ (Haynsworth):
//!
//! ```text
//! #{eigenvalues < σ} = Σ_i #{eig(B_i) < σ} + #{eig(S(σ) − σI) < 0}
//! ```
//!
//! Where d > K the columns of H outside the row space of W are *plain*: after a rotation of the features (a symmetry) W has d − K zero columns, and for these B_i is λ_H and
//! C_i is g_i alone, so that together they contribute −GGᵀ/(λ_H − σ) to a diagonal block of S. Only r = min(K, d) coupled directions need the work.
//!
//! Samples of a class whose features coincide have the same blocks. One column with a *weight* n stands for them: along (v, …, v)/√n its blocks are B_i and √n C_i, the n−1 other
//! combinations are eigenvectors of B_i alone, and H_θθ gets n times its term. S(σ) is the same; only the cost depends on the number of columns, not on N.
//!
//! The cost is linear in the columns. With B_i = V_i Λ_i V_iᵀ and X_i = C_i V_i, S(σ) = H_θθ − Σ_i X_i (Λ_i − σ)⁻¹ X_iᵀ for every σ.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nalgebra::{DMatrix, DVector};

use super::coupling::{BATCH, Coupling};
use super::{Objective, Problem};
use crate::linalg::{Factors, add_product, completed_basis, dot, eigen, product, svd, view, view_mut};
use crate::losses::LogitHessian;
use crate::model::{Bias, Decay, Point};

/// Size of a Schur complement above which a Newton step avoids its eigenvectors, which cost thirty times a factorisation.
const EIGENVECTORS_MAX: usize = 400;
/// Size above which a second copy of the Schur complement is too much, and a factorisation takes seconds rather than milliseconds.
const LARGE: usize = 1000;
/// Eigenvalues of the Schur complement below this fraction of the largest belong to flat families.
pub(super) const FLAT: f64 = 1e-11;

/// What an [`Arrow`] of a problem needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Size of the Schur complement: K(d+1), or Kd without a bias.
    pub core: usize,
    /// Peak memory in bytes.
    pub bytes: f64,
    /// Multiply-adds of building it and of one Schur complement.
    pub multiply_adds: f64,
}

impl Plan {
    /// The plan for `problem`.
    pub fn new(problem: &Problem) -> Self {
        Self::for_columns(problem, problem.shape.columns())
    }

    /// The plan where the samples make `columns` columns with weights.
    pub fn for_columns(problem: &Problem, columns: usize) -> Self {
        Self::of_sizes(problem.shape.classes(), problem.shape.width(), problem.bias, columns)
    }

    /// The plan for K, d, a bias and a number of columns.
    pub fn of_sizes(classes: usize, width: usize, bias: Bias, columns: usize) -> Self {
        let samples = columns as f64;
        let core = classes * width + if bias == Bias::None { 0 } else { classes };
        let (p, d) = (core as f64, width as f64);
        let (k, r) = (classes as f64, width.min(classes) as f64);
        // H_θθ and S, factored in its own memory; below the large sizes copies besides.
        let squares = if core > LARGE { 2.0 } else { 6.0 };
        // Factors of the X_i, feature values, residuals, ∇²L (at most four vectors of K).
        let columns = samples * (k * r + r * r + r + 6.0 * k + d + 1.0);
        // One batch of columns, and a strip of the Schur complement.
        let batch = samples.min(BATCH as f64) * (k * k + k * r + r * r + p) + k * p;
        let bytes = 8.0 * (columns + batch + squares * p * p);
        // H_θθ, the feature blocks, one Schur complement and its factors.
        let multiply_adds = samples * (2.0 * p * p + (k + r).powi(2) * r + 12.0 * r.powi(3)) + p.powi(3) / 3.0;
        Self { core, bytes, multiply_adds }
    }
}

/// Waits until no other large arrow is at work: each takes most of the memory and all threads. `None` for a problem whose arrow is not large.
///
/// Whoever holds it must not wait for the thread pool: a waiting thread may begin another task of the pool, which would wait here for itself.
pub fn turn(problem: &Problem) -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    (Plan::for_columns(problem, 0).core > LARGE).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The Hessian at a point, by its blocks.
#[derive(Debug)]
pub struct Arrow {
    pub(super) core: usize,
    pub(super) classes: usize,
    pub(super) width: usize,
    /// r = min(K, d), the number of coupled directions of a feature.
    pub(super) coupled: usize,
    /// Number of columns: samples, or groups of samples with one feature.
    pub(super) samples: usize,
    /// Samples that each column stands for.
    weights: Vec<u64>,
    decay_h: f64,
    pub(super) decay: Decay,
    /// Whether b → b + c1 changes nothing.
    pub(super) shifts: bool,
    /// W in the basis, K×d.
    pub(super) classifier: DMatrix<f64>,
    /// ∇²L of each column, to be multiplied by `factor` = c/N.
    pub(super) hessians: Vec<LogitHessian>,
    pub(super) factor: f64,
    /// V, d×d: the features are taken in this basis. `None`: as they are (d ≤ K).
    basis: Option<DMatrix<f64>>,
    pub(super) theta: DMatrix<f64>,
    /// Σ n_i ‖h̃_i‖²‖A_i‖ where the loss is not convex: the size of the terms of H_θθ, which may cancel there.
    cancelling: f64,
    /// Eigenvalues of the coupled parts of the B_i, r for each sample.
    pub(super) feature_values: Vec<f64>,
    /// X_i = C_i V_i, core×r for each sample, in factors.
    pub(super) coupling: Coupling,
    /// G, K×N, and GGᵀ: kept where there are plain directions.
    pub(super) residuals: Vec<f64>,
    gram: DMatrix<f64>,
}

/// S(σ), and what the count needs.
#[derive(Debug)]
pub struct Schur {
    /// S(σ) (not shifted itself), its lower triangle.
    pub matrix: DMatrix<f64>,
    /// Σ_i #{eig(B_i) < σ}.
    pub features_below: usize,
    /// ‖H_θθ‖_F + ‖Σ_i X_i |Λ_i − σ|⁻¹ X_iᵀ‖: the size of the terms of which S is the difference.
    pub magnitude: f64,
}

impl Arrow {
    /// The arrow at `x`, of the whole problem where that is collapsed.
    pub fn new(objective: &mut Objective<'_>, x: &Point) -> Self {
        if let Some((columns, point, multiplicities)) = objective.problem().by_columns(x) {
            return Self::weighted(&mut Objective::new(&columns), &point, multiplicities);
        }
        Self::weighted(objective, x, vec![1; objective.problem().shape.samples()])
    }

    /// The arrow at `x` where sample i of the objective stands for `weights[i]` samples with one feature; the objective's scale is then c times the ratio of its own number of samples
    /// to that of all.
    pub fn weighted(objective: &mut Objective<'_>, x: &Point, weights: Vec<u64>) -> Self {
        let problem = objective.problem();
        let (classes, width, samples) = (problem.shape.classes(), problem.shape.width(), problem.shape.samples());
        let core = Plan::new(problem).core;
        let coupled = width.min(classes);
        let basis = (width > classes).then(|| completed_basis(&svd(&x.w().into_owned()).v));
        let mut arrow = Self {
            core,
            classes,
            width,
            coupled,
            samples,
            weights,
            decay_h: problem.decay.h,
            decay: problem.decay,
            shifts: problem.shifts_bias_freely(),
            classifier: DMatrix::zeros(0, 0),
            hessians: Vec::with_capacity(samples),
            factor: problem.scale / samples as f64,
            basis,
            theta: DMatrix::zeros(core, core),
            cancelling: 0.0,
            feature_values: vec![0.0; samples * coupled],
            coupling: Coupling::new(classes, coupled, core / classes, samples),
            residuals: Vec::new(),
            gram: DMatrix::zeros(classes, classes),
        };
        let turned = arrow.turned(x);
        let x = turned.as_ref().unwrap_or(x);
        arrow.classifier = x.w().into_owned();
        // The coupled part of W; the rest is zero.
        let w = x.w().columns(0, coupled).into_owned();
        let mut logits = vec![0.0; classes];
        let mut squares = Vec::new();
        let (_, h, b) = x.parts();
        objective.for_each_residual_block(x, |first, block| {
            for (i, g) in block.chunks_exact(classes).enumerate() {
                let feature = &h[(first + i) * width..(first + i + 1) * width];
                let z = view_mut(&mut logits, classes, 1);
                product(z, view(w.as_slice(), classes, coupled), view(&feature[..coupled], coupled, 1), 1.0);
                logits.iter_mut().zip(b).for_each(|(z, b)| *z += b);
                arrow.add_sample(problem, &w, feature, first + i, &logits, g, &mut squares);
            }
            if coupled < width {
                let kept = arrow.residuals.len();
                arrow.residuals.extend_from_slice(block);
                let weights = arrow.weights[first..].iter().map(|&n| (n as f64).sqrt());
                for (column, root) in arrow.residuals[kept..].chunks_exact_mut(classes).zip(weights) {
                    column.iter_mut().for_each(|g| *g *= root);
                }
                let g = view(&arrow.residuals[kept..], classes, block.len() / classes);
                add_product(view_mut(arrow.gram.as_mut_slice(), classes, classes), g, g.transpose(), 1.0);
            }
        });
        for k in 0..core {
            arrow.theta[(k, k)] += if k < classes * width { problem.decay.w } else { problem.decay.b };
        }
        arrow
    }

    /// The point in the arrow's basis, the plain columns of W exactly zero; `None` where the basis is the given one.
    fn turned(&self, x: &Point) -> Option<Point> {
        let basis = self.basis.as_ref()?;
        let mut w = x.w() * basis;
        w.columns_mut(self.coupled, self.width - self.coupled).fill(0.0);
        Some(Point::from_blocks(&w, &(basis.transpose() * x.h()), x.b()))
    }

    /// The blocks of sample `i`, whose feature is `feature` and residual `g`; `w` is the coupled part of W. `squares` gathers A_i for one product.
    fn add_sample(
        &mut self,
        problem: &Problem,
        w: &DMatrix<f64>,
        feature: &[f64],
        i: usize,
        logits: &[f64],
        g: &[f64],
        squares: &mut Vec<f64>,
    ) {
        let (classes, coupled) = (self.classes, self.coupled);
        let factor = self.factor;
        let mut structured = LogitHessian::default();
        problem.loss.function().hessian(logits, problem.shape.labels()[i], &mut structured);
        let mut a = DMatrix::zeros(classes, classes);
        structured.dense(a.as_mut_slice());
        a *= factor;
        let mut aw = w.clone();
        for mut column in aw.column_iter_mut() {
            structured.apply(column.as_mut_slice());
            column *= factor;
        }
        let mut block = w.tr_mul(&aw);
        block = (&block + block.transpose()) * 0.5;
        (0..coupled).for_each(|c| block[(c, c)] += problem.decay.h);
        let eigen = eigen(&block);

        let root = (self.weights[i] as f64).sqrt();
        let with_one = |a: usize| feature.get(a).copied().unwrap_or(1.0);
        let parts = self.core / classes;
        let y = aw * &eigen.vectors;
        self.coupling.push(root, (0..parts).map(with_one), g, y.as_slice(), eigen.vectors.as_slice());
        self.feature_values[i * coupled..(i + 1) * coupled].copy_from_slice(&eigen.values);
        if !problem.loss.function().convex() {
            let one = if parts > self.width { 1.0 } else { 0.0 };
            self.cancelling += self.weights[i] as f64 * (dot(feature, feature) + one) * a.norm();
        }
        self.hessians.push(structured);
        squares.extend_from_slice(a.as_slice());
        if squares.len() == BATCH * classes * classes || i + 1 == self.samples {
            self.coupling.add_blocks(squares, &mut self.theta);
            squares.clear();
        }
    }

    /// The dimension of the whole Hessian.
    pub fn dimension(&self) -> usize {
        self.core + self.all_samples() as usize * self.width
    }

    /// The dimension of [`Arrow::matrix`]: the columns with their weights, not the samples.
    pub fn size(&self) -> usize {
        self.core + self.samples * self.width
    }

    /// N, the sum of the weights.
    fn all_samples(&self) -> u64 {
        self.weights.iter().sum()
    }

    /// The Hessian on θ and one direction (v, …, v)/√n for each column and feature dimension, in the arrow's basis (its lower triangle): all that the eigenvalues of
    /// [`Arrow::repeated`] leave out.
    pub fn matrix(&self) -> DMatrix<f64> {
        let (core, coupled, width) = (self.core, self.coupled, self.width);
        let mut matrix = DMatrix::zeros(core + self.samples * width, core + self.samples * width);
        matrix.view_mut((0, 0), (core, core)).copy_from(&self.theta);
        for i in 0..self.samples {
            for c in 0..coupled {
                let (at, column) = (core + i * width + c, i * coupled + c);
                matrix[(at, at)] = self.feature_values[column];
                let mut unit = vec![0.0; coupled];
                unit[c] = 1.0;
                let mut row = vec![0.0; core];
                self.coupling.add_applied(i, &unit, &mut row);
                row.iter().enumerate().for_each(|(j, x)| matrix[(at, j)] = *x);
            }
            for a in coupled..width {
                let at = core + i * width + a;
                matrix[(at, at)] = self.decay_h;
                for (k, g) in self.residuals[i * self.classes..(i + 1) * self.classes].iter().enumerate() {
                    matrix[(at, a * self.classes + k)] = *g;
                }
            }
        }
        matrix
    }

    /// The eigenvalues of feature blocks that weights repeat, each with how often: n − 1 times for a column of weight n.
    pub fn repeated(&self) -> Vec<(f64, u64)> {
        let copies = |i: usize| self.weights[i] - 1;
        let mut all: Vec<(f64, u64)> =
            self.feature_values.iter().enumerate().map(|(at, &value)| (value, copies(at / self.coupled))).collect();
        all.push((self.decay_h, self.plain() as u64 * (self.all_samples() - self.samples as u64)));
        all.retain(|&(_, times)| times > 0);
        all
    }

    /// Size of the Schur complement.
    pub fn core(&self) -> usize {
        self.core
    }

    /// d − r, the number of plain directions of a feature.
    pub(super) fn plain(&self) -> usize {
        self.width - self.coupled
    }

    /// All eigenvalues of the feature blocks that differ: those of the coupled parts, and λ_H where there are plain directions.
    fn feature_eigenvalues(&self) -> impl Iterator<Item = f64> + '_ {
        self.feature_values.iter().copied().chain((self.plain() > 0).then_some(self.decay_h))
    }

    /// (i, c, eigenvalue) for every coupled direction of every feature block.
    fn coupled_columns(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        self.feature_values.iter().enumerate().map(|(at, &value)| (at / self.coupled, at % self.coupled, value))
    }

    /// The largest |eigenvalue| of a feature block.
    pub fn feature_norm(&self) -> f64 {
        self.feature_eigenvalues().fold(0.0_f64, |m, x| m.max(x.abs()))
    }

    /// A bound on ‖∇²f‖: ‖H_θθ‖ + max ‖B_i‖ + ‖C‖, in Frobenius norms.
    pub fn norm_bound(&self) -> f64 {
        let squares: f64 = self.coupled_columns().map(|(i, c, _)| self.coupling.square(i, c)).sum();
        let coupling = (squares + self.plain() as f64 * self.gram.trace()).sqrt();
        let mut theta = self.theta.clone();
        theta.fill_upper_triangle_with_lower_triangle();
        theta.norm() + self.feature_norm() + coupling
    }

    /// ‖H_θθ‖_F (of its terms, where they may cancel) + ‖Σ_i X_i |Λ_i − σ|⁻¹ X_iᵀ‖: the size of the terms of which S(σ) is the difference.
    pub fn magnitude(&self, shift: f64) -> f64 {
        let columns = self.coupled_columns();
        let coupled: f64 = columns.map(|(i, c, value)| self.coupling.square(i, c) / (value - shift).abs()).sum();
        let plain = if self.plain() > 0 { self.plain() as f64 * self.gram.trace() / (self.decay_h - shift).abs() } else { 0.0 };
        self.theta.norm() + self.cancelling + coupled + plain
    }

    /// Σ_i #{eig(B_i) < σ}.
    pub fn features_below(&self, shift: f64) -> usize {
        let below = self.feature_values.iter().enumerate().filter(|&(_, &value)| value < shift);
        let coupled: usize = below.map(|(at, _)| self.weights[at / self.coupled] as usize).sum();
        coupled + if self.decay_h < shift { self.plain() * self.all_samples() as usize } else { 0 }
    }

    /// S(σ), and what the count needs. Panics where σ is an eigenvalue of a feature block to the last bit; see [`Arrow::clear_shift`].
    pub fn schur(&self, shift: f64) -> Schur {
        let matrix = self.schur_matrix(shift);
        Schur { matrix, features_below: self.features_below(shift), magnitude: self.magnitude(shift) }
    }

    /// S(σ) alone, its lower triangle.
    pub fn schur_matrix(&self, shift: f64) -> DMatrix<f64> {
        let mut matrix = self.theta.clone();
        let inverse: Vec<f64> = self.feature_values.iter().map(|value| 1.0 / (value - shift)).collect();
        assert!(inverse.iter().all(|x| x.is_finite()), "the shift is an eigenvalue of a feature block");
        self.coupling.subtract(&inverse, &mut matrix);
        if self.plain() > 0 {
            let inverse = 1.0 / (self.decay_h - shift);
            assert!(inverse.is_finite(), "the shift is an eigenvalue of a feature block");
            for a in self.coupled..self.width {
                let mut block = matrix.view_mut((a * self.classes, a * self.classes), self.gram.shape());
                block.zip_apply(&self.gram, |s, g| *s -= inverse * g);
            }
        }
        matrix
    }

    /// The shift nearest to `shift` that keeps a distance of `margin` from every eigenvalue of a feature block.
    pub fn clear_shift(&self, shift: f64, margin: f64) -> f64 {
        let mut near: Vec<f64> = self.feature_eigenvalues().filter(|x| (x - shift).abs() < margin * 1e6).collect();
        near.sort_by(f64::total_cmp);
        let clear = |s: f64| near.iter().all(|x| (x - s).abs() >= margin);
        if clear(shift) {
            return shift;
        }
        let mut candidates: Vec<f64> = near.iter().flat_map(|x| [x - 1.5 * margin, x + 1.5 * margin]).collect();
        candidates.retain(|&s| clear(s));
        candidates.into_iter().min_by(|a, b| (a - shift).abs().total_cmp(&(b - shift).abs())).unwrap_or(shift + 1e6 * margin)
    }

    /// ‖(B − σ)⁻¹ Cᵀ y‖² for y in θ: with it, (y, −(B−σ)⁻¹Cᵀy) has the squared length ‖y‖² + that.
    pub fn extension_square(&self, shift: f64, y: &DVector<f64>) -> f64 {
        let mut total = 0.0;
        for (i, values) in self.feature_values.chunks_exact(self.coupled.max(1)).enumerate() {
            let products = self.coupling.transposed(i, y.as_slice());
            total += products.iter().zip(values).map(|(x, value)| (x / (value - shift)).powi(2)).sum::<f64>();
        }
        for a in self.coupled..self.width {
            let part = y.rows(a * self.classes, self.classes);
            total += part.dot(&(&self.gram * part)) / (self.decay_h - shift).powi(2);
        }
        total
    }

    /// The Newton step −∇²f⁺ ∇f in the gauge that `gauge` fixes: the part in θ is orthogonal to its (orthonormal) columns, which span the symmetry tangents there.
    ///
    /// Elimination: S θ = −g_θ + Σ_i C_i B_i⁻¹ g_i, h_i = −B_i⁻¹(g_i + C_iᵀθ). S annihilates the tangents at a critical point, and its right-hand side is orthogonal to them,
    /// so (S + τ T Tᵀ) θ = rhs has the same solution, with Tᵀθ = 0. Eigenvalues of that matrix below 1e-11 of the largest belong to flat families and are left out.
    ///
    /// Beside a family of critical points that no symmetry explains, an eigenvalue λ along it is small but not zero, of the order of the distance to it, and so is what rounding and higher orders
    /// leave of the gradient there: their quotient may be any length. With `damping` δ the quotient is taken as λ/(λ² + δ²), which is 1/λ where λ ≫ δ and at most 1/(2δ) anywhere
    /// (Levenberg–Marquardt for ∇f = 0). For δ of the order ‖∇f‖/‖x‖ the step keeps to the order of that distance, and the convergence is quadratic still.
    pub fn newton_step(&self, gradient: &[f64], gauge: &DMatrix<f64>, damping: f64) -> Vec<f64> {
        let (core, classes, width, coupled) = (self.core, self.classes, self.width, self.coupled);
        let w_len = classes * width;
        let (g_w, rest) = gradient.split_at(w_len);
        let (g_h, g_b) = rest.split_at(self.samples * width);
        let mut g_theta = DVector::from_iterator(core, g_w.iter().chain(g_b).copied());
        let mut g_h = DMatrix::from_column_slice(width, self.samples, g_h);
        let mut gauge = gauge.clone();
        if let Some(basis) = &self.basis {
            g_h = basis.tr_mul(&g_h);
            self.turn_theta(g_theta.as_mut_slice(), basis);
            gauge.column_iter_mut().for_each(|mut column| self.turn_theta(column.as_mut_slice(), basis));
        }
        // Feature gradients in the eigenbases, and divided by the eigenvalues.
        let mut turned = vec![0.0; self.samples * coupled];
        for (i, out) in turned.chunks_exact_mut(coupled.max(1)).enumerate() {
            let v = view(self.coupling.vectors(i), coupled, coupled);
            let g = &g_h.as_slice()[i * width..i * width + coupled];
            product(view_mut(out, coupled, 1), v.transpose(), view(g, coupled, 1), 1.0);
        }
        let divided: Vec<f64> = turned.iter().zip(&self.feature_values).map(|(g, value)| g / value).collect();
        let mut rhs = -g_theta;
        for (i, z) in divided.chunks_exact(coupled.max(1)).enumerate() {
            self.coupling.add_applied(i, z, rhs.as_mut_slice());
        }
        let residuals = view(&self.residuals, classes, self.residuals.len() / classes);
        let plain_gradient = g_h.rows(coupled, self.plain()).transpose();
        for (a, column) in (coupled..width).zip(plain_gradient.column_iter()) {
            let out = view_mut(&mut rhs.as_mut_slice()[a * classes..(a + 1) * classes], classes, 1);
            add_product(out, residuals, view(column.as_slice(), self.samples, 1), 1.0 / self.decay_h);
        }
        let mut theta = self.solve_core(&rhs, &gauge, damping);
        let mut features = turned;
        for (i, out) in features.chunks_exact_mut(coupled.max(1)).enumerate() {
            self.coupling.transposed(i, theta.as_slice()).iter().zip(out).for_each(|(x, out)| *out += x);
        }
        features.iter_mut().zip(&self.feature_values).for_each(|(x, value)| *x = -*x / value);
        let mut h = DMatrix::zeros(width, self.samples);
        for (i, y) in features.chunks_exact(coupled.max(1)).enumerate() {
            let v = view(self.coupling.vectors(i), coupled, coupled);
            let out = &mut h.as_mut_slice()[i * width..i * width + coupled];
            product(view_mut(out, coupled, 1), v, view(y, coupled, 1), 1.0);
            let g = self.residuals.get(i * classes..(i + 1) * classes).unwrap_or_default();
            for a in coupled..width {
                h[(a, i)] = -(g_h[(a, i)] + dot(g, &theta.as_slice()[a * classes..(a + 1) * classes])) / self.decay_h;
            }
        }
        if let Some(basis) = &self.basis {
            h = basis * h;
            self.turn_theta(theta.as_mut_slice(), &basis.transpose());
        }
        [&theta.as_slice()[..w_len], h.as_slice(), &theta.as_slice()[w_len..]].concat()
    }

    /// The part W of `theta` (K×d) ← W V.
    fn turn_theta(&self, theta: &mut [f64], basis: &DMatrix<f64>) {
        let w = &mut theta[..self.classes * self.width];
        let turned = DMatrix::from_column_slice(self.classes, self.width, w) * basis;
        w.copy_from_slice(turned.as_slice());
    }

    /// Whether the Schur complement is so large that everything about it is done in place, in few factorisations.
    pub fn is_large(&self) -> bool {
        self.core > LARGE
    }

    /// (S(0) + τ T Tᵀ)⁺ rhs, without the directions of flat families: by factors where the solution is of reasonable size, by eigenvectors where it is not.
    fn solve_core(&self, rhs: &DVector<f64>, gauge: &DMatrix<f64>, damping: f64) -> DVector<f64> {
        if self.is_large() {
            return self.solve_large(rhs, damping);
        }
        let mut matrix = self.schur_matrix(0.0);
        matrix.fill_upper_triangle_with_lower_triangle();
        let scale = matrix.amax();
        let (rows, columns) = gauge.shape();
        let basis = view(gauge.as_slice(), rows, columns);
        add_product(view_mut(matrix.as_mut_slice(), rows, rows), basis, basis.transpose(), scale);
        if self.core > EIGENVECTORS_MAX {
            let solution = Factors::new(matrix.clone()).solve(rhs);
            if solution.norm() * (FLAT * scale).max(2.0 * damping) <= rhs.norm() {
                return solution;
            }
        }
        let found = eigen(&matrix);
        let largest = found.values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let mut coordinates = found.vectors.tr_mul(rhs);
        for (c, value) in coordinates.iter_mut().zip(&found.values) {
            let damped = value + damping * (damping / value);
            *c = if value.abs() > FLAT * largest { *c / damped } else { 0.0 };
        }
        found.vectors * coordinates
    }
}
