//! The figures: each is one file that turns a run's data into a picture and the table it was drawn from.
//!
//! A figure computes nothing that is not in a record, a trajectory, a point file or a closed form of `theory`. A new figure is one file, its `mod` line and its line in [`ALL`].

mod balanced_minimum;
mod bce_phases;
mod collapse;
mod conditioning;
mod contrast;
mod convexity_edge;
mod deep_collapse;
mod dual_gap;
mod escape_paths;
mod etf_spectrum;
mod flow_laws;
mod focal_bistability;
mod focal_hysteresis;
mod focal_ladder;
mod focal_ladder_window;
mod gram;
mod ladder;
mod landscape_slice;
mod loss_differences;
mod minority_phases;
mod mse_frame;
mod narrow_shapes;
mod saddle_graph;
mod seli_approach;
mod shapes;
mod simplex;
mod smoothing;
mod spectrum;
mod sphere_minimum;
mod success_by_width;
mod sweeps;
mod value_index;

use super::data::RunData;

/// A figure of the family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The id in `report.figures`, and the name of its files.
    pub name: &'static str,
    /// What it shows, in one line.
    pub summary: &'static str,
    /// How to read it, for the report.
    pub caption: &'static str,
    /// Draws it, or says why there is nothing to draw.
    pub draw: fn(&RunData) -> Result<Drawing, String>,
}

/// A picture and the numbers in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The picture, a whole SVG document.
    pub svg: String,
    /// What was drawn, as a table.
    pub csv: String,
    /// What the reader must know of this drawing beyond the caption (a reference used, cases left out); may be empty.
    pub note: String,
}

/// Every figure, in the order in which reports show them.
pub const ALL: &[Family] = &[
    collapse::FAMILY,
    loss_differences::FAMILY,
    dual_gap::FAMILY,
    value_index::FAMILY,
    saddle_graph::FAMILY,
    escape_paths::FAMILY,
    landscape_slice::FAMILY,
    ladder::FAMILY,
    focal_ladder::FAMILY,
    focal_ladder_window::FAMILY,
    spectrum::FAMILY,
    etf_spectrum::FAMILY,
    shapes::FAMILY,
    gram::FAMILY,
    success_by_width::FAMILY,
    balanced_minimum::FAMILY,
    smoothing::FAMILY,
    contrast::FAMILY,
    focal_hysteresis::FAMILY,
    focal_bistability::FAMILY,
    convexity_edge::FAMILY,
    mse_frame::FAMILY,
    bce_phases::FAMILY,
    conditioning::FAMILY,
    narrow_shapes::FAMILY,
    sphere_minimum::FAMILY,
    deep_collapse::FAMILY,
    minority_phases::FAMILY,
    seli_approach::FAMILY,
    flow_laws::FAMILY,
];

/// The figure of this name.
pub fn by_name(name: &str) -> Option<&'static Family> {
    ALL.iter().find(|figure| figure.name == name)
}

/// The figures that read the solvers' trajectories. The others draw the same without them; a test clears them and looks.
const OF_TRAJECTORIES: [&str; 4] = ["collapse", "loss-differences", "dual-gap", "flow-laws"];

/// Whether one of the figures named (all, where none is) reads trajectories.
pub(super) fn read_trajectories(named: &[String]) -> bool {
    named.is_empty() || named.iter().any(|name| OF_TRAJECTORIES.contains(&name.as_str()))
}

/// More curves than this in one picture cannot be told apart.
const CASES_MAX: usize = 8;

/// A note on cases that were left out, or nothing.
fn left_out(total: usize, drawn: usize, what: &str) -> String {
    if total > drawn { format!("The first {drawn} of {total} {what} are drawn. ") } else { String::new() }
}

#[cfg(test)]
mod kin_tests;
#[cfg(test)]
pub(super) mod tests;
#[cfg(test)]
mod theory_tests;
