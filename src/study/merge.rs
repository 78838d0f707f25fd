//! `ufm merge`: the shards of a run joined, and what is said of all their points together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Options, Study, StudyError, conclude, entries, layout};
use crate::record::read::{ReadError, document, lines};
use crate::record::{
    CENSUS_SCHEMA, Census, CensusCase, EscapeRow, Part, StoreError, join, parts, write_census, write_escapes, write_joined_tables,
};
use crate::scenario::{Case, Scenario};

/// The shards in these folders, one of each and of one run, and the scenario that they were made of.
pub fn merged_scenario(dirs: &[PathBuf]) -> Result<(Vec<Part>, Scenario), StudyError> {
    let (parts, settings) = parts(dirs)?;
    let path = parts[0].dir.join("scenario.toml");
    let refused = |message: String| {
        refused(message, "merge shards with the version of the program that ran them, where the files they start from are")
    };
    let scenario = Scenario::parse(&path, &settings, &[], false)
        .map_err(|error| refused(format!("the shards' scenario cannot be read again: {error}")))?;
    if scenario.text != settings {
        return Err(refused(format!("{} is not what this version makes of the scenario", path.display())).into());
    }
    Ok((parts, scenario))
}

/// Joins the shards into `out`: what the unsharded run leaves there, byte for byte but for provenance and report. Nothing is computed anew but statistics and the judgement of
/// expectations and statements.
pub fn merge(parts: &[Part], scenario: &Scenario, out: &Path, overwrite: bool) -> Result<Study, StudyError> {
    let cases: Vec<&Case> = scenario.cases.iter().collect();
    let entries = entries(&cases);
    let options = Options::new(out);
    // All that is read comes before anything is written.
    let census = if scenario.census.is_some() { Some(census(parts, scenario)?) } else { None };
    let escapes = match scenario.census {
        Some(settings) if settings.escapes => Some(escapes(parts, scenario)?),
        _ => None,
    };
    let held = join(parts, &layout(scenario, &entries, &options), out, overwrite)?;
    if let Some(rows) = &escapes {
        write_escapes(out, rows)?;
    }
    if let Some(census) = &census {
        write_census(out, census)?;
    }
    let records = write_joined_tables(out, &entries)?;
    let expectations_apply = parts.iter().all(|part| part.file.expectations_apply);
    let study = conclude(scenario, &cases, records, census, expectations_apply, true, out)?;
    Ok(Study { held: Some(Arc::new(held)), ..study })
}

/// The shards' censuses, their cases in the order of the run.
fn census(parts: &[Part], scenario: &Scenario) -> Result<Census, StudyError> {
    let mut of_case: BTreeMap<String, CensusCase> = BTreeMap::new();
    for part in parts {
        let census: Census = document(&part.dir.join("census.json")).map_err(|error| unfinished(part, &error))?;
        of_case.extend(census.cases.into_iter().map(|case| (case.case.clone(), case)));
    }
    let taken = scenario.cases.iter().map(|case| {
        let missing = || refused(format!("no shard's census has case {}", case.id), "finish the shards with --resume");
        of_case.remove(&case.id).ok_or_else(missing)
    });
    let cases = taken.collect::<Result<_, _>>()?;
    Ok(Census { schema: CENSUS_SCHEMA.into(), scenario: scenario.name.clone(), cases })
}

/// The shards' escape paths, in the order of the run's cases.
fn escapes(parts: &[Part], scenario: &Scenario) -> Result<Vec<EscapeRow>, StudyError> {
    let mut of_case: BTreeMap<String, Vec<EscapeRow>> = BTreeMap::new();
    for part in parts {
        let rows: Vec<EscapeRow> = lines(&part.dir.join("escapes.jsonl")).map_err(|error| unfinished(part, &error))?;
        rows.into_iter().for_each(|row| of_case.entry(row.case.clone()).or_default().push(row));
    }
    Ok(scenario.cases.iter().flat_map(|case| of_case.remove(&case.id).unwrap_or_default()).collect())
}

/// The fault of a shard that has its records, and not what is computed from them at the end.
fn unfinished(part: &Part, error: &ReadError) -> StudyError {
    let help = format!("finish it: ufm run SCENARIO --shard {} --out {} --resume", part.shard, part.dir.display());
    refused(format!("shard {}: {error}", part.shard), help).into()
}

fn refused(message: String, help: impl Into<String>) -> StoreError {
    StoreError::Refused { message, help: help.into() }
}
