//! `ufm loss`: is this loss created equal?

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{CliError, Outcome, print, print_json};
use crate::losses;
use crate::record::write_atomically;
use crate::report::{Weight, contrast_drawing, contrast_range};
use crate::scenario::contrast_settings;
use crate::theory::{
    Balanced, BalancedMinimum, Character, Contrast, ContrastMinimum, ConvexityRegion, Tie, Trait, character, convexity_region,
    focal_uniqueness_fails_from,
};

/// Arguments of `ufm loss`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A loss, as `ufm list losses` names it; not with --ell
    #[arg(value_name = "NAME", required_unless_present = "ell")]
    name: Option<String>,
    /// Its parameters and the problem: loss.gamma=3 model.classes=60 model.decay.epsilon=0.0195 model.bias=none
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// A loss of your own, a formula of the true class's probability p and q = 1−p: --ell "-(1-p)^gamma*log(p)" gamma=3
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    ell: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Draw φ(t) + c|t| into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Everything that is printed.
struct Findings {
    balanced: Balanced,
    contrast: Contrast,
    has_epsilon: bool,
    minimum: Result<BalancedMinimum, String>,
    minima: Vec<ContrastMinimum>,
    weights: Vec<Weight>,
    character: Option<Character>,
}

/// Prints the loss's convexity, its contrastive bound, uniqueness, transition, zero phase and geometry.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let findings = Findings::new(args)?;
    if let Some(path) = &args.plot {
        let drawing = contrast_drawing(
            &findings.contrast,
            findings.balanced.classes,
            &findings.balanced.loss.to_string(),
            &findings.weights,
        )
        .map_err(CliError::refused)?;
        write_atomically(path, |file| file.write_all(drawing.svg.as_bytes()))
            .map_err(|error| CliError::disk(path, "write the plot", &error))?;
    }
    if args.json {
        print_json(&findings.document())?
    } else {
        print(&findings.text())?
    }
    Ok(Outcome::Done)
}

impl Findings {
    fn new(args: &Args) -> Result<Self, CliError> {
        let settings = arguments(args)?;
        let contrast_settings = contrast_settings(&settings)?;
        let (mut balanced, has_epsilon) = (contrast_settings.balanced, contrast_settings.has_epsilon);
        let contrast = Contrast::new(&balanced.loss, balanced.classes).map_err(|error| CliError::refused(error.to_string()))?;
        if !has_epsilon {
            // Half of what collapses everything: a place where the geometry shows.
            let epsilon = 0.5 * balanced.zero_threshold().filter(|edge| *edge > 0.0).unwrap_or(2e-2);
            (balanced.decay.w, balanced.decay.h) = (epsilon, epsilon);
        }
        let c = balanced.epsilon() / balanced.scale;
        let minima = contrast.minima(c).map_err(|error| CliError::refused(error.to_string()))?;
        let weights = weights(&contrast, c, has_epsilon);
        let minimum = balanced.minimum();
        let character = character(&balanced.loss, balanced.classes);
        Ok(Self { balanced, contrast, has_epsilon, minimum, minima, weights, character })
    }

    /// ε from c.
    fn epsilon(&self, c: f64) -> f64 {
        c * self.balanced.scale
    }

    fn region(&self) -> String {
        convexity_region(&self.balanced.loss, self.balanced.classes).to_string()
    }

    /// The first number of classes at which uniqueness fails.
    fn fails_from(&self) -> Option<u64> {
        match &self.balanced.loss {
            losses::Loss::Focal(focal) => focal_uniqueness_fails_from(focal.gamma).ok(),
            // ℓ(p) is convex from p_c on, p = 1/K at t = 0. A formula with K in it has its own p_c for every K.
            losses::Loss::Custom(loss) if loss.programs().iter().any(|(_, program)| program.uses_classes()) => None,
            loss => match convexity_region(loss, self.balanced.classes) {
                ConvexityRegion::TrueProbabilityFrom(edge) if edge > 1e-9 => Some((1.0 / edge).floor() as u64 + 1),
                _ => None,
            },
        }
    }

    fn document(&self) -> Value {
        let balanced = &self.balanced;
        let window = self.contrast.window();
        let edge = match convexity_region(&balanced.loss, balanced.classes) {
            ConvexityRegion::Everywhere => Some(0.0),
            ConvexityRegion::TrueProbabilityFrom(edge) => Some(edge),
            ConvexityRegion::TrueProbabilityWithin(_) | ConvexityRegion::NotEverywhere => None,
        };
        let minima = |minima: &[ContrastMinimum]| -> Vec<Value> {
            let one = |m: &ContrastMinimum| json!({ "t": m.t, "scale": m.scale, "value": m.value * balanced.scale, "global": m.global });
            minima.iter().map(one).collect()
        };
        let range = contrast_range(&self.contrast, balanced.classes, &self.weights);
        let curve = |weight: &Weight| {
            let values: Vec<f64> =
                range.iter().map(|&t| balanced.scale * (self.contrast.value(t) + weight.c * t.abs())).collect();
            let found = self.contrast.minima(weight.c).unwrap_or_default();
            json!({ "epsilon": self.epsilon(weight.c), "label": weight.label, "minima": minima(&found), "t": range, "value": values })
        };
        let found = self.minimum.as_ref().ok();
        let ties = self.contrast.ties();
        let tie = |tie: &Tie| json!({ "epsilon": self.epsilon(tie.epsilon), "scale_low": tie.low, "scale_high": tie.high });
        let answer = |it: &Trait| json!({ "name": it.name, "holds": it.holds, "known": it.known.name(), "words": it.words });
        json!({
            "loss": balanced.loss.name(),
            "loss_params": balanced.loss.parameters().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "loss_text": balanced.loss.texts().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "loss_scale": balanced.scale,
            "classes": balanced.classes,
            "bias_mode": balanced.bias.name(),
            "decay_b": balanced.decay.b,
            "epsilon": balanced.epsilon(),
            "epsilon_given": self.has_epsilon,
            "convex": balanced.loss.function().convex(),
            "convexity_region": self.region(),
            "convexity_edge": edge,
            "shift_invariant": balanced.loss.function().shift_invariant(),
            "phi_zero": balanced.scale * self.contrast.value(0.0),
            "minima": minima(&self.minima),
            "unique_for_every_epsilon": window.is_err() && ties.is_empty(),
            "ties": ties.iter().map(tie).collect::<Vec<_>>(),
            "traits": self.character.as_ref().map(|it| it.traits.iter().map(answer).collect::<Vec<_>>()),
            "verdict": self.character.as_ref().map(|it| &it.verdict),
            "unique_reason": window.as_ref().err().map(ToString::to_string),
            "uniqueness_fails_from_classes": self.fails_from(),
            "window": window.ok().map(|w| json!({
                "zero_stable_from": self.epsilon(w.zero_stable_from),
                "transition": self.epsilon(w.transition),
                "simplex_stable_to": self.epsilon(w.simplex_stable_to),
                "scale_at_transition": w.scale,
            })),
            "zero_threshold": balanced.zero_threshold(),
            "geometry": found.map(|m| m.geometry),
            "value": found.map(|m| m.value),
            "scale": found.map(|m| m.scale),
            "mean_part": found.map(|m| m.mean_part),
            "rank": found.map(|m| m.rank),
            "global": found.map(|m| m.global),
            "reason": self.minimum.as_ref().err(),
            "standing": "numerical",
            "proved_by": self.proof_command(),
            "curves": self.weights.iter().map(curve).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let balanced = &self.balanced;
        let mut out =
            format!("{} · {}, K = {}, bias {}\n\n", balanced.scale, balanced.loss, balanced.classes, balanced.bias.name());
        let mut row = |name: &str, value: String| out += &format!("{name:<22} {value}\n");
        row("convex in the logits", self.region());
        let shift =
            if balanced.loss.function().shift_invariant() { "" } else { "  (at the best shift of the logits: a free bias)" };
        row(
            "contrastive bound",
            format!("L ≥ φ(t), t = Σ_{{j≠k}} (z_j − z_k); φ(0) = {}{shift}", balanced.scale * self.contrast.value(0.0)),
        );
        match self.contrast.window() {
            Err(_) if !self.contrast.ties().is_empty() => {
                let places: Vec<String> =
                    self.contrast.ties().iter().map(|tie| format!("ε = {:.10}", self.epsilon(tie.epsilon))).collect();
                row("unique argmin", format!("no: two margins tie at {}", places.join(", ")));
            }
            Err(error) => row("unique argmin", format!("yes, for every ε ({})", error.reason)),
            Ok(window) => {
                let first = self.fails_from().map_or(String::new(), |first| format!("; so it is for every K ≥ {first}"));
                row("unique argmin", format!("no: two tie at the transition{first}"));
                row("  zero is stable from", format!("ε = {:.10}", self.epsilon(window.zero_stable_from)));
                row("  transition", format!("ε = {:.10}, from s = {:.6} to 0", self.epsilon(window.transition), window.scale));
                row(
                    "  simplex stable to",
                    format!("ε = {:.10}  (along the scalar problem)", self.epsilon(window.simplex_stable_to)),
                );
            }
        }
        let threshold = balanced.zero_threshold().map_or("no closed form".into(), |x| format!("ε ≥ {x:.10}: W = H = 0"));
        row("zero phase", threshold);
        let chosen = if self.has_epsilon { "" } else { "  (half the zero threshold; model.decay.epsilon=… sets it)" };
        row("\nat ε", format!(" {:e}{chosen}", balanced.epsilon()));
        for minimum in &self.minima {
            let kind = if minimum.global { "global" } else { "local" };
            let value = balanced.scale * minimum.value;
            row("  argmin φ(t) + c|t|", format!("t = {:.10}, s = {:.10}, value {value:.10}  {kind}", minimum.t, minimum.scale));
        }
        match &self.minimum {
            Ok(found) => {
                let known = if found.global { "" } else { "  (the best value known; not shown global)" };
                row("  geometry", format!("{}, rank {}, f* = {}{known}", found.geometry, found.rank, found.value));
                if found.mean_part.abs() > 0.0 {
                    row("  mean part", format!("t = {} beside s = {}", found.mean_part, found.scale));
                }
            }
            Err(reason) => row("  geometry", format!("no closed form: {reason}")),
        }
        if let Some(character) = &self.character {
            out += "\n";
            for it in &character.traits {
                out += &format!("{:<22} {}  [{}]\n", question(it.name), it.words, it.known.name());
            }
            out += &format!("\nverdict: {}\n", character.verdict);
        }
        out + &self.known()
    }

    /// How all this is known, and how to prove what can be proved.
    fn known(&self) -> String {
        match self.proof_command() {
            Some(command) => format!("\nknown by closed forms in floats; proved, with a certificate, by: {command}\n"),
            None => String::new(),
        }
    }

    /// The command that proves convexity region, uniqueness and transition, for losses that such claims are about.
    fn proof_command(&self) -> Option<String> {
        if self.character.is_some() {
            return None;
        }
        let parameters = self.balanced.loss.parameters().into_iter().map(|(name, value)| format!(" loss.{name}={value}"));
        let parameters: String = parameters.collect();
        let (name, classes) = (self.balanced.loss.name(), self.balanced.classes);
        Some(format!("ufm prove --loss {name}{parameters} model.classes={classes} --out FILE"))
    }
}

/// A trait as a question.
fn question(name: &str) -> &str {
    match name {
        "falls" => "falls with p?",
        "convex" => "convex?",
        "slope-bounded" => "slope bounded?",
        "bounded-below" => "bounded below?",
        "smooth" => "smooth?",
        "contrastive" => "contrastive?",
        other => other,
    }
}

/// The arguments of a loss of the user's own: a key without its section is a parameter.
fn own_arguments(formula: Option<&str>, settings: &[String]) -> Vec<String> {
    let prefixed = |setting: &String| {
        let key = setting.split_once('=').map_or("", |(key, _)| key);
        if key.is_empty() || key.contains('.') { setting.clone() } else { format!("loss.{setting}") }
    };
    let ell = formula.map(|formula| format!("loss.ell={formula}"));
    let name = format!("loss.name={}", losses::CUSTOM.name);
    std::iter::once(name).chain(ell).chain(settings.iter().map(prefixed)).collect()
}

/// The arguments with NAME as `loss.name`.
fn arguments(args: &Args) -> Result<Vec<String>, CliError> {
    let name = args.name.as_deref().unwrap_or_default();
    let mut settings = args.settings.clone();
    if let Some(formula) = &args.ell {
        // What would be NAME is the first setting then.
        if !name.is_empty() {
            settings.insert(0, name.to_owned());
        }
        if let Some(stray) = settings.iter().find(|setting| !setting.contains('=')) {
            let message = format!("--ell gives a loss of your own, so `{stray}` is one too many");
            return Err(CliError::refused_with_help(message, "write `ufm loss --ell EXPR KEY=VALUE…`, or `ufm loss NAME`"));
        }
        return Ok(own_arguments(Some(formula), &settings));
    }
    if name == losses::CUSTOM.name {
        return Ok(own_arguments(None, &settings));
    }
    named(name, &settings)
}

/// The settings with NAME as `loss.name`.
pub(super) fn named(name: &str, settings: &[String]) -> Result<Vec<String>, CliError> {
    let mut settings = settings.to_vec();
    if let Some((key, _)) = name.split_once('=') {
        let message = format!("`{name}` stands where the loss's name belongs");
        let help = if key == "loss.name" {
            format!("write `ufm loss {}`", &name["loss.name=".len()..])
        } else {
            "write `ufm loss NAME KEY=VALUE…`".into()
        };
        return Err(CliError::refused_with_help(message, help));
    }
    if !losses::ALL.iter().any(|family| family.name == name) {
        let names: Vec<&str> = losses::ALL.iter().chain([&losses::CUSTOM]).map(|family| family.name).collect();
        let help = crate::scenario::nearest(name, names.iter().copied())
            .map_or(format!("the losses there are: {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
        return Err(CliError::refused_with_help(format!("there is no loss `{name}`; there are {}", names.join(", ")), help));
    }
    let parameters = || losses::ALL.iter().flat_map(|family| family.parameters).map(|parameter| parameter.name);
    for setting in &mut settings {
        // A parameter without its section is what one types first.
        let Some((key, _)) = setting.split_once('=') else { continue };
        if parameters().any(|name| name == key) {
            *setting = format!("loss.{setting}");
        } else if let Some(near) = crate::scenario::nearest(key, parameters()).filter(|_| !key.contains('.')) {
            return Err(CliError::refused_with_help(
                format!("argument `{setting}`: unknown key `{key}`"),
                format!("did you mean `loss.{near}`?"),
            ));
        }
    }
    settings.insert(0, format!("loss.name={name}"));
    Ok(settings)
}

/// The curves drawn: the ε asked for, and those that matter to this loss.
fn weights(contrast: &Contrast, c: f64, has_epsilon: bool) -> Vec<Weight> {
    let weight = |c: f64, label: &str| Weight { c, label: label.into() };
    let mut weights = match contrast.window() {
        Ok(window) => vec![
            weight(0.97 * window.zero_stable_from, "below the window"),
            weight(window.transition, "transition"),
            weight(1.03 * window.simplex_stable_to, "above the window"),
        ],
        Err(_) => {
            let edge = contrast.zero_threshold().filter(|edge| *edge > 0.0).unwrap_or(2.0 * c);
            let mut weights = vec![weight(edge, "zero threshold"), weight(1.5 * edge, "above it")];
            if !has_epsilon {
                weights.insert(0, weight(0.5 * edge, "half the threshold"));
            }
            weights
        }
    };
    if has_epsilon {
        weights.insert(0, weight(c, "as asked"));
    }
    weights
}
