//! Newton's method by minimum residuals, with a line search on ‖∇f‖: comes to rest at critical points of any index.
//!
//! MINRES solves H s = −g for indefinite and singular H = ∇²f; its iterates minimise ‖g + Hs‖ over Krylov spaces of g, to which symmetry directions are orthogonal. The residual is orthogonal to
//! Hs, so the slope of ½‖∇f‖² along s is −‖Hs‖²: always downhill, unless Hg = 0 (a gradient-flat point).

use super::flatness::{at_rest, is_flat, square};
use super::{Method, State, StopReason};
use crate::linalg::{axpy, dot, norm};
use crate::objective::Objective;

/// Most MINRES iterations of a step.
const INNER_MAX: usize = 1000;
/// MINRES ends where ‖Hr‖ ≤ this · ‖H‖ ‖r‖ (least squares solved) …
const NORMAL_TOLERANCE: f64 = 1e-6;
/// … or ‖r‖ ≤ this · ‖g‖, tightened to ‖g‖ itself: quadratic convergence at the end.
const RESIDUAL_TOLERANCE: f64 = 1e-2;
/// The part of the predicted decrease that a step must achieve.
const SUFFICIENT: f64 = 1e-4;
/// Most halvings of a step.
const HALVINGS_MAX: usize = 50;

pub(super) struct NewtonMinres;

/// MINRES on H s = −g; the recurrences and names of Paige and Saunders. Returns s and ‖Hs‖².
fn minimum_residual(objective: &mut Objective<'_>, state: &State) -> (Vec<f64>, f64) {
    let n = state.gradient.len();
    let (mut s, mut image) = (vec![0.0; n], vec![0.0; n]);
    let mut y: Vec<f64> = state.gradient.iter().map(|g| -g).collect();
    let (mut r1, mut r2) = (y.clone(), y.clone());
    let (mut w, mut w2) = (vec![0.0; n], vec![0.0; n]);
    let beta1 = norm(&y);
    let tolerance = RESIDUAL_TOLERANCE.min(beta1) * beta1;
    let (mut beta, mut old_beta, mut dbar, mut epsilon, mut phibar) = (beta1, 0.0, 0.0, 0.0, beta1);
    let (mut cosine, mut sine, mut frobenius) = (-1.0_f64, 0.0_f64, 0.0);
    for iteration in 0..INNER_MAX.min(4 * n + 10) {
        let v: Vec<f64> = y.iter().map(|y| y / beta).collect();
        objective.hessian_product(&state.x, &v, &mut image);
        std::mem::swap(&mut y, &mut image);
        if iteration > 0 {
            axpy(-beta / old_beta, &r1, &mut y);
        }
        let alpha = dot(&v, &y);
        axpy(-alpha / beta, &r2, &mut y);
        r1 = std::mem::replace(&mut r2, y.clone());
        old_beta = beta;
        beta = norm(&y);
        frobenius += alpha * alpha + old_beta * old_beta * f64::from(u8::from(iteration > 0)) + beta * beta;
        let old_epsilon = epsilon;
        let delta = cosine * dbar + sine * alpha;
        let gbar = sine * dbar - cosine * alpha;
        epsilon = sine * beta;
        dbar = -cosine * beta;
        // ‖Hr‖ of the residual so far: where it vanishes, s solves the least-squares problem.
        if phibar * gbar.hypot(dbar) <= NORMAL_TOLERANCE * frobenius.sqrt() * phibar {
            break;
        }
        let gamma = gbar.hypot(beta);
        if !(gamma > f64::EPSILON * frobenius.sqrt()) {
            break;
        }
        cosine = gbar / gamma;
        sine = beta / gamma;
        let phi = cosine * phibar;
        phibar *= sine;
        let w1 = std::mem::replace(&mut w2, w);
        w = (0..n).map(|i| (v[i] - old_epsilon * w1[i] - delta * w2[i]) / gamma).collect();
        axpy(phi, &w, &mut s);
        if phibar <= tolerance || !(beta > f64::EPSILON * frobenius.sqrt()) {
            break;
        }
    }
    // ‖g‖² = ‖r‖² + ‖Hs‖²; the difference of squares is formed as a product.
    (s, (beta1 - phibar) * (beta1 + phibar))
}

impl Method for NewtonMinres {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        // At a flat point the Krylov space of g is rounding noise.
        if is_flat(objective, state) {
            return Err(StopReason::GradientFlat);
        }
        let before = square(state);
        let (s, slope) = minimum_residual(objective, state);
        let mut factor = 1.0;
        for _ in 0..HALVINGS_MAX {
            let mut x = state.x.clone();
            axpy(factor, &s, x.as_mut_slice());
            let trial = State::new(objective, x);
            let after = square(&trial);
            if after <= before - 2.0 * SUFFICIENT * factor * slope && after < before && trial.value.is_finite() {
                *state = trial;
                return Ok(());
            }
            factor *= 0.5;
        }
        Err(at_rest(objective, state))
    }
}
