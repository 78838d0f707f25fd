//! Claims about a loss, one after the other.

use super::contrastive::Subject;
use super::report::{ClaimReport, Steps};
use super::{contrastive, convexity, transition};
use crate::numeric::interval::Interval;
use crate::rigor::about_loss::{LossCertificate, LossClaim, Uniqueness};
use crate::rigor::losses::IntervalLoss;

/// How often an interval of γ may be halved.
const SPLITS_MAX: u32 = 6;

/// Checks the claims of a certificate about a loss that was read.
pub fn check_loss_claims(certificate: &LossCertificate) -> Vec<ClaimReport> {
    certificate.claims.iter().map(|claim| check(certificate, claim)).collect()
}

fn check(certificate: &LossCertificate, claim: &LossClaim) -> ClaimReport {
    let mut steps = Steps::default();
    let accepted = in_pieces(&certificate.loss, certificate.classes, claim, SPLITS_MAX, &mut steps).is_some();
    ClaimReport { kind: claim.kind(), accepted, establishes: establishes(certificate, claim), steps: steps.into_vec() }
}

/// Verifies a claim for every value of the parameters; where that is too much at once, for each half of γ's interval.
fn in_pieces(loss: &IntervalLoss, classes: usize, claim: &LossClaim, splits: u32, steps: &mut Steps) -> Option<()> {
    let mut taken = Steps::default();
    let found = verify(Subject { loss, classes }, claim, &mut taken);
    match halves(loss) {
        Some((first, last)) if found.is_none() && splits > 0 => {
            in_pieces(&first, classes, claim, splits - 1, steps)?;
            in_pieces(&last, classes, claim, splits - 1, steps)
        }
        _ => {
            steps.append(&taken.into_vec());
            found
        }
    }
}

/// The two halves of γ's interval.
fn halves(loss: &IntervalLoss) -> Option<(IntervalLoss, IntervalLoss)> {
    let IntervalLoss::Focal { gamma } = loss else { return None };
    let middle = gamma.mid();
    if !(gamma.lo() < middle && middle < gamma.hi()) {
        return None;
    }
    let half = |lo: f64, hi: f64| Some(IntervalLoss::Focal { gamma: Interval::new(lo, hi)? });
    Some((half(gamma.lo(), middle)?, half(middle, gamma.hi())?))
}

fn verify(subject: Subject<'_>, claim: &LossClaim, steps: &mut Steps) -> Option<()> {
    steps.holds("the loss is one that the theorems are about", !subject.loss.is_formula(), || "a named loss".into())?;
    match *claim {
        LossClaim::ConvexityRegion { edge } => convexity::verify(subject.loss, edge, steps),
        LossClaim::Contrastive { from, to, reason } => contrastive::verify(subject, from, to, reason, steps),
        LossClaim::Transition { at, scale, witness } => transition::verify(subject, at, scale, witness, steps),
    }
}

/// What a claim says, in words.
fn establishes(certificate: &LossCertificate, claim: &LossClaim) -> String {
    let classes = certificate.classes;
    match *claim {
        LossClaim::ConvexityRegion { edge } if edge.hi() <= 0.0 => "the loss is convex in the logits".into(),
        LossClaim::ConvexityRegion { edge } => {
            format!("the Hessian in the logits is positive semidefinite exactly where p_k ≥ p_c, with p_c in {edge}")
        }
        LossClaim::Contrastive { from, to, reason } => {
            let range = match (from > 0.0, to) {
                (false, None) => "every c > 0".into(),
                (true, None) => format!("every c ≥ {from:e}"),
                (false, Some(to)) => format!("every c with 0 < c ≤ {to:e}"),
                (true, Some(to)) => format!("every c from {from:e} to {to:e}"),
            };
            let (scope, sign) = match reason {
                Uniqueness::Convex => (format!("every number of classes from 2 to {classes}"), "t* ≤ 0"),
                Uniqueness::Simplex { .. } => (format!("K = {classes}"), "t* < 0"),
                Uniqueness::Zero => (format!("K = {classes}"), "t* = 0"),
            };
            format!("the contrastive property for {range} and {scope}: argmin φ(t) + c|t| is unique, {sign}")
        }
        LossClaim::Transition { at, scale, .. } => format!(
            "for K = {classes} the minimiser of φ(t) + c|t| is unique and negative below one c in {at}, 0 above; there it jumps to 0 from a margin s = −t/(K−1) in {scale}"
        ),
    }
}
