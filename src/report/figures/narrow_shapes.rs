//! The shapes of minima in the plane against ε: the polygon of all classes against the smaller polygon with classes at its centre.

use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Group, RunData};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, Key, Legend, SMALL, look, title};
use super::{Drawing, Family};
use crate::record::balanced_problem;
use crate::theory::{Balanced, polygon, polygon_crossing};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "narrow-shapes",
    summary: "minima in the plane (d = 2) against ε: the K-gon, smaller polygons with classes at the centre, other shapes",
    caption: "Minima of cross-entropy in the plane, d = 2: their value over that of the regular K-gon, against ε. Curves are closed forms in two parameters of the regular polygon of m = K, K − 1, K − 2 classes, the others at \
              its centre; such a point is critical, whether it is a minimum the curve does not say. Dots are minima found from random starts. A filled dot has the value of a curve; where no dot lies on a curve, no start led \
              there. A hollow dot is another shape, for which there is no closed form: computation only. The upright line marks where the K-gon and the (K − 1)-gon with a class at the centre change places.",
    draw,
};

/// A minimum has a polygon's value within this fraction of it.
const SAME_VALUE: f64 = 1e-8;
/// Panels in a row, and in all.
const COLUMNS: usize = 2;
const PANELS_MAX: usize = 4;

/// The cases of one problem but for ε.
struct Series<'a> {
    problem: Balanced,
    minima: Vec<(f64, Group<'a>)>,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let mut series: Vec<Series> = Vec::new();
    let mut reason = None;
    for case in data.cases() {
        let found = balanced_problem(case.records[0]).and_then(|problem| {
            let epsilon = problem.epsilon();
            if problem.width != 2 {
                return Err(format!("d = {}, and the figure is one of the plane, d = 2", problem.width));
            }
            polygon(&problem, problem.classes).map_err(|reason| reason.to_string())?;
            Ok((problem, epsilon))
        });
        let (problem, epsilon) = match found {
            Ok(found) => found,
            Err(why) => {
                reason.get_or_insert(why);
                continue;
            }
        };
        let is_minimum = |group: &Group| group.record.nature.as_deref().is_some_and(|nature| nature.ends_with("-minimum"));
        let minima = case.groups().into_iter().filter(|group| is_minimum(group) && group.record.value.is_finite());
        let minima = minima.map(|group| (epsilon, group));
        match series.iter_mut().find(|known| same(&known.problem, &problem)) {
            Some(known) => known.minima.extend(minima),
            None => series.push(Series { problem, minima: minima.collect() }),
        }
    }
    series.retain(|one| !one.minima.is_empty());
    if series.is_empty() {
        return Err(reason.unwrap_or_else(|| "no minimum was found in the plane".into()));
    }
    let drawn = &series[..series.len().min(PANELS_MAX)];
    let (svg, csv, note) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: note + super::left_out(series.len(), drawn.len(), "problems").trim_end() })
}

/// Whether two problems differ in ε alone.
fn same(one: &Balanced, other: &Balanced) -> bool {
    let moved = other.with_epsilon(one.epsilon()).decay;
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-12 * x.abs();
    one.classes == other.classes
        && one.per_class == other.per_class
        && one.bias == other.bias
        && near(one.decay.w, moved.w)
        && near(one.decay.b, moved.b)
        && near(one.scale, other.scale)
}

impl Series<'_> {
    /// m = K, K − 1, K − 2, as far as they are polygons.
    fn corners(&self) -> impl Iterator<Item = usize> {
        let classes = self.problem.classes;
        (0..3).map(move |less| classes.saturating_sub(less)).filter(|&m| m >= 3)
    }

    /// f of the polygon of m corners over f of the K-gon.
    fn ratio(&self, corners: usize, epsilon: f64) -> Option<f64> {
        let at = self.problem.with_epsilon(epsilon);
        Some(polygon(&at, corners).ok()?.value / polygon(&at, at.classes).ok()?.value)
    }

    /// The polygon whose value a minimum has, and the minimum's value over the K-gon's.
    fn placed(&self, epsilon: f64, value: f64) -> Option<(Option<usize>, f64)> {
        let at = self.problem.with_epsilon(epsilon);
        let largest = polygon(&at, at.classes).ok()?.value;
        let fits = |m: &usize| polygon(&at, *m).is_ok_and(|found| (value - found.value).abs() <= SAME_VALUE * found.value);
        Some((self.corners().find(fits), value / largest))
    }

    fn ends(&self) -> (f64, f64) {
        let all = || self.minima.iter().map(|(epsilon, _)| *epsilon);
        (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max))
    }

    fn curve(&self, corners: usize) -> Vec<(f64, f64)> {
        let (low, high) = self.ends();
        let (low, high) = (low / 1.2, high * 1.2);
        let at = |i: u32| low * (high / low).powf(f64::from(i) / 80.0);
        (0..=80).map(at).filter_map(|epsilon| Some((epsilon, self.ratio(corners, epsilon)?))).collect()
    }
}

/// Corners less than K, for the legend and the colours.
fn name(less: usize) -> String {
    match less {
        0 => "K-gon".into(),
        1 => "(K − 1)-gon, one class at the centre".into(),
        _ => format!("(K − {less})-gon, {less} classes at the centre"),
    }
}

fn picture(series: &[Series]) -> Result<(String, String, String), String> {
    let columns = series.len().min(COLUMNS);
    let (panel_width, panel_height) = (430.0, 330.0);
    let width = (columns as f64 * (panel_width + 90.0) + 30.0).max(640.0);
    let mut entries: Vec<(Key, String)> = (0..3).map(|less| (Key::Line(look(less)), name(less))).collect();
    entries.push((Key::Shape(Marker::Circle, INK, INK), "filled: a minimum with the value of a curve".into()));
    entries.push((Key::Shape(Marker::Circle, WHITE, FAINT), "a minimum of another shape".into()));
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 34.0;
    let rows = series.len().div_ceil(columns) as f64;
    let mut csv =
        Csv::new(&["classes", "per_class", "kind", "corners", "epsilon", "value_over_polygon", "value", "hits", "nature"]);
    let mut note = String::new();
    let heading = "Shapes in the plane against ε";
    let svg = canvas::picture((width, top + rows * (panel_height + 90.0) - 38.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (place, one) in series.iter().enumerate() {
            let corner =
                (80.0 + (place % columns) as f64 * (panel_width + 90.0), top + (place / columns) as f64 * (panel_height + 90.0));
            note += &draw_panel(sheet, corner, (panel_width, panel_height), one, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish(), note))
}

/// Draws a panel; returns what is to be said of its crossing.
fn draw_panel(sheet: &Sheet, (left, top): (f64, f64), (width, height): (f64, f64), one: &Series, csv: &mut Csv) -> Drawn<String> {
    let classes = one.problem.classes;
    let (low, high) = one.ends();
    let x = Scale::Log { low: low / 1.3, high: high * 1.3 };
    let placed: Vec<_> = one
        .minima
        .iter()
        .filter_map(|(epsilon, group)| Some((*epsilon, group, one.placed(*epsilon, group.record.value)?)))
        .collect();
    let curves: Vec<(usize, Vec<(f64, f64)>)> = one.corners().map(|m| (m, one.curve(m))).collect();
    // A curve may leave the panel; the dots may not.
    let dots = || placed.iter().map(|(.., (_, ratio))| *ratio);
    let second = curves.get(1).map(|(_, curve)| curve.as_slice()).unwrap_or_default().iter().map(|&(_, ratio)| ratio);
    let Some(y) = Scale::linear(dots().chain(second.map(|ratio| ratio.min(1.3))).chain([1.0])) else { return Ok(String::new()) };
    let panel = Panel { left, top, width, height, x, y };
    let bias = if one.problem.bias == crate::model::Bias::None { "no".into() } else { one.problem.bias.name().to_owned() };
    let name = format!("K = {classes}, n = {}, {bias} bias", one.problem.per_class);
    let chart = panel.chart(sheet, &name, "ε (log scale)", "f over f of the K-gon")?;
    for (m, curve) in &curves {
        chart.curve(curve, look(classes - m).stroke(2.0))?;
        for &(epsilon, ratio) in curve {
            csv.row(&row(one, "curve", Some(*m), epsilon, ratio, None));
        }
    }
    let crossing = polygon_crossing(&one.problem, (classes, classes - 1), (low / 1.2, high * 1.2));
    if let Some(epsilon) = crossing {
        chart.upright(epsilon, Stroke { dash: &[3.0, 3.0], ..Stroke::new(FAINT, 1.2) })?;
        let at = chart.at((epsilon, 1.0));
        let label = format!("ε = {}", short(epsilon));
        // To its left and below the K-gon, which is lowest there, nothing is drawn.
        sheet.text((at.0 - 5.0, top + height - 8.0), &label, Text::new(SMALL, FAINT, HPos::Right))?;
    }
    // Hollow ones first, so that they do not cover those on a curve.
    let (on_curve, others): (Vec<_>, Vec<_>) = placed.iter().partition(|(.., (m, _))| m.is_some());
    for (epsilon, group, (m, ratio)) in others.into_iter().chain(on_curve) {
        draw_minimum(sheet, &chart, classes, (epsilon, ratio), m, group)?;
        csv.row(&row(one, "minimum", m, epsilon, ratio, Some(group)));
    }
    Ok(crossing.map_or(String::new(), |epsilon| {
        format!(
            "K = {classes}: the {classes}-gon and the {}-gon with a class at the centre change places at ε = {epsilon:.8}. ",
            classes - 1
        )
    }))
}

fn draw_minimum(sheet: &Sheet, chart: &Chart, classes: usize, at: (f64, f64), corners: Option<usize>, group: &Group) -> Drawn {
    let record = group.record;
    let mark = match corners {
        Some(m) => look(classes - m).mark(4.2),
        None => Mark::new(Marker::Circle, 4.0, WHITE, FAINT),
    };
    let shape = corners.map_or("another shape".into(), |m| format!("{m} corners, {} at the centre", classes - m));
    let nature = record.nature.as_deref().unwrap_or("–");
    let tip = format!("ε = {}: f = {:.8}, {shape}, {nature}, {} starts", short(at.0), record.value, group.hits);
    sheet.tipped(&tip, || chart.mark(at, mark))
}

fn row(one: &Series, kind: &str, corners: Option<usize>, epsilon: f64, ratio: f64, group: Option<&Group>) -> [String; 9] {
    [
        one.problem.classes.to_string(),
        one.problem.per_class.to_string(),
        kind.into(),
        corners.map_or(String::new(), |m| m.to_string()),
        cell(Some(epsilon)),
        cell(Some(ratio)),
        cell(group.map(|group| group.record.value)),
        group.map_or(String::new(), |group| group.hits.to_string()),
        group.and_then(|group| group.record.nature.clone()).unwrap_or_default(),
    ]
}
