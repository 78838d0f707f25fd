//! Fused value and gradient, and Hessian-vector products, over blocks of samples.
//!
//! With g_i = (c/N) ∇L(z_i) and A_i = (c/N) ∇²L(z_i):
//! ∂f/∂W = G Hᵀ + λ_W W, ∂f/∂H = Wᵀ G + λ_H H, ∂f/∂b = G 1 + λ_b b, and along a direction (U, V, c), D = UH + WV + c1ᵀ,
//! ∇²f·(U, V, c) = ((A∘D) Hᵀ + G Vᵀ + λ_W U, Wᵀ(A∘D) + Uᵀ G + λ_H V, (A∘D) 1 + λ_b c), (A∘D)_i = A_i D_i.
//!
//! Where column i stands for m samples and holds s·h (s its stretch), D_i = (UH + WV)_i/s + c and the blocks keep the columns g̃_i = (c m/N) ∇L/s and A_iD_i/s: the formulas above
//! for W and H hold as they stand, and row sums take s times each column.

use rayon::prelude::*;

use super::Problem;
use crate::linalg::{add_product, axpy, dot, product, view, view_mut};
use crate::losses::LogitHessian;
use crate::model::Point;
use crate::numeric::Sum;

/// Entries of a block of logits: 128 KiB, so that a block of logits and of features stay in the second-level cache.
const BLOCK_ENTRIES: usize = 16_384;
/// Classes from which on a block has at least [`BLOCK_LARGE`] samples: with fewer, reading W for every block costs more than the products with it.
const CLASSES_LARGE: usize = 2048;
/// Samples of a block where the classes are many.
const BLOCK_LARGE: usize = 64;
/// Multiply-adds of one gradient from which on the samples are divided into chunks for threads.
const CHUNKED_FROM: usize = 8_000_000;
/// Number of chunks of a large problem. Fixed, so that sums do not depend on the machine.
const CHUNKS: usize = 8;

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

/// The objective with its workspace: f, ∇f and ∇²f·v.
#[derive(Debug)]
pub struct Objective<'p> {
    problem: &'p Problem,
    chunks: Vec<Chunk>,
    counts: Counts,
}

/// A contiguous range of samples with what is accumulated over it.
#[derive(Debug)]
struct Chunk {
    first: usize,
    last: usize,
    block: usize,
    /// Logits, then residuals g_i, of one block: K×block.
    logits: Vec<f64>,
    /// D_i, then A_i D_i: K×block.
    tangent: Vec<f64>,
    hessian: LogitHessian,
    /// This chunk's part of ∂f/∂W and ∂f/∂b.
    w: Vec<f64>,
    b: Vec<f64>,
    value: Sum,
}

impl<'p> Objective<'p> {
    /// The objective of `problem`.
    pub fn new(problem: &'p Problem) -> Self {
        let shape = &problem.shape;
        let (classes, samples) = (shape.classes(), shape.columns());
        let work = classes * shape.width().max(1) * samples;
        let pieces = if work < CHUNKED_FROM { 1 } else { CHUNKS };
        let least = if classes > CLASSES_LARGE { BLOCK_LARGE } else { 8 };
        let block = (BLOCK_ENTRIES / classes).clamp(least, 1024).min(samples);
        let chunks = (0..pieces)
            .map(|piece| Chunk {
                first: samples * piece / pieces,
                last: samples * (piece + 1) / pieces,
                block,
                logits: vec![0.0; classes * block],
                tangent: Vec::new(),
                hessian: LogitHessian::default(),
                w: Vec::new(),
                b: Vec::new(),
                value: Sum::default(),
            })
            .collect();
        Self { problem, chunks, counts: Counts::default() }
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
        let problem = self.problem;
        for_each_chunk(&mut self.chunks, |chunk| {
            let function = problem.loss.function();
            let classes = problem.shape.classes();
            chunk.value = Sum::default();
            chunk.for_each_block(problem, x, |chunk, first, count| {
                for i in 0..count {
                    let z = &chunk.logits[i * classes..(i + 1) * classes];
                    let copies = problem.shape.multiplicity(first + i) as f64;
                    chunk.value.add(copies * function.value(z, problem.shape.labels()[first + i]));
                }
            });
        });
        self.total_value(x)
    }

    /// f(x), and ∇f(x) into `gradient` (packed as the point, overwritten).
    pub fn value_gradient(&mut self, x: &Point, gradient: &mut [f64]) -> f64 {
        self.counts.gradients += 1;
        let problem = self.problem;
        let (classes, width) = (problem.shape.classes(), problem.shape.width());
        let (w, h, b) = x.parts();
        let (gradient_w, rest) = gradient.split_at_mut(w.len());
        let (gradient_h, gradient_b) = rest.split_at_mut(h.len());
        for_each_chunk_with(&mut self.chunks, gradient_h, width, |chunk, gradient_h| {
            chunk.clear(classes, width);
            let start = chunk.first;
            chunk.for_each_block(problem, x, |chunk, first, count| {
                chunk.residuals(problem, first, count);
                let h_block = &h[first * width..(first + count) * width];
                let g = view(&chunk.logits[..classes * count], classes, count);
                add_product(view_mut(&mut chunk.w, classes, width), g, view(h_block, width, count).transpose(), 1.0);
                let out = &mut gradient_h[(first - start) * width..(first - start + count) * width];
                product(view_mut(out, width, count), view(w, classes, width).transpose(), g, 1.0);
                axpy(problem.decay.h, h_block, out);
                add_columns(problem, first, &chunk.logits[..classes * count], &mut chunk.b);
            });
        });
        combine(&self.chunks, gradient_w, gradient_b);
        axpy(problem.decay.w, w, gradient_w);
        axpy(problem.decay.b, b, gradient_b);
        self.total_value(x)
    }

    /// ∇²f(x)·`direction` into `out` (packed as the point, overwritten).
    pub fn hessian_product(&mut self, x: &Point, direction: &[f64], out: &mut [f64]) {
        self.counts.hessian_products += 1;
        let problem = self.problem;
        let (classes, width) = (problem.shape.classes(), problem.shape.width());
        let (w, h, _) = x.parts();
        let (u, rest) = direction.split_at(w.len());
        let (v, c) = rest.split_at(h.len());
        let (out_w, out_rest) = out.split_at_mut(w.len());
        let (out_h, out_b) = out_rest.split_at_mut(h.len());
        let (w_view, u_view) = (view(w, classes, width), view(u, classes, width));
        for_each_chunk_with(&mut self.chunks, out_h, width, |chunk, out_h| {
            chunk.clear(classes, width);
            chunk.tangent.resize(classes * chunk.block, 0.0);
            let start = chunk.first;
            chunk.for_each_block(problem, x, |chunk, first, count| {
                let columns = first * width..(first + count) * width;
                let (h_view, v_view) = (view(&h[columns.clone()], width, count), view(&v[columns.clone()], width, count));
                let tangent = &mut chunk.tangent[..classes * count];
                product(view_mut(tangent, classes, count), u_view, h_view, 1.0);
                add_product(view_mut(tangent, classes, count), w_view, v_view, 1.0);
                chunk.curve(problem, first, count, c);
                let a_d = view(&chunk.tangent[..classes * count], classes, count);
                let g = view(&chunk.logits[..classes * count], classes, count);
                add_product(view_mut(&mut chunk.w, classes, width), a_d, h_view.transpose(), 1.0);
                add_product(view_mut(&mut chunk.w, classes, width), g, v_view.transpose(), 1.0);
                let out = &mut out_h[(first - start) * width..(first - start + count) * width];
                product(view_mut(out, width, count), w_view.transpose(), a_d, 1.0);
                add_product(view_mut(out, width, count), u_view.transpose(), g, 1.0);
                axpy(problem.decay.h, &v[columns], out);
                add_columns(problem, first, &chunk.tangent[..classes * count], &mut chunk.b);
            });
        });
        combine(&self.chunks, out_w, out_b);
        axpy(problem.decay.w, u, out_w);
        axpy(problem.decay.b, c, out_b);
    }

    /// Calls `visit` with (first column, residuals g_i as a K×count block) for all columns in order; for a column of stretch s that stands for m samples it is (c m/N) ∇L/s.
    pub fn for_each_residual_block(&mut self, x: &Point, mut visit: impl FnMut(usize, &[f64])) {
        let problem = self.problem;
        let classes = problem.shape.classes();
        for chunk in &mut self.chunks {
            chunk.for_each_block(problem, x, |chunk, first, count| {
                chunk.residuals(problem, first, count);
                visit(first, &chunk.logits[..classes * count]);
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

impl Chunk {
    /// Prepares the accumulators of a pass.
    fn clear(&mut self, classes: usize, width: usize) {
        self.value = Sum::default();
        self.w.clear();
        self.w.resize(classes * width, 0.0);
        self.b.clear();
        self.b.resize(classes, 0.0);
    }

    /// Computes the logits of one block after another and calls `body(self, first sample, number of samples)`.
    fn for_each_block(&mut self, problem: &Problem, x: &Point, mut body: impl FnMut(&mut Self, usize, usize)) {
        let (classes, width) = (problem.shape.classes(), problem.shape.width());
        let (w, h, b) = x.parts();
        let mut first = self.first;
        while first < self.last {
            let count = self.block.min(self.last - first);
            let z = &mut self.logits[..classes * count];
            let h_block = &h[first * width..(first + count) * width];
            product(view_mut(z, classes, count), view(w, classes, width), view(h_block, width, count), 1.0);
            if problem.shape.multiplicities().is_some() {
                for (i, column) in z.chunks_exact_mut(classes).enumerate() {
                    let stretch = problem.shape.stretch(first + i);
                    column.iter_mut().for_each(|z| *z /= stretch);
                }
            }
            if !b.is_empty() {
                z.chunks_exact_mut(classes).for_each(|column| axpy(1.0, b, column));
            }
            body(self, first, count);
            first += count;
        }
    }

    /// Turns the block's logits into residuals g_i = (c/N) ∇L(z_i) (times m/s), and adds the losses to `value`.
    fn residuals(&mut self, problem: &Problem, first: usize, count: usize) {
        let function = problem.loss.function();
        let classes = problem.shape.classes();
        let factor = problem.scale / problem.shape.samples() as f64;
        let mut gradient = [0.0; 64];
        let mut large = if classes > gradient.len() { vec![0.0; classes] } else { Vec::new() };
        let gradient = if large.is_empty() { &mut gradient[..classes] } else { &mut large[..] };
        for i in 0..count {
            let z = &mut self.logits[i * classes..(i + 1) * classes];
            let copies = problem.shape.multiplicity(first + i) as f64;
            let factor = factor * (copies / problem.shape.stretch(first + i));
            self.value.add(copies * function.value_gradient(z, problem.shape.labels()[first + i], gradient));
            for (z, g) in z.iter_mut().zip(gradient.iter()) {
                *z = factor * g;
            }
        }
    }

    /// Makes D_i of the block's UH + WV, turns them into A_i D_i (times m/s), and the logits into residuals.
    fn curve(&mut self, problem: &Problem, first: usize, count: usize, c: &[f64]) {
        let function = problem.loss.function();
        let classes = problem.shape.classes();
        let factor = problem.scale / problem.shape.samples() as f64;
        for i in 0..count {
            let columns = i * classes..(i + 1) * classes;
            function.hessian(&self.logits[columns.clone()], problem.shape.labels()[first + i], &mut self.hessian);
            let (copies, stretch) = (problem.shape.multiplicity(first + i) as f64, problem.shape.stretch(first + i));
            let factor = factor * (copies / stretch);
            let d = &mut self.tangent[columns];
            if problem.shape.multiplicities().is_some() {
                d.iter_mut().for_each(|x| *x /= stretch);
            }
            if !c.is_empty() {
                axpy(1.0, c, d);
            }
            self.hessian.apply(d);
            d.iter_mut().for_each(|x| *x *= factor);
        }
        self.residuals(problem, first, count);
    }
}

/// Runs `body` over the chunks, in parallel where there are several.
fn for_each_chunk(chunks: &mut [Chunk], body: impl Fn(&mut Chunk) + Sync + Send) {
    match chunks {
        [chunk] => body(chunk),
        many => many.par_iter_mut().for_each(body),
    }
}

/// Runs `body` over the chunks, each with its columns (of `width` entries) of `columns`.
fn for_each_chunk_with(
    chunks: &mut [Chunk],
    columns: &mut [f64],
    width: usize,
    body: impl Fn(&mut Chunk, &mut [f64]) + Sync + Send,
) {
    if let [chunk] = chunks {
        return body(chunk, columns);
    }
    let mut pieces = Vec::with_capacity(chunks.len());
    let mut rest = columns;
    for chunk in chunks {
        let (piece, after) = rest.split_at_mut((chunk.last - chunk.first) * width);
        pieces.push((chunk, piece));
        rest = after;
    }
    pieces.into_par_iter().for_each(|(chunk, piece)| body(chunk, piece));
}

/// Sums the chunks' parts of ∂f/∂W and ∂f/∂b, in order.
fn combine(chunks: &[Chunk], w: &mut [f64], b: &mut [f64]) {
    w.fill(0.0);
    b.fill(0.0);
    for chunk in chunks {
        axpy(1.0, &chunk.w, w);
        axpy(1.0, &chunk.b, b);
    }
}

/// Adds the columns of a block that begins with column `first`, each times its stretch, to `out`.
fn add_columns(problem: &Problem, first: usize, block: &[f64], out: &mut [f64]) {
    let columns = block.chunks_exact(problem.shape.classes());
    columns.enumerate().for_each(|(i, column)| axpy(problem.shape.stretch(first + i), column, out));
}
