//! Files that `ufm inspect` must refuse: each ends with exit code 1, a message that says what is wrong and where, and bounded memory.

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "inspect_files/mod.rs"]
mod files;

use files::{Array, SMALL, document, inspect, npz, safetensors, small};

/// Asserts exit code 1, nothing on standard output, and that standard error names the file and holds every word.
fn refused(path: &Path, more: &[&str], words: &[&str]) {
    let (code, out, error) = inspect(&[&[path.to_str().unwrap()], more].concat());
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    let name = path.file_name().unwrap().to_str().unwrap();
    for word in words.iter().chain([&name]) {
        assert!(error.contains(word), "{word:?} is missing in:\n{error}");
    }
    assert!(!error.contains("panicked"), "{error}");
}

/// A folder, and a file in it of the small point with one array changed.
fn spoilt(change: impl FnOnce(&mut Vec<Array>)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spoilt.npz");
    let mut arrays = small().arrays();
    change(&mut arrays);
    npz(&path, false, &arrays);
    (folder, path)
}

#[test]
fn missing_arrays_are_named_with_what_is_there() {
    for (place, name) in [(0, "W"), (1, "H"), (3, "labels")] {
        let (_folder, path) = spoilt(|arrays| drop(arrays.remove(place)));
        refused(&path, &[], &[&format!("no array named {name:?}; the file holds ")]);
    }
    let (_folder, path) = spoilt(|_| {});
    refused(&path, &["--w", "fc.weight"], &["no array named \"fc.weight\"; the file holds H, W, b, labels"]);
    refused(&path, &["--b", "fc.bias"], &["no array named \"fc.bias\""]);
    refused(&path, &["--h-test", "H_val"], &["no array named \"H_val\""]);
    refused(Path::new("no/such/file.npz"), &[], &["No such file"]);
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let (classes, width, samples) = SMALL;
    let (_folder, path) =
        spoilt(|arrays| arrays[1] = Array::doubles("H", &[width, samples - 1], &vec![0.0; width * (samples - 1)]));
    refused(
        &path,
        &[],
        &[
            "array \"H\" is 4×12, but W has 4 columns (d) and labels has 13 entries (N): it must be 4×13 (features as columns) or 13×4 (as rows)",
        ],
    );
    let (_folder, path) = spoilt(|arrays| arrays[2] = Array::doubles("b", &[classes + 1], &[0.0; 4]));
    refused(&path, &[], &["array \"b\" has 4 entries, but W has 3 rows"]);
    let (_folder, path) = spoilt(|arrays| arrays[0] = Array::doubles("W", &[classes * width], &[0.5; 12]));
    refused(&path, &[], &["array \"W\" has 1 axes; it must have two"]);
    let (_folder, path) = spoilt(|arrays| arrays[0] = Array::doubles("W", &[0, width], &[]));
    refused(&path, &[], &["array \"W\" is empty (0×4)"]);
    let (_folder, path) = spoilt(|arrays| arrays[3].shape = vec![samples, 1, 2]);
    refused(&path, &[], &["claims shape [13, 1, 2] of type <i8, but 104 bytes follow"]);
    let (_folder, path) = spoilt(|_| {});
    refused(&path, &["--layout", "rows"], &["it must be 13×4"]);
    let (_folder, path) = spoilt(|arrays| {
        arrays.push(Array::doubles("H_test", &[width, 3], &[0.0; 12]));
        arrays.push(Array::integers("labels_test", &[0, 1]));
    });
    refused(&path, &[], &["array \"H_test\" is 4×3", "labels_test has 2 entries"]);
}

#[test]
fn layouts_that_look_alike_are_asked_for() {
    let (classes, width, _) = SMALL;
    let entries: Vec<f64> = (0..16).map(|i| f64::from(i * i % 7)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alike.npz");
    let labels = Array::integers("labels", &[0, 1, 2, 0]);
    let arrays = [Array::doubles("W", &[classes, width], &small().w), Array::doubles("H", &[4, 4], &entries), labels];
    npz(&path, false, &arrays);
    refused(&path, &[], &["H is 4×4", "--layout columns", "--layout rows"]);
    let (rows, columns) = (document(&path, &["--layout", "rows"]), document(&path, &["--layout", "columns"]));
    assert_ne!(rows["metrics"]["nc1"], columns["metrics"]["nc1"]);
    let (code, _, error) = inspect(&[path.to_str().unwrap(), "--layout", "row"]);
    assert!(code == 1 && error.contains("a layout is `columns`"), "{error}");
}

#[test]
fn numbers_that_are_none_are_counted_and_located() {
    let (_, width, samples) = SMALL;
    let spoil = |h: &mut [f64], at: &dyn Fn(usize, usize) -> usize| {
        h[at(2, 7)] = f64::NAN;
        h[at(1, 9)] = f64::NEG_INFINITY;
        h[at(3, 12)] = f64::NAN;
    };
    let words = ["array \"H\" holds 2 NaN and 1 infinite entries; the first is component 2 of sample 7"];
    let (_folder, path) = spoilt(|arrays| {
        let mut h = small().h;
        spoil(&mut h, &|a, i| a * samples + i);
        arrays[1] = Array::doubles("H", &[width, samples], &h);
    });
    refused(&path, &[], &words);
    let (_folder, path) = spoilt(|arrays| {
        let mut h = small().rows();
        spoil(&mut h, &|a, i| i * width + a);
        arrays[1] = Array::singles("H", &[samples, width], &h);
    });
    refused(&path, &[], &words);
    let (_folder, path) = spoilt(|arrays| {
        let mut w = small().w;
        w[6] = f64::INFINITY;
        arrays[0] = Array::doubles("W", &[3, 4], &w);
    });
    refused(&path, &[], &["array \"W\" holds 1 infinite entry; the first is row 1, column 2"]);
    let (_folder, path) = spoilt(|arrays| arrays[2] = Array::doubles("b", &[3], &[0.0, f64::NAN, f64::NAN]));
    refused(&path, &[], &["array \"b\" holds 2 NaN entries; the first is entry 1"]);
}

#[test]
fn labels_that_are_none_are_named() {
    let samples = SMALL.2;
    let with = |labels: &[i64]| spoilt(|arrays| arrays[3] = Array::integers("labels", labels));
    let mut labels = small().labels;
    labels[4] = 3;
    let (_folder, path) = with(&labels);
    refused(&path, &[], &["the label of sample 4 is 3, outside 0…2"]);
    labels[4] = -1;
    let (_folder, path) = with(&labels);
    refused(&path, &[], &["array \"labels\" holds -1 for sample 4; classes count from 0"]);
    let (_folder, path) = with(&vec![0; samples]);
    refused(&path, &[], &["class 1"]);
    let (_folder, path) = spoilt(|arrays| arrays[3] = Array::doubles("labels", &[samples], &vec![0.0; samples]));
    refused(&path, &[], &["array \"labels\" has type <f8; integers are needed"]);
    let (_folder, path) = spoilt(|arrays| {
        let point = small();
        arrays.push(Array::doubles("H_test", &[4, 13], &point.h));
        arrays.push(Array::integers("labels_test", &[0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    });
    refused(&path, &[], &["test sample 2 has label 7"]);
}

#[test]
fn objects_pickles_and_other_types_are_refused_unread() {
    let object = |array: &mut Array| (array.descr, array.bytes) = ("|O", b"cos\nsystem\n(S'true'\ntR.".to_vec());
    let (_folder, path) = spoilt(|arrays| object(&mut arrays[0]));
    refused(&path, &[], &["array \"W\" is an object array (pickle), which is not read: save it with a numeric dtype"]);
    let (_folder, path) = spoilt(|arrays| object(&mut arrays[3]));
    refused(&path, &[], &["array \"labels\" is an object array (pickle)"]);
    let (_folder, path) = spoilt(|arrays| (arrays[1].descr, arrays[1].bytes) = ("<f2", vec![0; 104]));
    refused(&path, &[], &["array \"H\" has type <f2; float32 or float64 numbers are needed"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    std::fs::write(&path, b"\x80\x02}q\x00X\x01\x00\x00\x00Wq\x01K\x01s.").unwrap();
    refused(&path, &[], &["is a pickle, and pickles are not read", "docs/guide.md"]);
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    archive.start_file("model/data.pkl", zip::write::SimpleFileOptions::default()).unwrap();
    archive.finish().unwrap();
    refused(&path, &[], &["is a PyTorch checkpoint, and pickles are not read"]);
    let path = folder.path().join("one.npz");
    std::fs::write(&path, b"\x93NUMPY\x01\x00").unwrap();
    refused(&path, &[], &["is a single array (.npy)", "numpy.savez"]);
    std::fs::write(&path, b"").unwrap();
    refused(&path, &[], &["not a complete .npz archive"]);
    let path = folder.path().join("half.safetensors");
    let mut arrays = small().arrays();
    (arrays[1].descr, arrays[1].bytes) = ("<f2", vec![0; 104]);
    safetensors(&path, &arrays);
    refused(&path, &[], &["array \"H\" has type F16; float32 or float64 numbers are needed"]);
}

/// 128 MB of labels in 130 kB, read with less memory than that.
#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.npz");
    let count = 1 << 27;
    let mut arrays = small().arrays();
    arrays[3] = Array { descr: "|i1", fortran: false, shape: vec![count], bytes: vec![0; count], name: "labels" };
    npz(&path, true, &arrays);
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 18);
    let words = "array \"labels\" has 134217728 entries; at most 67108864 are read";
    refused(&path, &[], &[words]);
    // The same where the address space is small. Threads are few: each has its stack.
    let limited = format!("ulimit -v 1000000; exec \"$0\" inspect {}", path.display());
    let output = Command::new("bash")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_ufm")])
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("bash is there");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains(words), "{error}");
}

#[test]
fn damaged_archives_are_refused_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.npz");
    npz(&path, false, &small().arrays());
    let whole = std::fs::read(&path).unwrap();
    let intact = document(&path, &[]);
    for length in (0..whole.len()).step_by(whole.len() / 12) {
        std::fs::write(&path, &whole[..length]).unwrap();
        refused(&path, &[], &[]);
    }
    for position in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        let (code, out, error) = inspect(&[path.to_str().unwrap(), "--json"]);
        // A flip may hit a date or a flag, or the name of an optional array.
        if code == 0 {
            let found: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!(found["metrics"]["nc1"], intact["metrics"]["nc1"], "byte {position}");
        } else {
            assert!(code == 1 && error.contains("damaged.npz") && !error.contains("panicked"), "byte {position}: {error}");
        }
    }
}

#[test]
fn heads_of_safetensors_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spoilt.safetensors");
    safetensors(&path, &small().arrays());
    let whole = std::fs::read(&path).unwrap();
    let write = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();
    for length in (0..whole.len()).step_by(whole.len() / 12) {
        write(&whole[..length]);
        refused(&path, &[], &["not a complete .safetensors file"]);
    }
    let with_head = |head: &str| [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), &[0; 64]].concat();
    write(&[&u64::MAX.to_le_bytes()[..], &whole[8..]].concat());
    refused(&path, &[], &["claims 18446744073709551615 bytes"]);
    for (head, words) in [
        ("{", "not JSON"),
        ("[1, 2]", "not JSON"),
        ("{\"W\": 3}", "the entry \"W\""),
        ("{\"W\": {\"dtype\": \"F64\", \"shape\": [2, 2], \"data_offsets\": [0, 4096]}}", "lies at bytes 0 to 4096 of 64"),
        ("{\"W\": {\"dtype\": \"F64\", \"shape\": [2, 2], \"data_offsets\": [32, 0]}}", "lies at bytes 32 to 0"),
        (
            "{\"W\": {\"dtype\": \"F64\", \"shape\": [9, 9], \"data_offsets\": [0, 32]}}",
            "claims shape [9, 9] of type F64, but has 32 bytes",
        ),
        ("{\"W\": {\"dtype\": \"F64\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 32]}}", "claims shape"),
        ("{\"W\": {\"dtype\": \"F64\", \"shape\": [-1], \"data_offsets\": [0, 32]}}", "the entry \"W\""),
        ("{}", "no array named \"W\"; the file holds no arrays"),
    ] {
        write(&with_head(head));
        refused(&path, &[], &[words]);
    }
    write(&with_head(&"[".repeat(100_000)));
    refused(&path, &[], &["not JSON"]);
}

#[test]
fn wrong_arguments_say_what_to_type() {
    let (_folder, path) = spoilt(|_| {});
    let (code, _, error) = inspect(&[path.to_str().unwrap(), "--compat", "papian"]);
    assert!(code == 1 && error.contains("did you mean `papyan`?"), "{error}");
    let (code, _, error) = inspect(&["loss.name=focal"]);
    assert!(code == 1 && error.contains("no file to inspect"), "{error}");
    refused(&path, &["model.bias=none"], &["bias b that is not 0"]);
    let (code, _, error) = inspect(&[path.to_str().unwrap(), "--minimise"]);
    assert!(code == 1 && error.contains("model.decay.w=…"), "{error}");
    let (code, _, error) = inspect(&[path.to_str().unwrap(), "loss.name=focl"]);
    assert!(code == 1 && error.contains("did you mean `focal`?"), "{error}");
}
