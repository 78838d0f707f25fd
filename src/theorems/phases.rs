//! Phases in ε and λ_b: what the statements about them share.

use super::evidence::place;
use super::{Judgement, Subject, Tally};

/// The rank and value of every global minimum against the closed form's.
pub(super) fn ranks(subject: &Subject<'_>, near: f64) -> Judgement {
    const MEASURED: &str = "difference of the rank, and relative error of the value, from the closed form";
    let minimum = match subject.balanced().and_then(|balanced| balanced.minimum()) {
        Ok(minimum) => minimum,
        Err(reason) => return Judgement::not_applicable(MEASURED, reason),
    };
    let mut tally = Tally::new(MEASURED, near);
    for record in subject.decided("global-minimum") {
        let rank = record.rank.map_or(f64::NAN, |rank| rank as f64);
        tally.add(rank - minimum.rank as f64, || format!("{}: rank {rank}, {} expected", place(record), minimum.rank));
        tally.add((record.value - minimum.value) / minimum.value, || format!("{}: value", place(record)));
    }
    tally.judge("no global minimum was found")
}
