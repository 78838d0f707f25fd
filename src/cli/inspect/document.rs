//! What was found as JSON.

use serde_json::{Value, json};

use crate::metrics::{CODES, Compat, Findings};
use crate::record::Record;
use crate::report::Inspected;

/// Fields of a record that speak of a run, not of a point.
const OF_A_RUN: [&str; 11] =
    ["case", "scenario", "start", "start_index", "seed", "solver", "steps", "stop_reason", "orbit", "certificate", "point"];

/// One object for one file, an array for several.
pub(super) fn document(found: &[Inspected], compat: &[String]) -> Value {
    let mut all: Vec<Value> = found.iter().map(|found| one(found, compat)).collect();
    if all.len() == 1 { all.remove(0) } else { Value::Array(all) }
}

fn one(found: &Inspected, compat: &[String]) -> Value {
    let mut value = record(&found.record, &OF_A_RUN);
    let Value::Object(fields) = &mut value else { return value };
    fields.insert("file".into(), json!(found.path.display().to_string()));
    fields.insert("accuracy".into(), json!(found.findings.accuracy));
    fields.insert("conditioning".into(), conditioning(&found.findings));
    fields.insert(
        "nearest_etf".into(),
        json!({ "distance": found.nearest_etf.distance, "scale": found.nearest_etf.scale, "row_norm": found.nearest_etf.row_norm }),
    );
    let test = found.test.as_ref().map(|test| match &test.findings {
        Ok(findings) => json!({
            "samples": test.samples,
            "accuracy": findings.accuracy,
            "metrics": findings.metrics.values,
            "metrics_undefined": findings.metrics.undefined,
            "conditioning": conditioning(findings),
        }),
        Err(reason) => json!({ "samples": test.samples, "reason": reason }),
    });
    fields.insert("test".into(), json!(test));
    // What belongs to a run's place stays out here too, but for how the minimum was reached.
    let of_a_place: Vec<&str> = OF_A_RUN.into_iter().filter(|name| !["solver", "steps", "stop_reason"].contains(name)).collect();
    fields.insert("reached".into(), found.reached.as_ref().map_or(Value::Null, |reached| record(reached, &of_a_place)));
    if !compat.is_empty() {
        let codes = codes(compat).map(|name| (name.to_owned(), quantities(&found.findings.compat[name])));
        fields.insert("compat".into(), Value::Object(codes.collect()));
    }
    value
}

/// The codes that were asked for, in the order of their list.
pub(super) fn codes(asked: &[String]) -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|code| code.name).filter(move |name| asked.iter().any(|asked| asked == name || asked == "all"))
}

fn quantities(all: &[Compat]) -> Value {
    let one = |compat: &Compat| match &compat.value {
        Ok(value) => (compat.name.to_owned(), json!({ "value": value, "formula": compat.formula })),
        Err(reason) => (compat.name.to_owned(), json!({ "value": null, "formula": compat.formula, "reason": reason })),
    };
    Value::Object(all.iter().map(one).collect())
}

fn conditioning(findings: &Findings) -> Value {
    findings.conditioning.map_or(Value::Null, |found| {
        json!({
            "known_rank": found.known_rank,
            "rank": found.rank,
            "largest_singular_value": found.largest,
            "smallest_singular_value": found.smallest,
            "ill_conditioned": found.ill_conditioned,
        })
    })
}

/// A record without these fields; what is not known is null.
fn record(record: &Record, without: &[&str]) -> Value {
    let mut value = serde_json::to_value(record).expect("records hold only what JSON can say");
    if let Value::Object(fields) = &mut value {
        for name in without {
            fields.shift_remove(*name);
        }
        for (name, field) in fields.iter_mut() {
            let empty = field.as_str() == Some("") || (name == "loss_params" && record.loss.is_empty());
            if empty {
                *field = Value::Null;
            }
        }
    }
    value
}
