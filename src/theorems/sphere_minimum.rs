//! The minimum of the model with normalised features.

use super::evidence::place;
use super::hypotheses::WIDE;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};
use crate::record::Record;
use crate::theory::sphere_minimum;

/// The metrics that hold the value on the spheres, and their τ.
const TEMPERATURES: [(&str, f64); 3] = [("sphere-loss-1", 1.0), ("sphere-loss-3", 3.0), ("sphere-loss-10", 10.0)];

/// A global minimum this near to a simplex is one to rounding: the value on the spheres differs by the square.
const SIMPLEX: f64 = 1e-7;

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "sphere-minimum",
    title: "With features and classifier on spheres the simplex is the minimum",
    source: "Yaras et al. 2022, whose landscape theorem asks more of d; value derived in `theory/kin.rs`, the constrained model itself minimised in `tests/kin_models.rs`",
    statement: "For d ≥ K − 1 the least value of CE(τWh) over unit rows of W and unit features is log(1+(K−1)e^{−τK/(K−1)}), attained at the simplex ETF. There is no constrained solver here: each \
                critical point of the unconstrained model is put on the spheres (rows and features divided by their lengths) and lies at or above that value, simplices at it.",
    refuted_by: "a point on the spheres with a lower value, or a simplex with another",
    scenario: "sphere",
    figures: &["sphere-minimum"],
    hypotheses: &[WIDE, ON_SPHERES],
    check: Check::Each(check),
    planted: |records, _| {
        for record in records.iter_mut() {
            let bound = sphere_minimum(record.classes, record.width, 3.0).unwrap_or(0.0);
            record.metrics.entry("sphere-loss-3".into()).and_modify(|value| *value = 0.999 * bound);
        }
    },
};

/// A row of W or a feature that is zero has no direction.
const ON_SPHERES: Hypothesis = Hypothesis {
    name: "a critical point without zero rows of W and zero features",
    holds: |subject| {
        if subject.critical().any(on_spheres) { Ok(()) } else { Err("every critical point found has one, or no metrics".into()) }
    },
    breaks: |record| record.metrics.clear(),
};

fn on_spheres(record: &Record) -> bool {
    TEMPERATURES.iter().all(|(id, _)| record.metrics.contains_key(*id))
}

fn check(subject: &Subject<'_>) -> Judgement {
    const MEASURED: &str = "relative fall of a value on the spheres below the closed form, at simplices also rise above it";
    let settings = subject.settings();
    let mut tally = Tally::new(MEASURED, 1e-10);
    let mut simplices = 0;
    for record in subject.critical().filter(|record| on_spheres(record)) {
        let simplex = record.nature.as_deref() == Some("global-minimum")
            && record.metrics.get("etf-distance").is_some_and(|distance| *distance <= SIMPLEX)
            && record.metrics.get("nc1").is_some_and(|nc1| *nc1 <= SIMPLEX * SIMPLEX);
        simplices += usize::from(simplex);
        for (id, temperature) in TEMPERATURES {
            let bound = match sphere_minimum(settings.classes, settings.width, temperature) {
                Ok(bound) => bound,
                Err(reason) => return Judgement::not_applicable(MEASURED, reason.to_string()),
            };
            let excess = (record.metrics[id] - bound) / bound;
            let deviation = if simplex || excess.is_nan() { excess } else { excess.min(0.0) };
            tally.add(deviation, || format!("{}, τ = {temperature}: {} against {bound}", place(record), record.metrics[id]));
        }
    }
    if simplices == 0 {
        tally.doubt(|| "no simplex was found: whether the value is attained is open".into());
    }
    tally.judge("no critical point has directions")
}
