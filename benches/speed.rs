//! What a user waits for, and what memory it takes: one table, `cargo bench --bench speed`.
//!
//! Every line is measured in a process of its own, so that peaks of memory do not mix; names given as arguments choose lines.
//! Times are the best of several where one takes less than a second. Targets are told beside the figures and fail nothing: speed is not a test.

#![expect(clippy::print_stdout, reason = "printing is what a bench does")]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ufm::critical::{Candidate, CriticalPoint, gate};
use ufm::linalg::eigenvalues;
use ufm::losses::{ALL, Custom, Loss};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::numeric::{gaussian, stream};
use ufm::objective::{Arrow, Objective, Problem, dense_hessian, residual_spectrum};
use ufm::rigor::prove::prove;
use ufm::solvers::{SolverSpec, Stop, minimise};
use ufm::spectra::{Level, Limits, at_critical, inertia_at};

/// A line of the table: name, what is measured, target, and how.
type Line = (&'static str, &'static str, &'static str, fn() -> Measured);

/// Seconds, megabytes (of this process where `None`), and a remark.
struct Measured {
    seconds: f64,
    megabytes: Option<f64>,
    remark: String,
}

const LINES: &[Line] = &[
    ("inertia", "exact inertia, random point, K=10 d=16 N=1000 (16,170 dimensions)", "0.25 s, 300 MB", || inertia(100)),
    ("inertia-100", "the same, N=100", "linear in N", || inertia(10)),
    ("inertia-10000", "the same, N=10,000", "linear in N", || inertia(1_000)),
    ("inertia-100000", "the same, N=100,000", "linear in N", || inertia(10_000)),
    ("dense-810", "the same by dense eigenvalues, N=40 (810 dimensions)", "", || dense(4)),
    ("dense-1770", "the same by dense eigenvalues, N=100 (1,770 dimensions)", "", || dense(10)),
    ("step-small", "value and gradient of the descent, K=10 d=16 N=1000 (more: the bench step)", "", || step(10, 16, 100)),
    ("step-large", "the same, K=100 d=128 N=10,000", "", || step(100, 128, 100)),
    ("own-focal", "a step of the focal loss written as a formula, over the built-in one", "3 ×", || {
        own_step(("ell", "-(1-p)^gamma*log(p)"), None, ("focal", &[2.0]))
    }),
    ("own-entropy", "the same, cross-entropy", "3 ×", || own_step(("ell", "-log(p)"), None, ("cross-entropy", &[]))),
    ("own-bce", "the same, BCE as a sum over logits", "3 ×", || {
        own_step(("own", "softplus(-z)"), Some(("others", "softplus(z)")), ("bce", &[]))
    }),
    ("spectrum", "whole spectrum at the minimum, K=10 d=16 N=100 (1,770 dimensions)", "", || {
        at_minimum(10, |problem, point| {
            let residual = residual_spectrum(&mut Objective::new(&problem.at_width(point.rank())), point.reduced());
            let found = at_critical(problem, point, &residual, Level::Full, &Limits::default()).expect("it fits");
            format!("{} levels, with multiplicities", found.whole.and_then(Result::ok).map_or(0, |whole| whole.len()))
        })
    }),
    ("certificate", "certificate of the minimum, K=10 d=16 N=20: orbit, inertia, global", "", || {
        at_minimum(2, |problem, point| {
            let proof = prove(problem, &point.point(), &[]).expect("it is put into a certificate");
            format!("{} claims proved", proof.certificate.map_or(0, |certificate| certificate.claims.len()))
        })
    }),
    ("quickstart", "ufm run scenarios/quickstart.toml, with proofs", "5 s", || whole_run(&["scenarios/quickstart.toml"], "")),
    ("quickstart-unproved", "the same without proofs (certify.claims=[])", "2 s", || {
        whole_run(&["scenarios/quickstart.toml", "certify.claims=[]"], "")
    }),
    ("four-losses", "ufm run scenarios/four-losses.toml (2,000 iterations a loss)", "15 s", || {
        whole_run(&["scenarios/four-losses.toml"], "")
    }),
    ("memory", "ufm run, K=100 d=128 N=100,000, momentum, 20 iterations", "614 MB = 6 × H", || {
        let keys = "model.classes=100 model.width=128 model.per_class=1000 model.bias=decayed model.decay.w=5e-5 model.decay.h=5e-5 \
                    model.decay.b=5e-5 loss.name=cross-entropy starts.name=gaussian starts.count=1 starts.seed=1 solver.name=momentum \
                    solver.step=1.0 stop.steps_max=20 stop.gradient_norm=0";
        let keys: Vec<&str> = keys.split_whitespace().collect();
        whole_run(&[&["scenarios/four-losses.toml"], &keys[..]].concat(), "H is 102.4 MB")
    }),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, name] = &arguments[..]
        && flag == "--one"
    {
        let (_, _, _, measure) = LINES.iter().find(|(known, ..)| known == name).expect("a line of the table");
        let Measured { seconds, megabytes, remark } = measure();
        let megabytes = megabytes.or_else(|| peak("self")).map_or("?".into(), |megabytes| format!("{megabytes:.0}"));
        println!("{seconds}\t{megabytes}\t{remark}");
        return;
    }
    println!("{:<72} {:>10} {:>9}   target", "", "seconds", "peak MB");
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    for (name, what, target, _) in LINES.iter().filter(|(name, ..)| wanted(name)) {
        let this = std::env::current_exe().expect("this program has a path");
        let output = Command::new(this).args(["--one", name]).stderr(Stdio::inherit()).output().expect("this program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut fields = text.trim_end_matches('\n').split('\t');
        let (seconds, megabytes) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let seconds = seconds.parse().map_or("failed".into(), |seconds: f64| format!("{seconds:.4}"));
        println!("{what:<72} {seconds:>10} {megabytes:>9}   {target}  {}", fields.next().unwrap_or_default());
    }
}

/// The most memory that a process ever held, in MB, where the system tells it.
fn peak(process: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? * 1024.0 / 1e6)
}

/// The shortest of as many runs as fit two seconds, one at least.
fn best(mut body: impl FnMut()) -> f64 {
    let (begun, mut shortest) = (Instant::now(), f64::INFINITY);
    while shortest.is_infinite() || begun.elapsed() < Duration::from_secs(2) {
        let start = Instant::now();
        body();
        shortest = shortest.min(start.elapsed().as_secs_f64());
    }
    shortest
}

/// Cross-entropy with a decayed bias, and a random point.
fn random(classes: usize, width: usize, per_class: usize) -> (Problem, Point) {
    let family = ALL.iter().find(|family| family.name == "cross-entropy").expect("it is a loss");
    let shape = Shape::balanced(classes, width, per_class).expect("the sizes are positive");
    let problem =
        Problem { shape, bias: Bias::Decayed, decay: Decay { w: 5e-4, h: 5e-4, b: 5e-4 }, loss: (family.build)(&[]), scale: 1.0 };
    let mut entries = vec![0.0; problem.dimension()];
    gaussian(&mut stream(1, "bench", 0), 0.5, &mut entries);
    let point = Point::from_vec(&problem.shape, problem.bias, entries);
    (problem, point)
}

fn inertia(per_class: usize) -> Measured {
    let (problem, point) = random(10, 16, per_class);
    let mut objective = Objective::new(&problem);
    let mut index = String::new();
    let seconds = best(|| {
        let found = inertia_at(&Arrow::new(&mut objective, &point), 0.0);
        index = format!("index {}…{} of {}", found.index.low, found.index.high, problem.dimension());
    });
    Measured { seconds, megabytes: None, remark: index }
}

/// `body` at the minimum of K = 10, d = 16, decays 5e-3, which is found and polished first.
fn at_minimum(per_class: usize, body: impl Fn(&Problem, &CriticalPoint) -> String) -> Measured {
    let (mut problem, start) = random(10, 16, per_class);
    problem.decay = Decay { w: 5e-3, h: 5e-3, b: 5e-3 };
    let outcome = minimise(&problem, start, &SolverSpec::TrustRegion { radius: 1.0 }, &Stop::default(), &mut |_, _| {});
    let point = gate(&problem, Candidate { point: outcome.state.x, polish: true }).expect("a minimum passes the gate");
    let mut remark = String::new();
    let seconds = best(|| remark = body(&problem, &point));
    Measured { seconds, megabytes: None, remark }
}

/// Dense eigenvalues at K=10, d=16, and what they would take at 16,170 dimensions, where time grows with the cube and memory with the square.
fn dense(per_class: usize) -> Measured {
    let (problem, point) = random(10, 16, per_class);
    let mut objective = Objective::new(&problem);
    let seconds = best(|| drop(black_box(eigenvalues(&dense_hessian(&mut objective, &point)))));
    let larger = 16_170.0 / problem.dimension() as f64;
    let remark = format!("→ {:.0} s and at least {:.1} GB at 16,170", seconds * larger.powi(3), 16_170.0_f64.powi(2) * 8e-9);
    Measured { seconds, megabytes: None, remark }
}

fn step(classes: usize, width: usize, per_class: usize) -> Measured {
    let (problem, point) = random(classes, width, per_class);
    let mut objective = Objective::fast(&problem);
    let mut gradient = vec![0.0; problem.dimension()];
    let seconds = best(|| {
        black_box(objective.value_gradient(&point, &mut gradient));
    });
    // Z = WH, GHᵀ and WᵀG: three products of 2KdN operations.
    let operations = 6.0 * (classes * width) as f64 * problem.shape.samples() as f64;
    Measured { seconds, megabytes: None, remark: format!("{:.1} GF/s of products", operations / seconds / 1e9) }
}

/// A step at K=10, d=16, N=1000 with a loss given by formulas, and how many times longer than with the built-in one it takes: the two alternate, and the best of each counts.
fn own_step(first: (&str, &str), second: Option<(&str, &str)>, (name, parameters): (&str, &[f64])) -> Measured {
    let (problem, point) = random(10, 16, 100);
    let texts = std::iter::once(first).chain(second).map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
    let values = parameters.iter().map(|&value| ("gamma".to_owned(), value)).collect();
    let own = Custom::new(&texts, &values).expect("a formula of the grammar");
    let family = ALL.iter().find(|family| family.name == name).expect("it is a loss");
    let own = Problem { loss: Loss::Custom(own.into()), ..problem.clone() };
    let built_in = Problem { loss: (family.build)(parameters), ..problem };
    let mut gradient = vec![0.0; own.dimension()];
    let (mut of_own, mut of_built_in) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..5 {
        for (problem, best_of) in [(&own, &mut of_own), (&built_in, &mut of_built_in)] {
            let mut objective = Objective::fast(problem);
            *best_of = best_of.min(best(|| {
                black_box(objective.value_gradient(&point, &mut gradient));
            }));
        }
    }
    Measured { seconds: of_own, megabytes: None, remark: format!("{:.2} × the built-in one", of_own / of_built_in) }
}

/// The command from its start to its end, as a user sees it.
fn whole_run(arguments: &[&str], remark: &str) -> Measured {
    let out = std::env::temp_dir().join(format!("ufm-bench-{}", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_ufm"));
    command.arg("run").args(arguments).args(["--quiet", "--overwrite", "--out"]).arg(&out);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().expect("the command starts");
    let (process, mut megabytes) = (child.id().to_string(), None);
    let status = loop {
        // The high-water mark only grows, so the last reading is the peak up to 2 ms before the end.
        megabytes = peak(&process).or(megabytes);
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let seconds = start.elapsed().as_secs_f64();
    // Left-overs in the system's temporary folder are harmless.
    let _ = std::fs::remove_dir_all(&out);
    let remark = if status.success() { remark.to_owned() } else { format!("{remark} ({status})") };
    Measured { seconds, megabytes: Some(megabytes.unwrap_or(f64::NAN)), remark }
}
