//! Closed forms for unequal classes: minority collapse, and MSE without a bias. The SELI geometry is in `seli.rs`.

use super::Inapplicable;
use crate::losses::Loss;
use crate::model::Bias;
use crate::objective::Problem;

/// The size of class up to which two or more classes of that size merge at the global minimum (d ≥ K, any bias): c c_L √n_B/N ≤ μ, so n_B ≤ (Nμ/(c c_L))².
///
/// Where the w and h of two classes of n_B samples agree, their difference is a singular vector of G with σ = c c_L √n_B/N (c_L: the slope of L in z_k − z_j at z_k = z_j: 1 for cross-entropy
/// and BCE, 1 − α for label smoothing, M for MSE with κ = 1). For a convex loss merging is optimal iff σ ≤ μ. Fang et al. 2021
/// named it. Not for the focal loss, nor for κ ≠ 1: there the slope depends on the point.
pub fn minority_collapse_size(problem: &Problem) -> Result<f64, Inapplicable> {
    Inapplicable::width(problem.shape.width(), problem.shape.classes())?;
    collapse_size(&problem.loss, problem.scale, problem.shape.samples() as f64, problem.decay.mu())
}

/// (Nμ/(c c_L))², where the loss has a c_L.
pub(super) fn collapse_size(loss: &Loss, scale: f64, samples: f64, mu: f64) -> Result<f64, Inapplicable> {
    let slope = match loss {
        Loss::CrossEntropy(_) | Loss::Bce(_) => 1.0,
        // Classes of one size have one Δ and one ι; with γ = 0 their slope is cross-entropy's.
        Loss::VectorScaling(loss) if loss.gamma <= 0.0 => 1.0,
        Loss::LabelSmoothing(loss) => 1.0 - loss.alpha,
        Loss::Mse(loss) if (loss.kappa - 1.0).abs() <= 0.0 => loss.target,
        Loss::Mse(loss) => {
            return Err(Inapplicable::new(format!("κ = {}: the slope depends on the point", loss.kappa), "take loss.kappa=1"));
        }
        Loss::Focal(loss) if loss.gamma <= 0.0 => 1.0,
        Loss::Focal(loss) => {
            let reason = format!("the focal loss with γ = {} is not convex, and its slope depends on the point", loss.gamma);
            return Err(Inapplicable::new(reason, "take loss.gamma=0, or cross-entropy"));
        }
        other @ (Loss::PolyLoss(_)
        | Loss::GeneralizedCrossEntropy(_)
        | Loss::Squentropy(_)
        | Loss::VectorScaling(_)
        | Loss::Custom(_)) => {
            let reason = format!("{other}: the slope at which classes merge depends on the point");
            return Err(Inapplicable::new(reason, "take cross-entropy, label smoothing, BCE or MSE with loss.kappa=1"));
        }
    };
    Inapplicable::positive("μ", mu)?;
    Inapplicable::positive("loss.scale", scale)?;
    Ok((samples * mu / (scale * slope)).powi(2))
}

/// The groups of classes (ascending indices) that merge at the global minimum: those of one size n_B, at least two, with c c_L √n_B/N ≤ μ.
pub fn merging_classes(problem: &Problem) -> Result<Vec<Vec<usize>>, Inapplicable> {
    let size = minority_collapse_size(problem)?;
    let mut groups: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
    for (class, &n) in problem.shape.class_sizes().iter().enumerate() {
        if n as f64 <= size {
            groups.entry(n).or_default().push(class);
        }
    }
    Ok(groups.into_values().filter(|group| group.len() > 1).collect())
}

/// The minimum of MSE (κ = 1) without a bias, for any class sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct MseMinimum {
    /// f*.
    pub value: f64,
    /// (M√n_k − Nμ/c)₊, the singular value of X = WH that belongs to class k.
    pub singular_values: Vec<f64>,
    /// ‖w^k‖ = (λ_H/λ_W)^{1/4} √σ_k; the classifiers are orthogonal.
    pub norms_w: Vec<f64>,
    /// How many classes are alive: M√n_k > Nμ/c.
    pub alive: usize,
}

/// X = diag((M√n_k − Nμ/c)₊/√n_k) Y: soft thresholding of MY, whose singular values are M√n_k with vectors e_k.
///
/// f = (c/2N)‖X − MY‖² + μ‖X‖_* gives f* = c[M²/2 − Σ_k σ_k²/(2N)]. Needs d ≥ the number of classes alive.
pub fn mse_imbalanced(problem: &Problem) -> Result<MseMinimum, Inapplicable> {
    let mse = Inapplicable::isotropic_mse(&problem.loss)?;
    Inapplicable::unless(
        problem.bias == Bias::None,
        || format!("a closed form is known without a bias, and it is {}", problem.bias.name()),
        || "take model.bias=none".into(),
    )?;
    let mu = problem.decay.mu() / problem.scale;
    Inapplicable::positive("μ/c", mu)?;
    let samples = problem.shape.samples() as f64;
    let sizes = problem.shape.class_sizes();
    let singular_values: Vec<f64> = sizes.iter().map(|&n| (mse.target * (n as f64).sqrt() - samples * mu).max(0.0)).collect();
    let alive = singular_values.iter().filter(|&&sigma| sigma > 0.0).count();
    Inapplicable::width(problem.shape.width(), alive)?;
    let gain: f64 = singular_values.iter().map(|sigma| sigma * sigma).sum::<f64>() / (2.0 * samples);
    let ratio = (problem.decay.h.sqrt() / problem.decay.w.sqrt()).sqrt();
    let norms_w = singular_values.iter().map(|sigma| ratio * sigma.sqrt()).collect();
    Ok(MseMinimum { value: problem.scale * (0.5 * mse.target * mse.target - gain), singular_values, norms_w, alive })
}
