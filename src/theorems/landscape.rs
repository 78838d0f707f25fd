//! What the landscape statements share: every critical point is a global minimum or a strict saddle.
//!
//! Why. At a critical point GHᵀ = −λ_W W and WᵀG = −λ_H H, so W and H have one rank r, and G has the singular value μ on their r directions. Let L be convex. Where ‖G‖_op ≤ μ the dual bound is
//! attained: the point is global. Where σ = ‖G‖_op > μ and r < d there is a unit a with Wa = 0 and Hᵀa = 0, and the pair (u, v) of σ with a gives curvature −2(σ − μ) < 0: a strict saddle. That
//! leaves r = d. For d ≥ K, r = d = K means that all K singular values of G are μ. For a shift-invariant L, 1ᵀG = 0 gives 1ᵀW = 0, so r ≤ K − 1, and r = d = K − 1 means that all singular values
//! of G but the one on 1 are μ: d ≥ K − 1 suffices. Class sizes and the bias play no part.

use super::evidence::{decided, place};
use super::{Hypothesis, Judgement, Subject, Tally};
use crate::record::Record;

/// What is measured.
const MEASURED: &str = "critical points that are neither a global minimum nor a strict saddle";

/// Counts critical points that are neither; those that `fits` rejects are passed over.
pub(super) fn benign(subject: &Subject<'_>, fits: impl Fn(&Record) -> bool) -> Judgement {
    let mut tally = Tally::new(MEASURED, 0.0);
    for record in subject.critical().filter(|record| fits(record)) {
        let nature = record.nature.as_deref().unwrap_or("");
        if !decided(record) {
            tally.doubt(|| format!("{} is undecided", place(record)));
        }
        tally.add(f64::from(!matches!(nature, "global-minimum" | "strict-saddle")), || format!("{}: {nature}", place(record)));
    }
    tally.judge("no critical point was found that the statement speaks of")
}

/// Makes a strict saddle a local minimum: the counterexample.
pub(super) fn spurious_minimum(records: &mut [Record]) {
    for record in records.iter_mut().filter(|record| record.nature.as_deref() == Some("strict-saddle")) {
        record.nature = Some("local-minimum".into());
    }
}

/// The case is one of this loss.
macro_rules! loss_is {
    ($name:literal, $words:literal, $other:literal) => {
        Hypothesis {
            name: $words,
            holds: |subject| {
                let name = &subject.settings().loss;
                if name == $name { Ok(()) } else { Err(format!("the loss is {name}")) }
            },
            breaks: |record| record.loss = $other.into(),
        }
    };
}

/// Cross-entropy.
pub(super) const CROSS_ENTROPY: Hypothesis = loss_is!("cross-entropy", "the cross-entropy loss", "mse");
/// Label smoothing.
pub(super) const LABEL_SMOOTHING: Hypothesis = loss_is!("label-smoothing", "the label-smoothing loss", "mse");
/// Focal loss.
pub(super) const FOCAL: Hypothesis = loss_is!("focal", "the focal loss", "mse");
/// MSE.
pub(super) const MSE: Hypothesis = loss_is!("mse", "the MSE loss", "cross-entropy");
/// BCE.
pub(super) const BCE: Hypothesis = loss_is!("bce", "the BCE loss", "cross-entropy");
