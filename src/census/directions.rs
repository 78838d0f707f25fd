//! The distinct negative eigenvalues of the whole Hessian at a saddle, and directions in their eigenspaces.
//!
//! At a critical point of rank r the Hessian is that of the width-r problem ⊕ (d−r) copies of [[λ_W I, G], [Gᵀ, λ_H I]] (the rank split of `spectra`). A singular pair (u, v, σ) of G with σ > μ gives
//! λ = (μ−σ)(μ+σ)/λ₊ < 0, λ₊ = (λ_W+λ_H)/2 + √(((λ_W−λ_H)/2)² + σ²), with eigenvectors (x u aᵀ, y a vᵀ, 0) for every unit a outside the row space of W: from
//! (λ_W − λ)x + σy = 0 and x² + y² = 1, (x, y) ∝ (σ, λ − λ_W).
//!
//! Rotations of the free dimensions carry one a to another, so a direction of such a space is, modulo symmetry, Σ_j u_j m_jᵀ with rows m_j in as few free dimensions as it has rank. A direction is therefore written at
//! the least width in which it lives: gradient flow never leaves that width, and a solver at that width cannot leave it by rounding either.

use nalgebra::DMatrix;

use crate::critical::CriticalPoint;
use crate::linalg::{completed_basis, eigen, norm, svd};
use crate::model::Point;
use crate::numeric::{gaussian, stream};
use crate::objective::{Objective, Problem, dense_hessian, residual_spectrum};
use crate::spectra::{Level, Limits, at_critical};

/// Dimension, at the width of the descent, up to which the Hessian is taken as a dense matrix: at most a second for each step.
pub const DIMENSION_MAX: usize = 600;
/// Eigenvalues within this fraction of the largest are one, with a multiplicity.
const CLUSTER: f64 = 1e-8;

/// A distinct negative eigenvalue of the whole Hessian.
#[derive(Clone, Debug)]
pub struct EscapeLevel {
    /// λ < 0.
    pub eigenvalue: f64,
    /// Its multiplicity.
    pub multiplicity: u64,
    /// Directions of its eigenspace, each to be taken with both signs.
    pub directions: Vec<Direction>,
}

/// A direction at the least width it lives in.
#[derive(Clone, Debug)]
pub struct Direction {
    /// The saddle at that width.
    pub origin: Point,
    /// Unit vector, packed as `origin`: an eigenvector of the Hessian there.
    pub delta: Vec<f64>,
    /// d×width, orthonormal: the place of that width's dimensions in the problem's.
    pub frame: DMatrix<f64>,
}

/// Negative eigenvectors, those that share one eigenvalue.
#[derive(Default)]
struct Cluster {
    values: Vec<f64>,
    /// Columns of the width-r Hessian's eigenvectors.
    inner: Vec<usize>,
    /// Positions of singular pairs of G.
    off: Vec<usize>,
}

/// Everything a direction is made of.
struct Spaces<'a> {
    saddle: &'a CriticalPoint,
    inner: DMatrix<f64>,
    u: DMatrix<f64>,
    v: DMatrix<f64>,
    /// (x, y) of each singular pair.
    plane: Vec<(f64, f64)>,
    /// d×d: the frame of the row space, then a basis of its complement.
    basis: DMatrix<f64>,
}

/// The distinct negative eigenvalues at a saddle, lowest first, each with up to `directions_max` directions: a basis of the space modulo symmetry first, then combinations drawn from fixed random streams.
///
/// `Err` says why they are not there (the width-r Hessian is too large, or there is none).
pub fn escape_levels(problem: &Problem, saddle: &CriticalPoint, directions_max: usize) -> Result<Vec<EscapeLevel>, String> {
    let (rank, width) = (saddle.rank(), problem.shape.width());
    let narrow = problem.at_width(rank);
    let free = width - rank;
    let widest = problem.at_width(rank + free.min(1)).dimension();
    if widest > DIMENSION_MAX {
        return Err(format!("escapes are followed up to dimension {DIMENSION_MAX} at the saddle's rank; this is {widest}"));
    }
    let mut objective = Objective::new(&narrow);
    let residual = residual_spectrum(&mut objective, saddle.reduced());
    let resolution = at_critical(problem, saddle, &residual, Level::Inertia, &Limits::default())?.resolution;
    let found = eigen(&dense_hessian(&mut objective, saddle.reduced()));
    let pairs = svd(&residual_matrix(&mut objective, saddle.reduced()));
    let (decay_w, decay_h, mu) = (problem.decay.w, problem.decay.h, problem.decay.mu());
    let upper = |sigma: f64| 0.5 * (decay_w + decay_h) + (0.5 * (decay_w - decay_h)).hypot(sigma);
    let lower: Vec<f64> = pairs.values.iter().map(|&sigma| (mu - sigma) * (mu + sigma) / upper(sigma)).collect();
    let plane = |(&sigma, &value): (&f64, &f64)| {
        let (x, y) = (sigma, value - decay_w);
        (x / x.hypot(y), y / x.hypot(y))
    };

    let mut all: Vec<(f64, bool, usize)> = found.values.iter().enumerate().map(|(i, &value)| (value, true, i)).collect();
    if free > 0 {
        all.extend(lower.iter().enumerate().map(|(i, &value)| (value, false, i)));
    }
    let largest = all.iter().map(|(value, ..)| value.abs()).fold(0.0, f64::max);
    all.retain(|(value, ..)| *value < -resolution);
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut clusters: Vec<Cluster> = Vec::new();
    for (value, inner, place) in all {
        let apart = clusters.last().and_then(|last| last.values.last()).is_none_or(|last| value - last > CLUSTER * largest);
        if apart {
            clusters.push(Cluster::default());
        }
        let Some(cluster) = clusters.last_mut() else { continue };
        cluster.values.push(value);
        if inner { cluster.inner.push(place) } else { cluster.off.push(place) }
    }
    let spaces = Spaces {
        saddle,
        inner: found.vectors,
        plane: pairs.values.iter().zip(&lower).map(plane).collect(),
        u: pairs.u,
        v: pairs.v,
        basis: completed_basis(saddle.frame()),
    };
    let level = |(number, cluster): (usize, &Cluster)| EscapeLevel {
        eigenvalue: cluster.values.iter().sum::<f64>() / cluster.values.len() as f64,
        multiplicity: (cluster.inner.len() + free * cluster.off.len()) as u64,
        directions: spaces.directions(cluster, free, directions_max, number as u64),
    };
    Ok(clusters.iter().enumerate().map(level).collect())
}

/// G, K×N.
fn residual_matrix(objective: &mut Objective<'_>, x: &Point) -> DMatrix<f64> {
    let shape = &objective.problem().shape;
    let (classes, samples) = (shape.classes(), shape.samples());
    let mut entries = vec![0.0; classes * samples];
    objective.for_each_residual_block(x, |first, block| {
        entries[first * classes..first * classes + block.len()].copy_from_slice(block);
    });
    DMatrix::from_vec(classes, samples, entries)
}

impl Spaces<'_> {
    /// Directions of one eigenspace.
    ///
    /// One alone where the space is, modulo symmetry, a line. Else inner eigenvectors, then off-space directions of rank one that set classes apart (those the landscape's own symmetry singles out: a generic
    /// direction leads to generic points only), then as many random combinations as the space has dimensions; of all these the first `most`.
    fn directions(&self, cluster: &Cluster, free: usize, most: usize, level: u64) -> Vec<Direction> {
        let (inner, off) = (cluster.inner.len(), cluster.off.len());
        let size = inner + off;
        let columns_max = off.min(free);
        let mut chosen: Vec<(Vec<f64>, usize)> = (0..inner)
            .map(|at| {
                let mut coefficients = vec![0.0; inner];
                coefficients[at] = 1.0;
                (coefficients, 0)
            })
            .collect();
        chosen.extend(self.class_contrasts(cluster).into_iter().map(|contrast| ([vec![0.0; inner], contrast].concat(), 1)));
        if size > 1 {
            // Half of them at least are random, where there are too many.
            chosen.truncate(most.div_ceil(2).max(most.saturating_sub(size)));
            for number in 0..size.min(most.saturating_sub(chosen.len())) {
                // In one free dimension, in two, … by turns.
                let columns = if columns_max == 0 { 0 } else { 1 + number % columns_max };
                let mut coefficients = vec![0.0; inner + off * columns];
                gaussian(&mut stream(level, "escape direction", number as u64), 1.0, &mut coefficients);
                chosen.push((coefficients, columns));
            }
        }
        chosen.truncate(most);
        chosen.iter().map(|(coefficients, columns)| self.direction(cluster, coefficients, *columns)).collect()
    }

    /// Unit vectors Σ_j c_j u_j of the space of left singular vectors, as their coefficients: the projections of class k alone, of k against l, and of k with l. Those whose entries differ in order and sign alone
    /// are as a rule images of each other under relabelling, and only the first is kept.
    fn class_contrasts(&self, cluster: &Cluster) -> Vec<Vec<f64>> {
        let classes = self.u.nrows();
        let mut wishes: Vec<Vec<(usize, f64)>> = Vec::new();
        for k in 0..classes {
            wishes.push(vec![(k, 1.0)]);
            wishes.extend((k + 1..classes).flat_map(|l| [vec![(k, 1.0), (l, -1.0)], vec![(k, 1.0), (l, 1.0)]]));
        }
        let (mut kept, mut seen): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
        for wish in wishes {
            let along = |&place: &usize| wish.iter().map(|&(k, weight)| weight * self.u[(k, place)]).sum::<f64>();
            let mut coefficients: Vec<f64> = cluster.off.iter().map(along).collect();
            let length = norm(&coefficients);
            if !(length > 1e-6) {
                continue;
            }
            coefficients.iter_mut().for_each(|x| *x /= length);
            let entry =
                |k: usize| cluster.off.iter().zip(&coefficients).map(|(&place, c)| c * self.u[(k, place)]).sum::<f64>().abs();
            let mut sizes: Vec<f64> = (0..classes).map(entry).collect();
            sizes.sort_by(f64::total_cmp);
            if seen.iter().all(|other| other.iter().zip(&sizes).any(|(a, b)| (a - b).abs() > 1e-6)) {
                seen.push(sizes);
                kept.push(coefficients);
            }
        }
        kept
    }

    /// Σ of inner eigenvectors and of off-space ones: `coefficients` holds those of the inner ones, then a matrix (pairs × `columns`) by rows.
    fn direction(&self, cluster: &Cluster, coefficients: &[f64], columns: usize) -> Direction {
        let reduced = self.saddle.reduced();
        let rank = reduced.width();
        let pad = DMatrix::identity(rank + columns, rank);
        let mut inner = reduced.clone();
        inner.as_mut_slice().fill(0.0);
        for (&place, &weight) in cluster.inner.iter().zip(coefficients) {
            let column = self.inner.column(place);
            inner.as_mut_slice().iter_mut().zip(column.iter()).for_each(|(x, &part)| *x += weight * part);
        }
        let mut delta = inner.embed(&pad);
        for (j, &place) in cluster.off.iter().enumerate() {
            let (x, y) = self.plane[place];
            for column in 0..columns {
                let weight = coefficients[cluster.inner.len() + j * columns + column];
                delta.w_mut().column_mut(rank + column).axpy(weight * x, &self.u.column(place), 1.0);
                let mut h = delta.h_mut();
                h.row_mut(rank + column).iter_mut().zip(self.v.column(place).iter()).for_each(|(h, &v)| *h += weight * y * v);
            }
        }
        let mut delta = delta.into_vec();
        let length = norm(&delta);
        delta.iter_mut().for_each(|x| *x /= length);
        Direction { origin: reduced.embed(&pad), delta, frame: self.basis.columns(0, rank + columns).into_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::fixture::{ladder, problem, vertical_problem};
    use crate::linalg::{dot, eigenvalues};

    /// Every direction, written at the problem's width, is an eigenvector of the dense Hessian there, and the levels with their multiplicities are its negative eigenvalues.
    fn check(problem: &Problem, saddle: &CriticalPoint) -> usize {
        let levels = escape_levels(problem, saddle, 8).unwrap();
        let mut objective = Objective::new(problem);
        let matrix = dense_hessian(&mut objective, &saddle.point());
        let oracle = eigenvalues(&matrix);
        let (scale, mut at) = (oracle.last().unwrap().abs().max(oracle[0].abs()), 0);
        for level in &levels {
            for _ in 0..level.multiplicity {
                assert!((oracle[at] - level.eigenvalue).abs() < 1e-11 * scale, "{at}: {} {}", oracle[at], level.eigenvalue);
                at += 1;
            }
            assert!(!level.directions.is_empty() && level.directions.len() <= 8);
            for direction in &level.directions {
                let shape = problem.shape.at_width(direction.origin.width());
                let delta = Point::from_vec(&shape, problem.bias, direction.delta.clone()).embed(&direction.frame);
                assert!((norm(delta.as_slice()) - 1.0).abs() < 1e-13);
                let mut image = vec![0.0; delta.as_slice().len()];
                objective.hessian_product(&saddle.point(), delta.as_slice(), &mut image);
                let rayleigh = dot(&image, delta.as_slice());
                assert!((rayleigh - level.eigenvalue).abs() < 1e-11 * scale, "{rayleigh} {}", level.eigenvalue);
                let rest: Vec<f64> = image.iter().zip(delta.as_slice()).map(|(image, x)| image - rayleigh * x).collect();
                assert!(norm(&rest) < 1e-8 * scale, "{}", norm(&rest));
            }
        }
        assert!(oracle[at] > -1e-10 * scale, "{at}: {}", oracle[at]);
        at
    }

    #[test]
    fn levels_are_the_negative_eigenvalues_of_the_dense_hessian() {
        let mut most_within = 0;
        for problem in [problem(), vertical_problem()] {
            for saddle in ladder(&problem) {
                let negative = check(&problem, &saddle);
                let levels = escape_levels(&problem, &saddle, 8).unwrap();
                let within = levels.iter().flat_map(|level| &level.directions);
                most_within = most_within.max(within.filter(|direction| direction.origin.width() == saddle.rank()).count());
                assert_eq!(negative == 0, levels.is_empty());
            }
        }
        assert!(most_within > 0, "a saddle with escapes within its own width is among them");
    }

    #[test]
    fn directions_do_not_depend_on_anything_but_the_saddle() {
        let problem = problem();
        let saddle = &ladder(&problem)[0];
        let once = escape_levels(&problem, saddle, 8).unwrap();
        let twice = escape_levels(&problem, saddle, 8).unwrap();
        assert_eq!(once[0].directions.len(), twice[0].directions.len());
        assert!(once[0].directions.iter().zip(&twice[0].directions).all(|(a, b)| a.delta == b.delta));
    }

    #[test]
    fn what_is_too_large_is_refused_with_its_size() {
        let problem = crate::census::fixture::large_problem();
        let origin = crate::census::fixture::origin(&problem);
        let message = escape_levels(&problem, &origin, 8).unwrap_err();
        assert!(message.contains("600") && message.contains(&problem.at_width(1).dimension().to_string()), "{message}");
    }
}
