//! SELI: how far the minimum of cross-entropy is from its limit for vanishing decays, against log(1/μ).

use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::elements::Mark;
use super::super::style::{FAINT, Key, Legend, Look, SMALL, look, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::objective::Problem;
use crate::record::{PerClass, Record, problem_of};
use crate::theory::{SeliRates, seli_minimum, seli_rates};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "seli-approach",
    summary: "distance of cross-entropy's minimum from the SELI geometry against log(1/μ), with its logarithmic law",
    caption: "Unequal classes as the decays vanish: the distance of the global minimum from the SELI geometry, left of the classifier's Gram matrix WWᵀ from (PDP)^{1/2}, in the middle of the logits WM from P \
              (each of norm 1), against ℓ = log(1/μ), μ = √(λ_W λ_H), both axes logarithmic. Filled marks are minima that were computed, full lines the minimum by theory (a fixed point of K×K logits), dashes \
              its asymptote c/ℓ. The approach is logarithmic because every off-class probability must balance μ times a number of its own, p_jk = μ a_jk: margins are logarithms of \
              probabilities, so they are ℓ − log a_jk, and what makes them unequal, log a_jk, stays of order 1 while they grow like ℓ; halving the distance takes the square of μ. Right: distance times ℓ \
              against 1/ℓ; it must run into c at 1/ℓ = 0 (diamonds). A distance with another limit would rise steeply there. Hollow marks, joined by thin lines, have a free bias: then the statement does not \
              hold, and their distance levels off.",
    draw,
};

/// Problems that differ in their decays alone, by ascending ℓ.
struct Series<'a> {
    label: String,
    look: Look,
    /// Whether the statement speaks of them.
    applies: bool,
    points: Vec<Point<'a>>,
    rates: Option<SeliRates>,
    problem: Problem,
}

struct Point<'a> {
    case: &'a Case<'a>,
    record: &'a Record,
    ell: f64,
    /// Of the classifier and of the logits.
    distances: [f64; 2],
}

const NAMES: [&str; 2] = ["classifier", "logits"];
const TITLES: [&str; 2] = ["classifier: WWᵀ from (PDP)^{1/2}", "logits: WM from P"];

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let series = series(&cases);
    if series.is_empty() {
        return Err("there are no two minima of cross-entropy at different decays with `seli-distance` and `seli-logits`".into());
    }
    let drawn = &series[..series.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: left_out(series.len(), drawn.len(), "series") })
}

fn series<'a>(cases: &'a [Case<'a>]) -> Vec<Series<'a>> {
    let mut all: Vec<Series> = Vec::new();
    for case in cases {
        let Some((point, problem)) = read(case) else { continue };
        let same = |series: &&mut Series| {
            (&series.problem.shape, series.problem.bias) == (&problem.shape, problem.bias)
                && (series.problem.scale - problem.scale).abs() <= 0.0
        };
        match all.iter_mut().find(same) {
            Some(series) => series.points.push(point),
            None => {
                let rates = seli_rates(&problem).ok();
                all.push(Series {
                    label: label(point.record),
                    look: look(0),
                    applies: rates.is_some(),
                    points: vec![point],
                    rates,
                    problem,
                });
            }
        }
    }
    all.retain(|series| series.points.len() > 1);
    // Series of the same sizes have one colour, whatever the bias.
    let mut sizes: Vec<Vec<usize>> = Vec::new();
    for series in &mut all {
        let own = series.problem.shape.class_sizes().to_vec();
        let place = sizes.iter().position(|other| *other == own).unwrap_or_else(|| {
            sizes.push(own);
            sizes.len() - 1
        });
        series.look = look(place);
        series.points.sort_by(|a, b| a.ell.total_cmp(&b.ell));
    }
    all
}

/// The lowest critical point of a case of cross-entropy, with both distances.
fn read<'a>(case: &'a Case<'a>) -> Option<(Point<'a>, Problem)> {
    if case.records[0].loss != "cross-entropy" {
        return None;
    }
    let distances = |record: &Record| -> Option<[f64; 2]> {
        let of = |id: &str| record.metrics.get(id).copied().filter(|x| x.is_finite() && *x > 0.0);
        Some([of("seli-distance")?, of("seli-logits")?])
    };
    let critical = |record: &Record| !matches!(record.nature.as_deref(), None | Some("not-critical" | "strict-saddle"));
    let record = case.best(|record| critical(record) && distances(record).is_some())?;
    let problem = problem_of(record).ok()?;
    let ell = -(problem.decay.mu() / problem.scale).ln();
    (ell.is_finite() && ell > 0.0).then_some((Point { case, record, ell, distances: distances(record)? }, problem))
}

fn label(record: &Record) -> String {
    let sizes = match &record.per_class {
        PerClass::Balanced(n) => format!("n = {n}"),
        PerClass::Imbalanced(sizes) => format!("n_k = {sizes:?}"),
    };
    format!("{sizes}, {} bias", if record.bias == "none" { "no" } else { &record.bias })
}

fn picture(series: &[Series]) -> Result<(String, String), String> {
    let (width, height) = (1040.0, 300.0);
    let key = |series: &Series| {
        if series.applies { Key::Marker(series.look) } else { Key::Shape(series.look.marker, WHITE, series.look.color) }
    };
    let mut entries: Vec<(Key, String)> = series.iter().map(|series| (key(series), series.label.clone())).collect();
    let plain = Look { dash: &[], ..look(6) };
    entries.push((Key::Line(plain), "minimum by theory".into()));
    entries.push((Key::Line(Look { dash: DASH, ..plain }), "asymptote c/ℓ".into()));
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let points = || series.iter().flat_map(|series| &series.points);
    let x = Scale::log(points().map(|point| point.ell)).ok_or("no decay is below 1")?;
    let heading = "Towards the SELI geometry as the decays vanish";
    let mut csv = Csv::new(&["case", "label", "kind", "quantity", "mu", "ell", "distance", "start_index"]);
    let svg = canvas::picture((width, top + height + 66.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for at in 0..2 {
            let Some(y) = Scale::log(points().map(|point| point.distances[at])) else { continue };
            let panel = Panel { left: 76.0 + at as f64 * 330.0, top, width: 250.0, height, x, y };
            let chart = panel.chart(sheet, TITLES[at], "ℓ = log(1/μ)", "distance from SELI")?;
            series.iter().try_for_each(|series| draw_series(sheet, &chart, series, at))?;
        }
        let panel = Panel { left: 76.0 + 660.0, top, width: 250.0, height, x, y: x };
        draw_scaled(sheet, &panel, series)?;
        sheet.text(
            (76.0, top + height + 56.0),
            "filled: no bias, or equal classes · hollow: free bias, where the statement does not hold",
            Text::new(SMALL, FAINT, HPos::Left),
        )
    })?;
    series.iter().for_each(|series| table_rows(&mut csv, series));
    Ok((svg, csv.finish()))
}

const DASH: &[f64] = &[5.0, 3.0];

/// ℓ and the predicted distance, between the ends of the series.
fn curve(series: &Series, at: usize) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (series.points.first(), series.points.last()) else { return Vec::new() };
    let ell = |step: u32| first.ell * (last.ell / first.ell).powf(f64::from(step) / 60.0);
    let predicted = |ell: f64| {
        let mut problem = series.problem.clone();
        let mu = series.problem.scale * (-ell).exp();
        (problem.decay.w, problem.decay.h) = (mu, mu);
        let found = seli_minimum(&problem).ok()?;
        Some((ell, [found.classifier_distance, found.logits_distance][at]))
    };
    if series.applies { (0..=60).map(ell).filter_map(predicted).collect() } else { Vec::new() }
}

fn rate(series: &Series, at: usize) -> Option<f64> {
    series.rates.map(|rates| [rates.classifier, rates.logits][at])
}

fn mark(series: &Series) -> Mark {
    let fill = if series.applies { series.look.color } else { WHITE };
    Mark::new(series.look.marker, 4.0, fill, series.look.color)
}

fn draw_series(sheet: &Sheet, chart: &Chart, series: &Series, at: usize) -> Drawn {
    let color = series.look.color;
    chart.line(curve(series, at), Stroke::new(color, 1.6))?;
    if let Some(rate) = rate(series, at) {
        let asymptote = series.points.iter().map(|point| (point.ell, rate / point.ell)).collect();
        chart.line(asymptote, Stroke { dash: DASH, ..Stroke::new(color, 1.3) })?;
    } else {
        chart.line(series.points.iter().map(|point| (point.ell, point.distances[at])).collect(), Stroke::new(color, 0.7))?;
    }
    for point in &series.points {
        let mu = short((-point.ell).exp());
        let tip =
            format!("{}: μ = {mu}, distance {}, f = {}", series.label, short(point.distances[at]), short(point.record.value));
        sheet.tipped(&tip, || chart.mark((point.ell, point.distances[at]), mark(series)))?;
    }
    Ok(())
}

/// Distance × ℓ against 1/ℓ, of the series that the statement speaks of, with its limit c.
fn draw_scaled(sheet: &Sheet, panel: &Panel, series: &[Series]) -> Drawn {
    let speaking: Vec<&Series> = series.iter().filter(|series| series.applies).collect();
    let numbers =
        speaking.iter().flat_map(|series| series.points.iter().flat_map(|point| point.distances.map(|x| x * point.ell)));
    let limits = speaking.iter().flat_map(|series| (0..2).filter_map(|at| rate(series, at)));
    let largest = speaking.iter().flat_map(|series| &series.points).map(|point| 1.0 / point.ell).fold(0.0, f64::max);
    let Some(Scale::Linear { low, high }) = Scale::linear(numbers.chain(limits)) else { return Ok(()) };
    let panel =
        Panel { x: Scale::Linear { low: -0.04 * largest, high: 1.06 * largest }, y: Scale::Linear { low, high }, ..*panel };
    let chart = panel.chart(sheet, "distance × ℓ → c", "1/ℓ", "distance × ℓ")?;
    for series in speaking {
        for at in 0..2 {
            let line = curve(series, at).into_iter().map(|(ell, distance)| (1.0 / ell, distance * ell)).collect();
            let stroke = Stroke::new(series.look.color, if at == 0 { 1.6 } else { 0.8 });
            chart.line(line, stroke)?;
            for point in &series.points {
                chart.mark(
                    (1.0 / point.ell, point.distances[at] * point.ell),
                    Mark::new(series.look.marker, [3.6, 2.4][at], series.look.color, series.look.color),
                )?;
            }
            if let Some(rate) = rate(series, at) {
                let diamond = Mark::new(super::super::elements::Marker::Diamond, 5.0, WHITE, series.look.color);
                let tip = format!("{}, {}: c = {}", series.label, NAMES[at], short(rate));
                sheet.tipped(&tip, || chart.mark((0.0, rate), diamond))?;
            }
        }
    }
    sheet.text(
        (panel.left, panel.top + panel.height + 56.0),
        "large marks: classifier · small: logits",
        Text::new(SMALL, FAINT, HPos::Left),
    )
}

fn table_rows(csv: &mut Csv, series: &Series) {
    for (at, name) in NAMES.into_iter().enumerate() {
        for point in &series.points {
            csv.row(&[
                point.case.id.into(),
                series.label.clone(),
                "computed".into(),
                name.into(),
                cell(Some((-point.ell).exp())),
                cell(Some(point.ell)),
                cell(Some(point.distances[at])),
                point.record.start_index.to_string(),
            ]);
        }
        for (ell, distance) in curve(series, at) {
            let (mu, ell) = (cell(Some((-ell).exp())), cell(Some(ell)));
            csv.row(&[
                String::new(),
                series.label.clone(),
                "theory".into(),
                name.into(),
                mu,
                ell,
                cell(Some(distance)),
                String::new(),
            ]);
        }
        if let Some(rate) = rate(series, at) {
            csv.row(&[
                String::new(),
                series.label.clone(),
                "c".into(),
                name.into(),
                String::new(),
                String::new(),
                cell(Some(rate)),
                String::new(),
            ]);
        }
    }
}
