//! File starts: `.npz` files with W, H, b and labels, checked against the model.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::model::{Bias, Point, Shape};
use crate::objective::Problem;
use crate::record::npz;

/// Reads a file start of a resolved case and checks it against the problem.
///
/// A file without b starts at b = 0 where there is a bias; a file with a non-zero b is refused where there is none. The message names the file.
pub fn read_start(path: &Path, problem: &Problem) -> Result<Point, String> {
    let named = |message: String| format!("{}: {message}", path.display());
    let file = npz::read(path).map_err(|error| error.to_string())?;
    check_multiplicity(file.multiplicity.as_deref(), &problem.shape).map_err(named)?;
    if let Some(labels) = &file.labels {
        check_labels(labels, &problem.shape).map_err(named)?;
    }
    let b = match (problem.bias, &file.b) {
        (Bias::None, Some(b)) if b.iter().any(|x| x.abs() > 0.0 || x.is_nan()) => {
            return Err(named("holds a bias b that is not 0, but model.bias is \"none\"".into()));
        }
        (Bias::None, _) => None,
        (_, Some(b)) => Some(b.clone()),
        (_, None) => Some(vec![0.0; problem.shape.classes()]),
    };
    Point::from_arrays(&problem.shape, &file.w, &file.h, b.as_deref()).map_err(|error| named(error.to_string()))
}

/// Whether the file's columns stand for as many samples as the model's.
fn check_multiplicity(multiplicity: Option<&[u64]>, shape: &Shape) -> Result<(), String> {
    match (multiplicity, shape.multiplicities()) {
        (None, None) => Ok(()),
        (Some(found), Some(expected)) if found == expected => Ok(()),
        (Some(found), Some(expected)) => Err(format!(
            "its columns stand for {found:?} samples, but {expected:?} in the model; with `model.per_class = \"file\"` the model takes the file's"
        )),
        (Some(_), None) => {
            Err("holds `multiplicity`, so its columns stand for several samples: set model.collapsed = true".into())
        }
        (None, Some(_)) => {
            Err("holds no `multiplicity`, but the model is collapsed (one column a class): set model.collapsed = false".into())
        }
    }
}

fn check_labels(labels: &[usize], shape: &Shape) -> Result<(), String> {
    if labels.len() != shape.columns() {
        return Err(format!("holds {} labels, but the model has {} samples", labels.len(), shape.columns()));
    }
    match labels.iter().zip(shape.labels()).position(|(found, expected)| found != expected) {
        None => Ok(()),
        Some(sample) => Err(format!(
            "the label of sample {sample} is {}, but {} in the model; with `model.per_class = \"file\"` the model takes the file's labels",
            labels[sample],
            shape.labels()[sample]
        )),
    }
}

/// The shape of a file's labels (and multiplicities), for `model.per_class = "file"`.
pub(super) fn shape(path: &Path, classes: usize, width: usize, collapsed: bool) -> Result<Shape, String> {
    let file = npz::read(path).map_err(|error| error.to_string())?;
    let named = |message: &str| format!("{}: {message}", path.display());
    let labels = file.labels.ok_or_else(|| named("has no array `labels`, which `model.per_class = \"file\"` needs"))?;
    let shape = match (&file.multiplicity, collapsed) {
        (Some(multiplicity), true) => Shape::with_multiplicities(classes, width, labels, multiplicity),
        (None, false) => Shape::with_labels(classes, width, labels),
        (Some(_), false) => {
            return Err(named("holds `multiplicity`, so its columns stand for several samples: set model.collapsed = true"));
        }
        (None, true) => {
            return Err(named("has no array `multiplicity`, which a collapsed model (model.collapsed) takes from its file"));
        }
    };
    shape.map_err(|error| error.to_string())
}

/// The sha256 of a file's bytes, in hexadecimal: what the identity of a case knows of it.
pub(super) fn sha256(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    Ok(super::identity::hexadecimal(&Sha256::digest(&bytes)))
}
