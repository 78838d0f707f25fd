//! Second-order jets: a number with its first and second derivative along one variable, over floats or intervals.
//!
//! The rules are those of calculus and do not care which variable it is; nor whether the two derivatives are ∂ and ∂² or the *scaled* x∂ and x²∂², for which the product and chain rules are the same.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::interval::Interval;

/// What a formula may be evaluated over: floats, and intervals that contain every value a float stands for.
pub trait Scalar:
    Copy + Neg<Output = Self> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// A float as a scalar.
    fn number(x: f64) -> Self;
    /// x / y, defined only where y ≠ 0.
    fn quotient(self, divisor: Self) -> Self;
    /// e^x.
    fn exp(self) -> Self;
    /// e^x − 1.
    fn expm1(self) -> Self;
    /// log x.
    fn log(self) -> Self;
    /// log(1 + x).
    fn log1p(self) -> Self;
    /// √x.
    fn sqrt(self) -> Self;
    /// x^n.
    fn powi(self, n: i32) -> Self;
    /// x^y, x > 0 (or x = 0 and y > 0).
    fn power(self, exponent: Self) -> Self;
    /// 1/(1 + e^{−x}).
    fn logistic(self) -> Self;
    /// log(1 + e^x).
    fn softplus(self) -> Self;
    /// log(1 + e^x), 1/(1 + e^{−x}) and 1/(1 + e^x) together.
    fn softplus_parts(self) -> (Self, Self, Self) {
        (self.softplus(), self.logistic(), (-self).logistic())
    }
    /// How two scalars certainly compare; `None` where that is not certain.
    fn order(self, other: Self) -> Option<Ordering>;
    /// What holds both: used where it is not certain which of two applies.
    fn either(self, other: Self) -> Self;
    /// The number as an integer exponent of at most 64, where it certainly is one.
    fn integer(self) -> Option<i32>;
    /// The second derivative at a kink: not known to be anything.
    fn unknown() -> Self;

    /// tanh x.
    fn tanh(self) -> Self {
        let (zero, one, two) = (Self::number(0.0), Self::number(1.0), Self::number(2.0));
        let twice = two * self;
        // tanh x = expm1(2x)/(expm1(2x) + 2) overflows for large x; with the sign of x it does not.
        let of_negative = |x: Self| x.expm1() / (x.exp() + one);
        match twice.order(zero) {
            Some(Ordering::Greater) => -of_negative(-twice),
            Some(_) => of_negative(twice),
            None => two * twice.logistic() - one,
        }
    }

    /// `less` where `self` < `other`, `rest` elsewhere; both, with no second derivative known, where it is not certain which applies.
    fn choose(self, other: Self, less: Jet<Self>, rest: Jet<Self>) -> Jet<Self> {
        match self.order(other) {
            Some(Ordering::Less) => less,
            Some(_) => rest,
            None => Jet { value: rest.value.either(less.value), first: rest.first.either(less.first), second: Self::unknown() },
        }
    }
}

impl Scalar for f64 {
    fn number(x: f64) -> Self {
        x
    }

    fn quotient(self, divisor: Self) -> Self {
        self / divisor
    }

    fn exp(self) -> Self {
        self.exp()
    }

    fn expm1(self) -> Self {
        self.exp_m1()
    }

    fn log(self) -> Self {
        self.ln()
    }

    fn log1p(self) -> Self {
        self.ln_1p()
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn powi(self, n: i32) -> Self {
        self.powi(n)
    }

    fn power(self, exponent: Self) -> Self {
        self.powf(exponent)
    }

    fn logistic(self) -> Self {
        // e^{−|x|} never overflows.
        let small = (-self.abs()).exp();
        if self >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
    }

    fn softplus(self) -> Self {
        // `max` would swallow a NaN.
        let positive = if self <= 0.0 { 0.0 } else { self };
        positive + (-self.abs()).exp().ln_1p()
    }

    fn softplus_parts(self) -> (Self, Self, Self) {
        // One exponential for the three.
        let small = (-self.abs()).exp();
        let (large_part, small_part, log) = (1.0 / (1.0 + small), small / (1.0 + small), small.ln_1p());
        if self >= 0.0 { (self + log, large_part, small_part) } else { (log, small_part, large_part) }
    }

    fn order(self, other: Self) -> Option<Ordering> {
        self.partial_cmp(&other)
    }

    fn either(self, other: Self) -> Self {
        // Floats are unordered only where one is NaN.
        self + other
    }

    fn integer(self) -> Option<i32> {
        (self.fract().abs() <= 0.0 && self.abs() <= 64.0).then_some(self as i32)
    }

    fn unknown() -> Self {
        f64::NAN
    }
}

/// The result of an operation whose arguments lie in its domain; otherwise everything, so that nothing follows from a formula outside its domain.
fn defined(inside: bool, result: Interval) -> Interval {
    if inside && !result.is_empty() { result } else { Interval::ENTIRE }
}

impl Scalar for Interval {
    fn number(x: f64) -> Self {
        Interval::point(x)
    }

    fn quotient(self, divisor: Self) -> Self {
        defined(!divisor.contains(0.0), self / divisor)
    }

    fn exp(self) -> Self {
        self.exp()
    }

    fn expm1(self) -> Self {
        self.expm1()
    }

    fn log(self) -> Self {
        defined(self.lo() >= 0.0, self.log())
    }

    fn log1p(self) -> Self {
        defined(self.lo() >= -1.0, self.log1p())
    }

    fn sqrt(self) -> Self {
        defined(self.lo() >= 0.0, self.sqrt())
    }

    fn powi(self, n: i32) -> Self {
        defined(n >= 0 || !self.contains(0.0), self.pown(n))
    }

    fn power(self, exponent: Self) -> Self {
        let inside = self.lo() > 0.0 || (self.lo() >= 0.0 && exponent.lo() >= 0.0);
        defined(inside, self.pow(exponent))
    }

    fn logistic(self) -> Self {
        self.logistic()
    }

    fn softplus(self) -> Self {
        self.softplus()
    }

    fn order(self, other: Self) -> Option<Ordering> {
        if self.certainly_less(other) {
            Some(Ordering::Less)
        } else if other.certainly_less(self) {
            Some(Ordering::Greater)
        } else {
            None
        }
    }

    fn either(self, other: Self) -> Self {
        self.hull(other)
    }

    fn integer(self) -> Option<i32> {
        if self.is_point() { self.lo().integer() } else { None }
    }

    fn unknown() -> Self {
        Interval::ENTIRE
    }
}

/// A value with its first and second derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jet<S> {
    /// f.
    pub value: S,
    /// f′.
    pub first: S,
    /// f″.
    pub second: S,
}

impl<S: Scalar> Jet<S> {
    /// A constant.
    #[inline(always)]
    pub fn constant(value: S) -> Self {
        let zero = S::number(0.0);
        Self { value, first: zero, second: zero }
    }

    /// The variable itself.
    #[inline(always)]
    pub fn variable(value: S) -> Self {
        Self { value, first: S::number(1.0), second: S::number(0.0) }
    }

    /// g(f) from g, g′, g″ at f.
    #[inline(always)]
    fn chain(self, value: S, slope: S, curvature: S) -> Self {
        Self { value, first: slope * self.first, second: curvature * (self.first * self.first) + slope * self.second }
    }

    /// e^f.
    #[must_use]
    #[inline(always)]
    pub fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value, value)
    }

    /// e^f − 1.
    #[must_use]
    #[inline(always)]
    pub fn expm1(self) -> Self {
        let slope = self.value.exp();
        self.chain(self.value.expm1(), slope, slope)
    }

    /// log f.
    #[must_use]
    #[inline(always)]
    pub fn log(self) -> Self {
        let slope = S::number(1.0).quotient(self.value);
        self.chain(self.value.log(), slope, -(slope * slope))
    }

    /// log(1 + f).
    #[must_use]
    #[inline(always)]
    pub fn log1p(self) -> Self {
        let slope = S::number(1.0).quotient(S::number(1.0) + self.value);
        self.chain(self.value.log1p(), slope, -(slope * slope))
    }

    /// √f.
    #[must_use]
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        let slope = S::number(0.5).quotient(value);
        self.chain(value, slope, -(S::number(0.5) * slope).quotient(self.value))
    }

    /// f^n.
    #[must_use]
    #[inline(always)]
    pub fn powi(self, n: i32) -> Self {
        let number = |n: i32| S::number(f64::from(n));
        match n {
            0 => Self::constant(S::number(1.0)),
            1 => self,
            2 => self.chain(self.value.powi(2), number(2) * self.value, number(2)),
            _ => {
                let curvature = (number(n) * number(n - 1)) * self.value.powi(n - 2);
                self.chain(self.value.powi(n), number(n) * self.value.powi(n - 1), curvature)
            }
        }
    }

    /// f^c for a constant c, f > 0.
    #[must_use]
    #[inline(always)]
    pub fn power(self, exponent: S) -> Self {
        let one = S::number(1.0);
        let slope = exponent * self.value.power(exponent - one);
        let curvature = (exponent * (exponent - one)) * self.value.power(exponent - S::number(2.0));
        self.chain(self.value.power(exponent), slope, curvature)
    }

    /// f^g, f > 0.
    #[must_use]
    #[inline(always)]
    pub fn power_of(self, exponent: Self) -> Self {
        let log = exponent * self.log();
        let value = self.value.power(exponent.value);
        log.chain(value, value, value)
    }

    /// 1/(1 + e^{−f}).
    #[must_use]
    #[inline(always)]
    pub fn logistic(self) -> Self {
        let (_, value, rest) = self.value.softplus_parts();
        let slope = value * rest;
        self.chain(value, slope, slope * (rest - value))
    }

    /// log(1 + e^f).
    #[must_use]
    #[inline(always)]
    pub fn softplus(self) -> Self {
        let (value, slope, rest) = self.value.softplus_parts();
        self.chain(value, slope, slope * rest)
    }

    /// tanh f.
    #[must_use]
    #[inline(always)]
    pub fn tanh(self) -> Self {
        let twice = S::number(2.0) * self.value;
        let value = self.value.tanh();
        let (_, upper, lower) = twice.softplus_parts();
        let slope = S::number(4.0) * (upper * lower);
        self.chain(value, slope, -(S::number(2.0) * value * slope))
    }

    /// |f|; no second derivative is known at the kink.
    #[must_use]
    #[inline(always)]
    pub fn abs(self) -> Self {
        self.value.choose(S::number(0.0), -self, self)
    }

    /// The larger of f and g; no second derivative is known at the kink.
    #[must_use]
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.value.choose(other.value, other, self)
    }

    /// The smaller of f and g.
    #[must_use]
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        -(-self).max(-other)
    }
}

impl<S: Scalar> Neg for Jet<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, first: -self.first, second: -self.second }
    }
}

impl<S: Scalar> Add for Jet<S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, first: self.first + other.first, second: self.second + other.second }
    }
}

impl<S: Scalar> Sub for Jet<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { value: self.value - other.value, first: self.first - other.first, second: self.second - other.second }
    }
}

impl<S: Scalar> Mul for Jet<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let cross = self.first * other.first;
        Self {
            value: self.value * other.value,
            first: self.first * other.value + self.value * other.first,
            second: self.second * other.value + (cross + cross) + self.value * other.second,
        }
    }
}

impl<S: Scalar> Div for Jet<S> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let value = self.value.quotient(other.value);
        let first = (self.first - value * other.first).quotient(other.value);
        let cross = first * other.first;
        Self { value, first, second: (self.second - (cross + cross) - value * other.second).quotient(other.value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Function = fn(Jet<f64>) -> Jet<f64>;

    const FUNCTIONS: &[(&str, Function)] = &[
        ("exp", |x| x.exp()),
        ("expm1", |x| x.expm1()),
        ("log", |x| x.log()),
        ("log1p", |x| x.log1p()),
        ("sqrt", |x| x.sqrt()),
        ("square", |x| x.powi(2)),
        ("cube", |x| x.powi(3)),
        ("inverse square", |x| x.powi(-2)),
        ("power", |x| x.power(1.7)),
        ("x^x", |x| x.power_of(x)),
        ("logistic", |x| x.logistic()),
        ("softplus", |x| x.softplus()),
        ("tanh", |x| x.tanh()),
        ("quotient", |x| x.exp() / (x + Jet::constant(3.0))),
        ("product", |x| x.log() * x.tanh()),
        ("abs", |x| (x.log() - x).abs()),
        ("max", |x| x.max(x.exp() - x)),
        ("min", |x| x.min(x.exp())),
    ];

    #[test]
    fn derivatives_are_slopes() {
        let h = 1e-3;
        for (name, f) in FUNCTIONS {
            for x in [0.3, 1.4, 2.6] {
                let at = |x: f64| f(Jet::variable(x));
                let difference = |g: fn(Jet<f64>) -> f64| {
                    let odd = |m: f64| g(at(x + m * h)) - g(at(x - m * h));
                    (45.0 * odd(1.0) - 9.0 * odd(2.0) + odd(3.0)) / (60.0 * h)
                };
                let found = at(x);
                let first = difference(|jet| jet.value);
                let second = difference(|jet| jet.first);
                assert!((first - found.first).abs() <= 1e-10 * (1.0 + first.abs()), "{name}′ at {x}: {first} {found:?}");
                assert!((second - found.second).abs() <= 1e-9 * (1.0 + second.abs()), "{name}″ at {x}: {second} {found:?}");
            }
        }
    }

    #[test]
    fn intervals_hold_the_floats() {
        type Enclosure = fn(Jet<Interval>) -> Jet<Interval>;
        let cases: &[(Function, Enclosure)] = &[
            (|x| x.exp() * x.log(), |x| x.exp() * x.log()),
            (|x| x.tanh() / x.sqrt(), |x| x.tanh() / x.sqrt()),
            (|x| x.power(1.7).logistic(), |x| x.power(Interval::point(1.7)).logistic()),
            (|x| x.powi(-3).softplus(), |x| x.powi(-3).softplus()),
            (|x| x.expm1().log1p().power_of(x), |x| x.expm1().log1p().power_of(x)),
            (|x| (x - Jet::constant(1.0)).abs(), |x| (x - Jet::constant(Interval::ONE)).abs()),
        ];
        for (f, enclosure) in cases {
            for x in [0.2, 0.7, 1.0, 3.1] {
                let box_of_x = Interval::around(x, 0.01);
                let set = enclosure(Jet::variable(box_of_x));
                for t in [-0.01, -0.003, 0.002, 0.01] {
                    let found = f(Jet::variable(x + t * 0.999));
                    let room = 1e-13 * (1.0 + found.second.abs() + found.first.abs());
                    for (set, y) in [(set.value, found.value), (set.first, found.first), (set.second, found.second)] {
                        assert!(set.lo() - room <= y && y <= set.hi() + room, "{set} {y} at {x}");
                    }
                }
            }
        }
    }

    #[test]
    fn outside_of_its_domain_a_formula_says_nothing() {
        let around_zero = Jet::variable(Interval::around(0.0, 1.0));
        for jet in [around_zero.log(), around_zero.sqrt(), around_zero.power(Interval::point(0.5)), around_zero.powi(-1)] {
            assert!(jet.value.is_entire(), "{jet:?}");
        }
        assert!((around_zero / around_zero).value.is_entire());
        assert!(around_zero.abs().second.is_entire() && around_zero.max(Jet::constant(Interval::ZERO)).second.is_entire());
        assert!(Jet::variable(f64::NAN).max(Jet::constant(1.0)).value.is_nan());
        assert!(Jet::variable(f64::NAN).softplus().value.is_nan() && Jet::variable(f64::NAN).logistic().value.is_nan());
    }
}
