//! (being built)
use super::{LogitHessian, LossFunction};
/// (being built)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelSmoothing {
    /// α
    pub alpha: f64,
}
impl LossFunction for LabelSmoothing {
    fn convex(&self) -> bool {
        unimplemented!()
    }
    fn shift_invariant(&self) -> bool {
        unimplemented!()
    }
    fn value(&self, _: &[f64], _: usize) -> f64 {
        unimplemented!()
    }
    fn value_gradient(&self, _: &[f64], _: usize, _: &mut [f64]) -> f64 {
        unimplemented!()
    }
    fn hessian(&self, _: &[f64], _: usize, _: &mut LogitHessian) {
        unimplemented!()
    }
}
