//! How sure every sample is: the distribution of margins.

use super::super::Drawing;
use super::super::axes::Scale;
use super::super::canvas::Stroke;
use super::super::csv::{Csv, cell};
use super::super::grid::Grid;
use super::super::style::{INK, Key, look};
use super::Inspected;
use crate::metrics::Findings;

/// How to read it.
pub(super) const CAPTION: &str = "The share of samples whose margin z_y − max_{k≠y} z_k is below a value, over the file's own scale s (the weight of the simplex in its logits), so that losses with logits of \
    different size compare. At collapse every margin is s: the curve is a step at 1. What lies left of 0 is decided wrongly. Steep curves: samples are alike; a long foot: few hard samples.";

/// Points of a curve.
const POINTS: usize = 400;

/// One panel for the samples, one for test samples where there are some.
pub(super) fn draw(found: &[Inspected]) -> Result<Drawing, String> {
    let mut csv = Csv::new(&["file", "samples", "margin_over_scale", "share"]);
    let curve = |one: &Inspected, findings: Option<&Findings>| -> Vec<(f64, f64)> {
        let scale = one.findings.metrics.values.get("scale").copied().filter(|&s| s > 0.0);
        match (scale, findings) {
            (Some(scale), Some(findings)) => quantiles(&findings.margins, scale),
            _ => Vec::new(),
        }
    };
    let mut panels =
        vec![("train", "training samples", found.iter().map(|one| curve(one, Some(&one.findings))).collect::<Vec<_>>())];
    if found.iter().any(|one| one.on_test().is_some()) {
        panels.push(("test", "test samples", found.iter().map(|one| curve(one, one.on_test())).collect()));
    }
    let places = panels.iter().flat_map(|(.., curves)| curves).flatten().map(|point| point.0);
    let Some(Scale::Linear { low, high }) = Scale::linear(places.chain([0.0, 1.0])) else {
        return Err("no sample has a margin".into());
    };
    if panels.iter().all(|(.., curves)| curves.iter().all(Vec::is_empty)) {
        return Err("the logits hold no simplex: their scale s is not positive".into());
    }
    let (x, y) = (Scale::Linear { low, high }, Scale::Linear { low: 0.0, high: 1.0 });
    let entries = found.iter().enumerate().map(|(i, one)| (Key::Line(look(i)), one.label.clone())).collect();
    let grid = Grid::new((1, panels.len()), (430.0, 300.0), entries);
    let svg = grid.picture("Margins of all samples", |sheet| {
        for (k, (name, title, curves)) in panels.iter().enumerate() {
            let chart = grid.panel((0, k), x, y).chart(sheet, title, "margin / s", "share of samples below")?;
            chart.upright(0.0, Stroke::new(INK, 1.0))?;
            for (i, (one, curve)) in found.iter().zip(curves).enumerate() {
                sheet.tipped(&one.label, || chart.line(curve.clone(), look(i).stroke(1.8)))?;
                for &(margin, share) in curve {
                    csv.row(&[one.label.clone(), (*name).to_owned(), cell(Some(margin)), cell(Some(share))]);
                }
            }
        }
        Ok(())
    })?;
    Ok(Drawing { svg, csv: csv.finish(), note: String::new() })
}

/// The distribution function at about [`POINTS`] of its steps, the first and the last among them.
fn quantiles(margins: &[f64], scale: f64) -> Vec<(f64, f64)> {
    let mut sorted: Vec<f64> = margins.iter().map(|x| x / scale).filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    let step = count.div_ceil(POINTS).max(1);
    let places = (0..count).step_by(step).chain(count.checked_sub(1));
    places.map(|i| (sorted[i], (i + 1) as f64 / count as f64)).collect()
}
