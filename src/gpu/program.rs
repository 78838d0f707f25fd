//! What is dispatched for one gradient, one Hessian product or one vector operation: data, which a device binds to its buffers and the plan counts.

use crate::model::Bias;
use crate::objective::Problem;

/// A compute kernel; its twin has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    /// OUT (+)= A B.
    Product,
    /// Logits → residuals and losses.
    Residual,
    /// A direction → its product with the losses' Hessians; logits → residuals.
    Curvature,
    /// OUT += G 1.
    RowSums,
    /// y ← f x.
    Scale,
    /// y ← y + f x.
    Axpy,
    /// v ← m v + x, y ← y + f v.
    HeavyBall,
    /// Partial sums of ⟨x, y⟩.
    DotTerms,
    /// Partial sums of Σ x.
    SumTerms,
    /// Partial sums → their sum.
    Gather,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Kernel; 10] = [
        Kernel::Product,
        Kernel::Residual,
        Kernel::Curvature,
        Kernel::RowSums,
        Kernel::Scale,
        Kernel::Axpy,
        Kernel::HeavyBall,
        Kernel::DotTerms,
        Kernel::SumTerms,
        Kernel::Gather,
    ];

    /// Its entry point.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Product => "product",
            Kernel::Residual => "residual",
            Kernel::Curvature => "curvature",
            Kernel::RowSums => "row_sums",
            Kernel::Scale => "scale",
            Kernel::Axpy => "axpy",
            Kernel::HeavyBall => "heavy_ball",
            Kernel::DotTerms => "dot_terms",
            Kernel::SumTerms => "sum_terms",
            Kernel::Gather => "gather",
        }
    }
}

/// A buffer on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A piece of a vector of the size of (W, H, b).
    Vector(usize, usize),
    /// K×B logits, then residuals.
    Slab,
    /// K×B, a direction's logits.
    Tangent,
    /// The class of every column.
    Labels,
    /// (1/s, (c/N)·m/s) of every column.
    Weights,
    /// (c m/N)·L of every column.
    Losses,
    /// Partial sums.
    Partials,
    /// Sums.
    Results,
    /// Factors of vector operations.
    Factors,
}

/// One dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which kernel.
    pub kernel: Kernel,
    /// Its uniform parameters, in order.
    pub parameters: Vec<u32>,
    /// Its buffers, each with the number it is bound at.
    pub bindings: Vec<(u32, Place)>,
    /// Workgroups.
    pub groups: [u32; 2],
}

/// The first vectors of every descent.
pub(super) const POINT: usize = 0;
/// The gradient.
pub(super) const GRADIENT: usize = 1;
/// The first vector that belongs to the method.
pub(super) const STATE: usize = 2;

/// Where factors lie: λ_W, λ_H, λ_b.
pub(super) const DECAYS: u32 = 0;
/// −t, then the momentum.
pub(super) const STEP: u32 = 3;
/// How (W, H, b) lies on the device: W, H in chunks of columns, b where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// K.
    pub classes: usize,
    /// d.
    pub width: usize,
    /// Columns of H.
    pub columns: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// Columns in a chunk.
    pub chunk: usize,
    /// Columns in a slab.
    pub slab: usize,
}

/// The largest number of workgroups of an operation on vectors.
const VECTOR_GROUPS: usize = 1024;
/// Terms a thread of a reduction adds before another workgroup is worth it.
const TERMS_A_THREAD: usize = 16;

impl Layout {
    /// The layout of a problem.
    pub fn new(problem: &Problem, chunk: usize, slab: usize) -> Self {
        let shape = &problem.shape;
        let bias = problem.bias != Bias::None;
        Self { classes: shape.classes(), width: shape.width(), columns: shape.columns(), bias, chunk, slab }
    }

    /// Chunks of H.
    pub fn chunks(&self) -> usize {
        self.columns.div_ceil(self.chunk)
    }

    /// Buffers of a vector.
    pub fn pieces(&self) -> usize {
        1 + self.chunks() + usize::from(self.bias)
    }

    /// Where b is.
    pub fn bias_piece(&self) -> usize {
        1 + self.chunks()
    }

    /// Entries of a piece.
    pub fn length(&self, piece: usize) -> usize {
        let chunks = self.chunks();
        match piece {
            0 => self.classes * self.width,
            piece if piece <= chunks => self.width * self.chunk.min(self.columns - (piece - 1) * self.chunk),
            _ => self.classes,
        }
    }

    /// Entries of a vector.
    pub fn dimension(&self) -> usize {
        (0..self.pieces()).map(|piece| self.length(piece)).sum()
    }

    /// Which decay belongs to a piece.
    fn decay(&self, piece: usize) -> u32 {
        let which = match piece {
            0 => 0,
            piece if piece <= self.chunks() => 1,
            _ => 2,
        };
        DECAYS + which
    }

    /// The slabs: piece of H, first column in the piece, first column of all, columns.
    fn slabs(&self) -> impl Iterator<Item = (usize, usize, usize, usize)> + '_ {
        (0..self.chunks()).flat_map(move |chunk| {
            let first = chunk * self.chunk;
            let columns = self.chunk.min(self.columns - first);
            (0..columns).step_by(self.slab).map(move |at| (1 + chunk, at, first + at, self.slab.min(columns - at)))
        })
    }

    /// f's loss terms and ∇f at the point: the gradient's vector is overwritten.
    pub fn gradient(&self) -> Vec<Call> {
        let mut calls = self.scaled(POINT, GRADIENT);
        for slab in self.slabs() {
            self.logits(&mut calls, slab, POINT, POINT, Place::Slab, false);
            calls.push(self.loss_call(Kernel::Residual, slab, &[]));
            self.add_to_w(&mut calls, slab, Place::Slab, POINT, GRADIENT);
            self.add_to_h(&mut calls, slab, Place::Slab, POINT, GRADIENT);
            self.add_to_b(&mut calls, slab, Place::Slab, GRADIENT);
        }
        calls
    }

    /// ∇²f at the point times the vector `direction`, into the vector `out`.
    pub fn hessian_product(&self, direction: usize, out: usize) -> Vec<Call> {
        let mut calls = self.scaled(direction, out);
        for slab in self.slabs() {
            self.logits(&mut calls, slab, POINT, POINT, Place::Slab, false);
            self.logits(&mut calls, slab, direction, POINT, Place::Tangent, false);
            self.logits(&mut calls, slab, POINT, direction, Place::Tangent, true);
            let bias = if self.bias { Place::Vector(direction, self.bias_piece()) } else { Place::Factors };
            calls.push(self.loss_call(Kernel::Curvature, slab, &[(6, Place::Tangent), (7, bias)]));
            self.add_to_w(&mut calls, slab, Place::Tangent, POINT, out);
            self.add_to_w(&mut calls, slab, Place::Slab, direction, out);
            self.add_to_h(&mut calls, slab, Place::Tangent, POINT, out);
            self.add_to_h(&mut calls, slab, Place::Slab, direction, out);
            self.add_to_b(&mut calls, slab, Place::Tangent, out);
        }
        calls
    }

    /// The sum of the losses, ⟨x, x⟩ and ⟨∇f, ∇f⟩ by pieces: results from slot 0 on, as [`Layout::measured`] reads them.
    pub fn measure(&self) -> Vec<Call> {
        let mut calls = reduction(Kernel::SumTerms, self.columns, &[(1, Place::Losses)], 0);
        calls.extend(self.dot(POINT, POINT, 1));
        calls.extend(self.dot(GRADIENT, GRADIENT, 1 + self.pieces()));
        calls
    }

    /// Results of [`Layout::measure`]: slots of the losses' sum, of ‖x‖² and of ‖∇f‖² by pieces.
    pub fn measured(&self) -> (usize, std::ops::Range<usize>, std::ops::Range<usize>) {
        let pieces = self.pieces();
        (0, 1..1 + pieces, 1 + pieces..1 + 2 * pieces)
    }

    /// ⟨a, b⟩ by pieces, from `slot` on.
    pub fn dot(&self, a: usize, b: usize, slot: usize) -> Vec<Call> {
        let piece = |piece| {
            let bindings = [(1, Place::Vector(a, piece)), (2, Place::Vector(b, piece))];
            reduction(Kernel::DotTerms, self.length(piece), &bindings, slot + piece)
        };
        (0..self.pieces()).flat_map(piece).collect()
    }

    /// `to` ← `to` + f·`from`, f at the place `factor`.
    pub fn axpy(&self, from: usize, to: usize, factor: u32) -> Vec<Call> {
        self.by_pieces(Kernel::Axpy, &[(2, from), (3, to)], |_| [factor, 0])
    }

    /// `to` ← f·`from`, f at the place `factor`.
    pub fn scale(&self, from: usize, to: usize, factor: u32) -> Vec<Call> {
        self.by_pieces(Kernel::Scale, &[(2, from), (3, to)], |_| [factor, 0])
    }

    /// The point's heavy-ball step along the gradient, with its velocity in the first vector of the method.
    pub fn heavy_ball(&self) -> Vec<Call> {
        self.by_pieces(Kernel::HeavyBall, &[(2, GRADIENT), (3, POINT), (4, STATE)], |_| [STEP, STEP + 1])
    }

    /// `to` ← λ·`from`, with the decay of each piece.
    fn scaled(&self, from: usize, to: usize) -> Vec<Call> {
        self.by_pieces(Kernel::Scale, &[(2, from), (3, to)], |piece| [self.decay(piece), 0])
    }

    fn by_pieces(&self, kernel: Kernel, vectors: &[(u32, usize)], factors: impl Fn(usize) -> [u32; 2]) -> Vec<Call> {
        let call = |piece: usize| {
            let length = self.length(piece);
            let groups = length.div_ceil(256).clamp(1, VECTOR_GROUPS);
            let [factor, second] = factors(piece);
            let mut bindings = vec![(1, Place::Factors)];
            bindings.extend(vectors.iter().map(|&(at, vector)| (at, Place::Vector(vector, piece))));
            let parameters = vec![length as u32, factor, second, groups as u32 * 256];
            Call { kernel, parameters, bindings, groups: [groups as u32, 1] }
        };
        (0..self.pieces()).map(call).collect()
    }

    /// `out` (+)= W of one vector times H of another, on a slab.
    fn logits(&self, calls: &mut Vec<Call>, slab: Slab, w: usize, h: usize, out: Place, accumulate: bool) {
        let (piece, at, _, columns) = slab;
        calls.push(product(Product {
            rows: self.classes,
            columns,
            inner: self.width,
            accumulate,
            a: (Place::Vector(w, 0), 0, 1, self.classes),
            b: (Place::Vector(h, piece), at * self.width, 1, self.width),
            out: (out, 0, self.classes),
        }));
    }

    /// W of `to` += block · Hᵀ, with H of the vector `h`.
    fn add_to_w(&self, calls: &mut Vec<Call>, slab: Slab, block: Place, h: usize, to: usize) {
        let (piece, at, _, columns) = slab;
        calls.push(product(Product {
            rows: self.classes,
            columns: self.width,
            inner: columns,
            accumulate: true,
            a: (block, 0, 1, self.classes),
            b: (Place::Vector(h, piece), at * self.width, self.width, 1),
            out: (Place::Vector(to, 0), 0, self.classes),
        }));
    }

    /// The slab's columns of H of `to` += Wᵀ · block, with W of the vector `w`.
    fn add_to_h(&self, calls: &mut Vec<Call>, slab: Slab, block: Place, w: usize, to: usize) {
        let (piece, at, _, columns) = slab;
        calls.push(product(Product {
            rows: self.width,
            columns,
            inner: self.classes,
            accumulate: true,
            a: (Place::Vector(w, 0), 0, self.classes, 1),
            b: (block, 0, 1, self.classes),
            out: (Place::Vector(to, piece), at * self.width, self.width),
        }));
    }

    /// b of `to` += block · s, where there is a bias.
    fn add_to_b(&self, calls: &mut Vec<Call>, slab: Slab, block: Place, to: usize) {
        let (_, _, first, columns) = slab;
        if self.bias {
            calls.push(Call {
                kernel: Kernel::RowSums,
                parameters: vec![self.classes as u32, first as u32, columns as u32],
                bindings: vec![(1, block), (2, Place::Weights), (3, Place::Vector(to, self.bias_piece()))],
                groups: [self.classes.div_ceil(16) as u32, 1],
            });
        }
    }

    /// A kernel of the loss on a slab.
    fn loss_call(&self, kernel: Kernel, slab: Slab, more: &[(u32, Place)]) -> Call {
        let (_, _, first, columns) = slab;
        // Something must be bound where there is no bias; the kernel does not read it.
        let bias = if self.bias { Place::Vector(POINT, self.bias_piece()) } else { Place::Factors };
        let mut bindings = vec![(1, Place::Slab), (2, bias), (3, Place::Labels), (4, Place::Weights)];
        // Only residuals leave losses behind.
        if kernel == Kernel::Residual {
            bindings.push((5, Place::Losses));
        }
        bindings.extend(more);
        let parameters = vec![self.classes as u32, first as u32, u32::from(self.bias)];
        Call { kernel, parameters, bindings, groups: [columns as u32, 1] }
    }
}

/// Piece of H, first column in the piece, first column of all, columns.
type Slab = (usize, usize, usize, usize);

/// A product; matrices with their first entry and strides (rows, columns).
struct Product {
    rows: usize,
    columns: usize,
    inner: usize,
    accumulate: bool,
    a: (Place, usize, usize, usize),
    b: (Place, usize, usize, usize),
    out: (Place, usize, usize),
}

fn product(it: Product) -> Call {
    let numbers = [
        it.rows,
        it.columns,
        it.inner,
        usize::from(it.accumulate),
        it.a.1,
        it.a.2,
        it.a.3,
        it.b.1,
        it.b.2,
        it.b.3,
        it.out.1,
        it.out.2,
    ];
    Call {
        kernel: Kernel::Product,
        parameters: numbers.iter().map(|&number| number as u32).collect(),
        bindings: vec![(1, it.a.0), (2, it.b.0), (3, it.out.0)],
        groups: [it.rows.div_ceil(64) as u32, it.columns.div_ceil(64) as u32],
    }
}

/// Partial sums and their sum.
fn reduction(kernel: Kernel, length: usize, inputs: &[(u32, Place)], slot: usize) -> Vec<Call> {
    let groups = length.div_ceil(256 * TERMS_A_THREAD).clamp(1, super::plan::PARTIALS as usize) as u32;
    let parameters = vec![length as u32, groups * 256, slot as u32, groups, 0];
    let first = Call {
        kernel,
        parameters: parameters.clone(),
        bindings: [inputs, &[(3, Place::Partials)]].concat(),
        groups: [groups, 1],
    };
    let bindings = vec![(3, Place::Partials), (4, Place::Results)];
    vec![first, Call { kernel: Kernel::Gather, parameters, bindings, groups: [1, 1] }]
}
