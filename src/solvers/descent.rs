//! First-order descent: fixed step, backtracking, and heavy-ball momentum with a step schedule.

use super::{Method, State, StopReason};
use crate::linalg::{axpy_shared, dot};
use crate::model::Point;
use crate::objective::Objective;

/// x ← x − t∇f.
pub(super) struct FixedStep {
    pub(super) step: f64,
}

impl Method for FixedStep {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        axpy_shared(objective.shared(), -self.step, &state.gradient, state.x.as_mut_slice());
        state.value = objective.value_gradient(&state.x, &mut state.gradient);
        Ok(())
    }
}

/// x ← x − t∇f with t halved until the value falls by at least 1e-4 t‖∇f‖² (Armijo), and doubled after each success.
pub(super) struct Backtracking {
    step: f64,
    trial: Option<Point>,
}

impl Default for Backtracking {
    fn default() -> Self {
        Self { step: 1.0, trial: None }
    }
}

impl Method for Backtracking {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        let slope = dot(&state.gradient, &state.gradient);
        let trial = self.trial.get_or_insert_with(|| state.x.clone());
        // 200 halvings span sixty decades of step: past that the value's rounding decides.
        for _ in 0..200 {
            trial.as_mut_slice().copy_from_slice(state.x.as_slice());
            axpy_shared(objective.shared(), -self.step, &state.gradient, trial.as_mut_slice());
            let value = objective.value(trial);
            if value <= state.value - 1e-4 * self.step * slope {
                std::mem::swap(&mut state.x, trial);
                state.value = objective.value_gradient(&state.x, &mut state.gradient);
                self.step *= 2.0;
                return Ok(());
            }
            self.step *= 0.5;
        }
        Err(StopReason::NoProgress)
    }
}

/// v ← m v + ∇f, x ← x − t v; t falls tenfold at 3/7 and at 5/7 of the most steps.
///
/// The schedule is the paper's (its drops at epochs 60 and 100 of 140 are placed at the same order of fractions), on full batches.
pub(super) struct Momentum {
    step: f64,
    momentum: f64,
    drops: [u64; 2],
    taken: u64,
    velocity: Vec<f64>,
}

impl Momentum {
    pub(super) fn new(step: f64, momentum: f64, steps_max: u64) -> Self {
        let at = |sevenths: u64| (u128::from(steps_max) * u128::from(sevenths) / 7) as u64;
        Self { step, momentum, drops: [at(3), at(5)], taken: 0, velocity: vec![] }
    }
}

impl Method for Momentum {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        self.velocity.resize(state.gradient.len(), 0.0);
        for (v, g) in self.velocity.iter_mut().zip(&state.gradient) {
            *v = self.momentum * *v + g;
        }
        let dropped = self.drops.iter().filter(|&&drop| self.taken >= drop).count() as i32;
        axpy_shared(objective.shared(), -self.step * 0.1_f64.powi(dropped), &self.velocity, state.x.as_mut_slice());
        state.value = objective.value_gradient(&state.x, &mut state.gradient);
        self.taken += 1;
        Ok(())
    }
}
