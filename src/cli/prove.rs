//! `ufm prove`: a certificate of what a point is, or of what a loss is.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::inspect::place;
use super::loss::named;
use super::{CliError, Outcome, print, print_json};
use crate::model::Shape;
use crate::objective::Problem;
use crate::record::{npz, write_atomically};
use crate::rigor::check::ClaimReport;
use crate::rigor::prove::{GOALS, Goal, LOSS_GOALS, LossGoal, Proof, prove_against, prove_loss, prove_partial};
use crate::scenario::{balanced_settings, contrast_settings};

/// Arguments of `ufm prove`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file with W (K×d), H (d×N), labels and, where there is a bias, b; none with --partial or --loss
    #[arg(value_name = "FILE.npz", required_unless_present_any = ["partial", "loss"])]
    file: Option<PathBuf>,
    /// The problem: loss.name=… model.decay.w=… model.decay.h=…; with --partial also model.classes=… model.width=… model.per_class=…; with --loss the loss's parameters and model.classes
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Instead of a file: the partially collapsed state in which M classes (0, or 2 to K) form a simplex and the others sit at the origin
    #[arg(long, value_name = "M")]
    partial: Option<usize>,
    /// A point of the same problem that is lower, for the claim not-global. Without it the lowest partially collapsed state is taken
    #[arg(long, value_name = "FILE.npz", conflicts_with = "partial")]
    below: Option<PathBuf>,
    /// Prove something of a loss itself, not of a point: ufm prove --loss focal loss.gamma=3 model.classes=60 --out CERT
    #[arg(long, value_name = "NAME", conflicts_with_all = ["partial", "below"])]
    loss: Option<String>,
    /// Where the certificate goes
    #[arg(long, value_name = "CERT")]
    out: PathBuf,
    /// What is to be proved, separated by commas. Of a point: critical-orbit, inertia, strict-saddle, local-minimum, global-minimum, not-global, simplex-etf, gap, negative-curvature; with --partial: partial-state, strict-saddle, local-minimum, global-minimum, not-global. Of a loss: convexity-region, contrastive, transition. Without it, whatever applies
    #[arg(long, value_delimiter = ',', value_name = "CLAIM")]
    claims: Vec<String>,
    /// The range of c (ε at loss scale 1) on which a loss is to be contrastive; HIGH may be inf. Without it, the widest that can be proved
    #[arg(long, value_name = "LOW,HIGH", requires = "loss")]
    range: Option<String>,
    /// Prove it for every decay (with --loss: for every parameter of the loss) within this relative distance of the given ones at once
    #[arg(long, value_name = "RELATIVE", default_value_t = 0.0)]
    spread: f64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What a certificate can hold of a problem.
const CLASSES_MAX: usize = 4096;
const WIDTH_MAX: usize = 1 << 20;
const SAMPLES_MAX: u64 = 1 << 20;

/// What an attempt ends with, of a point or a loss.
struct Findings {
    /// The certificate's text, if anything was proved.
    text: Option<String>,
    claims: Vec<ClaimReport>,
    /// What was asked for and is not proved, with the reason.
    undecided: Vec<(&'static str, String)>,
}

/// Proves what can be proved of a point or a loss.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let findings = match (&args.loss, args.partial) {
        (Some(name), _) => of_loss(args, name)?,
        (None, Some(alive)) => of_state(args, alive)?.into(),
        (None, None) => of_point(args)?.into(),
    };
    if let Some(text) = &findings.text {
        write_atomically(&args.out, |file| std::io::Write::write_all(file, text.as_bytes()))
            .map_err(|error| CliError::disk(&args.out, "write", &error))?;
    }
    if args.json {
        print_json(&findings.document(args))?;
    } else {
        print(&findings.words(args))?;
    }
    // What was asked for by name and is not proved is undecided; without names everything is an attempt.
    let missing = findings.text.is_none() || (!args.claims.is_empty() && !findings.undecided.is_empty());
    Ok(if missing { Outcome::Undecided } else { Outcome::Done })
}

/// Proofs about the point of a file.
fn of_point(args: &Args) -> Result<Proof, CliError> {
    let goals = point_goals(args)?;
    let Some(path) = &args.file else {
        return Err(CliError::refused_with_help(
            "there is no point to prove something of",
            "name a FILE.npz, or add --partial M or --loss NAME",
        ));
    };
    let read = |path: &Path| {
        let file = npz::read(path).map_err(|error| match error.is_disk() {
            true => CliError::Broken(error.to_string()),
            false => CliError::refused(error.to_string()),
        })?;
        place(path, file, &args.settings)
    };
    let (shape, point, settings) = read(path)?;
    let below = args.below.as_deref().map(read).transpose()?;
    let (Some(decay), Some((loss, scale))) = (settings.decay, settings.loss) else {
        let help = "add loss.name=… model.decay.w=… model.decay.h=…";
        return Err(CliError::refused_with_help("a proof needs a loss and decays", help));
    };
    if let (Some((other, ..)), Some(path)) = (&below, &args.below)
        && *other != shape
    {
        return Err(CliError::refused(format!(
            "{}: is no point of the same problem: K, d and the labels must agree",
            path.display()
        )));
    }
    let loss = loss.for_sizes(shape.class_sizes());
    let problem = Problem { shape, bias: settings.bias, decay, loss, scale };
    if let Some(reason) = problem.unsupported() {
        return Err(CliError::refused(reason));
    }
    let below = below.as_ref().map(|(_, point, _)| point);
    prove_against(&problem, &point, &goals, args.spread, below)
        .map_err(|reason| CliError::refused(format!("{}: {reason}", path.display())))
}

/// Proofs about a partially collapsed state, which its number of classes alive names.
fn of_state(args: &Args, alive: usize) -> Result<Proof, CliError> {
    let goals = point_goals(args)?;
    // Without a file the first setting stands in its place.
    let first = args.file.iter().map(|path| path.display().to_string());
    let settings: Vec<String> = first.chain(args.settings.iter().cloned()).collect();
    if let Some(file) = settings.iter().find(|setting| !setting.contains('=')) {
        let help = "leave it out: with --partial the sizes and decays name the point";
        return Err(CliError::refused_with_help(format!("{file}: --partial takes no file"), help));
    }
    let balanced = balanced_settings(&settings)?;
    let samples = balanced.per_class.saturating_mul(balanced.classes as u64);
    if balanced.classes > CLASSES_MAX || balanced.width > WIDTH_MAX || samples > SAMPLES_MAX {
        let sizes = format!("K = {}, d = {}, N = {samples}", balanced.classes, balanced.width);
        return Err(CliError::refused(format!(
            "{sizes}: certificates hold K ≤ {CLASSES_MAX}, d ≤ {WIDTH_MAX}, N ≤ {SAMPLES_MAX}"
        )));
    }
    let shape = Shape::new(balanced.width, &vec![balanced.per_class as usize; balanced.classes])
        .map_err(|error| CliError::refused(error.to_string()))?;
    let problem = Problem { shape, bias: balanced.bias, decay: balanced.decay, loss: balanced.loss, scale: balanced.scale };
    prove_partial(&problem, alive, &goals, args.spread)
        .map_err(|reason| CliError::refused(format!("--partial {alive}: {reason}")))
}

fn point_goals(args: &Args) -> Result<Vec<Goal>, CliError> {
    goals(args, Goal::named, GOALS.iter().map(|(_, name, _)| *name))
}

impl From<Proof> for Findings {
    fn from(proof: Proof) -> Self {
        let undecided = proof.undecided.into_iter().map(|(goal, reason)| (goal.name(), reason)).collect();
        Self { text: proof.certificate.map(|certificate| certificate.text()), claims: proof.claims, undecided }
    }
}

fn of_loss(args: &Args, name: &str) -> Result<Findings, CliError> {
    let goals: Vec<LossGoal> = goals(args, LossGoal::named, LOSS_GOALS.iter().map(|(_, name, _)| *name))?;
    // Without a point the first positional argument is a setting, too.
    let first = args.file.iter().map(|file| file.display().to_string());
    let settings: Vec<String> = first.chain(args.settings.iter().cloned()).collect();
    let balanced = contrast_settings(&named(name, &settings)?)?.balanced;
    if (balanced.scale - 1.0).abs() > 0.0 {
        let help = "leave loss.scale out; ε = c·scale";
        return Err(CliError::refused_with_help("claims about a loss speak of c, which is ε at loss scale 1", help));
    }
    let range = args.range.as_deref().map(range).transpose()?;
    let proof = prove_loss(&balanced.loss, balanced.classes, &goals, range, args.spread).map_err(CliError::refused)?;
    let undecided = proof.undecided.into_iter().map(|(goal, reason)| (goal.name(), reason)).collect();
    Ok(Findings { text: proof.certificate.map(|certificate| certificate.text()), claims: proof.claims, undecided })
}

/// `LOW,HIGH`.
fn range(text: &str) -> Result<(f64, f64), CliError> {
    let bounds = text.split_once(',').and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)));
    bounds.ok_or_else(|| {
        CliError::refused_with_help(
            format!("--range: `{text}` is not LOW,HIGH"),
            "write two numbers: --range 0.001,0.019 or --range 0.02,inf",
        )
    })
}

/// The goals that were named.
fn goals<'n, G>(args: &Args, of_name: fn(&str) -> Option<G>, known: impl Iterator<Item = &'n str>) -> Result<Vec<G>, CliError> {
    let known: Vec<&str> = known.collect();
    let subject = if args.loss.is_some() { "a loss" } else { "a point" };
    let goal = |name: &String| {
        of_name(name.trim()).ok_or_else(|| {
            CliError::refused_with_help(
                format!("--claims: there is no claim \"{}\" about {subject}", name.trim()),
                format!("known: {}", known.join(", ")),
            )
        })
    };
    args.claims.iter().map(goal).collect()
}

impl Findings {
    fn document(&self, args: &Args) -> serde_json::Value {
        let undecided: Vec<_> =
            self.undecided.iter().map(|(claim, reason)| json!({ "claim": claim, "reason": reason })).collect();
        let certificate = self.text.is_some().then(|| args.out.display().to_string());
        json!({ "certificate": certificate, "proved": self.claims, "undecided": undecided })
    }

    fn words(&self, args: &Args) -> String {
        let mut text = String::new();
        for claim in &self.claims {
            text += &format!("proved     {:<19} {}\n", claim.kind, claim.establishes);
        }
        for (claim, reason) in &self.undecided {
            text += &format!("undecided  {claim:<19} {reason}\n");
        }
        match &self.text {
            Some(_) => text + &format!("\ncertificate: {}\n", args.out.display()),
            None => text + "\nnothing was proved; no certificate was written\n",
        }
    }
}
