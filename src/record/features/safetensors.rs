//! The head of a `.safetensors` file: eight bytes (the length of what follows, little-endian), then JSON that gives each array its type, its shape and its place in the bytes behind it.
//!
//! Format: github.com/huggingface/safetensors. Arrays are little-endian and in C order.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

use super::super::npy::Header;

/// Heads of real models have a few hundred kilobytes.
const HEAD_BYTES_MAX: u64 = 64 << 20;

/// An array as the head describes it.
#[derive(Debug, Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

/// An array and where its bytes begin, from the start of the file.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) header: Header,
    pub(super) start: u64,
}

/// Reads the head and checks every place in it against the file's size.
pub(super) fn read_head(file: &mut impl Read, file_bytes: u64) -> Result<BTreeMap<String, Placed>, String> {
    let incomplete = |what: &str| format!("not a complete .safetensors file ({what})");
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| incomplete("it has fewer than 8 bytes"))?;
    let length = u64::from_le_bytes(length);
    let data = length.checked_add(8).filter(|&start| start <= file_bytes);
    let Some(data) = data else {
        return Err(incomplete(&format!("its head claims {length} bytes, the file has {file_bytes}")));
    };
    if length > HEAD_BYTES_MAX {
        return Err(format!("claims a head of {length} bytes; at most {HEAD_BYTES_MAX} are read"));
    }
    let mut head = vec![0; length as usize];
    file.read_exact(&mut head).map_err(|error| incomplete(&error.to_string()))?;
    let head: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&head).map_err(|error| incomplete(&format!("its head is not JSON: {error}")))?;
    let mut arrays = BTreeMap::new();
    for (name, value) in head.into_iter().filter(|(name, _)| name != "__metadata__") {
        let tensor: Tensor =
            serde_json::from_value(value).map_err(|error| incomplete(&format!("the entry {name:?} of its head: {error}")))?;
        let [first, last] = tensor.data_offsets;
        let inside = first <= last && last <= file_bytes - data;
        if !inside {
            return Err(incomplete(&format!("array {name:?} lies at bytes {first} to {last} of {}", file_bytes - data)));
        }
        let known = descr(&tensor.dtype);
        let is_known = known.is_some();
        let descr = known.map_or_else(|| tensor.dtype.clone(), String::from);
        let header = Header { descr, fortran_order: false, shape: tensor.shape, bytes: 0 };
        // Of a type that is not read, nothing is known; it is refused by its name where it is asked for.
        if is_known && header.data_bytes() != Some(last - first) {
            let message = format!(
                "array {name:?} claims shape {:?} of type {}, but has {} bytes",
                header.shape,
                tensor.dtype,
                last - first
            );
            return Err(incomplete(&message));
        }
        arrays.insert(name, Placed { header, start: data + first });
    }
    Ok(arrays)
}

/// NumPy's name of a type that is read.
fn descr(dtype: &str) -> Option<&'static str> {
    let known = [
        ("F64", "<f8"),
        ("F32", "<f4"),
        ("I64", "<i8"),
        ("I32", "<i4"),
        ("I16", "<i2"),
        ("I8", "|i1"),
        ("U64", "<u8"),
        ("U32", "<u4"),
        ("U16", "<u2"),
        ("U8", "|u1"),
    ];
    known.iter().find(|(name, _)| *name == dtype).map(|(_, descr)| *descr)
}
