// OUT (+)= A B, each matrix anywhere in its buffer with a stride for rows and one for columns; OUT has contiguous columns.
//
// A workgroup makes a 64×64 tile of OUT from 16-wide strips of A and B in shared memory, a thread 4×4 entries of it. The inner dimension is
// summed in parts of 256, so that the rounding error grows like 256 + inner/256 and not like inner.

struct Product {
    rows: u32,
    columns: u32,
    inner: u32,
    accumulate: u32,
    a_first: u32,
    a_row: u32,
    a_column: u32,
    b_first: u32,
    b_row: u32,
    b_column: u32,
    out_first: u32,
    out_column: u32,
}

@group(0) @binding(0) var<uniform> it: Product;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

const TILE: u32 = 64u;
const STRIP: u32 = 16u;
const STRIPS_A_PART: u32 = 16u;

var<workgroup> tile_a: array<f32, 1024>;
var<workgroup> tile_b: array<f32, 1024>;

@compute @workgroup_size(256)
fn product(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = group.x * TILE;
    let first_column = group.y * TILE;
    let row = thread % 16u;
    let column = thread / 16u;
    // Neighbouring threads read neighbouring entries, whichever way a matrix lies.
    let a_by_rows = it.a_row == 1u;
    let b_by_inner = it.b_row == 1u;

    // Four columns, a vector of four rows each.
    var total0 = vec4<f32>();
    var total1 = vec4<f32>();
    var total2 = vec4<f32>();
    var total3 = vec4<f32>();
    var part0 = vec4<f32>();
    var part1 = vec4<f32>();
    var part2 = vec4<f32>();
    var part3 = vec4<f32>();

    let strips = (it.inner + STRIP - 1u) / STRIP;
    for (var strip = 0u; strip < strips; strip++) {
        for (var load = 0u; load < 4u; load++) {
            let at = thread + 256u * load;
            var m = at % TILE;
            var l = at / TILE;
            if (!a_by_rows) {
                m = at / STRIP;
                l = at % STRIP;
            }
            var inner = strip * STRIP + l;
            var value = 0.0;
            if (first_row + m < it.rows && inner < it.inner) {
                value = a[it.a_first + (first_row + m) * it.a_row + inner * it.a_column];
            }
            tile_a[l * TILE + m] = value;

            var n = at % TILE;
            l = at / TILE;
            if (b_by_inner) {
                n = at / STRIP;
                l = at % STRIP;
            }
            inner = strip * STRIP + l;
            value = 0.0;
            if (first_column + n < it.columns && inner < it.inner) {
                value = b[it.b_first + inner * it.b_row + (first_column + n) * it.b_column];
            }
            tile_b[l * TILE + n] = value;
        }
        workgroupBarrier();
        for (var l = 0u; l < STRIP; l++) {
            let at_a = l * TILE + row;
            let at_b = l * TILE + column;
            let x = vec4<f32>(tile_a[at_a], tile_a[at_a + 16u], tile_a[at_a + 32u], tile_a[at_a + 48u]);
            part0 = fma(x, vec4<f32>(tile_b[at_b]), part0);
            part1 = fma(x, vec4<f32>(tile_b[at_b + 16u]), part1);
            part2 = fma(x, vec4<f32>(tile_b[at_b + 32u]), part2);
            part3 = fma(x, vec4<f32>(tile_b[at_b + 48u]), part3);
        }
        workgroupBarrier();
        if (strip % STRIPS_A_PART == STRIPS_A_PART - 1u) {
            total0 += part0;
            total1 += part1;
            total2 += part2;
            total3 += part3;
            part0 = vec4<f32>();
            part1 = vec4<f32>();
            part2 = vec4<f32>();
            part3 = vec4<f32>();
        }
    }
    store(first_row + row, first_column + column, total0 + part0);
    store(first_row + row, first_column + column + 16u, total1 + part1);
    store(first_row + row, first_column + column + 32u, total2 + part2);
    store(first_row + row, first_column + column + 48u, total3 + part3);
}

fn store(row: u32, column: u32, values: vec4<f32>) {
    if (column >= it.columns) {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        let m = row + 16u * i;
        if (m < it.rows) {
            let at = it.out_first + m + column * it.out_column;
            if (it.accumulate == 1u) {
                out[at] += values[i];
            } else {
                out[at] = values[i];
            }
        }
    }
}
