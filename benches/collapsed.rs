//! Exact inertia at collapsed minima: `cargo bench --bench collapsed` prints time and size for growing K at d = K + 28 and n = 1000.
//!
//! Numbers given after `--` are the K to run, e.g. `cargo bench --bench collapsed -- 100`.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::time::Instant;

use ufm::critical::{Candidate, gate};
use ufm::losses::{CrossEntropy, Loss};
use ufm::model::{Bias, Decay, Shape, orbit_dimension};
use ufm::objective::{Arrow, Objective, Problem, residual_spectrum};
use ufm::spectra::{Collapsed, Inertia, Level, Limits, OffSpace, Route, inertia_at, plan};
use ufm::theory::etf_point;

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![10, 20, 40] } else { asked };
    println!("{:>5} {:>9} {:>12} {:>9} {:>9}  index, nullity", "K", "d", "dimension", "plan MB", "seconds");
    for classes in sizes {
        let shape = Shape::balanced(classes, classes + 28, 1000).expect("two classes or more");
        // ε = 1/(10 K): far from the zero phase.
        let mu = 0.1 / (classes as f64 * 1000.0_f64.sqrt());
        let decay = Decay { w: mu, h: mu, b: 0.0 };
        let problem = Problem { shape, bias: Bias::Free, decay, loss: Loss::CrossEntropy(CrossEntropy), scale: 1.0 };
        let point = etf_point(&problem).expect("a simplex ETF");
        let critical = gate(&problem, Candidate { point, polish: false }).expect("the closed form is critical");
        let limits = Limits { bytes: 1e10, multiply_adds: 1e14 };
        let narrow = problem.at_width(critical.rank());
        let planned = plan(&narrow, classes, Level::Inertia, &limits).expect("it fits");
        assert_eq!(planned.route, Route::Collapsed);
        let started = Instant::now();
        let residual = residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
        let off = OffSpace::new(&problem, &residual, critical.rank(), problem.shape.width() - critical.rank());
        let collapsed = Collapsed::new(&narrow, critical.reduced()).expect("its classes are collapsed");
        let mut objective = Objective::new(&collapsed.problem);
        let arrow = Arrow::weighted(&mut objective, &collapsed.point, collapsed.weights.clone());
        let Inertia { index, nullity, resolution } = inertia_at(&arrow, collapsed.perturbation);
        let (negative, zero) = off.counts(resolution.max(off.rounding()));
        let symmetry = orbit_dimension(critical.rank(), problem.shape.width()) as u64 + 1;
        let (index, nullity) = (index.low + negative..=index.high + negative, nullity.low + zero..=nullity.high + zero);
        assert_eq!((index.clone(), nullity.clone()), (0..=0, symmetry..=symmetry), "a minimum with the zeros of its orbit");
        let seconds = started.elapsed().as_secs_f64();
        let (width, dimension, megabytes) = (problem.shape.width(), problem.dimension(), planned.bytes / 1e6);
        println!("{classes:>5} {width:>9} {dimension:>12} {megabytes:>9.1} {seconds:>9.2}  {index:?}, {nullity:?}");
    }
}
