//! Standard output: text and JSON documents. A reader that has gone away ends the command quietly.

use std::io::Write;

use serde::Serialize;

use super::CliError;

/// Writes text to standard output as it is.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => CliError::Closed,
        _ => CliError::Broken(format!("cannot write to standard output: {error}")),
    })
}

/// Writes one JSON document and a newline to standard output.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(document).map_err(|error| CliError::Broken(format!("cannot write JSON: {error}")))?;
    print(&format!("{text}\n"))
}
