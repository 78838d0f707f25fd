//! Axes: scales with sensible ticks, as coordinates for plotters' charts.

use std::ops::Range;

use plotters::coord::combinators::LogCoord;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Drawn, Sheet, Stroke, Text, UNITS, formula};
use super::elements::{Line, Mark, length};
use super::style::{FAINT, GRID, INK, NORMAL, SMALL};

/// From numbers to a fraction of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// Equal steps.
    Linear { low: f64, high: f64 },
    /// Equal steps, for counts: ticks are whole and not negative.
    Count { low: f64, high: f64 },
    /// Equal factors; the ends are positive.
    Log { low: f64, high: f64 },
    /// Logarithmic on both sides of zero, linear within ±threshold. Ends in the stretched coordinate.
    SymLog { threshold: f64, low: f64, high: f64 },
}

/// A tick: where, and its label (formula text), empty for a minor one.
pub(super) type Tick = (f64, String);

impl Scale {
    /// A linear scale around the values, with a margin and a little more where they are all equal.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values)?;
        let margin = if high > low { 0.06 * (high - low) } else { 0.5 * high.abs().max(1.0) };
        Some(Scale::Linear { low: low - margin, high: high + margin })
    }

    /// A logarithmic scale around the positive values, with a margin.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values.filter(|&x| x > 0.0))?;
        let margin = (high / low).powf(0.05).max(1.2);
        Some(Scale::Log { low: low / margin, high: high * margin })
    }

    /// A scale for values of both signs; those within ±`zero` count as zero.
    pub(super) fn symlog(values: impl Iterator<Item = f64> + Clone, zero: f64) -> Option<Self> {
        let (smallest, _) = range(values.clone().map(f64::abs).filter(|&x| x > zero))?;
        let threshold = 10f64.powf(smallest.log10().floor());
        let (low, high) = range(values.map(|x| stretch(if x.abs() <= zero { 0.0 } else { x }, threshold)))?;
        Some(Scale::SymLog { threshold, low: (low - 0.5).min(-0.8), high: (high + 0.5).max(0.8) })
    }

    /// The fraction of the axis at which `x` lies; not finite where it has no place.
    pub(super) fn fraction(&self, x: f64) -> f64 {
        match *self {
            Scale::Linear { low, high } | Scale::Count { low, high } => (x - low) / (high - low),
            Scale::Log { low, high } if x > 0.0 => (x / low).log10() / (high / low).log10(),
            Scale::Log { .. } => f64::NAN,
            Scale::SymLog { threshold, low, high } => (stretch(x, threshold) - low) / (high - low),
        }
    }

    /// Ticks inside the axis, at most about `count` of them labelled.
    pub(super) fn ticks(&self, count: usize) -> Vec<Tick> {
        let mut ticks = match *self {
            Scale::Linear { low, high } => linear_ticks(low, high, count, 0.0),
            Scale::Count { low, high } => linear_ticks(low.max(0.0), high, 2 * count, 1.0),
            Scale::Log { low, high } => log_ticks(low, high, count),
            Scale::SymLog { threshold, low, high } => symlog_ticks(threshold, low, high, count),
        };
        ticks.retain(|(x, _)| (-1e-9..=1.0 + 1e-9).contains(&self.fraction(*x)));
        ticks
    }
}

/// The smallest and largest finite value.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|x| x.is_finite()).fold(None, |range, x| match range {
        None => Some((x, x)),
        Some((low, high)) => Some((f64::min(low, x), f64::max(high, x))),
    })
}

fn stretch(x: f64, threshold: f64) -> f64 {
    let size = x.abs() / threshold;
    x.signum() * if size <= 1.0 { size } else { 1.0 + size.log10() }
}

/// The number that [`stretch`] brings here.
fn unstretch(x: f64, threshold: f64) -> f64 {
    x.signum() * threshold * if x.abs() <= 1.0 { x.abs() } else { 10f64.powf(x.abs() - 1.0) }
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten, no closer than `step_min`.
fn linear_ticks(low: f64, high: f64, count: usize, step_min: f64) -> Vec<Tick> {
    let rough = ((high - low) / count.max(1) as f64).max(step_min);
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|&step| step >= 0.7 * rough)
        .unwrap_or(10.0 * decade);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let label = |x: f64| if step >= 1e5 || digits > 5 { format!("{x:.1e}") } else { format!("{x:.digits$}").replace('-', "−") };
    (first..=last).map(|i| i as f64 * step).map(|x| (x, label(x))).collect()
}

fn log_ticks(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = (high / low).log10();
    let mut ticks = Vec::new();
    if decades < 0.7 {
        // Of 1, 2 and 5 perhaps a single one would be inside.
        return linear_ticks(low, high, count, 0.0);
    }
    if decades < 2.3 {
        // Less than two powers of ten would be inside: label 1, 2, 5.
        for k in first..=last {
            ticks.extend([1.0, 2.0, 5.0].map(|m| (m * 10f64.powi(k), short(m * 10f64.powi(k)))));
        }
        return ticks;
    }
    let step = (decades / count.max(1) as f64).ceil().max(1.0) as i32;
    for k in first..=last {
        let label = if k.rem_euclid(step) == 0 { power(k) } else { String::new() };
        // Unlabelled decades help counting as long as there are few of them.
        if !label.is_empty() || step <= 5 {
            ticks.push((10f64.powi(k), label));
        }
        if decades < 5.0 {
            ticks.extend((2..10).map(|m| (f64::from(m) * 10f64.powi(k), String::new())));
        }
    }
    ticks
}

fn symlog_ticks(threshold: f64, low: f64, high: f64, count: usize) -> Vec<Tick> {
    let base = threshold.log10().round() as i32;
    let side = |length: f64| (length - 1.0).max(0.0).floor() as i32;
    let step = (((high - low) / count.max(1) as f64).ceil().max(1.0)) as i32;
    let mut ticks = vec![(0.0, "0".to_owned())];
    for (sign, mark, last) in [(1.0, "", side(high)), (-1.0, "−", side(-low))] {
        // The outermost decade is always labelled, and from there inwards every `step`-th.
        for k in 0..=last {
            let label =
                if (last - k) % step == 0 && (k > 0 || last == 0) { format!("{mark}{}", power(base + k)) } else { String::new() };
            ticks.push((sign * 10f64.powi(base + k), label));
        }
    }
    ticks
}

/// A power of ten; the nearest to one are written out.
fn power(k: i32) -> String {
    match k {
        -2 => "0.01".into(),
        -1 => "0.1".into(),
        0 => "1".into(),
        1 => "10".into(),
        2 => "100".into(),
        _ => format!("10^{{{}}}", k.to_string().replace('-', "−")),
    }
}

/// A number in few letters: `0.126`, `1.5e-7`.
pub(super) fn short(x: f64) -> String {
    let size = x.abs();
    if !x.is_finite() {
        return "–".into();
    }
    let text = if size > 0.0 && !(1e-3..1e5).contains(&size) {
        format!("{x:.1e}")
    } else {
        let digits = if size >= 100.0 { 0 } else { 4 };
        let text = format!("{x:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
    };
    text.replace('-', "−")
}

/// A scale and its ticks, as plotters' charts know coordinates.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: Scale,
    ticks: Vec<Tick>,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, &x: &f64, limit: (i32, i32)) -> i32 {
        match self.scale {
            Scale::Linear { low, high } | Scale::Count { low, high } => RangedCoordf64::from(low..high).map(&x, limit),
            Scale::Log { low, high } => LogCoord::from((low..high).log_scale()).map(&x, limit),
            Scale::SymLog { threshold, low, high } => RangedCoordf64::from(low..high).map(&stretch(x, threshold), limit),
        }
    }

    /// The labelled ticks; the others get no line of the grid.
    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let labelled = self.ticks.iter().filter(|(_, label)| !label.is_empty());
        if hint.weight().allow_light_points() { Vec::new() } else { labelled.map(|&(x, _)| x).collect() }
    }

    fn range(&self) -> Range<f64> {
        match self.scale {
            Scale::Linear { low, high } | Scale::Count { low, high } | Scale::Log { low, high } => low..high,
            Scale::SymLog { threshold, low, high } => unstretch(low, threshold)..unstretch(high, threshold),
        }
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, x: &f64) -> String {
        let tick = self.ticks.iter().find(|(place, _)| place.total_cmp(x).is_eq());
        tick.map_or(String::new(), |(_, label)| formula(label))
    }
}

/// A rectangle of the picture with two scales.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

/// Room for labels to the left of a panel and below it.
const LABELS_LEFT: f64 = 54.0;
const LABELS_BELOW: f64 = 38.0;
const TICK: f64 = 4.0;

impl Panel {
    /// A chart with grid, frame and labels, to be drawn into. Axis labels and the title are formula text; an empty one is left out.
    pub(super) fn chart<'a>(&self, sheet: &Sheet<'a>, title: &str, x_label: &str, y_label: &str) -> Drawn<Chart<'a>> {
        let axis = |scale: Scale, count: f64| Axis { ticks: scale.ticks(count as usize), scale };
        let x = axis(self.x, self.width / if matches!(self.x, Scale::SymLog { .. }) { 40.0 } else { 60.0 });
        let y = axis(self.y, (self.height / 26.0).min(8.0));
        let corner = (self.left - LABELS_LEFT, self.top);
        let part = sheet.part(corner, (self.width + LABELS_LEFT, self.height + LABELS_BELOW));
        let mut context = ChartBuilder::on(&part)
            .set_label_area_size(LabelAreaPosition::Left, length(LABELS_LEFT))
            .set_label_area_size(LabelAreaPosition::Bottom, length(LABELS_BELOW))
            .build_cartesian_2d(x.clone(), y.clone())?;
        let (thin, label) = (Stroke::new(FAINT, 1.0), |size| Text::new(size, INK, HPos::Center).style());
        context
            .configure_mesh()
            .bold_line_style(Stroke::new(GRID, 1.0).style())
            .light_line_style(TRANSPARENT)
            .axis_style(thin.style())
            .label_style(label(SMALL))
            .axis_desc_style(label(NORMAL))
            .x_desc(formula(x_label))
            .y_desc(formula(y_label))
            .set_all_tick_mark_size(length(TICK))
            .draw()?;
        let chart = Chart { context, x, y };
        self.minor_ticks(sheet, &chart)?;
        // The mesh draws the axes, at the left and below.
        let right = self.left + self.width;
        sheet.line((self.left, self.top), (right, self.top), thin)?;
        sheet.line((right, self.top), (right, self.top + self.height), thin)?;
        if !title.is_empty() {
            let style = Text { bold: true, ..Text::new(NORMAL, INK, HPos::Left) };
            sheet.formula((self.left, self.top - 8.0), title, style)?;
        }
        Ok(chart)
    }

    /// A chart whose horizontal axis is a mere list of places: no numbers and no grid along it.
    pub(super) fn upright_chart<'a>(&self, sheet: &Sheet<'a>, y_label: &str) -> Drawn<Chart<'a>> {
        let y = Axis { ticks: self.y.ticks((self.height / 26.0).clamp(2.0, 8.0) as usize), scale: self.y };
        let x = Axis { ticks: Vec::new(), scale: self.x };
        let part = sheet.part((self.left - LABELS_LEFT, self.top), (self.width + LABELS_LEFT, self.height));
        let mut context = ChartBuilder::on(&part)
            .set_label_area_size(LabelAreaPosition::Left, length(LABELS_LEFT))
            .build_cartesian_2d(x.clone(), y.clone())?;
        let thin = Stroke::new(FAINT, 1.0);
        context
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Stroke::new(GRID, 1.0).style())
            .light_line_style(TRANSPARENT)
            .axis_style(thin.style())
            .label_style(Text::new(SMALL, INK, HPos::Center).style())
            .axis_desc_style(Text::new(NORMAL, INK, HPos::Center).style())
            .y_desc(formula(y_label))
            .set_all_tick_mark_size(length(TICK))
            .draw()?;
        let chart = Chart { context, x, y };
        self.minor_ticks(sheet, &chart)?;
        sheet.frame((self.left, self.top), (self.width, self.height), thin)?;
        Ok(chart)
    }

    /// Short marks where a tick has no label: plotters' mesh knows only labelled ones.
    fn minor_ticks(&self, sheet: &Sheet, chart: &Chart) -> Drawn {
        let minor = |axis: &Axis| axis.ticks.clone().into_iter().filter(|(_, label)| label.is_empty());
        let (bottom, thin) = (self.top + self.height, Stroke::new(FAINT, 1.0));
        for (x, _) in minor(&chart.x) {
            let place = self.left + self.width * self.x.fraction(x);
            sheet.line((place, bottom), (place, bottom + 0.6 * TICK), thin)?;
        }
        for (y, _) in minor(&chart.y) {
            let place = bottom - self.height * self.y.fraction(y);
            sheet.line((self.left - 0.6 * TICK, place), (self.left, place), thin)?;
        }
        Ok(())
    }
}

/// A panel being drawn into, in the numbers of its scales.
pub(super) struct Chart<'a> {
    context: ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>,
    x: Axis,
    y: Axis,
}

impl<'a> Chart<'a> {
    /// Whether this pair of numbers has a place: both are finite, and positive on a logarithmic scale.
    pub(super) fn holds(&self, (x, y): (f64, f64)) -> bool {
        self.x.scale.fraction(x).is_finite() && self.y.scale.fraction(y).is_finite()
    }

    /// Where a pair of numbers lies in the picture; not finite where it has no place.
    pub(super) fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        if !self.holds((x, y)) {
            return (f64::NAN, f64::NAN);
        }
        let (x, y) = self.context.backend_coord(&(x, y));
        (f64::from(x) / UNITS, f64::from(y) / UNITS)
    }

    /// Draws an element whose points [have a place](Self::holds).
    pub(super) fn draw<E>(&self, element: &E) -> Drawn
    where
        for<'b> &'b E: PointCollection<'b, (f64, f64)>,
        E: Drawable<SVGBackend<'a>>,
    {
        self.context.plotting_area().draw(element)
    }

    /// Draws a line through those points that have a place.
    pub(super) fn line(&self, points: Vec<(f64, f64)>, stroke: Stroke) -> Drawn {
        self.draw(&Line::new(points.into_iter().filter(|&point| self.holds(point)).collect(), stroke))
    }

    /// Draws those pieces of a curve that lie inside the panel.
    pub(super) fn curve(&self, points: &[(f64, f64)], stroke: Stroke) -> Drawn {
        let inside = |x: f64, axis: &Axis| (-1e-9..=1.0 + 1e-9).contains(&axis.scale.fraction(x));
        let mut pieces = points.split(|&(x, y)| !(inside(x, &self.x) && inside(y, &self.y)));
        pieces.try_for_each(|piece| self.line(piece.to_vec(), stroke))
    }

    /// A line from the bottom of the panel to its top, where `x` lies inside.
    pub(super) fn upright(&self, x: f64, stroke: Stroke) -> Drawn {
        let Range { start, end } = self.y.range();
        self.curve(&[(x, start), (x, end)], stroke)
    }

    /// Draws a marker, if the point has a place.
    pub(super) fn mark(&self, at: (f64, f64), mark: Mark) -> Drawn {
        if self.holds(at) { self.draw(&(EmptyElement::at(at) + mark)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_lie_inside_and_are_few() {
        let scales = [
            Scale::linear([0.126, 1.386].into_iter()).unwrap(),
            Scale::linear([3.0].into_iter()).unwrap(),
            Scale::log([1e-16, 1.0].into_iter()).unwrap(),
            Scale::log([0.3, 0.9].into_iter()).unwrap(),
            Scale::symlog([-0.2, 1e-17, 3e-4, 40.0].into_iter(), 1e-12).unwrap(),
            Scale::symlog([2.0].into_iter(), 1e-12).unwrap(),
        ];
        for scale in scales {
            let ticks = scale.ticks(6);
            let labelled = ticks.iter().filter(|(_, label)| !label.is_empty()).count();
            assert!((2..=9).contains(&labelled), "{scale:?}: {ticks:?}");
            assert!(ticks.iter().all(|(x, _)| (-1e-9..1.0 + 1e-9).contains(&scale.fraction(*x))), "{scale:?}: {ticks:?}");
        }
    }

    #[test]
    fn axes_put_numbers_where_their_scales_do() {
        let cases = [
            (Scale::Linear { low: -2.0, high: 3.0 }, vec![-2.0, -0.31, 0.0, 2.9, 3.0]),
            (Scale::Count { low: -0.5, high: 18.0 }, vec![0.0, 7.0, 18.0]),
            (Scale::Log { low: 1e-16, high: 20.0 }, vec![1e-16, 3e-9, 1.0, 20.0]),
            (Scale::SymLog { threshold: 1e-3, low: -2.5, high: 4.0 }, vec![-0.02, -1e-3, -4e-4, 0.0, 5e-4, 0.9]),
        ];
        for (scale, numbers) in cases {
            let axis = Axis { scale, ticks: scale.ticks(6) };
            for x in numbers {
                // Upright axes count from below, that is from the larger coordinate.
                let (across, up) = (axis.map(&x, (500, 2500)), axis.map(&x, (2500, 500)));
                let expected = 2000.0 * scale.fraction(x);
                assert!((f64::from(across - 500) - expected).abs() <= 1.0, "{scale:?} {x}: {across}");
                assert!((f64::from(2500 - up) - expected).abs() <= 1.0, "{scale:?} {x}: {up}");
            }
            let ends = axis.range();
            assert!(scale.fraction(ends.start).abs() < 1e-12 && (scale.fraction(ends.end) - 1.0).abs() < 1e-12, "{scale:?}");
            let labelled = axis.key_points(plotters::coord::ranged1d::BoldPoints(6));
            assert!(labelled.len() >= 2 && labelled.iter().all(|x| !axis.format_ext(x).is_empty()), "{scale:?}");
            assert_eq!(axis.format_ext(&0.123_456_7), "");
        }
    }

    #[test]
    fn what_has_no_place_is_not_drawn_and_labels_are_escaped() {
        let (x, y) = (Scale::Log { low: 0.1, high: 10.0 }, Scale::Linear { low: 0.0, high: 1.0 });
        let panel = Panel { left: 60.0, top: 20.0, width: 200.0, height: 100.0, x, y };
        let svg = crate::report::canvas::picture((300.0, 200.0), "", |sheet| {
            let chart = panel.chart(sheet, "a < b", "x & λ_{W}", "<y>")?;
            assert!(chart.holds((1.0, 0.5)) && !chart.holds((-1.0, 0.5)) && !chart.holds((1.0, f64::NAN)));
            let (x, y) = chart.at((1.0, 0.5));
            assert!((x - 160.0).abs() < 0.2 && (y - 70.0).abs() < 0.2 && chart.at((0.0, 0.5)).0.is_nan(), "{x}, {y}");
            let mark = Mark::new(crate::report::elements::Marker::Circle, 3.0, WHITE, BLACK);
            chart.mark((f64::NAN, 0.5), mark)?;
            chart.mark((-1.0, 0.5), mark)?;
            chart.line(vec![(0.2, 0.2), (-1.0, 0.5), (f64::INFINITY, 0.1), (5.0, 0.8)], Stroke::new(RED, 1.0))
        })
        .unwrap();
        assert!(!svg.contains("<circle") && !svg.contains("NaN"), "{svg}");
        let line = svg.lines().find(|line| line.contains("#FF0000")).unwrap();
        assert_eq!(line.matches(',').count(), 2, "{line}");
        assert!(svg.contains("a &lt; b") && svg.contains("x &amp; λ<tspan") && svg.contains("&lt;y&gt;"), "{svg}");
    }

    #[test]
    fn scales_refuse_what_has_no_place() {
        assert_eq!(Scale::log([0.0, -1.0, f64::NAN].into_iter()), None);
        assert_eq!(Scale::linear([f64::NAN].into_iter()), None);
        assert!(!Scale::Log { low: 1.0, high: 10.0 }.fraction(-1.0).is_finite());
    }

    #[test]
    fn short_numbers_read_well() {
        assert_eq!(["0.126", "−12.5", "1.5e−7", "1386", "0"].map(str::to_owned), [0.126, -12.5, 1.5e-7, 1386.0, 0.0].map(short));
    }
}
