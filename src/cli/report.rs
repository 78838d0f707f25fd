//! `ufm report`: figures and report rebuilt from what runs left.

use std::path::PathBuf;

use super::{CliError, Outcome, print};
use crate::report::{self, ReportError};

/// Arguments of `ufm report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders that runs left
    #[arg(value_name = "DIR", required = true)]
    pub(super) folders: Vec<PathBuf>,
}

/// Rebuilds the report of every folder.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    for folder in &args.folders {
        if !folder.is_dir() {
            return Err(CliError::refused(format!("{}: there is no such folder", folder.display())));
        }
        if !folder.join("records.jsonl").is_file() {
            return Err(CliError::refused_with_help(
                format!("{}: the folder holds no records.jsonl", folder.display()),
                "give a folder that `ufm run` left",
            ));
        }
    }
    let written = report::write(&args.folders, None).map_err(|error| match error {
        ReportError::Write { .. } => CliError::Broken(error.to_string()),
        other => CliError::refused(other.to_string()),
    })?;
    print(&format!("{}\n", written.report.display()))?;
    for (figure, reason) in &written.omitted {
        print(&format!("{figure}: not drawn, {reason}\n"))?;
    }
    Ok(Outcome::Done)
}
