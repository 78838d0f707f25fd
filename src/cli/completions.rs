//! `ufm completions`: a completion script for a shell.

use clap_complete::Shell;

use super::{CliError, Outcome, print};

/// Arguments of `ufm completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &Args, mut command: clap::Command) -> Result<Outcome, CliError> {
    // Into memory first: the library panics where it cannot write, and a closed pipe is no bug.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "ufm", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
