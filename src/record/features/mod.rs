//! Features and classifiers of the user's own: `.npz` and `.safetensors` files, arrays under any name, features as columns or rows.
//!
//! Features are read in blocks of samples and never held whole, so a file may be much larger than memory. Without memory maps (`unsafe` is denied here) blocks come through plain reads of the file; the
//! system's cache makes the second pass as fast as a map would.
//!
//! Files come from outside, so nothing they claim is believed: sizes are compared with each other and with the file before memory is reserved, every number is looked at, and checksums are compared.

mod archive;
mod blocks;
mod safetensors;

use std::io;
use std::path::{Path, PathBuf};

use nalgebra::DMatrix;

pub(super) use archive::Archive;
use archive::{Entry, Wanted};

/// Entries of W that are held in memory at most: 2 GiB.
const ENTRIES_MAX: usize = 1 << 28;

/// Entries of arrays of one axis at most, labels above all: 1 GiB while they are read.
const SAMPLES_MAX: usize = 1 << 26;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {message}")]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what is allowed.
        message: String,
    },
    /// `--layout` is needed.
    #[error("{path}: H is {rows}×{columns}: as many samples as components, so columns and rows look alike")]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Rows of the array.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
}

impl FeatureError {
    /// Whether the disk failed (rather than the input being wrong).
    pub fn is_disk(&self) -> bool {
        let input = [io::ErrorKind::NotFound, io::ErrorKind::IsADirectory, io::ErrorKind::PermissionDenied];
        matches!(self, FeatureError::Io { source, .. } if !input.contains(&source.kind()))
    }
}

/// How features stand in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// d×N: a sample is a column.
    Columns,
    /// N×d: a sample is a row, as PyTorch has them.
    Rows,
}

/// Under which names the arrays stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The classifier, K×d.
    pub w: String,
    /// The bias, K.
    pub b: String,
    /// The features.
    pub h: String,
    /// The class of every sample.
    pub labels: String,
    /// How many samples each feature stands for.
    pub multiplicity: String,
    /// Features of test samples.
    pub h_test: String,
    /// Their classes.
    pub labels_test: String,
    /// Names among these that were asked for: what is missing under such a name is a fault.
    pub asked: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        let [w, b, h, labels, multiplicity, h_test, labels_test] =
            ["W", "b", "H", "labels", "multiplicity", "H_test", "labels_test"].map(String::from);
        Self { w, b, h, labels, multiplicity, h_test, labels_test, asked: Vec::new() }
    }
}

/// Features in a file, not yet read, with their labels.
#[derive(Clone, Debug)]
pub struct Samples {
    /// The class of every feature.
    pub labels: Vec<usize>,
    /// How many samples every feature stands for, where the file says so.
    pub multiplicity: Option<Vec<u64>>,
    /// How they stand in the array.
    pub layout: Layout,
    /// d.
    width: usize,
    entry: Entry,
}

/// An open file: the classifier read, the features to be read in blocks.
#[derive(Debug)]
pub struct FeatureFile {
    /// W, K×d, finite.
    pub w: DMatrix<f64>,
    /// b, K entries, finite, where the file has it.
    pub b: Option<Vec<f64>>,
    /// The samples that the network was trained on.
    pub train: Samples,
    /// Test samples, where the file has them.
    pub test: Option<Samples>,
    archive: Archive,
}

impl FeatureFile {
    /// Opens a file and reads all but the features. `layout` decides where sizes do not.
    pub fn open(path: &Path, names: &Names, layout: Option<Layout>) -> Result<Self, FeatureError> {
        let mut archive = Archive::open(path)?;
        // All sizes are compared before anything is unpacked.
        let w = archive.entry(&names.w, Wanted::Floats)?;
        let h = archive.entry(&names.h, Wanted::Floats)?;
        let labels = archive.entry(&names.labels, Wanted::Labels)?;
        let [classes, width] = archive.two_axes(&w)?;
        if classes.saturating_mul(width) > ENTRIES_MAX {
            return Err(archive.bad(&w, format!("has {classes}×{width} entries; at most {ENTRIES_MAX} are read")));
        }
        let samples = archive.one_axis(&labels)?;
        let layout = archive.layout(&h, [width, samples], layout, &w, &labels)?;
        let b = archive.optional(&names.b, names, Wanted::Floats)?;
        if let Some(b) = &b {
            let length = archive.one_axis(b)?;
            if length != classes {
                return Err(archive.bad(b, format!("has {length} entries, but {} has {classes} rows", w.name)));
            }
        }
        let multiplicity = archive.optional(&names.multiplicity, names, Wanted::Counts)?;
        let train = archive.samples(h, labels, multiplicity, layout, width, samples)?;
        let test = archive.test_samples(names, layout, width)?;
        let w = archive.matrix(&w, [classes, width])?;
        let b = b.map(|b| archive.finite_vector(&b)).transpose()?;
        Ok(Self { w, b, train, test, archive })
    }

    /// Calls `visit` with blocks of `block` features (the last may be smaller), column-major d×count, in order. Every number is looked at: entries that are not finite end in an error that counts and
    /// locates them, once all have been read.
    pub fn for_each_block(&mut self, samples: &Samples, block: usize, visit: &mut dyn FnMut(&[f64])) -> Result<(), FeatureError> {
        self.archive.for_each_block(samples, block, visit)
    }

    /// All features, d×N.
    pub fn whole(&mut self, samples: &Samples) -> Result<DMatrix<f64>, FeatureError> {
        let mut entries = Vec::new();
        self.for_each_block(samples, 4096, &mut |block| entries.extend_from_slice(block))?;
        Ok(DMatrix::from_vec(samples.width, entries.len() / samples.width.max(1), entries))
    }
}

impl Samples {
    /// The number of features.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Bytes of the features in the file, unpacked.
    pub fn bytes(&self) -> u64 {
        self.entry.header.data_bytes().unwrap_or(0)
    }
}
