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
//! The cost is linear in N. With B_i = V_i Λ_i V_iᵀ and X_i = C_i V_i, S(σ) = H_θθ − Σ_i X_i (Λ_i − σ)⁻¹ X_iᵀ for every σ.

use nalgebra::{DMatrix, DVector};

use super::{Objective, Problem};
use crate::linalg::{add_product, add_product_lower, eigen, product, view, view_mut};
use crate::losses::LogitHessian;
use crate::model::Point;

/// Columns of X_i handled as one product.
const BATCH_COLUMNS: usize = 256;

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
        let (classes, width) = (problem.shape.classes(), problem.shape.width());
        let samples = problem.shape.samples() as f64;
        let core = classes * width + if problem.bias == crate::model::Bias::None { 0 } else { classes };
        let (p, d) = (core as f64, width as f64);
        // The X_i, feature eigenvectors and values; H_θθ, S, and an eigen-decomposition of S with its workspace.
        let bytes = 8.0 * (samples * (p * d + d * d + d) + 6.0 * p * p);
        let multiply_adds = samples * (0.5 * p * p * d + p * d * d + 12.0 * d.powi(3)) + 9.0 * p.powi(3);
        Self { core, bytes, multiply_adds }
    }
}

/// The Hessian at a point, by its blocks.
#[derive(Debug)]
pub struct Arrow {
    core: usize,
    width: usize,
    samples: usize,
    theta: DMatrix<f64>,
    /// Eigenvalues of the B_i, d for each sample.
    feature_values: Vec<f64>,
    /// V_i, d×d for each sample.
    feature_vectors: Vec<f64>,
    /// X_i = C_i V_i, core×d for each sample.
    coupling: Vec<f64>,
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
    /// The arrow at `x`.
    pub fn new(objective: &mut Objective<'_>, x: &Point) -> Self {
        let problem = objective.problem();
        let (classes, width, samples) = (problem.shape.classes(), problem.shape.width(), problem.shape.samples());
        let core = Plan::new(problem).core;
        let mut arrow = Self {
            core,
            width,
            samples,
            theta: DMatrix::zeros(core, core),
            feature_values: vec![0.0; samples * width],
            feature_vectors: vec![0.0; samples * width * width],
            coupling: vec![0.0; samples * core * width],
        };
        let mut logits = vec![0.0; classes];
        let (w, h, b) = x.parts();
        objective.for_each_residual_block(x, |first, block| {
            for (i, g) in block.chunks_exact(classes).enumerate() {
                let feature = &h[(first + i) * width..(first + i + 1) * width];
                let (w_view, z) = (view(w, classes, width), view_mut(&mut logits, classes, 1));
                product(z, w_view, view(feature, width, 1), 1.0);
                logits.iter_mut().zip(b).for_each(|(z, b)| *z += b);
                arrow.add_sample(problem, x, first + i, &logits, g);
            }
        });
        for k in 0..core {
            arrow.theta[(k, k)] += if k < classes * width { problem.decay.w } else { problem.decay.b };
        }
        arrow
    }

    /// The blocks of sample `i`.
    fn add_sample(&mut self, problem: &Problem, x: &Point, i: usize, logits: &[f64], g: &[f64]) {
        let (classes, width) = (g.len(), self.width);
        let factor = problem.scale / self.samples as f64;
        let mut structured = LogitHessian::default();
        problem.loss.function().hessian(logits, problem.shape.labels()[i], &mut structured);
        let mut a = DMatrix::zeros(classes, classes);
        structured.dense(a.as_mut_slice());
        a *= factor;
        let mut aw = x.w().into_owned();
        for mut column in aw.column_iter_mut() {
            structured.apply(column.as_mut_slice());
            column *= factor;
        }
        let mut block = x.w().tr_mul(&aw);
        block = (&block + block.transpose()) * 0.5;
        (0..width).for_each(|c| block[(c, c)] += problem.decay.h);
        let eigen = eigen(&block);

        let with_one = |a: usize| if a < width { x.h()[(a, i)] } else { 1.0 };
        let parts = self.core / classes;
        for column in 0..parts {
            for row in 0..=column {
                // Only the lower triangle is kept: block (column, row), rows being `column`.
                let weight = with_one(row) * with_one(column);
                let mut target = self.theta.view_mut((column * classes, row * classes), (classes, classes));
                target.zip_apply(&a, |t, a| *t += weight * a);
            }
        }
        let y = aw * &eigen.vectors;
        let coupling = &mut self.coupling[i * self.core * width..(i + 1) * self.core * width];
        for c in 0..width {
            for part in 0..parts {
                let (h, v) = (with_one(part), if part < width { eigen.vectors[(part, c)] } else { 0.0 });
                for k in 0..classes {
                    coupling[c * self.core + part * classes + k] = h * y[(k, c)] + g[k] * v;
                }
            }
        }
        self.feature_values[i * width..(i + 1) * width].copy_from_slice(&eigen.values);
        self.feature_vectors[i * width * width..(i + 1) * width * width].copy_from_slice(eigen.vectors.as_slice());
    }

    /// The dimension of the whole Hessian.
    pub fn dimension(&self) -> usize {
        self.core + self.samples * self.width
    }

    /// Size of the Schur complement.
    pub fn core(&self) -> usize {
        self.core
    }

    /// All eigenvalues of the feature blocks, in the order of the samples.
    pub fn feature_values(&self) -> &[f64] {
        &self.feature_values
    }

    /// A bound on ‖∇²f‖: Gershgorin over the blocks, ‖H_θθ‖ + max ‖B_i‖ + ‖C‖.
    pub fn norm_bound(&self) -> f64 {
        let feature = self.feature_values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let coupling = self.coupling.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut theta = 0.0;
        for j in 0..self.core {
            for i in j..self.core {
                theta += self.theta[(i, j)].powi(2) * if i == j { 1.0 } else { 2.0 };
            }
        }
        theta.sqrt() + feature + coupling
    }

    /// S(σ). Panics where σ is an eigenvalue of a feature block to the last bit; see [`Arrow::clear_shift`].
    pub fn schur(&self, shift: f64) -> Schur {
        let mut matrix = self.theta.clone();
        let mut scaled = Vec::new();
        let mut features_below = 0;
        let mut magnitude = matrix.norm();
        let core = self.core;
        let columns_all = self.samples * self.width;
        let mut first = 0;
        while first < columns_all && core > 0 {
            let count = BATCH_COLUMNS.min(columns_all - first);
            let x = &self.coupling[first * core..(first + count) * core];
            scaled.clear();
            scaled.extend_from_slice(x);
            for (column, value) in scaled.chunks_exact_mut(core).zip(&self.feature_values[first..first + count]) {
                let inverse = 1.0 / (value - shift);
                assert!(inverse.is_finite(), "the shift is an eigenvalue of a feature block");
                magnitude += inverse.abs() * column.iter().map(|x| x * x).sum::<f64>();
                column.iter_mut().for_each(|x| *x *= inverse);
            }
            let (x, scaled) = (view(x, core, count), view(&scaled, core, count));
            add_product_lower(view_mut(matrix.as_mut_slice(), core, core), scaled, x.transpose(), -1.0);
            first += count;
        }
        for value in &self.feature_values {
            features_below += usize::from(*value < shift);
        }
        Schur { matrix, features_below, magnitude }
    }

    /// The shift nearest to `shift` that keeps a distance of `margin` from every eigenvalue of a feature block.
    pub fn clear_shift(&self, shift: f64, margin: f64) -> f64 {
        let mut near: Vec<f64> = self.feature_values.iter().copied().filter(|x| (x - shift).abs() < margin * 1e6).collect();
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
        for (column, value) in self.coupling.chunks_exact(self.core.max(1)).zip(&self.feature_values) {
            let product: f64 = column.iter().zip(y.iter()).map(|(x, y)| x * y).sum();
            total += (product / (value - shift)).powi(2);
        }
        total
    }

    /// The Newton step −∇²f⁺ ∇f in the gauge that `gauge` fixes: the part in θ is orthogonal to its (orthonormal) columns, which span the symmetry tangents there.
    ///
    /// Elimination: S θ = −g_θ + Σ_i C_i B_i⁻¹ g_i, h_i = −B_i⁻¹(g_i + C_iᵀθ). S annihilates the tangents at a critical point, and its right-hand side is orthogonal to them,
    /// so (S + τ T Tᵀ) θ = rhs has the same solution, with Tᵀθ = 0. Eigenvalues of that matrix below 1e-11 of the largest belong to flat families and are left out.
    pub fn newton_step(&self, gradient: &[f64], gauge: &DMatrix<f64>, classes: usize) -> Vec<f64> {
        let (core, width, w_len) = (self.core, self.width, classes * self.width);
        let (g_w, rest) = gradient.split_at(w_len);
        let (g_h, g_b) = rest.split_at(self.samples * width);
        let g_theta = DVector::from_iterator(core, g_w.iter().chain(g_b).copied());
        // Feature gradients in the eigenbases.
        let mut turned = vec![0.0; g_h.len()];
        for i in 0..self.samples {
            let v = &self.feature_vectors[i * width * width..(i + 1) * width * width];
            let range = i * width..(i + 1) * width;
            let out = view_mut(&mut turned[range.clone()], width, 1);
            product(out, view(v, width, width).transpose(), view(&g_h[range], width, 1), 1.0);
        }
        let divided: Vec<f64> = turned.iter().zip(&self.feature_values).map(|(g, value)| g / value).collect();
        let mut rhs = -g_theta;
        add_product(
            view_mut(rhs.as_mut_slice(), core, 1),
            view(&self.coupling, core, divided.len()),
            view(&divided, divided.len(), 1),
            1.0,
        );
        let theta = self.solve_core(&rhs, gauge);
        let mut features = turned;
        add_product(
            view_mut(&mut features, divided.len(), 1),
            view(&self.coupling, core, divided.len()).transpose(),
            view(theta.as_slice(), core, 1),
            1.0,
        );
        features.iter_mut().zip(&self.feature_values).for_each(|(x, value)| *x = -*x / value);
        let mut step = Vec::with_capacity(gradient.len());
        step.extend_from_slice(&theta.as_slice()[..w_len]);
        for i in 0..self.samples {
            let v = &self.feature_vectors[i * width * width..(i + 1) * width * width];
            let mut h = vec![0.0; width];
            let y = view(&features[i * width..(i + 1) * width], width, 1);
            product(view_mut(&mut h, width, 1), view(v, width, width), y, 1.0);
            step.extend_from_slice(&h);
        }
        step.extend_from_slice(&theta.as_slice()[w_len..]);
        step
    }

    /// (S(0) + τ T Tᵀ)⁺ rhs.
    fn solve_core(&self, rhs: &DVector<f64>, gauge: &DMatrix<f64>) -> DVector<f64> {
        let mut matrix = self.schur(0.0).matrix;
        matrix.fill_upper_triangle_with_lower_triangle();
        let scale = matrix.amax();
        matrix += scale * gauge * gauge.transpose();
        let found = eigen(&matrix);
        let largest = found.values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let mut coordinates = found.vectors.tr_mul(rhs);
        for (c, value) in coordinates.iter_mut().zip(&found.values) {
            *c = if value.abs() > 1e-11 * largest { *c / value } else { 0.0 };
        }
        found.vectors * coordinates
    }
}
