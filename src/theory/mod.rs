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

mod balanced;
mod branch;
mod character;
mod clusters;
mod contrast;
mod flow;
mod focal;
mod imbalance;
mod inapplicable;
mod kin;
mod partial;
mod phases;
mod point;
mod polygon;
mod root;
mod scalar;
#[cfg(test)]
mod scalar_tests;
mod seli;
mod separable;
mod softmax;
mod squentropy;
mod table;
#[cfg(test)]
mod tests;

use crate::model::Bias;
use crate::objective::Problem;

pub use balanced::Balanced;
pub use branch::PartialBranch;
pub use character::{Character, Known, Trait, character};
pub use clusters::{LowRankPoint, equal_clusters, mse_rank};
pub use contrast::{Contrast, ContrastMinimum, ConvexityRegion, convexity_region};
pub use flow::{RayFlow, imbalance_factor, mean_classifier_factor};
pub use focal::{
    FocalStationary, FocalWindow, focal_convexity_edge, focal_convexity_edge_max, focal_stationary, focal_transition,
    focal_uniqueness_fails_from, focal_window,
};
pub use imbalance::{MseMinimum, merging_classes, minority_collapse_size, mse_imbalanced};
pub use inapplicable::Inapplicable;
pub use kin::{DeepLinear, DeepSolution, softmax_code_margin, sphere_minimum};
pub use partial::{GroupSample, PartialCollapse, partial_collapse};
pub use phases::{Phase, bce_phase, bce_phases, dual_class_means, gram_distance, mse_mean_transition, self_dual};
pub use point::{etf_point, simplex_frame, simplex_point};
pub use polygon::{Polygon, polygon, polygon_crossing};
pub use scalar::{Profile, Tie};
pub use seli::{Seli, SeliMinimum, SeliRates, seli, seli_minimum, seli_rates};
pub use table::{Entry, Quantity, closed_forms, listed_partial};

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
    Balanced::try_from(problem)?.minimum()
}

/// A lower bound on f that holds at every point and width of a balanced problem with a shift-invariant loss, convex or not: c·min_t φ(t) + ε|t|
/// with φ the loss's contrastive bound. For the focal loss with a bias it is a theorem only for ε ≤ 1/(K−1) outside the zero phase.
/// `None` where it is not a theorem or the problem is not balanced.
pub fn contrastive_bound(problem: &Problem) -> Option<f64> {
    if !problem.loss.function().shift_invariant() {
        return None;
    }
    let (_, scalars) = Balanced::try_from(problem).ok()?.solve().ok()?;
    scalars.global.then_some(scalars.value)
}

/// Whether two minima of a balanced problem's scalar problem φ(t) + c|t| have values that agree to `allowed`, relatively: beside a first-order transition of a loss that is not convex.
pub fn tied(problem: &Problem, allowed: f64) -> bool {
    if problem.loss.function().convex() {
        return false;
    }
    let Ok(balanced) = Balanced::try_from(problem) else { return false };
    let contrast = Contrast::new(&balanced.loss, balanced.classes);
    let Ok(minima) = contrast.and_then(|contrast| contrast.minima(balanced.epsilon() / balanced.scale)) else { return false };
    let least = minima.iter().map(|minimum| minimum.value).fold(f64::INFINITY, f64::min);
    minima.iter().filter(|minimum| minimum.value - least <= allowed * least.abs()).count() > 1
}
