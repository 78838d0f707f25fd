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
