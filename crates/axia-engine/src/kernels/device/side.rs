//! What is on a device, and reaching it from kernels that serve any.

use super::kernels::DeviceKernels;
use crate::kernels::cpu::CpuWeight;
use crate::kernels::cuda::{CudaBuffer, CudaKernels, CudaWeight};
use crate::kernels::{CpuKernels, KernelError, Kernels, Linear, LoraView};
use std::sync::OnceLock;

/// An array on some device.
pub enum DeviceBuffer {
    /// In main memory.
    Cpu(Vec<f32>),
    /// On a card.
    Cuda(CudaBuffer),
}

impl Default for DeviceBuffer {
    fn default() -> Self {
        DeviceBuffer::Cpu(Vec::new())
    }
}

/// A frozen weight on some device.
pub enum DeviceWeight {
    /// In main memory or a mapped file.
    Cpu(CpuWeight),
    /// On a card.
    Cuda(CudaWeight),
}

impl DeviceBuffer {
    /// Whether it holds nothing, and so belongs to no device yet.
    fn is_empty(&self) -> bool {
        match self {
            Self::Cpu(numbers) => numbers.is_empty(),
            Self::Cuda(numbers) => numbers.is_empty(),
        }
    }
}

/// A kind of device and its part of the enums.
pub(super) trait Place: Kernels {
    /// The device in words.
    const DEVICE: &'static str;
    fn buffer(buffer: &DeviceBuffer) -> Option<&Self::Buffer>;
    /// What the buffer holds; one that is not on this device becomes an empty one that is.
    fn buffer_mut(buffer: &mut DeviceBuffer) -> &mut Self::Buffer;
    fn held_weight(weight: &DeviceWeight) -> Option<&Self::Weight>;
    fn wrap(buffer: Self::Buffer) -> DeviceBuffer;
    fn wrap_weight(weight: Self::Weight) -> DeviceWeight;
}

macro_rules! place {
    ($kernels:ty, $variant:ident, $device:literal) => {
        impl Place for $kernels {
            const DEVICE: &'static str = $device;

            fn buffer(buffer: &DeviceBuffer) -> Option<&Self::Buffer> {
                if let DeviceBuffer::$variant(found) = buffer { Some(found) } else { None }
            }

            fn buffer_mut(buffer: &mut DeviceBuffer) -> &mut Self::Buffer {
                if !matches!(buffer, DeviceBuffer::$variant(_)) {
                    *buffer = DeviceBuffer::$variant(Default::default());
                }
                match buffer {
                    DeviceBuffer::$variant(found) => found,
                    _ => unreachable!("it was just put there"),
                }
            }

            fn held_weight(weight: &DeviceWeight) -> Option<&Self::Weight> {
                if let DeviceWeight::$variant(found) = weight { Some(found) } else { None }
            }

            fn wrap(buffer: Self::Buffer) -> DeviceBuffer {
                DeviceBuffer::$variant(buffer)
            }

            fn wrap_weight(weight: Self::Weight) -> DeviceWeight {
                DeviceWeight::$variant(weight)
            }
        }
    };
}

place!(CpuKernels, Cpu, "the CPU");
place!(CudaKernels, Cuda, "a GPU");

/// One kind of device at work.
pub(super) struct Side<K: Kernels> {
    pub kernels: K,
    /// What a buffer holds that was never written.
    empty: K::Buffer,
    /// Stands in for weights of other devices.
    no_weight: K::Weight,
    /// What came from another device, once something did.
    foreign: OnceLock<&'static str>,
}

impl<K: Place> Side<K> {
    pub fn new(kernels: K, no_weight: K::Weight) -> Self {
        let (empty, foreign) = (K::Buffer::default(), OnceLock::new());
        Self { kernels, empty, no_weight, foreign }
    }

    /// Whether all went well, and nothing came from another device.
    pub fn check(&self) -> Result<(), KernelError> {
        if let Some(what) = self.foreign.get() {
            return Err(KernelError::OtherDevice { what, device: K::DEVICE });
        }
        self.kernels.check()
    }

    /// The array; one of another device reads as empty, and [`Self::check`] tells.
    pub fn read<'a>(&'a self, buffer: &'a DeviceBuffer) -> &'a K::Buffer {
        K::buffer(buffer).unwrap_or_else(|| {
            self.expect_empty(buffer);
            &self.empty
        })
    }

    /// The array to be written; one of another device is replaced by an empty one, and
    /// [`Self::check`] tells.
    pub fn write<'a>(&self, buffer: &'a mut DeviceBuffer) -> &'a mut K::Buffer {
        if K::buffer(buffer).is_none() {
            self.expect_empty(buffer);
        }
        K::buffer_mut(buffer)
    }

    /// Arrays that were never written belong to no device.
    fn expect_empty(&self, buffer: &DeviceBuffer) {
        if !buffer.is_empty() {
            self.foreign.get_or_init(|| "an array");
        }
    }

    pub fn weight<'a>(&'a self, weight: &'a DeviceWeight) -> &'a K::Weight {
        K::held_weight(weight).unwrap_or_else(|| {
            self.foreign.get_or_init(|| "a weight");
            &self.no_weight
        })
    }

    pub fn lora<'a>(&'a self, lora: LoraView<'a, DeviceBuffer>) -> LoraView<'a, K::Buffer> {
        let LoraView { a, b, rank, scale } = lora;
        LoraView { a: self.read(a), b: self.read(b), rank, scale }
    }

    pub fn layer<'a>(&'a self, layer: Linear<'a, DeviceKernels>) -> Linear<'a, K> {
        Linear {
            weight: self.weight(layer.weight),
            bias: layer.bias.map(|bias| self.read(bias)),
            lora: layer.lora.map(|lora| self.lora(lora)),
        }
    }

    pub fn wrap(&self, buffer: K::Buffer) -> DeviceBuffer {
        K::wrap(buffer)
    }

    pub fn wrap_weight(&self, weight: K::Weight) -> DeviceWeight {
        K::wrap_weight(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_device_made_is_refused() {
        let kernels = DeviceKernels::default();
        let mut never_written = DeviceBuffer::Cuda(CudaBuffer::default());
        kernels.copy(&kernels.upload(&[1.0]), &mut never_written);
        kernels.check().unwrap();
        assert_eq!(kernels.download(&never_written), [1.0]);
        kernels.check_weight(&DeviceWeight::Cuda(CudaWeight::none())).unwrap();
        let error = kernels.check().unwrap_err().to_string();
        assert_eq!(error, "a weight of another device was given to the kernels of the CPU");
    }
}
