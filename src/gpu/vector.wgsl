// Operations on vectors, entry by entry. Factors are read from a small buffer, so that a recorded step can be repeated with others.

struct Span {
    length: u32,
    // Places of the factors.
    factor: u32,
    second: u32,
    threads: u32,
}

@group(0) @binding(0) var<uniform> span: Span;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> velocity: array<f32>;

// y ← f x.
@compute @workgroup_size(256)
fn scale(@builtin(global_invocation_id) thread: vec3<u32>) {
    for (var i = thread.x; i < span.length; i += span.threads) {
        y[i] = factors[span.factor] * x[i];
    }
}

// y ← y + f x.
@compute @workgroup_size(256)
fn axpy(@builtin(global_invocation_id) thread: vec3<u32>) {
    for (var i = thread.x; i < span.length; i += span.threads) {
        y[i] += factors[span.factor] * x[i];
    }
}

// v ← m v + x, y ← y + f v: heavy ball, with x the gradient, f minus the step and m the second factor.
@compute @workgroup_size(256)
fn heavy_ball(@builtin(global_invocation_id) thread: vec3<u32>) {
    for (var i = thread.x; i < span.length; i += span.threads) {
        let v = factors[span.second] * velocity[i] + x[i];
        velocity[i] = v;
        y[i] += factors[span.factor] * v;
    }
}
