//! The table at the end of `ufm run` and `ufm inspect`.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::axes::short;
use super::data::{Case, Group, cases, count_text, excess};
use crate::record::{Census, Record};

/// No more rows than this: the rest is in records.csv and the report.
const ROWS_MAX: usize = 48;

/// No line is longer than this.
const COLUMNS_MAX: usize = 120;

/// The records as a table of at most 120 columns, points of one orbit, or of one connected family, in one row with the number of starts that led there (×n).
pub fn table(records: &[Record], census: Option<&Census>) -> String {
    let cases = cases(records, census);
    let rows: Vec<(&Case, Group)> =
        cases.iter().flat_map(|case| case.groups().into_iter().map(move |group| (case, group))).collect();
    let width = |lines: &[String]| lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    // Names give way first; what is then still too long is cut.
    let mut lines = Vec::new();
    for letters in [40, 32, 26, 20, 14, 8] {
        lines = layout(&rows, letters);
        if width(&lines) <= COLUMNS_MAX {
            break;
        }
    }
    let mut lines: Vec<String> = lines.iter().map(|line| clip(line, COLUMNS_MAX)).collect();
    lines.insert(1, "─".repeat(width(&lines)));
    if lines.iter().any(|line| line.contains('°')) {
        lines.push("° degenerate: more zero eigenvalues than the symmetry (in brackets) explains".into());
    }
    if rows.len() > ROWS_MAX {
        lines.push(format!("… and {} more rows: see records.csv or the report", rows.len() - ROWS_MAX));
    }
    lines.join("\n") + "\n"
}

/// The table's lines, names of losses and starts cut to so many letters.
fn layout(rows: &[(&Case, Group)], letters: usize) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let mut kinds: Vec<&str> = rows.iter().filter_map(|(_, group)| excess(group.record).map(|(_, kind)| kind)).collect();
    kinds.dedup();
    let difference = match kinds[..] {
        ["closed form"] => "f − f*",
        ["lower bound"] => "gap",
        _ => "excess",
    };
    table.set_header(["loss", "start", "r", "value f", difference, "index", "zeros", "λ_min⊥", "NC1", "verdict"]);
    for (i, (case, group)) in rows.iter().take(ROWS_MAX).enumerate() {
        let mut cells = cells(case, group, letters);
        if i > 0 && rows[i - 1].0.id == case.id {
            cells[0].clear();
        }
        table.add_row(cells);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if (2..9).contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string().lines().map(|line| line.trim_end().to_owned()).collect()
}

fn cells(case: &Case, group: &Group, letters: usize) -> Vec<String> {
    let record = group.record;
    let number = |x: Option<f64>| x.map_or("–".into(), short);
    let symmetry = record.nullity_symmetry.map_or(String::new(), |n| format!(" ({n})"));
    let nature = match record.nature.as_deref() {
        Some("global-minimum") => "global min",
        Some("local-minimum") => "local min",
        Some("degenerate-minimum") => "degenerate min",
        Some("strict-saddle") => "strict saddle",
        Some("not-critical") => "not critical",
        Some(other) => other,
        None => "–",
    };
    let degenerate =
        if record.degenerate == Some(true) && record.nature.as_deref() != Some("degenerate-minimum") { "°" } else { "" };
    let standing = record.standing.as_deref().map_or("", |standing| match standing {
        "numerical" => " (num.)",
        "undecided" => " (undecided)",
        "proved" => " (proved)",
        _ => "",
    });
    vec![
        clip(&case.label.replace(" = ", "="), letters),
        clip(&record.start, letters.min(12)) + &(if group.hits > 1 { format!(" ×{}", group.hits) } else { String::new() }),
        record.rank.map_or("–".into(), |rank| rank.to_string()),
        value(record.value),
        excess(record).map_or("–".into(), |(x, _)| short(x)),
        count_text(record.index),
        format!("{}{symmetry}", count_text(record.nullity)),
        number(record.lambda_min_transverse.or(record.lambda_min))
            + &record.resolution.map_or(String::new(), |resolution| format!(" ±{resolution:.0e}").replace('-', "−")),
        number(record.metrics.get("nc1").copied()),
        format!("{nature}{degenerate}{standing}"),
    ]
}

/// A value to eight digits.
fn value(x: f64) -> String {
    let text = if x.abs() < 1e-3 && x.abs() > 0.0 || x.abs() >= 1e4 { format!("{x:.5e}") } else { format!("{x:.7}") };
    text.replace('-', "−")
}

fn clip(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters { text.into() } else { text.chars().take(letters - 1).chain(['…']).collect() }
}
