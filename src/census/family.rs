//! Families: degenerate critical points, connected where a walk connects them.
//!
//! A critical point whose nullity exceeds what the symmetry explains may be one of a continuum. MSE's (κ = 1, balanced classes) are: a rank-r critical point is determined by an
//! r-dimensional subspace of the singular space of P (dimension K − 1; with a free or little decayed bias) or of I (dimension K; without), so that they form Grassmannians of
//! dimension r(K−1−r) or r(K−r). Every start then ends at another orbit, and counting orbits says nothing; counting *connected families* does.
//!
//! Two degenerate orbits may share a family only if value, rank, index and nullity agree. Whether they do is decided by walking: from one to the other (turned, and relabelled),
//! staying on the critical set. Walks that stall are tried again over other relabellings and by random detours, from streams keyed by the pair. Success is a path of critical points
//! at one value; failure proves nothing, so what no walk connects is kept apart *and said to be*, and counts by signature stay lower bounds.

use super::VALUE_TOLERANCE;
use super::walk::{DIMENSION_MAX, Ground, aligned, distance};
use crate::critical::CriticalPoint;
use crate::model::{Point, Shape};
use crate::numeric::{Stream, gaussian, stream};
use crate::objective::{Objective, Problem, residual_spectrum};
use crate::spectra::{Collapsed, Level, Limits, at_critical};

/// Walks from one member to one family before they count as not connected.
const ATTEMPTS: u64 = 8;
/// Walks that fail, in all, before the rest of a signature's members are left unconnected.
const FAILURES_MAX: usize = 400;

/// A degenerate orbit.
#[derive(Clone, Debug)]
pub struct Degenerate<'a> {
    /// Its number.
    pub orbit: usize,
    /// The point; `Err` says why it is not there.
    pub critical: Result<&'a CriticalPoint, String>,
    /// f.
    pub value: f64,
    /// The rank.
    pub rank: usize,
    /// The index as a bracket.
    pub index: [u64; 2],
    /// The nullity as a bracket.
    pub nullity: [u64; 2],
    /// What the symmetry explains of it.
    pub nullity_symmetry: u64,
}

/// A connected family of degenerate orbits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its orbits, ascending.
    pub members: Vec<usize>,
    /// nullity − nullity_symmetry, where the nullity is exact.
    pub dimension: Option<u64>,
    /// Directions along which its points were really found.
    pub walked: u64,
    /// Whether dimension and membership are as sure as numbers make them.
    pub settled: bool,
    /// How it was connected, or what is open.
    pub reason: String,
}

/// The families of a case's degenerate orbits, and a lower bound on their number: how many signatures (value, rank, index, nullity) there are.
pub fn families(problem: &Problem, degenerate: &[Degenerate<'_>], limits: &Limits) -> (Vec<Family>, usize) {
    let mut signatures: Vec<Vec<&Degenerate<'_>>> = Vec::new();
    for orbit in degenerate {
        match signatures.iter_mut().find(|members| alike(members[0], orbit)) {
            Some(members) => members.push(orbit),
            None => signatures.push(vec![orbit]),
        }
    }
    let least = signatures.len();
    let mut all: Vec<Family> = signatures.iter().flat_map(|members| of_signature(problem, members, limits)).collect();
    all.sort_by_key(|family| family.members[0]);
    (all, least)
}

/// Whether two orbits may share a family.
fn alike(x: &Degenerate<'_>, y: &Degenerate<'_>) -> bool {
    (x.value - y.value).abs() <= VALUE_TOLERANCE * x.value.abs() && (x.rank, x.index, x.nullity) == (y.rank, y.index, y.nullity)
}

/// A family on its way: its members, and the points of it that walks may aim at.
struct Growing {
    members: Vec<usize>,
    anchor: Option<Point>,
}

/// The families among orbits of one signature.
fn of_signature(problem: &Problem, members: &[&Degenerate<'_>], limits: &Limits) -> Vec<Family> {
    let first = members[0];
    let dimension = (first.nullity[0] == first.nullity[1]).then(|| first.nullity[0].saturating_sub(first.nullity_symmetry));
    let ground = match ground(problem, members, limits) {
        Ok(ground) => ground,
        Err(reason) => {
            let alone = |orbit: &&Degenerate<'_>| Family {
                members: vec![orbit.orbit],
                dimension,
                walked: 0,
                settled: false,
                reason: if members.len() == 1 {
                    reason.clone()
                } else {
                    format!("{reason}; not connected with {} others", members.len() - 1)
                },
            };
            return members.iter().map(alone).collect();
        }
    };
    let mut growing: Vec<Growing> = Vec::new();
    let mut failures = 0;
    for orbit in members {
        let point =
            orbit.critical.as_ref().ok().map(|critical| ground.floor.bring(problem, &super::representative(problem, critical)));
        let home = point.as_ref().and_then(|point| {
            growing.iter().position(|family| {
                let Some(anchor) = &family.anchor else { return false };
                let reached = failures < FAILURES_MAX && connects(&ground, point, anchor, orbit.orbit);
                failures += usize::from(!reached);
                reached
            })
        });
        match home {
            Some(home) => growing[home].members.push(orbit.orbit),
            None => growing.push(Growing { members: vec![orbit.orbit], anchor: point }),
        }
    }
    let apart = growing.len();
    growing.into_iter().map(|family| conclude(&ground, family, dimension, apart)).collect()
}

/// A family with its dimension and what is to be said of it.
fn conclude(ground: &Known, family: Growing, dimension: Option<u64>, apart: usize) -> Family {
    let Some(anchor) = &family.anchor else {
        let reason = "its point did not pass the gate again, so nothing was walked".to_owned();
        return Family { members: family.members, dimension, walked: 0, settled: false, reason };
    };
    let flat = ground.floor.flat_directions(anchor, ground.symmetries);
    let walked = ground.floor.walked(anchor, &flat) as u64;
    let count = family.members.len();
    let mut reasons = vec![match count {
        1 => "one orbit".to_owned(),
        _ => format!("{count} orbits connected by walks over critical points of one value"),
    }];
    reasons.push(match dimension {
        Some(dimension) if walked == dimension => "critical points were found along every direction the zeros allow".into(),
        _ if walked == 0 => {
            "no critical point was found along its flat directions: it may be isolated, as at a phase edge".into()
        }
        _ => format!("critical points were found along {walked} directions only"),
    });
    if ground.beyond > 0 {
        reasons.push(format!("{} of its zeros leave its rank and were not walked", ground.beyond));
    }
    if apart > 1 {
        reasons.push(format!(
            "no walk connected it with {} other families of its value, rank and index: the number of families is an upper bound",
            apart - 1
        ));
    }
    let settled = apart == 1 && dimension == Some(walked);
    Family { members: family.members, dimension, walked, settled, reason: reasons.join("; ") }
}

/// What walks among the orbits of one signature need.
struct Known {
    floor: Ground,
    shape: Shape,
    /// Zeros of the width-r Hessian that the symmetry explains.
    symmetries: usize,
    /// Zeros of directions outside the row space, without the rotations.
    beyond: u64,
}

fn ground(problem: &Problem, members: &[&Degenerate<'_>], limits: &Limits) -> Result<Known, String> {
    let first = members[0];
    let critical = members
        .iter()
        .find_map(|orbit| orbit.critical.as_ref().ok())
        .ok_or("its point did not pass the gate again, so nothing was walked")?;
    let rank = critical.rank();
    let narrow = problem.at_width(rank);
    let residual = residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
    let spectrum = at_critical(&narrow, critical, &residual, Level::Inertia, limits)?;
    let nullity = spectrum.nullity.exact().ok_or("its nullity is a bracket, so nothing was walked")?;
    let collapsed = problem.shape.per_class().is_some()
        && members.iter().filter_map(|orbit| orbit.critical.as_ref().ok()).all(|critical| is_collapsed(problem, critical));
    let floor = Ground::new(problem, collapsed, rank, first.value, nullity as usize);
    if floor.dimension() > DIMENSION_MAX {
        return Err(format!("{} unknowns are more than the {DIMENSION_MAX} that walks are made for", floor.dimension()));
    }
    let inner = nullity.saturating_sub(spectrum.nullity_symmetry);
    let beyond = first.nullity[0].saturating_sub(first.nullity_symmetry).saturating_sub(inner);
    let shape =
        if collapsed { Shape::balanced(problem.shape.classes(), rank, 1).expect("a valid class count") } else { narrow.shape };
    Ok(Known { floor, shape, symmetries: spectrum.nullity_symmetry as usize, beyond })
}

/// Whether the features of every class coincide.
fn is_collapsed(problem: &Problem, critical: &CriticalPoint) -> bool {
    let narrow = problem.at_width(critical.rank());
    problem.shape.columns() == problem.shape.classes()
        || Collapsed::new(&narrow, critical.reduced()).is_some_and(|collapsed| collapsed.columns() == problem.shape.classes())
}

/// Whether a walk leads from `x` to the orbit of `anchor`: straight on, then over other relabellings and detours.
fn connects(ground: &Known, x: &Point, anchor: &Point, orbit: usize) -> bool {
    (0..ATTEMPTS).any(|attempt| {
        let mut draws = stream(attempt, "family walk", orbit as u64);
        // The first two start at the point itself; the others after longer and longer detours.
        let start = match attempt {
            0 | 1 => x.clone(),
            _ => ground.floor.wander(x, ground.symmetries, 2 * attempt as usize, &mut draws),
        };
        let goal = if attempt == 0 { anchor.clone() } else { nearest(&ground.shape, &start, anchor, attempt > 1, &mut draws) };
        ground.floor.reaches(&start, &goal)
    })
}

/// `y` with classes of equal size exchanged, two at a time, as long as that brings it nearer to `x`; from a random order, where `scrambled` says so.
fn nearest(shape: &Shape, x: &Point, y: &Point, scrambled: bool, draws: &mut Stream) -> Point {
    let classes = shape.classes();
    let mut order: Vec<usize> = (0..classes).collect();
    if scrambled {
        let mut keys = vec![0.0; classes];
        gaussian(draws, 1.0, &mut keys);
        let mut sizes: Vec<usize> = shape.class_sizes().to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        for size in sizes {
            let places: Vec<usize> = (0..classes).filter(|&k| shape.class_sizes()[k] == size).collect();
            let mut drawn = places.clone();
            drawn.sort_by(|&i, &j| keys[i].total_cmp(&keys[j]));
            places.iter().zip(drawn).for_each(|(&place, k)| order[place] = k);
        }
    }
    let off = |order: &[usize]| {
        let moved = relabelled(shape, y, order);
        distance(&aligned(x, &moved), x)
    };
    let mut best = off(&order);
    loop {
        let mut improved = false;
        for k in 0..classes {
            for l in k + 1..classes {
                if shape.class_sizes()[k] != shape.class_sizes()[l] {
                    continue;
                }
                order.swap(k, l);
                let now = off(&order);
                if now < best * (1.0 - 1e-9) {
                    (best, improved) = (now, true);
                } else {
                    order.swap(k, l);
                }
            }
        }
        if !improved {
            return relabelled(shape, y, &order);
        }
    }
}

/// The point whose class k is class `order[k]` of `y`, samples of a class in the order in which they occur.
fn relabelled(shape: &Shape, y: &Point, order: &[usize]) -> Point {
    let mut members = vec![Vec::new(); shape.classes()];
    shape.labels().iter().enumerate().for_each(|(i, &label)| members[label].push(i));
    let mut next = vec![0; shape.classes()];
    let from: Vec<usize> = shape
        .labels()
        .iter()
        .map(|&label| {
            next[label] += 1;
            members[order[label]][next[label] - 1]
        })
        .collect();
    let w = y.w().select_rows(order);
    let h = y.h().select_columns(&from);
    let b: Vec<f64> = if y.has_bias() { order.iter().map(|&k| y.b()[k]).collect() } else { Vec::new() };
    Point::from_blocks(&w, &h, &b)
}

#[cfg(test)]
#[path = "family_tests.rs"]
mod tests;
