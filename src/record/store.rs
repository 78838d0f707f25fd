//! The store: records and trajectories of a run, appended case by case, that survives interruption.
//!
//! While a run goes on, `records.jsonl` holds whole cases in the order in which they ended; a case's trajectories are written before its records, so that records vouch for
//! them. At the end both files are replaced, atomically, by the same lines in case order. A run that was killed leaves at most a torn last line or part of one case; resuming
//! drops those and goes on. An append that fails (a full disk) is taken back, and nothing is appended after it.
//!
//! A folder that is refused is left as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::jsonl::{Line, Span, corrupt, disk, each_line, lines, rewrite};
use super::resume::{Kept, keep_foreign_settings, read_complete};
use super::shard::{SHARD_FILE, ShardFile};
use super::{CellRow, Record, TrajectoryRow, cell, fault, write_atomically};

/// Lines are synced to disk at least this often.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Files of a run that `--overwrite` removes.
const OUTPUTS: [&str; 16] = [
    "records.jsonl",
    "records.csv",
    "records.parquet",
    "cells.jsonl",
    "cells.csv",
    "cells.parquet",
    "shard.json",
    "trajectories.jsonl",
    "census.json",
    "theorems.json",
    "escapes.jsonl",
    "summary.json",
    "provenance.json",
    "report.html",
    "comparison.html",
    "scenario.toml",
];
/// Folders of a run, and the endings of the files in them that `--overwrite` removes.
const OUTPUT_FOLDERS: [(&str, &[&str]); 4] =
    [("points", &["npz"]), ("figures", &["svg", "csv", "png"]), ("certificates", &["json"]), ("slices", &["json"])];

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder holds something that must not be touched. The input is at fault.
    #[error("{message}")]
    Refused {
        /// What is wrong; names the folder or file.
        message: String,
        /// What to type instead.
        help: String,
    },
    /// The disk failed.
    #[error("{path}: cannot {doing}: {source}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What to do with a folder that holds records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refuse it.
    Fresh,
    /// Go on where it ended, if the settings are the same.
    Resume,
    /// Remove what the earlier run left.
    Overwrite,
}

/// What a run's folder is to hold.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    /// The resolved scenario.
    pub settings: &'a str,
    /// The cases in order: id, what the sweep set there in words, and number of points.
    pub cases: &'a [CaseEntry],
    /// Which part of a run it is; `None`: all of it.
    pub shard: Option<ShardFile>,
    /// Whether every point has trajectory rows, the last of them at its last step.
    pub trajectories: bool,
    /// Whether every point has a file.
    pub points: bool,
    /// Which records of an earlier run are not kept; the whole case is computed again.
    pub again: fn(&Record) -> bool,
    /// Whether damaged lines of an earlier run are left out, and their cases computed again; otherwise they are refused.
    pub damaged_again: bool,
}

/// A case as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseEntry {
    /// Its hash.
    pub id: String,
    /// What the sweep set there, in words; empty where nothing is swept.
    pub cell: String,
    /// Its number of points.
    pub points: usize,
}

/// What is there already when a run begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complete {
    /// Ids of the complete cases.
    pub cases: BTreeSet<String>,
    /// Their points.
    pub points: usize,
    /// Points of these whose computation broke down.
    pub failed: usize,
}

/// A run's folder, open for appending.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    records: Appended,
    trajectories: Appended,
    synced: Instant,
    held: Held,
}

/// The file that is locked where a folder cannot be: on Windows, and on network file systems that lock only what is open for writing. It is empty and stays: a lock is the system's, and goes
/// with the process however that ends, so that none is ever stale.
const LOCK_FILE: &str = ".lock";

/// Holds a folder: as long as it lives, no other run writes there. The system lets go of it when the process ends, however that happens.
#[derive(Debug)]
pub struct Held {
    _lock: Option<File>,
}

impl Held {
    /// Takes the folder for this run, or refuses it where another run holds it. The folder itself is locked, and leaves no trace; where that cannot be, a file in it. Systems that lock neither
    /// go without.
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let folder = || if fault::no_folder_lock() { Err(io::ErrorKind::Unsupported.into()) } else { File::open(dir) };
        let file = || OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(LOCK_FILE));
        for open in [&folder as &dyn Fn() -> io::Result<File>, &file] {
            let Ok(lock) = open() else { continue };
            match lock.try_lock() {
                Ok(()) => return Ok(Self { _lock: Some(lock) }),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Refused {
                        message: format!("{}: another run is writing there", dir.display()),
                        help: "wait until it ends, or give another folder with --out".into(),
                    });
                }
                Err(TryLockError::Error(_)) => {}
            }
        }
        Ok(Self { _lock: None })
    }
}

/// A file that grows by whole lines.
#[derive(Debug)]
struct Appended {
    path: PathBuf,
    file: File,
    /// Length up to the last append that succeeded.
    length: u64,
    /// Why an append failed: what followed it would stand behind a torn line.
    failed: Option<String>,
}

impl Appended {
    fn open(path: PathBuf) -> Result<Self, StoreError> {
        let file = OpenOptions::new().append(true).open(&path).map_err(disk(&path, "open"))?;
        let length = file.metadata().map_err(disk(&path, "open"))?.len();
        Ok(Self { path, file, length, failed: None })
    }

    /// Appends all of `text`, or takes back what was written of it. `torn` is the point at which half of it is left.
    fn append(&mut self, text: &str, torn: &str) -> Result<(), StoreError> {
        if let Some(reason) = &self.failed {
            return Err(disk(&self.path, "append")(io::Error::other(reason.clone())));
        }
        if fault::due(torn) {
            self.file.write_all(&text.as_bytes()[..text.len() / 2]).expect("half of it can be written");
            std::process::abort();
        }
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            self.failed = Some(error.to_string());
            // If this fails too, resuming drops the torn line.
            let _ = self.file.set_len(self.length);
            return Err(disk(&self.path, "append")(error));
        }
        self.length += text.len() as u64;
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(disk(&self.path, "sync"))
    }
}

impl Store {
    /// Opens `dir` for a run that is to leave `layout`. Returns what is complete already.
    pub fn open(dir: &Path, layout: &Layout<'_>, mode: Mode) -> Result<(Self, Complete), StoreError> {
        let held = if dir.is_dir() { Some(Held::take(dir)?) } else { None };
        let records_path = dir.join("records.jsonl");
        let used = records_path.exists();
        if used && mode == Mode::Fresh {
            return Err(StoreError::Refused {
                message: format!("{} already holds records", dir.display()),
                help: "give --resume to go on with that run, --overwrite to replace it, or another folder with --out".into(),
            });
        }
        let settings_path = dir.join("scenario.toml");
        if !used && mode != Mode::Overwrite {
            keep_foreign_settings(&settings_path, layout.settings)?;
        }
        let kept = if used && mode == Mode::Resume { read_complete(dir, layout)? } else { Kept::default() };
        let points = dir.join("points");
        let folder = if layout.points { points.as_path() } else { dir };
        fs::create_dir_all(folder).map_err(disk(folder, "create the folder"))?;
        let held = match held {
            Some(held) => held,
            None => Held::take(dir)?,
        };
        if mode == Mode::Overwrite {
            remove_outputs(dir)?;
        }
        remove_temporaries(dir)?;
        fault::at("folder-locked");
        write_atomically(&settings_path, |file| file.write_all(layout.settings.as_bytes()))
            .map_err(disk(&settings_path, "write the scenario"))?;
        match &layout.shard {
            Some(shard) => shard.write(dir)?,
            None => {
                let path = dir.join(SHARD_FILE);
                gone(fs::remove_file(&path)).map_err(disk(&path, "remove"))?;
            }
        }
        let trajectories_path = dir.join("trajectories.jsonl");
        rewrite(&records_path, kept.cases.iter().flat_map(|case| &case.records).copied())?;
        rewrite(&trajectories_path, kept.cases.iter().flat_map(|case| &case.trajectories).copied())?;
        let store = Self {
            dir: dir.to_owned(),
            records: Appended::open(records_path)?,
            trajectories: Appended::open(trajectories_path)?,
            synced: Instant::now(),
            held,
        };
        // The names of files that are new; their contents are synced as they grow. A system that cannot do this does it by itself.
        let _ = File::open(dir).and_then(|folder| folder.sync_all());
        fault::at("store-opened");
        Ok((store, kept.complete))
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends one complete case: its trajectories first, then its records.
    pub fn append(&mut self, records: &[Record], trajectories: &[TrajectoryRow]) -> Result<(), StoreError> {
        self.trajectories.append(&lines(trajectories), "trajectory-line-torn")?;
        fault::at("trajectories-appended");
        self.records.append(&lines(records), "record-line-torn")?;
        fault::at("records-appended");
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Pushes everything to the disk.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.trajectories.sync()?;
        fault::at("trajectories-synced");
        self.records.sync()?;
        fault::at("records-synced");
        self.synced = Instant::now();
        Ok(())
    }

    /// Replaces both files by the same lines in the order of `cases`, and writes the tables. Returns all records, and what holds the folder for as long as the run goes on.
    pub fn finish(mut self, cases: &[CaseEntry]) -> Result<(Vec<Record>, Held), StoreError> {
        self.sync()?;
        let order: BTreeMap<&str, usize> = cases.iter().enumerate().map(|(i, case)| (case.id.as_str(), i)).collect();
        fault::at("all-appended");
        for (name, point) in [("trajectories.jsonl", "trajectories-in-order"), ("records.jsonl", "records-in-order")] {
            let path = self.dir.join(name);
            let mut sorted: Vec<((usize, usize), Span)> = Vec::new();
            each_line(&path, |Line { span, key, .. }| {
                sorted.push(((order.get(key.case.as_str()).copied().unwrap_or(usize::MAX), key.start_index), span));
                Ok(())
            })?;
            // Stable: rows of one point keep their order.
            sorted.sort_by_key(|(place, _)| *place);
            rewrite(&path, sorted.into_iter().map(|(_, span)| span))?;
            fault::at(point);
        }
        let records = write_tables(&self.dir, cases)?;
        fault::at("tables-written");
        Ok((records, self.held))
    }
}

/// Writes `records.csv`, `cells.jsonl` and `cells.csv` beside the `records.jsonl` of a run's folder, with the feature `parquet` the tables in Parquet too, and returns the records.
pub(super) fn write_tables(dir: &Path, cases: &[CaseEntry]) -> Result<Vec<Record>, StoreError> {
    let path = dir.join("records.jsonl");
    let records: Vec<Record> = super::read::lines(&path).map_err(|error| corrupt(&path, error.to_string()))?;
    let path = dir.join("records.csv");
    write_atomically(&path, |file| super::csv::write(file, &records)).map_err(disk(&path, "write the table"))?;
    let rows: Vec<CellRow> = cell::rows(cases, &records);
    let path = dir.join("cells.jsonl");
    write_atomically(&path, |file| file.write_all(lines(&rows).as_bytes())).map_err(disk(&path, "write the cells"))?;
    let path = dir.join("cells.csv");
    write_atomically(&path, |file| super::csv::write(file, &rows)).map_err(disk(&path, "write the cells"))?;
    write_parquet(&dir.join("records.parquet"), &records)?;
    write_parquet(&dir.join("cells.parquet"), &rows)?;
    Ok(records)
}

#[cfg(feature = "parquet")]
fn write_parquet<T: serde::Serialize + schemars::JsonSchema>(path: &Path, rows: &[T]) -> Result<(), StoreError> {
    write_atomically(path, |file| super::parquet::write(file, rows)).map_err(disk(path, "write the table"))
}

/// Built without the feature: a table that a program with it left here may be of other records by now.
#[cfg(not(feature = "parquet"))]
fn write_parquet<T>(path: &Path, _: &[T]) -> Result<(), StoreError> {
    gone(fs::remove_file(path)).map_err(disk(path, "remove the table of earlier records"))
}

/// Writes `summary.json` into a run's folder.
pub fn write_summary(dir: &Path, summary: &super::Summary) -> Result<(), StoreError> {
    let path = dir.join("summary.json");
    let text = serde_json::to_string_pretty(summary).expect("a summary holds only what JSON can say");
    write_atomically(&path, |file| writeln!(file, "{text}")).map_err(disk(&path, "write the summary"))
}

/// Writes `census.json` into a run's folder.
pub fn write_census(dir: &Path, census: &super::Census) -> Result<(), StoreError> {
    let path = dir.join("census.json");
    let text = serde_json::to_string_pretty(census).expect("a census holds only what JSON can say");
    write_atomically(&path, |file| writeln!(file, "{text}")).map_err(disk(&path, "write the census"))
}

/// Writes `theorems.json` into a run's folder.
pub fn write_theorems(dir: &Path, theorems: &super::TheoremFile) -> Result<(), StoreError> {
    let path = dir.join("theorems.json");
    let text = serde_json::to_string_pretty(theorems).expect("findings hold only what JSON can say");
    write_atomically(&path, |file| writeln!(file, "{text}")).map_err(disk(&path, "write the findings"))
}

/// Writes `escapes.jsonl` into a run's folder, in the order given.
pub fn write_escapes(dir: &Path, rows: &[super::EscapeRow]) -> Result<(), StoreError> {
    let path = dir.join("escapes.jsonl");
    write_atomically(&path, |file| file.write_all(lines(rows).as_bytes())).map_err(disk(&path, "write the escape paths"))
}

/// Writes a case's slice into a run's folder.
pub fn write_slice(dir: &Path, slice: &super::Slice) -> Result<(), StoreError> {
    let path = dir.join(super::slice_file(&slice.case));
    let folder = dir.join("slices");
    fs::create_dir_all(&folder).map_err(disk(&folder, "make the folder"))?;
    let text = serde_json::to_string(slice).expect("a slice holds only what JSON can say");
    write_atomically(&path, |file| writeln!(file, "{text}")).map_err(disk(&path, "write the slice"))
}

/// An absent file is as good as a removed one.
pub(super) fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what an earlier run left, and nothing else.
pub(super) fn remove_outputs(dir: &Path) -> Result<(), StoreError> {
    for name in OUTPUTS {
        let path = dir.join(name);
        gone(fs::remove_file(&path)).map_err(disk(&path, "remove"))?;
    }
    for (name, endings) in OUTPUT_FOLDERS {
        let folder = dir.join(name);
        let ours = |path: &Path| path.extension().is_some_and(|ending| endings.iter().any(|ours| ending == *ours));
        remove_files(&folder, ours)?;
        // Only `points` is needed; one that holds something else stays.
        if name != "points" {
            let _ = fs::remove_dir(&folder);
        }
    }
    Ok(())
}

/// Removes the half-written files that a killed run left: `.NAME.PROCESS-NUMBER.tmp`.
pub(super) fn remove_temporaries(dir: &Path) -> Result<(), StoreError> {
    let temporary = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let numbers = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")).and_then(|name| name.rsplit_once('.'));
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        numbers.and_then(|(_, numbers)| numbers.split_once('-')).is_some_and(|(process, file)| number(process) && number(file))
    };
    remove_files(dir, temporary)?;
    OUTPUT_FOLDERS.iter().try_for_each(|(name, _)| remove_files(&dir.join(name), temporary))
}

/// Removes the files of a folder that `chosen` picks; a folder that is not there has none.
fn remove_files(folder: &Path, chosen: impl Fn(&Path) -> bool) -> Result<(), StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(disk(folder, "read"))?,
    };
    for entry in entries {
        let path = entry.map_err(disk(folder, "read"))?.path();
        if chosen(&path) && !path.is_dir() {
            gone(fs::remove_file(&path)).map_err(disk(&path, "remove"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
