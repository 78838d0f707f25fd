//! The contrastive bound of every loss of a run: φ(t) + ε|t| and its argmin, unique or not.

use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::super::axes::short;
use super::super::canvas::{Drawn, Sheet, Text};
use super::super::contrast::{Curves, Weight};
use super::super::csv::{Csv, cell};
use super::super::data::{RunData, loss_label};
use super::super::elements::{Mark, Marker};
use super::super::grid::Grid;
use super::super::style::{INK, Key, Legend, NORMAL, look};
use super::sweeps::{critical, metric, six};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::model::Bias;
use crate::record::{Record, balanced_problem};
use crate::theory::{Balanced, Contrast, FocalWindow};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "contrast",
    summary: "φ(t) + ε|t| with its argmin for every loss of the run; the tie of the focal loss with many classes",
    caption: "The contrastive property. A loss is at least φ(t), t = Σ_{j≠k}(z_j − z_k), with equality where the off-class logits agree; the minimum of the whole problem is then the argmin of φ(t) + ε|t|, drawn here less φ(0). \
              Curves are closed forms, at decays of the run's cases and at the edge where t* = 0 takes over; a ring marks each local minimum of a curve (a larger ring: not the global one). Small dots are points that the optimiser \
              found, put at t = −(K−1)s and f − φ(0), with s fitted to their logits: they sit in the rings. One ring a curve: the argmin is unique and ≤ 0, and the minimiser is one simplex. \
              Where the focal loss has K > 1/p_c classes a second panel shows its window: at the tie two rings of one curve stand on the zero line, so that W = H = 0 and a simplex of finite size have the same value, and below it W = H = 0 is a spurious local minimum. \
              MSE and BCE are taken at their best shift of the logits, which a free bias provides; without one their points are not on these curves and are left out.",
    draw,
};

const PANEL: (f64, f64) = (290.0, 220.0);
/// Room for a panel's own legend.
const KEYS: f64 = 40.0;
/// Weights of the run's cases in one panel, beside the edge.
const WEIGHTS_MAX: usize = 3;
/// A point's logits are sP + tJ/K when the fit leaves no more than this share.
const SYMMETRIC: f64 = 1e-6;

/// Weights this close, relatively, are one: a decay is a product of rounded roots, and a tie is written in decimals.
const SAME: f64 = 1e-9;

/// A loss with a number of classes.
struct Subject<'a> {
    label: String,
    classes: usize,
    contrast: Contrast,
    points: Vec<(Balanced, &'a Record)>,
}

/// A panel: some weights of a subject.
struct Part<'a> {
    title: String,
    subject: &'a Subject<'a>,
    weights: Vec<Weight>,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let (subjects, reasons) = subjects(data);
    if subjects.is_empty() {
        let reasons = if reasons.is_empty() { "the run has no records".into() } else { reasons.join("; ") };
        return Err(format!("no case has a contrastive bound: {reasons}"));
    }
    let mut parts: Vec<Part> = Vec::new();
    for subject in &subjects {
        parts.extend(overview(subject));
        parts.extend(window(subject));
    }
    let total = parts.len();
    parts.truncate(CASES_MAX + 1);
    let (svg, csv) = picture(&parts)?;
    Ok(Drawing { svg, csv, note: left_out(total, parts.len(), "panels") })
}

fn subjects(data: &RunData) -> (Vec<Subject<'_>>, Vec<String>) {
    let (mut subjects, mut reasons): (Vec<Subject>, Vec<String>) = (Vec::new(), Vec::new());
    for record in &data.records {
        let found = balanced_problem(record).and_then(|problem| {
            let contrast = Contrast::new(&problem.loss, problem.classes).map_err(|error| error.to_string())?;
            contrast.minima(problem.epsilon() / problem.scale).map_err(|error| error.to_string())?;
            Ok((problem, contrast))
        });
        match found {
            Ok((problem, contrast)) => {
                let (label, classes) = (loss_label(record), problem.classes);
                match subjects.iter_mut().find(|subject| subject.label == label && subject.classes == classes) {
                    Some(subject) => subject.points.push((problem, record)),
                    None => subjects.push(Subject { label, classes, contrast, points: vec![(problem, record)] }),
                }
            }
            Err(reason) if !reasons.contains(&reason) => reasons.push(reason),
            Err(_) => {}
        }
    }
    (subjects, reasons)
}

/// The weights ε/c of the subject's cases, each once, ascending.
fn weights(subject: &Subject) -> Vec<f64> {
    let mut weights: Vec<f64> = subject.points.iter().map(|(problem, _)| problem.epsilon() / problem.scale).collect();
    weights.sort_by(f64::total_cmp);
    weights.dedup_by(|a, b| same(*a, *b));
    weights
}

/// Some of `all`, evenly spaced among them, with the ends.
fn spread(all: &[f64], count: usize) -> Vec<f64> {
    if all.len() <= count {
        return all.to_vec();
    }
    (0..count).map(|i| all[i * (all.len() - 1) / (count - 1)]).collect()
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME * b
}

/// Within the window of two minima, or half its width beside it.
fn near_window(window: &FocalWindow, c: f64) -> bool {
    let reach = 0.5 * (window.simplex_stable_to - window.zero_stable_from);
    c > window.zero_stable_from - reach && c < window.simplex_stable_to + reach
}

fn named(c: f64, name: &str) -> Weight {
    Weight { c, label: format!("{}{name}", six(c)) }
}

/// Weights over the whole range of the run, and the edge of the zero phase.
fn overview<'a>(subject: &'a Subject<'a>) -> Option<Part<'a>> {
    let edge = subject.contrast.zero_threshold();
    let all: Vec<f64> = weights(subject).into_iter().filter(|&c| !edge.is_some_and(|edge| same(c, edge))).collect();
    // Too far beyond the edge every curve is the same: zero.
    let near: Vec<f64> = all.iter().copied().filter(|&c| edge.is_none_or(|edge| c < 2.0 * edge)).collect();
    let mut weights: Vec<Weight> =
        spread(if near.is_empty() { &all } else { &near }, WEIGHTS_MAX).into_iter().map(|c| named(c, "")).collect();
    let window = subject.contrast.window();
    // A run that stays in the window needs no second panel of the same curves.
    if window.as_ref().is_ok_and(|window| all.iter().all(|&c| near_window(window, c))) {
        return None;
    }
    let tie = window.is_ok();
    weights.extend(edge.map(|edge| named(edge, if tie { " (tie)" } else { " (edge)" })));
    weights.sort_by(|a, b| a.c.total_cmp(&b.c));
    (!weights.is_empty()).then(|| Part { title: format!("{}, K = {}", subject.label, subject.classes), subject, weights })
}

/// Weights in and near the window in which two minima coexist.
fn window<'a>(subject: &'a Subject<'a>) -> Option<Part<'a>> {
    let window = subject.contrast.window().ok()?;
    let inside: Vec<f64> =
        weights(subject).into_iter().filter(|&c| near_window(&window, c) && !same(c, window.transition)).collect();
    let mut weights: Vec<Weight> = spread(&inside, WEIGHTS_MAX).into_iter().map(|c| named(c, "")).collect();
    weights.push(named(window.transition, " (tie)"));
    weights.sort_by(|a, b| a.c.total_cmp(&b.c));
    Some(Part { title: format!("{}, K = {}: the window", subject.label, subject.classes), subject, weights })
}

fn picture(parts: &[Part]) -> Result<(String, String), String> {
    let columns = parts.len().min(3);
    let entries = vec![
        (Key::Shape(Marker::Circle, WHITE, INK), "ring: minimum of a curve (closed form); larger: local only".to_owned()),
        (Key::Dot(INK), "dot: found by the optimiser".to_owned()),
    ];
    let grid = Grid::new((parts.len().div_ceil(columns), columns), PANEL, entries).with_room(KEYS);
    let mut csv =
        Csv::new(&["loss", "classes", "kind", "c", "label", "t", "phi", "objective_minus_phi_zero", "case", "start_index"]);
    let svg = grid.picture("The contrastive bound: φ(t) + ε|t| and its argmin", |sheet| {
        for (i, part) in parts.iter().enumerate() {
            draw_part(sheet, &grid, (i / columns, i % columns), part, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn draw_part(sheet: &Sheet, grid: &Grid, place: (usize, usize), part: &Part, csv: &mut Csv) -> Drawn {
    let Part { title, subject, weights } = part;
    let curves = Curves::new(&subject.contrast, subject.classes, weights);
    let Ok((x, y)) = curves.scales() else { return Ok(()) };
    let (left, top) = grid.corner(place.0, place.1);
    let keys = weights.iter().enumerate().map(|(i, weight)| (Key::Line(look(i)), format!("ε = {}", weight.label))).collect();
    Legend::new(keys, left, PANEL.0 + 20.0).draw(sheet, top - KEYS)?;
    let bold = Text { bold: true, ..Text::new(NORMAL, INK, HPos::Left) };
    sheet.text((left, top - KEYS - 6.0), title, bold)?;
    let chart = grid.panel(place, x, y).chart(sheet, "", "t", "φ(t) + ε|t| − φ(0)")?;
    curves.draw(sheet, &chart, false)?;
    let names = |kind: &str, weight: &Weight| {
        [subject.label.clone(), subject.classes.to_string(), kind.into(), cell(Some(weight.c)), weight.label.clone()]
    };
    for (weight, [t, phi, height]) in curves.rows() {
        let numbers = [cell(Some(t)), cell(Some(phi)), cell(Some(height)), String::new(), String::new()];
        csv.row(&[names("closed form", weight).as_slice(), &numbers].concat());
    }
    for (i, weight) in weights.iter().enumerate() {
        for (problem, record) in &subject.points {
            let c = problem.epsilon() / problem.scale;
            if !same(c, weight.c) {
                continue;
            }
            let Some((t, value)) = found(problem, record) else { continue };
            let height = value - curves.zero();
            let tip = format!("found: t = {}, f = {}", short(t), short(record.value));
            sheet.tipped(&tip, || chart.mark((t, height), Mark::new(Marker::Circle, 2.2, look(i).color, look(i).color)))?;
            let numbers = [cell(Some(t)), String::new(), cell(Some(height)), record.case.clone(), record.start_index.to_string()];
            csv.row(&[names("found", weight).as_slice(), &numbers].concat());
        }
    }
    Ok(())
}

/// Where a symmetric minimum lies: t and f/c. None for other points, and where φ is not the whole story (no free bias, and the loss is not shift-invariant).
fn found(problem: &Balanced, record: &Record) -> Option<(f64, f64)> {
    let minimum = critical(record) && record.nature.as_deref() != Some("strict-saddle");
    let symmetric = metric(record, "logit-misfit").is_none_or(|misfit| misfit <= SYMMETRIC);
    let shifted = problem.bias == Bias::Free || problem.loss.function().shift_invariant();
    let s = metric(record, "scale")?;
    let t = 0.0 - (problem.classes - 1) as f64 * s;
    (minimum && symmetric && shifted && record.value.is_finite()).then(|| (t, record.value / problem.scale))
}
