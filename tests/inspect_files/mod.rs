//! What the tests of `ufm inspect` share: archives written byte by byte, and the command.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// One array: its name, NumPy's type and order, its shape, its bytes.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) name: &'static str,
    pub(crate) descr: &'static str,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Array {
    /// A C-ordered array of doubles.
    pub(crate) fn doubles(name: &'static str, shape: &[usize], entries: &[f64]) -> Self {
        let bytes = entries.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { name, descr: "<f8", fortran: false, shape: shape.to_vec(), bytes }
    }

    /// The same in single precision.
    pub(crate) fn singles(name: &'static str, shape: &[usize], entries: &[f64]) -> Self {
        let bytes = entries.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
        Self { descr: "<f4", bytes, ..Self::doubles(name, shape, &[]) }
    }

    /// Integers of eight bytes.
    pub(crate) fn integers(name: &'static str, entries: &[i64]) -> Self {
        let bytes = entries.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { descr: "<i8", bytes, ..Self::doubles(name, &[entries.len()], &[]) }
    }

    /// The `.npy` file.
    fn npy(&self) -> Vec<u8> {
        let sizes: String = self.shape.iter().map(|size| format!("{size}, ")).collect();
        let order = if self.fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{}', 'fortran_order': {order}, 'shape': ({sizes}), }}\n", self.descr);
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((header.len() as u16).to_le_bytes());
        out.extend(header.as_bytes());
        out.extend(&self.bytes);
        out
    }
}

/// Writes an `.npz`.
pub(crate) fn npz(path: &Path, packed: bool, arrays: &[Array]) {
    let method = if packed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut archive = ZipWriter::new(File::create(path).unwrap());
    for array in arrays {
        archive.start_file(format!("{}.npy", array.name), SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(&array.npy()).unwrap();
    }
    archive.finish().unwrap();
}

/// Writes a `.safetensors` (C order only).
pub(crate) fn safetensors(path: &Path, arrays: &[Array]) {
    let mut head = serde_json::Map::new();
    head.insert("__metadata__".into(), serde_json::json!({ "format": "pt" }));
    let mut data: Vec<u8> = Vec::new();
    for array in arrays {
        assert!(!array.fortran, "safetensors are in C order");
        let dtype = match array.descr {
            "<f8" => "F64",
            "<f4" => "F32",
            "<f2" => "F16",
            _ => "I64",
        };
        let end = data.len() + array.bytes.len();
        head.insert(
            array.name.into(),
            serde_json::json!({ "dtype": dtype, "shape": array.shape, "data_offsets": [data.len(), end] }),
        );
        data.extend(&array.bytes);
    }
    let head = serde_json::to_vec(&head).unwrap();
    let mut out = (head.len() as u64).to_le_bytes().to_vec();
    out.extend(head);
    out.extend(data);
    std::fs::write(path, out).unwrap();
}

/// Three classes of different sizes in four dimensions: W, H (d×N), b, labels, of numbers that single precision holds exactly.
pub(crate) struct Small {
    pub(crate) w: Vec<f64>,
    pub(crate) h: Vec<f64>,
    pub(crate) b: Vec<f64>,
    pub(crate) labels: Vec<i64>,
}

/// K, d, N of [`small`].
pub(crate) const SMALL: (usize, usize, usize) = (3, 4, 13);

/// A point without any symmetry.
pub(crate) fn small() -> Small {
    let (classes, width, samples) = SMALL;
    let labels: Vec<i64> = (0..samples).map(|i| [0, 2, 1, 2, 0, 1, 1, 0, 2, 2, 0, 1, 0][i]).collect();
    let number = |seed: usize| ((seed * 2_654_435_761 % 4093) as f64 - 2046.0) / 1024.0;
    let w: Vec<f64> = (0..classes * width).map(|i| number(i + 1)).collect();
    let noise = |a: usize, i: usize| number(100 + a * samples + i) / 4.0;
    let h = (0..width * samples)
        .map(|k| 1.5 * w[labels[k % samples] as usize * width + k / samples] + noise(k / samples, k % samples));
    Small { h: h.collect(), b: vec![0.25, -0.5, 0.125], w, labels }
}

impl Small {
    /// Its arrays, H as d×N in C order.
    pub(crate) fn arrays(&self) -> Vec<Array> {
        let (classes, width, samples) = SMALL;
        vec![
            Array::doubles("W", &[classes, width], &self.w),
            Array::doubles("H", &[width, samples], &self.h),
            Array::doubles("b", &[classes], &self.b),
            Array::integers("labels", &self.labels),
        ]
    }

    /// H with a sample a row.
    pub(crate) fn rows(&self) -> Vec<f64> {
        let (_, width, samples) = SMALL;
        (0..width * samples).map(|k| self.h[k % width * samples + k / width]).collect()
    }
}

/// Exit code, standard output and standard error of `ufm inspect` with these arguments.
pub(crate) fn inspect(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ufm")).arg("inspect").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// The document of a file that is right.
pub(crate) fn document(path: &Path, more: &[&str]) -> serde_json::Value {
    let (code, out, error) = inspect(&[&[path.to_str().unwrap(), "--json"], more].concat());
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}
