//! Claims about losses: enclosures against 60-digit values, both checkers, boxes of parameters, and claims that are false by a little.

#[path = "shared/certificates.rs"]
mod certificates;

use certificates::{loss, second_opinion};
use serde_json::Value;
use ufm::numeric::interval::Interval;
use ufm::rigor::IntervalLoss;
use ufm::rigor::about_loss::{LossCertificate, LossClaim, Uniqueness};
use ufm::rigor::check::{check, check_loss_claims};
use ufm::rigor::prove::{LossGoal, prove_loss};

/// A value to 60 digits lies between two neighbouring floats.
struct Known {
    classes: usize,
    gamma: f64,
    edge: (f64, f64),
    transition: (f64, f64),
    margin: (f64, f64),
}

fn known() -> Vec<Known> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/transitions.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    // Python writes every digit, and positive exponents without a sign.
    let float = |value: &Value| ufm::rigor::parse_hexadecimal(value.as_str().unwrap()).unwrap();
    let pair = |value: &Value| (float(&value[0]), float(&value[1]));
    let case = |case: &Value| Known {
        classes: case["classes"].as_u64().unwrap() as usize,
        gamma: case["gamma"].as_f64().unwrap(),
        edge: pair(&case["edge"]),
        transition: pair(&case["transition"]),
        margin: pair(&case["margin"]),
    };
    cases.as_array().unwrap().iter().map(case).collect()
}

fn proved(gamma: f64, classes: usize, spread: f64) -> LossCertificate {
    let proof = prove_loss(&loss("focal", &[gamma]), classes, &[], None, spread).unwrap();
    assert!(
        proof.undecided.is_empty() && proof.claims.iter().all(|claim| claim.accepted),
        "{gamma} {classes}: {:?}",
        proof.undecided
    );
    proof.certificate.unwrap()
}

fn accepted(certificate: &LossCertificate) -> bool {
    check(&certificate.text()).unwrap().accepted
}

#[test]
fn enclosures_contain_60_digit_values_and_are_tight() {
    let contains = |set: Interval, (low, high): (f64, f64)| set.lo() <= low && high <= set.hi();
    let cases = known();
    assert!(cases.len() >= 10);
    for Known { classes, gamma, edge: true_edge, transition, margin } in cases {
        let certificate = proved(gamma, classes, 0.0);
        assert!(accepted(&certificate));
        let mut kinds = Vec::new();
        for claim in &certificate.claims {
            kinds.push(claim.kind());
            match *claim {
                LossClaim::ConvexityRegion { edge } => {
                    assert!(contains(edge, true_edge) && edge.width() < 1e-14 * edge.hi(), "{classes} {gamma}: {edge}");
                }
                LossClaim::Transition { at, scale, .. } => {
                    assert!(contains(at, transition) && at.width() < 1e-11 * at.hi(), "{classes} {gamma}: {at}");
                    assert!(contains(scale, margin) && scale.width() < 1e-6 * scale.hi(), "{classes} {gamma}: {scale}");
                }
                LossClaim::Contrastive { from, to, .. } => {
                    let below = to.is_some_and(|to| from <= 0.0 && to <= transition.0 && to > transition.0 * (1.0 - 1e-11));
                    let above = to.is_none() && from >= transition.1 && from < transition.1 * (1.0 + 1e-11);
                    assert!(below || above, "{classes} {gamma}: {from} {to:?}");
                }
            }
        }
        assert_eq!(kinds, ["convexity-region", "contrastive", "contrastive", "transition"]);
    }
}

#[test]
fn both_checkers_accept_and_texts_are_read_back() {
    let texts: Vec<String> = certificates::loss_certificates().iter().map(ufm::rigor::canonical).collect();
    for text in &texts {
        assert!(check(text).unwrap().accepted, "{text}");
    }
    for (text, verdict) in texts.iter().zip(second_opinion(&texts).into_iter().flatten()) {
        assert_eq!(verdict, "accepted", "{text}");
    }
}

#[test]
fn convex_losses_are_contrastive_for_every_c() {
    for (name, parameters) in
        [("cross-entropy", &[][..]), ("label-smoothing", &[0.3]), ("mse", &[2.0, 15.0]), ("bce", &[]), ("focal", &[0.0])]
    {
        let proof = prove_loss(&loss(name, parameters), 1000, &[], None, 0.0).unwrap();
        let claims = proof.certificate.unwrap().claims;
        assert_eq!(claims[0], LossClaim::ConvexityRegion { edge: Interval::ZERO }, "{name}");
        assert_eq!(claims[1], LossClaim::Contrastive { from: 0.0, to: None, reason: Uniqueness::Convex }, "{name}");
        // There is nothing to jump.
        let none = prove_loss(&loss(name, parameters), 1000, &[LossGoal::Transition], None, 0.0).unwrap();
        assert!(none.certificate.is_none() && none.undecided.len() == 1, "{name}");
    }
    // K ≤ 17 is contrastive for every γ; the interval is as wide as floats allow.
    let every = IntervalLoss::Focal { gamma: Interval::new(0.0, 1e300).unwrap() };
    let claim = LossClaim::Contrastive { from: 0.0, to: None, reason: Uniqueness::Convex };
    for (classes, holds) in [(2, true), (17, true), (18, false)] {
        let certificate = LossCertificate { classes, loss: every.clone(), claims: vec![claim.clone()] };
        assert_eq!(accepted(&certificate), holds, "{classes}");
        for verdict in second_opinion(&[certificate.text()]).into_iter().flatten() {
            assert_eq!(verdict == "accepted", holds, "{classes}: {verdict}");
        }
    }
}

/// K = 60, γ = 3, with one claim.
fn alone(claim: LossClaim) -> LossCertificate {
    LossCertificate { classes: 60, loss: IntervalLoss::Focal { gamma: 3.0.into() }, claims: vec![claim] }
}

#[test]
fn claims_that_are_false_by_a_little_are_refused_by_both() {
    let good = proved(3.0, 60, 0.0);
    let mut bad = Vec::new();
    for claim in &good.claims {
        match *claim {
            LossClaim::ConvexityRegion { edge } => {
                for shift in [-1e-9, 1e-9, 1e-15, -1e-15] {
                    bad.push(LossClaim::ConvexityRegion { edge: edge + Interval::point(shift) });
                }
                bad.push(LossClaim::ConvexityRegion { edge: Interval::ZERO });
                bad.push(LossClaim::ConvexityRegion { edge: Interval::new(-1.0, 0.9).unwrap() });
            }
            LossClaim::Transition { at, scale, witness } => {
                for shift in [-1e-9, 1e-9, 1e-12, -1e-12] {
                    bad.push(LossClaim::Transition { at: at + Interval::point(shift), scale, witness });
                }
                for factor in [1.0 - 1e-6, 1.0 + 1e-6, 0.0] {
                    bad.push(LossClaim::Transition { at, scale: scale * factor, witness });
                }
                bad.push(LossClaim::Transition { at, scale, witness: 0.5 * witness });
                // The unstable branch's margin at this c, and everything up to it.
                bad.push(LossClaim::Transition { at, scale: Interval::new(0.5, 2.0).unwrap(), witness });
            }
            LossClaim::Contrastive { from, to, reason: reason @ Uniqueness::Simplex { .. } } => {
                let to = to.unwrap();
                for to in [Some(to * (1.0 + 1e-9)), Some(0.02), None] {
                    bad.push(LossClaim::Contrastive { from, to, reason });
                }
                bad.push(LossClaim::Contrastive { from, to: Some(to), reason: Uniqueness::Simplex { witness: 0.1 } });
                bad.push(LossClaim::Contrastive { from, to: Some(to), reason: Uniqueness::Zero });
            }
            LossClaim::Contrastive { from, to, .. } => {
                for from in [from * (1.0 - 1e-9), 0.0195, 0.0] {
                    bad.push(LossClaim::Contrastive { from, to, reason: Uniqueness::Zero });
                }
                bad.push(LossClaim::Contrastive { from, to, reason: Uniqueness::Convex });
                bad.push(LossClaim::Contrastive { from: 0.0, to: Some(0.5), reason: Uniqueness::Convex });
            }
        }
    }
    let certificates: Vec<LossCertificate> = bad.into_iter().map(alone).collect();
    for certificate in &certificates {
        let report = check_loss_claims(certificate).swap_remove(0);
        assert!(!report.accepted && report.steps.last().is_some_and(|step| !step.holds), "{:?}", certificate.claims);
    }
    let texts: Vec<String> = certificates.iter().map(LossCertificate::text).collect();
    for (text, verdict) in texts.iter().zip(second_opinion(&texts).into_iter().flatten()) {
        assert!(verdict.starts_with("refused"), "{verdict}: {text}");
    }
}

#[test]
fn false_ranges_are_not_proved() {
    let focal = loss("focal", &[3.0]);
    let attempt = |range: (f64, f64)| prove_loss(&focal, 60, &[LossGoal::Contrastive], Some(range), 0.0).unwrap();
    for range in [(0.0, f64::INFINITY), (0.0199, 0.02), (0.01997, 0.01998), (1e-3, 0.019973)] {
        let proof = attempt(range);
        assert!(proof.certificate.is_none() && proof.undecided[0].1.contains("tie"), "{range:?}: {:?}", proof.claims);
    }
    for range in [(1e-3, 0.0199), (0.0, 0.01), (0.02, f64::INFINITY), (0.02, 3.0), (0.01, 0.01)] {
        let proof = attempt(range);
        assert!(proof.undecided.is_empty() && proof.claims.len() == 1, "{range:?}: {:?}", proof.undecided);
    }
    for range in [(-1.0, 1.0), (0.3, 0.2), (0.0, 0.0), (f64::NAN, 1.0), (f64::INFINITY, f64::INFINITY)] {
        assert!(prove_loss(&focal, 60, &[], Some(range), 0.0).is_err(), "{range:?}");
    }
    assert!(prove_loss(&focal, 1, &[], None, 0.0).is_err() && prove_loss(&focal, 60, &[], None, f64::NAN).is_err());
    assert!(prove_loss(&loss("label-smoothing", &[0.9]), 60, &[], None, 0.2).is_err());
}

#[test]
fn boxes_of_gamma_hold_what_their_members_do() {
    for (spread, classes) in [(1e-9, 60), (1e-2, 100)] {
        let whole = proved(3.0, classes, spread);
        assert!(accepted(&whole));
        for inner in [-0.999, -0.5, 0.0, 0.7, 0.999] {
            let member = proved(3.0 * (1.0 + inner * spread), classes, 0.0);
            for (own, boxed) in member.claims.iter().zip(&whole.claims) {
                match (own, boxed) {
                    (LossClaim::ConvexityRegion { edge: own }, LossClaim::ConvexityRegion { edge }) => {
                        assert!(own.is_subset(*edge))
                    }
                    (LossClaim::Transition { at: own, scale: size, .. }, LossClaim::Transition { at, scale, .. }) => {
                        assert!(own.is_subset(*at) && size.is_subset(*scale), "{own} {at} {size} {scale}");
                    }
                    (LossClaim::Contrastive { from: own, to: end, .. }, LossClaim::Contrastive { from, to, .. }) => {
                        assert!(from >= own && to.unwrap_or(f64::MAX) <= end.unwrap_or(f64::MAX));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        // What holds for one γ does not hold for the box around it.
        let narrow = LossCertificate { loss: whole.loss.clone(), ..proved(3.0, classes, 0.0) };
        assert!(check_loss_claims(&narrow).iter().all(|report| !report.accepted || report.kind == "contrastive"));
    }
}
