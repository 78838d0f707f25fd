//! The landscape of MSE is benign.

use super::hypotheses::FULL_WIDTH;
use super::{Check, Theorem, landscape};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "mse-landscape",
    title: "The landscape of MSE is benign",
    source: "Zhou et al. 2022 (MSE); for any convex loss and d ≥ K by the residual’s norm: ‖G‖ ≤ μ at a critical point proves it global, and ‖G‖ > μ is an escape direction",
    statement: "For d ≥ K every critical point of the MSE objective is a global minimum or a strict saddle; some saddles are degenerate.",
    refuted_by: "a critical point that is a minimum and not global, or a saddle without negative curvature",
    scenario: "landscape",
    figures: &["value-index", "success-by-width"],
    hypotheses: &[landscape::MSE, FULL_WIDTH],
    check: Check::Each(|subject| landscape::benign(subject, |_| true)),
    planted: |records, _| landscape::spurious_minimum(records),
};
