//! For which ε a partially collapsed state exists, and where it is a minimum.

use super::partial_spectrum;
use crate::theory::{Balanced, Inapplicable, PartialBranch, PartialCollapse, partial_collapse};

/// An interval of ε in which a state has one index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartialPhase {
    /// Its lower end: an edge, or the end of the range asked for.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// The number of negative eigenvalues.
    pub index: u64,
    /// The number of zero eigenvalues that symmetry does not explain.
    pub degeneracy: u64,
}

impl PartialPhase {
    /// Whether the state is a strict local minimum modulo symmetry there.
    pub fn is_minimum(&self) -> bool {
        self.index == 0 && self.degeneracy == 0
    }
}

/// The phases of the state with `alive` of K classes, over ε.
#[derive(Clone, Debug, PartialEq)]
pub struct PartialPhases {
    /// m.
    pub alive: usize,
    /// The ε up to which the state exists: the fold of its branch (or where it grows out of W = H = 0); `None` for m = 0, which always does.
    pub exists_to: Option<f64>,
    /// Ascending in ε, without gaps, within the range asked for.
    pub phases: Vec<PartialPhase>,
}

impl PartialPhases {
    /// The phase at an ε within the range.
    pub fn at(&self, epsilon: f64) -> Option<&PartialPhase> {
        self.phases.iter().find(|phase| phase.from <= epsilon && epsilon <= phase.to)
    }
}

/// Places at which the index is taken before edges between them are bisected.
const PLACES: usize = 48;
/// A fold is approached to this fraction of the branch: ε differs from its end by the square of it.
const NEAR_FOLD: f64 = 1e-5;

/// The phases of the state with `alive` classes for ε from `low` to `high`, by the spectrum in closed form; the ε of `balanced` is not looked at.
///
/// An edge between two places of a grid of 48 is found to rounding; a phase that begins and ends between two places is missed.
/// `Err`: a problem without such states, or an empty range.
pub fn partial_phases(balanced: &Balanced, alive: usize, low: f64, high: f64) -> Result<PartialPhases, Inapplicable> {
    if !(low > 0.0 && low < high) {
        return Err(Inapplicable::range(low, high));
    }
    if alive == 0 {
        // Refused here, where it is refused at all.
        partial_collapse(&balanced.with_epsilon(low), 0)?;
        let at = |epsilon: f64| {
            let balanced = balanced.with_epsilon(epsilon);
            partial_collapse(&balanced, 0).ok().and_then(|state| counts(&balanced, &state))
        };
        return Ok(PartialPhases { alive, exists_to: None, phases: phases((low, high), |t| t, at) });
    }
    let branch = PartialBranch::new(balanced, alive)?;
    let end = branch.epsilon_end();
    let Some(far) = branch.scale_at(low) else {
        return Ok(PartialPhases { alive, exists_to: Some(end), phases: Vec::new() });
    };
    let fold = branch.scale_at_end();
    let near = branch.scale_at(high).unwrap_or(fold + NEAR_FOLD * (far - fold));
    let at = |s: f64| {
        let (balanced, state) = branch.state_at(s);
        counts(&balanced, &state)
    };
    // ε falls in s: from the far end to the fold it rises.
    let mut found = phases((far, near), |s| branch.epsilon_at(s), at);
    if high >= end
        && let Some(last) = found.last_mut()
    {
        last.to = end;
    }
    Ok(PartialPhases { alive, exists_to: Some(end), phases: found })
}

/// Index and unexplained zeros.
fn counts(balanced: &Balanced, state: &PartialCollapse) -> Option<(u64, u64)> {
    let spectrum = partial_spectrum(balanced, state).ok()?;
    Some((spectrum.index, spectrum.nullity.saturating_sub(spectrum.nullity_symmetry)))
}

/// Pieces of equal index along a parameter, whose ε is `epsilon`. At an edge itself an eigenvalue is zero: unexplained zeros are those in the middle of a piece.
fn phases(
    (first, last): (f64, f64),
    epsilon: impl Fn(f64) -> f64,
    counts: impl Fn(f64) -> Option<(u64, u64)>,
) -> Vec<PartialPhase> {
    let place = |at: usize| first + (last - first) * at as f64 / (PLACES - 1) as f64;
    let index = |t: f64| counts(t).map(|(index, _)| index);
    let Some(mut current) = index(first) else { return Vec::new() };
    // Where a piece begins, and its index.
    let mut starts = vec![(first, current)];
    for at in 1..PLACES {
        let (mut left, right) = (place(at - 1), place(at));
        while index(right).is_some_and(|next| next != current) {
            // The first change to the right of `left`.
            let mut beyond = right;
            loop {
                let middle = left + 0.5 * (beyond - left);
                if !((middle - left) * (beyond - middle) > 0.0) {
                    break;
                }
                if index(middle) == Some(current) { left = middle } else { beyond = middle }
            }
            let Some(next) = index(beyond) else { break };
            (left, current) = (beyond, next);
            starts.push((beyond, current));
        }
    }
    let ends = starts.iter().skip(1).map(|&(start, _)| start).chain([last]);
    let piece = |(&(start, index), end): (&(f64, u64), f64)| PartialPhase {
        from: epsilon(start),
        to: epsilon(end),
        index,
        degeneracy: counts(0.5 * (start + end)).map_or(0, |(_, zeros)| zeros),
    };
    starts.iter().zip(ends).map(piece).collect()
}
