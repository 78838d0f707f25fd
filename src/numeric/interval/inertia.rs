//! Verified counts of eigenvalues of symmetric ball matrices.
//!
//! Everything rests on one primitive. Let A be any symmetric matrix whose lower triangle lies in the given balls, M the midpoints, ‖A − M‖₂ ≤ e. Choose t > 0 and factor M − tI ≈ PᵀLDLᵀP in
//! floats, L unit lower triangular, D of 1×1 and 2×2 blocks; then *verify* ‖P(M − tI)Pᵀ − LDLᵀ‖₂ ≤ δ with a ball product. If δ + e < t,
//!
//! ```text
//! PAPᵀ = LDLᵀ + tI + E,  ‖E‖₂ ≤ δ + e < t,   so  λ_k(A) > λ_k(LDLᵀ) for every k (Weyl),
//! ```
//!
//! and A has at least as many positive eigenvalues as LDLᵀ has non-negative ones, hence at least those of D that are certainly positive (Sylvester: L is nonsingular). How L and D came about does
//! not matter: a bad factorisation has a large δ and proves nothing. Applied to −A it counts negative eigenvalues; where the two lower bounds add up to n the inertia is exact.

use super::{Balls, Interval};

/// u.
const UNIT_ROUNDOFF: f64 = 0.5 * f64::EPSILON;
/// (1 + √17)/8: the threshold of Bunch and Parlett between 1×1 and 2×2 pivots.
const PIVOT_RATIO: f64 = 0.640_388_203_202_208;
/// How often a shift that was too small is tried again, larger.
const ATTEMPTS: usize = 4;

/// A number of eigenvalues > 0 that every symmetric matrix in `a` (its lower triangle is read) certainly has, after any symmetric perturbation of norm at most `perturbation`.
pub fn eigenvalues_above_zero(a: &Balls, perturbation: f64) -> usize {
    assert_eq!(a.rows(), a.columns(), "a symmetric matrix is square");
    let n = a.rows();
    if n == 0 {
        return 0;
    }
    let symmetric = mirrored(a);
    let outside = (symmetric.radius_row_sum_upper() + perturbation) * (1.0 + 4.0 * UNIT_ROUNDOFF);
    let size = symmetric.row_sum_upper();
    if !size.is_finite() || !outside.is_finite() {
        return 0;
    }
    let mut shift = 1.25 * outside + 16.0 * n as f64 * UNIT_ROUNDOFF * size;
    for _ in 0..ATTEMPTS {
        let Some(factors) = Factors::new(&symmetric, shift) else { return 0 };
        let error = (factors.residual(&symmetric, shift) + outside) * (1.0 + 4.0 * UNIT_ROUNDOFF);
        if error < shift {
            return factors.certainly_positive();
        }
        if !error.is_finite() {
            return 0;
        }
        shift = 2.0 * error;
    }
    0
}

/// Whether every symmetric matrix in `a` is certainly positive definite.
pub fn is_positive_definite(a: &Balls) -> bool {
    eigenvalues_above_zero(a, 0.0) == a.rows()
}

/// A certain lower bound, at least `least` > 0, of the smallest eigenvalue of every symmetric matrix in `a`: a power of two times the row sum. `None` where none was found.
pub fn smallest_eigenvalue_lower(a: &Balls, least: f64) -> Option<f64> {
    let mut bound = 0.5 * a.row_sum_upper();
    while bound >= least && bound > 0.0 {
        let mut shifted = a.clone();
        (0..a.rows()).for_each(|i| shifted.add_to(i, i, Interval::point(-bound)));
        if is_positive_definite(&shifted) {
            return Some(bound);
        }
        bound *= 0.25;
    }
    None
}

/// Whether ‖A‖₂ ≤ `bound` certainly for every matrix in `a`: bound² I − AAᵀ (or AᵀA, whichever is smaller) is positive definite for every bound in the interval.
pub fn spectral_norm_at_most(a: &Balls, bound: Interval) -> bool {
    let gram = if a.rows() <= a.columns() { a.product(&a.transpose()) } else { a.transpose().product(a) };
    let mut difference = gram.negated();
    // The smallest bound is the one that counts; a negative one holds for nothing.
    if !(bound.lo() >= 0.0) || bound.is_empty() {
        return false;
    }
    let square = Interval::point(bound.lo()).sqr();
    (0..difference.rows()).for_each(|i| difference.add_to(i, i, square));
    is_positive_definite(&difference)
}

/// The matrix with its lower triangle copied above the diagonal.
fn mirrored(a: &Balls) -> Balls {
    let mut out = a.clone();
    for j in 0..a.columns() {
        for i in 0..j {
            out.copy_entry(i, j, a.mid(j, i), a.rad(j, i));
        }
    }
    out
}

/// LDLᵀ of a permuted float matrix, with no claim of accuracy.
struct Factors {
    size: usize,
    /// Row i of the permuted matrix is row `order[i]` of the given one.
    order: Vec<usize>,
    /// Unit lower triangular, by columns.
    lower: Vec<f64>,
    /// D: the diagonal.
    diagonal: Vec<f64>,
    /// D: the entry below the diagonal where a 2×2 block begins, else none.
    below: Vec<Option<f64>>,
}

impl Factors {
    /// Factors mid(a) − `shift`·I with complete pivoting. `None` if a number stops being finite.
    fn new(a: &Balls, shift: f64) -> Option<Self> {
        let n = a.rows();
        let mut work: Vec<f64> = (0..n * n).map(|at| a.mid(at % n, at / n)).collect();
        (0..n).for_each(|i| work[i * (n + 1)] -= shift);
        let mut factors =
            Self { size: n, order: (0..n).collect(), lower: vec![0.0; n * n], diagonal: vec![0.0; n], below: vec![None; n] };
        let mut k = 0;
        while k < n {
            let (on, off) = largest(&work, n, k);
            if on.0 >= PIVOT_RATIO * off.0 {
                factors.exchange(&mut work, k, on.1);
                factors.single(&mut work, k);
                k += 1;
            } else {
                let (p, q) = (off.1.min(off.2), off.1.max(off.2));
                factors.exchange(&mut work, k, p);
                factors.exchange(&mut work, k + 1, q);
                factors.double(&mut work, k);
                k += 2;
            }
        }
        factors.lower.iter().chain(&factors.diagonal).all(|x| x.is_finite()).then_some(factors)
    }

    /// Exchanges rows and columns `i` and `j` ≥ i of what remains, and rows of L.
    fn exchange(&mut self, work: &mut [f64], i: usize, j: usize) {
        if i == j {
            return;
        }
        let n = self.size;
        self.order.swap(i, j);
        for l in 0..n {
            work.swap(i * n + l, j * n + l);
        }
        for l in 0..n {
            work.swap(i + l * n, j + l * n);
            self.lower.swap(i + l * n, j + l * n);
        }
    }

    /// One step with a 1×1 pivot.
    fn single(&mut self, work: &mut [f64], k: usize) {
        let n = self.size;
        let pivot = work[k * (n + 1)];
        self.diagonal[k] = pivot;
        self.lower[k * (n + 1)] = 1.0;
        if pivot.abs() <= 0.0 {
            return;
        }
        let column: Vec<f64> = (k + 1..n).map(|i| work[i + k * n]).collect();
        let scaled: Vec<f64> = column.iter().map(|x| x / pivot).collect();
        self.lower[k * n + k + 1..(k + 1) * n].copy_from_slice(&scaled);
        for (at, &factor) in column.iter().enumerate() {
            let j = k + 1 + at;
            let target = &mut work[j * n + k + 1..(j + 1) * n];
            target.iter_mut().zip(&scaled).for_each(|(w, l)| *w -= l * factor);
        }
    }

    /// One step with a 2×2 pivot.
    fn double(&mut self, work: &mut [f64], k: usize) {
        let n = self.size;
        let (a, b, c) = (work[k * (n + 1)], work[k * n + k + 1], work[(k + 1) * (n + 1)]);
        (self.diagonal[k], self.diagonal[k + 1], self.below[k]) = (a, c, Some(b));
        self.lower[k * (n + 1)] = 1.0;
        self.lower[(k + 1) * (n + 1)] = 1.0;
        // Divided by b, the largest entry: nothing overflows.
        let (p, q) = (a / b, c / b);
        let determinant = (p * q - 1.0) * b;
        let first: Vec<f64> = (k + 2..n).map(|i| work[i + k * n]).collect();
        let second: Vec<f64> = (k + 2..n).map(|i| work[i + (k + 1) * n]).collect();
        let left: Vec<f64> = first.iter().zip(&second).map(|(x, y)| (x * q - y) / determinant).collect();
        let right: Vec<f64> = first.iter().zip(&second).map(|(x, y)| (y * p - x) / determinant).collect();
        self.lower[k * n + k + 2..(k + 1) * n].copy_from_slice(&left);
        self.lower[(k + 1) * n + k + 2..(k + 2) * n].copy_from_slice(&right);
        for at in 0..first.len() {
            let j = k + 2 + at;
            let target = &mut work[j * n + k + 2..(j + 1) * n];
            for (i, w) in target.iter_mut().enumerate() {
                *w -= left[i] * first[at] + right[i] * second[at];
            }
        }
    }

    /// An upper bound of ‖P(mid(a) − shift·I)Pᵀ − LDLᵀ‖₂.
    fn residual(&self, a: &Balls, shift: f64) -> f64 {
        let n = self.size;
        let lower = Balls::exact(n, n, self.lower.clone());
        let mut scaled = Balls::zeros(n, n);
        let mut k = 0;
        while k < n {
            let width = if self.below[k].is_some() { 2 } else { 1 };
            let block = Balls::from_fn(width, width, |i, j| match (i, j) {
                (0, 0) => Interval::point(self.diagonal[k]),
                (1, 1) => Interval::point(self.diagonal[k + 1]),
                _ => Interval::point(self.below[k].unwrap_or(0.0)),
            });
            let columns = Balls::exact(n, width, self.lower[k * n..(k + width) * n].to_vec());
            let product = columns.product(&block);
            for j in 0..width {
                (0..n).for_each(|i| scaled.copy_entry(i, k + j, product.mid(i, j), product.rad(i, j)));
            }
            k += width;
        }
        let product = scaled.product(&lower.transpose());
        let given = Balls::from_fn(n, n, |i, j| {
            let entry = Interval::point(a.mid(self.order[i], self.order[j]));
            if i == j { entry - Interval::point(shift) } else { entry }
        });
        given.minus(&product).row_sum_upper()
    }

    /// How many eigenvalues of D are certainly positive.
    fn certainly_positive(&self) -> usize {
        let mut count = 0;
        let mut k = 0;
        while k < self.size {
            let Some(off) = self.below[k] else {
                count += usize::from(self.diagonal[k] > 0.0);
                k += 1;
                continue;
            };
            let (a, c) = (Interval::point(self.diagonal[k]), Interval::point(self.diagonal[k + 1]));
            let determinant = a * c - Interval::point(off).sqr();
            if determinant.certainly_negative() {
                count += 1;
            } else if determinant.certainly_positive() && a.certainly_positive() {
                count += 2;
            }
            k += 2;
        }
        count
    }
}

/// The largest |diagonal entry| of the trailing block and its place, and the largest |entry| below the diagonal and its place.
fn largest(work: &[f64], n: usize, k: usize) -> ((f64, usize), (f64, usize, usize)) {
    let (mut on, mut off) = ((-1.0, k), (0.0, k, k));
    for j in k..n {
        let diagonal = work[j * (n + 1)].abs();
        if diagonal > on.0 {
            on = (diagonal, j);
        }
        for i in j + 1..n {
            let entry = work[i + j * n].abs();
            if entry > off.0 {
                off = (entry, i, j);
            }
        }
    }
    (on, off)
}
