//! Proposals of kind 6: the scale of the simplex ETF that a point seems to be.

use super::location::Located;
use crate::numeric::interval::Interval;
use crate::rigor::certificate::{Certificate, Claim, Location};
use crate::rigor::check;

/// Relative half-widths of the scale, radii in units of the located one, and relative half-widths of the basin that are tried.
const WIDTHS: [f64; 3] = [4e-15, 4e-14, 4e-13];
const RADII: [f64; 3] = [1.0, 8.0, 64.0];
const BASINS: [f64; 4] = [0.2, 0.05, 0.01, 1e-3];

/// A claim that the checker accepts; with `global`, that the ETF is a global minimum where that can be shown.
pub(super) fn propose(certificate: &Certificate, located: &Located, global: bool) -> Result<Claim, String> {
    let (instance, center) = (&certificate.instance, &certificate.center);
    if center.width + 1 != instance.classes || !instance.loss.shift_invariant() {
        return Err("a simplex ETF has rank K − 1, and is critical for shift-invariant losses".into());
    }
    let scale = margin(certificate)?;
    let accepted = |claim: &Claim| {
        let alone = Certificate { claims: vec![claim.clone()], ..certificate.clone() };
        let report = check::check_claims(&alone).swap_remove(0);
        let words =
            report.steps.last().map_or_else(String::new, |step| format!("not verified: {} ({})", step.needed, step.found));
        if report.accepted { Ok(()) } else { Err(words) }
    };
    let mut last = String::new();
    for factor in RADII {
        let location = Location { radius: factor * located.location.radius, ..located.location };
        for width in WIDTHS {
            let around = Interval::around(scale, width * scale);
            let claim = Claim::SimplexEtf { location, scale: around };
            match accepted(&claim) {
                Err(words) => last = words,
                Ok(()) if !global => return Ok(claim),
                Ok(()) => {
                    for basin in BASINS {
                        let basin = Interval::around(scale, basin * scale);
                        let better = Claim::GlobalSimplexEtf { location, scale: around, basin, value: located.value };
                        if accepted(&better).is_ok() {
                            return Ok(better);
                        }
                    }
                    return Ok(claim);
                }
            }
        }
    }
    Err(last)
}

/// The mean margin of the samples, and a few Newton steps to the root of m(s) = e.
fn margin(certificate: &Certificate) -> Result<f64, String> {
    let (instance, center) = (&certificate.instance, &certificate.center);
    let (classes, r) = (instance.classes, center.width);
    let logit = |k: usize, i: usize| -> f64 { (0..r).map(|a| center.w[k * r + a] * center.h[i * r + a]).sum() };
    let others = (classes - 1) as f64;
    let margins = instance.labels.iter().enumerate().map(|(i, &label)| {
        let rest: f64 = (0..classes).filter(|&k| k != label).map(|k| logit(k, i)).sum();
        logit(label, i) - rest / others
    });
    let mut scale = margins.sum::<f64>() / instance.labels.len() as f64;
    let per_class = instance.labels.len() as f64 / classes as f64;
    let wanted = others * per_class.sqrt() * instance.mu().mid() / instance.scale.mid();
    for _ in 0..4 {
        let at = instance.loss.at_margin(classes, Interval::point(scale));
        let step = (at.pull.mid() - wanted) / at.pull_slope.mid();
        if !(step.abs() < 0.1 * scale) {
            return Err("the margins are not those of a simplex ETF".into());
        }
        scale -= step;
    }
    Ok(scale)
}
