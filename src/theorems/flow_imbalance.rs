//! The gradient flow balances W and H exactly.

use super::flow::{self, FLOW};
use super::{Check, Hypothesis, Judgement, Subject, Theorem};
use crate::theory::imbalance_factor;

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "flow-imbalance",
    title: "The gradient flow balances W and H by e^{−2λt}",
    source: "without decay the difference is conserved (Arora et al. 2018, Du et al. 2018); with it derived in `theory/flow.rs`",
    statement: "Under the gradient flow with λ_W = λ_H = λ, WᵀW − HHᵀ = e^{−2λt} (W(0)ᵀW(0) − H(0)H(0)ᵀ), whatever the loss, the class sizes, the bias and the start.",
    refuted_by: "a flow on which WᵀW − HHᵀ turns, or shrinks at another rate, by more than the integrator's error estimates",
    scenario: "flow",
    figures: &["flow-laws"],
    hypotheses: &[FLOW, EQUAL_DECAYS],
    check: Check::Each(check),
    planted: |_, rows| flow::slow(rows),
};

/// λ_W = λ_H.
const EQUAL_DECAYS: Hypothesis = Hypothesis {
    name: "λ_W = λ_H",
    holds: |subject| imbalance_factor(&subject.problem()?, 0.0).map(drop).map_err(|reason| reason.to_string()),
    breaks: |record| record.decay_h = record.decay_h.map(|h| 1.5 * h),
};

/// An error e changes WᵀW − HHᵀ by at most 2‖W‖‖e_W‖ + 2‖H‖‖e_H‖ + ‖e‖² ≤ (2‖(W, H)‖ + ‖e‖)‖e‖, and the law shrinks what was missed.
fn check(subject: &Subject<'_>) -> Judgement {
    let problem = match subject.problem() {
        Ok(problem) => problem,
        Err(reason) => return Judgement::not_applicable("", reason),
    };
    let factor = |time| imbalance_factor(&problem, time).map_err(|reason| reason.to_string());
    flow::judge_factor(subject, factor, |row| row.imbalance, |moment| 2.0 * moment.norm + moment.error())
}
