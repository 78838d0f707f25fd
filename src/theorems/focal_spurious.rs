//! Focal loss is not globally benign for K > 1/p_c.

use super::evidence::place;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem, landscape};
use crate::losses::Loss;
use crate::theory::{focal_convexity_edge, focal_window};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "focal-spurious-minima",
    title: "Focal loss has spurious minima for K > 1/p_c",
    source: "derived in `theory/focal.rs`; outside the local claim of Zhou et al. 2022, which it does not contradict",
    statement: "For K > 1/p_c(γ) and ε between η(1/K)/K and the first-order transition, W = H = 0 is a strict local minimum of focal loss above the lowest known value, although d ≥ K − 1.",
    refuted_by: "W = H = 0 with a negative eigenvalue, or no lower point",
    scenario: "focal-window",
    figures: &["focal-hysteresis", "contrast", "convexity-edge", "value-index"],
    hypotheses: &[landscape::FOCAL, MANY_CLASSES, WINDOW],
    check: Check::Each(check),
    planted: |records, _| {
        records
            .iter_mut()
            .filter(|record| record.rank == Some(0))
            .for_each(|record| record.nature = Some("strict-saddle".into()));
    },
};

/// Uniqueness fails.
pub(super) const MANY_CLASSES: Hypothesis = Hypothesis {
    name: "K > 1/p_c(γ)",
    holds: |subject| {
        let Loss::Focal(loss) = subject.loss()? else { return Err("the loss is not focal".into()) };
        let (classes, edge) = (subject.settings().classes, focal_convexity_edge(loss.gamma));
        if classes as f64 * edge > 1.0 { Ok(()) } else { Err(format!("K = {classes}, 1/p_c = {:.3}", 1.0 / edge)) }
    },
    breaks: |record| record.classes = 4,
};

/// Between the edges of bistability.
pub(super) const WINDOW: Hypothesis = Hypothesis {
    name: "ε between η(1/K)/K and the transition",
    holds: |subject| {
        let balanced = subject.balanced()?;
        let Loss::Focal(loss) = balanced.loss else { return Err("the loss is not focal".into()) };
        let window = focal_window(balanced.classes, loss.gamma).map_err(|reason| reason.to_string())?;
        let epsilon = balanced.epsilon();
        if epsilon > window.zero_stable_from && epsilon < window.transition {
            Ok(())
        } else {
            Err(format!("ε = {epsilon:.8}, the window is ({:.8}, {:.8})", window.zero_stable_from, window.transition))
        }
    },
    breaks: |record| (record.decay_w, record.decay_h) = (Some(1e-4), Some(1e-4)),
};

fn check(subject: &Subject<'_>) -> Judgement {
    let mut tally = Tally::new("1 where W = H = 0 is no strict minimum, or nothing lower is known", 0.0);
    let lowest = subject.critical().map(|record| record.value).fold(f64::INFINITY, f64::min);
    for record in subject.critical().filter(|record| record.rank == Some(0)) {
        let minimum = record.nature.as_deref() == Some("local-minimum") && record.value > lowest + 1e-9;
        tally.add(f64::from(!minimum), || format!("{}; the lowest value found is {lowest:.6}", place(record)));
    }
    tally.judge("the point W = H = 0 is not among the records")
}
