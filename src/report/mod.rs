//! Figures and the HTML report, drawn from what a run left on disk.

/// What `ufm list figures` says of a figure.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The id in `report.figures`.
    pub name: &'static str,
    /// What it shows, in one line.
    pub summary: &'static str,
}

pub mod figures;
