//! Exact laws of the gradient flow ẋ = −∇f.
//!
//! * Shift-invariant L: 1ᵀG = 0, so d/dt 1ᵀW = −1ᵀ(GHᵀ + λ_W W) = −λ_W 1ᵀW.
//! * λ_W = λ_H = λ: d/dt (WᵀW − HHᵀ) = −2λ(WᵀW − HHᵀ), because both WᵀGHᵀ terms cancel; any L, any class sizes, any bias.
//! * On the ETF ray W = ωB, h_{k,i} = νBᵀe_k, b ∥ 1 with L shift-invariant and balanced classes the flow stays on the ray, and it is a plane system: [`RayFlow`].

use super::{Balanced, Inapplicable};
use crate::losses::Loss;
use crate::objective::Problem;

/// The factor e^{−λ_W t} by which 1ᵀW shrinks until time t.
pub fn mean_classifier_factor(problem: &Problem, time: f64) -> Result<f64, Inapplicable> {
    Inapplicable::unless(
        problem.loss.function().shift_invariant(),
        || format!("{} is not shift-invariant: 1ᵀG ≠ 0", problem.loss.name()),
        || "take cross-entropy, label smoothing or focal".into(),
    )?;
    Ok((-problem.decay.w * time).exp())
}

/// The factor e^{−2λt} by which WᵀW − HHᵀ shrinks until time t, where λ_W = λ_H = λ.
pub fn imbalance_factor(problem: &Problem, time: f64) -> Result<f64, Inapplicable> {
    let (w, h) = (problem.decay.w, problem.decay.h);
    Inapplicable::unless(
        (w - h).abs() <= 0.0,
        || format!("λ_W = {w} and λ_H = {h} differ"),
        || format!("take λ_W = λ_H = {}", (w * h).sqrt()),
    )?;
    Ok((-2.0 * w * time).exp())
}

/// The flow on the ETF ray: (ω̇, ν̇) = (qν − λ_Wω, (q/n)ω − λ_Hν) with q = c(p_j − α/K) the pull on each off-class logit, p_j = 1/(K−1+e^{ων}), times η(p_k) for the focal loss.
#[derive(Clone, Debug, PartialEq)]
pub struct RayFlow {
    balanced: Balanced,
}

impl RayFlow {
    /// The plane system of a balanced problem with a shift-invariant loss and d ≥ K − 1.
    pub fn new(balanced: &Balanced) -> Result<Self, Inapplicable> {
        Inapplicable::unless(
            balanced.loss.function().shift_invariant(),
            || format!("{} moves the mean of the logits: the ray is not invariant", balanced.loss.name()),
            || "take cross-entropy, label smoothing or focal".into(),
        )?;
        Inapplicable::width(balanced.width, balanced.classes - 1)?;
        Ok(Self { balanced: balanced.clone() })
    }

    /// (ω̇, ν̇) at (ω, ν).
    ///
    /// On the ray ∇L = −q(K e_k − 1) = −qK P e_k, so G = −(q/n)P ⊗ 1ᵀ and −∇_W f = −GHᵀ − λ_W W = (qν − λ_Wω)B, −∇_h f = ((q/n)ω − λ_Hν)Bᵀe_k.
    pub fn velocity(&self, omega: f64, nu: f64) -> (f64, f64) {
        let (q, n, decay) = (self.pull(omega * nu), self.balanced.per_class as f64, &self.balanced.decay);
        (q * nu - decay.w * omega, q / n * omega - decay.h * nu)
    }

    /// How fast two flows can part at a point of the ray, at most: ‖x − x'‖ grows by a factor of at most e^{∫ growth} where L is convex along both.
    ///
    /// The rate is −λ_min(∇²f). Of ∇²f[Δ, Δ] = Σ_i D_iᵀA_iD_i + 2⟨G, UV⟩ + λ_W‖U‖² + λ_H‖V‖² the first sum is not negative, and ‖G‖_op = |q|/√n on the ray, so that
    /// −λ_min ≤ |q|/√n − min(λ_W, λ_H). Not negative: that flows approach each other is not used.
    pub fn growth(&self, omega: f64, nu: f64) -> f64 {
        let decay = &self.balanced.decay;
        (self.pull(omega * nu).abs() / (self.balanced.per_class as f64).sqrt() - decay.w.min(decay.h)).max(0.0)
    }

    /// q at margin ων.
    fn pull(&self, margin: f64) -> f64 {
        let Balanced { classes, scale, loss, .. } = &self.balanced;
        let k = *classes as f64;
        // p_j, and −log p_k = log(1 + (K−1)e^{−s}), without overflow at either sign of the margin.
        let log_odds = (k - 1.0).ln() - margin;
        let surprise = log_odds.max(0.0) + (-log_odds.abs()).exp().ln_1p();
        let others = (log_odds - surprise).exp();
        let other = others / (k - 1.0);
        let pull = match loss {
            Loss::LabelSmoothing(smoothing) => other - smoothing.alpha / k,
            Loss::Focal(focal) => {
                let p = (-surprise).exp();
                let ratio = if others > 0.0 { surprise / others } else { 1.0 };
                others.powf(focal.gamma) * (1.0 + focal.gamma * p * ratio) * other
            }
            // −ℓ_u is shared by the K − 1 others.
            loss @ (Loss::PolyLoss(_) | Loss::GeneralizedCrossEntropy(_) | Loss::Custom(_)) => {
                -loss.at_log_odds(-log_odds, *classes).map_or(f64::NAN, |jet| jet.first) / (k - 1.0)
            }
            _ => other,
        };
        scale * pull
    }

    /// (ω, ν) at `time` from (ω, ν) at 0, by the classical fourth-order scheme with `steps` equal steps: error O((time/steps)⁴).
    pub fn integrate(&self, (mut omega, mut nu): (f64, f64), time: f64, steps: u32) -> (f64, f64) {
        let h = time / f64::from(steps);
        for _ in 0..steps {
            let a = self.velocity(omega, nu);
            let b = self.velocity(omega + 0.5 * h * a.0, nu + 0.5 * h * a.1);
            let c = self.velocity(omega + 0.5 * h * b.0, nu + 0.5 * h * b.1);
            let d = self.velocity(omega + h * c.0, nu + h * c.1);
            omega += h / 6.0 * (a.0 + 2.0 * (b.0 + c.0) + d.0);
            nu += h / 6.0 * (a.1 + 2.0 * (b.1 + c.1) + d.1);
        }
        (omega, nu)
    }
}
