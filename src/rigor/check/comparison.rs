//! `not-global`: the critical point of this certificate is no global minimum, since f is lower at a point that the certificate names.
//!
//! The critical point is either the orbit near the certificate's point (its conditions are those of `orbit`; f is enclosed over the ball's box) or a partially collapsed state (those of `partial`). Of the other point nothing
//! but an upper bound of f is needed: it may be any point, or a partially collapsed state with any scale and gap (a simplex ETF for m = K), which is a point of the problem whether or not it is critical.
//!
//! **What this does not establish**: that the critical point is a local minimum; for that stands `inertia` or `partial-state`. Together they say that it is a spurious one.

use super::enclosure::PointBox;
use super::partial;
use super::report::Steps;
use crate::numeric::interval::{Interval, Long};
use crate::rigor::certificate::{Instance, Lower};

/// Verifies that f at `lower` is below `value`, an enclosure at the critical point, by more than `margin`.
pub(super) fn verify(instance: &Instance, value: Long, lower: &Lower, margin: f64, steps: &mut Steps) -> Option<()> {
    steps.less("the margin is positive", 0.0, margin)?;
    let below = match lower {
        Lower::Point(point) => {
            steps.holds("the other point is one of this problem", point.width <= instance.width, || {
                format!("width {}", point.width)
            })?;
            PointBox::around(point, 0.0).value(instance).into()
        }
        Lower::State(state) => partial::value(instance, state, steps)?,
    };
    let difference = value - below;
    let holds = (difference - Interval::point(margin).into()).certainly_positive();
    steps.holds("f is lower at the other point, by more than the margin", holds, || {
        format!("{below} below {value}, margin {margin:.3e}")
    })
}
