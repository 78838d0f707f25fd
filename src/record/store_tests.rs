//! The store alone: a disk that fails under it, and folders that it must leave as they are.

use super::*;

const CASE: &str = "0123456789abcdef";

fn cases() -> Vec<CaseEntry> {
    vec![CaseEntry { id: CASE.into(), cell: String::new(), points: 1 }]
}

/// Opens a store of one case with these settings.
fn open(dir: &Path, settings: &str, mode: Mode) -> Result<(Store, Complete), StoreError> {
    let layout = Layout {
        settings,
        cases: &cases(),
        shard: None,
        trajectories: true,
        points: true,
        again: |_| false,
        damaged_again: false,
    };
    Store::open(dir, &layout, mode)
}

fn row(step: u64) -> TrajectoryRow {
    TrajectoryRow {
        time: None,
        case: CASE.into(),
        start_index: 0,
        step,
        value: 0.5,
        gradient_norm: 0.25,
        gradient_norm_scaled: 0.125,
        metrics: BTreeMap::new(),
        dual_ratio: None,
        lower_bound: None,
        flow: None,
    }
}

/// A store whose trajectories cannot be written.
fn failing(dir: &Path) -> Store {
    let (mut store, complete) = open(dir, "a = 1\n", Mode::Fresh).unwrap();
    assert_eq!(complete, Complete::default());
    store.trajectories.file = File::open(dir.join("trajectories.jsonl")).unwrap();
    store
}

#[test]
fn nothing_is_appended_after_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = failing(folder.path());
    let first = store.append(&[], &[row(0)]).unwrap_err();
    assert!(matches!(&first, StoreError::Disk { doing: "append", .. }), "{first}");
    // The disk has room again, but what came before is missing.
    store.trajectories.file = OpenOptions::new().append(true).open(folder.path().join("trajectories.jsonl")).unwrap();
    let second = store.append(&[], &[row(1)]).unwrap_err();
    assert_eq!(second.to_string(), first.to_string());
    assert_eq!(fs::read(folder.path().join("trajectories.jsonl")).unwrap(), b"");
}

#[test]
fn an_append_that_fails_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path(), "", Mode::Fresh).unwrap();
    store.append(&[], &[row(0)]).unwrap();
    let path = folder.path().join("trajectories.jsonl");
    let whole = fs::read(&path).unwrap();
    // Half a line, as a full disk leaves it.
    store.trajectories.file.write_all(b"{\"case\":\"01").unwrap();
    let _ = store.trajectories.file.set_len(store.trajectories.length);
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(store.trajectories.length, whole.len() as u64);
    // Appending goes on at the end, not where the torn line ended.
    store.append(&[], &[row(1)]).unwrap();
    let mut steps = Vec::new();
    each_line(&path, |line| {
        steps.push(line.key.step);
        Ok(())
    })
    .unwrap();
    assert_eq!(steps, [Some(0), Some(1)]);
}

#[test]
fn temporary_files_are_known_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let names = [".a.npz.12-3.tmp", ".a.npz.12-.tmp", ".a.npz.12.tmp", "a.npz.12-3.tmp", ".a.tmp", ".a.npz.12-3x.tmp"];
    names.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
    remove_temporaries(folder.path()).unwrap();
    let left = names.map(|name| folder.path().join(name).exists());
    assert_eq!(left, [false, true, true, true, true, true]);
}

#[test]
fn one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path(), "", Mode::Fresh).unwrap();
    if cfg!(unix) {
        let error = open(folder.path(), "", Mode::Resume).unwrap_err();
        assert!(matches!(&error, StoreError::Refused { message, .. } if message.contains("another run")), "{error}");
    }
    drop(store);
    open(folder.path(), "", Mode::Resume).unwrap();
}

#[test]
fn a_refused_folder_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, records) = (folder.path().join("run"), folder.path().join("run/records.jsonl"));
    fs::create_dir(&dir).unwrap();
    fs::write(&records, "").unwrap();
    open(&dir, "", Mode::Fresh).unwrap_err();
    open(&dir, "", Mode::Resume).unwrap_err();
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
}
