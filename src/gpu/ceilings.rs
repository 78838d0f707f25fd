//! What a device can do at best, as the bench measures it: submissions that are repeated and waited for. Clocks are the caller's.

use super::GpuError;
use super::device::{Buffer, Device};
use super::kernels::{Kernels, Program};
use super::program::{Call, Kernel, Place};
use crate::losses::CrossEntropy;

/// Work on a device that can be repeated.
pub struct Repeated<'d> {
    device: &'d Device,
    work: Work,
    buffers: Vec<Buffer>,
}

enum Work {
    /// The driver's own copy, of so many bytes.
    Copy(u64),
    /// Our product, alone.
    Product(Kernels, Program),
}

impl<'d> Repeated<'d> {
    /// A copy of so many bytes from one buffer to another by the driver: 2·bytes of traffic.
    pub fn copy(device: &'d Device, bytes: u64) -> Result<Self, GpuError> {
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffers = vec![device.buffer("copied from", bytes, usage)?, device.buffer("copied to", bytes, usage)?];
        Ok(Self { device, work: Work::Copy(bytes), buffers })
    }

    /// A product of two matrices of this many rows and columns: 2·size³ operations.
    pub fn product(device: &'d Device, size: usize) -> Result<Self, GpuError> {
        let kernels = Kernels::new(device, &CrossEntropy)?;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let make = |_| device.buffer("a square matrix", (size * size * 4) as u64, usage);
        let buffers = (0..3).map(make).collect::<Result<Vec<_>, _>>()?;
        let numbers = [size, size, size, 0, 0, 1, size, 0, 1, size, 0, size];
        let place = |index| Place::Vector(index, 0);
        let call = Call {
            kernel: Kernel::Product,
            parameters: numbers.iter().map(|&number| number as u32).collect(),
            bindings: vec![(1, place(0)), (2, place(1)), (3, place(2))],
            groups: [size.div_ceil(64) as u32; 2],
        };
        let find = |place| match place {
            Place::Vector(index, _) => &buffers[index],
            _ => unreachable!("a product has three matrices"),
        };
        let program = kernels.bind(device, &[call], find)?;
        Ok(Self { device, work: Work::Product(kernels, program), buffers })
    }

    /// Does it `times` times and waits.
    pub fn run(&self, times: usize) -> Result<(), GpuError> {
        match &self.work {
            Work::Copy(bytes) => {
                let mut encoder = self.device.raw.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                for _ in 0..times {
                    encoder.copy_buffer_to_buffer(&self.buffers[0].raw, 0, &self.buffers[1].raw, 0, *bytes);
                }
                self.device.queue.submit([encoder.finish()]);
            }
            Work::Product(kernels, program) => kernels.submit(self.device, &vec![program; times])?,
        }
        self.device.wait()
    }
}
