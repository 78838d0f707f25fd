//! Tables in Parquet: the columns of the CSV file, typed, with nulls that are nulls. Behind the feature `parquet`.
//!
//! A column's type is that of its values: 64-bit integers, doubles, Booleans, or text. A column whose values differ in type (n_k of equal and of unequal classes, a count that is a bracket
//! in one row), and integers beyond 63 bits, become text, as in the CSV file. Where no row has a value, the type is the one that the field is declared with, so that tables of several runs fit together.
//!
//! Equal rows give equal bytes: nothing of the time or the machine is written.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::Value;

use super::csv::{Head, columns, head, text};

/// Rows in a group. Those of one group are in memory as columns: some 30 MB.
const GROUP_ROWS: usize = 1 << 15;

/// Writes rows as a Parquet file.
pub(super) fn write<T: Serialize + JsonSchema>(out: impl Write + Send, rows: &[T]) -> io::Result<()> {
    write_in_groups(out, rows, GROUP_ROWS).map_err(|error| match error {
        ParquetError::External(source) => source.downcast::<io::Error>().map_or_else(io::Error::other, |source| *source),
        other => io::Error::other(other),
    })
}

fn write_in_groups<T: Serialize + JsonSchema>(out: impl Write + Send, rows: &[T], group_rows: usize) -> Result<(), ParquetError> {
    let mut seen: Vec<Option<Kind>> = Vec::new();
    let Head { names, places } = head(rows, |place, value| {
        seen.resize(seen.len().max(place + 1), None);
        seen[place] = match (seen[place], Kind::of(value)) {
            (Some(before), Some(now)) if before != now => Some(Kind::Text),
            (before, now) => before.or(now),
        };
    });
    let declared = schema_for!(T);
    let kinds: Vec<Kind> =
        names.iter().zip(seen).map(|(name, kind)| kind.unwrap_or_else(|| Kind::declared(&declared, name))).collect();
    let fields = names.iter().zip(&kinds).map(|(name, kind)| kind.field(name).map(Arc::new)).collect::<Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("table").with_fields(fields).build()?);
    // By default the library would name itself, with its version.
    let properties = WriterProperties::builder().set_created_by(concat!("ufm version ", env!("CARGO_PKG_VERSION")).into());
    let mut file = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
    let mut cells = vec![Value::Null; names.len()];
    for rows in rows.chunks(group_rows) {
        let mut table: Vec<Column> = kinds.iter().map(|&kind| Column::new(kind)).collect();
        for row in rows {
            for (name, value) in columns(row) {
                cells[places[&name]] = value;
            }
            table.iter_mut().zip(&mut cells).for_each(|(column, cell)| column.push(cell.take()));
        }
        let mut group = file.next_row_group()?;
        for column in &table {
            let mut writer = group.next_column()?.expect("the schema has as many columns");
            column.write(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
    }
    file.close().map(|_| ())
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Number,
    Boolean,
    Text,
}

impl Kind {
    /// That of a value; `None` for null.
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(number) if number.is_i64() => Some(Self::Integer),
            Value::Number(number) if number.is_f64() => Some(Self::Number),
            _ => Some(Self::Text),
        }
    }

    /// That of a field without values, by the schema of the row.
    fn declared(schema: &Schema, name: &str) -> Self {
        let field = schema.get("properties").and_then(|fields| fields.get(name));
        let is = |what: &str| match field.and_then(|field| field.get("type")) {
            Some(Value::String(only)) => only == what,
            Some(Value::Array(several)) => several.iter().any(|one| one == what),
            _ => false,
        };
        if is("string") {
            Self::Text
        } else if is("boolean") {
            Self::Boolean
        } else if is("integer") || field.is_some_and(|field| field.get("type").is_none()) {
            // What is declared as a choice are counts: a number, or a list of them.
            Self::Integer
        } else {
            Self::Number
        }
    }

    fn field(self, name: &str) -> Result<Type, ParquetError> {
        let (physical, logical) = match self {
            Self::Integer => (Physical::INT64, None),
            Self::Number => (Physical::DOUBLE, None),
            Self::Boolean => (Physical::BOOLEAN, None),
            Self::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build()
    }
}

/// The cells of a column in a group of rows.
struct Column {
    /// 1 where there is a value, 0 where there is none.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Integer(Vec<i64>),
    Number(Vec<f64>),
    Boolean(Vec<bool>),
    Text(Vec<ByteArray>),
}

impl Column {
    fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Integer => Values::Integer(Vec::new()),
            Kind::Number => Values::Number(Vec::new()),
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
        };
        Self { levels: Vec::new(), values }
    }

    fn push(&mut self, cell: Value) {
        self.levels.push(i16::from(!cell.is_null()));
        match &mut self.values {
            Values::Integer(values) => values.extend(cell.as_i64()),
            Values::Number(values) => values.extend(cell.as_f64()),
            Values::Boolean(values) => values.extend(cell.as_bool()),
            Values::Text(values) => values.extend((!cell.is_null()).then(|| ByteArray::from(text(cell).into_bytes()))),
        }
    }

    fn write(&self, out: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(self.levels.as_slice());
        match &self.values {
            Values::Integer(values) => out.typed::<Int64Type>().write_batch(values, levels, None),
            Values::Number(values) => out.typed::<DoubleType>().write_batch(values, levels, None),
            Values::Boolean(values) => out.typed::<BoolType>().write_batch(values, levels, None),
            Values::Text(values) => out.typed::<ByteArrayType>().write_batch(values, levels, None),
        }
        .map(|_| ())
    }
}

#[cfg(test)]
#[path = "parquet_tests.rs"]
mod tests;
