//! `ufm inspect`: points of the user's own, one file or several side by side.

mod document;
mod judge;
mod text;

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::{CliError, Outcome, print, print_json};
use crate::metrics::{self, Asked, BLOCK, Findings, FirstPass};
use crate::model::Shape;
use crate::objective::Problem;
use crate::record::features::{FeatureError, FeatureFile, Layout, Names, Samples};
use crate::record::npz::NpzPoint;
use crate::report::{self, Inspected, TestSet};
use crate::scenario::{nearest, point_settings};
pub(super) use judge::place;

/// Arguments of `ufm inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files (.npz or .safetensors) with W (K×d), H (d×N or N×d), labels and, where there is a bias, b; and what they do not say:
    /// loss.name=…, model.decay.w=…, model.decay.h=…
    #[arg(value_name = "FILE|KEY=VALUE", required = true)]
    inputs: Vec<String>,
    /// How features stand in H where its sizes do not say: columns (d×N) or rows (N×d)
    #[arg(long, value_name = "LAYOUT", value_parser = layout)]
    layout: Option<Layout>,
    /// Name of the classifier's array [default: W]
    #[arg(long, value_name = "NAME")]
    w: Option<String>,
    /// Name of the bias's array [default: b]
    #[arg(long, value_name = "NAME")]
    b: Option<String>,
    /// Name of the features' array [default: H]
    #[arg(long = "h", value_name = "NAME")]
    features: Option<String>,
    /// Name of the labels' array [default: labels]
    #[arg(long, value_name = "NAME")]
    labels: Option<String>,
    /// Name of the test features' array [default: H_test]
    #[arg(long, value_name = "NAME")]
    h_test: Option<String>,
    /// Name of the test labels' array [default: labels_test]
    #[arg(long, value_name = "NAME")]
    labels_test: Option<String>,
    /// Print what a published code would: nc_loss, tding1, papyan, rhubarbwu, cjyaras, or all
    #[arg(long, value_name = "CODE", value_parser = code)]
    compat: Vec<String>,
    /// Minimise from the point, given a loss and decays, and say what is reached
    #[arg(long)]
    minimise: bool,
    /// Write report.html, its figures and inspect.json into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document: an object for one file, an array for several
    #[arg(long)]
    json: bool,
}

/// The value of `--layout`.
fn layout(name: &str) -> Result<Layout, String> {
    match name {
        "columns" => Ok(Layout::Columns),
        "rows" => Ok(Layout::Rows),
        _ => Err("a layout is `columns` (H is d×N) or `rows` (H is N×d)".into()),
    }
}

/// The value of `--compat`.
fn code(name: &str) -> Result<String, String> {
    let known = || metrics::CODES.iter().map(|code| code.name).chain(["all"]);
    if known().any(|other| other == name) {
        return Ok(name.to_owned());
    }
    let meant = nearest(name, known()).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    Err(format!("codes are {}{meant}", known().collect::<Vec<_>>().join(", ")))
}

/// Inspects every file.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    // A file may have an equals sign in its name.
    let is_setting = |input: &&String| input.contains('=') && !Path::new(input.as_str()).exists();
    let settings: Vec<String> = args.inputs.iter().filter(is_setting).cloned().collect();
    let files: Vec<&String> = args.inputs.iter().filter(|input| !is_setting(input)).collect();
    if files.is_empty() {
        return Err(CliError::refused_with_help("no file to inspect", "give an .npz or .safetensors file with W, H and labels"));
    }
    if let Some(dir) = args.out.as_ref().filter(|dir| dir.join("records.jsonl").exists()) {
        return Err(CliError::refused(format!("{}: holds the records of a run; give another folder", dir.display())));
    }
    let mut found = Vec::new();
    for (path, label) in files.iter().zip(labels_of(&files)) {
        found.push(inspect(args, Path::new(path.as_str()), label, &settings)?);
    }
    let document = document::document(&found, &args.compat);
    let written = match &args.out {
        Some(dir) => Some(report::write_inspection(dir, &found, &document).map_err(|error| CliError::Broken(error.to_string()))?),
        None => None,
    };
    if args.json {
        print_json(&document)?;
    } else {
        let mut words = text::words(&found, &args.compat);
        if let Some(path) = written {
            words += &format!("\n→ {}\n", path.display());
        }
        print(&words)?;
    }
    Ok(Outcome::Done)
}

/// Short names that tell the files apart: without their endings, and without the folders and beginnings that all share.
fn labels_of(files: &[&String]) -> Vec<String> {
    let stem = |file: &&String| {
        Path::new(file.as_str()).file_stem().map_or_else(|| (*file).clone(), |stem| stem.to_string_lossy().into())
    };
    let stems: Vec<String> = files.iter().map(stem).collect();
    let distinct = |names: &[String]| names.iter().enumerate().all(|(i, name)| !names[..i].contains(name));
    if !distinct(&stems) {
        return files.iter().map(|file| (*file).clone()).collect();
    }
    let Some(first) = stems.first().filter(|_| stems.len() > 1) else { return stems };
    let mut ends = first.char_indices().map(|(at, _)| at).filter(|&at| first[..at].ends_with(['-', '_', '.']));
    let is_shared = |at: usize| stems.iter().all(|stem| stem.starts_with(&first[..at]) && stem.len() > at);
    let shared = ends.rfind(|&at| is_shared(at)).unwrap_or(0);
    stems.iter().map(|stem| stem[shared..].to_owned()).collect()
}

/// The names that the arguments give.
fn names(args: &Args) -> Names {
    let mut names = Names::default();
    let given = [
        (&args.w, &mut names.w),
        (&args.b, &mut names.b),
        (&args.features, &mut names.h),
        (&args.labels, &mut names.labels),
        (&args.h_test, &mut names.h_test),
        (&args.labels_test, &mut names.labels_test),
    ];
    let mut asked = Vec::new();
    for (name, place) in given {
        if let Some(name) = name {
            asked.push(name.clone());
            *place = name.clone();
        }
    }
    names.asked = asked;
    names
}

/// Everything of one file.
fn inspect(args: &Args, path: &Path, label: String, settings: &[String]) -> Result<Inspected, CliError> {
    let fault = |error: FeatureError| match (error.is_disk(), &error) {
        (true, _) => CliError::Broken(error.to_string()),
        (_, FeatureError::Ambiguous { .. }) => CliError::refused_with_help(
            error.to_string(),
            "add --layout columns (H is d×N) or --layout rows (H is N×d, as PyTorch has features)",
        ),
        _ => CliError::refused(error.to_string()),
    };
    let refused = |message: String| CliError::refused(format!("{}: {message}", path.display()));
    let mut file = FeatureFile::open(path, &names(args), args.layout).map_err(fault)?;
    let (classes, width) = file.w.shape();
    let train = file.train.clone();
    let shape = shape_of(classes, width, &train).map_err(refused)?;
    let point_settings = point_settings(settings, &shape, file.b.is_some())?;
    judge::bias_of(path, point_settings.bias, file.b.as_deref())?;
    let asked = Asked {
        decisions: true,
        margins: args.out.is_some(),
        covariance: args.out.is_some() && width <= report::SPECTRUM_WIDTH_MAX,
        unweighted: args.out.is_some() || !args.compat.is_empty(),
    };
    let findings = findings(&mut file, &train, &shape, asked).map_err(fault)?.map_err(refused)?;
    let test = match file.test.clone() {
        Some(samples) => Some(test_set(&mut file, &samples, classes, asked, path, &fault)?),
        None => None,
    };
    let mut record = judge::described(&shape, &findings, &point_settings);
    let mut reached = None;
    if let (Some(decay), Some((loss, scale))) = (point_settings.decay, &point_settings.loss) {
        let (labels, multiplicity) = (Some(train.labels.clone()), train.multiplicity.clone());
        let whole =
            NpzPoint { w: file.w.clone(), h: file.whole(&train).map_err(fault)?, b: file.b.clone(), labels, multiplicity };
        let (shape, point, settings) = place(path, whole, settings)?;
        let loss = loss.for_sizes(shape.class_sizes());
        let problem = Problem { shape, bias: settings.bias, decay, loss, scale: *scale };
        if let Some(reason) = problem.unsupported() {
            return Err(CliError::refused(reason));
        }
        record = judge::judged(&problem, point.clone(), &settings);
        record.metrics = findings.metrics.values.clone();
        record.metrics_undefined = findings.metrics.undefined.clone();
        reached = args.minimise.then(|| judge::reached(&problem, point, &settings));
    } else if args.minimise {
        return Err(CliError::refused_with_help("--minimise needs a loss and decays", judge::missing(&point_settings)));
    }
    record.start = "file".into();
    let nearest_etf = judge::nearest_etf(&file.w, &record);
    Ok(Inspected { label, path: path.to_owned(), w: file.w, findings, test, record, nearest_etf, reached })
}

/// The shape of samples.
fn shape_of(classes: usize, width: usize, samples: &Samples) -> Result<Shape, String> {
    let labels = samples.labels.clone();
    let shape = match &samples.multiplicity {
        Some(multiplicity) => Shape::with_multiplicities(classes, width, labels, multiplicity),
        None => Shape::with_labels(classes, width, labels),
    };
    shape.map_err(|error| error.to_string())
}

/// Both passes over the features. The inner error is a fault of the numbers.
fn findings(
    file: &mut FeatureFile,
    samples: &Samples,
    shape: &Shape,
    asked: Asked,
) -> Result<Result<Findings, String>, FeatureError> {
    let bar = progress(2 * samples.len() as u64);
    // Some 64 MB a block, in whole pieces.
    let block = ((1 << 23) / (shape.width().max(1) * BLOCK)).max(1) * BLOCK;
    let step = |features: &[f64]| bar.inc((features.len() / shape.width().max(1)) as u64);
    let mut first = FirstPass::new(shape);
    file.for_each_block(samples, block, &mut |features| {
        first.push(features);
        step(features);
    })?;
    let basis = match first.finish(file.w.clone(), file.b.clone().unwrap_or_default()) {
        Ok(basis) => basis,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut second = basis.second_pass(asked);
    file.for_each_block(samples, block, &mut |features| {
        second.push(features);
        step(features);
    })?;
    let found = second.finish();
    bar.finish_and_clear();
    Ok(Ok(basis.findings(found)))
}

/// The metrics of the test samples, by their own class means.
fn test_set(
    file: &mut FeatureFile,
    samples: &Samples,
    classes: usize,
    asked: Asked,
    path: &Path,
    fault: &dyn Fn(FeatureError) -> CliError,
) -> Result<TestSet, CliError> {
    if let Some((sample, &label)) = samples.labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
        let last = classes - 1;
        return Err(CliError::refused(format!(
            "{}: test sample {sample} has label {label}; labels run from 0 to {last}",
            path.display()
        )));
    }
    let width = file.w.ncols();
    let findings = match shape_of(classes, width, samples) {
        Ok(shape) => findings(file, samples, &shape, asked).map_err(fault)?,
        Err(reason) => Err(reason),
    };
    Ok(TestSet { samples: samples.len(), findings })
}

/// A bar on a terminal, shown only once something takes longer than a second.
fn progress(samples: u64) -> ProgressBar {
    let large = samples > 200_000;
    let bar = if large { ProgressBar::new(samples) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} features, {elapsed} elapsed, about {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
