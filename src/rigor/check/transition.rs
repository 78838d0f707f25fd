//! Kind 7, the first-order transition: the one c at which two minimisers of φ(t) + c|t| tie, 0 and a t < 0, and how large the second is there.
//!
//! In the notation of `contrastive`, for a focal loss with F(1/K) < 0 (K > 1/p_c): m' > 0 at 0, so that m rises up to s_c and falls from there. For c with m(0) < e < m(s_c) there is one local minimiser s₂(c) > s_c beside 0; its advantage
//! Δ(c) = ψ_c(s₂) − ψ_c(0) has the derivative (K−1)s₂ > 0 in c. At e = m(0) ψ falls up to s₂: Δ < 0; at e = m(s_c) it rises all along: Δ > 0. So **there is exactly one c_tr with a tie; the minimiser is unique elsewhere, s₂(c) below c_tr and 0 above.**
//!
//! c_tr is at least any c at which a witness beats 0, at most any c at which 0 is least (both in `contrastive`). And s₂(c_tr) lies in [s₋, s₊] if m' < 0 at s₋ (so from there on) and m(s₋) > e > m(s₊) for every c of the enclosure.
//!
//! **What this does not establish**: that f(W, H, b) has this transition: without a bias it has (contrastive bound, ε = c times the loss's scale), with one the hypotheses of `contrast` are needed.

use super::contrastive::Subject;
use super::convexity::excess_at_zero;
use super::report::Steps;
use crate::numeric::interval::Interval;

/// Verifies that c_tr lies in `at`, and the other minimiser's margin there in `scale`.
pub(super) fn verify(subject: Subject<'_>, at: Interval, scale: Interval, witness: f64, steps: &mut Steps) -> Option<()> {
    let gamma = subject.loss.focusing().filter(|_| !subject.loss.convex());
    steps.holds("the loss is the focal loss", gamma.is_some(), || "convex losses have no transition".into())?;
    let excess = excess_at_zero(gamma?, subject.classes);
    steps.less("φ is concave at t = 0: F(1/K) < 0", excess.hi(), 0.0)?;
    steps.less("c and the margins are positive", 0.0, at.lo().min(scale.lo()))?;
    subject.beats_zero(at.lo(), witness, steps)?;
    subject.zero_is_least(at.hi(), steps)?;
    let margin = |s: f64| subject.loss.at_margin(subject.classes, Interval::point(s));
    let (first, last) = (margin(scale.lo()), margin(scale.hi()));
    steps.less("φ is convex beyond the lower margin: m' < 0", first.pull_slope.hi(), 0.0)?;
    steps.less("the pull is above e at the lower margin", subject.slope(at.hi()).hi(), first.pull.lo())?;
    steps.less("the pull is below e at the upper margin", last.pull.hi(), subject.slope(at.lo()).lo())
}
