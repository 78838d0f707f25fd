//! The contrastive bound of kind 2: balanced problems whose loss is a decreasing function ℓ(p_k) (cross-entropy, focal), convex or not.
//!
//! With t(z) = Σ_{j≠k}(z_j − z_k), Jensen's inequality gives Σ_{j≠k}e^{z_j−z_k} ≥ (K−1)e^{t/(K−1)}, so L(z, k) ≥ φ(t(z)), φ(t) = ℓ(1/(1+(K−1)e^{t/(K−1)})). Let Z = X + b1ᵀ, X = WH, ε = √n μ.
//!
//! *Without a bias.* The matrix Y with columns −sgn(t_i)(e_{y_i} − 1/K) has YYᵀ = n(I − J/K), hence ‖Y‖₂ = √n, and ⟨X, Y⟩ = Σ|t_i|/K. So μ‖X‖_* ≥ μΣ|t_i|/(K√n) = (ε/N)Σ|t_i|, and
//! f ≥ (1/N)Σ(cφ(t_i) + ε|t_i|) ≥ c·min_t φ(t) + (ε/c)|t|. As φ increases, the minimum over t ≤ 0 is the minimum.
//!
//! *With a bias.* The columns e_{y_i} − 1/K give ⟨X, Y⟩ = −Σt_i(X)/K = −Σt_i(Z)/K, because Σ_k t_k(b) = 0 in a balanced problem; so f ≥ (1/N)Σ(cφ(t_i) − εt_i) ≥ c·inf φ(t) − (ε/c)t, over the whole line.
//!
//! In the margin s = −t/(K−1) the function is ψ(s) = ℓ(p) + e·s (or e·|s|, s ≥ 0 then), e = (K−1)ε/c, p = 1/(1+(K−1)e^{−s}). The checker shows ψ ≥ D on the whole line by branch and bound: on a cell ψ is bounded below by
//! ℓ(p(right end)) + e·(left end) or by the mean value form with ψ' = e − (1−p)η(p), whichever is larger. To the right of s = D/e nothing is needed, as ℓ ≥ 0. To the left of S < 0 (with a bias),
//! ℓ(p(s)) ≥ (1−p(S))^γ(log(K−1) − s), whose slope beats e if (1−p(S))^γ > e: then ψ ≥ (1−p(S))^γ(log(K−1) − S) + e·S.
//!
//! **Formulas.** Where ℓ(p_k) is a formula nothing is known of its monotony, and nothing needed: L(z, k) = ℓ(u), u = z_k − log Σ_{j≠k} e^{z_j}, and Jensen says u ≤ s(z) − log(K−1) with s(z) = −t(z)/(K−1). So L ≥ m(s(z)), m(s) = inf of
//! ℓ over u ≤ s − log(K−1), and the two arguments above give f ≥ c·inf_s m(s) + e·|s| = c·inf_s ℓ(s) + e·max(0, s) without a bias, and f ≥ c·inf_s ℓ(s) + e·s with one (ℓ(s): at u = s − log(K−1)). The search encloses ℓ on cells of
//! [−60, R]. To the right of R, ℓ + e·s ≥ (a lower bound of ℓ on [R, ∞)) + e·R. To the left of −60: without a bias a lower bound of ℓ on (−∞, −60], with one ψ' = e + ℓ' ≤ 0 there, so that ψ ≥ ψ(−60).

use super::report::Steps;
use crate::numeric::interval::Interval;
use crate::rigor::certificate::Instance;
use crate::rigor::losses::IntervalLoss;

/// Most cells of the branch and bound, and how often a cell may be halved.
const CELLS_MAX: usize = 200_000;
const DEPTH_MAX: u32 = 100;
/// Where the left tail begins: p is e^{−60} there.
const TAIL: f64 = -60.0;

/// Verifies that f ≥ `lower_bound` everywhere.
pub(super) fn verify(instance: &Instance, lower_bound: f64, steps: &mut Steps) -> Option<()> {
    let wanted = (Interval::point(lower_bound) / instance.scale).hi();
    above(instance, wanted, None, steps)
}

/// n, where every class has n samples.
pub(super) fn per_class(instance: &Instance, steps: &mut Steps) -> Option<usize> {
    let mut sizes = vec![0_usize; instance.classes];
    instance.labels.iter().for_each(|&label| sizes[label] += 1);
    let n = sizes[0];
    let balanced = sizes.iter().all(|&size| size == n);
    steps.holds("all classes have the same number of samples", balanced, || format!("{n} in class 0"))?;
    Some(n)
}

/// e = (K−1)√n μ/c.
pub(super) fn weight(instance: &Instance, n: usize) -> Interval {
    Interval::count(instance.classes - 1) * Interval::count(n).sqrt() * instance.mu() / instance.scale
}

/// Verifies that ψ(s) ≥ `wanted` on the whole line, or outside of `hole`, an interval of s > 0 of which nothing is said.
pub(super) fn above(instance: &Instance, wanted: f64, hole: Option<Interval>, steps: &mut Steps) -> Option<()> {
    let n = per_class(instance, steps)?;
    if let IntervalLoss::OfTrueClass(_) = instance.loss {
        return above_formula(instance, weight(instance, n), wanted, hole, steps);
    }
    let gamma = instance.loss.focusing();
    steps.holds("the loss is a decreasing function of p_k alone", gamma.is_some(), || "cross-entropy or focal".into())?;
    let contrast = Contrast { instance, gamma: gamma?, slope: weight(instance, n), wanted, falls: true };
    let right = (Interval::point(wanted.max(0.0)) / contrast.slope).hi().max(1.0);
    let left = if instance.has_bias() { TAIL } else { 0.0 };
    steps.holds("the bound is a number that the line can be searched for", right.is_finite(), || format!("s ≤ {right:.3e}"))?;
    if instance.has_bias() {
        let tail = contrast.tail();
        let holds = tail.is_some_and(|value| value >= wanted);
        steps.holds("φ beats the linear term to the far left", holds, || match tail {
            Some(value) => format!("{value:.3e} ≥ {wanted:.3e}"),
            None => "its slope does not".into(),
        })?;
    }
    let parts = match hole {
        None => vec![(left, right)],
        Some(hole) => vec![(left, hole.lo()), (hole.hi(), right)],
    };
    for (low, high) in parts.into_iter().filter(|(low, high)| low < high) {
        let cells = cover(low, high, |low, high| contrast.holds(low, high));
        let needed = "φ(t) + (ε/c)|t| (with a bias, φ(t) − (ε/c)t) is above the bound on every cell";
        steps.holds(needed, cells.is_ok(), || match &cells {
            Ok(cells) => format!("{cells} cells of s in [{low}, {high}]"),
            Err(at) => format!("not shown near s = {at:.6}"),
        })?;
    }
    Some(())
}

/// The same for a formula ℓ(p_k).
fn above_formula(instance: &Instance, slope: Interval, wanted: f64, hole: Option<Interval>, steps: &mut Steps) -> Option<()> {
    let classes = instance.classes;
    let to_right = |from: f64| {
        let tail = Interval::new(from, f64::INFINITY).unwrap_or(Interval::ENTIRE);
        (instance.loss.at_margin(classes, tail).value + slope * Interval::point(from)).lo()
    };
    let right = (0..24).map(|power| -TAIL * f64::from(1 << power)).find(|&from| to_right(from) >= wanted);
    steps.holds("ℓ + e·s is above the bound to the far right", right.is_some(), || {
        format!("s ≥ {:.0}", right.unwrap_or(0.0))
    })?;
    let tail = Interval::new(f64::NEG_INFINITY, TAIL).unwrap_or(Interval::ENTIRE);
    let at_tail = instance.loss.at_margin(classes, tail);
    if instance.has_bias() {
        steps.at_most("ℓ falls faster than e to the far left: e ≤ m", slope.hi(), at_tail.pull.lo())?;
        let end = instance.loss.at_margin(classes, Interval::point(TAIL)).value + slope * Interval::point(TAIL);
        steps.at_most("and ℓ + e·s is above the bound where that begins", wanted, end.lo())?;
    } else {
        steps.at_most("ℓ is above the bound to the far left", wanted, at_tail.value.lo())?;
    }
    let right = right?;
    let left_slope = if instance.has_bias() { slope } else { Interval::ZERO };
    let mut parts = vec![(TAIL, 0.0, left_slope)];
    match hole {
        None => parts.push((0.0, right, slope)),
        Some(hole) => parts.extend([(0.0, hole.lo(), slope), (hole.hi(), right, slope)]),
    }
    for (low, high, slope) in parts.into_iter().filter(|(low, high, _)| low < high) {
        let contrast = Contrast { instance, gamma: Interval::ZERO, slope, wanted, falls: false };
        let cells = cover(low, high, |low, high| contrast.holds(low, high));
        let needed = "ℓ + e·s (without a bias ℓ alone for s < 0) is above the bound on every cell";
        steps.holds(needed, cells.is_ok(), || match &cells {
            Ok(cells) => format!("{cells} cells of s in [{low}, {high}]"),
            Err(at) => format!("not shown near s = {at:.6}"),
        })?;
    }
    Some(())
}

struct Contrast<'i> {
    instance: &'i Instance,
    /// Whether ℓ is known to fall.
    falls: bool,
    gamma: Interval,
    /// e.
    slope: Interval,
    /// D/c.
    wanted: f64,
}

impl Contrast<'_> {
    /// The lower bound of ψ left of [`TAIL`], if the slope allows one.
    fn tail(&self) -> Option<f64> {
        let start = Interval::point(TAIL);
        let others = Interval::count(self.instance.classes - 1);
        let odds = others * (-start).exp();
        let complement = odds / (Interval::ONE + odds);
        let power = complement.pow(self.gamma);
        if !self.slope.certainly_less(power) {
            return None;
        }
        Some((power * (others.log() - start) + self.slope * start).lo())
    }

    /// Whether ψ ≥ D on a cell.
    fn holds(&self, low: f64, high: f64) -> bool {
        let classes = self.instance.classes;
        let (left, right) = (Interval::point(low), Interval::point(high));
        let Some(cell) = Interval::new(low, high) else { return false };
        let lowest = if self.falls { right } else { cell };
        let natural = self.instance.loss.at_margin(classes, lowest).value + self.slope * left;
        if natural.lo() >= self.wanted {
            return true;
        }
        let middle = Interval::point(cell.mid());
        let derivative = self.slope - self.instance.loss.at_margin(classes, cell).pull;
        let at_middle = self.instance.loss.at_margin(classes, middle).value + self.slope * middle;
        (at_middle + derivative * (cell - middle)).lo() >= self.wanted
    }
}

/// Halves [low, high] into cells until `holds` is true on every one: how many cells were looked at, or a place where it was not shown. At most [`CELLS_MAX`] cells.
pub(super) fn cover(low: f64, high: f64, holds: impl Fn(f64, f64) -> bool) -> Result<usize, f64> {
    let mut open = vec![(low, high, 0)];
    let mut cells = 0;
    while let Some((low, high, depth)) = open.pop() {
        cells += 1;
        if holds(low, high) {
            continue;
        }
        let middle = 0.5 * (low + high);
        if depth >= DEPTH_MAX || cells >= CELLS_MAX || !(low < middle && middle < high) {
            return Err(middle);
        }
        open.push((middle, high, depth + 1));
        open.push((low, middle, depth + 1));
    }
    Ok(cells)
}
