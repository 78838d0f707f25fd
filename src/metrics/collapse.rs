//! NC1: how much features vary within their class, against how far the class means are apart.
//!
//! Σ_W = (1/N) Σ (h − μ_c)(h − μ_c)ᵀ, Σ_B = (1/K) H̄H̄ᵀ. With H̄ = U diag(s) Vᵀ of rank r, tr(Σ_W Σ_B†) = (K/N) Σ_i Σ_{j≤r} ⟨u_j, h_i − μ_{y_i}⟩²/s_j²: no covariance is formed, and no
//! pseudo-inverse with a cut-off of its own. The rank is at most K − 1: H̄ (n_k)_k = 0.

use super::statistics::Statistics;
use super::tiles::for_each_pair;

/// tr(Σ_W Σ_B†)/K.
pub(super) fn within_class_variability(statistics: &Statistics) -> Result<f64, String> {
    statistics.within()?.trace.clone()
}

/// tr(Σ_W Σ_B†).
pub(super) fn trace(statistics: &Statistics) -> Result<f64, String> {
    Ok(statistics.shape.classes() as f64 * within_class_variability(statistics)?)
}

/// tr Σ_W/tr Σ_B.
pub(super) fn ratio(statistics: &Statistics) -> Result<f64, String> {
    let within = statistics.within()?;
    // Both in units of the largest entry of H̄.
    let between = statistics.h_centred()?.norm_squared() / statistics.shape.classes() as f64;
    Ok(within.scatter.iter().sum::<f64>() / statistics.shape.samples() as f64 / between)
}

/// The square of a distance, relative to the longest mean's, below which two means coincide to rounding.
const COINCIDE: f64 = 1e-24;

/// The mean over pairs of classes of (Var_c + Var_c')/(2‖μ_c − μ_c'‖²), Var_c = (1/n_c) Σ ‖h − μ_c‖².
pub(super) fn distance_normalised(statistics: &Statistics) -> Result<f64, String> {
    let within = statistics.within()?;
    let means = statistics.h_centred()?;
    let variances: Vec<f64> =
        within.scatter.iter().zip(statistics.shape.class_sizes()).map(|(scatter, &size)| scatter / size as f64).collect();
    // Means closer than rounding are one mean: variance and distance would both be rounding.
    let closest = COINCIDE * means.column_iter().map(|mean| mean.norm_squared()).fold(0.0, f64::max);
    let (mut total, mut pairs, mut merged) = (0.0, 0_u64, None);
    for_each_pair(means, |i, j, apart| {
        if apart > closest {
            total += 0.5 * (variances[i] + variances[j]) / apart;
        } else {
            merged = Some((j, i));
        }
        pairs += 1;
    });
    match merged {
        Some((j, i)) => Err(format!("the means of the classes {j} and {i} coincide")),
        None => Ok(total / pairs as f64),
    }
}
