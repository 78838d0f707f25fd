//! The whole spectrum that was computed at a balanced simplex ETF, set against the one its closed form predicts.

use super::{Record, balanced_problem};
use crate::spectra::etf_spectrum;

/// A record's value may differ from the closed form's by this fraction: then it is that minimum.
const VALUE_TOLERANCE: f64 = 1e-9;
/// Predicted eigenvalues closer than this fraction of the largest are written as one.
const CLUSTER: f64 = 1e-10;

/// A predicted distinct eigenvalue and what was computed in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedLevel {
    /// The predicted eigenvalue; of several within 1e-10 of the largest, their mean.
    pub eigenvalue: f64,
    /// Its multiplicity.
    pub multiplicity: u64,
    /// Where it comes from, each origin once.
    pub origins: Vec<&'static str>,
    /// The computed eigenvalue, at the same places of the ascending list, that lies farthest from the prediction.
    pub computed: f64,
    /// |computed − predicted| / the largest |predicted|.
    pub residual: f64,
}

/// The spectrum of a record set against the prediction: both in ascending order, place by place.
///
/// `Err` says why there is nothing to compare: no whole spectrum, another point than the closed form's minimum, no prediction, or another number of eigenvalues.
pub fn compare_with_etf(record: &Record) -> Result<Vec<PredictedLevel>, String> {
    let computed = record.spectrum.as_ref().ok_or("the record holds no whole spectrum (spectra.level = \"full\")")?;
    let closed = record.closed_form_value.ok_or("the minimum has no closed form")?;
    if !((record.value - closed).abs() <= VALUE_TOLERANCE * closed.abs()) {
        return Err(format!("the value {} is not the closed form's {closed}", record.value));
    }
    let predicted = etf_spectrum(&balanced_problem(record)?)?;
    let totals = (predicted.iter().map(|x| x.multiplicity).sum::<u64>(), computed.iter().map(|x| x.multiplicity).sum::<u64>());
    if totals.0 != totals.1 {
        return Err(format!("{} eigenvalues were computed, {} are predicted", totals.1, totals.0));
    }
    let largest = predicted.iter().map(|level| level.eigenvalue.abs()).fold(0.0, f64::max);
    let mut levels: Vec<PredictedLevel> = Vec::new();
    for level in predicted {
        match levels.last_mut() {
            Some(last) if level.eigenvalue - last.eigenvalue <= CLUSTER * largest => {
                let (one, other) = (last.multiplicity as f64, level.multiplicity as f64);
                last.eigenvalue = (one * last.eigenvalue + other * level.eigenvalue) / (one + other);
                last.multiplicity += level.multiplicity;
                if !last.origins.contains(&level.origin) {
                    last.origins.push(level.origin);
                }
            }
            _ => levels.push(PredictedLevel {
                eigenvalue: level.eigenvalue,
                multiplicity: level.multiplicity,
                origins: vec![level.origin],
                computed: f64::NAN,
                residual: 0.0,
            }),
        }
    }
    let mut found = computed.iter();
    let (mut value, mut left) = (f64::NAN, 0);
    for level in &mut levels {
        let mut wanted = level.multiplicity;
        while wanted > 0 {
            if left == 0 {
                let Some(next) = found.next() else { break };
                (value, left) = (next.eigenvalue, next.multiplicity);
                continue;
            }
            let residual = (value - level.eigenvalue).abs() / largest;
            // Written so that NaN takes the place of any number.
            if level.computed.is_nan() || !(residual <= level.residual) {
                (level.computed, level.residual) = (value, residual);
            }
            let taken = wanted.min(left);
            (wanted, left) = (wanted - taken, left - taken);
        }
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Eigenvalue, PerClass};

    fn predicted() -> (Record, f64) {
        let mut record = Record {
            loss: "cross-entropy".into(),
            classes: 4,
            width: 6,
            per_class: PerClass::Balanced(5),
            decay_w: Some(5e-3),
            decay_h: Some(2e-3),
            decay_b: Some(1e-2),
            bias: "decayed".into(),
            ..Record::default()
        };
        let balanced = balanced_problem(&record).unwrap();
        let levels = etf_spectrum(&balanced).unwrap();
        let largest = levels.iter().map(|level| level.eigenvalue.abs()).fold(0.0, f64::max);
        record.value = balanced.minimum().unwrap().value;
        record.closed_form_value = Some(record.value);
        record.spectrum = Some(
            levels.iter().map(|x| Eigenvalue { eigenvalue: x.eigenvalue, multiplicity: x.multiplicity, origin: None }).collect(),
        );
        (record, largest)
    }

    #[test]
    fn the_prediction_agrees_with_itself_however_it_is_divided() {
        let (mut record, _) = predicted();
        let levels = compare_with_etf(&record).unwrap();
        assert!(levels.iter().all(|level| level.residual < 1e-10), "{levels:?}");
        assert_eq!(levels.iter().map(|level| level.multiplicity).sum::<u64>(), 4 * 6 + 6 * 20 + 4);
        let single = |x: &Eigenvalue| vec![Eigenvalue { multiplicity: 1, ..*x }; x.multiplicity as usize];
        record.spectrum = Some(record.spectrum.iter().flatten().flat_map(single).collect());
        assert_eq!(compare_with_etf(&record).unwrap(), levels);
    }

    /// Planted: one eigenvalue of many moved, one missing, one that is no number, another point.
    #[test]
    fn what_does_not_agree_is_seen() {
        let (record, largest) = predicted();
        let worst = |record: &Record| {
            let levels = compare_with_etf(record).unwrap();
            levels.iter().map(|level| level.residual).fold(0.0, |most, x| if x.is_nan() || x > most { x } else { most })
        };
        let mut moved = record.clone();
        let at = moved.spectrum.as_ref().unwrap().len() - 2;
        moved.spectrum.as_mut().unwrap()[at].eigenvalue += 1e-6 * largest;
        assert!((worst(&moved) - 1e-6).abs() < 1e-9);
        moved.spectrum.as_mut().unwrap()[at].eigenvalue = f64::NAN;
        assert!(worst(&moved).is_nan());
        moved.spectrum.as_mut().unwrap().pop();
        assert!(compare_with_etf(&moved).unwrap_err().contains("predicted"));
        assert!(compare_with_etf(&Record { value: record.value * 1.001, ..record.clone() }).unwrap_err().contains("closed form"));
        assert!(compare_with_etf(&Record { value: f64::NAN, ..record.clone() }).is_err());
        assert!(compare_with_etf(&Record { spectrum: None, ..record }).is_err());
    }
}
