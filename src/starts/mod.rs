//! FAMILY. Where to begin: a start returns a width, a point and how it is padded; `study` runs the solver at that width.

use std::path::PathBuf;

/// An element of `[starts]`: which start, and its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum StartSpec {
    /// Independent normal entries of standard deviation `scale`.
    Gaussian {
        /// How many points.
        count: usize,
        /// Standard deviation of an entry.
        scale: f64,
        /// Seed of the streams.
        seed: u64,
    },
    /// The balanced simplex ETF of the closed form, perturbed by normal entries of standard deviation `scale`.
    NearEtf {
        /// How many points.
        count: usize,
        /// Standard deviation of the perturbation.
        scale: f64,
        /// Seed of the streams.
        seed: u64,
    },
    /// W = H = 0, b = 0.
    Origin,
    /// For every rank r = 0 … R: `count` gaussian starts minimised at width r and padded with zeros.
    RankLadder {
        /// Gaussian starts for each rank.
        count: usize,
        /// Standard deviation of an entry.
        scale: f64,
        /// Seed of the streams.
        seed: u64,
    },
    /// W, H, b (and labels) of an `.npz` file.
    File {
        /// The file, relative to the scenario.
        path: PathBuf,
    },
}

/// What `ufm list starts` says of a start.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The name in a scenario.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The keys it takes, beside `name`.
    pub keys: &'static [&'static str],
}

/// Every start there is.
pub const ALL: &[Family] = &[
    Family {
        name: "gaussian",
        summary: "independent normal entries of standard deviation `scale`",
        keys: &["count", "scale", "seed"],
    },
    Family { name: "near-etf", summary: "the balanced simplex ETF, perturbed by `scale`", keys: &["count", "scale", "seed"] },
    Family { name: "origin", summary: "W = H = 0, b = 0", keys: &[] },
    Family {
        name: "rank-ladder",
        summary: "minimise at widths 0, 1, …, pad with zeros: one saddle a rank",
        keys: &["count", "scale", "seed"],
    },
    Family { name: "file", summary: "W, H, b and labels of an .npz file", keys: &["path"] },
];

impl StartSpec {
    /// The start's name, as in scenarios.
    pub fn name(&self) -> &'static str {
        match self {
            StartSpec::Gaussian { .. } => "gaussian",
            StartSpec::NearEtf { .. } => "near-etf",
            StartSpec::Origin => "origin",
            StartSpec::RankLadder { .. } => "rank-ladder",
            StartSpec::File { .. } => "file",
        }
    }
}
