//! Which share of random starts reaches the lowest value there is, against the width d and the decay ε.

use std::collections::BTreeMap;

use plotters::style::text_anchor::HPos;

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{RunData, loss_label};
use super::super::heatmap::{Cell, HeatMap, Shade, Side};
use super::super::style::{FAINT, INK, Key, Legend, Look, NORMAL, SMALL, look, title};
use super::{Drawing, Family, left_out};
use crate::model::Decay;
use crate::record::{PerClass, Record, balanced_problem};
use crate::theory::Balanced;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "success-by-width",
    summary: "share of random starts that reach f*, against the width d and ε, one map a loss",
    caption: "From which width on is the landscape benign? Every cell is one problem; its number is the percentage of Gaussian starts that reach f* to a part in 10⁶. The line is theory: the \
              rank R of the unconstrained global minimum, K − 1 for a simplex ETF, K where the mean takes part (MSE and BCE without a bias), 0 where W = H = 0 is the minimum. Right of it, for d ≥ R, f* is \
              the closed form, and a percentage below 100 would be a spurious minimum or a start that did not converge. Left of it f* has no closed form; the lowest value that a start of the cell found counts \
              in its place, so that 100 means only that all starts agree, and less that there are minima of several values (tooltips and table say what the other points are). Not every narrow problem \
              has them: an octahedron (K = 6, d = 3) has no rival under cross-entropy, and MSE has one value at every width. For a single ε the percentages are dots over d with their \
              95 % intervals (Wilson).",
    draw,
};

/// A value within this fraction of f* has reached it.
const TOLERANCE: f64 = 1e-6;
/// Maps of one picture.
const MAPS_MAX: usize = 6;
/// Height of a row of cells, and the width of a column.
const CELL: (f64, f64) = (34.0, 22.0);
const LEFT: f64 = 84.0;

/// One problem: its starts and how many arrived.
#[derive(Clone, Debug)]
struct Tile {
    width: usize,
    epsilon: f64,
    runs: usize,
    reached: usize,
    reference: f64,
    /// Whether the reference is the closed form.
    closed: bool,
    /// The closed form of f* at the width K, where there is one, and the lowest value of the case.
    unconstrained: Option<(f64, f64)>,
    /// Natures of the points that are not there, with their number.
    elsewhere: BTreeMap<String, usize>,
}

impl Tile {
    fn share(&self) -> f64 {
        self.reached as f64 / self.runs as f64
    }

    /// Whether some point of the case has the value that f* has at width K.
    fn attained(&self) -> Option<bool> {
        self.unconstrained.map(|(full, lowest)| lowest - full <= TOLERANCE * full.abs())
    }

    /// The share's 95 % interval (Wilson's), which is sound at 0 and 1 too.
    fn interval(&self) -> (f64, f64) {
        let (n, p, z) = (self.runs as f64, self.share(), 1.96_f64);
        let (middle, half) = (p + z * z / (2.0 * n), z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt());
        let whole = 1.0 + z * z / n;
        ((middle - half) / whole, (middle + half) / whole)
    }

    fn tip(&self) -> String {
        let ends: Vec<String> = self.elsewhere.iter().map(|(nature, count)| format!("{count} {nature}")).collect();
        let rest = if ends.is_empty() { String::new() } else { format!("; elsewhere: {}", ends.join(", ")) };
        let kind = if self.closed { "closed form" } else { "best found" };
        let (reached, runs) = (self.reached, self.runs);
        format!(
            "d = {}, ε = {}: {reached} of {runs} reach {} ({kind}){rest}",
            self.width,
            short(self.epsilon),
            short(self.reference)
        )
    }
}

/// A loss in one setting: its tiles over widths and ε.
#[derive(Clone, Debug)]
struct Map {
    label: String,
    look: Look,
    /// One of its problems, for the closed form.
    problem: Option<Balanced>,
    tiles: Vec<Tile>,
}

impl Map {
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.tiles.iter().map(|tile| tile.width).collect();
        widths.sort_unstable();
        widths.dedup();
        widths
    }

    /// The values of ε, those that differ by rounding taken as one.
    fn epsilons(&self) -> Vec<f64> {
        let mut epsilons: Vec<f64> = self.tiles.iter().map(|tile| tile.epsilon).collect();
        epsilons.sort_by(f64::total_cmp);
        epsilons.dedup_by(|a, b| same(*a, *b));
        epsilons
    }

    fn tile(&self, width: usize, epsilon: f64) -> Option<&Tile> {
        self.tiles.iter().find(|tile| tile.width == width && same(tile.epsilon, epsilon))
    }

    /// The rank of the unconstrained minimum at ε, by its closed form.
    fn rank(&self, epsilon: f64) -> Option<usize> {
        let problem = self.problem.as_ref()?;
        let factor = epsilon / problem.epsilon();
        let decay = Decay { w: problem.decay.w * factor, h: problem.decay.h * factor, ..problem.decay };
        Balanced { decay, width: problem.classes, ..problem.clone() }.minimum().ok().map(|minimum| minimum.rank)
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs()
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let mut maps = maps(data)?;
    maps.retain(|map| map.widths().len() > 1);
    if maps.is_empty() {
        return Err("no loss has random starts at two widths (sweep \"model.width\")".into());
    }
    let drawn = &maps[..maps.len().min(MAPS_MAX)];
    let note = left_out(maps.len(), drawn.len(), "settings") + &note(drawn);
    let (svg, csv) = if drawn.iter().any(|map| map.epsilons().len() > 1) { heat_maps(drawn)? } else { curves(drawn)? };
    Ok(Drawing { svg, csv, note })
}

/// The run's random starts by loss and setting: everything but d and ε.
fn maps(data: &RunData) -> Result<Vec<Map>, String> {
    let mut found: Vec<(Vec<String>, Map)> = Vec::new();
    let (mut random, mut balanced) = (false, false);
    for case in data.cases() {
        let starts: Vec<&Record> = case.records.iter().copied().filter(|record| record.start == "gaussian").collect();
        random |= !starts.is_empty();
        let Some((first, epsilon)) = starts.first().and_then(|first| Some((*first, first.epsilon.filter(|x| *x > 0.0)?))) else {
            continue;
        };
        balanced = true;
        let Some(tile) = tile(&case.records, &starts, first, epsilon) else { continue };
        let facts = facts(first);
        let at = found.iter().position(|(other, _)| *other == facts).unwrap_or_else(|| {
            let map =
                Map { label: String::new(), look: look(found.len()), problem: balanced_problem(first).ok(), tiles: Vec::new() };
            found.push((facts, map));
            found.len() - 1
        });
        found[at].1.tiles.push(tile);
    }
    match (found.is_empty(), random, balanced) {
        (true, false, _) => return Err("no point comes from a random start (starts.name = \"gaussian\")".into()),
        (true, true, false) => return Err("ε is defined for classes of equal size, and the records have none".into()),
        (true, ..) => return Err("no random start has a finite value".into()),
        _ => {}
    }
    let all: Vec<Vec<String>> = found.iter().map(|(facts, _)| facts.clone()).collect();
    let label = |facts: &[String]| {
        let differs = |k: usize| k == 0 || all.iter().any(|other| other[k] != facts[k]);
        (0..facts.len()).filter(|&k| differs(k)).map(|k| facts[k].as_str()).collect::<Vec<_>>().join(", ")
    };
    Ok(found.into_iter().map(|(facts, map)| Map { label: label(&facts), ..map }).collect())
}

/// What tells maps apart, the loss first.
fn facts(record: &Record) -> Vec<String> {
    let ratio = record.decay_w.zip(record.decay_h).map_or(String::new(), |(w, h)| format!("λ_W/λ_H = {:.4e}", w / h));
    let per_class = match &record.per_class {
        PerClass::Balanced(n) => n.to_string(),
        PerClass::Imbalanced(sizes) => format!("{sizes:?}"),
    };
    let bias = match record.bias.as_str() {
        "none" => "no bias".into(),
        "free" => "free bias".into(),
        _ => format!("λ_b = {}", record.decay_b.map_or("–".into(), short)),
    };
    vec![loss_label(record), format!("K = {}", record.classes), bias, format!("n = {per_class}"), ratio, record.solver.clone()]
}

/// A case as a tile; none where no start has a finite value.
fn tile(all: &[&Record], starts: &[&Record], first: &Record, epsilon: f64) -> Option<Tile> {
    let closed = first.closed_form_value.filter(|value| value.is_finite());
    let lowest = all.iter().map(|record| record.value).filter(|value| value.is_finite()).reduce(f64::min);
    let reference = closed.or(lowest)?;
    let mut elsewhere: BTreeMap<String, usize> = BTreeMap::new();
    let mut reached = 0;
    for record in starts {
        if record.value - reference <= TOLERANCE * reference.abs() {
            reached += 1;
        } else {
            *elsewhere.entry(record.nature.clone().unwrap_or_else(|| "unknown".into())).or_default() += 1;
        }
    }
    let full = balanced_problem(first).ok().and_then(|problem| {
        let wide = Balanced { width: problem.classes, ..problem }.minimum().ok()?;
        wide.value.is_finite().then_some(wide.value)
    });
    let (runs, closed) = (starts.len(), closed.is_some());
    Some(Tile { width: first.width, epsilon, runs, reached, reference, closed, unconstrained: full.zip(lowest), elsewhere })
}

/// How it stands on both sides of the line, in numbers.
fn note(maps: &[Map]) -> String {
    let tiles = || maps.iter().flat_map(|map| map.tiles.iter().map(move |tile| (map, tile)));
    let (mut wide, mut narrow) = ((0, 0), (0, 0));
    for (map, tile) in tiles() {
        match map.rank(tile.epsilon) {
            Some(rank) if tile.width >= rank => wide = (wide.0 + tile.reached, wide.1 + tile.runs),
            Some(_) => narrow = (narrow.0 + usize::from(tile.reached < tile.runs), narrow.1 + 1),
            None => {}
        }
    }
    let sides: Vec<bool> =
        tiles().filter_map(|(map, tile)| Some(tile.attained()? == (tile.width >= map.rank(tile.epsilon)?))).collect();
    let mut note = format!(
        "At d ≥ R {} of {} starts reach f*; below, starts of {} of {} problems disagree on the lowest value.",
        wide.0, wide.1, narrow.0, narrow.1
    );
    if !sides.is_empty() {
        let right = sides.iter().filter(|right| **right).count();
        note += &format!(
            " The f* of wide features (d = K) is attained for d ≥ R and missed for d < R, as the line says, in {right} of {} problems.",
            sides.len()
        );
    }
    note
}

fn heat_maps(maps: &[Map]) -> Result<(String, String), String> {
    let columns = maps.len().min(3);
    let across = maps.iter().map(|map| map.widths().len()).max().unwrap_or(1).max(5) as f64;
    let up = maps.iter().map(|map| map.epsilons().len()).max().unwrap_or(1).max(5) as f64;
    let size = (across * CELL.0, up * CELL.1);
    let pitch = (size.0 + 92.0, size.1 + 84.0);
    let (width, top) = (LEFT + columns as f64 * pitch.0 + 8.0, 68.0);
    let heading = "Random starts that reach the lowest value, by width and decay";
    let shade = Shade::rising(Scale::Linear { low: 0.0, high: 100.0 });
    let mut csv = table();
    let svg = canvas::picture((width, top + maps.len().div_ceil(columns) as f64 * pitch.1 - 26.0), heading, |sheet| {
        title(sheet, heading)?;
        for (i, map) in maps.iter().enumerate() {
            let corner = (LEFT + (i % columns) as f64 * pitch.0, top + (i / columns) as f64 * pitch.1);
            heat_map(sheet, map, &shade, corner, size)?;
            rows(&mut csv, map);
        }
        shade.bar(sheet, (LEFT + columns as f64 * pitch.0 - 70.0, top), size.1, "starts that reach f* (%)").map(drop)
    })?;
    Ok((svg, csv.finish()))
}

fn heat_map(sheet: &Sheet, map: &Map, shade: &Shade, corner: (f64, f64), size: (f64, f64)) -> Drawn {
    let (widths, epsilons) = (map.widths(), map.epsilons());
    let Some(up) = Side::around(&epsilons, true) else { return Ok(()) };
    let names = widths.iter().map(usize::to_string).collect();
    let heat = HeatMap { corner, size, across: Side::Places(names), up, downwards: false };
    sheet.text((corner.0, corner.1 - 8.0), &map.label, Text { bold: true, ..Text::new(NORMAL, INK, HPos::Left) })?;
    heat.draw(sheet, ("width d", "decay ε = √n μ"), |row, column| {
        let Some(tile) = map.tile(widths[column], epsilons[row]) else { return Cell::default() };
        let percent = 100.0 * tile.share();
        Cell { fill: shade.color(percent), label: format!("{percent:.0}"), tip: tile.tip() }
    })?;
    let stroke = Stroke::new(INK, 2.0);
    heat.line(sheet, &boundary(map, &widths, (epsilons[0], epsilons[epsilons.len() - 1])), stroke)
}

/// The edge d = R(ε) between columns, as a staircase over the map's ε and half a cell beyond.
fn boundary(map: &Map, widths: &[usize], (low, high): (f64, f64)) -> Vec<(f64, f64)> {
    const STEPS: i32 = 2000;
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for i in -STEPS..=2 * STEPS {
        let epsilon = low * (high / low).max(1.01).powf(f64::from(i) / f64::from(STEPS));
        let Some(rank) = map.rank(epsilon) else { continue };
        let column = widths.iter().filter(|&&width| width < rank).count() as f64;
        match corners.last().copied() {
            Some((last, _)) if (last - column).abs() > 0.5 => corners.extend([(last, epsilon), (column, epsilon)]),
            None => corners.push((column, epsilon)),
            _ => {}
        }
    }
    corners.extend(corners.last().map(|&(column, _)| (column, high * high / low * 2.0)));
    corners
}

/// One ε: the share against d, one curve a loss, with intervals.
fn curves(maps: &[Map]) -> Result<(String, String), String> {
    let width = 660.0;
    let entries = maps.iter().map(|map| (Key::Marker(map.look), map.label.clone())).collect();
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 34.0;
    let widths: Vec<usize> = maps.iter().flat_map(Map::widths).collect();
    let (first, last) = widths.iter().fold((usize::MAX, 0), |(low, high), &d| (low.min(d), high.max(d)));
    let x = Scale::Count { low: first as f64 - 0.6, high: last as f64 + 0.6 };
    let panel = Panel { left: 76.0, top, width: width - 100.0, height: 260.0, x, y: Scale::Linear { low: -4.0, high: 104.0 } };
    let heading = "Random starts that reach the lowest value, by width";
    let mut csv = table();
    let svg = canvas::picture((width, top + 260.0 + 52.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        let chart = panel.chart(sheet, "", "width d", "starts that reach f* (%)")?;
        let mut ranks: Vec<usize> = maps.iter().filter_map(|map| map.rank(map.tiles[0].epsilon)).collect();
        ranks.sort_unstable();
        ranks.dedup();
        for rank in ranks.into_iter().filter(|rank| (first + 1..=last).contains(rank)) {
            let at = rank as f64 - 0.5;
            chart.line(vec![(at, -4.0), (at, 104.0)], Stroke { dash: &[6.0, 3.0], ..Stroke::new(INK, 1.4) })?;
            let (place, _) = chart.at((at, 0.0));
            sheet.text((place, top - 5.0), &format!("R = {rank}"), Text::new(SMALL, FAINT, HPos::Center))?;
        }
        for (k, map) in maps.iter().enumerate() {
            let shift = if maps.len() > 1 { 0.5 * (k as f64 / (maps.len() - 1) as f64 - 0.5) } else { 0.0 };
            for tile in &map.tiles {
                let (at, (low, high)) = (tile.width as f64 + shift, tile.interval());
                chart.line(vec![(at, 100.0 * low), (at, 100.0 * high)], Stroke::new(map.look.color, 1.2))?;
                let tip = format!("{}: {}", map.label, tile.tip());
                sheet.tipped(&tip, || chart.mark((at, 100.0 * tile.share()), map.look.mark(4.0)))?;
            }
            rows(&mut csv, map);
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn table() -> Csv {
    Csv::new(&[
        "label",
        "width",
        "epsilon",
        "starts",
        "reached",
        "share",
        "reference",
        "reference_kind",
        "elsewhere",
        "rank_theory",
        "unconstrained_minimum",
        "lowest",
        "attained",
    ])
}

fn rows(csv: &mut Csv, map: &Map) {
    for tile in &map.tiles {
        let ends: Vec<String> = tile.elsewhere.iter().map(|(nature, count)| format!("{count} {nature}")).collect();
        csv.row(&[
            map.label.clone(),
            tile.width.to_string(),
            cell(Some(tile.epsilon)),
            tile.runs.to_string(),
            tile.reached.to_string(),
            cell(Some(tile.share())),
            cell(Some(tile.reference)),
            if tile.closed { "closed form" } else { "best found" }.into(),
            ends.join("; "),
            map.rank(tile.epsilon).map_or(String::new(), |rank| rank.to_string()),
            cell(tile.unconstrained.map(|(full, _)| full)),
            cell(tile.unconstrained.map(|(_, lowest)| lowest)),
            tile.attained().map_or(String::new(), |attained| attained.to_string()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture_widths::widths;
    use super::*;

    fn sweep() -> RunData {
        widths(tempfile::tempdir().unwrap().path())
    }

    /// Rows of the table as cells.
    fn cells(drawing: &Drawing) -> Vec<Vec<String>> {
        drawing.csv.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn starts_are_counted_against_the_closed_form_or_the_best_found() {
        let mut data = sweep();
        let drawing = draw(&data).unwrap();
        let rows = cells(&drawing);
        // Two losses, two ε, three widths.
        assert_eq!(rows.len(), 12);
        for row in rows {
            let narrow = row[1] == "2";
            assert_eq!((row[3].as_str(), row[4].as_str()), ("4", if narrow { "3" } else { "4" }), "{row:?}");
            assert_eq!(row[7], if narrow { "best found" } else { "closed form" });
            assert_eq!(row[8], if narrow { "1 local-minimum" } else { "" });
            assert_eq!(row[9], "3", "{row:?}");
        }
        assert_eq!(
            drawing.note,
            "At d ≥ R 32 of 32 starts reach f*; below, starts of 4 of 4 problems disagree on the lowest value. The f* of wide features (d = K) is attained for d ≥ R and missed for d < R, as \
             the line says, in 8 of 12 problems."
        );
        // Here the narrow problems have the value of the wide ones, which the note has just said; above it they are where they belong.
        data.records.iter_mut().filter(|record| record.width == 2).for_each(|record| record.value *= 10.0);
        assert!(draw(&data).unwrap().note.contains("as the line says, in 12 of 12 problems"));
        assert_eq!(drawing.svg.matches(">75</text>").count(), 4, "{}", drawing.svg);
        assert!(drawing.svg.contains("3 of 4 reach") && drawing.svg.contains("(best found); elsewhere: 1 local-minimum"));
    }

    #[test]
    fn a_start_that_misses_the_closed_form_shows() {
        let mut data = sweep();
        let planted = data.records.iter_mut().find(|record| record.width == 4).unwrap();
        (planted.value, planted.nature) = (planted.value * 1.001, Some("not-critical".into()));
        assert!(draw(&data).unwrap().note.contains("31 of 32 starts"));
        // A value that is no number has not arrived.
        data.records.iter_mut().find(|record| record.width == 4).unwrap().value = f64::NAN;
        assert!(draw(&data).unwrap().note.contains("31 of 32 starts"));
    }

    #[test]
    fn one_epsilon_makes_a_curve_with_intervals() {
        let mut data = sweep();
        data.records.retain(|record| record.case.ends_with("-1"));
        let drawing = draw(&data).unwrap();
        assert_eq!(cells(&drawing).len(), 6);
        assert!(drawing.svg.contains(">R = 3</text>") && drawing.svg.contains("starts that reach f* (%)"), "{}", drawing.svg);
        if let Ok(folder) = std::env::var("UFM_KEEP_FIGURES") {
            std::fs::write(format!("{folder}/success-by-width-1.svg"), &drawing.svg).unwrap();
        }
        let tile = |reached, runs| Tile {
            width: 1,
            epsilon: 1.0,
            runs,
            reached,
            reference: 1.0,
            closed: true,
            unconstrained: None,
            elsewhere: BTreeMap::new(),
        };
        // Wilson's interval: n/(n + z²) below at full success, the same mirrored at none.
        let (low, high) = tile(25, 25).interval();
        assert!((low - 25.0 / (25.0 + 1.96 * 1.96)).abs() < 1e-12 && (high - 1.0).abs() < 1e-12);
        let (low, high) = tile(0, 25).interval();
        assert!(low.abs() < 1e-12 && (high - 1.96 * 1.96 / (25.0 + 1.96 * 1.96)).abs() < 1e-12);
    }

    #[test]
    fn the_boundary_is_the_rank_of_the_closed_form() {
        let data = sweep();
        let maps = maps(&data).unwrap();
        let (entropy, mse) = (&maps[0], &maps[1]);
        // Cross-entropy collapses to zero at ε = 1/K; below that its rank is K − 1.
        assert_eq!((entropy.rank(0.249), entropy.rank(0.251)), (Some(3), Some(0)));
        // MSE's mean part comes in where λ_b > ε/(M/K − ε): at λ_b = .01, below ε = .0025/1.01.
        assert_eq!((mse.rank(0.002_47), mse.rank(0.002_48)), (Some(4), Some(3)));
        let line = boundary(entropy, &[2, 3, 4], (0.1, 0.4));
        assert!(
            line.windows(2).any(|pair| (pair[0].1 - 0.25).abs() < 1e-3 && (pair[0].0 - pair[1].0 - 1.0).abs() < 1e-12),
            "{line:?}"
        );
    }

    #[test]
    fn reasons_name_what_is_missing() {
        let mut data = sweep();
        data.records.retain(|record| record.width == 3);
        assert!(draw(&data).unwrap_err().contains("two widths"));
        let mut data = sweep();
        data.records.iter_mut().for_each(|record| record.start = "rank-ladder".into());
        assert!(draw(&data).unwrap_err().contains("random start"));
        let mut data = sweep();
        data.records.iter_mut().for_each(|record| record.epsilon = None);
        assert!(draw(&data).unwrap_err().contains("equal size"));
    }
}
