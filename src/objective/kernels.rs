//! Fused value and gradient, and Hessian-vector products, over blocks of samples.
//!
//! With g_i = (c/N) ∇L(z_i) and A_i = (c/N) ∇²L(z_i):
//! ∂f/∂W = G Hᵀ + λ_W W, ∂f/∂H = Wᵀ G + λ_H H, ∂f/∂b = G 1 + λ_b b, and along a direction (U, V, c), D = UH + WV + c1ᵀ,
//! ∇²f·(U, V, c) = ((A∘D) Hᵀ + G Vᵀ + λ_W U, Wᵀ(A∘D) + Uᵀ G + λ_H V, (A∘D) 1 + λ_b c), (A∘D)_i = A_i D_i.
//!
//! Where column i stands for m samples and holds s·h (s its stretch), D_i = (UH + WV)_i/s + c and the blocks keep the columns g̃_i = (c m/N) ∇L/s and A_iD_i/s: the formulas above
//! for W and H hold as they stand, and row sums take s times each column.
//!
//! # Two paths
//!
//! Both share the products, in blocks that stay in the cache. They differ in the loss: the accurate one takes the scalar formulas sample by sample, the fast one those over
//! groups of eight samples (`losses/block.rs`). Solvers descend with the fast one; whatever a verdict rests on uses the accurate one.

use rayon::prelude::*;

use super::Problem;
use super::blocks::{Block, Classifier, KeptBlock, Layout};
use crate::linalg::{axpy, dot};
use crate::model::Point;
use crate::numeric::Sum;
use crate::numeric::lanes::LANES;

/// Multiply-adds of one product from which on the samples are divided into chunks for threads.
const CHUNKED_FROM: usize = 4_000_000;
/// Number of chunks of a large problem. Fixed, so that sums do not depend on the machine.
const CHUNKS: usize = 8;
/// Entries of the residuals and of the curvature of a point at most that are kept for products: 1 MiB each. More would leave the cache, and reading them back takes as long as forming them.
const KEPT_ENTRIES: usize = 131_072;

/// How often each quantity was computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values alone.
    pub values: u64,
    /// Values with gradients.
    pub gradients: u64,
    /// Hessian-vector products.
    pub hessian_products: u64,
}

/// The point at which an [`Objective`] last kept what Hessian products share, see [`Objective::linearise`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linearisation(u64);

/// What the Hessian products at a point share, block by block.
#[derive(Debug, Default)]
struct Kept {
    /// How often something was kept.
    version: u64,
    /// Whether the last pass could keep all its blocks.
    whole: bool,
    blocks: Vec<KeptBlock>,
}

/// The objective with its workspace: f, ∇f and ∇²f·v. Evaluating it allocates nothing after the first time.
#[derive(Debug)]
pub struct Objective<'p> {
    problem: &'p Problem,
    fast: bool,
    classifier: Classifier,
    direction: Classifier,
    /// Columns of a chunk; the last one may have fewer.
    chunk_columns: usize,
    chunks: Vec<Chunk>,
    kept: Kept,
    counts: Counts,
}

/// A contiguous range of samples with what is accumulated over it.
#[derive(Debug)]
struct Chunk {
    first: usize,
    last: usize,
    block: Block,
    value: Sum,
}

impl<'p> Objective<'p> {
    /// The objective of `problem`, with the loss's scalar formulas: what verdicts rest on.
    pub fn new(problem: &'p Problem) -> Self {
        Self::with(problem, false)
    }

    /// The objective of `problem` for descent: the loss over groups of samples, within [`BLOCK_TOLERANCE`](crate::losses::BLOCK_TOLERANCE) of the scalar formulas.
    pub fn fast(problem: &'p Problem) -> Self {
        Self::with(problem, true)
    }

    fn with(problem: &'p Problem, fast: bool) -> Self {
        let shape = &problem.shape;
        let columns = shape.columns();
        let work = shape.classes() * shape.width() * columns;
        let pieces = if work < CHUNKED_FROM { 1 } else { CHUNKS };
        let chunk_columns = columns.div_ceil(pieces).next_multiple_of(LANES);
        let layout = Layout::new(shape.classes(), shape.width(), chunk_columns.min(columns));
        let chunk = |first: usize| Chunk {
            first,
            last: (first + chunk_columns).min(columns),
            block: Block::new(layout, shape.multiplicities().is_some()),
            value: Sum::default(),
        };
        let chunks = (0..columns).step_by(chunk_columns).map(chunk).collect();
        let [classifier, direction] = [(); 2].map(|()| Classifier::new(layout));
        Self { problem, fast, classifier, direction, chunk_columns, chunks, kept: Kept::default(), counts: Counts::default() }
    }

    /// The problem whose objective this is.
    pub fn problem(&self) -> &'p Problem {
        self.problem
    }

    /// How often each quantity was computed so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// f(x).
    pub fn value(&mut self, x: &Point) -> f64 {
        self.counts.values += 1;
        let (problem, fast) = (self.problem, self.fast);
        let (w, h, b) = x.parts();
        let body = |chunk: &mut Chunk| {
            chunk.value = Sum::default();
            chunk.for_each_block(problem, |block, _, value| {
                block.load(h);
                block.logits(w, h, b);
                value.add(block.residuals(problem, fast));
            });
        };
        match &mut self.chunks[..] {
            [chunk] => body(chunk),
            many => many.par_iter_mut().for_each(body),
        }
        self.total_value(x)
    }

    /// f(x), and ∇f(x) into `gradient` (packed as the point, overwritten).
    pub fn value_gradient(&mut self, x: &Point, gradient: &mut [f64]) -> f64 {
        self.pass(x, gradient, None)
    }

    /// f(x) and ∇f(x), and what the Hessian products at x share: residuals and curvatures of all samples. They are kept until the next call, for [`Objective::hessian_product_at`], where the problem is
    /// small and its loss vectorised; where they are not, products compute them anew.
    pub fn linearise(&mut self, x: &Point, gradient: &mut [f64]) -> (f64, Linearisation) {
        let shape = &self.problem.shape;
        if !self.fast || self.chunks.len() != 1 || shape.classes() * shape.columns() > KEPT_ENTRIES {
            return (self.value_gradient(x, gradient), Linearisation::default());
        }
        let mut kept = std::mem::take(&mut self.kept);
        kept.version += 1;
        kept.whole = true;
        let value = self.pass(x, gradient, Some(&mut kept));
        let at = Linearisation(if kept.whole { kept.version } else { 0 });
        self.kept = kept;
        (value, at)
    }

    fn pass(&mut self, x: &Point, gradient: &mut [f64], mut kept: Option<&mut Kept>) -> f64 {
        self.counts.gradients += 1;
        let (problem, fast) = (self.problem, self.fast);
        let width = problem.shape.width();
        let (w, h, b) = x.parts();
        let (gradient_w, rest) = gradient.split_at_mut(w.len());
        let (gradient_h, gradient_b) = rest.split_at_mut(h.len());
        self.classifier.set(w);
        let classifier = &self.classifier;
        let body = |chunk: &mut Chunk, gradient_h: &mut [f64], mut kept: Option<&mut Kept>| {
            chunk.clear();
            let start = chunk.first;
            chunk.for_each_block(problem, |block, first, value| {
                block.load(h);
                block.logits(w, h, b);
                let mut place = kept.as_deref_mut().map(|kept| kept.place(block, first - start));
                let sum = place.as_deref_mut().and_then(|place| block.linearise(problem, place));
                value.add(sum.unwrap_or_else(|| block.residuals(problem, fast)));
                block.add_classifier_gradient(h);
                let out = &mut gradient_h[(first - start) * width..][..block.count() * width];
                block.feature_gradient(problem.decay.h, h, (classifier, w), out);
                if let Some(place) = place {
                    block.exchange_residuals(place);
                }
                if let (Some(kept), None) = (kept.as_deref_mut(), sum) {
                    kept.whole = false;
                }
            });
        };
        match &mut self.chunks[..] {
            [chunk] => body(chunk, gradient_h, kept.take()),
            many => for_each_chunk_with(many, gradient_h, self.chunk_columns * width, |chunk, out| body(chunk, out, None)),
        }
        combine(&self.chunks, gradient_w, gradient_b);
        axpy(problem.decay.w, w, gradient_w);
        axpy(problem.decay.b, b, gradient_b);
        self.total_value(x)
    }

    /// ∇²f(x)·`direction` into `out` (packed as the point, overwritten).
    pub fn hessian_product(&mut self, x: &Point, direction: &[f64], out: &mut [f64]) {
        self.hessian_product_at(x, Linearisation::default(), direction, out);
    }

    /// The same, with what was kept at `at`, the linearisation of `x`; computed anew if something else was kept since.
    pub fn hessian_product_at(&mut self, x: &Point, at: Linearisation, direction: &[f64], out: &mut [f64]) {
        self.counts.hessian_products += 1;
        let (problem, fast) = (self.problem, self.fast);
        let width = problem.shape.width();
        let (w, h, b) = x.parts();
        let (u, rest) = direction.split_at(w.len());
        let (v, c) = rest.split_at(h.len());
        let (out_w, out_rest) = out.split_at_mut(w.len());
        let (out_h, out_b) = out_rest.split_at_mut(h.len());
        self.classifier.set(w);
        self.direction.set(u);
        let (classifier, turned) = (&self.classifier, &self.direction);
        let body = |chunk: &mut Chunk, out_h: &mut [f64], mut kept: Option<&mut Kept>| {
            chunk.clear();
            let start = chunk.first;
            chunk.for_each_block(problem, |block, first, _| {
                block.load(h);
                block.load_direction(v);
                block.tangent((w, h), (u, v), c);
                let mut place = kept.as_deref_mut().map(|kept| kept.place(block, first - start));
                if let Some(place) = place.as_deref_mut() {
                    block.exchange_residuals(place);
                    block.curve_as(place);
                } else {
                    block.logits(w, h, b);
                    block.curve(problem, fast);
                }
                block.add_classifier_curvature(h, v);
                let out = &mut out_h[(first - start) * width..][..block.count() * width];
                block.feature_curvature(problem.decay.h, v, (classifier, w), (turned, u), out);
                if let Some(place) = place {
                    block.exchange_residuals(place);
                }
            });
        };
        let known = at != Linearisation::default() && at.0 == self.kept.version;
        let kept = known.then_some(&mut self.kept);
        match &mut self.chunks[..] {
            [chunk] => body(chunk, out_h, kept),
            many => for_each_chunk_with(many, out_h, self.chunk_columns * width, |chunk, out| body(chunk, out, None)),
        }
        combine(&self.chunks, out_w, out_b);
        axpy(problem.decay.w, u, out_w);
        axpy(problem.decay.b, c, out_b);
    }

    /// Calls `visit` with (first column, residuals g_i as a K×count block) for all columns in order; for a column of stretch s that stands for m samples it is (c m/N) ∇L/s.
    pub fn for_each_residual_block(&mut self, x: &Point, mut visit: impl FnMut(usize, &[f64])) {
        let (problem, fast) = (self.problem, self.fast);
        let (w, h, b) = x.parts();
        let mut columns = Vec::new();
        for chunk in &mut self.chunks {
            chunk.for_each_block(problem, |block, first, _| {
                block.load(h);
                block.logits(w, h, b);
                block.residuals(problem, fast);
                block.residual_columns(&mut columns);
                visit(first, &columns);
            });
        }
    }

    /// The loss terms of all chunks, and the decays.
    fn total_value(&self, x: &Point) -> f64 {
        let problem = self.problem;
        let loss: Sum = self.chunks.iter().map(|chunk| chunk.value.value()).collect();
        let (w, h, b) = x.parts();
        let decay = &problem.decay;
        let factor = problem.scale / problem.shape.samples() as f64;
        factor * loss.value() + 0.5 * (decay.w * dot(w, w) + decay.h * dot(h, h) + decay.b * dot(b, b))
    }
}

impl Kept {
    /// The place of the block whose first column is the chunk's column `first`.
    fn place(&mut self, block: &Block, first: usize) -> &mut KeptBlock {
        let index = first / block.most();
        if index == self.blocks.len() {
            self.blocks.push(block.place());
        }
        &mut self.blocks[index]
    }
}

impl Chunk {
    /// Prepares the accumulators of a pass.
    fn clear(&mut self) {
        self.value = Sum::default();
        self.block.clear();
    }

    /// Calls `body` with the block, its first column and the value, for one block of columns after another.
    fn for_each_block(&mut self, problem: &Problem, mut body: impl FnMut(&mut Block, usize, &mut Sum)) {
        let mut first = self.first;
        while first < self.last {
            let count = self.block.begin(problem, first, self.last);
            body(&mut self.block, first, &mut self.value);
            first += count;
        }
    }
}

/// Runs `body` over the chunks, each with its piece of `columns`, in parallel.
fn for_each_chunk_with(
    chunks: &mut [Chunk],
    columns: &mut [f64],
    piece: usize,
    body: impl Fn(&mut Chunk, &mut [f64]) + Sync + Send,
) {
    chunks.par_iter_mut().zip(columns.par_chunks_mut(piece)).for_each(|(chunk, columns)| body(chunk, columns));
}

/// Sums the chunks' parts of ∂f/∂W and ∂f/∂b, in order.
fn combine(chunks: &[Chunk], w: &mut [f64], b: &mut [f64]) {
    w.fill(0.0);
    b.fill(0.0);
    for chunk in chunks {
        chunk.block.add_gradients(w, b);
    }
}
