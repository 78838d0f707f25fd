// OUT += Σ_i s_i G_i over the columns of a block of residuals: 16 rows a workgroup, 16 threads a row, added in fixed order.

struct Rows {
    classes: u32,
    first: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> it: Rows;
@group(0) @binding(1) var<storage, read> residuals: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn row_sums(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x * 16u + thread % 16u;
    var sum = 0.0;
    if (row < it.classes) {
        for (var i = thread / 16u; i < it.columns; i += 16u) {
            sum += residuals[row + it.classes * i] / weights[it.first + i].x;
        }
    }
    sums[thread] = sum;
    for (var half = 128u; half >= 16u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            sums[thread] += sums[thread + half];
        }
    }
    if (thread < 16u && row < it.classes) {
        out[row] += sums[thread];
    }
}
