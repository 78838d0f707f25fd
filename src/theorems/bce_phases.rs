//! BCE without a bias passes through phases.

use super::hypotheses::{BALANCED, CLOSED_FORM, NO_BIAS};
use super::{Check, Theorem, landscape, phases};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "bce-phases",
    title: "BCE without a bias passes through phases",
    source: "closed form of `theory/separable.rs`",
    statement: "For balanced classes and no bias the minimum of BCE has, as ε grows, ranks that depend on K: K = 3: 3, 2, 0; K = 4: 4, 0; K ≥ 5: K, 1, 0, with the edges of `ufm theory`.",
    refuted_by: "a global minimum of another rank than the closed form’s",
    scenario: "bce-phases",
    figures: &["bce-phases"],
    hypotheses: &[BALANCED, landscape::BCE, NO_BIAS, CLOSED_FORM],
    check: Check::Each(|subject| phases::ranks(subject, 1e-10)),
    planted: |records, _| records.iter_mut().for_each(|record| record.rank = record.rank.map(|rank| rank + 1)),
};
