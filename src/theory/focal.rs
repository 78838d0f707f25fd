//! The focal loss: a scalar problem that need not be convex, and the first-order transition this brings.

use super::root::falling_root;
use super::{Bias, Inapplicable, Reduced, Scalars};

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

    /// η(p) = (1−p)^γ + γ p (1−p)^{γ−1} (−log p), with −log p/(1−p) → 1 at p → 1.
    fn eta(self, gamma: f64) -> f64 {
        let ratio = if self.others > 0.0 { self.surprise / self.others } else { 1.0 };
        self.others.powf(gamma) * (1.0 + gamma * self.true_class * ratio)
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
pub(super) fn candidate(classes: f64, epsilon: f64, gamma: f64) -> Option<(f64, f64)> {
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

/// A stationary point s > 0 of the focal loss's scalar problem ℓ(s) + ε(K−1)s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FocalStationary {
    /// The ε at which the margin s is stationary: (1−p)η(p)/(K−1).
    pub epsilon: f64,
    /// ℓ(s) + ε(K−1)s.
    pub value: f64,
    /// Whether it is a minimum along s: p ≥ p_c.
    pub stable: bool,
}

/// The branch of simplices, by their margin s > 0: every s is stationary at exactly one ε.
///
/// ε(s) starts at η(1/K)/K for s → 0. For K ≤ 1/p_c it falls with s; beyond, it rises along unstable points up to the fold at p = p_c, [`FocalWindow::simplex_stable_to`], and
/// falls from there along the minima.
pub fn focal_stationary(classes: usize, gamma: f64, s: f64) -> FocalStationary {
    let k = classes as f64;
    let at = Probability::at_margin(k, s);
    let epsilon = at.pull(gamma) / (k - 1.0);
    FocalStationary { epsilon, value: at.loss(gamma) + epsilon * (k - 1.0) * s, stable: s >= convex_from(k, gamma) }
}

/// max over γ of p_c(γ), as (γ, p_c): about (2.382, .05844443).
///
/// p_c(γ) is a root of F(p, γ) = γx(1−(γ+1)p) − (1+2γ)(1−p), x = −log p, so that it is stationary where ∂F/∂γ = x(1−(2γ+1)p) − 2(1−p) = 0; that falls in γ along the root.
pub fn focal_convexity_edge_max() -> (f64, f64) {
    let slope = |gamma: f64| {
        let p = focal_convexity_edge(gamma);
        let x = -p.ln();
        x * (1.0 - (2.0 * gamma + 1.0) * p) - 2.0 * (1.0 - p)
    };
    let gamma = falling_root(slope, 1.0, 10.0);
    (gamma, focal_convexity_edge(gamma))
}

/// The first K at which the minimiser t* of φ(t) + c|t| is not unique for every c: the first K > 1/p_c(γ), where p = 1/K at t = 0 lies outside the convex part.
///
/// 57, 24, 18, 18, 20, 29 for γ = .5, 1, 2, 3, 5, 10, and never below 18. `Err` where it is unique for every K (γ = 0) or K is beyond 2⁵³.
pub fn focal_uniqueness_fails_from(gamma: f64) -> Result<u64, Inapplicable> {
    let classes = 1.0 / focal_convexity_edge(gamma);
    Inapplicable::unless(
        gamma > 0.0 && classes < 9e15,
        || {
            let why = if gamma > 0.0 { "K > 1/p_c(γ) is beyond 2⁵³" } else { "the loss is convex: t* is unique for every K" };
            format!("at γ = {gamma}: {why}")
        },
        || "ask for γ ≥ 0.05".into(),
    )?;
    Ok(classes.floor() as u64 + 1)
}

/// Where the focal loss is bistable in ε: W = H = 0 and a simplex of finite size are both local minima of the scalar problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FocalWindow {
    /// η(1/K)/K: from here on W = H = 0 is a strict local minimum.
    pub zero_stable_from: f64,
    /// Where the two tie; between the last and this, zero is a *spurious* local minimum.
    pub transition: f64,
    /// (1−p_c)η(p_c)/(K−1): up to here the simplex is a local minimum of the scalar problem.
    pub simplex_stable_to: f64,
    /// s of the simplex at the transition.
    pub scale: f64,
}

/// The window of bistability [η(1/K)/K, transition] and where the simplex ceases to be stationary.
///
/// At s = 0 the slope of ℓ + ε(K−1)s is (K−1)(ε − η(1/K)/K); the stationary branch with p ≥ p_c ends where (1−p)η(p), falling there, has its value at p_c.
/// `Err` for K ≤ 1/p_c(γ): there is one minimum for every ε.
pub fn focal_window(classes: usize, gamma: f64) -> Result<FocalWindow, Inapplicable> {
    let k = classes as f64;
    let low = convex_from(k, gamma);
    Inapplicable::unless(
        low > 0.0,
        || {
            format!(
                "K = {classes} ≤ 1/p_c({gamma}) = {:.4}: one minimum for every ε, and no window",
                1.0 / focal_convexity_edge(gamma)
            )
        },
        || {
            focal_uniqueness_fails_from(gamma)
                .map_or("take γ from 0.5 to 10".into(), |first| format!("the first K with a window is {first}"))
        },
    )?;
    let transition = focal_transition(classes, gamma);
    // At the tie itself rounding may take the branch away: the last ε below has it.
    let scale = candidate(k, transition, gamma).map_or(low, |(s, _)| s);
    Ok(FocalWindow {
        zero_stable_from: Probability::at_margin(k, 0.0).eta(gamma) / k,
        transition,
        simplex_stable_to: Probability::at_margin(k, low).pull(gamma) / (k - 1.0),
        scale,
    })
}
