//! `ufm derivatives`: the Taylor-slope check of a loss's gradient and Hessian.

use super::{CliError, Outcome};
use crate::losses::{self, Loss};
use crate::scenario::loss_settings;

/// Classes and seed where the arguments do not say.
const CLASSES: usize = 10;
const SEED: u64 = 1;

/// Arguments of `ufm derivatives`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which loss: loss.name=focal loss.gamma=2 model.classes=10 starts.seed=1 [default: every loss]
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Prints the table of slopes.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let settings = loss_settings(&args.settings)?;
    let losses: Vec<Loss> = if settings.losses.is_empty() {
        losses::ALL.iter().map(representative).collect()
    } else {
        settings.losses.into_iter().map(|(loss, _)| loss).collect()
    };
    let (classes, seed) = (settings.classes.unwrap_or(CLASSES), settings.seed.unwrap_or(SEED));
    let _ = (losses, classes, seed, args.json);
    Err(CliError::refused("being built"))
}

/// A member with each parameter at its default, or at a common choice where it has none.
fn representative(family: &losses::Family) -> Loss {
    // Label smoothing of 0.1 and a focusing parameter of 2 are what the literature uses most; any allowed value would do here.
    let common = |parameter: &losses::Parameter| [0.1, 2.0].into_iter().rfind(|&value| (parameter.allows)(value));
    let values: Vec<f64> =
        family.parameters.iter().filter_map(|parameter| parameter.default.or_else(|| common(parameter))).collect();
    (family.build)(&values)
}
