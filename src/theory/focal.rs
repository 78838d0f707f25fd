//! The focal loss: a scalar problem that need not be convex, and the first-order transition this brings.

use super::root::falling_root;
use super::{Bias, Reduced, Scalars};

/// The true class's probability at a margin s, as what formulas need: p, 1 − p and −log p.
#[derive(Clone, Copy)]
struct Probability {
    true_class: f64,
    others: f64,
    surprise: f64,
}

impl Probability {
    /// p = 1/(1 + (K−1)e^{−s}).
    fn at_margin(classes: f64, s: f64) -> Self {
        let odds = (classes - 1.0) * (-s).exp();
        Self { true_class: 1.0 / (1.0 + odds), others: odds / (1.0 + odds), surprise: odds.ln_1p() }
    }

    /// (1−p) η(p) = (1−p)^γ [(1−p) + γ p (−log p)].
    fn pull(self, gamma: f64) -> f64 {
        self.others.powf(gamma) * (self.others + gamma * self.true_class * self.surprise)
    }

    /// (1−p)^γ (−log p).
    fn loss(self, gamma: f64) -> f64 {
        self.others.powf(gamma) * self.surprise
    }
}

/// p_c(γ): the focal Hessian is positive semidefinite iff p_k ≥ p_c. The root in (0, 1) of γ(−log p)(1−(γ+1)p) = (1+2γ)(1−p); 0 for γ = 0.
pub fn focal_convexity_edge(gamma: f64) -> f64 {
    if !(gamma > 0.0) {
        return 0.0;
    }
    // In x = −log p, falling: from positive near x = 0 to minus infinity.
    let excess = |x: f64| (1.0 + 2.0 * gamma) * -(-x).exp_m1() - gamma * x * (1.0 - (gamma + 1.0) * (-x).exp());
    let mut high = (1.0 + 2.0 * gamma) / gamma;
    while excess(high) > 0.0 {
        high *= 2.0;
    }
    // Below x = log(1+γ) the second product is negative: no root there.
    (-falling_root(excess, gamma.ln_1p(), high)).exp()
}

/// The smallest margin s ≥ 0 from which on the scalar problem is convex: p(s) = max(1/K, p_c).
fn convex_from(classes: f64, gamma: f64) -> f64 {
    let edge = focal_convexity_edge(gamma);
    if edge * classes > 1.0 { ((classes - 1.0) * edge / (1.0 - edge)).ln() } else { 0.0 }
}

/// The stationary margin in the convex part, and the value ℓ + ε(K−1)s there; `None` where there is no such point.
fn candidate(classes: f64, epsilon: f64, gamma: f64) -> Option<(f64, f64)> {
    let low = convex_from(classes, gamma);
    // Falling in s: −d/ds of the value.
    let drive = |s: f64| Probability::at_margin(classes, s).pull(gamma) - (classes - 1.0) * epsilon;
    if !(drive(low) > 0.0) {
        return None;
    }
    let mut high = low + 1.0;
    while drive(high) > 0.0 {
        high *= 2.0;
    }
    let s = falling_root(drive, low, high);
    (s > 0.0).then(|| (s, Probability::at_margin(classes, s).loss(gamma) + (classes - 1.0) * epsilon * s))
}

/// The lower of s = 0 and the candidate with p > max(1/K, p_c).
///
/// Global without a bias for every ε; with a bias only for ε ≤ 1/(K−1) and s > 0. A loss with γ = 0 is convex: global always.
pub(super) fn minimum(reduced: &Reduced, gamma: f64) -> Scalars {
    let &Reduced { classes, epsilon, bias, .. } = reduced;
    let zero = (0.0, Probability::at_margin(classes, 0.0).loss(gamma));
    // Where the scalar problem is convex from s = 0 on, a stationary point is the minimum; near the edge the values would tie in rounding.
    let convex = convex_from(classes, gamma) <= 0.0;
    let (s, value) = candidate(classes, epsilon, gamma).filter(|&(_, value)| convex || value < zero.1).unwrap_or(zero);
    let certain = gamma <= 0.0 || bias == Bias::None || (s > 0.0 && epsilon * (classes - 1.0) <= 1.0);
    Scalars { value, s, t: 0.0, beta: 0.0, global: certain }
}

/// The ε at which the focal loss leaves the zero phase. Where K > 1/p_c(γ) this is a first-order transition: zero and a simplex of finite size tie;
/// otherwise s grows continuously from 0 at ε = η(1/K)/K.
pub fn focal_transition(classes: usize, gamma: f64) -> f64 {
    let classes = classes as f64;
    let start = Probability::at_margin(classes, 0.0);
    let continuous = start.pull(gamma) / (classes - 1.0);
    let low = convex_from(classes, gamma);
    if !(low > 0.0) {
        return continuous;
    }
    // Above this ε there is no other stationary point; the candidate's advantage over zero falls with ε.
    let last = Probability::at_margin(classes, low).pull(gamma) / (classes - 1.0);
    let advantage = |epsilon: f64| candidate(classes, epsilon, gamma).map_or(-1.0, |(_, value)| start.loss(gamma) - value);
    falling_root(advantage, continuous, last)
}
