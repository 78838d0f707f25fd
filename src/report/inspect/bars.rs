//! Metrics as bars: across files, and of training against test samples.

use plotters::style::text_anchor::HPos;

use super::super::Drawing;
use super::super::axes::{Scale, short};
use super::super::canvas::{Drawn, Sheet, Text};
use super::super::csv::{Csv, cell};
use super::super::grid::Grid;
use super::super::style::{FAINT, INK, Key, Look, SMALL, look};
use super::Inspected;

/// How to read the first figure.
pub(super) const CAPTION: &str = "Neural collapse under several conventions, one bar a file; lower is more collapsed, on logarithmic axes (a number over a missing bar: it is 0, or does not exist). NC1: \
    scatter within classes over that between them. NC2: how far classifier and class means are from a simplex ETF. NC3: how far classifier and class means are from each other. NC4: what the classifier \
    says at the mean of all features, and how often it decides otherwise than the nearest class mean. Bars of one metric compare files; bars of different metrics do not compare with each other.";

/// How to read the second.
pub(super) const TRAIN_TEST_CAPTION: &str = "The samples that the network was trained on against test samples, each with class means of their own. Features of test samples are always less collapsed; how \
    much less is how far the collapse of training features is fitted to those samples.";

/// Panels of the first figure: title, and the metrics in them.
const PANELS: [(&str, &[&str]); 4] = [
    ("NC1  variability within classes", &["nc1", "nc1-ratio", "nc1-cdnv"]),
    ("NC2  distance from a simplex", &["nc2", "nc2-raw", "nc2-means", "equiangle-w", "equiangle-means"]),
    ("NC3  self-duality", &["nc3", "nc3-raw", "nc3-distance", "gnc3-dissimilarity"]),
    ("NC4  decisions", &["nc4", "nc4-disagreement"]),
];

/// A series of bars.
struct Series {
    look: Look,
    name: String,
    /// One a category.
    values: Vec<Option<f64>>,
}

/// Bars of every metric across files.
pub(super) fn metrics(found: &[Inspected]) -> Result<Drawing, String> {
    let mut csv = Csv::new(&["file", "metric", "value"]);
    let entries = found.iter().enumerate().map(|(i, one)| (Key::Marker(look(i)), one.label.clone())).collect();
    let grid = Grid::new((2, 2), (430.0, 200.0), entries);
    let svg = grid.picture("Neural collapse across files", |sheet| {
        for (k, (title, ids)) in PANELS.iter().enumerate() {
            let value = |one: &Inspected, id: &str| one.findings.metrics.values.get(id).copied();
            let series: Vec<Series> = found
                .iter()
                .enumerate()
                .map(|(i, one)| Series {
                    look: look(i),
                    name: one.label.clone(),
                    values: ids.iter().map(|id| value(one, id)).collect(),
                })
                .collect();
            let names: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            panel(sheet, &grid, (k / 2, k % 2), title, &names, &series)?;
            for (one, id) in found.iter().flat_map(|one| ids.iter().map(move |id| (one, id))) {
                csv.row(&[one.label.clone(), (*id).to_owned(), cell(value(one, id))]);
            }
        }
        Ok(())
    })?;
    Ok(Drawing { svg, csv: csv.finish(), note: String::new() })
}

/// Bars of training and test samples, one pair a file.
pub(super) fn train_test(found: &[Inspected]) -> Result<Drawing, String> {
    if found.iter().all(|one| one.on_test().is_none()) {
        let reason = found.iter().find_map(|one| one.test.as_ref()?.findings.as_ref().err());
        return Err(reason.map_or_else(|| "no file holds test samples (H_test, labels_test)".into(), Clone::clone));
    }
    let mut csv = Csv::new(&["file", "samples", "quantity", "value"]);
    let (train, test) = (look(0), look(1));
    let entries = vec![(Key::Marker(train), "training samples".to_owned()), (Key::Marker(test), "test samples".to_owned())];
    let grid = Grid::new((2, 2), (430.0, 200.0), entries);
    let names: Vec<String> = found.iter().map(|one| one.label.clone()).collect();
    let quantities: [(&str, &str); 4] =
        [("error", "share decided wrongly"), ("nc1", "nc1"), ("nc1-cdnv", "nc1-cdnv"), ("nc4-disagreement", "nc4-disagreement")];
    let svg = grid.picture("Training against test samples", |sheet| {
        for (k, (id, title)) in quantities.iter().enumerate() {
            let of = |findings: &crate::metrics::Findings| match *id {
                "error" => findings.accuracy.map(|accuracy| 1.0 - accuracy),
                id => findings.metrics.values.get(id).copied(),
            };
            let series = [
                Series { look: train, name: "training".into(), values: found.iter().map(|one| of(&one.findings)).collect() },
                Series { look: test, name: "test".into(), values: found.iter().map(|one| one.on_test().and_then(of)).collect() },
            ];
            panel(sheet, &grid, (k / 2, k % 2), title, &names, &series)?;
            for series in &series {
                for (name, value) in names.iter().zip(&series.values) {
                    csv.row(&[name.clone(), series.name.clone(), (*id).to_owned(), cell(*value)]);
                }
            }
        }
        Ok(())
    })?;
    Ok(Drawing { svg, csv: csv.finish(), note: String::new() })
}

/// One panel: groups of bars with their names below.
fn panel(sheet: &Sheet, grid: &Grid, place: (usize, usize), title: &str, names: &[String], series: &[Series]) -> Drawn {
    let values = || series.iter().flat_map(|series| &series.values).flatten().copied();
    let x = Scale::Linear { low: 0.0, high: names.len() as f64 };
    let positive = Scale::log(values());
    let y = match positive {
        // Bars need room to stand: a decade below the least.
        Some(Scale::Log { low, high }) => Scale::Log { low: 0.3 * low, high: 1.6 * high },
        _ => Scale::Linear { low: 0.0, high: 1.0 },
    };
    let panel = grid.panel(place, x, y);
    let chart = panel.upright_chart(sheet, "")?;
    let bold = Text { bold: true, ..Text::new(SMALL + 1.0, INK, HPos::Left) };
    sheet.text((panel.left, panel.top - 8.0), title, bold)?;
    let bottom = panel.top + panel.height;
    let group = panel.width / names.len() as f64;
    let width = 0.8 * group / series.len() as f64;
    for (g, name) in names.iter().enumerate() {
        let left = panel.left + (g as f64 + 0.1) * group;
        for (s, series) in series.iter().enumerate() {
            let at = left + s as f64 * width;
            let tip = |value: &str| format!("{} {name}: {value}", series.name);
            match series.values[g] {
                Some(value) if value > 0.0 && positive.is_some() => {
                    let top = chart.at((g as f64 + 0.5, value)).1;
                    let size = ((width - 1.5).max(1.0), bottom - top);
                    sheet.tipped(&tip(&short(value)), || sheet.rect((at, top), size, series.look.color))?;
                }
                value => {
                    let text = value.map_or_else(|| "–".to_owned(), short);
                    let style = Text::new(SMALL, FAINT, HPos::Center);
                    sheet.tipped(&tip(&text), || sheet.text((at + width / 2.0, bottom - 4.0), &text, style))?;
                }
            }
        }
        let style = Text::new(SMALL, INK, HPos::Center);
        let room = (group / (0.52 * SMALL)).max(3.0) as usize;
        let shown: String =
            if name.chars().count() > room { name.chars().take(room - 1).chain(['…']).collect() } else { name.clone() };
        sheet.text((panel.left + (g as f64 + 0.5) * group, bottom + 16.0), &shown, style)?;
    }
    Ok(())
}
