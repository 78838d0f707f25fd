//! Directed rounding without changing the rounding mode: the sign of the exact rounding error says on which side a nearest result lies.
//!
//! For + the error is exact by Knuth's two-sum. For ×, ÷ and √ it is one fused multiply-add, exact while no intermediate result leaves the normal range; near underflow the result is moved
//! outward by one float whatever the error. All of it assumes round-to-nearest without flush-to-zero, which is what Rust guarantees.

/// Results and operands below this size may have rounding errors that are not floats: 2^−960.
const SMALL: f64 = 1.026_233_216_245_494_2e-289;

/// a + b as a rounded sum and its exact error (Knuth). Where the sum overflows the error is NaN.
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The largest float ≤ a + b, or a float just below; a + b must not be ∞ − ∞.
pub(super) fn add_down(a: f64, b: f64) -> f64 {
    let (sum, error) = two_sum(a, b);
    if !sum.is_finite() {
        return unbounded_down(sum, a.is_infinite() || b.is_infinite());
    }
    // A NaN (an intermediate overflow) moves outward, too.
    if error >= 0.0 { sum } else { sum.next_down() }
}

/// The smallest float ≥ a + b, or a float just above.
pub(super) fn add_up(a: f64, b: f64) -> f64 {
    -add_down(-a, -b)
}

/// A float ≤ ab; 0 · ∞ = 0.
pub(super) fn mul_down(a: f64, b: f64) -> f64 {
    // A factor of 0 annihilates even an unbounded interval.
    if a.abs() <= 0.0 || b.abs() <= 0.0 {
        return 0.0;
    }
    let product = a * b;
    if !product.is_finite() {
        return unbounded_down(product, a.is_infinite() || b.is_infinite());
    }
    if product.abs() > SMALL {
        return if a.mul_add(b, -product) >= 0.0 { product } else { product.next_down() };
    }
    tiny_down(product, (a > 0.0) == (b > 0.0))
}

/// A float ≥ ab; 0 · ∞ = 0.
pub(super) fn mul_up(a: f64, b: f64) -> f64 {
    -mul_down(-a, b)
}

/// A float ≤ a/b for b ≠ 0; c/∞ = 0 and 0/∞ = 0.
pub(super) fn div_down(a: f64, b: f64) -> f64 {
    if a.abs() <= 0.0 || b.is_infinite() {
        return 0.0;
    }
    let quotient = a / b;
    if !quotient.is_finite() {
        return unbounded_down(quotient, a.is_infinite());
    }
    if quotient.abs() > SMALL && a.abs() > SMALL {
        let remainder = (-quotient).mul_add(b, a);
        // quotient + remainder/b is exact.
        let at_most = remainder.abs() <= 0.0 || (remainder > 0.0) == (b > 0.0);
        return if at_most { quotient } else { quotient.next_down() };
    }
    tiny_down(quotient, (a > 0.0) == (b > 0.0))
}

/// A float ≥ a/b for b ≠ 0.
pub(super) fn div_up(a: f64, b: f64) -> f64 {
    -div_down(-a, b)
}

/// A float ≤ √x, x ≥ 0.
pub(super) fn sqrt_down(x: f64) -> f64 {
    let root = x.sqrt();
    if x > SMALL && x.is_finite() {
        return if (-root).mul_add(root, x) >= 0.0 { root } else { root.next_down() };
    }
    if x > 0.0 && x.is_finite() { root.next_down() } else { root }
}

/// A float ≥ √x, x ≥ 0.
pub(super) fn sqrt_up(x: f64) -> f64 {
    let root = x.sqrt();
    if x > SMALL && x.is_finite() {
        return if (-root).mul_add(root, x) <= 0.0 { root } else { root.next_up() };
    }
    if x > 0.0 && x.is_finite() { root.next_up() } else { root }
}

/// The lower bound behind a result that is not finite: exact if an operand was infinite, otherwise an overflow.
fn unbounded_down(result: f64, exact: bool) -> f64 {
    if result > 0.0 && !exact {
        f64::MAX
    } else if result.is_nan() {
        f64::NEG_INFINITY
    } else {
        result
    }
}

/// The lower bound behind a result near underflow whose sign is known.
fn tiny_down(result: f64, positive: bool) -> f64 {
    if positive { result.next_down().max(0.0) } else { result.next_down() }
}
