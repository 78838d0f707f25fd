//! Curvature of a block that is kept: what products with ∇²L need of every sample, without its logits and exponentials.
//!
//! Of a sum over the classes it is the diagonal. Of the softmax it is the shares p_j and the weight w of a sample: relative to the direction D_m of the class with the largest share, D'_j = D_j − D_m,
//! (A D)_j = w p_j(D'_j − Σ p D') has no cancellation (`hessian.rs`). A loss ℓ(p_k) has ∇L = −ℓ_u(π − e_k), π_j = p_j/q the shares of the classes other than k, and with D̃ = Σ_{j≠k} π_j D'_j and
//! t = D'_k − D̃ (`true_class.rs`) (∇²L D)_j = π_j(−ℓ_u(D'_j − D̃) − ℓ_uu t), (∇²L D)_k = ℓ_uu t.

use pulp::{Arch, Simd, WithSimd};

use super::block::{group, group_mut};
use crate::numeric::lanes::{LANES, lanes};
use crate::numeric::vector::Vector;

/// What the entries of a kept curvature are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// w_i ∂²L/∂z_j², all there is of a sum over the classes.
    #[default]
    Diagonal,
    /// p_j of all classes.
    Shares,
    /// π_j of the classes other than the true one.
    Others,
}

/// The curvature of a block's samples.
#[derive(Debug, Default)]
pub struct BlockCurvature {
    pub(super) form: Form,
    /// From one class's entries to the next's.
    pub(super) stride: usize,
    /// K rows.
    pub(super) entries: Vec<f64>,
    /// −w ℓ_u, or w, of every sample.
    pub(super) straight: Vec<f64>,
    /// w ℓ_uu of every sample.
    pub(super) bent: Vec<f64>,
}

impl BlockCurvature {
    /// Room for blocks of up to `stride` samples, a multiple of eight.
    pub fn new(classes: usize, stride: usize) -> Self {
        let [straight, bent] = [(); 2].map(|()| vec![0.0; stride]);
        Self { form: Form::default(), stride, entries: vec![0.0; classes * stride], straight, bent }
    }

    /// Turns the directions D_i of `tangent`, whose rows are `stride` apart, into w_i ∇²L(z_i) D_i, for the first `count` samples, whose classes are `labels`.
    pub fn multiply(&self, labels: &[u64], classes: usize, count: usize, tangent: &mut [f64], stride: usize) {
        Arch::new().dispatch(Multiply { kept: self, labels, classes, count, tangent, stride });
    }

    /// The same for the group of eight samples from `to` on, whose shares are those from `from` on; `others` says whether the true class's is left out.
    #[inline(always)]
    pub(super) fn multiply_shares<S: Simd>(
        &self,
        simd: S,
        (others, from): (bool, usize),
        labels: &[u64; LANES],
        classes: usize,
        tangent: &mut [f64],
        (stride, to): (usize, usize),
    ) {
        let share = |k: usize| Vector::new(simd, group(&self.entries, k * self.stride + from));
        let [straight, bent] = [&self.straight, &self.bent].map(|row| Vector::new(simd, group(row, from)));
        let zero = Vector::splat(simd, 0.0);
        let (mut largest, mut base, mut own) = (Vector::splat(simd, -1.0), zero, zero);
        for k in 0..classes {
            let (share, d) = (share(k), Vector::new(simd, group(tangent, k * stride + to)));
            base = share.where_above(largest, d, base);
            largest = share.max(largest);
            if others {
                own = d.where_label(labels, k as u64, own);
            }
        }
        let mut mean = zero;
        for k in 0..classes {
            let d = Vector::new(simd, group(tangent, k * stride + to)) - base;
            mean = mean + share(k) * d;
        }
        let turned = if others { bent * ((own - base) - mean) } else { zero };
        for k in 0..classes {
            let d = group_mut(tangent, k * stride + to);
            let away = straight * ((Vector::new(simd, d) - base) - mean);
            let out = if others { turned.where_label(labels, k as u64, share(k) * (away - turned)) } else { share(k) * away };
            *d = out.lanes();
        }
    }
}

struct Multiply<'a> {
    kept: &'a BlockCurvature,
    labels: &'a [u64],
    classes: usize,
    count: usize,
    tangent: &'a mut [f64],
    stride: usize,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { kept, labels, classes, count, tangent, stride } = self;
        let groups = (0..count).step_by(LANES);
        match kept.form {
            Form::Diagonal => {
                for at in groups {
                    for k in 0..classes {
                        let (a, d) = (group(&kept.entries, k * kept.stride + at), group_mut(tangent, k * stride + at));
                        *d = lanes(|l| a[l] * d[l]);
                    }
                }
            }
            Form::Shares => {
                for at in groups {
                    kept.multiply_shares(simd, (false, at), group(labels, at), classes, tangent, (stride, at));
                }
            }
            Form::Others => {
                for at in groups {
                    kept.multiply_shares(simd, (true, at), group(labels, at), classes, tangent, (stride, at));
                }
            }
        }
    }
}
