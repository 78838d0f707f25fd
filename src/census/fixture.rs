//! Small problems with saddles, for the tests.

use crate::critical::{Candidate, CriticalPoint, gate};
use crate::losses::ALL;
use crate::model::{Bias, Decay, Point, Shape};
use crate::objective::{Objective, Problem};
use crate::solvers::{SolverSpec, Stop, minimise};
use crate::starts::{Begin, StartSpec, expand};

fn cross_entropy(classes: usize, width: usize, per_class: usize, decay: Decay) -> Problem {
    let loss = (ALL.iter().find(|family| family.name == "cross-entropy").unwrap().build)(&[]);
    Problem { shape: Shape::balanced(classes, width, per_class).unwrap(), bias: Bias::Decayed, decay, loss, scale: 1.0 }
}

/// K = 4, d = 6, n = 2: the census.
pub(super) fn problem() -> Problem {
    cross_entropy(4, 6, 2, Decay { w: 5e-3, h: 5e-3, b: 1e-2 })
}

/// K = 5, d = 2, n = 2: saddles of full rank too; unequal decays.
pub(super) fn vertical_problem() -> Problem {
    cross_entropy(5, 2, 2, Decay { w: 2e-2, h: 5e-3, b: 1e-2 })
}

/// More than can be followed.
pub(super) fn large_problem() -> Problem {
    cross_entropy(30, 32, 30, Decay { w: 5e-4, h: 5e-4, b: 1e-2 })
}

/// W = H = 0 (b = 0 is critical for balanced classes).
pub(super) fn origin(problem: &Problem) -> CriticalPoint {
    gate(problem, Candidate { point: Point::zeros(&problem.shape, problem.bias), polish: true }).unwrap()
}

/// Critical points of several ranks and indices: those of the rank ladder and of tied classes.
pub(super) fn ladder(problem: &Problem) -> Vec<CriticalPoint> {
    let starts =
        [StartSpec::RankLadder { count: 1, scale: 1.0, seed: 1 }, StartSpec::TiedClasses { count: 2, scale: 2.0, seed: 3 }];
    let run = |begin: &Begin| {
        let narrow = problem.at_width(begin.width);
        let start = begin.point(problem).unwrap().unwrap();
        let outcome =
            minimise(&narrow, start, &SolverSpec::GradientNorm, &Stop { steps_max: 500, ..Stop::default() }, &mut |_, _| {});
        gate(problem, Candidate { point: outcome.state.x, polish: true }).ok()
    };
    let mut found: Vec<CriticalPoint> = vec![origin(problem)];
    for point in expand(&starts, problem).iter().filter_map(run) {
        let value = |x: &CriticalPoint| Objective::new(problem).value(&x.point());
        if found.iter().all(|other| (value(other) - value(&point)).abs() > 1e-6) {
            found.push(point);
        }
    }
    found
}
