//! Hostile certificates: mutations of good ones at the level of bytes, numbers, structure and size. The checker must answer each in words, without a panic; what it accepts must be a certificate still.
//!
//! The seeds are fixed. The long search: `cargo test --release --test certificate_fuzz -- --ignored --nocapture`, UFM_FUZZ=N for N rounds.

#[path = "shared/certificates.rs"]
mod certificates;

use std::panic::{AssertUnwindSafe, catch_unwind};

use certificates::{good_certificates, leaves, sealed};
use rand::{Rng, RngExt};
use serde_json::{Value, json};
use ufm::numeric::stream;
use ufm::rigor::canonical;
use ufm::rigor::check::check;

/// Numbers as no prover writes them: huge, tiny, none, and texts that only look like numbers.
const NUMBERS: &[&str] = &[
    "0x1.fffffffffffffp+1023",
    "-0x1.fffffffffffffp+1023",
    "0x0.0000000000001p-1022",
    "-0x0.0000000000001p-1022",
    "0x1p-1022",
    "0x0p0",
    "-0x0.0p+0",
    "0x1p+1024",
    "0x1p9999",
    "0x1p-9999",
    "0x1p99999",
    "0x1.00000000000000000p0",
    "0x2p0",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "1e309",
    "1e999999999",
    "0.1",
    "",
    "0x",
    "0x1p",
    "p",
    "unbounded",
    "0x1.8p+1 ",
    "\u{0}",
    "é",
];

/// Integers out of every range.
const INTEGERS: &[u64] = &[0, 1, 2, 3, 4, 1000, 1001, 4096, 4097, 1 << 20, 1_000_000_000, 1 << 53, u64::MAX];

fn pick<'a, T>(random: &mut impl Rng, from: &'a [T]) -> &'a T {
    &from[random.random_range(0..from.len())]
}

/// Paths to every value that holds others.
fn branches(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| branches(value, &format!("{path}/{key}"), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| branches(value, &format!("{path}/{at}"), out)),
        _ => return,
    }
    out.push(path.to_owned());
}

/// A value that does not belong where it is put.
fn strange(random: &mut impl Rng) -> Value {
    match random.random_range(0..12) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => json!([]),
        3 => json!({}),
        4 => json!(-1),
        5 => json!(0.5),
        6 => json!(1e308),
        7 => json!(["0x1p+0", "0x1p-1"]),
        8 => (0..random.random_range(1..20)).fold(json!(1), |inner, _| json!([inner])),
        9 => json!("x".repeat(random.random_range(0..200))),
        10 => Value::Array(vec![json!(0); random.random_range(0..3000)]),
        _ => json!({ "kind": "gap", "name": "focal", "gamma": "0x1p0" }),
    }
}

/// Changes one place of a document; a gentle change leaves it well formed, mostly, so that the mathematics is reached.
fn mutate(document: &mut Value, other: &Value, gentle: bool, random: &mut impl Rng) {
    let (mut places, mut inner) = (Vec::new(), Vec::new());
    leaves(document, "", &mut places);
    if gentle && !places.is_empty() {
        let place = document.pointer_mut(pick::<String>(random, &places)).unwrap();
        let mut choices = certificates::corrupted(place);
        if place.is_string() {
            choices.extend(NUMBERS.iter().take(7).map(|&number| json!(number)));
        }
        *place = pick(random, &choices).clone();
        return;
    }
    branches(document, "", &mut inner);
    if places.is_empty() || random.random_range(0..3) == 0 {
        return mutate_branch(document, pick::<String>(random, &inner), other, random);
    }
    let place = document.pointer_mut(pick::<String>(random, &places)).unwrap();
    *place = match (random.random_range(0..10), &*place) {
        (0, _) => strange(random),
        (1, Value::String(_)) => json!(*pick(random, INTEGERS)),
        (_, Value::Number(_)) => json!(*pick(random, INTEGERS)),
        (2..=5, _) => json!(*pick(random, NUMBERS)),
        (_, leaf) => {
            let choices = certificates::corrupted(leaf);
            if choices.is_empty() { Value::Null } else { pick(random, &choices).clone() }
        }
    };
}

/// Changes a list or an object: entries dropped, doubled, exchanged, added, taken from another certificate.
fn mutate_branch(document: &mut Value, path: &str, other: &Value, random: &mut impl Rng) {
    let foreign = other.pointer(path).cloned().unwrap_or_else(|| strange(random));
    let action = random.random_range(0..7);
    match document.pointer_mut(path).unwrap() {
        Value::Array(items) if !items.is_empty() => {
            let (a, b) = (random.random_range(0..items.len()), random.random_range(0..items.len()));
            match action {
                0 => drop(items.remove(a)),
                1 => items.push(items[a].clone()),
                2 => items.swap(a, b),
                3 => items.truncate(a),
                4 => (0..random.random_range(1..40)).for_each(|_| items.push(items[a].clone())),
                5 => items.clear(),
                _ => items[a] = foreign,
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let key = fields.keys().nth(random.random_range(0..fields.len())).cloned().unwrap();
            match action {
                0 | 1 => drop(fields.shift_remove(&key)),
                2 => drop(fields.insert("surprise".into(), strange(random))),
                3 => drop(fields.insert(key, strange(random))),
                _ => {
                    let foreign = foreign.get(&key).cloned().unwrap_or_else(|| strange(random));
                    fields.insert(key, foreign);
                }
            }
        }
        value => *value = strange(random),
    }
}

/// Changes bytes of a text.
fn mutate_bytes(text: &str, other: &str, random: &mut impl Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..6) {
        0 => bytes.truncate(at),
        1 => bytes[at] ^= 1 << random.random_range(0..8),
        2 => bytes[at] = random.random_range(0..=255),
        3 => drop(bytes.splice(at..at, b"[{\",:0x1p-e+".iter().copied().take(random.random_range(1..12)))),
        4 => {
            let from = random.random_range(0..other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other.as_bytes()[from..]);
        }
        _ => {
            let end = (at + random.random_range(1..50)).min(bytes.len());
            bytes.drain(at..end);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What became of the texts.
#[derive(Debug, Default)]
struct Counts {
    malformed: usize,
    unsealed: usize,
    refused: usize,
    accepted: usize,
}

/// Checks a text: no panic, a short answer in words.
fn answered(text: &str, what: &str, counts: &mut Counts) {
    let head: String = text.chars().take(3000).collect();
    let found = catch_unwind(AssertUnwindSafe(|| check(text))).unwrap_or_else(|_| panic!("{what}: a panic at\n{head}"));
    match found {
        Err(error) => {
            let words = error.to_string();
            assert!(!words.is_empty() && words.len() < 1000, "{what}: {} bytes of words: {words:.200}", words.len());
            assert!(words.chars().all(|c| !c.is_control()), "{what}: {words:?}");
            counts.malformed += 1;
        }
        Ok(report) if !report.sealed => {
            assert!(!report.accepted && report.claims.is_empty());
            counts.unsealed += 1;
        }
        Ok(report) => {
            for claim in &report.claims {
                let complete = claim.steps.iter().all(|step| step.holds);
                assert_eq!(claim.accepted, complete, "{what}: {claim:?}");
                assert!(claim.establishes.len() < 2000 && claim.steps.iter().all(|step| step.found.len() < 2000), "{what}");
            }
            assert_eq!(report.accepted, report.reason().is_none(), "{what}\n{head}");
            *(if report.accepted { &mut counts.accepted } else { &mut counts.refused }) += 1;
        }
    }
}

fn search(rounds: usize, seed: u64) -> Counts {
    let good = good_certificates();
    let mut counts = Counts::default();
    for round in 0..rounds {
        let mut random = stream(seed, "fuzz", round as u64);
        let (mut document, other) = (pick(&mut random, &good).clone(), pick(&mut random, &good).clone());
        let text = if random.random_range(0..4) == 0 {
            mutate_bytes(&canonical(&document), &canonical(&other), &mut random)
        } else {
            let gentle = random.random_range(0..3) > 0;
            for _ in 0..random.random_range(1..5) {
                mutate(&mut document, &other, gentle, &mut random);
            }
            if random.random_range(0..10) == 0 { canonical(&document) } else { sealed(document) }
        };
        answered(&text, &format!("seed {seed}, round {round}"), &mut counts);
    }
    counts
}

#[test]
fn mutations_are_answered_without_a_panic() {
    let counts = search(3000, 1);
    // Each outcome was reached, or nothing was tested.
    assert!(counts.malformed > 300 && counts.refused > 300 && counts.accepted > 30 && counts.unsealed > 30, "{counts:?}");
}

#[test]
#[ignore = "minutes; run in release"]
fn many_mutations_are_answered_without_a_panic() {
    let rounds = std::env::var("UFM_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(500_000);
    let counts = search(rounds, 2);
    #[expect(clippy::print_stdout, reason = "the counts are the result")]
    {
        println!("{rounds} mutated certificates: {counts:?}");
    }
    assert!(counts.accepted > rounds / 200 && counts.refused > rounds / 20);
}

/// Texts that are large or deep: refused by the look at the text, before anything is stored.
#[test]
fn large_and_deep_texts_are_refused_in_words() {
    let list = |item: &str, count: usize| format!("{{\"format\":[{}]}}", vec![item; count].join(","));
    let digits = |n: usize| format!("{{\"format\":{}}}", "7".repeat(n));
    for (text, words) in [
        ("[".repeat(1_000_000), "nested"),
        ("{\"a\":".repeat(1_000_000), "nested"),
        (format!("{{\"format\":{}1{}}}", "[".repeat(100), "]".repeat(100)), "nested"),
        (list("0", 3_100_000), "values"),
        (list("[]", 1_600_000), "values"),
        (list("{}", 100), "objects"),
        (format!("{{{}\"b\":1}}", "\"a\":1,".repeat(2000)), "fields"),
        (digits(1_000_000), "digits"),
        (format!("{{\"format\":\"{}\"}}", "0".repeat(1_000_000)), "string"),
        (format!("{{\"{}\":1}}", "k".repeat(1_000_000)), "string"),
        ("{\"format\":\"\\u0041\"}".into(), "backslash"),
        ("\u{0}".repeat(1_000_000), "digits"),
        (" ".repeat((64 << 20) + 1), "bytes"),
        ("{\"format\":1e999999}".into(), "JSON"),
    ] {
        let error = check(&text).unwrap_err().to_string();
        assert!(error.contains(words) && error.len() < 300, "{words}: {error:.300}");
    }
    // A small text that speaks of large things.
    for document in good_certificates().iter().step_by(7) {
        for size in INTEGERS {
            for path in ["/problem/classes", "/problem/width", "/point/width"] {
                let mut bad = document.clone();
                if let Some(place) = bad.pointer_mut(path) {
                    *place = json!(size);
                    answered(&sealed(bad), &format!("{path} = {size}"), &mut Counts::default());
                }
            }
        }
    }
}

/// Inputs that once were answered badly.
#[test]
fn what_was_found_stays_mended() {
    let text = include_str!("corpus/hostile.jsonl");
    for (number, line) in text.lines().enumerate() {
        answered(line, &format!("line {}", number + 1), &mut Counts::default());
    }
}
