//! Points on disk: `.npz` archives that NumPy reads and writes.
//!
//! A point file holds `W` (K×d), `H` (d×N), optionally `b` (K) and `labels` (N); where `multiplicity` is there, column i of H is the feature of that many samples. Files come from outside, so reading trusts nothing: sizes that
//! an archive declares are checked against the file before memory is reserved, and every message says what to change.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use nalgebra::DMatrix;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use super::npy;
use crate::model::{Point, Shape};

/// No array of a point may be larger than this when unpacked.
const ENTRY_BYTES_MAX: u64 = 64 << 30;

/// Deflate cannot shrink anything by more than a factor of 1032; a larger claim is a lie.
const DEFLATE_RATIO_MAX: u64 = 1100;

/// Real arrays shrink by far less than this; memory for more is reserved only as the data arrives.
const RATIO_TRUSTED: u64 = 16;

/// From this size on an entry needs the 64-bit zip fields.
const ZIP64_BYTES: usize = 0xFFFF_0000;

/// Why a point file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum NpzError {
    /// The file cannot be opened, read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no archive, is cut off, or its checksums do not hold.
    #[error("{path}: not a complete .npz archive ({message})")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// An array is not there.
    #[error("{path}: no array named {name:?}; the file holds {present}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The array that a point needs.
        name: &'static str,
        /// The arrays that are there, in words.
        present: String,
    },
    /// An array is there and cannot be used.
    #[error("{path}: array {name:?} {message}")]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        name: &'static str,
        /// What is wrong with it, and what is allowed.
        message: String,
    },
}

impl NpzError {
    /// Whether the disk failed (rather than the input being wrong).
    pub fn is_disk(&self) -> bool {
        matches!(self, NpzError::Io { source, .. } if !matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory))
    }
}

/// The arrays of a point file, with sizes that fit each other. Finiteness is left to [`Point::from_arrays`].
#[derive(Clone, Debug, PartialEq)]
pub struct NpzPoint {
    /// W, K×d.
    pub w: DMatrix<f64>,
    /// H, d×N.
    pub h: DMatrix<f64>,
    /// b, K entries, where the file has it.
    pub b: Option<Vec<f64>>,
    /// The class of every column of H, where the file has it.
    pub labels: Option<Vec<usize>>,
    /// How many samples every column of H stands for, where the file has it.
    pub multiplicity: Option<Vec<u64>>,
}

/// Reads W, H, b and labels; arrays with other names are ignored.
///
/// Numbers may be 32 or 64 bits wide, of either byte order, in C or Fortran order, stored or deflated. Labels are integers of any width.
pub fn read(path: &Path) -> Result<NpzPoint, NpzError> {
    let file = File::open(path).map_err(|source| NpzError::Io { path: path.into(), source })?;
    let file_bytes = file.metadata().map_err(|source| NpzError::Io { path: path.into(), source })?.len();
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| archive_error(path, error))?;
    let mut reader = NpzReader { path, file_bytes, archive };
    let w = reader.matrix("W")?;
    let h = reader.matrix("H")?;
    let b = if reader.has("b") { Some(reader.vector("b")?) } else { None };
    let labels = if reader.has("labels") { Some(reader.labels()?) } else { None };
    let multiplicity = if reader.has("multiplicity") { Some(reader.multiplicity()?) } else { None };
    check_sizes(path, &w, &h, b.as_deref(), labels.as_deref())?;
    match &multiplicity {
        Some(all) if all.len() != h.ncols() => {
            let message = format!("has {} entries, but H has {} columns", all.len(), h.ncols());
            Err(NpzError::Array { path: path.into(), name: "multiplicity", message })
        }
        _ => Ok(NpzPoint { w, h, b, labels, multiplicity }),
    }
}

/// Whether the arrays fit each other; the commonest mistake, features as rows, is named.
fn check_sizes(
    path: &Path,
    w: &DMatrix<f64>,
    h: &DMatrix<f64>,
    b: Option<&[f64]>,
    labels: Option<&[usize]>,
) -> Result<(), NpzError> {
    let fail = |name, message| Err(NpzError::Array { path: path.into(), name, message });
    let (classes, width) = w.shape();
    let (rows, samples) = h.shape();
    if rows != width {
        let hint = if samples == width { "; features are columns: save H.T" } else { "" };
        return fail("H", format!("is {rows}×{samples}, but W is {classes}×{width}, so H must have {width} rows{hint}"));
    }
    if let Some(b) = b.filter(|b| b.len() != classes) {
        return fail("b", format!("has {} entries, but W has {classes} rows", b.len()));
    }
    match labels {
        Some(labels) if labels.len() != samples => {
            fail("labels", format!("has {} entries, but H has {samples} columns", labels.len()))
        }
        _ => Ok(()),
    }
}

/// An open archive.
struct NpzReader<'a> {
    path: &'a Path,
    file_bytes: u64,
    archive: ZipArchive<BufReader<File>>,
}

/// One array as it lies in the file: its axes, their order, and the entries.
struct RawArray<T> {
    shape: Vec<usize>,
    fortran_order: bool,
    entries: Vec<T>,
}

impl NpzReader<'_> {
    fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(&entry_name(name)).is_some()
    }

    fn fail<T>(&self, name: &'static str, message: impl Into<String>) -> Result<T, NpzError> {
        Err(NpzError::Array { path: self.path.into(), name, message: message.into() })
    }

    /// A two-dimensional array of floats.
    fn matrix(&mut self, name: &'static str) -> Result<DMatrix<f64>, NpzError> {
        let array = self.array(name, npy::float)?;
        let &[rows, columns] = &array.shape[..] else {
            return self.fail(name, format!("has {} axes; it must have two", array.shape.len()));
        };
        if rows == 0 || columns == 0 {
            return self.fail(name, format!("is empty ({rows}×{columns})"));
        }
        Ok(match array.fortran_order {
            true => DMatrix::from_vec(rows, columns, array.entries),
            false => DMatrix::from_row_slice(rows, columns, &array.entries),
        })
    }

    /// A one-dimensional array of floats; a single row or column will do.
    fn vector(&mut self, name: &'static str) -> Result<Vec<f64>, NpzError> {
        let array = self.array(name, npy::float)?;
        self.one_axis(name, array)
    }

    /// The labels as class numbers.
    fn labels(&mut self) -> Result<Vec<usize>, NpzError> {
        let array = self.array("labels", npy::integer)?;
        let labels = self.one_axis("labels", array)?;
        let class = |(sample, &label): (usize, &i128)| usize::try_from(label).map_err(|_| (sample, label));
        match labels.iter().enumerate().map(class).collect() {
            Ok(labels) => Ok(labels),
            Err((sample, label)) => self.fail("labels", format!("holds {label} for sample {sample}; classes count from 0")),
        }
    }

    /// How many samples each column stands for.
    fn multiplicity(&mut self) -> Result<Vec<u64>, NpzError> {
        let array = self.array("multiplicity", npy::integer)?;
        let all = self.one_axis("multiplicity", array)?;
        let count = |(column, &m): (usize, &i128)| u64::try_from(m).ok().filter(|&m| m > 0).ok_or((column, m));
        match all.iter().enumerate().map(count).collect() {
            Ok(all) => Ok(all),
            Err((column, m)) => self.fail("multiplicity", format!("holds {m} for column {column}; it must be at least 1")),
        }
    }

    fn one_axis<T>(&self, name: &'static str, array: RawArray<T>) -> Result<Vec<T>, NpzError> {
        if array.shape.is_empty() || array.shape.iter().filter(|&&size| size != 1).count() > 1 {
            return self.fail(name, format!("has shape {:?}; it must have one axis", array.shape));
        }
        Ok(array.entries)
    }

    /// One entry, of a type that `decoder` knows.
    fn array<T>(&mut self, name: &'static str, decoder: fn(&str) -> Option<npy::Decode<T>>) -> Result<RawArray<T>, NpzError> {
        let path = self.path;
        let fail = |message: String| NpzError::Array { path: path.into(), name, message };
        let Some(position) = self.archive.index_for_name(&entry_name(name)) else {
            return Err(NpzError::Missing { path: path.into(), name, present: self.present() });
        };
        let file_bytes = self.file_bytes;
        let mut entry = self.archive.by_index(position).map_err(|error| archive_error(path, error))?;
        let (packed, unpacked) = (entry.compressed_size(), entry.size());
        check_claims(entry.compression(), packed, unpacked, file_bytes).map_err(fail)?;

        let header = npy::read_header(&mut entry).map_err(fail)?;
        if header.descr.ends_with('O') {
            return Err(fail("is an object array (pickle), which is not read: save it with a numeric dtype".into()));
        }
        let Some(decode) = header.descr.get(1..).and_then(decoder) else {
            return Err(fail(format!("has type {}; {} are needed", header.descr, wanted(name))));
        };
        let follow = unpacked.saturating_sub(header.bytes);
        if header.data_bytes() != Some(follow) {
            return Err(fail(format!("claims shape {:?} of type {}, but {follow} bytes follow", header.shape, header.descr)));
        }
        let trusted = packed.saturating_mul(RATIO_TRUSTED).min(follow) / header.item_bytes().unwrap_or(1);
        let entries = npy::read_entries(&mut entry, &header, decode, trusted as usize)
            .map_err(|error| archive_error(path, error.into()))?;
        // The checksum is compared at the end of the entry: read up to it.
        match entry.read(&mut [0]) {
            Ok(0) => Ok(RawArray { shape: header.shape, fortran_order: header.fortran_order, entries }),
            Ok(_) => Err(fail("is longer than it claims".into())),
            Err(error) => Err(archive_error(path, error.into())),
        }
    }

    /// The names of the arrays that are there.
    fn present(&self) -> String {
        let names = self.archive.file_names().flatten().filter_map(|name| name.strip_suffix(".npy").map(str::to_owned));
        in_words(names.collect())
    }
}

/// Names of arrays in words.
pub(super) fn in_words(mut names: Vec<String>) -> String {
    names.sort();
    match names.len() {
        0 => "no arrays".into(),
        1..=20 => names.join(", "),
        more => format!("{} and {} more", names[..20].join(", "), more - 20),
    }
}

/// What type an array must have, in words.
fn wanted(name: &str) -> &'static str {
    if matches!(name, "labels" | "multiplicity") { "integers" } else { "float32 or float64 numbers" }
}

fn entry_name(name: &str) -> String {
    format!("{name}.npy")
}

pub(super) fn archive_error(path: &Path, error: zip::result::ZipError) -> NpzError {
    // A disk that fails has a system error number; a short or damaged archive has none.
    match error {
        zip::result::ZipError::Io(source) if source.raw_os_error().is_some() => NpzError::Io { path: path.into(), source },
        other => NpzError::Archive { path: path.into(), message: other.to_string() },
    }
}

/// Refuses sizes that the file cannot hold, before anything is unpacked.
pub(super) fn check_claims(method: CompressionMethod, packed: u64, unpacked: u64, file_bytes: u64) -> Result<(), String> {
    if unpacked > ENTRY_BYTES_MAX {
        return Err(format!("claims {unpacked} bytes; at most {ENTRY_BYTES_MAX} are read"));
    }
    if packed > file_bytes {
        return Err(format!("claims {packed} packed bytes, but the file has only {file_bytes}"));
    }
    match method {
        CompressionMethod::Stored if packed == unpacked => Ok(()),
        CompressionMethod::Stored => Err(format!("is stored, yet claims {packed} bytes packed and {unpacked} unpacked")),
        CompressionMethod::Deflated if unpacked <= packed.saturating_mul(DEFLATE_RATIO_MAX).saturating_add(1 << 10) => Ok(()),
        CompressionMethod::Deflated => Err(format!("claims to unpack {packed} bytes to {unpacked}, which deflate cannot do")),
        other => Err(format!("is compressed with {other}; use numpy.savez or numpy.savez_compressed")),
    }
}

/// Writes a point of a shape as W, H, b (where there is one), labels and, where the shape is collapsed, multiplicities. The columns of H are features in either case.
///
/// See [`write()`] for the bytes. Unlike there the disk is not waited for: a run has thousands of points, and one that resumes reads them all.
pub fn write_point(path: &Path, point: &Point, shape: &Shape) -> Result<(), NpzError> {
    let h = point.features(shape);
    let fill = |file: &mut File| put_arrays(file, point, &h, Some(shape.labels()), shape.multiplicities(), &BTreeMap::new());
    super::atomic::write_unsynced(path, fill).map_err(|source| NpzError::Io { path: path.into(), source })
}

/// Writes a point as W, H, b (where there is one), labels and further matrices, under names of the caller's choice.
///
/// The bytes depend on the arguments alone (times in the archive are fixed). They go to a file beside `path` that is renamed when it is complete, so
/// `path` never holds half a point. H is written in Fortran order, as it lies in memory: NumPy sees a d×N array.
pub fn write(
    path: &Path,
    point: &Point,
    labels: Option<&[usize]>,
    extra: &BTreeMap<&str, &DMatrix<f64>>,
) -> Result<(), NpzError> {
    let fill = |file: &mut File| put_arrays(file, point, point.parts().1, labels, None, extra);
    super::write_atomically(path, fill).map_err(|source| NpzError::Io { path: path.into(), source })
}

/// Archives up to this size are put together in memory: the archive goes back to the head of every array, which costs system calls in a file.
const IN_MEMORY_BYTES: usize = 1 << 20;

/// Puts the arrays of a point with `h` for its H into an archive.
fn put_arrays(
    file: &mut File,
    point: &Point,
    h: &[f64],
    labels: Option<&[usize]>,
    multiplicity: Option<&[u64]>,
    extra: &BTreeMap<&str, &DMatrix<f64>>,
) -> io::Result<()> {
    let entries =
        point.as_slice().len() + labels.map_or(0, <[usize]>::len) + extra.values().map(|matrix| matrix.len()).sum::<usize>();
    if size_of::<f64>() * entries <= IN_MEMORY_BYTES {
        let archive = ZipWriter::new(io::Cursor::new(Vec::new()));
        let bytes = archived(archive, point, h, labels, multiplicity, extra)?.into_inner();
        return file.write_all(&bytes);
    }
    let archive = ZipWriter::new(BufWriter::new(file));
    archived(archive, point, h, labels, multiplicity, extra)?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

/// The archive with its arrays; returns what it was written to.
fn archived<A: Write + Seek>(
    mut archive: ZipWriter<A>,
    point: &Point,
    h: &[f64],
    labels: Option<&[usize]>,
    multiplicity: Option<&[u64]>,
    extra: &BTreeMap<&str, &DMatrix<f64>>,
) -> io::Result<A> {
    let (w, columns) = (point.w(), point.h().ncols());
    put(&mut archive, "W", &[w.nrows(), w.ncols()], w.iter().copied())?;
    put(&mut archive, "H", &[point.width(), columns], h.iter().copied())?;
    if point.has_bias() {
        put(&mut archive, "b", &[point.b().len()], point.b().iter().copied())?;
    }
    if let Some(labels) = labels {
        put(&mut archive, "labels", &[labels.len()], labels.iter().map(|&label| label as i64))?;
    }
    if let Some(multiplicity) = multiplicity {
        // Whoever counts samples has at most 2⁵³ of them.
        put(&mut archive, "multiplicity", &[multiplicity.len()], multiplicity.iter().map(|&m| m as i64))?;
    }
    for (name, matrix) in extra {
        put(&mut archive, name, &[matrix.nrows(), matrix.ncols()], matrix.as_slice().iter().copied())?;
    }
    Ok(archive.finish()?)
}

/// One array, stored without compression: the digits of floats do not compress.
fn put<T, A>(archive: &mut ZipWriter<A>, name: &str, shape: &[usize], entries: impl Iterator<Item = T>) -> io::Result<()>
where
    T: npy::Number,
    A: Write + Seek,
{
    let bytes = shape.iter().fold(size_of::<T>(), |bytes, &size| bytes.saturating_mul(size));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o644)
        .large_file(bytes >= ZIP64_BYTES);
    archive.start_file(entry_name(name), options)?;
    let mut buffered = BufWriter::with_capacity((bytes + 256).min(1 << 16), archive);
    npy::write(&mut buffered, shape, entries)?;
    buffered.flush()
}

#[cfg(test)]
#[path = "npz_tests.rs"]
mod tests;
