//! Eigenvector following to a chosen index m: up along the m lowest modes of the Hessian, down along all others.
//!
//! With eigenpairs (λ_i, q_i) the step is s = −Σ ± (q_i·g)/(|λ_i| + ν) q_i with − for i < m; it is Newton's step near a critical point of index m, and critical points of
//! another index repel it. ν keeps ‖s‖ within a radius that follows how well g + Hs predicts the next gradient.
//!
//! Symmetry directions are not to be counted among the m lowest. The tangents Ω·x are penalised by H + τ Σ t tᵀ/‖x‖² with t *not* normalised: at a point of rank r < d, rotations of the
//! directions outside have tangents of length 0 there and are true (negative) modes of the saddle; normalised tangents would hide all but one of each group.

use nalgebra::{DMatrix, DVector};

use super::{Method, State, StopReason};
use crate::linalg::{axpy, dot, eigen, norm};
use crate::objective::{Objective, dense_hessian};

/// Penalty of a tangent of length ‖x‖, in units of the Hessian's largest entry.
const PENALTY: f64 = 100.0;
/// Sizes of eigenvalues are kept above this fraction of the largest …
const FLOOR: f64 = 1e-9;
/// … and smoothly above this · ‖g‖: near a flat family of saddles eigenvalues of either sign vanish as fast as ‖g‖, and a step along them that trusts their size overshoots.
const DAMPING: f64 = 1.0;

/// The largest dimension offered to scenarios: a step decomposes the whole Hessian.
pub const DIMENSION_MAX: usize = 1500;

pub(super) struct EigenvectorFollowing {
    index: usize,
    radius: f64,
}

impl EigenvectorFollowing {
    pub(super) fn new(index: usize, radius: f64) -> Self {
        Self { index, radius }
    }
}

/// Σ t tᵀ/‖x‖² over the tangents t_ab of the rotations in the planes (a, b), and of b → b + c1 where f does not change with it.
fn penalty(objective: &Objective<'_>, state: &State) -> DMatrix<f64> {
    let x = &state.x;
    let n = x.as_slice().len();
    let (classes, width, samples) = (x.w().nrows(), x.width(), x.h().ncols());
    let mut columns: Vec<f64> = Vec::new();
    let length = norm(x.as_slice()).max(f64::MIN_POSITIVE);
    for a in 0..width {
        for b in a + 1..width {
            let mut tangent = vec![0.0; n];
            // W → W(I + tΩ), H → (I − tΩ)H with Ω = e_a e_bᵀ − e_b e_aᵀ.
            for k in 0..classes {
                tangent[b * classes + k] = x.w()[(k, a)] / length;
                tangent[a * classes + k] = -x.w()[(k, b)] / length;
            }
            let features = &mut tangent[classes * width..];
            for i in 0..samples {
                features[i * width + a] = -x.h()[(b, i)] / length;
                features[i * width + b] = x.h()[(a, i)] / length;
            }
            columns.extend(tangent);
        }
    }
    if objective.problem().shifts_bias_freely() {
        columns.extend(std::iter::repeat_n(0.0, n - classes));
        columns.extend(std::iter::repeat_n(1.0 / (classes as f64).sqrt(), classes));
    }
    let tangents = DMatrix::from_vec(n, columns.len() / n.max(1), columns);
    &tangents * tangents.transpose()
}

/// The step's coordinates: numerators over |λ| + ν.
fn scaled(numerators: &DVector<f64>, sizes: &[f64], nu: f64) -> DVector<f64> {
    DVector::from_iterator(sizes.len(), numerators.iter().zip(sizes).map(|(g, size)| g / (size + nu)))
}

/// The coordinates with ν ≥ 0 so large that they are no longer than `radius`, to 1 %.
fn within(numerators: &DVector<f64>, sizes: &[f64], radius: f64) -> DVector<f64> {
    let free = scaled(numerators, sizes, 0.0);
    if free.norm() <= radius {
        return free;
    }
    // ‖s(ν)‖ falls with ν and is at most ‖g‖/ν.
    let (mut low, mut high) = (0.0, numerators.norm() / radius);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        let length = scaled(numerators, sizes, middle).norm();
        if length > radius {
            low = middle;
        } else {
            high = middle;
            if length > 0.99 * radius {
                break;
            }
        }
    }
    scaled(numerators, sizes, high)
}

impl Method for EigenvectorFollowing {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        let hessian = dense_hessian(objective, &state.x);
        let found = eigen(&(&hessian + PENALTY * hessian.amax() * penalty(objective, state)));
        let largest = hessian.amax();
        let damping = DAMPING * norm(&state.gradient) + FLOOR * largest;
        let sizes: Vec<f64> = found.values.iter().map(|value| value.hypot(damping)).collect();
        let mut numerators = -found.vectors.tr_mul(&DVector::from_column_slice(&state.gradient));
        numerators.iter_mut().take(self.index).for_each(|g| *g = -*g);
        let smallest = 1e-14 * (1.0 + norm(state.x.as_slice()));
        while self.radius > smallest {
            let step = &found.vectors * within(&numerators, &sizes, self.radius);
            let mut x = state.x.clone();
            axpy(1.0, step.as_slice(), x.as_mut_slice());
            let trial = State::new(objective, x);
            // How far the next gradient is from what was predicted, in units of the predicted change.
            let change = &hessian * &step;
            let error: Vec<f64> = trial
                .gradient
                .iter()
                .zip(&state.gradient)
                .zip(change.iter())
                .map(|((after, before), change)| after - before - change)
                .collect();
            let mistake = (dot(&error, &error) / change.norm_squared()).sqrt();
            let length = step.norm();
            if mistake <= 1.0 {
                self.radius = if mistake > 0.5 {
                    0.5 * length
                } else if mistake < 0.25 && length > 0.8 * self.radius {
                    2.0 * self.radius
                } else {
                    self.radius
                };
                *state = trial;
                return Ok(());
            }
            self.radius = 0.25 * length.min(self.radius);
        }
        Err(StopReason::NoProgress)
    }
}
