//! The checker: re-derives everything from a certificate's text. It uses interval arithmetic and nothing else of this program.
//!
//! A claim is accepted if every condition of its theorem certainly holds in interval arithmetic; otherwise it is refused, which does not say that it is false. Work and memory are bounded by the
//! limits of the format and of `arrow`.

mod about_loss;
mod arrow;
mod blocks;
mod comparison;
mod contrast;
mod contrastive;
mod convexity;
mod curvature;
mod enclosure;
mod gap;
mod global;
mod inertia;
mod off_space;
mod orbit;
pub(in crate::rigor) mod partial;
mod report;
mod simplex;
mod transition;

pub use about_loss::check_loss_claims;
pub use report::{ClaimReport, Report, Step};

use super::about_loss::{LOSS_FORMAT, LossCertificate};
use super::certificate::{Center, Certificate, Claim, Critical, Instance, Location, Lower, parse};
use super::node::Malformed;
use crate::numeric::interval::Interval;
use orbit::Orbit;
pub(in crate::rigor) use report::Steps;

/// Most classes, and most pairs of classes summed over the samples of every claim, that are worked on.
const CLASSES_MAX: f64 = 1000.0;
const PAIRS_MAX: f64 = 1e9;
/// Most different locations: each is up to 10¹¹ operations. Claims of one certificate mostly share one.
const LOCATIONS_MAX: usize = 4;

/// Checks the text of a certificate, about a point or about a loss. `Err` where it is malformed.
pub fn check(text: &str) -> Result<Report, Malformed> {
    let value = parse(text)?;
    // Nothing is worked on for a text that somebody has changed.
    let (claims, sealed) = if value["format"] == LOSS_FORMAT {
        let (certificate, sealed) = LossCertificate::from_value(&value)?;
        (if sealed { check_loss_claims(&certificate) } else { vec![] }, sealed)
    } else {
        let (certificate, sealed) = Certificate::from_value(&value)?;
        drop(value);
        (if sealed { check_claims(&certificate) } else { vec![] }, sealed)
    };
    Ok(Report { accepted: sealed && claims.iter().all(|claim| claim.accepted), sealed, claims })
}

/// Checks the claims of a certificate that was read.
pub fn check_claims(certificate: &Certificate) -> Vec<ClaimReport> {
    let mut checker = Checker {
        instance: &certificate.instance,
        center: &certificate.center,
        claims: certificate.claims.len(),
        located: vec![],
    };
    certificate.claims.iter().map(|claim| checker.claim(claim)).collect()
}

/// An enclosure of f at a point of the problem.
pub(super) fn point_value(instance: &Instance, point: &Center) -> Interval {
    enclosure::PointBox::around(point, 0.0).value(instance)
}

/// The problem and the point, the number of claims, and the locations that were looked at: claims of one certificate mostly speak of one.
struct Checker<'c> {
    instance: &'c Instance,
    center: &'c Center,
    claims: usize,
    located: Vec<(Location, Option<Orbit>, Vec<Step>)>,
}

impl Checker<'_> {
    fn claim(&mut self, claim: &Claim) -> ClaimReport {
        let mut steps = Steps::default();
        if !by_scalars(claim) && self.within_limits(&mut steps).is_none() {
            return ClaimReport { kind: claim.kind(), accepted: false, establishes: establishes(claim), steps: steps.into_vec() };
        }
        let accepted = match claim {
            Claim::NegativeCurvature { direction, curvature } => {
                curvature::verify(self.instance, self.center, direction, *curvature, &mut steps)
            }
            Claim::Gap { bound, value, lower_bound, gap } => {
                gap::verify(self.instance, self.center, bound, *value, *lower_bound, *gap, &mut steps)
            }
            Claim::CriticalOrbit(location) => self.locate(*location, &mut steps).map(|_| ()),
            Claim::Inertia { location, index, nullity, nature, value } => {
                let (instance, center) = (self.instance, self.center);
                self.locate(*location, &mut steps).and_then(|orbit| {
                    inertia::verify(instance, center, *location, orbit, (*index, *nullity), *nature, *value, &mut steps)
                })
            }
            Claim::GlobalMinimum { location, value } => {
                let instance = self.instance;
                self.locate(*location, &mut steps)
                    .and_then(|orbit| global::verify(instance, *location, orbit, *value, &mut steps))
            }
            Claim::SimplexEtf { location, scale } => {
                let (instance, center) = (self.instance, self.center);
                self.locate(*location, &mut steps).and_then(|_| simplex::verify(instance, center, *location, *scale, &mut steps))
            }
            Claim::GlobalSimplexEtf { location, scale, basin, value } => {
                let (instance, center) = (self.instance, self.center);
                self.locate(*location, &mut steps)
                    .and_then(|_| simplex::verify(instance, center, *location, *scale, &mut steps))
                    .and_then(|()| simplex::global(instance, *scale, *basin, *value, &mut steps))
            }
            Claim::PartialState { state, index, nullity, nature, value } => {
                partial::verify(self.instance, state, (*index, *nullity), *nature, *value, &mut steps)
            }
            Claim::GlobalState { state, basin, value } => partial::global(self.instance, state, *basin, *value, &mut steps),
            Claim::NotGlobal { critical, lower, margin } => {
                let instance = self.instance;
                let value = match critical {
                    Critical::Orbit(location) => {
                        self.locate(*location, &mut steps).map(|orbit| orbit.enclosure.value(instance).into())
                    }
                    Critical::State(state) => partial::critical_value(instance, state, &mut steps),
                };
                value.and_then(|value| comparison::verify(instance, value, lower, *margin, &mut steps))
            }
        }
        .is_some();
        ClaimReport { kind: claim.kind(), accepted, establishes: establishes(claim), steps: steps.into_vec() }
    }

    /// Whether the samples' parts, K² exponentials and more for each sample, are affordable.
    fn within_limits(&self, steps: &mut Steps) -> Option<()> {
        let (classes, samples) = (self.instance.classes as f64, self.instance.samples() as f64);
        let pairs = classes * classes * samples * self.claims as f64;
        if classes > CLASSES_MAX || pairs > PAIRS_MAX {
            let found = || format!("K = {classes}, K²N times claims = {pairs:.0e}; at most {CLASSES_MAX} and {PAIRS_MAX:.0e}");
            return steps.holds("the problem is within the checker's limits", false, found);
        }
        Some(())
    }

    /// The orbit of a location; work that was done before is not done again, whatever came of it.
    fn locate(&mut self, location: Location, steps: &mut Steps) -> Option<&Orbit> {
        let known = self.located.iter().position(|(of, ..)| *of == location);
        let at = known.unwrap_or(self.located.len());
        if known.is_none() {
            let found = || format!("at most {LOCATIONS_MAX}");
            let few = at < LOCATIONS_MAX;
            few.then_some(()).or_else(|| steps.holds("the claims speak of few different locations", false, found))?;
            let mut fresh = Steps::default();
            let found = orbit::locate(self.instance, self.center, location, &mut fresh);
            self.located.push((location, found, fresh.into_vec()));
        }
        let (_, orbit, taken) = &self.located[at];
        steps.append(taken);
        orbit.as_ref()
    }
}

/// Whether a claim is about a few scalars alone, whatever the size of the problem.
fn by_scalars(claim: &Claim) -> bool {
    matches!(claim, Claim::PartialState { .. } | Claim::NotGlobal { critical: Critical::State(_), lower: Lower::State(_), .. })
}

/// What a claim says, in words.
fn establishes(claim: &Claim) -> String {
    match claim {
        Claim::NegativeCurvature { curvature, .. } => {
            format!("the Hessian at the point has an eigenvalue of at most −{curvature:e}")
        }
        Claim::Gap { value, lower_bound, gap, .. } => {
            format!(
                "f at the point is in {value}, f is at least {lower_bound:.17e} everywhere, and the point is at most {gap:.3e} above inf f"
            )
        }
        Claim::CriticalOrbit(location) => {
            format!(
                "one critical orbit, unique modulo symmetry at the point's width, passes within {:.3e} of the point",
                location.radius
            )
        }
        Claim::Inertia { index, nullity, nature, value, .. } => format!(
            "the exact critical orbit is a {} of index {index}; the {nullity} zero eigenvalues are the orbit's own; its value is in {value}",
            nature.name().replace('-', " ")
        ),
        Claim::SimplexEtf { scale, .. } => {
            format!("the exact critical orbit is a simplex ETF, collapsed and self-dual, of a scale s in {scale}")
        }
        Claim::GlobalSimplexEtf { scale, value, .. } => {
            format!(
                "the exact critical orbit is a simplex ETF of a scale s in {scale}, and a global minimum; min f is in {value}"
            )
        }
        Claim::PartialState { state, index, nullity, nature, value } => format!(
            "a critical point at which {} of the classes form a simplex of a scale in {} and the others are at the origin: a {} of index {index}; the {nullity} zero eigenvalues are its orbit's own; its value is in {value}",
            state.alive,
            state.scale,
            nature.name().replace('-', " ")
        ),
        Claim::GlobalState { state, value, .. } => format!(
            "the critical point at which {} of the classes form a simplex of a scale in {} and the others are at the origin is a global minimum; min f is in {value}",
            state.alive, state.scale
        ),
        Claim::NotGlobal { critical, lower, margin } => {
            let point = match critical {
                Critical::Orbit(_) => "the exact critical orbit".to_owned(),
                Critical::State(state) => format!("the critical point with {} classes alive", state.alive),
            };
            let other = match lower {
                Lower::Point(_) => "the certificate's other point".to_owned(),
                Lower::State(state) => format!("a point with {} classes alive", state.alive),
            };
            format!("{point} is no global minimum: f at {other} is lower by more than {margin:.3e}")
        }
        Claim::GlobalMinimum { value, .. } => format!("the exact critical orbit consists of global minima; min f is in {value}"),
    }
}
