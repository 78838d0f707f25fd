//! Kind 7, the contrastive property on a range of c: L(z, k) ≥ φ(t), t = Σ_{j≠k}(z_j − z_k), with equality only where the off-class logits agree; and argmin φ(t) + c|t| is unique and ≤ 0.
//!
//! **The bound** is a theorem for every member. ℓ(p_k), decreasing: Jensen, Σ_{j≠k}e^{z_j−z_k} ≥ (K−1)e^{t/(K−1)}, strictly unless the terms agree. Label smoothing adds −(α/K)t to cross-entropy. MSE and BCE: φ is the infimum of L at t, attained
//! as L is coercive there; averaging over the permutations of the off-class logits keeps t and lowers the strictly convex L unless they agree.
//!
//! **Convex φ.** For the losses that are strictly convex along the margin, φ + c|t| is strictly convex and coercive: one minimiser for every c > 0. It is ≤ 0, because φ increases at 0: dφ/ds = −(1−1/K), −(1−α)(K−1)/K, −θM, −σ(−a) for cross-entropy,
//! label smoothing, MSE, BCE.
//!
//! **Focal loss.** With the margin s = −t/(K−1), e = (K−1)c: ψ_c(s) = ℓ(s) + e|s|, and ℓ' = −m(s) = −(1−p)η < 0, so that s < 0 never minimises. m' = −p(1−p)^γ F(p) with F of `convexity`: ψ is strictly concave on [0, s_c] and strictly convex on
//! [s_c, ∞), p(s_c) = p_c (s_c ≤ 0, that is nowhere concave, iff F(1/K) ≥ 0). A strictly concave function is least at an end of its interval only; so *the minimisers are 0 and at most one s > 0*. Hence
//!
//! ```text
//! F(1/K) > 0                             φ strictly convex for t ≤ 0: unique for every c
//! ψ_c(w) < ψ_c(0) for one w > 0 at c     unique and t* < 0 for every c' ≤ c, as ψ_c'(w) − ψ_c'(0) increases in c'
//! ψ_c(s) > ψ_c(0) for all s > 0 at c     unique and t* = 0 for every c' ≥ c, for the same reason
//! ```
//!
//! The third is shown on a cover of (0, ℓ(0)/e] by cells: [a, b] holds where m < e on all of [0, b] (ψ rises from 0 on), or ψ − ψ(0) > 0 by its natural or its mean value form. To the right of ℓ(0)/e it holds as ℓ > 0.
//!
//! **What this does not establish**: what the minimiser is, beyond its sign; and nothing of f(W, H, b) without the hypotheses of the contrastive bound (`contrast`).

use super::contrast::cover;
use super::convexity::excess_at_zero;
use super::report::Steps;
use crate::numeric::interval::Interval;
use crate::rigor::about_loss::Uniqueness;
use crate::rigor::losses::IntervalLoss;

/// A loss for K classes.
#[derive(Clone, Copy)]
pub(super) struct Subject<'l> {
    /// L.
    pub(super) loss: &'l IntervalLoss,
    /// K.
    pub(super) classes: usize,
}

/// Verifies uniqueness for every c from `from` (open at 0) to `to`.
pub(super) fn verify(subject: Subject<'_>, from: f64, to: Option<f64>, reason: Uniqueness, steps: &mut Steps) -> Option<()> {
    match reason {
        Uniqueness::Convex => {
            let excess = subject.loss.focusing().map(|gamma| excess_at_zero(gamma, subject.classes));
            match excess.filter(|_| !subject.loss.convex()) {
                None => steps.holds("φ is strictly convex for t ≤ 0", true, || "the loss is convex".into()),
                Some(excess) => steps.less("φ is strictly convex for t ≤ 0: 0 < F(1/K)", 0.0, excess.lo()),
            }
        }
        Uniqueness::Simplex { witness } => {
            subject.of_probability(steps)?;
            let to = to.unwrap_or(f64::INFINITY);
            steps.holds("the range is bounded above", to.is_finite(), || format!("{to:e}"))?;
            subject.beats_zero(to, witness, steps)
        }
        Uniqueness::Zero => {
            subject.of_probability(steps)?;
            subject.zero_is_least(from, steps)
        }
    }
}

impl Subject<'_> {
    /// Requires a loss ℓ(p_k).
    fn of_probability(self, steps: &mut Steps) -> Option<()> {
        let holds = self.loss.focusing().is_some();
        steps.holds("the loss is a decreasing function of p_k alone", holds, || "cross-entropy or focal".into())
    }

    /// e = (K−1)c.
    pub(super) fn slope(self, c: f64) -> Interval {
        Interval::count(self.classes - 1) * Interval::point(c)
    }

    /// ℓ(s) + e·s.
    fn value(self, slope: Interval, s: Interval) -> Interval {
        self.loss.at_margin(self.classes, s).value + slope * s
    }

    /// ψ(0).
    fn at_zero(self) -> Interval {
        self.loss.at_margin(self.classes, Interval::ZERO).value
    }

    /// Requires that at c the margin `witness` has a smaller value than 0.
    pub(super) fn beats_zero(self, c: f64, witness: f64, steps: &mut Steps) -> Option<()> {
        let (value, zero) = (self.value(self.slope(c), Interval::point(witness)), self.at_zero());
        let needed = "the witness has a smaller value than 0: ψ(w) < ψ(0)";
        steps.holds(needed, value.certainly_less(zero), || format!("{value} < {zero}"))
    }

    /// Requires that at c every margin s > 0 has a larger value than 0.
    pub(super) fn zero_is_least(self, c: f64, steps: &mut Steps) -> Option<()> {
        let slope = self.slope(c);
        let zero = self.at_zero();
        let right = (Interval::point(zero.hi()) / slope).hi();
        let searchable = slope.certainly_positive() && right.is_finite();
        steps.holds("c is positive, and the line can be searched", searchable, || format!("c = {c:e}, s ≤ {right:.3e}"))?;
        let cells = cover(0.0, right, |low, high| self.rises(slope, high) || self.above(slope, zero, low, high));
        steps.holds("ψ(s) > ψ(0) on every cell of s > 0", cells.is_ok(), || match cells {
            Ok(cells) => format!("{cells} cells of s in (0, {right}]"),
            Err(at) => format!("not shown near s = {at:.6}"),
        })
    }

    /// Whether ψ rises on [0, s].
    fn rises(self, slope: Interval, s: f64) -> bool {
        Interval::new(0.0, s).is_some_and(|cell| self.loss.at_margin(self.classes, cell).pull.certainly_less(slope))
    }

    /// Whether ψ > ψ(0) on a cell.
    fn above(self, slope: Interval, zero: Interval, low: f64, high: f64) -> bool {
        let (left, right) = (Interval::point(low), Interval::point(high));
        let natural = self.loss.at_margin(self.classes, right).value + slope * left;
        if zero.certainly_less(natural) {
            return true;
        }
        let Some(cell) = Interval::new(low, high) else { return false };
        let middle = Interval::point(cell.mid());
        let derivative = slope - self.loss.at_margin(self.classes, cell).pull;
        zero.certainly_less(self.value(slope, middle) + derivative * (cell - middle))
    }
}
