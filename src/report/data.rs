//! What a report is made of: a run's summary, records and trajectories, and their grouping into cases and orbits.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::axes::short;
use super::figures;
use super::style::{Look, look, look_in_family};
use crate::record::npz::{self, NpzPoint};
use crate::record::read::{ReadError, document, lines};
use crate::record::{
    Census, CensusCase, Count, EscapeRow, PerClass, Record, Slice, Summary, TheoremFile, TheoremFinding, TrajectoryRow,
    slice_file,
};

/// Everything that a run left, read back.
#[derive(Clone, Debug)]
pub struct RunData {
    /// The report's head.
    pub summary: Summary,
    /// One record a point, in case order.
    pub records: Vec<Record>,
    /// The solvers' trajectories; empty where none were written.
    pub trajectories: Vec<TrajectoryRow>,
    /// What the run says of published statements; empty where none were judged.
    pub theorems: Vec<TheoremFinding>,
    /// The census, where the scenario asked for one.
    pub census: Option<Census>,
    /// Escape paths from saddles; empty where none were followed.
    pub escapes: Vec<EscapeRow>,
    /// f on planes, one a case in the order of the records; empty where none was asked for.
    pub slices: Vec<Slice>,
    /// The folder: point files lie under it.
    pub dir: PathBuf,
}

impl RunData {
    /// Reads `summary.json` and `records.jsonl`, and what there is of `trajectories.jsonl`, `census.json`, `escapes.jsonl` and `slices/`.
    ///
    /// Trajectories are read only where a figure that the summary asks for needs them: a run of many points may hold more of them than memory does.
    pub fn load(dir: &Path) -> Result<Self, ReadError> {
        Self::with_records(dir, lines(&dir.join("records.jsonl"))?)
    }

    /// The same where the records are in memory already.
    pub fn with_records(dir: &Path, records: Vec<Record>) -> Result<Self, ReadError> {
        let summary: Summary = document(&dir.join("summary.json"))?;
        let trajectories = match figures::read_trajectories(&summary.figures) {
            true => present(lines(&dir.join("trajectories.jsonl")))?.unwrap_or_default(),
            false => Vec::new(),
        };
        let census = present(document(&dir.join("census.json")))?;
        let escapes = present(lines(&dir.join("escapes.jsonl")))?.unwrap_or_default();
        let theorems = present(document::<TheoremFile>(&dir.join("theorems.json")))?.map_or_else(Vec::new, |file| file.theorems);
        let slices = slices(dir, &records)?;
        Ok(Self { summary, records, trajectories, theorems, census, escapes, slices, dir: dir.to_owned() })
    }

    /// The cases in the order of the records, each with a label that tells it from the others.
    pub(super) fn cases(&self) -> Vec<Case<'_>> {
        cases(&self.records, self.census.as_ref())
    }

    /// The arrays of a record's point file.
    pub(super) fn point(&self, record: &Record) -> Result<NpzPoint, String> {
        self.point_file(record.point.as_deref().ok_or("the record names no point file")?)
    }

    /// The arrays of a point file of the run.
    pub(super) fn point_file(&self, file: &str) -> Result<NpzPoint, String> {
        npz::read(&self.dir.join(file)).map_err(|error| error.to_string())
    }

    /// The orbits of every case of the census that has some, with the case as other figures know it.
    pub(super) fn censuses<'a>(&'a self, cases: &'a [Case<'a>]) -> Vec<(&'a Case<'a>, &'a CensusCase)> {
        let of = |census: &'a CensusCase| cases.iter().find(|case| case.id == census.case).map(|case| (case, census));
        self.census.iter().flat_map(|census| &census.cases).filter(|case| !case.orbits.is_empty()).filter_map(of).collect()
    }
}

/// The cases of records, in their order, each with a label that tells it from the others.
pub(super) fn cases<'a>(records: &'a [Record], census: Option<&Census>) -> Vec<Case<'a>> {
    let mut position: BTreeMap<&str, usize> = BTreeMap::new();
    let mut cases: Vec<Case> = Vec::new();
    for record in records {
        let next = cases.len();
        let at = *position.entry(&record.case).or_insert(next);
        if at == next {
            cases.push(Case {
                id: &record.case,
                label: String::new(),
                look: look(next),
                records: Vec::new(),
                families: BTreeMap::new(),
            });
        }
        cases[at].records.push(record);
    }
    for census in census.iter().flat_map(|census| &census.cases) {
        if let Some(&at) = position.get(census.case.as_str()) {
            cases[at].families = census.orbits.iter().filter_map(|orbit| Some((orbit.orbit, orbit.family?))).collect();
        }
    }
    assign_families(&mut cases);
    let facts: Vec<Vec<String>> = cases.iter().map(|case| facts(case.records[0])).collect();
    let count = facts.first().map_or(0, Vec::len);
    let differs: Vec<bool> = (0..count).map(|k| facts.iter().any(|other| other[k] != facts[0][k])).collect();
    for (case, facts) in cases.iter_mut().zip(&facts) {
        let mut parts = vec![loss_label(case.records[0])];
        parts.extend(
            facts.iter().zip(&differs).filter(|(fact, differs)| **differs && !fact.is_empty()).map(|(fact, _)| fact.clone()),
        );
        case.label = parts.join(", ");
    }
    cases
}

/// The slices of the cases that have one.
fn slices(dir: &Path, records: &[Record]) -> Result<Vec<Slice>, ReadError> {
    if !dir.join("slices").is_dir() {
        return Ok(Vec::new());
    }
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let cases: Vec<&str> = records.iter().map(|record| record.case.as_str()).filter(|case| seen.insert(case)).collect();
    let read = cases.into_iter().map(|case| present(document(&dir.join(slice_file(case)))));
    Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// What a file holds, or nothing where there is no such file.
fn present<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Err(ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// A loss, solver and cell of the sweep, with its points.
#[derive(Clone, Debug)]
pub(super) struct Case<'a> {
    pub(super) id: &'a str,
    pub(super) label: String,
    pub(super) look: Look,
    pub(super) records: Vec<&'a Record>,
    /// The connected family of every degenerate orbit, where there is a census.
    pub(super) families: BTreeMap<usize, usize>,
}

/// Points of one orbit, or of one connected family.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The first of them.
    pub(super) record: &'a Record,
    /// How many starts led there.
    pub(super) hits: usize,
}

impl<'a> Case<'a> {
    /// The case's points, those of one orbit (or connected family) taken together, by value.
    pub(super) fn groups(&self) -> Vec<Group<'a>> {
        let mut groups: Vec<Group> = Vec::new();
        for &record in &self.records {
            let same = |group: &&mut Group| {
                let other = group.record;
                let family = |record: &Record| record.orbit.and_then(|orbit| self.families.get(&orbit));
                record.orbit.is_some()
                    && (other.orbit == record.orbit || family(record).is_some_and(|own| family(other) == Some(own)))
                    && other.nature == record.nature
                    && other.standing == record.standing
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.hits += 1,
                None => groups.push(Group { record, hits: 1 }),
            }
        }
        groups.sort_by(|a, b| a.record.value.total_cmp(&b.record.value));
        groups
    }

    /// The point of lowest value among those that `fit`; of equal ones the first start that the solver ran at full width.
    pub(super) fn best(&self, fit: impl Fn(&Record) -> bool) -> Option<&'a Record> {
        let fitting = || self.records.iter().copied().filter(|record| record.value.is_finite() && fit(record));
        let lowest = fitting().map(|record| record.value).fold(f64::INFINITY, f64::min);
        let near = |record: &&Record| record.value <= lowest + 1e-9 * lowest.abs();
        fitting().filter(near).min_by_key(|record| (record.start == "rank-ladder", record.start_index))
    }
}

/// Where several losses each have several cases, the colour says the loss, and dash and marker the rest.
fn assign_families(cases: &mut [Case]) {
    let mut families: Vec<(String, usize)> = Vec::new();
    let mut places = Vec::new();
    for case in cases.iter() {
        let name = loss_label(case.records[0]);
        let color = families.iter().position(|(other, _)| *other == name).unwrap_or_else(|| {
            families.push((name, 0));
            families.len() - 1
        });
        places.push((color, families[color].1));
        families[color].1 += 1;
    }
    if families.len() > 1 && cases.len() > families.len() {
        for (case, (color, shape)) in cases.iter_mut().zip(places) {
            case.look = look_in_family(color, shape);
        }
    }
}

/// What may tell cases of one loss apart, in the order in which it is said.
fn facts(record: &Record) -> Vec<String> {
    let per_class = match &record.per_class {
        PerClass::Balanced(n) => format!("n = {n}"),
        PerClass::Imbalanced(sizes) => format!("n_k = {sizes:?}"),
    };
    let decay = |name: &str, value: Option<f64>| value.map_or(String::new(), |value| format!("{name} = {}", short(value)));
    let mut facts = vec![
        record.solver.clone(),
        format!("K = {}", record.classes),
        format!("d = {}", record.width),
        per_class,
        format!("{} bias", if record.bias == "none" { "no" } else { &record.bias }),
        decay("ε", record.epsilon),
    ];
    if record.epsilon.is_none() {
        facts.extend([decay("λ_W", record.decay_w), decay("λ_H", record.decay_h)]);
    }
    facts.push(decay("λ_b", record.decay_b));
    facts.resize(9, String::new());
    facts
}

/// A loss with its parameters, as figures and tables name it.
pub(super) fn loss_label(record: &Record) -> String {
    let name = match record.loss.as_str() {
        "cross-entropy" => "cross-entropy",
        "label-smoothing" => "label smoothing",
        "mse" => "MSE",
        "bce" => "BCE",
        other => other,
    };
    // A loss of the user's own goes by its formulas.
    let formula = |key: &str| record.loss_text.get(key).map_or("", String::as_str);
    let own = match record.loss_text.contains_key("own") {
        true => format!("{} + Σ {}", formula("own"), formula("others")),
        false => formula("ell").to_owned(),
    };
    let name = if own.is_empty() { name } else { &own };
    let parameters: Vec<String> = record
        .loss_params
        .iter()
        .filter(|(key, value)| !(["kappa", "target", "scale"].contains(&key.as_str()) && (*value - 1.0).abs() < f64::EPSILON))
        .map(|(key, &value)| match key.as_str() {
            // In a formula a parameter goes by the name it has there.
            other if !own.is_empty() => format!("{other} = {}", short(value)),
            "alpha" => format!("α = {}", short(value)),
            "gamma" => format!("γ = {}", short(value)),
            "kappa" => format!("κ = {}", short(value)),
            "target" => format!("M = {}", short(value)),
            other => format!("{other} = {}", short(value)),
        })
        .collect();
    let comma = if own.is_empty() { "" } else { "," };
    if parameters.is_empty() { name.into() } else { format!("{name}{comma} {}", parameters.join(", ")) }
}

/// A count as text: `3`, or `2–4`.
pub(super) fn count_text(count: Option<Count>) -> String {
    match count {
        None => "–".into(),
        Some(Count::Exact(n)) => n.to_string(),
        Some(Count::Bracket([low, high])) => format!("{low}–{high}"),
    }
}

/// The ends of a count.
pub(super) fn count_ends(count: Count) -> (f64, f64) {
    match count {
        Count::Exact(n) => (n as f64, n as f64),
        Count::Bracket([low, high]) => (low as f64, high as f64),
    }
}

/// The distance of a value from the best reference there is, and which: the closed form, else the lower bound.
pub(super) fn excess(record: &Record) -> Option<(f64, &'static str)> {
    let reference = record.closed_form_value.map(|value| (value, "closed form"));
    let (value, kind) = reference.or_else(|| record.lower_bound.map(|value| (value, "lower bound")))?;
    Some((record.value - value, kind))
}
