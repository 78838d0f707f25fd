//! Levenberg–Marquardt on ½‖∇f‖²: comes to rest at critical points of any index.
//!
//! A step solves (H² + νI) s = −H g, H = ∇²f. Its directions of zero curvature are not moved along, so symmetry orbits do no harm; ‖∇f‖ falls at every step. Small problems
//! decompose H once a step, after which every ν costs one gradient; larger ones use conjugate gradients on the least-squares problem ‖Hs + g‖² + ν‖s‖².

use super::flatness::{at_rest, hessian_norm, is_flat, square};
use super::{Method, State, StopReason};
use crate::linalg::{Eigen, axpy, dot, eigen};
use crate::objective::{Objective, dense_hessian};

/// Up to this dimension H is decomposed: 400 products and an eigenvalue problem of a few tens of milliseconds.
const DENSE_MAX: usize = 400;
/// Most iterations of the inner conjugate gradients.
const INNER_MAX: usize = 300;
/// They end once the normal equations' residual has fallen by this factor.
const INNER_TOLERANCE: f64 = 1e-3;
/// A step that leaves more than this fraction of ‖∇f‖ makes flatness worth a look.
const SLOW: f64 = 0.999;
/// ν starts as this fraction of ‖H‖².
const FIRST: f64 = 1e-3;
/// Most values of ν tried in a step: 2 + 4 + … doubles the exponent each time, so this spans every double.
const TRIALS_MAX: usize = 40;

pub(super) struct GradientNorm {
    /// ν/‖H‖².
    damping: f64,
    /// ‖H‖, estimated once where H is not decomposed.
    scale: Option<f64>,
}

impl Default for GradientNorm {
    fn default() -> Self {
        Self { damping: FIRST, scale: None }
    }
}

/// A step and ‖g‖² − ‖g + Hs‖², the decrease that the linear model predicts.
struct Proposal {
    step: Vec<f64>,
    predicted: f64,
}

/// From H's decomposition, with the gradient in its eigenbasis.
fn decomposed(found: &Eigen, coordinates: &[f64], nu: f64) -> Proposal {
    let mut predicted = 0.0;
    let mut along = nalgebra::DVector::zeros(coordinates.len());
    for (i, (g, value)) in coordinates.iter().zip(&found.values).enumerate() {
        let square = value * value;
        let kept = nu / (square + nu);
        along[i] = -g * value / (square + nu);
        predicted += g * g * (1.0 - kept * kept);
    }
    let step = &found.vectors * along;
    Proposal { step: step.as_slice().to_vec(), predicted }
}

/// By conjugate gradients on the least-squares problem, two products an iteration.
fn iterated(objective: &mut Objective<'_>, state: &State, nu: f64) -> Proposal {
    let n = state.gradient.len();
    let mut step = vec![0.0; n];
    let mut residual: Vec<f64> = state.gradient.iter().map(|g| -g).collect();
    let mut normal = vec![0.0; n];
    objective.hessian_product(&state.x, &residual, &mut normal);
    let mut direction = normal.clone();
    let mut image = vec![0.0; n];
    let first = dot(&normal, &normal);
    let mut length = first;
    for _ in 0..INNER_MAX.min(2 * n) {
        if !(length > INNER_TOLERANCE * INNER_TOLERANCE * first) {
            break;
        }
        objective.hessian_product(&state.x, &direction, &mut image);
        let factor = length / (dot(&image, &image) + nu * dot(&direction, &direction));
        axpy(factor, &direction, &mut step);
        axpy(-factor, &image, &mut residual);
        objective.hessian_product(&state.x, &residual, &mut normal);
        axpy(-nu, &step, &mut normal);
        let next = dot(&normal, &normal);
        let ratio = next / length;
        direction.iter_mut().zip(&normal).for_each(|(d, z)| *d = z + ratio * *d);
        length = next;
    }
    let predicted = square(state) - dot(&residual, &residual);
    Proposal { step, predicted }
}

impl Method for GradientNorm {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        let before = square(state);
        let dense = (state.gradient.len() <= DENSE_MAX).then(|| {
            let found = eigen(&dense_hessian(objective, &state.x));
            let coordinates = found.vectors.tr_mul(&nalgebra::DVector::from_column_slice(&state.gradient));
            (found, coordinates)
        });
        let scale = match &dense {
            Some((found, _)) => found.values.iter().fold(0.0_f64, |most, value| most.max(value.abs())),
            None => *self.scale.get_or_insert_with(|| hessian_norm(objective, state)),
        };
        let mut growth = 2.0;
        for _ in 0..TRIALS_MAX {
            let nu = self.damping * scale * scale;
            let proposal = match &dense {
                Some((found, coordinates)) => decomposed(found, coordinates.as_slice(), nu),
                None => iterated(objective, state, nu),
            };
            let mut x = state.x.clone();
            axpy(1.0, &proposal.step, x.as_mut_slice());
            let trial = State::new(objective, x);
            let after = square(&trial);
            let quality = (before - after) / proposal.predicted;
            if quality > 1e-4 && after < before && trial.value.is_finite() {
                // Nielsen's rule: ν falls threefold after a good step, and rises smoothly with a worse one. The bound keeps H² + νI regular on flat directions.
                self.damping = (self.damping * (1.0 - (2.0 * quality - 1.0).powi(3)).clamp(1.0 / 3.0, 2.0)).max(1e-14);
                *state = trial;
                let slow = after > SLOW * SLOW * before;
                return if slow && is_flat(objective, state) { Err(StopReason::GradientFlat) } else { Ok(()) };
            }
            self.damping *= growth;
            growth *= 2.0;
            if !(self.damping < 1e30) {
                break;
            }
        }
        Err(at_rest(objective, state))
    }
}
