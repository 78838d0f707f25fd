//! exp, log and powers over CORE-MATH's correctly rounded functions: the exact value lies strictly between the two neighbours of the rounded one.

use std::cmp::Ordering;

use super::Interval;

/// A float ≤ the exact value behind the correctly rounded `value`.
fn below(value: f64) -> f64 {
    value.next_down()
}

/// A float ≥ the exact value behind the correctly rounded `value`.
fn above(value: f64) -> f64 {
    value.next_up()
}

/// Whether two floats are the same number: rounding is exact at few arguments, and there bounds need not move.
fn equal(x: f64, y: f64) -> bool {
    x.partial_cmp(&y) == Some(Ordering::Equal)
}

/// log x with the value at 1 exact and −∞ at 0.
fn log_bounds(lo: f64, hi: f64, log: fn(f64) -> f64, exact_at: f64, pole: f64) -> Interval {
    // Only at `exact_at` is the logarithm of a float a float.
    let low = if lo <= pole {
        f64::NEG_INFINITY
    } else if equal(lo, exact_at) {
        0.0
    } else {
        below(log(lo))
    };
    let high = if hi.is_infinite() {
        f64::INFINITY
    } else if equal(hi, exact_at) {
        0.0
    } else {
        above(log(hi))
    };
    Interval::from_bounds(low, high)
}

impl Interval {
    /// {e^x}.
    pub fn exp(self) -> Self {
        if self.is_empty() {
            return self;
        }
        let exact = |x: f64| x.abs() <= 0.0 || x.is_infinite();
        let lo = if exact(self.lo) { core_math::exp(self.lo) } else { below(core_math::exp(self.lo)).max(0.0) };
        let hi = if exact(self.hi) { core_math::exp(self.hi) } else { above(core_math::exp(self.hi)) };
        Self::from_bounds(lo, hi)
    }

    /// {e^x − 1}, without cancellation near 0.
    pub fn expm1(self) -> Self {
        if self.is_empty() {
            return self;
        }
        let exact = |x: f64| x.abs() <= 0.0 || x.is_infinite();
        let lo = if exact(self.lo) { core_math::expm1(self.lo) } else { below(core_math::expm1(self.lo)).max(-1.0) };
        let hi = if exact(self.hi) { core_math::expm1(self.hi) } else { above(core_math::expm1(self.hi)) };
        Self::from_bounds(lo, hi)
    }

    /// {log x : x > 0}.
    pub fn log(self) -> Self {
        if self.is_empty() || !(self.hi > 0.0) {
            return Self::EMPTY;
        }
        log_bounds(self.lo, self.hi, core_math::log, 1.0, 0.0)
    }

    /// {log(1 + x) : x > −1}, without cancellation near 0.
    pub fn log1p(self) -> Self {
        if self.is_empty() || !(self.hi > -1.0) {
            return Self::EMPTY;
        }
        log_bounds(self.lo, self.hi, core_math::log1p, 0.0, -1.0)
    }

    /// {x^n} for an integer n; x⁰ = 1, and negative powers leave out x = 0.
    pub fn pown(self, n: i32) -> Self {
        if self.is_empty() {
            return self;
        }
        match n {
            0 => return Self::ONE,
            1 => return self,
            2 => return self.sqr(),
            _ => {}
        }
        let exponent = Self::point(f64::from(n));
        if n % 2 == 0 {
            return self.abs().pow(exponent);
        }
        // Odd powers keep the sign: the two sides of 0 apart.
        let right = self.intersection(Self { lo: 0.0, hi: f64::INFINITY }).pow(exponent);
        let left = -((-self).intersection(Self { lo: 0.0, hi: f64::INFINITY }).pow(exponent));
        left.hull(right)
    }

    /// {x^y : x > 0, or x = 0 and y > 0}.
    ///
    /// log x^y = y log x is bilinear in (log x, y): its extreme values over a box, and so those of x^y, are taken at corners. At a corner that is not in the domain (0^y with y ≤ 0) C's `pow`
    /// returns the limit from inside.
    pub fn pow(self, exponent: Self) -> Self {
        let base = self.intersection(Self { lo: 0.0, hi: f64::INFINITY });
        if base.is_empty() || exponent.is_empty() {
            return Self::EMPTY;
        }
        if base.hi <= 0.0 {
            return if exponent.hi > 0.0 { Self::ZERO } else { Self::EMPTY };
        }
        let mut result = Self::EMPTY;
        for x in [base.lo, base.hi] {
            for y in [exponent.lo, exponent.hi] {
                result = result.hull(corner_power(x, y));
            }
        }
        Self::from_bounds(result.lo, result.hi)
    }

    /// {1/(1 + e^{−x})}.
    pub fn logistic(self) -> Self {
        // Monotone: bounds at the bounds. 1/(1 + e^{−x}) keeps its relative accuracy for x ≪ 0.
        let at = |x: f64| Self { lo: -x, hi: -x };
        if self.is_empty() {
            return self;
        }
        let lo = if self.lo.is_infinite() { Self::ZERO } else { (Self::ONE + at(self.lo).exp()).recip() };
        let hi = if self.hi.is_infinite() { Self::ONE } else { (Self::ONE + at(self.hi).exp()).recip() };
        Self::from_bounds(lo.lo.max(0.0), hi.hi.min(1.0))
    }

    /// {log(1 + e^x)}.
    pub fn softplus(self) -> Self {
        // log(1 + e^x) = x + log(1 + e^{−x}) where e^x would overflow or lose the 1.
        let at = |x: f64| {
            let x = Self { lo: x, hi: x };
            if x.lo <= 0.0 { x.exp().log1p() } else { x + (-x).exp().log1p() }
        };
        if self.is_empty() {
            return self;
        }
        let lo = if self.lo.is_infinite() { 0.0 } else { at(self.lo).lo.max(0.0) };
        let hi = if self.hi.is_infinite() { f64::INFINITY } else { at(self.hi).hi };
        Self::from_bounds(lo, hi)
    }
}

/// An enclosure of x^y, or of its limit in [0, ∞], as a pair of bounds (both may be ∞).
fn corner_power(x: f64, y: f64) -> Interval {
    let value = core_math::pow(x, y);
    let one = equal(x, 1.0);
    let exact = x <= 0.0 || one || x.is_infinite() || y.abs() <= 0.0 || y.is_infinite();
    if exact {
        // −0 to an odd negative power would be −∞.
        let value = value.abs();
        return Interval { lo: value, hi: value };
    }
    if equal(y, 1.0) {
        return Interval { lo: x, hi: x };
    }
    Interval { lo: below(value).max(0.0), hi: above(value) }
}
