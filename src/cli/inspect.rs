//! `ufm inspect`: a point of the user's own.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{CliError, Outcome, print, print_json};
use crate::critical::Candidate;
use crate::metrics;
use crate::model::{Bias, Point, Shape};
use crate::objective::Problem;
use crate::record::{PerClass, Record, SCHEMA, npz};
use crate::report;
use crate::scenario::{PointSettings, point_settings};
use crate::study;

/// Arguments of `ufm inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file with W (K×d), H (d×N), labels and, where there is a bias, b; with `multiplicity`, columns of H stand for that many samples
    #[arg(value_name = "FILE.npz")]
    pub(super) file: PathBuf,
    /// What the file does not say: loss.name=…, model.decay.w=…, model.decay.h=…
    #[arg(value_name = "KEY=VALUE")]
    pub(super) settings: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// Fields of a record that speak of a run, not of a point.
const OF_A_RUN: [&str; 11] =
    ["case", "scenario", "start", "start_index", "seed", "solver", "steps", "stop_reason", "orbit", "certificate", "point"];

/// Judges a point.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let file = npz::read(&args.file).map_err(|error| match error.is_disk() {
        true => CliError::Broken(error.to_string()),
        false => CliError::refused(error.to_string()),
    })?;
    let (shape, point, settings) = place(&args.file, file, &args.settings)?;
    let mut record = match (settings.decay, &settings.loss) {
        (Some(decay), Some((loss, scale))) => {
            let problem = Problem { shape, bias: settings.bias, decay, loss: loss.clone(), scale: *scale };
            judged(&problem, point, &settings)
        }
        _ => described(&shape, &point, settings.bias, missing(&settings)),
    };
    record.start = "file".into();
    if args.json {
        print_json(&document(&record))?;
    } else {
        print(&words(&args.file, &record))?;
    }
    Ok(Outcome::Done)
}

/// The shape and the point of a file under the settings.
pub(super) fn place(path: &Path, file: npz::NpzPoint, settings: &[String]) -> Result<(Shape, Point, PointSettings), CliError> {
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
    let b = match (settings.bias, &file.b) {
        (Bias::None, Some(b)) if b.iter().any(|x| !(x.abs() <= 0.0)) => {
            return Err(refused("holds a bias b that is not 0, but model.bias is \"none\"".into()));
        }
        (Bias::None, _) => None,
        (_, Some(b)) => Some(b.clone()),
        (_, None) => return Err(refused(format!("has no bias b, but model.bias is \"{}\"", settings.bias.name()))),
    };
    let point = Point::from_arrays(&shape, &file.w, &file.h, b.as_deref()).map_err(|error| refused(error.to_string()))?;
    Ok((shape, point, settings))
}

/// Everything that can be said of a point of a problem.
fn judged(problem: &Problem, point: Point, settings: &PointSettings) -> Record {
    let limits = settings.spectra.limits();
    let candidate = Candidate { point, polish: false };
    let assessed = study::assess(problem, candidate, settings.spectra.level, &limits, true);
    study::alone(problem, &assessed)
}

/// What can be said of a point without a loss and decays: its metrics.
fn described(shape: &Shape, point: &Point, bias: Bias, missing: String) -> Record {
    let metrics = metrics::all(point, shape);
    Record {
        schema: SCHEMA.into(),
        classes: shape.classes(),
        width: shape.width(),
        per_class: shape.per_class().map_or_else(|| PerClass::Imbalanced(shape.class_sizes().to_vec()), PerClass::Balanced),
        samples: shape.samples(),
        bias: bias.name().into(),
        value: f64::NAN,
        gradient_norm: f64::NAN,
        least_probability: metrics::least_probability(point, shape),
        metrics: metrics.values,
        metrics_undefined: metrics.undefined,
        reason: missing,
        ..Record::default()
    }
}

/// Which settings a judgement lacks.
fn missing(settings: &PointSettings) -> String {
    let loss = settings.loss.is_none().then_some("loss.name=…");
    let decay = settings.decay.is_none().then_some("model.decay.w=… model.decay.h=…");
    let wanted: Vec<&str> = [loss, decay].into_iter().flatten().collect();
    format!("metrics only: value, gap, inertia and verdict need {}", wanted.join(" "))
}

/// The record as JSON without what belongs to a run; what is not known is null.
fn document(record: &Record) -> Value {
    let mut value = serde_json::to_value(record).expect("records hold only what JSON can say");
    if let Value::Object(fields) = &mut value {
        for name in OF_A_RUN {
            fields.shift_remove(name);
        }
        for (name, field) in fields.iter_mut() {
            let empty = field.as_str() == Some("") || (name == "loss_params" && record.loss.is_empty());
            if empty {
                *field = Value::Null;
            }
        }
    }
    value
}

/// The record for a reader.
fn words(path: &Path, record: &Record) -> String {
    let sizes = match &record.per_class {
        PerClass::Balanced(n) => format!("{n} samples a class"),
        PerClass::Imbalanced(sizes) => {
            let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
            format!("{least} to {most} samples a class")
        }
    };
    let mut text = format!(
        "{}: K = {}, d = {}, N = {} ({sizes}), bias {}\n",
        path.display(),
        record.classes,
        record.width,
        record.samples,
        record.bias
    );
    if record.loss.is_empty() {
        text += &format!("{}\n", record.reason);
    } else {
        text += &format!("\n{}\n{}\n", report::table(std::slice::from_ref(record), None), judgement(record));
    }
    text += "\nmetrics\n";
    let summary = |id: &str| metrics::ALL.iter().find(|family| family.name == id).map_or("", |family| family.summary);
    for family in metrics::ALL {
        let value = match (record.metrics.get(family.name), record.metrics_undefined.get(family.name)) {
            (Some(value), _) => format!("{value:<12.6e}"),
            (None, reason) => format!("undefined: {}.", reason.map_or("no reason known", String::as_str)),
        };
        text += &format!("  {:<19} {value}  {}\n", family.name, summary(family.name));
    }
    text
}

/// The numbers behind a verdict, a line each.
fn judgement(record: &Record) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.6e}"));
    let gap = match (&record.lower_bound_kind, record.gap) {
        (Some(kind), gap) => format!("{} above the {kind} lower bound {}", number(gap), number(record.lower_bound)),
        _ => "no lower bound is known for this problem".to_owned(),
    };
    let spectrum = match &record.spectrum_reason {
        Some(reason) if record.lambda_min.is_none() => format!("none: {reason}"),
        _ => format!(
            "λ_min {}, λ_max {}, zero within {}",
            number(record.lambda_min),
            number(record.lambda_max),
            number(record.resolution)
        ),
    };
    format!(
        "value     {:.15}\ngap       {gap}\nclosed f* {}\ngradient  {:.3e}, scaled {}\n‖G‖/μ     {}\nspectrum  {spectrum}\nverdict   {} ({}): {}",
        record.value,
        number(record.closed_form_value),
        record.gradient_norm,
        number(record.gradient_norm_scaled),
        number(record.dual_ratio),
        record.nature.as_deref().unwrap_or("none"),
        record.standing.as_deref().unwrap_or("undecided"),
        record.reason,
    )
}
