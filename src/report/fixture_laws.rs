//! A run as the scenarios of minority collapse, SELI and flow laws leave it, for the tests of their figures.

use std::path::Path;

use super::RunData;
use super::fixture::{bare, quickstart};
use crate::record::{FlowRow, PerClass, Record, TrajectoryRow};

/// The figures that draw it.
pub(super) const FIGURES: [&str; 3] = ["minority-phases", "seli-approach", "flow-laws"];

/// All three in one run.
pub(super) fn laws(dir: &Path) -> RunData {
    let mut data = quickstart(dir);
    data.records = minority().into_iter().chain(seli()).chain(flow()).collect();
    data.trajectories = rows();
    (data.census, data.summary.figures) = (None, FIGURES.map(str::to_owned).into());
    data.escapes.clear();
    data.slices.clear();
    data
}

fn minimum(case: String, sizes: PerClass, mu: f64, bias: &str) -> Record {
    Record {
        per_class: sizes,
        bias: bias.into(),
        decay_w: Some(mu),
        decay_h: Some(mu),
        decay_b: (bias == "free").then_some(0.0),
        nature: Some("global-minimum".into()),
        standing: Some("numerical".into()),
        rank: Some(2),
        ..bare(&case, "cross-entropy", 0)
    }
}

/// Two large and two small classes, on both sides of √n_B/N = μ, n_B = 4, one of them on the wrong side.
fn minority() -> Vec<Record> {
    let mut records = Vec::new();
    for ratio in [1_usize, 2, 4, 8] {
        for mu in [0.015, 0.04, 0.09, 0.2] {
            let sizes = if ratio == 1 { PerClass::Balanced(4) } else { PerClass::Imbalanced(vec![4 * ratio, 4 * ratio, 4, 4]) };
            let mut record = minimum(format!("m{ratio}-{mu}"), sizes, mu, "none");
            let merged = (mu > 2.0 / (8.0 * (ratio as f64 + 1.0))) != (ratio == 8 && mu > 0.1);
            record.metrics.insert("class-separation".into(), if merged { 1e-16 } else { 0.4 + 0.5 / ratio as f64 });
            records.push(record);
        }
    }
    records
}

/// Without a bias and with a free one.
fn seli() -> Vec<Record> {
    let mut records = Vec::new();
    for bias in ["none", "free"] {
        for ell in [8.0_f64, 12.0, 16.0, 24.0] {
            let sizes = PerClass::Imbalanced(vec![10, 10, 2, 2]);
            let mut record = minimum(format!("s{bias}-{ell}"), sizes, (-ell).exp(), bias);
            let distance = if bias == "none" { 0.565 / ell } else { 0.13 - 0.1 / ell };
            record.metrics =
                [("seli-distance", distance), ("seli-logits", 1.33 * distance)].map(|(id, x)| (id.to_owned(), x)).into();
            records.push(record);
        }
    }
    records
}

/// A flow from anywhere (start 0) and one on the ETF ray (start 1), of a loss with and one without a law for 1ᵀW.
fn flow() -> Vec<Record> {
    let one = |loss: &str, start: usize| {
        let record = minimum(format!("f-{loss}"), PerClass::Balanced(3), 5e-3, "none");
        Record { loss: loss.into(), start_index: start, nature: Some("not-critical".into()), ..record }
    };
    vec![one("cross-entropy", 0), one("cross-entropy", 1), one("mse", 0)]
}

fn rows() -> Vec<TrajectoryRow> {
    let mut rows = Vec::new();
    for (case, start) in [("f-cross-entropy", 0), ("f-cross-entropy", 1), ("f-mse", 0)] {
        for step in 0..80_u64 {
            let time = 4.0 * step as f64;
            let shrunk = |rate: f64| (-rate * time).exp();
            let flow = match start {
                0 => FlowRow {
                    mean_classifier: [if case == "f-mse" { 2.0 } else { 3.0 * shrunk(5e-3) }, 1e-13],
                    imbalance: [12.0 * shrunk(1e-2), 1e-14],
                    norm_w: 3.0,
                    norm_h: 3.5,
                    error: 1e-10 * (1.0 + time),
                },
                _ => FlowRow { mean_classifier: [0.0, 0.0], imbalance: [0.1, 0.0], norm_w: 0.4, norm_h: 0.3, error: 1e-10 },
            };
            let metrics = ["nc1", "nc2", "nc3", "nc4"].map(|id| (id.to_owned(), if start == 1 { 1e-15 } else { 0.2 }));
            rows.push(TrajectoryRow {
                case: case.into(),
                start_index: start,
                step,
                time: Some(time),
                value: 1.0,
                gradient_norm: 0.1,
                gradient_norm_scaled: 0.1,
                metrics: metrics.into(),
                dual_ratio: None,
                lower_bound: None,
                flow: Some(flow),
            });
        }
    }
    rows
}
