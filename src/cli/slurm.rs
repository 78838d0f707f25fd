//! `ufm slurm`: a Slurm array script that runs a scenario in shards and merges them.

use std::path::{Path, PathBuf};

use super::run::words_of_time;
use super::{CliError, Outcome, print};
use crate::record::Shard;
use crate::scenario::Scenario;
use crate::study::{self, Estimate};

/// Without `--shards` a shard takes about this long: much longer than Slurm's own work for a task, much shorter than the limits of most queues.
const SECONDS_A_SHARD: f64 = 600.0;
/// Slurm's `MaxArraySize` is 1001 where nobody has set it: indices go to 1000.
const ARRAY_MAX: usize = 1_000;
/// The time asked for is this many times the estimate: nodes differ, and a task that runs out of time is only requeued.
const TIME_FACTOR: f64 = 4.0;
/// The same of memory, in which there is no second attempt.
const MEMORY_FACTOR: f64 = 2.0;

/// Arguments of `ufm slurm`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// Keys of the scenario set anew, e.g. loss.name=focal loss.gamma=2
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Number of shards, one array task each [default: as many as take about ten minutes each]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    shards: Option<u32>,
    /// Folder for the merged run; the shards' folders are made in it [default: output/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Cores and threads of a task
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
}

/// Prints the script.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let scenario = Scenario::load(&args.scenario, &args.overrides, false)?;
    study::check_spectra(&scenario).map_err(|error| CliError::refused(error.to_string()))?;
    let threads = usize::from(args.threads);
    let whole = study::estimate(&scenario, None, threads).map_err(CliError::refused)?;
    let cases = scenario.cases.len();
    let shards = match args.shards {
        Some(shards) if shards as usize > cases => {
            let message = format!("--shards {shards}: the scenario has {cases} cases, and shards split cases, never starts");
            return Err(CliError::refused_with_help(message, format!("divide it into at most {cases} shards")));
        }
        Some(shards) => shards as usize,
        None => {
            let wanted = whole.core_seconds.map_or(ARRAY_MAX as f64, |seconds| seconds / threads as f64 / SECONDS_A_SHARD);
            (wanted.ceil() as usize).clamp(1, ARRAY_MAX.min(cases))
        }
    };
    // The first shard has a case more than the last, where they differ.
    let largest = study::estimate(&scenario, Shard::new(1, shards), threads).map_err(CliError::refused)?;
    print(&script(args, &scenario, shards, &whole, &largest)?)?;
    Ok(Outcome::Done)
}

/// A path that does not depend on where the job runs.
fn absolute(path: &Path) -> Result<String, CliError> {
    let whole = std::path::absolute(path).map_err(|error| CliError::disk(path, "be made absolute", &error))?;
    Ok(quoted(&whole.to_string_lossy()))
}

/// A word of the shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Hours, minutes and seconds as Slurm reads them, at least ten minutes.
fn time_limit(seconds: f64) -> String {
    let minutes = (TIME_FACTOR * seconds / 60.0).ceil().clamp(10.0, 60.0 * 24.0) as u64;
    format!("{:02}:{:02}:00", minutes / 60, minutes % 60)
}

fn script(args: &Args, scenario: &Scenario, shards: usize, whole: &Estimate, largest: &Estimate) -> Result<String, CliError> {
    let threads = args.threads;
    let seconds = largest.core_seconds.unwrap_or(SECONDS_A_SHARD * f64::from(threads)) / f64::from(threads);
    let megabytes = |bytes: f64| (MEMORY_FACTOR * bytes / 1e6).max(200.0).ceil();
    let out = args.out.clone().unwrap_or_else(|| study::default_dir(scenario));
    let program = std::env::current_exe().map_err(|error| CliError::Broken(format!("where this program lies: {error}")))?;
    let arguments: String = args.overrides.iter().map(|argument| format!(" {}", quoted(argument))).collect();
    let cost = match whole.core_seconds {
        Some(seconds) => format!("about {} of one core", words_of_time(seconds)),
        None => "not measured".into(),
    };
    let name: String = scenario.name.chars().map(|c| if c.is_whitespace() { '-' } else { c }).collect();
    Ok(TEMPLATE
        .replace("{name}", &name)
        .replace("{cases}", &whole.cases.to_string())
        .replace("{points}", &whole.points.to_string())
        .replace("{cost}", &cost)
        .replace("{shards}", &shards.to_string())
        .replace("{threads}", &threads.to_string())
        .replace("{time}", &time_limit(seconds))
        .replace("{memory}", &megabytes(largest.memory_bytes).to_string())
        .replace("{merge_memory}", &megabytes(whole.memory_bytes).to_string())
        .replace("{program}", &absolute(&program)?)
        .replace("{scenario}", &absolute(&args.scenario)?)
        .replace("{arguments}", &arguments)
        .replace("{out}", &absolute(&out)?))
}

/// The script; what stands in braces is filled in.
const TEMPLATE: &str = include_str!("slurm.sh");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("model.width=2,3,4"), "model.width=2,3,4");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("$(rm)"), "'$(rm)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn time_limits_have_room() {
        assert_eq!(time_limit(1.0), "00:10:00");
        assert_eq!(time_limit(600.0), "00:40:00");
        assert_eq!(time_limit(3600.0), "04:00:00");
        assert_eq!(time_limit(1e9), "24:00:00");
    }

    #[test]
    fn every_place_of_the_template_is_filled() {
        let args = Args {
            scenario: "four.toml".into(),
            overrides: vec!["model.width=2,3".into(), "loss.ell=-log(t) + 1".into()],
            shards: Some(2),
            out: Some("some where".into()),
            threads: 2,
        };
        let text = "question = \"?\"\n[model]\nclasses = 3\nwidth = 3\nper_class = 2\ndecay = { epsilon = 0.1 }\n[loss]\nname = \"cross-entropy\"\n[starts]\ncount = 1\nseed = 1\n";
        let scenario = Scenario::parse(Path::new("four.toml"), text, &args.overrides[..1], false).unwrap();
        let estimate = study::estimate(&scenario, None, 2).unwrap();
        let script = script(&args, &scenario, 2, &estimate, &estimate).unwrap();
        for place in TEMPLATE.split("{").skip(1).filter_map(|rest| rest.split_once('}').map(|(place, _)| place)) {
            let name = !place.is_empty() && place.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(!name || !script.contains(&format!("{{{place}}}")), "{place} is left in:\n{script}");
        }
        for part in
            ["#SBATCH --array=1-2\n", "--requeue", "'loss.ell=-log(t) + 1'", "some where'", "--resume", "--cpus-per-task=2"]
        {
            assert!(script.contains(part), "{part} is missing in:\n{script}");
        }
    }
}
