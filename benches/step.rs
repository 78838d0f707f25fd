//! A descent step beside what the machine can do: `cargo bench --bench step` prints seconds, the rate of the step's products over that of the three products alone, and the growth with K, d and N.
//!
//!     cargo bench --bench step                          # rates at four sizes, then growth
//!     cargo bench --bench step -- one 10 16 1000        # one size, one line: best, median, products alone (seconds)
//!     cargo bench --bench step -- minimise 10 16 100 lbfgs 1e-6   # one minimisation from a file of entries or a gaussian start
//!
//! A step is value, gradient and update. All that one line compares alternates in short bursts in one process, and the shortest and the median burst are told: on a machine with other
//! work the shortest is the one to compare.

#![expect(clippy::print_stdout, reason = "printing is what a bench does")]

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use ufm::critical::GradientNorm;
use ufm::linalg::axpy_shared;
use ufm::losses::ALL;
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::numeric::{gaussian, stream};
use ufm::objective::{Objective, Problem, Threads};
use ufm::solvers::{SolverSpec, Stop, minimise};

/// Seconds that one comparison may take.
const PATIENCE: f64 = 4.0;

/// Everything inside the pool, as runs compute: there threads share the passes over a problem.
fn main() {
    rayon::scope(|_| chosen());
}

fn chosen() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    match (arguments.first().map(String::as_str), &numbers[..]) {
        (Some("one"), &[classes, width, samples, ..]) => one(classes, width, samples),
        (Some("minimise"), &[classes, width, per_class, ..]) => solve(&arguments, classes, width, per_class),
        (Some("grown"), &[classes, width, samples, ..]) => grown(classes, width, samples),
        (Some("growth"), _) => growth(),
        (None, _) => {
            rates();
            growth();
        }
        _ => println!("see the head of benches/step.rs for what may be asked"),
    }
}

/// The shortest and the median time of a body.
#[derive(Clone, Copy)]
struct Times {
    best: f64,
    median: f64,
}

/// Times of several bodies, which alternate in bursts of about 2 ms.
fn alternate<const B: usize>(bodies: [&mut dyn FnMut(); B]) -> [Times; B] {
    let mut times: [Vec<f64>; B] = std::array::from_fn(|_| Vec::new());
    let mut bodies = bodies;
    let lengths: [usize; B] = std::array::from_fn(|i| {
        bodies[i]();
        let start = Instant::now();
        bodies[i]();
        ((2e-3 / start.elapsed().as_secs_f64()) as usize).clamp(1, 100_000)
    });
    let begun = Instant::now();
    while times[0].len() < 5 || begun.elapsed().as_secs_f64() < PATIENCE {
        for i in 0..B {
            let start = Instant::now();
            for _ in 0..lengths[i] {
                bodies[i]();
            }
            times[i].push(start.elapsed().as_secs_f64() / lengths[i] as f64);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        Times { best: times[0], median: times[times.len() / 2] }
    })
}

/// Cross-entropy with a decayed bias, and a random point.
fn random(classes: usize, width: usize, samples: usize) -> (Problem, Point) {
    let family = ALL.iter().find(|family| family.name == "cross-entropy").expect("it is a loss");
    let labels = (0..samples).map(|i| i % classes).collect();
    let shape = Shape::with_labels(classes, width, labels).expect("the sizes are positive");
    let decay = Decay { w: 5e-4, h: 5e-4, b: 5e-4 };
    let problem = Problem { shape, bias: Bias::Decayed, decay, loss: (family.build)(&[]), scale: 1.0 };
    let mut entries = vec![0.0; problem.dimension()];
    gaussian(&mut stream(1, "bench", 0), 0.5, &mut entries);
    let point = Point::from_vec(&problem.shape, problem.bias, entries);
    (problem, point)
}

/// Step, the three products alone (same shapes, all cores), Hessian product, another one at the same point, and the accurate gradient.
fn measure(classes: usize, width: usize, samples: usize) -> [Times; 5] {
    let (problem, mut point) = random(classes, width, samples);
    let mut objective = Objective::fast(&problem).on(Threads::All);
    let mut accurate = Objective::new(&problem);
    let mut gradient = vec![0.0; problem.dimension()];
    let (w, h) = (Mat::from_fn(classes, width, |i, j| point.w()[(i, j)]), Mat::from_fn(width, samples, |i, j| point.h()[(i, j)]));
    let (mut z, mut gw, mut gh) = (Mat::zeros(classes, samples), Mat::zeros(classes, width), Mat::zeros(width, samples));
    let par = if classes * width * samples > 1_000_000 { Par::rayon(0) } else { Par::Seq };
    let there = point.clone();
    let [mut image, mut image_again, mut again] = [(); 3].map(|()| vec![0.0; problem.dimension()]);
    let mut kept = Objective::fast(&problem).on(Threads::All);
    let (_, at) = kept.linearise(&there, &mut again);
    let mut other = Objective::fast(&problem).on(Threads::All);
    alternate([
        &mut || {
            black_box(objective.value_gradient(&point, &mut gradient));
            axpy_shared(objective.shared(), -1e-3, &gradient, point.as_mut_slice());
        },
        &mut || {
            matmul(z.as_mut(), Accum::Replace, w.as_ref(), h.as_ref(), 1.0, par);
            matmul(gw.as_mut(), Accum::Replace, z.as_ref(), h.transpose(), 1.0, par);
            matmul(gh.as_mut(), Accum::Replace, w.transpose(), z.as_ref(), 1.0, par);
        },
        &mut || {
            black_box(other.hessian_product(&there, there.as_slice(), &mut image));
        },
        &mut || {
            black_box(kept.hessian_product_at(&there, at, there.as_slice(), &mut image_again));
        },
        &mut || {
            black_box(accurate.value_gradient(&there, &mut again));
        },
    ])
}

/// Three products of 2KdN operations.
fn operations(classes: usize, width: usize, samples: usize) -> f64 {
    6.0 * (classes * width * samples) as f64
}

fn one(classes: usize, width: usize, samples: usize) {
    let [step, products, ..] = measure(classes, width, samples);
    println!("{}\t{}\t{}\t{}", step.best, step.median, products.best, products.median);
}

fn rates() {
    let big = vec![1.0; 16_000_000];
    let mut to = vec![0.0; 16_000_000];
    let [copy] = alternate([&mut || black_box(&mut to).copy_from_slice(black_box(&big))]);
    println!("copy: {:.1} GB/s read and written", 2.0 * 8.0 * 16e6 / copy.best / 1e9);
    println!(
        "{:>5} {:>5} {:>7}  {:>10} {:>10} {:>6} {:>14} {:>8}  {:>10} {:>10} {:>10}",
        "K", "d", "N", "step", "median", "GF/s", "products alone", "reached", "Hessian·v", "again", "accurate"
    );
    for (classes, width, samples) in [(4, 8, 100), (10, 16, 1000), (100, 128, 10_000), (1000, 512, 10_000)] {
        let [step, products, hessian, again, accurate] = measure(classes, width, samples);
        let work = operations(classes, width, samples);
        println!(
            "{classes:>5} {width:>5} {samples:>7}  {:>10} {:>10} {:>6.1} {:>9.1} GF/s {:>7.0}%  {:>10} {:>10} {:>10}",
            time(step.best),
            time(step.median),
            work / step.best / 1e9,
            work / products.best / 1e9,
            100.0 * products.best / step.best,
            time(hessian.best),
            time(again.best),
            time(accurate.best)
        );
    }
}

/// A time in words of a fitting unit.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.2} µs", 1e6 * s),
        s if s < 1.0 => format!("{:.2} ms", 1e3 * s),
        s => format!("{s:.2} s"),
    }
}

/// Steps while one of K, d and N grows over three decades, each size in a process of its own; exponents fitted by least squares over all sizes, and of the last decade. What is expected is 1.
fn growth() {
    type Sizes = fn(usize) -> (usize, usize, usize);
    let rows: [(&str, [usize; 4], Sizes); 3] = [
        ("K, d=32, N=2000", [2, 20, 200, 2000], |k| (k, 32, 2000)),
        ("d, K=20, N=2000", [2, 20, 200, 2000], |d| (20, d, 2000)),
        ("N, K=10, d=16", [100, 1000, 10_000, 100_000], |n| (10, 16, n)),
    ];
    println!(
        "\ngrowth of a step with: seconds and peak MB at four sizes, ten times each other; exponents fitted, and of the last decade"
    );
    for (what, sizes, shape) in rows {
        let measured = sizes.map(|size| {
            let (classes, width, samples) = shape(size);
            let this = std::env::current_exe().expect("this program has a path");
            let sizes = [classes, width, samples].map(|size| size.to_string());
            let output = Command::new(this).arg("grown").args(sizes).output().expect("this program runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut fields = text.split_whitespace().map(|field| field.parse().unwrap_or(f64::NAN));
            [fields.next(), fields.next()].map(|field| field.unwrap_or(f64::NAN))
        });
        let [seconds, megabytes] = [0, 1].map(|i| measured.map(|pair| pair[i]));
        let shown: Vec<String> =
            measured.iter().map(|[seconds, megabytes]| format!("{} {megabytes:.0} MB", time(*seconds))).collect();
        let last = |y: &[f64; 4]| (y[3] / y[2]).log10();
        println!(
            "{what:<16} {}   time {:.2}, last {:.2}; memory {:.2}, last {:.2}",
            shown.join(", "),
            exponent(&seconds),
            last(&seconds),
            exponent(&megabytes),
            last(&megabytes)
        );
    }
}

/// The slope of log₁₀ y over 0, 1, 2, 3 by least squares.
fn exponent(y: &[f64; 4]) -> f64 {
    y.iter().zip([-0.3, -0.1, 0.1, 0.3]).map(|(y, weight)| weight * y.log10()).sum()
}

/// One size of the growth: seconds of a step, and the most memory this process held.
fn grown(classes: usize, width: usize, samples: usize) {
    let (problem, point) = random(classes, width, samples.max(classes));
    let mut objective = Objective::fast(&problem).on(Threads::All);
    let mut gradient = vec![0.0; problem.dimension()];
    let [step] = alternate([&mut || {
        black_box(objective.value_gradient(&point, &mut gradient));
    }]);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let peak = line.trim().trim_end_matches("kB").trim().parse::<f64>().map_or(f64::NAN, |kib| kib * 1024.0 / 1e6);
    println!("{} {peak}", step.best);
}

/// Minimises from the start that `start` (a file of packed entries, one a line) or a random stream gives; prints the median of seconds, steps, the scaled gradient norm reached, value, reason, evaluations and the best of seconds.
fn solve(arguments: &[String], classes: usize, width: usize, per_class: usize) {
    // A solver may carry its parameter: lbfgs:5, trust-region:10.
    let (solver, parameter) = arguments.get(4).map_or(("lbfgs", None), |text| match text.split_once(':') {
        Some((solver, parameter)) => (solver, parameter.parse::<f64>().ok()),
        None => (text.as_str(), None),
    });
    let solver = match solver {
        "trust-region" => SolverSpec::TrustRegion { radius: parameter.unwrap_or(1.0) },
        "lbfgs" => SolverSpec::Lbfgs { memory: parameter.map_or(10, |m| m as usize) },
        other => return println!("no solver {other} here: lbfgs or trust-region"),
    };
    let gradient_norm = arguments.get(5).and_then(|text| text.parse().ok()).unwrap_or(1e-6);
    let (mut problem, mut point) = random(classes, width, classes * per_class);
    problem.decay = Decay { w: 5e-3, h: 5e-3, b: 5e-3 };
    if let Some(file) = arguments.get(6) {
        let text = std::fs::read_to_string(file).expect("a file of entries");
        let entries = text.split_whitespace().map(|entry| entry.parse().expect("a number")).collect();
        point = Point::from_vec(&problem.shape, problem.bias, entries);
    }
    let stop = Stop { gradient_norm, steps_max: 100_000, polish: false };
    let mut times = Vec::new();
    let mut last = String::new();
    let begun = Instant::now();
    while times.len() < 5 || begun.elapsed().as_secs_f64() < PATIENCE {
        let start = Instant::now();
        let outcome = minimise(&problem, point.clone(), &solver, &stop, &mut |_, _| {});
        times.push(start.elapsed().as_secs_f64());
        let norm = GradientNorm::of(&problem, &outcome.state.x, &outcome.state.gradient);
        last = format!(
            "{}\t{:e}\t{:e}\t{}\t{:?}",
            outcome.steps,
            norm.scaled,
            outcome.state.value,
            outcome.reason.name(),
            outcome.counts
        );
    }
    times.sort_by(f64::total_cmp);
    println!("{}\t{last}\t{}", times[times.len() / 2], times[0]);
}
