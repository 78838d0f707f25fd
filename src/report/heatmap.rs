//! Heat maps: cells coloured by a number, with values written into them, a colour bar, and lines over them.
//!
//! A [`HeatMap`] has two [`Side`]s, each a row of named places or of numbers on a scale; a [`Shade`] turns numbers into colours and draws the bar that explains them.

use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, WHITE};

use super::axes::Scale;
use super::canvas::{Drawn, Sheet, Stroke, Text, text_width};
use super::elements::{Line, units};
use super::style::{FAINT, INK, NORMAL, SMALL, diverging, lightness, sequential};

const TICK: f64 = 4.0;
/// How wide a colour bar is.
const BAR: f64 = 14.0;
/// Colours of a bar.
const STEPS: u32 = 64;
/// Fill of cells without a number.
const MISSING: RGBColor = RGBColor(0xf2, 0xf2, 0xf2);

/// From numbers to colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shade {
    scale: Scale,
    signed: bool,
}

impl Shade {
    /// From dark (low) to light (high), even along the scale.
    pub(super) fn rising(scale: Scale) -> Self {
        Self { scale, signed: false }
    }

    /// Blue below zero, white at it, red above; the deepest at ±`limit`.
    pub(super) fn signed(limit: f64) -> Self {
        Self { scale: Scale::Linear { low: -limit, high: limit }, signed: true }
    }

    /// The number's colour; numbers beyond an end of the scale have the end's, and those without a place (NaN, negative ones on a logarithmic scale) none.
    pub(super) fn color(&self, value: f64) -> Option<RGBColor> {
        let t = match self.scale {
            // Zero is less than all that a logarithmic scale holds.
            Scale::Log { .. } if value.abs() < f64::MIN_POSITIVE => 0.0,
            scale => scale.fraction(value),
        };
        (!t.is_nan()).then(|| self.at(t))
    }

    fn at(&self, t: f64) -> RGBColor {
        if self.signed { diverging(2.0 * t - 1.0) } else { sequential(t) }
    }

    /// The bar of all colours with ticks and what they measure (formula text), its upper left corner here. Returns how wide it is with its labels.
    pub(super) fn bar(&self, sheet: &Sheet, (x, y): (f64, f64), height: f64, what: &str) -> Drawn<f64> {
        let step = height / f64::from(STEPS);
        for i in 0..STEPS {
            // Each reaches to the lower end under those that follow: no seam shows.
            let above = step * f64::from(i);
            sheet.rect((x, y + above), (BAR, height - above), self.at(1.0 - (f64::from(i) + 0.5) / f64::from(STEPS)))?;
        }
        let thin = Stroke::new(FAINT, 1.0);
        sheet.frame((x, y), (BAR, height), thin)?;
        let mut widest: f64 = 0.0;
        for (value, label) in self.scale.ticks((height / 34.0).clamp(2.0, 6.0) as usize) {
            let place = y + height * (1.0 - self.scale.fraction(value));
            let length = if label.is_empty() { 0.6 * TICK } else { TICK };
            sheet.line((x + BAR, place), (x + BAR + length, place), thin)?;
            sheet.formula((x + BAR + 7.0, place + 0.36 * SMALL), &label, Text::new(SMALL, INK, HPos::Left))?;
            widest = widest.max(text_width(&label.replace(['^', '{', '}'], ""), SMALL));
        }
        let middle = x + BAR + 7.0 + widest + 14.0;
        sheet.formula((middle, y + height / 2.0), what, Text { upright: true, ..Text::new(SMALL, INK, HPos::Center) })?;
        Ok(middle + 6.0 - x)
    }
}

/// What a cell shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Its colour; cells without one are struck through.
    pub(super) fill: Option<RGBColor>,
    /// Written into it, where it fits.
    pub(super) label: String,
    /// Its tooltip; none where it is empty.
    pub(super) tip: String,
}

/// One side of a heat map.
#[derive(Clone, Debug)]
pub(super) enum Side {
    /// Cells of equal size with these names; a line's coordinate counts cells.
    Places(Vec<String>),
    /// Cells between these numbers, one more than there are cells, ascending on the scale.
    Numbers { scale: Scale, edges: Vec<f64> },
}

impl Side {
    /// Cells around ascending numbers, their edges half-way between (in factors where `logarithmic`); `None` where there are none or one has no place.
    pub(super) fn around(centres: &[f64], logarithmic: bool) -> Option<Self> {
        let to = |x: f64| if logarithmic { x.ln() } else { x };
        let from = |x: f64| if logarithmic { x.exp() } else { x };
        let at: Vec<f64> = centres.iter().copied().map(to).collect();
        let last = at.len().checked_sub(1)?;
        if !(at.iter().all(|x| x.is_finite()) && at.windows(2).all(|pair| pair[0] < pair[1])) {
            return None;
        }
        let half = |i: usize, j: usize| 0.5 * (at[j] - at[i]);
        // A single cell has no neighbour to say how wide it is.
        let (first, end) = if last > 0 { (half(0, 1), half(last - 1, last)) } else { (0.5, 0.5) };
        let mut edges = vec![from(at[0] - first)];
        edges.extend(at.windows(2).map(|pair| from(0.5 * (pair[0] + pair[1]))));
        edges.push(from(at[last] + end));
        let (low, high) = (edges[0], edges[last + 1]);
        let scale = if logarithmic { Scale::Log { low, high } } else { Scale::Linear { low, high } };
        Some(Self::Numbers { scale, edges })
    }

    /// The number of cells.
    fn len(&self) -> usize {
        match self {
            Side::Places(names) => names.len(),
            Side::Numbers { edges, .. } => edges.len().saturating_sub(1),
        }
    }

    /// Where a coordinate lies, as a fraction of the side.
    fn fraction(&self, x: f64) -> f64 {
        match self {
            Side::Places(names) => x / names.len() as f64,
            Side::Numbers { scale, .. } => scale.fraction(x),
        }
    }

    /// The ends of a cell, as fractions.
    fn cell(&self, i: usize) -> (f64, f64) {
        match self {
            Side::Places(_) => (self.fraction(i as f64), self.fraction((i + 1) as f64)),
            Side::Numbers { edges, .. } => (self.fraction(edges[i]), self.fraction(edges[i + 1])),
        }
    }

    /// Fractions and labels of what is written along the side; `room` labels fit.
    fn ticks(&self, room: f64) -> Vec<(f64, String)> {
        match self {
            Side::Places(names) => {
                let stride = (names.len() as f64 / room.max(1.0)).ceil().max(1.0) as usize;
                let middle = |i: usize| (self.fraction(i as f64 + 0.5), names[i].clone());
                (0..names.len()).step_by(stride).map(middle).collect()
            }
            Side::Numbers { scale, .. } => {
                let count = room.clamp(2.0, 8.0) as usize;
                scale.ticks(count).into_iter().map(|(x, label)| (scale.fraction(x), label)).collect()
            }
        }
    }

    /// Labels along a side of this length: names are as wide as they are.
    fn room(&self, length: f64) -> f64 {
        match self {
            Side::Places(names) => {
                length / (names.iter().map(|name| text_width(name, SMALL)).fold(0.0, f64::max) + 0.6 * SMALL).max(1.0)
            }
            // Powers of ten are short.
            Side::Numbers { scale: Scale::Log { low, high }, .. } if high / low > 200.0 => length / 40.0,
            Side::Numbers { .. } => length / 60.0,
        }
    }
}

/// A rectangle of cells.
#[derive(Clone, Debug)]
pub(super) struct HeatMap {
    /// Upper left corner.
    pub(super) corner: (f64, f64),
    /// Width and height.
    pub(super) size: (f64, f64),
    /// Its columns, from the left.
    pub(super) across: Side,
    /// Its rows: from below, or from above where `downwards`.
    pub(super) up: Side,
    /// Whether the first row is the uppermost, as in a matrix.
    pub(super) downwards: bool,
}

impl HeatMap {
    /// Draws the cells that `cell(row, column)` describes, the frame and the ticks. Titles of the sides are formula text; an empty one is left out.
    pub(super) fn draw(&self, sheet: &Sheet, (across, up): (&str, &str), mut cell: impl FnMut(usize, usize) -> Cell) -> Drawn {
        for row in 0..self.up.len() {
            for column in 0..self.across.len() {
                self.cell(sheet, (row, column), &cell(row, column))?;
            }
        }
        sheet.frame(self.corner, self.size, Stroke::new(FAINT, 1.0))?;
        self.labels(sheet)?;
        let ((left, top), (width, height)) = (self.corner, self.size);
        let text = Text::new(NORMAL, INK, HPos::Center);
        sheet.formula((left + width / 2.0, top + height + 32.0), across, text)?;
        sheet.formula((left - self.label_width() - 14.0, top + height / 2.0), up, Text { upright: true, ..text })
    }

    /// How far the labels of the rows reach to the left.
    fn label_width(&self) -> f64 {
        let ticks = self.up.ticks(self.size.1 / 26.0);
        ticks.iter().map(|(_, label)| text_width(&label.replace(['^', '{', '}'], ""), SMALL)).fold(0.0, f64::max) + TICK + 4.0
    }

    /// A line over the cells through points in the sides' coordinates, dark on a light ground so that it shows on every colour. Points without a place, or
    /// beyond the map, are drawn at its edge.
    pub(super) fn line(&self, sheet: &Sheet, points: &[(f64, f64)], stroke: Stroke) -> Drawn {
        let place = |&(x, y): &(f64, f64)| self.place(self.across.fraction(x), self.up.fraction(y));
        let places: Vec<(f64, f64)> = points.iter().map(place).collect();
        let whole: Vec<(i32, i32)> = places.iter().filter_map(|&at| units([at])).flatten().collect();
        sheet.draw(&Line::new(whole.clone(), Stroke::new(WHITE, stroke.width + 2.4)))?;
        sheet.draw(&Line::new(whole, stroke))
    }

    /// The place of fractions of the sides, kept inside.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let ((left, top), (width, height)) = (self.corner, self.size);
        let down = if self.downwards { y } else { 1.0 - y };
        (left + width * x.clamp(0.0, 1.0), top + height * down.clamp(0.0, 1.0))
    }

    fn cell(&self, sheet: &Sheet, (row, column): (usize, usize), cell: &Cell) -> Drawn {
        let ((from, to), (first, last)) = (self.across.cell(column), self.up.cell(row));
        let (a, b) = (self.place(from, first), self.place(to, last));
        let (left, top, right, bottom) = (a.0, a.1.min(b.1), b.0, a.1.max(b.1));
        let edge = (self.corner.0 + self.size.0, self.corner.1 + self.size.1);
        let body = || {
            let Some(fill) = cell.fill else {
                sheet.rect((left, top), (right - left, bottom - top), MISSING)?;
                return sheet.line((left, bottom), (right, top), Stroke::new(FAINT, 0.7));
            };
            // A pixel over the next cell, or white seams show between them. Rows from below are drawn upwards, so they reach up.
            let right = (right + 1.0).min(edge.0);
            let (top, bottom) =
                if self.downwards { (top, (bottom + 1.0).min(edge.1)) } else { ((top - 1.0).max(self.corner.1), bottom) };
            sheet.rect((left, top), (right - left, bottom - top), fill)
        };
        if cell.tip.is_empty() {
            body()?
        } else {
            sheet.tipped(&cell.tip, body)?
        }
        let fits = text_width(&cell.label, SMALL) + 2.0 <= right - left && SMALL <= bottom - top;
        if !fits {
            return Ok(());
        }
        let ink = if cell.fill.is_some_and(|fill| lightness(fill) < 55.0) { WHITE } else { INK };
        let middle = ((left + right) / 2.0, (top + bottom) / 2.0 + 0.36 * SMALL);
        sheet.text(middle, &cell.label, Text::new(SMALL, ink, HPos::Center))
    }

    /// Ticks and labels below and to the left.
    fn labels(&self, sheet: &Sheet) -> Drawn {
        let ((left, top), (width, height)) = (self.corner, self.size);
        let (bottom, thin) = (top + height, Stroke::new(FAINT, 1.0));
        let length = |side: &Side, label: &str| match side {
            Side::Places(_) => 0.0,
            Side::Numbers { .. } if label.is_empty() => 0.6 * TICK,
            Side::Numbers { .. } => TICK,
        };
        for (t, label) in self.across.ticks(self.across.room(width)) {
            let (x, tick) = (left + width * t, length(&self.across, &label));
            if tick > 0.0 {
                sheet.line((x, bottom), (x, bottom + tick), thin)?;
            }
            sheet.formula((x, bottom + TICK + SMALL), &label, Text::new(SMALL, INK, HPos::Center))?;
        }
        let room = if matches!(self.up, Side::Places(_)) { height / (1.2 * SMALL) } else { height / 26.0 };
        for (t, label) in self.up.ticks(room) {
            let (y, tick) = (self.place(0.0, t).1, length(&self.up, &label));
            if tick > 0.0 {
                sheet.line((left - tick, y), (left, y), thin)?;
            }
            sheet.formula((left - TICK - 2.0, y + 0.36 * SMALL), &label, Text::new(SMALL, INK, HPos::Right))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canvas::picture;

    fn names(names: &[&str]) -> Side {
        Side::Places(names.iter().map(|&name| name.into()).collect())
    }

    #[test]
    fn numbers_have_the_colours_of_their_place() {
        let rising = Shade::rising(Scale::Log { low: 1e-4, high: 1.0 });
        assert_eq!(rising.color(1e-2), Some(sequential(0.5)));
        assert_eq!((rising.color(0.0), rising.color(1e-9)), (Some(sequential(0.0)), Some(sequential(0.0))));
        assert_eq!((rising.color(f64::INFINITY), rising.color(3.0)), (Some(sequential(1.0)), Some(sequential(1.0))));
        assert_eq!((rising.color(f64::NAN), rising.color(-1.0)), (None, None));
        let signed = Shade::signed(2.0);
        assert_eq!(signed.color(0.0), Some(diverging(0.0)));
        assert_eq!((signed.color(2.0), signed.color(-1.0)), (Some(diverging(1.0)), Some(diverging(-0.5))));
        assert_eq!(signed.color(f64::NAN), None);
    }

    #[test]
    fn cells_lie_around_their_numbers() {
        let side = Side::around(&[0.01, 0.1, 10.0], true).unwrap();
        let Side::Numbers { edges, .. } = &side else { panic!("{side:?}") };
        for (edge, expected) in edges.iter().zip([0.01 / 10f64.sqrt(), 0.01 * 10f64.sqrt(), 1.0, 100.0]) {
            assert!((edge / expected - 1.0).abs() < 1e-12, "{edges:?}");
        }
        assert!(side.cell(0).0.abs() < 1e-12 && (side.cell(2).1 - 1.0).abs() < 1e-12);
        let side = Side::around(&[2.0, 3.0, 4.0], false).unwrap();
        assert!((side.fraction(2.5) - 1.0 / 3.0).abs() < 1e-12 && side.cell(1) == (side.cell(0).1, side.cell(2).0));
        assert_eq!(Side::around(&[7.0], false).unwrap().cell(0), (0.0, 1.0));
        // What has no order or no place makes no side.
        for (centres, logarithmic) in
            [(vec![], false), (vec![2.0, 1.0], false), (vec![0.0, 1.0], true), (vec![f64::NAN], false), (vec![1.0, 1.0], true)]
        {
            assert!(Side::around(&centres, logarithmic).is_none(), "{centres:?}");
        }
    }

    #[test]
    fn a_map_is_tiled_and_what_has_no_number_is_struck_through() {
        let map = HeatMap {
            corner: (40.0, 10.0),
            size: (90.0, 60.0),
            across: names(&["a", "b", "c"]),
            up: names(&["x", "y"]),
            downwards: false,
        };
        let shade = Shade::rising(Scale::Linear { low: 0.0, high: 1.0 });
        let cell = |row: usize, column: usize| Cell {
            fill: shade.color(if (row, column) == (1, 2) { f64::NAN } else { 0.2 * (row + column) as f64 }),
            label: format!("{row}{column}"),
            tip: if row == 0 { format!("cell {column}") } else { String::new() },
        };
        let svg = picture((160.0, 120.0), "", |sheet| {
            map.draw(sheet, ("across", "up"), cell)?;
            map.line(sheet, &[(0.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (9.0, 1.0)], Stroke::new(INK, 1.0))
        })
        .unwrap();
        // The ground and six cells; the first row lies below.
        assert_eq!(svg.matches("<rect").count(), 7, "{svg}");
        assert!(svg.contains("<rect x=\"400\" y=\"390\" width=\"310\" height=\"310\""), "{svg}");
        assert!(!svg.contains("NaN") && svg.contains("<title>cell 2</title>") && !svg.contains("<title>cell 3"), "{svg}");
        for text in [">00<", ">12<", ">a<", ">c<", ">x<", ">across<", ">up<"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        // The line: a light ground and the line itself, at the upper edge of the first row, without the point that has no place and not beyond the frame.
        assert_eq!(svg.matches("points=\"400,400 1000,400 1300,400 \"").count(), 2, "{svg}");
        // In a matrix the first row is the uppermost.
        let matrix = HeatMap { downwards: true, ..map };
        let svg = picture((160.0, 120.0), "", |sheet| matrix.draw(sheet, ("", ""), cell)).unwrap();
        assert!(svg.contains("<rect x=\"400\" y=\"100\" width=\"310\" height=\"310\""), "{svg}");
    }

    #[test]
    fn names_that_would_touch_are_left_out_and_labels_contrast() {
        let many = Side::Places((0..50).map(|i| format!("{}", 100 + i)).collect());
        let drawn = many.ticks(many.room(300.0)).len();
        assert!((5..=12).contains(&drawn), "{drawn}");
        let map = HeatMap { corner: (0.0, 0.0), size: (60.0, 20.0), across: names(&["", ""]), up: names(&[""]), downwards: true };
        let svg = picture((60.0, 40.0), "", |sheet| {
            map.draw(sheet, ("", ""), |_, column| Cell {
                fill: Some(sequential(column as f64)),
                label: "1".into(),
                tip: String::new(),
            })
        })
        .unwrap();
        let of = |color: &str| svg.lines().filter(|line| line.contains("<text") && line.contains(color)).count();
        assert_eq!((of("#FFFFFF"), of("#222222")), (1, 1), "{svg}");
    }

    #[test]
    fn a_bar_has_ticks_and_says_what_it_measures() {
        let shade = Shade::rising(Scale::Log { low: 1e-8, high: 1.0 });
        let mut wide = 0.0;
        let svg = picture((120.0, 200.0), "", |sheet| {
            wide = shade.bar(sheet, (10.0, 10.0), 160.0, "|ΔNC_{1}|")?;
            Ok(())
        })
        .unwrap();
        assert!((30.0..90.0).contains(&wide), "{wide}");
        assert_eq!(svg.matches("<rect").count(), 1 + STEPS as usize);
        assert!(svg.contains(">10<tspan") && svg.contains("|ΔNC<tspan"), "{svg}");
    }
}
