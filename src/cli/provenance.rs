//! `provenance.json`: everything that may differ between two runs of one scenario.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{CliError, run};
use crate::record::{Part, write_atomically};
use crate::study::DeviceUse;

/// Writes `provenance.json` into a run's folder.
pub(super) fn write(dir: &Path, args: &run::Args, device: Option<&DeviceUse>, started: Began) -> Result<(), CliError> {
    let mut document = document(args.threads, device, started);
    document["limit_memory_mib"] = args.limit_memory.into();
    document["limit_time_seconds"] = args.limit_time.map(|time| time.as_secs_f64()).into();
    put(dir, &document)
}

/// When a run began, by the clock that people set and by the one that only goes forward.
pub(super) type Began = (SystemTime, Instant);

/// Writes that of a merged run: its own, and those of the shards.
pub(super) fn write_merged(dir: &Path, parts: &[Part], started: Began) -> Result<(), CliError> {
    let mut whole = document(None, None, started);
    let of = |part: &Part| {
        let text = std::fs::read_to_string(part.dir.join("provenance.json")).ok();
        // A shard that was killed after its last case has none.
        let provenance: Option<Value> = text.and_then(|text| serde_json::from_str(&text).ok());
        serde_json::json!({ "shard": part.shard.number(), "provenance": provenance })
    };
    whole["shards"] = parts.iter().map(of).collect();
    put(dir, &whole)
}

fn document(threads: Option<u16>, device: Option<&DeviceUse>, (started, clock): Began) -> Value {
    // A clock that was set back may say that a run ended before it began; how long it took is not taken from it.
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    let finished = SystemTime::now();
    serde_json::json!({
        "schema": "ufm.provenance/v1",
        "version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("UFM_COMMIT"),
        "toolchain": option_env!("RUSTUP_TOOLCHAIN"),
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "cpu": cpu(),
        "device": if device.is_some() { "gpu" } else { "cpu" },
        "device_adapter": device.map(|device| &device.adapter),
        "device_bytes_peak": device.map(|device| device.bytes_peak),
        "threads": threads.map_or_else(rayon::current_num_threads, usize::from),
        "started_unix_seconds": seconds(started),
        "finished_unix_seconds": seconds(finished),
        "elapsed_seconds": clock.elapsed().as_secs_f64(),
    })
}

fn put(dir: &Path, document: &Value) -> Result<(), CliError> {
    let path = dir.join("provenance.json");
    let text = serde_json::to_string_pretty(document).expect("the document holds only what JSON can say");
    write_atomically(&path, |file| writeln!(file, "{text}")).map_err(|error| CliError::broken(&path, "write", &error))
}

/// The processor's name, where the system tells it.
fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
