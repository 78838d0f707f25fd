//! The plot of φ(t) + c|t| with its minima, one curve a weight c: of `ufm loss`, and a panel of the figure `contrast`.

use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::axes::{Chart, Panel, Scale, short};
use super::canvas::{self, Drawn, Sheet};
use super::csv::{Csv, cell};
use super::elements::{Mark, Marker};
use super::figures::Drawing;
use super::style::{FAINT, Key, Legend, SMALL, look, title};
use crate::theory::Contrast;

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

/// The curves φ(t) + c|t| − φ(0) of one loss, so that a tie with t = 0 shows as a second touch of the zero line.
pub(super) struct Curves<'a> {
    contrast: &'a Contrast,
    weights: &'a [Weight],
    zero: f64,
    range: Vec<f64>,
    /// Heights over the range, a curve a weight.
    heights: Vec<Vec<f64>>,
    lowest: f64,
    highest: f64,
}

impl<'a> Curves<'a> {
    pub(super) fn new(contrast: &'a Contrast, classes: usize, weights: &'a [Weight]) -> Self {
        let range = contrast_range(contrast, classes, weights);
        let zero = contrast.value(0.0);
        let of = |weight: &Weight| range.iter().map(|&t| contrast.value(t) + weight.c * t.abs() - zero).collect();
        let heights: Vec<Vec<f64>> = weights.iter().map(of).collect();
        let finite = || heights.iter().flatten().copied().filter(|y| y.is_finite());
        let (lowest, highest) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
        // What lies far above zero would flatten the minima.
        let highest = if lowest < 0.0 { highest.min(2.5 * -lowest) } else { highest };
        Self { contrast, weights, zero, range, heights, lowest, highest }
    }

    /// φ(0).
    pub(super) fn zero(&self) -> f64 {
        self.zero
    }

    /// The scales of a panel: t and height.
    pub(super) fn scales(&self) -> Result<(Scale, Scale), String> {
        let x = Scale::Linear { low: self.range[0], high: self.range[POINTS - 1] };
        let y = Scale::linear([self.lowest, self.highest].into_iter()).ok_or("the loss has no finite values")?;
        Ok((x, y))
    }

    /// Draws the curves with their minima: those of a global minimum filled where `filled`, hollow otherwise.
    pub(super) fn draw(&self, sheet: &Sheet, chart: &Chart, filled: bool) -> Drawn {
        for (i, (weight, heights)) in self.weights.iter().zip(&self.heights).enumerate() {
            let points: Vec<(f64, f64)> = self.range.iter().copied().zip(heights.iter().copied()).collect();
            chart.curve(&points, look(i).stroke(1.8))?;
            for minimum in self.contrast.minima(weight.c).unwrap_or_default() {
                let color = look(i).color;
                // At t = 0 several curves have theirs: a local one is a ring around what else is there.
                let (radius, fill) = match (minimum.global, filled) {
                    (true, true) => (4.5, color),
                    (true, false) => (6.0, WHITE),
                    (false, _) => (7.5, WHITE),
                };
                let mark = Mark::new(Marker::Circle, radius, fill, color);
                let kind = if minimum.global { "global" } else { "local" };
                let tip = format!("c = {}: t = {}, value {}, {kind}", short(weight.c), short(minimum.t), short(minimum.value));
                sheet.tipped(&tip, || chart.mark((minimum.t, minimum.value - self.zero), mark))?;
            }
        }
        Ok(())
    }

    /// Weight, t, φ and height of every point, weight by weight.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Weight, [f64; 3])> {
        self.weights.iter().zip(&self.heights).flat_map(move |(weight, heights)| {
            self.range.iter().zip(heights).map(move |(&t, &height)| (weight, [t, self.contrast.value(t), height]))
        })
    }
}

/// The curves φ(t) + c|t| − φ(0). Filled markers are global minima, hollow ones local.
pub fn contrast_drawing(contrast: &Contrast, classes: usize, name: &str, weights: &[Weight]) -> Result<Drawing, String> {
    let curves = Curves::new(contrast, classes, weights);
    let (x, y) = curves.scales()?;
    let width = 660.0;
    let entries =
        weights.iter().enumerate().map(|(i, weight)| (Key::Line(look(i)), format!("c = {} ({})", short(weight.c), weight.label)));
    let legend = Legend::new(entries.collect(), 16.0, width - 32.0);
    let heading = format!("φ(t) + c|t|, {name}, K = {classes}");
    let place = Panel { left: 76.0, top: 36.0 + legend.height() + 16.0, width: width - 100.0, height: 300.0, x, y };
    let svg = canvas::picture((width, place.top + 300.0 + 66.0), &heading, |sheet| {
        title(sheet, &heading)?;
        legend.draw(sheet, 36.0)?;
        let chart = place.chart(sheet, "", "t = Σ_{j≠k} (z_{j} − z_{k})", "φ(t) + c|t| − φ(0)")?;
        curves.draw(sheet, &chart, true)?;
        let style = canvas::Text::new(SMALL, FAINT, HPos::Left);
        sheet.text((76.0, place.top + 300.0 + 56.0), "filled: global minimum · hollow: local minimum only", style)
    })?;
    let mut csv = Csv::new(&["c", "label", "t", "phi", "objective_minus_phi_zero"]);
    for (weight, [t, phi, height]) in curves.rows() {
        csv.row(&[weight.c.to_string(), weight.label.clone(), t.to_string(), cell(Some(phi)), cell(Some(height))]);
    }
    Ok(Drawing { svg, csv: csv.finish(), note: String::new() })
}
