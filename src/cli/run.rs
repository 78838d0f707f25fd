//! `ufm run`: the main job.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use indicatif::{ProgressBar, ProgressStyle};

use super::{CliError, Outcome, print, print_json, provenance};
use crate::objective::Plan;
use crate::record::{Mode, StoreError, TheoremFinding};
use crate::report;
use crate::scenario::{Case, Scenario};
use crate::spectra;
use crate::starts::expand;
use crate::study::{self, Options, Progress, Study, StudyError};

/// Arguments of `ufm run`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario file, or a folder of them
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: PathBuf,
    /// Keys of the scenario set anew, e.g. loss.name=focal loss.gamma=2
    #[arg(value_name = "KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    /// Folder for what the run leaves [default: output/NAME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Go on with an interrupted run of the same settings
    #[arg(long, conflicts_with = "overwrite")]
    pub(super) resume: bool,
    /// Replace the records that the folder holds
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Where candidates are computed
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = device)]
    pub(super) device: String,
    /// Print the cases and what they would cost, run nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Stop at the first point that is not critical or not decided
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// Print the summary as one JSON document
    #[arg(long)]
    pub(super) json: bool,
    /// Print nothing but errors
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Apply the scenario's [test] overrides
    #[arg(long, hide = true)]
    pub(super) test_size: bool,
}

/// The value of `--device`.
fn device(name: &str) -> Result<String, String> {
    match name {
        "cpu" => Ok(name.to_owned()),
        "gpu" => Err("this build has no GPU path; leave --device out, or give `cpu`".into()),
        _ => Err("a device is `cpu` or `gpu`".into()),
    }
}

/// Runs a scenario.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let scenario = Scenario::load(&args.scenario, &args.overrides, args.test_size)?;
    if args.dry_run {
        return dry_run(&scenario, args.json);
    }
    let dir = args.out.clone().unwrap_or_else(|| study::default_dir(&scenario));
    let mode = match (args.resume, args.overwrite) {
        (true, _) => Mode::Resume,
        (_, true) => Mode::Overwrite,
        _ => Mode::Fresh,
    };
    let options = Options { dir: dir.clone(), mode, threads: args.threads.map(usize::from), fail_fast: args.fail_fast };
    let started = SystemTime::now();
    let bar = Bar::new(args.quiet || args.json);
    let study = study::run(&scenario, &options, &|progress| bar.show(progress)).map_err(|error| explain(error, &options));
    bar.clear();
    let study = study?;
    provenance::write(&dir, args.threads, started)?;
    let report = report::write(std::slice::from_ref(&dir), None).map_err(|error| CliError::Broken(error.to_string()))?;

    if args.json {
        print_json(&serde_json::json!({ "summary": study.summary, "records": study.records, "theorems": study.theorems }))?;
    } else if !args.quiet {
        print(&closing_words(&study, &report.report))?;
    }
    Ok(outcome(&scenario, &study))
}

/// The table, the expectations, and where the report is.
fn closing_words(study: &Study, report: &Path) -> String {
    let mut text = String::new();
    if !study.summary.question.is_empty() {
        text += &format!("{}\n\n", study.summary.question);
    }
    text += &report::table(&study.records, study.census.as_ref());
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
    text + &format!("\n{} points → {}\n", study.records.len(), report.display())
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

/// The exit code that the expectations and the undecided points ask for.
fn outcome(scenario: &Scenario, study: &Study) -> Outcome {
    let undecided = study.records.iter().filter(|record| record.standing.as_deref() == Some("undecided")).count() as u64;
    let fails = |claim: &str| claim != "undecided_max";
    if study.summary.expectations.iter().any(|expectation| expectation.outcome == "fails" && fails(&expectation.claim))
        || study.theorems.iter().any(|found| found.finding == "disagrees")
    {
        Outcome::Failed
    } else if scenario.expectations_apply() && scenario.expect.undecided_max.is_some_and(|allowed| undecided > allowed) {
        Outcome::Undecided
    } else {
        Outcome::Done
    }
}

/// What one core does, roughly, in the products and factorisations of a spectrum: for estimates alone.
const MULTIPLY_ADDS_A_SECOND: f64 = 1e10;

/// What would be run, without running it.
fn dry_run(scenario: &Scenario, json: bool) -> Result<Outcome, CliError> {
    let cases: Vec<_> = scenario
        .cases
        .iter()
        .map(|case| {
            let plan = Plan::new(&case.problem);
            let (route, collapsed) = routes(case);
            serde_json::json!({
                "case": case.id,
                "objective": study::objective_text(&case.problem),
                "solver": case.solver.name(),
                "points": expand(&case.starts, &case.problem).len(),
                "unknowns": case.problem.dimension(),
                "inertia_bytes": plan.bytes,
                "inertia_multiply_adds": plan.multiply_adds,
                "route": route,
                "route_collapsed": collapsed,
            })
        })
        .collect();
    if json {
        print_json(&serde_json::json!({ "scenario": scenario.name, "cases": cases }))?;
        return Ok(Outcome::Done);
    }
    let mut text = format!("{}: {} cases\n", scenario.name, cases.len());
    for case in &cases {
        text += &format!(
            "\ncase {} · {} · {} points · {} unknowns\n  {}\n  exact inertia: {:.1} MB, {:.1e} multiply-adds a Schur complement\n  route: {}; where the features of every class coincide: {}\n",
            case["case"].as_str().unwrap_or_default(),
            case["solver"].as_str().unwrap_or_default(),
            case["points"],
            case["unknowns"],
            case["objective"].as_str().unwrap_or_default(),
            case["inertia_bytes"].as_f64().unwrap_or_default() / 1e6,
            case["inertia_multiply_adds"].as_f64().unwrap_or_default(),
            case["route"].as_str().unwrap_or_default(),
            case["route_collapsed"].as_str().unwrap_or_default(),
        );
    }
    print(&text)?;
    Ok(Outcome::Done)
}

/// How spectra at critical points of a case are computed, in words: for any point, and for one whose classes are collapsed.
fn routes(case: &Case) -> (String, String) {
    let level = case.spectra.level;
    // A critical point is taken at its rank, which is at most K.
    let shape = &case.problem.shape;
    let problem = case.problem.at_width(shape.width().min(shape.classes()));
    let words = |columns: usize| match spectra::plan(&problem, columns, level, &case.spectra.limits()) {
        _ if level == spectra::Level::None => "none (spectra.level is \"none\")".to_owned(),
        Ok(planned) => {
            let seconds = planned.multiply_adds / MULTIPLY_ADDS_A_SECOND;
            let time = if seconds < 1.0 { "below a second".into() } else { format!("about {seconds:.0} s") };
            format!("{} ({:.1} MB, {:.1e} multiply-adds, {time})", planned.route, planned.bytes / 1e6, planned.multiply_adds)
        }
        Err(reason) => format!("none: {reason}"),
    };
    (words(shape.columns()), words(shape.classes()))
}

/// A run's fault as the command line tells it.
fn explain(error: StudyError, options: &Options) -> CliError {
    match error {
        StudyError::Store(StoreError::Refused { message, help }) => CliError::refused_with_help(message, help),
        StudyError::Store(StoreError::Disk { path, doing, source }) => {
            let message = format!(
                "{}: cannot {doing}: {source}\nrecords of finished cases are safe in {}; --resume goes on from there",
                path.display(),
                options.dir.display()
            );
            CliError::Broken(message)
        }
        StudyError::Start(message) | StudyError::Spectra(message) => CliError::refused(message),
        StudyError::Census(_) | StudyError::Theorems(_) => CliError::Broken(error.to_string()),
        StudyError::Threads(message) => CliError::Broken(message),
        StudyError::FailFast(_) => CliError::Stopped(error.to_string()),
    }
}

/// The progress bar: on a terminal, and only for what takes longer than a second.
struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new(silent: bool) -> Self {
        let bar = if silent { ProgressBar::hidden() } else { ProgressBar::no_length() };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} points, {elapsed} elapsed, about {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    fn show(&self, progress: Progress) {
        self.bar.set_length(progress.total as u64);
        if self.bar.elapsed().as_secs() >= 1 {
            self.bar.set_position(progress.done as u64);
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
