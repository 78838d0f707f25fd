//! `ufm prove`: a certificate of what a point is.

use std::path::PathBuf;

use serde_json::json;

use super::inspect::place;
use super::{CliError, Outcome, print, print_json};
use crate::objective::Problem;
use crate::record::{npz, write_atomically};
use crate::rigor::prove::{GOALS, Goal, Proof, prove_box};

/// Arguments of `ufm prove`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file with W (K×d), H (d×N), labels and, where there is a bias, b
    #[arg(value_name = "FILE.npz")]
    file: PathBuf,
    /// The problem: loss.name=… model.decay.w=… model.decay.h=…
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Where the certificate goes
    #[arg(long, value_name = "CERT")]
    out: PathBuf,
    /// What is to be proved, separated by commas: critical-orbit, inertia, strict-saddle, local-minimum, global-minimum, simplex-etf, gap, negative-curvature. Without it, whatever applies
    #[arg(long, value_delimiter = ',', value_name = "CLAIM")]
    claims: Vec<String>,
    /// Prove it for every decay within this relative distance of the given ones at once
    #[arg(long, value_name = "RELATIVE", default_value_t = 0.0)]
    spread: f64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Proves what can be proved of a point.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let goals = args.claims.iter().map(|name| goal(name)).collect::<Result<Vec<Goal>, _>>()?;
    let file = npz::read(&args.file).map_err(|error| match error.is_disk() {
        true => CliError::Broken(error.to_string()),
        false => CliError::refused(error.to_string()),
    })?;
    let (shape, point, settings) = place(&args.file, file, &args.settings)?;
    let (Some(decay), Some((loss, scale))) = (settings.decay, settings.loss) else {
        let help = "add loss.name=… model.decay.w=… model.decay.h=…";
        return Err(CliError::refused_with_help("a proof needs a loss and decays", help));
    };
    let problem = Problem { shape, bias: settings.bias, decay, loss, scale };
    let proof = prove_box(&problem, &point, &goals, args.spread)
        .map_err(|reason| CliError::refused(format!("{}: {reason}", args.file.display())))?;
    if let Some(certificate) = &proof.certificate {
        let text = certificate.text();
        write_atomically(&args.out, |file| std::io::Write::write_all(file, text.as_bytes()))
            .map_err(|error| CliError::disk(&args.out, "write", &error))?;
    }
    if args.json {
        print_json(&document(args, &proof))?;
    } else {
        print(&words(args, &proof))?;
    }
    // What was asked for by name and is not proved is undecided; without names everything is an attempt.
    let missing = proof.certificate.is_none() || (!goals.is_empty() && !proof.undecided.is_empty());
    Ok(if missing { Outcome::Undecided } else { Outcome::Done })
}

fn goal(name: &str) -> Result<Goal, CliError> {
    Goal::named(name.trim()).ok_or_else(|| {
        let known: Vec<&str> = GOALS.iter().map(|(_, name, _)| *name).collect();
        CliError::refused_with_help(
            format!("--claims: there is no claim \"{}\"", name.trim()),
            format!("known: {}", known.join(", ")),
        )
    })
}

fn document(args: &Args, proof: &Proof) -> serde_json::Value {
    let undecided: Vec<_> =
        proof.undecided.iter().map(|(goal, reason)| json!({ "claim": goal.name(), "reason": reason })).collect();
    let certificate = proof.certificate.is_some().then(|| args.out.display().to_string());
    json!({ "certificate": certificate, "proved": proof.claims, "undecided": undecided })
}

fn words(args: &Args, proof: &Proof) -> String {
    let mut text = String::new();
    for claim in &proof.claims {
        text += &format!("proved     {:<19} {}\n", claim.kind, claim.establishes);
    }
    for (goal, reason) in &proof.undecided {
        text += &format!("undecided  {:<19} {reason}\n", goal.name());
    }
    match &proof.certificate {
        Some(_) => text + &format!("\ncertificate: {}\n", args.out.display()),
        None => text + "\nnothing was proved; no certificate was written\n",
    }
}
