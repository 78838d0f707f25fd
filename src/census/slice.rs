//! A plane through a critical point, and f on it.
//!
//! The plane is spanned by two directions from the point x: an eigenvector of the lowest eigenvalue, the straight way to the lowest critical point y known, or a random one. The coordinates are orthogonal, so that
//! distances in the plane are those of the space of (W, H, b): the way to y is kept as it is, and the other direction is made orthogonal to it.
//!
//! y stands for its orbit, and the member taken is the nearest to x by a rotation of O(d). Where x has rank below d that leaves rotations which fix x; the member taken then goes as far as it can along the escape
//! direction (x + τδ, τ → 0, takes the place of x). Rotations that fix x and δ change nothing of f on the plane, so the slice does not depend on what is still open. Relabellings are not tried.

use rayon::prelude::*;

use super::ORBIT_TOLERANCE;
use super::directions::escape_levels;
use super::walk::{aligned, distance};
use crate::critical::CriticalPoint;
use crate::linalg::{axpy, dot, norm};
use crate::model::Point;
use crate::numeric::{gaussian, stream};
use crate::objective::{Objective, Problem};

/// Directions nearer to each other than this (as 1 − |cos|) span no plane that could be drawn.
const PARALLEL: f64 = 1e-6;
/// τ of the module's text, as a fraction of 1 + ‖x‖.
const TIE_BREAK: f64 = 1e-6;

/// What a direction of the plane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceDirection {
    /// An eigenvector of the lowest eigenvalue of the Hessian, which must be negative.
    Escape,
    /// The straight way to the lowest critical point.
    ToMinimum,
    /// Independent normal entries, from a fixed stream.
    Random,
}

impl SliceDirection {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Escape, Self::ToMinimum, Self::Random];

    /// Its name in scenarios and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Escape => "escape",
            Self::ToMinimum => "to-minimum",
            Self::Random => "random",
        }
    }
}

/// An axis of the plane.
#[derive(Clone, Debug)]
pub struct SliceAxis {
    /// What it was made from.
    pub direction: SliceDirection,
    /// Unit vector of the packed space, orthogonal to the other axis.
    pub unit: Vec<f64>,
    /// One step of the coordinate, as a length in the space of (W, H, b).
    pub length: f64,
    /// The lowest eigenvalue, of an escape direction.
    pub eigenvalue: Option<f64>,
}

/// A plane through a critical point.
#[derive(Clone, Debug)]
pub struct Plane {
    /// The point at the problem's width.
    pub through: Point,
    /// The lowest critical point, turned towards `through`; `None` where that is the lowest itself.
    pub lowest: Option<Point>,
    /// The two axes.
    pub axes: [SliceAxis; 2],
    /// The cosine of the two directions before one was made orthogonal to the other.
    pub overlap: f64,
}

/// The plane through `through` along two `directions`; `lowest` is the lowest critical point known, `None` where that is `through`.
///
/// One step is the distance to the lowest point along the way to it, else the norm of `through` (of the lowest point where that is zero). `Err` says which direction does not exist.
pub fn plane(
    problem: &Problem,
    through: &CriticalPoint,
    lowest: Option<&CriticalPoint>,
    directions: [SliceDirection; 2],
) -> Result<Plane, String> {
    let x = through.point();
    let escape = match directions.contains(&SliceDirection::Escape) {
        true => Some(lowest_eigenvector(problem, through)?),
        false => None,
    };
    let lowest = lowest.map(|lowest| {
        let mut near = x.clone();
        if let Some((delta, _)) = &escape {
            axpy(TIE_BREAK * (1.0 + norm(x.as_slice())), delta, near.as_mut_slice());
        }
        aligned(&near, &lowest.point())
    });
    let size = norm(x.as_slice());
    let size_lowest = lowest.as_ref().map_or(1.0, |lowest| norm(lowest.as_slice()));
    let length = if size > ORBIT_TOLERANCE * size_lowest { size } else { size_lowest };
    let make = |number: usize| -> Result<SliceAxis, String> {
        let direction = directions[number];
        let (vector, length, eigenvalue) = match direction {
            SliceDirection::Escape => {
                let (delta, eigenvalue) = escape.clone().ok_or("there is no escape direction")?;
                (delta, length, Some(eigenvalue))
            }
            SliceDirection::ToMinimum => {
                let goal =
                    lowest.as_ref().ok_or("the point is the lowest critical point itself: there is no way to a lower one")?;
                let way = goal.as_slice().iter().zip(x.as_slice()).map(|(goal, x)| goal - x).collect();
                (way, distance(goal, &x), None)
            }
            SliceDirection::Random => {
                let mut vector = vec![0.0; x.as_slice().len()];
                gaussian(&mut stream(0, "slice direction", number as u64), 1.0, &mut vector);
                (vector, length, None)
            }
        };
        Ok(SliceAxis { direction, unit: normalised(vector)?, length, eigenvalue })
    };
    let mut axes = [make(0)?, make(1)?];
    let overlap = dot(&axes[0].unit, &axes[1].unit);
    if !(1.0 - overlap.abs() > PARALLEL) {
        return Err(format!("the directions {} and {} are parallel", axes[0].direction.name(), axes[1].direction.name()));
    }
    let kept = usize::from(directions[1] == SliceDirection::ToMinimum);
    let fixed = axes[kept].unit.clone();
    let other = &mut axes[1 - kept].unit;
    axpy(-overlap, &fixed, other);
    *other = normalised(std::mem::take(other))?;
    Ok(Plane { through: x, lowest, axes, overlap })
}

/// A unit eigenvector of the lowest eigenvalue at the problem's width, and the eigenvalue.
fn lowest_eigenvector(problem: &Problem, saddle: &CriticalPoint) -> Result<(Vec<f64>, f64), String> {
    let levels = escape_levels(problem, saddle, 1)?;
    let level = levels.first().ok_or("the Hessian has no negative eigenvalue there: there is no escape direction")?;
    let direction = level.directions.first().ok_or("the lowest eigenvalue has no direction")?;
    let shape = problem.shape.at_width(direction.origin.width());
    let delta = Point::from_vec(&shape, problem.bias, direction.delta.clone()).embed(&direction.frame);
    Ok((delta.into_vec(), level.eigenvalue))
}

fn normalised(mut vector: Vec<f64>) -> Result<Vec<f64>, String> {
    let length = norm(&vector);
    if !(length > 0.0 && length.is_finite()) {
        return Err("a direction has length zero".into());
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Ok(vector)
}

/// `resolution` numbers from −span to span; 0 is exactly among them where `resolution` is odd.
pub fn coordinates(span: f64, resolution: usize) -> Vec<f64> {
    let last = resolution.saturating_sub(1).max(1) as f64;
    (0..resolution).map(|i| span * (2.0 * i as f64 - last) / last).collect()
}

impl Plane {
    /// The point at these coordinates, in steps of the axes.
    pub fn point(&self, coordinates: [f64; 2]) -> Point {
        let mut x = self.through.clone();
        for (axis, t) in self.axes.iter().zip(coordinates) {
            axpy(t * axis.length, &axis.unit, x.as_mut_slice());
        }
        x
    }

    /// The coordinates of a point's foot in the plane, and its distance from it.
    pub fn project(&self, y: &Point) -> ([f64; 2], f64) {
        let away: Vec<f64> = y.as_slice().iter().zip(self.through.as_slice()).map(|(y, x)| y - x).collect();
        let coordinates = [0, 1].map(|a| dot(&away, &self.axes[a].unit) / self.axes[a].length);
        (coordinates, distance(&self.point(coordinates), y))
    }

    /// f at the product of two lists of coordinates: one row for each of the second axis.
    pub fn values(&self, problem: &Problem, across: &[f64], up: &[f64]) -> Vec<Vec<f64>> {
        let row = |&b: &f64| {
            let mut objective = Objective::new(problem);
            across.iter().map(|&a| objective.value(&self.point([a, b]))).collect()
        };
        up.par_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::fixture;
    use crate::critical::{Candidate, gate};
    use crate::solvers::{SolverSpec, Stop, minimise};
    use crate::starts::{StartSpec, expand};

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs().max(1.0)
    }

    #[test]
    fn centre_and_minimum_are_exact_from_every_saddle() {
        for problem in [fixture::problem(), fixture::vertical_problem()] {
            let points = fixture::ladder(&problem);
            let value = |x: &CriticalPoint| Objective::new(&problem).value(&x.point());
            let lowest = points.iter().min_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
            let mut drawn = 0;
            for saddle in points.iter().filter(|x| !escape_levels(&problem, x, 1).unwrap().is_empty()) {
                let plane = plane(&problem, saddle, Some(lowest), [SliceDirection::Escape, SliceDirection::ToMinimum]).unwrap();
                let [escape, way] = &plane.axes;
                assert!(dot(&escape.unit, &way.unit).abs() < 1e-12 && close(norm(&escape.unit), 1.0));
                let at = coordinates(1.5, 7);
                let values = plane.values(&problem, &at, &at);
                assert!(close(values[3][3], value(saddle)) && close(values[5][3], value(lowest)), "{values:?}");
                let (foot, off) = plane.project(plane.lowest.as_ref().unwrap());
                assert!(foot[0].abs() < 1e-12 && close(foot[1], 1.0) && off < 1e-12 * way.length.max(1.0), "{foot:?} {off}");
                // f falls along the escape by half its eigenvalue, where that direction was kept.
                let kept =
                    super::plane(&problem, saddle, Some(lowest), [SliceDirection::Escape, SliceDirection::Random]).unwrap();
                let t = 1e-3;
                let fall = kept.values(&problem, &[-t / kept.axes[0].length, t / kept.axes[0].length], &[0.0]);
                let curvature = (fall[0][0] + fall[0][1] - 2.0 * value(saddle)) / (t * t);
                let eigenvalue = kept.axes[0].eigenvalue.unwrap();
                assert!((curvature / eigenvalue - 1.0).abs() < 1e-3, "{curvature} {eigenvalue}");
                drawn += 1;
            }
            assert!(drawn >= 2);
        }
    }

    #[test]
    fn rotating_the_lowest_point_changes_nothing() {
        let problem = fixture::problem();
        let points = fixture::ladder(&problem);
        let origin = &points[0];
        let values = |lowest: &CriticalPoint| {
            let directions = [SliceDirection::Escape, SliceDirection::ToMinimum];
            plane(&problem, origin, Some(lowest), directions).unwrap().values(&problem, &[-0.7, 0.4], &[0.3, 0.9])
        };
        let lowest = points.iter().max_by_key(|point| point.rank()).unwrap();
        let mut turned = nalgebra::DMatrix::<f64>::identity(6, 6);
        for (i, j) in [(0, 3), (1, 4), (2, 5), (0, 1)] {
            let (mut left, mut right) = (turned.column(i).into_owned(), turned.column(j).into_owned());
            (left, right) = (&left * 0.6 - &right * 0.8, &left * 0.8 + &right * 0.6);
            turned.set_column(i, &left);
            turned.set_column(j, &right);
        }
        let candidate = Candidate { point: lowest.point().embed(&turned), polish: false };
        let other = gate(&problem, candidate).unwrap();
        let pairs = values(lowest).concat().into_iter().zip(values(&other).concat());
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} {b}"));
    }

    #[test]
    fn what_does_not_exist_is_refused_in_words() {
        let problem = fixture::problem();
        let near = StartSpec::NearEtf { count: 1, scale: 0.01, seed: 1 };
        let start = expand(&[near], &problem)[0].point(&problem).unwrap().unwrap();
        let found = minimise(&problem, start, &SolverSpec::GradientNorm, &Stop::default(), &mut |_, _| {});
        let minimum = gate(&problem, Candidate { point: found.state.x, polish: true }).unwrap();
        let refused = |first, second| plane(&problem, &minimum, None, [first, second]).unwrap_err();
        assert!(refused(SliceDirection::Escape, SliceDirection::Random).contains("no negative eigenvalue"));
        assert!(refused(SliceDirection::Random, SliceDirection::ToMinimum).contains("lowest critical point itself"));
    }
}
