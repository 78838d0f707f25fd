//! Laws over all statements that need no run; those that need one are in `tests/theorems.rs`.

use std::collections::BTreeSet;

use super::*;

#[test]
fn statements_are_told_apart_and_complete() {
    let names: BTreeSet<&str> = ALL.iter().map(|theorem| theorem.name).collect();
    assert_eq!(names.len(), ALL.len());
    for theorem in ALL {
        for text in [theorem.title, theorem.source, theorem.statement, theorem.refuted_by, theorem.scenario] {
            assert!(!text.is_empty(), "{}", theorem.name);
        }
        for figure in theorem.figures {
            assert!(figure.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{figure}");
        }
    }
}

#[test]
fn no_number_is_no_agreement() {
    let mut tally = Tally::new("x", 1.0);
    tally.add(f64::NAN, || "a".into());
    assert_eq!(tally.judge("nothing").finding, Finding::Disagrees);
    assert_eq!(Tally::new("x", 1.0).judge("nothing").finding, Finding::Undecided);
    let mut tally = Tally::new("x", 1.0);
    tally.add(0.5, || "a".into());
    tally.doubt(|| "b has no spectrum".into());
    assert_eq!(tally.judge("nothing").finding, Finding::Undecided);
}

#[test]
fn a_run_without_cases_says_so() {
    for theorem in ALL {
        let found = judge(theorem, &Evidence { records: &[], trajectories: &[] });
        assert_eq!(found.finding, "does not apply", "{}", theorem.name);
        assert!(found.reason.contains("no case"), "{}", found.reason);
    }
}
