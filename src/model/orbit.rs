//! Telling points apart modulo O(d) × permutations of equal classes × permutations within classes.
//!
//! At a critical point λ_W WᵀW = λ_H HHᵀ, so X = WH determines W and H up to O(d): points agree iff their (X, b) agree after relabelling. A point becomes a coloured graph whose vertices are the
//! classes and the distinct columns of X (with their multiplicity), whose edges are the entries of X. Numbers become symbols, equal where they agree to the tolerance. Colour
//! refinement (each vertex by what it sees of the others, until nothing splits) is the invariant; what it leaves is searched by giving one class a colour of its own and refining again.
//! Where a cell is one of true symmetry the first try succeeds; where it is not, a few classes of their own split everything. So the fully symmetric simplex of K classes costs K refinements.

use std::collections::BTreeMap;

use nalgebra::DMatrixView;

use super::{Point, Shape};

/// Whether two critical points of one problem are equal modulo O(d) × permutations of equal classes × permutations within classes.
///
/// Entries of X and b are compared to `tolerance` of the largest, or of 1 if that is larger. "Yes" is always checked number by number on the relabelling found.
pub fn same_orbit(shape: &Shape, x: &Point, y: &Point, tolerance: f64) -> bool {
    let (x, y) = (Logits::new(shape, x), Logits::new(shape, y));
    let allowed = tolerance * x.scale.max(y.scale);
    let (x, y) = (Columns::new(shape, &x, allowed), Columns::new(shape, &y, allowed));
    if x.columns.len() != y.columns.len() {
        return false;
    }
    let symbols = Symbols::new(&[&x, &y], allowed);
    let (x, y) = (Graph::new(shape, x, &symbols), Graph::new(shape, y, &symbols));
    let pair = Pair { x: &x, y: &y, allowed };
    pair.refined([x.colours.clone(), y.colours.clone()]).is_some_and(|colours| pair.matches(&colours))
}

/// The number of permutations of the classes that leave the point in its O(d) orbit (with samples permuted within classes), including the identity: K! at the balanced simplex ETF.
///
/// `None` above 2¹²⁸. Entries are compared to `tolerance` of the largest.
pub fn stabiliser_size(shape: &Shape, x: &Point, tolerance: f64) -> Option<u128> {
    let logits = Logits::new(shape, x);
    let allowed = tolerance * logits.scale;
    let columns = Columns::new(shape, &logits, allowed);
    let symbols = Symbols::new(&[&columns], allowed);
    let graph = Graph::new(shape, columns, &symbols);
    let pair = Pair { x: &graph, y: &graph, allowed };
    let mut colours = pair.refined([graph.colours.clone(), graph.colours.clone()])?;
    let mut size = 1_u128;
    // Orbit and stabiliser: the order is the product of the orbits of each class under what leaves the earlier ones in place.
    while let Some((class, cell)) = pair.open_cell(&colours) {
        let images = cell.iter().filter(|&&image| {
            image == class || pair.refined(single_out(&colours, class, image)).is_some_and(|colours| pair.matches(&colours))
        });
        size = size.checked_mul(images.count() as u128)?;
        colours = pair.refined(single_out(&colours, class, class))?;
    }
    Some(size)
}

/// The number of different (X, b) that permutations of equal classes and of the samples within classes make of the point: the copies of its O(d) orbit.
///
/// The group has Π_s m_s! Π_k n_k! elements, m_s being the number of classes of size s. A relabelling keeps (X, b) iff its permutation of the classes is one of
/// [`stabiliser_size`] and what is left of it exchanges samples of one column only, so there are
///
/// ```text
/// (Π_s m_s! / stabiliser) · Π_k n_k! / Π_c (multiplicity of column c of class k)!
/// ```
///
/// `None` above 2¹²⁸. Entries are compared to `tolerance` of the largest.
pub fn relabellings(shape: &Shape, x: &Point, tolerance: f64) -> Option<u128> {
    let stabiliser = stabiliser_size(shape, x, tolerance)?;
    let mut of_size: BTreeMap<usize, usize> = BTreeMap::new();
    shape.class_sizes().iter().for_each(|&size| *of_size.entry(size).or_default() += 1);
    let classes = of_size.values().try_fold(1_u128, |product, &m| product.checked_mul(factorial(m)?))?;
    let logits = Logits::new(shape, x);
    let columns = Columns::new(shape, &logits, tolerance * logits.scale).columns;
    let mut copies = classes / stabiliser;
    // A multinomial is a product of binomials: column after column chooses its samples among those that are left.
    let mut left: Vec<u64> = shape.class_sizes().iter().map(|&size| size as u64).collect();
    for column in &columns {
        copies = copies.checked_mul(binomial(left[column.label], column.multiplicity)?)?;
        left[column.label] -= column.multiplicity;
    }
    Some(copies)
}

/// n!, where it is below 2¹²⁸.
fn factorial(n: usize) -> Option<u128> {
    (1..=n as u128).try_fold(1_u128, u128::checked_mul)
}

/// n over m, where the products on the way are below 2¹²⁸.
fn binomial(n: u64, m: u64) -> Option<u128> {
    let m = u128::from(m.min(n - m));
    // After each factor the product is a binomial itself, so the division leaves no rest.
    (1..=m).try_fold(1_u128, |product, i| Some(product.checked_mul(u128::from(n) - m + i)? / i))
}

/// Entries are compared with at least this: logits are O(1) wherever the loss acts, and at the origin there is only rounding to compare with.
const LEAST_SCALE: f64 = 1.0;

/// X = WH and b.
struct Logits {
    logits: nalgebra::DMatrix<f64>,
    bias: Vec<f64>,
    scale: f64,
}

impl Logits {
    fn new(shape: &Shape, point: &Point) -> Self {
        let logits = point.w() * DMatrixView::from_slice(&point.features(shape), point.width(), shape.columns());
        let bias = point.b().to_vec();
        let scale = bias.iter().fold(logits.amax().max(LEAST_SCALE), |most, b| most.max(b.abs()));
        Self { logits, bias, scale }
    }
}

/// A column of X with its label, and how many samples of that label have it.
struct Column {
    label: usize,
    entries: Vec<f64>,
    multiplicity: u64,
}

/// The distinct columns of X and b.
struct Columns {
    columns: Vec<Column>,
    bias: Vec<f64>,
}

impl Columns {
    fn new(shape: &Shape, point: &Logits, allowed: f64) -> Self {
        let mut columns: Vec<Column> = Vec::new();
        let mut of_label: Vec<Vec<usize>> = vec![Vec::new(); shape.classes()];
        for (sample, &label) in shape.labels().iter().enumerate() {
            let entries = point.logits.column(sample);
            let equal = |&at: &usize| columns[at].entries.iter().zip(entries.iter()).all(|(a, b)| (a - b).abs() <= allowed);
            match of_label[label].iter().copied().find(equal) {
                Some(at) => columns[at].multiplicity += shape.multiplicity(sample),
                None => {
                    of_label[label].push(columns.len());
                    columns.push(Column {
                        label,
                        entries: entries.iter().copied().collect(),
                        multiplicity: shape.multiplicity(sample),
                    });
                }
            }
        }
        Self { columns, bias: point.bias.clone() }
    }
}

/// Numbers that agree to the tolerance have one symbol: the sorted numbers are cut wherever two neighbours differ by more.
struct Symbols {
    /// The first number of every symbol.
    firsts: Vec<f64>,
}

impl Symbols {
    fn new(points: &[&Columns], allowed: f64) -> Self {
        let mut numbers: Vec<f64> = Vec::new();
        for point in points {
            numbers.extend(&point.bias);
            point.columns.iter().for_each(|column| numbers.extend(&column.entries));
        }
        numbers.sort_by(f64::total_cmp);
        let mut firsts: Vec<f64> = numbers.first().copied().into_iter().collect();
        firsts.extend(numbers.windows(2).filter(|pair| !(pair[1] - pair[0] <= allowed)).map(|pair| pair[1]));
        Self { firsts }
    }

    fn of(&self, number: f64) -> u64 {
        self.firsts.partition_point(|first| first.total_cmp(&number).is_le()) as u64
    }
}

/// What a vertex sees: its colour, and sorted edges' symbols with the colours at their other ends.
type Sight = (u64, Vec<(u64, u64)>);

/// A point as a coloured graph: the classes are the first vertices, the distinct columns the others.
struct Graph {
    point: Columns,
    classes: usize,
    /// Of the edge between class k and column c, at cK + k.
    edges: Vec<u64>,
    /// Where every vertex begins.
    colours: Vec<u64>,
}

impl Graph {
    fn new(shape: &Shape, point: Columns, symbols: &Symbols) -> Self {
        let classes = shape.classes();
        let mut edges = Vec::with_capacity(classes * point.columns.len());
        for column in &point.columns {
            edges.extend((0..classes).map(|k| 2 * symbols.of(column.entries[k]) + u64::from(k == column.label)));
        }
        // Colours are only compared, so any injection of what is known will do; columns are told from classes by the top bit.
        // A size is told by the first class that has it: sizes themselves may be too large to be multiplied.
        let sizes = shape.class_sizes();
        let first_of_size = |k: usize| (0..k).find(|&j| sizes[j] == sizes[k]).unwrap_or(k) as u64;
        let class = |k: usize| point.bias.get(k).map_or(0, |&b| symbols.of(b)) * classes as u64 + first_of_size(k);
        let mut colours: Vec<u64> = (0..classes).map(class).collect();
        colours.extend(point.columns.iter().map(|column| (1 << 63) | column.multiplicity));
        Self { point, classes, edges, colours }
    }

    /// What a vertex sees: its colour, and the colours at the other ends of its edges with the edges' symbols.
    fn sight(&self, vertex: usize, colours: &[u64]) -> Sight {
        let (classes, columns) = (self.classes, self.point.columns.len());
        let mut seen: Vec<(u64, u64)> = if vertex < classes {
            (0..columns).map(|c| (self.edges[c * classes + vertex], colours[classes + c])).collect()
        } else {
            (0..classes).map(|k| (self.edges[(vertex - classes) * classes + k], colours[k])).collect()
        };
        seen.sort_unstable();
        (colours[vertex], seen)
    }
}

/// The colours of both points' vertices: equal colours may correspond.
type Colours = [Vec<u64>; 2];

/// The colours with `class` of x and `image` of y singled out by a new one.
fn single_out(colours: &Colours, class: usize, image: usize) -> Colours {
    let mut colours = colours.clone();
    (colours[0][class], colours[1][image]) = (u64::MAX, u64::MAX);
    colours
}

/// Two points to be matched.
struct Pair<'a> {
    x: &'a Graph,
    y: &'a Graph,
    allowed: f64,
}

impl Pair<'_> {
    /// Refines the colours until nothing splits; `None` where the points have different numbers of some colour.
    fn refined(&self, mut colours: Colours) -> Option<Colours> {
        let mut known = 0;
        loop {
            let sights = [(self.x, &colours[0]), (self.y, &colours[1])].map(|(graph, colours)| -> Vec<Sight> {
                (0..colours.len()).map(|vertex| graph.sight(vertex, colours)).collect()
            });
            // Sorted sights are numbered; the second entry balances x against y.
            let mut numbers: BTreeMap<&Sight, (u64, i64)> = BTreeMap::new();
            for (side, sign) in sights.iter().zip([1, -1]) {
                side.iter().for_each(|sight| numbers.entry(sight).or_default().1 += sign);
            }
            if numbers.values().any(|&(_, balance)| balance != 0) {
                return None;
            }
            numbers.values_mut().enumerate().for_each(|(number, entry)| entry.0 = number as u64);
            let found = numbers.len();
            colours = [0, 1].map(|side: usize| sights[side].iter().map(|sight| numbers[sight].0).collect());
            if found == known {
                return Some(colours);
            }
            known = found;
        }
    }

    /// A class of x that shares its colour with others, and the classes of y of that colour.
    fn open_cell(&self, colours: &Colours) -> Option<(usize, Vec<usize>)> {
        (0..self.x.classes).find_map(|class| {
            let cell: Vec<usize> = (0..self.y.classes).filter(|&k| colours[1][k] == colours[0][class]).collect();
            (cell.len() > 1).then_some((class, cell))
        })
    }

    /// Whether some relabelling that respects the (refined) colours carries y to x.
    fn matches(&self, colours: &Colours) -> bool {
        let Some((class, cell)) = self.open_cell(colours) else { return self.agree(colours) };
        cell.iter().any(|&image| self.refined(single_out(colours, class, image)).is_some_and(|colours| self.matches(&colours)))
    }

    /// Whether the numbers agree under the relabelling that the colours of the classes are.
    fn agree(&self, colours: &Colours) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= self.allowed;
        let partner: Option<Vec<usize>> =
            (0..self.y.classes).map(|k| (0..self.x.classes).find(|&j| colours[0][j] == colours[1][k])).collect();
        let Some(partner) = partner else { return false };
        let bias = self.y.point.bias.iter().enumerate().all(|(k, &b)| near(self.x.point.bias[partner[k]], b));
        let mut free: Vec<&Column> = self.x.point.columns.iter().collect();
        bias && self.y.point.columns.iter().all(|column| {
            let fits = |other: &&Column| {
                other.label == partner[column.label]
                    && other.multiplicity == column.multiplicity
                    && column.entries.iter().zip(&partner).all(|(&entry, &j)| near(other.entries[j], entry))
            };
            let found = free.iter().position(fits);
            found.is_some_and(|at| {
                free.swap_remove(at);
                true
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::*;
    use crate::numeric::{gaussian, stream};

    fn random_matrix(rows: usize, columns: usize, index: u64) -> DMatrix<f64> {
        let mut data = vec![0.0; rows * columns];
        gaussian(&mut stream(2, "orbit tests", index), 1.0, &mut data);
        DMatrix::from_vec(rows, columns, data)
    }

    /// The point rotated, with its classes relabelled (`classes` must keep sizes) and its samples reversed.
    fn moved(shape: &Shape, x: &Point, classes: &[usize]) -> Point {
        let width = x.width();
        let q = nalgebra::QR::new(random_matrix(width, width, 4)).q();
        let members = |k: usize| (0..shape.samples()).filter(|&i| shape.labels()[i] == k).rev().collect::<Vec<_>>();
        let order: Vec<usize> = classes.iter().flat_map(|&k| members(k)).collect();
        let w = DMatrix::from_fn(classes.len(), width, |k, a| x.w()[(classes[k], a)]) * q.transpose();
        let h = &q * DMatrix::from_fn(width, order.len(), |a, i| x.h()[(a, order[i])]);
        let b: Vec<f64> = if x.has_bias() { classes.iter().map(|&k| x.b()[k]).collect() } else { vec![] };
        Point::from_blocks(&w, &h, &b)
    }

    /// 0 … n − 1 in a scrambled order.
    fn scrambled(n: usize, index: u64) -> Vec<usize> {
        let keys = random_matrix(n, 1, index);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| keys[i].total_cmp(&keys[j]));
        order
    }

    /// One sample a class and X = `logits`.
    fn with_logits(logits: &DMatrix<f64>) -> (Shape, Point) {
        let n = logits.nrows();
        (Shape::balanced(n, n, 1).unwrap(), Point::from_blocks(&DMatrix::identity(n, n), logits, &[]))
    }

    fn generic(sizes: &[usize]) -> (Shape, Point) {
        let shape = Shape::new(3, sizes).unwrap();
        let b: Vec<f64> = random_matrix(sizes.len(), 1, 3).as_slice().to_vec();
        let x = Point::from_blocks(&random_matrix(sizes.len(), 3, 1), &random_matrix(3, shape.samples(), 2), &b);
        (shape, x)
    }

    #[test]
    fn rotations_and_relabellings_do_not_make_new_points() {
        for (sizes, classes) in
            [(vec![2, 2, 2, 2], vec![2, 0, 3, 1]), (vec![2, 3, 2], vec![2, 1, 0]), (vec![1; 20], scrambled(20, 7))]
        {
            let (shape, x) = generic(&sizes);
            assert!(same_orbit(&shape, &x, &moved(&shape, &x, &classes), 1e-9));
            assert_eq!(stabiliser_size(&shape, &x, 1e-9), Some(1));
        }
    }

    #[test]
    fn different_points_stay_apart() {
        let (shape, x) = generic(&[2, 2, 2]);
        let mut other = moved(&shape, &x, &[1, 2, 0]);
        other.h_mut()[(0, 3)] += 1e-3;
        assert!(!same_orbit(&shape, &x, &other, 1e-6));
        let mut other = x.clone();
        other.b_mut().swap(0, 1);
        assert!(!same_orbit(&shape, &x, &other, 1e-6));
        // Classes of different sizes are not exchanged.
        let (shape, x) = generic(&[1, 2]);
        let h = x.h().into_owned();
        let exchanged = DMatrix::from_columns(&[h.column(1), h.column(0), h.column(2)]);
        let w = DMatrix::from_rows(&[x.w().row(1), x.w().row(0)]);
        assert!(!same_orbit(&shape, &x, &Point::from_blocks(&w, &exchanged, x.b()), 1e-6));
    }

    /// Rows of a simplex of `m` vertices, class k at vertex k mod m.
    fn clusters(classes: usize, m: usize) -> (Shape, Point) {
        let w = DMatrix::from_fn(classes, m, |k, a| f64::from(u8::from(k % m == a)) - 1.0 / m as f64);
        let shape = Shape::balanced(classes, m, 2).unwrap();
        let h = DMatrix::from_fn(m, 2 * classes, |a, i| w[(shape.labels()[i], a)]);
        (shape.clone(), Point::from_blocks(&w, &h, &vec![0.0; classes]))
    }

    #[test]
    fn symmetric_points_of_twenty_classes_are_recognised() {
        let factorial = |n: u128| (1..=n).product::<u128>();
        for m in [1, 2, 4, 10, 20] {
            let (shape, x) = clusters(20, m);
            let y = moved(&shape, &x, &scrambled(20, m as u64));
            assert!(same_orbit(&shape, &x, &y, 1e-9), "{m} clusters");
            let within = factorial(20 / m as u128).pow(m as u32);
            assert_eq!(stabiliser_size(&shape, &x, 1e-9), Some(within * factorial(m as u128)), "{m} clusters");
            for other in [1, 2, 4, 10, 20] {
                // Padded to one width, so that clusters alone differ.
                let (_, z) = clusters(20, other);
                assert_eq!(same_orbit(&shape, &x, &z, 1e-9), m == other, "{m} and {other} clusters");
            }
        }
    }

    /// Two triangles and a hexagon: every vertex sees two neighbours, so refinement alone cannot tell them apart. The loss, ‖X‖_F and every sorted row and column agree.
    #[test]
    fn what_refinement_cannot_split_the_search_tells_apart() {
        let cycle = |length: usize| {
            DMatrix::from_fn(6, 6, |i, j| {
                let (block, step) = (i / length, (6 + i - j) % length);
                let near = block == j / length && (step == 1 || step == length - 1);
                if i == j { 4.0 } else { f64::from(u8::from(near)) }
            })
        };
        let ((shape, triangles), (_, hexagon)) = (with_logits(&cycle(3)), with_logits(&cycle(6)));
        let sum = |x: &Point| x.h().iter().map(|h| h * h).sum::<f64>();
        assert!((sum(&triangles) - sum(&hexagon)).abs() < 1e-12);
        assert!(!same_orbit(&shape, &triangles, &hexagon, 1e-9));
        for (x, symmetries) in [(triangles, 72), (hexagon, 12)] {
            assert!(same_orbit(&shape, &x, &moved(&shape, &x, &scrambled(6, 9)), 1e-9));
            assert_eq!(stabiliser_size(&shape, &x, 1e-9), Some(symmetries));
        }
    }

    /// X and Xᵀ share their value in every permutation-invariant sense but need not be relabellings of each other.
    #[test]
    fn a_point_and_its_transpose_are_told_apart() {
        // Arcs 0→1→2→0, 0→3, 1→3, 2→4, 3→4: a vertex of out-degree 0 and one of in-degree 2 and out-degree 1.
        let mut logits = DMatrix::<f64>::identity(5, 5) * 3.0;
        for (i, j) in [(0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 4), (3, 4)] {
            logits[(i, j)] = 1.0;
        }
        let ((shape, x), (_, transposed)) = (with_logits(&logits), with_logits(&logits.transpose()));
        assert!(!same_orbit(&shape, &x, &transposed, 1e-9));
        assert!(same_orbit(&shape, &x, &moved(&shape, &x, &[4, 2, 0, 1, 3]), 1e-9));
    }

    /// Every start that ends at the origin leaves other rounding errors there.
    #[test]
    fn the_origin_is_one_point() {
        let shape = Shape::balanced(4, 0, 2).unwrap();
        let near = |index| {
            let b: Vec<f64> = random_matrix(4, 1, index).iter().map(|b| 1e-13 * b).collect();
            Point::from_blocks(&DMatrix::zeros(4, 0), &DMatrix::zeros(0, 8), &b)
        };
        assert!(same_orbit(&shape, &near(1), &near(2), 1e-6));
        assert_eq!(stabiliser_size(&shape, &near(1), 1e-6), Some(24));
    }

    /// Samples of a class matter as a multiset.
    #[test]
    fn samples_count() {
        let shape = Shape::balanced(2, 1, 3).unwrap();
        let w = DMatrix::from_column_slice(2, 1, &[1.0, -1.0]);
        let at = |h: [f64; 6]| Point::from_blocks(&w, &DMatrix::from_row_slice(1, 6, &h), &[]);
        let x = at([1.0, 1.0, 2.0, -1.0, -1.0, -2.0]);
        assert!(same_orbit(&shape, &x, &at([2.0, 1.0, 1.0, -1.0, -2.0, -1.0]), 1e-9));
        assert!(!same_orbit(&shape, &x, &at([2.0, 2.0, 1.0, -1.0, -2.0, -1.0]), 1e-9));
        assert!(same_orbit(&shape, &at([2.0, 2.0, 1.0, -1.0, -2.0, -1.0]), &at([2.0, 1.0, 1.0, -1.0, -2.0, -2.0]), 1e-9));
        assert_eq!(stabiliser_size(&shape, &x, 1e-9), Some(2));
        // In either class one of three samples is the other: 3 · 3 relabellings; exchanging the classes makes none.
        assert_eq!(relabellings(&shape, &x, 1e-9), Some(9));
    }

    /// The copies are counted one by one over the whole group.
    #[test]
    fn relabellings_are_the_images_under_the_group() {
        let shape = Shape::new(1, &[2, 2, 3]).unwrap();
        let w = DMatrix::from_column_slice(3, 1, &[1.0, 2.0, -1.0]);
        for (h, b) in [
            ([1.0, 1.0, 2.0, 2.0, 0.5, 0.5, 0.7], [0.0; 3]),
            ([1.0, 3.0, 2.0, 2.0, 0.5, 0.6, 0.7], [0.0; 3]),
            ([0.0; 7], [0.1, 0.1, 0.0]),
            ([0.0; 7], [0.1, 0.3, 0.0]),
        ] {
            let x = Point::from_blocks(&w, &DMatrix::from_row_slice(1, 7, &h), &b);
            let logits = x.w() * x.h();
            let mut images: Vec<Vec<i64>> = Vec::new();
            for swap in [false, true] {
                let class = |k: usize| if swap && k < 2 { 1 - k } else { k };
                for bits in 0..4 {
                    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                        let sample = |k: usize, i: usize| match k {
                            2 => 4 + order[i],
                            k => 2 * class(k) + (i + (bits >> k)) % 2,
                        };
                        let mut image: Vec<f64> = (0..3).map(|k| b[class(k)]).collect();
                        for (k, i) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)] {
                            image.extend((0..3).map(|j| logits[(class(j), sample(k, i))]));
                        }
                        images.push(image.iter().map(|x| (x * 1e6).round() as i64).collect());
                    }
                }
            }
            images.sort();
            images.dedup();
            assert_eq!(relabellings(&shape, &x, 1e-9), Some(images.len() as u128));
        }
    }

    #[test]
    fn too_many_relabellings_are_not_counted() {
        let shape = Shape::balanced(40, 1, 1).unwrap();
        let w = DMatrix::from_fn(40, 1, |k, _| k as f64);
        let h = DMatrix::from_element(1, 40, 1.0);
        assert_eq!(relabellings(&shape, &Point::from_blocks(&w, &h, &[]), 1e-9), None);
        assert_eq!(binomial(60, 30), Some(118_264_581_564_861_424));
    }
}
