// The kernels of a loss that is a sum over the classes: `term`, its slope and its curvature follow.

var<workgroup> sums: array<f32, 256>;

// Logits → residuals (c m/N)·∇L/s, and the column's loss.
@compute @workgroup_size(256)
fn residual(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column = block.first + group.x;
    let start = group.x * block.classes;
    let weight = weights[column];
    let label = labels[column];
    var sum = 0.0;
    for (var j = thread; j < block.classes; j += THREADS) {
        let z = logit(start, j, weight.x);
        sum += term(z, j == label);
        logits[start + j] = weight.y * slope(z, j == label);
    }
    sums[thread] = sum;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            sums[thread] += sums[thread + half];
        }
    }
    if (thread == 0u) {
        losses[column] = weight.y / weight.x * sums[0];
    }
}

// The direction D → (c m/N)·∇²L D/s, and the logits → residuals.
@compute @workgroup_size(256)
fn curvature(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column = block.first + group.x;
    let start = group.x * block.classes;
    let weight = weights[column];
    let label = labels[column];
    for (var j = thread; j < block.classes; j += THREADS) {
        let z = logit(start, j, weight.x);
        tangent[start + j] = weight.y * bend(z, j == label) * direction(start, j, weight.x);
        logits[start + j] = weight.y * slope(z, j == label);
    }
}
