//! A sheet to draw on with plotters, and the SVG document that comes of it.
//!
//! plotters' SVG backend knows whole pixels only. So the sheet is ten times as large as the picture, and [`finish`] writes the true size into the
//! document's head; it also raises and lowers the scripts of formulas and joins elements under a tooltip, for which the backend has no words. This
//! file alone knows of that: all others count in pixels of the picture.

use std::fmt::Write;
use std::io;

use plotters::coord::Shift;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::elements::{Line, length, units};

/// Sheet units in a pixel.
pub(super) const UNITS: f64 = 10.0;
/// The backend divides sizes of type by this number.
const TYPE_FACTOR: f64 = 1.24;
/// How far the baseline lies below the middle of digits and capitals, in units of the size of type.
const HALF_CAPITAL: f64 = 0.36;

// Characters for private use stand for what the backend cannot say. Texts from outside lose them (`plain`), so that only we can write them.
const RAISED: char = '\u{e000}';
const LOWERED: char = '\u{e001}';
const OVERLINED: char = '\u{e002}';
const SCRIPT_END: char = '\u{e003}';
const TIP: char = '\u{e004}';
const TIP_END: char = '\u{e005}';

/// What drawing gives; a sheet in memory never fails.
pub(super) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;
/// An area that plotters draws on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Text {
    /// Size in pixels.
    pub(super) size: f64,
    /// Colour.
    pub(super) color: RGBColor,
    /// Where the coordinate lies: at the text's left, centre or right.
    pub(super) anchor: HPos,
    /// Bold.
    pub(super) bold: bool,
    /// Turned to read from bottom to top.
    pub(super) upright: bool,
}

impl Text {
    pub(super) fn new(size: f64, color: RGBColor, anchor: HPos) -> Self {
        Self { size, color, anchor, bold: false, upright: false }
    }

    /// The style that plotters knows.
    pub(super) fn style(&self) -> TextStyle<'static> {
        let weight = if self.bold { FontStyle::Bold } else { FontStyle::Normal };
        let turn = if self.upright { FontTransform::Rotate270 } else { FontTransform::None };
        let font = FontDesc::new(FontFamily::SansSerif, self.size * UNITS * TYPE_FACTOR, weight).transform(turn);
        let mut style = TextStyle::from(font).pos(Pos::new(self.anchor, VPos::Center));
        style.color = self.color.to_backend_color();
        style
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    /// Colour.
    pub(super) color: RGBColor,
    /// Width in pixels.
    pub(super) width: f64,
    /// Lengths of dashes and gaps in pixels, in turn; empty for a full line.
    pub(super) dash: &'static [f64],
}

impl Stroke {
    pub(super) fn new(color: RGBColor, width: f64) -> Self {
        Self { color, width, dash: &[] }
    }

    /// The style that plotters knows; it says nothing of dashes.
    pub(super) fn style(&self) -> ShapeStyle {
        self.color.stroke_width(length(self.width).unsigned_abs())
    }
}

/// A sheet being drawn on. What has a coordinate that is not a finite number is left out: NaN cannot reach a file.
pub(super) struct Sheet<'a> {
    area: Area<'a>,
}

/// A white picture of this size, drawn on by `draw`. `title` is read out by screen readers.
pub(super) fn picture((width, height): (f64, f64), title: &str, draw: impl FnOnce(&Sheet) -> Drawn) -> Result<String, String> {
    let size = (length(width).unsigned_abs(), length(height).unsigned_abs());
    let mut raw = String::new();
    let sheet = Sheet { area: SVGBackend::with_string(&mut raw, size).into_drawing_area() };
    let done = sheet.area.fill(&WHITE).and_then(|()| draw(&sheet)).and_then(|()| sheet.area.present());
    drop(sheet);
    done.map_err(|error| error.to_string())?;
    Ok(finish(&raw, size, title))
}

impl<'a> Sheet<'a> {
    /// A part of the sheet for plotters to draw a chart on.
    pub(super) fn part(&self, (left, top): (f64, f64), (width, height): (f64, f64)) -> Area<'a> {
        self.area.clone().shrink((length(left), length(top)), (length(width), length(height)))
    }

    /// Draws an element of plotters or of ours, in units of the sheet.
    pub(super) fn draw<E>(&self, element: &E) -> Drawn
    where
        for<'b> &'b E: PointCollection<'b, (i32, i32)>,
        E: Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element)
    }

    /// A straight line.
    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), stroke: Stroke) -> Drawn {
        units([from, to]).map_or(Ok(()), |points| self.draw(&Line::new(points, stroke)))
    }

    /// A filled polygon.
    pub(super) fn polygon<const N: usize>(&self, corners: [(f64, f64); N], fill: RGBColor) -> Drawn {
        units(corners).map_or(Ok(()), |corners| self.draw(&Polygon::new(corners, fill.filled())))
    }

    /// A filled rectangle.
    pub(super) fn rect(&self, (x, y): (f64, f64), (width, height): (f64, f64), fill: RGBColor) -> Drawn {
        units([(x, y), (x + width, y + height)])
            .map_or(Ok(()), |corners| self.draw(&Rectangle::new([corners[0], corners[1]], fill.filled())))
    }

    /// The outline of a rectangle.
    pub(super) fn frame(&self, (x, y): (f64, f64), (width, height): (f64, f64), stroke: Stroke) -> Drawn {
        let (right, bottom) = (x + width, y + height);
        // One side twice, so that the first corner is joined like the others.
        let corners = [(x, y), (right, y), (right, bottom), (x, bottom), (x, y), (right, y)];
        units(corners).map_or(Ok(()), |corners| self.draw(&Line::new(corners, stroke)))
    }

    /// The outline of a circle.
    pub(super) fn ring(&self, centre: (f64, f64), radius: f64, stroke: Stroke) -> Drawn {
        units([centre]).map_or(Ok(()), |centre| self.draw(&Circle::new(centre[0], length(radius), stroke.style())))
    }

    /// A filled circle.
    pub(super) fn disc(&self, centre: (f64, f64), radius: f64, fill: RGBColor) -> Drawn {
        units([centre]).map_or(Ok(()), |centre| self.draw(&Circle::new(centre[0], length(radius), fill.filled())))
    }

    /// A text whose baseline begins, ends or has its middle here, written as it is.
    pub(super) fn text(&self, at: (f64, f64), text: &str, style: Text) -> Drawn {
        self.place(at, &plain(text), style)
    }

    /// A text of our own with scripts, as [`formula`] reads them.
    pub(super) fn formula(&self, at: (f64, f64), text: &str, style: Text) -> Drawn {
        self.place(at, &formula(text), style)
    }

    fn place(&self, (x, y): (f64, f64), text: &str, style: Text) -> Drawn {
        // plotters centres texts between baseline and capitals' height.
        let half = HALF_CAPITAL * style.size;
        let middle = if style.upright { (x - half, y) } else { (x, y - half) };
        match units([middle]) {
            Some(at) if !text.is_empty() => self.area.draw_text(text, &style.style(), at[0]),
            _ => Ok(()),
        }
    }

    /// Puts what `draw` draws, on this sheet or a chart in it, under a tooltip.
    pub(super) fn tipped(&self, tip: &str, draw: impl FnOnce() -> Drawn) -> Drawn {
        let style = Text::new(1.0, BLACK, HPos::Left).style();
        self.area.draw_text(&format!("{TIP}{}", plain(tip)), &style, (0, 0))?;
        draw()?;
        self.area.draw_text(&TIP_END.to_string(), &style, (0, 0))
    }
}

/// The text without what XML forbids (control characters) and what is ours (marks).
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || (RAISED..=TIP_END).contains(&c) { ' ' } else { c }).collect()
}

/// A text of our own in which `^{…}` is raised, `_{…}` lowered and `~{…}` overlined (combining letters are drawn badly by many fonts).
pub(super) fn formula(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = ["^{", "_{", "~{"].iter().filter_map(|mark| rest.find(mark)).min() {
        let Some((inside, after)) = rest[at + 2..].split_once('}') else { break };
        let mark = match rest.as_bytes()[at] {
            b'^' => RAISED,
            b'_' => LOWERED,
            _ => OVERLINED,
        };
        let _ = write!(out, "{}{mark}{}{SCRIPT_END}", plain(&rest[..at]), plain(inside));
        rest = after;
    }
    out + &plain(rest)
}

/// What the backend wrote, made into the document: the head with the true size, the house's type, round joins and a title; scripts and tooltips in
/// SVG's words; attributes that say what holds anyway left out.
fn finish(raw: &str, (width, height): (u32, u32), title: &str) -> String {
    let pixels = |units: u32| f64::from(units) / UNITS;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" stroke-width=\"{UNITS}\" stroke-linejoin=\"round\">\n<title>{}</title>\n",
        pixels(width),
        pixels(height),
        escape(&plain(title))
    );
    let mut lines = raw.lines().skip(1);
    while let Some(line) = lines.next() {
        // The middle of capitals and digits, whatever the height of the font's small letters.
        let tag =
            line.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "").replace("\"0.5ex\"", "\"0.36em\"");
        if !tag.starts_with("<text") {
            out += &tag;
        } else if let Some(content) = lines.next() {
            // Tag, content and end stand on one line each.
            lines.next();
            match content.chars().next() {
                Some(TIP) => _ = write!(out, "<g><title>{}</title>", &content[TIP.len_utf8()..]),
                Some(TIP_END) => out += "</g>",
                _ => _ = write!(out, "{tag}{}</text>", scripts(content)),
            }
        }
        out.push('\n');
    }
    out
}

/// Marks of scripts as SVG: the baseline moves away and comes back with what follows, a zero-width space if nothing does.
fn scripts(escaped: &str) -> String {
    let (mut out, mut back) = (String::new(), "");
    for c in escaped.chars() {
        let (begin, end) = match c {
            RAISED => ("<tspan dy=\"-0.53em\" font-size=\"0.72em\">", "<tspan dy=\"0.38em\">\u{200b}</tspan>"),
            LOWERED => ("<tspan dy=\"0.3em\" font-size=\"0.72em\">", "<tspan dy=\"-0.216em\">\u{200b}</tspan>"),
            OVERLINED => ("<tspan text-decoration=\"overline\">", ""),
            SCRIPT_END => {
                out += "</tspan>";
                (back, "")
            }
            c => {
                out.push(c);
                continue;
            }
        };
        out += begin;
        back = end;
    }
    out
}

/// Text that is safe between tags of XML and HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// About how wide a text is, in pixels: sans-serif letters are a little over half as wide as high.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if "il.,:|'()[]/·⁻ ".contains(c) { 0.32 } else { 0.58 }).sum::<f64>() * size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::elements::{Mark, Marker};

    fn drawn(draw: impl FnOnce(&Sheet) -> Drawn) -> String {
        picture((20.0, 10.5), "a<b>&\"c\"", draw).unwrap()
    }

    #[test]
    fn the_head_has_the_true_size_and_the_sheet_is_ten_times_as_large() {
        let text = drawn(|sheet| sheet.line((1.25, 2.0), (3.0, 4.0), Stroke::new(BLACK, 1.6)));
        let head = text.lines().next().unwrap();
        assert!(head.contains("width=\"20\" height=\"10.5\" viewBox=\"0 0 200 105\""), "{head}");
        assert!(text.contains("<title>a&lt;b&gt;&amp;&quot;c&quot;</title>") && text.ends_with("</svg>\n"), "{text}");
        assert!(text.contains("stroke-width=\"16\" points=\"13,20 30,40 \""), "{text}");
    }

    #[test]
    fn no_text_escapes_its_tag_and_no_nan_is_written() {
        let style = Text::new(10.0, BLACK, HPos::Left);
        let text = drawn(|sheet| {
            sheet.text((1.0, 2.0), "</text><script>\n\u{1}<a href='x'>", style)?;
            sheet.text((f64::NAN, 2.0), "nowhere", style)?;
            sheet.tipped("<tip>\n\u{e005}", || sheet.ring((1.0, f64::INFINITY), 2.0, Stroke::new(BLACK, 1.0)))?;
            sheet.line((0.0, f64::NAN), (1.0, 1.0), Stroke::new(BLACK, 1.0))?;
            sheet.rect((0.0, 0.0), (f64::NAN, 1.0), WHITE)?;
            sheet.polygon([(0.0, f64::NEG_INFINITY); 3], WHITE)?;
            Mark::new(Marker::Star, 3.0, WHITE, BLACK).draw_on(sheet, (f64::NAN, 0.0))
        });
        assert!(text.contains("&lt;/text&gt;&lt;script&gt;  &lt;a href=&apos;x&apos;&gt;</text>"), "{text}");
        assert!(text.contains("<g><title>&lt;tip&gt;  </title>\n</g>"), "{text}");
        for word in ["NaN", "inf", "nowhere", "<circle", "<poly"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
        // The white ground alone.
        assert_eq!(text.matches("<rect").count(), 1, "{text}");
    }

    #[test]
    fn scripts_are_ours_alone() {
        let style = Text::new(10.0, BLACK, HPos::Left);
        let text = drawn(|sheet| sheet.formula((1.0, 9.0), "10^{−3} < ~{H}_{W}", style));
        assert!(
            text.contains(
                ">10<tspan dy=\"-0.53em\" font-size=\"0.72em\">−3</tspan><tspan dy=\"0.38em\">\u{200b}</tspan> &lt; <tspan"
            ),
            "{text}"
        );
        let text = drawn(|sheet| sheet.text((1.0, 9.0), "10^{−3} \u{e000}a\u{e003}", style));
        assert!(text.contains(">10^{−3}  a </text>"), "{text}");
    }
}
