//! Proposals of kind 7: closed forms in floats, with enclosures that widen until the checker accepts them.

use super::twin;
use crate::losses::{Focal, Loss};
use crate::numeric::interval::Interval;
use crate::rigor::about_loss::{LossCertificate, LossClaim, Uniqueness};
use crate::rigor::certificate::loss_within_format;
use crate::rigor::check::{ClaimReport, check_loss_claims};
use crate::rigor::losses::IntervalLoss;
use crate::theory::{Contrast, FocalWindow, focal_convexity_edge, focal_transition};

/// The smallest relative half-width of an enclosure that is tried: a few roundings. It doubles until the checker accepts, or the largest is reached.
const WIDTH_MIN: f64 = 4e-16;
const WIDTH_MAX: f64 = 0.1;

/// What may be asked of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossGoal {
    /// Where it is convex.
    ConvexityRegion,
    /// Uniqueness of argmin φ(t) + c|t|.
    Contrastive,
    /// Where two minimisers tie.
    Transition,
}

/// Every goal about a loss with its name and what it proves.
pub const LOSS_GOALS: &[(LossGoal, &str, &str)] = &[
    (LossGoal::ConvexityRegion, "convexity-region", "where the loss is convex in the logits: an enclosure of p_c"),
    (LossGoal::Contrastive, "contrastive", "argmin φ(t) + c|t| is unique and at most 0 for every c of a range"),
    (LossGoal::Transition, "transition", "the one c at which two minimisers of φ(t) + c|t| tie, and the jump there"),
];

impl LossGoal {
    /// The goal of a name.
    pub fn named(name: &str) -> Option<Self> {
        LOSS_GOALS.iter().find(|(_, known, _)| *known == name).map(|(goal, ..)| *goal)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        LOSS_GOALS.iter().find(|(goal, ..)| *goal == self).map_or("", |(_, name, _)| name)
    }
}

/// What an attempt at a loss ends with.
#[derive(Clone, Debug)]
pub struct LossProof {
    /// The certificate of everything that was proved, if anything was, as the checker accepts it.
    pub certificate: Option<LossCertificate>,
    /// What the checker says of its claims.
    pub claims: Vec<ClaimReport>,
    /// What was asked for and is undecided or false, with the reason.
    pub undecided: Vec<(LossGoal, String)>,
}

/// Tries to prove `goals` of a loss for K classes; with no goals, whatever applies to it.
///
/// `range` is the c (= ε at scale 1) from which to which the contrastive property is wanted, `to` = ∞ for no end; without one, the widest ranges that can be proved. Every parameter of the loss is taken
/// as the interval of relative half-width `spread` around it: what is proved holds for each of its values. `Err` where range or spread make no sense.
pub fn prove_loss(
    loss: &Loss,
    classes: usize,
    goals: &[LossGoal],
    range: Option<(f64, f64)>,
    spread: f64,
) -> Result<LossProof, String> {
    if !(0.0..0.5).contains(&spread) {
        return Err(format!("the spread must be at least 0 and below 0.5, not {spread}"));
    }
    if let Some((from, to)) = range
        && !(0.0 <= from && from <= to && to > 0.0 && from.is_finite())
    {
        return Err(format!("the range of c must be two numbers 0 ≤ LOW ≤ HIGH, HIGH > 0, not {from}, {to}"));
    }
    if classes < 2 {
        return Err("a contrast needs two classes".into());
    }
    let boxed = spread_out(twin(loss)?, spread);
    if boxed.is_formula() {
        return Err(format!(
            "claims about a loss are theorems of cross-entropy, label smoothing, focal loss, MSE and BCE, not of {loss}"
        ));
    }
    if !loss_within_format(&boxed) {
        return Err(format!("with a spread of {spread} a parameter of {loss} leaves its range"));
    }
    let certificate = LossCertificate { classes, loss: boxed, claims: vec![] };
    let mut attempt = Attempt { loss, range, certificate, undecided: vec![] };
    let every: Vec<LossGoal> = LOSS_GOALS.iter().map(|(goal, ..)| *goal).collect();
    for &goal in if goals.is_empty() { &every } else { goals } {
        match goal {
            LossGoal::ConvexityRegion => attempt.region(),
            LossGoal::Contrastive => attempt.contrastive(),
            LossGoal::Transition if goals.is_empty() && attempt.window().is_err() => {}
            LossGoal::Transition => attempt.transition(),
        }
    }
    let claims = check_loss_claims(&attempt.certificate);
    let certificate = (!attempt.certificate.claims.is_empty()).then_some(attempt.certificate);
    Ok(LossProof { certificate, claims, undecided: attempt.undecided })
}

/// Every parameter as an interval.
fn spread_out(loss: IntervalLoss, spread: f64) -> IntervalLoss {
    let wide = |x: Interval| Interval::around(x.mid(), spread * x.mid());
    match loss {
        IntervalLoss::CrossEntropy | IntervalLoss::Bce | IntervalLoss::OfTrueClass(_) | IntervalLoss::PerLogit { .. } => loss,
        IntervalLoss::LabelSmoothing { alpha } => IntervalLoss::LabelSmoothing { alpha: wide(alpha) },
        IntervalLoss::Focal { gamma } => IntervalLoss::Focal { gamma: wide(gamma) },
        IntervalLoss::Mse { kappa, target } => IntervalLoss::Mse { kappa: wide(kappa), target: wide(target) },
    }
}

/// Relative half-widths, doubling.
fn widths() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(WIDTH_MIN), |width| Some(2.0 * width)).take_while(|width| *width <= WIDTH_MAX)
}

/// The margin of a loss's simplex at c.
fn margin(loss: &Loss, classes: usize, c: f64) -> Option<f64> {
    Contrast::new(loss, classes).ok()?.minima(c).ok()?.into_iter().map(|minimum| minimum.scale).find(|scale| *scale > 0.0)
}

/// One attempt at one loss.
struct Attempt<'l> {
    loss: &'l Loss,
    range: Option<(f64, f64)>,
    certificate: LossCertificate,
    undecided: Vec<(LossGoal, String)>,
}

impl Attempt<'_> {
    /// Adds the claim if the checker accepts it, or says why not.
    fn accept(&mut self, claim: LossClaim) -> Result<(), String> {
        let alone = LossCertificate { claims: vec![claim], ..self.certificate.clone() };
        match check_loss_claims(&alone).first().map(|report| (report.accepted, report.steps.last())) {
            Some((true, _)) => {
                self.certificate.claims.extend(alone.claims);
                Ok(())
            }
            Some((false, Some(step))) => Err(format!("not verified: {} ({})", step.needed, step.found)),
            _ => Err("not verified".into()),
        }
    }

    /// Adds the first claim that the checker accepts, or notes why it refused the last.
    fn offer(&mut self, goal: LossGoal, proposals: impl Iterator<Item = LossClaim>) -> bool {
        let mut refused = "nothing to propose".into();
        for claim in proposals {
            match self.accept(claim) {
                Ok(()) => return true,
                Err(reason) => refused = reason,
            }
        }
        self.undecided.push((goal, refused));
        false
    }

    /// The values of γ at which floats are worth having: the ends of its interval and the middle. None for a convex loss.
    fn focal(&self) -> Vec<f64> {
        match &self.certificate.loss {
            IntervalLoss::Focal { gamma } if gamma.hi() > 0.0 => vec![gamma.lo(), gamma.mid(), gamma.hi()],
            _ => vec![],
        }
    }

    /// The smallest and the largest of a function of γ.
    fn extremes(&self, of_gamma: impl Fn(f64) -> f64) -> (f64, f64) {
        let values: Vec<f64> = self.focal().into_iter().map(of_gamma).collect();
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    fn region(&mut self) {
        if self.focal().is_empty() {
            self.offer(LossGoal::ConvexityRegion, std::iter::once(LossClaim::ConvexityRegion { edge: Interval::ZERO }));
            return;
        }
        let (least, most) = self.extremes(focal_convexity_edge);
        let around = |width: f64| Interval::new(least * (1.0 - width), (most * (1.0 + width)).max(f64::MIN_POSITIVE));
        self.offer(LossGoal::ConvexityRegion, widths().filter_map(around).map(|edge| LossClaim::ConvexityRegion { edge }));
    }

    /// The window of the loss itself.
    fn window(&self) -> Result<FocalWindow, String> {
        let contrast = Contrast::new(self.loss, self.certificate.classes).map_err(|error| error.to_string())?;
        contrast.window().map_err(|error| error.reason)
    }

    /// The least and the largest c of a tie within the interval of γ.
    fn ties(&self) -> (f64, f64) {
        let classes = self.certificate.classes;
        self.extremes(|gamma| focal_transition(classes, gamma))
    }

    /// The margin of the simplex at c.
    fn margin(&self, c: f64) -> Option<f64> {
        margin(self.loss, self.certificate.classes, c)
    }

    fn contrastive(&mut self) {
        let goal = LossGoal::Contrastive;
        let (from, to) = self.range.map_or((0.0, None), |(from, to)| (from, to.is_finite().then_some(to)));
        if self.accept(LossClaim::Contrastive { from, to, reason: Uniqueness::Convex }).is_ok() {
            return;
        }
        let (least, most) = self.ties();
        match (self.range, to) {
            (None, _) => {
                // The widest ranges on both sides of the tie.
                self.below(None, least);
                let above =
                    |width: f64| LossClaim::Contrastive { from: most * (1.0 + width), to: None, reason: Uniqueness::Zero };
                self.offer(goal, widths().map(above));
            }
            (Some(_), Some(to)) if to < least => self.below(Some((from, to)), least),
            (Some(_), _) if from > most => {
                self.offer(goal, std::iter::once(LossClaim::Contrastive { from, to, reason: Uniqueness::Zero }));
            }
            _ => {
                let reason = format!("fails at the transition, where two minimisers tie: c = {least:.12} … {most:.12}");
                self.undecided.push((goal, reason));
            }
        }
    }

    /// Uniqueness on a range below the tie, or on the widest that can be shown.
    fn below(&mut self, range: Option<(f64, f64)>, tie: f64) {
        let widest: Vec<(f64, f64)> = match range {
            Some(range) => vec![range],
            None => widths().map(|width| (0.0, tie * (1.0 - width))).collect(),
        };
        let claims: Vec<LossClaim> = widest
            .into_iter()
            .filter_map(|(from, to)| {
                let witness = self.margin(to)?;
                Some(LossClaim::Contrastive { from, to: Some(to), reason: Uniqueness::Simplex { witness } })
            })
            .collect();
        self.offer(LossGoal::Contrastive, claims.into_iter());
    }

    /// The margins of the simplices at every c of `at`, with the rounding of the pull as one of c; `more` times as wide.
    fn scale(&self, at: Interval, more: f64) -> Option<Interval> {
        let ends = [at.lo() * (1.0 - 16.0 * f64::EPSILON), at.hi() * (1.0 + 16.0 * f64::EPSILON)];
        let margins = ends.map(|c| {
            self.extremes(|gamma| margin(&Loss::Focal(Focal { gamma }), self.certificate.classes, c).unwrap_or(f64::NAN))
        });
        let around = Interval::new(margins[1].0, margins[0].1)?;
        let radius = more * around.rad() + 8.0 * f64::EPSILON * around.hi();
        Some(Interval::around(around.mid(), radius)).filter(|scale| scale.certainly_positive())
    }

    fn transition(&mut self) {
        if let Err(reason) = self.window() {
            return self.undecided.push((LossGoal::Transition, reason));
        }
        let (least, most) = self.ties();
        let claims: Vec<LossClaim> = widths()
            .flat_map(|width| [1.0, 8.0, 64.0].map(|more| (width, more)))
            .filter_map(|(width, more)| {
                let at = Interval::new(least * (1.0 - width), most * (1.0 + width))?;
                let witness = self.margin(at.lo())?;
                Some(LossClaim::Transition { at, scale: self.scale(at, more)?, witness })
            })
            .collect();
        self.offer(LossGoal::Transition, claims.into_iter());
    }
}
