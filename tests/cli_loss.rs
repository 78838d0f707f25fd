//! `ufm loss` and the table of `ufm theory` as a user meets them.

use std::process::Command;

use serde_json::Value;

/// The command with its arguments.
fn ufm(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ufm"));
    command.args(arguments);
    command
}

/// Exit code, standard output, standard error.
fn outcome(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

fn json(arguments: &[&str]) -> Value {
    let (code, out, error) = outcome(ufm(arguments));
    assert_eq!((code, error.as_str()), (0, ""), "{arguments:?}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn every_loss_gets_an_answer() {
    for (arguments, convex, unique) in [
        (&["cross-entropy"][..], true, true),
        (&["label-smoothing", "loss.alpha=0.1"], true, true),
        (&["focal", "loss.gamma=3", "model.classes=60"], false, false),
        (&["focal", "gamma=3", "model.classes=17"], false, true),
        (&["mse", "loss.kappa=2", "model.bias=none"], true, true),
        (&["bce", "model.decay.b=0.1", "model.decay.epsilon=0.02"], true, true),
        (&["poly-loss", "epsilon1=1"], true, true),
        (&["poly-loss", "epsilon1=2", "model.classes=5"], false, false),
        (&["generalized-cross-entropy", "exponent=0.7", "model.classes=3"], false, false),
        (&["squentropy"], true, true),
        (&["vector-scaling", "gamma=0.5", "tau=1"], true, true),
        (&["--ell", "-log(p)"], true, true),
        (&["--ell", "-(1-p)^gamma*log(p)", "gamma=3", "model.classes=60"], false, false),
        (&["--ell", "-(1-p)^gamma*log(p)", "loss.gamma=3", "model.classes=17"], false, true),
        (&["custom", "own=softplus(-z)", "others=softplus(z)", "model.bias=none"], true, true),
    ] {
        let found = json(&[&["loss"], arguments, &["--json"]].concat());
        assert_eq!(
            (found["convex"].as_bool(), found["unique_for_every_epsilon"].as_bool()),
            (Some(convex), Some(unique)),
            "{found}"
        );
        assert_eq!(found["window"].is_null(), unique);
        assert!(found["zero_threshold"].as_f64().unwrap() > 0.0 && found["geometry"].is_string());
        assert!(found["curves"].as_array().unwrap().iter().all(|curve| !curve["minima"].as_array().unwrap().is_empty()));
        let (code, out, _) = outcome(ufm(&[&["loss"], arguments].concat()));
        assert!(code == 0 && out.contains("zero phase") && !out.contains("NaN"), "{out}");
    }
}

#[test]
fn the_window_holds_two_minima() {
    let found = json(&["loss", "focal", "loss.gamma=3", "model.classes=60", "model.decay.epsilon=0.01955917", "--json"]);
    let minima = found["minima"].as_array().unwrap();
    let global: Vec<bool> = minima.iter().map(|minimum| minimum["global"].as_bool().unwrap()).collect();
    assert_eq!(global, [true, false], "{found}");
    assert!((found["window"]["transition"].as_f64().unwrap() - 0.019_972_0).abs() < 5e-8);
    assert_eq!(found["uniqueness_fails_from_classes"], 18);
}

/// The focal loss written as a formula: everything that THEORY knows of it is found.
#[test]
fn a_formula_is_called_what_it_is() {
    let found = json(&["loss", "--ell", "-(1-p)^3*log(p)", "model.classes=60", "--json"]);
    let number = |key: &str| found[key].as_f64().unwrap();
    assert!((number("convexity_edge") - 0.057_496_91).abs() < 5e-9, "{found}");
    assert!((found["window"]["transition"].as_f64().unwrap() - 0.019_972_0).abs() < 5e-8, "{found}");
    assert!((found["window"]["zero_stable_from"].as_f64().unwrap() - 0.019_146_3).abs() < 5e-8, "{found}");
    assert_eq!(found["uniqueness_fails_from_classes"], 18);
    assert_eq!(found["loss_text"]["ell"], "-(1-p)^3*log(p)");
    let trait_of = |found: &Value, name: &str| {
        let all = found["traits"].as_array().unwrap();
        let it = all.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{name} in {found}"));
        (it["holds"].as_bool().unwrap(), it["known"].as_str().unwrap().to_owned())
    };
    let proved = || "proved".to_owned();
    assert_eq!(trait_of(&found, "falls"), (true, proved()));
    assert_eq!(trait_of(&found, "convex"), (false, proved()));
    assert!(!trait_of(&found, "contrastive").0 && found["verdict"].as_str().unwrap().contains("not created equal"));
    let built_in = json(&["loss", "focal", "gamma=3", "model.classes=60", "--json"]);
    for key in ["zero_threshold", "value", "scale", "phi_zero"] {
        let (a, b) = (found[key].as_f64().unwrap(), built_in[key].as_f64().unwrap());
        assert!((a - b).abs() <= 1e-8 * b.abs(), "{key}: {a} {b}");
    }
    let rising = json(&["loss", "--ell", "-log(p) + 4*p", "--json"]);
    assert_eq!(trait_of(&rising, "falls"), (false, proved()));
    let steep = json(&["loss", "--ell", "log(p)^2", "--json"]);
    assert!(!trait_of(&steep, "slope-bounded").0 && steep["verdict"].as_str().unwrap().contains("unbounded"), "{steep}");
    let (code, out, _) = outcome(ufm(&["loss", "--ell", "p", "model.decay.epsilon=1e-3"]));
    assert!(code == 0 && out.contains("not a loss to train with") && out.contains("rewards wrong answers"), "{out}");
}

#[test]
fn the_plot_is_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plot.svg");
    let (code, _, error) = outcome(ufm(&["loss", "bce", "--plot", path.to_str().unwrap()]));
    assert_eq!(code, 0, "{error}");
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.starts_with("<svg") && svg.matches("<polyline").count() >= 3 && !svg.contains("NaN"));
    let (code, _, error) = outcome(ufm(&["loss", "bce", "--plot", "/nowhere/at/all.svg"]));
    assert!(code == 1 && error.contains("/nowhere/at/all.svg"), "{error}");
}

#[test]
fn wrong_input_is_named() {
    for (arguments, words) in [
        (&["loss"][..], &["NAME"][..]),
        (&["loss", "focl"], &["focl", "did you mean `focal`?"]),
        (&["loss", "nonsense"], &["nonsense", "cross-entropy"]),
        (&["loss", "focal"], &["gamma"]),
        (&["loss", "focal", "loss.gamma=-1"], &["gamma"]),
        (&["loss", "focal", "gama=2"], &["gama", "did you mean `loss.gamma`?"]),
        (&["loss", "mse", "model.clases=3"], &["clases", "classes"]),
        (&["loss", "mse", "model.classes=1"], &["classes"]),
        (&["loss", "bce", "model.decay.epsilon=-1"], &["epsilon"]),
        (&["loss", "bce", "model.bias=decayed"], &["decay"]),
        (&["loss", "loss.name=mse"], &["ufm loss mse"]),
        (&["loss", "--ell", "-lg(p)"], &["loss.ell", "there is no function `lg`", "-lg(p)\n  │    ^", "did you mean `log`?"]),
        (&["loss", "--ell", "-(1-p)^gama*log(p)", "gamma=2"], &["the parameter `gama` has no value", "did you mean `gamma`?"]),
        (&["loss", "--ell", "-log(p)", "gamma=2"], &["gamma", "no formula of this loss uses"]),
        (&["loss", "--ell", "-log(p)", "focal"], &["`focal` is one too many"]),
        (&["loss", "--ell", "log(p - 1/2)"], &["has the value NaN at p = "]),
        (&["loss", "--ell", ""], &["empty"]),
        (&["loss", "custom"], &["needs a formula"]),
        (&["loss", "custom", "own=z^2"], &["`others` is missing"]),
        (&["loss", "focal", "gamma=2", "loss.ell=-log(p)"], &["takes no key `ell`"]),
    ] {
        let (code, out, error) = outcome(ufm(arguments));
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {error}");
        words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is missing in:\n{error}"));
    }
}

#[test]
fn the_table_of_theory_has_values_or_reasons() {
    for loss in [&["loss.name=focal", "loss.gamma=3"][..], &["loss.name=mse"], &["loss.name=bce"], &["loss.name=cross-entropy"]] {
        let model =
            ["theory", "--json", "model.classes=60", "model.width=60", "model.per_class=1", "model.decay.epsilon=0.01955917"];
        let found = json(&[&model[..], loss].concat());
        let entries = found["closed_forms"].as_array().unwrap();
        assert!(entries.len() > 20);
        for entry in entries {
            let refused = entry["value"].is_null();
            assert!(entry["reason"].is_string() == refused && entry["nearest"].is_string() == refused, "{entry}");
        }
    }
}
