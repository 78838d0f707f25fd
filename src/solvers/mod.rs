//! FAMILY. How to move: methods over fused value + gradient and Hessian products, one loop with stop rules and observers.

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
];

impl SolverSpec {
    /// The solver's name, as in scenarios.
    pub fn name(&self) -> &'static str {
        match self {
            SolverSpec::GradientDescent { .. } => "gradient-descent",
            SolverSpec::Momentum { .. } => "momentum",
            SolverSpec::Lbfgs { .. } => "lbfgs",
            SolverSpec::TrustRegion { .. } => "trust-region",
        }
    }
}
