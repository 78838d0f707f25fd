//! FAMILY. Neural-collapse metrics, each with an id that names its convention.

/// What `ufm list metrics` says of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The id in records.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
}

/// Every metric there is.
pub const ALL: &[Family] = &[
    Family { name: "nc1", summary: "tr(Σ_W Σ_B†)/K: within-class against between-class covariance" },
    Family { name: "nc2", summary: "‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖, W centred over classes" },
    Family { name: "nc3", summary: "‖WH̄/‖WH̄‖ − P/√(K−1)‖, W centred over classes" },
    Family { name: "nc4", summary: "‖Wμ_G + b‖" },
    Family { name: "nc2-raw", summary: "nc2 without centring" },
    Family { name: "nc3-raw", summary: "nc3 without centring" },
    Family { name: "nc4-disagreement", summary: "share of samples where classifier and nearest class mean disagree" },
    Family { name: "etf-distance", summary: "min over rotation and scale of ‖W − cMQ‖/‖W‖" },
];
