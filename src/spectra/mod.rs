//! Exact inertia and spectra of the Hessian: by the arrow, split by rank at critical points; dense matrices are the oracle.
//!
//! Counts are never estimated. An eigenvalue is counted as zero within ±[`Spectrum::resolution`], a bound on rounding; whether those zeros are *explained* is a
//! separate number, `nullity_symmetry`.

mod collapsed;
mod conditioning;
mod etf;
mod inertia;
mod krylov;
mod large;
#[cfg(test)]
mod large_tests;
mod lowest;
mod origin;
mod partial;
#[cfg(test)]
mod partial_tests;
mod phases;
mod plan;
mod rank_split;
mod slicing;
#[cfg(test)]
mod tests;

pub use collapsed::Collapsed;
pub use conditioning::{Conditioning, etf_conditioning};
pub use etf::{EtfLevel, etf_spectrum};
pub use inertia::{Inertia, inertia_at};
pub use lowest::{Sliced, in_interval, lowest};
pub use origin::{Origin, SpectrumLevel};
pub use partial::{PartialSpectrum, partial_spectrum};
pub use phases::{PartialPhase, PartialPhases, partial_phases};
pub use plan::{Planned, Route, feasible, plan};
pub use rank_split::OffSpace;
pub use slicing::{Extremes, count_below, eigenvalue};

use crate::critical::CriticalPoint;
use crate::linalg::eigenvalues;
use crate::model::{Point, orbit_dimension};
use crate::objective::{Arrow, Objective, Problem, ResidualSpectrum, Symmetry, dense_hessian, turn};
use large::{Large, Tangents};
use origin::{clusters, with_zeros};

/// Dimension (at the point's rank, of the collapsed problem where there is one) up to which extreme eigenvalues come from the dense matrix: a few milliseconds.
const DENSE_MAX: usize = 400;
/// The same where the whole spectrum is asked for: about a second.
const WHOLE_MAX: usize = 2000;

/// How much of the spectrum is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    None,
    /// Counts and extreme eigenvalues.
    Inertia,
    /// Every eigenvalue with its multiplicity.
    Full,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::None, Self::Inertia, Self::Full];

    /// The name in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Inertia => "inertia",
            Self::Full => "full",
        }
    }
}

/// What a spectrum may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes.
    pub bytes: f64,
    /// Multiply-adds of one Schur complement with its eigenvalues.
    pub multiply_adds: f64,
}

impl Default for Limits {
    /// 4 GB, and about a minute a Schur complement on one core.
    fn default() -> Self {
        Self { bytes: 4e9, multiply_adds: 1e12 }
    }
}

/// An eigenvalue count: exact, or a bracket where an eigenvalue is too near the resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// At least this many.
    pub low: u64,
    /// At most this many.
    pub high: u64,
}

impl Count {
    /// The count, where it is exact.
    pub fn exact(self) -> Option<u64> {
        (self.low == self.high).then_some(self.low)
    }
}

/// The Hessian's spectrum at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// #{λ < −resolution}.
    pub index: Count,
    /// #{|λ| ≤ resolution}.
    pub nullity: Count,
    /// Rank of the symmetry tangents that are null vectors here.
    pub nullity_symmetry: u64,
    /// A bound on an eigenvalue's rounding error.
    pub resolution: f64,
    /// The smallest eigenvalue.
    pub lambda_min: f64,
    /// The smallest eigenvalue without the symmetry zeros; `None` where nothing else is left.
    pub lambda_min_transverse: Option<f64>,
    /// The largest eigenvalue.
    pub lambda_max: f64,
    /// Whether an eigenvalue inside the row space of W is neither zero to the resolution nor so large that a gradient of the size left proves a critical point nearby, with this inertia: see
    /// [`at_critical`]. Not looked for where a factorisation takes seconds.
    pub unsteady: bool,
    /// −2(σ_max − μ), where σ_max > μ and a free dimension is left.
    pub escape_curvature: Option<f64>,
    /// Distinct eigenvalues of each origin with multiplicities, ascending, where they were asked for; `Err` says why they are not there.
    pub whole: Option<Result<Vec<SpectrumLevel>, String>>,
    /// How it was computed.
    pub route: Route,
}

impl Spectrum {
    /// All eigenvalues, and what they are measured by, times `factor`.
    pub fn scale(&mut self, factor: f64) {
        self.resolution *= factor;
        self.lambda_min *= factor;
        self.lambda_max *= factor;
        for value in [&mut self.lambda_min_transverse, &mut self.escape_curvature].into_iter().flatten() {
            *value *= factor;
        }
        if let Some(Ok(levels)) = &mut self.whole {
            levels.iter_mut().for_each(|level| level.eigenvalue *= factor);
        }
    }
}

/// The spectrum at a critical point, split by rank: the width-r Hessian, and d − r copies of the off-space block.
///
/// `Err` says why there is none (the plan does not fit the limits).
///
/// Newton's method from x ends at a critical point if ‖∇f‖·L ≤ ½λ² (Kantorovich), λ the smallest eigenvalue in size transverse to the orbit and L the Lipschitz constant of ∇²f, and that point is
/// within 2‖∇f‖/λ, so that no eigenvalue has changed its sign. With L about the norm of ∇²f (points have lengths about 1), eigenvalues in size below √(‖∇f‖·‖∇²f‖) and above the resolution are
/// *unsteady*: beside a fold, where ∇f is small and nowhere zero, there is one.
pub fn at_critical(
    problem: &Problem,
    critical: &CriticalPoint,
    residual: &ResidualSpectrum,
    level: Level,
    limits: &Limits,
) -> Result<Spectrum, String> {
    let rank = critical.rank();
    let free = problem.shape.width() - rank;
    let narrow = problem.at_width(rank);
    let shift = u64::from(problem.shifts_bias_freely());
    let symmetry = orbit_dimension(rank, problem.shape.width()) as u64 + shift;
    let inner = Tangents {
        symmetry: Symmetry { rotations: true, shift: shift > 0 },
        number: orbit_dimension(rank, rank) as u64 + shift,
        gradient: critical.gradient().norm,
    };
    let off_space = OffSpace::new(problem, residual, rank, free);
    let uncertain = critical.gradient().uncertain();
    let mut spectrum = at_width(&narrow, critical.reduced(), inner, Some((&off_space, uncertain)), level, limits)?;
    spectrum.nullity_symmetry = symmetry;
    let excess = residual.norm() - problem.decay.mu();
    spectrum.escape_curvature = (free > 0 && 2.0 * excess > spectrum.resolution).then_some(-2.0 * excess);
    Ok(spectrum)
}

/// How many eigenvalues of the off-space directions are negative by more than rounding at a critical point: known wherever the singular values of G are.
pub fn off_space_negative(problem: &Problem, critical: &CriticalPoint, residual: &ResidualSpectrum) -> u64 {
    let rank = critical.rank();
    let off = OffSpace::new(problem, residual, rank, problem.shape.width() - rank);
    // What moves the point by its gradient moves G: the margin of the counts holds both.
    off.counts(2.0 * off.rounding() + 4.0 * critical.gradient().norm).0
}

/// The spectrum at any point, without a rank split. Only the shift of a free bias is a symmetry null vector away from critical points.
pub fn at_point(problem: &Problem, x: &Point, level: Level, limits: &Limits) -> Result<Spectrum, String> {
    let shift = problem.shifts_bias_freely();
    let tangents = Tangents { symmetry: Symmetry { rotations: false, shift }, number: u64::from(shift), gradient: 0.0 };
    at_width(problem, x, tangents, None, level, limits)
}

/// The spectrum of `x` in its own width, joined with that of the off-space directions where it is critical (with what its gradient may be). `tangents` are the null tangents in that width.
fn at_width(
    problem: &Problem,
    x: &Point,
    tangents: Tangents,
    critical: Option<(&OffSpace, f64)>,
    level: Level,
    limits: &Limits,
) -> Result<Spectrum, String> {
    let off_space = critical.map(|(off_space, _)| off_space);
    let collapsed = Collapsed::new(problem, x);
    let columns = collapsed.as_ref().map_or(problem.shape.samples(), Collapsed::columns);
    let planned = plan(problem, columns, level, limits)?;
    let (inner, x) = collapsed.as_ref().map_or((problem, x), |collapsed| (&collapsed.problem, &collapsed.point));
    let mut objective = Objective::new(inner);
    let _turn = turn(inner);
    let arrow = match &collapsed {
        Some(collapsed) => Arrow::weighted(&mut objective, x, collapsed.weights.clone()),
        None => Arrow::new(&mut objective, x),
    };
    if !arrow.norm_bound().is_finite() {
        return Err("the norm of the Hessian leaves the range of doubles".into());
    }
    // One resolution for both parts: what the off-space cannot resolve is not counted inside either.
    let off_resolution = off_space.map_or(0.0, |off| off.rounding());
    let perturbation = collapsed.as_ref().map_or(0.0, |collapsed| collapsed.perturbation).max(0.25 * off_resolution);
    let symmetry = tangents.number;
    let (inertia, sliced) = if arrow.is_large() {
        let (inertia, extremes) = Large::new(&arrow, tangents, perturbation, planned.pair).spectrum();
        (inertia, Some(extremes))
    } else {
        (inertia_at(&arrow, perturbation), None)
    };
    let resolution = inertia.resolution.max(off_resolution);
    let unsteady = critical.is_some_and(|(_, gradient)| !arrow.is_large() && unsteady(&arrow, &inertia, gradient));

    let (mut index, mut nullity) = (inertia.index, inertia.nullity);
    if let Some(off) = off_space {
        let (negative, zero) = off.counts(resolution);
        index = Count { low: index.low + negative, high: index.high + negative };
        nullity = Count { low: nullity.low + zero, high: nullity.high + zero };
    }
    // The eigenvalues themselves, where there are few enough: those of the expanded problem are the oracle's, those of a collapsed one are the arrow's.
    let values: Option<Vec<(f64, u64)>> = planned.dense.then(|| {
        let matrix = if collapsed.is_some() { arrow.matrix() } else { dense_hessian(&mut objective, x) };
        let mut all: Vec<(f64, u64)> = eigenvalues(&matrix).into_iter().map(|value| (value, 1)).collect();
        all.extend(arrow.repeated());
        all
    });
    let extremes = match (&values, sliced) {
        (_, Some(extremes)) => extremes,
        (Some(values), _) => Extremes::of_values(values, symmetry),
        (None, None) => Extremes::by_slicing(&arrow, &inertia, symmetry),
    };
    let extremes = match off_space {
        Some(off) => extremes.join(off.extremes()),
        None => extremes,
    };
    let whole = (level == Level::Full).then(|| match values {
        Some(all) => {
            // The collapsed columns' own eigenvalues come first, those of whole classes behind them.
            let own = planned.size;
            let mut levels = with_zeros(&all[..own], Origin::Core, symmetry, resolution);
            levels.extend(all[own..].iter().map(|&(value, times)| SpectrumLevel::new(value, times, Origin::WithinClass)));
            if let Some(off) = off_space {
                levels.extend(off.levels((problem.shape.samples() - columns) as u64, resolution));
            }
            Ok(clusters(levels))
        }
        None => {
            let size = planned.size;
            Err(format!("the whole spectrum is computed up to dimension {WHOLE_MAX} at the point's rank; this is {size}"))
        }
    });
    Ok(Spectrum {
        index,
        nullity,
        nullity_symmetry: symmetry,
        resolution,
        lambda_min: extremes.min,
        lambda_min_transverse: extremes.min_transverse,
        lambda_max: extremes.max,
        unsteady,
        escape_curvature: None,
        whole,
        route: planned.route,
    })
}

/// Whether there are eigenvalues between the zeros and √(‖∇f‖·‖∇²f‖) in size.
fn unsteady(arrow: &Arrow, inertia: &Inertia, gradient: f64) -> bool {
    let theta = (gradient * arrow.norm_bound()).sqrt();
    if !(theta > 1.5 * inertia.resolution) {
        return false;
    }
    let count = |shift: f64| count_below(arrow, arrow.clear_shift(shift, 0.01 * inertia.resolution)) as u64;
    count(-theta) < inertia.index.low || count(theta) > inertia.index.low + inertia.nullity.high
}
