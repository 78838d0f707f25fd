//! The rank of a critical point.

use super::evidence::place;
use super::hypotheses::SHIFT_INVARIANT;
use super::{Check, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "rank-bound",
    title: "Critical points have rank at most K − 1",
    source: "1ᵀG = 0 and GHᵀ = −λ_W W give 1ᵀW = 0; Zhu et al. 2021 for cross-entropy",
    statement: "For a shift-invariant loss the columns of W sum to zero at every critical point, so that W and H have rank at most K − 1, whatever the width.",
    refuted_by: "a critical point of rank K",
    scenario: "landscape",
    figures: &["ladder"],
    hypotheses: &[SHIFT_INVARIANT],
    check: Check::Each(check),
    planted: |records, _| records.iter_mut().for_each(|record| record.rank = record.rank.map(|_| record.classes)),
};

fn check(subject: &Subject<'_>) -> Judgement {
    let most = (subject.settings().classes - 1) as f64;
    let mut tally = Tally::new("rank above K − 1", 0.0);
    for record in subject.critical() {
        let rank = record.rank.map_or(f64::NAN, |rank| rank as f64);
        tally.add(if rank.is_nan() { rank } else { (rank - most).max(0.0) }, || place(record));
    }
    tally.judge("no critical point was found")
}
