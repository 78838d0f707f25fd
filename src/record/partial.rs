//! The ladder of partially collapsed states of a record's problem: closed forms with their inertia, to be set against what was computed.

use super::{Record, etf};
use crate::spectra::{PartialPhases, partial_phases, partial_spectrum};
use crate::theory::{Balanced, PartialBranch, partial_collapse};

/// A partially collapsed state in closed form, its inertia from the isotypic blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// m: the classes that form a simplex; the others are at the origin.
    pub alive: usize,
    /// f there.
    pub value: f64,
    /// The largest σ_j(G)/μ outside the simplex: above 1 the state is a saddle wherever a dimension is free.
    pub escape_ratio: f64,
    /// #{λ < 0}.
    pub index: u64,
    /// #{λ = 0}.
    pub nullity: u64,
    /// How many zeros the symmetries explain.
    pub nullity_symmetry: u64,
    /// The smallest eigenvalue without those.
    pub lambda_min_transverse: Option<f64>,
    /// "local-minimum" (strict modulo symmetry), "degenerate-minimum" or "strict-saddle".
    pub nature: &'static str,
}

/// The rung with `alive` classes of a problem.
pub fn rung(balanced: &Balanced, alive: usize) -> Result<Rung, String> {
    let state = partial_collapse(balanced, alive).map_err(|error| error.to_string())?;
    let spectrum = partial_spectrum(balanced, &state)?;
    Ok(Rung {
        alive,
        value: state.value,
        escape_ratio: state.escape_ratio(),
        index: spectrum.index,
        nullity: spectrum.nullity,
        nullity_symmetry: spectrum.nullity_symmetry,
        lambda_min_transverse: spectrum.lambda_min_transverse(),
        nature: spectrum.nature(),
    })
}

/// Every m for which there may be a state: 0 and 2 to K, as far as the width goes.
fn numbers(balanced: &Balanced) -> impl Iterator<Item = usize> + use<> {
    let most = balanced.classes.min(balanced.width + 1);
    std::iter::once(0).chain(2..=most)
}

/// The rungs of a record's problem that exist, from m = 0 up. `Err`: it is not balanced, or its loss has no such states.
pub fn ladder(record: &Record) -> Result<Vec<Rung>, String> {
    let balanced = etf::balanced(record)?;
    rung(&balanced, 0)?;
    Ok(numbers(&balanced).filter_map(|alive| rung(&balanced, alive).ok()).collect())
}

/// Where in ε the states of one problem exist and what they are there.
#[derive(Clone, Debug, PartialEq)]
pub struct LadderMap {
    /// The lowest ε of the map.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// The ε from which W = H = 0 is a minimum and the one above which it is the lowest; the same for all columns, and one where they agree.
    pub edges: Vec<f64>,
    /// The phases of each m, from 0 up.
    pub columns: Vec<PartialPhases>,
}

/// The map of a record's problem, all settings but ε kept. It reaches from a little below the ε at which W = H = 0 becomes a minimum to a little above the last at which a class stays alive.
///
/// `Err`: the problem is not balanced, or its loss has no such states.
pub fn ladder_map(record: &Record) -> Result<LadderMap, String> {
    let balanced = etf::balanced(record)?;
    rung(&balanced, 0)?;
    // At (W, H) = 0 the ratio σ/μ is that of its ε to the one looked for.
    let zero = partial_collapse(&balanced, 0).map_err(|error| error.to_string())?;
    let stable_from = zero.escape_ratio() * balanced.epsilon();
    let ends = numbers(&balanced)
        .skip(1)
        .filter_map(|alive| PartialBranch::new(&balanced, alive).ok())
        .map(|branch| branch.epsilon_end());
    let last = ends.fold(stable_from, f64::max);
    // A loss without a window: a fifth of the way to it.
    let span = if last > 1.000_001 * stable_from { last - stable_from } else { 0.2 * stable_from };
    let (low, high) = (stable_from - 0.35 * span, last + 0.15 * span);
    let mut edges = vec![stable_from];
    edges.extend(balanced.zero_threshold().filter(|&edge| edge > 1.000_001 * stable_from));
    let phases = |alive| partial_phases(&balanced, alive, low, high).map_err(|error| error.to_string());
    Ok(LadderMap { low, high, edges, columns: numbers(&balanced).map(phases).collect::<Result<_, String>>()? })
}

/// The m of a computed point of the ladder, from its start and its rank; `None` for a point of another start.
pub fn ladder_place(record: &Record) -> Option<usize> {
    let on_ladder = matches!(record.start.as_str(), "partial" | "origin");
    record.rank.filter(|_| on_ladder).map(|rank| if rank == 0 { 0 } else { rank + 1 })
}
