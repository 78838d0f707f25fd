//! Every closed form that a balanced problem's sizes decide, as one table: what `ufm theory` prints.

use super::{
    Balanced, ConvexityRegion, DeepLinear, DeepSolution, Inapplicable, LowRankPoint, convexity_region, equal_clusters, focal,
    imbalance, mse_mean_transition, mse_rank, partial_collapse, phases, scalar, softmax_code_margin, sphere_minimum,
};
use crate::losses::Loss;

/// A closed form's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// A number.
    Number(f64),
    /// Words.
    Words(String),
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it belongs to: "loss", "bistability", "rank-ladder", "partial-collapse", "phases", "imbalance", "flow", "kin".
    pub group: &'static str,
    /// Its name within the group.
    pub name: String,
    /// What it is, in a few words or symbols.
    pub meaning: &'static str,
    /// Its value, or why it has none here.
    pub value: Result<Quantity, Inapplicable>,
}

/// Sizes up to which every member of a ladder is listed; above, a few.
const WHOLE_LADDER: usize = 8;

/// Every closed form at the problem's settings, grouped; those outside their hypotheses carry the reason.
pub fn closed_forms(balanced: &Balanced) -> Vec<Entry> {
    let mut table = Table(Vec::new());
    table.of_loss(balanced);
    table.bistability(balanced);
    table.ladder(balanced);
    table.partial(balanced);
    table.phases(balanced);
    table.imbalance(balanced);
    table.flow(balanced);
    table.kin(balanced);
    table.0
}

struct Table(Vec<Entry>);

impl Table {
    fn number(&mut self, group: &'static str, name: impl Into<String>, meaning: &'static str, value: Result<f64, Inapplicable>) {
        self.0.push(Entry { group, name: name.into(), meaning, value: value.map(Quantity::Number) });
    }

    fn words(
        &mut self,
        group: &'static str,
        name: impl Into<String>,
        meaning: &'static str,
        value: Result<String, Inapplicable>,
    ) {
        self.0.push(Entry { group, name: name.into(), meaning, value: value.map(Quantity::Words) });
    }

    fn of_loss(&mut self, balanced: &Balanced) {
        let region = match convexity_region(&balanced.loss, balanced.classes) {
            ConvexityRegion::Everywhere => "everywhere".into(),
            ConvexityRegion::TrueProbabilityFrom(_) => "where p_k ≥ p_c".into(),
            ConvexityRegion::TrueProbabilityWithin(_) => "where p_k lies in some intervals (`ufm loss` lists them)".into(),
            ConvexityRegion::NotEverywhere => "not everywhere".into(),
        };
        self.words("loss", "convex", "where ∇²L is positive semidefinite", Ok(region));
        let gamma = match &balanced.loss {
            Loss::Focal(loss) => Ok(loss.gamma),
            other => Err(Inapplicable::new(
                format!("p_c(γ) is the focal loss's, not that of {}", other.name()),
                "take loss.name=focal",
            )),
        };
        self.number("loss", "convexity_edge", "p_c(γ)", gamma.clone().map(focal::focal_convexity_edge));
        self.number(
            "loss",
            "convexity_edge_max",
            "max over γ of p_c",
            gamma.clone().map(|_| focal::focal_convexity_edge_max().1),
        );
        let first = gamma.and_then(focal::focal_uniqueness_fails_from).map(|first| first as f64);
        self.number("loss", "uniqueness_fails_from_classes", "first K > 1/p_c", first);
    }

    fn bistability(&mut self, balanced: &Balanced) {
        let window = match &balanced.loss {
            Loss::Focal(loss) => focal::focal_window(balanced.classes, loss.gamma),
            other if !other.function().convex() => scalar::window(other, balanced.classes),
            other => Err(Inapplicable::new(format!("{} is convex: no window", other.name()), "take loss.name=focal with K ≥ 18")),
        };
        let scale = balanced.scale;
        let mut of = |name: &str, meaning, pick: fn(focal::FocalWindow) -> f64, factor: f64| {
            self.number("bistability", name, meaning, window.clone().map(|window| factor * pick(window)));
        };
        of("zero_stable_from", "ε = η(1/K)/K: W = H = 0 becomes a local minimum", |w| w.zero_stable_from, scale);
        of("transition", "ε where it ties with the simplex", |w| w.transition, scale);
        of("simplex_stable_to", "ε = (1−p_c)η(p_c)/(K−1): the simplex ends", |w| w.simplex_stable_to, scale);
        of("scale_at_transition", "s of the simplex there", |w| w.scale, 1.0);
    }

    fn low_rank(&mut self, name: &str, point: Result<LowRankPoint, Inapplicable>) {
        let group = "rank-ladder";
        self.number(
            group,
            format!("{name}.value"),
            "f of the critical points of this kind",
            point.clone().map(|point| point.value),
        );
        self.number(group, format!("{name}.residual_norm"), "‖G‖ there", point.map(|point| point.residual_norm));
    }

    fn ladder(&mut self, balanced: &Balanced) {
        let classes = balanced.classes;
        if let Loss::Mse(_) = balanced.loss {
            for rank in some(0, classes.min(balanced.width)) {
                self.low_rank(&format!("rank-{rank}"), mse_rank(balanced, rank));
            }
            return;
        }
        let divisors: Vec<usize> = (1..classes.min(10_000)).filter(|&m| classes.is_multiple_of(m)).collect();
        for at in some(0, divisors.len() - 1) {
            let clusters = divisors[at];
            let point = equal_clusters(balanced, clusters);
            let refused_for_loss = !matches!(balanced.loss, Loss::CrossEntropy(_) | Loss::LabelSmoothing(_));
            self.low_rank(&format!("clusters-{clusters}"), point);
            if refused_for_loss {
                break;
            }
        }
    }

    fn partial(&mut self, balanced: &Balanced) {
        let group = "partial-collapse";
        if balanced.classes == 2 {
            let none = Inapplicable::new("K = 2: two classes are all or none", "take K ≥ 3");
            return self.number(group, "alive-2.value", "f with m classes alive, the others at 0", Err(none));
        }
        for alive in listed_partial(balanced.classes) {
            let state = partial_collapse(balanced, alive);
            let failed = state.is_err();
            let value = state.clone().map(|state| state.value);
            self.number(group, format!("alive-{alive}.value"), "f with m classes alive, the others at 0", value);
            let ratio = state.map(|state| state.escape_ratio());
            self.number(group, format!("alive-{alive}.escape_ratio"), "σ_max/μ outside the simplex (saddle above 1)", ratio);
            if failed {
                break;
            }
        }
    }

    fn phases(&mut self, balanced: &Balanced) {
        self.number("phases", "mse_mean_transition", "λ_b above which the mean part is active", mse_mean_transition(balanced));
        let describe =
            |phase: &phases::Phase| format!("ε < {:.6}: {}, rank {}", phase.to * balanced.scale, phase.geometry, phase.rank);
        let list = phases::bce_phase(balanced).and_then(|_| phases::bce_phases(balanced.classes));
        let list = list.map(|list| {
            let (last, rest) = list.split_last().expect("the zero phase is the last");
            let mut words: Vec<String> = rest.iter().map(describe).collect();
            words.push(format!("beyond: {}", last.geometry));
            words.join("; ")
        });
        self.words("phases", "bce_phases", "BCE without a bias", list);
        let dual = phases::self_dual(balanced).map(|yes| if yes { "yes: M̄ᵀ ∝ W" } else { "no: M̄ᵀ ∝ (P − J/K)W" }.into());
        self.words("phases", "self_dual", "whether class means and classifier are parallel", dual);
    }

    fn imbalance(&mut self, balanced: &Balanced) {
        let samples = balanced.classes as f64 * balanced.per_class as f64;
        let size = imbalance::collapse_size(&balanced.loss, balanced.scale, samples, balanced.decay.mu());
        let size = size.and_then(|size| Inapplicable::width(balanced.width, balanced.classes).map(|()| size));
        self.number("imbalance", "minority_collapse_size", "classes of one size n_B ≤ this merge (N fixed)", size);
    }

    fn flow(&mut self, balanced: &Balanced) {
        let decay = balanced.decay;
        let rate = Inapplicable::unless(
            balanced.loss.function().shift_invariant(),
            || format!("{} is not shift-invariant", balanced.loss.name()),
            || "take cross-entropy, label smoothing or focal".into(),
        );
        self.number("flow", "mean_classifier_rate", "1ᵀW(t) = e^{−rate·t} 1ᵀW(0)", rate.map(|()| decay.w));
        let rate = Inapplicable::unless(
            (decay.w - decay.h).abs() <= 0.0,
            || format!("λ_W = {} and λ_H = {} differ", decay.w, decay.h),
            || format!("take λ_W = λ_H = {}", decay.mu()),
        );
        self.number("flow", "imbalance_rate", "WᵀW − HHᵀ ∝ e^{−rate·t}", rate.map(|()| 2.0 * decay.w));
    }

    fn kin(&mut self, balanced: &Balanced) {
        let Balanced { classes, width, per_class, decay, loss, scale, .. } = balanced;
        self.number(
            "kin",
            "softmax_code_margin",
            "best margin of K unit vectors in d dimensions",
            softmax_code_margin(*classes, *width),
        );
        let cross_entropy = || {
            Inapplicable::unless(
                matches!(loss, Loss::CrossEntropy(_)),
                || format!("the kin model is stated for cross-entropy, not {}", loss.name()),
                || "take loss.name=cross-entropy".into(),
            )
        };
        let sphere = cross_entropy().and_then(|()| sphere_minimum(*classes, *width, 1.0)).map(|value| scale * value);
        self.number("kin", "sphere_minimum", "unit features and classifiers, τ = 1", sphere);
        let equal = cross_entropy().and_then(|()| {
            Inapplicable::unless(
                (decay.w - decay.h).abs() <= 0.0,
                || format!("λ_W = {} and λ_H = {} differ", decay.w, decay.h),
                || format!("take λ_W = λ_H = {}", decay.mu()),
            )
        });
        for factors in [2, 3] {
            let deep = DeepLinear { classes: *classes, per_class: *per_class, factors, decay: decay.w / scale };
            let value = |solve: fn(&DeepLinear) -> Result<DeepSolution, Inapplicable>| {
                equal.clone().and_then(|()| solve(&deep)).map(|found| scale * found.value)
            };
            let (collapse, low_rank) = (value(DeepLinear::collapse), value(DeepLinear::low_rank));
            self.number("kin", format!("deep-{factors}.collapse"), "deep linear head of L factors: collapse", collapse);
            self.number("kin", format!("deep-{factors}.low_rank"), "the same: rank K/2", low_rank);
        }
    }
}

/// The m whose partially collapsed states the table lists: all where there are few, and some.
pub fn listed_partial(classes: usize) -> Vec<usize> {
    if classes > 2 { some(2, classes - 1) } else { Vec::new() }
}

/// All of `first`…`last` where they are few, otherwise the ends and quarters.
fn some(first: usize, last: usize) -> Vec<usize> {
    if last - first < WHOLE_LADDER {
        return (first..=last).collect();
    }
    let span = last - first;
    vec![first, first + 1, first + span / 4, first + span / 2, first + 3 * span / 4, last - 1, last]
}
