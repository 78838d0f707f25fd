//! A run as it would be, for the tests: the quickstart's four losses with rank ladders, trajectories, spectra and point files.

use std::collections::BTreeMap;
use std::path::Path;

use super::RunData;
use crate::losses;
use crate::model::{Bias, Decay, Point, Shape};
use crate::record::npz;
use crate::record::{
    CENSUS_SCHEMA, Census, CensusCase, CensusOrbit, ESCAPE_SCHEMA, EscapeRow, EscapeStep, SLICE_SCHEMA, Slice, SliceAxis,
    SliceMark,
};
use crate::record::{Count, Eigenvalue, Expectation, MetricMap, PerClass, Record, SCHEMA, Summary, TrajectoryRow};
use crate::spectra::etf_spectrum;
use crate::theory::Balanced;

/// K of the fixture.
pub(super) const CLASSES: usize = 4;
const WIDTH: usize = 6;
const PER_CLASS: usize = 5;

/// A record in which everything that may be missing is.
pub(super) fn bare(case: &str, loss: &str, start_index: usize) -> Record {
    Record {
        schema: SCHEMA.into(),
        case: case.into(),
        scenario: "quickstart".into(),
        loss: loss.into(),
        loss_params: BTreeMap::new(),
        loss_text: BTreeMap::new(),
        classes: CLASSES,
        width: WIDTH,
        per_class: PerClass::Balanced(PER_CLASS),
        samples: CLASSES * PER_CLASS,
        decay_w: None,
        decay_h: None,
        decay_b: None,
        bias: "decayed".into(),
        epsilon: None,
        start: "gaussian".into(),
        start_index,
        seed: None,
        solver: "lbfgs".into(),
        steps: 0,
        stop_reason: "gradient-norm".into(),
        value: 1.0,
        gradient_norm: 1e-3,
        gradient_norm_scaled: None,
        rank: None,
        dual_ratio: None,
        lower_bound: None,
        lower_bound_kind: None,
        gap: None,
        closed_form_value: None,
        index: None,
        nullity: None,
        nullity_symmetry: None,
        resolution: None,
        lambda_min: None,
        lambda_min_transverse: None,
        lambda_max: None,
        escape_curvature: None,
        spectrum_reason: None,
        spectrum: None,
        orbit: None,
        least_probability: None,
        metrics: MetricMap::new(),
        metrics_undefined: BTreeMap::new(),
        nature: None,
        degenerate: None,
        standing: None,
        reason: String::new(),
        device: None,
        certificate: None,
        point: None,
    }
}

/// Loss, its parameter, f*, and the values of ranks 0, 1, 2.
type Ladder = (&'static str, &'static str, Option<(&'static str, f64)>, f64, [f64; 3]);

const LADDERS: [Ladder; 4] = [
    ("a1", "cross-entropy", None, 0.1260289434393937, [1.386_294, 0.768_2, 0.424_9]),
    ("b2", "label-smoothing", Some(("alpha", 0.1)), 0.4223829614058416, [1.386_294, 0.951_3, 0.665_1]),
    ("c3", "focal", Some(("gamma", 2.0)), 0.06162744188461895, [0.779_79, 0.391_6, 0.210_7]),
    ("d4", "mse", Some(("target", 1.0)), 0.02215082719797266, [0.376_2, 0.259_1, 0.140_8]),
];

/// The quickstart, its point files written under `dir`.
pub(super) fn quickstart(dir: &Path) -> RunData {
    let (mut records, mut trajectories) = (Vec::new(), Vec::new());
    for (position, (case, loss, parameter, best, values)) in LADDERS.into_iter().enumerate() {
        for start in 0..6 {
            let mut record = minimum(case, loss, start, best);
            record.loss_params.extend(parameter.map(|(key, value)| (key.to_owned(), value)));
            record.point = Some(format!("points/{case}-{start}.npz"));
            let predicted = predicted(&record);
            if !predicted.is_empty() {
                record.spectrum = Some(predicted);
            }
            write_point(dir, &record, position);
            trajectories.extend(trajectory(case, start, best, position));
            records.push(record);
        }
        for (rank, value) in values.into_iter().enumerate() {
            let mut record = saddle(case, loss, 6 + rank, rank, value, best);
            record.loss_params.extend(parameter.map(|(key, value)| (key.to_owned(), value)));
            records.push(record);
        }
    }
    let count = |of: &dyn Fn(&Record) -> Option<String>| {
        records.iter().filter_map(of).fold(BTreeMap::new(), |mut counts: BTreeMap<String, usize>, name| {
            *counts.entry(name).or_default() += 1;
            counts
        })
    };
    let objective = |(case, loss, ..): &Ladder| {
        let text = format!("f = (1/20) Σ_i L(z_i, y_i) + 0.0025 ‖W‖² + 0.001 ‖H‖² + 0.005 ‖b‖²,   L = {loss}");
        ((*case).to_owned(), text)
    };
    let expectation = |claim: &str, expected: &str, outcome: &str| Expectation {
        claim: claim.into(),
        expected: expected.into(),
        found: expected.into(),
        outcome: outcome.into(),
    };
    let summary = Summary {
        schema: "ufm.summary/v1".into(),
        scenario: "quickstart".into(),
        question: "Do all four losses reach the same simplex ETF, and what else is there to be stuck at?".into(),
        objectives: LADDERS.iter().map(objective).collect(),
        points: records.len(),
        natures: count(&|record| record.nature.clone()),
        standings: count(&|record| record.standing.clone()),
        expectations: vec![
            expectation("undecided_max", "at most 0", "holds"),
            expectation("verdicts.global-minimum", "24", "holds"),
        ],
        figures: Vec::new(),
    };
    RunData {
        census: Some(census(&records)),
        escapes: escapes(&records),
        slices: slices(&records),
        theorems: Vec::new(),
        summary,
        records,
        trajectories,
        dir: dir.to_owned(),
    }
}

/// A double well, as a plane through the origin.
fn slices(records: &[Record]) -> Vec<Slice> {
    let at: Vec<f64> = (-10..=10).map(|i| f64::from(i) * 0.15).collect();
    let axis = |direction: &str, eigenvalue: Option<f64>| SliceAxis {
        direction: direction.into(),
        step: 4.5,
        eigenvalue,
        coordinates: at.clone(),
    };
    let of_case = |(case, ..): &Ladder| {
        let mark = |role: &str, record: &Record, y: f64| SliceMark {
            role: role.into(),
            value: record.value,
            nature: record.nature.clone().unwrap_or_default(),
            at: [0.0, y],
            ..SliceMark::default()
        };
        let mut own: Vec<&Record> = records.iter().filter(|record| record.case == *case && record.nature.is_some()).collect();
        own.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (low, high) = (own[0], own[own.len() - 1]);
        let depth = high.value - low.value;
        let value = |x: f64, y: f64| Some(low.value + depth * ((1.0 - y * y).powi(2) + 0.5 * x * x * (x * x + y * y - 0.5)));
        Slice {
            schema: SLICE_SCHEMA.into(),
            case: (*case).into(),
            axes: vec![axis("escape", Some(-0.2)), axis("to-minimum", None)],
            overlap: Some(0.4),
            marks: vec![mark("through", high, 0.0), mark("lowest", low, 1.0)],
            values: at.iter().map(|&y| at.iter().map(|&x| value(x, y)).collect()).collect(),
            reason: None,
        }
    };
    LADDERS.iter().map(of_case).collect()
}

/// Orbits of the records, and one that an escape found.
fn census(records: &[Record]) -> Census {
    let orbit = |record: &Record| CensusOrbit {
        orbit: record.orbit.unwrap_or_default(),
        found_by: if record.rank == Some(2) { "escape" } else { "start" }.into(),
        start_index: Some(record.start_index),
        point: record.point.clone(),
        value: record.value,
        rank: record.rank.unwrap_or_default(),
        index: record.index,
        nature: record.nature.clone().unwrap_or_default(),
        hits: 3,
        partition: Some("2+1+1".into()),
        ..CensusOrbit::default()
    };
    let case = |(case, loss, ..): &Ladder| {
        let mut orbits: Vec<CensusOrbit> = records.iter().filter(|record| record.case == *case).map(orbit).collect();
        orbits.sort_by_key(|orbit| orbit.orbit);
        orbits.dedup_by_key(|orbit| orbit.orbit);
        CensusCase { case: (*case).into(), loss: (*loss).into(), orbits, ..CensusCase::default() }
    };
    Census { schema: CENSUS_SCHEMA.into(), scenario: "quickstart".into(), cases: LADDERS.iter().map(case).collect() }
}

/// From each saddle one way to the next of higher rank, and one to the minimum.
fn escapes(records: &[Record]) -> Vec<EscapeRow> {
    let orbit = |case: &str, orbit: usize| records.iter().find(|record| record.case == case && record.orbit == Some(orbit));
    let saddles = records.iter().filter(|record| record.nature.as_deref() == Some("strict-saddle"));
    let walk = |saddle: &Record, direction: usize, to: usize| {
        let end = orbit(&saddle.case, to)?;
        let step = |i: u32| {
            let gone = f64::from(i) / 20.0;
            EscapeStep {
                arc: 5.0 * gone,
                value: saddle.value + (end.value - saddle.value) * gone,
                gradient_norm: 0.2 * gone * (1.0 - gone) + 1e-9,
                lambda_min: saddle.lambda_min.map(|least| least * (1.0 - gone)),
            }
        };
        Some(EscapeRow {
            schema: ESCAPE_SCHEMA.into(),
            case: saddle.case.clone(),
            orbit: saddle.orbit?,
            eigenvalue: saddle.lambda_min?,
            multiplicity: 3,
            direction,
            sign: 1,
            to: Some(to),
            to_value: Some(end.value),
            path: (0..=20).map(step).collect(),
            ..EscapeRow::default()
        })
    };
    // Orbit r + 1 is the saddle of rank r.
    saddles.flat_map(|saddle| [walk(saddle, 0, saddle.orbit.unwrap_or(0) + 1), walk(saddle, 1, 0)]).flatten().collect()
}

/// The whole spectrum that the closed form predicts for a fixture's minimum, or one made up where the parameters do not belong to it.
fn predicted(record: &Record) -> Vec<Eigenvalue> {
    let plain = |_| vec![];
    let parameters: Vec<f64> = record.loss_params.values().copied().collect();
    let Some(family) =
        losses::ALL.iter().find(|family| family.name == record.loss && family.parameters.len() == parameters.len())
    else {
        return vec![];
    };
    let balanced = Balanced {
        classes: CLASSES,
        width: WIDTH,
        per_class: PER_CLASS as u64,
        bias: Bias::Decayed,
        decay: Decay { w: 5e-3, h: 2e-3, b: 1e-2 },
        loss: (family.build)(&parameters),
        scale: 1.0,
    };
    let levels = etf_spectrum(&balanced).unwrap_or_else(plain);
    levels
        .iter()
        .map(|level| Eigenvalue { eigenvalue: level.eigenvalue, multiplicity: level.multiplicity, origin: None })
        .collect()
}

fn minimum(case: &str, loss: &str, start_index: usize, best: f64) -> Record {
    let eigenvalues = [
        (-1e-17, 12),
        (2e-3, 15),
        (2.31e-3, 32),
        (3.4e-3, 16),
        (5.1e-3, 4),
        (7e-3, 12),
        (1.3e-2, 9),
        (4.1e-2, 6),
        (0.11, 3),
        (0.29, 1),
    ];
    Record {
        epsilon: Some(0.007_071_067_811_865_475),
        decay_w: Some(5e-3),
        decay_h: Some(2e-3),
        decay_b: Some(1e-2),
        seed: Some(7),
        steps: 61,
        value: best * (1.0 + 1e-15),
        gradient_norm: 3.1e-17,
        gradient_norm_scaled: Some(4.4e-15),
        rank: Some(3),
        dual_ratio: Some(1.0),
        lower_bound: Some(best - 3e-14),
        lower_bound_kind: Some("dual".into()),
        gap: Some(3e-14),
        closed_form_value: Some(best),
        index: Some(Count::Exact(0)),
        nullity: Some(Count::Exact(12)),
        nullity_symmetry: Some(12),
        resolution: Some(1e-14),
        lambda_min: Some(-1.2e-17),
        lambda_min_transverse: Some(2e-3),
        lambda_max: Some(0.29),
        spectrum: Some(
            eigenvalues.map(|(eigenvalue, multiplicity)| Eigenvalue { eigenvalue, multiplicity, origin: None }).into(),
        ),
        orbit: Some(0),
        least_probability: Some(0.97),
        metrics: [
            ("nc1", 3.2e-29),
            ("nc2", 4.1e-15),
            ("nc3", 3.9e-15),
            ("nc4", 2.2e-16),
            ("sphere-loss-1", 0.582_657_65),
            ("sphere-loss-3", 0.053_490_45),
            ("sphere-loss-10", 4.858_778_6e-6),
        ]
        .map(|(id, x)| (id.to_owned(), x))
        .into(),
        nature: Some("global-minimum".into()),
        degenerate: Some(false),
        standing: Some("numerical".into()),
        reason: "the gap to the dual bound is 3e-14, below the value's rounding".into(),
        ..bare(case, loss, start_index)
    }
}

fn saddle(case: &str, loss: &str, start_index: usize, rank: usize, value: f64, best: f64) -> Record {
    let index = ((WIDTH - rank) * (3 - rank)) as u64;
    let symmetry = (rank * WIDTH - rank * (rank + 1) / 2) as u64;
    let extra = if loss == "mse" && rank > 0 { 3 } else { 0 };
    let escape = 0.08 * best.sqrt() * 0.5f64.powi(rank as i32);
    let eigenvalues =
        [(-escape, index), (0.0, symmetry + extra), (2e-3, 20), (3e-3, 41), (7e-3, 11), (0.06, 9), (0.4 - 0.1 * rank as f64, 4)];
    let eigenvalues = eigenvalues.into_iter().filter(|&(_, multiplicity)| multiplicity > 0);
    Record {
        start: "rank-ladder".into(),
        rank: Some(rank),
        index: Some(Count::Exact(index)),
        nullity: Some(Count::Exact(symmetry + extra)),
        nullity_symmetry: Some(symmetry),
        lambda_min: Some(-escape),
        lambda_min_transverse: Some(-escape),
        escape_curvature: Some(-2.0 * escape),
        spectrum: Some(
            eigenvalues.map(|(eigenvalue, multiplicity)| Eigenvalue { eigenvalue, multiplicity, origin: None }).collect(),
        ),
        orbit: Some(rank + 1),
        least_probability: None,
        metrics: MetricMap::new(),
        metrics_undefined: [("nc1".to_owned(), "W = 0".to_owned())].into(),
        nature: Some("strict-saddle".into()),
        degenerate: Some(extra > 0),
        reason: format!("{index} eigenvalues lie below -1e-14"),
        gap: Some(value - best),
        ..Record { value, ..minimum(case, loss, start_index, best) }
    }
}

/// A solver's way to f*: a plateau, then a geometric decay down to rounding.
fn trajectory(case: &str, start_index: usize, best: f64, position: usize) -> Vec<TrajectoryRow> {
    let steps = (0..120).map(|i| f64::powf(10.0, f64::from(i) / 30.0) as u64);
    let mut steps: Vec<u64> = std::iter::once(0).chain(steps).collect();
    steps.dedup();
    let rate = 0.004 * (1.0 + position as f64);
    let row = |step: u64| {
        let decay = 1e-16 + 1.2 / (1.0 + (step as f64 / 40.0).powi(2)) * (-rate * step as f64).exp();
        let metrics = [("nc1", decay * decay + 1e-30), ("nc2", 0.9 * decay), ("nc3", 0.6 * decay), ("nc4", 0.2 * decay)];
        TrajectoryRow {
            time: None,
            case: case.into(),
            start_index,
            step,
            value: best + decay * decay,
            gradient_norm: decay,
            gradient_norm_scaled: 8.0 * decay,
            metrics: metrics.map(|(id, x)| (id.to_owned(), x)).into(),
            dual_ratio: Some(1.0 + 2.0 * decay),
            lower_bound: (case != "c3").then_some(best - 3.0 * decay),
            flow: None,
        }
    };
    steps.into_iter().map(row).collect()
}

/// A nearly collapsed point: a simplex ETF in the first K−1 of d rotated directions, with a little scatter that differs from loss to loss.
fn write_point(dir: &Path, record: &Record, position: usize) {
    let shape = Shape::balanced(CLASSES, WIDTH, PER_CLASS).expect("the fixture's shape");
    let mut point = Point::zeros(&shape, Bias::Decayed);
    let (scatter, size) = ([0.0, 0.02, 0.06, 0.12][position], [2.29, 1.88, 1.63, 1.02][position]);
    let corner = |k: usize, a: usize| (if a == k { 1.0 } else { 0.0 }) - 1.0 / CLASSES as f64;
    // Two reflections turn the first K of d directions into general ones.
    let reflect = |x: &mut [f64; WIDTH], seed: f64| {
        let normal: Vec<f64> = (0..WIDTH).map(|a| (seed + 1.7 * a as f64).sin()).collect();
        let square: f64 = normal.iter().map(|v| v * v).sum();
        let product: f64 = normal.iter().zip(&*x).map(|(v, x)| v * x).sum();
        x.iter_mut().zip(&normal).for_each(|(x, v)| *x -= 2.0 * product / square * v);
    };
    let rotated = |k: usize, a: usize| -> f64 {
        let mut x = [0.0; WIDTH];
        (0..CLASSES).for_each(|a| x[a] = corner(k, a));
        reflect(&mut x, 0.4 + record.start_index as f64);
        reflect(&mut x, 2.3 + position as f64);
        x[a]
    };
    for k in 0..CLASSES {
        for a in 0..WIDTH {
            point.w_mut()[(k, a)] = size * rotated(k, a);
        }
    }
    for (i, &label) in shape.labels().iter().enumerate() {
        for a in 0..WIDTH {
            point.h_mut()[(a, i)] = 0.7 * size * (rotated(label, a) + scatter * ((7 * i + 3 * a) as f64).sin());
        }
    }
    let path = dir.join(record.point.as_deref().expect("a point file"));
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for points");
    npz::write(&path, &point, Some(shape.labels()), &BTreeMap::new()).expect("a point file");
}
