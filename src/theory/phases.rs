//! Phases in closed form: MSE's ETF → frame in λ_b, BCE without a bias, and the broken self-duality that comes with a negative mean part.

use nalgebra::DMatrix;

use super::{Balanced, Bias, Inapplicable};
use crate::losses::Loss;

/// The λ_b above which MSE's minimum with a decayed bias has a mean part: the simplex ETF becomes a simplex plus a mean (for κ = 1 an orthogonal frame as λ_b → ∞).
///
/// With the multiplier τ of the mean (v = τ/λ_b while t = 0) the logits are a = M − ((K−1)ε+τ)/κ, c = ε − τ; τ reaches ε where c = 0 and v = (M − Kε/κ)/K = ε/λ_b:
/// λ_b = Kε/(M − Kε/κ), for κ = 1 ε/(M/K − ε).
pub fn mse_mean_transition(balanced: &Balanced) -> Result<f64, Inapplicable> {
    let Loss::Mse(mse) = &balanced.loss else {
        return Err(Inapplicable::new(
            format!("the transition in λ_b is MSE's, not that of {}", balanced.loss.name()),
            "take loss.name=mse",
        ));
    };
    let (k, epsilon) = (balanced.classes as f64, balanced.epsilon() / balanced.scale);
    let room = mse.target - k * epsilon / mse.kappa;
    Inapplicable::unless(
        epsilon > 0.0 && room > 0.0,
        || format!("M = {} is not above Kε/(cκ) = {}: no λ_b makes the mean part active", mse.target, k * epsilon / mse.kappa),
        || format!("take ε < {:e}", mse.target * mse.kappa / k * balanced.scale),
    )?;
    Ok(balanced.scale * k * epsilon / room)
}

/// ‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖ at a minimum with the logits sP + tJ/K: how far the Gram matrix of the classifier is from a simplex. `None` at W = 0.
///
/// WWᵀ ∝ sP + |t|J/K, whose cosine with P is √(K−1)s/√((K−1)s² + t²): the square is 2(1 − cosine), and 1 − cosine is t²/(r(r + √(K−1)s)), r² = (K−1)s² + t², without cancellation.
pub fn gram_distance(classes: usize, s: f64, t: f64) -> Option<f64> {
    let simplex = ((classes - 1) as f64).sqrt() * s;
    let whole = simplex.hypot(t);
    (whole > 0.0).then(|| (2.0 * (t / whole) * (t / (whole + simplex))).sqrt())
}

/// A range of ε with one geometry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// From this ε (0 for the first).
    pub from: f64,
    /// To this ε (∞ for the last).
    pub to: f64,
    /// The rank of W and H.
    pub rank: usize,
    /// The sign of the mean part t: −1 or 0.
    pub mean_sign: i8,
    /// As [`super::BalancedMinimum::geometry`].
    pub geometry: &'static str,
}

/// The phases of BCE without a bias, by ε (of the loss itself: c = 1), ascending.
///
/// K = 2: t = 0. K = 3: t < 0 up to (2−√2)/4, an ETF up to 1/3. K = 4: t = −s. K ≥ 5: t < 0 on the simplex below 1/K, then the mean alone up to (K−2)/(2K). Edges: the simplex vanishes at 1/K because
/// σ(−z_k) − … = Kε at the origin's residual e_k − q1; the mean, with residual (K−2)/(2K), outlives it for K ≥ 5.
pub fn bce_phases(classes: usize) -> Result<Vec<Phase>, Inapplicable> {
    Inapplicable::unless(classes >= 2, || format!("K = {classes}"), || "take K ≥ 2".into())?;
    let k = classes as f64;
    let phase = |to: f64, rank: usize, mean_sign: i8, geometry: &'static str| Phase { from: 0.0, to, rank, mean_sign, geometry };
    let mixed = "simplex-plus-mean";
    let mut phases = match classes {
        2 => vec![phase(0.5, 1, 0, "simplex-etf")],
        3 => vec![phase((2.0 - 2.0_f64.sqrt()) / 4.0, 3, -1, mixed), phase(1.0 / 3.0, 2, 0, "simplex-etf")],
        4 => vec![phase(0.25, 4, -1, mixed)],
        _ => vec![phase(1.0 / k, classes, -1, mixed), phase((k - 2.0) / (2.0 * k), 1, -1, "mean-only")],
    };
    phases.push(phase(f64::INFINITY, 0, 0, "zero"));
    for at in 1..phases.len() {
        phases[at].from = phases[at - 1].to;
    }
    Ok(phases)
}

/// The uncentred class means that belong to a classifier at the minimum: M̄ᵀ = √(λ_W/(nλ_H)) (P + sgn(t) J/K) W, `[K×d]`.
///
/// X = sP + tJ/K shares its singular vectors with W up to the sign of t: where t < 0 (BCE without a bias) the mean of the features points against the mean of the classifier, and self-duality
/// M̄ᵀ ∝ W is broken. Zhou et al. 2022; the factor from λ_W WᵀW = λ_H HHᵀ.
pub fn dual_class_means(balanced: &Balanced, classifier: &DMatrix<f64>) -> Result<DMatrix<f64>, Inapplicable> {
    let minimum = balanced.minimum().map_err(|reason| Inapplicable::new(reason, "take a problem with a closed form"))?;
    Inapplicable::unless(
        classifier.nrows() == balanced.classes,
        || format!("the classifier has {} rows for {} classes", classifier.nrows(), balanced.classes),
        || format!("give {} rows", balanced.classes),
    )?;
    let sign = if minimum.mean_part < 0.0 { -1.0 } else { 1.0 };
    let means = classifier.row_mean();
    let mut out = classifier.clone();
    for mut row in out.row_iter_mut() {
        row += (sign - 1.0) * &means;
    }
    Ok(out / balanced.class_ratio())
}

/// Whether self-duality M̄ᵀ ∝ W holds at the minimum: t ≥ 0.
pub fn self_dual(balanced: &Balanced) -> Result<bool, Inapplicable> {
    let minimum = balanced.minimum().map_err(|reason| Inapplicable::new(reason, "take a problem with a closed form"))?;
    Inapplicable::unless(minimum.rank > 0, || "W = H = 0 there".into(), || "take a smaller ε".into())?;
    Ok(!(minimum.mean_part < 0.0))
}

/// The BCE phase that a problem without a bias is in.
pub fn bce_phase(balanced: &Balanced) -> Result<Phase, Inapplicable> {
    Inapplicable::unless(
        matches!(balanced.loss, Loss::Bce(_)),
        || format!("these phases are BCE's, not those of {}", balanced.loss.name()),
        || "take loss.name=bce".into(),
    )?;
    Inapplicable::unless(
        balanced.bias == Bias::None,
        || format!("the phases are those without a bias, and it is {}", balanced.bias.name()),
        || "take model.bias=none".into(),
    )?;
    let epsilon = balanced.epsilon() / balanced.scale;
    Inapplicable::positive("ε/c", epsilon)?;
    let phases = bce_phases(balanced.classes)?;
    let found = phases.into_iter().find(|phase| epsilon < phase.to);
    found.ok_or_else(|| Inapplicable::new("ε is out of range", "take a finite ε"))
}
