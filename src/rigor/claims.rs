//! The claims of a certificate and their text.

use serde_json::{Value, json};

use super::certificate::{ENTRIES_MAX, Instance, interval_text, numbers_text, table_text};
use super::node::{Malformed, Node};
use super::state::{Critical, Lower, PartialState};
use super::text::hexadecimal;
use crate::numeric::interval::Interval;

/// What an index says of a critical orbit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The Hessian has a negative eigenvalue.
    StrictSaddle,
    /// Every eigenvalue is positive but the zeros of the orbit.
    StrictLocalMinimum,
}

impl Nature {
    /// Its name in certificates.
    pub fn name(self) -> &'static str {
        match self {
            Self::StrictSaddle => "strict-saddle",
            Self::StrictLocalMinimum => "strict-local-minimum",
        }
    }
}

/// How far a critical orbit is located: the radius ρ and the separation s of `check::orbit`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// ρ > 0.
    pub radius: f64,
    /// s > 0.
    pub separation: f64,
}

/// A lower bound of f.
#[derive(Clone, Debug, PartialEq)]
pub enum LowerBound {
    /// By weak duality: u_i = Nγ_i/c, N columns of K numbers.
    Dual(Vec<f64>),
    /// By the contrastive bound of a balanced problem.
    Contrastive,
}

/// A claim. What each establishes, and how, is derived where it is checked.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a certificate has at most 16 claims")]
pub enum Claim {
    /// vᵀ∇²f(x)v ≤ −c‖v‖² at the point, v = (U, V, w) at width d.
    NegativeCurvature {
        /// v: K rows of U, N columns of V (d numbers each), then K numbers where there is a bias.
        direction: Vec<f64>,
        /// c > 0.
        curvature: f64,
    },
    /// f(x) ∈ value, inf f ≥ lower_bound, f(x) − inf f ≤ gap.
    Gap {
        /// How the bound comes about.
        bound: LowerBound,
        /// An enclosure of f(x).
        value: Interval,
        /// A lower bound of f over all points.
        lower_bound: f64,
        /// An upper bound of f(x) − inf f.
        gap: f64,
    },
    /// A critical orbit passes within ρ of the point, and no other does at width r.
    CriticalOrbit(Location),
    /// Index and nullity at that orbit, at width d; the nullity is the orbit's dimension.
    Inertia {
        /// Where it is.
        location: Location,
        /// Number of negative eigenvalues.
        index: u64,
        /// Number of zero eigenvalues.
        nullity: u64,
        /// What that makes of the orbit.
        nature: Nature,
        /// An enclosure of f on the orbit.
        value: Interval,
    },
    /// That orbit consists of global minima.
    GlobalMinimum {
        /// Where it is.
        location: Location,
        /// An enclosure of min f.
        value: Interval,
    },
    /// That orbit is a simplex ETF, collapsed and self-dual.
    SimplexEtf {
        /// Where it is.
        location: Location,
        /// An enclosure of its scale s.
        scale: Interval,
    },
    /// A critical partially collapsed state exists, with this index and nullity; it is not the certificate's point.
    PartialState {
        /// Which.
        state: PartialState,
        /// Number of negative eigenvalues.
        index: u64,
        /// Number of zero eigenvalues.
        nullity: u64,
        /// What that makes of its orbit.
        nature: Nature,
        /// An enclosure of f there.
        value: Interval,
    },
    /// A critical partially collapsed state consists of global minima.
    GlobalState {
        /// Which.
        state: PartialState,
        /// For a loss that is not convex, an interval of scales around it on which the contrastive function is convex.
        basin: Option<Interval>,
        /// An enclosure of min f.
        value: Interval,
    },
    /// A critical point is no global minimum: f is lower elsewhere.
    NotGlobal {
        /// The critical point.
        critical: Critical,
        /// Where f is lower.
        lower: Lower,
        /// By more than this.
        margin: f64,
    },
    /// That orbit is a simplex ETF and consists of global minima, for a loss of p_k alone.
    GlobalSimplexEtf {
        /// Where it is.
        location: Location,
        /// An enclosure of its scale s.
        scale: Interval,
        /// An interval of scales around it on which the contrastive function is convex.
        basin: Interval,
        /// An enclosure of min f.
        value: Interval,
    },
}

impl Location {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let positive = |key: &str| {
            let field = node.get(key)?;
            let value = field.number()?;
            if value > 0.0 { Ok(value) } else { field.fail("must be positive") }
        };
        Ok(Self { radius: positive("radius")?, separation: positive("separation")? })
    }

    pub(super) fn write(&self, out: &mut Value) {
        out["radius"] = hexadecimal(self.radius).into();
        out["separation"] = hexadecimal(self.separation).into();
    }
}

impl Nature {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match node.text()? {
            "strict-saddle" => Ok(Self::StrictSaddle),
            "strict-local-minimum" => Ok(Self::StrictLocalMinimum),
            _ => node.fail("must be \"strict-saddle\" or \"strict-local-minimum\""),
        }
    }
}

impl Claim {
    /// The value of the field `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NegativeCurvature { .. } => "negative-curvature",
            Self::Gap { .. } => "gap",
            Self::CriticalOrbit(_) => "critical-orbit",
            Self::Inertia { .. } => "inertia",
            Self::GlobalMinimum { .. } => "global-minimum",
            Self::SimplexEtf { .. } => "simplex-etf",
            Self::GlobalSimplexEtf { .. } => "global-simplex-etf",
            Self::PartialState { .. } => "partial-state",
            Self::GlobalState { .. } => "global-state",
            Self::NotGlobal { .. } => "not-global",
        }
    }

    pub(super) fn read(node: &Node<'_>, instance: &Instance) -> Result<Self, Malformed> {
        let (classes, samples, width) = (instance.classes, instance.samples(), instance.width);
        let kind = node.get("kind")?;
        match kind.text()? {
            "negative-curvature" => {
                node.fields(&["kind", "w", "h", "b", "curvature"])?;
                if width.saturating_mul(classes + samples) > ENTRIES_MAX {
                    return node.fail(format!("has more than {ENTRIES_MAX} numbers"));
                }
                let mut direction = node.get("w")?.table(classes, width)?;
                direction.extend(node.get("h")?.table(samples, width)?);
                direction.extend(node.get("b")?.numbers(if instance.has_bias() { classes } else { 0 })?);
                Ok(Self::NegativeCurvature { direction, curvature: node.get("curvature")?.number()? })
            }
            "gap" => {
                let method = node.get("method")?;
                let (value, lower_bound, gap) = (node.get("value")?, node.get("lower_bound")?, node.get("gap")?);
                let bound = match method.text()? {
                    "dual" => {
                        node.fields(&["kind", "method", "dual", "value", "lower_bound", "gap"])?;
                        LowerBound::Dual(node.get("dual")?.table(samples, classes)?)
                    }
                    "contrastive" => {
                        node.fields(&["kind", "method", "value", "lower_bound", "gap"])?;
                        LowerBound::Contrastive
                    }
                    _ => return method.fail("must be \"dual\" or \"contrastive\""),
                };
                Ok(Self::Gap { bound, value: value.interval()?, lower_bound: lower_bound.number()?, gap: gap.number()? })
            }
            "critical-orbit" => {
                node.fields(&["kind", "radius", "separation"])?;
                Ok(Self::CriticalOrbit(Location::read(node)?))
            }
            "inertia" => {
                node.fields(&["kind", "radius", "separation", "index", "nullity", "nature", "value"])?;
                Ok(Self::Inertia {
                    location: Location::read(node)?,
                    index: node.get("index")?.integer(1 << 53)?,
                    nullity: node.get("nullity")?.integer(1 << 53)?,
                    nature: Nature::read(&node.get("nature")?)?,
                    value: node.get("value")?.interval()?,
                })
            }
            "global-minimum" => {
                node.fields(&["kind", "radius", "separation", "value"])?;
                Ok(Self::GlobalMinimum { location: Location::read(node)?, value: node.get("value")?.interval()? })
            }
            "simplex-etf" => {
                node.fields(&["kind", "radius", "separation", "scale"])?;
                Ok(Self::SimplexEtf { location: Location::read(node)?, scale: node.get("scale")?.interval()? })
            }
            "global-simplex-etf" => {
                node.fields(&["kind", "radius", "separation", "scale", "basin", "value"])?;
                let (scale, basin) = (node.get("scale")?.interval()?, node.get("basin")?.interval()?);
                let value = node.get("value")?.interval()?;
                Ok(Self::GlobalSimplexEtf { location: Location::read(node)?, scale, basin, value })
            }
            found @ ("partial-state" | "global-state" | "not-global") => Self::read_of_state(found, node, instance),
            _ => kind.fail(
                "must be one of negative-curvature, gap, critical-orbit, inertia, global-minimum, simplex-etf, global-simplex-etf, partial-state, global-state, not-global",
            ),
        }
    }

    fn read_of_state(kind: &str, node: &Node<'_>, instance: &Instance) -> Result<Self, Malformed> {
        match kind {
            "partial-state" => {
                node.fields(&["kind", "alive", "scale", "bias_gap", "precision", "index", "nullity", "nature", "value"])?;
                Ok(Self::PartialState {
                    state: PartialState::read(node, instance)?,
                    index: node.get("index")?.integer(1 << 53)?,
                    nullity: node.get("nullity")?.integer(1 << 53)?,
                    nature: Nature::read(&node.get("nature")?)?,
                    value: node.get("value")?.interval()?,
                })
            }
            "global-state" => {
                let basin = if node.has("basin") { Some(node.get("basin")?.interval()?) } else { None };
                let known = ["kind", "alive", "scale", "bias_gap", "precision", "value", "basin"];
                node.fields(&known[..if basin.is_some() { 7 } else { 6 }])?;
                Ok(Self::GlobalState { state: PartialState::read(node, instance)?, basin, value: node.get("value")?.interval()? })
            }
            _ => {
                node.fields(&["kind", "critical", "lower", "margin"])?;
                let critical = Critical::read(&node.get("critical")?, instance)?;
                let lower = Lower::read(&node.get("lower")?, instance)?;
                Ok(Self::NotGlobal { critical, lower, margin: node.get("margin")?.number()? })
            }
        }
    }

    pub(super) fn document(&self, instance: &Instance) -> Value {
        let (classes, samples, width) = (instance.classes, instance.samples(), instance.width);
        let mut out = json!({ "kind": self.kind() });
        let mut located = |location: &Location| location.write(&mut out);
        match self {
            Self::NegativeCurvature { direction, curvature } => {
                let (w, rest) = direction.split_at(classes * width);
                let (h, b) = rest.split_at(samples * width);
                out["w"] = table_text(w, width, classes);
                out["h"] = table_text(h, width, samples);
                out["b"] = numbers_text(b);
                out["curvature"] = hexadecimal(*curvature).into();
            }
            Self::Gap { bound, value, lower_bound, gap } => {
                match bound {
                    LowerBound::Dual(columns) => {
                        out["method"] = "dual".into();
                        out["dual"] = table_text(columns, classes, samples);
                    }
                    LowerBound::Contrastive => out["method"] = "contrastive".into(),
                }
                out["value"] = interval_text(*value);
                out["lower_bound"] = hexadecimal(*lower_bound).into();
                out["gap"] = hexadecimal(*gap).into();
            }
            Self::CriticalOrbit(location) => located(location),
            Self::Inertia { location, index, nullity, nature, value } => {
                located(location);
                out["index"] = (*index).into();
                out["nullity"] = (*nullity).into();
                out["nature"] = nature.name().into();
                out["value"] = interval_text(*value);
            }
            Self::PartialState { state, index, nullity, nature, value } => {
                state.write(&mut out);
                out["index"] = (*index).into();
                out["nullity"] = (*nullity).into();
                out["nature"] = nature.name().into();
                out["value"] = interval_text(*value);
            }
            Self::GlobalState { state, basin, value } => {
                state.write(&mut out);
                if let Some(basin) = basin {
                    out["basin"] = interval_text(*basin);
                }
                out["value"] = interval_text(*value);
            }
            Self::NotGlobal { critical, lower, margin } => {
                out["critical"] = critical.document();
                out["lower"] = lower.document(instance);
                out["margin"] = hexadecimal(*margin).into();
            }
            Self::GlobalMinimum { location, value } => {
                located(location);
                out["value"] = interval_text(*value);
            }
            Self::SimplexEtf { location, scale } => {
                located(location);
                out["scale"] = interval_text(*scale);
            }
            Self::GlobalSimplexEtf { location, scale, basin, value } => {
                located(location);
                for (key, interval) in [("scale", scale), ("basin", basin), ("value", value)] {
                    out[key] = interval_text(*interval);
                }
            }
        }
        out
    }
}
