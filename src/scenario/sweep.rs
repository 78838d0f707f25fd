//! `[sweep]`: axes over dotted keys, whose product is the cells.
//!
//! A key of the section is a dotted key of the scenario (`"model.width"`, or `"decay.epsilon"` for `model.decay.epsilon`) with its values: an array, `{ linear = [from, to, count] }` or
//! `{ log = [from, to, count] }`. Each is an axis of its own, first key slowest; the keys of a `zip` table advance together, as one axis. On the command line `KEY=a,b,c`, `KEY=linear:from:to:count`
//! and `KEY=log:from:to:count` are axes.

use std::fmt::Write;

use super::arguments::{Assignment, dotted};
use super::tree::{Entry, Fault, Node, Origin, Value, Way};

/// Sections whose keys can be swept: those that make cases.
const SWEPT: [&str; 5] = ["model", "loss", "starts", "solver", "stop"];
/// More cells than this are a slip.
const CELLS_MAX: usize = 1_000_000;

/// A swept key with its values.
#[derive(Clone, Debug)]
pub(super) struct SweptKey {
    keys: Vec<String>,
    values: Vec<Node>,
}

/// Keys that advance together.
#[derive(Clone, Debug)]
pub(super) struct Axis(Vec<SweptKey>);

/// The axes of the scenario's `[sweep]`, in the order written.
pub(super) fn axes(tree: &Node) -> Result<Vec<Axis>, Fault> {
    let Some(section) = tree.get("sweep") else { return Ok(Vec::new()) };
    let way = Way::keys(["sweep"]);
    let mut axes = Vec::new();
    for entry in entries(section, &way)? {
        let way = way.then(&entry.key);
        match (entry.key.as_str(), &entry.node.value) {
            ("grid", _) => {
                for entry in entries(&entry.node, &way)? {
                    axes.push(Axis(vec![swept(entry, &way.then(&entry.key))?]));
                }
            }
            ("zip", Value::Array(tables)) => {
                for (index, table) in tables.iter().enumerate() {
                    axes.push(zipped(table, &way.at(index))?);
                }
            }
            ("zip", _) => axes.push(zipped(&entry.node, &way)?),
            _ => axes.push(Axis(vec![swept(entry, &way)?])),
        }
    }
    let mut seen: Vec<&[String]> = Vec::new();
    for key in axes.iter().flat_map(|axis| &axis.0) {
        if seen.contains(&key.keys.as_slice()) {
            return Err(Fault::new(&way, format!("`{}` is swept twice", key.keys.join("."))));
        }
        seen.push(&key.keys);
    }
    Ok(axes)
}

fn entries<'a>(node: &'a Node, way: &Way) -> Result<&'a [Entry], Fault> {
    match &node.value {
        Value::Table(entries) => Ok(entries),
        _ => Err(Fault::new(way, format!("expected a table of dotted keys with their values, found {}", node.describe()))),
    }
}

fn zipped(node: &Node, way: &Way) -> Result<Axis, Fault> {
    let keys =
        entries(node, way)?.iter().map(|entry| swept(entry, &way.then(&entry.key))).collect::<Result<Vec<SweptKey>, Fault>>()?;
    let (Some(first), Some(other)) =
        (keys.first(), keys.iter().find(|key| key.values.len() != keys[0].values.len()).or(keys.first()))
    else {
        return Err(Fault::new(way, "the table is empty"));
    };
    if other.values.len() != first.values.len() {
        let message = format!(
            "keys that advance together need as many values: `{}` has {}, `{}` has {}",
            first.keys.join("."),
            first.values.len(),
            other.keys.join("."),
            other.values.len()
        );
        return Err(Fault::new(way, message));
    }
    Ok(Axis(keys))
}

fn swept(entry: &Entry, way: &Way) -> Result<SweptKey, Fault> {
    let keys = sweepable(&entry.key).map_err(|message| Fault::new(way, message).at_key())?;
    let origin = &entry.node.origin;
    let values = match &entry.node.value {
        Value::Array(values) => values.clone(),
        Value::Table(inner) => match inner.as_slice() {
            [range] => match (Spacing::named(&range.key), &range.node.value) {
                (Some(spacing), Value::Array(ends)) => {
                    range_values(spacing, ends, origin).map_err(|message| Fault::new(way, message))?
                }
                _ => return Err(Fault::new(way, RANGES)),
            },
            _ => return Err(Fault::new(way, RANGES)),
        },
        _ => {
            return Err(Fault::new(way, format!("expected the values to go through, found {}", entry.node.describe()))
                .help(Some(format!("one value is set in its own section: {} = …", keys.join(".")))));
        }
    };
    if values.is_empty() {
        return Err(Fault::new(way, "the list of values is empty"));
    }
    Ok(SweptKey { keys, values })
}

const RANGES: &str = "a range is { linear = [from, to, count] } or { log = [from, to, count] }";

/// The parts of a dotted key that a sweep may set.
fn sweepable(key: &str) -> Result<Vec<String>, String> {
    let mut keys = dotted(key).ok_or_else(|| format!("`{key}` is not a dotted key, e.g. \"model.width\""))?;
    if keys[0] == "decay" {
        keys.insert(0, "model".into());
    }
    if !SWEPT.contains(&keys[0].as_str()) || keys.len() < 2 {
        return Err(format!("`{key}` cannot be swept; keys of {} can", SWEPT.join(", ")));
    }
    Ok(keys)
}

#[derive(Clone, Copy, PartialEq)]
enum Spacing {
    Linear,
    Logarithmic,
}

impl Spacing {
    fn named(name: &str) -> Option<Self> {
        match name {
            "linear" => Some(Self::Linear),
            "log" => Some(Self::Logarithmic),
            _ => None,
        }
    }
}

/// The values of a range: its ends are exact, and whole numbers stay whole.
fn range_values(spacing: Spacing, ends: &[Node], origin: &Origin) -> Result<Vec<Node>, String> {
    let number = |node: &Node| match node.value {
        Value::Integer(x) => Some(x as f64),
        Value::Float(x) => Some(x),
        _ => None,
    };
    let [from, to, count] = ends else { return Err(RANGES.into()) };
    let (Some(a), Some(b), Value::Integer(count)) = (number(from), number(to), &count.value) else { return Err(RANGES.into()) };
    if !(a.is_finite() && b.is_finite()) {
        return Err("the ends of a range must be finite".into());
    }
    if spacing == Spacing::Logarithmic && !(a > 0.0 && b > 0.0) {
        return Err("the ends of a logarithmic range must be greater than 0".into());
    }
    if !(2..=CELLS_MAX as i64).contains(count) {
        return Err(format!("a range has from 2 to {CELLS_MAX} values, not {count}"));
    }
    let last = (count - 1) as f64;
    let whole = matches!((&from.value, &to.value), (Value::Integer(_), Value::Integer(_)));
    let value = |i: i64| {
        let t = i as f64 / last;
        let x = match (i, spacing) {
            (0, _) => a,
            (i, _) if i == count - 1 => b,
            (_, Spacing::Linear) => a + (b - a) * t,
            (_, Spacing::Logarithmic) => (a.ln() + (b.ln() - a.ln()) * t).exp(),
        };
        if whole && (x - x.round()).abs() < 1e-9 { Value::Integer(x.round() as i64) } else { Value::Float(x) }
    };
    Ok((0..*count).map(|i| Node { value: value(i), origin: origin.clone() }).collect())
}

/// The range that an argument's value asks for: `log:1e-4:1e-1:20`. `None`: it asks for none.
pub(super) fn range_of_argument(value: &str, index: usize) -> Option<Result<Vec<Node>, String>> {
    let (name, ends) = value.split_once(':')?;
    let spacing = Spacing::named(name)?;
    let origin = Origin::Argument(index);
    let ends: Option<Vec<Node>> = ends.split(':').map(|end| super::tree::parse_value(end, index).ok()).collect();
    Some(ends.ok_or_else(|| format!("a range is {name}:FROM:TO:COUNT")).and_then(|ends| range_values(spacing, &ends, &origin)))
}

impl SweptKey {
    /// A key swept from the command line.
    pub(super) fn of_argument(key: &str, values: Vec<Node>) -> Result<Self, String> {
        Ok(Self { keys: sweepable(key)?, values })
    }
}

/// The axes of a scenario with what the command line says: a value set there ends the sweep of its key, and a sweep there takes the place of the file's, or comes last.
pub(super) fn overridden(mut axes: Vec<Axis>, set: &[Assignment], swept: Vec<SweptKey>) -> Vec<Axis> {
    for axis in &mut axes {
        axis.0.retain(|key| !set.iter().any(|assignment| key.keys.starts_with(&assignment.keys)));
    }
    for key in swept {
        let place = axes.iter_mut().find(|axis| axis.0.iter().any(|other| other.keys == key.keys));
        match place {
            // Keys that advanced with the one replaced have other numbers of values now, so the whole axis gives way.
            Some(axis) => *axis = Axis(vec![key]),
            None => axes.push(Axis(vec![key])),
        }
    }
    axes.retain(|axis| !axis.0.is_empty());
    axes
}

/// The assignments of every cell, first axis slowest; one empty cell where nothing is swept.
pub(super) fn cells(axes: &[Axis]) -> Result<Vec<Vec<Assignment>>, Fault> {
    let count = axes.iter().try_fold(1_usize, |count, axis| count.checked_mul(axis.0[0].values.len()));
    let Some(count) = count.filter(|&count| count <= CELLS_MAX) else {
        return Err(Fault::new(&Way::keys(["sweep"]), format!("the sweep has more than {CELLS_MAX} cells")));
    };
    let cell = |at: usize| {
        let mut rest = at;
        let mut places: Vec<usize> = Vec::new();
        for axis in axes.iter().rev() {
            let size = axis.0[0].values.len();
            places.push(rest % size);
            rest /= size;
        }
        let chosen = axes.iter().zip(places.iter().rev());
        chosen
            .flat_map(|(axis, &place)| {
                axis.0.iter().map(move |key| Assignment { keys: key.keys.clone(), node: key.values[place].clone() })
            })
            .collect()
    };
    Ok((0..count).map(cell).collect())
}

/// `[sweep]` with every value written out.
pub(super) fn written(axes: &[Axis]) -> String {
    let mut out = String::new();
    let line = |out: &mut String, key: &SweptKey| {
        let values: Vec<String> = key.values.iter().map(Node::toml).collect();
        let _ = writeln!(out, "{:?} = [{}]", key.keys.join("."), values.join(", "));
    };
    let (alone, together): (Vec<&Axis>, Vec<&Axis>) = axes.iter().partition(|axis| axis.0.len() == 1);
    // The order of axes is the order of cases: tables come last in TOML, so all go into arrays of tables where any does.
    if together.is_empty() {
        let _ = writeln!(out, "\n[sweep]");
        alone.iter().for_each(|axis| line(&mut out, &axis.0[0]));
    } else {
        for axis in axes {
            let _ = writeln!(out, "\n[[sweep.zip]]");
            axis.0.iter().for_each(|key| line(&mut out, key));
        }
    }
    out
}

/// How a cell is told from the others: `model.width = 3, loss.gamma = 2.0`.
pub(super) fn label(cell: &[Assignment]) -> String {
    let part = |assignment: &Assignment| format!("{} = {}", assignment.keys.join("."), assignment.node.toml());
    cell.iter().map(part).collect::<Vec<_>>().join(", ")
}
