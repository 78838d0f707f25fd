//! The gradient flow shrinks 1ᵀW exactly.

use super::flow::{self, FLOW};
use super::hypotheses::SHIFT_INVARIANT;
use super::{Check, Judgement, Subject, Theorem};
use crate::theory::mean_classifier_factor;

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "flow-mean-classifier",
    title: "The gradient flow shrinks the mean classifier by e^{−λ_W t}",
    source: "1ᵀG = 0 for a shift-invariant loss; derived in `theory/flow.rs`",
    statement: "Under the gradient flow of a shift-invariant loss 1ᵀW(t) = e^{−λ_W t} 1ᵀW(0), whatever the class sizes, the bias and the start.",
    refuted_by: "a flow on which 1ᵀW turns, or shrinks at another rate, by more than the integrator's error estimates",
    scenario: "flow",
    figures: &["flow-laws"],
    hypotheses: &[FLOW, SHIFT_INVARIANT],
    check: Check::Each(check),
    planted: |_, rows| flow::slow(rows),
};

/// |1ᵀe_W| ≤ √K‖e‖, and the law shrinks what was missed.
fn check(subject: &Subject<'_>) -> Judgement {
    let problem = match subject.problem() {
        Ok(problem) => problem,
        Err(reason) => return Judgement::not_applicable("", reason),
    };
    let root = (problem.shape.classes() as f64).sqrt();
    let factor = |time| mean_classifier_factor(&problem, time).map_err(|reason| reason.to_string());
    flow::judge_factor(subject, factor, |row| row.mean_classifier, |_| root)
}
