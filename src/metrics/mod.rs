//! FAMILY. Neural-collapse metrics, each with an id that names its convention.
//!
//! Notation: μ_c the class means, μ_G the mean of all features, H̄ = \[μ_c − μ_G\] (d×K), P = I − 11ᵀ/K, N samples.
//! A metric that does not exist at a point (W = 0, coinciding class means) is reported with the reason, never as NaN.
//! Every metric is linear in N: features are read in blocks, nothing of size K×N or N×N is kept.

mod collapse;
mod decision;
mod duality;
mod geometry;
mod jacobi;
mod logits;
mod sphere;
mod statistics;
#[cfg(test)]
mod tests;
mod unequal;

use std::collections::BTreeMap;

use crate::model::{Point, Shape};
use statistics::Statistics;

/// A metric: what `ufm list metrics` says of it, and how it is computed.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The id in records.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Whether trajectories record it.
    pub trajectory: bool,
    /// Whether it is 0 at a collapsed simplex: a distance from it. The others measure a size.
    pub vanishes: bool,
    /// Its value, or why it does not exist.
    compute: fn(&Statistics) -> Result<f64, String>,
}

/// Every metric there is.
pub const ALL: &[Family] = &[
    Family {
        name: "nc1",
        summary: "within-class variability tr(Σ_W Σ_B†)/K",
        trajectory: true,
        vanishes: true,
        compute: collapse::within_class_variability,
    },
    Family {
        name: "nc2",
        summary: "‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖, W centred over classes (Zhou et al. 2022)",
        trajectory: true,
        vanishes: true,
        compute: |statistics| geometry::gram_distance(statistics.w_centred()?),
    },
    Family {
        name: "nc3",
        summary: "self-duality ‖WH̄/‖WH̄‖ − P/√(K−1)‖, W centred over classes (Zhou et al. 2022)",
        trajectory: true,
        vanishes: true,
        compute: |statistics| geometry::duality_distance(statistics.w_centred()?, statistics.h_centred()?),
    },
    Family {
        name: "nc4",
        summary: "‖Wμ_G + b‖₂ (Zhou et al. 2022)",
        trajectory: true,
        vanishes: true,
        compute: decision::mean_logit,
    },
    Family {
        name: "nc2-raw",
        summary: "nc2 with W not centred (Zhu et al. 2021, Yaras et al. 2022)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| geometry::gram_distance(statistics.w_raw()?),
    },
    Family {
        name: "nc3-raw",
        summary: "nc3 with W not centred (Zhu et al. 2021, Yaras et al. 2022)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| geometry::duality_distance(statistics.w_raw()?, statistics.h_centred()?),
    },
    Family {
        name: "nc4-disagreement",
        summary: "share of samples that the classifier and the nearest class mean decide differently; ties count as agreement",
        trajectory: false,
        vanishes: true,
        compute: decision::disagreement,
    },
    Family {
        name: "etf-distance",
        summary: "distance of W to the nearest simplex ETF over rotation and scale, relative to ‖W‖",
        trajectory: false,
        vanishes: true,
        compute: |statistics| geometry::etf_distance(statistics.w_raw()?),
    },
    Family {
        name: "self-duality",
        summary: "‖M̄ᵀ/‖M̄‖ − W/‖W‖‖, M̄ the uncentred class means: 0 where M̄ᵀ ∝ W",
        trajectory: false,
        vanishes: true,
        compute: duality::self_duality,
    },
    Family {
        name: "broken-self-duality",
        summary: "‖M̄ᵀ/‖M̄‖ − (P − J/K)W/‖W‖‖: 0 where M̄ᵀ ∝ (P − J/K)W, as in BCE without a bias",
        trajectory: false,
        vanishes: true,
        compute: duality::broken_self_duality,
    },
    Family {
        name: "duality-ratio",
        summary: "‖M̄‖/‖W‖, M̄ the uncentred class means",
        trajectory: false,
        vanishes: false,
        compute: duality::duality_ratio,
    },
    Family {
        name: "isometry-distance",
        summary: "distance of W to the nearest multiple of a partial isometry of its rank, relative to ‖W‖: 0 where its singular values are equal",
        trajectory: false,
        vanishes: true,
        compute: |statistics| geometry::isometry_distance(statistics.w_raw()?),
    },
    Family {
        name: "norm-w",
        summary: "root mean square over classes of ‖w^k‖, the rows of W",
        trajectory: false,
        vanishes: false,
        compute: logits::norm_w,
    },
    Family {
        name: "sphere-loss-1",
        summary: "cross-entropy of τWh at τ = 1 with rows of W and features put on the unit sphere (Yaras et al. 2022), classes counting alike",
        trajectory: false,
        vanishes: false,
        compute: |statistics| sphere::sphere_loss(statistics, 1.0),
    },
    Family {
        name: "sphere-loss-3",
        summary: "the same at τ = 3",
        trajectory: false,
        vanishes: false,
        compute: |statistics| sphere::sphere_loss(statistics, 3.0),
    },
    Family {
        name: "sphere-loss-10",
        summary: "the same at τ = 10",
        trajectory: false,
        vanishes: false,
        compute: |statistics| sphere::sphere_loss(statistics, 10.0),
    },
    Family {
        name: "scale",
        summary: "s of the least-squares fit WM̄ ≈ sP + tJ/K, M̄ = [μ_c]: the weight of the simplex in the logits (without the bias)",
        trajectory: false,
        vanishes: false,
        compute: logits::scale,
    },
    Family {
        name: "mean-part",
        summary: "t of the same fit: the weight of the mean in the logits (without the bias)",
        trajectory: false,
        vanishes: true,
        compute: logits::mean_part,
    },
    Family {
        name: "logit-misfit",
        summary: "‖WM̄ − sP − tJ/K‖/‖WM̄‖: what that fit leaves",
        trajectory: false,
        vanishes: true,
        compute: logits::misfit,
    },
    Family {
        name: "class-separation",
        summary: "the least distance of two classes (classifiers or class means) over the root mean square of all pairs; 0: merged",
        trajectory: false,
        vanishes: false,
        compute: unequal::class_separation,
    },
    Family {
        name: "seli-distance",
        summary: "‖WWᵀ/‖WWᵀ‖ − (PDP)^½/‖(PDP)^½‖‖, D = diag(n_k), W not centred (Thrampoulidis et al. 2022)",
        trajectory: false,
        vanishes: true,
        compute: unequal::seli_distance,
    },
    Family {
        name: "seli-logits",
        summary: "‖WM/‖WM‖ − P/√(K−1)‖, M the class means, nothing centred (Thrampoulidis et al. 2022)",
        trajectory: false,
        vanishes: true,
        compute: unequal::seli_logits,
    },
];

/// The metrics of a point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Id → value, finite.
    pub values: BTreeMap<String, f64>,
    /// Id → why it does not exist here.
    pub undefined: BTreeMap<String, String>,
}

/// Every metric of a point. `shape` carries its labels.
pub fn all(point: &Point, shape: &Shape) -> Metrics {
    compute(point, shape, |_| true)
}

/// The metrics that trajectories record: nc1, nc2, nc3, nc4.
pub fn trajectory(point: &Point, shape: &Shape) -> Metrics {
    compute(point, shape, |family| family.trajectory)
}

/// min_i p_{y_i}, p = softmax(Wh_i + b): the smallest probability that a sample gives its own class. `None` at a point that is not finite.
pub fn least_probability(point: &Point, shape: &Shape) -> Option<f64> {
    Statistics::new(point, shape).ok().map(|statistics| decision::least_probability(&statistics)).filter(|p| p.is_finite())
}

fn compute(point: &Point, shape: &Shape, wanted: impl Fn(&Family) -> bool) -> Metrics {
    let statistics = Statistics::new(point, shape);
    let mut metrics = Metrics::default();
    for family in ALL.iter().filter(|family| wanted(family)) {
        let value = statistics.as_ref().map_err(Clone::clone).and_then(|statistics| (family.compute)(statistics));
        match value {
            Ok(value) if value.is_finite() => drop(metrics.values.insert(family.name.into(), value)),
            Ok(value) => drop(metrics.undefined.insert(family.name.into(), format!("it evaluates to {value}: out of range"))),
            Err(reason) => drop(metrics.undefined.insert(family.name.into(), reason)),
        }
    }
    metrics
}
