//! Duality along the way: the gap between f and the lower bound that the same point proves, and ‖G‖/μ, which is at most 1 at a global minimum.

use std::collections::BTreeMap;

use super::super::axes::{Panel, Scale};
use super::super::canvas::{self, Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::style::{FAINT, Key, Legend, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::TrajectoryRow;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "dual-gap",
    summary: "duality gap and ‖G‖/μ against iteration, one curve a loss",
    caption: "Every iterate of a convex loss proves how far it is from the global minimum. Left: bold lines are the gap f − D(Γ), where Γ is the residual matrix G = ∇g(Z) shrunk to \
              operator norm μ = √(λ_W λ_H) and D(Γ) ≤ f* by weak duality; thin lines are the true distance f − f* from the closed form, which the gap can never be below. Middle: \
              ‖G‖/μ; below the line at 1 nothing can be gained by a new direction. Right: its distance from 1. At the global minimum ‖G‖ = μ and the gap is zero; a plateau with ‖G‖ above μ is a \
              saddle. All axes are logarithmic, so the start (iteration 0) is not drawn; curves end where rounding begins. One curve a case, from the start whose final value is lowest. \
              The focal loss is not convex: it has ‖G‖/μ and no bound.",
    draw,
};

/// One panel.
struct Quantity {
    id: &'static str,
    title: &'static str,
    label: &'static str,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity { id: "gap", title: "duality gap (bold), f − f* (thin)", label: "f − D(Γ),  f − f*" },
    Quantity { id: "dual_ratio", title: "norm of the residual", label: "‖G‖_{op} / μ" },
    Quantity { id: "dual_ratio_from_one", title: "its distance from 1", label: "|‖G‖_{op} / μ − 1|" },
];
/// The true distance, drawn beside the gap.
const EXCESS: &str = "excess";

/// Differences below this fraction of their terms are rounding.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// A case's trajectory.
struct Curve<'a> {
    case: &'a Case<'a>,
    rows: Vec<&'a TrajectoryRow>,
    /// f*, where there is a closed form.
    closed: Option<f64>,
}

impl Curve<'_> {
    /// Iterations and a quantity where it is positive, finite and above its rounding.
    fn points(&self, id: &str) -> Vec<(u64, f64)> {
        let above = |row: &TrajectoryRow, reference: f64| Some(row.value - reference).filter(|&x| x > ROUNDING * row.value.abs());
        let value = |row: &TrajectoryRow| match id {
            "gap" => above(row, row.lower_bound?),
            EXCESS => above(row, self.closed?),
            "dual_ratio" => row.dual_ratio,
            _ => row.dual_ratio.map(|ratio| (ratio - 1.0).abs()).filter(|&x| x > ROUNDING),
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
    if !rows.values().flatten().any(|row| row.step > 0) {
        return Err(
            "no trajectory has a step: trajectories.jsonl is empty or absent (output.trajectories says what is kept)".into()
        );
    }
    let curve = |case| {
        let case: &Case = case;
        let known = |start: usize| rows.get(&(case.id, start)).filter(|rows| rows.iter().any(|row| row.dual_ratio.is_some()));
        let best = case.best(|record| known(record.start_index).is_some())?;
        let closed = case.records.iter().filter_map(|record| record.closed_form_value).find(|value| value.is_finite());
        Some((best.start_index, closed))
    };
    let curves: Vec<Curve> = cases
        .iter()
        .filter_map(|case| {
            let (start, closed) = curve(case)?;
            let curve = Curve { case, rows: rows[&(case.id, start)].clone(), closed };
            (!curve.points("dual_ratio").is_empty()).then_some(curve)
        })
        .collect();
    if curves.is_empty() {
        return Err("the trajectories hold no ‖G‖/μ: rows have it where report.figures names dual-gap (or is left out) and the problem is small, K·d·N ≤ 4·10⁶".into());
    }
    let drawn = &curves[..curves.len().min(CASES_MAX)];
    let mut note = left_out(curves.len(), drawn.len(), "cases");
    let without = |lacks: &dyn Fn(&Curve) -> bool| {
        drawn.iter().filter(|curve| lacks(curve)).map(|curve| curve.case.label.as_str()).collect::<Vec<_>>().join(", ")
    };
    for (labels, why) in [
        (without(&|curve| curve.rows.iter().all(|row| row.lower_bound.is_none())), "no bound (not convex)"),
        (without(&|curve| curve.closed.is_none()), "no closed form, so no thin line"),
    ] {
        if !labels.is_empty() {
            note += &format!("{labels}: {why}. ");
        }
    }
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: note.trim_end().into() })
}

fn picture(curves: &[Curve]) -> Result<(String, String), String> {
    let width = 1000.0;
    let entries = curves.iter().map(|curve| (Key::Line(curve.case.look), curve.case.label.clone())).collect();
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let last = curves.iter().flat_map(|curve| curve.rows.iter().map(|row| row.step)).max().unwrap_or(1) as f64;
    let x = Scale::log([1.0, last].into_iter()).ok_or("the trajectories have no iteration")?;
    let mut csv = Csv::new(&["case", "label", "quantity", "iteration", "value"]);
    let heading = "The duality gap along the iterations";
    let svg = canvas::picture((width, top + 240.0 + 54.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (i, quantity) in QUANTITIES.iter().enumerate() {
            let place = Panel { left: 76.0 + i as f64 * 318.0, top, width: 236.0, height: 240.0, x, y: x };
            panel(sheet, place, quantity, curves, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn panel(sheet: &Sheet, place: Panel, quantity: &Quantity, curves: &[Curve], csv: &mut Csv) -> Drawn {
    let ids: &[&str] = if quantity.id == "gap" { &[EXCESS, "gap"] } else { &[quantity.id] };
    let every = || ids.iter().flat_map(|id| curves.iter().flat_map(|curve| curve.points(id))).map(|(_, value)| value);
    // The line at 1 is part of the panel.
    let one = (quantity.id == "dual_ratio").then_some(1.0);
    let Some(y) = Scale::log(every().chain(one)) else { return Ok(()) };
    let panel = Panel { y, ..place };
    let chart = panel.chart(sheet, quantity.title, "iteration", quantity.label)?;
    if let (Some(one), Scale::Log { low, high }) = (one, panel.x) {
        chart.line(vec![(low, one), (high, one)], Stroke::new(FAINT, 1.2))?;
    }
    for id in ids {
        for curve in curves {
            let points = curve.points(id);
            let line = points.iter().map(|&(step, value)| (step as f64, value)).collect();
            let stroke = match *id {
                EXCESS => Stroke::new(curve.case.look.color, 0.9),
                _ => curve.case.look.stroke(2.0),
            };
            sheet.tipped(&format!("{}: {id}", curve.case.label), || chart.line(line, stroke))?;
            for (step, value) in points {
                let (case, label) = (curve.case.id.to_owned(), curve.case.label.clone());
                csv.row(&[case, label, (*id).into(), step.to_string(), cell(Some(value))]);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::quickstart;
    use super::*;

    #[test]
    fn gaps_are_values_less_bounds_and_focal_loss_has_none() {
        let data = quickstart(tempfile::tempdir().unwrap().path());
        let drawing = draw(&data).unwrap();
        assert!(drawing.note.contains("focal γ = 2: no bound (not convex)"), "{}", drawing.note);
        let (mut gaps, mut ratios) = (0, 0);
        for line in drawing.csv.lines().skip(1) {
            let cells: Vec<&str> = line.rsplitn(4, ',').collect();
            let (value, step, quantity): (f64, u64, &str) = (cells[0].parse().unwrap(), cells[1].parse().unwrap(), cells[2]);
            let case = cells[3].split(',').next().unwrap();
            let row = data.trajectories.iter().find(|row| row.case == case && row.step == step && row.start_index == 0).unwrap();
            match quantity {
                "gap" => {
                    assert!(case != "c3" && (value - (row.value - row.lower_bound.unwrap())).abs() <= 1e-15, "{line}");
                    gaps += 1;
                }
                "dual_ratio" => {
                    assert!((value - row.dual_ratio.unwrap()).abs() <= 1e-15, "{line}");
                    ratios += usize::from(case == "c3");
                }
                _ => {}
            }
        }
        assert!(gaps > 100 && ratios > 50, "{gaps}, {ratios}");
    }

    #[test]
    fn trajectories_without_the_numbers_give_the_reason() {
        let mut data = quickstart(tempfile::tempdir().unwrap().path());
        data.trajectories.iter_mut().for_each(|row| (row.dual_ratio, row.lower_bound) = (None, None));
        let reason = draw(&data).unwrap_err();
        assert!(reason.contains("report.figures names dual-gap") && reason.contains("K·d·N"), "{reason}");
        data.trajectories.clear();
        assert!(draw(&data).unwrap_err().contains("trajectories.jsonl"));
    }
}
