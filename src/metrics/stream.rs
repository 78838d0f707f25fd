//! Metrics of features that are read twice in blocks and never held whole: class means first, then everything that needs them.
//!
//! ```text
//! FirstPass::new(shape) → push(columns)… → finish(W, b) = Basis → second_pass(asked) → push(columns)… → finish() = Found → Basis::findings(found)
//! ```
//!
//! A nearest class mean, and the deviation from one's own mean without cancellation, cannot be known before the means are: two passes are the least. Metrics of a [`Point`](crate::model::Point) go the same way.

use std::collections::BTreeMap;

use nalgebra::DMatrix;

use super::compat::{self, Compat};
use super::statistics::{Conditioning, Means, Statistics};
use super::within::{Asked, PIECE, Sweep, Within};
use super::{Family, Metrics, evaluate};
use crate::model::Shape;

/// Blocks that are pushed hold a multiple of this many columns, but for the last.
pub const BLOCK: usize = PIECE;

/// Class means, from all features in order.
#[derive(Debug)]
pub struct FirstPass<'a> {
    shape: &'a Shape,
    means: DMatrix<f64>,
    next: usize,
}

impl<'a> FirstPass<'a> {
    /// For features whose labels are those of `shape`.
    pub fn new(shape: &'a Shape) -> Self {
        Self { shape, means: DMatrix::zeros(shape.width(), shape.classes()), next: 0 }
    }

    /// Takes the next columns, d×count.
    pub fn push(&mut self, features: &[f64]) {
        let shape = self.shape;
        for feature in features.chunks_exact(shape.width().max(1)) {
            let label = shape.labels()[self.next];
            // Means of h/n, not sums of h: nothing overflows.
            let share = shape.multiplicity(self.next) as f64 / shape.class_sizes()[label] as f64;
            let mean = &mut self.means.as_mut_slice()[label * shape.width()..(label + 1) * shape.width()];
            crate::linalg::axpy(share, feature, mean);
            self.next += 1;
        }
    }

    /// The class means with a classifier, W K×d, and its bias (empty where there is none). Fails on what is not finite.
    pub fn finish(self, w: DMatrix<f64>, b: Vec<f64>) -> Result<Basis<'a>, String> {
        Basis::new(w, b, self.shape, self.means)
    }
}

/// A classifier, class means and what follows from them.
pub struct Basis<'a> {
    statistics: Statistics<'a>,
}

/// What the second pass found; [`Basis::findings`] turns it into metrics.
#[derive(Debug)]
pub struct Found(Within);

/// The pass after the class means are known.
pub struct SecondPass<'a>(Sweep<'a>);

impl SecondPass<'_> {
    /// Takes the next columns, d×count, count a multiple of [`BLOCK`] in all blocks but the last.
    pub fn push(&mut self, features: &[f64]) {
        self.0.push(features);
    }

    /// What was found.
    pub fn finish(self) -> Found {
        Found(self.0.finish())
    }
}

/// Metrics and what stands beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Every metric asked for.
    pub metrics: Metrics,
    /// How well Σ_B can be inverted, where the class means are apart.
    pub conditioning: Option<Conditioning>,
    /// The share of samples whose largest logit is that of their class.
    pub accuracy: Option<f64>,
    /// min_i p_{y_i}, p = softmax(Wh_i + b).
    pub least_probability: Option<f64>,
    /// z_{y_i} − max_{k≠y_i} z_k of every column, where asked for.
    pub margins: Vec<f64>,
    /// The eigenvalues of Σ_W, largest first, where asked for.
    pub within_spectrum: Vec<f64>,
    /// The eigenvalues of Σ_B = H̄H̄ᵀ/K that are not zero, largest first.
    pub between_spectrum: Vec<f64>,
    /// H̄ = \[μ_c − μ_G\], d×K.
    pub centred_means: DMatrix<f64>,
    /// What published codes would print: code → quantity → value, or why there is none.
    pub compat: BTreeMap<&'static str, Vec<Compat>>,
}

impl<'a> Basis<'a> {
    /// From class means d×K that are known already.
    pub(super) fn new(w: DMatrix<f64>, b: Vec<f64>, shape: &'a Shape, means: DMatrix<f64>) -> Result<Self, String> {
        Ok(Self { statistics: Statistics::new(w, b, shape, Means::new(means, shape))? })
    }

    /// Begins the second pass.
    pub fn second_pass(&self, asked: Asked) -> SecondPass<'_> {
        SecondPass(Sweep::new(&self.statistics, asked))
    }

    /// Everything that both passes say.
    pub fn findings(mut self, found: Found) -> Findings {
        let Found(mut within) = found;
        let covariance = within.covariance.take();
        let margins = within.decisions.as_mut().map(|decisions| std::mem::take(&mut decisions.margins)).unwrap_or_default();
        self.statistics.within = Some(within);
        let mut findings = Findings {
            metrics: evaluate(Ok(&self.statistics), |_| true),
            margins,
            compat: compat::all(&self.statistics),
            ..Findings::default()
        };
        let samples = self.statistics.shape.samples() as f64;
        if let Some(decisions) = self.statistics.within.as_ref().and_then(|within| within.decisions.as_ref()) {
            findings.accuracy = Some(decisions.correct as f64 / samples);
            findings.least_probability = Some(decisions.least_probability).filter(|p| p.is_finite());
        }
        if let Ok(between) = self.statistics.between() {
            let classes = self.statistics.shape.classes() as f64;
            findings.conditioning = Some(between.conditioning);
            let scale = self.statistics.h_scale();
            // The rows of the whitening are u_jᵀ/s_j.
            let eigenvalue = |norm: f64| (scale / norm).powi(2) / classes;
            findings.between_spectrum = between.whitening.row_iter().map(|row| eigenvalue(row.norm())).collect();
        }
        if let Some(covariance) = covariance.filter(|matrix| matrix.iter().all(|x| x.is_finite())) {
            findings.within_spectrum = crate::linalg::eigenvalues(&covariance);
            findings.within_spectrum.reverse();
        }
        findings.centred_means = self.statistics.centred_means;
        findings
    }

    /// The metrics that `wanted` names.
    pub(super) fn metrics(mut self, found: Found, wanted: impl Fn(&Family) -> bool) -> Metrics {
        self.statistics.within = Some(found.0);
        evaluate(Ok(&self.statistics), wanted)
    }
}
