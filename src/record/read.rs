//! Reading back what a run left.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::check;

/// Why a file of a run was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{path}, line {line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The file as a whole is not what it should be.
    #[error("{path}: {message}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

/// A line longer than this is no record.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// Every line of a JSON Lines file. A last line that was cut off is an error with its number.
pub fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ReadError> {
    let io_error = |source| ReadError::Io { path: path.into(), source };
    let mut reader = BufReader::new(File::open(path).map_err(io_error)?);
    let (mut rows, mut text) = (Vec::new(), Vec::new());
    for line in 1.. {
        let fail = |message| ReadError::Line { path: path.into(), line, message };
        text.clear();
        let length = io::Read::take(&mut reader, LINE_BYTES_MAX).read_until(b'\n', &mut text).map_err(io_error)?;
        if length == 0 {
            break;
        }
        if text.last() != Some(&b'\n') {
            return Err(fail("the line is cut off (the run was interrupted: `ufm run … --resume` completes it)".into()));
        }
        if !check::holds(&text[..length - 1]) {
            return Err(fail(format!("{} (`ufm run … --retry damaged` computes its case again)", check::BROKEN)));
        }
        rows.push(serde_json::from_slice(&text).map_err(|error| fail(format!("{error}")))?);
    }
    Ok(rows)
}

/// A file that holds one JSON document.
pub fn document<T: DeserializeOwned>(path: &Path) -> Result<T, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.into(), source })?;
    serde_json::from_reader(BufReader::new(file))
        .map_err(|error| ReadError::Content { path: path.into(), message: error.to_string() })
}
