//! Structured starts have the structure that they promise.

use super::*;
use crate::losses::{self, Loss};
use crate::model::Decay;

fn loss(name: &str, values: &[f64]) -> Loss {
    (losses::ALL.iter().find(|family| family.name == name).unwrap().build)(values)
}

fn problem(loss: Loss, sizes: &[usize]) -> Problem {
    let decay = Decay { w: 5e-3, h: 5e-3, b: 1e-2 };
    Problem { shape: Shape::new(6, sizes).unwrap(), bias: Bias::Decayed, decay, loss, scale: 1.0 }
}

#[test]
fn tied_classes_share_row_mean_and_bias_and_fill_their_width() {
    let spec = [StartSpec::TiedClasses { count: 2, scale: 1.0, seed: 5 }];
    for (problem, lost) in [(problem(loss("cross-entropy", &[]), &[2; 4]), 1), (problem(loss("mse", &[1.0, 1.0]), &[2; 4]), 0)] {
        let begins = expand(&spec, &problem);
        assert_eq!(count(&spec, &problem), begins.len());
        let widths: Vec<usize> = begins.iter().map(|begin| begin.width).collect();
        assert_eq!(widths, [1, 1, 2, 2, 2, 2, 3, 3, 4, 4].map(|blocks| blocks - lost));
        for begin in &begins {
            let point = begin.point(&problem).unwrap().unwrap();
            let blocks = begin.blocks();
            for (k, l) in (0..4).flat_map(|k| (0..4).map(move |l| (k, l))) {
                let tied = blocks[k] == blocks[l];
                assert_eq!(point.b()[k].to_bits() == point.b()[l].to_bits(), tied);
                if begin.width > 0 {
                    assert_eq!(point.w().row(k) == point.w().row(l), tied);
                    assert_eq!(point.h().column(2 * k) == point.h().column(2 * l + 1), tied);
                }
            }
        }
        // Two draws of one partition differ.
        assert_ne!(begins[2].point(&problem).unwrap(), begins[3].point(&problem).unwrap());
    }
}

#[test]
fn classes_at_the_origin_are_there_and_the_others_are_centred() {
    let problem = problem(loss("cross-entropy", &[]), &[3, 3, 3, 1]);
    let begins = expand(&[StartSpec::OriginClasses { count: 1, scale: 1.0, seed: 5 }], &problem);
    // 0 … 3 of the three large ones, 0 or 1 of the small one, but neither none nor all.
    assert_eq!(begins.len(), 6);
    for begin in &begins {
        let point = begin.point(&problem).unwrap().unwrap();
        assert!(point.w().row_sum().amax() < 1e-14);
        for (class, block) in begin.blocks().iter().enumerate() {
            let alone = begin.blocks().iter().flatten().count() == 1;
            assert_eq!(point.w().row(class).amax() > 1e-3, block.is_some() && !alone);
            let sample = problem.shape.labels().iter().position(|&label| label == class).unwrap();
            assert!((0.4_f64.sqrt() * point.w().row(class).transpose() - point.h().column(sample)).amax() < 1e-14);
        }
    }
}

/// All columns of H are the class's, base and direction; the direction lies in its component and fills it.
#[test]
fn representations_move_the_base_within_their_component() {
    let problems = [
        problem(loss("cross-entropy", &[]), &[3; 4]),
        Problem { bias: Bias::None, ..problem(loss("mse", &[1.0, 1.0]), &[3; 4]) },
        problem(loss("bce", &[]), &[1; 5]),
    ];
    for problem in problems {
        let frame = theory::simplex_frame(&problem).unwrap();
        assert!((&frame * frame.transpose() - theory_centre(problem.shape.classes())).amax() < 1e-14);
        let collapsed = Shape::collapsed(6, &vec![problem.shape.per_class().unwrap() as u64; problem.shape.classes()]).unwrap();
        let collapsed = Problem { shape: collapsed, ..problem.clone() };
        for base in Base::ALL {
            let etf = theory::etf_point(&problem).unwrap();
            let origin = if base == Base::Etf { etf.clone() } else { Point::zeros(&problem.shape, problem.bias) };
            for representation in Representation::ALL {
                let spec = [StartSpec::Representation { representation, base, count: 2, scale: 0.3, seed: 3 }];
                let begins = expand(&spec, &problem);
                assert_eq!(begins.len(), 2);
                let point = begins[1].point(&problem).unwrap().unwrap();
                let direction = point.w() - origin.w();
                assert!(direction.amax() > 1e-2, "{representation:?}");
                assert!((representation.of_matrix(&direction, &frame) - &direction).amax() < 1e-13);
                let h = point.h() - origin.h();
                let first: Vec<usize> =
                    (0..problem.shape.classes()).map(|k| problem.shape.labels().iter().position(|&l| l == k).unwrap()).collect();
                for (column, &class) in problem.shape.labels().iter().enumerate() {
                    assert!((h.column(column) - h.column(first[class])).amax() < 1e-14);
                }
                let v = h.select_columns(&first).transpose();
                assert!((representation.of_matrix(&v, &frame) - &v).amax() < 1e-13 && v.amax() > 1e-3);
                // The collapsed problem begins at the same point.
                let same = begins[1].point(&collapsed).unwrap().unwrap();
                assert!((same.w() - point.w()).amax() < 1e-14);
                let features = DMatrix::from_column_slice(6, collapsed.shape.classes(), &same.features(&collapsed.shape));
                assert!((features - point.h().select_columns(&first)).amax() < 1e-14);
            }
        }
    }
}

fn theory_centre(classes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(classes, classes, |i, j| f64::from(u8::from(i == j)) - 1.0 / classes as f64)
}

#[test]
fn points_are_counted_without_being_made() {
    let specs = |count| {
        let (scale, seed) = (1.0, 1);
        [
            StartSpec::Gaussian { count, scale, seed },
            StartSpec::NearEtf { count, scale, seed },
            StartSpec::RankLadder { count, scale, seed },
            StartSpec::TiedClasses { count, scale, seed },
            StartSpec::OriginClasses { count, scale, seed },
            StartSpec::Origin,
            StartSpec::Partial { alive: vec![1, 2] },
            StartSpec::File { path: "point.npz".into() },
        ]
    };
    for (problem, many) in [(problem(loss("cross-entropy", &[]), &[2; 4]), 3), (problem(loss("mse", &[1.0, 1.0]), &[2, 3, 2]), 1)]
    {
        let problem = Problem { bias: Bias::None, ..problem };
        for spec in specs(many) {
            let one = std::slice::from_ref(&spec);
            assert_eq!(count(one, &problem), expand(one, &problem).len(), "{spec:?}");
        }
        assert_eq!(count(&specs(many), &problem), expand(&specs(many), &problem).len());
    }
}
