//! Label smoothing is cross-entropy with a larger decay.

use super::evidence::place;
use super::hypotheses::BALANCED;
use super::{Check, Judgement, Subject, Tally, Theorem, landscape};
use crate::losses;
use crate::theory::Balanced;

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "smoothing-is-decay",
    title: "Label smoothing at (α, ε) has the minimum of cross-entropy at ε + α/K",
    source: "both minima have off-class probability q = ε + α/K; derived in `theory/softmax.rs`",
    statement: "For balanced classes the global minimum of label smoothing α at ε = √n μ has the value and the logits of cross-entropy's at ε + α/K.",
    refuted_by: "a global minimum of label smoothing with another value",
    scenario: "smoothing",
    figures: &["smoothing"],
    hypotheses: &[BALANCED, landscape::LABEL_SMOOTHING],
    check: Check::Each(check),
    planted: |records, _| records.iter_mut().for_each(|record| record.value *= 1.0 + 1e-6),
};

fn check(subject: &Subject<'_>) -> Judgement {
    const MEASURED: &str = "relative difference of the values";
    let expected = subject.balanced().and_then(|balanced| {
        let alpha = subject.settings().loss_params.get("alpha").copied().ok_or("alpha is missing")?;
        // ε + α/K by a larger μ: λ_W and λ_H grow alike.
        let factor = 1.0 + alpha / (balanced.classes as f64 * balanced.epsilon());
        let mut decay = balanced.decay;
        (decay.w, decay.h) = (decay.w * factor, decay.h * factor);
        let family = losses::ALL.iter().find(|family| family.name == "cross-entropy").expect("it is built in");
        let twin = Balanced { decay, loss: (family.build)(&[]), ..balanced };
        Ok(twin.minimum()?.value)
    });
    let expected = match expected {
        Ok(expected) => expected,
        Err(reason) => return Judgement::not_applicable(MEASURED, reason),
    };
    let mut tally = Tally::new(MEASURED, 1e-11);
    for record in subject.decided("global-minimum") {
        tally.add((record.value - expected) / expected, || place(record));
    }
    tally.judge("no global minimum was found")
}
