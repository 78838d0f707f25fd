//! FAMILY. One figure a file, drawn from records, trajectories and points.

use super::Family;

/// Every figure there is.
pub const ALL: &[Family] = &[
    Family { name: "collapse", summary: "NC1–NC4 and the value against iteration, one curve a loss" },
    Family { name: "gram", summary: "WWᵀ, H̄ᵀH̄ and WH̄ as heat maps" },
    Family { name: "simplex", summary: "the simplex in 2-D or 3-D, for K = 3, 4" },
    Family { name: "spectrum", summary: "the Hessian's eigenvalues with their multiplicities" },
    Family { name: "value-index", summary: "value against index of all critical points" },
];
