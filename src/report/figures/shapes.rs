//! The shapes of minima of rank at most three: rows of W and class means, polygons, classes at the origin.

use nalgebra::{DMatrix, Vector3};
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::style::{FAINT, INK, SMALL, title};
use super::gram::class_means;
use super::simplex::{arrow, turn};
use super::{CASES_MAX, Drawing, Family, left_out};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "shapes",
    summary: "the shape of every minimum of rank at most three: classifier rows, class means, classes at the origin",
    caption: "Every minimum found whose features span at most three dimensions, by value. Arrows: the rows of W, one a class, from the origin. Rings: the class means of H (not centred). Each set is scaled so that its longest is one, and turned so that class \
              0, or the first class that is not at the origin, points up; mirror images are one shape. The orange line joins neighbouring rows: the polygon (in three dimensions the nearest pairs: the solid's edges). A cross at the origin marks classes \
              whose row and mean vanish; they are named beside it.",
    draw,
};

const LINE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
const RING: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const CELL: f64 = 196.0;
const GAP: f64 = 26.0;
const COLUMNS: usize = 5;
/// Shapes of one case; more are left out.
const SHAPES_MAX: usize = 15;
/// Rows shorter than this fraction of the longest are at the origin.
const AT_ORIGIN: f64 = 1e-6;

/// A minimum that may have a shape.
struct Minimum<'a> {
    orbit: usize,
    value: f64,
    nature: &'a str,
    rank: usize,
    hits: usize,
    file: &'a str,
}

/// A shape, in coordinates (right, depth, up).
struct Shape<'a> {
    minimum: Minimum<'a>,
    rows: Vec<Vector3<f64>>,
    means: Vec<Vector3<f64>>,
    origin: Vec<usize>,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let (mut found, mut problems, mut total) = (Vec::new(), Vec::new(), 0);
    for case in cases.iter().take(CASES_MAX) {
        let minima = minima(data, case);
        total += minima.len();
        let shapes: Vec<Shape> = minima
            .into_iter()
            .take(SHAPES_MAX)
            .filter_map(|minimum| {
                shape(data, minimum).map_err(|problem| problems.push(format!("{}: {problem}. ", case.label))).ok()
            })
            .collect();
        if !shapes.is_empty() {
            found.push((case, shapes));
        }
    }
    if found.is_empty() {
        let all = problems.concat();
        return Err(if all.is_empty() {
            "no minimum of rank 1 to 3 was found".into()
        } else {
            all.trim_end().trim_end_matches('.').into()
        });
    }
    let drawn = found.iter().map(|(_, shapes)| shapes.len()).sum();
    let (svg, csv) = picture(&found)?;
    Ok(Drawing { svg, csv, note: left_out(total, drawn, "minima") + problems.concat().trim_end() })
}

/// The minima of rank 1 to 3 of a case, by value: those of the census, or of the records where there is none.
fn minima<'a>(data: &'a RunData, case: &Case<'a>) -> Vec<Minimum<'a>> {
    let census = data.census.iter().flat_map(|census| &census.cases).find(|census| census.case == case.id);
    let of_census = census.iter().flat_map(|census| &census.orbits).filter_map(|orbit| {
        let file = orbit.point.as_deref()?;
        Some(Minimum { orbit: orbit.orbit, value: orbit.value, nature: &orbit.nature, rank: orbit.rank, hits: orbit.hits, file })
    });
    let of_records = case.groups().into_iter().filter_map(|group| {
        let record = group.record;
        Some(Minimum {
            orbit: record.orbit?,
            value: record.value,
            nature: record.nature.as_deref()?,
            rank: record.rank?,
            hits: group.hits,
            file: record.point.as_deref()?,
        })
    });
    let mut minima: Vec<Minimum> = if census.is_some() { of_census.collect() } else { of_records.collect() };
    minima.retain(|minimum| minimum.nature.ends_with("-minimum") && (1..=3).contains(&minimum.rank) && minimum.value.is_finite());
    minima.sort_by(|a, b| a.value.total_cmp(&b.value));
    minima
}

/// Rows and means in the principal directions of both.
fn shape<'a>(data: &RunData, minimum: Minimum<'a>) -> Result<Shape<'a>, String> {
    let point = data.point_file(minimum.file)?;
    let labels = point.labels.as_deref().ok_or("the point file has no labels")?;
    let means = class_means(&point, labels).ok_or("a label lies outside the classes, or a class has no sample")?;
    let longest = |m: &DMatrix<f64>| m.column_iter().map(|column| column.norm()).fold(0.0, f64::max);
    let rows = point.w.transpose();
    let scales = (longest(&rows), longest(&means));
    if !(scales.0 > 0.0 && scales.1 > 0.0 && scales.0.is_finite() && scales.1.is_finite()) {
        return Err("the point has no finite shape".into());
    }
    let (rows, means) = (rows / scales.0, means / scales.1);
    let classes = rows.ncols();
    let origin: Vec<usize> =
        (0..classes).filter(|&k| rows.column(k).norm() < AT_ORIGIN && means.column(k).norm() < AT_ORIGIN).collect();
    let stacked =
        DMatrix::from_fn(rows.nrows(), 2 * classes, |i, j| if j < classes { rows[(i, j)] } else { means[(i, j - classes)] });
    let found = crate::linalg::svd(&stacked);
    let used = minimum.rank.min(found.values.len());
    let project = |matrix: &DMatrix<f64>| -> Vec<Vector3<f64>> {
        let coordinate = |k: usize, axis: usize| if axis < used { found.u.column(axis).dot(&matrix.column(k)) } else { 0.0 };
        (0..classes).map(|k| Vector3::new(coordinate(k, 0), coordinate(k, 1), coordinate(k, 2))).collect()
    };
    let (rows, means) = (project(&rows), project(&means));
    let directed: Vec<Vector3<f64>> = (0..classes).filter(|k| !origin.contains(k)).map(|k| rows[k]).collect();
    let axes = turn(&directed, used);
    let turned = |points: Vec<Vector3<f64>>| -> Vec<Vector3<f64>> {
        points.iter().map(|point| Vector3::from(axes.map(|axis| axis.dot(point)))).collect()
    };
    Ok(Shape { minimum, rows: turned(rows), means: turned(means), origin })
}

fn picture(cases: &[(&Case, Vec<Shape>)]) -> Result<(String, String), String> {
    let columns = cases.iter().map(|(_, shapes)| shapes.len()).max().unwrap_or(1).min(COLUMNS);
    let width = (32.0 + columns as f64 * (CELL + GAP)).max(480.0);
    let row = CELL + 58.0;
    let lines = |shapes: &[Shape]| shapes.len().div_ceil(columns) as f64;
    let height = 40.0 + cases.iter().map(|(_, shapes)| 26.0 + lines(shapes) * row).sum::<f64>();
    let mut csv = Csv::new(&["case", "label", "orbit", "value", "matrix", "class", "right", "depth", "up", "at_origin"]);
    let heading = "Shapes of the minima";
    let svg = canvas::picture((width, height), heading, |sheet| {
        title(sheet, heading)?;
        let mut top = 40.0;
        for (case, shapes) in cases {
            let bold = Text { bold: true, ..Text::new(SMALL + 1.0, case.look.color, HPos::Left) };
            sheet.text((16.0, top + 14.0), &case.label, bold)?;
            top += 26.0;
            for (i, shape) in shapes.iter().enumerate() {
                let corner = (16.0 + (i % columns) as f64 * (CELL + GAP), top + (i / columns) as f64 * row + 30.0);
                draw_shape(sheet, corner, shape)?;
                table_rows(&mut csv, case, shape);
            }
            top += lines(shapes) * row;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn draw_shape(sheet: &Sheet, (x, y): (f64, f64), shape: &Shape) -> Drawn {
    let minimum = &shape.minimum;
    let heading = format!("f = {:.6}  ({})", minimum.value, minimum.nature.replace('-', " "));
    sheet.text((x, y - 18.0), &heading, Text::new(SMALL, INK, HPos::Left))?;
    let solid = minimum.rank == 3;
    let facts = format!("orbit {}, rank {}, {}, {} starts", minimum.orbit, minimum.rank, name(shape), minimum.hits);
    sheet.text((x, y - 5.0), &facts, Text::new(SMALL - 1.0, FAINT, HPos::Left))?;
    sheet.frame((x, y), (CELL, CELL), Stroke::new(RGBColor(0xcc, 0xcc, 0xcc), 1.0))?;
    let (azimuth, elevation): (f64, f64) = if solid { (0.42, 0.3) } else { (0.0, 0.0) };
    let (scale, centre) = (CELL / 2.7, (x + CELL / 2.0, y + CELL / 2.0));
    let at = |point: &Vector3<f64>| {
        let right = point.x * azimuth.cos() - point.y * azimuth.sin();
        let depth = point.x * azimuth.sin() + point.y * azimuth.cos();
        (centre.0 + scale * right, centre.1 - scale * (point.z * elevation.cos() + depth * elevation.sin()))
    };
    for (i, j) in sides(shape) {
        sheet.line(at(&shape.rows[i]), at(&shape.rows[j]), Stroke::new(LINE, 1.8))?;
    }
    for (k, (row, mean)) in shape.rows.iter().zip(&shape.means).enumerate().filter(|(k, _)| !shape.origin.contains(k)) {
        let tip = at(row);
        arrow(sheet, centre, tip)?;
        sheet.tipped(&format!("mean of class {k}"), || sheet.ring(at(mean), 5.0, Stroke::new(RING, 1.8)))?;
        let (dx, dy) = (tip.0 - centre.0, tip.1 - centre.1);
        let length = dx.hypot(dy).max(1.0);
        sheet.text(
            (tip.0 + 13.0 * dx / length, tip.1 + 13.0 * dy / length + 4.0),
            &k.to_string(),
            Text::new(SMALL, FAINT, HPos::Center),
        )?;
    }
    if !shape.origin.is_empty() {
        for (dx, dy) in [(5.0, 5.0), (5.0, -5.0)] {
            sheet.line((centre.0 - dx, centre.1 - dy), (centre.0 + dx, centre.1 + dy), Stroke::new(RING, 2.4))?;
        }
        let list = shape.origin.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let text = if shape.origin.len() == 1 { format!("class {list} at 0") } else { format!("classes {list} at 0") };
        sheet.text((x + 6.0, y + CELL - 8.0), &text, Text::new(SMALL - 1.0, RING, HPos::Left))?;
    }
    Ok(())
}

/// What the classes away from the origin make.
fn name(shape: &Shape) -> String {
    let corners = shape.rows.len() - shape.origin.len();
    match (shape.minimum.rank, corners) {
        (2, 3) => "triangle".into(),
        (2, 4) => "4 corners".into(),
        (1, _) => "line".into(),
        (_, n) => format!("{n} corners"),
    }
}

/// Pairs of neighbouring rows: round the origin in the plane, the nearest ones in space.
fn sides(shape: &Shape) -> Vec<(usize, usize)> {
    let mut rows: Vec<usize> = (0..shape.rows.len()).filter(|k| !shape.origin.contains(k)).collect();
    if shape.minimum.rank == 2 && rows.len() > 2 {
        let angle = |&k: &usize| shape.rows[k].z.atan2(shape.rows[k].x);
        rows.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
        return (0..rows.len()).map(|i| (rows[i], rows[(i + 1) % rows.len()])).collect();
    }
    let pairs: Vec<(usize, usize)> =
        (0..rows.len()).flat_map(|i| (i + 1..rows.len()).map(move |j| (i, j))).map(|(i, j)| (rows[i], rows[j])).collect();
    let length = |&(i, j): &(usize, usize)| (shape.rows[i] - shape.rows[j]).norm();
    let shortest = pairs.iter().map(length).filter(|&x| x > 1e-6).fold(f64::INFINITY, f64::min);
    pairs.into_iter().filter(|pair| length(pair) <= 1.2 * shortest).collect()
}

fn table_rows(csv: &mut Csv, case: &Case, shape: &Shape) {
    for (matrix, points) in [("W", &shape.rows), ("class means", &shape.means)] {
        for (class, point) in points.iter().enumerate() {
            csv.row(&[
                case.id.into(),
                case.label.clone(),
                shape.minimum.orbit.to_string(),
                cell(Some(shape.minimum.value)),
                matrix.into(),
                class.to_string(),
                cell(Some(point.x)),
                cell(Some(point.y)),
                cell(Some(point.z)),
                shape.origin.contains(&class).to_string(),
            ]);
        }
    }
}
