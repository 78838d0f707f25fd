//! How far the losses' metrics lie apart: |metric under cross-entropy − metric under another loss| over width and iteration.

use std::collections::BTreeMap;

use super::super::axes::{Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{RunData, loss_label};
use super::super::heatmap::{Cell, HeatMap, Shade, Side};
use super::super::style::{INK, NORMAL, title};
use super::{Drawing, Family, left_out};
use crate::record::{Record, TrajectoryRow};
use plotters::style::text_anchor::HPos;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "loss-differences",
    summary: "|metric under cross-entropy − under another loss| over width and iteration, for NC1, NC2, NC3",
    caption: "Do other losses collapse as cross-entropy does? One map for each metric (rows) and loss (columns): across the iteration, upwards the width d, and as colour the difference of the \
              metric from that of cross-entropy at the same iteration from the same start, |NC(cross-entropy) − NC(loss)|. Colours are logarithmic and the same along a row of maps; the darkest and the lightest \
              stand for all that lies beyond the bar's ends. The line marks d = K − 1: from there on a simplex ETF fits, all losses reach it and their differences vanish; below it NC2 and NC3 differ for \
              good, since each loss has another best arrangement of too many classes. Struck cells: a metric is undefined.",
    draw,
};

const METRICS: [&str; 3] = ["nc1", "nc2", "nc3"];
/// Losses of one picture.
const LOSSES_MAX: usize = 4;
/// Columns of a map lie at least this factor apart.
const STEP_FACTOR: f64 = 1.15;
/// Colours end here: this share of the differences is at most as large. A few beginnings with a nearly singular Σ_B would else have all colours to themselves.
const QUANTILE: f64 = 0.95;
/// A difference of NC2 below this has vanished.
const VANISHED: f64 = 1e-6;
/// Differences below this fraction of the end are all alike.
const DEPTH: f64 = 1e-8;
const MAP: (f64, f64) = (236.0, 168.0);
const GAP: (f64, f64) = (22.0, 74.0);
const LEFT: f64 = 76.0;

/// Metrics at the recorded steps of one trajectory.
type Steps<'a> = BTreeMap<u64, &'a TrajectoryRow>;

/// One map: a loss and a metric.
struct Map {
    loss: String,
    metric: &'static str,
    /// By width, then step: the difference, and how many pairs of starts it is the mean of.
    cells: Vec<Vec<Option<(f64, usize)>>>,
}

/// What all maps share.
struct Axes {
    widths: Vec<usize>,
    steps: Vec<u64>,
    classes: usize,
}

/// Trajectories of one loss: by width and start.
type Trajectories<'a> = BTreeMap<(usize, usize), Steps<'a>>;

fn draw(data: &RunData) -> Result<Drawing, String> {
    let groups = settings(data);
    let Some((key, losses)) =
        groups.iter().find(|(_, losses)| losses.len() > 1 && losses.iter().any(|(loss, _)| is_reference(loss)))
    else {
        return Err(match groups.is_empty() {
            true => {
                "no trajectory has a step: trajectories.jsonl is empty or absent (output.trajectories says what is kept)".into()
            }
            false => "there is no cross-entropy to compare with, or no other loss with the same sizes, decays and solver".into(),
        });
    };
    let reference = &losses.iter().find(|(loss, _)| is_reference(loss)).ok_or("there is no cross-entropy")?.1;
    let others: Vec<&(String, Trajectories)> = losses.iter().filter(|(loss, _)| !is_reference(loss)).collect();
    let drawn = &others[..others.len().min(LOSSES_MAX)];
    let axes = axes(reference, drawn, key.classes)?;
    let mut maps = Vec::new();
    for metric in METRICS {
        for (loss, family) in drawn {
            let row =
                |&width: &usize| axes.steps.iter().map(|&step| difference(reference, family, width, step, metric)).collect();
            maps.push(Map { loss: loss.clone(), metric, cells: axes.widths.iter().map(row).collect() });
        }
    }
    if !maps.iter().flat_map(|map| map.cells.iter().flatten()).any(Option::is_some) {
        return Err("the trajectories hold no metrics at steps that two losses share".into());
    }
    let pairs = maps.iter().flat_map(|map| map.cells.iter().flatten().flatten()).map(|&(_, pairs)| pairs).max().unwrap_or(0);
    let mut note = left_out(others.len(), drawn.len(), "losses") + &left_out(groups.len(), 1, "settings");
    if pairs > 1 {
        note += &format!("Each difference is the mean over up to {pairs} common starts. ");
    }
    note += &verdicts(&axes, &maps);
    note += &format!("{}.", key.words);
    let (svg, csv) = picture(&axes, &maps, drawn.len())?;
    Ok(Drawing { svg, csv, note })
}

/// For each loss the width from which on |ΔNC2| is below [`VANISHED`] at the last iteration, beside theory's K − 1; empty where the widths do not lie on both sides of K − 1.
fn verdicts(axes: &Axes, maps: &[Map]) -> String {
    let theory = axes.classes.saturating_sub(1);
    if !(axes.widths.first().is_some_and(|&first| first < theory) && axes.widths.last().is_some_and(|&last| last >= theory)) {
        return String::new();
    }
    let parts: Vec<String> = maps
        .iter()
        .filter(|map| map.metric == "nc2")
        .map(|map| {
            let vanished: Vec<bool> = map
                .cells
                .iter()
                .map(|row| row.last().copied().flatten().is_some_and(|(difference, _)| difference < VANISHED))
                .collect();
            // The first width from which on all have vanished.
            let from = vanished.iter().rposition(|gone| !gone).map_or(0, |last| last + 1);
            let earlier: Vec<String> = (0..from).filter(|&i| vanished[i]).map(|i| axes.widths[i].to_string()).collect();
            let too = if earlier.is_empty() { String::new() } else { format!(", and at d = {}", earlier.join(", ")) };
            match axes.widths.get(from) {
                None => format!("{}: not at the largest d{too}", map.loss),
                Some(width) => format!("{}: from d = {width} on{too}", map.loss),
            }
        })
        .collect();
    format!(
        "From d = K − 1 = {theory} on theory has all losses agree; below, they may differ (not where one arrangement serves all, such as the cross-polytope at K = 2d). At the last iteration the difference of NC2 is below 10⁻⁶ as follows. {}. ",
        parts.join("; ")
    )
}

/// Sizes, decays and solver: what must agree before losses are compared.
#[derive(Clone, Debug, PartialEq)]
struct Setting {
    classes: usize,
    words: String,
}

fn setting(record: &Record) -> Setting {
    let number = |x: Option<f64>| x.map_or("–".into(), short);
    let words = format!(
        "K = {}, n = {}, λ_W = {}, λ_H = {}, {}, solver {}",
        record.classes,
        match &record.per_class {
            crate::record::PerClass::Balanced(n) => n.to_string(),
            crate::record::PerClass::Imbalanced(sizes) => format!("{sizes:?}"),
        },
        number(record.decay_w),
        number(record.decay_h),
        match record.bias.as_str() {
            "none" => "no bias".into(),
            "free" => "free bias".into(),
            _ => format!("λ_b = {}", number(record.decay_b)),
        },
        record.solver
    );
    Setting { classes: record.classes, words }
}

fn is_reference(loss: &str) -> bool {
    loss == "cross-entropy"
}

/// The trajectories that moved, by setting and loss, in the order of the records.
fn settings(data: &RunData) -> Vec<(Setting, Vec<(String, Trajectories<'_>)>)> {
    let mut rows: BTreeMap<(&str, usize), Steps> = BTreeMap::new();
    for row in &data.trajectories {
        rows.entry((&row.case, row.start_index)).or_default().insert(row.step, row);
    }
    let mut groups: Vec<(Setting, Vec<(String, Trajectories)>)> = Vec::new();
    for record in data.records.iter().filter(|record| record.start == "gaussian" || record.start == "near-etf") {
        let Some(steps) = rows.get(&(record.case.as_str(), record.start_index)).filter(|steps| steps.len() > 1) else { continue };
        let (key, loss) = (setting(record), loss_label(record));
        let at = groups.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        let losses = &mut groups[at].1;
        let place = losses.iter().position(|(other, _)| *other == loss).unwrap_or_else(|| {
            losses.push((loss, Trajectories::new()));
            losses.len() - 1
        });
        losses[place].1.insert((record.width, record.start_index), steps.clone());
    }
    groups
}

/// Widths and steps that the reference shares with some other loss; steps from 1 on, thinned.
fn axes(reference: &Trajectories, others: &[&(String, Trajectories)], classes: usize) -> Result<Axes, String> {
    let mut widths: Vec<usize> = reference.keys().map(|&(width, _)| width).collect();
    widths.dedup();
    widths.retain(|width| others.iter().any(|(_, family)| family.keys().any(|(other, _)| other == width)));
    if widths.len() < 2 {
        return Err("the losses have fewer than two widths in common (sweep \"model.width\")".into());
    }
    let mut common: Vec<u64> = Vec::new();
    for (start, steps) in reference {
        for family in others.iter().filter_map(|(_, family)| family.get(start)) {
            common.extend(steps.keys().filter(|step| **step > 0 && family.contains_key(step)));
        }
    }
    common.sort_unstable();
    common.dedup();
    let mut steps: Vec<u64> = Vec::new();
    for step in common {
        if steps.last().is_none_or(|&last| step as f64 >= STEP_FACTOR * last as f64) {
            steps.push(step);
        }
    }
    if steps.len() < 2 {
        return Err("the trajectories of the losses have fewer than two recorded iterations in common".into());
    }
    Ok(Axes { widths, steps, classes })
}

/// The mean over common starts of the metric's difference at a width and step.
fn difference(reference: &Trajectories, other: &Trajectories, width: usize, step: u64, metric: &str) -> Option<(f64, usize)> {
    let value = |family: &Trajectories, start: usize| family.get(&(width, start))?.get(&step)?.metrics.get(metric).copied();
    let starts = reference.keys().filter(|key| key.0 == width).map(|key| key.1);
    let found: Vec<f64> = starts
        .filter_map(|start| Some((value(reference, start)? - value(other, start)?).abs()))
        .filter(|difference| difference.is_finite())
        .collect();
    (!found.is_empty()).then(|| (found.iter().sum::<f64>() / found.len() as f64, found.len()))
}

fn picture(axes: &Axes, maps: &[Map], columns: usize) -> Result<(String, String), String> {
    let top = 66.0;
    let width = (LEFT + columns as f64 * (MAP.0 + GAP.0) + 90.0).max(520.0);
    let height = top + METRICS.len() as f64 * (MAP.1 + GAP.1) - 16.0;
    let heading = "Distance from cross-entropy over width and iteration";
    let mut csv = Csv::new(&["metric", "loss", "width", "iteration", "difference", "starts"]);
    let svg = canvas::picture((width, height), heading, |sheet| {
        title(sheet, heading)?;
        for (r, metric) in METRICS.into_iter().enumerate() {
            let row: Vec<&Map> = maps.iter().filter(|map| map.metric == metric).collect();
            let y = top + r as f64 * (MAP.1 + GAP.1);
            let Some(shade) = shade(&row) else { continue };
            for (c, map) in row.iter().enumerate() {
                draw_map(sheet, axes, map, &shade, (LEFT + c as f64 * (MAP.0 + GAP.0), y), c == 0)?;
                table_rows(&mut csv, axes, map);
            }
            let what = format!("|Δ NC{}|", &metric[2..]);
            shade.bar(sheet, (LEFT + row.len() as f64 * (MAP.0 + GAP.0) - 4.0, y), MAP.1, &what)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// Colours of a row of maps; none where no difference is positive.
fn shade(row: &[&Map]) -> Option<Shade> {
    let found = row.iter().flat_map(|map| map.cells.iter().flatten().flatten()).map(|&(value, _)| value);
    let mut values: Vec<f64> = found.filter(|&x| x > 0.0).collect();
    values.sort_by(f64::total_cmp);
    let low = *values.first()?;
    let high = values[(QUANTILE * (values.len() - 1) as f64).ceil() as usize];
    Some(Shade::rising(Scale::Log { low: low.max(DEPTH * high).min(0.1 * high), high }))
}

fn draw_map(sheet: &Sheet, axes: &Axes, map: &Map, shade: &Shade, corner: (f64, f64), first: bool) -> Drawn {
    let steps: Vec<f64> = axes.steps.iter().map(|&step| step as f64).collect();
    let Some(across) = Side::around(&steps, true) else { return Ok(()) };
    let names = axes.widths.iter().map(|width| if first { width.to_string() } else { String::new() }).collect();
    let heat = HeatMap { corner, size: MAP, across, up: Side::Places(names), downwards: false };
    let heading = format!("NC{}: {}", &map.metric[2..], map.loss);
    sheet.text((corner.0, corner.1 - 8.0), &heading, Text { bold: true, ..Text::new(NORMAL, INK, HPos::Left) })?;
    heat.draw(sheet, ("iteration", if first { "width d" } else { "" }), |row, column| Cell {
        fill: map.cells[row][column].and_then(|(value, _)| shade.color(value)),
        ..Cell::default()
    })?;
    let below = axes.widths.iter().filter(|&&width| width + 1 < axes.classes).count();
    if below > 0 && below < axes.widths.len() {
        let edges = [steps[0] / 2.0, steps[steps.len() - 1] * 2.0];
        heat.line(sheet, &edges.map(|x| (x, below as f64)), Stroke { dash: &[6.0, 3.0], ..Stroke::new(INK, 1.6) })?;
    }
    Ok(())
}

fn table_rows(csv: &mut Csv, axes: &Axes, map: &Map) {
    for (width, row) in axes.widths.iter().zip(&map.cells) {
        for (step, found) in axes.steps.iter().zip(row) {
            csv.row(&[
                map.metric.into(),
                map.loss.clone(),
                width.to_string(),
                step.to_string(),
                cell(found.map(|(value, _)| value)),
                found.map_or(0, |(_, pairs)| pairs).to_string(),
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture_widths::widths;
    use super::*;

    /// The sweep at one ε: the other is another setting.
    fn sweep() -> RunData {
        let mut data = widths(tempfile::tempdir().unwrap().path());
        data.records.retain(|record| record.case.ends_with("-1"));
        data
    }

    #[test]
    fn differences_are_those_of_the_trajectories() {
        let data = sweep();
        let drawing = draw(&data).unwrap();
        assert!(
            drawing.note.contains("mean over up to 4 common starts") && drawing.note.contains("K = 4, n = 5"),
            "{}",
            drawing.note
        );
        let metric = |case: &str, step: u64, id: &str| {
            data.trajectories.iter().find(|row| row.case == case && row.step == step && row.start_index == 0).unwrap().metrics[id]
        };
        let mut compared = 0;
        for line in drawing.csv.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let (width, step): (usize, u64) = (cells[2].parse().unwrap(), cells[3].parse().unwrap());
            let [one, other] = ["a1", "d4"].map(|loss| metric(&format!("{loss}-{width}-1"), step, cells[0]));
            let found: f64 = cells[4].parse().unwrap();
            // All starts of the fixture go the same way.
            assert!((found - (one - other).abs()).abs() <= 1e-12 * (one + other) && cells[5] == "4", "{line}");
            compared += 1;
        }
        assert!(compared > 3 * 3 * 20, "{compared}");
        assert!(drawing.svg.contains(">NC2: MSE</text>"), "{}", drawing.svg);
    }

    #[test]
    fn columns_are_recorded_iterations_and_thinned() {
        let data = sweep();
        let groups = settings(&data);
        let losses = &groups[0].1;
        let axes = axes(&losses[0].1, &[&losses[1]], 4).unwrap();
        assert_eq!((axes.widths.as_slice(), axes.steps[0]), (&[2, 3, 4][..], 1));
        let recorded = |step: &u64| data.trajectories.iter().any(|row| row.step == *step);
        assert!(axes.steps.iter().all(recorded));
        assert!(axes.steps.windows(2).all(|pair| pair[1] as f64 >= STEP_FACTOR * pair[0] as f64), "{:?}", axes.steps);
    }

    #[test]
    fn undefined_metrics_are_struck_and_left_out_of_the_mean() {
        let mut data = sweep();
        for row in data.trajectories.iter_mut().filter(|row| row.case == "d4-3-1") {
            let all_gone = row.start_index == 0;
            row.metrics.retain(|id, _| !all_gone && id != "nc3");
        }
        let drawing = draw(&data).unwrap();
        for line in drawing.csv.lines().skip(1).filter(|line| line.contains(",MSE,3,")) {
            assert!(line.ends_with(if line.starts_with("nc3") { ",,0" } else { ",3" }), "{line}");
        }
    }

    #[test]
    fn reasons_name_what_is_missing() {
        let mut data = sweep();
        data.records.retain(|record| record.width == 3);
        assert!(draw(&data).unwrap_err().contains("two widths"));
        let mut data = sweep();
        data.records.retain(|record| record.loss == "mse");
        assert!(draw(&data).unwrap_err().contains("no cross-entropy"));
        // Other decays are another problem: nothing is compared across them.
        let mut data = sweep();
        data.records.iter_mut().filter(|record| record.loss == "mse").for_each(|record| record.decay_w = Some(1.0));
        assert!(draw(&data).unwrap_err().contains("same sizes, decays and solver"));
        data.trajectories.clear();
        assert!(draw(&data).unwrap_err().contains("trajectories.jsonl"));
    }
}
