// Sums of many terms, compensated and in fixed order: each is kept as a pair (sum, what rounding took from it).

struct Terms {
    length: u32,
    threads: u32,
    // Where the result goes, or how many partial sums there are.
    slot: u32,
    partials: u32,
    // 0, which no compiler knows.
    zero: u32,
}

@group(0) @binding(0) var<uniform> it: Terms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> results: array<vec2<f32>>;

var<workgroup> pairs: array<vec2<f32>, 256>;

// The number as it was rounded. Compilers may take (x + y) − x for y, and some do (Mesa): what went through this is a number of its own to them.
fn rounded(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) | it.zero);
}

// x + y with its rounding error (Knuth).
fn two_sum(x: f32, y: f32) -> vec2<f32> {
    let sum = rounded(x + y);
    let part = rounded(sum - x);
    return vec2<f32>(sum, (x - rounded(sum - part)) + (y - part));
}

fn added(pair: vec2<f32>, term: f32) -> vec2<f32> {
    let sum = two_sum(pair.x, term);
    return vec2<f32>(sum.x, pair.y + sum.y);
}

fn both(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    let sum = two_sum(a.x, b.x);
    return vec2<f32>(sum.x, (a.y + b.y) + sum.y);
}

fn tree(pair: vec2<f32>, thread: u32) -> vec2<f32> {
    pairs[thread] = pair;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            pairs[thread] = both(pairs[thread], pairs[thread + half]);
        }
    }
    workgroupBarrier();
    return pairs[0];
}

// Partial sums of ⟨x, y⟩, one a workgroup.
@compute @workgroup_size(256)
fn dot_terms(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var pair = vec2<f32>();
    for (var i = group.x * 256u + thread; i < it.length; i += it.threads) {
        pair = added(pair, x[i] * y[i]);
    }
    let total = tree(pair, thread);
    if (thread == 0u) {
        partials[group.x] = total;
    }
}

// Partial sums of Σ x.
@compute @workgroup_size(256)
fn sum_terms(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var pair = vec2<f32>();
    for (var i = group.x * 256u + thread; i < it.length; i += it.threads) {
        pair = added(pair, x[i]);
    }
    let total = tree(pair, thread);
    if (thread == 0u) {
        partials[group.x] = total;
    }
}

// The partial sums together, into the result's slot.
@compute @workgroup_size(256)
fn gather(@builtin(local_invocation_index) thread: u32) {
    var pair = vec2<f32>();
    if (thread < it.partials) {
        pair = partials[thread];
    }
    let total = tree(pair, thread);
    if (thread == 0u) {
        results[it.slot] = total;
    }
}
