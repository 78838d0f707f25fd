//! Many samples at once: a block of logits with the samples side by side, and vectorised forms of the losses over it.
//!
//! A block has a row for each class, so that eight samples fill a vector register whatever K is. Two families of losses cover what is vectorised: those of the softmax
//! ([`SoftmaxLanes`]) and sums over the classes ([`SeparableLanes`]). Each loss gives its few formulas once more here, over lanes; a law over all losses holds them to the scalar
//! ones, entry by entry.

use pulp::{Arch, Simd, WithSimd};

use super::{LogitHessian, LossFunction};
use crate::numeric::Jet;
use crate::numeric::lanes::{LANES, Lanes, exp, lanes, log_one_plus};

/// Relative difference, entry by entry, that the vectorised residuals and losses may have from the scalar ones.
pub const BLOCK_TOLERANCE: f64 = 2e-14;

/// The logits of some samples: the logit of class k and sample i is entry k·`stride` + i. Rows are padded to whole groups of eight with samples of weight 0.
#[derive(Debug)]
pub struct LogitBlock<'a> {
    /// Logits, then residuals.
    pub logits: &'a mut [f64],
    /// From one class to the next: at least `count` rounded up to a multiple of eight.
    pub stride: usize,
    /// K.
    pub classes: usize,
    /// Samples.
    pub count: usize,
    /// The samples' classes, padded with 0.
    pub labels: &'a [u64],
    /// What multiplies a sample's gradient, padded with 0.
    pub weights: &'a [f64],
    /// What multiplies a sample's loss, padded with 0.
    pub copies: &'a [f64],
    /// Room for one sample.
    pub scratch: &'a mut Scratch,
}

/// Room for one sample: its logits, its gradient or direction, its Hessian.
#[derive(Debug, Default)]
pub struct Scratch {
    logits: Vec<f64>,
    vector: Vec<f64>,
    hessian: LogitHessian,
}

impl Scratch {
    /// Room for K classes.
    pub fn new(classes: usize) -> Self {
        Self { logits: vec![0.0; classes], vector: vec![0.0; classes], hessian: LogitHessian::default() }
    }
}

impl LogitBlock<'_> {
    /// [`LossFunction::residual_block`] by the scalar formulas, sample by sample.
    pub fn residuals_by_sample(&mut self, loss: &(impl LossFunction + ?Sized)) -> f64 {
        let mut sum = crate::numeric::Sum::default();
        let Scratch { logits, vector, .. } = &mut *self.scratch;
        for i in 0..self.count {
            gather(self.logits, self.stride, i, logits);
            sum.add(self.copies[i] * loss.value_gradient(logits, self.labels[i] as usize, vector));
            scatter(vector, self.weights[i], self.logits, self.stride, i);
        }
        sum.value()
    }

    /// [`LossFunction::curve_block`] by the scalar formulas, sample by sample.
    pub fn curve_by_sample(&mut self, loss: &(impl LossFunction + ?Sized), tangent: &mut [f64]) {
        let Scratch { logits, vector, hessian } = &mut *self.scratch;
        for i in 0..self.count {
            let (label, weight) = (self.labels[i] as usize, self.weights[i]);
            gather(self.logits, self.stride, i, logits);
            gather(tangent, self.stride, i, vector);
            loss.hessian(logits, label, hessian);
            hessian.apply(vector);
            scatter(vector, weight, tangent, self.stride, i);
            loss.value_gradient(logits, label, vector);
            scatter(vector, weight, self.logits, self.stride, i);
        }
    }
}

/// `out` ← sample i.
fn gather(rows: &[f64], stride: usize, i: usize, out: &mut [f64]) {
    out.iter_mut().enumerate().for_each(|(k, out)| *out = rows[k * stride + i]);
}

/// Sample i ← `factor` times `from`.
fn scatter(from: &[f64], factor: f64, rows: &mut [f64], stride: usize, i: usize) {
    from.iter().enumerate().for_each(|(k, x)| rows[k * stride + i] = factor * x);
}

/// Of eight samples: p_k, 1 − p_k and −log p_k.
pub(super) struct Own {
    pub(super) p: Lanes,
    pub(super) q: Lanes,
    pub(super) surprise: Lanes,
}

/// A loss of p = softmax(z) through p_k alone, or cross-entropy against smoothed labels.
pub(super) trait SoftmaxLanes: Copy {
    /// Whether it is another function of p_k than cross-entropy's −log p_k.
    const WEIGHED: bool = false;

    /// α of smoothed labels.
    fn smoothing(self) -> f64 {
        0.0
    }

    /// ℓ, ℓ_u and ℓ_uu along the log-odds u; asked only where [`Self::WEIGHED`].
    fn jet<S: Simd>(self, _simd: S, own: &Own) -> Jet<Lanes> {
        Jet { value: own.surprise, first: lanes(|l| -own.q[l]), second: lanes(|l| own.p[l] * own.q[l]) }
    }
}

impl LogitBlock<'_> {
    /// Whether some true class is ahead of all others by more than `most`.
    pub(super) fn leads_by_more_than(&self, most: f64) -> bool {
        (0..self.count).any(|i| {
            let own = self.labels[i] as usize;
            let least = self.logits[own * self.stride + i] - most;
            (0..self.classes).all(|k| k == own || self.logits[k * self.stride + i] < least)
        })
    }
}

/// A loss that is a sum over the classes.
pub(super) trait SeparableLanes: Copy {
    /// The terms of one class with their derivatives in its logits; `own` says for which samples it is the true one.
    fn jet<S: Simd>(self, simd: S, z: &Lanes, own: &[bool; LANES]) -> Jet<Lanes>;
}

/// [`LossFunction::residual_block`] of a loss of the softmax.
pub(super) fn softmax_residuals(loss: impl SoftmaxLanes, block: &mut LogitBlock<'_>) -> f64 {
    Arch::new().dispatch(Softmax { loss, block, tangent: None })
}

/// [`LossFunction::curve_block`] of a loss of the softmax.
pub(super) fn softmax_curve(loss: impl SoftmaxLanes, block: &mut LogitBlock<'_>, tangent: &mut [f64]) {
    Arch::new().dispatch(Softmax { loss, block, tangent: Some(tangent) });
}

/// [`LossFunction::residual_block`] of a sum over the classes.
pub(super) fn separable_residuals(loss: impl SeparableLanes, block: &mut LogitBlock<'_>) -> f64 {
    Arch::new().dispatch(Separable { loss, block, tangent: None })
}

/// [`LossFunction::curve_block`] of a sum over the classes.
pub(super) fn separable_curve(loss: impl SeparableLanes, block: &mut LogitBlock<'_>, tangent: &mut [f64]) {
    Arch::new().dispatch(Separable { loss, block, tangent: Some(tangent) });
}

struct Softmax<'a, 'b, L> {
    loss: L,
    block: &'a mut LogitBlock<'b>,
    tangent: Option<&'a mut [f64]>,
}

struct Separable<'a, 'b, L> {
    loss: L,
    block: &'a mut LogitBlock<'b>,
    tangent: Option<&'a mut [f64]>,
}

/// The group of eight entries from `at` on.
#[inline(always)]
fn group<T>(from: &[T], at: usize) -> &[T; LANES] {
    from[at..].first_chunk().expect("rows are padded to whole groups")
}

/// The same, for writing.
#[inline(always)]
fn group_mut(from: &mut [f64], at: usize) -> &mut Lanes {
    from[at..].first_chunk_mut().expect("rows are padded to whole groups")
}

impl<L: SoftmaxLanes> WithSimd for Softmax<'_, '_, L> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { loss, block, tangent } = self;
        let mut sum = [0.0; LANES];
        match tangent {
            None => {
                for at in (0..block.count).step_by(LANES) {
                    let value = softmax_group::<S, L, false>(simd, loss, block, &mut [], at);
                    sum = lanes(|l| sum[l] + value[l]);
                }
            }
            Some(tangent) => {
                for at in (0..block.count).step_by(LANES) {
                    softmax_group::<S, L, true>(simd, loss, block, tangent, at);
                }
            }
        }
        sum.iter().sum()
    }
}

/// x / y, 0 where y is 0; NaN stays.
#[inline(always)]
fn over(x: f64, y: f64) -> f64 {
    if y <= 0.0 { 0.0 } else { x / y }
}

/// Eight samples: the logits become residuals, the directions (where CURVE) their products with the Hessian; returns the losses times `copies`.
///
/// With m the largest logit's class and e_j = e^{z_j − z_m}: q = 1 − p_k is the sum of the other classes' e_j over all, and Σ e − 1 is the sum of all but m's; nothing is
/// subtracted from a number near it. Products take the directions relative to m's, D'_j = D_j − D_m: (A D)_j = p_j(D'_j − Σ p D') has no cancellation (`hessian.rs`).
///
/// A loss ℓ(p_k) has ∇L = −ℓ_u(π − e_k), π_j = p_j/q, and with D̃ = Σ_{j≠k} π_j D'_j and t = D'_k − D̃ (`true_class.rs`)
/// (∇²L D)_j = π_j(−ℓ_u(D'_j − D̃) − ℓ_uu t), (∇²L D)_k = ℓ_uu t.
#[inline(always)]
fn softmax_group<S: Simd, L: SoftmaxLanes, const CURVE: bool>(
    simd: S,
    loss: L,
    block: &mut LogitBlock<'_>,
    tangent: &mut [f64],
    at: usize,
) -> Lanes {
    let (classes, stride) = (block.classes, block.stride);
    let z = &mut *block.logits;
    let labels = group(block.labels, at);
    let (weights, copies) = (group(block.weights, at), group(block.copies, at));
    let of_label = |rows: &[f64]| lanes(|l| rows[labels[l] as usize * stride + at + l]);
    let own = of_label(z);
    let own_direction = if CURVE { of_label(tangent) } else { own };
    let (mut top, mut base) = (own, own_direction);
    for k in 0..classes {
        let z = group(z, k * stride + at);
        if CURVE {
            let d = group(tangent, k * stride + at);
            base = lanes(|l| if z[l] > top[l] { d[l] } else { base[l] });
        }
        top = lanes(|l| if z[l] > top[l] { z[l] } else { top[l] });
    }
    let mut total = [0.0; LANES];
    let mut others = [0.0; LANES];
    let mut spread = [0.0; LANES];
    let mut mean = [0.0; LANES];
    let smoothing = loss.smoothing();
    for k in 0..classes {
        let z = group_mut(z, k * stride + at);
        let below = lanes(|l| z[l] - top[l]);
        let e = exp::<S>(&below);
        let other = lanes(|l| if labels[l] == k as u64 { 0.0 } else { e[l] });
        total = lanes(|l| total[l] + e[l]);
        others = lanes(|l| others[l] + other[l]);
        if smoothing > 0.0 {
            spread = lanes(|l| spread[l] - below[l]);
        }
        if CURVE {
            let d = group(tangent, k * stride + at);
            let shares = if L::WEIGHED { &other } else { &e };
            mean = lanes(|l| mean[l] + shares[l] * (d[l] - base[l]));
        }
        *z = e;
    }
    let one_over = lanes(|l| 1.0 / total[l]);
    let below_top = lanes(|l| top[l] - own[l]);
    let log_sum = log_one_plus::<S>(&lanes(|l| if top[l] > own[l] { total[l] - 1.0 } else { others[l] }));
    let surprise = lanes(|l| below_top[l] + log_sum[l]);
    let q = lanes(|l| others[l] * one_over[l]);
    let uniform = smoothing / classes as f64;
    // The loss; the residuals of the others over e, and the true class's; the curvature along the log-odds.
    let (value, of_e, of_own, second) = if L::WEIGHED {
        let share = of_label(z);
        let own = Own { p: lanes(|l| share[l] * one_over[l]), q, surprise };
        let Jet { value, first, second } = loss.jet(simd, &own);
        let of_own = lanes(|l| weights[l] * first[l]);
        (value, lanes(|l| over(-of_own[l], others[l])), of_own, lanes(|l| weights[l] * second[l]))
    } else {
        let of_e = lanes(|l| weights[l] * one_over[l]);
        // p_k − ỹ_k = (1 − ỹ_k) − (1 − p_k).
        let of_own = lanes(|l| weights[l] * (uniform * (classes as f64 - 1.0) - q[l]));
        let value = if smoothing > 0.0 {
            lanes(|l| log_sum[l] + ((1.0 - smoothing) * below_top[l] + uniform * spread[l]))
        } else {
            surprise
        };
        (value, of_e, of_own, [0.0; LANES])
    };
    let target = lanes(|l| weights[l] * uniform);
    let mean = if L::WEIGHED { lanes(|l| over(mean[l], others[l])) } else { lanes(|l| mean[l] * one_over[l]) };
    let bent = lanes(|l| second[l] * ((own_direction[l] - base[l]) - mean[l]));
    let against = lanes(|l| if L::WEIGHED { over(bent[l], others[l]) } else { 0.0 });
    for k in 0..classes {
        let z = group_mut(z, k * stride + at);
        if CURVE {
            let d = group_mut(tangent, k * stride + at);
            let straight = lanes(|l| (of_e[l] * z[l]) * ((d[l] - base[l]) - mean[l]));
            *d = if L::WEIGHED { lanes(|l| straight[l] - against[l] * z[l]) } else { straight };
        }
        *z = if smoothing > 0.0 { lanes(|l| of_e[l] * z[l] - target[l]) } else { lanes(|l| of_e[l] * z[l]) };
    }
    // The true classes' entries last, one by one: choosing in the loop above would keep it from becoming vector instructions.
    for l in 0..LANES {
        let own = labels[l] as usize * stride + at + l;
        z[own] = of_own[l];
        if CURVE && L::WEIGHED {
            tangent[own] = bent[l];
        }
    }
    lanes(|l| copies[l] * value[l])
}

impl<L: SeparableLanes> WithSimd for Separable<'_, '_, L> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { loss, block, mut tangent } = self;
        let mut sum = [0.0; LANES];
        for at in (0..block.count).step_by(LANES) {
            let labels = group(block.labels, at);
            let (weights, copies) = (group(block.weights, at), group(block.copies, at));
            for k in 0..block.classes {
                let z = group_mut(block.logits, k * block.stride + at);
                let own: [bool; LANES] = std::array::from_fn(|l| labels[l] == k as u64);
                let Jet { value, first, second } = loss.jet(simd, z, &own);
                sum = lanes(|l| sum[l] + copies[l] * value[l]);
                *z = lanes(|l| weights[l] * first[l]);
                if let Some(tangent) = tangent.as_deref_mut() {
                    let d = group_mut(tangent, k * block.stride + at);
                    *d = lanes(|l| weights[l] * second[l] * d[l]);
                }
            }
        }
        sum.iter().sum()
    }
}

/// log(1 + e^x) of BCE and its derivatives, of eight logits: x = −z for the true class.
#[inline(always)]
pub(super) fn softplus<S: Simd>(z: &Lanes, own: &[bool; LANES]) -> Jet<Lanes> {
    let x = lanes(|l| if own[l] { -z[l] } else { z[l] });
    let small = exp::<S>(&lanes(|l| -x[l].abs()));
    let log = log_one_plus::<S>(&small);
    let one_over = lanes(|l| 1.0 / (1.0 + small[l]));
    // Comparisons that hand a NaN on.
    let value = lanes(|l| (if x[l] < 0.0 { 0.0 } else { x[l] }) + log[l]);
    let first = lanes(|l| (if x[l] < 0.0 { small[l] } else { 1.0 }) * one_over[l]);
    let first = lanes(|l| if own[l] { -first[l] } else { first[l] });
    let second = lanes(|l| small[l] * one_over[l] * one_over[l]);
    Jet { value, first, second }
}
