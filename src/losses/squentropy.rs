//! Squentropy, L = −log p_k + (1/(K−1)) Σ_{j≠k} z_j² (Hui, Belkin & Wright 2023, "Cut your losses with squentropy"): cross-entropy plus the square of the other logits.

use super::conjugate::{entropy_term, fraction_inside};
use super::cross_entropy::softmax_hessian;
use super::{Conjugate, Epilogue, LogitHessian, LossFunction, Softmax};

/// Squentropy: ∇L = p − e_k + 2/(K−1) (z − z_k e_k), ∇²L = diag(p) − ppᵀ + 2/(K−1) diag(1 − e_k). Convex, not shift-invariant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Squentropy;

/// 1/(K−1).
fn share(classes: usize) -> f64 {
    1.0 / (classes - 1) as f64
}

/// (1/(K−1)) Σ_{j≠k} z_j².
fn squares(logits: &[f64], label: usize) -> f64 {
    let sum: f64 = logits.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, z)| z * z).sum();
    share(logits.len()) * sum
}

impl LossFunction for Squentropy {
    fn convex(&self) -> bool {
        true
    }

    fn shift_invariant(&self) -> bool {
        false
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        Softmax::without_probabilities(logits).surprise(logits, label) + squares(logits, label)
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let softmax = Softmax::new(logits, gradient);
        softmax.residual(gradient, label);
        let stiffness = 2.0 * share(logits.len());
        for (j, (g, z)) in gradient.iter_mut().zip(logits).enumerate() {
            if j != label {
                *g += stiffness * z;
            }
        }
        softmax.surprise(logits, label) + squares(logits, label)
    }

    fn hessian(&self, logits: &[f64], label: usize, out: &mut LogitHessian) {
        softmax_hessian(logits, out);
        out.plain.resize(logits.len(), 2.0 * share(logits.len()));
        out.plain[label] = 0.0;
    }

    fn epilogue(&self) -> Epilogue {
        Epilogue::Softmax {
            smoothing: 0.0,
            functions: String::new(),
            weigh: "    return Weights(own.surprise, 1.0, 0.0);".into(),
            added: Some("    return select(vec3<f32>(z * z, 2.0 * z, 2.0) / (classes - 1.0), vec3<f32>(0.0), own);".into()),
            temperatures: None,
        }
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        Some(self)
    }
}

impl Conjugate for Squentropy {
    /// The sum of two functions has the infimal convolution of their conjugates. That of the squares is ((K−1)/4) Σ_{j≠k} w_j² with w_k = 0, so
    ///
    /// ```text
    /// L*(u) = min over p in the simplex with p_k = 1 + u_k of Σ_j p_j log p_j + ((K−1)/4) Σ_{j≠k} (u_j − p_j)².
    /// ```
    ///
    /// Every p gives an upper bound of L*, hence a valid lower bound of f, however well the minimum is found: it is stationary where log p_j + κ(p_j − u_j) is the same for all
    /// j ≠ k, κ = (K−1)/2, and the off-class mass −u_k fixes the multiplier.
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        let mass = -dual[label];
        if dual.iter().any(|u| u.is_nan()) {
            return f64::NAN;
        }
        let own = if mass < 0.5 { (1.0 - mass) * (-mass).ln_1p() } else { entropy_term(1.0 - mass) };
        let kappa = 0.5 * (dual.len() - 1) as f64;
        let others = || dual.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, &u)| u);
        if !(mass > 0.0) {
            let squares: f64 = others().map(|u| u * u).sum();
            return own + entropy_term(mass) + 0.5 * kappa * squares;
        }
        let multiplier = multiplier(mass, kappa, others());
        let found: f64 = others().map(|u| log_mass(multiplier + kappa * u, kappa).exp()).sum();
        let fit = mass / found;
        let terms = others().map(|u| {
            let p = fit * log_mass(multiplier + kappa * u, kappa).exp();
            entropy_term(p) + 0.5 * kappa * (u - p).powi(2)
        });
        own + terms.sum::<f64>()
    }

    fn interior_slope(&self) -> Option<f64> {
        Some(1.0)
    }

    /// Only the true class's entry is bounded: −1 ≤ u_k ≤ 0.
    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        fraction_inside(inside, target, |j| if j == label { (-1.0, 0.0) } else { (f64::NEG_INFINITY, f64::INFINITY) })
    }
}

/// y with y + κe^y = r: Newton's method from above on a convex, rising function falls to the root.
fn log_mass(r: f64, kappa: f64) -> f64 {
    // At both starts the function is at least r.
    let mut y = r.min((r.max(kappa) / kappa).ln());
    for _ in 0..60 {
        let bent = kappa * y.exp();
        let next = y - (y + bent - r) / (1.0 + bent);
        if !(next < y) {
            break;
        }
        y = next;
    }
    y
}

/// ν with Σ_j p_j(ν) = `mass`, where log p_j + κp_j = ν + κu_j: Newton's method on the logarithm of the sum, kept in a bracket that shrinks.
fn multiplier(mass: f64, kappa: f64, duals: impl Iterator<Item = f64> + Clone) -> f64 {
    let mean = mass / (2.0 * kappa);
    let largest = duals.clone().fold(f64::NEG_INFINITY, f64::max);
    let least = duals.clone().fold(f64::INFINITY, f64::min);
    // Some p_j is at least the mean, and some at most.
    let (mut low, mut high) = (mean.ln() + kappa * (mean - largest), mean.ln() + kappa * (mean - least));
    let mut nu = 0.5 * (low + high);
    for _ in 0..200 {
        let (mut sum, mut slope) = (0.0, 0.0);
        for u in duals.clone() {
            let p = log_mass(nu + kappa * u, kappa).exp();
            sum += p;
            slope += p / (1.0 + kappa * p);
        }
        let excess = (sum / mass).ln();
        if excess > 0.0 {
            high = nu
        } else {
            low = nu
        }
        let newton = nu - excess * sum / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - nu).abs() <= 1e-16 * (1.0 + nu.abs()) {
            break;
        }
        nu = next;
    }
    nu
}
