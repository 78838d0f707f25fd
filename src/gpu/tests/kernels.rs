//! Every kernel against its twin over random shapes, few of them multiples of a tile.

use super::super::device::Buffer;
use super::super::kernels::Kernels;
use super::super::plan::{PARTIALS, TRANSFER};
use super::super::program::{Call, Kernel, Place};
use super::super::twins::{self, Columns, Strided};
use super::*;
use crate::losses::LossFunction;

/// A kernel on its own: named buffers, one call, what they hold afterwards.
struct Bench<'d> {
    device: &'d Device,
    kernels: Kernels,
    buffers: Vec<(Place, Buffer, u64)>,
    transfer: Buffer,
}

impl<'d> Bench<'d> {
    fn new(device: &'d Device, loss: &dyn LossFunction) -> Self {
        let carry = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let transfer = device.buffer("transfer", TRANSFER, carry).unwrap();
        Self { device, kernels: Kernels::new(device, loss).unwrap(), buffers: Vec::new(), transfer }
    }

    fn put(&mut self, place: Place, numbers: &[f64]) {
        let floats: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
        self.put_raw(place, &floats);
    }

    fn put_raw(&mut self, place: Place, floats: &[f32]) {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let buffer = self.device.buffer("a test's", floats.len() as u64 * 4, usage).unwrap();
        self.device.write(&buffer, 0, floats);
        self.buffers.retain(|(known, _, _)| *known != place);
        self.buffers.push((place, buffer, floats.len() as u64));
    }

    fn find(&self, place: Place) -> &(Place, Buffer, u64) {
        self.buffers.iter().find(|(known, _, _)| *known == place).expect("put before it is bound")
    }

    fn call(&self, calls: &[Call]) {
        let program = self.kernels.bind(self.device, calls, |place| &self.find(place).1).unwrap();
        self.kernels.submit(self.device, &[&program]).unwrap();
    }

    fn get(&self, place: Place) -> Vec<f64> {
        let (_, buffer, length) = self.find(place);
        let floats = self.device.read(buffer, 0, *length, &self.transfer).unwrap();
        floats.into_iter().map(f64::from).collect()
    }
}

const A: Place = Place::Vector(0, 0);
const B: Place = Place::Vector(1, 0);
const OUT: Place = Place::Vector(2, 0);

/// One product: where A and B lie and by which strides, as on a slab's three products.
fn product_case(bench: &mut Bench<'_>, index: u64, [rows, columns, inner]: [usize; 3], transposed: [bool; 2], accumulate: bool) {
    let (a_first, b_first, out_first) = (index as usize % 5, 3, 7);
    let a = drawn("product a", index, a_first + rows * inner, 1.0);
    let b = drawn("product b", index, b_first + inner * columns, 1.0);
    let before = drawn("product out", index, out_first + rows * columns, 1.0);
    let strides = |transposed: bool, rows: usize, columns: usize| if transposed { (columns, 1) } else { (1, rows) };
    let ((a_row, a_column), (b_row, b_column)) = (strides(transposed[0], rows, inner), strides(transposed[1], inner, columns));
    bench.put(A, &a);
    bench.put(B, &b);
    bench.put(OUT, &before);
    let numbers =
        [rows, columns, inner, usize::from(accumulate), a_first, a_row, a_column, b_first, b_row, b_column, out_first, rows];
    bench.call(&[Call {
        kernel: Kernel::Product,
        parameters: numbers.iter().map(|&x| x as u32).collect(),
        bindings: vec![(1, A), (2, B), (3, OUT)],
        groups: [rows.div_ceil(64) as u32, columns.div_ceil(64) as u32],
    }]);
    let found = bench.get(OUT);
    let (left, right) = (
        Strided { data: &a, first: a_first, row: a_row, column: a_column },
        Strided { data: &b, first: b_first, row: b_row, column: b_column },
    );
    let mut expected = before.clone();
    twins::product(&mut expected[out_first..], rows, inner, left, right, accumulate);
    let (a_abs, b_abs): (Vec<f64>, Vec<f64>) = (a.iter().map(|x| x.abs()).collect(), b.iter().map(|x| x.abs()).collect());
    let mut magnitude: Vec<f64> = before.iter().map(|x| x.abs()).collect();
    let (left, right) = (Strided { data: &a_abs, ..left }, Strided { data: &b_abs, ..right });
    twins::product(&mut magnitude[out_first..], rows, inner, left, right, accumulate);
    // A sum of parts of 256 terms: no term is rounded more often than that, whatever the order within a part.
    let roundings = (inner.min(256) + inner / 256 + 3) as f64;
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let allowed = if at < out_first { 0.0 } else { 1.01 * roundings * EPSILON * magnitude[at] };
        assert!((found - expected).abs() <= allowed, "{rows}×{inner}×{columns} {transposed:?} at {at}: {found} {expected}");
    }
}

#[test]
fn product_agrees_with_its_twin() {
    let Some(device) = shared() else { return };
    let loss = &losses()[0];
    let mut bench = Bench::new(device, loss.function());
    let shapes = [[1, 1, 1], [3, 2, 5], [64, 64, 16], [65, 63, 17], [10, 130, 7], [129, 3, 300], [70, 66, 601], [2, 1, 1025]];
    for (index, shape) in shapes.into_iter().enumerate() {
        for transposed in [[false, false], [true, false], [false, true]] {
            product_case(&mut bench, index as u64, shape, transposed, index % 2 == 1);
        }
    }
}

/// Labels, weights, bias and WH of a random block.
struct Drawn {
    labels: Vec<usize>,
    weights: Vec<[f64; 2]>,
    bias: Vec<f64>,
    block: Vec<f64>,
}

impl Drawn {
    fn new(index: u64, classes: usize, columns: usize, bias: bool, scale: f64) -> Self {
        let labels = (0..columns).map(|i| (7 * i + index as usize) % classes).collect();
        let stretches = drawn("stretch", index, columns, 1.0);
        let weights = stretches.iter().map(|x| [f64::from((0.5 + x.abs()) as f32), f64::from((0.01 + 0.1 * x.abs()) as f32)]);
        let bias = if bias { drawn("bias", index, classes, 1.0) } else { Vec::new() };
        Self { labels, weights: weights.collect(), bias, block: drawn("block", index, classes * columns, scale) }
    }

    fn columns(&self) -> Columns<'_> {
        Columns { labels: &self.labels, weights: &self.weights, bias: &self.bias }
    }

    fn put(&self, bench: &mut Bench<'_>) {
        bench.put(Place::Slab, &self.block);
        bench.put(Place::Factors, if self.bias.is_empty() { &[0.0] } else { &self.bias });
        let labels: Vec<f32> = self.labels.iter().map(|&label| f32::from_bits(label as u32)).collect();
        bench.put_raw(Place::Labels, &labels);
        bench.put(Place::Weights, self.weights.as_flattened());
        bench.put(Place::Losses, &vec![0.0; self.labels.len()]);
    }

    fn parameters(&self, classes: usize) -> Vec<u32> {
        vec![classes as u32, 0, u32::from(!self.bias.is_empty())]
    }

    /// Largest logit of a column, in size.
    fn size(&self, column: usize, classes: usize) -> f64 {
        let z = &self.block[column * classes..(column + 1) * classes];
        let largest = |x: &[f64]| x.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        largest(z) * self.weights[column][0] + largest(&self.bias)
    }
}

/// How far a column may be off, relative to its largest entry.
///
/// A logit of size z carries errors of 2 roundings of it, an exponential of x may be off by 3 + 2|x| of them (Vulkan's bound) and sums of K terms over 256 threads by K/256 + 8; a power
/// c^γ multiplies the relative errors of c by γ and adds those of γ log c.
fn allowed(size: f64, classes: usize, steepness: f64) -> f64 {
    EPSILON * (1.0 + steepness) * (40.0 + 16.0 * size + classes as f64 / 256.0)
}

/// What the loss's parameters multiply errors by; the exponents of the formulas here are 2, and no parameters.
fn steepness(loss: &Loss) -> f64 {
    if matches!(loss, Loss::Custom(_)) {
        return 2.0;
    }
    loss.parameters().iter().map(|(_, value)| value.abs()).fold(0.0, f64::max)
}

#[test]
fn residual_and_curvature_agree_with_their_twins_for_every_loss() {
    let Some(device) = shared() else { return };
    let shapes = [(2, 3), (10, 70), (257, 5), (600, 9), (5, 1)];
    for (position, loss) in losses().iter().enumerate() {
        let mut bench = Bench::new(device, loss.function());
        for (at, (classes, columns)) in shapes.into_iter().enumerate() {
            let index = (10 * position + at) as u64;
            // From flat to nearly collapsed.
            let scale = [1.0, 3.0, 0.1, 2.0, 8.0][at];
            let it = Drawn::new(index, classes, columns, at % 2 == 0, scale);
            let what = format!("{loss}, {classes} classes, {columns} columns");
            it.put(&mut bench);
            let bindings = [(1, Place::Slab), (2, Place::Factors), (3, Place::Labels), (4, Place::Weights)];
            let groups = [columns as u32, 1];
            let residual = Call {
                kernel: Kernel::Residual,
                parameters: it.parameters(classes),
                bindings: [&bindings[..], &[(5, Place::Losses)]].concat(),
                groups,
            };
            bench.call(&[residual]);
            let mut expected = it.block.clone();
            let values = twins::residual(loss.function(), it.columns(), &mut expected);
            let found = (bench.get(Place::Slab), bench.get(Place::Losses));
            compare(&found.0, &expected, classes, &what, |i| allowed(it.size(i, classes), classes, steepness(loss)));
            for (i, (found, value)) in found.1.iter().zip(&values).enumerate() {
                let room = allowed(it.size(i, classes), classes, steepness(loss)) * (value.abs() + it.weights[i][1]);
                assert!((found - value).abs() <= room, "{what}: loss {i}: {found} {value}");
            }

            it.put(&mut bench);
            let direction = drawn("direction", index, classes * columns, 1.0);
            let direction_bias = if it.bias.is_empty() { vec![0.0] } else { drawn("direction bias", index, classes, 1.0) };
            bench.put(Place::Tangent, &direction);
            bench.put(B, &direction_bias);
            let curvature = Call {
                kernel: Kernel::Curvature,
                parameters: it.parameters(classes),
                bindings: [&bindings[..], &[(6, Place::Tangent), (7, B)]].concat(),
                groups,
            };
            bench.call(&[curvature]);
            let mut curved = direction.clone();
            let bias = if it.bias.is_empty() { &[][..] } else { &direction_bias };
            twins::curvature(loss.function(), it.columns(), &it.block, bias, &mut curved);
            // Products with directions of size 1 to 4 of a Hessian with differences in it.
            let room = |i| 8.0 * allowed(it.size(i, classes), classes, steepness(loss));
            compare(&bench.get(Place::Tangent), &curved, classes, &format!("{what}, curvature"), room);
            compare(&bench.get(Place::Slab), &expected, classes, &what, room);
        }
    }
}

/// Column by column, relative to the largest entry.
fn compare(found: &[f64], expected: &[f64], classes: usize, what: &str, allowed: impl Fn(usize) -> f64) {
    for (i, (found, expected)) in found.chunks_exact(classes).zip(expected.chunks_exact(classes)).enumerate() {
        let largest = expected.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        // Below 1e-30 `f32` has no normal numbers to spare.
        let room = allowed(i) * largest + 1e-30;
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= room, "{what}, column {i}: {found:e} {expected:e}, allowed {room:e}");
        }
    }
}

#[test]
fn vector_operations_agree_with_their_twins() {
    let Some(device) = shared() else { return };
    let loss = &losses()[0];
    let mut bench = Bench::new(device, loss.function());
    bench.put(Place::Factors, &[-0.75, 0.5]);
    bench.put(Place::Partials, &vec![0.0; 2 * PARTIALS as usize]);
    bench.put(Place::Results, &[0.0; 8]);
    for (index, length) in [1, 255, 256, 257, 5000, 300_001].into_iter().enumerate() {
        let index = index as u64;
        let (x, y, v) = (drawn("x", index, length, 1.0), drawn("y", index, length, 1.0), drawn("v", index, length, 1.0));
        bench.put(A, &x);
        bench.put(OUT, &v);
        let groups = (length as u32).div_ceil(256).clamp(1, 1024);
        let spans = vec![length as u32, 0, 1, groups * 256];
        let vector = |kernel, more: &[(u32, Place)]| Call {
            kernel,
            parameters: spans.clone(),
            bindings: [&[(1, Place::Factors), (2, A), (3, B)], more].concat(),
            groups: [groups, 1],
        };
        for (kernel, twin) in [(Kernel::Scale, twins::scale as fn(f64, &[f64], &mut [f64])), (Kernel::Axpy, twins::axpy)] {
            bench.put(B, &y);
            bench.call(&[vector(kernel, &[])]);
            let mut expected = y.clone();
            twin(-0.75, &x, &mut expected);
            close(&bench.get(B), &expected, kernel.name());
        }
        bench.put(B, &y);
        bench.call(&[vector(Kernel::HeavyBall, &[(4, OUT)])]);
        let (mut expected, mut velocity) = (y.clone(), v.clone());
        twins::heavy_ball(-0.75, 0.5, &x, &mut expected, &mut velocity);
        close(&bench.get(B), &expected, "heavy_ball");
        close(&bench.get(OUT), &velocity, "heavy_ball's velocity");

        bench.put(B, &y);
        let partials = (length as u32).div_ceil(4096).clamp(1, 256);
        let reduce = |kernel, inputs: &[(u32, Place)], slot| {
            let parameters = vec![length as u32, partials * 256, slot, partials, 0];
            let bindings = [inputs, &[(3, Place::Partials)]].concat();
            let gather = vec![(3, Place::Partials), (4, Place::Results)];
            [
                Call { kernel, parameters: parameters.clone(), bindings, groups: [partials, 1] },
                Call { kernel: Kernel::Gather, parameters, bindings: gather, groups: [1, 1] },
            ]
        };
        bench.call(&reduce(Kernel::DotTerms, &[(1, A), (2, B)], 1));
        bench.call(&reduce(Kernel::SumTerms, &[(1, A)], 2));
        let results = bench.get(Place::Results);
        // Compensated: one rounding of every product, and next to nothing for the sum.
        let size: f64 = x.iter().zip(&y).map(|(x, y)| (x * y).abs()).sum();
        let dot = results[2] + results[3];
        assert!((dot - twins::dot(&x, &y)).abs() <= 1.01 * EPSILON * size, "{length}: {dot} {}", twins::dot(&x, &y));
        let (sum, size) = (results[4] + results[5], x.iter().map(|x| x.abs()).sum::<f64>());
        assert!((sum - twins::sum(&x)).abs() <= 1e-3 * EPSILON * size, "{length}: {sum} {}", twins::sum(&x));
    }
}

/// Entry by entry: a few roundings of numbers of size 1 to 5.
fn close(found: &[f64], expected: &[f64], what: &str) {
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 16.0 * EPSILON, "{what} at {at}: {found} {expected}");
    }
}

#[test]
fn row_sums_agree_with_their_twin() {
    let Some(device) = shared() else { return };
    let loss = &losses()[0];
    let mut bench = Bench::new(device, loss.function());
    for (index, (classes, columns)) in [(2, 3), (16, 16), (17, 33), (300, 70), (3, 1)].into_iter().enumerate() {
        let it = Drawn::new(index as u64, classes, columns, false, 1.0);
        let before = drawn("row sums", index as u64, classes, 1.0);
        it.put(&mut bench);
        bench.put(OUT, &before);
        bench.call(&[Call {
            kernel: Kernel::RowSums,
            parameters: vec![classes as u32, 0, columns as u32],
            bindings: vec![(1, Place::Slab), (2, Place::Weights), (3, OUT)],
            groups: [classes.div_ceil(16) as u32, 1],
        }]);
        let mut expected = before.clone();
        twins::row_sums(&it.block, &it.weights, &mut expected);
        let size = it.block.iter().fold(0.0_f64, |most, x| most.max(x.abs())) * 2.0 * columns as f64;
        for (found, expected) in bench.get(OUT).iter().zip(&expected) {
            assert!((found - expected).abs() <= EPSILON * (8.0 + columns as f64 / 16.0) * size, "{classes}: {found} {expected}");
        }
    }
}

#[test]
fn a_block_that_begins_later_reads_its_own_columns() {
    let Some(device) = shared() else { return };
    let loss = &losses()[0];
    let mut bench = Bench::new(device, loss.function());
    let (classes, columns, first) = (11, 9, 4);
    let it = Drawn::new(1, classes, columns, false, 2.0);
    it.put(&mut bench);
    let block = &it.block[..classes * (columns - first)];
    bench.put(Place::Slab, block);
    bench.call(&[Call {
        kernel: Kernel::Residual,
        parameters: vec![classes as u32, first as u32, 0],
        bindings: vec![(1, Place::Slab), (2, Place::Factors), (3, Place::Labels), (4, Place::Weights), (5, Place::Losses)],
        groups: [(columns - first) as u32, 1],
    }]);
    let later = Columns { labels: &it.labels[first..], weights: &it.weights[first..], bias: &[] };
    let mut expected = block.to_vec();
    let values = twins::residual(loss.function(), later, &mut expected);
    compare(&bench.get(Place::Slab), &expected, classes, "a later block", |_| 1e-5);
    let losses = bench.get(Place::Losses);
    assert!(losses[..first].iter().all(|x| x.abs() < 1e-30), "losses of other columns were touched: {losses:?}");
    assert!(relative(&losses[first..], &values) < 1e-5);
}
