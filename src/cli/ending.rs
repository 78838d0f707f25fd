//! How `ufm run` and `ufm merge` end: figures and report, the table, the exit code.

use std::path::Path;

use super::slurm::quoted;
use super::{CliError, Outcome, print, print_json, signals};
use crate::record::{Expectation, Record, StoreError, TheoremFinding, fault};
use crate::report::{self, RunData};
use crate::study::{Study, StudyError};

/// Draws figures and report of what is in `dir`, prints what was found, and returns the exit code.
pub(super) fn end(mut study: Study, dir: &Path, json: bool, quiet: bool) -> Result<Outcome, CliError> {
    // Of a large sweep the records are most of the memory: the report takes them over.
    let broken = |error: &dyn std::fmt::Display| CliError::Broken(error.to_string());
    let run = RunData::with_records(dir, std::mem::take(&mut study.records)).map_err(|error| broken(&error))?;
    let report = report::write_runs(std::slice::from_ref(&run), None).map_err(|error| broken(&error))?;
    fault::at("report-written");
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
    text += &leftovers(records);
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

/// How many points failed, or exceeded a limit, and what to do; nothing where none did.
pub(super) fn leftovers(records: &[Record]) -> String {
    told(records, Record::failed, "failed", "--retry failed computes them again")
        + &told(
            records,
            Record::limited,
            "exceeded a limit",
            "--retry unsettled, with a higher limit or none, computes them again",
        )
}

fn told(records: &[Record], such: fn(&Record) -> bool, what: &str, help: &str) -> String {
    let mut such = records.iter().filter(|record| such(record));
    let Some(first) = such.next() else { return String::new() };
    let count = 1 + such.count();
    let points = if count == 1 { "1 point".to_owned() } else { format!("{count} points") };
    format!("{points} {what}, start {} of case {} first: {}\n{help}\n", first.start_index, first.case, first.reason)
}

/// A run that a signal stopped: what is kept, and what to type.
pub(super) fn interrupted(dir: &Path) -> CliError {
    let message = format!("interrupted; what was finished is safe in {}", dir.display());
    let typed: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let help = format!("go on with: ufm {}", resuming(&typed));
    CliError::Interrupted { message, help, signal: signals::signal().unwrap_or(signals::INTERRUPT) }
}

/// The arguments that go on with the run that these began, as a shell reads them.
fn resuming(typed: &[String]) -> String {
    let mut words = Vec::new();
    let mut rest = typed.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--overwrite" | "--resume" => {}
            "--retry" => drop(rest.next()),
            word if word.starts_with("--retry=") => {}
            word => words.push(quoted(word)),
        }
    }
    words.push("--resume".into());
    words.join(" ")
}

/// A run's fault as the command line tells it.
pub(super) fn explain(error: StudyError, dir: &Path) -> CliError {
    match error {
        StudyError::Store(StoreError::Refused { message, help }) => CliError::refused_with_help(message, help),
        StudyError::Store(StoreError::Disk { path, doing, source }) => {
            let then = match source.kind() {
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                    "give a folder that may be written with --out".to_owned()
                }
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => {
                    format!(
                        "records of finished cases are safe in {}; make room, then --resume goes on from there",
                        dir.display()
                    )
                }
                _ => format!("records of finished cases are safe in {}; --resume goes on from there", dir.display()),
            };
            CliError::Broken(format!("{}: cannot {doing}: {source}\n{then}", path.display()))
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
        StudyError::Interrupted => interrupted(dir),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_type_goes_on_with_what_was_typed() {
        let typed = |words: &[&str]| resuming(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(typed(&["run", "a.toml", "--out", "b"]), "run a.toml --out b --resume");
        assert_eq!(typed(&["run", "a.toml", "--overwrite", "model.width=2,3"]), "run a.toml model.width=2,3 --resume");
        assert_eq!(typed(&["run", "a.toml", "--retry", "failed", "--threads", "2"]), "run a.toml --threads 2 --resume");
        assert_eq!(typed(&["run", "a.toml", "--retry=failed", "--resume"]), "run a.toml --resume");
        assert_eq!(typed(&["run", "it's mine.toml"]), "run 'it'\\''s mine.toml' --resume");
        assert_eq!(typed(&["run", "a.toml", "loss.ell=-log(p)"]), "run a.toml 'loss.ell=-log(p)' --resume");
    }
}
