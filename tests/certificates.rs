//! Certificates end to end: proved, checked, checked again by a second checker in another language, corrupted, and asked for what is false.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nalgebra::DMatrix;
use rand::RngExt;
use serde_json::Value;
use ufm::critical::{Candidate, gate};
use ufm::linalg::eigenvalues;
use ufm::losses::{ALL, Custom, Loss};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::numeric::stream;
use ufm::objective::{Objective, Problem, dense_hessian, residual_spectrum};
use ufm::rigor::certificate::{Certificate, Claim, Nature};
use ufm::rigor::check::{check, check_claims};
use ufm::rigor::prove::{Goal, prove, prove_box};
use ufm::rigor::{canonical, hexadecimal, parse_hexadecimal, seal};
use ufm::solvers::{SolverSpec, Stop, minimise};
use ufm::starts::{StartSpec, expand};

const ALL_BIASES: [Bias; 3] = [Bias::None, Bias::Free, Bias::Decayed];

fn loss(name: &str, parameters: &[f64]) -> Loss {
    (ALL.iter().find(|family| family.name == name).unwrap().build)(parameters)
}

fn all_losses() -> Vec<Loss> {
    vec![
        loss("cross-entropy", &[]),
        loss("label-smoothing", &[0.1]),
        loss("focal", &[2.0]),
        loss("mse", &[1.0, 1.0]),
        loss("bce", &[]),
        loss("poly-loss", &[2.0]),
        own("-(1-p)^gamma*log(p) - 0.1*expm1(2*log(p))", &[("gamma", 1.5)]),
    ]
}

/// A loss of the user's own.
fn own(ell: &str, parameters: &[(&str, f64)]) -> Loss {
    let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    Loss::Custom(Custom::new(&[("ell".to_owned(), ell.to_owned())].into(), &parameters).unwrap().into())
}

fn problem(sizes: &[usize], width: usize, bias: Bias, decay: (f64, f64, f64), loss: Loss) -> Problem {
    let shape = Shape::new(width, sizes).unwrap();
    let decay = Decay { w: decay.0, h: decay.1, b: if bias == Bias::Decayed { decay.2 } else { 0.0 } };
    Problem { shape, bias, decay, loss, scale: 1.0 }
}

/// Where gaussian starts and the rank ladder lead.
fn points(problem: &Problem, starts: &[StartSpec]) -> Vec<Point> {
    expand(starts, problem)
        .iter()
        .map(|begin| {
            let narrow = problem.at_width(begin.width);
            let start = begin.point(problem).unwrap().unwrap();
            let stop = Stop { steps_max: 2000, ..Stop::default() };
            let outcome = minimise(&narrow, start, &SolverSpec::Lbfgs { memory: 10 }, &stop, &mut |_, _| {});
            match gate(problem, Candidate { point: outcome.state.x, polish: true }) {
                Ok(critical) => critical.point(),
                Err(refused) => refused.point,
            }
        })
        .collect()
}

fn ladder() -> Vec<StartSpec> {
    vec![StartSpec::RankLadder { count: 1, scale: 1.0, seed: 2 }]
}

fn gaussian(count: usize) -> Vec<StartSpec> {
    vec![StartSpec::Gaussian { count, scale: 1.0, seed: 1 }]
}

/// Certificates of at most 21 unknowns: every loss, every bias, every rank.
fn small_certificates() -> Vec<Certificate> {
    static ONCE: OnceLock<Vec<Certificate>> = OnceLock::new();
    ONCE.get_or_init(make_small_certificates).clone()
}

fn make_small_certificates() -> Vec<Certificate> {
    let mut out = Vec::new();
    for loss in all_losses() {
        for bias in ALL_BIASES {
            let problem = problem(&[1, 1, 1], 3, bias, (0.05, 0.02, 0.01), loss.clone());
            for point in points(&problem, &ladder()) {
                out.extend(prove(&problem, &point, &[]).unwrap().certificate);
            }
        }
    }
    assert!(out.len() >= 45, "{} certificates", out.len());
    out
}

/// What the second checker says of each text, or `None` where there is no Python with mpmath.
fn second_opinion(texts: &[String]) -> Option<Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second-checker/check.py");
    let known = Command::new("python3").args(["-c", "import mpmath"]).stderr(Stdio::null()).status();
    if !known.is_ok_and(|status| status.success()) {
        #[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
        {
            eprintln!("SKIPPED: the second checker needs python3 with mpmath");
        }
        return None;
    }
    let mut child =
        Command::new("python3").arg(script).arg("--lines").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = texts.iter().map(|text| text.trim_end().to_owned() + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let verdicts: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(verdicts.len(), texts.len());
    Some(verdicts)
}

fn accepts(text: &str) -> bool {
    check(text).is_ok_and(|report| report.accepted)
}

#[test]
fn both_checkers_accept_every_small_certificate() {
    let texts: Vec<String> = small_certificates().iter().map(Certificate::text).collect();
    for text in &texts {
        let report = check(text).unwrap();
        assert!(report.accepted, "{:?}", report.reason());
        // What is read is what was written.
        let (read, sealed) = Certificate::read(text).unwrap();
        assert!(sealed && read.text() == *text);
    }
    for verdict in second_opinion(&texts).into_iter().flatten() {
        assert_eq!(verdict, "accepted");
    }
}

#[test]
fn quickstart_points_are_proved() {
    for loss in [loss("cross-entropy", &[]), loss("label-smoothing", &[0.1]), loss("focal", &[2.0]), loss("mse", &[1.0, 1.0])] {
        let problem = problem(&[5; 4], 6, Bias::Decayed, (5e-3, 2e-3, 1e-2), loss.clone());
        for (rank, point) in points(&problem, &ladder()).iter().enumerate() {
            let proof = prove(&problem, point, &[]).unwrap();
            let kinds: Vec<&str> = proof.claims.iter().map(|claim| claim.kind).collect();
            assert!(
                proof.claims.iter().all(|claim| claim.accepted) && kinds.contains(&"gap"),
                "{loss} {rank}: {:?}",
                proof.undecided
            );
            // The saddles of MSE of rank 1 and 2 have more zeros than symmetry explains.
            if loss.name() == "mse" && (rank == 1 || rank == 2) {
                assert!(proof.undecided.iter().any(|(_, reason)| reason.contains("degenerate")), "{:?}", proof.undecided);
                assert!(kinds.contains(&"negative-curvature"));
                continue;
            }
            let certificate = proof.certificate.unwrap();
            let inertia = certificate.claims.iter().find_map(|claim| match claim {
                Claim::Inertia { index, nullity, .. } => Some((*index, *nullity)),
                _ => None,
            });
            let orbit = (rank * 6 - rank * (rank + 1) / 2) as u64;
            assert_eq!(inertia, Some(([18, 10, 4, 0][rank], orbit)), "{loss} {rank}: {:?}", proof.undecided);
            assert_eq!(kinds.contains(&"global-minimum"), rank == 3 && loss.name() != "focal", "{loss} {rank}");
            assert_eq!(kinds.contains(&"negative-curvature"), rank < 3, "{loss} {rank}");
            // The minima are simplex ETFs exactly; the focal loss's, which is not convex, is global by the contrastive bound.
            assert_eq!(
                kinds.contains(&"simplex-etf"),
                rank == 3 && loss.name() != "mse" && loss.name() != "focal",
                "{loss} {rank}"
            );
            assert_eq!(kinds.contains(&"global-simplex-etf"), rank == 3 && loss.name() == "focal", "{loss} {rank}");
        }
    }
}

#[test]
fn spurious_minima_of_the_bottleneck_are_proved() {
    let problem = problem(&[2; 5], 2, Bias::Decayed, (0.01, 0.01, 0.01), loss("cross-entropy", &[]));
    let mut values = Vec::new();
    for point in points(&problem, &gaussian(16)) {
        let proof = prove(&problem, &point, &[Goal::LocalMinimum]).unwrap();
        for claim in proof.certificate.into_iter().flat_map(|certificate| certificate.claims) {
            if let Claim::Inertia { index: 0, nullity: 1, nature: Nature::StrictLocalMinimum, value, .. } = claim {
                values.push(value);
            }
        }
        // Neither is proved global: there are singular values above μ.
        assert!(prove(&problem, &point, &[Goal::GlobalMinimum]).unwrap().certificate.is_none());
    }
    for known in [0.402_072_76, 0.432_872_63] {
        assert!(values.iter().any(|value| (value.mid() - known).abs() < 1e-8 && value.width() < 1e-7), "{known}: {values:?}");
    }
}

#[test]
fn the_focal_loss_has_a_proved_spurious_minimum() {
    // K = 60, γ = 3, ε = .01955917: W = H = 0 is a strict local minimum, and another point lies below it.
    for bias in [Bias::None, Bias::Free] {
        let epsilon = 0.019_559_17;
        let problem = problem(&[1; 60], 60, bias, (epsilon, epsilon, 0.01), loss("focal", &[3.0]));
        let zero = Point::zeros(&problem.shape, bias);
        let proof = prove(&problem, &zero, &[Goal::LocalMinimum]).unwrap();
        let certificate = proof.certificate.unwrap_or_else(|| panic!("{bias:?}: {:?}", proof.undecided));
        let Claim::Inertia { index: 0, value, .. } = &certificate.claims[0] else { panic!("{:?}", certificate.claims) };
        // The simplex of scale s: W = H = √s P, as in the closed form.
        let (k, s) = (60.0, focal_scale(60.0, epsilon, 3.0));
        let entry = |i: usize, j: usize| f64::sqrt(s) * (if i == j { 1.0 } else { 0.0 } - 1.0 / k);
        let (w, h) = (DMatrix::from_fn(60, 60, entry), DMatrix::from_fn(60, 60, entry));
        let b = if bias == Bias::None { vec![] } else { vec![0.0; 60] };
        let lower = Objective::new(&problem).value(&Point::from_blocks(&w, &h, &b));
        assert!(lower < value.lo() - 0.03 && (lower - 3.848_348).abs() < 1e-5, "{bias:?}: {lower} against {value}");
    }
}

/// The larger root s of (1−p)η(p) = (K−1)ε, by bisection on the branch of p near 1.
fn focal_scale(k: f64, epsilon: f64, gamma: f64) -> f64 {
    let defect = |s: f64| {
        let odds = (k - 1.0) * (-s).exp();
        let (p, c) = (1.0 / (1.0 + odds), odds / (1.0 + odds));
        c * (c.powf(gamma) - gamma * p * c.powf(gamma - 1.0) * p.ln()) - (k - 1.0) * epsilon
    };
    // (1−p)η(p) is largest near p_c = .0575, s = 1.28, and falls from there.
    let (mut low, mut high) = (1.3, 30.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if defect(middle) > 0.0 { low = middle } else { high = middle }
    }
    low
}

#[test]
fn only_simplex_etfs_are_proved_to_be_some() {
    // Unequal classes: a minimum of rank K − 1 that is none.
    let unequal = problem(&[3, 2, 1], 3, Bias::Decayed, (0.01, 0.01, 0.01), loss("cross-entropy", &[]));
    let point = &points(&unequal, &gaussian(1))[0];
    assert!(prove(&unequal, point, &[Goal::SimplexEtf]).unwrap().certificate.is_none());
    // The pentagon.
    let narrow = problem(&[2; 5], 2, Bias::Decayed, (0.01, 0.01, 0.01), loss("cross-entropy", &[]));
    let point = &points(&narrow, &gaussian(1))[0];
    assert!(prove(&narrow, point, &[Goal::SimplexEtf]).unwrap().certificate.is_none());
    // A true one with its scale moved, or claimed with too narrow a ball.
    let balanced = problem(&[2; 3], 3, Bias::Free, (0.01, 0.02, 0.0), loss("focal", &[3.0]));
    let point = &points(&balanced, &gaussian(1))[0];
    let good = prove(&balanced, point, &[Goal::GlobalMinimum]).unwrap().certificate.unwrap();
    plausible(&good).unwrap();
    let Claim::GlobalSimplexEtf { scale: true_scale, .. } = good.claims[0] else { panic!("{:?}", good.claims) };
    for change in [1.0 - 1e-9, 1.0 + 1e-9, 2.0] {
        let mut bad = good.clone();
        let Claim::GlobalSimplexEtf { scale, .. } = &mut bad.claims[0] else { panic!() };
        *scale = true_scale * change;
        assert!(!check_claims(&bad)[0].accepted);
    }
    let mut bad = good.clone();
    bad.center.w[0] += 1e-6;
    assert!(!check_claims(&bad)[0].accepted);
    for verdict in second_opinion(&[good.text(), bad.text()]).into_iter().take(1) {
        assert!(verdict[0] == "accepted" && verdict[1].starts_with("refused"), "{verdict:?}");
    }
}

#[test]
fn gaps_of_imbalanced_problems_are_tiny() {
    for loss in [loss("cross-entropy", &[]), loss("label-smoothing", &[0.1]), loss("mse", &[1.0, 1.0]), loss("bce", &[])] {
        for bias in ALL_BIASES {
            let problem = problem(&[8, 4, 2, 1, 1], 5, bias, (5e-3, 2e-3, 1e-2), loss.clone());
            let point = &points(&problem, &gaussian(1))[0];
            let proof = prove(&problem, point, &[Goal::Gap]).unwrap();
            let certificate = proof.certificate.unwrap_or_else(|| panic!("{loss} {bias:?}: {:?}", proof.undecided));
            let Claim::Gap { gap, .. } = &certificate.claims[0] else { panic!() };
            assert!(*gap < 1e-9 && *gap >= 0.0, "{loss} {bias:?}: {gap}");
        }
    }
}

#[test]
fn false_claims_are_not_proved() {
    let problem = problem(&[2; 4], 3, Bias::Decayed, (5e-3, 5e-3, 1e-2), loss("cross-entropy", &[]));
    let found = points(&problem, &ladder());
    let (saddle, minimum) = (&found[2], found.last().unwrap());
    for (point, goals) in [
        (saddle, vec![Goal::LocalMinimum]),
        (saddle, vec![Goal::GlobalMinimum]),
        (minimum, vec![Goal::StrictSaddle]),
        (minimum, vec![Goal::NegativeCurvature]),
    ] {
        let proof = prove(&problem, point, &goals).unwrap();
        assert!(proof.certificate.is_none() && proof.undecided.len() == 1, "{goals:?}: {:?}", proof.claims);
    }
    // A point that is not critical: no orbit, but a gap.
    let mut moved = saddle.clone();
    moved.as_mut_slice().iter_mut().enumerate().for_each(|(i, x)| *x += 0.3 * (i as f64).sin());
    let proof = prove(&problem, &moved, &[]).unwrap();
    assert!(proof.undecided.iter().any(|(goal, reason)| *goal == Goal::CriticalOrbit && reason.contains("not critical")));
    assert_eq!(proof.claims.iter().filter(|claim| claim.kind == "gap").count(), 1);

    // Claims that are false by a little, put to the checker directly.
    let good = prove(&problem, saddle, &[Goal::Inertia]).unwrap().certificate.unwrap();
    let refused = |change: &dyn Fn(&mut Claim)| {
        let mut bad = good.clone();
        change(&mut bad.claims[0]);
        let report = check_claims(&bad).swap_remove(0);
        assert!(!report.accepted, "{:?}", bad.claims);
    };
    let as_inertia = |claim: &mut Claim, change: &dyn Fn(&mut u64, &mut u64, &mut Nature)| {
        let Claim::Inertia { index, nullity, nature, .. } = claim else { panic!() };
        change(index, nullity, nature);
    };
    refused(&|claim| as_inertia(claim, &|index, _, _| *index += 1));
    refused(&|claim| as_inertia(claim, &|index, _, _| *index -= 1));
    refused(&|claim| as_inertia(claim, &|_, nullity, _| *nullity += 1));
    refused(&|claim| as_inertia(claim, &|_, _, nature| *nature = Nature::StrictLocalMinimum));
    refused(&|claim| {
        let Claim::Inertia { location, value, .. } = claim else { panic!() };
        *claim = Claim::GlobalMinimum { location: *location, value: *value };
    });
}

#[test]
fn boxes_of_decays_are_proved_and_cannot_be_too_wide() {
    // What holds for a whole box holds for the problems at its corners, each proved on its own.
    let whole = problem(&[1, 1, 1], 3, Bias::Decayed, (0.05, 0.02, 0.01), loss("cross-entropy", &[]));
    let point = &points(&whole, &gaussian(1))[0];
    let goals = [Goal::Inertia, Goal::GlobalMinimum, Goal::Gap];
    for spread in [1e-9, 1e-7] {
        let proof = prove_box(&whole, point, &goals, spread).unwrap();
        assert!(proof.undecided.is_empty() && proof.claims.iter().all(|claim| claim.accepted), "{spread}: {:?}", proof.undecided);
        let certificate = proof.certificate.unwrap();
        assert!(!certificate.instance.decay_w.is_point());
        for verdict in second_opinion(&[certificate.text()]).into_iter().flatten() {
            assert_eq!(verdict, "accepted");
        }
        for sign in [-1.0, 1.0] {
            let corner = (0.05 * (1.0 + 0.99 * sign * spread), 0.02 * (1.0 - 0.99 * spread), 0.01);
            let corner = problem(&[1, 1, 1], 3, Bias::Decayed, corner, loss("cross-entropy", &[]));
            let own = prove(&corner, point, &[Goal::GlobalMinimum]).unwrap().certificate.unwrap();
            let Claim::GlobalMinimum { value, .. } = &own.claims[0] else { panic!() };
            for claim in &certificate.claims {
                match claim {
                    Claim::GlobalMinimum { value: whole, .. } => assert!(value.is_subset(*whole), "{value} {whole}"),
                    Claim::Gap { lower_bound, .. } => assert!(*lower_bound <= value.hi()),
                    _ => {}
                }
            }
        }
    }
    let wide = prove_box(&whole, point, &goals, 0.3).unwrap();
    assert!(wide.undecided.iter().any(|(goal, _)| *goal == Goal::Inertia), "{:?}", wide.claims);
    assert!(prove_box(&whole, point, &goals, f64::NAN).is_err());
}

// ---- corruptions

/// Paths to every leaf of a document.
fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{path}/{at}"), out)),
        _ => out.push(path.to_owned()),
    }
}

/// Ways to corrupt one leaf: sign, last digit, size, small relative changes; other names; neighbouring integers.
fn corrupted(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::String(text) => match parse_hexadecimal(text) {
            Some(x) => {
                let changed =
                    [-x, x.next_up(), x.next_down(), 2.0 * x, 0.5 * x, x * (1.0 + 1e-6), x + 0.1, 0.0, 1e-3, 1e6, 1e-300];
                changed.into_iter().filter(|y| y.is_finite()).map(|y| hexadecimal(y).into()).collect()
            }
            None => [
                "bce",
                "mse",
                "cross-entropy",
                "focal",
                "free",
                "none",
                "decayed",
                "strict-saddle",
                "strict-local-minimum",
                "dual",
                "contrastive",
                "inertia",
                "",
            ]
            .map(Value::from)
            .to_vec(),
        },
        Value::Number(n) => {
            let n = n.as_u64().unwrap();
            [n + 1, n.saturating_sub(1), 0, 1 << 40].map(Value::from).to_vec()
        }
        _ => vec![],
    }
}

fn sealed(mut document: Value) -> String {
    document["seal"] = seal(&document).into();
    canonical(&document)
}

/// The loss of a certificate that holds formulas, parameters at their middles.
fn own_loss(instance: &ufm::rigor::certificate::Instance) -> Loss {
    use ufm::rigor::IntervalLoss as L;
    let formulas = match &instance.loss {
        L::OfTrueClass(ell) => vec![("ell", ell)],
        L::PerLogit { own, others } => vec![("own", own), ("others", others)],
        other => panic!("{other:?} holds no formula"),
    };
    let texts = formulas.iter().map(|(key, formula)| ((*key).to_owned(), formula.expression().to_string())).collect();
    let parameters = formulas
        .iter()
        .flat_map(|(_, formula)| formula.parameters())
        .map(|(name, value)| (name.to_owned(), value.mid()))
        .collect();
    Loss::Custom(Custom::new(&texts, &parameters).unwrap().into())
}

/// Whether the claims of an accepted certificate are true, by floats and without anything of `rigor`: dense eigenvalues, a minimisation, residuals.
fn plausible(certificate: &Certificate) -> Result<(), String> {
    let instance = &certificate.instance;
    let shape = Shape::with_labels(instance.classes, instance.width, instance.labels.clone());
    // A class without samples is legal in a certificate, and no problem of this program.
    let Ok(shape) = shape else { return Ok(()) };
    use ufm::rigor::IntervalLoss as L;
    use ufm::rigor::certificate::BiasMode;
    let loss = match &instance.loss {
        L::CrossEntropy => loss("cross-entropy", &[]),
        L::LabelSmoothing { alpha } => loss("label-smoothing", &[alpha.mid()]),
        L::Focal { gamma } => loss("focal", &[gamma.mid()]),
        L::Mse { kappa, target } => loss("mse", &[kappa.mid(), target.mid()]),
        L::Bce => loss("bce", &[]),
        L::OfTrueClass(_) | L::PerLogit { .. } => own_loss(instance),
    };
    let bias = match instance.bias {
        BiasMode::None => Bias::None,
        BiasMode::Free => Bias::Free,
        BiasMode::Decayed => Bias::Decayed,
    };
    let decay = Decay { w: instance.decay_w.mid(), h: instance.decay_h.mid(), b: instance.decay_b.mid() };
    let problem = Problem { shape, bias, decay, loss, scale: instance.scale.mid() };
    let (r, d) = (certificate.center.width, instance.width);
    let narrow = problem.at_width(r);
    let w = DMatrix::from_row_slice(instance.classes, r, &certificate.center.w);
    let h = DMatrix::from_column_slice(r, instance.labels.len(), &certificate.center.h);
    let x = Point::from_blocks(&w, &h, &certificate.center.b);
    let mut objective = Objective::new(&narrow);
    let mut gradient = vec![0.0; narrow.dimension()];
    let value = objective.value_gradient(&x, &mut gradient);
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    let sigma = residual_spectrum(&mut objective, &x).singular_values;
    let escaping = sigma.iter().filter(|&&s| s > decay.mu() * (1.0 + 1e-6)).count();
    let hessian = eigenvalues(&dense_hessian(&mut objective, &x));
    let zeros = r * r.saturating_sub(1) / 2 + usize::from(problem.shifts_bias_freely());
    let must = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    let near = |set: ufm::numeric::interval::Interval, y: f64, slack: f64| set.lo() - slack <= y && y <= set.hi() + slack;
    for claim in &certificate.claims {
        if let Claim::CriticalOrbit(location) | Claim::Inertia { location, .. } | Claim::GlobalMinimum { location, .. } = claim {
            must(norm <= 0.5 * location.separation * location.radius + 1e-13, "the gradient is not small")?;
            let small = hessian.iter().filter(|x| x.abs() < 0.99 * location.separation).count();
            must(small == zeros, "zeros of the Hessian")?;
        }
        match claim {
            Claim::Inertia { location, index, nullity, value: set, .. } => {
                let negative = hessian.iter().filter(|&&x| x < -0.5 * location.separation).count();
                must(*index == (negative + (d - r) * escaping) as u64, "index")?;
                must(*nullity == (zeros + r * (d - r)) as u64, "nullity")?;
                must(near(*set, value, 1e-9 + norm * location.radius), "value")?;
            }
            Claim::GlobalMinimum { location, value: set } => {
                must(escaping == 0 && problem.loss.function().convex(), "global")?;
                must(near(*set, value, 1e-9 + norm * location.radius), "value")?;
            }
            Claim::Gap { value: set, lower_bound, gap, .. } => {
                must(near(*set, value, 1e-12), "value")?;
                must(value - lower_bound <= gap + 1e-12, "gap")?;
                let stop = Stop { steps_max: 300, ..Stop::default() };
                for start in [x.embed(&DMatrix::identity(d, r)), Point::zeros(&problem.shape, problem.bias)] {
                    let lowest = minimise(&problem, start, &SolverSpec::Lbfgs { memory: 10 }, &stop, &mut |_, _| {}).state.value;
                    must(!(lowest < lower_bound - 1e-10), "a point below the lower bound")?;
                }
            }
            Claim::NegativeCurvature { curvature, .. } => {
                let wide = x.embed(&DMatrix::identity(d, r));
                let lowest = eigenvalues(&dense_hessian(&mut Objective::new(&problem), &wide))[0];
                must(lowest <= -curvature + 1e-10, "curvature")?;
            }
            Claim::SimplexEtf { scale, .. } | Claim::GlobalSimplexEtf { scale, .. } => {
                // WWᵀ ∝ P and the margin, by floats.
                let gram = &w * w.transpose();
                let classes = instance.classes as f64;
                let size = gram.trace() / (classes - 1.0);
                let etf = |k: usize, l: usize| size * (if k == l { 1.0 } else { 0.0 } - 1.0 / classes);
                let all = (0..instance.classes).flat_map(|k| (0..instance.classes).map(move |l| (k, l)));
                must(all.clone().all(|(k, l)| (gram[(k, l)] - etf(k, l)).abs() <= 1e-6 * size), "no simplex ETF")?;
                let margin = (w.row(instance.labels[0]) * h.column(0))[0] * classes / (classes - 1.0);
                must((margin - scale.mid()).abs() <= 1e-6 * margin, "scale")?;
            }
            Claim::CriticalOrbit(_) => {}
            // `tests/certificates_partial.rs` has their oracle.
            Claim::PartialState { .. } | Claim::GlobalState { .. } | Claim::NotGlobal { .. } => must(false, "not expected here")?,
        }
        if let Claim::SimplexEtf { location, .. } | Claim::GlobalSimplexEtf { location, .. } = claim {
            must(norm <= 0.5 * location.separation * location.radius + 1e-13, "the gradient is not small")?;
        }
        if let Claim::GlobalSimplexEtf { value: set, .. } = claim {
            must(near(*set, value, 1e-9), "value")?;
            let start = Point::zeros(&problem.shape, problem.bias);
            let stop = Stop { steps_max: 300, ..Stop::default() };
            let lowest = minimise(&problem, start, &SolverSpec::Lbfgs { memory: 10 }, &stop, &mut |_, _| {}).state.value;
            must(!(lowest < set.lo() - 1e-10), "a point below the minimum")?;
        }
    }
    Ok(())
}

#[test]
fn the_oracle_of_truth_catches_false_claims() {
    let mut planted = small_certificates().into_iter().find(|certificate| certificate.claims.len() >= 4).unwrap();
    plausible(&planted).unwrap();
    for claim in &mut planted.claims {
        if let Claim::Gap { lower_bound, value, .. } = claim {
            *lower_bound = value.hi() + 0.01;
        }
    }
    assert!(plausible(&planted).is_err());
}

/// Checks a corrupted text: an accepted one must be true. Returns whether it was accepted.
fn sound(text: &str, what: &str) -> bool {
    let Ok(report) = check(text) else { return false };
    if report.accepted {
        let (certificate, _) = Certificate::read(text).unwrap();
        plausible(&certificate).unwrap_or_else(|error| panic!("{what}: accepted, and false: {error}"));
    }
    report.accepted
}

#[test]
fn every_corrupted_field_is_refused_where_the_claim_becomes_false() {
    let (mut tried, mut accepted, mut sample) = (0, 0, Vec::new());
    for (number, certificate) in small_certificates().iter().enumerate().filter(|(number, _)| number % 9 == 1) {
        let document = certificate.document();
        let mut paths = Vec::new();
        leaves(&document, "", &mut paths);
        for path in paths.iter().filter(|path| *path != "/seal") {
            for replacement in corrupted(document.pointer(path).unwrap()) {
                let mut bad = document.clone();
                if bad.pointer(path) == Some(&replacement) {
                    continue;
                }
                *bad.pointer_mut(path).unwrap() = replacement.clone();
                assert!(!accepts(&canonical(&bad)), "an open seal is refused");
                let text = sealed(bad);
                tried += 1;
                accepted += usize::from(sound(&text, &format!("{number} {path} ← {replacement}")));
                if tried % 29 == 0 {
                    sample.push(text);
                }
            }
        }
    }
    assert!(tried > 2000, "{tried} corruptions");
    // Changes in a last digit leave most claims true: some must be accepted, or nothing was tested.
    assert!(accepted > tried / 20 && accepted < tried / 2, "{accepted} of {tried}");
    // The second checker may accept more, but nothing that is false.
    let verdicts = second_opinion(&sample).unwrap_or_default();
    let mut agreed = 0;
    for (text, verdict) in sample.iter().zip(&verdicts) {
        agreed += usize::from((verdict == "accepted") == accepts(text));
        if verdict == "accepted" {
            let (certificate, _) = Certificate::read(text).unwrap();
            plausible(&certificate).unwrap_or_else(|error| panic!("the second checker accepts what is false: {error}"));
        }
    }
    assert!(agreed >= verdicts.len() * 9 / 10, "the checkers agree on {agreed} of {} only", verdicts.len());
}

#[test]
fn random_corruptions_are_never_accepted_when_false() {
    let certificates: Vec<Value> = small_certificates().iter().map(Certificate::document).collect();
    let mut random = stream(5, "corruptions", 0);
    // UFM_CORRUPTIONS=10000 for a longer search.
    let rounds = std::env::var("UFM_CORRUPTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000);
    for round in 0..rounds {
        let mut bad = certificates[random.random_range(0..certificates.len())].clone();
        let mut paths = Vec::new();
        leaves(&bad, "", &mut paths);
        for _ in 0..random.random_range(1..4) {
            let path = &paths[random.random_range(0..paths.len())];
            let Some(place) = bad.pointer_mut(path) else { continue };
            let choices = corrupted(place);
            if !choices.is_empty() {
                *place = choices[random.random_range(0..choices.len())].clone();
            }
        }
        // Rows exchanged, a claim dropped or repeated.
        match random.random_range(0..6) {
            0 => bad["point"]["w"].as_array_mut().unwrap().swap(0, 1),
            1 => bad["point"]["h"].as_array_mut().unwrap().swap(0, 1),
            2 => bad["problem"]["labels"].as_array_mut().unwrap().swap(0, 1),
            3 => bad["claims"].as_array_mut().unwrap().reverse(),
            _ => {}
        }
        sound(&sealed(bad), &format!("round {round}"));
    }
}

#[test]
fn hostile_texts_are_malformed_and_nothing_panics() {
    let good = small_certificates().swap_remove(0).text();
    for cut in (0..good.len()).step_by(37) {
        assert!(check(&good[..cut]).is_err(), "cut at {cut}");
    }
    let deep = "[".repeat(100_000);
    for text in ["", "null", "[]", "{}", "{\"format\":1}", &deep, "\u{0}", "{\"format\":\"ufm.certificate/v1\"}"] {
        assert!(check(text).is_err());
    }
    let document: Value = serde_json::from_str(&good).unwrap();
    let mut paths = Vec::new();
    leaves(&document, "", &mut paths);
    for path in &paths {
        for replacement in [
            Value::Null,
            Value::from(-1),
            Value::from(0.5),
            Value::from(u64::MAX),
            serde_json::json!([]),
            serde_json::json!({}),
            "0x1p0".into(),
            "é".into(),
            "a\"b".into(),
        ] {
            let mut bad = document.clone();
            *bad.pointer_mut(path).unwrap() = replacement;
            bad["seal"] = "0".repeat(64).into();
            assert!(!accepts(&serde_json::to_string(&bad).unwrap()));
        }
    }
    // Huge sizes in a small text are refused before anything of that size is made.
    for (path, value) in
        [("/problem/classes", 4096_u64), ("/problem/width", 1 << 20), ("/point/width", 3), ("/problem/classes", 1 << 60)]
    {
        let mut bad = document.clone();
        *bad.pointer_mut(path).unwrap() = value.into();
        assert!(!accepts(&sealed(bad)), "{path}");
    }
}
