//! Below d = K − 1 there are spurious minima.

use super::evidence::place;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "narrow-spurious-minima",
    title: "Below d = K − 1 the landscape is not benign",
    source: "found numerically by this program; shapes in `scenarios/bottleneck-census.toml`",
    statement: "For d < K − 1 cross-entropy has strict local minima modulo symmetry that are not global: d ≥ K − 1 in the benign landscape is sharp.",
    refuted_by: "only one value among the minima found",
    scenario: "narrow",
    figures: &["value-index"],
    hypotheses: &[NARROW],
    check: Check::Each(check),
    planted: |records, _| {
        let lowest = records.iter().map(|record| record.value).fold(f64::INFINITY, f64::min);
        records.iter_mut().for_each(|record| record.value = lowest);
    },
};

const NARROW: Hypothesis = Hypothesis {
    name: "d < K − 1",
    holds: |subject| {
        let record = subject.settings();
        if record.width + 1 < record.classes { Ok(()) } else { Err(format!("d = {}, K = {}", record.width, record.classes)) }
    },
    breaks: |record| record.width = record.classes,
};

fn check(subject: &Subject<'_>) -> Judgement {
    let minima: Vec<_> = ["local-minimum", "global-minimum"].iter().flat_map(|nature| subject.decided(nature)).collect();
    let lowest = minima.iter().map(|record| record.value).fold(f64::INFINITY, f64::min);
    let highest = minima.iter().copied().max_by(|a, b| a.value.total_cmp(&b.value));
    let Some(highest) = highest else { return Judgement::undecided("", "no minimum was found") };
    // The statement is an existence: the deviation is 1 where the minima found have one value, 0 where a second one stands clear of it.
    let mut tally = Tally::new("1 where all minima found have one value", 0.0);
    let clear = highest.value - lowest > 1e-6 * lowest.abs();
    tally.add(f64::from(!clear), || format!("{}, {:.6} above the lowest", place(highest), highest.value - lowest));
    tally.judge("")
}
