//! The start `partial`: which numbers of classes are alive.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::tables::StartTable;
use super::tree::{Fault, Way};
use crate::model::Shape;
use crate::starts::StartSpec;

/// One whole number or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NumbersTable(Vec<u64>);

impl<'de> Deserialize<'de> for NumbersTable {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl<'de> Visitor<'de> for Numbers {
            type Value = NumbersTable;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number that is not negative, or an array of them")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<NumbersTable, E> {
                let wrong = || de::Error::invalid_value(de::Unexpected::Signed(value), &self);
                u64::try_from(value).map(|value| NumbersTable(vec![value])).map_err(|_| wrong())
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<NumbersTable, E> {
                Ok(NumbersTable(vec![value]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<NumbersTable, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = source.next_element()? {
                    numbers.push(number);
                }
                Ok(NumbersTable(numbers))
            }
        }
        source.deserialize_any(Numbers)
    }
}

/// The start, where its numbers fit the sizes. Whether the classes stay alive at the problem's ε, the start itself says.
pub(super) fn resolve(table: &StartTable, way: &Way, shape: &Shape) -> Result<StartSpec, Fault> {
    let way = &way.then("alive");
    let (classes, width) = (shape.classes(), shape.width());
    let example = format!("alive = [0, {classes}]");
    let numbers = table.alive.as_ref().ok_or_else(|| {
        Fault::new(way, format!("the start `partial` needs `alive`, the numbers of classes that form a simplex: {example}"))
    })?;
    if numbers.0.is_empty() {
        return Err(Fault::new(way, format!("names no number of classes; for example {example}")));
    }
    if shape.per_class().is_none() {
        return Err(Fault::new(way, "the start `partial` needs classes of equal size (model.per_class)"));
    }
    let alive = numbers.0.iter().map(|&number| {
        let alive = usize::try_from(number).unwrap_or(usize::MAX);
        if alive == 1 || alive > classes {
            return Err(Fault::new(
                way,
                format!("{number} of {classes} classes cannot form a simplex; take 0, or from 2 to {classes}"),
            ));
        }
        if alive > width + 1 {
            let message =
                format!("{number} classes need a width of {}, not {width}; here at most {} can be alive", number - 1, width + 1);
            return Err(Fault::new(way, message));
        }
        Ok(alive)
    });
    Ok(StartSpec::Partial { alive: alive.collect::<Result<_, _>>()? })
}
