//! Families of plants whose index is counted from a dense Hessian of another make, or that are no critical points at all.

use nalgebra::DVector;
use ufm::losses::{GeneralizedCrossEntropy, Loss};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::objective::Problem;

use super::chance::Chance;
use super::families::{minima, mse_ladder, off_space, perturbed, symmetric};
use super::forms::{self, BCE, CROSS_ENTROPY, Form, Groups, Mode, balanced, epsilon, orbit, shift};
use super::oracle;
use super::truth::{Nature, Plant, Truth};

/// The truth at a critical point that the dense Hessian counts; where it cannot, neither index nor nullity is judged.
fn counted(problem: &Problem, point: &Point, rank: usize, value: f64, minimum: Nature) -> Truth {
    let counts = oracle::counts(problem, point, &[]);
    let nature = match counts {
        Some((0, _)) => minimum,
        Some(_) => Nature::Saddle,
        None => Nature::Unknown,
    };
    Truth {
        critical: true,
        may_refuse: false,
        nature,
        value,
        rank,
        negative: counts.map(|counts| counts.0),
        zero: counts.map(|counts| counts.1),
        soft: vec![],
        least: None,
    }
}

/// Equal clusters of CE and LS.
pub(crate) fn clusters(index: u64) -> Plant {
    let mut chance = Chance::new("clusters", index);
    let (classes, parts) = chance.pick(&[(4, 2), (4, 1), (6, 2), (6, 3), (6, 1), (8, 2), (8, 4), (9, 3), (3, 1), (2, 1)]);
    let (k, size) = (classes as f64, (classes / parts) as f64);
    let (bias, alpha) = (chance.pick(&[Bias::None, Bias::Free, Bias::Decayed]), chance.pick(&[0.0, 0.1]));
    let loss = if alpha > 0.0 { forms::smoothing(alpha) } else { CROSS_ENTROPY };
    let sizes = (classes, parts.max(2) - 1 + chance.integer(0, 2), if classes < 8 { chance.integer(1, 2) } else { 1 });
    let numbers = ((1.0 - alpha) / k * chance.log(1e-2, 0.8), chance.log(1e-1, 1e1), chance.log(1e-2, 1.0));
    let problem = balanced(&mut chance, sizes, (bias, loss, 1.0), numbers);
    let form = forms::cluster_form(classes, parts, epsilon(&problem), alpha);
    let samples = sizes.2 as f64;
    let mut modes = Vec::new();
    if parts > 1 {
        for q in chance.simplex(parts, parts - 1).column_iter() {
            let u = DVector::from_fn(classes, |c, _| q[c % parts] / size.sqrt());
            modes.push(Mode { weight: form.s * size, left: u.clone(), right: u, samples });
        }
    }
    let point = forms::point(&mut chance, &problem, &modes, &vec![0.0; classes]);
    let mut truth = counted(&problem, &point, parts - 1, form.value, Nature::Minimum);
    if sizes.1 >= classes - 1 {
        truth.least = Some(symmetric(&problem).value);
    }
    let made = format!("{} {bias:?} K={classes} m={parts} {sizes:?} {:?}", problem.loss, problem.decay);
    Plant { family: "equal clusters", made, point, polish: true, truth, problem }
}

/// m classes alive, the others at the origin; σ/μ of a group of the others within δ of 1 for some.
pub(crate) fn partial(index: u64) -> Plant {
    let mut chance = Chance::new("partial", index);
    loop {
        let classes = chance.integer(3, 8);
        let alive = chance.integer(2, classes - 1);
        let (k, m) = (classes as f64, alive as f64);
        let (alpha, gamma) = chance.pick(&[(0.0, 0.0), (0.1, 0.0), (0.0, 2.0)]);
        let bias = if gamma > 0.0 { Bias::None } else { chance.pick(&[Bias::None, Bias::Free, Bias::Decayed]) };
        let loss = match (alpha > 0.0, gamma > 0.0) {
            (true, _) => forms::smoothing(alpha),
            (_, true) => forms::focal(gamma),
            _ => CROSS_ENTROPY,
        };
        let width = alive - 1 + chance.integer(0, 2);
        let n = if classes < 6 { chance.integer(1, 2) } else { 1 };
        let (ratio, decay_b) = (chance.log(1e-1, 1e1), chance.log(1e-2, 1.0));
        let groups = |epsilon: f64| Groups {
            k,
            m,
            epsilon,
            decay_b: match bias {
                Bias::None => None,
                Bias::Free => Some(0.0),
                Bias::Decayed => Some(decay_b),
            },
            gamma,
            alpha,
        };
        let drawn = (1.0 - alpha) / k * chance.log(1e-2, 0.9);
        let problem = balanced(&mut chance, (classes, width, n), (bias, loss, 1.0), (drawn, ratio, decay_b));
        let Some(state) = groups(epsilon(&problem)).solve() else { continue };
        let samples = n as f64;
        let modes: Vec<Mode> = chance
            .simplex(alive, alive - 1)
            .column_iter()
            .map(|q| {
                let u = DVector::from_fn(classes, |c, _| if c < alive { q[c] } else { 0.0 });
                Mode { weight: state.s, left: u.clone(), right: u, samples }
            })
            .collect();
        let b: Vec<f64> = (0..classes).map(|c| state.y * if c < alive { 1.0 - m / k } else { -m / k }).collect();
        let point = forms::point(&mut chance, &problem, &modes, &b);
        let truth = counted(&problem, &point, alive - 1, state.value, Nature::Minimum);
        let made =
            format!("{} {bias:?} K={classes} m={alive} d={width} n={n} {:?} σ/μ {:?}", problem.loss, problem.decay, state.ratios);
        return Plant { family: "partially collapsed states", made, point, polish: true, truth, problem };
    }
}

/// The focal loss with two classes more than are alive, ε where σ/μ on the difference of the two is 1 + δ: the state turns from a minimum into a saddle of curvature −2δμ, down to about −1e-12.
pub(crate) fn crossing(index: u64) -> Plant {
    let mut chance = Chance::new("crossing", index);
    loop {
        let (gamma, classes) = (chance.pick(&[2.0, 3.0]), chance.integer(6, 22));
        let (k, alive) = (classes as f64, classes - chance.integer(2, 4));
        let m = alive as f64;
        let groups = |epsilon: f64| Groups { k, m, epsilon, decay_b: None, gamma, alpha: 0.0 };
        let delta = chance.pick(&[-1.0, 1.0]) * chance.log(1e-11, 1e-4);
        // σ/μ of the others' differences falls with ε.
        let ratio = |epsilon: f64| groups(epsilon).solve().map_or(0.0, |state| state.ratios[0]);
        let (low, high) = (0.2 / k, 1.6 / k);
        if !(ratio(low) > 1.0 + delta && ratio(high) < 1.0 + delta) {
            continue;
        }
        let e = forms::bisect(|e| ratio(e) - 1.0 - delta, low, high);
        if groups(e).solve().is_none() {
            continue;
        }
        let width = alive - 1 + chance.integer(1, 2);
        let numbers = (e, chance.log(0.5, 2.0), 0.0);
        let problem = balanced(&mut chance, (classes, width, 1), (Bias::None, forms::focal(gamma), 1.0), numbers);
        let Some(state) = groups(epsilon(&problem)).solve() else { continue };
        if (state.ratios[1] - 1.0).abs() < 1e-3 {
            continue;
        }
        let modes: Vec<Mode> = chance
            .simplex(alive, alive - 1)
            .column_iter()
            .map(|q| {
                let u = DVector::from_fn(classes, |c, _| if c < alive { q[c] } else { 0.0 });
                Mode { weight: state.s, left: u.clone(), right: u, samples: 1.0 }
            })
            .collect();
        let point = forms::point(&mut chance, &problem, &modes, &[]);
        let mu = problem.decay.w.sqrt() * problem.decay.h.sqrt();
        let times = ((width - alive + 1) * (classes - alive - 1)) as u64;
        let mut soft = off_space(&problem, state.ratios[0] * mu, times);
        // s is known to about 1e-14, and so is the ratio.
        soft.error = 1e-12 * mu;
        let counts = if classes <= 12 || index.is_multiple_of(16) {
            oracle::counts(&problem, &point, &[(soft.value, times)])
        } else {
            None
        };
        let above = soft.value < -soft.error;
        let below = soft.value > soft.error;
        let nature = match counts {
            Some((negative, _)) if negative > 0 || above => Nature::Saddle,
            Some(_) if below => Nature::Minimum,
            _ if above || state.ratios[1] > 1.0 => Nature::Saddle,
            None if below => Nature::Minimum,
            _ => Nature::Unknown,
        };
        // Where nothing was counted a confident "strict-saddle" may still be right: no truth to judge by.
        if counts.is_none() && nature == Nature::Minimum {
            continue;
        }
        let truth = Truth {
            critical: true,
            may_refuse: false,
            nature,
            value: state.value,
            rank: alive - 1,
            negative: counts.map(|counts| counts.0),
            zero: counts.map(|counts| counts.1),
            soft: vec![soft],
            least: None,
        };
        let made =
            format!("γ={gamma} K={classes} m={alive} d={width} {:?} δ = {delta:.1e} σ/μ {:?}", problem.decay, state.ratios);
        return Plant { family: "σ beside μ at partially collapsed states", made, point, polish: true, truth, problem };
    }
}

/// Polygons in the plane: minima at d = 2 that are not global, and what they become with room.
pub(crate) fn polygons(index: u64) -> Plant {
    let mut chance = Chance::new("polygons", index);
    loop {
        let classes = chance.integer(4, 8);
        let corners = chance.integer(3.max(classes - 1), classes);
        let (k, m) = (classes as f64, corners as f64);
        let (c, e) = (k - m, chance.log(1e-3, 0.03));
        let (width, n) = (2 + chance.integer(0, 1), chance.integer(1, 2));
        // −df/dr with no bias, so y = 0.
        let drops: Vec<f64> = (1..corners).map(|j| (std::f64::consts::TAU * j as f64 / m).cos() - 1.0).collect();
        let corner = |r: f64| {
            let odds: f64 = drops.iter().map(|d| (r * d).exp()).sum::<f64>() + c * (-r).exp();
            let pulled: f64 = drops.iter().map(|d| -d * (r * d).exp()).sum::<f64>() + c * (-r).exp();
            (odds.ln_1p(), pulled / (1.0 + odds))
        };
        let drive = |r: f64| corner(r).1 - k * e;
        let Some(last) = (0..400).rev().find(|&step| drive(0.2 * f64::from(step)) > 0.0) else { continue };
        let r = forms::bisect(drive, 0.2 * f64::from(last), 0.2 * f64::from(last + 1));
        if r < 0.1 {
            continue;
        }
        let numbers = (e, chance.log(0.3, 3.0), 0.0);
        let problem = balanced(&mut chance, (classes, width, n), (Bias::None, CROSS_ENTROPY, 1.0), numbers);
        let value = m / k * corner(r).0 + c / k * k.ln() + epsilon(&problem) * m * r;
        let angle = |class: usize| std::f64::consts::TAU * class as f64 / m;
        // Columns of cosines and sines have the square m/2.
        let modes: Vec<Mode> = [f64::cos as fn(f64) -> f64, f64::sin]
            .iter()
            .map(|f| {
                let u = DVector::from_fn(classes, |class, _| if class < corners { f(angle(class)) } else { 0.0 });
                Mode { weight: r, left: u.clone(), right: u, samples: n as f64 }
            })
            .collect();
        let point = forms::point(&mut chance, &problem, &modes, &[]);
        let truth = counted(&problem, &point, 2, value, Nature::Minimum);
        let made = format!("K={classes} m={corners} d={width} n={n} {:?} r={r}", problem.decay);
        return Plant { family: "polygons below d = K − 1", made, point, polish: true, truth, problem };
    }
}

/// Just beyond the fold of the focal loss's simplex: the gradient is as small as δ, but nothing is critical.
pub(crate) fn ghosts(index: u64) -> Plant {
    let mut chance = Chance::new("ghosts", index);
    let (classes, gamma) = chance.pick(&[(18, 3.0), (19, 2.0), (20, 3.0)]);
    let k = classes as f64;
    let fold = forms::focal_fold(k, gamma);
    let delta = chance.log(1e-13, 1e-8);
    let e = forms::focal_pull(k, gamma, fold) / (k - 1.0) * (1.0 + delta);
    let (width, bias) = (classes - 1 + chance.integer(0, 1), chance.pick(&[Bias::None, Bias::Free]));
    let numbers = (e, chance.log(0.5, 2.0), 0.0);
    let problem = balanced(&mut chance, (classes, width, 1), (bias, forms::focal(gamma), 1.0), numbers);
    // As far from the fold's margin as the gradient does not yet show.
    let away = chance.pick(&[-1.0, 0.0, 1.0]) * delta.sqrt() * chance.log(0.1, 3.0);
    let form = Form { s: fold + away, t: 0.0, beta: 0.0, value: 0.0 };
    let point = form.point(&mut chance, &problem);
    let truth = Truth {
        critical: false,
        may_refuse: true,
        nature: Nature::Unknown,
        value: 0.0,
        rank: 0,
        negative: None,
        zero: None,
        soft: vec![],
        least: Some(forms::focal_value(k, gamma, epsilon(&problem), 0.0)).filter(|_| bias == Bias::None),
    };
    let made = format!("γ={gamma} K={classes} {bias:?} {:?} δ = {delta:.1e} s − s_fold = {away:.1e}", problem.decay);
    Plant { family: "beyond a fold: nothing is critical", made, point, polish: chance.coin(), truth, problem }
}

/// No critical points: critical ones with a perturbation that the gate must see, and points drawn.
pub(crate) fn not_critical(index: u64) -> Plant {
    let mut chance = Chance::new("not critical", index);
    let mut plant = if chance.coin() { minima(index) } else { mse_ladder(index) };
    plant.point = if chance.integer(0, 3) == 0 || plant.truth.rank == 0 {
        let noise = chance.normal(plant.point.as_slice().len(), 1);
        let size = chance.log(1e-2, 1e3);
        let mut point = plant.point;
        point.as_mut_slice().iter_mut().zip(noise.iter()).for_each(|(x, noise)| *x = size * noise);
        point
    } else {
        // A gradient of 1e-10 of its terms is allowed: the change is well above.
        let mut point = perturbed(&mut chance, plant.point, 1e-3);
        let change = chance.log(1e-4, 1.0);
        point.as_mut_slice().iter_mut().for_each(|x| *x *= 1.0 + change);
        point
    };
    plant.polish = false;
    plant.family = "not critical";
    plant.truth.critical = false;
    plant
}

/// Near a saddle, as a solver that hesitated leaves a point: the polish finds the saddle or gives up.
pub(crate) fn near_saddles(index: u64) -> Plant {
    let mut chance = Chance::new("near saddles", index);
    let mut plant = if chance.coin() { clusters(index) } else { partial(index) };
    let size = chance.log(1e-9, 1e-5);
    plant.point = perturbed(&mut chance, plant.point, size);
    plant.truth.may_refuse = true;
    plant.family = "near saddles";
    plant.made += &format!(" perturbed {size:.0e}");
    plant
}

/// Exactly at an edge: σ = μ to the last bit. CE, MSE and BCE are at their global minimum there; 1 − p (generalised cross-entropy of exponent 1) is not: f falls like −s² along the simplex.
pub(crate) fn exact_edges(index: u64) -> Plant {
    let mut chance = Chance::new("exact", index);
    let classes = chance.pick(&[2_usize, 4, 8, 16]);
    let k = classes as f64;
    let width = chance.integer(1, classes + 1);
    let per_class = chance.pick(&[1_usize, 4, 16]);
    let ratio = 4.0_f64.powi(chance.integer(0, 8) as i32 - 4);
    let (loss, bias, e, nature) = match chance.integer(0, 3) {
        0 => (CROSS_ENTROPY, chance.pick(&[Bias::None, Bias::Free]), 1.0 / k, Nature::Global),
        1 => (forms::mse(1.0, 1.0), Bias::None, 1.0 / k, Nature::Global),
        2 => (BCE, Bias::None, if classes == 2 { 0.5 } else { (k - 2.0) / (2.0 * k) }, Nature::Global),
        _ => {
            let loss = Loss::GeneralizedCrossEntropy(GeneralizedCrossEntropy { exponent: 1.0 });
            (loss, Bias::None, 1.0 / (k * k), if classes == 2 { Nature::Unknown } else { Nature::HigherOrder })
        }
    };
    let shape = Shape::balanced(classes, width, per_class).unwrap();
    let mu = e / (per_class as f64).sqrt();
    let problem = Problem { shape, bias, decay: Decay { w: mu * ratio, h: mu / ratio, b: 0.0 }, loss, scale: 1.0 };
    let point = Point::zeros(&problem.shape, bias);
    let (value, zero, soft_negative) = match (&problem.loss, classes) {
        (Loss::CrossEntropy(_), _) => (forms::at_origin(classes), (width * (classes - 1)) as u64 + shift(&problem), 0),
        (Loss::GeneralizedCrossEntropy(_), _) => (1.0 - 1.0 / k, (width * (classes - 1)) as u64, 0),
        (Loss::Mse(_), _) => (0.5, (width * classes) as u64, 0),
        // BCE of four classes and more: the mean's σ is μ, the simplex's 1/(K√n) is below it (K > 4) or equal (K = 4).
        (_, 2) => (2.0 * 2.0_f64.ln(), width as u64, 0),
        (_, 4) => (4.0 * 2.0_f64.ln(), (width * 4) as u64, 0),
        _ => (k * 2.0_f64.ln(), width as u64, 0),
    };
    let truth = Truth {
        critical: true,
        may_refuse: false,
        nature,
        value,
        rank: 0,
        negative: Some(soft_negative),
        zero: Some(zero),
        soft: vec![],
        least: (nature == Nature::Global).then_some(value),
    };
    let made = format!("{} {bias:?} K={classes} d={width} n={per_class} {:?}", problem.loss, problem.decay);
    Plant { family: "exactly at an edge", made, point, polish: true, truth, problem }
}

/// K up to 200, n up to 10⁹, in the collapsed representation: MSE ladders of low rank, origins, minima.
pub(crate) fn collapsed(index: u64) -> Plant {
    let mut chance = Chance::new("collapsed", index);
    let kind = if index.is_multiple_of(100) { 3 } else { chance.integer(0, 2) };
    let classes = match kind {
        2 => chance.integer(2, 24),
        // No Schur complement fits: what is known of it, it has from the gap.
        3 => chance.integer(190, 200),
        _ => chance.integer(2, 200),
    };
    let k = classes as f64;
    let n = chance.log(2.0, 1e9).round() as u64;
    let (loss, edge) = if kind == 0 {
        (forms::mse(1.0, 1.0), 1.0 / k)
    } else {
        chance.pick(&[(CROSS_ENTROPY, 1.0 / k), (forms::mse(1.0, 1.0), 1.0 / k), (BCE, 1.0 / k)])
    };
    let e = edge * if kind == 1 { chance.log(1.001, 10.0) } else { chance.log(1e-3, 0.9) };
    let full = classes - 1;
    let rank = if kind == 0 { chance.integer(0, full.min(3)) } else { 0 };
    let width = match kind {
        0 => rank.max(1) + chance.integer(0, 3),
        1 => chance.integer(1, 300),
        _ => classes,
    };
    let (mu, ratio) = (e / (n as f64).sqrt(), chance.log(1e-1, 1e1_f64).sqrt());
    let shape = Shape::collapsed(width, &vec![n; classes]).unwrap();
    let problem = Problem { shape, bias: Bias::Free, decay: Decay { w: mu * ratio, h: mu / ratio, b: 0.0 }, loss, scale: 1.0 };
    let form = symmetric(&problem);
    let (form_rank, point, value, negative, extra) = if kind == 0 {
        let e = epsilon(&problem);
        let modes: Vec<Mode> = chance
            .simplex(classes, rank)
            .column_iter()
            .map(|u| Mode { weight: 1.0 - k * e, left: u.into(), right: u.into(), samples: n as f64 })
            .collect();
        let point = forms::point(&mut chance, &problem, &modes, &vec![1.0 / k; classes]);
        let value = 0.5 - 0.5 / k - rank as f64 * (1.0 - k * e).powi(2) / (2.0 * k);
        (rank, point, value, ((width - rank) * (full - rank)) as u64, (rank * (full - rank)) as u64)
    } else {
        (form.rank(classes), form.point(&mut chance, &problem), form.value, 0, 0)
    };
    let truth = Truth {
        critical: true,
        may_refuse: false,
        nature: if negative > 0 { Nature::Saddle } else { Nature::Global },
        value,
        rank: form_rank,
        negative: Some(negative),
        zero: Some(orbit(form_rank, width) + shift(&problem) + extra),
        soft: vec![],
        least: (width >= classes).then_some(form.value),
    };
    let made = format!("{} K={classes} d={width} n={n} r={form_rank} {:?}", problem.loss, problem.decay);
    Plant { family: "K to 200, n to 10⁹", made, point, polish: true, truth, problem }
}

/// Pairs of classes share their row and mean at K = 200, ε = (1 − δ)/K: f is within δ² of its infimum, no inertia fits, and still ‖G‖ = μ/(1 − δ) makes it a saddle.
pub(crate) fn large_saddles(index: u64) -> Plant {
    let mut chance = Chance::new("large saddles", index);
    let (classes, size) = (200, 2.0_f64);
    let (parts, delta) = (100, chance.log(1e-9, 1e-3));
    let numbers = ((1.0 - delta) / classes as f64, chance.log(0.5, 2.0), 0.0);
    let problem = balanced(&mut chance, (classes, classes, 1), (Bias::None, CROSS_ENTROPY, 1.0), numbers);
    let form = forms::cluster_form(classes, parts, epsilon(&problem), 0.0);
    let modes: Vec<Mode> = chance
        .simplex(parts, parts - 1)
        .column_iter()
        .map(|q| {
            let u = DVector::from_fn(classes, |c, _| q[c % parts] / size.sqrt());
            Mode { weight: form.s * size, left: u.clone(), right: u, samples: 1.0 }
        })
        .collect();
    let point = forms::point(&mut chance, &problem, &modes, &[]);
    let truth = Truth {
        critical: true,
        may_refuse: false,
        nature: Nature::Saddle,
        value: form.value,
        rank: parts - 1,
        negative: None,
        zero: None,
        soft: vec![],
        least: Some(symmetric(&problem).value),
    };
    let made = format!("K={classes} m={parts} {:?} δ = {delta:.1e}", problem.decay);
    Plant { family: "saddles too large for an inertia", made, point, polish: true, truth, problem }
}
