//! The census in words and as tables.

use minijinja::context;
use minijinja::value::Value;

use super::axes::short;
use super::data::count_text;
use crate::record::{Census, CensusCase, CensusFamily, CensusOrbit};

/// The census at the end of `ufm run`: one paragraph a case.
pub fn census_text(census: &Census) -> String {
    let mut text = String::new();
    for case in &census.cases {
        text += &format!("census, {}: {}\n  {}\n", label(case), headline(case), morse(case));
        for family in &case.families {
            text += &format!("  family at f = {}: {}; {}\n", short(family.value), family_words(family), family.reason);
        }
        if case.critical == 0 {
            text += &format!("  tried: {}\n", tried(case));
        }
    }
    text
}

/// The loss with its parameters and the solver.
fn label(case: &CensusCase) -> String {
    let formulas = case.loss_text.iter().map(|(key, text)| format!("{key} = {text}"));
    let parameters: Vec<String> =
        formulas.chain(case.loss_params.iter().map(|(name, &value)| format!("{name} {}", short(value)))).collect();
    let parameters = if parameters.is_empty() { String::new() } else { format!(" ({})", parameters.join(", ")) };
    format!("{}{parameters} by {}", case.loss, case.solver)
}

/// How many there are at least, and how many there may be besides.
fn headline(case: &CensusCase) -> String {
    let starts = format!("{} of {} starts", case.critical, case.points);
    if case.orbits.is_empty() {
        return format!("no critical point found ({starts} ended at one)");
    }
    let points = if case.found_at_least == 1 { "critical point" } else { "critical points" };
    let families = match case.families.len() {
        0 => String::new(),
        1 => ", a connected family counted as one".into(),
        n => format!(", each of {n} families counted as one"),
    };
    let escapes = case.orbits.iter().filter(|orbit| orbit.found_by == "escape").count();
    let escapes = if escapes > 0 { format!(", and {escapes} orbits by following escapes") } else { String::new() };
    format!(
        "at least {} distinct {points}{families} ({starts} ended at one{escapes}); a lower bound, never complete",
        case.found_at_least
    )
}

/// The Morse–Bott finding in words.
fn morse(case: &CensusCase) -> String {
    let finding = match case.morse.finding.as_str() {
        "consistent" => "consistent",
        "violated" => "violated, so the list is not complete",
        _ => "does not apply",
    };
    format!("Morse–Bott inequalities: {finding} — {}", case.morse.reason)
}

fn tried(case: &CensusCase) -> String {
    let kinds: Vec<String> = case
        .tried
        .iter()
        .map(|tried| {
            let reasons: Vec<String> = tried.stop_reasons.iter().map(|(reason, count)| format!("{reason} ×{count}")).collect();
            format!("{} starts {} (stopped: {})", tried.points, tried.start, reasons.join(", "))
        })
        .collect();
    format!("{}, with solver {}", kinds.join("; "), case.solver)
}

fn family_words(family: &CensusFamily) -> String {
    let dimension = family.dimension.map_or("unknown".into(), |dimension| dimension.to_string());
    let walked = if family.dimension == Some(family.dimension_walked) {
        String::new()
    } else {
        format!(" (walked: {})", family.dimension_walked)
    };
    let members = if family.members.len() == 1 { "1 orbit".to_owned() } else { format!("{} orbits", family.members.len()) };
    format!(
        "rank {}, index {}, dimension {dimension}{walked}, {members} met by {} starts",
        family.rank,
        count_text(family.index),
        family.hits
    )
}

/// One section a case: headline, finding and rows, lowest value first. `label` names a case by its hash.
pub(super) fn sections(census: &Census, label: &dyn Fn(&str) -> String) -> Vec<Value> {
    let section = |case: &CensusCase| {
        let mut rows: Vec<(f64, Value)> = Vec::new();
        for orbit in case.orbits.iter().filter(|orbit| orbit.family.is_none()) {
            rows.push((orbit.value, row(orbit, None)));
        }
        for family in &case.families {
            if let Some(first) = case.orbits.iter().find(|orbit| family.members.first() == Some(&orbit.orbit)) {
                rows.push((family.value, row(first, Some(family))));
            }
        }
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
        context! { label => label(&case.case), headline => headline(case), morse => morse(case), tried => tried(case), rows => rows }
    };
    census.cases.iter().map(section).collect()
}

/// The row of an orbit, or of the family whose first orbit it is.
fn row(orbit: &CensusOrbit, family: Option<&CensusFamily>) -> Value {
    let symmetry = orbit.nullity_symmetry.map_or("–".into(), |n| n.to_string());
    let nature = orbit.nature.replace('-', " ");
    let words = match family {
        Some(family) => format!("{nature}; family: {}", family_words(family)),
        None => nature,
    };
    let found_by = match (orbit.found_by.as_str(), orbit.start_index) {
        ("start", Some(start)) => format!("start {start}"),
        (other, _) => other.to_owned(),
    };
    context! {
        key => format!("{:e}", orbit.value),
        value => format!("{:.10}", orbit.value).replace('-', "−"),
        rank => orbit.rank,
        index => count_text(orbit.index),
        zeros => format!("{} / {symmetry}", count_text(orbit.nullity)),
        partition => if family.is_some_and(|family| family.members.len() > 1) { "varies" } else { orbit.partition.as_deref().unwrap_or("–") },
        copies => if family.is_some() { "–" } else { orbit.relabellings.as_deref().unwrap_or("–") },
        hits => family.map_or(orbit.hits, |family| family.hits),
        found_by => found_by,
        words => words,
        reason => family.map(|family| &family.reason),
    }
}
