//! The plot of `ufm loss`: φ(t) + c|t| with its minima, one curve a weight c.

use super::axes::{Panel, Scale, short};
use super::canvas;
use super::csv::{Csv, cell};
use super::elements::{Mark, Marker};
use super::figures::Drawing;
use super::style::{Key, Legend, SMALL, look, title};
use crate::theory::Contrast;
use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

/// Points of a curve.
const POINTS: usize = 401;

/// A weight c and what its curve is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// c.
    pub c: f64,
    /// What it is, e.g. "transition".
    pub label: String,
}

/// The t at which curves are drawn: from beyond the largest minimum to a little right of 0.
pub fn contrast_range(contrast: &Contrast, classes: usize, weights: &[Weight]) -> Vec<f64> {
    let minima = weights.iter().filter_map(|weight| contrast.minima(weight.c).ok()).flatten();
    let deepest = minima.map(|minimum| -minimum.t).fold(0.0, f64::max);
    let left = if deepest > 0.0 { 1.35 * deepest } else { 4.0 * (classes - 1) as f64 };
    // 0 is one of the points: the curve has its corner there.
    let right = POINTS / 9;
    let step = left / (POINTS - 1 - right) as f64;
    (0..POINTS).map(|at| (at as f64 - (POINTS - 1 - right) as f64) * step).collect()
}

/// The curves φ(t) + c|t| − φ(0), so that a tie with t = 0 shows as a second touch of the zero line. Filled markers are global minima, hollow ones local.
pub fn contrast_drawing(contrast: &Contrast, classes: usize, name: &str, weights: &[Weight]) -> Result<Drawing, String> {
    let range = contrast_range(contrast, classes, weights);
    let zero = contrast.value(0.0);
    let curve = |c: f64| range.iter().map(|&t| (t, contrast.value(t) + c * t.abs() - zero)).collect::<Vec<_>>();
    let curves: Vec<_> = weights.iter().map(|weight| curve(weight.c)).collect();
    let heights = || curves.iter().flatten().map(|&(_, y)| y).filter(|y| y.is_finite());
    let lowest = heights().fold(0.0, f64::min);
    let highest = heights().fold(0.0, f64::max);
    // What lies far above zero would flatten the minima.
    let top = if lowest < 0.0 { highest.min(2.5 * -lowest) } else { highest };
    let x = Scale::Linear { low: range[0], high: range[POINTS - 1] };
    let y = Scale::linear([lowest, top].into_iter()).ok_or("the loss has no finite values")?;
    let width = 660.0;
    let entries =
        weights.iter().enumerate().map(|(i, weight)| (Key::Line(look(i)), format!("c = {} ({})", short(weight.c), weight.label)));
    let legend = Legend::new(entries.collect(), 16.0, width - 32.0);
    let heading = format!("φ(t) + c|t|, {name}, K = {classes}");
    let place = Panel { left: 76.0, top: 36.0 + legend.height() + 16.0, width: width - 100.0, height: 300.0, x, y };
    let mut csv = Csv::new(&["c", "label", "t", "phi", "objective_minus_phi_zero"]);
    let svg = canvas::picture((width, place.top + 300.0 + 66.0), &heading, |sheet| {
        title(sheet, &heading)?;
        legend.draw(sheet, 36.0)?;
        let chart = place.chart(sheet, "", "t = Σ_{j≠k} (z_{j} − z_{k})", "φ(t) + c|t| − φ(0)")?;
        for (i, (weight, curve)) in weights.iter().zip(&curves).enumerate() {
            let inside = |&&(_, y): &&(f64, f64)| y <= top && y.is_finite();
            // A curve may leave the panel and come back: pieces are drawn one by one.
            for piece in curve.split(|point| !inside(&point)) {
                chart.line(piece.to_vec(), look(i).stroke(1.8))?;
            }
            for minimum in contrast.minima(weight.c).unwrap_or_default() {
                let color = look(i).color;
                // At t = 0 several curves have theirs: a local one is a ring around what else is there.
                let (radius, fill) = if minimum.global { (4.5, color) } else { (7.5, WHITE) };
                let mark = Mark::new(Marker::Circle, radius, fill, color);
                let tip = format!("c = {}: t = {}, value {}", short(weight.c), short(minimum.t), short(minimum.value));
                sheet.tipped(&tip, || chart.mark((minimum.t, minimum.value - zero), mark))?;
            }
            for &(t, height) in curve {
                csv.row(&[
                    weight.c.to_string(),
                    weight.label.clone(),
                    t.to_string(),
                    cell(Some(contrast.value(t))),
                    cell(Some(height)),
                ]);
            }
        }
        let style = canvas::Text::new(SMALL, super::style::FAINT, HPos::Left);
        sheet.text((76.0, place.top + 300.0 + 56.0), "filled: global minimum · hollow: local minimum only", style)
    })?;
    Ok(Drawing { svg, csv: csv.finish(), note: String::new() })
}
