//! Products of small matrices, where a library's packing costs more than the product: rows of C, in registers, from scalars of A and rows of B.
//!
//! All three products of a gradient have this form when samples (for logits) or features (for gradients) lie side by side. Every entry of C is one chain of fused
//! multiply-adds in the order of the inner index, so its bits do not depend on the length of the machine's vectors.

use pulp::{Arch, Simd, WithSimd};

use crate::numeric::lanes::{LANES, Lanes, lanes};

/// Registers that hold rows of C at most: of sixteen of four doubles, twelve, which leaves room for a row of B and a scalar of A. Of the thirty-two of eight doubles as many do: more hide no
/// more of an addition's latency.
const REGISTERS: usize = 12;
/// Rows at most where every row of A is read by itself: a machine has no more pointers to spare.
const POINTERS: usize = 6;

/// Where the scalars of A lie.
#[derive(Clone, Copy)]
pub(crate) enum Scalars<'a> {
    /// a(r, t) = entry r·stride + t.
    ByRows(&'a [f64], usize),
    /// a(r, t) = entry t·stride + r.
    ByColumns(&'a [f64], usize),
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Onto<'a> {
    /// Nothing.
    Zero,
    /// C itself.
    C,
    /// A number for each row.
    Rows(&'a [f64]),
    /// A multiple of another matrix, laid out as C.
    Scaled(f64, &'a [f64]),
}

/// C ← C + Σ A B (or what else it is added to) over one term or two, for C with `rows` rows of `columns` entries (a multiple of eight), each `stride` after the one before; B has `inner` rows, `b_stride` apart.
pub(crate) struct RowProduct<'a> {
    /// C.
    pub(crate) c: &'a mut [f64],
    /// What A B is added to.
    pub(crate) onto: Onto<'a>,
    /// From one row of C to the next.
    pub(crate) stride: usize,
    /// Rows of C and of A.
    pub(crate) rows: usize,
    /// Columns of C and of B.
    pub(crate) columns: usize,
    /// A and B of every term.
    pub(crate) terms: &'a [(Scalars<'a>, &'a [f64])],
    /// From one row of B to the next.
    pub(crate) b_stride: usize,
    /// Columns of A, rows of B.
    pub(crate) inner: usize,
}

impl RowProduct<'_> {
    /// Computes it.
    pub(crate) fn run(self) {
        debug_assert_eq!(self.columns % LANES, 0, "whole groups of lanes");
        Arch::new().dispatch(self);
    }
}

impl WithSimd for RowProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F64_LANES {
            8 => strips::<S, 1>(simd, self),
            4 => strips::<S, 2>(simd, self),
            2 => strips::<S, 4>(simd, self),
            _ => strips::<S, 8>(simd, self),
        }
    }
}

/// The rows in strips of nearly equal height.
#[inline(always)]
fn strips<S: Simd, const V: usize>(simd: S, mut p: RowProduct<'_>) {
    let most = REGISTERS / V.min(REGISTERS);
    let most = if p.terms.iter().any(|(a, _)| matches!(a, Scalars::ByRows(..))) { most.min(POINTERS) } else { most };
    let count = p.rows.div_ceil(most);
    for strip in 0..count {
        let (first, last) = (p.rows * strip / count, p.rows * (strip + 1) / count);
        match last - first {
            1 => rows::<S, V, 1>(simd, &mut p, first),
            2 => rows::<S, V, 2>(simd, &mut p, first),
            3 => rows::<S, V, 3>(simd, &mut p, first),
            4 => rows::<S, V, 4>(simd, &mut p, first),
            5 => rows::<S, V, 5>(simd, &mut p, first),
            6 => rows::<S, V, 6>(simd, &mut p, first),
            7 => rows::<S, V, 7>(simd, &mut p, first),
            8 => rows::<S, V, 8>(simd, &mut p, first),
            9 => rows::<S, V, 9>(simd, &mut p, first),
            10 => rows::<S, V, 10>(simd, &mut p, first),
            11 => rows::<S, V, 11>(simd, &mut p, first),
            _ => rows::<S, V, REGISTERS>(simd, &mut p, first),
        }
    }
}

/// R rows of C, a group of columns at a time.
#[inline(always)]
fn rows<S: Simd, const V: usize, const R: usize>(simd: S, p: &mut RowProduct<'_>, first: usize) {
    for column in (0..p.columns).step_by(LANES) {
        // Loops rather than closures: a closure that is not inlined is compiled without the machine's vector instructions, and calls a function for every one of them.
        let mut sums = [[simd.splat_f64s(0.0); V]; R];
        match p.onto {
            Onto::Zero => {}
            Onto::C => {
                for (r, sums) in sums.iter_mut().enumerate() {
                    *sums = load::<S, V>(&p.c[(first + r) * p.stride + column..]);
                }
            }
            Onto::Rows(numbers) => {
                for (sums, number) in sums.iter_mut().zip(&numbers[first..first + R]) {
                    *sums = [simd.splat_f64s(*number); V];
                }
            }
            Onto::Scaled(factor, from) => {
                let factor = simd.splat_f64s(factor);
                for (r, sums) in sums.iter_mut().enumerate() {
                    let from = load::<S, V>(&from[(first + r) * p.stride + column..]);
                    for v in 0..V {
                        sums[v] = simd.mul_f64s(factor, from[v]);
                    }
                }
            }
        }
        for (a, b) in p.terms {
            match *a {
                Scalars::ByRows(a, stride) => {
                    let mut rows: [&[f64]; R] = [&[]; R];
                    for (r, row) in rows.iter_mut().enumerate() {
                        *row = &a[(first + r) * stride..][..p.inner];
                    }
                    for t in 0..p.inner {
                        let group = load::<S, V>(&b[t * p.b_stride + column..]);
                        let mut a = [0.0; R];
                        for (a, row) in a.iter_mut().zip(&rows) {
                            *a = row[t];
                        }
                        add(simd, &mut sums, a, group);
                    }
                }
                Scalars::ByColumns(a, stride) => {
                    for t in 0..p.inner {
                        let group = load::<S, V>(&b[t * p.b_stride + column..]);
                        let a: &[f64; R] = a[t * stride + first..].first_chunk().expect("a column of A");
                        add(simd, &mut sums, *a, group);
                    }
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let row: &mut [f64; LANES] = p.c[(first + r) * p.stride + column..].first_chunk_mut().expect("a row of C");
            S::as_mut_simd_f64s(row).0.copy_from_slice(sums);
        }
    }
}

/// sums_r ← sums_r + a_r b.
#[inline(always)]
fn add<S: Simd, const V: usize, const R: usize>(simd: S, sums: &mut [[S::f64s; V]; R], a: [f64; R], b: [S::f64s; V]) {
    for r in 0..R {
        let a = simd.splat_f64s(a[r]);
        for v in 0..V {
            sums[r][v] = simd.mul_add_e_f64s(a, b[v], sums[r][v]);
        }
    }
}

/// The first eight entries, in V registers.
#[inline(always)]
fn load<S: Simd, const V: usize>(from: &[f64]) -> [S::f64s; V] {
    let group: &[f64; LANES] = from.first_chunk().expect("a row's group of lanes");
    let (registers, _) = S::as_simd_f64s(group);
    *registers.first_chunk().expect("V registers to a group")
}

/// `to` ← the transpose of `from`: `count` columns of `height` entries become `height` rows, `stride` apart, with zeros up to a multiple of eight entries.
pub(crate) fn transpose(from: &[f64], height: usize, count: usize, to: &mut [f64], stride: usize) {
    let operation = Transpose { from, height, count, to, stride };
    // By registers of four doubles, on machines with longer ones too.
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return Simd::vectorize(simd, operation);
    }
    Arch::new().dispatch(operation);
}

struct Transpose<'a> {
    from: &'a [f64],
    height: usize,
    count: usize,
    to: &'a mut [f64],
    stride: usize,
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { from, height, count, to, stride } = self;
        let whole = count / LANES * LANES;
        for i in (0..whole).step_by(4) {
            let (first, rest) = from[i * height..(i + 4) * height].split_at(height);
            let (second, rest) = rest.split_at(height);
            let (third, fourth) = rest.split_at(height);
            let ((first, first_rest), (second, second_rest)) = (first.as_chunks::<4>(), second.as_chunks::<4>());
            let ((third, third_rest), (fourth, fourth_rest)) = (third.as_chunks::<4>(), fourth.as_chunks::<4>());
            let chunks = first.iter().zip(second).zip(third.iter().zip(fourth));
            for (((first, second), (third, fourth)), rows) in chunks.zip(to.chunks_exact_mut(4 * stride)) {
                let block = transposed(simd, [*first, *second, *third, *fourth]);
                for (row, four) in rows.chunks_exact_mut(stride).zip(block) {
                    row[i..][..4].copy_from_slice(&four);
                }
            }
            for (a, first) in first_rest.iter().enumerate() {
                let row = &mut to[(height - first_rest.len() + a) * stride + i..][..4];
                row.copy_from_slice(&[*first, second_rest[a], third_rest[a], fourth_rest[a]]);
            }
        }
        if whole < count {
            for a in 0..height {
                let row: &mut [f64; LANES] = to[a * stride + whole..].first_chunk_mut().expect("a row's group");
                *row = std::array::from_fn(|l| if whole + l < count { from[(whole + l) * height + a] } else { 0.0 });
            }
        }
    }
}

/// The eight running sums `out`_r ← `out`_r + Σ_i s_i x(r, i) over rows of `count` entries, `stride` apart, with s = `weights` or ones; entry i counts to the sum i mod 8.
pub(crate) fn add_row_sums(rows: &[f64], stride: usize, count: usize, weights: Option<&[f64]>, out: &mut [Lanes]) {
    Arch::new().dispatch(RowSums { rows, stride, count, weights, out });
}

struct RowSums<'a> {
    rows: &'a [f64],
    stride: usize,
    count: usize,
    weights: Option<&'a [f64]>,
    out: &'a mut [Lanes],
}

impl WithSimd for RowSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (r, out) in self.out.iter_mut().enumerate() {
            let (groups, rest) = self.rows[r * self.stride..][..self.count].as_chunks::<LANES>();
            let mut sums = *out;
            match self.weights {
                None => {
                    groups.iter().for_each(|x| sums = lanes(|l| sums[l] + x[l]));
                    rest.iter().zip(&mut sums).for_each(|(x, sum)| *sum += x);
                }
                Some(weights) => {
                    let (pairs, weights_rest) = weights[..self.count].as_chunks::<LANES>();
                    groups.iter().zip(pairs).for_each(|(x, s)| sums = lanes(|l| sums[l] + s[l] * x[l]));
                    rest.iter().zip(weights_rest).zip(&mut sums).for_each(|((x, s), sum)| *sum += x * s);
                }
            }
            *out = sums;
        }
    }
}

/// The transpose of a 4×4 block: with vectors of four, eight shuffles; separating the fields of four structures of four is just that.
#[inline(always)]
fn transposed<S: Simd>(simd: S, rows: [[f64; 4]; 4]) -> [[f64; 4]; 4] {
    if S::F64_LANES != 4 {
        return std::array::from_fn(|s| std::array::from_fn(|l| rows[l][s]));
    }
    let columns = simd.deinterleave_shfl_f64s(rows.map(|row| S::as_simd_f64s(&row).0[0]));
    let mut out = [[0.0; 4]; 4];
    for (out, column) in out.iter_mut().zip(columns) {
        S::as_mut_simd_f64s(out).0[0] = column;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize, seed: f64) -> Vec<f64> {
        (0..count).map(|i| ((i as f64 + seed) * 0.7).sin()).collect()
    }

    #[test]
    fn products_of_every_height_agree_with_the_definition() {
        for (rows, columns, inner) in (1..20).map(|rows| (rows, 8 * (rows % 3 + 1), rows % 5)) {
            let (stride, b_stride) = (columns + 3, columns + 1);
            let b = entries(inner * b_stride + columns, 0.5);
            for by_rows in [true, false] {
                let a_stride = if by_rows { inner + 2 } else { rows + 2 };
                let a = entries(a_stride * rows.max(inner) + rows + inner, 9.5);
                let scalars = if by_rows { Scalars::ByRows(&a, a_stride) } else { Scalars::ByColumns(&a, a_stride) };
                let before = entries(rows * stride + columns, 3.5);
                let mut c = before.clone();
                let other = entries(b.len(), 5.5);
                let terms = &[(scalars, &b[..]), (scalars, &other[..])][..1 + rows % 2];
                RowProduct { c: &mut c, onto: Onto::C, stride, rows, columns, terms, b_stride, inner }.run();
                for r in 0..rows {
                    for j in 0..stride {
                        let at = |t: usize| if by_rows { a[r * a_stride + t] } else { a[t * a_stride + r] };
                        let product: f64 =
                            terms.iter().flat_map(|(_, b)| (0..inner).map(move |t| at(t) * b[t * b_stride + j])).sum();
                        let expected = before[r * stride + j] + if j < columns { product } else { 0.0 };
                        assert!((c[r * stride + j] - expected).abs() <= 1e-14, "{rows}×{columns} by {inner}, entry {r}, {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn transposes_end_in_zeros() {
        for (height, count) in [(0_usize, 3_usize), (1, 1), (3, 8), (4, 9), (7, 16), (16, 23)] {
            let stride = count.next_multiple_of(LANES) + 8;
            let from = entries(height * count, 0.1);
            let mut to = vec![7.0; height * stride];
            transpose(&from, height, count, &mut to, stride);
            for a in 0..height {
                for i in 0..stride - 8 {
                    let expected = if i < count { from[i * height + a] } else { 0.0 };
                    assert_eq!(to[a * stride + i].to_bits(), expected.to_bits());
                }
            }
        }
    }
}
