//! The landscape of label smoothing is benign.

use super::hypotheses::WIDE;
use super::{Check, Theorem, landscape};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "label-smoothing-landscape",
    title: "The landscape of label smoothing is benign",
    source: "Zhou et al. 2022; for d ≥ K − 1 as for cross-entropy",
    statement: "For d ≥ K − 1 every critical point of the label-smoothing objective is a global minimum or a strict saddle.",
    refuted_by: "a critical point that is a minimum and not global, or a saddle without negative curvature",
    scenario: "landscape",
    figures: &["value-index", "success-by-width"],
    hypotheses: &[landscape::LABEL_SMOOTHING, WIDE],
    check: Check::Each(|subject| landscape::benign(subject, |_| true)),
    planted: |records, _| landscape::spurious_minimum(records),
};
