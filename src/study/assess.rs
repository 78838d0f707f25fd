//! One point: from a start through solver and gate to its numbers.

use std::ops::ControlFlow;

use nalgebra::DMatrix;

use super::flow::FlowLaws;
use super::limits::Deadline;
use crate::critical::{Candidate, CriticalPoint, GradientNorm, gate};
use crate::linalg::singular_values;
use crate::metrics::{self, Metrics};
use crate::model::Point;
use crate::objective::{Objective, Problem, Threads, lower_bound, lower_bound_within, residual_norms, residual_spectrum};
use crate::record::{FAILED, TIME_LIMIT, TrajectoryRow};
use crate::scenario::{Case, Scenario, Trajectories};
use crate::solvers::{State, StopReason, minimise_while};
use crate::spectra::{self, Level, Limits, Spectrum};
use crate::starts::Begin;
use crate::theory;

/// A point and its numbers, before its verdict.
#[derive(Clone, Debug)]
pub struct Assessed {
    /// The point, at the problem's width.
    pub point: Point,
    /// The critical point, or why it is none.
    pub critical: Result<CriticalPoint, String>,
    /// Whether a point that is not critical may be critical all the same, as no evaluation can tell.
    pub unresolved: bool,
    /// Negative eigenvalues of the directions outside the row space of W at a critical point: certain ones, known even where the inertia is not.
    pub off_space_negative: u64,
    /// What led there.
    pub path: Path,
    /// f.
    pub value: f64,
    /// ‖∇f‖.
    pub gradient: GradientNorm,
    /// ‖G‖_op/μ.
    pub dual_ratio: Option<f64>,
    /// A lower bound of f and how it was obtained.
    pub lower_bound: Option<(f64, &'static str)>,
    /// The spectrum, or why there is none.
    pub spectrum: Result<Spectrum, String>,
    /// The smallest softmax probability that a sample gives its own class.
    pub least_probability: Option<f64>,
    /// Metrics.
    pub metrics: Metrics,
}

/// How a point was reached.
#[derive(Clone, Debug, Default)]
pub struct Path {
    /// The start's name.
    pub start: String,
    /// Its seed.
    pub seed: Option<u64>,
    /// Solver steps.
    pub steps: u64,
    /// Why the solver ended.
    pub stop_reason: String,
    /// The trajectory; `case` and `start_index` are filled in later.
    pub rows: Vec<TrajectoryRow>,
}

/// Largest K·d·N at which rows of a trajectory get their dual numbers: a row costs about four evaluations of ∇f, so that 560 of them stay within seconds.
const DUAL_SIZE_MAX: usize = 4_000_000;

/// Whether trajectories hold ‖G‖/μ and lower bounds: where the scenario asks for the figure or the statement that reads them, and the problem is small enough.
fn records_duality(scenario: &Scenario, problem: &Problem) -> bool {
    let asked =
        scenario.figures.iter().any(|name| name == "dual-gap") || scenario.theorems.iter().any(|name| name == "weak-duality");
    let shape = &problem.shape;
    asked && shape.classes().saturating_mul(shape.width()).saturating_mul(shape.columns()) <= DUAL_SIZE_MAX
}

/// Runs a start of a case from `point` to its numbers, or as far as the time of its case lasts.
pub(super) fn run_start(
    scenario: &Scenario,
    case: &Case,
    begin: &Begin,
    point: Point,
    deadline: &Deadline,
    threads: Threads,
) -> Assessed {
    let narrow = case.problem.at_width(begin.width);
    let mut recorder = Recorder::new(scenario.output.trajectories, records_duality(scenario, &case.problem));
    let outcome = minimise_while(&narrow, point, &case.solver, &case.stop, threads, &mut |step, state| {
        recorder.observe(&narrow, step, state);
        if deadline.passed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    recorder.close(&narrow, outcome.steps, &outcome.state);
    let path = Path {
        start: begin.spec.name().into(),
        seed: begin.seed(),
        steps: outcome.steps,
        stop_reason: if outcome.reason == StopReason::Stopped { TIME_LIMIT } else { outcome.reason.name() }.into(),
        rows: recorder.rows,
    };
    let polish = case.stop.polish && outcome.reason != StopReason::NotFinite;
    let State { x, gradient, .. } = outcome.state;
    // As large as the point, and not needed any more.
    drop(gradient);
    judged(case, Candidate { point: x, polish }, path, deadline)
}

/// The numbers of the point that a solver or a device led to. Without time left, those that take one evaluation.
pub(super) fn judged(case: &Case, candidate: Candidate, mut path: Path, deadline: &Deadline) -> Assessed {
    let problem = &case.problem;
    if deadline.passed() {
        path.stop_reason = TIME_LIMIT.into();
        let point = at_full_width(problem, candidate.point);
        return Assessed { path, ..Assessed::unjudged(problem, point, deadline.reason()) };
    }
    let out_of_time = || deadline.passed().then(|| deadline.reason());
    let numbers = assess_within(problem, candidate, case.spectra.level, &case.spectra.limits(), false, &out_of_time);
    Assessed { path, ..numbers }
}

/// A point of a narrower problem, padded with zeros.
fn at_full_width(problem: &Problem, point: Point) -> Point {
    let width = problem.shape.width();
    if point.width() == width { point } else { point.embed(&DMatrix::identity(width, point.width())) }
}

/// Passes a candidate through the gate and computes every number of it. With `anywhere`, the spectrum is computed at points that do not pass, too.
///
/// Problems whose decays or factor are too small or too large for squares are assessed as [`Problem::in_range`] has them.
pub fn assess(problem: &Problem, candidate: Candidate, level: Level, limits: &Limits, anywhere: bool) -> Assessed {
    assess_within(problem, candidate, level, limits, anywhere, &|| None)
}

/// The same, without a spectrum where there is no time left for it: `out_of_time` then says why.
fn assess_within(
    problem: &Problem,
    candidate: Candidate,
    level: Level,
    limits: &Limits,
    anywhere: bool,
    out_of_time: &dyn Fn() -> Option<String>,
) -> Assessed {
    match problem.in_range() {
        None => assess_in_range(problem, candidate, level, limits, anywhere, out_of_time),
        Some((scaled, factor)) => assess_in_range(&scaled, candidate, level, limits, anywhere, out_of_time).times(factor.recip()),
    }
}

fn assess_in_range(
    problem: &Problem,
    candidate: Candidate,
    level: Level,
    limits: &Limits,
    anywhere: bool,
    out_of_time: &dyn Fn() -> Option<String>,
) -> Assessed {
    let (point, gradient, critical, unresolved) = match gate(problem, candidate) {
        Ok(critical) => (critical.point(), critical.gradient(), Ok(critical), false),
        Err(refused) => (refused.point, refused.gradient, Err(refused.reason), refused.unresolved),
    };
    let mut objective = Objective::new(problem);
    let value = objective.value(&point);
    let finite = value.is_finite() && gradient.norm.is_finite();
    let metrics = if finite { metrics::all(&point, &problem.shape) } else { Metrics::default() };
    let least_probability = metrics::least_probability(&point, &problem.shape);
    let mut assessed = Assessed {
        point,
        critical,
        unresolved,
        off_space_negative: 0,
        path: Path::default(),
        value,
        gradient,
        dual_ratio: None,
        lower_bound: None,
        spectrum: Err("the point is not finite".into()),
        least_probability,
        metrics,
    };
    if !finite {
        // Where f overflows its gradient says nothing.
        assessed.critical = assessed.critical.and(Err("the value is not finite".into()));
        return assessed;
    }
    if problem.shape.classes() > RESIDUAL_CLASSES_MAX {
        return without_residual_spectrum(&mut objective, assessed);
    }
    let residual = residual_spectrum(&mut objective, &assessed.point);
    if !residual.norm().is_finite() {
        assessed.spectrum = Err("squares of the residuals leave the range of doubles".into());
        return assessed;
    }
    assessed.dual_ratio = Some(residual.norm() / problem.decay.mu());
    if let Ok(critical) = &assessed.critical {
        assessed.off_space_negative = spectra::off_space_negative(problem, critical, &residual);
    }
    assessed.lower_bound = lower_bound(&mut objective, &assessed.point, &residual)
        .map(|bound| (bound, "dual"))
        .or_else(|| theory::contrastive_bound(problem).map(|bound| (bound, "contrastive")));
    if let Some(reason) = out_of_time() {
        assessed.spectrum = Err(reason);
        return assessed;
    }
    assessed.spectrum = match (&assessed.critical, level) {
        (_, Level::None) => Err("spectra.level is \"none\"".into()),
        (Ok(critical), _) => spectra::at_critical(problem, critical, &residual, level, limits),
        (Err(_), _) if anywhere => spectra::at_point(problem, &assessed.point, level, limits),
        (Err(_), _) => Err("spectra are computed at critical points".into()),
    };
    assessed
}

impl Path {
    /// Whether the computation broke down.
    pub fn failed(&self) -> bool {
        self.stop_reason == FAILED
    }

    /// Whether the time of its case was over before it could be judged.
    pub(super) fn out_of_time(&self) -> bool {
        self.stop_reason == TIME_LIMIT
    }
}

/// Most classes at which the K×K Gram matrix of the residuals is formed and decomposed: 800 MB and half an hour at 10⁴.
const RESIDUAL_CLASSES_MAX: usize = 4000;

/// The lower bound of a point with too many classes for the spectrum of G: from bounds on its norm, or the contrastive one, whichever is higher.
fn without_residual_spectrum(objective: &mut Objective<'_>, mut assessed: Assessed) -> Assessed {
    let problem = objective.problem();
    let norms = residual_norms(objective, &assessed.point);
    let dual = lower_bound_within(objective, &assessed.point, &norms).map(|bound| (bound, "dual"));
    let contrastive = theory::contrastive_bound(problem).map(|bound| (bound, "contrastive"));
    assessed.lower_bound = [dual, contrastive].into_iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0));
    let classes = problem.shape.classes();
    assessed.spectrum =
        Err(format!("the Gram matrix of the residuals of {classes} classes is not formed (up to {RESIDUAL_CLASSES_MAX} it is)"));
    assessed
}

impl Assessed {
    /// What is left where the computation of a point broke down: where it began, and why.
    pub(super) fn failed(case: &Case, begin: &Begin, start: Point, why: &str) -> Self {
        Self::unbegun(case, begin, start, FAILED, format!("the computation broke down: {why}"))
    }

    /// What there is of a point that the time of its case did not reach.
    pub(super) fn not_reached(case: &Case, begin: &Begin, start: Point, deadline: &Deadline) -> Self {
        Self::unbegun(case, begin, start, TIME_LIMIT, deadline.reason())
    }

    /// Where a point began, and why there is nothing else.
    fn unbegun(case: &Case, begin: &Begin, start: Point, stop_reason: &str, reason: String) -> Self {
        let path =
            Path { start: begin.spec.name().into(), seed: begin.seed(), stop_reason: stop_reason.into(), ..Path::default() };
        Self {
            point: at_full_width(&case.problem, start),
            critical: Err(reason.clone()),
            unresolved: false,
            off_space_negative: 0,
            path,
            value: f64::NAN,
            gradient: GradientNorm { norm: f64::NAN, scaled: f64::NAN, floor: f64::NAN },
            dual_ratio: None,
            lower_bound: None,
            spectrum: Err(reason),
            least_probability: None,
            metrics: Metrics::default(),
        }
    }

    /// f, its derivatives and their bounds times a power of two.
    fn times(mut self, factor: f64) -> Self {
        self.value *= factor;
        self.gradient.norm *= factor;
        if let Some((bound, _)) = &mut self.lower_bound {
            *bound *= factor;
        }
        if let Ok(spectrum) = &mut self.spectrum {
            spectrum.scale(factor);
        }
        self
    }

    /// A point that was not passed through the gate, with what one evaluation tells of it.
    fn unjudged(problem: &Problem, point: Point, reason: String) -> Self {
        let mut objective = Objective::new(problem);
        let gradient = GradientNorm::new(&mut objective, &point);
        let value = objective.value(&point);
        let finite = value.is_finite() && gradient.norm.is_finite();
        Self {
            critical: Err(reason.clone()),
            unresolved: false,
            off_space_negative: 0,
            path: Path::default(),
            value,
            gradient,
            dual_ratio: None,
            lower_bound: None,
            spectrum: Err(reason),
            least_probability: metrics::least_probability(&point, &problem.shape),
            metrics: if finite { metrics::all(&point, &problem.shape) } else { Metrics::default() },
            point,
        }
    }

    /// The rank of W and H at a critical point.
    pub fn rank(&self) -> Option<usize> {
        self.critical.as_ref().ok().map(CriticalPoint::rank)
    }

    /// Singular values of W, largest first.
    pub fn classifier_singular_values(&self) -> Vec<f64> {
        singular_values(&self.point.w().into_owned())
    }
}

/// Keeps rows of a trajectory, the first and the last among them, unless none are asked for.
struct Recorder {
    kept: Trajectories,
    rows: Vec<TrajectoryRow>,
    /// The step of the next row.
    next: Option<u64>,
    /// Whether rows have the numbers of duality.
    duality: bool,
    laws: Option<FlowLaws>,
}

impl Recorder {
    fn new(kept: Trajectories, duality: bool) -> Self {
        Self { kept, rows: Vec::new(), next: (kept != Trajectories::None).then_some(0), duality, laws: None }
    }

    fn observe(&mut self, problem: &Problem, step: u64, state: &State) {
        if self.next.is_some_and(|next| step >= next) {
            self.push(problem, step, state);
            self.next = self.kept.next(step);
        }
    }

    fn close(&mut self, problem: &Problem, step: u64, state: &State) {
        if self.kept != Trajectories::None && self.rows.last().is_none_or(|row| row.step < step) {
            self.push(problem, step, state);
        }
    }

    fn push(&mut self, problem: &Problem, step: u64, state: &State) {
        let norm = GradientNorm::of(problem, &state.x, &state.gradient);
        // A row of numbers that are not finite says nothing, and JSON cannot hold it.
        if !(norm.scaled.is_finite() && state.value.is_finite()) {
            return;
        }
        let (dual_ratio, lower_bound) = if self.duality { duality(problem, &state.x) } else { (None, None) };
        self.rows.push(TrajectoryRow {
            case: String::new(),
            start_index: 0,
            step,
            time: state.time,
            value: state.value,
            gradient_norm: norm.norm,
            gradient_norm_scaled: norm.scaled,
            metrics: metrics::trajectory(&state.x, &problem.shape).values,
            dual_ratio,
            lower_bound,
            flow: state.time.map(|_| self.laws.get_or_insert_with(|| FlowLaws::new(state)).row(state)),
        });
    }
}

/// ‖G‖/μ at a point, and the lower bound of f that it gives where the loss is convex.
fn duality(problem: &Problem, x: &Point) -> (Option<f64>, Option<f64>) {
    let mut objective = Objective::new(problem);
    let residual = residual_spectrum(&mut objective, x);
    let ratio = residual.norm() / problem.decay.mu();
    let bound = lower_bound(&mut objective, x, &residual);
    (Some(ratio).filter(|ratio| ratio.is_finite()), bound.filter(|bound| bound.is_finite()))
}
