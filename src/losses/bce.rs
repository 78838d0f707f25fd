//! Binary cross-entropy, one logistic problem per class.

use super::block::{self, SeparableLanes, separable_block};
use super::conjugate::{entropy_term, fraction_inside};
use super::{Conjugate, Epilogue, LogitBlock, LogitHessian, LossFunction, Task};
use crate::numeric::Jet;
use crate::numeric::lanes::{LANES, Lanes};

/// L = −log σ(z_k) − Σ_{j≠k} log σ(−z_j): ∇L is −σ(−z_k) at k and σ(z_j) elsewhere, ∇²L = diag σ(z_j) σ(−z_j). Convex, not shift-invariant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bce;

impl LossFunction for Bce {
    fn convex(&self) -> bool {
        true
    }

    fn shift_invariant(&self) -> bool {
        false
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        logits.iter().enumerate().map(|(j, &z)| softplus(if j == label { -z } else { z })).sum()
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let mut value = 0.0;
        for (j, (g, &z)) in gradient.iter_mut().zip(logits).enumerate() {
            // One exponential serves value and slope of log(1 + e^x).
            let x = if j == label { -z } else { z };
            let small = (-x.abs()).exp();
            value += x.max(0.0) + small.ln_1p();
            let slope = if x < 0.0 { small } else { 1.0 } / (1.0 + small);
            *g = if j == label { -slope } else { slope };
        }
        value
    }

    fn hessian(&self, logits: &[f64], _label: usize, out: &mut LogitHessian) {
        out.reset(logits.len(), None, 0);
        for (a, &z) in out.diagonal.iter_mut().zip(logits) {
            // σ(z) σ(−z) is even in z: e^{−|z|}/(1 + e^{−|z|})².
            let small = (-z.abs()).exp();
            let total = 1.0 + small;
            *a = small / (total * total);
        }
    }

    fn over_lanes(&self, block: &mut LogitBlock<'_>, task: Task<'_>) -> Option<f64> {
        Some(separable_block(*self, block, task))
    }

    fn epilogue(&self) -> Epilogue {
        let functions = "fn term(z: f32, own: bool) -> f32 {
    let x = select(z, -z, own);
    return max(x, 0.0) + log_one_plus(exp(-abs(x)));
}

fn slope(z: f32, own: bool) -> f32 {
    let x = select(z, -z, own);
    let small = exp(-abs(x));
    let value = select(1.0, small, x < 0.0) / (1.0 + small);
    return select(value, -value, own);
}

fn bend(z: f32, own: bool) -> f32 {
    let small = exp(-abs(z));
    return small / ((1.0 + small) * (1.0 + small));
}
";
        Epilogue::Separable { functions: functions.into() }
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        Some(self)
    }
}

impl SeparableLanes for Bce {
    #[inline(always)]
    fn jet<S: pulp::Simd>(self, _simd: S, z: &Lanes, own: &[bool; LANES]) -> Jet<Lanes> {
        block::softplus::<S>(z, own)
    }
}

/// log(1 + e^x), without overflow, accurate where it is small.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl Conjugate for Bce {
    /// Σ_j q_j log q_j + (1 − q_j) log(1 − q_j), with q_k = −u_k and q_j = u_j for the others, all in [0, 1].
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        let term = |(j, &u): (usize, &f64)| {
            let q = if j == label { -u } else { u };
            // (1 − q) log(1 − q) by log1p where q is small, so that it keeps its digits there.
            let other = if q.abs() < 0.5 { (1.0 - q) * (-q).ln_1p() } else { entropy_term(1.0 - q) };
            entropy_term(q) + other
        };
        dual.iter().enumerate().map(term).sum()
    }

    fn interior_slope(&self) -> Option<f64> {
        Some(1.0)
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        fraction_inside(inside, target, |j| if j == label { (-1.0, 0.0) } else { (0.0, 1.0) })
    }
}
