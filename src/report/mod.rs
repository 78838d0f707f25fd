//! Figures and the HTML report, drawn from what a run left on disk.
//!
//! Everything here is read from records, trajectories and point files; nothing is computed anew. [`write()`] rebuilds `figures/` and `report.html` of a
//! folder, and of several folders a comparison besides.

mod atlas;
mod axes;
mod canvas;
mod census;
mod contrast;
mod csv;
mod data;
mod elements;
mod figures;
mod grid;
mod heatmap;
mod html;
mod inspect;
mod style;
mod terminal;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fixture_laws;
#[cfg(test)]
mod fixture_plane;
#[cfg(test)]
mod fixture_widths;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub use atlas::{AtlasRun, write_atlas};
pub use census::census_text;
pub use contrast::{Weight, contrast_drawing, contrast_range};
pub use data::RunData;
pub use figures::{ALL, Drawing, Family, by_name};
pub use html::margin;
pub use inspect::{Inspected, NearestEtf, SPECTRUM_WIDTH_MAX, TestSet, statement, write_inspection};
pub use terminal::table;

use crate::record::read::ReadError;
use crate::record::write_atomically;

/// Why a report was not made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file of the run cannot be used.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file of the report cannot be written.
    #[error("{path}: cannot be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No folder was given.
    #[error("no folder to report on")]
    Nothing,
}

/// What [`write()`] made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The report.
    pub report: PathBuf,
    /// The figures that were drawn.
    pub figures: Vec<PathBuf>,
    /// Figures that were asked for and not drawn: id and reason, with the folder's name where there are several.
    pub omitted: Vec<(String, String)>,
}

/// One figure of one run: drawn, or the reason why not.
pub(crate) struct Outcome {
    name: String,
    caption: &'static str,
    summary: &'static str,
    drawing: Result<Drawing, String>,
}

/// Rebuilds `DIR/figures/*` and `DIR/report.html` from what a run left in DIR.
///
/// With several folders every one gets its figures, and one report sets them side by side. The report goes to `out` where it is given, else into the first
/// folder (`report.html` for one folder, `comparison.html` for several). All input is read before anything is written, and every file appears whole or not at all.
pub fn write(dirs: &[PathBuf], out: Option<&Path>) -> Result<Written, ReportError> {
    write_runs(&dirs.iter().map(|dir| RunData::load(dir)).collect::<Result<Vec<_>, _>>()?, out)
}

/// The same for runs already read.
pub fn write_runs(runs: &[RunData], out: Option<&Path>) -> Result<Written, ReportError> {
    let dirs: Vec<&PathBuf> = runs.iter().map(|run| &run.dir).collect();
    let first = dirs.first().ok_or(ReportError::Nothing)?;
    let (mut figures, mut omitted, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for run in runs {
        let drawn = draw_all(run);
        for outcome in &drawn {
            match &outcome.drawing {
                Ok(drawing) => figures.push(save(run, &outcome.name, drawing)?),
                Err(reason) => {
                    remove(run, &outcome.name)?;
                    let name =
                        if runs.len() > 1 { format!("{} {}", run.dir.display(), outcome.name) } else { outcome.name.clone() };
                    omitted.push((name, reason.clone()));
                }
            }
        }
        outcomes.push(drawn);
    }
    let name = if runs.len() > 1 { "comparison.html" } else { "report.html" };
    let report = out.map_or_else(|| first.join(name), Path::to_owned);
    let links: Vec<String> = dirs.iter().map(|dir| link(report.parent().unwrap_or(Path::new("")), dir)).collect();
    put(&report, &html::render(runs, &outcomes, &links))?;
    Ok(Written { report, figures, omitted })
}

/// The way from a report's folder to a run's, as a prefix of links: empty, or with a slash at its end.
fn link(from: &Path, to: &Path) -> String {
    let whole = |path: &Path| fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let (Ok(from), Ok(to)) = (whole(from), whole(to)) else { return String::new() };
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).map(|part| part + "/").collect()
}

/// The figures that the summary names (all, where it names none).
fn draw_all(run: &RunData) -> Vec<Outcome> {
    let asked: Vec<&str> = match run.summary.figures.as_slice() {
        [] => ALL.iter().map(|figure| figure.name).collect(),
        names => names.iter().map(String::as_str).collect(),
    };
    let outcome = |name: &str| match by_name(name) {
        Some(figure) => {
            Outcome { name: name.into(), caption: figure.caption, summary: figure.summary, drawing: (figure.draw)(run) }
        }
        None => {
            let known: BTreeMap<&str, ()> = ALL.iter().map(|figure| (figure.name, ())).collect();
            let known = known.into_keys().collect::<Vec<_>>().join(", ");
            Outcome {
                name: name.into(),
                caption: "",
                summary: "",
                drawing: Err(format!("there is no such figure; there are {known}")),
            }
        }
    };
    asked.into_iter().map(outcome).collect()
}

/// Writes a figure's picture and table; returns the picture's path.
fn save(run: &RunData, name: &str, drawing: &Drawing) -> Result<PathBuf, ReportError> {
    let folder = run.dir.join("figures");
    fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    put(&folder.join(format!("{name}.csv")), &drawing.csv)?;
    let path = folder.join(format!("{name}.svg"));
    put(&path, &drawing.svg)?;
    Ok(path)
}

/// Removes a picture of an earlier report that no longer holds.
fn remove(run: &RunData, name: &str) -> Result<(), ReportError> {
    if by_name(name).is_none() {
        return Ok(());
    }
    for ending in ["svg", "csv"] {
        let path = run.dir.join("figures").join(format!("{name}.{ending}"));
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(ReportError::Write { path, source }),
            _ => {}
        }
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), ReportError> {
    write_atomically(path, |file| file.write_all(text.as_bytes()))
        .map_err(|source| ReportError::Write { path: path.into(), source })
}

#[cfg(test)]
mod tests;
