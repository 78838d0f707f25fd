//! A problem on the device: its vectors, its columns' labels and weights, and the programs that compute f, ∇f and ∇²f·v there.

use super::device::{Buffer, Device};
use super::kernels::{Kernels, Program};
use super::plan::{FACTORS, FLOAT, PARTIALS, TRANSFER};
use super::program::{Call, DECAYS, GRADIENT, POINT, Place};
use super::{GpuError, Measured, Method, Plan};
use crate::model::Point;
use crate::objective::Problem;

/// Floats carried at a time.
const CARRIED: usize = (TRANSFER / FLOAT) as usize;

/// A problem whose vectors live on the device.
pub struct Resident<'d> {
    device: &'d Device,
    problem: Problem,
    plan: Plan,
    kernels: Kernels,
    /// By vector, then by piece.
    vectors: Vec<Vec<Buffer>>,
    slab: Buffer,
    tangent: Option<Buffer>,
    labels: Buffer,
    weights: Buffer,
    losses: Buffer,
    partials: Buffer,
    results: Buffer,
    factors: Buffer,
    transfer: Buffer,
    gradient: Option<Program>,
    measure: Option<Program>,
}

impl<'d> Resident<'d> {
    /// Allocates everything that the plan says. Where the device has no room, the slab is made smaller as often as it can be.
    pub fn new(device: &'d Device, problem: &Problem, method: &Method) -> Result<Self, GpuError> {
        let mut plan = device.plan(problem, method)?;
        loop {
            match Self::with_plan(device, problem, method, plan.clone()) {
                Err(GpuError::Memory { .. }) if plan.slab() > 1 => {
                    plan = Plan::with_slab(problem, method, device.limits(), plan.slab().div_ceil(4));
                }
                done => return done,
            }
        }
    }

    fn with_plan(device: &'d Device, problem: &Problem, method: &Method, plan: Plan) -> Result<Self, GpuError> {
        let kernels = Kernels::new(device, problem.loss.function())?;
        let layout = plan.layout;
        let storage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let floats = |what, count: u64| device.buffer(what, count * FLOAT, storage);
        let vector = |_| (0..layout.pieces()).map(|piece| floats("a vector", layout.length(piece) as u64)).collect();
        let vectors = (0..plan.vectors).map(vector).collect::<Result<Vec<Vec<Buffer>>, GpuError>>()?;
        let columns = layout.columns as u64;
        let carry = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let mut resident = Self {
            device,
            problem: problem.clone(),
            kernels,
            vectors,
            slab: floats("a slab of logits", (layout.classes * layout.slab) as u64)?,
            tangent: None,
            labels: floats("labels", columns)?,
            weights: floats("weights of the columns", 2 * columns)?,
            losses: floats("losses of the columns", columns)?,
            partials: floats("partial sums", 2 * PARTIALS)?,
            results: floats("sums", 2 * method.results(&layout) as u64)?,
            factors: floats("factors", FACTORS)?,
            transfer: device.buffer("transfer", TRANSFER, carry)?,
            gradient: None,
            measure: None,
            plan,
        };
        resident.write_columns()?;
        let decay = problem.decay;
        resident.set_factors(DECAYS, &[decay.w, decay.h, decay.b]);
        resident.gradient = Some(resident.program(&layout.gradient())?);
        resident.measure = Some(resident.program(&layout.measure())?);
        Ok(resident)
    }

    /// The plan that was carried out.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Labels and weights of the columns.
    fn write_columns(&self) -> Result<(), GpuError> {
        let shape = &self.problem.shape;
        let factor = self.problem.scale / shape.samples() as f64;
        // Pieces that are a multiple of what both arrays need.
        for first in (0..shape.columns()).step_by(CARRIED / 2) {
            let range = first..shape.columns().min(first + CARRIED / 2);
            let labels: Vec<u8> = shape.labels()[range.clone()].iter().flat_map(|&label| (label as u32).to_le_bytes()).collect();
            self.device.queue.write_buffer(&self.labels.raw, first as u64 * FLOAT, &labels);
            let weight = |i| {
                let stretch = shape.stretch(i);
                [(1.0 / stretch) as f32, (factor * (shape.multiplicity(i) as f64 / stretch)) as f32]
            };
            let weights: Vec<f32> = range.flat_map(weight).collect();
            self.device.write(&self.weights, 2 * first as u64, &weights);
            self.flush()?;
        }
        Ok(())
    }

    /// Hands over what was written, so that the driver's copies of it do not pile up.
    fn flush(&self) -> Result<(), GpuError> {
        self.device.queue.submit([]);
        self.device.wait()
    }

    /// Writes a packed vector, rounded to `f32`.
    pub(super) fn upload(&self, vector: usize, packed: &[f64]) -> Result<(), GpuError> {
        let mut start = 0;
        for (piece, buffer) in self.vectors[vector].iter().enumerate() {
            let length = self.plan.layout.length(piece);
            for at in (0..length).step_by(CARRIED) {
                let end = length.min(at + CARRIED);
                let numbers: Vec<f32> = packed[start + at..start + end].iter().map(|&x| x as f32).collect();
                self.device.write(buffer, at as u64, &numbers);
                self.flush()?;
            }
            start += length;
        }
        Ok(())
    }

    /// Reads a vector back, packed.
    pub(super) fn download(&self, vector: usize) -> Result<Vec<f64>, GpuError> {
        let mut packed = Vec::with_capacity(self.plan.layout.dimension());
        for (piece, buffer) in self.vectors[vector].iter().enumerate() {
            let length = self.plan.layout.length(piece);
            for at in (0..length).step_by(CARRIED) {
                let count = (length - at).min(CARRIED);
                let numbers = self.device.read(buffer, at as u64, count as u64, &self.transfer)?;
                packed.extend(numbers.into_iter().map(f64::from));
            }
        }
        Ok(packed)
    }

    /// Sets the point.
    pub fn set_point(&self, x: &Point) -> Result<(), GpuError> {
        self.upload(POINT, x.as_slice())
    }

    /// Reads the point back.
    pub fn point(&self) -> Result<Point, GpuError> {
        Ok(Point::from_vec(&self.problem.shape, self.problem.bias, self.download(POINT)?))
    }

    /// Sets factors from a place on.
    pub(super) fn set_factors(&self, place: u32, factors: &[f64]) {
        let numbers: Vec<f32> = factors.iter().map(|&x| x as f32).collect();
        self.device.write(&self.factors, u64::from(place), &numbers);
    }

    /// Binds calls to this problem's buffers.
    pub(super) fn program(&self, calls: &[Call]) -> Result<Program, GpuError> {
        self.kernels.bind(self.device, calls, |place| self.buffer(place))
    }

    fn buffer(&self, place: Place) -> &Buffer {
        match place {
            Place::Vector(vector, piece) => &self.vectors[vector][piece],
            Place::Slab => &self.slab,
            Place::Tangent => self.tangent.as_ref().expect("allocated before it is bound"),
            Place::Labels => &self.labels,
            Place::Weights => &self.weights,
            Place::Losses => &self.losses,
            Place::Partials => &self.partials,
            Place::Results => &self.results,
            Place::Factors => &self.factors,
        }
    }

    /// Submits a gradient at the point, and `after` it.
    pub(super) fn submit_gradient(&self, after: &[&Program]) -> Result<(), GpuError> {
        let gradient = self.gradient.as_ref().expect("made with the problem");
        self.submit(&[&[gradient], after].concat())
    }

    pub(super) fn submit(&self, programs: &[&Program]) -> Result<(), GpuError> {
        self.kernels.submit(self.device, programs)
    }

    /// The program that sums up what [`Resident::measured`] reads.
    pub(super) fn measure(&self) -> &Program {
        self.measure.as_ref().expect("made with the problem")
    }

    /// Sums from `slots`, each as the sum and what rounding took from it.
    pub(super) fn sums(&self, slots: std::ops::Range<usize>) -> Result<Vec<f64>, GpuError> {
        let numbers = self.device.read(&self.results, 2 * slots.start as u64, 2 * slots.len() as u64, &self.transfer)?;
        Ok(numbers.chunks_exact(2).map(|pair| f64::from(pair[0]) + f64::from(pair[1])).collect())
    }

    /// The numbers at the point, after a gradient and the program of [`Resident::measure`]. `unit` is that of even coordinates, 1 without them.
    pub(super) fn measured(&self, outer: &Problem, unit: f64) -> Result<Measured, GpuError> {
        let layout = &self.plan.layout;
        let (_, points, gradients) = layout.measured();
        let all = self.sums(0..gradients.end)?;
        let parts = |range: std::ops::Range<usize>| {
            let pieces = &all[range];
            let chunks = layout.chunks();
            (pieces[0], pieces[1..1 + chunks].iter().sum::<f64>(), pieces[1 + chunks..].iter().sum::<f64>())
        };
        let ((w, h, b), (dw, dh, db)) = (parts(points), parts(gradients));
        let decay = self.problem.decay;
        let value = all[0] + 0.5 * (decay.w * w + decay.h * h + decay.b * b);
        // ∂f/∂(W/a) = a ∂f/∂W.
        let norm = ((dw + dh) / (unit * unit) + db).sqrt();
        let scale = outer.decay.mu() + unit * (outer.decay.w * w.sqrt() + outer.decay.h * h.sqrt());
        Ok(Measured { value, gradient_norm: norm, gradient_norm_scaled: norm / scale })
    }

    /// Computes ∇f at the point `times` times and waits: what a bench measures.
    pub fn repeat_gradient(&self, times: usize) -> Result<(), GpuError> {
        for _ in 0..times {
            self.submit_gradient(&[])?;
        }
        self.device.wait()
    }

    /// f and ∇f at the point as the device computes them, the gradient packed.
    pub fn value_gradient(&self) -> Result<(f64, Vec<f64>), GpuError> {
        self.submit_gradient(&[self.measure()])?;
        let measured = self.measured(&self.problem, 1.0)?;
        Ok((measured.value, self.download(GRADIENT)?))
    }

    /// ∇²f at the point times a packed direction. The first call allocates the direction's logits; the method must have room for two vectors.
    pub fn hessian_product(&mut self, direction: &[f64]) -> Result<Vec<f64>, GpuError> {
        let layout = self.plan.layout;
        if self.tangent.is_none() {
            let usage = wgpu::BufferUsages::STORAGE;
            let bytes = (layout.classes * layout.slab) as u64 * FLOAT;
            self.tangent = Some(self.device.buffer("a slab of the direction's logits", bytes, usage)?);
        }
        let (from, to) = (super::program::STATE, GRADIENT);
        self.upload(from, direction)?;
        let program = self.program(&layout.hessian_product(from, to))?;
        self.submit(&[&program])?;
        self.download(to)
    }
}
