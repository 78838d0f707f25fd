//! Global minimisers are neural collapse.

use super::evidence::place;
use super::hypotheses::{BALANCED, CLOSED_FORM};
use super::{Check, Hypothesis, Judgement, Subject, Tally, Theorem};

/// The statement.
pub(super) const THEOREM: Theorem = Theorem {
    name: "global-minima-collapse",
    title: "Global minimisers are neural collapse",
    source: "Zhou et al. 2022; value and scale derived in `theory`",
    statement: "For balanced classes every global minimiser has zero within-class variability, rows of W that form a scaled simplex ETF and class means aligned with them; its value is the closed form's.",
    refuted_by: "a global minimum with another value, with within-class variability, or with another geometry",
    scenario: "collapse",
    figures: &["balanced-minimum", "gram", "collapse", "loss-differences"],
    hypotheses: &[BALANCED, CLOSED_FORM, ETF],
    check: Check::Each(check),
    planted: |records, _| {
        records.iter_mut().filter(|record| record.nature.as_deref() == Some("global-minimum")).for_each(|record| {
            record.metrics.insert("nc2".into(), 1e-3);
        });
    },
};

/// The unconstrained minimum is a simplex ETF: s > 0, t = 0.
const ETF: Hypothesis = Hypothesis {
    name: "the minimum is a simplex ETF",
    holds: |subject| {
        let minimum = subject.balanced()?.minimum()?;
        if minimum.geometry == "simplex-etf" { Ok(()) } else { Err(format!("its geometry is \"{}\"", minimum.geometry)) }
    },
    breaks: |record| (record.decay_w, record.decay_h) = (Some(10.0), Some(10.0)),
};

fn check(subject: &Subject<'_>) -> Judgement {
    let mut tally = Tally::new("NC1, NC2, NC3 and relative error of the value", 1e-9);
    let expected = subject.balanced().and_then(|balanced| balanced.minimum()).map(|minimum| minimum.value);
    for record in subject.decided("global-minimum") {
        for id in ["nc1", "nc2", "nc3"] {
            tally.add(record.metrics.get(id).copied().unwrap_or(f64::NAN), || format!("{}: {id}", place(record)));
        }
        let error = expected.as_ref().map_or(f64::NAN, |value| (record.value - value) / value);
        tally.add(error, || format!("{}: value", place(record)));
    }
    tally.judge("no global minimum was found")
}
