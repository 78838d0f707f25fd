//! A partially collapsed state over all ε at once.
//!
//! Of the two equations of [`super::partial_collapse`] the bias's does not know ε and the other is linear in it, so the margin s parametrises the branch: y(s) solves the one, and
//!
//! ```text
//! ε(s) = c (η(p)[m q_A + (K−m) q_B] − α)/K
//! ```
//!
//! is read off the other. ε(s) → 0 (or −cα/K) for s → ∞ and is (1−α)c/K·(η at p = 1/K) at s = 0. The branch with the largest s, a minimum along s, is where ε falls in s; it ends at the first
//! maximum of ε(s) from the right: a fold, where it meets a branch that is a maximum along s, or s = 0 itself, where it grows out of W = H = 0.

use super::partial::Reduction;
use super::root::{bracketed_root, maximum};
use super::{Balanced, Inapplicable, PartialCollapse};

/// The states with one number of alive classes, along their margin s.
#[derive(Clone, Debug)]
pub struct PartialBranch {
    balanced: Balanced,
    reduction: Reduction,
    /// s where the branch ends.
    from: f64,
    /// ε there.
    end: f64,
}

/// Steps in which the maximum of ε(s) is searched, from an s at which ε is below 10⁻⁴ of its value at 0.
const STEPS: u32 = 200;

impl PartialBranch {
    /// The branch of `alive` = m classes, 2 ≤ m ≤ K; the ε of `balanced` is not looked at, its other settings are kept.
    ///
    /// `Err`: another loss, another m, a width below m − 1.
    pub fn new(balanced: &Balanced, alive: usize) -> Result<Self, Inapplicable> {
        let reduction = Reduction::new(balanced, alive)?;
        Inapplicable::unless(
            alive > 0,
            || "without an alive class there is no margin".into(),
            || format!("take a number from 2 to {}", balanced.classes),
        )?;
        Inapplicable::positive("ε", balanced.epsilon())?;
        let mut branch = Self { balanced: balanced.clone(), reduction, from: 0.0, end: 0.0 };
        let mut top = 4.0;
        while branch.epsilon_at(top) > 1e-4 * branch.epsilon_at(0.0) && top < 700.0 {
            top *= 1.5;
        }
        // From the right ε rises until the end.
        let grid = |step: u32| top * f64::from(step) / f64::from(STEPS);
        let mut right = branch.epsilon_at(top);
        let mut last = STEPS;
        while last > 0 {
            let left = branch.epsilon_at(grid(last - 1));
            if left < right {
                break;
            }
            (last, right) = (last - 1, left);
        }
        branch.from = if last == 0 && branch.epsilon_at(1e-6) < right {
            // It rises up to s = 0 itself.
            0.0
        } else {
            maximum(|s| branch.epsilon_at(s), grid(last.saturating_sub(1)), grid((last + 1).min(STEPS)))
        };
        branch.end = branch.epsilon_at(branch.from);
        Ok(branch)
    }

    /// m.
    pub fn alive(&self) -> usize {
        self.reduction.alive()
    }

    /// s at the end of the branch: 0, or positive at a fold.
    pub fn scale_at_end(&self) -> f64 {
        self.from
    }

    /// The ε up to which (exclusively) the state exists.
    pub fn epsilon_end(&self) -> f64 {
        self.end
    }

    /// ε at the margin s > [`Self::scale_at_end`].
    pub fn epsilon_at(&self, s: f64) -> f64 {
        self.balanced.scale * self.reduction.epsilon_at(s, self.reduction.gap(s))
    }

    /// The s at which ε is reached; `None` outside the branch. ε falls in s, so halving finds it.
    pub fn scale_at(&self, epsilon: f64) -> Option<f64> {
        if !(epsilon > 0.0 && epsilon < self.end) {
            return None;
        }
        let mut top = 2.0 * self.from + 1.0;
        while self.epsilon_at(top) > epsilon && top < 1e3 {
            top *= 2.0;
        }
        Some(bracketed_root(|s| self.epsilon_at(s) - epsilon, self.from, top))
    }

    /// The problem and its state at the margin s.
    pub fn state_at(&self, s: f64) -> (Balanced, PartialCollapse) {
        let y = self.reduction.gap(s);
        let epsilon = self.reduction.epsilon_at(s, y);
        let balanced = self.balanced.with_epsilon(self.balanced.scale * epsilon);
        let mut reduction = self.reduction;
        reduction.epsilon = epsilon;
        let state = reduction.state(&balanced, s, y);
        (balanced, state)
    }
}
