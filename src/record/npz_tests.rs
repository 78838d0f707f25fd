//! Round trips, NumPy as an outside reader, and damaged files that must be refused.

use std::process::Command;

use super::*;
use crate::model::{Bias, Shape};

fn point(bias: Bias) -> (Shape, Point) {
    let shape = Shape::balanced(3, 2, 2).unwrap();
    let entries = (0..shape.dimension(bias)).map(|i| (i as f64).sin() / 3.0).collect();
    let point = Point::from_vec(&shape, bias, entries);
    (shape, point)
}

fn written(bias: Bias) -> (tempfile::TempDir, PathBuf, Shape, Point) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("point.npz");
    let (shape, point) = point(bias);
    write(&path, &point, Some(shape.labels()), &BTreeMap::new()).unwrap();
    (folder, path, shape, point)
}

/// An archive of entries given as bytes.
fn archive(path: &Path, method: CompressionMethod, entries: &[(&str, Vec<u8>)]) {
    let mut archive = ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in entries {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// A `.npy` file from its header's text and its data.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn array(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"), data)
}

fn doubles(entries: &[f64]) -> Vec<u8> {
    entries.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn message_of(entries: &[(&str, Vec<u8>)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    archive(&path, CompressionMethod::Deflated, entries);
    let message = read(&path).unwrap_err().to_string();
    message.replace(&format!("{}: ", path.display()), "")
}

#[test]
fn points_round_trip_bit_for_bit() {
    for bias in [Bias::None, Bias::Free] {
        let (_folder, path, shape, point) = written(bias);
        let back = read(&path).unwrap();
        assert_eq!(back.labels.as_deref(), Some(shape.labels()));
        assert_eq!(Point::from_arrays(&shape, &back.w, &back.h, back.b.as_deref()).unwrap(), point);
    }
}

#[test]
fn equal_points_make_equal_bytes() {
    let (_one, first, _, _) = written(Bias::Free);
    let (_two, second, _, _) = written(Bias::Free);
    assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
}

#[test]
fn both_orders_and_widths_are_read_and_other_arrays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let singles: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let entries = [
            ("W.npy", array(">f4", "False", "(2, 3)", &singles)),
            ("H.npy", array("<f8", "True", "(3, 2)", &doubles(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))),
            ("labels.npy", array("|u1", "False", "(2,)", &[1, 0])),
            ("note.npy", array("|O", "False", "(1,)", b"pickle")),
            ("readme.txt", b"hello".to_vec()),
        ];
        archive(&path, method, &entries);
        let point = read(&path).unwrap();
        assert_eq!(point.w, DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert_eq!(point.h, DMatrix::from_column_slice(3, 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert_eq!((point.b, point.labels), (None, Some(vec![1, 0])));
    }
}

#[test]
fn unusable_arrays_are_named() {
    let w = || ("W.npy", array("<f8", "False", "(2, 1)", &doubles(&[1.0, 2.0])));
    let h = || ("H.npy", array("<f8", "False", "(1, 2)", &doubles(&[1.0, 2.0])));
    let labels = |descr, data: &[u8]| ("labels.npy", array(descr, "False", "(2,)", data));
    assert_eq!(message_of(&[w(), ("h.npy", vec![])]), "no array named \"H\"; the file holds W, h");
    assert_eq!(message_of(&[("a.txt", vec![])]), "no array named \"W\"; the file holds no arrays");
    assert_eq!(
        message_of(&[("W.npy", array("|O", "False", "(2, 1)", b"pickled object.."))]),
        "array \"W\" is an object array (pickle), which is not read: save it with a numeric dtype"
    );
    let wrong = message_of(&[("W.npy", array("<i8", "False", "(2, 1)", &doubles(&[1.0, 2.0])))]);
    assert_eq!(wrong, "array \"W\" has type <i8; float32 or float64 numbers are needed");
    let wrong = message_of(&[w(), h(), labels("<f8", &doubles(&[0.0, 1.0]))]);
    assert_eq!(wrong, "array \"labels\" has type <f8; integers are needed");
    assert_eq!(message_of(&[w(), h(), labels("|i1", &[0, 255])]), "array \"labels\" holds -1 for sample 1; classes count from 0");
    let flat = ("W.npy", array("<f8", "False", "(2,)", &doubles(&[1.0, 2.0])));
    assert_eq!(message_of(&[flat]), "array \"W\" has 1 axes; it must have two");
    let rows = ("H.npy", array("<f8", "False", "(2, 1)", &doubles(&[1.0, 2.0])));
    assert_eq!(
        message_of(&[w(), rows]),
        "array \"H\" is 2×1, but W is 2×1, so H must have 1 rows; features are columns: save H.T"
    );
    let b = ("b.npy", array("<f8", "False", "(1,)", &doubles(&[1.0])));
    assert_eq!(message_of(&[w(), h(), b]), "array \"b\" has 1 entries, but W has 2 rows");
}

#[test]
fn claims_that_the_bytes_do_not_keep_are_refused() {
    // 2^40 entries in 16 bytes; a product that overflows; a header of 4 GB.
    let claim = |shape| message_of(&[("W.npy", array("<f8", "False", shape, &doubles(&[1.0, 2.0])))]);
    assert!(claim("(1048576, 1048576)").contains("but 16 bytes follow"), "{}", claim("(1048576, 1048576)"));
    assert!(claim("(4294967296, 4294967296)").contains("but 16 bytes follow"));
    let mut long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    long.extend([b' '; 100]);
    assert_eq!(message_of(&[("W.npy", long)]), "array \"W\" claims a header of 4294967295 bytes");
    assert_eq!(message_of(&[("W.npy", b"not an array at all".to_vec())]), "array \"W\" has no .npy header");
    assert!(check_claims(CompressionMethod::Deflated, 1000, 2_000_000, 5000).unwrap_err().contains("deflate cannot"));
    assert!(check_claims(CompressionMethod::Stored, 10, 20, 5000).unwrap_err().contains("stored"));
    assert!(check_claims(CompressionMethod::Stored, 6000, 6000, 5000).unwrap_err().contains("only 5000"));
    assert!(check_claims(CompressionMethod::Deflated, 1 << 33, 65 << 30, u64::MAX).unwrap_err().contains("at most"));
}

#[test]
fn every_truncation_and_every_flipped_byte_is_refused_or_harmless() {
    let (_folder, path, _, _) = written(Bias::Free);
    let whole = std::fs::read(&path).unwrap();
    let intact = read(&path).unwrap();
    for length in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = read(&path).unwrap_err();
        assert!(!error.is_disk(), "{error}");
    }
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        // A flip may hit a date, a flag or an optional array's name: then everything read is still as it was.
        if let Ok(point) = read(&path) {
            assert_eq!((&point.w, &point.h), (&intact.w, &intact.h), "byte {position}");
        }
    }
    assert!(read(Path::new("/nonexistent/x.npz")).unwrap_err().to_string().contains("No such file"));
}

/// NumPy is an oracle that this crate shares nothing with.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped check must be visible")]
fn numpy_reads_what_is_written() {
    let (_folder, path, _, point) = written(Bias::Free);
    let script = "import sys, numpy as np\nz = np.load(sys.argv[1])\n\
        print(sorted(z.files), z['W'].shape, z['H'].shape, z['b'].shape, z['labels'].tolist(), z['labels'].dtype)\n\
        print(float(z['H'][1, 4]).hex(), float(z['W'][2, 0]).hex())";
    let output = Command::new("python3").args(["-c", script]).arg(&path).output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        _ => return eprintln!("SKIPPED numpy_reads_what_is_written: python3 with numpy is not installed"),
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "['H', 'W', 'b', 'labels'] (3, 2) (2, 6) (3,) [0, 0, 1, 1, 2, 2] int64");
    let parsed: Vec<f64> = lines[1].split(' ').map(parse_hexadecimal).collect();
    assert_eq!(parsed, [point.h()[(1, 4)], point.w()[(2, 0)]]);
}

/// A float as Python's `float.hex` prints it.
fn parse_hexadecimal(text: &str) -> f64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let (mantissa, exponent) = digits.strip_prefix("0x1.").unwrap().split_once('p').unwrap();
    let bits = u64::from_str_radix(mantissa, 16).unwrap() | 1 << 52;
    sign * bits as f64 * f64::powi(2.0, exponent.parse::<i32>().unwrap() - 52)
}
