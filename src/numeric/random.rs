//! Counter-based random streams keyed by (seed, kind, index).
//!
//! A stream depends on its key alone: never on the case, the thread or what was drawn before. So all losses of one shape
//! start at the same points, and results do not depend on how the work was divided.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use sha2::{Digest, Sha256};

/// A random stream: ChaCha with 8 rounds, which is a block function of (key, counter).
pub type Stream = rand_chacha::ChaCha8Rng;

/// The stream of the key (`seed`, `kind`, `index`). `kind` names the purpose ("gaussian", …), `index` the draw.
pub fn stream(seed: u64, kind: &str, index: u64) -> Stream {
    let mut hasher = Sha256::new();
    hasher.update(b"ufm.stream/v1");
    hasher.update(seed.to_le_bytes());
    hasher.update(index.to_le_bytes());
    hasher.update(kind.as_bytes());
    Stream::from_seed(hasher.finalize().into())
}

/// Fills `out` with independent normal numbers of mean 0 and standard deviation `scale`.
pub fn gaussian(stream: &mut Stream, scale: f64, out: &mut [f64]) {
    for entry in out {
        let draw: f64 = StandardNormal.sample(stream);
        *entry = scale * draw;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, kind: &str, index: u64) -> Vec<f64> {
        let mut out = vec![0.0; 4];
        gaussian(&mut stream(seed, kind, index), 1.0, &mut out);
        out
    }

    #[test]
    fn a_stream_is_a_function_of_its_whole_key() {
        assert_eq!(draw(1, "a", 2), draw(1, "a", 2));
        assert_ne!(draw(1, "a", 2), draw(2, "a", 2));
        assert_ne!(draw(1, "a", 2), draw(1, "b", 2));
        assert_ne!(draw(1, "a", 2), draw(1, "a", 3));
    }

    #[test]
    fn gaussian_draws_have_unit_variance() {
        let mut out = vec![0.0; 20_000];
        gaussian(&mut stream(7, "variance", 0), 2.0, &mut out);
        let mean = out.iter().sum::<f64>() / out.len() as f64;
        let variance = out.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / out.len() as f64;
        assert!(mean.abs() < 0.06 && (variance - 4.0).abs() < 0.2, "mean {mean}, variance {variance}");
    }
}
