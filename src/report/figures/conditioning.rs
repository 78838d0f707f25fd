//! How well conditioned the minimum is: cross-entropy and label smoothing against ε.

use super::super::axes::{Chart, Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet};
use super::super::csv::{Csv, cell};
use super::super::data::{RunData, loss_label};
use super::super::style::{Key, Legend, Look, look, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::{Record, balanced_problem};
use crate::spectra::{Conditioning, etf_conditioning};
use crate::theory::Balanced;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "conditioning",
    summary: "condition numbers at the optimum against ε: of the Hessian transverse to symmetry, and K p of the logits",
    caption: "Left: the largest eigenvalue of the Hessian at the simplex over the smallest one that is not zero by symmetry. Right: K p, p the probability of the true class there: the condition number of the logits' \
              Hessian diag(p) − ppᵀ on 1^⊥, that is of the curvatures that a feature of one class sees, without the decay. Curves: closed forms (the simplex's whole spectrum; p = 1 − (K − 1)(ε + α/K)). Dots: global minima \
              found, by λ_max and λ_min of their spectra and by the least true probability of their samples. Lower is better conditioned. Label smoothing lowers K p at every ε. It does not lower the whole Hessian's number at small ε: there \
              the smallest eigenvalue is the decay's, alike for both, and the smoothed loss has the larger curvature. A curve ends where the minimum is no simplex any more.",
    draw,
};

/// One problem but for ε, with what was found of it.
struct Series<'a> {
    label: String,
    look: Look,
    problem: Balanced,
    found: Vec<(f64, &'a Record)>,
}

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let mut series: Vec<Series> = Vec::new();
    let mut reason = None;
    for case in &cases {
        let Some(record) = case.best(|record| record.nature.as_deref() == Some("global-minimum")) else { continue };
        let found = balanced_problem(record).and_then(|problem| {
            let numbers = etf_conditioning(&problem)?;
            numbers
                .logits
                .ok_or(format!("K p is a number of cross-entropy and label smoothing with K ≥ 3, not of {}", record.loss))?;
            Ok(problem)
        });
        let problem = match found {
            Ok(problem) => problem,
            Err(why) => {
                reason.get_or_insert(why);
                continue;
            }
        };
        let epsilon = problem.epsilon();
        match series.iter_mut().find(|known| same(known, record, &problem)) {
            Some(known) => known.found.push((epsilon, record)),
            None => {
                series.push(Series { label: String::new(), look: look(series.len()), problem, found: vec![(epsilon, record)] })
            }
        }
    }
    if series.is_empty() {
        return Err(reason.unwrap_or_else(|| "no global minimum was found".into()));
    }
    name(&mut series);
    let drawn = &series[..series.len().min(CASES_MAX)];
    let (svg, csv) = picture(drawn)?;
    Ok(Drawing { svg, csv, note: left_out(series.len(), drawn.len(), "problems").trim_end().into() })
}

/// Whether a record belongs to a series: all but ε is the same.
fn same(known: &Series, record: &Record, problem: &Balanced) -> bool {
    let first = known.found[0].1;
    let moved = problem.with_epsilon(known.problem.epsilon()).decay;
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-12 * x.abs();
    first.loss == record.loss
        && first.loss_params == record.loss_params
        && first.solver == record.solver
        && (first.classes, first.width, &first.per_class, &first.bias)
            == (record.classes, record.width, &record.per_class, &record.bias)
        && near(known.problem.decay.w, moved.w)
        && near(known.problem.decay.b, moved.b)
}

/// Labels: the loss, and of the sizes what differs.
fn name(series: &mut [Series]) {
    let facts = |one: &Series| {
        let Balanced { classes, width, per_class, bias, decay, .. } = &one.problem;
        let ratio = short(decay.w / decay.h);
        [
            format!("K = {classes}"),
            format!("d = {width}"),
            format!("n = {per_class}"),
            format!("{} bias", bias.name()),
            format!("λ_W/λ_H = {ratio}"),
            format!("λ_b = {}", short(decay.b)),
            one.found[0].1.solver.clone(),
        ]
    };
    let all: Vec<_> = series.iter().map(&facts).collect();
    for (one, own) in series.iter_mut().zip(&all) {
        let differs = own.iter().enumerate().filter(|(k, fact)| all.iter().any(|other| other[*k] != **fact));
        let parts: Vec<String> =
            std::iter::once(loss_label(one.found[0].1)).chain(differs.map(|(_, fact)| fact.clone())).collect();
        one.label = parts.join(", ");
    }
}

/// A panel's quantity, from the closed form and from a record.
struct Quantity {
    id: &'static str,
    title: &'static str,
    label: &'static str,
    predicted: fn(&Conditioning) -> Option<f64>,
    found: fn(&Record) -> Option<f64>,
}

const QUANTITIES: [Quantity; 2] = [
    Quantity {
        id: "hessian",
        title: "the Hessian, transverse to symmetry",
        label: "λ_{max} / λ_{min} transverse (log scale)",
        predicted: |numbers| Some(numbers.transverse()),
        found: |record| Some(record.lambda_max? / record.lambda_min_transverse?),
    },
    Quantity {
        id: "logits",
        title: "the logits' Hessian on 1^{⊥}",
        label: "K p",
        predicted: |numbers| numbers.logits,
        found: |record| Some(record.classes as f64 * record.least_probability?),
    },
];

impl Series<'_> {
    /// ε and the quantity, over the range given.
    fn curve(&self, quantity: &Quantity, (low, high): (f64, f64)) -> Vec<(f64, f64)> {
        let at = |i: u32| low * (high / low).powf(f64::from(i) / 160.0);
        let number = |epsilon: f64| {
            let numbers = etf_conditioning(&self.problem.with_epsilon(epsilon)).ok()?;
            (quantity.predicted)(&numbers).filter(|x| x.is_finite())
        };
        (0..=160).map(at).filter_map(|epsilon| Some((epsilon, number(epsilon)?))).collect()
    }
}

fn picture(series: &[Series]) -> Result<(String, String), String> {
    let width = 980.0;
    let entries = series.iter().map(|one| (Key::Line(one.look), one.label.clone())).collect();
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 34.0;
    let all = || series.iter().flat_map(|one| one.found.iter().map(|(epsilon, _)| *epsilon));
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    // One ε alone still makes a curve.
    let range = if high > 1.5 * low { (low / 1.5, high * 3.0) } else { (low / 20.0, high * 20.0) };
    let mut csv = Csv::new(&["label", "quantity", "kind", "epsilon", "value", "case", "start_index"]);
    let heading = "Conditioning at the optimum";
    let svg = canvas::picture((width, top + 320.0 + 48.0), heading, |sheet| {
        title(sheet, heading)?;
        legend.draw(sheet, 36.0)?;
        for (place, quantity) in QUANTITIES.iter().enumerate() {
            let curves: Vec<_> = series.iter().map(|one| one.curve(quantity, range)).collect();
            let dots = series.iter().flat_map(|one| &one.found).filter_map(|(_, record)| (quantity.found)(record));
            let values = curves.iter().flatten().map(|&(_, value)| value).chain(dots);
            let y = if quantity.id == "hessian" { Scale::log(values) } else { Scale::linear(values.chain([1.0])) };
            let (Some(y), Some(x)) = (y, Scale::log([range.0, range.1].into_iter())) else { continue };
            let panel = Panel { left: 80.0 + place as f64 * 486.0, top, width: 396.0, height: 320.0, x, y };
            let chart = panel.chart(sheet, quantity.title, "ε (log scale)", quantity.label)?;
            for (one, curve) in series.iter().zip(&curves) {
                chart.curve(curve, one.look.stroke(2.0))?;
                for &(epsilon, value) in curve {
                    let cells = [one.label.clone(), quantity.id.into(), "curve".into(), cell(Some(epsilon)), cell(Some(value))];
                    csv.row(&[cells.as_slice(), &[String::new(), String::new()]].concat());
                }
            }
            for one in series {
                dots_of(sheet, &chart, one, quantity, &mut csv)?;
            }
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

fn dots_of(sheet: &Sheet, chart: &Chart, one: &Series, quantity: &Quantity, csv: &mut Csv) -> Drawn {
    for (epsilon, record) in &one.found {
        let Some(value) = (quantity.found)(record).filter(|x| x.is_finite()) else { continue };
        let tip = format!("{}: ε = {}, {} (start {})", one.label, short(*epsilon), short(value), record.start_index);
        sheet.tipped(&tip, || chart.mark((*epsilon, value), one.look.mark(4.2)))?;
        let cells = [one.label.clone(), quantity.id.into(), "found".into(), cell(Some(*epsilon)), cell(Some(value))];
        csv.row(&[cells.as_slice(), &[record.case.clone(), record.start_index.to_string()]].concat());
    }
    Ok(())
}
