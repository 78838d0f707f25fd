use nalgebra::DMatrix;

use super::*;
use crate::critical::{Candidate, gate};
use crate::linalg::completed_basis;
use crate::losses::{ALL, Loss};
use crate::model::{Bias, Decay};

fn loss(name: &str, parameters: &[f64]) -> Loss {
    (ALL.iter().find(|family| family.name == name).unwrap().build)(parameters)
}

fn mse(classes: usize, per_class: usize) -> Problem {
    let shape = Shape::balanced(classes, classes + 1, per_class).unwrap();
    let decay = Decay { w: 5e-3, h: 2e-3, b: 1e-2 };
    Problem { shape, bias: Bias::Decayed, decay, loss: loss("mse", &[1.0, 1.0]), scale: 1.0 }
}

/// A rank-r critical point of MSE over a random subspace of 1^⊥: X = s UUᵀ ⊗ 1ᵀ, s = M − Kε, b = M/(K(1 + λ_b)).
fn over_subspace(problem: &Problem, rank: usize, draw: u64) -> CriticalPoint {
    let classes = problem.shape.classes();
    let ones = DMatrix::from_element(classes, 1, 1.0 / (classes as f64).sqrt());
    let free = completed_basis(&ones).columns(1, classes - 1).into_owned();
    let mut entries = vec![0.0; (classes - 1) * rank];
    gaussian(&mut stream(5, "family tests", draw), 1.0, &mut entries);
    let u = free * nalgebra::QR::new(DMatrix::from_vec(classes - 1, rank, entries)).q();
    let n = problem.shape.per_class().unwrap() as f64;
    let s = 1.0 - classes as f64 * problem.epsilon().unwrap();
    let omega = ((n * problem.decay.h / problem.decay.w).sqrt() * s).sqrt();
    let h = DMatrix::from_fn(rank, problem.shape.samples(), |a, i| s / omega * u[(problem.shape.labels()[i], a)]);
    let b = vec![1.0 / (classes as f64 * (1.0 + problem.decay.b)); classes];
    gate(problem, Candidate { point: Point::from_blocks(&(u * omega), &h, &b), polish: true }).unwrap()
}

fn degenerate<'a>(problem: &Problem, orbit: usize, critical: &'a CriticalPoint) -> Degenerate<'a> {
    let narrow = problem.at_width(critical.rank());
    let residual = residual_spectrum(&mut Objective::new(&narrow), critical.reduced());
    let spectrum = at_critical(problem, critical, &residual, Level::Inertia, &Limits::default()).unwrap();
    Degenerate {
        orbit,
        critical: Ok(critical),
        value: Objective::new(problem).value(&critical.point()),
        rank: critical.rank(),
        index: [spectrum.index.low, spectrum.index.high],
        nullity: [spectrum.nullity.low, spectrum.nullity.high],
        nullity_symmetry: spectrum.nullity_symmetry,
    }
}

#[test]
fn the_saddles_of_mse_are_one_grassmannian_a_rank() {
    for (classes, per_class) in [(4, 2), (5, 1)] {
        let problem = mse(classes, per_class);
        let ranks: Vec<usize> = (1..classes - 1).collect();
        let points: Vec<CriticalPoint> = ranks
            .iter()
            .flat_map(|&rank| (0..6).map(move |draw| (rank, draw)))
            .map(|(rank, draw)| over_subspace(&problem, rank, draw))
            .collect();
        let all: Vec<Degenerate<'_>> = points.iter().enumerate().map(|(i, point)| degenerate(&problem, i, point)).collect();
        let (families, least) = families(&problem, &all, &Limits::default());
        assert_eq!(least, ranks.len());
        assert_eq!(families.len(), ranks.len(), "K = {classes}: {families:?}");
        for (family, &rank) in families.iter().zip(&ranks) {
            let dimension = (rank * (classes - 1 - rank)) as u64;
            assert_eq!((family.dimension, family.walked), (Some(dimension), dimension), "K = {classes}, rank {rank}: {family:?}");
            assert_eq!(family.members.len(), 6);
            assert!(family.settled);
        }
    }
}

/// At the edge of the zero phase the origin is degenerate and isolated.
#[test]
fn a_phase_edge_is_no_family() {
    let shape = Shape::balanced(3, 3, 1).unwrap();
    let decay = Decay { w: 1.0 / 3.0, h: 1.0 / 3.0, b: 0.1 };
    let problem = Problem { shape, bias: Bias::Decayed, decay, loss: loss("cross-entropy", &[]), scale: 1.0 };
    let origin = Point::from_blocks(&DMatrix::zeros(3, 3), &DMatrix::zeros(3, 3), &[0.0; 3]);
    let critical = gate(&problem, Candidate { point: origin, polish: true }).unwrap();
    let orbit = degenerate(&problem, 0, &critical);
    assert!(orbit.nullity[0] > orbit.nullity_symmetry);
    let (families, _) = families(&problem, &[orbit], &Limits::default());
    assert_eq!((families.len(), families[0].walked, families[0].settled), (1, 0, false));
    assert!(families[0].reason.contains("phase edge"), "{}", families[0].reason);
}

/// Forged: two points of equal numbers that no path connects stay apart, and the reason says that this proves nothing.
#[test]
fn what_no_walk_connects_stays_apart() {
    let problem = mse(4, 1);
    let (one, other) = (over_subspace(&problem, 1, 0), over_subspace(&problem, 2, 0));
    let real = degenerate(&problem, 0, &one);
    let forged = Degenerate { orbit: 1, critical: Err("planted".into()), ..real.clone() };
    let (families, least) = families(
        &problem,
        &[real.clone(), forged, Degenerate { orbit: 2, ..degenerate(&problem, 2, &other) }],
        &Limits::default(),
    );
    assert_eq!(least, 2);
    assert_eq!(families.iter().map(|family| family.members.clone()).collect::<Vec<_>>(), [vec![0], vec![1], vec![2]]);
    assert!(families[0].reason.contains("upper bound") && !families[0].settled);
    // A goal that is not on the ground is never reached.
    let known = ground(&problem, &[&real], &Limits::default()).unwrap();
    let x = known.floor.bring(&problem, one.reduced());
    let mut off = x.clone();
    off.w_mut().scale_mut(1.5);
    assert!(!known.floor.reaches(&x, &off));
}
