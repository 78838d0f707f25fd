//! Records as a table: one column a field, entries of objects as `FIELD.KEY` (`metrics.nc1`).

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

/// Writes rows as CSV (RFC 4180): a head, then one line a row. Nulls are empty; lists are JSON.
///
/// Rows are turned into columns twice, once for the head: all of them at once would take several times the memory of the rows.
pub(super) fn write<T: Serialize>(out: impl Write, rows: &[T]) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let mut head: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in rows {
        for (name, _) in columns(row) {
            if !places.contains_key(&name) {
                places.insert(name.clone(), head.len());
                head.push(name);
            }
        }
    }
    writeln!(out, "{}", head.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(","))?;
    let mut cells = vec![String::new(); head.len()];
    for row in rows {
        cells.iter_mut().for_each(String::clear);
        for (name, value) in columns(row) {
            cells[places[&name]] = text(&value);
        }
        writeln!(out, "{}", cells.join(","))?;
    }
    out.flush()
}

/// A row's columns in the order of its fields.
fn columns<T: Serialize>(row: &T) -> Vec<(String, Value)> {
    let Value::Object(fields) = serde_json::to_value(row).expect("rows hold only what JSON can say") else {
        unreachable!("a row is an object")
    };
    let mut columns = Vec::new();
    for (name, value) in fields {
        match value {
            // The whole spectrum does not fit a cell.
            _ if name == "spectrum" => {}
            Value::Object(map) => flatten(&name, map, &mut columns),
            value => columns.push((name, value)),
        }
    }
    columns
}

/// The entries of an object, objects in it included.
fn flatten(name: &str, map: Map<String, Value>, columns: &mut Vec<(String, Value)>) {
    for (key, value) in map {
        let name = format!("{name}.{key}");
        match value {
            Value::Object(map) => flatten(&name, map, columns),
            value => columns.push((name, value)),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
