//! Too much decay leaves W = H = 0.

use super::hypotheses::{BALANCED, CLOSED_FORM};
use super::{Check, Theorem, phases};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "zero-phase",
    title: "Too much decay leaves W = H = 0",
    source: "subgradient of the scalar problem at 0; derived in `theory/softmax.rs`",
    statement: "For balanced classes W = H = 0 is the global minimum if and only if ε is at least the threshold: 1/K for cross-entropy, (1 − α)/K for label smoothing, and the closed forms of `ufm theory` for the others.",
    refuted_by: "a global minimum of another rank than the closed form’s, on either side of the threshold",
    scenario: "phases",
    figures: &["balanced-minimum", "contrast"],
    hypotheses: &[BALANCED, CLOSED_FORM],
    check: Check::Each(|subject| phases::ranks(subject, 1e-10)),
    planted: |records, _| records.iter_mut().for_each(|record| record.rank = record.rank.map(|rank| rank + 1)),
};
