//! Shards run anywhere, in any order, merged: the bytes of the whole run. Sets of shards that are not one of each of one run are refused by name.

use std::fs;
use std::path::{Path, PathBuf};

mod shared;

use shared::{Snapshot, assert_same, outcome, run, snapshot, ufm};

/// Two losses, five cells: ten cases of three points, with what is computed from the points of a whole case.
const SCENARIO: &str = "question = \"Do shards make a whole?\"
[model]
classes = 3
width = 3
per_class = 2
bias = \"free\"
decay = { epsilon = 0.05 }
[[loss]]
name = \"cross-entropy\"
[[loss]]
name = \"mse\"
[[starts]]
count = 2
seed = 1
[[starts]]
name = \"origin\"
[sweep]
\"decay.epsilon\" = { log = [0.02, 0.4, 5] }
[census]
[slice]
resolution = 5
[certify]
claims = [\"critical-orbit\"]
[report]
figures = [\"value-index\", \"collapse\"]
theorems = [\"dual-certificate\"]
[expect]
undecided_max = 30
";
const CASES: usize = 10;

struct Whole {
    folder: tempfile::TempDir,
    scenario: PathBuf,
    left: Snapshot,
}

fn whole(text: &str) -> Whole {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("divided.toml");
    fs::write(&scenario, text).unwrap();
    let dir = folder.path().join("whole");
    let (code, _, error) = run(&scenario, &dir, &["--quiet"]);
    assert_eq!(code, 0, "{error}");
    let left = snapshot(&dir);
    Whole { folder, scenario, left }
}

impl Whole {
    fn dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs shard `number` of `of` into a folder of its own.
    fn shard(&self, number: usize, of: usize, more: &[&str]) -> PathBuf {
        let dir = self.dir(&format!("part-{number}-{of}"));
        let shard = format!("{number}/{of}");
        let (code, _, error) = run(&self.scenario, &dir, &[&["--quiet", "--shard", &shard], more].concat());
        assert_eq!(code, 0, "{error}");
        dir
    }

    /// Asserts that merging is refused with these words, and leaves nothing.
    fn refused(&self, parts: &[&PathBuf], words: &[&str]) {
        let out = self.dir("refused");
        let (code, printed, error) = merge(parts, &out, &[]);
        assert_eq!((code, printed.as_str()), (1, ""), "{words:?}: {error}");
        for word in words {
            assert!(error.contains(word), "{word:?} is missing in:\n{error}");
        }
        assert!(!out.exists(), "{words:?}: something was written");
    }
}

fn merge(parts: &[&PathBuf], out: &Path, more: &[&str]) -> (i32, String, String) {
    let folders: Vec<&str> = parts.iter().map(|dir| dir.to_str().unwrap()).collect();
    outcome(ufm(&[&["merge"], &folders[..], &["--out", out.to_str().unwrap()], more].concat()))
}

#[test]
fn merged_shards_are_the_whole_run() {
    let whole = whole(SCENARIO);
    // In any order, on any number of threads, one of them interrupted.
    for (of, order) in [(4, vec![3, 1, 4, 2]), (3, vec![2, 3, 1]), (1, vec![1]), (CASES, (1..=CASES).collect())] {
        let parts: Vec<PathBuf> = order
            .iter()
            .map(|&number| whole.shard(number, of, &["--threads", if number % 2 == 0 { "1" } else { "2" }]))
            .collect();
        let out = whole.dir(&format!("merged-{of}"));
        let (code, printed, error) = merge(&parts.iter().collect::<Vec<_>>(), &out, &[]);
        assert_eq!(code, 0, "{error}");
        assert!(printed.contains("30 points") && printed.contains("undecided_max"), "{printed}");
        assert_same(&snapshot(&out), &whole.left, &format!("{of} shards"));
    }
    // The merged folder is a run like any other: it resumes, and has nothing left to do.
    let out = whole.dir("merged-4");
    assert_eq!(run(&whole.scenario, &out, &["--resume", "--quiet"]).0, 0);
    assert_same(&snapshot(&out), &whole.left, "resumed");
    // Its provenance names every shard's.
    let provenance: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("../merged-3/provenance.json")).unwrap()).unwrap();
    let shards = provenance["shards"].as_array().unwrap();
    assert!(shards.len() == 3 && shards.iter().all(|shard| shard["provenance"]["threads"].is_number()), "{provenance}");
    // Merging again replaces only when told to.
    let parts: Vec<PathBuf> = (1..=3).map(|number| whole.dir(&format!("part-{number}-3"))).collect();
    let parts: Vec<&PathBuf> = parts.iter().collect();
    let out = whole.dir("merged-3");
    let (code, _, error) = merge(&parts, &out, &[]);
    assert!(code == 1 && error.contains("already holds records") && error.contains("--overwrite"), "{error}");
    assert_eq!(merge(&parts, &out, &["--overwrite", "--quiet"]).0, 0);
    assert_same(&snapshot(&out), &whole.left, "overwritten");
}

#[test]
fn a_set_that_is_not_one_of_each_is_refused_by_name() {
    let whole = whole(SCENARIO);
    let parts: Vec<PathBuf> = (1..=3).map(|number| whole.shard(number, 3, &[])).collect();
    let [a, b, c] = &parts[..] else { unreachable!() };
    whole.refused(&[a, c], &["missing", "2/3", "--shard 2/3"]);
    whole.refused(&[b], &["missing", "1/3, 3/3"]);
    whole.refused(&[a, b, c, b], &["shard 2/3 is there twice", "part-2-3"]);
    // A copy under another name is the same shard.
    let copy = whole.dir("copy");
    copy_folder(b, &copy);
    whole.refused(&[a, b, c, &copy], &["shard 2/3 is there twice", "copy", "part-2-3"]);
    // Of another run: other settings, or the same divided otherwise.
    let foreign = whole.dir("foreign");
    let arguments = ["--shard", "2/3", "--quiet", "model.width=2"];
    assert_eq!(run(&whole.scenario, &foreign, &arguments).0, 0);
    whole.refused(&[a, &foreign, c], &["shard 2/3 in", "foreign", "another run", "width = 3", "width = 2"]);
    let other = whole.shard(2, 5, &[]);
    whole.refused(&[a, &other, c], &["shard 2/5", "part-2-5", "divided differently"]);
    // No shards at all.
    let entire = whole.dir("whole");
    whole.refused(&[a, &entire, c], &["whole holds no shard", "shard.json"]);
    whole.refused(&[&whole.dir("nowhere")], &["nowhere", "no such folder"]);
    // Into one of them.
    let (code, _, error) = merge(&[a, b, c], b, &[]);
    assert!(code == 1 && error.contains("shard 2/3") && error.contains("a folder of its own"), "{error}");
    // All is well with the right three.
    let out = whole.dir("right");
    assert_eq!(merge(&[c, a, b], &out, &["--quiet"]).0, 0);
    assert_same(&snapshot(&out), &whole.left, "the right three");
}

/// What damage does to a shard's folder.
type Damage = fn(&Path);

#[test]
fn a_shard_that_is_not_whole_is_refused_by_name() {
    let whole = whole(SCENARIO);
    let parts: Vec<PathBuf> = (1..=2).map(|number| whole.shard(number, 2, &[])).collect();
    let damages: [(Damage, &[&str]); 7] = [
        (|dir| edit(dir, |lines| drop(lines.pop())), &["shard 2/2", "not complete", "1 of its 5 cases", "--resume"]),
        (|dir| edit(dir, |lines| lines.push(lines[0].clone())), &["shard 2/2", "not complete"]),
        (
            |dir| edit(dir, |lines| lines[0] = lines[0].replacen("\"case\":\"", "\"case\":\"f00", 1)),
            &["shard 2/2", "line 1", "f00"],
        ),
        (|dir| edit(dir, |lines| lines[0] = lines[0].replace("record/v1", "record/v9")), &["shard 2/2", "line 1", "v9"]),
        (|dir| fs::remove_file(dir.join("records.jsonl")).unwrap(), &["shard 2/2", "records.jsonl"]),
        (|dir| fs::remove_file(dir.join("census.json")).unwrap(), &["shard 2/2", "census.json", "--resume"]),
        (
            |dir| {
                let point = fs::read_dir(dir.join("points")).unwrap().next().unwrap().unwrap().path();
                fs::write(point, "torn").unwrap();
            },
            &["shard 2/2", "not complete", "damaged"],
        ),
    ];
    for (damage, words) in damages {
        let copy = whole.dir("damaged");
        copy_folder(&parts[1], &copy);
        damage(&copy);
        whole.refused(&[&parts[0], &copy], words);
        fs::remove_dir_all(copy).unwrap();
    }
    // A record of the other shard's case is none of this one's.
    let copy = whole.dir("damaged");
    copy_folder(&parts[1], &copy);
    let foreign = fs::read_to_string(parts[0].join("records.jsonl")).unwrap();
    edit_with(&copy, |lines| lines.push(foreign.lines().next().unwrap().to_owned()));
    whole.refused(&[&parts[0], &copy], &["shard 2/2", "not one of this"]);
    // What the message says helps.
    fs::remove_dir_all(&copy).unwrap();
    copy_folder(&parts[1], &copy);
    edit(&copy, |lines| drop(lines.pop()));
    assert_eq!(run(&whole.scenario, &copy, &["--shard", "2/2", "--resume", "--quiet"]).0, 0);
    let out = whole.dir("mended");
    assert_eq!(merge(&[&copy, &parts[0]], &out, &["--quiet"]).0, 0);
    assert_same(&snapshot(&out), &whole.left, "mended");
}

#[test]
fn a_folder_goes_on_with_its_own_shard_alone() {
    let whole = whole(SCENARIO);
    let part = whole.shard(1, 2, &[]);
    let refused = |dir: &Path, more: &[&str], words: &[&str]| {
        let before = snapshot(dir);
        let (code, _, error) = run(&whole.scenario, dir, &[&["--resume"], more].concat());
        assert_eq!(code, 1, "{error}");
        words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is missing in:\n{error}"));
        assert!(snapshot(dir) == before);
    };
    refused(&part, &["--shard", "2/2"], &["holds shard 1/2", "shard 2/2 was asked for", "--shard 1/2"]);
    refused(&part, &[], &["holds shard 1/2", "the whole run was asked for"]);
    refused(&whole.dir("whole"), &["--shard", "1/2"], &["holds the whole run", "leave --shard out"]);
    for (shard, word) in [("0/2", "there is no shard"), ("3/2", "there is no shard"), ("1", "I/N"), ("1/11", "10 cases")] {
        let (code, _, error) = run(&whole.scenario, &whole.dir("none"), &["--shard", shard]);
        assert!(code == 1 && error.contains(word), "{shard}: {error}");
    }
    // Replacing a shard by the whole run leaves no trace of it.
    assert_eq!(run(&whole.scenario, &part, &["--overwrite", "--quiet"]).0, 0);
    assert_same(&snapshot(&part), &whole.left, "overwritten");
}

/// The expectations speak of the scenario as written: with keys from the command line they are not evaluated, and a merge knows.
#[test]
fn a_merge_judges_what_the_whole_run_would() {
    let failing = SCENARIO.replace("undecided_max = 30", "verdicts = { \"global-minimum\" = 1000 }");
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("divided.toml");
    fs::write(&scenario, failing).unwrap();
    for (arguments, expected) in [(&[][..], 2), (&["starts.count=1"][..], 0)] {
        let dir = |name: &str| folder.path().join(format!("{name}-{expected}"));
        let more = |more: &[&'static str]| [arguments, &["--quiet"], more].concat();
        assert_eq!(run(&scenario, &dir("whole"), &more(&[])).0, expected);
        for (name, shard) in [("a", "1/2"), ("b", "2/2")] {
            assert_eq!(run(&scenario, &dir(name), &more(&["--shard", shard])).0, 0, "a shard judges nothing");
        }
        assert_eq!(merge(&[&dir("a"), &dir("b")], &dir("merged"), &["--quiet"]).0, expected);
        assert_same(&snapshot(&dir("merged")), &snapshot(&dir("whole")), "judged");
    }
}

/// Changes the lines of a shard's records.
fn edit(dir: &Path, change: fn(&mut Vec<String>)) {
    edit_with(dir, change);
}

fn edit_with(dir: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let path = dir.join("records.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    for (name, bytes) in snapshot(from) {
        let path = to.join(&name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}
