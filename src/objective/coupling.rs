//! The arrow's coupling blocks, never formed: X_i = C_i V_i is a sum of two Kronecker products.
//!
//! With h = √n h̃_i (its parts p: the entries of the feature, then 1 for a bias), g = √n g_i, Y = A_i W V and the eigenvectors V of B_i (rows p < r; V is 0 for other parts)
//!
//! ```text
//! X[(p,k), c] = h_p Y_kc + V_pc g_k        so for a diagonal D = (Λ − σ)⁻¹
//! X D Xᵀ, block (p,q) = h_p h_q Y D Yᵀ + L_pq + L_qpᵀ,   L_pq = (h_p (Y D Vᵀ)_{·q} + ½ (V D Vᵀ)_pq g) gᵀ
//! ```
//!
//! Sums over i are products of matrices with K², and K, columns: N·core² multiply-adds instead of N·core²·r, and K times less memory than the X_i.

use nalgebra::DMatrix;

use crate::linalg::{add_product, axpy, dot, product, view, view_mut};

/// Columns handled as one product.
pub(super) const BATCH: usize = 128;

/// h, g, Y and V of every column.
#[derive(Debug)]
pub(super) struct Coupling {
    classes: usize,
    coupled: usize,
    parts: usize,
    lifted: Vec<f64>,
    slopes: Vec<f64>,
    images: Vec<f64>,
    vectors: Vec<f64>,
}

impl Coupling {
    /// Room for `columns` columns.
    pub(super) fn new(classes: usize, coupled: usize, parts: usize, columns: usize) -> Self {
        let room = |entries: usize| Vec::with_capacity(entries * columns);
        Self {
            classes,
            coupled,
            parts,
            lifted: room(parts),
            slopes: room(classes),
            images: room(classes * coupled),
            vectors: room(coupled * coupled),
        }
    }

    /// Adds a column of weight `root`²: the lifted feature h̃, g, Y and V.
    pub(super) fn push(&mut self, root: f64, lifted: impl Iterator<Item = f64>, slopes: &[f64], images: &[f64], vectors: &[f64]) {
        self.lifted.extend(lifted.take(self.parts).map(|h| root * h));
        self.slopes.extend(slopes.iter().map(|g| root * g));
        self.images.extend_from_slice(images);
        self.vectors.extend_from_slice(vectors);
    }

    pub(super) fn lifted(&self, i: usize) -> &[f64] {
        &self.lifted[i * self.parts..(i + 1) * self.parts]
    }

    fn slopes(&self, i: usize) -> &[f64] {
        &self.slopes[i * self.classes..(i + 1) * self.classes]
    }

    /// Y_i, K×r.
    fn images(&self, i: usize) -> &[f64] {
        let size = self.classes * self.coupled;
        &self.images[i * size..(i + 1) * size]
    }

    /// V_i, r×r.
    pub(super) fn vectors(&self, i: usize) -> &[f64] {
        let size = self.coupled * self.coupled;
        &self.vectors[i * size..(i + 1) * size]
    }

    /// ‖X_i[·, c]‖².
    pub(super) fn square(&self, i: usize, c: usize) -> f64 {
        let y = &self.images(i)[c * self.classes..(c + 1) * self.classes];
        let v = &self.vectors(i)[c * self.coupled..(c + 1) * self.coupled];
        let (h, g) = (self.lifted(i), self.slopes(i));
        dot(h, h) * dot(y, y) + 2.0 * dot(h, v) * dot(y, g) + dot(v, v) * dot(g, g)
    }

    /// `out` (core entries) ← `out` + X_i z.
    pub(super) fn add_applied(&self, i: usize, z: &[f64], out: &mut [f64]) {
        let (mut image, mut vector) = (vec![0.0; self.classes], vec![0.0; self.parts]);
        for (c, &z) in z.iter().enumerate() {
            axpy(z, &self.images(i)[c * self.classes..(c + 1) * self.classes], &mut image);
            axpy(z, &self.vectors(i)[c * self.coupled..(c + 1) * self.coupled], &mut vector);
        }
        for ((block, h), v) in out.chunks_exact_mut(self.classes).zip(self.lifted(i)).zip(&vector) {
            axpy(*h, &image, block);
            axpy(*v, self.slopes(i), block);
        }
    }

    /// X_iᵀ y for y in θ.
    pub(super) fn transposed(&self, i: usize, y: &[f64]) -> Vec<f64> {
        let (mut image, mut vector) = (vec![0.0; self.classes], vec![0.0; self.parts]);
        for ((block, h), v) in y.chunks_exact(self.classes).zip(self.lifted(i)).zip(&mut vector) {
            axpy(*h, block, &mut image);
            *v = dot(block, self.slopes(i));
        }
        let (images, vectors) = (self.images(i), self.vectors(i));
        let entry = |c: usize| {
            dot(&images[c * self.classes..(c + 1) * self.classes], &image)
                + dot(&vectors[c * self.coupled..(c + 1) * self.coupled], &vector)
        };
        (0..self.coupled).map(entry).collect()
    }

    /// The lower triangle of `matrix` ← `matrix` + Σ h̃_i h̃_iᵀ ⊗ A_i over the last columns, as many as `squares` holds matrices A_i (K² entries each).
    pub(super) fn add_blocks(&self, squares: &[f64], matrix: &mut DMatrix<f64>) {
        let count = squares.len() / (self.classes * self.classes);
        let first = (self.slopes.len() / self.classes).saturating_sub(count);
        let mut slab = vec![0.0; self.classes * self.classes * self.parts];
        (0..self.parts).for_each(|q| self.add_squares(squares, first, q, 1.0, &mut slab, matrix));
    }

    /// Blocks (p, q), p ≥ q, of `matrix` ← themselves + `sign` Σ h_p h_q A over the columns from `first` on, A being those of `squares`; `slab` is room for them.
    fn add_squares(&self, squares: &[f64], first: usize, q: usize, sign: f64, slab: &mut [f64], matrix: &mut DMatrix<f64>) {
        let (classes, parts) = (self.classes, self.parts);
        let (core, square) = (classes * parts, classes * classes);
        let count = squares.len() / square;
        let weights: Vec<f64> =
            (q..parts).flat_map(|p| (first..first + count).map(move |i| self.lifted(i)[p] * self.lifted(i)[q])).collect();
        let out = &mut slab[..square * (parts - q)];
        let (squares, weights) = (view(squares, square, count), view(&weights, count, parts - q));
        product(view_mut(out, square, parts - q), squares, weights, 1.0);
        for p in q..parts {
            let block = &slab[(p - q) * square..(p - q + 1) * square];
            for l in 0..classes {
                let target = &mut matrix.as_mut_slice()[(q * classes + l) * core + p * classes..][..classes];
                axpy(sign, &block[l * classes..(l + 1) * classes], target);
            }
        }
    }

    /// The lower triangle of `matrix` (core×core) ← `matrix` − Σ_i X_i diag(`inverse` of i) X_iᵀ; what the blocks on its diagonal hold above it changes too.
    pub(super) fn subtract(&self, inverse: &[f64], matrix: &mut DMatrix<f64>) {
        let (classes, parts, coupled) = (self.classes, self.parts, self.coupled);
        if coupled == 0 {
            return;
        }
        let core = classes * parts;
        let columns = inverse.len() / coupled;
        let mut slab = vec![0.0; classes * core];
        let mut first = 0;
        while first < columns {
            let count = BATCH.min(columns - first);
            let batch = Batch::new(self, first, count, inverse);
            for q in 0..parts {
                // The h_p h_q part for p ≥ q; the part in L for all p.
                self.add_squares(&batch.squares, first, q, -1.0, &mut slab, matrix);
                if q >= coupled {
                    continue;
                }
                let left = batch.left(self, q);
                let slopes = view(&self.slopes[first * classes..(first + count) * classes], classes, count);
                product(view_mut(&mut slab, core, classes), view(&left, core, count), slopes.transpose(), 1.0);
                subtract_slab(&slab, q, classes, matrix);
            }
            first += count;
        }
    }
}

/// `slab` holds L_pq for all p, core×K: block (p,q) ← − L_pq for p ≥ q, block (q,p) ← − L_pqᵀ for p ≤ q.
fn subtract_slab(slab: &[f64], q: usize, classes: usize, matrix: &mut DMatrix<f64>) {
    let core = matrix.nrows();
    for l in 0..classes {
        let column = &slab[l * core..(l + 1) * core];
        let start = q * classes;
        axpy(-1.0, &column[start..], &mut matrix.as_mut_slice()[(start + l) * core + start..(start + l + 1) * core]);
        for (at, x) in column[..start + classes].iter().enumerate() {
            matrix[(start + l, at)] -= x;
        }
    }
}

/// What a product needs of some columns.
struct Batch {
    first: usize,
    count: usize,
    /// Y D Yᵀ, K² a column.
    squares: Vec<f64>,
    /// Y D Vᵀ, K×r a column.
    mixed: Vec<f64>,
    /// V D Vᵀ, r×r a column.
    vectors: Vec<f64>,
}

impl Batch {
    fn new(coupling: &Coupling, first: usize, count: usize, inverse: &[f64]) -> Self {
        let (classes, coupled) = (coupling.classes, coupling.coupled);
        let mut batch = Self {
            first,
            count,
            squares: vec![0.0; classes * classes * count],
            mixed: vec![0.0; classes * coupled * count],
            vectors: vec![0.0; coupled * coupled * count],
        };
        let squares = batch.squares.chunks_exact_mut(classes * classes);
        let mixed = batch.mixed.chunks_exact_mut(classes * coupled);
        let vectors = batch.vectors.chunks_exact_mut(coupled * coupled);
        for (at, ((square, mixed), vector)) in squares.zip(mixed).zip(vectors).enumerate() {
            let i = first + at;
            let scaled = |matrix: &[f64], rows: usize| -> Vec<f64> {
                let inverse = &inverse[i * coupled..(i + 1) * coupled];
                matrix.chunks_exact(rows).zip(inverse).flat_map(|(column, d)| column.iter().map(move |x| d * x)).collect()
            };
            let (images, basis) = (scaled(coupling.images(i), classes), scaled(coupling.vectors(i), coupled));
            let y = view(coupling.images(i), classes, coupled);
            let v = view(coupling.vectors(i), coupled, coupled);
            add_product(view_mut(square, classes, classes), view(&images, classes, coupled), y.transpose(), 1.0);
            add_product(view_mut(mixed, classes, coupled), view(&images, classes, coupled), v.transpose(), 1.0);
            add_product(view_mut(vector, coupled, coupled), view(&basis, coupled, coupled), v.transpose(), 1.0);
        }
        batch
    }

    /// h_p (Y D Vᵀ)_{·q} + ½ (V D Vᵀ)_pq g for all p, core entries a column.
    fn left(&self, coupling: &Coupling, q: usize) -> Vec<f64> {
        let (classes, coupled, parts) = (coupling.classes, coupling.coupled, coupling.parts);
        let mut left = vec![0.0; classes * parts * self.count];
        for (at, column) in left.chunks_exact_mut(classes * parts).enumerate() {
            let i = self.first + at;
            let mixed = &self.mixed[(at * coupled + q) * classes..][..classes];
            let vector = &self.vectors[(at * coupled + q) * coupled..][..coupled];
            for (p, block) in column.chunks_exact_mut(classes).enumerate() {
                axpy(coupling.lifted(i)[p], mixed, block);
                if let Some(v) = vector.get(p) {
                    axpy(0.5 * v, coupling.slopes(i), block);
                }
            }
        }
        left
    }
}
