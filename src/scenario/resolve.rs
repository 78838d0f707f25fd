//! From tables to cases: every value judged, every default filled in.

use std::path::{Path, PathBuf};

use super::arguments::keys_of;
use super::asked::{census, certify, figures, theorems};
use super::device::device;
use super::error::suggestion;
use super::expect::known;
use super::identity::case_id;
use super::model_table::{bias_and_decay, shape};
use super::output::{Asked, output};
use super::partial_start;
use super::read::list;
use super::slice::slice;
use super::tables::{LossTable, PerClassTable, ScenarioTable, Several, SolverTable, SpectraTable, StartTable, StopTable};
use super::tree::{Fault, Way};
use super::{Case, Census, DEFAULT_SOLVER, DEFAULT_START, Slice, Spectra, SpectraLevel, start_file};
use crate::losses::{self, Custom, Loss};
use crate::model::Shape;
use crate::objective::Problem;
use crate::solvers::{SolverSpec, Stop};
use crate::starts::{Base, Representation, StartSpec};
use crate::{solvers, starts};

/// Most points of one start, for the same reason.
const COUNT_MAX: u64 = 1_000_000;
/// More pairs than this make L-BFGS slower without making it better.
const MEMORY_MAX: u64 = 1_000;

/// What [`resolve`] finds.
pub(super) struct Resolved {
    pub(super) cases: Vec<Case>,
    pub(super) losses: Vec<(Loss, f64)>,
    pub(super) solvers: Vec<SolverSpec>,
    pub(super) spectra: Spectra,
    pub(super) census: Option<Census>,
    pub(super) slice: Option<Slice>,
    pub(super) output: Asked,
    pub(super) figures: Vec<String>,
    pub(super) theorems: Vec<String>,
    pub(super) labels_from_file: bool,
}

pub(super) fn resolve(table: &ScenarioTable, base_dir: &Path) -> Result<Resolved, Fault> {
    let losses = each(&table.loss, "loss", loss)?;
    let shape = shape(&table.model, &table.starts, base_dir)?;
    let starts = each(&table.starts, "starts", |table, way| start(table, way, &shape, base_dir))?;
    let (bias, decay) = bias_and_decay(&table.model, &shape)?;
    let solvers = match &table.solver {
        Some(solvers) => each(solvers, "solver", solver)?,
        None => vec![solver(&SolverTable::default(), &Way::keys(["solver"]))?],
    };
    if let Some(table) = &table.solver {
        following_fits(&solvers, table.numbered, shape.dimension(bias))?;
    }
    let device = device(table.device.as_deref(), &solvers, table.solver.as_ref().is_some_and(|several| several.numbered))?;
    let stop = stop(table.stop.as_ref())?;
    let spectra = spectra(table.spectra.as_ref())?;
    let census = table.census.as_ref().map(census).transpose()?;
    let slice = table.slice.as_ref().map(slice).transpose()?;
    let certify = certify(table)?;
    let reader = census.as_ref().map(|_| "census").or(slice.as_ref().map(|_| "slice"));
    let output = output(table.output.as_ref(), reader)?;
    let figures = figures(table)?;
    let theorems = theorems(table)?;
    if let Some(expect) = &table.expect {
        expect.check()?;
        if let (Some(key), None) = (expect.needs_census(), &census) {
            let fault = Fault::new(&Way::keys(["expect", key]), "only a census can tell, and the scenario asks for none");
            return Err(fault.at_key().help(Some("add an empty table `[census]`".into())));
        }
    }

    let problem = |loss: &(Loss, f64)| Problem {
        shape: shape.clone(),
        bias,
        decay,
        loss: loss.0.for_sizes(shape.class_sizes()),
        scale: loss.1,
    };
    let files = check_files(&table.starts, &starts, &problem(&losses[0]))?;
    let mut cases = Vec::new();
    for loss in &losses {
        for solver in &solvers {
            let problem = problem(loss);
            if let Some(reason) = problem.unsupported() {
                return Err(Fault::new(&Way::keys(["model", "bias"]), reason));
            }
            let id = case_id(&problem, &starts, &files, solver, device, &stop, &spectra, &certify, output.points);
            if let Some(twin) = cases.iter().find(|case: &&Case| case.id == id) {
                let message = format!(
                    "the loss {loss} with solver {} occurs twice: cases {} and {} are the same",
                    solver.name(),
                    twin.index,
                    cases.len(),
                    loss = loss.0
                );
                return Err(Fault::new(&Way::keys(["loss"]), message));
            }
            let (starts, solver, certify) = (starts.clone(), solver.clone(), certify.clone());
            cases.push(Case {
                index: cases.len(),
                cell: String::new(),
                id,
                problem,
                starts,
                solver,
                device,
                stop,
                spectra,
                certify,
            });
        }
    }
    let labels_from_file = table.model.per_class == PerClassTable::File;
    Ok(Resolved { cases, losses, solvers, spectra, census, slice, output, figures, theorems, labels_from_file })
}

/// Resolves every element of a section, with the way to it.
fn each<T, R>(several: &Several<T>, section: &str, resolve: impl Fn(&T, &Way) -> Result<R, Fault>) -> Result<Vec<R>, Fault> {
    let way = Way::keys([section]);
    let way_to = |index| if several.numbered { way.at(index) } else { way.clone() };
    several.elements.iter().enumerate().map(|(index, element)| resolve(element, &way_to(index))).collect()
}

pub(super) fn loss(table: &LossTable, way: &Way) -> Result<(Loss, f64), Fault> {
    let names = losses::ALL.iter().chain([&losses::CUSTOM]).map(|family| family.name);
    known(&way.then("name"), &table.name, "loss", names)?;
    if table.name == losses::CUSTOM.name {
        let scale = positive(&way.then("scale"), table.scale.unwrap_or(1.0))?;
        return Ok((own_loss(table, way)?, scale));
    }
    let family = losses::ALL.iter().find(|family| family.name == table.name).expect("the name is known");
    let keys = keys_of("loss", Some(family.name));
    for key in table.parameters.keys().chain(table.texts.keys()) {
        if !keys.contains(&key.as_str()) {
            return Err(not_taken(way, "loss", family.name, key, &keys));
        }
    }
    let mut values = Vec::new();
    for parameter in family.parameters {
        let way = way.then(parameter.name);
        let value = table.parameters.get(parameter.name).copied().or(parameter.default).ok_or_else(|| {
            Fault::new(&way, format!("the loss `{}` needs `{}` ({})", family.name, parameter.name, parameter.allowed))
        })?;
        if !(parameter.allows)(value) {
            return Err(Fault::new(&way, format!("must satisfy {}, and is {value}", parameter.allowed)));
        }
        values.push(value);
    }
    let scale = positive(&way.then("scale"), table.scale.unwrap_or(1.0))?;
    Ok(((family.build)(&values), scale))
}

/// A loss of the user's own.
fn own_loss(table: &LossTable, way: &Way) -> Result<Loss, Fault> {
    let loss = Custom::new(&table.texts, &table.parameters).map_err(|fault| {
        let found = Fault::new(&way.then(&fault.key), fault.message).help(fault.help);
        if fault.at_key { found.at_key() } else { found }
    })?;
    Ok(Loss::Custom(loss.into()))
}

/// The fault of a key that exists for other members of the family, or for none.
fn not_taken(way: &Way, what: &str, name: &str, key: &str, keys: &[&'static str]) -> Fault {
    let message = format!("the {what} `{name}` takes no key `{key}`; known here: {}", list(keys.iter().copied()));
    Fault::new(&way.then(key), message).help(suggestion(key, keys.iter().copied())).at_key()
}

fn start(table: &StartTable, way: &Way, shape: &Shape, base_dir: &Path) -> Result<StartSpec, Fault> {
    let name = table.name.as_deref().unwrap_or(DEFAULT_START);
    known(&way.then("name"), name, "start", starts::ALL.iter().map(|family| family.name))?;
    let given = [
        ("count", table.count.is_some()),
        ("scale", table.scale.is_some()),
        ("seed", table.seed.is_some()),
        ("path", table.path.is_some()),
        ("representation", table.representation.is_some()),
        ("base", table.base.is_some()),
        ("alive", table.alive.is_some()),
    ];
    only_taken(way, "starts", "start", name, &given)?;
    if name == StartSpec::Origin.name() {
        return Ok(StartSpec::Origin);
    }
    if name == "file" {
        let path = table.path.as_deref().ok_or_else(|| Fault::new(&way.then("path"), "the start `file` needs a `path`"))?;
        return Ok(StartSpec::File { path: absolute(base_dir, path) });
    }
    if name == "partial" {
        return partial_start::resolve(table, way, shape);
    }
    let seed = table.seed.ok_or_else(|| {
        Fault::new(&way.then("seed"), format!("the start `{name}` draws at random, so it needs a `seed` (a whole number)"))
    })?;
    let default = if matches!(name, "rank-ladder" | "tied-classes" | "origin-classes") { 4 } else { 8 };
    let count = in_range(&way.then("count"), table.count.unwrap_or(default), 1, COUNT_MAX)? as usize;
    let scale_way = way.then("scale");
    Ok(match name {
        "near-etf" => {
            etf_fits(name, shape, way)?;
            StartSpec::NearEtf { count, scale: not_negative(&scale_way, table.scale.unwrap_or(0.1))?, seed }
        }
        "representation" => {
            let (representation, base) = representation(table, way, shape)?;
            let scale = not_negative(&scale_way, table.scale.unwrap_or(0.1))?;
            StartSpec::Representation { representation, base, count, scale, seed }
        }
        "rank-ladder" => StartSpec::RankLadder { count, scale: positive(&scale_way, table.scale.unwrap_or(1.0))?, seed },
        "tied-classes" | "origin-classes" => {
            let scale = positive(&scale_way, table.scale.unwrap_or(1.0))?;
            let tied = name == "tied-classes";
            let spec = if tied {
                StartSpec::TiedClasses { count, scale, seed }
            } else {
                StartSpec::OriginClasses { count, scale, seed }
            };
            let kinds = starts::arrangements(&spec, shape);
            if kinds >= starts::ARRANGEMENTS_MAX {
                let message = format!(
                    "the start `{name}` has {} or more arrangements of {} classes; there are fewer of fewer classes, or of more equal ones",
                    starts::ARRANGEMENTS_MAX,
                    shape.classes()
                );
                return Err(Fault::new(way, message));
            }
            spec
        }
        _ => StartSpec::Gaussian { count, scale: positive(&scale_way, table.scale.unwrap_or(1.0))?, seed },
    })
}

/// The component and the base of a start `representation`.
fn representation(table: &StartTable, way: &Way, shape: &Shape) -> Result<(Representation, Base), Fault> {
    let which_way = way.then("representation");
    let names = || Representation::ALL.iter().map(|representation| representation.name());
    let name = table.representation.as_deref().ok_or_else(|| {
        Fault::new(&which_way, format!("the start `representation` needs a `representation`: {}", list(names())))
    })?;
    known(&which_way, name, "representation", names())?;
    let which = *Representation::ALL.iter().find(|which| which.name() == name).expect("the name is known");
    let base = table.base.as_deref().unwrap_or(Base::Etf.name());
    known(&way.then("base"), base, "base", Base::ALL.iter().map(|base| base.name()))?;
    let base = *Base::ALL.iter().find(|known| known.name() == base).expect("the name is known");
    etf_fits("representation", shape, way)?;
    match which.absent(shape.classes()) {
        Some(message) => Err(Fault::new(&which_way, message)),
        None => Ok((which, base)),
    }
}

/// A simplex ETF of K classes has rank K − 1, and its closed form is that of equal classes.
fn etf_fits(name: &str, shape: &Shape, way: &Way) -> Result<(), Fault> {
    if shape.per_class().is_none() {
        return Err(Fault::new(way, format!("the start `{name}` needs classes of equal size (model.per_class)")));
    }
    if shape.width() + 1 < shape.classes() {
        let message = format!("the start `{name}` needs width ≥ classes − 1 = {}, not {}", shape.classes() - 1, shape.width());
        return Err(Fault::new(way, message));
    }
    Ok(())
}

/// Whether every key given is one that the member takes.
fn only_taken(way: &Way, section: &str, what: &str, name: &str, given: &[(&str, bool)]) -> Result<(), Fault> {
    let keys = keys_of(section, Some(name));
    match given.iter().find(|(key, is_given)| *is_given && !keys.contains(key)) {
        None => Ok(()),
        Some((key, _)) => Err(not_taken(way, what, name, key, &keys)),
    }
}

pub(super) fn solver(table: &SolverTable, way: &Way) -> Result<SolverSpec, Fault> {
    let name = table.name.as_deref().unwrap_or(DEFAULT_SOLVER);
    known(&way.then("name"), name, "solver", solvers::ALL.iter().map(|family| family.name))?;
    let given = [
        ("step", table.step.is_some()),
        ("momentum", table.momentum.is_some()),
        ("memory", table.memory.is_some()),
        ("radius", table.radius.is_some()),
        ("index", table.index.is_some()),
        ("tolerance", table.tolerance.is_some()),
        ("time", table.time.is_some()),
    ];
    only_taken(way, "solver", "solver", name, &given)?;
    Ok(match name {
        "gradient-descent" => {
            SolverSpec::GradientDescent { step: table.step.map(|step| positive(&way.then("step"), step)).transpose()? }
        }
        "momentum" => {
            let momentum = table.momentum.unwrap_or(0.9);
            if !(0.0..1.0).contains(&momentum) {
                return Err(Fault::new(&way.then("momentum"), format!("must satisfy 0 ≤ momentum < 1, and is {momentum}")));
            }
            SolverSpec::Momentum { step: positive(&way.then("step"), table.step.unwrap_or(0.1))?, momentum }
        }
        "trust-region" => SolverSpec::TrustRegion { radius: positive(&way.then("radius"), table.radius.unwrap_or(1.0))? },
        "gradient-norm" => SolverSpec::GradientNorm,
        "newton-minres" => SolverSpec::NewtonMinres,
        "eigenvector-following" => {
            let index_way = way.then("index");
            let message = "the solver `eigenvector-following` needs the `index` that it is to seek (a whole number)";
            let index = table.index.ok_or_else(|| Fault::new(&index_way, message))?;
            let index = in_range(&index_way, index, 0, solvers::FOLLOWING_DIMENSION_MAX as u64)? as usize;
            SolverSpec::EigenvectorFollowing { index, radius: positive(&way.then("radius"), table.radius.unwrap_or(1.0))? }
        }
        "gradient-flow" => SolverSpec::GradientFlow {
            tolerance: flow_tolerance(&way.then("tolerance"), table.tolerance.unwrap_or(1e-10))?,
            time: table.time.map(|time| positive(&way.then("time"), time)).transpose()?,
        },
        _ => SolverSpec::Lbfgs { memory: in_range(&way.then("memory"), table.memory.unwrap_or(10), 1, MEMORY_MAX)? as usize },
    })
}

/// Below 1e-13 rounding fails every step; above 1e-2 it is no control.
fn flow_tolerance(way: &Way, tolerance: f64) -> Result<f64, Fault> {
    if (1e-13..=1e-2).contains(&tolerance) {
        return Ok(tolerance);
    }
    Err(Fault::new(way, format!("must be from 1e-13 to 0.01, and is {tolerance}")))
}

/// Eigenvector following decomposes the whole Hessian at every step.
fn following_fits(solvers: &[SolverSpec], numbered: bool, dimension: usize) -> Result<(), Fault> {
    let way = Way::keys(["solver"]);
    for (position, solver) in solvers.iter().enumerate() {
        let SolverSpec::EigenvectorFollowing { index, .. } = *solver else { continue };
        let way = if numbered { way.at(position) } else { way.clone() };
        let most = solvers::FOLLOWING_DIMENSION_MAX;
        if dimension > most {
            let message = format!(
                "`eigenvector-following` decomposes the whole Hessian at every step, whose dimension Kd + dN + K is {dimension} here; at most {most} is offered"
            );
            let help =
                "make the model smaller (one sample a class has the same saddles), or take solver.name = \"gradient-norm\"";
            return Err(Fault::new(&way.then("name"), message).help(Some(help.into())));
        }
        if index > dimension {
            let message = format!("there are {dimension} eigenvalues in all, so no point has index {index}");
            return Err(Fault::new(&way.then("index"), message));
        }
    }
    Ok(())
}

fn stop(table: Option<&StopTable>) -> Result<Stop, Fault> {
    let default = Stop::default();
    let Some(table) = table else { return Ok(default) };
    let way = Way::keys(["stop", "gradient_norm"]);
    Ok(Stop {
        gradient_norm: not_negative(&way, table.gradient_norm.unwrap_or(default.gradient_norm))?,
        steps_max: table.steps_max.unwrap_or(default.steps_max),
        polish: table.polish.unwrap_or(default.polish),
    })
}

pub(super) fn spectra(table: Option<&SpectraTable>) -> Result<Spectra, Fault> {
    let mut spectra = Spectra::default();
    let Some(table) = table else { return Ok(spectra) };
    let way = Way::keys(["spectra"]);
    if let Some(name) = &table.level {
        known(&way.then("level"), name, "level", SpectraLevel::ALL.iter().map(|level| level.name()))?;
        spectra.level = *SpectraLevel::ALL.iter().find(|level| level.name() == name).expect("the name is known");
    }
    if let Some(memory_mib) = table.memory_mib {
        spectra.memory_mib = in_range(&way.then("memory_mib"), memory_mib, 1, 1 << 32)?;
    }
    Ok(spectra)
}

/// Reads every file start once against the model; returns the sha256 of each.
fn check_files(table: &Several<StartTable>, starts: &[StartSpec], problem: &Problem) -> Result<Vec<String>, Fault> {
    let mut hashes = Vec::new();
    let way = Way::keys(["starts"]);
    for (index, start) in starts.iter().enumerate() {
        let StartSpec::File { path } = start else { continue };
        let way = if table.numbered { way.at(index) } else { way.clone() }.then("path");
        start_file::read_start(path, problem).map_err(|message| Fault::new(&way, message))?;
        hashes.push(start_file::sha256(path).map_err(|message| Fault::new(&way, message))?);
    }
    Ok(hashes)
}

/// A path of the scenario, which starts at its folder. Absolute, so that the resolved scenario can be read from elsewhere.
pub(super) fn absolute(base_dir: &Path, path: &str) -> PathBuf {
    let joined = base_dir.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

pub(super) fn positive(way: &Way, value: f64) -> Result<f64, Fault> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Fault::new(way, format!("must be a finite number greater than 0, and is {value}")))
}

fn not_negative(way: &Way, value: f64) -> Result<f64, Fault> {
    if value >= 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Fault::new(way, format!("must be a finite number that is not negative, and is {value}")))
}

pub(super) fn in_range(way: &Way, value: u64, least: u64, most: u64) -> Result<u64, Fault> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Fault::new(way, format!("must be from {least} to {most}, and is {value}")))
}
