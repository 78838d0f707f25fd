//! What can go wrong with a device, in words for whoever asked for it.

/// Why a device could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The cargo feature `gpu` is off.
    #[error("this build has no GPU path: it was made without the cargo feature `gpu`")]
    NotBuilt,
    /// No adapter.
    #[error("no GPU adapter was found: {0}")]
    NoAdapter(String),
    /// The adapter lacks something.
    #[error("the adapter {adapter} cannot be used: {what}")]
    Unusable {
        /// Its name.
        adapter: String,
        /// What it lacks, or what the driver says.
        what: String,
    },
    /// A size beyond a limit.
    #[error("{what} needs {needed} {unit}, and {adapter} allows {allowed} ({limit}); {fits}")]
    Limit {
        /// The adapter's name.
        adapter: String,
        /// What is too large.
        what: String,
        /// What it needs.
        needed: u64,
        /// What is allowed.
        allowed: u64,
        /// Bytes, columns, …
        unit: &'static str,
        /// The limit's name.
        limit: &'static str,
        /// What would fit.
        fits: String,
    },
    /// The device's memory is full.
    #[error("the device has no room for {bytes} bytes more ({what}); {held} are held")]
    Memory {
        /// What was to be allocated.
        what: String,
        /// Its size.
        bytes: u64,
        /// What is held already.
        held: u64,
    },
    /// The device is gone: unplugged, reset by its driver, destroyed.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// A shader did not compile.
    #[error("the kernel `{kernel}` does not compile on this device: {message}")]
    Shader {
        /// The file it is in.
        kernel: String,
        /// What the compiler says.
        message: String,
    },
    /// Something else that the driver refuses.
    #[error("the device failed: {0}")]
    Failed(String),
}
