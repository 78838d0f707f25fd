//! Exact laws of the gradient flow: what was measured along integrated flows, against the closed forms.

use plotters::style::WHITE;
use plotters::style::text_anchor::HPos;

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke, Text};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, RunData};
use super::super::elements::Mark;
use super::super::style::{FAINT, Key, Legend, Look, SMALL, look, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::objective::Problem;
use crate::record::{FlowRow, TrajectoryRow, problem_of};
use crate::theory::{Balanced, RayFlow, imbalance_factor, mean_classifier_factor};

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "flow-laws",
    summary: "exact laws of the gradient flow: the mean classifier, WᵀW − HHᵀ and the ETF ray against time",
    caption: "Laws that the gradient flow obeys exactly, whatever it does otherwise. Marks are states that the integrator passed through, lines the closed forms from the same start. Upper left: the mean \
              classifier, ‖1ᵀW‖, shrinks by e^{−λ_W t} for every shift-invariant loss; a loss that is not shift-invariant has hollow marks and no line. Upper right: ‖WᵀW − HHᵀ‖ shrinks by e^{−2λt} for every loss, \
              where λ_W = λ_H. Straight lines on a logarithmic axis are exponentials. Lower left: from a simplex ETF the flow keeps to simplex ETFs, and ‖W‖ (filled) and ‖H‖ (hollow) follow a system of two \
              equations. Lower right: how far the marks of the upper panels are off their lines (large marks: mean classifier, small: WᵀW − HHᵀ, each over its size at time 0), and as lines the sum of the integrator's own \
              error estimates over ‖(W, H)‖: marks must stay below the order of these lines, or the law fails. Marks at the lower edge are zero to rounding.",
    draw,
};

/// A trajectory of a case.
struct Flow<'a> {
    case: &'a Case<'a>,
    problem: Problem,
    start_index: usize,
    /// Time, row, what the laws speak of.
    rows: Vec<(f64, &'a TrajectoryRow, FlowRow)>,
}

/// Marks of a trajectory in a panel.
const MARKS: usize = 22;
/// Below this share of its size at time 0 a deviation is rounding.
const LEAST: f64 = 1e-16;
const SIDE: (f64, f64) = (400.0, 220.0);

/// A law that scales a quantity.
struct Law {
    id: &'static str,
    title: &'static str,
    label: &'static str,
    of: fn(&FlowRow) -> [f64; 2],
    factor: fn(&Problem, f64) -> Option<f64>,
    radius: f64,
}

const LAWS: [Law; 2] = [
    Law {
        id: "mean-classifier",
        title: "mean classifier: exp(−λ_{W} t)",
        label: "‖1ᵀW‖",
        of: |row| row.mean_classifier,
        factor: |problem, time| mean_classifier_factor(problem, time).ok(),
        radius: 3.8,
    },
    Law {
        id: "imbalance",
        title: "difference of Gram matrices: exp(−2λt)",
        label: "‖WᵀW − HHᵀ‖",
        of: |row| row.imbalance,
        factor: |problem, time| imbalance_factor(problem, time).ok(),
        radius: 2.6,
    },
];

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let flows: Vec<Vec<Flow>> = cases.iter().map(|case| flows(data, case)).filter(|flows| !flows.is_empty()).collect();
    if flows.is_empty() {
        return Err("no trajectory has the quantities of flow laws: take solver.name=gradient-flow".into());
    }
    let drawn = &flows[..flows.len().min(CASES_MAX)];
    let general: Vec<&Flow> =
        drawn.iter().filter_map(|flows| flows.iter().find(|flow| began(flow, &LAWS[0]) && began(flow, &LAWS[1]))).collect();
    let rays: Vec<(&Flow, RayFlow)> =
        drawn.iter().filter_map(|flows| flows.iter().find_map(|flow| Some((flow, ray(flow)?)))).collect();
    if general.is_empty() && rays.is_empty() {
        return Err("no flow begins with a mean classifier and an imbalance, and none on the ETF ray".into());
    }
    let (svg, csv) = picture(&general, &rays)?;
    Ok(Drawing { svg, csv, note: left_out(flows.len(), drawn.len(), "cases") })
}

/// The trajectories of a case with more than one row, by start.
fn flows<'a>(data: &'a RunData, case: &'a Case<'a>) -> Vec<Flow<'a>> {
    let mut flows: Vec<Flow> = Vec::new();
    let Ok(problem) = problem_of(case.records[0]) else { return flows };
    for row in data.trajectories.iter().filter(|row| row.case == case.id) {
        let (Some(time), Some(flow)) = (row.time, row.flow) else { continue };
        let numbers = [
            time,
            flow.mean_classifier[0],
            flow.mean_classifier[1],
            flow.imbalance[0],
            flow.imbalance[1],
            flow.norm_w,
            flow.norm_h,
            flow.error,
        ];
        if !numbers.iter().all(|x| x.is_finite()) {
            continue;
        }
        let entry = (time, row, flow);
        match flows.last_mut() {
            Some(last) if last.start_index == row.start_index => last.rows.push(entry),
            _ => flows.push(Flow { case, problem: problem.clone(), start_index: row.start_index, rows: vec![entry] }),
        }
    }
    flows.retain(|flow| flow.rows.len() > 1 && flow.rows[0].1.step == 0);
    flows
}

/// Whether a quantity is there at time 0, beyond rounding.
fn began(flow: &Flow, law: &Law) -> bool {
    let first = &flow.rows[0].2;
    (law.of)(first)[0] > 1e-10 * first.norm_w.hypot(first.norm_h)
}

/// The plane system, where the flow begins on the ETF ray.
fn ray(flow: &Flow) -> Option<RayFlow> {
    let (_, row, first) = flow.rows[0];
    let zero = |id: &str| row.metrics.get(id).is_some_and(|x| x.abs() <= 1e-12);
    let on_ray = ["nc1", "nc2", "nc3", "nc4"].into_iter().all(zero) && first.mean_classifier[0] <= 1e-12 * first.norm_w;
    Balanced::try_from(&flow.problem).ok().filter(|_| on_ray).and_then(|balanced| RayFlow::new(&balanced).ok())
}

fn picture(general: &[&Flow], rays: &[(&Flow, RayFlow)]) -> Result<(String, String), String> {
    let width = 1010.0;
    let mut entries: Vec<(Key, String)> = Vec::new();
    for flow in general.iter().chain(rays.iter().map(|(flow, _)| flow)) {
        if !entries.iter().any(|(_, label)| *label == flow.case.label) {
            entries.push((Key::Marker(flow.case.look), flow.case.label.clone()));
        }
    }
    entries.push((Key::Line(Look { dash: &[], ..look(6) }), "closed form".into()));
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let corner = |i: usize| (80.0 + (i % 2) as f64 * (SIDE.0 + 96.0), top + (i / 2) as f64 * (SIDE.1 + 80.0));
    let mut csv =
        Csv::new(&["case", "label", "start_index", "law", "time", "measured", "predicted", "deviation", "error_estimate"]);
    let heading = "Exact laws of the gradient flow";
    let svg = canvas::picture((width, top + 2.0 * (SIDE.1 + 80.0)), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (i, law) in LAWS.iter().enumerate() {
            draw_law(sheet, corner(i), general, law, &mut csv)?;
        }
        draw_rays(sheet, corner(2), rays, &mut csv)?;
        draw_deviations(sheet, corner(3), general)?;
        let (left, below) = (corner(3).0, corner(3).1 + SIDE.1 + 54.0);
        let text = "lines: the integrator's error estimates, summed · large marks: ‖1ᵀW‖ · small: ‖WᵀW − HHᵀ‖";
        sheet.text((left, below), text, Text::new(SMALL - 1.0, FAINT, HPos::Left))
    })?;
    Ok((svg, csv.finish()))
}

/// Rows that are marked: about equally far apart in `place`, the first and the last among them.
fn marked<'a>(flow: &'a Flow, place: impl Fn(f64) -> f64) -> Vec<&'a (f64, &'a TrajectoryRow, FlowRow)> {
    let rows: Vec<_> = flow.rows.iter().filter(|row| place(row.0).is_finite()).collect();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return rows };
    let (low, high) = (place(first.0), place(last.0));
    let step = (high - low) / (MARKS - 1) as f64;
    let mut next = low;
    let mut marked = Vec::new();
    for row in rows {
        if place(row.0) >= next - 1e-9 * (high - low) {
            marked.push(row);
            next = (place(row.0) + step).min(high);
        }
    }
    marked
}

fn times(flows: &[&Flow]) -> f64 {
    flows.iter().filter_map(|flow| flow.rows.last()).map(|row| row.0).fold(0.0, f64::max)
}

/// The size of a quantity.
fn size(law: &Law, row: &FlowRow) -> f64 {
    let [along, across] = (law.of)(row);
    along.hypot(across)
}

/// How far a quantity is off its law, as a vector.
fn deviation(law: &Law, flow: &Flow, (time, _, row): &(f64, &TrajectoryRow, FlowRow)) -> Option<f64> {
    let factor = (law.factor)(&flow.problem, *time)?;
    let [along, across] = (law.of)(row);
    Some((along - factor * (law.of)(&flow.rows[0].2)[0]).hypot(across))
}

fn draw_law(sheet: &Sheet, (left, top): (f64, f64), flows: &[&Flow], law: &Law, csv: &mut Csv) -> Drawn {
    let sizes = flows.iter().flat_map(|flow| flow.rows.iter().map(|row| size(law, &row.2)));
    let end = times(flows);
    let Some(y) = Scale::log(sizes).filter(|_| end > 0.0) else { return Ok(()) };
    let x = Scale::Linear { low: -0.02 * end, high: 1.02 * end };
    let chart = Panel { left, top, width: SIDE.0, height: SIDE.1, x, y }.chart(sheet, law.title, "time t", law.label)?;
    for flow in flows {
        let look = flow.case.look;
        let began = (law.of)(&flow.rows[0].2)[0];
        let at = |time: f64| (law.factor)(&flow.problem, time).map(|factor| (time, factor * began));
        let last = flow.rows[flow.rows.len() - 1].0;
        let line: Vec<(f64, f64)> = (0..=60).filter_map(|step| at(last * f64::from(step) / 60.0)).collect();
        let holds = !line.is_empty();
        chart.line(line, Stroke::new(look.color, 1.5))?;
        for row in marked(flow, |time| time) {
            let fill = if holds { look.color } else { WHITE };
            let tip = format!("{}: t = {}, {} = {}", flow.case.label, short(row.0), law.label, short(size(law, &row.2)));
            sheet.tipped(&tip, || chart.mark((row.0, size(law, &row.2)), Mark::new(look.marker, 3.4, fill, look.color)))?;
            let predicted = at(row.0).map(|(_, size)| size);
            csv.row(&table_row(flow, law.id, row, size(law, &row.2), predicted, deviation(law, flow, row)));
        }
    }
    Ok(())
}

fn draw_rays(sheet: &Sheet, (left, top): (f64, f64), rays: &[(&Flow, RayFlow)], csv: &mut Csv) -> Drawn {
    let after = |time: f64| if time > 0.0 { time.log10() } else { f64::NAN };
    let rows = || rays.iter().flat_map(|(flow, _)| &flow.rows);
    let first = rows().map(|row| row.0).filter(|&time| time > 0.0).fold(f64::INFINITY, f64::min).max(0.1);
    let predicted = rays.iter().flat_map(|(flow, ray)| ray_norms(flow, ray)).flatten();
    let norms = rows().flat_map(|row| [row.2.norm_w, row.2.norm_h]).chain(predicted);
    let last = rows().map(|row| row.0).fold(0.0, f64::max);
    let (Some(x), Some(y)) = (Scale::log([first, last].into_iter()), Scale::linear(norms)) else {
        return sheet.text((left, top + 20.0), "no flow begins on the ETF ray", Text::new(SMALL, FAINT, HPos::Left));
    };
    let panel = Panel { left, top, width: SIDE.0, height: SIDE.1, x, y };
    let chart = panel.chart(sheet, "on the ETF ray: two equations", "time t", "‖W‖ (filled), ‖H‖ (hollow)")?;
    for (flow, ray) in rays {
        let look = flow.case.look;
        let predicted = ray_norms(flow, ray);
        for (at, width) in [(0, 1.6), (1, 1.0)] {
            let line = predicted
                .iter()
                .zip(&flow.rows)
                .filter(|(_, row)| row.0 >= first)
                .map(|(norms, row)| (row.0, norms[at]))
                .collect();
            chart.line(line, Stroke::new(look.color, width))?;
        }
        for row in marked(flow, after).into_iter().filter(|row| row.0 >= first) {
            let place = flow.rows.iter().position(|other| std::ptr::eq(other, row)).unwrap_or(0);
            let measured = [row.2.norm_w, row.2.norm_h];
            for (at, fill) in [(0, look.color), (1, WHITE)] {
                let tip = format!("{}: t = {}, {}", flow.case.label, short(row.0), short(measured[at]));
                sheet.tipped(&tip, || chart.mark((row.0, measured[at]), Mark::new(look.marker, 3.4, fill, look.color)))?;
                let expected = predicted[place][at];
                csv.row(&table_row(
                    flow,
                    ["ray-w", "ray-h"][at],
                    row,
                    measured[at],
                    Some(expected),
                    Some((measured[at] - expected).abs()),
                ));
            }
        }
    }
    Ok(())
}

/// ‖W‖ and ‖H‖ of the plane system at the times of the rows.
fn ray_norms(flow: &Flow, ray: &RayFlow) -> Vec<[f64; 2]> {
    let root = (flow.problem.shape.classes() as f64 - 1.0).sqrt();
    let (of_w, of_h) = (root, root * (flow.problem.shape.per_class().unwrap_or(1) as f64).sqrt());
    let (mut time, mut at) = (0.0, (flow.rows[0].2.norm_w / of_w, flow.rows[0].2.norm_h / of_h));
    let mut norms = Vec::with_capacity(flow.rows.len());
    for row in &flow.rows {
        let span = row.0 - time;
        if span > 0.0 {
            at = ray.integrate(at, span, (50.0 * span).ceil().min(1e6) as u32);
            time = row.0;
        }
        norms.push([of_w * at.0, of_h * at.1]);
    }
    norms
}

/// Deviations from the two laws over sizes at time 0, and the integrator's error estimates over ‖(W, H)‖.
fn draw_deviations(sheet: &Sheet, (left, top): (f64, f64), flows: &[&Flow]) -> Drawn {
    let share = |flow: &Flow, law: &Law, row| {
        let began = (law.of)(&flow.rows[0].2)[0];
        deviation(law, flow, row).map(|off| (off / began).max(2.0 * LEAST))
    };
    let estimate =
        |flow: &Flow, row: &(f64, &TrajectoryRow, FlowRow)| row.2.error / flow.rows[0].2.norm_w.hypot(flow.rows[0].2.norm_h);
    let after = |time: f64| if time > 0.0 { time.log10() } else { f64::NAN };
    let first = flows
        .iter()
        .flat_map(|flow| &flow.rows)
        .map(|row| row.0)
        .filter(|&time| time > 0.0)
        .fold(f64::INFINITY, f64::min)
        .max(0.1);
    let highest = flows.iter().flat_map(|flow| {
        let offs = LAWS.iter().flat_map(move |law| flow.rows.iter().filter_map(move |row| share(flow, law, row)));
        offs.chain(flow.rows.iter().map(move |row| estimate(flow, row)))
    });
    let y = Scale::Log { low: LEAST, high: 3.0 * highest.fold(1e-12, f64::max) };
    let Some(x) = Scale::log([first, times(flows)].into_iter()) else { return Ok(()) };
    let chart = Panel { left, top, width: SIDE.0, height: SIDE.1, x, y }.chart(
        sheet,
        "deviation from the laws",
        "time t",
        "deviation / size at time 0",
    )?;
    for flow in flows {
        let look = flow.case.look;
        let rows = || flow.rows.iter().filter(|row| row.0 >= first);
        chart.line(rows().map(|row| (row.0, estimate(flow, row))).collect(), Stroke::new(look.color, 1.5))?;
        for law in &LAWS {
            for row in marked(flow, after).into_iter().filter(|row| row.0 >= first) {
                let Some(off) = share(flow, law, row) else { continue };
                chart.mark((row.0, off), Mark::new(look.marker, law.radius - 0.4, WHITE, look.color))?;
            }
        }
    }
    Ok(())
}

fn table_row(
    flow: &Flow,
    law: &str,
    row: &(f64, &TrajectoryRow, FlowRow),
    measured: f64,
    predicted: Option<f64>,
    deviation: Option<f64>,
) -> [String; 9] {
    [
        flow.case.id.into(),
        flow.case.label.clone(),
        flow.start_index.to_string(),
        law.into(),
        cell(Some(row.0)),
        cell(Some(measured)),
        cell(predicted),
        cell(deviation),
        cell(Some(row.2.error)),
    ]
}
