//! FAMILY. Published statements as checks on what a run left.
//!
//! A statement is one file: its hypotheses one by one, what would refute it, and a planted counterexample that the check must report. A check computes nothing that is not in a record, a
//! trajectory or a closed form of `theory`. It says *agrees* with the largest deviation and what is allowed for rounding, *disagrees*, *undecided*, or *does not apply*, naming the hypothesis that
//! fails.

mod bce_phases;
mod broken_duality;
mod ce_landscape;
mod collapse;
mod deep_linear;
mod dual_certificate;
mod escape_curvature;
mod evidence;
mod flow;
mod flow_imbalance;
mod flow_mean;
mod flow_ray;
mod focal_landscape;
mod focal_spurious;
mod hypotheses;
mod landscape;
mod ls_landscape;
mod minority_collapse;
mod mse_frame;
mod mse_landscape;
mod narrow;
mod partial_ladder;
mod phases;
mod rank_bound;
mod seli;
mod smoothing;
mod sphere_minimum;
#[cfg(test)]
mod tests;
mod weak_duality;
mod zero_modes;
mod zero_phase;

pub use evidence::{Evidence, Subject};
pub use hypotheses::Hypothesis;

use crate::record::{CaseFinding, Record, TheoremFinding, TrajectoryRow};

/// Every statement there is.
pub const ALL: &[Theorem] = &[
    collapse::THEOREM,
    ce_landscape::THEOREM,
    ls_landscape::THEOREM,
    focal_landscape::THEOREM,
    mse_landscape::THEOREM,
    rank_bound::THEOREM,
    dual_certificate::THEOREM,
    weak_duality::THEOREM,
    escape_curvature::THEOREM,
    zero_modes::THEOREM,
    smoothing::THEOREM,
    zero_phase::THEOREM,
    mse_frame::THEOREM,
    bce_phases::THEOREM,
    broken_duality::THEOREM,
    narrow::THEOREM,
    focal_spurious::THEOREM,
    partial_ladder::THEOREM,
    minority_collapse::THEOREM,
    seli::THEOREM,
    flow_mean::THEOREM,
    flow_imbalance::THEOREM,
    flow_ray::THEOREM,
    sphere_minimum::THEOREM,
    deep_linear::THEOREM,
];

/// A published statement.
#[derive(Clone, Copy, Debug)]
pub struct Theorem {
    /// Its id.
    pub name: &'static str,
    /// Its name in words.
    pub title: &'static str,
    /// Where it comes from: the paper by name, or the section of the derivation in the code.
    pub source: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// What would refute it.
    pub refuted_by: &'static str,
    /// The scenario that puts it to the test, under `scenarios/theorems/`.
    pub scenario: &'static str,
    /// The figures that show it.
    pub figures: &'static [&'static str],
    /// What a case must satisfy; the first that fails is named.
    pub hypotheses: &'static [Hypothesis],
    /// The check.
    pub check: Check,
    /// Turns evidence that agrees into a counterexample, which the check must report.
    pub planted: fn(&mut [Record], &mut [TrajectoryRow]),
}

/// How a statement is judged.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Case by case.
    Each(fn(&Subject<'_>) -> Judgement),
    /// All cases that satisfy the hypotheses at once: the statement compares them.
    Together(fn(&[Subject<'_>]) -> Judgement),
}

/// What is found of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A hypothesis fails.
    DoesNotApply,
    /// It holds on every point judged, within the rounding allowed.
    Agrees,
    /// It can neither be confirmed nor refuted with what there is.
    Undecided,
    /// It does not hold.
    Disagrees,
}

impl Finding {
    /// The name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::DoesNotApply => "does not apply",
            Self::Agrees => "agrees",
            Self::Undecided => "undecided",
            Self::Disagrees => "disagrees",
        }
    }
}

/// A finding with its margin.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The finding.
    pub finding: Finding,
    /// The largest deviation.
    pub deviation: Option<f64>,
    /// What rounding may cause.
    pub allowed: Option<f64>,
    /// What the deviation is.
    pub measured: &'static str,
    /// Points judged.
    pub points: usize,
    /// Why.
    pub reason: String,
}

impl Judgement {
    /// No finding, and why.
    pub fn undecided(measured: &'static str, reason: impl Into<String>) -> Self {
        Self { finding: Finding::Undecided, deviation: None, allowed: None, measured, points: 0, reason: reason.into() }
    }

    /// A hypothesis that shows only on the points fails.
    pub fn not_applicable(measured: &'static str, reason: impl Into<String>) -> Self {
        Self { finding: Finding::DoesNotApply, ..Self::undecided(measured, reason) }
    }
}

/// Gathers deviations point by point; the largest decides. A deviation that is no number disagrees.
#[derive(Clone, Debug)]
pub struct Tally {
    measured: &'static str,
    allowed: f64,
    worst: Option<(f64, String)>,
    points: usize,
    doubt: Option<String>,
}

impl Tally {
    /// Deviations called `measured`, of which `allowed` may be rounding.
    pub fn new(measured: &'static str, allowed: f64) -> Self {
        Self { measured, allowed, worst: None, points: 0, doubt: None }
    }

    /// A point's deviation; `place` names the point.
    pub fn add(&mut self, deviation: f64, place: impl FnOnce() -> String) {
        self.points += 1;
        let deviation = if deviation.is_nan() { f64::INFINITY } else { deviation.abs() };
        if self.worst.as_ref().is_none_or(|(worst, _)| deviation > *worst) {
            self.worst = Some((deviation, place()));
        }
    }

    /// A point that cannot be judged.
    pub fn doubt(&mut self, reason: impl FnOnce() -> String) {
        self.doubt.get_or_insert_with(reason);
    }

    /// The judgement; `nothing` says why there was no point.
    pub fn judge(self, nothing: &str) -> Judgement {
        let Self { measured, allowed, worst, points, doubt } = self;
        let Some((deviation, place)) = worst else {
            return Judgement::undecided(measured, doubt.unwrap_or_else(|| nothing.into()));
        };
        let (finding, reason) = if !(deviation <= allowed) {
            (Finding::Disagrees, place)
        } else if let Some(doubt) = doubt {
            (Finding::Undecided, doubt)
        } else {
            (Finding::Agrees, format!("largest at {place}"))
        };
        Judgement {
            finding,
            deviation: Some(deviation).filter(|x| x.is_finite()),
            allowed: Some(allowed),
            measured,
            points,
            reason,
        }
    }
}

/// The statement called `name`.
pub fn by_name(name: &str) -> Option<&'static Theorem> {
    ALL.iter().find(|theorem| theorem.name == name)
}

/// Judges a statement on what a run left.
pub fn judge(theorem: &Theorem, evidence: &Evidence<'_>) -> TheoremFinding {
    let subjects = evidence.subjects();
    let mut judged: Vec<(&Subject, Judgement)> = Vec::new();
    let mut fitting: Vec<Subject> = Vec::new();
    for subject in &subjects {
        match failing(theorem, subject) {
            Some(reason) => judged.push((subject, Judgement::not_applicable("", reason))),
            None => match theorem.check {
                Check::Each(check) => judged.push((subject, check(subject))),
                Check::Together(_) => fitting.push(subject.clone()),
            },
        }
    }
    if let (Check::Together(check), Some(first)) = (theorem.check, fitting.first()) {
        let place = subjects.iter().find(|subject| subject.case == first.case).expect("it is one of them");
        judged.push((place, check(&fitting)));
    }
    summary(theorem, &judged)
}

/// A statement that no run judged.
pub fn unjudged(theorem: &Theorem) -> TheoremFinding {
    TheoremFinding {
        finding: "not run".into(),
        reason: format!("no run here asks for it; see scenarios/theorems/{}.toml", theorem.scenario),
        ..summary(theorem, &[])
    }
}

/// The hypotheses that a case does not satisfy, in words.
fn failing(theorem: &Theorem, subject: &Subject<'_>) -> Option<String> {
    let reasons: Vec<String> = theorem
        .hypotheses
        .iter()
        .filter_map(|hypothesis| {
            (hypothesis.holds)(subject).err().map(|why| format!("the hypothesis “{}” fails: {why}", hypothesis.name))
        })
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn summary(theorem: &Theorem, judged: &[(&Subject<'_>, Judgement)]) -> TheoremFinding {
    let overall = judged.iter().map(|(_, judgement)| judgement.finding).max().unwrap_or(Finding::DoesNotApply);
    // The case that speaks for all: of those with the overall finding the one nearest to refutation.
    let share = |judgement: &Judgement| match (judgement.deviation, judgement.allowed) {
        (Some(deviation), Some(allowed)) if allowed > 0.0 => deviation / allowed,
        _ => 0.0,
    };
    let decisive = judged
        .iter()
        .filter(|(_, judgement)| judgement.finding == overall)
        .max_by(|(_, a), (_, b)| share(a).total_cmp(&share(b)));
    let reason = match decisive {
        None => "the run has no case".into(),
        Some((subject, judgement)) if judged.len() > 1 && !subject.label.is_empty() => {
            format!("{}: {}", subject.label, judgement.reason)
        }
        Some((_, judgement)) => judgement.reason.clone(),
    };
    TheoremFinding {
        theorem: theorem.name.into(),
        title: theorem.title.into(),
        source: theorem.source.into(),
        statement: theorem.statement.into(),
        refuted_by: theorem.refuted_by.into(),
        finding: overall.name().into(),
        deviation: decisive.and_then(|(_, judgement)| judgement.deviation),
        allowed: decisive.and_then(|(_, judgement)| judgement.allowed),
        measured: judged.iter().map(|(_, judgement)| judgement.measured).find(|text| !text.is_empty()).unwrap_or("").into(),
        points: judged.iter().map(|(_, judgement)| judgement.points).sum(),
        reason,
        cases: judged
            .iter()
            .map(|(subject, judgement)| CaseFinding {
                case: subject.case.into(),
                label: subject.label.clone(),
                finding: judgement.finding.name().into(),
                deviation: judgement.deviation,
                allowed: judgement.allowed,
                points: judgement.points,
                reason: judgement.reason.clone(),
            })
            .collect(),
    }
}
