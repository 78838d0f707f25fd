//! Closed intervals in multiple precision.

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use num_bigint::BigUint;

use super::Interval;
use super::dyadic::{Dyadic, Side};
use super::range::Range;

/// Bounds whose exponents leave this range are given up.
const EXPONENT_MAX: i64 = 1 << 40;

/// A bound: ±(words as an integer, the least significant first)·2^exponent. Invariant: 0 is not negative and has exponent 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound<const WORDS: usize> {
    /// Whether the sign is −.
    pub negative: bool,
    /// The size as an integer.
    pub words: [u64; WORDS],
    /// The power of two it is multiplied with.
    pub exponent: i64,
}

/// A closed, bounded interval whose bounds have 64·`WORDS` bits, or the statement that nothing is known.
///
/// It does what [`Interval`] does, in the precision of a certificate that needs more than 53 bits, and rests on exact integers alone: bounds are cut outward, exp and log are series with a bound of what is left out.
/// Where a result is undefined or out of range nothing is known, and every predicate fails.
#[derive(Clone, Copy, PartialEq)]
pub struct Multiple<const WORDS: usize> {
    known: bool,
    lo: Bound<WORDS>,
    hi: Bound<WORDS>,
}

/// The widest bounds there are, of 512 bits: those of certificates.
pub type Long = Multiple<8>;

impl<const WORDS: usize> Bound<WORDS> {
    /// 0.
    pub const ZERO: Self = Self { negative: false, words: [0; WORDS], exponent: 0 };

    fn store(x: &Dyadic) -> Self {
        let mut x = x.clone();
        if x.magnitude.bits() > 64 * WORDS as u64 {
            // Rounding carried: the number is a power of two.
            x.magnitude >>= 1;
            x.exponent += 1;
        }
        if x.is_zero() {
            return Self::ZERO;
        }
        let mut words = [0; WORDS];
        words.iter_mut().zip(x.magnitude.iter_u64_digits()).for_each(|(word, digit)| *word = digit);
        Self { negative: x.negative, words, exponent: x.exponent }
    }

    fn load(&self) -> Dyadic {
        let halves = self.words.iter().flat_map(|&word| [word as u32, (word >> 32) as u32]).collect();
        Dyadic { negative: self.negative, magnitude: BigUint::new(halves), exponent: self.exponent }
    }
}

impl<const WORDS: usize> Multiple<WORDS> {
    /// Bits of a bound.
    pub const BITS: u64 = 64 * WORDS as u64;
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { known: false, lo: Bound::ZERO, hi: Bound::ZERO };

    /// [lo, hi]; `None` where lo > hi.
    pub fn new(lo: Bound<WORDS>, hi: Bound<WORDS>) -> Option<Self> {
        let legal = |x: &Bound<WORDS>| x.exponent.abs() < EXPONENT_MAX;
        (legal(&lo) && legal(&hi) && lo.load().compare(&hi.load()).is_le()).then_some(Self { known: true, lo, hi })
    }

    /// Its bounds; `None` where nothing is known.
    pub fn bounds(&self) -> Option<[Bound<WORDS>; 2]> {
        self.known.then_some([self.lo, self.hi])
    }

    fn store(range: Option<Range>) -> Self {
        let Some(range) = range.map(|range| range.rounded(Self::BITS)) else { return Self::UNKNOWN };
        let legal = |x: &Dyadic| x.is_zero() || x.top().abs() < EXPONENT_MAX - 1024;
        if !legal(&range.lo) || !legal(&range.hi) {
            return Self::UNKNOWN;
        }
        Self { known: true, lo: Bound::store(&range.lo), hi: Bound::store(&range.hi) }
    }

    fn load(&self) -> Option<Range> {
        self.known.then(|| Range { lo: self.lo.load(), hi: self.hi.load() })
    }

    fn map(self, operation: impl FnOnce(Range) -> Option<Range>) -> Self {
        Self::store(self.load().and_then(operation))
    }

    fn combined(self, other: Self, operation: impl FnOnce(Range, Range) -> Option<Range>) -> Self {
        Self::store(self.load().zip(other.load()).and_then(|(x, y)| operation(x, y)))
    }

    /// The same set, or the smallest around it, with bounds of another size.
    pub fn resized<const OTHER: usize>(&self) -> Multiple<OTHER> {
        Multiple::store(self.load())
    }

    /// The smallest interval of floats around it; everything where nothing is known.
    pub fn outward(&self) -> Interval {
        let Some(range) = self.load() else { return Interval::ENTIRE };
        Interval::new(range.lo.to_f64(Side::Down), range.hi.to_f64(Side::Up)).unwrap_or(Interval::ENTIRE)
    }

    /// {m} with a member m near the middle.
    pub fn middle(self) -> Self {
        self.map(|range| {
            let sum = range.lo.sum(&range.hi, Self::BITS, Side::Down).scaled(-1);
            let middle = if sum.compare(&range.lo).is_lt() { range.lo } else { sum };
            Some(Range::point(middle))
        })
    }

    /// Whether every member is certainly below every one of `other`.
    pub fn certainly_less(self, other: Self) -> bool {
        (other - self).certainly_positive()
    }

    /// Whether every member is positive.
    pub fn certainly_positive(self) -> bool {
        self.known && self.lo.load().sign() > 0
    }

    /// Whether every member is negative.
    pub fn certainly_negative(self) -> bool {
        self.known && self.hi.load().sign() < 0
    }

    /// Whether something is known.
    pub fn is_bounded(self) -> bool {
        self.known
    }

    /// Whether every member lies strictly between the bounds of `other`.
    pub fn is_interior(self, other: Self) -> bool {
        let less = |x: &Bound<WORDS>, y: &Bound<WORDS>| x.load().compare(&y.load()).is_lt();
        self.known && other.known && less(&other.lo, &self.lo) && less(&self.hi, &other.hi)
    }

    /// {x²}.
    pub fn sqr(self) -> Self {
        self.map(|x| Some(x.square(Self::BITS)))
    }

    /// {√x : x ≥ 0}.
    pub fn sqrt(self) -> Self {
        self.map(|x| x.root(Self::BITS))
    }

    /// {e^x}.
    pub fn exp(self) -> Self {
        self.map(|x| x.exp(Self::BITS))
    }

    /// {log x}, where every x is positive.
    pub fn log(self) -> Self {
        self.map(|x| x.log(Self::BITS))
    }

    /// {log(1 + x)}, where every x is at least 0; without cancellation near 0.
    pub fn log1p(self) -> Self {
        self.map(|x| x.log1p(Self::BITS))
    }

    /// {x^y}, where every x is positive.
    pub fn pow(self, exponent: Self) -> Self {
        let bits = Self::BITS + 64;
        self.combined(exponent, |x, y| x.log(bits)?.product(&y, bits).exp(bits))
    }
}

impl<const WORDS: usize> From<Interval> for Multiple<WORDS> {
    fn from(x: Interval) -> Self {
        if !x.is_bounded() {
            return Self::UNKNOWN;
        }
        Self::store(Some(Range { lo: Dyadic::from_f64(x.lo()), hi: Dyadic::from_f64(x.hi()) }))
    }
}

impl<const WORDS: usize> Neg for Multiple<WORDS> {
    type Output = Self;

    fn neg(self) -> Self {
        self.map(|x| Some(x.negated()))
    }
}

impl<const WORDS: usize> Add for Multiple<WORDS> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.combined(other, |x, y| Some(x.sum(&y, Self::BITS)))
    }
}

impl<const WORDS: usize> Sub for Multiple<WORDS> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const WORDS: usize> Mul for Multiple<WORDS> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.combined(other, |x, y| Some(x.product(&y, Self::BITS)))
    }
}

impl<const WORDS: usize> Div for Multiple<WORDS> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        self.combined(other, |x, y| x.quotient(&y, Self::BITS))
    }
}

impl<const WORDS: usize> fmt::Display for Multiple<WORDS> {
    /// The floats around it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.outward(), f)
    }
}

impl<const WORDS: usize> fmt::Debug for Multiple<WORDS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
