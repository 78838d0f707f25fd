//! A TOML document in which every key and value remembers where it came from.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::error::{InputError, Place};

/// Where a key or value was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// Bytes of the scenario file.
    File(Range<usize>),
    /// Position among the KEY=VALUE arguments.
    Argument(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) origin: Origin,
    pub(super) node: Node,
}

/// A step from a node to one below it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The way from the root to a node. Displayed as a dotted key: `loss[1].gamma`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Way(pub(super) Vec<Step>);

impl Way {
    /// The way of a dotted key.
    pub(super) fn keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().map(|key| Step::Key(key.to_owned())).collect())
    }

    /// One key further.
    pub(super) fn then(&self, key: &str) -> Self {
        let mut way = self.clone();
        way.0.push(Step::Key(key.to_owned()));
        way
    }

    /// One element further.
    pub(super) fn at(&self, index: usize) -> Self {
        let mut way = self.clone();
        way.0.push(Step::Index(index));
        way
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if position > 0 { "." } else { "" };
                    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
                    if bare { write!(f, "{dot}{key}")? } else { write!(f, "{dot}{key:?}")? }
                }
            }
        }
        Ok(())
    }
}

/// A fault before it is known where its key was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// The key at fault, from the root.
    pub(super) way: Way,
    /// Whether the key itself is wrong, rather than its value.
    pub(super) at_key: bool,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(way: &Way, message: impl Into<String>) -> Self {
        Self { way: way.clone(), at_key: false, message: message.into(), help: None }
    }

    pub(super) fn at_key(mut self) -> Self {
        self.at_key = true;
        self
    }

    pub(super) fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

impl Node {
    pub(super) fn table(origin: Origin) -> Self {
        Self { value: Value::Table(Vec::new()), origin }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as TOML on one line; numbers are shortest decimals that read back to the same double.
    pub(super) fn toml(&self) -> String {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        match &self.value {
            Value::Text(value) => text(value),
            Value::Integer(x) => x.to_string(),
            Value::Float(x) => decimal(*x),
            Value::Boolean(x) => x.to_string(),
            Value::Array(nodes) => format!("[{}]", nodes.iter().map(Node::toml).collect::<Vec<_>>().join(", ")),
            Value::Table(entries) => {
                let parts: Vec<String> =
                    entries.iter().map(|entry| format!("{} = {}", text(&entry.key), entry.node.toml())).collect();
                format!("{{ {} }}", parts.join(", "))
            }
        }
    }

    /// What the value is, in words.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("the text {text:?}"),
            Value::Integer(x) => format!("the whole number {x}"),
            Value::Float(x) => format!("the number {x}"),
            Value::Boolean(x) => format!("{x}"),
            Value::Array(_) => "an array".into(),
            Value::Table(_) => "a table".into(),
        }
    }
}

/// The sources a tree was built from: what an origin points into.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    /// The scenario file and its text; none where only arguments were given.
    pub(super) file: Option<(std::path::PathBuf, Arc<str>)>,
    pub(super) arguments: Vec<String>,
}

impl Sources {
    /// The error of a fault in `tree`: points at its key or value, or at the nearest table above a key that is missing.
    pub(super) fn locate(&self, tree: &Node, fault: Fault) -> InputError {
        let mut node = tree;
        let mut origin = None;
        let last = fault.way.0.len().saturating_sub(1);
        for (position, step) in fault.way.0.iter().enumerate() {
            let next = match (step, &node.value) {
                (Step::Key(key), _) => {
                    let Some(entry) = node.entry(key) else { break };
                    let at_key = fault.at_key && position == last;
                    origin = Some(if at_key { &entry.origin } else { &entry.node.origin });
                    &entry.node
                }
                (Step::Index(index), Value::Array(nodes)) => {
                    let Some(node) = nodes.get(*index) else { break };
                    origin = Some(&node.origin);
                    node
                }
                _ => break,
            };
            node = next;
        }
        let key = (!fault.way.0.is_empty()).then(|| fault.way.to_string());
        InputError { place: Box::new(self.place(origin)), key, message: fault.message, help: fault.help }
    }

    fn place(&self, origin: Option<&Origin>) -> Place {
        match (origin, &self.file) {
            (Some(Origin::Argument(index)), _) => Place::Argument(self.arguments[*index].clone()),
            (Some(Origin::File(span)), Some((path, text))) => {
                Place::Text { path: path.clone(), text: text.clone(), span: span.clone() }
            }
            (_, Some((path, _))) => Place::File(path.clone()),
            (_, None) => Place::CommandLine,
        }
    }
}

/// Parses the text of a scenario file.
pub(super) fn parse(path: &Path, text: &Arc<str>) -> Result<Node, InputError> {
    let place = |span: Range<usize>| Box::new(Place::Text { path: path.to_owned(), text: text.clone(), span });
    let document = DeTable::parse(text).map_err(|error| InputError {
        place: place(error.span().unwrap_or(0..0)),
        key: None,
        message: format!("this is not TOML: {}", error.message()),
        help: None,
    })?;
    let span = document.span();
    let value = table(document.get_ref(), &Way::default()).map_err(|(span, message)| InputError {
        place: place(span),
        key: None,
        message,
        help: None,
    })?;
    Ok(Node { value, origin: Origin::File(span) })
}

/// Parses one TOML value of the argument at position `index`.
pub(super) fn parse_value(text: &str, index: usize) -> Result<Node, String> {
    let document = format!("value = {text}");
    let parsed = DeTable::parse(&document).map_err(|error| error.message().to_owned())?;
    let mut entries = match table(parsed.get_ref(), &Way::default()).map_err(|(_, message)| message)? {
        Value::Table(entries) if entries.len() == 1 => entries,
        _ => return Err("more than one value".into()),
    };
    let mut node = entries.remove(0).node;
    assign_origin(&mut node, index);
    Ok(node)
}

fn assign_origin(node: &mut Node, index: usize) {
    node.origin = Origin::Argument(index);
    match &mut node.value {
        Value::Array(nodes) => nodes.iter_mut().for_each(|node| assign_origin(node, index)),
        Value::Table(entries) => entries.iter_mut().for_each(|entry| {
            entry.origin = Origin::Argument(index);
            assign_origin(&mut entry.node, index);
        }),
        _ => {}
    }
}

/// The shortest decimal that reads back to the same double, always with a point or an exponent; TOML writes what is no number in small letters.
pub(super) fn decimal(x: f64) -> String {
    if x.is_nan() { "nan".into() } else { format!("{x:?}") }
}

type Misfit = (Range<usize>, String);

fn table(source: &DeTable<'_>, way: &Way) -> Result<Value, Misfit> {
    let mut entries = Vec::with_capacity(source.len());
    for (key, value) in source {
        let name = key.get_ref().to_string();
        let node = node(value.get_ref(), value.span(), &way.then(&name))?;
        entries.push(Entry { key: name, origin: Origin::File(key.span()), node });
    }
    // The library hands keys out by name; in the order of the file the first fault reported is the first one read.
    entries.sort_by_key(|entry| match &entry.origin {
        Origin::File(span) => span.start,
        Origin::Argument(index) => *index,
    });
    Ok(Value::Table(entries))
}

fn node(source: &DeValue<'_>, span: Range<usize>, way: &Way) -> Result<Node, Misfit> {
    let value = match source {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(digits) => Value::Integer(
            i64::from_str_radix(digits.as_str(), digits.radix())
                .map_err(|_| (span.clone(), format!("{way}: {digits} does not fit a 64-bit whole number")))?,
        ),
        DeValue::Float(digits) => {
            Value::Float(digits.as_str().parse().map_err(|_| (span.clone(), format!("{way}: not a number")))?)
        }
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(_) => return Err((span, format!("{way}: dates are not used in scenarios"))),
        DeValue::Array(elements) => Value::Array(
            elements
                .iter()
                .enumerate()
                .map(|(index, element)| node(element.get_ref(), element.span(), &way.at(index)))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(source) => table(source, way)?,
    };
    Ok(Node { value, origin: Origin::File(span) })
}
