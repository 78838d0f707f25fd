//! Operations on packed vectors.
//!
//! Those that end in `_shared` divide long vectors into pieces, always the same ones, which threads may share: the sums do not depend on whether they do.

use pulp::{Arch, Simd, WithSimd};

/// From this length on the machine's vector instructions are asked for: below it, asking costs more than it gains.
const LONG: usize = 32;

/// Running sums of a scalar product: enough that one addition need not wait for the one before.
const SUMS: usize = 32;

/// ⟨x, y⟩ over the shorter of the two, in running sums: the order is fixed, so the bits are the same on every machine, and the compiler can keep them in registers.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    // Cut first: chunks of vectors of different lengths would end in remainders that do not face each other.
    let length = x.len().min(y.len());
    let operation = Dot(&x[..length], &y[..length]);
    if length < LONG { operation.run() } else { Arch::new().dispatch(operation) }
}

/// ‖x‖₂.
pub fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// `y` ← `y` + `factor` · `x`, over the shorter of the two.
pub fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    let operation = Axpy(factor, x, y);
    if operation.1.len() < LONG { operation.run() } else { Arch::new().dispatch(operation) }
}

/// Entries of a piece: a microsecond's work.
const PIECE: usize = 4_096;

/// Both, on two threads where `shared`.
fn both<A: Send, B: Send>(shared: bool, first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B + Send) -> (A, B) {
    if shared { rayon::join(first, second) } else { (first(), second()) }
}

/// Where a vector of this length is divided in two; `None` for a piece.
fn divided(length: usize) -> Option<usize> {
    (length > PIECE).then(|| length.div_ceil(2).next_multiple_of(SUMS))
}

/// ⟨x, y⟩ of two vectors of the same length.
pub fn dot_shared(shared: bool, x: &[f64], y: &[f64]) -> f64 {
    let Some(half) = divided(x.len()) else { return dot(x, y) };
    let ((x, x_rest), (y, y_rest)) = (x.split_at(half), y.split_at(half));
    let (first, second) = both(shared, || dot_shared(shared, x, y), || dot_shared(shared, x_rest, y_rest));
    first + second
}

/// `y` ← `y` + `factor` · `x`.
pub fn axpy_shared(shared: bool, factor: f64, x: &[f64], y: &mut [f64]) {
    let Some(half) = divided(x.len()) else { return axpy(factor, x, y) };
    let ((x, x_rest), (y, y_rest)) = (x.split_at(half), y.split_at_mut(half));
    both(shared, || axpy_shared(shared, factor, x, y), || axpy_shared(shared, factor, x_rest, y_rest));
}

/// `y` ← `y` + `factor` · `x`; returns ‖y‖².
pub fn axpy_square_shared(shared: bool, factor: f64, x: &[f64], y: &mut [f64]) -> f64 {
    let Some(half) = divided(x.len()) else { return Arch::new().dispatch(AxpySquare(factor, x, y)) };
    let ((x, x_rest), (y, y_rest)) = (x.split_at(half), y.split_at_mut(half));
    let rest = || axpy_square_shared(shared, factor, x_rest, y_rest);
    let (first, second) = both(shared, || axpy_square_shared(shared, factor, x, y), rest);
    first + second
}

/// `out` ← `x` + `factor` · `v`.
pub fn moved_shared(shared: bool, factor: f64, v: &[f64], x: &[f64], out: &mut [f64]) {
    let Some(half) = divided(x.len()) else { return Arch::new().dispatch(Moved(factor, v, x, out)) };
    let ((v, v_rest), (x, x_rest), (out, out_rest)) = (v.split_at(half), x.split_at(half), out.split_at_mut(half));
    both(shared, || moved_shared(shared, factor, v, x, out), || moved_shared(shared, factor, v_rest, x_rest, out_rest));
}

/// Before the first step of conjugate gradients: `r` ← `g`, `d` ← −`g`, `p` ← 0.
pub fn conjugate_start_shared(shared: bool, g: &[f64], r: &mut [f64], d: &mut [f64], p: &mut [f64]) {
    let Some(half) = divided(g.len()) else {
        r.copy_from_slice(g);
        p.fill(0.0);
        return Arch::new().dispatch(Moved(-1.0, g, p, d));
    };
    let ((g, g_rest), (r, r_rest)) = (g.split_at(half), r.split_at_mut(half));
    let ((d, d_rest), (p, p_rest)) = (d.split_at_mut(half), p.split_at_mut(half));
    let rest = || conjugate_start_shared(shared, g_rest, r_rest, d_rest, p_rest);
    both(shared, || conjugate_start_shared(shared, g, r, d, p), rest);
}

/// A step along `d` and the direction after it: `p` ← `p` + `step` · `d`, `d` ← `ratio` · `d` − `r`.
pub fn conjugate_step_shared(shared: bool, (step, ratio): (f64, f64), r: &[f64], d: &mut [f64], p: &mut [f64]) {
    let Some(half) = divided(r.len()) else { return Arch::new().dispatch(ConjugateStep { step, ratio, r, d, p }) };
    let (r, r_rest) = r.split_at(half);
    let ((d, d_rest), (p, p_rest)) = (d.split_at_mut(half), p.split_at_mut(half));
    let rest = || conjugate_step_shared(shared, (step, ratio), r_rest, d_rest, p_rest);
    both(shared, || conjugate_step_shared(shared, (step, ratio), r, d, p), rest);
}

struct Moved<'a>(f64, &'a [f64], &'a [f64], &'a mut [f64]);

impl WithSimd for Moved<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self(factor, v, x, out) = self;
        for ((out, x), v) in out.iter_mut().zip(x).zip(v) {
            *out = x + factor * v;
        }
    }
}

struct AxpySquare<'a>(f64, &'a [f64], &'a mut [f64]);

impl WithSimd for AxpySquare<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let Self(factor, x, y) = self;
        let length = x.len().min(y.len());
        let ((xs, x_rest), (ys, y_rest)) = (x[..length].as_chunks::<SUMS>(), y[..length].as_chunks_mut::<SUMS>());
        let mut rest = 0.0;
        for (y, x) in y_rest.iter_mut().zip(x_rest) {
            *y += factor * x;
            rest += *y * *y;
        }
        let mut sums = [0.0; SUMS];
        for (x, y) in xs.iter().zip(ys) {
            for l in 0..SUMS {
                y[l] += factor * x[l];
                sums[l] += y[l] * y[l];
            }
        }
        sums.iter().sum::<f64>() + rest
    }
}

struct ConjugateStep<'a> {
    step: f64,
    ratio: f64,
    r: &'a [f64],
    d: &'a mut [f64],
    p: &'a mut [f64],
}

impl WithSimd for ConjugateStep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { step, ratio, r, d, p } = self;
        for ((p, d), r) in p.iter_mut().zip(d).zip(r) {
            *p += step * *d;
            *d = ratio * *d - r;
        }
    }
}

struct Dot<'a>(&'a [f64], &'a [f64]);

impl Dot<'_> {
    #[inline(always)]
    fn run(self) -> f64 {
        let ((xs, x_rest), (ys, y_rest)) = (self.0.as_chunks::<SUMS>(), self.1.as_chunks::<SUMS>());
        let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
        let mut sums = [0.0; SUMS];
        for (x, y) in xs.iter().zip(ys) {
            for l in 0..SUMS {
                sums[l] += x[l] * y[l];
            }
        }
        sums.iter().sum::<f64>() + rest
    }
}

impl WithSimd for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        self.run()
    }
}

struct Axpy<'a>(f64, &'a [f64], &'a mut [f64]);

impl Axpy<'_> {
    #[inline(always)]
    fn run(self) {
        for (y, x) in self.2.iter_mut().zip(self.1) {
            *y += self.0 * x;
        }
    }
}

impl WithSimd for Axpy<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.run();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_operations_are_those_they_are_made_of_on_any_threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for n in [0, 1, 31, 33, 100, PIECE, PIECE + 1, 5 * PIECE + 17] {
            let entries = |seed: f64| (0..n).map(|i| (i as f64 + seed).sin()).collect::<Vec<f64>>();
            let (r, d, p) = (entries(0.1), entries(0.2), entries(0.3));
            let run = |shared: bool| {
                let (mut d, mut p, mut y) = (d.clone(), p.clone(), r.clone());
                let [mut residual, mut down, mut step] = [(); 3].map(|()| vec![f64::NAN; n]);
                conjugate_start_shared(shared, &r, &mut residual, &mut down, &mut step);
                let negated: Vec<f64> = r.iter().map(|r| -r).collect();
                assert_eq!((&residual, &step, &down), (&r, &vec![0.0; n], &negated));
                moved_shared(shared, 0.7, &d, &r, &mut step);
                let square = axpy_square_shared(shared, 0.7, &d, &mut y);
                assert_eq!(step, y);
                step.copy_from_slice(&r);
                axpy_shared(shared, 0.7, &d, &mut step);
                assert_eq!(step, y);
                conjugate_step_shared(shared, (0.7, -0.3), &r, &mut d, &mut p);
                (square, dot_shared(shared, &r, &d), d, p, y)
            };
            let found = run(false);
            assert_eq!(pool.install(|| run(true)), found);
            let (square, product, turned, moved, y) = found;
            let mut expected = r.clone();
            axpy(0.7, &d, &mut expected);
            assert_eq!(y, expected);
            expected = p.clone();
            axpy(0.7, &d, &mut expected);
            assert_eq!(moved, expected);
            assert!(turned.iter().zip(&d).zip(&r).all(|((turned, d), r)| (turned - (-0.3 * d - r)).abs() <= 1e-15));
            assert!(
                (square - dot(&y, &y)).abs() <= 1e-13 * square && (product - dot(&r, &turned)).abs() <= 1e-13 * square.max(1.0)
            );
        }
    }

    #[test]
    fn every_entry_counts_once() {
        for n in [0, 1, 7, 8, 9, 30] {
            let x: Vec<f64> = (0..n).map(f64::from).collect();
            let exact: f64 = x.iter().map(|x| x * x).sum();
            assert!((dot(&x, &x) - exact).abs() < 1e-9);
            for longer in 0..20 {
                let y: Vec<f64> = (0..n + longer).map(f64::from).collect();
                assert!((dot(&x, &y) - exact).abs() < 1e-9 && (dot(&y, &x) - exact).abs() < 1e-9, "{n} and {longer} more");
            }
        }
    }
}
