//! JSON Lines files by their lines: visited one at a time, copied by their place, so that memory does not grow with a run's length.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::store::StoreError;
use super::{check, write_atomically};

/// What a line says of where it belongs.
#[derive(Deserialize)]
pub(super) struct Key {
    pub(super) case: String,
    pub(super) start_index: usize,
    /// Of a record.
    pub(super) schema: Option<String>,
    /// Of a trajectory row.
    pub(super) step: Option<u64>,
}

/// A line of a file with what it says of its place.
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) text: &'a str,
    pub(super) span: Span,
    pub(super) key: Key,
}

/// Where a line stands in its file, its end included.
#[derive(Clone, Copy)]
pub(super) struct Span {
    offset: u64,
    length: usize,
}

/// What is done about a damaged line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// The file is refused, with the line's number.
    Refused,
    /// The line is left out, like a torn last one.
    LeftOut,
}

/// Visits the whole lines of a JSON Lines file with their keys; a torn last line is left out, any other fault is refused with its line. One line is in memory at a time.
pub(super) fn each_line(path: &Path, visit: impl FnMut(Line<'_>) -> Result<(), StoreError>) -> Result<(), StoreError> {
    each_line_of(path, Damage::Refused, visit)
}

/// The same with a say in what is done about damaged lines: those that are not what was written, and those that `visit` refuses.
pub(super) fn each_line_of(
    path: &Path,
    damage: Damage,
    mut visit: impl FnMut(Line<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut reader = BufReader::new(File::open(path).map_err(disk(path, "read"))?);
    let (mut bytes, mut offset) = (Vec::new(), 0);
    for number in 1.. {
        bytes.clear();
        let length = reader.read_until(b'\n', &mut bytes).map_err(disk(path, "read"))?;
        if bytes.pop() != Some(b'\n') {
            break;
        }
        let fault = |error: &dyn std::fmt::Display| corrupt(path, format!("line {number}: {error}"));
        let intact = check::holds(&bytes);
        let mut read = || {
            let text = std::str::from_utf8(&bytes).map_err(|error| fault(&error))?;
            let key = serde_json::from_str(text).map_err(|error| fault(&error))?;
            visit(Line { number, text, span: Span { offset, length }, key })
        };
        match damage {
            Damage::LeftOut if !intact => {}
            Damage::LeftOut => match read() {
                Err(StoreError::Refused { .. }) => {}
                other => other?,
            },
            Damage::Refused => {
                read()?;
                if !intact {
                    return Err(fault(&check::BROKEN));
                }
            }
        }
        offset += length as u64;
    }
    Ok(())
}

/// Replaces a file by lines of its own, in this order; one that is not there yet is made.
pub(super) fn rewrite(path: &Path, spans: impl IntoIterator<Item = Span>) -> Result<(), StoreError> {
    gather(path, &[path], spans.into_iter().map(|span| (0, span)))
}

/// Makes or replaces a file by lines of `sources`, each given by the number of its source and its place there. Sources without lines need not exist.
pub(super) fn gather(path: &Path, sources: &[&Path], lines: impl IntoIterator<Item = (usize, Span)>) -> Result<(), StoreError> {
    let open = |source: &&Path| match File::open(source) {
        Ok(file) => Ok(Some((BufReader::new(file), 0_i64))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(disk(source, "read")(error)),
    };
    let mut sources = sources.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    write_atomically(path, |file| {
        let (mut out, mut line) = (io::BufWriter::new(file), Vec::new());
        for (source, Span { offset, length }) in lines {
            let (reader, at) = sources[source].as_mut().ok_or(io::ErrorKind::NotFound)?;
            // Lines that follow each other, which most do, cost no seek.
            reader.seek_relative(offset as i64 - *at)?;
            line.resize(length, 0);
            reader.read_exact(&mut line)?;
            out.write_all(&line)?;
            *at = (offset + length as u64) as i64;
        }
        out.flush()
    })
    .map_err(disk(path, "write"))
}

/// JSON, one value a line, each with its check.
pub(super) fn lines<T: Serialize>(rows: &[T]) -> String {
    let mut text = String::new();
    for row in rows {
        let begin = text.len();
        text.push_str(&serde_json::to_string(row).expect("rows hold only what JSON can say"));
        check::seal(&mut text, begin);
        text.push('\n');
    }
    text
}

/// A failure of the disk.
pub(super) fn disk(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Disk { path, doing, source }
}

pub(super) fn corrupt(path: &Path, message: String) -> StoreError {
    StoreError::Refused {
        message: format!("{}: {message}", path.display()),
        help: "--retry damaged computes the cases of damaged lines again and keeps the others; --overwrite starts again".into(),
    }
}
