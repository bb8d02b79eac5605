//! Whichever device is asked for, behind one type.

mod kernels;
mod side;

pub use kernels::{Device, DeviceKernels, Opened};
pub use side::{DeviceBuffer, DeviceWeight};
