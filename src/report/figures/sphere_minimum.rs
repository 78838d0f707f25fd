//! The minimum of the model with normalised features against τ, and critical points put on the spheres.

use plotters::style::WHITE;

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet};
use super::super::csv::{Csv, cell};
use super::super::data::{Group, RunData};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, Key, Legend, Look, look, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::Record;
use crate::theory::sphere_minimum;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "sphere-minimum",
    summary: "the least value of CE(τWh) on spheres against τ, and critical points put there",
    caption: "The model with normalised features minimises CE(τWh) over unit rows of W and unit features. Its minimum for d ≥ K − 1, log(1+(K−1)e^{−τK/(K−1)}), is drawn as a closed curve only: there is no solver for \
              that model here. The marks at τ = 1, 3, 10 are critical points of the unconstrained model whose rows and features were divided by their lengths. Filled: a global minimum, which is a simplex and lies on the \
              curve. Hollow: any other; none lies below it. Points with a zero row or feature have no direction and are left out. Hollow marks of different K are set a few pixels aside of each other.",
    draw,
};

/// The metrics that hold the value on the spheres, and their τ.
const TEMPERATURES: [(&str, f64); 3] = [("sphere-loss-1", 1.0), ("sphere-loss-3", 3.0), ("sphere-loss-10", 10.0)];

/// The τ of the curves.
const TAU_MAX: f64 = 12.0;

/// One K: its curve and the points of its cases.
struct Series<'a> {
    classes: usize,
    look: Look,
    points: Vec<(Group<'a>, [f64; 3])>,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let (mut series, mut narrow): (Vec<Series>, usize) = (Vec::new(), 0);
    for case in &cases {
        let record = case.records[0];
        let points: Vec<_> = case.groups().into_iter().filter_map(|group| Some((values(group.record)?, group))).collect();
        if points.is_empty() {
            continue;
        }
        if sphere_minimum(record.classes, record.width, 1.0).is_err() {
            narrow += 1;
            continue;
        }
        let points = points.into_iter().map(|(values, group)| (group, values));
        match series.iter_mut().find(|known| known.classes == record.classes) {
            Some(known) => known.points.extend(points),
            None => series.push(Series { classes: record.classes, look: look(series.len()), points: points.collect() }),
        }
    }
    if series.is_empty() {
        return Err(if narrow > 0 {
            "d < K − 1: the minimum on the spheres is not known in closed form".into()
        } else {
            "no critical point has values on the spheres (metrics sphere-loss-1, -3, -10)".into()
        });
    }
    let drawn = &series[..series.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: left_out(series.len(), drawn.len(), "numbers of classes").trim_end().into() })
}

/// The values on the spheres of a critical point that has them all.
fn values(record: &Record) -> Option<[f64; 3]> {
    if matches!(record.nature.as_deref(), None | Some("not-critical")) {
        return None;
    }
    let at = |(id, _): (&str, f64)| record.metrics.get(id).copied().filter(|x| x.is_finite());
    Some([at(TEMPERATURES[0])?, at(TEMPERATURES[1])?, at(TEMPERATURES[2])?])
}

fn curve(classes: usize) -> Vec<(f64, f64)> {
    let at = |i: u32| 0.02 + (TAU_MAX - 0.02) * f64::from(i) / 240.0;
    (0..=240).map(at).filter_map(|tau| Some((tau, sphere_minimum(classes, classes, tau).ok()?))).collect()
}

fn picture(series: &[Series]) -> Result<(String, String), String> {
    let width = 760.0;
    let mut entries: Vec<(Key, String)> =
        series.iter().map(|one| (Key::Line(one.look), format!("minimum, K = {}", one.classes))).collect();
    entries.push((Key::Shape(Marker::Circle, INK, INK), "simplex".into()));
    entries.push((Key::Shape(Marker::Circle, WHITE, FAINT), "other critical point".into()));
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 16.0;
    let all = || series.iter().flat_map(|one| one.points.iter().flat_map(|(_, values)| *values));
    let ends = series.iter().flat_map(|one| curve(one.classes)).map(|(_, value)| value);
    let y = Scale::log(all().chain(ends)).ok_or("no value on the spheres is positive")?;
    let panel = Panel { left: 76.0, top, width: width - 96.0, height: 380.0, x: Scale::Linear { low: 0.0, high: TAU_MAX }, y };
    let mut csv = Csv::new(&["classes", "kind", "case", "start_index", "nature", "tau", "value"]);
    let heading = "Cross-entropy on the spheres against τ";
    let svg = canvas::picture((width, top + 380.0 + 48.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        let chart = panel.chart(sheet, "", "temperature factor τ", "CE(τWh) on unit spheres (log scale)")?;
        for one in series {
            let line = curve(one.classes);
            chart.curve(&line, one.look.stroke(2.0))?;
            for (tau, value) in line {
                let blank = String::new;
                let classes = one.classes.to_string();
                csv.row(&[classes, "minimum".into(), blank(), blank(), blank(), cell(Some(tau)), cell(Some(value))]);
            }
        }
        for (k, one) in series.iter().enumerate() {
            let aside = 8.0 * (k as f64 - 0.5 * (series.len() - 1) as f64);
            // Simplices last, so that nothing covers them.
            let (filled, hollow): (Vec<_>, Vec<_>) = one.points.iter().partition(|(group, _)| simplex(group.record));
            for (group, values) in hollow.into_iter().chain(filled) {
                marks(sheet, &chart, one, (group, *values), aside)?;
                rows(&mut csv, one, (group, *values));
            }
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn simplex(record: &Record) -> bool {
    record.nature.as_deref() == Some("global-minimum")
}

fn marks(
    sheet: &Sheet,
    chart: &super::super::axes::Chart,
    one: &Series,
    (group, values): (&Group, [f64; 3]),
    aside: f64,
) -> Drawn {
    let record = group.record;
    let fill = if simplex(record) { one.look.color } else { WHITE };
    for ((_, tau), value) in TEMPERATURES.into_iter().zip(values) {
        let nature = record.nature.as_deref().unwrap_or("–");
        let tip = format!(
            "K = {}, τ = {tau}: {} ({nature}, f = {}, start {})",
            one.classes,
            short(value),
            short(record.value),
            record.start_index
        );
        let mark = Mark::new(Marker::Circle, if simplex(record) { 4.0 } else { 3.2 }, fill, one.look.color);
        let mark = if simplex(record) { mark } else { mark.aside(aside) };
        sheet.tipped(&tip, || chart.mark((tau, value), mark))?;
    }
    Ok(())
}

fn rows(csv: &mut Csv, one: &Series, (group, values): (&Group, [f64; 3])) {
    let record = group.record;
    for ((_, tau), value) in TEMPERATURES.into_iter().zip(values) {
        csv.row(&[
            one.classes.to_string(),
            "point".into(),
            record.case.clone(),
            record.start_index.to_string(),
            record.nature.clone().unwrap_or_default(),
            cell(Some(tau)),
            cell(Some(value)),
        ]);
    }
}
