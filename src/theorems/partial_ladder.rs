//! The partially collapsed states of focal loss are what their isotypic blocks say, and some are spurious minima.

use super::evidence::{exact, place};
use super::{Check, Judgement, Subject, Tally, Theorem, focal_spurious, landscape};
use crate::record::{Count, Record, ladder_place, rung};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "partially-collapsed-ladder",
    title: "Focal loss has a ladder of partially collapsed critical points, of which the upper part are spurious minima",
    source: "ours: states of `theory/partial.rs`, blocks of `spectra/partial.rs`; outside the local claim of Zhou et al. 2022, which it does not contradict",
    statement: "For K > 1/p_c(γ) and ε between η(1/K)/K and the first-order transition the state in which m of the K classes form a simplex and the others sit at the origin is critical wherever its branch reaches that ε, with the value, \
                the index and the nullity of its closed form. Where that index is 0 and the nullity its orbit's, it is a strict local minimum modulo symmetry, above the lowest known value for m < K.",
    refuted_by: "a point found from such a state with another value, index or nullity; a strict minimum with m < K at the lowest value; no strict minimum with 2 ≤ m < K among the states tried",
    scenario: "focal-ladder",
    figures: &["focal-ladder", "focal-ladder-window"],
    hypotheses: &[landscape::FOCAL, focal_spurious::MANY_CLASSES, focal_spurious::WINDOW],
    check: Check::Each(check),
    planted: |records, _| {
        let minimum = |record: &&mut Record| record.start == "partial" && record.nature.as_deref() == Some("local-minimum");
        records.iter_mut().filter(minimum).for_each(|record| record.index = Some(Count::Exact(1)));
    },
};

/// Relative difference of values that rounding may cause: both are sums of K terms, and the polish ends where the gradient is rounding.
const ALLOWED: f64 = 1e-12;

fn check(subject: &Subject<'_>) -> Judgement {
    let mut tally = Tally::new("relative difference of the values; 1 and more where counts or natures differ", ALLOWED);
    let balanced = match subject.balanced() {
        Ok(balanced) => balanced,
        Err(reason) => return Judgement::undecided("", reason),
    };
    let lowest = subject.critical().map(|record| record.value).fold(f64::INFINITY, f64::min);
    let (mut tried, mut spurious) = (false, false);
    for record in subject.critical() {
        let Some(alive) = ladder_place(record) else { continue };
        let rung = match rung(&balanced, alive) {
            Ok(rung) => rung,
            Err(reason) => {
                tally.doubt(|| format!("{}: {reason}", place(record)));
                continue;
            }
        };
        let (Some(index), Some(nullity)) = (exact(record.index), exact(record.nullity)) else {
            tally.doubt(|| format!("{} has no exact counts", place(record)));
            continue;
        };
        let counts = index.abs_diff(rung.index) + nullity.abs_diff(rung.nullity);
        let strict = rung.nature == "local-minimum";
        // The simplex of all classes may be the global minimum; every other strict minimum is a spurious one.
        let low = strict && alive < balanced.classes && !(record.value > lowest + 1e-9 * lowest.abs());
        let minimum = record.nature.as_deref() != Some("strict-saddle");
        let wrong = counts + u64::from(low) + u64::from(minimum != (rung.index == 0));
        let relative = (record.value - rung.value).abs() / rung.value.abs();
        tally.add(wrong as f64 + relative, || {
            format!(
                "m = {alive}: {}, index {index} ({} by the blocks), nullity {nullity} ({})",
                place(record),
                rung.index,
                rung.nullity
            )
        });
        let between = (2..balanced.classes).contains(&alive);
        (tried, spurious) = (tried || between, spurious || (between && strict));
    }
    if tried && !spurious {
        tally.add(1.0, || "none of the states tried with 2 ≤ m < K is a strict minimum".into());
    }
    tally.judge("no partially collapsed state is among the records (start `partial`)")
}
