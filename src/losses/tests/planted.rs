//! Losses that are wrong in one way each: the law named must find it.

use super::laws::{LAWS, check};
use super::*;

/// What is wrong with a loss.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    None,
    GradientSign,
    HessianTerm,
    HessianDoubled,
    NanGradient,
    Claims { convex: bool, shift_invariant: bool },
    ConjugateShift,
    NanSwallowed,
}

/// `inner` with one flaw.
#[derive(Debug)]
struct Planted {
    inner: Loss,
    flaw: Flaw,
}

impl LossFunction for Planted {
    fn convex(&self) -> bool {
        if let Flaw::Claims { convex, .. } = self.flaw { convex } else { self.inner.function().convex() }
    }

    fn shift_invariant(&self) -> bool {
        if let Flaw::Claims { shift_invariant, .. } = self.flaw {
            shift_invariant
        } else {
            self.inner.function().shift_invariant()
        }
    }

    fn value(&self, logits: &[f64], label: usize) -> f64 {
        let value = self.inner.function().value(logits, label);
        if matches!(self.flaw, Flaw::NanSwallowed) { value.max(0.0) } else { value }
    }

    fn value_gradient(&self, logits: &[f64], label: usize, gradient: &mut [f64]) -> f64 {
        let value = self.inner.function().value_gradient(logits, label, gradient);
        if matches!(self.flaw, Flaw::GradientSign) {
            gradient[label] = -gradient[label];
        }
        if matches!(self.flaw, Flaw::NanGradient) {
            gradient[0] = f64::NAN;
        }
        value
    }

    fn hessian(&self, logits: &[f64], label: usize, out: &mut LogitHessian) {
        self.inner.function().hessian(logits, label, out);
        if matches!(self.flaw, Flaw::HessianTerm) {
            out.diagonal[label] += 1e-6;
        }
        if matches!(self.flaw, Flaw::HessianDoubled) {
            out.diagonal.iter_mut().for_each(|a| *a *= 2.0);
        }
    }

    fn epilogue(&self) -> Epilogue {
        unreachable!("planted losses are not for devices")
    }

    fn conjugate(&self) -> Option<&dyn Conjugate> {
        if matches!(self.flaw, Flaw::ConjugateShift) { Some(self) } else { self.inner.function().conjugate() }
    }
}

impl Conjugate for Planted {
    fn conjugate_value(&self, dual: &[f64], label: usize) -> f64 {
        self.inner.function().conjugate().unwrap().conjugate_value(dual, label) + 1e-9
    }

    fn interior_slope(&self) -> Option<f64> {
        self.inner.function().conjugate().unwrap().interior_slope()
    }

    fn domain_fraction(&self, inside: &[f64], target: &[f64], label: usize) -> f64 {
        self.inner.function().conjugate().unwrap().domain_fraction(inside, target, label)
    }
}

#[test]
fn the_public_check_tells_a_wrong_gradient_from_a_wrong_hessian() {
    let inner = || Loss::CrossEntropy(CrossEntropy);
    let gradient = taylor_check(&Planted { inner: inner(), flaw: Flaw::GradientSign }, 4, 1);
    assert!(matches!(gradient.gradient, SlopeVerdict::Fails(slope) if (slope - 1.0).abs() < 0.1), "{:?}", gradient.gradient);
    let hessian = taylor_check(&Planted { inner: inner(), flaw: Flaw::HessianDoubled }, 4, 1);
    assert!(hessian.gradient.holds());
    assert!(matches!(hessian.hessian, SlopeVerdict::Fails(slope) if (slope - 2.0).abs() < 0.1), "{:?}", hessian.hessian);
    let quadratic = taylor_check(&Mse { kappa: 3.0, target: 1.0 }, 4, 1);
    assert_eq!(quadratic.hessian, SlopeVerdict::Exact);
    assert!(quadratic.gradient.slope().is_some_and(|slope| (slope - 2.0).abs() < 1e-3));
    let spoilt = taylor_check(&Planted { inner: inner(), flaw: Flaw::NanGradient }, 4, 1);
    assert_eq!((spoilt.gradient, spoilt.hessian), (SlopeVerdict::Undecided, SlopeVerdict::Undecided));
}

#[test]
fn every_flaw_is_found_by_its_law() {
    let entropy = || Loss::CrossEntropy(CrossEntropy);
    let focal = || Loss::Focal(Focal { gamma: 2.0 });
    let mse = || Loss::Mse(Mse { kappa: 3.0, target: 1.0 });
    let cases = [
        (entropy(), Flaw::GradientSign, "gradient"),
        (Loss::Bce(Bce), Flaw::HessianTerm, "hessian"),
        (focal(), Flaw::Claims { convex: true, shift_invariant: true }, "convex"),
        (entropy(), Flaw::Claims { convex: false, shift_invariant: true }, "convex"),
        (mse(), Flaw::Claims { convex: true, shift_invariant: true }, "shift"),
        (entropy(), Flaw::Claims { convex: true, shift_invariant: false }, "shift"),
        (mse(), Flaw::ConjugateShift, "conjugate"),
        (entropy(), Flaw::NanSwallowed, "extremes"),
    ];
    for (inner, flaw, law) in cases {
        check(&Planted { inner: inner.clone(), flaw: Flaw::None }).unwrap();
        let planted = Planted { inner, flaw };
        let found = check(&planted).expect_err("the flaw is found");
        assert!(found.starts_with(law), "{planted:?}: {found}");
        let (_, run) = LAWS.iter().find(|(name, _)| *name == law).unwrap();
        assert!(run(&planted).is_err());
    }
}
