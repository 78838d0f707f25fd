//! Cross-entropy and label smoothing: the off-class probability at the minimum is q = ε + α/K.

use super::{Reduced, Scalars};

/// s = log(p_k/q) with p_k = 1 − (K−1)q, f* the entropy of (p_k, q, …, q); zero iff ε ≥ (1−α)/K. Convex: global for every bias.
pub(super) fn minimum(reduced: &Reduced, alpha: f64) -> Scalars {
    let &Reduced { classes, epsilon, .. } = reduced;
    // 1 − Kq, from the numbers given.
    let margin = (1.0 - alpha) - classes * epsilon;
    if !(margin > 0.0) {
        return Scalars { value: classes.ln(), s: 0.0, t: 0.0, beta: 0.0, global: true };
    }
    let q = epsilon + alpha / classes;
    let others = (classes - 1.0) * q;
    let log_true = (-others).ln_1p();
    // Near the edge p_k/q ≈ 1 and the logarithm's argument is formed without subtraction.
    let s = if margin < q { (margin / q).ln_1p() } else { log_true - q.ln() };
    Scalars { value: -(1.0 - others) * log_true - others * q.ln(), s, t: 0.0, beta: 0.0, global: true }
}
