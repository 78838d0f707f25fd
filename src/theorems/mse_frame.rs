//! MSE turns from a simplex into an orthogonal frame as λ_b grows.

use super::hypotheses::{BALANCED, CLOSED_FORM};
use super::{Check, Theorem, landscape, phases};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "mse-frame",
    title: "MSE turns from a simplex into an orthogonal frame as λ_b grows",
    source: "closed form of `theory/separable.rs`",
    statement: "For balanced classes and κ = 1 the minimum of MSE with a decayed bias is a simplex ETF for small λ_b and gains the mean direction (rank K) beyond λ_b = ε/(M/K − ε).",
    refuted_by: "a global minimum of another rank than the closed form’s, on either side of the transition",
    scenario: "mse-frame",
    figures: &["mse-frame"],
    hypotheses: &[BALANCED, landscape::MSE, CLOSED_FORM],
    check: Check::Each(|subject| phases::ranks(subject, 1e-10)),
    planted: |records, _| records.iter_mut().for_each(|record| record.rank = record.rank.map(|rank| rank + 1)),
};
