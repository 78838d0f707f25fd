//! Escape directions have the curvature −2(σ − μ).

use super::evidence::place;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "escape-curvature",
    title: "A free dimension at a saddle gives curvature −2(σ − μ)",
    source: "derived in `spectra/rank_split.rs`; for convex losses the mechanism of Zhu et al. 2021",
    statement: "At a critical point of rank r < d whose residual G has a singular value σ > μ, the direction (λ_H/λ_W)^¼ uaᵀ, −(λ_W/λ_H)^¼ avᵀ has curvature −2(σ − μ), and the Hessian has the eigenvalue (λ_W+λ_H)/2 − √(((λ_W−λ_H)/2)² + σ²).",
    refuted_by: "a critical point of rank r < d with σ > μ whose smallest eigenvalue is above that",
    scenario: "ladder",
    figures: &["ladder"],
    hypotheses: &[FREE_SADDLE],
    check: Check::Each(check),
    planted: |records, _| {
        records.iter_mut().filter(|record| record.escape_curvature.is_some()).for_each(|record| record.lambda_min = Some(0.0));
    },
};

/// A critical point with a free dimension and σ > μ.
const FREE_SADDLE: Hypothesis = Hypothesis {
    name: "a critical point of rank r < d with σ > μ",
    holds: |subject| {
        if subject.critical().any(|record| record.escape_curvature.is_some()) {
            Ok(())
        } else {
            Err("no such point was found".into())
        }
    },
    breaks: |record| record.escape_curvature = None,
};

fn check(subject: &Subject<'_>) -> Judgement {
    let mut tally =
        Tally::new("λ_min above the predicted eigenvalue, and error of the curvature, over the largest eigenvalue", 1e-9);
    let Ok(decay) = subject.decay() else { return Judgement::undecided("", "the records have no decays") };
    let mu = decay.mu();
    for record in subject.critical() {
        let (Some(curvature), Some(ratio)) = (record.escape_curvature, record.dual_ratio) else { continue };
        let (Some(lowest), Some(largest)) = (record.lambda_min, record.lambda_max) else {
            tally.doubt(|| format!("{} has no spectrum", place(record)));
            continue;
        };
        let sigma = ratio * mu;
        let predicted = 0.5 * (decay.w + decay.h) - (0.25 * (decay.w - decay.h).powi(2) + sigma * sigma).sqrt();
        tally.add(((lowest - predicted) / largest).max(0.0), || format!("{}: λ_min", place(record)));
        tally.add((curvature + 2.0 * (sigma - mu)) / largest, || format!("{}: curvature", place(record)));
    }
    tally.judge("no critical point with a free dimension was found")
}
