//! From a TOML file and KEY=VALUE arguments to validated cases.
//!
//! Reading goes in four steps, so that every fault can point at the place it was written:
//! text → `tree` (each key and value remembers its origin) → `arguments` set in the tree → `tables` (serde types) → `resolve` (cases).
//! Names of losses, starts, solvers, metrics and figures come from each family's `ALL`; there is no second list.
//!
//! Every decimal is rounded once, to the nearest double, when the text is read; the resolved text writes shortest decimals that read back to the
//! same double.

mod arguments;
mod asked;
mod device;
mod error;
mod expect;
mod identity;
mod model_table;
mod output;
mod partial_start;
mod per_case;
mod read;
mod resolve;
mod settings;
mod slice;
mod start_file;
mod sweep;
mod tables;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Bias;
use crate::objective::Problem;
use crate::report;
use crate::rigor::prove::Goal;
use crate::solvers::{SolverSpec, Stop};
use crate::spectra::Limits;
use crate::starts::{self, StartSpec};
use tree::{Node, Sources};

pub use crate::spectra::Level as SpectraLevel;
pub use device::{Device, device_method};
pub use error::{InputError, Place, nearest};
pub use expect::{Expect, ExpectedValue, NATURES};
pub use output::{Output, Trajectories};
pub use per_case::PerCase;
pub use settings::{
    ContrastSettings, LossSettings, PointSettings, balanced_settings, contrast_settings, loss_settings, point_settings,
};
pub use slice::Slice;
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

/// `[census]`, resolved: what is asked of the critical points of a case together. It changes no record, so it is no part of a case's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Whether the escape directions of every saddle are followed to the points below it.
    pub escapes: bool,
    /// Most directions tried for each distinct negative eigenvalue.
    pub escape_directions: usize,
    /// Whether degenerate points are connected into families.
    pub families: bool,
}

impl Default for Census {
    fn default() -> Self {
        Self { escapes: true, escape_directions: 8, families: true }
    }
}

/// One loss with one solver in one cell of the sweep: a problem, its starts, and how to move.
#[derive(Clone, Debug)]
pub struct Case {
    /// Position in the scenario, from 0: losses slowest, then solvers, then cells.
    pub index: usize,
    /// What the sweep set here, in words; empty where nothing is swept.
    pub cell: String,
    /// 16 hexadecimal digits: a hash of everything here that can change a record, and of the record's schema.
    pub id: String,
    /// f.
    pub problem: Problem,
    /// Where to begin, in order; `start_index` runs over all of them.
    pub starts: Vec<StartSpec>,
    /// How to move.
    pub solver: SolverSpec,
    /// Where its candidates are computed.
    pub device: Device,
    /// When to stop.
    pub stop: Stop,
    /// What is computed of the Hessian.
    pub spectra: Spectra,
    /// What is to be proved of its critical points.
    pub certify: Vec<Goal>,
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
    /// Losses × solvers × cells of the sweep, loss slowest.
    pub cases: Vec<Case>,
    /// `[spectra]`, the same for all cases.
    pub spectra: Spectra,
    /// `[census]`, where it is asked for.
    pub census: Option<Census>,
    /// `[slice]`, where it is asked for.
    pub slice: Option<Slice>,
    /// What the run leaves beside its records.
    pub output: Output,
    /// Ids of the figures to draw, in order.
    pub figures: Vec<String>,
    /// Names of the published statements to judge, in order.
    pub theorems: Vec<String>,
    /// Its claims.
    pub expect: Expect,
    /// The folder of the scenario file: paths in it are relative to this folder.
    pub base_dir: PathBuf,
    /// Whether a model, loss, starts, solver, stop or census key came from the command line.
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
        let (assignments, swept) = arguments::parse_sweeping(arguments)?;

        let mut tree = written.clone();
        let locate = |tree: &Node, fault| sources.locate(tree, fault);
        let for_tests = match written.get("test") {
            Some(table) => arguments::of_test_table(table).map_err(|fault| locate(&written, fault))?,
            None => Vec::new(),
        };
        // `[test]` must fit the scenario whether it is used or not: a slip in it should not wait for the test suite.
        let mut shrunk = written.clone();
        arguments::apply(&mut shrunk, &for_tests).map_err(|fault| locate(&shrunk, fault))?;
        let base_dir = path.parent().unwrap_or(Path::new("")).to_owned();
        if test {
            tree = shrunk;
        } else {
            first_cell(&written).map_err(|(tree, fault)| locate(&tree, fault))?;
            first_cell(&shrunk).map_err(|(tree, fault)| locate(&tree, fault))?;
        }
        arguments::apply(&mut tree, &assignments).map_err(|fault| locate(&tree, fault))?;
        let swept_here = !swept.is_empty();
        let axes = sweep::axes(&tree).map_err(|fault| locate(&tree, fault))?;
        let axes = sweep::overridden(axes, &assignments, swept);
        let cells = Cells::resolve(&tree, &axes, &base_dir).map_err(|(tree, fault)| locate(&tree, fault))?;
        let cases = cells.in_order().map_err(|fault| locate(&tree, fault))?;
        let Cells { first: (table, resolved), .. } = &cells;
        let points = cases.iter().map(|case| starts::count(&case.starts, &case.problem)).sum();

        let stem = path.file_stem().map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy().into_owned());
        let name = table.name.clone().unwrap_or(stem);
        check_name(&name).map_err(|message| match table.name {
            Some(_) => locate(&tree, tree::Fault::new(&tree::Way::keys(["name"]), message)),
            None => InputError::file(path, message).with_help("give the scenario a `name`"),
        })?;
        let from_command_line = |sections: &[&str]| assignments.iter().any(|a| sections.contains(&a.keys[0].as_str()));
        let sections = ["model", "loss", "starts", "solver", "stop", "census"];
        let mut scenario = Self {
            name,
            question: table.question.clone().unwrap_or_default(),
            text: String::new(),
            cases,
            spectra: resolved.spectra,
            census: resolved.census,
            slice: resolved.slice,
            output: Output::of(resolved.output, points),
            figures: resolved.figures.clone(),
            theorems: resolved.theorems.clone(),
            expect: table.expect.clone().unwrap_or_default(),
            base_dir,
            origin_overridden: swept_here || from_command_line(&sections),
            expect_overridden: from_command_line(&["expect"]),
        };
        scenario.text = write::resolved(&scenario, resolved, tree.get("model").filter(|_| !axes.is_empty()));
        if !axes.is_empty() {
            scenario.text += &sweep::written(&axes);
        }
        Ok(scenario)
    }

    /// Whether its cases have this many points in all.
    pub fn has_points(&self, many: usize) -> bool {
        self.cases
            .iter()
            .scan(0, |sum, case| {
                *sum += starts::count(&case.starts, &case.problem);
                Some(*sum)
            })
            .any(|points| points >= many)
    }

    /// Whether the expectations speak of the scenario as run: nothing that changes the records came from the command line, or claims came with it.
    pub fn expectations_apply(&self) -> bool {
        !self.origin_overridden || self.expect_overridden
    }
}

/// A tree and the fault found in it.
type Misfit = (Box<Node>, tree::Fault);

/// A cell's table and what it resolves to.
type Cell = (tables::ScenarioTable, resolve::Resolved);

/// The cells of a sweep, resolved.
struct Cells {
    first: Cell,
    /// Cases of every cell, and what the sweep set there.
    cases: Vec<(Vec<Case>, String)>,
}

impl Cells {
    fn resolve(tree: &Node, axes: &[sweep::Axis], base_dir: &Path) -> Result<Self, Misfit> {
        let mut first = None;
        let mut cases = Vec::new();
        for cell in sweep::cells(axes).map_err(|fault| (Box::new(tree.clone()), fault))? {
            let mut tree = tree.clone();
            let resolved = arguments::apply(&mut tree, &cell)
                .and_then(|()| read::read::<tables::ScenarioTable>(&tree))
                .and_then(|table| Ok((resolve::resolve(&table, base_dir)?, table)));
            let (resolved, table) = resolved.map_err(|fault| (Box::new(tree), fault))?;
            cases.push((resolved.cases.clone(), sweep::label(&cell)));
            first.get_or_insert((table, resolved));
        }
        Ok(Self { first: first.expect("a product has at least one cell"), cases })
    }

    /// The cases in the order of records: loss slowest, then solver, then cells.
    fn in_order(&self) -> Result<Vec<Case>, tree::Fault> {
        let mut ordered: Vec<Case> = Vec::new();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        // Losses and solvers are arrays of the base, so every cell has as many.
        for within in 0..self.cases[0].0.len() {
            for (cases, cell) in &self.cases {
                let case = &cases[within];
                if let Some(twin) = seen.insert(&case.id, ordered.len()) {
                    let twin: &Case = &ordered[twin];
                    let message = format!("the cells `{}` and `{cell}` are the same case", twin.cell);
                    return Err(tree::Fault::new(&tree::Way::keys(["sweep"]), message));
                }
                ordered.push(Case { index: ordered.len(), cell: cell.clone(), ..case.clone() });
            }
        }
        Ok(ordered)
    }
}

/// Whether the first cell of a tree reads.
fn first_cell(tree: &Node) -> Result<(), Misfit> {
    let here = |fault| (Box::new(tree.clone()), fault);
    let axes = sweep::axes(tree).map_err(here)?;
    let cell = sweep::cells(&axes).map_err(here)?.swap_remove(0);
    let mut tree = tree.clone();
    let read = arguments::apply(&mut tree, &cell).and_then(|()| read::read::<tables::ScenarioTable>(&tree));
    read.map(|_| ()).map_err(|fault| (Box::new(tree), fault))
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
