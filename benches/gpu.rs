//! Gradients on the GPU against what the adapter can do at best: `cargo bench --bench gpu [-- K d N …]`, three numbers a line of the table.
//!
//! The ceilings are measured in the same run: the driver's own copy of a buffer, and this program's product of large square matrices. UFM_GPU_ADAPTER chooses an adapter by a part of its name.

#![expect(clippy::print_stdout, reason = "printing is what a bench does")]

use std::time::Instant;

use ufm::gpu::{Device, GpuError, Method, Options, Repeated, Resident};
use ufm::losses::ALL;
use ufm::model::{Bias, Decay, Point, Shape};
use ufm::numeric::{gaussian, stream};
use ufm::objective::Problem;

/// Measurements go on until they have taken this long.
const SECONDS: f64 = 2.0;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let adapter = std::env::var("UFM_GPU_ADAPTER").ok();
    let device = match Device::open(&Options { adapter, ..Options::default() }) {
        Ok(device) => device,
        Err(error) => return println!("no figure: {error}"),
    };
    if let Err(error) = table(&device, &numbers) {
        println!("stopped: {error}");
    }
}

fn table(device: &Device, numbers: &[usize]) -> Result<(), GpuError> {
    let bytes = device.limits().buffer.min(64 << 20);
    let copy = Repeated::copy(device, bytes)?;
    let copied = 2.0 * bytes as f64 / seconds(|times| copy.run(times))?;
    drop(copy);
    let size = 1024;
    let product = Repeated::product(device, size)?;
    let multiplied = 2.0 * (size as f64).powi(3) / seconds(|times| product.run(times))?;
    drop(product);
    println!("adapter\t{}", device.name());
    println!("copy\t{:.2} GB/s", copied / 1e9);
    println!("product\t{:.2} GFLOP/s ({size}³)", multiplied / 1e9);
    println!("K\td\tN\titerations/s\tGFLOP/s\tof product\tGB/s\tof copy\tMB on the device");
    let sizes: Vec<[usize; 3]> = match numbers {
        [] => vec![[100, 64, 2000], [1000, 128, 4000]],
        given => given.as_chunks().0.to_vec(),
    };
    for [classes, width, samples] in sizes {
        let shape = Shape::balanced(classes, width, samples.div_ceil(classes)).expect("K ≥ 2 and N ≥ K");
        let decay = Decay { w: 1e-5, h: 1e-5, b: 0.0 };
        let problem = Problem { shape, bias: Bias::None, decay, loss: (ALL[0].build)(&[]), scale: 1.0 };
        let mut data = vec![0.0; problem.dimension()];
        gaussian(&mut stream(1, "bench", 0), 0.1, &mut data);
        let resident = Resident::new(device, &problem, &Method::Momentum { step: 1.0, momentum: 0.9 })?;
        resident.set_point(&Point::from_vec(&problem.shape, problem.bias, data))?;
        let time = seconds(|times| resident.repeat_gradient(times))?;
        let (k, d, n) = (classes as f64, width as f64, problem.shape.samples() as f64);
        // Three products. Traffic that no blocking avoids: every logit written and read three times, W and H read twice, their gradients written.
        let operations = 6.0 * k * d * n;
        let traffic = 4.0 * (4.0 * k * n + 4.0 * d * (k + n));
        println!(
            "{classes}\t{width}\t{}\t{:.3}\t{:.2}\t{:.2}\t{:.2}\t{:.2}\t{:.1}",
            problem.shape.samples(),
            1.0 / time,
            operations / time / 1e9,
            operations / time / multiplied,
            traffic / time / 1e9,
            traffic / time / copied,
            resident.plan().bytes() as f64 / 1e6
        );
    }
    Ok(())
}

/// Seconds of one repetition, after one to warm up.
fn seconds(run: impl Fn(usize) -> Result<(), GpuError>) -> Result<f64, GpuError> {
    run(1)?;
    let start = Instant::now();
    let mut times = 0;
    while times == 0 || start.elapsed().as_secs_f64() < SECONDS {
        let more = (times as usize).clamp(1, 64);
        run(more)?;
        times += more as u32;
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(times))
}
