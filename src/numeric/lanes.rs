//! Eight doubles side by side: the unit of vectorised loops, with an exponential and a log1p of their own.
//!
//! Every function here works lane by lane without branches, in loops that the compiler turns into vector instructions once they are inlined into a function compiled for them
//! (`pulp::Arch::dispatch`). The order of operations is fixed and never that of the machine's registers: machines with fused multiply-add give the same bits, whatever
//! their vectors' length; those without round twice where others round once.
//!
//! These functions serve the descent. What a verdict rests on is computed with the standard library's, sample by sample.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::Simd;

use super::jet::{Jet, Scalar};

/// Lanes of a group.
pub(crate) const LANES: usize = 8;
/// One group.
pub(crate) type Lanes = [f64; LANES];

/// a·b + c, fused where the machine can: a library call for it would cost more than everything else.
#[inline(always)]
pub(crate) fn multiply_add<S: Simd>(a: f64, b: f64, c: f64) -> f64 {
    if S::IS_SCALAR { a * b + c } else { a.mul_add(b, c) }
}

/// The group of f(0), …, f(7).
#[inline(always)]
pub(crate) fn lanes(f: impl Fn(usize) -> f64) -> Lanes {
    let mut out = [0.0; LANES];
    for (l, out) in out.iter_mut().enumerate() {
        *out = f(l);
    }
    out
}

/// The leading and the trailing part of ln 2: n times the leading one is exact for |n| < 2²⁰.
pub(super) const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
/// 1.5·2⁵²: adding it rounds to an integer, which then stands in the low bits.
pub(super) const TO_INTEGER: f64 = 6_755_399_441_055_744.0;
/// q(r) = (eʳ − 1 − r)/r² on |r| ≤ ln 2/2, by Remez's exchange in 60 digits (`tests/oracle/exponential.py`): |r²(q − polynomial)| ≤ 1e-17, most of it from the coefficients' rounding.
pub(super) const EXPONENTIAL: [f64; 10] = [
    0.5000000000000012,
    0.166666666666667,
    0.041666666666515535,
    0.008333333333307224,
    0.0013888888946981637,
    0.00019841269917343296,
    2.48014899806676e-05,
    2.7557216337430217e-06,
    2.7631265682309936e-07,
    2.5117849305271755e-08,
];

/// eˣ: within 1.1 ulp (half a unit of the last subnormal place more below 2⁻¹⁰²²), e^{−∞} = 0, NaN stays.
///
/// x = n ln 2 + r, eˣ = 2ⁿ(1 + r + r²q(r)); 2ⁿ is multiplied in two halves, so that a subnormal result is rounded once.
#[inline(always)]
pub(crate) fn exp<S: Simd>(x: &Lanes) -> Lanes {
    // Comparisons that a NaN passes.
    let x = lanes(|l| if x[l] < -750.0 { -750.0 } else { x[l] });
    let x = lanes(|l| if x[l] > 710.0 { 710.0 } else { x[l] });
    let shifted = lanes(|l| multiply_add::<S>(x[l], std::f64::consts::LOG2_E, TO_INTEGER));
    let n = lanes(|l| shifted[l] - TO_INTEGER);
    let r = lanes(|l| multiply_add::<S>(n[l], -LN_2[0], x[l]));
    let r = lanes(|l| multiply_add::<S>(n[l], -LN_2[1], r[l]));
    let r2 = lanes(|l| r[l] * r[l]);
    let r4 = lanes(|l| r2[l] * r2[l]);
    let pair = |i: usize| lanes(|l| multiply_add::<S>(EXPONENTIAL[i + 1], r[l], EXPONENTIAL[i]));
    let (p0, p2, p4, p6, p8) = (pair(0), pair(2), pair(4), pair(6), pair(8));
    let low = lanes(|l| multiply_add::<S>(p2[l], r2[l], p0[l]));
    let high = lanes(|l| multiply_add::<S>(p6[l], r2[l], p4[l]));
    let high = lanes(|l| multiply_add::<S>(p8[l], r4[l], high[l]));
    let q = lanes(|l| multiply_add::<S>(high[l], r4[l], low[l]));
    let above_one = lanes(|l| multiply_add::<S>(q[l], r2[l], r[l]));
    let [first, second] = halves(&shifted);
    lanes(|l| multiply_add::<S>(above_one[l], first[l], first[l]) * second[l])
}

/// 2ⁿ as a product of two powers of two, for the n that stand in the low bits: n + 2048 in two halves, each 1024 too large; a power's exponent is stored 1023 too large. No shift is one of signed
/// numbers, which short vectors lack.
#[inline(always)]
pub(super) fn halves(shifted: &Lanes) -> [Lanes; 2] {
    let biased = |l: usize| shifted[l].to_bits().wrapping_sub(TO_INTEGER.to_bits() - 2048);
    let first = lanes(|l| f64::from_bits((biased(l) >> 1).wrapping_sub(1) << 52));
    let second = lanes(|l| f64::from_bits((biased(l).wrapping_sub(biased(l) >> 1)).wrapping_sub(1) << 52));
    [first, second]
}

/// The coefficients of log(1+f) − f + f²/2 in s = f/(2+f), from fdlibm.
const LOGARITHM: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];

/// log(1 + x) for finite x ≥ 0: within 1.1 ulp; NaN stays.
///
/// fdlibm's method: u = 1 + x = 2ᵏ(1 + f) with 1 + f in [√½, √2), and c = (x − (u − 1))/u for what u has lost.
#[inline(always)]
pub(crate) fn log_one_plus<S: Simd>(x: &Lanes) -> Lanes {
    const HALF_ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    let fused = |a: &Lanes, b: &Lanes, c: f64| lanes(|l| multiply_add::<S>(a[l], b[l], c));
    let u = lanes(|l| 1.0 + x[l]);
    // 1 + x = u + lost, exactly.
    let above = lanes(|l| u[l] - 1.0);
    let one = lanes(|l| u[l] - above[l]);
    let lost_one = lanes(|l| 1.0 - one[l]);
    let lost_x = lanes(|l| x[l] - above[l]);
    let lost = lanes(|l| lost_one[l] + lost_x[l]);
    let lost = lanes(|l| lost[l] / u[l]);
    let raised = |l: usize| u[l].to_bits().wrapping_add(0x3ff0_0000_0000_0000 - HALF_ROOT);
    let k = lanes(|l| f64::from_bits((raised(l) >> 52) | TWO_52));
    let k = lanes(|l| k[l] - (4_503_599_627_370_496.0 + 1023.0));
    let f = lanes(|l| f64::from_bits((raised(l) & 0x000f_ffff_ffff_ffff).wrapping_add(HALF_ROOT)));
    let f = lanes(|l| f[l] - 1.0);
    let s = lanes(|l| 2.0 + f[l]);
    let s = lanes(|l| f[l] / s[l]);
    let z = lanes(|l| s[l] * s[l]);
    let w = lanes(|l| z[l] * z[l]);
    let c = &LOGARITHM;
    let even = lanes(|l| multiply_add::<S>(w[l], c[5], c[3]));
    let even = fused(&w, &even, c[1]);
    let even = lanes(|l| w[l] * even[l]);
    let odd = lanes(|l| multiply_add::<S>(w[l], c[6], c[4]));
    let odd = fused(&w, &odd, c[2]);
    let odd = fused(&w, &odd, c[0]);
    let series = lanes(|l| multiply_add::<S>(z[l], odd[l], even[l]));
    let half = lanes(|l| 0.5 * f[l]);
    let half_square = lanes(|l| half[l] * f[l]);
    let series = lanes(|l| half_square[l] + series[l]);
    let low = lanes(|l| multiply_add::<S>(k[l], LN_2[1], lost[l]));
    let rest = lanes(|l| multiply_add::<S>(s[l], series[l], low[l]));
    let rest = lanes(|l| rest[l] - half_square[l]);
    let rest = lanes(|l| rest[l] + f[l]);
    lanes(|l| multiply_add::<S>(k[l], LN_2[0], rest[l]))
}

/// A group as a number, so that formulas and their jets are evaluated for eight places at once: the exponential and what is made of it in vector instructions, what is rarer lane by lane
/// by the standard library.
#[derive(Debug)]
pub(crate) struct Group<S>(pub(crate) Lanes, PhantomData<S>);

impl<S> Clone for Group<S> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Group<S> {}

impl<S> Group<S> {
    #[inline(always)]
    pub(crate) fn new(lanes: Lanes) -> Self {
        Self(lanes, PhantomData)
    }

    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(lanes(|l| f(self.0[l])))
    }

    #[inline(always)]
    fn with(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self::new(lanes(|l| f(self.0[l], other.0[l])))
    }
}

impl<S> Neg for Group<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|x| -x)
    }
}

impl<S> Add for Group<S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |x, y| x + y)
    }
}

impl<S> Sub for Group<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |x, y| x - y)
    }
}

impl<S> Mul for Group<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |x, y| x * y)
    }
}

impl<S> Div for Group<S> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.with(other, |x, y| x / y)
    }
}

impl<S: Simd> Scalar for Group<S> {
    #[inline(always)]
    fn number(x: f64) -> Self {
        Self::new([x; LANES])
    }

    #[inline(always)]
    fn quotient(self, divisor: Self) -> Self {
        self / divisor
    }

    #[inline(always)]
    fn exp(self) -> Self {
        Self::new(exp::<S>(&self.0))
    }

    #[inline(always)]
    fn expm1(self) -> Self {
        self.map(f64::exp_m1)
    }

    #[inline(always)]
    fn log(self) -> Self {
        self.map(f64::ln)
    }

    #[inline(always)]
    fn log1p(self) -> Self {
        self.map(f64::ln_1p)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }

    /// By squaring, as the compiler's own does it.
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        let (mut base, mut left, mut power) = (self, n.unsigned_abs(), [1.0; LANES]);
        while left > 0 {
            if left & 1 == 1 {
                power = lanes(|l| power[l] * base.0[l]);
            }
            base = base * base;
            left >>= 1;
        }
        if n < 0 { Self::new(lanes(|l| 1.0 / power[l])) } else { Self::new(power) }
    }

    #[inline(always)]
    fn power(self, exponent: Self) -> Self {
        let same = exponent.0.iter().all(|c| c.to_bits() == exponent.0[0].to_bits());
        match exponent.integer().filter(|n| same && (0..=16).contains(n)) {
            Some(n) => self.powi(n),
            None => self.with(exponent, f64::powf),
        }
    }

    #[inline(always)]
    fn logistic(self) -> Self {
        self.softplus_parts().1
    }

    #[inline(always)]
    fn softplus(self) -> Self {
        self.softplus_parts().0
    }

    #[inline(always)]
    fn softplus_parts(self) -> (Self, Self, Self) {
        let x = self.0;
        let small = exp::<S>(&lanes(|l| -x[l].abs()));
        let log = log_one_plus::<S>(&small);
        let large = lanes(|l| 1.0 / (1.0 + small[l]));
        let rest = lanes(|l| small[l] * large[l]);
        // Comparisons that hand a NaN on.
        (
            Self::new(lanes(|l| (if x[l] < 0.0 { 0.0 } else { x[l] }) + log[l])),
            Self::new(lanes(|l| if x[l] < 0.0 { rest[l] } else { large[l] })),
            Self::new(lanes(|l| if x[l] < 0.0 { large[l] } else { rest[l] })),
        )
    }

    fn order(self, other: Self) -> Option<Ordering> {
        let first = self.0[0].partial_cmp(&other.0[0]);
        (0..LANES).all(|l| self.0[l].partial_cmp(&other.0[l]) == first).then_some(first).flatten()
    }

    fn either(self, other: Self) -> Self {
        self + other
    }

    /// Exponents are constants, the same in all lanes.
    #[inline(always)]
    fn integer(self) -> Option<i32> {
        self.0[0].integer()
    }

    fn unknown() -> Self {
        Self::number(f64::NAN)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        self.map(Scalar::tanh)
    }

    #[inline(always)]
    fn choose(self, other: Self, less: Jet<Self>, rest: Jet<Self>) -> Jet<Self> {
        let of = |less: Self, rest: Self| {
            Self::new(lanes(|l| {
                let (x, y) = (self.0[l], other.0[l]);
                if x < y {
                    less.0[l]
                } else if x >= y {
                    rest.0[l]
                } else {
                    f64::NAN
                }
            }))
        };
        Jet { value: of(less.value, rest.value), first: of(less.first, rest.first), second: of(less.second, rest.second) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::vector::Vector;
    use pulp::{Arch, WithSimd};

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        ExpOfNegative,
        LogOnePlus,
    }

    struct Apply<'a>(Function, &'a [f64]);

    impl WithSimd for Apply<'_> {
        type Output = Vec<f64>;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Vec<f64> {
            let groups = self.1.as_chunks::<LANES>().0.iter();
            match self.0 {
                Function::Exp => groups.flat_map(|x| exp::<S>(x)).collect(),
                Function::ExpOfNegative => groups.flat_map(|x| Vector::new(simd, x).exp_of_negative().lanes()).collect(),
                Function::LogOnePlus => groups.flat_map(|x| log_one_plus::<S>(x)).collect(),
            }
        }
    }

    /// The widest error in ulps of the correctly rounded result (subnormal ulps below 2⁻¹⁰²²), with this machine's instructions and without any.
    fn error(function: Function, exact: fn(f64) -> f64, mut points: Vec<f64>) -> f64 {
        points.resize(points.len().next_multiple_of(LANES), 0.5);
        let found = [Arch::new().dispatch(Apply(function, &points)), Apply(function, &points).with_simd(pulp::Scalar::new())];
        let mut worst = 0.0_f64;
        for found in found {
            for (&x, found) in points.iter().zip(found) {
                let exact = exact(x);
                if exact.is_finite() {
                    let ulp = exact.next_up() - exact;
                    let miss = ((found - exact) / ulp).abs();
                    assert!(miss <= 4.0, "{x:e}: {found:e}, exactly {exact:e}");
                    worst = worst.max(miss);
                } else {
                    assert_eq!(found.to_bits() & !(1 << 63), exact.to_bits() & !(1 << 63), "{x:e}: {found:e}");
                }
            }
        }
        worst
    }

    /// `count` points of [from, to] at equal steps, which no short binary fraction divides.
    fn between(from: f64, to: f64, count: usize) -> Vec<f64> {
        (0..count).map(|i| from + (to - from) * (i as f64 + 0.618_033_988_749) / count as f64).collect()
    }

    #[test]
    fn the_exponential_is_within_its_bound_over_the_whole_range() {
        let mut points = between(-760.0, 720.0, 400_000);
        points.extend(between(-1.0, 1.0, 100_000));
        points.extend(between(-746.0, -707.0, 100_000));
        points.extend(between(709.0, 711.0, 10_000));
        points.extend((0..1075).flat_map(|i| [0.5_f64.powi(i), -0.5_f64.powi(i)]));
        points.extend((-1075_i32..1025).map(|n| f64::from(n) * std::f64::consts::LN_2));
        points.extend([0.0, -0.0, 700.0, -700.0, 709.782712893384, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN]);
        let negative: Vec<f64> = points.iter().copied().filter(|x| *x <= 0.0).collect();
        let [one, other] = [Function::Exp, Function::ExpOfNegative].map(|f| Arch::new().dispatch(Apply(f, &negative)));
        assert!(one.iter().zip(&other).all(|(one, other)| one.to_bits() == other.to_bits()), "both forms have the same bits");
        let worst = [error(Function::Exp, core_math::exp, points), error(Function::ExpOfNegative, core_math::exp, negative)];
        assert!(worst.iter().all(|worst| *worst <= 1.1), "{worst:?} ulp");
    }

    #[test]
    fn the_logarithm_is_within_its_bound() {
        let mut points = between(0.0, 4.0, 400_000);
        points.extend((0..2_000).flat_map(|i| between(0.5, 1.0, 100).into_iter().map(move |x| x * 2.0_f64.powi(i - 1_000))));
        points.extend([0.0, f64::MIN_POSITIVE, 5e-324, 1e300, 1e-300]);
        let worst = error(Function::LogOnePlus, core_math::log1p, points);
        assert!(worst <= 1.1, "{worst} ulp");
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for function in [Function::Exp, Function::ExpOfNegative, Function::LogOnePlus] {
            for found in Arch::new().dispatch(Apply(function, &[f64::NAN; LANES])) {
                assert!(found.is_nan());
            }
        }
    }
}
