//! The spectrum of the minimum against the closed form of the balanced simplex ETF: eigenvalues, multiplicities, origins, residuals.

use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, WHITE};

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, Key, Legend, SMALL, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::{PredictedLevel, Record, compare_with_etf};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "etf-spectrum",
    summary: "the spectrum of the minimum against the closed form of the simplex ETF, with multiplicities and origins",
    caption: "The whole Hessian spectrum of the global minimum. Each distinct eigenvalue that the closed form of the balanced simplex ETF predicts is a bar, in ascending order from left to right, \
              coloured by where it comes from: features moving within their class, directions outside the classifier's row space, or one of the irreducible parts of the symmetric group on the classes. \
              The number above it is its multiplicity; where eigenvalues of several origins coincide, the bar has the colours of all. Dots: what was computed at the point that the run found, without using the closed form. \
              Below: their distance over the largest eigenvalue; rounding is near 1e-16.",
    draw,
};

const ORIGINS: [(&str, RGBColor); 6] = [
    ("within-class", RGBColor(0x00, 0x9e, 0x73)),
    ("off-space", RGBColor(0xe6, 0x9f, 0x00)),
    ("trivial", RGBColor(0x66, 0x66, 0x66)),
    ("standard", RGBColor(0x00, 0x72, 0xb2)),
    ("(K-2,1,1)", RGBColor(0xcc, 0x79, 0xa7)),
    ("(K-2,2)", RGBColor(0xd5, 0x5e, 0x00)),
];
/// Residuals below this are drawn at it.
const LEAST: f64 = 1e-18;
const HEIGHT: f64 = 190.0;
const BELOW: f64 = 66.0;
const ROW: f64 = HEIGHT + BELOW + 118.0;

type Compared<'a> = (&'a Case<'a>, &'a Record, Vec<PredictedLevel>);

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let (mut compared, mut problems) = (Vec::new(), Vec::new());
    for case in &cases {
        let found = case
            .best(|record| record.spectrum.is_some())
            .ok_or("no record holds a whole spectrum (set spectra.level = \"full\")".into());
        match found.and_then(|record| compare_with_etf(record).map(|levels| (record, levels))) {
            Ok((record, levels)) => compared.push((case, record, levels)),
            Err(problem) => problems.push(format!("{}: {problem}. ", case.label)),
        }
    }
    if compared.is_empty() {
        let all = problems.concat();
        return Err(if all.is_empty() { "there are no points".into() } else { all.trim_end().trim_end_matches('.').into() });
    }
    let drawn = &compared[..compared.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: left_out(compared.len(), drawn.len(), "cases") + problems.concat().trim_end() })
}

fn picture(rows: &[Compared<'_>]) -> Result<(String, String), String> {
    let every = || rows.iter().flat_map(|(.., levels)| levels);
    let eigenvalues: Vec<f64> = every().flat_map(|level| [level.eigenvalue, level.computed]).collect();
    // Zeros are predicted exactly; what was computed of them is rounding.
    let zero = 1e-12 * eigenvalues.iter().filter(|x| x.is_finite()).fold(0.0, |most: f64, x| most.max(x.abs()));
    let y = Scale::symlog(eigenvalues.into_iter(), zero).ok_or("every eigenvalue is zero")?;
    let worst = every().map(|level| level.residual).filter(|x| x.is_finite()).fold(1e-14, f64::max);
    let residuals = Scale::Log { low: LEAST, high: 10.0 * worst };
    let columns = rows.len().min(2);
    let most = rows.iter().map(|(.., levels)| levels.len()).max().unwrap_or(1) as f64;
    let panel_width = (most * 27.0).max(360.0);
    let width = 90.0 + columns as f64 * (panel_width + 84.0);
    let used = ORIGINS.iter().filter(|(name, _)| every().any(|level| level.origins.contains(name)));
    let mut entries: Vec<(Key, String)> =
        used.map(|&(name, color)| (Key::Shape(Marker::Square, color, color), format!("predicted: {name}"))).collect();
    entries.push((Key::Shape(Marker::Circle, WHITE, INK), "computed".into()));
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 40.0;
    let height = top + rows.len().div_ceil(columns) as f64 * ROW - 24.0;
    let mut csv = Csv::new(&["case", "label", "start_index", "predicted", "multiplicity", "origins", "computed", "residual"]);
    let heading = "The minimum's Hessian spectrum against the simplex ETF's closed form";
    let svg = canvas::picture((width, height), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (i, row) in rows.iter().enumerate() {
            let corner = (76.0 + (i % columns) as f64 * (panel_width + 84.0), top + (i / columns) as f64 * ROW);
            draw_case(sheet, corner, panel_width, (y, residuals), row)?;
            table_rows(&mut csv, row);
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn draw_case(sheet: &Sheet, (left, top): (f64, f64), width: f64, (y, residuals): (Scale, Scale), row: &Compared<'_>) -> Drawn {
    let (case, record, levels) = row;
    let bold = Text { bold: true, ..Text::new(SMALL + 1.0, case.look.color, HPos::Left) };
    sheet.text((left, top - 22.0), &case.label, bold)?;
    let total: u64 = levels.iter().map(|level| level.multiplicity).sum();
    let worst = levels.iter().map(|level| level.residual).fold(0.0, f64::max);
    let facts =
        format!("f = {}, {total} eigenvalues, {} distinct, largest residual {}", short(record.value), levels.len(), short(worst));
    sheet.text((left, top - 7.0), &facts, Text::new(SMALL, FAINT, HPos::Left))?;
    let x = Scale::Linear { low: -0.7, high: levels.len() as f64 - 0.3 };
    let upper = Panel { left, top, width, height: HEIGHT, x, y };
    let lower = Panel { left, top: top + HEIGHT + 28.0, width, height: BELOW, x, y: residuals };
    // The places in the list say nothing: only the frame and the upright axis are wanted.
    let (chart, below) = (upper.upright_chart(sheet, "eigenvalue λ of ∇²f")?, lower.upright_chart(sheet, "residual")?);
    sheet.text(
        (left + width / 2.0, lower.top + BELOW + 16.0),
        "distinct eigenvalues, ascending",
        Text::new(SMALL, INK, HPos::Center),
    )?;
    for (i, level) in levels.iter().enumerate() {
        let at = chart.at((i as f64, level.eigenvalue));
        let tip = format!(
            "λ = {}, multiplicity {}, {}: computed {}",
            short(level.eigenvalue),
            level.multiplicity,
            level.origins.join(" + "),
            short(level.computed)
        );
        sheet.tipped(&tip, || {
            draw_bar(sheet, at, level)?;
            chart.mark((i as f64, level.computed), Mark::new(Marker::Circle, 2.6, WHITE, INK))
        })?;
        // Beside the bar's other end where it lies at the top.
        let above = if at.1 < top + 18.0 { at.1 + 17.0 } else { at.1 - 8.0 };
        sheet.text((at.0, above), &level.multiplicity.to_string(), Text::new(SMALL - 2.0, INK, HPos::Center))?;
        below.mark((i as f64, level.residual.max(LEAST * 1.5)), Mark::new(Marker::Circle, 2.6, INK, INK))?;
    }
    Ok(())
}

/// A bar at a place of the picture, divided among the origins.
fn draw_bar(sheet: &Sheet, (x, y): (f64, f64), level: &PredictedLevel) -> Drawn {
    const LENGTH: f64 = 20.0;
    let part = LENGTH / level.origins.len() as f64;
    for (k, origin) in level.origins.iter().enumerate() {
        let color = ORIGINS.iter().find(|(name, _)| name == origin).map_or(INK, |&(_, color)| color);
        let left = x - LENGTH / 2.0 + k as f64 * part;
        sheet.line((left, y), (left + part, y), Stroke::new(color, 4.0))?;
    }
    Ok(())
}

fn table_rows(csv: &mut Csv, (case, record, levels): &Compared<'_>) {
    for level in levels {
        csv.row(&[
            case.id.into(),
            case.label.clone(),
            record.start_index.to_string(),
            cell(Some(level.eigenvalue)),
            level.multiplicity.to_string(),
            level.origins.join(" + "),
            cell(Some(level.computed)),
            cell(Some(level.residual)),
        ]);
    }
}
