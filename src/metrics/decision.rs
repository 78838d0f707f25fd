//! NC4: what the classifier says at the mean, and whether it decides as the nearest class mean does.

use nalgebra::DVector;

use super::statistics::Statistics;

/// Scores this close to the best, relative to the size of the scores, are ties. Where classes are tied by symmetry only rounding breaks the tie.
const TIE: f64 = 1e-10;

/// Samples that are scored at a time.
const BLOCK: usize = 256;

/// ‖Wμ_G + b‖₂, b = 0 where there is none.
pub(super) fn mean_logit(statistics: &Statistics) -> Result<f64, String> {
    let mut logit = statistics.point.w() * &statistics.mean;
    for (z, b) in logit.iter_mut().zip(statistics.point.b()) {
        *z += b;
    }
    Ok(logit.norm())
}

/// The share of samples with argmax(Wh + b) ≠ argmin‖h − μ_c‖. A sample on which a class is among the best of both counts as agreement.
pub(super) fn disagreement(statistics: &Statistics) -> Result<f64, String> {
    statistics.w_raw()?;
    statistics.h_centred()?;
    let (point, shape) = (statistics.point, statistics.shape);
    let features = statistics.features();
    let (mut centred, mean) = (statistics.class_means.clone(), &statistics.mean);
    centred.column_iter_mut().for_each(|mut column| column -= mean);
    let templates = centred.transpose();
    // ‖h − μ_c‖² is least where ⟨h − μ_G, μ_c − μ_G⟩ − ½‖μ_c − μ_G‖² is largest.
    let offsets = DVector::from_iterator(shape.classes(), centred.column_iter().map(|column| -0.5 * column.norm_squared()));
    let mut disagreements = 0_u64;
    for start in (0..shape.columns()).step_by(BLOCK) {
        let mut block = features.columns(start, BLOCK.min(shape.columns() - start)).into_owned();
        let mut logits = point.w() * &block;
        if point.has_bias() {
            logits.column_iter_mut().for_each(|mut z| z.iter_mut().zip(point.b()).for_each(|(z, b)| *z += b));
        }
        block.column_iter_mut().for_each(|mut h| h -= mean);
        let mut nearness = &templates * &block;
        nearness.column_iter_mut().for_each(|mut scores| scores += &offsets);
        for (i, (logits, nearness)) in (start..).zip(logits.column_iter().zip(nearness.column_iter())) {
            let (least_logit, least_nearness) = (nearly_best(logits.iter()), nearly_best(nearness.iter()));
            let agree = logits.iter().zip(nearness.iter()).any(|(&z, &score)| z >= least_logit && score >= least_nearness);
            disagreements += if agree { 0 } else { shape.multiplicity(i) };
        }
    }
    Ok(disagreements as f64 / shape.samples() as f64)
}

/// min_i p_{y_i}, p = softmax(Wh_i + b).
pub(super) fn least_probability(statistics: &Statistics) -> f64 {
    let (point, shape) = (statistics.point, statistics.shape);
    let features = statistics.features();
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

/// The least score that still ties with the best.
fn nearly_best<'a>(scores: impl Iterator<Item = &'a f64>) -> f64 {
    let (best, size) = scores.fold((f64::NEG_INFINITY, 0.0_f64), |(best, size), &x| (best.max(x), size.max(x.abs())));
    best - TIE * size
}
