//! One line of `records.jsonl`, one line of `trajectories.jsonl`, and `summary.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The schema version of [`Record`]. Fields are only ever added to it.
pub const SCHEMA: &str = "ufm.record/v1";

/// Metric id → value, in the order of ids.
pub type MetricMap = BTreeMap<String, f64>;

/// n_k of every class: one number where all are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "parquet", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum PerClass {
    /// Every class has this many samples.
    Balanced(usize),
    /// One number for each class.
    Imbalanced(Vec<usize>),
}

impl Default for PerClass {
    fn default() -> Self {
        Self::Balanced(0)
    }
}

/// An eigenvalue count: exact, or a bracket where an eigenvalue is too near the resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "parquet", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Count {
    /// Exactly this many.
    Exact(u64),
    /// At least the first, at most the second.
    Bracket([u64; 2]),
}

/// Reads the null that a NaN was written as.
fn null_is_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// One distinct eigenvalue of a whole spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "parquet", derive(schemars::JsonSchema))]
pub struct Eigenvalue {
    /// The eigenvalue (the mean of those that agree within the resolution).
    pub eigenvalue: f64,
    /// How often it occurs among those of its origin.
    pub multiplicity: u64,
    /// Where it comes from; absent in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<EigenvalueOrigin>,
}

/// Where an eigenvalue comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "parquet", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EigenvalueOrigin {
    /// A zero that the symmetry group explains.
    Symmetry,
    /// Directions inside a collapsed class.
    WithinClass,
    /// Directions outside the row space of W.
    OffSpace,
    /// What remains.
    Core,
}

/// A point and everything known of it. A number that does not exist is `None` (null), never NaN.
///
/// Units: `value`, `lower_bound`, `gap`, `closed_form_value` are values of f; `gradient_norm` is ‖∇f‖₂; eigenvalues are those of ∇²f over (W, H, b).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "parquet", derive(schemars::JsonSchema))]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// Hash of the resolved case.
    pub case: String,
    /// The scenario's name (its file name without ending).
    pub scenario: String,
    /// The loss's name.
    pub loss: String,
    /// Its parameters, and `scale` where it is not 1.
    pub loss_params: BTreeMap<String, f64>,
    /// The formulas of a loss of the user's own (`ell`, or `own` and `others`), in canonical text; absent for other losses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loss_text: BTreeMap<String, String>,
    /// K.
    pub classes: usize,
    /// d.
    pub width: usize,
    /// n, or n_k.
    pub per_class: PerClass,
    /// N.
    pub samples: usize,
    /// λ_W; null where it was not given (`inspect`).
    pub decay_w: Option<f64>,
    /// λ_H.
    pub decay_h: Option<f64>,
    /// λ_b; 0 for a free bias, null without one.
    pub decay_b: Option<f64>,
    /// "none", "free" or "decayed".
    pub bias: String,
    /// ε = √n μ for balanced classes.
    pub epsilon: Option<f64>,
    /// The start's name.
    pub start: String,
    /// Position of the start in its case, from 0.
    pub start_index: usize,
    /// Seed of the start; null where nothing was drawn.
    pub seed: Option<u64>,
    /// The solver's name.
    pub solver: String,
    /// Steps it took.
    pub steps: u64,
    /// Why it stopped.
    pub stop_reason: String,
    /// f. Null in the file, NaN here, where the evaluation left the range of numbers.
    #[serde(deserialize_with = "null_is_nan")]
    pub value: f64,
    /// ‖∇f‖₂ over (W, H, b); as `value`.
    #[serde(deserialize_with = "null_is_nan")]
    pub gradient_norm: f64,
    /// ‖∇f‖₂ / (μ + λ_W‖W‖ + λ_H‖H‖).
    pub gradient_norm_scaled: Option<f64>,
    /// The rank of W and H at a critical point.
    pub rank: Option<usize>,
    /// ‖G‖_op / μ.
    pub dual_ratio: Option<f64>,
    /// A lower bound of f over all points.
    pub lower_bound: Option<f64>,
    /// How it was obtained: "dual" or "contrastive".
    pub lower_bound_kind: Option<String>,
    /// value − lower_bound.
    pub gap: Option<f64>,
    /// f* where a closed form holds.
    pub closed_form_value: Option<f64>,
    /// Number of eigenvalues below −resolution.
    pub index: Option<Count>,
    /// Number of eigenvalues within ±resolution.
    pub nullity: Option<Count>,
    /// The dimension of the symmetry orbit.
    pub nullity_symmetry: Option<u64>,
    /// A bound on an eigenvalue's rounding error.
    pub resolution: Option<f64>,
    /// The smallest eigenvalue.
    pub lambda_min: Option<f64>,
    /// The smallest eigenvalue without the symmetry zeros.
    pub lambda_min_transverse: Option<f64>,
    /// The largest eigenvalue.
    pub lambda_max: Option<f64>,
    /// −2(σ_max − μ), where σ_max > μ and a free dimension is left.
    pub escape_curvature: Option<f64>,
    /// Why the spectrum is missing.
    pub spectrum_reason: Option<String>,
    /// The whole spectrum, where it was asked for (`spectra.level = "full"`), ascending.
    pub spectrum: Option<Vec<Eigenvalue>>,
    /// The point's class modulo O(d) × permutations within the case, numbered by first start.
    pub orbit: Option<usize>,
    /// The smallest softmax probability that a sample gives its own class.
    pub least_probability: Option<f64>,
    /// Metric id → value.
    pub metrics: MetricMap,
    /// Metric id → why it is undefined here.
    pub metrics_undefined: BTreeMap<String, String>,
    /// "global-minimum", "local-minimum", "degenerate-minimum", "strict-saddle" or "not-critical".
    pub nature: Option<String>,
    /// Whether there are more zeros than the symmetry explains.
    pub degenerate: Option<bool>,
    /// "proved", "numerical" or "undecided".
    pub standing: Option<String>,
    /// What the verdict rests on, or what is missing.
    pub reason: String,
    /// "gpu" where a device proposed the point, in single precision; left out where the CPU did. Every number here is the CPU's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// File of the certificate.
    pub certificate: Option<String>,
    /// File of the point.
    pub point: Option<String>,
}

/// The stop reason of a point whose computation broke down; the record's `reason` says how.
pub const FAILED: &str = "failed";

/// The stop reason of a point that the time limit of its case ended, or kept from beginning.
pub const TIME_LIMIT: &str = "time-limit";

/// The stop reason of a point whose case is planned with more memory than the limit allows: it was not begun.
pub const MEMORY_LIMIT: &str = "memory-limit";

impl Record {
    /// Whether the computation of this point broke down.
    pub fn failed(&self) -> bool {
        self.stop_reason == FAILED
    }

    /// Whether a limit of time or memory ended this point, or kept it from beginning.
    pub fn limited(&self) -> bool {
        self.stop_reason == TIME_LIMIT || self.stop_reason == MEMORY_LIMIT
    }
}

/// A row of a solver's trajectory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrajectoryRow {
    /// Hash of the resolved case.
    pub case: String,
    /// Position of the start in its case.
    pub start_index: usize,
    /// Steps taken so far.
    pub step: u64,
    /// The time of a flow; left out for other solvers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    /// f.
    pub value: f64,
    /// ‖∇f‖₂.
    pub gradient_norm: f64,
    /// The scaled gradient norm.
    pub gradient_norm_scaled: f64,
    /// NC metrics, those that are defined.
    pub metrics: MetricMap,
    /// ‖G‖_op / μ; left out where the run did not ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dual_ratio: Option<f64>,
    /// The lower bound of f over all points that this one gives by duality; left out where the run did not ask for it or the loss is not convex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_bound: Option<f64>,
    /// What the exact laws of a flow speak of; left out for other solvers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowRow>,
}

/// The quantities of a gradient flow's exact laws, each with the part of it along its value at time 0 and the norm of what is left: a law that scales a vector keeps the second at zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowRow {
    /// 1ᵀW (its norm at time 0, where it begins).
    pub mean_classifier: [f64; 2],
    /// WᵀW − HHᵀ, the difference of the factors' Gram matrices.
    pub imbalance: [f64; 2],
    /// ‖W‖_F.
    pub norm_w: f64,
    /// ‖H‖_F.
    pub norm_h: f64,
    /// The sum of the integrator's error estimates, ‖·‖₂ over (W, H, b), of all steps so far.
    pub error: f64,
}

/// An executable claim of the scenario and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The key, e.g. `verdicts.global-minimum`.
    pub claim: String,
    /// What was expected, in words.
    pub expected: String,
    /// What was found, in words.
    pub found: String,
    /// "holds", "fails" or "not evaluated".
    pub outcome: String,
}

/// `summary.json`: what the report's head says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `ufm.summary/v1`.
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's question.
    pub question: String,
    /// The exact objective of each case with its factors: case hash → text.
    pub objectives: BTreeMap<String, String>,
    /// Number of points.
    pub points: usize,
    /// Number of points of each nature.
    pub natures: BTreeMap<String, usize>,
    /// Number of points of each standing.
    pub standings: BTreeMap<String, usize>,
    /// Expectations, each with its outcome.
    pub expectations: Vec<Expectation>,
    /// Ids of the figures asked for.
    pub figures: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_without_an_origin_are_read_and_written_as_they_were() {
        let old = r#"{"eigenvalue":0.5,"multiplicity":3}"#;
        let read: Eigenvalue = serde_json::from_str(old).unwrap();
        assert_eq!(read.origin, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
        let new = r#"{"eigenvalue":0.5,"multiplicity":3,"origin":"within-class"}"#;
        let read: Eigenvalue = serde_json::from_str(new).unwrap();
        assert_eq!(read.origin, Some(EigenvalueOrigin::WithinClass));
        assert_eq!(serde_json::to_string(&read).unwrap(), new);
    }
}
