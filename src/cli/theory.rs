//! `ufm theory`: closed forms of a balanced problem.

use serde_json::{Value, json};

use super::{CliError, Outcome, print, print_json};
use crate::scenario::balanced_settings;
use crate::spectra::{EtfLevel, PartialSpectrum, etf_spectrum, partial_spectrum};
use crate::theory::{Balanced, BalancedMinimum, Entry, Quantity, closed_forms, listed_partial, partial_collapse};

/// Arguments of `ufm theory`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The problem: model.classes=4 model.width=6 model.per_class=5 model.decay.epsilon=0.01 loss.name=cross-entropy
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Prints value, scale, norms, thresholds and spectrum. What has no closed form is null, with the reason.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let balanced = balanced_settings(&args.settings)?;
    let minimum = balanced.minimum();
    let spectrum = minimum.as_ref().map_err(Clone::clone).and_then(|_| etf_spectrum(&balanced));
    if args.json {
        print_json(&document(&balanced, &minimum, &spectrum))?;
    } else {
        print(&(text(&balanced, &minimum, &spectrum) + &table(&entries(&balanced))))?;
    }
    Ok(Outcome::Done)
}

/// The closed forms; what spectra say of the partially collapsed states stands behind their values.
fn entries(balanced: &Balanced) -> Vec<Entry> {
    let mut entries = closed_forms(balanced);
    for alive in listed_partial(balanced.classes) {
        let name = |what: &str| format!("alive-{alive}.{what}");
        let Some(place) = entries.iter().position(|entry| entry.name == name("escape_ratio") && entry.value.is_ok()) else {
            continue;
        };
        let Some(spectrum) = partial_collapse(balanced, alive).ok().and_then(|state| partial_spectrum(balanced, &state).ok())
        else {
            continue;
        };
        let PartialSpectrum { index, nullity, nullity_symmetry, .. } = spectrum;
        let number = |count: u64| Quantity::Number(count as f64);
        let facts = [
            ("index", "negative eigenvalues there", number(index)),
            ("nullity", "zero eigenvalues there", number(nullity)),
            ("nullity_symmetry", "of these, explained by symmetry", number(nullity_symmetry)),
            ("nature", "what it is: local minima are strict modulo symmetry", Quantity::Words(spectrum.nature().into())),
        ];
        let facts = facts.map(|(what, meaning, value)| Entry {
            group: entries[place].group,
            name: name(what),
            meaning,
            value: Ok(value),
        });
        entries.splice(place + 1..place + 1, facts);
    }
    entries
}

fn document(balanced: &Balanced, minimum: &Result<BalancedMinimum, String>, spectrum: &Result<Vec<EtfLevel>, String>) -> Value {
    let found = minimum.as_ref().ok();
    let levels = spectrum.as_ref().ok().map(|levels| {
        let level = |l: &EtfLevel| json!({ "eigenvalue": l.eigenvalue, "multiplicity": l.multiplicity, "origin": l.origin });
        levels.iter().map(level).collect::<Vec<_>>()
    });
    let samples = balanced.classes as u64 * balanced.per_class;
    json!({
        "loss": balanced.loss.name(),
        "loss_params": balanced.loss.parameters().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "loss_scale": balanced.scale,
        "classes": balanced.classes,
        "width": balanced.width,
        "per_class": balanced.per_class,
        "samples": samples,
        "bias_mode": balanced.bias.name(),
        "decay_w": balanced.decay.w,
        "decay_h": balanced.decay.h,
        "decay_b": balanced.decay.b,
        "epsilon": balanced.epsilon(),
        "value": found.map(|m| m.value),
        "scale": found.map(|m| m.scale),
        "mean_part": found.map(|m| m.mean_part),
        "bias": found.map(|m| m.bias),
        "norm_w": found.map(|m| m.norm_w),
        "norm_h": found.map(|m| m.norm_h),
        "rank": found.map(|m| m.rank),
        "geometry": found.map(|m| m.geometry),
        "zero_phase": found.map(|m| m.zero_phase),
        "zero_threshold": balanced.zero_threshold(),
        "global": found.map(|m| m.global),
        "reason": minimum.as_ref().err(),
        "dimension": balanced.dimension() as u64,
        "spectrum": levels,
        "spectrum_reason": spectrum.as_ref().err(),
        "closed_forms": entries(balanced).iter().map(entry).collect::<Vec<_>>(),
    })
}

fn entry(entry: &Entry) -> Value {
    let value = entry.value.as_ref().ok().map(|value| match value {
        Quantity::Number(x) => json!(x),
        Quantity::Words(words) => json!(words),
    });
    let refused = entry.value.as_ref().err();
    json!({
        "group": entry.group,
        "name": entry.name,
        "meaning": entry.meaning,
        "value": value,
        "reason": refused.map(|refused| &refused.reason),
        "nearest": refused.map(|refused| &refused.nearest),
    })
}

/// The closed forms group by group; what does not apply is named below its group, with the reason once.
fn table(entries: &[Entry]) -> String {
    let mut out = String::new();
    for group in entries.chunk_by(|a, b| a.group == b.group) {
        out += &format!("\n{}\n", group[0].group);
        let wide = group.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0);
        let mut refused: Vec<(String, Vec<&str>)> = Vec::new();
        for entry in group {
            match &entry.value {
                Ok(value) => {
                    let value = match value {
                        Quantity::Number(x) => format!("{x:<24}"),
                        Quantity::Words(words) => format!("{words:<24}"),
                    };
                    out += &format!("  {:<wide$}  {value}  {}\n", entry.name, entry.meaning);
                }
                Err(why) => match refused.iter_mut().find(|(reason, _)| *reason == why.to_string()) {
                    Some((_, names)) => names.push(&entry.name),
                    None => refused.push((why.to_string(), vec![&entry.name])),
                },
            }
        }
        for (reason, names) in refused {
            out += &format!("  not here: {}\n    {reason}\n", names.join(", "));
        }
    }
    out
}

fn text(balanced: &Balanced, minimum: &Result<BalancedMinimum, String>, spectrum: &Result<Vec<EtfLevel>, String>) -> String {
    let Balanced { classes, width, per_class, bias, decay, loss, scale } = balanced;
    let mut out = format!("{scale} · {loss}, K = {classes}, d = {width}, n = {per_class}, bias {}\n", bias.name());
    out += &format!("λ_W = {:e}, λ_H = {:e}, λ_b = {:e}\n\n", decay.w, decay.h, decay.b);
    let mut row = |name: &str, value: String| out += &format!("{name:<15} {value}\n");
    row("epsilon", format!("{:e}", balanced.epsilon()));
    row("zero_threshold", balanced.zero_threshold().map_or_else(|| "no closed form".into(), |x| format!("{x:e}")));
    match minimum {
        Ok(found) => {
            row("geometry", found.geometry.into());
            row("value", format!("{}{}", found.value, if found.global { "" } else { "  (the best known; not shown global)" }));
            row("scale", found.scale.to_string());
            row("mean_part", found.mean_part.to_string());
            row("bias", found.bias.to_string());
            row("norm_w", found.norm_w.to_string());
            row("norm_h", found.norm_h.to_string());
            row("rank", found.rank.to_string());
            row("zero_phase", found.zero_phase.to_string());
        }
        Err(reason) => row("minimum", format!("no closed form: {reason}")),
    }
    match spectrum {
        Ok(levels) => {
            out += &format!("\nthe Hessian's {} eigenvalues there\n", balanced.dimension());
            for level in levels {
                out += &format!("{:>24e}  × {:<15} {}\n", level.eigenvalue, level.multiplicity, level.origin);
            }
        }
        Err(reason) => out += &format!("\nno spectrum: {reason}\n"),
    }
    out
}
