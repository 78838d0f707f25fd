//! Trust-region Newton-CG (Steihaug–Toint) that uses negative curvature, and so leaves saddles.
//!
//! The model g·p + ½ pᵀ∇²f p is minimised over ‖p‖ ≤ Δ by conjugate gradients, which stop at the boundary along a direction of negative curvature. Where the gradient is
//! already small enough to stop, a Krylov search from a random vector looks for negative curvature; if it finds some the solver steps along it instead of stopping.
//! That search is a heuristic for leaving, never a count: indices come from exact inertia.

use super::{Method, State, StopReason};
use crate::linalg::{axpy, dot};
use crate::numeric::{gaussian, stream};
use crate::objective::Objective;

/// Most conjugate-gradient iterations of a step.
const INNER_MAX: usize = 500;
/// Krylov dimension of the search for negative curvature.
const PROBE_MAX: usize = 60;
/// Most times a saddle is left.
const LEAVES_MAX: u64 = 200;

pub(super) struct TrustRegion {
    radius: f64,
    leaves: u64,
}

impl TrustRegion {
    pub(super) fn new(radius: f64) -> Self {
        Self { radius, leaves: 0 }
    }

    /// The Steihaug step and the decrease that the model predicts.
    fn model_step(&self, objective: &mut Objective<'_>, state: &State) -> (Vec<f64>, f64) {
        let n = state.gradient.len();
        let norm = dot(&state.gradient, &state.gradient).sqrt();
        let tolerance = norm * norm.sqrt().min(0.1);
        let (mut p, mut curved) = (vec![0.0; n], vec![0.0; n]);
        let mut r = state.gradient.clone();
        let mut d: Vec<f64> = r.iter().map(|r| -r).collect();
        let mut hp = vec![0.0; n];
        let mut square = norm * norm;
        for _ in 0..INNER_MAX {
            objective.hessian_product(&state.x, &d, &mut curved);
            let curvature = dot(&d, &curved);
            let step = square / curvature;
            let ahead = |t: f64| p.iter().zip(&d).map(|(p, d)| (p + t * d).powi(2)).sum::<f64>().sqrt();
            if !(curvature > 0.0) || ahead(step) >= self.radius {
                let t = to_boundary(&p, &d, self.radius);
                axpy(t, &d, &mut p);
                axpy(t, &curved, &mut hp);
                break;
            }
            axpy(step, &d, &mut p);
            axpy(step, &curved, &mut hp);
            axpy(step, &curved, &mut r);
            let next = dot(&r, &r);
            if next.sqrt() <= tolerance {
                break;
            }
            let ratio = next / square;
            d.iter_mut().zip(&r).for_each(|(d, r)| *d = -r + ratio * *d);
            square = next;
        }
        let predicted = -(dot(&state.gradient, &p) + 0.5 * dot(&p, &hp));
        (p, predicted)
    }
}

/// t > 0 with ‖p + t d‖ = radius.
fn to_boundary(p: &[f64], d: &[f64], radius: f64) -> f64 {
    let (a, b, c) = (dot(d, d), dot(p, d), dot(p, p) - radius * radius);
    let root = (b * b - a * c).max(0.0).sqrt();
    // The larger root, without cancellation.
    if b > 0.0 { -c / (b + root) } else { (root - b) / a }
}

impl Method for TrustRegion {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        loop {
            let (p, predicted) = self.model_step(objective, state);
            let mut x = state.x.clone();
            axpy(1.0, &p, x.as_mut_slice());
            let trial = State::new(objective, x);
            let gained = state.value - trial.value;
            let length = dot(&p, &p).sqrt();
            // Below the value's rounding the gradient decides.
            let rounding = 64.0 * f64::EPSILON * state.value.abs();
            let quality = if predicted <= rounding && gained.abs() <= rounding {
                if dot(&trial.gradient, &trial.gradient) < dot(&state.gradient, &state.gradient) { 1.0 } else { 0.0 }
            } else {
                gained / predicted
            };
            if !(quality >= 0.25) {
                self.radius = 0.25 * length;
            } else if quality > 0.75 && length > 0.8 * self.radius {
                self.radius *= 2.0;
            }
            if quality > 1e-4 {
                *state = trial;
                return Ok(());
            }
            if !(self.radius > 1e-14 * (1.0 + dot(state.x.as_slice(), state.x.as_slice()).sqrt())) {
                return Err(StopReason::NoProgress);
            }
        }
    }

    fn leave_saddle(&mut self, objective: &mut Objective<'_>, state: &mut State) -> bool {
        if self.leaves == LEAVES_MAX {
            return false;
        }
        self.leaves += 1;
        let Some(mut direction) = negative_curvature(objective, state, self.leaves) else { return false };
        if dot(&direction, &state.gradient) > 0.0 {
            direction.iter_mut().for_each(|d| *d = -*d);
        }
        let mut step = 1.0;
        for _ in 0..40 {
            let mut x = state.x.clone();
            axpy(step, &direction, x.as_mut_slice());
            let trial = State::new(objective, x);
            if trial.value < state.value - 64.0 * f64::EPSILON * state.value.abs() {
                *state = trial;
                self.radius = self.radius.max(step);
                return true;
            }
            step *= 0.5;
        }
        false
    }
}

/// A unit direction of negative curvature, by Lanczos with full orthogonalisation from a random vector.
fn negative_curvature(objective: &mut Objective<'_>, state: &State, index: u64) -> Option<Vec<f64>> {
    let n = state.gradient.len();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut images: Vec<Vec<f64>> = Vec::new();
    let mut next = vec![0.0; n];
    gaussian(&mut stream(0, "negative curvature", index), 1.0, &mut next);
    let size = PROBE_MAX.min(n);
    for _ in 0..size {
        for _ in 0..2 {
            for q in &basis {
                let overlap = dot(q, &next);
                axpy(-overlap, q, &mut next);
            }
        }
        let length = dot(&next, &next).sqrt();
        if !(length > 1e-12) {
            break;
        }
        next.iter_mut().for_each(|x| *x /= length);
        let mut image = vec![0.0; n];
        objective.hessian_product(&state.x, &next, &mut image);
        basis.push(std::mem::replace(&mut next, image.clone()));
        images.push(image);
    }
    let m = basis.len();
    let projected = nalgebra::DMatrix::from_fn(m, m, |i, j| dot(&basis[i], &images[j]));
    let found = crate::linalg::eigen(&((&projected + projected.transpose()) * 0.5));
    let largest = found.values.last()?.abs();
    // A Ritz value is an upper bound of λ_min: below rounding it proves negative curvature.
    if !(found.values[0] < -1e-10 * largest) {
        return None;
    }
    let mut direction = vec![0.0; n];
    for (q, weight) in basis.iter().zip(found.vectors.column(0).iter()) {
        axpy(*weight, q, &mut direction);
    }
    Some(direction)
}
