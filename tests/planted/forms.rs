//! Critical points in closed form, from the stationarity conditions alone (nothing of `ufm::theory`), and the points that have them.
//!
//! For X = (sP + tJ/K) ⊗ 1ᵀ, b = β1 in a balanced problem with loss L/c: with a = ∂L/∂z_k (own) and e = ∂L/∂z_j (another),
//!
//! ```text
//! e − a = Kε (s > 0),    a + (K−1)e = −sgn(t) Kε (t ≠ 0),    a + (K−1)e = −λ_b K β (a bias)
//! ```
//!
//! and |a + (K−1)e| ≤ Kε where t = 0.

use nalgebra::{DMatrix, DVector};
use ufm::losses::{Bce, CrossEntropy, Focal, LabelSmoothing, Loss, Mse};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::objective::Problem;

use super::chance::Chance;

pub(crate) const CROSS_ENTROPY: Loss = Loss::CrossEntropy(CrossEntropy);
pub(crate) const BCE: Loss = Loss::Bce(Bce);

pub(crate) fn smoothing(alpha: f64) -> Loss {
    Loss::LabelSmoothing(LabelSmoothing { alpha })
}

pub(crate) fn focal(gamma: f64) -> Loss {
    Loss::Focal(Focal { gamma })
}

pub(crate) fn mse(kappa: f64, target: f64) -> Loss {
    Loss::Mse(Mse { kappa, target })
}

/// A balanced problem of n samples a class with these ε, λ_W/λ_H, λ_b (0: as the bias says), every sample with its column, in any order.
pub(crate) fn balanced(
    chance: &mut Chance,
    (classes, width, per_class): (usize, usize, usize),
    (bias, loss, scale): (Bias, Loss, f64),
    (epsilon, ratio, decay_b): (f64, f64, f64),
) -> Problem {
    let mut labels: Vec<usize> = (0..classes * per_class).map(|i| i % classes).collect();
    chance.shuffle(&mut labels);
    let shape = Shape::with_labels(classes, width, labels).unwrap();
    let mu = epsilon / (per_class as f64).sqrt();
    let decay = Decay { w: mu * ratio.sqrt(), h: mu / ratio.sqrt(), b: if bias == Bias::Decayed { decay_b } else { 0.0 } };
    Problem { shape, bias, decay, loss, scale }
}

/// ε/c as the problem's own numbers say it.
pub(crate) fn epsilon(problem: &Problem) -> f64 {
    (problem.shape.per_class().unwrap() as f64).sqrt() * (problem.decay.w.sqrt() * problem.decay.h.sqrt()) / problem.scale
}

/// One direction of X: weight, left vector, and what each class has on the right.
pub(crate) struct Mode {
    pub(crate) weight: f64,
    pub(crate) left: DVector<f64>,
    pub(crate) right: DVector<f64>,
    /// The samples that share the right vector's square: n for balanced classes, n_k for one class's own.
    pub(crate) samples: f64,
}

/// The point of X = Σ weight · left · rightᵀ(class of the sample), turned by a rotation drawn.
pub(crate) fn point(chance: &mut Chance, problem: &Problem, modes: &[Mode], bias: &[f64]) -> Point {
    let (classes, width, rank) = (problem.shape.classes(), problem.shape.width(), modes.len());
    assert!(rank <= width, "{rank} > {width}");
    let frame = chance.frame(width, rank);
    let (mut w, mut means) = (DMatrix::zeros(classes, rank), DMatrix::zeros(rank, classes));
    for (j, mode) in modes.iter().enumerate() {
        // ‖W‖²λ_W = ‖H‖²λ_H in every direction.
        let ratio = (mode.samples.sqrt() * (problem.decay.h.sqrt() / problem.decay.w.sqrt())).sqrt();
        w.set_column(j, &(&mode.left * (ratio * mode.weight.sqrt())));
        means.set_row(j, &(mode.right.transpose() * (mode.weight.sqrt() / ratio)));
    }
    let (w, means) = (w * frame.transpose(), frame * means);
    let mut point = Point::zeros(&problem.shape, problem.bias);
    point.w_mut().copy_from(&w);
    for (i, &label) in problem.shape.labels().iter().enumerate() {
        point.h_mut().column_mut(i).copy_from(&(means.column(label) * problem.shape.stretch(i)));
    }
    if problem.bias != Bias::None {
        point.b_mut().copy_from_slice(bias);
    }
    point
}

/// s, t, β and f/c of a symmetric critical point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) s: f64,
    pub(crate) t: f64,
    pub(crate) beta: f64,
    pub(crate) value: f64,
}

impl Form {
    pub(crate) fn rank(&self, classes: usize) -> usize {
        usize::from(self.t.abs() > 0.0) + if self.s > 0.0 { classes - 1 } else { 0 }
    }

    pub(crate) fn point(&self, chance: &mut Chance, problem: &Problem) -> Point {
        let classes = problem.shape.classes();
        let samples = problem.shape.per_class().unwrap() as f64;
        let mut modes = Vec::new();
        if self.s > 0.0 {
            let basis = chance.simplex(classes, classes - 1);
            modes.extend(basis.column_iter().map(|u| Mode { weight: self.s, left: u.into(), right: u.into(), samples }));
        }
        if self.t.abs() > 0.0 {
            let u = DVector::repeat(classes, 1.0 / (classes as f64).sqrt());
            modes.push(Mode { weight: self.t.abs(), right: &u * self.t.signum(), left: u, samples });
        }
        point(chance, problem, &modes, &vec![self.beta; classes])
    }
}

/// rd − r(r+1)/2.
pub(crate) fn orbit(rank: usize, width: usize) -> u64 {
    (rank * width - rank * (rank + 1) / 2) as u64
}

/// The zero that b → b + c1 makes.
pub(crate) fn shift(problem: &Problem) -> u64 {
    let invariant = !matches!(problem.loss, Loss::Mse(_) | Loss::Bce(_));
    u64::from(invariant && problem.bias == Bias::Free)
}

/// A root of a function that changes sign between the two.
pub(crate) fn bisect(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let falls = f(low) > 0.0;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if (f(middle) > 0.0) == falls { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn log_sum(k: f64, s: f64) -> f64 {
    // log(1 + (K−1)e^{−s}).
    ((k - 1.0) * (-s).exp()).ln_1p()
}

/// CE and LS: the off-class probability is q = ε + α/K.
pub(crate) fn softmax_minimum(classes: usize, epsilon: f64, alpha: f64) -> Form {
    let k = classes as f64;
    let q = epsilon + alpha / k;
    if q >= 1.0 / k {
        return Form { s: 0.0, t: 0.0, beta: 0.0, value: k.ln() };
    }
    let own = 1.0 - (k - 1.0) * q;
    let s = (own / q).ln();
    // −Σ ỹ log p + ε(K−1)s, and Σ ỹ log p = log p_k − (K−1)(α/K)s: the entropy of (own, q, …, q).
    Form { s, t: 0.0, beta: 0.0, value: -(-(k - 1.0) * q).ln_1p() * own - (k - 1.0) * q * q.ln() }
}

/// p, 1 − p, −log p at margin s.
pub(crate) fn own(k: f64, s: f64) -> (f64, f64, f64) {
    let odds = (k - 1.0) * (-s).exp();
    (1.0 / (1.0 + odds), odds / (1.0 + odds), odds.ln_1p())
}

/// (1 − p)η(p) of the focal loss at margin s.
pub(crate) fn focal_pull(k: f64, gamma: f64, s: f64) -> f64 {
    let (p, rest, surprise) = own(k, s);
    rest.powf(gamma + 1.0) + gamma * p * rest.powf(gamma) * surprise
}

/// The focal loss plus ε(K−1)s.
pub(crate) fn focal_value(k: f64, gamma: f64, epsilon: f64, s: f64) -> f64 {
    let (_, rest, surprise) = own(k, s);
    rest.powf(gamma) * surprise + epsilon * (k - 1.0) * s
}

/// The margin of the fold: where (1 − p)η is largest; 0 where it falls from s = 0 on.
pub(crate) fn focal_fold(k: f64, gamma: f64) -> f64 {
    // Golden section would find it to 1e-8 only; the slope's sign is exact enough: d/ds of p ↦ (1−p)η(p) by central differences of the logarithm is not. Use the derivative:
    // with r = 1−p, x = −log p, p' = pr:  d[(r^{γ+1}) + γ p r^γ x]/ds = p r [−(γ+1) r^γ + γ r^γ x − γ² p r^{γ−1} x − γ r^γ].
    let slope = |s: f64| {
        let (p, rest, x) = own(k, s);
        rest * (gamma * x - (2.0 * gamma + 1.0)) - gamma * gamma * p * x
    };
    if slope(0.0) <= 0.0 { 0.0 } else { bisect(slope, 0.0, 60.0) }
}

/// The focal loss's simplex with p ≥ p_c, where there is one.
pub(crate) fn focal_simplex(classes: usize, epsilon: f64, gamma: f64) -> Option<Form> {
    let k = classes as f64;
    let fold = focal_fold(k, gamma);
    let drive = |s: f64| focal_pull(k, gamma, s) - (k - 1.0) * epsilon;
    if !(drive(fold) > 0.0) {
        return None;
    }
    let mut high = fold + 1.0;
    while drive(high) > 0.0 {
        high += 10.0;
    }
    let s = bisect(drive, fold, high);
    Some(Form { s, t: 0.0, beta: 0.0, value: focal_value(k, gamma, epsilon, s) })
}

/// The ε at which the focal loss's simplex and W = H = 0 tie; `None` where the simplex shrinks to 0 instead.
pub(crate) fn focal_tie(classes: usize, gamma: f64) -> Option<f64> {
    let k = classes as f64;
    let fold = focal_fold(k, gamma);
    if fold <= 0.0 {
        return None;
    }
    let zero = focal_value(k, gamma, 0.0, 0.0);
    let lead = |epsilon: f64| focal_simplex(classes, epsilon, gamma).map_or(-1.0, |simplex| zero - simplex.value);
    Some(bisect(lead, focal_pull(k, gamma, 0.0) / (k - 1.0), focal_pull(k, gamma, fold) / (k - 1.0)))
}

/// MSE with a bias of any kind; κ = 1 unless the bias is free.
pub(crate) fn mse_minimum(classes: usize, epsilon: f64, bias: Bias, decay_b: f64, (kappa, target): (f64, f64)) -> Form {
    let k = classes as f64;
    let e = k * epsilon;
    let value = |s: f64, t: f64, beta: f64| {
        let (own, other) = (beta + t / k + s * (k - 1.0) / k, beta + t / k - s / k);
        0.5 * (kappa * (own - target).powi(2) + (k - 1.0) * other * other)
            + epsilon * ((k - 1.0) * s + t.abs())
            + 0.5 * decay_b * k * beta * beta
    };
    let (s, t, beta) = match bias {
        Bias::Free => {
            // z_j − κ(z_k − M) = Kε and κ(z_k − M) + (K−1)z_j = 0: z_j = ε, κ(z_k − M) = −(K−1)ε.
            let s = target - (k - 1.0) * epsilon / kappa - epsilon;
            if s > 0.0 { (s, 0.0, epsilon + s / k) } else { (0.0, 0.0, kappa * target / (kappa + k - 1.0)) }
        }
        Bias::None => {
            let s = (target - e).max(0.0);
            (s, s, 0.0)
        }
        Bias::Decayed => {
            let s = (target - e).max(0.0);
            // Mean part: a + (K−1)e = K z̄ − M with z̄ = β + t/K; β = −(K z̄ − M)/(λ_b K).
            let idle = target / (k * (1.0 + decay_b));
            if decay_b * idle <= epsilon {
                (s, 0.0, idle)
            } else {
                let beta = epsilon / decay_b;
                (s, target - e - k * beta, beta)
            }
        }
    };
    Form { s, t, beta, value: value(s, t, beta) }
}

fn sigma(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

/// log(1 + e^x).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn logit(q: f64) -> f64 {
    q.ln() - (-q).ln_1p()
}

/// BCE.
pub(crate) fn bce_minimum(classes: usize, epsilon: f64, bias: Bias, decay_b: f64) -> Form {
    let k = classes as f64;
    let e = k * epsilon;
    let at = |s: f64, t: f64, beta: f64| {
        let (own, other) = (beta + t / k + s * (k - 1.0) / k, beta + t / k - s / k);
        let value =
            softplus(-own) + (k - 1.0) * softplus(other) + epsilon * ((k - 1.0) * s + t.abs()) + 0.5 * decay_b * k * beta * beta;
        Form { s, t, beta, value }
    };
    // The margin for a mean logit v (all that t and β do): σ(z_j) + σ(−z_k) = Kε, or 0.
    let margin = |v: f64| {
        let drive = |s: f64| sigma(v - s / k) + sigma(-v - s * (k - 1.0) / k) - e;
        if drive(0.0) <= 0.0 { 0.0 } else { bisect(drive, 0.0, 4.0 * k * (3000.0 + v.abs())) }
    };
    // What pulls the mean: a + (K−1)e, rising in v.
    let pull = |v: f64, s: f64| (k - 1.0) * sigma(v - s / k) - sigma(-v - s * (k - 1.0) / k);
    match bias {
        Bias::Free => {
            if epsilon < 1.0 / k {
                let (other, own) = (logit(epsilon), -logit((k - 1.0) * epsilon));
                let s = own - other;
                at(s, 0.0, other + s / k)
            } else {
                at(0.0, 0.0, logit(1.0 / k))
            }
        }
        Bias::None => {
            let s = margin(0.0);
            if pull(0.0, s) <= e {
                return at(s, 0.0, 0.0);
            }
            // t < 0: σ(z_j) = 2ε, σ(−z_k) = (K−2)ε with a simplex, K σ(z) = 1 + Kε without.
            if 2.0 * e < 2.0 {
                let (other, own) = (logit(2.0 * epsilon), -logit((k - 2.0) * epsilon));
                if own - other > 0.0 {
                    return at(own - other, own + (k - 1.0) * other, 0.0);
                }
            }
            at(0.0, k * logit(1.0 / k + epsilon), 0.0)
        }
        Bias::Decayed => {
            let v = bisect(|v: f64| -pull(v, margin(v)) - decay_b * k * v, -1e4, 1e4);
            if decay_b * v.abs() <= epsilon {
                return at(margin(v), 0.0, v);
            }
            // |β| stops at ε/λ_b; the rest is t's. K ≥ 3, so both are negative.
            let beta = -epsilon / decay_b;
            let v = bisect(|v: f64| e - pull(v, margin(v)), -1e4, 1e4);
            at(margin(v), k * (v - beta), beta)
        }
    }
}

/// log κ + the loss of m classes at κε: m equal clusters of κ = K/m classes, CE and LS.
pub(crate) fn cluster_form(classes: usize, clusters: usize, epsilon: f64, alpha: f64) -> Form {
    let size = (classes / clusters) as f64;
    if clusters == 1 {
        return Form { s: 0.0, t: 0.0, beta: 0.0, value: (classes as f64).ln() };
    }
    let inner = softmax_minimum(clusters, size * epsilon, alpha);
    Form { value: size.ln() + inner.value, ..inner }
}

/// The state of m alive classes of K: (s, y) and f/c, for CE, LS and FL. y is 0 without a bias.
///
/// A sample of A has logits s(m−1)/m + y, −s/m + y (m − 1 times), 0 (K − m times); one of B has 0 (K − m times) and y (m times).
pub(crate) struct Partial {
    pub(crate) s: f64,
    pub(crate) y: f64,
    pub(crate) value: f64,
    /// σ/μ on the differences of B (K − m − 1 times) and on the mean of the groups (once).
    pub(crate) ratios: [f64; 2],
}

pub(crate) struct Groups {
    pub(crate) k: f64,
    pub(crate) m: f64,
    pub(crate) epsilon: f64,
    pub(crate) decay_b: Option<f64>,
    pub(crate) gamma: f64,
    pub(crate) alpha: f64,
}

impl Groups {
    /// For A and B: p, 1 − p, −log p, q of the same group, q of the other.
    fn samples(&self, s: f64, y: f64) -> [[f64; 5]; 2] {
        let of = |same: f64, many: f64, other: f64, rest: f64| {
            let (a, b) = (same.exp(), other.exp());
            let odds = many * a + rest * b;
            let total = 1.0 + odds;
            [1.0 / total, odds / total, odds.ln_1p(), a / total, b / total]
        };
        let (k, m) = (self.k, self.m);
        [of(-s, m - 1.0, -s * (m - 1.0) / m - y, k - m), of(0.0, k - m - 1.0, y, m)]
    }

    fn eta(&self, [p, rest, surprise, ..]: [f64; 5]) -> f64 {
        rest.powf(self.gamma) + self.gamma * p * rest.powf(self.gamma - 1.0) * surprise
    }

    /// ∂f/∂s and ∂f/∂y up to positive factors.
    fn slopes(&self, s: f64, y: f64) -> [f64; 2] {
        let [a, b] = self.samples(s, y);
        let (k, m) = (self.k, self.m);
        let (eta_a, eta_b) = (self.eta(a), self.eta(b));
        let along_s = k * self.epsilon + self.alpha - eta_a * (m * a[3] + (k - m) * a[4]);
        let along_y = self.decay_b.map_or(0.0, |decay| decay * y + eta_b * b[4] - eta_a * a[4]);
        [along_s, along_y]
    }

    fn gap(&self, s: f64) -> f64 {
        if self.decay_b.is_none() { 0.0 } else { bisect(|y| -self.slopes(s, y)[1], -60.0, 60.0) }
    }

    /// The largest s at which f stops to fall; `None` where there is none. The bias's equation must be monotone: convex losses, and FL where asked for with a bias only near p → 1.
    pub(crate) fn solve(&self) -> Option<Partial> {
        let slope = |s: f64| self.slopes(s, self.gap(s))[0];
        let grid = |step: u32| 0.15 * f64::from(step);
        let last = (0..400).rev().find(|&step| slope(grid(step)) < 0.0)?;
        let s = bisect(slope, grid(last), grid(last + 1));
        if !(s > 1e-3) {
            return None;
        }
        let y = self.gap(s);
        let (k, m) = (self.k, self.m);
        let [a, b] = self.samples(s, y);
        let loss = |x: [f64; 5], mean: f64| x[1].powf(self.gamma) * x[2] - self.alpha * mean;
        let mean_a = (-(m - 1.0) * s - (k - m) * (s * (m - 1.0) / m + y)) / k;
        let value = m / k * loss(a, mean_a)
            + (k - m) / k * loss(b, m * y / k)
            + self.epsilon * (m - 1.0) * s
            + 0.5 * self.decay_b.unwrap_or(0.0) * y * y * m * (k - m) / k;
        let unit = k * self.epsilon;
        let (from_a, from_b) = ((k - m) * (self.eta(a) * a[4] - self.alpha / k), m * (self.eta(b) * b[4] - self.alpha / k));
        let mean = (from_a * from_a * k / (k - m) + from_b * from_b * k / m).sqrt() / unit;
        Some(Partial { s, y, value, ratios: [self.eta(b) * (1.0 - self.alpha) / unit, mean] })
    }
}

/// Used where nothing but the loss's own number is wanted.
pub(crate) fn at_origin(classes: usize) -> f64 {
    log_sum(classes as f64, 0.0)
}
