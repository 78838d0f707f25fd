//! Files that are there completely or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::fault;

/// Numbers the temporary files of this process: two threads may write beside each other.
static FILES_BEGUN: AtomicU64 = AtomicU64::new(0);

/// Writes a file beside `path`, syncs it and renames it to `path`. On an error the temporary file is removed and `path` is as it was.
pub fn write_atomically(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    write_aside(path, |file| {
        fill(file)?;
        file.sync_all()
    })
}

/// The same without waiting for the disk: a power failure may take the file, or its contents, some seconds after it was written. For files of which there are many, which whoever reads
/// them checks. Waiting takes milliseconds a file, as long as the computation of a small problem.
pub(super) fn write_unsynced(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    write_aside(path, fill)
}

/// Fills a file beside `path` and renames it to `path`.
fn write_aside(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?);
    name.push(format!(".{}-{}.tmp", std::process::id(), FILES_BEGUN.fetch_add(1, Ordering::Relaxed)));
    let temporary = path.with_file_name(name);
    let written = File::create_new(&temporary).and_then(|mut file| {
        fill(&mut file)?;
        if fault::due("file-half-written") {
            file.metadata().and_then(|file_now| file.set_len(file_now.len() / 2)).expect("a file just written can be cut");
            std::process::abort();
        }
        fault::at("file-before-rename");
        fs::rename(&temporary, path)?;
        fault::at("file-renamed");
        Ok(())
    });
    if written.is_err() {
        // The first error is the one to report; a temporary file that cannot be removed either is harmless.
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, |file| file.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(error.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
