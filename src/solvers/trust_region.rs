//! Trust-region Newton-CG (Steihaug–Toint) that uses negative curvature, and so leaves saddles.
//!
//! The model g·p + ½ pᵀ∇²f p is minimised over ‖p‖ ≤ Δ by conjugate gradients, which stop at the boundary along a direction of negative curvature. Where the gradient is
//! already small enough to stop, a Krylov search from a random vector looks for negative curvature; if it finds some the solver steps along it instead of stopping.
//! That search is a heuristic for leaving, never a count: indices come from exact inertia.
//!
//! It is not made where it can find nothing: with a convex loss ∇²f along (U, V, c) is at least λ_W‖U‖² + λ_H‖V‖² + 2⟨G, UV⟩ ≥ 2(μ − ‖G‖_op)‖U‖‖V‖, at any point.

use super::{Method, State, StopReason};
use crate::linalg::{axpy, axpy_square_shared, conjugate_start_shared, conjugate_step_shared, dot, dot_shared, moved_shared};
use crate::numeric::{gaussian, stream};
use crate::objective::{Linearisation, Objective, residual_norm};

/// Most conjugate-gradient iterations of a step.
const INNER_MAX: usize = 500;
/// What a step that is refused is shortened to, as a fraction of its length.
const SHORTENED: f64 = 0.25;
/// The residual of the model's gradient, as a fraction of the gradient at which the solver stops, below which conjugate gradients gain nothing: the rest is for what the model leaves out.
const ENOUGH: f64 = 0.25;
/// Krylov dimension of the search for negative curvature.
const PROBE_MAX: usize = 60;
/// How far ‖G‖_op may be above μ, relatively, where negative curvature is not searched for: what there could be is of this order, beside the decays.
const CONVEX_WITHIN: f64 = 1e-6;
/// Most times a saddle is left.
const LEAVES_MAX: u64 = 200;

pub(super) struct TrustRegion {
    radius: f64,
    /// The factor by which the gradient has yet to shrink.
    aim: f64,
    leaves: u64,
    /// What the objective keeps of the state, if it does.
    here: Linearisation,
    room: Room,
}

/// Vectors of a point's length, kept from step to step.
#[derive(Default)]
struct Room {
    /// p.
    step: Vec<f64>,
    /// ∇f + ∇²f p.
    residual: Vec<f64>,
    direction: Vec<f64>,
    /// ∇²f times the direction.
    curved: Vec<f64>,
    /// Where the path of steps crosses the radius that is tried if this one is refused, and the decrease predicted there.
    shorter: Vec<f64>,
    predicted: Option<f64>,
    trial: Option<(State, Linearisation)>,
}

impl TrustRegion {
    pub(super) fn new(radius: f64) -> Self {
        Self { radius, aim: 0.0, leaves: 0, here: Linearisation::default(), room: Room::default() }
    }

    /// The Steihaug step into `room.step`; returns its length and the decrease that the model predicts.
    ///
    /// The step for a smaller radius lies on the same path: if this one is refused, the next need not be computed again.
    ///
    /// Along conjugate directions ⟨r, d⟩ = −‖r‖², so the model falls by t‖r‖² − ½t²⟨d, ∇²f d⟩ over t d; ‖p‖², ⟨p, d⟩ and ‖d‖² follow from recurrences.
    fn model_step(&mut self, objective: &mut Objective<'_>, state: &State) -> (f64, f64) {
        let Room { step: p, residual: r, direction: d, curved, shorter, predicted: predicted_shorter, .. } = &mut self.room;
        let shared = objective.shared();
        let inner = SHORTENED * self.radius;
        *predicted_shorter = None;
        let n = state.gradient.len();
        [&mut *p, &mut *r, &mut *d, &mut *curved].into_iter().for_each(|vector| vector.resize(n, 0.0));
        conjugate_start_shared(shared, &state.gradient, r, d, p);
        let mut square = dot_shared(shared, r, r);
        let norm = square.sqrt();
        let tolerance = norm * norm.sqrt().min(0.1).max(ENOUGH * self.aim);
        let (mut pp, mut pd, mut dd) = (0.0, 0.0, square);
        let mut predicted = 0.0;
        for _ in 0..INNER_MAX {
            let curvature = objective.hessian_product_at(&state.x, self.here, d, curved);
            let t = square / curvature;
            let ahead = pp + t * (2.0 * pd + t * dd);
            if predicted_shorter.is_none() && !(curvature > 0.0 && ahead < inner * inner) {
                let t = to_boundary(pp, pd, dd, inner);
                shorter.clone_from(p);
                axpy(t, d, shorter);
                *predicted_shorter = Some(predicted + t * (square - 0.5 * t * curvature));
            }
            if !(curvature > 0.0) || !(ahead < self.radius * self.radius) {
                let t = to_boundary(pp, pd, dd, self.radius);
                axpy(t, d, p);
                predicted += t * (square - 0.5 * t * curvature);
                break;
            }
            predicted += 0.5 * t * square;
            let next = axpy_square_shared(shared, t, curved, r);
            if next.sqrt() <= tolerance {
                axpy(t, d, p);
                break;
            }
            let ratio = next / square;
            conjugate_step_shared(shared, (t, ratio), r, d, p);
            (pp, pd, dd) = (ahead, ratio * (pd + t * dd), next + ratio * ratio * dd);
            square = next;
        }
        (dot_shared(shared, p, p).sqrt(), predicted)
    }

    /// The state at x + t v, in the room kept for it.
    fn trial(&mut self, objective: &mut Objective<'_>, state: &State, t: f64, v: Option<&[f64]>) -> (State, Linearisation) {
        let (mut trial, _) = self.room.trial.take().unwrap_or_else(|| (state.clone(), self.here));
        let v = v.unwrap_or(&self.room.step);
        moved_shared(objective.shared(), t, v, state.x.as_slice(), trial.x.as_mut_slice());
        let (value, at) = objective.linearise(&trial.x, &mut trial.gradient);
        trial.value = value;
        (trial, at)
    }

    /// Moves `state` to `trial`, whose room is kept.
    fn accept(&mut self, state: &mut State, (trial, at): (State, Linearisation)) {
        self.room.trial = Some((std::mem::replace(state, trial), self.here));
        self.here = at;
    }
}

/// t > 0 with ‖p + t d‖ = radius, from ‖p‖², ⟨p, d⟩ and ‖d‖².
fn to_boundary(pp: f64, pd: f64, dd: f64, radius: f64) -> f64 {
    let (a, b, c) = (dd, pd, pp - radius * radius);
    let root = (b * b - a * c).max(0.0).sqrt();
    // The larger root, without cancellation.
    if b > 0.0 { -c / (b + root) } else { (root - b) / a }
}

impl Method for TrustRegion {
    fn aim(&mut self, factor: f64) {
        self.aim = factor.min(1.0);
    }

    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        let mut shorter = None;
        loop {
            let (length, predicted) = shorter.take().unwrap_or_else(|| self.model_step(objective, state));
            let (trial, at) = self.trial(objective, state, 1.0, None);
            let before = self.radius;
            let gained = state.value - trial.value;
            // Below the value's rounding the gradient decides.
            let rounding = 64.0 * f64::EPSILON * state.value.abs();
            let quality = if predicted <= rounding && gained.abs() <= rounding {
                if dot(&trial.gradient, &trial.gradient) < dot(&state.gradient, &state.gradient) { 1.0 } else { 0.0 }
            } else {
                gained / predicted
            };
            if !(quality >= 0.25) {
                self.radius = SHORTENED * length;
            } else if quality > 0.75 && length > 0.8 * self.radius {
                self.radius *= 2.0;
            }
            if quality > 1e-4 {
                self.accept(state, (trial, at));
                return Ok(());
            }
            self.room.trial = Some((trial, at));
            // A step that ended inside is shortened to less than where the path was left.
            if let (Some(predicted), true) = (self.room.predicted.take(), length > (1.0 - 1e-9) * before) {
                std::mem::swap(&mut self.room.step, &mut self.room.shorter);
                shorter = Some((self.radius, predicted));
            }
            if !(self.radius > 1e-14 * (1.0 + dot(state.x.as_slice(), state.x.as_slice()).sqrt())) {
                return Err(StopReason::NoProgress);
            }
        }
    }

    fn leave_saddle(&mut self, objective: &mut Objective<'_>, state: &mut State) -> bool {
        if self.leaves == LEAVES_MAX || nothing_falls(objective, state) {
            return false;
        }
        self.leaves += 1;
        let Some(mut direction) = negative_curvature(objective, state, self.here, self.leaves) else { return false };
        if dot(&direction, &state.gradient) > 0.0 {
            direction.iter_mut().for_each(|d| *d = -*d);
        }
        let mut step = 1.0;
        for _ in 0..40 {
            let (trial, at) = self.trial(objective, state, step, Some(&direction));
            if trial.value < state.value - 64.0 * f64::EPSILON * state.value.abs() {
                self.accept(state, (trial, at));
                self.radius = self.radius.max(step);
                return true;
            }
            self.room.trial = Some((trial, at));
            step *= 0.5;
        }
        false
    }
}

/// Whether ‖G‖_op says that no direction has negative curvature to speak of.
fn nothing_falls(objective: &mut Objective<'_>, state: &State) -> bool {
    let problem = objective.problem();
    if !problem.loss.function().convex() {
        return false;
    }
    residual_norm(objective, &state.x) <= (1.0 + CONVEX_WITHIN) * problem.decay.mu()
}

/// A unit direction of negative curvature, by Lanczos with full orthogonalisation from a random vector.
fn negative_curvature(objective: &mut Objective<'_>, state: &State, at: Linearisation, index: u64) -> Option<Vec<f64>> {
    let n = state.gradient.len();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut next = vec![0.0; n];
    gaussian(&mut stream(0, "negative curvature", index), 1.0, &mut next);
    let mut length = dot(&next, &next).sqrt();
    let size = PROBE_MAX.min(n);
    let mut projected = nalgebra::DMatrix::zeros(size, size);
    while basis.len() < size && length > 1e-12 {
        next.iter_mut().for_each(|x| *x /= length);
        let mut image = vec![0.0; n];
        objective.hessian_product_at(&state.x, at, &next, &mut image);
        let column = basis.len();
        basis.push(std::mem::replace(&mut next, image));
        // What orthogonalisation takes from ∇²f q_j along q_i is the entry (i, j) of the projected matrix. A second round where the first has left little, and so has rounded.
        for _ in 0..2 {
            let before = dot(&next, &next).sqrt();
            for (i, q) in basis.iter().enumerate() {
                let overlap = dot(q, &next);
                axpy(-overlap, q, &mut next);
                projected[(i, column)] += overlap;
            }
            length = dot(&next, &next).sqrt();
            if length > 0.7 * before {
                break;
            }
        }
    }
    let m = basis.len();
    projected.view_mut((0, 0), (m, m)).fill_lower_triangle_with_upper_triangle();
    let found = crate::linalg::eigen(&projected.view((0, 0), (m, m)).into_owned());
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
