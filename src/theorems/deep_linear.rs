//! Above free features, several linear factors prefer low rank to collapse.
//!
//! What records can say. A critical point of the model with one factor and no bias, all of whose singular values of X = WH are equal to σ, is a critical point of the model with L factors at the decay
//! λ_L = μσ^{1−e}, e = 2/(L+1) (`DeepLinear::decay_at`). There λ_W‖W‖² = λ_H‖H‖² = μ‖X‖_*, so g(X) = f − μ‖X‖_* and the value with L factors is f + μ‖X‖_*(L − 1)/2. Simplices (rank K − 1) and pairs of
//! opposite classes (rank K/2) are such points. So a found pair structure has a value in the deep model that can be set against the best that collapse can do there.

use super::evidence::place;
use super::hypotheses::{BALANCED, NO_BIAS};
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem, landscape};
use crate::record::Record;
use crate::theory::{Balanced, DeepLinear};

/// The numbers of factors that are judged.
const FACTORS: [u32; 2] = [2, 3];

/// Singular values this close are equal: the solver's accuracy.
const EQUAL: f64 = 1e-6;

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "deep-linear",
    title: "With two or more linear factors collapse is not optimal",
    source: "Dang et al. 2023 (values), Garrod & Keating 2024 (low rank); derived in `theory/kin.rs`; factors themselves minimised in `tests/kin_models.rs`",
    statement: "With L linear factors above free features, each with the decay λ, the least cost of X is (λ(L+1)/2)Σσ^{2/(L+1)}. For small λ and even K ≥ 6 at L = 2, even K ≥ 4 at L ≥ 3, a solution of \
                rank K/2 (classes in opposite pairs) lies below collapse: deep collapse is then not the global minimum.",
    refuted_by: "a point of rank K/2 whose value with L factors is not below the best collapsed one, or is not the closed form's",
    scenario: "deep-linear",
    figures: &["deep-collapse"],
    hypotheses: &[BALANCED, landscape::CROSS_ENTROPY, NO_BIAS, PAIRS, SMALL],
    check: Check::Each(check),
    planted: |records, _| {
        records.iter_mut().for_each(|record| record.value *= 1.2);
    },
};

/// K is even and above 2.
const PAIRS: Hypothesis = Hypothesis {
    name: "an even K ≥ 4",
    holds: |subject| {
        let classes = subject.settings().classes;
        if classes >= 4 && classes.is_multiple_of(2) { Ok(()) } else { Err(format!("K = {classes}")) }
    },
    breaks: |record| record.classes -= 1,
};

/// The statement is one about λ → 0: where Kε is a tenth or less, X is far from its collapse to zero.
const SMALL: Hypothesis = Hypothesis {
    name: "ε ≤ 1/(10K)",
    holds: |subject| {
        let balanced = subject.balanced()?;
        let (epsilon, most) = (balanced.epsilon(), 0.1 / balanced.classes as f64);
        if epsilon <= most { Ok(()) } else { Err(format!("ε = {epsilon}, 1/(10K) = {most}")) }
    },
    breaks: |record| (record.decay_w, record.decay_h) = (Some(10.0), Some(10.0)),
};

/// What a point is in the deep model.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Collapsed,
    Paired,
}

/// Kind and σ of a record, where it is one of the two.
fn kind(record: &Record, balanced: &Balanced) -> Option<(Kind, f64)> {
    let rank = record.rank.filter(|&rank| rank > 0)?;
    let equal = record.metrics.get("isometry-distance").is_some_and(|distance| *distance <= EQUAL);
    let norm = *record.metrics.get("norm-w")?;
    // ‖X‖_* = √(λ_W/λ_H)‖W‖², divided among the rank.
    let sigma = (balanced.decay.w / balanced.decay.h).sqrt() * balanced.classes as f64 * norm * norm / rank as f64;
    let margin = sigma / (balanced.per_class as f64).sqrt();
    let (k, half) = (balanced.classes as f64, (-0.5 * margin).exp());
    let (kind, others) = if rank + 1 == balanced.classes {
        (Kind::Collapsed, (k - 1.0) * (-margin).exp())
    } else if 2 * rank == balanced.classes {
        (Kind::Paired, half * half + (k - 2.0) * half)
    } else {
        return None;
    };
    // Other arrangements of that rank give their classes other probabilities.
    let own = 1.0 / (1.0 + others);
    let fits = record.least_probability.is_some_and(|p| (p - own).abs() <= EQUAL * own);
    (equal && fits).then_some((kind, sigma))
}

fn check(subject: &Subject<'_>) -> Judgement {
    const MEASURED: &str = "relative error of the value with L factors, and 1 where rank K/2 is not below collapse";
    let balanced = match subject.balanced() {
        Ok(balanced) => balanced,
        Err(reason) => return Judgement::not_applicable(MEASURED, reason),
    };
    let Balanced { classes, per_class, scale, .. } = balanced;
    let mu = balanced.decay.mu() / scale;
    let mut tally = Tally::new(MEASURED, 1e-9);
    for record in subject.critical() {
        let Some((kind, sigma)) = kind(record, &balanced) else { continue };
        let rank = record.rank.unwrap_or(0) as f64;
        for factors in FACTORS {
            let deep = DeepLinear { classes, per_class, factors, decay: DeepLinear::decay_at(factors, mu, sigma) };
            let value = record.value / scale + 0.5 * mu * sigma * rank * (f64::from(factors) - 1.0);
            let solutions =
                deep.collapse().and_then(|collapse| Ok((collapse, deep.low_rank()?, DeepLinear::low_rank_wins_from(factors)?)));
            let (collapse, low_rank, from) = match solutions {
                Ok(solutions) => solutions,
                Err(reason) => return Judgement::not_applicable(MEASURED, reason.to_string()),
            };
            let expected = if kind == Kind::Paired { low_rank.value } else { collapse.value };
            tally.add((value - expected) / expected, || format!("{}, L = {factors}: {value} against {expected}", place(record)));
            if kind == Kind::Paired && classes >= from {
                let above = f64::from(!(value < collapse.value));
                tally.add(above, || format!("{}, L = {factors}: {value}, and collapse has {}", place(record), collapse.value));
            }
        }
    }
    tally.judge("neither a simplex nor a point of rank K/2 in opposite pairs was found")
}
