//! Partially collapsed states: m of the K classes form a simplex, the others sit at the origin.
//!
//! A balanced problem with a shift-invariant loss (cross-entropy, label smoothing, focal). Let A be the m alive classes and B the others, with w = h = 0 on B, W = ωB_m, h_{k,i} = νB_mᵀe_k on A
//! (B_mB_mᵀ = P_m), so that X = sP_m ⊕ 0, and a bias b that is y + const on A and const on B. The symmetry S_m × S_{K−m} leaves two unknowns, the margin s and the gap y of the bias (y = 0 without one):
//!
//! ```text
//! class in A:  z = s(m−1)/m + y (own),  −s/m + y (other of A),  0 (B)          probabilities p, q_A, q_B
//! class in B:  z = 0 (own and B),  y (A)                                         probabilities p', p'_A
//! f = (m/K) L_A + ((K−m)/K) L_B + ε(m−1)s + (λ_b/2) y² m(K−m)/K
//! ```
//!
//! (the bias decays least when its entries sum to 0, which 1ᵀG = 0 enforces). With ⟨∇L, e_k − 1_A/m⟩ = −η(m−1)/m · (mq_A + (K−m)q_B) and ⟨∇L, 1_A⟩ = −η(K−m)q_B on A, η'mp'_A on B:
//!
//! ```text
//! η(p)[m q_A + (K−m) q_B] − α = Kε,          −η(p) q_B + η(p') p'_A + λ_b y = 0
//! ```
//!
//! with η = 1 but for the focal loss, α = 0 but for label smoothing. Everything else vanishes by symmetry: W and H enter bilinearly, and G maps std_B and the mean of (A, B) out of their range.
//!
//! G there, in units of 1/(K√n): Kε on std_A (m − 1 times: criticality), η(p') (1 − α for smoothing) on std_B (K − m − 1 times), and one σ on the mean of (A, B).

use super::root::{bracketed_root, maximum};
use super::{Balanced, Bias, Inapplicable, PartialBranch};
use crate::losses::Loss;
use crate::model::{Point, Shape};

/// A critical point of the whole problem at which `alive` classes form a simplex and the others are zero.
#[derive(Clone, Debug, PartialEq)]
pub struct PartialCollapse {
    /// m.
    pub alive: usize,
    /// f there.
    pub value: f64,
    /// s, the margin among the alive; 0 for m = 0.
    pub scale: f64,
    /// y, the bias of an alive class minus that of another.
    pub bias_gap: f64,
    /// σ_j(G)/μ with multiplicities: on the alive simplex (exactly 1), on the differences of the others, on the mean of the two groups, and 0 for the constant.
    pub residual_ratios: Vec<(f64, usize)>,
    /// ‖w^k‖ of an alive class.
    pub norm_w: f64,
    /// ‖h‖ of its samples.
    pub norm_h: f64,
    /// Probabilities and slopes of a sample of an alive class, and of another; the one of a group that is empty means nothing.
    pub samples: [GroupSample; 2],
}

/// Probabilities at (s, y), of a sample of an alive class and of another.
struct At {
    alive: Own,
    other: Own,
}

/// Of one sample's true class.
#[derive(Clone, Copy)]
struct Own {
    probability: f64,
    /// 1 − p.
    complement: f64,
    /// −log p.
    surprise: f64,
    /// The probability of another class of the same group.
    same: f64,
    /// The probability of a class of the other group.
    across: f64,
}

/// What the derivatives of the loss need of one sample, where the classes are two groups: its own and the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupSample {
    /// p, of the true class.
    pub probability: f64,
    /// 1 − p, never by subtraction.
    pub complement: f64,
    /// The probability of another class of the same group.
    pub same: f64,
    /// The probability of a class of the other group.
    pub across: f64,
    /// η(p): 1 but for the focal loss.
    pub eta: f64,
    /// (1 − p)² η'(p), which stays bounded at p → 1; 0 but for the focal loss.
    pub slope: f64,
}

impl Own {
    /// With the log-odds of `same_count` classes at `same` and `across_count` at `across`, relative to the true class.
    fn new(same: f64, same_count: f64, across: f64, across_count: f64) -> Self {
        // The largest log-odds is divided out, so that nothing overflows.
        let top = same.max(across).max(0.0);
        let (own, same, across) = ((-top).exp(), (same - top).exp(), (across - top).exp());
        let rest = same_count * same + across_count * across;
        let total = own + rest;
        let surprise = if top > 0.0 { total.ln() + top } else { rest.ln_1p() };
        Self { probability: own / total, complement: rest / total, surprise, same: same / total, across: across / total }
    }
}

/// The scalar problem's data: loss divided by its factor c.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reduction {
    m: f64,
    k: f64,
    pub(super) epsilon: f64,
    /// λ_b; `None` without a bias.
    decay_b: Option<f64>,
    gamma: f64,
    alpha: f64,
}

impl Reduction {
    /// m.
    pub(super) fn alive(&self) -> usize {
        self.m as usize
    }

    fn at(&self, s: f64, y: f64) -> At {
        let Self { m, k, .. } = *self;
        // Without an alive class nothing is asked of one.
        let alive = if m > 0.0 { Own::new(-s, m - 1.0, -s * (m - 1.0) / m - y, k - m) } else { Own::new(0.0, k - 1.0, 0.0, 0.0) };
        let other = Own::new(0.0, k - m - 1.0, y, m);
        At { alive, other }
    }

    /// η(p).
    fn weight(&self, own: Own) -> f64 {
        let ratio = if own.complement > 0.0 { own.surprise / own.complement } else { 1.0 };
        own.complement.powf(self.gamma) * (1.0 + self.gamma * own.probability * ratio)
    }

    /// With (1−p)²η' = (1−p)^γ[−2γ(1−p) − γ(1−p) log p + γ(γ−1) p log p].
    fn sample(&self, own: Own) -> GroupSample {
        let Own { probability, complement, surprise, same, across } = own;
        let ratio = if complement > 0.0 { probability * (surprise / complement) } else { probability };
        let power = complement.powf(self.gamma);
        let slope = self.gamma * (power * complement) * (surprise - 2.0 - (self.gamma - 1.0) * ratio);
        GroupSample { probability, complement, same, across, eta: power * (1.0 + self.gamma * ratio), slope }
    }

    fn loss(&self, own: Own, mean_log_odds: f64) -> f64 {
        // −Σ ỹ_j log p_j = −log p_k − α·mean(z_j − z_k).
        own.complement.powf(self.gamma) * own.surprise - self.alpha * mean_log_odds
    }

    fn value(&self, s: f64, y: f64) -> f64 {
        let Self { m, k, epsilon, .. } = *self;
        let at = self.at(s, y);
        if !(m > 0.0) {
            return self.loss(at.other, 0.0);
        }
        // Means over j of z_j − z_k.
        let alive_odds = (-(m - 1.0) * s - (k - m) * (s * (m - 1.0) / m + y)) / k;
        let losses = m / k * self.loss(at.alive, alive_odds) + (k - m) / k * self.loss(at.other, m * y / k);
        losses + epsilon * (m - 1.0) * s + 0.5 * self.decay_b.unwrap_or(0.0) * y * y * m * (k - m) / k
    }

    /// The two equations' left sides minus right sides.
    fn residual(&self, s: f64, y: f64) -> [f64; 2] {
        let Self { m, k, epsilon, alpha, .. } = *self;
        let at = self.at(s, y);
        let eta = self.weight(at.alive);
        let drive = eta * (m * at.alive.same + (k - m) * at.alive.across) - alpha - k * epsilon;
        let shift = match self.decay_b {
            Some(decay_b) => -eta * at.alive.across + self.weight(at.other) * at.other.across + decay_b * y,
            None => 0.0,
        };
        [drive, shift]
    }

    /// The ε/c at which (s, y) satisfies the first equation.
    pub(super) fn epsilon_at(&self, s: f64, y: f64) -> f64 {
        let at = self.at(s, y);
        let drive = self.weight(at.alive) * (self.m * at.alive.same + (self.k - self.m) * at.alive.across);
        (drive - self.alpha) / self.k
    }

    /// y for a given s: the bias's own stationarity, by the sign change nearest to 0 along the descent direction.
    pub(super) fn gap(&self, s: f64) -> f64 {
        if self.decay_b.is_none() {
            return 0.0;
        }
        let shift = |y: f64| self.residual(s, y)[1];
        let start = shift(0.0);
        if !(start.abs() > 0.0) {
            return 0.0;
        }
        // f falls along −sign(shift); doubling finds where it stops to fall.
        let sign = -start.signum();
        let mut far = 1e-3;
        while shift(sign * far) * start > 0.0 && far < 1e6 {
            far *= 2.0;
        }
        let near = if far > 1e-3 { 0.5 * far } else { 0.0 };
        sign * bracketed_root(|x| shift(sign * x) * start, near, far)
    }

    /// (s, y) with the largest s at which the drive, y following s, falls through zero; `None` where it never is positive.
    ///
    /// A scan from above finds the first place where it is positive: the branch that is a minimum in s. Near the end of a branch that place lies between two of the grid, around a maximum.
    fn solve(&self) -> Option<(f64, f64)> {
        let drive = |s: f64| self.residual(s, self.gap(s))[0];
        // A free bias lets q_B fall like e^{−s/4} only: the top is searched.
        let mut top = 8.0;
        while drive(top) > 0.0 && top < 1e4 {
            top *= 1.5;
        }
        let steps = 400;
        let grid = |step: u32| top * f64::from(step) / f64::from(steps);
        let (mut right, mut rising) = (drive(top), true);
        for step in (0..steps).rev() {
            let here = drive(grid(step));
            let mut positive = grid(step);
            if !(here > 0.0) && rising && here < right {
                positive = maximum(drive, grid(step), grid((step + 2).min(steps)));
            }
            if drive(positive) > 0.0 {
                let s = bracketed_root(drive, positive, grid((step + 2).min(steps)));
                return (s > 0.0).then(|| self.polished(s, self.gap(s)));
            }
            (rising, right) = (here > right, here);
        }
        None
    }

    /// Two Newton steps on both equations with a difference quotient as Jacobian, kept only where they lower the residual: the nested roots leave rounding of the inner one in the outer.
    fn polished(&self, mut s: f64, mut y: f64) -> (f64, f64) {
        let size = |r: [f64; 2]| r[0].abs().max(r[1].abs());
        for _ in 0..3 {
            let r = self.residual(s, y);
            let h = 1e-6;
            let column = |ds: f64, dy: f64| {
                let (up, down) = (self.residual(s + ds, y + dy), self.residual(s - ds, y - dy));
                [(up[0] - down[0]) / (2.0 * h), (up[1] - down[1]) / (2.0 * h)]
            };
            let (a, b) = (column(h, 0.0), if self.decay_b.is_some() { column(0.0, h) } else { [0.0, 1.0] });
            let determinant = a[0] * b[1] - b[0] * a[1];
            let (ds, dy) = ((r[0] * b[1] - b[0] * r[1]) / determinant, (a[0] * r[1] - r[0] * a[1]) / determinant);
            if !(size(self.residual(s - ds, y - dy)) < size(r)) {
                break;
            }
            (s, y) = (s - ds, y - dy);
        }
        (s, y)
    }
}

/// The partially collapsed state with `alive` = m classes, 2 ≤ m ≤ K − 1; m = 0 is W = H = 0 and m = K the balanced ETF on its branch with the largest s.
///
/// It is critical for the whole problem (W, H, b) at every width d ≥ m − 1. Whether it is a minimum or a saddle, its `residual_ratios` and the inertia say.
/// `Err`: another loss, m = 1 or above K, a width below m − 1, an ε at which the m classes do not stay alive.
pub fn partial_collapse(balanced: &Balanced, alive: usize) -> Result<PartialCollapse, Inapplicable> {
    let c = balanced.scale;
    let mut reduction = Reduction::new(balanced, alive)?;
    Inapplicable::positive("ε/c", balanced.epsilon() / c)?;
    reduction.epsilon = balanced.epsilon() / c;
    if alive == 0 {
        return Ok(reduction.state(balanced, 0.0, 0.0));
    }
    let (s, y) = reduction.solve().ok_or_else(|| {
        let end = PartialBranch::new(balanced, alive).map_or(0.0, |branch| branch.epsilon_end());
        Inapplicable::new(
            format!("ε = {:e}: {alive} classes do not stay alive", balanced.epsilon()),
            format!("take an ε below {end:e}"),
        )
    })?;
    Ok(reduction.state(balanced, s, y))
}

impl Reduction {
    /// Everything but ε, which is left 0. `Err`: another loss, m = 1 or above K, a width below m − 1, a factor of the loss that is not positive.
    pub(super) fn new(balanced: &Balanced, alive: usize) -> Result<Self, Inapplicable> {
        let classes = balanced.classes;
        let (gamma, alpha) = match &balanced.loss {
            Loss::CrossEntropy(_) => (0.0, 0.0),
            Loss::LabelSmoothing(loss) => (0.0, loss.alpha),
            Loss::Focal(loss) => (loss.gamma, 0.0),
            other => {
                let reason = format!(
                    "partially collapsed states are in closed form for cross-entropy, label smoothing and focal, not {}",
                    other.name()
                );
                return Err(Inapplicable::new(reason, "take cross-entropy, label smoothing or focal"));
            }
        };
        Inapplicable::unless(
            alive != 1 && alive <= classes,
            || format!("{alive} of {classes} classes cannot form a simplex"),
            || format!("take 0, or a number from 2 to {classes}"),
        )?;
        Inapplicable::width(balanced.width, alive.saturating_sub(1))?;
        Inapplicable::positive("loss.scale", balanced.scale)?;
        // The gap of groups that are all or nothing is no variable.
        let has_gap = balanced.bias != Bias::None && alive > 0 && alive < classes;
        let decay_b = has_gap.then_some(balanced.decay.b / balanced.scale);
        Ok(Self { m: alive as f64, k: classes as f64, epsilon: 0.0, decay_b, gamma, alpha })
    }

    /// The critical point at (s, y) = (0, 0) for m = 0, at a root of both equations otherwise.
    pub(super) fn state(&self, balanced: &Balanced, s: f64, y: f64) -> PartialCollapse {
        let (alive, classes) = (self.m as usize, balanced.classes);
        let ratio = balanced.class_ratio();
        let size = if alive > 0 { s * (self.m - 1.0) / self.m } else { 0.0 };
        let at = self.at(s, y);
        PartialCollapse {
            alive,
            value: balanced.scale * self.value(s, y),
            scale: s,
            bias_gap: y,
            residual_ratios: self.residual_ratios(s, y, alive, classes),
            norm_w: (ratio * size).sqrt(),
            norm_h: (size / ratio).sqrt(),
            samples: [at.alive, at.other].map(|own| self.sample(own)),
        }
    }

    /// σ_j(G)/μ: see the module's page. On the mean, G has rank one with the left vector (1_A/m − 1_B/(K−m)): σ² = a²K/(K−m) + c²K/m, where −a and c are what a column of A, of B puts on A.
    fn residual_ratios(&self, s: f64, y: f64, alive: usize, classes: usize) -> Vec<(f64, usize)> {
        let Self { m, k, epsilon, alpha, .. } = *self;
        let at = self.at(s, y);
        if alive == 0 {
            return vec![(self.weight(at.other) * (1.0 - alpha) / (k * epsilon), classes - 1), (0.0, 1)];
        }
        let mut ratios = vec![(1.0, alive - 1)];
        if alive < classes {
            let others = classes - alive;
            if others > 1 {
                ratios.push((self.weight(at.other) * (1.0 - alpha) / (k * epsilon), others - 1));
            }
            let a = (k - m) * (self.weight(at.alive) * at.alive.across - alpha / k);
            let c = m * (self.weight(at.other) * at.other.across - alpha / k);
            ratios.push(((a * a * k / (k - m) + c * c * k / m).sqrt() / (k * epsilon), 1));
        }
        ratios.push((0.0, 1));
        ratios
    }
}

impl PartialCollapse {
    /// max σ_j(G)/μ outside the alive simplex: above 1 it is a strict saddle wherever a free dimension is left.
    pub fn escape_ratio(&self) -> f64 {
        let skip = usize::from(self.alive > 0);
        self.residual_ratios.iter().skip(skip).map(|&(ratio, _)| ratio).fold(0.0, f64::max)
    }

    /// (d − m + 1)·#{σ_j(G) > μ}: the negative eigenvalues that the unused dimensions contribute.
    pub fn off_space_index(&self, width: usize) -> u64 {
        let rank = self.alive.saturating_sub(1);
        let skip = usize::from(self.alive > 0);
        let above: usize =
            self.residual_ratios.iter().skip(skip).filter(|&&(ratio, _)| ratio > 1.0).map(|&(_, count)| count).sum();
        ((width - rank) * above) as u64
    }

    /// The point, its first m classes alive: W = √ρ√s B_m, H = √s B_mᵀ/√ρ repeated, b of sum 0 with gap y, padded with zeros. `balanced` must be the problem it was made for.
    pub fn point(&self, balanced: &Balanced, shape: &Shape) -> Point {
        let classes = balanced.classes;
        let mut point = Point::zeros(shape, balanced.bias);
        let (m, k) = (self.alive as f64, classes as f64);
        let ratio = balanced.class_ratio().sqrt();
        let entry = |class: usize, column: usize| {
            if class < self.alive && column + 1 < self.alive {
                self.scale.sqrt() * super::point::helmert(class, column)
            } else {
                0.0
            }
        };
        point.w_mut().iter_mut().enumerate().for_each(|(at, w)| *w = ratio * entry(at % classes, at / classes));
        for (i, (mut feature, &label)) in point.h_mut().column_iter_mut().zip(shape.labels()).enumerate() {
            feature.iter_mut().enumerate().for_each(|(column, h)| *h = entry(label, column) / ratio * shape.stretch(i));
        }
        for (class, b) in point.b_mut().iter_mut().enumerate() {
            *b = if class < self.alive { self.bias_gap * (1.0 - m / k) } else { -self.bias_gap * m / k };
        }
        point
    }
}
