//! Where L-BFGS keeps its vectors, factors and sums on the device, and the programs over them.

use super::program::{Call, GRADIENT, Layout, POINT, STATE, STEP};

/// The factor 1.
pub(super) const ONE: u32 = 5;
/// The factor −1.
pub(super) const MINUS_ONE: u32 = 6;
/// Coefficients of the direction in g, s_0 …, y_0 ….
pub(super) const COEFFICIENTS: u32 = 8;
/// Most pairs: the places for coefficients.
pub(super) const MEMORY_MAX: usize = 120;

/// L-BFGS with `memory` pairs in a layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs {
    /// Pairs kept.
    pub(super) memory: usize,
    /// How vectors lie.
    pub(super) layout: Layout,
}

impl Pairs {
    fn s(&self, i: usize) -> usize {
        STATE + i
    }

    fn y(&self, i: usize) -> usize {
        STATE + self.memory + i
    }

    fn direction(&self) -> usize {
        STATE + 2 * self.memory
    }

    fn point_before(&self) -> usize {
        self.direction() + 1
    }

    fn gradient_before(&self) -> usize {
        self.direction() + 2
    }

    /// Vectors beside the point and its gradient.
    pub(super) fn vectors(memory: usize) -> usize {
        2 * memory + 3
    }

    /// The first slot of the `index`-th inner product: slots by pieces, after those of [`Layout::measure`].
    pub(super) fn slots(&self, index: usize) -> std::ops::Range<usize> {
        let first = self.layout.measured().2.end + index * self.layout.pieces();
        first..first + self.layout.pieces()
    }

    /// Positions of inner products: ⟨g, p⟩, ⟨s_i, g⟩, ⟨y_i, g⟩, and those of a new pair j with every pair i: ⟨s_j, y_i⟩, ⟨s_i, y_j⟩, ⟨y_j, y_i⟩.
    pub(super) const SLOPE: usize = 0;

    pub(super) fn s_gradient(&self, i: usize) -> usize {
        1 + i
    }

    pub(super) fn y_gradient(&self, i: usize) -> usize {
        1 + self.memory + i
    }

    pub(super) fn new_s_y(&self, i: usize) -> usize {
        1 + 2 * self.memory + i
    }

    pub(super) fn s_new_y(&self, i: usize) -> usize {
        1 + 3 * self.memory + i
    }

    pub(super) fn new_y_y(&self, i: usize) -> usize {
        1 + 4 * self.memory + i
    }

    /// Sums in all.
    pub(super) fn results(&self) -> usize {
        self.slots(5 * self.memory).end
    }

    fn dot(&self, a: usize, b: usize, index: usize) -> Vec<Call> {
        self.layout.dot(a, b, self.slots(index).start)
    }

    /// The point and its gradient are kept, and p = Σ c·(g, s_i, y_i).
    pub(super) fn begin(&self) -> Vec<Call> {
        let layout = &self.layout;
        let mut calls = layout.scale(POINT, self.point_before(), ONE);
        calls.extend(layout.scale(GRADIENT, self.gradient_before(), ONE));
        calls.extend(layout.scale(GRADIENT, self.direction(), COEFFICIENTS));
        for i in 0..self.memory {
            calls.extend(layout.axpy(self.s(i), self.direction(), COEFFICIENTS + 1 + i as u32));
            calls.extend(layout.axpy(self.y(i), self.direction(), COEFFICIENTS + 1 + (self.memory + i) as u32));
        }
        calls
    }

    /// x ← x₀ + t p, with t in the place of the step.
    pub(super) fn attempt(&self) -> Vec<Call> {
        let mut calls = self.layout.scale(self.point_before(), POINT, ONE);
        calls.extend(self.layout.axpy(self.direction(), POINT, STEP));
        calls
    }

    /// ⟨g, p⟩.
    pub(super) fn slope(&self) -> Vec<Call> {
        self.dot(GRADIENT, self.direction(), Self::SLOPE)
    }

    /// The pair s_j = t p, y_j = g − g₀, with its inner products with every pair.
    pub(super) fn keep(&self, j: usize) -> Vec<Call> {
        let layout = &self.layout;
        let mut calls = layout.scale(self.direction(), self.s(j), STEP);
        calls.extend(layout.scale(GRADIENT, self.y(j), ONE));
        calls.extend(layout.axpy(self.gradient_before(), self.y(j), MINUS_ONE));
        for i in 0..self.memory {
            calls.extend(self.dot(self.s(j), self.y(i), self.new_s_y(i)));
            calls.extend(self.dot(self.s(i), self.y(j), self.s_new_y(i)));
            calls.extend(self.dot(self.y(j), self.y(i), self.new_y_y(i)));
        }
        calls
    }

    /// The gradient's inner products with every pair.
    pub(super) fn with_gradient(&self) -> Vec<Call> {
        let one = |i| [self.dot(self.s(i), GRADIENT, self.s_gradient(i)), self.dot(self.y(i), GRADIENT, self.y_gradient(i))];
        (0..self.memory).flat_map(one).flatten().collect()
    }

    /// Every program, in the order `begin`, `attempt`, `slope`, `with_gradient`, `keep(0)` ….
    pub(super) fn programs(&self) -> Vec<Vec<Call>> {
        let mut programs = vec![self.begin(), self.attempt(), self.slope(), self.with_gradient()];
        programs.extend((0..self.memory).map(|j| self.keep(j)));
        programs
    }
}
