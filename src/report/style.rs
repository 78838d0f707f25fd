//! What all figures look like: colours, dashes, markers, sizes, legends.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::canvas::{Drawn, Sheet, Stroke, Text, text_width};
use super::elements::{Mark, Marker};

/// Ink of text and axes.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Ink of secondary text.
pub(super) const FAINT: RGBColor = RGBColor(0x66, 0x66, 0x66);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);
/// Size of tick labels and legends.
pub(super) const SMALL: f64 = 11.0;
/// Size of axis labels.
pub(super) const NORMAL: f64 = 12.0;
/// Size of a figure's title.
pub(super) const TITLE: f64 = 15.0;

/// Okabe and Ito's colours, which stay apart for every common kind of colour blindness; their yellow is too light on white and grey takes its place.
const COLORS: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0x88, 0x88, 0x88),
];
/// Dashes, so that lines stay apart in grey print too.
const DASHES: [&[f64]; 8] = [
    &[],
    &[8.0, 3.0],
    &[2.5, 2.5],
    &[9.0, 3.0, 2.0, 3.0],
    &[14.0, 4.0],
    &[5.0, 2.0, 1.5, 2.0, 1.5, 2.0],
    &[1.5, 4.0],
    &[12.0, 3.0, 5.0, 3.0],
];
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

/// How one series looks in every figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) color: RGBColor,
    pub(super) dash: &'static [f64],
    pub(super) marker: Marker,
}

/// The look of the series at `shape` among those of one loss, which all have that loss's color: solvers or cells of several losses, told apart by shape.
pub(super) fn look_in_family(color: usize, shape: usize) -> Look {
    let shape = shape % MARKERS.len();
    Look { color: COLORS[color % COLORS.len()], dash: DASHES[shape], marker: MARKERS[shape] }
}

/// The look of the series at a position. Eight are told apart by colour; the next eight by shape.
pub(super) fn look(position: usize) -> Look {
    let shifted = (position + position / COLORS.len() * 3) % MARKERS.len();
    Look { color: COLORS[position % COLORS.len()], dash: DASHES[shifted], marker: MARKERS[shifted] }
}

impl Look {
    /// The series' line.
    pub(super) fn stroke(&self, width: f64) -> Stroke {
        Stroke { color: self.color, width, dash: self.dash }
    }

    /// The series' marker, filled.
    pub(super) fn mark(&self, radius: f64) -> Mark {
        Mark::new(self.marker, radius, self.color, self.color)
    }

    /// The colour in the words of style sheets.
    pub(super) fn hex(&self) -> String {
        let RGBColor(red, green, blue) = self.color;
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

/// What stands before a legend's text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// A piece of the series' line.
    Line(Look),
    /// The series' marker, filled.
    Marker(Look),
    /// The series' line with its marker on it.
    Both(Look),
    /// A marker with a fill and an outline.
    Shape(Marker, RGBColor, RGBColor),
    /// A small dot.
    Dot(RGBColor),
    /// A piece of an upright line: an edge between phases.
    Upright(RGBColor),
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

    pub(super) fn draw(&self, sheet: &Sheet, top: f64) -> Drawn {
        for ((key, text), (row, x)) in self.entries.iter().zip(self.places()) {
            let (x, y) = (self.left + x, top + row as f64 * LEGEND_ROW + LEGEND_ROW / 2.0);
            let middle = (x + KEY_WIDTH / 2.0 - 3.0, y);
            match *key {
                Key::Line(look) => sheet.line((x, y), (x + KEY_WIDTH - 6.0, y), look.stroke(2.0))?,
                Key::Both(look) => {
                    sheet.line((x, y), (x + KEY_WIDTH - 6.0, y), look.stroke(2.0))?;
                    look.mark(3.4).draw_on(sheet, middle)?;
                }
                Key::Marker(look) => look.mark(4.5).draw_on(sheet, middle)?,
                Key::Dot(color) => Mark::new(Marker::Circle, 2.2, color, color).draw_on(sheet, middle)?,
                Key::Upright(color) => sheet.line((middle.0, y - 6.0), (middle.0, y + 6.0), Stroke::new(color, 1.4))?,
                Key::Shape(marker, fill, outline) => Mark::new(marker, 4.5, fill, outline).draw_on(sheet, middle)?,
            }
            sheet.text((x + KEY_WIDTH, y + SMALL * 0.36), text, Text::new(SMALL, INK, HPos::Left))?;
        }
        Ok(())
    }
}

/// A figure's title, formula text, at its upper left.
pub(super) fn title(sheet: &Sheet, text: &str) -> Drawn {
    sheet.formula((14.0, 24.0), text, Text { bold: true, ..Text::new(TITLE, INK, HPos::Left) })
}

/// From dark blue (0) through green to light yellow (1). Lightness rises evenly, so it tells the order in grey print too.
pub(super) fn sequential(t: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 6] = [
        [24.0, 24.0, 78.0],
        [36.0, 66.0, 125.0],
        [33.0, 115.0, 136.0],
        [58.0, 160.0, 118.0],
        [160.0, 205.0, 95.0],
        [250.0, 240.0, 170.0],
    ];
    mix(&STOPS, t.clamp(0.0, 1.0))
}

/// From blue (−1) through white (0) to red (1): two hues that every common kind of colour blindness keeps apart.
pub(super) fn diverging(t: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 5] =
        [[33.0, 102.0, 172.0], [146.0, 197.0, 222.0], [247.0, 247.0, 247.0], [244.0, 165.0, 130.0], [178.0, 24.0, 43.0]];
    mix(&STOPS, (t.clamp(-1.0, 1.0) + 1.0) / 2.0)
}

/// The colour at `t` in [0, 1] of a row of colours at equal distances.
fn mix(stops: &[[f64; 3]], t: f64) -> RGBColor {
    let place = t * (stops.len() - 1) as f64;
    let low = (place.floor() as usize).min(stops.len() - 2);
    let channel = |c: usize| (stops[low][c] + (place - low as f64) * (stops[low + 1][c] - stops[low][c])).round() as u8;
    RGBColor(channel(0), channel(1), channel(2))
}

/// How light a colour looks: L* of CIELAB, from 0 (black) to 100 (white).
pub(super) fn lightness(RGBColor(red, green, blue): RGBColor) -> f64 {
    let linear = |channel: u8| {
        let x = f64::from(channel) / 255.0;
        if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    if luminance > 0.008_856 { 116.0 * luminance.cbrt() - 16.0 } else { 903.3 * luminance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lightness_of_known_colours() {
        for (color, expected) in [(RGBColor(0, 0, 0), 0.0), (RGBColor(255, 255, 255), 100.0), (RGBColor(119, 119, 119), 50.03)] {
            assert!((lightness(color) - expected).abs() < 0.02, "{color:?}");
        }
    }

    #[test]
    fn colours_of_numbers_are_perceptually_even() {
        let at: Vec<f64> = (0..=40).map(|i| lightness(sequential(f64::from(i) / 40.0))).collect();
        let mean = (at[40] - at[0]) / 40.0;
        assert!(mean > 1.9, "{at:?}");
        for pair in at.windows(2) {
            let step = (pair[1] - pair[0]) / mean;
            assert!((0.6..1.5).contains(&step), "a step of {step} times the mean");
        }
        // Both arms of the other fall from white, nearly alike.
        for i in 1..=20 {
            let t = f64::from(i) / 20.0;
            let (cold, warm) = (lightness(diverging(-t)), lightness(diverging(t)));
            assert!((cold - warm).abs() < 6.0, "{t}: {cold}, {warm}");
            assert!(warm < lightness(diverging(t - 0.05)) && cold < lightness(diverging(0.05 - t)), "{t}");
        }
        assert_eq!((sequential(-1.0), sequential(2.0)), (sequential(0.0), sequential(1.0)));
    }
}
