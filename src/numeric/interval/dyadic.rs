//! Numbers ±m·2^e with integers m of any size, and their sums, products, quotients and roots rounded towards a side.
//!
//! Exact integers are all that is trusted here: a result is formed exactly, or with a remainder that is known not to vanish, and cut to a number of bits downward or upward.

use std::cmp::Ordering;

use num_bigint::BigUint;

/// Towards which side a result is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The result is at most the exact one.
    Down,
    /// The result is at least the exact one.
    Up,
}

/// ±magnitude·2^exponent.
#[derive(Clone, Debug)]
pub(super) struct Dyadic {
    pub(super) negative: bool,
    pub(super) magnitude: BigUint,
    pub(super) exponent: i64,
}

impl Dyadic {
    pub(super) fn zero() -> Self {
        Self { negative: false, magnitude: BigUint::ZERO, exponent: 0 }
    }

    pub(super) fn integer(n: u64) -> Self {
        Self { negative: false, magnitude: n.into(), exponent: 0 }
    }

    /// 2^power.
    pub(super) fn power_of_two(power: i64) -> Self {
        Self { negative: false, magnitude: 1_u32.into(), exponent: power }
    }

    /// A finite float, exactly.
    pub(super) fn from_f64(x: f64) -> Self {
        let bits = x.to_bits();
        let (fraction, power) = (bits & ((1 << 52) - 1), ((bits >> 52) & 0x7ff) as i64);
        let (mantissa, exponent) = if power == 0 { (fraction, -1074) } else { (fraction | 1 << 52, power - 1075) };
        Self { negative: x.is_sign_negative() && mantissa > 0, magnitude: mantissa.into(), exponent }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.magnitude.bits() == 0
    }

    /// −1, 0 or 1.
    pub(super) fn sign(&self) -> i32 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (_, true) => -1,
            _ => 1,
        }
    }

    /// t with 2^{t−1} ≤ |x| < 2^t; of no meaning for 0.
    pub(super) fn top(&self) -> i64 {
        self.exponent + self.magnitude.bits() as i64
    }

    pub(super) fn negated(mut self) -> Self {
        self.negative = !self.negative && !self.is_zero();
        self
    }

    /// x·2^power.
    pub(super) fn scaled(mut self, power: i64) -> Self {
        self.exponent += power;
        self
    }

    /// At most `bits` bits, on the given side of x. Never 0 unless x is.
    pub(super) fn rounded(self, bits: u64, side: Side) -> Self {
        self.cut(bits, side, false)
    }

    /// The same, where the exact number is larger in size than the one here by less than its last bit, if `more`.
    fn cut(self, bits: u64, side: Side, more: bool) -> Self {
        let has = self.magnitude.bits();
        let drop = has.saturating_sub(bits);
        let kept = &self.magnitude >> drop;
        let inexact = more || (&kept << drop) != self.magnitude;
        // Away from zero is down for negative numbers, up for positive ones.
        let away = inexact && (self.negative == (side == Side::Down));
        let magnitude = if away { kept + 1_u32 } else { kept };
        // The carry may make one bit more, of which the last is then 0.
        Self { negative: self.negative, magnitude, exponent: self.exponent + drop as i64 }
    }

    /// x + y.
    pub(super) fn sum(&self, other: &Self, bits: u64, side: Side) -> Self {
        if self.is_zero() || other.is_zero() {
            let only = if self.is_zero() { other } else { self };
            return only.clone().rounded(bits, side);
        }
        let (large, small) = if self.top() >= other.top() { (self, other) } else { (other, self) };
        // A term far below the last bit of the result only says on which side of the larger one it lies: any number of its sign that is not smaller in size stands for it where it moves the result
        // to the side that is asked for, and 0 where it does not.
        let last = large.exponent.min(large.top() - bits as i64) - 4;
        if small.top() < last {
            let matters = small.negative == (side == Side::Down);
            let stand_in = Self { negative: small.negative, ..Self::power_of_two(last) };
            return if matters { exact_sum(large, &stand_in) } else { large.clone() }.rounded(bits, side);
        }
        exact_sum(large, small).rounded(bits, side)
    }

    /// xy.
    pub(super) fn product(&self, other: &Self, bits: u64, side: Side) -> Self {
        let magnitude = &self.magnitude * &other.magnitude;
        let negative = (self.negative != other.negative) && magnitude.bits() > 0;
        Self { negative, magnitude, exponent: self.exponent + other.exponent }.rounded(bits, side)
    }

    /// x/y, y ≠ 0.
    pub(super) fn quotient(&self, other: &Self, bits: u64, side: Side) -> Self {
        if self.is_zero() {
            return Self::zero();
        }
        let shift = (bits + 2 + other.magnitude.bits()).saturating_sub(self.magnitude.bits());
        let dividend = &self.magnitude << shift;
        let magnitude = &dividend / &other.magnitude;
        let more = &magnitude * &other.magnitude != dividend;
        let exponent = self.exponent - other.exponent - shift as i64;
        Self { negative: self.negative != other.negative, magnitude, exponent }.cut(bits, side, more)
    }

    /// √x, x ≥ 0.
    pub(super) fn root(&self, bits: u64, side: Side) -> Self {
        if self.is_zero() {
            return Self::zero();
        }
        let mut shift = (2 * bits + 4).saturating_sub(self.magnitude.bits());
        // The exponent must be even.
        shift += (self.exponent - shift as i64).rem_euclid(2) as u64;
        let square = &self.magnitude << shift;
        let magnitude = square.sqrt();
        let more = &magnitude * &magnitude != square;
        Self { negative: false, magnitude, exponent: (self.exponent - shift as i64) / 2 }.cut(bits, side, more)
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        // Rounding never crosses or reaches 0.
        self.sum(&other.clone().negated(), 8, Side::Down).sign().cmp(&0)
    }

    /// A float on the given side; ±∞ where there is no other.
    pub(super) fn to_f64(&self, side: Side) -> f64 {
        let rounded = self.clone().rounded(53, side);
        let sign = if self.negative { -1.0 } else { 1.0 };
        let away = self.negative == (side == Side::Down);
        if rounded.is_zero() {
            return 0.0;
        }
        let top = rounded.top();
        if top > 1024 {
            return sign * if away { f64::INFINITY } else { f64::MAX };
        }
        if top < -1021 {
            return sign * if away { f64::MIN_POSITIVE } else { 0.0 };
        }
        // At most 54 bits, the last of 54 being 0: exact. Two factors, as 2^exponent alone may underflow.
        let mantissa = rounded.magnitude.to_u64_digits().first().copied().unwrap_or(0) as f64;
        let half = rounded.exponent / 2;
        sign * mantissa * exact_power(half) * exact_power(rounded.exponent - half)
    }

    /// A float near x, for guesses.
    pub(super) fn approx(&self) -> f64 {
        self.to_f64(if self.negative { Side::Up } else { Side::Down })
    }
}

/// 2^power, |power| ≤ 1000.
fn exact_power(power: i64) -> f64 {
    f64::from_bits(((power + 1023) as u64) << 52)
}

/// x + y with nothing lost; exponents must not be far apart.
fn exact_sum(x: &Dyadic, y: &Dyadic) -> Dyadic {
    let exponent = x.exponent.min(y.exponent);
    let (a, b) = (&x.magnitude << (x.exponent - exponent), &y.magnitude << (y.exponent - exponent));
    let (negative, magnitude) = if x.negative == y.negative {
        (x.negative, a + b)
    } else if a >= b {
        (x.negative, a - b)
    } else {
        (y.negative, b - a)
    };
    Dyadic { negative: negative && magnitude.bits() > 0, magnitude, exponent }
}
