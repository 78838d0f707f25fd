//! From a TOML file and KEY=VALUE arguments to validated cases.
//!
//! Reading goes in four steps, so that every fault can point at the place it was written:
//! text → `tree` (each key and value remembers its origin) → `arguments` set in the tree → `tables` (serde types) → `resolve` (cases).
//! Names of losses, starts, solvers, metrics and figures come from each family's `ALL`; there is no second list.
//!
//! Every decimal is rounded once, to the nearest double, when the text is read; the resolved text writes shortest decimals that read back to the
//! same double.

mod arguments;
mod error;
mod expect;
mod identity;
mod read;
mod resolve;
mod settings;
mod start_file;
mod tables;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Bias;
use crate::objective::Problem;
use crate::report;
use crate::solvers::{SolverSpec, Stop};
use crate::spectra::Limits;
use crate::starts::StartSpec;
use tree::{Node, Sources};

pub use crate::spectra::Level as SpectraLevel;
pub use error::{InputError, Place, nearest};
pub use expect::{Expect, ExpectedValue, NATURES};
pub use settings::{LossSettings, PointSettings, balanced_settings, loss_settings, point_settings};
pub use start_file::read_start;
pub use tables::schema;

/// Every bias mode.
pub(crate) const BIASES: [Bias; 3] = [Bias::None, Bias::Free, Bias::Decayed];
/// The start of a `[starts]` table without a name.
pub(crate) const DEFAULT_START: &str = "gaussian";
/// The solver of a scenario without `[solver]`, or of a `[solver]` table without a name.
pub(crate) const DEFAULT_SOLVER: &str = "lbfgs";

/// `[spectra]`, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spectra {
    /// What is computed.
    pub level: SpectraLevel,
    /// A plan that needs more memory is not carried out, in MiB.
    pub memory_mib: u64,
}

impl Spectra {
    /// What a spectrum may cost.
    pub fn limits(&self) -> Limits {
        Limits { bytes: self.memory_mib as f64 * f64::from(1 << 20), ..Limits::default() }
    }
}

impl Default for Spectra {
    fn default() -> Self {
        Self { level: SpectraLevel::Inertia, memory_mib: 3072 }
    }
}

/// One loss with one solver: a problem, its starts, and how to move.
#[derive(Clone, Debug)]
pub struct Case {
    /// Position in the scenario, from 0: losses slowest, then solvers.
    pub index: usize,
    /// 16 hexadecimal digits: a hash of everything here that can change a record, and of the record's schema.
    pub id: String,
    /// f.
    pub problem: Problem,
    /// Where to begin, in order; `start_index` runs over all of them.
    pub starts: Vec<StartSpec>,
    /// How to move.
    pub solver: SolverSpec,
    /// When to stop.
    pub stop: Stop,
    /// What is computed of the Hessian.
    pub spectra: Spectra,
}

/// A validated scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// `name`, or the file's name without its ending.
    pub name: String,
    /// What it asks; empty where it does not say.
    pub question: String,
    /// The resolved scenario as TOML: reading it gives the same cases, expectations and figures. `[test]` is not part of it.
    pub text: String,
    /// Losses × solvers, loss slowest.
    pub cases: Vec<Case>,
    /// `[spectra]`, the same for all cases.
    pub spectra: Spectra,
    /// Ids of the figures to draw, in order.
    pub figures: Vec<String>,
    /// Its claims.
    pub expect: Expect,
    /// The folder of the scenario file: paths in it are relative to this folder.
    pub base_dir: PathBuf,
    /// Whether a model, loss, starts, solver or stop key came from the command line.
    pub origin_overridden: bool,
    /// Whether an expect key came from the command line.
    pub expect_overridden: bool,
}

impl Scenario {
    /// Reads a scenario file and sets the KEY=VALUE `arguments` in it; with `test`, its `[test]` overrides before them.
    pub fn load(path: &Path, arguments: &[String], test: bool) -> Result<Self, InputError> {
        let bytes = std::fs::read(path).map_err(|error| InputError::file(path, format!("cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| InputError::file(path, "is not UTF-8 text, so no scenario"))?;
        Self::parse(path, &text, arguments, test)
    }

    /// The same for a `text` already read; `path` names it in messages, and its folder is where paths in it start.
    pub fn parse(path: &Path, text: &str, arguments: &[String], test: bool) -> Result<Self, InputError> {
        let text: Arc<str> = text.into();
        let written = tree::parse(path, &text)?;
        let sources = Sources { file: Some((path.to_owned(), text)), arguments: arguments.to_owned() };
        let assignments = arguments::parse(arguments)?;

        let mut tree = written.clone();
        let locate = |tree: &Node, fault| sources.locate(tree, fault);
        let for_tests = match written.get("test") {
            Some(table) => arguments::of_test_table(table).map_err(|fault| locate(&written, fault))?,
            None => Vec::new(),
        };
        // `[test]` must fit the scenario whether it is used or not: a slip in it should not wait for the test suite.
        let mut shrunk = written.clone();
        arguments::apply(&mut shrunk, &for_tests).map_err(|fault| locate(&shrunk, fault))?;
        if test {
            tree = shrunk;
        } else {
            read_table(&written).map_err(|fault| locate(&written, fault))?;
            read_table(&shrunk).map_err(|fault| locate(&shrunk, fault))?;
        }
        arguments::apply(&mut tree, &assignments).map_err(|fault| locate(&tree, fault))?;
        let table = read_table(&tree).map_err(|fault| locate(&tree, fault))?;

        let base_dir = path.parent().unwrap_or(Path::new("")).to_owned();
        let resolved = resolve::resolve(&table, &base_dir).map_err(|fault| locate(&tree, fault))?;
        let stem = path.file_stem().map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy().into_owned());
        let name = table.name.clone().unwrap_or(stem);
        check_name(&name).map_err(|message| match table.name {
            Some(_) => locate(&tree, tree::Fault::new(&tree::Way::keys(["name"]), message)),
            None => InputError::file(path, message).with_help("give the scenario a `name`"),
        })?;
        let from_command_line = |sections: &[&str]| assignments.iter().any(|a| sections.contains(&a.keys[0].as_str()));
        let mut scenario = Self {
            name,
            question: table.question.clone().unwrap_or_default(),
            text: String::new(),
            cases: resolved.cases,
            spectra: resolved.spectra,
            figures: resolved.figures,
            expect: table.expect.clone().unwrap_or_default(),
            base_dir,
            origin_overridden: from_command_line(&["model", "loss", "starts", "solver", "stop", "sweep"]),
            expect_overridden: from_command_line(&["expect"]),
        };
        scenario.text = write::resolved(&scenario, &resolved.losses, &resolved.solvers, resolved.labels_from_file);
        Ok(scenario)
    }

    /// Whether the expectations speak of the scenario as run: nothing that changes the records came from the command line, or claims came with it.
    pub fn expectations_apply(&self) -> bool {
        !self.origin_overridden || self.expect_overridden
    }
}

fn read_table(tree: &Node) -> Result<tables::ScenarioTable, tree::Fault> {
    if let Some(entry) = tree.entry("sweep") {
        return Err(tree::Fault::new(&tree::Way::keys([entry.key.as_str()]), arguments::NO_SWEEPS).at_key());
    }
    read::read(tree)
}

/// A name becomes a folder under `output/`, so it must be one plain component of a path.
fn check_name(name: &str) -> Result<(), String> {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "-_.+ ".contains(c)) && !name.starts_with('.') && !name.is_empty();
    if plain {
        Ok(())
    } else {
        Err(format!("the name {name:?} may hold letters, digits and -_.+ only, and not begin with a dot"))
    }
}

/// The ids of all figures.
fn all_figures() -> Vec<String> {
    report::ALL.iter().map(|family| family.name.to_owned()).collect()
}
