//! `ufm derivatives`: the Taylor-slope check of a loss's gradient and Hessian.

use serde_json::{Value, json};

use super::{CliError, Outcome, print, print_json};
use crate::losses::{self, Loss, SlopeVerdict, TaylorCheck, TaylorRow, taylor_check};
use crate::scenario::loss_settings;

/// Classes and seed where the arguments do not say.
const CLASSES: usize = 10;
const SEED: u64 = 1;

/// Columns of the plot.
const PLOT_WIDTH: usize = 40;

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

/// Prints the slopes of each loss; for one loss the table of remainders with a plot too. A slope that is too low fails: exit code 2.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let settings = loss_settings(&args.settings)?;
    let losses: Vec<Loss> = if settings.losses.is_empty() {
        losses::ALL.iter().map(representative).collect()
    } else {
        settings.losses.into_iter().map(|(loss, _)| loss).collect()
    };
    let (classes, seed) = (settings.classes.unwrap_or(CLASSES), settings.seed.unwrap_or(SEED));
    let checks: Vec<(Loss, TaylorCheck)> =
        losses.into_iter().map(|loss| (loss.clone(), taylor_check(loss.function(), classes, seed))).collect();
    if args.json {
        print_json(&checks.iter().map(|(loss, check)| document(loss, check)).collect::<Vec<_>>())?;
    } else {
        let mut out = summary(&checks);
        if let [(_, check)] = &checks[..] {
            out.push('\n');
            out.push_str(&table(check));
        }
        print(&out)?;
    }
    let wrong = |verdict: SlopeVerdict| matches!(verdict, SlopeVerdict::Fails(_));
    let fails = checks.iter().any(|(_, check)| wrong(check.gradient) || wrong(check.hessian));
    Ok(if fails { Outcome::Failed } else { Outcome::Done })
}

/// A member with each parameter at its default, or at a common choice where it has none.
fn representative(family: &losses::Family) -> Loss {
    // A focusing parameter of 2 and a label smoothing of 0.1 are what the literature uses most; any allowed value would do here.
    let common = |parameter: &losses::Parameter| [2.0, 0.1].into_iter().find(|&value| (parameter.allows)(value));
    let values: Vec<f64> =
        family.parameters.iter().filter_map(|parameter| parameter.default.or_else(|| common(parameter))).collect();
    (family.build)(&values)
}

fn summary(checks: &[(Loss, TaylorCheck)]) -> String {
    let mut out = String::from("|L(z+tv) − Taylor polynomial| ~ t^slope: 2 for a right gradient, 3 for a right Hessian\n\n");
    let names: Vec<String> = checks.iter().map(|(loss, _)| loss.to_string()).collect();
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(30);
    out.push_str(&format!("{:<wide$}  {:<18}  {:<18}\n", "loss", "gradient (2)", "Hessian (3)"));
    for ((_, check), name) in checks.iter().zip(&names) {
        out.push_str(&format!("{name:<wide$}  {:<18}  {:<18}\n", words(check.gradient), words(check.hessian)));
    }
    out
}

fn words(verdict: SlopeVerdict) -> String {
    match verdict.slope() {
        Some(slope) => format!("{slope:.3} {}", verdict.name()),
        None => verdict.name().into(),
    }
}

/// The remainders step by step, each with its place on a logarithmic axis: `1` the first order, `2` the second, `.` what rounding may contribute.
fn table(check: &TaylorCheck) -> String {
    let numbers =
        || check.rows.iter().flat_map(|row| [row.first, row.second, row.rounding]).filter(|x| *x > 0.0 && x.is_finite());
    let low = numbers().fold(f64::INFINITY, f64::min).log10();
    let high = numbers().fold(f64::NEG_INFINITY, f64::max).log10();
    let mut out = format!("{:>9}  {:>9}  {:>9}  {:>9}\n", "t", "order 1", "order 2", "rounding");
    for row in &check.rows {
        let numbers = format!("{:>9.2e}  {:>9.2e}  {:>9.2e}  {:>9.2e}", row.step, row.first, row.second, row.rounding);
        out.push_str(format!("{numbers}  {}", plot(row, low, high)).trim_end());
        out.push('\n');
    }
    out
}

fn plot(row: &TaylorRow, low: f64, high: f64) -> String {
    let mut line = vec![' '; PLOT_WIDTH + 1];
    for (mark, x) in [('.', row.rounding), ('1', row.first), ('2', row.second)] {
        let place = (x.log10() - low) / (high - low);
        if (0.0..=1.0).contains(&place) {
            line[(place * PLOT_WIDTH as f64).round() as usize] = mark;
        }
    }
    line.into_iter().collect()
}

fn document(loss: &Loss, check: &TaylorCheck) -> Value {
    let verdict = |verdict: SlopeVerdict| json!({ "slope": verdict.slope(), "outcome": verdict.name() });
    let rows: Vec<Value> = check
        .rows
        .iter()
        .map(|row| json!({ "step": row.step, "first": row.first, "second": row.second, "rounding": row.rounding }))
        .collect();
    json!({
        "loss": loss.name(),
        "loss_params": loss.parameters().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "classes": check.classes,
        "seed": check.seed,
        "gradient": verdict(check.gradient),
        "hessian": verdict(check.hessian),
        "rows": rows,
    })
}
