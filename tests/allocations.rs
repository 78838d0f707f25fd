//! No allocation inside an iteration: an allocator that counts, around evaluations and around whole steps.
//!
//! One test, so that nothing else allocates in this process while it counts.

#![expect(unsafe_code, reason = "an allocator cannot be written without; this one hands everything on to the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ufm::losses::{ALL, Loss};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::numeric::{gaussian, stream};
use ufm::objective::{Objective, Problem};
use ufm::solvers::{SolverSpec, Stop, minimise};

/// Allocations so far, and the largest since it was last set to 0.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is handed on to the system's allocator with the arguments it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is the one that is needed.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `alloc` above, and so from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations during `body`.
fn allocations(mut body: impl FnMut()) -> usize {
    let before = COUNT.load(Ordering::Relaxed);
    body();
    COUNT.load(Ordering::Relaxed) - before
}

/// Small (products in registers, with and without padding) and large (the library's products), all on one thread.
const SIZES: [(usize, usize, usize); 3] = [(4, 8, 25), (10, 13, 20), (60, 40, 10)];

fn problem(loss: Loss, (classes, width, per_class): (usize, usize, usize)) -> (Problem, Point) {
    let shape = Shape::balanced(classes, width, per_class).unwrap();
    let problem = Problem { shape, bias: Bias::Decayed, decay: Decay { w: 5e-3, h: 2e-3, b: 1e-2 }, loss, scale: 1.0 };
    let mut entries = vec![0.0; problem.dimension()];
    gaussian(&mut stream(1, "allocations", 0), 0.3, &mut entries);
    let point = Point::from_vec(&problem.shape, problem.bias, entries);
    (problem, point)
}

#[test]
fn an_iteration_allocates_nothing() {
    // The counter counts.
    assert!(allocations(|| drop(std::hint::black_box(vec![1.0_f64; 100]))) >= 1);
    for family in ALL {
        let values: Vec<f64> =
            family.parameters.iter().map(|p| p.default.unwrap_or(if (p.allows)(2.0) { 2.0 } else { 0.1 })).collect();
        for size in SIZES {
            let (problem, point) = problem((family.build)(&values), size);
            let (mut fast, mut accurate) = (Objective::fast(&problem), Objective::new(&problem));
            let mut gradient = vec![0.0; problem.dimension()];
            let mut evaluate = || {
                for objective in [&mut fast, &mut accurate] {
                    objective.value(&point);
                    objective.value_gradient(&point, &mut gradient);
                }
            };
            evaluate();
            assert_eq!(allocations(evaluate), 0, "gradients of {} at {size:?}", family.name);
            // Losses without a vectorised form build a sample's Hessian in vectors of its own.
            if ["cross-entropy", "label-smoothing", "focal", "mse", "bce"].contains(&family.name) {
                let mut image = vec![0.0; problem.dimension()];
                let mut product = || {
                    fast.hessian_product(&point, point.as_slice(), &mut image);
                    let (_, at) = fast.linearise(&point, &mut gradient);
                    fast.hessian_product_at(&point, at, point.as_slice(), &mut image);
                };
                product();
                assert_eq!(allocations(product), 0, "products of {} at {size:?}", family.name);
            }
        }
    }
    let solvers = [
        SolverSpec::GradientDescent { step: Some(0.1) },
        SolverSpec::GradientDescent { step: None },
        SolverSpec::Momentum { step: 0.1, momentum: 0.9 },
        SolverSpec::TrustRegion { radius: 1e-3 },
        SolverSpec::Lbfgs { memory: 5 },
    ];
    for solver in solvers {
        for size in SIZES {
            let (problem, point) = problem((ALL[0].build)(&[]), size);
            let stop = Stop { gradient_norm: 0.0, steps_max: 20, polish: false };
            // The first steps make room: for a trial point, a velocity, the pairs.
            let (mut from, mut until) = (None, 0);
            let outcome = minimise(&problem, point, &solver, &stop, &mut |step, _| {
                if step == 10 {
                    from = Some(COUNT.load(Ordering::Relaxed));
                    LARGEST.store(0, Ordering::Relaxed);
                }
                if step == 20 {
                    until = COUNT.load(Ordering::Relaxed);
                }
            });
            assert_eq!(outcome.steps, 20, "{} at {size:?}", solver.name());
            let (count, largest) = (until - from.unwrap(), LARGEST.load(Ordering::Relaxed));
            if let SolverSpec::Lbfgs { .. } = solver {
                // Its line search keeps a small table of counts; nothing of a point's size.
                assert!(largest <= 1024 && problem.dimension() * 8 > 4096, "{largest} bytes at once, {size:?}");
            } else {
                assert_eq!(count, 0, "{} at {size:?}", solver.name());
            }
        }
    }
}
