//! The prover: from a point to a certificate. Nothing here is trusted; a proposal counts once the [checker](mod@super::check) accepts it.
//!
//! The point first passes the gate, which polishes it and writes it at width r = rank. Where that succeeds the certificate speaks of the polished point in its own frame, otherwise of the point as it came, of which
//! only gap and curvature are claimed.

mod about_loss;
mod curvature;
mod gap;
mod location;
mod partial;
mod simplex;

use nalgebra::DMatrix;

use super::certificate::{BiasMode, Center, Certificate, Claim, Instance, Nature};
use super::check::{self, ClaimReport};
use super::formula::Formula;
use super::losses::IntervalLoss;
use crate::critical::{Candidate, gate};
use crate::losses::{Custom, Loss};
use crate::model::{Bias, Point, Shape};
use crate::numeric::expression::{Variables, parse};
use crate::numeric::interval::Interval;
use crate::objective::Problem;
use location::Located;

pub use about_loss::{LOSS_GOALS, LossGoal, LossProof, prove_loss};
pub use partial::prove_partial;

/// Most samples that a collapsed problem is expanded to.
const EXPANDED_MAX: usize = 20_000;

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A direction of negative curvature.
    NegativeCurvature,
    /// The value, a lower bound and the gap.
    Gap,
    /// A critical orbit nearby.
    CriticalOrbit,
    /// Its index and nullity.
    Inertia,
    /// Inertia with index ≥ 1.
    StrictSaddle,
    /// Inertia with index 0.
    LocalMinimum,
    /// That it is a global minimum.
    GlobalMinimum,
    /// That it is a simplex ETF.
    SimplexEtf,
    /// That it is no global minimum.
    NotGlobal,
    /// That a partially collapsed state is critical, with its index and nullity.
    PartialState,
}

/// Every goal with its name and what it proves.
pub const GOALS: &[(Goal, &str, &str)] = &[
    (Goal::CriticalOrbit, "critical-orbit", "a critical orbit passes near the point, unique modulo symmetry"),
    (Goal::Inertia, "inertia", "index and nullity of the exact critical orbit"),
    (Goal::StrictSaddle, "strict-saddle", "inertia with an index of at least 1"),
    (Goal::LocalMinimum, "local-minimum", "inertia with index 0: a strict local minimum modulo symmetry"),
    (Goal::GlobalMinimum, "global-minimum", "the exact critical orbit consists of global minima"),
    (Goal::SimplexEtf, "simplex-etf", "the exact critical orbit is a simplex ETF, of an enclosed scale"),
    (
        Goal::NotGlobal,
        "not-global",
        "the exact critical orbit is no global minimum: f is lower at a point that the certificate names",
    ),
    (Goal::PartialState, "partial-state", "m of the classes form a simplex in a critical point, with its index and nullity"),
    (Goal::Gap, "gap", "the value, a lower bound of f, and how far apart they are"),
    (Goal::NegativeCurvature, "negative-curvature", "the Hessian at the point has a negative eigenvalue"),
];

impl Goal {
    /// The goal of a name.
    pub fn named(name: &str) -> Option<Self> {
        GOALS.iter().find(|(_, known, _)| *known == name).map(|(goal, ..)| *goal)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        GOALS.iter().find(|(goal, ..)| *goal == self).map_or("", |(_, name, _)| name)
    }
}

/// What a proof attempt ends with.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The certificate of everything that was proved, if anything was, as the checker accepts it.
    pub certificate: Option<Certificate>,
    /// What the checker says of its claims.
    pub claims: Vec<ClaimReport>,
    /// What was asked for and is undecided, with the reason.
    pub undecided: Vec<(Goal, String)>,
}

/// Tries to prove `goals` of a point; with no goals, whatever applies to it. `Err` where the problem cannot be put into a certificate.
pub fn prove(problem: &Problem, point: &Point, goals: &[Goal]) -> Result<Proof, String> {
    prove_box(problem, point, goals, 0.0)
}

/// The same for a box of problems at once: every λ_W, λ_H and λ_b within the relative distance `spread` of the given ones. What is proved holds for each of them; where the critical orbit moves with them, ρ grows
/// until it holds all of them.
pub fn prove_box(problem: &Problem, point: &Point, goals: &[Goal], spread: f64) -> Result<Proof, String> {
    prove_against(problem, point, goals, spread, None)
}

/// The same with a point `below` of the problem that is lower, for [`Goal::NotGlobal`]. Without one the lowest partially collapsed state is tried, where the problem has such.
pub fn prove_against(
    problem: &Problem,
    point: &Point,
    goals: &[Goal],
    spread: f64,
    below: Option<&Point>,
) -> Result<Proof, String> {
    allowed(spread)?;
    let below = below.map(|below| expanded(problem, below).map(|(_, point)| center(&point))).transpose()?;
    let (problem, point) = expanded(problem, point)?;
    let mut attempt = match gate(&problem, Candidate { point, polish: true }) {
        Ok(critical) => Attempt::at(&problem, critical.reduced().clone(), None, spread),
        Err(refused) => Attempt::at(&problem, refused.point, Some(refused.reason), spread),
    }?;
    attempt.below = below;
    Ok(attempt.run(goals))
}

fn allowed(spread: f64) -> Result<(), String> {
    if (0.0..0.5).contains(&spread) {
        return Ok(());
    }
    Err(format!("the spread must be at least 0 and below 0.5, not {spread}"))
}

/// A problem in which each sample has its column, and the point there.
fn expanded(problem: &Problem, point: &Point) -> Result<(Problem, Point), String> {
    let Some(multiplicities) = problem.shape.multiplicities() else { return Ok((problem.clone(), point.clone())) };
    if problem.shape.samples() > EXPANDED_MAX {
        return Err(format!("columns stand for {} samples; certificates hold at most {EXPANDED_MAX}", problem.shape.samples()));
    }
    let (classes, width) = (problem.shape.classes(), problem.shape.width());
    let features = point.features(&problem.shape);
    let (mut labels, mut h) = (Vec::new(), Vec::new());
    for (i, &copies) in multiplicities.iter().enumerate() {
        for _ in 0..copies {
            labels.push(problem.shape.labels()[i]);
            h.extend_from_slice(&features[i * width..(i + 1) * width]);
        }
    }
    let shape = Shape::with_labels(classes, width, labels).map_err(|error| error.to_string())?;
    let h = DMatrix::from_vec(width, shape.samples(), h);
    let point = Point::from_blocks(&point.w().into_owned(), &h, point.b());
    Ok((Problem { shape, ..problem.clone() }, point))
}

/// A problem as a certificate holds it, with every decay an interval of the relative half-width `spread`.
fn boxed_instance(problem: &Problem, spread: f64) -> Result<Instance, String> {
    let mut instance = instance(problem)?;
    for decay in [&mut instance.decay_w, &mut instance.decay_h, &mut instance.decay_b] {
        *decay = Interval::around(decay.mid(), spread * decay.mid());
    }
    Ok(instance)
}

/// A loss as a certificate holds it.
fn twin(loss: &Loss) -> Result<IntervalLoss, String> {
    Ok(match loss {
        Loss::CrossEntropy(_) => IntervalLoss::CrossEntropy,
        // Of balanced classes.
        Loss::VectorScaling(loss) if loss.is_cross_entropy() => IntervalLoss::CrossEntropy,
        Loss::VectorScaling(_) | Loss::Squentropy(_) => {
            return Err(format!(
                "certificates do not speak of {loss}: of losses that mix softmax with something else there are no enclosures"
            ));
        }
        Loss::LabelSmoothing(loss) => IntervalLoss::LabelSmoothing { alpha: loss.alpha.into() },
        Loss::Focal(loss) => IntervalLoss::Focal { gamma: loss.gamma.into() },
        Loss::Mse(loss) => IntervalLoss::Mse { kappa: loss.kappa.into(), target: loss.target.into() },
        Loss::Bce(_) => IntervalLoss::Bce,
        // Members that are formulas too are written as such: the checker need not know them.
        Loss::PolyLoss(loss) => of_true_class("-log(p)+epsilon1*q", &[loss.epsilon1]),
        Loss::GeneralizedCrossEntropy(loss) => of_true_class("(1-p^exponent)/exponent", &[loss.exponent]),
        Loss::Custom(loss) => of_custom(loss),
    })
}

/// A problem as a certificate holds it, with its decimals as the floats they are.
///
/// `Err`: certificates do not speak of its loss.
pub fn instance(problem: &Problem) -> Result<Instance, String> {
    let bias = match problem.bias {
        Bias::None => BiasMode::None,
        Bias::Free => BiasMode::Free,
        Bias::Decayed => BiasMode::Decayed,
    };
    let decay_b = if bias == BiasMode::Decayed { problem.decay.b } else { 0.0 };
    Ok(Instance {
        classes: problem.shape.classes(),
        width: problem.shape.width(),
        labels: problem.shape.labels().to_vec(),
        bias,
        decay_w: problem.decay.w.into(),
        decay_h: problem.decay.h.into(),
        decay_b: Interval::point(decay_b),
        loss: twin(&problem.loss)?,
        scale: problem.scale.into(),
    })
}

/// A formula of p with its parameters in the order of their first use.
fn of_true_class(text: &str, parameters: &[f64]) -> IntervalLoss {
    let expression = parse(text, Variables::TrueClass).expect("a formula of the grammar");
    let parameters = parameters.iter().map(|&x| x.into()).collect();
    IntervalLoss::OfTrueClass(Formula::new(expression, parameters).expect("every parameter is given"))
}

/// A loss of the user's own.
fn of_custom(loss: &Custom) -> IntervalLoss {
    let value = |name: &str| loss.parameters().iter().find(|(known, _)| known == name).map_or(f64::NAN, |&(_, x)| x);
    let mut formulas = loss.expressions().into_iter().map(|(_, expression)| {
        let parameters = expression.parameters().map(|(name, _)| value(name).into()).collect();
        Formula::new(expression.clone(), parameters).expect("every parameter is given")
    });
    match (formulas.next(), formulas.next()) {
        (Some(own), Some(others)) => IntervalLoss::PerLogit { own, others },
        (Some(ell), None) => IntervalLoss::OfTrueClass(ell),
        _ => unreachable!("a loss has one formula or two"),
    }
}

/// A point as a certificate holds it.
fn center(point: &Point) -> Center {
    let w = point.w();
    let rows = (0..w.nrows()).flat_map(|k| (0..w.ncols()).map(move |a| (k, a))).map(|at| w[at]).collect();
    let (_, h, b) = point.parts();
    Center { width: point.width(), w: rows, h: h.to_vec(), b: b.to_vec() }
}

/// One attempt at one point.
struct Attempt<'p> {
    /// The problem at the width of the point.
    narrow: Problem,
    problem: &'p Problem,
    point: Point,
    /// Why the point is not critical.
    refused: Option<String>,
    /// The relative half-width of the decays.
    spread: f64,
    certificate: Certificate,
    /// A point that is said to be lower.
    below: Option<Center>,
}

impl<'p> Attempt<'p> {
    fn at(problem: &'p Problem, point: Point, refused: Option<String>, spread: f64) -> Result<Self, String> {
        let instance = boxed_instance(problem, spread)?;
        let certificate = Certificate { instance, center: center(&point), claims: vec![] };
        Ok(Self { narrow: problem.at_width(point.width()), problem, point, refused, spread, certificate, below: None })
    }

    fn run(mut self, goals: &[Goal]) -> Proof {
        let every = goals.is_empty();
        let asked = |goal: Goal| every || goals.contains(&goal);
        let mut undecided: Vec<(Goal, String)> = Vec::new();
        let orbit_goals = [
            Goal::CriticalOrbit,
            Goal::Inertia,
            Goal::StrictSaddle,
            Goal::LocalMinimum,
            Goal::GlobalMinimum,
            Goal::SimplexEtf,
            Goal::NotGlobal,
        ];
        let wanted: Vec<Goal> = if every { vec![Goal::CriticalOrbit, Goal::Inertia] } else { goals.to_vec() };
        if orbit_goals.into_iter().any(asked) {
            match self.locate() {
                Ok(located) => self.of_orbit(&located, every, &wanted, &mut undecided),
                Err(reason) => {
                    let of_orbit = |goal: &&Goal| orbit_goals.contains(*goal);
                    undecided.extend(wanted.iter().filter(of_orbit).map(|&goal| (goal, reason.clone())));
                }
            }
        }
        if goals.contains(&Goal::PartialState) {
            undecided.push((
                Goal::PartialState,
                "it is proved of a state given by its number of classes alive, not of a point: --partial".into(),
            ));
        }
        if asked(Goal::Gap) {
            undecided.extend(self.gap().err().map(|reason| (Goal::Gap, reason)));
        }
        if asked(Goal::NegativeCurvature) {
            match curvature::propose(self.problem, &self.narrow, &self.point, self.spread) {
                Ok(claim) => self.offer(Goal::NegativeCurvature, claim, &mut undecided),
                // At a minimum there is nothing to prove.
                Err(_) if every => {}
                Err(reason) => undecided.push((Goal::NegativeCurvature, reason)),
            }
        }
        let claims = check::check_claims(&self.certificate);
        let certificate = (!self.certificate.claims.is_empty()).then_some(self.certificate);
        Proof { certificate, claims, undecided }
    }

    fn locate(&self) -> Result<Located, String> {
        match &self.refused {
            Some(reason) => Err(format!("the point is not critical: {reason}")),
            None => location::locate(&self.narrow, self.problem, &self.point, &self.certificate, self.spread),
        }
    }

    /// Claims about a located orbit.
    fn of_orbit(&mut self, located: &Located, every: bool, wanted: &[Goal], undecided: &mut Vec<(Goal, String)>) {
        let asked = |goal: Goal| wanted.contains(&goal);
        if asked(Goal::CriticalOrbit) {
            self.certificate.claims.push(Claim::CriticalOrbit(located.location));
        }
        let saddle = located.index > 0;
        let nature = if saddle { Nature::StrictSaddle } else { Nature::StrictLocalMinimum };
        let mut inertia = asked(Goal::Inertia);
        for (goal, true_here) in [(Goal::StrictSaddle, saddle), (Goal::LocalMinimum, !saddle)] {
            if asked(goal) && true_here {
                inertia = true;
            } else if asked(goal) {
                undecided.push((goal, format!("the index is {}: a {}", located.index, nature.name().replace('-', " "))));
            }
        }
        if inertia {
            let (location, index, nullity) = (located.location, located.index, located.nullity);
            let claim = Claim::Inertia { location, index, nullity, nature, value: located.value };
            self.offer(Goal::Inertia, claim, undecided);
        }
        let convex = self.certificate.instance.loss.convex();
        if convex && (asked(Goal::GlobalMinimum) || (every && !saddle)) {
            let claim = Claim::GlobalMinimum { location: located.location, value: located.value };
            self.offer(Goal::GlobalMinimum, claim, undecided);
        }
        if asked(Goal::NotGlobal) || (every && !saddle) {
            let found = partial::not_global(self.problem, &self.certificate, located, self.below.as_ref())
                .and_then(|claim| self.accept(claim));
            // Without being asked, only where there is a lower point to speak of.
            let loud = asked(Goal::NotGlobal) || self.below.is_some();
            undecided.extend(found.err().filter(|_| loud).map(|reason| (Goal::NotGlobal, reason)));
        }
        let simplex = asked(Goal::SimplexEtf) || asked(Goal::GlobalMinimum) && !convex;
        if simplex || every {
            match simplex::propose(&self.certificate, located, !convex) {
                Ok(claim) => self.certificate.claims.push(claim),
                // Without being asked, only where there is an ETF to speak of.
                Err(_) if !simplex => {}
                Err(reason) => {
                    let goal = if asked(Goal::SimplexEtf) { Goal::SimplexEtf } else { Goal::GlobalMinimum };
                    undecided.push((goal, reason));
                }
            }
        }
    }

    /// Proposes a gap, with more room for the checker's rounding as long as it refuses.
    fn gap(&mut self) -> Result<(), String> {
        let mut refused = String::new();
        for room in gap::ROOMS {
            let claim = gap::propose(self.problem, &self.narrow, &self.point, self.spread, room)?;
            match self.accept(claim) {
                Ok(()) => return Ok(()),
                Err(reason) => refused = reason,
            }
        }
        Err(refused)
    }

    /// Adds a claim if the checker accepts it, or says why not.
    fn offer(&mut self, goal: Goal, claim: Claim, undecided: &mut Vec<(Goal, String)>) {
        undecided.extend(self.accept(claim).err().map(|reason| (goal, reason)));
    }

    /// Adds a claim if the checker accepts it.
    fn accept(&mut self, claim: Claim) -> Result<(), String> {
        let alone = Certificate { claims: vec![claim], ..self.certificate.clone() };
        match check::check_claims(&alone).first().map(|report| (report.accepted, report.steps.last())) {
            Some((true, _)) => self.certificate.claims.extend(alone.claims),
            Some((false, Some(step))) => return Err(format!("not verified: {} ({})", step.needed, step.found)),
            _ => return Err("not verified".into()),
        }
        Ok(())
    }
}
