//! How `ufm run` and `ufm merge` end: figures and report, the table, the exit code.

use std::path::Path;

use super::{CliError, Outcome, print, print_json};
use crate::record::{Expectation, Record, StoreError, TheoremFinding};
use crate::report::{self, RunData};
use crate::study::{Study, StudyError};

/// Draws figures and report of what is in `dir`, prints what was found, and returns the exit code.
pub(super) fn end(mut study: Study, dir: &Path, json: bool, quiet: bool) -> Result<Outcome, CliError> {
    // Of a large sweep the records are most of the memory: the report takes them over.
    let broken = |error: &dyn std::fmt::Display| CliError::Broken(error.to_string());
    let run = RunData::with_records(dir, std::mem::take(&mut study.records)).map_err(|error| broken(&error))?;
    let report = report::write_runs(std::slice::from_ref(&run), None).map_err(|error| broken(&error))?;
    if json {
        print_json(&serde_json::json!({ "summary": study.summary, "records": run.records, "theorems": study.theorems }))?;
    } else if !quiet {
        print(&closing_words(&study, &run.records, &report.report))?;
    }
    Ok(outcome(&study))
}

/// The table, the expectations, and where the report is.
fn closing_words(study: &Study, records: &[Record], report: &Path) -> String {
    let mut text = String::new();
    if !study.summary.question.is_empty() {
        text += &format!("{}\n\n", study.summary.question);
    }
    text += &report::table(records, study.census.as_ref());
    text.push('\n');
    if let Some(census) = &study.census {
        text += &report::census_text(census);
        text.push('\n');
    }
    for expectation in &study.summary.expectations {
        let mark = match expectation.outcome.as_str() {
            "holds" => "✓",
            "fails" => "✗",
            _ => "–",
        };
        text += &format!(
            "{mark} {}: expected {}, found {} ({})\n",
            expectation.claim, expectation.expected, expectation.found, expectation.outcome
        );
    }
    for found in &study.theorems {
        let mark = match found.finding.as_str() {
            "agrees" => "✓",
            "disagrees" => "✗",
            _ => "–",
        };
        text += &format!("{mark} {}: {} {}{}\n", found.title, found.finding, margin(found), because(found));
    }
    text += &failures(records);
    if let Some(device) = &study.device {
        let megabytes = device.bytes_peak as f64 / 1e6;
        text += &format!(
            "\n{} proposed the candidates, in single precision ({megabytes:.1} MB at most); every number and verdict above is the CPU's\n",
            device.adapter
        );
    }
    text + &format!("\n{} points → {}\n", records.len(), report.display())
}

/// The deviation of a finding beside what is allowed.
fn margin(found: &TheoremFinding) -> String {
    match (found.deviation, found.allowed) {
        (Some(deviation), Some(allowed)) => {
            let (deviation, allowed) = (report::margin(deviation), report::margin(allowed));
            format!("({}: {deviation}, allowed {allowed}; {} points)", found.measured, found.points)
        }
        _ => String::new(),
    }
}

/// The reason, where the finding is not the one hoped for.
fn because(found: &TheoremFinding) -> String {
    if found.finding == "agrees" { String::new() } else { format!(": {}", found.reason) }
}

/// The exit code that the expectations and the statements ask for.
fn outcome(study: &Study) -> Outcome {
    let fails = |undecided: bool| {
        let fails = |claim: &Expectation| claim.outcome == "fails" && (claim.claim == "undecided_max") == undecided;
        study.summary.expectations.iter().any(fails)
    };
    if fails(false) || study.theorems.iter().any(|found| found.finding == "disagrees") {
        Outcome::Failed
    } else if fails(true) {
        Outcome::Undecided
    } else {
        Outcome::Done
    }
}

/// How many points failed, and what to do; nothing where none did.
pub(super) fn failures(records: &[Record]) -> String {
    let mut failed = records.iter().filter(|record| record.failed());
    let Some(first) = failed.next() else { return String::new() };
    let count = 1 + failed.count();
    let points = if count == 1 { "1 point".to_owned() } else { format!("{count} points") };
    format!(
        "{points} failed, start {} of case {} first: {}
--retry failed computes them again
",
        first.start_index, first.case, first.reason
    )
}

/// A run's fault as the command line tells it.
pub(super) fn explain(error: StudyError, dir: &Path) -> CliError {
    match error {
        StudyError::Store(StoreError::Refused { message, help }) => CliError::refused_with_help(message, help),
        StudyError::Store(StoreError::Disk { path, doing, source }) => {
            let message = format!(
                "{}: cannot {doing}: {source}\nrecords of finished cases are safe in {}; --resume goes on from there",
                path.display(),
                dir.display()
            );
            CliError::Broken(message)
        }
        StudyError::Start(message) | StudyError::Spectra(message) => CliError::refused(message),
        StudyError::Census(_) | StudyError::Theorems(_) => CliError::Broken(error.to_string()),
        StudyError::Device(error) => {
            let saved = if dir.join("records.jsonl").exists() {
                format!("\nrecords of finished cases are safe in {}; --resume goes on from there", dir.display())
            } else {
                "\nnothing was written; --device cpu runs the same scenario without a GPU".to_owned()
            };
            CliError::Broken(format!("{error}{saved}"))
        }
        StudyError::Threads(message) => CliError::Broken(message),
        StudyError::FailFast(_) => CliError::Stopped(error.to_string()),
    }
}
