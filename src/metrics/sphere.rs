//! The value that a point has in the model with normalised features and classifier (Yaras et al. 2022): its rows of W and its features put on the unit sphere.
//!
//! That model minimises CE(τWh) over unit w_k and h. A point of the unconstrained-feature model becomes one of it by dividing every row of W and every feature by its length; b is left out.
//! Where a row or a feature is zero it has no direction, and the metric does not exist.

use super::decision::decisions;
use super::statistics::Statistics;
use super::within::TEMPERATURES;

/// The mean over classes of the class's mean of log Σ_j e^{τ⟨ŵ_j − ŵ_k, ĥ⟩}, ŵ = w/‖w‖ and ĥ = h/‖h‖, at the temperature in this place of the list.
///
/// Classes count alike, whatever their sizes: log(1+(K−1)e^{−τK/(K−1)}) is then a lower bound for every point.
pub(super) fn sphere_loss(statistics: &Statistics, temperature: usize) -> Result<f64, String> {
    debug_assert!(temperature < TEMPERATURES.len(), "one of the three temperatures");
    statistics.w_raw()?;
    let decisions = decisions(statistics)?;
    if let Some(reason) = decisions.no_direction {
        return Err(reason.into());
    }
    Ok(decisions.sphere[temperature].iter().sum::<f64>() / statistics.shape.classes() as f64)
}
