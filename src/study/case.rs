//! A whole case: orbits, verdicts, records.

use std::collections::BTreeMap;
use std::path::Path;

use super::limits::Deadline;
use super::{Assessed, Lines, StudyError, certify};
use crate::census::same_critical;
use crate::model::Bias;
use crate::objective::Problem;
use crate::record::{self, Count, Eigenvalue, EigenvalueOrigin, PerClass, Record, SCHEMA, StoreError, fault, npz, point_file};
use crate::scenario::{Case, Device, Scenario};
use crate::spectra::{self, Origin, SpectrumLevel};
use crate::theory::{self, BalancedMinimum};
use crate::verdict::{Evidence, GAP_ALLOWED, SpectrumEvidence, Standing, Verdict, decide};

/// Judges the points of a case, writes them, and returns its records and trajectory rows.
pub(super) fn conclude(
    scenario: &Scenario,
    case: &Case,
    mut points: Vec<Assessed>,
    dir: &Path,
    deadline: &Deadline,
) -> Result<Lines, StudyError> {
    let cut_short = points.iter().any(|point| point.path.out_of_time());
    let orbits = orbits(&case.problem, &points);
    let closed_form = theory::balanced_minimum(&case.problem).ok();
    let lowest = points.iter().filter(|point| point.critical.is_ok()).map(|point| point.value).reduce(f64::min);
    let lowest_known = [lowest, closed_form.as_ref().map(|closed| closed.value)].into_iter().flatten().reduce(f64::min);
    let (mut records, mut rows) = (Vec::new(), Vec::new());
    for (start_index, (point, orbit)) in points.iter_mut().zip(orbits).enumerate() {
        let verdict = judge(&case.problem, point, closed_form.as_ref(), lowest_known);
        let file = scenario.output.points.then(|| point_file(&case.id, start_index));
        if let Some(file) = &file {
            write_point(&dir.join(file), point, case)?;
            fault::at("point-file-written");
        }
        let mut record = record_of(&case.problem, point, &verdict, closed_form.as_ref());
        record.case = case.id.clone();
        record.scenario = scenario.name.clone();
        record.solver = case.solver.name().into();
        if case.device == Device::Gpu {
            record.device = Some(case.device.name().into());
            record.reason += "; proposed by a GPU in single precision, judged by the CPU in double precision";
        }
        record.start_index = start_index;
        record.orbit = orbit;
        record.point = file;
        if !case.certify.is_empty() && point.critical.is_ok() {
            if deadline.passed() {
                record.reason += &format!("; not proved: {}", deadline.reason());
            } else {
                certify::certify(case, &point.point, &mut record, dir)?;
                fault::at("certificate-written");
            }
        }
        if cut_short && !record.limited() {
            record.reason += "; other points of this case ran out of time, and are not there to compare with";
        }
        for mut row in std::mem::take(&mut point.path.rows) {
            (row.case, row.start_index) = (case.id.clone(), start_index);
            rows.push(row);
        }
        records.push(record);
    }
    Ok((records, rows))
}

fn write_point(path: &Path, point: &Assessed, case: &Case) -> Result<(), StoreError> {
    npz::write_point(path, &point.point, &case.problem.shape).map_err(|error| {
        let source = match error {
            npz::NpzError::Io { source, .. } => source,
            other => std::io::Error::other(other.to_string()),
        };
        StoreError::Disk { path: path.to_owned(), doing: "write the point", source }
    })
}

/// The record of a point that stands alone: nothing but the closed form is known beside it.
pub fn alone(problem: &Problem, point: &Assessed) -> Record {
    beside(problem, point, None)
}

/// The record of a point beside others whose lowest value is `lowest`.
pub(super) fn beside(problem: &Problem, point: &Assessed, lowest: Option<f64>) -> Record {
    let closed_form = theory::balanced_minimum(problem).ok();
    let lowest_known = [lowest, closed_form.as_ref().map(|closed| closed.value)].into_iter().flatten().reduce(f64::min);
    let verdict = judge(problem, point, closed_form.as_ref(), lowest_known);
    record_of(problem, point, &verdict, closed_form.as_ref())
}

/// The verdict on one point, given the closed form and the lowest value known for its problem.
fn judge(problem: &Problem, point: &Assessed, closed_form: Option<&BalancedMinimum>, lowest_known: Option<f64>) -> Verdict {
    let spectrum = match &point.spectrum {
        Ok(spectrum) => {
            SpectrumEvidence::Counted { index: spectrum.index, nullity: spectrum.nullity, symmetry: spectrum.nullity_symmetry }
        }
        Err(reason) => SpectrumEvidence::Missing(reason.clone()),
    };
    let mut verdict = decide(&Evidence {
        critical: point.critical.as_ref().map(|_| ()).map_err(Clone::clone),
        value: point.value,
        lower_bound: point.lower_bound.map(|(bound, _)| bound),
        global_value: closed_form.filter(|closed| closed.global).map(|closed| closed.value),
        lowest_known,
        spectrum,
        unsteady: point.spectrum.as_ref().is_ok_and(|spectrum| spectrum.unsteady),
        softness: point.spectrum.as_ref().ok().map(|spectrum| spectrum.lambda_min.abs() / spectrum.lambda_max),
        off_space_negative: point.off_space_negative,
        tie: theory::tied(problem, GAP_ALLOWED),
    });
    if point.path.failed() || point.path.out_of_time() || point.unresolved {
        // Nothing was found out of it.
        verdict.standing = Standing::Undecided;
    }
    if let Ok(critical) = &point.critical
        && critical.stalled()
    {
        let scaled = critical.gradient().scaled;
        verdict.standing = Standing::Undecided;
        verdict.reason +=
            &format!("; Newton's method stops at a scaled gradient norm of {scaled:.1e}: there may be no critical point here");
    }
    if let Ok(critical) = &point.critical
        && critical.at_floor()
    {
        let scaled = critical.gradient().scaled;
        verdict.reason += &format!("; critical at the evaluation's rounding floor (scaled gradient norm {scaled:.1e})");
    }
    verdict
}

/// The orbit of every critical point, numbered by first start.
fn orbits(problem: &Problem, points: &[Assessed]) -> Vec<Option<usize>> {
    let mut representatives: Vec<usize> = Vec::new();
    points
        .iter()
        .enumerate()
        .map(|(i, point)| {
            let critical = point.critical.as_ref().ok()?;
            let known = representatives.iter().position(|&j| {
                let other = &points[j];
                let other_critical = other.critical.as_ref().expect("representatives are critical");
                same_critical(problem, (other_critical, other.value), (critical, point.value))
            });
            Some(known.unwrap_or_else(|| {
                representatives.push(i);
                representatives.len() - 1
            }))
        })
        .collect()
}

/// The record of a point; what belongs to its place in a run (case, scenario, solver, start index, orbit, file) is left empty.
fn record_of(problem: &Problem, point: &Assessed, verdict: &Verdict, closed_form: Option<&BalancedMinimum>) -> Record {
    let bound = point.lower_bound;
    let spectrum = point.spectrum.as_ref().ok();
    let whole = spectrum.and_then(|spectrum| spectrum.whole.as_ref());
    let count = |field: fn(&spectra::Spectrum) -> spectra::Count| spectrum.map(|spectrum| twin(field(spectrum)));
    Record {
        start: point.path.start.clone(),
        seed: point.path.seed,
        steps: point.path.steps,
        stop_reason: point.path.stop_reason.clone(),
        value: point.value,
        gradient_norm: point.gradient.norm,
        gradient_norm_scaled: Some(point.gradient.scaled).filter(|norm| norm.is_finite()),
        rank: point.rank(),
        dual_ratio: point.dual_ratio,
        lower_bound: bound.map(|(bound, _)| bound),
        lower_bound_kind: bound.map(|(_, kind)| kind.into()),
        gap: bound.map(|(bound, _)| point.value - bound),
        closed_form_value: closed_form.map(|closed| closed.value),
        index: count(|spectrum| spectrum.index),
        nullity: count(|spectrum| spectrum.nullity),
        nullity_symmetry: spectrum.map(|spectrum| spectrum.nullity_symmetry),
        resolution: spectrum.map(|spectrum| spectrum.resolution),
        lambda_min: spectrum.map(|spectrum| spectrum.lambda_min),
        lambda_min_transverse: spectrum.and_then(|spectrum| spectrum.lambda_min_transverse),
        lambda_max: spectrum.map(|spectrum| spectrum.lambda_max),
        escape_curvature: spectrum.and_then(|spectrum| spectrum.escape_curvature),
        spectrum_reason: point.spectrum.as_ref().err().or(whole.and_then(|whole| whole.as_ref().err())).cloned(),
        spectrum: whole.and_then(|whole| whole.as_ref().ok()).map(|whole| eigenvalues(whole)),
        least_probability: point.least_probability,
        metrics: point.metrics.values.clone(),
        metrics_undefined: point.metrics.undefined.clone(),
        nature: Some(verdict.nature.name().into()),
        degenerate: verdict.degenerate,
        standing: Some(verdict.standing.name().into()),
        reason: verdict.reason.clone(),
        ..head(problem)
    }
}

/// What a record says of its problem; the rest is empty.
pub(super) fn head(problem: &Problem) -> Record {
    let shape = &problem.shape;
    let mut loss_params: BTreeMap<String, f64> = problem.loss.parameters().into_iter().collect();
    if (problem.scale - 1.0).abs() > 0.0 {
        loss_params.insert("scale".into(), problem.scale);
    }
    Record {
        schema: SCHEMA.into(),
        loss: problem.loss.name().into(),
        loss_params,
        loss_text: problem.loss.texts().into_iter().map(|(key, text)| (key.to_owned(), text)).collect(),
        classes: shape.classes(),
        width: shape.width(),
        per_class: shape.per_class().map_or_else(|| PerClass::Imbalanced(shape.class_sizes().to_vec()), PerClass::Balanced),
        samples: shape.samples(),
        decay_w: Some(problem.decay.w),
        decay_h: Some(problem.decay.h),
        decay_b: (problem.bias != Bias::None).then_some(problem.decay.b),
        bias: problem.bias.name().into(),
        epsilon: problem.epsilon(),
        ..Record::default()
    }
}

fn eigenvalues(whole: &[SpectrumLevel]) -> Vec<Eigenvalue> {
    let origin = |origin| match origin {
        Origin::Symmetry => EigenvalueOrigin::Symmetry,
        Origin::WithinClass => EigenvalueOrigin::WithinClass,
        Origin::OffSpace => EigenvalueOrigin::OffSpace,
        Origin::Core => EigenvalueOrigin::Core,
    };
    let twin = |level: &SpectrumLevel| Eigenvalue {
        eigenvalue: level.eigenvalue,
        multiplicity: level.multiplicity,
        origin: Some(origin(level.origin)),
    };
    whole.iter().map(twin).collect()
}

fn twin(count: spectra::Count) -> Count {
    count.exact().map_or(record::Count::Bracket([count.low, count.high]), record::Count::Exact)
}

/// The exact objective of a problem with its factors, in words a report can show.
pub fn objective_text(problem: &Problem) -> String {
    let shape = &problem.shape;
    let scale = if (problem.scale - 1.0).abs() > 0.0 { format!("{} · ", problem.scale) } else { String::new() };
    let (logits, decay_b) = match problem.bias {
        Bias::None => ("Z = WH", String::new()),
        Bias::Free => ("Z = WH + b1ᵀ, b free", String::new()),
        Bias::Decayed => ("Z = WH + b1ᵀ", format!(" + {}/2 ‖b‖²", problem.decay.b)),
    };
    let sizes = match shape.per_class() {
        Some(n) => format!("n = {n}"),
        None => format!("n_k = {:?}", shape.class_sizes()),
    };
    let epsilon = problem.epsilon().map_or(String::new(), |epsilon| format!(", ε = √n μ = {epsilon:.6}"));
    let sizes = if shape.multiplicities().is_some() { format!("{sizes} (collapsed)") } else { sizes };
    format!(
        "f = {scale}(1/{}) Σ_i L(z_i, y_i) + {}/2 ‖W‖² + {}/2 ‖H‖²{decay_b}, {logits}; L = {}: {}; K = {}, d = {}, {sizes}{epsilon}",
        shape.samples(),
        problem.decay.w,
        problem.decay.h,
        problem.loss,
        problem.loss.family().summary,
        shape.classes(),
        shape.width(),
    )
}
