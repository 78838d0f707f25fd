//! Matrices of balls (midpoint and radius), with products whose rounding errors are bounded a priori.

use super::Interval;

/// u = 2⁻⁵³: a rounded operation errs by at most u times its result.
const UNIT_ROUNDOFF: f64 = 0.5 * f64::EPSILON;

/// A rows×columns matrix of balls [m − r, m + r], by columns.
///
/// A product costs three float products and no rounding-mode switch. A float inner product of length n, in whatever order it is summed, errs by at most γ_n Σ|a||b| + n η, γ_n = nu/(1−nu), with
/// η the spacing of subnormal numbers (Rump, Acta Numerica 2010). So for A ± R, B ± S
///
/// ```text
/// AB is within |A|(S + γ_n|B|) + R(|B| + S) + nη of its float midpoint.
/// ```
///
/// That bound is itself evaluated in floats: a sum of 2n non-negative products with a few roundings each is at least (1−u)^{2n+4} times the exact one, which the factor 1 + (4n+16)u makes up for, and
/// the smallest normal number covers everything that underflow may take. Radii that are NaN or infinite stand for "nothing is known", and every test written on them fails.
#[derive(Clone, Debug)]
pub struct Balls {
    rows: usize,
    columns: usize,
    mid: Vec<f64>,
    rad: Vec<f64>,
}

/// The largest sum of the absolute values of a row, as an upper bound.
fn upward(sum: f64, terms: usize) -> f64 {
    sum * (1.0 + (2 * terms + 8) as f64 * UNIT_ROUNDOFF) + f64::MIN_POSITIVE
}

impl Balls {
    /// The matrix 0.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, mid: vec![0.0; rows * columns], rad: vec![0.0; rows * columns] }
    }

    /// A matrix of floats, exactly: `data` by columns. Panics if its length is not rows·columns: that is our own bug.
    pub fn exact(rows: usize, columns: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), rows * columns, "entries of a matrix");
        Self { rows, columns, rad: vec![0.0; data.len()], mid: data }
    }

    /// The matrix with the entries of `entry(row, column)`.
    pub fn from_fn(rows: usize, columns: usize, mut entry: impl FnMut(usize, usize) -> Interval) -> Self {
        let mut out = Self::zeros(rows, columns);
        for j in 0..columns {
            for i in 0..rows {
                out.set(i, j, entry(i, j));
            }
        }
        out
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The entry as an interval.
    pub fn get(&self, i: usize, j: usize) -> Interval {
        let at = i + j * self.rows;
        Interval::around(self.mid[at], self.rad[at])
    }

    /// The midpoint of an entry.
    pub fn mid(&self, i: usize, j: usize) -> f64 {
        self.mid[i + j * self.rows]
    }

    /// The radius of an entry.
    pub fn rad(&self, i: usize, j: usize) -> f64 {
        self.rad[i + j * self.rows]
    }

    /// Replaces an entry by a ball that contains `value`.
    pub fn set(&mut self, i: usize, j: usize, value: Interval) {
        let at = i + j * self.rows;
        (self.mid[at], self.rad[at]) = (value.mid(), value.rad());
    }

    /// Replaces an entry by a ball.
    pub(super) fn copy_entry(&mut self, i: usize, j: usize, mid: f64, rad: f64) {
        let at = i + j * self.rows;
        (self.mid[at], self.rad[at]) = (mid, rad);
    }

    /// Adds an interval to an entry.
    pub fn add_to(&mut self, i: usize, j: usize, value: Interval) {
        let at = i + j * self.rows;
        let (mid, rad) = add_balls(self.mid[at], self.rad[at], value.mid(), value.rad());
        (self.mid[at], self.rad[at]) = (mid, rad);
    }

    /// The transpose.
    pub fn transpose(&self) -> Self {
        let mut out = Self::zeros(self.columns, self.rows);
        for j in 0..self.columns {
            for i in 0..self.rows {
                out.mid[j + i * self.columns] = self.mid[i + j * self.rows];
                out.rad[j + i * self.columns] = self.rad[i + j * self.rows];
            }
        }
        out
    }

    /// The product AB.
    pub fn product(&self, other: &Self) -> Self {
        assert_eq!(self.columns, other.rows, "inner sizes of a product");
        let (m, n, p) = (self.rows, self.columns, other.columns);
        let gamma = (n as f64 + 2.0) * UNIT_ROUNDOFF * (1.0 + 1e-6);
        let inflate = 1.0 + (4 * n + 16) as f64 * UNIT_ROUNDOFF;
        let mut out = Self::zeros(m, p);
        for j in 0..p {
            let mid = &mut out.mid[j * m..(j + 1) * m];
            let rad = &mut out.rad[j * m..(j + 1) * m];
            for k in 0..n {
                let (b, s) = (other.mid[k + j * n], other.rad[k + j * n]);
                let size = b.abs();
                let (own, beside) = (s + gamma * size, size + s);
                // Exact zeros add nothing; a NaN is not skipped.
                if beside <= 0.0 {
                    continue;
                }
                let a = &self.mid[k * m..(k + 1) * m];
                let r = &self.rad[k * m..(k + 1) * m];
                for i in 0..m {
                    mid[i] += a[i] * b;
                    rad[i] += a[i].abs() * own + r[i] * beside;
                }
            }
            rad.iter_mut().for_each(|r| *r = *r * inflate + f64::MIN_POSITIVE);
        }
        out
    }

    /// A + B.
    pub fn plus(&self, other: &Self) -> Self {
        self.combined(other, 1.0)
    }

    /// A − B.
    pub fn minus(&self, other: &Self) -> Self {
        self.combined(other, -1.0)
    }

    /// A ± B.
    fn combined(&self, other: &Self, sign: f64) -> Self {
        assert_eq!((self.rows, self.columns), (other.rows, other.columns), "sizes of a sum");
        let mut out = self.clone();
        for at in 0..out.mid.len() {
            let (mid, rad) = add_balls(self.mid[at], self.rad[at], sign * other.mid[at], other.rad[at]);
            (out.mid[at], out.rad[at]) = (mid, rad);
        }
        out
    }

    /// −A.
    pub fn negated(&self) -> Self {
        Self { mid: self.mid.iter().map(|x| -x).collect(), ..self.clone() }
    }

    /// A scaled by an interval.
    pub fn scaled(&self, factor: Interval) -> Self {
        Self::from_fn(self.rows, self.columns, |i, j| self.get(i, j) * factor)
    }

    /// An upper bound of ‖A‖_F.
    pub fn frobenius_upper(&self) -> f64 {
        let sum: f64 = self.mid.iter().zip(&self.rad).map(|(m, r)| (m.abs() + r) * (m.abs() + r)).sum();
        upward(upward(sum, self.mid.len() + 4).sqrt(), 2)
    }

    /// An upper bound of max_i Σ_j |a_ij|, which bounds ‖A‖₂ of a symmetric matrix.
    pub fn row_sum_upper(&self) -> f64 {
        self.row_sums(|m, r| m.abs() + r)
    }

    /// The same of the radii alone.
    pub fn radius_row_sum_upper(&self) -> f64 {
        self.row_sums(|_, r| r)
    }

    fn row_sums(&self, size: impl Fn(f64, f64) -> f64) -> f64 {
        let mut sums = vec![0.0; self.rows];
        for j in 0..self.columns {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum += size(self.mid[i + j * self.rows], self.rad[i + j * self.rows]);
            }
        }
        // f64::max would drop a NaN.
        if sums.iter().any(|sum| sum.is_nan()) {
            return f64::NAN;
        }
        let largest = sums.into_iter().fold(0.0_f64, f64::max);
        upward(largest, self.columns + 2)
    }
}

/// The sum of two balls: one rounding, bounded by u times the result.
fn add_balls(a: f64, r: f64, b: f64, s: f64) -> (f64, f64) {
    let mid = a + b;
    let error = if b.abs() <= 0.0 || a.abs() <= 0.0 { 0.0 } else { UNIT_ROUNDOFF * mid.abs() };
    let sum = r + s + error;
    (mid, if sum > 0.0 { sum * (1.0 + 8.0 * UNIT_ROUNDOFF) + f64::MIN_POSITIVE } else { sum })
}
