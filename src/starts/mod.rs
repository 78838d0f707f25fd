//! FAMILY. Where to begin: a start returns a width, a point and how it is padded; `study` runs the solver at that width.

use std::path::PathBuf;

use crate::model::{Bias, Point};
use crate::numeric::{gaussian, stream};
use crate::objective::Problem;
use crate::theory;

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

/// One place to begin: an element of a case, drawn when it is needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// The start it belongs to.
    pub spec: StartSpec,
    /// The width at which the solver runs; the result is padded with zeros to the problem's width.
    pub width: usize,
    /// Position of the draw within its stream.
    draw: u64,
}

/// The places to begin of a case, in order.
pub fn expand(specs: &[StartSpec], problem: &Problem) -> Vec<Begin> {
    let width = problem.shape.width();
    let mut begins = Vec::new();
    for spec in specs {
        match *spec {
            StartSpec::Gaussian { count, .. } | StartSpec::NearEtf { count, .. } => {
                begins.extend((0..count as u64).map(|draw| Begin { spec: spec.clone(), width, draw }));
            }
            StartSpec::Origin | StartSpec::File { .. } => begins.push(Begin { spec: spec.clone(), width, draw: 0 }),
            StartSpec::RankLadder { count, .. } => {
                let ranks = 0..=ladder_top(problem);
                begins.extend(ranks.flat_map(|rank| (0..count as u64).map(move |draw| (rank, draw))).map(|(rank, draw)| Begin {
                    spec: spec.clone(),
                    width: rank,
                    draw,
                }));
            }
        }
    }
    begins
}

/// The highest rung of the rank ladder: K − 1, or K where the global minimum may have rank K (no bias and a loss that is not shift-invariant), cut at d.
fn ladder_top(problem: &Problem) -> usize {
    let classes = problem.shape.classes();
    let full = problem.bias == Bias::None && !problem.loss.function().shift_invariant();
    (if full { classes } else { classes - 1 }).min(problem.shape.width())
}

impl Begin {
    /// The point, at width [`Begin::width`] of `problem`; `None` for a file, which is read by whoever may read files.
    ///
    /// `Err` says why this start does not exist for this problem (the closed form behind `near-etf` does not apply).
    pub fn point(&self, problem: &Problem) -> Result<Option<Point>, String> {
        let narrow = problem.at_width(self.width);
        let normal = |seed, kind: &str, scale, mut point: Point| {
            let mut noise = vec![0.0; point.as_slice().len()];
            gaussian(&mut stream(seed, kind, self.draw), scale, &mut noise);
            point.as_mut_slice().iter_mut().zip(&noise).for_each(|(x, noise)| *x += noise);
            point
        };
        let zeros = || Point::zeros(&narrow.shape, narrow.bias);
        match self.spec {
            StartSpec::Gaussian { scale, seed, .. } => Ok(Some(normal(seed, "gaussian", scale, zeros()))),
            StartSpec::RankLadder { scale, seed, .. } => Ok(Some(normal(seed, "rank-ladder", scale, zeros()))),
            StartSpec::NearEtf { scale, seed, .. } => {
                theory::balanced_minimum(&narrow)?;
                let etf = theory::etf_point(&narrow).ok_or("the closed-form minimum has no point of this width")?;
                Ok(Some(normal(seed, "near-etf", scale, etf)))
            }
            StartSpec::Origin => Ok(Some(zeros())),
            StartSpec::File { .. } => Ok(None),
        }
    }

    /// The seed, where something was drawn.
    pub fn seed(&self) -> Option<u64> {
        match self.spec {
            StartSpec::Gaussian { seed, .. } | StartSpec::NearEtf { seed, .. } | StartSpec::RankLadder { seed, .. } => Some(seed),
            StartSpec::Origin | StartSpec::File { .. } => None,
        }
    }
}
