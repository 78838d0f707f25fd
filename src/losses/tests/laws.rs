//! The laws. Each returns what it found wrong, so that the planted failures can be shown to be found.

use nalgebra::DMatrix;

use super::*;

/// What a law found wrong: its name and where.
pub(super) type Finding = Result<(), String>;

/// A law over one loss.
type Law = fn(&dyn LossFunction) -> Finding;

/// The laws, by their names.
pub(super) const LAWS: &[(&str, Law)] = &[
    ("value", value_is_one),
    ("gradient", gradient_is_the_slope),
    ("hessian", hessian_is_the_slope),
    ("taylor", taylor_slopes),
    ("symmetric", hessian_is_symmetric),
    ("shift", shift_claim),
    ("convex", convex_claim),
    ("conjugate", conjugate_is_tight),
    ("domain", domain_is_kept),
    ("extremes", extremes_are_finite),
];

/// Runs every law over one loss.
pub(super) fn check(loss: &dyn LossFunction) -> Finding {
    LAWS.iter().try_for_each(|(name, law)| law(loss).map_err(|found| format!("{name}: {found}")))
}

#[test]
fn every_loss_obeys_the_laws() {
    for loss in members() {
        check(loss.function()).unwrap_or_else(|found| panic!("{loss}: {found}"));
    }
}

fn require(holds: bool, found: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(found()) }
}

/// The sixth-order central difference of t ↦ F(t) at 0.
fn difference(f: impl Fn(f64) -> f64) -> f64 {
    let h = 1e-2;
    let odd = |m: f64| f(m * h) - f(-m * h);
    (45.0 * odd(1.0) - 9.0 * odd(2.0) + odd(3.0)) / (60.0 * h)
}

/// `value` and `value_gradient` agree on the value.
fn value_is_one(loss: &dyn LossFunction) -> Finding {
    for (z, k) in samples() {
        let mut gradient = vec![0.0; z.len()];
        let (value, with_gradient) = (loss.value(&z, k), loss.value_gradient(&z, k, &mut gradient));
        require((value - with_gradient).abs() <= 1e-14 * value.abs(), || format!("{value} and {with_gradient} at {z:?}, {k}"))?;
    }
    Ok(())
}

/// ⟨∇L, v⟩ is the slope of L along v.
fn gradient_is_the_slope(loss: &dyn LossFunction) -> Finding {
    for (index, (z, k)) in samples().into_iter().enumerate() {
        let v = direction(z.len(), index);
        let slope = difference(|t| loss.value(&moved(&z, t, &v), k));
        let claimed = dot(&gradient_of(loss, &z, k), &v);
        let scale = 1.0 + loss.value(&z, k).abs();
        require((slope - claimed).abs() <= 1e-9 * scale, || format!("slope {slope}, ⟨∇L, v⟩ {claimed} at {z:?}, {k}"))?;
    }
    Ok(())
}

/// ∇²L v is the slope of ∇L along v, entry by entry.
fn hessian_is_the_slope(loss: &dyn LossFunction) -> Finding {
    for (index, (z, k)) in samples().into_iter().enumerate() {
        let v = direction(z.len(), index);
        let mut product = v.clone();
        hessian_of(loss, &z, k).apply(&mut product);
        for (j, claimed) in product.into_iter().enumerate() {
            let slope = difference(|t| gradient_of(loss, &moved(&z, t, &v), k)[j]);
            require((slope - claimed).abs() <= 1e-8, || format!("slope {slope}, (∇²L v)_{j} {claimed} at {z:?}, {k}"))?;
        }
    }
    Ok(())
}

/// The public check agrees: slopes 2 and 3, or exact.
fn taylor_slopes(loss: &dyn LossFunction) -> Finding {
    for classes in [2, 3, 10] {
        for seed in 0..10 {
            let TaylorCheck { gradient, hessian, .. } = taylor_check(loss, classes, seed);
            require(gradient.holds() && hessian.holds(), || format!("K = {classes}, seed {seed}: {gradient:?}, {hessian:?}"))?;
            let near = |slope: Option<f64>, expected: f64| slope.is_none_or(|slope| (slope - expected).abs() <= 0.15);
            require(near(gradient.slope(), 2.0) && near(hessian.slope(), 3.0), || format!("{gradient:?}, {hessian:?}"))?;
        }
    }
    Ok(())
}

/// ∇²L equals its transpose.
fn hessian_is_symmetric(loss: &dyn LossFunction) -> Finding {
    for (z, k) in samples() {
        let dense = dense_of(loss, &z, k);
        let classes = z.len();
        for i in 0..classes {
            for j in 0..i {
                let (a, b) = (dense[i * classes + j], dense[j * classes + i]);
                let scale = dense[i * classes + i].abs().max(dense[j * classes + j].abs());
                require((a - b).abs() <= 1e-14 * scale, || format!("entries {a} and {b} at {z:?}, {k}"))?;
            }
        }
    }
    Ok(())
}

/// Shift-invariant: L(z + c1) = L(z), ∇L ⊥ 1, ∇²L 1 = 0 everywhere. Not so: somewhere L(z + c1) ≠ L(z).
fn shift_claim(loss: &dyn LossFunction) -> Finding {
    let mut witness = false;
    for (z, k) in samples() {
        let value = loss.value(&z, k);
        let change = (loss.value(&shifted(&z, 0.75), k) - value).abs() / (1.0 + value.abs());
        witness |= change > 1e-3;
        if loss.shift_invariant() {
            require(change <= 1e-14, || format!("claimed invariant, changes by {change} at {z:?}, {k}"))?;
            let gradient = gradient_of(loss, &z, k);
            let (sum, size) = (gradient.iter().sum::<f64>().abs(), gradient.iter().map(|g| g.abs()).sum::<f64>());
            require(sum <= 1e-14 * (1.0 + size), || format!("⟨∇L, 1⟩ = {sum} at {z:?}, {k}"))?;
            let mut ones = vec![1.0; z.len()];
            hessian_of(loss, &z, k).apply(&mut ones);
            require(ones.iter().all(|y| y.abs() <= 1e-15), || format!("∇²L 1 = {ones:?} at {z:?}, {k}"))?;
        }
    }
    require(witness != loss.shift_invariant(), || "claimed to change under shifts, and never does".into())
}

/// Convex: ∇²L ⪰ 0 everywhere. Not so: somewhere an eigenvalue is negative.
fn convex_claim(loss: &dyn LossFunction) -> Finding {
    let mut witness = false;
    for (z, k) in samples() {
        let eigenvalues = DMatrix::from_row_slice(z.len(), z.len(), &dense_of(loss, &z, k)).symmetric_eigenvalues();
        let (low, high) = (eigenvalues.min(), eigenvalues.amax());
        witness |= low < -1e-6 * high;
        if loss.convex() {
            require(low >= -1e-13 * high, || format!("claimed convex, eigenvalue {low} at {z:?}, {k}"))?;
        }
    }
    require(witness != loss.convex(), || "claimed not convex, and no witness".into())
}

/// Exactly the convex losses have a conjugate; L(z) + L*(u) ≥ ⟨z, u⟩ with equality at u = ∇L(z).
fn conjugate_is_tight(loss: &dyn LossFunction) -> Finding {
    require(loss.conjugate().is_some() == loss.convex(), || "has a conjugate and is not convex, or the reverse".into())?;
    let Some(conjugate) = loss.conjugate() else { return Ok(()) };
    let samples = samples();
    for (z, k) in &samples {
        let value = loss.value(z, *k);
        for (other, label) in samples.iter().filter(|(other, label)| other.len() == z.len() && label == k) {
            let dual = gradient_of(loss, other, *label);
            let excess = value + conjugate.conjugate_value(&dual, *k) - dot(z, &dual);
            let scale = 1.0 + value.abs() + z.iter().zip(&dual).map(|(x, u)| (x * u).abs()).sum::<f64>();
            require(excess >= -1e-13 * scale, || format!("L + L* − ⟨z, u⟩ = {excess} < 0 at {z:?}, {k}, u = {dual:?}"))?;
            if other == z {
                require(excess <= 1e-13 * scale, || format!("L + L* − ⟨z, ∇L⟩ = {excess} > 0 at {z:?}, {k}"))?;
            }
        }
    }
    Ok(())
}

/// The interior slope is inside; the domain fraction ends on the boundary, and is 1 only for targets inside.
fn domain_is_kept(loss: &dyn LossFunction) -> Finding {
    let Some(conjugate) = loss.conjugate() else { return Ok(()) };
    for (index, (z, k)) in samples().into_iter().enumerate() {
        let classes = z.len();
        let slope = conjugate.interior_slope();
        let mut inside = vec![slope.unwrap_or(1.0) / classes as f64; classes];
        inside[k] -= slope.unwrap_or(1.0);
        inside.iter_mut().enumerate().for_each(|(j, u)| *u *= conjugate.interior_scale(j));
        let finite = |u: &[f64]| conjugate.conjugate_value(u, k).is_finite();
        require(finite(&inside), || format!("the interior point {inside:?} is outside"))?;
        require(fraction_is(conjugate.domain_fraction(&inside, &inside, k), 1.0), || {
            "the interior point leaves the domain".into()
        })?;
        let mut target = direction(classes, index);
        if loss.shift_invariant() {
            let mean = target.iter().sum::<f64>() / classes as f64;
            target.iter_mut().for_each(|u| *u -= mean);
        }
        let fraction = conjugate.domain_fraction(&inside, &target, k);
        let at = |rho: f64| moved(&inside, rho, &inside.iter().zip(&target).map(|(a, b)| b - a).collect::<Vec<_>>());
        require((0.0..=1.0).contains(&fraction) && finite(&at(fraction)), || format!("ρ = {fraction} leaves the domain"))?;
        if !finite(&target) {
            require(fraction < 1.0 && !finite(&at(fraction + 1e-6)), || format!("ρ = {fraction} stops short of the boundary"))?;
        } else {
            require(fraction_is(fraction, 1.0), || format!("ρ = {fraction} for a target inside"))?;
        }
        target[0] = f64::NAN;
        let fraction = conjugate.domain_fraction(&inside, &target, k);
        require(slope.is_none() || fraction.is_nan(), || format!("ρ = {fraction} for a NaN"))?;
        require(conjugate.conjugate_value(&target, k).is_nan(), || "L* of a NaN is a number".into())?;
    }
    Ok(())
}

fn fraction_is(fraction: f64, expected: f64) -> bool {
    (fraction - expected).abs() <= 1e-15
}

/// Logits of ±700 and gaps of 1000 give numbers; NaN gives NaN.
fn extremes_are_finite(loss: &dyn LossFunction) -> Finding {
    let points = [vec![700.0, -700.0, 0.0], vec![-700.0, 700.0, 700.0], vec![1000.0, 0.0, 1.0], vec![745.0, 0.0, -1000.0]];
    for z in points {
        for k in 0..3 {
            let numbers = [vec![loss.value(&z, k)], gradient_of(loss, &z, k), dense_of(loss, &z, k)].concat();
            require(numbers.iter().all(|x| x.is_finite()), || format!("{numbers:?} at {z:?}, {k}"))?;
            let mut spoilt = z.clone();
            spoilt[1] = f64::NAN;
            let mut gradient = vec![0.0; 3];
            let values = [loss.value(&spoilt, k), loss.value_gradient(&spoilt, k, &mut gradient)];
            require(values.iter().all(|x| x.is_nan()), || format!("{values:?} for a NaN"))?;
        }
    }
    Ok(())
}
