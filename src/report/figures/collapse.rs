//! Neural collapse along the way: the excess value, the gradient and NC1–NC4 against the iteration, one curve a loss.

use std::collections::BTreeMap;

use super::super::axes::{Panel, Scale};
use super::super::canvas;
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::style::{Key, Legend, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::{Record, TrajectoryRow};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "collapse",
    summary: "value above the reference, gradient and NC1–NC4 against iteration, one curve a loss",
    caption: "How a solver reaches collapse. One curve a loss, from the start whose final value is lowest. Both axes are logarithmic, so the \
              start (iteration 0) is not drawn and a straight line is a power law. NC1: within-class scatter over between-class scatter. NC2: distance \
              of the classifier's normalised Gram matrix from the simplex ETF's. NC3: the same for classifier times class means (self-duality). NC4: the \
              bias against the mean logit. Losses whose best bias is a common constant (MSE, BCE) keep it in NC4. Curves that end early have reached exact zero or rounding; kinks are where a solver with a \
              schedule (momentum, at 3/7 and 5/7 of the way) cuts its step.",
    draw,
};

/// One panel: the column of the table, its title and its axis label.
struct Quantity {
    id: &'static str,
    title: &'static str,
    label: &'static str,
}

const QUANTITIES: [Quantity; 6] = [
    Quantity { id: "excess", title: "value above the reference", label: "f − f_{ref}" },
    Quantity { id: "gradient_norm_scaled", title: "gradient", label: "‖∇f‖ / (μ + λ_{W}‖W‖ + λ_{H}‖H‖)" },
    Quantity { id: "nc1", title: "NC1  variability collapse", label: "tr(Σ_{W} Σ_{B}^{†}) / K" },
    Quantity { id: "nc2", title: "NC2  classifier → simplex ETF", label: "‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖" },
    Quantity { id: "nc3", title: "NC3  self-duality", label: "‖W~{H}/‖W~{H}‖ − P/√(K−1)‖" },
    Quantity { id: "nc4", title: "NC4  bias collapse", label: "‖Wμ_{G} + b‖" },
];

/// A case's trajectory with the value that its excess is measured from.
struct Curve<'a> {
    case: &'a Case<'a>,
    rows: Vec<&'a TrajectoryRow>,
    reference: f64,
    reference_kind: &'static str,
}

impl Curve<'_> {
    /// The points of one panel: positive, finite, from iteration 1.
    fn points(&self, id: &str) -> Vec<(u64, f64)> {
        let value = |row: &TrajectoryRow| match id {
            // A difference below the rounding of its terms says nothing.
            "excess" => Some(row.value - self.reference).filter(|&x| x > 4.0 * f64::EPSILON * row.value.abs()),
            "gradient_norm_scaled" => Some(row.gradient_norm_scaled),
            _ => row.metrics.get(id).copied(),
        };
        let rows = self.rows.iter().filter(|row| row.step > 0);
        rows.filter_map(|row| value(row).filter(|&x| x.is_finite() && x > 0.0).map(|x| (row.step, x))).collect()
    }
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let mut rows: BTreeMap<(&str, usize), Vec<&TrajectoryRow>> = BTreeMap::new();
    for row in &data.trajectories {
        rows.entry((&row.case, row.start_index)).or_default().push(row);
    }
    let key = |record: &Record| (record.case.clone(), record.start_index);
    let moved = |record: &Record| {
        let (case, start) = key(record);
        rows.get(&(case.as_str(), start)).is_some_and(|rows| rows.iter().any(|row| row.step > 0))
    };
    let curves: Vec<Curve> = cases
        .iter()
        .filter_map(|case| {
            let best = case.best(moved)?;
            let (reference, reference_kind) = reference(case)?;
            Some(Curve { case, rows: rows[&(case.id, best.start_index)].clone(), reference, reference_kind })
        })
        .collect();
    if curves.is_empty() {
        return Err(
            "no trajectory has a step: trajectories.jsonl is empty or absent (output.trajectories says what is kept)".into()
        );
    }
    let drawn = &curves[..curves.len().min(CASES_MAX)];
    let note = left_out(curves.len(), drawn.len(), "cases") + &reference_note(drawn);
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note })
}

/// The closed form where there is one, else the best lower bound, else the lowest value found.
fn reference(case: &Case) -> Option<(f64, &'static str)> {
    let finite = |values: Vec<Option<f64>>| values.into_iter().flatten().filter(|x| x.is_finite()).collect::<Vec<_>>();
    let closed = finite(case.records.iter().map(|record| record.closed_form_value).collect());
    if let Some(&value) = closed.first() {
        return Some((value, "the closed form"));
    }
    let bounds = finite(case.records.iter().map(|record| record.lower_bound).collect());
    if let Some(value) = bounds.into_iter().reduce(f64::max) {
        return Some((value, "the largest lower bound"));
    }
    case.best(|_| true).map(|record| (record.value, "the lowest value found"))
}

fn reference_note(curves: &[Curve]) -> String {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for curve in curves {
        kinds.entry(curve.reference_kind).or_default().push(&curve.case.label);
    }
    let parts: Vec<String> = kinds.iter().map(|(kind, labels)| format!("{kind} for {}", labels.join(" and "))).collect();
    format!("The reference is {}.", parts.join("; "))
}

fn picture(curves: &[Curve]) -> Result<(String, String), String> {
    let shown: Vec<&Quantity> =
        QUANTITIES.iter().filter(|quantity| curves.iter().any(|curve| !curve.points(quantity.id).is_empty())).collect();
    if shown.is_empty() {
        return Err("the trajectories hold no positive number".into());
    }
    let (width, columns) = (1000.0, shown.len().min(3));
    let (panel_width, panel_height, gap_x, gap_y) = ((width - 40.0) / columns as f64 - 86.0, 190.0, 86.0, 78.0);
    let entries = curves.iter().map(|curve| (Key::Line(curve.case.look), curve.case.label.clone())).collect();
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let height = top + shown.len().div_ceil(columns) as f64 * (panel_height + gap_y) - 24.0;
    let mut csv = Csv::new(&["case", "label", "quantity", "iteration", "value"]);
    let last = curves.iter().flat_map(|curve| curve.rows.iter().map(|row| row.step)).max().unwrap_or(1) as f64;
    let heading = "Neural collapse along the iterations";
    let svg = canvas::picture((width, height), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (i, quantity) in shown.into_iter().enumerate() {
            let series: Vec<(&Curve, Vec<(u64, f64)>)> = curves.iter().map(|curve| (curve, curve.points(quantity.id))).collect();
            let values = series.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
            let (Some(x), Some(y)) = (Scale::log([1.0, last].into_iter()), Scale::log(values)) else { continue };
            let left = 76.0 + (i % columns) as f64 * (panel_width + gap_x);
            let top = top + (i / columns) as f64 * (panel_height + gap_y);
            let panel = Panel { left, top, width: panel_width, height: panel_height, x, y };
            let chart = panel.chart(sheet, quantity.title, "iteration", quantity.label)?;
            for (curve, points) in series {
                let line = points.iter().map(|&(step, value)| (step as f64, value)).collect();
                sheet.tipped(&curve.case.label, || chart.line(line, curve.case.look.stroke(1.8)))?;
                for (step, value) in points {
                    let (case, label) = (curve.case.id.to_owned(), curve.case.label.clone());
                    csv.row(&[case, label, quantity.id.into(), step.to_string(), cell(Some(value))]);
                }
            }
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}
