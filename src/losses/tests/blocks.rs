//! The vectorised forms of the losses agree with the scalar ones, entry by entry: at random, at collapse, far out, and where something is not a number.

use super::*;

/// A block's arrays, with `count` samples of `classes` classes.
struct Arrays {
    classes: usize,
    count: usize,
    stride: usize,
    logits: Vec<f64>,
    tangent: Vec<f64>,
    labels: Vec<u64>,
    weights: Vec<f64>,
    copies: Vec<f64>,
}

impl Arrays {
    /// Samples whose logits are those of `scale`, with the label's `lead` ahead.
    fn new(classes: usize, count: usize, scale: f64, lead: f64) -> Self {
        let stride = count.next_multiple_of(8) + 8;
        let mut logits = vec![0.0; classes * stride];
        let mut tangent = vec![0.0; classes * stride];
        gaussian(&mut stream(3, "blocks", classes as u64), scale, &mut logits);
        gaussian(&mut stream(4, "blocks", classes as u64), 1.0, &mut tangent);
        let padded = |f: &dyn Fn(usize) -> f64| (0..stride).map(|i| if i < count { f(i) } else { 0.0 }).collect();
        let labels: Vec<u64> = (0..stride).map(|i| if i < count { (7 * i % classes) as u64 } else { 0 }).collect();
        (0..count).for_each(|i| logits[labels[i] as usize * stride + i] += lead);
        Self {
            classes,
            count,
            stride,
            logits,
            tangent,
            labels,
            weights: padded(&|i| 0.25 + i as f64),
            copies: padded(&|i| 1.0 + (i % 3) as f64),
        }
    }

    /// Runs `body` on the block; returns its value, the residuals and the tangent of its samples.
    fn run(&self, body: impl Fn(&mut LogitBlock<'_>, &mut [f64]) -> f64) -> (f64, Vec<f64>, Vec<f64>) {
        let (mut logits, mut tangent) = (self.logits.clone(), self.tangent.clone());
        let mut scratch = Scratch::new(self.classes);
        let mut block = LogitBlock {
            logits: &mut logits,
            stride: self.stride,
            classes: self.classes,
            count: self.count,
            labels: &self.labels,
            weights: &self.weights,
            copies: &self.copies,
            scratch: &mut scratch,
        };
        let value = body(&mut block, &mut tangent);
        let samples = |rows: &[f64]| (0..self.classes).flat_map(|k| rows[k * self.stride..][..self.count].to_vec()).collect();
        (value, samples(&logits), samples(&tangent))
    }
}

/// The relative difference of two numbers; 0 where both underflowed to below any normal number.
fn difference(found: f64, expected: f64) -> f64 {
    if found.to_bits() == expected.to_bits() || found.abs().max(expected.abs()) < 1e-290 {
        return 0.0;
    }
    (found - expected).abs() / expected.abs()
}

/// Where a law over blocks is tried: K, samples, scale, lead of the label.
const PLACES: &[(usize, usize, f64, f64)] = &[
    (2, 1, 1.0, 0.0),
    (3, 8, 3.0, 0.0),
    (7, 21, 1.5, 0.0),
    (5, 16, 0.5, 40.0),
    (4, 24, 1.0, 300.0),
    (4, 24, 1.0, -300.0),
    (10, 64, 20.0, 5.0),
    (6, 40, 350.0, 0.0),
    (3, 16, 0.1, 1400.0),
];

#[test]
fn residuals_agree_entry_by_entry() {
    for loss in members() {
        for &(classes, count, scale, lead) in PLACES {
            let arrays = Arrays::new(classes, count, scale, lead);
            let function = loss.function();
            let (value, residuals, _) = arrays.run(|block, _| function.residual_block(block));
            let (exact, expected, _) = arrays.run(|block, _| block.residuals_by_sample(function));
            assert!(difference(value, exact) <= BLOCK_TOLERANCE, "{loss} at {classes}, {scale}, {lead}: {value} and {exact}");
            for (i, (&found, &expected)) in residuals.iter().zip(&expected).enumerate() {
                // A residual of smoothed labels is a difference; of its terms the larger counts.
                let smoothed = if let Loss::LabelSmoothing(loss) = &loss { loss.alpha * arrays.weights[i % count] } else { 0.0 };
                let allowed = BLOCK_TOLERANCE * (expected.abs() + smoothed) + 1e-290;
                assert!(
                    !((found - expected).abs() > allowed) || difference(found, expected) <= BLOCK_TOLERANCE,
                    "{loss} at {classes}, {scale}, {lead}, entry {i}: {found:e} and {expected:e}"
                );
                assert_eq!(found.is_nan(), expected.is_nan(), "{loss}: {found} and {expected}");
            }
        }
    }
}

#[test]
fn curvatures_agree_beside_their_terms() {
    for loss in members() {
        for &(classes, count, scale, lead) in PLACES {
            let arrays = Arrays::new(classes, count, scale, lead);
            let function = loss.function();
            let curve = |block: &mut LogitBlock<'_>, tangent: &mut [f64]| {
                function.curve_block(block, tangent);
                0.0
            };
            let (_, residuals, curved) = arrays.run(curve);
            let (_, _, expected) = arrays.run(|block, tangent| {
                block.curve_by_sample(function, tangent);
                0.0
            });
            let (_, again, _) = arrays.run(|block, _| function.residual_block(block));
            assert!(residuals.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()), "{loss}: one residual");
            for i in 0..count {
                // An entry of A D is a sum over j of terms of which the largest of a sample is the measure.
                let of_sample = |rows: &[f64]| (0..classes).map(|k| rows[k * count + i].abs()).fold(0.0, f64::max);
                let largest = of_sample(&expected);
                // A formula's terms, which are of the size of the residual times D, may cancel in all entries: both forms are then left with their rounding.
                let formula = if matches!(loss, Loss::Custom(_)) { 4.0 * f64::EPSILON } else { 0.0 };
                let directions = (0..classes).map(|k| arrays.tangent[k * arrays.stride + i].abs()).fold(0.0, f64::max);
                let rounding = formula * of_sample(&residuals) * directions;
                for k in 0..classes {
                    let (found, expected) = (curved[k * count + i], expected[k * count + i]);
                    assert!(
                        (found - expected).abs() <= 1e-11 * largest + rounding + 1e-290,
                        "{loss} at {classes}, {scale}, {lead}: {found:e} and {expected:e} of {largest:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_number_stays_none_and_its_neighbours_are_untouched() {
    for loss in members() {
        let mut arrays = Arrays::new(3, 8, 1.0, 0.0);
        let function = loss.function();
        let (_, before, _) = arrays.run(|block, _| function.residual_block(block));
        arrays.logits[arrays.stride + 2] = f64::NAN;
        let (value, after, _) = arrays.run(|block, _| function.residual_block(block));
        assert!(value.is_nan() && (0..3).any(|k| after[k * 8 + 2].is_nan()), "{loss}: {value}");
        for i in (0..24).filter(|i| i % 8 != 2) {
            assert_eq!(before[i].to_bits(), after[i].to_bits(), "{loss}");
        }
    }
}
