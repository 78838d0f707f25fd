//! The saddle graph of a case: from every saddle, both ways along its escape directions, down to the points below; points met for the first time become orbits and are followed in turn.
//!
//! Values fall along every edge, so following ends. Paths of one generation of orbits run in parallel; what they reach is identified in their order, so nothing depends on the threads.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::census::{Member, row};
use super::{Assessed, StudyError, assess, case};
use crate::census::directions::{EscapeLevel, escape_levels};
use crate::census::escape::{Escape, escape};
use crate::census::{VALUE_TOLERANCE, same_critical};
use crate::critical::{Candidate, CriticalPoint};
use crate::record::{CensusOrbit, ESCAPE_SCHEMA, EscapeRow, EscapeStep, Record, StoreError, escape_point_file, npz};
use crate::scenario::{self, Case, SpectraLevel};
use crate::verdict::Nature;

/// New orbits of a case beyond this number are not followed: a degenerate family may hold any number of saddles.
const NEW_ORBITS_MAX: usize = 300;

/// One walk.
struct Walk<'a> {
    orbit: usize,
    level: usize,
    direction: usize,
    sign: i8,
    of: &'a EscapeLevel,
}

/// Follows the escapes of every saddle among `members`. New orbits are appended to `members`, their points written under `dir`.
pub(super) fn follow(
    case: &Case,
    settings: &scenario::Census,
    members: &mut Vec<Member>,
    dir: &Path,
) -> Result<Vec<EscapeRow>, StudyError> {
    let known = members.len();
    let (mut rows, mut fresh): (Vec<EscapeRow>, Vec<Assessed>) = (Vec::new(), Vec::new());
    let mut followed = 0;
    while followed < members.len() {
        let generation = &members[followed..];
        let levels: Vec<Result<Vec<EscapeLevel>, String>> = generation
            .par_iter()
            .map(|member| match &member.critical {
                Ok(critical) if member.row.nature == Nature::StrictSaddle.name() => {
                    escape_levels(&case.problem, critical, settings.escape_directions)
                }
                _ => Ok(Vec::new()),
            })
            .collect();
        let walks: Vec<Walk<'_>> = generation.iter().zip(&levels).flat_map(|(member, levels)| walks(member, levels)).collect();
        let ends: Vec<Escape> = walks
            .par_iter()
            .map(|walk| escape(&case.problem, &walk.of.directions[walk.direction], walk.of.eigenvalue, walk.sign))
            .collect();
        for (member, levels) in generation.iter().zip(&levels) {
            rows.extend(levels.as_ref().err().map(|reason| unfollowed(case, &member.row, reason)));
        }
        followed = members.len();
        for (walk, end) in walks.iter().zip(ends) {
            let mut row = row_of(case, walk, &end);
            match end.end {
                Ok((critical, value)) => {
                    row.to_value = Some(value);
                    (row.to, row.outcome) = identify(case, members, &mut fresh, critical, value, known);
                }
                Err(reason) => row.outcome = Some(reason),
            }
            rows.push(row);
        }
    }
    judge(case, members, &fresh, known, dir)?;
    rows.sort_by_key(|row| (row.orbit, row.level, row.direction, -row.sign));
    Ok(rows)
}

/// Both ways along every direction of every level.
fn walks<'a>(member: &Member, levels: &'a Result<Vec<EscapeLevel>, String>) -> Vec<Walk<'a>> {
    let orbit = member.row.orbit;
    let of_level = |(level, of): (usize, &'a EscapeLevel)| {
        let signs = (0..of.directions.len()).flat_map(|direction| [(direction, 1), (direction, -1)]);
        signs.map(move |(direction, sign)| Walk { orbit, level, direction, sign, of })
    };
    levels.iter().flatten().enumerate().flat_map(of_level).collect()
}

/// The orbit of a point that a path reached: a known one, or the next free number. Words where it is none of these, or only one like it.
fn identify(
    case: &Case,
    members: &mut Vec<Member>,
    fresh: &mut Vec<Assessed>,
    critical: CriticalPoint,
    value: f64,
    known: usize,
) -> (Option<usize>, Option<String>) {
    let same = |member: &&Member| {
        let other = member.critical.as_ref().ok();
        other.is_some_and(|other| same_critical(&case.problem, (other, member.row.value), (&critical, value)))
    };
    if let Some(member) = members.iter().find(same) {
        return (Some(member.row.orbit), None);
    }
    let level = if case.spectra.level == SpectraLevel::None { SpectraLevel::Inertia } else { case.spectra.level };
    let candidate = Candidate { point: critical.point(), polish: false };
    let assessed = assess(&case.problem, candidate, level, &case.spectra.limits(), false);
    let record = case::beside(&case.problem, &assessed, None);
    let orbit = members.len();
    let row = orbit_of(case, orbit, &record);
    // Every path into a degenerate family ends at another of its points: one of them stands for those of its value, rank and inertia.
    if record.degenerate == Some(true) {
        let alike = |member: &&Member| {
            let other = &member.row;
            other.rank == row.rank
                && (other.value - row.value).abs() <= VALUE_TOLERANCE * row.value.abs()
                && other.index == row.index
                && other.nullity == row.nullity
        };
        if let Some(member) = members.iter().find(alike) {
            let words = format!("another degenerate point of the value, rank and inertia of orbit {}", member.row.orbit);
            return (Some(member.row.orbit), Some(words));
        }
    }
    if orbit - known >= NEW_ORBITS_MAX {
        return (None, Some(format!("a critical point beyond the first {NEW_ORBITS_MAX} that were met")));
    }
    members.push(Member { row, critical: Ok(critical) });
    fresh.push(assessed);
    (Some(orbit), None)
}

/// What the census says of an orbit that an escape led to.
fn orbit_of(case: &Case, orbit: usize, record: &Record) -> CensusOrbit {
    CensusOrbit {
        found_by: "escape".into(),
        point: Some(escape_point_file(&case.id, orbit)),
        nature: record.nature.clone().unwrap_or_default(),
        standing: record.standing.clone().unwrap_or_default(),
        reason: record.reason.clone(),
        index: record.index,
        nullity: record.nullity,
        lambda_min: record.lambda_min,
        lambda_max: record.lambda_max,
        ..row(case, orbit, record.value, record.gradient_norm, record.rank.unwrap_or_default())
    }
}

/// The verdicts on the new orbits, now that the lowest value is known, and their point files.
fn judge(case: &Case, members: &mut [Member], fresh: &[Assessed], known: usize, dir: &Path) -> Result<(), StudyError> {
    let lowest = members.iter().map(|member| member.row.value).reduce(f64::min);
    for (member, assessed) in members[known..].iter_mut().zip(fresh) {
        member.row = orbit_of(case, member.row.orbit, &case::beside(&case.problem, assessed, lowest));
        let path = dir.join(escape_point_file(&case.id, member.row.orbit));
        npz::write(&path, &assessed.point, Some(case.problem.shape.labels()), &BTreeMap::new()).map_err(|error| {
            let source = match error {
                npz::NpzError::Io { source, .. } => source,
                other => std::io::Error::other(other.to_string()),
            };
            StoreError::Disk { path: path.clone(), doing: "write the point", source }
        })?;
    }
    Ok(())
}

/// The line of a path, before it is known where it led.
fn row_of(case: &Case, walk: &Walk<'_>, end: &Escape) -> EscapeRow {
    let step = |row: &crate::census::escape::PathRow| EscapeStep {
        arc: row.arc,
        value: row.value,
        gradient_norm: row.gradient_norm,
        lambda_min: Some(row.lambda_min).filter(|x| x.is_finite()),
    };
    EscapeRow {
        schema: ESCAPE_SCHEMA.into(),
        case: case.id.clone(),
        orbit: walk.orbit,
        level: walk.level,
        eigenvalue: walk.of.eigenvalue,
        multiplicity: walk.of.multiplicity,
        direction: walk.direction,
        sign: walk.sign,
        path: end.rows.iter().map(step).collect(),
        ..EscapeRow::default()
    }
}

/// The line of a saddle whose escapes were not followed.
fn unfollowed(case: &Case, orbit: &CensusOrbit, reason: &str) -> EscapeRow {
    EscapeRow {
        schema: ESCAPE_SCHEMA.into(),
        case: case.id.clone(),
        orbit: orbit.orbit,
        eigenvalue: orbit.lambda_min.unwrap_or_default(),
        sign: 1,
        outcome: Some(reason.into()),
        ..EscapeRow::default()
    }
}
