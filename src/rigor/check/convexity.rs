//! Kind 7, the convexity region: ∇²L(z, k) is positive semidefinite exactly where p_k ≥ p_c.
//!
//! Cross-entropy, label smoothing, MSE and BCE are convex everywhere: p_c = 0. The focal loss: with p = p_k, m the mean of v_j over j ≠ k with the weights p_j/(1−p), and Var the variance there,
//!
//! ```text
//! vᵀ∇²L v = η vᵀ(diag p − ppᵀ)v − η' p (v_k − Σp_jv_j)² = p(1−p)(v_k−m)² [η − (1−p)η'] + η(1−p) Var(v),
//! ```
//!
//! as vᵀ(diag p − ppᵀ)v = p(1−p)(v_k−m)² + (1−p)Var(v) and v_k − Σp_jv_j = (1−p)(v_k−m). η > 0, so that ∇²L is positive semidefinite iff η ≥ (1−p)η'; otherwise v = e_k is a direction of negative curvature. With x = −log p,
//!
//! ```text
//! (1−p)[η − (1−p)η'] = (1−p)^γ F(p),   F(p) = (1−p) + γ(1−p)(2−x) + γ² x p = (1+2γ)(1−p) − γx(1−(γ+1)p).
//! ```
//!
//! **F has one root, at p_c, and is positive above it** (γ > 0). For p ≥ 1/(γ+1) both terms of the second form are ≥ 0, the first positive. Below, F/(1−(γ+1)p) = (1+2γ)(1−p)/(1−(γ+1)p) + γ log p has the derivative
//! (1+2γ)γ/(1−(γ+1)p)² + γ/p > 0, and goes from −∞ to +∞. For γ = 0 F = 1−p > 0: p_c = 0. So F(lo) < 0 < F(hi) is all that is to be verified, for every γ at once.
//!
//! **What this does not establish**: anything of the landscape in (W, H, b), where f is convex for no loss.

use super::report::Steps;
use crate::numeric::interval::Interval;
use crate::rigor::losses::IntervalLoss;

/// Verifies that p_c lies in `edge`.
pub(super) fn verify(loss: &IntervalLoss, edge: Interval, steps: &mut Steps) -> Option<()> {
    let found = || format!("{edge}");
    steps.holds("the edge is a probability: 0 ≤ lo, hi < 1", edge.lo() >= 0.0 && edge.hi() < 1.0, found)?;
    let Some(gamma) = loss.focusing().filter(|_| !loss.convex()) else {
        return steps.holds("the loss is convex everywhere: the edge is 0", edge.lo() <= 0.0, found);
    };
    if edge.lo() > 0.0 {
        steps.less("negative curvature where p_k is lower: F(lo) < 0", excess_at(gamma, edge.lo()).hi(), 0.0)?;
    }
    if gamma.hi() <= 0.0 && edge.hi() <= 0.0 {
        return Some(());
    }
    steps.holds("the edge ends above 0", edge.hi() > 0.0, found)?;
    steps.less("convex where p_k is higher: 0 < F(hi)", 0.0, excess_at(gamma, edge.hi()).lo())
}

/// F at p, a float in (0, 1).
fn excess_at(gamma: Interval, p: f64) -> Interval {
    let p = Interval::point(p);
    excess(gamma, p, Interval::ONE - p, -p.log())
}

/// F at p = 1/K: its sign says whether φ is convex from t = 0 on.
pub(super) fn excess_at_zero(gamma: Interval, classes: usize) -> Interval {
    let count = Interval::count(classes);
    let p = count.recip();
    excess(gamma, p, Interval::count(classes - 1) * p, count.log())
}

/// F for p, 1 − p and −log p. A quadratic in γ: its square completed, every γ of a wide interval counts once.
fn excess(gamma: Interval, p: Interval, complement: Interval, surprise: Interval) -> Interval {
    let (square, linear) = (surprise * p, complement * (Interval::point(2.0) - surprise));
    let plain = complement + gamma * linear + gamma.sqr() * square;
    let half = linear / (Interval::point(2.0) * square);
    let completed = square * (gamma + half).sqr() + (complement - square * half.sqr());
    plain.intersection(completed)
}
