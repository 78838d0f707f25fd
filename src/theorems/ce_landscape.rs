//! The landscape of cross-entropy is benign.

use super::hypotheses::WIDE;
use super::{Check, Theorem, landscape};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "cross-entropy-landscape",
    title: "The landscape of cross-entropy is benign",
    source: "Zhu et al. 2021; for d ≥ K − 1 and any imbalance derived in `theorems/landscape.rs`",
    statement: "For d ≥ K − 1 every critical point of the cross-entropy objective is a global minimum or a strict saddle, whatever the class sizes and the bias.",
    refuted_by: "a critical point that is a minimum and not global, or a saddle without negative curvature",
    scenario: "landscape",
    figures: &["value-index", "success-by-width"],
    hypotheses: &[landscape::CROSS_ENTROPY, WIDE],
    check: Check::Each(|subject| landscape::benign(subject, |_| true)),
    planted: |records, _| landscape::spurious_minimum(records),
};
