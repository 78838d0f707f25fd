//! The public IEEE 1788 test vectors (ITF1788, Apache-2.0) for the operations that exist here, all of bare intervals. They are no part of the project: they are read, unchanged, from the folder `shared` beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::Interval;
use super::tests::c_float;

/// One side of an equation, cut into operands.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Set(Interval),
    Number(f64),
    Truth(bool),
}

fn number(text: &str) -> f64 {
    match text {
        "infinity" | "+infinity" => f64::INFINITY,
        "-infinity" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        other => c_float(&other.to_lowercase()),
    }
}

fn operands(text: &str) -> Vec<Operand> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (body, after) = inner.split_once(']').unwrap();
            out.push(Operand::Set(match body.trim() {
                "empty" => Interval::EMPTY,
                "entire" => Interval::ENTIRE,
                body => {
                    let (lo, hi) = body.split_once(',').unwrap();
                    Interval::new(number(lo.trim()), number(hi.trim())).unwrap()
                }
            }));
            rest = after.trim_start();
        } else {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            out.push(match word {
                "true" => Operand::Truth(true),
                "false" => Operand::Truth(false),
                word => Operand::Number(number(word)),
            });
            rest = after.trim_start();
        }
    }
    out
}

/// What an operation gives; `None` where there is no such operation here.
fn evaluate(name: &str, x: &[Operand]) -> Option<Operand> {
    use Operand::{Number, Set, Truth};
    Some(match (name, x) {
        ("pos", [Set(a)]) => Set(*a),
        ("neg", [Set(a)]) => Set(-*a),
        ("add", [Set(a), Set(b)]) => Set(*a + *b),
        ("sub", [Set(a), Set(b)]) => Set(*a - *b),
        ("mul", [Set(a), Set(b)]) => Set(*a * *b),
        ("div", [Set(a), Set(b)]) => Set(*a / *b),
        ("recip", [Set(a)]) => Set(a.recip()),
        ("sqr", [Set(a)]) => Set(a.sqr()),
        ("sqrt", [Set(a)]) => Set(a.sqrt()),
        ("pown", [Set(a), Number(n)]) => Set(a.pown(*n as i32)),
        ("pow", [Set(a), Set(b)]) => Set(a.pow(*b)),
        ("exp", [Set(a)]) => Set(a.exp()),
        ("log", [Set(a)]) => Set(a.log()),
        ("abs", [Set(a)]) => Set(a.abs()),
        ("min", [Set(a), Set(b)]) => Set(a.min(*b)),
        ("max", [Set(a), Set(b)]) => Set(a.max(*b)),
        ("intersection", [Set(a), Set(b)]) => Set(a.intersection(*b)),
        ("convexHull", [Set(a), Set(b)]) => Set(a.hull(*b)),
        ("inf", [Set(a)]) => Number(a.lo()),
        ("sup", [Set(a)]) => Number(a.hi()),
        ("mid", [Set(a)]) => Number(a.mid()),
        ("rad", [Set(a)]) => Number(a.rad()),
        ("wid", [Set(a)]) => Number(a.width()),
        ("mag", [Set(a)]) => Number(a.mag()),
        ("mig", [Set(a)]) => Number(a.mig()),
        ("isEmpty", [Set(a)]) => Truth(a.is_empty()),
        ("isEntire", [Set(a)]) => Truth(a.is_entire()),
        ("subset", [Set(a), Set(b)]) => Truth(a.is_subset(*b)),
        ("disjoint", [Set(a), Set(b)]) => Truth(a.is_disjoint(*b)),
        _ => return None,
    })
}

/// Whether `found` is right for `expected` (which is the tightest result), at most `ulps` floats wider at each end.
fn agrees(found: &Operand, expected: &Operand, ulps: usize) -> bool {
    let widened = |mut lo: f64, mut hi: f64| {
        for _ in 0..ulps {
            (lo, hi) = (lo.next_down(), hi.next_up());
        }
        (lo, hi)
    };
    match (found, expected) {
        (Operand::Set(a), Operand::Set(b)) if b.is_empty() => a.is_empty(),
        (Operand::Set(a), Operand::Set(b)) => {
            let (lo, hi) = widened(b.lo(), b.hi());
            b.is_subset(*a) && lo <= a.lo() && a.hi() <= hi
        }
        (Operand::Number(a), Operand::Number(b)) => {
            (a.is_nan() && b.is_nan()) || a.partial_cmp(b) == Some(std::cmp::Ordering::Equal)
        }
        (a, b) => a == b,
    }
}

/// The operations tested.
#[rustfmt::skip]
const OPERATIONS: [&str; 29] = [
    "pos", "neg", "add", "sub", "mul", "div", "recip", "sqr", "sqrt", "pown", "pow", "exp", "log", "abs", "min", "max", "intersection", "convexHull",
    "inf", "sup", "mid", "rad", "wid", "mag", "mig", "isEmpty", "isEntire", "subset", "disjoint",
];

/// The lines of a file that test one of [`OPERATIONS`] with bare intervals, each with its operation, arguments and result; decorated intervals, texts and comments are left out.
fn selected(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    text.lines().filter_map(|line| {
        let (left, right) = line.trim().strip_suffix(';')?.split_once(" = ")?;
        let (name, arguments) = left.split_once(' ')?;
        let bare = !["]_", "nai", "\""].iter().any(|mark| line.contains(mark));
        (OPERATIONS.contains(&name) && bare).then_some((name, arguments, right))
    })
}

#[test]
fn public_test_vectors_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/itf1788");
    if !folder.is_dir() {
        // Past the capture of what tests print: nobody should take this for a pass.
        let _ = writeln!(io::stderr(), "SKIPPED public_test_vectors_pass: the test vectors are not in ../shared/data/itf1788");
        return;
    }
    let mut counts = BTreeMap::<String, usize>::new();
    for file in ["elem", "num", "set", "bool"] {
        let path = folder.join(format!("libieeep1788_{file}.itl"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (name, arguments, right) in selected(&text) {
            let expected = operands(right).swap_remove(0);
            let found =
                evaluate(name, &operands(arguments)).unwrap_or_else(|| panic!("not evaluated: {name} {arguments} = {right}"));
            let ulps = if matches!(name, "pow" | "pown" | "exp" | "log") { 1 } else { 0 };
            assert!(agrees(&found, &expected, ulps), "{name} {arguments} = {right}: {found:?}");
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    // How many of each there are is the standard's business; that none was lost is ours.
    assert_eq!((counts.len(), counts.values().sum::<usize>()), (OPERATIONS.len(), 2324), "{counts:?}");
}

#[test]
fn bare_intervals_of_known_operations_are_selected() {
    let text = "/* add [9.0,9.0] [9.0,9.0] = [9.0,9.0]\n*/\ntestcase add {\n    add [1.0,2.0] [empty] = [empty];\n    add [1.0,2.0]_com [empty]_trv = [empty]_trv;\n    \
                sin [empty] = [empty];\n    pow [nai] [empty] = [nai];\n    b-textToInterval \"[ 1 ]\" = [1.0,1.0];\n    mid [0.0,2.0] = 1.0;\n}\n";
    let found: Vec<_> = selected(text).collect();
    assert_eq!(found, [("add", "[1.0,2.0] [empty]", "[empty]"), ("mid", "[0.0,2.0]", "1.0")]);
}

#[test]
fn a_wrong_vector_is_caught() {
    let set = |lo: f64, hi: f64| Operand::Set(Interval::new(lo, hi).unwrap());
    assert!(!agrees(&set(1.0, 2.0), &set(1.0, 3.0), 1));
    assert!(!agrees(&set(1.0, 4.0), &set(1.0, 3.0), 1));
    assert!(!agrees(&set(1.0, 2.0), &Operand::Set(Interval::EMPTY), 1));
    assert!(agrees(&set(1.0, 3.0_f64.next_up()), &set(1.0, 3.0), 1));
}
