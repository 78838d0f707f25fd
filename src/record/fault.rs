//! Named points of a run at which a test ends the process, as a power cut or `kill -9` would. They are in every build, so that what is tested is what is shipped, and do nothing
//! unless asked for.
//!
//! `UFM_FAULT=NAME:COUNT` aborts when the point is reached for the COUNT-th time; `UFM_FAULT_LOG=FILE` appends the name of every point reached to a file.

/// Every point there is, in the order in which a run first comes to them.
pub const POINTS: &[&str] = &[
    // Opening a folder.
    "folder-locked",
    "file-half-written",
    "file-before-rename",
    "file-renamed",
    "store-opened",
    // A case.
    "point-begun",
    "point-computed",
    "point-file-written",
    "certificate-written",
    "case-judged",
    "trajectory-line-torn",
    "trajectories-appended",
    "record-line-torn",
    "records-appended",
    "trajectories-synced",
    "records-synced",
    // The end.
    "all-appended",
    "trajectories-in-order",
    "records-in-order",
    "tables-written",
    "census-taken",
    "slices-taken",
    "summary-written",
    "theorems-written",
    "provenance-written",
    "report-written",
];

/// A fault that no file system here has: a folder that cannot be locked.
pub const NO_FOLDER_LOCK: &str = "no-folder-lock";

mod planted {
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Planted {
        name: String,
        count: usize,
        reached: AtomicUsize,
    }

    fn planted() -> Option<&'static Planted> {
        static PLANTED: OnceLock<Option<Planted>> = OnceLock::new();
        let read = || {
            let text = std::env::var("UFM_FAULT").ok()?;
            let (name, count) = text.split_once(':').map_or((text.as_str(), Ok(1)), |(name, count)| (name, count.parse()));
            let known = super::POINTS.contains(&name) || name == super::NO_FOLDER_LOCK;
            assert!(known && count.is_ok(), "UFM_FAULT={text}: no such point");
            Some(Planted { name: name.to_owned(), count: count.expect("just seen"), reached: AtomicUsize::new(0) })
        };
        PLANTED.get_or_init(read).as_ref()
    }

    /// Whether the planted fault is due at this point, now.
    pub(super) fn due(name: &str) -> bool {
        if let Some(path) = std::env::var_os("UFM_FAULT_LOG") {
            let log = std::fs::OpenOptions::new().create(true).append(true).open(path);
            log.and_then(|mut log| writeln!(log, "{name}")).expect("the log can be written");
        }
        planted().is_some_and(|fault| fault.name == name && fault.reached.fetch_add(1, Ordering::Relaxed) + 1 == fault.count)
    }

    pub(super) fn named(name: &str) -> bool {
        planted().is_some_and(|fault| fault.name == name)
    }
}

/// Ends the process here, where that is planted.
#[inline]
pub fn at(name: &str) {
    if due(name) {
        std::process::abort();
    }
}

/// Whether the process is to end at this point, now: for one that has something to leave half-done first.
#[inline]
pub(super) fn due(name: &str) -> bool {
    debug_assert!(POINTS.contains(&name), "{name} is not in the list");
    planted::due(name)
}

/// Whether folders are to be taken for such that cannot be locked.
#[inline]
pub(super) fn no_folder_lock() -> bool {
    planted::named(NO_FOLDER_LOCK)
}
