//! The census of a run, from what the run left: records, and the first point of every orbit, passed through the gate again.
//!
//! It is a pure function of those, so a resumed run leaves the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::{StudyError, escapes};
use crate::critical::{Candidate, CriticalPoint, gate};
use crate::model::{Bias, Point, orbit_dimension};
use crate::record::{CENSUS_SCHEMA, Census, CensusCase, CensusOrbit, EscapeRow, Record, Tried, npz, write_census, write_escapes};
use crate::scenario::{self, Case, Scenario};

/// An orbit on its way into the census.
pub(super) struct Member {
    /// What is written of it.
    pub(super) row: CensusOrbit,
    /// The point; `Err` says why it did not pass the gate again.
    pub(super) critical: Result<CriticalPoint, String>,
}

/// Takes the census of every case and writes it into the run's folder.
pub(super) fn take(
    scenario: &Scenario,
    settings: &scenario::Census,
    records: &[Record],
    dir: &Path,
) -> Result<Census, StudyError> {
    let mut of_case: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    records.iter().for_each(|record| of_case.entry(&record.case).or_default().push(record));
    let taken: Vec<(CensusCase, Vec<EscapeRow>)> = scenario
        .cases
        .par_iter()
        .map(|case| one_case(case, settings, of_case.get(case.id.as_str()).map_or(&[], Vec::as_slice), dir))
        .collect::<Result<_, StudyError>>()?;
    let (cases, escapes): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
    let census = Census { schema: CENSUS_SCHEMA.into(), scenario: scenario.name.clone(), cases };
    if settings.escapes {
        write_escapes(dir, &escapes.concat())?;
    }
    write_census(dir, &census)?;
    Ok(census)
}

/// The census of one case, and the escape paths from its saddles.
fn one_case(
    case: &Case,
    settings: &scenario::Census,
    records: &[&Record],
    dir: &Path,
) -> Result<(CensusCase, Vec<EscapeRow>), StudyError> {
    let mut members = members(case, records, dir)?;
    // Orbits first met on the way down are appended to `members`.
    let escapes = if settings.escapes { escapes::follow(case, settings, &mut members, dir)? } else { Vec::new() };
    Ok((conclude(case, records, members), escapes))
}

/// What is written of a case whose orbits are `members`.
fn conclude(case: &Case, records: &[&Record], members: Vec<Member>) -> CensusCase {
    let first = records.first();
    CensusCase {
        case: case.id.clone(),
        loss: case.problem.loss.name().into(),
        loss_params: first.map(|record| record.loss_params.clone()).unwrap_or_default(),
        classes: case.problem.shape.classes(),
        width: case.problem.shape.width(),
        per_class: first.map(|record| record.per_class.clone()).unwrap_or_default(),
        bias: case.problem.bias.name().into(),
        solver: case.solver.name().into(),
        points: records.len(),
        critical: records.iter().filter(|record| record.orbit.is_some()).count(),
        found_at_least: members.len(),
        tried: tried(records),
        orbits: members.into_iter().map(|member| member.row).collect(),
        ..CensusCase::default()
    }
}

/// How the starts ended, by kind, in the order in which the kinds first occur.
fn tried(records: &[&Record]) -> Vec<Tried> {
    let mut all: Vec<Tried> = Vec::new();
    for record in records {
        let at = all.iter().position(|tried| tried.start == record.start).unwrap_or_else(|| {
            all.push(Tried { start: record.start.clone(), ..Tried::default() });
            all.len() - 1
        });
        all[at].points += 1;
        all[at].critical += usize::from(record.orbit.is_some());
        *all[at].stop_reasons.entry(record.stop_reason.clone()).or_default() += 1;
    }
    all
}

/// The orbits of a case's records in the order of their numbers, each at its first point.
fn members(case: &Case, records: &[&Record], dir: &Path) -> Result<Vec<Member>, StudyError> {
    let mut firsts: BTreeMap<usize, (&Record, usize)> = BTreeMap::new();
    for record in records {
        if let Some(orbit) = record.orbit {
            firsts.entry(orbit).or_insert((record, 0)).1 += 1;
        }
    }
    let member = |(&orbit, &(record, hits)): (&usize, &(&Record, usize))| -> Result<Member, StudyError> {
        let critical = regate(case, record, dir)?;
        let row = CensusOrbit {
            found_by: "start".into(),
            start_index: Some(record.start_index),
            point: record.point.clone(),
            nature: record.nature.clone().unwrap_or_default(),
            standing: record.standing.clone().unwrap_or_default(),
            reason: record.reason.clone(),
            hits,
            index: record.index,
            nullity: record.nullity,
            lambda_min: record.lambda_min,
            lambda_max: record.lambda_max,
            ..row(case, orbit, record.value, record.gradient_norm, record.rank.unwrap_or_default())
        };
        Ok(Member { row, critical })
    };
    firsts.par_iter().map(member).collect()
}

/// What follows from an orbit's place, value and rank alone.
pub(super) fn row(case: &Case, orbit: usize, value: f64, gradient_norm: f64, rank: usize) -> CensusOrbit {
    let shift = u64::from(case.problem.shifts_bias_freely());
    let dimension = orbit_dimension(rank, case.problem.shape.width()) as u64 + shift;
    CensusOrbit {
        orbit,
        value,
        gradient_norm,
        rank,
        orbit_dimension: dimension,
        nullity_symmetry: Some(dimension),
        ..CensusOrbit::default()
    }
}

/// The point of a record, passed through the gate again.
fn regate(case: &Case, record: &Record, dir: &Path) -> Result<Result<CriticalPoint, String>, StudyError> {
    let file =
        record.point.as_deref().ok_or_else(|| StudyError::Census(format!("start {} names no point file", record.start_index)))?;
    let fault = |error: &dyn std::fmt::Display| StudyError::Census(format!("the point of start {}: {error}", record.start_index));
    let arrays = npz::read(&dir.join(file)).map_err(|error| fault(&error))?;
    let b = (case.problem.bias != Bias::None).then_some(arrays.b.as_deref()).flatten();
    let point = Point::from_arrays(&case.problem.shape, &arrays.w, &arrays.h, b).map_err(|error| fault(&error))?;
    let critical = gate(&case.problem, Candidate { point, polish: case.stop.polish });
    Ok(critical.map_err(|refused| refused.reason))
}
