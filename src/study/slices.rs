//! Slices of the landscape, from what the run left: records, and the points of two orbits a case.
//!
//! They are a pure function of those, so a resumed run leaves the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use super::StudyError;
use super::census::regate;
use crate::census::slice::{Plane, coordinates, plane};
use crate::record::{Record, SLICE_SCHEMA, Slice, SliceAxis, SliceMark, write_slice};
use crate::scenario::{self, Case};
use crate::verdict::Nature;

/// Computes the slice of every case and writes it into the run's folder. Where a case has none, its file says why.
pub(super) fn take(
    cases: &[&Case],
    settings: &scenario::Slice,
    records: &[Record],
    dir: &Path,
    go_on: &dyn Fn() -> Result<(), StudyError>,
) -> Result<(), StudyError> {
    let mut by_case: BTreeMap<&str, BTreeMap<usize, &Record>> = BTreeMap::new();
    for record in records {
        record.orbit.map(|orbit| by_case.entry(&record.case).or_default().entry(orbit).or_insert(record));
    }
    for case in cases {
        go_on()?;
        let orbits = by_case.remove(case.id.as_str()).unwrap_or_default();
        let slice = match of_case(case, settings, &orbits, dir)? {
            Ok(slice) => slice,
            Err(reason) => Slice { reason: Some(reason), ..Slice::default() },
        };
        write_slice(dir, &Slice { schema: SLICE_SCHEMA.into(), case: case.id.clone(), ..slice })?;
    }
    Ok(())
}

/// The slice of a case, or why there is none; the outer error is a point that cannot be read back.
fn of_case(
    case: &Case,
    settings: &scenario::Slice,
    orbits: &BTreeMap<usize, &Record>,
    dir: &Path,
) -> Result<Result<Slice, String>, StudyError> {
    let through = match chosen(settings, orbits) {
        Ok(through) => through,
        Err(reason) => return Ok(Err(reason)),
    };
    let by_value = |a: &&&Record, b: &&&Record| a.value.total_cmp(&b.value);
    let lowest = orbits.values().filter(|record| record.value.is_finite()).min_by(by_value).copied();
    let lowest = lowest.filter(|lowest| lowest.orbit != through.orbit);
    let point = match regate(case, through, dir)? {
        Ok(point) => point,
        Err(reason) => return Ok(Err(format!("the point did not pass the gate again: {reason}"))),
    };
    let lowest_point = match lowest.map(|lowest| regate(case, lowest, dir)).transpose()?.transpose() {
        Ok(point) => point,
        Err(reason) => return Ok(Err(format!("the lowest point did not pass the gate again: {reason}"))),
    };
    let plane = match plane(&case.problem, &point, lowest_point.as_ref(), settings.directions) {
        Ok(plane) => plane,
        Err(reason) => return Ok(Err(format!("through orbit {}: {reason}", through.orbit.unwrap_or_default()))),
    };
    let at = coordinates(settings.span, settings.resolution);
    let values = plane.values(&case.problem, &at, &at);
    let axis = |axis: &crate::census::slice::SliceAxis| SliceAxis {
        direction: axis.direction.name().into(),
        step: axis.length,
        eigenvalue: axis.eigenvalue,
        coordinates: at.clone(),
    };
    Ok(Ok(Slice {
        axes: plane.axes.iter().map(axis).collect(),
        overlap: Some(plane.overlap),
        marks: marks(&plane, through, lowest),
        values: values
            .into_iter()
            .map(|row| row.into_iter().map(|value| Some(value).filter(|x| x.is_finite())).collect())
            .collect(),
        ..Slice::default()
    }))
}

/// The record of the orbit to go through.
fn chosen<'a>(settings: &scenario::Slice, orbits: &BTreeMap<usize, &'a Record>) -> Result<&'a Record, String> {
    let Some(last) = orbits.keys().last() else { return Err("no start ended at a critical point".into()) };
    if let Some(orbit) = settings.through {
        return orbits
            .get(&orbit)
            .copied()
            .ok_or_else(|| format!("there is no orbit {orbit}: those of the records are 0 to {last}"));
    }
    let saddle = |record: &&&Record| record.nature.as_deref() == Some(Nature::StrictSaddle.name()) && record.value.is_finite();
    let highest = orbits.values().filter(saddle).max_by(|a, b| a.value.total_cmp(&b.value));
    highest.copied().ok_or_else(|| "none of the critical points found is a strict saddle; slice.through names another".into())
}

fn marks(plane: &Plane, through: &Record, lowest: Option<&Record>) -> Vec<SliceMark> {
    let mark = |role: &str, record: &Record, (at, distance): ([f64; 2], f64)| SliceMark {
        role: role.into(),
        orbit: record.orbit.unwrap_or_default(),
        value: record.value,
        rank: record.rank.unwrap_or_default(),
        nature: record.nature.clone().unwrap_or_default(),
        at,
        distance,
    };
    let mut marks = vec![mark("through", through, ([0.0; 2], 0.0))];
    marks.extend(lowest.zip(plane.lowest.as_ref()).map(|(record, point)| mark("lowest", record, plane.project(point))));
    marks
}
