//! The store: records and trajectories of a run, appended case by case, that survives interruption.
//!
//! While a run goes on, `records.jsonl` holds whole cases in the order in which they ended; a case's trajectories are written before its records, so that records vouch for
//! them. At the end both files are replaced, atomically, by the same lines in case order. A run that was killed leaves at most a torn last line or part of one case; resuming
//! drops those and goes on. An append that fails (a full disk) is taken back, and nothing is appended after it.
//!
//! A folder that is refused is left as it was.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::jsonl::{Line, Span, corrupt, disk, each_line, lines, rewrite};
use super::{Record, SCHEMA, TrajectoryRow, write_atomically};

/// Lines are synced to disk at least this often.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Files of a run that `--overwrite` removes.
const OUTPUTS: [&str; 11] = [
    "records.jsonl",
    "records.csv",
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

/// A run's folder, open for appending.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    records: Appended,
    trajectories: Appended,
    synced: Instant,
    /// Held as long as the run goes on.
    _lock: Option<File>,
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

    /// Appends all of `text`, or takes back what was written of it.
    fn append(&mut self, text: &str) -> Result<(), StoreError> {
        if let Some(reason) = &self.failed {
            return Err(disk(&self.path, "append")(io::Error::other(reason.clone())));
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
    /// Opens `dir` for a run of the resolved scenario `settings`, whose cases (id, number of points) are `cases`.
    /// Returns the records of the cases that are already complete.
    pub fn open(
        dir: &Path,
        settings: &str,
        cases: &[(String, usize)],
        mode: Mode,
    ) -> Result<(Self, BTreeMap<String, Vec<Record>>), StoreError> {
        let mut held = if dir.is_dir() { lock(dir)? } else { None };
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
            keep_foreign_settings(&settings_path, settings)?;
        }
        let kept = if used && mode == Mode::Resume { read_complete(dir, settings, cases)? } else { Kept::default() };
        let points = dir.join("points");
        fs::create_dir_all(&points).map_err(disk(&points, "create the folder"))?;
        if held.is_none() {
            held = lock(dir)?;
        }
        if mode == Mode::Overwrite {
            remove_outputs(dir)?;
        }
        remove_temporaries(dir)?;
        write_atomically(&settings_path, |file| file.write_all(settings.as_bytes()))
            .map_err(disk(&settings_path, "write the scenario"))?;
        let trajectories_path = dir.join("trajectories.jsonl");
        rewrite(&records_path, kept.records)?;
        rewrite(&trajectories_path, kept.trajectories)?;
        let store = Self {
            dir: dir.to_owned(),
            records: Appended::open(records_path)?,
            trajectories: Appended::open(trajectories_path)?,
            synced: Instant::now(),
            _lock: held,
        };
        Ok((store, kept.complete))
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends one complete case: its trajectories first, then its records.
    pub fn append(&mut self, records: &[Record], trajectories: &[TrajectoryRow]) -> Result<(), StoreError> {
        self.trajectories.append(&lines(trajectories))?;
        self.records.append(&lines(records))?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Pushes everything to the disk.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.trajectories.sync()?;
        self.records.sync()?;
        self.synced = Instant::now();
        Ok(())
    }

    /// Replaces both files by the same lines in the order of `cases`, and writes `records.csv`. Returns all records.
    pub fn finish(mut self, cases: &[(String, usize)]) -> Result<Vec<Record>, StoreError> {
        self.sync()?;
        let order: BTreeMap<&str, usize> = cases.iter().enumerate().map(|(i, (id, _))| (id.as_str(), i)).collect();
        for name in ["trajectories.jsonl", "records.jsonl"] {
            let path = self.dir.join(name);
            let mut sorted: Vec<((usize, usize), Span)> = Vec::new();
            each_line(&path, |Line { span, key, .. }| {
                sorted.push(((order.get(key.case.as_str()).copied().unwrap_or(usize::MAX), key.start_index), span));
                Ok(())
            })?;
            // Stable: rows of one point keep their order.
            sorted.sort_by_key(|(place, _)| *place);
            rewrite(&path, sorted.into_iter().map(|(_, span)| span))?;
        }
        let path = self.dir.join("records.jsonl");
        let records: Vec<Record> = super::read::lines(&path).map_err(|error| corrupt(&path, error.to_string()))?;
        let path = self.dir.join("records.csv");
        write_atomically(&path, |file| super::csv::write(file, &records)).map_err(disk(&path, "write the table"))?;
        Ok(records)
    }
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

/// What a resumed run keeps.
#[derive(Default)]
struct Kept {
    records: Vec<Span>,
    trajectories: Vec<Span>,
    complete: BTreeMap<String, Vec<Record>>,
}

/// Reads the complete cases of an interrupted run of the same settings.
fn read_complete(dir: &Path, settings: &str, cases: &[(String, usize)]) -> Result<Kept, StoreError> {
    same_settings(dir, settings)?;
    let points_of: BTreeMap<&str, usize> = cases.iter().map(|(id, points)| (id.as_str(), *points)).collect();
    let rows_path = dir.join("trajectories.jsonl");
    let mut rows: BTreeMap<(String, usize), Rows> = BTreeMap::new();
    if rows_path.exists() {
        each_line(&rows_path, |Line { key, span, .. }| {
            let rows = rows.entry((key.case, key.start_index)).or_default();
            rows.last_step = key.step;
            rows.spans.push(span);
            Ok(())
        })?;
    }
    let path = dir.join("records.jsonl");
    let mut by_case: BTreeMap<String, Vec<(Span, Record)>> = BTreeMap::new();
    each_line(&path, |line| {
        let at = |message: String| corrupt(&path, format!("line {}: {message}", line.number));
        if line.key.schema.as_deref() != Some(SCHEMA) {
            let schema = line.key.schema.as_deref().unwrap_or_default();
            return Err(at(format!("its schema is {schema:?}, this version writes {SCHEMA:?}")));
        }
        let Some(points) = points_of.get(line.key.case.as_str()) else {
            return Err(at(format!("it belongs to case {}, which is not one of this scenario", line.key.case)));
        };
        if line.key.start_index >= *points {
            let message = format!("start {} of case {}, which has {points} points", line.key.start_index, line.key.case);
            return Err(at(message));
        }
        let record = serde_json::from_str(line.text).map_err(|error| at(format!("{error}")))?;
        by_case.entry(line.key.case).or_default().push((line.span, record));
        Ok(())
    })?;
    let mut kept = Kept::default();
    for (id, points) in cases {
        let Some(mut found) = by_case.remove(id) else { continue };
        found.sort_by_key(|(_, record)| record.start_index);
        let complete = found.len() == *points && found.iter().enumerate().all(|(i, (_, record))| i == record.start_index);
        let rows_of = |record: &Record| rows.get(&(id.clone(), record.start_index));
        // What a power failure may have taken while it left the records.
        let whole = found.iter().all(|(_, record)| {
            let last_step = rows_of(record).and_then(|rows| rows.last_step);
            // Rows that are not finite are not written.
            let traced = last_step == Some(record.steps) || !record.value.is_finite() || record.stop_reason == "not-finite";
            traced && dir.join(super::point_file(id, record.start_index)).exists()
        });
        if complete && whole {
            for (_, record) in &found {
                kept.trajectories.extend(rows_of(record).into_iter().flat_map(|rows| &rows.spans));
            }
            let (spans, records): (Vec<_>, Vec<_>) = found.into_iter().unzip();
            kept.records.extend(spans);
            kept.complete.insert(id.clone(), records);
        }
    }
    Ok(kept)
}

/// The trajectory rows of a point.
#[derive(Default)]
struct Rows {
    last_step: Option<u64>,
    spans: Vec<Span>,
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

/// Refuses to replace a `scenario.toml` without records: it may be somebody's own scenario.
fn keep_foreign_settings(path: &Path, settings: &str) -> Result<(), StoreError> {
    match fs::read(path) {
        Ok(earlier) if earlier != settings.as_bytes() => Err(StoreError::Refused {
            message: format!("{} is another scenario, and the run would replace it", path.display()),
            help: "give --overwrite to replace it, or another folder with --out".into(),
        }),
        // Whatever else is wrong with it shows when it is written.
        _ => Ok(()),
    }
}

/// Takes the folder for this run, or refuses it where another run holds it. Systems that cannot lock folders go without.
fn lock(dir: &Path) -> Result<Option<File>, StoreError> {
    let Ok(folder) = File::open(dir) else { return Ok(None) };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Refused {
            message: format!("{}: another run is writing there", dir.display()),
            help: "wait until it ends, or give another folder with --out".into(),
        }),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// The first line in which two texts differ.
fn first_difference(earlier: &str, now: &str) -> String {
    let (mut a, mut b) = (earlier.lines(), now.lines());
    loop {
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            (x, y) => return format!("`{}` there, `{}` now", x.unwrap_or("(end)").trim(), y.unwrap_or("(end)").trim()),
        }
    }
}

/// An absent file is as good as a removed one.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what an earlier run left, and nothing else.
fn remove_outputs(dir: &Path) -> Result<(), StoreError> {
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
fn remove_temporaries(dir: &Path) -> Result<(), StoreError> {
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
