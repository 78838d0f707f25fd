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
use truth::{Plant, Score};

/// How a family makes its plant of a number, and how many of them the long suite has.
type Family = (fn(u64) -> Plant, u64);

const FAMILIES: &[Family] = &[
    (families::minima, 2500),
    (families::decades, 2000),
    (families::extreme_logits, 1500),
    (families::phase_edges, 2000),
    (families::origins, 3000),
    (families::mse_ladder, 2000),
    (families::mse_unequal, 2000),
    (families::focal_transition, 500),
    (structures::clusters, 1500),
    (structures::partial, 1500),
    (structures::crossing, 400),
    (structures::polygons, 800),
    (structures::ghosts, 300),
    (structures::not_critical, 1500),
    (structures::near_saddles, 1000),
    (structures::exact_edges, 500),
    (structures::collapsed, 1000),
    (structures::large_saddles, 50),
];

#[derive(Default)]
struct Row {
    right: u64,
    undecided: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
}

/// The table of `share` of every family's plants.
fn table(share: impl Fn(u64) -> u64) -> BTreeMap<&'static str, Row> {
    let only = std::env::var("UFM_PLANT").ok();
    let tasks: Vec<(fn(u64) -> Plant, u64)> =
        FAMILIES.iter().flat_map(|&(make, count)| (0..share(count)).map(move |index| (make, index))).collect();
    let scores: Vec<(&'static str, String, Score)> = tasks
        .par_iter()
        .filter_map(|&(make, index)| {
            let plant = make(index);
            if only.as_ref().is_some_and(|only| !plant.family.contains(only.as_str())) {
                return None;
            }
            Some((plant.family, format!("#{index} {}", plant.made), plant.score()))
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
