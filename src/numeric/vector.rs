//! Eight doubles in the machine's registers, with the operations spelled out: what a compiler makes of loops over eight lanes (`lanes.rs`) is vector instructions as long as every lane does the
//! same arithmetic, and a mixture of scalar ones where lanes choose. Here choosing is an instruction too.
//!
//! Every operation is that of the single lanes, so the bits do not depend on the registers' length.

use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::Simd;

use super::lanes::{EXPONENTIAL, LANES, LN_2, Lanes, TO_INTEGER, halves, lanes, log_one_plus};

/// Eight doubles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector<S> {
    simd: S,
    lanes: Lanes,
}

/// Applies an instruction of two operands, register by register.
macro_rules! by_registers {
    ($simd:expr, $operation:ident, $($operand:expr),+) => {{
        let mut out = [0.0; LANES];
        for (i, out) in S::as_mut_simd_f64s(&mut out).0.iter_mut().enumerate() {
            *out = $simd.$operation($(S::as_simd_f64s(&$operand).0[i]),+);
        }
        Vector { simd: $simd, lanes: out }
    }};
}

impl<S: Simd> Vector<S> {
    /// The eight numbers.
    #[inline(always)]
    pub(crate) fn new(simd: S, lanes: &Lanes) -> Self {
        Self { simd, lanes: *lanes }
    }

    /// One number eight times.
    #[inline(always)]
    pub(crate) fn splat(simd: S, x: f64) -> Self {
        Self { simd, lanes: [x; LANES] }
    }

    /// The eight numbers.
    #[inline(always)]
    pub(crate) fn lanes(self) -> Lanes {
        self.lanes
    }

    /// The instructions it is computed with.
    #[inline(always)]
    pub(crate) fn simd(self) -> S {
        self.simd
    }

    /// The number `x` eight times.
    #[inline(always)]
    pub(crate) fn number(self, x: f64) -> Self {
        Self::splat(self.simd, x)
    }

    /// self·b + c, fused where the machine can.
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, c: Self) -> Self {
        if S::IS_SCALAR {
            return self * b + c;
        }
        by_registers!(self.simd, mul_add_e_f64s, self.lanes, b.lanes, c.lanes)
    }

    /// The larger of the two; which of them where one is no number, is not said.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        by_registers!(self.simd, max_f64s, self.lanes, other.lanes)
    }

    /// `then` where self > `than`, `rest` elsewhere (and where one is no number).
    #[inline(always)]
    pub(crate) fn where_above(self, than: Self, then: Self, rest: Self) -> Self {
        let mut out = [0.0; LANES];
        for (i, out) in S::as_mut_simd_f64s(&mut out).0.iter_mut().enumerate() {
            let mask = self.simd.greater_than_f64s(S::as_simd_f64s(&self.lanes).0[i], S::as_simd_f64s(&than.lanes).0[i]);
            *out = self.simd.select_f64s(mask, S::as_simd_f64s(&then.lanes).0[i], S::as_simd_f64s(&rest.lanes).0[i]);
        }
        Self { simd: self.simd, lanes: out }
    }

    /// self where `labels` is `k`, `rest` elsewhere.
    #[inline(always)]
    pub(crate) fn where_label(self, labels: &[u64; LANES], k: u64, rest: Self) -> Self {
        let k = self.simd.splat_u64s(k);
        let mut out = [0.0; LANES];
        for (i, out) in S::as_mut_simd_f64s(&mut out).0.iter_mut().enumerate() {
            let mask = self.simd.equal_u64s(S::as_simd_u64s(labels).0[i], k);
            *out = self.simd.select_f64s(mask, S::as_simd_f64s(&self.lanes).0[i], S::as_simd_f64s(&rest.lanes).0[i]);
        }
        Self { simd: self.simd, lanes: out }
    }

    /// self / y for y ≥ 0, 0 where y is 0; NaN stays.
    #[inline(always)]
    pub(crate) fn over(self, y: Self) -> Self {
        let zero = self.number(0.0);
        // 0 · y is 0, or NaN where y is.
        y.where_above(zero, self / y, zero * y)
    }

    /// Each of the eight by itself: for what there is no instruction for.
    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { simd: self.simd, lanes: lanes(|l| f(self.lanes[l])) }
    }

    /// eˣ for x ≤ 0, bit for bit that of [`exp`](super::lanes::exp); NaN stays.
    #[inline(always)]
    pub(crate) fn exp_of_negative(self) -> Self {
        let number = |x: f64| self.number(x);
        // A comparison that a NaN passes.
        let x = number(-750.0).where_above(self, number(-750.0), self);
        let shifted = x.mul_add(number(std::f64::consts::LOG2_E), number(TO_INTEGER));
        let n = shifted - number(TO_INTEGER);
        let r = n.mul_add(number(-LN_2[0]), x);
        let r = n.mul_add(number(-LN_2[1]), r);
        let r2 = r * r;
        let r4 = r2 * r2;
        let pair = |i: usize| number(EXPONENTIAL[i + 1]).mul_add(r, number(EXPONENTIAL[i]));
        let low = pair(2).mul_add(r2, pair(0));
        let high = pair(6).mul_add(r2, pair(4));
        let high = pair(8).mul_add(r4, high);
        let above_one = high.mul_add(r4, low).mul_add(r2, r);
        let [first, second] = halves(&shifted.lanes).map(|lanes| Self { simd: self.simd, lanes });
        above_one.mul_add(first, first) * second
    }

    /// log(1 + x), as [`log_one_plus`].
    #[inline(always)]
    pub(crate) fn log_one_plus(self) -> Self {
        Self { simd: self.simd, lanes: log_one_plus::<S>(&self.lanes) }
    }
}

impl<S: Simd> Add for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        by_registers!(self.simd, add_f64s, self.lanes, other.lanes)
    }
}

impl<S: Simd> Sub for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        by_registers!(self.simd, sub_f64s, self.lanes, other.lanes)
    }
}

impl<S: Simd> Mul for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        by_registers!(self.simd, mul_f64s, self.lanes, other.lanes)
    }
}

impl<S: Simd> Div for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        by_registers!(self.simd, div_f64s, self.lanes, other.lanes)
    }
}

impl<S: Simd> Neg for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        self.number(-0.0) - self
    }
}
