//! The smallest classes merge when the decays are large.

use super::evidence::place;
use super::hypotheses::FULL_WIDTH;
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};
use crate::record::{PerClass, Record, problem_of};
use crate::theory::minority_collapse_size;

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "minority-collapse",
    title: "The smallest classes merge where c_L √n_B/N ≤ μ",
    source: "named by Fang et al. 2021; the boundary for any sizes and any bias derived in `theory/imbalance.rs`",
    statement: "At the global minimum two or more classes of the smallest size n_B share their classifier and their class mean if and only if c_L √n_B/N ≤ μ = √(λ_W λ_H), for d ≥ K and any bias; c_L = 1 for cross-entropy and BCE, 1 − α for label smoothing, M for MSE with κ = 1.",
    refuted_by: "a global minimum at which two classes coincide below the boundary, or all differ beyond it",
    scenario: "minority",
    figures: &["minority-phases"],
    hypotheses: &[KNOWN_SLOPE, FULL_WIDTH, SHARED_SIZE, OFF_BOUNDARY],
    check: Check::Each(check),
    planted: |records, _| records.iter_mut().for_each(swap_phase),
};

/// Relative distance of μ from the boundary below which a case is not judged.
///
/// Across the boundary the curvature that holds two classes together (or drives them apart) is μ|1 − σ/μ| for λ_W = λ_H, and the gate lets a gradient of 1e-10 (μ + λ_W‖W‖ + λ_H‖H‖) pass: at a
/// relative distance η the classes lie within 1e-10 (1 + ‖W‖ + ‖H‖)/η of their place, which is [`MERGED`] for η = 1e-3 and norms of a few hundred; and beyond it they are √η apart.
const NEAREST: f64 = 1e-3;
/// Separation up to which two classes count as merged.
const MERGED: f64 = 1e-5;

/// The slope of the loss where two logits agree does not depend on the point.
const KNOWN_SLOPE: Hypothesis = Hypothesis {
    name: "cross-entropy, label smoothing, BCE or MSE with κ = 1",
    holds: |subject| {
        // At the width K, so that the width is no reason here.
        let mut problem = subject.problem()?;
        problem.shape = problem.shape.at_width(problem.shape.classes());
        minority_collapse_size(&problem).map(drop).map_err(|reason| reason.to_string())
    },
    breaks: |record| {
        record.loss = "focal".into();
        record.loss_params = [("gamma".to_owned(), 2.0)].into();
    },
};

/// There is a pair to merge, and no smaller class that may vanish alone.
const SHARED_SIZE: Hypothesis = Hypothesis {
    name: "at least two classes of the smallest size",
    holds: |subject| match &subject.settings().per_class {
        PerClass::Balanced(_) => Ok(()),
        PerClass::Imbalanced(sizes) => {
            let least = sizes.iter().min();
            if sizes.iter().filter(|size| Some(*size) == least).count() >= 2 { Ok(()) } else { Err(format!("n_k = {sizes:?}")) }
        }
    },
    breaks: |record| record.per_class = PerClass::Imbalanced((1..=record.classes).collect()),
};

/// On the boundary the Hessian is degenerate and positions are known to the root of the gradient's rounding only.
const OFF_BOUNDARY: Hypothesis = Hypothesis {
    name: "μ off the boundary by a relative 1e-3",
    holds: |subject| {
        let ratio = ratio(subject.settings())?;
        if (ratio - 1.0).abs() >= NEAREST { Ok(()) } else { Err(format!("c_L √n_B/(Nμ) = {ratio}")) }
    },
    breaks: |record| {
        if let (Ok(ratio), Some(w), Some(h)) = (ratio(record), record.decay_w, record.decay_h) {
            (record.decay_w, record.decay_h) = (Some(w * ratio), Some(h * ratio));
        }
    },
};

/// c_L √n_B/(Nμ) for the smallest classes: above 1 they differ, below they merge. (The size up to which classes merge is (Nμ/c_L)².)
fn ratio(record: &Record) -> Result<f64, String> {
    let mut problem = problem_of(record)?;
    problem.shape = problem.shape.at_width(problem.shape.classes());
    let size = minority_collapse_size(&problem).map_err(|reason| reason.to_string())?;
    let least = problem.shape.class_sizes().iter().min().copied().unwrap_or(0);
    Ok((least as f64 / size).sqrt())
}

/// The least separation of two classes. At W = H = 0 all have merged, and there is no scale to measure it by.
fn separation(record: &Record) -> Option<f64> {
    if record.rank == Some(0) { Some(0.0) } else { record.metrics.get("class-separation").copied() }
}

fn check(subject: &Subject<'_>) -> Judgement {
    const MEASURED: &str = "separation of two classes that should have merged; ∞ where classes merge that should differ";
    let ratio = match ratio(subject.settings()) {
        Ok(ratio) => ratio,
        Err(reason) => return Judgement::not_applicable(MEASURED, reason),
    };
    let mut tally = Tally::new(MEASURED, MERGED);
    for record in subject.decided("global-minimum") {
        let found = separation(record).unwrap_or(f64::NAN);
        let tell = || format!("{}: c_L √n_B/(Nμ) = {ratio:.6}, separation {found:.3e}", place(record));
        if ratio < 1.0 {
            tally.add(found, tell);
        } else {
            tally.add(if found > MERGED { 0.0 } else { f64::INFINITY }, tell);
        }
    }
    tally.judge("no global minimum was found")
}

/// Merged becomes apart, and apart merged.
fn swap_phase(record: &mut Record) {
    let merged = separation(record).is_some_and(|found| found <= MERGED);
    record.rank = record.rank.filter(|&rank| rank > 0).or(Some(1));
    record.metrics.insert("class-separation".into(), if merged { 0.5 } else { 0.0 });
}
