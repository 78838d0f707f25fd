//! What published code would print for the same features: each code's own conventions, evaluated in double precision and at the known rank.
//!
//! What is reproduced are formulas, which differ in what is centred, about which mean, and by what it is divided. What is not reproduced is rounding: single precision and pseudo-inverses with a default
//! cut-off made some of these codes print numbers that no formula has. `docs/metrics.md` sets the conventions side by side.

use std::collections::BTreeMap;

use nalgebra::DMatrix;

use super::angles::{distance_variance, equiangle, length_variation, spread};
use super::collapse::{distance_normalised, within_class_variability};
use super::decision::{decisions, mean_logit};
use super::geometry::{duality_distance, gram_distance};
use super::statistics::Statistics;

/// A published code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The name that `--compat` takes.
    pub name: &'static str,
    /// Where it is, and the paper it belongs to.
    pub source: &'static str,
}

/// Every code there is.
pub const CODES: &[Code] = &[
    Code { name: "nc_loss", source: "github.com/jinxinzhou/nc_loss, evaluate.py (Zhou et al. 2022)" },
    Code { name: "tding1", source: "github.com/tding1/Neural-Collapse, validate_NC.py (Zhu et al. 2021)" },
    Code { name: "papyan", source: "github.com/neuralcollapse/neuralcollapse, notebook (Papyan et al. 2020, Han et al. 2022)" },
    Code { name: "rhubarbwu", source: "github.com/rhubarbwu/neural-collapse, README and measure.py (Wu and Papyan 2024)" },
    Code { name: "cjyaras", source: "github.com/cjyaras/normalized-neural-collapse, generalized_model.py (Yaras et al. 2022)" },
];

/// One printed number.
#[derive(Clone, Debug, PartialEq)]
pub struct Compat {
    /// What that code calls it.
    pub name: &'static str,
    /// The formula, in this project's notation.
    pub formula: &'static str,
    /// The value, or why there is none.
    pub value: Result<f64, String>,
}

/// Everything that every code prints of a point.
pub(super) fn all(statistics: &Statistics) -> BTreeMap<&'static str, Vec<Compat>> {
    let found = [nc_loss(statistics), tding1(statistics), papyan(statistics), rhubarbwu(statistics), cjyaras(statistics)];
    CODES.iter().map(|code| code.name).zip(found).collect()
}

fn entry(name: &'static str, formula: &'static str, value: Result<f64, String>) -> Compat {
    let finite = |x: f64| if x.is_finite() { Ok(x) } else { Err(format!("it evaluates to {x}: out of range")) };
    Compat { name, formula, value: value.and_then(finite) }
}

fn nc_loss(statistics: &Statistics) -> Vec<Compat> {
    let centred = || statistics.w_centred();
    vec![
        entry("collapse_metric", "tr(Σ_W Σ_B†)/K", within_class_variability(statistics)),
        entry("ETF_metric", "‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖, W centred", centred().and_then(gram_distance)),
        entry(
            "WH_relation_metric",
            "‖WH̄/‖WH̄‖ − P/√(K−1)‖, W centred",
            centred().and_then(|w| duality_distance(w, statistics.h_centred()?)),
        ),
        entry("Wh_b_relation_metric", "‖Wμ_G + b‖", mean_logit(statistics)),
    ]
}

fn tding1(statistics: &Statistics) -> Vec<Compat> {
    let raw = || statistics.w_raw();
    vec![
        entry("collapse_metric", "tr(Σ_W Σ_B†)/K", within_class_variability(statistics)),
        entry("ETF_metric", "‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖, W as it is", raw().and_then(gram_distance)),
        entry(
            "WH_relation_metric",
            "‖WH̄/‖WH̄‖ − P/√(K−1)‖, W as it is",
            raw().and_then(|w| duality_distance(w, statistics.h_centred()?)),
        ),
        entry("Wh_b_relation_metric", "‖Wμ_G + b‖", mean_logit(statistics)),
    ]
}

/// This code takes the mean of the class means for μ_G.
fn papyan(statistics: &Statistics) -> Vec<Compat> {
    let classes = statistics.shape.classes() as f64;
    let rows = || statistics.w_raw().map(DMatrix::transpose);
    let means = || statistics.means_centred();
    let unbiased = |count: f64| count - 1.0;
    vec![
        entry(
            "Sw_invSb",
            "tr(Σ_W Σ_B†), Σ_B about the mean of the class means",
            trace_unweighted(statistics).map(|x| classes * x),
        ),
        entry("norm_M_CoV", "std/mean of ‖μ_c − μ̄‖, std with K − 1", means().map(|means| length_variation(&means, unbiased))),
        entry("norm_W_CoV", "std/mean of ‖w_c‖, std with K − 1", rows().map(|rows| length_variation(&rows, unbiased))),
        entry(
            "W_M_dist",
            "‖Wᵀ/‖W‖ − M̄/‖M̄‖‖², M̄ the class means about their mean",
            rows().and_then(|rows| Ok(squared_distance(&rows, &means()?))),
        ),
        entry("cos_M", "mean |cos ∠(μ_c − μ̄, μ_c' − μ̄) + 1/(K−1)|", means().and_then(|means| equiangle(&means, "class mean"))),
        entry("cos_W", "mean |cos ∠(w_c, w_c') + 1/(K−1)|", rows().and_then(|rows| equiangle(&rows, "row of W"))),
        entry(
            "NCC_mismatch",
            "share decided otherwise than by the nearest class mean, the first of ties",
            decisions(statistics).map(|found| found.disagreements_strict as f64 / statistics.shape.samples() as f64),
        ),
    ]
}

/// This code takes the mean of the class means for μ_G, and decides without the bias. The quantities are those that its README collects.
fn rhubarbwu(statistics: &Statistics) -> Vec<Compat> {
    let means = || statistics.means_centred();
    vec![
        entry(
            "nc1_pinv",
            "tr(Σ_W Σ_B†)/K, Σ_B about the mean of the class means (nc1_svd is the same)",
            trace_unweighted(statistics),
        ),
        entry("nc1_quot", "tr Σ_W/tr Σ_B, Σ_B about the mean of the class means", ratio_unweighted(statistics)),
        entry("nc1_cdnv", "mean over pairs of (Var_c + Var_c')/(2‖μ_c − μ_c'‖²)", distance_normalised(statistics)),
        entry("nc2_etf_err", "‖H̄ᵀH̄/‖H̄ᵀH̄‖ − P/√(K−1)‖", means().and_then(|means| gram_distance(&means.transpose()))),
        entry(
            "nc2g_dist",
            "variance over pairs of ‖ĥ_c − ĥ_c'‖, ĥ the directions of the columns of H̄",
            means().and_then(|means| distance_variance(&means, "class mean")),
        ),
        entry(
            "nc2g_log",
            "variance over pairs of log‖ĥ_c − ĥ_c'‖",
            means().and_then(|means| Ok(spread(&means, "class mean")?.powi(2))),
        ),
        entry(
            "nc3_dual_err",
            "‖WH̄/‖WH̄‖ − P/√(K−1)‖, W as it is",
            statistics.w_raw().and_then(|w| duality_distance(w, &means()?)),
        ),
        entry(
            "nc3u_uni_dual",
            "variance (with K − 1) of ⟨w_c, μ_c − μ̄⟩",
            means().map(|means| duality_variance(statistics, &means)),
        ),
        entry(
            "nc4_agree",
            "share decided as by the nearest class mean, without the bias",
            decisions(statistics).map(|found| 1.0 - found.disagreements_unbiased as f64 / statistics.shape.samples() as f64),
        ),
    ]
}

/// The variance of ⟨w_c, μ_c − μ̄⟩, of `means` with largest entry 1.
fn duality_variance(statistics: &Statistics, means: &DMatrix<f64>) -> f64 {
    let scale = statistics.unweighted_scale();
    let products: Vec<f64> = (0..means.ncols()).map(|k| scale * statistics.w.row(k).transpose().dot(&means.column(k))).collect();
    let count = products.len() as f64;
    let mean = products.iter().sum::<f64>() / count;
    products.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0)
}

fn cjyaras(statistics: &Statistics) -> Vec<Compat> {
    let raw = || statistics.w_raw();
    vec![
        entry("nc1", "tr(Σ_W Σ_B†)/K", within_class_variability(statistics)),
        entry("nc2", "‖WWᵀ/‖WWᵀ‖ − P/√(K−1)‖, W as it is", raw().and_then(gram_distance)),
        entry(
            "nc3",
            "‖WM/‖WM‖ − P/√(K−1)‖, M the class means, nothing centred",
            raw().and_then(|w| duality_distance(w, &statistics.means_raw()?)),
        ),
    ]
}

/// tr(Σ_W Σ_B†)/K, Σ_B about the mean of the class means.
fn trace_unweighted(statistics: &Statistics) -> Result<f64, String> {
    statistics.within()?.trace_unweighted.clone()
}

/// tr Σ_W/tr Σ_B, Σ_B about the mean of the class means.
fn ratio_unweighted(statistics: &Statistics) -> Result<f64, String> {
    let within = statistics.within()?;
    let units = statistics.unweighted_scale() / within.scale;
    let between = statistics.means_centred()?.norm_squared() * units * units / statistics.shape.classes() as f64;
    Ok(within.scatter.iter().sum::<f64>() / statistics.shape.samples() as f64 / between)
}

/// ‖A/‖A‖ − B/‖B‖‖²_F.
pub(super) fn squared_distance(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    (a / a.norm() - b / b.norm()).norm_squared()
}
