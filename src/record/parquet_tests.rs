//! What is written, read back by the library's reader, against the CSV file of the same rows.

use std::collections::BTreeMap;
use std::fs::File;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::super::store::CaseEntry;
use super::super::{Count, PerClass, Record, cell, csv};
use super::*;

/// Rows with everything that a cell may be.
fn records() -> Vec<Record> {
    let plain = |start_index: usize| Record {
        schema: "ufm.record/v1".into(),
        case: "0123456789abcdef".into(),
        classes: 3,
        start_index,
        value: 0.1 + start_index as f64,
        gradient_norm: 5e-324,
        nature: Some("strict-saddle".into()),
        index: Some(Count::Exact(7)),
        nullity: Some(Count::Exact(0)),
        degenerate: Some(start_index == 1),
        seed: Some(i64::MAX as u64),
        orbit: Some(start_index),
        metrics: BTreeMap::from([("nc1".to_owned(), 1e-17 * start_index as f64)]),
        ..Record::default()
    };
    let mut rows: Vec<Record> = (0..5).map(plain).collect();
    rows[1].loss_params.insert("gamma".into(), 3.0);
    rows[1].nullity = Some(Count::Bracket([2, 4]));
    rows[2].reason = "commas, \"quotes\",\nlines and ε".into();
    rows[2].metrics_undefined.insert("nc2".into(), "no means".into());
    rows[2].per_class = PerClass::Imbalanced(vec![6, 3, 1]);
    rows[3] = Record { value: f64::NAN, stop_reason: "failed".into(), degenerate: None, ..rows[3].clone() };
    rows[3].metrics.clear();
    rows[4].metrics.insert("late".into(), -0.0);
    rows
}

fn file<T: Serialize + JsonSchema>(rows: &[T], group_rows: usize) -> Vec<u8> {
    let mut out = Vec::new();
    write_in_groups(&mut out, rows, group_rows).unwrap();
    out
}

fn reader(bytes: &[u8]) -> SerializedFileReader<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    SerializedFileReader::new(file).unwrap()
}

/// The cells of a CSV text, row by row (RFC 4180).
fn parse(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => cell.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    rows
}

/// Asserts that a file says what the CSV file of the rows says: the same columns, the same cells, nulls that are nulls.
fn check<T: Serialize + JsonSchema>(rows: &[T], group_rows: usize) {
    let mut text = Vec::new();
    csv::write(&mut text, rows).unwrap();
    let table = parse(std::str::from_utf8(&text).unwrap());
    let reader = reader(&file(rows, group_rows));
    assert_eq!(reader.num_row_groups(), rows.len().div_ceil(group_rows));
    let mut number = 0;
    for found in reader.get_row_iter(None).unwrap() {
        let (found, row) = (found.unwrap().into_columns(), &rows[number]);
        number += 1;
        assert!(found.iter().map(|(name, _)| name).eq(&table[0]), "the columns");
        let values: BTreeMap<String, Value> = columns(row).into_iter().collect();
        for ((name, field), expected) in found.iter().zip(&table[number]) {
            let shown = match field {
                Field::Null => String::new(),
                Field::Bool(is) => is.to_string(),
                Field::Long(number) => number.to_string(),
                Field::Double(number) => Value::from(*number).to_string(),
                Field::Str(text) => text.clone(),
                other => panic!("{name}: {other}"),
            };
            assert_eq!(&shown, expected, "{name} in row {number}");
            assert_eq!(matches!(field, Field::Null), values.get(name).is_none_or(Value::is_null), "{name} in row {number}");
        }
    }
    assert_eq!((number, table.len()), (rows.len(), rows.len() + 1));
}

/// The type of each column.
fn types(file: Vec<u8>) -> BTreeMap<String, Kind> {
    let reader = reader(&file);
    let schema = reader.metadata().file_metadata().schema_descr();
    let kind = |physical| match physical {
        Physical::INT64 => Kind::Integer,
        Physical::DOUBLE => Kind::Number,
        Physical::BOOLEAN => Kind::Boolean,
        Physical::BYTE_ARRAY => Kind::Text,
        other => panic!("{other}"),
    };
    schema.columns().iter().map(|column| (column.name().to_owned(), kind(column.physical_type()))).collect()
}

#[test]
fn a_parquet_table_holds_what_the_csv_file_holds() {
    for group_rows in [2, 5, 100] {
        check(&records(), group_rows);
    }
    let case = CaseEntry { id: "0123456789abcdef".into(), cell: String::new(), points: 5 };
    let cells = cell::rows(&[case], &records());
    assert!(cells[0].cell.is_empty() && cells[0].decay_w.is_none());
    check(&cells, 100);
    check::<Record>(&[], 100);
}

#[test]
fn columns_have_the_type_of_their_values() {
    let found = types(file(&records(), 100));
    for (name, kind) in [
        ("classes", Kind::Integer),
        ("seed", Kind::Integer),
        ("index", Kind::Integer),
        ("value", Kind::Number),
        ("loss_params.gamma", Kind::Number),
        ("metrics.nc1", Kind::Number),
        ("degenerate", Kind::Boolean),
        ("nature", Kind::Text),
        // Brackets and lists among the numbers.
        ("nullity", Kind::Text),
        ("per_class", Kind::Text),
    ] {
        assert_eq!(found[name], kind, "{name}");
    }
    let large = Record { seed: Some(u64::MAX), ..Record::default() };
    assert_eq!(types(file(std::slice::from_ref(&large), 1))["seed"], Kind::Text);
    check(&[large], 1);
}

#[test]
fn columns_without_values_have_the_type_that_is_declared() {
    let empty = types(file(&[Record::default()], 1));
    for (name, kind) in [
        ("seed", Kind::Integer),
        ("rank", Kind::Integer),
        ("index", Kind::Integer),
        ("nullity_symmetry", Kind::Integer),
        ("orbit", Kind::Integer),
        ("decay_w", Kind::Number),
        ("gap", Kind::Number),
        ("lambda_min", Kind::Number),
        ("degenerate", Kind::Boolean),
        ("nature", Kind::Text),
        ("certificate", Kind::Text),
    ] {
        assert_eq!(empty[name], kind, "{name}");
    }
    // The same field, with a value and without, is of one type, so that tables of several runs fit together.
    let full = types(file(&records()[..1], 1));
    for (name, kind) in &empty {
        assert_eq!(full[name], *kind, "{name}");
    }
    // Numbers that are not: written as null.
    assert_eq!(types(file(&[Record { value: f64::NAN, ..Record::default() }], 1))["value"], Kind::Number);
}

#[test]
fn equal_rows_give_equal_parquet_bytes_that_name_no_library() {
    let rows: Vec<Record> = records().into_iter().cycle().take(3000).collect();
    let bytes = file(&rows, GROUP_ROWS);
    assert_eq!(bytes, file(&rows, GROUP_ROWS));
    let reader = reader(&bytes);
    assert_eq!(reader.metadata().file_metadata().created_by(), Some(concat!("ufm version ", env!("CARGO_PKG_VERSION"))));
    assert!(!bytes.windows(10).any(|part| part == b"parquet-rs"));
}

#[test]
fn a_full_disk_is_said_as_such() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let rows: Vec<Record> = records().into_iter().cycle().take(3000).collect();
    let error = write(Full, &rows).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    // Few enough rows to be buffered until the end.
    let error = write(Full, &rows[..1]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
}
