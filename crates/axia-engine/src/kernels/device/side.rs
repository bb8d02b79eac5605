//! What is on a device, and reaching it from kernels that serve any.

use super::kernels::DeviceKernels;
use crate::kernels::cpu::CpuWeight;
use crate::kernels::cuda::{CudaBuffer, CudaKernels, CudaWeight};
use crate::kernels::{CpuKernels, Kernels, Linear, LoraView};

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

/// A kind of device and its part of the enums.
pub(super) trait Place: Kernels {
    fn buffer(buffer: &DeviceBuffer) -> Option<&Self::Buffer>;
    /// What the buffer holds; one that is not on this device becomes an empty one that is.
    fn buffer_mut(buffer: &mut DeviceBuffer) -> &mut Self::Buffer;
    fn held_weight(weight: &DeviceWeight) -> Option<&Self::Weight>;
    fn wrap(buffer: Self::Buffer) -> DeviceBuffer;
    fn wrap_weight(weight: Self::Weight) -> DeviceWeight;
}

macro_rules! place {
    ($kernels:ty, $variant:ident) => {
        impl Place for $kernels {
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

place!(CpuKernels, Cpu);
place!(CudaKernels, Cuda);

/// One kind of device at work.
pub(super) struct Side<K: Kernels> {
    pub kernels: K,
    /// What a buffer holds that was never written.
    empty: K::Buffer,
    /// Stands in for weights of other devices, which nobody mixes in.
    no_weight: K::Weight,
}

impl<K: Place> Side<K> {
    pub fn new(kernels: K, no_weight: K::Weight) -> Self {
        Self { kernels, empty: K::Buffer::default(), no_weight }
    }

    pub fn read<'a>(&'a self, buffer: &'a DeviceBuffer) -> &'a K::Buffer {
        K::buffer(buffer).unwrap_or(&self.empty)
    }

    pub fn write<'a>(&self, buffer: &'a mut DeviceBuffer) -> &'a mut K::Buffer {
        K::buffer_mut(buffer)
    }

    pub fn weight<'a>(&'a self, weight: &'a DeviceWeight) -> &'a K::Weight {
        K::held_weight(weight).unwrap_or(&self.no_weight)
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
