//! Partially collapsed states: a critical point of which m of the K classes form a simplex exists, and the exact number of negative and zero eigenvalues there. Everything follows from two scalars, so that the size of the
//! problem does not matter; the arithmetic is that of the precision that the certificate asks for.
//!
//! Balanced problem (n samples in every class), shift-invariant loss, d ≥ m − 1. A: the first m classes, B: the other l. B_m is a K×(m−1) matrix with B_mᵀB_m = I, whose rows of A sum to 0 and whose rows of B are 0, so that
//! B_mB_mᵀ = P = I − J/m on A. The state is W = ωB_m, h_i = ν·(row y_i of B_m), b = y(1_A − (m/K)1), ω² = s√(nλ_H/λ_W), ν = s/ω, s > 0; for m = 0 it is W = H = 0, b = 0.
//!
//! **Critical iff two scalars vanish.** On A ∇L_k = xe_k + u1_A + v1_B with the same x, u, v for every k, by symmetry; on B x'e_k + u'1_B + v'1_A. As the rows of B_m sum to 0 and vanish on B, Σ_i g_ih_iᵀ = (c/K)νxB_m and
//! Wᵀg_i = (c/N)ωx·(row of B_m), 0 on B. So both GHᵀ = −λ_WW and WᵀG = −λ_HH say −x = K√nμ/c =: Kε. G1 + λ_bb is constant on A, and on B, and sums to 0; it vanishes iff one entry does. With f/c = φ(s, y),
//!
//! ```text
//! ∂φ/∂s = (m−1)(ε + x/K),   −x = η(mq_A + lq_B) − α;      ∂φ/∂y = (ml/K)(η'p'_A − ηq_B + (λ_b/c)y)
//! ```
//!
//! (q_A, q_B and p'_A, p' are the probabilities that a sample of A, of B gives to another class of A, of B; η' is η at p'): the state is critical in the whole space iff (s, y) is critical for φ. (An instance of the principle of
//! symmetric criticality, shown directly.) Without a bias, and for m = K, y = 0 and only s is unknown; for m = 0 nothing is.
//!
//! **Existence.** Krawczyk: with x̂ in the box X, any matrix C and J ⊇ φ''(X), if x̂ − Cφ'(x̂) + (I − CJ)(X − x̂) lies in the interior of X, then φ' has exactly one zero in X. It is checked for all parameters of a box at once.
//!
//! Index and nullity: `blocks`.
//!
//! **What this does not establish**: that other critical points of the problem are not there; that a point of the certificate lies near this one.

use super::blocks::Blocks;
use super::contrast::per_class;
use super::report::Steps;
use super::simplex;
use crate::numeric::interval::{Enclosure, Interval, Long, Multiple};
use crate::rigor::certificate::{Instance, Nature, PartialState};
use crate::rigor::groups::{At, Groups};

/// Runs `$body` with `$number` as the type of intervals of a precision.
macro_rules! in_precision {
    ($bits:expr, $number:ident => $body:expr) => {
        match $bits {
            53 => {
                type $number = Interval;
                $body
            }
            128 => {
                type $number = Multiple<2>;
                $body
            }
            256 => {
                type $number = Multiple<4>;
                $body
            }
            _ => {
                type $number = Multiple<8>;
                $body
            }
        }
    };
}
pub(in crate::rigor) use in_precision;

/// What is found of a critical state.
#[derive(Clone, Copy, Debug)]
pub(in crate::rigor) struct Found {
    /// Number of negative eigenvalues.
    pub(in crate::rigor) index: u64,
    /// Number of zero eigenvalues.
    pub(in crate::rigor) nullity: u64,
    /// An enclosure of f.
    pub(in crate::rigor) value: Interval,
}

/// Verifies that the state exists and has this index, nullity and value.
pub(super) fn verify(
    instance: &Instance,
    state: &PartialState,
    (index, nullity): (u64, u64),
    nature: Nature,
    value: Interval,
    steps: &mut Steps,
) -> Option<()> {
    let found = examine(instance, state, steps)?;
    steps.holds("the number of negative eigenvalues is the index", found.index == index, || {
        format!("{} counted, {index} claimed", found.index)
    })?;
    steps.holds("the number of zero eigenvalues is the nullity", found.nullity == nullity, || {
        format!("{} counted, {nullity} claimed", found.nullity)
    })?;
    let inside = found.value.is_subset(value);
    steps.holds("f there lies in the claimed interval", inside, || format!("{} ⊆ {value}", found.value))?;
    let expected = if index == 0 { Nature::StrictLocalMinimum } else { Nature::StrictSaddle };
    steps.holds("the nature is that of the index", nature == expected, || format!("index {index}: {}", expected.name()))
}

/// Verifies that the state exists and that the sign of every eigenvalue is certain, and counts them.
pub(in crate::rigor) fn examine(instance: &Instance, state: &PartialState, steps: &mut Steps) -> Option<Found> {
    in_precision!(state.precision, T => {
            let (groups, at) = locate::<T>(instance, state, steps)?;
            let counted = Blocks::new(instance, &groups, &at, T::enclosing(&state.scale))?.count(steps)?;
            let value = T::from(instance.scale) * groups.value(&at);
            steps.holds("f there is a number", value.is_bounded(), || format!("{value}"))?;
    let dimension = instance.width * (instance.classes + instance.samples()) + if instance.has_bias() { instance.classes } else { 0 };
            let all = counted.negative + counted.zero + counted.positive;
            steps.holds("the blocks have as many eigenvalues as there are unknowns", all == dimension as u64, || format!("{all} of {dimension}"))?;
            Some(Found { index: counted.negative, nullity: counted.zero, value: value.outward() })
        })
}

/// Verifies that the state exists and is a global minimum, with its value in `value`.
///
/// For a convex loss ‖G‖ ≤ μ is enough (`global`): σ = μ on the differences of A by criticality, the other singular values are compared. For the focal loss and m = K it is by the contrastive bound (`simplex`), since
/// ∂φ/∂s = 0 says that m(s) = e there.
pub(super) fn global(
    instance: &Instance,
    state: &PartialState,
    basin: Option<Interval>,
    value: Interval,
    steps: &mut Steps,
) -> Option<()> {
    let found: Interval = in_precision!(state.precision, T => {
        let (groups, at) = locate::<T>(instance, state, steps)?;
        if basin.is_none() {
            steps.holds("the loss is convex", instance.loss.convex(), || "without a basin the theorem needs it".into())?;
            let blocks = Blocks::new(instance, &groups, &at, T::enclosing(&state.scale))?;
            for (name, difference) in blocks.residual_room() {
                steps.holds(&format!("σ < μ on the {name}"), difference.certainly_positive(), || format!("{difference}"))?;
            }
        }
        let value = T::from(instance.scale) * groups.value(&at);
        if value.is_bounded() { value.outward() } else { Interval::ENTIRE }
    });
    if let Some(basin) = basin {
        steps.holds("all classes are alive", state.alive == instance.classes, || format!("m = {}", state.alive))?;
        return simplex::global(instance, state.scale.outward(), basin, value, steps);
    }
    let inside = found.is_bounded() && found.is_subset(value);
    steps.holds("f there lies in the claimed interval", inside, || format!("{found} ⊆ {value}"))
}

/// An enclosure of f at the critical state.
pub(in crate::rigor) fn critical_value(instance: &Instance, state: &PartialState, steps: &mut Steps) -> Option<Long> {
    in_precision!(state.precision, T => {
        let (groups, at) = locate::<T>(instance, state, steps)?;
        Some((T::from(instance.scale) * groups.value(&at)).widest())
    })
}

/// An enclosure of f at a state that need not be critical, for all scales and gaps of the intervals.
pub(in crate::rigor) fn value(instance: &Instance, state: &PartialState, steps: &mut Steps) -> Option<Long> {
    in_precision!(state.precision, T => {
        let (groups, s, y) = place::<T>(instance, state, steps)?;
        Some((T::from(instance.scale) * groups.value(&groups.at(s, y))).widest())
    })
}

/// The scalars of a state that may be one of this problem.
fn place<T: Enclosure>(instance: &Instance, state: &PartialState, steps: &mut Steps) -> Option<(Groups<T>, T, T)> {
    let n = per_class(instance, steps)?;
    let groups = Groups::<T>::new(instance, n, state.alive);
    steps.holds("the loss is shift-invariant", groups.is_some(), || "states are collapsed for such losses".into())?;
    let groups = groups?;
    let rank = state.alive.saturating_sub(1);
    steps.holds("the width holds the simplex", rank <= instance.width, || format!("m − 1 = {rank} ≤ {}", instance.width))?;
    let (s, y) = (T::enclosing(&state.scale), T::enclosing(&state.bias_gap));
    let nothing = |set: &Long| set.outward().mag() <= 0.0;
    if state.alive == 0 {
        steps.holds("without a simplex there is no scale", nothing(&state.scale), || format!("{s}"))?;
    } else {
        steps.holds("the scale is positive", s.certainly_positive(), || format!("{s}"))?;
    }
    if groups.gap_decay.is_none() {
        steps.holds("the bias has no gap", nothing(&state.bias_gap), || format!("{y}"))?;
    }
    Some((groups, s, y))
}

/// Verifies that there is exactly one critical state in the intervals, for all parameters.
fn locate<T: Enclosure>(instance: &Instance, state: &PartialState, steps: &mut Steps) -> Option<(Groups<T>, At<T>)> {
    let (groups, s, y) = place::<T>(instance, state, steps)?;
    if state.alive == 0 {
        return Some((groups, groups.at(s, y)));
    }
    let step = newton(&groups, s, y);
    let within = step.is_some_and(|step| step[0].is_interior(s) && (groups.gap_decay.is_none() || step[1].is_interior(y)));
    steps.holds("an interval Newton step maps the box of scale and gap into its interior", within, || match step {
        Some([s_new, y_new]) => format!("{s_new} × {y_new} in {s} × {y}"),
        None => "the second derivatives may be singular".into(),
    })?;
    Some((groups, groups.at(s, y)))
}

/// x̂ − Cφ'(x̂) + (I − CJ)(X − x̂) on the box s × y, C near the inverse of the middle of J.
pub(in crate::rigor) fn newton<T: Enclosure>(groups: &Groups<T>, s: T, y: T) -> Option<[T; 2]> {
    let (s_mid, y_mid) = (s.middle(), y.middle());
    let [by_s, by_y] = groups.gradient(&groups.at(s_mid, y_mid));
    let [ss, sy, yy] = groups.curvature(&groups.at(s, y));
    let (a, b, d) = (ss.middle(), sy.middle(), yy.middle());
    let determinant = a * d - b.sqr();
    let inverse = [d / determinant, -b / determinant, a / determinant].map(T::middle);
    if !inverse.iter().all(|entry| entry.is_bounded()) {
        return None;
    }
    let [p, q, r] = inverse;
    let (off_s, off_y) = (s - s_mid, y - y_mid);
    let one = T::one();
    let s_new = s_mid - (p * by_s + q * by_y) + (one - (p * ss + q * sy)) * off_s - (p * sy + q * yy) * off_y;
    let y_new = y_mid - (q * by_s + r * by_y) - (q * ss + r * sy) * off_s + (one - (q * sy + r * yy)) * off_y;
    (s_new.is_bounded() && y_new.is_bounded()).then_some([s_new, y_new])
}
