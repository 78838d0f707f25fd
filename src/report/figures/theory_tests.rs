//! The figures of closed forms: each draws its curve through planted records, shows a record that is off it, and says why where nothing fits.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::data::RunData;
use super::super::fixture::{bare, quickstart};
use super::tests::{check, keep};
use super::*;
use crate::losses;
use crate::model::{Bias, Decay};
use crate::record::{PerClass, Record};
use crate::theory::{Balanced, focal_stationary, focal_window, gram_distance};

/// A balanced problem with n = 3.
fn problem(loss: &str, parameters: &[f64], classes: usize, bias: Bias, epsilon: f64, decay_b: f64) -> Balanced {
    let family = losses::ALL.iter().find(|family| family.name == loss).unwrap();
    let mu = epsilon / 3.0_f64.sqrt();
    let decay = Decay { w: 1.5 * mu, h: mu / 1.5, b: decay_b };
    let loss = (family.build)(parameters);
    Balanced { classes, width: classes + 1, per_class: 3, bias, decay, loss, scale: 1.0 }
}

/// The record of a run that ended in the closed form's minimum.
fn planted(case: usize, problem: &Balanced) -> Record {
    let minimum = problem.minimum().unwrap();
    let mut metrics: BTreeMap<String, f64> =
        [("scale", minimum.scale), ("mean-part", minimum.mean_part), ("norm-w", minimum.norm_w), ("logit-misfit", 0.0)]
            .map(|(name, x)| (name.to_owned(), x))
            .into();
    if let Some(distance) = gram_distance(problem.classes, minimum.scale, minimum.mean_part) {
        metrics.insert("nc2-raw".into(), distance);
    }
    Record {
        classes: problem.classes,
        width: problem.width,
        per_class: PerClass::Balanced(3),
        loss_params: problem.loss.parameters().into_iter().collect(),
        decay_w: Some(problem.decay.w),
        decay_h: Some(problem.decay.h),
        decay_b: (problem.bias != Bias::None).then_some(problem.decay.b),
        bias: problem.bias.name().into(),
        epsilon: Some(problem.epsilon()),
        value: minimum.value,
        rank: Some(minimum.rank),
        metrics,
        nature: Some("global-minimum".into()),
        standing: Some("numerical".into()),
        ..bare(&format!("case{case}"), problem.loss.name(), 0)
    }
}

/// A run with these records.
fn run(records: Vec<Record>) -> RunData {
    let mut data = quickstart(tempfile::tempdir().unwrap().path());
    data.records = records;
    data.trajectories.clear();
    data.census = None;
    data
}

fn planted_run(problems: &[Balanced]) -> RunData {
    run(problems.iter().enumerate().map(|(case, problem)| planted(case, problem)).collect())
}

/// The figure's picture and table, with the laws that every figure obeys.
fn drawn(name: &str, data: &RunData) -> Drawing {
    let figure = by_name(name).unwrap();
    let drawing = (figure.draw)(data).unwrap_or_else(|reason| panic!("{name}: {reason}"));
    check(name, &drawing);
    assert_eq!(drawing, (figure.draw)(data).unwrap(), "{name}");
    keep(&format!("planted-{name}"), &drawing);
    drawing
}

fn refused(name: &str, data: &RunData) -> String {
    (by_name(name).unwrap().draw)(data).expect_err(name)
}

/// The cells of the rows in which some column holds `kind`, as (header → cell).
fn rows(drawing: &Drawing, kind: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = drawing.csv.lines().map(cells);
    let head = lines.next().unwrap();
    let rows = lines.map(|row| head.iter().cloned().zip(row).collect::<BTreeMap<String, String>>());
    rows.filter(|row| row.get("kind").is_some_and(|found| found == kind)).collect()
}

/// A line of CSV whose quoted cells hold no quotes.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    for (i, part) in line.split('"').enumerate() {
        for (k, piece) in part.split(',').enumerate() {
            if k > 0 && i % 2 == 0 {
                cells.push(String::new());
            } else if k > 0 {
                cells.last_mut().unwrap().push(',');
            }
            cells.last_mut().unwrap().push_str(piece);
        }
    }
    cells
}

/// The largest distance in the figure's note, of a quantity.
fn deviation(drawing: &Drawing, quantity: &str) -> f64 {
    let (_, after) = drawing.note.split_once("its curve: ").unwrap_or_else(|| panic!("{}", drawing.note));
    let part = after.split([',', ';']).map(str::trim).find(|part| part.starts_with(quantity)).unwrap();
    part.rsplit(' ').next().unwrap().trim_end_matches('.').replace('−', "-").parse().unwrap()
}

const LOSSES: [(&str, &[f64]); 5] =
    [("cross-entropy", &[]), ("label-smoothing", &[0.2]), ("focal", &[2.0]), ("mse", &[1.0, 1.0]), ("bce", &[])];

#[test]
fn balanced_minima_lie_on_their_curves_and_a_wrong_one_is_measured() {
    let epsilons = [0.02, 0.1, 0.19, 0.21, 0.24, 0.26, 0.3];
    let problems: Vec<Balanced> = LOSSES
        .iter()
        .flat_map(|(loss, parameters)| epsilons.map(|epsilon| problem(loss, parameters, 4, Bias::Free, epsilon, 0.0)))
        .collect();
    let mut data = planted_run(&problems);
    let drawing = drawn("balanced-minimum", &data);
    assert_eq!(rows(&drawing, "found").len(), 3 * problems.len());
    for quantity in ["scale", "value", "norm-w"] {
        assert!(deviation(&drawing, quantity) <= 1e-14, "{}", drawing.note);
    }
    assert!(
        drawing.note.contains("cross-entropy 0.25") && drawing.note.contains("label smoothing α = 0.2 0.2"),
        "{}",
        drawing.note
    );
    // One edge a loss and panel, all of them inside.
    assert_eq!(rows(&drawing, "zero-phase edge").len(), 3 * LOSSES.len());
    data.records[3].value *= 1.01;
    let worst = deviation(&drawn("balanced-minimum", &data), "value");
    assert!((worst - 0.01 * data.records[3].value / 1.01 / 1.386_294).abs() <= 1e-4, "{worst}");
    // Without the metrics the value remains.
    data.records.iter_mut().for_each(|record| record.metrics.clear());
    assert_eq!(rows(&drawn("balanced-minimum", &data), "found").len(), problems.len());
    let reason = refused("balanced-minimum", &planted_run(&problems[..1]));
    assert!(reason.contains("decay.epsilon"), "{reason}");
}

#[test]
fn smoothing_is_one_curve_and_another_value_leaves_it() {
    let problems: Vec<Balanced> = [0.0, 0.05, 0.3]
        .into_iter()
        .flat_map(|alpha| {
            [1e-3, 0.01, 0.1, 0.25].map(|epsilon| match alpha {
                0.0 => problem("cross-entropy", &[], 5, Bias::Free, epsilon, 0.0),
                _ => problem("label-smoothing", &[alpha], 5, Bias::Free, epsilon, 0.0),
            })
        })
        .collect();
    let mut data = planted_run(&problems);
    let residuals = |data: &RunData| {
        let numbers =
            rows(&drawn("smoothing", data), "residual").iter().map(|row| row["value"].parse().unwrap()).collect::<Vec<f64>>();
        assert_eq!(numbers.len(), 2 * data.records.len());
        numbers.into_iter().fold(0.0, f64::max)
    };
    assert!(residuals(&data) <= 1e-14);
    data.records[6].value *= 1.0 + 1e-6;
    assert!((residuals(&data) - 1e-6).abs() <= 1e-9);
    assert!(refused("smoothing", &planted_run(&problems[..4])).contains("label-smoothing"));
}

#[test]
fn the_contrast_of_every_loss_has_its_argmin_where_the_minimum_is() {
    let problems: Vec<Balanced> =
        LOSSES.iter().map(|(loss, parameters)| problem(loss, parameters, 4, Bias::Free, 0.05, 0.0)).collect();
    let data = planted_run(&problems);
    let drawing = drawn("contrast", &data);
    for (loss, row) in problems.iter().zip(rows(&drawing, "found")) {
        let minimum = loss.minimum().unwrap();
        let number = |name: &str| row[name].parse::<f64>().unwrap();
        assert!((number("t") + 3.0 * minimum.scale).abs() <= 1e-12, "{row:?}");
        // No point of the curve lies lower.
        let curve = rows(&drawing, "closed form");
        let same = curve.iter().filter(|point| point["loss"] == row["loss"] && point["c"] == row["c"]);
        let lowest = same.map(|point| point["objective_minus_phi_zero"].parse::<f64>().unwrap()).fold(f64::INFINITY, f64::min);
        let height = number("objective_minus_phi_zero");
        assert!(height <= lowest + 1e-12 && height >= lowest - 1e-2, "{row:?}: {lowest}");
    }
    assert_eq!(rows(&drawing, "found").len(), LOSSES.len());
    // Without a bias MSE's and BCE's points are on no curve.
    let without: Vec<Balanced> =
        LOSSES.iter().map(|(loss, parameters)| problem(loss, parameters, 4, Bias::None, 0.05, 0.0)).collect();
    assert_eq!(rows(&drawn("contrast", &planted_run(&without)), "found").len(), 3);
}

#[test]
fn the_tie_of_the_focal_loss_has_two_equal_minima() {
    let window = focal_window(60, 3.0).unwrap();
    let simplex = problem("focal", &[3.0], 60, Bias::None, window.transition * (1.0 - 1e-12), 0.0);
    let mut origin = planted(0, &simplex);
    origin.start_index = 1;
    origin.value = focal_stationary(60, 3.0, 0.0).value;
    origin.rank = Some(0);
    origin.metrics.insert("scale".into(), 0.0);
    let data = run(vec![planted(0, &simplex), origin]);
    let drawing = drawn("contrast", &data);
    let found = rows(&drawing, "found");
    let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse::<f64>().unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().all(|row| row["label"].contains("tie") && number(row, "objective_minus_phi_zero").abs() <= 1e-9),
        "{found:?}"
    );
    assert!(number(&found[0], "t") < -59.0 && number(&found[1], "t").abs() <= 1e-12, "{found:?}");
}

/// Records on both branches at several ε.
fn bistable(classes: usize, gamma: f64) -> Vec<Record> {
    let window = focal_window(classes, gamma).unwrap();
    let zero = focal_stationary(classes, gamma, 0.0).value;
    let mut records = Vec::new();
    for (i, part) in [-0.5, 0.2, 0.5, 0.9].into_iter().enumerate() {
        let epsilon = window.zero_stable_from + part * (window.simplex_stable_to - window.zero_stable_from);
        let own = problem("focal", &[gamma], classes, Bias::None, epsilon, 0.0);
        let simplex = crate::theory::Contrast::new(&own.loss, classes).unwrap().minima(epsilon).unwrap()[0];
        let mut near = Record {
            rank: Some(classes - 1),
            start: "near-etf".into(),
            value: simplex.value,
            start_index: 1,
            ..planted(i, &own)
        };
        near.metrics.insert("scale".into(), simplex.scale);
        let nature = |global: bool| Some(if global { "global-minimum" } else { "local-minimum" }.to_owned());
        near.nature = nature(epsilon < window.transition);
        let mut origin = Record { start: "origin".into(), value: zero, rank: Some(0), ..planted(i, &own) };
        origin.metrics.insert("scale".into(), 0.0);
        origin.nature = if part < 0.0 { Some("strict-saddle".into()) } else { nature(epsilon > window.transition) };
        records.extend([origin, near]);
    }
    records
}

#[test]
fn focal_branches_go_through_what_starts_from_both_ends_find() {
    let mut data = run(bistable(60, 3.0));
    let drawing = drawn("focal-hysteresis", &data);
    assert_eq!(rows(&drawing, "found").len(), 8);
    let branch = rows(&drawing, "simplex branch");
    let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse::<f64>().unwrap();
    for dot in rows(&drawing, "found").iter().filter(|dot| dot["start"] == "near-etf") {
        let near = |row: &&BTreeMap<String, String>| {
            (number(row, "epsilon") / number(dot, "epsilon") - 1.0).abs() < 2e-2
                && (number(row, "scale") - number(dot, "scale")).abs() < 2e-2
        };
        assert!(branch.iter().any(|row| near(&row) && row["stable"] == "true"), "{dot:?}");
    }
    // The two parts of the branch share the fold, and its ε is the window's edge.
    let fold = branch.iter().filter(|row| row["stable"] == "true").map(|row| number(row, "epsilon")).fold(0.0, f64::max);
    assert!((fold / focal_window(60, 3.0).unwrap().simplex_stable_to - 1.0).abs() <= 1e-4, "{fold}");
    // Points that are not symmetric are counted, not drawn.
    data.records[1].metrics.insert("logit-misfit".into(), 0.1);
    let drawing = drawn("focal-hysteresis", &data);
    assert!(rows(&drawing, "found").len() == 7 && drawing.note.starts_with('1'), "{}", drawing.note);
    let few = planted_run(&[problem("focal", &[3.0], 10, Bias::None, 0.01, 0.0)]);
    assert!(refused("focal-hysteresis", &few).contains("1/p_c"));
}

#[test]
fn the_convexity_edge_names_the_first_numbers_of_classes() {
    let data = run(bistable(40, 3.0));
    let drawing = drawn("convexity-edge", &data);
    let first: Vec<String> = rows(&drawing, "named").iter().map(|row| row["first_k"].clone()).collect();
    assert_eq!(first, ["57", "24", "18", "18", "20", "29"]);
    let most = &rows(&drawing, "maximum")[0];
    assert!(most["p_c"].starts_with("0.05844443") && most["gamma"].starts_with("2.38"), "{most:?}");
    // Of the four cases two have W = H = 0 as a local minimum above the simplex.
    assert_eq!(rows(&drawing, "case").iter().filter(|row| row["spurious"] == "yes").count(), 2);
    assert!(drawing.note.is_empty(), "{}", drawing.note);
    let mut wrong = data.clone();
    wrong.records.iter_mut().for_each(|record| record.classes = 10);
    assert!(
        drawn("convexity-edge", &wrong).note.contains("contradict"),
        "a planted spurious minimum below the curve is reported"
    );
    assert!(refused("convexity-edge", &planted_run(&[problem("mse", &[1.0, 1.0], 4, Bias::Free, 0.05, 0.0)])).contains("focal"));
}

#[test]
fn the_frame_of_mse_appears_at_its_threshold() {
    let problems: Vec<Balanced> =
        [0.01, 0.1, 0.24, 0.26, 0.5, 4.0].map(|b| problem("mse", &[1.0, 1.0], 4, Bias::Decayed, 0.05, b)).into();
    let mut data = planted_run(&problems);
    let drawing = drawn("mse-frame", &data);
    let edge: f64 = rows(&drawing, "transition")[0]["decay_b"].parse().unwrap();
    assert!((edge - 0.25).abs() <= 1e-12);
    for quantity in ["scale", "mean-part", "rank", "nc2-raw"] {
        assert!(deviation(&drawing, quantity) <= 1e-14, "{}", drawing.note);
    }
    data.records[4].rank = Some(3);
    assert!((deviation(&drawn("mse-frame", &data), "rank") - 0.25).abs() <= 1e-9);
    let free: Vec<Balanced> = [0.05, 0.1].map(|epsilon| problem("mse", &[1.0, 1.0], 4, Bias::Free, epsilon, 0.0)).into();
    assert!(refused("mse-frame", &planted_run(&free)).contains("not decayed"));
}

#[test]
fn bce_without_a_bias_passes_through_its_phases() {
    let problems: Vec<Balanced> = [3, 4, 5, 6]
        .into_iter()
        .flat_map(|classes| [0.02, 0.1, 0.2, 0.28, 0.36].map(|epsilon| problem("bce", &[], classes, Bias::None, epsilon, 0.0)))
        .collect();
    let mut data = planted_run(&problems);
    let drawing = drawn("bce-phases", &data);
    for quantity in ["scale", "mean-part", "rank"] {
        assert!(deviation(&drawing, quantity) <= 1e-12, "{}", drawing.note);
    }
    assert_eq!(rows(&drawing, "phase edge").len(), 7, "two, one, two and two edges");
    data.records[0].metrics.insert("mean-part".into(), 0.0);
    assert!(deviation(&drawn("bce-phases", &data), "mean-part") > 0.1);
    let free: Vec<Balanced> = [0.05, 0.1].map(|epsilon| problem("bce", &[], 4, Bias::Free, epsilon, 0.0)).into();
    assert!(refused("bce-phases", &planted_run(&free)).contains("without a bias"));
}

/// What a run of another program, or of an older version, may lack.
#[test]
fn imbalance_and_missing_numbers_give_reasons() {
    let mut data = planted_run(&[
        problem("focal", &[3.0], 60, Bias::None, 0.0195, 0.0),
        problem("focal", &[3.0], 60, Bias::None, 0.019, 0.0),
    ]);
    data.records.iter_mut().for_each(|record| record.per_class = PerClass::Imbalanced((1..=60).collect()));
    for name in ["balanced-minimum", "smoothing", "contrast", "focal-hysteresis", "convexity-edge", "mse-frame", "bce-phases"] {
        assert!(refused(name, &data).contains("balanced"), "{name}: {}", refused(name, &data));
    }
    assert!(!Path::new(&data.dir).exists());
}
