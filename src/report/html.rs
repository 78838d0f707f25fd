//! `report.html`: one self-contained page. All text goes through the template's escaping; only our own SVG is put in as it is.

use std::collections::{BTreeMap, HashMap};

use minijinja::value::Value;
use minijinja::{Environment, context};

use super::Outcome;
use super::axes::short;
use super::data::{Case, Group, RunData, count_text, excess};
use crate::record::read::document;
use crate::record::{Record, Summary, TheoremFinding};

/// More rows than this make a page slow; the rest is in `records.csv`.
const ROWS_MAX: usize = 400;
/// More objectives than this say nothing that the table does not; the rest is in `summary.json`.
const OBJECTIVES_MAX: usize = 12;

/// The page for one run, or for several side by side.
///
/// `links` lead from the page's folder to the runs' (empty, or ending in a slash).
pub(super) fn render(runs: &[RunData], outcomes: &[Vec<Outcome>], links: &[String]) -> String {
    let mut environment = Environment::new();
    environment.add_template("report.html", include_str!("template.html")).expect("the template is ours");
    let pages: Vec<Value> =
        runs.iter().zip(outcomes).zip(links).map(|((run, outcomes), link)| page(run, outcomes, link)).collect();
    let title = match runs {
        [run] => run.summary.question.clone(),
        _ => format!("Comparison of {} runs", runs.len()),
    };
    let comparison = if runs.len() > 1 { compare(runs) } else { Vec::new() };
    let template = environment.get_template("report.html").expect("the template was added");
    template
        .render(context! { title => title, runs => pages, comparison => comparison, version => env!("CARGO_PKG_VERSION") })
        .expect("the template's variables are ours")
}

fn page(run: &RunData, outcomes: &[Outcome], link: &str) -> Value {
    let cases = run.cases();
    let rows: Vec<(&Case, Group)> =
        cases.iter().flat_map(|case| case.groups().into_iter().map(move |group| (case, group))).collect();
    let table: Vec<Value> = rows.iter().take(ROWS_MAX).map(|(case, group)| row(case, group)).collect();
    let several_starts = rows.iter().any(|(_, group)| group.hits > 1);
    let figures: Vec<Value> = outcomes.iter().map(figure).collect();
    let places: HashMap<&str, usize> = cases.iter().enumerate().map(|(place, case)| (case.id, place)).collect();
    let label = |case: &str| places.get(case).map_or(case.to_owned(), |&place| cases[place].label.clone());
    // In the order of the records; summaries list cases by hash.
    let mut objectives: Vec<(usize, &String, &String)> = run
        .summary
        .objectives
        .iter()
        .map(|(case, text)| (places.get(case.as_str()).copied().unwrap_or(usize::MAX), case, text))
        .collect();
    objectives.sort();
    let objectives_left_out = objectives.len().saturating_sub(OBJECTIVES_MAX);
    let objectives: Vec<Value> = objectives
        .into_iter()
        .take(OBJECTIVES_MAX)
        .map(|(_, case, text)| context! { label => label(case), text => text })
        .collect();
    let expectations: Vec<Value> = run
        .summary
        .expectations
        .iter()
        .map(|e| context! { claim => &e.claim, expected => &e.expected, found => &e.found, outcome => &e.outcome })
        .collect();
    context! {
        scenario => &run.summary.scenario,
        question => &run.summary.question,
        dir => run.dir.display().to_string(),
        link => link,
        points => run.summary.points,
        cases => cases.len(),
        natures => counts(&run.summary.natures, &["global-minimum", "local-minimum", "degenerate-minimum", "strict-saddle", "not-critical"]),
        standings => counts(&run.summary.standings, &["proved", "numerical", "undecided"]),
        undecided => run.summary.standings.get("undecided").copied().unwrap_or(0),
        objectives => objectives,
        objectives_left_out => objectives_left_out,
        device => device(run),
        rows => table,
        rows_left_out => rows.len().saturating_sub(ROWS_MAX),
        several_starts => several_starts,
        metrics_kind => excess_kinds(&run.records),
        figures => figures,
        theorems => run.theorems.iter().map(theorem).collect::<Vec<Value>>(),
        census => run.census.as_ref().map(|census| super::census::sections(census, &|id| label(id))),
        expectations => expectations,
        failing => run.summary.expectations.iter().filter(|e| e.outcome == "fails").count(),
        limits => limits(&run.summary, &run.records),
    }
}

/// What proposed the candidates where a device did: its name from `provenance.json`, or "a GPU" where that file is gone.
fn device(run: &RunData) -> Option<String> {
    run.records.iter().find(|record| record.device.is_some())?;
    let provenance = document::<serde_json::Value>(&run.dir.join("provenance.json")).unwrap_or_default();
    Some(provenance["device_adapter"].as_str().unwrap_or("a GPU").to_owned())
}

/// A deviation, or what is allowed of one: two digits, and none for the exact zero of counts.
pub fn margin(x: f64) -> String {
    if x.abs() > 0.0 { format!("{x:.1e}") } else { "0".into() }
}

/// A statement as a row of the table.
pub(super) fn theorem(found: &TheoremFinding) -> Value {
    let number = |x: Option<f64>| x.map_or("–".into(), margin);
    // Names of files and commands stand between backticks, for the Markdown table.
    let plain = |text: &str| text.replace('`', "");
    context! {
        name => &found.theorem,
        title => &found.title,
        statement => plain(&found.statement),
        source => plain(&found.source),
        refuted_by => plain(&found.refuted_by),
        finding => &found.finding,
        style => match found.finding.as_str() { "agrees" => "holds", "disagrees" => "fails", _ => "" },
        deviation => number(found.deviation),
        allowed => number(found.allowed),
        measured => &found.measured,
        points => found.points,
        reason => &found.reason,
        cases => found.cases.iter().map(|case| context! {
            label => &case.label, finding => &case.finding, deviation => number(case.deviation), points => case.points, reason => &case.reason,
        }).collect::<Vec<Value>>(),
    }
}

/// Counts in a fixed order, unknown names last.
fn counts(map: &BTreeMap<String, usize>, order: &[&str]) -> Vec<Value> {
    let place = |name: &str| order.iter().position(|other| *other == name).unwrap_or(order.len());
    let mut entries: Vec<(&String, &usize)> = map.iter().collect();
    entries.sort_by_key(|(name, _)| place(name));
    entries.into_iter().map(|(name, &count)| context! { name => name, words => words(name, count), count => count }).collect()
}

/// "global-minimum" as "global minima".
fn words(name: &str, count: usize) -> String {
    let text = name.replace('-', " ");
    match (count, text.as_str()) {
        (1, _) => text,
        (_, other) if other.ends_with("minimum") => other.replace("minimum", "minima"),
        (_, "strict saddle") => "strict saddles".into(),
        _ => text,
    }
}

/// A cell: what is shown, and the number that it is sorted by (nothing sorts last).
fn cell(text: String, key: Option<f64>) -> Value {
    let key = key.filter(|x| x.is_finite()).map_or(String::new(), |x| format!("{x:e}"));
    context! { text => text, key => key }
}

fn number(x: Option<f64>) -> Value {
    cell(x.map_or("–".into(), short), x)
}

fn row(case: &Case, group: &Group) -> Value {
    let record = group.record;
    let low = |count| super::data::count_ends(count).0;
    let difference = excess(record);
    let metrics: Vec<Value> = ["nc1", "nc2", "nc3"]
        .map(|id| {
            let value = number(record.metrics.get(id).copied());
            context! { cell => value, why => record.metrics_undefined.get(id) }
        })
        .into();
    let symmetry = record.nullity_symmetry.map_or("–".into(), |n| n.to_string());
    let nullity = cell(format!("{} / {symmetry}", count_text(record.nullity)), record.nullity.map(low));
    context! {
        loss => &case.label,
        color => case.look.hex(),
        start => &record.start,
        start_index => record.start_index,
        hits => group.hits,
        rank => cell(record.rank.map_or("–".into(), |r| r.to_string()), record.rank.map(|r| r as f64)),
        value => cell(value_text(record.value), Some(record.value)),
        excess => cell(difference.map_or("–".into(), |(x, _)| short(x)), difference.map(|(x, _)| x)),
        excess_kind => difference.map_or("no reference value", |(_, kind)| kind),
        index => cell(count_text(record.index), record.index.map(low)),
        nullity => nullity,
        lambda => number(record.lambda_min_transverse),
        nature => record.nature.as_deref().unwrap_or("none"),
        nature_words => record.nature.as_deref().map_or("no verdict".into(), |nature| words(nature, 1)),
        standing => record.standing.as_deref().unwrap_or(""),
        degenerate => record.degenerate == Some(true),
        metrics => metrics,
        reason => &record.reason,
        details => details(record),
        point => &record.point,
    }
}

fn value_text(x: f64) -> String {
    let text = if x.abs() < 1e-3 && x.abs() > 0.0 || x.abs() >= 1e4 { format!("{x:.6e}") } else { format!("{x:.8}") };
    text.replace('-', "−")
}

/// Everything else that is known of a point, as name and text.
fn details(record: &Record) -> Vec<Value> {
    let number = |x: Option<f64>| x.filter(|x| x.is_finite()).map(|x| format!("{x:.6e}").replace('-', "−"));
    let mut pairs: Vec<(&str, Option<String>)> = vec![
        ("case", Some(record.case.clone())),
        (
            "start",
            Some(format!(
                "{} (start {}{})",
                record.start,
                record.start_index,
                record.seed.map_or(String::new(), |s| format!(", seed {s}"))
            )),
        ),
        ("solver", Some(format!("{}, {} steps, stopped: {}", record.solver, record.steps, record.stop_reason))),
        ("‖∇f‖₂", number(Some(record.gradient_norm))),
        ("scaled gradient norm", number(record.gradient_norm_scaled)),
        ("‖G‖_op / μ", number(record.dual_ratio)),
        (
            "lower bound",
            number(record.lower_bound).map(|x| format!("{x} ({})", record.lower_bound_kind.as_deref().unwrap_or("kind unknown"))),
        ),
        ("gap to it", number(record.gap)),
        ("closed form f*", number(record.closed_form_value)),
        ("λ_min, λ_max", number(record.lambda_min).zip(number(record.lambda_max)).map(|(low, high)| format!("{low}, {high}"))),
        ("resolution of eigenvalues", number(record.resolution)),
        ("escape curvature", number(record.escape_curvature)),
        ("no spectrum because", record.spectrum_reason.clone()),
        ("orbit", record.orbit.map(|orbit| orbit.to_string())),
        ("certificate", record.certificate.clone()),
        ("point file", record.point.clone()),
    ];
    let metrics = record.metrics.iter().map(|(id, &x)| (id.as_str(), number(Some(x))));
    let undefined = record.metrics_undefined.iter().map(|(id, why)| (id.as_str(), Some(format!("undefined: {why}"))));
    pairs.extend(metrics.chain(undefined));
    pairs.into_iter().filter_map(|(name, text)| text.map(|text| context! { name => name, text => text })).collect()
}

/// What the excess column is measured from.
fn excess_kinds(records: &[Record]) -> String {
    let mut kinds: Vec<&str> = records.iter().filter_map(|record| excess(record).map(|(_, kind)| kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { "no reference value".into() } else { kinds.join(" or ") }
}

pub(super) fn figure(outcome: &Outcome) -> Value {
    let (svg, note, reason) = match &outcome.drawing {
        Ok(drawing) => (Value::from_safe_string(drawing.svg.clone()), drawing.note.clone(), String::new()),
        Err(reason) => (Value::from(""), String::new(), reason.clone()),
    };
    context! { name => &outcome.name, caption => outcome.caption, summary => outcome.summary, svg => svg, note => note, reason => reason }
}

/// What the reader must not conclude, as far as these data go.
fn limits(summary: &Summary, records: &[Record]) -> Vec<String> {
    let count = |is: &dyn Fn(&Record) -> bool| records.iter().filter(|record| is(record)).count();
    let standing = |name: &'static str| count(&|record: &Record| record.standing.as_deref() == Some(name));
    let nature = |name: &'static str| count(&|record: &Record| record.nature.as_deref() == Some(name));
    let mut limits = Vec::new();
    match (standing("proved"), standing("numerical")) {
        (_, 0) => {}
        (0, _) => limits.push(
            "None of these verdicts is a proof. “Numerical” means that floating-point evidence (gradient at rounding level, eigenvalue counts clear of a resolution, \
             a small gap to a bound) supports it."
                .to_owned(),
        ),
        (proved, numerical) => limits.push(format!("{proved} verdicts are proved by certificates; {numerical} are numerical and are not proofs.")),
    }
    let starts = records.len();
    limits.push(format!(
        "The list of critical points is not complete: {starts} starts were followed downhill or along the ladder of ranks, and a point that none of them led to is not seen."
    ));
    let undecided = summary.standings.get("undecided").copied().unwrap_or(0);
    if undecided > 0 {
        limits.push(format!("{undecided} points are undecided: their nature is the likeliest one, and the reason in each row says what is missing."));
    }
    let tally = |n: usize, one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
    if nature("not-critical") > 0 {
        let subject = tally(nature("not-critical"), "point is not critical: its", "points are not critical: their");
        limits.push(format!("{subject} gradient did not reach the gate, so nothing is said of a minimum or saddle there."));
    }
    if nature("local-minimum") > 0 {
        let subject = tally(nature("local-minimum"), "local minimum is", "local minima are");
        limits.push(format!("{subject} not shown to be global; whether a lower point exists may be open."));
    }
    if nature("degenerate-minimum") > 0 {
        let subject = tally(nature("degenerate-minimum"), "point has", "points have");
        limits.push(format!("{subject} no negative eigenvalue but zeros that the symmetry does not explain: second order does not decide whether such a point is a minimum."));
    }
    let degenerate = count(&|record| record.degenerate == Some(true) && record.nature.as_deref() == Some("strict-saddle"));
    if degenerate > 0 {
        limits.push(format!(
            "{} degenerate: the Hessian has more zeros than the symmetry explains, so they may not be isolated modulo the symmetry.",
            tally(degenerate, "saddle is", "saddles are")
        ));
    }
    let no_index = count(&|record| record.index.is_none());
    if no_index > 0 {
        limits.push(format!("For {} no Hessian index is known.", tally(no_index, "point", "points")));
    }
    let no_reference = count(&|record| excess(record).is_none());
    if no_reference > 0 {
        limits.push(format!(
            "For {} neither a closed form nor a lower bound applies, so the distance from the global minimum is unknown.",
            tally(no_reference, "point", "points")
        ));
    }
    limits.push(
        "The features are free variables here: what holds for this model need not hold for the features of a trained network."
            .into(),
    );
    limits
}

/// The last part of a run's folder: two runs of one scenario lie in different ones.
fn folder_name(run: &RunData) -> String {
    run.dir.file_name().map_or_else(|| run.summary.scenario.clone(), |name| name.to_string_lossy().into_owned())
}

/// Side by side: the lowest point of each case of every run.
fn compare(runs: &[RunData]) -> Vec<Value> {
    let mut rows = Vec::new();
    for run in runs {
        for case in run.cases() {
            let Some(best) = case.best(|_| true) else { continue };
            let saddles = case.groups().iter().filter(|group| group.record.nature.as_deref() == Some("strict-saddle")).count();
            let group = Group { record: best, hits: case.records.len() };
            rows.push(context! { run => folder_name(run), row => row(&case, &group), saddles => saddles });
        }
    }
    rows
}
