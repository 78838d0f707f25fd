//! What the figures of shapes in the plane, of conditioning and of the kin models take as evidence, and what they refuse.

use super::super::fixture::quickstart;
use super::super::fixture_plane::plane;
use super::*;

#[test]
fn minima_in_the_plane_lie_on_their_curves_or_are_called_another_shape() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = plane(folder.path());
    let figure = by_name("narrow-shapes").unwrap();
    let kinds = |data: &RunData| -> Vec<(String, String)> {
        let drawing = (figure.draw)(data).unwrap();
        let cells = drawing.csv.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        cells.filter(|cells| cells[2] == "minimum").map(|cells| (cells[0].clone(), cells[3].clone())).collect()
    };
    let pair = |classes: &str, corners: &str| (classes.to_owned(), corners.to_owned());
    let found = kinds(&data);
    assert_eq!(found.iter().filter(|kind| **kind == pair("6", "6")).count(), 3, "{found:?}");
    assert_eq!(found.iter().filter(|kind| **kind == pair("6", "5")).count(), 3, "{found:?}");
    data.records[0].value *= 1.0 + 1e-6;
    assert!(kinds(&data).iter().any(|(_, corners)| corners.is_empty()));
    let note = (figure.draw)(&data).unwrap().note;
    assert!(note.contains("change places at ε = 0.00"), "{note}");
    data.records.iter_mut().for_each(|record| record.width = 3);
    assert!((figure.draw)(&data).unwrap_err().contains("d = 3"));
}

#[test]
fn curves_and_dots_of_conditioning_are_of_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    let data = quickstart(folder.path());
    let drawing = (by_name("conditioning").unwrap().draw)(&data).unwrap();
    // Cross-entropy and label smoothing, each with a dot a panel; focal loss and MSE have no K p.
    let found: Vec<&str> = drawing.csv.lines().filter(|line| line.contains(",found,")).collect();
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().all(|line| line.starts_with("cross-entropy") || line.starts_with("label smoothing")), "{found:?}");
    let mut focal = data;
    focal.records.retain(|record| record.loss == "focal");
    assert!((by_name("conditioning").unwrap().draw)(&focal).unwrap_err().contains("cross-entropy"));
}

#[test]
fn points_on_the_spheres_need_their_values() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = quickstart(folder.path());
    let figure = by_name("sphere-minimum").unwrap();
    let drawing = (figure.draw)(&data).unwrap();
    assert_eq!(drawing.csv.lines().filter(|line| line.contains(",point,")).count(), 4 * 3);
    data.records.iter_mut().for_each(|record| record.width = 2);
    assert!((figure.draw)(&data).unwrap_err().contains("d < K − 1"));
    data.records.iter_mut().for_each(|record| _ = record.metrics.remove("sphere-loss-3"));
    assert!((figure.draw)(&data).unwrap_err().contains("spheres"));
}

/// The curves of deep linear heads hold nothing of a run: they are alike for all, and refused where no record has the loss they are stated for.
#[test]
fn deep_heads_are_closed_curves_of_cross_entropy() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = quickstart(folder.path());
    let figure = by_name("deep-collapse").unwrap();
    let drawing = (figure.draw)(&data).unwrap();
    let rows: Vec<Vec<f64>> =
        drawing.csv.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    for row in &rows {
        let &[factors, classes, decay, ratio] = row.as_slice() else { panic!("{row:?}") };
        // L = 1: collapse wins. K ≥ 6 at L = 2, K ≥ 4 above: low rank does, up to where both are zero.
        if factors < 1.5 {
            assert!(ratio >= 1.0 - 1e-12, "{row:?}");
        } else if factors > 2.5 || classes > 5.0 {
            assert!(ratio <= 1.0 + 1e-12, "{row:?}");
        } else {
            assert!((decay < 0.012) == (ratio > 1.0) || (0.011..0.014).contains(&decay) || ratio > 0.999, "{row:?}");
        }
    }
    data.records.truncate(3);
    assert_eq!((figure.draw)(&data).unwrap(), drawing);
    data.records.iter_mut().for_each(|record| record.loss = "mse".into());
    assert!((figure.draw)(&data).unwrap_err().contains("cross-entropy"));
}
