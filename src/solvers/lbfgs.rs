//! Limited-memory BFGS: the two-loop recursion over buffers of its own, with argmin's Moré–Thuente search along the direction.
//!
//! The search is generic in what a parameter is: here it is the one number t of φ(t) = f(x + t p), with the slope φ'(t) as its gradient, so that it copies numbers where
//! it would otherwise clone points. After the first step nothing of a point's size is allocated.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Gradient, IterState, LineSearch, Problem, Solver, State as _};
use argmin::solver::linesearch::MoreThuenteLineSearch;

use super::{Method, State, StopReason};
use crate::linalg::{axpy, dot};
use crate::objective::Objective;

type Search = MoreThuenteLineSearch<f64, f64, f64>;
type Iterate = IterState<f64, f64, (), (), (), f64>;

/// Most questions of one line search, of value or slope. It has about 4 as a rule; where rounding hides the decrease it would ask for thousands of points, or millions of times for one
/// point, from which its step does not move any more.
const SEARCH_MAX: usize = 60;

/// φ(t) = f(x + t p). argmin asks for value and slope in separate calls at the same t; both come from one fused evaluation, remembered in `trial`.
struct Ray<'a, 'p> {
    objective: &'a mut Objective<'p>,
    start: &'a State,
    direction: &'a [f64],
    trial: &'a mut State,
    at: f64,
    slope: f64,
    asked: usize,
}

impl Ray<'_, '_> {
    /// Moves `trial` to x + t p.
    fn move_to(&mut self, t: f64) -> Result<(), Error> {
        if self.asked == SEARCH_MAX {
            return Err(Error::msg("the line search found no step"));
        }
        self.asked += 1;
        // Bitwise: a point that differs in one ulp is another point. A NaN differs from itself, and is another one at most SEARCH_MAX times.
        if self.at.to_bits() != t.to_bits() {
            self.trial.x.as_mut_slice().copy_from_slice(self.start.x.as_slice());
            axpy(t, self.direction, self.trial.x.as_mut_slice());
            self.trial.value = self.objective.value_gradient(&self.trial.x, &mut self.trial.gradient);
            self.slope = dot(&self.trial.gradient, self.direction);
            self.at = t;
        }
        Ok(())
    }
}

struct Along<'a, 'p>(RefCell<Ray<'a, 'p>>);

impl CostFunction for Along<'_, '_> {
    type Param = f64;
    type Output = f64;

    fn cost(&self, t: &f64) -> Result<f64, Error> {
        let mut ray = self.0.borrow_mut();
        ray.move_to(*t)?;
        Ok(ray.trial.value)
    }
}

impl Gradient for Along<'_, '_> {
    type Param = f64;
    type Gradient = f64;

    fn gradient(&self, t: &f64) -> Result<f64, Error> {
        let mut ray = self.0.borrow_mut();
        ray.move_to(*t)?;
        Ok(ray.slope)
    }
}

/// A step s and the change y of the gradient over it, with 1/⟨s, y⟩.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse: f64,
}

/// L-BFGS with `memory` pairs. A failed line search forgets the pairs once; a failure straight after that ends the run.
pub(super) struct Lbfgs {
    memory: usize,
    /// The pairs, a ring once there are `memory` of them.
    pairs: Vec<Pair>,
    /// Number of valid pairs, and the place of the oldest.
    kept: usize,
    oldest: usize,
    direction: Vec<f64>,
    weights: Vec<f64>,
    trial: Option<State>,
}

impl Lbfgs {
    pub(super) fn new(memory: usize) -> Self {
        Self { memory, pairs: vec![], kept: 0, oldest: 0, direction: vec![], weights: vec![0.0; memory], trial: None }
    }

    /// The place of the pair number `i`, the oldest first.
    fn place(&self, i: usize) -> usize {
        (self.oldest + i) % self.memory
    }

    /// `direction` ← −B⁻¹∇f by the two-loop recursion, B⁻¹ starting from ⟨s, y⟩/⟨y, y⟩ of the newest pair.
    fn turn(&mut self, gradient: &[f64]) {
        let mut direction = std::mem::take(&mut self.direction);
        direction.clear();
        direction.extend(gradient.iter().map(|g| -g));
        for i in (0..self.kept).rev() {
            let pair = &self.pairs[self.place(i)];
            let weight = pair.inverse * dot(&pair.step, &direction);
            axpy(-weight, &pair.change, &mut direction);
            self.weights[i] = weight;
        }
        if self.kept > 0 {
            let newest = &self.pairs[self.place(self.kept - 1)];
            let scale = 1.0 / (newest.inverse * dot(&newest.change, &newest.change));
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for i in 0..self.kept {
            let pair = &self.pairs[self.place(i)];
            let back = pair.inverse * dot(&pair.change, &direction);
            axpy(self.weights[i] - back, &pair.step, &mut direction);
        }
        self.direction = direction;
    }

    /// Takes up the pair of the step from `from` to `to`, in place of the oldest where there are enough. Without positive curvature along it there is nothing to learn from it.
    fn learn(&mut self, from: &State, to: &State) {
        if self.memory == 0 {
            return;
        }
        if self.kept == self.memory {
            self.oldest = self.place(1);
            self.kept -= 1;
        }
        let place = self.place(self.kept);
        if self.pairs.len() <= place {
            self.pairs.push(Pair { step: vec![], change: vec![], inverse: 0.0 });
        }
        let pair = &mut self.pairs[place];
        difference(to.x.as_slice(), from.x.as_slice(), &mut pair.step);
        difference(&to.gradient, &from.gradient, &mut pair.change);
        let curvature = dot(&pair.step, &pair.change);
        if curvature > 0.0 && curvature.is_finite() {
            pair.inverse = 1.0 / curvature;
            self.kept += 1;
        }
    }

    /// One iteration: moves `state`, or says that the line search failed or led nowhere.
    fn try_step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> bool {
        self.turn(&state.gradient);
        let mut trial = self.trial.take().unwrap_or_else(|| state.clone());
        let found = search(objective, state, &self.direction, &mut trial);
        let moved = found && {
            let (before, after) = (square(state), square(&trial));
            (trial.value < state.value || (trial.value <= state.value && after < before)) && after.is_finite()
        };
        if moved {
            self.learn(state, &trial);
            std::mem::swap(&mut state.x, &mut trial.x);
            std::mem::swap(&mut state.gradient, &mut trial.gradient);
            state.value = trial.value;
        }
        self.trial = Some(trial);
        moved
    }
}

/// The Moré–Thuente search from `start` along `direction`; `trial` ends at the point found.
fn search(objective: &mut Objective<'_>, start: &State, direction: &[f64], trial: &mut State) -> bool {
    let slope = dot(&start.gradient, direction);
    let ray = Ray { objective, start, direction, trial, at: f64::NAN, slope, asked: 0 };
    let mut problem = Problem::new(Along(RefCell::new(ray)));
    let mut search = Search::new();
    search.search_direction(1.0);
    let iterate = Iterate::new().param(0.0).gradient(slope).cost(start.value);
    let Ok((mut iterate, _)) = search.init(&mut problem, iterate) else { return false };
    while !iterate.terminated() {
        match search.next_iter(&mut problem, iterate) {
            Ok((next, _)) => iterate = next,
            Err(_) => return false,
        }
    }
    let (Some(t), Some(Along(ray))) = (iterate.take_param(), problem.take_problem()) else { return false };
    let mut ray = ray.into_inner();
    ray.asked = 0;
    ray.move_to(t).is_ok()
}

/// `out` ← x − y.
fn difference(x: &[f64], y: &[f64], out: &mut Vec<f64>) {
    out.clear();
    out.extend(x.iter().zip(y).map(|(x, y)| x - y));
}

/// ‖∇f‖².
fn square(state: &State) -> f64 {
    dot(&state.gradient, &state.gradient)
}

impl Method for Lbfgs {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        if self.try_step(objective, state) {
            return Ok(());
        }
        if self.kept > 0 {
            self.kept = 0;
            if self.try_step(objective, state) {
                return Ok(());
            }
        }
        Err(StopReason::NoProgress)
    }
}
