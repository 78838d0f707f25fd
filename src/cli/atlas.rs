//! `ufm run FOLDER`: every scenario of a folder, and one page over all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{CliError, Outcome, print, print_json, run};
use crate::record::read::{self, ReadError};
use crate::record::{TheoremFile, TheoremFinding};
use crate::report::{self, AtlasRun};
use crate::theorems;

/// Runs the scenarios of a folder in the order of their names, each into a folder of its own; a run that fails does not stop the others.
pub(super) fn run(args: &run::Args) -> Result<Outcome, CliError> {
    if args.shard.is_some() {
        let help = "give one scenario to divide: ufm run SCENARIO --shard I/N";
        return Err(CliError::refused_with_help("--shard divides the cases of one scenario, not a folder of them", help));
    }
    let scenarios = scenarios(&args.scenario)?;
    let name =
        args.scenario.canonicalize().ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    let dir = args.out.clone().unwrap_or_else(|| Path::new("output").join(name.as_deref().unwrap_or("atlas")));
    let mut worst = Outcome::Done;
    let mut runs = Vec::new();
    let mut found: BTreeMap<String, (TheoremFinding, Option<String>)> = BTreeMap::new();
    for (position, path) in scenarios.iter().enumerate() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let out = dir.join(&name);
        let each = run::Args { scenario: path.clone(), out: Some(out.clone()), quiet: true, json: false, ..args.clone() };
        let outcome = run::run(&each)?;
        worst = worse(worst, outcome);
        let words = ended(outcome);
        if !(args.quiet || args.json) {
            print(&format!("{}/{} {name}: {words}\n", position + 1, scenarios.len()))?;
        }
        match read::document::<TheoremFile>(&out.join("theorems.json")) {
            Ok(file) => file.theorems.into_iter().for_each(|finding| keep(&mut found, finding, &name)),
            Err(ReadError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(CliError::Broken(error.to_string())),
        }
        runs.push(AtlasRun { name, ended: words.into() });
    }
    if args.dry_run {
        return Ok(worst);
    }
    let statements: Vec<(TheoremFinding, Option<String>)> = theorems::ALL
        .iter()
        .map(|theorem| found.remove(theorem.name).unwrap_or_else(|| (theorems::unjudged(theorem), None)))
        .collect();
    let title = format!("{} scenarios of {}", runs.len(), args.scenario.display());
    let page = report::write_atlas(&dir, &title, &runs, &statements).map_err(|error| CliError::Broken(error.to_string()))?;
    if args.json {
        let rows: Vec<_> = statements
            .iter()
            .map(|(finding, scenario)| serde_json::json!({ "scenario": scenario, "finding": finding }))
            .collect();
        print_json(
            &serde_json::json!({ "runs": runs.iter().map(|run| serde_json::json!({ "scenario": run.name, "ended": run.ended })).collect::<Vec<_>>(), "theorems": rows }),
        )?;
    } else if !args.quiet {
        print(&table(&statements))?;
        print(&format!("\n{}\n", page.display()))?;
    }
    Ok(worst)
}

/// The scenario files of a folder, by name.
fn scenarios(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| CliError::refused(format!("{}: cannot be read: {error}", folder.display())))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(CliError::refused(format!("{}: the folder holds no scenario (*.toml)", folder.display())));
    }
    Ok(files)
}

/// Keeps the finding that says most: a disagreement before an agreement before an inapplicability, and of equals the one on most points.
fn keep(found: &mut BTreeMap<String, (TheoremFinding, Option<String>)>, finding: TheoremFinding, scenario: &str) {
    let weight = |finding: &str| ["does not apply", "agrees", "undecided", "disagrees"].iter().position(|name| *name == finding);
    let says = |finding: &TheoremFinding| (weight(&finding.finding), finding.points);
    let heavier = found.get(&finding.theorem).is_none_or(|(known, _)| says(known) < says(&finding));
    if heavier {
        found.insert(finding.theorem.clone(), (finding, Some(scenario.to_owned())));
    }
}

fn table(statements: &[(TheoremFinding, Option<String>)]) -> String {
    let line = |(finding, _): &(TheoremFinding, Option<String>)| {
        let margin = match (finding.deviation, finding.allowed) {
            (Some(deviation), Some(allowed)) => {
                format!("{} of {} allowed, {} points", report::margin(deviation), report::margin(allowed), finding.points)
            }
            _ => finding.reason.clone(),
        };
        format!("{:<15} {} ({margin})\n", finding.finding, finding.title)
    };
    format!("\n{}", statements.iter().map(line).collect::<String>())
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "every expectation holds",
        Outcome::Failed => "an expectation or a theorem fails",
        Outcome::Undecided => "more is undecided than it allows",
        Outcome::Refused | Outcome::Broken | Outcome::Interrupted(_) => "it did not end",
    }
}

/// The outcome that weighs more.
fn worse(a: Outcome, b: Outcome) -> Outcome {
    let weight = |outcome: Outcome| match outcome {
        Outcome::Done => 0,
        Outcome::Undecided => 1,
        Outcome::Failed => 2,
        Outcome::Refused => 3,
        Outcome::Broken => 4,
        Outcome::Interrupted(_) => 5,
    };
    if weight(b) > weight(a) { b } else { a }
}
