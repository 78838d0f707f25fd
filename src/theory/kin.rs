//! Kin models: features on the sphere, more classes than dimensions, deep linear heads.

use super::Inapplicable;
use super::root::falling_root;

/// The minimum log(1+(K−1)e^{−τK/(K−1)}) of CE(τWh) over unit rows of W and unit features, attained at the simplex ETF; d ≥ K − 1 (Yaras et al. 2022, whose landscape theorem asks more of d).
///
/// The margin of unit vectors is at most K/(K−1), that of the simplex, and cross-entropy's contrastive bound does the rest.
pub fn sphere_minimum(classes: usize, width: usize, temperature: f64) -> Result<f64, Inapplicable> {
    Inapplicable::unless(classes >= 2, || format!("K = {classes}"), || "take K ≥ 2".into())?;
    Inapplicable::width(width, classes - 1)?;
    Inapplicable::positive("τ", temperature)?;
    let others = (classes - 1) as f64;
    Ok((others * (-temperature * classes as f64 / others).exp()).ln_1p())
}

/// The margin min_{j≠k} ⟨w_k − w_j, w_k⟩ of the best code of K unit vectors in d dimensions (softmax codes, Jiang et al. 2024), where it is known: K/(K−1) for K ≤ d+1 (simplex), 1 for d+2 ≤ K ≤ 2d
/// (part of a cross-polytope), 1 − cos(2π/K) for d = 2 (regular polygon).
pub fn softmax_code_margin(classes: usize, width: usize) -> Result<f64, Inapplicable> {
    Inapplicable::unless(classes >= 2 && width >= 1, || format!("K = {classes}, d = {width}"), || "take K ≥ 2 and d ≥ 1".into())?;
    let k = classes as f64;
    if classes <= width + 1 {
        Ok(k / (k - 1.0))
    } else if width == 2 {
        Ok(1.0 - (std::f64::consts::TAU / k).cos())
    } else if classes <= 2 * width {
        Ok(1.0)
    } else {
        let nearest = if width == 1 { 2 } else { 2 * width };
        let reason = format!("K = {classes} unit vectors in d = {width} dimensions: the best code is not known in closed form");
        Err(Inapplicable::new(reason, format!("the nearest K is {nearest}, the nearest width {}", classes.div_ceil(2))))
    }
}

/// A balanced deep linear head: L factors above free features, each with the decay λ/2 (Dang et al. 2023; Garrod & Keating 2024).
///
/// The decays cost (λ(L+1)/2) Σσ^{2/(L+1)} for X = W_L ⋯ W_1 H with singular values σ, so that f(X) = g(X) + (λ(L+1)/2) Σσ^{2/(L+1)}. For with m = L + 1 factors A_i, Hölder's inequality for
/// Schatten norms says (Σσ^{2/m})^{m/2} ≤ Π‖A_i‖_F, and the mean of the ‖A_i‖² is at least their geometric mean: (λ/2)Σ‖A_i‖² ≥ (λm/2)(Π‖A_i‖²)^{1/m} ≥ (λm/2)Σσ^{2/m}. Equality holds for
/// factors that share their singular vectors, each with the singular values σ^{1/m}; the inner widths must be at least the rank.
///
/// For m > 2 the exponent is below 1: few large singular values cost less than many small ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeepLinear {
    /// K.
    pub classes: usize,
    /// n.
    pub per_class: u64,
    /// L ≥ 1; L = 1 is the unconstrained-feature model itself.
    pub factors: u32,
    /// λ, of every factor and of the features.
    pub decay: f64,
}

/// A solution of [`DeepLinear`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeepSolution {
    /// Its value.
    pub value: f64,
    /// Its margin: α of the collapsed one, β of the low-rank one; 0 where nothing is alive.
    pub margin: f64,
}

impl DeepLinear {
    fn check(&self) -> Result<(), Inapplicable> {
        Inapplicable::unless(self.classes >= 2, || format!("K = {}", self.classes), || "take K ≥ 2".into())?;
        Inapplicable::unless(self.factors >= 1, || "L = 0".into(), || "take L ≥ 1".into())?;
        Inapplicable::unless(self.per_class >= 1, || "n = 0".into(), || "take n ≥ 1".into())?;
        Inapplicable::positive("λ", self.decay)
    }

    /// 2/(L+1), the Schatten exponent.
    fn exponent(&self) -> f64 {
        2.0 / (f64::from(self.factors) + 1.0)
    }

    /// Collapse at margin α: log(1+(K−1)e^{−α}) + (λ(L+1)/2)(K−1)(√n α)^{2/(L+1)}, α at its best: X = αP has K − 1 singular values √n α.
    pub fn collapse(&self) -> Result<DeepSolution, Inapplicable> {
        self.check()?;
        let others = (self.classes - 1) as f64;
        let loss = |alpha: f64| (others * (-alpha).exp()).ln_1p();
        // −dℓ/dα = (K−1)/(K−1+e^α).
        let fall = |alpha: f64| others * (-alpha).exp() / (1.0 + others * (-alpha).exp());
        Ok(self.best(others, loss, fall))
    }

    /// A solution of rank K/2, K even: the classes in pairs ±, X = (β/2)·(K/2 orthogonal pairs) with K/2 singular values √n β:
    /// log(1+e^{−β}+(K−2)e^{−β/2}) + (λ(L+1)/2)(K/2)(√n β)^{2/(L+1)}, β at its best.
    pub fn low_rank(&self) -> Result<DeepSolution, Inapplicable> {
        self.check()?;
        Inapplicable::unless(
            self.classes.is_multiple_of(2),
            || format!("K = {} is odd: its classes do not form pairs", self.classes),
            || format!("the nearest K are {} and {}", (self.classes - 1).max(2), self.classes + 1),
        )?;
        let rest = (self.classes - 2) as f64;
        let loss = |beta: f64| ((-beta).exp() + rest * (-0.5 * beta).exp()).ln_1p();
        let fall = |beta: f64| {
            let x = (-0.5 * beta).exp();
            x * (x + 0.5 * rest) / (1.0 + x * (x + rest))
        };
        Ok(self.best(self.classes as f64 / 2.0, loss, fall))
    }

    /// The least of ℓ(x) + (λ(L+1)/2) `count` (√n x)^e over x ≥ 0, e = 2/(L+1): x = 0, or the last stationary point, where −ℓ'(x) x^{1−e} falls through λ `count` n^{e/2}.
    fn best(&self, count: f64, loss: impl Fn(f64) -> f64, fall: impl Fn(f64) -> f64) -> DeepSolution {
        let exponent = self.exponent();
        let cost = self.decay / exponent * count * (self.per_class as f64).powf(0.5 * exponent);
        let drive = |x: f64| fall(x) * x.powf(1.0 - exponent) - cost * exponent;
        let zero = DeepSolution { value: loss(0.0), margin: 0.0 };
        // −ℓ' ≤ K e^{−x/2}, so the drive is negative past this x; beyond 800 the slope underflows. Steps of a fortieth find the last sign change: the drive rises once and falls once.
        let top = (2.0 * (800.0 * self.classes as f64 / (cost * exponent)).ln()).clamp(1.0, 800.0);
        let steps = (40.0 * top) as u32;
        let at = |step: u32| f64::from(step) / 40.0;
        let Some(last) = (0..steps).rev().find(|&step| drive(at(step)) > 0.0) else { return zero };
        let margin = falling_root(drive, at(last), at(last + 1));
        let value = loss(margin) + cost * margin.powf(exponent);
        if value < zero.value { DeepSolution { value, margin } } else { zero }
    }

    /// The λ at which a critical point of the model with L = 1 at √(λ_W λ_H) = `mu`, all of whose singular values of X are `sigma`, is a critical point with these L factors.
    ///
    /// Criticality at X = UΣVᵀ is −∇g = λ U Σ^{e−1} Vᵀ on the rank, e = 2/(L+1), since (λ/e)Σσ^e has the slope λσ^{e−1}; for L = 1 it is −∇g = μUVᵀ. Where all σ are equal the two differ by a number:
    /// λ = μσ^{1−e}.
    pub fn decay_at(factors: u32, mu: f64, sigma: f64) -> f64 {
        mu * sigma.powf(1.0 - 2.0 / (f64::from(factors) + 1.0))
    }

    /// The first even K from which rank K/2 beats collapse as λ → 0, for this L: 6 for L = 2, 4 for L ≥ 3. Deep collapse is then not optimal.
    ///
    /// As λ → 0 both losses are small at α ≈ log(1/λ) and β ≈ 2α, so that costs compare as (K−1)α^e with (K/2)(2α)^e: low rank wins iff K(1 − 2^{e−1}) > 1.
    pub fn low_rank_wins_from(factors: u32) -> Result<usize, Inapplicable> {
        Inapplicable::unless(factors >= 2, || format!("L = {factors}: collapse is optimal"), || "take L ≥ 2".into())?;
        let exponent = 2.0 / (f64::from(factors) + 1.0);
        let bound = 1.0 / (1.0 - 2.0_f64.powf(exponent - 1.0));
        Ok(2 * ((bound / 2.0).floor() as usize + 1))
    }
}
