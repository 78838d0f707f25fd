//! The rank split: away from the row space of W the Hessian is d − r copies of one block.
//!
//! In the basis of the row space of W (rank r) and its complement, ∇²f at a critical point is the width-r Hessian ⊕ (d−r) copies of [[λ_W I_K, G], [Gᵀ, λ_H I_N]].
//! Each singular value σ of G gives the pair (λ_W+λ_H)/2 ± √(((λ_W−λ_H)/2)² + σ²); N − K further eigenvalues are λ_H.

use super::origin::with_zeros;
use super::{Extremes, Origin, SpectrumLevel};
use crate::objective::{Problem, ResidualSpectrum};

/// The off-space part of a spectrum.
#[derive(Clone, Debug)]
pub struct OffSpace {
    /// Lower and upper eigenvalue for each singular value of G.
    pairs: Vec<(f64, f64)>,
    /// λ_H and how often it occurs in one copy beyond the pairs.
    rest: (f64, u64),
    copies: u64,
    /// Zeros in one copy that are rotations of the row space: r.
    rotations: u64,
    scale: f64,
}

impl OffSpace {
    /// The off-space part at a critical point of rank `rank` with `free` = d − r free dimensions.
    pub fn new(problem: &Problem, residual: &ResidualSpectrum, rank: usize, free: usize) -> Self {
        let (w, h, mu) = (problem.decay.w, problem.decay.h, problem.decay.mu());
        let pairs = residual
            .singular_values
            .iter()
            .map(|&sigma| {
                let upper = 0.5 * (w + h) + (0.5 * (w - h)).hypot(sigma);
                // The product of the pair is λ_Wλ_H − σ²: no cancellation between nearly equal halves.
                ((mu - sigma) * ((mu + sigma) / upper), upper)
            })
            .collect();
        let rest = (h, (problem.shape.samples() - problem.shape.classes()) as u64);
        let scale = w + h + residual.norm();
        Self { pairs, rest, copies: free as u64, rotations: rank as u64, scale }
    }

    /// A bound on the rounding error of these eigenvalues: G's entries are sums with relative error of a few eps, its singular values inherit it in norm.
    pub fn rounding(&self) -> f64 {
        if self.copies == 0 { 0.0 } else { 64.0 * f64::EPSILON * self.scale }
    }

    /// (#{λ < −resolution}, #{|λ| ≤ resolution}) over all copies.
    pub fn counts(&self, resolution: f64) -> (u64, u64) {
        let values = self.pairs.iter().map(|pair| pair.0);
        let negative = values.clone().filter(|&x| x < -resolution).count() as u64;
        let zero = values.filter(|x| x.abs() <= resolution).count() as u64;
        (self.copies * negative, self.copies * zero)
    }

    /// Every eigenvalue with its multiplicity.
    pub fn eigenvalues(&self) -> Vec<(f64, u64)> {
        if self.copies == 0 {
            return vec![];
        }
        let mut all: Vec<(f64, u64)> = self.pairs.iter().flat_map(|&(a, b)| [(a, self.copies), (b, self.copies)]).collect();
        if self.rest.1 > 0 {
            all.push((self.rest.0, self.rest.1 * self.copies));
        }
        all
    }

    /// Every eigenvalue with its origin, where `within` directions of the features in each copy lie inside collapsed classes: G, whose columns are equal there, does not see them.
    pub fn levels(&self, within: u64, resolution: f64) -> Vec<SpectrumLevel> {
        let mut all = self.eigenvalues();
        let inside = within.min(self.rest.1) * self.copies;
        if let Some(last) = all.last_mut()
            && inside > 0
        {
            last.1 -= inside;
        }
        let mut levels = with_zeros(&all, Origin::OffSpace, self.copies * self.rotations, resolution);
        if inside > 0 {
            levels.push(SpectrumLevel::new(self.rest.0, inside, Origin::WithinClass));
        }
        levels
    }

    /// Extreme eigenvalues; `None` without a free dimension.
    pub fn extremes(&self) -> Option<Extremes> {
        (self.copies > 0).then(|| Extremes::of_values(&self.eigenvalues(), self.copies * self.rotations))
    }
}
