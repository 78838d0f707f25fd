//! Closed forms of the balanced problem: its global minimum, the point that attains it, and the bounds that follow.
//!
//! By permutation averaging the optimum of a balanced problem with n samples a class is X = WH = (sP + tJ/K) ⊗ 1ᵀ, b = β1, so that
//!
//! ```text
//! f* = min over s, t, β of  ℓ(s, v) + ε [(K−1)|s| + |t|] + (λ_b K/2) β²,   v = t/K + β,  z_k = v + s(K−1)/K,  z_j = v − s/K
//! ```
//!
//! with ε = √n μ. A problem with loss c·L and decays λ is the one with loss L and decays λ/c, its value times c.
//! Simplex ETFs as minima: Zhu et al. 2021, Zhou et al. 2022.

mod focal;
mod point;
mod root;
mod separable;
mod softmax;
#[cfg(test)]
mod tests;

use crate::losses::Loss;
use crate::model::Bias;
use crate::objective::Problem;

pub use focal::{focal_convexity_edge, focal_transition};
pub use point::etf_point;

/// The minimum of a balanced problem among the symmetric points X = (sP + tJ/K) ⊗ 1ᵀ, b = β1.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancedMinimum {
    /// f*.
    pub value: f64,
    /// s ≥ 0, the weight of the simplex part of the logits.
    pub scale: f64,
    /// t, the weight of the mean part WH ∋ tJ/K.
    pub mean_part: f64,
    /// β, every entry of b; 0 without a bias.
    pub bias: f64,
    /// ‖w^k‖, equal for all classes.
    pub norm_w: f64,
    /// ‖h_i‖, equal for all samples.
    pub norm_h: f64,
    /// The rank of W and H: K − 1 for s > 0, and one more for t ≠ 0.
    pub rank: usize,
    /// W = H = 0 is the minimum.
    pub zero_phase: bool,
    /// Whether it is a theorem that this is the global minimum of the problem; otherwise it is the best value known.
    pub global: bool,
    /// "simplex-etf", "orthogonal-frame" (s = t), "simplex-plus-mean", "mean-only" (s = 0, t ≠ 0) or "zero".
    pub geometry: &'static str,
}

/// The scalar problem's data and its solution, before norms and names.
#[derive(Clone, Copy, Debug)]
struct Scalars {
    value: f64,
    s: f64,
    t: f64,
    beta: f64,
    global: bool,
}

/// A balanced problem with the factor c of the loss divided out.
#[derive(Clone, Copy, Debug)]
struct Reduced {
    /// K.
    classes: f64,
    /// ε/c.
    epsilon: f64,
    bias: Bias,
    /// λ_b/c.
    decay_b: f64,
}

/// The closed-form minimum of a balanced problem, or why there is none: imbalance, a width below the minimum's rank, numbers out of range.
pub fn balanced_minimum(problem: &Problem) -> Result<BalancedMinimum, String> {
    let (reduced, Scalars { value, s, t, beta, global }) = solve(problem)?;
    let simplex_rank = problem.shape.classes() - 1;
    let (has_simplex, has_mean) = (s > 0.0, t.abs() > 0.0);
    let rank = simplex_rank * usize::from(has_simplex) + usize::from(has_mean);
    if problem.shape.width() < rank {
        return Err(format!("the width {} is below {rank}, the rank of the unconstrained minimum", problem.shape.width()));
    }
    let size = (s * (reduced.classes - 1.0) + t.abs()) / reduced.classes;
    let ratio = class_ratio(problem);
    let geometry = match (has_simplex, has_mean) {
        (false, false) => "zero",
        (false, true) => "mean-only",
        (true, false) => "simplex-etf",
        (true, true) if (s - t).abs() <= 1e-12 * s => "orthogonal-frame",
        (true, true) => "simplex-plus-mean",
    };
    Ok(BalancedMinimum {
        value,
        scale: s,
        mean_part: t,
        bias: beta,
        norm_w: (ratio * size).sqrt(),
        norm_h: (size / ratio).sqrt(),
        rank,
        zero_phase: rank == 0,
        global,
        geometry,
    })
}

/// A lower bound on f that holds at every point and width of a balanced problem with a shift-invariant loss, convex or not: c·min_t φ(t) + ε|t|
/// with φ the loss's contrastive bound. For the focal loss with a bias it is a theorem only for ε ≤ 1/(K−1) outside the zero phase.
/// `None` where it is not a theorem or the problem is not balanced.
pub fn contrastive_bound(problem: &Problem) -> Option<f64> {
    if !problem.loss.function().shift_invariant() {
        return None;
    }
    solve(problem).ok().and_then(|(_, scalars)| scalars.global.then_some(scalars.value))
}

/// The solution of the scalar problem, its value in the problem's own units.
fn solve(problem: &Problem) -> Result<(Reduced, Scalars), String> {
    let epsilon = problem.epsilon().ok_or("the classes are not balanced")?;
    let c = problem.scale;
    let reduced = Reduced {
        classes: problem.shape.classes() as f64,
        epsilon: epsilon / c,
        bias: problem.bias,
        decay_b: problem.decay.b / c,
    };
    let in_range = |x: f64| x > 0.0 && x.is_finite();
    let bias_in_range = if problem.bias == Bias::Decayed { in_range(reduced.decay_b) } else { true };
    if !(in_range(c) && in_range(reduced.epsilon) && in_range(class_ratio(problem)) && bias_in_range) {
        return Err("a decay or the loss's scale is not a positive number in range".into());
    }
    let mut scalars = match &problem.loss {
        Loss::CrossEntropy(_) => softmax::minimum(&reduced, 0.0),
        Loss::LabelSmoothing(loss) => softmax::minimum(&reduced, loss.alpha),
        Loss::Focal(loss) => focal::minimum(&reduced, loss.gamma),
        Loss::Mse(loss) => separable::minimum(&reduced, loss),
        Loss::Bce(loss) => separable::minimum(&reduced, loss),
    };
    scalars.value *= c;
    if !(scalars.value.is_finite() && scalars.s.is_finite() && scalars.t.is_finite() && scalars.beta.is_finite()) {
        return Err("the closed form leaves the range of numbers".into());
    }
    Ok((reduced, scalars))
}

/// √(n λ_H/λ_W) = ‖w^k‖²/(what X has of class k); ‖w‖/‖h‖ at the minimum.
fn class_ratio(problem: &Problem) -> f64 {
    let n = problem.shape.samples() as f64 / problem.shape.classes() as f64;
    n.sqrt() * (problem.decay.h.sqrt() / problem.decay.w.sqrt())
}
