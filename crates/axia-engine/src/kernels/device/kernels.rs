//! The [`Kernels`] of whichever device was chosen.

use super::side::{DeviceBuffer, DeviceWeight, Side};
use crate::checkpoint_files::RawTensor;
use crate::config::Activation;
use crate::forest::AttentionPlan;
use crate::kernels::cpu::CpuWeight;
use crate::kernels::cuda::{
    CudaError, CudaKernels, CudaWeight, DeviceInfo, KernelCache, KernelTime, Precision,
};
use crate::kernels::{
    AdamW, AttentionShape, CpuKernels, KernelError, Kernels, Linear, LoraView, Parameters,
    RopeTable, Rotation, Target, UnknownName, Write,
};
use std::fmt;
use std::str::FromStr;

/// Kernels of the CPU or of a card. What one device made is for that device alone.
pub struct DeviceKernels(Any);

enum Any {
    Cpu(Side<CpuKernels>),
    Cuda(Side<CudaKernels>),
}

impl Default for DeviceKernels {
    /// The CPU's.
    fn default() -> Self {
        let nothing = CpuWeight::owned(Vec::new(), 0);
        Self(Any::Cpu(Side::new(CpuKernels::default(), nothing)))
    }
}

impl DeviceKernels {
    /// A card's.
    pub fn cuda(kernels: CudaKernels) -> Self {
        Self(Any::Cuda(Side::new(kernels, CudaWeight::none())))
    }

    /// Further kernels of the same device: on the CPU with memory of their own, on a card sharing it.
    pub fn another(&self) -> Self {
        match &self.0 {
            Any::Cpu(_) => Self::default(),
            Any::Cuda(side) => Self::cuda(side.kernels.clone()),
        }
    }

    /// Whether they are the CPU's.
    pub fn is_cpu(&self) -> bool {
        matches!(self.0, Any::Cpu(_))
    }

    /// As of [`CudaKernels::time_kernels`]; nothing on the CPU.
    pub fn time_kernels(&self) {
        if let Any::Cuda(side) = &self.0 {
            side.kernels.time_kernels();
        }
    }

    /// As of [`CudaKernels::kernel_times`]; nothing on the CPU.
    pub fn kernel_times(&self) -> Vec<KernelTime> {
        match &self.0 {
            Any::Cpu(_) => Vec::new(),
            Any::Cuda(side) => side.kernels.kernel_times(),
        }
    }

    /// The card, where it is one.
    pub fn card(&self) -> Option<&DeviceInfo> {
        match &self.0 {
            Any::Cpu(_) => None,
            Any::Cuda(side) => Some(side.kernels.queue().info()),
        }
    }
}

/// The same work for every device.
macro_rules! on {
    ($kernels:ident, |$side:ident| $work:expr) => {
        match &$kernels.0 {
            Any::Cpu($side) => $work,
            Any::Cuda($side) => $work,
        }
    };
}

impl Kernels for DeviceKernels {
    type Buffer = DeviceBuffer;
    type Weight = DeviceWeight;

    fn check(&self) -> Result<(), KernelError> {
        on!(self, |side| side.check())
    }

    fn free_memory(&self) -> Option<u64> {
        on!(self, |side| side.kernels.free_memory())
    }

    fn weight(&self, tensor: RawTensor) -> Result<DeviceWeight, KernelError> {
        on!(self, |side| Ok(side.wrap_weight(side.kernels.weight(tensor)?)))
    }

    fn check_weight(&self, weight: &DeviceWeight) -> Result<(), KernelError> {
        on!(self, |side| side.kernels.check_weight(side.weight(weight)))
    }

    fn merged(&self, layer: Linear<Self>) -> DeviceWeight {
        on!(self, |side| side.wrap_weight(side.kernels.merged(side.layer(layer))))
    }

    fn upload(&self, data: &[f32]) -> DeviceBuffer {
        on!(self, |side| side.wrap(side.kernels.upload(data)))
    }

    fn download(&self, buffer: &DeviceBuffer) -> Vec<f32> {
        on!(self, |side| side.kernels.download(side.read(buffer)))
    }

    fn prepare(&self, buffer: &mut DeviceBuffer, len: usize) {
        on!(self, |side| side.kernels.prepare(side.write(buffer), len));
    }

    fn zero(&self, buffer: &mut DeviceBuffer) {
        on!(self, |side| side.kernels.zero(side.write(buffer)));
    }

    fn copy(&self, from: &DeviceBuffer, to: &mut DeviceBuffer) {
        on!(self, |side| side.kernels.copy(side.read(from), side.write(to)));
    }

    fn add(&self, x: &DeviceBuffer, y: &mut DeviceBuffer) {
        on!(self, |side| side.kernels.add(side.read(x), side.write(y)));
    }

    fn scale(&self, x: &mut DeviceBuffer, factor: f32) {
        on!(self, |side| side.kernels.scale(side.write(x), factor));
    }

    fn square_sum(&self, arrays: &[&DeviceBuffer]) -> f64 {
        on!(self, |side| {
            let arrays: Vec<_> = arrays.iter().map(|x| side.read(x)).collect();
            side.kernels.square_sum(&arrays)
        })
    }

    fn embed(&self, table: &DeviceWeight, rows: &[u32], out: &mut DeviceBuffer) {
        on!(self, |side| side.kernels.embed(side.weight(table), rows, side.write(out)));
    }

    fn gather(&self, x: &DeviceBuffer, rows: &[u32], width: usize, out: &mut DeviceBuffer) {
        on!(self, |side| side.kernels.gather(side.read(x), rows, width, side.write(out)));
    }

    fn scatter(
        &self,
        x: &DeviceBuffer,
        rows: &[u32],
        width: usize,
        write: Write,
        out: &mut DeviceBuffer,
    ) {
        on!(self, |side| side.kernels.scatter(side.read(x), rows, width, write, side.write(out)));
    }

    fn linear(&self, x: &DeviceBuffer, layer: Linear<Self>, write: Write, y: &mut DeviceBuffer) {
        on!(self, |side| {
            side.kernels.linear(side.read(x), side.layer(layer), write, side.write(y));
        });
    }

    fn linear_backward(
        &self,
        dy: &DeviceBuffer,
        layer: Linear<Self>,
        write: Write,
        dx: &mut DeviceBuffer,
    ) {
        on!(self, |side| {
            side.kernels.linear_backward(side.read(dy), side.layer(layer), write, side.write(dx));
        });
    }

    fn lora_backward(
        &self,
        x: &DeviceBuffer,
        dy: &DeviceBuffer,
        lora: LoraView<DeviceBuffer>,
        da: &mut DeviceBuffer,
        db: &mut DeviceBuffer,
    ) {
        on!(self, |side| {
            let (da, db) = (side.write(da), side.write(db));
            side.kernels.lora_backward(side.read(x), side.read(dy), side.lora(lora), da, db);
        });
    }

    fn rms_norm(&self, x: &DeviceBuffer, weight: &DeviceBuffer, eps: f32, y: &mut DeviceBuffer) {
        on!(self, |side| {
            side.kernels.rms_norm(side.read(x), side.read(weight), eps, side.write(y));
        });
    }

    fn rms_norm_backward(
        &self,
        dy: &DeviceBuffer,
        x: &DeviceBuffer,
        weight: &DeviceBuffer,
        eps: f32,
        write: Write,
        dx: &mut DeviceBuffer,
    ) {
        on!(self, |side| {
            let [dy, x, weight] = [dy, x, weight].map(|buffer| side.read(buffer));
            side.kernels.rms_norm_backward(dy, x, weight, eps, write, side.write(dx));
        });
    }

    fn rope(&self, x: &mut DeviceBuffer, positions: &[u32], table: &RopeTable, rotation: Rotation) {
        on!(self, |side| side.kernels.rope(side.write(x), positions, table, rotation));
    }

    fn attention(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&DeviceBuffer; 3],
        out: &mut DeviceBuffer,
    ) {
        on!(self, |side| {
            side.kernels.attention(shape, plan, qkv.map(|x| side.read(x)), side.write(out));
        });
    }

    fn attention_backward(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&DeviceBuffer; 3],
        dout: &DeviceBuffer,
        gradients: [&mut DeviceBuffer; 3],
    ) {
        on!(self, |side| {
            let qkv = qkv.map(|x| side.read(x));
            let gradients = gradients.map(|x| side.write(x));
            side.kernels.attention_backward(shape, plan, qkv, side.read(dout), gradients);
        });
    }

    fn gated(
        &self,
        activation: Activation,
        gate: &DeviceBuffer,
        up: &DeviceBuffer,
        out: &mut DeviceBuffer,
    ) {
        on!(self, |side| {
            side.kernels.gated(activation, side.read(gate), side.read(up), side.write(out));
        });
    }

    fn gated_backward(
        &self,
        activation: Activation,
        dout: &DeviceBuffer,
        gate: &mut DeviceBuffer,
        up: &mut DeviceBuffer,
    ) {
        on!(self, |side| {
            let (gate, up) = (side.write(gate), side.write(up));
            side.kernels.gated_backward(activation, side.read(dout), gate, up);
        });
    }

    fn softcap(&self, x: &mut DeviceBuffer, cap: f32) {
        on!(self, |side| side.kernels.softcap(side.write(x), cap));
    }

    fn log_probs(
        &self,
        x: &DeviceBuffer,
        head: &DeviceWeight,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut DeviceBuffer>,
    ) -> Vec<f32> {
        on!(self, |side| {
            let dx = dx.map(|dx| side.write(dx));
            side.kernels.log_probs(side.read(x), side.weight(head), softcap, targets, dx)
        })
    }

    fn log_probs_to(
        &self,
        x: &DeviceBuffer,
        head: &DeviceWeight,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut DeviceBuffer>,
        found: &mut DeviceBuffer,
    ) {
        on!(self, |side| {
            let (dx, found) = (dx.map(|dx| side.write(dx)), side.write(found));
            let (x, head) = (side.read(x), side.weight(head));
            side.kernels.log_probs_to(x, head, softcap, targets, dx, found);
        });
    }

    fn adamw(&self, settings: &AdamW, tensors: Vec<Parameters<DeviceBuffer>>) {
        on!(self, |side| {
            let tensors = tensors.into_iter().map(|tensor| Parameters {
                values: side.write(tensor.values),
                gradients: side.read(tensor.gradients),
                moments: tensor.moments.map(|moment| side.write(moment)),
            });
            side.kernels.adamw(settings, tensors.collect());
        });
    }
}

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
