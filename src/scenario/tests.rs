//! Scenarios as text, read from strings: what is resolved, and what is refused with which words.

use std::path::Path;

use super::*;
use crate::record::{Count, Record, SCHEMA};

const SMALL: &str = r#"
question = "?"
[model]
classes = 3
width = 4
per_class = 4
bias = "decayed"
decay = { epsilon = 0.01, ratio = 4.0, b = 1e-2 }
[[loss]]
name = "cross-entropy"
[[loss]]
name = "focal"
gamma = 2
[[starts]]
seed = 7
[[starts]]
name = "origin"
[[solver]]
[[solver]]
name = "momentum"
[test]
"starts.count" = 2
model.per_class = 1
"#;

fn parse(text: &str, arguments: &[&str]) -> Result<Scenario, InputError> {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Scenario::parse(Path::new("folder/small.toml"), text, &arguments, false)
}

fn small(arguments: &[&str]) -> Scenario {
    parse(SMALL, arguments).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    parse(SMALL, arguments).unwrap_err().to_string()
}

#[test]
fn cases_are_losses_times_solvers_with_every_default() {
    let scenario = small(&[]);
    let order: Vec<(&str, &str)> = scenario.cases.iter().map(|case| (case.problem.loss.name(), case.solver.name())).collect();
    assert_eq!(order, [("cross-entropy", "lbfgs"), ("cross-entropy", "momentum"), ("focal", "lbfgs"), ("focal", "momentum")]);
    assert_eq!(scenario.name, "small");
    assert_eq!(scenario.cases[0].starts, [StartSpec::Gaussian { count: 8, scale: 1.0, seed: 7 }, StartSpec::Origin]);
    assert_eq!(scenario.cases[1].solver, SolverSpec::Momentum { step: 0.1, momentum: 0.9 });
    assert_eq!(scenario.cases[0].spectra, Spectra { level: SpectraLevel::Inertia, memory_mib: 3072 });
    assert!(scenario.expectations_apply());
}

#[test]
fn epsilon_and_ratio_give_the_decays() {
    let decay = small(&[]).cases[0].problem.decay;
    // μ = ε/√n = 0.005, λ_W = μ·2, λ_H = μ/2; all exact up to one rounding.
    for (found, expected) in [(decay.w, 0.01), (decay.h, 0.0025), (decay.b, 0.01)] {
        assert!((found - expected).abs() <= 1e-17, "{found} {expected}");
    }
    let epsilon = small(&[]).cases[0].problem.epsilon().unwrap();
    assert!((epsilon - 0.01).abs() < 1e-16);
}

#[test]
fn the_resolved_text_resolves_to_itself() {
    for arguments in [
        &[][..],
        &["loss.name=mse", "loss.target=15", "loss.scale=0.2", "model.bias=none", "name=other"],
        &["model.per_class=[3,1,2]", "model.decay.w=0.1", "model.decay.h=0.3", "solver.name=gradient-descent"],
        &["expect.values=[{ value = 0.4, within = 1e-6, nature = \"local-minimum\" }]", "expect.metrics_max.nc2-raw=1e-12"],
        &["model.width=2,3", "model.decay.epsilon=log:1e-3:1e-2:4", "model.bias=none"],
        &["loss.name=mse,cross-entropy"],
        &["question=\"quotes \\\" and\\nlines\"", "report.figures=[\"gram\"]", "spectra.level=full", "stop.gradient_norm=0"],
    ] {
        let first = small(arguments);
        let again = Scenario::parse(Path::new("elsewhere/scenario.toml"), &first.text, &[], false).unwrap();
        assert_eq!(first.text, again.text);
        assert_eq!((&first.name, &first.question, &first.expect), (&again.name, &again.question, &again.expect));
        for (one, other) in first.cases.iter().zip(&again.cases) {
            assert_eq!((&one.id, &one.problem, &one.starts), (&other.id, &other.problem, &other.starts));
        }
    }
}

#[test]
fn identities_know_every_setting_that_can_change_a_record() {
    let mut seen = std::collections::BTreeSet::new();
    for argument in [
        "question=same",
        "model.width=5",
        "model.per_class=5",
        "model.per_class=[4,4,5] model.decay.w=1 model.decay.h=1",
        "model.decay.ratio=2",
        "model.decay.b=0.5",
        "model.bias=free",
        "model.bias=none",
        "loss.scale=2",
        "starts.seed=8",
        "starts.count=9",
        "starts.scale=0.5",
        "solver.name=trust-region",
        "stop.polish=false",
        "stop.steps_max=7",
        "stop.gradient_norm=1e-9",
        "spectra.level=none",
        "spectra.memory_mib=7",
    ] {
        let id = small(&argument.split(' ').collect::<Vec<_>>()).cases[0].id.clone();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(seen.insert(id), "{argument} does not change the identity");
    }
    // The question, the name and the figures change no record.
    assert_eq!(small(&[]).cases[0].id, small(&["question=other", "name=x", "report.figures=[\"gram\"]"]).cases[0].id);
    // Equal numbers spelled differently are equal.
    assert_eq!(small(&["stop.gradient_norm=1e-8"]).cases[0].id, small(&["stop.gradient_norm=0.00000001"]).cases[0].id);
}

#[test]
fn arguments_set_every_element_that_accepts_them() {
    let scenario = small(&["loss.scale=3", "loss.gamma=1.5"]);
    let losses: Vec<String> = scenario.cases.iter().step_by(2).map(|case| case.problem.loss.to_string()).collect();
    assert_eq!(losses, ["cross-entropy", "focal(gamma=1.5)"]);
    assert!(scenario.cases.iter().all(|case| (case.problem.scale - 3.0).abs() < f64::EPSILON));
    assert!(scenario.origin_overridden && !scenario.expectations_apply());
    assert!(small(&["loss.scale=3", "expect.undecided_max=1"]).expectations_apply());
    assert!(small(&["report.figures=[\"gram\"]"]).expectations_apply());
}

#[test]
fn a_name_starts_a_family_afresh() {
    let scenario = small(&["loss.name=label-smoothing", "loss.alpha=0.1", "solver.name=lbfgs"]);
    assert_eq!(scenario.cases.len(), 1);
    assert_eq!(scenario.cases[0].problem.loss.to_string(), "label-smoothing(alpha=0.1)");
    assert!(refused(&["loss.name=label-smoothing"]).contains("needs `alpha`"));
}

#[test]
fn decays_given_one_way_displace_the_other() {
    let scenario = small(&["model.decay.w=0.5", "model.decay.h=0.25", "model.bias=none"]);
    let decay = scenario.cases[0].problem.decay;
    assert_eq!((decay.w.to_bits(), decay.h.to_bits(), decay.b.to_bits()), (0.5_f64.to_bits(), 0.25_f64.to_bits(), 0));
    assert!(refused(&["model.decay.w=0.5"]).contains("λ_H > 0 of the features is missing"));
}

#[test]
fn test_overrides_come_before_arguments() {
    let load = |arguments: &[String]| Scenario::parse(Path::new("x.toml"), SMALL, arguments, true).unwrap();
    let scenario = load(&[]);
    assert_eq!(scenario.cases[0].problem.shape.per_class(), Some(1));
    assert_eq!(scenario.cases[0].starts[0], StartSpec::Gaussian { count: 2, scale: 1.0, seed: 7 });
    assert!(!scenario.origin_overridden);
    assert_eq!(load(&["model.per_class=3".into()]).cases[0].problem.shape.per_class(), Some(3));
}

#[test]
fn a_slip_in_test_overrides_is_found_without_them() {
    let text = SMALL.replace("model.per_class = 1", "model.per_clas = 1");
    let error = parse(&text, &[]).unwrap_err().to_string();
    assert!(error.contains("folder/small.toml:23") && error.contains("did you mean `per_class`?"), "{error}");
}

#[test]
fn faults_name_place_key_allowed_and_nearest() {
    for (from, to, words) in [
        ("width = 4", "witdh = 4", &["small.toml:5", "unknown key `witdh`", "did you mean `width`?"][..]),
        ("width = 4", "width = \"4\"", &["small.toml:5", "model.width", "a whole number", "the text \"4\""]),
        ("width = 4", "width = 0", &["small.toml:5", "model.width", "at least 1"]),
        ("width = 4", "", &["small.toml:3", "model", "the key `width` is missing"]),
        ("classes = 3", "classes = 1", &["model.classes", "at least 2"]),
        ("classes = 3", "classes = -3", &["model.classes", "not negative"]),
        ("per_class = 4", "per_class = 0", &["model.per_class", "at least 1 sample"]),
        ("per_class = 4", "per_class = [4, 0, 4]", &["model.per_class[1]", "at least 1 sample"]),
        ("per_class = 4", "per_class = [4, 4]", &["model.per_class", "2 numbers", "3 classes"]),
        ("per_class = 4", "per_class = [4, 4, 5]", &["model.decay.epsilon", "equal size"]),
        ("per_class = 4", "per_class = \"file\"", &["model.per_class", "needs a start"]),
        ("per_class = 4", "per_class = 9000000000000000000", &["at most 4294967296"]),
        ("per_class = 4", "per_class = 99999999999999999999", &["small.toml:6", "64-bit"]),
        ("epsilon = 0.01", "epsilon = nan", &["small.toml:8", "model.decay.epsilon", "greater than 0", "NaN"]),
        ("epsilon = 0.01", "epsilon = -0.01", &["model.decay.epsilon", "greater than 0"]),
        ("ratio = 4.0", "ratio = inf", &["model.decay.ratio", "finite"]),
        ("ratio = 4.0", "w = 1.0", &["model.decay.epsilon", "not both"]),
        (", b = 1e-2", "", &["model.decay.b", "needs its decay"]),
        ("\"decayed\"", "\"free\"", &["model.decay.b", "so it has no decay"]),
        ("\"decayed\"", "\"decayd\"", &["model.bias", "did you mean `decayed`?"]),
        ("\"focal\"", "\"focl\"", &["small.toml:12", "loss[1].name", "did you mean `focal`?"]),
        ("gamma = 2", "gama = 2", &["small.toml:13", "loss[1].gama", "did you mean `gamma`?"]),
        ("gamma = 2", "gamma = -2", &["loss[1].gamma", "gamma ≥ 0"]),
        ("gamma = 2", "gamma = \"two\"", &["loss[1].gamma", "expected a number"]),
        ("gamma = 2", "", &["small.toml:11", "loss[1].gamma", "needs `gamma`"]),
        ("gamma = 2", "gamma = 2\nscale = 0", &["loss[1].scale", "greater than 0"]),
        ("\"focal\"\ngamma = 2", "\"cross-entropy\"", &["occurs twice"]),
        ("seed = 7", "", &["starts[0].seed", "needs a `seed`"]),
        ("seed = 7", "seed = 7\npath = \"x\"", &["starts[0].path", "takes no key `path`"]),
        ("name = \"momentum\"", "name = \"momentum\"\nmomentum = 1.0", &["solver[1].momentum", "momentum < 1"]),
        (
            "[test]",
            "[sweep]\n\"model.width\" = 3\n[test]",
            &["small.toml:22", "sweep", "values to go through", "model.width = …"],
        ),
        ("[test]", "[sweep]\n\"model.width\" = [2, 0]\n[test]", &["small.toml:22", "model.width", "at least 1"]),
        ("[test]", "[sweep]\n\"model.width\" = [2, 2]\n[test]", &["small.toml:21", "the same case", "model.width = 2"]),
        ("[test]", "[sweep]\n\"model.width\" = []\n[test]", &["small.toml:22", "empty"]),
        ("[test]", "[sweep]\n\"report.figures\" = [1]\n[test]", &["small.toml:22", "cannot be swept"]),
        ("[test]", "[sweep]\n\"model.witdh\" = [2, 3]\n[test]", &["small.toml:22", "did you mean `width`?"]),
        ("[test]", "[sweep]\n\"decay.ratio\" = { log = [0, 1, 3] }\n[test]", &["small.toml:22", "greater than 0"]),
        ("[test]", "[sweep]\n\"decay.ratio\" = { lig = [0, 1, 3] }\n[test]", &["small.toml:22", "a range is"]),
        ("[test]", "[sweep.zip]\n\"model.width\" = [2, 3]\n\"decay.ratio\" = [1.0]\n[test]", &["as many values"]),
        ("[test]", "[certify]\nclaims = [\"inertja\"]\n[test]", &["certify.claims", "no claim `inertja`", "inertia"]),
        ("[test]", "[expect]\ngap_max = nan\n[test]", &["expect.gap_max", "NaN"]),
        ("[test]", "[expect.metrics_max]\nnc9 = 1\n[test]", &["expect.metrics_max.nc9", "no metric `nc9`"]),
        ("[test]", "[stpo]\n[test]", &["small.toml:21", "unknown key `stpo`", "did you mean `stop`?"]),
        ("[test]", "[test", &["small.toml:21", "not TOML"]),
        ("question = \"?\"", "question = 1979-05-27", &["dates"]),
        ("question = \"?\"", "name = \"../x\"", &["name"]),
    ] {
        assert!(SMALL.contains(from), "{from}");
        let error = parse(&SMALL.replacen(from, to, 1), &[]).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{to:?} gave {error:?}, without {word:?}");
        }
    }
}

#[test]
fn faulty_arguments_are_named() {
    for (argument, word) in [
        ("model.width", "KEY=VALUE"),
        ("=3", "not a dotted key"),
        ("model.width=", "empty"),
        ("model.width=2,,3", "value 2 of the sweep is empty"),
        ("model.decay.ratio=log:1:2", "a range is"),
        ("question=a,b", "cannot be swept"),
        ("sweep.x=1", "asked for by its key"),
        ("model.width=[2", "is not a value"),
        ("model.width.x=2", "there is no key `x`"),
        ("loss.gama=2", "did you mean `gamma`?"),
        ("los.name=mse", "did you mean `loss`?"),
        ("test.x=1", "cannot be set"),
    ] {
        let error = refused(&[argument]);
        assert!(error.contains(word) && error.contains(argument), "{argument} gave {error}");
    }
}

fn record(nature: &str, value: f64) -> Record {
    let text = include_str!("record.json");
    let mut record: Record = serde_json::from_str(text).unwrap();
    assert_eq!(record.schema, SCHEMA);
    (record.nature, record.value) = (Some(nature.into()), value);
    record
}

fn outcome(expect: &str, records: &[Record]) -> Vec<String> {
    let expect: Expect = toml::from_str(expect).unwrap();
    expect.evaluate(records, None, false).into_iter().map(|found| found.outcome).collect()
}

#[test]
fn every_claim_holds_and_fails() {
    let mut minimum = record("global-minimum", 1.0);
    (minimum.closed_form_value, minimum.gap, minimum.rank) = (Some(1.0 + 1e-10), Some(-1e-9), Some(1));
    minimum.index = Some(Count::Exact(0));
    minimum.metrics.insert("nc1".into(), 1e-8);
    let mut saddle = record("strict-saddle", 2.0);
    (saddle.rank, saddle.index, saddle.degenerate) = (Some(0), Some(Count::Exact(6)), Some(true));
    saddle.standing = Some("undecided".into());
    let records = [minimum.clone(), saddle];
    for (claim, holds) in [
        ("undecided_max = 1", true),
        ("undecided_max = 0", false),
        ("value_tolerance = 2e-10", true),
        ("value_tolerance = 1e-12", false),
        ("gap_max = 2e-9", true),
        // A value below the "lower bound" is no smaller a fault for being negative.
        ("gap_max = 1e-10", false),
        ("degenerate = 1", true),
        ("degenerate = 0", false),
        ("verdicts = { strict-saddle = 1 }", true),
        ("verdicts = { strict-saddle = 2 }", false),
        ("metrics_max = { nc1 = 1e-7 }", true),
        ("metrics_max = { nc1 = 1e-9 }", false),
        ("metrics_max = { nc2 = 1 }", false),
        ("values = [{ value = 2.0, within = 1e-6 }]", true),
        ("values = [{ value = 2.1, within = 1e-6 }]", false),
        ("values = [{ value = 2.0, within = 1e-6, nature = \"local-minimum\" }]", false),
    ] {
        assert_eq!(outcome(claim, &records), [if holds { "holds" } else { "fails" }], "{claim}");
    }
    assert_eq!(outcome("index_by_rank = [6, 0]", &records), ["holds", "holds"]);
    assert_eq!(outcome("index_by_rank = [5, 0, 0]", &records), ["fails", "holds", "fails"]);
    assert_eq!(outcome("index_by_rank = [6]", &records), ["holds", "fails"]);
}

#[test]
fn nothing_and_nan_satisfy_no_claim() {
    let mut broken = record("global-minimum", f64::NAN);
    (broken.closed_form_value, broken.gap) = (Some(1.0), Some(f64::NAN));
    let mut fine = record("global-minimum", 1.0);
    (fine.closed_form_value, fine.gap) = (Some(1.0), Some(0.0));
    for claim in ["value_tolerance = 1.0", "gap_max = 1.0"] {
        assert_eq!(outcome(claim, &[]), ["fails"]);
        assert_eq!(outcome(claim, &[fine.clone(), broken.clone(), fine.clone()]), ["fails"], "{claim}");
    }
    assert_eq!(outcome("values = [{ value = 1.0, within = 1.0 }]", &[broken]), ["fails"]);
    let expect: Expect = toml::from_str("gap_max = 1.0").unwrap();
    assert_eq!(expect.evaluate(&[], None, true)[0].outcome, "not evaluated");
}

#[test]
fn keys_of_families_are_fields_of_their_tables() {
    // The tables hold the type of each key; a family that takes a key they lack could not be read.
    for family in crate::starts::ALL {
        for key in family.keys {
            let value = match *key {
                "path" => "\"x\"",
                "representation" => "\"standard\"",
                "base" => "\"etf\"",
                _ => "1",
            };
            let text = format!("name = \"{}\"\n{key} = {value}", family.name);
            toml::from_str::<tables::StartTable>(&text).unwrap();
        }
    }
    for family in crate::solvers::ALL {
        for key in family.keys {
            toml::from_str::<tables::SolverTable>(&format!("name = \"{}\"\n{key} = 1", family.name)).unwrap();
        }
    }
}

#[test]
fn settings_without_a_scenario_are_read_and_refused() {
    let shape = crate::model::Shape::balanced(3, 2, 4).unwrap();
    let read = |arguments: &[&str], has_bias| {
        point_settings(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>(), &shape, has_bias)
    };
    let settings = read(&["loss.name=focal", "loss.gamma=2", "model.decay.epsilon=0.01"], true).unwrap();
    assert_eq!((settings.bias, settings.loss.unwrap().0.name()), (Bias::Free, "focal"));
    assert_eq!(read(&[], false).unwrap().bias, Bias::None);
    let decayed = ["model.decay.w=1", "model.decay.h=1", "model.decay.b=1"];
    assert_eq!(read(&decayed, true).unwrap().bias, Bias::Decayed);
    for (arguments, word) in [
        (&["model.width=3"][..], "unknown key `width`"),
        (&["loss.gamma=2"], "`name` is missing"),
        (&["model.bias=decayed"], "needs its decay"),
        (&["model.decay.w=1"], "λ_H > 0"),
    ] {
        let error = read(arguments, true).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let losses = loss_settings(&["loss.name=mse".into(), "model.classes=5".into()]).unwrap();
    assert_eq!((losses.losses.len(), losses.classes, losses.seed), (1, Some(5), None));
    assert!(loss_settings(&["model.classes=1".into()]).is_err());
}

#[test]
fn cells_are_the_product_of_the_axes_in_the_order_written() {
    let cells = |text: &str, arguments: &[&str]| -> Vec<String> {
        let text = SMALL.replace("[test]", &format!("{text}\n[test]"));
        parse(&text, arguments).unwrap().cases.iter().map(|case| format!("{} {}", case.problem.loss, case.cell)).collect()
    };
    let both = "[sweep]\n\"decay.epsilon\" = { log = [1e-4, 1e-2, 3] }\n\"model.width\" = [2, 3]";
    let found = cells(both, &["loss.name=mse"]);
    assert_eq!(found.len(), 12, "two solvers");
    assert!(found[1].ends_with("model.decay.epsilon = 0.0001, model.width = 3"), "{found:?}");
    assert!(found[5].contains("epsilon = 0.01, model.width = 3"), "{found:?}");
    // The command line ends an axis, replaces one, or adds one.
    assert_eq!(cells(both, &["loss.name=mse", "solver.name=lbfgs", "model.width=5"]).len(), 3);
    assert_eq!(cells(both, &["loss.name=mse", "solver.name=lbfgs", "model.width=5,6,7"]).len(), 9);
    assert_eq!(cells(both, &["loss.name=mse", "solver.name=lbfgs", "model.decay.b=0.1,0.2"]).len(), 12);
    let zip = "[sweep.zip]\n\"model.width\" = [2, 3]\n\"model.per_class\" = [4, 5]\n";
    let found = cells(zip, &["loss.name=mse", "solver.name=lbfgs"]);
    assert!(found.len() == 2 && found[1].ends_with("model.width = 3, model.per_class = 5"), "{found:?}");
}

#[test]
fn ranges_have_exact_ends_and_whole_numbers() {
    let text = SMALL.replace(
        "[test]",
        "[sweep]\n\"model.width\" = { linear = [2, 10, 5] }\n\"decay.ratio\" = { log = [0.1, 0.7, 4] }\n[test]",
    );
    let scenario = parse(&text, &["loss.name=mse", "solver.name=lbfgs"]).unwrap();
    let widths: Vec<usize> = scenario.cases.iter().step_by(4).map(|case| case.problem.shape.width()).collect();
    assert_eq!(widths, [2, 4, 6, 8, 10]);
    assert!(scenario.cases[0].cell.ends_with("ratio = 0.1") && scenario.cases[3].cell.ends_with("ratio = 0.7"));
}

#[test]
fn a_sweep_can_be_made_small_for_tests() {
    let text = SMALL.replace("[test]", "[sweep]\n\"model.width\" = [2, 3, 4]\n[test]\nsweep.\"model.width\" = [5]");
    let cells = |test| {
        Scenario::parse(Path::new("x.toml"), &text, &[], test)
            .unwrap()
            .cases
            .iter()
            .map(|case| case.problem.shape.width())
            .collect::<Vec<_>>()
    };
    assert_eq!(cells(false)[..3], [2, 3, 4]);
    assert!(cells(true).iter().all(|&width| width == 5));
}

#[test]
fn a_slice_has_defaults_and_its_slips_are_named() {
    let text = |slice: &str| format!("{SMALL}\n[slice]\n{slice}\n");
    let read = |slice: &str| parse(&text(slice), &[]).map(|scenario| (scenario.slice.unwrap(), scenario.text));
    let (slice, resolved) = read("").unwrap();
    assert_eq!(slice, Slice::default());
    assert_eq!(parse(&resolved, &[]).unwrap().slice, Some(slice));
    let (slice, resolved) = read("through = 3\ndirections = [\"random\", \"random\"]\nspan = 2.0\nresolution = 401").unwrap();
    assert_eq!((slice.through, slice.span.to_bits(), slice.resolution), (Some(3), 2f64.to_bits(), 401));
    assert_eq!(parse(&resolved, &[]).unwrap().slice, Some(slice));
    assert_eq!(small(&[]).slice, None);
    assert_eq!(small(&[]).cases[0].id, parse(&text(""), &[]).unwrap().cases[0].id, "a slice changes no record");
    for (slip, words) in [
        ("directions = [\"escape\", \"to-minimun\"]", "to-minimum"),
        ("directions = [\"escape\"]", "two directions"),
        ("directions = [\"escape\", \"escape\"]", "twice"),
        ("span = 0.0", "greater than 0"),
        ("span = nan", "greater than 0"),
        ("resolution = 60", "61"),
        ("resolution = 403", "401"),
        ("centre = 1", "centre"),
    ] {
        let message = read(slip).unwrap_err().to_string();
        assert!(message.contains(words), "{slip}: {message}");
    }
}
