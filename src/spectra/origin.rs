//! Where the eigenvalues of a whole spectrum come from.

/// Eigenvalues within this fraction of the largest are one eigenvalue with a multiplicity.
const CLUSTER: f64 = 1e-10;

/// The reduction that an eigenvalue belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A zero that the symmetry group explains: a tangent of the point's orbit.
    Symmetry,
    /// Directions of the features of a collapsed class that sum to zero.
    WithinClass,
    /// Directions outside the row space of W.
    OffSpace,
    /// What remains: the classifier, the bias, and one direction a column.
    Core,
}

impl Origin {
    /// The name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Symmetry => "symmetry",
            Self::WithinClass => "within-class",
            Self::OffSpace => "off-space",
            Self::Core => "core",
        }
    }
}

/// A distinct eigenvalue of one origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpectrumLevel {
    /// The eigenvalue (the mean of those that agree to 1e-10 of the largest).
    pub eigenvalue: f64,
    /// How often it occurs among those of this origin.
    pub multiplicity: u64,
    /// Where it comes from.
    pub origin: Origin,
}

impl SpectrumLevel {
    /// A level.
    pub fn new(eigenvalue: f64, multiplicity: u64, origin: Origin) -> Self {
        Self { eigenvalue, multiplicity, origin }
    }
}

/// `values` with multiplicities, the `zeros` of them that are nearest to zero and within `resolution` named symmetry, the others `origin`.
pub(super) fn with_zeros(values: &[(f64, u64)], origin: Origin, zeros: u64, resolution: f64) -> Vec<SpectrumLevel> {
    let mut by_size = values.to_vec();
    by_size.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let mut left = zeros;
    let mut levels = Vec::new();
    for (value, times) in by_size {
        let explained = if value.abs() <= resolution { times.min(left) } else { 0 };
        left -= explained;
        levels.push(SpectrumLevel::new(value, explained, Origin::Symmetry));
        levels.push(SpectrumLevel::new(value, times - explained, origin));
    }
    levels.retain(|level| level.multiplicity > 0);
    levels
}

/// Sorts levels and joins those of one origin that agree to [`CLUSTER`] of the largest.
pub(super) fn clusters(mut all: Vec<SpectrumLevel>) -> Vec<SpectrumLevel> {
    all.sort_by(|a, b| a.origin.cmp(&b.origin).then(a.eigenvalue.total_cmp(&b.eigenvalue)));
    let allowed = CLUSTER * all.iter().fold(0.0_f64, |m, level| m.max(level.eigenvalue.abs()));
    let mut joined: Vec<SpectrumLevel> = Vec::new();
    let (mut last, mut sum) = (f64::NAN, 0.0);
    for level in all {
        let weighted = level.eigenvalue * level.multiplicity as f64;
        match joined.last_mut() {
            Some(group) if group.origin == level.origin && level.eigenvalue - last <= allowed => {
                sum += weighted;
                group.multiplicity += level.multiplicity;
                group.eigenvalue = sum / group.multiplicity as f64;
            }
            _ => {
                sum = weighted;
                joined.push(level);
            }
        }
        last = level.eigenvalue;
    }
    joined.sort_by(|a, b| a.eigenvalue.total_cmp(&b.eigenvalue).then(a.origin.cmp(&b.origin)));
    joined
}
