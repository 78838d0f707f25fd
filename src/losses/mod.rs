//! FAMILY. One sample's logits → value, gradient and Hessian of a loss. Nothing here knows of W, H, decays or batches.
//!
//! A member is one file with a type that implements [`LossFunction`], a variant of [`Loss`] and an entry of [`ALL`]. The laws at the end
//! of `tests.rs` run over every entry: derivatives against each other, claims (convex, shift-invariant) tested both ways, 50-digit values.
//!
//! Numbers that matter: 1 − p and p(1 − p) are never formed by subtraction. At collapse they lose every digit, and from a logit gap
//! of 37 on they are an exact 0: a false zero eigenvalue. See [`Softmax`].

mod bce;
mod block;
mod conjugate;
mod cross_entropy;
mod curvature;
mod custom;
mod custom_lanes;
mod derivatives;
mod epilogue;
mod focal;
mod generalized_cross_entropy;
mod hessian;
mod label_smoothing;
mod mse;
mod poly;
mod softmax;
mod squentropy;
#[cfg(test)]
mod tests;
mod true_class;
mod vector_scaling;

use std::fmt;
use std::sync::Arc;

pub use bce::Bce;
pub use block::{BLOCK_TOLERANCE, LogitBlock, Scratch, Task};
pub use conjugate::Conjugate;
pub use cross_entropy::CrossEntropy;
pub use curvature::BlockCurvature;
pub use custom::{Custom, CustomFault, FORMULA_KEYS};
pub use derivatives::{SlopeVerdict, TaylorCheck, TaylorRow, taylor_check};
pub use epilogue::Epilogue;
pub use focal::Focal;
pub use generalized_cross_entropy::GeneralizedCrossEntropy;
pub use hessian::LogitHessian;
pub use label_smoothing::LabelSmoothing;
pub use mse::Mse;
pub use poly::PolyLoss;
pub use softmax::Softmax;
pub use squentropy::Squentropy;
pub use vector_scaling::VectorScaling;

use crate::numeric::Jet;
use crate::numeric::expression::Along;
use true_class::OfTrueClass;

/// A loss L(z, k) of one sample: `logits` z (K entries), true class `label` k.
pub trait LossFunction: fmt::Debug + Send + Sync {
    /// Whether z ↦ L(z, k) is convex for every k.
    fn convex(&self) -> bool;

    /// Whether L(z + c1, k) = L(z, k).
    fn shift_invariant(&self) -> bool;

    /// L(z, k).
    fn value(&self, logits: &[f64], label: usize) -> f64;

    /// L(z, k), and ∇L into `gradient` (K entries, overwritten).
    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64;

    /// ∇²L into `out` (overwritten), without cancellation at collapse.
    fn hessian(&self, logits: &[f64], label: usize, out: &mut LogitHessian);

    /// Turns the logits of a block into residuals w_i ∇L(z_i), does the `task`, and returns Σ_i m_i L(z_i), with the block's weights w and copies m: vectorised, within [`BLOCK_TOLERANCE`] of the
    /// scalar formulas; for the descent, not for verdicts. `None`, and nothing done, where the loss has no such form or not for these logits.
    fn over_lanes(&self, _block: &mut LogitBlock<'_>, _task: Task<'_>) -> Option<f64> {
        None
    }

    /// Turns the logits of a block into residuals, and returns the sum of the losses: vectorised where that is possible.
    fn residual_block(&self, block: &mut LogitBlock<'_>) -> f64 {
        self.over_lanes(block, Task::Residuals).unwrap_or_else(|| block.residuals_by_sample(self))
    }

    /// Turns the directions D_i of `tangent` (laid out as the logits) into w_i ∇²L(z_i) D_i, and the logits into residuals.
    fn curve_block(&self, block: &mut LogitBlock<'_>, tangent: &mut [f64]) {
        if self.over_lanes(block, Task::Curve(&mut *tangent)).is_none() {
            block.curve_by_sample(self, tangent);
        }
    }

    /// The same formulas as shader text, for devices that compute with `f32`.
    fn epilogue(&self) -> Epilogue;

    /// The convex conjugate, for convex losses.
    fn conjugate(&self) -> Option<&dyn Conjugate> {
        None
    }
}

/// A member of the family with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// −log p_k.
    CrossEntropy(CrossEntropy),
    /// −Σ_j ỹ_j log p_j, ỹ = (1 − α) e_k + (α/K) 1.
    LabelSmoothing(LabelSmoothing),
    /// −(1 − p_k)^γ log p_k.
    Focal(Focal),
    /// ½ [κ (z_k − M)² + Σ_{j≠k} z_j²].
    Mse(Mse),
    /// −log σ(z_k) − Σ_{j≠k} log σ(−z_j).
    Bce(Bce),
    /// −log p_k + ε₁(1 − p_k).
    PolyLoss(PolyLoss),
    /// (1 − p_k^a)/a.
    GeneralizedCrossEntropy(GeneralizedCrossEntropy),
    /// −log p_k + (1/(K−1)) Σ_{j≠k} z_j².
    Squentropy(Squentropy),
    /// −log softmax(Δ∘z + ι)_k.
    VectorScaling(VectorScaling),
    /// A formula of the user's own.
    Custom(Arc<Custom>),
}

impl Loss {
    /// The entry of [`ALL`] this loss comes from, or [`CUSTOM`].
    pub fn family(&self) -> &'static Family {
        let name = match self {
            Loss::Custom(_) => return &CUSTOM,
            Loss::PolyLoss(_) => "poly-loss",
            Loss::GeneralizedCrossEntropy(_) => "generalized-cross-entropy",
            Loss::CrossEntropy(_) => "cross-entropy",
            Loss::LabelSmoothing(_) => "label-smoothing",
            Loss::Focal(_) => "focal",
            Loss::Mse(_) => "mse",
            Loss::Bce(_) => "bce",
            Loss::Squentropy(_) => "squentropy",
            Loss::VectorScaling(_) => "vector-scaling",
        };
        ALL.iter().find(|family| family.name == name).expect("every variant has its entry in ALL")
    }

    /// The loss's name, as in scenarios.
    pub fn name(&self) -> &'static str {
        self.family().name
    }

    /// Names and values of its parameters, in the order of the family's entry.
    pub fn parameters(&self) -> Vec<(String, f64)> {
        let values = match self {
            Loss::Custom(loss) => return loss.parameters().to_vec(),
            Loss::PolyLoss(loss) => vec![loss.epsilon1],
            Loss::GeneralizedCrossEntropy(loss) => vec![loss.exponent],
            Loss::CrossEntropy(_) | Loss::Bce(_) | Loss::Squentropy(_) => vec![],
            Loss::VectorScaling(loss) => vec![loss.gamma, loss.tau],
            Loss::LabelSmoothing(loss) => vec![loss.alpha],
            Loss::Focal(loss) => vec![loss.gamma],
            Loss::Mse(loss) => vec![loss.kappa, loss.target],
        };
        self.family().parameters.iter().map(|parameter| parameter.name.to_owned()).zip(values).collect()
    }

    /// Keys and canonical texts of the formulas of a loss of the user's own; none of others.
    pub fn texts(&self) -> Vec<(&'static str, String)> {
        if let Loss::Custom(loss) = self { loss.texts() } else { Vec::new() }
    }

    /// For a loss ℓ(p_k): ℓ, ℓ_u and ℓ_uu at the log-odds u = log(p_k/(1−p_k)), for K classes.
    pub fn at_log_odds(&self, u: f64, classes: usize) -> Option<Jet<f64>> {
        let at = true_class::at_log_odds(u);
        match self {
            Loss::CrossEntropy(_) => Some(Jet { value: at.surprise, first: -at.q, second: at.p * at.q }),
            Loss::Focal(loss) => Some(loss.at(&at)),
            Loss::PolyLoss(loss) => Some(loss.jet(&at, Along::LogOdds, classes)),
            Loss::GeneralizedCrossEntropy(loss) => Some(loss.jet(&at, Along::LogOdds, classes)),
            Loss::Custom(loss) => loss.at_log_odds(u, classes),
            Loss::VectorScaling(loss) if loss.is_cross_entropy() => Loss::CrossEntropy(CrossEntropy).at_log_odds(u, classes),
            Loss::LabelSmoothing(_) | Loss::Mse(_) | Loss::Bce(_) | Loss::Squentropy(_) | Loss::VectorScaling(_) => None,
        }
    }

    /// The loss where the classes have these sizes: itself, but for losses that depend on them.
    #[must_use]
    pub fn for_sizes(&self, sizes: &[usize]) -> Self {
        if let Loss::VectorScaling(loss) = self { Loss::VectorScaling(loss.for_sizes(sizes)) } else { self.clone() }
    }

    /// The loss as a function of one sample's logits.
    pub fn function(&self) -> &dyn LossFunction {
        match self {
            Loss::CrossEntropy(loss) => loss,
            Loss::LabelSmoothing(loss) => loss,
            Loss::Focal(loss) => loss,
            Loss::Mse(loss) => loss,
            Loss::Bce(loss) => loss,
            Loss::Squentropy(loss) => loss,
            Loss::VectorScaling(loss) => loss,
            Loss::PolyLoss(loss) => loss,
            Loss::GeneralizedCrossEntropy(loss) => loss,
            Loss::Custom(loss) => loss.as_ref(),
        }
    }
}

impl fmt::Display for Loss {
    /// The name with its parameters: `focal(gamma=2)`, `custom(ell=-log(p)+a*q, a=2)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let texts = self.texts().into_iter().map(|(key, text)| format!("{key}={text}"));
        let parameters: Vec<String> =
            texts.chain(self.parameters().iter().map(|(name, value)| format!("{name}={value}"))).collect();
        if parameters.is_empty() { Ok(()) } else { write!(f, "({})", parameters.join(", ")) }
    }
}

/// A parameter of a loss.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The key in a scenario.
    pub name: &'static str,
    /// Its value where none is given; `None`: it must be given.
    pub default: Option<f64>,
    /// What is allowed, in words.
    pub allowed: &'static str,
    /// Whether a value is allowed. NaN never is.
    pub allows: fn(f64) -> bool,
}

/// A loss before its parameters are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The name in a scenario.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Builds the loss from allowed values of `parameters`, in their order.
    pub build: fn(&[f64]) -> Loss,
}

/// Every loss there is.
pub const ALL: &[Family] = &[
    Family {
        name: "cross-entropy",
        summary: "L = −log p_k, p = softmax(z)",
        parameters: &[],
        build: |_| Loss::CrossEntropy(CrossEntropy),
    },
    Family {
        name: "label-smoothing",
        summary: "L = −Σ_j ỹ_j log p_j, ỹ = (1−α) e_k + (α/K) 1",
        parameters: &[Parameter {
            name: "alpha", default: None, allowed: "0 ≤ alpha < 1", allows: |x| (0.0..1.0).contains(&x)
        }],
        build: |values| Loss::LabelSmoothing(LabelSmoothing { alpha: values[0] }),
    },
    Family {
        name: "focal",
        summary: "L = −(1−p_k)^γ log p_k",
        parameters: &[Parameter {
            name: "gamma",
            default: None,
            allowed: "gamma ≥ 0, finite",
            allows: |x| x >= 0.0 && x.is_finite(),
        }],
        build: |values| Loss::Focal(Focal { gamma: values[0] }),
    },
    Family {
        name: "mse",
        summary: "L = ½ [κ (z_k − M)² + Σ_{j≠k} z_j²], M = target",
        parameters: &[
            Parameter { name: "kappa", default: Some(1.0), allowed: "kappa > 0, finite", allows: |x| x > 0.0 && x.is_finite() },
            Parameter { name: "target", default: Some(1.0), allowed: "target > 0, finite", allows: |x| x > 0.0 && x.is_finite() },
        ],
        build: |values| Loss::Mse(Mse { kappa: values[0], target: values[1] }),
    },
    Family {
        name: "bce", summary: "L = −log σ(z_k) − Σ_{j≠k} log σ(−z_j)", parameters: &[], build: |_| Loss::Bce(Bce)
    },
    Family {
        name: "poly-loss",
        summary: "L = −log p_k + ε₁ (1−p_k), ε₁ = epsilon1",
        parameters: &[Parameter {
            name: "epsilon1",
            default: None,
            allowed: "epsilon1 > −1, finite",
            allows: |x| x > -1.0 && x.is_finite(),
        }],
        build: |values| Loss::PolyLoss(PolyLoss { epsilon1: values[0] }),
    },
    Family {
        name: "generalized-cross-entropy",
        summary: "L = (1 − p_k^a)/a, a = exponent",
        parameters: &[Parameter {
            name: "exponent",
            default: None,
            allowed: "0 < exponent ≤ 1",
            allows: |x| x > 0.0 && x <= 1.0,
        }],
        build: |values| Loss::GeneralizedCrossEntropy(GeneralizedCrossEntropy { exponent: values[0] }),
    },
    Family {
        name: "squentropy",
        summary: "L = −log p_k + (1/(K−1)) Σ_{j≠k} z_j²",
        parameters: &[],
        build: |_| Loss::Squentropy(Squentropy),
    },
    Family {
        name: "vector-scaling",
        summary: "L = −log softmax(Δ∘z + ι)_k, Δ_j = (n_j/n_max)^γ, ι_j = τ log(n_j/N); γ = 0: logit-adjusted",
        parameters: &[
            Parameter { name: "gamma", default: None, allowed: "gamma ≥ 0, finite", allows: |x| x >= 0.0 && x.is_finite() },
            Parameter { name: "tau", default: None, allowed: "tau ≥ 0, finite", allows: |x| x >= 0.0 && x.is_finite() },
        ],
        build: |values| Loss::VectorScaling(VectorScaling::new(values[0], values[1])),
    },
];

/// The losses of the user's own. They are no entry of [`ALL`], as no list of numbers builds them: see [`Custom::new`]. `build` gives cross-entropy as a formula.
pub static CUSTOM: Family = Family {
    name: "custom",
    summary: "your own: `ell` of p and q = 1−p, or `own` and `others` of z, with parameters of any name",
    parameters: &[],
    build: |_| {
        let texts = [("ell".to_owned(), "-log(p)".to_owned())].into();
        Loss::Custom(Arc::new(Custom::new(&texts, &std::collections::BTreeMap::new()).expect("a formula of the grammar")))
    },
};
