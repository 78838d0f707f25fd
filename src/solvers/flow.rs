//! The gradient flow ẋ = −∇f, by Dormand and Prince's embedded pair of orders 5 and 4 (1980) with error control.
//!
//! One step is one accepted step of the integrator. The fifth-order solution is kept; its difference from the fourth-order one, in the root mean square of
//! error/(tolerance·(1 + |x_i|)), must be at most 1, and the next step is the present one times 0.9·error^{−1/5}, within 0.2 … 5. The pair is explicit: where the Hessian's largest eigenvalue is Λ its
//! steps stay below about 3.3/Λ whatever the tolerance, which is no hardship here (Λ is of order 1).

use super::{Method, State, StopReason};
use crate::model::Point;
use crate::objective::{Objective, Problem};

/// Rows of the tableau: x + h Σ_j `STAGES[i][j]` k_j is where k_{i+1} is taken; the last row is the fifth-order step (first same as last).
const STAGES: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// Fifth order minus fourth: the error's weights of k_1 … k_7.
const ERROR: [f64; 7] = [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];
/// The first step tried; the control finds its own within a few.
const FIRST_STEP: f64 = 1e-2;
/// Rejections of one step before it is given up.
const REJECTIONS_MAX: usize = 60;

/// The integrator and where it stands.
pub(super) struct GradientFlow {
    tolerance: f64,
    /// Where to end; infinite without an end.
    end: f64,
    time: f64,
    step: f64,
}

impl GradientFlow {
    pub(super) fn new(tolerance: f64, end: Option<f64>) -> Self {
        Self { tolerance, end: end.unwrap_or(f64::INFINITY), time: 0.0, step: FIRST_STEP }
    }

    /// A step of length `h` from `state`: the new state, its error added to those of the steps before, and the scaled error.
    fn attempt(&self, objective: &mut Objective<'_>, state: &State, h: f64) -> (State, f64) {
        let x = state.x.as_slice();
        // The slopes are −k: gradients as they come.
        let mut slopes = vec![state.gradient.clone()];
        let mut trial = state.clone();
        for weights in STAGES {
            let point = trial.x.as_mut_slice();
            point.copy_from_slice(x);
            for (weight, slope) in weights.iter().zip(&slopes) {
                point.iter_mut().zip(slope).for_each(|(x, g)| *x -= h * weight * g);
            }
            trial.value = objective.value_gradient(&trial.x, &mut trial.gradient);
            slopes.push(trial.gradient.clone());
        }
        let (mut sum, mut square) = (0.0, 0.0);
        for (i, (&old, &new)) in x.iter().zip(trial.x.as_slice()).enumerate() {
            let error: f64 = slopes.iter().zip(ERROR).map(|(slope, weight)| weight * slope[i]).sum();
            let scale = self.tolerance * (1.0 + old.abs().max(new.abs()));
            sum += (h * error / scale).powi(2);
            square += (h * error).powi(2);
        }
        trial.error = state.error + square.sqrt();
        (trial, (sum / x.len().max(1) as f64).sqrt())
    }
}

impl Method for GradientFlow {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        let left = self.end - self.time;
        if !(left > 0.0) {
            return Err(StopReason::Time);
        }
        for _ in 0..REJECTIONS_MAX {
            // A last step that would leave a sliver takes it along.
            let last = self.step * (1.0 + 1e-9) >= left;
            let h = if last { left } else { self.step };
            let (mut trial, error) = self.attempt(objective, state, h);
            if !error.is_finite() || !trial.value.is_finite() {
                self.step = 0.2 * h;
                continue;
            }
            let factor = if error > 0.0 { (0.9 * error.powf(-0.2)).clamp(0.2, 5.0) } else { 5.0 };
            if !(error <= 1.0) {
                self.step = h * factor.min(0.9);
                continue;
            }
            // A step cut short by the end says little of the length that accuracy allows.
            self.step = if last { self.step.max(h * factor) } else { h * factor };
            self.time = if last { self.end } else { self.time + h };
            trial.time = Some(self.time);
            *state = trial;
            return Ok(());
        }
        Err(StopReason::NoProgress)
    }
}

/// The gradient flow from `start`, at each of the `times` (ascending, ≥ 0): states with `time` set, integrated to `tolerance` and without interpolation.
///
/// `Err` says why it ended before the last time.
pub fn gradient_flow(problem: &Problem, start: Point, tolerance: f64, times: &[f64]) -> Result<Vec<State>, StopReason> {
    let mut objective = Objective::new(problem);
    let mut state = State::new(&mut objective, start);
    let mut flow = GradientFlow::new(tolerance, Some(0.0));
    let mut states = Vec::with_capacity(times.len());
    for &time in times {
        flow.end = time;
        while flow.time < time {
            flow.step(&mut objective, &mut state)?;
        }
        state.time = Some(time);
        states.push(state.clone());
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tableau_satisfies_the_order_conditions() {
        let fifth = STAGES[5];
        let nodes: Vec<f64> = std::iter::once(0.0).chain(STAGES.iter().map(|row| row.iter().sum())).collect();
        for (power, expected) in [(0, 1.0), (1, 0.5), (2, 1.0 / 3.0), (3, 0.25), (4, 0.2)] {
            let sum: f64 = fifth.iter().zip(&nodes).map(|(weight, c)| weight * c.powi(power)).sum();
            assert!((sum - expected).abs() <= 1e-15, "Σ b c^{power} = {sum}");
            // The embedded solution satisfies the conditions up to order 4.
            let embedded: f64 = ERROR.iter().zip(&nodes).map(|(weight, c)| weight * c.powi(power)).sum();
            assert_eq!(embedded.abs() <= 1e-15, power < 4, "Σ e c^{power} = {embedded}");
        }
    }
}
