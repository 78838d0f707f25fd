//! The whole pass against the objective in `f64`, descents side by side, and memory as it was planned.

use super::*;
use crate::model::{Bias, Decay, Point, Shape};
use crate::objective::{Objective, Problem};

const MOMENTUM: Method = Method::Momentum { step: 0.5, momentum: 0.9 };

fn problem(loss: &Loss, shape: Shape, bias: Bias) -> Problem {
    let b = if bias == Bias::Decayed { 0.02 } else { 0.0 };
    Problem { shape, bias, decay: Decay { w: 0.01, h: 0.02, b }, loss: loss.clone(), scale: 0.7 }
}

fn point(problem: &Problem, index: u64, scale: f64) -> Point {
    Point::from_vec(&problem.shape, problem.bias, drawn("point", index, problem.dimension(), scale))
}

/// f, ∇f and ∇²f·v of the device against those of the objective.
fn compare(device: &Device, problem: &Problem, index: u64) {
    let x = point(problem, index, 0.7);
    let mut resident = Resident::new(device, problem, &MOMENTUM).unwrap();
    resident.set_point(&x).unwrap();
    let (value, gradient) = resident.value_gradient().unwrap();
    let mut objective = Objective::new(problem);
    let mut exact = vec![0.0; problem.dimension()];
    let exact_value = objective.value_gradient(&x, &mut exact);
    let shape = &problem.shape;
    let what = format!(
        "{}, {} classes, width {}, {} columns, {:?}",
        problem.loss,
        shape.classes(),
        shape.width(),
        shape.columns(),
        problem.bias
    );
    // The stated bound of the whole pass at such points: logits of size 10 and below.
    let target = 1.0 + problem.loss.parameters().iter().map(|(_, value)| value.abs()).fold(0.0, f64::max);
    let allowed = 2e-6 * target;
    assert!((value - exact_value).abs() <= allowed * exact_value.abs(), "{what}: {value} {exact_value}");
    assert!(relative(&gradient, &exact) <= allowed, "{what}: gradient off by {:e}", relative(&gradient, &exact));
    let direction = drawn("pass direction", index, problem.dimension(), 1.0);
    let found = resident.hessian_product(&direction).unwrap();
    let mut product = vec![0.0; direction.len()];
    objective.hessian_product(&x, &direction, &mut product);
    assert!(relative(&found, &product) <= 2.0 * allowed, "{what}: product off by {:e}", relative(&found, &product));
}

#[test]
fn passes_agree_with_the_objective_for_every_loss_bias_and_shape() {
    let Some(device) = shared() else { return };
    let shapes = [
        Shape::new(5, &[3, 1, 2]).unwrap(),
        Shape::balanced(10, 16, 9).unwrap(),
        Shape::with_labels(3, 4, vec![2, 0, 1, 1, 0, 2, 2]).unwrap(),
        Shape::collapsed(6, &[40, 1, 1000, 7]).unwrap(),
        Shape::with_multiplicities(3, 2, vec![0, 2, 1, 0], &[5, 1, 2, 3]).unwrap(),
    ];
    let mut index = 0;
    for loss in losses() {
        for bias in [Bias::None, Bias::Free, Bias::Decayed] {
            for shape in &shapes {
                compare(device, &problem(&loss.for_sizes(shape.class_sizes()), shape.clone(), bias), index);
                index += 1;
            }
        }
    }
}

#[test]
fn features_in_several_buffers_are_the_same_features() {
    // 72 columns of 7 floats are 2016 bytes; a limit of 640 bytes leaves room for 22.
    let shape = Shape::balanced(2, 7, 36).unwrap();
    for loss in losses() {
        let problem = problem(&loss, shape.clone(), Bias::Free);
        let limited = Options { binding_limit: Some(640), ..Options::default() };
        let Some(device) = opened(&limited) else { return };
        let plan = device.plan(&problem, &MOMENTUM).unwrap();
        assert!(plan.chunk() == 22 && plan.layout.chunks() == 4, "{plan:?}");
        compare(&device, &problem, 77);
    }
}

/// Keeps what it is shown.
#[derive(Default)]
struct Rows(Vec<(u64, Measured, Point)>);

impl Watch for Rows {
    fn due(&self, step: u64) -> bool {
        step.is_multiple_of(20)
    }

    fn see(&mut self, seen: &Seen<'_>) -> Result<(), GpuError> {
        self.0.push((seen.step, seen.measured, (seen.point)()?));
        Ok(())
    }
}

#[test]
fn a_hundred_steps_follow_those_in_double_precision() {
    let Some(device) = shared() else { return };
    let shapes = [Shape::balanced(6, 8, 12).unwrap(), Shape::collapsed(8, &[30, 20, 20, 3]).unwrap()];
    for loss in losses() {
        for shape in &shapes {
            let problem = problem(&loss, shape.clone(), Bias::Decayed);
            // Steps at which squared error with a target of 15 does not oscillate either.
            let momentum = shape.multiplicities().is_some();
            let method =
                if momentum { Method::Momentum { step: 0.02, momentum: 0.9 } } else { Method::GradientDescent { step: 0.1 } };
            let start = point(&problem, 3, 0.3);
            let mut rows = Rows::default();
            let outcome = device.descend(&problem, start.clone(), &method, 0.0, 100, &mut rows).unwrap();
            assert_eq!((outcome.steps, outcome.reason), (100, "steps"));
            assert_eq!(rows.0.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 20, 40, 60, 80, 100]);
            for (step, measured, x) in &rows.0 {
                let exact = in_double(&problem, start.clone(), &method, *step);
                let mut gradient = vec![0.0; problem.dimension()];
                let value = Objective::new(&problem).value_gradient(&exact, &mut gradient);
                // The stated bound: a descent forgets errors along its valleys but not across them.
                let off = relative(x.as_slice(), exact.as_slice());
                assert!(off <= 1e-5, "{loss} {method:?} step {step}: off by {off:e}");
                assert!((measured.value - value).abs() <= 1e-5 * value.abs(), "{loss} step {step}: {measured:?} {value}");
                let norm = crate::critical::GradientNorm::of(&problem, &exact, &gradient);
                assert!((measured.gradient_norm - norm.norm).abs() <= 1e-4 * norm.norm, "{measured:?} {norm:?}");
                assert!((measured.gradient_norm_scaled - norm.scaled).abs() <= 1e-4 * norm.scaled, "{measured:?} {norm:?}");
            }
        }
    }
}

/// The same steps in `f64`, in even coordinates where the problem has them.
fn in_double(problem: &Problem, start: Point, method: &Method, steps: u64) -> Point {
    let even = problem.even();
    let (inner, unit) = even.as_ref().map_or((problem, 1.0), |(inner, unit)| (inner, *unit));
    let turned = |mut x: Point, factor: f64| {
        x.w_mut().scale_mut(factor);
        x.h_mut().scale_mut(factor);
        x
    };
    let mut x = turned(start, 1.0 / unit);
    let mut objective = Objective::new(inner);
    let (mut gradient, mut velocity) = (vec![0.0; inner.dimension()], vec![0.0; inner.dimension()]);
    for step in 0..steps {
        objective.value_gradient(&x, &mut gradient);
        match *method {
            Method::GradientDescent { step } => twins::axpy(-step, &gradient, x.as_mut_slice()),
            Method::Momentum { step: size, momentum } => {
                let rate = size
                    * if step >= 71 {
                        0.01
                    } else if step >= 42 {
                        0.1
                    } else {
                        1.0
                    };
                twins::heavy_ball(-rate, momentum, &gradient, x.as_mut_slice(), &mut velocity);
            }
            Method::Lbfgs { .. } => unreachable!("its steps are searched for"),
        }
    }
    turned(x, unit)
}

#[test]
fn a_descent_stops_on_the_gradient() {
    let Some(device) = shared() else { return };
    let problem = problem(&losses()[0], Shape::balanced(4, 4, 5).unwrap(), Bias::Decayed);
    let start = point(&problem, 5, 0.5);
    let mut rows = Rows::default();
    let outcome = device.descend(&problem, start, &Method::GradientDescent { step: 2.0 }, 1e-3, 100_000, &mut rows).unwrap();
    assert!(outcome.reason == "gradient" && outcome.steps > 0 && outcome.measured.gradient_norm_scaled <= 1e-3, "{outcome:?}");
}

#[test]
fn lbfgs_reaches_what_single_precision_can_tell() {
    let Some(device) = shared() else { return };
    let shapes = [Shape::balanced(6, 8, 3).unwrap(), Shape::collapsed(8, &[30, 20, 20, 3]).unwrap()];
    for (shape, memory) in shapes.into_iter().zip([7, 3]) {
        for (position, loss) in losses().iter().enumerate() {
            let problem = problem(loss, shape.clone(), Bias::Decayed);
            let start = point(&problem, 9, 0.5);
            let outcome =
                device.descend(&problem, start.clone(), &Method::Lbfgs { memory }, 1e-4, 2000, &mut Rows::default()).unwrap();
            assert_eq!(outcome.reason, "gradient", "{loss}, {memory} pairs: {outcome:?}");
            // By the CPU's own numbers, too.
            let norm = crate::critical::GradientNorm::new(&mut Objective::new(&problem), &outcome.point);
            assert!(norm.scaled <= 1.1e-4, "{loss}, {memory} pairs: {norm:?}");
            // Asked for more than there is, it says that it cannot go on.
            if position == 0 {
                let outcome = device.descend(&problem, start, &Method::Lbfgs { memory }, 1e-14, 100_000, &mut Rows::default());
                assert_eq!(outcome.as_ref().unwrap().reason, "no-progress", "{loss}: {outcome:?}");
            }
        }
    }
}

#[test]
fn the_same_descent_gives_the_same_bits() {
    let Some(device) = shared() else { return };
    let problem = problem(&losses()[3], Shape::balanced(10, 16, 30).unwrap(), Bias::Free);
    let run = || device.descend(&problem, point(&problem, 1, 0.4), &MOMENTUM, 0.0, 30, &mut Rows::default()).unwrap();
    let bits = |outcome: &Outcome| outcome.point.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&run()), bits(&run()));
}

#[test]
fn memory_is_what_was_planned() {
    // A device of its own: others' buffers are not counted.
    let Some(device) = opened(&Options::default()) else { return };
    let problem = problem(&losses()[0], Shape::balanced(100, 40, 7).unwrap(), Bias::Free);
    for method in [Method::GradientDescent { step: 0.1 }, MOMENTUM, Method::Lbfgs { memory: 3 }] {
        let plan = device.plan(&problem, &method).unwrap();
        let outcome = device.descend(&problem, point(&problem, 1, 0.1), &method, 0.0, 1, &mut Rows::default()).unwrap();
        // The peak over the device's life: each method needs more than the one before.
        assert_eq!(outcome.bytes_peak, plan.bytes(), "{plan:?}");
        assert_eq!(device.bytes().0, 0, "everything is given back");
    }
}

#[test]
fn memory_at_full_size_is_below_one_and_a_half_times_the_vectors() {
    // A device of its own: others' buffers are not counted.
    let Some(device) = opened(&Options::default()) else { return };
    let problem = problem(&losses()[0], Shape::balanced(10_000, 512, 10).unwrap(), Bias::None);
    let method = Method::GradientDescent { step: 1000.0 };
    let resident = Resident::new(&device, &problem, &method).unwrap();
    resident.set_point(&Point::zeros(&problem.shape, problem.bias)).unwrap();
    let (held, peak) = device.bytes();
    let plan = resident.plan();
    // W, H and their gradients: 2 (K + N) d numbers. The step's own program is bound later.
    assert_eq!(plan.bytes_of_vectors(), 2 * 110_000 * 512 * 4);
    assert!(held == peak && peak <= plan.bytes() && plan.bytes() - peak < 1 << 16, "{peak} {plan:?}");
    assert!(2 * plan.bytes() < 3 * plan.bytes_of_vectors(), "{plan:?}");
    // The driver's allocator takes blocks, of which ours are parts, and staging of its own beside them.
    if let Some(reported) = device.bytes_reported() {
        assert!(
            reported >= held && 2 * reported < 3 * plan.bytes_of_vectors(),
            "{reported} bytes by the allocator, {held} by us"
        );
    }
}
