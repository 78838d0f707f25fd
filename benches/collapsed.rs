//! Exact inertia and extreme eigenvalues at collapsed minima: `cargo bench --bench collapsed` prints time and memory for growing K at d = K + 28 and n = 1000.
//!
//! Numbers given after `--` are the K to run, e.g. `cargo bench --bench collapsed -- 100`; `ladder` is the ladder of focal loss: K = d = 60, n = 1, m classes alive. Every size runs in a process of its own, so that peaks of memory do not mix.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::process::Command;
use std::time::Instant;

use nalgebra::DMatrix;
use ufm::critical::{Candidate, gate};
use ufm::linalg::eigen;
use ufm::losses::{ALL, CrossEntropy, Loss};
use ufm::model::{Bias, Decay, Point, Shape, orbit_dimension};
use ufm::objective::{Objective, Problem, residual_spectrum};
use ufm::solvers::{SolverSpec, Stop, minimise};
use ufm::spectra::{Level, Limits, Route, at_critical, plan};
use ufm::theory::etf_point;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asked: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    match (has("--one"), has("ladder")) {
        (true, true) => return ladder(asked[0]),
        (true, false) => return measure(asked[0]),
        _ => {}
    }
    println!("    K         d    dimension   plan MB   peak MB   seconds  index, nullity, λ_min transverse, λ_max");
    let one = |rest: &[&str]| {
        let this = std::env::current_exe().expect("this program has a path");
        let output = Command::new(this).arg("--one").args(rest).output().expect("this program runs");
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    };
    if !has("ladder") {
        let sizes = if asked.is_empty() { vec![10, 20, 40, 100] } else { asked.clone() };
        sizes.iter().for_each(|classes| one(&[&classes.to_string()]));
    }
    if asked.is_empty() || has("ladder") {
        println!(
            "focal loss, γ = 3, K = d = 60, m classes alive: value, seconds of solver and gate, seconds of the spectrum, peak MB"
        );
        let alive = if asked.is_empty() { vec![59, 50, 35, 34, 30] } else { asked };
        alive.iter().for_each(|alive| one(&["ladder", &alive.to_string()]));
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

/// One state of the ladder: an m-class simplex, the other classes at the origin; minimised at width m − 1, which keeps that form, then padded.
fn ladder(alive: usize) {
    let (classes, width) = (60, 60);
    let shape = Shape::balanced(classes, width, 1).expect("two classes or more");
    let decay = Decay { w: 0.019_559_17, h: 0.019_559_17, b: 0.01 };
    let family = ALL.iter().find(|family| family.name == "focal").expect("it is a loss");
    let problem = Problem { shape, bias: Bias::Decayed, decay, loss: (family.build)(&[3.0]), scale: 1.0 };
    // Rows of the simplex in m − 1 dimensions: the eigenvectors of I − J/m for the eigenvalue 1.
    let centred = DMatrix::from_fn(alive, alive, |i, j| f64::from(u8::from(i == j)) - 1.0 / alive as f64);
    let rows = eigen(&centred).vectors.columns(1, alive - 1).into_owned() * 8.0_f64.sqrt();
    let w = rows.resize(classes, alive - 1, 0.0);
    let started = Instant::now();
    let start = Point::from_blocks(&w, &w.transpose(), &vec![0.0; classes]);
    let narrow = problem.at_width(alive - 1);
    let outcome = minimise(&narrow, start, &SolverSpec::Lbfgs { memory: 10 }, &Stop::default(), &mut |_, _| {});
    let value = Objective::new(&narrow).value(&outcome.state.x);
    let critical =
        gate(&problem, Candidate { point: outcome.state.x, polish: true }).unwrap_or_else(|no| panic!("{}", no.reason));
    let found = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let residual = residual_spectrum(&mut Objective::new(&problem), &critical.point());
    let spectrum = at_critical(&problem, &critical, &residual, Level::Inertia, &Limits::default()).expect("it fits");
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{alive:>5} {value:.6} {found:>9.2} {seconds:>9.2} {:>6.0}  rank {}, index {:?}, nullity {:?} of {} by symmetry, λ_min {:e}, transverse {:e}, λ_max {:e}",
        peak(),
        critical.rank(),
        spectrum.index,
        spectrum.nullity,
        spectrum.nullity_symmetry,
        spectrum.lambda_min,
        spectrum.lambda_min_transverse.unwrap_or(f64::NAN),
        spectrum.lambda_max
    );
}
