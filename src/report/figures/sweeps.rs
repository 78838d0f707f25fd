//! What figures of closed forms share: cases that differ in one decay alone become the dots along one curve.

use super::super::axes::{Scale, short};
use super::super::data::{RunData, loss_label};
use crate::model::{Bias, Decay};
use crate::record::{Record, balanced_problem};
use crate::theory::{Balanced, BalancedMinimum};

/// The decay that varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// ε = √n √(λ_W λ_H), at one ratio λ_W/λ_H.
    Epsilon,
    /// λ_b.
    DecayB,
}

/// A case's lowest critical point.
#[derive(Clone, Debug)]
pub(super) struct Dot<'a> {
    /// The decay that varies.
    pub(super) at: f64,
    pub(super) problem: Balanced,
    pub(super) record: &'a Record,
}

/// Cases of one loss and one setting.
#[derive(Clone, Debug)]
pub(super) struct Sweep<'a> {
    /// The loss with its parameters.
    pub(super) loss: String,
    /// Everything else that does not vary, in words.
    pub(super) settings: String,
    /// The problem of one of them, at the largest width among them.
    pub(super) problem: Balanced,
    /// In ascending order; never empty.
    pub(super) dots: Vec<Dot<'a>>,
}

impl Along {
    fn of(self, problem: &Balanced) -> f64 {
        match self {
            Along::Epsilon => problem.epsilon(),
            Along::DecayB => problem.decay.b,
        }
    }

    /// The problem with its decay set to `x`.
    pub(super) fn set(self, problem: &Balanced, x: f64) -> Balanced {
        let mut out = problem.clone();
        match self {
            Along::Epsilon => {
                let (mu, ratio) = (x / (problem.per_class as f64).sqrt(), (problem.decay.w / problem.decay.h).sqrt());
                out.decay = Decay { w: mu * ratio, h: mu / ratio, ..problem.decay };
            }
            Along::DecayB => out.decay.b = x,
        }
        out
    }

    /// Its key in scenarios.
    fn key(self) -> &'static str {
        match self {
            Along::Epsilon => "decay.epsilon",
            Along::DecayB => "decay.b",
        }
    }

    fn settings(self, problem: &Balanced) -> String {
        let mut parts = vec![format!("K = {}", problem.classes), format!("n = {}", problem.per_class)];
        if self == Along::DecayB {
            parts.push(format!("ε = {}", rounded(problem.epsilon())));
        }
        let ratio = problem.decay.w / problem.decay.h;
        if (ratio - 1.0).abs() > 1e-9 {
            parts.push(format!("λ_W/λ_H = {}", rounded(ratio)));
        }
        parts.push(match (problem.bias, self) {
            (Bias::None, _) => "no bias".into(),
            (Bias::Free, _) => "free bias".into(),
            (Bias::Decayed, Along::DecayB) => "decayed bias".into(),
            (Bias::Decayed, Along::Epsilon) => format!("λ_b = {}", rounded(problem.decay.b)),
        });
        parts.join(", ")
    }

    /// The run's cases that `fits` accepts, as sweeps in the order of the records; at least one has two values of the decay. A case without a critical point or a balanced problem is
    /// left out; `Err` says why nothing is left.
    pub(super) fn sweeps(self, data: &RunData, fits: impl Fn(&Balanced) -> Result<(), String>) -> Result<Vec<Sweep<'_>>, String> {
        let (mut sweeps, mut reasons): (Vec<Sweep>, Vec<String>) = (Vec::new(), Vec::new());
        for case in data.cases() {
            let found = balanced_problem(case.records[0]).and_then(|problem| {
                fits(&problem)?;
                let record = case.best(critical).ok_or("no start reached a critical point")?;
                Ok((problem, record))
            });
            match found {
                Ok((problem, record)) => {
                    let (loss, settings) = (loss_label(record), self.settings(&problem));
                    let dot = Dot { at: self.of(&problem), problem: problem.clone(), record };
                    match sweeps.iter_mut().find(|sweep| sweep.loss == loss && sweep.settings == settings) {
                        Some(sweep) => {
                            sweep.problem.width = sweep.problem.width.max(problem.width);
                            sweep.dots.push(dot);
                        }
                        None => sweeps.push(Sweep { loss, settings, problem, dots: vec![dot] }),
                    }
                }
                Err(reason) if !reasons.contains(&reason) => reasons.push(reason),
                Err(_) => {}
            }
        }
        sweeps.iter_mut().for_each(|sweep| sweep.dots.sort_by(|a, b| a.at.total_cmp(&b.at)));
        match (sweeps.is_empty(), reasons.is_empty()) {
            (false, _) if sweeps.iter().all(|sweep| sweep.dots[0].at.total_cmp(&sweep.dots[sweep.dots.len() - 1].at).is_eq()) => {
                Err(format!("no two cases differ in {} alone: sweep it to see a curve", self.key()))
            }
            (false, _) => Ok(sweeps),
            (true, true) => Err("the run has no records".into()),
            (true, false) => Err(format!("no case fits: {}", reasons.join("; "))),
        }
    }
}

/// A number that was computed from decays, without the digits that rounding made.
fn rounded(x: f64) -> String {
    short(format!("{x:.6e}").parse().unwrap_or(x))
}

/// Whether the gate let the point through.
pub(super) fn critical(record: &Record) -> bool {
    !matches!(record.nature.as_deref(), None | Some("not-critical"))
}

/// Whether the record says that it is the global minimum, and is sure.
pub(super) fn global(record: &Record) -> bool {
    record.nature.as_deref() == Some("global-minimum") && matches!(record.standing.as_deref(), Some("proved" | "numerical"))
}

/// Points at which a curve is computed.
const SAMPLES: usize = 240;

/// The stretch of a decay that a figure shows: a little more than what the dots cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    low: f64,
    high: f64,
    log: bool,
    /// Where curves begin: a little before the first dot, since many grow without bound towards zero.
    first: f64,
}

impl Span {
    /// Around these values, logarithmic where they differ by much; half an octave either side of a single one.
    pub(super) fn around(values: impl Iterator<Item = f64>) -> Option<Self> {
        let finite = values.filter(|x| x.is_finite() && *x > 0.0);
        let (low, high) = finite.fold((f64::INFINITY, 0.0_f64), |(low, high), at| (low.min(at), high.max(at)));
        if !(high > 0.0) {
            return None;
        }
        Some(match high / low {
            ratio if ratio > 20.0 => Self { low: low / 1.25, high: high * 1.25, log: true, first: low / 1.25 },
            ratio if ratio > 1.0 + 1e-9 => {
                let margin = 0.05 * (high - low);
                // From zero on where the lowest is near it: the reader sees where the axis begins.
                let start = if low < 0.25 * high { 0.0 } else { low - margin };
                Self { low: start, high: high + margin, log: false, first: start.max(0.5 * low) }
            }
            _ => Self { low: 0.5 * low, high: 1.5 * high, log: false, first: 0.5 * low },
        })
    }

    pub(super) fn scale(self) -> Scale {
        let Self { low, high, log, .. } = self;
        if log { Scale::Log { low, high } } else { Scale::Linear { low, high } }
    }

    pub(super) fn holds(self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }

    /// Places of a curve: even on the axis, and on either side of each edge, where curves may bend or jump. All are positive.
    pub(super) fn places(self, edges: &[f64]) -> Vec<f64> {
        let Self { high, log, first, .. } = self;
        let place = |i: usize| {
            let part = i as f64 / (SAMPLES - 1) as f64;
            if log { first * (high / first).powf(part) } else { first + (high - first) * part }
        };
        let inside = edges.iter().filter(|&&edge| first < edge && edge < high);
        let beside = inside.flat_map(|&edge| [edge * (1.0 - 1e-12), edge * (1.0 + 1e-12)]);
        let mut places: Vec<f64> = (0..SAMPLES).map(place).chain(beside).collect();
        places.sort_by(f64::total_cmp);
        places
    }
}

/// A closed form along the places, cut at the edges: a jump there is not bridged.
pub(super) fn curve(places: &[f64], edges: &[f64], of: impl Fn(f64) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    let mut last: Option<f64> = None;
    for &x in places {
        let cut = last.is_some_and(|last| edges.iter().any(|&edge| last < edge && edge < x));
        match of(x).filter(|y| y.is_finite()) {
            Some(y) if !cut => pieces.last_mut().expect("there is one").push((x, y)),
            Some(y) => pieces.push(vec![(x, y)]),
            None => pieces.push(Vec::new()),
        }
        last = Some(x);
    }
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

/// A quantity that has a closed form at the minimum and a number in records.
pub(super) struct Quantity {
    /// Its name in tables.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) label: &'static str,
    pub(super) theory: fn(&Balanced, &BalancedMinimum) -> Option<f64>,
    pub(super) record: fn(&Record) -> Option<f64>,
}

impl Quantity {
    /// The closed form with the decay set to `x`.
    pub(super) fn at(&self, along: Along, problem: &Balanced, x: f64) -> Option<f64> {
        let problem = along.set(problem, x);
        (self.theory)(&problem, &problem.minimum().ok()?).filter(|y| y.is_finite())
    }

    /// The largest distance of a dot from the closed form of its own problem, as a share of the largest value of either; none without dots.
    pub(super) fn deviation(&self, dots: &[Dot]) -> Option<f64> {
        let pairs: Vec<(f64, f64)> = dots
            .iter()
            .filter_map(|dot| Some(((self.record)(dot.record)?, (self.theory)(&dot.problem, &dot.problem.minimum().ok()?)?)))
            .collect();
        let largest = pairs.iter().map(|(a, b)| a.abs().max(b.abs())).fold(0.0, f64::max);
        let worst = pairs.iter().map(|(a, b)| (a - b).abs()).reduce(f64::max)?;
        Some(if largest > 0.0 { worst / largest } else { worst }).filter(|x| x.is_finite())
    }
}

/// A sentence on how far all dots are from their closed forms.
pub(super) fn deviations<'a>(quantities: impl Iterator<Item = &'a Quantity>, sweeps: &[&Sweep]) -> String {
    let worst = |quantity: &Quantity| sweeps.iter().filter_map(|sweep| quantity.deviation(&sweep.dots)).reduce(f64::max);
    let parts: Vec<String> =
        quantities.filter_map(|quantity| Some(format!("{} {}", quantity.id, short(worst(quantity)?)))).collect();
    format!("Largest distance of a dot from its closed form, as a share of the largest value on its curve: {}.", parts.join(", "))
}

/// A number to six digits, for edges and weights that lie close together.
pub(super) fn six(x: f64) -> String {
    let text = short(x);
    let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
    if (1e-4..1e5).contains(&rounded) { format!("{rounded}") } else { text }
}

/// A metric of a record.
pub(super) fn metric(record: &Record, id: &str) -> Option<f64> {
    record.metrics.get(id).copied().filter(|x| x.is_finite())
}
