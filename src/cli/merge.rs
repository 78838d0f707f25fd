//! `ufm merge`: the shards of a run joined to the run.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use super::{CliError, Outcome, ending, provenance};
use crate::study;

/// Arguments of `ufm merge`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The folders of all shards, in any order
    #[arg(value_name = "DIR", required = true)]
    shards: Vec<PathBuf>,
    /// Folder for the merged run
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the records that the folder holds
    #[arg(long)]
    overwrite: bool,
    /// Print the summary as one JSON document
    #[arg(long)]
    json: bool,
    /// Print nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Joins the shards, judges what the scenario expects of them together, draws figures and report.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let started = (SystemTime::now(), Instant::now());
    let explain = |error| ending::explain(error, &args.out);
    let (parts, scenario) = study::merged_scenario(&args.shards).map_err(explain)?;
    let study = study::merge(&parts, &scenario, &args.out, args.overwrite).map_err(explain)?;
    provenance::write_merged(&args.out, &parts, started)?;
    ending::end(study, &args.out, args.json, args.quiet)
}
