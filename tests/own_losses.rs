//! A loss written as a formula does what the built-in one does: the same census, the same identity whatever its spaces, the same points on disk.

use std::path::Path;

use ufm::record::{Record, loss_of};
use ufm::scenario::Scenario;
use ufm::study::Options;

/// A census of a small problem: saddles of every rank, classes tied, classes at the origin.
fn census(loss: &str) -> Scenario {
    let text = format!(
        "question = \"Which critical points are there?\"
        [model]
        classes = 3
        width = 4
        per_class = 2
        bias = \"decayed\"
        decay = {{ w = 5e-3, h = 5e-3, b = 1e-2 }}
        [loss]
        {loss}
        [[starts]]
        name = \"origin\"
        [[starts]]
        name = \"near-etf\"
        count = 6
        scale = 1.0
        seed = 2
        [[starts]]
        name = \"tied-classes\"
        count = 3
        scale = 2.0
        seed = 1
        [[starts]]
        name = \"origin-classes\"
        count = 2
        scale = 2.0
        seed = 1
        [solver]
        name = \"gradient-norm\"
        [stop]
        steps_max = 300
        [census]"
    );
    Scenario::parse(Path::new("own.toml"), &text, &[], false).unwrap_or_else(|error| panic!("{error}"))
}

/// One record an orbit, lowest value first.
fn orbits(scenario: &Scenario) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path().join("run"));
    let mut records = ufm::study::run(scenario, &options, &|_| {}).unwrap().records;
    let mut seen = Vec::new();
    records.retain(|record| {
        record.orbit.is_some_and(|orbit| {
            !seen.contains(&orbit) && {
                seen.push(orbit);
                true
            }
        })
    });
    records.sort_by(|a, b| a.value.total_cmp(&b.value));
    records
}

#[test]
fn a_formula_has_the_census_of_its_twin() {
    for (built_in, own) in [
        ("name = \"cross-entropy\"", "name = \"custom\"\nell = \"-log(p)\""),
        ("name = \"focal\"\ngamma = 2.0", "name = \"custom\"\nell = \"-(1-p)^g*log(p)\"\ng = 2.0"),
    ] {
        let (expected, found) = (orbits(&census(built_in)), orbits(&census(own)));
        assert!(expected.len() >= 4, "{} orbits of {built_in}", expected.len());
        assert_eq!(found.len(), expected.len(), "{own}");
        for (a, b) in found.iter().zip(&expected) {
            assert!((a.value - b.value).abs() <= 1e-11 * b.value.abs(), "{own}: {} {}", a.value, b.value);
            assert_eq!((a.rank, &a.index, &a.nullity, &a.nature), (b.rank, &b.index, &b.nullity, &b.nature), "{own}");
            assert_eq!((a.nullity_symmetry, a.degenerate), (b.nullity_symmetry, b.degenerate));
            // What a record says makes the loss again.
            assert_eq!(loss_of(a).unwrap().texts().len(), 1);
        }
    }
}

#[test]
fn a_cases_identity_is_that_of_the_formula() {
    let id = |loss: &str| census(loss).cases[0].id.clone();
    let plain = id("name = \"custom\"\nell = \"-(1-p)^g*log(p)\"\ng = 2.0");
    assert_eq!(plain, id("name = \"custom\"\nell = \" -((1 - p)^g) * log( p )\"\ng = 2.0"));
    for other in ["ell = \"-(1-p)^g*ln(p)\"\ng = 2.0", "ell = \"-(1-p)^g*log(p)\"\ng = 2.5", "ell = \"-(1-p)^h*log(p)\"\nh = 2.0"]
    {
        assert_ne!(plain, id(&format!("name = \"custom\"\n{other}")), "{other}");
    }
    // The resolved scenario holds it and resolves to the same case.
    let scenario = census("name = \"custom\"\nell = \"-(1-p)^g*log(p)\"\ng = 2.0");
    let again = Scenario::parse(Path::new("own.toml"), &scenario.text, &[], false).unwrap();
    assert_eq!(again.cases[0].id, plain);
}

#[test]
fn parameters_are_swept_and_slips_are_named() {
    let text = "question = \"?\"\n[model]\nclasses = 3\nwidth = 3\nper_class = 1\ndecay = { epsilon = 0.01 }\n[[loss]]\nname = \"custom\"\nell = \"-q^a*log(p)\"\na = 1.0\n[starts]\nname = \"origin\"\n";
    let parse = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Scenario::parse(Path::new("own.toml"), text, &arguments, false)
    };
    assert_eq!(parse(&["loss.a=1,2,3"]).unwrap().cases.iter().filter(|case| case.problem.loss.name() == "custom").count(), 3);
    let formula = parse(&["loss.name=custom", "loss.ell=max(q,p) + b*q, nonsense"]).unwrap_err().to_string();
    assert!(formula.contains("comma"), "{formula}");
    for (arguments, words) in [
        (&["loss.aa=2"][..], "aa"),
        (&["loss.name=custom", "loss.ell=-q^a*log(p)"], "the parameter `a` has no value"),
        (&["loss.name=custom", "loss.ell=-log(p)", "loss.gamma=2"], "no formula of this loss uses"),
        (&["loss.name=cross-entropy", "loss.ell=-log(p)"], "takes no key `ell`"),
    ] {
        let error = parse(arguments).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
