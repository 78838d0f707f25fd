//! Where the critical points lie: value against Hessian index, one marker a case.

use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, WHITE};

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text, text_width};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, Group, RunData, count_ends, count_text};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, Key, Legend, SMALL, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::Record;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "value-index",
    summary: "value of f against Hessian index of every critical point, one marker a loss",
    caption: "Every critical point found: its value against its Hessian index (the number of negative eigenvalues). Filled: global minimum. \
              Half-toned: other minimum. Hollow: strict saddle. Crossed: the verdict is undecided. A bar spans an index known only as a bracket. r is the rank \
              of W and H, ×n the number of starts that led there. Cases are set a few pixels aside of each other. In a landscape without spurious minima nothing but global minima stands at index 0, \
              and the index falls with the value.",
    draw,
};

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let cases: Vec<Plotted> =
        cases.iter().map(|case| (case, unfold(case).collect::<Vec<_>>())).filter(|(_, groups)| !groups.is_empty()).collect();
    if cases.is_empty() {
        return Err("no critical point has a known index".into());
    }
    let drawn = &cases[..cases.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: left_out(cases.len(), drawn.len(), "cases") })
}

/// The critical points of a case whose index is known, with the ends of the index.
fn unfold<'a>(case: &Case<'a>) -> impl Iterator<Item = (Group<'a>, (f64, f64))> {
    let critical =
        |group: &Group| !matches!(group.record.nature.as_deref(), None | Some("not-critical")) && group.record.value.is_finite();
    case.groups().into_iter().filter(critical).filter_map(|group| group.record.index.map(|index| (group, count_ends(index))))
}

type Plotted<'a> = (&'a Case<'a>, Vec<(Group<'a>, (f64, f64))>);

fn picture(cases: &[Plotted]) -> Result<(String, String), String> {
    let all = || cases.iter().flat_map(|(_, groups)| groups.iter());
    let index_max = all().map(|(_, (_, high))| *high).fold(1.0, f64::max);
    let x = Scale::Count { low: (-0.05 * index_max - 0.1).max(-0.9), high: 1.08 * index_max };
    let values = || all().map(|(group, _)| group.record.value);
    let (y, y_label) = value_scale(values).ok_or("no critical point has a finite value")?;

    let width = 860.0;
    let legend = Legend::new(keys(cases), 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 14.0;
    let panel = Panel { left: 72.0, top, width: width - 92.0, height: 400.0, x, y };
    let mut csv = Csv::new(&[
        "case",
        "label",
        "start_index",
        "orbit",
        "hits",
        "rank",
        "index_low",
        "index_high",
        "value",
        "nature",
        "standing",
    ]);
    let svg = canvas::picture((width, top + 400.0 + 48.0), "Value against index of the critical points", |sheet| {
        title(sheet, "Critical points: value against Hessian index")?;
        legend.draw(sheet, 36.0)?;
        let chart = panel.chart(sheet, "", "index = number of negative Hessian eigenvalues", y_label)?;
        let mut labels = Vec::new();
        for (k, (case, groups)) in cases.iter().enumerate() {
            // A few pixels aside, so that losses with the same value and index are both seen.
            let aside = 7.0 * (k as f64 - 0.5 * (cases.len() - 1) as f64);
            for (group, ends) in groups {
                let (x, y) = chart.at((0.5 * (ends.0 + ends.1), group.record.value));
                sheet.tipped(&tooltip(case, group), || draw_point(sheet, &chart, case, group.record, *ends, aside))?;
                labels.push(((x + aside, y), label(group)));
                csv.row(&table_row(case, group, *ends));
            }
        }
        write_labels(sheet, &labels)
    })?;
    Ok((svg, csv.finish()))
}

/// Losses may differ by orders of magnitude in value: then equal factors read better.
fn value_scale<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> Option<(Scale, &'static str)> {
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if low > 0.0 && high > 8.0 * low {
        Some((Scale::log(values())?, "value f (log scale)"))
    } else {
        Some((Scale::linear(values())?, "value f"))
    }
}

const DARK: RGBColor = RGBColor(0x55, 0x55, 0x55);
const HALF_TONE: RGBColor = RGBColor(0xc8, 0xc8, 0xc8);

/// The legend: one key a case, then what the fillings mean.
fn keys(cases: &[Plotted]) -> Vec<(Key, String)> {
    let mut entries: Vec<(Key, String)> = cases.iter().map(|(case, _)| (Key::Marker(case.look), case.label.clone())).collect();
    entries.extend([
        (Key::Shape(Marker::Circle, DARK, DARK), "global minimum".into()),
        (Key::Shape(Marker::Circle, HALF_TONE, DARK), "other minimum".into()),
        (Key::Shape(Marker::Circle, WHITE, DARK), "strict saddle".into()),
    ]);
    entries
}

/// One marker, a bar where the index is a bracket, and a cross where the verdict is undecided.
fn draw_point(sheet: &Sheet, chart: &Chart, case: &Case, record: &Record, (low, high): (f64, f64), aside: f64) -> Drawn {
    if high > low {
        chart.line(vec![(low, record.value), (high, record.value)], Stroke::new(case.look.color, 1.4))?;
    }
    let fill = match record.nature.as_deref() {
        Some("global-minimum") => case.look.color,
        Some("local-minimum" | "degenerate-minimum") => HALF_TONE,
        _ => WHITE,
    };
    let at = (0.5 * (low + high), record.value);
    chart.mark(at, Mark::new(case.look.marker, 5.5, fill, case.look.color).aside(aside))?;
    if record.standing.as_deref() == Some("undecided") {
        let (x, y) = chart.at(at);
        sheet.line((x + aside - 5.0, y - 5.0), (x + aside + 5.0, y + 5.0), Stroke::new(INK, 1.2))?;
        sheet.line((x + aside - 5.0, y + 5.0), (x + aside + 5.0, y - 5.0), Stroke::new(INK, 1.2))?;
    }
    Ok(())
}

/// Rank and hits of a point.
fn label(group: &Group) -> String {
    let rank = group.record.rank.map_or(String::new(), |rank| format!("r={rank} "));
    let hits = if group.hits > 1 { format!("×{}", group.hits) } else { String::new() };
    format!("{rank}{hits}").trim_end().to_owned()
}

/// Writes each marker's label to its right or else its left, where it covers neither a marker nor another label; where neither side is free, none.
fn write_labels(sheet: &Sheet, labels: &[((f64, f64), String)]) -> Drawn {
    let size = SMALL - 1.0;
    let mut taken: Vec<(f64, f64, f64)> = labels.iter().map(|((x, y), _)| (x - 7.0, x + 7.0, *y)).collect();
    for ((x, y), text) in labels {
        let width = text_width(text, size);
        for (left, anchor, at) in [(x + 9.0, HPos::Left, x + 9.0), (x - 9.0 - width, HPos::Right, x - 9.0)] {
            let free = |&(from, to, row): &(f64, f64, f64)| (row - y).abs() >= 10.0 || to <= left || from >= left + width;
            if taken.iter().all(free) {
                sheet.text((at, y + size * 0.36), text, Text::new(size, FAINT, anchor))?;
                taken.push((left, left + width, *y));
                break;
            }
        }
    }
    Ok(())
}

fn table_row(case: &Case, group: &Group, (low, high): (f64, f64)) -> [String; 11] {
    let record = group.record;
    let count = |n: Option<usize>| n.map_or(String::new(), |n| n.to_string());
    [
        case.id.into(),
        case.label.clone(),
        record.start_index.to_string(),
        count(record.orbit),
        group.hits.to_string(),
        count(record.rank),
        low.to_string(),
        high.to_string(),
        cell(Some(record.value)),
        record.nature.clone().unwrap_or_default(),
        record.standing.clone().unwrap_or_default(),
    ]
}

fn tooltip(case: &Case, group: &Group) -> String {
    let record = group.record;
    let (nature, standing) = (record.nature.as_deref().unwrap_or("–"), record.standing.as_deref().unwrap_or("–"));
    let (value, index) = (short(record.value), count_text(record.index));
    format!("{}: f = {value}, index {index}, {nature} ({standing}), start {}", case.label, record.start_index)
}
