//! Squentropy, log(1 + (K−1)e^{−s}) + z_j² at a symmetric point with the off-class logit z_j = v − s/K, v = t/K + β.
//!
//! The square pulls v towards s/K, and v costs ε|t| + (λ_b K/2)β². With r = s/K − v = −z_j the residual: a bias of its own supplies β = 2r/(λ_b K), the mean part supplies the
//! rest from the moment where 2r would exceed its price εK. So for given s
//!
//! ```text
//! 2r = min(2 (s/K) λ_bK/(2 + λ_bK), εK),   λ_b = 0 (free): r = 0,   λ_b = ∞ (no bias): 2r = min(2s/K, εK)
//! ```
//!
//! and the least cost h(s) of that part is convex with h' = 2r/K. The minimum over s is where (K−1)e^{−s}/(1+(K−1)e^{−s}) = ε(K−1) + h'(s), a falling function against a rising one:
//! one root, and s = 0 iff ε ≥ 1/K. The loss is convex, so it is global; with a free bias the margins are cross-entropy's.

use super::root::falling_root;
use super::{Bias, Reduced, Scalars};

/// The solution of the scalar problem.
pub(super) fn minimum(reduced: &Reduced) -> Scalars {
    let &Reduced { classes, epsilon, bias, decay_b } = reduced;
    let others = classes - 1.0;
    // The part of s/K that is left where the mean part costs too much.
    let left = match bias {
        Bias::Free => 0.0,
        Bias::Decayed => decay_b * classes / (2.0 + decay_b * classes),
        Bias::None => 1.0,
    };
    let residual = |s: f64| (s / classes * left).min(0.5 * epsilon * classes);
    // p_j, written so that no exponential overflows.
    let other = |s: f64| (-s).exp() / (1.0 + others * (-s).exp());
    let slope = |s: f64| others * (other(s) - epsilon) - 2.0 * residual(s) / classes;
    if !(slope(0.0) > 0.0) {
        return Scalars { value: classes.ln(), s: 0.0, t: 0.0, beta: 0.0, global: true };
    }
    // Without the squares the root is cross-entropy's, and they only lower it; ε > 0 keeps it finite.
    let highest = (-(others * epsilon)).ln_1p() - epsilon.ln();
    let s = falling_root(slope, 0.0, highest.max(1e-300) * (1.0 + 1e-12));
    let r = residual(s);
    let beta = match bias {
        Bias::Free => s / classes,
        Bias::Decayed => 2.0 * r / (decay_b * classes),
        Bias::None => 0.0,
    };
    let active = s / classes * left > 0.5 * epsilon * classes;
    let t = if active { classes * (s / classes - r - beta) } else { 0.0 };
    let surprise = (others * (-s).exp()).ln_1p();
    let value = surprise + r * r + epsilon * (others * s + t.abs()) + 0.5 * decay_b * classes * beta * beta;
    Scalars { value, s, t, beta, global: true }
}
