//! What all figures look like: colours, dashes, markers, sizes, legends.

use super::svg::{Anchor, Stroke, Svg, Text, text_width};

/// Ink of text and axes.
pub(super) const INK: &str = "#222222";
/// Ink of secondary text.
pub(super) const FAINT: &str = "#666666";
/// Grid lines.
pub(super) const GRID: &str = "#e4e4e4";
/// Size of tick labels and legends.
pub(super) const SMALL: f64 = 11.0;
/// Size of axis labels.
pub(super) const NORMAL: f64 = 12.0;
/// Size of a figure's title.
pub(super) const TITLE: f64 = 15.0;

/// Okabe and Ito's colours, which stay apart for every common kind of colour blindness; their yellow is too light on white and grey takes its place.
const COLORS: [&str; 8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#888888"];
/// Dashes, so that lines stay apart in grey print too.
const DASHES: [&str; 8] = ["", "8 3", "2.5 2.5", "9 3 2 3", "14 4", "5 2 1.5 2 1.5 2", "1.5 4", "12 3 5 3"];
const MARKERS: [Marker; 8] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::TriangleDown,
    Marker::Pentagon,
    Marker::Hexagon,
    Marker::Star,
];

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

/// How one series looks in every figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) color: &'static str,
    pub(super) dash: &'static str,
    pub(super) marker: Marker,
}

/// The look of the series at a position. Eight are told apart by colour; the next eight by shape.
pub(super) fn look(position: usize) -> Look {
    let shifted = (position + position / COLORS.len() * 3) % MARKERS.len();
    Look { color: COLORS[position % COLORS.len()], dash: DASHES[shifted], marker: MARKERS[shifted] }
}

impl Look {
    /// The series' line.
    pub(super) fn stroke(&self, width: f64) -> Stroke<'static> {
        Stroke { color: self.color, width, dash: self.dash }
    }
}

/// Draws a marker, filled with `fill`, outlined in `color`.
pub(super) fn mark(
    svg: &mut Svg,
    marker: Marker,
    (x, y): (f64, f64),
    radius: f64,
    fill: &str,
    color: &str,
    tooltip: Option<&str>,
) {
    let stroke = Stroke::new(color, 1.6);
    // Corners as (turns from the top, radius), of about the circle's area.
    let corners: Vec<(f64, f64)> = match marker {
        Marker::Circle => return svg.circle((x, y), radius, fill, stroke, tooltip),
        Marker::Square => polygon(4, 0.125, 1.25),
        Marker::Triangle => polygon(3, 0.0, 1.35),
        Marker::Diamond => polygon(4, 0.0, 1.3),
        Marker::TriangleDown => polygon(3, 0.5, 1.35),
        Marker::Pentagon => polygon(5, 0.0, 1.15),
        Marker::Hexagon => polygon(6, 0.0, 1.1),
        Marker::Star => (0..10).map(|i| (f64::from(i) / 10.0, if i % 2 == 0 { 1.45 } else { 0.65 })).collect(),
    };
    let at = |&(turns, scale): &(f64, f64)| {
        let angle = std::f64::consts::TAU * turns;
        (x + radius * scale * angle.sin(), y - radius * scale * angle.cos())
    };
    let points: Vec<(f64, f64)> = corners.iter().map(at).collect();
    svg.path(&points, stroke, Some(fill), tooltip);
}

fn polygon(corners: u32, start: f64, scale: f64) -> Vec<(f64, f64)> {
    (0..corners).map(|i| (start + f64::from(i) / f64::from(corners), scale)).collect()
}

/// What stands before a legend's text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// A piece of the series' line.
    Line(Look),
    /// The series' marker, filled.
    Marker(Look),
    /// A marker with a fill and an outline.
    Shape(Marker, &'static str, &'static str),
}

/// A legend above the panels, as many rows as it needs; nothing is drawn over data.
#[derive(Debug)]
pub(super) struct Legend {
    entries: Vec<(Key, String)>,
    left: f64,
    width: f64,
}

const LEGEND_ROW: f64 = 19.0;
const KEY_WIDTH: f64 = 32.0;

impl Legend {
    pub(super) fn new(entries: Vec<(Key, String)>, left: f64, width: f64) -> Self {
        Self { entries, left, width }
    }

    /// Row and left edge of every entry.
    fn places(&self) -> Vec<(usize, f64)> {
        let (mut row, mut x) = (0, 0.0);
        let mut places = Vec::new();
        for (_, text) in &self.entries {
            let width = KEY_WIDTH + text_width(text, SMALL) + 20.0;
            if x > 0.0 && x + width > self.width {
                (row, x) = (row + 1, 0.0);
            }
            places.push((row, x));
            x += width;
        }
        places
    }

    pub(super) fn height(&self) -> f64 {
        self.places().last().map_or(0.0, |&(row, _)| (row + 1) as f64 * LEGEND_ROW)
    }

    pub(super) fn draw(&self, svg: &mut Svg, top: f64) {
        for ((key, text), (row, x)) in self.entries.iter().zip(self.places()) {
            let (x, y) = (self.left + x, top + row as f64 * LEGEND_ROW + LEGEND_ROW / 2.0);
            let middle = (x + KEY_WIDTH / 2.0 - 3.0, y);
            match *key {
                Key::Line(look) => svg.line((x, y), (x + KEY_WIDTH - 6.0, y), look.stroke(2.0)),
                Key::Marker(look) => mark(svg, look.marker, middle, 4.5, look.color, look.color, None),
                Key::Shape(marker, fill, outline) => mark(svg, marker, middle, 4.5, fill, outline, None),
            }
            svg.text((x + KEY_WIDTH, y + SMALL * 0.36), text, Text::new(SMALL, INK, Anchor::Start));
        }
    }
}

/// A figure's title at its upper left.
pub(super) fn title(svg: &mut Svg, text: &str) {
    svg.text((14.0, 24.0), text, Text { bold: true, ..Text::new(TITLE, INK, Anchor::Start) });
}
