//! `ufm run --dry-run`: the cases, what they are computed by, and what they would cost.

use super::run::{Args, words_of_time};
use super::{CliError, Outcome, print, print_json};
use crate::gpu::{self, GpuError};
use crate::objective::Plan;
use crate::scenario::{Case, Device, Scenario};
use crate::spectra;
use crate::starts;
use crate::study::{self, Estimate};

/// More cases than this are not listed one by one.
const LISTED_MAX: usize = 12;

/// What one core does, roughly, in the products and factorisations of a spectrum: for estimates alone.
const MULTIPLY_ADDS_A_SECOND: f64 = 1e10;

/// What would be run, without running it but for a few points that tell the cost.
pub(super) fn dry_run(scenario: &Scenario, gpu: &gpu::Options, args: &Args) -> Result<Outcome, CliError> {
    let threads = args.threads.map_or_else(rayon::current_num_threads, usize::from);
    let estimate = study::estimate(scenario, args.shard, threads).map_err(CliError::refused)?;
    let device = scenario.cases.iter().any(|case| case.device == Device::Gpu).then(|| gpu::Device::open(gpu));
    let ours: Vec<&Case> = scenario.cases.iter().filter(|case| args.shard.is_none_or(|shard| shard.holds(case.index))).collect();
    if args.json {
        let cases: Vec<_> = ours.iter().map(|case| described(case, device.as_ref())).collect();
        print_json(&serde_json::json!({
            "scenario": scenario.name,
            "cases": cases,
            "estimate": {
                "points": estimate.points,
                "points_measured": estimate.measured,
                "core_seconds": estimate.core_seconds,
                "threads": threads,
                "gradient_seconds": estimate.gradient_seconds,
                "disk_bytes": estimate.disk_bytes,
                "memory_bytes": estimate.memory_bytes,
            },
        }))?;
        return Ok(Outcome::Done);
    }
    let mut text = format!("{}: {} cases, {} points\n", scenario.name, estimate.cases, estimate.points);
    if let Some(shard) = args.shard {
        text = format!("{}, shard {shard}: {} cases, {} points\n", scenario.name, estimate.cases, estimate.points);
    }
    for case in ours.iter().take(LISTED_MAX) {
        text += &listed(case, device.as_ref());
    }
    if ours.len() > LISTED_MAX {
        text += &format!("\n… and {} more cases: --json lists all\n", ours.len() - LISTED_MAX);
    }
    print(&(text + &cost(&estimate, threads)))?;
    Ok(Outcome::Done)
}

/// What the run would cost.
fn cost(estimate: &Estimate, threads: usize) -> String {
    let time = match estimate.core_seconds {
        Some(seconds) => format!(
            "about {} on {threads} threads ({:.1} ms of a core for each point, from {} of them)",
            words_of_time(seconds / threads as f64),
            1e3 * seconds / estimate.points as f64,
            estimate.measured
        ),
        None => format!(
            "not measured: one gradient of the largest case takes {:.2} s, a descent some hundreds of them",
            estimate.gradient_seconds
        ),
    };
    let (disk, memory) = (estimate.disk_bytes / 1e6, estimate.memory_bytes / 1e6);
    format!("\ntime: {time}\ndisk: about {disk:.0} MB, memory: about {memory:.0} MB\n")
}

/// A case as one JSON object.
fn described(case: &Case, device: Option<&Opened>) -> serde_json::Value {
    let plan = Plan::new(&case.problem);
    let (route, collapsed) = routes(case);
    serde_json::json!({
        "case": case.id,
        "cell": case.cell,
        "objective": study::objective_text(&case.problem),
        "solver": case.solver.name(),
        "points": starts::count(&case.starts, &case.problem),
        "unknowns": case.problem.dimension(),
        "inertia_bytes": plan.bytes,
        "inertia_multiply_adds": plan.multiply_adds,
        "route": route,
        "route_collapsed": collapsed,
        "device": device_words(device, case),
    })
}

/// A case in words.
fn listed(case: &Case, device: Option<&Opened>) -> String {
    let plan = Plan::new(&case.problem);
    let (route, collapsed) = routes(case);
    let cell = if case.cell.is_empty() { String::new() } else { format!(" · {}", case.cell) };
    let on_device = device_words(device, case).map_or(String::new(), |words| format!("  {words}\n"));
    format!(
        "\ncase {}{cell} · {} · {} points · {} unknowns\n  {}\n  exact inertia: {:.1} MB, {:.1e} multiply-adds a Schur complement\n  route: {route}; where the features of every class coincide: {collapsed}\n{on_device}",
        case.id,
        case.solver.name(),
        starts::count(&case.starts, &case.problem),
        case.problem.dimension(),
        study::objective_text(&case.problem),
        plan.bytes / 1e6,
        plan.multiply_adds,
    )
}

/// A device, or why it could not be opened.
type Opened = Result<gpu::Device, GpuError>;

/// What a case needs on the GPU, where it is to run there; `None` on the CPU.
fn device_words(device: Option<&Opened>, case: &Case) -> Option<String> {
    if case.device != Device::Gpu {
        return None;
    }
    Some(match device? {
        Ok(device) => match study::device_plan(device, case) {
            Ok(plan) => format!("gpu {}: {}", device.name(), plan.words()),
            Err(error) => format!("gpu {}: does not fit: {error}", device.name()),
        },
        Err(error) => format!("gpu: {error}"),
    })
}

/// How spectra at critical points of a case are computed, in words: for any point, and for one whose classes are collapsed.
fn routes(case: &Case) -> (String, String) {
    let level = case.spectra.level;
    // A critical point is taken at its rank, which is at most K.
    let shape = &case.problem.shape;
    let problem = case.problem.at_width(shape.width().min(shape.classes()));
    let words = |columns: usize| match spectra::plan(&problem, columns, level, &case.spectra.limits()) {
        _ if level == spectra::Level::None => "none (spectra.level is \"none\")".to_owned(),
        Ok(planned) => {
            let seconds = planned.multiply_adds / MULTIPLY_ADDS_A_SECOND;
            let time = if seconds < 1.0 { "below a second".into() } else { format!("about {seconds:.0} s") };
            format!("{} ({:.1} MB, {:.1e} multiply-adds, {time})", planned.route, planned.bytes / 1e6, planned.multiply_adds)
        }
        Err(reason) => format!("none: {reason}"),
    };
    (words(shape.columns()), words(shape.classes()))
}
