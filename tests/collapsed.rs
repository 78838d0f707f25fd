//! Collapsed problems against the expanded ones whose features agree within classes: every number is the same, up to a billion samples.

use std::collections::BTreeMap;

use ufm::losses::{ALL, Loss};
use ufm::metrics;
use ufm::model::{Bias, Decay, Point, Shape, same_orbit, stabiliser_size};
use ufm::numeric::{gaussian, stream};
use ufm::objective::{Objective, Problem, lower_bound, residual_spectrum};
use ufm::spectra::{Level, Limits, SpectrumLevel, at_critical, at_point, etf_spectrum};

fn losses() -> Vec<Loss> {
    let parameters = |name: &str| match name {
        "label-smoothing" => vec![0.1],
        "focal" => vec![2.0],
        "mse" => vec![2.0, 1.5],
        "poly-loss" => vec![0.5],
        "generalized-cross-entropy" => vec![0.7],
        "vector-scaling" => vec![0.5, 1.0],
        _ => vec![],
    };
    ALL.iter().map(|family| (family.build)(&parameters(family.name))).collect()
}

/// Every loss × bias mode × class sizes, collapsed and expanded.
fn pairs(width: usize) -> Vec<(Problem, Problem)> {
    let mut pairs = Vec::new();
    for loss in losses() {
        for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.02)] {
            for sizes in [[5, 5, 5], [5, 1, 3]] {
                let problem = |shape| Problem {
                    shape,
                    bias,
                    decay: Decay { w: 0.01, h: 0.02, b },
                    loss: loss.for_sizes(&sizes),
                    scale: 0.7,
                };
                let expanded = Shape::new(width, &sizes).unwrap();
                pairs.push((problem(Shape::collapsed(width, &sizes.map(|n| n as u64)).unwrap()), problem(expanded)));
            }
        }
    }
    pairs
}

/// A collapsed point of normal entries, and the same with a column a sample.
fn points(collapsed: &Problem, expanded: &Problem, index: u64) -> (Point, Point) {
    let mut data = vec![0.0; collapsed.dimension()];
    gaussian(&mut stream(8, "collapsed tests", index), 1.0, &mut data);
    let x = Point::from_vec(&collapsed.shape, collapsed.bias, data);
    (x.clone(), expand(collapsed, expanded, &x))
}

fn expand(collapsed: &Problem, expanded: &Problem, x: &Point) -> Point {
    let width = collapsed.shape.width();
    let features = x.features(&collapsed.shape).into_owned();
    let h: Vec<f64> = expanded.shape.labels().iter().flat_map(|&k| features[k * width..(k + 1) * width].to_vec()).collect();
    let (w, _, b) = x.parts();
    Point::from_vec(&expanded.shape, expanded.bias, [w, &h, b].concat())
}

#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{what}: {found}, expected {expected}");
}

#[test]
fn every_number_is_that_of_the_expanded_problem() {
    for width in [2, 5] {
        for (i, (collapsed, expanded)) in pairs(width).iter().enumerate() {
            let (x, y) = points(collapsed, expanded, i as u64);
            let (mut small, mut large) = (Objective::new(collapsed), Objective::new(expanded));
            near(small.value(&x), large.value(&y), "value");
            let norm = |objective: &mut Objective<'_>, x: &Point| {
                let mut gradient = vec![0.0; x.as_slice().len()];
                let value = objective.value_gradient(x, &mut gradient);
                (value, gradient.iter().map(|g| g * g).sum::<f64>().sqrt())
            };
            let ((value, gradient), (value_there, gradient_there)) = (norm(&mut small, &x), norm(&mut large, &y));
            near(value, value_there, "value with gradient");
            near(gradient, gradient_there, "gradient norm");
            let (g, g_there) = (residual_spectrum(&mut small, &x), residual_spectrum(&mut large, &y));
            for (a, b) in g.singular_values.iter().zip(&g_there.singular_values) {
                near(*a, *b, "singular value of G");
            }
            near(g.centred_norm, g_there.centred_norm, "‖G − (G1)1ᵀ/N‖");
            let bounds = (lower_bound(&mut small, &x, &g), lower_bound(&mut large, &y, &g_there));
            assert_eq!(bounds.0.is_some(), bounds.1.is_some());
            near(bounds.0.unwrap_or(0.0), bounds.1.unwrap_or(0.0), "lower bound");
            let spectrum = |problem, x| at_point(problem, x, Level::Full, &Limits::default()).unwrap();
            let (here, there) = (spectrum(collapsed, &x), spectrum(expanded, &y));
            assert_eq!((here.index, here.nullity), (there.index, there.nullity), "{collapsed:?}");
            near(here.lambda_min, there.lambda_min, "λ_min");
            near(here.lambda_max, there.lambda_max, "λ_max");
            let (here, there) = (here.whole.unwrap().unwrap(), there.whole.unwrap().unwrap());
            assert_eq!(here.iter().map(|level| level.multiplicity).sum::<u64>(), expanded.dimension() as u64);
            assert_eq!(here.len(), there.len());
            for (a, b) in here.iter().zip(&there) {
                near(a.eigenvalue, b.eigenvalue, "eigenvalue");
                assert_eq!(a.multiplicity, b.multiplicity);
            }
        }
    }
}

/// The Hessian's product and the gradient belong to the isometric coordinates: they are those of the expanded problem along class-constant directions.
#[test]
fn products_and_gradients_are_restrictions() {
    for (i, (collapsed, expanded)) in pairs(4).iter().enumerate() {
        let (x, y) = points(collapsed, expanded, 100 + i as u64);
        let (v, v_there) = points(collapsed, expanded, 200 + i as u64);
        let (u, u_there) = points(collapsed, expanded, 300 + i as u64);
        let along = |problem: &Problem, x: &Point, u: &Point, v: &Point| {
            let (mut image, mut gradient) = (vec![0.0; problem.dimension()], vec![0.0; problem.dimension()]);
            let mut objective = Objective::new(problem);
            objective.hessian_product(x, v.as_slice(), &mut image);
            objective.value_gradient(x, &mut gradient);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            (dot(u.as_slice(), &image), dot(u.as_slice(), &gradient), dot(u.as_slice(), v.as_slice()))
        };
        let (here, there) = (along(collapsed, &x, &u, &v), along(expanded, &y, &u_there, &v_there));
        near(here.0, there.0, "uᵀ∇²f v");
        near(here.1, there.1, "uᵀ∇f");
        near(here.2, there.2, "uᵀv");
    }
}

#[test]
fn metrics_and_orbits_are_those_of_the_expanded_problem() {
    for (i, (collapsed, expanded)) in pairs(4).iter().enumerate().take(6) {
        let (x, y) = points(collapsed, expanded, 400 + i as u64);
        let (here, there) = (metrics::all(&x, &collapsed.shape), metrics::all(&y, &expanded.shape));
        assert_eq!(here.undefined, there.undefined);
        for (name, value) in &here.values {
            near(*value, there.values[name], name);
        }
        near(here.values["nc1"], 0.0, "nc1");
        assert_eq!(stabiliser_size(&collapsed.shape, &x, 1e-9), stabiliser_size(&expanded.shape, &y, 1e-9));
        let mut other = x.clone();
        other.h_mut()[(0, 0)] += 1e-3;
        assert!(same_orbit(&collapsed.shape, &x, &x, 1e-9) && !same_orbit(&collapsed.shape, &x, &other, 1e-9));
    }
}

/// Several columns of a class: their scatter counts with multiplicity.
#[test]
fn scatter_within_classes_is_weighed() {
    let collapsed = Shape::with_multiplicities(2, 3, vec![0, 1, 0, 1], &[2, 1, 3, 4]).unwrap();
    let expanded = Shape::with_labels(2, 3, vec![0, 0, 1, 0, 0, 0, 1, 1, 1, 1]).unwrap();
    let column = [0, 0, 1, 2, 2, 2, 3, 3, 3, 3];
    let mut data = vec![0.0; 6 + 12];
    gaussian(&mut stream(9, "collapsed tests", 0), 1.0, &mut data);
    let w = nalgebra::DMatrix::from_column_slice(2, 3, &data[..6]);
    let h = nalgebra::DMatrix::from_column_slice(3, 4, &data[6..]);
    let whole = nalgebra::DMatrix::from_fn(3, 10, |a, i| h[(a, column[i])]);
    let x = Point::from_arrays(&collapsed, &w, &h, None).unwrap();
    let y = Point::from_arrays(&expanded, &w, &whole, None).unwrap();
    let values = |x, shape| -> BTreeMap<String, f64> { metrics::all(x, shape).values };
    let (here, there) = (values(&x, &collapsed), values(&y, &expanded));
    assert!(here["nc1"] > 0.1);
    here.iter().for_each(|(name, value)| near(*value, there[name], name));
    let decay = Decay { w: 0.03, h: 0.01, b: 0.0 };
    let problem =
        |shape: &Shape| Problem { shape: shape.clone(), bias: Bias::None, decay, loss: losses().swap_remove(0), scale: 1.0 };
    let (here, there) = (problem(&collapsed), problem(&expanded));
    near(Objective::new(&here).value(&x), Objective::new(&there).value(&y), "value");
    let spectrum = |problem, x| at_point(problem, x, Level::Full, &Limits::default()).unwrap();
    let (here, there) = (spectrum(&here, &x), spectrum(&there, &y));
    assert_eq!((here.index, here.nullity), (there.index, there.nullity));
    // Where only some samples of a class share a feature, the two forms call the same eigenvalue within-class or core.
    let all = |levels: Vec<SpectrumLevel>| -> Vec<f64> {
        let mut all: Vec<f64> =
            levels.iter().flat_map(|level| std::iter::repeat_n(level.eigenvalue, level.multiplicity as usize)).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (here, there) = (all(here.whole.unwrap().unwrap()), all(there.whole.unwrap().unwrap()));
    assert_eq!(here.len(), there.len());
    here.iter().zip(&there).for_each(|(a, b)| near(*a, *b, "eigenvalue"));
}

/// From one start on, n = 10⁹ takes the way of n = 1: the same steps to the same value, and the spectrum is the closed form's.
#[test]
fn a_billion_samples_a_class_are_as_cheap_as_one() {
    use ufm::critical::{Candidate, gate};
    use ufm::solvers::{SolverSpec, Stop, minimise};
    use ufm::starts::{StartSpec, expand};
    use ufm::theory::{Balanced, balanced_minimum};
    for loss in losses() {
        for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 0.02)] {
            let mut steps = Vec::new();
            for n in [1_u64, 1_000_000_000, 1_000_000_000_000] {
                let shape = Shape::collapsed(5, &[n; 4]).unwrap();
                let mu = 0.02 / (n as f64).sqrt();
                let problem =
                    Problem { shape, bias, decay: Decay { w: 2.0 * mu, h: 0.5 * mu, b }, loss: loss.clone(), scale: 1.0 };
                let start = &expand(&[StartSpec::Gaussian { count: 1, scale: 1.0, seed: 4 }], &problem)[0];
                let point = start.point(&problem).unwrap().unwrap();
                let solver = SolverSpec::TrustRegion { radius: 1.0 };
                let outcome = minimise(&problem, point, &solver, &Stop::default(), &mut |_, _| {});
                steps.push(outcome.steps);
                let critical = gate(&problem, Candidate { point: outcome.state.x, polish: true }).unwrap();
                let mut objective = Objective::new(&problem);
                let x = critical.point();
                let closed = balanced_minimum(&problem).unwrap();
                let value = objective.value(&x);
                assert!((value - closed.value).abs() <= 1e-12 * closed.value, "{problem:?}: {value} against {}", closed.value);
                let residual = residual_spectrum(&mut objective, &x);
                assert!((residual.norm() / problem.decay.mu() - 1.0).abs() < 1e-8);
                let spectrum = at_critical(&problem, &critical, &residual, Level::Full, &Limits::default()).unwrap();
                assert_eq!(spectrum.index.exact(), Some(0), "{problem:?}");
                assert_eq!(spectrum.nullity.exact(), Some(spectrum.nullity_symmetry), "{problem:?}");
                let whole = spectrum.whole.unwrap().unwrap();
                let balanced = Balanced::try_from(&problem).unwrap();
                let times: u128 = whole.iter().map(|level| u128::from(level.multiplicity)).sum();
                assert_eq!(times, balanced.dimension());
                // Where the minimum is a simplex ETF: below each midpoint of a gap there are as many eigenvalues as the closed form has.
                let Ok(closed) = etf_spectrum(&balanced) else { continue };
                let mut known: Vec<f64> = closed.iter().map(|level| level.eigenvalue).collect();
                known.sort_by(f64::total_cmp);
                let norm = known.last().unwrap().max(-known[0]);
                for pair in known.windows(2).filter(|pair| pair[1] - pair[0] > 1e-9 * norm) {
                    let middle = 0.5 * (pair[0] + pair[1]);
                    let predicted: u64 = closed.iter().filter(|l| l.eigenvalue < middle).map(|l| l.multiplicity).sum();
                    let found: u64 = whole.iter().filter(|l| l.eigenvalue < middle).map(|l| l.multiplicity).sum();
                    assert_eq!(found, predicted, "{problem:?}: below {middle:e}");
                }
            }
            let most = steps.iter().max().unwrap() - steps.iter().min().unwrap();
            assert!(most <= 2, "{} {}: {steps:?}", loss.name(), bias.name());
        }
    }
}
