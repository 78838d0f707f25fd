//! The value that a point has in the model with normalised features and classifier (Yaras et al. 2022): its rows of W and its features put on the unit sphere.
//!
//! That model minimises CE(τWh) over unit w_k and h. A point of the unconstrained-feature model becomes one of it by dividing every row of W and every feature by its length; b is left out.
//! Where a row or a feature is zero it has no direction, and the metric does not exist.

use nalgebra::DVectorView;

use super::statistics::Statistics;

/// A row or feature this short beside the longest is zero with noise on it: its direction means nothing.
const NO_DIRECTION: f64 = 1e-8;

/// Samples that are scored at a time.
const BLOCK: usize = 256;

/// The mean over classes of the class's mean of log Σ_j e^{τ⟨ŵ_j − ŵ_k, ĥ⟩}, ŵ = w/‖w‖ and ĥ = h/‖h‖.
///
/// Classes count alike, whatever their sizes: log(1+(K−1)e^{−τK/(K−1)}) is then a lower bound for every point.
pub(super) fn sphere_loss(statistics: &Statistics, temperature: f64) -> Result<f64, String> {
    let mut rows = statistics.w_raw()?.clone();
    let longest = rows.row_iter().map(|row| row.norm()).fold(0.0, f64::max);
    for mut row in rows.row_iter_mut() {
        let norm = row.norm();
        if !(norm > NO_DIRECTION * longest) {
            return Err("a row of W is 0: it has no direction".into());
        }
        row /= norm;
    }
    let (shape, features) = (statistics.shape, statistics.features());
    let longest = features.column_iter().map(|feature| length(&feature)).fold(0.0, f64::max);
    let mut totals = vec![0.0; shape.classes()];
    for start in (0..shape.columns()).step_by(BLOCK) {
        let mut block = features.columns(start, BLOCK.min(shape.columns() - start)).into_owned();
        for mut feature in block.column_iter_mut() {
            let norm = length(&feature.as_view());
            if !(norm > NO_DIRECTION * longest) {
                return Err("a feature is 0: it has no direction".into());
            }
            feature /= norm;
        }
        let cosines = &rows * block;
        for (i, cosine) in (start..).zip(cosines.column_iter()) {
            let label = shape.labels()[i];
            let others = cosine.iter().enumerate().filter(|&(j, _)| j != label);
            let sum: f64 = others.map(|(_, c)| (temperature * (c - cosine[label])).exp()).sum();
            totals[label] += sum.ln_1p() * (shape.multiplicity(i) as f64 / shape.class_sizes()[label] as f64);
        }
    }
    Ok(totals.iter().sum::<f64>() / shape.classes() as f64)
}

/// ‖h‖ without squares that leave the range of numbers.
fn length(feature: &DVectorView<f64>) -> f64 {
    let largest = feature.amax();
    if largest > 0.0 { largest * (feature / largest).norm() } else { 0.0 }
}
