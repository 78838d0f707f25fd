//! `ufm check`: certificates re-verified from their text alone.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{CliError, Outcome, print, print_json};
use crate::rigor::certificate::BYTES_MAX;
use crate::rigor::check::{Report, check};

/// Arguments of `ufm check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Certificates
    #[arg(value_name = "CERT", required = true)]
    files: Vec<PathBuf>,
    /// Print one JSON document with every step
    #[arg(long)]
    json: bool,
}

/// What became of one file.
enum Finding {
    /// It is a certificate, and this was found.
    Checked(Report),
    /// It is none, or cannot be read.
    Malformed(String),
}

/// Checks certificates: 0 all accepted, 2 one was refused, 1 one is malformed.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let mut outcome = Outcome::Done;
    let mut documents = Vec::new();
    for path in &args.files {
        let finding = examine(path)?;
        match &finding {
            Finding::Malformed(_) => outcome = Outcome::Refused,
            Finding::Checked(report) if !report.accepted && outcome == Outcome::Done => outcome = Outcome::Failed,
            Finding::Checked(_) => {}
        }
        if args.json {
            documents.push(document(path, &finding));
        } else {
            print(&words(path, &finding))?;
        }
    }
    if args.json {
        print_json(&if documents.len() == 1 { documents.swap_remove(0) } else { Value::Array(documents) })?;
    }
    Ok(outcome)
}

/// Reads and checks one file; more than the limit is never read.
fn examine(path: &Path) -> Result<Finding, CliError> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| CliError::disk(path, "open", &error))?;
    let limit = BYTES_MAX as u64 + 1;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, limit), &mut bytes)
        .map_err(|error| CliError::disk(path, "read", &error))?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(Finding::Malformed("is not UTF-8".into())) };
    Ok(match check(&text) {
        Ok(report) => Finding::Checked(report),
        Err(error) => Finding::Malformed(error.to_string()),
    })
}

fn document(path: &Path, finding: &Finding) -> Value {
    let file = path.display().to_string();
    match finding {
        Finding::Malformed(message) => json!({ "file": file, "accepted": false, "malformed": message }),
        Finding::Checked(report) => json!({
            "file": file, "accepted": report.accepted, "sealed": report.sealed, "claims": report.claims, "reason": report.reason()
        }),
    }
}

fn words(path: &Path, finding: &Finding) -> String {
    let file = path.display();
    match finding {
        Finding::Malformed(message) => format!("{file}: malformed: {message}\n"),
        Finding::Checked(report) => {
            let mut text = match report.reason() {
                None => format!("{file}: accepted\n"),
                Some(reason) => format!("{file}: refused: {reason}\n"),
            };
            for claim in &report.claims {
                let verdict = if claim.accepted { "accepted" } else { "refused " };
                text += &format!("  {verdict} {:<19} {}\n", claim.kind, claim.establishes);
            }
            text
        }
    }
}
