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

fn check_labels(labels: &[usize], shape: &Shape) -> Result<(), String> {
    if labels.len() != shape.samples() {
        return Err(format!("holds {} labels, but the model has {} samples", labels.len(), shape.samples()));
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

/// The labels of a file, for `model.per_class = "file"`.
pub(super) fn labels(path: &Path) -> Result<Vec<usize>, String> {
    let file = npz::read(path).map_err(|error| error.to_string())?;
    file.labels.ok_or_else(|| format!("{}: has no array `labels`, which `model.per_class = \"file\"` needs", path.display()))
}

/// The sha256 of a file's bytes, in hexadecimal: what the identity of a case knows of it.
pub(super) fn sha256(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    Ok(super::identity::hexadecimal(&Sha256::digest(&bytes)))
}
