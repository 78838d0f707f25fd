//! `provenance.json`: everything that may differ between two runs of one scenario.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::CliError;
use crate::record::write_atomically;

/// Writes `provenance.json` into a run's folder.
pub(super) fn write(dir: &Path, threads: Option<u16>, started: SystemTime) -> Result<(), CliError> {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    let finished = SystemTime::now();
    let document = serde_json::json!({
        "schema": "ufm.provenance/v1",
        "version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("UFM_COMMIT"),
        "toolchain": option_env!("RUSTUP_TOOLCHAIN"),
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "cpu": cpu(),
        "device": "cpu",
        "threads": threads.map_or_else(rayon::current_num_threads, usize::from),
        "started_unix_seconds": seconds(started),
        "finished_unix_seconds": seconds(finished),
    });
    let path = dir.join("provenance.json");
    let text = serde_json::to_string_pretty(&document).expect("the document holds only what JSON can say");
    write_atomically(&path, |file| writeln!(file, "{text}")).map_err(|error| CliError::broken(&path, "write", &error))
}

/// The processor's name, where the system tells it.
fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
