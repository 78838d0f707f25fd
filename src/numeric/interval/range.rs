//! Intervals of dyadic numbers with a number of bits chosen at run time: + − × ÷ √, and exp and log by series with a bound of the rest.

use super::dyadic::{Dyadic, Side};
use std::cmp::Ordering;

/// exp of more than 2^30 is not computed, nor of less than −2^30.
const LARGEST_TOP: i64 = 30;
/// The series of exp is used below 2^−8, that of log within 2^−16 of 1.
const SMALL_EXP: i64 = -8;
const SMALL_LOG: i64 = -16;

/// [lo, hi] with lo ≤ hi.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) lo: Dyadic,
    pub(super) hi: Dyadic,
}

impl Range {
    pub(super) fn point(x: Dyadic) -> Self {
        Self { lo: x.clone(), hi: x }
    }

    /// Bounds of at most `bits` bits.
    pub(super) fn rounded(self, bits: u64) -> Self {
        Self { lo: self.lo.rounded(bits, Side::Down), hi: self.hi.rounded(bits, Side::Up) }
    }

    pub(super) fn is_positive(&self) -> bool {
        self.lo.sign() > 0
    }

    pub(super) fn is_negative(&self) -> bool {
        self.hi.sign() < 0
    }

    pub(super) fn negated(self) -> Self {
        Self { lo: self.hi.negated(), hi: self.lo.negated() }
    }

    pub(super) fn sum(&self, other: &Self, bits: u64) -> Self {
        Self { lo: self.lo.sum(&other.lo, bits, Side::Down), hi: self.hi.sum(&other.hi, bits, Side::Up) }
    }

    pub(super) fn product(&self, other: &Self, bits: u64) -> Self {
        let (a, b, c, d) = (&self.lo, &self.hi, &other.lo, &other.hi);
        let pairs = [(a, c), (a, d), (b, c), (b, d)];
        let bound = |side: Side, wanted: Ordering| {
            let all = pairs.map(|(x, y)| x.product(y, bits, side));
            all.into_iter().reduce(|x, y| if y.compare(&x) == wanted { y } else { x }).unwrap_or_else(Dyadic::zero)
        };
        Self { lo: bound(Side::Down, Ordering::Less), hi: bound(Side::Up, Ordering::Greater) }
    }

    /// {x²}.
    pub(super) fn square(&self, bits: u64) -> Self {
        let product = self.product(self, bits);
        if self.is_positive() || self.is_negative() { product } else { Self { lo: Dyadic::zero(), hi: product.hi } }
    }

    /// `None` where the divisor may be 0.
    pub(super) fn quotient(&self, other: &Self, bits: u64) -> Option<Self> {
        if other.is_negative() {
            return self.clone().negated().quotient(&other.clone().negated(), bits);
        }
        if !other.is_positive() {
            return None;
        }
        let divisor = |x: &Dyadic, side: Side| {
            // The bound is the lower one with a positive number over the larger divisor.
            let larger = (x.sign() >= 0) == (side == Side::Down);
            if larger { other.hi.clone() } else { other.lo.clone() }
        };
        let bound = |x: &Dyadic, side: Side| x.quotient(&divisor(x, side), bits, side);
        Some(Self { lo: bound(&self.lo, Side::Down), hi: bound(&self.hi, Side::Up) })
    }

    /// {√x : x ≥ 0}; `None` where there is no such x.
    pub(super) fn root(&self, bits: u64) -> Option<Self> {
        if self.is_negative() {
            return None;
        }
        let lo = if self.lo.sign() > 0 { self.lo.root(bits, Side::Down) } else { Dyadic::zero() };
        Some(Self { lo, hi: self.hi.root(bits, Side::Up) })
    }

    /// {e^x}; `None` where a member is too large, or too small, for it.
    pub(super) fn exp(&self, bits: u64) -> Option<Self> {
        Some(Self { lo: exp_of(&self.lo, bits)?.lo, hi: exp_of(&self.hi, bits)?.hi }.rounded(bits))
    }

    /// {log x}; `None` unless every member is positive.
    pub(super) fn log(&self, bits: u64) -> Option<Self> {
        Some(Self { lo: log_of(&self.lo, bits)?.lo, hi: log_of(&self.hi, bits)?.hi }.rounded(bits))
    }

    /// {log(1 + x)}; `None` unless every member is at least 0.
    pub(super) fn log1p(&self, bits: u64) -> Option<Self> {
        if self.lo.sign() < 0 {
            return None;
        }
        let one = Dyadic::integer(1);
        let at = |x: &Dyadic| -> Option<Self> {
            if x.is_zero() {
                return Some(Self::point(Dyadic::zero()));
            }
            if x.top() <= SMALL_LOG {
                return log_near_one(&Self::point(x.clone()), bits + 16);
            }
            let sum = Self::point(x.clone()).sum(&Self::point(one.clone()), bits + 32);
            Some(Self { lo: log_of(&sum.lo, bits)?.lo, hi: log_of(&sum.hi, bits)?.hi })
        };
        Some(Self { lo: at(&self.lo)?.lo, hi: at(&self.hi)?.hi }.rounded(bits))
    }
}

/// e^x for one x: e^{x/2^j} by its series, squared j times.
fn exp_of(x: &Dyadic, bits: u64) -> Option<Range> {
    if x.is_zero() {
        return Some(Range::point(Dyadic::integer(1)));
    }
    if x.top() > LARGEST_TOP {
        return None;
    }
    if x.negative {
        return Range::point(Dyadic::integer(1)).quotient(&exp_of(&x.clone().negated(), bits + 8)?, bits + 8);
    }
    let halvings = (x.top() - SMALL_EXP).max(0);
    // Every squaring doubles the relative width.
    let bits = bits + halvings as u64 + 32;
    let reduced = Range::point(x.clone().scaled(-halvings)).rounded(bits);
    let mut term = Range::point(Dyadic::integer(1));
    let mut total = term.clone();
    for i in 1.. {
        term = term.product(&reduced, bits).quotient(&Range::point(Dyadic::integer(i)), bits)?;
        total = total.sum(&term, bits);
        if term.hi.top() < -(bits as i64) {
            break;
        }
    }
    // With x/2^j < 2^−8 the terms left out sum to less than the last one.
    total.hi = total.hi.sum(&term.hi, bits, Side::Up);
    for _ in 0..halvings {
        total = total.square(bits);
    }
    Some(total)
}

/// log x for one x > 0: y + log(x e^{−y}) with a float y near log x.
fn log_of(x: &Dyadic, bits: u64) -> Option<Range> {
    if x.sign() <= 0 {
        return None;
    }
    let minus_one = Range::point(Dyadic::integer(1).negated());
    let less_one = Range::point(x.clone()).sum(&minus_one, 2 * bits + 64);
    let near = |t: &Range| [&t.lo, &t.hi].into_iter().all(|x| x.is_zero() || x.top() <= SMALL_LOG);
    if near(&less_one) {
        return log_near_one(&less_one, bits + 16);
    }
    let mantissa = x.clone().scaled(-x.top()).approx();
    let guess = mantissa.ln() + x.top() as f64 * std::f64::consts::LN_2;
    let y = Dyadic::from_f64(guess);
    let bits = bits + 64;
    let left = exp_of(&y.clone().negated(), bits)?.product(&Range::point(x.clone()), bits).sum(&minus_one, bits);
    if !near(&left) {
        return None;
    }
    Some(log_near_one(&left, bits)?.sum(&Range::point(y), bits))
}

/// log(1 + t) = 2 artanh z, z = t/(2 + t), for |t| ≤ 2^−16.
fn log_near_one(t: &Range, bits: u64) -> Option<Range> {
    let at = |t: &Dyadic| -> Option<Range> {
        if t.is_zero() {
            return Some(Range::point(Dyadic::zero()));
        }
        let t = Range::point(t.clone());
        let z = t.quotient(&t.sum(&Range::point(Dyadic::integer(2)), bits), bits)?;
        let square = z.square(bits);
        let mut power = Range::point(Dyadic::integer(1));
        let mut total = power.clone();
        for i in 1.. {
            power = power.product(&square, bits);
            total = total.sum(&power.quotient(&Range::point(Dyadic::integer(2 * i + 1)), bits)?, bits);
            if power.hi.top() < -(bits as i64) {
                break;
            }
        }
        // Σ_{i>n} z^{2i}/(2i+1) < z^{2n} as z² < 1/2.
        total.hi = total.hi.sum(&power.hi, bits, Side::Up);
        let product = z.product(&total, bits);
        Some(Range { lo: product.lo.scaled(1), hi: product.hi.scaled(1) })
    };
    Some(Range { lo: at(&t.lo)?.lo, hi: at(&t.hi)?.hi })
}
