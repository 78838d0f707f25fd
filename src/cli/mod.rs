//! The command line: one file a command. Only this module and `main` print.
//!
//! A command takes its parsed arguments and returns an [`Outcome`] or a [`CliError`]; [`main`] turns either into an exit code.

mod atlas;
mod check;
mod completions;
mod derivatives;
mod dry_run;
mod ending;
mod error;
mod init;
mod inspect;
mod list;
mod loss;
mod merge;
mod output;
mod prove;
mod provenance;
mod report;
mod run;
mod schema;
mod signals;
mod slurm;
mod theory;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use error::{CliError, Outcome};
pub(crate) use output::{print, print_json};

/// Landscapes of the unconstrained-feature model: critical points, exact Hessian inertia, verdicts.
#[derive(Debug, Parser)]
#[command(name = "ufm", version, max_term_width = 110, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done, every expectation holds · 1 wrong input or command line · 2 an expectation fails · \
                        3 more is undecided than expect.undecided_max allows · 4 the machine failed us (disk, device) · \
                        130 interrupted (Ctrl-C), 143 terminated: --resume goes on")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: records, points, figures and a report
    Run(run::Args),
    /// Judge points of your own: .npz files with W, H, b and labels
    Inspect(inspect::Args),
    /// Closed forms without any optimisation: the balanced minimum and the simplex ETF's whole Hessian spectrum
    Theory(theory::Args),
    /// Is a loss created equal? Convexity, contrastive bound, uniqueness, transition, zero phase and geometry
    Loss(loss::Args),
    /// Prove what a point is: a certificate of a critical orbit, its inertia, its gap
    Prove(prove::Args),
    /// Re-verify certificates from their text alone: exit 0 accepted, 2 refused, 1 malformed
    Check(check::Args),
    /// Rebuild figures and report from what a run left
    Report(report::Args),
    /// Join the shards of a run (`ufm run … --shard I/N`) to what the whole run leaves
    Merge(merge::Args),
    /// Print a Slurm array script that runs a scenario in shards and merges them
    Slurm(slurm::Args),
    /// What there is: losses, solvers, starts, metrics, figures, scenarios, …
    List(list::Args),
    /// Print a commented scenario to start from
    Init(init::Args),
    /// Print the JSON Schema of scenarios
    Schema,
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Check a loss's gradient and Hessian by the slopes of its Taylor errors
    Derivatives(derivatives::Args),
}

/// Parses the command line, runs the command and returns the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are answers, not faults; everything else about the command line is wrong input.
        Err(error) => {
            let code = if error.use_stderr() { Outcome::Refused } else { Outcome::Done };
            let _ = error.print();
            return code.into();
        }
    };
    match dispatch(cli.command) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            error.report();
            error.outcome().into()
        }
    }
}

fn dispatch(command: Command) -> Result<Outcome, CliError> {
    match command {
        Command::Run(args) if args.scenario.is_dir() => atlas::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Theory(args) => theory::run(&args),
        Command::Loss(args) => loss::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Slurm(args) => slurm::run(&args),
        Command::List(args) => list::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Schema => schema::run(),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Derivatives(args) => derivatives::run(&args),
    }
}
