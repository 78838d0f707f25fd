//! Operations on packed vectors.

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

/// `y` ← `y` + `factor` · `x`; returns ‖y‖², as [`dot`] sums it.
pub fn axpy_square(factor: f64, x: &[f64], y: &mut [f64]) -> f64 {
    Arch::new().dispatch(AxpySquare(factor, x, y))
}

/// A step along `d` and the direction after it: `p` ← `p` + `step` · `d`, `d` ← `ratio` · `d` − `r`.
pub fn conjugate_step(step: f64, ratio: f64, r: &[f64], d: &mut [f64], p: &mut [f64]) {
    Arch::new().dispatch(ConjugateStep { step, ratio, r, d, p });
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
    fn fused_operations_are_those_they_are_made_of() {
        for n in [0, 1, 31, 32, 33, 100] {
            let entries = |seed: f64| (0..n).map(|i| (f64::from(i) + seed).sin()).collect::<Vec<f64>>();
            let (r, mut d, mut p) = (entries(0.1), entries(0.2), entries(0.3));
            let (mut moved, mut turned) = (p.clone(), r.clone());
            let square = axpy_square(0.7, &d, &mut moved);
            axpy(0.7, &d, &mut p);
            assert!(moved == p && square.to_bits() == dot(&p, &p).to_bits());
            turned.iter_mut().zip(&d).for_each(|(r, d)| *r = -0.3 * d - *r);
            conjugate_step(0.7, -0.3, &r, &mut d, &mut moved);
            assert!(d == turned && moved.iter().zip(&p).all(|(a, b)| (a - b).abs() <= 1.0));
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
