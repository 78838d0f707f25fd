//! Mutations of bytes, and of the tokens of texts.

use rand::{Rng, RngExt};

/// Tokens that readers trip over: numbers out of every range, structure, and names of the formats read here.
const TOKENS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "1e308",
    "-1e308",
    "1e309",
    "1e-308",
    "5e-324",
    "1e-400",
    "nan",
    "inf",
    "-inf",
    "NaN",
    "null",
    "true",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1000000000",
    "99999999999999999999",
    "0x10",
    "1_000",
    "0.1",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "(",
    ")",
    "((((((((",
    "))))",
    "\"",
    "'",
    "\"\"\"",
    ",",
    ",,",
    ":",
    "=",
    "==",
    "\n",
    "\r\n",
    "\0",
    "#",
    "\\",
    "\\u0000",
    "é",
    "\u{202e}",
    "\u{1b}[31m",
    "..",
    "/",
    "../../etc",
    ".",
    "+",
    "-",
    "*",
    "^",
    "^^",
    "p",
    "q",
    "K",
    "z",
    "log(",
    "exp(",
    "pow(",
    "e",
    "--",
    " ",
    "\t",
    "[sweep]\n",
    "[model]\n",
    "[loss]\n",
    "[expect]\n",
    "[test]\n",
    "log = [1e-9, 1e9, 100000000]",
    "\"model.classes\" = [2, 1000000]",
    "classes = 1000000000",
    "width = 1000000000",
    "per_class = 1000000000",
    "count = 1000000000",
    "model.width=",
    "loss.name=",
    "decay.epsilon=",
    "model.per_class=[1,2,3]",
    "starts.count=",
    "custom",
    "ell",
    "focal",
    "descr",
    "fortran_order",
    "'<f8'",
    "'|O'",
    "(99999999999,)",
    "shape",
    "dtype",
    "F64",
    "BF16",
    "data_offsets",
    "__metadata__",
    "PK\u{3}\u{4}",
];

fn pick<'a, T>(random: &mut impl Rng, from: &'a [T]) -> &'a T {
    &from[random.random_range(0..from.len())]
}

/// The run of digits, signs and points at or behind `at`.
fn number_at(bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let digit = |b: &u8| b.is_ascii_digit();
    let first = at + bytes[at..].iter().position(digit)?;
    let length = bytes[first..].iter().position(|b| !b.is_ascii_digit() && !b".eE-+_".contains(b)).unwrap_or(bytes.len() - first);
    Some(first..first + length)
}

/// One change of `bytes`; `other` is another input to take from.
pub(super) fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut impl Rng) {
    if bytes.is_empty() {
        bytes.extend_from_slice(other);
    }
    if bytes.is_empty() {
        return bytes.push(random.random());
    }
    let at = random.random_range(0..bytes.len());
    let some = |random: &mut _, most: usize| Rng::next_u32(random) as usize % most + 1;
    match random.random_range(0..13) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = random.random(),
        2 => bytes.truncate(at),
        3 => {
            let end = (at + some(random, 60)).min(bytes.len());
            bytes.drain(at..end);
        }
        4 => {
            let end = (at + some(random, 60)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let times = *pick(random, &[1, 1, 2, 40]);
            bytes.splice(at..at, piece.repeat(times));
        }
        5..=6 => drop(bytes.splice(at..at, pick(random, TOKENS).bytes())),
        7..=8 => {
            if let Some(range) = number_at(bytes, at) {
                bytes.splice(range, pick(random, &TOKENS[..27]).bytes());
            }
        }
        9 => {
            if !other.is_empty() {
                let from = random.random_range(0..other.len());
                let to = (from + some(random, 200)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
        10 => {
            let from = random.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        11 => {
            // Numbers of a binary header, little endian.
            let value: u64 =
                *pick(random, &[0, 1, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX, 1 << 40, bytes.len() as u64]);
            let size = *pick(random, &[2, 4, 8]);
            bytes.iter_mut().skip(at).take(size).zip(value.to_le_bytes()).for_each(|(b, v)| *b = v);
        }
        _ => {
            let (a, b) = (random.random_range(0..bytes.len()), at);
            bytes.swap(a, b);
        }
    }
    bytes.truncate(1 << 16);
}
