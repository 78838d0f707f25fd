//! Records as a table: one column a field, metrics as `metrics.ID`.

use std::io::{self, Write};

use serde_json::Value;

use super::Record;

/// Writes the records as CSV (RFC 4180): a head, then one line a record. Nulls are empty; lists are JSON.
pub(super) fn write(out: impl Write, records: &[Record]) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let rows: Vec<Vec<(String, Value)>> = records.iter().map(columns).collect();
    let mut head: Vec<String> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !head.contains(name) {
            head.push(name.clone());
        }
    }
    writeln!(out, "{}", head.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(","))?;
    for row in &rows {
        let cell = |name: &String| row.iter().find(|(key, _)| key == name).map_or(String::new(), |(_, value)| text(value));
        writeln!(out, "{}", head.iter().map(cell).collect::<Vec<_>>().join(","))?;
    }
    out.flush()
}

/// A record's columns in the order of its fields.
fn columns(record: &Record) -> Vec<(String, Value)> {
    let Value::Object(fields) = serde_json::to_value(record).expect("records hold only what JSON can say") else {
        unreachable!("a record is an object")
    };
    let mut columns = Vec::new();
    for (name, value) in fields {
        match value {
            // The whole spectrum does not fit a cell.
            _ if name == "spectrum" => {}
            Value::Object(map) => columns.extend(map.into_iter().map(|(id, value)| (format!("{name}.{id}"), value))),
            value => columns.push((name, value)),
        }
    }
    columns
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
