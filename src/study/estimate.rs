//! What a run will cost, from a few of its points: for `--dry-run`.

use std::time::{Duration, Instant};

use nalgebra::DMatrix;

use super::limits::Deadline;
use super::{assess, case, start_point};
use crate::model::{Bias, Point, Shape};
use crate::objective::{Objective, Plan, Problem, Threads};
use crate::record::{Record, Shard};
use crate::scenario::{Case, Scenario, Trajectories};
use crate::starts::{count, expand};

/// No more points than this are computed.
const POINTS_MAX: usize = 24;
/// And none begins after this time.
const TIME_MAX: Duration = Duration::from_secs(2);
/// A point is computed only where this many gradients fit the time: descents of small problems take 30 to 300.
const GRADIENTS: u32 = 200;
/// Multiply-adds of a gradient that is timed itself: about a second.
const GRADIENT_WORK_MAX: f64 = 5e9;
/// Bytes of a record in memory beside its text in the file: measured, it takes about three times its line.
const RECORD_FACTOR: f64 = 3.0;
/// Bytes of the program itself, measured.
const BASE_BYTES: f64 = 25e6;

/// What a run will cost, roughly.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Cases.
    pub cases: usize,
    /// Points of all of them.
    pub points: usize,
    /// Points computed for this estimate; 0 where the problems are too large for that.
    pub measured: usize,
    /// Seconds of one core for all points; `None` where none was computed.
    pub core_seconds: Option<f64>,
    /// Seconds of one gradient of the largest problem: every step of a solver takes one or more.
    pub gradient_seconds: f64,
    /// Bytes in the run's folder: records, tables, points, trajectories.
    pub disk_bytes: f64,
    /// Bytes of memory: the records, and for each thread a point with its factorisations.
    pub memory_bytes: f64,
}

/// Estimates a run on `threads` threads, or the given shard of it, by running up to 24 of its points, spread evenly over the cases, for at most about two seconds.
pub fn estimate(scenario: &Scenario, shard: Option<Shard>, threads: usize) -> Result<Estimate, String> {
    let cases: Vec<&Case> = scenario.cases.iter().filter(|case| shard.is_none_or(|shard| shard.holds(case.index))).collect();
    let points = cases.iter().map(|case| count(&case.starts, &case.problem)).sum();
    let largest = cases.iter().max_by_key(|case| case.problem.dimension()).ok_or("the shard has no case")?;
    let gradient = gradient_time(largest)?;
    let begun = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let wanted = POINTS_MAX.min(points);
    if gradient * GRADIENTS <= TIME_MAX {
        for number in 0..wanted {
            if begun.elapsed() > TIME_MAX {
                break;
            }
            samples.push(sample(scenario, cases[spread(number, wanted) * cases.len() / wanted], number)?);
        }
    }
    let mean = |of: fn(&Sample) -> f64| {
        if samples.is_empty() { 0.0 } else { samples.iter().map(of).sum::<f64>() / samples.len() as f64 }
    };
    let core_seconds = (!samples.is_empty()).then(|| points as f64 * mean(|sample| sample.seconds));
    let dimension_mean = cases.iter().map(|case| case.problem.dimension() as f64).sum::<f64>() / cases.len() as f64;
    // A zip archive of four arrays has about a kilobyte of heads.
    let file_bytes = if scenario.output.points { 8.0 * dimension_mean + 1_500.0 } else { 0.0 };
    // Nothing measured: a line of the usual metrics.
    let line_bytes = if samples.is_empty() { 2_000.0 } else { mean(|sample| sample.line_bytes) };
    let row_bytes = match (scenario.output.trajectories, samples.is_empty()) {
        (Trajectories::None, _) => 0.0,
        (_, false) => mean(|sample| sample.row_bytes),
        (Trajectories::Thin, true) => 12.0 * 300.0,
        (Trajectories::All, true) => 300.0 * 300.0,
    };
    // records.csv is half as long as records.jsonl, records.parquet a fifth.
    let tables = if cfg!(feature = "parquet") { 1.7 } else { 1.5 };
    let disk_bytes = points as f64 * (tables * line_bytes + row_bytes + file_bytes);
    let working = cases.iter().map(|case| working_bytes(case)).fold(0.0, f64::max);
    let memory_bytes = BASE_BYTES + points as f64 * RECORD_FACTOR * line_bytes + threads as f64 * working;
    Ok(Estimate {
        cases: cases.len(),
        points,
        measured: samples.len(),
        core_seconds,
        gradient_seconds: gradient.as_secs_f64(),
        disk_bytes,
        memory_bytes,
    })
}

/// A permutation of 0 … count − 1 that is spread at every length, so that stopping early leaves no part of the sweep out.
fn spread(number: usize, count: usize) -> usize {
    // The nearest stride to the golden section that has no divisor in common with the count.
    let near = (count as f64 * 0.618).round() as usize;
    let coprime = |stride: usize| {
        let (mut a, mut b) = (count, stride);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let stride = (near.max(1)..=count).find(|&stride| coprime(stride)).unwrap_or(1);
    number * stride % count
}

/// One point as a run computes it.
struct Sample {
    seconds: f64,
    line_bytes: f64,
    row_bytes: f64,
}

fn sample(scenario: &Scenario, case: &Case, number: usize) -> Result<Sample, String> {
    let begins = expand(&case.starts, &case.problem);
    let begin = &begins[number % begins.len()];
    let clock = Instant::now();
    let assessed = assess::run_start(scenario, case, begin, start_point(case, begin)?, &Deadline::default(), Threads::One);
    let record: Record = case::alone(&case.problem, &assessed);
    let length = |text: serde_json::Result<String>| text.map_or(0.0, |text| text.len() as f64);
    let line_bytes = length(serde_json::to_string(&record)) + 120.0;
    let row_bytes = assessed.path.rows.iter().map(|row| length(serde_json::to_string(row)) + 16.0).sum();
    Ok(Sample { seconds: clock.elapsed().as_secs_f64(), line_bytes, row_bytes })
}

/// The time of one gradient; of a very large problem, that of a small one of the same kind times the ratio of their products.
fn gradient_time(case: &Case) -> Result<Duration, String> {
    let work = gradient_work(&case.problem);
    if work > GRADIENT_WORK_MAX {
        let (shape, has_bias) = (&case.problem.shape, case.problem.bias != Bias::None);
        let (classes, width) = (shape.classes().min(200), shape.width().min(512));
        let per_class = ((GRADIENT_WORK_MAX / (3.0 * (classes * classes * width) as f64)) as usize).max(1);
        let shape = Shape::balanced(width, classes, per_class).map_err(|error| error.to_string())?;
        let small = Problem { shape, ..case.problem.clone() };
        let entry = |row: usize, column: usize| ((row * 7 + column * 3) % 11) as f64 * 0.02 - 0.1;
        let (w, h) = (DMatrix::from_fn(classes, width, entry), DMatrix::from_fn(width, small.shape.samples(), entry));
        let point = Point::from_blocks(&w, &h, &vec![0.0; if has_bias { classes } else { 0 }]);
        return Ok(timed_gradient(&small, &point).mul_f64(work / gradient_work(&small)));
    }
    let begins = expand(&case.starts, &case.problem);
    let begin = begins.iter().max_by_key(|begin| begin.width).ok_or("the case has no start")?;
    let problem = case.problem.at_width(begin.width);
    let point = start_point(case, begin)?;
    Ok(timed_gradient(&problem, &point))
}

/// Multiply-adds of a gradient's three products.
fn gradient_work(problem: &Problem) -> f64 {
    3.0 * problem.shape.classes() as f64 * problem.shape.width() as f64 * problem.shape.columns() as f64
}

fn timed_gradient(problem: &Problem, point: &Point) -> Duration {
    let mut objective = Objective::new(problem);
    let mut gradient = vec![0.0; point.as_slice().len()];
    let clock = Instant::now();
    objective.value_gradient(point, &mut gradient);
    clock.elapsed()
}

/// Bytes of a point on its way: L-BFGS pairs, and the Schur complement of polish and spectrum.
pub(super) fn working_bytes(case: &Case) -> f64 {
    let dimension = case.problem.dimension() as f64;
    let plan = Plan::new(&case.problem);
    // Ten pairs, and a dozen vectors of the solver and the gate.
    8.0 * dimension * 32.0 + plan.bytes.min(case.spectra.limits().bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_and_distinct() {
        for count in 1..40 {
            let mut seen: Vec<usize> = (0..count).map(|number| spread(number, count)).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..count), "{count}");
        }
    }
}
