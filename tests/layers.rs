//! The architecture as a test: modules stand in layers and use only lower ones; numbers to verdicts do no I/O and read no clock.

use std::fs;
use std::path::{Path, PathBuf};

/// Layers from the bottom. Modules in one layer must not use each other.
const LAYERS: &[&[&str]] = &[
    &["numeric"],
    &["linalg"],
    &["model"],
    &["losses"],
    &["objective"],
    &["critical"],
    &["theory"],
    &["starts", "solvers", "spectra", "metrics", "gpu"],
    &["rigor"],
    &["verdict"],
    &["census"],
    &["record"],
    &["theorems", "report"],
    &["scenario"],
    &["study"],
    &["cli"],
];

/// Up to this module nothing does I/O or reads a clock (`gpu` may talk to its device, and to nothing else).
const LAST_PURE: &str = "census";

/// What a pure module must not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::env",
    "std::net",
    "std::process",
    "std::time",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "dbg!",
    "Instant::now",
    "SystemTime",
    "File::open",
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Source without comments and without the contents of strings; line breaks are kept, so that lines can be named.
fn code_only(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let characters: Vec<char> = source.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        let next = characters.get(at + 1).copied();
        match characters[at] {
            '/' if next == Some('/') => {
                while at < characters.len() && characters[at] != '\n' {
                    at += 1;
                }
            }
            '/' if next == Some('*') => {
                let mut depth = 0;
                while at < characters.len() {
                    match (characters[at], characters.get(at + 1)) {
                        ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
                        ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
                        (other, _) => {
                            if other == '\n' {
                                out.push('\n');
                            }
                            at += 1;
                        }
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            'r' if matches!(next, Some('"' | '#')) && raw_string(&characters, at).is_some() => {
                let end = raw_string(&characters, at).expect("just seen");
                out.extend(characters[at..end].iter().filter(|&&c| c == '\n'));
                at = end;
            }
            '"' => {
                at += 1;
                while at < characters.len() && characters[at] != '"' {
                    if characters[at] == '\n' {
                        out.push('\n');
                    }
                    at += if characters[at] == '\\' { 2 } else { 1 };
                }
                at += 1;
            }
            // A quoted quote would open a string that never ends.
            '\'' if next == Some('"') && characters.get(at + 2) == Some(&'\'') => at += 3,
            '\'' if next == Some('\\') && characters.get(at + 3) == Some(&'\'') => at += 4,
            other => {
                out.push(other);
                at += 1;
            }
        }
    }
    out
}

/// The end of a raw string that begins at `start`, if one does.
fn raw_string(characters: &[char], start: usize) -> Option<usize> {
    if start > 0 && (characters[start - 1].is_alphanumeric() || characters[start - 1] == '_') {
        return None;
    }
    let hashes = characters[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if characters.get(open) != Some(&'"') {
        return None;
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let rest = &characters[open + 1..];
    rest.windows(closing.len()).position(|window| window == closing).map(|end| open + 1 + end + closing.len())
}

/// The tree behind `crate::` at a place: names of the first level, e.g. `crate::{model::Shape, losses}` gives both.
fn first_names(after: &str) -> Vec<String> {
    let after = after.trim_start();
    let identifier = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = after.strip_prefix('{') else { return vec![identifier(after)] };
    let (mut depth, mut names, mut fresh) = (0_i32, Vec::new(), true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                names.push(identifier(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

/// Every use of a module that is not lower, as `line: module → other`.
fn violations(module: &str, source: &str) -> Vec<String> {
    let code = code_only(source);
    let own = layer(module).unwrap_or_else(|| panic!("the module `{module}` has no layer: give it one in LAYERS"));
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        for other in first_names(&code[at + "crate::".len()..]) {
            let below = match layer(&other) {
                Some(other_layer) => other == module || other_layer < own,
                // Not a module of ours: an item at the crate's root would evade the layers.
                None => false,
            };
            if !below {
                found.push(format!("{line}: {module} → {other}"));
            }
        }
    }
    found
}

/// Every impure name, as `line: name`.
fn impurities(source: &str) -> Vec<String> {
    // Grouped imports (`use std::{fs, time}`) are spelled out, so that they are seen too.
    let code = code_only(source);
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for name in IMPURE.iter().filter(|name| line.contains(*name)) {
            found.push(format!("{}: {name}", number + 1));
        }
    }
    for (at, _) in code.match_indices("std::{") {
        let line = code[..at].matches('\n').count() + 1;
        for name in first_names(&code[at + "std::".len()..]) {
            let path = format!("std::{name}");
            if IMPURE.contains(&path.as_str()) {
                found.push(format!("{line}: {path}"));
            }
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The top-level module of a file; none for `lib.rs` and `main.rs`.
fn module_of(path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root()).unwrap();
    let first = relative.components().next()?.as_os_str().to_string_lossy().into_owned();
    let module = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
    (!["lib", "main"].contains(&module.as_str())).then_some(module)
}

#[test]
fn modules_use_lower_layers_only() {
    let mut found = Vec::new();
    for path in sources(&root()) {
        let Some(module) = module_of(&path) else { continue };
        let source = fs::read_to_string(&path).unwrap();
        found.extend(violations(&module, &source).into_iter().map(|violation| format!("{}:{violation}", path.display())));
    }
    assert!(found.is_empty(), "layers are violated:\n{}", found.join("\n"));
}

#[test]
fn numbers_to_verdicts_do_no_input_or_output() {
    let mut found = Vec::new();
    for path in sources(&root()) {
        let Some(module) = module_of(&path) else { continue };
        let pure = layer(&module).is_some_and(|own| own <= layer(LAST_PURE).unwrap());
        // Tests may read oracle files.
        let is_test = path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("tests"));
        if !pure || is_test {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let code = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        found.extend(impurities(code).into_iter().map(|impurity| format!("{}:{impurity}", path.display())));
    }
    assert!(found.is_empty(), "these modules must stay pure:\n{}", found.join("\n"));
}

#[test]
fn every_module_of_the_library_has_a_layer() {
    let library = code_only(&fs::read_to_string(root().join("lib.rs")).unwrap());
    let modules: Vec<&str> = library
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ").or_else(|| line.trim().strip_prefix("mod ")))
        .filter_map(|rest| rest.split([';', ' ', '{']).next())
        .collect();
    assert!(modules.len() >= 10, "lib.rs was not understood: {modules:?}");
    for module in &modules {
        assert!(layer(module).is_some(), "`{module}` has no layer");
    }
    // In lib.rs they stand in the order of their layers.
    let order: Vec<usize> = modules.iter().map(|module| layer(module).unwrap()).collect();
    assert!(order.is_sorted(), "lib.rs does not list its modules from the lowest layer up: {modules:?}");
}

#[test]
fn planted_violations_are_caught() {
    for (module, source, caught) in [
        ("losses", "use crate::objective::Problem;", "1: losses → objective"),
        ("losses", "\n\nuse crate::{\n    model::{Shape, Bias},\n    critical,\n};", "3: losses → critical"),
        ("starts", "use crate::solvers::Stop;", "1: starts → solvers"),
        ("theorems", "fn f() { crate::report::draw() }", "1: theorems → report"),
        ("numeric", "use crate::Secret;", "1: numeric → Secret"),
        ("verdict", "let x = '\"'; use crate::record::Record;", "1: verdict → record"),
        ("model", "let s = r#\"a \" b\"#; crate::losses::ALL;", "1: model → losses"),
    ] {
        assert_eq!(violations(module, source), [caught], "{source}");
    }
    for (module, source) in [
        ("objective", "use crate::losses::Loss;\nuse crate::{model, numeric::Sum};"),
        ("losses", "use crate::losses::Softmax;"),
        ("numeric", "// crate::cli is far above\n/* crate::cli /* nested */ crate::cli */"),
        ("numeric", "let text = \"use crate::cli::main\";"),
    ] {
        assert_eq!(violations(module, source), [""; 0], "{source}");
    }
    for source in [
        "use std::fs;",
        "use std::{fmt, fs};",
        "let t = std::time::Instant::now();",
        "println!(\"x\");",
        "let v = std::env::var(x);",
    ] {
        assert!(!impurities(source).is_empty(), "{source}");
    }
    assert_eq!(impurities("use std::fmt;\n// println!\nlet s = \"std::fs\";"), [""; 0]);
}
