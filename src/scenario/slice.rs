//! `[slice]`, judged.

use super::expect::known;
use super::tables::SliceTable;
use super::tree::{Fault, Way};
use crate::census::slice::SliceDirection;

/// Most values along one axis: beyond that a picture shows no more.
const RESOLUTION_MAX: u64 = 401;

/// `[slice]`, resolved: a plane through a critical point of each case, on which f is evaluated. It changes no record, so it is no part of a case's identity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// The orbit that the plane goes through; `None`: the strict saddle of highest value.
    pub through: Option<usize>,
    /// Its two directions.
    pub directions: [SliceDirection; 2],
    /// How far it reaches to both sides, in steps of its axes.
    pub span: f64,
    /// Number of values along each axis; odd.
    pub resolution: usize,
}

impl Default for Slice {
    fn default() -> Self {
        Self { through: None, directions: [SliceDirection::Escape, SliceDirection::ToMinimum], span: 1.5, resolution: 61 }
    }
}

pub(super) fn slice(table: &SliceTable) -> Result<Slice, Fault> {
    let mut slice = Slice::default();
    let way = Way::keys(["slice"]);
    slice.through = table.through.map(|orbit| usize::try_from(orbit).unwrap_or(usize::MAX));
    if let Some(names) = &table.directions {
        slice.directions = directions(names, &way.then("directions"))?;
    }
    if let Some(span) = table.span {
        if !(span > 0.0 && span <= 1e3) {
            return Err(Fault::new(&way.then("span"), format!("must be greater than 0 and at most 1000, and is {span}")));
        }
        slice.span = span;
    }
    if let Some(resolution) = table.resolution {
        let way = way.then("resolution");
        let resolution = super::resolve::in_range(&way, resolution, 3, RESOLUTION_MAX)?;
        if resolution % 2 == 0 {
            let fault = Fault::new(&way, format!("must be odd, so that the point itself is on the grid, and is {resolution}"));
            return Err(fault.help(Some(format!("take {}", resolution + 1))));
        }
        slice.resolution = resolution as usize;
    }
    Ok(slice)
}

fn directions(names: &[String], way: &Way) -> Result<[SliceDirection; 2], Fault> {
    let mut found = Vec::new();
    for (index, name) in names.iter().enumerate() {
        known(&way.at(index), name, "direction", SliceDirection::ALL.iter().map(|direction| direction.name()))?;
        found.extend(SliceDirection::ALL.into_iter().find(|direction| direction.name() == name));
    }
    let &[first, second] = found.as_slice() else {
        return Err(Fault::new(way, format!("a plane has two directions, and {} are given", names.len())));
    };
    if first == second && first != SliceDirection::Random {
        return Err(Fault::new(&way.at(1), format!("the direction `{}` is named twice", second.name())));
    }
    Ok([first, second])
}
