//! The focal loss's convexity edge p_c(γ), and from how many classes on its minimiser is not unique.

use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::super::axes::{Scale, short};
use super::super::canvas::{Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::RunData;
use super::super::elements::{Mark, Marker};
use super::super::grid::Grid;
use super::super::style::{INK, Key, Look, SMALL, look};
use super::{Drawing, Family};
use crate::losses::Loss;
use crate::record::{Record, balanced_problem};
use crate::theory::{focal_convexity_edge, focal_convexity_edge_max, focal_uniqueness_fails_from};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "convexity-edge",
    summary: "focal loss: the convexity edge p_c(γ) with its maximum, and the first number of classes at which the minimiser is not unique",
    caption: "Curves are closed forms: they depend on γ alone. Left: the focal loss is convex in the logits exactly where the true class has a probability of at least p_c(γ); the dot is the largest p_c over all γ. \
              Right: 1/p_c as a number of classes. With K ≤ 1/p_c classes W = H = 0 (probability 1/K) lies in the convex part and argmin φ(t) + ε|t| is unique for every ε; above the curve two minima tie at one ε. \
              The steps are the first whole K at which uniqueness fails, written out along the bottom for some γ; it is never below 18. Squares are the run's own cases, at their γ and K: filled where the run found W = H = 0 to be a spurious local minimum \
              (lower points are known), hollow where it did not. A filled square below the curve would contradict it; a hollow one above says only that the case's ε is outside its window.",
    draw,
};

const PANEL: (f64, f64) = (420.0, 300.0);
const SAMPLES: usize = 300;
/// Focusing parameters whose first K is written out.
const NAMED: [f64; 6] = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0];
const CURVE: usize = 0;
const STEPS: usize = 1;

/// A case of the focal loss.
struct Own {
    gamma: f64,
    classes: usize,
    spurious: bool,
    case: String,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let mut cases: Vec<Own> = Vec::new();
    for case in data.cases() {
        if let Ok(Loss::Focal(focal)) = balanced_problem(case.records[0]).map(|problem| problem.loss) {
            let lowest =
                case.best(|record| record.nature.as_deref() != Some("not-critical")).map_or(f64::INFINITY, |record| record.value);
            // "local-minimum" alone may also mean: not shown to be global.
            let spurious = |record: &Record| {
                record.rank == Some(0)
                    && record.nature.as_deref() == Some("local-minimum")
                    && record.value > lowest + 1e-9 * lowest.abs()
            };
            let spurious = case.records.iter().any(|record| spurious(record));
            if focal.gamma > 0.0 {
                cases.push(Own { gamma: focal.gamma, classes: case.records[0].classes, spurious, case: case.id.to_owned() });
            }
        }
    }
    if cases.is_empty() {
        return Err("no balanced case has the focal loss with γ > 0: p_c is its edge".into());
    }
    let (svg, csv) = picture(&cases)?;
    let against = cases.iter().filter(|own| own.spurious && own.classes as f64 * focal_convexity_edge(own.gamma) <= 1.0).count();
    let note = if against > 0 { format!("{against} cases contradict the curve.") } else { String::new() };
    Ok(Drawing { svg, csv, note })
}

fn picture(cases: &[Own]) -> Result<(String, String), String> {
    let gammas = || cases.iter().map(|own| own.gamma).chain([0.3, 15.0]);
    let (low, high) = (gammas().fold(f64::INFINITY, f64::min), gammas().fold(0.0, f64::max));
    let x = Scale::Log { low: low / 1.1, high: high * 1.1 };
    let range: Vec<f64> = (0..SAMPLES).map(|i| low * (high / low).powf(i as f64 / (SAMPLES - 1) as f64)).collect();
    let plain = |at: usize| Key::Line(Look { dash: &[], ..look(at) });
    let mut entries = vec![
        (plain(CURVE), "edge of convexity and its reciprocal (closed form)".to_owned()),
        (plain(STEPS), "first K at which uniqueness fails".to_owned()),
    ];
    for (spurious, name) in [(true, "case: W = H = 0 found spurious"), (false, "case: not found spurious")] {
        if cases.iter().any(|own| own.spurious == spurious) {
            entries.push((Key::Shape(Marker::Square, if spurious { INK } else { WHITE }, INK), name.into()));
        }
    }
    let grid = Grid::new((1, 2), PANEL, entries);
    let mut csv = Csv::new(&["kind", "gamma", "p_c", "classes_1_over_p_c", "first_k", "spurious", "case"]);
    let svg = grid.picture("Focal loss: where it is convex, and how many classes that bears", |sheet| {
        draw_edge(sheet, &grid, x, &range)?;
        draw_classes(sheet, &grid, x, &range, cases)
    })?;
    let mut row = |kind: &str, gamma: f64, spurious: &str, case: &str| {
        let edge = focal_convexity_edge(gamma);
        let first = focal_uniqueness_fails_from(gamma).map_or(String::new(), |first| first.to_string());
        csv.row(&[kind.into(), cell(Some(gamma)), cell(Some(edge)), cell(Some(1.0 / edge)), first, spurious.into(), case.into()]);
    };
    range.iter().for_each(|&gamma| row("closed form", gamma, "", ""));
    NAMED.iter().for_each(|&gamma| row("named", gamma, "", ""));
    row("maximum", focal_convexity_edge_max().0, "", "");
    cases.iter().for_each(|own| row("case", own.gamma, if own.spurious { "yes" } else { "no" }, &own.case));
    Ok((svg, csv.finish()))
}

fn draw_edge(sheet: &Sheet, grid: &Grid, x: Scale, range: &[f64]) -> Drawn {
    let (gamma, most) = focal_convexity_edge_max();
    let chart = grid.panel((0, 0), x, Scale::Linear { low: 0.0, high: 1.25 * most }).chart(
        sheet,
        "edge of convexity",
        "γ",
        "p_{c}(γ)",
    )?;
    let points: Vec<(f64, f64)> = range.iter().map(|&gamma| (gamma, focal_convexity_edge(gamma))).collect();
    chart.curve(&points, Stroke::new(look(CURVE).color, 1.8))?;
    chart.mark((gamma, most), Mark::new(Marker::Circle, 3.6, look(CURVE).color, look(CURVE).color))?;
    let (left, top) = chart.at((gamma, most));
    sheet.text((left, top - 10.0), &format!("largest: {most:.8} at γ = {gamma:.3}"), Text::new(SMALL, INK, HPos::Center))
}

fn draw_classes(sheet: &Sheet, grid: &Grid, x: Scale, range: &[f64], cases: &[Own]) -> Drawn {
    let classes = |gamma: f64| 1.0 / focal_convexity_edge(gamma);
    let own = cases.iter().map(|own| own.classes as f64);
    let most = own.chain(range.iter().map(|&gamma| classes(gamma).min(75.0))).fold(0.0, f64::max);
    let y = Scale::Linear { low: -0.09 * most, high: 1.08 * most };
    let chart = grid.panel((0, 1), x, y).chart(sheet, "number of classes", "γ", "K")?;
    let first = |gamma: f64| focal_uniqueness_fails_from(gamma).ok().map(|first| first as f64);
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for &gamma in range {
        let Some(next) = first(gamma) else { continue };
        // Upright pieces between the steps.
        steps.extend(
            steps.last().filter(|last| (last.1 - next).abs() > 0.5).map(|last| (gamma, last.1)).into_iter().collect::<Vec<_>>(),
        );
        steps.push((gamma, next));
    }
    chart.curve(&steps, Stroke::new(look(STEPS).color, 1.2))?;
    let points: Vec<(f64, f64)> = range.iter().map(|&gamma| (gamma, classes(gamma))).collect();
    chart.curve(&points, Stroke::new(look(CURVE).color, 1.8))?;
    for own in cases {
        let fill = if own.spurious { INK } else { WHITE };
        let tip = format!(
            "γ = {}, K = {}: {}",
            short(own.gamma),
            own.classes,
            if own.spurious { "W = H = 0 is spurious" } else { "not found spurious" }
        );
        sheet.tipped(&tip, || chart.mark((own.gamma, own.classes as f64), Mark::new(Marker::Square, 3.4, fill, INK)))?;
    }
    // In a row of their own, below zero: beside the curve they would stand among the cases.
    let bold = |anchor| Text { bold: true, ..Text::new(SMALL, look(STEPS).color, anchor) };
    let (left, level) = chart.at((NAMED[0], -0.05 * most));
    sheet.text((left - 16.0, level), "first K:", bold(HPos::Right))?;
    for gamma in NAMED {
        let Some(k) = first(gamma) else { continue };
        chart.mark((gamma, k), Mark::new(Marker::Circle, 2.4, look(STEPS).color, look(STEPS).color))?;
        sheet.text((chart.at((gamma, k)).0, level), &format!("{k}"), bold(HPos::Center))?;
    }
    Ok(())
}
