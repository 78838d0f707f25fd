//! Arrays in `.npz` and `.safetensors` files by name, their sizes before their contents.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use nalgebra::DMatrix;
use zip::{CompressionMethod, ZipArchive};

use super::super::npy::{self, Header};
use super::super::npz;
use super::safetensors::{self, Placed};
use super::{FeatureError, Layout, Names, SAMPLES_MAX, Samples};

/// What an array must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::record) enum Wanted {
    /// float32 or float64.
    Floats,
    /// Integers from 0.
    Labels,
    /// Integers from 1.
    Counts,
}

/// An array that is there, of a type that can be read.
#[derive(Clone, Debug)]
pub(in crate::record) struct Entry {
    pub(super) name: String,
    pub(super) header: Header,
    pub(super) place: Place,
}

/// Where an array's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Plain in the file from this byte on.
    Plain(u64),
    /// In an entry of the archive; where it is stored plainly, its bytes begin there.
    Zip(usize, Option<u64>),
}

/// An open file.
#[derive(Debug)]
pub(in crate::record) struct Archive {
    pub(super) path: PathBuf,
    file_bytes: u64,
    pub(super) content: Content,
}

/// What kind of file it is.
#[derive(Debug)]
pub(super) enum Content {
    Zip(ZipArchive<BufReader<File>>),
    Safetensors(File, BTreeMap<String, Placed>),
}

impl Archive {
    /// Opens a file; its first bytes say what it is.
    pub(super) fn open(path: &Path) -> Result<Self, FeatureError> {
        let io = |source| FeatureError::Io { path: path.into(), source };
        let bad = |message: String| FeatureError::Bad { path: path.into(), message };
        let mut file = File::open(path).map_err(io)?;
        let file_bytes = file.metadata().map_err(io)?.len();
        let mut start = Vec::new();
        file.by_ref().take(6).read_to_end(&mut start).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let content = if path.extension().is_some_and(|ending| ending == "safetensors") {
            let arrays = safetensors::read_head(&mut BufReader::new(&file), file_bytes).map_err(bad)?;
            Content::Safetensors(file, arrays)
        } else if start.starts_with(b"PK") {
            let archive = ZipArchive::new(BufReader::with_capacity(1 << 20, file)).map_err(|error| archive_error(path, error))?;
            if archive.file_names().flatten().any(|name| name.ends_with("data.pkl")) {
                return Err(bad(pickle("a PyTorch checkpoint")));
            }
            Content::Zip(archive)
        } else if start.first() == Some(&0x80) {
            return Err(bad(pickle("a pickle")));
        } else if start == b"\x93NUMPY" {
            return Err(bad(
                "is a single array (.npy); save all of them in one file: numpy.savez(FILE, W=…, H=…, labels=…)".into()
            ));
        } else {
            return Err(bad("not a complete .npz archive, and its name does not end in .safetensors".into()));
        };
        Ok(Self { path: path.into(), file_bytes, content })
    }

    /// A fault of an array.
    pub(super) fn bad(&self, entry: &Entry, message: impl std::fmt::Display) -> FeatureError {
        self.bad_array(&entry.name, message)
    }

    fn bad_array(&self, name: &str, message: impl std::fmt::Display) -> FeatureError {
        FeatureError::Bad { path: self.path.clone(), message: format!("array {name:?} {message}") }
    }

    fn has(&self, name: &str) -> bool {
        match &self.content {
            Content::Zip(archive) => archive.index_for_name(&format!("{name}.npy")).is_some(),
            Content::Safetensors(_, arrays) => arrays.contains_key(name),
        }
    }

    /// The array of this name where it is there; a name that was asked for must be.
    pub(super) fn optional(&mut self, name: &str, names: &Names, wanted: Wanted) -> Result<Option<Entry>, FeatureError> {
        let needed = self.has(name) || names.asked.iter().any(|asked| asked == name);
        needed.then(|| self.entry(name, wanted)).transpose()
    }

    /// The array of this name, its type and the size of its bytes checked.
    pub(super) fn entry(&mut self, name: &str, wanted: Wanted) -> Result<Entry, FeatureError> {
        if !self.has(name) {
            let message = format!("no array named {name:?}; the file holds {}", npz::in_words(self.names()));
            return Err(FeatureError::Bad { path: self.path.clone(), message });
        }
        let (header, place) = match &mut self.content {
            Content::Safetensors(_, arrays) => {
                let placed = arrays[name].clone();
                (placed.header, Place::Plain(placed.start))
            }
            Content::Zip(_) => self.zip_entry(name)?,
        };
        if header.descr.ends_with('O') {
            return Err(self.bad_array(name, "is an object array (pickle), which is not read: save it with a numeric dtype"));
        }
        let kind = header.descr.get(1..).unwrap_or_default();
        let known = match wanted {
            Wanted::Floats => npy::float(kind).is_some(),
            _ => npy::integer(kind).is_some(),
        };
        if !known {
            let needed = if wanted == Wanted::Floats { "float32 or float64 numbers" } else { "integers" };
            return Err(self.bad_array(name, format!("has type {}; {needed} are needed", header.descr)));
        }
        Ok(Entry { name: name.to_owned(), header, place })
    }

    fn zip_entry(&mut self, name: &str) -> Result<(Header, Place), FeatureError> {
        let (path, file_bytes) = (self.path.clone(), self.file_bytes);
        let bad = |message: String| FeatureError::Bad { path: path.clone(), message: format!("array {name:?} {message}") };
        let Content::Zip(archive) = &mut self.content else { unreachable!("the caller has seen an archive") };
        let position = archive.index_for_name(&format!("{name}.npy")).unwrap_or_default();
        let mut entry = archive.by_index(position).map_err(|error| archive_error(&path, error))?;
        let (packed, unpacked, method) = (entry.compressed_size(), entry.size(), entry.compression());
        npz::check_claims(method, packed, unpacked, file_bytes).map_err(bad)?;
        let header = npy::read_header(&mut entry).map_err(bad)?;
        let follow = unpacked.saturating_sub(header.bytes);
        if !header.descr.ends_with('O') && header.data_bytes() != Some(follow) {
            return Err(bad(format!("claims shape {:?} of type {}, but {follow} bytes follow", header.shape, header.descr)));
        }
        let stored = (method == CompressionMethod::Stored).then(|| entry.data_start()).flatten();
        let start = stored.map(|start| start + header.bytes);
        Ok((header, Place::Zip(position, start)))
    }

    /// The names of the arrays that are there.
    fn names(&self) -> Vec<String> {
        match &self.content {
            Content::Zip(archive) => {
                archive.file_names().flatten().filter_map(|name| name.strip_suffix(".npy").map(str::to_owned)).collect()
            }
            Content::Safetensors(_, arrays) => arrays.keys().cloned().collect(),
        }
    }

    pub(super) fn two_axes(&self, entry: &Entry) -> Result<[usize; 2], FeatureError> {
        match entry.header.shape[..] {
            [rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
            [rows, columns] => Err(self.bad(entry, format!("is empty ({rows}×{columns})"))),
            ref shape => Err(self.bad(entry, format!("has {} axes; it must have two", shape.len()))),
        }
    }

    pub(super) fn one_axis(&self, entry: &Entry) -> Result<usize, FeatureError> {
        let shape = &entry.header.shape;
        if shape.is_empty() || shape.iter().filter(|&&size| size != 1).count() > 1 {
            return Err(self.bad(entry, format!("has shape {shape:?}; it must have one axis")));
        }
        let length = shape.iter().product();
        if length > SAMPLES_MAX {
            return Err(self.bad(entry, format!("has {length} entries; at most {SAMPLES_MAX} are read")));
        }
        Ok(length)
    }

    /// How features of this width and number stand in an array.
    pub(super) fn layout(
        &self,
        h: &Entry,
        [width, samples]: [usize; 2],
        asked: Option<Layout>,
        w: &Entry,
        labels: &Entry,
    ) -> Result<Layout, FeatureError> {
        let [rows, columns] = self.two_axes(h)?;
        let fits = |layout| match layout {
            Layout::Columns => [rows, columns] == [width, samples],
            Layout::Rows => [columns, rows] == [width, samples],
        };
        let others = format!("{} has {width} columns (d) and {} has {samples} entries (N)", w.name, labels.name);
        let found = match asked {
            Some(layout) => fits(layout).then_some(layout),
            // NumPy calls arrays of one axis C-ordered; this program's own files do not, and their features are columns.
            None if labels.header.fortran_order && labels.header.shape.len() == 1 && fits(Layout::Columns) => {
                Some(Layout::Columns)
            }
            None if fits(Layout::Columns) && fits(Layout::Rows) && width > 1 => {
                return Err(FeatureError::Ambiguous { path: self.path.clone(), rows, columns });
            }
            None => [Layout::Columns, Layout::Rows].into_iter().find(|&layout| fits(layout)),
        };
        let needed = match asked {
            Some(Layout::Columns) => format!("{width}×{samples}"),
            Some(Layout::Rows) => format!("{samples}×{width}"),
            None => format!("{width}×{samples} (features as columns) or {samples}×{width} (as rows)"),
        };
        found.ok_or_else(|| self.bad(h, format!("is {rows}×{columns}, but {others}: it must be {needed}")))
    }

    /// Features with their labels.
    pub(super) fn samples(
        &mut self,
        h: Entry,
        labels: Entry,
        multiplicity: Option<Entry>,
        layout: Layout,
        width: usize,
        samples: usize,
    ) -> Result<Samples, FeatureError> {
        if let Some(multiplicity) = &multiplicity {
            let length = self.one_axis(multiplicity)?;
            if length != samples {
                return Err(self.bad(multiplicity, format!("has {length} entries, but there are {samples} features")));
            }
        }
        let found = self.integers(&labels)?;
        let class = |(sample, &label): (usize, &i128)| usize::try_from(label).map_err(|_| (sample, label));
        let labels = match found.iter().enumerate().map(class).collect() {
            Ok(labels) => labels,
            Err((sample, label)) => {
                return Err(self.bad(&labels, format!("holds {label} for sample {sample}; classes count from 0")));
            }
        };
        let multiplicity = match multiplicity {
            Some(entry) => {
                let found = self.integers(&entry)?;
                let count = |(i, &m): (usize, &i128)| u64::try_from(m).ok().filter(|&m| m > 0).ok_or((i, m));
                let all: Result<Vec<u64>, _> = found.iter().enumerate().map(count).collect();
                Some(all.map_err(|(i, m)| self.bad(&entry, format!("holds {m} for column {i}; it must be at least 1")))?)
            }
            None => None,
        };
        Ok(Samples { labels, multiplicity, layout, width, entry: h })
    }

    /// Test features, where they and their labels are there.
    pub(super) fn test_samples(&mut self, names: &Names, layout: Layout, width: usize) -> Result<Option<Samples>, FeatureError> {
        let h = self.optional(&names.h_test, names, Wanted::Floats)?;
        let labels = self.optional(&names.labels_test, names, Wanted::Labels)?;
        let (Some(h), Some(labels)) = (h, labels) else { return Ok(None) };
        let samples = self.one_axis(&labels)?;
        let w = Entry { name: names.w.clone(), ..h.clone() };
        let layout = self.layout(&h, [width, samples], Some(layout), &w, &labels)?;
        Ok(Some(self.samples(h, labels, None, layout, width, samples)?))
    }

    /// A reader of an array's bytes from its first entry on.
    pub(super) fn bytes(&mut self, entry: &Entry) -> Result<Box<dyn Read + '_>, FeatureError> {
        let path = self.path.clone();
        match (&mut self.content, entry.place) {
            (Content::Safetensors(file, _), Place::Plain(start)) => {
                file.seek(SeekFrom::Start(start)).map_err(|source| FeatureError::Io { path, source })?;
                Ok(Box::new(BufReader::with_capacity(1 << 20, file)))
            }
            (Content::Zip(archive), Place::Zip(position, _)) => {
                let mut found = archive.by_index(position).map_err(|error| archive_error(&path, error))?;
                // What was checked once is there still.
                let _ = npy::read_header(&mut found).map_err(|message| self::bad(&path, &entry.name, message))?;
                Ok(Box::new(found))
            }
            _ => unreachable!("the entry is of this archive"),
        }
    }

    /// A failure of reading an array: of the disk, or of the archive.
    pub(super) fn read_error(&self, error: io::Error) -> FeatureError {
        match &self.content {
            Content::Zip(_) => archive_error(&self.path, error.into()),
            Content::Safetensors(..) if error.kind() == io::ErrorKind::UnexpectedEof => {
                FeatureError::Bad { path: self.path.clone(), message: "not a complete .safetensors file (it ends early)".into() }
            }
            Content::Safetensors(..) => FeatureError::Io { path: self.path.clone(), source: error },
        }
    }

    /// All entries of an array, decoded.
    fn all<T>(&mut self, entry: &Entry, decode: npy::Decode<T>) -> Result<Vec<T>, FeatureError> {
        let found = {
            let mut bytes = self.bytes(entry)?;
            // Memory grows with what arrives, whatever was claimed.
            npy::read_entries(&mut bytes, &entry.header, decode, 0)
                .and_then(|entries| at_end(&mut bytes, entry.place).map(|()| entries))
        };
        found.map_err(|error| self.read_error(error))
    }

    fn integers(&mut self, entry: &Entry) -> Result<Vec<i128>, FeatureError> {
        let decode = npy::integer(entry.header.descr.get(1..).unwrap_or_default()).expect("the type was checked");
        self.all(entry, decode)
    }

    /// A vector of finite numbers.
    pub(super) fn finite_vector(&mut self, entry: &Entry) -> Result<Vec<f64>, FeatureError> {
        let decode = npy::float(entry.header.descr.get(1..).unwrap_or_default()).expect("the type was checked");
        let entries = self.all(entry, decode)?;
        let columns = entry.header.shape.last().copied().unwrap_or(1).max(1);
        let wrong: Vec<usize> = (0..entries.len()).filter(|&i| !entries[i].is_finite()).collect();
        let Some(&first) = wrong.first() else { return Ok(entries) };
        let nan = wrong.iter().filter(|&&i| entries[i].is_nan()).count();
        let place = if entry.header.shape.len() == 2 {
            let at = if entry.header.fortran_order {
                let rows = entry.header.shape[0].max(1);
                (first % rows, first / rows)
            } else {
                (first / columns, first % columns)
            };
            format!("row {}, column {}", at.0, at.1)
        } else {
            format!("entry {first}")
        };
        Err(self.bad(entry, format!("holds {}; the first is {place}", not_finite(nan, wrong.len() - nan))))
    }

    /// A matrix of finite numbers.
    pub(super) fn matrix(&mut self, entry: &Entry, [rows, columns]: [usize; 2]) -> Result<DMatrix<f64>, FeatureError> {
        let entries = self.finite_vector(entry)?;
        Ok(match entry.header.fortran_order {
            true => DMatrix::from_vec(rows, columns, entries),
            false => DMatrix::from_row_slice(rows, columns, &entries),
        })
    }
}

/// Reads to the end of an entry of an archive, where its checksum is compared.
pub(super) fn at_end(bytes: &mut dyn Read, place: Place) -> io::Result<()> {
    match place {
        Place::Plain(_) => Ok(()),
        Place::Zip(..) => match bytes.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an array is longer than it claims")),
        },
    }
}

/// "2 NaN and 1 infinite entries".
pub(super) fn not_finite(nan: usize, infinite: usize) -> String {
    let plural = |count: usize| if count == 1 { "entry" } else { "entries" };
    match (nan, infinite) {
        (nan, 0) => format!("{nan} NaN {}", plural(nan)),
        (0, infinite) => format!("{infinite} infinite {}", plural(infinite)),
        (nan, infinite) => format!("{nan} NaN and {infinite} infinite entries"),
    }
}

fn bad(path: &Path, name: &str, message: String) -> FeatureError {
    FeatureError::Bad { path: path.into(), message: format!("array {name:?} {message}") }
}

fn pickle(what: &str) -> String {
    format!(
        "is {what}, and pickles are not read: export the arrays with numpy.savez(FILE, W=…, b=…, H=…, labels=…), as docs/guide.md shows"
    )
}

fn archive_error(path: &Path, error: zip::result::ZipError) -> FeatureError {
    match npz::archive_error(path, error) {
        npz::NpzError::Io { path, source } => FeatureError::Io { path, source },
        npz::NpzError::Archive { path, message } => {
            FeatureError::Bad { path, message: format!("not a complete .npz archive ({message})") }
        }
        other => FeatureError::Bad { path: path.into(), message: other.to_string() },
    }
}
