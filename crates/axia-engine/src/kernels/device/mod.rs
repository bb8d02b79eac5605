//! Whichever device is asked for, behind one type.

mod choice;
mod kernels;
mod side;

pub use choice::{Device, Opened};
pub use kernels::DeviceKernels;
pub use side::{DeviceBuffer, DeviceWeight};
