//! What a descent needs on the device, before anything is allocated.

use super::program::Layout;
use super::{GpuError, Method};
use crate::model::Bias;
use crate::objective::Problem;

/// Bytes of a number on the device.
pub(super) const FLOAT: u64 = 4;
/// Most columns of a slab: enough for every multiprocessor to have a tile.
const SLAB_MOST: usize = 4096;
/// Fewest columns that a slab is divided into: a tile of the product.
const SLAB_LEAST: usize = 64;
/// Bytes through which points are carried to and from the device, a piece at a time.
pub(super) const TRANSFER: u64 = 4 << 20;
/// Uniform parameters of one dispatch: WebGPU's largest alignment.
pub(super) const UNIFORM: u64 = 256;
/// Places for factors of vector operations.
pub(super) const FACTORS: u64 = 256;
/// Most workgroups of a reduction.
pub(super) const PARTIALS: u64 = 256;

/// The adapter's limits that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The adapter's name.
    pub adapter: String,
    /// Most bytes of a storage buffer that a kernel sees.
    pub binding: u64,
    /// Most bytes of a buffer.
    pub buffer: u64,
    /// Most workgroups in a dimension.
    pub workgroups: u64,
}

/// Sizes of everything on the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How (W, H, b) lies there, and how many columns of logits there are at a time.
    pub layout: Layout,
    /// Vectors of the size of (W, H, b): the point, the gradient, and what the method keeps.
    pub vectors: usize,
    /// Every kind of buffer with its bytes in all.
    pub parts: Vec<(&'static str, u64)>,
}

impl Plan {
    /// The plan of a descent, or the limit that is in its way.
    pub fn new(problem: &Problem, method: &Method, limits: &Limits) -> Result<Self, GpuError> {
        let shape = &problem.shape;
        let (classes, width, columns) = (shape.classes() as u64, shape.width() as u64, shape.columns() as u64);
        let allowed = limits.binding.min(limits.buffer);
        let fault = |what: String, needed: u64, fits: String| GpuError::Limit {
            adapter: limits.adapter.clone(),
            what,
            needed,
            allowed,
            unit: "bytes",
            limit: "max_storage_buffer_binding_size",
            fits,
        };
        let w = classes * width * FLOAT;
        if w > allowed {
            let fits = format!("at this width, at most {} classes fit", allowed / FLOAT / width.max(1));
            return Err(fault(format!("W ({classes}×{width})"), w, fits));
        }
        let tile = SLAB_LEAST as u64 * classes * FLOAT;
        if tile > allowed {
            let fits = format!("at most {} classes fit", allowed / FLOAT / SLAB_LEAST as u64);
            return Err(fault(format!("a slab of {SLAB_LEAST} columns of logits"), tile, fits));
        }
        let per_column = 8 * columns;
        if per_column > allowed {
            return Err(fault("the weights of all columns".into(), per_column, format!("at most {} columns fit", allowed / 8)));
        }
        let vectors = 2 + method.vectors();
        let vector = (classes * width + width * columns + bias_entries(problem)) * FLOAT;
        // An eighth of what is needed anyway, and one tile at least.
        let room = (vectors as u64 * vector / 8).min(allowed) / (classes * FLOAT);
        let slab = (room as usize / SLAB_LEAST * SLAB_LEAST).clamp(SLAB_LEAST, SLAB_MOST).min(columns as usize);
        let plan = Self::with_slab(problem, method, limits, slab);
        let workgroups = (slab as u64).max(classes.div_ceil(16)).max((width).div_ceil(64));
        if workgroups > limits.workgroups {
            return Err(GpuError::Limit {
                adapter: limits.adapter.clone(),
                what: format!("a product with {classes} classes"),
                needed: workgroups,
                allowed: limits.workgroups,
                unit: "workgroups",
                limit: "max_compute_workgroups_per_dimension",
                fits: format!("at most {} classes fit", limits.workgroups * 16),
            });
        }
        Ok(plan)
    }

    /// The plan with slabs of `slab` columns.
    pub(super) fn with_slab(problem: &Problem, method: &Method, limits: &Limits, slab: usize) -> Self {
        let shape = &problem.shape;
        let (classes, width, columns) = (shape.classes() as u64, shape.width() as u64, shape.columns() as u64);
        let allowed = limits.binding.min(limits.buffer);
        // A column of H is never larger than W, since K ≥ 2.
        let most = (allowed / (width.max(1) * FLOAT)) as usize;
        let whole = if most >= slab { most / slab * slab } else { most.max(1) };
        let chunk = whole.min(shape.columns());
        let slab = slab.min(chunk);
        let layout = Layout::new(problem, chunk, slab);
        let vector = layout.dimension() as u64 * FLOAT;
        let calls: usize = method.programs(&layout).iter().map(Vec::len).sum();
        let parts = vec![
            ("the point", vector),
            ("its gradient", vector),
            ("the method's vectors", method.vectors() as u64 * vector),
            ("a slab of logits", classes * slab as u64 * FLOAT),
            ("labels, weights and losses of the columns", columns * (4 + 8 + 4)),
            ("sums and factors", (method.results(&layout) as u64 + PARTIALS) * 8 + FACTORS * FLOAT),
            ("parameters of the kernels", calls as u64 * UNIFORM),
            ("transfer", TRANSFER),
        ];
        Self { layout, vectors: 2 + method.vectors(), parts }
    }

    /// Columns of H in each of its buffers.
    pub fn chunk(&self) -> usize {
        self.layout.chunk
    }

    /// B, columns of logits at a time.
    pub fn slab(&self) -> usize {
        self.layout.slab
    }

    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Bytes of (W, H, b), their gradient and the method's vectors alone.
    pub fn bytes_of_vectors(&self) -> u64 {
        self.parts[..3].iter().map(|(_, bytes)| bytes).sum()
    }

    /// The plan in words, one line.
    pub fn words(&self) -> String {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let ratio = self.bytes() as f64 / self.bytes_of_vectors() as f64;
        format!(
            "{:.1} MB on the device, {ratio:.2} times the {:.1} MB of (W, H, b), gradient and optimiser state; {} columns of logits at a time, H in pieces of {} columns",
            megabytes(self.bytes()),
            megabytes(self.bytes_of_vectors()),
            self.slab(),
            self.chunk()
        )
    }
}

/// Entries of b.
fn bias_entries(problem: &Problem) -> u64 {
    if problem.bias == Bias::None { 0 } else { problem.shape.classes() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::{CrossEntropy, Loss};
    use crate::model::{Decay, Shape};

    fn problem(classes: usize, width: usize, per_class: usize) -> Problem {
        let shape = Shape::balanced(classes, width, per_class).unwrap();
        Problem {
            shape,
            bias: Bias::Free,
            decay: Decay { w: 1e-5, h: 1e-5, b: 0.0 },
            loss: Loss::CrossEntropy(CrossEntropy),
            scale: 1.0,
        }
    }

    /// WebGPU's limits on software Vulkan.
    fn limits() -> Limits {
        Limits { adapter: "a device".into(), binding: 128 << 20, buffer: 1 << 31, workgroups: 65_535 }
    }

    #[test]
    fn large_heads_need_little_beside_their_vectors() {
        let methods =
            [Method::GradientDescent { step: 1.0 }, Method::Momentum { step: 1.0, momentum: 0.9 }, Method::Lbfgs { memory: 10 }];
        for (classes, width, per_class) in [(1000, 512, 100), (10_000, 512, 10), (50_000, 512, 20)] {
            for method in &methods {
                let problem = problem(classes, width, per_class);
                let plan = Plan::new(&problem, method, &limits()).unwrap();
                let essential = (2 + method.vectors()) * problem.dimension() * 4;
                assert_eq!(plan.bytes_of_vectors(), essential as u64);
                assert!(2 * plan.bytes() < 3 * essential as u64, "{classes} {method:?}: {}", plan.words());
                // No buffer is larger than a binding: the slab, a chunk of H, W.
                let largest = (0..plan.layout.pieces()).map(|piece| plan.layout.length(piece)).max().unwrap();
                assert!(largest.max(classes * plan.slab()) * 4 <= 128 << 20, "{plan:?}");
                assert_eq!((0..plan.layout.pieces()).map(|piece| plan.layout.length(piece)).sum::<usize>(), problem.dimension());
            }
        }
    }

    #[test]
    fn chunks_and_slabs_cover_every_column_once() {
        for (binding, chunk) in [(128 << 20, 300), (64 * 7 * 4 * 2, 128), (2400, 85)] {
            let limits = Limits { binding, ..limits() };
            let plan = Plan::new(&problem(3, 7, 100), &Method::GradientDescent { step: 1.0 }, &limits).unwrap();
            assert_eq!(plan.chunk(), chunk, "{plan:?}");
            let calls = plan.layout.gradient();
            let residuals = calls.iter().filter(|call| call.kernel == crate::gpu::program::Kernel::Residual);
            let mut next = 0;
            for call in residuals {
                // (classes, first column, …), a workgroup a column.
                assert_eq!(call.parameters[1], next, "{plan:?}");
                next += call.groups[0];
            }
            assert_eq!(next, 300);
        }
    }
}
