//! Full symmetry: the whole spectrum at the balanced simplex ETF, in closed form up to blocks of size 5.
//!
//! At W = ωB, h_{k,i} = ν Bᵀe_k, b = β1 (BBᵀ = P = I − J/K; ω² = ρs, ν² = s/ρ, ρ = √(nλ_H/λ_W)) the Hessian commutes with the permutations of the classes, of the samples in
//! a class, and with the rotations of the d − K + 1 unused dimensions. Let L be the loss at the logits of class k, and
//!
//! ```text
//! Ā = (c/K) ∇²L:  a = Ā_kk, e = Ā_kj, f = Ā_jj, g = Ā_jl;   r_k = a + (K−1)e and r_j = e + f + (K−2)g its row sums;
//! G = (−μP + κJ/K) ⊗ 1ᵀ/√n:  criticality makes G's singular values on the simplex μ; κ is the one on the mean, up to its sign.
//! ```
//!
//! *Within a class* (directions of the features that sum to 0): WᵀA_kW + λ_H = λ_H + (ω²/n)·{f−g (K−2 times), δ (once), 0 in unused dimensions}, δ = [(K−1)(a−2e) + f + (K−2)g]/K,
//! the quadratic form of Ā at (e_k − 1/K)/‖·‖.
//!
//! *Off-space*: each unused dimension has [[λ_W, G], [Gᵀ, λ_H]], see [`super::OffSpace`]: {0, λ_W+λ_H} for each σ = μ, and the pair of σ = |κ|.
//!
//! *The rest* are U = ÛB, V = Bᵀ V̂ ⊗ 1ᵀ/√n with ÛP = Û, PV̂ = V̂, and c. With D = νÛ + (ω/√n)V̂ + c1ᵀ the form is
//! Σ_k D_kᵀĀ_kD_k + 2[−μ tr(ÛV̂) + ((μ+κ)/K) 1ᵀÛV̂1] + λ_W‖Û‖² + λ_H‖V̂‖² + λ_b‖c‖², and K×K matrices under conjugation by S_K fall into
//! * (K−2,1,1), antisymmetric with zero row sums: Û, V̂ ∝ E, tr(EE) = −‖E‖², ΣD_kᵀĀ_kD_k = (f−g)‖D‖²;
//! * (K−2,2), symmetric with zero diagonal and row sums: the same with tr(EE) = ‖E‖²;
//! * trivial: Û, V̂ ∝ P, c ∝ 1;
//! * standard, for each x ⊥ 1: Û ∈ {1xᵀ/√K, T}, V̂ ∈ {x1ᵀ/√K, T}, c = x, T = P diag(x) P √(K/(K−2)). D_k is a combination of x_k e_k, x_k 1 and x, and their Gram matrix under
//!   ΣĀ_k is [[a, r_k, a−e], [·, r_k+(K−1)r_j, r_k−r_j], [·, ·, a−2e+(K−1)f−(K−2)g]] for ‖x‖ = 1.
//!
//! The 2×2 blocks have trace λ_W+λ_H+(f−g)(ν²+ω²/n) and determinant 0 for (K−2,1,1) (rotations), 4(f−g)μs/√n for (K−2,2), because λ_Hν² = λ_Wω²/n = μs/√n.
//!
//! One evaluation of the loss's Hessian on K logits is all that depends on K.

use nalgebra::{DMatrix, Matrix3};

use crate::linalg::eigenvalues;
use crate::losses::LogitHessian;
use crate::model::Bias;
use crate::theory::Balanced;

/// An eigenvalue of a spectrum that is known with its origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EtfLevel {
    /// The eigenvalue; exactly 0 where a symmetry makes it so.
    pub eigenvalue: f64,
    /// How often it occurs among those of this origin.
    pub multiplicity: u64,
    /// "within-class", "off-space", "trivial", "standard", "(K-2,1,1)" or "(K-2,2)"; at partially collapsed states with m for K, and "std_A×std_B", "std_B" too.
    pub origin: &'static str,
}

/// The numbers of the page above.
struct Blocks {
    classes: f64,
    /// ω²/n.
    w_square: f64,
    /// ν².
    h_square: f64,
    /// ων/√n = s/√n.
    product: f64,
    mu: f64,
    kappa: f64,
    decay_w: f64,
    decay_h: f64,
    /// λ_b, where there is a bias.
    decay_b: Option<f64>,
    hessian: TwoValued,
}

/// Ā at logits with one value for the true class and one for all others.
#[derive(Clone, Copy, Debug)]
struct TwoValued {
    /// a, e, f, g of the module's page.
    own: f64,
    cross: f64,
    other: f64,
    between: f64,
    /// r_k and r_j: exactly 0 for a Hessian relative to a pivot.
    row_own: f64,
    row_other: f64,
}

/// The whole spectrum at the simplex ETF of a balanced problem, its multiplicities summing to Kd + dN (+ K with a bias).
///
/// `Err` says why there is none: the minimum has no closed form here, or another geometry.
pub fn etf_spectrum(balanced: &Balanced) -> Result<Vec<EtfLevel>, String> {
    let minimum = balanced.minimum()?;
    if minimum.geometry != "simplex-etf" {
        return Err(format!("the minimum's geometry is \"{}\"; the spectrum is known for \"simplex-etf\"", minimum.geometry));
    }
    if u64::try_from(balanced.dimension()).is_err() {
        return Err(format!("Kd + dN + K = {} has no 64-bit multiplicities", balanced.dimension()));
    }
    let blocks = Blocks::new(balanced, minimum.scale, minimum.bias);
    let mut levels = Vec::new();
    blocks.within_class(balanced, &mut levels);
    blocks.off_space(balanced, &mut levels);
    blocks.pairs(balanced.classes as u64, &mut levels);
    for (matrix, multiplicity, origin) in
        [(blocks.trivial(), 1, "trivial"), (blocks.standard(), balanced.classes as u64 - 1, "standard")]
    {
        let free_shift = origin == "trivial" && blocks.shifts_freely();
        let mut values = eigenvalues(&matrix);
        if free_shift {
            // The bias decouples and its eigenvalue is λ_b = 0.
            let least = (0..values.len()).min_by(|&i, &j| values[i].abs().total_cmp(&values[j].abs()));
            least.into_iter().for_each(|at| values[at] = 0.0);
        }
        levels.extend(values.into_iter().map(|eigenvalue| EtfLevel { eigenvalue, multiplicity, origin }));
    }
    levels.retain(|level| level.multiplicity > 0);
    levels.sort_by(|x, y| x.eigenvalue.total_cmp(&y.eigenvalue));
    Ok(levels)
}

impl TwoValued {
    /// c/K times the Hessian of the loss.
    fn new(balanced: &Balanced, own_logit: f64, other_logit: f64) -> Self {
        let classes = balanced.classes;
        let mut logits = vec![other_logit; classes];
        logits[0] = own_logit;
        let mut found = LogitHessian::default();
        balanced.loss.function().hessian(&logits, 0, &mut found);
        let factor = balanced.scale / classes as f64;
        let last = classes - 1;
        let entry = |i: usize, j: usize| {
            let terms: f64 = found.terms.iter().map(|(coefficient, vector)| coefficient * vector[i] * vector[j]).sum();
            factor * (terms + if i == j { found.diagonal[i] } else { 0.0 })
        };
        let others = (classes - 2) as f64;
        let (other, between) = (entry(last, last), if classes > 2 { entry(1, last) } else { 0.0 });
        if found.pivot.is_some() {
            // The pivot is the true class, the largest logit at an ETF: its row and column make all row sums 0.
            let cross = -(other + others * between);
            let plain = |i: usize| factor * found.plain.get(i).copied().unwrap_or(0.0);
            let (row_own, row_other) = (plain(0), plain(last));
            return Self { own: -cross * (others + 1.0) + row_own, cross, other: other + row_other, between, row_own, row_other };
        }
        let (own, cross) = (entry(0, 0), entry(0, last));
        let (row_own, row_other) = (own + (others + 1.0) * cross, cross + other + others * between);
        Self { own, cross, other, between, row_own, row_other }
    }

    /// f − g.
    fn difference(&self) -> f64 {
        self.other - self.between
    }

    /// δ.
    fn simplex(&self, classes: f64) -> f64 {
        ((classes - 1.0) * (self.own - 2.0 * self.cross) + self.other + (classes - 2.0) * self.between) / classes
    }
}

impl Blocks {
    fn new(balanced: &Balanced, s: f64, beta: f64) -> Self {
        let (classes, n) = (balanced.classes as f64, balanced.per_class as f64);
        let (own_logit, other_logit) = (beta + s * (classes - 1.0) / classes, beta - s / classes);
        let ratio = balanced.class_ratio();
        // G1 = −λ_b b makes κ = −λ_b β/√n; without a bias nothing does, and the slopes say what it is.
        let kappa = if balanced.loss.function().shift_invariant() {
            0.0
        } else if balanced.bias == Bias::None {
            let mut logits = vec![other_logit; balanced.classes];
            logits[0] = own_logit;
            let mut slopes = vec![0.0; balanced.classes];
            balanced.loss.function().value_gradient(&logits, 0, &mut slopes);
            balanced.scale / (classes * n.sqrt()) * (slopes[0] + (classes - 1.0) * slopes[balanced.classes - 1])
        } else {
            -balanced.decay.b * beta / n.sqrt()
        };
        Self {
            classes,
            w_square: ratio * s / n,
            h_square: s / ratio,
            product: s / n.sqrt(),
            mu: balanced.decay.mu(),
            kappa,
            decay_w: balanced.decay.w,
            decay_h: balanced.decay.h,
            decay_b: (balanced.bias != Bias::None).then_some(balanced.decay.b),
            hessian: TwoValued::new(balanced, own_logit, other_logit),
        }
    }

    /// Whether c ∥ 1 is an exact null vector.
    fn shifts_freely(&self) -> bool {
        let rows = self.hessian.row_own.abs() + self.hessian.row_other.abs();
        self.decay_b.is_some_and(|b| !(b > 0.0)) && !(rows > 0.0)
    }

    fn within_class(&self, balanced: &Balanced, levels: &mut Vec<EtfLevel>) {
        let classes = balanced.classes as u64;
        let copies = classes * (balanced.per_class - 1);
        let unused = (balanced.width + 1 - balanced.classes) as u64;
        let at = |curvature: f64| self.decay_h + self.w_square * curvature;
        for (eigenvalue, multiplicity) in [
            (self.decay_h, copies * unused),
            (at(self.hessian.difference()), copies * (classes - 2)),
            (at(self.hessian.simplex(self.classes)), copies),
        ] {
            levels.push(EtfLevel { eigenvalue, multiplicity, origin: "within-class" });
        }
    }

    fn off_space(&self, balanced: &Balanced, levels: &mut Vec<EtfLevel>) {
        let unused = (balanced.width + 1 - balanced.classes) as u64;
        let simplex = (balanced.classes as u64 - 1) * unused;
        let sum = self.decay_w + self.decay_h;
        let upper = 0.5 * sum + (0.5 * (self.decay_w - self.decay_h)).hypot(self.kappa);
        let lower = (self.mu - self.kappa) * (self.mu + self.kappa) / upper;
        for (eigenvalue, multiplicity) in [(0.0, simplex), (sum, simplex), (lower, unused), (upper, unused)] {
            levels.push(EtfLevel { eigenvalue, multiplicity, origin: "off-space" });
        }
    }

    /// The two families of 2×2 blocks.
    fn pairs(&self, classes: u64, levels: &mut Vec<EtfLevel>) {
        let curvature = self.hessian.difference();
        let trace = self.decay_w + self.decay_h + curvature * (self.h_square + self.w_square);
        let antisymmetric = (classes - 1) * (classes - 2) / 2;
        let symmetric = classes * classes.saturating_sub(3) / 2;
        // λ_W + (f−g)ν² − [λ_H + (f−g)ω²/n], and the off-diagonal entry.
        let gap = self.decay_w - self.decay_h + curvature * (self.h_square - self.w_square);
        let upper = 0.5 * trace + (0.5 * gap).hypot(curvature * self.product - self.mu);
        let lower = 4.0 * curvature * self.mu * self.product / upper;
        for (eigenvalue, multiplicity, origin) in [
            (0.0, antisymmetric, "(K-2,1,1)"),
            (trace, antisymmetric, "(K-2,1,1)"),
            (lower, symmetric, "(K-2,2)"),
            (upper, symmetric, "(K-2,2)"),
        ] {
            levels.push(EtfLevel { eigenvalue, multiplicity, origin });
        }
    }

    /// Û, V̂ ∝ P/√(K−1), c = 1/√K.
    fn trivial(&self) -> DMatrix<f64> {
        let (h, k) = (&self.hessian, self.classes);
        let delta = h.simplex(k);
        let coupling = (h.row_own - h.row_other) * ((k - 1.0) / k).sqrt();
        let (nu, omega) = (self.h_square.sqrt(), self.w_square.sqrt());
        let corner = h.row_own + (k - 1.0) * h.row_other + self.decay_b.unwrap_or(0.0);
        let off = delta * self.product - self.mu;
        let entries = [
            [self.decay_w + delta * self.h_square, off, nu * coupling],
            [off, self.decay_h + delta * self.w_square, omega * coupling],
            [nu * coupling, omega * coupling, corner],
        ];
        let size = if self.decay_b.is_some() { 3 } else { 2 };
        DMatrix::from_fn(size, size, |i, j| entries[i][j])
    }

    /// The block of one x ⊥ 1: coordinates 1xᵀ/√K, x1ᵀ/√K, then T in Û, T in V̂ (K ≥ 3), then c.
    fn standard(&self) -> DMatrix<f64> {
        let (h, k) = (&self.hessian, self.classes);
        let gram = Matrix3::new(
            h.own,
            h.row_own,
            h.own - h.cross,
            h.row_own,
            h.row_own + (k - 1.0) * h.row_other,
            h.row_own - h.row_other,
            h.own - h.cross,
            h.row_own - h.row_other,
            h.own - 2.0 * h.cross + (k - 1.0) * h.other - (k - 2.0) * h.between,
        );
        let (nu, omega) = (self.h_square.sqrt(), self.w_square.sqrt());
        let has_t = k > 2.0;
        // T = (diag x − x1ᵀ/K − 1xᵀ/K)·`t`, so D_k of T is t·(1, −1/K, −1/K).
        let t = if has_t { (k / (k - 2.0)).sqrt() } else { 0.0 };
        // Per coordinate: its D_k in (x_k e_k, x_k 1, x), its decay.
        let mut coordinates = vec![([0.0, nu / k.sqrt(), 0.0], self.decay_w), ([0.0, 0.0, omega / k.sqrt()], self.decay_h)];
        if has_t {
            coordinates.push(([nu * t, -nu * t / k, -nu * t / k], self.decay_w));
            coordinates.push(([omega * t, -omega * t / k, -omega * t / k], self.decay_h));
        }
        if let Some(b) = self.decay_b {
            coordinates.push(([0.0, 0.0, 1.0], b));
        }
        let size = coordinates.len();
        let mut matrix = DMatrix::from_fn(size, size, |i, j| {
            let (x, y) = (nalgebra::Vector3::from(coordinates[i].0), nalgebra::Vector3::from(coordinates[j].0));
            x.dot(&(gram * y)) + if i == j { coordinates[i].1 } else { 0.0 }
        });
        // tr(ÛV̂) = 1 and 1ᵀÛV̂1 = K for the first pair; tr(TT) = 1, T1 = 0.
        for (i, j, coupling) in [(0, 1, self.kappa), (2, 3, -self.mu)] {
            if j < 2 || has_t {
                matrix[(i, j)] += coupling;
                matrix[(j, i)] += coupling;
            }
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::ALL;
    use crate::model::{Decay, Shape};
    use crate::objective::{Objective, Problem, dense_hessian};
    use crate::theory::etf_point;

    fn problems() -> Vec<Problem> {
        let losses: Vec<_> = ALL
            .iter()
            .flat_map(|family| match family.name {
                "label-smoothing" => vec![(family.build)(&[0.1])],
                "focal" => vec![(family.build)(&[0.5]), (family.build)(&[3.0])],
                "mse" => vec![(family.build)(&[1.0, 1.0]), (family.build)(&[3.0, 2.0])],
                "poly-loss" => vec![(family.build)(&[2.0])],
                "generalized-cross-entropy" => vec![(family.build)(&[0.7])],
                "vector-scaling" => vec![(family.build)(&[0.5, 1.0])],
                _ => vec![(family.build)(&[])],
            })
            .collect();
        let mut problems = Vec::new();
        for loss in losses {
            for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 1e-3), (Bias::Decayed, 0.7)] {
                for (classes, width, per_class, scale) in [
                    (2, 1, 1, 1.0),
                    (2, 3, 4, 0.5),
                    (3, 2, 2, 1.0),
                    (3, 5, 1, 2.0),
                    (4, 6, 3, 1.0),
                    (5, 4, 2, 0.4),
                    (6, 7, 2, 1.0),
                ] {
                    for (w, h) in [(5e-3, 2e-3), (3e-2, 0.15)] {
                        let shape = Shape::balanced(classes, width, per_class).unwrap();
                        problems.push(Problem { shape, bias, decay: Decay { w, h, b }, loss: loss.clone(), scale });
                    }
                }
            }
        }
        problems
    }

    #[test]
    fn every_eigenvalue_is_the_dense_one() {
        let mut seen = std::collections::BTreeMap::new();
        for problem in problems() {
            let Ok(levels) = etf_spectrum(&Balanced::try_from(&problem).unwrap()) else { continue };
            *seen.entry((problem.loss.name(), problem.bias.name())).or_insert(0) += 1;
            let point = etf_point(&problem).unwrap();
            let dense = eigenvalues(&dense_hessian(&mut Objective::new(&problem), &point));
            let found: Vec<f64> = levels.iter().flat_map(|l| vec![l.eigenvalue; l.multiplicity as usize]).collect();
            assert_eq!(found.len(), problem.dimension(), "{problem:?}");
            let largest = dense.last().unwrap();
            for (x, y) in found.iter().zip(&dense) {
                assert!((x - y).abs() <= 1e-12 * largest, "{problem:?}: {x} against {y}");
            }
        }
        // MSE without a bias has an orthogonal frame; everything else shows its simplex somewhere.
        assert_eq!(seen.len(), ALL.len() * 3 - 1, "{seen:?}");
        assert!(!seen.contains_key(&("mse", "none")));
    }

    #[test]
    fn symmetry_zeros_are_exact_and_counted() {
        for problem in problems() {
            let balanced = Balanced::try_from(&problem).unwrap();
            let Ok(levels) = etf_spectrum(&balanced) else { continue };
            let zeros: u64 = levels.iter().filter(|l| !(l.eigenvalue.abs() > 0.0)).map(|l| l.multiplicity).sum();
            let (r, d) = (balanced.classes as u64 - 1, balanced.width as u64);
            assert_eq!(zeros, r * d - r * (r + 1) / 2 + u64::from(problem.shifts_bias_freely()), "{problem:?}");
        }
    }

    #[test]
    fn sizes_cost_nothing() {
        let decay = Decay { w: 1e-8, h: 1e-8, b: 0.0 };
        let loss = (ALL[0].build)(&[]);
        let balanced = Balanced { classes: 1000, width: 1024, per_class: 1_000_000, bias: Bias::Free, decay, loss, scale: 1.0 };
        let levels = etf_spectrum(&balanced).unwrap();
        let total: u128 = levels.iter().map(|l| u128::from(l.multiplicity)).sum();
        assert_eq!(total, balanced.dimension());
    }

    #[test]
    fn other_geometries_are_named() {
        let problem =
            problems().into_iter().find(|p| p.loss.name() == "mse" && p.bias == Bias::None && p.shape.width() > 3).unwrap();
        let reason = etf_spectrum(&Balanced::try_from(&problem).unwrap()).unwrap_err();
        assert!(reason.contains("orthogonal-frame") && reason.contains("simplex-etf"), "{reason}");
    }
}
