//! Below d = K − 1 there are spurious minima.

use super::evidence::place;
use super::landscape::CROSS_ENTROPY;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "narrow-spurious-minima",
    title: "Below d = K − 1 the landscape is not benign",
    source: "found numerically by this program; shapes in `scenarios/bottleneck-census.toml`",
    statement: "For d < K − 1 cross-entropy has strict local minima modulo symmetry that are not global: d ≥ K − 1 in the benign landscape is sharp.",
    refuted_by: "only one value among the minima found, in every case",
    scenario: "narrow",
    figures: &["value-index", "success-by-width"],
    hypotheses: &[CROSS_ENTROPY, NARROW],
    check: Check::Together(check),
    planted: |records, _| records.iter_mut().for_each(|record| record.value = 1.0),
};

const NARROW: Hypothesis = Hypothesis {
    name: "d < K − 1",
    holds: |subject| {
        let record = subject.settings();
        if record.width + 1 < record.classes { Ok(()) } else { Err(format!("d = {}, K = {}", record.width, record.classes)) }
    },
    breaks: |record| record.width = record.classes,
};

/// The statement is an existence: one case with two values of minima shows it, and those with one value (an octahedron has no rival) say nothing.
fn check(subjects: &[Subject<'_>]) -> Judgement {
    const MEASURED: &str = "1 where all minima found have one value";
    let mut spread: Option<(f64, String)> = None;
    for subject in subjects {
        let minima: Vec<_> = ["local-minimum", "global-minimum"].iter().flat_map(|nature| subject.decided(nature)).collect();
        let Some(highest) = minima.iter().copied().max_by(|a, b| a.value.total_cmp(&b.value)) else { continue };
        let lowest = minima.iter().map(|record| record.value).fold(f64::INFINITY, f64::min);
        let above = (highest.value - lowest) / lowest.abs();
        if spread.as_ref().is_none_or(|(widest, _)| above > *widest) {
            let words = format!("{}: {}, {:.6} above the lowest", subject.label, place(highest), highest.value - lowest);
            spread = Some((above, words));
        }
    }
    let Some((above, place)) = spread else { return Judgement::undecided(MEASURED, "no minimum was found") };
    let mut tally = Tally::new(MEASURED, 0.0);
    tally.add(f64::from(!(above > 1e-6)), || place);
    tally.judge("")
}
