//! The resolved scenario as TOML: complete, deterministic, readable, and resolving to the same cases when it is read again.

use std::fmt::Write;

use super::output::POINTS;
use super::resolve::Resolved;
use super::tree::{Node, Value, decimal};
use super::{Case, Device, Expect, Scenario};
use crate::model::{Bias, Shape};
use crate::solvers::SolverSpec;
use crate::starts::StartSpec;

/// The text. What a sweep sets is written as its first cell has it, but for the `model` of a sweep, which is given as it was written: its keys depend on each other.
pub(super) fn resolved(scenario: &Scenario, first: &Resolved, model: Option<&Node>) -> String {
    let mut out = String::from("# Resolved by ufm: every default is written out, every number is the double that was used.\n");
    let case = &scenario.cases[0];
    line(&mut out, "name", &text(&scenario.name));
    line(&mut out, "question", &text(&scenario.question));

    if case.device != Device::default() {
        line(&mut out, "device", &text(case.device.name()));
    }

    section(&mut out, "[model]");
    match model.map(|node| &node.value) {
        Some(Value::Table(entries)) => entries.iter().for_each(|entry| line(&mut out, &entry.key, &entry.node.toml())),
        _ => model_keys(&mut out, case, first.labels_from_file),
    }
    for (loss, scale) in &first.losses {
        section(&mut out, "[[loss]]");
        line(&mut out, "name", &text(loss.name()));
        for (key, formula) in loss.texts() {
            line(&mut out, key, &text(&formula));
        }
        for (name, value) in loss.parameters() {
            line(&mut out, &name, &decimal(value));
        }
        line(&mut out, "scale", &decimal(*scale));
    }
    for start in &case.starts {
        section(&mut out, "[[starts]]");
        line(&mut out, "name", &text(start.name()));
        start_keys(&mut out, start);
    }
    for solver in &first.solvers {
        section(&mut out, "[[solver]]");
        line(&mut out, "name", &text(solver.name()));
        solver_keys(&mut out, solver);
    }
    section(&mut out, "[stop]");
    line(&mut out, "gradient_norm", &decimal(case.stop.gradient_norm));
    line(&mut out, "steps_max", &case.stop.steps_max.to_string());
    line(&mut out, "polish", &case.stop.polish.to_string());
    section(&mut out, "[spectra]");
    line(&mut out, "level", &text(scenario.spectra.level.name()));
    line(&mut out, "memory_mib", &scenario.spectra.memory_mib.to_string());
    if !case.certify.is_empty() {
        section(&mut out, "[certify]");
        line(
            &mut out,
            "claims",
            &format!("[{}]", case.certify.iter().map(|goal| text(goal.name())).collect::<Vec<_>>().join(", ")),
        );
    }
    if let Some(census) = &scenario.census {
        section(&mut out, "[census]");
        line(&mut out, "escapes", &census.escapes.to_string());
        line(&mut out, "escape_directions", &census.escape_directions.to_string());
        line(&mut out, "families", &census.families.to_string());
    }
    if let Some(slice) = &scenario.slice {
        section(&mut out, "[slice]");
        slice.through.iter().for_each(|orbit| line(&mut out, "through", &orbit.to_string()));
        line(&mut out, "directions", &format!("[{}]", slice.directions.map(|direction| text(direction.name())).join(", ")));
        line(&mut out, "span", &decimal(slice.span));
        line(&mut out, "resolution", &slice.resolution.to_string());
    }
    section(&mut out, "[output]");
    line(&mut out, "trajectories", &text(scenario.output.trajectories.name()));
    line(&mut out, "points", &text(POINTS[usize::from(!scenario.output.points)]));
    section(&mut out, "[report]");
    line(&mut out, "figures", &format!("[{}]", scenario.figures.iter().map(|id| text(id)).collect::<Vec<_>>().join(", ")));
    line(&mut out, "theorems", &format!("[{}]", scenario.theorems.iter().map(|id| text(id)).collect::<Vec<_>>().join(", ")));
    expectations(&mut out, &scenario.expect);
    out
}

fn model_keys(out: &mut String, case: &Case, labels_from_file: bool) {
    let (problem, decay) = (&case.problem, case.problem.decay);
    line(out, "classes", &problem.shape.classes().to_string());
    line(out, "width", &problem.shape.width().to_string());
    line(out, "per_class", &if labels_from_file { text("file") } else { sizes(&problem.shape) });
    line(out, "collapsed", &problem.shape.multiplicities().is_some().to_string());
    line(out, "bias", &text(problem.bias.name()));
    let b = if problem.bias == Bias::Decayed { format!(", b = {:?}", decay.b) } else { String::new() };
    line(out, "decay", &format!("{{ w = {:?}, h = {:?}{b} }}", decay.w, decay.h));
}

fn start_keys(out: &mut String, start: &StartSpec) {
    match start {
        StartSpec::Gaussian { count, scale, seed }
        | StartSpec::NearEtf { count, scale, seed }
        | StartSpec::RankLadder { count, scale, seed }
        | StartSpec::TiedClasses { count, scale, seed }
        | StartSpec::OriginClasses { count, scale, seed } => {
            line(out, "count", &count.to_string());
            line(out, "scale", &decimal(*scale));
            line(out, "seed", &seed.to_string());
        }
        StartSpec::Representation { representation, base, count, scale, seed } => {
            line(out, "representation", &text(representation.name()));
            line(out, "base", &text(base.name()));
            line(out, "count", &count.to_string());
            line(out, "scale", &decimal(*scale));
            line(out, "seed", &seed.to_string());
        }
        StartSpec::Partial { alive } => {
            let numbers: Vec<String> = alive.iter().map(ToString::to_string).collect();
            line(out, "alive", &format!("[{}]", numbers.join(", ")));
        }
        StartSpec::Origin => {}
        StartSpec::File { path } => line(out, "path", &text(&path.to_string_lossy())),
    }
}

fn solver_keys(out: &mut String, solver: &SolverSpec) {
    match *solver {
        SolverSpec::GradientDescent { step: Some(step) } => line(out, "step", &decimal(step)),
        SolverSpec::GradientDescent { step: None } | SolverSpec::GradientNorm | SolverSpec::NewtonMinres => {}
        SolverSpec::GradientFlow { tolerance, time } => {
            line(out, "tolerance", &decimal(tolerance));
            if let Some(time) = time {
                line(out, "time", &decimal(time));
            }
        }
        SolverSpec::EigenvectorFollowing { index, radius } => {
            line(out, "index", &index.to_string());
            line(out, "radius", &decimal(radius));
        }
        SolverSpec::Momentum { step, momentum } => {
            line(out, "step", &decimal(step));
            line(out, "momentum", &decimal(momentum));
        }
        SolverSpec::Lbfgs { memory } => line(out, "memory", &memory.to_string()),
        SolverSpec::TrustRegion { radius } => line(out, "radius", &decimal(radius)),
    }
}

fn expectations(out: &mut String, expect: &Expect) {
    let table = toml::Table::try_from(expect).expect("expectations are TOML: numbers, names and tables of them");
    if table.is_empty() {
        return;
    }
    section(out, "[expect]");
    for (key, value) in &table {
        line(out, key, &inline(value));
    }
}

/// A value on one line. The library would write 1e-12 as 0.000000000001.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::Float(x) => decimal(*x),
        toml::Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        toml::Value::Table(table) => {
            let entries: Vec<String> = table.iter().map(|(key, value)| format!("{} = {}", text(key), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

fn sizes(shape: &Shape) -> String {
    match shape.per_class() {
        Some(size) => size.to_string(),
        None => format!("{:?}", shape.class_sizes()),
    }
}

fn section(out: &mut String, header: &str) {
    let _ = writeln!(out, "\n{header}");
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
