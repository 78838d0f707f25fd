//! MSE and BCE: losses f₁(z_k) + Σ_{j≠k} f₂(z_j) that are convex but not shift-invariant, so that the mean of the logits matters.
//!
//! With a = z_k, c = z_j the scalar problem is f₁(a) + (K−1)f₂(c) + ε(K−1)|a − c| + R(v), v = (a + (K−1)c)/K, where R is what it
//! costs to have the mean v: min of ε|t| + (λ_b K/2)β² over t/K + β = v. R is Huber's function with R'(v) = Kτ, τ = λ_b v cut to [−ε, ε]
//! (no bias: λ_b = ∞, a free one: λ_b = 0). Stationarity with σ ∈ ∂|a − c|:
//!
//! ```text
//! f₁'(a) = −ε(K−1)σ − τ,    f₂'(c) = εσ − τ
//! ```
//!
//! So for s > 0 (σ = 1) both logits are functions of τ alone, and for s = 0 the mean v is: f₁'(v) + (K−1)f₂'(v) = −Kτ. In either case v falls
//! with τ, and τ is the root of v(τ) − τ/λ_b, or an end of [−ε, ε], where t ≠ 0. Convexity makes the solution global, and s < 0 never occurs.

use super::root::falling_root;
use super::{Bias, Reduced, Scalars};
use crate::losses::{Bce, Mse};

/// The two functions of a separable loss, through the inverses of their slopes.
pub(super) trait Separable {
    /// f₁(a).
    fn own(&self, a: f64) -> f64;
    /// f₂(c).
    fn other(&self, c: f64) -> f64;
    /// a with f₁'(a) = −`pull`.
    fn own_logit(&self, pull: f64) -> f64;
    /// c with f₂'(c) = `push`.
    fn other_logit(&self, push: f64) -> f64;
    /// v with f₁'(v) + (K−1) f₂'(v) = −K`tau`.
    fn common_logit(&self, classes: f64, tau: f64) -> f64;
}

impl Separable for Mse {
    fn own(&self, a: f64) -> f64 {
        0.5 * self.kappa * (a - self.target).powi(2)
    }

    fn other(&self, c: f64) -> f64 {
        0.5 * c * c
    }

    fn own_logit(&self, pull: f64) -> f64 {
        self.target - pull / self.kappa
    }

    fn other_logit(&self, push: f64) -> f64 {
        push
    }

    fn common_logit(&self, classes: f64, tau: f64) -> f64 {
        (self.kappa * self.target - classes * tau) / (self.kappa + classes - 1.0)
    }
}

impl Separable for Bce {
    fn own(&self, a: f64) -> f64 {
        softplus(-a)
    }

    fn other(&self, c: f64) -> f64 {
        softplus(c)
    }

    fn own_logit(&self, pull: f64) -> f64 {
        -logit(pull)
    }

    fn other_logit(&self, push: f64) -> f64 {
        logit(push)
    }

    fn common_logit(&self, classes: f64, tau: f64) -> f64 {
        logit(1.0 / classes - tau)
    }
}

/// log(1 + e^x).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// log(q/(1−q)), ∓∞ at and beyond the ends of (0, 1).
fn logit(q: f64) -> f64 {
    if q <= 0.0 {
        f64::NEG_INFINITY
    } else if q >= 1.0 {
        f64::INFINITY
    } else {
        q.ln() - (-q).ln_1p()
    }
}

/// The solution for a separable convex loss: s > 0 if that branch yields it, otherwise s = 0.
pub(super) fn minimum(reduced: &Reduced, loss: &dyn Separable) -> Scalars {
    let &Reduced { classes, epsilon, .. } = reduced;
    let logits = |tau: f64| (loss.own_logit(epsilon * (classes - 1.0) + tau), loss.other_logit(epsilon - tau));
    let mean_of = |(a, c): (f64, f64)| (a + (classes - 1.0) * c) / classes;
    let (tau, t, beta) = balance(reduced, |tau| mean_of(logits(tau)));
    let (a, c) = logits(tau);
    // An infinite a or c (BCE past its edge) or their NaN difference fails this test.
    let s = a - c;
    if s > 0.0 && s.is_finite() {
        return assemble(reduced, loss, s, t, beta);
    }
    let (_, t, beta) = balance(reduced, |tau| loss.common_logit(classes, tau));
    assemble(reduced, loss, 0.0, t, beta)
}

/// τ ∈ [−ε, ε] with the mean v(τ), a falling function, split into t/K + β.
fn balance(reduced: &Reduced, mean: impl Fn(f64) -> f64) -> (f64, f64, f64) {
    let &Reduced { classes, epsilon, bias, decay_b } = reduced;
    // 1/λ_b. Where it is 0 so is β, and adding 0 keeps it from being −0.
    let softness = match bias {
        Bias::Free => return (0.0, 0.0, mean(0.0)),
        Bias::Decayed => 1.0 / decay_b,
        Bias::None => 0.0,
    };
    // The part of the mean that the bias does not supply.
    let rest = |tau: f64| mean(tau) - tau * softness;
    for end in [epsilon, -epsilon] {
        let rest = rest(end);
        // Positive at τ = ε, negative at τ = −ε: the mean part is active.
        if rest * end > 0.0 {
            return (end, classes * rest, end * softness + 0.0);
        }
    }
    let tau = falling_root(rest, -epsilon, epsilon);
    (tau, 0.0, tau * softness + 0.0)
}

/// The value at (s, t, β).
fn assemble(reduced: &Reduced, loss: &dyn Separable, s: f64, t: f64, beta: f64) -> Scalars {
    let &Reduced { classes, epsilon, decay_b, .. } = reduced;
    let v = t / classes + beta;
    let (a, c) = (v + s * (classes - 1.0) / classes, v - s / classes);
    let decay = epsilon * ((classes - 1.0) * s + t.abs()) + 0.5 * decay_b * classes * beta * beta;
    Scalars { value: loss.own(a) + (classes - 1.0) * loss.other(c) + decay, s, t, beta, global: true }
}
