//! A formula outside its hypotheses: the reason and the nearest setting where it holds, never a number.

use crate::losses::{Loss, Mse};

/// Why a formula does not apply, and what to change least so that it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {nearest}")]
pub struct Inapplicable {
    /// The hypothesis that fails, with the numbers at hand.
    pub reason: String,
    /// The nearest valid setting.
    pub nearest: String,
}

impl Inapplicable {
    /// `reason` fails a hypothesis; `nearest` satisfies it.
    pub(super) fn new(reason: impl Into<String>, nearest: impl Into<String>) -> Self {
        Self { reason: reason.into(), nearest: nearest.into() }
    }

    /// Refuses unless `holds`.
    pub(super) fn unless(holds: bool, reason: impl FnOnce() -> String, nearest: impl FnOnce() -> String) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::new(reason(), nearest())) }
    }

    /// MSE with κ = 1, whose Hessian is the identity: only then does the problem fall apart into singular values.
    pub(super) fn isotropic_mse(loss: &Loss) -> Result<&Mse, Self> {
        let Loss::Mse(mse) = loss else {
            return Err(Self::new(format!("the closed form is MSE's, not that of {}", loss.name()), "take loss.name=mse"));
        };
        let isotropic = (mse.kappa - 1.0).abs() <= 0.0;
        Self::unless(isotropic, || format!("κ = {} is not 1", mse.kappa), || "take loss.kappa=1".into())?;
        Ok(mse)
    }

    /// A range of ε that is none.
    pub(crate) fn range(low: f64, high: f64) -> Self {
        Self::new(format!("{low} to {high} is no range of ε"), "take 0 < from < to")
    }

    /// Refuses a width below `rank`.
    pub(super) fn width(width: usize, rank: usize) -> Result<(), Self> {
        Self::unless(
            width >= rank,
            || format!("the width {width} is below {rank}, the rank of W and H there"),
            || format!("the smallest width is {rank}"),
        )
    }

    /// Refuses a number that is not positive and finite.
    pub(super) fn positive(name: &str, x: f64) -> Result<(), Self> {
        Self::unless(
            x > 0.0 && x.is_finite(),
            || format!("{name} = {x} is not a positive number in range"),
            || format!("{name} must satisfy 0 < {name} < ∞"),
        )
    }
}
