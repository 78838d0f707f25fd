//! The census of a run, from what the run left: records, and the first point of every orbit, passed through the gate again.
//!
//! It is a pure function of those, so a resumed run leaves the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::{StudyError, escapes};
use crate::census::family::{self, Degenerate};
use crate::census::morse::{self, Cell, Finding};
use crate::census::{ORBIT_TOLERANCE, Partition, representative};
use crate::critical::{Candidate, CriticalPoint, gate};
use crate::model::{Bias, Point, orbit_dimension, relabellings, stabiliser_size};
use crate::record::{
    CENSUS_SCHEMA, Census, CensusCase, CensusFamily, CensusMorse, CensusOrbit, Count, EscapeRow, MorseWidth, Record, Tried, npz,
    write_census, write_escapes,
};
use crate::scenario::{self, Case, Scenario};
use crate::spectra::Limits;

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
    cases: &[&Case],
    settings: &scenario::Census,
    records: &[Record],
    dir: &Path,
    go_on: &(dyn Fn() -> Result<(), StudyError> + Sync),
) -> Result<Census, StudyError> {
    let mut of_case: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    records.iter().for_each(|record| of_case.entry(&record.case).or_default().push(record));
    let taken: Vec<(CensusCase, Vec<EscapeRow>)> = cases
        .par_iter()
        .map(|case| {
            go_on()?;
            one_case(case, settings, of_case.get(case.id.as_str()).map_or(&[], Vec::as_slice), dir)
        })
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
    Ok((conclude(case, settings, records, members), escapes))
}

/// What is written of a case whose orbits are `members`.
fn conclude(case: &Case, settings: &scenario::Census, records: &[&Record], mut members: Vec<Member>) -> CensusCase {
    let limits = case.spectra.limits();
    members.par_iter_mut().for_each(|member| symmetries(case, member));
    let (families, apart) = if settings.families { families(case, &mut members) } else { (Vec::new(), 0) };
    let in_families = members.iter().filter(|member| member.row.family.is_some()).count();
    let cells: Vec<Cell> = members.par_iter().map(|member| cell(case, member, &limits)).collect();
    let first = records.first();
    CensusCase {
        case: case.id.clone(),
        loss: case.problem.loss.name().into(),
        loss_params: first.map(|record| record.loss_params.clone()).unwrap_or_default(),
        loss_text: first.map(|record| record.loss_text.clone()).unwrap_or_default(),
        classes: case.problem.shape.classes(),
        width: case.problem.shape.width(),
        per_class: first.map(|record| record.per_class.clone()).unwrap_or_default(),
        bias: case.problem.bias.name().into(),
        solver: case.solver.name().into(),
        points: records.len(),
        critical: records.iter().filter(|record| record.orbit.is_some()).count(),
        found_at_least: members.len() - in_families + apart,
        tried: tried(records),
        orbits: members.into_iter().map(|member| member.row).collect(),
        families,
        morse: morse(&cells, case.problem.shape.width()),
    }
}

/// Fills in partition, stabiliser and relabellings.
fn symmetries(case: &Case, member: &mut Member) {
    let shape = &case.problem.shape;
    match &member.critical {
        Ok(critical) => {
            let partition = Partition::new(shape, critical);
            let x = representative(&case.problem, critical);
            member.row.origin_classes = Some(partition.origin);
            member.row.partition = Some(partition.to_string());
            member.row.stabiliser = stabiliser_size(shape, &x, ORBIT_TOLERANCE).map(|size| size.to_string());
            member.row.relabellings = relabellings(shape, &x, ORBIT_TOLERANCE).map(|copies| copies.to_string());
        }
        Err(reason) => member.row.reason += &format!("; not passed by the gate again ({reason})"),
    }
}

/// The families of the degenerate members, who learn which they are in, and a lower bound on how many there are.
fn families(case: &Case, members: &mut [Member]) -> (Vec<CensusFamily>, usize) {
    let degenerate: Vec<Degenerate<'_>> = members
        .iter()
        .filter_map(|member| {
            let row = &member.row;
            let (nullity, nullity_symmetry) = (ends(row.nullity?), row.nullity_symmetry?);
            let critical = member.critical.as_ref().map_err(Clone::clone);
            let (orbit, value, rank) = (row.orbit, row.value, row.rank);
            let index = ends(row.index?);
            (nullity[0] > nullity_symmetry).then_some(Degenerate {
                orbit,
                critical,
                value,
                rank,
                index,
                nullity,
                nullity_symmetry,
            })
        })
        .collect();
    let (found, apart) = family::families(&case.problem, &degenerate, &case.spectra.limits());
    let rows = found
        .into_iter()
        .enumerate()
        .map(|(number, family)| {
            let row = |orbit: usize| members.iter().position(|member| member.row.orbit == orbit).expect("members are orbits");
            let of_family: Vec<usize> = family.members.iter().map(|&orbit| row(orbit)).collect();
            of_family.iter().for_each(|&at| members[at].row.family = Some(number));
            let first = &members[of_family[0]].row;
            CensusFamily {
                family: number,
                value: first.value,
                rank: first.rank,
                index: first.index,
                dimension: family.dimension,
                dimension_walked: family.walked,
                hits: of_family.iter().map(|&at| members[at].row.hits).sum(),
                members: family.members,
                standing: if family.settled { "numerical" } else { "undecided" }.into(),
                reason: family.reason,
            }
        })
        .collect();
    (rows, apart)
}

/// The ends of a count.
fn ends(count: Count) -> [u64; 2] {
    match count {
        Count::Exact(n) => [n, n],
        Count::Bracket(ends) => ends,
    }
}

/// What the Morse–Bott check needs of a member.
fn cell(case: &Case, member: &Member, limits: &Limits) -> Cell {
    let row = &member.row;
    let unknown = |reason: String| Cell {
        orbit: row.orbit,
        rank: row.rank,
        copies: Err(reason.clone()),
        index: Err(reason.clone()),
        slope: Err(reason),
    };
    match (&member.critical, row.index) {
        (Ok(critical), Some(Count::Exact(index))) => Cell::new(&case.problem, row.orbit, critical, Some(index), limits),
        (Ok(_), Some(Count::Bracket(_))) => unknown(format!("the index of orbit {} is a bracket", row.orbit)),
        (Ok(_), None) => unknown(format!("the index of orbit {} is not known", row.orbit)),
        (Err(_), _) => unknown(format!("orbit {} did not pass the gate again", row.orbit)),
    }
}

/// The Morse–Bott check, and what it means.
fn morse(cells: &[Cell], width: usize) -> CensusMorse {
    let checks = morse::check(cells, width);
    let finding = morse::summary(&checks);
    let of = |name: &str| {
        let widths: Vec<String> =
            checks.iter().filter(|check| check.finding.name() == name).map(|check| check.width.to_string()).collect();
        widths.join(", ")
    };
    let reason = match &finding {
        Finding::Violated(reason) => {
            format!("{reason}: at least one orbit is missing, or one of the numbers is wrong")
        }
        Finding::Consistent if of("does-not-apply").is_empty() => {
            format!("at every width up to {width} these orbits could be all there are; that does not prove that they are")
        }
        Finding::Consistent => {
            let first = checks.iter().find(|check| check.finding.name() == "does-not-apply").expect("there is one");
            let (applies, rest) = (of("consistent"), of("does-not-apply"));
            format!(
                "at width {applies} these orbits could be all there are; it does not apply at width {rest}: {}",
                first.finding.reason()
            )
        }
        Finding::DoesNotApply(reason) => reason.clone(),
    };
    let widths = checks
        .into_iter()
        .map(|check| MorseWidth {
            width: check.width,
            finding: check.finding.name().into(),
            reason: check.finding.reason().into(),
            critical: check.critical,
            quotient: check.quotient,
        })
        .collect();
    CensusMorse { finding: finding.name().into(), reason, widths }
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
pub(super) fn regate(case: &Case, record: &Record, dir: &Path) -> Result<Result<CriticalPoint, String>, StudyError> {
    let file =
        record.point.as_deref().ok_or_else(|| StudyError::Census(format!("start {} names no point file", record.start_index)))?;
    let fault = |error: &dyn std::fmt::Display| StudyError::Census(format!("the point of start {}: {error}", record.start_index));
    let arrays = npz::read(&dir.join(file)).map_err(|error| fault(&error))?;
    let b = (case.problem.bias != Bias::None).then_some(arrays.b.as_deref()).flatten();
    let point = Point::from_arrays(&case.problem.shape, &arrays.w, &arrays.h, b).map_err(|error| fault(&error))?;
    let critical = gate(&case.problem, Candidate { point, polish: case.stop.polish });
    Ok(critical.map_err(|refused| refused.reason))
}
