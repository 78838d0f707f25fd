//! Where in (m, ε) a partially collapsed state exists, and where it is a minimum.

use plotters::style::{RGBColor, WHITE};

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, Key, Legend, look, title};
use super::{Drawing, Family};
use crate::record::{LadderCrossing, LadderMap, Record, ladder_crossings, ladder_map, ladder_place};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "focal-ladder-window",
    summary: "partially collapsed states over the number of alive classes and ε: minimum, saddle or absent",
    caption: "Every column is the state in which m of the K classes form a simplex and the others sit at the origin (left: W = H = 0, right: the balanced simplex), followed over ε by its closed form \
              and the signs of its isotypic blocks. Blue: a strict local minimum modulo symmetry; orange: a saddle; white: there is no such state, its branch has ended in a fold. \
              Dashes: the ε from which W = H = 0 is a minimum, and the first-order transition above which it is the lowest: between them every blue column but the last is a spurious minimum. \
              Dots: points that the run found and counted by the general route, filled for a minimum, hollow for a saddle. Below, from closed forms alone: the lower edge of blue at other K and at other γ, \
              as the share m/K of alive classes over the place of ε in the window (0: W = H = 0 becomes a minimum, 1: the transition). States above a line are minima.",
    draw,
};

const MINIMUM: RGBColor = RGBColor(0xa9, 0xcf, 0xe8);
const SADDLE: RGBColor = RGBColor(0xf6, 0xc9, 0x9a);
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 420.0;
const LOWER: f64 = 210.0;

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let mut reason = None;
    let found = cases.iter().find_map(|case| match ladder_map(case.records[0]) {
        Ok(map) => Some((case, map)),
        Err(why) => {
            reason.get_or_insert_with(|| format!("{}: {why}", case.label));
            None
        }
    });
    let Some((case, map)) = found else { return Err(reason.unwrap_or_else(|| "there are no points".into())) };
    let alike: Vec<&Case> = cases.iter().filter(|other| same_but_epsilon(case.records[0], other.records[0])).collect();
    let crossings = ladder_crossings(case.records[0]).ok();
    let (svg, csv) = picture(&map, &alike, crossings.as_ref())?;
    let others = cases.len() - alike.len();
    let mut note = format!("The map is that of {}. ", case.label);
    if others > 0 {
        note += &format!("{others} cases with other settings than ε are left out. ");
    }
    Ok(Drawing { svg, csv, note: note.trim_end().into() })
}

/// Whether two records' problems differ in ε alone.
fn same_but_epsilon(one: &Record, other: &Record) -> bool {
    let ratio = |record: &Record| Some(record.decay_w? / record.decay_h?);
    let close = match (ratio(one), ratio(other)) {
        (Some(a), Some(b)) => (a / b - 1.0).abs() < 1e-9,
        _ => false,
    };
    let sizes = |record: &Record| (record.classes, record.width, record.per_class.clone(), record.bias.clone());
    close
        && sizes(one) == sizes(other)
        && one.loss == other.loss
        && one.loss_params == other.loss_params
        && one.decay_b == other.decay_b
}

fn picture(map: &LadderMap, cases: &[&Case], crossings: Option<&[Vec<LadderCrossing>; 2]>) -> Result<(String, String), String> {
    let entries = vec![
        (Key::Shape(Marker::Square, MINIMUM, MINIMUM), "theory: minimum".into()),
        (Key::Shape(Marker::Square, SADDLE, SADDLE), "theory: saddle".into()),
        (Key::Shape(Marker::Square, WHITE, INK), "no such state".into()),
        (Key::Shape(Marker::Circle, INK, INK), "found: minimum".into()),
        (Key::Shape(Marker::Circle, WHITE, INK), "found: saddle".into()),
    ];
    let legend = Legend::new(entries, 16.0, WIDTH - 32.0);
    let top = 36.0 + legend.height() + 16.0;
    let most = map.columns.iter().map(|column| column.alive).max().unwrap_or(1) as f64;
    let (x, y) = (Scale::Count { low: -0.8, high: most + 0.8 }, Scale::Linear { low: map.low, high: map.high });
    let panel = Panel { left: 84.0, top, width: WIDTH - 84.0 - 24.0, height: HEIGHT, x, y };
    let mut csv = Csv::new(&["source", "alive", "epsilon_from", "epsilon_to", "index", "nature"]);
    let heading = "Partially collapsed states over ε: minimum, saddle, absent";
    let below = top + HEIGHT + 66.0;
    let height = if crossings.is_some() { below + 44.0 + LOWER + 48.0 } else { below - 18.0 };
    let svg = canvas::picture((WIDTH, height), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        let chart = panel.chart(sheet, "", "classes alive m", "ε")?;
        columns(sheet, &chart, map, &mut csv)?;
        for &epsilon in &map.edges {
            chart.line(vec![(-0.8, epsilon), (most + 0.8, epsilon)], Stroke { color: INK, width: 1.4, dash: &[6.0, 4.0] })?;
        }
        cases.iter().try_for_each(|case| dots(sheet, &chart, case, map, &mut csv))?;
        let Some([over_classes, over_gamma]) = crossings else { return Ok(()) };
        crossing_panel(sheet, (84.0, below), over_classes, |found| format!("K = {}", found.classes), &mut csv)?;
        crossing_panel(sheet, (84.0 + 440.0, below), over_gamma, |found| format!("γ = {}", found.gamma), &mut csv)
    })?;
    Ok((svg, csv.finish()))
}

/// The edge between saddles and minima, each crossing in the units of its own window.
fn crossing_panel(
    sheet: &Sheet,
    (left, top): (f64, f64),
    crossings: &[LadderCrossing],
    name: fn(&LadderCrossing) -> String,
    csv: &mut Csv,
) -> Drawn {
    let width = 352.0;
    let entries = crossings.iter().enumerate().map(|(k, found)| (Key::Line(look(k)), name(found))).collect();
    Legend::new(entries, left - 4.0, width + 24.0).draw(sheet, top)?;
    let (x, y) = (Scale::Linear { low: -0.25, high: 1.55 }, Scale::Linear { low: 0.0, high: 1.02 });
    let panel = Panel { left, top: top + 44.0, width, height: LOWER, x, y };
    let chart = panel.chart(sheet, "", "place of ε in the window", "alive share m/K at the edge")?;
    for edge in [0.0, 1.0] {
        chart.line(vec![(edge, 0.0), (edge, 1.02)], Stroke { color: FAINT, width: 1.2, dash: &[5.0, 4.0] })?;
    }
    for (k, found) in crossings.iter().enumerate() {
        let [from, transition] = found.window;
        let place = |epsilon: f64| (epsilon - from) / (transition - from);
        let line = found.points.iter().map(|&(alive, epsilon)| (place(epsilon), alive as f64 / found.classes as f64));
        chart.line(line.filter(|(x, _)| (-0.25..=1.55).contains(x)).collect(), look(k).stroke(1.8))?;
        for &(alive, epsilon) in &found.points {
            let source = format!("edge of minima at K = {}, γ = {}", found.classes, found.gamma);
            csv.row(&[source, alive.to_string(), cell(Some(epsilon)), String::new(), String::new(), "local-minimum".into()]);
        }
    }
    Ok(())
}

fn columns(sheet: &Sheet, chart: &Chart, map: &LadderMap, csv: &mut Csv) -> Drawn {
    for column in &map.columns {
        let m = column.alive as f64;
        for phase in &column.phases {
            let fill = if phase.is_minimum() { MINIMUM } else { SADDLE };
            let nature = if phase.is_minimum() { "local-minimum" } else { "strict-saddle" };
            let (left, top) = chart.at((m - 0.46, phase.to));
            let (right, bottom) = chart.at((m + 0.46, phase.from));
            let tip = format!("m = {m}, ε from {:.8} to {:.8}: {nature}, index {}", phase.from, phase.to, phase.index);
            sheet.tipped(&tip, || sheet.rect((left, top), (right - left, bottom - top), fill))?;
            csv.row(&[
                "closed form".into(),
                column.alive.to_string(),
                cell(Some(phase.from)),
                cell(Some(phase.to)),
                phase.index.to_string(),
                nature.into(),
            ]);
        }
    }
    Ok(())
}

fn dots(sheet: &Sheet, chart: &Chart, case: &Case, map: &LadderMap, csv: &mut Csv) -> Drawn {
    for &record in &case.records {
        let (Some(alive), Some(epsilon), Some(nature)) = (ladder_place(record), record.epsilon, record.nature.as_deref()) else {
            continue;
        };
        if nature == "not-critical" || !(map.low..=map.high).contains(&epsilon) {
            continue;
        }
        let fill = if nature.ends_with("minimum") { INK } else { WHITE };
        let tip =
            format!("m = {alive}, ε = {}: {nature}, f = {}, start {}", short(epsilon), short(record.value), record.start_index);
        let index = record.index.map_or(String::new(), |index| super::super::data::count_text(Some(index)));
        sheet.tipped(&tip, || chart.mark((alive as f64, epsilon), Mark::new(Marker::Circle, 3.2, fill, INK)))?;
        csv.row(&["computed".into(), alive.to_string(), cell(Some(epsilon)), cell(Some(epsilon)), index, nature.into()]);
    }
    Ok(())
}
