//! A part of a run's cases, to be run elsewhere and merged: `ufm run … --shard I/N`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::jsonl::disk;
use super::read::{ReadError, document};
use super::write_atomically;

/// The schema version of [`ShardFile`].
pub const SHARD_SCHEMA: &str = "ufm.shard/v1";
/// Its file in a run's folder. A folder without one holds a whole run.
pub const SHARD_FILE: &str = "shard.json";

/// One of several parts of a run. Shards split cases, never starts: case i belongs to shard i mod `of` + 1, so that neighbours in a sweep, which cost about the same, go to different shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// Which, from 1.
    number: usize,
    /// Of how many.
    of: usize,
}

impl Shard {
    /// Shard `number` (from 1) of `of`; `None` where there is no such shard.
    pub fn new(number: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    /// Which, from 1.
    pub fn number(self) -> usize {
        self.number
    }

    /// Of how many.
    pub fn of(self) -> usize {
        self.of
    }

    /// Whether the case at this position of the scenario, from 0, belongs to the shard.
    pub fn holds(self, case: usize) -> bool {
        case % self.of == self.number - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let (number, of) = parts.ok_or("a shard is I/N, e.g. 2/8")?;
        Self::new(number, of).ok_or_else(|| format!("there is no shard {number} of {of}: shards are 1/N to N/N"))
    }
}

/// `shard.json`: what a run's folder holds where it is a part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardFile {
    /// [`SHARD_SCHEMA`].
    pub schema: String,
    /// Which, from 1.
    pub shard: usize,
    /// Of how many.
    pub of: usize,
    /// Cases of this shard.
    pub cases: usize,
    /// Points of this shard.
    pub points: usize,
    /// Whether the expectations speak of the scenario as run: see `Scenario::expectations_apply`. A shard does not judge them; the merge does.
    pub expectations_apply: bool,
}

impl ShardFile {
    /// The shard of a folder; `None` where it holds no `shard.json`.
    pub fn read(dir: &Path) -> Result<Option<(Self, Shard)>, ReadError> {
        let path = dir.join(SHARD_FILE);
        let file: Self = match document(&path) {
            Err(ReadError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let fault = |message: String| ReadError::Content { path: path.clone(), message };
        if file.schema != SHARD_SCHEMA {
            return Err(fault(format!("its schema is {:?}, this version writes {SHARD_SCHEMA:?}", file.schema)));
        }
        let shard =
            Shard::new(file.shard, file.of).ok_or_else(|| fault(format!("there is no shard {}/{}", file.shard, file.of)))?;
        Ok(Some((file, shard)))
    }

    /// Writes it into a run's folder.
    pub(super) fn write(&self, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(SHARD_FILE);
        let text = serde_json::to_string_pretty(self).expect("numbers and names are JSON");
        write_atomically(&path, |file| std::io::Write::write_all(file, (text + "\n").as_bytes())).map_err(disk(&path, "write"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_in_one_shard() {
        for of in 1..8 {
            let shards: Vec<Shard> = (1..=of).map(|number| Shard::new(number, of).unwrap()).collect();
            for case in 0..40 {
                assert_eq!(shards.iter().filter(|shard| shard.holds(case)).count(), 1, "{case} of {of}");
            }
        }
    }

    #[test]
    fn shards_are_read_as_written() {
        assert_eq!("2/8".parse(), Ok(Shard { number: 2, of: 8 }));
        assert_eq!("2/8".parse::<Shard>().unwrap().to_string(), "2/8");
        for wrong in ["", "1", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/4/2", "1 / 4"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
