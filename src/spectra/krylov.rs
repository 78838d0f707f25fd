//! Extreme eigenvalues *proposed* by Lanczos' method. Nothing here counts: a proposal is believed only after counts on both sides, see [`super::large`].

use crate::linalg::{axpy, dot, eigen, norm};
use crate::numeric::{gaussian, stream};

/// Steps between two looks at the ends.
const LOOK: usize = 20;
/// A Ritz value is taken where its residual is below this fraction of it: its error is then at most the residual, and of the order of its square.
const RESIDUAL: f64 = 1e-7;

/// A unit vector and how far it is from an eigenvector.
#[derive(Clone, Debug)]
pub(super) struct Ritz {
    pub(super) vector: Vec<f64>,
    /// Whether the residual is small beside the value.
    pub(super) settled: bool,
}

/// The lowest and the highest Ritz pair of a symmetric operator on the range of a projection, by at most `steps_max` steps with full orthogonalisation from a fixed random start.
/// `None` where that range is empty.
pub(super) fn ends(
    size: usize,
    project: &dyn Fn(&mut [f64]),
    operator: &dyn Fn(&[f64]) -> Vec<f64>,
    steps_max: usize,
) -> Option<[Ritz; 2]> {
    let mut start = vec![0.0; size];
    gaussian(&mut stream(0, "lanczos", size as u64), 1.0, &mut start);
    let before = norm(&start);
    project(&mut start);
    let length = norm(&start);
    if !(length > 1e-12 * before) {
        return None;
    }
    start.iter_mut().for_each(|x| *x /= length);
    let mut basis = vec![start];
    let (mut diagonal, mut beside): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut norm_seen = 0.0_f64;
    loop {
        let at = basis.len() - 1;
        let mut next = operator(&basis[at]);
        project(&mut next);
        diagonal.push(dot(&basis[at], &next));
        norm_seen = norm_seen.max(norm(&next));
        // Twice is enough: what is left of the older directions, and of what is projected out, is then rounding.
        for _ in 0..2 {
            for known in &basis {
                let part = dot(known, &next);
                axpy(-part, known, &mut next);
            }
            project(&mut next);
        }
        let length = norm(&next);
        let exhausted = !(length > 1e-12 * norm_seen) || basis.len() == steps_max;
        if exhausted || basis.len().is_multiple_of(LOOK) {
            let found = pairs(&diagonal, &beside, length, &basis, project);
            if exhausted || found.iter().all(|ritz| ritz.settled) {
                return Some(found);
            }
        }
        next.iter_mut().for_each(|x| *x /= length);
        beside.push(length);
        basis.push(next);
    }
}

/// The ends of the tridiagonal matrix, carried back; `next` is the length of what the next step would add.
fn pairs(diagonal: &[f64], beside: &[f64], next: f64, basis: &[Vec<f64>], project: &dyn Fn(&mut [f64])) -> [Ritz; 2] {
    let n = diagonal.len();
    let mut matrix = nalgebra::DMatrix::zeros(n, n);
    for (i, value) in diagonal.iter().enumerate() {
        matrix[(i, i)] = *value;
    }
    for (i, value) in beside.iter().enumerate() {
        matrix[(i + 1, i)] = *value;
        matrix[(i, i + 1)] = *value;
    }
    let found = eigen(&matrix);
    [0, n - 1].map(|at| {
        let value = found.values[at];
        let settled = next * found.vectors[(n - 1, at)].abs() <= RESIDUAL * value.abs();
        let mut vector = vec![0.0; basis[0].len()];
        basis.iter().enumerate().for_each(|(i, known)| axpy(found.vectors[(i, at)], known, &mut vector));
        // Rounding of the sum may hold a little of what is projected out: an upper bound must not.
        project(&mut vector);
        Ritz { vector, settled }
    })
}
