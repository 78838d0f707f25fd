//! Inertia of small symmetric matrices by LDLᵀ in intervals of any precision.

use super::Enclosure;

/// A diagonal pivot is taken if its size is at least this part of the largest entry (Bunch and Parlett).
const PIVOT_RATIO: f64 = 0.64;

/// (number of positive, number of negative) eigenvalues of every symmetric matrix in `matrix` (rows), by Sylvester's law; `None` where a pivot may be 0.
///
/// Complete pivoting by midpoints, 1×1 and 2×2 pivots. Widths grow with the size: for a dozen rows at most. Entries must be of similar size, or pivots of large entries hide the small ones.
pub fn small_inertia<T: Enclosure>(matrix: &[Vec<T>]) -> Option<(usize, usize)> {
    let mut a = matrix.to_vec();
    let (mut positive, mut negative) = (0, 0);
    while !a.is_empty() {
        let n = a.len();
        let size = |i: usize, j: usize| a[i][j].middle().outward().mag();
        let p = (0..n).fold(0, |best, i| if size(i, i) > size(best, best) { i } else { best });
        let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
        let off = pairs.reduce(|best, at| if size(at.0, at.1) > size(best.0, best.1) { at } else { best });
        let pair = off.filter(|&(i, j)| !(size(p, p) >= PIVOT_RATIO * size(i, j)));
        let Some((i, j)) = pair else {
            let pivot = a[p][p];
            if pivot.certainly_positive() {
                positive += 1;
            } else if pivot.certainly_negative() {
                negative += 1;
            } else {
                return None;
            }
            a = without(&a, &[p], |k, l| a[k][l] - a[k][p] * a[l][p] / pivot);
            continue;
        };
        // A 2×2 pivot with a negative determinant has one eigenvalue of each sign.
        let (alpha, beta, gamma) = (a[i][i], a[i][j], a[j][j]);
        let determinant = alpha * gamma - beta.sqr();
        if !determinant.certainly_negative() {
            return None;
        }
        positive += 1;
        negative += 1;
        a = without(&a, &[i, j], |k, l| {
            let (x, y) = (gamma * a[l][i] - beta * a[l][j], alpha * a[l][j] - beta * a[l][i]);
            a[k][l] - (a[k][i] * x + a[k][j] * y) / determinant
        });
    }
    Some((positive, negative))
}

/// The matrix of `entry` on the rows and columns that are left.
fn without<T: Enclosure>(a: &[Vec<T>], gone: &[usize], entry: impl Fn(usize, usize) -> T) -> Vec<Vec<T>> {
    let left: Vec<usize> = (0..a.len()).filter(|k| !gone.contains(k)).collect();
    left.iter().map(|&k| left.iter().map(|&l| entry(k, l)).collect()).collect()
}
