//! Losses in intervals: value, gradient and Hessian for every choice of logits in a box and of parameters in their intervals.
//!
//! Written from the definitions of THEORY's table alone, apart from `losses/`. Near collapse nothing is formed by subtraction: with the odds E = Σ_{j≠k} e^{z_j−z_k} the quantities
//! p_k = 1/(1+E), 1 − p_k = E/(1+E), −log p_k = log1p(E) keep their relative accuracy.

use super::formula::Formula;
use crate::numeric::Jet;
use crate::numeric::interval::{Interval, Odds, softmax};

/// A loss with parameters in intervals.
#[derive(Clone, Debug, PartialEq)]
pub enum IntervalLoss {
    /// −log p_k.
    CrossEntropy,
    /// −Σ_j ỹ_j log p_j, ỹ = (1−α)e_k + (α/K)1, 0 ≤ α < 1.
    LabelSmoothing {
        /// α.
        alpha: Interval,
    },
    /// −(1−p_k)^γ log p_k, γ ≥ 0.
    Focal {
        /// γ.
        gamma: Interval,
    },
    /// ½[κ(z_k−M)² + Σ_{j≠k} z_j²], κ > 0, M > 0.
    Mse {
        /// κ.
        kappa: Interval,
        /// M.
        target: Interval,
    },
    /// −log σ(z_k) − Σ_{j≠k} log σ(−z_j).
    Bce,
    /// ℓ(p_k), a formula of p.
    OfTrueClass(Formula),
    /// own(z_k) + Σ_{j≠k} others(z_j), formulas of z.
    PerLogit {
        /// Of the true logit.
        own: Formula,
        /// Of each other one.
        others: Formula,
    },
}

/// A loss at the symmetric logits of margin s.
#[derive(Clone, Copy, Debug)]
pub struct Margin {
    /// ℓ(s).
    pub value: Interval,
    /// m(s) = −dℓ/ds.
    pub pull: Interval,
    /// dm/ds.
    pub pull_slope: Interval,
}

/// Half.
fn half() -> Interval {
    Interval::point(0.5)
}

/// η = (1−p)^γ(1 + γ p r) and (1−p)²η' = γ (1−p)^{γ+1} (s − 2 − (γ−1) p r), with s = −log p and r = s/(1−p) ≥ 1.
struct FocalWeights {
    eta: Interval,
    slope: Interval,
}

fn focal_weights(odds: &Odds, gamma: Interval) -> FocalWeights {
    let (p, c, s) = (odds.probability, odds.complement, odds.surprise);
    // −log p ≥ 1 − p. Where 1 − p may be 0 the quotient is unbounded above, and so is what follows.
    let at_least_one = Interval::new(1.0, f64::INFINITY).unwrap_or(Interval::ENTIRE);
    let ratio = if c.certainly_positive() { (s / c).intersection(at_least_one) } else { at_least_one };
    let power = c.pow(gamma);
    let pr = p * ratio;
    let slope = gamma * (power * c) * (s - Interval::point(2.0) - (gamma - Interval::ONE) * pr);
    FocalWeights { eta: power * (Interval::ONE + gamma * pr), slope }
}

/// diag(p) − ppᵀ by columns.
fn softmax_hessian(z: &[Interval]) -> Vec<Interval> {
    let classes = z.len();
    let odds: Vec<Odds> = (0..classes).map(|k| Odds::new(z, k)).collect();
    let mut out = Vec::with_capacity(classes * classes);
    for j in 0..classes {
        for i in 0..classes {
            out.push(match i == j {
                true => odds[i].probability * odds[i].complement,
                false => -(odds[i].probability * odds[j].probability),
            });
        }
    }
    out
}

impl IntervalLoss {
    /// Whether L is convex in the logits for every value of the parameters (a theorem for each member but the focal loss and formulas, of which nothing is said).
    pub fn convex(&self) -> bool {
        !matches!(self, Self::Focal { .. } | Self::OfTrueClass(_) | Self::PerLogit { .. })
    }

    /// Whether it is a formula of the user's own, of which only what intervals show is known.
    pub fn is_formula(&self) -> bool {
        matches!(self, Self::OfTrueClass(_) | Self::PerLogit { .. })
    }

    /// Whether L(z + c1) = L(z).
    pub fn shift_invariant(&self) -> bool {
        matches!(self, Self::CrossEntropy | Self::LabelSmoothing { .. } | Self::Focal { .. } | Self::OfTrueClass(_))
    }

    /// γ, where the loss is −(1−p_k)^γ log p_k: a decreasing function of p_k alone.
    pub fn focusing(&self) -> Option<Interval> {
        match self {
            Self::CrossEntropy => Some(Interval::ZERO),
            Self::Focal { gamma } => Some(*gamma),
            _ => None,
        }
    }

    /// Where all logits but the true one agree and are s below it: ℓ(s) = L, m = −dℓ/ds and dm/ds. For shift-invariant losses; of others nothing is said.
    ///
    /// With p = 1/(1+(K−1)e^{−s}): −(1−p)^γ log p gives m = (1−p)η and, as dp/ds = p(1−p), dm/ds = p[(1−p)²η' − (1−p)η]; label smoothing adds α(K−1)s/K to the ℓ of cross-entropy.
    pub fn at_margin(&self, classes: usize, margin: Interval) -> Margin {
        let alpha = match self {
            Self::OfTrueClass(ell) => {
                let jet = ell.at_margin(classes, margin);
                return Margin { value: jet.value, pull: -jet.first, pull_slope: -jet.second };
            }
            Self::LabelSmoothing { alpha } => *alpha,
            _ if self.shift_invariant() => Interval::ZERO,
            _ => return Margin { value: Interval::ENTIRE, pull: Interval::ENTIRE, pull_slope: Interval::ENTIRE },
        };
        let gamma = self.focusing().unwrap_or(Interval::ZERO);
        // One class with log-odds log(K−1) − s stands for all the others.
        let odds = Odds::new(&[Interval::ZERO, Interval::count(classes - 1).log() - margin], 0);
        let FocalWeights { eta, slope } = focal_weights(&odds, gamma);
        let smoothing = alpha * Interval::count(classes - 1) / Interval::count(classes);
        Margin {
            value: odds.complement.pow(gamma) * odds.surprise + smoothing * margin,
            pull: odds.complement * eta - smoothing,
            pull_slope: odds.probability * (slope - odds.complement * eta),
        }
    }

    /// L(z, k).
    pub fn value(&self, z: &[Interval], label: usize) -> Interval {
        match self {
            Self::CrossEntropy => Odds::new(z, label).surprise,
            Self::LabelSmoothing { alpha } => {
                // log Σe^z − Σ ỹ_j z_j = −log p_k + (α/K) Σ_j (z_k − z_j).
                let gaps: Interval =
                    z.iter().map(|&other| z[label] - other).enumerate().filter(|&(j, _)| j != label).map(|(_, gap)| gap).sum();
                Odds::new(z, label).surprise + *alpha / Interval::count(z.len()) * gaps
            }
            Self::Focal { gamma } => {
                let odds = Odds::new(z, label);
                odds.complement.pow(*gamma) * odds.surprise
            }
            Self::Mse { kappa, target } => {
                let others: Interval = z.iter().enumerate().filter(|&(j, _)| j != label).map(|(_, x)| x.sqr()).sum();
                half() * (*kappa * (z[label] - *target).sqr() + others)
            }
            Self::Bce => z.iter().enumerate().map(|(j, &x)| if j == label { (-x).softplus() } else { x.softplus() }).sum(),
            Self::OfTrueClass(ell) => ell.value(z, label),
            Self::PerLogit { .. } => self.per_logit(z, label, |jet| jet.value).into_iter().sum(),
        }
    }

    /// ∇L(z, k), K entries.
    pub fn gradient(&self, z: &[Interval], label: usize) -> Vec<Interval> {
        match self {
            Self::CrossEntropy => self.residual(z, label, Odds::new(z, label).complement, Interval::ZERO),
            Self::LabelSmoothing { alpha } => {
                let share = *alpha / Interval::count(z.len());
                // p_k − ỹ_k = −(1 − p_k) + α − α/K.
                let missing = Odds::new(z, label).complement - *alpha + share;
                self.residual(z, label, missing, share)
            }
            Self::Focal { gamma } => {
                let odds = Odds::new(z, label);
                let eta = focal_weights(&odds, *gamma).eta;
                self.residual(z, label, odds.complement, Interval::ZERO).into_iter().map(|g| eta * g).collect()
            }
            Self::Mse { kappa, target } => {
                z.iter().enumerate().map(|(j, &x)| if j == label { *kappa * (x - *target) } else { x }).collect()
            }
            Self::Bce => z.iter().enumerate().map(|(j, &x)| if j == label { -(-x).logistic() } else { x.logistic() }).collect(),
            Self::OfTrueClass(ell) => ell.gradient(z, label),
            Self::PerLogit { .. } => self.per_logit(z, label, |jet| jet.first),
        }
    }

    /// A part of the jet of each logit's term, where the loss is a sum over logits.
    fn per_logit(&self, z: &[Interval], label: usize, part: fn(Jet<Interval>) -> Interval) -> Vec<Interval> {
        let Self::PerLogit { own, others } = self else { return vec![Interval::ENTIRE; z.len()] };
        let jet = |(j, &x): (usize, &Interval)| if j == label { own } else { others }.at_logit(x, z.len());
        z.iter().enumerate().map(jet).map(part).collect()
    }

    /// p_j − `share` for j ≠ k, −`missing` at k.
    fn residual(&self, z: &[Interval], label: usize, missing: Interval, share: Interval) -> Vec<Interval> {
        softmax(z).into_iter().enumerate().map(|(j, p)| if j == label { -missing } else { p - share }).collect()
    }

    /// ∇²L(z, k), K×K by columns, symmetric.
    pub fn hessian(&self, z: &[Interval], label: usize) -> Vec<Interval> {
        let classes = z.len();
        let diagonal = |entry: &dyn Fn(usize) -> Interval| {
            let mut out = vec![Interval::ZERO; classes * classes];
            (0..classes).for_each(|j| out[j * (classes + 1)] = entry(j));
            out
        };
        match self {
            Self::CrossEntropy | Self::LabelSmoothing { .. } => softmax_hessian(z),
            Self::Focal { gamma } => focal_hessian(z, label, *gamma),
            Self::Mse { kappa, .. } => diagonal(&|j| if j == label { *kappa } else { Interval::ONE }),
            Self::Bce => diagonal(&|j| z[j].logistic() * (-z[j]).logistic()),
            Self::OfTrueClass(ell) => ell.hessian(z, label),
            Self::PerLogit { .. } => {
                let second = self.per_logit(z, label, |jet| jet.second);
                diagonal(&|j| second[j])
            }
        }
    }
}

/// η A − p (1−p)²η' w wᵀ with w = (e_k − p)/(1−p): w_k = 1, w_j = −e^{z_j−z_k}/E.
fn focal_hessian(z: &[Interval], label: usize, gamma: Interval) -> Vec<Interval> {
    let classes = z.len();
    let odds = Odds::new(z, label);
    let FocalWeights { eta, slope } = focal_weights(&odds, gamma);
    let toward: Vec<Interval> = (0..classes).map(|j| if j == label { Interval::ONE } else { -odds.share(j) }).collect();
    let coefficient = odds.probability * slope;
    let mut out = softmax_hessian(z);
    for j in 0..classes {
        for i in 0..classes {
            // Products in one order: the matrix comes out symmetric.
            let (low, high) = (i.min(j), i.max(j));
            out[i + j * classes] = eta * out[i + j * classes] - coefficient * (toward[low] * toward[high]);
        }
    }
    out
}
