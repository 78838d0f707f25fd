//! The Morse–Bott check: can the critical orbits that were found be all there are?
//!
//! # The inequality
//!
//! f is coercive on (W, H, b) (with a free bias and a shift-invariant loss: on 1ᵀb = 0, which is what is meant by the space from here on), analytic where the loss is, and its
//! space is contractible. If every connected component C of its critical set is a *nondegenerate* submanifold (the Hessian's kernel is the tangent space of C), then with Z₂
//! coefficients, where no orientation matters (Bott 1954),
//!
//! ```text
//! M(t) = Σ_C t^{index C} P_C(t) = 1 + (1 + t) Q(t),   Q with coefficients ≥ 0,   P_C the Poincaré polynomial of C.
//! ```
//!
//! # The components
//!
//! In the problem of width w, a critical point of rank r is (W_r Qᵀ, Q H_r, b) with Q an orthonormal r-frame of R^w. W_r has full column rank, so different Q give different
//! points: the O(w) orbit is the Stiefel manifold V_r(R^w), and
//!
//! ```text
//! P(V_r(R^w)) = Π_{j=w−r}^{w−1} (1 + t^j)
//! ```
//!
//! (Borel). The factor of j = 0 is 2: at w = r the orbit is O(r), which has two components. Different (X, b) lie in different components, so an orbit of the whole symmetry group
//! consists of N copies of V_r(R^w), N the number of its [`relabellings`]. Its kernel is the tangent space iff nullity = nullity_symmetry.
//!
//! # One check for every width
//!
//! The critical points of the problem of width w are exactly those of rank ≤ w, padded. By the rank split the padded point's index is index_r + (w − r)·m, m = #{σ_j(G) > μ},
//! and it is nondegenerate at w > r iff it is so at r and no σ_j but the r that belong to its row space equals μ. So one census serves all widths 1 … d.
//!
//! # What follows
//!
//! If the coefficients of M are not of this form the list of orbits is not complete, or one of its numbers is wrong: "violated" is a proof of that (as far as the counts, which are
//! numerical, go). "Consistent" is only that: a missing set of orbits may have a polynomial (1 + t)R(t) of its own. Arithmetic is in checked integers.

use super::ORBIT_TOLERANCE;
use crate::critical::CriticalPoint;
use crate::model::relabellings;
use crate::objective::{Objective, Problem, residual_spectrum};
use crate::spectra::{Level, Limits, Spectrum, at_critical};

/// Polynomials of a higher degree are not written down.
const DEGREE_MAX: u64 = 100_000;

/// What the check needs of an orbit.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The orbit's number: reasons name it.
    pub orbit: usize,
    /// r.
    pub rank: usize,
    /// N; `Err` where it is not known.
    pub copies: Result<u128, String>,
    /// The index in the problem of width r; `Err` says why the orbit is not known to be nondegenerate there.
    pub index: Result<u64, String>,
    /// m, by which each further dimension adds to the index; `Err` says why the orbit is not known to be nondegenerate at widths above r.
    pub slope: Result<u64, String>,
}

/// What the check found at a width, or altogether.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// M(t) has the form that a complete list would have.
    Consistent,
    /// It has not: why.
    Violated(String),
    /// The theorem's hypotheses do not hold: why.
    DoesNotApply(String),
}

/// The check at one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WidthCheck {
    /// w.
    pub width: usize,
    /// What was found.
    pub finding: Finding,
    /// Coefficients of M(t), constant first; empty where the check does not apply.
    pub critical: Vec<i128>,
    /// Coefficients of Q(t); `None` where (1 + t) does not divide M(t) − 1.
    pub quotient: Option<Vec<i128>>,
}

impl Finding {
    /// The name in a census.
    pub fn name(&self) -> &'static str {
        match self {
            Finding::Consistent => "consistent",
            Finding::Violated(_) => "violated",
            Finding::DoesNotApply(_) => "does-not-apply",
        }
    }

    /// Why; empty where it is consistent.
    pub fn reason(&self) -> &str {
        match self {
            Finding::Consistent => "",
            Finding::Violated(reason) | Finding::DoesNotApply(reason) => reason,
        }
    }
}

impl Cell {
    /// The cell of a critical point, its inertia taken at the widths r and r + 1. `index` is the one known at the problem's own width, which must agree with them.
    pub fn new(problem: &Problem, orbit: usize, critical: &CriticalPoint, index: Option<u64>, limits: &Limits) -> Self {
        let (rank, width) = (critical.rank(), problem.shape.width());
        let representative = super::representative(problem, critical);
        let copies = relabellings(&problem.shape, &representative, ORBIT_TOLERANCE)
            .ok_or_else(|| format!("orbit {orbit} has more relabellings than can be counted"));
        let narrow = problem.at_width(rank);
        let residual = residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
        let index_at = |width: usize| {
            let spectrum = at_critical(&problem.at_width(width), critical, &residual, Level::Inertia, limits)
                .map_err(|reason| format!("orbit {orbit}: {reason}"))?;
            nondegenerate_index(orbit, &spectrum)
        };
        let at_rank = index_at(rank);
        let slope = match &at_rank {
            _ if rank == width => Ok(0),
            Err(reason) => Err(reason.clone()),
            Ok(at_rank) => index_at(rank + 1).and_then(|next| {
                let slope =
                    next.checked_sub(*at_rank).ok_or_else(|| format!("orbit {orbit}: its counts contradict each other"))?;
                match index {
                    Some(index) if index != at_rank + (width - rank) as u64 * slope => {
                        Err(format!("orbit {orbit}: its counts at widths {rank} and {width} contradict each other"))
                    }
                    _ => Ok(slope),
                }
            }),
        };
        Self { orbit, rank, copies, index: at_rank, slope }
    }

    /// The index at width w ≥ r.
    fn index_at(&self, width: usize) -> Result<u64, &String> {
        let index = *self.index.as_ref()?;
        let further = (width - self.rank) as u64;
        Ok(if further == 0 { index } else { index + further * *self.slope.as_ref()? })
    }
}

/// The index, if the point is nondegenerate modulo its symmetry.
fn nondegenerate_index(orbit: usize, spectrum: &Spectrum) -> Result<u64, String> {
    let (Some(index), Some(nullity)) = (spectrum.index.exact(), spectrum.nullity.exact()) else {
        return Err(format!("the counts of orbit {orbit} are brackets"));
    };
    if nullity != spectrum.nullity_symmetry {
        return Err(format!("orbit {orbit} is degenerate ({nullity} zeros, {} by symmetry)", spectrum.nullity_symmetry));
    }
    Ok(index)
}

/// The check at every width 1 … d.
pub fn check(cells: &[Cell], width: usize) -> Vec<WidthCheck> {
    (1..=width).map(|width| check_at(cells, width)).collect()
}

/// The finding of all widths together: violated where one is, consistent where one is and none is violated.
pub fn summary(checks: &[WidthCheck]) -> Finding {
    let of = |name: &str| checks.iter().filter(|check| check.finding.name() == name).collect::<Vec<_>>();
    let (violated, consistent, rest) = (of("violated"), of("consistent"), of("does-not-apply"));
    let told = |checks: &[&WidthCheck]| checks.iter().map(|check| check.finding.reason()).collect::<Vec<_>>().join("; ");
    match (violated.is_empty(), consistent.is_empty(), rest.first()) {
        (false, ..) => Finding::Violated(told(&violated)),
        (true, false, _) => Finding::Consistent,
        (true, true, Some(first)) => Finding::DoesNotApply(first.finding.reason().to_owned()),
        (true, true, None) => Finding::DoesNotApply("there is no width to check".into()),
    }
}

fn check_at(cells: &[Cell], width: usize) -> WidthCheck {
    let not = |reason: String| WidthCheck { width, finding: Finding::DoesNotApply(reason), critical: Vec::new(), quotient: None };
    let cells: Vec<&Cell> = cells.iter().filter(|cell| cell.rank <= width).collect();
    if cells.is_empty() {
        return not(format!("no critical point of rank at most {width} is known"));
    }
    let mut critical: Vec<i128> = Vec::new();
    for cell in cells {
        let index = match cell.index_at(width) {
            Ok(index) if index <= DEGREE_MAX => index as usize,
            Ok(index) => return not(format!("the index {index} of orbit {} is too large to be written as a degree", cell.orbit)),
            Err(reason) => return not(reason.clone()),
        };
        let copies = match &cell.copies {
            Ok(copies) => i128::try_from(*copies).ok(),
            Err(reason) => return not(reason.clone()),
        };
        let added = copies.and_then(|copies| add(&mut critical, index, copies, &stiefel(cell.rank, width)?));
        if added.is_none() {
            return not("its numbers exceed 127 bits".into());
        }
    }
    let Some(quotient) = quotient(&critical) else { return not("its numbers exceed 127 bits".into()) };
    let (finding, quotient) = judge(width, quotient);
    WidthCheck { width, finding, critical, quotient }
}

/// The Poincaré polynomial of V_r(R^w) with Z₂ coefficients; `None` on overflow.
fn stiefel(rank: usize, width: usize) -> Option<Vec<i128>> {
    let mut polynomial = vec![1_i128];
    for j in width - rank..width {
        let mut product = polynomial.clone();
        product.resize(polynomial.len() + j, 0);
        for (i, coefficient) in polynomial.iter().enumerate() {
            product[i + j] = product[i + j].checked_add(*coefficient)?;
        }
        polynomial = product;
    }
    Some(polynomial)
}

/// `sum` += copies · t^index · polynomial; `None` on overflow.
fn add(sum: &mut Vec<i128>, index: usize, copies: i128, polynomial: &[i128]) -> Option<()> {
    sum.resize(sum.len().max(index + polynomial.len()), 0);
    for (target, coefficient) in sum[index..].iter_mut().zip(polynomial) {
        *target = target.checked_add(copies.checked_mul(*coefficient)?)?;
    }
    Some(())
}

/// The coefficients of (M − 1)/(1 + t) by division from below, and the rest; `None` on overflow.
///
/// a_i = q_i + q_{i−1} (a_0 less 1) gives q_i; the last of them, of the degree of M itself, is the rest: M(−1) − 1 up to sign.
fn quotient(critical: &[i128]) -> Option<(Vec<i128>, i128)> {
    let mut quotient = Vec::with_capacity(critical.len());
    let mut previous = 1_i128;
    for coefficient in critical {
        previous = coefficient.checked_sub(previous)?;
        quotient.push(previous);
    }
    let rest = quotient.pop()?;
    Some((quotient, rest))
}

fn judge(width: usize, (quotient, rest): (Vec<i128>, i128)) -> (Finding, Option<Vec<i128>>) {
    if rest != 0 {
        // q_n = Σ (−1)^{n−i} a_i − (−1)^n, n the degree: that is (−1)^n (M(−1) − 1).
        let sign = if quotient.len().is_multiple_of(2) { 1 } else { -1 };
        let euler = sign * rest + 1;
        return (Finding::Violated(format!("at width {width} M(−1) = {euler}, not 1")), None);
    }
    match quotient.iter().position(|&q| q < 0) {
        Some(degree) => {
            let reason = format!("at width {width} the coefficient of t^{degree} in Q is {}", quotient[degree]);
            (Finding::Violated(reason), Some(quotient))
        }
        None => (Finding::Consistent, Some(quotient)),
    }
}

#[cfg(test)]
#[path = "morse_tests.rs"]
mod tests;
