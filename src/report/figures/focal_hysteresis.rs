//! The focal loss's bistability: branches of stationary points against ε, and what starts at either end find.

use plotters::style::RGBColor;

use super::super::axes::{Chart, Scale, short};
use super::super::canvas::{Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::{RunData, loss_label};
use super::super::elements::{Mark, Marker};
use super::super::grid::Grid;
use super::super::style::{FAINT, INK, Key, Look, look};
use super::sweeps::{Span, critical, metric};
use super::{Drawing, Family, left_out};
use crate::losses::Loss;
use crate::record::{Record, balanced_problem};
use crate::theory::{FocalWindow, focal_stationary, focal_window};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "focal-hysteresis",
    summary: "focal loss with many classes against ε: branches, window and tie in closed form, and what starts from either branch find",
    caption: "The focal loss with K > 1/p_c(γ) classes. Curves are closed forms: the branch W = H = 0 (s = 0) and the branch of simplices, full where they are minima, dashed where they are not; \
              the simplices turn at the fold, and their dashed part runs back to s = 0. Upright lines, from left to right: ε = η(1/K)/K, from which on W = H = 0 is a local minimum; the tie, where both have the same value; \
              the fold, where the simplex is lost. Between the outer two a solver stays on the branch on which it starts: hysteresis. Left of the tie W = H = 0 is a spurious local minimum, right of it the simplex is. \
              Dots are critical points that the runs found, their shape says where they started, their colour what their exact Hessian says they are. Left: s, the weight of the simplex in the logits. Right: the value above that of W = H = 0, \
              whose curve crosses zero at the tie and has its cusp at the fold.",
    draw,
};

const PANEL: (f64, f64) = (420.0, 280.0);
/// Rows of panels in one picture.
const ROWS_MAX: usize = 4;
/// Points of a branch.
const SAMPLES: usize = 400;
/// A point's logits are sP + tJ/K when the fit leaves no more than this share.
const SYMMETRIC: f64 = 1e-6;
const BRANCH: RGBColor = FAINT;
const DASHED: &[f64] = &[5.0, 3.0];

/// What a point is, and its colour.
const NATURES: [(&str, &str, usize); 4] = [
    ("global-minimum", "global minimum", 0),
    ("local-minimum", "local minimum", 4),
    ("degenerate-minimum", "degenerate minimum", 3),
    ("strict-saddle", "strict saddle", 1),
];
/// What a start is called in the legend, and its marker.
const STARTS: [(&str, &str, Marker); 3] = [
    ("origin", "from W = H = 0", Marker::Square),
    ("near-etf", "from the simplex", Marker::Circle),
    ("", "from elsewhere", Marker::Triangle),
];

/// Cases with one K, γ and factor c.
struct Group<'a> {
    label: String,
    classes: usize,
    gamma: f64,
    scale: f64,
    window: FocalWindow,
    /// ε and the critical points at it whose logits are symmetric.
    dots: Vec<(f64, &'a Record)>,
    /// Critical points whose logits are not.
    others: usize,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let (mut groups, mut reasons): (Vec<Group>, Vec<String>) = (Vec::new(), Vec::new());
    for record in data.records.iter().filter(|record| critical(record)) {
        if let Err(reason) = sort(record, &mut groups)
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
        }
    }
    groups.retain(|group| !group.dots.is_empty());
    if groups.is_empty() {
        let reasons = if reasons.is_empty() { "no critical point was found".into() } else { reasons.join("; ") };
        return Err(format!("no case of the focal loss is bistable: {reasons}"));
    }
    let (total, others) = (groups.len(), groups.iter().map(|group| group.others).sum::<usize>());
    groups.truncate(ROWS_MAX);
    let (svg, csv) = picture(&groups)?;
    let note = if others > 0 {
        format!("{others} critical points whose logits are not sP lie on neither branch and are not drawn. ")
    } else {
        String::new()
    };
    Ok(Drawing { svg, csv, note: left_out(total, groups.len(), "settings") + note.trim_end() })
}

/// Puts a record into its group.
fn sort<'a>(record: &'a Record, groups: &mut Vec<Group<'a>>) -> Result<(), String> {
    let problem = balanced_problem(record)?;
    let Loss::Focal(focal) = &problem.loss else { return Err(format!("{} is not the focal loss", problem.loss.name())) };
    let window = focal_window(problem.classes, focal.gamma).map_err(|error| error.to_string())?;
    let label = format!("{}, K = {}", loss_label(record), problem.classes);
    let at = groups.iter().position(|group| group.label == label).unwrap_or_else(|| {
        let (classes, gamma, scale) = (problem.classes, focal.gamma, problem.scale);
        groups.push(Group { label, classes, gamma, scale, window, dots: Vec::new(), others: 0 });
        groups.len() - 1
    });
    let symmetric = metric(record, "logit-misfit").is_none_or(|misfit| misfit <= SYMMETRIC);
    if symmetric && metric(record, "scale").is_some() && record.value.is_finite() {
        groups[at].dots.push((problem.epsilon() / problem.scale, record));
    } else {
        groups[at].others += 1;
    }
    Ok(())
}

impl Group<'_> {
    /// f/c at W = H = 0.
    fn zero(&self) -> f64 {
        focal_stationary(self.classes, self.gamma, 0.0).value
    }

    /// The branches inside the span: name, whether it is stable, and (ε, s, value above zero).
    fn branches(&self, span: Span) -> Vec<(&'static str, bool, Vec<[f64; 3]>)> {
        let ends = [span.places(&[])[0], span.places(&[]).last().copied().unwrap_or(1.0)];
        let turn = self.window.zero_stable_from.clamp(ends[0], ends[1]);
        let level = |from: f64, to: f64| vec![[from, 0.0, 0.0], [to, 0.0, 0.0]];
        let mut branches = vec![("zero", false, level(ends[0], turn)), ("zero", true, level(turn, ends[1]))];
        // The largest s is that of the smallest ε shown; beyond it the branch leaves the panel.
        let mut last = 2.0 * self.window.scale.max(1e-3);
        while focal_stationary(self.classes, self.gamma, last).epsilon > ends[0] && last < 1e3 {
            last *= 1.2;
        }
        let zero = self.zero();
        for stable in [false, true] {
            let points = (0..=SAMPLES).map(|i| last * i as f64 / SAMPLES as f64).filter_map(|s| {
                let at = focal_stationary(self.classes, self.gamma, s);
                (at.stable == stable).then_some([at.epsilon, s, at.value - zero])
            });
            branches.push(("simplex", stable, points.collect()));
        }
        // Both parts meet in the fold.
        if let Some(&fold) = branches[3].2.first() {
            branches[2].2.push(fold);
        }
        branches
    }
}

fn nature(record: &Record) -> Option<(&'static str, Look)> {
    let found = NATURES.iter().find(|(name, ..)| record.nature.as_deref() == Some(*name))?;
    Some((found.1, look(found.2)))
}

fn start(record: &Record) -> (&'static str, Marker) {
    let found = STARTS.iter().find(|(name, ..)| *name == record.start).unwrap_or(&STARTS[2]);
    (found.1, found.2)
}

fn picture(groups: &[Group]) -> Result<(String, String), String> {
    let dots = || groups.iter().flat_map(|group| group.dots.iter().map(|(_, record)| *record));
    let line = |dash: &'static [f64]| Key::Line(Look { color: BRANCH, dash, marker: Marker::Circle });
    let mut entries = vec![(line(&[]), "branch: minimum".to_owned()), (line(DASHED), "branch: no minimum".to_owned())];
    entries.push((Key::Upright(INK), "window and tie".into()));
    let natures = NATURES.iter().filter(|(name, ..)| dots().any(|record| record.nature.as_deref() == Some(*name)));
    entries.extend(
        natures.map(|&(_, name, color)| (Key::Shape(Marker::Hexagon, look(color).color, look(color).color), name.to_owned())),
    );
    let starts = STARTS.iter().filter(|(_, name, _)| dots().any(|record| start(record).0 == *name));
    entries.extend(starts.map(|&(_, name, marker)| (Key::Shape(marker, plotters::style::WHITE, INK), name.to_owned())));
    let grid = Grid::new((groups.len(), 2), PANEL, entries).headed();
    let mut csv =
        Csv::new(&["group", "kind", "stable", "epsilon", "scale", "value_above_zero", "case", "start_index", "start", "nature"]);
    let svg = grid.picture("Focal loss with many classes: two minima, and hysteresis in ε", |sheet| {
        for (i, group) in groups.iter().enumerate() {
            draw_group(sheet, &grid, i, group, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn draw_group(sheet: &Sheet, grid: &Grid, row: usize, group: &Group, csv: &mut Csv) -> Drawn {
    let FocalWindow { zero_stable_from, transition, simplex_stable_to, .. } = group.window;
    let edges = [("W = H = 0 stable from", zero_stable_from), ("tie", transition), ("simplex stable to", simplex_stable_to)];
    let Some(span) = Span::around(group.dots.iter().map(|dot| dot.0).chain(edges.map(|edge| edge.1))) else { return Ok(()) };
    grid.heading(
        sheet,
        row,
        &format!(
            "{}: window {} … {}, tie {}",
            group.label,
            short_8(zero_stable_from),
            short_8(simplex_stable_to),
            short_8(transition)
        ),
    )?;
    let branches = group.branches(span);
    for (name, stable, points) in &branches {
        for &[epsilon, s, value] in points.iter().filter(|point| span.holds(point[0])) {
            let numbers = [cell(Some(epsilon)), cell(Some(s)), cell(Some(value))];
            let names = [group.label.clone(), format!("{name} branch"), stable.to_string()];
            csv.row(&[names.as_slice(), &numbers, &[const { String::new() }; 4]].concat());
        }
    }
    let zero = group.zero();
    let of = |record: &Record, quantity: usize| {
        if quantity == 1 { metric(record, "scale") } else { Some(record.value / group.scale - zero) }
    };
    for (column, (title, label)) in
        [("simplex in the logits", "s"), ("value above that of W = H = 0", "f − f(0)")].into_iter().enumerate()
    {
        let shown = branches.iter().flat_map(|(.., points)| points).filter(|point| span.holds(point[0]));
        let found = group.dots.iter().filter_map(|(_, record)| of(record, column + 1));
        let Some(y) = Scale::linear(shown.map(|point| point[column + 1]).chain(found)) else { continue };
        let chart = grid.panel((row, column), span.scale(), y).chart(sheet, title, "ε", label)?;
        for (name, epsilon) in edges {
            sheet.tipped(&format!("{name} ε = {}", short_8(epsilon)), || chart.upright(epsilon, Stroke::new(INK, 0.8)))?;
        }
        for (_, stable, points) in &branches {
            let stroke = Stroke { color: BRANCH, width: 1.8, dash: if *stable { &[] } else { DASHED } };
            let points: Vec<(f64, f64)> = points.iter().map(|point| (point[0], point[column + 1])).collect();
            chart.curve(&points, stroke)?;
        }
        for &(epsilon, record) in &group.dots {
            let Some(y) = of(record, column + 1) else { continue };
            draw_dot(sheet, &chart, (epsilon, y), record, label)?;
        }
    }
    for &(epsilon, record) in &group.dots {
        let names =
            [group.label.clone(), "found".into(), String::new(), cell(Some(epsilon)), cell(of(record, 1)), cell(of(record, 2))];
        let nature = record.nature.clone().unwrap_or_default();
        csv.row(
            &[names.as_slice(), &[record.case.clone(), record.start_index.to_string(), record.start.clone(), nature]].concat(),
        );
    }
    Ok(())
}

fn draw_dot(sheet: &Sheet, chart: &Chart, at: (f64, f64), record: &Record, label: &str) -> Drawn {
    let Some((nature, look)) = nature(record) else { return Ok(()) };
    let (start, marker) = start(record);
    let tip = format!("ε = {}, {label} = {}: {nature}, {start}", short(at.0), short(at.1));
    // Squares are a little larger: what comes from both starts shows both.
    let radius = if marker == Marker::Square { 4.6 } else { 3.2 };
    sheet.tipped(&tip, || chart.mark(at, Mark::new(marker, radius, look.color, INK)))
}

/// Eight digits, as transitions are quoted.
fn short_8(x: f64) -> String {
    format!("{x:.8}")
}
