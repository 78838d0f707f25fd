//! `[certify]`: proofs of what a record says, beside it.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::StudyError;
use crate::model::Point;
use crate::record::{Record, StoreError, certificate_file, write_atomically};
use crate::rigor::Claim;
use crate::rigor::certificate::Nature;
use crate::rigor::prove::{Goal, prove};
use crate::scenario::Case;

/// Tries to prove what the case asks for, as far as it applies to the record's nature. Where the nature itself is proved the standing becomes "proved"; the certificate's file is named, and the reason says what is proved
/// and what is not.
pub(super) fn certify(case: &Case, point: &Point, record: &mut Record, dir: &Path) -> Result<(), StudyError> {
    let nature = record.nature.clone().unwrap_or_default();
    let goals: Vec<Goal> = case.certify.iter().copied().filter(|goal| applies(*goal, &nature)).collect();
    if goals.is_empty() {
        return Ok(());
    }
    let proof = match prove(&case.problem, point, &goals) {
        Ok(proof) => proof,
        Err(reason) => {
            record.reason += &format!("; not proved: {reason}");
            return Ok(());
        }
    };
    if let Some(certificate) = &proof.certificate {
        let file = certificate_file(&record.case, record.start_index);
        let path = dir.join(&file);
        let disk = |doing: &'static str| {
            let path = path.clone();
            move |source| StoreError::Disk { path, doing, source }
        };
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(disk("make the folder"))?;
        let text = certificate.text();
        write_atomically(&path, |out| out.write_all(text.as_bytes())).map_err(disk("write the certificate"))?;
        let kinds: Vec<&str> = certificate.claims.iter().map(Claim::kind).collect();
        record.certificate = Some(file);
        record.reason += &format!("; proved: {}", kinds.join(", "));
        if certificate.claims.iter().any(|claim| establishes(claim, &nature)) {
            record.standing = Some("proved".into());
        }
    }
    for (goal, reason) in &proof.undecided {
        record.reason += &format!("; {} not proved: {reason}", goal.name());
    }
    Ok(())
}

/// Whether a goal can hold at a point of this nature.
fn applies(goal: Goal, nature: &str) -> bool {
    match goal {
        Goal::CriticalOrbit | Goal::Inertia | Goal::Gap => true,
        Goal::StrictSaddle | Goal::NegativeCurvature => nature == "strict-saddle",
        Goal::LocalMinimum => nature == "local-minimum" || nature == "global-minimum",
        Goal::GlobalMinimum | Goal::SimplexEtf => nature == "global-minimum",
        Goal::NotGlobal => nature == "local-minimum",
        Goal::PartialState => false,
    }
}

/// Whether a claim proves a nature.
fn establishes(claim: &Claim, nature: &str) -> bool {
    match claim {
        Claim::Inertia { nature: Nature::StrictSaddle, .. } => nature == "strict-saddle",
        Claim::Inertia { nature: Nature::StrictLocalMinimum, .. } => nature == "local-minimum",
        Claim::GlobalMinimum { .. } | Claim::GlobalSimplexEtf { .. } => nature == "global-minimum",
        _ => false,
    }
}
