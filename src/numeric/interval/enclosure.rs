//! One interface to intervals of every precision: what is written for it runs in doubles first, and in multiple precision where these do not decide.

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Interval, Long, Multiple};

/// A closed interval of real numbers whose operations contain every exact result. Predicates mean *certainly*.
pub trait Enclosure:
    Copy
    + fmt::Display
    + From<Interval>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// Bits of a bound.
    const PRECISION: u32;

    /// {n}.
    fn count(n: usize) -> Self {
        Interval::count(n).into()
    }

    /// {0}.
    fn zero() -> Self {
        Interval::ZERO.into()
    }

    /// {1}.
    fn one() -> Self {
        Interval::ONE.into()
    }

    /// The smallest such interval around one of the widest kind.
    fn enclosing(set: &Long) -> Self;

    /// The same set with the widest bounds; for an unbounded one nothing is known.
    fn widest(self) -> Long;

    /// The smallest interval of floats around it.
    fn outward(self) -> Interval;

    /// {x²}.
    fn sqr(self) -> Self;

    /// {√x : x ≥ 0}.
    fn sqrt(self) -> Self;

    /// {e^x}.
    fn exp(self) -> Self;

    /// {log(1 + x)} for x ≥ 0.
    fn log1p(self) -> Self;

    /// {x^y} for x > 0.
    fn pow(self, exponent: Self) -> Self;

    /// {m} with a member m near the middle.
    fn middle(self) -> Self;

    /// Whether both bounds are finite and there is a member.
    fn is_bounded(self) -> bool;

    /// Whether every member is positive, and there is one.
    fn certainly_positive(self) -> bool;

    /// Whether every member is negative, and there is one.
    fn certainly_negative(self) -> bool;

    /// Whether every member lies strictly between the bounds of `other`, and there is one.
    fn is_interior(self, other: Self) -> bool;
}

impl Enclosure for Interval {
    const PRECISION: u32 = 53;

    fn enclosing(set: &Long) -> Self {
        set.outward()
    }

    fn widest(self) -> Long {
        self.into()
    }

    fn outward(self) -> Interval {
        self
    }

    fn sqr(self) -> Self {
        self.sqr()
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn exp(self) -> Self {
        self.exp()
    }

    fn log1p(self) -> Self {
        self.log1p()
    }

    fn pow(self, exponent: Self) -> Self {
        self.pow(exponent)
    }

    fn middle(self) -> Self {
        Self::point(self.mid())
    }

    fn is_bounded(self) -> bool {
        self.is_bounded()
    }

    fn certainly_positive(self) -> bool {
        self.certainly_positive()
    }

    fn certainly_negative(self) -> bool {
        self.certainly_negative()
    }

    fn is_interior(self, other: Self) -> bool {
        self.is_bounded() && other.lo() < self.lo() && self.hi() < other.hi()
    }
}

impl<const WORDS: usize> Enclosure for Multiple<WORDS> {
    const PRECISION: u32 = 64 * WORDS as u32;

    fn enclosing(set: &Long) -> Self {
        set.resized()
    }

    fn widest(self) -> Long {
        self.resized()
    }

    fn outward(self) -> Interval {
        Multiple::outward(&self)
    }

    fn sqr(self) -> Self {
        self.sqr()
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn exp(self) -> Self {
        self.exp()
    }

    fn log1p(self) -> Self {
        self.log1p()
    }

    fn pow(self, exponent: Self) -> Self {
        self.pow(exponent)
    }

    fn middle(self) -> Self {
        self.middle()
    }

    fn is_bounded(self) -> bool {
        self.is_bounded()
    }

    fn certainly_positive(self) -> bool {
        self.certainly_positive()
    }

    fn certainly_negative(self) -> bool {
        self.certainly_negative()
    }

    fn is_interior(self, other: Self) -> bool {
        self.is_interior(other)
    }
}
