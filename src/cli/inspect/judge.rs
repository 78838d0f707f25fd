//! A point of the user's own as a point of the model: its shape, its record, and where minimising from it leads.

use std::path::Path;

use crate::cli::CliError;
use crate::critical::Candidate;
use crate::linalg::singular_values;
use crate::metrics::Findings;
use crate::model::{Bias, Point, Shape};
use crate::objective::Problem;
use crate::record::{PerClass, Record, SCHEMA, npz};
use crate::report::NearestEtf;
use crate::scenario::{PointSettings, point_settings};
use crate::solvers::{SolverSpec, Stop, minimise};
use crate::study;

/// Steps of the trust region from a point: those of a trained network's last layer take some tens.
const STEPS_MAX: u64 = 300;

/// The shape and the point of a file under the settings.
pub(in crate::cli) fn place(
    path: &Path,
    file: npz::NpzPoint,
    settings: &[String],
) -> Result<(Shape, Point, PointSettings), CliError> {
    let refused = |message: String| CliError::refused(format!("{}: {message}", path.display()));
    let labels = file.labels.ok_or_else(|| {
        let help = "add the class of every sample, numbered from 0, as `labels`";
        CliError::refused_with_help(format!("{}: has no array `labels`", path.display()), help)
    })?;
    if labels.len() != file.h.ncols() {
        let (rows, columns) = file.h.shape();
        return Err(refused(format!("H is {rows}×{columns} (d×N), but there are {} labels", labels.len())));
    }
    let (classes, width) = file.w.shape();
    let shape = match &file.multiplicity {
        Some(multiplicity) => Shape::with_multiplicities(classes, width, labels, multiplicity),
        None => Shape::with_labels(classes, width, labels),
    };
    let shape = shape.map_err(|error| refused(error.to_string()))?;
    let settings = point_settings(settings, &shape, file.b.is_some())?;
    let b = bias_of(path, settings.bias, file.b.as_deref())?;
    let point = Point::from_arrays(&shape, &file.w, &file.h, b).map_err(|error| refused(error.to_string()))?;
    Ok((shape, point, settings))
}

/// The bias of a file where the model has one. One that the model lacks must be 0.
pub(super) fn bias_of<'a>(path: &Path, bias: Bias, b: Option<&'a [f64]>) -> Result<Option<&'a [f64]>, CliError> {
    let refused = |message: String| Err(CliError::refused(format!("{}: {message}", path.display())));
    match (bias, b) {
        (Bias::None, Some(b)) if b.iter().any(|x| !(x.abs() <= 0.0)) => {
            refused("holds a bias b that is not 0, but model.bias is \"none\"".into())
        }
        (Bias::None, _) => Ok(None),
        (_, Some(b)) => Ok(Some(b)),
        (_, None) => refused(format!("has no bias b, but model.bias is \"{}\"", bias.name())),
    }
}

/// Everything that can be said of a point of a problem.
pub(super) fn judged(problem: &Problem, point: Point, settings: &PointSettings) -> Record {
    let limits = settings.spectra.limits();
    let candidate = Candidate { point, polish: false };
    let assessed = study::assess(problem, candidate, settings.spectra.level, &limits, true);
    study::alone(problem, &assessed)
}

/// What can be said of a point without a loss and decays: its metrics.
pub(super) fn described(shape: &Shape, findings: &Findings, settings: &PointSettings) -> Record {
    Record {
        schema: SCHEMA.into(),
        classes: shape.classes(),
        width: shape.width(),
        per_class: shape.per_class().map_or_else(|| PerClass::Imbalanced(shape.class_sizes().to_vec()), PerClass::Balanced),
        samples: shape.samples(),
        bias: settings.bias.name().into(),
        value: f64::NAN,
        gradient_norm: f64::NAN,
        least_probability: findings.least_probability,
        metrics: findings.metrics.values.clone(),
        metrics_undefined: findings.metrics.undefined.clone(),
        reason: missing(settings),
        ..Record::default()
    }
}

/// Which settings a judgement lacks.
pub(super) fn missing(settings: &PointSettings) -> String {
    let loss = settings.loss.is_none().then_some("loss.name=…");
    let decay = settings.decay.is_none().then_some("model.decay.w=… model.decay.h=…");
    let wanted: Vec<&str> = [loss, decay].into_iter().flatten().collect();
    format!("metrics only: value, gap, inertia and verdict need {}", wanted.join(" "))
}

/// What minimising from the point reaches: a trust region that leaves saddles, then the Newton polish, as in the scenario `real-features`.
pub(super) fn reached(problem: &Problem, point: Point, settings: &PointSettings) -> Record {
    let stop = Stop { steps_max: STEPS_MAX, ..Stop::default() };
    let outcome = minimise(problem, point, &SolverSpec::TrustRegion { radius: 1.0 }, &stop, &mut |_, _| {});
    let candidate = Candidate { point: outcome.state.x, polish: true };
    let assessed = study::assess(problem, candidate, settings.spectra.level, &settings.spectra.limits(), false);
    let mut record = study::alone(problem, &assessed);
    record.solver = "trust-region".into();
    record.steps = outcome.steps;
    record.stop_reason = outcome.reason.name().into();
    record
}

/// The simplex ETF nearest to W over rotation and scale: W ≈ cBR with B an orthonormal basis of 1^⊥ and R orthonormal rows, c = Σ_j s_j(PW)/(K−1). See the metric `etf-distance`.
pub(super) fn nearest_etf(w: &nalgebra::DMatrix<f64>, record: &Record) -> NearestEtf {
    let classes = w.nrows() as f64;
    let mut centred = w.clone();
    let mean = centred.row_mean();
    centred.row_iter_mut().for_each(|mut row| row -= &mean);
    let scale = singular_values(&centred).iter().sum::<f64>() / (classes - 1.0);
    NearestEtf { distance: record.metrics.get("etf-distance").copied(), scale, row_norm: scale * (1.0 - 1.0 / classes).sqrt() }
}
