//! One root of a falling function, to the last digit.

/// Where the falling function `f` changes sign on [low, high], by bisection until no number lies between. Infinite values are allowed;
/// a sign that does not change yields the end nearer to the root.
pub(super) fn falling_root(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    // Halving reaches neighbours after at most about 1100 steps (64 unless the root is near 0).
    for _ in 0..1200 {
        let middle = low + 0.5 * (high - low);
        if !(middle > low && middle < high) {
            break;
        }
        if f(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    if f(low).abs() < f(high).abs() { low } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_found_to_the_last_digit() {
        assert!((falling_root(|x| 2.0 - x * x, 0.0, 2.0) - 2.0_f64.sqrt()).abs() <= 2.0 * f64::EPSILON);
        assert!(falling_root(|x| -x - 1.0, 0.0, 2.0) <= 1e-300);
        assert!((falling_root(|x| 1.0 / x - 1e200, 0.0, 1.0) / 1e-200 - 1.0).abs() <= 1e-15);
    }
}
