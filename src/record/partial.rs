//! The ladder of partially collapsed states of a record's problem: closed forms with their inertia, to be set against what was computed.

use super::{Record, balanced_problem};
use crate::losses::{Focal, Loss};
use crate::spectra::{PartialPhases, partial_phases, partial_spectrum};
use crate::theory::{Balanced, PartialBranch, focal_window, partial_collapse};

/// A partially collapsed state in closed form, its inertia from the isotypic blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// m: the classes that form a simplex; the others are at the origin.
    pub alive: usize,
    /// f there.
    pub value: f64,
    /// The largest σ_j(G)/μ outside the simplex: above 1 the state is a saddle wherever a dimension is free. 0 for m = K, which has no outside.
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
    let balanced = balanced_problem(record)?;
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
    let balanced = balanced_problem(record)?;
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

/// For one K and γ: the ε at which the state with m alive classes becomes a minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct LadderCrossing {
    /// K.
    pub classes: usize,
    /// γ.
    pub gamma: f64,
    /// The ε from which W = H = 0 is a minimum, and that of the first-order transition.
    pub window: [f64; 2],
    /// (m, ε), ascending in m, for those of about 24 m spread over 2 … K − 1 that become one.
    pub points: Vec<(usize, f64)>,
}

/// Other K and γ at which crossings are given.
const CLASSES: [usize; 4] = [20, 30, 100, 200];
const GAMMAS: [f64; 4] = [1.0, 2.0, 3.0, 5.0];
const CROSSINGS: usize = 24;

/// Crossings at other K, and at other γ, the record's own K and γ in both lists; λ_b and the number of samples a class are the record's, and d = K. `Err`: no focal loss with a window.
pub fn ladder_crossings(record: &Record) -> Result<[Vec<LadderCrossing>; 2], String> {
    let balanced = balanced_problem(record)?;
    let Loss::Focal(Focal { gamma }) = balanced.loss else { return Err("the loss is not focal".into()) };
    let own = crossing(&balanced, balanced.classes, gamma)?;
    let with_own = |others: Vec<LadderCrossing>, key: fn(&LadderCrossing) -> f64| {
        let mut all: Vec<LadderCrossing> = others.into_iter().filter(|other| (key(other) - key(&own)).abs() > 0.0).collect();
        all.push(own.clone());
        all.sort_by(|a, b| key(a).total_cmp(&key(b)));
        all
    };
    let over_classes = CLASSES.iter().filter_map(|&classes| crossing(&balanced, classes, gamma).ok()).collect();
    let over_gamma = GAMMAS.iter().filter_map(|&gamma| crossing(&balanced, balanced.classes, gamma).ok()).collect();
    Ok([with_own(over_classes, |found| found.classes as f64), with_own(over_gamma, |found| found.gamma)])
}

/// The crossing of one K and γ, the rest as in `like`.
fn crossing(like: &Balanced, classes: usize, gamma: f64) -> Result<LadderCrossing, String> {
    let window = focal_window(classes, gamma).map_err(|error| error.to_string())?;
    let [from, transition] = [window.zero_stable_from, window.transition].map(|edge| edge * like.scale);
    let balanced = Balanced { classes, width: classes, loss: Loss::Focal(Focal { gamma }), ..like.clone() };
    let span = classes - 3;
    let mut tried: Vec<usize> = (0..CROSSINGS).map(|at| 2 + at * span / (CROSSINGS - 1)).collect();
    tried.dedup();
    let low = from - 0.5 * (transition - from);
    let becomes = |alive: usize| {
        let found = partial_phases(&balanced, alive, low, 2.0 * transition).ok()?;
        found.phases.iter().find(|phase| phase.is_minimum() && phase.from > low * (1.0 + 1e-12)).map(|phase| (alive, phase.from))
    };
    Ok(LadderCrossing { classes, gamma, window: [from, transition], points: tried.into_iter().filter_map(becomes).collect() })
}

#[cfg(test)]
mod tests {
    use super::super::PerClass;
    use super::*;

    fn record(classes: usize, epsilon: f64) -> Record {
        Record {
            loss: "focal".into(),
            loss_params: [("gamma".to_owned(), 3.0)].into(),
            classes,
            width: classes,
            per_class: PerClass::Balanced(1),
            decay_w: Some(epsilon),
            decay_h: Some(epsilon),
            decay_b: Some(0.01),
            bias: "decayed".into(),
            ..Record::default()
        }
    }

    /// Of THEORY's ladder: minima down to m = 35, saddles of index d − m + 1 below, W = H = 0 a minimum again.
    #[test]
    fn the_ladder_has_the_known_minima_and_saddles() {
        let rungs = ladder(&record(60, 0.019_559_17)).unwrap();
        assert_eq!(rungs.len(), 60);
        for rung in &rungs {
            let saddle = (2..35).contains(&rung.alive);
            assert_eq!(rung.nature, if saddle { "strict-saddle" } else { "local-minimum" }, "{rung:?}");
            assert_eq!(rung.index, if saddle { 61 - rung.alive as u64 } else { 0 }, "{rung:?}");
            assert_eq!(rung.nullity, rung.nullity_symmetry, "{rung:?}");
            assert!((rung.lambda_min_transverse.unwrap() < 0.0) == saddle, "{rung:?}");
            assert!((rung.escape_ratio > 1.0) == saddle, "{rung:?}");
        }
        // The value falls with every class that comes alive.
        assert!(rungs.windows(2).all(|pair| pair[1].value < pair[0].value));
    }

    #[test]
    fn the_map_has_the_window_and_its_edges_are_where_the_ladder_changes() {
        let map = ladder_map(&record(60, 0.019_559_17)).unwrap();
        assert!((map.edges[0] - 0.019_146_3).abs() < 5e-8 && (map.edges[1] - 0.019_972_0).abs() < 5e-8, "{:?}", map.edges);
        for column in &map.columns {
            assert!(column.phases.windows(2).all(|pair| (pair[0].to - pair[1].from).abs() <= 0.0), "{column:?}");
            assert!(column.phases.iter().all(|phase| phase.from < phase.to && phase.degeneracy == 0), "{column:?}");
            let minimum = |m: usize| m == 0 || m >= 35;
            assert_eq!(column.at(0.019_559_17).unwrap().is_minimum(), minimum(column.alive), "{column:?}");
        }
        // σ/μ passes 1 at the lower edge of the minimum.
        for alive in [30, 45] {
            let edge = map.columns[alive - 1].phases.iter().find(|phase| phase.is_minimum()).unwrap().from;
            let there = rung(&balanced_problem(&record(60, edge)).unwrap(), alive).unwrap();
            assert!((there.escape_ratio - 1.0).abs() < 1e-9, "{there:?}");
        }
    }

    #[test]
    fn crossings_rise_with_m_and_other_losses_are_refused() {
        let [over_classes, over_gamma] = ladder_crossings(&record(24, 0.05)).unwrap();
        assert!(over_classes.iter().map(|found| found.classes).eq([20, 24, 30, 100, 200]));
        assert!(over_gamma.iter().all(|found| found.classes == 24) && over_gamma.len() == 4);
        let falling =
            |found: &LadderCrossing| !found.points.is_empty() && found.points.windows(2).all(|pair| pair[1].1 < pair[0].1);
        assert!(over_classes.iter().chain(&over_gamma).all(falling), "{over_classes:?}, {over_gamma:?}");
        let other = Record {
            loss: "mse".into(),
            loss_params: [("kappa".into(), 1.0), ("target".into(), 1.0)].into(),
            ..record(24, 0.05)
        };
        assert!(ladder_crossings(&other).is_err() && ladder(&other).is_err() && ladder_map(&other).is_err());
    }
}
