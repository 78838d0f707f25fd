//! f, its gradient and the parts of its Hessian over a box of points, straight from the definition.

use crate::numeric::interval::{Balls, Interval};
use crate::rigor::certificate::{Center, Instance};

/// A box of points of width r.
#[derive(Clone, Debug)]
pub(super) struct PointBox {
    /// r.
    pub(super) width: usize,
    /// W, K rows of r.
    pub(super) w: Vec<Interval>,
    /// The features, N of r.
    pub(super) h: Vec<Interval>,
    /// b.
    pub(super) b: Vec<Interval>,
}

/// One sample's part at a box: g = (c/N)∇L and A = (c/N)∇²L.
pub(super) struct Sample {
    /// g, K entries.
    pub(super) gradient: Vec<Interval>,
    /// A, K×K.
    pub(super) hessian: Balls,
}

impl PointBox {
    /// The smallest box around the Euclidean ball of radius `radius` about the point.
    pub(super) fn around(center: &Center, radius: f64) -> Self {
        let spread = |numbers: &[f64]| numbers.iter().map(|&x| Interval::around(x, radius)).collect();
        Self { width: center.width, w: spread(&center.w), h: spread(&center.h), b: spread(&center.b) }
    }

    /// h_i.
    pub(super) fn feature(&self, i: usize) -> &[Interval] {
        &self.h[i * self.width..(i + 1) * self.width]
    }

    /// Wh_i + b.
    pub(super) fn logits(&self, instance: &Instance, i: usize) -> Vec<Interval> {
        let h = self.feature(i);
        (0..instance.classes)
            .map(|k| {
                let row = &self.w[k * self.width..(k + 1) * self.width];
                let start = self.b.get(k).copied().unwrap_or(Interval::ZERO);
                row.iter().zip(h).fold(start, |sum, (&w, &h)| sum + w * h)
            })
            .collect()
    }

    /// W as a K×r matrix.
    pub(super) fn classifier(&self, instance: &Instance) -> Balls {
        Balls::from_fn(instance.classes, self.width, |k, a| self.w[k * self.width + a])
    }

    /// g_i.
    pub(super) fn residual(&self, instance: &Instance, i: usize) -> Vec<Interval> {
        let weight = per_sample(instance);
        let logits = self.logits(instance, i);
        instance.loss.gradient(&logits, instance.labels[i]).into_iter().map(|g| weight * g).collect()
    }

    /// g_i and A_i.
    pub(super) fn sample(&self, instance: &Instance, i: usize) -> Sample {
        let weight = per_sample(instance);
        let logits = self.logits(instance, i);
        let label = instance.labels[i];
        let classes = instance.classes;
        let hessian = instance.loss.hessian(&logits, label);
        Sample {
            gradient: instance.loss.gradient(&logits, label).into_iter().map(|g| weight * g).collect(),
            hessian: Balls::from_fn(classes, classes, |k, l| weight * hessian[k + l * classes]),
        }
    }

    /// G, K×N.
    pub(super) fn residual_matrix(&self, instance: &Instance) -> Balls {
        let columns: Vec<Vec<Interval>> = (0..instance.samples()).map(|i| self.residual(instance, i)).collect();
        Balls::from_fn(instance.classes, instance.samples(), |k, i| columns[i][k])
    }

    /// f.
    pub(super) fn value(&self, instance: &Instance) -> Interval {
        let loss: Interval =
            (0..instance.samples()).map(|i| instance.loss.value(&self.logits(instance, i), instance.labels[i])).sum();
        let square = |numbers: &[Interval]| -> Interval { numbers.iter().map(|x| x.sqr()).sum() };
        let decays = instance.decay_w * square(&self.w) + instance.decay_h * square(&self.h) + instance.decay_b * square(&self.b);
        per_sample(instance) * loss + Interval::point(0.5) * decays
    }

    /// ∇f: W by rows, features, b.
    pub(super) fn gradient(&self, instance: &Instance) -> Vec<Interval> {
        let r = self.width;
        let mut w: Vec<Interval> = self.w.iter().map(|&x| instance.decay_w * x).collect();
        let mut h: Vec<Interval> = self.h.iter().map(|&x| instance.decay_h * x).collect();
        let mut b: Vec<Interval> = self.b.iter().map(|&x| instance.decay_b * x).collect();
        for i in 0..instance.samples() {
            let g = self.residual(instance, i);
            for (k, &g) in g.iter().enumerate() {
                for a in 0..r {
                    w[k * r + a] += g * self.h[i * r + a];
                    h[i * r + a] += g * self.w[k * r + a];
                }
                if let Some(b) = b.get_mut(k) {
                    *b += g;
                }
            }
        }
        [w, h, b].concat()
    }
}

/// c/N.
pub(super) fn per_sample(instance: &Instance) -> Interval {
    instance.scale / Interval::count(instance.samples())
}

/// An enclosure of the Euclidean norm.
pub(super) fn norm(vector: &[Interval]) -> Interval {
    let square: Interval = vector.iter().map(|x| x.sqr()).sum();
    square.sqrt()
}
