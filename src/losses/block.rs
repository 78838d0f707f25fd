//! Many samples at once: a block of logits with the samples side by side, and vectorised forms of the losses over it.
//!
//! A block has a row for each class, so that eight samples fill a vector register whatever K is. Two families of losses cover what is vectorised: those of the softmax
//! ([`SoftmaxLanes`]) and sums over the classes ([`SeparableLanes`]). Each loss gives its few formulas once more here, over lanes; a law over all losses holds them to the scalar
//! ones, entry by entry.

use pulp::{Arch, Simd, WithSimd};

use super::curvature::{BlockCurvature, Form};
use super::{LogitHessian, LossFunction};
use crate::numeric::Jet;
use crate::numeric::lanes::{LANES, Lanes, exp, lanes, log_one_plus};
use crate::numeric::vector::Vector;

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

/// What is wanted of a loss over a block, beside residuals in the place of logits and the sum of the losses.
pub enum Task<'a> {
    /// Nothing more.
    Residuals,
    /// The curvature ∇²L, kept for products that follow.
    Keep(&'a mut BlockCurvature),
    /// The directions D_i, laid out as the logits, become w_i ∇²L(z_i) D_i.
    Curve(&'a mut [f64]),
}

/// Room for one sample, its logits, its gradient or direction, its Hessian; and for the curvature of eight.
#[derive(Debug, Default)]
pub struct Scratch {
    logits: Vec<f64>,
    vector: Vec<f64>,
    hessian: LogitHessian,
    /// The curvature of eight samples.
    kept: BlockCurvature,
}

impl Scratch {
    /// Room for K classes.
    pub fn new(classes: usize) -> Self {
        let [logits, vector] = [(); 2].map(|()| vec![0.0; classes]);
        Self { logits, vector, hessian: LogitHessian::default(), kept: BlockCurvature::new(classes, LANES) }
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
        let Scratch { logits, vector, hessian, .. } = &mut *self.scratch;
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
pub(super) struct Own<S> {
    pub(super) p: Vector<S>,
    pub(super) q: Vector<S>,
    pub(super) surprise: Vector<S>,
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
    fn jet<S: Simd>(self, own: &Own<S>) -> Jet<Vector<S>> {
        Jet { value: own.surprise, first: -own.q, second: own.p * own.q }
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

/// A loss of the softmax over a block, as [`LossFunction::over_lanes`] has it.
pub(super) fn softmax_block(loss: impl SoftmaxLanes, block: &mut LogitBlock<'_>, task: Task<'_>) -> f64 {
    Arch::new().dispatch(Softmax { loss, block, task })
}

/// A sum over the classes over a block, as [`LossFunction::over_lanes`] has it.
pub(super) fn separable_block(loss: impl SeparableLanes, block: &mut LogitBlock<'_>, task: Task<'_>) -> f64 {
    Arch::new().dispatch(Separable { loss, block, task })
}

struct Softmax<'a, 'b, L> {
    loss: L,
    block: &'a mut LogitBlock<'b>,
    task: Task<'a>,
}

struct Separable<'a, 'b, L> {
    loss: L,
    block: &'a mut LogitBlock<'b>,
    task: Task<'a>,
}

/// The group of eight entries from `at` on.
#[inline(always)]
pub(super) fn group<T>(from: &[T], at: usize) -> &[T; LANES] {
    from[at..].first_chunk().expect("rows are padded to whole groups")
}

/// The same, for writing.
#[inline(always)]
pub(super) fn group_mut(from: &mut [f64], at: usize) -> &mut Lanes {
    from[at..].first_chunk_mut().expect("rows are padded to whole groups")
}

impl<L: SoftmaxLanes> WithSimd for Softmax<'_, '_, L> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { loss, block, task } = self;
        let mut sum = Vector::splat(simd, 0.0);
        let groups = (0..block.count).step_by(LANES);
        let form = if L::WEIGHED { Form::Others } else { Form::Shares };
        match task {
            Task::Residuals => {
                for at in groups {
                    sum = sum + softmax_group(simd, loss, block, at, None);
                }
            }
            Task::Keep(kept) => {
                kept.form = form;
                for at in groups {
                    sum = sum + softmax_group(simd, loss, block, at, Some((&mut *kept, at)));
                }
            }
            Task::Curve(tangent) => {
                let mut kept = std::mem::take(&mut block.scratch.kept);
                kept.form = form;
                for at in groups {
                    sum = sum + softmax_group(simd, loss, block, at, Some((&mut kept, 0)));
                    kept.multiply_shares(
                        simd,
                        (L::WEIGHED, 0),
                        group(block.labels, at),
                        block.classes,
                        tangent,
                        (block.stride, at),
                    );
                }
                block.scratch.kept = kept;
            }
        }
        sum.lanes().iter().sum()
    }
}

/// Eight samples: the logits become residuals, and the curvature is kept where there is a place for it; returns the losses times `copies`.
///
/// With m the largest logit's class and e_j = e^{z_j − z_m}: q = 1 − p_k is the sum of the other classes' e_j over all, and Σ e − 1 is the sum of all but m's; nothing is
/// subtracted from a number near it.
#[inline(always)]
fn softmax_group<S: Simd, L: SoftmaxLanes>(
    simd: S,
    loss: L,
    block: &mut LogitBlock<'_>,
    at: usize,
    mut kept: Option<(&mut BlockCurvature, usize)>,
) -> Vector<S> {
    let (classes, stride) = (block.classes, block.stride);
    let z = &mut *block.logits;
    let labels = group(block.labels, at);
    let weights = Vector::new(simd, group(block.weights, at));
    let [zero, one] = [0.0, 1.0].map(|x| Vector::splat(simd, x));
    let smoothing = loss.smoothing();
    let mut top = Vector::new(simd, group(z, at));
    for k in 1..classes {
        top = top.max(Vector::new(simd, group(z, k * stride + at)));
    }
    let (mut total, mut others, mut spread) = (zero, zero, zero);
    // Of the true class.
    let (mut below_own, mut share_own) = (zero, zero);
    for k in 0..classes {
        let z = group_mut(z, k * stride + at);
        let below = Vector::new(simd, z) - top;
        let e = below.exp_of_negative();
        total = total + e;
        others = others + zero.where_label(labels, k as u64, e);
        below_own = below.where_label(labels, k as u64, below_own);
        if L::WEIGHED {
            share_own = e.where_label(labels, k as u64, share_own);
        }
        if smoothing > 0.0 {
            spread = spread - below;
        }
        *z = e.lanes();
    }
    let one_over = one / total;
    let below_top = zero - below_own;
    let log_sum = below_top.where_above(zero, total - one, others).log_one_plus();
    let surprise = below_top + log_sum;
    let q = others * one_over;
    let uniform = smoothing / classes as f64;
    // The loss; the residuals of the others over e, and the true class's; the curvature along the log-odds.
    let (value, of_e, of_own, second) = if L::WEIGHED {
        let Jet { value, first, second } = loss.jet(&Own { p: share_own * one_over, q, surprise });
        let of_own = weights * first;
        (value, (zero - of_own).over(others), of_own, weights * second)
    } else {
        // p_k − ỹ_k = (1 − ỹ_k) − (1 − p_k).
        let of_own = weights * (Vector::splat(simd, uniform * (classes as f64 - 1.0)) - q);
        let value = if smoothing > 0.0 {
            log_sum + (Vector::splat(simd, 1.0 - smoothing) * below_top + Vector::splat(simd, uniform) * spread)
        } else {
            surprise
        };
        (value, weights * one_over, of_own, zero)
    };
    let target = weights * Vector::splat(simd, uniform);
    let of_share = if L::WEIGHED { one.over(others) } else { one_over };
    for k in 0..classes {
        let z = group_mut(z, k * stride + at);
        let e = Vector::new(simd, z);
        let residual = if smoothing > 0.0 { of_e * e - target } else { of_e * e };
        *z = of_own.where_label(labels, k as u64, residual).lanes();
        if let Some((kept, at)) = &mut kept {
            let share = e * of_share;
            let share = if L::WEIGHED { zero.where_label(labels, k as u64, share) } else { share };
            *group_mut(&mut kept.entries, k * kept.stride + *at) = share.lanes();
        }
    }
    if let Some((kept, at)) = kept {
        *group_mut(&mut kept.straight, at) = if L::WEIGHED { zero - of_own } else { weights }.lanes();
        *group_mut(&mut kept.bent, at) = second.lanes();
    }
    Vector::new(simd, group(block.copies, at)) * value
}

impl<L: SeparableLanes> WithSimd for Separable<'_, '_, L> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let Self { loss, block, mut task } = self;
        if let Task::Keep(kept) = &mut task {
            kept.form = Form::Diagonal;
        }
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
                match &mut task {
                    Task::Residuals => {}
                    Task::Keep(kept) => {
                        *group_mut(&mut kept.entries, k * kept.stride + at) = lanes(|l| weights[l] * second[l]);
                    }
                    Task::Curve(tangent) => {
                        let d = group_mut(tangent, k * block.stride + at);
                        *d = lanes(|l| weights[l] * second[l] * d[l]);
                    }
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
