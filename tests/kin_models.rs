//! The kin models that the program has no solver for, minimised here: deep linear factors, and features on spheres. Their closed forms are met from random starts, and low rank lies below deep collapse.
//! Polygons in the plane are critical points of the objective, and have the values that were found before.

use nalgebra::DMatrix;
use proptest::prelude::*;
use ufm::critical::GradientNorm;
use ufm::losses;
use ufm::model::{Bias, Decay, Shape};
use ufm::numeric::{gaussian, stream};
use ufm::objective::{Objective, Problem};
use ufm::theory::{Balanced, DeepLinear, polygon, polygon_crossing, sphere_minimum};

/// CE of the logits, one sample a class, and its slopes.
fn cross_entropy(logits: &DMatrix<f64>) -> (f64, DMatrix<f64>) {
    let classes = logits.ncols() as f64;
    let mut slopes = logits.clone();
    let mut total = 0.0;
    for (k, mut column) in slopes.column_iter_mut().enumerate() {
        let top = column[k];
        let others: f64 = (0..column.len()).filter(|&j| j != k).map(|j| (column[j] - top).exp()).sum();
        total += others.ln_1p();
        for j in 0..column.len() {
            column[j] = if j == k { -others } else { (column[j] - top).exp() } / (1.0 + others) / classes;
        }
    }
    (total / classes, slopes)
}

/// A value with its gradient.
type Slope = (f64, Vec<f64>);

/// A descent by L-BFGS (memory 20) with backtracking, until the gradient is below `enough` or the value stands still: the value and the place.
fn descend(mut x: Vec<f64>, f: &dyn Fn(&[f64]) -> Slope, enough: f64) -> (f64, Vec<f64>) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (mut value, mut slope) = f(&x);
    let mut pairs: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let mut still = 0;
    for _ in 0..20_000 {
        if dot(&slope, &slope).sqrt() <= enough {
            break;
        }
        let mut way = slope.clone();
        let mut weights = Vec::new();
        for (s, y) in pairs.iter().rev() {
            let weight = dot(s, &way) / dot(s, y);
            way.iter_mut().zip(y).for_each(|(w, y)| *w -= weight * y);
            weights.push(weight);
        }
        if let Some((s, y)) = pairs.last() {
            let size = dot(s, y) / dot(y, y);
            way.iter_mut().for_each(|w| *w *= size);
        }
        for ((s, y), weight) in pairs.iter().zip(weights.iter().rev()) {
            let back = dot(y, &way) / dot(s, y);
            way.iter_mut().zip(s).for_each(|(w, s)| *w += (weight - back) * s);
        }
        let fall = dot(&way, &slope);
        let step = (0..50).map(|i| 0.5_f64.powi(i)).find_map(|step| {
            let next: Vec<f64> = x.iter().zip(&way).map(|(x, w)| x - step * w).collect();
            let (there, slope_there) = f(&next);
            (there <= value - 1e-4 * step * fall).then_some((next, there, slope_there))
        });
        let Some((next, there, slope_there)) = step else {
            if pairs.is_empty() {
                break;
            }
            pairs.clear();
            continue;
        };
        let (s, y): (Vec<f64>, Vec<f64>) =
            (next.iter().zip(&x).map(|(a, b)| a - b).collect(), slope_there.iter().zip(&slope).map(|(a, b)| a - b).collect());
        if dot(&s, &y) > 0.0 {
            pairs.push((s, y));
        }
        if pairs.len() > 20 {
            pairs.remove(0);
        }
        // Where rounding hides the fall the value has arrived.
        still = if value - there > 1e-15 * value { 0 } else { still + 1 };
        (x, value, slope) = (next, there, slope_there);
        if still == 20 {
            break;
        }
    }
    (value, x)
}

/// W_2 W_1 H of K classes, inner widths and d both K, one sample a class, every factor with the decay λ.
fn deep(classes: usize, decay: f64, x: &[f64]) -> Slope {
    let size = classes * classes;
    let factors: Vec<DMatrix<f64>> = x.chunks(size).map(|part| DMatrix::from_column_slice(classes, classes, part)).collect();
    let product =
        |from: usize, to: usize| factors[from..to].iter().fold(DMatrix::identity(classes, classes), |product, a| product * a);
    let (loss, slopes) = cross_entropy(&product(0, factors.len()));
    let value = loss + 0.5 * decay * x.iter().map(|x| x * x).sum::<f64>();
    let gradient = (0..factors.len()).flat_map(|i| {
        let part = product(0, i).transpose() * &slopes * product(i + 1, factors.len()).transpose() + decay * &factors[i];
        part.as_slice().to_vec()
    });
    (value, gradient.collect())
}

/// Balanced factors of a symmetric X = Σ σ u uᵀ given by the columns √σ u of a root: each factor has σ^{1/m}.
fn balanced_factors(x: &DMatrix<f64>, count: usize) -> Vec<f64> {
    let svd = x.clone().svd(true, true);
    let (u, v) = (svd.u.unwrap(), svd.v_t.unwrap());
    let root = DMatrix::from_diagonal(&svd.singular_values.map(|s| if s > 1e-12 { s.powf(1.0 / count as f64) } else { 0.0 }));
    let mut out = Vec::new();
    for i in 0..count {
        let factor = if i == 0 {
            &u * &root
        } else if i + 1 == count {
            &root * &v
        } else {
            root.clone()
        };
        out.extend_from_slice(factor.as_slice());
    }
    out
}

/// P.
fn simplex(classes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(classes, classes, |i, j| f64::from(u8::from(i == j)) - 1.0 / classes as f64)
}

/// Classes in pairs, each pair on an axis of its own: rank K/2.
fn pairs(classes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(classes, classes, |i, j| if i / 2 == j / 2 { 0.5 - f64::from(u8::from(i != j)) } else { 0.0 })
}

#[test]
fn descent_on_deep_factors_meets_the_closed_values_and_low_rank_is_below_collapse() {
    for (classes, factors, decay) in [(6, 2, 1e-3), (4, 3, 2e-3)] {
        let closed = DeepLinear { classes, per_class: 1, factors, decay };
        let (collapse, low_rank) = (closed.collapse().unwrap(), closed.low_rank().unwrap());
        let f = |x: &[f64]| deep(classes, decay, x);
        let count = factors as usize + 1;
        for (start, expected) in [(simplex(classes), collapse), (pairs(classes), low_rank)] {
            // Off its best size by a tenth, without noise: the symmetry stays, and the size is found.
            let x = balanced_factors(&(start * (1.1 * expected.margin)), count);
            let (value, _) = descend(x.clone(), &f, 1e-10);
            assert!(
                (value - expected.value).abs() <= 1e-12 * expected.value,
                "K = {classes}, L = {factors}: {value} against {}",
                expected.value
            );
            // And it is a minimum in its neighbourhood: noise goes away.
            let mut noise = vec![0.0; x.len()];
            gaussian(&mut stream(1, "deep", 0), 1e-3, &mut noise);
            let near: Vec<f64> = x.iter().zip(&noise).map(|(x, e)| x + e).collect();
            let (value, _) = descend(near, &f, 1e-10);
            assert!((value - expected.value).abs() <= 1e-12 * expected.value, "K = {classes}, L = {factors}: {value}");
        }
        assert!(low_rank.value < collapse.value);
        // From random starts: one of the two, the lower one among them, and nothing below it.
        let met = |value: f64, closed: f64| (value - closed).abs() <= 1e-12 * closed;
        let found: Vec<f64> = (0..8)
            .map(|draw| {
                let mut x = vec![0.0; count * classes * classes];
                gaussian(&mut stream(7, "deep", draw), 0.5, &mut x);
                descend(x, &f, 1e-10).0
            })
            .collect();
        assert!(found.iter().all(|&value| value >= low_rank.value * (1.0 - 1e-12)), "{found:?}, {low_rank:?}");
        assert!(found.iter().any(|&value| met(value, low_rank.value)), "{found:?}, {low_rank:?}");
        assert!(found.iter().all(|&value| met(value, low_rank.value) || met(value, collapse.value)), "{found:?}");
    }
}

/// CE(τWh) over unit rows of W and unit features, one sample a class: x holds W and H, normalised by the model itself, so that descent on x is descent on the spheres.
fn sphere(classes: usize, width: usize, temperature: f64, x: &[f64]) -> Slope {
    let unit = |part: &[f64]| -> (DMatrix<f64>, Vec<f64>) {
        let mut columns = DMatrix::from_column_slice(width, classes, part);
        let norms = columns.column_iter().map(|column| column.norm()).collect::<Vec<f64>>();
        columns.column_iter_mut().zip(&norms).for_each(|(mut column, norm)| column /= *norm);
        (columns, norms)
    };
    let ((w, w_norms), (h, h_norms)) = (unit(&x[..width * classes]), unit(&x[width * classes..]));
    let (value, slopes) = cross_entropy(&(w.transpose() * &h * temperature));
    let tangent = |slope: DMatrix<f64>, at: &DMatrix<f64>, norms: &[f64]| -> Vec<f64> {
        let columns = slope.column_iter().zip(at.column_iter()).zip(norms);
        columns.flat_map(|((g, x), norm)| ((g - x * x.dot(&g)) / *norm).as_slice().to_vec()).collect()
    };
    let gradient_w = tangent(&h * slopes.transpose() * temperature, &w, &w_norms);
    let gradient_h = tangent(&w * &slopes * temperature, &h, &h_norms);
    (value, [gradient_w, gradient_h].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn descent_on_the_spheres_meets_the_closed_minimum(
        classes in 2_usize..7, more in 0_usize..4, temperature in 0.5..10.0, seed in any::<u64>(),
    ) {
        // The sphere of d = 1 is two points, and the landscape theorem asks more than d = K − 1.
        let width = classes + more;
        let expected = sphere_minimum(classes, width, temperature).unwrap();
        let mut x = vec![0.0; 2 * width * classes];
        gaussian(&mut stream(seed, "sphere", 0), 1.0, &mut x);
        // The value's error is the square of the gradient's, over a curvature of the value's own size.
        let (value, _) = descend(x, &|x| sphere(classes, width, temperature, x), 1e-9 * expected);
        prop_assert!((value - expected).abs() <= 1e-12 * expected, "K = {classes}, d = {width}, τ = {temperature}: {value}, expected {expected}");
    }

    /// Off their best sizes by a tenth, without noise: the symmetry stays, and the size is found.
    #[test]
    fn descent_along_the_symmetric_deep_factors_meets_the_closed_values(
        half in 2_usize..4, factors in 2_u32..4, log_decay in -8.0..-5.0,
    ) {
        let closed = DeepLinear { classes: 2 * half, per_class: 1, factors, decay: f64::exp(log_decay) };
        for (start, expected) in [(simplex(2 * half), closed.collapse().unwrap()), (pairs(2 * half), closed.low_rank().unwrap())] {
            let x = balanced_factors(&(start * (1.1 * expected.margin)), factors as usize + 1);
            let (value, _) = descend(x, &|x| deep(2 * half, closed.decay, x), 1e-10);
            prop_assert!((value - expected.value).abs() <= 1e-12 * expected.value, "{closed:?}: {value}, expected {expected:?}");
        }
    }
}

fn plane(classes: usize, width: usize, per_class: u64, bias: Bias, decay: Decay, scale: f64) -> Balanced {
    let loss = (losses::ALL.iter().find(|family| family.name == "cross-entropy").unwrap().build)(&[]);
    Balanced { classes, width, per_class, bias, decay, loss, scale }
}

#[test]
fn polygons_are_critical_points_with_their_values() {
    for (classes, corners, width, per_class, scale) in
        [(3, 3, 2, 1, 1.0), (5, 5, 2, 2, 1.0), (5, 4, 2, 2, 0.5), (6, 5, 3, 1, 1.0), (6, 4, 2, 3, 2.0), (9, 7, 2, 1, 1.0)]
    {
        for (bias, b) in [(Bias::None, 0.0), (Bias::Free, 0.0), (Bias::Decayed, 1e-2)] {
            for (w, h) in [(5e-3, 2e-3), (1e-4, 1e-3)] {
                let balanced = plane(classes, width, per_class, bias, Decay { w, h, b }, scale);
                let found = polygon(&balanced, corners).unwrap();
                let problem = Problem {
                    shape: Shape::balanced(classes, width, per_class as usize).unwrap(),
                    bias,
                    decay: balanced.decay,
                    loss: balanced.loss.clone(),
                    scale,
                };
                let point = found.point(&balanced, &problem.shape);
                let mut gradient = vec![0.0; point.as_slice().len()];
                let value = Objective::new(&problem).value_gradient(&point, &mut gradient);
                let norm = GradientNorm::of(&problem, &point, &gradient).scaled;
                assert!(norm <= 1e-11, "{found:?}, {bias:?}: gradient {norm:e}");
                assert!((value - found.value).abs() <= 1e-13 * value, "{found:?}: {value}");
            }
        }
    }
    // Values found before, to their digits.
    let decay = Decay { w: 0.01, h: 0.01, b: 0.01 };
    for (classes, per_class, corners, bias, value) in [
        (5, 2, 5, Bias::Decayed, 0.402_073),
        (5, 2, 4, Bias::Decayed, 0.432_873),
        (5, 2, 4, Bias::Free, 0.411_198),
        (6, 1, 6, Bias::Decayed, 0.450_667),
        (6, 1, 5, Bias::Decayed, 0.432_211),
        (6, 1, 5, Bias::Free, 0.402_001),
    ] {
        let b = if bias == Bias::Free { 0.0 } else { decay.b };
        let found = polygon(&plane(classes, 2, per_class, bias, Decay { b, ..decay }, 1.0), corners).unwrap();
        assert!((found.value - value).abs() <= 6e-7, "{found:?}, expected {value}");
    }
    let six = plane(6, 2, 1, Bias::Decayed, decay, 1.0);
    let crossing = polygon_crossing(&six, (6, 5), (1e-3, 0.02)).unwrap();
    let value = |corners| polygon(&six.with_epsilon(crossing), corners).unwrap().value;
    assert!((value(6) - value(5)).abs() <= 1e-12, "{crossing}");
    assert_eq!(polygon_crossing(&six, (6, 5), (0.01, 0.02)), None);
    for refused in [
        polygon(&six, 2).unwrap_err(),
        polygon(&six, 7).unwrap_err(),
        polygon(&six.with_epsilon(0.5), 6).unwrap_err(),
        polygon(&Balanced { width: 1, ..six.clone() }, 6).unwrap_err(),
        polygon(&Balanced { loss: (losses::ALL.iter().find(|f| f.name == "mse").unwrap().build)(&[1.0, 1.0]), ..six }, 6)
            .unwrap_err(),
    ] {
        assert!(refused.reason.len() > 4 && refused.nearest.len() > 5, "{refused}");
    }
}
