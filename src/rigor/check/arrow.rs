//! The inertia of a Hessian transverse to its symmetry orbit, verified in time linear in the number of samples.
//!
//! With T an n×m matrix and V = ker Tᵀ, the bordered matrix B(σ) = [[M − σI, T], [Tᵀ, 0]] is nonsingular exactly if T has full rank and M − σI compressed to V is nonsingular, and then its
//! inertia is that of the compression plus (m, m): in a basis of R^n adapted to range(T) ⊕ V, T has a nonsingular m×m block, which eliminates everything that touches it and leaves m planes
//! of signature (1, 1). So #{λ > s} of the compression is #positive(B(s)) − m, and #{λ < −s} is #negative(B(−s)) − m. Lower bounds of both that add up to n − m show that no eigenvalue lies in [−s, s], and count.
//!
//! B(σ) is an arrow: with y_i = h_i and the core z = (W, b, multipliers), features of different samples do not meet,
//!
//! ```text
//! B_i = WᵀA_iW + (λ_H − σ)I,   C_i = [h̃_i ⊗ A_iW + g_i-terms; T_iᵀ],   E = [[Σ h̃_i h̃_iᵀ ⊗ A_i + diag(λ) − σI, T_θ], [T_θᵀ, 0]].
//! ```
//!
//! For *any* float matrices Y_i ≈ B_i⁻¹C_iᵀ the congruence by the unit triangular [[I, −Y], [0, I]] keeps the inertia and gives diagonal blocks B_i and S' = E − Σ(C_iY_i + Y_iᵀΔ_i), off-diagonal blocks
//! Δ_i = C_iᵀ − B_iY_i. If every B_i is nonsingular with |λ| ≥ β_i, Haynsworth's identity says
//!
//! ```text
//! inertia B(σ) = Σ inertia(B_i) + inertia(S' − ΣΔ_iᵀB_i⁻¹Δ_i),   ‖ΣΔ_iᵀB_i⁻¹Δ_i‖ ≤ Σ‖Δ_i‖_F²/β_i,
//! ```
//!
//! where Δ_i is only rounding and the width of the box, so that the last term is quadratically small. No inverse is ever verified.

use super::enclosure::{PointBox, Sample};
use crate::numeric::interval::{Balls, Interval, eigenvalues_above_zero};
use crate::rigor::certificate::{Center, Instance};

/// Largest core K(r+1) + m, and most multiply-adds, that are worked on: a certificate that asks for more is refused.
const CORE_MAX: usize = 1500;
const WORK_MAX: f64 = 1e11;

/// Largest bordered matrix that is factored as a whole.
const DENSE_MAX: usize = 400;

/// Counts of eigenvalues transverse to the orbit.
pub(super) struct Transverse {
    /// n − m.
    pub(super) dimension: usize,
    /// m.
    pub(super) tangents: usize,
    /// Certainly so many are above s.
    pub(super) above: usize,
    /// Certainly so many are below −s.
    pub(super) below: usize,
    /// What prevented a count.
    pub(super) obstacle: Option<String>,
}

/// One of the two bordered matrices, B(s) or B(−s), while it is summed.
struct Side {
    /// σ.
    shift: Interval,
    /// +1 where positive eigenvalues are counted, −1 where negative ones are.
    positive: bool,
    /// S'.
    schur: Balls,
    /// An upper bound of Σ‖Δ_i‖_F²/β_i.
    perturbation: f64,
    /// Eigenvalues of feature blocks on the side that is counted.
    counted: usize,
}

/// Whether a location at width r is worked on; the reason if not.
pub(super) fn affordable(instance: &Instance, r: usize) -> Result<(), String> {
    let (classes, samples, r) = (instance.classes as f64, instance.samples() as f64, r as f64);
    let core = classes * (r + 1.0) + 0.5 * r * r;
    let work = 12.0 * samples * core * core * (r + 1.0) + 12.0 * core.powi(3);
    if core <= CORE_MAX as f64 && work <= WORK_MAX {
        return Ok(());
    }
    Err(format!("a core of {core:.0} unknowns and {work:.0e} operations; at most {CORE_MAX} and {WORK_MAX:.0e} are worked on"))
}

/// Counts the eigenvalues of ∇²f, compressed to the complement of the tangents at `center`, above `separation` and below −`separation`, for every point of the box.
///
/// The arrow multiplies the width of a box by ‖B_i⁻¹‖²; where it tells too little and the bordered matrix is small, that matrix is factored as a whole.
pub(super) fn transverse(instance: &Instance, center: &Center, x: &PointBox, separation: f64) -> Transverse {
    let found = by_arrow(instance, center, x, separation);
    let size = found.dimension + 2 * found.tangents;
    let complete = found.obstacle.is_none() && found.above + found.below == found.dimension;
    if complete || size > DENSE_MAX || found.dimension == 0 { found } else { dense(instance, center, x, separation, &found) }
}

/// The same by the bordered matrix as a whole.
fn dense(instance: &Instance, center: &Center, x: &PointBox, separation: f64, arrow: &Transverse) -> Transverse {
    let (classes, samples, r) = (instance.classes, instance.samples(), x.width);
    let bias = if instance.has_bias() { classes } else { 0 };
    let layout = Layout { classes, r, bias, core: classes * r + bias + arrow.tangents };
    let features = samples * r;
    let mut corner = layout.corner(instance, center);
    let mut whole = Balls::zeros(features + layout.core, features + layout.core);
    let classifier = x.classifier(instance);
    for i in 0..samples {
        let part = x.sample(instance, i);
        let carried = part.hessian.product(&classifier);
        let spoke = layout.spoke(center, x, &part, &carried, i);
        let block = classifier.transpose().product(&carried);
        layout.add_corner(&mut corner, x.feature(i), &part);
        for a in 0..r {
            (0..r).for_each(|b| whole.set(i * r + a, i * r + b, block.get(a, b)));
            whole.add_to(i * r + a, i * r + a, instance.decay_h);
            (0..layout.core).for_each(|j| whole.set(features + j, i * r + a, spoke.get(a, j)));
        }
    }
    for j in 0..layout.core {
        (0..layout.core).for_each(|i| whole.set(features + i, features + j, corner.get(i, j)));
    }
    let count = |matrix: &Balls, shift: f64| {
        let mut shifted = matrix.clone();
        (0..features + layout.parameters()).for_each(|at| shifted.add_to(at, at, Interval::point(shift)));
        eigenvalues_above_zero(&shifted, 0.0).saturating_sub(arrow.tangents)
    };
    let (above, below) = (count(&whole, -separation), count(&whole.negated(), -separation));
    Transverse { dimension: arrow.dimension, tangents: arrow.tangents, above, below, obstacle: None }
}

/// The same by the arrow.
fn by_arrow(instance: &Instance, center: &Center, x: &PointBox, separation: f64) -> Transverse {
    let (classes, samples, r) = (instance.classes, instance.samples(), x.width);
    let tangents = r * r.saturating_sub(1) / 2 + usize::from(instance.shifts_bias_freely());
    let bias = if instance.has_bias() { classes } else { 0 };
    let unknowns = r * (classes + samples) + bias;
    let mut out = Transverse { dimension: unknowns.saturating_sub(tangents), tangents, above: 0, below: 0, obstacle: None };
    if tangents > unknowns {
        out.obstacle = Some("there are more tangents than unknowns".into());
        return out;
    }
    let core = classes * r + bias + tangents;
    let layout = Layout { classes, r, bias, core };
    let border = layout.corner(instance, center);
    let side = |positive: bool| {
        let shift = Interval::point(if positive { separation } else { -separation });
        let mut schur = border.clone();
        (0..layout.parameters()).for_each(|at| schur.add_to(at, at, -shift));
        Side { shift, positive, schur, perturbation: 0.0, counted: 0 }
    };
    let mut sides = [side(true), side(false)];
    let classifier = x.classifier(instance);
    for i in 0..samples {
        let part = x.sample(instance, i);
        let carried = part.hessian.product(&classifier);
        let spoke = layout.spoke(center, x, &part, &carried, i);
        let block = classifier.transpose().product(&carried);
        for side in &mut sides {
            layout.add_corner(&mut side.schur, x.feature(i), &part);
            if !side.eliminate(&block, &spoke, instance.decay_h) {
                out.obstacle = Some(format!("the feature block of sample {i} is not certainly separated from ±s"));
                return out;
            }
        }
    }
    for side in &sides {
        let schur = if side.positive { side.schur.clone() } else { side.schur.negated() };
        let count = (side.counted + eigenvalues_above_zero(&schur, side.perturbation)).saturating_sub(tangents);
        *(if side.positive { &mut out.above } else { &mut out.below }) = count;
    }
    out
}

/// Where things stand in the core: W by columns (k fast), b, multipliers (pairs a < b in order, then the shift).
struct Layout {
    classes: usize,
    r: usize,
    bias: usize,
    core: usize,
}

impl Layout {
    /// The number of parameters (W, b).
    fn parameters(&self) -> usize {
        self.classes * self.r + self.bias
    }

    /// The pairs a < b of rotation generators.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let r = self.r;
        (0..r).flat_map(move |a| (a + 1..r).map(move |b| (a, b)))
    }

    /// E without the samples: decays and the tangents' parameters. Entries of tangents are entries of W up to sign, hence exact.
    fn corner(&self, instance: &Instance, center: &Center) -> Balls {
        let (classes, r) = (self.classes, self.r);
        let mut out = Balls::zeros(self.core, self.core);
        (0..classes * r).for_each(|at| out.set(at, at, instance.decay_w));
        (classes * r..self.parameters()).for_each(|at| out.set(at, at, instance.decay_b));
        let mut put = |row: usize, column: usize, value: f64| {
            out.set(row, column, Interval::point(value));
            out.set(column, row, Interval::point(value));
        };
        let mut column = self.parameters();
        for (a, b) in self.pairs() {
            for k in 0..classes {
                // (WA)_b = w_a and (WA)_a = −w_b.
                put(b * classes + k, column, center.w[k * r + a]);
                put(a * classes + k, column, -center.w[k * r + b]);
            }
            column += 1;
        }
        if column < self.core {
            (0..self.bias).for_each(|k| put(classes * r + k, column, 1.0));
        }
        out
    }

    /// Adds h̃h̃ᵀ ⊗ A of one sample.
    fn add_corner(&self, corner: &mut Balls, h: &[Interval], part: &Sample) {
        let classes = self.classes;
        let extended: Vec<Interval> = h.iter().copied().chain((self.bias > 0).then_some(Interval::ONE)).collect();
        for (a, &left) in extended.iter().enumerate() {
            for (b, &right) in extended.iter().enumerate().take(a + 1) {
                let product = if a == b { left.sqr() } else { left * right };
                for k in 0..classes {
                    for l in 0..classes {
                        let entry = product * part.hessian.get(k, l);
                        corner.add_to(a * classes + k, b * classes + l, entry);
                        if a != b {
                            corner.add_to(b * classes + l, a * classes + k, entry);
                        }
                    }
                }
            }
        }
    }

    /// C_iᵀ, r×core: h̃_a (AW)_kc + g_k δ_ac, and the features' part of the tangents: (−AH)_a = −h_b, (−AH)_b = h_a.
    fn spoke(&self, center: &Center, x: &PointBox, part: &Sample, carried: &Balls, i: usize) -> Balls {
        let (classes, r) = (self.classes, self.r);
        let h = x.feature(i);
        let mut out = Balls::zeros(r, self.core);
        for c in 0..r {
            for k in 0..classes {
                for a in 0..r {
                    let own = if a == c { part.gradient[k] } else { Interval::ZERO };
                    out.set(c, a * classes + k, h[a] * carried.get(k, c) + own);
                }
                if self.bias > 0 {
                    out.set(c, r * classes + k, carried.get(k, c));
                }
            }
        }
        let fixed = &center.h[i * r..(i + 1) * r];
        for (column, (a, b)) in (self.parameters()..).zip(self.pairs()) {
            out.set(a, column, Interval::point(-fixed[b]));
            out.set(b, column, Interval::point(fixed[a]));
        }
        out
    }
}

impl Side {
    /// Eliminates the features of a sample. False where B_i is not certainly nonsingular.
    fn eliminate(&mut self, curvature: &Balls, spoke: &Balls, decay_h: Interval) -> bool {
        let r = curvature.rows();
        if r == 0 {
            return true;
        }
        let mut block = curvature.clone();
        (0..r).for_each(|a| block.add_to(a, a, decay_h - self.shift));
        let Some((positive, gap)) = separated(&block) else { return false };
        self.counted += if self.positive { positive } else { r - positive };
        let solved = approx_inverse(&block).product_mid(spoke);
        let rest = spoke.minus(&block.product(&solved));
        let correction = spoke.transpose().product(&solved).plus(&solved.transpose().product(&rest));
        self.schur = self.schur.minus(&correction);
        let size = Interval::point(rest.frobenius_upper());
        self.perturbation = (Interval::point(self.perturbation) + size.sqr() / Interval::point(gap)).hi();
        true
    }
}

/// The number of positive eigenvalues of a symmetric matrix and a bound β ≤ |λ| of all of them; `None` where that is not certain.
fn separated(block: &Balls) -> Option<(usize, f64)> {
    let r = block.rows();
    let mut gap = 0.25 * block.row_sum_upper();
    // Below 2⁻⁴⁰ of the size nothing is told from zero.
    for _ in 0..20 {
        let moved = |sign: f64| {
            let mut out = if sign > 0.0 { block.clone() } else { block.negated() };
            (0..r).for_each(|a| out.add_to(a, a, Interval::point(-gap)));
            eigenvalues_above_zero(&out, 0.0)
        };
        let above = moved(1.0);
        if above == r || above + moved(-1.0) == r {
            return Some((above, gap));
        }
        gap *= 0.25;
    }
    None
}

/// A float matrix near the inverse of the midpoints, by Gauss and Jordan with row pivots; any matrix would do.
fn approx_inverse(block: &Balls) -> Approximate {
    let n = block.rows();
    let mut left: Vec<f64> = (0..n * n).map(|at| block.mid(at / n, at % n)).collect();
    let mut right: Vec<f64> = (0..n * n).map(|at| f64::from(u8::from(at / n == at % n))).collect();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| left[i * n + k].abs().total_cmp(&left[j * n + k].abs())).unwrap_or(k);
        for j in 0..n {
            left.swap(k * n + j, pivot * n + j);
            right.swap(k * n + j, pivot * n + j);
        }
        let factor = left[k * n + k].recip();
        for j in 0..n {
            left[k * n + j] *= factor;
            right[k * n + j] *= factor;
        }
        for i in (0..n).filter(|&i| i != k) {
            let factor = left[i * n + k];
            for j in 0..n {
                left[i * n + j] -= factor * left[k * n + j];
                right[i * n + j] -= factor * right[k * n + j];
            }
        }
    }
    Approximate { n, rows: right }
}

/// An n×n float matrix without any claim, by rows.
struct Approximate {
    n: usize,
    rows: Vec<f64>,
}

impl Approximate {
    /// The product with the midpoints of `other`, rounded somehow.
    fn product_mid(&self, other: &Balls) -> Balls {
        let (n, columns) = (self.n, other.columns());
        let mut out = vec![0.0; n * columns];
        for j in 0..columns {
            for i in 0..n {
                out[i + j * n] = (0..n).map(|k| self.rows[i * n + k] * other.mid(k, j)).sum();
            }
        }
        Balls::exact(n, columns, out)
    }
}
