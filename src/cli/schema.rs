//! `ufm schema`: the JSON Schema of scenarios.

use super::{CliError, Outcome, print_json};
use crate::scenario;

/// Prints the schema.
pub(super) fn run() -> Result<Outcome, CliError> {
    print_json(&scenario::schema())?;
    Ok(Outcome::Done)
}
