//! What differs between files and what does not, in words.

use super::super::axes::short;
use super::Inspected;

/// Numbers within this factor of each other are called alike.
const ALIKE: f64 = 1.5;

/// What is compared: the words, and the number.
type Quantity = (&'static str, fn(&Inspected) -> Option<f64>);

/// What is compared, from what is seen outside to what lies inside.
const QUANTITIES: [Quantity; 12] = [
    ("accuracy on test samples", |one| one.on_test()?.accuracy),
    ("accuracy on training samples", |one| one.findings.accuracy),
    ("scatter within classes (nc1)", |one| metric(one, "nc1")),
    ("the same of test samples (nc1)", |one| one.on_test()?.metrics.values.get("nc1").copied()),
    ("distance of the classifier from a simplex (nc2)", |one| metric(one, "nc2")),
    ("distance of the class means from a simplex (nc2-means)", |one| metric(one, "nc2-means")),
    ("self-duality (nc3)", |one| metric(one, "nc3")),
    ("logits at the mean of all features (nc4)", |one| metric(one, "nc4")),
    ("disagreement with the nearest class mean (nc4-disagreement)", |one| metric(one, "nc4-disagreement")),
    ("size of the logits (scale)", |one| metric(one, "scale")),
    ("length of the classifier's rows (norm-w)", |one| metric(one, "norm-w")),
    ("length of class means over that of the classifier (duality-ratio)", |one| metric(one, "duality-ratio")),
];

fn metric(one: &Inspected, id: &str) -> Option<f64> {
    one.findings.metrics.values.get(id).copied()
}

/// One line a quantity that all files have: alike, or by what factor it differs and between which files; then what minimising reaches. Empty for a single file.
pub fn statement(found: &[Inspected]) -> Vec<String> {
    if found.len() < 2 {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for (words, value) in QUANTITIES {
        let values: Option<Vec<(f64, &str)>> = found.iter().map(|one| value(one).map(|x| (x, one.label.as_str()))).collect();
        let Some(mut values) = values else { continue };
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ((least, lowest), (most, highest)) = (values[0], values[values.len() - 1]);
        let (low, high) = (short(least), short(most));
        lines.push(if !(most > 0.0) && !(least < 0.0) {
            format!("does not differ: {words} is 0 in every file")
        } else if least > 0.0 && most / least <= ALIKE {
            format!("alike: {words}, {low} to {high}")
        } else if least > 0.0 {
            let factor = most / least;
            format!("differs: {words}, by a factor of {factor:.1}: least {low} ({lowest}), most {high} ({highest})")
        } else {
            format!("differs: {words}, from {low} ({lowest}) to {high} ({highest})")
        });
    }
    lines.extend(reached(found));
    lines
}

/// Whether minimising leads to one value from everywhere.
fn reached(found: &[Inspected]) -> Option<String> {
    let values: Option<Vec<f64>> = found.iter().map(|one| Some(one.reached.as_ref()?.value).filter(|x| x.is_finite())).collect();
    let values = values?;
    let (least, most) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    let apart = (most - least) / most.abs().max(least.abs()).max(f64::MIN_POSITIVE);
    Some(if apart <= 1e-9 {
        format!("does not differ: the value that minimising reaches from every file, {least:.12}, to {apart:.0e} of it")
    } else {
        format!("differs: the value that minimising reaches, from {least:.9} to {most:.9}")
    })
}
