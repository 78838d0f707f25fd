//! A slice of the landscape: f on a plane through a critical point, as filled contours.

use plotters::style::RGBColor;
use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::elements::{Mark, Marker};
use super::super::style::{INK, Key, Legend, NORMAL, SMALL, sequential, title};
use super::{Drawing, Family, left_out};
use crate::record::{Slice, SliceAxis, SliceMark};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "landscape-slice",
    summary: "f on a plane through a saddle, spanned by its steepest escape and the way to the lowest point",
    caption: "A slice of the landscape: f on the plane through a critical point (diamond) along two directions, as a map of height. The axes are orthogonal; one step is \
              the length that each names. Light lines are equal values, the white line is the value of the critical point itself: what is darker lies below it. The lowest \
              critical point found (disc), turned to be as near as rotations allow, lies in the plane where one of the directions leads to it, and is drawn hollow at its foot \
              where it does not. A slice shows no more than itself: a saddle may look like a minimum in it, and what looks like a minimum need not be critical, for all other \
              directions are missing.",
    draw,
};

/// Panels of one picture.
const PANELS_MAX: usize = 4;
const SIDE: f64 = 400.0;
const LEFT: f64 = 76.0;
/// From one panel's left to the next.
const PITCH: f64 = SIDE + 196.0;
const ROW: f64 = SIDE + 100.0;
const BANDS: usize = 16;
/// Rows of the filled map are so high, in pixels.
const STRIP: f64 = 2.0;
/// Heights that differ by more than this factor are spread by equal factors.
const WIDE: f64 = 30.0;
/// Bands of equal factors begin at this fraction of the greatest height.
const DEEPEST: f64 = 1e-3;

/// A slice, and the heights of its colours.
struct Map<'a> {
    case: &'a Case<'a>,
    slice: &'a Slice,
    across: &'a SliceAxis,
    up: &'a SliceAxis,
    /// The lowest value of the slice and its marks: heights are counted from here.
    base: f64,
    /// Heights where colours change, ascending.
    levels: Vec<f64>,
    logarithmic: bool,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    if data.slices.is_empty() {
        return Err("the run computed no slice (ask for one with a section [slice])".into());
    }
    let cases = data.cases();
    let (mut maps, mut notes) = (Vec::new(), String::new());
    for slice in &data.slices {
        let Some(case) = cases.iter().find(|case| case.id == slice.case) else { continue };
        match map(case, slice) {
            Ok(map) => maps.push(map),
            Err(reason) => notes += &format!("{}: {reason}. ", case.label),
        }
    }
    if maps.is_empty() {
        return Err(if notes.is_empty() {
            "no slice belongs to a case of the run".into()
        } else {
            notes.trim_end_matches(". ").into()
        });
    }
    let drawn = &maps[..maps.len().min(PANELS_MAX)];
    for map in drawn {
        notes += &note(map);
    }
    let (svg, csv) = picture(drawn)?;
    let note = left_out(maps.len(), drawn.len(), "slices") + &notes;
    Ok(Drawing { svg, csv, note: note.trim_end().into() })
}

fn map<'a>(case: &'a Case<'a>, slice: &'a Slice) -> Result<Map<'a>, String> {
    if let Some(reason) = &slice.reason {
        return Err(reason.clone());
    }
    let [across, up] = slice.axes.as_slice() else { return Err("the slice has no two axes".into()) };
    let (columns, rows) = (across.coordinates.len(), up.coordinates.len());
    let fits = columns > 1 && slice.values.len() == rows && slice.values.iter().all(|row| row.len() == columns);
    if !(fits && rows > 1) {
        return Err("the values of the slice do not fit its axes".into());
    }
    let finite = || slice.values.iter().flatten().filter_map(|&value| value).filter(|value| value.is_finite());
    let marks = slice.marks.iter().map(|mark| mark.value).filter(|value| value.is_finite());
    let base = finite().chain(marks).fold(f64::INFINITY, f64::min);
    let highest = finite().fold(f64::NEG_INFINITY, f64::max) - base;
    if !(highest > 0.0 && highest.is_finite()) {
        return Err("f is the same everywhere on the slice".into());
    }
    let mut heights: Vec<f64> = finite().map(|value| value - base).collect();
    heights.sort_by(f64::total_cmp);
    let typical = heights[heights.len() / 50];
    let logarithmic = highest > WIDE * typical;
    let lowest = typical.max(DEEPEST * highest);
    let level = |i: usize| {
        let t = i as f64 / (BANDS - 1) as f64;
        if logarithmic { lowest * (highest / lowest).powf(t) } else { highest * (i + 1) as f64 / BANDS as f64 }
    };
    let levels = (0..BANDS - 1).map(level).collect();
    Ok(Map { case, slice, across, up, base, levels, logarithmic })
}

/// What the reader must know of this slice: through what it goes, and how far its directions were from orthogonal.
fn note(map: &Map) -> String {
    let Some(through) = map.slice.marks.first() else { return String::new() };
    let names = [&map.across.direction, &map.up.direction];
    let overlap = map.slice.overlap.map_or(String::new(), |cosine| {
        format!("; {} and {} met at cosine {} before they were made orthogonal", names[0], names[1], short(cosine))
    });
    format!(
        "{}: through orbit {} (f = {}, rank {}){overlap}. ",
        map.case.label,
        through.orbit,
        short(through.value),
        through.rank
    )
}

fn picture(maps: &[Map]) -> Result<(String, String), String> {
    let columns = maps.len().min(2);
    let width = (LEFT + columns as f64 * PITCH - 60.0).max(600.0);
    let rows = maps.len().div_ceil(columns);
    let entries = vec![
        (Key::Shape(Marker::Diamond, WHITE, INK), "the point it goes through".to_owned()),
        (Key::Shape(Marker::Circle, LOWEST, INK), "lowest critical point found".into()),
        (Key::Shape(Marker::Circle, WHITE, INK), "its foot, where it lies outside the plane".into()),
    ];
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let heading = "A slice of the landscape";
    let mut csv = Csv::new(&["case", "label", "kind", "orbit", "across", "up", "value"]);
    let svg = canvas::picture((width, top + rows as f64 * ROW - 36.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (i, map) in maps.iter().enumerate() {
            let corner = (LEFT + (i % columns) as f64 * PITCH, top + (i / columns) as f64 * ROW);
            draw_map(sheet, map, corner)?;
            table_rows(&mut csv, map);
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

const LOWEST: RGBColor = RGBColor(0xff, 0xb0, 0x00);

fn draw_map(sheet: &Sheet, map: &Map, (left, top): (f64, f64)) -> Drawn {
    let ends = |axis: &SliceAxis| (axis.coordinates[0], axis.coordinates[axis.coordinates.len() - 1]);
    let (x, y) = (ends(map.across), ends(map.up));
    let scale = |(low, high): (f64, f64)| Scale::Linear { low, high };
    let panel = Panel { left, top, width: SIDE, height: SIDE, x: scale(x), y: scale(y) };
    let chart =
        panel.chart(sheet, &map.case.label.replace(['{', '}', '^', '_', '~'], " "), &words(map.across), &words(map.up))?;
    // Heights not known stay white: the strips around them are not drawn.
    fill(sheet, map, (left, top))?;
    let place = |x: f64, y: f64| (left + SIDE * x, top + SIDE * (1.0 - y));
    for (number, &level) in map.levels.iter().enumerate() {
        let shade = sequential(number as f64 / (BANDS - 1) as f64 + 0.18);
        for (from, to) in contour(map, level) {
            sheet.line(place(from.0, from.1), place(to.0, to.1), Stroke::new(shade, 0.6))?;
        }
    }
    if let Some(through) = map.slice.marks.first() {
        for (from, to) in contour(map, through.value - map.base) {
            sheet.line(place(from.0, from.1), place(to.0, to.1), Stroke::new(WHITE, 1.4))?;
        }
    }
    sheet.frame((left, top), (SIDE, SIDE), Stroke::new(INK, 1.0))?;
    for mark in map.slice.marks.iter().rev() {
        let value = if mark.value.is_finite() { mark.value.to_string() } else { short(mark.value) };
        let away = short(mark.distance);
        let tip = format!("orbit {}: f = {value}, rank {}, {}, distance {away}", mark.orbit, mark.rank, mark.nature);
        let (marker, fill) = look(mark, map);
        sheet.tipped(&tip, || chart.mark((mark.at[0], mark.at[1]), Mark::new(marker, 6.0, fill, INK)))?;
        let inside = (x.0..=x.1).contains(&mark.at[0]) && (y.0..=y.1).contains(&mark.at[1]);
        if inside {
            let (px, py) = chart.at((mark.at[0], mark.at[1]));
            label(sheet, (px + 10.0, py - 7.0), &format!("{}: f = {}", mark.orbit, short(mark.value)))?;
        }
    }
    color_bar(sheet, map, (left + SIDE + 18.0, top))
}

/// Dark words on a light ground of their own, readable on every colour.
fn label(sheet: &Sheet, (x, y): (f64, f64), text: &str) -> Drawn {
    let width = canvas::text_width(text, SMALL);
    sheet.rect((x - 2.0, y - 10.0), (width + 4.0, 13.5), RGBColor(0xfa, 0xfa, 0xf4))?;
    sheet.text((x, y), text, Text::new(SMALL, INK, HPos::Left))
}

fn look(mark: &SliceMark, map: &Map) -> (Marker, RGBColor) {
    let reach = map.across.step.max(map.up.step);
    match mark.role.as_str() {
        "through" => (Marker::Diamond, WHITE),
        _ if mark.distance <= 1e-6 * reach => (Marker::Circle, LOWEST),
        _ => (Marker::Circle, WHITE),
    }
}

/// What an axis is, in words.
fn words(axis: &SliceAxis) -> String {
    let step = short(axis.step);
    match axis.direction.as_str() {
        "escape" => {
            let value = axis.eigenvalue.map_or(String::new(), |value| format!(", λ = {}", short(value)));
            format!("steepest escape{value} (one step: length {step})")
        }
        "to-minimum" => format!("towards the lowest point (one step: its distance, {step})"),
        _ => format!("random direction (one step: length {step})"),
    }
}

/// The height at row `j`, column `i`.
fn height(map: &Map, j: usize, i: usize) -> f64 {
    map.slice.values[j][i].map_or(f64::NAN, |value| value - map.base)
}

/// The bands as strips: along each, heights are linear from column to column, so ends of runs are exact.
fn fill(sheet: &Sheet, map: &Map, (left, top): (f64, f64)) -> Drawn {
    let (columns, rows) = (map.across.coordinates.len(), map.up.coordinates.len());
    let strips = (SIDE / STRIP).round() as usize;
    for strip in 0..strips {
        let y = (strip as f64 + 0.5) / strips as f64 * (rows - 1) as f64;
        let (j, part) = (y.floor() as usize, y.fract());
        let row: Vec<f64> =
            (0..columns).map(|i| (1.0 - part) * height(map, j, i) + part * height(map, (j + 1).min(rows - 1), i)).collect();
        let below = top + SIDE * (1.0 - (strip + 1) as f64 / strips as f64);
        // Overlaps the strip beneath, so that no seam shows.
        let high = (SIDE / strips as f64 + 0.6).min(top + SIDE - below);
        for (from, to, band) in runs(&row, &map.levels) {
            let (from, to) = (SIDE * from / (columns - 1) as f64, SIDE * to / (columns - 1) as f64);
            let wide = (to - from + 0.6).min(SIDE - from);
            sheet.rect((left + from, below), (wide, high), sequential(band as f64 / (BANDS - 1) as f64))?;
        }
    }
    Ok(())
}

/// Maximal pieces of one band along a row of heights: from, to (in columns), band.
fn runs(row: &[f64], levels: &[f64]) -> Vec<(f64, f64, usize)> {
    let mut runs: Vec<(f64, f64, usize)> = Vec::new();
    for (i, pair) in row.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        if !(a.is_finite() && b.is_finite()) {
            continue;
        }
        let mut cuts: Vec<f64> = levels.iter().map(|level| (level - a) / (b - a)).filter(|t| *t > 0.0 && *t < 1.0).collect();
        cuts.sort_by(f64::total_cmp);
        cuts.insert(0, 0.0);
        cuts.push(1.0);
        for ends in cuts.windows(2) {
            let middle = a + (b - a) * 0.5 * (ends[0] + ends[1]);
            let band = levels.partition_point(|level| *level <= middle);
            let (from, to) = (i as f64 + ends[0], i as f64 + ends[1]);
            match runs.last_mut() {
                Some(last) if last.2 == band && (last.1 - from).abs() < 1e-9 => last.1 = to,
                _ => runs.push((from, to, band)),
            }
        }
    }
    runs
}

type Segment = ((f64, f64), (f64, f64));

/// The level's contour as segments, in fractions of the axes. Every cell is cut into two triangles, on which heights are linear: no case is ambiguous.
fn contour(map: &Map, level: f64) -> Vec<Segment> {
    let (columns, rows) = (map.across.coordinates.len(), map.up.coordinates.len());
    let corner = |i: usize, j: usize| {
        let (x, y) = (i as f64 / (columns - 1) as f64, j as f64 / (rows - 1) as f64);
        (x, y, height(map, j, i) - level)
    };
    let mut segments = Vec::new();
    for j in 0..rows - 1 {
        for i in 0..columns - 1 {
            let [a, b, c, d] = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)];
            segments.extend([[a, b, c], [a, c, d]].into_iter().filter_map(crossing));
        }
    }
    segments
}

/// Where a linear function on a triangle is zero.
fn crossing(corners: [(f64, f64, f64); 3]) -> Option<Segment> {
    if !corners.iter().all(|corner| corner.2.is_finite()) {
        return None;
    }
    let mut ends = Vec::new();
    for k in 0..3 {
        let (a, b) = (corners[k], corners[(k + 1) % 3]);
        if (a.2 < 0.0) != (b.2 < 0.0) {
            let t = a.2 / (a.2 - b.2);
            ends.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
        }
    }
    (ends.len() == 2).then(|| (ends[0], ends[1]))
}

fn color_bar(sheet: &Sheet, map: &Map, (x, top): (f64, f64)) -> Drawn {
    let (bar, step) = (16.0, SIDE / BANDS as f64);
    for band in 0..BANDS {
        let y = top + SIDE - (band + 1) as f64 * step;
        sheet.rect((x, y), (bar, (step + 0.6).min(top + SIDE - y)), sequential(band as f64 / (BANDS - 1) as f64))?;
    }
    sheet.frame((x, top), (bar, SIDE), Stroke::new(INK, 1.0))?;
    for (number, &level) in map.levels.iter().enumerate().step_by(2) {
        let y = top + SIDE - (number + 1) as f64 * step;
        sheet.line((x + bar, y), (x + bar + 4.0, y), Stroke::new(INK, 1.0))?;
        sheet.text((x + bar + 8.0, y + 4.0), &digits(level), Text::new(SMALL, INK, HPos::Left))?;
    }
    if let Some(through) = map.slice.marks.first().filter(|through| through.value.is_finite()) {
        let at = map.levels.partition_point(|level| *level <= through.value - map.base);
        let y = top + SIDE - (at as f64 + within(map, at, through.value - map.base)) * step;
        sheet.line((x, y), (x + bar, y), Stroke::new(WHITE, 2.0))?;
    }
    let what = format!("f − {}{}", short(map.base), if map.logarithmic { " (equal factors)" } else { "" });
    let upright = Text { upright: true, ..Text::new(NORMAL, INK, HPos::Center) };
    sheet.text((x + bar + 62.0, top + SIDE / 2.0), &what, upright)
}

/// How far a height has gone through its band, from 0 to 1.
fn within(map: &Map, band: usize, height: f64) -> f64 {
    match (band.checked_sub(1).map(|below| map.levels[below]), map.levels.get(band)) {
        (Some(low), Some(&high)) => ((height - low) / (high - low)).clamp(0.0, 1.0),
        _ => 0.5,
    }
}

/// Two figures are enough for a colour.
fn digits(x: f64) -> String {
    if !(x > 0.0) {
        return short(x);
    }
    let unit = 10f64.powi(x.log10().floor() as i32 - 1);
    short((x / unit).round() * unit)
}

fn table_rows(csv: &mut Csv, map: &Map) {
    let mut row = |kind: &str, orbit: String, x: f64, y: f64, value: Option<f64>| {
        csv.row(&[
            map.case.id.into(),
            map.case.label.clone(),
            kind.into(),
            orbit,
            cell(Some(x)),
            cell(Some(y)),
            cell(value.filter(|value| value.is_finite())),
        ]);
    };
    for mark in &map.slice.marks {
        row(&mark.role, mark.orbit.to_string(), mark.at[0], mark.at[1], Some(mark.value));
    }
    for (values, &y) in map.slice.values.iter().zip(&map.up.coordinates) {
        for (&value, &x) in values.iter().zip(&map.across.coordinates) {
            row("grid", String::new(), x, y, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cut_a_row_where_it_crosses_a_level() {
        assert_eq!(runs(&[0.0, 4.0], &[1.0, 2.0]), [(0.0, 0.25, 0), (0.25, 0.5, 1), (0.5, 1.0, 2)]);
        assert_eq!(runs(&[0.5, 0.5, 0.2], &[1.0]), [(0.0, 2.0, 0)]);
        assert_eq!(runs(&[0.5, f64::NAN, 0.2, 0.1], &[1.0]), [(2.0, 3.0, 0)]);
    }

    #[test]
    fn a_contour_lies_where_the_function_has_its_level() {
        let found = crossing([(0.0, 0.0, -1.0), (1.0, 0.0, 1.0), (0.0, 1.0, 3.0)]).unwrap();
        assert_eq!(found, ((0.5, 0.0), (0.0, 0.25)));
        assert_eq!(crossing([(0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (0.0, 1.0, 3.0)]), None);
        assert_eq!(crossing([(0.0, 0.0, f64::NAN), (1.0, 0.0, 1.0), (0.0, 1.0, -3.0)]), None);
    }
}
