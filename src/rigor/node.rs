//! Reading JSON that may be hostile: every step names the place, unknown fields are refused, nothing panics.

use serde_json::Value;

use super::text::{parse_hexadecimal, parse_long};
use crate::numeric::interval::{Interval, Long};

/// Why a text is no certificate: it is malformed, which says nothing about its claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Malformed {
    /// Where in the document, like `claims[0].radius`.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Node<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Node<'a> {
    /// The document itself.
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, place: "certificate".into() }
    }

    /// An error here.
    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Result<T, Malformed> {
        Err(Malformed { place: self.place.clone(), message: message.into() })
    }

    /// Refuses an object that has other fields than `known`.
    pub(super) fn fields(&self, known: &[&str]) -> Result<(), Malformed> {
        let Value::Object(fields) = self.value else { return self.fail("must be an object") };
        match fields.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => self.fail(format!("has the unknown field \"{}\"; known: {}", printable(unknown), known.join(", "))),
            None => Ok(()),
        }
    }

    /// Whether it is an object with this field.
    pub(super) fn has(&self, key: &str) -> bool {
        self.value.get(key).is_some()
    }

    /// A field.
    pub(super) fn get(&self, key: &str) -> Result<Node<'a>, Malformed> {
        match self.value.get(key) {
            Some(value) => Ok(Node { value, place: format!("{}.{key}", self.place) }),
            None => self.fail(format!("lacks the field \"{key}\"")),
        }
    }

    /// The entries of a list of exactly `length`, or of 1 … `most` where no length is given.
    pub(super) fn list(&self, length: Option<usize>, most: usize) -> Result<Vec<Node<'a>>, Malformed> {
        let Value::Array(items) = self.value else { return self.fail("must be a list") };
        match length {
            Some(length) if items.len() != length => return self.fail(format!("has {} entries, not {length}", items.len())),
            None if items.is_empty() || items.len() > most => {
                return self.fail(format!("has {} entries; 1 to {most} are allowed", items.len()));
            }
            _ => {}
        }
        Ok(items.iter().enumerate().map(|(at, value)| Node { value, place: format!("{}[{at}]", self.place) }).collect())
    }

    /// A string.
    pub(super) fn text(&self) -> Result<&'a str, Malformed> {
        match self.value {
            Value::String(text) if text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\') => Ok(text),
            Value::String(_) => self.fail("must be printable ASCII without quotes and backslashes"),
            _ => self.fail("must be a string"),
        }
    }

    /// A non-negative integer of at most `most`.
    pub(super) fn integer(&self, most: u64) -> Result<u64, Malformed> {
        match self.value.as_u64() {
            Some(n) if n <= most => Ok(n),
            _ => self.fail(format!("must be an integer from 0 to {most}")),
        }
    }

    /// A hexadecimal float.
    pub(super) fn number(&self) -> Result<f64, Malformed> {
        match self.value.as_str().and_then(parse_hexadecimal) {
            Some(x) => Ok(x),
            None => self.fail("must be a finite hexadecimal float like \"0x1.8000000000000p+1\""),
        }
    }

    /// A list of numbers.
    pub(super) fn numbers(&self, length: usize) -> Result<Vec<f64>, Malformed> {
        self.list(Some(length), usize::MAX)?.iter().map(Node::number).collect()
    }

    /// `count` lists of `length` numbers, one after the other.
    pub(super) fn table(&self, count: usize, length: usize) -> Result<Vec<f64>, Malformed> {
        let mut out = Vec::new();
        for row in self.list(Some(count), usize::MAX)? {
            out.extend(row.numbers(length)?);
        }
        Ok(out)
    }

    /// An interval: a number, or a list of two.
    pub(super) fn interval(&self) -> Result<Interval, Malformed> {
        if self.value.is_string() {
            return Ok(Interval::point(self.number()?));
        }
        let bounds = self.numbers(2)?;
        match Interval::new(bounds[0], bounds[1]) {
            Some(interval) => Ok(interval),
            None => self.fail("must have its lower bound first"),
        }
    }
}

impl Node<'_> {
    /// An interval of long numbers: one, or a list of two.
    pub(super) fn long_interval(&self) -> Result<Long, Malformed> {
        let bound = |node: &Node<'_>| match node.value.as_str().and_then(parse_long) {
            Some(bound) => Ok(bound),
            None => node.fail("must be a hexadecimal number like \"0x1.8p+1\" of at most 127 digits after the point"),
        };
        let (lo, hi) = if self.value.is_string() {
            let bound = bound(self)?;
            (bound, bound)
        } else {
            let ends = self.list(Some(2), 2)?;
            (bound(&ends[0])?, bound(&ends[1])?)
        };
        match Long::new(lo, hi) {
            Some(interval) => Ok(interval),
            None => self.fail("must have its lower bound first"),
        }
    }
}

/// At most 40 characters that are safe to print.
fn printable(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
