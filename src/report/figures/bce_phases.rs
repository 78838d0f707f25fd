//! BCE without a bias against ε: rank, simplex and mean part for several numbers of classes.

use plotters::style::WHITE;

use super::super::axes::{Scale, short};
use super::super::canvas::{Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::RunData;
use super::super::elements::{Mark, Marker};
use super::super::grid::Grid;
use super::super::style::{FAINT, INK, Key, Look, look};
use super::sweeps::{Along, Quantity, Span, Sweep, curve, deviations, global, metric};
use super::{Drawing, Family, left_out};
use crate::losses::Loss;
use crate::model::Bias;
use crate::theory::{Balanced, bce_phases};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "bce-phases",
    summary: "BCE without a bias: simplex part, mean part and rank of the minimum against ε for several K, with the predicted phase edges",
    caption: "BCE without a bias, a column for every number of classes. Curves are closed forms, dots the lowest critical points that the runs found (filled: shown to be the global minimum). Above: the logits are WH = sP + tJ/K; s is the weight \
              of the simplex, t that of the mean. Where t < 0 the mean of the features points against the mean of the classifier, and self-duality is broken. Below: the rank of W and H, \
              K − 1 for the simplex and one more for the mean. Upright lines are the predicted edges of the phases. K = 3 passes through a simplex ETF (t = 0) before zero; at K = 4 t = −s throughout; from K = 5 on the simplex goes first and \
              the mean alone, rank 1, outlives it.",
    draw,
};

const ALONG: Along = Along::Epsilon;
const PANEL: (f64, f64) = (206.0, 190.0);
/// Columns of panels in one picture.
const COLUMNS_MAX: usize = 4;

const QUANTITIES: [(Quantity, usize); 3] = [
    (
        Quantity {
            id: "scale",
            title: "",
            label: "s*, t*",
            theory: |_, minimum| Some(minimum.scale),
            record: |record| metric(record, "scale"),
        },
        0,
    ),
    (
        Quantity {
            id: "mean-part",
            title: "",
            label: "s*, t*",
            theory: |_, minimum| Some(minimum.mean_part),
            record: |record| metric(record, "mean-part"),
        },
        0,
    ),
    (
        Quantity {
            id: "rank",
            title: "",
            label: "rank of W and H",
            theory: |_, minimum| Some(minimum.rank as f64),
            record: |record| record.rank.map(|rank| rank as f64),
        },
        1,
    ),
];

fn draw(data: &RunData) -> Result<Drawing, String> {
    let fits = |problem: &Balanced| match (&problem.loss, problem.bias) {
        (Loss::Bce(_), Bias::None) => problem.minimum().map(drop),
        (Loss::Bce(_), bias) => Err(format!("BCE has these phases without a bias, and it is {}", bias.name())),
        (loss, _) => Err(format!("{} is not BCE", loss.name())),
    };
    let mut sweeps = ALONG.sweeps(data, fits)?;
    sweeps.sort_by_key(|sweep| sweep.problem.classes);
    let total = sweeps.len();
    sweeps.truncate(COLUMNS_MAX);
    let note = deviations(QUANTITIES.iter().map(|(quantity, ..)| quantity), &sweeps.iter().collect::<Vec<_>>());
    let (svg, csv) = picture(&sweeps)?;
    Ok(Drawing { svg, csv, note: left_out(total, sweeps.len(), "settings") + &note })
}

/// The looks of s, t and rank: full lines.
fn plain(at: usize) -> Look {
    Look { dash: &[], ..look(at) }
}

fn picture(sweeps: &[Sweep]) -> Result<(String, String), String> {
    let mut entries = vec![
        (Key::Both(plain(0)), "s: simplex".to_owned()),
        (Key::Both(plain(1)), "t: mean".to_owned()),
        (Key::Both(plain(2)), "rank".to_owned()),
        (Key::Upright(FAINT), "predicted edge of a phase".to_owned()),
    ];
    if sweeps.iter().flat_map(|sweep| &sweep.dots).any(|dot| !global(dot.record)) {
        entries.push((Key::Shape(Marker::Circle, WHITE, INK), "hollow: lowest known".into()));
    }
    let grid = Grid::new((2, sweeps.len()), PANEL, entries);
    let mut csv = Csv::new(&["settings", "loss", "quantity", "kind", "epsilon", "value", "case", "start_index"]);
    let span = Span::around(sweeps.iter().flat_map(|sweep| sweep.dots.iter().map(|dot| dot.at))).ok_or("no case has an ε")?;
    let svg = grid.picture("The phases of BCE without a bias", |sheet| {
        for (column, sweep) in sweeps.iter().enumerate() {
            draw_column(sheet, &grid, (column, span), sweep, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn draw_column(sheet: &Sheet, grid: &Grid, (column, span): (usize, Span), sweep: &Sweep, csv: &mut Csv) -> Drawn {
    let phases = bce_phases(sweep.problem.classes).unwrap_or_default();
    let scale = sweep.problem.scale;
    let edges: Vec<f64> = phases.iter().map(|phase| phase.to * scale).filter(|&edge| span.holds(edge)).collect();
    let places = span.places(&edges);
    let mut line = |id: &str, kind: &str, x: f64, y: Option<f64>, case: &str, start: String| {
        csv.row(&[
            sweep.settings.clone(),
            sweep.loss.clone(),
            id.into(),
            kind.into(),
            cell(Some(x)),
            cell(y),
            case.into(),
            start,
        ]);
    };
    edges.iter().for_each(|&edge| line("", "phase edge", edge, None, "", String::new()));
    for row in 0..2 {
        let own = || QUANTITIES.iter().enumerate().filter(|(_, (_, at))| *at == row).map(|(i, (quantity, _))| (i, quantity));
        let curves: Vec<_> = own()
            .map(|(i, quantity)| (quantity, plain(i), curve(&places, &edges, |x| quantity.at(ALONG, &sweep.problem, x))))
            .collect();
        let heights = curves.iter().flat_map(|(.., pieces)| pieces.iter().flatten().map(|&(_, y)| y));
        let found = own().flat_map(|(_, quantity)| sweep.dots.iter().filter_map(|dot| (quantity.record)(dot.record)));
        let y = if row == 0 {
            Scale::linear(heights.chain(found))
        } else {
            Some(Scale::Count { low: -0.5, high: sweep.problem.classes as f64 + 0.7 })
        };
        let Some(y) = y else { continue };
        let title = if row == 0 { &sweep.settings } else { "" };
        let label = if column == 0 { own().next().map_or("", |(_, quantity)| quantity.label) } else { "" };
        let chart = grid.panel((row, column), span.scale(), y).chart(sheet, title, "ε", label)?;
        for &edge in &edges {
            sheet.tipped(&format!("ε = {}", short(edge)), || chart.upright(edge, Stroke::new(FAINT, 0.9)))?;
        }
        for (quantity, look, pieces) in &curves {
            for piece in pieces {
                chart.curve(piece, look.stroke(1.8))?;
                piece.iter().for_each(|&(x, y)| line(quantity.id, "closed form", x, Some(y), "", String::new()));
            }
            for dot in &sweep.dots {
                let Some(y) = (quantity.record)(dot.record) else { continue };
                let fill = if global(dot.record) { look.color } else { WHITE };
                let tip = format!("ε = {}, {} = {}", short(dot.at), quantity.id, short(y));
                sheet.tipped(&tip, || chart.mark((dot.at, y), Mark::new(look.marker, 2.8, fill, look.color)))?;
                line(quantity.id, "found", dot.at, Some(y), &dot.record.case, dot.record.start_index.to_string());
            }
        }
    }
    Ok(())
}
