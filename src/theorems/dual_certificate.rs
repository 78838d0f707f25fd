//! The residual's norm decides global optimality.

use super::evidence::place;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "dual-certificate",
    title: "A critical point is global exactly where ‖G‖ ≤ μ",
    source: "duality of the nuclear norm; derived in `objective/lower_bound.rs`",
    statement: "For a convex loss and d ≥ K a critical point is a global minimum if and only if its residual G has operator norm at most μ = √(λ_W λ_H); the lower bound is then the value itself.",
    refuted_by: "a critical point with ‖G‖ ≤ μ above its lower bound, or a global minimum with ‖G‖ > μ",
    scenario: "landscape",
    figures: &["value-index", "dual-gap"],
    hypotheses: &[CONVEX, WIDE_ENOUGH],
    check: Check::Each(check),
    planted: |records, _| {
        records.iter_mut().filter(|record| record.nature.as_deref() == Some("global-minimum")).for_each(|record| {
            record.dual_ratio = Some(1.01);
        });
    },
};

/// The loss has a conjugate here, so a dual bound.
pub(super) const CONVEX: Hypothesis = Hypothesis {
    name: "a convex loss",
    holds: |subject| {
        let loss = subject.loss()?;
        if loss.function().conjugate().is_some() { Ok(()) } else { Err(format!("{loss} is not convex")) }
    },
    breaks: |record| {
        record.loss = "focal".into();
        record.loss_params.insert("gamma".into(), 3.0);
    },
};

const WIDE_ENOUGH: Hypothesis = Hypothesis {
    name: "d ≥ K",
    holds: |subject| {
        let record = subject.settings();
        if record.width >= record.classes { Ok(()) } else { Err(format!("d = {}, K = {}", record.width, record.classes)) }
    },
    breaks: |record| record.width = record.classes - 1,
};

fn check(subject: &Subject<'_>) -> Judgement {
    let mut tally = Tally::new("‖G‖/μ − 1 at global minima, and relative gap where ‖G‖ ≤ μ", 1e-7);
    for record in subject.critical() {
        let (Some(ratio), Some(gap)) = (record.dual_ratio, record.gap) else {
            tally.doubt(|| format!("{} has no bound", place(record)));
            continue;
        };
        let global = record.nature.as_deref() == Some("global-minimum");
        if global {
            tally.add((ratio - 1.0).max(0.0), || format!("{}: ‖G‖/μ", place(record)));
        }
        if ratio <= 1.0 + 1e-9 || global {
            tally.add(gap / record.value, || format!("{}: gap", place(record)));
        }
    }
    tally.judge("no critical point was found")
}
