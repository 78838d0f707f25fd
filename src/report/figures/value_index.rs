//! Where the critical points lie: value against Hessian index, one marker a case.

use super::super::axes::{Panel, Scale, short};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, Group, RunData, count_ends, count_text};
use super::super::style::{FAINT, INK, Key, Legend, Marker, SMALL, mark, title};
use super::super::svg::{Anchor, Stroke, Svg, Text};
use super::{CASES_MAX, Drawing, Family, left_out};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "value-index",
    summary: "value of f against Hessian index of every critical point, one marker a loss",
    caption: "Every critical point found: its value against its Hessian index (the number of negative eigenvalues). Filled: global minimum. \
              Half-toned: other minimum. Hollow: strict saddle. Crossed: the verdict is undecided. A bar spans an index known only as a bracket. r is the rank \
              of W and H, ×n the number of starts that led there. In a landscape without spurious minima nothing but global minima stands at index 0, \
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
    let (svg, csv) = picture(drawn).ok_or("no critical point has a finite value")?;
    Ok(Drawing { svg, csv, note: left_out(cases.len(), drawn.len(), "cases") })
}

/// The critical points of a case whose index is known, with the ends of the index.
fn unfold<'a>(case: &Case<'a>) -> impl Iterator<Item = (Group<'a>, (f64, f64))> {
    let critical =
        |group: &Group| !matches!(group.record.nature.as_deref(), None | Some("not-critical")) && group.record.value.is_finite();
    case.groups().into_iter().filter(critical).filter_map(|group| group.record.index.map(|index| (group, count_ends(index))))
}

type Plotted<'a> = (&'a Case<'a>, Vec<(Group<'a>, (f64, f64))>);

fn picture(cases: &[Plotted]) -> Option<(String, String)> {
    let all = || cases.iter().flat_map(|(_, groups)| groups.iter());
    let values = || all().map(|(group, _)| group.record.value);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    // Losses differ by orders of magnitude in value: then equal factors read better.
    let (y, y_label) = if low > 0.0 && high > 8.0 * low {
        (Scale::log(values())?, "value f (log scale)")
    } else {
        (Scale::linear(values())?, "value f")
    };
    let index_max = all().map(|(_, (_, high))| *high).fold(1.0, f64::max);
    let x = Scale::Linear { low: -0.06 * index_max - 0.15, high: 1.1 * index_max };

    let width = 860.0;
    let mut entries: Vec<(Key, String)> = cases.iter().map(|(case, _)| (Key::Marker(case.look), case.label.clone())).collect();
    entries.extend([
        (Key::Shape(Marker::Circle, "#555555", "#555555"), "global minimum".into()),
        (Key::Shape(Marker::Circle, "#c8c8c8", "#555555"), "other minimum".into()),
        (Key::Shape(Marker::Circle, "#ffffff", "#555555"), "strict saddle".into()),
    ]);
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 14.0;
    let panel = Panel { left: 72.0, top, width: width - 92.0, height: 400.0, x, y };
    let mut svg = Svg::new(width, top + 400.0 + 48.0, "Value against index of the critical points");
    title(&mut svg, "Critical points: value against Hessian index");
    legend.draw(&mut svg, 36.0);
    panel.frame(&mut svg, "", "index = number of negative Hessian eigenvalues", y_label);

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
    let mut labels: Vec<(f64, f64)> = Vec::new();
    for (k, (case, groups)) in cases.iter().enumerate() {
        // A few pixels aside, so that losses with the same value and index are both seen.
        let aside = 7.0 * (k as f64 - 0.5 * (cases.len() - 1) as f64);
        for (group, (low, high)) in groups {
            let record = group.record;
            let (x, y) = panel.at(0.5 * (low + high), record.value);
            let at = (x + aside, y);
            if high > low {
                svg.line(panel.at(*low, record.value), panel.at(*high, record.value), Stroke::new(case.look.color, 1.4));
            }
            let nature = record.nature.as_deref().unwrap_or("");
            let fill = match nature {
                "global-minimum" => case.look.color,
                "local-minimum" | "degenerate-minimum" => "#c8c8c8",
                _ => "#ffffff",
            };
            let tip = tooltip(case, group);
            mark(&mut svg, case.look.marker, at, 5.5, fill, case.look.color, Some(&tip));
            if record.standing.as_deref() == Some("undecided") {
                svg.line((at.0 - 5.0, at.1 - 5.0), (at.0 + 5.0, at.1 + 5.0), Stroke::new(INK, 1.2));
                svg.line((at.0 - 5.0, at.1 + 5.0), (at.0 + 5.0, at.1 - 5.0), Stroke::new(INK, 1.2));
            }
            // A label is written only where it covers no other.
            let label_at = (at.0 + 9.0, at.1 + SMALL * 0.36);
            if !labels.iter().any(|other| (other.0 - label_at.0).abs() < 60.0 && (other.1 - label_at.1).abs() < 11.0) {
                labels.push(label_at);
                let rank = record.rank.map_or(String::new(), |rank| format!("r={rank}"));
                let hits = if group.hits > 1 { format!(" ×{}", group.hits) } else { String::new() };
                svg.text(label_at, format!("{rank}{hits}").trim(), Text::new(SMALL - 1.0, FAINT, Anchor::Start));
            }
            let count = |n: Option<usize>| n.map_or(String::new(), |n| n.to_string());
            csv.row(&[
                case.id.into(),
                case.label.clone(),
                record.start_index.to_string(),
                count(record.orbit),
                group.hits.to_string(),
                count(record.rank),
                low.to_string(),
                high.to_string(),
                cell(Some(record.value)),
                nature.into(),
                record.standing.clone().unwrap_or_default(),
            ]);
        }
    }
    Some((svg.finish(), csv.finish()))
}

fn tooltip(case: &Case, group: &Group) -> String {
    let record = group.record;
    let (nature, standing) = (record.nature.as_deref().unwrap_or("–"), record.standing.as_deref().unwrap_or("–"));
    let (value, index) = (short(record.value), count_text(record.index));
    format!("{}: f = {value}, index {index}, {nature} ({standing}), start {}", case.label, record.start_index)
}
