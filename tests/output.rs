//! What a run leaves says nothing of who ran it where, and lies in its folder alone; what is in the tree that is shipped is what deny.toml allows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod shared;

use shared::{Snapshot, outcome, run, snapshot, ufm};

const SCENARIO: &str = "question = \"?\"
[model]
classes = 3
width = 3
per_class = 2
decay = { epsilon = 0.1 }
[[loss]]
name = \"cross-entropy\"
[[loss]]
name = \"mse\"
[[starts]]
name = \"gaussian\"
count = 2
seed = 1
[[starts]]
name = \"file\"
path = \"../points/begin.npz\"
[certify]
claims = [\"critical-orbit\"]
[census]
[slice]
resolution = 9
[report]
theorems = [\"cross-entropy-landscape\"]
";

/// What is looked at: everything, but for the lines of scenario.toml that say where a start's file lies. Who merges shards needs those.
fn told(dir: &Path) -> Snapshot {
    let mut left = snapshot(dir);
    let text = String::from_utf8(left["scenario.toml"].clone()).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with("path = ")).map(|line| format!("{line}\n")).collect();
    left.insert("scenario.toml".into(), lines.into_bytes());
    left
}

/// The files in which one of these words occurs.
fn naming(folder: &Snapshot, words: &[String]) -> Vec<String> {
    let holds = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
    let mut found = Vec::new();
    for (name, bytes) in folder {
        found.extend(words.iter().filter(|word| holds(bytes, word)).map(|word| format!("{name}: {word}")));
    }
    found
}

/// What would tell who ran it where.
fn telltales(more: &[&Path]) -> Vec<String> {
    let mut words: BTreeSet<String> = more.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    for variable in ["HOME", "PWD", "CARGO_MANIFEST_DIR", "CARGO_HOME", "TMPDIR"] {
        words.extend(std::env::var(variable));
    }
    // Names as short as a word may stand in any text: with the path around them they are caught above.
    let names = ["USER", "LOGNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    words.extend(names.chain(host).map(|name| name.trim().to_owned()).filter(|name| name.len() > 5));
    words.extend(["/home/".to_owned(), "/root/".to_owned(), "/Users/".to_owned(), "/.cargo/".to_owned(), "/tmp/".to_owned()]);
    words.into_iter().filter(|word| word.len() > 3).collect()
}

struct Place {
    folder: tempfile::TempDir,
    scenario: PathBuf,
}

/// A scenario that begins at a point of its own, written by a run.
fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    for name in ["scenarios", "points", "cwd", "home", "tmp"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let (scenario, first) = (folder.path().join("scenarios/told.toml"), folder.path().join("first"));
    fs::write(&scenario, SCENARIO.split("[[starts]]\nname = \"file\"").next().unwrap()).unwrap();
    assert_eq!(run(&scenario, &first, &["--quiet"]).0, 0);
    let point = fs::read_dir(first.join("points")).unwrap().next().unwrap().unwrap().path();
    fs::copy(point, folder.path().join("points/begin.npz")).unwrap();
    fs::write(&scenario, SCENARIO).unwrap();
    Place { folder, scenario }
}

#[test]
fn what_a_run_leaves_names_no_place_user_or_host() {
    let Place { folder, scenario } = place();
    let dir = folder.path().join("out");
    let words = telltales(&[folder.path()]);
    assert!(words.len() >= 6, "{words:?}");
    let (code, _, error) = run(&scenario, &dir, &["--quiet"]);
    assert_eq!(code, 0, "{error}");
    let left = told(&dir);
    for name in
        ["records.jsonl", "summary.json", "provenance.json", "report.html", "scenario.toml", "census.json", "theorems.json"]
    {
        assert!(left.contains_key(name), "{name} is missing: the test looks at too little");
    }
    assert_eq!(naming(&left, &words), Vec::<String>::new());
    // A report rebuilt and shards merged, from absolute and from relative paths.
    assert_eq!(outcome(ufm(&["report", dir.to_str().unwrap()])).0, 0);
    for shard in ["1/2", "2/2"] {
        let part = folder.path().join(format!("part-{}", &shard[..1]));
        assert_eq!(run(&scenario, &part, &["--quiet", "--shard", shard]).0, 0);
    }
    let mut merge = ufm(&["merge", "../part-1", "../part-2", "--out", "../merged", "--quiet"]);
    merge.current_dir(folder.path().join("cwd"));
    assert_eq!(outcome(merge).0, 0);
    for name in ["out", "merged", "part-1"] {
        assert_eq!(naming(&told(&folder.path().join(name)), &words), Vec::<String>::new(), "{name}");
    }
    // The search finds what is there: what the user writes into a scenario is the user's.
    let text = fs::read_to_string(&scenario).unwrap().replace("\"?\"", &format!("\"of {}\"", folder.path().display()));
    fs::write(&scenario, text).unwrap();
    assert_eq!(run(&scenario, &dir, &["--quiet", "--overwrite"]).0, 0);
    let found = naming(&told(&dir), &words);
    assert!(found.iter().any(|found| found.starts_with("summary.json")), "{found:?}");
}

#[test]
fn nothing_is_written_outside_the_folder() {
    let Place { folder, scenario } = place();
    let within = |name: &str| folder.path().join(name);
    let before = snapshot(folder.path());
    let command = |arguments: &[&str]| {
        let mut command = ufm(arguments);
        command.current_dir(within("cwd")).env("HOME", within("home")).env("TMPDIR", within("tmp"));
        for variable in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(variable, within("home"));
        }
        command
    };
    let outside = |dir: &Path| {
        let ours = dir.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
        let mut now = snapshot(folder.path());
        now.retain(|name, _| !name.starts_with(&format!("{ours}/")));
        assert!(
            now == before,
            "written outside: {:?}",
            now.keys().filter(|name| before.get(*name) != now.get(*name)).collect::<Vec<_>>()
        );
    };
    let (dir, scenario) = (within("out"), scenario.to_str().unwrap());
    let to = dir.to_str().unwrap();
    for arguments in [&["run", scenario, "--out", to][..], &["run", scenario, "--out", to, "--resume"], &["report", to]] {
        let (code, _, error) = outcome(command(arguments));
        assert_eq!(code, 0, "{arguments:?}: {error}");
        outside(&dir);
    }
    for arguments in [
        &["list", "losses"][..],
        &["schema"],
        &["theory", "model.classes=3", "model.width=3", "model.per_class=2", "decay.epsilon=0.1", "loss.name=mse", "--json"],
        &["run", scenario, "--dry-run"],
    ] {
        assert_eq!(outcome(command(arguments)).0, 0, "{arguments:?}");
        outside(&dir);
    }
    // Without --out the folder is output/NAME of where one is: that is what the check must see.
    assert_eq!(outcome(command(&["run", scenario])).0, 0);
    assert!(within("cwd/output/told/records.jsonl").is_file());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| outside(&dir))).is_err());
}

/// What `cargo metadata` says of every package of the tree: name, licence, and whether it has a build script or talks to a network.
fn packages() -> Vec<serde_json::Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked"]);
    if cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        // Crates of other systems need not be here.
        command.args(["--offline", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    }
    let (code, out, error) = outcome({
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    });
    assert_eq!(code, 0, "{error}");
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    document["packages"].as_array().unwrap().clone()
}

/// Whether an SPDX expression can be satisfied by the licences allowed. `OR` binds weaker than `AND`, `/` is an old way to write it.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let text = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let all = |part: &str| part.split(" AND ").all(|licence| allowed.contains(licence.trim()));
    if expression.contains('(') {
        // Of a conjunction of choices, each must be satisfied.
        return expression.split(" AND ").all(|part| satisfied(part.trim().trim_matches(['(', ')']), allowed));
    }
    text.split(" OR ").any(all)
}

#[test]
fn every_licence_of_the_tree_is_one_that_deny_toml_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny: toml::Table = fs::read_to_string(root.join("deny.toml")).unwrap().parse().unwrap();
    let list = deny["licenses"]["allow"].as_array().unwrap();
    let allowed: BTreeSet<String> = list.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    for (expression, expected) in [
        ("MIT", true),
        ("MIT OR Apache-2.0", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only OR MIT", true),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("GPL-3.0-only", false),
        ("MIT AND LGPL-2.1", false),
        ("(GPL-3.0 OR AGPL-3.0) AND MIT", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
    let packages = packages();
    assert!(packages.len() > 50, "{}", packages.len());
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| package["license"].as_str().is_none_or(|licence| !satisfied(licence, &allowed)))
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let foreign: Vec<&serde_json::Value> = packages
        .iter()
        .filter(|package| {
            package["source"]
                .as_str()
                .is_some_and(|source| !source.starts_with("registry+https://github.com/rust-lang/crates.io-index"))
        })
        .map(|package| &package["name"])
        .collect();
    assert!(foreign.is_empty(), "{foreign:?} are not from crates.io");
    let ours = packages.iter().find(|package| package["name"] == "ufm").unwrap();
    let kinds = ours["targets"].as_array().unwrap().iter().flat_map(|target| target["kind"].as_array().unwrap());
    assert!(kinds.into_iter().all(|kind| kind != "custom-build"), "a build script of our own");
}

#[test]
fn nothing_in_the_program_talks_to_a_network() {
    // Crates that open connections; what compiles them in would be a reason to ask why.
    const NETWORK: [&str; 12] = [
        "reqwest",
        "hyper",
        "ureq",
        "curl",
        "tokio",
        "async-std",
        "smol",
        "mio",
        "socket2",
        "rustls",
        "native-tls",
        "openssl-sys",
    ];
    let found: Vec<String> = packages()
        .iter()
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .filter(|name| NETWORK.contains(&name.as_str()))
        .collect();
    assert!(found.is_empty(), "{found:?}");
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(".rs") && !path.to_str().unwrap().ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                read += 1;
                for word in ["std::net", "TcpStream", "UdpSocket", "UnixStream", "Command::new"] {
                    assert!(!text.contains(word), "{} names {word}", path.display());
                }
            }
        }
    }
    assert!(read > 100, "{read} files");
}
