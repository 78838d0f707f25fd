//! Limited-memory BFGS through argmin, driven one iteration at a time so that stop rules and observers are ours.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Gradient, IterState, Problem, Solver, State as _};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use super::packed::Packed;
use super::{Method, State, StopReason};
use crate::linalg::dot;
use crate::objective::Objective;

type Search = MoreThuenteLineSearch<Packed, Packed, f64>;
type Inner = LBFGS<Search, Packed, Packed, f64>;
type Iterate = IterState<Packed, Packed, (), (), (), f64>;

/// Most questions of one line search, of value or gradient. It has about 4 as a rule; where rounding hides the decrease it would ask for thousands of points, or millions of times for one
/// point, from which its step does not move any more.
const SEARCH_MAX: usize = 60;

/// argmin asks for value and gradient in separate calls at the same point; both come from one fused evaluation, remembered here.
struct Memo<'a, 'p> {
    objective: &'a mut Objective<'p>,
    last: State,
    asked: usize,
}

impl Memo<'_, '_> {
    fn at(&mut self, x: &Packed) -> Result<&State, Error> {
        if self.asked == SEARCH_MAX {
            return Err(Error::msg("the line search found no step"));
        }
        self.asked += 1;
        // Bitwise: a point that differs in one ulp is another point.
        let same = self.last.x.as_slice().iter().zip(&x.0).all(|(a, b)| a.to_bits() == b.to_bits());
        if !same {
            self.last.x.as_mut_slice().copy_from_slice(&x.0);
            self.last.value = self.objective.value_gradient(&self.last.x, &mut self.last.gradient);
        }
        Ok(&self.last)
    }
}

struct Functions<'a, 'p>(RefCell<Memo<'a, 'p>>);

impl CostFunction for Functions<'_, '_> {
    type Param = Packed;
    type Output = f64;

    fn cost(&self, x: &Packed) -> Result<f64, Error> {
        Ok(self.0.borrow_mut().at(x)?.value)
    }
}

impl Gradient for Functions<'_, '_> {
    type Param = Packed;
    type Gradient = Packed;

    fn gradient(&self, x: &Packed) -> Result<Packed, Error> {
        Ok(Packed(self.0.borrow_mut().at(x)?.gradient.clone()))
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
        let memo = Memo { objective, last: state.clone(), asked: 0 };
        let mut problem = Problem::new(Functions(RefCell::new(memo)));
        let mut iterate =
            Iterate::new().param(Packed(state.x.as_slice().to_vec())).gradient(Packed(state.gradient.clone())).cost(state.value);
        for _ in 0..self.iteration {
            iterate.increment_iter();
        }
        let (mut next, _) = self.inner.next_iter(&mut problem, iterate).ok()?;
        if next.terminated() {
            return None;
        }
        let param = next.take_param()?;
        let mut memo = problem.take_problem()?.0.into_inner();
        memo.asked = 0;
        let found = memo.at(&param).ok()?.clone();
        self.iteration = (self.iteration + 1).min(self.memory as u64);
        let lower = found.value < state.value || (found.value <= state.value && square(&found) < square(state));
        (lower && square(&found).is_finite()).then_some(found)
    }
}

/// ‖∇f‖².
fn square(state: &State) -> f64 {
    dot(&state.gradient, &state.gradient)
}

impl Method for Lbfgs {
    fn step(&mut self, objective: &mut Objective<'_>, state: &mut State) -> Result<(), StopReason> {
        let fresh = self.iteration == 0;
        let mut next = self.try_step(objective, state);
        if next.is_none() && !fresh {
            *self = Self::new(self.memory);
            next = self.try_step(objective, state);
        }
        *state = next.ok_or(StopReason::NoProgress)?;
        Ok(())
    }
}
