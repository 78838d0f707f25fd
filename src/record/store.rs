//! The store: records and trajectories of a run, appended case by case, that survives interruption.
//!
//! While a run goes on, `records.jsonl` holds whole cases in the order in which they ended; a case's trajectories are written before its records, so that records vouch for
//! them. At the end both files are replaced, atomically, by the same lines in case order. A run that was killed leaves at most a torn last line or part of one case; resuming
//! drops those and goes on.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Record, SCHEMA, TrajectoryRow, write_atomically};

/// Lines are synced to disk at least this often.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Files and folders of a run that `--overwrite` removes.
const OUTPUTS: [&str; 7] =
    ["records.jsonl", "records.csv", "trajectories.jsonl", "summary.json", "provenance.json", "report.html", "scenario.toml"];
const OUTPUT_FOLDERS: [&str; 3] = ["points", "figures", "certificates"];

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

/// What a line says of where it belongs.
#[derive(Deserialize)]
struct Key {
    case: String,
    start_index: usize,
    schema: Option<String>,
}

/// A run's folder, open for appending.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    records: File,
    trajectories: File,
    synced: Instant,
}

/// A failure of the disk.
fn disk(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Disk { path, doing, source }
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
        let records_path = dir.join("records.jsonl");
        let used = records_path.exists();
        if used && mode == Mode::Fresh {
            return Err(StoreError::Refused {
                message: format!("{} already holds records", dir.display()),
                help: "give --resume to go on with that run, --overwrite to replace it, or another folder with --out".into(),
            });
        }
        let kept = if used && mode == Mode::Resume { Some(read_complete(dir, settings, cases)?) } else { None };
        fs::create_dir_all(dir.join("points")).map_err(disk(dir, "create the folder"))?;
        if mode == Mode::Overwrite {
            remove_outputs(dir)?;
        }
        let settings_path = dir.join("scenario.toml");
        write_atomically(&settings_path, |file| file.write_all(settings.as_bytes()))
            .map_err(disk(&settings_path, "write the scenario"))?;
        let kept = kept.unwrap_or_default();
        rewrite(&records_path, &kept.records)?;
        rewrite(&dir.join("trajectories.jsonl"), &kept.trajectories)?;
        let append = |path: PathBuf| OpenOptions::new().append(true).open(&path).map_err(disk(&path, "open"));
        let store = Self {
            dir: dir.to_owned(),
            records: append(records_path)?,
            trajectories: append(dir.join("trajectories.jsonl"))?,
            synced: Instant::now(),
        };
        Ok((store, kept.complete))
    }

    /// The run's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends one complete case: its trajectories first, then its records.
    pub fn append(&mut self, records: &[Record], trajectories: &[TrajectoryRow]) -> Result<(), StoreError> {
        let text = lines(trajectories);
        self.trajectories.write_all(text.as_bytes()).map_err(disk(&self.dir.join("trajectories.jsonl"), "append"))?;
        let text = lines(records);
        self.records.write_all(text.as_bytes()).map_err(disk(&self.dir.join("records.jsonl"), "append"))?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Pushes everything to the disk.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.trajectories.sync_data().map_err(disk(&self.dir.join("trajectories.jsonl"), "sync"))?;
        self.records.sync_data().map_err(disk(&self.dir.join("records.jsonl"), "sync"))?;
        self.synced = Instant::now();
        Ok(())
    }

    /// Replaces both files by the same lines in the order of `cases`, and writes `records.csv`. Returns all records.
    pub fn finish(mut self, cases: &[(String, usize)]) -> Result<Vec<Record>, StoreError> {
        self.sync()?;
        let order: BTreeMap<&str, usize> = cases.iter().enumerate().map(|(i, (id, _))| (id.as_str(), i)).collect();
        for name in ["trajectories.jsonl", "records.jsonl"] {
            let path = self.dir.join(name);
            let mut sorted: Vec<((usize, usize), String)> = Vec::new();
            for (line, key) in keyed_lines(&path)? {
                sorted.push(((order.get(key.case.as_str()).copied().unwrap_or(usize::MAX), key.start_index), line));
            }
            // Stable: rows of one point keep their order.
            sorted.sort_by_key(|(place, _)| *place);
            rewrite(&path, &sorted.into_iter().map(|(_, line)| line).collect::<Vec<_>>())?;
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

/// What a resumed run keeps.
#[derive(Default)]
struct Kept {
    records: Vec<String>,
    trajectories: Vec<String>,
    complete: BTreeMap<String, Vec<Record>>,
}

/// Reads the complete cases of an interrupted run of the same settings.
fn read_complete(dir: &Path, settings: &str, cases: &[(String, usize)]) -> Result<Kept, StoreError> {
    let settings_path = dir.join("scenario.toml");
    let earlier = fs::read_to_string(&settings_path).map_err(disk(&settings_path, "read the earlier settings"))?;
    if earlier != settings {
        let difference = first_difference(&earlier, settings);
        return Err(StoreError::Refused {
            message: format!("{} holds records of other settings: {difference}", dir.display()),
            help: "give the same settings, --overwrite to replace the records, or another folder with --out".into(),
        });
    }
    let path = dir.join("records.jsonl");
    let mut by_case: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for (line, key) in keyed_lines(&path)? {
        if key.schema.as_deref() != Some(SCHEMA) {
            return Err(corrupt(
                &path,
                format!("its schema is {:?}, this version writes {SCHEMA:?}", key.schema.unwrap_or_default()),
            ));
        }
        by_case.entry(key.case).or_default().push((key.start_index, line));
    }
    let mut kept = Kept::default();
    for (id, points) in cases {
        let Some(mut found) = by_case.remove(id) else { continue };
        found.sort_by_key(|(start, _)| *start);
        let complete = found.len() == *points && found.iter().enumerate().all(|(i, (start, _))| i == *start);
        let written = (0..*points).all(|start| dir.join(super::point_file(id, start)).exists());
        if complete && written {
            let records: Result<Vec<Record>, _> = found.iter().map(|(_, line)| serde_json::from_str(line)).collect();
            kept.complete.insert(id.clone(), records.map_err(|error| corrupt(&path, error.to_string()))?);
            kept.records.extend(found.into_iter().map(|(_, line)| line));
        }
    }
    if let Some(foreign) = by_case.keys().next() {
        return Err(corrupt(&path, format!("it holds records of case {foreign}, which is not one of this scenario")));
    }
    let path = dir.join("trajectories.jsonl");
    if path.exists() {
        let rows = keyed_lines(&path)?;
        kept.trajectories.extend(rows.into_iter().filter(|(_, key)| kept.complete.contains_key(&key.case)).map(|(line, _)| line));
    }
    Ok(kept)
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

fn corrupt(path: &Path, message: String) -> StoreError {
    StoreError::Refused {
        message: format!("{}: {message}", path.display()),
        help: "give --overwrite to start again, or another folder with --out".into(),
    }
}

/// Whole lines of a JSON Lines file with their keys; a torn last line is left out, any other fault is refused with its line.
fn keyed_lines(path: &Path) -> Result<Vec<(String, Key)>, StoreError> {
    let bytes = fs::read(path).map_err(disk(path, "read"))?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let text = std::str::from_utf8(&bytes[..whole]).map_err(|error| corrupt(path, error.to_string()))?;
    let parse = |(i, line): (usize, &str)| {
        let key = serde_json::from_str(line).map_err(|error| corrupt(path, format!("line {}: {error}", i + 1)))?;
        Ok((line.to_owned(), key))
    };
    text.lines().enumerate().map(parse).collect()
}

/// JSON, one value a line.
fn lines<T: Serialize>(rows: &[T]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&serde_json::to_string(row).expect("rows hold only what JSON can say"));
        text.push('\n');
    }
    text
}

/// Replaces a file by `lines`.
fn rewrite(path: &Path, lines: &[String]) -> Result<(), StoreError> {
    write_atomically(path, |file| {
        let mut out = io::BufWriter::new(file);
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        out.flush()
    })
    .map_err(disk(path, "write"))
}

/// Removes what an earlier run left, and nothing else.
fn remove_outputs(dir: &Path) -> Result<(), StoreError> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    for name in OUTPUTS {
        let path = dir.join(name);
        gone(fs::remove_file(&path)).map_err(disk(&path, "remove"))?;
    }
    for name in OUTPUT_FOLDERS {
        let path = dir.join(name);
        gone(fs::remove_dir_all(&path)).map_err(disk(&path, "remove"))?;
    }
    fs::create_dir_all(dir.join("points")).map_err(disk(dir, "create the folder"))
}
