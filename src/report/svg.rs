//! A small SVG writer: the shapes that figures need, with sub-pixel coordinates, dashes, tooltips and escaped text.
//!
//! Bytes depend on the calls alone. A coordinate that is not a finite number drops its element: NaN cannot reach a file.

use std::fmt::Write;

/// Where a text's coordinate lies in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// At its beginning.
    Start,
    /// In its middle.
    Middle,
    /// At its end.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// Size in pixels.
    pub(super) size: f64,
    /// Colour.
    pub(super) fill: &'a str,
    /// Where the coordinate lies.
    pub(super) anchor: Anchor,
    /// Bold.
    pub(super) bold: bool,
    /// Turned to read from bottom to top.
    pub(super) upright: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(size: f64, fill: &'a str, anchor: Anchor) -> Self {
        Self { size, fill, anchor, bold: false, upright: false }
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke<'a> {
    /// Colour.
    pub(super) color: &'a str,
    /// Width in pixels.
    pub(super) width: f64,
    /// Lengths of dashes and gaps, or empty for a full line.
    pub(super) dash: &'a str,
}

impl<'a> Stroke<'a> {
    pub(super) fn new(color: &'a str, width: f64) -> Self {
        Self { color, width, dash: "" }
    }
}

/// A picture being drawn.
#[derive(Debug)]
pub(super) struct Svg {
    out: String,
}

impl Svg {
    /// An empty white picture. `title` is read out by screen readers.
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let (w, h) = (number(width), number(height));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
             font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n<title>{}</title>\n",
            escape(title)
        );
        let _ = writeln!(out, "<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>");
        Self { out }
    }

    /// The whole document.
    pub(super) fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }

    /// Appends an element, unless one of its coordinates is not finite.
    fn push(&mut self, coordinates: &[f64], element: String, tooltip: Option<&str>, tag: &str) {
        if !coordinates.iter().all(|x| x.is_finite()) {
            return;
        }
        let _ = match tooltip {
            Some(tip) => writeln!(self.out, "{element}><title>{}</title></{tag}>", escape(tip)),
            None => writeln!(self.out, "{element}/>"),
        };
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        self.path(&[from, to], stroke, None, None);
    }

    /// A line through points, with its area filled where `fill` is given.
    pub(super) fn path(&mut self, points: &[(f64, f64)], stroke: Stroke, fill: Option<&str>, tooltip: Option<&str>) {
        let coordinates: Vec<f64> = points.iter().flat_map(|&(x, y)| [x, y]).collect();
        let mut d = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if i == 0 { "M" } else { "L" }, number(x), number(y));
        }
        if fill.is_some() {
            d.push('Z');
        }
        let fill = fill.unwrap_or("none");
        let element = format!("<path d=\"{d}\" fill=\"{fill}\"{} stroke-linejoin=\"round\"", attributes(stroke));
        if points.len() > 1 {
            self.push(&coordinates, element, tooltip, "path");
        }
    }

    /// A rectangle.
    pub(super) fn rect(
        &mut self,
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: &str,
        stroke: Option<Stroke>,
        tooltip: Option<&str>,
    ) {
        let (px, py, w, h) = (number(x), number(y), number(width), number(height));
        let stroke = stroke.map(attributes).unwrap_or_default();
        let element = format!("<rect x=\"{px}\" y=\"{py}\" width=\"{w}\" height=\"{h}\" fill=\"{fill}\"{stroke}");
        self.push(&[x, y, width, height], element, tooltip, "rect");
    }

    /// A circle.
    pub(super) fn circle(&mut self, (x, y): (f64, f64), radius: f64, fill: &str, stroke: Stroke, tooltip: Option<&str>) {
        let (cx, cy, r) = (number(x), number(y), number(radius));
        let element = format!("<circle cx=\"{cx}\" cy=\"{cy}\" r=\"{r}\" fill=\"{fill}\"{}", attributes(stroke));
        self.push(&[x, y, radius], element, tooltip, "circle");
    }

    /// A text, written as it is.
    pub(super) fn text(&mut self, at: (f64, f64), text: &str, style: Text) {
        self.place(at, &escape(text), style);
    }

    /// A text of our own with `^{…}` raised, `_{…}` lowered and `~{…}` overlined (combining letters are drawn badly by many fonts).
    pub(super) fn formula(&mut self, at: (f64, f64), text: &str, style: Text) {
        let (size, mut out, mut rest) = (number(style.size * 0.72), String::new(), text);
        while let Some((before, mark, inside, after)) = next_script(rest) {
            if mark == '~' {
                let _ = write!(out, "{}<tspan text-decoration=\"overline\">{}</tspan>", escape(before), escape(inside));
                rest = after;
                continue;
            }
            // The baseline moves away and comes back with the letter that follows: a zero-width space, if nothing does.
            let shift = style.size * if mark == '^' { -0.38 } else { 0.22 };
            let (away, back) = (number(shift), number(-shift));
            let _ = write!(out, "{}<tspan dy=\"{away}\" font-size=\"{size}\">{}</tspan>", escape(before), escape(inside));
            let _ = write!(out, "<tspan dy=\"{back}\">\u{200b}</tspan>");
            rest = after;
        }
        out.push_str(&escape(rest));
        self.place(at, &out, style);
    }

    fn place(&mut self, (x, y): (f64, f64), escaped: &str, style: Text) {
        if !(x.is_finite() && y.is_finite()) {
            return;
        }
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let bold = if style.bold { " font-weight=\"bold\"" } else { "" };
        let (px, py) = (number(x), number(y));
        let turn = if style.upright { format!(" transform=\"rotate(-90 {px} {py})\"") } else { String::new() };
        let (size, fill) = (number(style.size), style.fill);
        let _ = writeln!(
            self.out,
            "<text x=\"{px}\" y=\"{py}\" font-size=\"{size}\" fill=\"{fill}\" text-anchor=\"{anchor}\"{bold}{turn}>{escaped}</text>"
        );
    }
}

/// The text before the first mark with braces, the mark, what is inside, and the text after it.
fn next_script(text: &str) -> Option<(&str, char, &str, &str)> {
    let at = [text.find("^{"), text.find("_{"), text.find("~{")].into_iter().flatten().min()?;
    let (inside, after) = text[at + 2..].split_once('}')?;
    Some((&text[..at], text[at..].chars().next()?, inside, after))
}

fn attributes(stroke: Stroke) -> String {
    let dash = if stroke.dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", stroke.dash) };
    format!(" stroke=\"{}\" stroke-width=\"{}\"{dash}", stroke.color, number(stroke.width))
}

/// A coordinate to a hundredth of a pixel, without trailing zeros.
fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Text that is safe between tags and in attributes of XML and HTML. Control characters, which XML forbids, become spaces.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// About how wide a text is, in pixels: sans-serif letters are a little over half as wide as high.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if "il.,:|'()[]/·⁻ ".contains(c) { 0.32 } else { 0.58 }).sum::<f64>() * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_escapes_its_tag_and_no_nan_is_written() {
        let mut svg = Svg::new(10.0, 10.0, "a<b>&\"c\"");
        svg.text((1.0, 2.0), "</text><script>\u{1}", Text::new(10.0, "#000", Anchor::Start));
        svg.circle((f64::NAN, 1.0), 2.0, "#000", Stroke::new("#000", 1.0), Some("<tip>"));
        svg.path(&[(0.0, 0.0), (1.0, f64::INFINITY)], Stroke::new("#000", 1.0), None, None);
        svg.rect(0.0, 0.0, 1.0, 1.0, "#fff", None, Some("<tip>"));
        let text = svg.finish();
        assert!(text.contains("a&lt;b&gt;&amp;&quot;c&quot;") && text.contains("&lt;/text&gt;&lt;script&gt; </text>"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf") && !text.contains("<circle") && !text.contains("<path"), "{text}");
        assert!(text.contains("<title>&lt;tip&gt;</title></rect>"));
    }
}
