//! Off a saddle along an escape direction and down to a critical point, close to the line of gradient flow ẋ = −∇f(x).
//!
//! A step of length t in time is the exact flow of the quadratic model at x: with ∇²f = V diag(λ) Vᵀ and c = Vᵀ∇f,
//! x ← x − V diag((1 − e^{−tλ_i})/λ_i) c (the exponential Rosenbrock–Euler method, of second order and free of stiffness). The model predicts the gradient V diag(e^{−tλ_i}) c at the new point; where the
//! true one differs from it by more than a fraction of its norm, t is shortened. So the path bends as the flow does, follows negative curvature as long as it is the flow that does, and near a minimum becomes
//! Newton's method as t grows. Every step must lower the value.

use super::directions::Direction;
use crate::critical::{Candidate, CriticalPoint, GradientNorm, gate};
use crate::linalg::{Eigen, axpy, dot, eigen, norm};
use crate::model::Point;
use crate::objective::{Objective, Problem, dense_hessian, residual_spectrum};
use crate::spectra::OffSpace;

/// Rows kept of a path.
pub const ROWS_MAX: usize = 40;
/// A path has arrived where the scaled gradient norm is this small: the gate's polish goes on from there. The flow into a saddle along its stable directions arrives too, before rounding carries it past.
const ARRIVED: f64 = 1e-6;
/// Where a path can no longer fall by rounding, it still has arrived with this scaled gradient norm.
const STALLED: f64 = 1e-4;
/// Most steps of a path: the flow past several saddles takes about a hundred.
const STEPS_MAX: usize = 600;
/// The gradient may differ from the model's by this fraction of the larger of the gradients at both ends.
const DEVIATION: f64 = 0.1;
/// The first step lowers the value by about this fraction of it: far above its rounding, and small enough that the quadratic term leads.
const FIRST_FALL: f64 = 1e-7;
/// The same as a length, relative to 1 + ‖x‖.
const FIRST_STEP_MAX: f64 = 0.02;
/// No step in time is longer than this over the largest |λ|: rounding errors of the gradient along null directions stay harmless.
const TIME_MAX: f64 = 1e6;
/// A direction of negative curvature grows by at most e to this power in one step.
const GROWTH_MAX: f64 = 2.0;

/// A row of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathRow {
    /// Length of the path so far.
    pub arc: f64,
    /// f.
    pub value: f64,
    /// ‖∇f‖.
    pub gradient_norm: f64,
    /// The smallest eigenvalue of the whole Hessian.
    pub lambda_min: f64,
}

/// Where an escape led.
#[derive(Clone, Debug)]
pub struct Escape {
    /// At most about [`ROWS_MAX`] rows, the saddle first; values fall strictly.
    pub rows: Vec<PathRow>,
    /// Its point and value, or why there is none.
    pub end: Result<(CriticalPoint, f64), String>,
}

/// Walks from a saddle along ±`direction` (whose curvature is `eigenvalue` < 0) down to a critical point.
pub fn escape(problem: &Problem, direction: &Direction, eigenvalue: f64, sign: i8) -> Escape {
    let narrow = problem.at_width(direction.origin.width());
    let mut walk = Walk::new(problem, &narrow, direction.origin.clone());
    walk.record();
    let left = walk.step_off(&direction.delta, eigenvalue, f64::from(sign));
    let candidate = left.and_then(|()| walk.descend());
    let rows = thinned(walk.rows);
    let end = candidate
        .and_then(|x| arrive(problem, &x, &direction.frame))
        .and_then(|(critical, value)| downward(&rows, value).map(|()| (critical, value)));
    Escape { rows, end }
}

/// Whether a path goes down: every row below the one before it, and the end below the saddle. The polish at the end could break that, and then there is no edge.
pub fn downward(rows: &[PathRow], end: f64) -> Result<(), String> {
    if let Some(pair) = rows.windows(2).find(|pair| !(pair[1].value < pair[0].value)) {
        return Err(format!("the path rises from the value {} to {}", pair[0].value, pair[1].value));
    }
    let start = rows.first().map_or(f64::NAN, |row| row.value);
    if !(end < start) {
        return Err(format!("the path ends at the value {end}, not below the saddle's {start}"));
    }
    Ok(())
}

/// Passes the end of a path, at its own width, through the gate of the whole problem.
fn arrive(problem: &Problem, x: &Point, frame: &nalgebra::DMatrix<f64>) -> Result<(CriticalPoint, f64), String> {
    let whole = x.embed(frame);
    let narrow = problem.at_width(x.width());
    // The gate pads narrow points with zeros: polishing at the path's own width keeps it there.
    let found = gate(&narrow, Candidate { point: x.clone(), polish: true }).map_err(|refused| refused.reason)?;
    let polished = found.point().embed(frame);
    let moved: Vec<f64> = polished.as_slice().iter().zip(whole.as_slice()).map(|(a, b)| a - b).collect();
    debug_assert!(norm(&moved) <= 0.1 * (1.0 + norm(whole.as_slice())), "the gate bounds the polish");
    let value = Objective::new(&narrow).value(&found.point());
    let critical = gate(problem, Candidate { point: polished, polish: false }).map_err(|refused| refused.reason)?;
    Ok((critical, value))
}

/// Where the walk stands.
struct Here {
    x: Point,
    value: f64,
    gradient: Vec<f64>,
}

struct Walk<'p> {
    problem: &'p Problem,
    objective: Objective<'p>,
    here: Here,
    spectrum: Eigen,
    arc: f64,
    rows: Vec<PathRow>,
}

impl<'p> Walk<'p> {
    fn new(problem: &'p Problem, narrow: &'p Problem, x: Point) -> Self {
        let mut objective = Objective::new(narrow);
        let here = Here::at(&mut objective, x);
        let spectrum = eigen(&dense_hessian(&mut objective, &here.x));
        Self { problem, objective, here, spectrum, arc: 0.0, rows: Vec::new() }
    }

    /// A row for the present point.
    fn record(&mut self) {
        let own = self.spectrum.values.first().copied().unwrap_or(0.0);
        let width = self.here.x.width();
        let free = self.problem.shape.width() - width;
        // W and H lie in one space of the walk's width, so the rank split holds here too.
        let residual = residual_spectrum(&mut self.objective, &self.here.x);
        let outside =
            OffSpace::new(self.problem, &residual, width, free).extremes().map_or(f64::INFINITY, |extremes| extremes.min);
        let gradient_norm = norm(&self.here.gradient);
        self.rows.push(PathRow { arc: self.arc, value: self.here.value, gradient_norm, lambda_min: own.min(outside) });
    }

    /// Goes on to `next`, `length` away.
    fn move_to(&mut self, next: Here, length: f64) {
        self.here = next;
        self.arc += length;
        self.spectrum = eigen(&dense_hessian(&mut self.objective, &self.here.x));
        self.record();
    }

    /// The first step, along the eigenvector: as short as the quadratic term allows to be seen above rounding.
    fn step_off(&mut self, delta: &[f64], eigenvalue: f64, sign: f64) -> Result<(), String> {
        let size = 1.0 + norm(self.here.x.as_slice());
        let first = (2.0 * FIRST_FALL * self.here.value.abs() / -eigenvalue).sqrt().min(FIRST_STEP_MAX * size);
        for halving in 0..12 {
            let length = first * 0.5_f64.powi(halving);
            let mut x = self.here.x.clone();
            axpy(sign * length, delta, x.as_mut_slice());
            let next = Here::at(&mut self.objective, x);
            // Half of what the quadratic term promises: a step that falls by higher terms alone is none of this direction's.
            if self.here.value - next.value >= -0.25 * eigenvalue * length * length {
                self.move_to(next, length);
                return Ok(());
            }
        }
        Err(format!(
            "no step of length {first:.1e} or less along the direction falls as its eigenvalue {eigenvalue:.1e} promises"
        ))
    }

    /// Down to where the gradient vanishes.
    fn descend(&mut self) -> Result<Point, String> {
        let mut time = 1.0 / self.steepest();
        for _ in 0..STEPS_MAX {
            let scaled = GradientNorm::of(self.objective.problem(), &self.here.x, &self.here.gradient).scaled;
            if scaled <= ARRIVED {
                return Ok(self.here.x.clone());
            }
            match self.flow(time) {
                Some(next) => time = next,
                None if scaled <= STALLED => return Ok(self.here.x.clone()),
                None => return Err(format!("no step along the flow falls any more at a scaled gradient norm of {scaled:.1e}")),
            }
        }
        let norm = norm(&self.here.gradient);
        Err(format!("the flow did not come to rest in {STEPS_MAX} steps (gradient norm {norm:.1e})"))
    }

    /// The largest |λ| here.
    fn steepest(&self) -> f64 {
        self.spectrum.values.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(value.abs()))
    }

    /// One step along the flow, at most `time` long; the time to try next, or `None` where no step falls.
    fn flow(&mut self, time: f64) -> Option<f64> {
        let lowest = self.spectrum.values.first().copied().unwrap_or(0.0).min(0.0);
        let mut time = time.min(TIME_MAX / self.steepest()).min(GROWTH_MAX / (-lowest).max(f64::MIN_POSITIVE));
        let vectors = &self.spectrum.vectors;
        let along = vectors.tr_mul(&nalgebra::DVector::from_column_slice(&self.here.gradient));
        let here_norm = norm(&self.here.gradient);
        for _ in 0..40 {
            let parts = |of: fn(f64) -> f64| {
                let weighted = along.iter().zip(&self.spectrum.values).map(|(c, value)| c * of(time * value));
                vectors * nalgebra::DVector::from_iterator(along.len(), weighted)
            };
            let step = parts(|z| if z.abs() < 1e-12 { 1.0 } else { -(-z).exp_m1() / z }) * -time;
            let predicted = parts(|z| (-z).exp());
            let mut x = self.here.x.clone();
            axpy(1.0, step.as_slice(), x.as_mut_slice());
            let next = Here::at(&mut self.objective, x);
            let difference: Vec<f64> = next.gradient.iter().zip(predicted.iter()).map(|(a, b)| a - b).collect();
            let deviation = norm(&difference) / here_norm.max(norm(&next.gradient));
            // The error grows with the square of the time.
            let factor = (0.9 * (DEVIATION / deviation.max(1e-12)).sqrt()).clamp(0.2, 4.0);
            if deviation <= DEVIATION && next.value < self.here.value && dot(step.as_slice(), &self.here.gradient) < 0.0 {
                self.move_to(next, step.norm());
                return Some(time * factor);
            }
            time *= if factor < 0.9 { factor } else { 0.5 };
        }
        None
    }
}

impl Here {
    fn at(objective: &mut Objective<'_>, x: Point) -> Self {
        let mut gradient = vec![0.0; x.as_slice().len()];
        let value = objective.value_gradient(&x, &mut gradient);
        Self { x, value, gradient }
    }
}

/// At most [`ROWS_MAX`] of the rows, evenly spaced by number, the first and last among them.
fn thinned(rows: Vec<PathRow>) -> Vec<PathRow> {
    if rows.len() <= ROWS_MAX {
        return rows;
    }
    (0..ROWS_MAX).map(|i| rows[i * (rows.len() - 1) / (ROWS_MAX - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::census::directions::escape_levels;
    use crate::census::fixture::{ladder, problem, vertical_problem};

    #[test]
    fn every_escape_falls_strictly_to_a_critical_point_below() {
        for problem in [problem(), vertical_problem()] {
            let saddles = ladder(&problem);
            let mut paths = 0;
            for saddle in &saddles {
                let start = Objective::new(&problem).value(&saddle.point());
                for level in escape_levels(&problem, saddle, 4).unwrap() {
                    for (direction, sign) in level.directions.iter().flat_map(|direction| [(direction, 1), (direction, -1)]) {
                        let found = escape(&problem, direction, level.eigenvalue, sign);
                        let (critical, value) = found.end.as_ref().unwrap_or_else(|reason| panic!("{reason}"));
                        assert!(*value < start, "{value} from {start}");
                        assert!(critical.rank() <= direction.origin.width());
                        assert!(found.rows.len() <= ROWS_MAX && found.rows.len() > 3);
                        assert!(found.rows.windows(2).all(|pair| pair[1].value < pair[0].value && pair[1].arc > pair[0].arc));
                        assert!((found.rows[0].lambda_min - level.eigenvalue) <= 1e-11);
                        let last = found.rows.last().unwrap();
                        assert!(last.value - value < 1e-9 && last.gradient_norm < 1e-6);
                        paths += 1;
                    }
                }
            }
            assert!(paths >= 8, "{paths}");
        }
    }

    /// From W = H = 0 a direction of rank one ends at a point of rank one: the flow never leaves the width, and rounding does not either.
    #[test]
    fn a_direction_of_rank_one_stays_of_rank_one() {
        let problem = problem();
        let origin = crate::census::fixture::origin(&problem);
        let levels = escape_levels(&problem, &origin, 8).unwrap();
        assert_eq!(levels[0].multiplicity, 3 * 6);
        let direction = &levels[0].directions[0];
        assert_eq!(direction.origin.width(), 1);
        let (critical, _) = escape(&problem, direction, levels[0].eigenvalue, 1).end.unwrap();
        assert_eq!(critical.rank(), 1);
    }

    #[test]
    fn lambda_min_is_that_of_the_dense_hessian_along_the_way() {
        let problem = problem();
        let origin = crate::census::fixture::origin(&problem);
        let levels = escape_levels(&problem, &origin, 8).unwrap();
        let direction = &levels[0].directions[0];
        let narrow = problem.at_width(direction.origin.width());
        let mut walk = Walk::new(&problem, &narrow, direction.origin.clone());
        walk.record();
        walk.step_off(&direction.delta, levels[0].eigenvalue, 1.0).unwrap();
        for _ in 0..5 {
            walk.flow(1.0).unwrap();
            let whole = walk.here.x.embed(&direction.frame);
            let dense = crate::linalg::eigenvalues(&dense_hessian(&mut Objective::new(&problem), &whole));
            assert!((dense[0] - walk.rows.last().unwrap().lambda_min).abs() < 1e-13);
        }
    }

    /// Planted: rows that rise or stand still, and ends that are not below.
    #[test]
    fn an_edge_that_goes_up_is_refused() {
        let rows = |values: &[f64]| -> Vec<PathRow> {
            let row = |(i, &value): (usize, &f64)| PathRow { arc: i as f64, value, gradient_norm: 1.0, lambda_min: -1.0 };
            values.iter().enumerate().map(row).collect()
        };
        assert_eq!(downward(&rows(&[1.0, 0.9, 0.5]), 0.5), Ok(()));
        assert!(downward(&rows(&[1.0, 0.9, 0.95]), 0.5).unwrap_err().contains("rises"));
        assert!(downward(&rows(&[1.0, 1.0]), 0.5).is_err());
        assert!(downward(&rows(&[1.0, f64::NAN]), 0.5).is_err());
        assert!(downward(&rows(&[1.0, 0.9]), 1.0).unwrap_err().contains("not below"));
        assert!(downward(&rows(&[1.0, 0.9]), f64::NAN).is_err());
        assert!(downward(&[], 0.5).is_err());
    }

    /// Planted: a direction of positive curvature is no escape, and an eigenvalue that the function does not keep is found out.
    #[test]
    fn a_direction_that_leads_up_is_refused() {
        let problem = problem();
        let origin = crate::census::fixture::origin(&problem);
        let levels = escape_levels(&problem, &origin, 8).unwrap();
        let mut direction = levels[0].directions[0].clone();
        // The other eigenvector of the plane: W and H with opposite signs.
        let classes = problem.shape.classes();
        direction.delta[..classes].iter_mut().for_each(|x| *x = -*x);
        let found = escape(&problem, &direction, levels[0].eigenvalue, 1);
        assert!(found.end.unwrap_err().contains("promises"));
        assert_eq!(found.rows.len(), 1);
    }
}
