//! One block of samples: its logits with the samples side by side, and the products with W, H and their directions.
//!
//! A small problem's products are computed here in registers (`linalg/small.rs`), from features that are transposed once a block; a large one's by the library. Either way the logits of a block,
//! its features and what is accumulated stay in the cache, and a block's sums are in an order that depends on the shape alone.

use super::Problem;
use crate::linalg::{
    Onto, RowProduct, Scalars, add_product, add_row_sums, axpy, product, strided, strided_mut, transpose, view, view_mut,
};
use crate::losses::{BlockCurvature, LogitBlock, Scratch, Task};
use crate::numeric::lanes::{LANES, Lanes};

/// Entries of W up to which products are computed in registers.
const SMALL_ENTRIES: usize = 2_048;
/// Entries of a small problem's block, features twice and logits: 24 KiB, so that they stay in the first-level cache.
const SMALL_BLOCK: usize = 3_072;
/// Samples of a large problem's block. With 64 the library reaches a tenth less of its rate at K = 1000, d = 512, where it repacks W for every block; from about 130 on it is level, and with
/// ever more the logits leave the second-level cache.
const LARGE_BLOCK: usize = 184;
/// Entries of a large problem's block of logits or features at most, whichever are more: 4 MiB. Above K or d of 8,000 a block still has [`LARGE_LEAST`] samples.
const LARGE_ENTRIES: usize = 524_288;
/// Samples that a large problem's block has at least: with fewer, reading W for every block costs more than the products with it.
const LARGE_LEAST: usize = 64;

/// Sizes of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    classes: usize,
    width: usize,
    /// Most samples.
    samples: usize,
    /// From one class's logits to the next's.
    stride: usize,
    /// The width rounded up to whole groups of lanes.
    padded: usize,
    small: bool,
}

impl Layout {
    /// The layout for chunks of `columns` columns.
    pub(super) fn new(classes: usize, width: usize, columns: usize) -> Self {
        let small = classes * width <= SMALL_ENTRIES;
        let samples = if small {
            (SMALL_BLOCK / (classes + 2 * width)).clamp(32, 128) / LANES * LANES
        } else {
            (LARGE_ENTRIES / classes.max(width)).clamp(LARGE_LEAST, LARGE_BLOCK)
        };
        let samples = samples.min(columns).next_multiple_of(LANES);
        // An odd number of cache lines: with a power of two all classes of a sample would compete for one place in the cache.
        let stride = if (samples / LANES).is_multiple_of(2) { samples + LANES } else { samples };
        Self { classes, width, samples, stride, padded: width.next_multiple_of(LANES), small }
    }
}

/// W (or a direction U) in the form that a block's products need beside it.
#[derive(Debug)]
pub(super) struct Classifier {
    layout: Layout,
    /// The rows of W, padded with zeros; empty where the library computes.
    rows: Vec<f64>,
}

impl Classifier {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, rows: vec![0.0; if layout.small { layout.classes * layout.padded } else { 0 }] }
    }

    /// Takes over W.
    pub(super) fn set(&mut self, w: &[f64]) {
        let Layout { classes, padded, small, .. } = self.layout;
        if small {
            for (a, column) in w.chunks_exact(classes).enumerate() {
                column.iter().enumerate().for_each(|(k, &x)| self.rows[k * padded + a] = x);
            }
        }
    }
}

/// Columns of H or of a direction V, in the forms that products in registers need.
#[derive(Debug, Default)]
struct Columns {
    /// Rows of features, the samples side by side.
    rows: Vec<f64>,
    /// The columns padded with zeros, where their length is no multiple of eight.
    padded: Vec<f64>,
}

/// A block with its workspace, and the parts of ∂f/∂W and ∂f/∂b accumulated over the blocks before.
#[derive(Debug)]
pub(super) struct Block {
    layout: Layout,
    first: usize,
    count: usize,
    labels: Vec<u64>,
    weights: Vec<f64>,
    copies: Vec<f64>,
    /// Stretches of the columns; empty where each sample has its column.
    stretches: Vec<f64>,
    features: Columns,
    direction: Columns,
    logits: Vec<f64>,
    tangent: Vec<f64>,
    out: Vec<f64>,
    /// ∂f/∂W: padded rows where products are small, columns otherwise.
    w: Vec<f64>,
    /// ∂f/∂b: eight running sums to a class.
    b: Vec<Lanes>,
    scratch: Scratch,
}

/// What is kept of a block for the Hessian products at a point.
#[derive(Debug)]
pub(super) struct KeptBlock {
    residuals: Vec<f64>,
    curvature: BlockCurvature,
}

impl Block {
    pub(super) fn new(layout: Layout, stretched: bool) -> Self {
        let Layout { classes, width, samples, stride, padded, small } = layout;
        let zeros = |wanted: bool, length: usize| vec![0.0; if wanted { length } else { 0 }];
        Self {
            layout,
            first: 0,
            count: 0,
            labels: vec![0; samples],
            weights: vec![0.0; samples],
            copies: vec![0.0; samples],
            stretches: zeros(stretched, samples),
            features: Columns { rows: zeros(small, width * stride), padded: zeros(small && padded > width, padded * samples) },
            direction: Columns::default(),
            logits: vec![0.0; classes * stride],
            tangent: Vec::new(),
            out: zeros(small && padded > width, padded * samples),
            w: vec![0.0; classes * if small { padded } else { width }],
            b: vec![[0.0; LANES]; classes],
            scratch: Scratch::new(classes),
        }
    }

    /// Samples of the block.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Room for what is kept of a block.
    pub(super) fn place(&self) -> KeptBlock {
        let Layout { classes, stride, .. } = self.layout;
        KeptBlock { residuals: vec![0.0; classes * stride], curvature: BlockCurvature::new(classes, stride) }
    }

    /// Forgets what was accumulated.
    pub(super) fn clear(&mut self) {
        self.w.fill(0.0);
        self.b.fill([0.0; LANES]);
    }

    /// Turns to the columns from `first` on, as many as fit before `end`; returns their number.
    pub(super) fn begin(&mut self, problem: &Problem, first: usize, end: usize) -> usize {
        let shape = &problem.shape;
        let count = self.layout.samples.min(end - first);
        if (self.first, self.count) == (first, count) {
            return count;
        }
        (self.first, self.count) = (first, count);
        let factor = problem.scale / shape.samples() as f64;
        for (to, &label) in self.labels.iter_mut().zip(&shape.labels()[first..first + count]) {
            *to = label as u64;
        }
        if self.stretches.is_empty() {
            self.weights[..count].fill(factor);
            self.copies[..count].fill(1.0);
        } else {
            for i in 0..count {
                let (copies, stretch) = (shape.multiplicity(first + i) as f64, shape.stretch(first + i));
                (self.copies[i], self.stretches[i]) = (copies, stretch);
                self.weights[i] = factor * (copies / stretch);
            }
        }
        let padded = count.next_multiple_of(LANES);
        self.labels[count..padded].fill(0);
        self.weights[count..padded].fill(0.0);
        self.copies[count..padded].fill(0.0);
        count
    }

    /// Takes over the block's columns of H.
    pub(super) fn load(&mut self, h: &[f64]) {
        self.features.load(self.layout, self.first, self.count, h);
    }

    /// Takes over the block's columns of V.
    pub(super) fn load_direction(&mut self, v: &[f64]) {
        let Layout { classes, width, samples, stride, padded, small } = self.layout;
        self.tangent.resize(classes * stride, 0.0);
        if small {
            self.direction.rows.resize(width * stride, 0.0);
            self.direction.padded.resize(if padded > width { padded * samples } else { 0 }, 0.0);
        }
        self.direction.load(self.layout, self.first, self.count, v);
    }

    /// The logits W h/s + b.
    pub(super) fn logits(&mut self, w: &[f64], h: &[f64], b: &[f64]) {
        let terms = [(w, &self.features, h)];
        images(self.layout, self.first, self.count, &terms, &self.stretches, b, &mut self.logits);
    }

    /// The directions D = (U h + W v)/s + c.
    pub(super) fn tangent(&mut self, (w, h): (&[f64], &[f64]), (u, v): (&[f64], &[f64]), c: &[f64]) {
        let terms = [(u, &self.features, h), (w, &self.direction, v)];
        images(self.layout, self.first, self.count, &terms, &self.stretches, c, &mut self.tangent);
    }

    /// Turns the logits into residuals g_i; returns the sum of the losses.
    pub(super) fn residuals(&mut self, problem: &Problem, fast: bool) -> f64 {
        let function = problem.loss.function();
        let (mut block, _) = self.logit_block();
        if fast { function.residual_block(&mut block) } else { block.residuals_by_sample(function) }
    }

    /// Turns the logits into residuals and keeps the curvature; returns the sum of the losses. `None`, and nothing done, where the loss cannot do it.
    pub(super) fn linearise(&mut self, problem: &Problem, place: &mut KeptBlock) -> Option<f64> {
        let (mut block, _) = self.logit_block();
        problem.loss.function().over_lanes(&mut block, Task::Keep(&mut place.curvature))
    }

    /// Gives the logits, or what they were turned into, for the residuals that are kept, and takes them back.
    pub(super) fn exchange_residuals(&mut self, place: &mut KeptBlock) {
        std::mem::swap(&mut self.logits, &mut place.residuals);
    }

    /// Turns the directions D_i into A_i D_i with the curvature that was kept.
    pub(super) fn curve_as(&mut self, place: &KeptBlock) {
        let Layout { classes, stride, .. } = self.layout;
        place.curvature.multiply(&self.labels, classes, self.count, &mut self.tangent, stride);
    }

    /// Turns the directions D_i into A_i D_i, and the logits into residuals.
    pub(super) fn curve(&mut self, problem: &Problem, fast: bool) {
        let function = problem.loss.function();
        let (mut block, tangent) = self.logit_block();
        if fast { function.curve_block(&mut block, tangent) } else { block.curve_by_sample(function, tangent) }
    }

    fn logit_block(&mut self) -> (LogitBlock<'_>, &mut [f64]) {
        let block = LogitBlock {
            logits: &mut self.logits,
            stride: self.layout.stride,
            classes: self.layout.classes,
            count: self.count,
            labels: &self.labels,
            weights: &self.weights,
            copies: &self.copies,
            scratch: &mut self.scratch,
        };
        (block, &mut self.tangent)
    }

    /// Adds G Hᵀ to ∂f/∂W and G s to ∂f/∂b.
    pub(super) fn add_classifier_gradient(&mut self, h: &[f64]) {
        add_outer(self.layout, self.first, self.count, &self.logits, &self.features, h, &mut self.w);
        add_rows(self.layout, self.count, &self.logits, &self.stretches, &mut self.b);
    }

    /// Adds (A∘D) Hᵀ + G Vᵀ to the part of W and (A∘D) s to that of b.
    pub(super) fn add_classifier_curvature(&mut self, h: &[f64], v: &[f64]) {
        add_outer(self.layout, self.first, self.count, &self.tangent, &self.features, h, &mut self.w);
        add_outer(self.layout, self.first, self.count, &self.logits, &self.direction, v, &mut self.w);
        add_rows(self.layout, self.count, &self.tangent, &self.stretches, &mut self.b);
    }

    /// `out` ← Wᵀ G + λ_H H for the block's columns.
    pub(super) fn feature_gradient(&mut self, decay: f64, h: &[f64], w: (&Classifier, &[f64]), out: &mut [f64]) {
        let terms = [(w, &self.logits[..])];
        add_features(self.layout, self.first, self.count, decay, (&self.features, h), &terms, &mut self.out, out);
    }

    /// `out` ← Wᵀ(A∘D) + Uᵀ G + λ_H V for the block's columns.
    pub(super) fn feature_curvature(
        &mut self,
        decay: f64,
        v: &[f64],
        w: (&Classifier, &[f64]),
        u: (&Classifier, &[f64]),
        out: &mut [f64],
    ) {
        let terms = [(w, &self.tangent[..]), (u, &self.logits[..])];
        add_features(self.layout, self.first, self.count, decay, (&self.direction, v), &terms, &mut self.out, out);
    }

    /// Adds what was accumulated to ∂f/∂W (K×d) and ∂f/∂b.
    pub(super) fn add_gradients(&self, w: &mut [f64], b: &mut [f64]) {
        let Layout { classes, padded, small, .. } = self.layout;
        if small {
            for (a, column) in w.chunks_exact_mut(classes).enumerate() {
                column.iter_mut().enumerate().for_each(|(k, w)| *w += self.w[k * padded + a]);
            }
        } else {
            axpy(1.0, &self.w, w);
        }
        for (b, sums) in b.iter_mut().zip(&self.b) {
            *b += sums.iter().sum::<f64>();
        }
    }

    /// The residuals as a K×count matrix into `out`.
    pub(super) fn residual_columns(&self, out: &mut Vec<f64>) {
        let Layout { classes, stride, .. } = self.layout;
        out.clear();
        out.extend((0..self.count).flat_map(|i| (0..classes).map(move |k| k * stride + i)).map(|at| self.logits[at]));
    }
}

impl Columns {
    /// Takes over `count` columns from `first` on.
    fn load(&mut self, layout: Layout, first: usize, count: usize, matrix: &[f64]) {
        let Layout { width, stride, padded, small, .. } = layout;
        if !small {
            return;
        }
        let columns = &matrix[first * width..(first + count) * width];
        transpose(columns, width, count, &mut self.rows, stride);
        if padded > width && width > 0 {
            for (to, column) in self.padded.chunks_exact_mut(padded).zip(columns.chunks_exact(width)) {
                to[..width].copy_from_slice(column);
            }
        }
    }
}

/// The block's columns of a matrix of the point.
fn columns_of(layout: Layout, first: usize, count: usize, matrix: &[f64]) -> &[f64] {
    &matrix[first * layout.width..(first + count) * layout.width]
}

/// The first and the last of one term or two.
fn one_or_two<T>(terms: &[T]) -> [&T; 2] {
    [&terms[0], &terms[terms.len() - 1]]
}

/// `out` ← Σ W h/s + b over the terms (W, columns, H), the samples side by side; rows end in zeros plus b.
fn images(
    layout: Layout,
    first: usize,
    count: usize,
    terms: &[(&[f64], &Columns, &[f64])],
    stretches: &[f64],
    b: &[f64],
    out: &mut [f64],
) {
    let Layout { classes, width, stride, small, .. } = layout;
    let padded = count.next_multiple_of(LANES);
    let begins_with_bias = small && stretches.is_empty() && !b.is_empty();
    if small {
        let onto = if begins_with_bias { Onto::Rows(b) } else { Onto::Zero };
        let pair = one_or_two(terms).map(|&(w, columns, _)| (Scalars::ByColumns(w, classes), &columns.rows[..]));
        let (terms, columns) = (&pair[..terms.len()], padded);
        RowProduct { c: out, onto, stride, rows: classes, columns, terms, b_stride: stride, inner: width }.run();
    } else {
        for (i, &(w, _, h)) in terms.iter().enumerate() {
            let h = view(columns_of(layout, first, count, h), width, count).transpose();
            let w = view(w, classes, width).transpose();
            let to = strided_mut(out, count, classes, stride);
            if i == 0 { product(to, h, w, 1.0) } else { add_product(to, h, w, 1.0) }
        }
        (0..classes).for_each(|k| out[k * stride + count..k * stride + padded].fill(0.0));
    }
    if !stretches.is_empty() {
        for row in out.chunks_mut(stride) {
            row.iter_mut().zip(&stretches[..count]).for_each(|(z, s)| *z /= s);
        }
    }
    if !begins_with_bias {
        for (row, b) in out.chunks_mut(stride).zip(b) {
            row[..count].iter_mut().for_each(|z| *z += b);
        }
    }
}

/// `w` ← `w` + G Hᵀ.
fn add_outer(layout: Layout, first: usize, count: usize, g: &[f64], columns: &Columns, h: &[f64], w: &mut [f64]) {
    let Layout { classes, width, stride, padded, small, .. } = layout;
    let h = columns_of(layout, first, count, h);
    if small {
        let b = if padded > width { &columns.padded[..] } else { h };
        let terms = &[(Scalars::ByRows(g, stride), b)];
        let (c, onto) = (w, Onto::C);
        RowProduct { c, onto, stride: padded, rows: classes, columns: padded, terms, b_stride: padded, inner: count }.run();
    } else {
        let g = strided(g, count, classes, stride).transpose();
        add_product(view_mut(w, classes, width), g, view(h, width, count).transpose(), 1.0);
    }
}

/// `b` ← `b` + G s.
fn add_rows(layout: Layout, count: usize, g: &[f64], stretches: &[f64], b: &mut [Lanes]) {
    add_row_sums(g, layout.stride, count, if stretches.is_empty() { None } else { Some(stretches) }, b);
}

/// A term of a sum of products: a classifier with its entries, and the features.
type Term<'a> = ((&'a Classifier, &'a [f64]), &'a [f64]);

/// `out` ← `decay` H + Σ Wᵀ G over the terms (W, G), for the block's columns.
fn add_features(
    layout: Layout,
    first: usize,
    count: usize,
    decay: f64,
    (columns, h): (&Columns, &[f64]),
    terms: &[Term<'_>],
    room: &mut [f64],
    out: &mut [f64],
) {
    let Layout { classes, width, stride, padded, small, .. } = layout;
    let h = columns_of(layout, first, count, h);
    if !small {
        for (i, &((_, w), g)) in terms.iter().enumerate() {
            let (w, g) = (view(w, classes, width).transpose(), strided(g, count, classes, stride).transpose());
            let to = view_mut(out, width, count);
            if i == 0 { product(to, w, g, 1.0) } else { add_product(to, w, g, 1.0) }
        }
        return axpy(decay, h, out);
    }
    // What is padded goes through a room of its own.
    let direct = padded == width;
    let (c, from) = if direct { (&mut *out, h) } else { (&mut *room, &columns.padded[..]) };
    let onto = Onto::Scaled(decay, from);
    let pair = one_or_two(terms).map(|&((classifier, _), g)| (Scalars::ByColumns(g, stride), &classifier.rows[..]));
    let terms = &pair[..terms.len()];
    RowProduct { c, onto, stride: padded, rows: count, columns: padded, terms, b_stride: padded, inner: classes }.run();
    if !direct && width > 0 {
        for (out, padded) in out.chunks_exact_mut(width).zip(room.chunks_exact(padded)) {
            out.copy_from_slice(&padded[..width]);
        }
    }
}
