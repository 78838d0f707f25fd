//! Losses ℓ(p_k) of the true class's probability alone: value, gradient, Hessian and conjugate from ℓ's derivatives in one variable.
//!
//! With E = Σ_{j≠k} e^{z_j − z_k}, u = −log E, p_k = 1/(1+E) and the shares π_j = p_j/(1−p_k) of the other classes, ∂E/∂z_j = Eπ_j and ∂E/∂z_k = −E, so that with D₁ = E ∂ℓ/∂E, D₂ = E² ∂²ℓ/∂E²
//!
//! ```text
//! ∇L = D₁ (π − e_k),     ∇²L = Mᵀ (D₁ diag(π) + D₂ ππᵀ) M,   M y = y − y_k 1
//! ```
//!
//! Where k dominates (E ≤ 1 or so) that is the form to use: cross-entropy has D₁ = q, D₂ = −q², while ∂_u² = D₁ + D₂ = pq would have to be cancelled against D₁. Elsewhere another class m dominates, π_m may be 1 to the last digit, and
//! with D₁ = −ℓ_u the same matrix is, relative to m and with π̃ = π without its entry m,
//!
//! ```text
//! ∇²L = Mᵀ (−ℓ_u (diag(π̃) − π̃π̃ᵀ) + ℓ_uu (e_k − π̃)(e_k − π̃)ᵀ) M,   M y = y − y_m 1
//! ```
//!
//! **Convexity.** (e_k − π)ᵀ and diag(π) − ππᵀ act on complementary directions, so ∇²L ⪰ 0 iff ℓ_uu ≥ 0 and, for K ≥ 3, ℓ_u ≤ 0. Where that holds for every u,
//!
//! ```text
//! L*(y) = Σ_{j≠k} y_j log(y_j/a) + sup_u (−a u − ℓ(u)),   a = −y_k = Σ_{j≠k} y_j,  y_j ≥ 0,
//! ```
//!
//! as sup over z of ⟨y, z⟩ − ℓ(u), u = z_k − log Σ_{j≠k} e^{z_j}, is one over the off-class logits at a given log-sum-exp (minus a times the entropy of y/a) and one over u.

use super::conjugate::{BOUNDARY_SLACK, fraction_inside};
use super::{LogitHessian, Softmax};
use crate::numeric::Jet;
use crate::numeric::expression::{Along, TrueClass};

/// A loss ℓ(p_k).
pub(super) trait OfTrueClass {
    /// ℓ with the derivatives of `along`, for K classes.
    fn jet(&self, at: &TrueClass<f64>, along: Along, classes: usize) -> Jet<f64>;

    /// Whether −log q is needed.
    fn needs_other_surprise(&self) -> bool {
        false
    }
}

/// Log-odds beyond which p or q leaves the range of doubles.
pub(super) const LOG_ODDS_MAX: f64 = 745.0;

/// p, q and their logarithms at the log-odds u.
pub(super) fn at_log_odds(u: f64) -> TrueClass<f64> {
    let small = (-u.abs()).exp();
    let (large, small_part, log) = (1.0 / (1.0 + small), small / (1.0 + small), small.ln_1p());
    let (p, q) = if u >= 0.0 { (large, small_part) } else { (small_part, large) };
    let (up, down) = if u >= 0.0 { (u + log, log) } else { (log, log - u) };
    TrueClass { p, q, surprise: down, other_surprise: up }
}

/// Where a sample stands: p_k and its kin, and the coordinate that keeps digits there. `p` is p_k as the softmax has it, used where k does not dominate.
fn place(loss: &impl OfTrueClass, logits: &[f64], label: usize, softmax: &Softmax, p: f64) -> (TrueClass<f64>, Along) {
    let surprise = softmax.surprise(logits, label);
    let dominates = label == softmax.dominant;
    let (p, q) = if dominates { (softmax.peak, softmax.others) } else { (p, 1.0 - p) };
    let other_surprise = match (loss.needs_other_surprise(), dominates) {
        (false, _) => 0.0,
        (true, true) if q > 1e-300 => {
            // −log q, from whichever of p and q is away from 1.
            if q > 0.5 { -(-p).ln_1p() } else { -q.ln() }
        }
        (true, true) => surprise + gap(logits, label),
        (true, false) => -(-p).ln_1p(),
    };
    let along = if dominates { Along::Odds } else { Along::LogOdds };
    (TrueClass { p, q, surprise, other_surprise }, along)
}

/// The largest logit but the label's.
fn second(logits: &[f64], label: usize) -> f64 {
    logits.iter().enumerate().filter(|&(j, _)| j != label).fold(f64::NEG_INFINITY, |top, (_, &z)| if z <= top { top } else { z })
}

/// u = z_k − log Σ_{j≠k} e^{z_j}.
fn gap(logits: &[f64], label: usize) -> f64 {
    let top = second(logits, label);
    let sum: f64 = logits.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, &z)| (z - top).exp()).sum();
    (logits[label] - top) - sum.ln()
}

/// Turns probabilities into the shares π (0 at the label).
fn shares(probabilities: &mut [f64], logits: &[f64], label: usize, q: f64) {
    if q > 0.0 || q.is_nan() {
        probabilities.iter_mut().for_each(|p| *p /= q);
    } else {
        // All others underflowed: relative to the largest of them they have not.
        let top = second(logits, label);
        let sum: f64 = logits.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, &z)| (z - top).exp()).sum();
        probabilities.iter_mut().zip(logits).for_each(|(p, &z)| *p = (z - top).exp() / sum);
    }
    probabilities[label] = 0.0;
}

/// L(z, k).
pub(super) fn value(loss: &impl OfTrueClass, logits: &[f64], label: usize) -> f64 {
    let softmax = Softmax::without_probabilities(logits);
    let surprise = softmax.surprise(logits, label);
    let (mut at, along) = place(loss, logits, label, &softmax, (-surprise).exp());
    if label != softmax.dominant {
        at.q = -(-surprise).exp_m1();
    }
    loss.jet(&at, along, logits.len()).value
}

/// L(z, k) and ∇L.
pub(super) fn value_gradient(loss: &impl OfTrueClass, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
    let softmax = Softmax::new(logits, gradient);
    let (at, along) = place(loss, logits, label, &softmax, gradient[label]);
    let jet = loss.jet(&at, along, logits.len());
    let pull = if along == Along::Odds { jet.first } else { -jet.first };
    shares(gradient, logits, label, at.q);
    gradient.iter_mut().for_each(|g| *g *= pull);
    gradient[label] = -pull;
    jet.value
}

/// ∇²L.
pub(super) fn hessian(loss: &impl OfTrueClass, logits: &[f64], label: usize, out: &mut LogitHessian) {
    out.reset(logits.len(), None, 1);
    let softmax = Softmax::new(logits, &mut out.terms[0].1);
    let (at, along) = place(loss, logits, label, &softmax, out.terms[0].1[label]);
    let jet = loss.jet(&at, along, logits.len());
    out.pivot = Some(softmax.dominant);
    let (coefficient, share) = &mut out.terms[0];
    shares(share, logits, label, at.q);
    let pull = if along == Along::Odds { jet.first } else { -jet.first };
    share[softmax.dominant] = 0.0;
    out.diagonal.iter_mut().zip(share.iter()).for_each(|(a, share)| *a = pull * share);
    if along == Along::Odds {
        *coefficient = jet.second;
    } else {
        *coefficient = -pull;
        let mut toward_label: Vec<f64> = share.iter().map(|share| -share).collect();
        toward_label[label] = 1.0;
        out.terms.push((jet.second, toward_label));
    }
}

/// −ℓ_u at the log-odds u.
pub(super) fn pull(loss: &impl OfTrueClass, u: f64, classes: usize) -> f64 {
    -loss.jet(&at_log_odds(u), Along::LogOdds, classes).first
}

/// The slopes a of the conjugate's domain, (a_min, a_max): −ℓ_u falls from one to the other.
fn slopes(loss: &impl OfTrueClass, classes: usize) -> (f64, f64) {
    (pull(loss, LOG_ODDS_MAX, classes), pull(loss, -LOG_ODDS_MAX, classes))
}

/// Whether the numbers say that ℓ is convex in u and falls, at the log-odds `u`.
pub(super) fn convex_at(loss: &impl OfTrueClass, u: f64, classes: usize) -> bool {
    let at = at_log_odds(u);
    let jet = loss.jet(&at, Along::LogOdds, classes);
    // Rounding in the terms that pq is made of is far below this.
    let room = 1e-11 * at.p * at.q * (1.0 + jet.first.abs() / at.q.max(f64::MIN_POSITIVE));
    jet.second >= -room && jet.first <= 1e-12 * at.q
}

/// L*(y) of a convex ℓ.
pub(super) fn conjugate_value(loss: &impl OfTrueClass, dual: &[f64], label: usize) -> f64 {
    if dual.iter().any(|y| y.is_nan()) {
        return f64::NAN;
    }
    let (least, most) = slopes(loss, dual.len());
    let a = -dual[label];
    let others = || dual.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, &y)| y);
    if !(a >= least - BOUNDARY_SLACK && a <= most + BOUNDARY_SLACK) || others().any(|y| y < -BOUNDARY_SLACK) {
        return f64::INFINITY;
    }
    let entropy: f64 = others().filter(|&y| y > 0.0 && a > 0.0).map(|y| y * (y / a).ln()).sum();
    let (mut low, mut high) = (-LOG_ODDS_MAX, LOG_ODDS_MAX);
    // An error of δ in u costs δ² in the value.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if pull(loss, middle, dual.len()) > a { low = middle } else { high = middle }
    }
    let u = 0.5 * (low + high);
    let value = loss.jet(&at_log_odds(u), Along::LogOdds, dual.len()).value;
    entropy - (a * u + value)
}

/// The c of [`super::Conjugate::interior_slope`].
pub(super) fn interior_slope(loss: &impl OfTrueClass, classes: usize) -> f64 {
    // A slope without bound leaves every c to choose from.
    slopes(loss, classes).1.min(1e6)
}

/// The fraction of [`super::Conjugate::domain_fraction`].
pub(super) fn domain_fraction(loss: &impl OfTrueClass, inside: &[f64], target: &[f64], label: usize) -> f64 {
    let most = slopes(loss, inside.len()).1;
    fraction_inside(inside, target, |j| if j == label { (-most, 0.0) } else { (0.0, f64::INFINITY) })
}
