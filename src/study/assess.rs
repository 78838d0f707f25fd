//! One point: from a start through solver and gate to its numbers.

use super::flow::FlowLaws;
use crate::critical::{Candidate, CriticalPoint, GradientNorm, gate};
use crate::linalg::singular_values;
use crate::metrics::{self, Metrics};
use crate::model::Point;
use crate::objective::{Objective, Problem, lower_bound, residual_spectrum};
use crate::record::TrajectoryRow;
use crate::scenario::Case;
use crate::solvers::{State, StopReason, minimise};
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

/// Runs a start of a case from `point` to its numbers.
pub(super) fn run_start(case: &Case, begin: &Begin, point: Point) -> Assessed {
    let narrow = case.problem.at_width(begin.width);
    let mut recorder = Recorder::default();
    let outcome = minimise(&narrow, point, &case.solver, &case.stop, &mut |step, state| recorder.observe(&narrow, step, state));
    recorder.close(&narrow, outcome.steps, &outcome.state);
    let path = Path {
        start: begin.spec.name().into(),
        seed: begin.seed(),
        steps: outcome.steps,
        stop_reason: outcome.reason.name().into(),
        rows: recorder.rows,
    };
    let polish = case.stop.polish && outcome.reason != StopReason::NotFinite;
    let limits = case.spectra.limits();
    let State { x, gradient, .. } = outcome.state;
    // As large as the point, and not needed any more.
    drop(gradient);
    let candidate = Candidate { point: x, polish };
    Assessed { path, ..assess(&case.problem, candidate, case.spectra.level, &limits, false) }
}

/// Passes a candidate through the gate and computes every number of it. With `anywhere`, the spectrum is computed at points that do not pass, too.
pub fn assess(problem: &Problem, candidate: Candidate, level: Level, limits: &Limits, anywhere: bool) -> Assessed {
    let (point, gradient, critical) = match gate(problem, candidate) {
        Ok(critical) => (critical.point(), critical.gradient(), Ok(critical)),
        Err(refused) => (refused.point, refused.gradient, Err(refused.reason)),
    };
    let mut objective = Objective::new(problem);
    let value = objective.value(&point);
    let finite = value.is_finite() && gradient.norm.is_finite();
    let metrics = if finite { metrics::all(&point, &problem.shape) } else { Metrics::default() };
    let least_probability = metrics::least_probability(&point, &problem.shape);
    let mut assessed = Assessed {
        point,
        critical,
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
        return assessed;
    }
    let residual = residual_spectrum(&mut objective, &assessed.point);
    assessed.dual_ratio = Some(residual.norm() / problem.decay.mu());
    assessed.lower_bound = lower_bound(&mut objective, &assessed.point, &residual)
        .map(|bound| (bound, "dual"))
        .or_else(|| theory::contrastive_bound(problem).map(|bound| (bound, "contrastive")));
    assessed.spectrum = match (&assessed.critical, level) {
        (_, Level::None) => Err("spectra.level is \"none\"".into()),
        (Ok(critical), _) => spectra::at_critical(problem, critical, &residual, level, limits),
        (Err(_), _) if anywhere => spectra::at_point(problem, &assessed.point, level, limits),
        (Err(_), _) => Err("spectra are computed at critical points".into()),
    };
    assessed
}

impl Assessed {
    /// The rank of W and H at a critical point.
    pub fn rank(&self) -> Option<usize> {
        self.critical.as_ref().ok().map(CriticalPoint::rank)
    }

    /// Singular values of W, largest first.
    pub fn classifier_singular_values(&self) -> Vec<f64> {
        singular_values(&self.point.w().into_owned())
    }
}

/// Keeps about 500 log-spaced rows of a trajectory, the first and the last among them.
#[derive(Default)]
struct Recorder {
    rows: Vec<TrajectoryRow>,
    next: u64,
    laws: Option<FlowLaws>,
}

impl Recorder {
    fn observe(&mut self, problem: &Problem, step: u64, state: &State) {
        if step >= self.next {
            self.push(problem, step, state);
            // Every step up to 100, then 2 % apart: 560 rows for a million steps.
            self.next = (step + 1).max(step + step / 50);
        }
    }

    fn close(&mut self, problem: &Problem, step: u64, state: &State) {
        if self.rows.last().is_none_or(|row| row.step < step) {
            self.push(problem, step, state);
        }
    }

    fn push(&mut self, problem: &Problem, step: u64, state: &State) {
        let norm = GradientNorm::of(problem, &state.x, &state.gradient);
        // A row of numbers that are not finite says nothing, and JSON cannot hold it.
        if !(norm.scaled.is_finite() && state.value.is_finite()) {
            return;
        }
        self.rows.push(TrajectoryRow {
            case: String::new(),
            start_index: 0,
            step,
            time: state.time,
            value: state.value,
            gradient_norm: norm.norm,
            gradient_norm_scaled: norm.scaled,
            metrics: metrics::trajectory(&state.x, &problem.shape).values,
            flow: state.time.map(|_| self.laws.get_or_insert_with(|| FlowLaws::new(state)).row(state)),
        });
    }
}
