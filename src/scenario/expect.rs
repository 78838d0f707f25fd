//! `[expect]`: executable claims about what a scenario finds.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::suggestion;
use super::per_case::PerCase;
use super::read::list;
use super::tree::{Fault, Way};
use crate::metrics;
use crate::record::{Census, Count, Expectation, PredictedLevel, Record, compare_with_etf};

/// What a record's `nature` can be.
pub const NATURES: [&str; 5] = ["global-minimum", "local-minimum", "degenerate-minimum", "strict-saddle", "not-critical"];

/// What the Morse–Bott check of a census can find.
const MORSE_FINDINGS: [&str; 3] = ["consistent", "violated", "does-not-apply"];

/// Claims about all points of the scenario together. Every one is optional.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// At most this many points stay undecided; more end the run with exit code 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided_max: Option<u64>,
    /// Every global minimum has the closed form's value, to this relative tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub value_tolerance: Option<f64>,
    /// Every global minimum of a convex loss lies at most this far above its lower bound (in units of f).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub gap_max: Option<f64>,
    /// The whole spectrum of every global minimum equals the closed form of the simplex ETF, to this fraction of the largest eigenvalue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub etf_spectrum_tolerance: Option<f64>,
    /// The index of every critical point of rank r is the r-th number here, and each rank occurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_by_rank: Option<Vec<u64>>,
    /// Exactly this many points are degenerate: more zero eigenvalues than the symmetry explains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degenerate: Option<u64>,
    /// Exactly this many points of each nature named, e.g. `{ "global-minimum" = 4 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, u64>,
    /// Every case has at least this many distinct critical points, modulo symmetry (a connected family counts once where there is a census); one number, or one for each case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orbits_min: Option<PerCase<u64>>,
    /// Every case has exactly this many connected families of degenerate points; one number, or one for each case. Needs `[census]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub families: Option<PerCase<u64>>,
    /// The finding of the Morse–Bott check, "consistent", "violated" or "does-not-apply"; one, or one for each case. Needs `[census]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub morse: Option<PerCase<String>>,
    /// Every case has exactly this many distinct critical points of each nature named, e.g. `{ "global-minimum" = 1 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orbits: BTreeMap<String, u64>,
    /// Upper bounds of metrics at every global minimum, e.g. `{ nc1 = 1e-12 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics_max: BTreeMap<String, f64>,
    /// Values that at least one critical point has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ExpectedValue>,
}

/// An element of `expect.values`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedValue {
    /// f.
    pub value: f64,
    /// Relative tolerance.
    #[schemars(range(min = 0))]
    pub within: f64,
    /// The nature of the point that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nature: Option<String>,
}

impl Expect {
    /// Whether names are known and tolerances are numbers.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let way = Way::keys(["expect"]);
        for (key, bound) in [
            ("value_tolerance", self.value_tolerance),
            ("gap_max", self.gap_max),
            ("etf_spectrum_tolerance", self.etf_spectrum_tolerance),
        ] {
            if let Some(bound) = bound {
                not_negative(&way.then(key), bound)?;
            }
        }
        for nature in self.verdicts.keys() {
            known(&way.then("verdicts").then(nature), nature, "nature", NATURES.into_iter()).map_err(Fault::at_key)?;
        }
        for nature in self.orbits.keys() {
            known(&way.then("orbits").then(nature), nature, "nature", NATURES.into_iter()).map_err(Fault::at_key)?;
        }
        for (position, finding) in self.morse.iter().flat_map(PerCase::listed).enumerate() {
            let way = way.then("morse");
            let way = if matches!(self.morse, Some(PerCase::Each(_))) { way.at(position) } else { way };
            known(&way, finding, "finding", MORSE_FINDINGS.into_iter())?;
        }
        for (metric, &bound) in &self.metrics_max {
            let way = way.then("metrics_max").then(metric);
            known(&way, metric, "metric", metrics::ALL.iter().map(|family| family.name)).map_err(Fault::at_key)?;
            not_negative(&way, bound)?;
        }
        for (index, expected) in self.values.iter().enumerate() {
            let way = way.then("values").at(index);
            not_negative(&way.then("within"), expected.within)?;
            if !expected.value.is_finite() {
                return Err(Fault::new(&way.then("value"), format!("must be a finite number, not {}", expected.value)));
            }
            if let Some(nature) = &expected.nature {
                known(&way.then("nature"), nature, "nature", NATURES.into_iter())?;
            }
        }
        Ok(())
    }

    /// The key of a claim that only a census can answer, if there is one.
    pub(super) fn needs_census(&self) -> Option<&'static str> {
        self.families.is_some().then_some("families").or(self.morse.is_some().then_some("morse"))
    }

    /// Every claim with what was found. `overridden`: the records are not those of the scenario as written, so nothing is evaluated.
    ///
    /// A claim about "every global minimum" fails where there is none: it would hold of an empty run otherwise.
    pub fn evaluate(&self, records: &[Record], census: Option<&Census>, overridden: bool) -> Vec<Expectation> {
        let mut found = Vec::new();
        self.undecided(records, &mut found);
        for (nature, &count) in &self.verdicts {
            let natures = records.iter().filter(|record| record.nature.as_deref() == Some(nature)).count() as u64;
            push(&mut found, format!("verdicts.{nature}"), count.to_string(), natures.to_string(), natures == count);
        }
        let minima: Vec<&Record> = records.iter().filter(|record| record.nature.as_deref() == Some("global-minimum")).collect();
        if let Some(tolerance) = self.value_tolerance {
            // f* > 0 for every loss here, so "relative" needs no floor.
            let errors = minima.iter().map(|r| r.closed_form_value.map(|exact| (r.value - exact).abs() / exact.abs()));
            at_most(&mut found, "value_tolerance", "relative error of a global minimum's value", errors, tolerance);
        }
        if let Some(bound) = self.gap_max {
            // A value below a lower bound would refute the bound, so the gap's magnitude counts.
            let gaps = minima.iter().map(|record| record.gap.map(f64::abs));
            at_most(&mut found, "gap_max", "|gap| of a global minimum", gaps, bound);
        }
        if let Some(tolerance) = self.etf_spectrum_tolerance {
            // A minimum that cannot be compared fails the claim, as NaN.
            let worst = |levels: Vec<PredictedLevel>| {
                levels.iter().map(|level| level.residual).reduce(|a, b| if a.is_nan() || a > b { a } else { b })
            };
            let errors = minima.iter().map(|record| Some(compare_with_etf(record).ok().and_then(worst).unwrap_or(f64::NAN)));
            at_most(&mut found, "etf_spectrum_tolerance", "distance of a spectrum from the simplex ETF's", errors, tolerance);
        }
        for (metric, &bound) in &self.metrics_max {
            let values = minima.iter().map(|record| record.metrics.get(metric).copied());
            at_most(&mut found, &format!("metrics_max.{metric}"), &format!("{metric} of a global minimum"), values, bound);
        }
        self.indices(records, &mut found);
        if let Some(count) = self.degenerate {
            let degenerate = records.iter().filter(|record| record.degenerate == Some(true)).count() as u64;
            push(&mut found, "degenerate".into(), count.to_string(), degenerate.to_string(), degenerate == count);
        }
        self.orbits(records, census, &mut found);
        self.censused(census, &mut found);
        self.reached(records, &mut found);
        if overridden {
            for expectation in &mut found {
                expectation.outcome = "not evaluated".into();
            }
        }
        found
    }

    fn undecided(&self, records: &[Record], found: &mut Vec<Expectation>) {
        if let Some(most) = self.undecided_max {
            let undecided = records.iter().filter(|record| record.standing.as_deref() == Some("undecided")).count() as u64;
            push(found, "undecided_max".into(), format!("at most {most}"), undecided.to_string(), undecided <= most);
        }
    }

    fn indices(&self, records: &[Record], found: &mut Vec<Expectation>) {
        let Some(indices) = &self.index_by_rank else { return };
        let critical = || records.iter().filter(|record| is_critical(record));
        for (rank, &index) in indices.iter().enumerate() {
            let mut seen: Vec<String> = critical()
                .filter(|record| record.rank == Some(rank))
                .map(|record| match record.index {
                    Some(Count::Exact(index)) => index.to_string(),
                    Some(Count::Bracket([low, high])) => format!("{low} to {high}"),
                    None => "unknown".into(),
                })
                .collect();
            seen.sort();
            seen.dedup();
            let holds = seen == [index.to_string()];
            let seen = if seen.is_empty() { "no critical point of this rank".into() } else { seen.join(", ") };
            push(found, format!("index_by_rank[{rank}]"), index.to_string(), seen, holds);
        }
        // Points of a rank that the list does not speak of would otherwise go unnoticed.
        let beyond = critical().filter(|record| record.rank.is_none_or(|rank| rank >= indices.len())).count();
        if beyond > 0 {
            let found_here = format!("{beyond} critical points of another rank");
            push(found, "index_by_rank".into(), format!("ranks 0…{}", indices.len().saturating_sub(1)), found_here, false);
        }
    }

    /// Distinct critical points: orbits are numbered within a case, so cases are counted one by one and the worst is told.
    fn orbits(&self, records: &[Record], census: Option<&Census>, found: &mut Vec<Expectation>) {
        let counts = |nature: Option<&str>| {
            let mut orbits: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
            for record in records {
                let of_case = orbits.entry(&record.case).or_default();
                of_case.extend(record.orbit.filter(|_| nature.is_none_or(|nature| record.nature.as_deref() == Some(nature))));
            }
            orbits.values().map(|orbits| orbits.len() as u64).collect::<Vec<_>>()
        };
        let listed = |counts: &[u64]| match counts {
            [] => "no case".into(),
            counts => counts.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        };
        if let Some(least) = &self.orbits_min {
            let counts = match census {
                Some(census) => census.cases.iter().map(|case| case.found_at_least as u64).collect(),
                None => counts(None),
            };
            let holds = least.holds(&counts, |least, found| found >= least);
            push(found, "orbits_min".into(), format!("at least {least}"), listed(&counts), holds);
        }
        for (nature, &count) in &self.orbits {
            let counts = counts(Some(nature));
            let holds = !counts.is_empty() && counts.iter().all(|&found| found == count);
            push(found, format!("orbits.{nature}"), format!("{count} in every case"), listed(&counts), holds);
        }
    }

    /// Claims that a census answers.
    fn censused(&self, census: Option<&Census>, found: &mut Vec<Expectation>) {
        let cases = census.map_or(&[][..], |census| &census.cases);
        if let Some(expected) = &self.families {
            let counts: Vec<u64> = cases.iter().map(|case| case.families.len() as u64).collect();
            let holds = expected.holds(&counts, |expected, found| found == expected);
            push(found, "families".into(), expected.to_string(), PerCase::Each(counts).to_string(), holds);
        }
        if let Some(expected) = &self.morse {
            let findings: Vec<String> = cases.iter().map(|case| case.morse.finding.clone()).collect();
            let holds = expected.holds(&findings, |expected, found| found == expected);
            push(found, "morse".into(), expected.to_string(), PerCase::Each(findings).to_string(), holds);
        }
    }

    fn reached(&self, records: &[Record], found: &mut Vec<Expectation>) {
        for (position, expected) in self.values.iter().enumerate() {
            let mut nearest: Option<f64> = None;
            let candidates = records
                .iter()
                .filter(|record| is_critical(record))
                .filter(|record| expected.nature.is_none() || record.nature == expected.nature);
            for record in candidates {
                if nearest.is_none_or(|best| (record.value - expected.value).abs() < (best - expected.value).abs()) {
                    nearest = Some(record.value);
                }
            }
            let holds = nearest.is_some_and(|value| (value - expected.value).abs() <= expected.within * expected.value.abs());
            let nature = expected.nature.as_deref().unwrap_or("critical point");
            push(
                found,
                format!("values[{position}]"),
                format!("a {nature} with value {} (relative tolerance {})", expected.value, expected.within),
                nearest.map_or_else(|| format!("no {nature}"), |value| format!("nearest value {value}")),
                holds,
            );
        }
    }
}

fn is_critical(record: &Record) -> bool {
    record.nature.as_deref().is_some_and(|nature| nature != "not-critical")
}

/// Claims that the largest of some numbers is at most `bound`. Absent numbers are skipped, but one must be there; NaN fails.
fn at_most(found: &mut Vec<Expectation>, claim: &str, what: &str, numbers: impl Iterator<Item = Option<f64>>, bound: f64) {
    let (mut largest, mut without): (Option<f64>, usize) = (None, 0);
    for number in numbers {
        match number {
            None => without += 1,
            // Once NaN, always NaN: it then fails the comparison below.
            Some(number) => {
                largest = Some(largest.map_or(number, |most| if most.is_nan() || number <= most { most } else { number }));
            }
        }
    }
    let holds = largest.is_some_and(|largest| largest <= bound);
    let mut seen = largest.map_or_else(|| "none to compare".into(), |largest| format!("largest {largest:.3e}"));
    if without > 0 {
        seen.push_str(&format!(", {without} without this number"));
    }
    push(found, claim.to_owned(), format!("{what} at most {bound:e}"), seen, holds);
}

fn push(found: &mut Vec<Expectation>, claim: String, expected: String, seen: String, holds: bool) {
    let outcome = if holds { "holds" } else { "fails" };
    found.push(Expectation { claim, expected, found: seen, outcome: outcome.into() });
}

fn not_negative(way: &Way, bound: f64) -> Result<(), Fault> {
    if bound >= 0.0 && bound.is_finite() {
        return Ok(());
    }
    Err(Fault::new(way, format!("must be a finite number that is not negative, not {bound}")))
}

/// Whether a name is among the known ones; the fault names them and the nearest.
pub(super) fn known<'a>(way: &Way, name: &str, what: &str, names: impl Iterator<Item = &'a str> + Clone) -> Result<(), Fault> {
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    let message = format!("there is no {what} `{name}`; known are: {}", list(names.clone()));
    Err(Fault::new(way, message).help(suggestion(name, names)))
}
