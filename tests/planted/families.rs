//! Families of plants whose truth is a closed form or an exact count: minima, phases, origins, ladders of MSE, the focal loss's transition.

use nalgebra::DVector;
use ufm::losses::{GeneralizedCrossEntropy, Loss, PolyLoss};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::objective::Problem;

use super::chance::Chance;
use super::forms::{self, BCE, CROSS_ENTROPY, Form, Mode, balanced, epsilon, orbit, shift};
use super::truth::{Nature, Plant, Soft, Truth};

const BIASES: [Bias; 3] = [Bias::None, Bias::Free, Bias::Decayed];

/// A change of relative size `size`, as a solver leaves one.
pub(crate) fn perturbed(chance: &mut Chance, mut point: Point, size: f64) -> Point {
    let noise = chance.normal(point.as_slice().len(), 1);
    let entries = (point.as_slice().len() as f64).sqrt();
    let norm = point.as_slice().iter().map(|x| x * x).sum::<f64>().sqrt();
    point.as_mut_slice().iter_mut().zip(noise.iter()).for_each(|(x, noise)| *x += size * norm / entries * noise);
    point
}

/// The symmetric minimum of any loss, where it is a theorem that it is one.
pub(crate) fn symmetric(problem: &Problem) -> Form {
    let (classes, decay_b) = (problem.shape.classes(), problem.decay.b / problem.scale);
    let e = epsilon(problem);
    match &problem.loss {
        Loss::CrossEntropy(_) => forms::softmax_minimum(classes, e, 0.0),
        Loss::LabelSmoothing(loss) => forms::softmax_minimum(classes, e, loss.alpha),
        Loss::Focal(loss) => {
            let zero = forms::focal_value(classes as f64, loss.gamma, e, 0.0);
            let simplex = forms::focal_simplex(classes, e, loss.gamma).filter(|simplex| simplex.s > 0.0 && simplex.value < zero);
            simplex.unwrap_or(Form { s: 0.0, t: 0.0, beta: 0.0, value: zero })
        }
        Loss::Mse(loss) => forms::mse_minimum(classes, e, problem.bias, decay_b, (loss.kappa, loss.target)),
        Loss::Bce(_) => forms::bce_minimum(classes, e, problem.bias, decay_b),
        _ => unreachable!("no closed form here"),
    }
}

fn minimum_plant(family: &'static str, chance: &mut Chance, problem: Problem, form: Form, size: f64) -> Plant {
    let (classes, width) = (problem.shape.classes(), problem.shape.width());
    let rank = form.rank(classes);
    let point = form.point(chance, &problem);
    let point = if size > 0.0 { perturbed(chance, point, size) } else { point };
    let value = problem.scale * form.value;
    Plant {
        family,
        made: format!(
            "{} {:?} K={classes} d={width} {:?} scale {:e} perturbed {size:.0e} {form:?}",
            problem.loss, problem.bias, problem.decay, problem.scale
        ),
        point,
        polish: true,
        truth: Truth {
            critical: true,
            may_refuse: size > 0.0,
            nature: Nature::Global,
            value,
            rank,
            negative: Some(0),
            zero: Some(orbit(rank, width) + shift(&problem)),
            soft: vec![],
            least: Some(value),
        },
        problem,
    }
}

/// A loss, a bias, and the ε from which on its minimum has no simplex.
fn loss_and_edge(chance: &mut Chance, classes: usize) -> (Loss, Bias, f64) {
    let (k, bias) = (classes as f64, chance.pick(&BIASES));
    match chance.integer(0, 4) {
        0 => (CROSS_ENTROPY, bias, 1.0 / k),
        1 => {
            let alpha = chance.pick(&[0.01, 0.1, 0.5]);
            (forms::smoothing(alpha), bias, (1.0 - alpha) / k)
        }
        2 => {
            let gamma = chance.pick(&[0.5, 1.0, 2.0, 3.0]);
            (forms::focal(gamma), bias, forms::focal_pull(k, gamma, 0.0) / (k - 1.0))
        }
        3 => {
            let target = chance.pick(&[1.0, 15.0, 1e-3]);
            if bias == Bias::Free {
                let kappa = chance.pick(&[1.0, 2.0, 0.3]);
                (forms::mse(kappa, target), bias, target / ((k - 1.0) / kappa + 1.0))
            } else {
                (forms::mse(1.0, target), bias, target / k)
            }
        }
        _ => (BCE, bias, 1.0 / k),
    }
}

/// Minima at moderate settings, as they are and as a solver leaves them.
pub(crate) fn minima(index: u64) -> Plant {
    let mut chance = Chance::new("minima", index);
    let classes = chance.integer(2, 7);
    let (loss, bias, edge) = loss_and_edge(&mut chance, classes);
    let scale = chance.pick(&[1.0, 1.0, 0.5, 4.0]);
    let sizes = (classes, classes + chance.integer(0, 3), chance.integer(1, 3));
    let e = scale * edge * chance.log(1e-4, 0.95);
    let numbers = (e, chance.log(1e-2, 1e2), scale * chance.log(1e-3, 1.0));
    let problem = balanced(&mut chance, sizes, (bias, loss, scale), numbers);
    let form = symmetric(&problem);
    let size = if chance.coin() { 0.0 } else { chance.log(1e-12, 1e-4) };
    minimum_plant("minimum", &mut chance, problem, form, size)
}

/// Minima with decays over twelve decades, and as much in the loss's factor.
pub(crate) fn decades(index: u64) -> Plant {
    let mut chance = Chance::new("decades", index);
    let classes = chance.integer(2, 6);
    let (loss, bias, edge) = loss_and_edge(&mut chance, classes);
    let scale = chance.log(1e-6, 1e6);
    let sizes = (classes, classes + chance.integer(0, 2), chance.integer(1, 2));
    let e = scale * edge * chance.log(1e-12, 0.9);
    let numbers = (e, chance.log(1e-6, 1e6), scale * chance.log(1e-6, 1e6));
    let problem = balanced(&mut chance, sizes, (bias, loss, scale), numbers);
    let form = symmetric(&problem);
    minimum_plant("decays over twelve decades", &mut chance, problem, form, 0.0)
}

/// ε down to 1e-300: logits of ±700.
pub(crate) fn extreme_logits(index: u64) -> Plant {
    let mut chance = Chance::new("logits", index);
    let classes = chance.integer(2, 5);
    // Not decayed: the bias's own equation would need more than doubles at such ε.
    let bias = chance.pick(&[Bias::None, Bias::Free]);
    let (loss, e) = match chance.integer(0, 3) {
        0 => (CROSS_ENTROPY, chance.log(1e-300, 1e-10)),
        1 => (BCE, chance.log(1e-300, 1e-10)),
        2 => (forms::focal(chance.pick(&[1.0, 2.0])), chance.log(1e-200, 1e-10)),
        _ => (forms::mse(1.0, 700.0), chance.log(1e-12, 100.0)),
    };
    let sizes = (classes, classes + chance.integer(0, 1), 1);
    let numbers = (e, chance.log(0.1, 10.0), chance.log(1e-3, 1.0));
    let problem = balanced(&mut chance, sizes, (bias, loss, 1.0), numbers);
    let form = symmetric(&problem);
    minimum_plant("logits up to ±700", &mut chance, problem, form, 0.0)
}

/// BCE and MSE just beside the edges of their phases, δ from 1e-2 to 1e-12 of ε.
pub(crate) fn phase_edges(index: u64) -> Plant {
    let mut chance = Chance::new("edges", index);
    let beside = 1.0 + chance.pick(&[-1.0, 1.0]) * chance.log(1e-12, 1e-2);
    let classes = chance.integer(3, 7);
    let k = classes as f64;
    let (loss, bias, edge, decay_b) = match chance.integer(0, 5) {
        0 => {
            let edges = match classes {
                3 => vec![(2.0 - 2.0_f64.sqrt()) / 4.0, 1.0 / 3.0],
                4 => vec![0.25],
                _ => vec![1.0 / k, (k - 2.0) / (2.0 * k)],
            };
            (BCE, Bias::None, chance.pick(&edges), 0.0)
        }
        1 => (BCE, Bias::Free, 1.0 / k, 0.0),
        2 => (forms::mse(1.0, 1.0), Bias::None, 1.0 / k, 0.0),
        3 => (CROSS_ENTROPY, chance.pick(&BIASES), 1.0 / k, 0.01),
        4 => (forms::mse(1.0, 1.0), Bias::Free, 1.0 / k, 0.0),
        _ => {
            // λ_b beside ε/(M/K − ε).
            let e = chance.uniform(0.05, 0.9) / k;
            (forms::mse(1.0, 1.0), Bias::Decayed, e, e / (1.0 / k - e) * beside)
        }
    };
    let e = if bias == Bias::Decayed && matches!(loss, Loss::Mse(_)) { edge } else { edge * beside };
    let sizes = (classes, classes + chance.integer(0, 2), chance.integer(1, 2));
    let numbers = (e, chance.log(1e-1, 1e1), decay_b);
    let problem = balanced(&mut chance, sizes, (bias, loss, 1.0), numbers);
    let form = symmetric(&problem);
    let mut plant = minimum_plant("beside phase edges", &mut chance, problem, form, 0.0);
    // The order parameter is about √δ there, the softest eigenvalues about δ: which of them are above the resolution is not known here.
    plant.truth.negative = Some(0);
    plant.truth.zero = None;
    plant
}

/// Eigenvalues (λ_W+λ_H)/2 ± √(…) of the off-space plane: the lower one.
pub(crate) fn off_space(problem: &Problem, sigma: f64, times: u64) -> Soft {
    let (w, h) = (problem.decay.w, problem.decay.h);
    let (mu, upper) = (w.sqrt() * h.sqrt(), 0.5 * (w + h) + (0.5 * (w - h)).hypot(sigma));
    Soft { value: (mu - sigma) * (mu + sigma) / upper, error: 4.0 * f64::EPSILON * mu * (mu + sigma) / upper, times }
}

/// W = H = 0 with its best b: −+ by σ/μ, near the threshold and far from it.
pub(crate) fn origins(index: u64) -> Plant {
    let mut chance = Chance::new("origins", index);
    let (classes, width, n) = (chance.integer(2, 9), chance.integer(1, 9), chance.integer(1, 4));
    let (k, root_n) = (classes as f64, (n as f64).sqrt());
    let (mut bias, scale) = (chance.pick(&BIASES), chance.pick(&[1.0, 0.1, 3.0]));
    let kind = chance.integer(0, 6);
    let decay_b = if bias == Bias::Decayed { scale * chance.log(1e-3, 1.0) } else { 0.0 };
    let lb = decay_b / scale;
    // The slopes of the true and another logit at z = β1, β, the loss, and the bias's own curvature on 1^⊥ and on 1.
    let (loss, beta, own, other, curvature) = match kind {
        0 => (CROSS_ENTROPY, 0.0, 1.0 / k - 1.0, 1.0 / k, [1.0 / k, 0.0]),
        1 => {
            let alpha = chance.pick(&[0.1, 0.3]);
            (forms::smoothing(alpha), 0.0, (1.0 / k - 1.0) * (1.0 - alpha), (1.0 - alpha) / k, [1.0 / k, 0.0])
        }
        2..=4 => {
            let (loss, eta, slope) = match kind {
                2 => {
                    let gamma: f64 = chance.pick(&[1.0, 2.0, 3.0]);
                    let (p, r): (f64, f64) = (1.0 / k, 1.0 - 1.0 / k);
                    let eta = r.powf(gamma) - gamma * p * r.powf(gamma - 1.0) * p.ln();
                    let slope =
                        r.powf(gamma - 2.0) * (-2.0 * gamma * r - gamma * r * p.ln() + gamma * (gamma - 1.0) * p * p.ln());
                    (forms::focal(gamma), eta, slope)
                }
                3 => {
                    let e1 = chance.pick(&[1.0, -0.5, 3.0]);
                    (Loss::PolyLoss(PolyLoss { epsilon1: e1 }), 1.0 + e1 / k, e1)
                }
                _ => {
                    let a: f64 = chance.pick(&[0.3, 0.7, 1.0]);
                    let loss = Loss::GeneralizedCrossEntropy(GeneralizedCrossEntropy { exponent: a });
                    (loss, k.powf(-a), a * k.powf(1.0 - a))
                }
            };
            (loss, 0.0, eta * (1.0 / k - 1.0), eta / k, [(eta - slope / k) / k, 0.0])
        }
        5 => {
            let target = chance.pick(&[1.0, 10.0]);
            let beta = if bias == Bias::None { 0.0 } else { target / (k * (1.0 + lb)) };
            (forms::mse(1.0, target), beta, beta - target, beta, [1.0, 1.0])
        }
        _ => {
            if bias == Bias::Decayed {
                bias = Bias::Free;
            }
            let q: f64 = if bias == Bias::None { 0.5 } else { 1.0 / k };
            (BCE, (q / (1.0 - q)).ln(), q - 1.0, q, [q * (1.0 - q), q * (1.0 - q)])
        }
    };
    let simplex = scale * (other - own).abs() / (k * root_n);
    let mean = scale * (own + (k - 1.0) * other).abs() / (k * root_n);
    // μ beside one of the two.
    let beside = 1.0 + chance.pick(&[-1.0, 1.0]) * chance.log(1e-15, 0.5);
    let mean_matters = mean > 1e-3 * simplex && bias != Bias::Free;
    let mu = beside * if mean_matters && chance.coin() { mean } else { simplex };
    let numbers = (mu * root_n, chance.log(1e-3, 1e3), decay_b);
    let problem = balanced(&mut chance, (classes, width, n), (bias, loss, scale), numbers);
    let mu = problem.decay.w.sqrt() * problem.decay.h.sqrt();
    let copies = width as u64;
    let (mut negative, mut soft) = (0, vec![]);
    for (sigma, times) in [(simplex, copies * (classes as u64 - 1)), (mean, copies)] {
        let level = off_space(&problem, sigma, times);
        if (sigma / mu - 1.0).abs() < 1e-4 {
            // σ itself is known to a few roundings.
            soft.push(Soft { error: 4.0 * level.error, ..level });
        } else if sigma > mu {
            negative += times;
        }
    }
    let mut zero = 0;
    if bias != Bias::None {
        for (of, times) in [(curvature[0], classes as u64 - 1), (curvature[1], 1)] {
            let value = scale * of + if bias == Bias::Decayed { decay_b } else { 0.0 };
            if value.abs() < 1e-14 * scale {
                zero += times;
            } else if value < 0.0 {
                negative += times;
            }
        }
    }
    let convex = matches!(kind, 0 | 1 | 5 | 6);
    let sure_negative = negative > 0 || soft.iter().any(|soft| soft.value + soft.error < 0.0);
    let sure_positive = negative == 0 && soft.iter().all(|soft| soft.value - soft.error > 0.0);
    let nature = match (sure_negative, sure_positive) {
        (true, _) => Nature::Saddle,
        (_, true) if convex => Nature::Global,
        (_, true) => Nature::Minimum,
        _ => Nature::Unknown,
    };
    let mut point = Point::zeros(&problem.shape, bias);
    point.b_mut().fill(beta);
    let value = value_at_origin(&problem, beta);
    let least = convex.then(|| problem.scale * symmetric(&problem).value);
    let truth = Truth {
        critical: true,
        may_refuse: false,
        nature,
        value,
        rank: 0,
        negative: Some(negative),
        zero: Some(zero),
        soft,
        least,
    };
    Plant {
        family: "zero phases, both sides",
        made: format!(
            "{} {bias:?} K={classes} d={width} n={n} {:?} scale {scale} σ/μ−1 = {:.1e}",
            problem.loss,
            problem.decay,
            simplex / mu - 1.0
        ),
        problem,
        point,
        polish: true,
        truth,
    }
}

fn value_at_origin(problem: &Problem, beta: f64) -> f64 {
    let k = problem.shape.classes() as f64;
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let loss = match &problem.loss {
        Loss::CrossEntropy(_) | Loss::LabelSmoothing(_) => k.ln(),
        Loss::Focal(loss) => forms::focal_value(k, loss.gamma, 0.0, 0.0),
        Loss::PolyLoss(loss) => k.ln() + loss.epsilon1 * (1.0 - 1.0 / k),
        Loss::GeneralizedCrossEntropy(loss) => (1.0 - k.powf(-loss.exponent)) / loss.exponent,
        Loss::Mse(loss) => 0.5 * (loss.kappa * (beta - loss.target).powi(2) + (k - 1.0) * beta * beta),
        Loss::Bce(_) => softplus(-beta) + (k - 1.0) * softplus(beta),
        Loss::Squentropy(_) => k.ln() + beta * beta,
        Loss::VectorScaling(_) => k.ln(),
        Loss::Custom(_) => unreachable!(),
    };
    problem.scale * loss + 0.5 * problem.decay.b * k * beta * beta
}

/// The rank ladder of MSE: any r of the R singular directions; (d−r)(R−r) negative eigenvalues, r(R−r) zeros that no symmetry explains.
pub(crate) fn mse_ladder(index: u64) -> Plant {
    let mut chance = Chance::new("mse ladder", index);
    let classes = chance.integer(2, 7);
    let (k, n) = (classes as f64, chance.integer(1, 3));
    let target = chance.pick(&[1.0, 5.0]);
    let (bias, scale) = (chance.pick(&BIASES), chance.pick(&[1.0, 2.0 / k]));
    let e = target / k * chance.log(1e-3, 0.9);
    let lb = if bias == Bias::Decayed { chance.uniform(0.1, 0.9) * e / (target / k - e) } else { 0.0 };
    let full = if bias == Bias::None { classes } else { classes - 1 };
    let rank = chance.integer(0, full);
    let width = rank.max(1) + chance.integer(0, 3);
    let numbers = (scale * e, chance.log(1e-1, 1e1), scale * lb);
    let problem = balanced(&mut chance, (classes, width, n), (bias, forms::mse(1.0, target), scale), numbers);
    let e = epsilon(&problem);
    let basis = if bias == Bias::None { chance.frame(classes, rank) } else { chance.simplex(classes, rank) };
    let modes: Vec<Mode> = basis
        .column_iter()
        .map(|u| Mode { weight: target - k * e, left: u.into(), right: u.into(), samples: n as f64 })
        .collect();
    let beta = if bias == Bias::None { 0.0 } else { target / (k * (1.0 + lb)) };
    let point = forms::point(&mut chance, &problem, &modes, &vec![beta; classes]);
    let base = 0.5 * target * target * if bias == Bias::None { 1.0 } else { 1.0 - 1.0 / (k * (1.0 + lb)) };
    let value = |rank: usize| scale * (base - rank as f64 * (target - k * e).powi(2) / (2.0 * k));
    let left_out = (full - rank) as u64;
    let negative = (width - rank) as u64 * left_out;
    let size = if chance.coin() { 0.0 } else { chance.log(1e-12, 1e-5) };
    Plant {
        family: "rank ladder of MSE, flat beyond symmetry",
        made: format!(
            "{bias:?} K={classes} d={width} n={n} r={rank} ε={e:e} λ_b={lb:e} {:?} perturbed {size:.0e}",
            problem.decay
        ),
        point: if size > 0.0 { perturbed(&mut chance, point, size) } else { point },
        problem,
        polish: true,
        truth: Truth {
            critical: true,
            may_refuse: size > 0.0,
            nature: if negative > 0 { Nature::Saddle } else { Nature::Global },
            value: value(rank),
            rank,
            negative: Some(negative),
            zero: Some(orbit(rank, width) + rank as u64 * left_out),
            soft: vec![],
            least: Some(value(full.min(width))),
        },
    }
}

/// MSE without a bias and with unequal classes: any set S of classes is alive. A class j left out and i ∈ S give the eigenvalue of σ'_i against σ'_j, σ' = M√n_k/N; one left out
/// with σ' > μ a curvature −2(σ' − μ) in each free dimension, here down to 1e-16.
pub(crate) fn mse_unequal(index: u64) -> Plant {
    let mut chance = Chance::new("mse unequal", index);
    let classes = chance.integer(2, 6);
    let sizes: Vec<usize> = (0..classes).map(|_| chance.integer(1, 9)).collect();
    let samples = sizes.iter().sum::<usize>() as f64;
    let target = 1.0;
    let sigma: Vec<f64> = sizes.iter().map(|&n| target * (n as f64).sqrt() / samples).collect();
    // μ beside one class's σ.
    let near = chance.integer(0, classes - 1);
    let mu = sigma[near] / (1.0 + chance.pick(&[-1.0, 1.0]) * chance.log(1e-16, 0.3));
    let ratio = chance.log(1e-1, 1e1_f64).sqrt();
    let decay = Decay { w: mu * ratio, h: mu / ratio, b: 0.0 };
    let mu = decay.w.sqrt() * decay.h.sqrt();
    let beside = |k: usize| (sigma[k] / mu - 1.0).abs() < 1e-4;
    let alive: Vec<usize> = (0..classes).filter(|&k| sigma[k] > mu && !beside(k) && chance.integer(0, 3) > 0).collect();
    let rank = alive.len();
    let width = rank.max(1) + chance.integer(0, 3);
    let mut labels: Vec<usize> = (0..classes).flat_map(|k| std::iter::repeat_n(k, sizes[k])).collect();
    chance.shuffle(&mut labels);
    let shape = Shape::with_labels(classes, width, labels).unwrap();
    let problem = Problem { shape, bias: Bias::None, decay, loss: forms::mse(1.0, target), scale: 1.0 };
    let unit = |k: usize| DVector::from_fn(classes, |j, _| f64::from(u8::from(j == k)));
    let weight = |k: usize| target - mu * samples / (sizes[k] as f64).sqrt();
    let modes: Vec<Mode> =
        alive.iter().map(|&k| Mode { weight: weight(k), left: unit(k), right: unit(k), samples: sizes[k] as f64 }).collect();
    let point = forms::point(&mut chance, &problem, &modes, &[]);
    // Σ over classes of n_k (x − M)²/2N + μ√n_k x.
    let value = |alive: &dyn Fn(usize) -> bool| -> f64 {
        (0..classes)
            .map(|k| {
                let (n, x) = (sizes[k] as f64, if alive(k) { weight(k) } else { 0.0 });
                n * (x - target).powi(2) / (2.0 * samples) + mu * n.sqrt() * x
            })
            .sum()
    };
    let (mut negative, mut zero, mut soft) = (0, orbit(rank, width), vec![]);
    let free = (width - rank) as u64;
    for out in (0..classes).filter(|k| !alive.contains(k)) {
        if beside(out) {
            let level = off_space(&problem, sigma[out], free);
            soft.push(Soft { error: 4.0 * level.error, ..level });
        } else if sigma[out] > mu {
            negative += free;
        }
        for &kept in &alive {
            match sizes[out].cmp(&sizes[kept]) {
                std::cmp::Ordering::Greater => negative += 1,
                std::cmp::Ordering::Equal => zero += 1,
                std::cmp::Ordering::Less => {}
            }
        }
    }
    soft.retain(|soft| soft.times > 0);
    let nature = if negative > 0 || soft.iter().any(|soft| soft.value + soft.error < 0.0) {
        Nature::Saddle
    } else if soft.iter().all(|soft| soft.value - soft.error > 0.0) {
        Nature::Global
    } else {
        Nature::Unknown
    };
    // The infimum, if the width has room for all that live.
    let lives = |k: usize| sigma[k] > mu;
    let least = ((0..classes).filter(|&k| lives(k)).count() <= width).then(|| value(&lives));
    Plant {
        family: "unequal classes, curvature to ±1e-16",
        made: format!(
            "n_k = {sizes:?} d={width} alive {alive:?} {decay:?} σ/μ−1 = {:?}",
            sigma.iter().map(|s| s / mu - 1.0).collect::<Vec<_>>()
        ),
        problem,
        point,
        polish: true,
        truth: Truth {
            critical: true,
            may_refuse: false,
            nature,
            value: value(&|k| alive.contains(&k)),
            rank,
            negative: Some(negative),
            zero: Some(zero),
            soft,
            least,
        },
    }
}

/// The focal loss beside its first-order transition: W = H = 0 and the simplex are both minima of the symmetric problem; which is lower, δ of ε decides.
pub(crate) fn focal_transition(index: u64) -> Plant {
    let mut chance = Chance::new("focal", index);
    let (classes, gamma) = chance.pick(&[(18, 3.0), (19, 2.0), (20, 3.0), (22, 2.0), (30, 3.0), (60, 3.0), (100, 2.0)]);
    let tie = forms::focal_tie(classes, gamma).unwrap();
    let side = chance.pick(&[-1.0, 1.0]);
    let delta = side * chance.log(1e-13, 1e-5);
    let k = classes as f64;
    let at_zero = classes > 20 || chance.coin();
    let bias = if at_zero { chance.pick(&[Bias::None, Bias::Free, Bias::Decayed]) } else { Bias::None };
    let width = if at_zero { chance.integer(1, 2 * classes) } else { classes - 1 };
    let numbers = (tie * (1.0 + delta), chance.log(1e-1, 1e1), 1.0);
    let problem = balanced(&mut chance, (classes, width, 1), (bias, forms::focal(gamma), 1.0), numbers);
    let e = epsilon(&problem);
    let zero_value = forms::focal_value(k, gamma, e, 0.0);
    let simplex = forms::focal_simplex(classes, e, gamma).unwrap();
    let zero = Form { s: 0.0, t: 0.0, beta: 0.0, value: zero_value };
    let (here, there) = if at_zero { (zero, simplex) } else { (simplex, zero) };
    let mut plant = minimum_plant("focal transition, |δ| from 1e-5 to 1e-13", &mut chance, problem, here, 0.0);
    plant.made += &format!(" δ = {delta:.1e}, the other at {:e}", there.value);
    let room = width >= classes - 1;
    let difference = (here.value - there.value) / there.value;
    plant.truth.nature = if !room {
        Nature::Minimum
    } else if difference.abs() < 1e-14 {
        Nature::Unknown
    } else if difference > 0.0 {
        Nature::Spurious
    } else {
        Nature::Minimum
    };
    plant.truth.least = (bias == Bias::None && room).then_some(here.value.min(there.value));
    // The bias's own curvature at the origin may be negative.
    if at_zero {
        let (p, r): (f64, f64) = (1.0 / k, 1.0 - 1.0 / k);
        let eta = r.powf(gamma) - gamma * p * r.powf(gamma - 1.0) * p.ln();
        let slope = r.powf(gamma - 2.0) * (-2.0 * gamma * r - gamma * r * p.ln() + gamma * (gamma - 1.0) * p * p.ln());
        let curvature = (eta - slope / k) / k + plant.problem.decay.b;
        if bias != Bias::None && curvature < 0.0 {
            plant.truth.negative = Some(classes as u64 - 1);
            plant.truth.nature = Nature::Saddle;
        }
    }
    plant
}
