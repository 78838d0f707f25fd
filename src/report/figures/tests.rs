//! Laws that every figure obeys.

use std::collections::BTreeSet;

use super::super::fixture::{bare, quickstart};
use super::super::fixture_laws::{self, laws};
use super::super::fixture_plane::{self, plane};
use super::super::fixture_widths::{self, widths};
use super::*;

#[test]
fn names_are_unique_and_every_figure_explains_itself() {
    for (i, figure) in ALL.iter().enumerate() {
        assert!(ALL[..i].iter().all(|other| other.name != figure.name), "{}", figure.name);
        assert!(!figure.summary.is_empty() && figure.caption.len() > 100, "{}", figure.name);
        assert_eq!(by_name(figure.name).map(|found| found.name), Some(figure.name));
    }
}

/// Figures that need a sweep or a setting that the quickstart does not have; `theory_tests` and their own tests draw them.
const SWEPT: &[&str] = &["balanced-minimum", "smoothing", "focal-hysteresis", "focal-bistability", "mse-frame", "bce-phases"];

/// Every figure that the quickstart has no data for, in the order of the family.
pub(in crate::report) fn drawn_elsewhere() -> Vec<&'static str> {
    let lists = [SWEPT, &fixture_widths::FIGURES[..], &fixture_laws::FIGURES[..], fixture_plane::FIGURES];
    ALL.iter().map(|figure| figure.name).filter(|name| lists.iter().any(|list| list.contains(name))).collect()
}

#[test]
fn a_full_run_draws_every_figure_twice_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (quick, swept, of_laws) = (quickstart(folder.path()), widths(folder.path()), laws(folder.path()));
    let plane = plane(folder.path());
    for figure in ALL {
        let data = match figure.name {
            name if fixture_widths::FIGURES.contains(&name) => &swept,
            name if fixture_laws::FIGURES.contains(&name) => &of_laws,
            name if fixture_plane::FIGURES.contains(&name) => &plane,
            _ => &quick,
        };
        if SWEPT.contains(&figure.name) {
            assert!((figure.draw)(data).is_err(), "{}", figure.name);
            continue;
        }
        let drawing = (figure.draw)(data).unwrap_or_else(|reason| panic!("{}: {reason}", figure.name));
        check(figure.name, &drawing);
        assert_eq!(drawing, (figure.draw)(data).unwrap(), "{}", figure.name);
        keep(figure.name, &drawing);
    }
}

/// Where UFM_KEEP_FIGURES names a folder, the pictures are left there to be looked at.
pub(super) fn keep(name: &str, drawing: &Drawing) {
    if let Ok(folder) = std::env::var("UFM_KEEP_FIGURES") {
        std::fs::write(format!("{folder}/{name}.svg"), &drawing.svg).unwrap();
    }
}

/// Nothing that is not a number, no cell without its column, no text that ends a tag.
pub(super) fn check(name: &str, drawing: &Drawing) {
    for word in ["NaN", "inf", "null"] {
        assert!(!drawing.svg.contains(word) && !drawing.csv.contains(word), "{name} holds {word}");
    }
    let columns = drawing.csv.lines().next().unwrap().split(',').count();
    assert!(drawing.csv.lines().count() > 1, "{name}");
    let unquoted = |line: &str| line.split('"').step_by(2).map(|part| part.matches(',').count()).sum::<usize>() + 1;
    assert!(drawing.csv.lines().all(|line| unquoted(line) == columns), "{name}: {}", drawing.csv);
    assert!(drawing.svg.starts_with("<svg") && drawing.svg.ends_with("</svg>\n"), "{name}");
    assert!(!drawing.svg.contains("<script"), "{name}");
}

#[test]
fn records_without_numbers_give_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = quickstart(folder.path());
    data.records = vec![bare("a", "custom", 0)];
    data.trajectories.clear();
    data.census = None;
    data.escapes.clear();
    data.slices.clear();
    for figure in ALL {
        let reason = (figure.draw)(&data).expect_err(figure.name);
        assert!(reason.len() > 10, "{}: {reason}", figure.name);
    }
    data.records.clear();
    for figure in ALL {
        assert!((figure.draw)(&data).is_err(), "{}", figure.name);
    }
}

#[test]
fn figures_that_read_trajectories_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut reading = BTreeSet::new();
    for data in [quickstart(folder.path()), widths(folder.path()), laws(folder.path())] {
        let mut without = data.clone();
        without.trajectories.clear();
        reading.extend(ALL.iter().filter(|figure| (figure.draw)(&data) != (figure.draw)(&without)).map(|figure| figure.name));
    }
    // Those that no fixture draws read nothing that is drawn.
    let named: BTreeSet<&str> = OF_TRAJECTORIES.into();
    assert!(reading.is_subset(&named), "{reading:?}");
    assert!(named.is_subset(&reading), "{reading:?}");
}

#[test]
fn planted_nan_and_hostile_names_do_not_reach_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    for data in [quickstart(folder.path()), widths(folder.path()), laws(folder.path())] {
        hostile(data);
    }
    // Of a loss that is known, too.
    let mut data = laws(folder.path());
    for record in data.records.iter_mut().step_by(3) {
        record.value = f64::NAN;
        record.metrics.values_mut().for_each(|x| *x = f64::NAN);
    }
    for flow in data.trajectories.iter_mut().skip(1).step_by(4).filter_map(|row| row.flow.as_mut()) {
        (flow.mean_classifier, flow.norm_w) = ([f64::NAN, f64::INFINITY], f64::NAN);
    }
    for name in fixture_laws::FIGURES {
        check(name, &(by_name(name).unwrap().draw)(&data).unwrap());
    }
}

/// Draws every figure of a run whose numbers and names mean harm.
fn hostile(mut data: RunData) {
    for record in &mut data.records {
        record.loss = "x</text><script>alert(1)</script>&,\"q\"".into();
        if record.start_index % 3 == 1 {
            record.value = f64::NAN;
            record.escape_curvature = Some(f64::INFINITY);
            record.closed_form_value = Some(f64::NAN);
            record.spectrum.iter_mut().flatten().for_each(|entry| entry.eigenvalue = f64::NAN);
        }
    }
    for row in data.trajectories.iter_mut().step_by(5) {
        row.value = f64::NAN;
        row.metrics.values_mut().for_each(|x| *x = f64::NEG_INFINITY);
        (row.dual_ratio, row.lower_bound) = (Some(f64::NAN), Some(f64::NEG_INFINITY));
    }
    for row in data.escapes.iter_mut().step_by(3) {
        row.path.iter_mut().step_by(4).for_each(|step| (step.value, step.gradient_norm) = (f64::NAN, f64::INFINITY));
        row.to_value = Some(f64::NAN);
    }
    let orbits = data.census.iter_mut().flat_map(|census| &mut census.cases).flat_map(|case| &mut case.orbits);
    for orbit in orbits.step_by(3) {
        orbit.value = f64::NAN;
        orbit.partition = Some("</text><script>,".into());
    }
    for slice in &mut data.slices {
        slice.values.iter_mut().step_by(3).for_each(|row| (row[0], row[1]) = (None, Some(f64::NAN)));
        slice.marks[1].value = f64::NAN;
    }
    for figure in ALL {
        if let Ok(drawing) = (figure.draw)(&data) {
            check(figure.name, &drawing);
        }
    }
}

#[test]
fn the_table_holds_what_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let data = quickstart(folder.path());
    let drawing = (by_name("value-index").unwrap().draw)(&data).unwrap();
    // Four orbits a loss; each row's value is a record's, to the last digit.
    assert_eq!(drawing.csv.lines().count(), 1 + 16);
    for line in drawing.csv.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let value: f64 = cells[cells.len() - 3].parse().unwrap();
        assert!(data.records.iter().any(|record| record.value.to_bits() == value.to_bits()), "{line}");
    }
    let marks = drawing.svg.matches("start ").count();
    assert_eq!(marks, 16, "one marker with its tooltip a row");

    let drawing = (by_name("spectrum").unwrap().draw)(&data).unwrap();
    let total: u64 = drawing.csv.lines().skip(1).map(|line| line.rsplit(',').nth(1).unwrap().parse::<u64>().unwrap()).sum();
    let cases = data.cases();
    let expected = cases.iter().flat_map(|case| case.groups()).flat_map(|group| group.record.spectrum.clone().unwrap());
    assert_eq!(total, expected.map(|entry| entry.multiplicity).sum::<u64>());
}

/// A real network's last layer: ten classes, single precision, C order, deflated.
#[test]
fn real_features_and_three_classes_make_gram_matrices() {
    let data_dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/data");
    let mut data = quickstart(tempfile::tempdir().unwrap().path());
    data.dir = data_dir;
    data.records = ["cross-entropy", "mse"]
        .map(|loss| crate::record::Record { point: Some(format!("digits-{loss}.npz")), ..bare(loss, loss, 0) })
        .into();
    let gram = by_name("gram").unwrap();
    let drawing = (gram.draw)(&data).unwrap();
    check("gram", &drawing);
    assert_eq!(drawing.csv.lines().count(), 1 + 2 * 3 * 100);
    keep("gram-10", &drawing);

    let folder = tempfile::tempdir().unwrap();
    let shape = crate::model::Shape::new(2, &[8, 4, 2]).unwrap();
    let entries =
        (0..shape.dimension(crate::model::Bias::None)).map(|i| if i < 6 { [1.0, -0.5, -0.5, 0.0, 0.9, -0.9][i] } else { 0.0 });
    let mut point = crate::model::Point::from_vec(&shape, crate::model::Bias::None, entries.collect());
    for (i, &label) in shape.labels().iter().enumerate() {
        for a in 0..2 {
            point.h_mut()[(a, i)] = point.w()[(label, a)] + 0.05 * ((3 * i + a) as f64).sin();
        }
    }
    crate::record::npz::write(&folder.path().join("p.npz"), &point, Some(shape.labels()), &Default::default()).unwrap();
    data.dir = folder.path().to_owned();
    data.records = vec![crate::record::Record { point: Some("p.npz".into()), ..bare("a", "bce", 0) }];
    let drawing = (gram.draw)(&data).unwrap();
    check("gram", &drawing);
    keep("gram-3", &drawing);

    data.records[0].point = Some("absent.npz".into());
    assert!((gram.draw)(&data).unwrap_err().contains("absent.npz"));
}
