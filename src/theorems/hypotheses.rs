//! Hypotheses that several statements share.

use super::Subject;
use crate::model::Bias;
use crate::record::{PerClass, Record};

/// What a statement asks of a case.
#[derive(Clone, Copy, Debug)]
pub struct Hypothesis {
    /// In words.
    pub name: &'static str,
    /// Whether a case satisfies it, or why not.
    pub holds: fn(&Subject<'_>) -> Result<(), String>,
    /// Changes a record so that it does not: the check must then name it.
    pub breaks: fn(&mut Record),
}

/// All classes have the same number of samples.
pub(super) const BALANCED: Hypothesis = Hypothesis {
    name: "balanced classes",
    holds: |subject| match &subject.settings().per_class {
        PerClass::Balanced(_) => Ok(()),
        PerClass::Imbalanced(sizes) => Err(format!("n_k = {sizes:?}")),
    },
    breaks: |record| record.per_class = PerClass::Imbalanced((1..=record.classes).collect()),
};

/// The closed form of the global minimum is a theorem.
pub(super) const CLOSED_FORM: Hypothesis = Hypothesis {
    name: "a closed form of the global minimum",
    holds: |subject| {
        let minimum = subject.balanced()?.minimum()?;
        if minimum.global { Ok(()) } else { Err("the closed form is the best value known, not proved global".into()) }
    },
    breaks: |record| record.per_class = PerClass::Imbalanced((1..=record.classes).collect()),
};

/// d ≥ K − 1.
pub(super) const WIDE: Hypothesis = Hypothesis {
    name: "d ≥ K − 1",
    holds: |subject| {
        let record = subject.settings();
        if record.width + 1 >= record.classes { Ok(()) } else { Err(format!("d = {}, K = {}", record.width, record.classes)) }
    },
    breaks: |record| record.width = record.classes - 2,
};

/// There is no bias.
pub(super) const NO_BIAS: Hypothesis = Hypothesis {
    name: "no bias",
    holds: |subject| if subject.bias() == Bias::None { Ok(()) } else { Err(format!("the bias is {}", subject.settings().bias)) },
    breaks: |record| record.bias = "free".into(),
};

/// d ≥ K.
pub(super) const FULL_WIDTH: Hypothesis = Hypothesis {
    name: "d ≥ K",
    holds: |subject| {
        let record = subject.settings();
        if record.width >= record.classes { Ok(()) } else { Err(format!("d = {}, K = {}", record.width, record.classes)) }
    },
    breaks: |record| record.width = record.classes - 1,
};

/// L(z + c1) = L(z).
pub(super) const SHIFT_INVARIANT: Hypothesis = Hypothesis {
    name: "a shift-invariant loss",
    holds: |subject| {
        let loss = subject.loss()?;
        if loss.function().shift_invariant() { Ok(()) } else { Err(format!("{loss} is not")) }
    },
    breaks: |record| record.loss = "mse".into(),
};
