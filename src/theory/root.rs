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

/// A root of the continuous function `f` on [`a`, `b`], where its signs differ, to the last digits: inverse quadratic interpolation where the last three points allow it, halving otherwise
/// (Chandrupatla 1997). About ten evaluations where halving takes sixty; for roots within roots.
///
/// Where the signs do not differ, the end with the smaller |f|.
pub(super) fn bracketed_root(f: impl Fn(f64) -> f64, mut a: f64, mut b: f64) -> f64 {
    let (mut at_a, mut at_b) = (f(a), f(b));
    let nearer = |a: f64, at_a: f64, b: f64, at_b: f64| if at_a.abs() < at_b.abs() { a } else { b };
    if !(at_a * at_b < 0.0) {
        return nearer(a, at_a, b, at_b);
    }
    let mut t = 0.5;
    for _ in 0..200 {
        let x = a + t * (b - a);
        let at_x = f(x);
        // The root lies between `a`, the newest point, and `b`; `c` is the one before.
        let (c, at_c);
        if at_x * at_a > 0.0 {
            (c, at_c) = (a, at_a);
        } else {
            (c, at_c) = (b, at_b);
            (b, at_b) = (a, at_a);
        }
        (a, at_a) = (x, at_x);
        let best = nearer(a, at_a, b, at_b);
        let least = (2.0 * f64::EPSILON * best.abs() + f64::MIN_POSITIVE) / (b - a).abs();
        if !(at_a.abs() > 0.0) || !(least < 0.5) {
            return best;
        }
        let (xi, phi) = ((a - b) / (c - b), (at_a - at_b) / (at_c - at_b));
        let trusted = phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi;
        let interpolated =
            at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b);
        t = if trusted { interpolated.clamp(least, 1.0 - least) } else { 0.5 };
    }
    nearer(a, at_a, b, at_b)
}

/// Where `f` is largest on an interval on which it rises and then falls, by golden sections: to half the digits, so that `f` there has all of them.
pub(super) fn maximum(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let share = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut a, mut b) = (high - share * (high - low), low + share * (high - low));
    let (mut at_a, mut at_b) = (f(a), f(b));
    // 0.618⁵⁰ ≈ 4e-11 of the interval.
    for _ in 0..50 {
        if at_a > at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - share * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + share * (high - low);
            at_b = f(b);
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_are_found_to_half_the_digits() {
        assert!((maximum(|x| -(x - 0.3).powi(2), -1.0, 2.0) - 0.3).abs() < 1e-7);
        assert!(maximum(|x| -x, 0.0, 1.0) < 1e-9);
        assert!(maximum(|x| x, 0.0, 1.0) > 1.0 - 1e-9);
    }

    #[test]
    fn brackets_close_to_the_last_digits() {
        let counted = std::cell::Cell::new(0);
        let count = |x: f64| {
            counted.set(counted.get() + 1);
            x
        };
        assert!((bracketed_root(|x| count(2.0 - x * x), 0.0, 2.0) - 2.0_f64.sqrt()).abs() <= 4.0 * f64::EPSILON);
        assert!(counted.get() < 20, "{} evaluations", counted.get());
        // Falling or rising, flat to third order at the root, and with a jump.
        assert!((bracketed_root(|x| x.powi(3), -1.0, 3.0)).abs() <= 1e-12);
        assert!((bracketed_root(|x| if x < 0.3 { -1.0 } else { 1e6 }, 0.0, 1.0) - 0.3).abs() <= 1e-15);
        assert!((bracketed_root(|x| -x - 1.0, 0.0, 2.0)).abs() <= 0.0);
    }

    #[test]
    fn roots_are_found_to_the_last_digit() {
        assert!((falling_root(|x| 2.0 - x * x, 0.0, 2.0) - 2.0_f64.sqrt()).abs() <= 2.0 * f64::EPSILON);
        assert!(falling_root(|x| -x - 1.0, 0.0, 2.0) <= 1e-300);
        assert!((falling_root(|x| 1.0 / x - 1e200, 0.0, 1.0) / 1e-200 - 1.0).abs() <= 1e-15);
    }
}
