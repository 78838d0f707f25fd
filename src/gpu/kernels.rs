//! Compiled kernels, and programs bound to buffers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::device::{Buffer, Device, wait_for};
use super::plan::UNIFORM;
use super::program::{Call, Kernel, Place};
use super::{GpuError, PlantedFault};
use crate::losses::{Epilogue, LossFunction};

const BLOCK: &str = include_str!("block.wgsl");
const PRODUCT: &str = include_str!("product.wgsl");
const REDUCE: &str = include_str!("reduce.wgsl");
const ROW_SUMS: &str = include_str!("row_sums.wgsl");
const SEPARABLE: &str = include_str!("separable.wgsl");
const SOFTMAX: &str = include_str!("softmax.wgsl");
const VECTOR: &str = include_str!("vector.wgsl");

/// What was compiled on a device so far, by kernel and text.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    known: Mutex<HashMap<(Kernel, String), wgpu::ComputePipeline>>,
}

/// The kernels of a problem.
pub(super) struct Kernels {
    pipelines: Vec<wgpu::ComputePipeline>,
}

/// Dispatches bound to their buffers, to be submitted any number of times.
pub(super) struct Program {
    steps: Vec<(Kernel, wgpu::BindGroup, [u32; 2])>,
    /// The kernels' parameters, which the bind groups refer to.
    _parameters: Buffer,
}

/// The text of a kernel; the loss's kernels end with its epilogue.
fn text(kernel: Kernel, epilogue: &Epilogue) -> String {
    match kernel {
        Kernel::Product => PRODUCT.to_owned(),
        Kernel::Residual | Kernel::Curvature => {
            let body = match epilogue {
                Epilogue::Softmax { .. } => SOFTMAX,
                Epilogue::Separable { .. } => SEPARABLE,
            };
            format!("{BLOCK}\n{body}\n{}", epilogue.text())
        }
        Kernel::RowSums => ROW_SUMS.to_owned(),
        Kernel::Scale | Kernel::Axpy | Kernel::HeavyBall => VECTOR.to_owned(),
        Kernel::DotTerms | Kernel::SumTerms | Kernel::Gather => REDUCE.to_owned(),
    }
}

impl Kernels {
    /// Compiles what a loss needs, or takes it from what the device has compiled before.
    pub(super) fn new(device: &Device, loss: &dyn LossFunction) -> Result<Self, GpuError> {
        let epilogue = loss.epilogue();
        if let Some(what) = epilogue.refused() {
            return Err(GpuError::Unusable { adapter: device.name().to_owned(), what });
        }
        let mut known = device.pipelines.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pipelines = Vec::new();
        for kernel in Kernel::ALL {
            let mut text = text(kernel, &epilogue);
            if device.fault == Some(PlantedFault::Shader) && kernel == Kernel::Residual {
                text.push_str("\nfn planted() -> f32 { return unknown_name; }\n");
            }
            let key = (kernel, text);
            let pipeline = match known.get(&key) {
                Some(pipeline) => pipeline.clone(),
                None => {
                    let pipeline = compile(device, kernel, &key.1)?;
                    known.insert(key, pipeline.clone());
                    pipeline
                }
            };
            pipelines.push(pipeline);
        }
        Ok(Self { pipelines })
    }

    fn pipeline(&self, kernel: Kernel) -> &wgpu::ComputePipeline {
        &self.pipelines[kernel as usize]
    }

    /// Binds calls to buffers.
    pub(super) fn bind<'a>(
        &self,
        device: &Device,
        calls: &[Call],
        buffer: impl Fn(Place) -> &'a Buffer,
    ) -> Result<Program, GpuError> {
        let bytes = (calls.len() as u64 * UNIFORM).max(UNIFORM);
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let parameters = device.buffer("parameters of the kernels", bytes, usage)?;
        let mut text = Vec::with_capacity(bytes as usize);
        for call in calls {
            let start = text.len();
            text.extend(call.parameters.iter().flat_map(|number| number.to_le_bytes()));
            text.resize(start + UNIFORM as usize, 0);
        }
        device.queue.write_buffer(&parameters.raw, 0, &text);
        let bind = |(index, call): (usize, &Call)| {
            let uniform = wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &parameters.raw,
                    offset: index as u64 * UNIFORM,
                    // A struct in uniform space is a multiple of 16 bytes.
                    size: wgpu::BufferSize::new((call.parameters.len() as u64 * 4).next_multiple_of(16)),
                }),
            };
            let entries: Vec<wgpu::BindGroupEntry<'_>> =
                std::iter::once(uniform)
                    .chain(call.bindings.iter().map(|&(binding, place)| wgpu::BindGroupEntry {
                        binding,
                        resource: buffer(place).raw.as_entire_binding(),
                    }))
                    .collect();
            let layout = self.pipeline(call.kernel).get_bind_group_layout(0);
            let group = device.raw.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(call.kernel.name()),
                layout: &layout,
                entries: &entries,
            });
            (call.kernel, group, call.groups)
        };
        let steps = calls.iter().enumerate().map(bind).collect();
        device.check()?;
        Ok(Program { steps, _parameters: parameters })
    }

    /// Submits programs, one after another.
    pub(super) fn submit(&self, device: &Device, programs: &[&Program]) -> Result<(), GpuError> {
        let mut encoder = device.raw.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for (kernel, group, [x, y]) in programs.iter().flat_map(|program| &program.steps) {
                pass.set_pipeline(self.pipeline(*kernel));
                pass.set_bind_group(0, group, &[]);
                pass.dispatch_workgroups(*x, *y, 1);
            }
        }
        device.queue.submit([encoder.finish()]);
        device.check()
    }
}

/// Compiles a kernel; the compiler's objections are an error, not a panic.
fn compile(device: &Device, kernel: Kernel, text: &str) -> Result<wgpu::ComputePipeline, GpuError> {
    let internal = device.raw.push_error_scope(wgpu::ErrorFilter::Internal);
    let validity = device.raw.push_error_scope(wgpu::ErrorFilter::Validation);
    let module = device.raw.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(kernel.name()),
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let pipeline = device.raw.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name()),
        layout: None,
        module: &module,
        entry_point: Some(kernel.name()),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let found = (wait_for(validity.pop()), wait_for(internal.pop()));
    device.check()?;
    match found {
        (None, None) => Ok(pipeline),
        (Some(error), _) | (None, Some(error)) => {
            Err(GpuError::Shader { kernel: kernel.name().into(), message: error.to_string().trim().to_owned() })
        }
    }
}
