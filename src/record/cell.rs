//! One row a case: what its points say together. `cells.jsonl` and `cells.csv` (`cells.parquet` with the feature).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::store::CaseEntry;
use super::{PerClass, Record};

/// The schema version of [`CellRow`]. Fields are only ever added to it.
pub const CELL_SCHEMA: &str = "ufm.cell/v1";

/// What the points of a case say together. A number that does not exist is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "parquet", derive(schemars::JsonSchema))]
pub struct CellRow {
    /// [`CELL_SCHEMA`].
    pub schema: String,
    /// Hash of the resolved case.
    pub case: String,
    /// The scenario's name.
    pub scenario: String,
    /// What the sweep set here, in words; empty where nothing is swept.
    pub cell: String,
    /// The loss's name.
    pub loss: String,
    /// Its parameters, and `scale` where it is not 1.
    pub loss_params: BTreeMap<String, f64>,
    /// K.
    pub classes: usize,
    /// d.
    pub width: usize,
    /// n, or n_k.
    pub per_class: PerClass,
    /// "none", "free" or "decayed".
    pub bias: String,
    /// λ_W.
    pub decay_w: Option<f64>,
    /// λ_H.
    pub decay_h: Option<f64>,
    /// λ_b; 0 for a free bias, null without one.
    pub decay_b: Option<f64>,
    /// ε = √n μ for balanced classes.
    pub epsilon: Option<f64>,
    /// The solver's name.
    pub solver: String,
    /// Number of points.
    pub points: usize,
    /// Points whose computation broke down.
    pub failed: usize,
    /// Points with an undecided verdict, failed ones included.
    pub undecided: usize,
    /// The fraction of the points of each nature; natures that do not occur are 0.
    pub fractions: BTreeMap<String, f64>,
    /// Distinct critical points, modulo O(d) × permutations.
    pub orbits: usize,
    /// The lowest value of f at a critical point.
    pub value_best: Option<f64>,
    /// The fraction of the points that are critical with this value, within 1e-9 of it.
    pub fraction_best: f64,
    /// The rank of W and H at the first of them.
    pub rank_best: Option<usize>,
    /// f* where a closed form holds.
    pub closed_form_value: Option<f64>,
    /// value_best − closed_form_value.
    pub excess_best: Option<f64>,
    /// The least value − lower_bound at a critical point.
    pub gap_best: Option<f64>,
    /// Quantity → its distribution over the points that have it: `value`, `gap`, `gradient_norm_scaled`, `steps`, `rank`, `dual_ratio`, `lambda_min`, `nc1`, `nc2`, `nc3`.
    pub distributions: BTreeMap<String, Distribution>,
}

/// Quantiles by linear interpolation between order statistics (the quantile of p stands at place p(m − 1) of m sorted numbers).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "parquet", derive(schemars::JsonSchema))]
pub struct Distribution {
    /// The least.
    pub least: f64,
    /// A quarter is below.
    pub lower_quartile: f64,
    /// Half is below.
    pub median: f64,
    /// Three quarters are below.
    pub upper_quartile: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Distribution {
    /// The distribution of finite numbers; `None` where there is none.
    pub fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.filter(|x| x.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let quantile = |p: f64| {
            let place = p * last as f64;
            let (low, rest) = (place.floor() as usize, place.fract());
            let (a, b) = (sorted[low], sorted[(low + 1).min(last)]);
            // Ends are exact, and nothing overflows between them.
            if rest > 0.0 { a * (1.0 - rest) + b * rest } else { a }
        };
        Some(Self {
            least: sorted[0],
            lower_quartile: quantile(0.25),
            median: quantile(0.5),
            upper_quartile: quantile(0.75),
            greatest: sorted[last],
        })
    }
}

/// Every nature, so that a column of fractions is there even where the nature does not occur.
const NATURES: [&str; 5] = ["global-minimum", "local-minimum", "degenerate-minimum", "strict-saddle", "not-critical"];
/// Values of one critical point agree to this fraction.
const VALUE_TOLERANCE: f64 = 1e-9;

/// The rows of the cases, in their order. `records` are in case order; a case without records has no row.
pub(super) fn rows(cases: &[CaseEntry], records: &[Record]) -> Vec<CellRow> {
    let mut first = 0;
    let mut rows = Vec::with_capacity(cases.len());
    for case in cases {
        let count = records[first..].iter().take_while(|record| record.case == case.id).count();
        rows.extend(row(case, &records[first..first + count]));
        first += count;
    }
    rows
}

/// The row of a case.
fn row(case: &CaseEntry, records: &[Record]) -> Option<CellRow> {
    let head = records.first()?;
    let points = records.len();
    let fraction = |count: usize| count as f64 / points as f64;
    let count = |is: &dyn Fn(&Record) -> bool| records.iter().filter(|record| is(record)).count();
    let critical = || records.iter().filter(|record| record.orbit.is_some());
    let least = |numbers: &mut dyn Iterator<Item = f64>| numbers.filter(|x| x.is_finite()).reduce(f64::min);
    let value_best = least(&mut critical().map(|record| record.value));
    let is_best = |record: &Record| {
        record.orbit.is_some() && value_best.is_some_and(|best| record.value - best <= VALUE_TOLERANCE * best.abs())
    };
    let closed_form_value = head.closed_form_value;
    let mut distributions = BTreeMap::new();
    let mut distribute = |name: &str, number: &dyn Fn(&Record) -> Option<f64>| {
        if let Some(found) = Distribution::of(records.iter().filter_map(number)) {
            distributions.insert(name.to_owned(), found);
        }
    };
    distribute("value", &|record| Some(record.value));
    distribute("gap", &|record| record.gap);
    distribute("gradient_norm_scaled", &|record| record.gradient_norm_scaled);
    distribute("steps", &|record| Some(record.steps as f64));
    distribute("rank", &|record| record.rank.map(|rank| rank as f64));
    distribute("dual_ratio", &|record| record.dual_ratio);
    distribute("lambda_min", &|record| record.lambda_min);
    for id in ["nc1", "nc2", "nc3"] {
        distribute(id, &|record| record.metrics.get(id).copied());
    }
    Some(CellRow {
        schema: CELL_SCHEMA.into(),
        case: case.id.clone(),
        scenario: head.scenario.clone(),
        cell: case.cell.clone(),
        loss: head.loss.clone(),
        loss_params: head.loss_params.clone(),
        classes: head.classes,
        width: head.width,
        per_class: head.per_class.clone(),
        bias: head.bias.clone(),
        decay_w: head.decay_w,
        decay_h: head.decay_h,
        decay_b: head.decay_b,
        epsilon: head.epsilon,
        solver: head.solver.clone(),
        points,
        failed: count(&Record::failed),
        undecided: count(&|record| record.standing.as_deref() == Some("undecided")),
        fractions: NATURES
            .map(|nature| (nature.to_owned(), fraction(count(&|record| record.nature.as_deref() == Some(nature)))))
            .into(),
        orbits: critical().filter_map(|record| record.orbit).max().map_or(0, |last| last + 1),
        value_best,
        fraction_best: fraction(count(&is_best)),
        rank_best: records.iter().find(|record| is_best(record)).and_then(|record| record.rank),
        closed_form_value,
        excess_best: value_best.zip(closed_form_value).map(|(best, closed)| best - closed),
        gap_best: least(&mut critical().filter_map(|record| record.gap)),
        distributions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([3, 1, 2, 10], [0, .25, .5, .75, 1]) = 1, 1.75, 2.5, 4.75, 10.
        let found = Distribution::of([3.0, 1.0, f64::NAN, 2.0, 10.0].into_iter()).unwrap();
        let numbers = [found.least, found.lower_quartile, found.median, found.upper_quartile, found.greatest];
        for (found, expected) in numbers.into_iter().zip([1.0, 1.75, 2.5, 4.75, 10.0]) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        let one = Distribution::of(std::iter::once(7.0)).unwrap();
        assert!((one.least - 7.0).abs() < 1e-15 && (one.upper_quartile - 7.0).abs() < 1e-15);
        assert_eq!(Distribution::of([f64::INFINITY, f64::NAN].into_iter()), None);
    }

    fn record(case: &str, value: f64, orbit: Option<usize>, nature: &str, standing: &str) -> Record {
        Record {
            case: case.into(),
            value,
            orbit,
            nature: Some(nature.into()),
            standing: Some(standing.into()),
            gap: Some(value - 0.25),
            closed_form_value: Some(0.5),
            rank: orbit.map(|orbit| 3 - orbit),
            ..Record::default()
        }
    }

    #[test]
    fn a_row_says_what_the_points_say() {
        let case = |id: &str| CaseEntry { id: id.into(), cell: format!("cell {id}"), points: 4 };
        let records = [
            record("a", 0.75, Some(0), "strict-saddle", "numerical"),
            record("a", 0.5, Some(1), "global-minimum", "numerical"),
            record("a", 0.1, None, "not-critical", "undecided"),
            Record { stop_reason: "failed".into(), value: f64::NAN, ..record("a", 0.0, None, "not-critical", "undecided") },
            record("b", 1.0, None, "not-critical", "undecided"),
        ];
        let rows = rows(&[case("a"), case("empty"), case("b")], &records);
        assert_eq!(rows.iter().map(|row| row.case.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let a = &rows[0];
        assert_eq!((a.points, a.failed, a.undecided, a.orbits, a.rank_best), (4, 1, 2, 2, Some(2)));
        assert_eq!(a.cell, "cell a");
        let near = |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-15);
        // The lowest of the critical points: 0.1 is none.
        assert!(
            near(a.value_best, 0.5) && near(a.excess_best, 0.0) && near(a.gap_best, 0.25) && near(Some(a.fraction_best), 0.25)
        );
        assert!(near(a.fractions.get("not-critical").copied(), 0.5) && near(a.fractions.get("local-minimum").copied(), 0.0));
        assert!((a.fractions.values().sum::<f64>() - 1.0).abs() < 1e-15);
        assert_eq!((rows[1].value_best, rows[1].gap_best, rows[1].orbits), (None, None, 0));
    }
}
