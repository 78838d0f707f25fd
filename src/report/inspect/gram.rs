//! Gram matrices of classifier and class means as heat maps, a row of them a file.

use nalgebra::DMatrix;
use plotters::style::text_anchor::HPos;

use super::super::Drawing;
use super::super::axes::short;
use super::super::canvas::{self, Sheet, Text};
use super::super::csv::{Csv, cell};
use super::super::heatmap::{Cell, HeatMap, Shade, Side};
use super::super::style::{INK, SMALL, look, title};
use super::Inspected;

/// How to read it.
pub(super) const CAPTION: &str = "Classifier and class means of every file: WWᵀ, H̄ᵀH̄ (class means about the mean of all features) and WH̄, each over its Frobenius norm. At a simplex ETF all three are the \
    matrix of the last row, P/√(K−1): one colour on the diagonal, one beside it. A row and column darker or lighter than the others is a class that is larger or smaller; spots beside the diagonal are \
    pairs of classes that are nearer or farther than others.";

/// Cells of more classes than this would be too small to see.
const CLASSES_MAX: usize = 40;
const MAP: f64 = 190.0;
const GAP: f64 = 40.0;
const LEFT: f64 = 44.0;

/// Draws the matrices of the first [`CLASSES_MAX`] classes.
pub(super) fn draw(found: &[Inspected]) -> Result<Drawing, String> {
    let mut csv = Csv::new(&["file", "matrix", "row", "column", "value"]);
    let mut rows = Vec::new();
    for one in found {
        let classes = one.w.nrows().min(CLASSES_MAX);
        let w = one.w.rows(0, classes).into_owned();
        let h = one.findings.centred_means.columns(0, classes).into_owned();
        let matrices = [("WWᵀ", &w * w.transpose()), ("~{H}ᵀ~{H}", h.transpose() * &h), ("W~{H}", &w * &h)];
        let unit = matrices.map(|(name, matrix)| {
            let norm = matrix.norm();
            (name, matrix / norm)
        });
        if !unit.iter().all(|(_, matrix)| matrix.iter().all(|x| x.is_finite())) {
            return Err(format!("{}: W = 0, or the class means coincide", one.label));
        }
        rows.push(unit);
    }
    let most = found.iter().map(|one| one.w.nrows()).max().unwrap_or(2);
    let classes = most.min(CLASSES_MAX);
    let ideal = DMatrix::from_fn(classes, classes, |i, j| f64::from(u8::from(i == j)) - 1.0 / most as f64);
    let ideal = &ideal / ideal.norm();
    let all = || rows.iter().flatten().map(|(_, matrix)| matrix).chain([&ideal]);
    let shade = Shade::signed(all().map(|matrix| matrix.amax()).fold(0.0, f64::max));
    let (top, height) = (78.0, MAP + 62.0);
    let size = (LEFT + 3.0 * (MAP + GAP) + 20.0, top + (rows.len() + 1) as f64 * height);
    let heading = Text::new(SMALL + 1.0, INK, HPos::Left);
    let svg = canvas::picture(size, "Gram matrices of classifier and class means", |sheet| {
        title(sheet, "Gram matrices of classifier and class means, each over its Frobenius norm")?;
        for (i, (one, matrices)) in found.iter().zip(&rows).enumerate() {
            let y = top + i as f64 * height;
            sheet.text((LEFT, y - 24.0), &one.label, Text { bold: true, color: look(i).color, ..heading })?;
            for (k, (name, matrix)) in matrices.iter().enumerate() {
                let x = LEFT + k as f64 * (MAP + GAP);
                sheet.formula((x, y - 7.0), name, heading)?;
                map(sheet, (x, y), matrix, &shade)?;
                let plain = name.replace(['~', '{', '}'], "");
                for (c, column) in matrix.column_iter().enumerate() {
                    for (r, &value) in column.iter().enumerate() {
                        csv.row(&[one.label.clone(), plain.clone(), r.to_string(), c.to_string(), cell(Some(value))]);
                    }
                }
            }
        }
        let y = top + rows.len() as f64 * height;
        sheet.text((LEFT, y - 24.0), "simplex ETF", Text { bold: true, ..heading })?;
        sheet.text((LEFT, y - 7.0), "P/√(K−1)", heading)?;
        map(sheet, (LEFT, y), &ideal, &shade)?;
        shade.bar(sheet, (LEFT + MAP + GAP, y), MAP, "entry / Frobenius norm").map(drop)
    })?;
    let note = if most > CLASSES_MAX { format!("The first {CLASSES_MAX} of {most} classes are drawn.") } else { String::new() };
    Ok(Drawing { svg, csv: csv.finish(), note })
}

/// A matrix as squares.
fn map(sheet: &Sheet, corner: (f64, f64), matrix: &DMatrix<f64>, shade: &Shade) -> canvas::Drawn {
    let classes = matrix.nrows();
    let ends = |k: usize| if k == 0 || k + 1 == classes { k.to_string() } else { String::new() };
    let side = || Side::Places((0..classes).map(ends).collect());
    let map = HeatMap { corner, size: (MAP, MAP), across: side(), up: side(), downwards: true };
    map.draw(sheet, ("", ""), |i, j| {
        let value = matrix[(i, j)];
        Cell {
            fill: shade.color(value),
            label: if classes <= 5 { format!("{value:.2}").replace('-', "−") } else { String::new() },
            tip: if classes <= 12 { format!("row {i}, column {j}: {}", short(value)) } else { String::new() },
        }
    })
}
