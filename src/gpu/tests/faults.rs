//! Planted faults: each comes back as the error it is, and nothing panics.

use super::*;
use crate::model::{Bias, Decay, Point, Shape};
use crate::objective::Problem;

fn problem() -> Problem {
    let decay = Decay { w: 0.01, h: 0.01, b: 0.0 };
    let shape = Shape::balanced(4, 5, 6).unwrap();
    Problem { shape, bias: Bias::None, decay, loss: losses()[0].clone(), scale: 1.0 }
}

struct Never;

impl Watch for Never {
    fn due(&self, _step: u64) -> bool {
        false
    }

    fn see(&mut self, _seen: &Seen<'_>) -> Result<(), GpuError> {
        Ok(())
    }
}

fn descent(options: &Options) -> Option<Result<Outcome, GpuError>> {
    let device = opened(options)?;
    let problem = problem();
    let start = Point::from_vec(&problem.shape, problem.bias, drawn("fault", 0, problem.dimension(), 0.3));
    Some(device.descend(&problem, start, &Method::GradientDescent { step: 0.1 }, 0.0, 100, &mut Never))
}

#[test]
fn a_lost_device_is_an_error() {
    for step in [0, 1, 40] {
        let planted = Options { fault: Some(PlantedFault::LostAt(step)), ..Options::default() };
        let Some(outcome) = descent(&planted) else { return };
        assert!(matches!(outcome, Err(GpuError::Lost(_))), "{step}: {outcome:?}");
    }
}

#[test]
fn a_shader_that_does_not_compile_is_an_error_with_its_name() {
    let planted = Options { fault: Some(PlantedFault::Shader), ..Options::default() };
    let Some(outcome) = descent(&planted) else { return };
    match outcome {
        Err(GpuError::Shader { kernel, message }) => {
            assert!(kernel == "residual" && message.contains("unknown_name"), "{kernel}: {message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_device_makes_the_slab_smaller_and_then_is_an_error() {
    let Some(outcome) = descent(&Options { fault: Some(PlantedFault::MemoryAbove(1000)), ..Options::default() }) else { return };
    assert!(matches!(outcome, Err(GpuError::Memory { .. })), "{outcome:?}");
    // One byte too few for everything but the parameters with a slab of 1000 classes × 64 columns: a quarter of it leaves room enough.
    let Some(device) = shared() else { return };
    let method = Method::GradientDescent { step: 0.1 };
    let problem = Problem { shape: Shape::balanced(1000, 2, 1).unwrap(), ..problem() };
    let whole = device.plan(&problem, &method).unwrap();
    assert_eq!(whole.slab(), 64);
    let (_, parameters) = whole.parts.iter().find(|(part, _)| *part == "parameters of the kernels").unwrap();
    let most = whole.bytes() - parameters - 1;
    let Some(tight) = opened(&Options { fault: Some(PlantedFault::MemoryAbove(most)), ..Options::default() }) else { return };
    let resident = Resident::new(&tight, &problem, &method).unwrap();
    assert_eq!(resident.plan().slab(), 16);
    let x = Point::from_vec(&problem.shape, problem.bias, drawn("tight", 0, problem.dimension(), 0.3));
    resident.set_point(&x).unwrap();
    let (value, _) = resident.value_gradient().unwrap();
    let exact = crate::objective::Objective::new(&problem).value(&x);
    assert!((value - exact).abs() <= 1e-6 * exact, "{value} {exact}");
}

#[test]
fn sizes_beyond_the_limits_are_refused_with_what_would_fit() {
    let Some(device) = opened(&Options { binding_limit: Some(1024), ..Options::default() }) else { return };
    let problem =
        |classes: usize, width: usize, n: usize| Problem { shape: Shape::balanced(classes, width, n).unwrap(), ..problem() };
    let plan = |problem: &Problem| device.plan(problem, &Method::GradientDescent { step: 0.1 });
    for (problem, words) in [
        (problem(10, 30, 1), ["W (10×30) needs 1200 bytes", "max_storage_buffer_binding_size", "at most 8 classes fit"]),
        (problem(5, 1, 1), ["a slab of 64 columns of logits needs 1280 bytes", "allows 1024", "at most 4 classes fit"]),
        (problem(2, 1, 100), ["the weights of all columns needs 1600 bytes", "allows 1024", "at most 128 columns fit"]),
    ] {
        let error = plan(&problem).unwrap_err().to_string();
        words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is missing in: {error}"));
    }
}

#[test]
fn an_adapter_that_is_not_there_is_named() {
    if shared().is_none() {
        return;
    }
    let error = Device::open(&Options { adapter: Some("no such card".into()), ..Options::default() }).unwrap_err();
    assert!(error.to_string().contains("none is called `no such card`; there are: "), "{error}");
}

#[test]
fn there_are_adapters_where_a_device_opens() {
    let Some(device) = shared() else { return };
    let adapters = adapters().unwrap();
    assert!(adapters.iter().any(|adapter| adapter.name == device.name()), "{adapters:?}");
    assert!(adapters.iter().all(|adapter| adapter.details.contains("MiB")), "{adapters:?}");
}
