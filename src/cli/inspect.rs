//! `ufm inspect`: a point of the user's own.

use std::path::PathBuf;

use super::{CliError, Outcome};

/// Arguments of `ufm inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file with W (K×d), H (d×N), labels and, where there is a bias, b
    #[arg(value_name = "FILE.npz")]
    pub(super) file: PathBuf,
    /// What the file does not say: loss.name=…, model.decay.w=…, model.decay.h=…
    #[arg(value_name = "KEY=VALUE")]
    pub(super) settings: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// Judges a point.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let _ = args;
    Err(CliError::refused("being built"))
}
