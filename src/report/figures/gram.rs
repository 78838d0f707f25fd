//! Gram matrices of the best point of each case as heat maps, and for three or four classes the simplex itself.

use nalgebra::{DMatrix, DVector};
use plotters::style::text_anchor::HPos;

use super::super::axes::short;
use super::super::canvas::{self, Drawn, Sheet, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::heatmap::{Cell, HeatMap, Shade, Side};
use super::super::style::{INK, SMALL, title};
use super::simplex::{self, Geometry};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::npz::NpzPoint;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "gram",
    summary: "Gram matrices WWᵀ, H̄ᵀH̄, WH̄ of each loss's best point, and the simplex for K = 3, 4",
    caption: "The geometry of the lowest point of each case. H̄ holds the class means less the mean of all features. Each matrix is divided by its Frobenius norm; at a \
              simplex ETF all three are the matrix of the last row, P/√(K−1). With three or four classes the picture on the right shows the classifier's rows (arrows) and \
              the class means (rings), each set scaled to length one, in the two or three directions that hold most of them, and every sample (dots): at collapse the \
              dots fill the rings and the arrows end in them.",
    draw,
};

/// Cells of more classes than this would be too small to see.
const CLASSES_MAX: usize = 40;
const MAP: f64 = 168.0;
const GAP: f64 = 34.0;
const LEFT: f64 = 44.0;

/// The three matrices of one point, and its geometry.
struct Matrices<'a> {
    case: &'a Case<'a>,
    start_index: usize,
    /// Name in the table, heading, matrix.
    normalised: [(&'static str, &'static str, DMatrix<f64>); 3],
    geometry: Option<Geometry>,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let drawable = &cases[..cases.len().min(CASES_MAX)];
    for case in drawable {
        match matrices(data, case) {
            Ok(row) => rows.push(row),
            Err(problem) => problems.push(format!("{}: {problem}. ", case.label)),
        }
    }
    if rows.is_empty() {
        return Err(if problems.is_empty() {
            "there are no points".into()
        } else {
            problems.concat().trim_end().trim_end_matches('.').into()
        });
    }
    let classes = rows.iter().map(|row| row.normalised[0].2.nrows()).max().unwrap_or(0);
    let note = left_out(cases.len(), drawable.len(), "cases") + &left_out(classes, CLASSES_MAX, "classes") + &problems.concat();
    let (svg, csv) = picture(&rows)?;
    Ok(Drawing { svg, csv, note: note.trim_end().into() })
}

/// WWᵀ, H̄ᵀH̄ and WH̄ of the case's lowest point, each over its Frobenius norm.
fn matrices<'a>(data: &RunData, case: &'a Case<'a>) -> Result<Matrices<'a>, String> {
    let best = case.best(|record| record.point.is_some()).ok_or("no record has a point file")?;
    let point = data.point(best)?;
    let labels = point.labels.as_deref().ok_or("the point file has no labels")?;
    if !point.w.iter().chain(point.h.iter()).all(|x| x.is_finite()) {
        return Err("the point file holds a number that is not finite".into());
    }
    let means = class_means(&point, labels).ok_or("a label lies outside the classes, or a class has no sample")?;
    let mut centred = means;
    // The mean of all features, so that imbalanced classes are centred as the metrics centre them.
    let overall = overall_mean(&point);
    centred.column_iter_mut().for_each(|mut column| column -= &overall);
    let normalised = [
        ("WWᵀ", "WWᵀ", &point.w * point.w.transpose()),
        ("HᵀH", "~{H}ᵀ~{H}", centred.transpose() * &centred),
        ("WH", "W~{H}", &point.w * &centred),
    ]
    .map(|(name, heading, matrix)| {
        let norm = matrix.norm();
        (name, heading, matrix / norm)
    });
    if !normalised.iter().all(|(_, _, matrix)| matrix.iter().all(|x| x.is_finite())) {
        return Err("the lowest point has W = 0 or no spread between classes".into());
    }
    let geometry = simplex::geometry(&point.w, &centred, &point.h, &overall);
    Ok(Matrices { case, start_index: best.start_index, normalised, geometry })
}

/// The mean feature of every class, d×K. A column counts as often as the samples that it stands for.
pub(super) fn class_means(point: &NpzPoint, labels: &[usize]) -> Option<DMatrix<f64>> {
    let mut means = DMatrix::zeros(point.h.nrows(), point.w.nrows());
    let mut sizes = vec![0.0; point.w.nrows()];
    for (i, (column, &label)) in point.h.column_iter().zip(labels).enumerate() {
        *sizes.get_mut(label)? += copies(point, i);
        means.column_mut(label).axpy(copies(point, i), &column, 1.0);
    }
    for (mut mean, &size) in means.column_iter_mut().zip(&sizes) {
        if !(size > 0.0) {
            return None;
        }
        mean.unscale_mut(size);
    }
    Some(means)
}

/// The mean feature of all samples.
fn overall_mean(point: &NpzPoint) -> DVector<f64> {
    let mut mean = DVector::zeros(point.h.nrows());
    let mut samples = 0.0;
    for (i, column) in point.h.column_iter().enumerate() {
        mean.axpy(copies(point, i), &column, 1.0);
        samples += copies(point, i);
    }
    mean / samples
}

/// How many samples a column of H stands for.
fn copies(point: &NpzPoint, column: usize) -> f64 {
    point.multiplicity.as_ref().map_or(1.0, |all| all[column] as f64)
}

fn picture(rows: &[Matrices]) -> Result<(String, String), String> {
    let classes = rows[0].normalised[0].2.nrows();
    let solid = rows.iter().any(|row| row.geometry.is_some());
    let columns = if solid { 4.0 } else { 3.0 };
    let width = LEFT + columns * (MAP + GAP) + 70.0;
    let (top, row_height) = (78.0, MAP + 58.0);
    let height = top + (rows.len() + 1) as f64 * row_height;
    let mut csv = Csv::new(&["case", "label", "start_index", "matrix", "row", "column", "value"]);

    let ideal = DMatrix::from_fn(classes, classes, |i, j| {
        (f64::from(u8::from(i == j)) - 1.0 / classes as f64) / ((classes - 1) as f64).sqrt()
    });
    let every = || rows.iter().flat_map(|row| &row.normalised).map(|(_, _, matrix)| matrix).chain([&ideal]);
    let limit = every().map(|matrix| matrix.amax()).fold(0.0, f64::max);
    let shade = Shade::signed(limit);
    let svg = canvas::picture((width, height), "Gram matrices of the lowest points", |sheet| {
        title(sheet, "Gram matrices of the lowest point, each over its Frobenius norm")?;
        for (i, row) in rows.iter().enumerate() {
            draw_row(sheet, top + i as f64 * row_height, row, &shade)?;
            table_rows(&mut csv, row);
        }
        let y = top + rows.len() as f64 * row_height;
        sheet.text((LEFT, y - 24.0), "simplex ETF", Text { bold: true, ..heading() })?;
        sheet.text((LEFT, y - 7.0), "P/√(K−1)", heading())?;
        heat_map(sheet, (LEFT, y), &ideal, &shade)?;
        shade.bar(sheet, (LEFT + MAP + GAP, y), MAP, "entry / Frobenius norm").map(drop)
    })?;
    Ok((svg, csv.finish()))
}

fn heading() -> Text {
    Text::new(SMALL + 1.0, INK, HPos::Left)
}

/// The matrices of one case side by side, and its simplex.
fn draw_row(sheet: &Sheet, y: f64, row: &Matrices, shade: &Shade) -> Drawn {
    sheet.text((LEFT, y - 24.0), &row.case.label, Text { bold: true, color: row.case.look.color, ..heading() })?;
    for (k, (_, matrix_heading, matrix)) in row.normalised.iter().enumerate() {
        let x = LEFT + k as f64 * (MAP + GAP);
        sheet.formula((x, y - 7.0), matrix_heading, heading())?;
        heat_map(sheet, (x, y), matrix, shade)?;
    }
    let Some(geometry) = &row.geometry else { return Ok(()) };
    let x = LEFT + 3.0 * (MAP + GAP);
    let share = short(geometry.share_percent());
    sheet.formula((x, y - 7.0), &format!("W (arrows), ~{{H}} (rings): {share} % shown"), heading())?;
    geometry.draw(sheet, (x, y), MAP)
}

fn table_rows(csv: &mut Csv, row: &Matrices) {
    for (name, _, matrix) in &row.normalised {
        for (c, column) in matrix.column_iter().enumerate() {
            for (r, &value) in column.iter().enumerate() {
                csv.row(&[
                    row.case.id.into(),
                    row.case.label.clone(),
                    row.start_index.to_string(),
                    (*name).into(),
                    r.to_string(),
                    c.to_string(),
                    cell(Some(value)),
                ]);
            }
        }
    }
    if let Some(geometry) = &row.geometry {
        geometry.rows(csv, row.case, row.start_index);
    }
}

/// A matrix as squares; with few classes their values are written into them.
fn heat_map(sheet: &Sheet, corner: (f64, f64), matrix: &DMatrix<f64>, shade: &Shade) -> Drawn {
    let classes = matrix.nrows().min(CLASSES_MAX);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_as_often_as_the_samples_they_stand_for() {
        // Two features of class 0 (three samples and one) and one of class 1 (four samples).
        let collapsed = NpzPoint {
            w: DMatrix::from_row_slice(2, 1, &[1.0, -1.0]),
            h: DMatrix::from_row_slice(1, 3, &[2.0, 6.0, -1.0]),
            b: None,
            labels: Some(vec![0, 0, 1]),
            multiplicity: Some(vec![3, 1, 4]),
        };
        let whole = NpzPoint {
            h: DMatrix::from_row_slice(1, 8, &[2.0, 2.0, 2.0, 6.0, -1.0, -1.0, -1.0, -1.0]),
            labels: Some(vec![0, 0, 0, 0, 1, 1, 1, 1]),
            multiplicity: None,
            ..collapsed.clone()
        };
        for point in [&collapsed, &whole] {
            let means = class_means(point, point.labels.as_ref().unwrap()).unwrap();
            assert!((means - DMatrix::from_row_slice(1, 2, &[3.0, -1.0])).amax() < 1e-15);
            assert!((overall_mean(point)[0] - 1.0).abs() < 1e-15);
        }
        // A class without a sample, or a label beyond the classes, has no means.
        assert!(class_means(&collapsed, &[0, 0, 0]).is_none() && class_means(&collapsed, &[0, 1, 2]).is_none());
    }
}
