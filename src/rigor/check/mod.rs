//! The checker: re-derives everything from a certificate's text. It uses interval arithmetic and nothing else of this program.
//!
//! A claim is accepted if every condition of its theorem certainly holds in interval arithmetic; otherwise it is refused, which does not say that it is false. Work and memory are bounded by the
//! limits of the format and of `arrow`.

mod arrow;
mod contrast;
mod curvature;
mod enclosure;
mod gap;
mod global;
mod inertia;
mod off_space;
mod orbit;
mod report;
mod simplex;

pub use report::{ClaimReport, Report, Step};

use super::certificate::{Center, Certificate, Claim, Instance, Location};
use super::node::Malformed;
use orbit::Orbit;
use report::Steps;

/// Most classes, and most pairs of classes summed over the samples, that are worked on.
const CLASSES_MAX: f64 = 1000.0;
const PAIRS_MAX: f64 = 1e9;

/// Checks the text of a certificate. `Err` where it is malformed.
pub fn check(text: &str) -> Result<Report, Malformed> {
    let (certificate, sealed) = Certificate::read(text)?;
    // Nothing is worked on for a text that somebody has changed.
    let claims = if sealed { check_claims(&certificate) } else { vec![] };
    Ok(Report { accepted: sealed && claims.iter().all(|claim| claim.accepted), sealed, claims })
}

/// Checks the claims of a certificate that was read.
pub fn check_claims(certificate: &Certificate) -> Vec<ClaimReport> {
    let mut checker = Checker { instance: &certificate.instance, center: &certificate.center, located: None };
    certificate.claims.iter().map(|claim| checker.claim(claim)).collect()
}

/// The problem and the point, and the last orbit that was located: claims of one certificate mostly speak of one.
struct Checker<'c> {
    instance: &'c Instance,
    center: &'c Center,
    located: Option<(Location, Orbit, Vec<Step>)>,
}

impl Checker<'_> {
    fn claim(&mut self, claim: &Claim) -> ClaimReport {
        let mut steps = Steps::default();
        if self.within_limits(&mut steps).is_none() {
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
        }
        .is_some();
        ClaimReport { kind: claim.kind(), accepted, establishes: establishes(claim), steps: steps.into_vec() }
    }

    /// Whether the samples' parts, K² exponentials and more for each sample, are affordable.
    fn within_limits(&self, steps: &mut Steps) -> Option<()> {
        let (classes, samples) = (self.instance.classes as f64, self.instance.samples() as f64);
        if classes > CLASSES_MAX || classes * classes * samples > PAIRS_MAX {
            let found =
                || format!("K = {classes}, K²N = {:.0e}; at most {CLASSES_MAX} and {PAIRS_MAX:.0e}", classes * classes * samples);
            return steps.holds("the problem is within the checker's limits", false, found);
        }
        Some(())
    }

    /// The orbit of a location; work that was done before is not done again.
    fn locate(&mut self, location: Location, steps: &mut Steps) -> Option<&Orbit> {
        let known = self.located.as_ref().is_some_and(|(of, ..)| *of == location);
        if !known {
            let mut fresh = Steps::default();
            let found = orbit::locate(self.instance, self.center, location, &mut fresh);
            let taken = fresh.into_vec();
            steps.append(&taken);
            let orbit = found?;
            self.located = Some((location, orbit, taken));
        } else if let Some((_, _, taken)) = &self.located {
            steps.append(taken);
        }
        self.located.as_ref().map(|(_, orbit, _)| orbit)
    }
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
        Claim::GlobalMinimum { value, .. } => format!("the exact critical orbit consists of global minima; min f is in {value}"),
    }
}
