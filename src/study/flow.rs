//! What the exact laws of a gradient flow speak of, measured along a trajectory.

use nalgebra::{DMatrix, DVector};

use crate::record::FlowRow;
use crate::solvers::State;

/// The directions in which 1ᵀW and WᵀW − HHᵀ began, each of norm 1 (or zero).
#[derive(Debug)]
pub(super) struct FlowLaws {
    mean_classifier: DVector<f64>,
    imbalance: DMatrix<f64>,
}

impl FlowLaws {
    /// Directions from the flow's first state.
    pub(super) fn new(start: &State) -> Self {
        let unit = |norm: f64| if norm > 0.0 { 1.0 / norm } else { 0.0 };
        let (mean_classifier, imbalance) = measured(start);
        let (mean_norm, imbalance_norm) = (mean_classifier.norm(), imbalance.norm());
        Self { mean_classifier: mean_classifier * unit(mean_norm), imbalance: imbalance * unit(imbalance_norm) }
    }

    /// The row of a state.
    pub(super) fn row(&self, state: &State) -> FlowRow {
        let (mean_classifier, imbalance) = measured(state);
        let (along_mean, along_imbalance) = (self.mean_classifier.dot(&mean_classifier), self.imbalance.dot(&imbalance));
        FlowRow {
            mean_classifier: [along_mean, (mean_classifier - &self.mean_classifier * along_mean).norm()],
            imbalance: [along_imbalance, (imbalance - &self.imbalance * along_imbalance).norm()],
            norm_w: state.x.w().norm(),
            norm_h: state.x.h().norm(),
            error: state.error,
        }
    }
}

/// 1ᵀW and WᵀW − HHᵀ. In a collapsed problem a column of H stands for m samples times √m, so that HHᵀ is theirs too.
fn measured(state: &State) -> (DVector<f64>, DMatrix<f64>) {
    let (w, h) = (state.x.w(), state.x.h());
    (w.row_sum_tr(), w.tr_mul(&w) - h * h.transpose())
}
