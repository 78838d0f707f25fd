//! Minority collapse: whether the smallest classes have merged at the global minimum, over the imbalance ratio and μ, with the boundary of theory.

use std::collections::BTreeMap;

use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, WHITE};

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData, loss_label};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, SMALL, title};
use super::{Drawing, Family, left_out};
use crate::record::{PerClass, Record, problem_of};
use crate::theory::minority_collapse_size;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "minority-phases",
    summary: "minority collapse: which minima have merged the smallest classes, over imbalance and decay",
    caption: "Where the small classes merge. Each cell is one problem with large classes of n_A and small ones of n_B samples: across, the imbalance n_A/n_B; upwards, μ = √(λ_W λ_H). Its dot is \
              where the problem lies, and its colour the least distance between two classes at the global minimum (classifiers or class means, over the root mean square of all \
              pairs): orange where two classes share one classifier and one mean, blue where all differ, darker the farther apart. The line is theory: c_L √n_B/N = μ, with c_L = 1 (cross-entropy, BCE), \
              1 − α (label smoothing), M (MSE). Cells above it should be orange and cells below it blue; a red cross marks one that is not. At ratio 1 all classes are equal, and the line is the \
              edge at which W = H = 0. A bias does not move the line. Focal loss and MSE with κ ≠ 1 have no such line and are not drawn.",
    draw,
};

/// Separation up to which classes count as merged: far above rounding, far below what lies a thousandth beyond the boundary.
const MERGED: f64 = 1e-5;
const PANELS_MAX: usize = 12;
const COLUMNS: usize = 4;
const SIDE: (f64, f64) = (176.0, 190.0);
const MERGED_COLOR: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
const WRONG: RGBColor = RGBColor(0xc0, 0x10, 0x10);

/// What a panel's problems share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shared {
    /// Order of the loss in the run, then its label.
    loss: (usize, String),
    bias: String,
    large: usize,
    small: usize,
    n_small: usize,
}

/// A problem at its global minimum.
struct Cell<'a> {
    case: &'a Case<'a>,
    ratio: f64,
    mu: f64,
    separation: f64,
    /// c_L √n_B/(Nμ).
    boundary: f64,
    start_index: usize,
}

impl Cell<'_> {
    fn agrees(&self) -> bool {
        (self.separation <= MERGED) == (self.boundary <= 1.0)
    }
}

type Map<'a> = (Shared, Vec<Cell<'a>>);

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let maps = maps(&cases);
    if maps.iter().all(|(_, cells)| cells.len() < 2) {
        return Err("there are no global minima of problems with two sizes of classes, for which the boundary is known, and their `class-separation`".into());
    }
    let drawn = &maps[..maps.len().min(PANELS_MAX)];
    let all = || drawn.iter().flat_map(|(_, cells)| cells);
    let (right, total) = (all().filter(|cell| cell.agrees()).count(), all().count());
    let (svg, csv) = picture(drawn)?;
    let note = format!("{right} of {total} problems lie on the side of the boundary that theory says. ")
        + &left_out(maps.len(), drawn.len(), "panels");
    Ok(Drawing { svg, csv, note: note.trim_end().into() })
}

/// The cells of every panel: losses in the order of the run. Problems with equal classes belong to the first panel of their loss, bias, K and n.
fn maps<'a>(cases: &'a [Case<'a>]) -> Vec<Map<'a>> {
    let mut losses: Vec<String> = Vec::new();
    let (mut maps, mut equal): (BTreeMap<Shared, Vec<Cell>>, Vec<Map>) = (BTreeMap::new(), Vec::new());
    for case in cases {
        let label = loss_label(case.records[0]);
        let place = losses.iter().position(|other| *other == label).unwrap_or_else(|| {
            losses.push(label.clone());
            losses.len() - 1
        });
        let Some((mut shared, cell)) = read(case) else { continue };
        shared.loss = (place, label);
        if shared.large == 0 { equal.push((shared, vec![cell])) } else { maps.entry(shared).or_default().push(cell) }
    }
    for (shared, cells) in equal {
        let fits = |other: &Shared| {
            (&other.loss, &other.bias, other.large + other.small, other.n_small)
                == (&shared.loss, &shared.bias, shared.small, shared.n_small)
        };
        for cell in cells {
            if let Some((_, cells)) = maps.iter_mut().find(|(other, _)| fits(other)) {
                cells.push(cell);
            }
        }
    }
    maps.into_iter().collect()
}

/// A case as a cell: two sizes of classes at most, a known boundary, and a global minimum whose separation is known.
fn read<'a>(case: &'a Case<'a>) -> Option<(Shared, Cell<'a>)> {
    let record = case.best(|record| record.nature.as_deref() == Some("global-minimum") && separation(record).is_some())?;
    let problem = problem_of(record).ok()?;
    let sizes = match &record.per_class {
        PerClass::Balanced(n) => vec![*n; record.classes],
        PerClass::Imbalanced(sizes) => sizes.clone(),
    };
    let (low, high) = (*sizes.iter().min()?, *sizes.iter().max()?);
    let small = sizes.iter().filter(|&&size| size == low).count();
    if small < 2 || sizes.iter().any(|&size| size != low && size != high) {
        return None;
    }
    let boundary = (low as f64 / minority_collapse_size(&problem).ok()?).sqrt();
    let shared = Shared { loss: (0, String::new()), bias: record.bias.clone(), large: sizes.len() - small, small, n_small: low };
    let cell = Cell {
        case,
        ratio: high as f64 / low as f64,
        mu: problem.decay.mu(),
        separation: separation(record)?,
        boundary,
        start_index: record.start_index,
    };
    (boundary.is_finite() && cell.mu > 0.0).then_some((shared, cell))
}

/// The least separation of two classes; at W = H = 0 all have merged.
fn separation(record: &Record) -> Option<f64> {
    if record.rank == Some(0) {
        return Some(0.0);
    }
    record.metrics.get("class-separation").copied().filter(|x| x.is_finite() && *x >= 0.0)
}

fn picture(maps: &[Map]) -> Result<(String, String), String> {
    let columns = maps.len().min(COLUMNS);
    let width = (110.0 + columns as f64 * (SIDE.0 + 66.0)).max(720.0);
    let top = 84.0;
    let rows = maps.len().div_ceil(columns);
    let most = maps.iter().flat_map(|(_, cells)| cells).map(|cell| cell.separation).fold(0.0, f64::max);
    let heading = "Minority collapse: where the smallest classes merge";
    let mut csv = Csv::new(&[
        "case",
        "label",
        "loss",
        "bias",
        "ratio",
        "mu",
        "separation",
        "merged",
        "boundary_over_mu",
        "agrees",
        "start_index",
    ]);
    let svg = canvas::picture((width, top + rows as f64 * (SIDE.1 + 84.0)), heading, |sheet| {
        title(sheet, heading)?;
        keys(sheet, most)?;
        for (i, map) in maps.iter().enumerate() {
            let corner = (70.0 + (i % columns) as f64 * (SIDE.0 + 66.0), top + 16.0 + (i / columns) as f64 * (SIDE.1 + 84.0));
            draw_map(sheet, corner, map, most)?;
            table_rows(&mut csv, map);
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// The legend: colours and the line.
fn keys(sheet: &Sheet, most: f64) -> Drawn {
    let (y, text) = (48.0, Text::new(SMALL, INK, HPos::Left));
    sheet.rect((16.0, y), (14.0, 12.0), MERGED_COLOR)?;
    sheet.text((36.0, y + 10.0), "two classes merged", text)?;
    let (left, bar) = (186.0, 90.0);
    sheet.text((left - 12.0, y + 10.0), "0", Text { anchor: HPos::Right, ..text })?;
    for step in 0..30 {
        let t = (f64::from(step) + 0.5) / 30.0;
        sheet.rect((left - 8.0 + bar * f64::from(step) / 30.0, y), (bar / 30.0 + 0.6, 12.0), shade(t))?;
    }
    sheet.text((left + bar, y + 10.0), &format!("{} · least distance of two classes", short(most)), text)?;
    let line = left + bar + 232.0;
    sheet.line((line, y + 6.0), (line + 26.0, y + 6.0), Stroke::new(INK, 2.0))?;
    sheet.formula((line + 34.0, y + 10.0), "c_{L} √n_{B}/N = μ", text)
}

fn draw_map(sheet: &Sheet, (left, top): (f64, f64), (shared, cells): &Map, most: f64) -> Drawn {
    let sorted = |of: fn(&Cell) -> f64| {
        let mut values: Vec<f64> = cells.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        edges(&values)
    };
    let (ratios, mus) = (sorted(|cell| cell.ratio), sorted(|cell| cell.mu));
    let (x, y) =
        (Scale::Log { low: ratios[0], high: ratios[ratios.len() - 1] }, Scale::Log { low: mus[0], high: mus[mus.len() - 1] });
    let panel = Panel { left, top, width: SIDE.0, height: SIDE.1, x, y };
    let bias = if shared.bias == "none" { "no bias".to_owned() } else { format!("{} bias", shared.bias) };
    let chart = panel.chart(sheet, &format!("{}, {bias}", shared.loss.1), "imbalance n_{A}/n_{B}", "μ")?;
    for cell in cells {
        let around = |edges: &[f64], value: f64| {
            let at = edges.iter().rposition(|&edge| edge <= value).unwrap_or(0).min(edges.len() - 2);
            (edges[at], edges[at + 1])
        };
        let (across, up) = (around(&ratios, cell.ratio), around(&mus, cell.mu));
        let (corner, other) = (chart.at((across.0, up.1)), chart.at((across.1, up.0)));
        let color = if cell.separation <= MERGED { MERGED_COLOR } else { shade(cell.separation / most) };
        let tip = format!(
            "{}: n_A/n_B = {}, μ = {}, boundary at {} μ, least separation {}",
            cell.case.label,
            short(cell.ratio),
            short(cell.mu),
            short(cell.boundary),
            short(cell.separation)
        );
        let size = (other.0 - corner.0, other.1 - corner.1);
        sheet.tipped(&tip, || {
            sheet.rect(corner, size, color)?;
            sheet.frame(corner, size, Stroke::new(WHITE, 0.6))
        })?;
    }
    boundary(&chart, shared, cells, (x, y))?;
    cells.iter().try_for_each(|cell| dot(sheet, &chart, cell))?;
    let facts = format!("{} classes of n_A, {} of n_B = {}", shared.large, shared.small, shared.n_small);
    sheet.text((left, top + SIDE.1 + 50.0), &facts, Text::new(SMALL - 1.0, FAINT, HPos::Left))
}

/// Where the problem lies; a cross where it lies on the wrong side.
fn dot(sheet: &Sheet, chart: &Chart, cell: &Cell) -> Drawn {
    let at = (cell.ratio, cell.mu);
    if cell.agrees() {
        return chart.mark(at, Mark::new(Marker::Circle, 1.6, WHITE, INK));
    }
    let (x, y) = chart.at(at);
    sheet.line((x - 5.0, y - 5.0), (x + 5.0, y + 5.0), Stroke::new(WRONG, 2.2))?;
    sheet.line((x - 5.0, y + 5.0), (x + 5.0, y - 5.0), Stroke::new(WRONG, 2.2))
}

/// μ = c_L √n_B/N over the ratio, N = n_B (K_A ratio + K_B): c_L is read off any cell.
fn boundary(chart: &Chart, shared: &Shared, cells: &[Cell], (x, y): (Scale, Scale)) -> Drawn {
    let (Some(cell), Scale::Log { low, high }) = (cells.first(), x) else { return Ok(()) };
    let samples = |ratio: f64| shared.n_small as f64 * (shared.large as f64 * ratio + shared.small as f64);
    let scale = cell.boundary * cell.mu * samples(cell.ratio);
    let at = |step: u32| low * (high / low).powf(f64::from(step) / 120.0);
    let line: Vec<(f64, f64)> = (0..=120).map(at).map(|ratio| (ratio, scale / samples(ratio))).collect();
    for piece in line.split(|&(_, mu)| !(0.0..=1.0).contains(&y.fraction(mu))) {
        chart.line(piece.to_vec(), Stroke::new(WHITE, 4.0))?;
        chart.line(piece.to_vec(), Stroke::new(INK, 2.0))?;
    }
    Ok(())
}

/// Edges of cells around ascending positive values, half-way in logarithms; a single value gets a factor of 1.4 on each side.
fn edges(values: &[f64]) -> Vec<f64> {
    let ratio = |i: usize| if values.len() < 2 { 1.4 } else { (values[i + 1] / values[i]).sqrt() };
    let mut edges = vec![values[0] / ratio(0)];
    edges.extend(values.windows(2).map(|pair| (pair[0] * pair[1]).sqrt()));
    edges.push(values[values.len() - 1] * ratio(values.len().saturating_sub(2)));
    edges
}

/// Light to dark blue.
fn shade(t: f64) -> RGBColor {
    const ENDS: [[f64; 3]; 2] = [[222.0, 235.0, 247.0], [8.0, 69.0, 148.0]];
    let mix = |c: usize| (ENDS[0][c] + t.clamp(0.0, 1.0) * (ENDS[1][c] - ENDS[0][c])).round() as u8;
    RGBColor(mix(0), mix(1), mix(2))
}

fn table_rows(csv: &mut Csv, (shared, cells): &Map) {
    for one in cells {
        csv.row(&[
            one.case.id.into(),
            one.case.label.clone(),
            shared.loss.1.clone(),
            shared.bias.clone(),
            cell(Some(one.ratio)),
            cell(Some(one.mu)),
            cell(Some(one.separation)),
            (one.separation <= MERGED).to_string(),
            cell(Some(one.boundary)),
            one.agrees().to_string(),
            one.start_index.to_string(),
        ]);
    }
}
