//! What a problem is called and how it is written down changes nothing: every number of a record that should not move does not, within the `resolution` it states; the others move exactly as
//! they must.
//!
//! Over all losses and biases, at minima, saddles, and points that are not critical.

use std::collections::BTreeMap;
use std::sync::Arc;

use nalgebra::DMatrix;
use ufm::critical::Candidate;
use ufm::losses::{ALL, Custom, Loss};
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::numeric::{gaussian, stream};
use ufm::objective::Problem;
use ufm::record::{Count, Record};
use ufm::solvers::{SolverSpec, Stop, minimise};
use ufm::spectra::{Level, Limits};
use ufm::study::{alone, assess};

/// Every loss, with parameters in its ordinary range, and one of the user's own.
fn losses() -> Vec<Loss> {
    let parameters = |name: &str| match name {
        "label-smoothing" => vec![0.1],
        "focal" => vec![2.0],
        "mse" => vec![1.5, 2.0],
        "poly-loss" => vec![1.0],
        "generalized-cross-entropy" => vec![0.5],
        "vector-scaling" => vec![0.5, 1.0],
        _ => vec![],
    };
    let texts = BTreeMap::from([("ell".to_owned(), "-log(p) + 0.5*q^2".to_owned())]);
    let own = Loss::Custom(Arc::new(Custom::new(&texts, &BTreeMap::new()).unwrap()));
    ALL.iter().map(|family| (family.build)(&parameters(family.name))).chain([own]).collect()
}

/// A problem and points of it: a minimum, a saddle of rank 1, the origin, and one that was drawn.
fn subjects(loss: &Loss, bias: Bias) -> Vec<(Problem, Point)> {
    let shape = Shape::with_labels(3, 4, vec![0, 1, 2, 0, 1, 2, 2]).unwrap();
    let decay = Decay { w: 0.02, h: 0.01, b: if bias == Bias::Decayed { 0.05 } else { 0.0 } };
    let loss = loss.for_sizes(shape.class_sizes());
    let problem = Problem { shape, bias, decay, loss, scale: 1.0 };
    if problem.unsupported().is_some() {
        return vec![];
    }
    let drawn = |width: usize| {
        let narrow = problem.at_width(width);
        let mut point = Point::zeros(&narrow.shape, bias);
        gaussian(&mut stream(5, "invariance", width as u64), 0.7, point.as_mut_slice());
        point
    };
    let ended = |width: usize| {
        let stop = Stop { steps_max: 2000, ..Stop::default() };
        let found = minimise(&problem.at_width(width), drawn(width), &SolverSpec::Lbfgs { memory: 10 }, &stop, &mut |_, _| {});
        found.state.x.embed(&DMatrix::identity(4, width))
    };
    let points = [ended(4), ended(1), ended(0), drawn(4)];
    points.into_iter().map(|point| (problem.clone(), point)).collect()
}

fn record(problem: &Problem, point: &Point) -> Record {
    let candidate = Candidate { point: point.clone(), polish: true };
    alone(problem, &assess(problem, candidate, Level::Inertia, &Limits::default(), false))
}

/// What a change of the problem does to a record.
#[derive(Clone, Copy)]
struct Change {
    /// Factor of f, its bounds and its gradient.
    value: f64,
    /// Factor of eigenvalues; `None`: they move otherwise.
    eigenvalues: Option<f64>,
    /// What is added to index, nullity and its explained part.
    counts: [u64; 3],
    /// Whether the gradient's norm moves with the value.
    gradient: bool,
    /// Metrics that the change is allowed to move.
    moves: &'static [&'static str],
}

const NOTHING: Change = Change { value: 1.0, eigenvalues: Some(1.0), counts: [0; 3], gradient: true, moves: &[] };

fn near(a: Option<f64>, b: Option<f64>, allowed: f64, what: &str) -> Result<(), String> {
    match (a, b) {
        (None, None) => Ok(()),
        (Some(a), Some(b)) if (a - b).abs() <= allowed => Ok(()),
        _ => Err(format!("{what}: {a:?} became {b:?}, allowed ±{allowed:.1e}")),
    }
}

/// Whether `after` is what the change makes of `before`.
fn moved_as(before: &Record, after: &Record, change: Change) -> Result<(), String> {
    let size = before.value.abs();
    near(Some(before.value * change.value), Some(after.value), 1e-11 * size * change.value, "value")?;
    let text = |of: fn(&Record) -> &Option<String>| match (of(before), of(after)) {
        (a, b) if a == b => Ok(()),
        (a, b) => Err(format!("{a:?} became {b:?}")),
    };
    text(|record| &record.nature)?;
    text(|record| &record.standing)?;
    text(|record| &record.lower_bound_kind)?;
    if before.rank != after.rank || before.degenerate != after.degenerate {
        return Err(format!(
            "rank {:?} → {:?}, degenerate {:?} → {:?}",
            before.rank, after.rank, before.degenerate, after.degenerate
        ));
    }
    // Of a convex loss the bound is a smooth function of the point; the points agree to the root of rounding.
    near(before.dual_ratio, after.dual_ratio, 1e-8 * before.dual_ratio.unwrap_or(1.0).max(1.0), "dual_ratio")?;
    near(before.lower_bound.map(|x| x * change.value), after.lower_bound, 1e-8 * size * change.value, "lower_bound")?;
    if before.nature.as_deref() == Some("not-critical") && change.gradient {
        let norm = before.gradient_norm;
        near(Some(norm * change.value), Some(after.gradient_norm), 1e-9 * norm * change.value, "gradient_norm")?;
    }
    let count = |count: &Option<Count>| match count {
        Some(Count::Exact(n)) => Some(*n),
        _ => None,
    };
    let counts = |record: &Record| [count(&record.index), count(&record.nullity), record.nullity_symmetry];
    for ((a, b), (more, what)) in
        counts(before).iter().zip(counts(after)).zip(change.counts.iter().zip(["index", "nullity", "symmetry"]))
    {
        if a.map(|a| a + more) != b {
            return Err(format!("{what}: {a:?} became {b:?}, not {more} more"));
        }
    }
    if let Some(factor) = change.eigenvalues {
        let resolution = before.resolution.unwrap_or(0.0) * factor + after.resolution.unwrap_or(0.0);
        // The eigenvalue itself is given to 1e-10 of the largest where points agree to 1e-11.
        let allowed = resolution + 1e-9 * factor * before.lambda_max.unwrap_or(0.0).abs();
        let scaled = |x: Option<f64>| x.map(|x| factor * x);
        near(scaled(before.lambda_min), after.lambda_min, allowed, "lambda_min")?;
        near(scaled(before.lambda_min_transverse), after.lambda_min_transverse, allowed, "lambda_min_transverse")?;
        near(scaled(before.lambda_max), after.lambda_max, allowed, "lambda_max")?;
        near(scaled(before.escape_curvature), after.escape_curvature, allowed, "escape_curvature")?;
    }
    for (id, &value) in before.metrics.iter().filter(|(id, _)| !change.moves.contains(&id.as_str())) {
        near(Some(value), after.metrics.get(id).copied(), 1e-6 * (1.0 + value.abs()), id)?;
    }
    Ok(())
}

/// Every loss, bias and point under a change; the change says what became of the problem and what should have become of the record.
fn law(name: &str, change: impl Fn(&Problem, &Point, &Record) -> Option<(Problem, Point, Change)>) {
    let (mut cases, mut broken) = (0, Vec::new());
    for loss in losses() {
        for bias in [Bias::None, Bias::Free, Bias::Decayed] {
            for (number, (problem, point)) in subjects(&loss, bias).into_iter().enumerate() {
                let before = record(&problem, &point);
                let Some((changed, moved, expected)) = change(&problem, &point, &before) else { continue };
                let after = record(&changed, &moved);
                cases += 1;
                if let Err(what) = moved_as(&before, &after, expected) {
                    broken.push(format!("{loss} {bias:?} point {number} ({:?}): {what}", before.nature));
                }
            }
        }
    }
    assert!(cases > 40, "{name}: {cases} cases");
    assert!(broken.is_empty(), "{name}: {} of {cases}\n{}", broken.len(), broken.join("\n"));
}

fn rotation(width: usize) -> DMatrix<f64> {
    let mut entries = vec![0.0; width * width];
    gaussian(&mut stream(6, "rotation", 0), 1.0, &mut entries);
    DMatrix::from_vec(width, width, entries).qr().q()
}

#[test]
fn rotating_the_features_changes_nothing() {
    law("rotation", |problem, point, _| Some((problem.clone(), point.embed(&rotation(4)), NOTHING)));
}

#[test]
fn renaming_the_classes_changes_nothing() {
    law("classes", |problem, point, _| {
        let to = [2, 0, 1];
        let labels = problem.shape.labels().iter().map(|&label| to[label]).collect();
        let shape = Shape::with_labels(3, 4, labels).unwrap();
        let loss = problem.loss.for_sizes(shape.class_sizes());
        let mut moved = point.clone();
        for (class, &new) in to.iter().enumerate() {
            moved.w_mut().row_mut(new).copy_from(&point.w().row(class));
            if let Some(b) = moved.b_mut().get_mut(new) {
                *b = point.b()[class];
            }
        }
        Some((Problem { shape, loss, ..problem.clone() }, moved, NOTHING))
    });
}

#[test]
fn reordering_the_samples_changes_nothing() {
    law("samples", |problem, point, _| {
        let from = [6, 2, 4, 0, 5, 1, 3];
        let labels = from.iter().map(|&i| problem.shape.labels()[i]).collect();
        let shape = Shape::with_labels(3, 4, labels).unwrap();
        let mut moved = point.clone();
        from.iter().enumerate().for_each(|(at, &i)| moved.h_mut().column_mut(at).copy_from(&point.h().column(i)));
        Some((Problem { shape, ..problem.clone() }, moved, NOTHING))
    });
}

/// c·L with decays c·λ is c·f: values and eigenvalues times c, everything else as it was. At c = 2^±500 the squares of all numbers leave the doubles.
#[test]
fn the_unit_of_the_loss_scales_values_and_eigenvalues_alone() {
    for factor in [0.37, 1e3, 1e-9, 2.0_f64.powi(-500), 2.0_f64.powi(500)] {
        law("scale", |problem, point, _| {
            let Decay { w, h, b } = problem.decay;
            let decay = Decay { w: factor * w, h: factor * h, b: factor * b };
            let scaled = Problem { decay, scale: factor * problem.scale, ..problem.clone() };
            Some((scaled, point.clone(), Change { value: factor, eigenvalues: Some(factor), ..NOTHING }))
        });
    }
}

/// Two zero dimensions more: each adds #{σ_j(G) > μ} to the index and r to the nullity, all explained.
#[test]
fn padding_the_width_adds_what_the_free_dimensions_hold() {
    law("padding", |problem, point, before| {
        let (Some(rank), Some(Count::Exact(index))) = (before.rank, &before.index) else { return None };
        // From the record alone: a point of width r has the index inside, one of width 4 that of 4 − r free dimensions more.
        let narrow = record(&problem.at_width(rank.max(1)), &narrowed(point, rank.max(1))?);
        let Some(Count::Exact(inner)) = narrow.index else { return None };
        let free = 4 - rank.max(1) as u64;
        if free == 0 {
            return None;
        }
        let each = (index - inner) / free;
        let wide = problem.at_width(6);
        let moved = point.embed(&DMatrix::identity(6, 4));
        let counts = [2 * each, 2 * rank as u64, 2 * rank as u64];
        // Extreme eigenvalues are those of the same matrices, but for a point without a free dimension so far.
        let eigenvalues = (rank < 4).then_some(1.0);
        Some((wide, moved, Change { counts, eigenvalues, ..NOTHING }))
    });
}

/// The point in `width` dimensions that hold it, where it has so few.
fn narrowed(point: &Point, width: usize) -> Option<Point> {
    let found = point.w().into_owned().svd(false, true);
    let v_t = found.v_t?;
    let frame = v_t.rows(0, width).transpose();
    Some(Point::from_blocks(&(point.w() * &frame), &(frame.transpose() * point.h()), point.b()))
}

/// Every sample twice, with half the decay of its features: f is the same function of (W, h, b). Eigenvalues of the features' directions halve, so that only their signs are compared.
#[test]
fn samples_that_are_doubled_count_half() {
    law("doubling", |problem, point, before| {
        if !problem.loss.function().convex() && before.rank.is_some() {
            // Directions within a pair of samples may be negative: more eigenvalues, not the same.
            return None;
        }
        let labels: Vec<usize> = problem.shape.labels().iter().flat_map(|&label| [label; 2]).collect();
        let shape = Shape::with_labels(3, 4, labels).unwrap();
        let decay = Decay { h: 0.5 * problem.decay.h, ..problem.decay };
        let doubled = Problem { shape, decay, ..problem.clone() };
        let mut moved = Point::zeros(&doubled.shape, doubled.bias);
        moved.w_mut().copy_from(&point.w());
        (0..14).for_each(|i| moved.h_mut().column_mut(i).copy_from(&point.h().column(i / 2)));
        moved.b_mut().copy_from_slice(point.b());
        Some((doubled, moved, Change { eigenvalues: None, gradient: false, ..NOTHING }))
    });
}

/// One column for two samples, or two columns: the same problem written down in two ways, every number the same.
#[test]
fn a_column_for_two_samples_is_two_columns() {
    law("multiplicity", |problem, point, before| {
        let _ = before;
        let labels = problem.shape.labels().to_vec();
        let shape = Shape::with_multiplicities(3, 4, labels, &[1; 7]).unwrap();
        Some((Problem { shape, ..problem.clone() }, point.clone(), NOTHING))
    });
}

/// A change that does move numbers is seen.
#[test]
fn a_planted_change_is_caught() {
    let (problem, point) = subjects(&losses()[0], Bias::None).swap_remove(0);
    let before = record(&problem, &point);
    assert!(moved_as(&before, &before, NOTHING).is_ok());
    let mut tilted = point.clone();
    tilted.w_mut()[(0, 0)] += 1e-3;
    let unpolished = assess(&problem, Candidate { point: tilted, polish: false }, Level::Inertia, &Limits::default(), false);
    assert!(moved_as(&before, &alone(&problem, &unpolished), NOTHING).is_err());
    for change in [
        Change { value: 1.0 + 1e-9, ..NOTHING },
        Change { counts: [1, 0, 0], ..NOTHING },
        Change { counts: [0, 1, 0], ..NOTHING },
    ] {
        assert!(moved_as(&before, &before, change).is_err());
    }
}
