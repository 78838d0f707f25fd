//! The eigenvalues of the within-class covariance Σ_W, beside those of the between-class covariance Σ_B.

use super::super::Drawing;
use super::super::axes::Scale;
use super::super::csv::{Csv, cell};
use super::super::grid::Grid;
use super::super::style::{Key, look};
use super::Inspected;

/// How to read it.
pub(super) const CAPTION: &str = "Eigenvalues of Σ_W (how features scatter within classes) and of Σ_B (how class means are apart), both over tr Σ_B, largest first. At collapse the left curves fall to 0 and the \
    right ones are level: K − 1 equal eigenvalues are a simplex. Where the first eigenvalue of Σ_W is near the last of Σ_B, classes scatter as far as they are apart in some direction.";

/// Eigenvalues below this share of the largest are rounding.
const ROUNDING: f64 = 1e-15;

/// Two panels, one line a file.
pub(super) fn draw(found: &[Inspected]) -> Result<Drawing, String> {
    let mut csv = Csv::new(&["file", "matrix", "number", "share_of_trace_between"]);
    let spectra = |one: &Inspected| -> [Vec<(f64, f64)>; 2] {
        let trace: f64 = one.findings.between_spectrum.iter().sum();
        [&one.findings.within_spectrum, &one.findings.between_spectrum].map(|values| {
            let least = ROUNDING * values.first().copied().unwrap_or(0.0);
            let shares = values.iter().enumerate().filter(|&(_, &x)| x > least).map(|(i, &x)| ((i + 1) as f64, x / trace));
            shares.filter(|point| point.1.is_finite()).collect()
        })
    };
    let all: Vec<[Vec<(f64, f64)>; 2]> = found.iter().map(spectra).collect();
    let points = || all.iter().flatten().flatten().copied();
    let Some(y) = Scale::log(points().map(|point| point.1)) else {
        return Err(format!(
            "no file has a spectrum: features must be at most {} wide, and class means apart",
            super::SPECTRUM_WIDTH_MAX
        ));
    };
    let entries = found.iter().enumerate().map(|(i, one)| (Key::Line(look(i)), one.label.clone())).collect();
    let grid = Grid::new((1, 2), (430.0, 300.0), entries);
    let svg = grid.picture("Spectra within and between classes", |sheet| {
        for (k, (name, title)) in
            [("within", "within classes: Σ_{W}"), ("between", "between classes: Σ_{B}")].into_iter().enumerate()
        {
            let last = all.iter().flat_map(|spectra| spectra[k].last()).map(|point| point.0).fold(2.0, f64::max);
            let x = Scale::Linear { low: 0.0, high: 1.05 * last };
            let chart = grid.panel((0, k), x, y).chart(sheet, title, "number of the eigenvalue", "eigenvalue / tr Σ_{B}")?;
            for (i, (one, spectra)) in found.iter().zip(&all).enumerate() {
                let look = look(i);
                sheet.tipped(&one.label, || {
                    chart.line(spectra[k].clone(), look.stroke(1.8))?;
                    let few = spectra[k].len() <= 30;
                    spectra[k].iter().filter(|_| few).try_for_each(|&point| chart.mark(point, look.mark(2.6)))
                })?;
                for &(number, share) in &spectra[k] {
                    csv.row(&[one.label.clone(), name.to_owned(), number.to_string(), cell(Some(share))]);
                }
            }
        }
        Ok(())
    })?;
    Ok(Drawing { svg, csv: csv.finish(), note: String::new() })
}
