//! Planted problems whose truth is known exactly, through the gate, the polish, the spectrum, the bounds and the verdict, as `ufm run` takes a candidate through them.
//!
//! A verdict is right, undecided, or wrong; wrong must never be. The 20,000: `cargo test --release --test planted_suite -- --ignored --nocapture`. `docs/belief.md` has the table.

#[path = "planted/chance.rs"]
mod chance;
#[path = "planted/families.rs"]
mod families;
#[path = "planted/forms.rs"]
mod forms;
#[path = "planted/oracle.rs"]
mod oracle;
#[path = "planted/structures.rs"]
mod structures;
#[path = "planted/truth.rs"]
mod truth;

use std::collections::BTreeMap;

use rayon::prelude::*;
use truth::{Nature, Plant, Score};

/// A family's short name (`UFM_PLANT` chooses those that contain its text), how it makes its plant of a number, and how many of them the long suite has.
type Family = (&'static str, fn(u64) -> Plant, u64);

const FAMILIES: &[Family] = &[
    ("minima", families::minima, 2500),
    ("decades", families::decades, 2000),
    ("extreme_logits", families::extreme_logits, 1500),
    ("phase_edges", families::phase_edges, 2000),
    ("origins", families::origins, 3000),
    ("mse_ladder", families::mse_ladder, 2000),
    ("mse_unequal", families::mse_unequal, 2000),
    ("focal_transition", families::focal_transition, 500),
    ("clusters", structures::clusters, 1500),
    ("partial", structures::partial, 1500),
    ("crossing", structures::crossing, 400),
    ("polygons", structures::polygons, 800),
    ("ghosts", structures::ghosts, 300),
    ("not_critical", structures::not_critical, 1500),
    ("near_saddles", structures::near_saddles, 1000),
    ("exact_edges", structures::exact_edges, 500),
    ("collapsed", structures::collapsed, 1000),
    ("large_saddles", structures::large_saddles, 50),
];

#[derive(Default)]
struct Row {
    right: u64,
    undecided: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
}

/// What makes a plant, and its number.
type Task = (fn(u64) -> Plant, u64);

/// The table of `share` of every family's plants.
fn table(share: impl Fn(u64) -> u64) -> BTreeMap<&'static str, Row> {
    let only = std::env::var("UFM_PLANT").ok();
    let tasks: Vec<Task> = FAMILIES
        .iter()
        .filter(|(name, ..)| only.as_ref().is_none_or(|only| name.contains(only.as_str())))
        .flat_map(|&(_, make, count)| (0..share(count)).map(move |index| (make, index)))
        .collect();
    let scores: Vec<(&'static str, String, Score)> = tasks
        .par_iter()
        .map(|&(make, index)| {
            let plant = make(index);
            (plant.family, format!("#{index} {}", plant.made), plant.score())
        })
        .collect();
    let mut rows: BTreeMap<&'static str, Row> = BTreeMap::new();
    for (family, made, score) in scores {
        let row = rows.entry(family).or_default();
        match score {
            Score::Right => row.right += 1,
            Score::Undecided(why) => *row.undecided.entry(why).or_default() += 1,
            Score::Wrong(what) => row.wrong.push(format!("{made}: {what}")),
        }
    }
    rows
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn print(rows: &BTreeMap<&'static str, Row>) {
    println!("| family | cases | right | undecided | wrong |\n|---|---|---|---|---|");
    let mut total = [0; 3];
    for (family, row) in rows {
        let undecided: u64 = row.undecided.values().sum();
        let wrong = row.wrong.len() as u64;
        total = [total[0] + row.right, total[1] + undecided, total[2] + wrong];
        let why: Vec<String> = row.undecided.iter().map(|(why, count)| format!("{count} {why}")).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        println!("| {family} | {} | {} | {undecided}{why} | {wrong} |", row.right + undecided + wrong, row.right);
    }
    println!("| **all** | {} | {} | {} | {} |", total.iter().sum::<u64>(), total[0], total[1], total[2]);
    for (family, row) in rows {
        row.wrong.iter().take(4).for_each(|wrong| println!("WRONG {family} {wrong}"));
    }
}

fn nothing_wrong(rows: &BTreeMap<&'static str, Row>) {
    let wrong: usize = rows.values().map(|row| row.wrong.len()).sum();
    assert_eq!(wrong, 0, "false beliefs");
}

#[test]
fn no_verdict_on_a_planted_problem_is_wrong() {
    let rows = table(|count| count / 50);
    print(&rows);
    nothing_wrong(&rows);
}

#[test]
#[ignore = "minutes; run in release"]
fn no_verdict_on_twenty_thousand_planted_problems_is_wrong() {
    let rows = table(|count| count);
    print(&rows);
    nothing_wrong(&rows);
}

/// Plants whose records were wrong once.
#[test]
fn what_was_found_stays_mended() {
    let stay = |make: fn(u64) -> Plant, numbers: &[u64]| {
        for &number in numbers {
            let plant = make(number);
            let score = plant.score();
            assert!(!matches!(score, Score::Wrong(_)), "#{number} {}: {score:?}", plant.made);
        }
    };
    stay(families::decades, &[8, 32, 37, 549]);
    stay(families::extreme_logits, &[1, 4, 5]);
    stay(families::origins, &[34, 47, 49, 58]);
    stay(families::mse_ladder, &[1084]);
    stay(families::mse_unequal, &[7, 12]);
    stay(families::focal_transition, &[0, 8]);
    stay(structures::exact_edges, &[1, 8]);
    stay(structures::ghosts, &[0, 22, 30, 35, 36]);
    stay(structures::not_critical, &[120, 170, 207, 326]);
    stay(structures::collapsed, &[497]);
}

/// A falsified truth makes the record wrong: the suite does see what it looks for.
#[test]
fn a_falsified_truth_is_reported() {
    let falsified = |make: fn(u64) -> Plant, falsify: fn(&mut Plant)| {
        let seen = (0..12).filter(|&index| {
            let mut plant = make(index);
            if plant.score() != Score::Right {
                return false;
            }
            falsify(&mut plant);
            assert!(matches!(plant.score(), Score::Wrong(_)), "#{index} {}", plant.made);
            true
        });
        assert!(seen.count() > 5);
    };
    falsified(families::minima, |plant| plant.truth.nature = Nature::Saddle);
    falsified(families::minima, |plant| plant.truth.value *= 1.0 + 1e-8);
    falsified(families::minima, |plant| plant.truth.rank += 1);
    falsified(families::minima, |plant| plant.truth.zero = plant.truth.zero.map(|zero| zero + 1));
    falsified(families::minima, |plant| plant.truth.negative = Some(1));
    falsified(families::minima, |plant| plant.truth.least = plant.truth.least.map(|least| least * (1.0 - 1e-6)));
    falsified(structures::clusters, |plant| plant.truth.nature = Nature::Minimum);
    falsified(structures::clusters, |plant| plant.truth.critical = false);
    falsified(structures::not_critical, |plant| {
        plant.truth.critical = true;
        plant.truth.may_refuse = false;
    });
}
