//! One array in NumPy's `.npy` format: the header, and the bytes of plain numbers.
//!
//! The header is a Python dictionary in text. Only the one shape that NumPy writes is taken, with an iterative scanner: a header from outside can
//! then neither overflow a product nor a stack, as general expression parsers do.

use std::io::{self, Read, Write};

/// A `.npy` header of numbers has about a hundred bytes.
const HEADER_BYTES_MAX: u64 = 64 << 10;

/// Bytes decoded at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The type, e.g. `<f8`.
    pub(super) descr: String,
    /// Whether the first axis moves fastest.
    pub(super) fortran_order: bool,
    /// The size of every axis.
    pub(super) shape: Vec<usize>,
    /// Bytes of the header itself.
    pub(super) bytes: u64,
}

impl Header {
    /// Bytes of one item, where the type is a plain one.
    pub(super) fn item_bytes(&self) -> Option<u64> {
        self.descr.get(2..)?.parse().ok()
    }

    /// Bytes of all items, or `None` where they cannot be counted.
    pub(super) fn data_bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.item_bytes()?, |bytes, &size| bytes.checked_mul(size as u64))
    }
}

/// Reads a header; its length is looked at before it is believed.
pub(super) fn read_header(data: &mut impl Read) -> Result<Header, String> {
    let cut = |error: io::Error| format!("has no readable .npy header ({error})");
    let mut start = [0; 10];
    data.read_exact(&mut start).map_err(cut)?;
    if start[..6] != *b"\x93NUMPY" {
        return Err("has no .npy header".into());
    }
    let (start_bytes, text_bytes) = match start[6] {
        1 => (10, u64::from(u16::from_le_bytes([start[8], start[9]]))),
        2 | 3 => {
            let mut high = [0; 2];
            data.read_exact(&mut high).map_err(cut)?;
            (12, u64::from(u32::from_le_bytes([start[8], start[9], high[0], high[1]])))
        }
        version => return Err(format!("is in version {version} of the .npy format; 1, 2 and 3 are read")),
    };
    if text_bytes > HEADER_BYTES_MAX {
        return Err(format!("claims a header of {text_bytes} bytes"));
    }
    let mut text = vec![0; text_bytes as usize];
    data.read_exact(&mut text).map_err(cut)?;
    let text = String::from_utf8(text).map_err(|_| "has a .npy header that is not text".to_owned())?;
    let mut header = parse(&text)?;
    header.bytes = start_bytes + text_bytes;
    Ok(header)
}

/// Takes `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
fn parse(text: &str) -> Result<Header, String> {
    let odd = || format!("has a .npy header that is not understood: {:?}", text.trim_end().chars().take(120).collect::<String>());
    let mut rest = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(odd)?.trim();
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or_else(odd)?;
        let value = after.trim_start().strip_prefix(':').ok_or_else(odd)?.trim_start();
        rest = match key {
            "descr" if value.starts_with('[') => return Err("is a structured array; plain numbers are needed".into()),
            "descr" => {
                let (value, after) = quoted(value).ok_or_else(odd)?;
                descr = Some(value.to_owned());
                after
            }
            "fortran_order" => {
                let (value, after) = value.split_at(value.find([',', ' ']).unwrap_or(value.len()));
                fortran_order = Some(match value {
                    "True" => true,
                    "False" => false,
                    _ => return Err(odd()),
                });
                after
            }
            "shape" => {
                let (sizes, after) = value.strip_prefix('(').and_then(|value| value.split_once(')')).ok_or_else(odd)?;
                let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
                shape = Some(sizes.map(|size| size.parse().map_err(|_| odd())).collect::<Result<Vec<usize>, _>>()?);
                after
            }
            _ => return Err(odd()),
        };
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    match (descr, fortran_order, shape) {
        (Some(descr), Some(fortran_order), Some(shape)) => Ok(Header { descr, fortran_order, shape, bytes: 0 }),
        _ => Err(odd()),
    }
}

/// The text between the quotes that `text` starts with, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
    text[1..].split_once(quote)
}

/// A number that `.npy` files hold.
pub(super) trait Number: Copy {
    /// The type's name, without byte order.
    const DESCR: &'static str;
    /// Writes the little-endian bytes.
    fn put(self, out: &mut impl Write) -> io::Result<()>;
}

impl Number for f64 {
    const DESCR: &'static str = "f8";
    fn put(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.to_le_bytes())
    }
}

impl Number for i64 {
    const DESCR: &'static str = "i8";
    fn put(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.to_le_bytes())
    }
}

/// Writes an array in Fortran order, as matrices lie in memory here.
pub(super) fn write<T: Number>(out: &mut impl Write, shape: &[usize], entries: impl Iterator<Item = T>) -> io::Result<()> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut text = format!("{{'descr': '<{}', 'fortran_order': True, 'shape': ({}), }}", T::DESCR, sizes.trim_end());
    // The data begin at a multiple of 64 bytes, so that NumPy can map them.
    let padding = 63 - (10 + text.len()) % 64;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(text.len() as u16).to_le_bytes())?;
    out.write_all(text.as_bytes())?;
    entries.into_iter().try_for_each(|entry| entry.put(out))
}

/// How the bytes of one item, in little-endian order, become a number.
pub(super) type Decode<T> = fn(&[u8]) -> T;

macro_rules! decoder {
    ($stored:ty, $target:ty) => {
        Some(|item: &[u8]| {
            let mut bytes = [0; size_of::<$stored>()];
            bytes.copy_from_slice(item);
            <$target>::from(<$stored>::from_le_bytes(bytes))
        })
    };
}

/// Floats of 4 or 8 bytes.
pub(super) fn float(kind: &str) -> Option<Decode<f64>> {
    match kind {
        "f8" => decoder!(f64, f64),
        "f4" => decoder!(f32, f64),
        _ => None,
    }
}

/// Integers of up to 8 bytes.
pub(super) fn integer(kind: &str) -> Option<Decode<i128>> {
    match kind {
        "i8" => decoder!(i64, i128),
        "i4" => decoder!(i32, i128),
        "i2" => decoder!(i16, i128),
        "i1" => decoder!(i8, i128),
        "u8" => decoder!(u64, i128),
        "u4" => decoder!(u32, i128),
        "u2" => decoder!(u16, i128),
        "u1" => decoder!(u8, i128),
        _ => None,
    }
}

/// Reads every entry after a header whose sizes were checked. `reserve` entries get their memory at once, more only as they arrive.
pub(super) fn read_entries<T>(data: &mut impl Read, header: &Header, decode: Decode<T>, reserve: usize) -> io::Result<Vec<T>> {
    let item = header.item_bytes().unwrap_or(1) as usize;
    let mut left = header.data_bytes().unwrap_or(0);
    let big_endian = header.descr.starts_with('>');
    let mut entries = Vec::with_capacity(reserve);
    let mut chunk = vec![0; CHUNK_BYTES / item * item];
    while left > 0 {
        let bytes = left.min(chunk.len() as u64) as usize;
        data.read_exact(&mut chunk[..bytes])?;
        if big_endian {
            chunk[..bytes].chunks_exact_mut(item).for_each(<[u8]>::reverse);
        }
        entries.extend(chunk[..bytes].chunks_exact(item).map(decode));
        left -= bytes as u64;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_as_numpy_writes_them_and_nothing_else() {
        let header = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   \n").unwrap();
        assert_eq!((header.descr.as_str(), header.fortran_order, header.shape), ("<f8", false, vec![3, 4]));
        assert_eq!(parse("{\"shape\": (5,), \"descr\": \"|u1\", \"fortran_order\": True}").unwrap().shape, [5]);
        assert_eq!(parse("{'descr': '<f4', 'fortran_order': False, 'shape': ()}").unwrap().shape, [0; 0]);
        assert!(parse("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': ()}").unwrap_err().contains("structured"));
        let deep = format!("{{'descr': {}", "(".repeat(60_000));
        for text in
            ["", "{", "{}", "{'descr'}", "{'descr': '<f8'}", "{'shape': (-1,)}", "{'shape': (1e3,)}", "{'é': 1}", deep.as_str()]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        let long = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }").unwrap();
        assert_eq!(long.data_bytes(), None);
    }
}
