//! The symmetry group O(d) × permutations, its tangents and its orbits.
//!
//! f(WQᵀ, QH, b) = f(W, H, b) for Q ∈ O(d). Samples of one class, and classes of one size (with their samples), may be exchanged.

use nalgebra::DMatrix;

use super::{Point, Shape};
use crate::linalg::{completed_basis, svd};

/// Dimension of the O(d) orbit of a point whose W and H share a row/column space of dimension `rank`: rd − r(r+1)/2.
///
/// Skew Ω moves the point unless it lives in the orthogonal complement: d(d−1)/2 − (d−r)(d−r−1)/2.
pub fn orbit_dimension(rank: usize, width: usize) -> usize {
    rank * width - rank * (rank + 1) / 2
}

/// An orthonormal basis of the θ = (W, b) parts of the symmetry tangents at `x`: {WΩ : Ω skew}, and b ∥ 1 where `shifts` says so.
///
/// With W = Σ_a s_a u_a v_aᵀ and v completed to a basis of R^d, the tangents of Ω = v_a v_bᵀ − v_b v_aᵀ are s_a u_a v_bᵀ − s_b u_b v_aᵀ, and those of different pairs a < b are
/// orthogonal to each other: it remains to divide by √(s_a² + s_b²). Rows as in the arrow: W by columns, then b. Tangents shorter than 1e-10 of ‖W‖ are left out.
pub fn tangents(x: &Point, shifts: bool) -> DMatrix<f64> {
    let w = x.w().into_owned();
    let (classes, width, bias) = (w.nrows(), w.ncols(), x.b().len());
    let found = svd(&w);
    let v = completed_basis(&found.v);
    let singular = |a: usize| found.values.get(a).copied().unwrap_or(0.0);
    let allowed = 1e-10 * singular(0);
    let mut columns: Vec<f64> = Vec::new();
    for a in 0..found.values.len() {
        for b in a + 1..width {
            let length = singular(a).hypot(singular(b));
            if !(length > allowed) {
                continue;
            }
            for c in 0..width {
                for k in 0..classes {
                    let second = if b < found.values.len() { singular(b) * found.u[(k, b)] * v[(c, a)] } else { 0.0 };
                    columns.push((singular(a) * found.u[(k, a)] * v[(c, b)] - second) / length);
                }
            }
            columns.extend(std::iter::repeat_n(0.0, bias));
        }
    }
    if shifts {
        columns.extend(std::iter::repeat_n(0.0, classes * width));
        columns.extend(std::iter::repeat_n(1.0 / (bias as f64).sqrt(), bias));
    }
    let rows = classes * width + bias;
    DMatrix::from_vec(rows, columns.len() / rows.max(1), columns)
}

/// Whether two critical points of one problem are equal modulo O(d) × permutations of equal classes × permutations within classes.
///
/// At a critical point λ_W WᵀW = λ_H HHᵀ, so X = WH determines W and H up to O(d): the points agree iff their (X, b) agree after relabelling. Entries are compared
/// to `tolerance` of the largest. Classes are matched by backtracking over the class means of X (K×K, permuted in rows and columns at once), samples within a class as multisets.
pub fn same_orbit(shape: &Shape, x: &Point, y: &Point, tolerance: f64) -> bool {
    let (x, y) = (Invariants::new(shape, x), Invariants::new(shape, y));
    let allowed = tolerance * x.scale.max(y.scale).max(f64::MIN_POSITIVE);
    let sorted = |values: Vec<f64>| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values
    };
    let diagonals = |p: &Invariants| sorted((0..shape.classes()).map(|k| p.means[(k, k)]).collect());
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= allowed);
    if !close(&diagonals(&x), &diagonals(&y)) || !close(&sorted(x.bias.clone()), &sorted(y.bias.clone())) {
        return false;
    }
    let mut matching = Matching { shape, x: &x, y: &y, allowed, assigned: Vec::new(), nodes: 0 };
    matching.extend()
}

/// X = WH with its class means, and b.
struct Invariants {
    logits: DMatrix<f64>,
    means: DMatrix<f64>,
    bias: Vec<f64>,
    members: Vec<Vec<usize>>,
    scale: f64,
}

impl Invariants {
    fn new(shape: &Shape, point: &Point) -> Self {
        let logits = point.w() * point.h();
        let mut members = vec![Vec::new(); shape.classes()];
        shape.labels().iter().enumerate().for_each(|(i, &label)| members[label].push(i));
        let means = DMatrix::from_fn(shape.classes(), shape.classes(), |row, class| {
            members[class].iter().map(|&i| logits[(row, i)]).sum::<f64>() / members[class].len() as f64
        });
        let bias = point.b().to_vec();
        let scale = bias.iter().fold(logits.amax(), |m, b| m.max(b.abs()));
        Self { logits, means, bias, members, scale }
    }
}

/// A partial relabelling: class k of y is class `assigned[k]` of x.
struct Matching<'a> {
    shape: &'a Shape,
    x: &'a Invariants,
    y: &'a Invariants,
    allowed: f64,
    assigned: Vec<usize>,
    nodes: usize,
}

/// Most partial relabellings tried. Points that agree are matched almost without backtracking; a search this long means that they differ in a subtle way.
const NODES_MAX: usize = 300_000;

impl Matching<'_> {
    fn extend(&mut self) -> bool {
        let next = self.assigned.len();
        if next == self.shape.classes() {
            return self.samples_agree();
        }
        for class in 0..self.shape.classes() {
            self.nodes += 1;
            if self.nodes > NODES_MAX {
                return false;
            }
            if self.assigned.contains(&class) || !self.fits(next, class) {
                continue;
            }
            self.assigned.push(class);
            if self.extend() {
                return true;
            }
            self.assigned.pop();
        }
        false
    }

    /// Whether class `next` of y may be `class` of x beside what is assigned.
    fn fits(&self, next: usize, class: usize) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= self.allowed;
        let sizes = self.shape.class_sizes();
        let bias = self.x.bias.is_empty() || near(self.x.bias[class], self.y.bias[next]);
        sizes[class] == sizes[next]
            && bias
            && near(self.x.means[(class, class)], self.y.means[(next, next)])
            && self.assigned.iter().enumerate().all(|(j, &k)| {
                near(self.x.means[(class, k)], self.y.means[(next, j)]) && near(self.x.means[(k, class)], self.y.means[(j, next)])
            })
    }

    /// Whether the samples of each class agree as multisets under the assignment.
    fn samples_agree(&self) -> bool {
        let classes = self.shape.classes();
        (0..classes).all(|class| {
            let mut free = self.x.members[self.assigned[class]].clone();
            self.y.members[class].iter().all(|&i| {
                let equal = |j: usize| {
                    (0..classes).all(|k| (self.x.logits[(self.assigned[k], j)] - self.y.logits[(k, i)]).abs() <= self.allowed)
                };
                let found = free.iter().position(|&j| equal(j));
                found.is_some_and(|at| {
                    free.swap_remove(at);
                    true
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bias;
    use crate::numeric::{gaussian, stream};

    fn random_matrix(rows: usize, columns: usize, index: u64) -> DMatrix<f64> {
        let mut data = vec![0.0; rows * columns];
        gaussian(&mut stream(2, "symmetry tests", index), 1.0, &mut data);
        DMatrix::from_vec(rows, columns, data)
    }

    /// A random point, and the same one rotated, with classes and samples relabelled.
    fn planted(sizes: &[usize], classes: &[usize]) -> (Shape, Point, Point) {
        let shape = Shape::new(3, sizes).unwrap();
        let (w, h) = (random_matrix(sizes.len(), 3, 1), random_matrix(3, shape.samples(), 2));
        let b: Vec<f64> = random_matrix(sizes.len(), 1, 3).as_slice().to_vec();
        let x = Point::from_blocks(&w, &h, &b);
        let q = nalgebra::QR::new(random_matrix(3, 3, 4)).q();
        let members = |k: usize| (0..shape.samples()).filter(|&i| shape.labels()[i] == k).rev().collect::<Vec<_>>();
        let order: Vec<usize> = classes.iter().flat_map(|&k| members(k)).collect();
        let w2 = DMatrix::from_fn(sizes.len(), 3, |k, a| w[(classes[k], a)]) * q.transpose();
        let h2 = &q * DMatrix::from_fn(3, order.len(), |a, i| h[(a, order[i])]);
        let b2: Vec<f64> = classes.iter().map(|&k| b[k]).collect();
        (shape, x, Point::from_blocks(&w2, &h2, &b2))
    }

    #[test]
    fn rotations_and_relabellings_do_not_make_new_points() {
        for (sizes, classes) in [(vec![2, 2, 2, 2], vec![2, 0, 3, 1]), (vec![2, 3, 2], vec![2, 1, 0])] {
            let (shape, x, y) = planted(&sizes, &classes);
            assert!(same_orbit(&shape, &x, &y, 1e-9));
        }
    }

    #[test]
    fn different_points_stay_apart() {
        let (shape, x, y) = planted(&[2, 2, 2], &[1, 2, 0]);
        let mut moved = y.clone();
        moved.h_mut()[(0, 3)] += 1e-3;
        assert!(!same_orbit(&shape, &x, &moved, 1e-6));
        // Equal multisets of logits a class, but classes of different sizes exchanged.
        let (shape, x, _) = planted(&[2, 2, 2], &[0, 1, 2]);
        let mut other = x.clone();
        other.b_mut().swap(0, 1);
        assert!(!same_orbit(&shape, &x, &other, 1e-6));
    }

    #[test]
    fn the_orbit_dimension_is_the_rank_of_the_tangents() {
        for (rank, width) in [(0, 3), (1, 3), (2, 3), (3, 3), (2, 5)] {
            let shape = Shape::balanced(4, width, 2).unwrap();
            let frame = DMatrix::identity(width, rank);
            let narrow = Point::from_blocks(&random_matrix(4, rank, 5), &random_matrix(rank, 8, 6), &[]);
            let x = narrow.embed(&frame);
            assert_eq!(x.as_slice().len(), shape.dimension(Bias::None));
            let basis = tangents(&x, false);
            assert_eq!(basis.ncols(), orbit_dimension(rank, width));
            assert!((basis.tr_mul(&basis) - DMatrix::identity(basis.ncols(), basis.ncols())).amax() < 1e-14);
            // WΩ of a random skew Ω lies in their span.
            let random = random_matrix(width, width, 7);
            let tangent = x.w() * (&random - random.transpose());
            let tangent = DMatrix::from_column_slice(tangent.len(), 1, tangent.as_slice());
            assert!((&tangent - &basis * basis.tr_mul(&tangent)).amax() < 1e-13);
        }
    }
}
