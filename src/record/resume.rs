//! What an interrupted run left, judged: which of its cases are complete, and whether they are of the same settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::jsonl::{Damage, Line, Span, corrupt, disk, each_line_of};
use super::shard::{Shard, ShardFile};
use super::store::{CaseEntry, Complete, Layout, StoreError};
use super::{Record, SCHEMA, npz};

/// What a resumed run keeps.
#[derive(Default)]
pub(super) struct Kept {
    /// The complete cases, in the layout's order.
    pub(super) cases: Vec<KeptCase>,
    pub(super) complete: Complete,
}

/// The lines of a complete case.
pub(super) struct KeptCase {
    pub(super) records: Vec<Span>,
    pub(super) trajectories: Vec<Span>,
}

/// A record of the earlier run, as far as it matters here.
struct Found {
    span: Span,
    start_index: usize,
    /// Its last step, where that has a trajectory row: rows that are not finite are not written.
    last_step: Option<u64>,
    failed: bool,
    again: bool,
    /// Its point file, where it names one.
    point: Option<String>,
}

/// The trajectory rows of a point.
#[derive(Default)]
struct Rows {
    last_step: Option<u64>,
    spans: Vec<Span>,
}

/// Reads the complete cases of an interrupted run of the same settings.
pub(super) fn read_complete(dir: &Path, layout: &Layout<'_>) -> Result<Kept, StoreError> {
    same_settings(dir, layout.settings)?;
    same_shard(dir, layout)?;
    let damage = if layout.damaged_again { Damage::LeftOut } else { Damage::Refused };
    let (mut rows, holed) = trajectory_rows(dir, damage)?;
    let mut by_case = records_by_case(&dir.join("records.jsonl"), layout, damage)?;
    let mut kept = Kept::default();
    for CaseEntry { id, points, .. } in layout.cases {
        let Some(mut found) = by_case.remove(id) else { continue };
        found.sort_by_key(|found| found.start_index);
        let complete = found.len() == *points && found.iter().enumerate().all(|(i, found)| i == found.start_index);
        let mut rows_of: Vec<Rows> =
            found.iter().map(|found| rows.remove(&(id.clone(), found.start_index)).unwrap_or_default()).collect();
        // What a power failure may have taken while it left the records.
        let whole = |(found, rows): (&Found, &Rows)| {
            let traced = !layout.trajectories || found.last_step.is_none_or(|step| rows.last_step == Some(step));
            traced && found.point.as_ref().is_none_or(|file| npz::read(&dir.join(file)).is_ok())
        };
        let again = found.iter().any(|found| found.again);
        if complete && !again && !holed.contains(id) && found.iter().zip(&rows_of).all(whole) {
            let trajectories = rows_of.iter_mut().flat_map(|rows| std::mem::take(&mut rows.spans)).collect();
            kept.cases.push(KeptCase { records: found.iter().map(|found| found.span).collect(), trajectories });
            kept.complete.points += points;
            kept.complete.failed += found.iter().filter(|found| found.failed).count();
            kept.complete.cases.insert(id.clone());
        }
    }
    Ok(kept)
}

/// Trajectory rows by case and start.
type RowsByPoint = BTreeMap<(String, usize), Rows>;

/// The trajectory rows of a folder by case and start, and the cases of which rows may have been left out; a folder without the file has none.
///
/// Rows of a case stand together, so one that was left out belongs to the case before it or to the one behind it, or to a case of which no row is left, whose last step then is missing.
fn trajectory_rows(dir: &Path, damage: Damage) -> Result<(RowsByPoint, BTreeSet<String>), StoreError> {
    let path = dir.join("trajectories.jsonl");
    let (mut rows, mut holed) = (RowsByPoint::new(), BTreeSet::new());
    let mut before = (0, None);
    if path.exists() {
        each_line_of(&path, damage, |Line { number, key, span, .. }| {
            if number > before.0 + 1 {
                holed.extend(before.1.take());
                holed.insert(key.case.clone());
            }
            before = (number, Some(key.case.clone()));
            let rows = rows.entry((key.case, key.start_index)).or_default();
            rows.last_step = key.step;
            rows.spans.push(span);
            Ok(())
        })?;
    }
    Ok((rows, holed))
}

/// The records of a file by case. A record that is not one of the layout's is refused.
fn records_by_case(path: &Path, layout: &Layout<'_>, damage: Damage) -> Result<BTreeMap<String, Vec<Found>>, StoreError> {
    let points_of: BTreeMap<&str, usize> = layout.cases.iter().map(|case| (case.id.as_str(), case.points)).collect();
    let mut by_case: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    each_line_of(path, damage, |line| {
        let at = |message: String| corrupt(path, format!("line {}: {message}", line.number));
        belongs(&line, &points_of).map_err(at)?;
        let record: Record = serde_json::from_str(line.text).map_err(|error| at(format!("{error}")))?;
        let found = Found {
            span: line.span,
            start_index: record.start_index,
            last_step: (record.value.is_finite() && record.stop_reason != "not-finite").then_some(record.steps),
            failed: record.failed(),
            again: (layout.again)(&record),
            point: record.point,
        };
        by_case.entry(line.key.case).or_default().push(found);
        Ok(())
    })?;
    Ok(by_case)
}

/// Whether a record's line is one of these cases (id → number of points), or why not.
pub(super) fn belongs(line: &Line<'_>, points_of: &BTreeMap<&str, usize>) -> Result<(), String> {
    if line.key.schema.as_deref() != Some(SCHEMA) {
        let schema = line.key.schema.as_deref().unwrap_or_default();
        return Err(format!("its schema is {schema:?}, this version writes {SCHEMA:?}"));
    }
    let Some(points) = points_of.get(line.key.case.as_str()) else {
        return Err(format!("it belongs to case {}, which is not one of this scenario", line.key.case));
    };
    if line.key.start_index >= *points {
        return Err(format!("start {} of case {}, which has {points} points", line.key.start_index, line.key.case));
    }
    Ok(())
}

/// Refuses a folder whose records come from other settings.
fn same_settings(dir: &Path, settings: &str) -> Result<(), StoreError> {
    let path = dir.join("scenario.toml");
    let message = match fs::read_to_string(&path) {
        Ok(earlier) if earlier == settings => return Ok(()),
        Ok(earlier) => format!("{} holds records of other settings: {}", dir.display(), first_difference(&earlier, settings)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
            format!("{}: {error}; it must say by what settings the records of this folder were made", path.display())
        }
        Err(error) => return Err(disk(&path, "read the earlier settings")(error)),
    };
    let help = "give the same settings, --overwrite to replace the records, or another folder with --out".into();
    Err(StoreError::Refused { message, help })
}

/// Refuses to go on with another part of the run than the folder holds.
fn same_shard(dir: &Path, layout: &Layout<'_>) -> Result<(), StoreError> {
    let there = ShardFile::read(dir).map_err(|error| StoreError::Refused {
        message: error.to_string(),
        help: "give --overwrite to start again, or another folder with --out".into(),
    })?;
    let (there, asked) = (there.map(|(_, shard)| shard), layout.shard.as_ref().and_then(|file| Shard::new(file.shard, file.of)));
    if there == asked {
        return Ok(());
    }
    let words = |shard: Option<Shard>| shard.map_or("the whole run".to_owned(), |shard| format!("shard {shard}"));
    let option = there.map_or("leave --shard out".to_owned(), |shard| format!("give --shard {shard}"));
    Err(StoreError::Refused {
        message: format!("{} holds {}, and {} was asked for", dir.display(), words(there), words(asked)),
        help: format!("{option}, or another folder with --out"),
    })
}

/// Refuses to replace a `scenario.toml` without records: it may be somebody's own scenario.
pub(super) fn keep_foreign_settings(path: &Path, settings: &str) -> Result<(), StoreError> {
    match fs::read(path) {
        Ok(earlier) if earlier != settings.as_bytes() => Err(StoreError::Refused {
            message: format!("{} is another scenario, and the run would replace it", path.display()),
            help: "give --overwrite to replace it, or another folder with --out".into(),
        }),
        // Whatever else is wrong with it shows when it is written.
        _ => Ok(()),
    }
}

/// The first line in which two texts differ.
pub(super) fn first_difference(earlier: &str, now: &str) -> String {
    let (mut a, mut b) = (earlier.lines(), now.lines());
    loop {
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            (x, y) => return format!("`{}` there, `{}` now", x.unwrap_or("(end)").trim(), y.unwrap_or("(end)").trim()),
        }
    }
}
