//! What plotters has no element for: lines with patterns of dashes, and markers of eight shapes.

use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters_backend::{BackendCoord, DrawingErrorKind};

use super::canvas::{Drawn, Sheet, Stroke, UNITS};

/// A length in units of the sheet.
pub(super) fn length(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

/// Points in units of the sheet, unless a coordinate is not finite.
pub(super) fn units<const N: usize>(points: [(f64, f64); N]) -> Option<Vec<(i32, i32)>> {
    let finite = points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
    finite.then(|| points.iter().map(|&(x, y)| (length(x), length(y))).collect())
}

/// A line through points of a chart or of the sheet, full or in dashes.
pub(super) struct Line<C> {
    points: Vec<C>,
    stroke: Stroke,
}

impl<C> Line<C> {
    pub(super) fn new(points: Vec<C>, stroke: Stroke) -> Self {
        Self { points, stroke }
    }
}

impl<'a, C: 'a> PointCollection<'a, C> for &'a Line<C> {
    type Point = &'a C;
    type IntoIter = &'a [C];

    fn point_iter(self) -> &'a [C] {
        &self.points
    }
}

impl<C, DB: DrawingBackend> Drawable<DB> for Line<C> {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        points: I,
        backend: &mut DB,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
        let points: Vec<BackendCoord> = points.collect();
        let style = self.stroke.style();
        if points.len() < 2 {
            return Ok(());
        }
        if self.stroke.dash.is_empty() {
            return backend.draw_path(points, &style);
        }
        dashes(&points, self.stroke.dash).into_iter().try_for_each(|dash| backend.draw_path(dash, &style))
    }
}

/// The dashes of a line: pieces of the pattern's even places, its odd ones are gaps. Dashes go round corners.
fn dashes(points: &[BackendCoord], pattern: &[f64]) -> Vec<Vec<BackendCoord>> {
    let near = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let (mut dashes, mut dash, mut place) = (Vec::new(), vec![points[0]], 0);
    let mut left = pattern[0] * UNITS;
    for pair in points.windows(2) {
        let [(x, y), end] = [pair[0], pair[1]].map(|(x, y)| (f64::from(x), f64::from(y)));
        let whole = (end.0 - x).hypot(end.1 - y);
        let mut gone = 0.0;
        while whole - gone > left {
            gone += left;
            let turn = near((x + (end.0 - x) * gone / whole, y + (end.1 - y) * gone / whole));
            if place % 2 == 0 {
                dash.push(turn);
                dashes.push(std::mem::take(&mut dash));
            } else {
                dash = vec![turn];
            }
            place = (place + 1) % pattern.len();
            left = pattern[place] * UNITS;
        }
        left -= whole - gone;
        if place % 2 == 0 {
            dash.push(pair[1]);
        }
    }
    dashes.push(dash);
    dashes.retain(|dash| dash.len() > 1);
    dashes
}

/// The shape of a point's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Pentagon,
    Hexagon,
    Star,
}

impl Marker {
    /// Corners as (turns from the top, radius), of about the circle's area; none for the circle.
    fn corners(self) -> Vec<(f64, f64)> {
        match self {
            Marker::Circle => Vec::new(),
            Marker::Square => polygon(4, 0.125, 1.25),
            Marker::Triangle => polygon(3, 0.0, 1.35),
            Marker::Diamond => polygon(4, 0.0, 1.3),
            Marker::TriangleDown => polygon(3, 0.5, 1.35),
            Marker::Pentagon => polygon(5, 0.0, 1.15),
            Marker::Hexagon => polygon(6, 0.0, 1.1),
            Marker::Star => (0..10).map(|i| (f64::from(i) / 10.0, if i % 2 == 0 { 1.45 } else { 0.65 })).collect(),
        }
    }
}

fn polygon(corners: u32, start: f64, scale: f64) -> Vec<(f64, f64)> {
    (0..corners).map(|i| (start + f64::from(i) / f64::from(corners), scale)).collect()
}

/// A marker, filled and outlined. Its coordinates are offsets from the point where it is put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    marker: Marker,
    radius: f64,
    fill: RGBColor,
    outline: RGBColor,
    offset: BackendCoord,
}

impl Mark {
    pub(super) fn new(marker: Marker, radius: f64, fill: RGBColor, outline: RGBColor) -> Self {
        Self { marker, radius, fill, outline, offset: (0, 0) }
    }

    /// The same marker, set aside by so many pixels.
    pub(super) fn aside(self, pixels: f64) -> Self {
        Self { offset: (length(pixels), 0), ..self }
    }

    /// Draws it at a place of the sheet, in pixels.
    pub(super) fn draw_on(self, sheet: &Sheet, at: (f64, f64)) -> Drawn {
        units([at]).map_or(Ok(()), |at| sheet.draw(&(EmptyElement::at(at[0]) + self)))
    }
}

impl<'a> PointCollection<'a, BackendCoord> for &'a Mark {
    type Point = &'a BackendCoord;
    type IntoIter = std::iter::Once<&'a BackendCoord>;

    fn point_iter(self) -> Self::IntoIter {
        std::iter::once(&self.offset)
    }
}

impl<DB: DrawingBackend> Drawable<DB> for Mark {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut points: I,
        backend: &mut DB,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<DB::ErrorType>> {
        let Some((x, y)) = points.next() else { return Ok(()) };
        let (fill, outline) = (self.fill.filled(), Stroke::new(self.outline, 1.6).style());
        let at = |(turns, scale): (f64, f64)| {
            let angle = std::f64::consts::TAU * turns;
            (x + length(self.radius * scale * angle.sin()), y - length(self.radius * scale * angle.cos()))
        };
        let corners: Vec<BackendCoord> = self.marker.corners().into_iter().map(at).collect();
        if corners.is_empty() {
            let radius = length(self.radius).unsigned_abs();
            backend.draw_circle((x, y), radius, &fill, true)?;
            return backend.draw_circle((x, y), radius, &outline, false);
        }
        backend.fill_polygon(corners.iter().copied(), &fill)?;
        // The first side twice, so that the first corner is joined like the others.
        backend.draw_path(corners.iter().chain(&corners[..2]).copied(), &outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_follow_the_pattern_round_corners() {
        let line = [(0, 0), (100, 0), (100, 100)];
        let expected = vec![vec![(0, 0), (80, 0)], vec![(100, 10), (100, 90)]];
        assert_eq!(dashes(&line, &[8.0, 3.0]), expected);
        let expected = vec![vec![(0, 0), (100, 0), (100, 20)], vec![(100, 60), (100, 70)], vec![(100, 90), (100, 100)]];
        assert_eq!(dashes(&line, &[12.0, 4.0, 1.0, 2.0]), expected);
        assert_eq!(dashes(&[(0, 0), (0, 0), (20, 0)], &[8.0, 3.0]), vec![vec![(0, 0), (0, 0), (20, 0)]]);
        // Lengths of dashes and gaps add up to the line, however it is cut into pieces.
        let cut: Vec<BackendCoord> = (0..=100).map(|i| (i, 0)).collect();
        let drawn =
            |dashes: Vec<Vec<BackendCoord>>| -> i32 { dashes.iter().map(|dash| dash[dash.len() - 1].0 - dash[0].0).sum() };
        assert_eq!(drawn(dashes(&cut, &[2.5, 2.5])), drawn(dashes(&[(0, 0), (100, 0)], &[2.5, 2.5])));
    }

    #[test]
    fn every_marker_has_about_the_area_of_the_circle() {
        for marker in [
            Marker::Square,
            Marker::Triangle,
            Marker::Diamond,
            Marker::TriangleDown,
            Marker::Pentagon,
            Marker::Hexagon,
            Marker::Star,
        ] {
            let corners = marker.corners();
            let at = |i: usize| {
                let (turns, scale) = corners[i % corners.len()];
                (scale * (std::f64::consts::TAU * turns).sin(), scale * (std::f64::consts::TAU * turns).cos())
            };
            let area: f64 = (0..corners.len()).map(|i| 0.5 * (at(i + 1).0 * at(i).1 - at(i).0 * at(i + 1).1)).sum();
            assert!((0.7..1.15).contains(&(area / std::f64::consts::PI)), "{marker:?}: {area}");
        }
    }
}
