//! The device: adapters, buffers whose bytes are counted, submissions, and faults as values.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::kernels::Pipelines;
use super::{AdapterSummary, GpuError, Limits, Method, Options, Outcome, Plan, PlantedFault, Watch, descent};
use crate::model::Point;
use crate::objective::Problem;

/// Storage buffers that the kernel with the most of them binds.
const BINDINGS: u32 = 7;

/// An opened device.
#[derive(Debug)]
pub struct Device {
    pub(super) raw: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) pipelines: Pipelines,
    pub(super) fault: Option<PlantedFault>,
    limits: Limits,
    failed: Arc<Mutex<Option<GpuError>>>,
    ledger: Arc<Ledger>,
}

/// Bytes allocated, by this program's own count.
#[derive(Debug, Default)]
struct Ledger {
    held: AtomicU64,
    peak: AtomicU64,
}

/// A buffer that is counted as long as it lives.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) raw: wgpu::Buffer,
    bytes: u64,
    ledger: Arc<Ledger>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.raw.destroy();
        self.ledger.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The adapters that there are, the best first.
pub fn adapters() -> Result<Vec<AdapterSummary>, GpuError> {
    Ok(found()?.iter().map(summary).collect())
}

/// The adapters, hardware before software.
fn found() -> Result<Vec<wgpu::Adapter>, GpuError> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    // Validation layers print on their own and are not everywhere.
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = wait_for(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let rank = |adapter: &wgpu::Adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    adapters.sort_by_key(rank);
    if adapters.is_empty() {
        let words =
            "no driver for Vulkan, Metal or Direct3D 12 offers one (on Debian, mesa-vulkan-drivers has a software adapter)";
        return Err(GpuError::NoAdapter(words.into()));
    }
    Ok(adapters)
}

/// An adapter in words.
fn summary(adapter: &wgpu::Adapter) -> AdapterSummary {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete GPU",
        wgpu::DeviceType::IntegratedGpu => "integrated GPU",
        wgpu::DeviceType::VirtualGpu => "virtual GPU",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    };
    let has = |feature: wgpu::Features, name: &'static str| features.contains(feature).then_some(name);
    let supports: Vec<&str> = [
        has(wgpu::Features::SHADER_F16, "f16"),
        has(wgpu::Features::SHADER_F64, "f64"),
        has(wgpu::Features::SUBGROUP, "subgroups"),
        has(wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mebibytes = |bytes: u64| bytes >> 20;
    let usable = unusable(&limits).map_or(String::new(), |what| format!("; cannot be used: {what}"));
    let driver = format!("{} {}", info.driver, info.driver_info);
    let details = format!(
        "single precision, {kind} by {}, driver {}; a binding holds {} MiB, a buffer {} MiB; has {}{usable}",
        info.backend,
        driver.trim(),
        mebibytes(limits.max_storage_buffer_binding_size),
        mebibytes(limits.max_buffer_size),
        if supports.is_empty() { "none of f16, f64, subgroups, timestamps".to_owned() } else { supports.join(", ") },
    );
    AdapterSummary { name: info.name, details }
}

/// What an adapter lacks of what every kernel needs.
fn unusable(limits: &wgpu::Limits) -> Option<String> {
    if limits.max_storage_buffers_per_shader_stage < BINDINGS {
        let allowed = limits.max_storage_buffers_per_shader_stage;
        return Some(format!("kernels bind {BINDINGS} buffers, it allows {allowed} (max_storage_buffers_per_shader_stage)"));
    }
    if limits.max_compute_invocations_per_workgroup < 256 || limits.max_compute_workgroup_size_x < 256 {
        let allowed = limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x);
        return Some(format!("workgroups have 256 threads, it allows {allowed} (max_compute_invocations_per_workgroup)"));
    }
    None
}

/// Runs a future to its end. Those of native backends are ready at once.
pub(super) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

impl Device {
    /// Opens the best adapter, or the one asked for.
    pub fn open(options: &Options) -> Result<Self, GpuError> {
        let mut adapters = found()?;
        if let Some(wanted) = &options.adapter {
            let names: Vec<String> = adapters.iter().map(|adapter| adapter.get_info().name).collect();
            adapters.retain(|adapter| adapter.get_info().name.to_lowercase().contains(&wanted.to_lowercase()));
            if adapters.is_empty() {
                return Err(GpuError::NoAdapter(format!("none is called `{wanted}`; there are: {}", names.join(", "))));
            }
        }
        let adapter = adapters.swap_remove(0);
        let (name, allowed) = (adapter.get_info().name, adapter.limits());
        let refused = |what| GpuError::Unusable { adapter: name.clone(), what };
        if let Some(what) = unusable(&allowed) {
            return Err(refused(what));
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("ufm"),
            required_limits: allowed.clone(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (raw, queue) = wait_for(adapter.request_device(&descriptor)).map_err(|error| refused(error.to_string()))?;
        let failed: Arc<Mutex<Option<GpuError>>> = Arc::default();
        let (on_error, on_loss) = (failed.clone(), failed.clone());
        raw.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            keep(&on_error, GpuError::Failed(error.to_string()));
        }));
        raw.set_device_lost_callback(move |reason, message| {
            // Dropping the device at the end is no loss: nobody asks any more.
            let lost = if message.is_empty() { format!("{reason:?}") } else { message };
            let mut slot = on_loss.lock().unwrap_or_else(PoisonError::into_inner);
            *slot = Some(GpuError::Lost(lost));
        });
        let binding = allowed.max_storage_buffer_binding_size;
        let limits = Limits {
            adapter: name,
            binding: options.binding_limit.map_or(binding, |limit| limit.min(binding)),
            buffer: allowed.max_buffer_size,
            workgroups: u64::from(allowed.max_compute_workgroups_per_dimension),
        };
        let fault = options.fault;
        Ok(Self { raw, queue, pipelines: Pipelines::default(), fault, limits, failed, ledger: Arc::default() })
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.limits.adapter
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes that are allocated now, and the most that ever were, by this program's own count.
    pub fn bytes(&self) -> (u64, u64) {
        (self.ledger.held.load(Ordering::Relaxed), self.ledger.peak.load(Ordering::Relaxed))
    }

    /// Bytes that the driver's allocator has handed out, where it tells: the count that does not depend on this program's own.
    pub fn bytes_reported(&self) -> Option<u64> {
        self.raw.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// What a descent would need.
    pub fn plan(&self, problem: &Problem, method: &Method) -> Result<Plan, GpuError> {
        Plan::new(problem, method, &self.limits)
    }

    /// Descends from `start` (in the problem's own coordinates) until the scaled gradient norm is at most `gradient_norm` (0: never) or `steps_max` steps are taken.
    ///
    /// The norm is looked at where `watch` is due and every 32 steps. Steps of a collapsed problem are made in its [even coordinates](Problem::even), as on the CPU.
    pub fn descend(
        &self,
        problem: &Problem,
        start: Point,
        method: &Method,
        gradient_norm: f64,
        steps_max: u64,
        watch: &mut dyn Watch,
    ) -> Result<Outcome, GpuError> {
        descent::descend(self, problem, start, method, gradient_norm, steps_max, watch)
    }

    /// Destroys the device: everything after it fails as if the driver had lost it.
    pub fn destroy(&self) {
        self.raw.destroy();
    }

    /// The fault that a callback reported, if any.
    pub(super) fn check(&self) -> Result<(), GpuError> {
        match &*self.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    /// A zeroed buffer, counted.
    pub(super) fn buffer(&self, what: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<Buffer, GpuError> {
        self.check()?;
        let held = self.ledger.held.load(Ordering::Relaxed);
        let full = || GpuError::Memory { what: what.to_owned(), bytes, held };
        if let Some(PlantedFault::MemoryAbove(most)) = self.fault
            && held + bytes > most
        {
            return Err(full());
        }
        let memory = self.raw.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validity = self.raw.push_error_scope(wgpu::ErrorFilter::Validation);
        let raw =
            self.raw.create_buffer(&wgpu::BufferDescriptor { label: Some(what), size: bytes, usage, mapped_at_creation: false });
        let (invalid, none_left) = (wait_for(validity.pop()), wait_for(memory.pop()));
        if none_left.is_some() {
            return Err(full());
        }
        if let Some(error) = invalid {
            self.check()?;
            return Err(GpuError::Failed(error.to_string()));
        }
        let held = self.ledger.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.ledger.peak.fetch_max(held, Ordering::Relaxed);
        Ok(Buffer { raw, bytes, ledger: self.ledger.clone() })
    }

    /// Waits until everything submitted is done.
    pub(super) fn wait(&self) -> Result<(), GpuError> {
        let polled = self.raw.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        polled.map(|_| ()).map_err(|error| GpuError::Failed(error.to_string()))
    }

    /// Copies floats into a buffer at an offset (in floats).
    pub(super) fn write(&self, to: &Buffer, offset: u64, data: &[f32]) {
        let bytes: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.queue.write_buffer(&to.raw, offset * 4, &bytes);
    }

    /// Reads floats of a buffer through the transfer buffer `by`, which must be large enough.
    pub(super) fn read(&self, from: &Buffer, offset: u64, length: u64, by: &Buffer) -> Result<Vec<f32>, GpuError> {
        let bytes = length * 4;
        let mut encoder = self.raw.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&from.raw, offset * 4, &by.raw, 0, bytes);
        self.queue.submit([encoder.finish()]);
        self.check()?;
        let slice = by.raw.slice(..bytes);
        let mapped: Arc<Mutex<Option<Result<(), String>>>> = Arc::default();
        let told = mapped.clone();
        slice.map_async(wgpu::MapMode::Read, move |result| {
            let result = result.map_err(|error| error.to_string());
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        });
        // Another thread that waits at the same time may be the one that is about to call back.
        let told = loop {
            self.wait()?;
            if let Some(told) = mapped.lock().unwrap_or_else(PoisonError::into_inner).take() {
                break told;
            }
            std::thread::yield_now();
        };
        told.map_err(GpuError::Failed)?;
        let view = slice.get_mapped_range().map_err(|error| GpuError::Failed(error.to_string()))?;
        let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let found = view.chunks_exact(4).map(number).collect();
        drop(view);
        by.raw.unmap();
        Ok(found)
    }
}

/// Keeps the first fault: what follows from it says less.
fn keep(slot: &Mutex<Option<GpuError>>, fault: GpuError) {
    slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
}
