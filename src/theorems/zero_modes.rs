//! The zero eigenvalues at a global minimum are those of the symmetry.

use super::evidence::{exact, place};
use super::hypotheses::{BALANCED, CLOSED_FORM};
use super::{Check, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "zero-modes",
    title: "The zeros of the Hessian at a global minimum are its symmetry's",
    source: "the orbit O(d)·(W, H) has dimension rd − r(r+1)/2; whole spectrum derived in `spectra/etf.rs`",
    statement: "At a global minimum of rank r, away from phase edges, the Hessian has exactly rd − r(r+1)/2 zero eigenvalues, one more for a shift-invariant loss with a free bias, and no negative one.",
    refuted_by: "a global minimum with another number of zero eigenvalues, or with a negative one",
    scenario: "collapse",
    figures: &["spectrum"],
    hypotheses: &[BALANCED, CLOSED_FORM],
    check: Check::Each(check),
    planted: |records, _| {
        records
            .iter_mut()
            .for_each(|record| record.nullity = record.nullity_symmetry.map(|n| crate::record::Count::Exact(n + 1)));
    },
};

fn check(subject: &Subject<'_>) -> Judgement {
    let mut tally = Tally::new("zeros beside those of the orbit, and negative eigenvalues", 0.0);
    for record in subject.decided("global-minimum") {
        let (Some(nullity), Some(index), Some(rank)) = (exact(record.nullity), exact(record.index), record.rank) else {
            tally.doubt(|| format!("{} has no exact counts", place(record)));
            continue;
        };
        let shift = u64::from(record.bias == "free" && subject.loss().is_ok_and(|loss| loss.function().shift_invariant()));
        let orbit = (rank * record.width - rank * (rank + 1) / 2) as u64 + shift;
        tally.add((nullity.abs_diff(orbit) + index) as f64, || {
            format!("{}: {nullity} zeros, {orbit} expected, index {index}", place(record))
        });
    }
    tally.judge("no global minimum was found")
}
