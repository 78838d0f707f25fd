//! The partition type of a point: which classes it ties together, and which it leaves at the origin.
//!
//! With M the class means of the features, the K×K logits Y = WM say all that W and M are up to rotation, since at a critical point both have full rank in the reduced width.
//! With Y scaled by its largest entry (or by 1, if that is larger) and entries compared to the tolerance of orbits:
//!
//! * class k is *at the origin* where its mean feature is zero (column k of Y) and its classifier row (row k of Y) is zero, or is the mean of all rows: what all rows share tells
//!   no classes apart;
//! * classes k and l are *tied* where their mean features (columns of Y) and their classifier rows (rows of Y) agree. Chains of ties count as ties.
//!
//! The text lists the sizes of the groups of tied classes, largest first, and then the classes at the origin: "2+1, 1 at 0". A point that ties nothing is "1+1+1+1". Samples that
//! differ within a class, the bias and the classes' sizes play no part.

use nalgebra::DMatrix;

use super::ORBIT_TOLERANCE;
use crate::critical::CriticalPoint;
use crate::model::Shape;

/// The groups of classes of a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Sizes of the groups of tied classes away from the origin, largest first.
    pub groups: Vec<usize>,
    /// Number of classes at the origin.
    pub origin: usize,
}

impl Partition {
    /// The partition of a critical point.
    pub fn new(shape: &Shape, critical: &CriticalPoint) -> Self {
        let x = critical.reduced();
        let shape = shape.at_width(x.width());
        Self::of_logits(&(x.w() * x.class_means(&shape)))
    }

    /// The partition of the logits Y of the class means, K×K.
    fn of_logits(logits: &DMatrix<f64>) -> Self {
        let classes = logits.nrows();
        let allowed = ORBIT_TOLERANCE * logits.amax().max(1.0);
        let mean_row = logits.row_sum() / classes as f64;
        let at_origin = |k: usize| {
            let row = logits.row(k);
            logits.column(k).amax() <= allowed && (row.amax() <= allowed || (row - &mean_row).amax() <= allowed)
        };
        let tied = |k: usize, l: usize| {
            (logits.column(k) - logits.column(l)).amax() <= allowed && (logits.row(k) - logits.row(l)).amax() <= allowed
        };
        let mut open: Vec<usize> = (0..classes).filter(|&k| !at_origin(k)).collect();
        let origin = classes - open.len();
        let mut groups = Vec::new();
        while let Some(first) = open.pop() {
            let mut group = vec![first];
            let mut next = 0;
            while next < group.len() {
                let member = group[next];
                let (joined, rest): (Vec<usize>, Vec<usize>) = open.into_iter().partition(|&k| tied(member, k));
                group.extend(joined);
                open = rest;
                next += 1;
            }
            groups.push(group.len());
        }
        groups.sort_unstable_by(|a, b| b.cmp(a));
        Self { groups, origin }
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let groups = self.groups.iter().map(usize::to_string).collect::<Vec<_>>().join("+");
        match (self.groups.is_empty(), self.origin) {
            (true, origin) => write!(f, "{origin} at 0"),
            (false, 0) => f.write_str(&groups),
            (false, origin) => write!(f, "{groups}, {origin} at 0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The logits of classes at the vertices `of` of a simplex of `m` vertices; `None`: at the origin.
    fn logits(of: &[Option<usize>], m: usize) -> DMatrix<f64> {
        let vertex =
            |k: usize| DMatrix::from_fn(1, m, |_, a| of[k].map_or(0.0, |v| f64::from(u8::from(v == a)) - 1.0 / m as f64));
        DMatrix::from_fn(of.len(), of.len(), |j, k| 5.0 * vertex(j).dot(&vertex(k)))
    }

    #[test]
    fn ties_and_classes_at_the_origin_are_read_off() {
        for (of, m, text) in [
            (vec![Some(0), Some(1), Some(2), Some(3)], 4, "1+1+1+1"),
            (vec![Some(1), Some(0), Some(2), Some(1)], 3, "2+1+1"),
            (vec![Some(1), Some(0), None, Some(1)], 2, "2+1, 1 at 0"),
            (vec![None; 4], 2, "4 at 0"),
            (vec![Some(0), None, Some(1), None, Some(1), Some(0), Some(0)], 2, "3+2, 2 at 0"),
        ] {
            assert_eq!(Partition::of_logits(&logits(&of, m)).to_string(), text);
        }
        // A mean part that the alive classes' features share, and every classifier row.
        let mut shared = logits(&[Some(0), Some(1), None], 2);
        shared.columns_mut(0, 2).add_scalar_mut(0.7);
        assert_eq!(Partition::of_logits(&shared).to_string(), "1+1, 1 at 0");
        // All classes at one place that is not the origin.
        assert_eq!(Partition::of_logits(&DMatrix::from_element(3, 3, 1.0)).to_string(), "3");
    }

    #[test]
    fn classes_that_differ_in_one_of_both_are_not_tied() {
        let mut unequal = logits(&[Some(0), Some(1), Some(1)], 2);
        assert_eq!(Partition::of_logits(&unequal).to_string(), "2+1");
        unequal[(0, 1)] += 1e-4;
        assert_eq!(Partition::of_logits(&unequal).to_string(), "1+1+1");
        // A chain of ties is one group.
        let mut chain = logits(&[Some(0), Some(0), Some(0), Some(1)], 2);
        for (k, step) in [(0, 0.0), (1, 0.8e-6), (2, 1.6e-6)] {
            chain[(3, k)] += step;
        }
        assert_eq!(Partition::of_logits(&chain).to_string(), "3+1");
    }
}
