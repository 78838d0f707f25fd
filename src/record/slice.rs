//! `slices/CASE.json`: f on a plane through a critical point.

use serde::{Deserialize, Serialize};

/// The schema version of [`Slice`]. Fields are only ever added to it.
pub const SLICE_SCHEMA: &str = "ufm.slice/v1";

/// f on a plane through a critical point of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// [`SLICE_SCHEMA`].
    pub schema: String,
    /// Hash of the resolved case.
    pub case: String,
    /// Why there is no slice; everything below is then empty.
    pub reason: Option<String>,
    /// The two axes: across, then up. They are orthogonal.
    pub axes: Vec<SliceAxis>,
    /// The cosine of the two directions before one was made orthogonal to the other.
    pub overlap: Option<f64>,
    /// The point that the plane goes through, then the lowest critical point found.
    pub marks: Vec<SliceMark>,
    /// f, one row for each coordinate up; null where it left the range of numbers.
    pub values: Vec<Vec<Option<f64>>>,
}

/// An axis of a slice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SliceAxis {
    /// "escape", "to-minimum" or "random".
    pub direction: String,
    /// One step of the coordinate, as a length in the space of (W, H, b).
    pub step: f64,
    /// The eigenvalue of an escape direction.
    pub eigenvalue: Option<f64>,
    /// The coordinates, in steps.
    pub coordinates: Vec<f64>,
}

/// A critical point by its foot in the plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SliceMark {
    /// "through" or "lowest".
    pub role: String,
    /// Its number in the case.
    pub orbit: usize,
    /// f at the critical point.
    pub value: f64,
    /// Its rank.
    pub rank: usize,
    /// As in the records.
    pub nature: String,
    /// Coordinates of its foot in the plane.
    pub at: [f64; 2],
    /// Its distance from the plane; 0 up to rounding where it lies in it.
    pub distance: f64,
}
