//! Every file in `scenarios/` resolves, with and without its `[test]` overrides, and is accepted by the JSON Schema that `ufm schema` prints.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ufm::gpu::GpuError;
use ufm::scenario::{Scenario, schema};
use ufm::study::{Options, StudyError};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = Vec::new();
    // Those of `theorems/` have a test of their own.
    for folder in [folder.clone(), folder.join("sweeps")] {
        files.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    files
}

#[test]
fn every_scenario_resolves() {
    for path in files() {
        for test in [false, true] {
            let scenario = Scenario::load(&path, &[], test).unwrap_or_else(|error| panic!("{error}"));
            assert!(!scenario.question.is_empty(), "{} asks nothing", path.display());
            assert!(scenario.expectations_apply() && !scenario.cases.is_empty());
            let again = Scenario::parse(Path::new("elsewhere/scenario.toml"), &scenario.text, &[], false).unwrap();
            assert_eq!(scenario.text, again.text);
            let ids = |scenario: &Scenario| scenario.cases.iter().map(|case| case.id.clone()).collect::<Vec<_>>();
            assert_eq!(ids(&scenario), ids(&again), "{}", path.display());
        }
    }
}

/// Why `value` does not fit `schema`, for the part of JSON Schema that ours uses; an unknown keyword is a failure of this test.
fn misfit(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let keywords = schema.as_object().unwrap_or_else(|| panic!("no schema: {schema}"));
    for (keyword, wanted) in keywords {
        let fits = |schema: &Value| misfit(root, schema, value).is_none();
        let number =
            |bound: &Value, holds: fn(f64, f64) -> bool| value.as_f64().is_none_or(|x| holds(x, bound.as_f64().unwrap()));
        let size = value.as_array().map(Vec::len);
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "format" | "default" => true,
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                let found = misfit(root, &root["$defs"][name], value);
                if found.is_some() {
                    return found;
                }
                true
            }
            "type" => match wanted {
                Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind.as_str().unwrap(), value)),
                kind => is_of(kind.as_str().unwrap(), value),
            },
            "properties" => {
                for (key, schema) in wanted.as_object().unwrap() {
                    if let Some(why) = value.get(key).and_then(|value| misfit(root, schema, value)) {
                        return Some(format!("{key}: {why}"));
                    }
                }
                true
            }
            "additionalProperties" => match (wanted, value.as_object()) {
                (Value::Bool(true), _) | (_, None) => true,
                (Value::Bool(false), Some(entries)) => entries.keys().all(|key| keywords["properties"].get(key).is_some()),
                // Of the entries that are no properties.
                (schema, Some(entries)) => {
                    let known = |key: &str| keywords.get("properties").is_some_and(|known| known.get(key).is_some());
                    entries.iter().filter(|(key, _)| !known(key)).all(|(_, value)| misfit(root, schema, value).is_none())
                }
            },
            "required" => value
                .as_object()
                .is_none_or(|entries| wanted.as_array().unwrap().iter().all(|key| entries.contains_key(key.as_str().unwrap()))),
            "anyOf" => wanted.as_array().unwrap().iter().any(fits),
            "oneOf" => wanted.as_array().unwrap().iter().filter(|schema| fits(schema)).count() == 1,
            "enum" => wanted.as_array().unwrap().contains(value),
            "const" => wanted == value,
            "items" => value.as_array().is_none_or(|values| values.iter().all(|value| misfit(root, wanted, value).is_none())),
            "minItems" => size.is_none_or(|size| size as u64 >= wanted.as_u64().unwrap()),
            "maxItems" => size.is_none_or(|size| size as u64 <= wanted.as_u64().unwrap()),
            "minimum" => number(wanted, |x, bound| x >= bound),
            "maximum" => number(wanted, |x, bound| x <= bound),
            "exclusiveMinimum" => number(wanted, |x, bound| x > bound),
            other => panic!("the test does not know the keyword `{other}`"),
        };
        if !holds {
            return Some(format!("{value} breaks {keyword}: {wanted}"));
        }
    }
    None
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("unknown type {other}"),
    }
}

fn json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

#[test]
fn the_schema_accepts_every_scenario() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(misfit(&schema, &schema, &json(&text)), None, "{}", path.display());
        let resolved = Scenario::load(&path, &[], false).unwrap().text;
        assert_eq!(misfit(&schema, &schema, &json(&resolved)), None, "{} resolved", path.display());
    }
}

#[test]
fn the_schema_refuses_slips() {
    let schema = schema();
    let right = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.toml")).unwrap();
    for (from, to) in [
        ("width = 6", "witdh = 6"),
        ("width = 6", "width = 0"),
        ("width = 6", "width = \"6\""),
        ("classes = 4", "classes = 1"),
        ("\"decayed\"", "\"decaying\""),
        ("alpha = 0.1", ""),
        ("alpha = 0.1", "gamma = 0.1"),
        ("\"focal\"", "\"vocal\""),
        ("seed = 1", ""),
        ("level = \"full\"", "level = \"fully\""),
        ("[solver]", "[sovler]"),
    ] {
        assert!(right.contains(from), "{from}");
        assert!(misfit(&schema, &schema, &json(&right.replacen(from, to, 1))).is_some(), "{to}");
    }
}

#[test]
fn every_scenario_runs_at_test_size_and_its_expectations_hold() {
    for path in files() {
        let folder = tempfile::tempdir().unwrap();
        let scenario = Scenario::load(&path, &[], true).unwrap();
        let options = Options::new(folder.path().join("run"));
        let study = match ufm::study::run(&scenario, &options, &|_| {}) {
            Err(StudyError::Device(error)) if std::env::var("UFM_GPU").is_ok_and(|value| value == "require") => {
                panic!("UFM_GPU=require: {}: {error}", path.display())
            }
            // Past the test harness, which would swallow it.
            Err(StudyError::Device(error @ (GpuError::NoAdapter(_) | GpuError::NotBuilt))) => {
                let _ = writeln!(std::io::stderr(), "SKIPPED: {}: {error}", path.display());
                continue;
            }
            other => other.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        };
        assert!(!study.records.is_empty());
        for expectation in &study.summary.expectations {
            assert_eq!(expectation.outcome, "holds", "{}: {expectation:?}", path.display());
        }
        let written = ufm::report::write(std::slice::from_ref(&options.dir), None).unwrap();
        assert!(written.report.is_file() && !written.figures.is_empty(), "{}", path.display());
    }
}
