//! What a statement is judged on: the records and trajectories of a run, case by case.

use crate::losses::Loss;
use crate::model::{Bias, Decay};
use crate::objective::Problem;
use crate::record::{Count, PerClass, Record, TrajectoryRow, loss_of, problem_of};
use crate::theory::Balanced;

/// The records and trajectories of a run.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// One record a point, in case order.
    pub records: &'a [Record],
    /// Rows of the solvers' trajectories, in case order.
    pub trajectories: &'a [TrajectoryRow],
}

/// One case: a problem with the points found for it.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Hash of the case.
    pub case: &'a str,
    /// Loss and sizes, in words.
    pub label: String,
    /// Its points, by start. Never empty.
    pub records: Vec<&'a Record>,
    /// Its trajectory rows.
    pub rows: Vec<&'a TrajectoryRow>,
}

impl<'a> Evidence<'a> {
    /// The cases, in the order of the records.
    pub fn subjects(&self) -> Vec<Subject<'a>> {
        let mut subjects: Vec<Subject> = Vec::new();
        for record in self.records {
            match subjects.last_mut() {
                Some(subject) if subject.case == record.case => subject.records.push(record),
                _ => subjects.push(Subject { case: &record.case, label: label(record), records: vec![record], rows: Vec::new() }),
            }
        }
        for subject in &mut subjects {
            subject.rows = self.trajectories.iter().filter(|row| row.case == subject.case).collect();
        }
        subjects
    }
}

fn label(record: &Record) -> String {
    let texts = record.loss_text.iter().map(|(key, text)| format!("{key}={text}"));
    let parameters: Vec<String> = texts.chain(record.loss_params.iter().map(|(name, value)| format!("{name}={value}"))).collect();
    let parameters = if parameters.is_empty() { String::new() } else { format!("({})", parameters.join(", ")) };
    let sizes = match &record.per_class {
        PerClass::Balanced(n) => format!("n={n}"),
        PerClass::Imbalanced(sizes) => format!("n_k={sizes:?}"),
    };
    let decay = match (record.epsilon, record.decay_w, record.decay_h) {
        (Some(epsilon), _, _) => format!("ε={epsilon:.6}"),
        (None, Some(w), Some(h)) => format!("λ_W={w}, λ_H={h}"),
        _ => String::new(),
    };
    let bias = match (record.bias.as_str(), record.decay_b) {
        ("decayed", Some(b)) => format!("λ_b={b:.6}"),
        ("free", _) => "free bias".into(),
        _ => "no bias".into(),
    };
    format!("{}{parameters}, K={}, d={}, {sizes}, {decay}, {bias}", record.loss, record.classes, record.width)
}

impl<'a> Subject<'a> {
    /// A record that speaks for the case: settings are the same in all.
    pub fn settings(&self) -> &'a Record {
        self.records[0]
    }

    /// The loss.
    pub fn loss(&self) -> Result<Loss, String> {
        loss_of(self.settings())
    }

    /// What the bias is.
    pub fn bias(&self) -> Bias {
        match self.settings().bias.as_str() {
            "free" => Bias::Free,
            "decayed" => Bias::Decayed,
            _ => Bias::None,
        }
    }

    /// λ_W, λ_H, λ_b.
    pub fn decay(&self) -> Result<Decay, String> {
        let record = self.settings();
        match (record.decay_w, record.decay_h) {
            (Some(w), Some(h)) => Ok(Decay { w, h, b: record.decay_b.unwrap_or(0.0) }),
            _ => Err("the records have no decays".into()),
        }
    }

    /// The problem by its sizes, where the classes are balanced.
    pub fn balanced(&self) -> Result<Balanced, String> {
        let record = self.settings();
        let PerClass::Balanced(n) = record.per_class else { return Err("the classes differ in size".into()) };
        Ok(Balanced {
            classes: record.classes,
            width: record.width,
            per_class: n as u64,
            bias: self.bias(),
            decay: self.decay()?,
            loss: self.loss()?,
            scale: record.loss_params.get("scale").copied().unwrap_or(1.0),
        })
    }

    /// The problem.
    pub fn problem(&self) -> Result<Problem, String> {
        problem_of(self.settings())
    }

    /// Points of this nature that are decided.
    pub fn decided(&self, nature: &str) -> impl Iterator<Item = &'a Record> {
        self.records.iter().copied().filter(move |record| record.nature.as_deref() == Some(nature) && decided(record))
    }

    /// Critical points.
    pub fn critical(&self) -> impl Iterator<Item = &'a Record> {
        self.records.iter().copied().filter(|record| !matches!(record.nature.as_deref(), None | Some("not-critical")))
    }
}

/// Whether a record's verdict is one.
pub(super) fn decided(record: &Record) -> bool {
    matches!(record.standing.as_deref(), Some("proved" | "numerical"))
}

/// How a point is named in a reason.
pub(super) fn place(record: &Record) -> String {
    format!(
        "start {} ({}, rank {}, value {:.9})",
        record.start_index,
        record.start,
        record.rank.map_or("–".into(), |rank| rank.to_string()),
        record.value
    )
}

/// A count, where it is exact.
pub(super) fn exact(count: Option<Count>) -> Option<u64> {
    match count {
        Some(Count::Exact(n)) => Some(n),
        _ => None,
    }
}
