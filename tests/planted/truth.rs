//! A planted problem, what is true of its point, and what a record that says something of it is worth.

use ufm::critical::Candidate;
use ufm::model::Point;
use ufm::objective::Problem;
use ufm::record::{Count, Record};
use ufm::spectra::{Level, Limits};
use ufm::study::{alone, assess};

/// A point of a problem, with the truth about it.
#[derive(Clone, Debug)]
pub(crate) struct Plant {
    pub(crate) family: &'static str,
    /// How it was made, for messages.
    pub(crate) made: String,
    pub(crate) problem: Problem,
    pub(crate) point: Point,
    pub(crate) polish: bool,
    pub(crate) truth: Truth,
}

/// What is true. Natures are those of records.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// Whether the point, or one within its perturbation, is critical. Where it is not, nothing below is looked at but `least`.
    pub(crate) critical: bool,
    /// "not-critical" is a true answer, too: the point as it was given is none.
    pub(crate) may_refuse: bool,
    pub(crate) nature: Nature,
    /// f at the critical point.
    pub(crate) value: f64,
    /// r.
    pub(crate) rank: usize,
    /// Negative eigenvalues of the Hessian, those of `soft` left out; `None`: not known.
    pub(crate) negative: Option<u64>,
    /// Zero eigenvalues, those of `soft` left out.
    pub(crate) zero: Option<u64>,
    /// Small eigenvalues with how often they occur.
    pub(crate) soft: Vec<Soft>,
    /// The infimum of f, where it is known: no lower bound may exceed it.
    pub(crate) least: Option<f64>,
}

/// A small eigenvalue, known to ± `error`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Soft {
    pub(crate) value: f64,
    pub(crate) error: f64,
    pub(crate) times: u64,
}

/// What a critical point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    Global,
    /// A local minimum that is not global.
    Spurious,
    /// A local minimum; whether it is global is not known here.
    Minimum,
    /// With a negative eigenvalue.
    Saddle,
    /// Neither a local minimum nor a point with a negative eigenvalue.
    HigherOrder,
    /// As the sign of a soft eigenvalue says, which nobody knows.
    Unknown,
}

/// What a record is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Score {
    Right,
    /// It says that it does not know, or knows less than it could.
    Undecided(&'static str),
    Wrong(String),
}

impl Plant {
    /// The record that a run would write of the point.
    pub(crate) fn record(&self) -> Record {
        let candidate = Candidate { point: self.point.clone(), polish: self.polish };
        let assessed = assess(&self.problem, candidate, Level::Inertia, &Limits::default(), false);
        alone(&self.problem, &assessed)
    }

    pub(crate) fn score(&self) -> Score {
        self.truth.judge(&self.record())
    }
}

/// Values agree that differ by no more than this, relatively.
const VALUE: f64 = 1e-9;

impl Truth {
    /// The index and nullity at a resolution, as (least, most): an eigenvalue within a factor of two of ±resolution may count on either side.
    fn counts(&self, resolution: f64) -> [(u64, u64); 2] {
        let (mut index, mut nullity) = ((0, 0), (0, 0));
        for soft in &self.soft {
            let (low, high) = (soft.value - soft.error, soft.value + soft.error);
            let surely_below = high < -2.0 * resolution;
            let surely_above = low > -0.5 * resolution;
            index.0 += if surely_below { soft.times } else { 0 };
            index.1 += if surely_above { 0 } else { soft.times };
            let surely_inside = low > -0.5 * resolution && high < 0.5 * resolution;
            let surely_outside = surely_below || low > 2.0 * resolution;
            nullity.0 += if surely_inside { soft.times } else { 0 };
            nullity.1 += if surely_outside { 0 } else { soft.times };
        }
        [index, nullity]
    }

    pub(crate) fn judge(&self, record: &Record) -> Score {
        let wrong = |what: String| Score::Wrong(format!("{what}; the record: {}", brief(record)));
        if let Some(strange) = strange(record) {
            return wrong(strange);
        }
        if let (Some(bound), Some(least)) = (record.lower_bound, self.least)
            && !(bound <= least + 1e-12 * least.abs())
        {
            return wrong(format!("the lower bound {bound:e} is above the infimum {least:e}"));
        }
        let nature = record.nature.as_deref().unwrap_or("");
        let undecided = record.standing.as_deref() == Some("undecided");
        if !self.critical {
            return match (nature, undecided) {
                ("not-critical", _) => Score::Right,
                (_, true) => Score::Undecided("not critical, said to be undecided"),
                _ => wrong("no critical point".into()),
            };
        }
        if nature == "not-critical" {
            return match self.may_refuse || undecided {
                true => Score::Undecided("not critical, as it was given"),
                false => wrong("the point is critical".into()),
            };
        }
        if undecided {
            return Score::Undecided("undecided");
        }
        if !((record.value - self.value).abs() <= VALUE * self.value.abs() + 1e-300) {
            return wrong(format!("the value is {:e}", self.value));
        }
        if record.rank != Some(self.rank) {
            return wrong(format!("the rank is {}", self.rank));
        }
        let Some(resolution) = record.resolution else {
            return self.without_inertia(nature).map_or(Score::Undecided("no inertia"), wrong);
        };
        let [soft_index, soft_nullity] = self.counts(resolution);
        let mut bracketed = false;
        for (what, found, hard, soft) in
            [("index", &record.index, self.negative, soft_index), ("nullity", &record.nullity, self.zero, soft_nullity)]
        {
            let (Some(hard), Some(found)) = (hard, found) else { continue };
            let (low, high) = match *found {
                Count::Exact(count) => (count, count),
                Count::Bracket([low, high]) => (low, high),
            };
            bracketed |= low < high;
            let allowed = (hard + soft.0, hard + soft.1);
            if high < allowed.0 || low > allowed.1 {
                return wrong(format!("the {what} is {allowed:?}"));
            }
        }
        if let Some(what) = self.without_inertia(nature) {
            return wrong(what);
        }
        if bracketed {
            return Score::Undecided("a bracket");
        }
        match (self.nature, nature) {
            (Nature::Global, "local-minimum" | "degenerate-minimum") => Score::Undecided("not shown global"),
            _ => Score::Right,
        }
    }

    /// What is wrong with a confident nature.
    fn without_inertia(&self, nature: &str) -> Option<String> {
        let right = match self.nature {
            Nature::Global => nature != "strict-saddle",
            Nature::Spurious => matches!(nature, "local-minimum" | "degenerate-minimum"),
            Nature::Minimum => nature != "strict-saddle",
            Nature::Saddle => nature == "strict-saddle",
            Nature::HigherOrder => false,
            // A confident word on what rounding hides.
            Nature::Unknown => false,
        };
        (!right).then(|| format!("it is {:?}", self.nature))
    }
}

/// A record's own contradictions: numbers that no JSON holds, and a bound above the value.
fn strange(record: &Record) -> Option<String> {
    let numbers = [
        ("value", Some(record.value)),
        ("gradient_norm", Some(record.gradient_norm)),
        ("dual_ratio", record.dual_ratio),
        ("lower_bound", record.lower_bound),
        ("gap", record.gap),
        ("closed_form_value", record.closed_form_value),
        ("resolution", record.resolution),
        ("lambda_min", record.lambda_min),
        ("lambda_max", record.lambda_max),
        ("escape_curvature", record.escape_curvature),
    ];
    let bad = numbers.into_iter().find(|(_, number)| number.is_some_and(|number| !number.is_finite()));
    bad.map(|(name, number)| format!("{name} = {number:?}"))
}

/// What a message shows of a record.
fn brief(record: &Record) -> String {
    format!(
        "{:?} {:?} index {:?} nullity {:?} ({:?}) resolution {:.1e} λ_min {:.3e} value {:e} bound {:?} closed form {:?} rank {:?} gradient {:.1e} ({:.1e}): {}{}",
        record.nature.as_deref().unwrap_or(""),
        record.standing.as_deref().unwrap_or(""),
        record.index,
        record.nullity,
        record.nullity_symmetry,
        record.resolution.unwrap_or(f64::NAN),
        record.lambda_min.unwrap_or(f64::NAN),
        record.value,
        record.lower_bound,
        record.closed_form_value,
        record.rank,
        record.gradient_norm,
        record.gradient_norm_scaled.unwrap_or(f64::NAN),
        record.reason,
        record.spectrum_reason.as_ref().map_or(String::new(), |reason| format!(" / {reason}")),
    )
}
