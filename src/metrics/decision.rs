//! NC4: what the classifier says at the mean, and whether it decides as the nearest class mean does.

use super::statistics::Statistics;
use super::within::Decisions;
use crate::model::{Point, Shape};

/// ‖Wμ_G + b‖₂, b = 0 where there is none.
pub(super) fn mean_logit(statistics: &Statistics) -> Result<f64, String> {
    let mut logit = &statistics.w * &statistics.mean;
    for (z, b) in logit.iter_mut().zip(&statistics.b) {
        *z += b;
    }
    Ok(logit.norm())
}

/// What the second pass found of the logits.
pub(super) fn decisions<'a>(statistics: &'a Statistics) -> Result<&'a Decisions, String> {
    statistics.within()?.decisions.as_ref().ok_or_else(|| "the logits were not asked for".into())
}

/// The share of samples with argmax(Wh + b) ≠ argmin‖h − μ_c‖. A sample on which a class is among the best of both counts as agreement.
pub(super) fn disagreement(statistics: &Statistics) -> Result<f64, String> {
    statistics.w_raw()?;
    statistics.h_centred()?;
    Ok(decisions(statistics)?.disagreements as f64 / statistics.shape.samples() as f64)
}

/// Samples that are scored at a time.
const BLOCK: usize = 256;

/// min_i p_{y_i}, p = softmax(Wh_i + b).
pub(super) fn least_probability(point: &Point, shape: &Shape) -> f64 {
    let features = point.features(shape);
    let features = nalgebra::DMatrixView::from_slice(&features, shape.width(), shape.columns());
    let mut least = f64::INFINITY;
    for start in (0..shape.columns()).step_by(BLOCK) {
        let mut logits = point.w() * features.columns(start, BLOCK.min(shape.columns() - start));
        if point.has_bias() {
            logits.column_iter_mut().for_each(|mut z| z.iter_mut().zip(point.b()).for_each(|(z, b)| *z += b));
        }
        for (z, &label) in logits.column_iter().zip(&shape.labels()[start..]) {
            // p_k = 1 / Σ_j e^{z_j − z_k}: the sum may overflow, and p is then 0 to every digit.
            least = least.min(1.0 / z.iter().map(|x| (x - z[label]).exp()).sum::<f64>());
        }
    }
    least
}
