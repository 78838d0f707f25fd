//! + − × ÷, square, square root.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use super::Interval;
use super::rounding::{add_down, add_up, div_down, div_up, mul_down, mul_up, sqrt_down, sqrt_up};

impl Neg for Interval {
    type Output = Self;

    fn neg(self) -> Self {
        if self.is_empty() { self } else { Self { lo: -self.hi, hi: -self.lo } }
    }
}

impl Add for Interval {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return Self::EMPTY;
        }
        Self::from_bounds(add_down(self.lo, other.lo), add_up(self.hi, other.hi))
    }
}

impl Sub for Interval {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl AddAssign for Interval {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Interval {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Interval {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, Add::add)
    }
}

impl Mul for Interval {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return Self::EMPTY;
        }
        let (a, b, c, d) = (self.lo, self.hi, other.lo, other.hi);
        // Nine cases of signs: all but one need two products.
        let (lo, hi) = if a >= 0.0 {
            if c >= 0.0 {
                (mul_down(a, c), mul_up(b, d))
            } else if d <= 0.0 {
                (mul_down(b, c), mul_up(a, d))
            } else {
                (mul_down(b, c), mul_up(b, d))
            }
        } else if b <= 0.0 {
            if c >= 0.0 {
                (mul_down(a, d), mul_up(b, c))
            } else if d <= 0.0 {
                (mul_down(b, d), mul_up(a, c))
            } else {
                (mul_down(a, d), mul_up(a, c))
            }
        } else if c >= 0.0 {
            (mul_down(a, d), mul_up(b, d))
        } else if d <= 0.0 {
            (mul_down(b, c), mul_up(a, c))
        } else {
            (mul_down(a, d).min(mul_down(b, c)), mul_up(a, c).max(mul_up(b, d)))
        };
        Self::from_bounds(lo, hi)
    }
}

impl Mul<f64> for Interval {
    type Output = Self;

    fn mul(self, other: f64) -> Self {
        self * Self::point(other)
    }
}

impl Div for Interval {
    type Output = Self;

    /// The quotients of all members for which they exist: division by {0} is empty, by a set around 0 unbounded.
    fn div(self, other: Self) -> Self {
        let (a, b, c, d) = (self.lo, self.hi, other.lo, other.hi);
        if self.is_empty() || other.is_empty() || (c >= 0.0 && d <= 0.0) {
            return Self::EMPTY;
        }
        if a >= 0.0 && b <= 0.0 {
            return Self::ZERO;
        }
        if c < 0.0 && d > 0.0 {
            return Self::ENTIRE;
        }
        if d <= 0.0 {
            return -(self / -other);
        }
        // Now 0 ≤ c ≤ d, d > 0. A divisor that reaches down to 0 makes the far bound infinite.
        let lo = if a >= 0.0 {
            div_down(a, d)
        } else if c > 0.0 {
            div_down(a, c)
        } else {
            f64::NEG_INFINITY
        };
        let hi = if b <= 0.0 {
            div_up(b, d)
        } else if c > 0.0 {
            div_up(b, c)
        } else {
            f64::INFINITY
        };
        Self::from_bounds(lo, hi)
    }
}

impl Interval {
    /// {x²}.
    pub fn sqr(self) -> Self {
        let positive = self.abs();
        if positive.is_empty() {
            return positive;
        }
        Self::from_bounds(mul_down(positive.lo, positive.lo), mul_up(positive.hi, positive.hi))
    }

    /// {√x : x ≥ 0}.
    pub fn sqrt(self) -> Self {
        let domain = self.intersection(Self { lo: 0.0, hi: f64::INFINITY });
        if domain.is_empty() {
            return domain;
        }
        Self::from_bounds(sqrt_down(domain.lo), sqrt_up(domain.hi))
    }

    /// {1/x : x ≠ 0}.
    pub fn recip(self) -> Self {
        Self::ONE / self
    }
}
