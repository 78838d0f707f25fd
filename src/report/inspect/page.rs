//! `report.html` of an inspection: one self-contained page. All text goes through the template's escaping; only our own SVG is put in as it is.

use minijinja::value::Value;
use minijinja::{Environment, context};

use super::super::axes::short;
use super::{Figure, Inspected, statement};
use crate::metrics;
use crate::record::{PerClass, Record};

/// The style of all reports, out of the template that holds it.
fn style() -> &'static str {
    let whole = include_str!("../template.html");
    whole.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).map_or("", |(style, _)| style)
}

/// The page.
pub(super) fn render(found: &[Inspected], figures: &[Figure]) -> String {
    let mut environment = Environment::new();
    environment.add_template("inspect.html", include_str!("template.html")).expect("the template is ours");
    let title = match found {
        [one] => format!("Neural collapse of {}", one.label),
        several => format!("Neural collapse of {} networks side by side", several.len()),
    };
    let template = environment.get_template("inspect.html").expect("the template was added");
    let context = context! {
        title => title,
        style => style(),
        files => found.iter().map(file).collect::<Vec<Value>>(),
        metrics => metrics::ALL.iter().map(|family| row(family, found)).collect::<Vec<Value>>(),
        accuracy => shares(found),
        statement => statement(found),
        tested => found.iter().any(|one| one.on_test().is_some()),
        codes => metrics::CODES.iter().map(|code| published(code, found)).collect::<Vec<Value>>(),
        figures => figures.iter().map(figure).collect::<Vec<Value>>(),
        version => env!("CARGO_PKG_VERSION"),
    };
    template.render(context).expect("the template's variables are ours")
}

fn number(x: Option<f64>) -> String {
    x.map_or_else(|| "–".into(), short)
}

fn file(one: &Inspected) -> Value {
    let record = &one.record;
    let sizes = match &record.per_class {
        PerClass::Balanced(n) => n.to_string(),
        PerClass::Imbalanced(sizes) => {
            format!("{} to {}", sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0))
        }
    };
    let conditioning = one.findings.conditioning;
    context! {
        label => &one.label,
        path => one.path.display().to_string(),
        classes => record.classes,
        width => record.width,
        samples => record.samples,
        sizes => sizes,
        test => one.test.as_ref().map_or_else(|| "–".into(), |test| test.samples.to_string()),
        rank => conditioning.map_or_else(|| "–".into(), |c| format!("{} of {}", c.rank, c.known_rank)),
        smallest => number(conditioning.map(|c| c.smallest)),
        ill => conditioning.is_some_and(|c| c.ill_conditioned),
        etf => one.nearest_etf.distance.map_or_else(|| "–".into(), |d| format!("{:.2} %", 100.0 * d)),
        row_norm => short(one.nearest_etf.row_norm),
        judged => (!record.loss.is_empty()).then(|| judged(record)),
        reached => one.reached.as_ref().map(judged),
        missing => record.loss.is_empty().then_some(&record.reason),
    }
}

/// The numbers behind a verdict.
fn judged(record: &Record) -> Value {
    let value = Some(record.value).filter(|x| x.is_finite());
    context! {
        loss => &record.loss,
        value => value.map_or_else(|| "–".into(), |x| format!("{x:.9}")),
        bound => number(record.lower_bound),
        gap => number(record.gap),
        dual => number(record.dual_ratio),
        gradient => number(record.gradient_norm_scaled),
        index => super::super::data::count_text(record.index),
        nature => record.nature.as_deref().unwrap_or("none").replace('-', " "),
        badge => record.nature.as_deref().unwrap_or("none"),
        standing => record.standing.as_deref().unwrap_or(""),
        reason => &record.reason,
        steps => record.steps,
    }
}

fn row(family: &metrics::Family, found: &[Inspected]) -> Value {
    let cell = |findings: &metrics::Findings| {
        let why = findings.metrics.undefined.get(family.name);
        context! { text => number(findings.metrics.values.get(family.name).copied()), why => why }
    };
    let cells: Vec<Value> =
        found.iter().map(|one| context! { train => cell(&one.findings), test => one.on_test().map(cell) }).collect();
    context! { name => family.name, summary => family.summary, cells => cells }
}

fn shares(found: &[Inspected]) -> Vec<Value> {
    let share = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.4}"));
    let one = |one: &Inspected| {
        context! { train => share(one.findings.accuracy), test => share(one.on_test().and_then(|findings| findings.accuracy)) }
    };
    found.iter().map(one).collect()
}

fn published(code: &metrics::Code, found: &[Inspected]) -> Value {
    let quantities = found.first().map_or(&[][..], |one| &one.findings.compat[code.name][..]);
    let row = |(i, quantity): (usize, &metrics::Compat)| {
        let values: Vec<String> = found.iter().map(|one| number(one.findings.compat[code.name][i].value.clone().ok())).collect();
        context! { name => quantity.name, formula => quantity.formula, values => values }
    };
    context! { name => code.name, source => code.source, rows => quantities.iter().enumerate().map(row).collect::<Vec<Value>>() }
}

fn figure(figure: &Figure) -> Value {
    match &figure.drawing {
        Ok(drawing) => context! {
            name => figure.name,
            caption => figure.caption,
            note => &drawing.note,
            svg => Value::from_safe_string(drawing.svg.clone()),
        },
        Err(reason) => context! { name => figure.name, reason => reason },
    }
}
