//! Exact laws of the gradient flow: what their statements share.
//!
//! What a law may be missed by is what the integrator itself owns up to. The flow's rows carry E, the sum of the error estimates of all steps so far: the norm over (W, H, b) of the difference between
//! the embedded solutions of order 5 and 4, of which the better one is kept. An error e made in a step is carried on by the exact flow, and for a quantity that obeys a linear law with decay it
//! shrinks; so a quantity whose change by e is at most c‖e‖ misses its law by at most cE. To this come the roundings of the state, a few an entry and step.

use super::{Hypothesis, Judgement, Subject, Tally};
use crate::record::{FlowRow, TrajectoryRow};

/// The solver is the integrator of the flow.
pub(super) const FLOW: Hypothesis = Hypothesis {
    name: "the solver is gradient-flow",
    holds: |subject| {
        let solver = &subject.settings().solver;
        if solver == "gradient-flow" { Ok(()) } else { Err(format!("the solver is {solver}")) }
    },
    breaks: |record| record.solver = "lbfgs".into(),
};

/// The largest share of a quantity's size at time 0 that errors may have: above it the law is not put to the test.
const SHARE: f64 = 1e-2;
/// Roundings of an entry of the state in a step, and in forming a quantity from it.
const ROUNDINGS: f64 = 8.0 * f64::EPSILON;

/// A row of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    /// The row.
    pub(super) row: &'a TrajectoryRow,
    /// t.
    pub(super) time: f64,
    /// What the laws speak of.
    pub(super) flow: FlowRow,
    /// The largest ‖(W, H)‖ so far.
    pub(super) norm: f64,
}

impl Moment<'_> {
    /// A bound on the distance from the exact flow's state, as far as it does not grow: E and roundings.
    pub(super) fn error(&self) -> f64 {
        self.flow.error + ROUNDINGS * (self.row.step + 1) as f64 * self.norm
    }
}

/// The trajectories of a case, one for each of its starts; a start without rows has none.
pub(super) fn trajectories<'a>(subject: &Subject<'a>) -> Vec<Vec<Moment<'a>>> {
    let of_start = |start: usize| {
        let mut norm = 0.0_f64;
        let rows = subject.rows.iter().filter(|row| row.start_index == start);
        let moment = |row: &&'a TrajectoryRow| {
            let (flow, time) = (row.flow?, row.time?);
            norm = norm.max(flow.norm_w.hypot(flow.norm_h));
            Some(Moment { row, time, flow, norm })
        };
        rows.filter_map(moment).collect()
    };
    subject.records.iter().map(|record| of_start(record.start_index)).collect()
}

/// Judges a quantity that is multiplied by `factor(t)`: `quantity` gives its part along its start and what is left, and `sensitivity` the c of cE.
pub(super) fn judge_factor(
    subject: &Subject<'_>,
    factor: impl Fn(f64) -> Result<f64, String>,
    quantity: impl Fn(&FlowRow) -> [f64; 2],
    sensitivity: impl Fn(&Moment<'_>) -> f64,
) -> Judgement {
    const MEASURED: &str = "largest deviation from the law, over what the integrator's error estimates allow";
    let mut tally = Tally::new(MEASURED, 1.0);
    for moments in trajectories(subject) {
        let Some(first) = moments.first() else {
            tally.doubt(|| "a start has no trajectory".into());
            continue;
        };
        let began = quantity(&first.flow)[0];
        // What begins at rounding's size, as on the ETF ray, must stay there, and puts nothing else to the test.
        let begins = sensitivity(first) * first.error() <= SHARE * began;
        for moment in &moments {
            let factor = match factor(moment.time) {
                Ok(factor) => factor,
                Err(reason) => return Judgement::not_applicable(MEASURED, reason),
            };
            let [along, across] = quantity(&moment.flow);
            let deviation = (along - factor * began).hypot(across);
            let allowed = sensitivity(moment) * moment.error();
            let tell = || format!("start {}, t = {:.3}", moment.row.start_index, moment.time);
            tally.add(deviation / allowed, || format!("{}: {deviation:.1e} off, {allowed:.1e} allowed", tell()));
            if begins && !(allowed <= SHARE * began) {
                tally.doubt(|| {
                    format!("{}: errors of {allowed:.1e} may hide a quantity of {began:.1e}; lower solver.tolerance", tell())
                });
            }
        }
    }
    tally.judge("no trajectory was recorded")
}

/// Makes every quantity of the rows shrink too slowly by a thousandth, from time 0 on.
pub(super) fn slow(rows: &mut [TrajectoryRow]) {
    for row in rows.iter_mut().filter(|row| row.step > 0) {
        if let Some(flow) = &mut row.flow {
            flow.mean_classifier[0] *= 1.001;
            flow.imbalance[0] *= 1.001;
            flow.norm_w *= 1.001;
        }
    }
}
