//! Collapsed classes: where the features of a class coincide, one weighted column stands for all of them.
//!
//! The n_k samples of such a class have the same blocks A_k, B_k = WᵀA_kW + λ_H I, C_k. Directions of their features that sum to zero are eigenvectors of B_k alone, (n_k−1) copies of
//! its spectrum; along (v, …, v)/√n_k the blocks are B_k and √n_k C_k, and H_θθ = Σ n_k A_k ⊗ h_kh_kᵀ. See [`Arrow::weighted`](crate::objective::Arrow::weighted).
//!
//! Features coincide to rounding, not to the last bit. The spectrum is that of the Hessian at the class means, and E = ∇²f(x) − ∇²f(x̄) is bounded block by block from the computed
//! differences of every sample: with δ = ‖h − h̄‖, ΔA, Δg and ‖·‖ Frobenius,
//!
//! ```text
//! ‖E_θθ‖ ≤ Σ_i ‖h̃_i‖²‖ΔA_i‖ + (‖h̃_i‖ + ‖h̃_k‖) δ_i ‖A_k‖,   ‖E_ii‖ ≤ ‖W‖²‖ΔA_i‖,   ‖E_θi‖ ≤ ‖h̃_i‖‖ΔA_i‖‖W‖ + δ_i‖A_k‖‖W‖ + ‖Δg_i‖
//! ‖E‖ ≤ max(‖E_θθ‖, max_i ‖E_ii‖) + (Σ_i ‖E_θi‖²)^{1/2}
//! ```
//!
//! which goes into the resolution of the counts.

use crate::linalg::{axpy, norm};
use crate::losses::LogitHessian;
use crate::model::{Point, Shape};
use crate::objective::Problem;

/// Features of a class within this fraction of the largest feature's norm of their mean coincide. A polished point has a few eps; what is farther apart is left as it is.
const COINCIDE: f64 = 1e-11;

/// A problem with one sample for each collapsed class, and the point there.
#[derive(Clone, Debug)]
pub struct Collapsed {
    /// The collapsed problem; its scale keeps c/N of each sample.
    pub problem: Problem,
    /// The point with the class means as features.
    pub point: Point,
    /// n_k for each column.
    pub weights: Vec<u64>,
    /// A bound on ‖∇²f(x) − ∇²f(x̄)‖.
    pub perturbation: f64,
}

impl Collapsed {
    /// The collapsed form of `x`, classes whose features do not coincide left as they are; `None` where no two samples can be joined.
    ///
    /// Columns of a problem that is collapsed already are joined in the same way, and keep their multiplicity where they are not.
    pub fn new(problem: &Problem, x: &Point) -> Option<Self> {
        match problem.by_columns(x) {
            Some((columns, point, copies)) => Self::of_columns(&columns, &point, &copies),
            None => Self::of_columns(problem, x, &vec![1; problem.shape.columns()]),
        }
    }

    /// The same where sample i of `problem` stands for `copies[i]` samples.
    fn of_columns(problem: &Problem, x: &Point, copies: &[u64]) -> Option<Self> {
        let shape = &problem.shape;
        let features = Features { entries: x.parts().1, width: shape.width() };
        let mut members = vec![Vec::new(); shape.classes()];
        shape.labels().iter().enumerate().for_each(|(i, &label)| members[label].push(i));
        let allowed = COINCIDE * (0..shape.samples()).map(|i| norm(features.of(i))).fold(0.0, f64::max);
        let (mut labels, mut weights, mut h) = (Vec::new(), Vec::new(), Vec::new());
        // Samples that are not their column's feature to the last bit, with that column.
        let mut moved = Vec::new();
        for (label, members) in members.iter().enumerate() {
            let mean = features.mean(members, copies);
            if members.iter().all(|&i| features.distance(i, &mean) <= allowed) {
                moved.extend(members.iter().filter(|&&i| features.distance(i, &mean) > 0.0).map(|&i| (i, labels.len())));
                labels.push(label);
                weights.push(members.iter().map(|&i| copies[i]).sum());
                h.extend_from_slice(&mean);
            } else {
                for &i in members {
                    labels.push(label);
                    weights.push(copies[i]);
                    h.extend_from_slice(features.of(i));
                }
            }
        }
        if weights.iter().all(|&weight| weight == 1) {
            return None;
        }
        let scale = problem.scale * (labels.len() as f64 / shape.samples() as f64);
        let (w, _, b) = x.parts();
        let data = [w, &h, b].concat();
        let shape = Shape::with_labels(shape.classes(), shape.width(), labels).expect("every class keeps a sample");
        let point = Point::from_vec(&shape, problem.bias, data);
        let perturbation = perturbation(problem, x, &point, &moved, copies);
        Some(Self { problem: Problem { shape, scale, ..problem.clone() }, point, weights, perturbation })
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.weights.len()
    }
}

/// The columns of H.
struct Features<'a> {
    entries: &'a [f64],
    width: usize,
}

impl Features<'_> {
    fn of(&self, i: usize) -> &[f64] {
        &self.entries[i * self.width..(i + 1) * self.width]
    }

    /// The mean of some features, each `copies` times, the first itself where all are equal.
    fn mean(&self, members: &[usize], copies: &[u64]) -> Vec<f64> {
        let first = self.of(members[0]);
        let mut shift = vec![0.0; self.width];
        for &i in members {
            for ((sum, h), base) in shift.iter_mut().zip(self.of(i)).zip(first) {
                *sum += copies[i] as f64 * (h - base);
            }
        }
        let all = members.iter().map(|&i| copies[i]).sum::<u64>() as f64;
        first.iter().zip(&shift).map(|(base, sum)| base + sum / all).collect()
    }

    fn distance(&self, i: usize, mean: &[f64]) -> f64 {
        self.of(i).iter().zip(mean).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
    }
}

/// ∇L and ∇²L of one sample, times c/N.
struct Derivatives {
    gradient: Vec<f64>,
    hessian: Vec<f64>,
}

impl Derivatives {
    fn new(problem: &Problem, x: &Point, feature: &[f64], label: usize) -> Self {
        let classes = problem.shape.classes();
        let factor = problem.scale / problem.shape.samples() as f64;
        let (w, _, b) = x.parts();
        let mut logits = if b.is_empty() { vec![0.0; classes] } else { b.to_vec() };
        feature.iter().zip(w.chunks_exact(classes)).for_each(|(h, column)| axpy(*h, column, &mut logits));
        let (mut gradient, mut hessian) = (vec![0.0; classes], vec![0.0; classes * classes]);
        problem.loss.function().value_gradient(&logits, label, &mut gradient);
        let mut structured = LogitHessian::default();
        problem.loss.function().hessian(&logits, label, &mut structured);
        structured.dense(&mut hessian);
        gradient.iter_mut().chain(&mut hessian).for_each(|x| *x *= factor);
        Self { gradient, hessian }
    }
}

/// The bound of the module's page, over the samples `moved` of `x` (each `copies` times) and their columns of `collapsed`.
fn perturbation(problem: &Problem, x: &Point, collapsed: &Point, moved: &[(usize, usize)], copies: &[u64]) -> f64 {
    let width = problem.shape.width();
    let labels = problem.shape.labels();
    let samples = Features { entries: x.parts().1, width };
    let columns = Features { entries: collapsed.parts().1, width };
    let w = norm(x.parts().0);
    let one = if x.has_bias() { 1.0 } else { 0.0 };
    let with_one = |feature: &[f64]| norm(feature).hypot(one);
    let (mut core, mut blocks, mut coupling) = (0.0, 0.0_f64, 0.0);
    let mut at_column: Option<(usize, Derivatives)> = None;
    for &(i, column) in moved {
        let mean = columns.of(column);
        if at_column.as_ref().is_none_or(|(known, _)| *known != column) {
            at_column = Some((column, Derivatives::new(problem, x, mean, labels[i])));
        }
        let Some((_, base)) = &at_column else { continue };
        let here = Derivatives::new(problem, x, samples.of(i), labels[i]);
        let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
        let (hessian, gradient) = (difference(&here.hessian, &base.hessian), difference(&here.gradient, &base.gradient));
        let (delta, size, length) = (samples.distance(i, mean), norm(&base.hessian), with_one(samples.of(i)));
        let times = copies[i] as f64;
        core += times * (length * length * hessian + (length + with_one(mean)) * delta * size);
        blocks = blocks.max(w * w * hessian);
        coupling += times * (w * (length * hessian + delta * size) + gradient).powi(2);
    }
    blocks.max(core) + coupling.sqrt()
}
