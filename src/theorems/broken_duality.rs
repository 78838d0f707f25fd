//! Where the mean part of the logits is negative, self-duality is broken.

use super::evidence::place;
use super::hypotheses::{BALANCED, CLOSED_FORM, NO_BIAS};
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem, landscape};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "broken-self-duality",
    title: "BCE without a bias breaks self-duality",
    source: "derived in `theory/phases.rs` from λ_W WᵀW = λ_H HHᵀ and the sign of t; metrics in `metrics/duality.rs`",
    statement: "For balanced classes, BCE and no bias, where the mean part t of the minimum is negative the uncentred class means are M̄ᵀ = √(λ_W/(nλ_H)) (P − J/K)W, and not proportional to W: \
                ‖M̄ᵀ/‖M̄‖ − W/‖W‖‖ = 2√(|t|/((K−1)s+|t|)).",
    refuted_by: "a global minimum with t < 0 and M̄ᵀ ∝ W, or off that relation in direction or in size",
    scenario: "bce-phases",
    figures: &["gram"],
    hypotheses: &[BALANCED, landscape::BCE, NO_BIAS, CLOSED_FORM, NEGATIVE_MEAN],
    check: Check::Each(check),
    planted: |records, _| {
        // A self-dual point: M̄ᵀ ∝ W.
        for record in records.iter_mut().filter(|record| record.nature.as_deref() == Some("global-minimum")) {
            let broken = record.metrics.get("self-duality").copied().unwrap_or(0.0);
            record.metrics.insert("broken-self-duality".into(), broken);
            record.metrics.insert("self-duality".into(), 0.0);
        }
    },
};

/// t < 0.
const NEGATIVE_MEAN: Hypothesis = Hypothesis {
    name: "a negative mean part t",
    holds: |subject| {
        let mean = subject.balanced()?.minimum()?.mean_part;
        if mean < 0.0 { Ok(()) } else { Err(format!("t = {mean}: self-duality holds there")) }
    },
    breaks: |record| (record.decay_w, record.decay_h) = (Some(10.0), Some(10.0)),
};

fn check(subject: &Subject<'_>) -> Judgement {
    const MEASURED: &str = "distances to the broken relation, and of the distance to M̄ᵀ ∝ W and of ‖M̄‖/‖W‖ from theirs";
    let expected = subject.balanced().and_then(|balanced| Ok((balanced.minimum()?, balanced.class_ratio())));
    let (minimum, ratio) = match expected {
        Ok(expected) => expected,
        Err(reason) => return Judgement::not_applicable(MEASURED, reason),
    };
    let mean = minimum.mean_part.abs();
    let simplex = (subject.settings().classes - 1) as f64 * minimum.scale;
    let turned = 2.0 * (mean / (simplex + mean)).sqrt();
    let mut tally = Tally::new(MEASURED, 1e-8);
    for record in subject.decided("global-minimum") {
        let metric = |id: &str| record.metrics.get(id).copied().unwrap_or(f64::NAN);
        tally.add(metric("broken-self-duality"), || format!("{}: M̄ᵀ against (P − J/K)W", place(record)));
        tally.add(metric("self-duality") - turned, || format!("{}: M̄ᵀ against W", place(record)));
        tally.add(metric("duality-ratio") * ratio - 1.0, || format!("{}: ‖M̄‖/‖W‖", place(record)));
    }
    tally.judge("no global minimum was found")
}
