//! Proposals of kind 2: the dual point that the residual suggests, moved strictly inside its domain, or the contrastive bound.

use crate::losses::Conjugate;
use crate::model::{Bias, Point};
use crate::numeric::interval::Interval;
use crate::objective::{Objective, Problem, residual_spectrum};
use crate::rigor::certificate::{Claim, LowerBound};
use crate::rigor::prove;
use crate::theory;

/// How much, relatively, the dual point stays inside the ball ‖Γ‖ ≤ μ: more than the checker's rounding.
const INSIDE: f64 = 1e-12;

/// Factors of the room left for rounding, tried in turn: the checker's enclosures grow with the number of terms, by how much is its business.
pub(super) const ROOMS: [f64; 4] = [1.0, 8.0, 64.0, 512.0];

/// A claim of the gap, with `room` times the usual room for rounding.
pub(super) fn propose(problem: &Problem, narrow: &Problem, x: &Point, boxed: f64, room: f64) -> Result<Claim, String> {
    let value = Objective::new(narrow).value(x);
    // What rounding and the box of decays can change: the decay terms are at most the value.
    let spread = 64.0 * room * f64::EPSILON * (1.0 + value.abs()) * (1.0 + narrow.shape.samples() as f64).sqrt()
        + 2.0 * boxed * value.abs();
    let claim = |bound: LowerBound, lower: f64| {
        let value = Interval::around(value, spread);
        let gap = (Interval::point(value.hi()) - Interval::point(lower)).hi();
        Claim::Gap { bound, value, lower_bound: lower, gap }
    };
    match problem.loss.function().conjugate() {
        // That a formula is convex is no theorem to the checker: its bound is the contrastive one.
        Some(conjugate) if prove::instance(narrow).is_ok_and(|instance| instance.loss.convex()) => {
            let (columns, dual) = dual_point(narrow, x, conjugate, boxed);
            Ok(claim(LowerBound::Dual(columns), dual - spread))
        }
        _ => {
            let bound = theory::contrastive_bound(problem).ok_or("no lower bound is known for this loss and problem")?;
            Ok(claim(LowerBound::Contrastive, bound - (1e-12 + 2.0 * boxed) * (1.0 + bound.abs())))
        }
    }
}

/// The columns u_i and the dual value, in floats.
fn dual_point(problem: &Problem, x: &Point, conjugate: &dyn Conjugate, boxed: f64) -> (Vec<f64>, f64) {
    let mut objective = Objective::new(problem);
    let spectrum = residual_spectrum(&mut objective, x);
    let shape = &problem.shape;
    let (classes, samples) = (shape.classes(), shape.samples() as f64);
    let free = problem.bias == Bias::Free;
    let mu = problem.decay.mu() * (1.0 - INSIDE) * (1.0 - boxed);
    let norm = if free { spectrum.centred_norm } else { spectrum.norm() };
    let shrink = (mu / norm).min(1.0 - INSIDE) * samples / problem.scale;
    let mean: Vec<f64> = spectrum.row_sums.iter().map(|sum| if free { sum / samples } else { 0.0 }).collect();
    let mut columns = Vec::new();
    objective.for_each_residual_block(x, |_, block| {
        for g in block.chunks_exact(classes) {
            columns.extend(g.iter().zip(&mean).map(|(g, mean)| shrink * (g - mean)));
        }
    });
    let largest = *shape.class_sizes().iter().max().unwrap_or(&1) as f64;
    if let Some(slope) = conjugate.interior_slope() {
        let theta = (mu * samples / (problem.scale * largest.sqrt())).min(slope) * (1.0 - INSIDE);
        let inside = |label: usize| -> Vec<f64> {
            let share = |j: usize| shape.class_sizes()[j] as f64 / samples;
            (0..classes).map(|j| theta * (share(j) - f64::from(u8::from(j == label)))).collect()
        };
        let fraction = columns
            .chunks_exact(classes)
            .zip(shape.labels())
            .map(|(u, &label)| conjugate.domain_fraction(&inside(label), u, label))
            .fold(1.0, f64::min);
        // Strictly inside: the checker must see the boundary from its own side.
        let fraction = if fraction < 1.0 { (1.0 - 2.0 * (1.0 - fraction)).max(0.5 * fraction) } else { 1.0 - 1e-13 };
        for (u, &label) in columns.chunks_exact_mut(classes).zip(shape.labels()) {
            u.iter_mut().zip(inside(label)).for_each(|(u, inside)| *u = fraction * *u + (1.0 - fraction) * inside);
        }
    }
    let mut total = 0.0;
    let mut rows = vec![0.0; classes];
    for (u, &label) in columns.chunks_exact(classes).zip(shape.labels()) {
        total += conjugate.conjugate_value(u, label);
        rows.iter_mut().zip(u).for_each(|(row, u)| *row += u);
    }
    let weight = problem.scale / samples;
    let square: f64 = rows.iter().map(|row| (weight * row).powi(2)).sum();
    let bias = if problem.bias == Bias::Decayed { square / (2.0 * problem.decay.b * (1.0 - boxed)) } else { 0.0 };
    (columns, -weight * total - bias)
}
