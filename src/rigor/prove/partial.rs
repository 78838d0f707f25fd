//! Proposals of `partial-state`, `global-state` and `not-global`: scale and gap by Newton's method in the precision at hand, which grows until the checker agrees.

use super::location::Located;
use super::{Goal, Proof, allowed, boxed_instance};
use crate::model::Bias;
use crate::numeric::interval::{Enclosure, Interval, Long, Multiple};
use crate::objective::Problem;
use crate::rigor::certificate::{Center, Certificate, Claim, Critical, Instance, Lower, Nature, PRECISIONS, PartialState};
use crate::rigor::check::{self, Steps, partial};
use crate::rigor::groups::Groups;
use crate::theory::{Balanced, PartialCollapse, partial_collapse};

/// Newton steps in one precision: each doubles the digits, and the floats are near.
const NEWTON_STEPS: usize = 12;
/// How often a box that was too small is made 16 times larger.
const BOXES: i32 = 8;
/// Most states that are compared to find the lowest.
const RUNGS_MAX: usize = 64;

/// Tries to prove that the state with `alive` classes is critical, what its index and nullity are, and whether it is a global minimum: by a bound, or by another state that is lower; `spread` as in [`super::prove_box`]. No point is needed:
/// the certificate's has width 0.
///
/// `goals` may hold `partial-state`, `strict-saddle`, `local-minimum`, `global-minimum` and `not-global`; none: the first and, for a minimum, one of the last two. `Err`: the problem cannot be put into a certificate, or has no such state.
pub fn prove_partial(problem: &Problem, alive: usize, goals: &[Goal], spread: f64) -> Result<Proof, String> {
    allowed(spread)?;
    let balanced = Balanced::try_from(problem)?;
    if alive == 1 || alive > balanced.classes {
        return Err(format!("{alive} of {} classes cannot form a simplex: take 0, or a number from 2 to {0}", balanced.classes));
    }
    let instance = boxed_instance(problem, spread)?;
    let b = if problem.bias == Bias::None { vec![] } else { vec![0.0; instance.classes] };
    let certificate = Certificate { instance, center: Center { width: 0, w: vec![], h: vec![], b }, claims: vec![] };
    let mut attempt = Attempt { certificate, undecided: vec![] };
    match state(&balanced, &attempt.certificate.instance, alive) {
        Ok((state, found)) => attempt.run(&balanced, state, &found, goals),
        Err(reason) => {
            let asked = if goals.is_empty() { &[Goal::PartialState] } else { goals };
            attempt.undecided.extend(asked.iter().map(|&goal| (goal, reason.clone())));
        }
    }
    let Attempt { certificate, undecided } = attempt;
    let claims = check::check_claims(&certificate);
    Ok(Proof { certificate: (!certificate.claims.is_empty()).then_some(certificate), claims, undecided })
}

/// One attempt at one state.
struct Attempt {
    certificate: Certificate,
    undecided: Vec<(Goal, String)>,
}

impl Attempt {
    fn run(&mut self, balanced: &Balanced, state: PartialState, found: &partial::Found, goals: &[Goal]) {
        let every = goals.is_empty();
        let (index, nullity, value) = (found.index, found.nullity, found.value);
        let minimum = index == 0;
        let nature = if minimum { Nature::StrictLocalMinimum } else { Nature::StrictSaddle };
        let mut wanted = every;
        for &goal in goals {
            let words = match goal {
                Goal::PartialState => None,
                Goal::NotGlobal | Goal::GlobalMinimum => continue,
                Goal::StrictSaddle if !minimum => None,
                Goal::LocalMinimum if minimum => None,
                Goal::StrictSaddle | Goal::LocalMinimum => {
                    Some(format!("the index is {index}: a {}", nature.name().replace('-', " ")))
                }
                _ => Some("it is proved of points; of a state only partial-state, strict-saddle, local-minimum, global-minimum and not-global are".into()),
            };
            match words {
                None => wanted = true,
                Some(words) => self.undecided.push((goal, words)),
            }
        }
        if wanted {
            let claim = Claim::PartialState { state, index, nullity, nature, value };
            self.offer(Goal::PartialState, true, Ok(claim));
        }
        let asked = |goal: Goal| goals.contains(&goal);
        let mut global = false;
        if asked(Goal::GlobalMinimum) || (every && minimum) {
            global = self.offer(Goal::GlobalMinimum, !every, global_state(&self.certificate, state, value));
        }
        if asked(Goal::NotGlobal) || (every && minimum && !global) {
            let claim = lowest(balanced, Some(state.alive))
                .and_then(|rung| below(&self.certificate.instance, Critical::State(state), value, &rung));
            self.offer(Goal::NotGlobal, !every, claim);
        }
    }

    /// Adds a claim if there is one that the checker accepts; if not, says why where that was asked for.
    fn offer(&mut self, goal: Goal, asked: bool, claim: Result<Claim, String>) -> bool {
        match claim.and_then(|claim| accepted(&self.certificate, claim)) {
            Ok(claim) => {
                self.certificate.claims.push(claim);
                true
            }
            Err(reason) => {
                if asked {
                    self.undecided.push((goal, reason));
                }
                false
            }
        }
    }
}

/// The claim, if the checker accepts it in a certificate of its own; otherwise the condition that failed.
fn accepted(certificate: &Certificate, claim: Claim) -> Result<Claim, String> {
    let alone = Certificate { claims: vec![claim.clone()], ..certificate.clone() };
    let report = check::check_claims(&alone).swap_remove(0);
    match report.steps.last() {
        _ if report.accepted => Ok(claim),
        Some(step) => Err(format!("not verified: {} ({})", step.needed, step.found)),
        None => Err("not verified".into()),
    }
}

/// An enclosure of the critical state that the checker accepts, in the lowest precision in which there is one, and what the checker finds there.
fn state(balanced: &Balanced, instance: &Instance, alive: usize) -> Result<(PartialState, partial::Found), String> {
    let float = partial_collapse(balanced, alive).map_err(|error| error.to_string())?;
    let mut last = String::new();
    for bits in PRECISIONS {
        match partial::in_precision!(bits, T => enclose::<T>(instance, &float)) {
            Ok(found) => return Ok(found),
            Err(reason) => last = reason,
        }
    }
    let most = PRECISIONS[PRECISIONS.len() - 1];
    Err(format!("not decided in {most} bits, the most that are tried: {last}"))
}

/// The same in one precision.
fn enclose<T: Enclosure>(instance: &Instance, float: &PartialCollapse) -> Result<(PartialState, partial::Found), String> {
    let per_class = instance.samples() / instance.classes;
    let groups = Groups::<T>::new(instance, per_class, float.alive).ok_or("the loss is not shift-invariant")?;
    let thin = |x: f64| T::from(Interval::point(x));
    let (mut s, mut y) = (thin(float.scale), thin(float.bias_gap));
    let mut reach = [0.0_f64; 2];
    if float.alive > 0 {
        for _ in 0..NEWTON_STEPS {
            let step = partial::newton(&groups, s, y).ok_or("Newton's method meets a singular second derivative")?;
            let moved = [step[0] - s, step[1] - y].map(|set| set.outward().mag());
            (s, y) = (step[0].middle(), step[1].middle());
            let before = reach;
            reach = moved;
            // Rounding is reached when steps stop shrinking.
            if reach[0] >= 0.5 * before[0] && before[0] > 0.0 && reach[1] >= 0.5 * before[1] {
                break;
            }
        }
    }
    let unit = 0.5_f64.powi(T::PRECISION as i32 - 6);
    let mut last = String::new();
    for attempt in 0..BOXES {
        let grown = 16_f64.powi(attempt);
        let spread = |middle: T, moved: f64| -> Long {
            let radius = 4.0 * moved * grown + unit * grown * middle.outward().mag();
            let set = if radius > 0.0 { middle + T::from(Interval::around(0.0, radius)) } else { middle };
            // Text holds 509 bits at most.
            set.widest().resized::<7>().resized()
        };
        let has_gap = groups.gap_decay.is_some();
        let state = PartialState {
            alive: float.alive,
            scale: if float.alive > 0 { spread(s, reach[0]) } else { Interval::ZERO.into() },
            bias_gap: if has_gap { spread(y, reach[1]) } else { Interval::ZERO.into() },
            precision: T::PRECISION,
        };
        let mut steps = Steps::default();
        if let Some(mut found) = partial::examine(instance, &state, &mut steps) {
            // Room for the rounding of another checker.
            let (middle, radius) = (found.value.mid(), found.value.rad());
            found.value = Interval::around(middle, 1.001 * radius + 4.0 * f64::EPSILON * middle.abs());
            return Ok((state, found));
        }
        if let Some(step) = steps.into_vec().pop() {
            last = format!("not verified: {} ({})", step.needed, step.found);
        }
        if float.alive == 0 {
            break;
        }
    }
    Err(last)
}

/// Relative half-widths of the basin that are tried, for a loss that is not convex.
const BASINS: [f64; 4] = [0.2, 0.05, 0.01, 1e-3];

/// That the state is a global minimum.
fn global_state(certificate: &Certificate, state: PartialState, value: Interval) -> Result<Claim, String> {
    let middle = state.scale.outward().mid();
    let basins: Vec<Option<Interval>> = match certificate.instance.loss.convex() {
        true => vec![None],
        false => BASINS.iter().map(|part| Some(Interval::around(middle, part * middle))).collect(),
    };
    let mut last = String::new();
    for basin in basins {
        // The contrastive function is computed apart, with its own rounding.
        let value = if basin.is_some() { Interval::around(value.mid(), 2.0 * value.rad() + 1e-13 * value.mag()) } else { value };
        match accepted(certificate, Claim::GlobalState { state, basin, value }) {
            Ok(claim) => return Ok(claim),
            Err(reason) => last = reason,
        }
    }
    Err(last)
}

/// The partially collapsed state of the lowest value, other than `but`.
fn lowest(balanced: &Balanced, but: Option<usize>) -> Result<PartialCollapse, String> {
    let most = balanced.classes.min(balanced.width + 1);
    let step = (most / RUNGS_MAX).max(1);
    let near = but.into_iter().flat_map(|m| [m.saturating_sub(1), m + 1]);
    let numbers = std::iter::once(0).chain((2..=most).rev().step_by(step)).chain(near);
    numbers
        .filter(|&m| m != 1 && m <= most && Some(m) != but)
        .filter_map(|m| partial_collapse(balanced, m).ok())
        .min_by(|a, b| a.value.total_cmp(&b.value))
        .ok_or_else(|| "no other partially collapsed state is known".into())
}

/// That a critical point with a value in `value` is no global minimum, as f is lower at the state `rung`.
fn below(instance: &Instance, critical: Critical, value: Interval, rung: &PartialCollapse) -> Result<Claim, String> {
    if !(rung.value < value.lo()) {
        return Err(format!(
            "no lower point is known: the lowest other state, with {} classes alive, has {:.12}",
            rung.alive, rung.value
        ));
    }
    let thin = |x: f64| -> Long { Interval::point(x).into() };
    let mut last = String::new();
    for precision in PRECISIONS {
        let state = PartialState { alive: rung.alive, scale: thin(rung.scale), bias_gap: thin(rung.bias_gap), precision };
        let mut steps = Steps::default();
        let Some(other) = partial::value(instance, &state, &mut steps) else {
            last =
                steps.into_vec().pop().map_or_else(String::new, |step| format!("not verified: {} ({})", step.needed, step.found));
            continue;
        };
        let here = match critical {
            Critical::State(state) => partial::critical_value(instance, &state, &mut steps).unwrap_or(value.into()),
            Critical::Orbit(_) => value.into(),
        };
        match margin(here, other) {
            Some(margin) => return Ok(Claim::NotGlobal { critical, lower: Lower::State(state), margin }),
            None => last = format!("the values are not told apart: {here} and {other}"),
        }
    }
    Err(last)
}

/// A number that `here` is certainly above `other` by more than.
fn margin(here: Long, other: Long) -> Option<f64> {
    let least = (here - other).outward().lo();
    // The checker needs room for a subtraction.
    (least > 0.0).then_some(least * (1.0 - 1e-9))
}

/// That a located orbit is no global minimum: f is lower at `point`, or else at the lowest partially collapsed state.
pub(super) fn not_global(
    problem: &Problem,
    certificate: &Certificate,
    located: &Located,
    point: Option<&Center>,
) -> Result<Claim, String> {
    let (instance, critical) = (&certificate.instance, Critical::Orbit(located.location));
    let Some(point) = point else {
        let balanced = Balanced::try_from(problem)?;
        return lowest(&balanced, None).and_then(|rung| below(instance, critical, located.value, &rung));
    };
    let other = check::point_value(instance, point);
    match margin(located.value.into(), other.into()) {
        Some(margin) => Ok(Claim::NotGlobal { critical, lower: Lower::Point(point.clone()), margin }),
        None => Err(format!("f at the point that is said to be lower is {other}, here {}", located.value)),
    }
}
