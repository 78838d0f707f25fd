//! The report of `ufm inspect`: files side by side, as one page, its figures, and a statement in words.
//!
//! Everything drawn is in what was found; nothing is computed but Gram matrices of the classes shown.

mod bars;
mod gram;
mod margins;
mod page;
mod spectra;
mod statement;

use std::fs;
use std::path::{Path, PathBuf};

use nalgebra::DMatrix;

use super::{Drawing, ReportError, put};
use crate::metrics::Findings;
use crate::record::Record;
pub use statement::statement;

/// Σ_W of features wider than this is not formed for its spectrum.
pub const SPECTRUM_WIDTH_MAX: usize = 4096;

/// More files than this in one picture cannot be told apart.
const FILES_MAX: usize = 8;

/// The simplex ETF nearest to W.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearestEtf {
    /// The metric `etf-distance`: relative to ‖W‖.
    pub distance: Option<f64>,
    /// c of W ≈ cBR, B an orthonormal basis of 1^⊥ and R orthonormal rows.
    pub scale: f64,
    /// The norm that its rows have, c√(1 − 1/K).
    pub row_norm: f64,
}

/// Test samples of a file.
#[derive(Clone, Debug)]
pub struct TestSet {
    /// Their number.
    pub samples: usize,
    /// Their metrics by their own class means, or why there are none.
    pub findings: Result<Findings, String>,
}

/// Everything found of one file.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// A short name that tells it from the others.
    pub label: String,
    /// The file.
    pub path: PathBuf,
    /// W, K×d.
    pub w: DMatrix<f64>,
    /// Of the samples.
    pub findings: Findings,
    /// Of the test samples, where the file has them.
    pub test: Option<TestSet>,
    /// The point as a record.
    pub record: Record,
    /// The nearest simplex ETF.
    pub nearest_etf: NearestEtf,
    /// What minimising from the point reaches, where asked for.
    pub reached: Option<Record>,
}

impl Inspected {
    /// The findings of the test samples, where there are any.
    fn on_test(&self) -> Option<&Findings> {
        self.test.as_ref().and_then(|test| test.findings.as_ref().ok())
    }
}

/// A figure of the report.
struct Figure {
    name: &'static str,
    caption: &'static str,
    drawing: Result<Drawing, String>,
}

/// Draws every figure.
fn figures(found: &[Inspected]) -> Vec<Figure> {
    let shown = &found[..found.len().min(FILES_MAX)];
    vec![
        Figure { name: "metrics", caption: bars::CAPTION, drawing: bars::metrics(shown) },
        Figure { name: "gram", caption: gram::CAPTION, drawing: gram::draw(shown) },
        Figure { name: "spectra", caption: spectra::CAPTION, drawing: spectra::draw(shown) },
        Figure { name: "margins", caption: margins::CAPTION, drawing: margins::draw(shown) },
        Figure { name: "train-test", caption: bars::TRAIN_TEST_CAPTION, drawing: bars::train_test(shown) },
    ]
}

/// Writes `DIR/report.html`, `DIR/figures/*.svg` with their tables and `DIR/inspect.json` (the document that `--json` prints). Returns the report's path. Files appear whole or not at all.
pub fn write_inspection(dir: &Path, found: &[Inspected], document: &serde_json::Value) -> Result<PathBuf, ReportError> {
    let folder = dir.join("figures");
    fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    let figures = figures(found);
    for figure in &figures {
        if let Ok(drawing) = &figure.drawing {
            put(&folder.join(format!("{}.csv", figure.name)), &drawing.csv)?;
            put(&folder.join(format!("{}.svg", figure.name)), &drawing.svg)?;
        }
    }
    let text = serde_json::to_string_pretty(document).expect("a document is JSON");
    put(&dir.join("inspect.json"), &format!("{text}\n"))?;
    let path = dir.join("report.html");
    put(&path, &page::render(found, &figures))?;
    Ok(path)
}
