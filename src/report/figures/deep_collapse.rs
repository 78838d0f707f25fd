//! Several linear factors: the value of a solution of rank K/2 against that of collapse, in (K, L).

use super::super::axes::{Panel, Scale};
use super::super::canvas::{self, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::RunData;
use super::super::elements::Marker;
use super::super::style::{INK, Key, Legend, Look, look, title};
use super::{Drawing, Family};
use crate::theory::DeepLinear;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "deep-collapse",
    summary: "deep linear heads: value of rank K/2 over that of collapse against the decay, for K and L",
    caption: "Closed curves only: there is no solver for several linear factors here. With L factors above free features, each with the decay λ, an X with singular values σ costs (λ(L+1)/2)Σσ^{2/(L+1)}. Drawn is the value \
              of the best solution of rank K/2 (classes in opposite pairs) over that of the best collapsed one, against λn^{1/(L+1)}, on which alone both depend. Below the line at 1 collapse is not the global minimum. L = 1 is \
              the unconstrained-feature model itself: collapse always wins. At L = 2 it still wins for K = 4 and small decay; from K = 6 on, and at L ≥ 3 from K = 4 on, low rank wins at every decay drawn. A curve ends, at 1, where \
              W = H = 0 is best; it climbs there once collapse has fallen to zero and low rank has not. Short dashes at the left edge: the limit λ → 0, K2^{e−1}/(K−1) with e = 2/(L+1), approached only logarithmically.",
    draw,
};

/// The numbers of classes and of factors drawn.
const CLASSES: [usize; 5] = [4, 6, 8, 12, 20];
const FACTORS: [u32; 4] = [1, 2, 3, 4];

/// The ends of the axis of λ.
const LOW: f64 = 1e-12;
const HIGH: f64 = 0.4;
/// Where curves begin to bend.
const STEEP: f64 = 0.01;

/// The line at 1.
const EQUAL: Look = Look { color: INK, dash: &[], marker: Marker::Circle };

fn draw(data: &RunData) -> Result<Drawing, String> {
    if !data.records.iter().any(|record| record.loss == "cross-entropy") {
        return Err("deep linear heads are stated for cross-entropy, and no record has that loss".into());
    }
    let (svg, csv) = picture()?;
    Ok(Drawing { svg, csv, note: String::new() })
}

/// The value of rank K/2 over that of collapse, where one of them is not zero.
fn ratio(classes: usize, factors: u32, decay: f64) -> Option<f64> {
    let deep = DeepLinear { classes, per_class: 1, factors, decay };
    let (collapse, low_rank) = (deep.collapse().ok()?, deep.low_rank().ok()?);
    (collapse.margin > 0.0 || low_rank.margin > 0.0).then(|| low_rank.value / collapse.value)
}

fn curve(classes: usize, factors: u32) -> Vec<(f64, f64)> {
    // Near its end a curve climbs steeply.
    let spaced =
        |low: f64, high: f64, steps: u32| (0..steps).map(move |i| low * (high / low).powf(f64::from(i) / f64::from(steps)));
    let decays = spaced(LOW, STEEP, 40).chain(spaced(STEEP, HIGH, 160));
    decays.filter_map(|decay| Some((decay, ratio(classes, factors, decay)?))).collect()
}

fn picture() -> Result<(String, String), String> {
    let width = 920.0;
    let mut entries: Vec<(Key, String)> =
        CLASSES.iter().enumerate().map(|(k, classes)| (Key::Line(look(k)), format!("K = {classes}"))).collect();
    entries.push((Key::Line(EQUAL), "equal: above it collapse wins, below it rank K/2".into()));
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let (top, panel_width, panel_height) = (36.0 + legend.height() + 34.0, 350.0, 210.0);
    let mut csv = Csv::new(&["factors", "classes", "decay", "ratio"]);
    let heading = "Deep linear heads: rank K/2 against collapse";
    let svg = canvas::picture((width, top + 2.0 * (panel_height + 84.0) - 34.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (place, factors) in FACTORS.into_iter().enumerate() {
            let curves: Vec<_> = CLASSES.iter().map(|&classes| (classes, curve(classes, factors))).collect();
            let values = curves.iter().flat_map(|(_, curve)| curve.iter().map(|&(_, ratio)| ratio));
            let Some(y) = Scale::linear(values.chain(CLASSES.iter().map(|&classes| limit(classes, factors))).chain([1.0])) else {
                continue;
            };
            let corner = (76.0 + (place % 2) as f64 * (panel_width + 88.0), top + (place / 2) as f64 * (panel_height + 84.0));
            let x = Scale::Log { low: LOW, high: HIGH };
            let panel = Panel { left: corner.0, top: corner.1, width: panel_width, height: panel_height, x, y };
            let name = if factors == 1 { "L = 1 (the model itself)".to_owned() } else { format!("L = {factors}") };
            let chart = panel.chart(sheet, &name, "decay λn^{1/(L+1)}", "f of rank K/2 over f of collapse")?;
            chart.line(vec![(LOW, 1.0), (HIGH, 1.0)], EQUAL.stroke(1.2))?;
            for (k, (classes, curve)) in curves.iter().enumerate() {
                let limit = limit(*classes, factors);
                chart.line(
                    vec![(LOW, limit), (LOW * 6.0, limit)],
                    Stroke { dash: &[3.0, 2.0], ..Stroke::new(look(k).color, 1.4) },
                )?;
                chart.curve(curve, look(k).stroke(2.0))?;
                for &(decay, ratio) in curve {
                    csv.row(&[factors.to_string(), classes.to_string(), cell(Some(decay)), cell(Some(ratio))]);
                }
            }
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// The ratio as λ → 0: both losses vanish like λ at β ≈ 2α ≈ 2 log(1/λ), and costs compare as (K/2)(2α)^e with (K − 1)α^e.
fn limit(classes: usize, factors: u32) -> f64 {
    let exponent = 2.0 / (f64::from(factors) + 1.0);
    classes as f64 * 2.0_f64.powf(exponent - 1.0) / (classes as f64 - 1.0)
}
