//! The landscape of focal loss is benign where it is convex.

use super::hypotheses::WIDE;
use super::{Check, Judgement, Subject, Theorem, landscape};
use crate::losses::Loss;
use crate::theory::focal_convexity_edge;

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "focal-local-landscape",
    title: "The landscape of focal loss is benign where it is convex",
    source: "Zhou et al. 2022 (the local statement); the sharp region p ≥ p_c(γ) derived in `theory/focal.rs`",
    statement: "For d ≥ K − 1 every critical point at which the true class has probability at least p_c(γ) on every sample is a strict saddle or the minimum over that region.",
    refuted_by: "a critical point that is a minimum and not global, or a saddle without negative curvature",
    scenario: "landscape",
    figures: &["value-index", "success-by-width"],
    hypotheses: &[landscape::FOCAL, WIDE],
    check: Check::Each(check),
    planted: |records, _| landscape::spurious_minimum(records),
};

fn check(subject: &Subject<'_>) -> Judgement {
    let Ok(Loss::Focal(loss)) = subject.loss() else { return Judgement::undecided("", "the loss's parameter is missing") };
    let edge = focal_convexity_edge(loss.gamma);
    landscape::benign(subject, |record| record.least_probability.is_some_and(|p| p >= edge))
}
