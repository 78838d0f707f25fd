//! What a loss of the user's own is like: does it fall with p, where is it convex, is its slope bounded, which geometry does it lead to. Each answer says how it is known.
//!
//! A sign is *proved* on |u| ≤ 30 (p from 1e-13 to 1 − 1e-13, u the log-odds) where interval arithmetic shows it on every cell of a subdivision, or, of a refutation, at one point. What lies beyond, and what no subdivision
//! shows, is numerical: the signs at some 4000 places.

use super::{Contrast, ConvexityRegion, Profile, convexity_region};
use crate::losses::{Custom, Loss};
use crate::numeric::Jet;
use crate::numeric::expression::{Along, Expression, Program, Seed, TrueClass};
use crate::numeric::interval::Interval;

/// Largest |u| of a proof.
const PROOF_TO: f64 = 30.0;
/// Most cells of a subdivision.
const CELLS_MAX: usize = 40_000;

/// How an answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// By interval arithmetic, in the range that the words say.
    Proved,
    /// By numbers.
    Numerical,
}

impl Known {
    /// "proved" or "numerical".
    pub fn name(self) -> &'static str {
        match self {
            Known::Proved => "proved",
            Known::Numerical => "numerical",
        }
    }
}

/// An answer about a loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Trait {
    /// What is asked: "falls", "convex", "slope-bounded", "bounded-below", "smooth", "contrastive".
    pub name: &'static str,
    /// The answer.
    pub holds: bool,
    /// How it is known.
    pub known: Known,
    /// The answer in words, with numbers.
    pub words: String,
}

/// A loss of the user's own in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Character {
    /// The answers one by one.
    pub traits: Vec<Trait>,
    /// What follows.
    pub verdict: String,
}

/// A formula of p in intervals, for K classes.
struct Sets {
    program: Program,
    parameters: Vec<Interval>,
    classes: usize,
}

impl Sets {
    fn new(loss: &Custom, expression: &Expression, classes: usize) -> Self {
        let value = |name: &str| loss.parameters().iter().find(|(known, _)| known == name).map_or(f64::NAN, |&(_, x)| x);
        let parameters = expression.parameters().map(|(name, _)| value(name).into()).collect();
        Self { program: Program::new(expression), parameters, classes }
    }

    /// ℓ, ℓ_u and ℓ_uu over an interval of u.
    fn at(&self, u: Interval) -> Jet<Interval> {
        self.program.jet(&Seed::TrueClass(TrueClass::at_log_odds(u), Along::LogOdds), self.classes, &self.parameters)
    }

    /// Whether a property certainly holds on every cell of a subdivision of |u| ≤ [`PROOF_TO`].
    fn certainly(&self, property: fn(&Jet<Interval>) -> bool) -> bool {
        let mut open = vec![(-PROOF_TO, PROOF_TO)];
        let mut cells = 0;
        while let Some((low, high)) = open.pop() {
            cells += 1;
            let Some(cell) = Interval::new(low, high) else { return false };
            if property(&self.at(cell)) {
                continue;
            }
            if cells > CELLS_MAX || high - low < 1e-9 {
                return false;
            }
            let middle = 0.5 * (low + high);
            open.extend([(low, middle), (middle, high)]);
        }
        true
    }
}

/// p at a margin.
fn probability(classes: usize, s: f64) -> f64 {
    1.0 / (1.0 + (classes - 1) as f64 * (-s).exp())
}

/// What a loss of the user's own is like, for K classes. `None` for other losses.
pub fn character(loss: &Loss, classes: usize) -> Option<Character> {
    let Loss::Custom(custom) = loss else { return None };
    match custom.expressions().as_slice() {
        [("ell", expression)] => of_true_class(loss, custom, expression, classes),
        _ => Some(of_sum(custom, classes)),
    }
}

fn of_true_class(loss: &Loss, custom: &Custom, expression: &Expression, classes: usize) -> Option<Character> {
    let profile = Profile::new(loss, classes)?;
    let sets = Sets::new(custom, expression, classes);
    let traits = vec![
        falls(&profile, &sets, classes),
        convex(loss, custom, &sets, classes),
        slope_bounded(&profile),
        bounded_below(loss, classes),
        smooth(custom),
        contrastive(&profile),
    ];
    let verdict = verdict(&traits, &profile, classes);
    Some(Character { traits, verdict })
}

fn falls(profile: &Profile, sets: &Sets, classes: usize) -> Trait {
    let name = "falls";
    if let Some((s, slope)) = profile.rises() {
        let u = Interval::point(s - ((classes - 1) as f64).ln());
        let known = if sets.at(u).first.certainly_positive() { Known::Proved } else { Known::Numerical };
        let words = format!(
            "no: at p = {:.6} it rises with p (dℓ/du = {slope:.4e}): there a better answer costs more",
            probability(classes, s)
        );
        return Trait { name, holds: false, known, words };
    }
    if sets.certainly(|jet| jet.first.certainly_negative()) {
        return Trait {
            name,
            holds: true,
            known: Known::Proved,
            words: "yes, for p from 1e-13 to 1 − 1e-13; by numbers beyond".into(),
        };
    }
    Trait { name, holds: true, known: Known::Numerical, words: "yes, at every place looked at".into() }
}

fn convex(loss: &Loss, custom: &Custom, sets: &Sets, classes: usize) -> Trait {
    let name = "convex";
    let trait_of = |holds, known, words| Trait { name, holds, known, words };
    match convexity_region(loss, classes) {
        ConvexityRegion::Everywhere => {
            let proved = sets.certainly(|jet| jet.second.lo() >= 0.0 && jet.first.hi() <= 0.0);
            let words = if proved {
                "everywhere, for p from 1e-13 to 1 − 1e-13; by numbers beyond"
            } else {
                "everywhere, at every place looked at"
            };
            trait_of(true, if proved { Known::Proved } else { Known::Numerical }, words.into())
        }
        region => trait_of(false, refuted(custom, sets), region.to_string()),
    }
}

/// How it is known that a loss is not convex: proved where one point certainly has ℓ_uu < 0 or ℓ_u > 0.
fn refuted(custom: &Custom, sets: &Sets) -> Known {
    let bends = |u: f64| custom.at_log_odds(u, sets.classes).map_or(0.0, |jet| jet.second.min(-jet.first));
    let worst = (-600..=600).map(|i| 0.05 * f64::from(i)).fold((0.0, 0.0), |worst, u| {
        let here = bends(u);
        if here < worst.1 { (u, here) } else { worst }
    });
    let jet = sets.at(Interval::point(worst.0));
    if jet.second.certainly_negative() || jet.first.certainly_positive() { Known::Proved } else { Known::Numerical }
}

fn slope_bounded(profile: &Profile) -> Trait {
    let (steepest, unbounded) = profile.steepest();
    let words = if unbounded {
        format!("no: |dℓ/du| still grows at p = 1e-320, where it is {steepest:.4}: one wrong answer can outweigh all others")
    } else {
        // ‖e_k − π‖ ≤ √2.
        format!("yes: |dℓ/du| ≤ {steepest:.6}, and ‖∇L‖ ≤ {:.6} in the logits", steepest * 2.0_f64.sqrt())
    };
    Trait { name: "slope-bounded", holds: !unbounded, known: Known::Numerical, words }
}

fn bounded_below(loss: &Loss, classes: usize) -> Trait {
    let value = |u: f64| loss.at_log_odds(u, classes).map_or(f64::NAN, |jet| jet.value);
    let (near, far) = (value(350.0), value(700.0));
    let falls = near - far > 1e-9 * (1.0 + near.abs());
    let words = if falls {
        format!("no: it still falls at p = 1 − 1e-304, where it is {far:.4}")
    } else {
        format!("yes: {far:.6} as p → 1")
    };
    Trait { name: "bounded-below", holds: !falls, known: Known::Numerical, words }
}

fn smooth(custom: &Custom) -> Trait {
    let kinked = custom.has_kinks();
    let words =
        if kinked { "no: abs, min or max have kinks, where no Hessian exists and no certificate is given" } else { "yes" };
    Trait { name: "smooth", holds: !kinked, known: Known::Proved, words: words.into() }
}

fn contrastive(profile: &Profile) -> Trait {
    let (name, known) = ("contrastive", Known::Numerical);
    if profile.rises().is_some() {
        return Trait { name, holds: false, known, words: "no: t* ≤ 0 is not assured for a loss that rises with p".into() };
    }
    let ties = profile.ties();
    if ties.is_empty() {
        return Trait { name, holds: true, known, words: "yes, for every c: argmin φ(t) + c|t| is unique".into() };
    }
    let parts: Vec<String> = ties
        .iter()
        .map(|tie| format!("c = {:.10}, where the margins s = {:.6} and s = {:.6} tie", tie.epsilon, tie.high, tie.low))
        .collect();
    Trait { name, holds: false, known, words: format!("for every c but {}", parts.join("; ")) }
}

/// What the traits say together.
fn verdict(traits: &[Trait], profile: &Profile, classes: usize) -> String {
    let holds = |name: &str| traits.iter().any(|it| it.name == name && it.holds);
    let threshold = profile.zero_threshold();
    if !(threshold > 0.0) {
        return format!("not a loss to train with: for K = {classes} no simplex is better than W = H = 0, whatever ε");
    }
    let beyond = format!("W = H = 0 from ε = {threshold:.10} on");
    let tail = if holds("bounded-below") { "" } else { " It has no lower bound: only the decays keep the features finite." };
    let slope = if holds("slope-bounded") { "" } else { " Its slope is unbounded." };
    let ties = profile.ties();
    if !holds("falls") {
        return format!(
            "not created equal: it rises with p somewhere, so that a better answer may cost more. Of the points with s ≥ 0 the lowest is a simplex ETF below ε = {threshold:.10}, {beyond}.{tail}{slope}"
        );
    }
    match (profile.window(), ties.is_empty()) {
        (Some(window), _) => format!(
            "not created equal for K = {classes}: a simplex ETF below ε = {:.10}, {beyond}, with a first-order transition: the margin jumps from {:.6} to 0, and from ε = {:.10} up to there W = H = 0 is a spurious local minimum of the scalar problem.{tail}{slope}",
            window.transition, window.scale, window.zero_stable_from
        ),
        (None, false) => {
            format!("a simplex ETF below ε = {threshold:.10}, {beyond}, but its margin jumps at {} ε.{tail}{slope}", ties.len())
        }
        (None, true) => format!("created equal: one simplex ETF for every ε below {threshold:.10}, {beyond}.{tail}{slope}"),
    }
}

/// A sum over logits: its terms one by one.
fn of_sum(custom: &Custom, classes: usize) -> Character {
    let places = || (-800..=800).map(|i| 0.05 * f64::from(i));
    let jets = |z: f64| custom.at_logit(z, classes).unwrap_or([Jet { value: f64::NAN, first: f64::NAN, second: f64::NAN }; 2]);
    let known = Known::Numerical;
    let bent = |which: usize| places().find(|&z| jets(z)[which].second < -1e-11 * (1.0 + jets(z)[which].first.abs()));
    let words = match (bent(0), bent(1)) {
        (None, None) => "everywhere, at every place looked at".into(),
        (Some(z), _) => format!("no: own bends down at z = {z:.2}"),
        (None, Some(z)) => format!("no: others bends down at z = {z:.2}"),
    };
    let convexity = Trait {
        name: "convex",
        holds: custom.at_logit(0.0, classes).is_some() && bent(0).is_none() && bent(1).is_none(),
        known,
        words,
    };
    let pulled = places().find(|&z| !(jets(z)[0].first <= jets(z)[1].first));
    let words = match pulled {
        None => "yes: at equal logits the true one is pulled up against the others".into(),
        Some(z) => format!("no: at equal logits z = {z:.2} the true one is pushed down against the others"),
    };
    let falls = Trait { name: "falls", holds: pulled.is_none(), known, words };
    let convex = convexity.holds;
    let verdict = match (convex, pulled.is_none()) {
        (true, true) => {
            "convex and contrastive: the symmetric minimum is the global one; where its mean part is zero it is a simplex ETF"
        }
        (true, false) => "convex; where the others are pulled up more than the true logit it leads to no simplex",
        (false, _) => "not convex: nothing is claimed of its global minimum",
    };
    Character { traits: vec![falls, convexity, smooth(custom)], verdict: verdict.into() }
}

impl Contrast {
    /// The c at which two global minima tie, for losses whose minima are searched for.
    pub fn ties(&self) -> Vec<super::Tie> {
        self.searched().map_or_else(Vec::new, |profile| profile.ties())
    }
}
