//! The focal loss's phases over the number of classes and ε: which of W = H = 0 and the simplex are minima, and which is the lower.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::super::axes::short;
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData, loss_label};
use super::super::elements::Marker;
use super::super::heatmap::{Cell, HeatMap, Side};
use super::super::style::{INK, Key, Legend, Look, NORMAL, title};
use super::sweeps::critical;
use super::{Drawing, Family, left_out};
use crate::losses::Loss;
use crate::record::{Record, balanced_problem};
use crate::theory::{FocalWindow, focal_transition, focal_window};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "focal-bistability",
    summary: "focal loss over K and ε: whether W = H = 0, the simplex or both are minima, and which is lower, with the window of theory",
    caption: "Which minima the focal loss has, over the number of classes K (rows) and ε as a multiple of the ε at which the simplex ceases to be the lower one (columns). Each cell is one problem, \
              at its dot, solved from W = H = 0 and from the simplex; its colour says what their exact Hessians found: one minimum alone, or both, and which has the lower value. Lines are theory, from left to right: \
              ε = η(1/K)/K, from which on W = H = 0 is a local minimum (dashed); the tie (full); the fold, where the simplex is lost (dotted). For K ≤ 1/p_c(γ) the three are one: there is no window. \
              In the two middle phases one of the minima is spurious. Lines should run between cells of different colours; ≠ marks a cell that is not in its phase.",
    draw,
};

/// What is a minimum at one K and ε.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    SimplexAlone,
    SimplexLower,
    ZeroLower,
    ZeroAlone,
}

/// Phases with names and colours, in the order in which ε passes through them.
const PHASES: [(Phase, &str, RGBColor); 4] = [
    (Phase::SimplexAlone, "simplex alone", RGBColor(0x08, 0x51, 0x9c)),
    (Phase::SimplexLower, "both, the simplex lower", RGBColor(0x9e, 0xca, 0xe1)),
    (Phase::ZeroLower, "both, W = H = 0 lower", RGBColor(0xfd, 0xd0, 0xa2)),
    (Phase::ZeroAlone, "W = H = 0 alone", RGBColor(0xe6, 0x7e, 0x0d)),
];
const MAPS_MAX: usize = 4;
const CELL: (f64, f64) = (34.0, 30.0);
const LEFT: f64 = 76.0;
const DASHED: &[f64] = &[6.0, 3.0];
const DOTTED: &[f64] = &[1.6, 2.4];

impl Phase {
    fn name(self) -> &'static str {
        PHASES.iter().find(|(phase, ..)| *phase == self).map_or("", |found| found.1)
    }

    fn color(self) -> Option<RGBColor> {
        PHASES.iter().find(|(phase, ..)| *phase == self).map(|found| found.2)
    }
}

/// The phases' edges in ε, ascending.
#[derive(Clone, Copy, Debug)]
struct Edges {
    zero_stable_from: f64,
    tie: f64,
    simplex_stable_to: f64,
}

impl Edges {
    /// Of K classes; where there is no window, all three are the ε at which s reaches 0.
    fn new(classes: usize, gamma: f64) -> Self {
        match focal_window(classes, gamma) {
            Ok(FocalWindow { zero_stable_from, transition, simplex_stable_to, .. }) => {
                Self { zero_stable_from, tie: transition, simplex_stable_to }
            }
            Err(_) => {
                let at = focal_transition(classes, gamma);
                Self { zero_stable_from: at, tie: at, simplex_stable_to: at }
            }
        }
    }

    fn phase(&self, epsilon: f64) -> Phase {
        if epsilon < self.zero_stable_from {
            Phase::SimplexAlone
        } else if epsilon < self.tie {
            Phase::SimplexLower
        } else if epsilon < self.simplex_stable_to {
            Phase::ZeroLower
        } else {
            Phase::ZeroAlone
        }
    }
}

/// One problem and what its starts found.
#[derive(Clone, Debug)]
struct Tile {
    classes: usize,
    epsilon: f64,
    edges: Edges,
    zero: Found,
    simplex: Found,
    measured: Phase,
}

/// What a start ended in.
#[derive(Clone, Debug)]
struct Found {
    nature: String,
    value: f64,
}

impl Tile {
    fn ratio(&self) -> f64 {
        self.epsilon / self.edges.tie
    }

    fn agrees(&self) -> bool {
        self.measured == self.edges.phase(self.epsilon)
    }
}

type Map = (String, Vec<Tile>);

fn draw(data: &RunData) -> Result<Drawing, String> {
    let mut maps: Vec<Map> = Vec::new();
    let (mut reasons, mut unread): (Vec<String>, usize) = (Vec::new(), 0);
    for case in data.cases() {
        match tile(&case) {
            Ok((gamma, tile)) => match maps.iter_mut().find(|(label, _)| *label == gamma) {
                Some((_, tiles)) => tiles.push(tile),
                None => maps.push((gamma, vec![tile])),
            },
            Err(reason) => {
                unread += 1;
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
    }
    let total = maps.len();
    maps.retain(|(_, tiles)| tiles.len() > 1);
    if maps.is_empty() {
        let reasons = if reasons.is_empty() { "the run has no records".into() } else { reasons.join("; ") };
        return Err(format!("fewer than two problems of the focal loss were solved from both sides: {reasons}"));
    }
    maps.truncate(MAPS_MAX);
    let tiles = || maps.iter().flat_map(|(_, tiles)| tiles);
    let (right, all) = (tiles().filter(|tile| tile.agrees()).count(), tiles().count());
    let mut note = format!("{right} of {all} problems are in the phase that theory says");
    note += if right == all { ": every line runs between neighbouring cells. " } else { ". " };
    if unread > 0 {
        note += &format!("{unread} other cases are not drawn ({}). ", reasons.join("; "));
    }
    note += &left_out(total, maps.len(), "settings");
    let (svg, csv) = picture(&maps)?;
    Ok(Drawing { svg, csv, note: note.trim_end().into() })
}

/// A case as a tile under its setting's name.
fn tile(case: &Case) -> Result<(String, Tile), String> {
    let first = case.records[0];
    let problem = balanced_problem(first)?;
    let Loss::Focal(focal) = &problem.loss else { return Err(format!("{} is not the focal loss", problem.loss.name())) };
    let ended = |start: &str| case.records.iter().copied().find(|record| record.start == start && critical(record));
    let zero =
        ended("origin").filter(|record| record.rank == Some(0)).ok_or("no point at W = H = 0 (starts.name = \"origin\")")?;
    let simplex = ended("near-etf").ok_or("no critical point was reached from the simplex (starts.name = \"near-etf\")")?;
    let (at_zero, at_simplex) = (minimum(zero)?, minimum(simplex)? && simplex.rank == Some(problem.classes - 1));
    let measured = match (at_zero, at_simplex) {
        (false, true) => Phase::SimplexAlone,
        (true, true) if simplex.value < zero.value => Phase::SimplexLower,
        (true, true) => Phase::ZeroLower,
        (true, false) => Phase::ZeroAlone,
        (false, false) => return Err("neither W = H = 0 nor what the simplex led to is a minimum".into()),
    };
    let found = |record: &Record| Found { nature: record.nature.clone().unwrap_or_default(), value: record.value };
    let classes = problem.classes;
    let label = format!("{}, n = {}", loss_label(first), problem.per_class);
    let tile = Tile {
        classes,
        epsilon: problem.epsilon() / problem.scale,
        edges: Edges::new(classes, focal.gamma),
        zero: found(zero),
        simplex: found(simplex),
        measured,
    };
    Ok((label, tile))
}

/// Whether a critical point is a minimum; undecided ones have no place in a map of phases.
fn minimum(record: &Record) -> Result<bool, String> {
    match record.nature.as_deref() {
        Some("global-minimum" | "local-minimum") => Ok(true),
        Some("strict-saddle") => Ok(false),
        other => Err(format!("a point is {}", other.unwrap_or("undecided"))),
    }
}

fn picture(maps: &[Map]) -> Result<(String, String), String> {
    let sides: Vec<(Vec<usize>, Vec<f64>)> = maps.iter().map(|(_, tiles)| sides(tiles)).collect();
    let across = sides.iter().map(|(_, ratios)| ratios.len()).max().unwrap_or(1).max(6) as f64;
    let width = LEFT + across * CELL.0 + 24.0;
    let mut entries: Vec<(Key, String)> =
        PHASES.iter().map(|(_, name, color)| (Key::Shape(Marker::Square, *color, INK), (*name).to_owned())).collect();
    for (dash, name) in [(DASHED, "W = H = 0 stable from here"), (&[][..], "tie"), (DOTTED, "simplex stable to here")] {
        let look = Look { color: INK, dash, marker: Marker::Circle };
        entries.push((Key::Line(look), name.to_owned()));
    }
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let heights: Vec<f64> = sides.iter().map(|(classes, _)| classes.len() as f64 * CELL.1).collect();
    let heading = "Focal loss: which minima there are, over K and ε";
    let mut csv = Csv::new(&[
        "setting",
        "classes",
        "epsilon",
        "epsilon_over_tie",
        "zero_nature",
        "zero_value",
        "simplex_start_nature",
        "simplex_start_value",
        "measured",
        "theory",
        "agrees",
        "zero_stable_from",
        "tie",
        "simplex_stable_to",
    ]);
    let total = top + heights.iter().map(|height| height + 78.0).sum::<f64>() - 30.0;
    let svg = canvas::picture((width, total), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        let mut y = top;
        for ((map, sides), height) in maps.iter().zip(&sides).zip(&heights) {
            draw_map(sheet, map, sides, (LEFT, y), (sides.1.len() as f64 * CELL.0, *height))?;
            map.1.iter().for_each(|tile| table_row(&mut csv, &map.0, tile));
            y += height + 78.0;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// The K and the ratios ε/tie of a map, ascending; ratios that differ by rounding are one.
fn sides(tiles: &[Tile]) -> (Vec<usize>, Vec<f64>) {
    let mut classes: Vec<usize> = tiles.iter().map(|tile| tile.classes).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut ratios: Vec<f64> = tiles.iter().map(Tile::ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.dedup_by(|a, b| same(*a, *b));
    (classes, ratios)
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * a.abs()
}

fn draw_map(
    sheet: &Sheet,
    (label, tiles): &Map,
    (classes, ratios): &(Vec<usize>, Vec<f64>),
    corner: (f64, f64),
    size: (f64, f64),
) -> Drawn {
    let Some(across) = Side::around(ratios, false) else { return Ok(()) };
    let up = Side::Places(classes.iter().map(usize::to_string).collect());
    let heat = HeatMap { corner, size, across, up, downwards: false };
    sheet.text((corner.0, corner.1 - 8.0), label, Text { bold: true, ..Text::new(NORMAL, INK, HPos::Left) })?;
    heat.draw(sheet, ("ε / ε at the tie", "classes K"), |row, column| {
        let found = tiles.iter().find(|tile| tile.classes == classes[row] && same(tile.ratio(), ratios[column]));
        let Some(tile) = found else { return Cell::default() };
        Cell {
            fill: tile.measured.color(),
            label: if tile.agrees() { "·" } else { "≠" }.into(),
            tip: format!(
                "K = {}, ε = {}: {} ({} at W = H = 0, {} from the simplex)",
                tile.classes,
                short(tile.epsilon),
                tile.measured.name(),
                tile.zero.nature,
                tile.simplex.nature
            ),
        }
    })?;
    let beyond = ratios.first().zip(ratios.last());
    for (dash, edge) in [DASHED, DOTTED, &[]].into_iter().zip(0..) {
        // One upright piece a row, joined into a staircase.
        let mut points = Vec::new();
        for (row, k) in classes.iter().enumerate() {
            let Some(edges) = tiles.iter().find(|tile| tile.classes == *k).map(|tile| tile.edges) else { continue };
            let at = [edges.zero_stable_from, edges.simplex_stable_to, edges.tie][edge] / edges.tie;
            points.extend([(at, row as f64), (at, row as f64 + 1.0)]);
        }
        // A line that leaves the map would lie on its frame.
        if points.iter().any(|(at, _)| beyond.is_some_and(|(low, high)| (low..=high).contains(&at))) {
            heat.line(sheet, &points, Stroke { dash, ..Stroke::new(INK, 1.8) })?;
        }
    }
    Ok(())
}

fn table_row(csv: &mut Csv, label: &str, tile: &Tile) {
    csv.row(&[
        label.to_owned(),
        tile.classes.to_string(),
        cell(Some(tile.epsilon)),
        cell(Some(tile.ratio())),
        tile.zero.nature.clone(),
        cell(Some(tile.zero.value)),
        tile.simplex.nature.clone(),
        cell(Some(tile.simplex.value)),
        tile.measured.name().into(),
        tile.edges.phase(tile.epsilon).name().into(),
        tile.agrees().to_string(),
        cell(Some(tile.edges.zero_stable_from)),
        cell(Some(tile.edges.tie)),
        cell(Some(tile.edges.simplex_stable_to)),
    ]);
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{bare, quickstart};
    use super::super::tests::{check, keep};
    use super::*;
    use crate::record::PerClass;

    const RATIOS: [f64; 7] = [0.93, 0.97, 0.9915, 0.9995, 1.0007, 1.01, 1.03];

    /// Both starts at K classes and a multiple of the tie, ended as theory says.
    fn pair(classes: usize, ratio: f64) -> [Record; 2] {
        let edges = Edges::new(classes, 3.0);
        let epsilon = ratio * edges.tie;
        let phase = edges.phase(epsilon);
        let record = |start: &str, index: usize, rank: usize, value: f64, nature: &str| Record {
            classes,
            width: classes - 1,
            per_class: PerClass::Balanced(1),
            samples: classes,
            loss_params: [("gamma".to_owned(), 3.0)].into(),
            bias: "none".into(),
            decay_w: Some(epsilon),
            decay_h: Some(epsilon),
            epsilon: Some(epsilon),
            start: start.into(),
            rank: Some(rank),
            value,
            nature: Some(nature.into()),
            ..bare(&format!("{classes}-{ratio}"), "focal", index)
        };
        let at_zero = if phase == Phase::SimplexAlone { "strict-saddle" } else { "local-minimum" };
        let (rank, value) = match phase {
            Phase::ZeroAlone => (0, 2.0),
            Phase::ZeroLower => (classes - 1, 2.1),
            _ => (classes - 1, 1.9),
        };
        [record("origin", 0, 0, 2.0, at_zero), record("near-etf", 1, rank, value, "local-minimum")]
    }

    fn sweep() -> RunData {
        let mut data = quickstart(tempfile::tempdir().unwrap().path());
        data.records = [12, 20, 60].into_iter().flat_map(|k| RATIOS.iter().flat_map(move |ratio| pair(k, *ratio))).collect();
        data.trajectories.clear();
        data
    }

    #[test]
    fn phases_are_those_of_the_natures_and_one_elsewhere_is_counted() {
        let mut data = sweep();
        let drawing = draw(&data).unwrap();
        check("focal-bistability", &drawing);
        keep("focal-bistability", &drawing);
        assert!(drawing.note.starts_with("21 of 21 problems are in the phase that theory says: every line"), "{}", drawing.note);
        // At K = 60 all four phases are passed, at K = 12 there is no window.
        let phases = |classes: &str| {
            let column = |line: &str| line.split(',').nth(10).unwrap_or_default().to_owned();
            let rows = drawing.csv.lines().filter(|line| line.contains(&format!("n = 1\",{classes},")));
            let mut found: Vec<String> = rows.map(column).collect();
            found.dedup();
            found.len()
        };
        assert_eq!((phases("60"), phases("12")), (4, 2), "{}", drawing.csv);
        // W = H = 0 a minimum before its time, and a simplex beyond the fold.
        data.records[0].nature = Some("local-minimum".into());
        let last = data.records.len() - 1;
        data.records[last].rank = Some(59);
        let drawing = draw(&data).unwrap();
        assert!(
            drawing.note.starts_with("19 of 21 problems") && drawing.svg.matches(">≠</text>").count() == 2,
            "{}",
            drawing.note
        );
    }

    #[test]
    fn what_is_undecided_is_no_phase() {
        let mut data = sweep();
        data.records[0].nature = Some("undecided".into());
        data.records[3].nature = None;
        let drawing = draw(&data).unwrap();
        assert!(drawing.note.starts_with("19 of 19 problems"), "{}", drawing.note);
        assert!(
            drawing.note.contains("2 other cases are not drawn (a point is undecided; no critical point"),
            "{}",
            drawing.note
        );
        data.records.retain(|record| record.start == "origin");
        assert!(draw(&data).unwrap_err().contains("near-etf"));
    }
}
