//! Limited-memory BFGS through argmin, driven one iteration at a time so that stop rules and observers are ours.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Gradient, IterState, Problem, Solver, State as _};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use super::{Method, State, StopReason};
use crate::objective::Objective;

type Search = MoreThuenteLineSearch<Vec<f64>, Vec<f64>, f64>;
type Inner = LBFGS<Search, Vec<f64>, Vec<f64>, f64>;
type Iterate = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// argmin asks for value and gradient in separate calls at the same point; both come from one fused evaluation, remembered here.
struct Memo<'a, 'p> {
    objective: &'a mut Objective<'p>,
    last: State,
}

impl Memo<'_, '_> {
    fn at(&mut self, x: &[f64]) -> &State {
        // Bitwise: a point that differs in one ulp is another point.
        let same = self.last.x.as_slice().iter().zip(x).all(|(a, b)| a.to_bits() == b.to_bits());
        if !same {
            self.last.x.as_mut_slice().copy_from_slice(x);
            self.last.value = self.objective.value_gradient(&self.last.x, &mut self.last.gradient);
        }
        &self.last
    }
}

struct Functions<'a, 'p>(RefCell<Memo<'a, 'p>>);

impl CostFunction for Functions<'_, '_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.0.borrow_mut().at(x).value)
    }
}

impl Gradient for Functions<'_, '_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.0.borrow_mut().at(x).gradient.clone())
    }
}

/// L-BFGS with `memory` pairs. A failed line search forgets the pairs once; a failure straight after that ends the run.
pub(super) struct Lbfgs {
    memory: usize,
    inner: Inner,
    iteration: u64,
}

impl Lbfgs {
    pub(super) fn new(memory: usize) -> Self {
        Self { memory, inner: Inner::new(Search::new(), memory), iteration: 0 }
    }

    /// One argmin iteration from `state`; `None` where the line search failed or led nowhere.
    fn try_step(&mut self, objective: &mut Objective<'_>, state: &State) -> Option<State> {
        let mut problem = Problem::new(Functions(RefCell::new(Memo { objective, last: state.clone() })));
        let mut iterate = Iterate::new().param(state.x.as_slice().to_vec()).gradient(state.gradient.clone()).cost(state.value);
        for _ in 0..self.iteration {
            iterate.increment_iter();
        }
        let (mut next, _) = self.inner.next_iter(&mut problem, iterate).ok()?;
        if next.terminated() {
            return None;
        }
        let param = next.take_param()?;
        let functions = problem.take_problem()?;
        let found = functions.0.borrow_mut().at(&param).clone();
        self.iteration = (self.iteration + 1).min(self.memory as u64);
        let lower = found.value < state.value || (found.value <= state.value && norm(&found) < norm(state));
        (lower && norm(&found).is_finite()).then_some(found)
    }
}

/// ‖∇f‖².
fn norm(state: &State) -> f64 {
    super::dot(&state.gradient, &state.gradient)
}

impl Method for Lbfgs {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        let fresh = self.iteration == 0;
        if let Some(next) = self.try_step(objective, state) {
            *state = next;
            return Ok(());
        }
        if fresh {
            return Err(StopReason::NoProgress);
        }
        *self = Self::new(self.memory);
        match self.try_step(objective, state) {
            Some(next) => {
                *state = next;
                Ok(())
            }
            None => Err(StopReason::NoProgress),
        }
    }
}
