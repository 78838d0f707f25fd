//! Two groups of classes: the whole spectrum at a partially collapsed state, in closed form up to blocks of size 6.
//!
//! The state ([`crate::theory::partial_collapse`]): the m classes of A form a simplex, W = ωB, h_{k,i} = νBᵀe_k on A (BBᵀ = P_m, ω² = ρs, ν² = s/ρ, ρ = √(nλ_H/λ_W)), the l = K − m classes of
//! B are at the origin, the bias has the gap y. The Hessian commutes with S_m × S_l, with the permutations of the samples in a class, and with the rotations of the d − m + 1 unused dimensions.
//! Let Ā_k = (c/K)∇²L at class k, and G = Ĝ ⊗ 1ᵀ/√n.
//!
//! *Second derivatives.* Ā_k kills 1, so a direction D is known by its entries relative to the own class, u_j = D_j − D_k; with p, η and η' = dη/dp there
//!
//! ```text
//! DᵀĀ_kD = (c/K) [ η (Σ_{j≠k} p_j u_j² − π²) − p η' π² ],   π = Σ_{j≠k} p_j u_j
//! ```
//!
//! where nothing cancels at collapse. A class of A sees q_A on the others of A and q_B on B, a class of B sees p' on B and p'_A on A. So with φ = (c/K)ηq_A, χ = (c/K)ηq_B on A and φ' = (c/K)η'p'_A on B
//! (here η' is η(p')) a direction that sums to zero over a group not containing the own class has the curvature φ, χ, φ' times its norm.
//!
//! *Within a class* (directions of the features that sum to 0), WᵀA_kW + λ_H: in A λ_H + (ω²/n)·{φ (m−2 times), δ (once)}, δ the form at (e_k − 1_A/m)/‖·‖; in B λ_H + (ω²/n)φ' (m−1 times);
//! λ_H in unused dimensions.
//!
//! *Off-space*: each unused dimension has [[λ_W, G], [Gᵀ, λ_H]]: the pair of each singular value of G, which are μ on std_A, σ_B on std_B, one σ on the mean of the groups, and 0.
//!
//! *The rest* are U = ÛB with Û: A ∪ B × A, V = BᵀV̂ ⊗ 1ᵀ/√n with V̂: A × A ∪ B, ÛP = Û, PV̂ = V̂, and c. With D_k = νÛe_k + (ω/√n)V̂e_k + c on A and (ω/√n)V̂e_k + c on B the form is
//! ΣD_kᵀĀ_kD_k + 2⟨Ĝ, ÛV̂⟩ + λ_W‖Û‖² + λ_H‖V̂‖² + λ_b‖c‖². R^A = 1 ⊕ std_A and R^A ⊗ std_A = std_A ⊕ [1 ⊕ std_A ⊕ (m−2,2) ⊕ (m−2,1,1)] give, with ŷ the unit vector ∥ 1_A/m − 1_B/l:
//!
//! | block | size | times | from |
//! |---|---|---|---|
//! | (m−2,1,1) | 2 | (m−1)(m−2)/2 | Û, V̂ antisymmetric on A: rotations, {0, trace} |
//! | (m−2,2) | 2 | m(m−3)/2 | Û, V̂ symmetric on A, zero diagonal |
//! | std_A ⊗ std_B | 2 | (m−1)(l−1) | Û ∝ zxᵀ, V̂ ∝ xzᵀ; coupling −σ_B |
//! | trivial | 3 | 1 | Û, V̂ ∝ P, c ∝ ŷ |
//! | std_A | 6 | m−1 | for each x: Û ∈ {ŷxᵀ, T}, V̂ ∈ {x1_Aᵀ/√m, T, x1_Bᵀ/√l}, c = x; T = P diag(x) P √(m/(m−2)) |
//! | λ_W | 1 | m−1 | Û ∝ 1xᵀ, which no logit sees |
//! | std_B | 1 | l−1 | c = z |
//! | λ_b | 1 | 1 | c ∝ 1 |
//!
//! in all 2(m−1)K + K. At m = 2 there is no T, at m = K no ŷ and nothing of B, without a bias no c. At m = K it is the spectrum of [`super::etf_spectrum`], at m = 0 only c and the off-space part are left.
//! On std_A, D_k (k in A) is αx_ke_k + βx_k1_A + ζx, so u is ζ(x_j − x_k) − αx_k on A and −(α+β+ζ)x_k on B; sums over k follow from Σx_k² = 1, Σx_k = 0.
//! In the couplings ⟨Ĝ, ÛV̂⟩: ŷxᵀ with x1_Aᵀ/√m has −√(K/l)·a, with x1_Bᵀ/√l has √(K/m)·b, where a = lĜ_BA and b = mĜ_AB are what a column of A puts on B and one of B on A; T with T has −μ.
//!
//! Everything is a few dozen numbers: the cost does not depend on K, d or n.

use nalgebra::DMatrix;

use super::EtfLevel;
use crate::linalg::eigenvalues;
use crate::losses::Loss;
use crate::model::{Bias, orbit_dimension};
use crate::theory::{Balanced, GroupSample, PartialCollapse};

/// Eigenvalues within this fraction of the largest are zero: their rounding, and that of the state they are taken at.
const ROUNDING: f64 = 1e-12;

/// The whole spectrum at a partially collapsed state and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct PartialSpectrum {
    /// Every eigenvalue, ascending, multiplicities summing to Kd + dN (+ K with a bias).
    pub levels: Vec<EtfLevel>,
    /// #{λ < −resolution}.
    pub index: u64,
    /// #{|λ| ≤ resolution}.
    pub nullity: u64,
    /// How many zeros rotations, and the shift of a free bias, explain.
    pub nullity_symmetry: u64,
    /// 1e-12 of the largest eigenvalue.
    pub resolution: f64,
}

impl PartialSpectrum {
    /// "strict-saddle", "local-minimum" (strict, modulo symmetry) or "degenerate-minimum", as in records.
    pub fn nature(&self) -> &'static str {
        match (self.index, self.nullity == self.nullity_symmetry) {
            (0, true) => "local-minimum",
            (0, false) => "degenerate-minimum",
            _ => "strict-saddle",
        }
    }

    /// The smallest eigenvalue without the zeros that symmetry explains; `None` where nothing else is left.
    pub fn lambda_min_transverse(&self) -> Option<f64> {
        let mut zeros = self.nullity_symmetry;
        self.levels
            .iter()
            .find(|level| {
                let explained = if level.eigenvalue.abs() <= self.resolution { level.multiplicity.min(zeros) } else { 0 };
                zeros -= explained;
                level.multiplicity > explained
            })
            .map(|level| level.eigenvalue)
    }
}

/// The whole spectrum at `state`, a partially collapsed state of `balanced`. Any K, d, n: microseconds.
///
/// `Err`: more eigenvalues than 64 bits count.
pub fn partial_spectrum(balanced: &Balanced, state: &PartialCollapse) -> Result<PartialSpectrum, String> {
    if u64::try_from(balanced.dimension()).is_err() {
        return Err(format!("Kd + dN + K = {} has no 64-bit multiplicities", balanced.dimension()));
    }
    let blocks = Blocks::new(balanced, state);
    let mut levels = Levels(Vec::new());
    blocks.within_class(balanced, &mut levels);
    blocks.off_space(balanced, state, &mut levels);
    blocks.pairs(&mut levels);
    blocks.bias_alone(&mut levels);
    if state.alive > 0 {
        levels.block(&blocks.trivial(), 1, "trivial");
        levels.block(&blocks.standard(), blocks.rank(), "standard");
        levels.push(blocks.decay_w, blocks.rank(), "standard");
    }
    let mut levels = levels.0;
    levels.retain(|level| level.multiplicity > 0);
    levels.sort_by(|x, y| x.eigenvalue.total_cmp(&y.eigenvalue));
    let resolution = ROUNDING * levels.iter().map(|level| level.eigenvalue.abs()).fold(0.0, f64::max);
    let count = |counts: &dyn Fn(f64) -> bool| -> u64 {
        levels.iter().filter(|level| counts(level.eigenvalue)).map(|level| level.multiplicity).sum()
    };
    let shift = u64::from(balanced.bias == Bias::Free);
    Ok(PartialSpectrum {
        index: count(&|x| x < -resolution),
        nullity: count(&|x| x.abs() <= resolution),
        nullity_symmetry: orbit_dimension(blocks.rank() as usize, balanced.width) as u64 + shift,
        resolution,
        levels,
    })
}

struct Levels(Vec<EtfLevel>);

impl Levels {
    fn push(&mut self, eigenvalue: f64, multiplicity: u64, origin: &'static str) {
        self.0.push(EtfLevel { eigenvalue, multiplicity, origin });
    }

    fn block(&mut self, matrix: &DMatrix<f64>, multiplicity: u64, origin: &'static str) {
        eigenvalues(matrix).into_iter().for_each(|eigenvalue| self.push(eigenvalue, multiplicity, origin));
    }
}

/// The numbers of the page above.
struct Blocks {
    /// m.
    alive: u64,
    /// l.
    others: u64,
    /// m, l, K.
    m: f64,
    l: f64,
    k: f64,
    /// ω/√n.
    w: f64,
    /// ν.
    h: f64,
    /// ων/√n = s/√n.
    product: f64,
    mu: f64,
    decay_w: f64,
    decay_h: f64,
    /// λ_b, where there is a bias.
    decay_b: Option<f64>,
    /// c/K.
    factor: f64,
    /// Of a class of A, of B.
    samples: [GroupSample; 2],
    /// a and b: what a column of Ĝ of A puts on B, of B on A.
    across: [f64; 2],
    /// σ_B.
    sigma_other: f64,
}

/// A direction of the block of x: D_k on A in (x_ke_k, x_k1_A, x), D_k on B in x, and its decay.
struct Coordinate {
    alive: [f64; 3],
    other: f64,
    decay: f64,
}

impl Blocks {
    fn new(balanced: &Balanced, state: &PartialCollapse) -> Self {
        let (alive, classes, n) = (state.alive as u64, balanced.classes as u64, balanced.per_class as f64);
        let (m, k) = (alive as f64, classes as f64);
        let ratio = balanced.class_ratio();
        let alpha = match &balanced.loss {
            Loss::LabelSmoothing(loss) => loss.alpha,
            _ => 0.0,
        };
        let factor = balanced.scale / k;
        let [own, other] = state.samples;
        let unit = factor / n.sqrt();
        Self {
            alive,
            others: classes - alive,
            m,
            l: k - m,
            k,
            w: (ratio * state.scale / n).sqrt(),
            h: (state.scale / ratio).sqrt(),
            product: state.scale / n.sqrt(),
            mu: balanced.decay.mu(),
            decay_w: balanced.decay.w,
            decay_h: balanced.decay.h,
            decay_b: (balanced.bias != Bias::None).then_some(balanced.decay.b),
            factor,
            samples: state.samples,
            across: [unit * (k - m) * (own.eta * own.across - alpha / k), unit * m * (other.eta * other.across - alpha / k)],
            sigma_other: unit * other.eta * (1.0 - alpha),
        }
    }

    /// The rank of W and H.
    fn rank(&self) -> u64 {
        self.alive.saturating_sub(1)
    }

    fn within_class(&self, balanced: &Balanced, levels: &mut Levels) {
        let copies = balanced.per_class - 1;
        let (unused, origin) = (balanced.width as u64 - self.rank(), "within-class");
        let at = |curvature: f64| self.decay_h + self.w * self.w * curvature;
        levels.push(self.decay_h, copies * (self.alive + self.others) * unused, origin);
        if self.alive > 0 {
            let [own, other] = self.samples;
            levels.push(at(self.factor * own.eta * own.same), copies * self.alive * (self.alive - 2), origin);
            // (e_k − 1_A/m)/‖·‖.
            let simplex = self.of_alive([1.0, -1.0 / self.m]) * self.m / (self.m - 1.0);
            levels.push(at(simplex), copies * self.alive, origin);
            levels.push(at(self.factor * other.eta * other.across), copies * self.others * self.rank(), origin);
        }
    }

    fn off_space(&self, balanced: &Balanced, state: &PartialCollapse, levels: &mut Levels) {
        let unused = balanced.width as u64 - self.rank();
        let half = 0.5 * (self.decay_w + self.decay_h);
        let gap = 0.5 * (self.decay_w - self.decay_h);
        for (at, &(ratio, count)) in state.residual_ratios.iter().enumerate() {
            let simplex = at == 0 && self.alive > 0;
            let upper = half + gap.hypot(ratio * self.mu);
            // Exactly 0 on the simplex, by rotation.
            let lower = if simplex { 0.0 } else { self.mu * self.mu * (1.0 - ratio) * (1.0 + ratio) / upper };
            let upper = if simplex { 2.0 * half } else { upper };
            levels.push(lower, count as u64 * unused, "off-space");
            levels.push(upper, count as u64 * unused, "off-space");
        }
    }

    /// The three families of 2×2 blocks.
    fn pairs(&self, levels: &mut Levels) {
        if self.alive == 0 {
            return;
        }
        let ([own, other], m) = (self.samples, self.alive);
        let (w_square, h_square) = (self.w * self.w, self.h * self.h);
        let phi = self.factor * own.eta * own.same;
        let trace = self.decay_w + self.decay_h + phi * (h_square + w_square);
        let gap = self.decay_w - self.decay_h + phi * (h_square - w_square);
        let upper = 0.5 * trace + (0.5 * gap).hypot(phi * self.product - self.mu);
        // λ_Hν² = λ_Wω²/n = μs/√n: the determinants need no subtraction of large numbers.
        let lower = 4.0 * phi * self.mu * self.product / upper;
        let (antisymmetric, symmetric) = ((m - 1) * (m - 2) / 2, m * m.saturating_sub(3) / 2);
        levels.push(0.0, antisymmetric, "(m-2,1,1)");
        levels.push(trace, antisymmetric, "(m-2,1,1)");
        levels.push(lower, symmetric, "(m-2,2)");
        levels.push(upper, symmetric, "(m-2,2)");
        if self.others > 1 {
            let (chi, other_phi) = (self.factor * own.eta * own.across, self.factor * other.eta * other.across);
            let trace = self.decay_w + self.decay_h + chi * h_square + other_phi * w_square;
            let gap = self.decay_w - self.decay_h + chi * h_square - other_phi * w_square;
            let upper = 0.5 * trace + (0.5 * gap).hypot(self.sigma_other);
            let determinant = (self.mu - self.sigma_other) * (self.mu + self.sigma_other)
                + self.product * (self.mu * (chi + other_phi) + self.product * chi * other_phi);
            let times = (m - 1) * (self.others - 1);
            levels.push(determinant / upper, times, "std_A×std_B");
            levels.push(upper, times, "std_A×std_B");
        }
    }

    /// c ∥ 1, and c = z on std_B: Σ over A of χ, and over B of the form at z, η'lp' − p' dη'/dp'.
    fn bias_alone(&self, levels: &mut Levels) {
        let Some(decay_b) = self.decay_b else { return };
        levels.push(decay_b, 1, "trivial");
        if self.others > 1 {
            let [own, other] = self.samples;
            let bend = other.probability * other.slope / (other.complement * other.complement);
            let alive = if self.alive > 0 { self.m * own.eta * own.across } else { 0.0 };
            let curvature = alive + other.eta * self.l * other.probability - bend;
            levels.push(decay_b + self.factor * curvature, self.others - 1, "std_B");
        }
    }

    /// (c/K)[ηS − (η + pη')π²] from the sum S = Σp_ju_ju'_j and the means π, π', relative to 1 − p.
    fn form(&self, sample: &GroupSample, sum: f64, pi: f64, other_pi: f64) -> f64 {
        let GroupSample { probability, complement, eta, slope, .. } = *sample;
        let share = |pi: f64| if complement > 0.0 { pi / complement } else { 0.0 };
        self.factor * (eta * (sum - pi * other_pi) - probability * slope * share(pi) * share(other_pi))
    }

    /// The form of a class of A at αe_k + β1_A.
    fn of_alive(&self, d: [f64; 2]) -> f64 {
        self.of_alive_pair(d, d)
    }

    /// u is −α on the others of A and −α − β on B.
    fn of_alive_pair(&self, [alpha, beta]: [f64; 2], [alpha2, beta2]: [f64; 2]) -> f64 {
        let own = &self.samples[0];
        let (same, across) = ((self.m - 1.0) * own.same, self.l * own.across);
        let sum = same * alpha * alpha2 + across * (alpha + beta) * (alpha2 + beta2);
        let pi = |alpha: f64, beta: f64| same * alpha + across * (alpha + beta);
        self.form(own, sum, pi(alpha, beta), pi(alpha2, beta2))
    }

    /// Û, V̂ ∝ P/√(m−1) on A, c = ŷ, which is √(K/(ml)) 1_A up to a multiple of 1.
    fn trivial(&self) -> DMatrix<f64> {
        let root = (self.m - 1.0).sqrt();
        let of_p = |size: f64| [size / root, -size / (root * self.m)];
        let mut coordinates = vec![(of_p(self.h), self.decay_w), (of_p(self.w), self.decay_h)];
        if let Some(decay_b) = self.decay_b.filter(|_| self.others > 0) {
            coordinates.push(([0.0, (self.k / (self.m * self.l)).sqrt()], decay_b));
        }
        // A class of B at 1_A: Σ_A p'_A (1 − Σ_A p'_A) = m p'_A · l p'.
        let other = &self.samples[1];
        let pi = self.m * other.across;
        let of_other = self.form(other, pi, pi, pi);
        let size = coordinates.len();
        DMatrix::from_fn(size, size, |i, j| {
            let ((d, decay), (d2, _)) = (&coordinates[i], &coordinates[j]);
            let alive = self.m * self.of_alive_pair(*d, *d2);
            // Only c moves the logits of B.
            let others = if i == 2 && j == 2 { self.l * of_other * self.k / (self.m * self.l) } else { 0.0 };
            let coupling = if i + j == 1 { -self.mu } else { 0.0 };
            alive + others + coupling + if i == j { *decay } else { 0.0 }
        })
    }

    /// Σ over A of the forms at αx_ke_k + βx_k1_A + ζx, Σx_k² = 1.
    fn of_alive_standard(&self, [alpha, beta, zeta]: [f64; 3], [alpha2, beta2, zeta2]: [f64; 3]) -> f64 {
        let own = &self.samples[0];
        let (near, near2) = (alpha + zeta, alpha2 + zeta2);
        let same = (self.m - 1.0) * (zeta * zeta2 + near * near2) + zeta * near2 + zeta2 * near;
        let sum = own.same * same + self.l * own.across * (near + beta) * (near2 + beta2);
        let pi =
            |near: f64, beta: f64, zeta: f64| own.same * ((self.m - 1.0) * near + zeta) + self.l * own.across * (near + beta);
        self.form(own, sum, pi(near, beta, zeta), pi(near2, beta2, zeta2))
    }

    /// The block of one x ⊥ 1 on A: Û ∈ {ŷxᵀ, T}, V̂ ∈ {x1_Aᵀ/√m, T, x1_Bᵀ/√l}, c = x, as far as there are such.
    fn standard(&self) -> DMatrix<f64> {
        let Self { m, l, k, w, h, .. } = *self;
        let (has_t, has_b) = (self.alive > 2, self.others > 0);
        let t = if has_t { (m / (m - 2.0)).sqrt() } else { 0.0 };
        let of_t = |size: f64| [size * t, -size * t / m, -size * t / m];
        let mut coordinates: Vec<(&str, Coordinate)> = Vec::new();
        let mut add = |name, alive, other, decay| coordinates.push((name, Coordinate { alive, other, decay }));
        add("V 1_A", [0.0, 0.0, w / m.sqrt()], 0.0, self.decay_h);
        if has_b {
            add("U y", [0.0, h * (k / (m * l)).sqrt(), 0.0], 0.0, self.decay_w);
            add("V 1_B", [0.0; 3], w / l.sqrt(), self.decay_h);
        }
        if has_t {
            add("U T", of_t(h), 0.0, self.decay_w);
            add("V T", of_t(w), 0.0, self.decay_h);
        }
        if let Some(decay_b) = self.decay_b {
            add("c", [0.0, 0.0, 1.0], 1.0, decay_b);
        }
        let other = &self.samples[1];
        let other_phi = if has_b { self.factor * other.eta * other.across } else { 0.0 };
        let size = coordinates.len();
        DMatrix::from_fn(size, size, |i, j| {
            let ((first, one), (second, two)) = (&coordinates[i], &coordinates[j]);
            let coupling = match (*first, *second) {
                ("U y", "V 1_A") | ("V 1_A", "U y") => -(k / l).sqrt() * self.across[0],
                ("U y", "V 1_B") | ("V 1_B", "U y") => (k / m).sqrt() * self.across[1],
                ("U T", "V T") | ("V T", "U T") => -self.mu,
                _ => 0.0,
            };
            let curvature = self.of_alive_standard(one.alive, two.alive) + l * other_phi * one.other * two.other;
            curvature + coupling + if i == j { one.decay } else { 0.0 }
        })
    }
}
