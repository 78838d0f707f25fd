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
    Balanced, BalancedMinimum, Contrast, ContrastMinimum, ConvexityRegion, convexity_region, focal_uniqueness_fails_from,
};

/// Arguments of `ufm loss`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A loss, as `ufm list losses` names it
    #[arg(value_name = "NAME", required_unless_present = "ell")]
    name: Option<String>,
    /// Its parameters and the problem: loss.gamma=3 model.classes=60 model.decay.epsilon=0.0195 model.bias=none
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// A loss of your own
    #[arg(long, value_name = "EXPR", hide = true, allow_hyphen_values = true)]
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
        if args.ell.is_some() {
            let names: Vec<&str> = losses::ALL.iter().map(|family| family.name).collect();
            return Err(CliError::refused_with_help(
                "--ell: losses of your own are not in this version",
                format!("the losses there are: {}", names.join(", ")),
            ));
        }
        let settings = arguments(args)?;
        let contrast_settings = contrast_settings(&settings)?;
        let (mut balanced, has_epsilon) = (contrast_settings.balanced, contrast_settings.has_epsilon);
        let contrast = Contrast::new(&balanced.loss, balanced.classes).map_err(|error| CliError::refused(error.to_string()))?;
        if !has_epsilon {
            // Half of what collapses everything: a place where the geometry shows.
            let epsilon = 0.5 * balanced.zero_threshold().unwrap_or(1e-2);
            (balanced.decay.w, balanced.decay.h) = (epsilon, epsilon);
        }
        let c = balanced.epsilon() / balanced.scale;
        let minima = contrast.minima(c).map_err(|error| CliError::refused(error.to_string()))?;
        let weights = weights(&contrast, c, has_epsilon);
        let minimum = balanced.minimum();
        Ok(Self { balanced, contrast, has_epsilon, minimum, minima, weights })
    }

    /// ε from c.
    fn epsilon(&self, c: f64) -> f64 {
        c * self.balanced.scale
    }

    fn region(&self) -> String {
        match convexity_region(&self.balanced.loss) {
            ConvexityRegion::Everywhere => "everywhere".into(),
            ConvexityRegion::TrueProbabilityFrom(edge) => format!("where p_k ≥ p_c = {edge:.10}"),
        }
    }

    /// The first number of classes at which uniqueness fails.
    fn fails_from(&self) -> Option<u64> {
        match &self.balanced.loss {
            losses::Loss::Focal(focal) => focal_uniqueness_fails_from(focal.gamma).ok(),
            _ => None,
        }
    }

    fn document(&self) -> Value {
        let balanced = &self.balanced;
        let window = self.contrast.window();
        let edge = match convexity_region(&balanced.loss) {
            ConvexityRegion::Everywhere => 0.0,
            ConvexityRegion::TrueProbabilityFrom(edge) => edge,
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
        json!({
            "loss": balanced.loss.name(),
            "loss_params": balanced.loss.parameters().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
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
            "unique_for_every_epsilon": window.is_err(),
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
        out
    }
}

/// The arguments with NAME as `loss.name`.
fn arguments(args: &Args) -> Result<Vec<String>, CliError> {
    let name = args.name.as_deref().unwrap_or_default();
    let mut settings = args.settings.clone();
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
        let names: Vec<&str> = losses::ALL.iter().map(|family| family.name).collect();
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
            let edge = contrast.zero_threshold().unwrap_or(2.0 * c);
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
