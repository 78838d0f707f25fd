//! `ufm report`: figures and report rebuilt from what runs left.

use std::path::PathBuf;

use super::{CliError, Outcome, print, print_json};
use crate::record::read::ReadError;
use crate::report::{self, ReportError, Written};

/// Arguments of `ufm report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders that runs left; several are compared side by side
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Where the report goes [default: DIR/report.html, comparison.html in the first of several]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print what was written as one JSON document
    #[arg(long)]
    json: bool,
}

/// Rebuilds the figures of every folder, and one report.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    for folder in &args.folders {
        if !folder.is_dir() {
            return Err(CliError::refused(format!("{}: there is no such folder", folder.display())));
        }
        if !folder.join("records.jsonl").is_file() {
            let message = format!("{}: the folder holds no records.jsonl", folder.display());
            return Err(CliError::refused_with_help(message, "give a folder that `ufm run` left"));
        }
    }
    let written = report::write(&args.folders, args.out.as_deref()).map_err(fault)?;
    if args.json {
        print_json(&json(&written))?;
    } else {
        print(&text(&written))?;
    }
    Ok(Outcome::Done)
}

fn fault(error: ReportError) -> CliError {
    match error {
        ReportError::Read(ReadError::Io { path, source }) => CliError::disk(&path, "be read", &source),
        ReportError::Write { path, source } => CliError::disk(&path, "be written", &source),
        error => CliError::refused(error.to_string()),
    }
}

fn text(written: &Written) -> String {
    let mut out: String = written.omitted.iter().map(|(figure, reason)| format!("not drawn: {figure}: {reason}\n")).collect();
    out.push_str(&format!("{} figures, {}\n", written.figures.len(), written.report.display()));
    out
}

fn json(written: &Written) -> serde_json::Value {
    let path = |path: &PathBuf| path.display().to_string();
    serde_json::json!({
        "report": path(&written.report),
        "figures": written.figures.iter().map(path).collect::<Vec<_>>(),
        "omitted": written.omitted.iter().map(|(figure, reason)| serde_json::json!({ "figure": figure, "reason": reason })).collect::<Vec<_>>(),
    })
}
