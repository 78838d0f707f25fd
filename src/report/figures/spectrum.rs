//! Hessian spectra with multiplicities: a stem for each distinct eigenvalue.

use super::super::axes::{Panel, Scale};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData, count_text};
use super::super::style::{FAINT, Key, Legend, Marker, SMALL, mark, title};
use super::super::svg::{Anchor, Stroke, Svg, Text};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::{Eigenvalue, Record};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "spectrum",
    summary: "whole Hessian spectra with multiplicities, at the best point and at saddles of each loss",
    caption: "Whole spectra of the Hessian of f over (W, H, b). Each stem is one distinct eigenvalue, its height the multiplicity. The axis is logarithmic on both \
              sides of zero. Orange triangles: negative eigenvalues, directions of descent; their multiplicities add up to the index. Grey squares: zeros; the filled \
              height is what the symmetry (rotations of the features, shifts of a free bias) explains, a hollow top is unexplained, so the point is degenerate. Blue \
              circles: positive. First column: the lowest point of the case; then others, by value.",
    draw,
};

const NEGATIVE: &str = "#D55E00";
const ZERO: &str = "#666666";
const POSITIVE: &str = "#0072B2";
const COLUMNS: usize = 4;

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let rows: Vec<(&Case, Vec<&Record>)> =
        cases.iter().map(|case| (case, chosen(case))).filter(|(_, points)| !points.is_empty()).collect();
    if rows.is_empty() {
        return Err("no record holds a whole spectrum (set spectra.level = \"full\")".into());
    }
    let drawn = &rows[..rows.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn).ok_or("the spectra hold no non-zero eigenvalue")?;
    Ok(Drawing { svg, csv, note: left_out(rows.len(), drawn.len(), "cases") })
}

/// The lowest point with a spectrum, and others spread over the values.
fn chosen<'a>(case: &Case<'a>) -> Vec<&'a Record> {
    let groups = case.groups();
    let full: Vec<&Record> = groups.iter().map(|group| group.record).filter(|record| record.spectrum.is_some()).collect();
    if full.len() <= COLUMNS {
        return full;
    }
    (0..COLUMNS).map(|i| full[i * (full.len() - 1) / (COLUMNS - 1)]).collect()
}

/// Eigenvalues of the record, in order; zeros (within the resolution) first joined into one.
fn stems(record: &Record) -> Vec<Eigenvalue> {
    let resolution = record.resolution.unwrap_or(0.0);
    let mut stems: Vec<Eigenvalue> = Vec::new();
    for &entry in record.spectrum.iter().flatten().filter(|entry| entry.eigenvalue.is_finite()) {
        match stems.last_mut() {
            Some(last) if last.eigenvalue.abs() <= resolution && entry.eigenvalue.abs() <= resolution => {
                last.multiplicity += entry.multiplicity
            }
            _ => stems.push(entry),
        }
    }
    stems
}

fn picture(rows: &[(&Case, Vec<&Record>)]) -> Option<(String, String)> {
    let all: Vec<(f64, f64)> = rows
        .iter()
        .flat_map(|(_, points)| points)
        .flat_map(|record| stems(record).into_iter().map(|stem| (stem.eigenvalue, record.resolution.unwrap_or(0.0))))
        .collect();
    let snapped = all.iter().map(|&(x, resolution)| if x.abs() <= resolution { 0.0 } else { x });
    let x = Scale::symlog(snapped, 0.0)?;
    let multiplicities =
        rows.iter().flat_map(|(_, points)| points).flat_map(|record| stems(record)).map(|stem| stem.multiplicity);
    let highest = multiplicities.max().unwrap_or(1) as f64;
    let y = Scale::Log { low: 0.6, high: (highest * 2.0).max(12.0) };

    let columns = rows.iter().map(|(_, points)| points.len()).max().unwrap_or(1);
    let (panel_width, panel_height, gap_x, gap_y) = (if columns < 3 { 330.0 } else { 228.0 }, 120.0, 24.0, 66.0);
    let width = 84.0 + columns as f64 * (panel_width + gap_x);
    let entries = vec![
        (Key::Shape(Marker::TriangleDown, NEGATIVE, NEGATIVE), "negative".into()),
        (Key::Shape(Marker::Square, ZERO, ZERO), "zero, explained by symmetry".into()),
        (Key::Shape(Marker::Square, "#ffffff", ZERO), "zero, unexplained".into()),
        (Key::Shape(Marker::Circle, POSITIVE, POSITIVE), "positive".into()),
    ];
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 46.0;
    let height = top + rows.len() as f64 * (panel_height + gap_y) - gap_y + 46.0;
    let mut svg = Svg::new(width, height, "Hessian spectra with multiplicities");
    let mut csv = Csv::new(&["case", "label", "start_index", "nature", "eigenvalue", "multiplicity", "explained_by_symmetry"]);
    title(&mut svg, "Hessian spectra with multiplicities");
    legend.draw(&mut svg, 36.0);

    for (i, (case, points)) in rows.iter().enumerate() {
        for (k, record) in points.iter().enumerate() {
            let left = 70.0 + k as f64 * (panel_width + gap_x);
            let panel =
                Panel { left, top: top + i as f64 * (panel_height + gap_y), width: panel_width, height: panel_height, x, y };
            let heading = if k == 0 { case.label.as_str() } else { "" };
            let x_label = if i + 1 == rows.len() { "eigenvalue λ of ∇²f" } else { "" };
            panel.frame(&mut svg, "", x_label, if k == 0 { "multiplicity" } else { "" });
            let bold = Text { bold: true, ..Text::new(SMALL + 1.0, case.look.color, Anchor::Start) };
            svg.text((left, panel.top - 22.0), heading, bold);
            svg.text((left, panel.top - 7.0), &heading_of(record), Text::new(SMALL, FAINT, Anchor::Start));
            draw_stems(&mut svg, &panel, record);
            for stem in stems(record) {
                let zero = stem.eigenvalue.abs() <= record.resolution.unwrap_or(0.0);
                let explained = if zero {
                    record.nullity_symmetry.map_or(String::new(), |n| n.min(stem.multiplicity).to_string())
                } else {
                    "0".into()
                };
                let (case_id, nature) = (case.id.to_owned(), record.nature.clone().unwrap_or_default());
                let numbers = [cell(Some(stem.eigenvalue)), stem.multiplicity.to_string(), explained];
                let [eigenvalue, multiplicity, explained] = numbers;
                csv.row(&[
                    case_id,
                    case.label.clone(),
                    record.start_index.to_string(),
                    nature,
                    eigenvalue,
                    multiplicity,
                    explained,
                ]);
            }
        }
    }
    Some((svg.finish(), csv.finish()))
}

/// What the point is, in one line above its panel.
fn heading_of(record: &Record) -> String {
    let nature = record.nature.as_deref().unwrap_or("no verdict").replace('-', " ");
    let rank = record.rank.map_or(String::new(), |rank| format!(", r = {rank}"));
    let explained = if record.degenerate == Some(true) {
        record.nullity_symmetry.map_or(String::new(), |n| format!(" ({n} sym.)"))
    } else {
        String::new()
    };
    format!("{nature}{rank}, index {}, zeros {}{explained}", count_text(record.index), count_text(record.nullity))
}

fn draw_stems(svg: &mut Svg, panel: &Panel, record: &Record) {
    let resolution = record.resolution.unwrap_or(0.0);
    let bottom = panel.top + panel.height;
    for stem in stems(record) {
        let zero = stem.eigenvalue.abs() <= resolution;
        let (color, marker) = match stem.eigenvalue {
            _ if zero => (ZERO, Marker::Square),
            x if x < 0.0 => (NEGATIVE, Marker::TriangleDown),
            _ => (POSITIVE, Marker::Circle),
        };
        let at = panel.at(if zero { 0.0 } else { stem.eigenvalue }, stem.multiplicity as f64);
        let explained = record.nullity_symmetry.unwrap_or(stem.multiplicity).min(stem.multiplicity);
        let unexplained = zero && explained < stem.multiplicity;
        let foot = if unexplained && explained > 0 { panel.at(0.0, explained as f64) } else { at };
        svg.line((at.0, bottom), at, Stroke { dash: if unexplained { "2 2" } else { "" }, ..Stroke::new(color, 1.6) });
        if unexplained && explained > 0 {
            svg.line((at.0, bottom), foot, Stroke::new(color, 2.6));
            mark(svg, marker, foot, 2.8, color, color, None);
        }
        let tip = format!("λ = {}, multiplicity {}", super::super::axes::short(stem.eigenvalue), stem.multiplicity);
        mark(svg, marker, at, 2.8, if unexplained { "#ffffff" } else { color }, color, Some(&tip));
    }
}
