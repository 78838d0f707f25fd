//! Gram matrices of the best point of each case as heat maps, and for three or four classes the simplex itself.

use nalgebra::DMatrix;
use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, WHITE};

use super::super::axes::short;
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::style::{FAINT, INK, SMALL, title};
use super::simplex::{self, Geometry};
use super::{CASES_MAX, Drawing, Family, left_out};

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
    let classes = point.w.nrows();
    if !point.w.iter().chain(point.h.iter()).all(|x| x.is_finite()) {
        return Err("the point file holds a number that is not finite".into());
    }
    let means = class_means(&point.h, labels, classes).ok_or("a label lies outside the classes, or a class has no sample")?;
    let mut centred = means;
    // The mean of all features, so that imbalanced classes are centred as the metrics centre them.
    let overall = point.h.column_mean();
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

/// The mean feature of every class, d×K.
pub(super) fn class_means(h: &DMatrix<f64>, labels: &[usize], classes: usize) -> Option<DMatrix<f64>> {
    let mut means = DMatrix::zeros(h.nrows(), classes);
    let mut sizes = vec![0usize; classes];
    for (column, &label) in h.column_iter().zip(labels) {
        *sizes.get_mut(label)? += 1;
        means.column_mut(label).axpy(1.0, &column, 1.0);
    }
    for (k, &size) in sizes.iter().enumerate() {
        if size == 0 {
            return None;
        }
        means.column_mut(k).unscale_mut(size as f64);
    }
    Some(means)
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
    let svg = canvas::picture((width, height), "Gram matrices of the lowest points", |sheet| {
        title(sheet, "Gram matrices of the lowest point, each over its Frobenius norm")?;
        for (i, row) in rows.iter().enumerate() {
            draw_row(sheet, top + i as f64 * row_height, row, limit)?;
            table_rows(&mut csv, row);
        }
        let y = top + rows.len() as f64 * row_height;
        sheet.text((LEFT, y - 24.0), "simplex ETF", Text { bold: true, ..heading() })?;
        sheet.text((LEFT, y - 7.0), "P/√(K−1)", heading())?;
        heat_map(sheet, (LEFT, y), &ideal, limit)?;
        color_bar(sheet, LEFT + 1.0 * (MAP + GAP), y, limit)
    })?;
    Ok((svg, csv.finish()))
}

fn heading() -> Text {
    Text::new(SMALL + 1.0, INK, HPos::Left)
}

/// The matrices of one case side by side, and its simplex.
fn draw_row(sheet: &Sheet, y: f64, row: &Matrices, limit: f64) -> Drawn {
    sheet.text((LEFT, y - 24.0), &row.case.label, Text { bold: true, color: row.case.look.color, ..heading() })?;
    for (k, (_, matrix_heading, matrix)) in row.normalised.iter().enumerate() {
        let x = LEFT + k as f64 * (MAP + GAP);
        sheet.formula((x, y - 7.0), matrix_heading, heading())?;
        heat_map(sheet, (x, y), matrix, limit)?;
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
fn heat_map(sheet: &Sheet, (x, y): (f64, f64), matrix: &DMatrix<f64>, limit: f64) -> Drawn {
    let classes = matrix.nrows().min(CLASSES_MAX);
    let size = MAP / classes as f64;
    for i in 0..classes {
        for j in 0..classes {
            let value = matrix[(i, j)];
            let corner = (x + j as f64 * size, y + i as f64 * size);
            // A pixel wider than the grid, or white seams show between cells.
            let reach = |k: usize| (size + 1.0).min(MAP - k as f64 * size);
            let square = || sheet.rect(corner, (reach(j), reach(i)), color(value / limit));
            if classes <= 12 {
                sheet.tipped(&format!("row {i}, column {j}: {}", short(value)), square)?;
            } else {
                square()?;
            }
            if classes <= 5 {
                let ink = if value.abs() > 0.75 * limit { WHITE } else { INK };
                let middle = (corner.0 + size / 2.0, corner.1 + size / 2.0 + 3.6);
                sheet.text(middle, &format!("{value:.2}").replace('-', "−"), Text::new(10.0, ink, HPos::Center))?;
            }
        }
    }
    sheet.frame((x, y), (MAP, MAP), Stroke::new(FAINT, 1.0))?;
    for (k, place) in [(0, 0.5), (classes - 1, classes as f64 - 0.5)] {
        let label = Text::new(10.0, FAINT, HPos::Right);
        sheet.text((x - 5.0, y + place * size + 3.6), &k.to_string(), label)?;
        sheet.text((x + place * size, y + MAP + 12.0), &k.to_string(), Text { anchor: HPos::Center, ..label })?;
    }
    Ok(())
}

fn color_bar(sheet: &Sheet, x: f64, y: f64, limit: f64) -> Drawn {
    let (steps, bar) = (64, 16.0);
    let step = MAP / f64::from(steps);
    for i in 0..steps {
        let t = 1.0 - 2.0 * (f64::from(i) + 0.5) / f64::from(steps);
        let below = MAP - step * f64::from(i);
        sheet.rect((x, y + MAP - below), (bar, (step + 1.0).min(below)), color(t))?;
    }
    sheet.frame((x, y), (bar, MAP), Stroke::new(FAINT, 1.0))?;
    for t in [1.0, 0.5, 0.0, -0.5, -1.0] {
        let place = y + MAP * (1.0 - t) / 2.0;
        sheet.line((x + bar, place), (x + bar + 4.0, place), Stroke::new(FAINT, 1.0))?;
        let label = short((1e3 * t * limit).round() / 1e3);
        sheet.text((x + bar + 8.0, place + 4.0), &label, Text::new(SMALL, INK, HPos::Left))?;
    }
    let upright = Text { upright: true, ..Text::new(SMALL, INK, HPos::Center) };
    sheet.text((x + bar + 56.0, y + MAP / 2.0), "entry / Frobenius norm", upright)
}

/// Blue, white, red: two hues that every common kind of colour blindness keeps apart.
fn color(t: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 5] =
        [[33.0, 102.0, 172.0], [146.0, 197.0, 222.0], [247.0, 247.0, 247.0], [244.0, 165.0, 130.0], [178.0, 24.0, 43.0]];
    let place = (t.clamp(-1.0, 1.0) + 1.0) * 2.0;
    let low = (place.floor() as usize).min(3);
    let mix = |c: usize| (STOPS[low][c] + (place - low as f64) * (STOPS[low + 1][c] - STOPS[low][c])).round() as u8;
    RGBColor(mix(0), mix(1), mix(2))
}
