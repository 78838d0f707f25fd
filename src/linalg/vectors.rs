//! Operations on packed vectors.

/// ⟨x, y⟩ over the shorter of the two, in eight running sums: the order is fixed, and the compiler can keep them in one register.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    // Cut first: chunks of vectors of different lengths would end in remainders that do not face each other.
    let length = x.len().min(y.len());
    let (x, y) = (&x[..length], &y[..length]);
    let mut lanes = [0.0; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in xs.zip(ys) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// ‖x‖₂.
pub fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// `y` ← `y` + `factor` · `x`, over the shorter of the two.
pub fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
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
