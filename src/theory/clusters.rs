//! Saddles with a value in closed form: equal clusters of classes, and the ranks of MSE.

use super::{Balanced, Bias, Inapplicable, Reduced, softmax};
use crate::losses::Loss;

/// A critical point of lower rank than the minimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowRankPoint {
    /// f there.
    pub value: f64,
    /// The rank of W and H.
    pub rank: usize,
    /// ‖G‖_op, above μ: it is a strict saddle where a free dimension is left.
    pub residual_norm: f64,
    /// How many singular values of G equal `residual_norm`.
    pub multiplicity: usize,
    /// The negative eigenvalues that the off-space contributes, (d − r) × multiplicity.
    pub index: u64,
}

/// Equal clusters: K classes in m clusters of κ = K/m, the classes of a cluster sharing w and h, the clusters a simplex ETF. Cross-entropy and label smoothing.
///
/// With own-cluster probability shared by κ classes L = log κ + (the loss over m classes), and X = sP_m ⊗ 1_κ1ᵀ has nuclear norm √n κ(m−1)s: the scalar problem of m classes at κε,
/// f_m = log κ + entropy of (1−(m−1)q, q, …, q), q = κε + α/m. A difference of classes in one cluster is a singular vector of G with σ = (1−α)/(K√n), K − m times.
pub fn equal_clusters(balanced: &Balanced, clusters: usize) -> Result<LowRankPoint, Inapplicable> {
    let Balanced { classes, width, loss, scale, .. } = balanced;
    let alpha = match loss {
        Loss::CrossEntropy(_) => 0.0,
        Loss::LabelSmoothing(loss) => loss.alpha,
        other => {
            return Err(Inapplicable::new(
                format!("equal clusters are in closed form for cross-entropy and label smoothing, not {}", other.name()),
                "take loss.name=cross-entropy",
            ));
        }
    };
    let valid = |m: usize| m >= 1 && m < *classes && classes.is_multiple_of(m);
    Inapplicable::unless(
        valid(clusters),
        || format!("{clusters} equal clusters of {classes} classes: m must divide K and be below it"),
        || {
            let nearest = (1..*classes).filter(|&m| valid(m)).min_by_key(|m| m.abs_diff(clusters)).unwrap_or(1);
            format!("the nearest number of clusters is {nearest}")
        },
    )?;
    Inapplicable::width(*width, clusters - 1)?;
    let epsilon = balanced.epsilon() / scale;
    let edge = (1.0 - alpha) / *classes as f64;
    Inapplicable::unless(
        epsilon > 0.0 && epsilon < edge,
        || format!("ε/c = {epsilon:e} is not below {edge:e}: there is only W = H = 0"),
        || format!("take 0 < ε < {:e}", edge * scale),
    )?;
    let size = (classes / clusters) as f64;
    let reduced = Reduced { classes: clusters as f64, epsilon: size * epsilon, bias: balanced.bias, decay_b: 0.0 };
    let inner = if clusters == 1 { 0.0 } else { softmax::minimum(&reduced, alpha).value };
    let multiplicity = classes - clusters;
    Ok(LowRankPoint {
        value: scale * (size.ln() + inner),
        rank: clusters - 1,
        residual_norm: scale * edge / (balanced.per_class as f64).sqrt(),
        multiplicity,
        index: (width + 1 - clusters) as u64 * multiplicity as u64,
    })
}

/// The rank ladder of MSE with κ = 1: every critical point of rank r has the value f_r = f_0 − r(M−Kε)²/(2K).
///
/// X minimises ½‖X − MY‖²/N + μ‖X‖_* over r singular directions of MY (all of size M√n): each that is kept gains (M√n − Nμ)²/(2N). There are R = K without a bias; with one, K − 1 on the
/// simplex, the mean being the bias's as long as the mean part of the minimum is 0: f_0 = M²/2 − M²/(2K(1+λ_b)). The K or K − 1 − r directions left out have σ = M/(K√n) in G.
pub fn mse_rank(balanced: &Balanced, rank: usize) -> Result<LowRankPoint, Inapplicable> {
    let Balanced { classes, width, loss, scale, bias, decay, .. } = balanced;
    let mse = Inapplicable::isotropic_mse(loss)?;
    let (k, target, epsilon) = (*classes as f64, mse.target, balanced.epsilon() / scale);
    Inapplicable::unless(
        epsilon > 0.0 && target > k * epsilon,
        || format!("M = {target} is not above Kε/c = {}: there is only W = H = 0", k * epsilon),
        || format!("take ε < {:e}", target / k * scale),
    )?;
    let (full, zero_value) = match bias {
        Bias::None => (*classes, 0.5 * target * target),
        _ => {
            let decay_b = decay.b / scale;
            let edge = epsilon / (target / k - epsilon);
            Inapplicable::unless(
                decay_b <= edge,
                || format!("λ_b/c = {decay_b} is above {edge}: the mean part of the minimum is active"),
                || format!("take λ_b ≤ {}", edge * scale),
            )?;
            (classes - 1, 0.5 * target * target * (1.0 - 1.0 / (k * (1.0 + decay_b))))
        }
    };
    Inapplicable::unless(
        rank <= full,
        || format!("rank {rank} is above {full}, the minimum's"),
        || format!("take a rank from 0 to {full}"),
    )?;
    Inapplicable::width(*width, rank)?;
    let multiplicity = full - rank;
    let root_n = (balanced.per_class as f64).sqrt();
    Ok(LowRankPoint {
        value: scale * (zero_value - rank as f64 * (target - k * epsilon).powi(2) / (2.0 * k)),
        rank,
        residual_norm: if multiplicity > 0 { scale * target / (k * root_n) } else { decay.mu() },
        multiplicity,
        index: (width - rank) as u64 * multiplicity as u64,
    })
}
