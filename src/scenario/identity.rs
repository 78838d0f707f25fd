//! The identity of a case: a hash of everything that can change one of its records.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Device, Spectra};
use crate::model::Shape;
use crate::objective::Problem;
use crate::record::SCHEMA;
use crate::rigor::prove::Goal;
use crate::solvers::{SolverSpec, Stop};
use crate::starts::StartSpec;

/// 16 hexadecimal digits of the sha256 of the case's canonical JSON (keys in the order written here, no spaces, numbers by their bits).
///
/// `files` holds the sha256 of every file start, in the order of the starts: contents count, names do not.
pub(super) fn case_id(
    problem: &Problem,
    starts: &[StartSpec],
    files: &[String],
    solver: &SolverSpec,
    device: Device,
    stop: &Stop,
    spectra: &Spectra,
    certify: &[Goal],
    points: bool,
) -> String {
    let mut files = files.iter();
    let starts: Vec<Value> = starts.iter().map(|start| start_json(start, &mut files)).collect();
    let mut loss = json!({
        "name": problem.loss.name(),
        "parameters": problem.loss.parameters().iter().map(|(name, value)| json!([name, bits(*value)])).collect::<Vec<_>>(),
        "scale": bits(problem.scale),
    });
    // Spaces and needless parentheses do not make another loss: the texts are canonical.
    let texts = problem.loss.texts();
    if !texts.is_empty() {
        loss["texts"] = json!(texts);
    }
    let mut canonical = json!({
        "schema": SCHEMA,
        "device": device.name(),
        "model": {
            "width": problem.shape.width(),
            "labels": labels(&problem.shape),
            "bias": problem.bias.name(),
            "decay": [bits(problem.decay.w), bits(problem.decay.h), bits(problem.decay.b)],
        },
        "loss": loss,
        "starts": starts,
        "solver": solver_json(solver),
        "stop": { "gradient_norm": bits(stop.gradient_norm), "steps_max": stop.steps_max, "polish": stop.polish },
        "spectra": { "level": spectra.level.name(), "memory_mib": spectra.memory_mib },
        "certify": certify.iter().map(|goal| goal.name()).collect::<Vec<_>>(),
    });
    // Records name their point files, which are there unless the scenario leaves them out.
    if !points {
        canonical["points"] = json!("none");
    }
    // serde_json keeps the keys of a `Value` in the order of insertion, which is fixed above: this text is canonical.
    hexadecimal(&Sha256::digest(canonical.to_string().as_bytes()))[..16].to_owned()
}

/// Class sizes where samples are ordered by class; otherwise a hash of all labels. Columns with multiplicities are named as such.
fn labels(shape: &Shape) -> Value {
    if let Some(multiplicities) = shape.multiplicities() {
        return json!({ "columns": shape.labels(), "multiplicities": multiplicities, "classes": shape.classes() });
    }
    if shape.labels().is_sorted() {
        return json!(shape.class_sizes());
    }
    let mut hasher = Sha256::new();
    for &label in shape.labels() {
        hasher.update((label as u64).to_le_bytes());
    }
    json!([shape.classes(), hexadecimal(&hasher.finalize())])
}

fn start_json<'a>(start: &StartSpec, files: &mut impl Iterator<Item = &'a String>) -> Value {
    let drawn =
        |count: usize, scale: f64, seed: u64| json!({ "name": start.name(), "count": count, "scale": bits(scale), "seed": seed });
    match *start {
        StartSpec::Gaussian { count, scale, seed }
        | StartSpec::NearEtf { count, scale, seed }
        | StartSpec::RankLadder { count, scale, seed }
        | StartSpec::TiedClasses { count, scale, seed }
        | StartSpec::OriginClasses { count, scale, seed } => drawn(count, scale, seed),
        StartSpec::Representation { representation, base, count, scale, seed } => json!({
            "name": start.name(), "representation": representation.name(), "base": base.name(),
            "count": count, "scale": bits(scale), "seed": seed,
        }),
        StartSpec::Partial { ref alive } => json!({ "name": start.name(), "alive": alive }),
        StartSpec::Origin => json!({ "name": start.name() }),
        StartSpec::File { .. } => json!({ "name": start.name(), "sha256": files.next() }),
    }
}

fn solver_json(solver: &SolverSpec) -> Value {
    let name = solver.name();
    match *solver {
        SolverSpec::GradientDescent { step } => json!({ "name": name, "step": step.map(bits) }),
        SolverSpec::Momentum { step, momentum } => json!({ "name": name, "step": bits(step), "momentum": bits(momentum) }),
        SolverSpec::Lbfgs { memory } => json!({ "name": name, "memory": memory }),
        SolverSpec::TrustRegion { radius } => json!({ "name": name, "radius": bits(radius) }),
        SolverSpec::GradientNorm | SolverSpec::NewtonMinres => json!({ "name": name }),
        SolverSpec::GradientFlow { tolerance, time } => {
            json!({ "name": name, "tolerance": bits(tolerance), "time": time.map(bits) })
        }
        SolverSpec::EigenvectorFollowing { index, radius } => json!({ "name": name, "index": index, "radius": bits(radius) }),
    }
}

/// A number by its bits: no rounding, no two spellings.
fn bits(x: f64) -> String {
    format!("{:016x}", x.to_bits())
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
