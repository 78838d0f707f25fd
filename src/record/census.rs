//! `census.json`, and one line of `escapes.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Count, PerClass};

/// The schema version of [`Census`]. Fields are only ever added to it.
pub const CENSUS_SCHEMA: &str = "ufm.census/v1";
/// The schema version of [`EscapeRow`].
pub const ESCAPE_SCHEMA: &str = "ufm.escape/v1";

/// The critical points of a run, told apart modulo symmetry: a lower bound on what there is, never a complete list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Census {
    /// [`CENSUS_SCHEMA`].
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// One entry a case, in case order.
    pub cases: Vec<CensusCase>,
}

/// The critical points of one case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CensusCase {
    /// Hash of the resolved case.
    pub case: String,
    /// The loss's name.
    pub loss: String,
    /// Its parameters, and `scale` where it is not 1.
    pub loss_params: BTreeMap<String, f64>,
    /// The formulas of a loss of the user's own; absent for other losses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loss_text: BTreeMap<String, String>,
    /// K.
    pub classes: usize,
    /// d.
    pub width: usize,
    /// n, or n_k.
    pub per_class: PerClass,
    /// "none", "free" or "decayed".
    pub bias: String,
    /// The solver's name.
    pub solver: String,
    /// Number of starts.
    pub points: usize,
    /// How many of them ended at a critical point.
    pub critical: usize,
    /// Distinct critical points modulo symmetry, a connected family counted once. A lower bound, unless families may be connected in ways that were not found
    /// (their `reason` says so).
    pub found_at_least: usize,
    /// What was tried, one entry a kind of start.
    pub tried: Vec<Tried>,
    /// The orbits, by their number.
    pub orbits: Vec<CensusOrbit>,
    /// Connected families of degenerate points.
    pub families: Vec<CensusFamily>,
    /// Whether the orbits can be all there are.
    pub morse: CensusMorse,
}

/// How the starts of one kind ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The start's name.
    pub start: String,
    /// How many there were.
    pub points: usize,
    /// How many ended at a critical point.
    pub critical: usize,
    /// Why the solver stopped → how often.
    pub stop_reasons: BTreeMap<String, usize>,
}

/// A critical point modulo O(d) × permutations of equal classes × permutations within classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CensusOrbit {
    /// Its number in the case: that of the records, then those first met by following escapes.
    pub orbit: usize,
    /// "start" or "escape".
    pub found_by: String,
    /// The first start that led there; null where an escape did.
    pub start_index: Option<usize>,
    /// File of the point.
    pub point: Option<String>,
    /// f.
    pub value: f64,
    /// ‖∇f‖₂.
    pub gradient_norm: f64,
    /// The rank of W and H.
    pub rank: usize,
    /// Number of eigenvalues below −resolution.
    pub index: Option<Count>,
    /// Number of eigenvalues within ±resolution.
    pub nullity: Option<Count>,
    /// The number of zeros that the symmetry explains.
    pub nullity_symmetry: Option<u64>,
    /// The smallest eigenvalue.
    pub lambda_min: Option<f64>,
    /// The largest eigenvalue.
    pub lambda_max: Option<f64>,
    /// As in the records.
    pub nature: String,
    /// As in the records.
    pub standing: String,
    /// What the verdict rests on, or what is missing.
    pub reason: String,
    /// How many starts led there; 0 where only escapes did.
    pub hits: usize,
    /// Which classes are tied, e.g. "2+1+1" or "2+1, 1 at 0".
    pub partition: Option<String>,
    /// Number of classes at the origin.
    pub origin_classes: Option<usize>,
    /// Dimension of its orbit under O(d) and, where b shifts freely, b → b + c1.
    pub orbit_dimension: u64,
    /// Number of permutations of equal classes that, with samples permuted within classes, leave it in its O(d) orbit; decimal digits.
    pub stabiliser: Option<String>,
    /// Number of distinct copies of its O(d) orbit that relabellings of equal classes and of the samples within classes make; decimal digits.
    pub relabellings: Option<String>,
    /// The connected family it belongs to, where it is degenerate.
    pub family: Option<usize>,
}

/// A connected family of degenerate critical points of one value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CensusFamily {
    /// Its number in the case.
    pub family: usize,
    /// f.
    pub value: f64,
    /// The rank of W and H.
    pub rank: usize,
    /// Number of negative eigenvalues.
    pub index: Option<Count>,
    /// nullity − nullity_symmetry: the dimension, modulo symmetry, that the zeros allow.
    pub dimension: Option<u64>,
    /// The dimension of the directions in which critical points of the same value were really found.
    pub dimension_walked: u64,
    /// The orbits in it.
    pub members: Vec<usize>,
    /// How many starts led there.
    pub hits: usize,
    /// "numerical" or "undecided".
    pub standing: String,
    /// How the members were connected, or why they may belong together without having been connected.
    pub reason: String,
}

/// The Morse–Bott check of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CensusMorse {
    /// "consistent", "violated" or "does-not-apply".
    pub finding: String,
    /// What it means here.
    pub reason: String,
    /// One entry a width to which the check applies.
    pub widths: Vec<MorseWidth>,
}

/// The check at one width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MorseWidth {
    /// The feature width: critical points of width w are those of rank ≤ w.
    pub width: usize,
    /// As of the whole.
    pub finding: String,
    /// Why; empty where it is consistent.
    pub reason: String,
    /// Coefficients of the critical points' polynomial M(t), constant first.
    pub critical: Vec<i128>,
    /// Coefficients of Q(t) in M(t) = 1 + (1 + t)Q(t); null where there is no such polynomial. A negative one violates the inequalities.
    pub quotient: Option<Vec<i128>>,
}

/// A path from a saddle along an escape direction to a point below.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EscapeRow {
    /// [`ESCAPE_SCHEMA`].
    pub schema: String,
    /// Hash of the resolved case.
    pub case: String,
    /// The saddle's orbit.
    pub orbit: usize,
    /// Which of its distinct negative eigenvalues, 0 being the lowest.
    pub level: usize,
    /// That eigenvalue.
    pub eigenvalue: f64,
    /// Its multiplicity.
    pub multiplicity: u64,
    /// Which direction of its eigenspace.
    pub direction: usize,
    /// 1 or −1: which way along it.
    pub sign: i8,
    /// The orbit it led to; null where none was reached.
    pub to: Option<usize>,
    /// f where it ended.
    pub to_value: Option<f64>,
    /// In words, where no critical point was reached.
    pub outcome: Option<String>,
    /// The path.
    pub path: Vec<EscapeStep>,
}

/// A row of an escape path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EscapeStep {
    /// The distance walked.
    pub arc: f64,
    /// f.
    pub value: f64,
    /// ‖∇f‖₂.
    pub gradient_norm: f64,
    /// The smallest eigenvalue, where it was computed.
    pub lambda_min: Option<f64>,
}
