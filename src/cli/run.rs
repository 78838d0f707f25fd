//! `ufm run`: the main job.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};

use super::{CliError, Outcome, dry_run, ending, print, print_json, provenance, signals};
use crate::gpu::{self, PlantedFault};
use crate::record::{Mode, Shard, fault};
use crate::scenario::Scenario;
use crate::starts;
use crate::study::{self, CaseLimits, Options, Progress, Retry, Study};

/// Arguments of `ufm run`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario file, or a folder of them
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
    /// Go on with an interrupted run, and compute again the cases with a point that failed (broke down), is unsettled (not critical or undecided), or whose lines are damaged
    #[arg(long, value_name = "WHICH", conflicts_with = "overwrite", value_parser = retry)]
    pub(super) retry: Option<Retry>,
    /// Replace the records that the folder holds
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Run the I-th of N parts of the cases, to be joined by `ufm merge`
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// Begin even where there are more than 100,000 points
    #[arg(long)]
    pub(super) yes: bool,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Most memory that a point of a case may be planned with; a case that needs more becomes rows that say so
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit_memory: Option<u32>,
    /// Most time for the points of a case, taken together; what is not done by then becomes rows that say so
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) limit_time: Option<Duration>,
    /// Where candidates are computed: cpu or gpu [default: as the scenario says]
    #[arg(long, value_name = "DEVICE", value_parser = device)]
    pub(super) device: Option<String>,
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
    /// Plant a fault of the device: lost@STEP or shader
    #[arg(long, hide = true, value_parser = fault)]
    pub(super) gpu_fault: Option<PlantedFault>,
    /// Apply the scenario's [test] overrides
    #[arg(long, hide = true)]
    pub(super) test_size: bool,
}

/// The value of `--device`.
fn device(name: &str) -> Result<String, String> {
    match name {
        "cpu" | "gpu" => Ok(name.to_owned()),
        _ => Err("a device is `cpu` or `gpu`".into()),
    }
}

/// The value of `--retry`.
fn retry(name: &str) -> Result<Retry, String> {
    match name {
        "failed" => Ok(Retry::Failed),
        "unsettled" => Ok(Retry::Unsettled),
        "damaged" => Ok(Retry::Damaged),
        _ => Err("what can be computed again is `failed`, `unsettled` or `damaged`".into()),
    }
}

/// The value of `--limit-time`.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|seconds| !seconds.is_zero()).ok_or_else(|| "a time is a number of seconds greater than 0".into())
}

/// The value of `--gpu-fault`.
fn fault(text: &str) -> Result<PlantedFault, String> {
    let step = text.strip_prefix("lost@").and_then(|step| step.parse().ok());
    match (text, step) {
        ("shader", _) => Ok(PlantedFault::Shader),
        (_, Some(step)) => Ok(PlantedFault::LostAt(step)),
        _ => Err("a fault is `shader` or `lost@STEP`".into()),
    }
}

/// How a GPU is opened: UFM_GPU_ADAPTER is part of an adapter's name, UFM_GPU_BINDING a limit in bytes below the adapter's own.
pub(super) fn gpu_options(fault: Option<PlantedFault>) -> Result<gpu::Options, CliError> {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let limit = text("UFM_GPU_BINDING").map(|value| {
        value.parse().map_err(|_| CliError::refused(format!("UFM_GPU_BINDING must be a number of bytes, and is `{value}`")))
    });
    Ok(gpu::Options { adapter: text("UFM_GPU_ADAPTER"), binding_limit: limit.transpose()?, fault })
}

/// More points than this are run only with `--yes`: at a few milliseconds and two kilobytes each, it is where minutes and megabytes become hours and gigabytes.
const POINTS_MAX: usize = 100_000;

/// Runs a scenario.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    // On the command line the device is a key like any other.
    let device = args.device.iter().map(|device| format!("device={device}"));
    let overrides: Vec<String> = args.overrides.iter().cloned().chain(device).collect();
    let scenario = Scenario::load(&args.scenario, &overrides, args.test_size)?;
    check_shard(&scenario, args.shard)?;
    let gpu = gpu_options(args.gpu_fault)?;
    if args.dry_run {
        return dry_run::dry_run(&scenario, &gpu, args);
    }
    check_points(&scenario, args)?;
    let dir = args.out.clone().unwrap_or_else(|| default_dir(&scenario, args.shard));
    let mode = match (args.resume || args.retry.is_some(), args.overwrite) {
        (true, _) => Mode::Resume,
        (_, true) => Mode::Overwrite,
        _ => Mode::Fresh,
    };
    let options = Options {
        dir: dir.clone(),
        mode,
        threads: args.threads.map(usize::from),
        fail_fast: args.fail_fast,
        shard: args.shard,
        retry: args.retry.unwrap_or_default(),
        limits: CaseLimits {
            memory_bytes: args.limit_memory.map(|mebibytes| f64::from(mebibytes) * 1_048_576.0),
            time: args.limit_time,
        },
        interrupted: signals::caught().map_err(|error| CliError::Broken(format!("signals cannot be caught: {error}")))?,
    };
    let started = (SystemTime::now(), Instant::now());
    let bar = Bar::new(args.quiet || args.json);
    let study =
        study::run_on(&scenario, &options, &gpu, &|progress| bar.show(progress)).map_err(|error| ending::explain(error, &dir));
    bar.clear();
    let study = study?;
    provenance::write(&dir, args, study.device.as_ref(), started)?;
    fault::at("provenance-written");
    if signals::signal().is_some() {
        return Err(ending::interrupted(&dir));
    }
    match args.shard {
        Some(shard) => end_of_shard(shard, &study, &dir, args.json, args.quiet),
        None => ending::end(study, &dir, args.json, args.quiet),
    }
}

/// The default folder of a scenario, or of a shard of it: shards must not meet in one.
pub(super) fn default_dir(scenario: &Scenario, shard: Option<Shard>) -> PathBuf {
    let dir = study::default_dir(scenario);
    match shard {
        None => dir,
        Some(shard) => dir.join(format!("shard-{}-of-{}", shard.number(), shard.of())),
    }
}

/// Shards split cases, so there are not more of them.
pub(super) fn check_shard(scenario: &Scenario, shard: Option<Shard>) -> Result<(), CliError> {
    let cases = scenario.cases.len();
    match shard {
        Some(shard) if shard.of() > cases => {
            let message = format!("--shard {shard}: the scenario has {cases} cases, and shards split cases, never starts");
            Err(CliError::refused_with_help(message, format!("divide it into at most {cases} shards")))
        }
        _ => Ok(()),
    }
}

/// Refuses what is more likely a slip than a wish.
fn check_points(scenario: &Scenario, args: &Args) -> Result<(), CliError> {
    let ours = scenario.cases.iter().filter(|case| args.shard.is_none_or(|shard| shard.holds(case.index)));
    let points: usize = ours.map(|case| starts::count(&case.starts, &case.problem)).sum();
    if points <= POINTS_MAX || args.yes {
        return Ok(());
    }
    let message = format!("the run has {points} points, more than {POINTS_MAX}");
    let help = "--dry-run says what they would cost; --yes runs them; --shard I/N or `ufm slurm` divide them";
    Err(CliError::refused_with_help(message, help))
}

/// What a shard says at its end. Expectations, statements, figures and report are the merge's.
fn end_of_shard(shard: Shard, study: &Study, dir: &Path, json: bool, quiet: bool) -> Result<Outcome, CliError> {
    if json {
        print_json(&serde_json::json!({ "shard": shard.number(), "of": shard.of(), "summary": study.summary }))?;
    } else if !quiet {
        let (points, dir) = (study.records.len(), dir.display());
        print(&format!(
            "shard {shard}: {points} points → {dir}
{}",
            ending::leftovers(&study.records)
        ))?;
    }
    Ok(Outcome::Done)
}

/// The progress bar: on a terminal, and only for what takes longer than a second.
struct Bar {
    bar: ProgressBar,
    /// Points that an earlier run had done: they say nothing of how fast this one is.
    before: OnceLock<usize>,
}

impl Bar {
    fn new(silent: bool) -> Self {
        let bar = if silent { ProgressBar::hidden() } else { ProgressBar::no_length() };
        let template = "{bar:30} {pos}/{len} points, {elapsed} elapsed, {msg}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, before: OnceLock::new() }
    }

    fn show(&self, progress: Progress) {
        let before = *self.before.get_or_init(|| progress.done);
        self.bar.set_length(progress.total as u64);
        let elapsed = self.bar.elapsed().as_secs_f64();
        if elapsed >= 1.0 {
            self.bar.set_position(progress.done as u64);
            self.bar.set_message(pace(progress, before, elapsed));
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Throughput, time left, and failures so far.
fn pace(progress: Progress, before: usize, elapsed: f64) -> String {
    let rate = progress.done.saturating_sub(before) as f64 / elapsed;
    let left = progress.total.saturating_sub(progress.done) as f64 / rate;
    let mut text = match rate > 0.0 {
        true => format!("{} a second, about {} left", rate_text(rate), words_of_time(left)),
        false => "no point yet".to_owned(),
    };
    if progress.failed > 0 {
        text += &format!(", {} failed", progress.failed);
    }
    text
}

/// A rate to two digits.
fn rate_text(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.2}") } else { format!("{rate:.0}") }
}

/// A duration in words: 4 s, 12 min, 3.5 h, 2.1 days.
pub(super) fn words_of_time(seconds: f64) -> String {
    match seconds {
        x if x < 1.0 => "less than a second".into(),
        x if x < 100.0 => format!("{x:.0} s"),
        x if x < 6000.0 => format!("{:.0} min", x / 60.0),
        x if x < 172_800.0 => format!("{:.1} h", x / 3600.0),
        x => format!("{:.1} days", x / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_counts_what_this_run_did() {
        let progress = Progress { done: 600, total: 1000, failed: 0 };
        assert_eq!(pace(progress, 500, 10.0), "10 a second, about 40 s left");
        assert_eq!(pace(Progress { failed: 3, ..progress }, 500, 10.0), "10 a second, about 40 s left, 3 failed");
        assert_eq!(pace(progress, 600, 10.0), "no point yet");
        assert_eq!(pace(Progress { done: 501, ..progress }, 500, 10.0), "0.10 a second, about 83 min left");
    }
}
