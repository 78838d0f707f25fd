//! `theorems.json`: published statements judged on what a run found.

use serde::{Deserialize, Serialize};

/// The schema version of [`TheoremFile`]. Fields are only ever added to it.
pub const THEOREM_SCHEMA: &str = "ufm.theorems/v1";

/// `theorems.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TheoremFile {
    /// [`THEOREM_SCHEMA`].
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// One entry a statement, in the order asked for.
    pub theorems: Vec<TheoremFinding>,
}

/// A statement and what the run says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TheoremFinding {
    /// The statement's id.
    pub theorem: String,
    /// Its name in words.
    pub title: String,
    /// Where it comes from.
    pub source: String,
    /// What it says.
    pub statement: String,
    /// What would refute it.
    pub refuted_by: String,
    /// "agrees", "disagrees", "undecided" or "does not apply".
    pub finding: String,
    /// The largest deviation from the statement, over all cases it applies to.
    pub deviation: Option<f64>,
    /// The deviation that is allowed for rounding; a larger one disagrees.
    pub allowed: Option<f64>,
    /// What the deviation is, in words.
    pub measured: String,
    /// Points that were judged.
    pub points: usize,
    /// Why, in words.
    pub reason: String,
    /// The same for each case, or for each group of cases that a statement compares.
    pub cases: Vec<CaseFinding>,
}

/// A statement on one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFinding {
    /// Hash of the case (of the first of them).
    pub case: String,
    /// What tells it from the others.
    pub label: String,
    /// "agrees", "disagrees", "undecided" or "does not apply".
    pub finding: String,
    /// The deviation.
    pub deviation: Option<f64>,
    /// What is allowed.
    pub allowed: Option<f64>,
    /// Points that were judged.
    pub points: usize,
    /// Why: the failing hypothesis, the point that disagrees, what is missing.
    pub reason: String,
}
