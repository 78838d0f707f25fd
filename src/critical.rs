//! The gate: `Candidate` → `CriticalPoint`.
//!
//! A point is critical only if its scaled gradient norm is at most 1e-10 (or at the rounding floor of its evaluation) after a Newton polish on the space
//! transverse to the symmetry orbit, and only this module makes a [`CriticalPoint`].
//!
//! At a critical point λ_W WᵀW = λ_H HHᵀ, so W and H share a row/column space of dimension r, the rank. The gate finds r, writes the point as a width-r point
//! (its reduced form) in an orthonormal frame, and polishes that: the remaining directions are then zero exactly, not merely small, and the spectrum's rank split
//! applies without error.

use nalgebra::DMatrix;

use crate::linalg::{self, svd};
use crate::model::{Point, tangents};
use crate::objective::{Arrow, Objective, Plan, Problem, residual_spectrum, turn};

/// The scaled gradient norm at which a point counts as critical.
pub const GRADIENT_ALLOWED: f64 = 1e-10;
/// A rounding floor above this admits nothing: at such a point no evaluation can tell whether it is critical.
const FLOOR_ALLOWED: f64 = 1e-8;
/// A Newton polish starts only below this scaled gradient norm: from farther away it may run to any critical point.
const POLISH_FROM: f64 = 1e-2;
/// A polish that ends above this multiple of the rounding floor has stalled: from within the reach of a critical point Newton's method ends below the floor.
const STALLED_FROM: f64 = 30.0;
/// A scaled gradient norm that no polish improves.
const REACHED: f64 = f64::EPSILON;
/// Most Newton steps of a polish. Quadratic convergence needs 3 to 6.
const POLISH_STEPS: usize = 20;
/// Singular values of W below this fraction of the largest are taken for zero, if the point is still critical without them.
const RANK_TOLERANCE: f64 = 1e-7;
/// The same for a first attempt, which must then show that the dropped directions return to zero.
const RANK_FIRST: f64 = 1e-4;
/// How far below μ, relatively, σ must lie for a direction to return.
const RETURN_MARGIN: f64 = 1e-5;
/// Singular values of W are compared with at least this: at the origin there is no largest one to compare with.
const ORIGIN_SCALE: f64 = 1e-3;
/// The polish may move a point by at most this fraction of its norm.
const POLISH_REACH: f64 = 0.05;
/// Most multiply-adds of one Newton step; larger problems are judged as they are.
const POLISH_WORK: f64 = 5e11;
/// Most bytes of the arrow in a polish.
const POLISH_BYTES: f64 = 4e9;

/// Multiply-adds of a logit matrix above which a point far from critical is refused without an attempt to reduce its rank.
const REDUCED_BELOW: f64 = 1e10;

/// A point that may be critical.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The point, at any width up to the problem's: narrower ones are padded with zeros.
    pub point: Point,
    /// Whether a Newton polish is wanted.
    pub polish: bool,
}

/// A critical point, in reduced form.
#[derive(Clone, Debug)]
pub struct CriticalPoint {
    reduced: Point,
    frame: DMatrix<f64>,
    gradient: GradientNorm,
    at_floor: bool,
    stalled: bool,
}

/// ‖∇f‖ and what it is measured by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientNorm {
    /// ‖∇f‖₂ over (W, H, b).
    pub norm: f64,
    /// ‖∇f‖₂ / (μ + λ_W‖W‖_F + λ_H‖H‖_F).
    pub scaled: f64,
    /// The rounding floor of `scaled`: what an evaluation at an exactly critical point may give.
    pub floor: f64,
}

/// A point that did not pass, with its numbers.
#[derive(Clone, Debug)]
pub struct NotCritical {
    /// The point, at the problem's width, as it came.
    pub point: Point,
    /// Its gradient norm.
    pub gradient: GradientNorm,
    /// Why, in words.
    pub reason: String,
    /// Whether it may be critical all the same: its gradient is within the rounding of its evaluation.
    pub unresolved: bool,
}

impl CriticalPoint {
    /// The point of width r = rank.
    pub fn reduced(&self) -> &Point {
        &self.reduced
    }

    /// The d×r frame: W = W_r Qᵀ, H = Q H_r.
    pub fn frame(&self) -> &DMatrix<f64> {
        &self.frame
    }

    /// The rank of W and H.
    pub fn rank(&self) -> usize {
        self.reduced.width()
    }

    /// The point at the problem's width.
    pub fn point(&self) -> Point {
        self.reduced.embed(&self.frame)
    }

    /// Its gradient norm.
    pub fn gradient(&self) -> GradientNorm {
        self.gradient
    }

    /// Whether Newton's method was tried and stopped at a gradient that rounding does not explain. Beside a critical point it would have gone on: this may be the neighbourhood of a fold,
    /// where ∇f is small and nowhere zero.
    pub fn stalled(&self) -> bool {
        self.stalled
    }

    /// Whether it passed by the evaluation's rounding floor only.
    pub fn at_floor(&self) -> bool {
        self.at_floor
    }
}

impl GradientNorm {
    /// The gradient norm at `x`.
    pub fn new(objective: &mut Objective<'_>, x: &Point) -> Self {
        let mut gradient = vec![0.0; x.as_slice().len()];
        objective.value_gradient(x, &mut gradient);
        Self::of(objective.problem(), x, &gradient)
    }

    /// The same from a gradient already computed.
    pub fn of(problem: &Problem, x: &Point, gradient: &[f64]) -> Self {
        let norm = linalg::norm(gradient);
        let parts = x.parts();
        let [w, h, b] = [parts.0, parts.1, parts.2].map(linalg::norm);
        let decay = &problem.decay;
        let scale = decay.mu() + decay.w * w + decay.h * h;
        // Each entry of ∇f is a sum of about N (for W, b) or K (for H) products of size at most those of the decay terms it balances; a logit's own rounding error
        // eps·|z| moves g_i by up to c/N of it. The floor adds these, with the square root of the number of terms.
        // Errors are independent from column to column, and the same for the samples that one column stands for.
        let samples = problem.shape.samples() as f64;
        let shared = problem.shape.samples_per_column().sqrt();
        let columns = (problem.shape.columns() as f64).sqrt();
        let logits = w * h / samples * shared + b;
        let coupling = problem.scale * (w + h / columns + shared) / samples * samples.sqrt();
        let floor = 8.0 * f64::EPSILON * (scale + coupling * (1.0 + logits)) / scale;
        Self { norm, scaled: norm / scale, floor }
    }

    /// ‖∇f‖, or what rounding may hide of it: whichever is larger.
    pub fn uncertain(&self) -> f64 {
        let scale = if self.scaled > 0.0 { self.norm / self.scaled } else { 0.0 };
        self.norm.max(self.floor * scale)
    }

    /// Whether an evaluation cannot tell this gradient from zero, and the gate admits nothing of that kind.
    fn within_rounding(&self) -> bool {
        self.floor > FLOOR_ALLOWED && self.scaled <= 4.0 * self.floor
    }

    /// Whether this passes the gate: by the bound, or by the rounding floor.
    fn passes(&self) -> bool {
        self.scaled <= GRADIENT_ALLOWED || self.scaled <= self.floor.min(FLOOR_ALLOWED)
    }
}

/// Passes a candidate through the gate.
pub fn gate(problem: &Problem, candidate: Candidate) -> Result<CriticalPoint, NotCritical> {
    let Candidate { point, polish } = candidate;
    let start_width = point.width();
    let narrow = problem.at_width(start_width);
    let identity = DMatrix::identity(problem.shape.width(), start_width);
    let before = GradientNorm::new(&mut Objective::new(&narrow), &point);
    let refuse = |point: Point, gradient: GradientNorm, reason: String| {
        let point = if start_width == problem.shape.width() { point } else { point.embed(&identity) };
        let unresolved = gradient.within_rounding();
        let reason = if unresolved {
            format!("{reason}; within the rounding of its evaluation ({:.1e}), so nobody can tell", gradient.floor)
        } else {
            reason
        };
        NotCritical { point, gradient, reason, unresolved }
    };
    if !before.scaled.is_finite() {
        return Err(refuse(point, before, "the gradient is not finite".into()));
    }
    let polish = polish && before.scaled <= POLISH_FROM;
    if !polish && before.scaled > POLISH_FROM && work(&narrow) > REDUCED_BELOW {
        // What follows would drop directions that are only rounding, at several evaluations of ∇f, which take minutes here. No such direction carries a gradient of this size.
        let reason = format!("scaled gradient norm {:.1e} is above {GRADIENT_ALLOWED:.0e}", before.scaled);
        return Err(refuse(point, before, reason));
    }
    let (mut frame, mut reduced) = reduce(&narrow, &point, polish);
    if polish && before.passes() && !(distance(&reduced, &frame, &point) <= POLISH_REACH) {
        // Newton's steps along flat directions have no length of their own. What was critical as it came stays as it came.
        (frame, reduced) = reduce(&narrow, &point, false);
    }
    let narrow = problem.at_width(reduced.width());
    let gradient = GradientNorm::new(&mut Objective::new(&narrow), &reduced);
    if !gradient.passes() {
        let polished = if polish { format!(" ({:.1e} after the polish)", gradient.scaled) } else { String::new() };
        let reason = format!("scaled gradient norm {:.1e}{polished} is above {GRADIENT_ALLOWED:.0e}", before.scaled);
        return Err(refuse(point, before, reason));
    }
    let moved = distance(&reduced, &frame, &point);
    if !(moved <= POLISH_REACH) {
        let reason = format!("scaled gradient norm {:.1e}; the polish led away (by {moved:.1e} of the norm)", before.scaled);
        return Err(refuse(point, before, reason));
    }
    let at_floor = !(gradient.scaled <= GRADIENT_ALLOWED);
    let stalled = polish && gradient.scaled > STALLED_FROM * gradient.floor && fits(&narrow);
    Ok(CriticalPoint { reduced, frame: identity * frame, gradient, at_floor, stalled })
}

/// ‖x − y‖ / (1 + ‖y‖), x being `reduced` in its `frame`. H is compared in blocks of samples: a copy of it is not made.
fn distance(reduced: &Point, frame: &DMatrix<f64>, y: &Point) -> f64 {
    const BLOCK: usize = 1024;
    let mut square = (reduced.w() * frame.transpose() - y.w()).norm_squared();
    let samples = y.h().ncols();
    for first in (0..samples).step_by(BLOCK) {
        let count = BLOCK.min(samples - first);
        square += (frame * reduced.h().columns(first, count) - y.h().columns(first, count)).norm_squared();
    }
    square += reduced.b().iter().zip(y.b()).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    square.sqrt() / (1.0 + linalg::norm(y.as_slice()))
}

/// Multiply-adds of one matrix of logits.
fn work(problem: &Problem) -> f64 {
    problem.shape.classes() as f64 * problem.shape.width() as f64 * problem.shape.columns() as f64
}

/// Whether a Newton step is affordable.
fn fits(problem: &Problem) -> bool {
    let plan = Plan::new(problem);
    plan.bytes <= POLISH_BYTES && plan.multiply_adds <= POLISH_WORK
}

/// Polishes the point, and drops the directions in which it is only rounding: returns the frame and the reduced point.
///
/// First the directions below [`RANK_FIRST`] are dropped and the rest is polished. That stands if the reduced point is critical and the dropped directions strictly return to
/// zero (σ_{r+1}(G) < μ by a margin: the off-space block is positive there). A small part in a direction that does *not* return may be a small true singular value, or a saddle
/// not yet left: then the whole width is polished, and only what is rounding after that is dropped.
fn reduce(problem: &Problem, point: &Point, polish: bool) -> (DMatrix<f64>, Point) {
    let (frame, reduced) = truncated(problem, point, RANK_FIRST, polish);
    let narrow = problem.at_width(reduced.width());
    let mut objective = Objective::new(&narrow);
    if GradientNorm::new(&mut objective, &reduced).passes() {
        let margin = (1.0 - RETURN_MARGIN) * problem.decay.mu();
        let held =
            residual_spectrum(&mut objective, &reduced).singular_values.iter().filter(|&&sigma| !(sigma <= margin)).count();
        if reduced.width() == point.width() || held <= reduced.width() {
            return (frame, reduced);
        }
    }
    drop(reduced);
    let polished = (polish && fits(problem)).then(|| newton_polish(problem, point.clone()));
    let point = polished.as_ref().unwrap_or(point);
    let (frame, reduced) = truncated(problem, point, RANK_TOLERANCE, polish);
    let narrow = problem.at_width(reduced.width());
    let after = GradientNorm::new(&mut Objective::new(&narrow), &reduced);
    let before = GradientNorm::new(&mut Objective::new(problem), point);
    // Within rounding of each other the gradients say nothing; that the dropped directions are rounding, their size says.
    if after.passes() || after.scaled <= before.scaled.max(4.0 * after.floor) {
        (frame, reduced)
    } else {
        (DMatrix::identity(point.width(), point.width()), point.clone())
    }
}

/// The point without the singular directions of W below `tolerance` of the largest, polished if `polish` says so, and the frame of the others.
fn truncated(problem: &Problem, point: &Point, tolerance: f64, polish: bool) -> (DMatrix<f64>, Point) {
    let width = point.width();
    let found = svd(&point.w().into_owned());
    let rank = numerical_rank(&found.values, tolerance);
    let (frame, reduced) = if rank == width {
        (DMatrix::identity(width, width), point.clone())
    } else {
        let frame = found.v.columns(0, rank).into_owned();
        let reduced = Point::from_blocks(&(point.w() * &frame), &(frame.transpose() * point.h()), point.b());
        (frame, reduced)
    };
    let narrow = problem.at_width(rank);
    if !(polish && fits(&narrow)) {
        return (frame, reduced);
    }
    let reduced = newton_polish(&narrow, reduced);
    // What the polish sent to zero is dropped in turn.
    if numerical_rank(&linalg::singular_values(&reduced.w().into_owned()), RANK_TOLERANCE) < rank {
        let (inner, reduced) = truncated(&narrow, &reduced, RANK_TOLERANCE, polish);
        return (frame * inner, reduced);
    }
    (frame, reduced)
}

/// Number of singular values (of W, descending) above `tolerance` of the largest.
///
/// W is zero as a whole where it is small beside 1: logits are O(1) wherever the loss acts at all.
fn numerical_rank(singular_values: &[f64], tolerance: f64) -> usize {
    let largest = singular_values.first().copied().unwrap_or(0.0).max(ORIGIN_SCALE);
    singular_values.iter().filter(|&&value| value > tolerance * largest).count()
}

/// Newton's method on ∇f = 0, transverse to the symmetry orbit, until the gradient norm no longer falls.
///
/// A step that does not lower ‖∇f‖ is halved up to four times, then the polish ends.
fn newton_polish(problem: &Problem, start: Point) -> Point {
    let mut objective = Objective::new(problem);
    let mut x = start;
    let mut gradient = vec![0.0; x.as_slice().len()];
    objective.value_gradient(&x, &mut gradient);
    let mut norm = GradientNorm::of(problem, &x, &gradient);
    let mut trial_gradient = vec![0.0; gradient.len()];
    for _ in 0..POLISH_STEPS {
        // One step past the point where nothing is gained costs less than a wrong stop. Where logits are large the floor, which is a bound, is far above what can be reached.
        if norm.scaled < (1e-3 * norm.floor).min(REACHED) {
            break;
        }
        let one_at_a_time = turn(problem);
        let arrow = Arrow::new(&mut objective, &x);
        if !arrow.norm_bound().is_finite() {
            break;
        }
        // A large arrow has a gauge of its own: the tangents would take as much memory as the Schur complement.
        let gauge = if arrow.is_large() { DMatrix::zeros(arrow.core(), 0) } else { tangents(&x, problem.shifts_bias_freely()) };
        let step = arrow.newton_step(&gradient, &gauge, norm.norm / (1.0 + linalg::norm(x.as_slice())));
        drop((arrow, gauge, one_at_a_time));
        let mut accepted = false;
        for halving in 0..5 {
            let factor = 0.5_f64.powi(halving);
            let mut trial = x.clone();
            trial.as_mut_slice().iter_mut().zip(&step).for_each(|(x, s)| *x += factor * s);
            objective.value_gradient(&trial, &mut trial_gradient);
            let trial_norm = GradientNorm::of(problem, &trial, &trial_gradient);
            if trial_norm.norm < norm.norm {
                let gain = trial_norm.norm / norm.norm;
                (x, norm) = (trial, trial_norm);
                std::mem::swap(&mut gradient, &mut trial_gradient);
                accepted = gain < 0.9 || norm.scaled > norm.floor;
                break;
            }
            if norm.scaled <= GRADIENT_ALLOWED {
                // At the floor: halving only samples rounding errors.
                break;
            }
        }
        if !accepted {
            break;
        }
    }
    x
}
