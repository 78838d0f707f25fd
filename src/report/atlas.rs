//! The atlas: one page over the runs of a folder of scenarios, led by the table of published statements.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::value::Value;
use minijinja::{Environment, context};

use super::data::RunData;
use super::{ReportError, draw_all, html, put};
use crate::record::TheoremFinding;

/// A run of the atlas: its folder's name below the atlas's, and how it ended, in words.
#[derive(Clone, Debug)]
pub struct AtlasRun {
    /// The folder's name.
    pub name: String,
    /// How it ended.
    pub ended: String,
}

/// Writes `DIR/report.html` over the runs that lie in DIR. `statements` are all that should be there, those that no run judged among them; a statement's scenario is the run that found it.
pub fn write_atlas(
    dir: &Path,
    title: &str,
    runs: &[AtlasRun],
    statements: &[(TheoremFinding, Option<String>)],
) -> Result<PathBuf, ReportError> {
    let mut pages = Vec::new();
    for run in runs {
        let data = RunData::load(&dir.join(&run.name))?;
        let figures: Vec<Value> = draw_all(&data).iter().map(html::figure).collect();
        pages.push(context! {
            name => &run.name, question => &data.summary.question, points => data.summary.points, ended => &run.ended, figures => figures,
        });
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    statements.iter().for_each(|(found, _)| *counts.entry(&found.finding).or_default() += 1);
    let counts: Vec<String> = counts.iter().map(|(finding, count)| format!("{count} {finding}")).collect();
    let rows: Vec<Value> =
        statements.iter().map(|(found, scenario)| context! { found => html::theorem(found), scenario => scenario }).collect();
    let mut environment = Environment::new();
    environment.add_template("atlas.html", include_str!("atlas.html")).expect("the template is ours");
    let counts = format!("{} statements: {}", statements.len(), counts.join(", "));
    let text = environment
        .get_template("atlas.html")
        .expect("the template was added")
        .render(context! { title => title, counts => counts, statements => rows, runs => pages, version => env!("CARGO_PKG_VERSION") })
        .expect("the template's variables are ours");
    let path = dir.join("report.html");
    put(&path, &text)?;
    Ok(path)
}
