//! What is fuzzed: each target reads bytes as the program would, and answers in words. A panic is a finding; so is an answer that breaks what the target promises.

use std::fmt::{Debug, Display};
use std::fs;
use std::path::{Path, PathBuf};

use ufm::model::Shape;
use ufm::numeric::expression::{Program, Seed, Variables, parse};
use ufm::numeric::{Jet, interval::Interval};
use ufm::record::features::{FeatureFile, Layout, Names};
use ufm::record::{Record, TrajectoryRow, npz, read};
use ufm::report::RunData;
use ufm::rigor::check::check;
use ufm::scenario::{Scenario, balanced_settings, contrast_settings, loss_settings, point_settings};
use ufm::study::{self, Options};

/// A target: its name, what it reads (a folder of its own to write into, the input), and its seeds beside those of the corpus.
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) read: fn(&Path, &[u8]) -> String,
    pub(super) seeds: fn() -> Vec<Vec<u8>>,
}

pub(super) const ALL: &[Target] = &[
    Target { name: "scenario", read: scenario, seeds: scenarios },
    Target { name: "arguments", read: arguments, seeds: argument_lists },
    Target { name: "expression", read: expression, seeds: expressions },
    Target { name: "npz", read: npz_file, seeds: npz_files },
    Target { name: "safetensors", read: safetensors, seeds: safetensor_files },
    Target { name: "records", read: records, seeds: record_files },
    Target { name: "merge", read: merge, seeds: merge_inputs },
    Target { name: "certificate", read: certificate, seeds: certificates },
];

/// Words of an error: some, and not without end.
fn words(error: impl Display) -> String {
    let text = error.to_string();
    assert!(!text.is_empty(), "an error without words");
    assert!(text.len() < 20_000, "{} bytes of words: {text:.300}", text.len());
    text
}

fn answer<T>(what: &str, result: Result<T, impl Display>) -> String {
    result.map_or_else(words, |_| format!("{what}: accepted"))
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(ending));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A scenario that is read is written as a text that reads as the same.
fn scenario(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    for test in [false, true] {
        let read = Scenario::parse(Path::new("fuzz.toml"), &text, &[], test);
        match read {
            Err(error) if test => return words(error),
            Err(_) => {}
            Ok(scenario) => {
                let again = Scenario::parse(Path::new("fuzz.toml"), &scenario.text, &[], false)
                    .unwrap_or_else(|error| panic!("its own text is refused: {error}\n{}", scenario.text));
                assert_eq!(again.text, scenario.text, "its own text is another");
                let ids = |scenario: &Scenario| scenario.cases.iter().map(|case| case.id.clone()).collect::<Vec<_>>();
                assert_eq!(ids(&again), ids(&scenario), "its own text has other cases");
                for case in &scenario.cases {
                    let numbers = [case.problem.decay.w, case.problem.decay.h, case.problem.decay.b, case.problem.scale];
                    assert!(numbers.iter().all(|x| x.is_finite()), "{numbers:?}");
                    assert!(case.problem.decay.w > 0.0 && case.problem.decay.h > 0.0 && case.problem.scale > 0.0);
                }
            }
        }
    }
    "scenario: accepted".into()
}

fn scenarios() -> Vec<Vec<u8>> {
    [files("scenarios", ".toml"), files("scenarios/theorems", ".toml"), files("scenarios/sweeps", ".toml")].concat()
}

/// KEY=VALUE, one a line.
fn arguments(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let arguments: Vec<String> = text.lines().map(String::from).collect();
    let scenario = Scenario::parse(Path::new("fuzz.toml"), include_str!("../../scenarios/quickstart.toml"), &arguments, false);
    let shape = Shape::balanced(3, 3, 2).unwrap();
    [
        answer("scenario", scenario),
        answer("balanced", balanced_settings(&arguments)),
        answer("loss", loss_settings(&arguments)),
        answer("contrast", contrast_settings(&arguments)),
        answer("point", point_settings(&arguments, &shape, true)),
    ]
    .join("\n")
}

fn argument_lists() -> Vec<Vec<u8>> {
    [
        "model.classes=4\nmodel.width=3,4,5\nloss.name=focal\nloss.gamma=2",
        "model.decay.w=5e-3\nmodel.decay.h=1e-3\nmodel.bias=decayed\nmodel.decay.b=0.01",
        "model.classes=10\nmodel.decay.epsilon=1e-2\nmodel.decay.ratio=2\nloss.name=label-smoothing\nloss.alpha=0.1",
        "loss.name=custom\nloss.ell=-log(p)+a*q^2\nloss.parameters.a=0.5",
        "model.per_class=[6,3,1]\nsolver.name=trust-region\nstop.steps_max=10\nspectra.level=full",
        "starts.name=gaussian\nstarts.count=8\nstarts.seed=3\nstarts.scale=0.5\nexpect.undecided_max=0",
        "loss.name=mse\nloss.kappa=2\nloss.target=15\nloss.scale=0.5\nmodel.bias=free",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

/// A formula that is read has a canonical text that reads as the same, and values everywhere (they may be none, but not a panic).
fn expression(_: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut answers = Vec::new();
    for variables in [Variables::TrueClass, Variables::Logit] {
        let read = match parse(&text, variables) {
            Ok(read) => read,
            Err(error) => {
                words(error.picture());
                answers.push(words(error));
                continue;
            }
        };
        let canonical = read.to_string();
        let again = parse(&canonical, variables).unwrap_or_else(|error| panic!("{canonical:?} is refused: {error}"));
        assert_eq!(again, read, "{canonical}");
        let program = Program::new(&read);
        let parameters = vec![0.5; read.parameters().count()];
        for x in [-800.0, -1.0, 0.0, 1e-300, 0.5, 36.0, 1e300, f64::MIN_POSITIVE] {
            let seed = match variables {
                Variables::Logit => Seed::Logit(x),
                Variables::TrueClass => continue,
            };
            let _: Jet<f64> = program.jet(&seed, 5, &parameters);
        }
        for (low, high) in [(-1.0, 1.0), (-1e300, 1e300), (0.0, 0.0)] {
            if let (Variables::Logit, Some(interval)) = (variables, Interval::new(low, high)) {
                let parameters = vec![Interval::point(0.5); parameters.len()];
                let _: Jet<Interval> = program.jet(&Seed::Logit(interval), 5, &parameters);
            }
        }
        if variables == Variables::TrueClass {
            let _ = program.folded(&parameters);
        }
        answers.push("expression: accepted".into());
    }
    answers.join("\n")
}

fn expressions() -> Vec<Vec<u8>> {
    [
        "-log(p)",
        "-(1-p)^2*log(p)",
        "(1-p^0.7)/0.7",
        "-log(p) + a*q + b*q^2",
        "max(0, 1-z)",
        "log1p(exp(-z))",
        "softplus(-z) + abs(z)/K",
        "-z^2^3 + 2e-3*(z - -1)",
        "q^g*-log(p)",
        "sqrt(q)*tanh(p)",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

fn described(found: impl Debug) -> String {
    format!("{found:?}").chars().filter(|c| !c.is_ascii_digit()).take(60).collect()
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn features(path: &Path) -> String {
    let mut answers = Vec::new();
    for layout in [None, Some(Layout::Columns), Some(Layout::Rows)] {
        match FeatureFile::open(path, &Names::default(), layout) {
            Err(error) => answers.push(words(error)),
            Ok(mut file) => {
                assert!(file.w.iter().chain(file.b.iter().flatten()).all(|x| x.is_finite()));
                let train = file.train.clone();
                let width = file.w.ncols();
                let mut entries = 0;
                let read = file.for_each_block(&train, 7, &mut |block| {
                    assert!(block.iter().all(|x| x.is_finite()));
                    entries += block.len();
                });
                if read.is_ok() {
                    assert_eq!(entries, width * train.labels.len());
                }
                answers.push(answer("features", read));
            }
        }
    }
    answers.join("\n")
}

fn npz_file(folder: &Path, bytes: &[u8]) -> String {
    let path = file(folder, "point.npz", bytes);
    let point = npz::read(&path).inspect(|point| {
        assert!(
            point.w.iter().chain(point.h.iter()).chain(point.b.iter().flatten()).all(|x| x.is_finite()),
            "a number that is none"
        );
    });
    format!("{}\n{}", answer("point", point), features(&path))
}

fn npz_files() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let problem = Shape::balanced(3, 2, 2).unwrap();
    let mut all = Vec::new();
    for bias in [ufm::model::Bias::None, ufm::model::Bias::Free] {
        let mut point = ufm::model::Point::zeros(&problem, bias);
        point.as_mut_slice().iter_mut().enumerate().for_each(|(i, x)| *x = i as f64 * 0.25 - 1.0);
        let path = folder.path().join("seed.npz");
        npz::write_point(&path, &point, &problem).unwrap();
        all.push(fs::read(&path).unwrap());
    }
    all
}

fn safetensors(folder: &Path, bytes: &[u8]) -> String {
    features(&file(folder, "features.safetensors", bytes))
}

fn safetensor_files() -> Vec<Vec<u8>> {
    let make = |header: &str, bytes: usize| {
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend((0..bytes).map(|i| (i % 5) as u8));
        file
    };
    vec![
        make(
            r#"{"W":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"H":{"dtype":"F64","shape":[4,3],"data_offsets":[24,120]},"labels":{"dtype":"U8","shape":[4],"data_offsets":[120,124]}}"#,
            124,
        ),
        make(
            r#"{"__metadata__":{"format":"pt"},"W":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[2],"data_offsets":[8,12]},"H":{"dtype":"F16","shape":[2,2],"data_offsets":[12,20]},"labels":{"dtype":"I64","shape":[2],"data_offsets":[20,36]}}"#,
            36,
        ),
    ]
}

/// A line that is read is written as a line that reads as the same.
fn records(folder: &Path, bytes: &[u8]) -> String {
    let path = file(folder, "records.jsonl", bytes);
    let found = read::lines::<Record>(&path);
    if let Ok(records) = &found {
        for record in records {
            let line = serde_json::to_string(record).unwrap();
            let again: Record = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(serde_json::to_string(&again).unwrap(), line);
            let _ = ufm::record::problem_of(record);
        }
    }
    let rows = read::lines::<TrajectoryRow>(&path);
    let run = RunData::with_records(folder, found.as_ref().map_or_else(|_| vec![], Clone::clone));
    [answer("records", found), answer("trajectories", rows), answer("run", run)].join("\n")
}

fn record_files() -> Vec<Vec<u8>> {
    let (_, one, _) = shards();
    let name = |name: &str| fs::read(one.join(name)).unwrap();
    let first_lines = |bytes: Vec<u8>| bytes.split_inclusive(|&b| b == b'\n').take(2).collect::<Vec<_>>().concat();
    vec![first_lines(name("records.jsonl")), first_lines(name("trajectories.jsonl"))]
}

const SHARDED: &str = "question = \"?\"\n[model]\nclasses = 2\nwidth = 1\nper_class = 1\nbias = \"none\"\ndecay = { epsilon = 0.1 }\n[loss]\nname = \"cross-entropy\"\n[starts]\ncount = 1\nseed = 1\n[sweep]\n\"decay.epsilon\" = [0.1, 0.2]\n";

/// Two shards of one run, made once; the folder lives as long as the process.
fn shards() -> (PathBuf, PathBuf, PathBuf) {
    static MADE: std::sync::OnceLock<(tempfile::TempDir, PathBuf, PathBuf)> = std::sync::OnceLock::new();
    let (folder, one, two) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let scenario = Scenario::parse(Path::new("planted.toml"), SHARDED, &[], false).unwrap();
        let dirs = [1, 2].map(|number| {
            let dir = folder.path().join(format!("shard{number}"));
            let options = Options { threads: Some(1), shard: ufm::record::Shard::new(number, 2), ..Options::new(&dir) };
            study::run(&scenario, &options, &|_| {}).unwrap();
            dir
        });
        let [one, two] = dirs;
        (folder, one, two)
    });
    (folder.path().to_owned(), one.clone(), two.clone())
}

const MERGED: [&str; 4] = ["records.jsonl", "shard.json", "scenario.toml", "trajectories.jsonl"];

/// The first byte says which file of the first shard holds the rest of the input.
fn merge(folder: &Path, bytes: &[u8]) -> String {
    let (_, one, two) = shards();
    let [first, rest @ ..] = bytes else { return "empty".into() };
    let (broken, out) = (folder.join("shard1"), folder.join("merged"));
    let _ = fs::remove_dir_all(&out);
    if !broken.is_dir() {
        fs::create_dir_all(broken.join("points")).unwrap();
        for entry in fs::read_dir(one.join("points")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, broken.join("points").join(path.file_name().unwrap())).unwrap();
        }
    }
    for name in MERGED {
        fs::copy(one.join(name), broken.join(name)).unwrap();
    }
    file(&broken, MERGED[usize::from(*first) % MERGED.len()], rest);
    match study::merged_scenario(&[broken, two]) {
        Err(error) => words(error),
        Ok((parts, scenario)) => {
            answer("merge", study::merge(&parts, &scenario, &out, false).map(|study| described(study.summary)))
        }
    }
}

fn merge_inputs() -> Vec<Vec<u8>> {
    let (_, one, _) = shards();
    MERGED.iter().enumerate().map(|(at, name)| [vec![at as u8], fs::read(one.join(name)).unwrap()].concat()).collect()
}

fn certificate(_: &Path, bytes: &[u8]) -> String {
    match check(&String::from_utf8_lossy(bytes)) {
        Err(error) => words(error),
        Ok(report) => report.reason().map_or("certificate: accepted".into(), words),
    }
}

fn certificates() -> Vec<Vec<u8>> {
    include_str!("../corpus/certificates.jsonl").lines().map(|line| line.as_bytes().to_vec()).collect()
}
