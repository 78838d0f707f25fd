//! The contrastive property: L(z, k) ≥ φ(Σ_{j≠k}(z_j − z_k)), and the argmin of φ(t) + c|t|.
//!
//! With t = −(K−1)s, where s is the margin at which all off-class logits agree:
//!
//! ```text
//! cross-entropy    φ = log(1 + (K−1)e^{−s})
//! label smoothing  φ = log(1 + (K−1)e^{−s}) + α(K−1)s/K
//! focal            φ = (1−p)^γ (−log p),  p = 1/(1 + (K−1)e^{−s})
//! squentropy       φ of cross-entropy: the squares vanish at the shift that makes the off-class logits 0
//! MSE              φ = ½θ(s − M)²,  θ = κ(K−1)/(κ+K−1)
//! BCE              φ = log(1 + e^{−a}) + (K−1)log(1 + e^c),  a = c + s,  σ(−a) = (K−1)σ(c)
//! ```
//!
//! The first three are the loss at its symmetric point (Jensen: any decreasing ℓ(p_k) has φ(t) = ℓ(p)); the last two are not shift-invariant, and φ is the least value over all shifts
//! of the logits, which strict convexity puts at a symmetric point: what a free bias does. In the model c = ε. Zhou et al. 2022, "Are All Losses Created Equal".

use std::fmt;

use super::focal::{FocalWindow, candidate, focal_convexity_edge, focal_window};
use super::scalar::{self, Profile};
use super::{Balanced, Bias, Inapplicable, separable};
use crate::losses::{Loss, LossFunction};
use crate::model::Decay;

/// A loss's contrastive bound φ for K classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    loss: Loss,
    classes: usize,
}

/// A local minimum of φ(t) + c|t|.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContrastMinimum {
    /// t ≤ 0.
    pub t: f64,
    /// s = −t/(K−1).
    pub scale: f64,
    /// φ(t) + c|t|.
    pub value: f64,
    /// Whether it is the global one (both are where they tie).
    pub global: bool,
}

/// Where ∇²L is positive semidefinite.
#[derive(Clone, Debug, PartialEq)]
pub enum ConvexityRegion {
    /// Everywhere: cross-entropy, label smoothing, MSE, BCE, focal with γ = 0.
    Everywhere,
    /// Where p_k ≥ p_c(γ), a convex set of logits; nowhere else.
    TrueProbabilityFrom(f64),
    /// Where p_k lies in one of these intervals.
    TrueProbabilityWithin(Vec<(f64, f64)>),
    /// Not everywhere; where is not known.
    NotEverywhere,
}

impl fmt::Display for ConvexityRegion {
    /// "everywhere", "where p_k ≥ p_c = 0.05…", "where p_k ≤ 0.25 or …", "nowhere".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where p or 1 − p is that small there is no end: the interval goes on.
        let part = |&(low, high): &(f64, f64)| match (low < 1e-9, high > 1.0 - 1e-9) {
            (true, true) => "0 < p_k < 1".to_owned(),
            (true, false) => format!("p_k ≤ {high:.10}"),
            (false, true) => format!("p_k ≥ {low:.10}"),
            (false, false) => format!("{low:.10} ≤ p_k ≤ {high:.10}"),
        };
        match self {
            Self::Everywhere => f.write_str("everywhere"),
            Self::TrueProbabilityFrom(edge) => write!(f, "where p_k ≥ p_c = {edge:.10}"),
            Self::TrueProbabilityWithin(intervals) if intervals.is_empty() => f.write_str("nowhere"),
            Self::TrueProbabilityWithin(intervals) => {
                write!(f, "where {}", intervals.iter().map(part).collect::<Vec<_>>().join(" or "))
            }
            Self::NotEverywhere => f.write_str("not everywhere"),
        }
    }
}

/// Where the loss is convex in the logits, for K classes. For losses of the user's own this is found in numbers.
pub fn convexity_region(loss: &Loss, classes: usize) -> ConvexityRegion {
    match loss {
        Loss::Focal(focal) if focal.gamma > 0.0 => ConvexityRegion::TrueProbabilityFrom(focal_convexity_edge(focal.gamma)),
        Loss::PolyLoss(poly) if !loss.function().convex() => ConvexityRegion::TrueProbabilityFrom(poly.convexity_edge()),
        Loss::GeneralizedCrossEntropy(loss) => ConvexityRegion::TrueProbabilityFrom(loss.convexity_edge()),
        Loss::Custom(custom) if !custom.convex() => {
            let intervals = Profile::new(loss, classes).map(|profile| profile.convex_intervals());
            match intervals.as_deref() {
                Some(&[(edge, end)]) if end >= 1.0 => ConvexityRegion::TrueProbabilityFrom(edge),
                Some(intervals) => ConvexityRegion::TrueProbabilityWithin(intervals.to_vec()),
                None => ConvexityRegion::NotEverywhere,
            }
        }
        _ => ConvexityRegion::Everywhere,
    }
}

/// log(1 + e^x).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl Contrast {
    /// φ of a loss (its scale left out) for K ≥ 2 classes.
    pub fn new(loss: &Loss, classes: usize) -> Result<Self, Inapplicable> {
        Inapplicable::unless(classes >= 2, || format!("K = {classes}: a contrast needs two classes"), || "take K ≥ 2".into())?;
        Ok(Self { loss: loss.clone(), classes })
    }

    /// φ(t).
    pub fn value(&self, t: f64) -> f64 {
        let others = (self.classes - 1) as f64;
        let s = -t / others;
        // −log p at the symmetric point, and log of the odds against the true class.
        let odds = others.ln() - s;
        match &self.loss {
            Loss::CrossEntropy(_) | Loss::VectorScaling(_) | Loss::Squentropy(_) => softplus(odds),
            Loss::LabelSmoothing(loss) => softplus(odds) + loss.alpha * others * s / self.classes as f64,
            Loss::Focal(loss) => (-softplus(-odds)).exp().powf(loss.gamma) * softplus(odds),
            Loss::Custom(loss) if !loss.shift_invariant() => separable::least_over_shifts(loss, self.classes, s),
            loss @ (Loss::PolyLoss(_) | Loss::GeneralizedCrossEntropy(_) | Loss::Custom(_)) => {
                loss.at_log_odds(-odds, self.classes).map_or(f64::NAN, |jet| jet.value)
            }
            Loss::Mse(loss) => 0.5 * loss.kappa * others / (loss.kappa + others) * (s - loss.target).powi(2),
            Loss::Bce(_) => {
                // y = e^c is the positive root of (K−1)e^s y² + (K−2)y − 1.
                let c = (2.0 / ((others - 1.0) + (others - 1.0).hypot(2.0 * others.sqrt() * (0.5 * s).exp()))).ln();
                softplus(-(c + s)) + others * softplus(c)
            }
        }
    }

    /// The local minima of φ(t) + c|t|, t ascending (the simplex before zero): one, or two in the focal loss's window.
    ///
    /// φ falls for t ≤ 0 up to its own minimum and c|t| keeps t ≤ 0, so that each is at t ≤ 0: a stationary point of the convex part, or 0.
    pub fn minima(&self, c: f64) -> Result<Vec<ContrastMinimum>, Inapplicable> {
        Inapplicable::positive("c", c)?;
        let others = (self.classes - 1) as f64;
        let at = |scale: f64, value: f64| ContrastMinimum { t: 0.0 - others * scale, scale, value, global: true };
        if let (Loss::Focal(focal), Ok(window)) = (&self.loss, self.window()) {
            let simplex = candidate(self.classes as f64, c, focal.gamma).map(|(s, value)| at(s, value));
            let zero = (c >= window.zero_stable_from).then(|| at(0.0, self.value(0.0)));
            let mut minima: Vec<ContrastMinimum> = simplex.into_iter().chain(zero).collect();
            let least = minima.iter().map(|minimum| minimum.value).fold(f64::INFINITY, f64::min);
            // A tie is one to within the rounding of the values.
            minima.iter_mut().for_each(|minimum| minimum.global = minimum.value <= least * (1.0 + 8.0 * f64::EPSILON));
            return Ok(minima);
        }
        if let Some(profile) = self.searched() {
            let found = profile.minima(others * c);
            let least = found.iter().map(|&(_, value)| value).fold(f64::INFINITY, f64::min);
            let one = |(scale, value): (f64, f64)| {
                let global = value <= least + 8.0 * f64::EPSILON * least.abs();
                ContrastMinimum { global, ..at(scale, value) }
            };
            return Ok(found.into_iter().map(one).collect());
        }
        let found = self.balanced(c).minimum().map_err(|reason| Inapplicable::new(reason, "take c within 1e-300 … 1e300"))?;
        Ok(vec![at(found.scale, found.value)])
    }

    /// The window in which there are two minima; its transition is where they tie.
    pub fn window(&self) -> Result<FocalWindow, Inapplicable> {
        match &self.loss {
            Loss::Focal(focal) => focal_window(self.classes, focal.gamma),
            loss if !loss.function().convex() => scalar::window(loss, self.classes),
            loss => {
                Err(Inapplicable::new(format!("{loss} is convex: one minimum for every c"), "the focal loss with K ≥ 18 has two"))
            }
        }
    }

    /// The profile of a loss ℓ(p_k) whose minima are searched for.
    pub(super) fn searched(&self) -> Option<Profile> {
        match &self.loss {
            Loss::PolyLoss(_) | Loss::GeneralizedCrossEntropy(_) | Loss::Custom(_) => Profile::new(&self.loss, self.classes),
            _ => None,
        }
    }

    /// Whether argmin φ(t) + c|t| is unique for every c in [`low`, `high`]; otherwise the c at which two tie.
    pub fn tie_within(&self, low: f64, high: f64) -> Option<f64> {
        let window = self.window().ok()?;
        (low <= window.transition && window.transition <= high).then_some(window.transition)
    }

    /// The c from which t* = 0. For the focal loss its transition.
    pub fn zero_threshold(&self) -> Option<f64> {
        self.balanced(1.0).zero_threshold()
    }

    /// The balanced problem that has φ(t) + c|t| as its scalar problem: n = 1, a free bias.
    fn balanced(&self, c: f64) -> Balanced {
        let decay = Decay { w: c, h: c, b: 0.0 };
        let (classes, loss) = (self.classes, self.loss.clone());
        Balanced { classes, width: classes, per_class: 1, bias: Bias::Free, decay, loss, scale: 1.0 }
    }
}
