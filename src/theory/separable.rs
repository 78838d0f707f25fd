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
use crate::losses::{Bce, Custom, LossFunction, Mse};
use crate::numeric::Jet;

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

/// A convex sum over logits of the user's own, for K classes: inverses by search.
struct OwnSum<'l> {
    loss: &'l Custom,
    classes: usize,
}

impl OwnSum<'_> {
    /// (own, others) at a logit.
    fn at(&self, z: f64) -> [Jet<f64>; 2] {
        let nothing = Jet { value: f64::NAN, first: f64::NAN, second: f64::NAN };
        self.loss.at_logit(z, self.classes).unwrap_or([nothing; 2])
    }
}

impl Separable for OwnSum<'_> {
    fn own(&self, a: f64) -> f64 {
        self.at(a)[0].value
    }

    fn other(&self, c: f64) -> f64 {
        self.at(c)[1].value
    }

    fn own_logit(&self, pull: f64) -> f64 {
        self.loss.logit_of_slope(true, -pull, self.classes).unwrap_or(f64::NAN)
    }

    fn other_logit(&self, push: f64) -> f64 {
        self.loss.logit_of_slope(false, push, self.classes).unwrap_or(f64::NAN)
    }

    fn common_logit(&self, classes: f64, tau: f64) -> f64 {
        let slope = |v: f64| {
            let [own, others] = self.at(v);
            own.first + (classes - 1.0) * others.first
        };
        falling_root(|v| -classes * tau - slope(v), -LOGIT_MAX, LOGIT_MAX)
    }
}

/// Logits of sums of the user's own are sought within this.
const LOGIT_MAX: f64 = 1e4;

/// The solution for a sum over logits of the user's own. `Err` where it is not convex, or its true logit is pushed down.
pub(super) fn of_custom(reduced: &Reduced, loss: &Custom) -> Result<Scalars, String> {
    let classes = reduced.classes as usize;
    let Some((own, other)) = slopes_at_origin(loss, classes, reduced.bias, reduced.decay_b) else {
        return Err("the sum over logits is not convex: no closed form".into());
    };
    // Then s > 0 wherever s ≠ 0: the scalar problem is convex, and this is its slope at s = 0.
    if !(own <= other) {
        return Err(format!(
            "at W = H = 0 the slope of the true logit, {own}, is above that of the others, {other}: it rewards wrong answers"
        ));
    }
    Ok(minimum(reduced, &OwnSum { loss, classes }))
}

/// The slopes (γ_k, γ_j) of the true and of another logit at W = H = 0 with the best b = β1. `None` where the sum is not convex.
fn slopes_at_origin(loss: &Custom, classes: usize, bias: Bias, decay_b: f64) -> Option<(f64, f64)> {
    if !loss.convex() {
        return None;
    }
    let (sum, k) = (OwnSum { loss, classes }, classes as f64);
    let slope = |beta: f64| {
        let [own, others] = sum.at(beta);
        own.first + (k - 1.0) * others.first
    };
    let beta = match bias {
        Bias::None => 0.0,
        Bias::Free => sum.common_logit(k, 0.0),
        Bias::Decayed => falling_root(|beta| -(slope(beta) + k * decay_b * beta), -LOGIT_MAX, LOGIT_MAX),
    };
    let [own, others] = sum.at(beta);
    Some((own.first, others.first))
}

/// The ε from which on W = H = 0: max(|γ_k − γ_j|, |γ_k + (K−1)γ_j|)/K. `None` where the sum is not convex.
pub(super) fn zero_threshold(loss: &Custom, classes: usize, bias: Bias, decay_b: f64) -> Option<f64> {
    let (own, other) = slopes_at_origin(loss, classes, bias, decay_b)?;
    let k = classes as f64;
    Some((own - other).abs().max((own + (k - 1.0) * other).abs()) / k)
}

/// φ(t) of such a sum at the margin s: the least value over all shifts of the logits.
pub(super) fn least_over_shifts(loss: &Custom, classes: usize, s: f64) -> f64 {
    let sum = OwnSum { loss, classes };
    let others = (classes - 1) as f64;
    let slope = |c: f64| sum.at(c + s)[0].first + others * sum.at(c)[1].first;
    let c = falling_root(|c| -slope(c), -LOGIT_MAX, LOGIT_MAX);
    sum.own(c + s) + others * sum.other(c)
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
