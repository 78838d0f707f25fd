//! Evidence → verdict: a pure, total decision table.
//!
//! Three values, never a Boolean: a verdict is proved (once certificates exist), numerical, or undecided; in the last case the nature is the likeliest one.

use crate::spectra::Count;

/// Relative to |f|, how small a gap must be to support a global minimum. Gaps at polished points are a few 1e-15 of the value; the nearest competitor of a
/// first-order transition is told apart down to this.
pub const GAP_ALLOWED: f64 = 1e-10;

/// Relative to the largest eigenvalue, how small a negative one may be for a saddle to lie within [`GAP_ALLOWED`] of the infimum.
const SOFT: f64 = 1e-4;

/// What a point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// Critical, and supported by the gap or by a closed form under its hypotheses.
    GlobalMinimum,
    /// Critical, index 0, as many zeros as symmetry explains, not shown global.
    LocalMinimum,
    /// Critical, index 0, more zeros than symmetry explains, not shown global.
    DegenerateMinimum,
    /// Critical, index ≥ 1.
    StrictSaddle,
    /// Did not pass the gate.
    NotCritical,
}

impl Nature {
    /// All natures, best first.
    pub const ALL: [Nature; 5] =
        [Nature::GlobalMinimum, Nature::LocalMinimum, Nature::DegenerateMinimum, Nature::StrictSaddle, Nature::NotCritical];

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Nature::GlobalMinimum => "global-minimum",
            Nature::LocalMinimum => "local-minimum",
            Nature::DegenerateMinimum => "degenerate-minimum",
            Nature::StrictSaddle => "strict-saddle",
            Nature::NotCritical => "not-critical",
        }
    }
}

/// How a verdict is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// By floating-point numbers with their stated resolutions.
    Numerical,
    /// Not known; the nature is the likeliest.
    Undecided,
}

impl Standing {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Numerical => "numerical",
            Standing::Undecided => "undecided",
        }
    }
}

/// What is known of a point's spectrum.
#[derive(Clone, Debug, PartialEq)]
pub enum SpectrumEvidence {
    /// Counts.
    Counted {
        /// #{λ < −resolution}.
        index: Count,
        /// #{|λ| ≤ resolution}.
        nullity: Count,
        /// Zeros that symmetry explains.
        symmetry: u64,
    },
    /// Why there are none.
    Missing(String),
}

/// Everything a verdict may rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Passed the gate? If not, why.
    pub critical: Result<(), String>,
    /// f.
    pub value: f64,
    /// A lower bound of f over all points, if one is known.
    pub lower_bound: Option<f64>,
    /// f* of a closed form that is a theorem for this problem.
    pub global_value: Option<f64>,
    /// The lowest value known to be attained: by another point of the case, or by a closed form.
    pub lowest_known: Option<f64>,
    /// The spectrum's counts.
    pub spectrum: SpectrumEvidence,
    /// Whether an eigenvalue is too small for the gradient that is left: see [`Spectrum::unsteady`](crate::spectra::Spectrum::unsteady).
    pub unsteady: bool,
    /// |λ_min|/λ_max, where both are known.
    pub softness: Option<f64>,
    /// Negative eigenvalues outside the row space of W: certain ones, known where the counts are not.
    pub off_space_negative: u64,
    /// Whether another minimum is known whose value agrees with the global one to [`GAP_ALLOWED`]: which of the two is global, no value tells.
    pub tie: bool,
}

/// What a point is, how that is known, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What it is (the likeliest, where undecided).
    pub nature: Nature,
    /// How that is known.
    pub standing: Standing,
    /// Whether there are more zeros than symmetry explains; `None` where the counts do not say.
    pub degenerate: Option<bool>,
    /// What the verdict rests on, or what is missing.
    pub reason: String,
}

/// Why a point is a global minimum, if the evidence says so.
fn global_support(evidence: &Evidence) -> Option<String> {
    let allowed = GAP_ALLOWED * evidence.value.abs();
    if let Some(bound) = evidence.lower_bound
        && evidence.value - bound <= allowed
    {
        return Some(format!("gap {:.1e} to a lower bound", (evidence.value - bound).max(0.0)));
    }
    let global = evidence.global_value?;
    ((evidence.value - global).abs() <= allowed)
        .then(|| format!("value within {:.1e} of the closed-form minimum", (evidence.value - global).abs()))
}

/// What contradicts itself in the evidence.
fn contradiction(evidence: &Evidence, global: bool) -> Option<String> {
    let allowed = GAP_ALLOWED * evidence.value.abs();
    for (what, bound) in [("the lower bound", evidence.lower_bound), ("the closed-form minimum", evidence.global_value)] {
        if bound.is_some_and(|bound| !(evidence.value >= bound - allowed)) {
            return Some(format!("the value lies below {what}"));
        }
    }
    let soft = evidence.softness.is_some_and(|softness| softness <= SOFT);
    match &evidence.spectrum {
        // A step along a curvature κ lowers f by about κ²: down to √(allowed) of the largest curvature both may be true.
        SpectrumEvidence::Counted { index, .. } if global && index.low > 0 && !soft => {
            Some("the gap says minimum, the inertia says saddle".into())
        }
        SpectrumEvidence::Missing(_) if global && evidence.off_space_negative > 0 => {
            Some("the gap says minimum, ‖G‖ > μ says saddle".into())
        }
        SpectrumEvidence::Counted { nullity, symmetry, .. } if nullity.high < *symmetry => {
            Some(format!("fewer zero eigenvalues ({}) than the symmetry orbit's dimension ({symmetry})", nullity.high))
        }
        _ => None,
    }
}

/// Decides.
pub fn decide(evidence: &Evidence) -> Verdict {
    let degenerate = match &evidence.spectrum {
        SpectrumEvidence::Counted { nullity, symmetry, .. } if nullity.low > *symmetry => Some(true),
        SpectrumEvidence::Counted { nullity, symmetry, .. } if nullity.high <= *symmetry => Some(false),
        _ => None,
    };
    let verdict = |nature, standing, reason: String| Verdict { nature, standing, degenerate, reason };
    if let Err(reason) = &evidence.critical {
        return Verdict { degenerate: None, ..verdict(Nature::NotCritical, Standing::Numerical, reason.clone()) };
    }
    let support = global_support(evidence);
    let counted = matches!(&evidence.spectrum, SpectrumEvidence::Counted { index, .. } if index.low > 0);
    let saddle = counted || (matches!(&evidence.spectrum, SpectrumEvidence::Missing(_)) && evidence.off_space_negative > 0);
    if let Some(contradiction) = contradiction(evidence, support.is_some()) {
        let nature = if saddle { Nature::StrictSaddle } else { Nature::LocalMinimum };
        return verdict(nature, Standing::Undecided, contradiction);
    }
    if let Some(support) = support
        && !counted
    {
        // f is within rounding of its infimum there. Whether the point is where f attains it or a saddle beside, curvatures that no rounding hides must say.
        let unexplained = degenerate == Some(true);
        return match &evidence.spectrum {
            _ if evidence.tie => {
                verdict(Nature::GlobalMinimum, Standing::Undecided, format!("{support}, and so has another minimum: a tie"))
            }
            SpectrumEvidence::Counted { nullity, symmetry, .. } if unexplained => {
                let zeros = nullity.low;
                let reason = format!(
                    "{support}; but {zeros} zero eigenvalues, {symmetry} explained by symmetry: a saddle of less curvature than the resolution is not excluded"
                );
                verdict(Nature::GlobalMinimum, Standing::Undecided, reason)
            }
            SpectrumEvidence::Counted { index, nullity, .. } if index.high > 0 || nullity.exact().is_none() => {
                let reason = format!("{support}; but an eigenvalue is within rounding of ±resolution");
                verdict(Nature::GlobalMinimum, Standing::Undecided, reason)
            }
            _ => verdict(Nature::GlobalMinimum, Standing::Numerical, support),
        };
    }
    let allowed = GAP_ALLOWED * evidence.value.abs();
    let not_global = if evidence.lowest_known.is_some_and(|lowest| lowest < evidence.value - allowed) {
        "a lower point is known"
    } else {
        "global optimality not established"
    };
    if evidence.unsteady {
        let nature = if saddle { Nature::StrictSaddle } else { Nature::LocalMinimum };
        let reason = format!(
            "an eigenvalue is too small for the gradient left: there may be no critical point here, or one of another index; {not_global}"
        );
        return verdict(nature, Standing::Undecided, reason);
    }
    let (index, nullity, symmetry) = match &evidence.spectrum {
        SpectrumEvidence::Missing(_) if saddle => {
            let reason = format!("at least {} negative eigenvalues outside the row space of W", evidence.off_space_negative);
            return verdict(Nature::StrictSaddle, Standing::Numerical, reason);
        }
        SpectrumEvidence::Missing(reason) => {
            return verdict(Nature::LocalMinimum, Standing::Undecided, format!("no inertia: {reason}; {not_global}"));
        }
        SpectrumEvidence::Counted { index, nullity, symmetry } => (index, nullity, *symmetry),
    };
    if saddle {
        let count = index.exact().map_or_else(|| format!("at least {}", index.low), |count| count.to_string());
        let negative = if count == "1" { "1 negative eigenvalue".into() } else { format!("{count} negative eigenvalues") };
        return verdict(Nature::StrictSaddle, Standing::Numerical, negative);
    }
    if index.high > 0 || nullity.exact().is_none() {
        let reason = format!("an eigenvalue is within rounding of ±resolution; {not_global}");
        return verdict(Nature::DegenerateMinimum, Standing::Undecided, reason);
    }
    if nullity.low > symmetry {
        // Higher derivatives decide, or a curvature below the resolution: it may be no minimum at all.
        let reason = format!(
            "{} zero eigenvalues, {symmetry} explained by symmetry: second derivatives do not decide; {not_global}",
            nullity.low
        );
        return verdict(Nature::DegenerateMinimum, Standing::Undecided, reason);
    }
    verdict(Nature::LocalMinimum, Standing::Numerical, not_global.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(count: u64) -> Count {
        Count { low: count, high: count }
    }

    fn evidence(index: u64, nullity: u64, gap: f64) -> Evidence {
        Evidence {
            critical: Ok(()),
            value: 1.0,
            lower_bound: Some(1.0 - gap),
            global_value: None,
            lowest_known: Some(1.0),
            spectrum: SpectrumEvidence::Counted { index: exact(index), nullity: exact(nullity), symmetry: 3 },
            unsteady: false,
            softness: None,
            off_space_negative: 0,
            tie: false,
        }
    }

    fn decided(evidence: &Evidence) -> (Nature, Standing) {
        let verdict = decide(evidence);
        assert!(!verdict.reason.is_empty());
        (verdict.nature, verdict.standing)
    }

    #[test]
    fn the_table() {
        use Nature::*;
        use Standing::*;
        assert_eq!(decided(&evidence(0, 3, 0.0)), (GlobalMinimum, Numerical));
        assert_eq!(decided(&evidence(0, 3, 1e-13)), (GlobalMinimum, Numerical));
        // Zeros that nothing explains: a saddle of less curvature than the resolution, or one of higher order, looks the same.
        assert_eq!(decided(&evidence(0, 5, 1e-13)), (GlobalMinimum, Undecided));
        assert_eq!(decided(&evidence(0, 3, 1e-9)), (LocalMinimum, Numerical));
        assert_eq!(decided(&evidence(0, 5, 1e-3)), (DegenerateMinimum, Undecided));
        assert_eq!(decided(&evidence(2, 3, 1e-3)), (StrictSaddle, Numerical));
        assert_eq!(decided(&evidence(2, 9, 1e-3)), (StrictSaddle, Numerical));
        assert_eq!(decide(&evidence(2, 9, 1e-3)).degenerate, Some(true));
        // Contradictions are never decided.
        assert_eq!(decided(&evidence(2, 3, 0.0)).1, Undecided);
        assert_eq!(decided(&evidence(0, 2, 1e-3)).1, Undecided);
        assert_eq!(decided(&evidence(0, 3, -1e-3)).1, Undecided);
    }

    #[test]
    fn a_low_value_alone_never_makes_a_global_minimum() {
        let mut point = evidence(0, 3, 0.0);
        point.lower_bound = None;
        assert_eq!(decided(&point), (Nature::LocalMinimum, Standing::Numerical));
        assert_eq!(decide(&point).reason, "global optimality not established");
        point.lowest_known = Some(0.5);
        assert_eq!(decide(&point).reason, "a lower point is known");
        point.global_value = Some(1.0);
        assert_eq!(decided(&point), (Nature::GlobalMinimum, Standing::Numerical));
    }

    #[test]
    fn a_tie_is_undecided_and_off_space_curvature_needs_no_inertia() {
        let soft = Evidence { softness: Some(1e-7), ..evidence(2, 3, 1e-13) };
        assert_eq!(decided(&soft), (Nature::StrictSaddle, Standing::Numerical));
        assert_eq!(decided(&Evidence { softness: Some(1e-2), ..soft }).1, Standing::Undecided);
        let unsteady = |index| decided(&Evidence { unsteady: true, ..evidence(index, 3, 1e-3) });
        assert_eq!(
            [unsteady(0), unsteady(1)],
            [(Nature::LocalMinimum, Standing::Undecided), (Nature::StrictSaddle, Standing::Undecided)]
        );
        let tie = Evidence { tie: true, ..evidence(0, 3, 0.0) };
        assert_eq!(decided(&tie), (Nature::GlobalMinimum, Standing::Undecided));
        let blurred = SpectrumEvidence::Counted { index: Count { low: 0, high: 1 }, nullity: exact(3), symmetry: 3 };
        assert_eq!(decided(&Evidence { spectrum: blurred, ..evidence(0, 3, 0.0) }).1, Standing::Undecided);
        let missing = || SpectrumEvidence::Missing("too large".into());
        let escapes = |gap| Evidence { spectrum: missing(), off_space_negative: 2, ..evidence(0, 3, gap) };
        assert_eq!(decided(&escapes(1e-3)), (Nature::StrictSaddle, Standing::Numerical));
        assert_eq!(decided(&escapes(1e-13)).1, Standing::Undecided);
    }

    #[test]
    fn missing_or_blurred_counts_are_undecided_and_nan_supports_nothing() {
        let mut point = evidence(0, 3, 1e-3);
        point.spectrum = SpectrumEvidence::Missing("too large".into());
        assert_eq!(decided(&point).1, Standing::Undecided);
        point.spectrum =
            SpectrumEvidence::Counted { index: Count { low: 0, high: 1 }, nullity: Count { low: 3, high: 4 }, symmetry: 3 };
        assert_eq!(decided(&point).1, Standing::Undecided);
        let mut nan = evidence(0, 3, f64::NAN);
        nan.global_value = Some(f64::NAN);
        assert_ne!(decided(&nan).0, Nature::GlobalMinimum);
        let mut refused = evidence(0, 3, 0.0);
        refused.critical = Err("gradient too large".into());
        assert_eq!(decided(&refused), (Nature::NotCritical, Standing::Numerical));
    }
}
