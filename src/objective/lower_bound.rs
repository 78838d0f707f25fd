//! A lower bound of f over all points, any imbalance, any width, for convex losses: weak duality.
//!
//! f(W,H,b) ≥ D(Γ) = −(1/N) Σ_i L*(Nγ_i) − ‖Γ1‖²/(2λ_b) for every Γ with ‖Γ‖_op ≤ μ. Proof: λ_W/2‖W‖² + λ_H/2‖H‖² ≥ μ‖WH‖_* ≥ −⟨Γ, WH⟩,
//! (1/N) L(z) ≥ ⟨γ, z⟩ − (1/N) L*(Nγ) by Fenchel, and λ_b/2‖b‖² + ⟨Γ1, b⟩ ≥ −‖Γ1‖²/(2λ_b). A free bias needs Γ1 = 0; without a bias there is no such term.
//! For the loss c·L the conjugate is c L*(u/c).
//!
//! From any point Γ = min(1, μ/‖G‖_op) G, which is optimal at a global minimum. For a free bias G is centred first; that may leave the conjugate's
//! domain, so it is mixed with Γ_c = c(θ/N)(π1ᵀ − Y), π = n_k/N, which lies strictly inside.

use super::{Objective, ResidualNorms, ResidualSpectrum};
use crate::losses::Conjugate;
use crate::model::{Bias, Point};
use crate::numeric::Sum;

/// D(Γ) for the Γ that `x` suggests; `None` where the loss is not convex. `spectrum` is that of G at `x`.
///
/// The result is a bound up to rounding: about 1e-15 of the terms' size.
pub fn lower_bound(objective: &mut Objective<'_>, x: &Point, spectrum: &ResidualSpectrum) -> Option<f64> {
    lower_bound_within(objective, x, &spectrum.into())
}

/// The same from norms of G, or from bounds on them: what is shrunk too far stays a bound, and a weaker one.
pub fn lower_bound_within(objective: &mut Objective<'_>, x: &Point, norms: &ResidualNorms) -> Option<f64> {
    let problem = objective.problem();
    let conjugate = problem.loss.function().conjugate()?;
    let dual = Dual::new(objective, norms, conjugate);
    let mixed = problem.bias == Bias::Free && dual.centre.is_some();
    let fraction = if mixed { dual.largest_fraction(objective, x, conjugate) } else { 1.0 };

    let (classes, samples) = (problem.shape.classes(), problem.shape.samples() as f64);
    let shape = &problem.shape;
    let mut total = Sum::default();
    let mut row_sums = vec![Sum::default(); classes];
    let (mut u, mut inside) = (vec![0.0; classes], vec![0.0; classes]);
    objective.for_each_residual_block(x, |first, block| {
        for (i, g) in block.chunks_exact(classes).enumerate() {
            let label = shape.labels()[first + i];
            let copies = shape.multiplicity(first + i) as f64;
            dual.shrunk(g, shape.stretch(first + i), &mut u);
            if mixed {
                dual.interior(label, &mut inside);
                for (u, inside) in u.iter_mut().zip(&inside) {
                    *u = fraction * *u + (1.0 - fraction) * inside;
                }
            }
            total.add(copies * conjugate.conjugate_value(&u, label));
            row_sums.iter_mut().zip(&u).for_each(|(sum, u)| sum.add(copies * *u));
        }
    });
    let loss = problem.scale / samples * total.value();
    let row_sums = row_sums.iter().map(|sum| (problem.scale / samples * sum.value()).powi(2)).sum::<f64>();
    let bias = if problem.bias == Bias::Decayed { row_sums / (2.0 * problem.decay.b) } else { 0.0 };
    Some(-loss - bias)
}

/// How Γ is formed from G. Columns are handled as u_i = Nγ_i/c, the argument of the conjugate.
struct Dual {
    /// N/c.
    per_sample: f64,
    /// min(1, μ/‖G‖), of the centred G for a free bias.
    shrink: f64,
    /// (G1)/N for a free bias, else zero.
    mean: Vec<f64>,
    /// θ and π, where an interior point is needed.
    centre: Option<(f64, Vec<f64>)>,
    /// Δ, at most 1: the interior point is θΔ∘(π − e_k).
    scales: Vec<f64>,
}

impl Dual {
    fn new(objective: &Objective<'_>, norms: &ResidualNorms, conjugate: &dyn Conjugate) -> Self {
        let problem = objective.problem();
        let shape = &problem.shape;
        let samples = shape.samples() as f64;
        let mu = problem.decay.mu();
        let free = problem.bias == Bias::Free;
        let norm = if free { norms.centred_norm } else { norms.norm };
        let mean = norms.row_sums.iter().map(|sum| if free { sum / samples } else { 0.0 }).collect();
        let largest = *shape.class_sizes().iter().max().expect("at least two classes") as f64;
        let centre = conjugate.interior_slope().map(|slope| {
            let theta = (mu * samples / (problem.scale * largest.sqrt())).min(slope);
            (theta, shape.class_sizes().iter().map(|&size| size as f64 / samples).collect())
        });
        let scales = (0..shape.classes()).map(|j| conjugate.interior_scale(j)).collect();
        Self { per_sample: samples / problem.scale, shrink: if norm > mu { mu / norm } else { 1.0 }, mean, centre, scales }
    }

    /// `out` ← (N/c) · shrink · (g/stretch − mean): of one of the samples that the column `g` stands for.
    fn shrunk(&self, g: &[f64], stretch: f64, out: &mut [f64]) {
        for ((out, g), mean) in out.iter_mut().zip(g).zip(&self.mean) {
            *out = self.per_sample * self.shrink * (g / stretch - mean);
        }
    }

    /// `out` ← θΔ∘(π − e_k): Γ_c1 = 0 and ‖Γ_c‖ ≤ μ hold for any Δ ≤ 1.
    fn interior(&self, label: usize, out: &mut [f64]) {
        let (theta, pi) = self.centre.as_ref().expect("asked for only where there is one");
        for (j, (out, pi)) in out.iter_mut().zip(pi).enumerate() {
            *out = theta * self.scales[j] * (pi - if j == label { 1.0 } else { 0.0 });
        }
    }

    /// The largest ρ that keeps ρ (shrunk G) + (1 − ρ) (interior) in the domain for every sample.
    fn largest_fraction(&self, objective: &mut Objective<'_>, x: &Point, conjugate: &dyn Conjugate) -> f64 {
        let shape = objective.problem().shape.clone();
        let classes = shape.classes();
        let (mut target, mut inside) = (vec![0.0; classes], vec![0.0; classes]);
        let mut fraction = 1.0_f64;
        objective.for_each_residual_block(x, |first, block| {
            for (i, g) in block.chunks_exact(classes).enumerate() {
                let label = shape.labels()[first + i];
                self.shrunk(g, shape.stretch(first + i), &mut target);
                self.interior(label, &mut inside);
                fraction = fraction.min(conjugate.domain_fraction(&inside, &target, label));
            }
        });
        fraction
    }
}
