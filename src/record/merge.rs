//! The folders of a run's shards, joined to the folder that the unsharded run leaves.
//!
//! Nothing is recomputed and no line is written anew: lines are copied by their place in case order, files are linked or copied. What belongs together is judged before anything is
//! written: the same settings, every shard once, every case of a shard complete, nothing else in it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::jsonl::{disk, gather};
use super::resume::{KeptCase, first_difference, keep_foreign_settings, read_complete};
use super::shard::{Shard, ShardFile};
use super::store::{CaseEntry, Held, Layout, StoreError, remove_outputs, remove_temporaries, write_tables};
use super::{Record, write_atomically};

/// Folders of files that belong to one case each: their names begin with its id.
const CASE_FOLDERS: [&str; 3] = ["points", "certificates", "slices"];

/// The folder of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it lies.
    pub dir: PathBuf,
    /// Which shard it is.
    pub shard: Shard,
    /// What it says of itself.
    pub file: ShardFile,
}

/// The shards in these folders, in the order of their numbers, and the settings that they share. Refuses folders that are no shards, shards of different runs, and a set that is not
/// one of each, by name.
pub fn parts(dirs: &[PathBuf]) -> Result<(Vec<Part>, String), StoreError> {
    let mut parts = dirs.iter().map(|dir| part(dir)).collect::<Result<Vec<_>, _>>()?;
    let first = parts.first().ok_or_else(|| refused("no folder to merge".into(), "give the folders of all shards"))?.clone();
    let settings = settings_of(&first)?;
    for other in &parts[1..] {
        let words = |part: &Part| format!("shard {} in {}", part.shard, part.dir.display());
        let theirs = settings_of(other)?;
        if theirs != settings {
            let message = format!(
                "{} belongs to another run than {}: {}",
                words(other),
                words(&first),
                first_difference(&settings, &theirs)
            );
            return Err(refused(message, "shards of one run have the same scenario.toml, every byte of it"));
        }
        if other.shard.of() != first.shard.of() || other.file.expectations_apply != first.file.expectations_apply {
            let message = format!("{} does not belong with {}: the run was divided differently", words(other), words(&first));
            return Err(refused(message, "run all shards with the same arguments but for --shard"));
        }
    }
    parts.sort_by_key(|part| part.shard);
    if let Some(twins) = parts.windows(2).find(|two| two[0].shard == two[1].shard) {
        let message =
            format!("shard {} is there twice: in {} and in {}", twins[0].shard, twins[0].dir.display(), twins[1].dir.display());
        return Err(refused(message, "give every shard once"));
    }
    let missing: Vec<String> = (1..=first.shard.of())
        .filter(|&number| !parts.iter().any(|part| part.shard.number() == number))
        .map(|number| format!("{number}/{}", first.shard.of()))
        .collect();
    if !missing.is_empty() {
        let message = format!("{} missing: {}", if missing.len() == 1 { "a shard is" } else { "shards are" }, missing.join(", "));
        return Err(refused(message, format!("run them: ufm run SCENARIO --shard {} --out DIR", missing[0])));
    }
    Ok((parts, settings))
}

/// Joins the shards into `out`, but for what is computed from all records together. `layout` is that of the whole run.
pub fn join(parts: &[Part], layout: &Layout<'_>, out: &Path, overwrite: bool) -> Result<Held, StoreError> {
    let apart = |dir: &Path| matches!((fs::canonicalize(dir), fs::canonicalize(out)), (Ok(a), Ok(b)) if a == b);
    if let Some(part) = parts.iter().find(|part| apart(&part.dir)) {
        let message = format!("{} holds shard {}: the merged run needs a folder of its own", out.display(), part.shard);
        return Err(refused(message, "give another folder with --out"));
    }
    let _shards_held = parts.iter().map(|part| Held::take(&part.dir)).collect::<Result<Vec<Held>, _>>()?;
    let whole = parts.iter().map(|part| complete(part, layout)).collect::<Result<Vec<_>, _>>()?;
    let (records_path, settings_path) = (out.join("records.jsonl"), out.join("scenario.toml"));
    if !overwrite {
        if records_path.exists() {
            return Err(StoreError::Refused {
                message: format!("{} already holds records", out.display()),
                help: "give --overwrite to replace them, or another folder with --out".into(),
            });
        }
        keep_foreign_settings(&settings_path, layout.settings)?;
    }
    fs::create_dir_all(out).map_err(disk(out, "create the folder"))?;
    let held = Held::take(out)?;
    if overwrite {
        remove_outputs(out)?;
    }
    remove_temporaries(out)?;
    write_atomically(&settings_path, |file| file.write_all(layout.settings.as_bytes()))
        .map_err(disk(&settings_path, "write the scenario"))?;
    parts.iter().try_for_each(|part| copy_case_files(part, layout, out))?;
    let lines = |name: &str, lines_of: fn(&KeptCase) -> &Vec<super::jsonl::Span>| {
        let paths: Vec<PathBuf> = parts.iter().map(|part| part.dir.join(name)).collect();
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let mut left: Vec<_> = whole.iter().map(|cases| cases.iter()).collect();
        let in_order = (0..layout.cases.len()).flat_map(|case| {
            // Cases go round the shards, and a shard's stand in the order of the run's.
            let number = case % parts.len();
            let kept = left[number].next().map_or(&[][..], |case| lines_of(case).as_slice());
            kept.iter().map(move |&span| (number, span))
        });
        gather(&out.join(name), &paths, in_order)
    };
    // Records vouch for the rest, so they come last.
    lines("trajectories.jsonl", |case| &case.trajectories)?;
    lines("records.jsonl", |case| &case.records)?;
    Ok(held)
}

/// The tables beside joined records; returns the records.
pub fn write_joined_tables(out: &Path, cases: &[CaseEntry]) -> Result<Vec<Record>, StoreError> {
    write_tables(out, cases)
}

fn refused(message: String, help: impl Into<String>) -> StoreError {
    StoreError::Refused { message, help: help.into() }
}

/// The shard in a folder.
fn part(dir: &Path) -> Result<Part, StoreError> {
    if !dir.is_dir() {
        return Err(refused(format!("{}: there is no such folder", dir.display()), "give folders that shards left"));
    }
    let help = "a shard is what `ufm run SCENARIO --shard I/N --out DIR` leaves";
    match ShardFile::read(dir) {
        Ok(Some((file, shard))) => Ok(Part { dir: dir.to_owned(), shard, file }),
        Ok(None) => Err(refused(format!("{} holds no shard: it has no shard.json", dir.display()), help)),
        Err(error) => Err(refused(error.to_string(), help)),
    }
}

fn settings_of(part: &Part) -> Result<String, StoreError> {
    let path = part.dir.join("scenario.toml");
    fs::read_to_string(&path).map_err(|error| {
        let message = format!("{}: {error}; it must say by what settings shard {} was made", path.display(), part.shard);
        refused(message, "copy the shard's folder whole")
    })
}

/// The cases of the whole run that belong to a shard.
fn cases_of(part: &Part, layout: &Layout<'_>) -> Vec<CaseEntry> {
    let numbered = layout.cases.iter().enumerate();
    numbered.filter(|(position, _)| part.shard.holds(*position)).map(|(_, case)| case.clone()).collect()
}

/// The lines of a shard's cases, all of which must be complete.
fn complete(part: &Part, layout: &Layout<'_>) -> Result<Vec<KeptCase>, StoreError> {
    let cases = cases_of(part, layout);
    let own = Layout { cases: &cases, shard: Some(part.file.clone()), again: |_| false, ..layout.clone() };
    let records = part.dir.join("records.jsonl");
    if !records.is_file() {
        let message = format!("shard {} in {} has no records.jsonl: it has not begun", part.shard, part.dir.display());
        return Err(refused(message, resume(part)));
    }
    let kept = read_complete(&part.dir, &own).map_err(|error| match error {
        StoreError::Refused { message, .. } => refused(format!("shard {}: {message}", part.shard), resume(part)),
        other => other,
    })?;
    if let Some(missing) = cases.iter().find(|case| !kept.complete.cases.contains(&case.id)) {
        let message = format!(
            "shard {} in {} is not complete: {} of its {} cases are missing or damaged, case {} the first",
            part.shard,
            part.dir.display(),
            cases.len() - kept.complete.cases.len(),
            cases.len(),
            missing.id
        );
        return Err(refused(message, resume(part)));
    }
    Ok(kept.cases)
}

fn resume(part: &Part) -> String {
    format!("finish it: ufm run SCENARIO --shard {} --out {} --resume", part.shard, part.dir.display())
}

/// Links or copies the files of a shard's cases.
fn copy_case_files(part: &Part, layout: &Layout<'_>, out: &Path) -> Result<(), StoreError> {
    let cases: BTreeSet<String> = cases_of(part, layout).into_iter().map(|case| case.id).collect();
    for name in CASE_FOLDERS {
        let (from, to) = (part.dir.join(name), out.join(name));
        let entries = match fs::read_dir(&from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(disk(&from, "read"))?,
        };
        for entry in entries {
            let entry = entry.map_err(disk(&from, "read"))?;
            let file = entry.file_name().to_string_lossy().into_owned();
            let case = file.split(['-', '.']).next().unwrap_or_default();
            let ours = [".npz", ".json"].iter().any(|ending| file.ends_with(ending)) && cases.contains(case);
            if ours {
                fs::create_dir_all(&to).map_err(disk(&to, "create the folder"))?;
                place(&entry.path(), &to.join(&file))?;
            }
        }
    }
    Ok(())
}

/// Puts a file at another place: a second name where the system gives one (files of a run are replaced, never changed), else a copy.
fn place(from: &Path, to: &Path) -> Result<(), StoreError> {
    // What an interrupted merge left.
    super::store::gone(fs::remove_file(to)).map_err(disk(to, "replace"))?;
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let bytes = fs::read(from).map_err(disk(from, "read"))?;
    write_atomically(to, |file| file.write_all(&bytes)).map_err(disk(to, "write"))
}
