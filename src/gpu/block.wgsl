// What the kernels of a loss share: a block of columns of logits, one workgroup a column.

struct Block {
    classes: u32,
    // Position of the block's first column among all samples' columns.
    first: u32,
    has_bias: u32,
}

@group(0) @binding(0) var<uniform> block: Block;
// WH, then the residuals: classes × columns.
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
// (1/s, (c/N)·m/s) of every column: it stands for m samples and holds s times their feature.
@group(0) @binding(4) var<storage, read> weights: array<vec2<f32>>;
// (c m/N)·L of every column.
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;
// UH + WV, then its product with the Hessian: classes × columns.
@group(0) @binding(6) var<storage, read_write> tangent: array<f32>;
@group(0) @binding(7) var<storage, read> tangent_bias: array<f32>;

const THREADS: u32 = 256u;

// A logit of the column that begins at `start`.
fn logit(start: u32, j: u32, inverse_stretch: f32) -> f32 {
    var z = logits[start + j] * inverse_stretch;
    if (block.has_bias == 1u) {
        z += bias[j];
    }
    return z;
}

// The direction's logit.
fn direction(start: u32, j: u32, inverse_stretch: f32) -> f32 {
    var d = tangent[start + j] * inverse_stretch;
    if (block.has_bias == 1u) {
        d += tangent_bias[j];
    }
    return d;
}

// log(1 + x), x ≥ 0. A device's own log has an absolute error near 1: below 1, the series of 2 artanh(x/(2 + x)) instead.
fn log_one_plus(x: f32) -> f32 {
    if (x > 1.0) {
        return log(1.0 + x);
    }
    let s = x / (2.0 + x);
    let t = s * s;
    return 2.0 * s * (1.0 + t * (1.0 / 3.0 + t * (0.2 + t * (1.0 / 7.0 + t * (1.0 / 9.0 + t * (1.0 / 11.0 + t / 13.0))))));
}
