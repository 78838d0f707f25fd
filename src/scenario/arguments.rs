//! KEY=VALUE arguments and `[test]` overrides: dotted keys set in the tree before it is read.

use super::error::{InputError, suggestion};
use super::read::list;
use super::sweep::{self, SweptKey};
use super::tree::{Entry, Fault, Node, Origin, Step, Value, Way, parse_value};
use super::{DEFAULT_SOLVER, DEFAULT_START};
use crate::numeric::expression::{self, Variables};
use crate::{losses, solvers, starts};

/// Sections that are a table or an array of tables.
const FAMILIES: [&str; 3] = ["loss", "starts", "solver"];

/// One dotted key and its new value.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) keys: Vec<String>,
    pub(super) node: Node,
}

/// An argument, read.
enum Argument {
    Set(Assignment),
    Sweep(SweptKey),
}

/// Reads KEY=VALUE arguments of a command that takes no sweeps. A value is TOML, or a bare word.
pub(super) fn parse(arguments: &[String]) -> Result<Vec<Assignment>, InputError> {
    let read = |(index, argument): (usize, &String)| match parse_one(argument, index)? {
        Argument::Set(assignment) => Ok(assignment),
        Argument::Sweep(_) => Err(InputError::argument(argument, "sweeps belong to `ufm run`; here every key has one value")
            .with_help("give one value; an array is written in brackets: [6,3,1]")),
    };
    arguments.iter().enumerate().map(read).collect()
}

/// The same for a scenario: keys with one value, and keys that are swept.
pub(super) fn parse_sweeping(arguments: &[String]) -> Result<(Vec<Assignment>, Vec<SweptKey>), InputError> {
    let (mut set, mut swept) = (Vec::new(), Vec::new());
    for (index, argument) in arguments.iter().enumerate() {
        match parse_one(argument, index)? {
            Argument::Set(assignment) => set.push(assignment),
            Argument::Sweep(key) => swept.push(key),
        }
    }
    Ok((set, swept))
}

fn parse_one(argument: &str, index: usize) -> Result<Argument, InputError> {
    let fault = |message: String| InputError::argument(argument, message);
    let Some((key, value)) = argument.split_once('=') else {
        return Err(fault("an argument here is KEY=VALUE, e.g. loss.name=focal".into()));
    };
    let (key, value) = (key.trim(), value.trim());
    let mut keys = dotted(key).ok_or_else(|| fault(format!("`{key}` is not a dotted key, e.g. model.decay.w")))?;
    if keys[0] == "decay" {
        // As in `[sweep]`.
        keys.insert(0, "model".into());
    }
    if keys[0] == "sweep" {
        return Err(fault("a sweep is asked for by its key: model.width=2,3,4 or model.decay.epsilon=log:1e-4:1e-1:20".into()));
    }
    if keys[0] == "test" {
        return Err(fault("the [test] overrides cannot be set from the command line".into()));
    }
    if value.is_empty() {
        return Err(fault("the value is empty".into()));
    }
    let is_formula = losses::FORMULA_KEYS.iter().any(|name| key.strip_prefix("loss.") == Some(name));
    if is_formula && !value.starts_with(['"', '\'']) {
        // A formula is a text whatever it looks like: `1` is one.
        let node = Node { value: Value::Text(value.to_owned()), origin: Origin::Argument(index) };
        return Ok(Argument::Set(Assignment { keys, node }));
    }
    if !is_formula {
        let parts = pieces(value);
        if parts.len() > 1 {
            if let Some(position) = parts.iter().position(|part| part.is_empty()) {
                return Err(fault(format!("value {} of the sweep is empty", position + 1)));
            }
            let values = parts.iter().map(|part| value_node(part, argument, index)).collect::<Result<_, _>>()?;
            return SweptKey::of_argument(key, values).map(Argument::Sweep).map_err(fault);
        }
        if let Some(values) = sweep::range_of_argument(value, index) {
            return values.and_then(|values| SweptKey::of_argument(key, values)).map(Argument::Sweep).map_err(fault);
        }
    }
    Ok(Argument::Set(Assignment { keys, node: value_node(value, argument, index)? }))
}

/// The value that a text is.
fn value_node(value: &str, argument: &str, index: usize) -> Result<Node, InputError> {
    parse_value(value, index).or_else(|message| {
        // A word that is no TOML value is a text without its quotes, unless it begins like a quoted or bracketed value.
        if value.starts_with(['"', '\'', '[', '{']) {
            return Err(InputError::argument(argument, format!("`{value}` is not a value: {message}")));
        }
        Ok(Node { value: Value::Text(value.to_owned()), origin: Origin::Argument(index) })
    })
}

/// The parts of a dotted key; parts may be quoted. None where it is not one.
pub(super) fn dotted(key: &str) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let mut rest = key;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (part, after) = quoted.split_once('"')?;
            keys.push(part.to_owned());
            rest = after;
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let part = &rest[..end];
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
                return None;
            }
            keys.push(part.to_owned());
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Some(keys);
        }
        rest = rest.strip_prefix('.')?;
    }
}

/// The pieces that the commas outside brackets, parentheses and quotes make of a value.
fn pieces(value: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start, mut parts) = (0_i32, None, 0, Vec::new());
    for (at, character) in value.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[' | '(' | '{') => depth += 1,
            (None, ']' | ')' | '}') => depth -= 1,
            (None, ',') if depth <= 0 => {
                parts.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value[start..].trim());
    parts
}

/// The assignments of a `[test]` table. A quoted dotted key replaces what it names; a nested table goes on key by key.
pub(super) fn of_test_table(node: &Node) -> Result<Vec<Assignment>, Fault> {
    let mut assignments = Vec::new();
    collect(node, &Way::keys(["test"]), &mut Vec::new(), &mut assignments)?;
    Ok(assignments)
}

fn collect(node: &Node, way: &Way, keys: &mut Vec<String>, out: &mut Vec<Assignment>) -> Result<(), Fault> {
    let Value::Table(entries) = &node.value else {
        return Err(Fault::new(way, format!("expected a table, found {}", node.describe())));
    };
    for entry in entries {
        let way = way.then(&entry.key);
        // A key of natures or metrics ("global-minimum") has no dot, so a dot always means a dotted key.
        // Below `sweep` a dotted key is one key.
        let swept = keys.first().is_some_and(|first| first == "sweep");
        let parts = if entry.key.contains('.') && !swept { dotted(&entry.key) } else { Some(vec![entry.key.clone()]) };
        let Some(parts) = parts else {
            return Err(Fault::new(&way, format!("`{}` is not a dotted key", entry.key)).at_key());
        };
        if parts[0] == "test" && keys.is_empty() {
            return Err(Fault::new(&way, "`test` cannot be overridden for tests").at_key());
        }
        let depth = keys.len();
        let whole = parts.len() > 1 || swept;
        keys.extend(parts);
        match &entry.node.value {
            Value::Table(_) if !whole => collect(&entry.node, &way, keys, out)?,
            _ => out.push(Assignment { keys: keys.clone(), node: entry.node.clone() }),
        }
        keys.truncate(depth);
    }
    Ok(())
}

/// Sets every assignment in the tree.
pub(super) fn apply(tree: &mut Node, assignments: &[Assignment]) -> Result<(), Fault> {
    for section in FAMILIES {
        let mine = || assignments.iter().filter(|assignment| assignment.keys[0] == section);
        if !mine().any(|assignment| assignment.keys.get(1).is_some_and(|key| key == "name")) {
            continue;
        }
        // `loss.name=…` starts afresh: a table of the keys given beside it.
        let first = mine().next().expect("there is one");
        *child(tree, section, &first.node.origin) = Node::table(first.node.origin.clone());
        for assignment in mine() {
            set(tree, &assignment.keys, &assignment.node)?;
        }
    }
    for assignment in assignments {
        let section = assignment.keys[0].as_str();
        let renamed = FAMILIES.contains(&section)
            && assignments.iter().any(|other| other.keys[0] == section && other.keys.get(1).is_some_and(|key| key == "name"));
        if renamed {
            continue;
        }
        displace(tree, assignment, assignments);
        let several = FAMILIES.contains(&section)
            && assignment.keys.len() > 1
            && matches!(tree.get(section), Some(Node { value: Value::Array(_), .. }));
        if several { set_where_accepted(tree, assignment)? } else { set(tree, &assignment.keys, &assignment.node)? }
    }
    Ok(())
}

/// Removes keys that the assignment contradicts: the other way of giving the decays, and λ_b of a bias that no longer decays.
fn displace(tree: &mut Node, assignment: &Assignment, assignments: &[Assignment]) {
    let keys: Vec<&str> = assignment.keys.iter().map(String::as_str).collect();
    let removed: &[&str] = match keys[..] {
        ["model", "decay", "epsilon"] => &["w", "h"],
        ["model", "decay", "w" | "h"] => &["epsilon", "ratio"],
        ["model", "bias"] if assignment.node.text() != Some("decayed") => &["b"],
        _ => return,
    };
    let given = |key: &str| assignments.iter().any(|other| other.keys == ["model", "decay", key]);
    let Some(model) = find(tree, "model") else { return };
    let Some(decay) = find(model, "decay") else { return };
    if let Value::Table(entries) = &mut decay.value {
        entries.retain(|entry| given(&entry.key) || !removed.contains(&entry.key.as_str()));
    }
}

fn find<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    match &mut node.value {
        Value::Table(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node),
        _ => None,
    }
}

/// The node under `key` of a table, made where it is missing.
fn child<'a>(node: &'a mut Node, key: &str, origin: &Origin) -> &'a mut Node {
    let Value::Table(entries) = &mut node.value else { unreachable!("the caller has seen a table") };
    let position = entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        entries.push(Entry { key: key.to_owned(), origin: origin.clone(), node: Node::table(origin.clone()) });
        entries.len() - 1
    });
    &mut entries[position].node
}

fn set(tree: &mut Node, keys: &[String], value: &Node) -> Result<(), Fault> {
    let mut node = &mut *tree;
    for (depth, key) in keys.iter().enumerate() {
        if !matches!(node.value, Value::Table(_)) {
            let way = Way::keys(keys[..depth].iter().map(String::as_str));
            let found = node.describe();
            // Blame the argument, not the value it runs into.
            node.origin = value.origin.clone();
            return Err(Fault::new(&way, format!("`{way}` is {found}, so there is no key `{key}` in it")));
        }
        node = child(node, key, &value.origin);
    }
    *node = value.clone();
    relabel(tree, keys, &value.origin);
    Ok(())
}

/// Gives the key of a set value the value's origin, so that a fault of the key points there too.
fn relabel(tree: &mut Node, keys: &[String], origin: &Origin) {
    let mut node = tree;
    for (depth, key) in keys.iter().enumerate() {
        let Value::Table(entries) = &mut node.value else { return };
        let Some(entry) = entries.iter_mut().find(|entry| &entry.key == key) else { return };
        if depth + 1 == keys.len() {
            entry.origin = origin.clone();
        }
        node = &mut entry.node;
    }
}

fn set_where_accepted(tree: &mut Node, assignment: &Assignment) -> Result<(), Fault> {
    let section = assignment.keys[0].clone();
    let key = &assignment.keys[1];
    let Some(Node { value: Value::Array(elements), .. }) = find(tree, &section) else { return Ok(()) };
    let mut accepted = false;
    let mut known: Vec<&'static str> = Vec::new();
    for element in elements.iter_mut() {
        let keys = keys_of(&section, element.get("name").and_then(Node::text));
        known.extend(keys.iter().filter(|key| !known.contains(*key)).collect::<Vec<_>>());
        let taken = keys.contains(&key.as_str()) || (section == "loss" && is_own_parameter(element, key));
        if taken && matches!(element.value, Value::Table(_)) {
            set(element, &assignment.keys[1..], &assignment.node)?;
            accepted = true;
        }
    }
    if accepted {
        return Ok(());
    }
    // No element has the key, so it has no place in the tree: the fault stands at the section, with the argument as its origin.
    let message = format!("no element of `{section}` takes a key `{key}`; known here: {}", list(known.iter().copied()));
    let fault = Fault { way: Way(vec![Step::Key(section.clone()), Step::Key(key.clone())]), at_key: true, message, help: None };
    let fault = fault.help(suggestion(key, known));
    let origin = assignment.node.origin.clone();
    if let Some(node) = find(tree, &section) {
        *node =
            Node { value: Value::Table(vec![Entry { key: key.clone(), origin, node: assignment.node.clone() }]), ..node.clone() };
    }
    Err(fault)
}

/// Whether a formula of a loss of the user's own has this parameter.
fn is_own_parameter(element: &Node, key: &str) -> bool {
    let uses = |(name, variables): (&str, Variables)| {
        let text = element.get(name).and_then(Node::text);
        let has = |formula: expression::Expression| formula.parameters().any(|(name, _)| name == key);
        text.is_some_and(|text| expression::parse(text, variables).is_ok_and(has))
    };
    let formulas = [("ell", Variables::TrueClass), ("own", Variables::Logit), ("others", Variables::Logit)];
    element.get("name").and_then(Node::text) == Some(losses::CUSTOM.name) && formulas.into_iter().any(uses)
}

/// The keys that a member of a family takes; the name alone where there is no such member.
pub(super) fn keys_of(section: &str, name: Option<&str>) -> Vec<&'static str> {
    let mut keys = vec!["name"];
    match section {
        "loss" => {
            keys.push("scale");
            if let Some(family) = losses::ALL.iter().find(|family| Some(family.name) == name) {
                keys.extend(family.parameters.iter().map(|parameter| parameter.name));
            }
            if name == Some(losses::CUSTOM.name) {
                keys.extend(losses::FORMULA_KEYS);
            }
        }
        "starts" => {
            let name = name.unwrap_or(DEFAULT_START);
            keys.extend(starts::ALL.iter().filter(|family| family.name == name).flat_map(|family| family.keys));
        }
        _ => {
            let name = name.unwrap_or(DEFAULT_SOLVER);
            keys.extend(solvers::ALL.iter().filter(|family| family.name == name).flat_map(|family| family.keys));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_outside_brackets_and_quotes_divide() {
        for (value, count) in
            [("3", 1), ("2,3,4", 3), ("[6,3,1]", 1), ("\"a, b\"", 1), ("f(1,2)", 1), ("{ a = 1, b = 2 }", 1), ("a,[1,2]", 2)]
        {
            assert_eq!(pieces(value).len(), count, "{value}");
        }
    }

    #[test]
    fn dotted_keys_have_parts() {
        assert_eq!(dotted("model.decay.w"), Some(vec!["model".into(), "decay".into(), "w".into()]));
        assert_eq!(dotted("expect.\"a.b\".c"), Some(vec!["expect".into(), "a.b".into(), "c".into()]));
        for wrong in ["", ".", "a.", ".a", "a..b", "a b", "\"a"] {
            assert_eq!(dotted(wrong), None, "{wrong}");
        }
    }
}
