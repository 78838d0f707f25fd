//! A run in the plane, for the tests of figures that the quickstart's width has nothing for.

use std::path::Path;

use super::RunData;
use super::fixture::{bare, quickstart};
use crate::losses;
use crate::model::{Bias, Decay};
use crate::record::{PerClass, Record};
use crate::theory::{Balanced, polygon};

/// Figures that show runs at d = 2 alone.
pub(super) const FIGURES: &[&str] = &["narrow-shapes"];

/// Six classes at d = 2 over three ε, at each the hexagon and the pentagon with a class at the centre.
pub(super) fn plane(dir: &Path) -> RunData {
    let mut data = quickstart(dir);
    let family = losses::ALL.iter().find(|family| family.name == "cross-entropy").expect("it is built in");
    let problem = Balanced {
        classes: 6,
        width: 2,
        per_class: 1,
        bias: Bias::Decayed,
        decay: Decay { w: 0.01, h: 0.01, b: 0.01 },
        loss: (family.build)(&[]),
        scale: 1.0,
    };
    data.records.clear();
    for epsilon in [0.003, 0.01, 0.04] {
        for (start, corners) in [(0, 6), (1, 5)] {
            let at = problem.with_epsilon(epsilon);
            data.records.push(Record {
                classes: 6,
                width: 2,
                per_class: PerClass::Balanced(1),
                decay_w: Some(at.decay.w),
                decay_h: Some(at.decay.h),
                decay_b: Some(at.decay.b),
                epsilon: Some(epsilon),
                rank: Some(2),
                orbit: Some(start),
                value: polygon(&at, corners).expect("a polygon").value,
                nature: Some("local-minimum".into()),
                ..bare(&format!("plane-{epsilon}"), "cross-entropy", start)
            });
        }
    }
    data
}
