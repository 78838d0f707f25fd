//! The ladder of partially collapsed states: value, index, nullity and σ/μ over the number of classes that are alive.

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData, count_ends};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, Key, Legend, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::{Record, Rung, ladder, ladder_place};
use plotters::style::WHITE;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "focal-ladder",
    summary: "partially collapsed states: value, index, zero eigenvalues and σ/μ against the number of classes that are alive",
    caption: "m of the K classes form a simplex, the others sit at the origin: a critical point for every m that stays alive at this ε. Lines: closed forms, the counts from the isotypic blocks of \
              S_m × S_{K−m}; m = 0 (a dash) is W = H = 0, m = K the balanced simplex. Dots: what the run found from these states, counted by the general route; filled for a minimum, hollow for a saddle. \
              A rung of index 0 whose zeros are those of its orbit (dashes) is a strict local minimum modulo symmetry: above the lowest value it is a spurious one. Lower right: the largest \
              singular value of G outside the simplex over μ; where it exceeds 1 (dashes) every unused dimension is a way down. For m ≥ 2 there is no dot where it is below 1: ‖G‖ is then μ itself.",
    draw,
};

struct Quantity {
    id: &'static str,
    title: &'static str,
    label: &'static str,
    theory: fn(&Rung) -> Option<f64>,
    computed: fn(&Record) -> Option<f64>,
}

const QUANTITIES: [Quantity; 4] = [
    Quantity {
        id: "value",
        title: "value",
        label: "value f",
        theory: |rung| Some(rung.value),
        computed: |record| Some(record.value),
    },
    Quantity {
        id: "index",
        title: "index",
        label: "negative eigenvalues",
        theory: |rung| Some(rung.index as f64),
        computed: |record| record.index.map(|index| count_ends(index).0),
    },
    Quantity {
        id: "zeros",
        title: "zeros",
        label: "zero eigenvalues",
        theory: |rung| Some(rung.nullity as f64),
        computed: |record| record.nullity.map(|nullity| count_ends(nullity).0),
    },
    Quantity {
        id: "escape_ratio",
        title: "σ/μ outside the simplex",
        label: "largest σ_{j}(G)/μ",
        // With all classes alive there is no outside.
        theory: |rung| Some(rung.escape_ratio).filter(|&ratio| ratio > 0.0),
        // The simplex alone makes ‖G‖ = μ; at m = 0 there is none.
        computed: |record| record.dual_ratio.filter(|&ratio| ratio > 1.0 + 1e-9 || record.rank == Some(0)),
    },
];

type Laddered<'a> = (&'a Case<'a>, Vec<Rung>);

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let (mut drawn, mut reason) = (Vec::new(), None);
    for case in &cases {
        match ladder(case.records[0]) {
            Ok(rungs) if rungs.len() > 1 => drawn.push((case, rungs)),
            Ok(_) => _ = reason.get_or_insert_with(|| format!("{}: no class stays alive at this ε", case.label)),
            Err(why) => _ = reason.get_or_insert_with(|| format!("{}: {why}", case.label)),
        }
    }
    if drawn.is_empty() {
        return Err(reason.unwrap_or_else(|| "there are no points".into()));
    }
    let shown = &drawn[..drawn.len().min(CASES_MAX)];
    let mut note = left_out(drawn.len(), shown.len(), "cases");
    if !shown.iter().any(|(case, _)| points(case).next().is_some()) {
        note += "No point of the ladder was computed (start `partial`): the lines are closed forms alone.";
    }
    let (svg, csv) = picture(shown)?;
    Ok(Drawing { svg, csv, note: note.trim_end().into() })
}

/// The case's critical points that are rungs, with their m.
fn points<'a>(case: &Case<'a>) -> impl Iterator<Item = (usize, &'a Record)> {
    let critical = |record: &&Record| !matches!(record.nature.as_deref(), None | Some("not-critical"));
    case.records.clone().into_iter().filter(critical).filter_map(|record| Some((ladder_place(record)?, record)))
}

fn is_minimum(nature: Option<&str>) -> bool {
    matches!(nature, Some("local-minimum" | "global-minimum" | "degenerate-minimum"))
}

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 230.0;
const ROW: f64 = HEIGHT + 86.0;

fn picture(cases: &[Laddered]) -> Result<(String, String), String> {
    let mut entries: Vec<_> = cases.iter().map(|(case, _)| (Key::Line(case.look), case.label.clone())).collect();
    entries.push((Key::Shape(Marker::Circle, INK, INK), "found: minimum".into()));
    entries.push((Key::Shape(Marker::Circle, WHITE, INK), "found: saddle".into()));
    let legend = Legend::new(entries, 16.0, WIDTH - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let most = cases.iter().flat_map(|(_, rungs)| rungs).map(|rung| rung.alive).max().unwrap_or(1) as f64;
    let x = Scale::Count { low: -0.03 * most, high: 1.03 * most };
    let mut csv = Csv::new(&["case", "label", "source", "quantity", "alive", "value", "nature", "start_index"]);
    let heading = "The ladder of partially collapsed states";
    let svg = canvas::picture((WIDTH, top + 2.0 * ROW - 30.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (i, quantity) in QUANTITIES.iter().enumerate() {
            let Some(y) = scale(cases, quantity) else { continue };
            let corner = (80.0 + (i % 2) as f64 * 484.0, top + (i / 2) as f64 * ROW);
            let panel = Panel { left: corner.0, top: corner.1, width: 410.0, height: HEIGHT, x, y };
            let chart = panel.chart(sheet, quantity.title, "classes alive m", quantity.label)?;
            references(&chart, cases, quantity, most)?;
            for laddered in cases {
                draw_case(sheet, &chart, quantity, laddered, &mut csv)?;
            }
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn scale(cases: &[Laddered], quantity: &Quantity) -> Option<Scale> {
    let theory = cases.iter().flat_map(|(_, rungs)| rungs).filter_map(quantity.theory);
    let computed = cases.iter().flat_map(|(case, _)| points(case)).filter_map(|(_, record)| (quantity.computed)(record));
    let values: Vec<f64> = theory.chain(computed).collect();
    let largest = values.iter().copied().filter(|x| x.is_finite()).fold(0.0, f64::max);
    match quantity.id {
        // A few saddles near the crossing have an index of tens, those far from it of thousands.
        "index" if largest > 200.0 => Scale::symlog(values.into_iter(), 0.5),
        "index" => Some(Scale::Count { low: -0.05 * largest.max(1.0), high: 1.06 * largest.max(1.0) }),
        "escape_ratio" => Scale::linear(values.into_iter().chain([1.0])),
        _ => Scale::linear(values.into_iter()),
    }
}

/// σ/μ = 1, and the zeros that the orbit explains.
fn references(chart: &Chart, cases: &[Laddered], quantity: &Quantity, most: f64) -> Drawn {
    let stroke = Stroke { color: FAINT, width: 1.2, dash: &[5.0, 4.0] };
    match quantity.id {
        "escape_ratio" => chart.line(vec![(0.0, 1.0), (most, 1.0)], stroke),
        "zeros" => {
            let (_, rungs) = &cases[0];
            chart.line(rungs.iter().map(|rung| (rung.alive as f64, rung.nullity_symmetry as f64)).collect(), stroke)
        }
        _ => Ok(()),
    }
}

fn draw_case(sheet: &Sheet, chart: &Chart, quantity: &Quantity, (case, rungs): &Laddered, csv: &mut Csv) -> Drawn {
    let mut row = |source: &str, alive: usize, value: f64, nature: &str, start: String| {
        let numbers = [alive.to_string(), cell(Some(value)), nature.to_owned(), start];
        csv.row(&[[case.id.into(), case.label.clone(), source.into(), quantity.id.into()].as_slice(), &numbers].concat());
    };
    let closed: Vec<(&Rung, f64)> = rungs.iter().filter_map(|rung| Some((rung, (quantity.theory)(rung)?))).collect();
    // One class alone is no state: m = 0 stands apart from the line.
    let line = closed.iter().filter(|(rung, _)| rung.alive > 0).map(|(rung, value)| (rung.alive as f64, *value));
    chart.line(line.collect(), case.look.stroke(1.6))?;
    if let Some((_, value)) = closed.first().filter(|(rung, _)| rung.alive == 0) {
        let (x, y) = chart.at((0.0, *value));
        sheet.line((x - 7.0, y), (x + 7.0, y), Stroke::new(case.look.color, 1.6))?;
    }
    closed.iter().for_each(|(rung, value)| row("closed form", rung.alive, *value, rung.nature, String::new()));
    for (alive, record) in points(case) {
        let Some(value) = (quantity.computed)(record).filter(|x| x.is_finite()) else { continue };
        let nature = record.nature.as_deref();
        let fill = if is_minimum(nature) { case.look.color } else { WHITE };
        let tip = format!("{}: m = {alive}, {} = {}, {}", case.label, quantity.id, short(value), nature.unwrap_or("–"));
        let mark = Mark::new(case.look.marker, 4.0, fill, case.look.color);
        sheet.tipped(&tip, || chart.mark((alive as f64, value), mark))?;
        row("computed", alive, value, nature.unwrap_or_default(), record.start_index.to_string());
    }
    Ok(())
}
