//! Escape paths: value above the end, gradient norm and smallest eigenvalue along the way from each saddle.

use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::elements::{Mark, Marker};
use super::super::style::{Key, Legend, Look, SMALL, look, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::{CensusCase, EscapeRow, EscapeStep};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "escape-paths",
    summary: "value above the end, gradient norm and smallest eigenvalue along the escape paths of saddles",
    caption: "Paths of gradient flow off saddles, one for each pair of a saddle and what it reaches, against the distance walked. Colour and dash tell the saddle. Left: the value above that of the path's end. Middle: the gradient norm, \
              which vanishes at both ends and dips where a path passes close to another saddle. Right: the smallest eigenvalue of the whole Hessian, which rises to zero (rotations) where the path ends at a minimum (filled mark) and stays below \
              where it ends at a lower saddle (hollow mark).",
    draw,
};

struct Quantity {
    title: &'static str,
    label: &'static str,
    /// Equal factors.
    log: bool,
    of: fn(&EscapeStep, f64) -> Option<f64>,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity { title: "value above the end", label: "f − f_{end}", log: true, of: |step, end| Some(step.value - end) },
    // The first row is the saddle itself, where there is only rounding.
    Quantity {
        title: "gradient norm",
        label: "‖∇f‖",
        log: true,
        of: |step, _| Some(step.gradient_norm).filter(|_| step.arc > 0.0),
    },
    Quantity { title: "smallest eigenvalue", label: "λ_{min} of ∇²f", log: false, of: |step, _| step.lambda_min },
];

/// A path with its saddle's look.
struct Path<'a> {
    row: &'a EscapeRow,
    to: usize,
    end: f64,
    look: Look,
    minimum: bool,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let censuses = data.censuses(&cases);
    if censuses.is_empty() {
        return Err("the run took no census (ask for one with a section [census])".into());
    }
    let found: Vec<(&Case, Vec<Path>)> =
        censuses.iter().map(|(case, census)| (*case, paths(data, census))).filter(|(_, paths)| !paths.is_empty()).collect();
    if found.is_empty() {
        return Err("no escape path of a saddle reached a critical point".into());
    }
    let drawn = &found[..found.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: left_out(found.len(), drawn.len(), "cases") })
}

/// The first path of each pair of saddle and end; of the eight highest saddles, since more looks cannot be told apart.
fn paths<'a>(data: &'a RunData, census: &CensusCase) -> Vec<Path<'a>> {
    let orbit = |number: usize| census.orbits.iter().find(|orbit| orbit.orbit == number);
    let mut paths: Vec<Path> = Vec::new();
    for row in data.escapes.iter().filter(|row| row.case == census.case && row.path.len() > 2) {
        let (Some(to), Some(end)) = (row.to, row.to_value) else { continue };
        if !paths.iter().any(|path| path.row.orbit == row.orbit && path.to == to) {
            let minimum = orbit(to).is_some_and(|orbit| orbit.nature.ends_with("-minimum"));
            paths.push(Path { row, to, end, look: look(0), minimum });
        }
    }
    let value = |path: &Path| orbit(path.row.orbit).map_or(f64::NEG_INFINITY, |orbit| orbit.value);
    paths.sort_by(|a, b| value(b).total_cmp(&value(a)).then(a.row.orbit.cmp(&b.row.orbit)).then(a.to.cmp(&b.to)));
    let mut saddles: Vec<usize> = paths.iter().map(|path| path.row.orbit).collect();
    saddles.dedup();
    for path in &mut paths {
        path.look = look(saddles.iter().position(|&saddle| saddle == path.row.orbit).unwrap_or(0));
    }
    saddles.truncate(CASES_MAX);
    paths.retain(|path| saddles.contains(&path.row.orbit));
    paths
}

fn picture(rows: &[(&Case, Vec<Path>)]) -> Result<(String, String), String> {
    let (width, height) = (1080.0, 230.0);
    let legends: Vec<Legend> = rows.iter().map(|(_, paths)| legend(paths, width)).collect();
    let heights: Vec<f64> = legends.iter().map(|legend| legend.height() + height + 92.0).collect();
    let mut csv =
        Csv::new(&["case", "label", "orbit", "to", "level", "direction", "sign", "arc", "value", "gradient_norm", "lambda_min"]);
    let heading = "Escape paths from saddles";
    let svg = canvas::picture((width, 40.0 + heights.iter().sum::<f64>()), heading, |sheet| {
        title(sheet, heading)?;
        let mut top = 40.0;
        for (((case, paths), legend), row_height) in rows.iter().zip(&legends).zip(&heights) {
            let bold = Text { bold: true, ..Text::new(SMALL + 1.0, case.look.color, HPos::Left) };
            sheet.text((16.0, top + 10.0), &case.label, bold)?;
            legend.draw(sheet, top + 14.0)?;
            for (i, quantity) in QUANTITIES.iter().enumerate() {
                let corner = (76.0 + i as f64 * 342.0, top + 14.0 + legend.height() + 26.0);
                draw_panel(sheet, corner, (258.0, height), paths, quantity)?;
            }
            table_rows(&mut csv, case, paths);
            top += row_height;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn legend(paths: &[Path], width: f64) -> Legend {
    let mut entries: Vec<(Key, String)> = Vec::new();
    let mut last = None;
    for path in paths {
        if last != Some(path.row.orbit) {
            last = Some(path.row.orbit);
            entries.push((Key::Line(path.look), format!("from orbit {}", path.row.orbit)));
        }
    }
    Legend::new(entries, 16.0, width - 32.0)
}

fn draw_panel(sheet: &Sheet, (left, top): (f64, f64), (width, height): (f64, f64), paths: &[Path], quantity: &Quantity) -> Drawn {
    let points = |path: &Path| -> Vec<(f64, f64)> {
        let point = |step: &EscapeStep| (quantity.of)(step, path.end).filter(|y| y.is_finite()).map(|y| (step.arc, y));
        path.row.path.iter().filter_map(point).collect()
    };
    let all = || paths.iter().flat_map(points);
    let y = if quantity.log { Scale::log(all().map(|(_, y)| y)) } else { Scale::linear(all().map(|(_, y)| y)) };
    let (Some(x), Some(y)) = (Scale::linear(all().map(|(x, _)| x)), y) else { return Ok(()) };
    let panel = Panel { left, top, width, height, x, y };
    let chart = panel.chart(sheet, quantity.title, "distance walked", quantity.label)?;
    for path in paths {
        let line: Vec<(f64, f64)> = points(path).into_iter().filter(|&point| chart.holds(point)).collect();
        let tip = format!(
            "orbit {} → orbit {}: from f = {} to {}",
            path.row.orbit,
            path.to,
            short(path.row.path[0].value),
            short(path.end)
        );
        sheet.tipped(&tip, || {
            let last = line.last().copied();
            chart.line(line, path.look.stroke(1.4))?;
            let fill = if path.minimum { path.look.color } else { WHITE };
            last.map_or(Ok(()), |last| chart.mark(last, Mark::new(Marker::Circle, 3.0, fill, path.look.color)))
        })?;
    }
    Ok(())
}

fn table_rows(csv: &mut Csv, case: &Case, paths: &[Path]) {
    for path in paths {
        for step in &path.row.path {
            csv.row(&[
                case.id.into(),
                case.label.clone(),
                path.row.orbit.to_string(),
                path.to.to_string(),
                path.row.level.to_string(),
                path.row.direction.to_string(),
                path.row.sign.to_string(),
                cell(Some(step.arc)),
                cell(Some(step.value)),
                cell(Some(step.gradient_norm)),
                cell(step.lambda_min),
            ]);
        }
    }
}
