//! The simplex of three or four classes, drawn in its two or three principal directions.

use nalgebra::{DMatrix, DVector, Vector3};
use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::super::canvas::{Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::Case;
use super::super::style::{FAINT, INK};

const RING: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const DOT: RGBColor = RGBColor(0x56, 0xb4, 0xe9);

/// More samples than this are thinned out: they would hide each other.
const SAMPLES_MAX: usize = 400;

/// Rows of W, class means and samples in two or three coordinates, turned so that class 0 points up.
pub(super) struct Geometry {
    rows: Vec<Vector3<f64>>,
    means: Vec<Vector3<f64>>,
    samples: Vec<Vector3<f64>>,
    /// How much of the squared norm of W and H̄ (each scaled) lies in these directions.
    share: f64,
    solid: bool,
}

/// The geometry of a point of three or four classes; `means` (d×K) are centred, `overall` is the mean of the features `h`.
pub(super) fn geometry(w: &DMatrix<f64>, means: &DMatrix<f64>, h: &DMatrix<f64>, overall: &DVector<f64>) -> Option<Geometry> {
    let classes = w.nrows();
    let directions = match classes {
        3 => 2,
        4 => 3,
        _ => return None,
    };
    let (w, scale) = (w.transpose() / longest(&w.transpose())?, longest(means)?);
    let means = means / scale;
    let stacked = DMatrix::from_fn(w.nrows(), 2 * classes, |i, j| if j < classes { w[(i, j)] } else { means[(i, j - classes)] });
    let svd = stacked.svd(true, false);
    let mut order: Vec<usize> = (0..svd.singular_values.len()).collect();
    order.sort_by(|&a, &b| svd.singular_values[b].total_cmp(&svd.singular_values[a]));
    let basis = svd.u?;
    let squares: f64 = svd.singular_values.iter().map(|s| s * s).sum();
    let kept: f64 = order.iter().take(directions).map(|&i| svd.singular_values[i].powi(2)).sum();

    let project = |column: DVector<f64>| {
        let coordinate =
            |axis: usize| if axis < directions { order.get(axis).map_or(0.0, |&i| basis.column(i).dot(&column)) } else { 0.0 };
        Vector3::new(coordinate(0), coordinate(1), coordinate(2))
    };
    let columns = |matrix: &DMatrix<f64>| -> Vec<Vector3<f64>> {
        matrix.column_iter().map(|column| project(column.into_owned())).collect()
    };
    let (rows, means) = (columns(&w), columns(&means));
    let step = h.ncols().div_ceil(SAMPLES_MAX);
    let samples: Vec<_> = h.column_iter().step_by(step).map(|column| project((column - overall) / scale)).collect();
    let turn = turn(&rows, directions);
    let turned =
        |points: Vec<Vector3<f64>>| points.iter().map(|point| turn.map(|axis| axis.dot(point))).map(Vector3::from).collect();
    Some(Geometry {
        rows: turned(rows),
        means: turned(means),
        samples: turned(samples),
        share: kept / squares,
        solid: directions == 3,
    })
}

/// The length of the longest column, unless all are zero.
fn longest(matrix: &DMatrix<f64>) -> Option<f64> {
    Some(matrix.column_iter().map(|column| column.norm()).fold(0.0, f64::max)).filter(|&length| length > 0.0)
}

/// Axes (right, depth, up) with class 0 up, class 1 to the right and class 2 in front: the same picture whatever the rotation of the features.
pub(super) fn turn(rows: &[Vector3<f64>], directions: usize) -> [Vector3<f64>; 3] {
    let mut axes: Vec<Vector3<f64>> = Vec::new();
    let fallback = [Vector3::y(), Vector3::x(), Vector3::z()];
    for candidate in rows.iter().take(directions).chain(&fallback) {
        let rest = axes.iter().fold(*candidate, |rest, axis| rest - axis * axis.dot(&rest));
        if rest.norm() > 1e-6 && axes.len() < 3 {
            axes.push(rest.normalize());
        }
    }
    [axes[1], axes[2], axes[0]]
}

impl Geometry {
    /// Hundred times the share, to a tenth.
    pub(super) fn share_percent(&self) -> f64 {
        (self.share * 1000.0).round() / 10.0
    }

    /// Draws into a square; in three dimensions as seen from a little above.
    pub(super) fn draw(&self, sheet: &Sheet, (x, y): (f64, f64), size: f64) -> Drawn {
        let (azimuth, elevation): (f64, f64) = if self.solid { (0.42, 0.3) } else { (0.0, 0.0) };
        let reach = self.rows.iter().chain(&self.means).chain(&self.samples).map(Vector3::norm).fold(1.0, f64::max);
        let (scale, centre) = (size / 2.4 / reach.min(1.6), (x + size / 2.0, y + size * if self.solid { 0.56 } else { 0.6 }));
        let at = |point: &Vector3<f64>| {
            let right = point.x * azimuth.cos() - point.y * azimuth.sin();
            let depth = point.x * azimuth.sin() + point.y * azimuth.cos();
            let up = point.z * elevation.cos() + depth * elevation.sin();
            (centre.0 + scale * right, centre.1 - scale * up)
        };
        sheet.frame((x, y), (size, size), Stroke::new(RGBColor(0xcc, 0xcc, 0xcc), 1.0))?;
        for (i, one) in self.rows.iter().enumerate() {
            for other in &self.rows[i + 1..] {
                let dotted = Stroke { dash: &[2.0, 3.0], ..Stroke::new(RGBColor(0xaa, 0xaa, 0xaa), 1.0) };
                sheet.line(at(one), at(other), dotted)?;
            }
        }
        for sample in self.samples.iter().filter(|sample| sample.norm() <= 1.6) {
            sheet.disc(at(sample), 2.0, DOT)?;
        }
        for (k, row) in self.rows.iter().enumerate() {
            arrow(sheet, centre, at(row))?;
            let tip = at(row);
            let (dx, dy) = (tip.0 - centre.0, tip.1 - centre.1);
            let length = dx.hypot(dy).max(1.0);
            let beside = (tip.0 + 12.0 * dx / length, tip.1 + 12.0 * dy / length + 4.0);
            sheet.text(beside, &k.to_string(), Text::new(11.0, FAINT, HPos::Center))?;
        }
        for (k, mean) in self.means.iter().enumerate() {
            sheet.tipped(&format!("mean of class {k}"), || sheet.ring(at(mean), 5.0, Stroke::new(RING, 1.8)))?;
        }
        Ok(())
    }

    /// The coordinates, for the table: matrix "W" or "means", row = class, column = coordinate.
    pub(super) fn rows(&self, csv: &mut Csv, case: &Case, start_index: usize) {
        for (name, points) in [("W projected", &self.rows), ("class means projected", &self.means)] {
            for (class, point) in points.iter().enumerate() {
                for (axis, &value) in point.iter().enumerate() {
                    let (row, column) = (class.to_string(), axis.to_string());
                    csv.row(&[
                        case.id.into(),
                        case.label.clone(),
                        start_index.to_string(),
                        name.into(),
                        row,
                        column,
                        cell(Some(value)),
                    ]);
                }
            }
        }
    }
}

pub(super) fn arrow(sheet: &Sheet, from: (f64, f64), to: (f64, f64)) -> Drawn {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    sheet.line(from, to, Stroke::new(INK, 1.6))?;
    if length > 8.0 {
        let (ux, uy) = (dx / length, dy / length);
        let wing = |side: f64| (to.0 - 7.0 * ux + side * 3.2 * uy, to.1 - 7.0 * uy - side * 3.2 * ux);
        sheet.polygon([to, wing(1.0), wing(-1.0)], INK)?;
    }
    Ok(())
}
