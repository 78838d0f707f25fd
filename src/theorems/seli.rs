//! Without a bias, cross-entropy on unequal classes tends to the SELI geometry, logarithmically in the decays.
//!
//! A limit that is approached like 1/log(1/μ) is never seen: at μ = 1e-12 a distance of a few per cent is left. So three things are judged, each over what it is allowed:
//!
//! 1. at every decay the value and both distances are those of the minimum that `theory/seli.rs` computes from the stationarity conditions of K×K logits, which tends to SELI by its expansion;
//! 2. the distances δ, polynomials in x = 1/ log(1/μ) up to terms of order μ, extrapolate to 0 at x = 0;
//! 3. δ log(1/μ) extrapolates to the constant c of [`seli_rates`], so that the rate is logarithmic and not merely some decrease.
//!
//! Extrapolation is by Neville's scheme: the cubic through four points. Its error is taken to be the largest change when either outermost point is left out, which is the error of the parabola and
//! so one power of x larger; and, where the parabola happens to be lucky, no less than the change from line to parabola times 2x, as if the coefficients of successive powers doubled. Where this error
//! is not small beside the distance itself, the decays do not reach far enough and nothing is decided.

use super::evidence::place;
use super::hypotheses::WIDE;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};
use crate::losses::Loss;
use crate::model::Bias;
use crate::record::{PerClass, Record};
use crate::theory::{SeliMinimum, SeliRates, seli_minimum, seli_rates};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "seli",
    title: "Without a bias, unequal classes tend to SELI as the decays vanish",
    source: "Thrampoulidis et al. 2022 (the limit); the logarithmic rate and its constant derived in `theory/seli.rs`",
    statement: "For cross-entropy without a bias and d ≥ K − 1 the global minimum tends, as μ → 0, to logits WH ∝ PY and classifiers WWᵀ ∝ (PDP)^{1/2}, D = diag(n_k); both distances are c/log(1/μ) + O(1/log²(1/μ)) with c > 0 for unequal classes.",
    refuted_by: "global minima whose distances extrapolate, in 1/log(1/μ), to something other than 0, or with another slope",
    scenario: "seli",
    figures: &["seli-approach"],
    hypotheses: &[CROSS_ENTROPY, NO_BIAS, WIDE, SMALL_DECAYS],
    check: Check::Together(check),
    planted: |records, _| {
        // A limit at a small distance from SELI.
        records.iter_mut().filter_map(|record| record.metrics.get_mut("seli-distance")).for_each(|distance| *distance += 0.01);
    },
};

/// The loss is cross-entropy.
const CROSS_ENTROPY: Hypothesis = Hypothesis {
    name: "the loss is cross-entropy",
    holds: |subject| match subject.loss()? {
        Loss::CrossEntropy(_) => Ok(()),
        loss => Err(format!("the loss is {loss}")),
    },
    breaks: |record| record.loss = "mse".into(),
};

/// With a bias that is free the margins of a class are shifted by b at no cost, and the minimum tends to another arrangement; equal classes need no bias.
const NO_BIAS: Hypothesis = Hypothesis {
    name: "no bias, or equal classes",
    holds: |subject| match (&subject.settings().per_class, subject.bias()) {
        (_, Bias::None) | (PerClass::Balanced(_), _) => Ok(()),
        (PerClass::Imbalanced(sizes), _) => {
            Err(format!("the bias is {} and n_k = {sizes:?}: the limit is another one", subject.settings().bias))
        }
    },
    breaks: |record| {
        record.bias = "free".into();
        record.per_class = PerClass::Imbalanced((1..=record.classes).collect());
    },
};

/// The minimum is in the regime of the expansion.
const SMALL_DECAYS: Hypothesis = Hypothesis {
    name: "decays small enough that every pair of classes repels",
    holds: |subject| {
        // At the width K − 1, so that the width is no reason here.
        let mut problem = subject.problem()?;
        problem.shape = problem.shape.at_width(problem.shape.classes() - 1);
        seli_minimum(&problem).map(drop).map_err(|reason| reason.to_string())
    },
    breaks: |record| (record.decay_w, record.decay_h) = (Some(0.5), Some(0.5)),
};

/// Allowed of the relative difference of a distance or value from the predicted minimum's. The gate lets a gradient of 1e-10 (μ + λ_W‖W‖ + λ_H‖H‖) pass, and the curvature across the orbit is a
/// sizeable share of μ: pulls and decays balance at every pair.
const PREDICTED: f64 = 1e-8;
/// Share of the last distance that the extrapolation's error may be.
const EXTRAPOLATED: f64 = 0.25;
/// Decays that an extrapolation needs.
const DECAYS: usize = 4;

const MEASURED: &str =
    "extrapolated limit and slope off theirs, over the extrapolation's error; values and distances off the predicted, over 1e-8";

fn check(subjects: &[Subject<'_>]) -> Judgement {
    let mut tally = Tally::new(MEASURED, 1.0);
    for group in groups(subjects) {
        if let Err(reason) = judge(&group, &mut tally) {
            tally.doubt(|| reason);
        }
    }
    tally.judge("no case has its global minimum")
}

/// Subjects that differ in their decays alone.
fn groups<'a, 'b>(subjects: &'b [Subject<'a>]) -> Vec<Vec<&'b Subject<'a>>> {
    let same = |one: &Record, other: &Record| {
        (one.classes, one.width, &one.per_class, &one.bias, &one.loss_params, &one.solver)
            == (other.classes, other.width, &other.per_class, &other.bias, &other.loss_params, &other.solver)
    };
    let mut groups: Vec<Vec<&Subject>> = Vec::new();
    for subject in subjects {
        match groups.iter_mut().find(|group| same(group[0].settings(), subject.settings())) {
            Some(group) => group.push(subject),
            None => groups.push(vec![subject]),
        }
    }
    groups
}

/// One group: every point against its prediction, then the limit and the slope.
fn judge(group: &[&Subject<'_>], tally: &mut Tally) -> Result<(), String> {
    let mut found: Vec<(f64, [f64; 2])> = Vec::new();
    let mut rates = None;
    for subject in group {
        let problem = subject.problem()?;
        let predicted = seli_minimum(&problem).map_err(|reason| reason.to_string())?;
        rates = Some(seli_rates(&problem).map_err(|reason| reason.to_string())?);
        let mut first = None;
        for record in subject.decided("global-minimum") {
            let distances = distances(record);
            compare(record, distances, &predicted, tally);
            first.get_or_insert(distances);
        }
        let distances = first.ok_or_else(|| format!("{}: no global minimum was found", subject.label))?;
        found.push((1.0 / -(problem.decay.mu() / problem.scale).ln(), distances));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let label = || match &group[0].settings().per_class {
        PerClass::Balanced(n) => format!("n = {n}"),
        PerClass::Imbalanced(sizes) => format!("n_k = {sizes:?}"),
    };
    let Some(rates) = rates.filter(|_| found.len() >= DECAYS) else {
        return Err(format!("{}: {} decays, an extrapolation needs {DECAYS}", label(), found.len()));
    };
    let SeliRates { classifier, logits } = rates;
    for (at, (name, rate)) in [("classifier", classifier), ("logits", logits)].into_iter().enumerate() {
        let points: Vec<(f64, f64)> = found.iter().map(|&(x, distances)| (x, distances[at])).collect();
        let last = points[points.len() - 1].1;
        // Equal classes are at distance zero throughout: there is nothing to extrapolate.
        if rate <= f64::EPSILON * 1e3 && last <= PREDICTED {
            continue;
        }
        let (limit, error) = extrapolate(&points);
        if !(error <= EXTRAPOLATED * last) {
            return Err(format!(
                "{}, {name}: the extrapolation's error {error:.1e} is not small beside the last distance {last:.1e}",
                label()
            ));
        }
        tally.add(limit / error, || format!("{}, {name}: the distance extrapolates to {limit:.2e} ± {error:.1e}", label()));
        let scaled: Vec<(f64, f64)> = points.iter().map(|&(x, distance)| (x, distance / x)).collect();
        let (slope, error) = extrapolate(&scaled);
        tally
            .add((slope - rate) / error, || format!("{}, {name}: δ log(1/μ) → {slope:.5} ± {error:.1e}, c = {rate:.5}", label()));
    }
    Ok(())
}

/// Distances of the classifier and of the logits.
fn distances(record: &Record) -> [f64; 2] {
    ["seli-distance", "seli-logits"].map(|id| record.metrics.get(id).copied().unwrap_or(f64::NAN))
}

fn compare(record: &Record, [classifier, logits]: [f64; 2], predicted: &SeliMinimum, tally: &mut Tally) {
    let off = [
        ("value", (record.value - predicted.value) / predicted.value),
        ("classifier's distance", classifier - predicted.classifier_distance),
        ("logits' distance", logits - predicted.logits_distance),
    ];
    for (name, off) in off {
        tally.add(off / PREDICTED, || format!("{}: {name} off by {off:.1e}", place(record)));
    }
}

/// The value at x = 0 of the cubic through [`DECAYS`] points, and its error: see the head of this file.
///
/// The points are the last one and others at equal distances before it, over three quarters of the sweep: neighbours of a long sweep would lie so near each other that roundings grow.
fn extrapolate(points: &[(f64, f64)]) -> (f64, f64) {
    let (last, step) = (points.len() - 1, ((points.len() - 1) / DECAYS).max(1));
    let chosen: Vec<(f64, f64)> = (0..DECAYS).rev().map(|back| points[last - back * step]).collect();
    let (cubic, parabola, line) = (neville(&chosen), neville(&chosen[1..]), neville(&chosen[DECAYS - 2..]));
    let farthest = chosen[0].0;
    let next = 2.0 * farthest * (parabola - line).abs();
    (cubic, (cubic - parabola).abs().max((cubic - neville(&chosen[..DECAYS - 1])).abs()).max(next))
}

/// The value at 0 of the polynomial through the points.
fn neville(points: &[(f64, f64)]) -> f64 {
    let mut values: Vec<f64> = points.iter().map(|&(_, y)| y).collect();
    for step in 1..points.len() {
        for i in 0..points.len() - step {
            let (left, right) = (points[i].0, points[i + step].0);
            values[i] = (left * values[i + 1] - right * values[i]) / (left - right);
        }
    }
    values[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(distance: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        [7.0, 12.0, 16.0, 20.0, 24.0].into_iter().map(|ell: f64| (1.0 / ell, distance(1.0 / ell))).collect()
    }

    #[test]
    fn a_polynomial_is_extrapolated_exactly() {
        let (limit, error) = extrapolate(&curve(|x| 0.3 + 0.7 * x - 2.0 * x * x));
        assert!((limit - 0.3).abs() <= 1e-13 && error <= 5e-3, "{limit} {error}");
    }

    /// Planted: a limit that is not zero but small beside what is left of the approach, and one approached like the square of the logarithm.
    #[test]
    fn other_limits_and_rates_are_told_from_a_logarithmic_approach_to_zero() {
        let honest = |x: f64| 0.75 * x / (1.0 + 0.8 * x);
        let off = |points: &[(f64, f64)], expected: f64| {
            let (value, error) = extrapolate(points);
            (value - expected).abs() / error
        };
        let slopes = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> { points.into_iter().map(|(x, y)| (x, y / x)).collect() };
        assert!(off(&curve(honest), 0.0) <= 1.0 && off(&slopes(curve(honest)), 0.75) <= 1.0);
        assert!(off(&curve(|x| 1e-3 + honest(x)), 0.0) > 5.0);
        assert!(off(&slopes(curve(|x| x * honest(x))), 0.75) > 10.0);
    }
}
