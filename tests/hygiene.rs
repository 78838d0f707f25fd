//! Numbers at the ends of their range: each scenario is refused in words, or every record holds numbers only and says what it knows.

use std::path::Path;

use ufm::record::{FAILED, Record};
use ufm::scenario::Scenario;
use ufm::study::{self, Options};

const BASE: &str = "question = \"?\"
[model]
classes = 3
width = 3
per_class = 2
bias = \"none\"
decay = { DECAY }
[loss]
name = \"cross-entropy\"
[[starts]]
name = \"gaussian\"
count = 2
seed = 1
[[starts]]
name = \"origin\"
[stop]
steps_max = 60
";

/// The records of the scenario with these keys, or the words of the refusal.
fn outcome(keys: &[String]) -> Result<Vec<Record>, String> {
    let single = keys.iter().any(|key| key.starts_with("model.decay.w"));
    let text = BASE.replace("DECAY", if single { "w = 0.1, h = 0.1" } else { "epsilon = 0.05" });
    let scenario = Scenario::parse(Path::new("hygiene.toml"), &text, keys, false).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().unwrap();
    let options = Options { threads: Some(1), ..Options::new(folder.path()) };
    study::run(&scenario, &options, &|_| {}).map(|study| study.records).map_err(|error| error.to_string())
}

/// What is wrong with a record.
fn fault(record: &Record) -> Option<String> {
    if record.stop_reason == FAILED {
        return Some(format!("the computation broke down: {}", record.reason));
    }
    let text = serde_json::to_string(record).unwrap();
    if text.contains("NaN") || text.contains("inf") && text.contains("Infinity") {
        return Some("a number that is none".into());
    }
    let all = [
        Some(record.value),
        Some(record.gradient_norm),
        record.lower_bound,
        record.gap,
        record.dual_ratio,
        record.closed_form_value,
        record.resolution,
        record.lambda_min,
        record.lambda_max,
    ];
    // A value out of range is null, and then the point is not critical.
    let finite = all.into_iter().flatten().all(f64::is_finite);
    let excused = record.nature.as_deref() == Some("not-critical") && record.reason.contains("not finite");
    if !finite && !excused {
        return Some(format!("a number that is not finite: {all:?}, {}", record.reason));
    }
    record.metrics.iter().find(|(_, value)| !value.is_finite()).map(|(id, value)| format!("{id} = {value}"))
}

fn table(rows: &[String]) {
    let mut faults = Vec::new();
    let (mut refused, mut judged) = (0, 0);
    for row in rows {
        let keys: Vec<String> = row.split_whitespace().map(String::from).collect();
        match outcome(&keys) {
            Err(words) => {
                refused += 1;
                if words.len() < 20 || words.contains("panicked") {
                    faults.push(format!("{row}: {words}"));
                }
            }
            Ok(records) => {
                judged += records.len();
                faults.extend(records.iter().filter_map(fault).map(|fault| format!("{row}: {fault}")));
            }
        }
    }
    assert!(faults.is_empty(), "{refused} refused, {judged} judged\n{}", faults.join("\n"));
    assert!(judged > 0, "{refused} refused: {rows:?}");
}

const LOSSES: [&str; 7] = [
    "loss.name=cross-entropy",
    "loss.name=label-smoothing loss.alpha=0.1",
    "loss.name=focal loss.gamma=2",
    "loss.name=mse",
    "loss.name=bce",
    "loss.name=poly-loss loss.epsilon1=1",
    "loss.name=generalized-cross-entropy loss.exponent=0.7",
];

#[test]
fn epsilon_from_1e_300_to_1e3() {
    let rows: Vec<String> = LOSSES
        .iter()
        .flat_map(|loss| {
            ["1e-300", "1e-200", "1e-100", "1e-16", "1e-3", "1e3"].map(|epsilon| format!("{loss} model.decay.epsilon={epsilon}"))
        })
        .collect();
    table(&rows);
}

#[test]
fn subnormal_and_huge_decays() {
    let decays = [
        "model.decay.w=5e-324 model.decay.h=5e-324",
        "model.decay.w=1e-310 model.decay.h=1.0",
        "model.decay.w=1e308 model.decay.h=1e-308",
        "model.decay.w=1e308 model.decay.h=1e308",
        "model.decay.w=1e-150 model.decay.h=1e150",
        "model.bias=decayed model.decay.epsilon=0.1 model.decay.b=5e-324",
        "model.bias=decayed model.decay.epsilon=0.1 model.decay.b=1e308",
        "model.decay.epsilon=0.1 model.decay.ratio=1e-300",
        "model.decay.epsilon=0.1 model.decay.ratio=1e300",
    ];
    let rows: Vec<String> = ["loss.name=cross-entropy", "loss.name=mse", "loss.name=bce"]
        .iter()
        .flat_map(|loss| decays.map(|decay| format!("{loss} {decay}")))
        .collect();
    table(&rows);
}

#[test]
fn the_loss_at_the_ends_of_its_parameters() {
    let rows = [
        "loss.name=cross-entropy loss.scale=1e-308",
        "loss.name=cross-entropy loss.scale=1e308",
        "loss.name=mse loss.target=1e-300",
        "loss.name=mse loss.target=1e300",
        "loss.name=mse loss.kappa=1e-300",
        "loss.name=mse loss.kappa=1e300",
        "loss.name=focal loss.gamma=0",
        "loss.name=focal loss.gamma=1e-300",
        "loss.name=focal loss.gamma=1e3",
        "loss.name=label-smoothing loss.alpha=0.9999999999999999",
        "loss.name=label-smoothing loss.alpha=5e-324",
        "loss.name=generalized-cross-entropy loss.exponent=1e-300",
        "loss.name=poly-loss loss.epsilon1=1e300",
        "loss.name=poly-loss loss.epsilon1=-0.9999999999999999",
    ];
    table(&rows.map(|row| format!("{row} model.decay.epsilon=0.05")));
}

#[test]
fn the_smallest_and_the_flattest_shapes() {
    let shapes = [
        "model.classes=2 model.width=1 model.per_class=1",
        "model.classes=2 model.width=1 model.per_class=[1,1]",
        "model.classes=2 model.width=60 model.per_class=1",
        "model.classes=7 model.width=1 model.per_class=1",
        "model.classes=2 model.width=2 model.per_class=[1,40]",
        "model.classes=1 model.width=1 model.per_class=1",
        "model.classes=2 model.width=0 model.per_class=1",
        "model.classes=2 model.width=1 model.per_class=0",
    ];
    let rows: Vec<String> = LOSSES
        .iter()
        .flat_map(|loss| shapes.map(|shape| format!("{loss} {shape} model.decay.w=0.05 model.decay.h=0.05")))
        .chain(
            ["free", "decayed model.decay.b=0.1"]
                .map(|bias| format!("{} model.bias={bias} model.decay.w=0.05 model.decay.h=0.05", shapes[0])),
        )
        .collect();
    table(&rows);
}

/// Starts so far out that logits are ±1e6 and more: exp overflows.
#[test]
fn logits_beyond_exp() {
    let rows: Vec<String> = LOSSES
        .iter()
        .flat_map(|loss| {
            ["1e-300", "1e3", "1e100", "1e160"].map(|scale| format!("{loss} model.decay.epsilon=0.05 starts.scale={scale}"))
        })
        .collect();
    table(&rows);
}

#[test]
fn a_planted_nan_is_caught() {
    let mut record = outcome(&["model.decay.epsilon=0.1".into()]).unwrap().swap_remove(0);
    assert_eq!(fault(&record), None);
    record.gap = Some(f64::NAN);
    assert!(fault(&record).is_some());
}
