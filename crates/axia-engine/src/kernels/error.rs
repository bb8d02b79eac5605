//! What can go wrong on a device.

use super::cuda::CudaError;
use crate::checkpoint_files::CheckpointError;
use thiserror::Error;

/// A weight that cannot be brought to a device, or a device that failed.
#[derive(Debug, Error)]
pub enum KernelError {
    /// A weight cannot be read, or is not finite.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A GPU cannot be used, or failed.
    #[error(transparent)]
    Cuda(#[from] CudaError),
    /// An array or weight was given to the kernels of another device than its own.
    #[error("{what} of another device was given to the kernels of {device}")]
    OtherDevice {
        /// What was given: `an array`, `a weight`.
        what: &'static str,
        /// The device at work: `the CPU`, `a GPU`.
        device: &'static str,
    },
}

/// The name of a device or of its arithmetic that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} is `{found}`; it may be {wanted}")]
pub struct UnknownName {
    /// What is named.
    pub what: &'static str,
    /// The name given.
    pub found: String,
    /// The names there are.
    pub wanted: &'static str,
}
