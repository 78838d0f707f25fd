//! Every published statement, put to the test by its scenario at its small size: it agrees, its planted counterexample is reported, and each hypothesis that fails is named.
//! `docs/theorems.md` is what this finds; run with `UFM_WRITE_DOCS=1` to write it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use ufm::record::{Record, TrajectoryRow, read};
use ufm::scenario::Scenario;
use ufm::study::{Options, run};
use ufm::theorems::{ALL, Evidence, Theorem, judge};

/// What the scenarios leave at test size.
struct Left {
    records: Vec<Record>,
    rows: Vec<TrajectoryRow>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn scenario_file(theorem: &Theorem) -> PathBuf {
    root().join("scenarios/theorems").join(theorem.scenario).with_extension("toml")
}

/// Runs every scenario that a statement names, once.
fn runs() -> BTreeMap<&'static str, Left> {
    let mut left = BTreeMap::new();
    for theorem in ALL {
        if left.contains_key(theorem.scenario) {
            continue;
        }
        let path = scenario_file(theorem);
        let scenario = Scenario::load(&path, &[], true).unwrap_or_else(|error| panic!("{error}"));
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(folder.path());
        let study = run(&scenario, &options, &|_| {}).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for expectation in &study.summary.expectations {
            assert_ne!(expectation.outcome, "fails", "{}: {expectation:?}", path.display());
        }
        let rows = read::lines(&folder.path().join("trajectories.jsonl")).unwrap();
        left.insert(theorem.scenario, Left { records: study.records, rows });
    }
    left
}

#[test]
fn statements_agree_counterexamples_are_reported_and_failing_hypotheses_named() {
    let left = runs();
    let (mut document, mut faults) = (String::from(HEAD), Vec::new());
    for theorem in ALL {
        let Left { records, rows } = &left[theorem.scenario];
        let scenario = Scenario::load(&scenario_file(theorem), &[], true).unwrap();
        let mut fault = |text: String| faults.push(format!("{}: {text}", theorem.name));
        if let Some(figure) = theorem.figures.iter().find(|name| ufm::report::by_name(name).is_none()) {
            fault(format!("there is no figure {figure}"));
        }
        if !scenario.theorems.iter().any(|name| name == theorem.name) {
            fault("its scenario does not ask for it".into());
        }
        let found = judge(theorem, &Evidence { records, trajectories: rows });
        let _ = writeln!(
            document,
            "| **{}** (`{}`). {} *{}.* | `src/theorems/{}.rs` | [`{}`](../scenarios/theorems/{}.toml) | {} | {} |",
            theorem.title,
            theorem.name,
            theorem.statement,
            theorem.source,
            module(theorem),
            theorem.scenario,
            theorem.scenario,
            theorem.figures.iter().map(|figure| format!("`{figure}`")).collect::<Vec<_>>().join(", "),
            found.finding,
        );
        if found.finding == "disagrees" {
            fault(format!("disagrees: {}", found.reason));
        }
        if found.finding != "agrees" {
            // Honest, and visible in the document; nothing can be planted in it.
            continue;
        }
        let (mut planted, mut planted_rows) = (records.clone(), rows.clone());
        (theorem.planted)(&mut planted, &mut planted_rows);
        let reported = judge(theorem, &Evidence { records: &planted, trajectories: &planted_rows });
        if reported.finding != "disagrees" {
            fault(format!("the planted counterexample passes: {}, {}", reported.finding, reported.reason));
        }
        for hypothesis in theorem.hypotheses {
            let mut broken = records.clone();
            broken.iter_mut().for_each(hypothesis.breaks);
            let named = judge(theorem, &Evidence { records: &broken, trajectories: rows });
            if named.finding != "does not apply" || !named.cases.iter().any(|case| case.reason.contains(hypothesis.name)) {
                fault(format!("without “{}” it {}: {}", hypothesis.name, named.finding, named.reason));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let path = root().join("docs/theorems.md");
    if std::env::var_os("UFM_WRITE_DOCS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let standing = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(standing == document, "docs/theorems.md is stale: UFM_WRITE_DOCS=1 cargo test --test theorems writes it anew");
}

/// The file of a statement: the one under `src/theorems/` that holds its name.
fn module(theorem: &Theorem) -> String {
    let holds =
        |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("name: \"{}\"", theorem.name)));
    let files: Vec<PathBuf> =
        std::fs::read_dir(root().join("src/theorems")).unwrap().map(|entry| entry.unwrap().path()).filter(holds).collect();
    assert_eq!(files.len(), 1, "{}: {files:?}", theorem.name);
    files[0].file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_scenario_of_the_atlas_serves_a_statement() {
    for entry in std::fs::read_dir(root().join("scenarios/theorems")).unwrap() {
        let path = entry.unwrap().path();
        let scenario = Scenario::load(&path, &[], false).unwrap_or_else(|error| panic!("{error}"));
        assert!(!scenario.theorems.is_empty() || !scenario.figures.is_empty(), "{}", path.display());
        assert!(!scenario.question.is_empty(), "{}", path.display());
    }
}

const HEAD: &str = "# Published statements and what the program finds of them

Written by `UFM_WRITE_DOCS=1 cargo test --test theorems` from the statements in `src/theorems/` and their scenarios at test size; a test fails where this page is stale.
`ufm run scenarios/theorems/` runs them at full size and writes one report with margins and figures. A finding is *agrees* (within the rounding allowed), *disagrees*, *undecided*, or
*does not apply* (a hypothesis fails, and is named).

| statement | file | scenario | figures | finding |
|---|---|---|---|---|
";
