//! The optimisation problem: shape, bias, decays and loss.

use crate::losses::Loss;
use crate::model::{Bias, Decay, Point, Shape};

/// f(W,H,b) = (c/N) Σ_i L(z_i, y_i) + λ_W/2 ‖W‖² + λ_H/2 ‖H‖² + λ_b/2 ‖b‖², Z = WH + b1ᵀ.
///
/// # Collapsed problems
///
/// Let S be the set of points whose features are constant on given groups of samples of one class, m_i samples in group i. With the column h̃_i = √m_i h_i of a collapsed [`Shape`]
/// the map (W, H̃, b) → S is an isometry, and f on S is
///
/// ```text
/// f̃(W, H̃, b) = Σ_i (c m_i/N) L(W h̃_i/√m_i + b, y_i) + λ_W/2 ‖W‖² + λ_H/2 ‖H̃‖² + λ_b/2 ‖b‖².
/// ```
///
/// S is the fixed space of the permutations within the groups, which leave f and all distances as they are. So at a point of S
///
/// * ∇f is fixed by these permutations, that is, it lies in S: ‖∇f̃‖ = ‖∇f‖, and critical points of f̃ are exactly the critical points of f in S;
/// * ∇²f commutes with them, so it maps S and its complement each into itself. On S it is ∇²f̃. The complement consists of feature directions that sum to zero over every group;
///   there Z moves by W v_i alone, the cross terms ⟨G, UV⟩ vanish with U, and ∇²f is WᵀA_iW + λ_H I, A_i = (c/N)∇²L(z_i), m_i − 1 times for each group.
///
/// Hence value, gradient norm, rank, index, nullity and the whole spectrum (multiplicities summing to Kd + dN + K) of the whole problem come out exactly, at a cost that does not depend
/// on N. G has the column g_i for each of m_i samples: G̃, with columns √m_i g_i, has its singular values, since GGᵀ = G̃G̃ᵀ. What cannot be seen are points outside S: features
/// that differ within a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// K, d and the labels of the N samples.
    pub shape: Shape,
    /// What b is.
    pub bias: Bias,
    /// λ_W, λ_H, λ_b.
    pub decay: Decay,
    /// L.
    pub loss: Loss,
    /// c, which multiplies L (the paper's code averages MSE over N·K: c = 2/K).
    pub scale: f64,
}

impl Problem {
    /// The same problem at another feature width.
    pub fn at_width(&self, width: usize) -> Self {
        Self { shape: self.shape.at_width(width), ..self.clone() }
    }

    /// The number of stored coordinates: Kd + dN (+ K with a bias), a column of H for N where the problem is collapsed.
    pub fn dimension(&self) -> usize {
        self.shape.dimension(self.bias)
    }

    /// ε = √n μ, where the classes are balanced.
    pub fn epsilon(&self) -> Option<f64> {
        self.shape.per_class().map(|n| (n as f64).sqrt() * self.decay.mu())
    }

    /// Why this problem is not for this program, if so: it has a continuous symmetry that the symmetry group here does not know, and its zeros would be taken for degeneracy.
    ///
    /// Vector scaling with a free bias and temperatures Δ that differ: f does not change under b → b + cΔ⁻¹.
    pub fn unsupported(&self) -> Option<String> {
        let (free, invariant) = (self.bias == Bias::Free, self.loss.function().shift_invariant());
        matches!(self.loss, Loss::VectorScaling(_) if free && !invariant).then(|| {
            "vector scaling with gamma > 0 and unequal classes does not change under b → b + cΔ⁻¹: a free bias is undetermined in a way that is not counted as a symmetry here; \
             take model.bias=decayed or none"
                .into()
        })
    }

    /// Whether f does not change under b → b + c1: a zero eigenvalue at every point.
    pub fn shifts_bias_freely(&self) -> bool {
        self.bias == Bias::Free && self.loss.function().shift_invariant()
    }

    /// The same problem times a power of two, and that factor, where squares of its numbers would leave the range of doubles: c and the decays times it. `None` where they do not.
    ///
    /// f, its gradient and its Hessian are times the factor, exactly: everything else is as it was. The factor puts √(μc) near 1, so that neither the decays' terms nor those of the loss
    /// lose their squares.
    pub fn in_range(&self) -> Option<(Self, f64)> {
        const RANGE: std::ops::Range<f64> = 1e-100..1e100;
        let Decay { w, h, b } = self.decay;
        if RANGE.contains(&self.decay.mu()) && RANGE.contains(&self.scale) {
            return None;
        }
        let factor = (-0.5 * (self.decay.mu().log2() + self.scale.log2())).round().exp2();
        let decay = Decay { w: factor * w, h: factor * h, b: factor * b };
        let scaled = Self { decay, scale: factor * self.scale, ..self.clone() };
        let exact = |x: f64| x.is_normal() || !(x.abs() > 0.0);
        let numbers = [w, h, b, self.scale, decay.w, decay.h, decay.b, scaled.scale];
        numbers.into_iter().all(exact).then_some((scaled, factor))
    }

    /// A collapsed problem in even coordinates, and the length a of their unit: x = (W, H, b) is (W/a, H/a, b) there. `None` where each sample has its column.
    ///
    /// With a⁴ = N/C (C columns) f is the function of decays a²λ_W, a²λ_H, λ_b whose column i has the weight m_i/N and the stretch √(m_i C/N). All of that depends on n only
    /// through ε = √n μ where classes are balanced: a solver sees the problem of one sample a class, however large n is, while in the coordinates themselves W grows like n^{1/4} and
    /// the curvature of the features falls like 1/√n beside that of the bias.
    pub fn even(&self) -> Option<(Self, f64)> {
        self.shape.multiplicities()?;
        let square = self.shape.samples_per_column().sqrt();
        let decay = Decay { w: square * self.decay.w, h: square * self.decay.h, b: self.decay.b };
        Some((Self { shape: self.shape.evened(), decay, ..self.clone() }, square.sqrt()))
    }

    /// A collapsed problem as one of single samples: the problem of its columns alone (its scale keeps c/N of each sample), the point with their features, and the multiplicities.
    /// `None` where each sample has its column.
    pub fn by_columns(&self, x: &Point) -> Option<(Self, Point, Vec<u64>)> {
        let multiplicities = self.shape.multiplicities()?.to_vec();
        let shape = Shape::with_labels(self.shape.classes(), self.shape.width(), self.shape.labels().to_vec());
        let shape = shape.expect("the labels are those of a shape");
        let (w, _, b) = x.parts();
        let point = Point::from_vec(&shape, self.bias, [w, &x.features(&self.shape), b].concat());
        let scale = self.scale * (self.shape.columns() as f64 / self.shape.samples() as f64);
        Some((Self { shape, scale, ..self.clone() }, point, multiplicities))
    }
}
