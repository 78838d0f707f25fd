//! What a scenario asks of the points found: the census, the figures, the theorems.

use super::Census;
use super::expect::known;
use super::resolve::in_range;
use super::tables::{CensusTable, ScenarioTable};
use super::tree::{Fault, Way};
use crate::rigor::prove::{GOALS, Goal};
use crate::{report, theorems};

/// More directions of one eigenvalue than this are a slip: each is a descent.
const ESCAPE_DIRECTIONS_MAX: u64 = 10_000;

pub(super) fn census(table: &CensusTable) -> Result<Census, Fault> {
    let mut census = Census::default();
    if let Some(escapes) = table.escapes {
        census.escapes = escapes;
    }
    if let Some(directions) = table.escape_directions {
        let way = Way::keys(["census", "escape_directions"]);
        census.escape_directions = in_range(&way, directions, 1, ESCAPE_DIRECTIONS_MAX)? as usize;
    }
    if let Some(families) = table.families {
        census.families = families;
    }
    Ok(census)
}

pub(super) fn figures(table: &ScenarioTable) -> Result<Vec<String>, Fault> {
    let Some(figures) = table.report.as_ref().and_then(|report| report.figures.as_ref()) else { return Ok(super::all_figures()) };
    let way = Way::keys(["report", "figures"]);
    if figures.is_empty() {
        return Err(Fault::new(&way, "the list is empty").help(Some("leave the key out for all figures, or name some".into())));
    }
    for (index, id) in figures.iter().enumerate() {
        known(&way.at(index), id, "figure", report::ALL.iter().map(|family| family.name))?;
        if figures[..index].contains(id) {
            return Err(Fault::new(&way.at(index), format!("the figure `{id}` is named twice")));
        }
    }
    Ok(figures.clone())
}

/// What is to be proved.
pub(super) fn certify(table: &ScenarioTable) -> Result<Vec<Goal>, Fault> {
    let named = table.certify.as_ref().and_then(|certify| certify.claims.as_deref()).unwrap_or_default();
    let way = Way::keys(["certify", "claims"]);
    for (index, id) in named.iter().enumerate() {
        known(&way.at(index), id, "claim", GOALS.iter().map(|(_, name, _)| *name))?;
        if named[..index].contains(id) {
            return Err(Fault::new(&way.at(index), format!("the claim `{id}` is named twice")));
        }
    }
    Ok(named.iter().filter_map(|id| Goal::named(id)).collect())
}

pub(super) fn theorems(table: &ScenarioTable) -> Result<Vec<String>, Fault> {
    let named = table.report.as_ref().and_then(|report| report.theorems.as_ref());
    let way = Way::keys(["report", "theorems"]);
    for (index, id) in named.into_iter().flatten().enumerate() {
        known(&way.at(index), id, "theorem", theorems::ALL.iter().map(|theorem| theorem.name))?;
        if named.is_some_and(|all| all[..index].contains(id)) {
            return Err(Fault::new(&way.at(index), format!("the theorem `{id}` is named twice")));
        }
    }
    Ok(named.cloned().unwrap_or_default())
}
