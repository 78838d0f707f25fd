//! Polygons: the critical points of cross-entropy in the plane that m classes at the corners of a regular m-gon and c = K − m classes at the centre make.
//!
//! Let u_1 … u_m be the corners of the regular m-gon on the unit circle, w_k = √ρ √r u_k and h_{k,i} = √(r/ρ) u_k for the corners, zero for the centre, b with the gap y between corners and centre and
//! sum 0, ρ = √(nλ_H/λ_W). Then a corner has the logits r cos(2πj/m) + y against 0 for the centre, a class at the centre has logits y against 0, and X has two singular values √n r m/2:
//!
//! ```text
//! f(r, y) = (m/K) log[Σ_j e^{r(cos(2πj/m) − 1)} + c e^{−r−y}] + (c/K) log(c + m e^y) + ε m r + (λ_b/2) y² mc/K
//! ```
//!
//! The gradient there has the polygon's symmetry (the corners add up to zero, so that nothing pulls a class away from the centre): stationary in (r, y) is stationary. Whether it is a minimum, the
//! Hessian says. Other critical points in the plane exist, without that symmetry.

use std::f64::consts::TAU;

use super::root::falling_root;
use super::{Balanced, Bias, Inapplicable};
use crate::losses::Loss;

/// A regular polygon with classes at its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polygon {
    /// m, the classes at the corners.
    pub corners: usize,
    /// K − m, the classes at the centre.
    pub centre: usize,
    /// f.
    pub value: f64,
    /// r = ‖w‖‖h‖ of a corner.
    pub radius: f64,
    /// y, the bias of a corner minus that of the centre; 0 without a bias or without centre.
    pub bias_gap: f64,
}

/// The scalar problem.
struct Plane {
    m: f64,
    c: f64,
    epsilon: f64,
    /// λ_b, where the gap is a variable.
    decay_b: Option<f64>,
    /// cos(2πj/m) − 1, j = 1 … m − 1.
    drops: Vec<f64>,
}

impl Plane {
    /// The loss of a corner and its slopes −∂/∂r and −∂/∂y.
    fn corner(&self, r: f64, y: f64) -> (f64, f64, f64) {
        let others: f64 = self.drops.iter().map(|d| (r * d).exp()).sum();
        let pulled: f64 = self.drops.iter().map(|d| -d * (r * d).exp()).sum();
        let centre = self.c * (-r - y).exp();
        let total = 1.0 + others + centre;
        ((others + centre).ln_1p(), (pulled + centre) / total, centre / total)
    }

    fn value(&self, r: f64, y: f64) -> f64 {
        let k = self.m + self.c;
        let own = if self.c > 0.0 { (self.c + self.m * y.exp()).ln() } else { 0.0 };
        self.m / k * self.corner(r, y).0
            + self.c / k * own
            + self.epsilon * self.m * r
            + 0.5 * self.decay_b.unwrap_or(0.0) * y * y * self.m * self.c / k
    }

    /// y for a given r: f is convex in y, so its slope rises through zero once.
    fn gap(&self, r: f64) -> f64 {
        let Some(decay_b) = self.decay_b else { return 0.0 };
        // −(K/m) ∂f/∂y.
        let fall = |y: f64| self.corner(r, y).2 - self.c * y.exp() / (self.c + self.m * y.exp()) - decay_b * y * self.c;
        let mut far = 1.0;
        while (fall(-far) < 0.0 || fall(far) > 0.0) && far < 1e6 {
            far *= 2.0;
        }
        falling_root(fall, -far, far)
    }

    /// −(K/m)·df/dr with y following r.
    fn drive(&self, r: f64) -> f64 {
        self.corner(r, self.gap(r)).1 - (self.m + self.c) * self.epsilon
    }

    /// (r, y) at the last r where f stops to fall.
    fn solve(&self) -> Option<(f64, f64)> {
        // The neighbours' pull falls like e^{−r(1−cos(2π/m))}; the centre's like e^{−r/2}, since y makes a corner's and the centre's errors equal. Past this r both are below Kε.
        let neighbour = self.drops.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let slowest = if self.c > 0.0 { neighbour.max(-0.4) } else { neighbour };
        let top = 1.0 + (4.0 / self.epsilon).ln().max(1.0) / -slowest;
        let steps = 400;
        let at = |step: u32| top * f64::from(step) / f64::from(steps);
        let last = (0..steps).rev().find(|&step| self.drive(at(step)) > 0.0)?;
        let r = falling_root(|r| self.drive(r), at(last), at(last + 1));
        (r > 0.0).then(|| (r, self.gap(r)))
    }
}

/// The regular polygon of `corners` = m classes with the other K − m at its centre, 3 ≤ m ≤ K, a critical point of cross-entropy at every width d ≥ 2.
///
/// `Err`: another loss, an m out of range, a width below 2, an ε at which the corners fall into the centre.
pub fn polygon(balanced: &Balanced, corners: usize) -> Result<Polygon, Inapplicable> {
    let Balanced { classes, width, loss, scale, bias, decay, .. } = balanced;
    if !matches!(loss, Loss::CrossEntropy(_)) {
        return Err(Inapplicable::new(
            format!("polygons are in closed form for cross-entropy, not {}", loss.name()),
            "take loss.name=cross-entropy",
        ));
    }
    Inapplicable::unless(
        (3..=*classes).contains(&corners),
        || format!("{corners} of {classes} classes do not make a polygon"),
        || format!("take 3 to {} corners", (*classes).max(3)),
    )?;
    Inapplicable::width(*width, 2)?;
    Inapplicable::positive("loss.scale", *scale)?;
    let epsilon = balanced.epsilon() / scale;
    Inapplicable::positive("ε/c", epsilon)?;
    let centre = classes - corners;
    let plane = Plane {
        m: corners as f64,
        c: centre as f64,
        epsilon,
        decay_b: (*bias != Bias::None && centre > 0).then_some(decay.b / scale),
        drops: (1..corners).map(|j| (TAU * j as f64 / corners as f64).cos() - 1.0).collect(),
    };
    let (radius, bias_gap) = plane.solve().ok_or_else(|| {
        let reason = format!("ε = {:e}: {corners} corners do not stay away from the centre", balanced.epsilon());
        Inapplicable::new(reason, format!("try an ε below {:e}", scale / *classes as f64))
    })?;
    Ok(Polygon { corners, centre, value: scale * plane.value(radius, bias_gap), radius, bias_gap })
}

/// The ε at which the polygons of `one` and `other` corners of the problem's classes have the same value, where their difference changes sign once between `low` and `high`. The ratio of the decays
/// is kept.
pub fn polygon_crossing(balanced: &Balanced, (one, other): (usize, usize), (low, high): (f64, f64)) -> Option<f64> {
    let difference = |epsilon: f64| {
        let at = balanced.with_epsilon(epsilon);
        Some(polygon(&at, one).ok()?.value - polygon(&at, other).ok()?.value)
    };
    let (first, last) = (difference(low)?, difference(high)?);
    if !(first * last < 0.0) {
        return None;
    }
    let root = falling_root(|x| difference(x.exp()).map_or(f64::NAN, |d| d * first), low.ln(), high.ln()).exp();
    root.is_finite().then_some(root)
}

impl Polygon {
    /// The point, its first m classes at the corners, padded with zeros to the width of `shape`. `balanced` must be the problem it was made for.
    pub fn point(&self, balanced: &Balanced, shape: &crate::model::Shape) -> crate::model::Point {
        let mut point = crate::model::Point::zeros(shape, balanced.bias);
        let ratio = balanced.class_ratio().sqrt();
        let entry = |class: usize, column: usize| {
            let angle = TAU * class as f64 / self.corners as f64;
            match column {
                _ if class >= self.corners => 0.0,
                0 => self.radius.sqrt() * angle.cos(),
                1 => self.radius.sqrt() * angle.sin(),
                _ => 0.0,
            }
        };
        let classes = balanced.classes;
        point.w_mut().iter_mut().enumerate().for_each(|(at, w)| *w = ratio * entry(at % classes, at / classes));
        for (mut feature, &label) in point.h_mut().column_iter_mut().zip(shape.labels()) {
            feature.iter_mut().enumerate().for_each(|(column, h)| *h = entry(label, column) / ratio);
        }
        let (m, k) = (self.corners as f64, classes as f64);
        for (class, b) in point.b_mut().iter_mut().enumerate() {
            *b = if class < self.corners { self.bias_gap * (1.0 - m / k) } else { -self.bias_gap * m / k };
        }
        point
    }
}
