//! Optional numbers of trajectories: there where a figure or a statement asks for them, absent otherwise, and consistent with the records.

use std::path::Path;

use ufm::record::{TrajectoryRow, read};
use ufm::scenario::Scenario;
use ufm::study::{Options, Study, run};

const SCENARIO: &str = r#"
question = "How far?"
[model]
classes = 4
width = 5
per_class = 3
bias = "free"
decay = { epsilon = 0.02 }
[[loss]]
name = "cross-entropy"
[[loss]]
name = "mse"
[[loss]]
name = "focal"
gamma = 2.0
[[starts]]
name = "gaussian"
count = 2
seed = 5
[[starts]]
name = "rank-ladder"
count = 1
seed = 5
[report]
figures = ["collapse"]
"#;

fn outcome(text: &str) -> (Study, Vec<TrajectoryRow>) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Scenario::parse(Path::new("small.toml"), text, &[], false).unwrap();
    let options = Options { threads: Some(2), ..Options::new(folder.path()) };
    let study = run(&scenario, &options, &|_| {}).unwrap();
    let rows = read::lines(&folder.path().join("trajectories.jsonl")).unwrap();
    (study, rows)
}

#[test]
fn rows_have_lower_bounds_where_they_are_asked_for() {
    let (plain, plain_rows) = outcome(SCENARIO);
    assert!(plain_rows.iter().all(|row| row.dual_ratio.is_none() && row.lower_bound.is_none()));
    for asking in ["figures = [\"collapse\", \"dual-gap\"]", "figures = [\"collapse\"]\ntheorems = [\"weak-duality\"]"] {
        let (study, rows) = outcome(&SCENARIO.replace("figures = [\"collapse\"]", asking));
        // Nothing else changes: neither records nor the other numbers of the rows.
        assert_eq!(study.records, plain.records);
        let bare = |row: &TrajectoryRow| TrajectoryRow { dual_ratio: None, lower_bound: None, ..row.clone() };
        assert_eq!(rows.iter().map(bare).collect::<Vec<_>>(), plain_rows);
        for record in &study.records {
            let own: Vec<&TrajectoryRow> =
                rows.iter().filter(|row| row.case == record.case && row.start_index == record.start_index).collect();
            assert!(own.iter().all(|row| row.dual_ratio.is_some() && row.lower_bound.is_some() == (record.loss != "focal")));
            let lowest = record.closed_form_value.unwrap();
            assert!(own.iter().filter_map(|row| row.lower_bound).all(|bound| bound <= lowest + 1e-13), "{}", record.loss);
            // The last row is the solver's end, which the polish moves little.
            let last = own.last().unwrap();
            if record.start == "gaussian" {
                assert!((last.dual_ratio.unwrap() - record.dual_ratio.unwrap()).abs() < 1e-5, "{}: {last:?}", record.loss);
            }
        }
    }
}

/// The scenarios of figures that no statement runs: at test size their expectations hold and every figure that they name is drawn.
#[test]
fn scenarios_of_figures_draw_them_at_test_size() {
    for name in ["collapse-metrics", "dual-gap", "loss-differences", "success-by-width"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/theorems").join(name).with_extension("toml");
        let scenario = Scenario::load(&path, &[], true).unwrap_or_else(|error| panic!("{error}"));
        let folder = tempfile::tempdir().unwrap();
        let options = Options { threads: Some(2), ..Options::new(folder.path()) };
        let study = run(&scenario, &options, &|_| {}).unwrap();
        for expectation in &study.summary.expectations {
            assert_eq!(expectation.outcome, "holds", "{name}: {expectation:?}");
        }
        for found in &study.theorems {
            assert_ne!(found.finding, "disagrees", "{name}: {}: {}", found.theorem, found.reason);
        }
        let written = ufm::report::write(std::slice::from_ref(&options.dir), None).unwrap();
        assert!(written.omitted.is_empty() && written.figures.len() == scenario.figures.len(), "{name}: {:?}", written.omitted);
    }
}
