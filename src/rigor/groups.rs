//! Two groups of classes in intervals of any precision: m classes A whose features and rows of W form a simplex, K − m classes B at the origin. The scalars of `partial-state` and `not-global`.
//!
//! At scale s and gap y of the bias the logits of a sample, up to a constant, are
//!
//! ```text
//! class in A:  s (own),  0 (other of A),  −s/m·… : own minus other of A = s,  own minus one of B = s(m−1)/m + y
//! class in B:  own minus other of B = 0,  own minus one of A = −y
//! ```
//!
//! Written from `docs/certificates.md`, apart from `theory/partial.rs`. Values, slopes and forms are those of L/c; ε = √n μ/c.

use super::losses::IntervalLoss;
use crate::numeric::interval::Enclosure;
use crate::rigor::certificate::{BiasMode, Instance};

/// The problem's numbers for one m, all relative to c.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups<T> {
    /// m and l = K − m.
    pub(super) alive: usize,
    pub(super) others: usize,
    pub(super) m: T,
    pub(super) l: T,
    pub(super) k: T,
    /// √n μ/c.
    pub(super) epsilon: T,
    /// λ_b/c, 0 where the bias is free; `None` where the gap is no unknown: without a bias, or with one group.
    pub(super) gap_decay: Option<T>,
    pub(super) gamma: T,
    pub(super) alpha: T,
}

/// What one sample of a group sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample<T> {
    /// p of the own class, 1 − p, −log p.
    pub(super) probability: T,
    pub(super) complement: T,
    pub(super) surprise: T,
    /// The probability of another class of the own group, and of one of the other group.
    pub(super) same: T,
    pub(super) across: T,
    /// η, and (1−p)²η'.
    pub(super) eta: T,
    pub(super) slope: T,
}

/// Both groups' samples at one (s, y).
#[derive(Clone, Copy, Debug)]
pub(super) struct At<T> {
    /// Of A; of no meaning for m = 0.
    pub(super) alive: Sample<T>,
    /// Of B; of no meaning for m = K.
    pub(super) other: Sample<T>,
    s: T,
    y: T,
}

impl<T: Enclosure> Groups<T> {
    /// `None` for a loss that is not shift-invariant.
    pub(super) fn new(instance: &Instance, per_class: usize, alive: usize) -> Option<Self> {
        let (gamma, alpha) = match &instance.loss {
            IntervalLoss::CrossEntropy => (T::zero(), T::zero()),
            IntervalLoss::LabelSmoothing { alpha } => (T::zero(), (*alpha).into()),
            IntervalLoss::Focal { gamma } => ((*gamma).into(), T::zero()),
            _ => return None,
        };
        let others = instance.classes.checked_sub(alive)?;
        let scale = T::from(instance.scale);
        let mu = (T::from(instance.decay_w) * T::from(instance.decay_h)).sqrt();
        let has_gap = instance.bias != BiasMode::None && alive > 0 && others > 0;
        Some(Self {
            alive,
            others,
            m: T::count(alive),
            l: T::count(others),
            k: T::count(instance.classes),
            epsilon: T::count(per_class).sqrt() * mu / scale,
            gap_decay: has_gap.then(|| T::from(instance.decay_b) / scale),
            gamma,
            alpha,
        })
    }

    /// The samples at (s, y).
    pub(super) fn at(&self, s: T, y: T) -> At<T> {
        let one = T::one();
        let alive = match self.alive {
            0 => self.sample(T::zero(), T::zero(), T::zero(), T::zero()),
            _ => self.sample((-s).exp(), self.m - one, (-(s * (self.m - one) / self.m + y)).exp(), self.l),
        };
        let other = match self.others {
            0 => self.sample(T::zero(), T::zero(), T::zero(), T::zero()),
            _ => self.sample(one, self.l - one, y.exp(), self.m),
        };
        At { alive, other, s, y }
    }

    /// A sample with the odds `same` of each of `same_count` classes, and `across` of `across_count`, against its own.
    fn sample(&self, same: T, same_count: T, across: T, across_count: T) -> Sample<T> {
        let one = T::one();
        let odds = same_count * same + across_count * across;
        let (probability, complement, surprise) = (one / (one + odds), one / (one + one / odds), odds.log1p());
        let (mut eta, mut slope) = (one, T::zero());
        if !self.is_plain() {
            // η = (1−p)^γ(1 + γpr), (1−p)²η' = γ(1−p)^{γ+1}(−log p − 2 − (γ−1)pr), r = −log p/(1−p).
            let pr = probability * (surprise / complement);
            let power = complement.pow(self.gamma);
            eta = power * (one + self.gamma * pr);
            slope = self.gamma * (power * complement) * (surprise - (one + one) - (self.gamma - one) * pr);
        }
        Sample { probability, complement, surprise, same: probability * same, across: probability * across, eta, slope }
    }

    /// Whether γ = 0 exactly: cross-entropy and label smoothing.
    fn is_plain(&self) -> bool {
        let gamma = self.gamma.outward();
        gamma.mag() <= 0.0
    }

    /// f/c of the state at (s, y), critical or not.
    pub(super) fn value(&self, at: &At<T>) -> T {
        let Self { m, l, k, .. } = *self;
        let one = T::one();
        let loss = |sample: &Sample<T>, mean_log_odds: T| {
            let own = if self.is_plain() { sample.surprise } else { sample.complement.pow(self.gamma) * sample.surprise };
            own - self.alpha * mean_log_odds
        };
        let mut total = T::zero();
        if self.alive > 0 {
            // The mean over j of z_j − z_k.
            let odds = -((m - one) * at.s + l * (at.s * (m - one) / m + at.y)) / k;
            total = total + m / k * loss(&at.alive, odds) + self.epsilon * (m - one) * at.s;
        }
        if self.others > 0 {
            total = total + l / k * loss(&at.other, m * at.y / k);
        }
        match self.gap_decay {
            Some(decay) => total + decay * at.y.sqr() * m * l / (k * T::count(2)),
            None => total,
        }
    }

    /// The derivatives of f/c by s and y (the latter 0 where y is no unknown); for m ≥ 2.
    pub(super) fn gradient(&self, at: &At<T>) -> [T; 2] {
        let Self { m, l, k, .. } = *self;
        let (own, other) = (&at.alive, &at.other);
        let drive = own.eta * (m * own.same + l * own.across) - self.alpha;
        let by_scale = (m - T::one()) * (self.epsilon - drive / k);
        let by_gap = self
            .gap_decay
            .map_or(T::zero(), |decay| m * l / k * (other.eta * other.across - own.eta * own.across + decay * at.y));
        [by_scale, by_gap]
    }

    /// The second derivatives by (s, s), (s, y), (y, y).
    pub(super) fn curvature(&self, at: &At<T>) -> [T; 3] {
        let Self { m, l, k, .. } = *self;
        // dz/ds = e_k − 1_A/m and dz/dy = 1_A on A; dz/dy = 1_A on B.
        let (by_scale, by_gap) = ([T::one(), -(T::one() / m)], [T::zero(), T::one()]);
        let scale_scale = m / k * self.of_alive(at, by_scale, by_scale);
        let Some(decay) = self.gap_decay else { return [scale_scale, T::zero(), T::one()] };
        let scale_gap = m / k * self.of_alive(at, by_scale, by_gap);
        let gap_gap = m / k * self.of_alive(at, by_gap, by_gap) + l / k * self.of_other(at) + decay * m * l / k;
        [scale_scale, scale_gap, gap_gap]
    }

    /// ηS − (η + pη')ππ' from S = Σp_ju_ju'_j, π = Σp_ju_j, π', where u is a direction's entry minus that of the own class.
    pub(super) fn form(&self, sample: &Sample<T>, sum: T, pi: T, other_pi: T) -> T {
        let form = sample.eta * (sum - pi * other_pi);
        if self.is_plain() {
            return form;
        }
        form - sample.probability * sample.slope * (pi / sample.complement) * (other_pi / sample.complement)
    }

    /// D_kᵀ∇²L D'_k of a class k of A at D = αe_k + β1_A, D' = α'e_k + β'1_A: u is −α on the others of A and −α − β on B.
    pub(super) fn of_alive(&self, at: &At<T>, [alpha, beta]: [T; 2], [alpha2, beta2]: [T; 2]) -> T {
        let own = &at.alive;
        let (same, across) = ((self.m - T::one()) * own.same, self.l * own.across);
        let sum = same * alpha * alpha2 + across * (alpha + beta) * (alpha2 + beta2);
        let pi = |alpha: T, beta: T| -(same * alpha + across * (alpha + beta));
        self.form(own, sum, pi(alpha, beta), pi(alpha2, beta2))
    }

    /// The form of a class of B at 1_A: π = mp'_A, and π − π² = π·lp'.
    pub(super) fn of_other(&self, at: &At<T>) -> T {
        let other = &at.other;
        let pi = self.m * other.across;
        let spread = other.eta * pi * (self.l * other.same);
        if self.is_plain() { spread } else { spread - other.probability * other.slope * (pi / other.complement).sqr() }
    }
}
