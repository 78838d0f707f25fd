//! `ufm init`: a commented scenario to start from, and the scenarios that come with the program.

use super::{CliError, Outcome, print};
use crate::scenario::nearest;

/// A scenario that comes with the program.
pub(super) struct BuiltIn {
    /// Its name: the file's name without ending.
    pub(super) name: &'static str,
    /// The file.
    pub(super) text: &'static str,
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(BuiltIn { name: $name, text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/", $name, ".toml")) }),*]
    };
}

/// Every scenario in `scenarios/`, the first to read first.
pub(super) const BUILT_IN: &[BuiltIn] =
    built_in!["quickstart", "four-losses", "rank-ladder", "imbalanced", "bottleneck", "census-k4", "real-features"];

impl BuiltIn {
    /// The scenario's question: the text of its `question` key.
    pub(super) fn question(&self) -> String {
        let table: toml::Table = self.text.parse().expect("built-in scenarios are TOML; a test reads them all");
        table.get("question").and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    }
}

/// Arguments of `ufm init`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario that comes with the program (`ufm list scenarios`) [default: a commented one that names every key]
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Prints the scenario.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let text = match &args.name {
        None => TEMPLATE,
        Some(name) => {
            let found = BUILT_IN.iter().find(|built_in| built_in.name == name);
            found.ok_or_else(|| unknown(name))?.text
        }
    };
    print(text)?;
    Ok(Outcome::Done)
}

fn unknown(name: &str) -> CliError {
    let names: Vec<&str> = BUILT_IN.iter().map(|built_in| built_in.name).collect();
    let message = format!("there is no scenario `{name}`; known are: {}", names.join(", "));
    match nearest(name, names) {
        Some(near) => CliError::refused_with_help(message, format!("did you mean `{near}`?")),
        None => CliError::refused(message),
    }
}

/// Every section with its keys. Tests read it, so it cannot fall behind.
pub(super) const TEMPLATE: &str = include_str!("template.toml");
