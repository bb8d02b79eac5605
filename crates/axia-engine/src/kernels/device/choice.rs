//! Choosing a device.

use super::kernels::DeviceKernels;
use crate::kernels::UnknownName;
use crate::kernels::cuda::{CudaError, CudaKernels, KernelCache, Precision};
use std::fmt;
use std::str::FromStr;

/// What to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The first card that can be used, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A card, by its number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = UnknownName;

    /// Reads `auto`, `cpu`, `cuda` (the first card) or `cuda:N`.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let number = match text.split_once(':') {
            _ if text == "auto" => return Ok(Device::Auto),
            _ if text == "cpu" => return Ok(Device::Cpu),
            _ if text == "cuda" => Some(0),
            Some(("cuda", number)) if number.bytes().all(|b| b.is_ascii_digit()) => {
                number.parse().ok()
            }
            _ => None,
        };
        number.map(Device::Cuda).ok_or_else(|| UnknownName {
            what: "the device",
            found: text.to_owned(),
            wanted: "auto, cpu or cuda:N, such as cuda:0",
        })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Device::Auto => f.write_str("auto"),
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// A device that is ready for work.
pub struct Opened {
    /// Its kernels.
    pub kernels: DeviceKernels,
    /// Why [`Device::Auto`] took the CPU.
    pub passed_over: Option<CudaError>,
}

impl Device {
    /// Prepares the device. `precision` and `cache`, where compiled kernels are kept, matter to
    /// cards alone.
    ///
    /// # Errors
    /// [`CudaError`] where the card that was asked for cannot be used.
    pub fn open(self, precision: Precision, cache: &KernelCache) -> Result<Opened, CudaError> {
        let card = |index| CudaKernels::open(index, precision, cache).map(DeviceKernels::cuda);
        let (kernels, passed_over) = match self {
            Device::Cpu => (DeviceKernels::default(), None),
            Device::Cuda(index) => (card(index)?, None),
            Device::Auto => match card(0) {
                Ok(kernels) => (kernels, None),
                Err(why) => (DeviceKernels::default(), Some(why)),
            },
        };
        Ok(Opened { kernels, passed_over })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_written() {
        for device in [Device::Auto, Device::Cpu, Device::Cuda(0), Device::Cuda(12)] {
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "cuda:+1", "cuda:x", "CPU", "cpu:0"] {
            let error = wrong.parse::<Device>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{wrong}`")) && error.contains("cuda:0"), "{error}");
        }
    }

    #[test]
    fn auto_always_finds_something() {
        let opened = Device::Auto.open(Precision::Bf16, &KernelCache::new(None)).unwrap();
        assert_eq!(opened.passed_over.is_some(), opened.kernels.is_cpu());
        let cpu = Device::Cpu.open(Precision::Bf16, &KernelCache::new(None)).unwrap();
        assert!(cpu.kernels.is_cpu() && cpu.passed_over.is_none());
    }
}
