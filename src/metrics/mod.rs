//! FAMILY. Neural-collapse metrics, each with an id that names its convention.

/// What `ufm list metrics` says of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The id in records.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
}
