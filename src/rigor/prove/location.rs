//! Proposals of kinds 3 to 5: radius, separation, index, nullity and an interval for the value.

use crate::critical::GradientNorm;
use crate::linalg::eigenvalues;
use crate::model::Point;
use crate::numeric::interval::Interval;
use crate::objective::{Objective, Problem, dense_hessian, residual_spectrum};
use crate::rigor::certificate::{Certificate, Claim, Location};
use crate::rigor::check;
use crate::spectra::{self, Level, Limits};

/// Up to this many unknowns the separation comes from all eigenvalues, beyond it from guesses.
const DENSE_MAX: usize = 1500;
/// An eigenvalue below this fraction of the largest is not separated from zero.
const SEPARATION_LEAST: f64 = 1e-10;
/// How often a radius that was too small is tried again, larger.
const ATTEMPTS: i32 = 10;

/// What is claimed of a critical orbit.
pub(super) struct Located {
    pub(super) location: Location,
    pub(super) index: u64,
    pub(super) nullity: u64,
    pub(super) value: Interval,
}

/// Looks for a location that the checker accepts.
pub(super) fn locate(
    narrow: &Problem,
    problem: &Problem,
    x: &Point,
    certificate: &Certificate,
    spread: f64,
) -> Result<Located, String> {
    let r = x.width();
    let tangents = r * r.saturating_sub(1) / 2 + usize::from(problem.shifts_bias_freely());
    let mut objective = Objective::new(narrow);
    let mut gradient = vec![0.0; narrow.dimension()];
    let value = objective.value_gradient(x, &mut gradient);
    let norm = GradientNorm::of(narrow, x, &gradient).norm;
    let decay_least = 0.5 * problem.decay.h;
    let (guesses, inner) = if narrow.dimension() <= DENSE_MAX {
        let all = eigenvalues(&dense_hessian(&mut objective, x));
        let mut sizes: Vec<f64> = all.iter().map(|x| x.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let largest = sizes.last().copied().unwrap_or(1.0);
        let least = sizes.get(tangents).copied().unwrap_or(2.0 * decay_least);
        if !(least > SEPARATION_LEAST * largest) {
            return Err(format!("degenerate: an eigenvalue transverse to the orbit is {least:.1e}, not told from zero"));
        }
        let separation = (0.5 * least).min(decay_least);
        (vec![separation], all.iter().filter(|&&x| x < -separation).count())
    } else {
        let spectrum = spectra::at_point(narrow, x, Level::Inertia, &Limits::default())?;
        ((0..4).map(|power| decay_least * 0.05_f64.powi(power)).collect(), spectrum.index.low as usize)
    };
    let mut last = "no separation was found".to_owned();
    for separation in guesses {
        // The rounding of the gradient at the point: an ulp of each term; and what the decays change, as λ_W‖W‖ and λ_H‖H‖.
        let size = x.as_slice().iter().map(|x| x * x).sum::<f64>().sqrt();
        let floor = f64::EPSILON * (1.0 + size) * problem.decay.mu();
        let moved = spread * problem.decay.w.max(problem.decay.h).max(problem.decay.b) * size;
        let mut radius = 4.0 * (norm + floor + moved) / separation;
        for _ in 0..ATTEMPTS {
            let location = Location { radius, separation };
            let alone = Certificate { claims: vec![Claim::CriticalOrbit(location)], ..certificate.clone() };
            let report = check::check_claims(&alone).swap_remove(0);
            if report.accepted {
                let (off, nullity) = off_space(problem, &mut objective, x);
                return Ok(Located {
                    location,
                    index: (inner + off) as u64,
                    nullity: (tangents + nullity) as u64,
                    value: around(narrow, x, value, radius, spread),
                });
            }
            let step = report.steps.last();
            last = step.map_or_else(String::new, |step| format!("not verified: {} ({})", step.needed, step.found));
            // Only the condition on the gradient, the second one, asks for a larger radius.
            if report.steps.len() > 2 {
                break;
            }
            radius *= 4.0;
        }
    }
    Err(last)
}

/// Negative and zero eigenvalues of the directions outside the row space.
fn off_space(problem: &Problem, objective: &mut Objective<'_>, x: &Point) -> (usize, usize) {
    let free = problem.shape.width() - x.width();
    if free == 0 {
        return (0, 0);
    }
    let mu = problem.decay.mu();
    let values = residual_spectrum(objective, x).singular_values;
    (free * values.iter().filter(|&&sigma| sigma > mu * (1.0 + 1e-9)).count(), free * x.width())
}

/// An interval that should hold f over the ball: its centre's value, plus what ρ in every coordinate can change in interval arithmetic.
fn around(problem: &Problem, x: &Point, value: f64, radius: f64, spread: f64) -> Interval {
    let sum = |numbers: &[f64]| numbers.iter().map(|x| x.abs()).sum::<f64>();
    let (w, h, b) = x.parts();
    let r = x.width();
    let longest_row = (0..x.w().nrows()).map(|k| x.w().row(k).iter().map(|x| x.abs()).sum()).fold(0.0, f64::max);
    let longest_feature = h.chunks_exact(r.max(1)).map(sum).fold(0.0, f64::max);
    let logits = longest_row + longest_feature + 1.0;
    let classes = problem.shape.classes() as f64;
    let decay = problem.decay;
    let decays = decay.w * sum(w) + decay.h * sum(h) + decay.b * sum(b);
    let largest = h.iter().chain(w).chain(b).fold(0.0_f64, |a, b| a.max(b.abs()));
    let slope = problem.scale * classes * (1.0 + largest) * logits + decays;
    let count = (w.len() + h.len() + problem.shape.samples()) as f64;
    let square = |numbers: &[f64]| numbers.iter().map(|x| x * x).sum::<f64>();
    let boxed = spread * (decay.w * square(w) + decay.h * square(h) + decay.b * square(b));
    Interval::around(value, 2.0 * radius * slope + 4.0 * f64::EPSILON * count * (1.0 + value.abs()) + boxed)
}
