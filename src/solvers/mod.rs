//! FAMILY. How to move: methods over fused value + gradient and Hessian products, one loop with stop rules and observers.

mod descent;
mod eigenvector_following;
mod flatness;
mod flow;
mod gradient_norm;
mod lbfgs;
mod newton_minres;
#[cfg(test)]
mod tests;
mod trust_region;

pub use eigenvector_following::DIMENSION_MAX as FOLLOWING_DIMENSION_MAX;
pub use flow::gradient_flow;

use std::ops::ControlFlow;

use crate::critical::GradientNorm;
use crate::model::Point;
use crate::objective::{Counts, Objective, Problem, Threads};

/// `[stop]`: when a solver ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Bound on the scaled gradient norm; 0 switches it off.
    pub gradient_norm: f64,
    /// Most steps.
    pub steps_max: u64,
    /// Whether a Newton polish follows.
    pub polish: bool,
}

impl Default for Stop {
    fn default() -> Self {
        Self { gradient_norm: 1e-8, steps_max: 20_000, polish: true }
    }
}

/// An element of `[solver]`: which method, and its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum SolverSpec {
    /// x ← x − t∇f with t = `step`, or by backtracking where `step` is absent.
    GradientDescent {
        /// The fixed step.
        step: Option<f64>,
    },
    /// v ← m v + ∇f, x ← x − t v; t drops tenfold at 3/7 and 5/7 of the most steps (the paper's training set-up).
    Momentum {
        /// t.
        step: f64,
        /// m.
        momentum: f64,
    },
    /// Limited-memory BFGS with a Moré–Thuente search.
    Lbfgs {
        /// Pairs kept.
        memory: usize,
    },
    /// Trust-region Newton-CG that uses negative curvature, and so leaves saddles.
    TrustRegion {
        /// First radius.
        radius: f64,
    },
    /// Levenberg–Marquardt on ½‖∇f‖²: to critical points of any index.
    GradientNorm,
    /// Newton's method by minimum residuals, with a line search on ‖∇f‖: to critical points of any index.
    NewtonMinres,
    /// Up along the `index` lowest modes of the Hessian and down along all others: to critical points of that index. Decomposes the whole Hessian at every step.
    EigenvectorFollowing {
        /// The index sought.
        index: usize,
        /// First radius.
        radius: f64,
    },
    /// The gradient flow ẋ = −∇f by an embedded Runge–Kutta pair with error control.
    GradientFlow {
        /// Largest error of a step, relative to 1 + |x_i|.
        tolerance: f64,
        /// The time at which it ends; without one, it goes on to the gradient bound or the most steps.
        time: Option<f64>,
    },
}

/// What `ufm list solvers` says of a solver.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The name in a scenario.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The keys it takes, beside `name`.
    pub keys: &'static [&'static str],
}

/// Every solver there is.
pub const ALL: &[Family] = &[
    Family { name: "gradient-descent", summary: "fixed step, or backtracking where no `step` is given", keys: &["step"] },
    Family { name: "momentum", summary: "heavy ball with the paper's step schedule", keys: &["step", "momentum"] },
    Family { name: "lbfgs", summary: "limited-memory BFGS (argmin), Moré–Thuente search", keys: &["memory"] },
    Family {
        name: "trust-region",
        summary: "Newton-CG in a trust region; follows negative curvature off saddles",
        keys: &["radius"],
    },
    Family { name: "gradient-norm", summary: "Levenberg–Marquardt on ½‖∇f‖²: critical points of any index", keys: &[] },
    Family {
        name: "newton-minres",
        summary: "minimum-residual Newton, line search on ‖∇f‖: critical points of any index",
        keys: &[],
    },
    Family {
        name: "eigenvector-following",
        summary: "up along the `index` lowest Hessian modes, down along the others: saddles of that index",
        keys: &["index", "radius"],
    },
    Family {
        name: "gradient-flow",
        summary: "ẋ = −∇f by Dormand–Prince 5(4) with error control, to `time` or the gradient bound",
        keys: &["tolerance", "time"],
    },
];

impl SolverSpec {
    /// The solver's name, as in scenarios.
    pub fn name(&self) -> &'static str {
        match self {
            SolverSpec::GradientDescent { .. } => "gradient-descent",
            SolverSpec::Momentum { .. } => "momentum",
            SolverSpec::Lbfgs { .. } => "lbfgs",
            SolverSpec::TrustRegion { .. } => "trust-region",
            SolverSpec::GradientNorm => "gradient-norm",
            SolverSpec::NewtonMinres => "newton-minres",
            SolverSpec::EigenvectorFollowing { .. } => "eigenvector-following",
            SolverSpec::GradientFlow { .. } => "gradient-flow",
        }
    }

    /// The method itself.
    fn method(&self, stop: &Stop) -> Box<dyn Method> {
        match *self {
            SolverSpec::GradientDescent { step: Some(step) } => Box::new(descent::FixedStep { step }),
            SolverSpec::GradientDescent { step: None } => Box::new(descent::Backtracking::default()),
            SolverSpec::Momentum { step, momentum } => Box::new(descent::Momentum::new(step, momentum, stop.steps_max)),
            SolverSpec::Lbfgs { memory } => Box::new(lbfgs::Lbfgs::new(memory)),
            SolverSpec::TrustRegion { radius } => Box::new(trust_region::TrustRegion::new(radius)),
            SolverSpec::GradientNorm => Box::new(gradient_norm::GradientNorm::default()),
            SolverSpec::NewtonMinres => Box::new(newton_minres::NewtonMinres),
            SolverSpec::EigenvectorFollowing { index, radius } => {
                Box::new(eigenvector_following::EigenvectorFollowing::new(index, radius))
            }
            SolverSpec::GradientFlow { tolerance, time } => Box::new(flow::GradientFlow::new(tolerance, time)),
        }
    }
}

/// Where a solver stands.
#[derive(Clone, Debug)]
pub struct State {
    /// x = (W, H, b).
    pub x: Point,
    /// f(x).
    pub value: f64,
    /// ∇f(x), packed as x.
    pub gradient: Vec<f64>,
    /// The time of a flow; none for other solvers.
    pub time: Option<f64>,
    /// The sum of the error estimates, ‖·‖₂, of a flow's steps so far; 0 for other solvers.
    pub error: f64,
}

impl State {
    /// The state at `x`.
    pub fn new(objective: &mut Objective<'_>, x: Point) -> Self {
        let mut gradient = vec![0.0; x.as_slice().len()];
        let value = objective.value_gradient(&x, &mut gradient);
        Self { x, value, gradient, time: None, error: 0.0 }
    }
}

/// Why a solver ended: an outcome, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The scaled gradient norm is at most the bound.
    Gradient,
    /// The most steps were taken.
    Steps,
    /// A flow has reached its end.
    Time,
    /// No step lowers the value any more: rounding, as a rule.
    NoProgress,
    /// ∇²f ∇f ≈ 0 with ∇f ≠ 0: no step lowers ‖∇f‖ to first order, and the point is not critical.
    GradientFlat,
    /// A value or gradient is not finite.
    NotFinite,
    /// Whoever observes it wanted no further step.
    Stopped,
}

impl StopReason {
    /// The name used in records.
    pub fn name(self) -> &'static str {
        match self {
            StopReason::Gradient => "gradient",
            StopReason::Steps => "steps",
            StopReason::Time => "time",
            StopReason::NoProgress => "no-progress",
            StopReason::GradientFlat => "gradient-flat",
            StopReason::NotFinite => "not-finite",
            StopReason::Stopped => "stopped",
        }
    }
}

/// A method: one step at a time.
trait Method {
    /// Moves the state, or says why it cannot.
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason>;

    /// Called before a step with the factor by which the gradient has yet to shrink: a smaller one gains nothing.
    fn aim(&mut self, _factor: f64) {}

    /// Called where the gradient is small enough to stop: moves off a saddle and returns true, or returns false.
    fn leave_saddle(&mut self, _objective: &mut Objective<'_>, _state: &mut State) -> bool {
        false
    }
}

/// What a solver returns.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Where it ended.
    pub state: State,
    /// Steps taken.
    pub steps: u64,
    /// Why it ended.
    pub reason: StopReason,
    /// Evaluations.
    pub counts: Counts,
}

/// Minimises f, or seeks a critical point of it, from `start` (at the width of `problem`). `observe` sees every state, the first included, with its step number.
///
/// All threads of the pool it is called in share the passes over a problem of middling size. Stops on the scaled gradient norm, never on the loss. The steps of a collapsed problem are made in its [even coordinates](Problem::even); what is observed, measured and returned is in
/// its own.
pub fn minimise(
    problem: &Problem,
    start: Point,
    solver: &SolverSpec,
    stop: &Stop,
    observe: &mut dyn FnMut(u64, &State),
) -> Outcome {
    let mut on = |step, state: &State| {
        observe(step, state);
        ControlFlow::Continue(())
    };
    minimise_while(problem, start, solver, stop, Threads::All, &mut on)
}

/// The same on the given threads, and for as long as the observer says so: solvers read no clock, who watches them may.
pub fn minimise_while(
    problem: &Problem,
    start: Point,
    solver: &SolverSpec,
    stop: &Stop,
    threads: Threads,
    observe: &mut dyn FnMut(u64, &State) -> ControlFlow<()>,
) -> Outcome {
    // A flow is followed in the problem's own coordinates: in others it is another flow.
    let even = problem.even().filter(|_| !matches!(solver, SolverSpec::GradientFlow { .. }));
    let (inner, start) = match &even {
        Some((inner, unit)) => (inner, Even(*unit).point_from(start)),
        None => (problem, start),
    };
    let outer = |state: &State| even.as_ref().map(|(_, unit)| Even(*unit).state_of(state));
    let mut objective = Objective::fast(inner).on(threads);
    let mut method = solver.method(stop);
    let mut state = State::new(&mut objective, start);
    state.time = matches!(solver, SolverSpec::GradientFlow { .. }).then_some(0.0);
    let mut steps = 0;
    let reason = loop {
        let converted = outer(&state);
        let seen = converted.as_ref().unwrap_or(&state);
        let wanted = observe(steps, seen);
        let norm = GradientNorm::of(problem, &seen.x, &seen.gradient);
        if !(norm.scaled.is_finite() && state.value.is_finite()) {
            break StopReason::NotFinite;
        }
        if norm.scaled <= stop.gradient_norm && !method.leave_saddle(&mut objective, &mut state) {
            break StopReason::Gradient;
        }
        if steps == stop.steps_max {
            break StopReason::Steps;
        }
        if wanted.is_break() {
            break StopReason::Stopped;
        }
        method.aim(stop.gradient_norm / norm.scaled);
        if let Err(reason) = method.step(&mut objective, &mut state) {
            break reason;
        }
        steps += 1;
    };
    let state = outer(&state).unwrap_or(state);
    Outcome { state, steps, reason, counts: objective.counts() }
}

/// Even coordinates of the given unit a: (W, H, b) is (W/a, H/a, b) there, and ∂f/∂(W/a) = a ∂f/∂W.
#[derive(Clone, Copy)]
struct Even(f64);

impl Even {
    /// The point in even coordinates.
    fn point_from(self, mut x: Point) -> Point {
        scale_matrices(&mut x, 1.0 / self.0);
        x
    }

    /// The state in the problem's own coordinates.
    fn state_of(self, state: &State) -> State {
        let State { mut x, value, mut gradient, time, error } = state.clone();
        scale_matrices(&mut x, self.0);
        let matrices = gradient.len() - x.b().len();
        gradient[..matrices].iter_mut().for_each(|g| *g /= self.0);
        State { x, value, gradient, time, error }
    }
}

/// W and H times `factor`.
fn scale_matrices(x: &mut Point, factor: f64) {
    x.w_mut().scale_mut(factor);
    x.h_mut().scale_mut(factor);
}
