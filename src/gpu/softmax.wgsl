// The kernels of a loss of the softmax probabilities. What follows is the loss: the function `weigh` and the constant SMOOTHING, the functions `temperature` and `shift` (Δ and ι:
// the probabilities are those of Δ∘z + ι) and, where ADDS, `added`: term, slope and curvature of what comes to it for every class.
//
// As on the CPU, p and 1 − p_k come from the dominating class m and E = Σ_{j≠m} e^{z_j − z_m}; 1 − p_m = E/(1+E) is never a difference.

// What a loss sees of the sample's own class: p_k, 1 − p_k and −log p_k.
struct Own {
    probability: f32,
    complement: f32,
    surprise: f32,
}

// The loss, η in ∇L = η (p − e_k), and (1 − p)² η'.
struct Weights {
    value: f32,
    eta: f32,
    slope: f32,
}

// A running maximum with what is summed relative to it.
struct Running {
    // z_m.
    top: f32,
    // E, without the dominating class itself.
    others: f32,
    // Σ_j (z_m − z_j).
    spread: f32,
    // m.
    dominant: u32,
    // How many logits were seen.
    count: u32,
}

var<workgroup> runs: array<Running, 256>;
var<workgroup> sums: array<f32, 256>;

// Both together; of equal maxima the first class dominates.
fn merged(x: Running, y: Running) -> Running {
    if (x.count == 0u) {
        return y;
    }
    if (y.count == 0u) {
        return x;
    }
    if (y.top > x.top || (y.top == x.top && y.dominant < x.dominant)) {
        return joined(y, x);
    }
    return joined(x, y);
}

fn joined(high: Running, low: Running) -> Running {
    let drop = high.top - low.top;
    let others = high.others + exp(-drop) * (low.others + 1.0);
    let spread = high.spread + (low.spread + f32(low.count) * drop);
    return Running(high.top, others, spread, high.dominant, high.count + low.count);
}

// What the softmax sees of a logit.
fn score(start: u32, j: u32, inverse_stretch: f32) -> f32 {
    return temperature(j) * logit(start, j, inverse_stretch) + shift(j);
}

// What it sees of the direction.
fn score_direction(start: u32, j: u32, inverse_stretch: f32) -> f32 {
    return temperature(j) * direction(start, j, inverse_stretch);
}

// The column's maximum and sums: online within a thread, then a tree in fixed order.
fn observed(start: u32, inverse_stretch: f32, thread: u32) -> Running {
    var run = Running(0.0, 0.0, 0.0, 0u, 0u);
    for (var j = thread; j < block.classes; j += THREADS) {
        let z = score(start, j, inverse_stretch);
        if (run.count == 0u) {
            run.top = z;
            run.dominant = j;
        } else if (z > run.top) {
            run.others = exp(run.top - z) * (run.others + 1.0);
            run.spread += f32(run.count) * (z - run.top);
            run.top = z;
            run.dominant = j;
        } else {
            run.others += exp(z - run.top);
            run.spread += run.top - z;
        }
        run.count += 1u;
    }
    runs[thread] = run;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            runs[thread] = merged(runs[thread], runs[thread + half]);
        }
    }
    workgroupBarrier();
    return runs[0];
}

// The sum over the workgroup.
fn summed(value: f32, thread: u32) -> f32 {
    workgroupBarrier();
    sums[thread] = value;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (thread < half) {
            sums[thread] += sums[thread + half];
        }
    }
    workgroupBarrier();
    return sums[0];
}

fn own_of(run: Running, label: u32, own_logit: f32) -> Own {
    let below = run.top - own_logit;
    let probability = exp(-below) / (1.0 + run.others);
    // Where another class dominates, p_k ≤ 1/2: that difference loses nothing.
    let complement = select(1.0 - probability, run.others / (1.0 + run.others), label == run.dominant);
    return Own(probability, complement, log_one_plus(run.others) + below);
}

// Logits → residuals (c m/N)·∇L/s, and the column's loss.
@compute @workgroup_size(256)
fn residual(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column = block.first + group.x;
    let start = group.x * block.classes;
    let weight = weights[column];
    let label = labels[column];
    let own_logit = score(start, label, weight.x);
    let run = observed(start, weight.x, thread);
    let own = own_of(run, label, own_logit);
    let found = weigh(own);
    let classes = f32(block.classes);
    let uniform_part = SMOOTHING / classes;
    var extra = 0.0;
    if (ADDS) {
        for (var j = thread; j < block.classes; j += THREADS) {
            extra += added(logit(start, j, weight.x), j == label, classes).x;
        }
        extra = summed(extra, thread);
    }
    if (thread == 0u) {
        let value = found.value + extra + SMOOTHING * (run.spread / classes - (run.top - own_logit));
        losses[column] = weight.y / weight.x * value;
    }
    let scale = weight.y * found.eta;
    for (var j = thread; j < block.classes; j += THREADS) {
        let p = exp(score(start, j, weight.x) - run.top) / (1.0 + run.others);
        let more = weight.y * added(logit(start, j, weight.x), j == label, classes).y;
        // p_k − ỹ_k = (1 − ỹ_k) − (1 − p_k), both known without a difference.
        let pull = select(p - uniform_part, uniform_part * (classes - 1.0) - own.complement, j == label);
        logits[start + j] = scale * temperature(j) * pull + more;
    }
}

// The direction D → (c m/N)·∇²L D/s, and the logits → residuals.
//
// With v the probabilities without the dominating class m and y = D − D_m: η A D has the entries η v_j (y_j − v·y) off m, the second term of
// the loss −p slope u_j (u·y) with u = (e_k − p)/(1 − p_k) off m, and the entry at m is minus the sum of the others.
@compute @workgroup_size(256)
fn curvature(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let column = block.first + group.x;
    let start = group.x * block.classes;
    let weight = weights[column];
    let label = labels[column];
    let own_logit = score(start, label, weight.x);
    let run = observed(start, weight.x, thread);
    let own = own_of(run, label, own_logit);
    let found = weigh(own);
    // Read before the barriers below, since the loop after them overwrites the direction.
    let base = score_direction(start, run.dominant, weight.x);
    let own_direction = score_direction(start, label, weight.x);

    // v·y and, off the own class, Σ (v_j/c) y_j with c = 1 − p_k.
    var plain = 0.0;
    var shared_part = 0.0;
    for (var j = thread; j < block.classes; j += THREADS) {
        if (j != run.dominant) {
            let v = exp(score(start, j, weight.x) - run.top) / (1.0 + run.others);
            let y = score_direction(start, j, weight.x) - base;
            plain += v * y;
            if (j != label && own.complement > 0.0) {
                shared_part += v / own.complement * y;
            }
        }
    }
    plain = summed(plain, thread);
    shared_part = summed(shared_part, thread);
    var along = -shared_part;
    if (label != run.dominant) {
        along += own_direction - base;
    }

    let classes = f32(block.classes);
    let uniform_part = SMOOTHING / classes;
    var total = 0.0;
    for (var j = thread; j < block.classes; j += THREADS) {
        let p = exp(score(start, j, weight.x) - run.top) / (1.0 + run.others);
        if (j != run.dominant) {
            let y = score_direction(start, j, weight.x) - base;
            var u = 0.0;
            if (j == label) {
                u = 1.0;
            } else if (own.complement > 0.0) {
                u = -p / own.complement;
            }
            let value = weight.y * (found.eta * p * (y - plain) - own.probability * found.slope * u * along);
            total += value;
            let more = weight.y * added(logit(start, j, weight.x), j == label, classes).z * direction(start, j, weight.x);
            tangent[start + j] = temperature(j) * value + more;
        }
    }
    total = summed(total, thread);
    if (thread == 0u) {
        let m = run.dominant;
        let more = weight.y * added(logit(start, m, weight.x), m == label, classes).z * direction(start, m, weight.x);
        tangent[start + m] = more - temperature(m) * total;
    }
    // The logits of a class are needed by no other thread from here on but for the dominating class's, which was read above.
    workgroupBarrier();
    for (var j = thread; j < block.classes; j += THREADS) {
        let p = exp(score(start, j, weight.x) - run.top) / (1.0 + run.others);
        let more = weight.y * added(logit(start, j, weight.x), j == label, classes).y;
        let pull = select(p - uniform_part, uniform_part * (classes - 1.0) - own.complement, j == label);
        logits[start + j] = weight.y * found.eta * temperature(j) * pull + more;
    }
}
