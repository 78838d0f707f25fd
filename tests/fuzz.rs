//! Everything that reads what others wrote, against mutated inputs: no panic, an answer in words, and what was read must read again as the same.
//!
//! On a stable compiler no coverage is to be had. Instead an input whose answer is of a new kind (its words without numbers and names) joins the corpus of the run and is mutated further.
//!
//! The long search, 5 minutes a target: `UFM_FUZZ_SECONDS=300 UFM_FUZZ_TARGET=npz cargo test --release --test fuzz -- --ignored --nocapture`, in a shell with `ulimit -v` for memory without bound.
//! The input at work stands in `$UFM_FUZZ_LAST`, for an end that no unwinding catches. What was found is in `tests/corpus/fuzz/TARGET/`, and is read again in every test run.

#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/targets.rs"]
mod targets;

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::mutate;
use rand::RngExt;
use targets::{ALL, Target};
use ufm::numeric::stream;

/// Inputs that were found once, and seeds that no code makes.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/fuzz").join(target.name);
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

/// The answer, or what the panic said.
fn run(target: &Target, folder: &Path, input: &[u8]) -> Result<String, String> {
    catch_unwind(AssertUnwindSafe(|| (target.read)(folder, input))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        text.unwrap_or("a panic without words").to_owned()
    })
}

/// An answer without what varies from input to input: numbers and what stands in quotes.
fn kind(answer: &str) -> String {
    let mut kind = String::new();
    let mut quoted = false;
    for c in answer.chars().take(2000) {
        match c {
            '`' | '"' | '\'' | '«' | '»' => quoted = !quoted,
            _ if quoted => {}
            _ if c.is_ascii_digit() => {}
            _ if c.is_ascii() => kind.push(c),
            _ => {}
        }
    }
    kind.truncate(300);
    kind
}

/// What a search found.
struct Found {
    executions: u64,
    corpus: usize,
    slowest: Duration,
    findings: Vec<(String, Vec<u8>)>,
}

/// Mutates until `enough` says so (of the number of executions), or three findings.
fn search(target: &Target, seed: u64, enough: &dyn Fn(u64) -> bool) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let last = std::env::var("UFM_FUZZ_LAST").ok();
    let mut inputs = (target.seeds)();
    inputs.extend(corpus(target).into_iter().map(|(_, input)| input));
    let mut kinds: HashSet<String> = HashSet::new();
    let mut found = Found { executions: 0, corpus: 0, slowest: Duration::ZERO, findings: vec![] };
    let mut round = 0;
    while !enough(found.executions) && found.findings.len() < 3 {
        let mut random = stream(seed, target.name, round);
        round += 1;
        let mut input = inputs[random.random_range(0..inputs.len())].clone();
        let other = inputs[random.random_range(0..inputs.len())].clone();
        for _ in 0..1_u32 << random.random_range(0..4) {
            mutate(&mut input, &other, &mut random);
        }
        if let Some(last) = &last {
            fs::write(last, &input).unwrap();
        }
        let begun = Instant::now();
        let answer = run(target, folder.path(), &input);
        found.slowest = found.slowest.max(begun.elapsed());
        found.executions += 1;
        match answer {
            Ok(answer) => {
                if inputs.len() < 4000 && input.len() < 1 << 14 && kinds.insert(kind(&answer)) {
                    inputs.push(input);
                }
            }
            Err(panic) => found.findings.push((panic, input)),
        }
    }
    found.corpus = inputs.len();
    found
}

fn report(target: &Target, found: &Found) {
    for (panic, input) in &found.findings {
        let path = std::env::temp_dir().join(format!("ufm-fuzz-{}-{:016x}", target.name, hash(input)));
        fs::write(&path, input).unwrap();
        #[expect(clippy::print_stderr, reason = "a finding must be seen")]
        {
            eprintln!("FOUND {} {}: {panic:.600}", target.name, path.display());
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn mutated_inputs_are_answered_in_words() {
    for target in ALL {
        let rounds = if matches!(target.name, "merge" | "scenario") { 150 } else { 600 };
        let found = search(target, 1, &|executions| executions >= rounds);
        report(target, &found);
        assert!(found.findings.is_empty(), "{}: {}", target.name, found.findings[0].0);
        // More than one kind of answer, or nothing was tested.
        assert!(found.corpus > (target.seeds)().len() + corpus(target).len() + 3, "{}: {} inputs", target.name, found.corpus);
    }
}

#[test]
fn what_was_found_stays_mended() {
    let folder = tempfile::tempdir().unwrap();
    for target in ALL {
        for (name, input) in corpus(target) {
            let answer = run(target, folder.path(), &input);
            assert!(answer.is_ok(), "{name}: {answer:?}");
        }
    }
}

#[test]
fn seeds_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for target in ALL {
        let answers: Vec<String> = (target.seeds)().iter().map(|seed| run(target, folder.path(), seed).unwrap()).collect();
        assert!(answers.iter().any(|answer| answer.contains("accepted")), "{}: {answers:?}", target.name);
    }
}

/// A target that fails at some inputs is seen to.
#[test]
fn a_planted_panic_is_found() {
    fn planted(_: &Path, bytes: &[u8]) -> String {
        assert!(!bytes.contains(&b'['), "planted");
        "fine".into()
    }
    let target = Target { name: "planted", read: planted, seeds: || vec![b"good input 123".to_vec()] };
    let found = search(&target, 1, &|executions| executions >= 3000);
    assert!(
        found.findings.iter().all(|(panic, input)| panic == "planted" && input.contains(&b'[')) && !found.findings.is_empty()
    );
}

#[test]
#[ignore = "minutes; run in release"]
fn long_search() {
    let seconds = std::env::var("UFM_FUZZ_SECONDS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let only = std::env::var("UFM_FUZZ_TARGET").ok();
    let seed = std::env::var("UFM_FUZZ_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let mut findings = 0;
    for target in ALL.iter().filter(|target| only.as_ref().is_none_or(|only| only == target.name)) {
        let begun = Instant::now();
        let found = search(target, seed, &|_| begun.elapsed() >= Duration::from_secs(seconds));
        report(target, &found);
        findings += found.findings.len();
        #[expect(clippy::print_stdout, reason = "the counts are the result")]
        {
            let Found { executions, corpus, slowest, .. } = &found;
            println!(
                "| {} | {executions} | {corpus} | {} | {:.0} ms |",
                target.name,
                found.findings.len(),
                slowest.as_secs_f64() * 1e3
            );
        }
    }
    assert_eq!(findings, 0);
}
