//! MSE with a decayed bias against λ_b: the simplex gains its mean and becomes an orthogonal frame.

use plotters::style::WHITE;

use super::super::axes::{Chart, Scale, short};
use super::super::canvas::{Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::RunData;
use super::super::elements::{Mark, Marker};
use super::super::grid::Grid;
use super::super::style::{INK, Key, Look, look};
use super::sweeps::{Along, Quantity, Span, Sweep, curve, deviations, global, metric};
use super::{Drawing, Family, left_out};
use crate::losses::Loss;
use crate::model::Bias;
use crate::theory::{Balanced, gram_distance, mse_mean_transition};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "mse-frame",
    summary: "MSE's minimum against λ_b: simplex and mean part, rank, distance from a simplex, with the predicted transition",
    caption: "MSE with a decayed bias, as the bias becomes more expensive. Curves are closed forms, dots the lowest critical points that the runs found (filled: shown to be the global minimum). \
              Left: the logits are WH = sP + tJ/K; while the bias is cheap it supplies their mean (t = 0) and W is a simplex ETF. At the upright line, λ_b = ε/(M/K − ε) for κ = 1, the mean direction enters W and H, continuously, \
              and as λ_b → ∞ t approaches s: an orthogonal frame, the minimum without a bias. Middle: the rank of W and H goes from K − 1 to K at the line. \
              Right: the distance of the classifier's Gram matrix (not centred) from a simplex's, in closed form from s and t; the level it tends to, an orthogonal frame's √(2 − 2√((K−1)/K)), is the dashed line.",
    draw,
};

const ALONG: Along = Along::DecayB;
const PANEL: (f64, f64) = (290.0, 230.0);
/// Rows of panels in one picture.
const ROWS_MAX: usize = 4;
const SIMPLEX: usize = 0;
const MEAN: usize = 1;
const OTHER: usize = 2;

const QUANTITIES: [(Quantity, usize, usize); 4] = [
    (
        Quantity {
            id: "scale",
            title: "simplex and mean in the logits",
            label: "s*, t*",
            theory: |_, minimum| Some(minimum.scale),
            record: |record| metric(record, "scale"),
        },
        0,
        SIMPLEX,
    ),
    (
        Quantity {
            id: "mean-part",
            title: "simplex and mean in the logits",
            label: "s*, t*",
            theory: |_, minimum| Some(minimum.mean_part),
            record: |record| metric(record, "mean-part"),
        },
        0,
        MEAN,
    ),
    (
        Quantity {
            id: "rank",
            title: "rank of W and H",
            label: "rank",
            theory: |_, minimum| Some(minimum.rank as f64),
            record: |record| record.rank.map(|rank| rank as f64),
        },
        1,
        OTHER,
    ),
    (
        Quantity {
            id: "nc2-raw",
            title: "classifier: distance from a simplex",
            label: "‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖",
            theory: |problem, minimum| gram_distance(problem.classes, minimum.scale, minimum.mean_part),
            record: |record| metric(record, "nc2-raw"),
        },
        2,
        OTHER,
    ),
];

fn draw(data: &RunData) -> Result<Drawing, String> {
    let fits = |problem: &Balanced| match (&problem.loss, problem.bias) {
        (Loss::Mse(_), Bias::Decayed) => problem.minimum().map(drop),
        (Loss::Mse(_), bias) => Err(format!("the bias is {}, not decayed: there is no λ_b to vary", bias.name())),
        (loss, _) => Err(format!("{} is not MSE", loss.name())),
    };
    let mut sweeps = ALONG.sweeps(data, fits)?;
    let total = sweeps.len();
    sweeps.truncate(ROWS_MAX);
    let note = deviations(QUANTITIES.iter().map(|(quantity, ..)| quantity), &sweeps.iter().collect::<Vec<_>>());
    let (svg, csv) = picture(&sweeps)?;
    Ok(Drawing { svg, csv, note: left_out(total, sweeps.len(), "settings") + &note })
}

fn picture(sweeps: &[Sweep]) -> Result<(String, String), String> {
    let plain = |at: usize| Look { dash: &[], ..look(at) };
    let mut entries = vec![
        (Key::Both(plain(SIMPLEX)), "s: simplex".to_owned()),
        (Key::Both(plain(MEAN)), "t: mean".to_owned()),
        (Key::Both(plain(OTHER)), "rank, distance".to_owned()),
        (Key::Upright(INK), "predicted transition".to_owned()),
    ];
    if sweeps.iter().flat_map(|sweep| &sweep.dots).any(|dot| !global(dot.record)) {
        entries.push((Key::Shape(Marker::Circle, WHITE, INK), "hollow: lowest known".into()));
    }
    let grid = Grid::new((sweeps.len(), 3), PANEL, entries).headed();
    let mut csv = Csv::new(&["settings", "loss", "quantity", "kind", "decay_b", "value", "case", "start_index"]);
    let svg = grid.picture("MSE from simplex to orthogonal frame as λ_b grows", |sheet| {
        for (i, sweep) in sweeps.iter().enumerate() {
            draw_row(sheet, &grid, i, sweep, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn draw_row(sheet: &Sheet, grid: &Grid, row: usize, sweep: &Sweep, csv: &mut Csv) -> Drawn {
    let Some(span) = Span::around(sweep.dots.iter().map(|dot| dot.at)) else { return Ok(()) };
    let transition = mse_mean_transition(&sweep.problem);
    let words = transition
        .as_ref()
        .map_or_else(|error| format!("no transition ({})", error.reason), |at| format!("transition at λ_b = {at:.8}"));
    grid.heading(sheet, row, &format!("{}, {}: {words}", sweep.loss, sweep.settings))?;
    let edges: Vec<f64> = transition.into_iter().filter(|&edge| span.holds(edge)).collect();
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
    edges.iter().for_each(|&edge| line("", "transition", edge, None, "", String::new()));
    for column in 0..3 {
        let own = || QUANTITIES.iter().filter(|(_, at, _)| *at == column);
        let curves: Vec<_> = own()
            .map(|(quantity, _, color)| {
                (quantity, look(*color), curve(&places, &edges, |x| quantity.at(ALONG, &sweep.problem, x)))
            })
            .collect();
        let heights = curves.iter().flat_map(|(.., pieces)| pieces.iter().flatten().map(|&(_, y)| y));
        let found = own().flat_map(|(quantity, ..)| sweep.dots.iter().filter_map(|dot| (quantity.record)(dot.record)));
        let frame = gram_distance(sweep.problem.classes, 1.0, 1.0).filter(|_| column == 2);
        let Some(y) = Scale::linear(heights.chain(found).chain(frame)) else { continue };
        let y = if column == 1 { whole(y) } else { y };
        let Some((first, ..)) = own().next() else { continue };
        let chart = grid.panel((row, column), span.scale(), y).chart(sheet, first.title, "λ_{b}", first.label)?;
        edges.iter().try_for_each(|&edge| chart.upright(edge, Stroke::new(INK, 0.9)))?;
        if let Some(frame) = frame {
            let level = [(places[0], frame), (places[places.len() - 1], frame)];
            sheet.tipped("an orthogonal frame", || chart.curve(&level, Stroke { color: INK, width: 0.9, dash: &[5.0, 3.0] }))?;
        }
        for (quantity, look, pieces) in &curves {
            for piece in pieces {
                chart.curve(piece, Stroke::new(look.color, 1.8))?;
                piece.iter().for_each(|&(x, y)| line(quantity.id, "closed form", x, Some(y), "", String::new()));
            }
            for dot in &sweep.dots {
                let Some(y) = (quantity.record)(dot.record) else { continue };
                draw_dot(sheet, &chart, (dot.at, y), *look, global(dot.record), quantity.id)?;
                line(quantity.id, "found", dot.at, Some(y), &dot.record.case, dot.record.start_index.to_string());
            }
        }
    }
    Ok(())
}

/// Whole ticks.
fn whole(scale: Scale) -> Scale {
    match scale {
        Scale::Linear { low, high } => Scale::Count { low: low - 0.5, high: high + 0.5 },
        other => other,
    }
}

fn draw_dot(sheet: &Sheet, chart: &Chart, at: (f64, f64), look: Look, global: bool, id: &str) -> Drawn {
    let fill = if global { look.color } else { WHITE };
    let tip = format!("λ_b = {}, {id} = {}", short(at.0), short(at.1));
    sheet.tipped(&tip, || chart.mark(at, Mark::new(look.marker, 3.4, fill, look.color)))
}
