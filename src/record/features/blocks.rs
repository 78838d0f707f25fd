//! Features in blocks of samples, whatever the order of their bytes in the file.
//!
//! Where a sample's components lie side by side (N×d in C order, d×N in Fortran order) the file is read from front to back. Otherwise a block takes a piece of every row; a packed entry cannot be jumped in
//! and is unpacked whole first, as long as it is not too large.

use std::io::{Read, Seek, SeekFrom};

use super::archive::{Archive, Content, Entry, Place, at_end, not_finite};
use super::{FeatureError, Layout, Samples};

/// A packed array whose samples do not lie side by side is unpacked into memory up to this size.
const UNPACKED_BYTES_MAX: u64 = 4 << 30;

/// Bytes of a block read in pieces of rows: large enough that pieces are not tiny.
const STRIDED_BYTES: usize = 64 << 20;

/// Looks at every number.
#[derive(Debug, Default)]
struct Finite {
    nan: usize,
    infinite: usize,
    first: Option<(usize, usize)>,
    /// Features seen.
    samples: usize,
}

impl Finite {
    /// Whether all features so far are finite.
    fn look(&mut self, block: &[f64], width: usize) -> bool {
        // A sum of finite numbers may overflow, so the rare block that looks bad is gone through one by one.
        if !block.iter().map(|x| x * 0.0).sum::<f64>().is_finite() {
            for (i, x) in block.iter().enumerate().filter(|(_, x)| !x.is_finite()) {
                self.first.get_or_insert((self.samples + i / width, i % width));
                if x.is_nan() {
                    self.nan += 1;
                } else {
                    self.infinite += 1;
                }
            }
        }
        self.samples += block.len() / width;
        self.first.is_none()
    }

    fn verdict(&self) -> Result<(), String> {
        match self.first {
            None => Ok(()),
            Some((sample, component)) => Err(format!(
                "holds {}; the first is component {component} of sample {sample}",
                not_finite(self.nan, self.infinite)
            )),
        }
    }
}

impl Archive {
    pub(super) fn for_each_block(
        &mut self,
        samples: &Samples,
        block: usize,
        visit: &mut dyn FnMut(&[f64]),
    ) -> Result<(), FeatureError> {
        let mut finite = Finite::default();
        let width = samples.width;
        let mut look = |features: &[f64]| {
            if finite.look(features, width) {
                visit(features);
            }
        };
        // d×N in C order and N×d in Fortran order scatter a sample over the file.
        let together = (samples.layout == Layout::Columns) == samples.entry.header.fortran_order;
        if together {
            self.sequential(samples, block, &mut look)?
        } else {
            self.scattered(samples, block, &mut look)?
        };
        finite.verdict().map_err(|message| self.bad(&samples.entry, message))
    }

    /// From front to back.
    fn sequential(&mut self, samples: &Samples, block: usize, visit: &mut dyn FnMut(&[f64])) -> Result<(), FeatureError> {
        let entry = &samples.entry;
        let result = {
            let mut bytes = self.bytes(entry)?;
            let mut run = || {
                let item = entry.header.item_bytes().unwrap_or(1) as usize;
                let mut left = samples.len();
                let mut raw = vec![0; samples.width * block.min(left) * item];
                let mut numbers = vec![0.0; samples.width * block.min(left)];
                while left > 0 {
                    let count = samples.width * block.min(left);
                    bytes.read_exact(&mut raw[..count * item])?;
                    decode(entry, &raw[..count * item], &mut numbers[..count]);
                    visit(&numbers[..count]);
                    left -= count / samples.width;
                }
                at_end(&mut bytes, entry.place)
            };
            run()
        };
        result.map_err(|error| self.read_error(error))
    }

    /// A piece of every row at a time.
    fn scattered(&mut self, samples: &Samples, block: usize, visit: &mut dyn FnMut(&[f64])) -> Result<(), FeatureError> {
        let entry = &samples.entry;
        let (width, total) = (samples.width, samples.len());
        let item = entry.header.item_bytes().unwrap_or(1) as usize;
        let start = match entry.place {
            Place::Plain(start) | Place::Zip(_, Some(start)) => Some(start),
            Place::Zip(_, None) => None,
        };
        let whole = match start {
            Some(_) => {
                // Pieces are read past the archive's reader, which compares checksums.
                self.verify(entry)?;
                Vec::new()
            }
            None => self.unpacked(entry)?,
        };
        // A multiple of what was asked for.
        let wide = (STRIDED_BYTES / (width * item).max(1) / block).max(1) * block;
        let (mut raw, mut row) = (vec![0; wide.min(total) * item], vec![0.0; wide.min(total)]);
        let mut numbers = vec![0.0; width * wide.min(total)];
        let mut file = match start {
            Some(_) => {
                Some(std::fs::File::open(&self.path).map_err(|source| FeatureError::Io { path: self.path.clone(), source })?)
            }
            None => None,
        };
        for first in (0..total).step_by(wide) {
            let count = wide.min(total - first);
            for component in 0..width {
                let at = (component * total + first) * item;
                match (&mut file, start) {
                    (Some(file), Some(start)) => file
                        .seek(SeekFrom::Start(start + at as u64))
                        .and_then(|_| file.read_exact(&mut raw[..count * item]))
                        .map_err(|error| self.read_error(error))?,
                    _ => raw[..count * item].copy_from_slice(&whole[at..at + count * item]),
                }
                decode(entry, &raw[..count * item], &mut row[..count]);
                numbers.iter_mut().skip(component).step_by(width).zip(&row[..count]).for_each(|(out, x)| *out = *x);
            }
            for features in numbers[..width * count].chunks(width * block) {
                visit(features);
            }
        }
        Ok(())
    }

    /// Reads an entry of an archive to its end, where its checksum is compared.
    fn verify(&mut self, entry: &Entry) -> Result<(), FeatureError> {
        if matches!(self.content, Content::Safetensors(..)) {
            return Ok(());
        }
        let copied = {
            let mut bytes = self.bytes(entry)?;
            std::io::copy(&mut bytes, &mut std::io::sink())
        };
        copied.map(drop).map_err(|error| self.read_error(error))
    }

    /// An array's bytes.
    fn unpacked(&mut self, entry: &Entry) -> Result<Vec<u8>, FeatureError> {
        let claimed = entry.header.data_bytes().unwrap_or(u64::MAX);
        if claimed > UNPACKED_BYTES_MAX {
            let message = format!(
                "is packed and its samples do not lie side by side: {claimed} bytes would have to be unpacked into memory; save it as N×d, or with numpy.savez"
            );
            return Err(self.bad(entry, message));
        }
        let mut whole = Vec::new();
        let read = {
            let mut bytes = self.bytes(entry)?;
            (&mut bytes).take(claimed).read_to_end(&mut whole).and_then(|_| at_end(&mut bytes, entry.place))
        };
        read.map_err(|error| self.read_error(error))?;
        if whole.len() as u64 != claimed {
            return Err(self.bad(entry, "is shorter than it claims"));
        }
        Ok(whole)
    }
}

/// Numbers from bytes of a type that was checked.
fn decode(entry: &Entry, raw: &[u8], out: &mut [f64]) {
    let big_endian = entry.header.descr.starts_with('>');
    if entry.header.item_bytes() == Some(4) {
        let number = |item: &[u8]| {
            let bytes = [item[0], item[1], item[2], item[3]];
            f64::from(if big_endian { f32::from_be_bytes(bytes) } else { f32::from_le_bytes(bytes) })
        };
        raw.chunks_exact(4).zip(out).for_each(|(item, out)| *out = number(item));
    } else {
        let number = |item: &[u8]| {
            let bytes = [item[0], item[1], item[2], item[3], item[4], item[5], item[6], item[7]];
            if big_endian { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) }
        };
        raw.chunks_exact(8).zip(out).for_each(|(item, out)| *out = number(item));
    }
}
