//! Certificates about a loss: no point, a number of classes and a loss, and claims about φ(t) + c|t| and the Hessian in the logits. Format `ufm.loss-certificate/v1`; `docs/certificates.md` specifies it.

use serde_json::{Value, json};

use super::certificate::{CLAIMS_MAX, interval_text, loss_document, read_loss};
use super::losses::IntervalLoss;
use super::node::{Malformed, Node};
use super::text::{canonical, hexadecimal, seal};
use crate::numeric::interval::Interval;

/// The value of the field `format`.
pub const LOSS_FORMAT: &str = "ufm.loss-certificate/v1";
/// Most classes: counts are exact floats up to here.
const CLASSES_MAX: u64 = 1 << 53;

/// A certificate about a loss whose text is well formed. Its claims may be false.
#[derive(Clone, Debug, PartialEq)]
pub struct LossCertificate {
    /// K ≥ 2.
    pub classes: usize,
    /// L, at scale 1. A parameter that is an interval stands for all its values.
    pub loss: IntervalLoss,
    /// The claims, all of which must be verified.
    pub claims: Vec<LossClaim>,
}

/// How it is known that argmin φ(t) + c|t| is unique and at most 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Uniqueness {
    /// φ is strictly convex for t ≤ 0: for every c.
    Convex,
    /// At the largest c of the range the margin `witness` has a smaller value than 0: t* < 0 on the whole range.
    Simplex {
        /// s > 0.
        witness: f64,
    },
    /// At the smallest c of the range every margin s > 0 has a larger value than 0: t* = 0 on the whole range.
    Zero,
}

/// A claim about a loss. What each establishes, and how, is derived where it is checked.
#[derive(Clone, Debug, PartialEq)]
pub enum LossClaim {
    /// ∇²L is positive semidefinite exactly where p_k ≥ p_c, for a p_c in `edge` (0: everywhere).
    ConvexityRegion {
        /// An enclosure of p_c.
        edge: Interval,
    },
    /// L(z, k) ≥ φ(Σ_{j≠k}(z_j − z_k)), with equality only where the off-class logits agree, and argmin φ(t) + c|t| is unique and ≤ 0 for every c of a range.
    Contrastive {
        /// The smallest c; at 0 the range is open.
        from: f64,
        /// The largest c; none if there is none.
        to: Option<f64>,
        /// How it is known.
        reason: Uniqueness,
    },
    /// There is one c with two minimisers, 0 and a t < 0: below it the minimiser is negative, above it 0.
    Transition {
        /// An enclosure of that c.
        at: Interval,
        /// An enclosure of the margin s = −t/(K−1) of the other minimiser there.
        scale: Interval,
        /// A margin whose value at the lower end of `at` is below that of 0.
        witness: f64,
    },
}

impl LossClaim {
    /// The value of the field `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ConvexityRegion { .. } => "convexity-region",
            Self::Contrastive { .. } => "contrastive",
            Self::Transition { .. } => "transition",
        }
    }

    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let kind = node.get("kind")?;
        let positive = |key: &str| {
            let field = node.get(key)?;
            let value = field.number()?;
            if value > 0.0 { Ok(value) } else { field.fail("must be positive") }
        };
        match kind.text()? {
            "convexity-region" => {
                node.fields(&["kind", "edge"])?;
                Ok(Self::ConvexityRegion { edge: node.get("edge")?.interval()? })
            }
            "contrastive" => {
                let reason_node = node.get("reason")?;
                let reason = match reason_node.text()? {
                    "convex" => Uniqueness::Convex,
                    "zero" => Uniqueness::Zero,
                    "simplex" => Uniqueness::Simplex { witness: positive("witness")? },
                    _ => return reason_node.fail("must be \"convex\", \"simplex\" or \"zero\""),
                };
                let known: &[&str] = match reason {
                    Uniqueness::Simplex { .. } => &["kind", "from", "to", "reason", "witness"],
                    _ => &["kind", "from", "to", "reason"],
                };
                node.fields(known)?;
                let (from_node, to_node) = (node.get("from")?, node.get("to")?);
                let from = from_node.number()?;
                if !(from >= 0.0) {
                    return from_node.fail("must not be negative");
                }
                let to = if to_node.text()? == "unbounded" { None } else { Some(to_node.number()?) };
                match to {
                    Some(to) if !(to >= from && to > 0.0) => to_node.fail("must be positive and at least \"from\""),
                    _ => Ok(Self::Contrastive { from, to, reason }),
                }
            }
            "transition" => {
                node.fields(&["kind", "at", "scale", "witness"])?;
                Ok(Self::Transition {
                    at: node.get("at")?.interval()?,
                    scale: node.get("scale")?.interval()?,
                    witness: positive("witness")?,
                })
            }
            _ => kind.fail("must be one of convexity-region, contrastive, transition"),
        }
    }

    fn document(&self) -> Value {
        match self {
            Self::ConvexityRegion { edge } => json!({ "kind": self.kind(), "edge": interval_text(*edge) }),
            Self::Contrastive { from, to, reason } => {
                let name = match reason {
                    Uniqueness::Convex => "convex",
                    Uniqueness::Simplex { .. } => "simplex",
                    Uniqueness::Zero => "zero",
                };
                let to = to.map_or("unbounded".into(), hexadecimal);
                let mut out = json!({ "kind": self.kind(), "from": hexadecimal(*from), "to": to, "reason": name });
                if let Uniqueness::Simplex { witness } = reason {
                    out["witness"] = hexadecimal(*witness).into();
                }
                out
            }
            Self::Transition { at, scale, witness } => json!({
                "kind": self.kind(), "at": interval_text(*at), "scale": interval_text(*scale), "witness": hexadecimal(*witness)
            }),
        }
    }
}

impl LossCertificate {
    /// From a parsed text: the certificate, and whether its seal is right.
    pub(super) fn from_value(value: &Value) -> Result<(Self, bool), Malformed> {
        let root = Node::root(value);
        root.fields(&["format", "problem", "claims", "seal"])?;
        let problem = root.get("problem")?;
        problem.fields(&["classes", "loss"])?;
        let classes = problem.get("classes")?;
        let count = classes.integer(CLASSES_MAX)?;
        if count < 2 {
            return classes.fail("must be at least 2");
        }
        let loss_node = problem.get("loss")?;
        let loss = read_loss(&loss_node)?;
        if loss.is_formula() {
            return loss_node.fail("must not be a formula: claims about a loss are theorems of the named ones");
        }
        let claims = root.get("claims")?.list(None, CLAIMS_MAX)?;
        let claims = claims.iter().map(LossClaim::read).collect::<Result<_, _>>()?;
        let sealed = root.get("seal")?.text()? == seal(value);
        Ok((Self { classes: count as usize, loss, claims }, sealed))
    }

    /// The document, sealed.
    pub fn document(&self) -> Value {
        let claims: Vec<Value> = self.claims.iter().map(LossClaim::document).collect();
        let problem = json!({ "classes": self.classes, "loss": loss_document(&self.loss) });
        let mut out = json!({ "format": LOSS_FORMAT, "problem": problem, "claims": claims });
        out["seal"] = seal(&out).into();
        out
    }

    /// The canonical text of the document, with a line break at its end.
    pub fn text(&self) -> String {
        canonical(&self.document()) + "\n"
    }
}
