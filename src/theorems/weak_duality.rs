//! Every iterate of a convex loss bounds the global minimum from below.

use super::dual_certificate::CONVEX;
use super::{Check, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "weak-duality",
    title: "Every iterate proves how far it is from the minimum",
    source: "weak duality of the nuclear norm; derived in `objective/lower_bound.rs`",
    statement: "For a convex loss, any class sizes and any width, the value D(Γ) that any point gives, Γ its residual shrunk to operator norm μ, is at most f everywhere.",
    refuted_by: "a lower bound along a trajectory that lies above a value found anywhere",
    scenario: "dual-gap",
    figures: &["dual-gap"],
    hypotheses: &[CONVEX],
    check: Check::Each(check),
    planted: |_, rows| {
        let lowest = rows.iter().map(|row| row.value).fold(f64::INFINITY, f64::min);
        rows.iter_mut().filter(|row| row.step == 0).for_each(|row| row.lower_bound = Some(lowest + 1e-3 * row.value));
    },
};

fn check(subject: &Subject<'_>) -> Judgement {
    let mut tally = Tally::new("a row's lower bound less the lowest value found, relative", 1e-13);
    let values = subject.rows.iter().map(|row| row.value).chain(subject.records.iter().map(|record| record.value));
    let lowest = values.filter(|value| value.is_finite()).fold(f64::INFINITY, f64::min);
    for row in &subject.rows {
        let Some(bound) = row.lower_bound else { continue };
        tally.add((bound - lowest).max(0.0) / lowest.abs(), || format!("start {}, iteration {}", row.start_index, row.step));
    }
    tally.judge("the trajectories hold no lower bound (report.figures = [\"dual-gap\"] asks for it)")
}
