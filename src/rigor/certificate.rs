//! What a certificate says: a whole problem, a point, and claims about them. Format `ufm.certificate/v1`; `docs/certificates.md` specifies it.

use serde_json::{Value, json};

pub use super::claims::{Claim, Location, LowerBound, Nature};
use super::formula::Formula;
use super::losses::IntervalLoss;
use super::node::{Malformed, Node};
pub use super::state::{Critical, Lower, PRECISIONS, PartialState};
use super::text::{canonical, hexadecimal, oversize, seal};
use crate::numeric::expression::{Variables, parse as parse_formula};
use crate::numeric::interval::Interval;

/// The value of the field `format`.
pub const FORMAT: &str = "ufm.certificate/v1";
/// Largest certificate that is read, in bytes.
pub const BYTES_MAX: usize = 64 << 20;
/// Most classes, width, samples, and numbers in a point.
const CLASSES_MAX: u64 = 4096;
const WIDTH_MAX: u64 = 1 << 20;
const SAMPLES_MAX: usize = 1 << 20;
pub(super) const ENTRIES_MAX: usize = 4_000_000;
/// Most claims of one certificate.
pub(super) const CLAIMS_MAX: usize = 16;

/// The JSON value of a text that is not too large.
pub(super) fn parse(text: &str) -> Result<Value, Malformed> {
    let fail = |message: String| Malformed { place: "certificate".into(), message };
    if text.len() > BYTES_MAX {
        return Err(fail(format!("has {} bytes; at most {BYTES_MAX} are read", text.len())));
    }
    if let Some(message) = oversize(text) {
        return Err(fail(message));
    }
    serde_json::from_str(text).map_err(|error| fail(format!("is no JSON: {error}")))
}

/// What b is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BiasMode {
    /// There is none.
    None,
    /// λ_b = 0.
    Free,
    /// λ_b > 0.
    Decayed,
}

/// The problem of a certificate: f = (c/N) Σ L(Wh_i + b, y_i) + λ_W/2‖W‖² + λ_H/2‖H‖² + λ_b/2‖b‖². A parameter that is an interval stands for all its values: claims hold for each of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// K ≥ 2.
    pub classes: usize,
    /// d.
    pub width: usize,
    /// The class of every sample, N of them.
    pub labels: Vec<usize>,
    /// What b is.
    pub bias: BiasMode,
    /// λ_W > 0.
    pub decay_w: Interval,
    /// λ_H > 0.
    pub decay_h: Interval,
    /// λ_b > 0 where the bias is decayed, else 0.
    pub decay_b: Interval,
    /// L.
    pub loss: IntervalLoss,
    /// c > 0.
    pub scale: Interval,
}

/// A point of width r ≤ d; at width d it is padded with zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct Center {
    /// r.
    pub width: usize,
    /// W, K rows of r numbers.
    pub w: Vec<f64>,
    /// The features, N of r numbers.
    pub h: Vec<f64>,
    /// b, K numbers, or none without a bias.
    pub b: Vec<f64>,
}

/// A certificate whose text is well formed. Its claims may be false.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// The problem.
    pub instance: Instance,
    /// The point.
    pub center: Center,
    /// The claims, all of which must be verified.
    pub claims: Vec<Claim>,
}

impl Instance {
    /// N.
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is a bias.
    pub fn has_bias(&self) -> bool {
        self.bias != BiasMode::None
    }

    /// Whether f does not change under b → b + c1.
    pub fn shifts_bias_freely(&self) -> bool {
        self.bias == BiasMode::Free && self.loss.shift_invariant()
    }

    /// μ = √(λ_W λ_H).
    pub fn mu(&self) -> Interval {
        (self.decay_w * self.decay_h).sqrt()
    }

    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        node.fields(&["classes", "width", "labels", "bias", "decay", "loss", "scale"])?;
        let classes = node.get("classes")?.integer(CLASSES_MAX)? as usize;
        if classes < 2 {
            return node.fail("there must be at least 2 classes");
        }
        let width = node.get("width")?.integer(WIDTH_MAX)? as usize;
        let labels: Vec<usize> = node
            .get("labels")?
            .list(None, SAMPLES_MAX)?
            .iter()
            .map(|label| label.integer(classes as u64 - 1).map(|label| label as usize))
            .collect::<Result<_, _>>()?;
        let bias_node = node.get("bias")?;
        let bias = match bias_node.text()? {
            "none" => BiasMode::None,
            "free" => BiasMode::Free,
            "decayed" => BiasMode::Decayed,
            _ => return bias_node.fail("must be \"none\", \"free\" or \"decayed\""),
        };
        let positive = |node: Node<'_>| {
            let value = node.interval()?;
            if value.certainly_positive() { Ok(value) } else { node.fail("must be positive") }
        };
        let decay = node.get("decay")?;
        decay.fields(if bias == BiasMode::Decayed { &["w", "h", "b"] } else { &["w", "h"] })?;
        let decay_b = if bias == BiasMode::Decayed { positive(decay.get("b")?)? } else { Interval::ZERO };
        let (decay_w, decay_h) = (positive(decay.get("w")?)?, positive(decay.get("h")?)?);
        let loss = read_loss(&node.get("loss")?)?;
        let scale = positive(node.get("scale")?)?;
        Ok(Self { classes, width, labels, bias, decay_w, decay_h, decay_b, loss, scale })
    }

    fn document(&self) -> Value {
        let mut decay = json!({ "w": interval_text(self.decay_w), "h": interval_text(self.decay_h) });
        if self.bias == BiasMode::Decayed {
            decay["b"] = interval_text(self.decay_b);
        }
        let bias = match self.bias {
            BiasMode::None => "none",
            BiasMode::Free => "free",
            BiasMode::Decayed => "decayed",
        };
        let loss = loss_document(&self.loss);
        json!({
            "classes": self.classes, "width": self.width, "labels": self.labels, "bias": bias, "decay": decay, "loss": loss,
            "scale": interval_text(self.scale)
        })
    }
}

/// A loss given by formulas: their canonical texts, and the parameters of all.
fn formulas_document(formulas: &[(&str, &Formula)]) -> Value {
    let mut out = json!({ "name": "custom" });
    let mut parameters = serde_json::Map::new();
    for (key, formula) in formulas {
        out[*key] = formula.expression().to_string().into();
        parameters.extend(formula.parameters().map(|(name, value)| (name.to_owned(), interval_text(value))));
    }
    out["parameters"] = parameters.into();
    out
}

fn read_formulas(node: &Node<'_>) -> Result<IntervalLoss, Malformed> {
    let of_p = node.has("ell");
    node.fields(if of_p { &["name", "ell", "parameters"] } else { &["name", "own", "others", "parameters"] })?;
    let parameters = node.get("parameters")?;
    let mut used: Vec<String> = Vec::new();
    let mut read = |key: &str, variables: Variables| {
        let field = node.get(key)?;
        let expression = match parse_formula(field.text()?, variables) {
            Ok(expression) => expression,
            Err(error) => return field.fail(format!("{} at character {}", error.message, error.at + 1)),
        };
        let names: Vec<String> = expression.parameters().map(|(name, _)| name.to_owned()).collect();
        let values = names.iter().map(|name| parameters.get(name)?.interval()).collect::<Result<Vec<_>, _>>()?;
        used.extend(names);
        match Formula::new(expression, values) {
            Some(formula) => Ok(formula),
            None => field.fail("lacks a parameter"),
        }
    };
    let loss = if of_p {
        IntervalLoss::OfTrueClass(read("ell", Variables::TrueClass)?)
    } else {
        IntervalLoss::PerLogit { own: read("own", Variables::Logit)?, others: read("others", Variables::Logit)? }
    };
    parameters.fields(&used.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(loss)
}

pub(super) fn loss_document(loss: &IntervalLoss) -> Value {
    match loss {
        IntervalLoss::CrossEntropy => json!({ "name": "cross-entropy" }),
        IntervalLoss::LabelSmoothing { alpha } => json!({ "name": "label-smoothing", "alpha": interval_text(*alpha) }),
        IntervalLoss::Focal { gamma } => json!({ "name": "focal", "gamma": interval_text(*gamma) }),
        IntervalLoss::Mse { kappa, target } => {
            json!({ "name": "mse", "kappa": interval_text(*kappa), "target": interval_text(*target) })
        }
        IntervalLoss::Bce => json!({ "name": "bce" }),
        IntervalLoss::OfTrueClass(ell) => formulas_document(&[("ell", ell)]),
        IntervalLoss::PerLogit { own, others } => formulas_document(&[("own", own), ("others", others)]),
    }
}

pub(super) fn read_loss(node: &Node<'_>) -> Result<IntervalLoss, Malformed> {
    let name = node.get("name")?.text()?;
    if name == "custom" {
        return read_formulas(node);
    }
    let known: &[&str] = match name {
        "cross-entropy" | "bce" => &["name"],
        "label-smoothing" => &["name", "alpha"],
        "focal" => &["name", "gamma"],
        "mse" => &["name", "kappa", "target"],
        _ => return node.fail("must be one of cross-entropy, label-smoothing, focal, mse, bce, custom"),
    };
    node.fields(known)?;
    let parameter = |key: &str| node.get(key)?.interval();
    let loss = match name {
        "cross-entropy" => IntervalLoss::CrossEntropy,
        "bce" => IntervalLoss::Bce,
        "label-smoothing" => IntervalLoss::LabelSmoothing { alpha: parameter("alpha")? },
        "focal" => IntervalLoss::Focal { gamma: parameter("gamma")? },
        _ => IntervalLoss::Mse { kappa: parameter("kappa")?, target: parameter("target")? },
    };
    if loss_within_format(&loss) {
        Ok(loss)
    } else {
        node.fail("must satisfy 0 ≤ alpha < 1, gamma ≥ 0, kappa > 0, target > 0")
    }
}

/// Whether the parameters are in the ranges of the format.
pub(super) fn loss_within_format(loss: &IntervalLoss) -> bool {
    match loss {
        IntervalLoss::CrossEntropy | IntervalLoss::Bce | IntervalLoss::OfTrueClass(_) | IntervalLoss::PerLogit { .. } => true,
        IntervalLoss::LabelSmoothing { alpha } => alpha.lo() >= 0.0 && alpha.hi() < 1.0,
        IntervalLoss::Focal { gamma } => gamma.lo() >= 0.0 && gamma.is_bounded(),
        IntervalLoss::Mse { kappa, target } => kappa.certainly_positive() && target.certainly_positive(),
    }
}

impl Center {
    pub(super) fn read(node: &Node<'_>, instance: &Instance) -> Result<Self, Malformed> {
        node.fields(&["width", "w", "h", "b"])?;
        let width = node.get("width")?.integer(instance.width as u64)? as usize;
        let (classes, samples) = (instance.classes, instance.samples());
        if width.saturating_mul(classes + samples) > ENTRIES_MAX {
            return node.fail(format!("has more than {ENTRIES_MAX} numbers"));
        }
        let w = node.get("w")?.table(classes, width)?;
        let h = node.get("h")?.table(samples, width)?;
        let b = node.get("b")?.numbers(if instance.has_bias() { classes } else { 0 })?;
        Ok(Self { width, w, h, b })
    }

    pub(super) fn document(&self, instance: &Instance) -> Value {
        let table = |numbers: &[f64], rows: usize| table_text(numbers, self.width, rows);
        json!({
            "width": self.width, "w": table(&self.w, instance.classes), "h": table(&self.h, instance.samples()),
            "b": numbers_text(&self.b)
        })
    }
}

impl Certificate {
    /// Reads a certificate, and says whether its seal is right. `Err` where the text is none.
    pub fn read(text: &str) -> Result<(Self, bool), Malformed> {
        Self::from_value(&parse(text)?)
    }

    /// From a parsed text.
    pub(super) fn from_value(value: &Value) -> Result<(Self, bool), Malformed> {
        let root = Node::root(value);
        root.fields(&["format", "problem", "point", "claims", "seal"])?;
        let format = root.get("format")?;
        if format.text()? != FORMAT {
            return format.fail(format!("must be \"{FORMAT}\""));
        }
        let instance = Instance::read(&root.get("problem")?)?;
        let center = Center::read(&root.get("point")?, &instance)?;
        let claims = root.get("claims")?.list(None, CLAIMS_MAX)?;
        let claims = claims.iter().map(|claim| Claim::read(claim, &instance)).collect::<Result<_, _>>()?;
        // Every string and number has passed its own test by now, so that the canonical text is well defined.
        let sealed = root.get("seal")?.text()? == seal(value);
        Ok((Self { instance, center, claims }, sealed))
    }

    /// The document, sealed.
    pub fn document(&self) -> Value {
        let claims: Vec<Value> = self.claims.iter().map(|claim| claim.document(&self.instance)).collect();
        let mut out = json!({
            "format": FORMAT, "problem": self.instance.document(), "point": self.center.document(&self.instance), "claims": claims
        });
        out["seal"] = seal(&out).into();
        out
    }

    /// The canonical text of the document, with a line break at its end.
    pub fn text(&self) -> String {
        canonical(&self.document()) + "\n"
    }
}

pub(super) fn numbers_text(numbers: &[f64]) -> Value {
    numbers.iter().map(|&x| Value::from(hexadecimal(x))).collect()
}

/// `rows` lists of `length` numbers (the number of rows matters where lists are empty).
pub(super) fn table_text(numbers: &[f64], length: usize, rows: usize) -> Value {
    if length == 0 {
        return Value::Array(vec![Value::Array(vec![]); rows]);
    }
    numbers.chunks_exact(length).map(numbers_text).collect()
}

pub(super) fn interval_text(interval: Interval) -> Value {
    match interval.is_point() {
        true => hexadecimal(interval.lo()).into(),
        false => numbers_text(&[interval.lo(), interval.hi()]),
    }
}
