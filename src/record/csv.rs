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
    let Head { names, places } = head(rows, |_, _| {});
    writeln!(out, "{}", names.into_iter().map(quoted).collect::<Vec<_>>().join(","))?;
    let mut cells = vec![String::new(); places.len()];
    for row in rows {
        cells.iter_mut().for_each(String::clear);
        for (name, value) in columns(row) {
            cells[places[&name]] = quoted(text(value));
        }
        writeln!(out, "{}", cells.join(","))?;
    }
    out.flush()
}

/// The columns of a table.
pub(super) struct Head {
    /// Their names, in the order in which they first occur.
    pub(super) names: Vec<String>,
    /// The position of each.
    pub(super) places: HashMap<String, usize>,
}

/// The columns of these rows; `see` is shown every cell with its column's position.
pub(super) fn head<T: Serialize>(rows: &[T], mut see: impl FnMut(usize, &Value)) -> Head {
    let mut head = Head { names: Vec::new(), places: HashMap::new() };
    for row in rows {
        for (name, value) in columns(row) {
            let place = head.places.get(&name).copied().unwrap_or_else(|| {
                head.places.insert(name.clone(), head.names.len());
                head.names.push(name);
                head.names.len() - 1
            });
            see(place, &value);
        }
    }
    head
}

/// A row's columns in the order of its fields.
pub(super) fn columns<T: Serialize>(row: &T) -> Vec<(String, Value)> {
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

/// A cell as text: nothing for null, lists as JSON.
pub(super) fn text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
