//! Partially collapsed states as certificates name them, the points they are compared with, and the text of both.

use serde_json::{Value, json};

use super::certificate::{Center, Instance};
use super::claims::Location;
use super::node::{Malformed, Node};
use super::text::long_text;
use crate::numeric::interval::Long;

/// The precisions that may be asked for, in bits: doubles, then two, four and eight words.
pub const PRECISIONS: [u32; 4] = [53, 128, 256, 512];

/// The state in which the first m classes form a simplex and the others sit at the origin: W = ωB, the features of class k ≤ m are νB's row k, BBᵀ = I − J/m on the first m classes and 0 elsewhere, ω² = s√(nλ_H/λ_W),
/// ν = s/ω, and the bias is y(1_A − m/K·1) (plus any constant, where it is free).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartialState {
    /// m: 0 or 2 … K.
    pub alive: usize,
    /// An interval of s; 0 for m = 0.
    pub scale: Long,
    /// An interval of y; 0 without a bias, and with one group.
    pub bias_gap: Long,
    /// Bits that the arithmetic needs.
    pub precision: u32,
}

/// The critical point that a claim speaks of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a certificate has at most 16 claims")]
pub enum Critical {
    /// The orbit that passes near the certificate's point.
    Orbit(Location),
    /// The critical partially collapsed state whose scale and gap lie in the intervals.
    State(PartialState),
}

/// A point with a lower value. It need not be critical.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a certificate has at most 16 claims")]
pub enum Lower {
    /// Any point, of a width of at most d.
    Point(Center),
    /// A partially collapsed state, with every scale and gap of the intervals.
    State(PartialState),
}

const STATE_FIELDS: [&str; 4] = ["alive", "scale", "bias_gap", "precision"];

impl PartialState {
    /// Reads the fields of a state among those of `node`.
    pub(super) fn read(node: &Node<'_>, instance: &Instance) -> Result<Self, Malformed> {
        let alive = node.get("alive")?;
        let found = alive.integer(instance.classes as u64)? as usize;
        if found == 1 {
            return alive.fail("a simplex has 0 or at least 2 classes");
        }
        let precision = node.get("precision")?;
        let bits = precision.integer(512)? as u32;
        if !PRECISIONS.contains(&bits) {
            return precision.fail("must be 53, 128, 256 or 512");
        }
        let (scale, bias_gap) = (node.get("scale")?.long_interval()?, node.get("bias_gap")?.long_interval()?);
        Ok(Self { alive: found, scale, bias_gap, precision: bits })
    }

    /// Writes its fields into an object.
    pub(super) fn write(&self, out: &mut Value) {
        out["alive"] = self.alive.into();
        out["scale"] = long_text(&self.scale);
        out["bias_gap"] = long_text(&self.bias_gap);
        out["precision"] = self.precision.into();
    }
}

impl Critical {
    pub(super) fn read(node: &Node<'_>, instance: &Instance) -> Result<Self, Malformed> {
        if node.has("alive") {
            node.fields(&STATE_FIELDS)?;
            return Ok(Self::State(PartialState::read(node, instance)?));
        }
        node.fields(&["radius", "separation"])?;
        Ok(Self::Orbit(Location::read(node)?))
    }

    pub(super) fn document(&self) -> Value {
        let mut out = json!({});
        match self {
            Self::Orbit(location) => location.write(&mut out),
            Self::State(state) => state.write(&mut out),
        }
        out
    }
}

impl Lower {
    pub(super) fn read(node: &Node<'_>, instance: &Instance) -> Result<Self, Malformed> {
        if node.has("alive") {
            node.fields(&STATE_FIELDS)?;
            return Ok(Self::State(PartialState::read(node, instance)?));
        }
        Ok(Self::Point(Center::read(node, instance)?))
    }

    pub(super) fn document(&self, instance: &Instance) -> Value {
        match self {
            Self::Point(point) => point.document(instance),
            Self::State(state) => {
                let mut out = json!({});
                state.write(&mut out);
                out
            }
        }
    }
}
