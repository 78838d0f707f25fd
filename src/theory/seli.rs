//! Cross-entropy without a bias on unequal classes, as the decays go to zero: the SELI geometry (Thrampoulidis et al. 2022), how fast it is approached, and the minimum on the way.
//!
//! With ‖X‖_* for the decays (d ≥ K − 1) and samples of a class alike, X = ZY, the problem is min (1/N) Σ_k n_k L(z_k, k) + μ‖ZD^{1/2}‖_*, D = diag(n_k). Let Q = (ZDZᵀ)^{†1/2} Z D^{1/2} be the polar
//! factor of ZD^{1/2}. Stationarity, (n_k/N)(p_k − e_k) + μ√n_k Q_k = 0, gives every off-class probability
//!
//! ```text
//! p_jk = −μ N Q_jk/√n_k  (j ≠ k),    p_kk = 1 − Σ_j p_jk,    z_kk − z_jk = log(p_kk/p_jk)                                    (*)
//! ```
//!
//! and 1ᵀZ = 0, so that Z = −P·(margins). Q does not see the scale of Z: with ℓ = log(1/μ) all margins are ℓ + O(1), hence
//!
//! ```text
//! Z = ℓP + C + O(1/ℓ),    C = P log(−N Q⁰_jk/√n_k)  (diagonal 0),    Q⁰ the polar factor of PD^{1/2}
//! ```
//!
//! So Z/‖Z‖ → P/‖P‖ and WWᵀ ∝ (ZDZᵀ)^{1/2} → (PDP)^{1/2}, at distances c/ℓ + O(1/ℓ²) with c > 0 unless C ∥ P: convergence is logarithmic in the decays. The margins are not equal because the loss's
//! pull on a pair, p_jk, must match μ times a different number for each pair, and the loss turns ratios of pulls into differences of margins.

use nalgebra::DMatrix;

use super::Inapplicable;
use crate::linalg::{eigen, svd};
use crate::losses::Loss;
use crate::model::Bias;
use crate::objective::Problem;

/// Iterations of (*) before it is given up; the error shrinks by a factor of about 1/ℓ in each.
const ITERATIONS_MAX: usize = 2000;
/// Relative change of Z at which (*) is solved: rounding.
const SOLVED: f64 = 1e-14;

/// Gram matrices of the SELI geometry, each of Frobenius norm 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Seli {
    /// WWᵀ ∝ (PDP)^{1/2}, `[K×K]`.
    pub classifier: DMatrix<f64>,
    /// The class means' MᵀM ∝ P(PDP)^{†1/2}P, `[K×K]`.
    pub means: DMatrix<f64>,
    /// Logits of the class means, WM ∝ P.
    pub logits: DMatrix<f64>,
}

impl Seli {
    /// The matrices by class sizes alone.
    pub fn of_sizes(sizes: &[usize]) -> Self {
        let centre = centre(sizes.len());
        let gram = gram_root(&centre, sizes);
        let power = |p: f64| {
            let sum = gram.power(p);
            let norm = sum.norm();
            sum / norm
        };
        let logits = &centre / centre.norm();
        Self { classifier: power(1.0), means: power(-1.0), logits }
    }
}

/// The simplex-encoded-labels interpolation of class sizes D = diag(n_k): the limit λ_W = λ_H → 0 of cross-entropy without a bias (Thrampoulidis et al. 2022). X ∝ PY = UΣVᵀ with W = UΣ^{1/2}, H = Σ^{1/2}Vᵀ,
/// so WWᵀ ∝ (PYYᵀP)^{1/2} and HᵀH ∝ YᵀP(PDP)^{†1/2}PY. Convergence in λ is only logarithmic: see [`seli_rates`]. With a free bias it is false unless the classes are balanced.
pub fn seli(problem: &Problem) -> Result<Seli, Inapplicable> {
    applies(problem)?;
    Ok(Seli::of_sizes(problem.shape.class_sizes()))
}

/// The limits of (distance from SELI) × log(1/μ) as μ → 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeliRates {
    /// Of ‖WWᵀ/‖WWᵀ‖ − (PDP)^{1/2}/‖(PDP)^{1/2}‖‖.
    pub classifier: f64,
    /// Of ‖WM/‖WM‖ − P/‖P‖‖.
    pub logits: f64,
}

/// c of the classifier and of the logits, from C above.
///
/// d/dt of the unit matrix of A + tB is the part of B orthogonal to A, over ‖A‖. For the classifier A = S = (PDP)^{1/2} and SB + BS = CDP + PDCᵀ, solved in the eigenbasis of S.
pub fn seli_rates(problem: &Problem) -> Result<SeliRates, Inapplicable> {
    applies(problem)?;
    let (sizes, samples) = (problem.shape.class_sizes(), problem.shape.samples() as f64);
    let centre = centre(sizes.len());
    let polar = polar(&centre, sizes);
    let pull = |j: usize, k: usize| -samples * polar[(j, k)] / (sizes[k] as f64).sqrt();
    positive(pull, sizes.len())?;
    let margins = DMatrix::from_fn(sizes.len(), sizes.len(), |j, k| if j == k { 0.0 } else { pull(j, k).ln() });
    let correction = &centre * margins;
    let root = gram_root(&centre, sizes);
    let weights = DMatrix::from_fn(sizes.len(), sizes.len(), |i, j| if i == j { sizes[i] as f64 } else { 0.0 });
    let change = &correction * weights * &centre;
    let change = root.vectors.transpose() * (&change + change.transpose()) * &root.vectors;
    let change = DMatrix::from_fn(change.nrows(), change.ncols(), |i, j| change[(i, j)] / (root.values[i] + root.values[j]));
    let change = &root.vectors * change * root.vectors.transpose();
    Ok(SeliRates { classifier: aside(&root.power(1.0), &change), logits: aside(&centre, &correction) })
}

/// The minimum of cross-entropy without a bias at given decays: the solution of (*).
#[derive(Clone, Debug, PartialEq)]
pub struct SeliMinimum {
    /// f*.
    pub value: f64,
    /// Z, the logits of each class, `[K×K]`, columns summing to zero.
    pub logits: DMatrix<f64>,
    /// ‖WWᵀ/‖WWᵀ‖ − (PDP)^{1/2}/‖(PDP)^{1/2}‖‖.
    pub classifier_distance: f64,
    /// ‖WM/‖WM‖ − P/‖P‖‖.
    pub logits_distance: f64,
}

/// Solves (*) by iteration from ℓP. The problem is convex in X, so that a solution is the global minimum.
///
/// `Err` where the iteration leaves the positive probabilities or does not settle: the decays are then too large for the expansion in 1/ℓ that it follows.
pub fn seli_minimum(problem: &Problem) -> Result<SeliMinimum, Inapplicable> {
    applies(problem)?;
    let mu = problem.decay.mu() / problem.scale;
    Inapplicable::positive("μ", mu)?;
    let (sizes, samples) = (problem.shape.class_sizes(), problem.shape.samples() as f64);
    let (classes, centre) = (sizes.len(), centre(sizes.len()));
    let far = || Inapplicable::new(format!("μ = {mu:e} is too far from 0 to be reached from there"), "take smaller decays");
    let mut logits = &centre * -mu.ln().min(-f64::MIN_POSITIVE);
    for _ in 0..ITERATIONS_MAX {
        let polar = polar(&logits, sizes);
        let other = |j: usize, k: usize| -mu * samples * polar[(j, k)] / (sizes[k] as f64).sqrt();
        let missing: Vec<f64> = (0..classes).map(|k| (0..classes).filter(|&j| j != k).map(|j| other(j, k)).sum()).collect();
        positive(other, classes).map_err(|_| far())?;
        if !missing.iter().all(|&missing| missing < 1.0) {
            return Err(far());
        }
        let own: Vec<f64> = missing.iter().map(|missing| (-missing).ln_1p()).collect();
        let margins = DMatrix::from_fn(classes, classes, |j, k| if j == k { 0.0 } else { own[k] - other(j, k).ln() });
        let next = -(&centre * margins);
        let change = (&next - &logits).norm();
        logits = next;
        if !change.is_finite() {
            return Err(far());
        }
        if change <= SOLVED * logits.norm() {
            let root = gram_root(&logits, sizes);
            let loss: f64 = own.iter().zip(sizes).map(|(own, &n)| -own * n as f64 / samples).sum();
            let unit = |a: &DMatrix<f64>| a / a.norm();
            let seli = Seli::of_sizes(sizes);
            return Ok(SeliMinimum {
                value: problem.scale * (loss + mu * root.values.iter().sum::<f64>()),
                classifier_distance: (unit(&root.power(1.0)) - seli.classifier).norm(),
                logits_distance: (unit(&logits) - seli.logits).norm(),
                logits,
            });
        }
    }
    Err(far())
}

/// Cross-entropy, no bias (or equal classes, where it vanishes), d ≥ K − 1.
fn applies(problem: &Problem) -> Result<(), Inapplicable> {
    Inapplicable::unless(
        matches!(problem.loss, Loss::CrossEntropy(_)),
        || format!("SELI is the limit of cross-entropy, not of {}", problem.loss.name()),
        || "take loss.name=cross-entropy".into(),
    )?;
    Inapplicable::unless(
        problem.bias == Bias::None || problem.shape.per_class().is_some(),
        || format!("with a bias ({}) and unequal classes the limit is another one", problem.bias.name()),
        || "take model.bias=none".into(),
    )?;
    Inapplicable::width(problem.shape.width(), problem.shape.classes() - 1)
}

/// Every pair of classes must repel: a margin that no sample of class k supports is not bounded by the loss's pull, and the limit is another one.
fn positive(pull: impl Fn(usize, usize) -> f64, classes: usize) -> Result<(), Inapplicable> {
    let all = (0..classes).all(|k| (0..classes).all(|j| j == k || pull(j, k) > 0.0));
    Inapplicable::unless(
        all,
        || "some pair of classes does not repel: a margin is inactive".into(),
        || "take class sizes that differ less".into(),
    )
}

fn centre(classes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(classes, classes, |i, j| f64::from(u8::from(i == j)) - 1.0 / classes as f64)
}

/// ‖B − A⟨A, B⟩/‖A‖²‖/‖A‖.
fn aside(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    let square = a.norm_squared();
    (b - a * (a.dot(b) / square)).norm() / square.sqrt()
}

/// (ZDZᵀ)^{1/2} on 1^⊥: K − 1 eigenvalues with their vectors.
struct Root {
    values: Vec<f64>,
    vectors: DMatrix<f64>,
}

impl Root {
    /// (ZDZᵀ)^{p/2}, zero on 1.
    fn power(&self, p: f64) -> DMatrix<f64> {
        let powers = DMatrix::from_diagonal(&nalgebra::DVector::from_iterator(
            self.values.len(),
            self.values.iter().map(|value| value.powf(p)),
        ));
        &self.vectors * powers * self.vectors.transpose()
    }
}

/// For Z with 1ᵀZ = 0: the null vector 1 has the smallest eigenvalue of ZDZᵀ, zero up to rounding, and is left out.
fn gram_root(z: &DMatrix<f64>, sizes: &[usize]) -> Root {
    let half = weighted(z, sizes);
    let found = eigen(&(&half * half.transpose()));
    Root {
        values: found.values[1..].iter().map(|value| value.max(0.0).sqrt()).collect(),
        vectors: found.vectors.columns(1, sizes.len() - 1).into_owned(),
    }
}

/// ZD^{1/2}.
fn weighted(z: &DMatrix<f64>, sizes: &[usize]) -> DMatrix<f64> {
    DMatrix::from_fn(z.nrows(), z.ncols(), |j, k| z[(j, k)] * (sizes[k] as f64).sqrt())
}

/// The polar factor of ZD^{1/2} on its K − 1 largest singular values.
fn polar(z: &DMatrix<f64>, sizes: &[usize]) -> DMatrix<f64> {
    let found = svd(&weighted(z, sizes));
    let rank = sizes.len() - 1;
    found.u.columns(0, rank) * found.v.columns(0, rank).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses;
    use crate::model::{Decay, Shape};

    fn problem(sizes: &[usize], mu: f64) -> Problem {
        let shape = Shape::new(sizes.len(), sizes).unwrap();
        let loss = (losses::ALL.iter().find(|family| family.name == "cross-entropy").unwrap().build)(&[]);
        Problem { shape, bias: Bias::None, decay: Decay { w: mu, h: mu, b: 0.0 }, loss, scale: 1.0 }
    }

    /// distance × ℓ → c with a remainder O(1/ℓ): twice the logarithm, half the remainder.
    #[test]
    fn distances_times_the_logarithm_tend_to_the_rates() {
        for sizes in [&[10, 10, 2, 2][..], &[40, 20, 10, 5, 5], &[30, 3, 1], &[7, 5]] {
            let rates = seli_rates(&problem(sizes, 1e-3)).unwrap();
            let left = |ell: f64| {
                let found = seli_minimum(&problem(sizes, (-ell).exp())).unwrap();
                [found.logits_distance * ell - rates.logits, found.classifier_distance * ell - rates.classifier]
            };
            let (near, far) = (left(150.0), left(300.0));
            for (near, far) in near.into_iter().zip(far) {
                // Where the remainder's first term happens to be small the next one shows.
                assert!(far.abs() <= 0.02 && far.abs() <= 0.6 * near.abs() + 2e-5, "{sizes:?}: {near} {far}");
            }
        }
    }

    /// Balanced classes are the closed form of the simplex: p_j = ε, at distance zero for every decay.
    #[test]
    fn equal_classes_are_a_simplex_at_every_decay() {
        let problem = problem(&[3, 3, 3, 3], 1e-3);
        let found = seli_minimum(&problem).unwrap();
        let closed = crate::theory::balanced_minimum(&problem).unwrap();
        assert!((found.value - closed.value).abs() <= 1e-13 * closed.value, "{} {}", found.value, closed.value);
        assert!(found.logits_distance <= 1e-13 && found.classifier_distance <= 1e-13);
        assert!(((found.logits[(0, 0)] - found.logits[(1, 0)]) - closed.scale).abs() <= 1e-12 * closed.scale);
    }

    #[test]
    fn large_decays_and_other_problems_are_refused() {
        assert!(seli_minimum(&problem(&[10, 10, 2, 2], 0.5)).unwrap_err().nearest.contains("smaller decays"));
        let biased = Problem { bias: Bias::Free, ..problem(&[10, 10, 2, 2], 1e-4) };
        assert!(seli_minimum(&biased).is_err() && seli_rates(&biased).is_err());
    }
}
