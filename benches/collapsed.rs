//! Exact inertia and extreme eigenvalues at collapsed minima: `cargo bench --bench collapsed` prints time and memory for growing K at d = K + 28 and n = 1000.
//!
//! Numbers given after `--` are the K to run, e.g. `cargo bench --bench collapsed -- 100`. Every size runs in a process of its own, so that peaks of memory do not mix.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::process::Command;
use std::time::Instant;

use ufm::critical::{Candidate, gate};
use ufm::losses::{CrossEntropy, Loss};
use ufm::model::{Bias, Decay, Shape, orbit_dimension};
use ufm::objective::{Objective, Problem, residual_spectrum};
use ufm::spectra::{Level, Limits, Route, at_critical, plan};
use ufm::theory::etf_point;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asked: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if arguments.iter().any(|argument| argument == "--one") {
        measure(asked[0]);
        return;
    }
    println!("    K         d    dimension   plan MB   peak MB   seconds  index, nullity, λ_min transverse, λ_max");
    for classes in if asked.is_empty() { vec![10, 20, 40, 100] } else { asked } {
        let this = std::env::current_exe().expect("this program has a path");
        let output = Command::new(this).args(["--one", &classes.to_string()]).output().expect("this program runs");
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
}

/// The most memory that this process ever held, in MB, where the system tells it.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().map_or(f64::NAN, |kib| kib * 1024.0 / 1e6)
}

fn measure(classes: usize) {
    let shape = Shape::balanced(classes, classes + 28, 1000).expect("two classes or more");
    // ε = 1/(10 K): far from the zero phase.
    let mu = 0.1 / (classes as f64 * 1000.0_f64.sqrt());
    let decay = Decay { w: mu, h: mu, b: 0.0 };
    let problem = Problem { shape, bias: Bias::Free, decay, loss: Loss::CrossEntropy(CrossEntropy), scale: 1.0 };
    let point = etf_point(&problem).expect("a simplex ETF");
    let critical = gate(&problem, Candidate { point, polish: false }).expect("the closed form is critical");
    let narrow = problem.at_width(critical.rank());
    let planned = plan(&narrow, classes, Level::Inertia, &Limits::default()).expect("it fits");
    assert_eq!(planned.route, Route::Collapsed);
    let started = Instant::now();
    let residual = residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
    let spectrum = at_critical(&problem, &critical, &residual, Level::Inertia, &Limits::default()).expect("it fits");
    let seconds = started.elapsed().as_secs_f64();
    let symmetry = orbit_dimension(critical.rank(), problem.shape.width()) as u64 + 1;
    let counts = (spectrum.index.exact(), spectrum.nullity.exact());
    assert_eq!(counts, (Some(0), Some(symmetry)), "a minimum with the zeros of its orbit");
    let (width, dimension, megabytes) = (problem.shape.width(), problem.dimension(), planned.bytes / 1e6);
    let (transverse, max) = (spectrum.lambda_min_transverse.unwrap_or(f64::NAN), spectrum.lambda_max);
    let peak = peak();
    println!(
        "{classes:>5} {width:>9} {dimension:>12} {megabytes:>9.1} {peak:>9.0} {seconds:>9.2}  0, {symmetry}, {transverse:e}, {max:e}"
    );
}
