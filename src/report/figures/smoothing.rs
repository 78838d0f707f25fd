//! Label smoothing at (α, ε) against cross-entropy at ε + α/K: many curves become one.

use plotters::style::WHITE;

use super::super::axes::{Chart, Scale, short};
use super::super::canvas::{Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::RunData;
use super::super::elements::{Mark, Marker};
use super::super::grid::Grid;
use super::super::style::{FAINT, INK, Key, Look, look};
use super::sweeps::{Along, Dot, Span, Sweep, curve, metric};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::losses::{self, Loss};
use crate::theory::{Balanced, BalancedMinimum};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "smoothing",
    summary: "label smoothing at (α, ε) lies on cross-entropy's one curve at ε + α/K: values, scales, residuals",
    caption: "Label smoothing is cross-entropy with a larger decay. Upper left: the minimum's value against ε, one closed curve for every α (cross-entropy is α = 0), dots are the lowest critical \
              points found. Upper right and lower left: the same dots against ε + α/K. Values f* and scales s* of all α fall on one line, which is cross-entropy's closed form at that decay and knows nothing of α. \
              The upright line is 1/K, where W = H = 0 takes over for every α. Lower right: how far the dots are from cross-entropy's curve, as a share of its value \
              (filled) and of its scale, or of 1 where that is smaller (hollow); what is exactly zero is drawn at the lower edge. Rounding is near 1e-16.",
    draw,
};

const PANEL: (f64, f64) = (420.0, 230.0);
/// Settings in one picture.
const GROUPS_MAX: usize = 3;
/// Residuals below this are drawn at it.
const LEAST: f64 = 1e-17;

/// Cases of one setting: K, n, bias, every α.
struct Group<'a> {
    settings: String,
    /// Cross-entropy with this setting.
    twin: Balanced,
    sweeps: Vec<(Look, &'a Sweep<'a>)>,
}

/// A dot in the variable of cross-entropy.
struct Twinned<'a> {
    dot: &'a Dot<'a>,
    /// ε + α/K (both divided by the loss's factor).
    decay: f64,
    twin: BalancedMinimum,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let fits = |problem: &Balanced| match problem.loss {
        Loss::CrossEntropy(_) | Loss::LabelSmoothing(_) => problem.minimum().map(drop),
        _ => Err("the figure is about label smoothing and cross-entropy".into()),
    };
    let sweeps = Along::Epsilon.sweeps(data, fits)?;
    let smoothed = |sweep: &&Sweep| matches!(sweep.problem.loss, Loss::LabelSmoothing(_));
    let first = sweeps
        .iter()
        .find(smoothed)
        .ok_or("no case has the loss label-smoothing: there is nothing to set against cross-entropy")?;
    let mut settings = vec![(&first.settings, first.problem.scale)];
    for sweep in sweeps.iter().filter(smoothed) {
        if !settings.contains(&(&sweep.settings, sweep.problem.scale)) {
            settings.push((&sweep.settings, sweep.problem.scale));
        }
    }
    let mut alphas: Vec<f64> = sweeps.iter().map(|sweep| alpha(&sweep.problem)).collect();
    alphas.sort_by(f64::total_cmp);
    alphas.dedup();
    let shown = &alphas[..alphas.len().min(CASES_MAX)];
    let group = |&(words, scale): &(&String, f64)| {
        let own = sweeps.iter().filter(|sweep| sweep.settings == *words && sweep.problem.scale.total_cmp(&scale).is_eq());
        let place = |sweep: &Sweep| shown.iter().position(|a| a.total_cmp(&alpha(&sweep.problem)).is_eq());
        let sweeps: Vec<_> = own.filter_map(|sweep| Some((look(place(sweep)?), sweep))).collect();
        let problem = &sweeps.first()?.1.problem;
        let family = losses::ALL.iter().find(|family| family.name == "cross-entropy")?;
        Some(Group { settings: words.clone(), twin: Balanced { loss: (family.build)(&[]), ..problem.clone() }, sweeps })
    };
    let total = settings.len();
    settings.truncate(GROUPS_MAX);
    let groups: Vec<Group> = settings.iter().filter_map(group).collect();
    let (svg, csv) = picture(&groups, shown)?;
    let dots: Vec<Twinned> =
        groups.iter().flat_map(|group| group.sweeps.iter().flat_map(|(_, sweep)| twinned(&group.twin, sweep))).collect();
    let worst = |of: fn(&Twinned) -> Option<f64>| dots.iter().filter_map(of).reduce(f64::max).map_or("–".into(), short);
    let note = left_out(total, groups.len(), "settings") + &left_out(alphas.len(), shown.len(), "values of α");
    let note = note
        + &format!(
            "Largest residual of a value {}, of a scale {}, over {} dots.",
            worst(|dot| dot.of_value()),
            worst(|dot| dot.of_scale()),
            dots.len()
        );
    Ok(Drawing { svg, csv, note })
}

fn alpha(problem: &Balanced) -> f64 {
    match &problem.loss {
        Loss::LabelSmoothing(loss) => loss.alpha,
        _ => 0.0,
    }
}

/// ε + α/K in units of the loss: c divides ε.
fn shifted(problem: &Balanced, epsilon: f64) -> f64 {
    epsilon / problem.scale + alpha(problem) / problem.classes as f64
}

fn twinned<'a>(twin: &Balanced, sweep: &'a Sweep<'a>) -> Vec<Twinned<'a>> {
    let of = |dot: &'a Dot<'a>| {
        let decay = shifted(&dot.problem, dot.at);
        let twin = Along::Epsilon.set(twin, decay * twin.scale).minimum().ok()?;
        Some(Twinned { dot, decay, twin })
    };
    sweep.dots.iter().filter_map(of).collect()
}

impl Twinned<'_> {
    fn value(&self) -> Option<f64> {
        Some(self.dot.record.value).filter(|x| x.is_finite())
    }

    fn scale(&self) -> Option<f64> {
        metric(self.dot.record, "scale")
    }

    fn of_value(&self) -> Option<f64> {
        Some((self.value()? - self.twin.value).abs() / self.twin.value)
    }

    /// In the zero phase, where the curve is 0, the scale itself.
    fn of_scale(&self) -> Option<f64> {
        Some((self.scale()? - self.twin.scale).abs() / self.twin.scale.max(1.0))
    }
}

fn picture(groups: &[Group], alphas: &[f64]) -> Result<(String, String), String> {
    let name = |alpha: f64| if alpha > 0.0 { format!("α = {}", short(alpha)) } else { "α = 0: cross-entropy".into() };
    let mut entries: Vec<(Key, String)> = alphas.iter().enumerate().map(|(i, &a)| (Key::Both(look(i)), name(a))).collect();
    entries.push((Key::Line(COMMON), "cross-entropy at ε + α/K".into()));
    entries.push((Key::Upright(FAINT), "1/K: zero phase".into()));
    let mut grid = Grid::new((2 * groups.len(), 2), PANEL, entries);
    if groups.len() > 1 {
        grid = grid.headed();
    }
    let mut csv = Csv::new(&[
        "settings",
        "loss",
        "quantity",
        "kind",
        "epsilon",
        "epsilon_plus_alpha_over_k",
        "value",
        "case",
        "start_index",
    ]);
    let heading = format!(
        "Label smoothing is cross-entropy at ε + α/K{}",
        groups.first().filter(|_| groups.len() == 1).map_or(String::new(), |group| format!(" · {}", group.settings))
    );
    let svg = grid.picture(&heading, |sheet| {
        for (i, group) in groups.iter().enumerate() {
            if groups.len() > 1 {
                grid.heading(sheet, 2 * i, &group.settings)?;
            }
            draw_group(sheet, &grid, 2 * i, group, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// How cross-entropy's one curve looks.
const COMMON: Look = Look { color: INK, dash: &[], marker: Marker::Circle };

/// A group's panels being drawn.
struct Canvas<'a, 'b> {
    sheet: &'a Sheet<'b>,
    grid: &'a Grid,
    /// The first of its two rows of panels.
    row: usize,
    group: &'a Group<'a>,
    dots: Vec<(Look, &'a Sweep<'a>, Vec<Twinned<'a>>)>,
    /// Against ε, and against ε + α/K.
    spans: (Span, Span),
    /// 1/K.
    edge: f64,
}

/// A quantity on the common curve: name, label, column and row of its panel.
type Common = (&'static str, &'static str, (usize, usize), fn(&BalancedMinimum) -> f64, fn(&Twinned) -> Option<f64>);

const COMMONS: [Common; 2] = [
    ("value", "f*", (0, 1), |minimum| minimum.value, |dot| dot.value()),
    ("scale", "s*", (1, 0), |minimum| minimum.scale, |dot| dot.scale()),
];

fn draw_group(sheet: &Sheet, grid: &Grid, row: usize, group: &Group, csv: &mut Csv) -> Drawn {
    let dots: Vec<(Look, &Sweep, Vec<Twinned>)> =
        group.sweeps.iter().map(|&(look, sweep)| (look, sweep, twinned(&group.twin, sweep))).collect();
    let all = || dots.iter().flat_map(|(.., dots)| dots);
    let spans = (Span::around(all().map(|dot| dot.dot.at)), Span::around(all().map(|dot| dot.decay)));
    let (Some(own), Some(common)) = spans else { return Ok(()) };
    let edge = 1.0 / group.twin.classes as f64;
    let canvas = Canvas { sheet, grid, row, group, dots, spans: (own, common), edge };
    canvas.fan(csv)?;
    COMMONS.iter().try_for_each(|common| canvas.common(common, csv))?;
    canvas.residuals(csv)
}

impl<'b> Canvas<'_, 'b> {
    fn chart(&self, (row, column): (usize, usize), (x, y): (Scale, Scale), title: &str, labels: [&str; 2]) -> Drawn<Chart<'b>> {
        self.grid.panel((self.row + row, column), x, y).chart(self.sheet, title, labels[0], labels[1])
    }

    fn all(&self) -> impl Iterator<Item = &Twinned<'_>> {
        self.dots.iter().flat_map(|(.., dots)| dots)
    }

    fn row(&self, csv: &mut Csv, sweep: &Sweep, dot: &Twinned, [quantity, kind]: [&str; 2], y: f64) {
        let record = dot.dot.record;
        let start = record.start_index.to_string();
        let place = [self.group.settings.clone(), sweep.loss.clone(), quantity.into(), kind.into()];
        csv.row(
            &[place.as_slice(), &[cell(Some(dot.dot.at)), cell(Some(dot.decay)), cell(Some(y)), record.case.clone(), start]]
                .concat(),
        );
    }

    /// Values against ε: one curve for every α.
    fn fan(&self, csv: &mut Csv) -> Drawn {
        let span = self.spans.0;
        let curve_of = |sweep: &Sweep| {
            let edge: Vec<f64> = sweep.problem.zero_threshold().into_iter().collect();
            let of = |x: f64| Along::Epsilon.set(&sweep.problem, x).minimum().ok().map(|minimum| minimum.value);
            curve(&span.places(&edge), &edge, of)
        };
        let curves: Vec<_> = self.dots.iter().map(|&(look, sweep, _)| (look, sweep, curve_of(sweep))).collect();
        let heights = curves.iter().flat_map(|(.., pieces)| pieces.iter().flatten().map(|&(_, y)| y));
        let Some(y) = Scale::linear(heights.chain(self.all().filter_map(Twinned::value))) else { return Ok(()) };
        let chart = self.chart((0, 0), (span.scale(), y), "value against ε: a curve for every α", ["ε", "f*"])?;
        for (look, sweep, pieces) in &curves {
            for piece in pieces {
                self.sheet.tipped(&sweep.loss, || chart.curve(piece, look.stroke(1.6)))?;
                for &(x, y) in piece {
                    let place = [self.group.settings.clone(), sweep.loss.clone(), "value".into(), "closed form".into()];
                    let numbers =
                        [cell(Some(x)), cell(Some(shifted(&sweep.problem, x))), cell(Some(y)), String::new(), String::new()];
                    csv.row(&[place.as_slice(), &numbers].concat());
                }
            }
        }
        for (look, sweep, dots) in &self.dots {
            for dot in dots {
                let Some(y) = dot.value() else { continue };
                self.sheet.tipped(&tip(sweep, dot, "f", y), || chart.mark((dot.dot.at, y), look.mark(3.4)))?;
            }
        }
        Ok(())
    }

    /// A quantity against ε + α/K: one curve.
    fn common(&self, &(quantity, label, at, of, found): &Common, csv: &mut Csv) -> Drawn {
        let span = self.spans.1;
        let twin = &self.group.twin;
        let of = |x: f64| Along::Epsilon.set(twin, x * twin.scale).minimum().ok().map(|minimum| of(&minimum));
        let pieces = curve(&span.places(&[self.edge]), &[self.edge], of);
        let Some(y) = Scale::linear(pieces.iter().flatten().map(|&(_, y)| y).chain(self.all().filter_map(found))) else {
            return Ok(());
        };
        let chart = self.chart(at, (span.scale(), y), &format!("{quantity} against ε + α/K: one curve"), ["ε + α/K", label])?;
        chart.upright(self.edge, Stroke::new(FAINT, 1.2))?;
        for piece in &pieces {
            self.sheet.tipped("cross-entropy", || chart.curve(piece, COMMON.stroke(1.8)))?;
            for &(x, y) in piece {
                let place = [self.group.settings.clone(), "cross-entropy".into(), quantity.into(), "common curve".into()];
                csv.row(
                    &[place.as_slice(), &[String::new(), cell(Some(x)), cell(Some(y)), String::new(), String::new()]].concat(),
                );
            }
        }
        for (look, sweep, dots) in &self.dots {
            for dot in dots {
                let Some(y) = found(dot) else { continue };
                self.sheet.tipped(&tip(sweep, dot, quantity, y), || chart.mark((dot.decay, y), look.mark(3.4)))?;
                self.row(csv, sweep, dot, [quantity, "found"], y);
            }
        }
        Ok(())
    }

    /// What is left between dots and the common curve.
    fn residuals(&self, csv: &mut Csv) -> Drawn {
        let high = self.all().flat_map(|dot| [dot.of_value(), dot.of_scale()]).flatten().fold(1e-14, f64::max);
        let scales = (self.spans.1.scale(), Scale::Log { low: 0.5 * LEAST, high: 5.0 * high });
        let chart = self.chart((1, 1), scales, "distance from cross-entropy's curve", ["ε + α/K", "relative distance"])?;
        for (look, sweep, dots) in &self.dots {
            for dot in dots {
                for (quantity, residual, fill) in [("value", dot.of_value(), look.color), ("scale", dot.of_scale(), WHITE)] {
                    let Some(residual) = residual else { continue };
                    let mark = Mark::new(look.marker, 3.2, fill, look.color);
                    let tip = tip(sweep, dot, &format!("residual of the {quantity}"), residual);
                    self.sheet.tipped(&tip, || chart.mark((dot.decay, residual.max(LEAST)), mark))?;
                    self.row(csv, sweep, dot, [quantity, "residual"], residual);
                }
            }
        }
        Ok(())
    }
}

fn tip(sweep: &Sweep, dot: &Twinned, quantity: &str, y: f64) -> String {
    format!("{}: ε = {}, ε + α/K = {}, {quantity} = {}", sweep.loss, short(dot.dot.at), short(dot.decay), short(y))
}
