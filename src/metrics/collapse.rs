//! NC1: how much features vary within their class, against how far the class means are apart.

use super::jacobi::singular;
use super::statistics::Statistics;

/// Singular values of H̄ below this share of the largest count as zero. Their squares, the eigenvalues of Σ_B, are then below the
/// rounding of Σ_B itself; a pseudo-inverse that kept them would divide rounding by rounding.
const CUT_OFF: f64 = 1.490_116_119_384_765_6e-8;

/// Samples that are projected at a time.
const BLOCK: usize = 256;

/// tr(Σ_W Σ_B†)/K with Σ_W = (1/N) Σ (h − μ_c)(h − μ_c)ᵀ and Σ_B = (1/K) H̄H̄ᵀ.
///
/// With H̄ = U diag(s) Vᵀ of rank r this is (1/N) Σ_i Σ_{j≤r} ⟨u_j, h_i − μ_{y_i}⟩²/s_j². The rank is at most K − 1: H̄ (n_k)_k = 0.
pub(super) fn within_class_variability(statistics: &Statistics) -> Result<f64, String> {
    let (shape, features) = (statistics.shape, statistics.features());
    let (mut u, s) = singular(statistics.h_centred()?)?;
    let rank = s.iter().take(shape.classes() - 1).take_while(|&&s_j| s_j > CUT_OFF * s[0]).count();
    let scale = statistics.h_scale();
    for (j, mut column) in u.column_iter_mut().take(rank).enumerate() {
        // Divided twice: the product of both could leave the range of numbers.
        column /= s[j];
        column /= scale;
    }
    let projection = u.columns(0, rank).transpose();
    let mut total = 0.0;
    for start in (0..shape.columns()).step_by(BLOCK) {
        let mut block = features.columns(start, BLOCK.min(shape.columns() - start)).into_owned();
        for (i, mut deviation) in (start..).zip(block.column_iter_mut()) {
            deviation -= statistics.class_means.column(shape.labels()[i]);
            if shape.multiplicities().is_some() {
                deviation *= (shape.multiplicity(i) as f64).sqrt();
            }
        }
        total += (&projection * block).norm_squared();
    }
    Ok(total / shape.samples() as f64)
}
