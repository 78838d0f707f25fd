//! The saddle graph: every orbit of the census by its value, with edges down to what its escapes reach.

use std::collections::BTreeMap;

use plotters::style::text_anchor::HPos;
use plotters::style::{RGBColor, WHITE};

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text, text_width};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData, count_ends, count_text};
use super::super::elements::{Mark, Marker};
use super::super::style::{FAINT, INK, Key, Legend, SMALL, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::{CensusCase, CensusOrbit};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "saddle-graph",
    summary: "every critical point of the census by value and rank, with edges down to what its escapes reach",
    caption: "The saddle graph: what lies below what. Each mark is a critical point modulo symmetry, its height the value of f, its column the rank of W and H. Minima are the leaves at the bottom (dark blue: global; light blue: \
              other); saddles are orange, the darker the higher their index. An edge leads from a saddle to a point that gradient flow reaches from it along an eigenvector of negative curvature, the wider the more such \
              paths were found. The label gives the orbit's number in the census, its index i, and which classes share a place (2+1+1: two classes tied). A connected family of degenerate points is one mark, labelled so, at its first member. Diamonds were first met by following such a path. A missing edge means only that none of the \
              directions tried leads there.",
    draw,
};

const GLOBAL: RGBColor = RGBColor(0x00, 0x5a, 0x96);
const MINIMUM: RGBColor = RGBColor(0x8c, 0xc6, 0xec);
const TO_MINIMUM: RGBColor = RGBColor(0xa9, 0xc4, 0xd8);
const TO_SADDLE: RGBColor = RGBColor(0xe3, 0xb9, 0x8c);
const LANE: f64 = 96.0;
const COLUMN_GAP: f64 = 20.0;
const HEIGHT: f64 = 420.0;
const ROW: f64 = HEIGHT + 92.0;
/// Panels go to the next row beyond this width.
const WIDTH_MAX: f64 = 1500.0;

/// The graph of one case, laid out.
struct Graph<'a> {
    case: &'a Case<'a>,
    /// Orbit, place from the panel's left, height as a number of the scale.
    nodes: Vec<(&'a CensusOrbit, f64, f64)>,
    /// Number of paths from one orbit to another.
    edges: BTreeMap<(usize, usize), usize>,
    /// Middle of each rank's column.
    columns: Vec<(usize, f64)>,
    scale: Scale,
    y_label: String,
    width: f64,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let censuses = data.censuses(&cases);
    if censuses.is_empty() {
        return Err("the run took no census (ask for one with a section [census])".into());
    }
    if data.escapes.iter().all(|row| row.to.is_none()) {
        return Err("no escape path of a saddle reached a critical point".into());
    }
    let graphs: Vec<Graph> = censuses.iter().filter_map(|(case, census)| graph(data, case, census)).collect();
    if graphs.is_empty() {
        return Err("no critical point of the census has a finite value".into());
    }
    let drawn = &graphs[..graphs.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: left_out(graphs.len(), drawn.len(), "cases") })
}

fn graph<'a>(data: &'a RunData, case: &'a Case<'a>, census: &'a CensusCase) -> Option<Graph<'a>> {
    // A connected family is one node: its first member.
    let node = |orbit: usize| {
        let family = census.orbits.iter().find(|other| other.orbit == orbit).and_then(|other| other.family);
        let first = family.and_then(|family| census.families.get(family)).and_then(|family| family.members.first().copied());
        first.unwrap_or(orbit)
    };
    let mut orbits: Vec<&CensusOrbit> =
        census.orbits.iter().filter(|orbit| orbit.value.is_finite() && node(orbit.orbit) == orbit.orbit).collect();
    orbits.sort_by(|a, b| a.value.total_cmp(&b.value));
    let lowest = orbits.first()?.value;
    let excess: Vec<f64> = orbits.iter().map(|orbit| orbit.value - lowest).collect();
    let highest = excess.last().copied().unwrap_or(0.0);
    let zero = 1e-9 * lowest.abs();
    let second = excess.iter().copied().find(|&x| x > zero).unwrap_or(highest);
    // Values that crowd at the bottom are spread by a logarithmic axis, on which the lowest point itself has its own place.
    let broken = highest > 300.0 * second;
    let height = |orbit: &CensusOrbit| if broken { orbit.value - lowest } else { orbit.value };
    let heights = || orbits.iter().map(|orbit| height(orbit));
    let scale = if broken { Scale::symlog(heights(), zero)? } else { Scale::linear(heights())? };
    let y_label = if broken { format!("f − {} (log scale above the break)", short(lowest)) } else { "value f".into() };
    let mut edges = BTreeMap::new();
    for row in data.escapes.iter().filter(|row| row.case == census.case) {
        let ends = row.to.map(|to| (node(row.orbit), node(to)));
        ends.into_iter().filter(|(from, to)| from != to).for_each(|edge| *edges.entry(edge).or_insert(0) += 1);
    }
    let (places, columns, width) = lay_out(&orbits, |orbit| HEIGHT * scale.fraction(height(orbit)));
    let nodes = orbits.iter().zip(places).map(|(&orbit, x)| (orbit, x, height(orbit))).collect();
    Some(Graph { case, nodes, edges, columns, scale, y_label, width })
}

/// The place of every orbit from the left, the middle of each rank's column, and the width of all.
///
/// A column has as many lanes as it needs for labels not to touch; neighbours in value go to different lanes, so that an edge to the next but one does not run through the one between.
fn lay_out(orbits: &[&CensusOrbit], height: impl Fn(&CensusOrbit) -> f64) -> (Vec<f64>, Vec<(usize, f64)>, f64) {
    let mut ranks: Vec<usize> = orbits.iter().map(|orbit| orbit.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let (mut places, mut columns, mut left) = (vec![0.0; orbits.len()], Vec::new(), 0.0);
    for rank in ranks {
        let of_rank: Vec<usize> = (0..orbits.len()).filter(|&i| orbits[i].rank == rank).collect();
        let mut lanes: Vec<Vec<f64>> = vec![Vec::new(); if of_rank.len() > 2 { 2 } else { 1 }];
        let mut next = 0;
        let mut taken = Vec::new();
        for &i in &of_rank {
            let y = height(orbits[i]);
            let free = |lane: &Vec<f64>| lane.iter().all(|other| (other - y).abs() >= 34.0);
            let count = lanes.len();
            let lane = (0..count).map(|step| (next + step) % count).find(|&lane| free(&lanes[lane])).unwrap_or_else(|| {
                lanes.push(Vec::new());
                count
            });
            lanes[lane].push(y);
            next = lane + 1;
            taken.push((i, lane));
        }
        for (i, lane) in taken {
            places[i] = left + 14.0 + lane as f64 * LANE;
        }
        let width = lanes.len() as f64 * LANE;
        columns.push((rank, left + width / 2.0));
        left += width + COLUMN_GAP;
    }
    (places, columns, left)
}

fn picture(graphs: &[Graph]) -> Result<(String, String), String> {
    const BETWEEN: f64 = 84.0;
    let (mut corners, mut x, mut row, mut widest) = (Vec::new(), 76.0, 0_usize, 0.0_f64);
    for graph in graphs {
        if x > 76.0 && x + graph.width > WIDTH_MAX {
            (x, row) = (76.0, row + 1);
        }
        corners.push((x, row));
        x += graph.width + BETWEEN;
        widest = widest.max(x - BETWEEN);
    }
    let width = (widest + 20.0).max(720.0);
    let index_max = graphs.iter().flat_map(|graph| &graph.nodes).map(|(orbit, ..)| index(orbit)).fold(1.0, f64::max);
    let legend = Legend::new(keys(index_max), 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 34.0;
    let mut csv =
        Csv::new(&["case", "label", "kind", "orbit", "to", "value", "rank", "index", "nature", "partition", "found_by", "paths"]);
    let heading = "The saddle graph: critical points and what their escapes reach";
    let svg = canvas::picture((width, top + (row + 1) as f64 * ROW - 30.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (graph, &(left, row)) in graphs.iter().zip(&corners) {
            draw_graph(sheet, graph, (left, top + row as f64 * ROW), index_max)?;
            table_rows(&mut csv, graph);
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn keys(index_max: f64) -> Vec<(Key, String)> {
    let key = |marker, fill, text: &str| (Key::Shape(marker, fill, INK), text.to_owned());
    vec![
        key(Marker::Circle, GLOBAL, "global minimum"),
        key(Marker::Circle, MINIMUM, "other minimum"),
        key(Marker::Circle, shade(1.0, index_max), "saddle of index 1"),
        key(Marker::Circle, shade(index_max, index_max), &format!("saddle of index {index_max}")),
        key(Marker::Diamond, WHITE, "first met by an escape"),
    ]
}

fn index(orbit: &CensusOrbit) -> f64 {
    orbit.index.map_or(0.0, |index| count_ends(index).0)
}

/// From light to dark orange with the logarithm of the index.
fn shade(index: f64, index_max: f64) -> RGBColor {
    let part = if index_max > 1.0 { index.max(1.0).ln() / index_max.ln() } else { 0.0 };
    let mix = |light: f64, dark: f64| (light + part * (dark - light)).round() as u8;
    RGBColor(mix(253.0, 178.0), mix(224.0, 70.0), mix(176.0, 0.0))
}

fn is_minimum(orbit: &CensusOrbit) -> bool {
    orbit.nature.ends_with("-minimum")
}

fn fill(orbit: &CensusOrbit, index_max: f64) -> RGBColor {
    match orbit.nature.as_str() {
        "global-minimum" => GLOBAL,
        "local-minimum" | "degenerate-minimum" => MINIMUM,
        _ => shade(index(orbit), index_max),
    }
}

fn draw_graph(sheet: &Sheet, graph: &Graph, (left, top): (f64, f64), index_max: f64) -> Drawn {
    let x = Scale::Linear { low: 0.0, high: graph.width };
    let panel = Panel { left, top, width: graph.width, height: HEIGHT, x, y: graph.scale };
    let chart = panel.upright_chart(sheet, &graph.y_label)?;
    let bold = Text { bold: true, ..Text::new(SMALL + 1.0, graph.case.look.color, HPos::Left) };
    sheet.text((left, top - 8.0), &graph.case.label, bold)?;
    for (rank, middle) in &graph.columns {
        sheet.text((left + middle, top + HEIGHT + 16.0), &format!("rank {rank}"), Text::new(SMALL, INK, HPos::Center))?;
    }
    let node = |number: usize| graph.nodes.iter().find(|(orbit, ..)| orbit.orbit == number);
    // Edges to minima are the most, so they lie undermost.
    for below in [true, false] {
        for (&(from, to), &count) in &graph.edges {
            let (Some(upper), Some(lower)) = (node(from), node(to)) else { continue };
            if is_minimum(lower.0) == below {
                let stroke = Stroke::new(if below { TO_MINIMUM } else { TO_SADDLE }, 0.8 + 0.7 * (count as f64).log2());
                let tip = format!("orbit {from} → orbit {to}: {count} paths");
                sheet.tipped(&tip, || sheet.line(chart.at((upper.1, upper.2)), chart.at((lower.1, lower.2)), stroke))?;
            }
        }
    }
    graph.nodes.iter().try_for_each(|&(orbit, x, y)| draw_node(sheet, chart.at((x, y)), orbit, index_max))
}

fn draw_node(sheet: &Sheet, (x, y): (f64, f64), orbit: &CensusOrbit, index_max: f64) -> Drawn {
    let marker = if orbit.found_by == "escape" { Marker::Diamond } else { Marker::Circle };
    let first = if is_minimum(orbit) {
        format!("{} (min)", orbit.orbit)
    } else {
        format!("{}  i = {}", orbit.orbit, count_text(orbit.index))
    };
    let second = if orbit.family.is_some() { "family".into() } else { orbit.partition.clone().unwrap_or_default() };
    let tip = format!(
        "orbit {}: f = {}, rank {}, index {}, {} ({}), {} starts",
        orbit.orbit,
        orbit.value,
        orbit.rank,
        count_text(orbit.index),
        orbit.nature,
        orbit.standing,
        orbit.hits
    );
    sheet.tipped(&tip, || {
        Mark::new(marker, 6.0, fill(orbit, index_max), INK).draw_on(sheet, (x, y))?;
        for (line, (text, color)) in [(&first, INK), (&second, FAINT)].into_iter().enumerate() {
            if text.is_empty() {
                continue;
            }
            let size = SMALL - 1.0;
            let baseline = y + if second.is_empty() { 3.5 } else { -2.0 + 11.0 * line as f64 };
            // Edges must not run through the words.
            sheet.rect((x + 9.0, baseline - 8.5), (text_width(text, size) + 2.0, 10.5), WHITE)?;
            sheet.text((x + 10.0, baseline), text, Text::new(size, color, HPos::Left))?;
        }
        Ok(())
    })
}

fn table_rows(csv: &mut Csv, graph: &Graph) {
    let (id, label) = (graph.case.id, &graph.case.label);
    for (orbit, ..) in &graph.nodes {
        csv.row(&[
            id.into(),
            label.clone(),
            "orbit".into(),
            orbit.orbit.to_string(),
            String::new(),
            cell(Some(orbit.value)),
            orbit.rank.to_string(),
            count_text(orbit.index),
            orbit.nature.clone(),
            orbit.partition.clone().unwrap_or_default(),
            orbit.found_by.clone(),
            String::new(),
        ]);
    }
    for ((from, to), count) in &graph.edges {
        let blank = String::new;
        csv.row(&[
            id.into(),
            label.clone(),
            "edge".into(),
            from.to_string(),
            to.to_string(),
            blank(),
            blank(),
            blank(),
            blank(),
            blank(),
            blank(),
            count.to_string(),
        ]);
    }
}
