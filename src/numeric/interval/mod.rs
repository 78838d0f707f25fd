//! Closed intervals of f64 with outward rounding, and verified linear algebra on them.
//!
//! An [`Interval`] is a set of real numbers; every operation returns a set that contains the exact result of every choice of members. Special sets are those of IEEE 1788: the empty set,
//! half-lines and the whole line. Operations drop what lies outside their domain (log of [−1, 1] is log of [0, 1]), so that an empty result means "nowhere defined".
//!
//! The operations +, −, ×, ÷ and √ are the tightest possible (up to one float near underflow); exp, log, log1p, expm1 and powers rest on the correctly rounded functions of CORE-MATH and are at most one float
//! wider at each end. Nothing here changes the rounding mode.
//!
//! [`Multiple`] is the same in multiple precision, and [`Enclosure`] what both can do: a proof that doubles do not decide is repeated in more bits.
//!
//! Predicates mean *certainly*: `a.certainly_less(b)` is false both where it is false and where it is not known.

mod arithmetic;
mod balls;
mod dyadic;
mod elementary;
mod enclosure;
mod inertia;
#[cfg(test)]
mod itf1788_tests;
mod multiple;
#[cfg(test)]
mod multiple_tests;
mod range;
mod rounding;
mod small;
mod softmax;
#[cfg(test)]
mod tests;

use std::fmt;

pub use balls::Balls;
pub use enclosure::Enclosure;
pub use inertia::{eigenvalues_above_zero, is_positive_definite, smallest_eigenvalue_lower, spectral_norm_at_most};
pub use multiple::{Bound, Long, Multiple};
pub use small::small_inertia;
pub use softmax::{Odds, log_sum_exp, softmax};

/// A closed interval of real numbers, possibly empty or unbounded. Invariant: lo ≤ hi, lo < ∞, hi > −∞, or lo = ∞ and hi = −∞ for the empty set.
#[derive(Clone, Copy, PartialEq)]
pub struct Interval {
    lo: f64,
    hi: f64,
}

impl Interval {
    /// The empty set.
    pub const EMPTY: Self = Self { lo: f64::INFINITY, hi: f64::NEG_INFINITY };
    /// All real numbers.
    pub const ENTIRE: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    /// {0}.
    pub const ZERO: Self = Self { lo: 0.0, hi: 0.0 };
    /// {1}.
    pub const ONE: Self = Self { lo: 1.0, hi: 1.0 };

    /// [lo, hi]; `None` where that is no interval: lo > hi, a NaN, lo = ∞ or hi = −∞.
    pub fn new(lo: f64, hi: f64) -> Option<Self> {
        (lo <= hi && lo < f64::INFINITY && hi > f64::NEG_INFINITY).then_some(Self { lo, hi })
    }

    /// {x}. A number that is not finite is no real number: everything is possible then, so that no conclusion is.
    pub fn point(x: f64) -> Self {
        if x.is_finite() { Self { lo: x, hi: x } } else { Self::ENTIRE }
    }

    /// [x − r, x + r], rounded outward; everything for a NaN or a negative radius.
    pub fn around(x: f64, radius: f64) -> Self {
        if !(radius >= 0.0) || !x.is_finite() {
            return Self::ENTIRE;
        }
        Self { lo: rounding::add_down(x, -radius), hi: rounding::add_up(x, radius) }
    }

    /// {n}: a count. Beyond 2⁵³ the two floats around it.
    pub fn count(n: usize) -> Self {
        let x = n as f64;
        if n <= 1 << 53 { Self::point(x) } else { Self { lo: x.next_down(), hi: x.next_up() } }
    }

    /// From bounds that an operation computed: a NaN on either side bounds nothing.
    fn from_bounds(lo: f64, hi: f64) -> Self {
        debug_assert!(!(lo > hi), "bounds are ordered: {lo:e} {hi:e}");
        let lo = if lo < f64::INFINITY {
            lo
        } else if lo.is_nan() {
            f64::NEG_INFINITY
        } else {
            f64::MAX
        };
        let hi = if hi > f64::NEG_INFINITY {
            hi
        } else if hi.is_nan() {
            f64::INFINITY
        } else {
            f64::MIN
        };
        Self { lo, hi }
    }

    /// The lower bound; +∞ for the empty set.
    pub fn lo(self) -> f64 {
        self.lo
    }

    /// The upper bound; −∞ for the empty set.
    pub fn hi(self) -> f64 {
        self.hi
    }

    /// Whether this is the empty set.
    pub fn is_empty(self) -> bool {
        !(self.lo <= self.hi)
    }

    /// Whether this is the whole line.
    pub fn is_entire(self) -> bool {
        self.lo <= f64::NEG_INFINITY && self.hi >= f64::INFINITY
    }

    /// Whether this is one number.
    pub fn is_point(self) -> bool {
        self.lo >= self.hi && !self.is_empty()
    }

    /// Whether both bounds are finite and the set is not empty.
    pub fn is_bounded(self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    /// A float inside, near the middle; 0 for the whole line, NaN for the empty set.
    pub fn mid(self) -> f64 {
        if self.is_empty() {
            return f64::NAN;
        }
        match (self.lo.is_finite(), self.hi.is_finite()) {
            (true, true) => {
                let sum = self.lo + self.hi;
                let mid = if sum.is_finite() { 0.5 * sum } else { 0.5 * self.lo + 0.5 * self.hi };
                mid.clamp(self.lo, self.hi)
            }
            (true, false) => f64::MAX,
            (false, true) => f64::MIN,
            (false, false) => 0.0,
        }
    }

    /// A float r with this ⊆ [mid − r, mid + r]; NaN for the empty set.
    pub fn rad(self) -> f64 {
        if self.is_empty() {
            return f64::NAN;
        }
        let mid = self.mid();
        rounding::add_up(mid, -self.lo).max(rounding::add_up(self.hi, -mid))
    }

    /// hi − lo, rounded up; NaN for the empty set.
    pub fn width(self) -> f64 {
        if self.is_empty() { f64::NAN } else { rounding::add_up(self.hi, -self.lo) }
    }

    /// The largest absolute value of a member; NaN for the empty set.
    pub fn mag(self) -> f64 {
        if self.is_empty() { f64::NAN } else { self.lo.abs().max(self.hi.abs()) }
    }

    /// The smallest absolute value of a member; NaN for the empty set.
    pub fn mig(self) -> f64 {
        if self.is_empty() {
            f64::NAN
        } else if self.contains(0.0) {
            0.0
        } else {
            self.lo.abs().min(self.hi.abs())
        }
    }

    /// Whether x is a member.
    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi && x.is_finite()
    }

    /// Whether every member is one of `other`.
    pub fn is_subset(self, other: Self) -> bool {
        self.is_empty() || (other.lo <= self.lo && self.hi <= other.hi)
    }

    /// Whether this and `other` certainly have no member in common.
    pub fn is_disjoint(self, other: Self) -> bool {
        self.is_empty() || other.is_empty() || self.hi < other.lo || other.hi < self.lo
    }

    /// Whether every member is below every member of `other`; false where either is empty, since nothing is then known of the numbers meant.
    pub fn certainly_less(self, other: Self) -> bool {
        !self.is_empty() && !other.is_empty() && self.hi < other.lo
    }

    /// Whether every member is at most every member of `other`; false where either is empty.
    pub fn certainly_at_most(self, other: Self) -> bool {
        !self.is_empty() && !other.is_empty() && self.hi <= other.lo
    }

    /// Whether every member is positive, and there is one.
    pub fn certainly_positive(self) -> bool {
        !self.is_empty() && self.lo > 0.0
    }

    /// Whether every member is negative, and there is one.
    pub fn certainly_negative(self) -> bool {
        !self.is_empty() && self.hi < 0.0
    }

    /// The members of both.
    pub fn intersection(self, other: Self) -> Self {
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        if lo <= hi { Self { lo, hi } } else { Self::EMPTY }
    }

    /// The smallest interval that contains both.
    pub fn hull(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// {|x|}.
    pub fn abs(self) -> Self {
        if self.is_empty() { self } else { Self { lo: self.mig(), hi: self.mag() } }
    }

    /// {min(x, y)}.
    pub fn min(self, other: Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return Self::EMPTY;
        }
        Self { lo: self.lo.min(other.lo), hi: self.hi.min(other.hi) }
    }

    /// {max(x, y)}.
    pub fn max(self, other: Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return Self::EMPTY;
        }
        Self { lo: self.lo.max(other.lo), hi: self.hi.max(other.hi) }
    }
}

impl From<f64> for Interval {
    fn from(x: f64) -> Self {
        Self::point(x)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() { f.write_str("∅") } else { write!(f, "[{:e}, {:e}]", self.lo, self.hi) }
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
