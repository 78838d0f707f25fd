//! The balanced minimum against ε: scale, value and norm of every loss, closed curves and what the optimiser found.

use plotters::style::WHITE;

use super::super::axes::{Chart, Scale, short};
use super::super::canvas::{Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::RunData;
use super::super::elements::{Mark, Marker};
use super::super::grid::Grid;
use super::super::style::{FAINT, INK, Key, Look, look};
use super::sweeps::{Along, Quantity, Span, Sweep, curve, deviations, global, metric, six};
use super::{CASES_MAX, Drawing, Family, left_out};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "balanced-minimum",
    summary: "scale, value and classifier norm of the minimum against ε, one curve a loss: closed forms and what was found",
    caption: "The minimum of a balanced problem as ε = √n √(λ_W λ_H) grows. Curves are closed forms: nothing in them was optimised. Dots are the lowest critical points that the \
              runs found, one a case, filled where the run shows that the point is the global minimum, hollow where it is only the lowest known. s is the weight of the simplex in the logits WH = sP + tJ/K (the least-squares fit of the \
              class means' logits), ‖w‖ the root mean square norm of the classifier's rows. An upright line in a loss's colour and dash is its zero-phase edge: from there on \
              W = H = 0 is the minimum, s and ‖w‖ are 0 and f* no longer changes. Where s jumps at the edge the transition is of first order (focal loss with many classes). \
              A row of panels holds what has the same number of classes, samples and bias.",
    draw,
};

const ALONG: Along = Along::Epsilon;
const PANEL: (f64, f64) = (290.0, 230.0);
/// Rows of panels in one picture.
const ROWS_MAX: usize = 4;

const QUANTITIES: [Quantity; 3] = [
    Quantity {
        id: "scale",
        title: "simplex in the logits",
        label: "s*",
        theory: |_, minimum| Some(minimum.scale),
        record: |record| metric(record, "scale"),
    },
    Quantity {
        id: "value",
        title: "value",
        label: "f*",
        theory: |_, minimum| Some(minimum.value),
        record: |record| Some(record.value).filter(|x| x.is_finite()),
    },
    Quantity {
        id: "norm-w",
        title: "classifier rows",
        label: "‖w*‖",
        theory: |_, minimum| Some(minimum.norm_w),
        record: |record| metric(record, "norm-w"),
    },
];

fn draw(data: &RunData) -> Result<Drawing, String> {
    let sweeps = ALONG.sweeps(data, |problem| problem.minimum().map(drop))?;
    let mut losses: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, Vec<&Sweep>)> = Vec::new();
    for sweep in &sweeps {
        if !losses.contains(&sweep.loss.as_str()) {
            losses.push(&sweep.loss);
        }
        match rows.iter_mut().find(|(settings, _)| *settings == sweep.settings) {
            Some((_, row)) => row.push(sweep),
            None => rows.push((&sweep.settings, vec![sweep])),
        }
    }
    let total = rows.len();
    rows.truncate(ROWS_MAX);
    let mut shown = losses.clone();
    shown.truncate(CASES_MAX);
    rows.iter_mut().for_each(|(_, row)| row.retain(|sweep| shown.contains(&sweep.loss.as_str())));
    rows.retain(|(_, row)| !row.is_empty());
    let all: Vec<&Sweep> = rows.iter().flat_map(|(_, row)| row.iter().copied()).collect();
    let note = left_out(total, rows.len(), "settings")
        + &left_out(losses.len(), shown.len(), "losses")
        + &edges(&rows)
        + &deviations(QUANTITIES.iter(), &all);
    let (svg, csv) = picture(&rows, &shown)?;
    Ok(Drawing { svg, csv, note })
}

/// The edges that are drawn, in words: several losses may share one.
fn edges(rows: &[(&str, Vec<&Sweep>)]) -> String {
    let of_row = |(settings, row): &(&str, Vec<&Sweep>)| {
        let span = span(row)?;
        let parts: Vec<String> =
            row.iter().filter_map(|sweep| Some(format!("{} {}", sweep.loss, six(edge(sweep, span)?)))).collect();
        let place = if rows.len() > 1 { format!(" ({settings})") } else { String::new() };
        (!parts.is_empty()).then(|| format!("Zero-phase edges{place}: {}. ", parts.join(", ")))
    };
    rows.iter().filter_map(of_row).collect()
}

/// What the dots of a row cover.
fn span(row: &[&Sweep]) -> Option<Span> {
    Span::around(row.iter().flat_map(|sweep| sweep.dots.iter().map(|dot| dot.at)))
}

fn picture(rows: &[(&str, Vec<&Sweep>)], losses: &[&str]) -> Result<(String, String), String> {
    let look_of = |sweep: &Sweep| look(losses.iter().position(|loss| *loss == sweep.loss).unwrap_or(0));
    let mut entries: Vec<(Key, String)> =
        losses.iter().enumerate().map(|(i, loss)| (Key::Line(look(i)), (*loss).to_owned())).collect();
    entries.push((Key::Shape(Marker::Circle, INK, INK), "found: global minimum".into()));
    if rows.iter().flat_map(|(_, row)| row).flat_map(|sweep| &sweep.dots).any(|dot| !global(dot.record)) {
        entries.push((Key::Shape(Marker::Circle, WHITE, INK), "found: lowest known".into()));
    }
    entries.push((Key::Upright(FAINT), "zero-phase edge".into()));
    let grid = Grid::new((rows.len(), QUANTITIES.len()), PANEL, entries).headed();
    let mut csv = Csv::new(&["settings", "loss", "quantity", "kind", "epsilon", "value", "case", "start_index"]);
    let heading = "The balanced minimum against ε: closed forms and what was found";
    let svg = grid.picture(heading, |sheet| {
        for (i, (settings, row)) in rows.iter().enumerate() {
            grid.heading(sheet, i, settings)?;
            let Some(span) = span(row) else { continue };
            for (column, quantity) in QUANTITIES.iter().enumerate() {
                let curves: Vec<_> = row.iter().map(|sweep| closed(quantity, sweep, span)).collect();
                let theory = curves.iter().flatten().flatten().map(|&(_, y)| y);
                let found = row.iter().flat_map(|sweep| &sweep.dots).filter_map(|dot| (quantity.record)(dot.record));
                let Some(y) = Scale::linear(theory.chain(found)) else { continue };
                let chart = grid.panel((i, column), span.scale(), y).chart(sheet, quantity.title, "ε", quantity.label)?;
                for (sweep, curve) in row.iter().zip(&curves) {
                    draw_sweep(sheet, &chart, (quantity, sweep, span), look_of(sweep), curve, &mut csv)?;
                }
            }
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// The zero-phase edge, where it lies within the span.
fn edge(sweep: &Sweep, span: Span) -> Option<f64> {
    sweep.problem.zero_threshold().filter(|&edge| span.holds(edge))
}

fn closed(quantity: &Quantity, sweep: &Sweep, span: Span) -> Vec<Vec<(f64, f64)>> {
    let edges: Vec<f64> = edge(sweep, span).into_iter().collect();
    curve(&span.places(&edges), &edges, |x| quantity.at(ALONG, &sweep.problem, x))
}

fn draw_sweep(
    sheet: &Sheet,
    chart: &Chart,
    (quantity, sweep, span): (&Quantity, &Sweep, Span),
    look: Look,
    pieces: &[Vec<(f64, f64)>],
    csv: &mut Csv,
) -> Drawn {
    let mut row = |kind: &str, x: f64, y: Option<f64>, case: &str, start: String| {
        let names = [&sweep.settings, &sweep.loss, quantity.id, kind].map(str::to_owned);
        csv.row(&[names.as_slice(), &[cell(Some(x)), cell(y), case.to_owned(), start]].concat());
    };
    if let Some(edge) = edge(sweep, span) {
        let tip = format!("{}: W = H = 0 from ε = {} on", sweep.loss, short(edge));
        sheet.tipped(&tip, || chart.upright(edge, Stroke { width: 1.0, ..look.stroke(1.0) }))?;
        row("zero-phase edge", edge, None, "", String::new());
    }
    for piece in pieces {
        sheet.tipped(&sweep.loss, || chart.curve(piece, look.stroke(1.8)))?;
        piece.iter().for_each(|&(x, y)| row("closed form", x, Some(y), "", String::new()));
    }
    for dot in &sweep.dots {
        let Some(y) = (quantity.record)(dot.record) else { continue };
        let fill = if global(dot.record) { look.color } else { WHITE };
        let tip = format!("{}: ε = {}, {} = {}", sweep.loss, short(dot.at), quantity.label, short(y));
        sheet.tipped(&tip, || chart.mark((dot.at, y), Mark::new(look.marker, 3.6, fill, look.color)))?;
        row("found", dot.at, Some(y), &dot.record.case, dot.record.start_index.to_string());
    }
    Ok(())
}
