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
use crate::linalg::{axpy, dot, dot_shared};
use crate::model::Point;
use crate::numeric::Sum;
use crate::numeric::lanes::LANES;

/// Multiply-adds of one product from which on the samples are divided into a few chunks: a pass takes tens of microseconds, which threads that are awake can share.
const PIECED_FROM: usize = 100_000;
/// Number of those chunks.
const PIECES: usize = 4;
/// Multiply-adds of one product from which on threads share a pass whatever else they have to do.
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

/// Which threads share the passes over a problem of middling size. Sums do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// The one that asks: the others have work of their own.
    #[default]
    One,
    /// All of the pool that the one that asks belongs to.
    All,
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
    /// Whether threads share the chunks.
    shared: bool,
    /// Whether they always do.
    large: bool,
    /// How often something was kept in the chunks.
    kept: u64,
    counts: Counts,
}

/// A contiguous range of samples with what is accumulated over it.
#[derive(Debug)]
struct Chunk {
    first: usize,
    last: usize,
    block: Block,
    value: Sum,
    /// What the Hessian products at a point share, block by block.
    kept: Vec<KeptBlock>,
    /// Whether all blocks of the last pass could be kept.
    whole: bool,
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
        let pieces = match work {
            0..PIECED_FROM => 1,
            PIECED_FROM..CHUNKED_FROM => PIECES,
            CHUNKED_FROM.. => CHUNKS,
        };
        let chunk_columns = columns.div_ceil(pieces).next_multiple_of(LANES);
        let layout = Layout::new(shape.classes(), shape.width(), chunk_columns.min(columns));
        let chunk = |first: usize| Chunk {
            first,
            last: (first + chunk_columns).min(columns),
            block: Block::new(layout, shape.multiplicities().is_some()),
            value: Sum::default(),
            kept: Vec::new(),
            whole: false,
        };
        let chunks = (0..columns).step_by(chunk_columns).map(chunk).collect();
        let [classifier, direction] = [(); 2].map(|()| Classifier::new(layout));
        let large = work >= CHUNKED_FROM;
        let counts = Counts::default();
        Self { problem, fast, classifier, direction, chunk_columns, chunks, shared: large, large, kept: 0, counts }
    }

    /// The same, with passes over a problem of middling size shared by `threads`.
    pub fn on(mut self, threads: Threads) -> Self {
        // From outside of a pool every pass would have to be handed in.
        let shared = threads == Threads::All && rayon::current_thread_index().is_some() && rayon::current_num_threads() > 1;
        self.shared = self.large || shared;
        self
    }

    /// Whether threads share its passes.
    pub fn shared(&self) -> bool {
        self.shared
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
            chunk.for_each_block(problem, |block, _, value, _| {
                block.load(h);
                block.logits(w, h, b);
                value.add(block.residuals(problem, fast));
            });
        };
        if self.shared {
            self.chunks.par_iter_mut().for_each(body);
        } else {
            self.chunks.iter_mut().for_each(body);
        }
        self.total_value(x)
    }

    /// f(x), and ∇f(x) into `gradient` (packed as the point, overwritten).
    pub fn value_gradient(&mut self, x: &Point, gradient: &mut [f64]) -> f64 {
        self.pass(x, gradient, false)
    }

    /// f(x) and ∇f(x), and what the Hessian products at x share: residuals and curvatures of all samples. They are kept until the next call, for [`Objective::hessian_product_at`], where the problem is
    /// small and its loss vectorised; where they are not, products compute them anew.
    pub fn linearise(&mut self, x: &Point, gradient: &mut [f64]) -> (f64, Linearisation) {
        let shape = &self.problem.shape;
        let keep = self.fast && shape.classes() * shape.columns() <= KEPT_ENTRIES;
        let value = self.pass(x, gradient, keep);
        self.kept += 1;
        let whole = keep && self.chunks.iter().all(|chunk| chunk.whole);
        (value, Linearisation(if whole { self.kept } else { 0 }))
    }

    fn pass(&mut self, x: &Point, gradient: &mut [f64], keep: bool) -> f64 {
        self.counts.gradients += 1;
        let (problem, fast) = (self.problem, self.fast);
        let width = problem.shape.width();
        let (w, h, b) = x.parts();
        let (gradient_w, rest) = gradient.split_at_mut(w.len());
        let (gradient_h, gradient_b) = rest.split_at_mut(h.len());
        self.classifier.set(w);
        let classifier = &self.classifier;
        let body = |chunk: &mut Chunk, gradient_h: &mut [f64]| {
            chunk.clear();
            if keep {
                chunk.whole = true;
            }
            let start = chunk.first;
            chunk.for_each_block(problem, |block, first, value, kept| {
                block.load(h);
                block.logits(w, h, b);
                let mut place = keep.then(|| kept.place(block));
                let sum = place.as_deref_mut().and_then(|place| block.linearise(problem, place));
                value.add(sum.unwrap_or_else(|| block.residuals(problem, fast)));
                block.add_classifier_gradient(h);
                let out = &mut gradient_h[(first - start) * width..][..block.count() * width];
                block.feature_gradient(problem.decay.h, h, (classifier, w), out);
                if let Some(place) = place {
                    block.exchange_residuals(place);
                    *kept.whole &= sum.is_some();
                }
            });
        };
        for_each_chunk_with(&mut self.chunks, self.shared, gradient_h, self.chunk_columns * width, body);
        combine(&self.chunks, gradient_w, gradient_b);
        axpy(problem.decay.w, w, gradient_w);
        axpy(problem.decay.b, b, gradient_b);
        self.total_value(x)
    }

    /// ∇²f(x)·`direction` into `out` (packed as the point, overwritten); returns ⟨`direction`, ∇²f(x)·`direction`⟩.
    pub fn hessian_product(&mut self, x: &Point, direction: &[f64], out: &mut [f64]) -> f64 {
        self.hessian_product_at(x, Linearisation::default(), direction, out)
    }

    /// The same, with what was kept at `at`, this objective's linearisation of `x`; computed anew if something else was kept since.
    pub fn hessian_product_at(&mut self, x: &Point, at: Linearisation, direction: &[f64], out: &mut [f64]) -> f64 {
        self.counts.hessian_products += 1;
        let (problem, fast) = (self.problem, self.fast);
        let known = at != Linearisation::default() && at.0 == self.kept;
        let width = problem.shape.width();
        let (w, h, b) = x.parts();
        let (u, rest) = direction.split_at(w.len());
        let (v, c) = rest.split_at(h.len());
        let (out_w, out_rest) = out.split_at_mut(w.len());
        let (out_h, out_b) = out_rest.split_at_mut(h.len());
        self.classifier.set(w);
        self.direction.set(u);
        let (classifier, turned) = (&self.classifier, &self.direction);
        let body = |chunk: &mut Chunk, out_h: &mut [f64]| {
            chunk.clear();
            let start = chunk.first;
            chunk.for_each_block(problem, |block, first, curvature, kept| {
                block.load(h);
                block.load_direction(v);
                block.tangent((w, h), (u, v), c);
                let mut place = known.then(|| kept.place(block));
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
                curvature.add(dot(&v[first * width..][..out.len()], out));
                if let Some(place) = place {
                    block.exchange_residuals(place);
                }
            });
        };
        for_each_chunk_with(&mut self.chunks, self.shared, out_h, self.chunk_columns * width, body);
        combine(&self.chunks, out_w, out_b);
        axpy(problem.decay.w, u, out_w);
        axpy(problem.decay.b, c, out_b);
        let along_h: Sum = self.chunks.iter().map(|chunk| chunk.value.value()).collect();
        along_h.value() + dot(u, out_w) + dot(c, out_b)
    }

    /// Calls `visit` with (first column, residuals g_i as a K×count block) for all columns in order; for a column of stretch s that stands for m samples it is (c m/N) ∇L/s.
    pub fn for_each_residual_block(&mut self, x: &Point, mut visit: impl FnMut(usize, &[f64])) {
        let (problem, fast) = (self.problem, self.fast);
        let (w, h, b) = x.parts();
        let mut columns = Vec::new();
        for chunk in &mut self.chunks {
            chunk.for_each_block(problem, |block, first, _, _| {
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
        factor * loss.value() + 0.5 * (decay.w * dot(w, w) + decay.h * dot_shared(self.shared, h, h) + decay.b * dot(b, b))
    }
}

/// What a chunk keeps of the block that it is at.
struct Keeping<'a> {
    blocks: &'a mut Vec<KeptBlock>,
    index: usize,
    whole: &'a mut bool,
}

impl Keeping<'_> {
    /// The block's place.
    fn place(&mut self, block: &Block) -> &mut KeptBlock {
        if self.index == self.blocks.len() {
            self.blocks.push(block.place());
        }
        &mut self.blocks[self.index]
    }
}

impl Chunk {
    /// Prepares the accumulators of a pass.
    fn clear(&mut self) {
        self.value = Sum::default();
        self.block.clear();
    }

    /// Calls `body` with the block, its first column, the value and what is kept of it, for one block of columns after another.
    fn for_each_block(&mut self, problem: &Problem, mut body: impl FnMut(&mut Block, usize, &mut Sum, &mut Keeping<'_>)) {
        let (mut first, mut index) = (self.first, 0);
        while first < self.last {
            let count = self.block.begin(problem, first, self.last);
            let mut kept = Keeping { blocks: &mut self.kept, index, whole: &mut self.whole };
            body(&mut self.block, first, &mut self.value, &mut kept);
            first += count;
            index += 1;
        }
    }
}

/// Runs `body` over the chunks, each with its piece of `columns`, in parallel where they are shared.
fn for_each_chunk_with(
    chunks: &mut [Chunk],
    shared: bool,
    columns: &mut [f64],
    piece: usize,
    body: impl Fn(&mut Chunk, &mut [f64]) + Sync + Send,
) {
    // Without features there is one chunk, and no columns.
    match chunks {
        [chunk] => body(chunk, columns),
        many if shared => {
            many.par_iter_mut().zip(columns.par_chunks_mut(piece)).for_each(|(chunk, columns)| body(chunk, columns));
        }
        many => many.iter_mut().zip(columns.chunks_mut(piece)).for_each(|(chunk, columns)| body(chunk, columns)),
    }
}

/// Sums the chunks' parts of ∂f/∂W and ∂f/∂b, in order.
fn combine(chunks: &[Chunk], w: &mut [f64], b: &mut [f64]) {
    w.fill(0.0);
    b.fill(0.0);
    for chunk in chunks {
        chunk.block.add_gradients(w, b);
    }
}
