//! The packed vector as argmin's parameter: the operations that its L-BFGS asks for, on one contiguous slice.
//!
//! argmin's own implementation for `Vec` sums products one after another, which costs ten times a gradient at a hundred thousand unknowns.

use argmin_math::{
    ArgminAdd, ArgminDot, ArgminL1Norm, ArgminL2Norm, ArgminMinMax, ArgminMul, ArgminScaledAdd, ArgminSignum, ArgminSub,
    ArgminZeroLike,
};

use crate::linalg::{dot, norm};

/// A point or gradient, packed.
#[derive(Clone, Debug)]
pub(super) struct Packed(pub(super) Vec<f64>);

fn map(x: &Packed, f: impl Fn(f64) -> f64) -> Packed {
    Packed(x.0.iter().map(|&x| f(x)).collect())
}

fn zip(x: &Packed, y: &Packed, f: impl Fn(f64, f64) -> f64) -> Packed {
    Packed(x.0.iter().zip(&y.0).map(|(&x, &y)| f(x, y)).collect())
}

impl ArgminDot<Packed, f64> for Packed {
    fn dot(&self, other: &Packed) -> f64 {
        dot(&self.0, &other.0)
    }
}

impl ArgminAdd<Packed, Packed> for Packed {
    fn add(&self, other: &Packed) -> Packed {
        zip(self, other, |x, y| x + y)
    }
}

impl ArgminAdd<f64, Packed> for Packed {
    fn add(&self, other: &f64) -> Packed {
        map(self, |x| x + other)
    }
}

impl ArgminSub<Packed, Packed> for Packed {
    fn sub(&self, other: &Packed) -> Packed {
        zip(self, other, |x, y| x - y)
    }
}

impl ArgminSub<f64, Packed> for Packed {
    fn sub(&self, other: &f64) -> Packed {
        map(self, |x| x - other)
    }
}

impl ArgminMul<f64, Packed> for Packed {
    fn mul(&self, other: &f64) -> Packed {
        map(self, |x| x * other)
    }
}

impl ArgminMul<Packed, Packed> for Packed {
    fn mul(&self, other: &Packed) -> Packed {
        zip(self, other, |x, y| x * y)
    }
}

impl ArgminScaledAdd<Packed, f64, Packed> for Packed {
    fn scaled_add(&self, factor: &f64, other: &Packed) -> Packed {
        zip(self, other, |x, y| x + factor * y)
    }
}

impl ArgminL1Norm<f64> for Packed {
    fn l1_norm(&self) -> f64 {
        self.0.iter().map(|x| x.abs()).sum()
    }
}

impl ArgminL2Norm<f64> for Packed {
    fn l2_norm(&self) -> f64 {
        norm(&self.0)
    }
}

impl ArgminSignum for Packed {
    fn signum(self) -> Self {
        map(&self, f64::signum)
    }
}

impl ArgminZeroLike for Packed {
    fn zero_like(&self) -> Self {
        Packed(vec![0.0; self.0.len()])
    }
}

impl ArgminMinMax for Packed {
    fn min(x: &Self, y: &Self) -> Self {
        zip(x, y, f64::min)
    }

    fn max(x: &Self, y: &Self) -> Self {
        zip(x, y, f64::max)
    }
}
