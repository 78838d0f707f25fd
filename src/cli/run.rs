//! `ufm run`: the main job.

use std::path::PathBuf;

use super::{CliError, Outcome};

/// Arguments of `ufm run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: PathBuf,
    /// Keys of the scenario set anew, e.g. loss.name=focal loss.gamma=2
    #[arg(value_name = "KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    /// Folder for what the run leaves [default: output/NAME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Go on with an interrupted run of the same settings
    #[arg(long, conflicts_with = "overwrite")]
    pub(super) resume: bool,
    /// Replace the records that the folder holds
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Where candidates are computed
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = device)]
    pub(super) device: String,
    /// Print the cases and what they would cost, run nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Stop at the first point that is not critical or not decided
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// Print the summary as one JSON document
    #[arg(long)]
    pub(super) json: bool,
    /// Print nothing but errors
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Apply the scenario's [test] overrides
    #[arg(long, hide = true)]
    pub(super) test_size: bool,
}

/// The value of `--device`.
fn device(name: &str) -> Result<String, String> {
    match name {
        "cpu" => Ok(name.to_owned()),
        "gpu" => Err("this build has no GPU path; leave --device out, or give `cpu`".into()),
        _ => Err("a device is `cpu` or `gpu`".into()),
    }
}

/// Runs a scenario.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let scenario = crate::scenario::Scenario::load(&args.scenario, &args.overrides, args.test_size)?;
    if args.dry_run {
        super::print(&scenario.text)?;
        return Ok(Outcome::Done);
    }
    Err(CliError::refused("being built"))
}
