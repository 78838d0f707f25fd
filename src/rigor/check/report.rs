//! What the checker says: every inequality it needed, whether it certainly holds, and the verdict on each claim.

use serde::Serialize;

/// One verified, or not verified, condition of a claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// What had to hold.
    pub needed: String,
    /// The numbers found.
    pub found: String,
    /// Whether it certainly holds.
    pub holds: bool,
}

/// The verdict on one claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClaimReport {
    /// Its kind.
    pub kind: &'static str,
    /// Whether every step certainly holds. If not, the claim may be true or false.
    pub accepted: bool,
    /// What an accepted claim establishes, in words.
    pub establishes: String,
    /// The steps, up to the first that does not hold.
    pub steps: Vec<Step>,
}

/// The verdict on a certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Whether the seal and every claim were accepted.
    pub accepted: bool,
    /// Whether the seal is that of the text.
    pub sealed: bool,
    /// One entry a claim.
    pub claims: Vec<ClaimReport>,
}

impl Report {
    /// The first reason for a refusal, in words.
    pub fn reason(&self) -> Option<String> {
        if !self.sealed {
            return Some("the seal is not that of the text".into());
        }
        let claim = self.claims.iter().find(|claim| !claim.accepted)?;
        let step = claim.steps.iter().find(|step| !step.holds)?;
        Some(format!("{}: not verified: {} ({})", claim.kind, step.needed, step.found))
    }
}

/// The steps of a claim as they are taken. A step that does not hold returns `None`, which ends the claim with `?`.
#[derive(Debug, Default)]
pub(in crate::rigor) struct Steps(Vec<Step>);

impl Steps {
    /// Requires a condition.
    pub(super) fn holds(&mut self, needed: &str, holds: bool, found: impl FnOnce() -> String) -> Option<()> {
        self.0.push(Step { needed: needed.into(), found: found(), holds });
        holds.then_some(())
    }

    /// Requires x < y; a NaN fails.
    pub(super) fn less(&mut self, needed: &str, x: f64, y: f64) -> Option<()> {
        self.holds(needed, x < y, || format!("{x:.3e} < {y:.3e}"))
    }

    /// Requires x ≤ y; a NaN fails.
    pub(super) fn at_most(&mut self, needed: &str, x: f64, y: f64) -> Option<()> {
        self.holds(needed, x <= y, || format!("{x:.17e} ≤ {y:.17e}"))
    }

    /// Takes over steps that were taken before.
    pub(super) fn append(&mut self, taken: &[Step]) {
        self.0.extend_from_slice(taken);
    }

    /// All steps.
    pub(in crate::rigor) fn into_vec(self) -> Vec<Step> {
        self.0
    }
}
