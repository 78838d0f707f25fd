//! What was found, for a reader.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::document::codes;
use crate::metrics;
use crate::record::{PerClass, Record};
use crate::report::{self, Inspected};

/// Everything in words and tables.
pub(super) fn words(found: &[Inspected], compat: &[String]) -> String {
    let mut text: String = found.iter().map(head).collect();
    text += &match found {
        [one] => metrics_of_one(one),
        several => side_by_side(several),
    };
    for name in codes(compat) {
        text += &published(name, found);
    }
    if found.len() > 1 {
        text += "\nwhat differs and what does not\n";
        for line in report::statement(found) {
            text += &format!("  {line}\n");
        }
    }
    text
}

/// Sizes, judgement, and where minimising leads.
fn head(found: &Inspected) -> String {
    let record = &found.record;
    let sizes = match &record.per_class {
        PerClass::Balanced(n) => format!("{n} samples a class"),
        PerClass::Imbalanced(sizes) => {
            let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
            format!("{least} to {most} samples a class")
        }
    };
    let path = found.path.display();
    let mut text =
        format!("{path}: K = {}, d = {}, N = {} ({sizes}), bias {}\n", record.classes, record.width, record.samples, record.bias);
    if record.loss.is_empty() {
        text += &format!("{}\n", record.reason);
    } else {
        text += &format!("\n{}\n{}\n", report::table(std::slice::from_ref(record), None), judgement(record));
    }
    if let Some(reached) = &found.reached {
        text += &format!(
            "\nminimised from there ({}, {} steps, {})\n{}\n",
            reached.solver,
            reached.steps,
            reached.stop_reason,
            judgement(reached)
        );
        if record.value.is_finite() && reached.value.is_finite() {
            text += &format!("descent   {:.6e} from the file's point\n", record.value - reached.value);
        }
    }
    let etf = &found.nearest_etf;
    if let Some(distance) = etf.distance {
        text += &format!("nearest simplex ETF: rows of norm {:.6}, at {:.2} % of ‖W‖\n", etf.row_norm, 100.0 * distance);
    }
    if let Some(conditioning) = found.findings.conditioning {
        let flag =
            if conditioning.ill_conditioned { " — ill-conditioned: nc1 and nc1-trace are not to be trusted" } else { "" };
        text += &format!(
            "class means: rank {} of {}, singular values of H̄ from {:.6e} down to {:.6e}{flag}\n",
            conditioning.rank, conditioning.known_rank, conditioning.largest, conditioning.smallest
        );
    }
    text
}

/// Every metric on a line, on test samples too where there are some.
fn metrics_of_one(found: &Inspected) -> String {
    let mut text = String::from("\nmetrics\n");
    let test = found.test.as_ref();
    if let Some(test) = test {
        text = format!("\nmetrics                on the file's samples, on {} test samples\n", test.samples);
        if let Err(reason) = &test.findings {
            text += &format!("  the test samples have no metrics: {reason}\n");
        }
    }
    let shares = [("accuracy", found.findings.accuracy, test.and_then(|test| test.findings.as_ref().ok()?.accuracy))];
    for (name, train, on_test) in shares {
        let test = on_test.map_or_else(String::new, |x| format!("{x:<12.6}"));
        text += &format!("  {name:<20} {:<12} {test}\n", train.map_or_else(|| "unknown".into(), |x| format!("{x:.6}")));
    }
    for family in metrics::ALL {
        let value = match (found.findings.metrics.values.get(family.name), found.findings.metrics.undefined.get(family.name)) {
            (Some(value), _) => format!("{value:<12.6e}"),
            (None, reason) => format!("undefined: {}.", reason.map_or("no reason known", String::as_str)),
        };
        let on_test = test.and_then(|test| test.findings.as_ref().ok()).map_or_else(String::new, |findings| {
            findings
                .metrics
                .values
                .get(family.name)
                .map_or_else(|| format!("{:<13}", "undefined"), |value| format!("{value:<13.6e}"))
        });
        text += &format!("  {:<20} {value} {on_test} {}\n", family.name, family.summary);
    }
    text
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn lines(mut table: Table, columns: usize) -> String {
    for column in 1..=columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("  {}\n", line.trim_end())).collect()
}

/// A row a metric, a column a file.
fn side_by_side(found: &[Inspected]) -> String {
    let mut rows = table();
    rows.add_row(std::iter::once("metric".to_owned()).chain(found.iter().map(|one| one.label.clone())));
    let share = |x: Option<f64>| x.map_or_else(|| "–".into(), |x| format!("{x:.4}"));
    rows.add_row(std::iter::once("accuracy".to_owned()).chain(found.iter().map(|one| share(one.findings.accuracy))));
    let on_test = |one: &Inspected| one.test.as_ref().and_then(|test| test.findings.as_ref().ok()?.accuracy);
    if found.iter().any(|one| on_test(one).is_some()) {
        rows.add_row(std::iter::once("accuracy (test)".to_owned()).chain(found.iter().map(|one| share(on_test(one)))));
    }
    let mut notes = Vec::new();
    for family in metrics::ALL {
        let mut cells = vec![family.name.to_owned()];
        for one in found {
            match one.findings.metrics.values.get(family.name) {
                Some(value) => cells.push(format!("{value:.4e}")),
                None => {
                    cells.push("–".into());
                    let reason = one.findings.metrics.undefined.get(family.name).map_or("no reason known", String::as_str);
                    notes.push(format!("  {} of {}: {reason}\n", family.name, one.label));
                }
            }
        }
        rows.add_row(cells);
    }
    let notes: String = notes.concat();
    format!("\n{}{notes}  `ufm list metrics` says what each is; docs/metrics.md who means what\n", lines(rows, found.len()))
}

/// What a published code would print.
fn published(name: &str, found: &[Inspected]) -> String {
    let source = metrics::CODES.iter().find(|code| code.name == name).map_or("", |code| code.source);
    let mut rows = table();
    let names = found.iter().map(|one| one.label.clone());
    rows.add_row(std::iter::once(String::new()).chain(names).chain(["formula".to_owned()]));
    for (i, quantity) in found[0].findings.compat[name].iter().enumerate() {
        let value = |one: &Inspected| match &one.findings.compat[name][i].value {
            Ok(value) => format!("{value:.6e}"),
            Err(reason) => format!("undefined: {reason}"),
        };
        rows.add_row(
            std::iter::once(quantity.name.to_owned()).chain(found.iter().map(value)).chain([quantity.formula.to_owned()]),
        );
    }
    format!("\nas {name} prints it ({source}), in double precision\n{}", lines(rows, found.len()))
}

/// The numbers behind a verdict, a line each.
fn judgement(record: &Record) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.6e}"));
    let gap = match (&record.lower_bound_kind, record.gap) {
        (Some(kind), gap) => format!("{} above the {kind} lower bound {}", number(gap), number(record.lower_bound)),
        _ => "no lower bound is known for this problem".to_owned(),
    };
    let spectrum = match &record.spectrum_reason {
        Some(reason) if record.lambda_min.is_none() => format!("none: {reason}"),
        _ => format!(
            "λ_min {}, λ_max {}, zero within {}",
            number(record.lambda_min),
            number(record.lambda_max),
            number(record.resolution)
        ),
    };
    format!(
        "value     {:.15}\ngap       {gap}\nclosed f* {}\ngradient  {:.3e}, scaled {}\n‖G‖/μ     {}\nspectrum  {spectrum}\nverdict   {} ({}): {}",
        record.value,
        number(record.closed_form_value),
        record.gradient_norm,
        number(record.gradient_norm_scaled),
        number(record.dual_ratio),
        record.nature.as_deref().unwrap_or("none"),
        record.standing.as_deref().unwrap_or("undecided"),
        record.reason,
    )
}
