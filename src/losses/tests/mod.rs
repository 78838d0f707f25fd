//! Laws that every loss obeys, run over [`ALL`]; wrong losses that the laws must catch; 50-digit values.

mod blocks;
mod laws;
mod oracle;
mod own;
mod planted;

use super::*;
use crate::numeric::{gaussian, stream};

/// Every member of the family at a grid of its parameters, and losses of the user's own.
fn members() -> Vec<Loss> {
    listed().into_iter().chain(own()).chain(of_unequal_classes()).collect()
}

/// Vector scaling where it is not cross-entropy. The samples have up to ten classes, and a loss looks at as many sizes as there are logits.
fn of_unequal_classes() -> Vec<Loss> {
    let of = |gamma, tau| Loss::VectorScaling(VectorScaling::new(gamma, tau).for_sizes(&[50, 5, 20, 10, 2, 1, 5, 3, 3, 1]));
    vec![of(0.0, 1.0), of(0.5, 0.0), of(0.3, 1.5)]
}

/// Every member of [`ALL`] at a grid of its parameters.
fn listed() -> Vec<Loss> {
    ALL.iter().flat_map(|family| grid(family.parameters).into_iter().map(|values| (family.build)(&values))).collect()
}

/// A loss of the user's own from its formulas.
fn custom(texts: &[(&str, &str)], parameters: &[(&str, f64)]) -> Loss {
    let texts = texts.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
    let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    Loss::Custom(Custom::new(&texts, &parameters).unwrap_or_else(|fault| panic!("{fault}")).into())
}

/// Losses of the user's own: those of [`twins`], and some that are like no other.
fn own() -> Vec<Loss> {
    let others = [
        custom(&[("ell", "-log(p) * (1 + a*q/K)")], &[("a", 0.5)]),
        custom(&[("ell", "log(p)^2 / 2 + q")], &[]),
        custom(&[("ell", "-log(p) - 0.1*log(q)")], &[]),
        custom(&[("ell", "softplus(-3*p) + q^1.5")], &[]),
        custom(&[("own", "exp(-z/4)"), ("others", "exp(z/4)/(K-1)")], &[]),
        custom(&[("own", "softplus(1 - z)^2"), ("others", "tanh(z/3) + z^4/100")], &[]),
    ];
    twins().into_iter().map(|(own, _)| own).chain(others).collect()
}

/// Members of [`ALL`] written as formulas, with the members.
fn twins() -> Vec<(Loss, Loss)> {
    let focal = |gamma: f64| (custom(&[("ell", "-(1-p)^gamma*log(p)")], &[("gamma", gamma)]), Loss::Focal(Focal { gamma }));
    let poly = |e: f64| (custom(&[("ell", "-log(p) + e*(1-p)")], &[("e", e)]), Loss::PolyLoss(PolyLoss { epsilon1: e }));
    let generalized = |a: f64| {
        let member = GeneralizedCrossEntropy { exponent: a };
        (custom(&[("ell", "(1 - p^a)/a")], &[("a", a)]), Loss::GeneralizedCrossEntropy(member))
    };
    let squares = [("own", "kappa/2*(z-target)^2"), ("others", "z^2/2")];
    vec![
        (custom(&[("ell", "-log(p)")], &[]), Loss::CrossEntropy(CrossEntropy)),
        (custom(&[("ell", "-ln(1-q)")], &[]), Loss::CrossEntropy(CrossEntropy)),
        focal(0.5),
        focal(1.0),
        focal(2.0),
        focal(3.0),
        poly(-0.7),
        poly(2.0),
        generalized(0.3),
        generalized(1.0),
        (custom(&[("own", "log(1+exp(-z))"), ("others", "softplus(z)")], &[]), Loss::Bce(Bce)),
        (custom(&squares, &[("kappa", 3.0), ("target", 1.0)]), Loss::Mse(Mse { kappa: 3.0, target: 1.0 })),
    ]
}

/// All combinations of the values at which each parameter is tested. A parameter without values here fails the tests.
fn grid(parameters: &[Parameter]) -> Vec<Vec<f64>> {
    let mut combinations = vec![vec![]];
    for parameter in parameters {
        let values: &[f64] = match parameter.name {
            "alpha" => &[0.0, 0.1, 0.5],
            "gamma" => &[0.0, 0.5, 1.0, 2.0, 3.0, 5.0],
            "kappa" => &[0.5, 1.0, 3.0],
            "target" => &[1.0, 15.0],
            "epsilon1" => &[-0.5, 0.0, 1.0, 2.0],
            "exponent" => &[0.3, 0.7, 1.0],
            "tau" => &[0.0, 1.0],
            other => panic!("no values to test the parameter {other} at"),
        };
        assert!(values.iter().all(|&value| (parameter.allows)(value)), "{} is tested where it is not allowed", parameter.name);
        combinations = combinations
            .into_iter()
            .flat_map(|head: Vec<f64>| values.iter().map(move |&value| [head.as_slice(), &[value]].concat()))
            .collect();
    }
    combinations
}

/// Random logits with labels: (z, k) for several K, at several scales; the label is now the dominating class, now another.
fn samples() -> Vec<(Vec<f64>, usize)> {
    let mut samples = vec![];
    for (index, &classes) in [2, 3, 7].iter().enumerate() {
        for (level, &scale) in [0.3, 1.5, 4.0].iter().enumerate() {
            for draw in 0..8 {
                let mut z = vec![0.0; classes];
                gaussian(&mut stream(draw, "losses", (10 * index + level) as u64), scale, &mut z);
                samples.push((z, draw as usize % classes));
            }
        }
    }
    samples
}

/// A random direction beside the sample number `index`.
fn direction(classes: usize, index: usize) -> Vec<f64> {
    let mut v = vec![0.0; classes];
    gaussian(&mut stream(index as u64, "losses.direction", 0), 1.0, &mut v);
    v
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn gradient_of(loss: &dyn LossFunction, z: &[f64], k: usize) -> Vec<f64> {
    let mut gradient = vec![f64::NAN; z.len()];
    loss.value_gradient(z, k, &mut gradient);
    gradient
}

fn hessian_of(loss: &dyn LossFunction, z: &[f64], k: usize) -> LogitHessian {
    // Left over from another sample, so that a Hessian that does not overwrite everything is caught.
    let nines = vec![9.0; 5];
    let terms = vec![(9.0, nines.clone()); 3];
    let mut hessian = LogitHessian { pivot: Some(0), diagonal: nines.clone(), terms, plain: nines.clone(), temperatures: nines };
    loss.hessian(z, k, &mut hessian);
    hessian
}

fn dense_of(loss: &dyn LossFunction, z: &[f64], k: usize) -> Vec<f64> {
    let mut dense = vec![f64::NAN; z.len() * z.len()];
    hessian_of(loss, z, k).dense(&mut dense);
    dense
}

fn shifted(z: &[f64], by: f64) -> Vec<f64> {
    z.iter().map(|x| x + by).collect()
}

fn moved(z: &[f64], t: f64, v: &[f64]) -> Vec<f64> {
    z.iter().zip(v).map(|(x, y)| x + t * y).collect()
}

#[test]
fn parameters_and_names() {
    for loss in listed() {
        let values: Vec<f64> = loss.parameters().iter().map(|&(_, value)| value).collect();
        assert_eq!((loss.family().build)(&values), loss);
    }
    assert_eq!(Loss::Focal(Focal { gamma: 2.0 }).to_string(), "focal(gamma=2)");
    assert_eq!(Loss::CrossEntropy(CrossEntropy).to_string(), "cross-entropy");
    for parameter in ALL.iter().flat_map(|family| family.parameters) {
        assert!(![f64::NAN, f64::INFINITY, -1.0].iter().any(|&bad| (parameter.allows)(bad)), "{}", parameter.name);
        assert!(parameter.default.is_none_or(parameter.allows));
    }
}

#[test]
fn limits_of_a_parameter_are_cross_entropy() {
    for (z, k) in samples() {
        for loss in [Loss::Focal(Focal { gamma: 0.0 }), Loss::LabelSmoothing(LabelSmoothing { alpha: 0.0 })] {
            let (loss, entropy): (&dyn LossFunction, _) = (loss.function(), &CrossEntropy);
            assert!((loss.value(&z, k) - entropy.value(&z, k)).abs() <= 1e-15 * entropy.value(&z, k));
            for (a, b) in gradient_of(loss, &z, k).iter().zip(gradient_of(entropy, &z, k)) {
                assert!((a - b).abs() <= 1e-15 * b.abs());
            }
            for (a, b) in dense_of(loss, &z, k).iter().zip(dense_of(entropy, &z, k)) {
                assert!((a - b).abs() <= 1e-14 * b.abs(), "{a} {b}");
            }
        }
    }
}
