//! FAMILY. Where to begin: a start returns a width, a point and how it is padded; `study` runs the solver at that width.

mod arrangements;
mod representations;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::model::{Bias, Point, Shape};
use crate::numeric::{gaussian, stream};
use crate::objective::Problem;
use crate::theory;
use arrangements::Arrangement;
use nalgebra::DMatrix;
pub use representations::Representation;

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
    /// The balanced simplex ETF of the closed form (where that is W = H = 0 and the focal loss keeps a simplex as a local minimum, that simplex), perturbed by normal entries of
    /// standard deviation `scale`.
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
    /// For every partition of the classes, up to exchanges of equal ones: the classes of a block share one normal classifier row and bias; all features follow the rows.
    ///
    /// Gradients keep the tie, so a solver finds critical points of the tied problem, which are critical for the whole one. It runs at the width that the blocks can fill.
    TiedClasses {
        /// Points for each partition.
        count: usize,
        /// Standard deviation of an entry.
        scale: f64,
        /// Seed of the streams.
        seed: u64,
    },
    /// For every number 1 … K − 1 of classes (of every kind, where they differ in size): these at the origin, each of the others with a normal row that its features follow; rows are
    /// centred, so that nothing pulls at the origin to first order.
    OriginClasses {
        /// Points for each number.
        count: usize,
        /// Standard deviation of an entry.
        scale: f64,
        /// Seed of the streams.
        seed: u64,
    },
    /// The balanced simplex ETF of the closed form (or W = H = 0, b = 0), moved along a normal direction within one isotypic component of S_K, features equal within classes.
    ///
    /// Gradients keep the symmetry that base and direction share, and to first order a component does not mix with the others: this is where a search for saddles of one kind begins.
    Representation {
        /// Which component.
        representation: Representation,
        /// Where it begins.
        base: Base,
        /// How many points.
        count: usize,
        /// Standard deviation of the normal direction before it is projected, in units of (N/K)^{1/4} for W and √n·h.
        scale: f64,
        /// Seed of the streams.
        seed: u64,
    },
    /// For each number m in `alive`: the closed form in which m of the classes form a simplex and the others are at the origin; 0 is W = H = 0, K the balanced simplex on its branch with the
    /// largest scale.
    Partial {
        /// m, one point each: 0, or from 2 to K.
        alive: Vec<usize>,
    },
    /// W, H, b (and labels) of an `.npz` file.
    File {
        /// The file, relative to the scenario.
        path: PathBuf,
    },
}

/// The point that [`StartSpec::Representation`] moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The closed form's simplex ETF.
    Etf,
    /// W = H = 0, b = 0.
    Origin,
}

impl Base {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Etf, Self::Origin];

    /// The name in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etf => "etf",
            Self::Origin => "origin",
        }
    }
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

/// Every start there is. In collapsed problems W and the columns of H are drawn in units of (N/K)^{1/4}: see `Problem::even`.
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
    Family {
        name: "tied-classes",
        summary: "every partition of the classes, those of a block sharing one normal row and one mean",
        keys: &["count", "scale", "seed"],
    },
    Family {
        name: "origin-classes",
        summary: "1, 2, …, K − 1 classes at the origin, the others drawn and centred",
        keys: &["count", "scale", "seed"],
    },
    Family {
        name: "representation",
        summary: "the balanced simplex ETF (or the origin), moved within one irreducible `representation` of S_K",
        keys: &["representation", "base", "count", "scale", "seed"],
    },
    Family {
        name: "partial",
        summary: "the closed forms in which `alive` of the classes (a number, or several) form a simplex and the others are at the origin",
        keys: &["alive"],
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
            StartSpec::TiedClasses { .. } => "tied-classes",
            StartSpec::OriginClasses { .. } => "origin-classes",
            StartSpec::Representation { .. } => "representation",
            StartSpec::Partial { .. } => "partial",
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
    /// Which classes share a block and which are at the origin, for starts that say so.
    arrangement: Option<Arrangement>,
}

/// Most partitions or subsets of one start: with 30 equal classes there are 5604, with 60 almost a million.
pub const ARRANGEMENTS_MAX: usize = 10_000;

/// The places to begin of a case, in order.
pub fn expand(specs: &[StartSpec], problem: &Problem) -> Vec<Begin> {
    let width = problem.shape.width();
    let mut begins = Vec::new();
    let plain = |spec: &StartSpec, width, draw| Begin { spec: spec.clone(), width, draw, arrangement: None };
    for spec in specs {
        match *spec {
            StartSpec::Gaussian { count, .. } | StartSpec::NearEtf { count, .. } | StartSpec::Representation { count, .. } => {
                begins.extend((0..count as u64).map(|draw| plain(spec, width, draw)));
            }
            StartSpec::Origin | StartSpec::File { .. } => begins.push(plain(spec, width, 0)),
            StartSpec::Partial { ref alive } => begins.extend((0..alive.len() as u64).map(|draw| plain(spec, width, draw))),
            StartSpec::RankLadder { count, .. } => {
                let ranks = 0..=ladder_top(problem);
                let draws = ranks.flat_map(|rank| (0..count as u64).map(move |draw| (rank, draw)));
                begins.extend(draws.map(|(rank, draw)| plain(spec, rank, draw)));
            }
            StartSpec::TiedClasses { count, .. } => {
                begins.extend(arranged(spec, arrangements::partitions(&problem.shape, ARRANGEMENTS_MAX), count, |blocks| {
                    blocks_rank(problem, blocks)
                }));
            }
            StartSpec::OriginClasses { count, .. } => {
                begins.extend(arranged(spec, arrangements::with_origin(&problem.shape, ARRANGEMENTS_MAX), count, |_| width));
            }
        }
    }
    begins
}

/// How many points [`expand`] makes of the specs, without making them.
pub fn count(specs: &[StartSpec], problem: &Problem) -> usize {
    let one = |spec: &StartSpec| match *spec {
        StartSpec::Gaussian { count, .. } | StartSpec::NearEtf { count, .. } | StartSpec::Representation { count, .. } => count,
        StartSpec::Origin | StartSpec::File { .. } => 1,
        StartSpec::Partial { ref alive } => alive.len(),
        StartSpec::RankLadder { count, .. } => (ladder_top(problem) + 1) * count,
        StartSpec::TiedClasses { count, .. } | StartSpec::OriginClasses { count, .. } => {
            arrangements(spec, &problem.shape) * count
        }
    };
    specs.iter().map(one).sum()
}

/// How many arrangements of the classes a start goes through, at most [`ARRANGEMENTS_MAX`]; 1 for starts that arrange nothing.
pub fn arrangements(spec: &StartSpec, shape: &Shape) -> usize {
    match spec {
        StartSpec::TiedClasses { .. } => arrangements::partitions(shape, ARRANGEMENTS_MAX).len(),
        StartSpec::OriginClasses { .. } => arrangements::with_origin(shape, ARRANGEMENTS_MAX).len(),
        _ => 1,
    }
}

/// `count` draws of every arrangement, numbered through: each has a stream of its own.
fn arranged(spec: &StartSpec, arrangements: Vec<Arrangement>, count: usize, width: impl Fn(usize) -> usize) -> Vec<Begin> {
    let mut begins = Vec::new();
    for arrangement in arrangements {
        let blocks = arrangement.iter().flatten().max().map_or(0, |last| last + 1);
        for _ in 0..count {
            let draw = begins.len() as u64;
            begins.push(Begin { spec: spec.clone(), width: width(blocks), draw, arrangement: Some(arrangement.clone()) });
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

/// The rank that a critical point with so many different rows can have: one less than their number for shift-invariant losses (where 1ᵀW = 0), cut at d.
fn blocks_rank(problem: &Problem, blocks: usize) -> usize {
    let lost = usize::from(problem.loss.function().shift_invariant());
    (blocks - lost).min(problem.shape.width())
}

/// h_{k,i} = √(λ_W/(n λ_H)) w_k with n = N/K: the ratio of a balanced critical point. Rows and means that point apart would mostly lead to the origin.
fn features_follow_rows(problem: &Problem, point: &mut Point) {
    let per_class = problem.shape.samples() as f64 / problem.shape.classes() as f64;
    let ratio = (problem.decay.w / (per_class * problem.decay.h)).sqrt();
    let rows = point.w().into_owned();
    for (column, &class) in problem.shape.labels().iter().enumerate() {
        let ratio = ratio * problem.shape.stretch(column);
        point.h_mut().column_mut(column).copy_from(&(ratio * rows.row(class).transpose()));
    }
}

/// What `scale` is measured in: 1, or (N/C)^{1/4} for the W and H of a problem collapsed to C columns. At that scale its logits do not depend on the number of samples, and it
/// begins where the problem of one sample a class does; see [`Problem::even`].
fn unit(problem: &Problem) -> f64 {
    problem.even().map_or(1.0, |(_, unit)| unit)
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
            let matrices = noise.len() - point.b().len();
            noise[..matrices].iter_mut().for_each(|noise| *noise *= unit(problem));
            point.as_mut_slice().iter_mut().zip(&noise).for_each(|(x, noise)| *x += noise);
            point
        };
        let zeros = || Point::zeros(&narrow.shape, narrow.bias);
        match self.spec {
            StartSpec::Gaussian { scale, seed, .. } => Ok(Some(normal(seed, "gaussian", scale, zeros()))),
            StartSpec::RankLadder { scale, seed, .. } => Ok(Some(normal(seed, "rank-ladder", scale, zeros()))),
            StartSpec::NearEtf { scale, seed, .. } => {
                theory::balanced_minimum(&narrow)?;
                let etf = theory::simplex_point(&narrow).ok_or("the closed-form minimum has no point of this width")?;
                Ok(Some(normal(seed, "near-etf", scale, etf)))
            }
            StartSpec::TiedClasses { scale, seed, .. } => Ok(Some(self.tied(&narrow, scale, seed))),
            StartSpec::OriginClasses { scale, seed, .. } => Ok(Some(self.centred(&narrow, scale, seed))),
            StartSpec::Representation { representation, base, scale, seed, .. } => {
                self.represented(&narrow, representation, base, scale, seed).map(Some)
            }
            StartSpec::Partial { ref alive } => {
                let balanced = theory::Balanced::try_from(&narrow)?;
                let state = theory::partial_collapse(&balanced, alive[self.draw as usize]).map_err(|error| error.to_string())?;
                Ok(Some(state.point(&balanced, &narrow.shape)))
            }
            StartSpec::Origin => Ok(Some(zeros())),
            StartSpec::File { .. } => Ok(None),
        }
    }

    /// The block of every class.
    fn blocks(&self) -> &[Option<usize>] {
        self.arrangement.as_deref().expect("`expand` gives every structured start its arrangement")
    }

    /// A normal row and bias for every block; features follow the rows.
    fn tied(&self, narrow: &Problem, scale: f64, seed: u64) -> Point {
        let (shape, width) = (&narrow.shape, narrow.shape.width());
        // Numbers for as many blocks as there can be: a block's draw does not depend on the number of the others.
        let mut drawn = vec![0.0; shape.classes() * (width + 1)];
        gaussian(&mut stream(seed, self.spec.name(), self.draw), scale, &mut drawn);
        let mut point = Point::zeros(shape, narrow.bias);
        for (class, block) in self.blocks().iter().enumerate() {
            let Some(block) = block else { continue };
            let numbers = &drawn[block * (width + 1)..(block + 1) * (width + 1)];
            (0..width).for_each(|a| point.w_mut()[(class, a)] = unit(narrow) * numbers[a]);
            if let Some(b) = point.b_mut().get_mut(class) {
                *b = numbers[width];
            }
        }
        features_follow_rows(narrow, &mut point);
        point
    }

    /// Rows v_k − v̄ over the classes that are not at the origin, features after them, b = 0.
    fn centred(&self, narrow: &Problem, scale: f64, seed: u64) -> Point {
        let mut point = self.tied(narrow, scale, seed);
        let live: Vec<usize> = (0..narrow.shape.classes()).filter(|&class| self.blocks()[class].is_some()).collect();
        for mut column in point.w_mut().column_iter_mut() {
            let mean = live.iter().map(|&class| column[class]).sum::<f64>() / live.len() as f64;
            live.iter().for_each(|&class| column[class] -= mean);
        }
        features_follow_rows(narrow, &mut point);
        point.b_mut().fill(0.0);
        point
    }

    /// The base plus a normal direction's part in the component.
    fn represented(&self, narrow: &Problem, which: Representation, base: Base, scale: f64, seed: u64) -> Result<Point, String> {
        let (classes, width) = (narrow.shape.classes(), narrow.shape.width());
        let per_class = narrow.shape.per_class().ok_or("the classes are not of equal size")? as f64;
        let mut point = match base {
            Base::Origin => Point::zeros(&narrow.shape, narrow.bias),
            Base::Etf => {
                theory::balanced_minimum(narrow)?;
                theory::etf_point(narrow).ok_or("the closed-form minimum has no point of this width")?
            }
        };
        let frame = theory::simplex_frame(narrow).ok_or("the width has no room for a simplex")?;
        // One stream for all representations: their parts of one draw sum to the whole of it.
        let mut drawn = vec![0.0; classes * (2 * width + 1)];
        gaussian(&mut stream(seed, self.spec.name(), self.draw), scale, &mut drawn);
        let unit = per_class.sqrt().sqrt();
        let part = |at: usize| {
            let u = DMatrix::from_column_slice(classes, width, &drawn[at * classes * width..(at + 1) * classes * width]);
            which.of_matrix(&u, &frame) * unit
        };
        let (u, v) = (part(0), part(1));
        let mut w = point.w_mut();
        w += u;
        for (column, &class) in narrow.shape.labels().iter().enumerate() {
            // The samples of a class share √n·h: all of it in a collapsed problem's column.
            let share = narrow.shape.stretch(column) / per_class.sqrt();
            point.h_mut().column_mut(column).axpy(share, &v.row(class).transpose(), 1.0);
        }
        let c = which.of_vector(&drawn[2 * classes * width..]);
        point.b_mut().iter_mut().zip(c).for_each(|(b, c)| *b += c);
        Ok(point)
    }

    /// The seed, where something was drawn.
    pub fn seed(&self) -> Option<u64> {
        match self.spec {
            StartSpec::Gaussian { seed, .. }
            | StartSpec::NearEtf { seed, .. }
            | StartSpec::RankLadder { seed, .. }
            | StartSpec::TiedClasses { seed, .. }
            | StartSpec::Representation { seed, .. }
            | StartSpec::OriginClasses { seed, .. } => Some(seed),
            StartSpec::Origin | StartSpec::Partial { .. } | StartSpec::File { .. } => None,
        }
    }
}
