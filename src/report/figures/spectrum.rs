//! Hessian spectra with multiplicities: a stem for each distinct eigenvalue.

use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, WHITE};

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData, count_text};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, Key, Legend, SMALL, title};
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

const NEGATIVE: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const ZERO: RGBColor = RGBColor(0x66, 0x66, 0x66);
const POSITIVE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const COLUMNS: usize = 4;
/// The lower end of the axis of multiplicities, where stems begin.
const FLOOR: f64 = 0.6;

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let rows: Vec<(&Case, Vec<&Record>)> =
        cases.iter().map(|case| (case, chosen(case))).filter(|(_, points)| !points.is_empty()).collect();
    if rows.is_empty() {
        return Err("no record holds a whole spectrum (set spectra.level = \"full\")".into());
    }
    let drawn = &rows[..rows.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
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

fn picture(rows: &[(&Case, Vec<&Record>)]) -> Result<(String, String), String> {
    let (x, y) = scales(rows).ok_or("the spectra hold no non-zero eigenvalue")?;
    let columns = rows.iter().map(|(_, points)| points.len()).max().unwrap_or(1);
    let (panel_width, panel_height, gap_x, gap_y) = (if columns < 3 { 330.0 } else { 228.0 }, 120.0, 36.0, 66.0);
    let width = 84.0 + columns as f64 * (panel_width + gap_x);
    let entries = vec![
        (Key::Shape(Marker::TriangleDown, NEGATIVE, NEGATIVE), "negative".into()),
        (Key::Shape(Marker::Square, ZERO, ZERO), "zero, explained by symmetry".into()),
        (Key::Shape(Marker::Square, WHITE, ZERO), "zero, unexplained".into()),
        (Key::Shape(Marker::Circle, POSITIVE, POSITIVE), "positive".into()),
    ];
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 46.0;
    let height = top + rows.len() as f64 * (panel_height + gap_y) - gap_y + 46.0;
    let mut csv = Csv::new(&["case", "label", "start_index", "nature", "eigenvalue", "multiplicity", "explained_by_symmetry"]);
    let heading = "Hessian spectra with multiplicities";
    let svg = canvas::picture((width, height), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (i, (case, points)) in rows.iter().enumerate() {
            for (k, record) in points.iter().enumerate() {
                let (left, top) = (70.0 + k as f64 * (panel_width + gap_x), top + i as f64 * (panel_height + gap_y));
                let panel = Panel { left, top, width: panel_width, height: panel_height, x, y };
                let x_label = if i + 1 == rows.len() { "eigenvalue λ of ∇²f" } else { "" };
                let chart = panel.chart(sheet, "", x_label, if k == 0 { "multiplicity" } else { "" })?;
                if k == 0 {
                    let bold = Text { bold: true, ..Text::new(SMALL + 1.0, case.look.color, HPos::Left) };
                    sheet.text((left, top - 22.0), &case.label, bold)?;
                }
                sheet.text((left, top - 7.0), &heading_of(record), Text::new(SMALL, FAINT, HPos::Left))?;
                draw_stems(sheet, &chart, record)?;
                table_rows(&mut csv, case, record);
            }
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// One pair of scales for all panels.
fn scales(rows: &[(&Case, Vec<&Record>)]) -> Option<(Scale, Scale)> {
    let records = || rows.iter().flat_map(|(_, points)| points);
    let snap = |record: &Record, x: f64| if x.abs() <= record.resolution.unwrap_or(0.0) { 0.0 } else { x };
    let eigenvalues: Vec<f64> =
        records().flat_map(|record| stems(record).into_iter().map(|stem| snap(record, stem.eigenvalue))).collect();
    let highest = records().flat_map(|record| stems(record)).map(|stem| stem.multiplicity).max().unwrap_or(1) as f64;
    let y = Scale::Log { low: FLOOR, high: (highest * 2.0).max(12.0) };
    Some((Scale::symlog(eigenvalues.into_iter(), 0.0)?, y))
}

fn table_rows(csv: &mut Csv, case: &Case, record: &Record) {
    for stem in stems(record) {
        let zero = stem.eigenvalue.abs() <= record.resolution.unwrap_or(0.0);
        let explained = if zero {
            record.nullity_symmetry.map_or(String::new(), |n| n.min(stem.multiplicity).to_string())
        } else {
            "0".into()
        };
        csv.row(&[
            case.id.to_owned(),
            case.label.clone(),
            record.start_index.to_string(),
            record.nature.clone().unwrap_or_default(),
            cell(Some(stem.eigenvalue)),
            stem.multiplicity.to_string(),
            explained,
        ]);
    }
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

fn draw_stems(sheet: &Sheet, chart: &Chart, record: &Record) -> Drawn {
    let resolution = record.resolution.unwrap_or(0.0);
    for stem in stems(record) {
        let zero = stem.eigenvalue.abs() <= resolution;
        let (color, marker) = match stem.eigenvalue {
            _ if zero => (ZERO, Marker::Square),
            x if x < 0.0 => (NEGATIVE, Marker::TriangleDown),
            _ => (POSITIVE, Marker::Circle),
        };
        let x = if zero { 0.0 } else { stem.eigenvalue };
        let upright = |height: u64, stroke| chart.line(vec![(x, FLOOR), (x, height as f64)], stroke);
        let explained = record.nullity_symmetry.unwrap_or(stem.multiplicity).min(stem.multiplicity);
        let unexplained = zero && explained < stem.multiplicity;
        let tip = format!("λ = {}, multiplicity {}", short(stem.eigenvalue), stem.multiplicity);
        sheet.tipped(&tip, || {
            upright(stem.multiplicity, Stroke { dash: if unexplained { &[2.0, 2.0] } else { &[] }, ..Stroke::new(color, 1.6) })?;
            if unexplained && explained > 0 {
                upright(explained, Stroke::new(color, 2.6))?;
                chart.mark((x, explained as f64), Mark::new(marker, 2.8, color, color))?;
            }
            let fill = if unexplained { WHITE } else { color };
            chart.mark((x, stem.multiplicity as f64), Mark::new(marker, 2.8, fill, color))
        })?;
    }
    Ok(())
}
