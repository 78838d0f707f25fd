//! Every kernel against its twin, the whole pass against the objective, and faults that are planted.
//!
//! With UFM_GPU=require a missing adapter fails these tests; otherwise they print one line and pass.

mod faults;
mod kernels;
mod passes;

use std::io::Write;
use std::sync::{Once, OnceLock};

use super::*;
use crate::losses::{ALL, Custom, Loss};
use crate::numeric::{gaussian, stream};

/// 2⁻²⁴: a rounding of `f32` changes a number by at most this part of it.
const EPSILON: f64 = 1.0 / (1 << 24) as f64;

/// The device that tests share.
fn shared() -> Option<&'static Device> {
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    DEVICE.get_or_init(|| opened(&Options::default())).as_ref()
}

/// A device of its own; `None` where there is no adapter and none is required.
fn opened(options: &Options) -> Option<Device> {
    static SKIPPED: Once = Once::new();
    match Device::open(options) {
        Ok(device) => Some(device),
        Err(error) if std::env::var("UFM_GPU").is_ok_and(|value| value == "require") => panic!("UFM_GPU=require: {error}"),
        Err(error) => {
            // Past the test harness, which would swallow it.
            SKIPPED.call_once(|| {
                let _ = writeln!(std::io::stderr(), "SKIPPED: every test of the GPU path: {error}");
            });
            None
        }
    }
}

/// Every loss, those with parameters at several settings, and formulas of both forms.
fn losses() -> Vec<Loss> {
    let settings = |name: &str| match name {
        "label-smoothing" => vec![vec![0.1], vec![0.0]],
        "focal" => vec![vec![3.0], vec![0.5], vec![0.0]],
        "mse" => vec![vec![2.0, 1.5], vec![1.0, 15.0]],
        "poly-loss" => vec![vec![1.5]],
        "generalized-cross-entropy" => vec![vec![0.7]],
        "vector-scaling" => vec![vec![0.5, 1.0]],
        _ => vec![vec![]],
    };
    let own = |texts: &[(&str, &str)]| {
        let texts = texts.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
        Loss::Custom(Custom::new(&texts, &[].into()).expect("the formulas are right").into())
    };
    let formulas = [own(&[("ell", "-(1-p)^2*log(p)")]), own(&[("own", "softplus(-z)"), ("others", "softplus(z) + z^2/4")])];
    let named = ALL.iter().flat_map(|family| settings(family.name).into_iter().map(|values| (family.build)(&values)));
    named.chain(formulas).collect()
}

/// Normal numbers that `f32` holds exactly.
fn drawn(kind: &str, index: u64, length: usize, scale: f64) -> Vec<f64> {
    let mut data = vec![0.0; length];
    gaussian(&mut stream(8, kind, index), scale, &mut data);
    data.iter().map(|&x| f64::from(x as f32)).collect()
}

/// ‖x − y‖₂ / ‖y‖₂.
fn relative(x: &[f64], y: &[f64]) -> f64 {
    let square = |it: &mut dyn Iterator<Item = f64>| it.map(|x| x * x).sum::<f64>().sqrt();
    square(&mut x.iter().zip(y).map(|(x, y)| x - y)) / square(&mut y.iter().copied())
}
