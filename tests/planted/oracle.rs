//! The Hessian as one dense matrix, from the formulas of each loss on paper, and its eigenvalues by another library than the program's.

use nalgebra::{DMatrix, DVector};
use ufm::losses::Loss;
use ufm::model::{Bias, Point};
use ufm::objective::Problem;

/// ∇L and ∇²L at moderate logits.
fn derivatives(loss: &Loss, z: &DVector<f64>, k: usize) -> (DVector<f64>, DMatrix<f64>) {
    let classes = z.len();
    let own = DVector::from_fn(classes, |j, _| if j == k { 1.0 } else { 0.0 });
    let top = z.max();
    let weights = z.map(|z| (z - top).exp());
    let p = &weights / weights.sum();
    let a = DMatrix::from_diagonal(&p) - &p * p.transpose();
    match loss {
        Loss::CrossEntropy(_) => (&p - own, a),
        Loss::LabelSmoothing(loss) => (&p - own * (1.0 - loss.alpha) - DVector::repeat(classes, loss.alpha / classes as f64), a),
        Loss::Focal(loss) => {
            let (x, gamma) = (p[k], loss.gamma);
            let rest: f64 = (0..classes).filter(|&j| j != k).map(|j| p[j]).sum();
            let eta = rest.powf(gamma) - gamma * x * rest.powf(gamma - 1.0) * x.ln();
            let slope =
                rest.powf(gamma - 2.0) * (-2.0 * gamma * rest - gamma * rest * x.ln() + gamma * (gamma - 1.0) * x * x.ln());
            let away = &own - &p;
            (-&away * eta, a * eta - &away * away.transpose() * (slope * x))
        }
        Loss::Mse(loss) => {
            let weight = |j: usize| if j == k { loss.kappa } else { 1.0 };
            let gradient = DVector::from_fn(classes, |j, _| weight(j) * (z[j] - if j == k { loss.target } else { 0.0 }));
            (gradient, DMatrix::from_diagonal(&DVector::from_fn(classes, |j, _| weight(j))))
        }
        Loss::Bce(_) => {
            let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
            let gradient = DVector::from_fn(classes, |j, _| if j == k { -sigma(-z[j]) } else { sigma(z[j]) });
            (gradient, DMatrix::from_diagonal(&z.map(|z| sigma(z) * sigma(-z))))
        }
        _ => unreachable!("no plant of the dense kind"),
    }
}

/// (‖∇f‖, ∇²f) over W by columns, H by columns, b. The problem is not collapsed.
pub(crate) fn hessian(problem: &Problem, point: &Point) -> (f64, DMatrix<f64>) {
    let (classes, width, samples) = (problem.shape.classes(), problem.shape.width(), problem.shape.samples());
    let (w, h) = (point.w().into_owned(), point.h().into_owned());
    let has_bias = problem.bias != Bias::None;
    let size = width * (classes + samples) + if has_bias { classes } else { 0 };
    let mut matrix = DMatrix::zeros(size, size);
    let mut gradient: DVector<f64> = DVector::zeros(size);
    let bias_at = width * (classes + samples);
    for (i, &label) in problem.shape.labels().iter().enumerate() {
        let feature = h.column(i).into_owned();
        let mut z = &w * &feature;
        if has_bias {
            z += DVector::from_column_slice(point.b());
        }
        let (g, a) = derivatives(&problem.loss, &z, label);
        let (g, a) = (g * (problem.scale / samples as f64), a * (problem.scale / samples as f64));
        // The derivative of z_i along every coordinate it depends on.
        let mut places = Vec::new();
        let mut jacobian = DMatrix::zeros(classes, classes * width + width + if has_bias { classes } else { 0 });
        for column in 0..width {
            for row in 0..classes {
                jacobian[(row, places.len())] = feature[column];
                places.push(column * classes + row);
            }
        }
        for c in 0..width {
            jacobian.set_column(places.len(), &w.column(c));
            places.push(classes * width + i * width + c);
        }
        if has_bias {
            for row in 0..classes {
                jacobian[(row, places.len())] = 1.0;
                places.push(bias_at + row);
            }
        }
        let (local, slope) = (jacobian.transpose() * &a * &jacobian, jacobian.transpose() * &g);
        for (x, &row) in places.iter().enumerate() {
            gradient[row] += slope[x];
            for (y, &column) in places.iter().enumerate() {
                matrix[(row, column)] += local[(x, y)];
            }
        }
        // The mixed second derivative of z_i: one for each pair (W_ka, h_a).
        for c in 0..width {
            for row in 0..classes {
                let (x, y) = (c * classes + row, classes * width + i * width + c);
                matrix[(x, y)] += g[row];
                matrix[(y, x)] += g[row];
            }
        }
    }
    for at in 0..size {
        let (decay, x) = match at {
            _ if at < classes * width => (problem.decay.w, w.as_slice()[at]),
            _ if at < bias_at => (problem.decay.h, h.as_slice()[at - classes * width]),
            _ => (problem.decay.b, point.b()[at - bias_at]),
        };
        matrix[(at, at)] += decay;
        gradient[at] += decay * x;
    }
    (gradient.norm(), matrix)
}

/// (negative, zero) eigenvalues at a critical point, by the dense matrix; `None` where an eigenvalue is neither clearly zero nor clearly not, or the point is not critical.
///
/// Eigenvalues within a factor of ten of those in `soft` are left out, as many as it says.
pub(crate) fn counts(problem: &Problem, point: &Point, soft: &[(f64, u64)]) -> Option<(u64, u64)> {
    let (gradient, matrix) = hessian(problem, point);
    let mut values: Vec<f64> = matrix.symmetric_eigenvalues().iter().copied().collect();
    let scale = values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    if !(gradient <= 1e-12 * scale.max(1.0)) {
        return None;
    }
    for &(value, times) in soft {
        for _ in 0..times {
            let nearest = (0..values.len()).min_by(|&a, &b| (values[a] - value).abs().total_cmp(&(values[b] - value).abs()))?;
            values.swap_remove(nearest);
        }
    }
    let (zero, clear) = (1e-13 * scale * (values.len() as f64), 1e-9 * scale);
    if values.iter().any(|x| x.abs() > zero && x.abs() < clear) {
        return None;
    }
    let count = |of: &dyn Fn(f64) -> bool| values.iter().filter(|&&x| of(x)).count() as u64;
    Some((count(&|x| x < -clear), count(&|x| x.abs() <= zero)))
}
