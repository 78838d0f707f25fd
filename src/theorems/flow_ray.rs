//! The ETF ray is invariant under the gradient flow, which is a plane system there.

use super::flow::{self, FLOW, Moment};
use super::hypotheses::{BALANCED, SHIFT_INVARIANT, WIDE};
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};
use crate::losses::Loss;
use crate::theory::{RayFlow, focal_convexity_edge};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "flow-etf-ray",
    title: "From a simplex ETF the gradient flow keeps to simplex ETFs",
    source: "derived in `theory/flow.rs`",
    statement: "For balanced classes and a shift-invariant loss the gradient flow from W = ωB, h_{k,i} = νBᵀe_k (BBᵀ = P) stays of that form, with ω̇ = qν − λ_Wω, ν̇ = (q/n)ω − λ_Hν and q the pull on an off-class logit, 1/(K−1+e^{ων}) for cross-entropy.",
    refuted_by: "a flow from the ray that leaves it, or moves along it otherwise, by more than the integrator's error estimates and their growth",
    scenario: "flow",
    figures: &["flow-laws"],
    hypotheses: &[FLOW, SHIFT_INVARIANT, BALANCED, WIDE, CONVEX, ON_RAY],
    check: Check::Each(check),
    planted: |_, rows| flow::slow(rows),
};

/// Errors grow no faster than `RayFlow::growth` where the loss is convex: everywhere, or for focal loss where p_k ≥ 1/K ≥ p_c (ων ≥ 0).
const CONVEX: Hypothesis = Hypothesis {
    name: "a loss that is convex on the ray",
    holds: |subject| match subject.loss()? {
        Loss::Focal(loss) => {
            let (classes, edge) = (subject.settings().classes, focal_convexity_edge(loss.gamma));
            if classes as f64 * edge <= 1.0 { Ok(()) } else { Err(format!("K = {classes}, 1/p_c = {:.3}", 1.0 / edge)) }
        }
        other if other.function().convex() => Ok(()),
        other => Err(format!("{} is not convex everywhere", other.name())),
    },
    breaks: |record| {
        record.loss = "focal".into();
        record.loss_params = [("gamma".to_owned(), 2.0)].into();
        (record.classes, record.width) = (20, 20);
    },
};

/// W and H are multiples of one simplex, with the same sign, and b = 0, at time 0. Starts elsewhere are not judged.
const ON_RAY: Hypothesis = Hypothesis {
    name: "a flow that begins on the ETF ray",
    holds: |subject| {
        let mut reasons = Vec::new();
        for moments in flow::trajectories(subject) {
            match moments.first().map_or_else(|| Err("a start has no trajectory".into()), on_ray) {
                Ok(()) => return Ok(()),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join(", "))
    },
    // Another start: its trajectory does not begin there.
    breaks: |record| record.start_index += 1_000_000,
};

/// The metrics that are zero on the ray, and the mean classifier.
fn on_ray(first: &Moment<'_>) -> Result<(), String> {
    let metrics = ["nc1", "nc2", "nc3", "nc4"].map(|id| (id, first.row.metrics.get(id).copied().unwrap_or(f64::NAN)));
    let mean = ("‖1ᵀW‖/‖W‖", first.flow.mean_classifier[0] / first.flow.norm_w);
    match metrics.into_iter().chain([mean]).find(|(_, x)| !(x.abs() <= 1e-12)) {
        None => Ok(()),
        Some((name, x)) => Err(format!("start {}: {name} = {x:.1e} at time 0", first.row.start_index)),
    }
}

/// Steps of the plane system in a unit of time. Its own error is measured by taking twice as many.
const STEPS: f64 = 25.0;

fn check(subject: &Subject<'_>) -> Judgement {
    const MEASURED: &str = "largest distance from the plane system's solution, over what error estimates and their growth allow";
    let balanced = match subject.balanced() {
        Ok(balanced) => balanced,
        Err(reason) => return Judgement::not_applicable(MEASURED, reason),
    };
    let ray = match RayFlow::new(&balanced) {
        Ok(ray) => ray,
        Err(reason) => return Judgement::not_applicable(MEASURED, reason.to_string()),
    };
    // (‖W‖, ‖H‖) = (ω, ν) times these.
    let root = (balanced.classes as f64 - 1.0).sqrt();
    let (of_w, of_h) = (root, root * (balanced.per_class as f64).sqrt());
    let mut tally = Tally::new(MEASURED, 1.0);
    for moments in flow::trajectories(subject) {
        let Some(first) = moments.first().filter(|first| on_ray(first).is_ok()) else { continue };
        let mut fine = (first.flow.norm_w / of_w, first.flow.norm_h / of_h);
        let mut coarse = fine;
        let (mut before, mut growth) = (first.time, 0.0);
        for moment in &moments {
            let span = moment.time - before;
            if span > 0.0 {
                let steps = (STEPS * span).ceil() as u32;
                // Rows are so near each other that the rate is monotone between them: the larger one of both ends.
                let rate = ray.growth(fine.0, fine.1);
                (fine, coarse) = (ray.integrate(fine, span, 2 * steps), ray.integrate(coarse, span, steps));
                growth += span * rate.max(ray.growth(fine.0, fine.1));
                before = moment.time;
            }
            let off = |(omega, nu): (f64, f64)| (moment.flow.norm_w - of_w * omega).hypot(moment.flow.norm_h - of_h * nu);
            let own = ((fine.0 - coarse.0) * of_w).hypot((fine.1 - coarse.1) * of_h);
            let allowed = growth.exp() * moment.error() + own;
            let tell = || format!("start {}, t = {:.3}", moment.row.start_index, moment.time);
            let deviation = off(fine);
            tally.add(deviation / allowed, || format!("{}: {deviation:.1e} off, {allowed:.1e} allowed", tell()));
            // A distance δ of W from ωB changes the normalised Gram matrix by at most 4δ/‖W‖.
            let aside = moment.row.metrics.get("nc2").map_or(f64::NAN, |nc2| 0.25 * nc2 * moment.flow.norm_w);
            tally.add(aside / allowed, || format!("{}: {aside:.1e} off the ray, {allowed:.1e} allowed", tell()));
            if !(allowed <= 1e-2 * moment.norm) {
                tally.doubt(|| format!("{}: errors of {allowed:.1e} are allowed; lower solver.tolerance", tell()));
            }
        }
    }
    tally.judge("no trajectory was recorded")
}
