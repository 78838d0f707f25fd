//! FAMILY. Neural-collapse metrics, each with an id that names its convention.
//!
//! Notation: μ_c the class means, μ_G the mean of all features, H̄ = \[μ_c − μ_G\] (d×K), P = I − 11ᵀ/K, N samples.
//! A metric that does not exist at a point (W = 0, coinciding class means) is reported with the reason, never as NaN.
//! Every metric is linear in N: features are read twice in blocks, nothing of size K×N or N×N is kept, and but for `seli-distance` at unequal classes nothing of size K×K.

mod angles;
mod collapse;
mod compat;
mod decision;
mod duality;
mod geometry;
mod jacobi;
mod logits;
mod sphere;
mod statistics;
mod stream;
#[cfg(test)]
mod tests;
mod tiles;
mod unequal;
mod within;

use std::collections::BTreeMap;

use crate::model::{Point, Shape};
use statistics::Statistics;

pub use compat::{CODES, Code, Compat};
pub use statistics::Conditioning;
pub use stream::{BLOCK, Basis, Findings, FirstPass, Found, SecondPass};
pub use within::Asked;

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
        compute: |statistics| sphere::sphere_loss(statistics, 0),
    },
    Family {
        name: "sphere-loss-3",
        summary: "the same at τ = 3",
        trajectory: false,
        vanishes: false,
        compute: |statistics| sphere::sphere_loss(statistics, 1),
    },
    Family {
        name: "sphere-loss-10",
        summary: "the same at τ = 10",
        trajectory: false,
        vanishes: false,
        compute: |statistics| sphere::sphere_loss(statistics, 2),
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
    Family {
        name: "nc1-trace",
        summary: "tr(Σ_W Σ_B†), not divided by K (Papyan et al. 2020)",
        trajectory: false,
        vanishes: true,
        compute: collapse::trace,
    },
    Family {
        name: "nc1-ratio",
        summary: "tr Σ_W/tr Σ_B (Hui et al. 2022, Tirer et al. 2023)",
        trajectory: false,
        vanishes: true,
        compute: collapse::ratio,
    },
    Family {
        name: "nc1-cdnv",
        summary: "class-distance-normalised variance: mean over pairs of (Var_c + Var_c')/(2‖μ_c − μ_c'‖²) (Galanti et al. 2022)",
        trajectory: false,
        vanishes: true,
        compute: collapse::distance_normalised,
    },
    Family {
        name: "nc2-means",
        summary: "nc2 of the class means: ‖H̄ᵀH̄/‖H̄ᵀH̄‖ − P/√(K−1)‖ (Kothapalli 2023)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| geometry::gram_distance(&statistics.h_centred()?.transpose()),
    },
    Family {
        name: "equinorm-w",
        summary: "standard deviation over mean of ‖w_c‖, W not centred, deviations divided by K (Papyan et al. 2020 divide by K − 1)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| Ok(angles::length_variation(&statistics.w_raw()?.transpose(), |count| count)),
    },
    Family {
        name: "equinorm-means",
        summary: "the same of ‖μ_c − μ_G‖",
        trajectory: false,
        vanishes: true,
        compute: |statistics| Ok(angles::length_variation(statistics.h_centred()?, |count| count)),
    },
    Family {
        name: "equiangle-w",
        summary: "mean over pairs of |cos ∠(w_c, w_c') + 1/(K−1)|, W not centred: absolute, so that a square is no simplex (Papyan et al. 2020)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| angles::equiangle(&statistics.w_raw()?.transpose(), "row of W"),
    },
    Family {
        name: "equiangle-means",
        summary: "the same of μ_c − μ_G",
        trajectory: false,
        vanishes: true,
        compute: |statistics| angles::equiangle(statistics.h_centred()?, "centred class mean"),
    },
    Family {
        name: "nc3-distance",
        summary: "‖Wᵀ/‖W‖ − H̄/‖H̄‖‖², W not centred (Papyan et al. 2020)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| Ok(compat::squared_distance(&statistics.w_raw()?.transpose(), statistics.h_centred()?)),
    },
    Family {
        name: "nc2-frame",
        summary: "‖WWᵀ/‖WWᵀ‖ − I/√K‖, W not centred: 0 at an orthogonal frame (Tirer and Bruna 2022)",
        trajectory: false,
        vanishes: false,
        compute: |statistics| geometry::frame_distance(statistics.w_raw()?),
    },
    Family {
        name: "nc2-frame-means",
        summary: "the same of the class means, not centred: ‖MᵀM/‖MᵀM‖ − I/√K‖",
        trajectory: false,
        vanishes: false,
        compute: |statistics| geometry::frame_distance(&statistics.means_raw()?.transpose()),
    },
    Family {
        name: "nc3-frame",
        summary: "‖WM/‖WM‖ − I/√K‖, M the class means, nothing centred: 0 at an orthogonal frame",
        trajectory: false,
        vanishes: false,
        compute: |statistics| geometry::frame_duality(statistics.w_raw()?, &statistics.means_raw()?),
    },
    Family {
        name: "gram-misfit-w",
        summary: "min ‖WWᵀ − aP − bJ/K‖/‖WWᵀ‖: 0 at every simplex and orthogonal frame and between them",
        trajectory: false,
        vanishes: true,
        compute: |statistics| geometry::gram_misfit(statistics.w_raw()?),
    },
    Family {
        name: "gram-misfit-means",
        summary: "the same of the class means, not centred",
        trajectory: false,
        vanishes: true,
        compute: |statistics| geometry::gram_misfit(&statistics.means_raw()?.transpose()),
    },
    Family {
        name: "gnc2-energy-w",
        summary: "hyperspherical uniformity: mean over pairs of log(1/‖ŵ_c − ŵ_c'‖) less a simplex's, the least there is (Liu et al. 2023)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| angles::energy(&statistics.w_raw()?.transpose(), "row of W"),
    },
    Family {
        name: "gnc2-energy-means",
        summary: "the same of μ_c − μ_G",
        trajectory: false,
        vanishes: true,
        compute: |statistics| angles::energy(statistics.h_centred()?, "centred class mean"),
    },
    Family {
        name: "gnc2-spread-w",
        summary: "standard deviation over pairs of log‖ŵ_c − ŵ_c'‖: 0 where all are equally far apart",
        trajectory: false,
        vanishes: true,
        compute: |statistics| angles::spread(&statistics.w_raw()?.transpose(), "row of W"),
    },
    Family {
        name: "gnc2-spread-means",
        summary: "the same of μ_c − μ_G (Wu and Papyan 2024)",
        trajectory: false,
        vanishes: true,
        compute: |statistics| angles::spread(statistics.h_centred()?, "centred class mean"),
    },
    Family {
        name: "gnc3-dissimilarity",
        summary: "mean over classes of 1 − cos ∠(w_c, μ_c − μ_G) (Jiang et al. 2024)",
        trajectory: false,
        vanishes: true,
        compute: angles::dissimilarity,
    },
    Family {
        name: "gnc3-uniform-duality",
        summary: "standard deviation over mean of cos ∠(w_c, μ_c − μ_G): 0 where all classes are aligned alike (Wu and Papyan 2024)",
        trajectory: false,
        vanishes: true,
        compute: angles::similarity_variation,
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

/// Multiply-adds of one matrix of logits above which [`LARGE`] alone is computed: every other metric walks over all logits, or decomposes large matrices, on one thread.
const WORK_MAX: f64 = 5e10;
/// Most classes, for the same reason: several metrics form K×K matrices.
const CLASSES_MAX: usize = 4000;
/// What is computed however large a point is.
const LARGE: &str = "nc4";

/// Every metric of a point; of a very large one nc4, and the others are undefined with that reason. `shape` carries its labels.
pub fn all(point: &Point, shape: &Shape) -> Metrics {
    if !is_large(shape) {
        return compute(point, shape, |_| true);
    }
    let mut metrics = trajectory(point, shape);
    let left_out = ALL.iter().filter(|family| family.name != LARGE);
    let reason = || format!("not computed above {CLASSES_MAX} classes or where K·d·N is above {WORK_MAX:.0e}");
    metrics.undefined.extend(left_out.map(|family| (family.name.to_owned(), reason())));
    metrics
}

/// Whether most metrics would take minutes.
fn is_large(shape: &Shape) -> bool {
    let work = shape.classes() as f64 * shape.width() as f64 * shape.columns() as f64;
    shape.classes() > CLASSES_MAX || !(work <= WORK_MAX)
}

/// The metrics that trajectories record: nc1, nc2, nc3, nc4; of a very large point nc4 alone.
pub fn trajectory(point: &Point, shape: &Shape) -> Metrics {
    let large = is_large(shape);
    compute(point, shape, |family| if large { family.name == LARGE } else { family.trajectory })
}

/// min_i p_{y_i}, p = softmax(Wh_i + b): the smallest probability that a sample gives its own class. `None` at a point that is not finite, or very large.
pub fn least_probability(point: &Point, shape: &Shape) -> Option<f64> {
    let finite = point.as_slice().iter().all(|x| x.is_finite());
    (finite && !is_large(shape)).then(|| decision::least_probability(point, shape)).filter(|p| p.is_finite())
}

fn compute(point: &Point, shape: &Shape, wanted: impl Fn(&Family) -> bool) -> Metrics {
    if !point.as_slice().iter().all(|x| x.is_finite()) {
        return evaluate(Err("the point is not finite".into()), wanted);
    }
    let features = point.features(shape);
    let basis = match Basis::new(point.w().into_owned(), point.b().to_vec(), shape, point.class_means(shape)) {
        Ok(basis) => basis,
        Err(reason) => return evaluate(Err(reason), wanted),
    };
    let all = ALL.iter().all(&wanted);
    let mut pass = basis.second_pass(Asked { decisions: all, ..Asked::default() });
    pass.push(&features);
    let found = pass.finish();
    basis.metrics(found, wanted)
}

/// The values that exist, and the reasons of the others.
fn evaluate(statistics: Result<&Statistics, String>, wanted: impl Fn(&Family) -> bool) -> Metrics {
    let mut metrics = Metrics::default();
    for family in ALL.iter().filter(|family| wanted(family)) {
        let value = statistics.clone().and_then(family.compute);
        match value {
            Ok(value) if value.is_finite() => drop(metrics.values.insert(family.name.into(), value)),
            Ok(value) => drop(metrics.undefined.insert(family.name.into(), format!("it evaluates to {value}: out of range"))),
            Err(reason) => drop(metrics.undefined.insert(family.name.into(), reason)),
        }
    }
    metrics
}
