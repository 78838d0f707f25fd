//! Softmax of interval logits, tight: every quantity is monotone in every logit.

use super::Interval;
use super::rounding::two_sum;

/// The softmax as seen from one class k: E = Σ_{j≠k} e^{z_j − z_k} and what follows from it without cancellation.
///
/// E falls in z_k and rises in every other logit; with each logit at the right end its bounds are those of the exact range, up to rounding. p_k = 1/(1+E), 1 − p_k = E/(1+E) and
/// −log p_k = log1p(E) are monotone in E alone.
#[derive(Clone, Debug)]
pub struct Odds {
    /// e^{z_j − z_k}, the odds of class j against k; 0 at j = k.
    pub terms: Vec<Interval>,
    /// E.
    pub total: Interval,
    /// p_k.
    pub probability: Interval,
    /// 1 − p_k.
    pub complement: Interval,
    /// −log p_k.
    pub surprise: Interval,
}

impl Odds {
    /// The odds against class `label` for logits `z`.
    pub fn new(z: &[Interval], label: usize) -> Self {
        let own = z[label];
        let terms: Vec<Interval> = z
            .iter()
            .enumerate()
            .map(|(j, &other)| if j == label { Interval::ZERO } else { exp_difference(other, own) })
            .collect();
        let total: Interval = terms.iter().copied().sum();
        let share = |e: f64| fraction(Interval::point(e));
        let (low, high) = (share(total.lo()), share(total.hi()));
        Self {
            probability: Interval::ONE / (Interval::ONE + total),
            complement: Interval::new(low.lo(), high.hi()).unwrap_or(Interval::ENTIRE).intersection(UNIT),
            surprise: total.log1p(),
            terms,
            total,
        }
    }

    /// e^{z_j − z_k}/E for j ≠ k, the share of class j in 1 − p_k; [0, 1] where E may vanish.
    pub fn share(&self, j: usize) -> Interval {
        if self.total.certainly_positive() { (self.terms[j] / self.total).intersection(UNIT) } else { UNIT }
    }
}

/// [0, 1].
const UNIT: Interval = Interval { lo: 0.0, hi: 1.0 };

/// {e^{x − y}}. The rounding error of a difference d would count d times over in e^d: it is exact by two-sum, and e^{d+δ} = e^d (1 + expm1 δ).
fn exp_difference(x: Interval, y: Interval) -> Interval {
    if x.is_empty() || y.is_empty() {
        return Interval::EMPTY;
    }
    let at = |a: f64, b: f64| {
        let (sum, error) = two_sum(a, -b);
        match sum.is_finite() && error.is_finite() {
            true => Interval::point(sum).exp() * (Interval::ONE + Interval::point(error).expm1()),
            false => (Interval { lo: a, hi: a } - Interval { lo: b, hi: b }).exp(),
        }
    };
    // The differences of an unbounded side are ±∞: the bound is then 0 or ∞.
    let lo = if x.lo.is_infinite() || y.hi.is_infinite() { 0.0 } else { at(x.lo, y.hi).lo };
    let hi = if x.hi.is_infinite() || y.lo.is_infinite() { f64::INFINITY } else { at(x.hi, y.lo).hi };
    Interval::from_bounds(lo.max(0.0), hi)
}

/// E/(1 + E) for one E ≥ 0; everything in [0, 1] where E is not finite.
fn fraction(e: Interval) -> Interval {
    if e.is_entire() { UNIT } else { (e / (Interval::ONE + e)).intersection(UNIT) }
}

/// Enclosures of all softmax probabilities, each seen from its own class. O(K²).
pub fn softmax(z: &[Interval]) -> Vec<Interval> {
    (0..z.len()).map(|k| Odds::new(z, k).probability).collect()
}

/// log Σ_j e^{z_j}, rising in every logit: bounds at the bounds.
pub fn log_sum_exp(z: &[Interval]) -> Interval {
    let at = |bound: fn(Interval) -> f64| {
        let points: Vec<Interval> = z.iter().map(|&x| Interval::point(bound(x))).collect();
        let top = (0..z.len()).max_by(|&i, &j| points[i].lo.total_cmp(&points[j].lo));
        top.map_or(Interval::EMPTY, |top| points[top] + Odds::new(&points, top).surprise)
    };
    if z.iter().any(|x| x.is_empty()) || z.is_empty() {
        return Interval::EMPTY;
    }
    Interval::new(at(Interval::lo).lo, at(Interval::hi).hi).unwrap_or(Interval::ENTIRE)
}
